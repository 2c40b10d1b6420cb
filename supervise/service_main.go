package supervise

import (
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// askMain asks which process is the main one.
func (s service) askMain(pidFile string, guess bool) {
	s.Query = s.m.query()
	s.m.emit(AskMain{s.u.Name, s.Query, pidFile, guess})
}

// setMain takes a process as the main one (service_set_main_pid in src/core/service.c).
func (s service) setMain(pid int, ours bool) {
	if pid <= 1 || pid == s.Main.PID {
		return
	}
	if other := s.m.pids[pid]; other != nil {
		return // some unit's already: an exit is consumed once
	}
	if !ours {
		s.m.logf(s.u, 4, "Supervising process %d which is not our child. We'll most likely not notice when it exits.", pid)
	}
	s.forgetMain()
	s.Main, s.MainKnown, s.MainAlien, s.Held = Process{PID: pid}, true, !ours, nil
	s.m.pids[pid] = s.u
	s.MainStatus = ExecStatus{PID: pid, Start: s.m.now}
	s.m.touched(s.u)
}

// mainAnswer goes on with what waits for the main process (service_load_pid_file, service_search_main_pid and their callers in
// src/core/service.c).
func (s service) mainAnswer(e MainAnswer) {
	if e.Query == 0 || e.Query != s.Query {
		return
	}
	s.Query = 0
	if e.Empty && !s.Main.Alive() && !s.Control.Alive() {
		s.u.Leftover = Leftover{Known: true}
	}
	hasFile := s.config().PIDFile != ""
	found := e.PID > 1 && s.m.pids[e.PID] == nil && e.PID != s.Control.PID
	if h := s.Held; h != nil {
		if found && e.PID != h.PID {
			s.setMain(e.PID, e.Ours)
			return
		}
		s.Held = nil
		s.mainEnded(h.PID, h.Status)
		return
	}
	if found && (hasFile || !s.MainKnown) {
		s.setMain(e.PID, e.Ours)
	}
	missing := hasFile && !found && (e.PID <= 1 || e.PID != s.Main.PID)
	switch {
	case s.State == ServiceStart && missing && !s.has(unit.ExecStartPost),
		s.State == ServiceStartPost && missing:
		s.awaitPIDFile(e)
	case s.State == ServiceStart && s.Watching:
		s.enterRunning(Success) // as systemd does: ExecStartPost= there is none
	case s.State == ServiceStart:
		s.enterStartPost()
	case s.State == ServiceStartPost:
		s.enterRunning(Success)
	case s.State.reloads():
		s.reloaded()
	}
}

// awaitPIDFile waits for the PID file to be written, as long as there is somebody who might (service_demand_pid_file).
func (s service) awaitPIDFile(e MainAnswer) {
	switch {
	case e.Refused:
		s.m.log(s.u, 3, e.Problem)
	case s.Watching: // it was told
	case e.Opened:
		s.m.log(s.u, 6, e.Problem)
	default:
		s.m.logf(s.u, 6, "Can't open PID file %s (yet?) after %s: %s", s.config().PIDFile, s.State, e.Problem)
	}
	switch {
	case !e.Empty:
		if !s.Watching {
			s.Watching = true
			s.m.emit(WatchPIDFile{Unit: s.u.Name, Path: s.config().PIDFile})
			s.askMain(s.config().PIDFile, false) // it may have come about just before the watch
		}
	case s.State == ServiceStart:
		s.enterSignal(ServiceStopSigterm, Protocol)
	default:
		s.enterStop(Protocol)
	}
}

func (s service) pidFileChanged() {
	if s.Watching && s.State.is(ServiceStart, ServiceStartPost) {
		s.askMain(s.config().PIDFile, false)
	}
}

func (s service) unwatchPIDFile() {
	if s.Watching {
		s.Watching = false
		s.m.emit(WatchPIDFile{Unit: s.u.Name, Off: true})
	}
}

// reloaded ends a reload, unless the service has said that it still reloads.
func (s service) reloaded() {
	if s.NotifyState == notify.StateReloading {
		s.enter(ServiceReloadNotify)
	} else {
		s.enterRunning(Success)
	}
}
