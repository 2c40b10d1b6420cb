package loop

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/spawn"
	"keelson/init/track"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// A manager that executes itself anew, for an upgrade or since it found itself in a state that cannot be, hands all that it knows to what it becomes. Services
// notice nothing: their processes, sockets and streams stay.

// State is a manager as plain data. Descriptors keep their numbers.
type State struct {
	Machine  []byte
	Tracker  *track.State
	Spawn    *spawn.State
	Journal  []byte
	LastFD   supervise.FD
	FDs      map[supervise.FD]int
	Notify   int
	Private  int
	Children map[int]savedChild
	Aliens   []int
	Waiting  []string // units whose end is waited for
	Degraded map[string][]string
	Owners   map[string]Owner
	Command  early.State
	Userspace,
	Finish supervise.Time
	Log      logOverride
	Stopping bool
	Signals  int
	Until    supervise.Usec
	Phase    uint8
	Panics   []supervise.Usec // when, on CLOCK_MONOTONIC
}

type savedChild struct {
	Unit    string
	Command supervise.CommandID
	Line    string
}

// panicsMost is how many panics within panicsSpan a manager survives by executing itself anew. After that it goes on reaping and nothing else.
const (
	panicsMost = 5
	panicsSpan = 60_000_000
)

// Save is the manager as plain data, and lets its descriptors survive an execve. The loop has ended; its caller adds what is not the loop's.
func (l *Loop) Save() (*State, error) {
	if err := l.finishReports(); err != nil {
		return nil, err
	}
	machine, err := l.machine.Save()
	if err != nil {
		return nil, fmt.Errorf("cannot write the machine's state: %w", err)
	}
	s := &State{
		Machine: machine, Tracker: l.config.Tracker.State(), Spawn: l.config.Compiler.State(), LastFD: l.fds.last, FDs: map[supervise.FD]int{}, Notify: l.notify,
		Children: map[int]savedChild{}, Degraded: l.degraded, Owners: l.owners, Userspace: l.config.Info.Userspace, Finish: l.config.Info.Finish,
		Log: l.override, Stopping: l.down.stopping, Signals: l.down.signals, Until: l.down.until, Phase: uint8(l.down.phase), Panics: l.panics,
	}
	for pid, c := range l.children {
		s.Children[pid] = savedChild{c.unit, c.command, c.line}
	}
	for pid := range l.aliens {
		s.Aliens = append(s.Aliens, pid)
	}
	s.Waiting = sortedKeys(l.empties)
	for h, fd := range l.fds.table {
		if keepOpen(fd) == nil {
			s.FDs[h] = fd
		}
	}
	if l.notify >= 0 && keepOpen(l.notify) != nil {
		s.Notify = -1
	}
	if s.Private = l.Private; s.Private >= 0 && keepOpen(s.Private) != nil {
		s.Private = -1
	}
	return s, nil
}

// keepOpen has a descriptor survive an execve.
func keepOpen(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	return err
}

// finishReports waits until every process that was started runs its program or has failed to: a matter of milliseconds.
func (l *Loop) finishReports() error {
	for _, pid := range sortedPIDs(l.children) {
		for c := l.children[pid]; c.running != nil; l.report(c) {
			poll := []unix.PollFd{{Fd: int32(c.running.Report()), Events: unix.POLLIN}}
			if n, err := unix.Poll(poll, 5000); n == 0 && err == nil {
				return fmt.Errorf("process %d of %s does not come to execute its program", pid, c.unit)
			}
		}
	}
	l.drainQueue()
	return nil
}

// restore makes the loop go on where an earlier one ended.
func (l *Loop) restore(s *State, config supervise.Config) error {
	l.fds.last = s.LastFD
	for h, fd := range s.FDs {
		unix.CloseOnExec(fd)
		l.fds.table[h] = fd
	}
	if l.notify >= 0 { // a fresh one was not made: see openSources
		unix.CloseOnExec(l.notify)
	}
	if l.Private = s.Private; l.Private >= 0 {
		unix.CloseOnExec(l.Private)
	}
	l.reread = Now().Realtime
	for pid, c := range s.Children {
		l.children[pid] = &child{unit: c.Unit, command: c.Command, line: c.Line}
	}
	if s.Spawn != nil {
		l.config.Compiler.Restore(s.Spawn)
	}
	if s.Degraded != nil {
		l.degraded = s.Degraded
	}
	if s.Owners != nil {
		l.owners = s.Owners
	}
	l.config.Info.Userspace, l.config.Info.Finish = s.Userspace, s.Finish
	l.down = down{stopping: s.Stopping, signals: s.Signals, until: s.Until, phase: phase(s.Phase)}
	if s.Until != 0 {
		l.budget.arm(s.Until.Sub(l.config.Budget.hurry()))
	}
	l.panics = s.Panics
	l.override = s.Log
	l.setLog()
	machine, effects, err := supervise.Restore(config, Now(), s.Machine)
	if err != nil {
		return fmt.Errorf("cannot read the state that was handed over: %w", err)
	}
	l.machine = machine
	for _, e := range effects {
		l.carryOut(e)
	}
	for _, u := range machine.Units() {
		if u.Config.Type == unit.TypeSlice {
			l.applyCgroup(u.Name) // what it denies its children is not in the kernel
		}
	}
	for _, pid := range s.Aliens {
		l.follow(pid)
	}
	for _, name := range s.Waiting {
		l.watchEmpty(name)
	}
	l.ended = true // children may have ended meanwhile
	time.AfterFunc(settled, rest)
	return nil
}
