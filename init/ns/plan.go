package ns

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/spawn"
)

// Plan is what keelson run makes: a PID and a mount namespace always, the others on request.
type Plan struct {
	UTS, IPC, Net, User, Cgroup bool
	Hostname                    string                 // "" for the caller's; implies UTS
	Root                        string                 // a directory to be the root, "" for the caller's
	Propagation                 string                 // of the mounts inside: private, slave or shared (mount_namespaces(7))
	UIDMap, GIDMap              []syscall.SysProcIDMap // nil: the default of Maps; imply User
}

// flags are the namespaces to make.
func (p Plan) flags() uintptr {
	f := uintptr(unix.CLONE_NEWPID | unix.CLONE_NEWNS)
	for _, o := range []struct {
		on   bool
		flag uintptr
	}{{p.UTS, unix.CLONE_NEWUTS}, {p.IPC, unix.CLONE_NEWIPC}, {p.Net, unix.CLONE_NEWNET}, {p.User, unix.CLONE_NEWUSER}, {p.Cgroup, unix.CLONE_NEWCGROUP}} {
		if o.on {
			f |= o.flag
		}
	}
	return f
}

// Check completes the plan for a caller with these credentials, and finds what is wrong with it before anything is made. A caller without
// CAP_SYS_ADMIN gets a user namespace, the only kind that anyone may make.
func (p Plan) Check(c Credentials) (Plan, error) {
	if p.Hostname != "" {
		p.UTS = true
	}
	if len(p.Hostname) > 64 {
		return p, fmt.Errorf("host name %q has %d bytes, the kernel takes 64", p.Hostname, len(p.Hostname))
	}
	switch p.Propagation {
	case "":
		p.Propagation = "private"
	case "private", "slave", "shared":
	default:
		return p, fmt.Errorf("unknown --propagation %q: private, slave or shared", p.Propagation)
	}
	if p.Root != "" {
		root, err := filepath.Abs(p.Root)
		if err != nil {
			return p, fmt.Errorf("--root: %w", err)
		}
		for _, dir := range []string{root, filepath.Join(root, "proc")} {
			if info, err := os.Stat(dir); err != nil {
				return p, fmt.Errorf("--root: %w", err)
			} else if !info.IsDir() {
				return p, fmt.Errorf("--root: %s is not a directory", dir)
			}
		}
		p.Root = root
	}
	if p.UIDMap != nil || p.GIDMap != nil {
		p.User = true
	}
	if !p.User && !c.has(unix.CAP_SYS_ADMIN) {
		p.User = true
		if !c.canMap() {
			p.UIDMap = one(c.UID, c.UID)
			p.GIDMap = one(c.GID, c.GID)
		}
	}
	if !p.User {
		return p, nil
	}
	for _, m := range []struct {
		option string
		ids    *[]syscall.SysProcIDMap
		own    int
		table  string
	}{{"--uid-map", &p.UIDMap, c.UID, "uid_map"}, {"--gid-map", &p.GIDMap, c.GID, "gid_map"}} {
		if *m.ids == nil {
			ids, err := c.defaultMap(m.own, m.table)
			if err != nil {
				return p, err
			}
			*m.ids = ids
		}
		if err := c.checkMap(m.option, *m.ids, m.own); err != nil {
			return p, err
		}
	}
	return p, nil
}

// Attr is how the first process is made.
func (p Plan) Attr(c Credentials) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: p.flags()}
	if p.User {
		attr.UidMappings, attr.GidMappings = p.UIDMap, p.GIDMap
		attr.GidMappingsEnableSetgroups = c.canMap()
		if !p.rootInside() {
			// Executing the setup would drop the capabilities that the new user namespace gives; the ambient ones stay.
			attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN}
		}
	}
	return attr
}

// rootInside tells whether the caller is uid 0 in the new user namespace.
func (p Plan) rootInside() bool {
	uid := os.Getuid()
	for _, m := range p.UIDMap {
		if uid >= m.HostID && uid < m.HostID+m.Size {
			return m.ContainerID+uid-m.HostID == 0
		}
	}
	return false
}

// Setup is what the first process does, in this order, before it executes the wrapper as PID 1: argv and env are the wrapper's. On socket it says that all is
// set up, and waits for the process that asked for it to be ready too.
func (p Plan) Setup(signals early.State, socket int, argv, env []string) []spawn.Call {
	var list []spawn.Call
	add := func(c ...spawn.Call) { list = append(list, c...) }

	// Mounts first: a /proc mounted over a mount that is shared would appear outside as well, over the caller's own.
	cut := uint64(unix.MS_PRIVATE)
	if p.Propagation == "slave" {
		cut = unix.MS_SLAVE
	}
	add(spawn.Mount("make the mounts "+map[uint64]string{unix.MS_PRIVATE: "private", unix.MS_SLAVE: "slave"}[cut], "", "/", "", unix.MS_REC|cut))
	const procFlags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if p.Root == "" {
		add(spawn.Mount("mount a new /proc", "proc", "/proc", "proc", procFlags))
	} else {
		add(spawn.Mount("make "+p.Root+" a mount", p.Root, p.Root, "", unix.MS_BIND|unix.MS_REC))
		// Before the old root goes: in a user namespace a new /proc is only granted while another is to be seen (fs/namespace.c, mount_too_revealing).
		add(spawn.Mount("mount a new /proc", "proc", filepath.Join(p.Root, "proc"), "proc", procFlags))
		add(spawn.Chdir(p.Root), spawn.PivotRoot("make "+p.Root+" the root", ".", "."), spawn.Unmount("let go of the old root", ".", unix.MNT_DETACH), spawn.Chdir("/"))
	}
	if p.Propagation == "shared" {
		add(spawn.Mount("make the mounts shared", "", "/", "", unix.MS_REC|unix.MS_SHARED))
	}
	if p.Hostname != "" {
		add(spawn.Sethostname(p.Hostname))
	}
	if p.Net {
		add(spawn.LoopbackUp(len(list))...)
	}
	add(spawn.DeathSignal(unix.SIGKILL))
	add(spawn.Handshake("go on without the process that asked for it", socket)...) // it may have died before the line above
	add(spawn.Close(socket))
	add(spawn.Signals(signals)...)
	if p.User && !p.rootInside() {
		add(spawn.DropCapabilities())
	}
	add(spawn.Exec("/proc/self/exe", spawn.Texts(argv), spawn.Texts(env)))
	return list
}

// String is the plan in words: the namespaces and what is set up in them.
func (p Plan) String() string {
	s := "new namespaces: " + names(p.flags())
	for _, m := range []struct {
		name string
		ids  []syscall.SysProcIDMap
	}{{"uid", p.UIDMap}, {"gid", p.GIDMap}} {
		if len(m.ids) > 0 {
			s += fmt.Sprintf("; %s map: %s", m.name, strings.Join(lines(m.ids), ", "))
		}
	}
	return s
}
