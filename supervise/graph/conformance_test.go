package graph

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// engine is engine.json: the units and requests of systemd's own test of its
// engine, and what came of each. Its "dropins" are for the reader of unit files.
type engine struct {
	Units []struct{ Name, Text string }
	Jobs  []struct {
		Test          int
		Label         string
		Job           string
		Unit          string
		Mode          string
		Expect        string
		ClearBefore   bool     `json:"clear_jobs_before"`
		AssumeRunning []string `json:"assume_running"`
		AssumeDead    []string `json:"assume_dead"`
		Queued        map[string]string
	}
}

func TestConformanceEngine(t *testing.T) {
	dir := os.Getenv("KEELSON_CONFORMANCE")
	if dir == "" {
		t.Skip("KEELSON_CONFORMANCE does not name the directory with engine.json")
	}
	text, err := os.ReadFile(filepath.Join(dir, "engine.json"))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("engine.json cannot be read: ", err)
	}
	var e engine
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Jobs) == 0 {
		t.Fatal("engine.json has no jobs")
	}
	g := New()
	for _, u := range e.Units {
		if _, ok := typeOf(u.Name); ok { // the others are drop-ins
			readUnit(t, g, u.Name, u.Text)
		}
	}
	for _, name := range []string{"basic.target", "sysinit.target", "shutdown.target"} {
		readUnit(t, g, name, "")
	}
	for _, u := range g.Units() {
		g.AddDefaultDependencies(u)
	}
	for _, c := range e.Jobs {
		t.Run(c.Label, func(t *testing.T) {
			if c.ClearBefore {
				g.CancelAll()
			}
			for _, name := range c.AssumeRunning {
				g.Facts(unit(t, g, name)).Active = Active
			}
			for _, name := range c.AssumeDead {
				g.Facts(unit(t, g, name)).Active = Inactive
			}
			typ, typOK := ParseJobType(c.Job)
			mode, modeOK := ParseJobMode(c.Mode)
			if !typOK || !modeOK {
				t.Fatalf("unknown job type %q or mode %q", c.Job, c.Mode)
			}
			got := "ok"
			o, err := g.Enqueue(Request{Type: typ, Unit: unit(t, g, c.Unit), Mode: mode})
			if err != nil {
				got = err.(*Error).Code.Errno()
			}
			if got != c.Expect {
				t.Errorf("%s/%s/%s gives %s, systemd %s; %v", c.Unit, c.Job, c.Mode, got, c.Expect, o.Events)
			}
			for name, want := range c.Queued {
				if j, ok := g.JobOf(unit(t, g, name)); !ok || j.Type.String() != want {
					t.Errorf("%s has job %v %v, systemd has %s", name, ok, j.Type, want)
				}
			}
		})
	}
}

// readUnit reads the dependencies of a unit from lines KIND=UNIT….
func readUnit(t *testing.T, g *Graph, name, text string) {
	t.Helper()
	u, err := g.Add(name)
	if err != nil {
		t.Fatal(err)
	}
	g.Facts(u).Load = Loaded
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		kind, ok := ParseDependency(key)
		if !ok {
			continue
		}
		for _, other := range strings.Fields(value) {
			o, err := g.Add(other)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Depend(u, kind, o); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func unit(t *testing.T, g *Graph, name string) UnitID {
	t.Helper()
	u, ok := g.Lookup(name)
	if !ok {
		t.Fatalf("no unit %s", name)
	}
	return u
}
