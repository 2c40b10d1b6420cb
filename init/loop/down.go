package loop

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/init/track"
	"keelson/supervise"
	"keelson/supervise/graph"
)

// The way down.
//
//	a stop is asked for     units stop in the order of their dependencies, each within its own timeouts
//	the budget runs short   TERM to everything that is left, at once
//	it is spent             KILL, and what was killed is named
//	a second signal         the same, without waiting for the budget
//
// docker stop sends KILL after ten seconds: the default budget ends before that, so that what was killed is said.

// Budget is how long the way down may take, in microseconds.
type Budget struct {
	Stop supervise.Usec // all of it; Infinity for the units' own timeouts alone
}

// hurry is the part of a budget that is kept for TERM to all and for KILL: a fifth, at most two seconds.
func (b Budget) hurry() supervise.Usec { return min(b.Stop/5, 2e6) }

// finalKill is the end of the budget that KILL and reaping have for themselves.
const finalKill = 300 * time.Millisecond

type down struct {
	stopping bool
	signals  int
	until    supervise.Usec // on CLOCK_MONOTONIC, when the budget is spent; 0: no stop was asked for
	phase    phase
	killed   []string
}

type phase uint8

const (
	phaseOrderly phase = iota
	phaseHurry
)

// named notes that a process had to be killed on the way down.
func (d *down) named(unit string, p track.Process) {
	if d.stopping {
		d.killed = append(d.killed, fmt.Sprintf("%s[%d] (%s)", unit, p.PID, p.Name))
	}
}

// stop is what asks for the end from outside: the first time in order, a second time in a hurry.
func (l *Loop) stop(verb supervise.Verb, force bool, sig uint32, from int) {
	l.down.signals++
	if l.down.signals > 1 {
		l.say(5, "Received SIG%s again: hurrying.", signalName(sig))
		l.hurry()
		return
	}
	l.say(5, "Received SIG%s%s.", signalName(sig), l.nameOf(from))
	l.Request(supervise.Request{Verb: verb, Force: force, Status: l.machine.Status()}, nil)
	l.beginStop()
}

func (l *Loop) nameOf(pid int) string {
	switch line := l.config.Tracker.Cmdline(pid); {
	case pid <= 0: // from outside of the container, or not known
		return ""
	case line == "":
		return fmt.Sprintf(" from PID %d", pid)
	default:
		return fmt.Sprintf(" from PID %d (%s)", pid, line)
	}
}

func signalName(sig uint32) string {
	if sig > rtmin {
		return fmt.Sprintf("RTMIN+%d", sig-rtmin)
	}
	return strings.TrimPrefix(unix.SignalName(unix.Signal(sig)), "SIG")
}

// beginStop starts the clock of the way down.
func (l *Loop) beginStop() {
	if l.down.stopping {
		return
	}
	l.down.stopping = true
	l.config.Outer.Stopping()
	b := l.config.Budget
	if b.Stop == supervise.Infinity {
		return
	}
	l.down.until = Now().Monotonic.Add(b.Stop)
	l.budget.arm(l.down.until.Sub(b.hurry()))
}

// shutdownJob: whoever starts shutdown.target ends everything, by systemctl poweroff or by a unit's FailureAction=; who cancels that job ends the way down.
func (l *Loop) shutdownJob(effect supervise.Effect) {
	switch e := effect.(type) {
	case supervise.JobNew:
		if e.Unit == "shutdown.target" && e.Type == graph.JobStart {
			l.beginStop()
		}
	case supervise.JobRemoved:
		if e.Unit == "shutdown.target" && e.Type == graph.JobStart && e.Result == graph.ResultCanceled && l.down.signals == 0 && l.down.phase == phaseOrderly {
			l.down = down{}
			l.budget.arm(supervise.Infinity)
		}
	}
}

func (l *Loop) budgetSpent(uint32) {
	l.budget.drain()
	l.hurry()
}

// hurry takes the next step down, whatever units still want.
func (l *Loop) hurry() {
	l.beginStop()
	switch l.down.phase {
	case phaseOrderly:
		l.down.phase = phaseHurry
		l.say(4, "Not everything has stopped in time: terminating what is left%s.", l.list(l.config.Tracker.Everyone()))
		l.everyone(unix.SIGTERM)
		rest := max(l.config.Budget.hurry()/2, 500_000)
		l.budget.arm(Now().Monotonic.Add(rest))
	case phaseHurry:
		l.ending = &Ending{Objective: supervise.ObjectiveExit, Status: l.machine.Status()}
	}
}

func (l *Loop) list(all []track.Process) string {
	var names []string
	for _, p := range all {
		names = append(names, fmt.Sprintf("%d (%s)", p.PID, p.Name))
		if len(names) == 10 && len(all) > 10 {
			names = append(names, fmt.Sprintf("and %d more", len(all)-10))
			break
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}

// everyone signals all processes that units have or that were left to this one: as PID 1 all there are.
func (l *Loop) everyone(sig unix.Signal) {
	if os.Getpid() == 1 {
		unix.Kill(-1, sig)
		if sig != unix.SIGKILL {
			unix.Kill(-1, unix.SIGCONT)
		}
		return
	}
	for _, p := range l.config.Tracker.Everyone() {
		unix.Kill(p.PID, sig)
		if sig != unix.SIGKILL {
			unix.Kill(p.PID, unix.SIGCONT)
		}
	}
}

// signalled is the status of an end by a unit's failure whose main process did not exit (unit_exit_status in src/core/unit.c). For the command of the
// command line it is told by which signal, as the wrapper does.
const signalled = 255

// finish ends the manager.
func (l *Loop) finish(e supervise.Finish) {
	if c := l.config.Command; c != nil && e.Status == signalled {
		if u, ok := l.machine.Unit(c.Unit); ok && u.Service != nil {
			if s := u.Service.MainStatus.Status; s.Code == supervise.StatusKilled || s.Code == supervise.StatusDumped {
				e.Status = 128 + s.Value
			}
		}
	}
	l.beginStop() // where it was forced, nothing has said so
	l.ending = &Ending{Objective: e.Objective, Status: e.Status, Argument: e.Argument}
}

// Sweep ends what is still there when the manager has ended: TERM, a moment, KILL (what systemd-shutdown(8) does). What had to be
// killed is named.
func (l *Loop) Sweep() {
	left := l.config.Tracker.Everyone()
	if len(left) > 0 && l.down.phase == phaseOrderly {
		l.everyone(unix.SIGTERM)
		left = l.await(left, time.Second)
	}
	if len(left) > 0 {
		l.say(4, "Killing what did not end%s.", l.list(left))
		l.everyone(unix.SIGKILL)
		l.await(left, finalKill)
	}
	if len(l.down.killed) > 0 {
		l.say(4, "Killed, as they did not stop in time: %s.", strings.Join(l.down.killed, ", "))
	}
}

// await reaps until nobody is left or the time is up, and gives those who are left.
func (l *Loop) await(left []track.Process, limit time.Duration) []track.Process {
	until := Now().Monotonic.Add(supervise.Usec(limit.Microseconds()))
	poll := []unix.PollFd{{Fd: int32(l.childhood), Events: unix.POLLIN}}
	for len(left) > 0 {
		for {
			var pid int
			err := sys.Retry(func() (err error) { pid, err = unix.Wait4(-1, nil, unix.WNOHANG, nil); return err })
			if err != nil || pid <= 0 {
				break
			}
		}
		l.config.Tracker.Turn()
		if left = l.config.Tracker.Everyone(); len(left) == 0 {
			break
		}
		now := Now().Monotonic
		if now >= until {
			break
		}
		unix.Poll(poll, int((until-now)/1000)+1)
		silence(l.childhood)
	}
	return left
}

// Bye tells the world outside what the container ends with.
func (l *Loop) Bye(e Ending) {
	l.config.Outer.Ended(e.Status)
	if e.Status != 0 {
		terminationLog(fmt.Sprintf("keelson: ended with status %d", e.Status))
	}
}

// terminationLog leaves the reason of a failure where Kubernetes looks for it (terminationMessagePath), if that is there.
func terminationLog(reason string) {
	f, err := os.OpenFile("/dev/termination-log", os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		fmt.Fprintln(f, reason)
		f.Close()
	}
}

// Freeze reaps until a signal asks for the end (systemd's freeze, src/core/crash-handler.c, but that it listens).
func (l *Loop) Freeze() {
	poll := []unix.PollFd{{Fd: int32(l.thaw), Events: unix.POLLIN}, {Fd: int32(l.childhood), Events: unix.POLLIN}}
	for poll[0].Revents == 0 {
		silence(l.childhood)
		for {
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != nil && err != unix.EINTR || pid == 0 {
				break
			}
		}
		unix.Poll(poll, -1)
	}
}
