package graph

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// dice reads choices from a fuzzer's bytes; when they are used up all are 0.
type dice []byte

func (d *dice) below(n int) int {
	if len(*d) == 0 {
		return 0
	}
	b := (*d)[0]
	*d = (*d)[1:]
	return int(b) % n
}

func (d *dice) chance(of int) bool { return d.below(of) == of-1 }

var diceSuffixes = []string{"service", "service", "service", "target", "socket", "device", "slice"}

// graph makes units and edges. With ordered, After= and Before= go by the order of
// the units, so that no ordering cycle is possible.
func (d *dice) graph(ordered bool) *Graph {
	g := New()
	n := 2 + d.below(12)
	for i := range n {
		u, _ := g.Add(fmt.Sprintf("u%d.%s", i, diceSuffixes[d.below(len(diceSuffixes))]))
		f := g.Facts(u)
		f.Load = Loaded
		if d.chance(16) {
			f.Load = []LoadState{NotFound, Masked, BadSetting, LoadError}[d.below(4)]
		}
		f.Active = []ActiveState{Inactive, Inactive, Active, Active, Failed, Activating, Deactivating, Reloading, Maintenance}[d.below(9)]
		bits := d.below(256)
		f.CanReload = bits&1 != 0
		f.AllowIsolate = bits&2 != 0
		f.StopWhenUnneeded = bits&12 == 12
		f.IgnoreOnIsolate = bits&48 == 48
		f.Perpetual = bits&192 == 192 && g.Type(u) == Slice
	}
	for range d.below(5 * n) {
		a, b, kind := UnitID(d.below(n)), UnitID(d.below(n)), Dependency(d.below(int(dependencyMax)))
		if ordered && (kind == Before && a > b || kind == After && a < b) {
			a, b = b, a
		}
		g.Depend(a, kind, b)
	}
	return g
}

func (d *dice) request(g *Graph) Request {
	u := UnitID(d.below(len(g.units)))
	return Request{Type: JobType(d.below(int(jobTypeMax))), Unit: u, Mode: JobMode(d.below(len(jobModeNames))), Source: u}
}

// seeds are bytes without a plan, of many lengths.
func seeds(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 14))
	for n := range 60 {
		data := make([]byte, 8*n)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		f.Add(data)
	}
}

func FuzzTransaction(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		run := func() (string, string) {
			d := dice(data)
			g := d.graph(false)
			for u := range g.units {
				if d.chance(4) {
					g.Restore(Job{
						ID: g.lastJob + 1, Unit: UnitID(u), Type: JobType(d.below(int(JobNop) + 1)),
						State: JobState(d.below(2)), Irreversible: d.chance(8),
					})
				}
			}
			r := d.request(g)
			before := dump(g)
			w, err := g.work(r)
			if got := dump(g); got != before {
				t.Fatalf("working a request out changed the graph\n%s\n%s", before, got)
			}
			if err == nil {
				checkTransaction(t, w)
			}
			planned := g.refs(w.jobs())
			o, err2 := g.Enqueue(r)
			switch {
			case (err == nil) != (err2 == nil):
				t.Fatalf("planning says %v, doing %v", err, err2)
			case err2 != nil && dump(g) != before:
				t.Fatal("a refused request changed the graph")
			case err2 == nil:
				checkInstalled(t, g, w, o)
			}
			return planned, dump(g) + g.events(o.Events) + messages(o.Events)
		}
		plan, after := run()
		if again, afterAgain := run(); again != plan || afterAgain != after {
			t.Fatalf("the same input gives\n%s\n%s\nand\n%s\n%s", plan, after, again, afterAgain)
		}
	})
}

// dump is a graph's state in full.
func dump(g *Graph) string {
	var out strings.Builder
	for u, n := range g.units {
		fmt.Fprintln(&out, u, n.name, n.Facts, n.edges, n.check)
		for _, j := range []*Job{n.job, n.nop} {
			if j != nil {
				fmt.Fprintln(&out, "  ", *j)
			}
		}
	}
	return out.String()
}

// checkTransaction holds a settled transaction against the laws in doc.go.
func checkTransaction(t *testing.T, w *transaction) {
	t.Helper()
	g := w.graph
	for u, j := range w.head {
		if j == 0 {
			continue
		}
		p := &w.pending[j]
		name := g.jobName(JobRef{UnitID(u), p.typ})
		n := g.units[u]
		switch {
		case p.dropped || p.unit != UnitID(u):
			t.Fatalf("%s was dropped, or is another unit's", name)
		case p.next != 0:
			t.Fatalf("%s is not its unit's only job", name)
		case p.typ > JobNop:
			t.Fatalf("%s cannot be installed", name)
		case !slices.Contains(w.order, UnitID(u)):
			t.Fatalf("%s is in no order", name)
		case j != w.anchor && p.askedBy == 0 && w.mode != ModeIsolate:
			t.Fatalf("nobody asks for %s", name)
		case j != w.anchor && p.typ.redundant(n.Active) && (n.job == nil || !p.typ.conflicts(n.job.Type)):
			t.Fatalf("%s changes nothing", name)
		case n.job != nil && p.typ.conflicts(n.job.Type) && (w.mode == ModeFail || n.job.Irreversible):
			t.Fatalf("%s replaces a protected job", name)
		case n.Load != Loaded && p.typ != JobStop:
			t.Fatalf("%s is of a unit that is %s", name, n.Load)
		}
		for l := p.needs; l != 0; l = w.links[l].needs {
			to := w.links[l].to
			if w.links[l].from != j || w.pending[to].dropped {
				t.Fatalf("%s asks for a job that was dropped", name)
			}
		}
		if p.typ == JobStart && w.mode != ModeIgnoreDependencies && w.mode != ModeIgnoreRequirements {
			for other := range g.Each(UnitID(u), AtomPullInStart) {
				if w.head[other] == 0 && !g.units[other].Active.IsUp() && nothingRefused(g) {
					t.Fatalf("%s goes on without %s", name, g.Name(other))
				}
			}
		}
	}
	if w.pending[w.anchor].dropped {
		t.Fatal("the anchor was dropped")
	}
	checkAcyclic(t, w)
}

// nothingRefused: a job can be added for every unit. Otherwise 252 may keep a job
// whose requirement was refused.
func nothingRefused(g *Graph) bool {
	return !slices.ContainsFunc(g.units, func(n *node) bool { return n.Load != Loaded || n.Perpetual })
}

// checkAcyclic takes away job after job that none of the others precedes.
func checkAcyclic(t *testing.T, w *transaction) {
	t.Helper()
	left := map[UnitID]shape{}
	for u := range w.head {
		if s, ok := w.job(UnitID(u)); ok && w.head[u] != 0 {
			left[UnitID(u)] = s
		}
	}
	for len(left) > 0 {
		var free []UnitID
		for u, s := range left {
			if !slices.ContainsFunc(w.graph.units[u].edges, func(e edge) bool {
				other, ok := left[e.other]
				return ok && (e.kinds&kinds(After) != 0 && s.waits(other, AtomAfter) ||
					e.kinds&kinds(Before) != 0 && s.waits(other, AtomBefore))
			}) {
				free = append(free, u)
			}
		}
		if free == nil {
			t.Fatalf("ordering cycle among %v", left)
		}
		for _, u := range free {
			delete(left, u)
		}
	}
}

func checkInstalled(t *testing.T, g *Graph, w *transaction, o Outcome) {
	t.Helper()
	if _, ok := g.Job(o.Anchor); !ok {
		t.Fatal("the anchor is not installed")
	}
	for u, j := range w.head {
		if j == 0 {
			continue
		}
		typ := w.pending[j].typ
		got := *g.units[u].slot(typ)
		if got == nil || !slices.Contains(o.Affected, got.ID) || got.place == 0 {
			t.Fatalf("%s is not installed, reported and queued", g.jobName(JobRef{UnitID(u), typ}))
		}
	}
	checkTables(t, g)
}

// checkTables holds the graph's tables of jobs against each other.
func checkTables(t *testing.T, g *Graph) {
	t.Helper()
	installed := 0
	for u, n := range g.units {
		for _, j := range []*Job{n.job, n.nop} {
			if j == nil {
				continue
			}
			installed++
			if j.Unit != UnitID(u) || g.jobs[j.ID] != j || *n.slot(j.Type) != j {
				t.Fatalf("job %+v is not where it belongs", *j)
			}
		}
	}
	if installed != len(g.jobs) {
		t.Fatalf("%d jobs on units, %d in the table", installed, len(g.jobs))
	}
	for i, j := range g.run.jobs {
		if j.place != i+1 || g.jobs[j.ID] != j {
			t.Fatalf("job %+v is queued at %d", *j, i+1)
		}
	}
	edges := map[[2]UnitID]kindSet{}
	for u, n := range g.units {
		for _, e := range n.edges {
			edges[[2]UnitID{UnitID(u), e.other}] = e.kinds
		}
	}
	for ends, set := range edges {
		for d := range dependencyMax {
			if set&kinds(d) != 0 && d != JoinsNamespaceOf && edges[[2]UnitID{ends[1], ends[0]}]&kinds(d.Inverse()) == 0 {
				t.Fatalf("%s has no inverse", d)
			}
		}
	}
}

// FuzzQueue lets requests, changes of state and ends of jobs come in any order, and
// then lets every job that runs succeed: all must end.
func FuzzQueue(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		run := func() []string {
			d := dice(data)
			g := d.graph(true)
			var trace []string
			var again []UnitID
			note := func(log []Event) {
				trace = append(trace, g.events(log), messages(log))
				for _, e := range log {
					if e.Kind == RequestMade && len(trace) < 400 {
						o, err := g.Enqueue(e.Request)
						trace = append(trace, g.events(o.Events), fmt.Sprint(err))
					}
				}
				checkTables(t, g)
			}
			for len(d) > 0 {
				u := UnitID(d.below(len(g.units)))
				switch d.below(6) {
				case 0:
					o, err := g.Enqueue(d.request(g))
					trace = append(trace, fmt.Sprint(err))
					note(o.Events)
				case 1:
					note(g.Notify(u, ActiveState(d.below(len(activeStateNames))), NotifyFlags(d.below(4))))
				case 2:
					if j, ok := next(t, g); ok {
						r := g.Verdict(j)
						if r == RunProceed {
							r = RunResult(1 + d.below(len(runNames)-1))
						}
						if r == RunAgain {
							again = append(again, j.Unit)
						}
						note(g.Ran(j.ID, r))
					}
				case 3:
					if j, ok := g.JobOf(u); ok {
						note(g.Finish(j.ID, JobResult(d.below(len(jobResultNames)))))
					}
				case 4:
					if r, ok := g.FollowUp(); ok {
						o, err := g.Enqueue(r)
						trace = append(trace, g.requestText(r), fmt.Sprint(err))
						note(o.Events)
					}
				case 5:
					note(g.Collect())
				}
			}
			for _, u := range again { // the change that Ran was promised
				g.Notify(u, g.Facts(u).Active, 0)
			}
			drain(t, g)
			return trace
		}
		if first, second := run(), run(); !reflect.DeepEqual(first, second) {
			t.Fatalf("the same input gives\n%s\nand\n%s", first, second)
		}
	})
}

// next is Next, and checks that the job it gives had to wait for no other.
func next(t *testing.T, g *Graph) (Job, bool) {
	j, ok := g.Next()
	if ok && !j.IgnoreOrder && len(g.WaitsFor(j.ID)) > 0 {
		t.Fatalf("%s runs though it waits for %v", g.jobName(JobRef{j.Unit, j.Type}), g.WaitsFor(j.ID))
	}
	if ok && j.State != JobRunning {
		t.Fatal("Next gave a job that is not running")
	}
	return j, ok
}

// drain has every unit do what its job asks, until there are no jobs.
func drain(t *testing.T, g *Graph) {
	for range 10 * len(g.units) {
		if len(g.jobs) == 0 {
			return
		}
		for j, ok := next(t, g); ok; j, ok = next(t, g) {
			if v := g.Verdict(j); v != RunProceed {
				g.Ran(j.ID, v)
			}
		}
		for u, n := range g.units {
			goal := n.Active
			switch {
			case n.job != nil && n.job.State == JobRunning && n.job.Type.stopsFirst():
				goal = Inactive
			case n.job != nil && n.job.State == JobRunning, n.Active == Activating, n.Active == Reloading, n.Active == Maintenance:
				goal = Active
			case n.Active == Deactivating:
				goal = Inactive
			}
			if goal != n.Active || n.job != nil && n.job.State == JobRunning {
				g.Notify(UnitID(u), goal, 0)
			}
		}
		checkTables(t, g)
	}
	t.Fatalf("jobs that never end: %+v", g.Jobs())
}
