package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The wrapper: block, fork, wait, forward, reap, end with the command's status.
//
// Signals are blocked from before the fork on and taken one by one with sigtimedwait(2), so none is lost and there is no handler. A child's
// death is a SIGCHLD, which coalesces: every one of them has all that have died collected. With nothing to wait for but signals there is no
// timeout, and the process wakes for a cause or never.

type wrapper struct {
	persona    persona
	argc       int
	argv, envp *cstr
	cmd        *cstr // the command, within argv
	pid, child int32

	verbosity   int
	subreaper   bool
	warnReaped  bool
	group       bool // signals go to the command's process group
	session     bool // dumb-init: the command gets a session
	pause       bool // catatonit -P: there is no command
	ownGroup    bool // keelson: the command has a process group of its own
	leader      bool // keelson: this process leads its session
	deathSignal uint8
	tty         int32 // keelson: the terminal that was handed over, or -1
	socket      int32 // attached: where the child waits for a word

	open       sigset // not collected: they act on the wrapper as on any process
	drops      sigset // collected, and not passed on
	stopsSelf  sigset // passed on, and then the wrapper stops as well
	ignoreOnce sigset // not passed on the first time
	rewrite    [signals]uint8
	expected   [4]uint64 // statuses that come out as 0

	mask        sigset // as inherited
	chldIgnored bool
	ttin, ttou  sigaction

	ended  bool
	status uint32 // of the main child, as wait4 gave it
	job    jobState
	stop   stop

	listenPID [24]byte // LISTEN_PID= and a pid, for the command's environment
	line      message
}

// What a signal is passed on as, where it is not a signal's number.
const (
	asIs    = 0
	dropped = 255
)

func (w *wrapper) run() {
	w.configureSignals()
	w.becomeReaper()
	w.leaveTerminal()
	switch {
	case w.persona == attached:
		write(w.socket, path("\x00"), 1) // every signal is blocked by now: the command will get those to come
	case !w.pause:
		w.spawn()
	}
	w.settle()
	if w.persona == attached {
		w.reap() // it may have ended before this process began
	}
	for {
		w.turn()
	}
}

func (w *wrapper) configureSignals() {
	collected := all &^ w.open
	setMask(&collected, &w.mask)
	// With SIGCHLD ignored, as some parents leave it, the kernel would reap the children by itself and tell nobody.
	old := setHandler(sigCHLD, sigDFL)
	w.chldIgnored = old.handler == sigIGN
	if w.persona == tini {
		w.ttin = setHandler(sigTTIN, sigIGN)
		w.ttou = setHandler(sigTTOU, sigIGN)
	}
	if w.deathSignal != 0 {
		if e := prctl(unix.PR_SET_PDEATHSIG, uintptr(w.deathSignal)); e != 0 {
			w.cannot("set the parent death signal", e)
		}
	}
}

func (w *wrapper) becomeReaper() {
	switch w.persona {
	case tini:
		w.tiniReaper()
	case catatonit:
		w.catatonitReaper()
	case keelson:
		w.keelsonReaper()
	}
}

func (w *wrapper) leaveTerminal() {
	switch w.persona {
	case dumbInit:
		w.dumbInitDetach()
	case keelson:
		w.keelsonTerminal()
	case attached:
		w.leader = getsid() == w.pid
		w.tty = -1
	}
}

// spawn starts the command. The parent sleeps until the child has executed it or died: the child shares its memory till then, which
// spares the kernel the copying of page tables.
func (w *wrapper) spawn() {
	r := cloneChild(unix.CLONE_VM|unix.CLONE_VFORK|uintptr(sigCHLD), unsafe.Pointer(w))
	if e := failed(r); e != 0 {
		w.cannot("fork", e)
	}
	w.child = int32(r)
	w.spawned()
}

// child is the new process. It must not return.
func child(w *wrapper) {
	switch w.persona {
	case tini:
		w.tiniChild()
		restoreHandler(sigTTIN, &w.ttin)
		restoreHandler(sigTTOU, &w.ttou)
	case dumbInit:
		w.mask = 0
		w.dumbInitChild()
	case catatonit:
		w.mendListenPID()
		w.catatonitChild()
	default:
		w.keelsonChild()
	}
	if w.chldIgnored && w.persona != dumbInit {
		setHandler(sigCHLD, sigIGN)
	}
	setMask(&w.mask, nil)
	exit(w.execFailed(w.execvp()))
}

// settle gives up what the command needed and the wrapper does not.
func (w *wrapper) settle() {
	switch w.persona {
	case dumbInit:
		w.leaveDirectory()
	case catatonit:
		w.leaveDirectory()
		closeFrom(3)
	case keelson, attached:
		w.leaveDirectory()
		w.keepTerminal()
	}
	trim()
}

func (w *wrapper) leaveDirectory() {
	chdir(path("/\x00")) // a working directory keeps a mount busy
}

func (w *wrapper) turn() {
	if w.job == jobHalting {
		w.stopWithCommand()
	}
	var info siginfo
	collected := all &^ w.open
	switch sigwait(&collected, &info, w.untilDeadline()) {
	case 0:
		w.received(uint8(info.signo), &info)
	case eAGAIN:
		w.overdue()
	}
}

func (w *wrapper) received(sig uint8, info *siginfo) {
	if w.verbosity > 0 {
		w.sayReceived(sig)
	}
	switch {
	case w.ignoreOnce&bit(sig) != 0:
		w.ignoreOnce &^= bit(sig)
	case sig == sigCHLD:
		w.reap()
	case w.drops&bit(sig) != 0:
	case w.pause:
		if sig == sigTERM || sig == sigINT {
			exit(0)
		}
	case w.persona == keelson || w.persona == attached:
		w.consider(sig, info)
	default:
		w.forward(sig)
		if w.stopsSelf&bit(sig) != 0 {
			if w.verbosity > 0 {
				w.sayStopping()
			}
			kill(w.pid, sigSTOP)
		}
	}
}

// forward passes a signal on to the command, rewritten.
func (w *wrapper) forward(sig uint8) {
	if int(sig) < len(w.rewrite) && w.rewrite[sig] != asIs {
		to := w.rewrite[sig]
		if to == dropped {
			to = 0
		}
		if w.verbosity > 0 {
			w.sayRewritten(sig, to)
		}
		if to == 0 {
			return
		}
		sig = to
	}
	e := eSRCH
	if !w.ended || w.group {
		e = kill(w.target(), sig) // a pid that was reaped may be another process's by now
	}
	if e != 0 || w.verbosity > 0 {
		w.forwarded(sig, e)
	}
}

func (w *wrapper) target() int32 {
	if w.group {
		return -w.child
	}
	return w.child
}

// reap collects every child that has ended.
func (w *wrapper) reap() {
	for {
		var status uint32
		var options uintptr
		if w.mirrorsStops() {
			options = unix.WUNTRACED | unix.WCONTINUED
		}
		which := int32(-1)
		if w.stop.killing {
			which = w.peek()
		}
		pid, e := wait4(which, &status, options)
		if pid <= 0 {
			w.stop.childless = e == eCHILD
			if w.verbosity > 0 {
				w.noneToReap()
			}
			break
		}
		if isStopped(status) || isContinued(status) {
			switch {
			case pid != w.child:
			case isStopped(status):
				w.job = jobHalting
			case w.job == jobHalted:
				w.job = jobResumed
			}
			continue
		}
		if pid == w.child && !w.ended {
			w.ended, w.status = true, status
		}
		if w.verbosity > 0 || w.warnReaped {
			w.reaped(pid, status)
		}
		if w.ended && w.persona == dumbInit {
			break
		}
	}
	if w.ended {
		w.finish()
	}
}

func isStopped(status uint32) bool { return status&0xff == 0x7f }

func isContinued(status uint32) bool { return status == 0xffff }

func signalOf(status uint32) uint8 { return uint8(status & 0x7f) }

// exitStatus is what a shell makes of a wait status: the exit code, or 128+n of signal n.
func exitStatus(status uint32) int {
	if sig := signalOf(status); sig != 0 {
		return 128 + int(sig)
	}
	return int(status >> 8 & 0xff)
}

// finish ends the wrapper with the command's status, unless --grace has it wait for the leftovers.
func (w *wrapper) finish() {
	code := exitStatus(w.status)
	switch w.persona {
	case dumbInit:
		w.forward(sigTERM) // to what is left of the session, through the rewrite table, as to the command
	case keelson:
		if w.stop.graceful && !w.outlasted() {
			return
		}
		w.returnTerminal()
	}
	if w.verbosity > 0 {
		w.sayGoodbye(code)
	}
	if w.expected[uint8(code)>>6]&(1<<(uint(code)&63)) != 0 {
		code = 0
	}
	exit(code)
}
