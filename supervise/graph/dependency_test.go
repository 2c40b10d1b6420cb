package graph

import "testing"

func TestInversesPairUp(t *testing.T) {
	for d := range dependencyMax {
		if d.Inverse().Inverse() != d {
			t.Errorf("the inverse of %s is %s, whose inverse is %s", d, d.Inverse(), d.Inverse().Inverse())
		}
		if d.Inverse() == d && d != JoinsNamespaceOf {
			t.Errorf("%s is its own inverse", d)
		}
		if p, ok := ParseDependency(d.String()); !ok || p != d {
			t.Errorf("the name %q is read as %v %v", d, p, ok)
		}
	}
	if _, ok := ParseDependency("Needs"); ok {
		t.Error("Needs is read as a dependency")
	}
}

// systemd's own test of its table demands the same: no atom without a kind, no kind
// but the two shown-only ones without an atom.
func TestEveryAtomIsUsed(t *testing.T) {
	for a := range atomMax {
		if kindsWith[a] == 0 {
			t.Errorf("no kind has atom %d", a)
		}
	}
	for d := range dependencyMax {
		none := d == ReloadPropagatedFrom || d == StopPropagatedFrom
		if (d.Atoms() == 0) != none {
			t.Errorf("%s has atoms %b", d, d.Atoms())
		}
	}
}

func TestAtomsOfKinds(t *testing.T) {
	for _, c := range []struct {
		atom Atom
		want kindSet
	}{
		{AtomPullInStart, kinds(Requires, BindsTo)},
		{AtomPullInStartIgnored, kinds(Wants, Upholds)},
		{AtomPullInVerify, kinds(Requisite)},
		{AtomPullInStop, kinds(Conflicts)},
		{AtomPullInStopIgnored, kinds(ConflictedBy)},
		{AtomPropagateStop, kinds(RequiredBy, RequisiteOf, BoundBy, ConsistsOf, PropagatesStopTo)},
		{AtomPropagateRestart, kinds(RequiredBy, RequisiteOf, BoundBy, ConsistsOf)},
		{AtomPropagateStartFailure, kinds(RequiredBy, RequisiteOf, BoundBy)},
		{AtomPropagateStopFailure, kinds(ConflictedBy)},
		{AtomPropagateInactiveStart, kinds(RequisiteOf)},
		{AtomRetroactiveStart, kinds(Requires, BindsTo, Upholds)},
		{AtomRetroactiveStartFail, kinds(Wants)},
		{AtomRetroactiveStopOnStart, kinds(Conflicts, ConflictedBy)},
		{AtomRetroactiveStopOnStop, kinds(BoundBy, PropagatesStopTo)},
		{AtomPinsStopWhenUnneeded, kinds(RequiredBy, RequisiteOf, WantedBy, BoundBy, UpheldBy)},
		{AtomAddStopWhenUnneeded, kinds(Requires, Requisite, Wants, BindsTo, Upholds)},
		{AtomCannotBeActiveWithout, kinds(BindsTo)},
		{AtomAddCannotBeActive, kinds(BoundBy)},
		{AtomStartSteadily, kinds(UpheldBy)},
		{AtomAddStartWhenUpheld, kinds(Upholds)},
		{AtomAddDefaultTarget, kinds(Requires, Requisite, Wants, BindsTo, PartOf, Upholds)},
		{AtomDefaultTarget, kinds(RequiredBy, RequisiteOf, WantedBy, BoundBy, UpheldBy)},
	} {
		if kindsWith[c.atom] != c.want {
			t.Errorf("atom %d is of kinds %b, want %b", c.atom, kindsWith[c.atom], c.want)
		}
	}
}

func TestDependAddsBothEnds(t *testing.T) {
	g := world(t, "a.service\nb.service\n")
	a, b := unit(t, g, "a.service"), unit(t, g, "b.service")
	if err := g.Depend(a, Requires, b); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   UnitID
		kind Dependency
		to   UnitID
	}{{a, Requires, b}, {b, RequiredBy, a}, {a, References, b}, {b, ReferencedBy, a}} {
		if list := g.Dependencies(c.of, c.kind); len(list) != 1 || list[0] != c.to {
			t.Errorf("%s of %s: %v", c.kind, g.Name(c.of), list)
		}
	}
	if g.HasAny(b, AtomPullInStart) || !g.Has(a, AtomPullInStart, b) || g.Has(a, AtomAfter, b) {
		t.Error("the atoms are at the wrong end")
	}
	g.Depend(a, JoinsNamespaceOf, b)
	if len(g.Dependencies(b, JoinsNamespaceOf)) != 0 {
		t.Error("JoinsNamespaceOf was added at the other end, too")
	}
	g.ForgetDependencies()
	if g.HasAny(a, AtomReferences) || g.HasAny(b, AtomReferencedBy) {
		t.Error("edges are left")
	}
}

func TestDependRefuses(t *testing.T) {
	for _, c := range []struct {
		unit  string
		kind  Dependency
		other string
		want  string // empty: made without a word
	}{
		{"a.service", Requires, "a.service", ""}, // meaningless, harmless
		{"a.service", Before, "a.service", "a.service: Dependency Before=a.service is dropped."},
		{"a.service", Before, "x.device", "a.service: Dependency Before=x.device ignored (.device units cannot be delayed)"},
		{"a.service", After, "x.device", ""},
		{"x.slice", OnFailure, "a.service", "x.slice: Requested dependency OnFailure=a.service ignored (slice units cannot fail)."},
		{"x.slice", OnSuccess, "a.service", ""},
		{"a.service", Triggers, "b.service", "a.service: Requested dependency Triggers=b.service refused (service units cannot trigger other units)."},
		{"a.service", TriggeredBy, "b.service", "a.service: Requested dependency TriggeredBy=b.service refused (service units cannot trigger other units)."},
		{"a.socket", Triggers, "a.service", ""},
		{"a.service", InSlice, "b.service", "a.service: Requested dependency Slice=b.service refused (b.service is not a slice unit)."},
		{"a.timer", InSlice, "x.slice", "a.timer: Requested dependency Slice=x.slice refused (a.timer is not a cgroup unit)."},
		{"a.service", InSlice, "x.slice", ""},
		{"a.service", SliceOf, "b.service", "a.service: Requested dependency SliceOf=b.service refused (a.service is not a slice unit)."},
		{"x.slice", SliceOf, "a.target", "x.slice: Requested dependency SliceOf=a.target refused (a.target is not a cgroup unit)."},
	} {
		g := New()
		u, _ := g.Add(c.unit)
		other, _ := g.Add(c.other)
		got := ""
		err := g.Depend(u, c.kind, other)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s %s=%s: %q, want %q", c.unit, c.kind, c.other, got, c.want)
		}
		if made := len(g.Dependencies(u, c.kind)) == 1; made != (err == nil && u != other) {
			t.Errorf("%s %s=%s: made is %v", c.unit, c.kind, c.other, made)
		}
	}
}
