package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// The state model of a service (src/core/service.c; the names are those of its SubState property). Left to right the events:
//
//	start    a start job runs             stop     a stop job runs, or the stop half of a restart
//	reload   a reload job runs            main     the main process has ended (and ExitType= lets that count)
//	control  the last command of the control process's list has ended; "ok" or "no"
//	time     the state's deadline has passed
//	empty    no process of the unit is left
//
// "sig X" is: signal the processes that KillMode= names and wait in X; if there is none to wait for, go on as if they had ended.
// "run" is running or, if the service is no longer good, exited (RemainAfterExit=yes) or stop; "post" is stop-post or, without
// ExecStopPost=, sig final-sigterm; "end" is dead, failed or auto-restart, as restart.go decides.
//
//	state           start  stop            reload  main                 control ok / no              time                 empty
//	dead, failed    begin  -               -       -                    -                            -                    -
//	condition       here   sig stop-sigterm -      -                    start-pre / sig stop-sigterm TimeoutStartFailure  -
//	start-pre       here   sig stop-sigterm -      -                    start / sig stop-sigterm     TimeoutStartFailure  -
//	start           here   sig stop-sigterm -      by Type=, see below  forking: start-post / sig    TimeoutStartFailure  by Type=
//	start-post      here   sig stop-sigterm -      stop if no control   run / sig stop-sigterm       TimeoutStartFailure  no PID file: stop
//	running         -      stop            reload  run                  -                            RuntimeMaxSec: stop  run
//	exited          -      stop            reload  -                    -                            -                    -
//	reload*         -      sig stop-sigterm later  stop if no control   run (the result is kept)     run, kill control    -
//	stop            later  here            -       wait                 sig stop-sigterm             TimeoutStopFailure   -
//	stop-watchdog   later  sig stop-sigterm -      post if no control   post if no main              sig stop-sigkill     post
//	stop-sigterm    later  here            -       post if no control   post if no main              sig stop-sigkill*    post
//	stop-sigkill    later  here            -       post if no control   post if no main              post                 post
//	stop-post       later  here            -       sig final-sigterm    sig final-sigterm            TimeoutStopFailure   end
//	final-watchdog  later  here            -       end if no control    end if no main               sig final-sigkill    end
//	final-sigterm   later  here            -       end if no control    end if no main               sig final-sigkill*   end
//	final-sigkill   later  here            -       end if no control    end if no main               end                  end
//	auto-restart    later  dead            -       -                    -                            restart job          -
//	auto-restart-queued begin dead         -       -                    -                            -                    -
//	cleaning        later  sig final-sigkill -     -                    dead                         sig final-sigkill    -
//
// Where a row says "here" the job has nothing to do but to wait, "later" the job is tried again with the next change, "-" nothing
// happens. A * goes by way of stop-watchdog or final-watchdog with TimeoutStopFailureMode=abort. reload* is reload, reload-signal
// and reload-notify; from reload with RELOADING=1 said, control ends in reload-notify.
//
// The main process in state start, by Type=: simple and idle are in start-post as soon as there is a process; exec as soon as
// execve has succeeded; oneshot with its last command; notify and notify-reload by READY=1, and an end before that is a failure
// (protocol, if it was an orderly one and NotifyAccess= or RemainAfterExit= leave nobody else to send it); dbus by the bus name;
// forking when the command has ended, which is a control process then.
//
// Three things differ from systemd's order, as the machine asks where systemd looks. A service of Type=simple is in state start
// between the fork and the word of its PID. Where it matters whether a process is left, "sig" waits in its state for the answer; and
// the end of the main process of a service with a PID file waits for what that file says now. The state after RELOADING=1 is
// reload-notify for all types, as from systemd 253 on, where 252 has reload.

// A ServiceState is a row of the table.
type ServiceState uint8

// The states.
const (
	ServiceDead ServiceState = iota
	ServiceCondition
	ServiceStartPre
	ServiceStart
	ServiceStartPost
	ServiceRunning
	ServiceExited
	ServiceReload
	ServiceReloadSignal
	ServiceReloadNotify
	ServiceStop
	ServiceStopWatchdog
	ServiceStopSigterm
	ServiceStopSigkill
	ServiceStopPost
	ServiceFinalWatchdog
	ServiceFinalSigterm
	ServiceFinalSigkill
	ServiceFailed
	ServiceDeadBeforeAutoRestart
	ServiceFailedBeforeAutoRestart
	ServiceAutoRestart
	ServiceAutoRestartQueued
	ServiceCleaning
	serviceStateCount
)

// has is what a state may have; entering a state without it ends it (service_set_state in src/core/service.c).
type has uint8

const (
	hasTimer has = 1 << iota
	hasMain
	hasControl
	hasConnection
	hasWatchdog
)

var serviceStates = [serviceStateCount]struct {
	name   string
	active graph.ActiveState
	has    has
}{
	ServiceDead:                    {"dead", graph.Inactive, 0},
	ServiceCondition:               {"condition", graph.Activating, hasTimer | hasControl | hasConnection},
	ServiceStartPre:                {"start-pre", graph.Activating, hasTimer | hasControl | hasConnection},
	ServiceStart:                   {"start", graph.Activating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceStartPost:               {"start-post", graph.Activating, hasTimer | hasMain | hasControl | hasConnection | hasWatchdog},
	ServiceRunning:                 {"running", graph.Active, hasTimer | hasMain | hasConnection | hasWatchdog},
	ServiceExited:                  {"exited", graph.Active, 0},
	ServiceReload:                  {"reload", graph.Reloading, hasTimer | hasMain | hasControl | hasConnection | hasWatchdog},
	ServiceReloadSignal:            {"reload-signal", graph.Reloading, hasTimer | hasMain | hasControl | hasConnection | hasWatchdog},
	ServiceReloadNotify:            {"reload-notify", graph.Reloading, hasTimer | hasMain | hasControl | hasConnection | hasWatchdog},
	ServiceStop:                    {"stop", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceStopWatchdog:            {"stop-watchdog", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceStopSigterm:             {"stop-sigterm", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceStopSigkill:             {"stop-sigkill", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceStopPost:                {"stop-post", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceFinalWatchdog:           {"final-watchdog", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceFinalSigterm:            {"final-sigterm", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceFinalSigkill:            {"final-sigkill", graph.Deactivating, hasTimer | hasMain | hasControl | hasConnection},
	ServiceFailed:                  {"failed", graph.Failed, 0},
	ServiceDeadBeforeAutoRestart:   {"dead-before-auto-restart", graph.Inactive, hasTimer},
	ServiceFailedBeforeAutoRestart: {"failed-before-auto-restart", graph.Failed, hasTimer},
	ServiceAutoRestart:             {"auto-restart", graph.Activating, hasTimer},
	ServiceAutoRestartQueued:       {"auto-restart-queued", graph.Activating, 0},
	ServiceCleaning:                {"cleaning", graph.Maintenance, hasTimer | hasControl},
}

func (s ServiceState) String() string { return serviceStates[s].name }

// is tells whether the state is one of some.
func (s ServiceState) is(some ...ServiceState) bool {
	for _, other := range some {
		if s == other {
			return true
		}
	}
	return false
}

// restarts: the service will be up again without anybody's doing (service_will_restart in src/core/service.c).
func (s ServiceState) restarts() bool {
	return s >= ServiceDeadBeforeAutoRestart && s <= ServiceAutoRestartQueued
}

func (s ServiceState) reloads() bool { return s >= ServiceReload && s <= ServiceReloadNotify }

// Service is a service as it lives.
type Service struct {
	State        ServiceState
	Result       Result
	ReloadResult Result
	CleanResult  Result

	Main      Process
	MainKnown bool // it was found out which process is the main one, or there was one and it is gone
	MainAlien bool // it is not our child: its end may go unnoticed
	Control   Process

	MainIndex    int // of the ExecStart= line that the main process runs; -1: it is not a command of ours
	ControlKind  unit.CommandKind
	ControlIndex int // of the control process's line in its list; -1: it runs none
	MainStatus   ExecStatus
	Commands     Records

	Held     *HeldExit // an end of the main process that waits for the PID file
	Waiting  *Result   // ExitType=cgroup: the main process has ended so, others may still run
	Query    QueryID   // the question about the main process that is open
	Watching bool      // the PID file

	ForbidRestart bool // it was stopped on request
	Restarts      uint
	FlushRestarts bool // the next start is a new beginning

	NotifyState  notify.State
	NotifyAccess *notify.Access // said by the service itself
	StatusText   string
	StatusErrno  int
	StatusBus    string
	ReloadBegin  Usec

	WatchdogAt       Time // the last sign of life
	WatchdogOverride *Usec

	BusNameGood bool
	BusOwner    string

	Cleaning CleanMask // in state cleaning: what is being removed

	Store      []Stored
	Connection FD     // of Accept=yes
	Accepter   string // the socket unit that it came from
	Source     string // for MaxConnectionsPerSource=
	RemoteAddr string
	RemotePort string
	Peer       string // beside the unit's description
}

// HeldExit is the end of a main process that has not been acted on.
type HeldExit struct {
	PID    int
	Status Status
}

// Stored is a descriptor that the service has given to the manager to keep.
type Stored struct {
	FD   FD
	Name string
	Poll bool
}

// service is a service with what it acts on.
type service struct {
	m *Machine
	u *Unit
	*Service
}

func (s service) config() *unit.Service { return s.u.Config.Service }
func (s service) kill() *unit.KillContext {
	return s.u.Config.Kill
}

func (s service) sub() string { return s.State.String() }

// forkOnly: nothing but a fork stands between the start and its end.
func (s *Service) forkOnly(u *Unit) bool {
	t := u.Config.Service.Type
	return t == unit.ServiceSimple || t == unit.ServiceIdle
}

// active is the coarse state: for Type=idle, which must not keep others waiting, starting is being up.
func (s service) active(state ServiceState) graph.ActiveState {
	a := serviceStates[state].active
	if a == graph.Activating && !state.restarts() && s.config() != nil && s.config().Type == unit.ServiceIdle {
		return graph.Active
	}
	return a
}

// enter is the only way from state to state.
func (s service) enter(state ServiceState) {
	s.State = state
	has := serviceStates[state].has
	s.unwatchPIDFile()
	if s.Held == nil {
		s.Query = 0 // what an earlier state has asked is of no interest
	}
	if has&hasTimer == 0 {
		s.m.disarm(s.u, timerDeadline)
	}
	if has&hasMain == 0 {
		s.forgetMain()
		s.MainIndex, s.Held, s.Waiting = -1, nil, nil
	}
	if has&hasControl == 0 {
		s.forgetControl()
	}
	if has&hasWatchdog == 0 {
		s.stopWatchdog()
	}
	if state != ServiceStart {
		s.m.disarm(s.u, idleDeadline)
	}
	if _, job := s.m.graph.JobOf(s.u.ID); has&hasConnection == 0 && !(state == ServiceDead && job) {
		s.closeConnection()
	}
	var flags graph.NotifyFlags
	if s.ReloadResult != Success {
		flags |= graph.ReloadFailed
	}
	if state.is(ServiceDeadBeforeAutoRestart, ServiceFailedBeforeAutoRestart) {
		flags |= graph.WillAutoRestart
	}
	s.m.changed(s.u, s.active(state), flags)
}

// forgetMain and forgetControl stop tracking a process, which may still run as one of the others of the unit.
func (s service) forgetMain() {
	s.m.untrack(s.u, s.Main)
	s.Main = Process{}
}

func (s service) forgetControl() {
	s.m.untrack(s.u, s.Control)
	s.Control = Process{}
	s.ControlIndex = -1
}

// good is yes, no, or not known.
type good int8

const (
	no      good = -1
	unknown good = 0
	yes     good = 1
)

// mainGood: the main process is there (main_pid_good in src/core/service.c).
func (s service) mainGood() good {
	switch {
	case s.Main.Alive() || s.Held != nil:
		return yes
	case s.MainKnown:
		return no
	}
	return unknown
}

// restGood: the unit has any process (cgroup_good in src/core/service.c).
func (s service) restGood() good {
	switch {
	case s.u.Leftover.none():
		return no
	case s.u.Leftover.Known:
		return yes
	}
	return unknown
}

// isGood: the service can count as running (service_good in src/core/service.c). What is not known counts as good, and is asked.
func (s service) isGood() bool {
	if s.config().Type == unit.ServiceDBus && !s.BusNameGood {
		return false
	}
	switch s.mainGood() {
	case yes:
		return true
	case no:
		return false
	}
	if s.restGood() == unknown {
		s.m.askEmpty(s.u)
	}
	return s.restGood() != no
}
