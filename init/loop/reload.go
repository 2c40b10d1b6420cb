package loop

import (
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/generate"
	"keelson/init/journal"
	"keelson/init/spawn"
	"keelson/supervise"
)

// reload reads all unit files again, once the generators have run. They run in a process of their own, as this one waits for nothing. What is asked for meanwhile
// has them run once more.
func (l *Loop) reload(r supervise.Request) {
	l.reloads = append(l.reloads, r)
	if len(l.reloads) == 1 {
		l.beginReload()
	}
}

// reloadBySignal is SIGHUP: who listens is told as of a client's wish.
func (l *Loop) reloadBySignal() {
	if l.bus == nil {
		l.Request(supervise.Request{Verb: supervise.VerbDaemonReload}, nil)
		return
	}
	l.bus.Reloading(true)
	l.Request(supervise.Request{Verb: supervise.VerbDaemonReload}, func(supervise.Reply) { l.bus.Reloading(false) })
}

func (l *Loop) beginReload() {
	l.say(6, "Reloading.")
	l.config.Outer.Reloading()
	if !generate.Wanted() {
		l.readAgain()
		return
	}
	pid, err := l.runGenerators()
	if err != nil {
		l.say(3, "Failed to run generators, continuing without: %v", err)
		l.readAgain()
		return
	}
	l.helpers[pid] = func(s supervise.Status) {
		if s.Code != supervise.StatusExited || s.Value != 0 {
			l.say(4, "Generators failed: %s", s)
		}
		l.readAgain()
	}
}

// readyAgain tells the manager outside that a reload is over, unless the end of the boot is to say so, or the way down has said more.
func (l *Loop) readyAgain() {
	if l.config.Info.Finish.IsSet() && !l.down.stopping {
		l.config.Outer.Ready()
	}
}

// readAgain has the machine do it, and then what was asked for next.
func (l *Loop) readAgain() {
	l.reread = Now().Realtime
	clear(l.readAt)
	l.reconfigure()
	r := l.reloads[0]
	if r.ID == 0 {
		l.request++
		r.ID = l.request
	}
	done := l.replies[r.ID]
	l.replies[r.ID] = func(reply supervise.Reply) {
		l.readyAgain()
		if done != nil {
			done(reply)
		}
		if l.reloads = l.reloads[1:]; len(l.reloads) > 0 {
			l.beginReload()
		}
	}
	l.event(r)
}

// runGenerators starts them. What they say goes to the journal.
func (l *Loop) runGenerators() (int, error) {
	out := uintptr(2)
	if fd, err := l.config.Journal.Stream(journal.Stream{Unit: "init.scope", Identifier: "generators", Priority: 6, Facility: 3, LevelPrefix: true}); err == nil {
		defer unix.Close(fd)
		out = uintptr(fd)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(null)
	argv := []string{"keelson", early.GeneratorsCommand, l.config.Places.Run}
	return syscall.ForkExec(spawn.Self(), argv, &syscall.ProcAttr{Env: l.machine.Environment(), Files: []uintptr{uintptr(null), out, out}, Sys: &syscall.SysProcAttr{Setsid: true}})
}
