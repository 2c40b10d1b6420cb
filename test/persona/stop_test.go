package persona

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inTime is how long what keelson does of its own accord may take where a test gives it a --grace that is longer: it must not have waited for that.
const inTime = 20 * time.Second

// echo is how soon the same request from the same sender counts as one with the first.
const echo = 100 * time.Millisecond

// stops runs a test of a stop with keelson as the first process and elsewhere, on every machine.
func stops(t *testing.T, test func(t *testing.T, s stop)) {
	t.Parallel()
	for _, m := range machines() {
		for _, first := range []bool{false, true} {
			if m.emulated() && !first {
				continue // it says that it cannot be a subreaper, and is none
			}
			where := "elsewhere"
			if first {
				where = "PID 1"
			}
			t.Run(m.name+"/"+where, func(t *testing.T) {
				t.Parallel()
				needMachine(t, m)
				if first {
					needRoot(t)
				}
				test(t, stop{m, setting{PID1: first}})
			})
		}
	}
}

type stop struct {
	machine machine
	setting setting
}

func (s stop) start(t *testing.T, options string, command ...string) *process {
	t.Helper()
	return start(t, s.machine.argv, s.setting, nil, "keelson", slices.Concat(words(options), []string{"--"}, command)...)
}

// leaving is a command that leaves roles behind: with status 4, when it reads a line.
func leaving(roles ...string) []string {
	script, command := "", []string{}
	for _, r := range roles {
		script += strings.Join(role(r), " ") + " & "
	}
	command = append(command, "sh", "-c", script+"read x; exit 4")
	return command
}

func killed(pid int) string {
	return fmt.Sprintf("keelson: killed process %d (actor), which did not end in time\n", pid)
}

func TestLeftoversThatEnd(t *testing.T) {
	stops(t, func(t *testing.T, s stop) {
		began := time.Now()
		w := s.start(t, "--grace 1000", "sh", "-c", "sleep 1000 & sleep 1000 & exit 3")
		w.endsWith("exit 3", "")
		if took := time.Since(began); took > inTime {
			t.Errorf("took %v", took)
		}
	})
}

func TestLeftoversWithoutGrace(t *testing.T) {
	stops(t, func(t *testing.T, s stop) {
		if s.setting.PID1 {
			t.Skip("the kernel ends all others with the first process")
		}
		w := s.start(t, "", leaving("report")...)
		child := w.ready()
		defer unix.Kill(child, unix.SIGKILL)
		w.say("")
		w.endsWith("exit 4", "")
		unix.Kill(child, unix.SIGUSR1)
		w.expect("10")
	})
}

func TestLeftoversThatStay(t *testing.T) {
	stops(t, func(t *testing.T, s stop) {
		w := s.start(t, "--grace 0.1", leaving("stubborn", "stubborn")...)
		a, b := w.ready(), w.ready()
		w.say("")
		if got := w.wait(); got != "exit 4" {
			t.Errorf("status: %s", got)
		}
		got := strings.SplitAfter(w.stderr(), "\n")
		slices.Sort(got)
		want := []string{"", killed(a), killed(b)}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("stderr: %q, want %q", got, want)
		}
	})
}

// TestLeftoversAreNamed shows that only those are named that had to be killed, and that a stopped one is continued, so that it can end.
func TestLeftoversAreNamed(t *testing.T) {
	stops(t, func(t *testing.T, s stop) {
		command := leaving("stubborn")
		command[2] = "sleep 1000 & sleep 1000 & kill -STOP $!; " + command[2]
		w := s.start(t, "--grace 0.1", command...)
		stays := w.ready()
		w.say("")
		w.endsWith("exit 4", killed(stays))
	})
}

func TestStubbornCommand(t *testing.T) {
	for _, sig := range []int{15, 2} {
		t.Run(fmt.Sprint("signal ", sig), func(t *testing.T) {
			stops(t, func(t *testing.T, s stop) {
				w := s.start(t, "--grace 0.1", role("stubborn")...)
				pid := w.ready()
				w.signal(sig)
				w.endsWith("exit 137", killed(pid))
			})
		})
	}
}

func TestNoGraceAtAll(t *testing.T) {
	stops(t, func(t *testing.T, s stop) {
		w := s.start(t, "--grace 0", leaving("stubborn")...)
		pid := w.ready()
		w.say("")
		w.endsWith("exit 4", killed(pid))
	})
}

// TestStopReachesAll shows that a stop is told to all, and to the command as --rewrite has it; and that the command may take its time.
func TestStopReachesAll(t *testing.T) {
	for _, c := range []struct {
		options string
		signal  int
		command []string // all that it gets; a CONT comes with a TERM
		other   []string
	}{
		{"--grace 1000", 15, []string{"15", "18"}, []string{"15", "18"}},
		{"--grace 1000", 2, []string{"2"}, []string{"15", "18"}},
		{"--grace 1000 --rewrite TERM:QUIT", 15, []string{"3"}, []string{"15", "18"}},
		{"--grace 1000 --rewrite INT:TERM", 2, []string{"15"}, []string{"15", "18"}},
		{"--grace 1000 --rewrite TERM:0", 15, nil, []string{"15", "18"}},
		{"--grace 1000", 1, []string{"1"}, nil},
	} {
		t.Run(fmt.Sprintf("%s, signal %d", c.options, c.signal), func(t *testing.T) {
			stops(t, func(t *testing.T, s stop) {
				report := strings.Join(role("report"), " ")
				w := s.start(t, c.options, "sh", "-c", fmt.Sprintf("%s other & exec %[1]s", report))
				w.line()
				w.line()
				w.signal(c.signal)
				var want []string
				want = append(want, c.command...)
				for _, sig := range c.other {
					want = append(want, "other"+sig)
				}
				var got []string
				for range want {
					got = append(got, w.line())
				}
				slices.Sort(got)
				slices.Sort(want)
				if !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		})
	}
}

// TestSecondRequest shows what counts as a second request to stop, upon which all that is left is killed at once.
func TestSecondRequest(t *testing.T) {
	for _, c := range []struct {
		name   string
		second func(t *testing.T, w *process)
	}{
		{"another signal", func(t *testing.T, w *process) { w.signal(2) }},
		{"another sender", func(t *testing.T, w *process) {
			if out, err := exec.Command("sh", "-c", "kill -TERM "+strconv.Itoa(w.pid)).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}},
		{"later", func(t *testing.T, w *process) {
			time.Sleep(echo * 3 / 2) // the time itself is what is tested
			w.signal(15)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stops(t, func(t *testing.T, s stop) {
				if c.name == "another sender" && s.setting.PID1 {
					t.Skip("all senders outside of a PID namespace are pid 0 to the first process")
				}
				w := s.start(t, "--grace 1000", role("report")...)
				pid := w.ready()
				w.signal(15)
				w.line()
				c.second(t, w)
				w.endsWith("exit 137", killed(pid))
			})
		})
	}
}

// TestEcho shows that the same request from the same sender is one when it comes twice at once, as timeout(1) sends it.
func TestEcho(t *testing.T) {
	stops(t, func(t *testing.T, s stop) {
		for range 20 {
			w := s.start(t, "--grace 1000", role("report")...)
			w.ready()
			began := time.Now()
			w.signal(15)
			first := w.line() + w.line() // TERM and CONT
			w.signal(15)
			if time.Since(began) > echo*3/4 {
				continue // too late to say anything
			}
			if first != "1518" && first != "1815" {
				t.Errorf("got signals %s", first)
			}
			w.dealt()
			w.say("7")
			w.endsWith("exit 7", "")
			return
		}
		t.Error("the machine is too slow for this test")
	})
}

func TestDrain(t *testing.T) {
	const drain = 300 * time.Millisecond
	stops(t, func(t *testing.T, s stop) {
		w := s.start(t, "--drain 0.3", role("report")...)
		w.ready()
		began := time.Now()
		w.signal(15)
		w.signal(1) // is not held back
		w.expect("1")
		w.expect("15")
		if took := time.Since(began); took < drain {
			t.Errorf("TERM was held back for %v", took)
		}
		w.say("0")
		w.endsWith("exit 0", "")
	})
}

// TestDrainEnds shows what ends a drain before its time.
func TestDrainEnds(t *testing.T) {
	for _, c := range []struct {
		name    string
		options string
		end     func(w *process)
		status  string
	}{
		{"the command", "--drain 1000", func(w *process) { w.say("6") }, "exit 6"},
		{"INT", "--drain 1000", func(w *process) { w.signal(2); w.expect("15"); w.say("5") }, "exit 5"},
		{"INT with --grace", "--drain 1000 --grace 1000", func(w *process) { w.signal(2); w.line(); w.line(); w.say("5") }, "exit 5"},
		{"INT instead of TERM", "--drain 1000", nil, "exit 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stops(t, func(t *testing.T, s stop) {
				w := s.start(t, c.options, role("report")...)
				w.ready()
				if c.end == nil {
					w.signal(2)
					w.expect("2")
					w.say("5")
					w.endsWith(c.status, "")
					return
				}
				w.signal(15)
				w.signal(28) // is collected after TERM
				w.expect("28")
				c.end(w)
				w.endsWith(c.status, "")
			})
		})
	}
}
