package graph

import (
	"cmp"
	"slices"
)

// A UnitID is a unit's number in its graph, from 0. The number of a removed unit
// is given out again.
type UnitID int32

// Facts are what the graph must know about a unit. Add fills in the defaults
// of the unit's type; the graph's owner keeps them up to date through
// [Graph.Facts], except Active, which changes by [Graph.Notify] (write it directly
// only to restore a state that everybody has seen already).
type Facts struct {
	Load   LoadState
	Active ActiveState

	CanStart   bool // the type can be started here, and not once only and before
	CanStop    bool // the type can be stopped here
	CanReload  bool // the unit has a reload of its own
	Perpetual  bool // never stops: -.mount, init.scope, -.slice
	OnCalendar bool // a timer with OnCalendar=

	DefaultDependencies bool // DefaultDependencies=, default yes
	AllowIsolate        bool // AllowIsolate=
	IgnoreOnIsolate     bool // IgnoreOnIsolate=
	RefuseManualStart   bool // RefuseManualStart=
	RefuseManualStop    bool // RefuseManualStop=
	StopWhenUnneeded    bool // StopWhenUnneeded=
	WillRestart         bool // down, but Restart= will bring it up again by itself

	OnFailureMode JobMode // OnFailureJobMode=, default replace
	OnSuccessMode JobMode // OnSuccessJobMode=, default fail

	Nice      int8   // of the unit's processes; lower runs first
	CPUWeight uint16 // CPUWeight= or StartupCPUWeight=, 1 to 10000, default 100; higher runs first

	// LoadCause, with Load == LoadError, is the error that a request gets; its
	// message is the cause only.
	LoadCause *Error
}

// node is a unit: its facts, its edges in the order of the other ends' ids, and
// its jobs.
type node struct {
	Facts
	name  string
	alias []string
	kind  UnitType
	check [checkMax]bool // is in the queue of that check
	edges []edge
	job   *Job
	nop   *Job
}

// find is the place of the edge to other, or the place where it would be.
func (n *node) find(other UnitID) (int, bool) {
	return slices.BinarySearchFunc(n.edges, other, func(e edge, id UnitID) int {
		return cmp.Compare(e.other, id)
	})
}

// A Graph is a set of units, their dependencies and their installed jobs.
type Graph struct {
	units []*node // by UnitID; nil: removed
	free  []UnitID
	names map[string]UnitID // primary names and aliases

	jobs    map[JobID]*Job // installed
	lastJob JobID
	run     runQueue
	idle    []JobID            // device jobs that may hold nothing back any more
	checks  [checkMax][]UnitID // units to look at, by check
}

// New returns an empty graph.
func New() *Graph {
	g := &Graph{names: map[string]UnitID{}, jobs: map[JobID]*Job{}}
	g.run.graph = g
	return g
}

// Add returns the unit with this name or alias and makes it, not loaded yet, if
// there is none. It refuses a name without a unit type's suffix.
func (g *Graph) Add(name string) (UnitID, error) {
	t, ok := typeOf(name)
	if !ok {
		return 0, refuse(InvalidArgs, "Unit name %s is not valid.", name)
	}
	return g.add(name, t), nil
}

// add is Add for a name whose type is known.
func (g *Graph) add(name string, t UnitType) UnitID {
	if u, ok := g.names[name]; ok {
		return u
	}
	n := newNode(name, t)
	var u UnitID
	if last := len(g.free) - 1; last >= 0 {
		u, g.free = g.free[last], g.free[:last]
		g.units[u] = n
	} else {
		u = UnitID(len(g.units))
		g.units = append(g.units, n)
	}
	g.names[name] = u
	return u
}

// newNode is a unit with the facts of its type.
func newNode(name string, t UnitType) *node {
	rule := &unitTypes[t]
	return &node{name: name, kind: t, Facts: Facts{
		CanStart: rule.acts, CanStop: rule.acts, CanReload: rule.reloads,
		DefaultDependencies: true, IgnoreOnIsolate: rule.keptIsolate,
		OnFailureMode: ModeReplace, OnSuccessMode: ModeFail, CPUWeight: 100,
	}}
}

// Alias makes name another name of u. It refuses a name that another unit has.
func (g *Graph) Alias(u UnitID, name string) error {
	if other, ok := g.names[name]; !ok {
		g.units[u].alias = append(g.units[u].alias, name)
		g.names[name] = u
	} else if other != u {
		return refuse(InvalidArgs, "Unit name %s is already taken by %s.", name, g.units[other].name)
	}
	return nil
}

// Lookup finds a unit by its name or an alias.
func (g *Graph) Lookup(name string) (UnitID, bool) {
	u, ok := g.names[name]
	return u, ok
}

// Units is the list of all units, in the order of their ids.
func (g *Graph) Units() []UnitID {
	list := make([]UnitID, 0, len(g.units))
	for u, n := range g.units {
		if n != nil {
			list = append(list, UnitID(u))
		}
	}
	return list
}

// Name is the unit's primary name.
func (g *Graph) Name(u UnitID) string { return g.units[u].name }

// Type is the unit's type.
func (g *Graph) Type(u UnitID) UnitType { return g.units[u].kind }

// Facts gives the unit's facts to read and to write. They stay the graph's.
func (g *Graph) Facts(u UnitID) *Facts { return &g.units[u].Facts }

// Remove forgets the unit, its names and all edges to and from it. It refuses
// while the unit has a job.
func (g *Graph) Remove(u UnitID) error {
	n := g.units[u]
	if n.job != nil || n.nop != nil {
		return refuse(InvalidArgs, "Unit %s has a job and cannot be removed.", n.name)
	}
	for _, e := range n.edges {
		other := g.units[e.other]
		if i, found := other.find(u); found {
			other.edges = slices.Delete(other.edges, i, i+1)
		}
	}
	delete(g.names, n.name)
	for _, name := range n.alias {
		delete(g.names, name)
	}
	for c := range g.checks {
		g.checks[c] = slices.DeleteFunc(g.checks[c], func(id UnitID) bool { return id == u })
	}
	g.units[u] = nil
	g.free = append(g.free, u)
	return nil
}

// canStart, canStop and canReload are what the unit can do now (unit_can_start,
// unit_can_stop, unit_can_reload in unit.c). Except for services, a unit without
// a reload of its own can still pass one on.
func (g *Graph) canStart(u UnitID) bool {
	n := g.units[u]
	return n.Load == Loaded && n.CanStart
}

func (g *Graph) canStop(u UnitID) bool {
	n := g.units[u]
	return n.CanStop && !n.Perpetual
}

func (g *Graph) canReload(u UnitID) bool {
	n := g.units[u]
	return n.CanReload || !unitTypes[n.kind].asksReload && g.HasAny(u, AtomPropagatesReloadTo)
}

// applicable reports whether a job of this type, collapsed, may be queued for u.
// Start is for devices too, which appear by themselves (unit_job_is_applicable in
// unit.c).
func (g *Graph) applicable(t JobType, u UnitID) bool {
	switch t {
	case JobStop:
		return !g.units[u].Perpetual
	case JobRestart:
		return g.canStop(u) && g.canStart(u)
	case JobReload:
		return g.canReload(u)
	}
	return true
}
