package assign

import (
	"strconv"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// commandFlags are the signs in front of a command and the flags that they are (systemd.service(5), "COMMAND LINES"); "!!" is its own.
var commandFlags = []struct {
	sign, flag string
	excludes   string // flags that it cannot stand beside
}{
	{"-", "ignore-failure", ""},
	{":", "no-env-expand", ""},
	{"+", "privileged", "no-setuid ambient"},
	{"!!", "ambient", "privileged no-setuid"},
	{"!", "no-setuid", "privileged ambient"},
}

// command is one command line. Signs beside "-" need the property's newer form, whose name ends in Ex.
func command(name, value string) ([]sd.Property, error) {
	var flags []string
	explicit := false
signs:
	for {
		if rest, ok := strings.CutPrefix(value, "@"); ok && !explicit {
			explicit, value = true, rest
			continue
		}
		for _, f := range commandFlags {
			rest, ok := strings.CutPrefix(value, f.sign)
			if !ok || hasAny(flags, f.flag+" "+f.excludes) {
				continue
			}
			flags, value = append(flags, f.flag), rest
			continue signs
		}
		break
	}
	extended := strings.HasSuffix(name, "Ex")
	if !extended && hasAny(flags, "no-env-expand privileged no-setuid ambient") {
		name, extended = name+"Ex", true
	}
	argv, err := split(value, blanks, unquote|unescape)
	if err != nil {
		return nil, refuse("Failed to parse command line: Invalid argument")
	}
	path := ""
	if len(argv) > 0 {
		path = argv[0]
	}
	if explicit && len(argv) > 0 {
		argv = argv[1:]
	}
	if extended {
		type row struct {
			Path        string
			Argv, Flags []string
		}
		rows := []row{}
		if len(argv) > 0 {
			rows = append(rows, row{path, argv, append([]string{}, flags...)})
		}
		return one(name, rows)
	}
	type row struct {
		Path   string
		Argv   []string
		Ignore bool
	}
	rows := []row{}
	if len(argv) > 0 {
		rows = append(rows, row{path, argv, hasAny(flags, "ignore-failure")})
	}
	return one(name, rows)
}

func hasAny(list []string, names string) bool {
	for _, n := range strings.Fields(names) {
		for _, l := range list {
			if l == n {
				return true
			}
		}
	}
	return false
}

// exitStatuses are numbers and names of exit statuses, and names of signals.
func exitStatuses(name, value string) ([]sd.Property, error) {
	w, err := split(value, blanks, unquote)
	if err != nil {
		return nil, refuse("Invalid syntax in %s: %s", name, value)
	}
	set := struct{ Status, Signals []int32 }{[]int32{}, []int32{}}
	for _, s := range w {
		if n, err := unit.ParseExitStatus(s); err == nil {
			set.Status = append(set.Status, int32(n))
		} else if sig, err := unit.ParseSignal(s); err == nil {
			set.Signals = append(set.Signals, int32(sig))
		} else {
			return nil, refuse("Invalid status or signal %s in %s: Invalid argument", s, name)
		}
	}
	return one(name, set)
}

// listen is an address of a socket, of the kind that the property's name says.
func listen(name, value string) ([]sd.Property, error) {
	list := []pair{}
	if value != "" {
		list = append(list, pair{strings.TrimPrefix(name, "Listen"), value})
	}
	return one("Listen", list)
}

func monotonicTimer(name, value string) ([]sd.Property, error) {
	list := []pathNumber{}
	if value != "" {
		u, err := calendar.ParseSec(value)
		if err != nil {
			return nil, failed(name, value, reason(err))
		}
		list = append(list, pathNumber{name, uint64(u)})
	}
	return one("TimersMonotonic", list)
}

func calendarTimer(name, value string) ([]sd.Property, error) {
	list := []pair{}
	if value != "" {
		list = append(list, pair{name, value})
	}
	return one("TimersCalendar", list)
}

// watch is a path that is watched, in the way that the property's name says.
func watch(name, value string) ([]sd.Property, error) {
	list := []pair{}
	if value != "" {
		list = append(list, pair{name, value})
	}
	return one("Paths", list)
}

// actionStatus is an exit status of the manager; empty is none.
func actionStatus(name, value string) ([]sd.Property, error) {
	if value == "" {
		return one(name, int32(-1))
	}
	n, err := strconv.ParseUint(value, 0, 8)
	if err != nil {
		return nil, refuse("Failed to parse %s=%s", name, value)
	}
	return one(name, int32(n))
}

// conditionForm is a condition or an assertion, with its signs in front.
func conditionForm(property string) form {
	type row struct {
		Name            string
		Trigger, Negate bool
		Param           string
	}
	return func(name, value string) ([]sd.Property, error) {
		rows := []row{}
		if value != "" {
			r := row{Name: name}
			value, r.Trigger = strings.CutPrefix(value, "|")
			r.Param, r.Negate = strings.CutPrefix(value, "!")
			rows = append(rows, r)
		}
		return one(property, rows)
	}
}
