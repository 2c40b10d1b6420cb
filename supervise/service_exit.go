package supervise

import "keelson/supervise/unit"

// exited hands the end of a process to the unit that tracks it, once.
func (m *Machine) exited(e Exited) {
	u := m.pids[e.PID]
	if u == nil {
		return
	}
	delete(m.pids, e.PID)
	switch {
	case u.Socket != nil:
		socket{m, u, u.Socket}.exited(e)
	case u.Service.Main.PID == e.PID:
		service{m, u, u.Service}.mainExited(e)
	case u.Service.Control.PID == e.PID:
		service{m, u, u.Service}.controlExited(e)
	}
}

// untrack forgets a process.
func (m *Machine) untrack(u *Unit, p Process) {
	delete(m.commands, p.Command)
	if m.pids[p.PID] == u {
		delete(m.pids, p.PID)
	}
}

// mainExited takes the end of the main process. A daemon may have handed over to another process: its PID file says so.
func (s service) mainExited(e Exited) {
	s.forgetMain()
	if s.config().PIDFile != "" && s.State != ServiceStopPost && s.State < ServiceFinalWatchdog {
		s.Held = &HeldExit{e.PID, e.Status}
		s.askMain(s.config().PIDFile, false)
		return
	}
	s.mainEnded(e.PID, e.Status)
}

// mainEnded notes how the main process ended (the first half of service_sigchld_event in src/core/service.c).
func (s service) mainEnded(pid int, status Status) {
	c := s.config()
	f := status.result(c.Type != unit.ServiceOneshot, &c.Success)
	s.MainStatus.PID, s.MainStatus.Exit, s.MainStatus.Status = pid, s.m.now, status
	line := s.line(unit.ExecStart, s.MainIndex)
	if r := s.record(unit.ExecStart, s.MainIndex); r != nil {
		*r = s.MainStatus
	}
	if line == nil {
		line = s.line(unit.ExecStart, 0) // a forked daemon: "-" of the command that brought it up counts
	}
	if line != nil && line.Flags&unit.IgnoreFailure != 0 {
		f = Success
	}
	s.m.logExit(s.u, "Main process", unit.ExecStart.String(), f == Success, status)
	s.Result.keep(f)
	next := s.MainIndex + 1
	if s.MainIndex >= 0 && c.Type == unit.ServiceOneshot && f == Success && s.line(unit.ExecStart, next) != nil &&
		s.State == ServiceStart {
		s.main(next)
		s.m.touched(s.u)
		return
	}
	s.MainIndex = -1
	s.m.touched(s.u)
	if c.ExitType == unit.ExitCgroup && s.restGood() != no {
		if s.restGood() == unknown {
			s.Waiting = &f
		}
		s.m.askEmpty(s.u)
		return
	}
	s.mainGone(f)
}

// mainGone is the column "main" of the state table.
func (s service) mainGone(f Result) {
	switch state := s.State; {
	case state == ServiceStartPost, state.reloads():
		if !s.Control.Alive() {
			s.enterStop(f)
		}
	case state == ServiceStart:
		s.mainGoneInStart(f)
	case state == ServiceRunning:
		s.enterRunning(f)
	default:
		s.bothGone(f)
	}
}

func (s service) mainGoneInStart(f Result) {
	c := s.config()
	switch {
	case c.Type == unit.ServiceOneshot && f == Success:
		s.enterStartPost()
	case c.Type == unit.ServiceOneshot:
		s.enterSignal(ServiceStopSigterm, f)
	case s.isNotify() && f != Success:
		s.enterSignal(ServiceStopSigterm, f)
	case s.isNotify() && (!c.RemainAfterExit || c.NotifyAccess == unit.NotifyMain):
		s.enterSignal(ServiceStopSigterm, Protocol) // nobody is left to say READY=1
	case s.isNotify():
	default:
		s.enterRunning(f)
	}
}

// controlExited is the column "control" of the state table (the second half of service_sigchld_event in
// src/core/service.c).
func (s service) controlExited(e Exited) {
	kind, index := s.ControlKind, s.ControlIndex
	s.m.untrack(s.u, s.Control)
	s.Control = Process{}
	// A command is no daemon, except that of a forking service.
	c := s.config()
	f := e.Status.result(kind == unit.ExecStart && c.Type != unit.ServiceOneshot, &c.Success)
	line := s.line(kind, index)
	if r := s.record(kind, index); r != nil {
		r.PID, r.Exit, r.Status = e.PID, s.m.now, e.Status
	}
	if line != nil && line.Flags&unit.IgnoreFailure != 0 {
		f = Success
	}
	name, success := "Control process", f == Success
	if s.State == ServiceCondition {
		// An exit with 1 to 254 means: not now (systemd.service(5), ExecCondition=).
		name = "Condition check process"
		if f == ExitCode && e.Status.Value < 255 {
			f, success = SkipCondition, true
			s.u.ConditionResult, s.u.ConditionTime = false, s.m.now
		} else if f == Success {
			s.u.ConditionResult = true
		}
	}
	s.m.logExit(s.u, name, kind.String(), success, e.Status)
	if !s.State.reloads() && s.State != ServiceCleaning {
		s.Result.keep(f)
	}
	if f == Success && index >= 0 && s.line(kind, index+1) != nil {
		s.control(kind, index+1)
		s.m.touched(s.u)
		return
	}
	s.ControlIndex = -1
	s.controlGone(f)
}

func (s service) controlGone(f Result) {
	switch s.State {
	case ServiceCondition, ServiceStartPre:
		switch {
		case f != Success:
			s.enterSignal(ServiceStopSigterm, f)
		case s.State == ServiceCondition:
			s.enterStartPre()
		default:
			s.enterStart()
		}
	case ServiceStart:
		switch {
		case s.config().Type != unit.ServiceForking: // it was, before a daemon-reload
		case f != Success:
			s.enterSignal(ServiceStopSigterm, f)
		default:
			s.askMain(s.config().PIDFile, s.config().GuessMainPID)
		}
	case ServiceStartPost:
		switch {
		case f != Success:
			s.enterSignal(ServiceStopSigterm, f)
		case s.config().PIDFile != "" || !s.MainKnown && s.config().GuessMainPID:
			s.askMain(s.config().PIDFile, s.config().GuessMainPID)
		default:
			s.enterRunning(Success)
		}
	case ServiceReload, ServiceReloadSignal, ServiceReloadNotify:
		s.ReloadResult = f
		if f == Success && (s.config().PIDFile != "" || !s.MainKnown && s.config().GuessMainPID) {
			s.askMain(s.config().PIDFile, s.config().GuessMainPID)
			return
		}
		s.reloaded()
	case ServiceStop:
		s.enterSignal(ServiceStopSigterm, f)
	case ServiceCleaning:
		s.CleanResult.keep(f)
		s.enterDead(Success, false)
	default:
		s.bothGone(f)
	}
}
