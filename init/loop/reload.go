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

// reload reads all unit files again, once the generators have run. They run in a process of their own, as this one waits for nothing.
func (l *Loop) reload(r supervise.Request) {
	read := func() {
		l.reread = Now().Realtime
		clear(l.readAt)
		l.event(r)
	}
	if !generate.Wanted() {
		read()
		return
	}
	pid, err := l.runGenerators()
	if err != nil {
		l.say(3, "Failed to run generators, continuing without: %v", err)
		read()
		return
	}
	l.helpers[pid] = func(s supervise.Status) {
		if s.Code != supervise.StatusExited || s.Value != 0 {
			l.say(4, "Generators failed: %s", s)
		}
		read()
	}
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
