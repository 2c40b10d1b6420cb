package graph

import (
	"fmt"
	"strings"
	"testing"
)

// script runs lines against a graph and collects what comes of each:
//
//	enqueue TYPE UNIT [MODE]    the events
//	run                         all jobs that Next gives now, with their verdict
//	ran UNIT RESULT             what came of the unit's running job: underway, again, …
//	notify UNIT STATE [FLAG]    the events
//	finish UNIT RESULT          the events
//	followup                    all requests of checks, each enqueued
//	collect                     the events
func script(t *testing.T, g *Graph, lines string) string {
	t.Helper()
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	jobOf := func(name string) JobID {
		n := g.units[unit(t, g, name)]
		if n.job == nil {
			t.Fatalf("%s has no job", name)
		}
		return n.job.ID
	}
	for line := range strings.Lines(lines) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "enqueue":
			o, err := g.Enqueue(request(t, g, strings.Join(words[1:], " ")))
			if err != nil {
				t.Fatal(err)
			}
			say("%s", g.events(o.Events))
		case "run":
			var names []string
			for j, ok := g.Next(); ok; j, ok = g.Next() {
				names = append(names, g.jobName(JobRef{j.Unit, j.Type})+runNames[g.Verdict(j)])
			}
			say("run %s", strings.Join(names, " "))
		case "ran":
			for r, name := range runNames {
				if name == "="+words[2] {
					say("%s", g.events(g.Ran(jobOf(words[1]), r)))
				}
			}
		case "notify":
			s, _ := find[ActiveState](activeStateNames[:], words[2])
			var flags NotifyFlags
			if strings.Contains(line, "reload-failed") {
				flags |= ReloadFailed
			}
			if strings.Contains(line, "will-restart") {
				flags |= WillAutoRestart
			}
			say("%s", g.events(g.Notify(unit(t, g, words[1]), s, flags)))
		case "finish":
			r, _ := find[JobResult](jobResultNames[:], words[2])
			say("%s", g.events(g.Finish(jobOf(words[1]), r)))
		case "followup":
			for r, ok := g.FollowUp(); ok; r, ok = g.FollowUp() {
				o, err := g.Enqueue(r)
				if err != nil {
					t.Fatal(err)
				}
				say("%s: %s", g.requestText(r), g.events(o.Events))
			}
		case "collect":
			say("%s", g.events(g.Collect()))
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

var runNames = map[RunResult]string{
	RunProceed: "", RunUnderway: "=underway", RunAgain: "=again", RunAlready: "=already",
	RunCondition: "=condition", RunNotApplicable: "=not-applicable", RunInvalid: "=invalid",
	RunAssert: "=assert", RunUnsupported: "=unsupported", RunDependency: "=dependency",
	RunOnce: "=once", RunFailed: "=failed",
}

func runScripts(t *testing.T, list []struct{ name, world, script, want string }) {
	for _, c := range list {
		t.Run(c.name, func(t *testing.T) {
			g := world(t, c.world)
			if got, want := script(t, g, c.script), strings.TrimSpace(c.want); got != want {
				t.Errorf("\n got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
