package show

import (
	"bytes"
	"time"

	"keelson/init/journal/file"
)

// An Entry is what is shown. Times are microseconds since the epoch and since boot.
type Entry struct {
	Cursor    string // "" if it is not in a file
	Realtime  uint64
	Monotonic uint64
	Boot      file.ID
	Fields    [][]byte // "FIELD=value", in the order of the file
}

// Get is the value of the first field of a name; nil if there is none.
func (e *Entry) Get(name string) []byte {
	for _, f := range e.Fields {
		if len(f) > len(name) && f[len(name)] == '=' && string(f[:len(name)]) == name {
			return f[len(name)+1:]
		}
	}
	return nil
}

// number is a field's value as a decimal number, fallback if it is none or zero or too large for a time.
func (e *Entry) number(name string, fallback uint64) uint64 {
	v := e.Get(name)
	if len(v) == 0 || len(v) > 19 {
		return fallback
	}
	n := uint64(0)
	for _, c := range v {
		if c < '0' || c > '9' {
			return fallback
		}
		n = n*10 + uint64(c-'0')
	}
	if n == 0 || n >= 1<<55 {
		return fallback
	}
	return n
}

// Priority is the entry's severity, 6 if it has none.
func (e *Entry) Priority() int {
	if p := e.Get("PRIORITY"); len(p) == 1 && p[0] >= '0' && p[0] <= '7' {
		return int(p[0] - '0')
	}
	return 6
}

// Options are what journalctl's options make of the output.
type Options struct {
	All        bool            // --all: nothing is left out or replaced
	Full       bool            // --full: lines are not shortened to Columns
	Columns    int             // of the terminal; 0 is 80
	UTC        bool            // --utc
	NoHostname bool            // --no-hostname
	Colour     bool            // escape sequences for a terminal
	Only       map[string]bool // --output-fields; nil shows all
	Order      []string        // --output-fields in the order given
	Local      *time.Location  // of times; nil is UTC
}

func (o *Options) zone() *time.Location {
	if o.UTC || o.Local == nil {
		return time.UTC
	}
	return o.Local
}

// Escape sequences (terminal-util.h).
const (
	normal    = "\x1b[0m"
	bold      = "\x1b[0;1;39m"
	boldRed   = "\x1b[0;1;31m"
	yellow    = "\x1b[0;1;33m"
	grey      = "\x1b[0;38;5;245m"
	blue      = "\x1b[0;34m"
	Highlight = bold
	Normal    = normal
)

// Colour is the pair of escape sequences around a line of a severity (get_log_colors of terminal-util.c).
func Colour(severity int) (on, off string) {
	switch {
	case severity <= 3:
		return boldRed, normal
	case severity == 4:
		return yellow, normal
	case severity == 5:
		return bold, normal
	case severity == 7:
		return grey, normal
	}
	return "", ""
}

// highlight is the sequence for a match of --grep within such a line.
func highlight(severity int) string {
	switch {
	case severity <= 4:
		return bold
	case severity == 6:
		return ""
	}
	return boldRed
}

// split takes "FIELD=value" apart.
func split(field []byte) (name, value []byte, ok bool) {
	i := bytes.IndexByte(field, '=')
	if i < 1 {
		return nil, nil, false
	}
	return field[:i], field[i+1:], true
}
