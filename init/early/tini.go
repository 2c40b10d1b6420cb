package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// tini 0.19.0: getopt "p:hvwgle:s", permuting unless POSIXLY_CORRECT is set. The warnings, debug lines and the version are what
// other programs read, and stay as they are; dockerd reads the version of its docker-init.

const tiniVersion = "tini version 0.19.0"

// tiniNoNames are the signals that -p has no name for. It takes full names: no number, no real-time signal.
const tiniNoNames sigset = 1<<(16-1) | 1<<(29-1) | 1<<(30-1)

func (w *wrapper) parseTini() {
	w.verbosity = 1
	if w.argc == 2 && equal(at(w.argv, 1), "--version") {
		print(stdout, tiniVersion+"\n")
		exit(0)
	}
	o := getopt{argv: w.argv, argc: w.argc, ind: 1, short: "p:hvwgle:s", permute: lookup(w.envp, "POSIXLY_CORRECT=") == nil}
	for c := o.option(); c != noMore; c = o.option() {
		switch c {
		case 'h':
			w.tiniUsage(stdout)
			exit(0)
		case 's':
			w.subreaper = true
		case 'p':
			w.deathSignal = tiniSignal(o.value)
			if w.deathSignal == 0 {
				w.tini("FATAL", stderr).str("Not a valid option for -p: ").cstr(o.value).end()
				exit(1)
			}
		case 'v':
			w.verbosity++
		case 'w':
			w.warnReaped = true
		case 'g':
			w.group = true
		case 'e':
			if !w.expectStatus(o.value) {
				w.tini("FATAL", stderr).str("Not a valid option for -e: ").cstr(o.value).end()
				exit(1)
			}
		case 'l':
			print(stdout, licence)
			exit(0)
		default:
			o.complain()
			w.tiniUsage(stderr)
			exit(1)
		}
	}
	if o.ind >= w.argc {
		w.tiniUsage(stderr)
		exit(1)
	}
	w.cmd = from(w.argv, o.ind)
	if lookup(w.envp, "TINI_SUBREAPER=") != nil {
		w.subreaper = true
	}
	if lookup(w.envp, "TINI_KILL_PROCESS_GROUP=") != nil {
		w.group = true
	}
	if v := lookup(w.envp, "TINI_VERBOSITY="); v != nil {
		n, _ := signed(v)
		w.verbosity = int(uint32(n)) // tini keeps it unsigned: -1 is as loud as can be
	}
	w.open = faults | bit(sigTTIN) | bit(sigTTOU)
}

func tiniSignal(name cstr) uint8 {
	for i := uint8(1); int(i) < len(signalTable); i++ {
		if hasPrefix(name, "SIG") && equal(skip(name, 3), signalTable[i].name) && tiniNoNames&bit(i) == 0 {
			return i
		}
	}
	return 0
}

// tini begins a line: FATAL and WARN go to stderr, the others to stdout.
//
//go:noinline
func (w *wrapper) tini(level string, fd int32) *message {
	m := &w.line
	m.fd, m.n = fd, 0
	m.str("[").str(level)
	for i := len(level); i < 5; i++ {
		m.byte(' ')
	}
	return m.str(" tini (").num(int(getpid())).str(")] ")
}

// tiniWarn and tiniInfo name the verbosity from which on a level is printed.
const (
	tiniWarn = 1 + iota
	tiniInfo
	tiniDebug
	tiniTrace
)

func (w *wrapper) tiniReaper() {
	if w.subreaper {
		if e := prctl(unix.PR_SET_CHILD_SUBREAPER, 1); e != 0 {
			w.tini("FATAL", stderr).str("Failed to register as child subreaper: ").errno(e).end()
			exit(1)
		}
		if w.verbosity >= tiniTrace {
			w.tini("TRACE", stdout).str("Registered as child subreaper").end()
		}
	}
	if w.pid != 1 && !isSubreaper() && w.verbosity >= tiniWarn {
		w.tini("WARN", stderr).str("Tini is not running as PID 1 and isn't registered as a child subreaper.\n" +
			"Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n" +
			"To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1.").end()
	}
}

// tiniChild makes the command a process group of its own, in the foreground if stdin is a terminal.
func (w *wrapper) tiniChild() {
	if e := setpgid(0, 0); e != 0 {
		w.tini("FATAL", stderr).str("setpgid failed: ").errno(e).end()
		exit(1)
	}
	switch e := tcsetpgrp(0, getpgrp()); e {
	case 0:
	case eNOTTY:
		if w.verbosity >= tiniDebug {
			w.tini("DEBUG", stdout).str("tcsetpgrp failed: no tty (ok to proceed)").end()
		}
	case eNXIO:
		if w.verbosity >= tiniDebug {
			w.tini("DEBUG", stdout).str("tcsetpgrp failed: no such device (ok to proceed)").end()
		}
	default:
		w.tini("FATAL", stderr).str("tcsetpgrp failed: ").errno(e).end()
		exit(1)
	}
}

func (w *wrapper) tiniUsage(fd int32) {
	m := message{fd: fd}
	name := base(at(w.argv, 0))
	m.cstr(name).str(" (" + tiniVersion + ")\nUsage: ").cstr(name).str(" [OPTIONS] PROGRAM -- [ARGS] | --version\n\n" +
		"Runs PROGRAM as its child: reaps orphans, passes signals on, ends with PROGRAM's status.\n" +
		"This is keelson under another name; keelson --help tells what else it can do.\n\n" +
		"  --version  print the version; only as the sole argument\n" +
		"  -h         print this help\n" +
		"  -s         become a child subreaper when not PID 1\n" +
		"  -p SIGNAL  have SIGNAL (such as SIGKILL) sent to this process when its parent dies\n" +
		"  -v         more messages; up to three times\n" +
		"  -w         warn about every reaped orphan\n" +
		"  -g         send signals to PROGRAM's process group\n" +
		"  -e STATUS  end with 0 where PROGRAM ended with STATUS (0 to 255); repeatable\n" +
		"  -l         print the licence\n\n" +
		"TINI_SUBREAPER and TINI_KILL_PROCESS_GROUP, if set, are -s and -g; TINI_VERBOSITY is a number (default: 1).\n").end()
}

func isSubreaper() bool {
	var set int32
	e := prctl(unix.PR_GET_CHILD_SUBREAPER, address(unsafe.Pointer(&set)))
	return e != 0 || set != 0
}
