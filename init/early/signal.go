package early

// One table of all signals, and the sets that the personas are made of (signal(7); numbers of x86 and ARM).

const (
	sigHUP   = 1
	sigINT   = 2
	sigQUIT  = 3
	sigILL   = 4
	sigTRAP  = 5
	sigABRT  = 6
	sigBUS   = 7
	sigFPE   = 8
	sigKILL  = 9
	sigSEGV  = 11
	sigTERM  = 15
	sigCHLD  = 17
	sigCONT  = 18
	sigSTOP  = 19
	sigTSTP  = 20
	sigTTIN  = 21
	sigTTOU  = 22
	sigWINCH = 28
	sigSYS   = 31
	sigRTMIN = 34 // as the C library counts: it keeps 32 and 33 for itself
	sigRTMAX = 64
	signals  = 65 // 1…64, and a 0 that none has
)

// A sigset is a set of signals as the kernel has it: bit n-1 is signal n.
type sigset = uint64

func bit(sig uint8) sigset { return 1 << (sig - 1) }

const (
	all sigset = ^sigset(0)

	// faults are what the kernel sends to a process that did something wrong. Blocked, they would kill it without a word; a
	// debugger or an operator may send them too.
	faults sigset = 1<<(sigFPE-1) | 1<<(sigILL-1) | 1<<(sigSEGV-1) | 1<<(sigBUS-1) | 1<<(sigABRT-1) | 1<<(sigTRAP-1) | 1<<(sigSYS-1)

	// jobStops are the signals by which a terminal stops a process group.
	jobStops sigset = 1<<(sigTSTP-1) | 1<<(sigTTIN-1) | 1<<(sigTTOU-1)

	// ttySignals are what a terminal sends to the whole foreground process group: whoever is in it has them already.
	ttySignals sigset = jobStops | 1<<(sigINT-1) | 1<<(sigQUIT-1) | 1<<(sigWINCH-1) | 1<<(sigCONT-1)
)

var signalTable = [...]struct {
	name string // without SIG
	text string // strsignal(3)
}{
	1:  {"HUP", "Hangup"},
	2:  {"INT", "Interrupt"},
	3:  {"QUIT", "Quit"},
	4:  {"ILL", "Illegal instruction"},
	5:  {"TRAP", "Trace/breakpoint trap"},
	6:  {"ABRT", "Aborted"},
	7:  {"BUS", "Bus error"},
	8:  {"FPE", "Floating point exception"},
	9:  {"KILL", "Killed"},
	10: {"USR1", "User defined signal 1"},
	11: {"SEGV", "Segmentation fault"},
	12: {"USR2", "User defined signal 2"},
	13: {"PIPE", "Broken pipe"},
	14: {"ALRM", "Alarm clock"},
	15: {"TERM", "Terminated"},
	16: {"STKFLT", "Stack fault"},
	17: {"CHLD", "Child exited"},
	18: {"CONT", "Continued"},
	19: {"STOP", "Stopped (signal)"},
	20: {"TSTP", "Stopped"},
	21: {"TTIN", "Stopped (tty input)"},
	22: {"TTOU", "Stopped (tty output)"},
	23: {"URG", "Urgent I/O condition"},
	24: {"XCPU", "CPU time limit exceeded"},
	25: {"XFSZ", "File size limit exceeded"},
	26: {"VTALRM", "Virtual timer expired"},
	27: {"PROF", "Profiling timer expired"},
	28: {"WINCH", "Window changed"},
	29: {"IO", "I/O possible"},
	30: {"PWR", "Power failure"},
	31: {"SYS", "Bad system call"},
}

// signal appends the text of strsignal(3), which tini prints.
func (m *message) signal(sig uint8) *message {
	if sig > 0 && int(sig) < len(signalTable) {
		return m.str(signalTable[sig].text)
	}
	if sig >= sigRTMIN {
		return m.str("Real-time signal ").num(int(sig) - sigRTMIN)
	}
	return m.str("Unknown signal ").num(int(sig))
}

// signalName appends SIGTERM, SIGRTMIN+3 and so on.
func (m *message) signalName(sig uint8) *message {
	if sig > 0 && int(sig) < len(signalTable) {
		return m.str("SIG").str(signalTable[sig].name)
	}
	if sig >= sigRTMIN {
		m.str("SIGRTMIN")
		if sig > sigRTMIN {
			m.str("+").num(int(sig) - sigRTMIN)
		}
		return m
	}
	return m.num(int(sig))
}

// nameEnd is how many bytes of s the name takes, case aside, 0 if s does not begin with it.
func nameEnd(s cstr, name string) int {
	for i := 0; i < len(name); i++ {
		c := byteAt(s, i)
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != name[i] {
			return 0
		}
	}
	return len(name)
}

// parseSignal reads a signal up to a NUL or until: a number 1…64, or a name with or without SIG, case aside; RTMIN, RTMIN+n, RTMAX and RTMAX-n.
// It returns the signal and how many bytes it took; 0, 0 if there is none.
func parseSignal(s cstr, until byte) (sig uint8, n int) {
	if v, digits := number(s); digits > 0 {
		if v < 1 || v >= signals || !endsAt(s, digits, until) {
			return 0, 0
		}
		return uint8(v), digits
	}
	prefix := nameEnd(s, "SIG")
	for i := 1; i < len(signalTable); i++ {
		if e := nameEnd(skip(s, prefix), signalTable[i].name); e > 0 && endsAt(s, prefix+e, until) {
			return uint8(i), prefix + e
		}
	}
	for i := 0; i < 2; i++ {
		name, first, sign, step := "RTMIN", sigRTMIN, byte('+'), 1
		if i == 1 {
			name, first, sign, step = "RTMAX", sigRTMAX, '-', -1
		}
		e := nameEnd(skip(s, prefix), name)
		if e == 0 {
			continue
		}
		e += prefix
		if endsAt(s, e, until) {
			return uint8(first), e
		}
		if byteAt(s, e) != sign {
			continue
		}
		v, digits := number(skip(s, e+1))
		if digits > 0 && v <= sigRTMAX-sigRTMIN && endsAt(s, e+1+digits, until) {
			return uint8(first + step*v), e + 1 + digits
		}
	}
	return 0, 0
}

func endsAt(s cstr, n int, until byte) bool { return byteAt(s, n) == 0 || byteAt(s, n) == until }
