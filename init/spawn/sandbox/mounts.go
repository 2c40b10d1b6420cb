package sandbox

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// one makes the mount of an entry (apply_one_mount). Its path has no links in it.
func (p *planner) one(e *entry) error {
	at := p.prefix(e.path)
	switch e.mode {
	case inaccessible:
		mode, err := p.lstat(e.path)
		if err != nil {
			return missing(err, e.ignore)
		}
		node := p.inaccessibleNode(mode)
		p.mount(node, at, "", unix.MS_BIND|unix.MS_REC, "", false)
		p.bindOutside(node, e.path, false, p.host)
	case readOnly, readWrite, readWriteImplicit, execute, noExecute:
		if _, err := p.lstat(e.path); err != nil {
			return missing(err, e.ignore)
		}
		if p.point(e.path) == nil { // a mount's flags can be changed, a folder's cannot
			p.mount(at, at, "", unix.MS_BIND|unix.MS_REC, "", false)
			p.bindSelf(e.path)
		}
	case bind, bindRecursive, privateTmp, privateTmpReadOnly:
		source, err := resolve(e.source, p.fs.Lstat, p.fs.ReadLink)
		if err != nil {
			return err
		}
		mode, err := p.fs.Lstat(source)
		if err != nil {
			return missing(err, e.ignore)
		}
		p.place(e.path, mode.IsDir())
		flags := uint64(unix.MS_BIND)
		if e.mode != bind {
			flags |= unix.MS_REC
		}
		p.mount(source, at, "", flags, "", false)
		p.bindOutside(source, e.path, e.mode != bind, p.host)
	case emptyDir, tmpfs:
		if _, err := p.lstat(e.path); err != nil && e.ignore {
			return missing(err, true)
		}
		p.tmpfs(e)
	case run: // a /run that is no mount point is still the manager's
		if p.point(e.path) == nil && p.root != unitRoot {
			p.tmpfs(e)
		}
	case privateDev:
		p.privateDev(e)
	case bindDev, sysfs:
		p.place(e.path, true)
		if p.point(e.path) == nil {
			p.mount(e.path, at, "", unix.MS_BIND|unix.MS_REC, "", false)
			p.bindOutside(e.path, e.path, true, p.host)
		}
	case procfs:
		p.procfs(e)
	case mqueuefs:
		p.place(e.path, true)
		p.mount("mqueue", at, "mqueue", e.flags, "", false)
		p.mountFresh(e.path, e.flags)
	}
	return nil
}

// missing is what becomes of an error for a path that may be missing.
func missing(err error, ignore bool) error {
	if ignore && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) {
		return nil
	}
	return err
}

// inaccessibleNode is what covers a file of some type. The devices are there only where they may be made.
func (p *planner) inaccessibleNode(mode fs.FileMode) string {
	const dir = "/run/systemd/inaccessible/"
	names := []string{"reg"}
	switch mode.Type() {
	case fs.ModeDir:
		names = []string{"dir"}
	case fs.ModeNamedPipe:
		names = []string{"fifo"}
	case fs.ModeSocket:
		names = []string{"sock"}
	case fs.ModeDevice | fs.ModeCharDevice:
		names = []string{"chr", "sock"}
	case fs.ModeDevice:
		names = []string{"blk", "chr", "sock"}
	}
	for _, n := range names[:len(names)-1] {
		if _, err := p.fs.Lstat(dir + n); err == nil {
			return dir + n
		}
	}
	return dir + names[len(names)-1]
}

// place makes sure that there is something to mount on.
func (p *planner) place(at string, dir bool) {
	if _, err := p.lstat(at); err == nil {
		return
	}
	for i := 1; i < len(at); i++ {
		if at[i] != '/' {
			continue
		}
		if parent := at[:i]; parent != "" {
			if _, err := p.lstat(parent); err != nil {
				p.step(Step{Op: Mkdir, Target: p.prefix(parent), Mode: 0o755, Optional: true})
				p.made[parent] = fs.ModeDir
			}
		}
	}
	if dir {
		p.step(Step{Op: Mkdir, Target: p.prefix(at), Mode: 0o755, Optional: true})
		p.made[at] = fs.ModeDir
		return
	}
	p.step(Step{Op: Mknod, Target: p.prefix(at), Mode: unix.S_IFREG | 0o644, Optional: true})
	p.made[at] = 0
}

func (p *planner) tmpfs(e *entry) {
	p.place(e.path, true)
	p.mount("tmpfs", p.prefix(e.path), "tmpfs", e.flags, e.options, false)
	p.mountFresh(e.path, e.flags)
}

// procfs mounts a new /proc with what ProtectProc= and ProcSubset= ask for. On a kernel before 5.8 that would concern all of the PID namespace, so it is left out;
// where a new /proc is denied the old one has to do (mount_procfs).
func (p *planner) procfs(e *entry) {
	x := p.request.Exec
	const flags = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV
	p.place(e.path, true)
	var options []string
	if x.ProtectProc != unit.ProtectProcDefault || x.ProcSubset != unit.ProcSubsetAll {
		hidepid := "hidepid=off"
		if x.ProtectProc != unit.ProtectProcDefault {
			hidepid = "hidepid=" + x.ProtectProc.String()
		}
		for _, o := range []string{hidepid, "subset=pid"} {
			switch {
			case o == "subset=pid" && x.ProcSubset != unit.ProcSubsetPid:
			case p.fs.NewProc(o):
				options = append(options, o)
			case p.fs.NewProc(""):
				p.remark(e.directive + ": the kernel does not know /proc with " + o + " (Linux 5.8), going on without.")
			}
		}
	}
	switch {
	case p.fs.NewProc(strings.Join(options, ",")):
		p.mount("proc", p.prefix(e.path), "proc", flags, strings.Join(options, ","), false)
		// What it has is as outside, but for what is mounted there; of processes alone, nothing that entries are about.
		p.mountFresh(e.path, flags)
		if !slices.Contains(options, "subset=pid") {
			p.view.mounts[len(p.view.mounts)-1].from = "/proc"
		}
	case p.point(e.path) == nil:
		p.remark(e.directive + ": a new /proc cannot be mounted here, it is the one that is there.")
		p.mount("/proc", p.prefix(e.path), "", unix.MS_BIND|unix.MS_REC, "", false)
		p.bindOutside("/proc", e.path, true, p.host)
	default:
		p.remark(e.directive + ": a new /proc cannot be mounted here, it is the one that is there.")
	}
}

// privateDev makes a /dev with pseudo devices only (mount_private_dev). It is built in place: outside of the root the old one is still to be seen.
func (p *planner) privateDev(e *entry) {
	const flags = unix.MS_NOSUID | unix.MS_STRICTATIME | unix.MS_NOEXEC
	at := p.prefix(e.path)
	p.place(e.path, true)
	p.mount("tmpfs", at, "tmpfs", flags, "mode=755"+limitsDev, false)
	p.mountFresh(e.path, flags)
	exists := func(path string) (fs.FileMode, bool) {
		mode, err := p.fs.Lstat(path)
		return mode, err == nil
	}
	shares := func(name string, dir bool) {
		p.place(path.Join(e.path, name), dir)
		p.mount("/dev/"+name, path.Join(at, name), "", unix.MS_BIND, "", false)
		p.bindOutside("/dev/"+name, path.Join(e.path, name), false, p.host)
	}
	link := func(target, name string) {
		p.step(Step{Op: Symlink, Source: target, Target: path.Join(at, name), Optional: true})
		p.made[path.Join(e.path, name)] = fs.ModeSymlink
	}
	for _, dir := range []string{"pts", "shm", "mqueue", "hugepages"} {
		if mode, ok := exists("/dev/" + dir); ok && mode.IsDir() {
			shares(dir, true)
		} else {
			p.place(path.Join(e.path, dir), true)
		}
	}
	for _, name := range []string{"ptmx", "null", "zero", "full", "random", "urandom", "tty"} {
		mode, ok := exists("/dev/" + name)
		switch {
		case ok && mode.Type() == fs.ModeDevice|fs.ModeCharDevice, ok && mode.IsRegular(): // a rootless container's are bind mounts, seen as devices
			shares(name, false)
		case ok && name == "ptmx":
			link("pts/ptmx", name)
		}
	}
	link("/run/systemd/journal/dev-log", "log")
	if _, ok := exists("/proc/kcore"); ok {
		link("/proc/kcore", "core")
	}
	for _, l := range [][2]string{{"/proc/self/fd", "fd"}, {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"}} {
		link(l[0], l[1])
	}
}

// links makes what is not there yet.
func (p *planner) links(list []link) {
	for _, l := range list {
		if _, err := p.lstat(l.path); err == nil {
			continue
		}
		p.now = l.directive
		p.place(path.Dir(l.path), true)
		p.step(Step{Op: Symlink, Source: relative(path.Dir(l.path), l.target), Target: p.prefix(l.path), Optional: true})
		p.made[l.path] = fs.ModeSymlink
	}
}

// relative is a path as seen from a folder: a link stays right when its tree is moved.
func relative(dir, target string) string {
	d, t := strings.Split(dir, "/"), strings.Split(target, "/")
	for len(d) > 0 && len(t) > 1 && d[0] == t[0] {
		d, t = d[1:], t[1:]
	}
	return strings.Repeat("../", len(d)) + strings.Join(t, "/")
}
