package unit

import "keelson/supervise/graph"

// DependencyKind says how one unit depends on another: package graph's word, which says what each kind and its inverse mean. A unit file
// states those with a directive of their name; RequiredBy and the like are only ever inverses.
type DependencyKind = graph.Dependency

const (
	Requires             = graph.Requires
	Requisite            = graph.Requisite
	Wants                = graph.Wants
	BindsTo              = graph.BindsTo
	PartOf               = graph.PartOf
	Upholds              = graph.Upholds
	RequiredBy           = graph.RequiredBy
	RequisiteOf          = graph.RequisiteOf
	WantedBy             = graph.WantedBy
	BoundBy              = graph.BoundBy
	ConsistsOf           = graph.ConsistsOf
	UpheldBy             = graph.UpheldBy
	Conflicts            = graph.Conflicts
	ConflictedBy         = graph.ConflictedBy
	Before               = graph.Before
	After                = graph.After
	OnSuccess            = graph.OnSuccess
	OnSuccessOf          = graph.OnSuccessOf
	OnFailure            = graph.OnFailure
	OnFailureOf          = graph.OnFailureOf
	Triggers             = graph.Triggers
	TriggeredBy          = graph.TriggeredBy
	PropagatesReloadTo   = graph.PropagatesReloadTo
	ReloadPropagatedFrom = graph.ReloadPropagatedFrom
	PropagatesStopTo     = graph.PropagatesStopTo
	StopPropagatedFrom   = graph.StopPropagatedFrom
	JoinsNamespaceOf     = graph.JoinsNamespaceOf
	InSlice              = graph.InSlice
	SliceOf              = graph.SliceOf
)

// Origin says why a unit has a dependency: a set of the Origin constants.
type Origin uint8

const (
	// FromFile: a directive, or a link in a .wants/, .requires/ or .upholds/ folder.
	FromFile Origin = 1 << iota
	// FromDefault: DefaultDependencies=yes.
	FromDefault
	// Implicit: follows from the unit's type or other directives, whatever DefaultDependencies= says.
	Implicit
	// FromPath: RequiresMountsFor= or a path that implies it.
	FromPath
)

// Dependency is one edge as the unit that states it sees it.
type Dependency struct {
	Name   string // the other unit, specifiers expanded, as written: may be an alias
	Kind   DependencyKind
	Origin Origin
}

// On lists the units that u has kind on, in the order in which they were stated.
func (u *Unit) On(kind DependencyKind) []string {
	var names []string
	for i := range u.Dependencies {
		if u.Dependencies[i].Kind == kind {
			names = append(names, u.Dependencies[i].Name)
		}
	}
	return names
}

// Has tells whether u states a dependency of this kind on the unit of this name.
func (u *Unit) Has(kind DependencyKind, name string) bool { return u.edge(kind, name) >= 0 }

// edgesListed is up to how many dependencies a unit is searched one by one. Targets can have thousands.
const edgesListed = 32

// edge finds a dependency in u.Dependencies, -1 if there is none.
func (u *Unit) edge(kind DependencyKind, name string) int {
	if u.edges != nil {
		if i, ok := u.edges[Dependency{Kind: kind, Name: name}]; ok {
			return i
		}
		return -1
	}
	for i := range u.Dependencies {
		if u.Dependencies[i].Kind == kind && u.Dependencies[i].Name == name {
			return i
		}
	}
	return -1
}

// Add states a dependency of u, once: a second statement only adds to the origins. A unit does not depend on itself; such a
// statement is dropped, as systemd does (unit_add_dependency in src/core/unit.c), and Add says false.
func (u *Unit) Add(kind DependencyKind, name string, origin Origin) bool {
	if name == u.Name {
		return false
	}
	if i := u.edge(kind, name); i >= 0 {
		u.Dependencies[i].Origin |= origin
		return true
	}
	u.Dependencies = append(u.Dependencies, Dependency{name, kind, origin})
	switch n := len(u.Dependencies); {
	case u.edges != nil:
		u.edges[Dependency{Kind: kind, Name: name}] = n - 1
	case n > edgesListed:
		u.edges = make(map[Dependency]int, 2*n)
		for i, d := range u.Dependencies {
			u.edges[Dependency{Kind: d.Kind, Name: d.Name}] = i
		}
	}
	return true
}

// resolve gives a template that u names its instance: u's own, or u's prefix if it is no instance (resolve_template in
// src/core/unit.c). Other names stay as they are.
func (u *Unit) resolve(name string) (string, error) {
	prefix, instance, _, _, _ := SplitName(u.Name)
	if !ValidName(name, TemplateName) {
		return name, nil
	}
	if instance == "" {
		instance = prefix
	}
	return Instantiate(name, instance)
}
