package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A stop, with --drain and --grace:
//
//	running  -- TERM or INT -->  draining (TERM and --drain only)  -- time, or a second TERM or INT -->  stopping
//	stopping -- all gone -->  exit;  -- time, or a second TERM or INT -->  killing  -- all gone, or killWait -->  exit
//	running  -- the command ends, --grace -->  stopping, for what it left behind
//
// On entering stopping, TERM goes to all that is left, and the command gets what it is rewritten to; CONT follows, so that a stopped
// process can act on it (as systemd does, systemd.kill(5)).

type stop struct {
	drain, grace int64 // nanoseconds
	graceful     bool  // --grace was given

	asked    bool
	signal   uint8 // by which, by whom and when the last request came
	sender   int32
	at       int64
	held     uint8 // draining: what will be passed on
	deadline int64 // monotonic nanoseconds, 0 for none

	leftovers bool // the command has ended, and what it left has been told
	killing   bool
	childless bool // the last wait4 found no child at all
}

const (
	// killWait is how long the processes may take to vanish after KILL: one in uninterruptible sleep may take for ever.
	killWait = 2e9

	// echo is how soon the same request from the same process counts as one: timeout(1) signals its child, and then its whole process group.
	echo = 100e6
)

// untilDeadline is the timeout of the next wait in nanoseconds, negative for none.
func (w *wrapper) untilDeadline() int64 {
	if w.stop.deadline == 0 {
		return -1
	}
	return max(0, w.stop.deadline-monotonic())
}

func (w *wrapper) askStop(sig uint8, sender int32) {
	s, now := &w.stop, monotonic()
	again := s.asked
	if again && s.signal == sig && s.sender == sender && now-s.at < echo {
		return
	}
	s.asked, s.signal, s.sender, s.at = true, sig, sender, now
	switch {
	case s.held != 0:
		w.beginStop(s.held)
	case again && s.graceful:
		w.killLeft()
	case !again && sig == sigTERM && s.drain > 0 && !w.ended:
		s.held, s.deadline = sig, now+s.drain
	case !again:
		w.beginStop(sig)
	default:
		w.forward(sig)
	}
}

// beginStop passes the request on. Without --grace that is all.
func (w *wrapper) beginStop(sig uint8) {
	s := &w.stop
	s.held, s.deadline = 0, 0
	if !s.graceful {
		w.forward(sig)
		return
	}
	if !w.ended {
		s.deadline = monotonic() + s.grace
		if sig == sigTERM && w.rewrite[sigTERM] == asIs {
			w.signalLeft(sigTERM, 0)
			return
		}
		w.forward(sig)
	}
	w.signalLeft(sigTERM, w.child)
}

// overdue is called when the deadline has passed.
func (w *wrapper) overdue() {
	s := &w.stop
	switch {
	case s.held != 0:
		w.beginStop(s.held)
	case !s.killing:
		w.killLeft()
	default:
		w.say().str("some processes did not end within 2 s of KILL; leaving").end()
		if !w.ended {
			w.ended, w.status = true, sigKILL
		}
		s.childless = true
		w.finish()
	}
}

// outlasted tells whether the command, which has ended, was the last. If not, what is left is told to end, within what
// remains of the stop if there is one.
func (w *wrapper) outlasted() bool {
	s := &w.stop
	if s.childless {
		return true
	}
	if s.killing {
		w.signalLeft(sigKILL, 0) // what was forked meanwhile
		return false
	}
	if !s.leftovers {
		s.leftovers = true
		if s.deadline == 0 || s.held != 0 {
			s.deadline, s.held = monotonic()+s.grace, 0
		}
		w.signalLeft(sigTERM, 0)
	}
	return false
}

func (w *wrapper) killLeft() {
	w.stop.killing = true
	w.stop.deadline = monotonic() + killWait
	w.signalLeft(sigKILL, 0)
}

// peek finds a child that has ended, and names it if KILL has ended it, while it is still there to be named. It returns the child's pid, for it and
// no other to be collected next, or -1.
func (w *wrapper) peek() int32 {
	var info siginfo
	syscall6(unix.SYS_WAITID, 0, 0, address(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, 0, 0)
	if info.pid == 0 {
		return -1
	}
	const killed = 2 // CLD_KILLED: si_status, behind si_uid, is the signal
	if info.code != killed || *(*int32)(unsafe.Add(unsafe.Pointer(&info), 24)) != sigKILL {
		return info.pid
	}
	m := w.say().str("killed process ").num(int(info.pid))
	var buf [32]byte
	if ownProc(w.pid) {
		if n := readProc(&buf[0], info.pid, "comm", &buf[0], len(buf)-1); n > 1 {
			*skip(&buf[0], n-1) = 0 // the newline
			m.str(" (").cstr(&buf[0]).str(")")
		}
	}
	m.str(", which did not end in time").end()
	return info.pid
}
