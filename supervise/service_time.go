package supervise

import "keelson/supervise/unit"

// deadline is the column "time" of the state table (service_dispatch_timer and service_dispatch_watchdog in
// src/core/service.c).
func (s service) deadline(k deadlineKind) {
	switch k {
	case watchdogDeadline:
		s.m.log(s.u, 3, "Watchdog timeout (limit "+s.watchdog().Format(1)+")!")
		s.enterSignal(ServiceStopWatchdog, Watchdog)
		return
	case idleDeadline:
		s.main(0)
		return
	}
	c := s.config()
	switch state := s.State; {
	case state >= ServiceCondition && state <= ServiceStartPost:
		s.tooLong(c.TimeoutStartFailed, state.String()+" operation timed out.", ServiceStopWatchdog)
	case state == ServiceRunning:
		s.m.log(s.u, 4, "Service reached runtime time limit. Stopping.")
		s.enterStop(Timeout)
	case state.reloads():
		s.m.log(s.u, 4, "Reload operation timed out. Killing reload process.")
		if s.Control.Alive() {
			s.m.emit(Kill{Unit: s.u.Name, Control: s.Control, Signal: unit.SIGKILL})
		}
		s.ReloadResult = Timeout
		s.enterRunning(Success)
	case state == ServiceStop:
		s.tooLong(c.TimeoutStopFailed, "Stopping timed out.", ServiceStopWatchdog)
	case state == ServiceStopPost:
		s.tooLong(c.TimeoutStopFailed, "State 'stop-post' timed out.", ServiceFinalWatchdog)
	case state.is(ServiceStopSigterm, ServiceFinalSigterm) && c.TimeoutStopFailed == unit.TimeoutAbort:
		s.m.log(s.u, 4, "State '"+state.String()+"' timed out. Aborting.")
		s.enterSignal(state-1, Timeout) // stop-watchdog, final-watchdog
	case state.is(ServiceStopWatchdog, ServiceStopSigterm):
		s.tooLong(unit.TimeoutKill, "State '"+state.String()+"' timed out.", ServiceStopWatchdog)
	case state.is(ServiceFinalWatchdog, ServiceFinalSigterm):
		s.tooLong(unit.TimeoutKill, "State '"+state.String()+"' timed out.", ServiceFinalWatchdog)
	case state == ServiceStopSigkill:
		s.m.log(s.u, 4, "Processes still around after SIGKILL. Ignoring.")
		s.enterStopPost(Timeout)
	case state == ServiceFinalSigkill:
		s.m.log(s.u, 4, "Processes still around after final SIGKILL. Entering failed mode.")
		s.enterDead(Timeout, true)
	case state == ServiceAutoRestart:
		s.enterRestart()
	case state == ServiceCleaning:
		s.m.log(s.u, 4, "Cleaning timed out. killing.")
		s.CleanResult.keep(Timeout)
		s.enterSignal(ServiceFinalSigkill, Success)
	}
}

// tooLong ends what takes too long in one of three ways (systemd.service(5), TimeoutStartFailureMode=). watchdog is the first
// of the three states of the phase: terminating and killing follow it.
func (s service) tooLong(mode unit.TimeoutFailureMode, what string, watchdog ServiceState) {
	switch {
	case mode == unit.TimeoutTerminate:
		s.m.log(s.u, 4, what+" Terminating.")
		s.enterSignal(watchdog+1, Timeout)
	case mode == unit.TimeoutAbort:
		s.m.log(s.u, 4, what+" Aborting.")
		s.enterSignal(watchdog, Timeout)
	case s.kill().SendSIGKILL:
		s.m.log(s.u, 4, what+" Killing.")
		s.enterSignal(watchdog+2, Timeout)
	case watchdog == ServiceStopWatchdog:
		s.m.log(s.u, 4, what+" Skipping SIGKILL.")
		s.enterStopPost(Timeout)
	default:
		s.m.log(s.u, 4, what+" Skipping SIGKILL. Entering failed mode.")
		s.enterDead(Timeout, false)
	}
}

// watchdog is WatchdogSec=, or what the service has said instead with WATCHDOG_USEC=; 0 is none.
func (s service) watchdog() Usec {
	w := s.config().Watchdog
	if s.WatchdogOverride != nil {
		w = *s.WatchdogOverride
	}
	if w == Infinity {
		return 0
	}
	return w
}

// resetWatchdog notes a sign of life.
func (s service) resetWatchdog() {
	s.WatchdogAt = s.m.now
	if w := s.watchdog(); w != 0 {
		s.m.after(s.u, watchdogDeadline, w)
	} else {
		s.stopWatchdog()
	}
}

func (s service) stopWatchdog() {
	s.m.disarm(s.u, watchdogDeadline)
	s.WatchdogAt = Time{}
}

// extend is EXTEND_TIMEOUT_USEC= (sd_notify(3)): what waits waits at least so much longer.
func (s service) extend(by Usec) {
	if by == 0 || by == Infinity {
		return
	}
	at := s.m.now.Monotonic.Add(by)
	for _, k := range [...]deadlineKind{timerDeadline, watchdogDeadline} {
		if d := s.u.Deadlines[k]; d.set() && d.At < at {
			s.m.arm(s.u, k, at, 0)
		}
	}
}
