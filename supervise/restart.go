package supervise

import "keelson/supervise/unit"

// restartsOn is Restart= by result: the table of systemd.service(5), "Exit causes and the effect of the Restart= settings"
// (service_shall_restart in src/core/service.c).
var restartsOn = map[unit.Restart][resultKinds]bool{
	//                       clean  exit   signal dumped timed  watchd oom    resrc  proto  start  skip
	unit.RestartNo:         {false, false, false, false, false, false, false, false, false, false, false},
	unit.RestartOnSuccess:  {true, false, false, false, false, false, false, false, false, false, false},
	unit.RestartOnFailure:  {false, true, true, true, true, true, true, true, true, true, false},
	unit.RestartOnAbnormal: {false, false, true, true, true, true, true, true, true, true, false},
	unit.RestartOnWatchdog: {false, false, false, false, false, true, false, false, false, false, false},
	unit.RestartOnAbort:    {false, false, true, true, false, false, false, false, false, false, false},
	unit.RestartAlways:     {true, true, true, true, true, true, true, true, true, true, false},
}

const resultKinds = 11

// restartColumn is each result's column of the table.
var restartColumn = map[Result]int{
	Success: 0, ExitCode: 1, Killed: 2, CoreDump: 3, Timeout: 4, Watchdog: 5, OOMKill: 6, Resources: 7, Protocol: 8,
	StartLimitHit: 9, SkipCondition: 10,
}

// shallRestart decides whether a service that ends comes up again by itself. A stop on request, RestartPreventExitStatus= and
// RestartForceExitStatus= come before the table, in this order.
func (s service) shallRestart() bool {
	c := s.config()
	switch {
	case s.ForbidRestart:
		return false
	case s.MainStatus.Status.in(&c.RestartPrevent):
		return false
	case s.MainStatus.Status.in(&c.RestartForce):
		return true
	}
	return restartsOn[c.Restart][restartColumn[s.Result]]
}
