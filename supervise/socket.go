package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The state model of a socket unit (src/core/socket.c). "ok" and "no" are how the last command of the state's list ended:
//
//	state             start     stop                  ok / no                        time               traffic
//	dead, failed      start-pre -                     -                              -                  -
//	start-pre         here      sig stop-pre-sigterm  open / sig final-sigterm       sig final-sigterm  -
//	start-open        here      stop-pre              start-post / stop-pre          -                  -
//	start-post        here      sig stop-pre-sigterm  listening / stop-pre           stop-pre           -
//	listening         -         stop-pre              -                              -                  running, with a start job
//	running           -         stop-pre              -                              -                  -
//	stop-pre          later     here                  stop-post                      sig stop-pre-sigterm -
//	stop-pre-sigterm  later     here                  stop-post                      sig stop-pre-sigkill -
//	stop-pre-sigkill  later     here                  stop-post                      stop-post          -
//	stop-post         later     here                  dead, failed                   sig final-sigterm  -
//	final-sigterm     later     here                  dead, failed                   sig final-sigkill  -
//	final-sigkill     later     here                  dead, failed                   dead, failed       -
//
// With Accept=yes the unit stays in listening, and each connection is a service of its own. running goes back to listening when the
// service is down and has no job. start-open is start-chown in systemd: opening the sockets is asked of the caller, owners and all. With
// PollLimitBurst= a unit in listening may listen to nobody for a while; what arrives waits.

// A SocketState is a row of the table.
type SocketState uint8

// The states.
const (
	SocketDead SocketState = iota
	SocketStartPre
	SocketStartOpen
	SocketStartPost
	SocketListening
	SocketRunning
	SocketStopPre
	SocketStopPreSigterm
	SocketStopPreSigkill
	SocketStopPost
	SocketFinalSigterm
	SocketFinalSigkill
	SocketFailed
)

var socketStates = [...]struct {
	name   string
	active graph.ActiveState
}{
	{"dead", graph.Inactive}, {"start-pre", graph.Activating}, {"start-chown", graph.Activating}, {"start-post", graph.Activating},
	{"listening", graph.Active}, {"running", graph.Active},
	{"stop-pre", graph.Deactivating}, {"stop-pre-sigterm", graph.Deactivating}, {"stop-pre-sigkill", graph.Deactivating},
	{"stop-post", graph.Deactivating}, {"final-sigterm", graph.Deactivating}, {"final-sigkill", graph.Deactivating},
	{"failed", graph.Failed},
}

func (s SocketState) String() string { return socketStates[s].name }

// hasCommand: the states in which a control process may run.
func (s SocketState) hasCommand() bool {
	return s >= SocketStartPre && s <= SocketStartPost || s >= SocketStopPre && s <= SocketFinalSigkill
}

// hasFDs: the states in which the sockets stay open.
func (s SocketState) hasFDs() bool { return s >= SocketStartOpen && s <= SocketStopPreSigkill }

// Socket is a socket unit as it lives.
type Socket struct {
	State    SocketState
	Result   Result
	Triggers Limiter // TriggerLimitIntervalSec=, TriggerLimitBurst=
	Polls    Limiter // PollLimitIntervalSec=, PollLimitBurst=

	FDs       []FD
	Query     QueryID
	Listening bool // the caller tells of traffic

	Control      Process
	ControlKind  unit.CommandKind
	ControlIndex int

	Accepted    uint // since it was loaded
	Connections uint // now
	Refused     uint
	Sources     map[string]uint // connections by Connection.Source
}

type socket struct {
	m *Machine
	u *Unit
	*Socket
}

func (s socket) config() *unit.Socket { return s.u.Config.Socket }
func (s socket) sub() string          { return s.State.String() }

func (s socket) enter(state SocketState) {
	s.State = state
	if !state.hasCommand() {
		s.m.disarm(s.u, timerDeadline)
		s.forgetControl()
	}
	if state != SocketListening && s.Listening {
		s.Listening = false
		s.m.emit(ListenSockets{Unit: s.u.Name, Off: true})
	}
	if state != SocketListening {
		s.m.disarm(s.u, pollDeadline)
	}
	if !state.hasFDs() {
		s.Query = 0
		s.m.drop(s.u.Name, s.FDs)
		s.FDs = nil
	}
	s.m.changed(s.u, socketStates[state].active, 0)
}

func (s socket) forgetControl() {
	s.m.untrack(s.u, s.Control)
	s.Control = Process{}
}

func (s socket) start() graph.RunResult {
	if !s.m.mayStart(s.u) {
		s.enterDead(StartLimitHit)
		return graph.RunFailed
	}
	switch {
	case s.State >= SocketStopPre && s.State <= SocketFinalSigkill:
		return graph.RunAgain
	case s.State >= SocketStartPre && s.State <= SocketStartPost:
		return graph.RunUnderway
	}
	if !s.config().Accept {
		t, ok := s.m.trigger(s.u)
		if ok && t.Config.LoadState != unit.Loaded {
			s.m.log(s.u, 3, "Socket service "+t.Name+" not loaded, refusing.")
			return graph.RunFailed
		}
		if ok && t.Service != nil && !t.Service.State.is(ServiceDead, ServiceFailed, ServiceAutoRestart) {
			s.m.log(s.u, 3, "Socket service "+t.Name+" already active, refusing.")
			return graph.RunFailed
		}
	}
	s.m.invoke(s.u)
	s.Result = Success
	s.run(unit.ExecStartPre, SocketStartPre, socket.enterOpen)
	return graph.RunUnderway
}

// run enters a state with its commands or, if there are none, goes on.
func (s socket) run(k unit.CommandKind, state SocketState, without func(socket)) {
	s.forgetControl()
	if len(s.config().Commands[k]) == 0 {
		without(s)
		return
	}
	s.spawn(k, 0)
	s.enter(state)
}

func (s socket) spawn(k unit.CommandKind, i int) {
	m := s.m
	m.lastCommand++
	m.commands[m.lastCommand] = s.u
	s.u.Leftover = Leftover{}
	s.armTimeout()
	s.Control, s.ControlKind, s.ControlIndex = Process{Command: m.lastCommand}, k, i
	m.emit(Spawn{
		Unit: s.u.Name, Stamp: s.u.Stamp, Command: m.lastCommand, Role: RoleControl, Kind: k, Index: i, Line: s.config().Commands[k][i],
		Exec: s.u.Config.Exec, Cgroup: s.u.Config.Cgroup, Invocation: s.u.Invocation, TTYStdin: true,
		Environment: append([]string(nil), m.environment...), Own: m.describe(s.u),
	})
}

// armTimeout: systemd.socket(5), TimeoutSec=.
func (s socket) armTimeout() {
	if s.config().Timeout == Infinity || s.config().Timeout == 0 {
		s.m.disarm(s.u, timerDeadline)
	} else {
		s.m.after(s.u, timerDeadline, s.config().Timeout)
	}
}

func (s socket) enterOpen() {
	s.Query = s.m.query()
	s.m.emit(OpenSockets{s.u.Name, s.Query, s.config()})
	s.m.disarm(s.u, timerDeadline)
	s.enter(SocketStartOpen)
}

func (s socket) opened(e SocketsOpened) {
	if s.Query == 0 || e.Query != s.Query || s.State != SocketStartOpen {
		s.m.drop(s.u.Name, e.FDs) // opened for a life that is over
		return
	}
	s.Query, s.FDs = 0, e.FDs
	s.run(unit.ExecStartPost, SocketStartPost, socket.enterListening)
}

func (s socket) notOpened(e SocketsFailed) {
	if s.Query == 0 || e.Query != s.Query || s.State != SocketStartOpen {
		return
	}
	s.Query = 0
	s.m.log(s.u, 4, "Failed to listen on sockets: "+e.Error)
	s.enterStopPre(Resources)
}

func (s socket) enterListening() {
	if !s.Listening && !s.saturated() {
		s.listen(!s.config().Accept && s.config().FlushPending)
	}
	s.enter(SocketListening)
	s.pause()
}

func (s socket) listen(flush bool) {
	s.Listening = true
	s.m.emit(ListenSockets{Unit: s.u.Name, Accept: s.config().Accept, Flush: flush})
}

func (s socket) enterStopPre(f Result) {
	s.Result.keep(f)
	s.run(unit.ExecStopPre, SocketStopPre, func(s socket) { s.enterStopPost(Success) })
}

func (s socket) enterStopPost(f Result) {
	s.Result.keep(f)
	s.run(unit.ExecStopPost, SocketStopPost, func(s socket) { s.enterSignal(SocketFinalSigterm, Success) })
}

func (s socket) enterDead(f Result) {
	s.Result.keep(f)
	s.m.logResult(s.u, s.Result)
	if s.config().RemoveOnStop && len(s.FDs) > 0 {
		s.m.emit(RemoveSockets{s.u.Name, s.config()})
	}
	if s.Result != Success {
		s.enter(SocketFailed)
	} else {
		s.enter(SocketDead)
	}
	e := s.u.Config.Exec
	if len(e.Directories[unit.RuntimeDirectory].List) > 0 && e.RuntimeDirectoryPreserve != unit.PreserveYes {
		s.m.emit(RemoveDirectories{Unit: s.u.Name, Mask: 1 << unit.RuntimeDirectory, Exec: e})
	}
}

// hasCommands: the unit may have processes.
func (s socket) hasCommands() bool {
	for _, list := range s.config().Commands {
		if len(list) > 0 {
			return true
		}
	}
	return false
}

// enterSignal is socket_enter_signal in src/core/socket.c.
func (s socket) enterSignal(state SocketState, f Result) {
	s.Result.keep(f)
	k := s.u.Config.Kill
	signal := k.FinalKillSignal
	kills := !state.is(SocketStopPreSigterm, SocketFinalSigterm)
	if !kills {
		signal = k.KillSignal
	}
	if j, ok := s.m.graph.JobOf(s.u.ID); ok && j.Type == graph.JobRestart && state == SocketStopPreSigterm {
		signal = k.RestartSignal()
	}
	rest := s.hasCommands() && !s.u.Leftover.none() && (k.Mode == unit.KillControlGroup || k.Mode == unit.KillMixed && kills)
	if k.Mode != unit.KillNone && (s.Control.Alive() || rest) {
		s.m.emit(Kill{Unit: s.u.Name, Control: s.Control, Rest: rest, Signal: signal, Continue: true, Tell: kills,
			Hangup: k.SendSIGHUP && !kills && signal != unit.SIGHUP})
		s.armTimeout()
		s.enter(state)
		if !s.Control.Alive() {
			s.m.askEmpty(s.u)
		}
		return
	}
	switch state {
	case SocketStopPreSigterm:
		s.enterSignal(SocketStopPreSigkill, Success)
	case SocketStopPreSigkill:
		s.enterStopPost(Success)
	case SocketFinalSigterm:
		s.enterSignal(SocketFinalSigkill, Success)
	default:
		s.enterDead(Success)
	}
}

func (s socket) stop() graph.RunResult {
	switch state := s.State; {
	case state == SocketStartOpen, state.is(SocketListening, SocketRunning):
		s.enterStopPre(Success)
	case state.is(SocketStartPre, SocketStartPost):
		s.enterSignal(SocketStopPreSigterm, Success)
	}
	return graph.RunUnderway
}

func (s SocketState) is(a, b SocketState) bool { return s == a || s == b }

func (s socket) reload() graph.RunResult { return graph.RunNotApplicable }

func (s socket) resetFailed() {
	if s.State == SocketFailed {
		s.enter(SocketDead)
	}
	s.Result = Success
}
