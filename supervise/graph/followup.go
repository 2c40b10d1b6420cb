package graph

// A checkKind is a condition over several units that is looked at later, when all
// that is known has been told. The order is that of manager_loop in manager.c.
type checkKind uint8

const (
	checkUpheld checkKind = iota
	checkBound
	checkUnneeded
	checkMax
)

// checks says for which units a check makes sense, when it asks for a job, and
// which (unit_submit_to_…_queue in unit.c, manager_dispatch_…_queue in manager.c).
var checks = [checkMax]struct {
	concerns func(*Graph, UnitID) bool
	holds    func(*Graph, UnitID) (UnitID, bool)
	job      JobType
	mode     JobMode
	reason   Reason
}{
	checkUpheld: {
		func(g *Graph, u UnitID) bool { return g.units[u].Active.IsDown() && g.HasAny(u, AtomStartSteadily) },
		(*Graph).Upheld, JobStart, ModeFail, ReasonUpheld,
	},
	checkBound: {
		func(g *Graph, u UnitID) bool {
			return g.units[u].Active.IsUp() && g.HasAny(u, AtomCannotBeActiveWithout)
		},
		(*Graph).BoundToInactive, JobStop, ModeReplace, ReasonBound,
	},
	checkUnneeded: {
		func(g *Graph, u UnitID) bool { return g.units[u].Active.IsUp() && g.units[u].StopWhenUnneeded },
		func(g *Graph, u UnitID) (UnitID, bool) { return u, g.Unneeded(u) }, JobStop, ModeFail, ReasonUnneeded,
	},
}

// check has one check made of u.
func (g *Graph) check(u UnitID, c checkKind) {
	n := g.units[u]
	if n.check[c] || !checks[c].concerns(g, u) {
		return
	}
	n.check[c] = true
	g.checks[c] = append(g.checks[c], u)
}

// checkAll has one check made of all units towards which u has the atom.
func (g *Graph) checkAll(u UnitID, a Atom, c checkKind) {
	for other := range g.Each(u, a) {
		g.check(other, c)
	}
}

// Recheck has all checks made of u: after a rate limit, or when its facts have
// changed.
func (g *Graph) Recheck(u UnitID) {
	for c := range checkMax {
		g.check(u, c)
	}
}

// FollowUp takes the next request that Upholds=, BindsTo= or StopWhenUnneeded=
// make now. Each is to be enqueued before the next is asked for, as its jobs count.
func (g *Graph) FollowUp() (Request, bool) {
	for c := range checkMax {
		for len(g.checks[c]) > 0 {
			u := g.checks[c][0]
			g.checks[c] = g.checks[c][1:]
			g.units[u].check[c] = false
			if source, ok := checks[c].holds(g, u); ok {
				return Request{checks[c].job, u, checks[c].mode, checks[c].reason, source}, true
			}
		}
	}
	return Request{}, false
}

// Unneeded: u has StopWhenUnneeded=, is active, has no job, and no unit that
// depends on it is up, has a job or will be up again by itself
// (unit_is_unneeded in unit.c).
func (g *Graph) Unneeded(u UnitID) bool {
	n := g.units[u]
	if !n.StopWhenUnneeded || n.Active != Active || n.job != nil {
		return false
	}
	for other := range g.Each(u, AtomPinsStopWhenUnneeded) {
		o := g.units[other]
		if o.job != nil || !o.Active.IsDown() || o.WillRestart {
			return false
		}
	}
	return true
}

// Upheld finds a unit that is up, has no job and upholds u, which is down and has
// none either (unit_is_upheld_by_active in unit.c).
func (g *Graph) Upheld(u UnitID) (by UnitID, ok bool) {
	if n := g.units[u]; !n.Active.IsDown() || n.job != nil {
		return 0, false
	}
	for other := range g.Each(u, AtomStartSteadily) {
		if o := g.units[other]; o.job == nil && o.Active.IsUp() {
			return other, true
		}
	}
	return 0, false
}

// BoundToInactive finds a unit that is down, has no job and that u, active and
// without a job, is bound to (unit_is_bound_by_inactive in unit.c).
func (g *Graph) BoundToInactive(u UnitID) (to UnitID, ok bool) {
	if n := g.units[u]; n.Active != Active || n.job != nil {
		return 0, false
	}
	for other := range g.Each(u, AtomCannotBeActiveWithout) {
		if o := g.units[other]; o.job == nil && o.Active.IsDown() {
			return other, true
		}
	}
	return 0, false
}
