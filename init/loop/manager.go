package loop

import (
	"strings"
	"time"

	"keelson/init/bus"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// What D-Bus clients see and ask: bus.Manager. All of it runs on the owner's goroutine.

// Machine is the machine, to be read.
func (l *Loop) Machine() *supervise.Machine { return l.machine }

// Loader reads unit files.
func (l *Loop) Loader() *unit.Loader { return l.config.Loader }

// Now is this instant.
func (l *Loop) Now() supervise.Time { return Now() }

// Request hands the machine a client's wish; the reply comes within this turn.
func (l *Loop) Request(r supervise.Request, done func(supervise.Reply)) {
	if done != nil {
		l.request++
		r.ID = l.request
		l.replies[r.ID] = done
	}
	switch r.Verb {
	case supervise.VerbExit, supervise.VerbPoweroff, supervise.VerbReboot, supervise.VerbHalt:
		l.beginStop()
	case supervise.VerbDaemonReload:
		l.reload(r)
		return
	case supervise.VerbSetProperties:
		l.readAt[r.Unit] = Now().Realtime
	}
	l.event(r)
}

// Processes of a unit, for "" those of none.
func (l *Loop) Processes(name string) []bus.Process {
	var list []bus.Process
	for _, p := range l.config.Tracker.Processes(name) {
		list = append(list, bus.Process{PID: p.PID, Command: l.config.Tracker.Cmdline(p.PID)})
	}
	return list
}

// UnitOfPID finds the unit of a process.
func (l *Loop) UnitOfPID(pid int) (string, bool) { return l.config.Tracker.UnitOf(pid) }

// Usage of a unit.
func (l *Loop) Usage(name string) bus.Usage { return l.usage(name) }

// Owner of a unit's processes.
func (l *Loop) Owner(name string) (uid, gid uint32) {
	if o, ok := l.owners[name]; ok {
		return o.UID, o.GID
	}
	return noID, noID
}

// Degraded are the directives of a unit that are not applied here.
func (l *Loop) Degraded(name string) []string { return l.degraded[name] }

// Info about the manager.
func (l *Loop) Info() *bus.Info {
	i := &l.config.Info
	state := l.machine.SystemState()
	i.Starting = state == supervise.SystemStarting || state == supervise.SystemInitializing
	i.Stopping = state == supervise.SystemStopping
	i.ExitCode = l.machine.Status()
	return i
}

// UnitFiles are what systemctl enable and its kin change.
func (l *Loop) UnitFiles() bus.UnitFiles { return l.config.UnitFiles }

// Reexecute has the binary executed anew after this turn, with all that the manager knows.
func (l *Loop) Reexecute() { l.reexec = true }

// WriteTransient puts a unit file into /run/systemd/transient.
func (l *Loop) WriteTransient(name, text string) error {
	return l.config.Files.Write(unit.TransientDir+"/"+name, text)
}

// WriteControl puts a drop-in into system.control.
func (l *Loop) WriteControl(name, dropin, text string, runtime bool) error {
	dir := "/etc/systemd/system.control/"
	if runtime {
		dir = "/run/systemd/system.control/"
	}
	return l.config.Files.Write(dir+name+".d/"+dropin, text)
}

// started: the boot is over.
func (l *Loop) started() {
	now := Now()
	l.config.Info.Finish = now
	l.config.Tracker.StartupFinished()
	l.config.Facts.Booted()
	l.say(6, "Startup finished in %s.", span(now.Monotonic-l.config.Startup.Monotonic))
	l.config.Outer.Ready()
	time.AfterFunc(settled, rest)
}

// span is a length of time for people.
func span(u supervise.Usec) string {
	s := u.Format(1000)
	return strings.TrimSpace(s)
}

// BusName: a name that some service has as BusName= has another owner on the system bus.
func (l *Loop) BusName(e supervise.BusName) {
	if e.PID > 0 {
		if _, known := l.children[e.PID]; !known {
			l.follow(e.PID)
		}
	}
	l.event(e)
}
