package loop

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal"
	"keelson/init/spawn"
	"keelson/init/sys"
	"keelson/init/track"
	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// A child is a process that was started here and not reaped yet.
type child struct {
	unit    string
	command supervise.CommandID
	line    string // what it is to run
	running *spawn.Child
}

// spawn starts a process.
func (l *Loop) spawn(e supervise.Spawn) {
	pid, err := l.start(&e)
	if err != nil {
		l.event(supervise.SpawnFailed{Command: e.Command, Error: err.Error()})
		return
	}
	l.event(supervise.Spawned{Command: e.Command, PID: pid})
}

func (l *Loop) start(e *supervise.Spawn) (int, error) {
	stamped := !e.Exec.Rlimits[unit.LimitLOCKS].Set
	birth := l.config.Tracker.Add(track.Unit{
		Name: e.Unit, Stamp: e.Stamp, Stamped: stamped, Cgroup: e.Cgroup, OOMGroup: l.oomKills(e.Unit), Control: e.Role == supervise.RoleControl,
	})
	l.degrade(e.Unit, texts(birth.Degraded))
	given := spawn.NewGiven()
	given.Console = l.config.Places.Console
	if given.Cgroup = birth.CgroupFD; given.Cgroup >= 0 {
		defer unix.Close(given.Cgroup)
	}
	if limit, ok := l.config.Tracker.Limit(e.Stamp); ok && stamped {
		given.Stamp = limit
	}
	l.config.Invocations.Store(e.Unit, e.Invocation)
	for _, p := range e.FDs {
		given.FDs = append(given.FDs, l.fds.number(p.FD))
	}
	if e.Connection != 0 {
		given.Connection = l.fds.number(e.Connection)
	}
	if c := l.config.Command; c != nil && e.Unit == c.Unit {
		given.Foreground = c.foreground()
	}
	if u, ok := l.machine.Unit(e.Unit); ok {
		given.NonBlocking = u.Config.Service != nil && u.Config.Service.NonBlocking
		given.Joins = l.joined(u)
	}
	defer l.openStreams(e, &given)()
	program, err := l.config.Compiler.Compile(e, given)
	if err != nil {
		return 0, err
	}
	l.degrade(e.Unit, texts(program.Degraded))
	l.own(e, program, given.Cgroup >= 0)
	running, err := program.Start()
	if err != nil {
		return 0, err
	}
	l.config.Tracker.Started(e.Unit, running.Pid)
	c := &child{unit: e.Unit, command: e.Command, running: running}
	if len(e.Line.Argv) > 0 {
		c.line = e.Line.Argv[0]
	}
	l.children[running.Pid] = c
	if err := l.poll.add(running.Report(), unix.EPOLLIN, stageReport, func(uint32) { l.report(c) }); err != nil {
		l.report(c) // out of watches: it is read when the process is reaped
	}
	return running.Pid, nil
}

// joined are the units whose namespaces a unit's processes may share (JoinsNamespaceOf=).
func (l *Loop) joined(u *supervise.Unit) []string {
	var list []string
	for id := range l.machine.Graph().Each(u.ID, graph.AtomJoinsNamespaceOf) {
		list = append(list, l.machine.Graph().Name(id))
	}
	return list
}

// oomKills is OOMPolicy=kill.
func (l *Loop) oomKills(name string) bool {
	u, ok := l.machine.Unit(name)
	return ok && u.Config.Service != nil && u.Config.Service.OOMPolicy == unit.OOMKill
}

// openStreams makes the ends of the streams that carry a command's output to the journal. What is returned closes them.
func (l *Loop) openStreams(e *supervise.Spawn, given *spawn.Given) (done func()) {
	x := e.Exec
	journals := func(o unit.Output) bool {
		return o == unit.OutputJournal || o == unit.OutputJournalConsole || o == unit.OutputKmsg || o == unit.OutputKmsgConsole
	}
	inherits := x.Error == unit.OutputInherit
	if !journals(x.Output) && !journals(x.Error) {
		return func() {}
	}
	fd, err := l.config.Journal.Stream(stream(e))
	if err != nil {
		l.sayOf(e.Unit, 4, "Failed to connect its output to the journal: %v", err)
		return func() {}
	}
	if journals(x.Output) {
		given.Out = fd
	}
	if journals(x.Error) || inherits && journals(x.Output) {
		given.Err = fd
	}
	return func() { unix.Close(fd) }
}

// stream is what the journal is to know of a command's output (connect_logger_as in src/core/execute.c).
func stream(e *supervise.Spawn) journal.Stream {
	x := e.Exec
	s := journal.Stream{
		Unit: e.Unit, Invocation: e.Invocation, Identifier: x.SyslogIdentifier, Priority: int(x.SyslogLevel), Facility: int(x.SyslogFacility),
		LevelPrefix: x.SyslogLevelPrefix, Extra: x.LogExtraFields,
		RateLimit: journal.RateLimit{Interval: time.Duration(x.LogRateLimitInterval) * time.Microsecond, Burst: x.LogRateLimitBurst},
	}
	if s.Identifier == "" {
		s.Identifier = base(e.Line.Path)
	}
	if x.LogLevelMax.Set {
		s.Max = journal.LevelOf(int(x.LogLevelMax.Value))
	}
	return s
}

func base(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}

// report reads how an execution went, if that is known already.
func (l *Loop) report(c *child) {
	if c.running == nil {
		return
	}
	fd := c.running.Report()
	done, failed := c.running.Read()
	if !done {
		return
	}
	l.poll.drop(fd)
	l.degrade(c.unit, texts(c.running.Degraded))
	c.running.Close()
	c.running = nil
	e := supervise.ExecDone{Command: c.command, Path: c.line}
	if failed != nil {
		e.Step, e.Status, e.Error = failed.Stage(), failed.Status(), failed.Error()
	}
	l.event(e)
}

// reap takes notice of all that have ended. Each is looked at before it is taken away, so that what it has said is still its own.
func (l *Loop) reap() {
	l.ended = false
	for {
		pid, err := sys.Ended()
		if err != nil || pid == 0 {
			break
		}
		if c := l.children[pid]; c != nil {
			l.report(c)
		}
		l.hear()
		l.collect(pid)
	}
	l.checkBlind()
}

// collect reaps one process.
func (l *Loop) collect(pid int) {
	var status unix.WaitStatus
	var usage unix.Rusage
	err := sys.Retry(func() error { _, err := unix.Wait4(pid, &status, unix.WNOHANG, &usage); return err })
	if err != nil {
		return
	}
	l.config.Tracker.Exited(pid, time.Duration(usage.Utime.Nano()+usage.Stime.Nano()))
	if c := l.children[pid]; c != nil {
		if c.running != nil { // it ended without a word: what it was to run never ran, and its status says how it ended
			l.poll.drop(c.running.Report())
			c.running.Close()
		}
		delete(l.children, pid)
	}
	if done := l.helpers[pid]; done != nil {
		delete(l.helpers, pid)
		done(wholeStatus(status))
		return
	}
	l.exits = append(l.exits, supervise.Exited{PID: pid, Status: wholeStatus(status)})
}

func wholeStatus(s unix.WaitStatus) supervise.Status {
	switch {
	case s.Exited():
		return supervise.Status{Code: supervise.StatusExited, Value: s.ExitStatus()}
	case s.CoreDump():
		return supervise.Status{Code: supervise.StatusDumped, Value: int(s.Signal())}
	}
	return supervise.Status{Code: supervise.StatusKilled, Value: int(s.Signal())}
}

// killing tells whether a unit is among those to be killed together.
func (l *Loop) killing(name string) bool {
	return slices.ContainsFunc(l.kills, func(k supervise.Kill) bool { return k.Unit == name })
}

// killAll signals processes of units.
func (l *Loop) killAll() {
	if len(l.kills) == 0 {
		return
	}
	for i, result := range l.config.Tracker.KillAll(l.kills) {
		l.killed(l.kills[i], result)
	}
	l.kills = l.kills[:0]
}

// killed says what was signalled.
func (l *Loop) killed(e supervise.Kill, result track.Killed) {
	for _, p := range result.Signalled {
		switch {
		case e.Client:
			l.sayOf(e.Unit, 6, "Sent signal SIG%s to %s process %d (%s) on client request.", e.Signal.Name(), l.roleOf(e, p.PID), p.PID, p.Name)
		case e.Tell:
			l.sayOf(e.Unit, 4, "Killing process %d (%s) with signal SIG%s.", p.PID, p.Name, e.Signal.Name())
		}
		if e.Signal == unit.SIGKILL {
			l.down.named(e.Unit, p)
		}
	}
	for _, f := range result.Failed {
		l.sayOf(e.Unit, 4, "Failed to kill process %d (%s), ignoring: %v", f.Process.PID, f.Process.Name, f.Err)
	}
}

func (l *Loop) roleOf(e supervise.Kill, pid int) string {
	switch pid {
	case e.Main.PID:
		return "main"
	case e.Control.PID:
		return "control"
	}
	return "left-over"
}

// tracked are a unit's processes that the machine knows one by one.
func (l *Loop) tracked(name string) []int {
	var list []int
	u, ok := l.machine.Unit(name)
	if !ok {
		return nil
	}
	if s := u.Service; s != nil {
		list = append(list, s.Main.PID, s.Control.PID)
	}
	if s := u.Socket; s != nil {
		list = append(list, s.Control.PID)
	}
	return list
}

// askEmpty says whether a unit has processes beside those that the machine tracks, and has its end told if it has any.
func (l *Loop) askEmpty(name string) {
	left, empty := l.config.Tracker.Left(name, l.tracked(name)...)
	if empty || len(left) == 0 && len(l.tracked(name)) == 0 {
		l.unwatchEmpty(name)
		l.event(supervise.Empty{Unit: name})
		return
	}
	var list []supervise.LeftProcess
	for _, p := range left {
		list = append(list, supervise.LeftProcess{PID: p.PID, Name: p.Name})
	}
	if len(list) == 0 { // all that is left is the machine's own to follow
		l.event(supervise.Empty{Unit: name})
		return
	}
	l.event(supervise.Left{Unit: name, Processes: list})
	l.watchEmpty(name)
}

// watchEmpty waits for the last process of a unit to end.
func (l *Loop) watchEmpty(name string) {
	if l.empties[name] != nil {
		return
	}
	w, empty := l.config.Tracker.Watch(name)
	if empty {
		l.event(supervise.Empty{Unit: name})
		return
	}
	l.empties[name] = w
	l.pollEmpty(name, w, w.FDs())
}

func (l *Loop) pollEmpty(name string, w *track.Watch, fds []int) {
	for _, fd := range fds {
		err := l.poll.add(fd, unix.EPOLLIN, stageRest, func(uint32) {
			l.poll.drop(fd)
			more, empty := w.Ready(fd)
			l.pollEmpty(name, w, more)
			if empty {
				l.emptied(name)
			}
		})
		if err != nil {
			l.blind[name] = true
		}
	}
	if w.Blind() {
		l.blind[name] = true
	}
}

func (l *Loop) emptied(name string) {
	delete(l.empties, name)
	delete(l.blind, name)
	l.event(supervise.Empty{Unit: name})
}

func (l *Loop) unwatchEmpty(name string) {
	if w := l.empties[name]; w != nil {
		for _, fd := range w.FDs() {
			l.poll.drop(fd)
		}
		w.Close()
		delete(l.empties, name)
		delete(l.blind, name)
	}
}

// checkBlind looks at units whose processes cannot be waited for.
func (l *Loop) checkBlind() {
	for _, name := range sortedKeys(l.blind) {
		w := l.empties[name]
		if w == nil {
			delete(l.blind, name)
			continue
		}
		if more, empty := w.Check(); empty {
			l.emptied(name)
		} else if len(more) > 0 {
			delete(l.blind, name)
			l.pollEmpty(name, w, more)
		}
	}
}

// follow waits for the end of a main process that is not our child.
func (l *Loop) follow(pid int) {
	if _, ok := l.aliens[pid]; ok || pid <= 1 {
		return
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		l.event(supervise.Exited{PID: pid})
		return
	}
	l.aliens[pid] = fd
	l.poll.add(fd, unix.EPOLLIN, stageRest, func(uint32) {
		l.poll.drop(fd)
		unix.Close(fd)
		delete(l.aliens, pid)
		l.event(supervise.Exited{PID: pid})
	})
}
