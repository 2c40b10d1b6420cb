package graph

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// tangle makes a target that wants n services, which require and want each other,
// five requirement or ordering edges a unit in all, without a cycle. After= goes from
// a unit to an earlier one, so chains are long.
func tangle(n int) (*Graph, UnitID) {
	g := New()
	random := rand.New(rand.NewPCG(1, uint64(n)))
	add := func(name string) UnitID {
		u, err := g.Add(name)
		if err != nil {
			panic(err)
		}
		g.Facts(u).Load = Loaded
		return u
	}
	depend := func(u UnitID, d Dependency, other UnitID) {
		if err := g.Depend(u, d, other); err != nil {
			panic(err)
		}
	}
	target := add("all.target")
	for i := range n - 1 {
		u := add(fmt.Sprintf("unit-%05d.service", i))
		depend(target, Wants, u)
		depend(target, After, u)
		if i == 0 {
			continue
		}
		earlier := func() UnitID { return 1 + UnitID(random.IntN(i)) }
		depend(u, Requires, earlier())
		depend(u, After, u-1)
		depend(u, After, earlier())
	}
	return g, target
}

var sizes = []int{100, 1_000, 10_000}

// BenchmarkTransaction works out the start of everything.
func BenchmarkTransaction(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("units=%d", n), func(b *testing.B) {
			g, target := tangle(n)
			b.ReportAllocs()
			for b.Loop() {
				jobs, _, err := g.Plan(Request{Type: JobStart, Unit: target})
				if err != nil || len(jobs) != n {
					b.Fatal(len(jobs), err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/unit")
		})
	}
}

// BenchmarkBoot starts everything to the end: transaction, queue, and the report
// of each unit's states.
func BenchmarkBoot(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("units=%d", n), func(b *testing.B) {
			g, target := tangle(n)
			b.ReportAllocs()
			for b.Loop() {
				for _, u := range g.Units() {
					g.Facts(u).Active = Inactive
				}
				if started := boot(b, g, target); started != n {
					b.Fatal(started)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/unit")
		})
	}
}

func boot(b *testing.B, g *Graph, target UnitID) (started int) {
	if _, err := g.Enqueue(Request{Type: JobStart, Unit: target}); err != nil {
		b.Fatal(err)
	}
	for j, ok := g.Next(); ok; j, ok = g.Next() {
		g.Notify(j.Unit, Activating, 0)
		g.Ran(j.ID, RunUnderway)
		g.Notify(j.Unit, Active, 0)
		started++
	}
	return started
}

// BenchmarkCycles breaks a twentieth as many cycles as there are units.
func BenchmarkCycles(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("units=%d", n), func(b *testing.B) {
			g := New()
			target, _ := g.Add("all.target")
			g.Facts(target).Load = Loaded
			for i := range n - 1 {
				u, _ := g.Add(fmt.Sprintf("unit-%05d.service", i))
				g.Facts(u).Load = Loaded
				g.Depend(target, Wants, u)
				g.Depend(u, After, u-1)
				if i%20 == 1 {
					g.Depend(u-1, After, u)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, o, err := g.Plan(Request{Type: JobStart, Unit: target}); err != nil || len(o.Cycles) != n/20 {
					b.Fatal(len(o.Cycles), err)
				}
			}
		})
	}
}

// BenchmarkBuild makes the graph, and says what it keeps.
func BenchmarkBuild(b *testing.B) {
	for _, n := range sizes {
		b.Run(fmt.Sprintf("units=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tangle(n)
			}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			g, _ := tangle(n)
			runtime.GC()
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B-kept/unit")
			runtime.KeepAlive(g)
		})
	}
}
