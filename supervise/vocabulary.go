package supervise

import (
	"fmt"

	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// Usec is a length of time in microseconds, or a point in time on one of the two clocks.
type Usec = calendar.Usec

// Infinity is the Usec that never comes.
const Infinity = calendar.Infinity

// Time is one instant on the two clocks that systemd's rules know: CLOCK_REALTIME, counted from the epoch, and
// CLOCK_MONOTONIC. 0 is "never".
type Time struct {
	Realtime  Usec
	Monotonic Usec
}

// IsSet tells whether it ever was.
func (t Time) IsSet() bool { return t.Monotonic != 0 || t.Realtime != 0 }

// A RequestID is a client's request as its Reply names it. The caller chooses it; 0 asks for no reply.
type RequestID uint64

// A CommandID numbers the processes that the machine has asked for, from 1. It names a process before its PID is known and
// after the kernel has given the PID to somebody else.
type CommandID uint64

// A QueryID numbers the machine's questions, from 1. An answer to a question that nobody waits for any more is ignored.
type QueryID uint64

// An FD is the caller's handle of an open file descriptor: not the number that a process sees it as. The caller owns the
// descriptor until a CloseFDs effect names it. 0 is none.
type FD uint64

// A StatusCode says in which way a process ended, as si_code of waitid(2) does.
type StatusCode uint8

// The ways to end. StatusUnknown is the end of a process that was not our child.
const (
	StatusUnknown StatusCode = iota
	StatusExited
	StatusKilled
	StatusDumped
)

var statusCodeNames = [...]string{"unknown", "exited", "killed", "dumped"}

func (c StatusCode) String() string { return statusCodeNames[c] }

// Status is how a process ended, kept whole: an exit with 137 and a death by SIGKILL are not the same.
type Status struct {
	Code  StatusCode
	Value int // the exit status, or the signal's number
}

// Name is the value as systemd writes it: "1", or "KILL" for a signal.
func (s Status) Name() string {
	if s.Code == StatusKilled || s.Code == StatusDumped {
		return unit.Signal(s.Value).Name()
	}
	return fmt.Sprint(s.Value)
}

func (s Status) String() string { return s.Code.String() + "/" + s.Name() }

// in tells whether a set of statuses has this one (exit_status_set_test in src/shared/exit-status.c).
func (s Status) in(set *unit.ExitStatusSet) bool {
	switch s.Code {
	case StatusExited:
		return set.Has(false, s.Value)
	case StatusKilled, StatusDumped:
		return set.Has(true, s.Value)
	}
	return false
}

// daemonSignals end a daemon cleanly (systemd.service(5), SuccessExitStatus=; is_clean_exit in src/shared/exit-status.c).
var daemonSignals = [...]unit.Signal{unit.SIGHUP, unit.SIGINT, unit.SIGTERM, unit.SIGPIPE}

// result is what an end counts as. daemon: some signals are a clean end; success are the unit's own clean ends.
func (s Status) result(daemon bool, success *unit.ExitStatusSet) Result {
	if success != nil && s.in(success) {
		return Success
	}
	switch s.Code {
	case StatusExited:
		if s.Value != 0 {
			return ExitCode
		}
	case StatusKilled:
		for _, clean := range daemonSignals {
			if daemon && s.Value == int(clean) {
				return Success
			}
		}
		return Killed
	case StatusDumped:
		return CoreDump
	}
	return Success
}

// A Result is how a unit's last life ended, in the words of its Result property (service_result_table in
// src/core/service.c and its kin in socket.c, timer.c and path.c).
type Result uint8

// The results. Sockets, timers and paths have some of them only.
const (
	Success Result = iota
	Resources
	Protocol
	Timeout
	ExitCode
	Killed
	CoreDump
	Watchdog
	StartLimitHit
	OOMKill
	SkipCondition
	TriggerLimitHit        // sockets and paths
	ServiceStartLimitHit   // sockets
	TriggeredStartLimitHit // paths
)

var resultNames = [...]string{
	"success", "resources", "protocol", "timeout", "exit-code", "signal", "core-dump", "watchdog", "start-limit-hit",
	"oom-kill", "exec-condition", "trigger-limit-hit", "service-start-limit-hit", "unit-start-limit-hit",
}

func (r Result) String() string { return resultNames[r] }

// keep gives the first thing that went wrong: later ones do not change a result.
func (r *Result) keep(f Result) {
	if *r == Success {
		*r = f
	}
}

// A Process is one that the machine tracks. It is alive from the moment it was asked for until its end is known; PID is 0
// until the caller has said it. A main process that a service named itself has no Command.
type Process struct {
	Command CommandID
	PID     int
}

// Alive tells whether there is one.
func (p Process) Alive() bool { return p != Process{} }

// ExecStatus is the record of one run of a command (ExecStatus in src/core/execute.h).
type ExecStatus struct {
	PID    int
	Start  Time
	Exit   Time // not set while it runs
	Status Status
}

// A Role is what a process is to its unit.
type Role uint8

// The roles.
const (
	RoleMain Role = iota
	RoleControl
)

var roleNames = [...]string{"main", "control"}

func (r Role) String() string { return roleNames[r] }
