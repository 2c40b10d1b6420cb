package graph

import "testing"

var allStates = []ActiveState{Inactive, Active, Reloading, Failed, Activating, Deactivating, Maintenance}

// The laws that job.c states for its table.
func TestMergeLaws(t *testing.T) {
	for _, s := range allStates {
		for a := range mergeable {
			for b := range mergeable {
				ab, abOK := mergeFor(s, a, b)
				if ba, baOK := mergeFor(s, b, a); ab != ba || abOK != baOK {
					t.Errorf("%s: %s with %s is %s, %s with %s is %s", s, a, b, ab, b, a, ba)
				}
				for c := range mergeable {
					bc, bcOK := mergeFor(s, b, c)
					_, acOK := mergeFor(s, a, c)
					if abOK && bcOK && !acOK {
						t.Errorf("%s: mergeability of %s, %s and %s is not transitive", s, a, b, c)
					}
					if !abOK {
						continue
					}
					left, leftOK := mergeFor(s, ab, c)
					if !leftOK && acOK && bcOK {
						t.Errorf("%s: %s with %s conflicts with %s, though neither does", s, a, b, c)
					}
					if !bcOK || !leftOK {
						continue
					}
					if right, rightOK := mergeFor(s, a, bc); !rightOK || left != right {
						t.Errorf("%s: (%s %s) %s is %s, %s (%s %s) is %s", s, a, b, c, left, a, b, c, right)
					}
				}
			}
			if m, ok := merge(a, a); m != a || !ok {
				t.Errorf("%s with itself is %s", a, m)
			}
			if m, ok := merge(a, JobNop); m != a || !ok || a.conflicts(JobNop) {
				t.Errorf("%s with nop is %s", a, m)
			}
		}
	}
}

func TestCollapse(t *testing.T) {
	for _, s := range allStates {
		for typ := range jobTypeMax {
			want := typ
			switch typ {
			case JobTryRestart:
				want = JobNop
				if s == Active || s == Reloading || s == Activating {
					want = JobRestart
				}
			case JobTryReload:
				want = JobNop
				if s == Active || s == Reloading {
					want = JobReload
				}
			case JobReloadOrStart:
				want = JobStart
				if s == Active || s == Reloading {
					want = JobReload
				}
			}
			if got := typ.Collapse(s); got != want {
				t.Errorf("%s of a unit that is %s collapses to %s, want %s", typ, s, got, want)
			}
		}
	}
}

func TestRedundant(t *testing.T) {
	redundant := map[JobType][]ActiveState{
		JobStart:        {Active, Reloading},
		JobVerifyActive: {Active, Reloading},
		JobStop:         {Inactive, Failed},
		JobReload:       {Reloading},
		JobRestart:      {},
		JobNop:          allStates,
	}
	for typ, states := range redundant {
		for _, s := range allStates {
			want := false
			for _, r := range states {
				want = want || r == s
			}
			if typ.redundant(s) != want {
				t.Errorf("%s of a unit that is %s: redundant is %v", typ, s, !want)
			}
		}
	}
}

func TestIncludes(t *testing.T) {
	for _, c := range []struct {
		a, b JobType
		want bool
	}{
		{JobRestart, JobStart, true},
		{JobRestart, JobReload, true},
		{JobStart, JobVerifyActive, true},
		{JobReload, JobVerifyActive, true},
		{JobStart, JobNop, true},
		{JobStart, JobRestart, false}, // a start does not stop first
		{JobVerifyActive, JobStart, false},
		{JobStart, JobReload, false},
		{JobStop, JobStart, false}, // they conflict
		{JobNop, JobStart, false},
		{JobNop, JobNop, true},
	} {
		if got := c.a.includes(c.b); got != c.want {
			t.Errorf("%s includes %s: %v", c.a, c.b, got)
		}
	}
}

func TestNamesReadBack(t *testing.T) {
	for typ := range jobTypeMax {
		if got, ok := ParseJobType(typ.String()); !ok || got != typ {
			t.Errorf("job type %q reads back as %s", typ, got)
		}
	}
	for m := range jobModeNames {
		if got, ok := ParseJobMode(JobMode(m).String()); !ok || int(got) != m {
			t.Errorf("job mode %q reads back as %s", JobMode(m), got)
		}
	}
	if _, ok := ParseJobType("kick"); ok {
		t.Error("kick is a job type")
	}
	if _, ok := ParseJobMode(""); ok {
		t.Error("the empty name is a job mode")
	}
}
