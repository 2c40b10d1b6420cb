package applet

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"unicode"
)

// Level is how much a message matters: syslog's numbers.
type Level uint8

// The levels of messages.
const (
	Err     Level = 3
	Warning Level = 4
	Notice  Level = 5
	Info    Level = 6
	Debug   Level = 7
)

// LevelNames are the levels by number (syslog-util.c); "null" and numbers are read too.
var LevelNames = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// ParseLevel reads a level: a name or a number.
func ParseLevel(s string) (Level, bool) {
	for i, n := range LevelNames {
		if s == n {
			return Level(i), true
		}
	}
	if n, err := strconv.ParseUint(s, 10, 8); err == nil && n <= 7 {
		return Level(n), true
	}
	return 0, false
}

// colour is the colour of a level's messages; Info has none.
func (l Level) colour() Colour {
	switch {
	case l <= Err:
		return HighlightRed
	case l == Warning:
		return HighlightYellow
	case l == Notice:
		return Highlight
	case l == Debug:
		return Grey
	}
	return Normal
}

// Logs tells whether messages of a level are shown: $SYSTEMD_LOG_LEVEL, else all but Debug.
func (h *Host) Logs(l Level) bool {
	if !h.leveld {
		h.level, h.leveld = Info, true
		if v, ok := ParseLevel(h.Getenv("SYSTEMD_LOG_LEVEL")); ok {
			h.level = v
		}
	}
	return l <= h.level
}

// Log writes a message: each line of it by itself, empty lines not at all (log_dispatch_internal of src/basic/log.c). What was printed
// before comes before it where both go to the same place.
func (h *Host) Log(l Level, format string, args ...any) {
	if !h.Logs(l) {
		return
	}
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	on, off := "", ""
	if l != Info {
		on = h.Colour(l.colour())
		if on != "" {
			off = h.Colour(Normal)
		}
	}
	end := "\n"
	if isTerminal(h.Stderr) {
		end = "\r\n" // whatever state the terminal is in, the next line begins at the left
	}
	h.Flush()
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			b.WriteString(on + line + off + end)
		}
	}
	fmt.Fprint(h.Stderr, b.String())
}

// Errorf, Warnf, Noticef, Infof and Debugf are Log with the level in the name.
func (h *Host) Errorf(format string, args ...any)  { h.Log(Err, format, args...) }
func (h *Host) Warnf(format string, args ...any)   { h.Log(Warning, format, args...) }
func (h *Host) Noticef(format string, args ...any) { h.Log(Notice, format, args...) }
func (h *Host) Infof(format string, args ...any)   { h.Log(Info, format, args...) }
func (h *Host) Debugf(format string, args ...any)  { h.Log(Debug, format, args...) }

// Fail is Errorf that returns the exit status of a program that failed, 1.
func (h *Host) Fail(format string, args ...any) int {
	h.Errorf(format, args...)
	return 1
}

// Errno is the C library's text for an error number: Go's begins in lower case.
func Errno(e syscall.Errno) string {
	s := []rune(e.Error())
	if len(s) == 0 {
		return ""
	}
	s[0] = unicode.ToUpper(s[0])
	return string(s)
}

// Cause is the C library's text for what is behind an error, or the error's own.
func Cause(err error) string {
	for e := err; e != nil; {
		if n, ok := e.(syscall.Errno); ok {
			return Errno(n)
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	return err.Error()
}
