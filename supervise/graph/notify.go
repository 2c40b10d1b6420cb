package graph

// NotifyFlags say more about a change of state.
type NotifyFlags uint8

const (
	ReloadFailed    NotifyFlags = 1 << iota // the unit is active again, but not reloaded
	WillAutoRestart                         // the unit is down, and Restart= brings it up again
)

// Notify says that u is now in state now, though that may be the state it was in,
// and gives what follows, in systemd's order (unit_notify in unit.c): the end of
// the unit's job, retroactive jobs if no job had asked for the change, OnFailure=
// and OnSuccess=, the units that trigger it. Checks that look at several units at
// once wait for FollowUp.
func (g *Graph) Notify(u UnitID, now ActiveState, flags NotifyFlags) []Event {
	var log []Event
	n := g.units[u]
	was := n.Active
	n.Active = now

	unexpected := true
	if n.job != nil {
		unexpected = g.processJob(&log, n.job, now, flags)
	}
	if unexpected {
		for _, r := range g.Retroactive(u, was, now) {
			log = append(log, Event{Kind: RequestMade, Request: r})
		}
	}
	if now == Failed && was != Failed && flags&WillAutoRestart == 0 {
		g.trigger(&log, u, g.OnFailure(u))
	}
	if now == Inactive && !was.IsDown() && was != Maintenance && flags&WillAutoRestart == 0 {
		g.trigger(&log, u, g.OnSuccess(u))
	}
	g.tellTriggers(&log, u)

	if now.IsDown() {
		g.checkAll(u, AtomAddStopWhenUnneeded, checkUnneeded)
		g.checkAll(u, AtomAddCannotBeActive, checkBound)
		g.check(u, checkUpheld)
	}
	if now.IsUp() {
		g.checkAll(u, AtomAddStartWhenUpheld, checkUpheld)
		g.check(u, checkUnneeded)
		g.check(u, checkBound)
	}
	return log
}

// processJob ends the unit's job if its new state says that it is done or has
// come to nothing, and reports whether the state is not what the job is for
// (unit_process_job in unit.c).
func (g *Graph) processJob(log *[]Event, j *Job, now ActiveState, flags NotifyFlags) (unexpected bool) {
	if j.State == JobWaiting {
		g.queue(j)
	}
	running := j.State == JobRunning
	downResult := ResultDone
	if now == Failed {
		downResult = ResultFailed
	}
	switch j.Type {
	case JobStart, JobVerifyActive:
		switch {
		case now.IsUp():
			g.end(log, j, ResultDone, true, false)
		case running && now != Activating:
			unexpected = true
			if now.IsDown() {
				g.end(log, j, downResult, true, false)
			}
		}
	case JobReload:
		switch {
		case !running || now == Activating || now == Reloading:
		case now == Active && flags&ReloadFailed != 0:
			g.end(log, j, ResultFailed, true, false)
		case now == Active:
			g.end(log, j, ResultDone, true, false)
		default:
			unexpected = true
			if now.IsDown() {
				g.end(log, j, downResult, true, false)
			}
		}
	case JobStop, JobRestart:
		switch {
		case now.IsDown():
			g.end(log, j, ResultDone, true, false)
		case running && now != Deactivating:
			unexpected = true
			g.end(log, j, ResultFailed, true, false)
		}
	}
	return unexpected
}

// trigger logs and makes the requests of OnFailure= or OnSuccess=.
func (g *Graph) trigger(log *[]Event, u UnitID, requests []Request) {
	for i, r := range requests {
		if i == 0 {
			text := "Triggering " + r.Reason.String() + " dependencies."
			*log = append(*log, Event{Kind: MessageGiven, Message: Message{LevelInfo, g.units[u].name, text}})
		}
		*log = append(*log, Event{Kind: RequestMade, Request: r})
	}
}

// OnFailure is what a failure of u asks for (systemd.unit(5) "OnFailure=").
func (g *Graph) OnFailure(u UnitID) []Request {
	return g.starts(u, AtomOnFailure, g.units[u].OnFailureMode, ReasonOnFailure)
}

// OnSuccess is what an orderly end of u asks for (systemd.unit(5) "OnSuccess=").
func (g *Graph) OnSuccess(u UnitID) []Request {
	return g.starts(u, AtomOnSuccess, g.units[u].OnSuccessMode, ReasonOnSuccess)
}

func (g *Graph) starts(u UnitID, a Atom, mode JobMode, why Reason) []Request {
	var list []Request
	for other := range g.Each(u, a) {
		list = append(list, Request{JobStart, other, mode, why, u})
	}
	return list
}

// retroactive are the rules for a unit that came up, or went down, unasked
// (retroactively_start_dependencies and retroactively_stop_dependencies in unit.c).
var retroactive = []struct {
	up   bool
	atom Atom
	job  JobType
	mode JobMode
}{
	{true, AtomRetroactiveStart, JobStart, ModeReplace},
	{true, AtomRetroactiveStartFail, JobStart, ModeFail},
	{true, AtomRetroactiveStopOnStart, JobStop, ModeReplace},
	{false, AtomRetroactiveStopOnStop, JobStop, ModeReplace},
}

// Retroactive is what a change of u from one state to another asks for if no job
// had asked for the change. A unit that u is ordered after is not started behind
// its back.
func (g *Graph) Retroactive(u UnitID, was, now ActiveState) []Request {
	up := was.IsDown() && now.IsUpOrComing()
	down := was.IsUpOrComing() && now.IsDownOrGoing()
	if !up && !down {
		return nil
	}
	var list []Request
	for _, rule := range retroactive {
		if rule.up != up {
			continue
		}
		for other := range g.Each(u, rule.atom) {
			s := g.units[other].Active
			switch {
			case rule.job == JobStart && (s.IsUpOrComing() || g.Has(u, AtomAfter, other)):
			case rule.job == JobStop && s.IsDownOrGoing():
			case rule.job == JobStart:
				list = append(list, Request{JobStart, other, rule.mode, ReasonRetroactiveStart, u})
			default:
				list = append(list, Request{JobStop, other, rule.mode, ReasonRetroactiveStop, u})
			}
		}
	}
	return list
}
