package graph

// A JobType is the change that a job asks of its unit.
type JobType uint8

const (
	JobStart JobType = iota
	JobVerifyActive
	JobStop
	JobReload
	JobRestart // a stop; when that is done, a start
	JobNop     // asks for nothing; has a slot of its own beside the unit's real job

	// These collapse into one of the above before they enter a transaction.
	JobTryRestart
	JobTryReload
	JobReloadOrStart
	jobTypeMax
)

// mergeable counts the types that meet in the merge table.
const mergeable = JobNop

var jobTypeNames = [jobTypeMax]string{
	JobStart: "start", JobVerifyActive: "verify-active", JobStop: "stop", JobReload: "reload",
	JobRestart: "restart", JobNop: "nop", JobTryRestart: "try-restart", JobTryReload: "try-reload",
	JobReloadOrStart: "reload-or-start",
}

func (t JobType) String() string { return jobTypeNames[t] }

// ParseJobType finds a type by its name.
func ParseJobType(name string) (JobType, bool) { return find[JobType](jobTypeNames[:], name) }

// conflicting stands in the merge table where two types have no common job.
const conflicting = jobTypeMax

// merged is what two jobs of one unit become (job_merging_table in job.c). It is
// symmetric and, after collapsing, associative; and if a merge of two conflicts with
// a third then so does one of the two. jobtype_test.go proves all three.
var merged = [mergeable][mergeable]JobType{
	JobStart:        {JobStart, JobStart, conflicting, JobReloadOrStart, JobRestart},
	JobVerifyActive: {JobStart, JobVerifyActive, conflicting, JobReload, JobRestart},
	JobStop:         {conflicting, conflicting, JobStop, conflicting, conflicting},
	JobReload:       {JobReloadOrStart, JobReload, conflicting, JobReload, JobRestart},
	JobRestart:      {JobRestart, JobRestart, conflicting, JobRestart, JobRestart},
}

// merge gives the one job type that does what both ask, for types that may be in a
// transaction. A nop adds nothing to the other one.
func merge(a, b JobType) (JobType, bool) {
	switch {
	case a == JobNop:
		return b, true
	case b == JobNop:
		return a, true
	}
	t := merged[a][b]
	return t, t != conflicting
}

// mergeFor merges and collapses what comes of it for a unit in state s.
func mergeFor(s ActiveState, a, b JobType) (JobType, bool) {
	t, ok := merge(a, b)
	if !ok {
		return t, false
	}
	return t.Collapse(s), true
}

// conflicts reports that two jobs cannot both be on one unit.
func (t JobType) conflicts(other JobType) bool {
	_, ok := merge(t, other)
	return !ok
}

// includes reports that doing t does other, too.
func (t JobType) includes(other JobType) bool {
	if t == JobNop {
		return other == JobNop
	}
	m, ok := merge(t, other)
	return ok && m == t
}

// Collapse turns a type that depends on the unit's state into what it means for a
// unit in state s. An activating unit is restarted too: it may have been
// started with what is stale now (job_type_collapse in job.c).
func (t JobType) Collapse(s ActiveState) JobType {
	switch {
	case t == JobTryRestart && s.IsUpOrComing():
		return JobRestart
	case t == JobTryReload && s.IsUp(), t == JobReloadOrStart && s.IsUp():
		return JobReload
	case t == JobReloadOrStart:
		return JobStart
	case t == JobTryRestart, t == JobTryReload:
		return JobNop
	}
	return t
}

// redundant reports that the job changes nothing for a unit in state s. A restart
// always does (job_type_is_redundant in job.c).
func (t JobType) redundant(s ActiveState) bool {
	switch t {
	case JobStart, JobVerifyActive:
		return s.IsUp()
	case JobStop:
		return s.IsDown()
	case JobReload:
		return s == Reloading
	}
	return t == JobNop
}

// stopsFirst: the job begins with taking the unit down.
func (t JobType) stopsFirst() bool { return t == JobStop || t == JobRestart }

// A JobMode says how a request deals with jobs that are installed already
// (systemctl(1) "--job-mode=").
type JobMode uint8

const (
	ModeReplace JobMode = iota
	ModeFail
	ModeReplaceIrreversibly
	ModeIsolate
	ModeFlush
	ModeIgnoreDependencies
	ModeIgnoreRequirements
	ModeTriggering
	ModeRestartDependencies // of systemd 254
)

var jobModeNames = [...]string{
	ModeReplace: "replace", ModeFail: "fail", ModeReplaceIrreversibly: "replace-irreversibly",
	ModeIsolate: "isolate", ModeFlush: "flush", ModeIgnoreDependencies: "ignore-dependencies",
	ModeIgnoreRequirements: "ignore-requirements", ModeTriggering: "triggering",
	ModeRestartDependencies: "restart-dependencies",
}

func (m JobMode) String() string { return jobModeNames[m] }

// ParseJobMode finds a mode by its name.
func ParseJobMode(name string) (JobMode, bool) { return find[JobMode](jobModeNames[:], name) }

// A JobState is the state of an installed job.
type JobState uint8

const (
	JobWaiting JobState = iota
	JobRunning
)

var jobStateNames = [...]string{JobWaiting: "waiting", JobRunning: "running"}

func (s JobState) String() string { return jobStateNames[s] }

// A JobResult is how a job ended (org.freedesktop.systemd1(5) "JobRemoved").
type JobResult uint8

const (
	ResultDone        JobResult = iota // also when a condition was not met
	ResultCanceled                     // by a conflicting job, or on request
	ResultTimeout                      // JobTimeoutSec= or JobRunningTimeoutSec=
	ResultFailed                       //
	ResultDependency                   // a job that it needed was not done
	ResultSkipped                      // verify-active of a unit that is down, a unit that cannot reload
	ResultInvalid                      // reload of a unit that is not active
	ResultAssert                       // an assertion did not hold
	ResultUnsupported                  // this unit type does not work here
	ResultCollected                    // nobody waits for it any more
	ResultOnce                         // the unit can be started once only, and was
)

var jobResultNames = [...]string{
	ResultDone: "done", ResultCanceled: "canceled", ResultTimeout: "timeout", ResultFailed: "failed",
	ResultDependency: "dependency", ResultSkipped: "skipped", ResultInvalid: "invalid",
	ResultAssert: "assert", ResultUnsupported: "unsupported", ResultCollected: "collected",
	ResultOnce: "once",
}

func (r JobResult) String() string { return jobResultNames[r] }

// find looks a name up in the name table of an enumeration.
func find[E ~uint8](names []string, name string) (E, bool) {
	for i, n := range names {
		if n == name {
			return E(i), true
		}
	}
	return 0, false
}
