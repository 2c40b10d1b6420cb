package unit

// Dependencies that no file states.

// addImplicit adds what follows from the unit's type and directives: "Implicit Dependencies" and "Default Dependencies" of
// systemd.service(5), .socket(5), .timer(5), .path(5), .target(5), .slice(5), .exec(5), .resource-control(5), .mount(5).
func (u *Unit) addImplicit(l *Loader) {
	if u.Exec != nil && (u.Type != TypeSocket || u.Socket.hasCommands()) {
		u.addExecDependencies(&l.Host)
	}
	switch u.Type {
	case TypeService:
		if u.Service.Type == ServiceDBus && u.Service.BusName != "" {
			u.both(Requires, After, "dbus.socket", FromFile)
		}
	case TypeSocket:
		for _, p := range u.Socket.Listens {
			if p.Path != "" && p.Path[0] == '/' && p.Kind != ListenMessageQueue {
				u.requireMountsFor(simplifyPath(p.Path))
			}
		}
		if d := u.Socket.BindToDevice; d != "" && d != "lo" {
			if name, err := NameFromPath("/sys/subsystem/net/devices/"+d, TypeDevice); err == nil {
				u.both(BindsTo, After, name, FromFile)
			}
		}
	case TypePath:
		for _, s := range u.Path.Specs {
			u.requireMountsFor(s.Path)
		}
	case TypeTimer:
		if u.Timer.Persistent {
			u.requireMountsFor("/var/lib/systemd/timers")
		}
	}
	u.addDefault()
	if u.Cgroup != nil && u.Name != "-.slice" {
		origin := FromFile
		if u.Type == TypeSlice {
			origin = Implicit
		}
		slice := u.Cgroup.Slice
		if slice == "" {
			slice = "-.slice"
		}
		u.Add(InSlice, slice, origin)
		u.both(Requires, After, slice, origin)
	}
	u.addMountDependencies(l)
}

// both states two dependencies on one unit.
func (u *Unit) both(a, b DependencyKind, name string, o Origin) {
	u.Add(a, name, o)
	u.Add(b, name, o)
}

// addDefault adds what DefaultDependencies=yes means for the type.
func (u *Unit) addDefault() {
	if !u.DefaultDependencies {
		return
	}
	shutdown := func() { u.both(Before, Conflicts, "shutdown.target", FromDefault) }
	sysinit := func() { u.both(After, Requires, "sysinit.target", FromDefault) }
	switch u.Type {
	case TypeService: // systemd.service(5)
		sysinit()
		u.Add(After, "basic.target", FromDefault)
		shutdown()
	case TypeSocket: // systemd.socket(5)
		u.Add(Before, "sockets.target", FromDefault)
		sysinit()
		shutdown()
	case TypeTimer: // systemd.timer(5)
		u.Add(Before, "timers.target", FromDefault)
		sysinit()
		if len(u.Timer.Calendar) > 0 {
			u.Add(After, "time-sync.target", FromDefault)
			u.Add(After, "time-set.target", FromDefault)
		}
		shutdown()
	case TypePath: // systemd.path(5)
		u.Add(Before, "paths.target", FromDefault)
		sysinit()
		shutdown()
	case TypeTarget: // systemd.target(5); see OrderTarget for the rest
		if u.Name != "shutdown.target" {
			shutdown()
		}
	case TypeSlice: // systemd.slice(5)
		if u.Name != "-.slice" {
			shutdown()
		}
	case TypeScope: // systemd.scope(5)
		shutdown()
	case TypeMount, TypeAutomount, TypeSwap: // systemd.mount(5), .automount(5), .swap(5)
		u.both(Before, Conflicts, "umount.target", FromDefault)
	}
}

// addExecDependencies: systemd.exec(5), "Implicit Dependencies"; unit_add_exec_dependencies in src/core/unit.c.
func (u *Unit) addExecDependencies(h *Host) {
	e := u.Exec
	if e.WorkingDirectory != "" && !e.WorkingDirectoryMissingOK {
		u.requireMountsFor(e.WorkingDirectory)
	}
	for _, p := range []string{e.RootDirectory, e.RootImage} {
		if p != "" {
			u.requireMountsFor(p)
		}
	}
	for k := range e.Directories {
		for _, d := range e.Directories[k].List {
			u.requireMountsFor(h.Base(DirectoryKind(k)) + "/" + d.Path)
		}
	}
	for _, k := range []DirectoryKind{StateDirectory, CacheDirectory, LogsDirectory} {
		if len(e.Directories[k].List) > 0 {
			u.Add(After, "systemd-remount-fs.service", FromFile)
		}
	}
	if e.PrivateTmp {
		u.both(After, Wants, "tmp.mount", FromFile)
		u.requireMountsFor("/var/tmp")
		u.Add(After, "systemd-tmpfiles-setup.service", FromFile)
	}
	if e.RootImage != "" {
		u.Add(After, "systemd-udevd.service", FromFile)
	}
	logs := func(o Output) bool { return o >= OutputKmsg && o <= OutputJournalConsole }
	switch {
	case e.LogNamespace != "":
		for _, s := range []string{"systemd-journald@", "systemd-journald-varlink@"} {
			u.both(After, Requires, s+e.LogNamespace+".socket", FromFile)
		}
	case logs(e.Output) || logs(e.Error):
		u.Add(After, "systemd-journald.socket", FromFile)
	}
}

// addMountDependencies orders the unit behind the mounts that its paths need, as far as they have unit files and are not masked: the mounts
// of a container are there before any unit (unit_add_mount_dependencies in src/core/unit.c).
func (u *Unit) addMountDependencies(l *Loader) {
	for _, p := range u.RequiresMountsFor {
		for i := 0; i <= len(p); i++ {
			if i < len(p) && p[i] != '/' {
				continue
			}
			name, err := NameFromPath(p[:max(i, 1)], TypeMount)
			if err == nil && l.names.paths[name] != "" && !l.names.masked(name) {
				u.both(After, Requires, name, FromPath)
			}
		}
	}
}

// OrderTarget orders a target behind a unit that it pulls in: by default, if both have DefaultDependencies=yes and the target
// is not ordered before the unit (systemd.target(5), "Default Dependencies"; unit_add_default_target_dependency in
// src/core/unit.c). Both have to be loaded; it is to be called for every pair that Pulls names, once all units are
// known. It says whether target gained an edge.
func OrderTarget(target, other *Unit) bool {
	if target.Type != TypeTarget || target.LoadState != Loaded || other.LoadState != Loaded ||
		!target.DefaultDependencies || !other.DefaultDependencies || target.Name == other.Name ||
		target.Has(Before, other.Name) || other.Has(After, target.Name) {
		return false
	}
	return target.Add(After, other.Name, FromDefault)
}

// Pulls lists the units that a target waits for by default: all that it requires or wants in one way or another.
func Pulls(target *Unit) []string {
	var list []string
	for _, d := range target.Dependencies {
		switch d.Kind {
		case Requires, Requisite, Wants, BindsTo, PartOf, Upholds:
			list = append(list, d.Name)
		}
	}
	return list
}

func (s *Socket) hasCommands() bool {
	for _, list := range s.Commands {
		if len(list) > 0 {
			return true
		}
	}
	return false
}
