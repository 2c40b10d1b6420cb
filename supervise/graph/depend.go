package graph

import (
	"fmt"
	"slices"
)

// ForgetDependencies removes the edges of all units, for reading all units
// again. Facts and jobs stay.
func (g *Graph) ForgetDependencies() {
	for _, n := range g.units {
		if n != nil {
			n.edges = nil
		}
	}
}

// A DependencyError is an edge that was not made. Dropped ones are worth a
// warning; the others are errors in the unit that asked.
type DependencyError struct {
	Dropped bool
	Message Message
}

func (e *DependencyError) Error() string { return e.Message.String() }

// Depend makes an edge of kind d from u to other and its inverse, with
// References, as everything a unit file says keeps the other unit loaded. An edge
// to itself does nothing and is an error only where it might have meant
// something. The error, if any, is a *DependencyError (unit_add_dependency in
// unit.c).
func (g *Graph) Depend(u UnitID, d Dependency, other UnitID) error {
	if err := g.mayDepend(u, d, other); err != nil {
		return err
	}
	if u != other {
		g.join(u, d, other)
	}
	return nil
}

// join makes the edge and its inverse.
func (g *Graph) join(u UnitID, d Dependency, other UnitID) {
	g.connect(u, other, kinds(d, References))
	back := kinds(ReferencedBy)
	if d.Inverse() != d {
		back |= kinds(d.Inverse())
	}
	g.connect(other, u, back)
}

// selfWorthTelling are the kinds that a unit cannot sensibly mean for itself
// (unit_should_warn_about_dependency in unit.c).
var selfWorthTelling = kinds(Conflicts, ConflictedBy, Before, After, OnSuccess, OnFailure, Triggers, TriggeredBy)

// dependencyRules are the kinds that one of the two ends may refuse, by type. The
// text gets the other unit's name, then the type and the name of the end that the
// rule is about.
var dependencyRules = []struct {
	kind    Dependency
	far     bool // the rule is about the other end
	suits   func(UnitType) bool
	dropped bool
	text    string
}{
	{Before, true, func(t UnitType) bool { return t != Device }, true,
		"Dependency Before=%[1]s ignored (.device units cannot be delayed)"},
	{OnFailure, false, func(t UnitType) bool { return unitTypes[t].fails }, true,
		"Requested dependency OnFailure=%[1]s ignored (%[2]s units cannot fail)."},
	{Triggers, false, func(t UnitType) bool { return unitTypes[t].triggers }, false,
		"Requested dependency Triggers=%[1]s refused (%[2]s units cannot trigger other units)."},
	{TriggeredBy, true, func(t UnitType) bool { return unitTypes[t].triggers }, false,
		"Requested dependency TriggeredBy=%[1]s refused (%[2]s units cannot trigger other units)."},
	{InSlice, true, func(t UnitType) bool { return t == Slice }, false,
		"Requested dependency Slice=%[1]s refused (%[3]s is not a slice unit)."},
	{SliceOf, false, func(t UnitType) bool { return t == Slice }, false,
		"Requested dependency SliceOf=%[1]s refused (%[3]s is not a slice unit)."},
	{InSlice, false, func(t UnitType) bool { return unitTypes[t].cgroup }, false,
		"Requested dependency Slice=%[1]s refused (%[3]s is not a cgroup unit)."},
	{SliceOf, true, func(t UnitType) bool { return unitTypes[t].cgroup }, false,
		"Requested dependency SliceOf=%[1]s refused (%[3]s is not a cgroup unit)."},
}

func (g *Graph) mayDepend(u UnitID, d Dependency, other UnitID) error {
	n, o := g.units[u], g.units[other]
	if u == other {
		if selfWorthTelling&kinds(d) == 0 {
			return nil
		}
		text := fmt.Sprintf("Dependency %s=%s is dropped.", d, n.name)
		return &DependencyError{true, Message{LevelWarning, n.name, text}}
	}
	for _, rule := range dependencyRules {
		end := n
		if rule.far {
			end = o
		}
		if rule.kind != d || rule.suits(end.kind) {
			continue
		}
		level := LevelError
		if rule.dropped {
			level = LevelWarning
		}
		text := fmt.Sprintf(rule.text, o.name, end.kind, end.name)
		return &DependencyError{rule.dropped, Message{level, n.name, text}}
	}
	return nil
}

// connect adds kinds to the edge from u to other.
func (g *Graph) connect(u, other UnitID, set kindSet) {
	n := g.units[u]
	i, found := n.find(other)
	if !found {
		n.edges = slices.Insert(n.edges, i, edge{other: other})
	}
	n.edges[i].kinds |= set
}
