package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// stop is a stop job, or the stop half of a restart (service_stop in src/core/service.c).
func (s service) stop() graph.RunResult {
	s.ForbidRestart = true
	switch state := s.State; {
	case state.is(ServiceAutoRestart, ServiceAutoRestartQueued):
		s.enter(ServiceDead)
	case state.is(ServiceRunning, ServiceExited):
		s.enterStop(Success)
	case state == ServiceCleaning:
		s.enterSignal(ServiceFinalSigkill, Success)
	case state >= ServiceCondition && state <= ServiceStartPost, state.reloads(), state == ServiceStopWatchdog:
		s.enterSignal(ServiceStopSigterm, Success)
	}
	return graph.RunUnderway
}

// enterStop begins an orderly stop: ExecStop=, if the service has been up.
func (s service) enterStop(f Result) {
	s.Result.keep(f)
	s.forgetControl()
	if !s.has(unit.ExecStop) {
		s.enterSignal(ServiceStopSigterm, Success)
		return
	}
	s.control(unit.ExecStop, 0)
	s.enter(ServiceStop)
}

// signals says which signal a state sends, whether SendSIGHUP= goes with it, and whether it is worth a line per process
// (operation_to_signal in src/core/unit.c).
func (s service) signals(state ServiceState) (signal unit.Signal, hangup, noteworthy bool) {
	k := s.kill()
	switch state {
	case ServiceStopWatchdog, ServiceFinalWatchdog:
		return k.WatchdogSignal, false, true
	case ServiceStopSigkill, ServiceFinalSigkill:
		return k.FinalKillSignal, false, true
	case ServiceStopSigterm:
		if j, ok := s.m.graph.JobOf(s.u.ID); ok && j.Type == graph.JobRestart {
			return k.RestartSignal(), false, false
		}
	}
	return k.KillSignal, k.SendSIGHUP && k.KillSignal != unit.SIGHUP, false
}

// enterSignal signals the service's processes and waits in a state for them to end, or goes on if there are none to wait for
// (service_enter_signal in src/core/service.c, unit_kill_context in src/core/unit.c; systemd.kill(5)).
func (s service) enterSignal(state ServiceState, f Result) {
	s.Result.keep(f)
	k := s.kill()
	signal, hangup, noteworthy := s.signals(state)
	final := state.is(ServiceStopSigkill, ServiceFinalSigkill)
	e := Kill{
		Unit: s.u.Name, Main: s.Main, Control: s.Control, Signal: signal, Continue: true, Hangup: hangup, Tell: noteworthy,
	}
	e.Rest = (k.Mode == unit.KillControlGroup || k.Mode == unit.KillMixed && final) && s.restGood() != no
	tracked := s.Main.Alive() && !s.MainAlien || s.Control.Alive() || s.Held != nil
	if k.Mode != unit.KillNone && (e.Rest || tracked || s.Main.Alive()) {
		s.m.emit(e)
		if tracked || e.Rest {
			timeout := s.config().TimeoutStop
			if state.is(ServiceStopWatchdog, ServiceFinalWatchdog) {
				timeout = s.config().AbortTimeout()
			}
			s.m.after(s.u, timerDeadline, timeout)
			s.enter(state)
			if !tracked {
				s.m.askEmpty(s.u)
			}
			return
		}
	}
	switch {
	case state.is(ServiceStopWatchdog, ServiceStopSigterm) && k.SendSIGKILL:
		s.enterSignal(ServiceStopSigkill, Success)
	case state.is(ServiceStopWatchdog, ServiceStopSigterm, ServiceStopSigkill):
		s.enterStopPost(Success)
	case state.is(ServiceFinalWatchdog, ServiceFinalSigterm) && k.SendSIGKILL:
		s.enterSignal(ServiceFinalSigkill, Success)
	default:
		s.enterDead(Success, true)
	}
}

func (s service) enterStopPost(f Result) {
	s.Result.keep(f)
	s.forgetControl()
	if !s.has(unit.ExecStopPost) {
		s.enterSignal(ServiceFinalSigterm, Success)
		return
	}
	s.control(unit.ExecStopPost, 0)
	s.enter(ServiceStopPost)
}

// enterDead ends a life, and with mayRestart perhaps begins the wait for the next (service_enter_dead in
// src/core/service.c).
func (s service) enterDead(f Result, mayRestart bool) {
	if s.m.graph.StopPending(s.u.ID) {
		mayRestart = false
	}
	s.Result.keep(f)
	s.m.logResult(s.u, s.Result)
	end, before := ServiceDead, ServiceDeadBeforeAutoRestart
	if s.Result != Success && s.Result != SkipCondition {
		end, before = ServiceFailed, ServiceFailedBeforeAutoRestart
	}
	restart := mayRestart && s.shallRestart()
	if restart {
		if s.config().RestartMode != unit.RestartDirect {
			s.enter(before)
		}
		s.m.after(s.u, timerDeadline, s.restartDelay())
		s.enter(ServiceAutoRestart)
	} else {
		s.enter(end)
		s.FlushRestarts = true
	}
	s.ForbidRestart = false
	s.NotifyAccess = nil
	s.removeRuntime(restart)
	if s.config().FDStorePreserve == unit.FDStoreNo {
		s.releaseStore()
	}
	if s.config().PIDFile != "" {
		s.m.emit(RemovePIDFile{s.u.Name, s.config().PIDFile})
	}
	if !s.u.Leftover.none() {
		s.m.askEmpty(s.u)
	}
}

// removeRuntime: systemd.exec(5), RuntimeDirectoryPreserve= (unit_destroy_runtime_data in src/core/unit.c).
func (s service) removeRuntime(restart bool) {
	e := s.u.Config.Exec
	if len(e.Directories[unit.RuntimeDirectory].List) == 0 {
		return
	}
	if j, ok := s.m.graph.JobOf(s.u.ID); ok && (j.Type == graph.JobStart || j.Type == graph.JobRestart) {
		restart = true
	}
	if e.RuntimeDirectoryPreserve == unit.PreserveNo || e.RuntimeDirectoryPreserve == unit.PreserveRestart && !restart {
		s.m.emit(RemoveDirectories{Unit: s.u.Name, Mask: 1 << unit.RuntimeDirectory, Exec: e})
	}
}

// bothGone goes on with a stop for which a process has ended, if that was the last one that it waits for.
func (s service) bothGone(f Result) {
	if s.mainGood() == yes || s.Control.Alive() {
		return
	}
	switch s.State {
	case ServiceStopWatchdog, ServiceStopSigterm, ServiceStopSigkill:
		s.enterStopPost(f)
	case ServiceStopPost:
		s.enterSignal(ServiceFinalSigterm, f)
	case ServiceFinalWatchdog, ServiceFinalSigterm, ServiceFinalSigkill:
		s.enterDead(f, true)
	}
}

// empty: no process of the service is left (service_notify_cgroup_empty_event in src/core/service.c). For most states the end of
// a process that we know says more, so this one is left alone.
func (s service) empty() {
	if s.Main.Alive() && !s.MainAlien || s.Control.Alive() || s.Held != nil {
		return // older than the newest process, or ahead of an exit that will be told
	}
	s.u.Leftover = Leftover{Known: true}
	if s.Main.Alive() {
		s.forgetMain() // not our child: this is how its end is noticed
		s.MainStatus.Exit = s.m.now
	}
	if s.Waiting != nil {
		f := *s.Waiting
		s.Waiting = nil
		s.mainGone(f)
		return
	}
	switch s.State {
	case ServiceStart:
		if s.isNotify() && s.mainGood() == no {
			s.enterStopPost(Protocol)
			return
		}
		if s.config().ExitType == unit.ExitCgroup && !s.u.Deadlines[idleDeadline].set() {
			s.enterStartPost()
			return
		}
		s.noPIDFile()
	case ServiceStartPost:
		s.noPIDFile()
	case ServiceRunning:
		s.enterRunning(Success)
	case ServiceStopWatchdog, ServiceStopSigterm, ServiceStopSigkill:
		s.enterStopPost(Success)
	case ServiceStopPost, ServiceFinalWatchdog, ServiceFinalSigterm, ServiceFinalSigkill:
		s.enterDead(Success, true)
	}
}

// noPIDFile gives up hope for a PID file that nobody is left to write.
func (s service) noPIDFile() {
	if !s.Watching || s.mainGood() != no {
		return
	}
	s.m.log(s.u, 4, "Daemon never wrote its PID file. Failing.")
	if s.State == ServiceStart {
		s.enterStopPost(Protocol)
	} else {
		s.enterStop(Protocol)
	}
}

// left: others of the service's processes go on.
func (s service) left() { s.Waiting = nil }

func (s service) isNotify() bool {
	t := s.config().Type
	return t == unit.ServiceNotify || t == unit.ServiceNotifyReload
}

// outOfMemory: systemd.service(5), OOMPolicy= (service_notify_cgroup_oom_event in src/core/service.c).
func (s service) outOfMemory() {
	s.m.logID(s.u, 5, idOutOfMemory, "A process of this unit has been killed by the OOM killer.")
	if s.config() == nil || s.config().OOMPolicy == unit.OOMContinue {
		return
	}
	stops := s.config().OOMPolicy == unit.OOMStop
	switch state := s.State; {
	case state >= ServiceCondition && state <= ServiceStartPost, state == ServiceStop:
		if stops {
			s.enterSignal(ServiceStopSigterm, OOMKill)
		} else {
			s.enterSignal(ServiceStopSigkill, OOMKill)
		}
	case state.is(ServiceExited, ServiceRunning):
		if stops {
			s.enterStop(OOMKill)
		} else {
			s.enterSignal(ServiceStopSigkill, OOMKill)
		}
	case state.is(ServiceStopWatchdog, ServiceStopSigterm):
		s.enterSignal(ServiceStopSigkill, OOMKill)
	case state.is(ServiceStopSigkill, ServiceFinalSigkill):
		s.Result.keep(OOMKill)
	case state.is(ServiceStopPost, ServiceFinalSigterm):
		s.enterSignal(ServiceFinalSigkill, OOMKill)
	}
}

func (s service) resetFailed() {
	if s.State == ServiceFailed {
		s.enter(ServiceDead)
	}
	s.Result, s.ReloadResult, s.CleanResult = Success, Success, Success
	s.Restarts, s.FlushRestarts = 0, false
}

// triggered: services trigger nothing.
func (s service) triggered(news) {}
