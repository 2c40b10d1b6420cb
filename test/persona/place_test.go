package persona

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Places that are not as a wrapper might like them.

// TestPoorPlaces runs a command that has an orphan, in every place that a container may be.
func TestPoorPlaces(t *testing.T) {
	t.Parallel()
	const script = `cd /; test "$(pwd)" = / && (true &) && exit 5`
	for _, p := range []struct {
		name    string
		setting setting
	}{
		{"no /proc", setting{Proc: unmounted}},
		{"an empty /proc", setting{Proc: empty}},
		{"the /proc of other processes", setting{Proc: stale}},
		{"read-only", setting{ReadOnly: true}},
		{"an arbitrary uid", setting{UID: 12345}},
		{"all at once", setting{Proc: unmounted, ReadOnly: true, UID: 12345}},
		{"no stdin, stdout and stderr", setting{Closed: []int{0, 1, 2}}},
		{"no environment", setting{}},
	} {
		for _, first := range []bool{false, true} {
			for _, name := range four {
				s := p.setting
				s.PID1 = first
				t.Run(fmt.Sprintf("%s/PID 1 %t/%s", p.name, first, name), func(t *testing.T) {
					t.Parallel()
					needRoot(t)
					env := []string{"TINI_SUBREAPER="}
					want := outcome{status: "exit 5"}
					if p.name == "no environment" {
						env = []string{"-PATH"}
					}
					if name == "tini" && p.setting.Closed != nil {
						want.status = "exit 1" // it cannot ask whether stdin is a terminal: see TestSameAsTini
					}
					if name == "tini" && p.name == "no environment" && !first {
						want.stderr = "[WARN  tini"
					}
					got := run(t, native.argv, s, env, name, "--", "/bin/sh", "-c", script)
					if want.stderr != "" && strings.HasPrefix(got.stderr, want.stderr) {
						got.stderr = want.stderr
					}
					if got != want {
						t.Errorf("%s, want %s", got, want)
					}
				})
			}
		}
	}
}

// TestReapingWithoutProc shows that an orphan is reaped where there is no /proc to see it in.
func TestReapingWithoutProc(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, name := range []string{"keelson", "catatonit"} {
		for _, s := range []setting{{Proc: unmounted}, {Proc: empty}, {Proc: unmounted, PID1: true}, {Proc: empty, PID1: true, UID: 12345, ReadOnly: true}} {
			w := start(t, native.argv, s, nil, name, "--", "sh", "-c", "(exec </dev/null >/dev/null; exec sleep 1000 &) ; echo; exec cat")
			w.expect("")
			var orphan int
			until(t, "the orphan to be adopted", func() bool {
				kin := slices.DeleteFunc(children(w.pid), func(pid int) bool { return status(pid, "Name") != "sleep" })
				if len(kin) == 1 {
					orphan = kin[0]
				}
				return orphan != 0
			})
			unix.Kill(orphan, unix.SIGKILL)
			until(t, "the orphan to be reaped", func() bool { return state(orphan) == "" })
			w.stdin.Close()
			w.endsWith("exit 0", "")
		}
	}
}

// TestGraceWithoutProc shows that a stop is what it can be without a /proc of its own: as the first process all, elsewhere with -g the
// command's process group.
func TestGraceWithoutProc(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, c := range []struct {
		setting setting
		options string
	}{
		{setting{Proc: unmounted, PID1: true}, "--grace 0.1"},
		{setting{Proc: empty, PID1: true}, "--grace 0.1"},
		{setting{Proc: stale, PID1: true}, "--grace 0.1"},
		{setting{Proc: unmounted}, "-g --grace 0.1"},
		{setting{Proc: empty}, "-g --grace 0.1"},
	} {
		t.Run(fmt.Sprintf("%s, PID 1 %t", c.setting.Proc, c.setting.PID1), func(t *testing.T) {
			t.Parallel()
			w := start(t, native.argv, c.setting, nil, "keelson", slices.Concat(words(c.options), []string{"--"}, leaving("stubborn"))...)
			pid := w.ready()
			w.say("")
			w.endsWith("exit 4", fmt.Sprintf("keelson: killed process %d, which did not end in time\n", pid)) // its name is in /proc
		})
	}
}

// TestChildrenIgnored starts wrappers with SIGCHLD ignored, as some parents leave it: the kernel then reaps children and tells nobody how they ended. keelson
// is to know, and the command to inherit what it would have without a wrapper.
func TestChildrenIgnored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, ignored string }{
		{"keelson", "0000000000010000"},
		{"tini", "0000000000010000"},
		{"catatonit", "0000000000010000"},
		{"dumb-init", "0000000000000000"},
	} {
		for _, m := range machines() {
			t.Run(m.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				needMachine(t, m)
				s := m.place(c.name)
				s.Ignored = []int{17}
				got := run(t, m.argv, s, nil, c.name, "--", "sed", "s/^SigIgn:.//;t end;d;:end;q5", "/proc/self/status")
				if got.status != "exit 5" || got.stdout != c.ignored+"\n" {
					t.Errorf("%s, want exit 5, stdout %q", got, c.ignored+"\n")
				}
			})
		}
	}
}

// TestForkBomb has a command fork until no more processes are allowed. The wrapper stays, answers and ends it all.
func TestForkBomb(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		setting setting
		uid     int
	}{
		{setting{PID1: true, UID: 12346, Processes: 60}, 12346},
		{setting{UID: 12347, Processes: 60}, 12347},
	} {
		t.Run(fmt.Sprintf("PID 1 %t", c.setting.PID1), func(t *testing.T) {
			w := start(t, native.argv, c.setting, nil, "keelson", slices.Concat([]string{"--grace", "0.2", "--"}, role("bomb"))...)
			w.ready()
			until(t, "the limit", func() bool { return len(descendants(w.pid)) >= 40 })
			w.signal(15)
			if got := w.wait(); got != "exit 137" {
				t.Errorf("status: %s; stderr: %s", got, w.stderr())
			}
			lines := strings.SplitAfter(w.stderr(), "\n")
			for _, l := range lines[:len(lines)-1] {
				if !strings.HasPrefix(l, "keelson: killed process ") || !strings.HasSuffix(l, " (actor), which did not end in time\n") {
					t.Errorf("stderr: %q", l)
				}
			}
			if len(lines) < 40 {
				t.Errorf("%d processes were named", len(lines)-1)
			}
			if left := processesOf(c.uid); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestRunaway has a command leave behind what is never the same process for long.
func TestRunaway(t *testing.T) {
	needRoot(t)
	for _, c := range []struct {
		setting setting
		uid     int
	}{
		{setting{PID1: true, UID: 12348}, 12348},
		{setting{UID: 12349}, 12349},
	} {
		t.Run(fmt.Sprintf("PID 1 %t", c.setting.PID1), func(t *testing.T) {
			w := start(t, native.argv, c.setting, nil, "keelson", slices.Concat([]string{"--grace", "0.2", "--"}, role("runaway"))...)
			w.ready()
			if got := w.wait(); got != "exit 0" {
				t.Errorf("status: %s", got)
			}
			if said := strings.Count(w.stderr(), "\n"); said < 1 || strings.Count(w.stderr(), "which did not end in time\n") != said {
				t.Errorf("stderr: %q", w.stderr())
			}
			if left := processesOf(c.uid); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}
