package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// jobRecord is what the machine knows of a job beside the graph.
type jobRecord struct {
	Deadline   Deadline
	Activation Block // what made the job, as environment of the unit that it starts
}

// news is that a unit has changed, for the unit that triggers it: as it was when it did, as it may be elsewhere by the time
// that this is read.
type news struct {
	Unit          *Unit
	Active        graph.ActiveState
	Sub           string
	HasJob        bool
	StartLimitHit bool
}

// told is something that the graph said.
type told struct {
	graph.Event
	news news
}

// tell queues what the graph said.
func (m *Machine) tell(events []graph.Event) {
	for _, e := range events {
		t := told{Event: e}
		if e.Kind == graph.Triggered {
			if u := m.units[e.Source]; u != nil {
				_, job := m.graph.JobOf(e.Source)
				t.news = news{u, m.Active(u), m.Sub(u), job, u.StartLimitHit}
			}
		}
		m.queue = append(m.queue, t)
	}
}

// takeTold acts on one thing that the graph said.
func (m *Machine) takeTold() bool {
	if len(m.queue) == 0 {
		return false
	}
	t := m.queue[0]
	m.queue = m.queue[1:]
	if len(m.queue) == 0 {
		m.queue = nil
	}
	j := t.Job
	switch t.Kind {
	case graph.JobNew:
		m.jobNew(j)
	case graph.JobChanged:
		m.emit(JobChanged{j.ID, m.graph.Name(j.Unit), j.Type, j.State})
	case graph.JobHalfway:
		m.logJobDone(m.units[j.Unit], j.ID, graph.JobRestart, graph.ResultDone, t.Quiet)
		m.emit(JobChanged{j.ID, m.graph.Name(j.Unit), j.Type, j.State})
	case graph.JobRemoved:
		m.jobRemoved(j, t.Result, t.Quiet)
	case graph.Triggered:
		if u := m.units[t.Unit]; u != nil && t.news.Unit != nil {
			m.life(u).triggered(t.news)
		}
	case graph.RequestMade:
		m.follow(t.Request)
	case graph.MessageGiven:
		m.logMessage(t.Message)
	}
	return true
}

func (m *Machine) jobNew(j graph.Job) {
	u := m.units[j.Unit]
	m.tally.Installed++
	m.emit(JobNew{j.ID, u.Name, j.Type})
	if u.Config.JobTimeout != Infinity {
		m.lastDeadline++
		m.record(j.ID).Deadline = Deadline{At: m.now.Monotonic.Add(u.Config.JobTimeout), Serial: m.lastDeadline}
		m.wakeKnown = false
	}
}

// record is what there is to know about a job; for most there is nothing.
func (m *Machine) record(id graph.JobID) *jobRecord {
	r := m.jobs[id]
	if r == nil {
		r = &jobRecord{}
		m.jobs[id] = r
	}
	return r
}

// jobRuns starts the second clock of a job, if it runs out before the first (job_start_timer in src/core/job.c).
func (m *Machine) jobRuns(u *Unit, j graph.Job) {
	timeout := u.Config.JobRunningTimeout
	if !u.Config.JobRunningTimeoutSet {
		timeout = u.Config.JobTimeout
	}
	if timeout == Infinity {
		return
	}
	r := m.record(j.ID)
	if at := m.now.Monotonic.Add(timeout); !r.Deadline.set() || at < r.Deadline.At {
		m.lastDeadline++
		r.Deadline = Deadline{At: at, Serial: m.lastDeadline}
		m.wakeKnown = false
	}
}

// jobTimedOut: systemd.unit(5), JobTimeoutSec= and JobTimeoutAction=.
func (m *Machine) jobTimedOut(id graph.JobID, serial uint64) {
	j, ok := m.graph.Job(id)
	if r := m.jobs[id]; !ok || r == nil || r.Deadline.Serial != serial {
		return
	}
	u := m.units[j.Unit]
	m.log(u, 4, "Job "+u.Name+"/"+j.Type.String()+" timed out.")
	m.tell(m.graph.Finish(id, graph.ResultTimeout))
	m.settle()
	m.emergency(u.Config.JobTimeoutAction, u.Config.JobTimeoutRebootArgument, -1, "job timed out", true)
}

func (m *Machine) jobRemoved(j graph.Job, r graph.JobResult, quiet bool) {
	if record := m.jobs[j.ID]; record != nil && record.Deadline.set() {
		m.wakeKnown = false
	}
	delete(m.jobs, j.ID)
	if r == graph.ResultFailed || r == graph.ResultInvalid {
		m.tally.Failed++
	}
	u := m.units[j.Unit]
	if u == nil {
		return
	}
	if u.Asking.Job == j.ID {
		u.Asking = Asking{}
	}
	m.logJobDone(u, j.ID, j.Type, r, quiet)
	m.emit(JobRemoved{j.ID, u.Name, j.Type, r})
	m.mayDie(u)
}

// runJob runs the next job that may run (job_perform_on_unit in src/core/job.c).
func (m *Machine) runJob() bool {
	j, ok := m.graph.Next()
	if !ok {
		return false
	}
	u := m.units[j.Unit]
	m.emit(JobChanged{j.ID, u.Name, j.Type, j.State})
	m.jobRuns(u, j)
	verdict := m.graph.Verdict(j)
	if verdict == graph.RunProceed {
		verdict = m.perform(u, j)
	}
	m.tell(m.graph.Ran(j.ID, verdict))
	return true
}

func (m *Machine) perform(u *Unit, j graph.Job) graph.RunResult {
	var r graph.RunResult
	switch j.Type {
	case graph.JobStart:
		if m.Active(u) != graph.Activating && m.askFacts(u, j) {
			return graph.RunUnderway
		}
		return m.begin(u, j.ID)
	case graph.JobReload:
		r = m.life(u).reload()
	default:
		r = m.life(u).stop()
	}
	m.logJobBegun(u, j, r)
	return r
}

// begin is the part of a start after its conditions (unit_start in src/core/unit.c).
func (m *Machine) begin(u *Unit, id graph.JobID) graph.RunResult {
	if !m.supported(u) {
		return graph.RunUnsupported
	}
	if other, bound := m.graph.Unfulfilled(u.ID); bound {
		m.log(u, 5, "Bound to unit "+m.graph.Name(other)+", but unit isn't active.")
		return graph.RunDependency
	}
	if r := m.jobs[id]; r != nil && r.Activation != nil && m.Active(u).IsDown() {
		u.Activation = r.Activation
	}
	r := m.life(u).start()
	if j, ok := m.graph.Job(id); ok {
		m.logJobBegun(u, j, r)
	}
	return r
}

// collectJobs ends jobs that nobody waits for.
func (m *Machine) collectJobs() bool {
	events := m.graph.Collect()
	m.tell(events)
	return len(events) > 0
}

// enqueue asks the graph for a job on behalf of a unit or of the manager.
func (m *Machine) enqueue(t graph.JobType, u graph.UnitID, mode graph.JobMode) (graph.JobID, error) {
	out, err := m.graph.Enqueue(graph.Request{Type: t, Unit: u, Mode: mode, Source: u})
	m.outcome(out)
	return out.Anchor, err
}

func (m *Machine) outcome(out graph.Outcome) {
	m.tell(out.Events)
	for _, id := range out.Affected {
		if j, ok := m.graph.Job(id); ok {
			m.see(j.Unit)
		}
	}
}

// followUpTexts is what is said when a unit has been brought up or down by others too often (manager_dispatch_…_queue in
// src/core/manager.c). %s is the other unit.
var followUpTexts = map[graph.Reason][2]string{
	graph.ReasonUnneeded: {"Unit not needed anymore, but not stopping since we tried this too often recently.", ""},
	graph.ReasonUpheld:   {"Unit needs to be started because active unit ", " upholds it, but not starting since we tried this too often recently."},
	graph.ReasonBound:    {"Unit needs to be stopped because it is bound to inactive unit ", " it, but not stopping since we tried this too often recently."},
}

// followUp takes the next job that Upholds=, BindsTo= or StopWhenUnneeded= make.
func (m *Machine) followUp() bool {
	r, ok := m.graph.FollowUp()
	if !ok {
		return false
	}
	u := m.units[r.Unit]
	if !u.FollowUps.below(m.now.Monotonic) {
		text := followUpTexts[r.Reason]
		if text[1] != "" {
			text[0] += m.graph.Name(r.Source) + text[1]
		}
		m.log(u, 4, text[0])
		return true
	}
	m.follow(r)
	return true
}

// follow enqueues a request that follows from a unit's state.
func (m *Machine) follow(r graph.Request) {
	if m.units[r.Unit] == nil {
		return
	}
	m.see(r.Unit)
	m.loadAll()
	out, err := m.graph.Enqueue(r)
	m.outcome(out)
	if err == nil {
		return
	}
	if message, ok := m.graph.Refused(r, err); ok {
		m.logMessage(message)
	}
}

// askFacts asks for what the unit's conditions and assertions are about, if it has any.
func (m *Machine) askFacts(u *Unit, j graph.Job) bool {
	u.ConditionResult, u.AssertResult = true, true
	u.ConditionTime, u.AssertTime, u.Held = m.now, m.now, nil
	list := m.conditions(u)
	if len(list) == 0 {
		return false
	}
	u.Asking = Asking{m.query(), j.ID}
	m.emit(AskFacts{u.Name, u.Asking.Query, list})
	return true
}

// conditions are all that has to be known before the unit starts, in the order in which the answer is read.
func (m *Machine) conditions(u *Unit) []unit.Condition {
	list := append(append([]unit.Condition(nil), u.Config.Conditions...), u.Config.Asserts...)
	if fact := m.inertFact(u); fact != nil {
		list = append(list, *fact)
	}
	return list
}

// factsAnswer goes on with the start that waits for it (unit_start in src/core/unit.c): an unmet condition is no failure.
func (m *Machine) factsAnswer(e FactsAnswer) {
	u, ok := m.Unit(e.Unit)
	if !ok || u.Asking.Query == 0 || u.Asking.Query != e.Query {
		return
	}
	id := u.Asking.Job
	u.Asking = Asking{}
	j, ok := m.graph.Job(id)
	if !ok || j.State != graph.JobRunning || j.Type != graph.JobStart {
		return
	}
	u.Held = e.Held
	at := 0
	fact := func(unit.Condition) bool {
		at++
		return at <= len(e.Held) && e.Held[at-1]
	}
	u.ConditionTime = m.now
	u.ConditionResult = unit.Holds(u.Config.Conditions, fact)
	if u.ConditionResult {
		u.AssertTime = m.now
		u.AssertResult = unit.Holds(u.Config.Asserts, fact)
	}
	var r graph.RunResult
	switch {
	case !u.ConditionResult:
		r = graph.RunCondition
	case !u.AssertResult:
		r = graph.RunAssert
	case m.inertFact(u) != nil && !fact(unit.Condition{}):
		r = graph.RunUnsupported
	default:
		r = m.begin(u, id)
	}
	m.tell(m.graph.Ran(id, r))
}
