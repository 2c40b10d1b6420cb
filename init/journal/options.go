package journal

import (
	"time"

	"keelson/init/journal/file"
)

// Options say what the collector works for. Only MachineID and BootID have to be set for journal files.
type Options struct {
	Root     string // prefix of all paths; "" is /
	Config   Config
	Console  Console
	Hostname string
	// MachineID names the directory of the files, BootID is stored with each entry: journalctl -b compares it with
	// /proc/sys/kernel/random/boot_id.
	MachineID, BootID file.ID
	// Identifier is the SYSLOG_IDENTIFIER of the manager's own lines; "" is "systemd".
	Identifier string
	// Lookup tells the unit and invocation (32 hexadecimal digits or "") of a process; it may be called at any time from the collector's
	// goroutine and must not block. nil knows none.
	Lookup func(pid int) (unit, invocation string)
	// Forward are sockets of the world outside that get each line too, as far as they take it at once.
	Forward []Forward
	// Sockets makes /run/systemd/journal/{dev-log,socket,stdout,io.systemd.journal} and, where it is missing or a dangling link, /dev/log. Existing
	// sockets that somebody listens at are left alone.
	Sockets bool
	// Panicked is told of a fault in the collector's goroutine, which has ended; nil lets the program end. Streams are read no longer.
	Panicked func(reason any, stack []byte)
}

// A Forward is a datagram socket outside of the container's services.
type Forward struct {
	Path   string
	Native bool // it is journald's; else syslog's
}

// A Format is how lines look on standard output.
type Format uint8

const (
	FormatShort Format = iota // UNIT[PID]: TEXT
	FormatRaw                 // TEXT
	FormatJSON                // an object a line, with the fields that journalctl -o json has
	FormatNone                // nothing
)

var formatNames = [...]string{"short", "raw", "json", "none"}

func (f Format) String() string { return formatNames[f] }

// ParseFormat reads the name of a Format.
func ParseFormat(name string) (Format, bool) {
	for i, n := range formatNames {
		if n == name {
			return Format(i), true
		}
	}
	return 0, false
}

// Console is the container's standard output.
type Console struct {
	FD       int // stays the caller's; must stay open until Close; negative for none
	Format   Format
	Colour   bool  // by severity, as journalctl does; for terminals
	MaxLevel Level // what is shown; the zero value is Debug: all
}

// A Level is the least important severity that passes: syslog's number, less 7, so that the zero value is 7, debug.
type Level int8

// LevelOf makes a Level of a severity, 0 (emergency) to 7 (debug).
func LevelOf(severity int) Level { return Level(severity - 7) }

// Passes tells whether a severity is important enough.
func (l Level) Passes(severity int) bool { return severity <= int(l)+7 }

// A RateLimit is a burst per unit, priority class and interval. The zero value means that of the configuration (RateLimitIntervalSec= and
// RateLimitBurst=); Off has no limit.
type RateLimit struct {
	Interval time.Duration
	Burst    uint
	Off      bool
}

// A Stream is what is known of a service's standard output or error (systemd.exec(5)).
type Stream struct {
	Unit        string // "sshd.service"
	Invocation  string // 32 hexadecimal digits
	Identifier  string // SyslogIdentifier=; "" is the process's name
	Priority    int    // SyslogLevel=, 0 to 7
	Facility    int    // SyslogFacility=, unshifted: daemon is 3
	LevelPrefix bool   // SyslogLevelPrefix=
	Max         Level  // LogLevelMax=
	RateLimit   RateLimit
	Extra       []string // LogExtraFields=, "FIELD=value"
	NoConsole   bool     // keep it off the container's standard output
}
