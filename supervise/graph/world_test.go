package graph

import (
	"fmt"
	"strings"
	"testing"
)

// world makes a graph of a text: a unit per line that is not indented, its name and
// then words for its facts; indented below it, KIND=UNIT…. Units that are only named
// are not found. A word may be a state, start, stop, reload or restart for a waiting
// job, the same with "ing" before it for a running one, "hard" for an irreversible
// stop job, or a fact from the list.
func world(t testing.TB, text string) *Graph {
	t.Helper()
	g := New()
	add := func(name string) UnitID {
		u, err := g.Add(name)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	var u UnitID
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case !strings.HasPrefix(line, "\t\t"):
			u = add(words[0])
			f := g.Facts(u)
			f.Load = Loaded
			for _, word := range words[1:] {
				if !setFact(g, u, f, word) {
					t.Fatalf("unknown word %q", word)
				}
			}
		default:
			key, first, _ := strings.Cut(words[0], "=")
			kind, ok := ParseDependency(key)
			if !ok {
				t.Fatalf("unknown dependency %q", key)
			}
			for _, other := range append([]string{first}, words[1:]...) {
				if err := g.Depend(u, kind, add(other)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, u := range g.Units() {
		if g.Facts(u).Load == Stub {
			g.Facts(u).Load = NotFound
		}
	}
	return g
}

func setFact(g *Graph, u UnitID, f *Facts, word string) bool {
	if s, ok := find[ActiveState](activeStateNames[:], word); ok {
		f.Active = s
		return true
	}
	if l, ok := find[LoadState](loadStateNames[:], word); ok {
		f.Load = l
		return true
	}
	name, running := strings.CutPrefix(word, "ing-")
	if t, ok := ParseJobType(name); ok {
		job := Job{ID: g.lastJob + 1, Unit: u, Type: t}
		if running {
			job.State = JobRunning
		}
		return g.Restore(job) == nil
	}
	switch word {
	case "hard":
		return g.Restore(Job{ID: g.lastJob + 1, Unit: u, Type: JobStop, Irreversible: true}) == nil
	case "can-reload":
		f.CanReload = true
	case "perpetual":
		f.Perpetual = true
	case "isolate":
		f.AllowIsolate = true
	case "ignore-isolate":
		f.IgnoreOnIsolate = true
	case "refuse-start":
		f.RefuseManualStart = true
	case "refuse-stop":
		f.RefuseManualStop = true
	case "unneeded":
		f.StopWhenUnneeded = true
	case "will-restart":
		f.WillRestart = true
	case "no-defaults":
		f.DefaultDependencies = false
	default:
		return false
	}
	return true
}

// request reads TYPE UNIT [MODE].
func request(t testing.TB, g *Graph, text string) Request {
	t.Helper()
	words := append(strings.Fields(text), "replace")
	typ, typOK := ParseJobType(words[0])
	mode, modeOK := ParseJobMode(words[2])
	u, unitOK := g.Lookup(words[1])
	if !typOK || !modeOK || !unitOK {
		t.Fatalf("bad request %q", text)
	}
	return Request{Type: typ, Unit: u, Mode: mode, Source: u}
}

func (g *Graph) refs(list []JobRef) string {
	var words []string
	for _, j := range list {
		words = append(words, g.jobName(j))
	}
	return strings.Join(words, " ")
}

// events writes events a line each; messages of the log are left out.
func (g *Graph) events(log []Event) string {
	var lines []string
	for _, e := range log {
		job := g.jobName(JobRef{e.Job.Unit, e.Job.Type})
		quiet := ""
		if e.Quiet {
			quiet = " quiet"
		}
		switch e.Kind {
		case JobNew, JobChanged, JobHalfway:
			lines = append(lines, fmt.Sprintf("%s %s%s", e.Kind, job, quiet))
		case JobRemoved:
			lines = append(lines, fmt.Sprintf("%s %s %s%s", e.Kind, job, e.Result, quiet))
		case Triggered:
			lines = append(lines, fmt.Sprintf("%s %s by %s", e.Kind, g.Name(e.Unit), g.Name(e.Source)))
		case RequestMade:
			lines = append(lines, "request "+g.requestText(e.Request))
		}
	}
	return strings.Join(lines, "; ")
}

func (g *Graph) requestText(r Request) string {
	return fmt.Sprintf("%s/%s %s (%s of %s)", g.Name(r.Unit), r.Type, r.Mode, r.Reason, g.Name(r.Source))
}

func messages(log []Event) string {
	var lines []string
	for _, e := range log {
		if e.Kind == MessageGiven {
			lines = append(lines, fmt.Sprintf("<%d>%s", e.Message.Level, e.Message))
		}
	}
	return strings.Join(lines, "\n")
}
