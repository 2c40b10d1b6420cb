package graph

import (
	"strings"
	"testing"
)

func TestWaits(t *testing.T) {
	// For b with After=a (job_compare in job.c): which of a's and b's job waits.
	for _, c := range []struct {
		a, b JobType
		want string
	}{
		{JobStart, JobStart, "b"},
		{JobStart, JobStop, "a"},
		{JobStart, JobRestart, "a"},
		{JobStop, JobStart, "b"},
		{JobStop, JobStop, "a"},
		{JobStop, JobRestart, "a"},
		{JobRestart, JobStart, "b"},
		{JobRestart, JobRestart, "a"},
		{JobReload, JobStart, "b"},
		{JobVerifyActive, JobReload, "b"},
		{JobNop, JobStart, ""},
		{JobStop, JobNop, ""},
	} {
		a, b := shape{typ: c.a}, shape{typ: c.b}
		got := ""
		if a.waits(b, AtomBefore) {
			got += "a"
		}
		if b.waits(a, AtomAfter) {
			got += "b"
		}
		if got != c.want {
			t.Errorf("a %s, b %s: %q waits, want %q", c.a, c.b, got, c.want)
		}
		b.ignore = true
		if a.waits(b, AtomBefore) || b.waits(a, AtomAfter) {
			t.Errorf("a %s, b %s that ignores order: one waits", c.a, c.b)
		}
	}
}

// cycles are requests whose jobs cannot all be ordered: what is left, and the log
// in full.
var cycles = []struct {
	name, world, request string
	want, log            string
}{
	{"a wish gives way", `
e.service
		After=b.service
		Before=a.service
		Wants=a.service
a.service
		Requires=b.service
		Before=b.service
b.service`, "start e.service", "e.service/start", `
<4>e.service: Found ordering cycle on b.service/start
<4>e.service: Found dependency on a.service/start
<4>e.service: Found dependency on e.service/start
<3>e.service: Job b.service/start deleted to break ordering cycle starting with e.service/start`},

	{"all required", `
d.service
		After=b.service
		Before=a.service
		Requires=a.service
a.service
		Requires=b.service
		Before=b.service
b.service`, "start d.service", "", `
<4>d.service: Found ordering cycle on b.service/start
<4>d.service: Found dependency on a.service/start
<4>d.service: Found dependency on d.service/start
<3>d.service: Unable to break cycle starting with d.service/start
<4>Requested transaction contains an unfixable cyclic ordering dependency: Transaction order is cyclic. See system logs for details.`},

	{"two units before each other", `
a.service
		Wants=b.service c.service
b.service
		Before=c.service
		After=c.service
c.service`, "start a.service", "a.service/start b.service/start", `
<4>b.service: Found ordering cycle on c.service/start
<4>b.service: Found dependency on b.service/start
<3>b.service: Job c.service/start deleted to break ordering cycle starting with b.service/start`},

	{"several cycles, one after the other", `
t.target
		Wants=a.service b.service c.service d.service
a.service
		After=b.service
b.service
		After=a.service
c.service
		After=d.service
d.service
		After=c.service`, "start t.target", "t.target/start a.service/start c.service/start", `
<4>a.service: Found ordering cycle on b.service/start
<4>a.service: Found dependency on a.service/start
<3>a.service: Job b.service/start deleted to break ordering cycle starting with a.service/start
<4>c.service: Found ordering cycle on d.service/start
<4>c.service: Found dependency on c.service/start
<3>c.service: Job d.service/start deleted to break ordering cycle starting with c.service/start`},

	{"through an installed job, which is not the transaction's to drop", `
a.service
		After=b.service
		Wants=w.service
w.service
		Before=b.service
		After=a.service
b.service start
		After=w.service`, "start a.service", "a.service/start", `
<4>a.service: Found ordering cycle on b.service/start
<4>a.service: Found dependency on w.service/start
<4>a.service: Found dependency on a.service/start
<3>a.service: Job w.service/start deleted to break ordering cycle starting with a.service/start`},

	{"a cycle of units is none of jobs if one stops first", `
a.service
		Conflicts=b.service
		After=b.service
		Wants=c.service
c.service
		After=a.service
b.service active
		After=c.service`, "start a.service", "a.service/start c.service/start b.service/stop", ""},

	{"ordering without jobs is no cycle", `
a.service
		After=b.service
b.service
		After=c.service
c.service
		After=a.service`, "start a.service", "a.service/start", ""},

	{"who needed the dropped job goes with it, who merely wanted it stays", `
t.target
		Wants=x.service need.service wish.service
x.service
		After=y.service
		Wants=y.service
y.service
		After=x.service
need.service
		Requires=y.service
wish.service
		Wants=y.service`, "start t.target", "t.target/start x.service/start wish.service/start", `
<4>x.service: Found ordering cycle on y.service/start
<4>x.service: Found dependency on x.service/start
<3>x.service: Job y.service/start deleted to break ordering cycle starting with x.service/start`},
}

func TestCycles(t *testing.T) {
	for _, c := range cycles {
		t.Run(c.name, func(t *testing.T) {
			g := world(t, c.world)
			jobs, o, err := g.Plan(request(t, g, c.request))
			if (err != nil) != (c.want == "") || err != nil && err.(*Error).Code != TransactionOrderIsCyclic {
				t.Fatal(err)
			}
			if got := g.refs(jobs); got != c.want {
				t.Errorf("\n got: %s\nwant: %s", got, c.want)
			}
			if got := messages(o.Events); got != strings.TrimPrefix(c.log, "\n") {
				t.Errorf("\n got: %s\nwant: %s", got, c.log)
			}
			for _, cycle := range o.Cycles {
				if cycle.Path[len(cycle.Path)-1] != cycle.Start || cycle.Broken == (err != nil) {
					t.Errorf("cycle %+v", cycle)
				}
			}
			if strings.Contains(c.log, "cycle") != (len(o.Cycles) > 0) {
				t.Errorf("%d cycles", len(o.Cycles))
			}
		})
	}
}

// The order is checked with the newest of a unit's jobs, here the start of x that m
// requires. Merged with the restart that a passes on it becomes one that stops
// first, as m does, and each would wait for the other's stop.
func TestCycleThatMergingMakes(t *testing.T) {
	for _, c := range []struct{ name, world string }{
		{"among restarts", `
a.service active
		RequiredBy=x.service m.service
x.service active
		After=m.service
m.service active
		Requires=x.service
		After=x.service`},
		// The stop of k did not matter while it was only for the start of s. Now that
		// this start is what a verifies, dropping the stop would drop the anchor.
		{"with a stop that matters only by merging", `
a.service active
		RequiredBy=x.service m.service
		Requisite=s.service
		Wants=s.service
x.service active
		After=k.service
		Before=k.service
m.service active
		Requires=x.service
s.service
		Conflicts=k.service
k.service active`},
	} {
		g := world(t, c.world)
		r := request(t, g, "restart a.service")
		w := g.transaction(r.Mode)
		if err := w.add(r.Type, r.Unit, 0, 0); err != nil {
			t.Fatal(err)
		}
		w.spreadMatters()
		if err := w.breakCycles(); err != nil || w.cycles != nil {
			t.Fatal(c.name, ": there is a cycle before merging; this proves nothing")
		}
		if _, err := g.Enqueue(r); err == nil || err.(*Error).Code != TransactionOrderIsCyclic {
			t.Errorf("%s: %v; %+v", c.name, err, g.Jobs())
		}
	}
}

// Dropping the stop of g leaves its installed start, which f and g order both ways
// round. f had been found free of cycles before.
func TestDroppedJobUncoversInstalled(t *testing.T) {
	g := world(t, `
a.service
		Wants=f.service
		ConflictedBy=h.service g.service
f.service
		After=g.service
		Before=g.service
h.service active
		After=g.service
		Before=g.service
g.service active start
`)
	w := g.transaction(ModeReplace)
	if err := w.add(JobStart, unit(t, g, "a.service"), 0, 0); err != nil {
		t.Fatal(err)
	}
	w.spreadMatters()
	if err := w.breakCycles(); err != nil {
		t.Fatal(err)
	}
	var dropped []JobRef
	for _, c := range w.cycles {
		dropped = append(dropped, c.Dropped)
	}
	if got := g.refs(dropped); got != "g.service/stop f.service/start" {
		t.Errorf("dropped %s; left %s", got, g.refs(w.jobs()))
	}
}
