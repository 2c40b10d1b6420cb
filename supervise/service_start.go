package supervise

import (
	"keelson/supervise/calendar"
	"keelson/supervise/graph"
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// start is a start job (service_start and service_can_start in src/core/service.c).
func (s service) start() graph.RunResult {
	if !s.m.mayStart(s.u) {
		s.enterDead(StartLimitHit, false)
		return graph.RunFailed
	}
	switch {
	case s.State >= ServiceStop && s.State <= ServiceFinalSigkill, s.State == ServiceCleaning, s.State == ServiceAutoRestart:
		return graph.RunAgain
	case s.State >= ServiceCondition && s.State <= ServiceStartPost:
		return graph.RunUnderway
	}
	s.m.invoke(s.u)
	s.Result, s.ReloadResult = Success, Success
	s.MainKnown, s.MainAlien, s.ForbidRestart = false, false, false
	s.MainIndex, s.ControlIndex = -1, -1
	s.StatusText, s.StatusErrno, s.StatusBus = "", 0, ""
	s.NotifyState = notify.StateUnknown
	s.WatchdogOverride = nil
	s.Commands = Records{}
	s.MainStatus = ExecStatus{}
	if s.FlushRestarts {
		s.Restarts, s.FlushRestarts = 0, false
	}
	s.enterCondition()
	return graph.RunUnderway
}

// crowded refuses to start beside processes of an earlier life that must not be killed (service_adverse_to_leftover_processes
// in src/core/service.c).
func (s service) crowded() bool {
	if !s.u.Leftover.some() {
		return false
	}
	for _, p := range s.u.Leftover.Processes {
		s.m.logf(s.u, 4, "Found left-over process %d (%s) in control group while starting unit. Ignoring.\n"+
			"This usually indicates unclean termination of a previous run, or service implementation deficiencies.", p.PID, p.Name)
	}
	if k := s.kill(); k.SendSIGKILL || k.Mode != unit.KillControlGroup && k.Mode != unit.KillMixed {
		return false
	}
	s.m.log(s.u, 3, "Will not start SendSIGKILL=no service of type KillMode=control-group or mixed while processes exist")
	return true
}

func (s service) enterCondition() {
	s.forgetControl()
	switch {
	case !s.has(unit.ExecCondition):
		s.enterStartPre()
	case s.crowded():
		s.enterDead(Resources, true)
	default:
		s.control(unit.ExecCondition, 0)
		s.enter(ServiceCondition)
	}
}

func (s service) enterStartPre() {
	s.forgetControl()
	switch {
	case !s.has(unit.ExecStartPre):
		s.enterStart()
	case s.crowded():
		s.enterDead(Resources, true)
	default:
		s.control(unit.ExecStartPre, 0)
		s.enter(ServiceStartPre)
	}
}

// idleDelay is how long Type=idle waits for other jobs (systemd.service(5), Type=).
const idleDelay = 5 * calendar.Second

// enterStart starts what the service is for (service_enter_start in src/core/service.c).
func (s service) enterStart() {
	s.forgetControl()
	s.forgetMain()
	if s.crowded() {
		s.enterSignal(ServiceStopSigterm, Resources)
		return
	}
	if !s.has(unit.ExecStart) {
		// Only a oneshot may have none. It goes through this state, as others act on it.
		s.enter(ServiceStart)
		s.enterStartPost()
		return
	}
	switch s.config().Type {
	case unit.ServiceForking:
		s.control(unit.ExecStart, 0)
	case unit.ServiceIdle:
		s.m.disarm(s.u, timerDeadline)
		s.m.after(s.u, idleDeadline, idleDelay)
		s.m.idlers = append(s.m.idlers, s.u)
	default:
		s.main(0)
	}
	s.enter(ServiceStart)
}

// releaseIdle lets a service of Type=idle go on once there is no job left.
func (m *Machine) releaseIdle() bool {
	if len(m.idlers) == 0 || m.graph.JobCount() > 0 {
		return false
	}
	u := m.idlers[0]
	m.idlers = m.idlers[1:]
	if u.Deadlines[idleDeadline].set() {
		m.disarm(u, idleDeadline)
		service{m, u, u.Service}.main(0)
	}
	return true
}

func (s service) enterStartPost() {
	s.forgetControl()
	s.resetWatchdog()
	if !s.has(unit.ExecStartPost) {
		s.enterRunning(Success)
		return
	}
	s.control(unit.ExecStartPost, 0)
	s.enter(ServiceStartPost)
}

// spawned notes a process's PID.
func (m *Machine) spawned(e Spawned) {
	u := m.commands[e.Command]
	if u == nil || e.PID <= 0 {
		return
	}
	switch {
	case u.Service != nil:
		s := service{m, u, u.Service}
		switch e.Command {
		case s.Main.Command:
			s.mainSpawned(e.PID)
		case s.Control.Command:
			s.Control.PID = e.PID
			m.pids[e.PID] = u
			if r := s.record(s.ControlKind, s.ControlIndex); r != nil {
				*r = ExecStatus{PID: e.PID, Start: m.now}
			}
			m.touched(u)
		}
	case u.Socket != nil && u.Socket.Control.Command == e.Command:
		u.Socket.Control.PID = e.PID
		m.pids[e.PID] = u
	}
}

func (s service) mainSpawned(pid int) {
	if s.Main.PID == pid {
		return
	}
	if s.Main.PID != 0 {
		return // said twice
	}
	s.Main.PID = pid
	s.m.pids[pid] = s.u
	s.MainStatus = ExecStatus{PID: pid, Start: s.m.now}
	if r := s.record(unit.ExecStart, s.MainIndex); r != nil {
		*r = s.MainStatus
	}
	if s.State == ServiceStart && s.forkOnly(s.u) {
		s.enterStartPost()
	} else {
		s.m.touched(s.u)
	}
}

// spawnFailed is a fork that failed: not a failure of the command, so "-" does not cover it.
func (m *Machine) spawnFailed(e SpawnFailed) {
	u := m.commands[e.Command]
	if u == nil {
		return
	}
	if u.Socket != nil {
		socket{m, u, u.Socket}.spawnFailed(e)
		return
	}
	s := service{m, u, u.Service}
	isMain := s.Main.Command == e.Command
	if !isMain && s.Control.Command != e.Command {
		delete(m.commands, e.Command)
		return
	}
	index := s.ControlIndex
	task := spawnTasks[s.State]
	if isMain {
		index = s.MainIndex
		s.forgetMain()
		s.MainKnown = true
	} else {
		s.forgetControl()
	}
	if index > 0 {
		task = "next control"
		if isMain {
			task = "next main"
		}
	}
	m.logf(u, 4, "Failed to run '%s' task: %s", task, e.Error)
	switch {
	case s.State == ServiceStart && index > 0:
		s.enterStop(Resources)
	case s.State == ServiceStart:
		s.enterSignal(ServiceStopSigterm, Resources)
	case s.State.is(ServiceCondition, ServiceStartPre) && index == 0:
		s.enterDead(Resources, true)
	case s.State == ServiceStartPost && index == 0:
		s.enterStop(Resources)
	case s.State.is(ServiceCondition, ServiceStartPre, ServiceStartPost, ServiceStop):
		s.enterSignal(ServiceStopSigterm, Resources)
	case s.State.reloads():
		s.ReloadResult = Resources
		s.enterRunning(Success)
	case s.State == ServiceStopPost && index == 0:
		s.enterSignal(ServiceFinalSigterm, Resources)
	case s.State == ServiceStopPost:
		s.enterDead(Resources, true)
	default: // it was to be killed already
		s.Result.keep(Resources)
		s.bothGone(Resources)
	}
}

// spawnTasks are what systemd calls the commands of a state.
var spawnTasks = [serviceStateCount]string{
	ServiceCondition: "exec-condition", ServiceStartPre: "start-pre", ServiceStart: "start", ServiceStartPost: "start-post",
	ServiceReload: "reload", ServiceStop: "stop", ServiceStopPost: "stop-post",
}

// execDone is the end of the steps before execve. A failure is told here; the process ends by itself with its status.
func (m *Machine) execDone(e ExecDone) {
	u := m.commands[e.Command]
	if u == nil {
		return
	}
	if e.Error != "" {
		m.logID(u, 3, idSpawnFailed, "Failed at step "+e.Step+" spawning "+e.Path+": "+e.Error, "EXECUTABLE="+e.Path)
		return
	}
	if s := u.Service; s != nil && s.Main.Command == e.Command && s.State == ServiceStart && u.Config.Service.Type == unit.ServiceExec {
		service{m, u, s}.enterStartPost()
	}
}
