package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The state model of a path unit (src/core/path.c):
//
//	state    start    stop  a path says so              the unit that it triggers
//	dead     waiting  -     -                           -
//	waiting  -        dead  running, with a start job   running, once it is up
//	running  -        dead  -                           waiting, once it is down and has no job
//	failed   waiting  -     -                           -
//
// "waiting" asks at once what the paths are like, so that a path that is there already leads to running.

// A PathState is a row of the table.
type PathState uint8

// The states.
const (
	PathDead PathState = iota
	PathWaiting
	PathRunning
	PathFailed
)

var pathStates = [...]struct {
	name   string
	active graph.ActiveState
}{
	{"dead", graph.Inactive}, {"waiting", graph.Active}, {"running", graph.Active}, {"failed", graph.Failed},
}

func (s PathState) String() string { return pathStates[s].name }

// Path is a path unit as it lives.
type Path struct {
	State    PathState
	Result   Result
	Triggers Limiter // TriggerLimitIntervalSec=, TriggerLimitBurst=
	Existed  []bool  // of Config.Path.Specs: the path did, when last seen
	Watching bool
	Query    QueryID
	Quiet    bool // a path that appears or vanishes with this answer is no news
}

type path struct {
	m *Machine
	u *Unit
	*Path
}

func (p path) config() *unit.Path { return p.u.Config.Path }
func (p path) sub() string        { return p.State.String() }

func (p path) enter(s PathState) {
	p.State = s
	if s != PathWaiting {
		p.unwatch()
	}
	p.m.changed(p.u, pathStates[s].active, 0)
}

func (p path) unwatch() {
	p.Query = 0
	if p.Watching {
		p.Watching = false
		p.m.emit(WatchPaths{Unit: p.u.Name, Off: true})
	}
}

func (p path) enterDead(f Result) {
	p.Result.keep(f)
	p.m.logResult(p.u, p.Result)
	if p.Result != Success {
		p.enter(PathFailed)
	} else {
		p.enter(PathDead)
	}
}

func (p path) start() graph.RunResult {
	if !p.m.mayStart(p.u) {
		p.enterDead(StartLimitHit)
		return graph.RunFailed
	}
	if !p.m.testTrigger(p.u) {
		return graph.RunFailed
	}
	p.m.invoke(p.u)
	p.Result = Success
	p.enterWaiting(true, p.config().MakeDirectory)
	return graph.RunUnderway
}

func (p path) stop() graph.RunResult {
	p.enterDead(Success)
	return graph.RunUnderway
}

func (p path) reload() graph.RunResult { return graph.RunNotApplicable }

func (p path) resetFailed() {
	if p.State == PathFailed {
		p.enter(PathDead)
	}
	p.Result = Success
}

func (p path) deadline(deadlineKind) {}

// enterWaiting watches, and looks at what is there (path_enter_waiting in src/core/path.c). quiet: PathChanged= and PathModified=
// are about what happens from now on.
func (p path) enterWaiting(quiet, mkdir bool) {
	if t, ok := p.m.trigger(p.u); ok && !p.m.Active(t).IsDown() {
		p.enter(PathRunning)
		return
	}
	if p.State != PathWaiting {
		p.enter(PathWaiting)
	}
	p.Watching = true
	p.m.emit(WatchPaths{Unit: p.u.Name, Path: p.config(), Make: mkdir})
	p.ask(quiet)
}

func (p path) ask(quiet bool) {
	p.Query, p.Quiet = p.m.query(), quiet
	p.m.emit(AskPaths{p.u.Name, p.Query, p.config().Specs})
}

// facts answers ask (path_check_good in src/core/path.c).
func (p path) facts(e PathFacts) {
	if p.Query == 0 || e.Query != p.Query || p.State != PathWaiting {
		return
	}
	p.Query = 0
	if e.Problem != "" {
		p.m.log(p.u, 4, "Failed to enter waiting state: "+e.Problem)
		p.enterDead(Resources)
		return
	}
	for i, spec := range p.config().Specs {
		good := i < len(e.Good) && e.Good[i]
		if spec.Kind == unit.PathChanged || spec.Kind == unit.PathModified {
			existed := p.Existed[i]
			p.Existed[i] = good
			good = !p.Quiet && good != existed
		}
		if good {
			file := spec.Path
			if i < len(e.Paths) && e.Paths[i] != "" {
				file = e.Paths[i]
			}
			p.enterRunning(file)
			return
		}
	}
}

// changed is news from the watches (path_dispatch_io in src/core/path.c).
func (p path) changed(index int) {
	switch specs := p.config().Specs; {
	case p.State != PathWaiting:
	case index >= 0 && index < len(specs):
		p.enterRunning(specs[index].Path)
	default:
		p.ask(false)
	}
}

// enterRunning starts the unit (path_enter_running in src/core/path.c).
func (p path) enterRunning(file string) {
	if p.m.graph.StopPending(p.u.ID) {
		return
	}
	if !p.Triggers.below(p.m.now.Monotonic) {
		p.m.log(p.u, 4, "Trigger limit hit, refusing further activation.")
		p.enterDead(TriggerLimitHit)
		return
	}
	t, ok := p.m.trigger(p.u)
	if !ok {
		p.m.log(p.u, 3, "Unit to trigger vanished.")
		p.enterDead(Resources)
		return
	}
	job, err := p.m.enqueue(graph.JobStart, t.ID, graph.ModeReplace)
	if err != nil {
		p.m.log(p.u, 4, "Failed to queue unit startup job: "+err.Error())
		p.enterDead(Resources)
		return
	}
	p.m.record(job).Activation = []string{"TRIGGER_UNIT=" + p.u.Name, "TRIGGER_PATH=" + file}
	p.enter(PathRunning)
}

func (p path) triggered(n news) {
	switch {
	case p.State != PathWaiting && p.State != PathRunning:
	case n.StartLimitHit:
		p.enterDead(TriggeredStartLimitHit)
	case n.HasJob:
	case p.State == PathRunning && n.Active.IsDown(), p.State == PathWaiting && !n.Active.IsDown():
		p.enterWaiting(true, false)
	}
}
