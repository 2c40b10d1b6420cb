package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// emergencyActions are FailureAction=, SuccessAction=, StartLimitAction= and JobTimeoutAction= as a container can take them
// (systemd.unit(5); emergency_action in src/core/emergency-action.c). With target the action is orderly.
var emergencyActions = map[unit.EmergencyAction]struct {
	text      string
	objective Objective
	target    string
}{
	unit.ActionReboot:            {"Rebooting", ObjectiveReboot, "reboot.target"},
	unit.ActionRebootForce:       {"Forcibly rebooting", ObjectiveReboot, ""},
	unit.ActionRebootImmediate:   {"Rebooting immediately", ObjectiveReboot, ""},
	unit.ActionPoweroff:          {"Powering off", ObjectivePoweroff, "poweroff.target"},
	unit.ActionPoweroffForce:     {"Forcibly powering off", ObjectivePoweroff, ""},
	unit.ActionPoweroffImmediate: {"Powering off immediately", ObjectivePoweroff, ""},
	unit.ActionExit:              {"Exiting", ObjectiveExit, "exit.target"},
	unit.ActionExitForce:         {"Exiting immediately", ObjectiveExit, ""},
	unit.ActionSoftReboot:        {"Soft-rebooting", ObjectiveReboot, "reboot.target"},
	unit.ActionSoftRebootForce:   {"Forcibly soft-rebooting", ObjectiveReboot, ""},
	unit.ActionKexec:             {"Executing kexec", ObjectiveReboot, "reboot.target"},
	unit.ActionKexecForce:        {"Forcibly executing kexec", ObjectiveReboot, ""},
	unit.ActionHalt:              {"Halting", ObjectiveHalt, "halt.target"},
	unit.ActionHaltForce:         {"Forcibly halting", ObjectiveHalt, ""},
	unit.ActionHaltImmediate:     {"Halting immediately", ObjectiveHalt, ""},
}

// emergency takes an action. status is what an exit ends with, -1 for leaving it as it is; warn: it is worth a warning.
func (m *Machine) emergency(action unit.EmergencyAction, argument string, status int, reason string, warn bool) {
	a, ok := emergencyActions[action]
	if !ok || m.finished {
		return
	}
	if a.target != "" {
		if id, known := m.graph.Lookup("shutdown.target"); known && m.graph.ActiveOrPending(id) {
			m.emit(Log{Priority: 5, Text: "Shutdown is already active. Skipping emergency action request " + action.String() + "."})
			return
		}
	}
	if a.objective == ObjectiveExit && status >= 0 {
		m.status = status
	}
	priority := 7
	if warn {
		priority = 4
	}
	m.emit(Log{Priority: priority, Text: a.text + ": " + reason})
	if a.target == "" {
		m.finish(a.objective, argument)
		return
	}
	m.goDown(a.objective, a.target)
}

// exitStatus is what an action ends the container with: what the unit says, else the status of its main process; 255 if that
// did not exit, -1 if there was none (unit_exit_status in src/core/unit.c).
func exitStatus(u *Unit, configured int) int {
	if configured >= 0 {
		return configured
	}
	s := u.Service
	switch {
	case s == nil || !s.MainStatus.Exit.IsSet():
		return -1
	case s.MainStatus.Status.Code != StatusExited:
		return 255
	}
	return s.MainStatus.Status.Value
}

// finish ends the manager, once.
func (m *Machine) finish(o Objective, argument string) {
	if m.finished {
		return
	}
	m.finished = true
	m.emit(Finish{o, m.status, argument})
}

// goDown stops everything by starting the target of an objective; the target's SuccessAction= finishes.
func (m *Machine) goDown(o Objective, target string) {
	u, err := m.load(target)
	if err == nil {
		_, err = m.enqueue(graph.JobStart, u.ID, graph.ModeReplaceIrreversibly)
	}
	if err != nil {
		m.emit(Log{Priority: 3, Text: "Failed to enqueue " + target + " job: " + err.Error()})
		m.finish(o, "")
	}
}

// boot starts the first target, isolating it if it allows that (do_queue_default_job in src/core/main.c).
func (m *Machine) boot(target string) {
	u, err := m.load(target)
	if err == nil {
		mode := graph.ModeIsolate
		if !u.Config.AllowIsolate {
			mode = graph.ModeReplace
		}
		_, err = m.enqueue(graph.JobStart, u.ID, mode)
	}
	if err != nil {
		m.emit(Log{Priority: 3, Text: "Failed to start default target: " + err.Error()})
		return
	}
	m.booting = true
	m.emit(Log{Priority: 6, Text: "Queued start job for default target " + u.ident() + "."})
}

// checkBooted says that the boot is over, once no job is left (manager_check_finished in src/core/manager.c).
func (m *Machine) checkBooted() {
	if m.booting && m.graph.JobCount() == 0 {
		m.booting, m.booted = false, true
		m.emit(StartupFinished{})
	}
}

// objectiveTargets are what the verbs start.
var objectiveTargets = map[Verb]struct {
	objective Objective
	target    string
}{
	VerbExit: {ObjectiveExit, "exit.target"}, VerbPoweroff: {ObjectivePoweroff, "poweroff.target"},
	VerbReboot: {ObjectiveReboot, "reboot.target"}, VerbHalt: {ObjectiveHalt, "halt.target"},
}

// endRequest is exit, poweroff, reboot and halt.
func (m *Machine) endRequest(r Request) error {
	how := objectiveTargets[r.Verb]
	if r.Verb == VerbExit {
		m.status = r.Status
	}
	if r.Force {
		m.finish(how.objective, "")
		return nil
	}
	m.goDown(how.objective, how.target)
	return nil
}
