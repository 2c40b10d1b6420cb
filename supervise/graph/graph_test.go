package graph

import (
	"slices"
	"strings"
	"testing"
)

func TestAdd(t *testing.T) {
	g := New()
	for _, name := range []string{"", "service", ".service", "a", "a.", "a.unit", "a.service.d"} {
		if _, err := g.Add(name); err == nil || err.(*Error).Code != InvalidArgs {
			t.Errorf("%q: %v", name, err)
		}
	}
	a, err := g.Add("a.service")
	if err != nil || g.Name(a) != "a.service" || g.Type(a) != Service {
		t.Fatal(a, err)
	}
	if again, _ := g.Add("a.service"); again != a {
		t.Error("a second unit a.service")
	}
	if f := g.Facts(a); f.Load != Stub || f.Active != Inactive || !f.CanStart || f.CanReload || f.IgnoreOnIsolate ||
		f.OnFailureMode != ModeReplace || f.OnSuccessMode != ModeFail {
		t.Errorf("a new service is %+v", *f)
	}
	d, _ := g.Add("x.device")
	if f := g.Facts(d); f.CanStart || f.CanStop || !f.IgnoreOnIsolate {
		t.Errorf("a new device is %+v", *f)
	}
}

func TestAlias(t *testing.T) {
	g := world(t, "a.service\nb.service\n")
	a := unit(t, g, "a.service")
	if err := g.Alias(a, "other.service"); err != nil {
		t.Fatal(err)
	}
	if u, ok := g.Lookup("other.service"); !ok || u != a || g.Name(u) != "a.service" {
		t.Error("the alias leads elsewhere")
	}
	if g.Alias(a, "other.service") != nil || g.Alias(a, "a.service") != nil {
		t.Error("a name that the unit has is refused")
	}
	if g.Alias(a, "b.service") == nil {
		t.Error("another unit's name was taken")
	}
}

func TestRemove(t *testing.T) {
	g := world(t, `
a.service
		Requires=b.service
		After=b.service
b.service active unneeded
c.service start
`)
	if g.Remove(unit(t, g, "c.service")) == nil {
		t.Error("a unit with a job was removed")
	}
	a, b := unit(t, g, "a.service"), unit(t, g, "b.service")
	g.Alias(b, "bb.service")
	g.Recheck(b)
	if err := g.Remove(b); err != nil {
		t.Fatal(err)
	}
	if _, ok := g.Lookup("bb.service"); ok || g.HasAny(a, AtomPullInStart) || g.HasAny(a, AtomAfter) {
		t.Error("something of the unit is left")
	}
	if r, ok := g.FollowUp(); ok {
		t.Error("the unit is still checked:", r)
	}
	if _, err := g.Enqueue(request(t, g, "start a.service")); err != nil {
		t.Error(err)
	}
	if id, _ := g.Add("new.service"); id != b || g.HasAny(id, AtomReferencedBy) {
		t.Error("the number was not given out again, or with edges", id)
	}
	if len(g.Units()) != 3 {
		t.Error(g.Units())
	}
}

func TestCanReload(t *testing.T) {
	g := world(t, `
with.service can-reload
without.service
		PropagatesReloadTo=with.service
pass.target
		PropagatesReloadTo=with.service
stop.target
a.mount
`)
	for name, want := range map[string]bool{
		"with.service": true, "without.service": false, // a service must have its own
		"pass.target": true, "stop.target": false, "a.mount": true,
	} {
		if got := g.canReload(unit(t, g, name)); got != want {
			t.Errorf("%s can reload: %v", name, got)
		}
	}
}

func TestDefaultDependencies(t *testing.T) {
	const base = "sysinit.target\nbasic.target\nshutdown.target\n"
	for _, c := range []struct {
		world, unit string
		want        string
	}{
		{"a.service", "a.service", "After=sysinit.target,basic.target Before=shutdown.target Conflicts=shutdown.target Requires=sysinit.target"},
		{"a.service no-defaults", "a.service", ""},
		{"a.service not-found", "a.service", ""},
		{"a.socket", "a.socket", "After=sysinit.target Before=shutdown.target,sockets.target Conflicts=shutdown.target Requires=sysinit.target"},
		{"a.timer", "a.timer", "After=sysinit.target Before=shutdown.target,timers.target Conflicts=shutdown.target Requires=sysinit.target"},
		{"a.path", "a.path", "After=sysinit.target Before=shutdown.target,paths.target Conflicts=shutdown.target Requires=sysinit.target"},
		{"a.slice", "a.slice", "Before=shutdown.target Conflicts=shutdown.target"},
		{"a.scope", "a.scope", "Before=shutdown.target Conflicts=shutdown.target"},
		{"a.automount", "a.automount", "After=local-fs-pre.target Before=local-fs.target,umount.target Conflicts=umount.target"},
		{"a.mount", "a.mount", ""},
		{"a.swap", "a.swap", ""},
		{"a.target", "a.target", "Before=shutdown.target Conflicts=shutdown.target"},
		{"shutdown.target", "shutdown.target", "After=sysinit.target,basic.target"}, // nothing of its own
		// A target comes after what it pulls in,
		{"a.target\n\t\tWants=w.service\nw.service no-defaults", "a.target", "Before=shutdown.target Conflicts=shutdown.target Wants=w.service"},
		{"a.target\n\t\tWants=w.service\nw.service", "a.target", "After=w.service Before=shutdown.target Conflicts=shutdown.target Wants=w.service"},
		{"a.target\nw.service\n\t\tWantedBy=a.target", "a.target", "After=w.service Before=shutdown.target Conflicts=shutdown.target Wants=w.service"},
		// but not after what it merely is ordered with, or before.
		{"a.target\n\t\tWants=w.service\n\t\tBefore=w.service\nw.service", "a.target", "Before=shutdown.target,w.service Conflicts=shutdown.target Wants=w.service"},
		{"a.target no-defaults\n\t\tWants=w.service\nw.service", "a.target", "Wants=w.service"},
		{"a.target\n\t\tWants=w.service\nw.service masked", "a.target", "Before=shutdown.target Conflicts=shutdown.target Wants=w.service"},
	} {
		for _, backwards := range []bool{false, true} {
			g := world(t, base+c.world)
			units := g.Units()
			if backwards {
				slices.Reverse(units)
			}
			for _, u := range units {
				g.AddDefaultDependencies(u)
			}
			if got := shown(g, unit(t, g, c.unit)); got != c.want {
				t.Errorf("%s (backwards %v): %s\nwant %s", c.world, backwards, got, c.want)
			}
		}
	}
}

// shown is a unit's own dependencies of the usual kinds.
func shown(g *Graph, u UnitID) string {
	var out []string
	for _, d := range []Dependency{After, Before, Conflicts, Requires, Wants} {
		var names []string
		for _, other := range g.Dependencies(u, d) {
			names = append(names, g.Name(other))
		}
		if names != nil {
			out = append(out, d.String()+"="+strings.Join(names, ","))
		}
	}
	return strings.Join(out, " ")
}

func TestTimerWaitsForTheClock(t *testing.T) {
	g := world(t, "a.timer\n")
	a := unit(t, g, "a.timer")
	g.Facts(a).OnCalendar = true
	g.AddDefaultDependencies(a)
	if got := shown(g, a); !strings.Contains(got, "time-sync.target,time-set.target") {
		t.Error(got)
	}
}
