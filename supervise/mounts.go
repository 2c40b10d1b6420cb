package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// Mount units follow the kernel's table (mount_load_proc_self_mountinfo and mount_process_proc_self_mountinfo in
// src/core/mount.c): each mount point is a unit, with a file or without, that is up as long as it is there. Nobody here mounts or
// unmounts: a start of what is not there is unsupported, and so is a stop of what is, except on the way down, where what is left
// mounted is the container runtime's to take away and must not keep anybody waiting. What has no file is in nobody's order: systemd has units wait
// for it by RequiresMountsFor=, but it has no job to be waited for.

// MountTable says what is mounted now: first when the machine is made or restored, then with each change. Where it was never said,
// a start of a mount unit asks.
type MountTable struct{ Points []MountPoint }

// A MountPoint is a line of /proc/self/mountinfo. Of several at one place the last is the one that is seen.
type MountPoint struct {
	Where   string // an absolute path, unescaped
	What    string
	FSType  string
	Options string
}

func (MountTable) event() {}

// MountPoint is what is mounted at a mount unit's place, if anything is.
func (m *Machine) MountPoint(u *Unit) (MountPoint, bool) {
	p, ok := m.mounts[u.Name]
	return p, ok
}

func (m *Machine) mountTable(e MountTable) {
	was := m.mounts
	now := map[string]MountPoint{}
	var names []string
	for _, p := range e.Points {
		name, err := unit.NameFromPath(p.Where, unit.TypeMount)
		if err != nil {
			continue // longer than a unit's name may be, as in systemd
		}
		if _, again := now[name]; !again {
			names = append(names, name)
		}
		now[name] = p
	}
	m.mounts = now
	for _, name := range names {
		if old, known := was[name]; !known || old != now[name] {
			m.mounted(name)
		}
	}
	for _, u := range m.Units() {
		if _, gone := was[u.Name]; !gone || m.isMounted(u) || u.Config.Type != unit.TypeMount {
			continue
		}
		if u.Plain == PlainUp && !perpetual[u.Name] {
			plain{m, u}.enter(PlainDead)
		}
		m.read(u.ID) // without a file it is not there any more
	}
}

func (m *Machine) isMounted(u *Unit) bool {
	_, ok := m.mounts[u.Name]
	return ok && u.Config.Type == unit.TypeMount
}

// mounted brings the unit of a mount point up that has appeared, or has other options or another source now.
func (m *Machine) mounted(name string) {
	id, err := m.graph.Add(name)
	if err != nil {
		return
	}
	if m.graph.Facts(id).Load == graph.Stub {
		m.see(id)
		m.loadAll()
	} else {
		m.read(id)
	}
	u, ok := m.Unit(name)
	if !ok {
		return
	}
	if u.Plain == PlainUp {
		m.touched(u)
		return
	}
	m.invoke(u) // a start that nobody asked for is one all the same
	plain{m, u}.enter(PlainUp)
}

// found is the configuration of a unit that needs no file, as it is there: a mount point, or a device.
func (m *Machine) found(u *Unit, config *unit.Unit) *unit.Unit {
	p, mounted := m.mounts[u.Name]
	mounted = mounted && config.Type == unit.TypeMount
	if mounted && config.Mount != nil && config.LoadState != unit.NotFound { // what is so wins over what the file says (get_mount_parameters in src/core/mount.c)
		c, mount := *config, *config.Mount
		mount.What, mount.FSType, mount.Options = p.What, p.FSType, p.Options
		c.Mount = &mount
		return &c
	}
	if config.LoadState != unit.NotFound || !mounted && config.Type != unit.TypeDevice {
		return config
	}
	c := *config
	c.LoadState, c.LoadError, c.DefaultDependencies = unit.Loaded, "", false
	if mounted {
		if m.bare == nil {
			m.bare = &c
		}
		c.Exec, c.Kill, c.Cgroup = m.bare.Exec, m.bare.Kill, m.bare.Cgroup // nobody says anything of them: they are the larger part of a unit
		c.Description, c.Source = p.Where, "/proc/self/mountinfo"
		c.Mount = &unit.Mount{What: p.What, Where: p.Where, FSType: p.FSType, Options: p.Options, DirectoryMode: 0o755}
	}
	return &c
}

// holdsMount refuses to unmount, unless everything ends.
func (p plain) holdsMount() bool {
	if !p.m.isMounted(p.u) {
		return false
	}
	for _, target := range [...]string{"umount.target", "shutdown.target"} {
		if id, ok := p.m.graph.Lookup(target); ok && p.m.graph.ActiveOrPending(id) {
			return false
		}
	}
	p.m.log(p.u, 4, "Mounts are the container runtime's: it stays mounted.")
	return true
}
