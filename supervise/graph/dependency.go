package graph

import "iter"

// A Dependency is a kind of edge between two units, as in systemd.unit(5)
// "Mapping of unit properties to their inverses".
type Dependency uint8

const (
	Requires Dependency = iota
	Requisite
	Wants
	BindsTo
	PartOf
	Upholds
	RequiredBy
	RequisiteOf
	WantedBy
	BoundBy
	ConsistsOf
	UpheldBy
	Conflicts
	ConflictedBy
	Before
	After
	OnSuccess
	OnSuccessOf
	OnFailure
	OnFailureOf
	Triggers
	TriggeredBy
	PropagatesReloadTo
	ReloadPropagatedFrom
	PropagatesStopTo
	StopPropagatedFrom
	JoinsNamespaceOf
	References
	ReferencedBy
	InSlice
	SliceOf
	dependencyMax
)

// An Atom is one behaviour of an edge, read from the unit that has it ("this
// unit") towards the other one (unit-dependency-atom.h).
type Atom uint8

const (
	AtomPullInStart        Atom = iota // starting this one starts the other, or fails
	AtomPullInStartIgnored             // the same, but going without it is fine
	AtomPullInVerify                   // starting this one needs the other active already
	AtomPullInStop                     // starting this one stops the other, or fails
	AtomPullInStopIgnored              // the same, but going without it is fine

	AtomAddStopWhenUnneeded    // this one down: look whether the other is still needed
	AtomPinsStopWhenUnneeded   // the other one up: this one is needed
	AtomCannotBeActiveWithout  // the other one down: this one stops
	AtomAddCannotBeActive      // this one down: look whether the other must stop
	AtomStartSteadily          // the other one up: this one is started whenever it is down
	AtomAddStartWhenUpheld     // this one up: look whether the other must start
	AtomRetroactiveStart       // this one up unasked: start the other, mode replace
	AtomRetroactiveStartFail   // this one up unasked: start the other, mode fail
	AtomRetroactiveStopOnStart // this one up unasked: stop the other
	AtomRetroactiveStopOnStop  // this one down unasked: stop the other

	AtomPropagateStartFailure  // this one's start job fails: so does the other's
	AtomPropagateStopFailure   // this one's stop job fails: so does the other's start job
	AtomPropagateInactiveStart // this one's start job is done but it is down: the other's fails
	AtomPropagateStop          // stopping this one stops the other
	AtomPropagateRestart       // restarting this one restarts the other, if that is up

	AtomAddDefaultTarget // this one, if a target, is ordered after the other
	AtomDefaultTarget    // the other, if a target, is ordered after this one

	AtomOnFailure
	AtomOnSuccess
	AtomOnFailureOf
	AtomOnSuccessOf
	AtomBefore
	AtomAfter
	AtomTriggers
	AtomTriggeredBy
	AtomPropagatesReloadTo
	AtomJoinsNamespaceOf
	AtomReferences
	AtomReferencedBy
	AtomInSlice
	AtomSliceOf
	atomMax
)

// Atoms is a set of [Atom].
type Atoms uint64

func atoms(list ...Atom) Atoms {
	var set Atoms
	for _, a := range list {
		set |= 1 << a
	}
	return set
}

// Has reports whether the set contains a.
func (s Atoms) Has(a Atom) bool { return s&(1<<a) != 0 }

// dependencies is the one table of kinds: name, inverse, behaviour
// (unit-dependency-atom.c, inverse_table in unit.c). The inverses of the two
// propagation kinds are there to be shown, and do nothing.
var dependencies = [dependencyMax]struct {
	name    string
	inverse Dependency
	atoms   Atoms
}{
	Requires: {"Requires", RequiredBy, atoms(AtomPullInStart, AtomRetroactiveStart,
		AtomAddStopWhenUnneeded, AtomAddDefaultTarget)},
	Requisite: {"Requisite", RequisiteOf, atoms(AtomPullInVerify,
		AtomAddStopWhenUnneeded, AtomAddDefaultTarget)},
	Wants: {"Wants", WantedBy, atoms(AtomPullInStartIgnored, AtomRetroactiveStartFail,
		AtomAddStopWhenUnneeded, AtomAddDefaultTarget)},
	BindsTo: {"BindsTo", BoundBy, atoms(AtomPullInStart, AtomRetroactiveStart, AtomCannotBeActiveWithout,
		AtomAddStopWhenUnneeded, AtomAddDefaultTarget)},
	PartOf: {"PartOf", ConsistsOf, atoms(AtomAddDefaultTarget)},
	Upholds: {"Upholds", UpheldBy, atoms(AtomPullInStartIgnored, AtomRetroactiveStart, AtomAddStartWhenUpheld,
		AtomAddStopWhenUnneeded, AtomAddDefaultTarget)},

	RequiredBy: {"RequiredBy", Requires, atoms(AtomPropagateStop, AtomPropagateRestart,
		AtomPropagateStartFailure, AtomPinsStopWhenUnneeded, AtomDefaultTarget)},
	RequisiteOf: {"RequisiteOf", Requisite, atoms(AtomPropagateStop, AtomPropagateRestart,
		AtomPropagateStartFailure, AtomPropagateInactiveStart, AtomPinsStopWhenUnneeded, AtomDefaultTarget)},
	WantedBy: {"WantedBy", Wants, atoms(AtomPinsStopWhenUnneeded, AtomDefaultTarget)},
	BoundBy: {"BoundBy", BindsTo, atoms(AtomRetroactiveStopOnStop, AtomPropagateStop, AtomPropagateRestart,
		AtomPropagateStartFailure, AtomPinsStopWhenUnneeded, AtomAddCannotBeActive, AtomDefaultTarget)},
	ConsistsOf: {"ConsistsOf", PartOf, atoms(AtomPropagateStop, AtomPropagateRestart)},
	UpheldBy:   {"UpheldBy", Upholds, atoms(AtomStartSteadily, AtomPinsStopWhenUnneeded, AtomDefaultTarget)},

	Conflicts: {"Conflicts", ConflictedBy, atoms(AtomPullInStop, AtomRetroactiveStopOnStart)},
	ConflictedBy: {"ConflictedBy", Conflicts, atoms(AtomPullInStopIgnored, AtomRetroactiveStopOnStart,
		AtomPropagateStopFailure)},

	Before:               {"Before", After, atoms(AtomBefore)},
	After:                {"After", Before, atoms(AtomAfter)},
	OnSuccess:            {"OnSuccess", OnSuccessOf, atoms(AtomOnSuccess)},
	OnSuccessOf:          {"OnSuccessOf", OnSuccess, atoms(AtomOnSuccessOf)},
	OnFailure:            {"OnFailure", OnFailureOf, atoms(AtomOnFailure)},
	OnFailureOf:          {"OnFailureOf", OnFailure, atoms(AtomOnFailureOf)},
	Triggers:             {"Triggers", TriggeredBy, atoms(AtomTriggers)},
	TriggeredBy:          {"TriggeredBy", Triggers, atoms(AtomTriggeredBy)},
	PropagatesReloadTo:   {"PropagatesReloadTo", ReloadPropagatedFrom, atoms(AtomPropagatesReloadTo)},
	ReloadPropagatedFrom: {"ReloadPropagatedFrom", PropagatesReloadTo, 0},
	PropagatesStopTo:     {"PropagatesStopTo", StopPropagatedFrom, atoms(AtomRetroactiveStopOnStop, AtomPropagateStop)},
	StopPropagatedFrom:   {"StopPropagatedFrom", PropagatesStopTo, 0},
	JoinsNamespaceOf:     {"JoinsNamespaceOf", JoinsNamespaceOf, atoms(AtomJoinsNamespaceOf)},
	References:           {"References", ReferencedBy, atoms(AtomReferences)},
	ReferencedBy:         {"ReferencedBy", References, atoms(AtomReferencedBy)},
	InSlice:              {"InSlice", SliceOf, atoms(AtomInSlice)},
	SliceOf:              {"SliceOf", InSlice, atoms(AtomSliceOf)},
}

// String is the name as in `systemctl show` and in unit files.
func (d Dependency) String() string { return dependencies[d].name }

// Inverse is the kind that the other unit gets. JoinsNamespaceOf is its own
// inverse, and like systemd 252 the other unit gets no edge for it.
func (d Dependency) Inverse() Dependency { return dependencies[d].inverse }

// Atoms is what the kind does.
func (d Dependency) Atoms() Atoms { return dependencies[d].atoms }

// ParseDependency finds a kind by its name.
func ParseDependency(name string) (Dependency, bool) {
	for d := range dependencyMax {
		if dependencies[d].name == name {
			return d, true
		}
	}
	return 0, false
}

// kindSet is a set of [Dependency]: all edges from one unit to another.
type kindSet uint32

func kinds(list ...Dependency) kindSet {
	var set kindSet
	for _, d := range list {
		set |= 1 << d
	}
	return set
}

// kindsWith is the table above read by column: the kinds that carry an atom.
var kindsWith = func() (with [atomMax]kindSet) {
	for d := range dependencyMax {
		for a := range atomMax {
			if d.Atoms().Has(a) {
				with[a] |= kinds(d)
			}
		}
	}
	return with
}()

// edge is all that one unit has towards another one.
type edge struct {
	other UnitID
	kinds kindSet
}

// Each yields the units towards which u has atom a, in the order of their ids.
// The graph's edges must not be changed meanwhile.
func (g *Graph) Each(u UnitID, a Atom) iter.Seq[UnitID] {
	edges, set := g.units[u].edges, kindsWith[a]
	return func(yield func(UnitID) bool) {
		for _, e := range edges {
			if e.kinds&set != 0 && !yield(e.other) {
				return
			}
		}
	}
}

// HasAny reports whether u has atom a towards any unit.
func (g *Graph) HasAny(u UnitID, a Atom) bool {
	for range g.Each(u, a) {
		return true
	}
	return false
}

// Has reports whether u has atom a towards other.
func (g *Graph) Has(u UnitID, a Atom, other UnitID) bool {
	n := g.units[u]
	i, found := n.find(other)
	return found && n.edges[i].kinds&kindsWith[a] != 0
}

// Dependencies is the list of units towards which u has an edge of kind d, in the
// order of their ids: what `systemctl show -p Requires` lists.
func (g *Graph) Dependencies(u UnitID, d Dependency) []UnitID {
	var list []UnitID
	for _, e := range g.units[u].edges {
		if e.kinds&kinds(d) != 0 {
			list = append(list, e.other)
		}
	}
	return list
}
