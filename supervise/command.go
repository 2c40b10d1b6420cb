package supervise

import (
	"fmt"
	"slices"
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// has tells whether the service has commands of a kind.
func (s service) has(k unit.CommandKind) bool { return len(s.config().Commands[k]) > 0 }

// line is one command line, nil if there is none.
func (s service) line(k unit.CommandKind, i int) *unit.Command {
	list := s.config().Commands[k]
	if i < 0 || i >= len(list) {
		return nil
	}
	return &list[i]
}

// record is where the run of a command line is recorded.
func (s service) record(k unit.CommandKind, i int) *ExecStatus {
	if s.line(k, i) == nil {
		return nil
	}
	for len(s.Commands[k]) <= i {
		s.Commands[k] = append(s.Commands[k], ExecStatus{})
	}
	return &s.Commands[k][i]
}

// main runs a line of ExecStart= as the main process.
func (s service) main(i int) {
	timeout := s.config().TimeoutStart
	if s.forkOnly(s.u) {
		timeout = Infinity
	}
	s.MainIndex, s.MainKnown, s.MainAlien = i, true, false
	s.Main = Process{Command: s.spawn(RoleMain, unit.ExecStart, i, timeout)}
}

// control runs a line of any other kind, and the ExecStart= of a forking service, as the control process.
func (s service) control(k unit.CommandKind, i int) {
	timeout := s.config().TimeoutStart
	if k == unit.ExecStop || k == unit.ExecStopPost {
		timeout = s.config().TimeoutStop
	}
	s.ControlKind, s.ControlIndex = k, i
	s.Control = Process{Command: s.spawn(RoleControl, k, i, timeout)}
}

// commandFlags are what systemd passes to service_spawn for each kind of command.
var commandFlags = [unit.CommandKinds]struct{ tty, sockets, watchdog, result, monitor bool }{
	unit.ExecCondition: {tty: true},
	unit.ExecStartPre:  {tty: true, monitor: true},
	unit.ExecStart:     {tty: true, sockets: true, watchdog: true, monitor: true},
	unit.ExecStop:      {result: true},
	unit.ExecStopPost:  {tty: true, result: true},
}

// spawn asks for a process and arms the state's deadline (service_spawn in src/core/service.c).
func (s service) spawn(role Role, k unit.CommandKind, i int, timeout Usec) CommandID {
	m, c, exec := s.m, s.config(), s.u.Config.Exec
	flags := commandFlags[k]
	m.lastCommand++
	m.commands[m.lastCommand] = s.u
	s.u.Leftover = Leftover{}
	if timeout == Infinity {
		s.m.disarm(s.u, timerDeadline)
	} else {
		m.after(s.u, timerDeadline, timeout)
	}
	e := Spawn{
		Unit: s.u.Name, Stamp: s.u.Stamp, Command: m.lastCommand, Role: role, Kind: k, Index: i, Line: c.Commands[k][i],
		Exec: exec, Cgroup: s.u.Config.Cgroup, Invocation: s.u.Invocation, TTYStdin: flags.tty,
		NoSandbox: k != unit.ExecStart && c.PermissionsStartOnly, NoChroot: k != unit.ExecStart && c.RootDirectoryStartOnly,
	}
	if flags.sockets || exec.Input == unit.InputSocket || exec.Output == unit.OutputSocket || exec.Error == unit.OutputSocket {
		e.FDs, e.Sockets = s.passed()
		e.OpenFiles = c.OpenFiles
		if e.Sockets > 0 {
			e.Connection = e.FDs[0].FD
		}
	}
	e.Environment = overlay(m.block(exec), s.told(k))
	e.Own = s.own(e, flags.watchdog)
	m.emit(e)
	return e.Command
}

// block is the manager's environment for a unit's commands. A unit that says by PassEnvironment= what it wants of the container's gets nothing else
// of it; a unit that does not gets all. What clients have set holds for both.
func (m *Machine) block(x *unit.ExecContext) []string {
	if !x.PassesChosen || m.config.Own == nil {
		return slices.Clone(m.environment)
	}
	return m.laid(m.config.Own)
}

// told is what the manager says about the service in a command's environment (service_spawn in src/core/service.c;
// systemd.exec(5), "Environment Variables Set or Propagated by the Service Manager").
func (s service) told(k unit.CommandKind) []string {
	var env []string
	add := func(format string, args ...any) { env = append(env, fmt.Sprintf(format, args...)) }
	access := s.access()
	if access > unit.NotifyMain || access == unit.NotifyMain && k == unit.ExecStart {
		add("NOTIFY_SOCKET=%s", s.m.config.NotifySocket)
	}
	if s.Main.PID > 0 {
		add("MAINPID=%d", s.Main.PID)
	}
	if s.config().PIDFile != "" {
		add("PIDFILE=%s", s.config().PIDFile)
	}
	if s.RemoteAddr != "" {
		add("REMOTE_ADDR=%s", s.RemoteAddr)
		add("REMOTE_PORT=%s", s.RemotePort)
	}
	switch {
	case commandFlags[k].result:
		env = append(env, s.results("")...)
	case commandFlags[k].monitor:
		if t, ok := s.triggering(); ok {
			env = append(env, t.results("MONITOR_")...)
			if t.u.Invocation != "" {
				add("MONITOR_INVOCATION_ID=%s", t.u.Invocation)
			}
			add("MONITOR_UNIT=%s", t.u.Name)
		}
	}
	return append(env, s.u.Activation...)
}

// results is how the service's last life went: $SERVICE_RESULT, $EXIT_CODE and $EXIT_STATUS.
func (s service) results(prefix string) []string {
	env := []string{prefix + "SERVICE_RESULT=" + s.Result.String()}
	if s.MainStatus.PID > 0 && s.MainStatus.Exit.IsSet() && s.MainStatus.Status.Code != StatusUnknown {
		env = append(env, prefix+"EXIT_CODE="+s.MainStatus.Status.Code.String(), prefix+"EXIT_STATUS="+s.MainStatus.Status.Name())
	}
	return env
}

// triggering is the service whose OnFailure= or OnSuccess= this one is, if there is just one (service_get_triggering_service
// in src/core/service.c).
func (s service) triggering() (service, bool) {
	var found *Unit
	for _, atom := range [...]graph.Atom{graph.AtomOnFailureOf, graph.AtomOnSuccessOf} {
		for id := range s.m.graph.Each(s.u.ID, atom) {
			if found != nil {
				s.m.logf(s.u, 4, "multiple trigger source candidates for exit status propagation (%s, %s), skipping.",
					found.Name, s.m.graph.Name(id))
				return service{}, false
			}
			found = s.m.units[id]
		}
	}
	if found == nil || found.Service == nil {
		return service{}, false
	}
	return service{s.m, found, found.Service}, true
}

// own is what systemd's execute.c adds (build_environment), as far as no look-up of users, terminals or the new PID is needed:
// $LISTEN_PID, $WATCHDOG_PID, $SYSTEMD_EXEC_PID, $HOME, $USER, $LOGNAME, $SHELL, $TERM and $JOURNAL_STREAM are for who spawns.
func (s service) own(e Spawn, watchdog bool) []string {
	var env []string
	if len(e.FDs) > 0 {
		names := make([]string, len(e.FDs))
		for i, fd := range e.FDs {
			names[i] = fd.Name
		}
		env = append(env, fmt.Sprintf("LISTEN_FDS=%d", len(e.FDs)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	}
	if w := s.watchdog(); watchdog && w != 0 {
		env = append(env, fmt.Sprintf("WATCHDOG_USEC=%d", w))
	}
	return append(env, s.m.describe(s.u)...)
}

// describe is the part of the environment that all commands of a unit have.
func (m *Machine) describe(u *Unit) []string {
	env := []string{"INVOCATION_ID=" + u.Invocation}
	if u.Config.Exec.LogNamespace != "" {
		env = append(env, "LOG_NAMESPACE="+u.Config.Exec.LogNamespace)
	}
	for k, d := range u.Config.Exec.Directories {
		if len(d.List) == 0 {
			continue
		}
		var paths []string
		for _, dir := range d.List {
			paths = append(paths, m.config.Loader.Host.Base(unit.DirectoryKind(k))+"/"+dir.Path)
		}
		env = append(env, unit.DirectoryKind(k).Variable()+"="+strings.Join(paths, ":"))
	}
	var passed []string
	for _, name := range u.Config.Exec.PassEnvironment {
		if v, ok := unit.LookupIn(m.config.Passable)(name); ok {
			passed = append(passed, name+"="+v)
		}
	}
	return append(env, passed...)
}

// overlay sets variables in a block, which is changed.
func overlay(block []string, layers ...[]string) []string {
	for _, layer := range layers {
		for _, assignment := range layer {
			block = unit.SetVariable(block, assignment)
		}
	}
	return block
}

// Resolve makes the argument list and the environment of the process, in the order of systemd's exec_child: Environment, Own
// with what the caller adds to it, Environment=, the assignments of EnvironmentFile= in their order, less UnsetEnvironment=. The
// result is the caller's.
func (e *Spawn) Resolve(added, files []string) (argv, environment []string) {
	block := overlay(slices.Clone(e.Environment), e.Own, added, e.Exec.Environment, files)
	block, _ = unit.CleanEnvironment(block)
	argv = slices.Clone(e.Line.Argv)
	if e.Line.Flags&unit.NoEnvExpand == 0 {
		argv = unit.ExpandArgv(argv, unit.LookupIn(block))
	}
	block = slices.DeleteFunc(block, func(assignment string) bool {
		name, _, _ := strings.Cut(assignment, "=")
		return slices.Contains(e.Exec.UnsetEnvironment, name) || slices.Contains(e.Exec.UnsetEnvironment, assignment)
	})
	return argv, block
}
