package journalctl

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"keelson/init/applet"
	"keelson/init/journal"
	"keelson/init/journal/file"
	"keelson/init/journal/show"
	"keelson/supervise/calendar"
)

func (c *command) vacuuming() {
	if c.action == rotate || c.action == rotateAndVacuum {
		c.action = rotateAndVacuum
	} else {
		c.action = vacuum
	}
}

func (c *command) output(arg string, _ bool) error {
	if arg == "help" {
		for _, m := range show.Modes {
			c.Puts(m)
		}
		return errDone
	}
	m, ok := show.ParseMode(arg)
	if !ok {
		return errors.New("Unknown output format '" + arg + "'.")
	}
	c.mode, c.modeSet = m, true
	c.quiet = c.quiet || m.Quiet()
	return nil
}

func (c *command) timestamp(arg string) (calendar.Usec, error) {
	t, err := calendar.ParseTimestamp(arg, c.Time(), calendar.Zones{Local: c.Location(), Load: time.LoadLocation})
	if err != nil {
		return 0, errors.New("Failed to parse timestamp: " + arg)
	}
	return t, nil
}

func (c *command) priority(arg string, _ bool) error {
	if a, b, ok := strings.Cut(arg, ".."); ok {
		from, ok1 := journal.ParseSeverity(a)
		to, ok2 := journal.ParseSeverity(b)
		if !ok1 || !ok2 {
			return errors.New("Failed to parse log level range " + arg)
		}
		c.priorities = 0
		for i := min(from, to); i <= max(from, to); i++ {
			c.priorities |= 1 << i
		}
		return nil
	}
	p, ok := journal.ParseSeverity(arg)
	if !ok {
		return errors.New("Unknown log level " + arg)
	}
	c.priorities = uint8(1<<(p+1) - 1)
	return nil
}

// facilityNames are syslog's, by number.
var facilityNames = [...]string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"12", "13", "14", "15", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

func (c *command) facility(arg string, _ bool) error {
	for _, f := range strings.Split(arg, ",") {
		if f == "" {
			continue
		}
		if f == "help" {
			if !c.quiet {
				c.Puts("Available facilities:")
			}
			for _, n := range facilityNames {
				c.Puts(n)
			}
			return errDone
		}
		found := -1
		for i, n := range facilityNames {
			if f == n || f == strconv.Itoa(i) {
				found = i
			}
		}
		if n, err := strconv.Atoi(f); found < 0 && err == nil && n >= 0 && n < 128 {
			found = n
		}
		if found < 0 {
			return errors.New(`Bad --facility= argument "` + f + `".`)
		}
		c.facilities = append(c.facilities, found)
	}
	return nil
}

func parseLines(arg string) (int, bool) {
	if arg == "all" {
		return linesAll, true
	}
	n, err := strconv.ParseInt(arg, 10, 32)
	return int(n), err == nil && n >= 0
}

// parseBoot reads "all", an offset, or an ID with an offset (parse_boot_descriptor of journalctl.c).
func parseBoot(arg string) (boot bool, id file.ID, offset int, ok bool) {
	if arg == "all" {
		return false, id, 0, true
	}
	rest := arg
	if len(arg) >= 32 {
		var err error
		if id, err = file.ParseID(arg[:32]); err == nil {
			rest = arg[32:]
		}
		if rest == "" {
			return true, id, 0, true
		}
		if rest[0] != '-' && rest[0] != '+' {
			return false, id, 0, false
		}
	}
	n, err := strconv.ParseInt(rest, 10, 32)
	return true, id, int(n), err == nil
}

// glue joins -n and -b with the next word, if that can be their argument: unlike other optional arguments, theirs may be words of their own.
func glue(args []string) []string {
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(out, args[i:]...)
		}
		if i+1 < len(args) {
			next := args[i+1]
			switch last := optional(a); {
			case last == 'n':
				if _, ok := parseLines(next); ok {
					a, i = a+equals(a)+next, i+1
				}
			case last == 'b':
				if _, _, _, ok := parseBoot(next); ok {
					a, i = a+equals(a)+next, i+1
				}
			case takes(a):
				out = append(out, a)
				a, i = next, i+1
			}
		}
		out = append(out, a)
	}
	return out
}

func equals(a string) string {
	if strings.HasPrefix(a, "--") {
		return "="
	}
	return ""
}

// flags are the letters without arguments.
const flags = "hefalqmkNxr"

// optional is n or b if a word ends in that option without an argument.
func optional(a string) byte {
	switch {
	case a == "--lines":
		return 'n'
	case a == "--boot":
		return 'b'
	case len(a) < 2 || a[0] != '-' || strings.HasPrefix(a, "--"):
		return 0
	}
	letters := strings.TrimLeft(a[1:], flags)
	if letters == "n" || letters == "b" {
		return letters[0]
	}
	return 0
}

// takes tells whether a word is an option whose argument is the next word.
func takes(a string) bool {
	if strings.HasPrefix(a, "--") {
		for _, o := range table() {
			if a == "--"+o.Long {
				return o.Arity == applet.NeedsArg
			}
		}
		return false
	}
	if len(a) < 2 || a[0] != '-' {
		return false
	}
	letters := strings.TrimLeft(a[1:], flags)
	return len(letters) == 1 && strings.Contains("DopgcSUtuFM", letters)
}
