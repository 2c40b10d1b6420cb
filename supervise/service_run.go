package supervise

import (
	"fmt"
	"math"

	"keelson/supervise/graph"
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// enterRunning decides what a service is whose start, reload or check is done (service_enter_running in
// src/core/service.c).
func (s service) enterRunning(f Result) {
	s.Result.keep(f)
	s.forgetControl()
	switch {
	case s.Result != Success:
		s.enterSignal(ServiceStopSigterm, f)
	case !s.isGood():
		if s.config().RemainAfterExit {
			s.enter(ServiceExited)
		} else {
			s.enterStop(Success)
		}
	case s.NotifyState == notify.StateReloading:
		s.enterReloadByNotify()
	case s.NotifyState == notify.StateStopping:
		s.enterStopByNotify()
	default:
		s.enter(ServiceRunning)
		s.armRuntime()
	}
}

// armRuntime: RuntimeMaxSec= counts from the moment at which the service became active, and RuntimeRandomizedExtraSec= comes
// on top, chosen anew each time (service_running_timeout in src/core/service.c).
func (s service) armRuntime() {
	c := s.config()
	if c.RuntimeMax == Infinity {
		s.m.disarm(s.u, timerDeadline)
		return
	}
	at := s.u.ActiveEnter.Monotonic.Add(c.RuntimeMax)
	if c.RuntimeRandomExtra != 0 {
		at = at.Add(Usec(s.m.config.Random() % uint64(c.RuntimeRandomExtra)))
	}
	s.m.arm(s.u, timerDeadline, at, 0)
}

// reload is a reload job (service_enter_reload in src/core/service.c). Type=notify-reload is asked by a signal, and says itself
// when it is done.
func (s service) reload() graph.RunResult {
	if !s.State.is(ServiceRunning, ServiceExited) {
		return graph.RunAgain // Type=idle is active while it starts
	}
	s.forgetControl()
	s.ReloadResult = Success
	signaled := s.config().Type == unit.ServiceNotifyReload && s.Main.Alive()
	if signaled {
		s.m.emit(Kill{Unit: s.u.Name, Main: s.Main, Signal: s.config().ReloadSignal, Continue: true})
	}
	switch {
	case s.has(unit.ExecReload):
		s.control(unit.ExecReload, 0)
		s.enter(ServiceReload)
	case signaled:
		s.m.after(s.u, timerDeadline, s.config().TimeoutStart)
		s.enter(ServiceReloadSignal)
	default:
		s.enterRunning(Success)
		return graph.RunUnderway
	}
	s.ReloadBegin = s.m.now.Monotonic
	return graph.RunUnderway
}

func (s service) enterReloadByNotify() {
	s.m.after(s.u, timerDeadline, s.config().TimeoutStart)
	s.enter(ServiceReloadNotify)
	s.propagateReload()
}

// propagateReload reloads what PropagatesReloadTo= names, as the service reloads of its own accord.
func (s service) propagateReload() {
	out, err := s.m.graph.PropagateReload(s.u.ID, graph.ModeFail)
	s.m.outcome(out)
	if err != nil {
		s.m.log(s.u, 4, "Failed to schedule propagation of reload: "+err.Error())
	}
}

func (s service) enterStopByNotify() {
	s.m.after(s.u, timerDeadline, s.config().TimeoutStop)
	s.enter(ServiceStopSigterm) // as if it had been told to
}

// enterRestart makes the restart job for which auto-restart has waited (service_enter_restart in src/core/service.c). Units
// that are bound to this one are restarted with it. With RestartMode=direct the service is not seen as down in between, so a
// start will do, as in systemd 254.
func (s service) enterRestart() {
	if s.m.graph.StopPending(s.u.ID) {
		s.m.log(s.u, 6, "Stop job pending for unit, skipping automatic restart.")
		return
	}
	job, mode := graph.JobRestart, graph.ModeReplace
	if s.config().RestartMode == unit.RestartDirect {
		job, mode = graph.JobStart, graph.ModeRestartDependencies
	}
	if _, err := s.m.enqueue(job, s.u.ID, mode); err != nil {
		s.m.log(s.u, 4, "Failed to schedule restart job: "+err.Error())
		s.enterDead(Resources, false)
		return
	}
	s.Restarts++
	s.FlushRestarts = false
	s.m.logID(s.u, 6, idRestart, fmt.Sprintf("Scheduled restart job, restart counter is at %d.", s.Restarts),
		fmt.Sprintf("N_RESTARTS=%d", s.Restarts))
	if mode == graph.ModeRestartDependencies {
		s.enter(ServiceAutoRestartQueued)
	}
}

// restartDelay is how long auto-restart waits: RestartSec= and, with RestartSteps= and RestartMaxDelaySec=, geometrically more
// with each restart (service_restart_usec_next in src/core/service.c of systemd 254).
func (s service) restartDelay() Usec {
	c := s.config()
	next := s.Restarts + 1
	switch {
	case next <= 1, c.RestartSteps == 0, c.RestartDelay == 0, c.RestartMaxDelay == Infinity, c.RestartDelay >= c.RestartMaxDelay:
		return c.RestartDelay
	case next > c.RestartSteps:
		return c.RestartMaxDelay
	}
	ratio := float64(c.RestartMaxDelay) / float64(c.RestartDelay)
	return Usec(float64(c.RestartDelay) * math.Pow(ratio, float64(next-1)/float64(c.RestartSteps)))
}

// busName follows the owner of a BusName= (service_bus_name_owner_change in src/core/service.c).
func (m *Machine) busName(e BusName) {
	u := m.busNames[e.Name]
	if u == nil || u.Service == nil || u.Config.Service == nil {
		return
	}
	s := service{m, u, u.Service}
	s.BusNameGood, s.BusOwner = e.Owner != "", e.Owner
	switch {
	case s.config().Type == unit.ServiceDBus && s.State == ServiceRunning:
		s.enterRunning(Success)
	case s.config().Type == unit.ServiceDBus && s.State == ServiceStart && s.BusNameGood:
		s.enterStartPost()
	case s.config().Type != unit.ServiceDBus && s.BusNameGood && e.PID > 1 && !s.Main.Alive() && s.Held == nil &&
		(s.State.is(ServiceStart, ServiceStartPost, ServiceRunning) || s.State.reloads()):
		s.setMain(e.PID, true)
	}
}
