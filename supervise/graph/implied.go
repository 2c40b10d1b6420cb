package graph

import "slices"

// implied is a dependency on a target that a unit of some type has unless it says
// DefaultDependencies=no.
type implied struct {
	kind   Dependency
	target string
}

// The tables follow "Default Dependencies" of systemd.service(5), .socket(5),
// .timer(5), .path(5), .target(5), .slice(5), .scope(5) and .automount(5). Swap
// units have none in a container (swap.c); those of a mount unit depend on its
// options and are its loader's to add.
var (
	shutdownImplies = []implied{{Before, "shutdown.target"}, {Conflicts, "shutdown.target"}}

	serviceImplies   = boots(implied{After, "basic.target"})
	socketImplies    = boots(implied{Before, "sockets.target"})
	timerImplies     = boots(implied{Before, "timers.target"})
	pathImplies      = boots(implied{Before, "paths.target"})
	automountImplies = []implied{
		{Before, "local-fs.target"}, {After, "local-fs-pre.target"},
		{Before, "umount.target"}, {Conflicts, "umount.target"},
	}

	// calendarImplies is for timers with OnCalendar=, which need a clock that is
	// right.
	calendarImplies = []implied{{After, "time-sync.target"}, {After, "time-set.target"}}
)

// boots adds what every ordinary unit of a booted system has.
func boots(own implied) []implied {
	return append([]implied{own, {After, "sysinit.target"}, {Requires, "sysinit.target"}}, shutdownImplies...)
}

// AddDefaultDependencies makes the default dependencies of u, to be called when u
// has been loaded and its own dependencies made. A target's order after what it pulls
// in needs both ends, so whichever is loaded last brings it about. Targets named here
// for the first time are stubs, to be loaded.
func (g *Graph) AddDefaultDependencies(u UnitID) {
	n := g.units[u]
	if n.Load != Loaded || !n.DefaultDependencies {
		return
	}
	g.imply(u, unitTypes[n.kind].implies)
	if n.kind == Timer && n.OnCalendar {
		g.imply(u, calendarImplies)
	}
	for _, pulled := range slices.Collect(g.Each(u, AtomAddDefaultTarget)) {
		g.orderTarget(u, pulled)
	}
	for _, target := range slices.Collect(g.Each(u, AtomDefaultTarget)) {
		g.orderTarget(target, u)
	}
}

func (g *Graph) imply(u UnitID, list []implied) {
	for _, i := range list {
		if target := g.add(i.target, Target); target != u { // shutdown.target itself
			g.join(u, i.kind, target)
		}
	}
}

// orderTarget orders a target after a unit that it pulls in, unless it was told
// the opposite (unit_add_default_target_dependency in unit.c).
func (g *Graph) orderTarget(target, pulled UnitID) {
	t, p := g.units[target], g.units[pulled]
	if t.kind == Target && t.Load == Loaded && p.Load == Loaded &&
		t.DefaultDependencies && p.DefaultDependencies && !g.Has(target, AtomBefore, pulled) {
		g.join(target, After, pulled)
	}
}
