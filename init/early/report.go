package early

// What each persona says of the same events. The peers' wording is matched by their tests and by people's scripts.

func (w *wrapper) cannot(what string, e errno) {
	status := 1
	switch w.persona {
	case tini:
		w.tini("FATAL", stderr).str(what).str(" failed: ").errno(e).end()
	case dumbInit:
		w.dumbInit().str("Unable to ").str(what).str(". Exiting.").end()
	case catatonit:
		w.catatonit("ERROR").str("failed to ").str(what).str(" pid1: ").errno(e).end()
	default:
		w.say().str("cannot ").str(what).str(": ").errno(e).end()
		status = exitUsage
	}
	exit(status)
}

func (w *wrapper) spawned() {
	if w.verbosity == 0 {
		return
	}
	file, pid := at(w.cmd, 0), int(w.child)
	switch w.persona {
	case tini:
		if w.verbosity >= tiniInfo {
			w.tini("INFO", stdout).str("Spawned child process '").cstr(file).str("' with pid '").num(pid).str("'").end()
		}
	case dumbInit:
		w.dumbInit().str("Child spawned with PID ").num(pid).str(".").end()
	case catatonit:
		w.catatonit("DEBUG").str("pid1 (").num(pid).str(") spawned: ").cstr(file).end()
	default:
		w.say().str("started ").cstr(file).str(" as process ").num(pid).end()
	}
}

//go:noinline
func (w *wrapper) sayReceived(sig uint8) {
	switch w.persona {
	case tini:
		switch {
		case w.verbosity < tiniDebug:
		case sig == sigCHLD:
			w.tini("DEBUG", stdout).str("Received SIGCHLD").end()
		default:
			w.tini("DEBUG", stdout).str("Passing signal: '").signal(sig).str("'").end()
		}
	case dumbInit:
		w.dumbInit().str("Received signal ").num(int(sig)).str(".").end()
		if w.ignoreOnce&bit(sig) != 0 {
			w.dumbInit().str("Ignoring tty hand-off signal ").num(int(sig)).str(".").end()
		}
	case catatonit:
		if w.drops&bit(sig) != 0 {
			w.catatonit("DEBUG").str("ignoring kernel attempting to stop us: tty has TOSTOP set").end()
		}
	case keelson:
		if sig != sigCHLD {
			w.say().str("received ").signalName(sig).end()
		}
	}
}

//go:noinline
func (w *wrapper) sayStopping() {
	w.dumbInit().str("Suspending self due to TTY signal.").end()
}

//go:noinline
func (w *wrapper) sayRewritten(sig, to uint8) {
	switch w.persona {
	case dumbInit:
		w.dumbInit().str("Translating signal ").num(int(sig)).str(" to ").num(int(to)).str(".").end()
		if to == 0 {
			w.dumbInit().str("Not forwarding signal 0 to children (ignored).").end()
		}
	case keelson:
		if to == 0 {
			w.say().str("dropped ").signalName(sig).end()
		}
	}
}

//go:noinline
func (w *wrapper) forwarded(sig uint8, e errno) {
	switch w.persona {
	case tini:
		if e == eSRCH && w.verbosity >= tiniWarn {
			w.tini("WARN", stderr).str("Child was dead when forwarding signal").end()
		} else if e != 0 && e != eSRCH {
			w.tini("FATAL", stderr).str("Unexpected error when forwarding signal: '").errno(e).str("'").end()
			exit(1)
		}
	case dumbInit:
		if w.verbosity > 0 {
			w.dumbInit().str("Forwarded signal ").num(int(sig)).str(" to children.").end()
		}
	case catatonit:
		if e != 0 && w.verbosity > 0 {
			w.catatonit("WARN").str("forwarding of signal ").num(int(sig)).str(" to pid1 (").num(int(w.target())).str(") failed: ").errno(e).end()
		}
	default:
		if e != 0 && e != eSRCH {
			w.say().str("cannot pass ").signalName(sig).str(" on to process ").num(int(w.child)).str(": ").errno(e).end()
		} else if w.verbosity > 0 {
			w.say().str("passed ").signalName(sig).str(" on").end()
		}
	}
}

//go:noinline
func (w *wrapper) reaped(pid int32, status uint32) {
	main, sig, code := pid == w.child, signalOf(status), exitStatus(status)
	switch w.persona {
	case tini:
		if w.verbosity >= tiniDebug {
			w.tini("DEBUG", stdout).str("Reaped child with pid: '").num(int(pid)).str("'").end()
		}
		switch {
		case main && w.verbosity >= tiniInfo && sig == 0:
			w.tini("INFO", stdout).str("Main child exited normally (with status '").num(code).str("')").end()
		case main && w.verbosity >= tiniInfo:
			w.tini("INFO", stdout).str("Main child exited with signal (with signal '").signal(sig).str("')").end()
		case !main && w.warnReaped && w.verbosity >= tiniWarn:
			w.tini("WARN", stderr).str("Reaped zombie process with pid=").num(int(pid)).end()
		}
	case dumbInit:
		m := w.dumbInit().str("A child with PID ").num(int(pid))
		if sig == 0 {
			m.str(" exited with exit status ").num(code).str(".").end()
		} else {
			m.str(" was terminated by signal ").num(int(sig)).str(".").end()
		}
	case catatonit:
		switch {
		case main:
		case sig == 0:
			w.catatonit("DEBUG").str("child process ").num(int(pid)).str(" exited with code ").num(code).end()
		default:
			w.catatonit("DEBUG").str("child process ").num(int(pid)).str(" exited due to signal ").num(int(sig)).end()
		}
	case keelson:
		m := w.say()
		if main {
			if w.verbosity == 0 {
				return
			}
			m.str("the command")
		} else {
			m.str("reaped process ").num(int(pid)).str(", which")
		}
		if sig == 0 {
			m.str(" ended with status ").num(code).end()
		} else {
			m.str(" was ended by ").signalName(sig).end()
		}
	}
}

//go:noinline
func (w *wrapper) noneToReap() {
	switch {
	case w.persona == tini && w.verbosity >= tiniTrace && w.stop.childless:
		w.tini("TRACE", stdout).str("No child to wait").end()
	case w.persona == tini && w.verbosity >= tiniTrace:
		w.tini("TRACE", stdout).str("No child to reap").end()
	case w.persona == catatonit && w.stop.childless:
		w.catatonit("DEBUG").str("got ECHILD: no children left to monitor").end()
	}
}

//go:noinline
func (w *wrapper) sayGoodbye(code int) {
	switch w.persona {
	case tini:
		if w.verbosity >= tiniTrace {
			w.tini("TRACE", stdout).str("Exiting: child has exited").end()
		}
	case dumbInit:
		w.dumbInit().str("Child exited with status ").num(code).str(". Goodbye.").end()
	}
}
