package graph

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"
)

// runQueue holds the installed jobs that are to be looked at: the new ones, and
// those for which something has changed. It is a heap.
type runQueue struct {
	graph *Graph
	jobs  []*Job
}

func (q *runQueue) Len() int { return len(q.jobs) }

// Less is compare_job_priority in cgroup.c: by type, CPU weight, nice and name.
func (q *runQueue) Less(i, k int) bool {
	a, b := q.jobs[i], q.jobs[k]
	x, y := q.graph.units[a.Unit], q.graph.units[b.Unit]
	return cmp.Or(
		cmp.Compare(y.kind, x.kind),
		cmp.Compare(y.CPUWeight, x.CPUWeight),
		cmp.Compare(x.Nice, y.Nice),
		strings.Compare(x.name, y.name),
		cmp.Compare(a.ID, b.ID), // a unit's job and its nop job
	) < 0
}

func (q *runQueue) Swap(i, k int) {
	q.jobs[i], q.jobs[k] = q.jobs[k], q.jobs[i]
	q.jobs[i].place, q.jobs[k].place = i+1, k+1
}

func (q *runQueue) Push(x any) {
	j := x.(*Job)
	q.jobs = append(q.jobs, j)
	j.place = len(q.jobs)
}

func (q *runQueue) Pop() any {
	last := len(q.jobs) - 1
	j := q.jobs[last]
	q.jobs[last], q.jobs = nil, q.jobs[:last]
	j.place = 0
	return j
}

// queue has a job looked at by Next.
func (g *Graph) queue(j *Job) {
	j.Again = false
	if j.place == 0 {
		heap.Push(&g.run, j)
	}
}

// unqueue takes a job out of the queue, if it is there.
func (g *Graph) unqueue(j *Job) {
	if j.place != 0 {
		heap.Remove(&g.run, j.place-1)
	}
}

// Next takes the next waiting job that may run and makes it running. A job that
// has to wait leaves the queue until one of those that it waits for ends
// (job_run_and_invalidate in job.c).
func (g *Graph) Next() (Job, bool) {
	for len(g.run.jobs) > 0 {
		j := heap.Pop(&g.run).(*Job)
		if j.State == JobWaiting && g.runnable(j) {
			j.State = JobRunning
			return *j, true
		}
	}
	return Job{}, false
}

// runnable: no other unit's job has to end first (job_is_runnable in job.c).
func (g *Graph) runnable(j *Job) bool {
	for range g.around(j, true) {
		return false
	}
	return true
}

// around yields the jobs of neighbouring units that j waits for, or that wait for
// j.
func (g *Graph) around(j *Job, before bool) func(func(*Job) bool) {
	return func(yield func(*Job) bool) {
		for _, way := range [...]struct{ out, back Atom }{{AtomAfter, AtomBefore}, {AtomBefore, AtomAfter}} {
			for u := range g.Each(j.Unit, way.out) {
				other := g.units[u].job
				if other == nil {
					continue
				}
				waits := before && j.shape().waits(other.shape(), way.out) ||
					!before && other.shape().waits(j.shape(), way.back)
				if waits && !yield(other) {
					return
				}
			}
		}
	}
}

// WaitsFor is the list of jobs that have to end before this one can run, in the
// order of their ids (job_get_before in job.c).
func (g *Graph) WaitsFor(id JobID) []JobID { return g.neighbours(id, true) }

// HoldsBack is the list of jobs that wait for this one to end (job_get_after in
// job.c).
func (g *Graph) HoldsBack(id JobID) []JobID { return g.neighbours(id, false) }

func (g *Graph) neighbours(id JobID, before bool) []JobID {
	j := g.jobs[id]
	if j == nil {
		return nil
	}
	var list []JobID
	for other := range g.around(j, before) {
		list = append(list, other.ID)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Runnable reports whether a waiting job has nothing to wait for.
func (g *Graph) Runnable(id JobID) bool {
	j := g.jobs[id]
	return j != nil && j.State == JobWaiting && g.runnable(j)
}

// A RunResult is what came of running a job (the negative returns of unit_start,
// unit_stop and unit_reload in unit.c).
type RunResult uint8

const (
	RunProceed       RunResult = iota // Verdict only: it is the unit's to say
	RunUnderway                       // the unit is on its way; Notify will tell
	RunAgain                          // not now; Next yields the job again after the unit's next change
	RunAlready                        // the unit is there already
	RunCondition                      // a condition is not met; nothing to do
	RunNotApplicable                  // the unit type cannot do it: a start or stop waits for the state to come about
	RunInvalid                        // a reload of what is not active
	RunAssert                         // an assertion failed
	RunUnsupported                    // the unit type does not work here
	RunDependency                     // a unit that it is bound to is not active
	RunOnce                           // it can be started once only, and was
	RunFailed                         // anything else
)

// runResults says how a job ends for each of them; the others let it go on.
var runResults = map[RunResult]struct {
	result JobResult
	quiet  bool
}{
	RunAlready:       {ResultDone, true},
	RunCondition:     {result: ResultDone},
	RunNotApplicable: {result: ResultSkipped},
	RunInvalid:       {result: ResultInvalid},
	RunAssert:        {result: ResultAssert},
	RunUnsupported:   {result: ResultUnsupported},
	RunDependency:    {result: ResultDependency},
	RunOnce:          {result: ResultOnce},
	RunFailed:        {result: ResultFailed},
}

// Verdict says what comes of a job that Next gave as far as the unit's state
// decides it. For a start that is to proceed, what is left before acting is, in this
// order: conditions (not if activating), assertions (likewise), [Graph.Unfulfilled].
func (g *Graph) Verdict(j Job) RunResult {
	n := g.units[j.Unit]
	s := n.Active
	switch j.Type {
	case JobNop:
		return RunAlready
	case JobVerifyActive:
		switch {
		case s.IsUp():
			return RunAlready
		case s == Activating:
			return RunAgain
		}
		return RunNotApplicable
	case JobStart:
		switch {
		case s.IsUp():
			return RunAlready
		case s == Maintenance:
			return RunAgain
		case n.Load != Loaded:
			return RunFailed
		}
	case JobStop, JobRestart:
		if s.IsDown() {
			return RunAlready
		}
	case JobReload:
		switch {
		case n.Load != Loaded:
			return RunFailed
		case !g.canReload(j.Unit):
			return RunNotApplicable
		case s == Reloading:
			return RunAgain
		case s != Active:
			return RunInvalid
		}
	}
	return RunProceed
}

// Unfulfilled finds a unit that u is bound to and ordered after, and that is not
// up; then u must not be started (unit_verify_deps in unit.c).
func (g *Graph) Unfulfilled(u UnitID) (UnitID, bool) {
	for other := range g.Each(u, AtomCannotBeActiveWithout) {
		if g.Has(u, AtomAfter, other) && !g.units[other].Active.IsUp() {
			return other, true
		}
	}
	return 0, false
}

// Ran says what came of a job that Next gave. The job may be gone by now, or be
// halfway through a restart.
func (g *Graph) Ran(id JobID, r RunResult) []Event {
	var log []Event
	j := g.jobs[id]
	if j == nil {
		return nil
	}
	if r == RunAgain {
		j.State, j.Again = JobWaiting, true
		return nil
	}
	waitOnly := r == RunNotApplicable && (j.Type == JobStart || j.Type.stopsFirst())
	if how, ends := runResults[r]; ends && !waitOnly {
		g.end(&log, j, how.result, true, how.quiet)
	}
	return log
}
