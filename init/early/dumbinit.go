package early

import "golang.org/x/sys/unix"

// dumb-init 1.2.5: getopt_long "+hvVcr:", so the options end at the command. By default the command gets a session of its own, with
// the terminal, and signals go to all of it; -c is the way of tini. Inherited ignored signals are
// reset and all are unblocked; the wrapper leaves for / and keeps its file descriptors.

const dumbInitVersion = "dumb-init v1.2.5\n"

var dumbInitOptions = [...]longOption{
	{"help", false, 'h'},
	{"single-child", false, 'c'},
	{"rewrite", true, 'r'},
	{"verbose", false, 'v'},
	{"version", false, 'V'},
}

const dumbInitLastSignal = 31

func (w *wrapper) parseDumbInit() {
	w.session = true
	o := getopt{argv: w.argv, argc: w.argc, ind: 1, short: "hvVcr:", long: dumbInitOptions[:]}
	for c := o.option(); c != noMore; c = o.option() {
		switch c {
		case 'h':
			w.dumbInitHelp()
			exit(0)
		case 'v':
			w.verbosity = 1
		case 'V':
			print(stderr, dumbInitVersion)
			exit(0)
		case 'c':
			w.session = false
		case 'r':
			w.parseDumbInitRewrite(o.value)
		default:
			o.complain()
			exit(1)
		}
	}
	if o.ind >= w.argc {
		m := message{fd: stderr}
		m.str("Usage: ").cstr(at(w.argv, 0)).str(" [option] program [args]\nTry ").cstr(at(w.argv, 0)).str(" --help for full usage.").end()
		exit(1)
	}
	w.cmd = from(w.argv, o.ind)
	if v := lookup(w.envp, "DUMB_INIT_DEBUG="); v != nil && equal(v, "1") {
		w.verbosity = 1
		w.dumbInit().str("Running in debug mode.").end()
	}
	if v := lookup(w.envp, "DUMB_INIT_SETSID="); v != nil && equal(v, "0") {
		w.session = false
		if w.verbosity > 0 {
			w.dumbInit().str("Not running in setsid mode.").end()
		}
	}
	if w.session {
		for sig := uint8(sigTSTP); sig <= sigTTOU; sig++ {
			if w.rewrite[sig] == asIs {
				w.rewrite[sig] = sigSTOP
			}
		}
	}
	w.group = w.session
	w.stopsSelf = jobStops
}

// parseDumbInitRewrite reads what scanf's "%d:%d" reads: whatever follows the two numbers is not looked at.
func (w *wrapper) parseDumbInitRewrite(arg cstr) {
	sig, n := signed(arg)
	if n > 0 && byteAt(arg, n) == ':' {
		to, digits := signed(skip(arg, n+1))
		if digits > 0 && sig >= 1 && sig <= dumbInitLastSignal && to >= 0 && to <= dumbInitLastSignal {
			w.setRewrite(uint8(sig), uint8(to))
			return
		}
	}
	print(stderr, "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"+
		"This option can be specified multiple times.\nUse --help for full usage.\n")
	exit(1)
}

//go:noinline
func (w *wrapper) dumbInit() *message {
	m := &w.line
	m.fd, m.n = stderr, 0
	return m.str("[dumb-init] ")
}

// dumbInitDetach gives the terminal up, for the command's session to take.
func (w *wrapper) dumbInitDetach() {
	if !w.session {
		return
	}
	e := ioctl(0, unix.TIOCNOTTY, 0)
	leader := e == 0 && getsid() == w.pid
	if leader {
		// A session leader that detaches is sent HUP and CONT, and so is its process group (tty_jobctrl.c, disassociate_ctty); they
		// are not for the command.
		w.ignoreOnce = bit(sigHUP) | bit(sigCONT)
	}
	if w.verbosity == 0 {
		return
	}
	switch {
	case e != 0:
		w.dumbInit().str("Unable to detach from controlling tty (errno=").num(int(e)).str(" ").errno(e).str(").").end()
	case leader:
		w.dumbInit().str("Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.").end()
	default:
		w.dumbInit().str("Detached from controlling tty, but was not session leader.").end()
	}
}

func (w *wrapper) dumbInitChild() {
	for sig := uint8(1); sig <= dumbInitLastSignal; sig++ {
		setHandler(sig, sigDFL)
	}
	if !w.session {
		return
	}
	if e := setsid(); e != 0 {
		w.dumbInit().str("Unable to setsid (errno=").num(int(e)).str(" ").errno(e).str("). Exiting.").end()
		exit(1)
	}
	if e := ioctl(0, unix.TIOCSCTTY, 0); e != 0 && w.verbosity > 0 {
		w.dumbInit().str("Unable to attach to controlling tty (errno=").num(int(e)).str(" ").errno(e).str(").").end()
	}
	if w.verbosity > 0 {
		w.dumbInit().str("setsid complete.").end()
	}
}

func (w *wrapper) dumbInitHelp() {
	m := message{fd: stderr}
	m.str(dumbInitVersion + "Usage: ").cstr(at(w.argv, 0)).str(" [option] command [[arg] ...]\n\n" +
		"Runs command in a session of its own, passes signals on to all of it, reaps orphans, ends with its status.\n" +
		"This is keelson under another name; keelson --help tells what else it can do.\n\n" +
		"  -c, --single-child   no session: signals go to command alone\n" +
		"  -r, --rewrite S:R    pass signal S on as R, both numbers from 1 to 31; R 0 drops it; repeatable\n" +
		"  -v, --verbose        say what is done, on stderr\n" +
		"  -h, --help           print this help\n" +
		"  -V, --version        print the version\n\n" +
		"DUMB_INIT_DEBUG=1 is -v, DUMB_INIT_SETSID=0 is -c.").end()
}
