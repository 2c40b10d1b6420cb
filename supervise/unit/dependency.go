package unit

// DependencyKind says how one unit depends on another (systemd.unit(5), "Mapping of unit properties to their inverses").
// Each kind has an inverse: if a has kind k on b, then b has k.Inverse() on a.
type DependencyKind uint8

// The dependency kinds. A unit file states those with a directive of their name; RequiredBy and the like are only ever inverses.
const (
	Requires DependencyKind = iota
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
	InSlice
	SliceOf
)

// DependencyKinds is the number of dependency kinds, for arrays indexed by them.
const DependencyKinds = int(SliceOf) + 1

var dependencyWords = words{
	"Requires", "Requisite", "Wants", "BindsTo", "PartOf", "Upholds",
	"RequiredBy", "RequisiteOf", "WantedBy", "BoundBy", "ConsistsOf", "UpheldBy",
	"Conflicts", "ConflictedBy", "Before", "After",
	"OnSuccess", "OnSuccessOf", "OnFailure", "OnFailureOf", "Triggers", "TriggeredBy",
	"PropagatesReloadTo", "ReloadPropagatedFrom", "PropagatesStopTo", "StopPropagatedFrom",
	"JoinsNamespaceOf", "InSlice", "SliceOf",
}

var dependencyInverse = [DependencyKinds]DependencyKind{
	Requires: RequiredBy, RequiredBy: Requires,
	Requisite: RequisiteOf, RequisiteOf: Requisite,
	Wants: WantedBy, WantedBy: Wants,
	BindsTo: BoundBy, BoundBy: BindsTo,
	PartOf: ConsistsOf, ConsistsOf: PartOf,
	Upholds: UpheldBy, UpheldBy: Upholds,
	Conflicts: ConflictedBy, ConflictedBy: Conflicts,
	Before: After, After: Before,
	OnSuccess: OnSuccessOf, OnSuccessOf: OnSuccess,
	OnFailure: OnFailureOf, OnFailureOf: OnFailure,
	Triggers: TriggeredBy, TriggeredBy: Triggers,
	PropagatesReloadTo: ReloadPropagatedFrom, ReloadPropagatedFrom: PropagatesReloadTo,
	PropagatesStopTo: StopPropagatedFrom, StopPropagatedFrom: PropagatesStopTo,
	JoinsNamespaceOf: JoinsNamespaceOf,
	InSlice:          SliceOf, SliceOf: InSlice,
}

func (k DependencyKind) String() string { return dependencyWords.of(uint8(k)) }

// Inverse is the kind as seen from the other unit.
func (k DependencyKind) Inverse() DependencyKind { return dependencyInverse[k] }

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
	Kind   DependencyKind
	Name   string // the other unit, specifiers expanded, as written: may be an alias
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
	u.Dependencies = append(u.Dependencies, Dependency{kind, name, origin})
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
