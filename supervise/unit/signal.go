package unit

import "strconv"

// Signal is a signal's number on Linux (the numbers of amd64 and arm64, signal(7)).
type Signal uint8

// The signals that rules of this package and its users name.
const (
	SIGHUP   Signal = 1
	SIGINT   Signal = 2
	SIGQUIT  Signal = 3
	SIGABRT  Signal = 6
	SIGKILL  Signal = 9
	SIGUSR1  Signal = 10
	SIGUSR2  Signal = 12
	SIGPIPE  Signal = 13
	SIGTERM  Signal = 15
	SIGCONT  Signal = 18
	SIGRTMIN Signal = 34
	SIGRTMAX Signal = 64
)

var signalWords = words{
	"", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
	"STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
}

// Name is the signal's name without "SIG": "TERM", "RTMIN+3", or its number where it has none
// (signal_to_string in src/basic/signal-util.c).
func (s Signal) Name() string {
	if n := signalWords.of(uint8(s)); n != "" {
		return n
	}
	if s >= SIGRTMIN && s <= SIGRTMAX {
		return "RTMIN+" + strconv.Itoa(int(s-SIGRTMIN))
	}
	return strconv.Itoa(int(s))
}

// String is the signal's full name: "SIGTERM".
func (s Signal) String() string {
	if signalWords.of(uint8(s)) == "" && (s < SIGRTMIN || s > SIGRTMAX) {
		return s.Name()
	}
	return "SIG" + s.Name()
}
