package main

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct{ list, want string }{
		{"", "start memory orphans signals idle size"},
		{"a,c", "start orphans"},
		{"idle, b", "memory idle"},
	} {
		chosen, err := choose(c.list)
		if err != nil {
			t.Fatalf("choose(%q): %v", c.list, err)
		}
		var got []string
		for i, m := range measurements {
			if chosen[i] {
				got = append(got, m.name)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("choose(%q) = %s, want %s", c.list, s, c.want)
		}
	}
	for _, list := range []string{"g", "start,starts", "1"} {
		if _, err := choose(list); err == nil {
			t.Errorf("choose(%q) found something", list)
		}
	}
}

// Every column has its turn once a round, and a seed gives the same order again.
func TestRounds(t *testing.T) {
	columns := []int{bare, keelson, 2, 3, 4}
	draw := func(seed uint64) (orders [][]int) {
		b := &bench{ctx: t.Context(), rng: rand.New(rand.NewPCG(seed, 0))}
		orders = make([][]int, 50)
		for round, c := range b.rounds(len(orders), columns) {
			orders[round] = append(orders[round], c)
		}
		return orders
	}
	first := draw(1)
	for round, order := range first {
		if got := slices.Sorted(slices.Values(order)); !slices.Equal(got, columns) {
			t.Errorf("round %d has %v", round, order)
		}
	}
	if same := draw(1); !slices.EqualFunc(first, same, slices.Equal) {
		t.Error("the same seed gave another order")
	}
	if other := draw(2); slices.EqualFunc(first, other, slices.Equal) {
		t.Error("another seed gave the same order")
	}
}

// Whoever interrupts gets no further sample.
func TestRoundsInterrupted(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	b := &bench{ctx: ctx, rng: rand.New(rand.NewPCG(1, 0))}
	n := 0
	for range b.rounds(10, []int{0, 1}) {
		if n++; n == 3 {
			stop()
		}
	}
	if n != 3 {
		t.Errorf("%d samples, want 3", n)
	}
}

// A peer that is not there is left out by name; with CI=true, and always where it is keelson itself, it is an error.
func TestMissing(t *testing.T) {
	own := []program{{"keelson", "/proc/self/exe", nil}}
	others := []program{{"nobody", "/nonexistent/nobody", nil}, {"test", "/proc/self/exe", nil}}
	var out strings.Builder

	t.Setenv("CI", "")
	columns, err := find(own, others, &out)
	if err != nil {
		t.Fatal(err)
	}
	if len(columns) != 3 || columns[2].name != "test" {
		t.Errorf("columns %v, want bare, keelson and test", columns)
	}
	if !strings.Contains(out.String(), "nobody is left out") {
		t.Errorf("it says %q", out.String())
	}
	if _, err := find(others[:1], nil, &out); err == nil {
		t.Error("a keelson that is not there was found")
	}
	t.Setenv("CI", "true")
	if _, err := find(own, others, &out); err == nil {
		t.Error("with CI=true a missing peer was left out")
	}
}

// A child's file is as small as is said, and the kernel runs it.
func TestChild(t *testing.T) {
	var c children
	if err := c.write(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.remove(); err != nil {
			t.Error(err)
		}
	})
	if info, err := os.Stat(c.exits); err != nil || info.Size() > 512 {
		t.Errorf("%v, %v", info, err)
	}
	if err := exec.Command(c.exits).Run(); err != nil {
		t.Error(err)
	}
	// It gets no order, only the end of stdin.
	if err := exec.Command(c.orphans).Run(); err != nil {
		t.Error(err)
	}
}

// Each measurement, made as short as can be, has a sample for every program; which, is for nobody to judge here.
func TestMeasurements(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("PID namespaces take root")
		}
		t.Skip("PID namespaces take root")
	}
	runtime.LockOSThread() // for ever: the parent death signal of what is started is tied to this thread
	var out strings.Builder
	programs, err := find([]program{{"keelson", "../../bin/keelson", []string{"--"}}}, peers, &out)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{
		effort:   effort{starts: 3, looks: 1, instances: 2, reapers: 1, turns: 1, orphans: 100, singles: 10, sets: 1, signals: 5, idle: 10 * time.Millisecond},
		ctx:      t.Context(),
		programs: programs,
		rng:      rand.New(rand.NewPCG(1, 0)),
	}
	if err := b.children.write(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.children.remove() })
	printed := newTable(&out, programs)
	for i, m := range measurements {
		figures, err := m.run(b)
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		for _, f := range figures {
			for _, c := range b.wrappers() {
				if len(f.samples[c]) == 0 {
					t.Errorf("%s: %q has no sample of %s", m.name, f.name, programs[c].name)
				}
			}
		}
		printed.print(letter(i), m, figures, 0)
	}
	for _, p := range programs {
		if !strings.Contains(out.String(), p.name) {
			t.Errorf("the table has no %s:\n%s", p.name, out.String())
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}
