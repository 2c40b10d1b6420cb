package graph

// Finish ends a job from outside: canceled, timed out, or whatever else its
// owner knows. It does nothing if the job is gone.
func (g *Graph) Finish(id JobID, r JobResult) []Event {
	var log []Event
	if j := g.jobs[id]; j != nil {
		g.end(&log, j, r, true, false)
	}
	return log
}

// CancelAll cancels every job without any taking others with it
// (manager_clear_jobs in manager.c).
func (g *Graph) CancelAll() []Event {
	var log []Event
	for _, j := range g.installed() {
		g.end(&log, j, ResultCanceled, false, false)
	}
	return log
}

// end takes a job off its unit and does what that means for others. recursive: a
// result other than done fails the jobs that needed this one
// (job_finish_and_invalidate in job.c).
func (g *Graph) end(log *[]Event, j *Job, r JobResult, recursive, quiet bool) {
	u, typ := j.Unit, j.Type
	if r == ResultDone && typ == JobRestart {
		j.Type, j.State = JobStart, JobWaiting
		*log = append(*log, Event{Kind: JobHalfway, Job: *j, Quiet: quiet})
		g.queue(j)
		g.considerIdle(j)
		g.wakeAround(u)
		return
	}
	g.uninstall(j)
	*log = append(*log, Event{Kind: JobRemoved, Job: *j, Result: r, Quiet: quiet})

	if recursive {
		starts := typ == JobStart || typ == JobVerifyActive
		switch {
		case r != ResultDone && starts:
			g.failDependents(log, u, AtomPropagateStartFailure)
		case r != ResultDone && typ == JobStop:
			g.failDependents(log, u, AtomPropagateStopFailure)
		case r == ResultDone && (typ == JobStart || typ == JobReload) && !g.units[u].Active.IsUp():
			// A condition was not met, or a oneshot is down again. A verify-active
			// that had merged into this job would have seen it.
			g.failDependents(log, u, AtomPropagateInactiveStart)
		}
	}
	if r == ResultTimeout || r == ResultDependency {
		n := g.units[u]
		text := "Job " + g.jobName(JobRef{u, typ}) + " failed with result '" + r.String() + "'."
		*log = append(*log, Event{Kind: MessageGiven, Message: Message{LevelNotice, n.name, text}})
		g.trigger(log, u, g.OnFailure(u))
	}
	g.tellTriggers(log, u)
	g.wakeAround(u)
}

// uninstall frees the job's slot and takes it out of the run queue.
func (g *Graph) uninstall(j *Job) {
	*g.units[j.Unit].slot(j.Type) = nil
	g.unqueue(j)
	delete(g.jobs, j.ID)
	j.State = JobWaiting
}

// failDependents ends the start jobs of the units towards which u has the atom.
func (g *Graph) failDependents(log *[]Event, u UnitID, a Atom) {
	for other := range g.Each(u, a) {
		if j := g.units[other].job; j != nil && (j.Type == JobStart || j.Type == JobVerifyActive) {
			g.end(log, j, ResultDependency, true, false)
		}
	}
}

// tellTriggers has the units that trigger u look at it again
// (unit_trigger_notify in unit.c).
func (g *Graph) tellTriggers(log *[]Event, u UnitID) {
	for trigger := range g.Each(u, AtomTriggeredBy) {
		*log = append(*log, Event{Kind: Triggered, Unit: trigger, Source: u})
	}
}

// wakeAround has the jobs of u's neighbours in order looked at again, and u itself
// by the checks that its job had kept from acting.
func (g *Graph) wakeAround(u UnitID) {
	g.wakeNeighbours(u)
	g.Recheck(u)
}

func (g *Graph) wakeNeighbours(u UnitID) {
	for _, a := range [...]Atom{AtomAfter, AtomBefore} {
		for other := range g.Each(u, a) {
			if j := g.units[other].job; j != nil {
				g.queue(j)
				g.considerIdle(j)
			}
		}
	}
}

// considerIdle remembers a job that Collect is to look at. Only devices' jobs are
// collected: they do nothing but wait (job_may_gc in job.c).
func (g *Graph) considerIdle(j *Job) {
	if !j.idle && g.collectable(j) {
		j.idle = true
		g.idle = append(g.idle, j.ID)
	}
}

func (g *Graph) collectable(j *Job) bool {
	if g.units[j.Unit].kind != Device || j.Type == JobNop || j.Pinned {
		return false
	}
	for range g.around(j, false) {
		return false
	}
	return true
}

// Collect ends the device jobs that nobody waits for, with result collected.
func (g *Graph) Collect() []Event {
	var log []Event
	for len(g.idle) > 0 {
		id := g.idle[0]
		g.idle = g.idle[1:]
		j := g.jobs[id]
		if j == nil {
			continue
		}
		j.idle = false
		if g.collectable(j) {
			g.end(&log, j, ResultCollected, false, false)
		}
	}
	return log
}
