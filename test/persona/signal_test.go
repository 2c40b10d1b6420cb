package persona

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// fate is what becomes of a signal that a wrapper is sent.
type fate struct {
	pending        sigset // what the command has then been sent
	commandStopped bool
	wrapperStopped bool
	ended          string // the wrapper's status, if that was its end
}

func (f fate) String() string {
	s := fmt.Sprintf("the command is sent %v", f.pending)
	if f.commandStopped {
		s += ", is stopped"
	}
	if f.wrapperStopped {
		s += ", the wrapper is stopped"
	}
	if f.ended != "" {
		s += ", the wrapper ends: " + f.ended
	}
	return s
}

func (s sigset) String() string {
	return fmt.Sprint(slices.DeleteFunc(signals(1, 64), func(sig int) bool { return !s.has(sig) }))
}

func passedOn(sig int) fate   { return fate{pending: set(sig)} }
func swallowed() fate         { return fate{} }
func actsOnItself(n int) fate { return fate{ended: fmt.Sprint("signal ", n)} }

// faults are the signals by which the kernel ends a program that has done something wrong.
var faults = set(4, 5, 6, 7, 8, 11, 31)

// A contract is what a persona does with each signal.
type contract struct {
	name    string
	options []string
	fate    func(sig int) fate
}

var contracts = []contract{
	{"keelson", nil, func(sig int) fate {
		if sig == 17 {
			return swallowed()
		}
		return passedOn(sig)
	}},
	{"tini", nil, func(sig int) fate {
		switch {
		case sig == 17, sig == 21, sig == 22:
			return swallowed()
		case faults.has(sig):
			return actsOnItself(sig)
		}
		return passedOn(sig)
	}},
	{"dumb-init", nil, func(sig int) fate {
		switch sig {
		case 17:
			return swallowed()
		case 20, 21, 22:
			return fate{commandStopped: true, wrapperStopped: true}
		}
		return passedOn(sig)
	}},
	{"dumb-init", []string{"-c"}, func(sig int) fate {
		switch sig {
		case 17:
			return swallowed()
		case 20, 21, 22:
			return fate{pending: set(sig), wrapperStopped: true}
		}
		return passedOn(sig)
	}},
	{"catatonit", nil, func(sig int) fate {
		switch {
		case sig == 17, sig >= 20 && sig <= 22:
			return swallowed()
		case faults.has(sig):
			return actsOnItself(sig)
		}
		return passedOn(sig)
	}},
}

// asPID1 is the fate of a signal whose wrapper is the first process of a PID namespace: there a signal that is not collected does nothing, and
// neither does a STOP from inside (pid_namespaces(7)).
func (f fate) asPID1() fate {
	f.ended, f.wrapperStopped = "", false
	return f
}

// TestEverySignal sends every signal to a wrapper whose command has all of them blocked, and looks what is pending there.
func TestEverySignal(t *testing.T) {
	t.Parallel()
	for _, c := range contracts {
		for _, m := range machines() {
			for _, s := range []setting{{}, {PID1: true}} {
				if m.emulated() && !s.PID1 && c.name == "catatonit" {
					continue // see machine.place
				}
				t.Run(fmt.Sprintf("%s/%s%v, PID 1 %t", m.name, c.name, c.options, s.PID1), func(t *testing.T) {
					t.Parallel()
					needMachine(t, m)
					c.check(t, m.argv, s, func(sig int) bool {
						return !m.emulated() || c.fate(sig).cannot(sig, s.PID1) == ""
					})
				})
			}
		}
	}
}

// TestEverySignalOfPeers shows that the contracts are those of the peers.
func TestEverySignalOfPeers(t *testing.T) {
	t.Parallel()
	for _, c := range contracts[1:] {
		t.Run(fmt.Sprint(c.name, c.options), func(t *testing.T) {
			t.Parallel()
			needFile(t, "/usr/bin/"+c.name)
			c.check(t, peer, setting{}, func(sig int) bool { return sig != 32 && sig != 33 }) // the C library hides these from its programs, and the peers die of them
		})
	}
}

func (c contract) check(t *testing.T, p program, s setting, asked func(sig int) bool) {
	if s.PID1 {
		needRoot(t)
	}
	for sig := 1; sig <= 64; sig++ {
		if sig == int(unix.SIGKILL) || sig == int(unix.SIGSTOP) || !asked(sig) {
			continue
		}
		want := c.fate(sig)
		if s.PID1 {
			want = want.asPID1()
		}
		if got := c.fateOf(t, p, s, sig, want.pending.has(sig)); got != want {
			t.Errorf("signal %d: %s; want: %s", sig, got, want)
		}
	}
}

// fateOf sends the signal. comes tells that it is to reach the command, which is then waited for.
func (c contract) fateOf(t *testing.T, p program, s setting, sig int, comes bool) (f fate) {
	t.Helper()
	w, command := startBlocked(t, p, s, c.name, c.options...)
	defer unix.Kill(command, unix.SIGKILL)
	w.signal(sig)
	if comes {
		until(t, fmt.Sprintf("signal %d to be passed on", sig), func() bool { return signalSet(command, "ShdPnd").has(sig) })
	}
	// Of two signals the one with the lower number is collected first: when the last of all has been passed on, the other has been dealt with. (qemu-user
	// has an order of its own for those by which it is told of faults; they all come.)
	const last = 64
	unix.Kill(w.pid, last)
	until(t, fmt.Sprint("what becomes of signal ", sig), func() bool {
		f = fate{wrapperStopped: state(w.pid) == "T"} // which it does last
		select {
		case <-w.ended:
			f.ended = w.status
		default:
		}
		f.pending = signalSet(command, "ShdPnd")
		f.commandStopped = state(command) == "T"
		return f.ended != "" || (f.pending.has(last) || f.wrapperStopped) && !f.pending.has(19) // a STOP on its way
	})
	if sig != last {
		f.pending &^= set(last)
	}
	return f
}

// startBlocked starts a wrapper whose command has every signal blocked.
func startBlocked(t *testing.T, p program, s setting, name string, options ...string) (w *process, command int) {
	t.Helper()
	w = start(t, p, s, nil, name, slices.Concat(options, []string{"--"}, blocked())...)
	w.say("ready")
	w.expect("ready")
	return w, children(w.pid)[0]
}
