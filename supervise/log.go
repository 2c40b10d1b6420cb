package supervise

import (
	"fmt"
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The MESSAGE_IDs of src/systemd/sd-messages.h that journalctl -x and log shippers know.
const (
	idStarting    = "7d4958e842da4a758f6c1cdc7b36dcc5"
	idStarted     = "39f53479d3a045ac8e11786248231fbf"
	idStartFailed = "be02cf6855d2428ba40df7e9d022f03d"
	idStopping    = "de5b426a63be47a7b6ac3eaac82e2f6f"
	idStopped     = "9d1aaa27d60140bd96365438aad20286"
	idReloading   = "d34d037fff1847e6ae669a370e694725"
	idReloaded    = "7b05ebc668384222baa8881179cfda54"
	idRestart     = "5eb03494b6584870a536b337290809b3"
	idSuccess     = "7ad2d189f7e94e70a38c781354912448"
	idSkipped     = "0e4284a0caca4bfc81c0bb6786972673"
	idFailure     = "d9b373ed55a64feb8242e02dbe79a49c"
	idProcessExit = "98e322203f7a4ed290d09fe03c09fe15"
	idSpawnFailed = "641257651c1b4ec9a8624d7a40a9e1e7"
	idOutOfMemory = "fe6faa94e7774663a0da52717891d8ef"
)

// log writes a line about a unit, with the unit's name before it (log_unit_full in src/core/unit.h).
func (m *Machine) log(u *Unit, priority int, text string) { m.logID(u, priority, "", text) }

func (m *Machine) logf(u *Unit, priority int, format string, args ...any) {
	m.log(u, priority, fmt.Sprintf(format, args...))
}

func (m *Machine) logID(u *Unit, priority int, id, text string, fields ...string) {
	m.emit(Log{priority, u.Name, id, u.Name + ": " + text, u.invocationField(fields)})
}

func (u *Unit) invocationField(fields []string) []string {
	if u.Invocation != "" {
		fields = append(fields, "INVOCATION_ID="+u.Invocation)
	}
	return fields
}

func (m *Machine) logMessage(g graph.Message) {
	m.emit(Log{Priority: int(g.Level), Unit: g.Unit, Text: g.String()})
}

// logResult tells how a unit's life ended (unit_log_success, unit_log_failure and unit_log_skip in src/core/unit.c).
func (m *Machine) logResult(u *Unit, r Result) {
	switch r {
	case Success:
		m.logID(u, 6, idSuccess, "Deactivated successfully.")
	case SkipCondition:
		m.logID(u, 6, idSkipped, "Skipped due to '"+r.String()+"'.", "UNIT_RESULT="+r.String())
	default:
		m.logID(u, 4, idFailure, "Failed with result '"+r.String()+"'.", "UNIT_RESULT="+r.String())
	}
}

// logExit tells how a process ended (unit_log_process_exit in src/core/unit.c): an orderly end is for debugging only, and
// what exits with a failure has told why itself.
func (m *Machine) logExit(u *Unit, kind, command string, success bool, s Status) {
	priority, end := 4, ""
	switch {
	case success:
		priority, end = 7, " (success)"
	case s.Code == StatusExited:
		priority = 5
	}
	name := s.Name()
	if s.Code == StatusExited {
		if name = unit.ExitStatusName(uint8(s.Value)); name == "" {
			name = "n/a"
		}
	}
	m.logID(u, priority, idProcessExit, fmt.Sprintf("%s exited, code=%s, status=%d/%s%s", kind, s.Code, s.Value, name, end),
		"EXIT_CODE="+s.Code.String(), fmt.Sprintf("EXIT_STATUS=%d", s.Value), "COMMAND="+command)
}

// jobTexts are the lines about jobs, by type of job and, where it matters, of unit (job_start_message_format and
// job_done_message_format in src/core/job.c, status_message_formats of service.c, socket.c and target.c). %s is the unit.
var (
	begunTexts = map[graph.JobType][2]string{
		graph.JobStart:  {"Starting %s...", idStarting},
		graph.JobStop:   {"Stopping %s...", idStopping},
		graph.JobReload: {"Reloading %s...", idReloading},
	}
	startedTexts = map[graph.JobResult]string{
		graph.ResultDone: "Started %s.", graph.ResultTimeout: "Timed out starting %s.", graph.ResultFailed: "Failed to start %s.",
		graph.ResultDependency: "Dependency failed for %s.", graph.ResultAssert: "Assertion failed for %s.",
		graph.ResultUnsupported: "Starting of %s unsupported.", graph.ResultCollected: "Unnecessary job was removed for %s.",
		graph.ResultOnce: "Unit %s has been started before and cannot be started again.",
	}
	stoppedTexts = map[graph.JobResult]string{
		graph.ResultDone: "Stopped %s.", graph.ResultFailed: "Stopped %s with error.", graph.ResultTimeout: "Timed out stopping %s.",
	}
	reloadedTexts = map[graph.JobResult]string{
		graph.ResultDone: "Reloaded %s.", graph.ResultFailed: "Reload failed for %s.", graph.ResultTimeout: "Timed out reloading %s.",
	}
	typeTexts = map[unit.Type]struct{ started, stopped map[graph.JobResult]string }{
		unit.TypeService: {stopped: map[graph.JobResult]string{graph.ResultFailed: "Stopped (with error) %s."}},
		unit.TypeSocket: {
			map[graph.JobResult]string{graph.ResultDone: "Listening on %s.", graph.ResultFailed: "Failed to listen on %s."},
			map[graph.JobResult]string{graph.ResultDone: "Closed %s.", graph.ResultFailed: "Failed stopping %s."},
		},
		unit.TypeTarget: {
			map[graph.JobResult]string{graph.ResultDone: "Reached target %s."},
			map[graph.JobResult]string{graph.ResultDone: "Stopped target %s."},
		},
	}
	jobPriorities = map[graph.JobResult]int{
		graph.ResultTimeout: 3, graph.ResultFailed: 3, graph.ResultOnce: 3, graph.ResultDependency: 4, graph.ResultAssert: 4,
		graph.ResultUnsupported: 4, graph.ResultSkipped: 5,
	}
)

// logJobBegun tells that a job does something, if it is still there. A service whose main process is all that its start
// waits for is up at once in systemd, so that there is nothing to tell.
func (m *Machine) logJobBegun(u *Unit, j graph.Job, r graph.RunResult) {
	now, ok := m.graph.Job(j.ID)
	text, known := begunTexts[j.Type]
	if r != graph.RunUnderway || !ok || !known || now.Type != j.Type {
		return
	}
	if s := u.Service; s != nil && s.State == ServiceStart && s.forkOnly(u) {
		return
	}
	m.emit(Log{6, u.Name, text[1], strings.Replace(text[0], "%s", u.ident(), 1),
		u.invocationField([]string{fmt.Sprintf("JOB_ID=%d", j.ID), "JOB_TYPE=" + j.Type.String()})})
}

func (m *Machine) logJobDone(u *Unit, id graph.JobID, t graph.JobType, r graph.JobResult, quiet bool) {
	if u == nil || quiet {
		return
	}
	text, message := "", ""
	switch t {
	case graph.JobStart:
		if text = typeTexts[u.Config.Type].started[r]; text == "" {
			text = startedTexts[r]
		}
		if message = idStarted; r != graph.ResultDone {
			message = idStartFailed
		} else if !u.ConditionResult && u.ConditionTime.IsSet() {
			text = m.skipText(u)
		} else if s := u.Config.Service; s != nil && s.Type == unit.ServiceOneshot {
			text = "Finished %s."
		}
	case graph.JobStop, graph.JobRestart:
		if text = typeTexts[u.Config.Type].stopped[r]; text == "" {
			text = stoppedTexts[r]
		}
		message = idStopped
	case graph.JobReload:
		text, message = reloadedTexts[r], idReloaded
	case graph.JobVerifyActive:
		if r == graph.ResultSkipped {
			text = "%s is inactive."
		}
	}
	if text == "" {
		return
	}
	priority, told := jobPriorities[r]
	if !told {
		priority = 6
	}
	m.emit(Log{priority, u.Name, message, strings.Replace(text, "%s", u.ident(), 1), u.invocationField([]string{
		fmt.Sprintf("JOB_ID=%d", id), "JOB_TYPE=" + t.String(), "JOB_RESULT=" + r.String()})})
}

// skipText names the condition that was not met (unit_find_failed_condition in src/core/unit.c).
func (m *Machine) skipText(u *Unit) string {
	var trigger bool
	for i, c := range u.Config.Conditions {
		holds := i < len(u.Held) && u.Held[i] != c.Negate
		switch {
		case c.Trigger:
			trigger = true
		case !holds:
			negated := ""
			if c.Negate {
				negated = "!"
			}
			return fmt.Sprintf("%%s was skipped because of an unmet condition check (Condition%s=%s%s).", c.Type, negated, c.Parameter)
		}
	}
	if trigger {
		return "%s was skipped because no trigger condition checks were met."
	}
	return "Condition check resulted in %s being skipped." // ExecCondition=
}
