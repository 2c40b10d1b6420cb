package graph

// An Outcome is what a request led to. If the request was refused only Cycles and
// the messages among Events are set.
type Outcome struct {
	Anchor   JobID   // the job that was asked for, or the installed one it became part of
	Affected []JobID // all jobs that were installed or changed, the anchor among them
	Events   []Event
	Cycles   []Cycle // in the order in which they were met
}

// Enqueue works out a request and installs its jobs (manager_add_job in
// manager.c). A refusal is an *Error and leaves the graph as it was.
func (g *Graph) Enqueue(r Request) (Outcome, error) {
	t, err := g.work(r)
	return t.finish(err)
}

// EnqueueManual is Enqueue for somebody from outside, who is bound by
// RefuseManualStart= and RefuseManualStop=. reloadIfPossible makes a reload of a
// restart where the unit can reload, as reload-or-restart does
// (bus_unit_queue_job in dbus-unit.c).
func (g *Graph) EnqueueManual(r Request, reloadIfPossible bool) (Outcome, error) {
	n := g.units[r.Unit]
	if reloadIfPossible && g.canReload(r.Unit) {
		switch r.Type {
		case JobRestart:
			r.Type = JobReloadOrStart
		case JobTryRestart:
			r.Type = JobTryReload
		}
	}
	if r.Type == JobStop && n.Active == Inactive && (n.Load == NotFound || n.Load == LoadError || n.Load == BadSetting) {
		return Outcome{}, refuse(NoSuchUnit, "Unit %s not loaded.", n.name)
	}
	restarts := r.Type == JobRestart || r.Type == JobTryRestart
	starts := restarts || r.Type == JobStart || r.Type == JobReloadOrStart && r.Type.Collapse(n.Active) == JobStart
	stops := restarts || r.Type == JobStop
	if starts && n.RefuseManualStart || stops && n.RefuseManualStop {
		return Outcome{}, refuse(OnlyByDependency, "Operation refused, unit %s may be requested by dependency only "+
			"(it is configured to refuse manual start/stop).", n.name)
	}
	return g.Enqueue(r)
}

// Plan works out a request without installing anything: the jobs it would
// install, in the order in which it would, and what it would report.
func (g *Graph) Plan(r Request) ([]JobRef, Outcome, error) {
	t, err := g.work(r)
	if err != nil {
		return nil, t.report(), err
	}
	return t.jobs(), t.report(), nil
}

// PropagateReload reloads what u passes reloads on to, but not u, which is
// reloading of its own accord (manager_propagate_reload in manager.c).
func (g *Graph) PropagateReload(u UnitID, mode JobMode) (Outcome, error) {
	t := g.transaction(mode)
	err := t.add(JobNop, u, 0, ignoreOrder)
	if err == nil {
		err = t.pull(t.anchor, JobReload, modeFlags[mode]&ignoreOrder)
	}
	if err == nil {
		err = t.settle()
	}
	return t.finish(err)
}

// modeRules are the modes that make sense for one type of job only.
var modeRules = map[JobMode]struct {
	typ  JobType
	text string
}{
	ModeIsolate:             {JobStart, "Isolate is only valid for start."},
	ModeTriggering:          {JobStop, "--job-mode=triggering is only valid for stop."},
	ModeRestartDependencies: {JobStart, "--job-mode=restart-dependencies is only valid for start."},
}

// modeFlags are what the modes mean for the anchor's dependencies.
var modeFlags = map[JobMode]addFlags{
	ModeIgnoreDependencies:  ignoreRequirements | ignoreOrder,
	ModeIgnoreRequirements:  ignoreRequirements,
	ModeRestartDependencies: startAsRestart,
}

// work builds the transaction of a request and settles it.
func (g *Graph) work(r Request) (*transaction, *Error) {
	t := g.transaction(r.Mode)
	if rule, ok := modeRules[r.Mode]; ok && rule.typ != r.Type {
		return t, refuse(InvalidArgs, "%s", rule.text)
	}
	if r.Mode == ModeIsolate && !g.units[r.Unit].AllowIsolate {
		return t, refuse(NoIsolation, "Operation refused, unit may not be isolated.")
	}
	if err := t.add(r.Type.Collapse(g.units[r.Unit].Active), r.Unit, 0, modeFlags[r.Mode]); err != nil {
		return t, err
	}
	switch r.Mode {
	case ModeIsolate:
		t.addIsolateJobs()
	case ModeTriggering:
		t.addTriggeringJobs(r.Unit)
	}
	return t, t.settle()
}

// jobs are what the transaction would install.
func (t *transaction) jobs() []JobRef {
	list := make([]JobRef, 0, len(t.order))
	for _, u := range t.order {
		if j := t.head[u]; j != 0 {
			list = append(list, JobRef{u, t.pending[j].typ})
		}
	}
	return list
}

// report gives what was noticed on the way.
func (t *transaction) report() Outcome {
	o := Outcome{Cycles: t.cycles}
	for _, m := range t.messages {
		o.Events = append(o.Events, Event{Kind: MessageGiven, Message: m})
	}
	return o
}

// finish installs the jobs unless the request was refused.
func (t *transaction) finish(err *Error) (Outcome, error) {
	o := t.report()
	if err != nil {
		return o, err
	}
	t.install(&o)
	return o, nil
}
