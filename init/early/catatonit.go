package early

import "golang.org/x/sys/unix"

// catatonit: getopt_long "ghLPV", permuting. It is podman's init and the pause process of its pods; its version line begins with tini's because
// that is what dockerd looks for. It becomes a subreaper by itself, leaves for / and closes its file descriptors.

const catatonitVersion = "tini version 0.1.7_catatonit\n"

var catatonitOptions = [...]longOption{{"version", false, 'V'}}

func (w *wrapper) parseCatatonit() {
	if lookup(w.envp, "CATATONIT_DEBUG=") != nil {
		w.verbosity = 1
	}
	if lookup(w.envp, "CATATONIT_LOG=") != nil {
		w.catatonit("ERROR").str("CATATONIT_LOG is reserved for future use").end()
		exit(1)
	}
	o := getopt{argv: w.argv, argc: w.argc, ind: 1, short: "ghLPV", long: catatonitOptions[:], permute: lookup(w.envp, "POSIXLY_CORRECT=") == nil}
	for c := o.option(); c != noMore; c = o.option() {
		switch c {
		case 'g':
			w.group = true
		case 'P':
			w.pause = true
		case 'h':
			print(stderr, catatonitUsage+"\n"+
				"Runs progname as its child: reaps orphans, passes signals on, ends with progname's status.\n"+
				"This is keelson under another name; keelson --help tells what else it can do.\n\n"+
				"  -g             send signals to the program's process group\n"+
				"  -h             print this help\n"+
				"  -L             print the licence\n"+
				"  -P             run nothing; end on SIGTERM and SIGINT\n"+
				"  -V, --version  print the version\n\n"+
				"CATATONIT_DEBUG, if set, has everything said on stderr.\n")
			exit(0)
		case 'L':
			print(stdout, licence)
			exit(0)
		case 'V':
			print(stdout, catatonitVersion)
			exit(0)
		default:
			o.complain()
			print(stderr, catatonitUsage)
			exit(1)
		}
	}
	w.cmd = from(w.argv, o.ind)
	if o.ind >= w.argc && !w.pause {
		w.catatonit("ERROR").str("missing program name").end()
		print(stderr, catatonitUsage)
		exit(1)
	}
	w.open = faults
	w.drops = jobStops
}

const catatonitUsage = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n"

//go:noinline
func (w *wrapper) catatonit(level string) *message {
	m := &w.line
	m.fd, m.n = stderr, 0
	return m.str(level).str(" (catatonit:").num(int(getpid())).str("): ")
}

func (w *wrapper) catatonitReaper() {
	if w.pid == 1 {
		return
	}
	if e := prctl(unix.PR_SET_CHILD_SUBREAPER, 1); e != 0 {
		w.catatonit("ERROR").str("failed to set child-reaper as non-pid1: ").errno(e).end()
		exit(1)
	}
}

// catatonitChild makes the command a process group of its own, in the foreground of /dev/tty or else of stdin. The signals by which a
// terminal would stop it stay blocked: that is catatonit's way.
func (w *wrapper) catatonitChild() {
	if setpgid(0, 0) != 0 {
		w.catatonit("ERROR").str("failed to create process group").end()
		exit(1)
	}
	tty, e := open(path("/dev/tty\x00"), unix.O_RDWR)
	if e != 0 {
		tty = 0
		if w.verbosity > 0 {
			w.catatonit("INFO").str("using stdin as tty fd: could not open /dev/tty: ").errno(e).end()
		}
	}
	switch e := tcsetpgrp(tty, getpgrp()); {
	case e == 0:
	case (e == eNOTTY || e == eBADF || e == eNXIO) && w.verbosity == 0:
	case e == eNOTTY || e == eBADF:
		w.catatonit("DEBUG").str("setting foreground process failed: no tty present: ").errno(e).end()
	case e == eNXIO:
		w.catatonit("DEBUG").str("setting foreground process failed: no such device").end()
	default:
		w.catatonit("ERROR").str("setting foreground process failed: ").errno(e).end()
		exit(1)
	}
	w.mask |= jobStops
}

// outOfRange tells what strtoll(3) fails on with ERANGE: a number beyond 2^63 on either side.
func outOfRange(s cstr) bool {
	const most = "9223372036854775807"
	_, n := signed(s)
	if n > 0 {
		return false // at most 2^40
	}
	if *s == '-' || *s == '+' {
		s = skip(s, 1)
	}
	for *s == '0' {
		s = skip(s, 1)
	}
	digits := 0
	for c := byteAt(s, 0); c >= '0' && c <= '9'; c = byteAt(s, digits) {
		digits++
	}
	if digits != len(most) {
		return digits > len(most)
	}
	for i := 0; i < len(most); i++ {
		if byteAt(s, i) != most[i] {
			return byteAt(s, i) > most[i]
		}
	}
	return false
}
