package early

import "golang.org/x/sys/unix"

// keelson's own persona: tini's options, and what tini's users ask for. The options end at the command.
//
// It is a subreaper by itself when it is not PID 1, mends LISTEN_PID, leaves for / and closes its file descriptors, and never gives up because
// a terminal or a subreaper cannot be had.
//
// Terminal: as the leader of a session (the first process of docker run -t) it makes the command a process group of its own and,
// if it was in the foreground itself, hands the terminal over. Elsewhere it was started by a shell, and the command stays in the process group that
// the shell made: Ctrl-C, Ctrl-Z, pipelines and background jobs work as if keelson were not there.

// Version of keelson.
const Version = "0.1.0"

// Exit statuses of keelson itself, as those of env(1), timeout(1) and docker-run(1): what is 125 is keelson's own fault or the caller's, and the
// command was not started.
const (
	exitUsage    = 125
	exitDenied   = 126
	exitNotFound = 127
)

var keelsonOptions = [...]longOption{
	{"drain", true, 'd'},
	{"expect", true, 'e'},
	{"grace", true, 'G'},
	{"group", false, 'g'},
	{"help", false, 'h'},
	{"licence", false, 'l'},
	{"license", false, 'l'},
	{"parent-death-signal", true, 'p'},
	{"rewrite", true, 'r'},
	{"subreaper", false, 's'},
	{"verbose", false, 'v'},
	{"version", false, 'V'},
	{"warn-on-reap", false, 'w'},
}

func (w *wrapper) parseKeelson() {
	o := getopt{argv: w.argv, argc: w.argc, ind: 1, short: "p:hvwgle:sr:V", long: keelsonOptions[:]}
	for c := o.option(); c != noMore; c = o.option() {
		switch c {
		case 'h':
			print(stdout, keelsonHelp)
			exit(0)
		case 'V':
			print(stdout, "keelson "+Version+"\n")
			exit(0)
		case 'l':
			print(stdout, licence)
			exit(0)
		case 's':
			w.subreaper = true
		case 'p':
			sig, n := parseSignal(o.value, 0)
			if n == 0 {
				w.refuse("-p: not a signal: ", o.value, "; a name such as KILL or RTMIN+3, or a number from 1 to 64")
			}
			w.deathSignal = sig
		case 'v':
			w.verbosity++
		case 'w':
			w.warnReaped = true
		case 'g':
			w.group = true
		case 'e':
			if !w.expectStatus(o.value) {
				w.refuse("-e: not an exit status: ", o.value, "; a number from 0 to 255")
			}
		case 'r':
			w.parseRewrite(o.value)
		case 'd':
			w.stop.drain = w.seconds("--drain: not a number of seconds: ", o.value)
		case 'G':
			w.stop.grace = w.seconds("--grace: not a number of seconds: ", o.value)
			w.stop.graceful = true
		default:
			w.refuseOption(&o)
		}
	}
	if o.ind >= w.argc {
		w.refuse("no command given; usage: keelson [OPTIONS] [--] COMMAND [ARG...], keelson --help tells more", nil, "")
	}
	w.cmd = from(w.argv, o.ind)
}

// refuse ends keelson, with one line, before anything was started.
func (w *wrapper) refuse(what string, given cstr, hint string) {
	m := w.say().str(what)
	if given != nil {
		m.cstr(given)
	}
	m.str(hint).end()
	exit(exitUsage)
}

func (w *wrapper) refuseOption(o *getopt) {
	m := w.say()
	switch o.complaint {
	case unknownLetter:
		m.str("unknown option -").byte(o.letter)
	case missingForLetter:
		m.str("option -").byte(o.letter).str(" needs a value")
	case unknownLong:
		m.str("unknown option --").cstr(o.value)
	case ambiguousLong:
		m.str("ambiguous option --").cstr(o.value)
	case missingForLong:
		m.str("option --").str(o.name).str(" needs a value")
	case unwantedForLong:
		m.str("option --").str(o.name).str(" takes no value")
	}
	m.str("; keelson --help lists the options").end()
	exit(exitUsage)
}

// parseRewrite reads SIG:SIG; the second may be 0, which drops the first.
func (w *wrapper) parseRewrite(arg cstr) {
	sig, n := parseSignal(arg, ':')
	if n == 0 || byteAt(arg, n) != ':' {
		w.refuse("--rewrite: not SIGNAL:SIGNAL: ", arg, "; names or numbers, such as TERM:QUIT, RTMIN+3:TERM or HUP:0")
	}
	if sig == sigKILL || sig == sigSTOP || sig == sigCHLD {
		w.refuse("--rewrite: KILL, STOP and CHLD cannot be rewritten: ", arg, "; the first two reach no process, the third is for keelson")
	}
	to, digits := parseSignal(skip(arg, n+1), 0)
	if digits == 0 && !equal(skip(arg, n+1), "0") {
		w.refuse("--rewrite: not SIGNAL:SIGNAL: ", arg, "; names or numbers, such as TERM:QUIT, RTMIN+3:TERM or HUP:0")
	}
	w.setRewrite(sig, to)
}

// seconds reads a number of seconds, with a fraction or without, up to a year: nanoseconds.
func (w *wrapper) seconds(what string, arg cstr) int64 {
	whole, n := number(arg)
	ns, digits := int64(whole)*1e9, n
	if byteAt(arg, n) == '.' {
		n++
		for unit := int64(1e8); byteAt(arg, n) >= '0' && byteAt(arg, n) <= '9'; unit /= 10 {
			ns += unit * int64(byteAt(arg, n)-'0')
			n, digits = n+1, digits+1
		}
	}
	if digits == 0 || byteAt(arg, n) != 0 || whole > 366*86400 {
		w.refuse(what, arg, "; such as 5 or 0.5")
	}
	return ns
}

func (w *wrapper) setRewrite(sig, to uint8) {
	if to == 0 {
		to = dropped
	}
	if int(sig) < len(w.rewrite) {
		w.rewrite[sig] = to
	}
}

// expectStatus adds a status that is to come out as 0. As with strtol(3), an empty string is 0.
func (w *wrapper) expectStatus(arg cstr) bool {
	v, n := signed(arg)
	if byteAt(arg, n) != 0 || v < 0 || v > 255 {
		return false
	}
	w.expected[uint8(v)>>6] |= 1 << (uint(v) & 63)
	return true
}

// parseAttached is told the child's pid and a socket: keelson run has started the child, which has namespaces of its own and waits for
// a word before it executes the command. This process is its parent.
func (w *wrapper) parseAttached() {
	pid, socket, n, m := 0, 0, 0, 0
	if w.argc == 3 {
		pid, n = number(at(w.argv, 1))
		socket, m = number(at(w.argv, 2))
	}
	if n == 0 || m == 0 || pid <= 1 {
		w.refuse("keelson run re-executes itself under this name; it is not to be called by hand", nil, "")
	}
	w.child, w.socket = int32(pid), int32(socket)
}

//go:noinline
func (w *wrapper) say() *message {
	m := &w.line
	m.fd, m.n = stderr, 0
	return m.str("keelson: ")
}

func (w *wrapper) keelsonReaper() {
	if w.pid == 1 && !w.subreaper {
		return
	}
	if e := prctl(unix.PR_SET_CHILD_SUBREAPER, 1); e != 0 {
		w.say().str("orphans will not be reaped: cannot become a child subreaper: ").errno(e).end()
	}
}

// keelsonTerminal decides, before the command starts, on its process group and on the terminal.
func (w *wrapper) keelsonTerminal() {
	w.leader = getsid() == w.pid
	w.ownGroup = w.group || w.leader
	w.tty = -1
	if !w.ownGroup {
		return
	}
	w.tty = 0
	if tcgetpgrp(w.tty) == 0 {
		fd, e := open(path("/dev/tty\x00"), unix.O_RDWR|unix.O_NOCTTY)
		if e != 0 {
			fd = -1
		}
		w.tty = fd
	}
}

func (w *wrapper) keelsonChild() {
	if w.ownGroup {
		foreground := w.tty >= 0 && tcgetpgrp(w.tty) == getpgrp()
		setpgid(0, 0)
		if foreground { // else the shell's fg will have it handed over
			tcsetpgrp(w.tty, getpgrp()) // TTOU is blocked here
		}
	}
	w.mendListenPID()
}

const keelsonHelp = `keelson ` + Version + `: the first process of a container

  keelson [OPTIONS] [--] COMMAND [ARG...]   run COMMAND: reap orphans, pass signals on, end with its status
  keelson run [OPTIONS] [--] COMMAND ...    the same in fresh namespaces with a /proc of its own (keelson run --help)
  keelson ns [PID...]                       show the namespaces of processes side by side (keelson ns --help)
  keelson pause                             do nothing but reap: the first process of a pod
  keelson boot [UNIT...] [-- COMMAND]       run the image's own systemd units; /sbin/init is the same (keelson boot --help)
  keelson supervise -- COMMAND              run plain commands as services (keelson supervise --help)
  keelson sshd                              the image's sshd, made ready and run (keelson sshd --help)
  keelson ctl, keelson journal              systemctl and journalctl, for images that have none
  keelson install                           make /sbin/init and the programs that an image lacks (keelson install --help)
  keelson import FILE...                    make units of a supervisord.conf, a Procfile or s6 services (keelson import --help)

Options, which end at COMMAND:
  -g, --group              send signals to COMMAND's process group
  -e, --expect STATUS      end with 0 where COMMAND ended with STATUS (0 to 255, 128+n for signal n); repeatable
  -r, --rewrite SIG:SIG    pass the first signal on as the second; names or numbers, 0 drops it; repeatable
      --drain SECONDS      hold the first TERM back, for load balancers to look elsewhere
      --grace SECONDS      when COMMAND has ended or a stop is asked for: TERM to all that is left, KILL after SECONDS
  -p, --parent-death-signal SIG   be sent SIG when the parent dies
  -s, --subreaper          adopt orphans (by itself where keelson is not PID 1)
  -w, --warn-on-reap       say which orphans were reaped
  -v, --verbose            say what is done, on stderr
  -l, --licence            print the licence
  -V, --version            print the version
  -h, --help               print this help

During a stop with --grace or --drain a second TERM or INT ends the waiting.
Called tini, docker-init, dumb-init or catatonit, keelson is that program; called init, systemctl, journalctl, …, the manager or its client.
Exit status: COMMAND's own, 128+n where signal n ended it, 127 not found, 126 found but not executable,
125 keelson itself failed or was called wrongly.
`
