package early

import "golang.org/x/sys/unix"

// Job control of keelson's own persona. As the leader of a session nobody can continue it, so it never stops. Started by a
// shell, it stops when its command does, and the shell sees a stopped job; continued, it continues the command.

// mirrorsStops tells whether a stopped command is to be noticed at all.
func (w *wrapper) mirrorsStops() bool {
	return (w.persona == keelson || w.persona == attached) && !w.leader && w.pid != 1
}

// jobState is what this process knows of the command's last stop.
type jobState uint8

const (
	jobRunning jobState = iota // or did, as far as this process was told
	jobHalting                 // it has stopped, and this process is about to do so too
	jobHalted                  // they stopped together
	jobResumed                 // it went on from that, without this process's help
)

// stopWithCommand is for a command that has stopped: the shell gets its terminal back.
func (w *wrapper) stopWithCommand() {
	w.job = jobHalted
	w.returnTerminal()
	kill(w.pid, sigSTOP) // a CONT that is pending was meant for what was before, and goes with this
}

// resume is for CONT. A shell sends it to the process group, so that the command has it already if the group is its own too. A second one
// would undo a stop that came in between.
func (w *wrapper) resume() {
	w.handOver()
	w.reap()
	switch w.job {
	case jobHalting:
	case jobResumed:
		w.job = jobRunning
	default:
		w.job = jobRunning
		w.forward(sigCONT)
	}
}

// handOver gives the command the terminal when the shell has put this job in the foreground.
func (w *wrapper) handOver() {
	if w.tty >= 0 && !w.leader && tcgetpgrp(w.tty) == getpgrp() {
		tcsetpgrp(w.tty, w.child)
	}
}

// returnTerminal takes back what handOver gave. TTOU is blocked, so this works from the background.
func (w *wrapper) returnTerminal() {
	if w.tty >= 0 && !w.leader && tcgetpgrp(w.tty) == w.child {
		tcsetpgrp(w.tty, getpgrp())
	}
}

// keepTerminal closes every file descriptor from 3 on but the terminal, where that will be needed again.
func (w *wrapper) keepTerminal() {
	if w.tty < 3 || w.leader {
		if w.leader {
			w.tty = -1
		}
		closeFrom(3)
		return
	}
	if w.tty != 3 {
		syscall6(unix.SYS_DUP3, uintptr(w.tty), 3, unix.O_CLOEXEC, 0, 0, 0)
		w.tty = 3
	}
	closeFrom(4)
}

// consider is received for keelson's own persona: what the terminal sent to the whole process group is not sent again, a stop with
// --grace or --drain is keelson's own affair, and the rest is passed on.
func (w *wrapper) consider(sig uint8, info *siginfo) {
	if info.code == siKernel && !w.ownGroup && ttySignals&bit(sig) != 0 {
		if w.persona == attached && jobStops&bit(sig) != 0 && w.mirrorsStops() {
			kill(w.pid, sigSTOP) // the first process of a PID namespace cannot be seen to stop
		}
		return
	}
	if (sig == sigTERM || sig == sigINT) && (w.stop.graceful || w.stop.drain > 0) {
		w.askStop(sig, info.pid)
		return
	}
	if sig == sigCONT {
		w.resume()
		return
	}
	w.forward(sig)
}
