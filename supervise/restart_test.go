package supervise

import (
	"strings"
	"testing"

	"keelson/supervise/calendar"
)

// TestRestart is Restart= in every mode by every kind of exit: the number of times out of one that a service comes up again
// (systemd.service(5), "Exit causes and the effect of the Restart= settings").
func TestRestart(t *testing.T) {
	exits := []struct {
		name string
		do   func(*world)
	}{
		{"clean exit", func(w *world) { w.kill(w.process("a.service", "main"), Status{StatusExited, 0}) }},
		{"clean signal", func(w *world) { w.kill(w.process("a.service", "main"), Status{StatusKilled, 15}) }},
		{"exit code", func(w *world) { w.kill(w.process("a.service", "main"), Status{StatusExited, 3}) }},
		{"signal", func(w *world) { w.kill(w.process("a.service", "main"), Status{StatusKilled, 9}) }},
		{"dump", func(w *world) { w.kill(w.process("a.service", "main"), Status{StatusDumped, 11}) }},
		{"137 is no signal", func(w *world) { w.kill(w.process("a.service", "main"), Status{StatusExited, 137}) }},
		{"timeout", func(w *world) { w.obedient = true; w.advance(20 * calendar.Second) }},
		{"watchdog", func(w *world) { w.obedient = true; w.advance(10 * calendar.Second) }},
		{"oom", func(w *world) { w.obedient = true; w.step(OutOfMemory{"a.service"}) }},
		{"stop", func(w *world) { w.obedient = true; w.step(Request{Verb: VerbStop, Unit: "a.service"}) }},
	}
	for mode, want := range map[string]string{
		//            clean sig code signal dump 137 timeout watchdog oom stop
		"no":          "- - - - - - - - - -",
		"always":      "+ + + + + + + + + -",
		"on-success":  "+ + - - - - - - - -",
		"on-failure":  "- - + + + + + + + -",
		"on-abnormal": "- - - + + - + + + -",
		"on-abort":    "- - - + + - - - - -",
		"on-watchdog": "- - - - - - - + - -",
	} {
		var got []string
		for _, exit := range exits {
			text := "[Service]\nRestartSec=1h\nExecStart=/bin/a\nRestart=" + mode + "\n"
			switch exit.name {
			case "timeout":
				text += "RuntimeMaxSec=15\n"
			case "watchdog":
				text += "WatchdogSec=5\n"
			}
			w := newWorld(map[string]string{"a.service": text})
			w.step(Request{Verb: VerbLoad, Unit: "a.service"})
			w.step(Request{Verb: VerbStart, Unit: "a.service"})
			exit.do(w)
			w.drain()
			mark := "-"
			if strings.Contains(w.state("a.service"), "auto-restart") {
				mark = "+"
			}
			got = append(got, mark)
		}
		if line := strings.Join(got, " "); line != want {
			t.Errorf("Restart=%s: %s, want %s", mode, line, want)
		}
	}
}

// TestRestartStatuses is RestartPreventExitStatus=, RestartForceExitStatus= and SuccessExitStatus=.
func TestRestartStatuses(t *testing.T) {
	for _, c := range []struct {
		lines  string
		status Status
		want   string
	}{
		{"Restart=always\nRestartPreventExitStatus=3 SIGKILL", Status{StatusExited, 3}, "failed failed exit-code"},
		{"Restart=always\nRestartPreventExitStatus=3 SIGKILL", Status{StatusKilled, 9}, "failed failed signal"},
		{"Restart=always\nRestartPreventExitStatus=3 SIGKILL", Status{StatusExited, 9}, "activating auto-restart exit-code"},
		{"Restart=no\nRestartForceExitStatus=3", Status{StatusExited, 3}, "activating auto-restart exit-code"},
		{"Restart=no\nRestartForceExitStatus=3\nRestartPreventExitStatus=3", Status{StatusExited, 3}, "failed failed exit-code"},
		{"SuccessExitStatus=75 SIGUSR1", Status{StatusExited, 75}, "inactive dead success"},
		{"SuccessExitStatus=75 SIGUSR1", Status{StatusKilled, 10}, "inactive dead success"},
		{"SuccessExitStatus=75 SIGUSR1", Status{StatusKilled, 12}, "failed failed signal"},
	} {
		w := newWorld(map[string]string{"a.service": "[Service]\nExecStart=/bin/a\n" + c.lines + "\n"})
		w.step(Request{Verb: VerbLoad, Unit: "a.service"})
		w.step(Request{Verb: VerbStart, Unit: "a.service"})
		w.kill(w.process("a.service", "main"), c.status)
		w.drain()
		if got := w.state("a.service"); got != c.want {
			t.Errorf("%q and %s: %s, want %s", c.lines, c.status, got, c.want)
		}
	}
}
