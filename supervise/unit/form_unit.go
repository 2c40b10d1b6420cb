package unit

import (
	"strings"

	"keelson/supervise/calendar"
)

// dependency is a list of units. An empty value changes nothing: dependencies cannot be reset (systemd.unit(5)).
func dependency(k DependencyKind) form {
	return form{"list of units", func(a *assignment) {
		a.words(retainEscapes, func(w string) {
			name, ok := a.expandName(w)
			if !ok {
				return
			}
			if recursiveTemplate(a.u.Name, name, w) {
				return
			}
			a.depend(k, name)
		})
	}}
}

func (a *assignment) depend(k DependencyKind, name string) {
	full, err := a.u.resolve(name)
	if err != nil || !ValidName(full, PlainName|InstanceName) {
		a.warn("Failed to add dependency on %s, ignoring: Invalid argument", name)
		return
	}
	a.u.Add(k, full, FromFile)
}

// recursiveTemplate tells whether an instance would depend on an instance of the same template whose name grows from its
// own: that would never end, and systemd drops such a line (unit_is_likely_recursive_template_dependency in
// src/core/load-fragment.c).
func recursiveTemplate(own, name, written string) bool {
	p1, _, t1, _, _ := SplitName(own)
	p2, _, t2, kind, _ := SplitName(name)
	if kind != InstanceName || p1 != p2 || t1 != t2 {
		return false
	}
	_, s, ok := strings.Cut(written, "@")
	if !ok {
		return false
	}
	if dot := strings.LastIndexByte(s, '.'); dot >= 0 {
		s = s[:dot]
	}
	if s == "%i" {
		return false
	}
	for i := 0; i+1 < len(s); i++ {
		if s[i] == '%' {
			i++
			if strings.IndexByte("nNi", s[i]) >= 0 {
				return true
			}
		}
	}
	return false
}

func obsoleteDependency(k DependencyKind) form {
	f := dependency(k)
	return form{f.name, func(a *assignment) {
		a.warn("Unit dependency type %s= is obsolete, replacing by %s=, please update your unit file", a.key, k)
		f.parse(a)
	}}
}

func requiresMountsFor() form {
	return form{"list of absolute paths", func(a *assignment) {
		a.words(unquote, func(w string) {
			if p, ok := a.expandPath(w); ok {
				a.u.requireMountsFor(p)
			}
		})
	}}
}

// requireMountsFor adds a simplified absolute path once.
func (u *Unit) requireMountsFor(path string) {
	for _, p := range u.RequiresMountsFor {
		if p == path {
			return
		}
	}
	u.RequiresMountsFor = append(u.RequiresMountsFor, path)
}

// condition reads one condition or assert. An empty value resets the whole list, whatever its type (systemd.unit(5)).
func condition(t ConditionType, assert bool) form {
	name := "condition"
	if t.takesPath() {
		name = "condition on an absolute path"
	}
	return form{name, func(a *assignment) {
		list := &a.u.Conditions
		if assert {
			list = &a.u.Asserts
		}
		if a.value == "" {
			*list = nil
			return
		}
		c := Condition{Type: t, Assert: assert}
		rest := a.value
		cut := func(prefix string) bool {
			r, ok := strings.CutPrefix(rest, prefix)
			if ok && !t.takesPath() {
				r = strings.TrimLeft(r, whitespace)
			}
			rest = r
			return ok
		}
		c.Trigger = cut("|")
		c.Negate = cut("!")
		var ok bool
		if t.takesPath() {
			c.Parameter, ok = a.expandPath(rest)
		} else {
			c.Parameter, ok = a.expand(rest, lineMax)
		}
		if ok {
			*list = append(*list, c)
		}
	}}
}

func documentation() form {
	return form{"list of URIs", func(a *assignment) {
		list := &a.u.Documentation
		if a.value == "" {
			*list = nil
			return
		}
		s, ok := a.expand(a.value, lineMax)
		if !ok {
			return
		}
		err := eachWord(s, unquote|retainEscapes, func(w string) {
			if validURI(w) {
				*list = append(*list, w)
			} else {
				a.warn("Invalid URL, ignoring: %s", w)
			}
		})
		if err != nil {
			a.warn("Invalid syntax, ignoring: %s", s)
		}
	}}
}

// validURI: http, https, file, info and man are what Documentation= takes (src/shared/web-util.c).
func validURI(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	for _, scheme := range []string{"http://", "https://", "file:/", "info:", "man:"} {
		if rest, ok := strings.CutPrefix(s, scheme); ok {
			return rest != "" || scheme == "file:/"
		}
	}
	return false
}

func emergencyAction(f field[EmergencyAction]) form {
	return form{"one of " + strings.Join(emergencyActionWords, ", "), func(a *assignment) {
		if i, ok := emergencyActionWords.find(a.value); ok {
			*f(a.u) = EmergencyAction(i)
		} else {
			a.warn("Failed to parse %s=, ignoring: %s", a.key, a.value)
		}
	}}
}

// exitStatusOr is a number up to 255; the empty string is -1, the process's own.
func exitStatusOr(f field[int]) form {
	return form{"exit status", func(a *assignment) {
		if a.value == "" {
			*f(a.u) = -1
		} else if v, err := parseUint(a.value, 0, 8); err == nil {
			*f(a.u) = int(v)
		} else {
			a.warn("Failed to parse exit status '%s', ignoring: %v", a.value, err)
		}
	}}
}

func rebootArgument(f field[string]) form {
	return form{"string, specifiers expanded", func(a *assignment) {
		s, ok := a.expand(a.value, lineMax)
		if !ok {
			return
		}
		for i := range len(s) {
			if s[i] >= 0x80 || len(s) >= partMax {
				a.warn("Invalid reboot parameter '%s', ignoring.", s)
				return
			}
		}
		*f(a.u) = s
	}}
}

func jobTimeout() form {
	return form{"time span in seconds, 0 for none", func(a *assignment) {
		v, err := calendar.ParseSecFix0(a.value)
		if err != nil {
			a.warn("Failed to parse JobTimeoutSec= parameter, ignoring: %s", a.value)
			return
		}
		// JobRunningTimeoutSec= is the younger of the two and follows unless it was given itself.
		if !a.u.JobRunningTimeoutSet {
			a.u.JobRunningTimeout = v
		}
		a.u.JobTimeout = v
	}}
}

func jobRunningTimeout() form {
	return form{"time span in seconds, 0 for none", func(a *assignment) {
		v, err := calendar.ParseSecFix0(a.value)
		if err != nil {
			a.warn("Failed to parse JobRunningTimeoutSec= parameter, ignoring: %s", a.value)
			return
		}
		a.u.JobRunningTimeout, a.u.JobRunningTimeoutSet = v, true
	}}
}

func slice() form {
	return form{"slice unit", func(a *assignment) {
		name, ok := a.expandName(a.value)
		switch {
		case !ok:
		case !ValidName(name, PlainName|InstanceName) || TypeOf(name) == TypeInvalid:
			a.warn("Failed to load slice unit %s, ignoring: Unit name %s is not valid.", name, name)
		case !ValidSlice(name) || a.u.Type == TypeSlice:
			a.warn("Failed to assign slice %s to unit %s, ignoring: Invalid argument", name, a.u.Name)
		default:
			a.u.Cgroup.Slice, a.u.Cgroup.SliceSet = name, true
			a.spec.slice = name
		}
	}}
}

// installList is a list of unit names of [Install], specifiers expanded.
func installList(f field[[]string]) form {
	return form{"list of units", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		a.words(unquote, func(w string) {
			if s, ok := a.expandName(w); ok {
				*list = append(*list, s)
			}
		})
	}}
}

// triggerUnit is Unit= of timers and paths: what they start.
func triggerUnit(f field[string]) form {
	return form{"unit", func(a *assignment) {
		if *f(a.u) != "" {
			a.warn("Multiple units to trigger specified, ignoring: %s", a.value)
			return
		}
		name, ok := a.expandName(a.value)
		switch {
		case !ok:
		case !ValidName(name, PlainName|InstanceName):
			a.warn("Unit type not valid, ignoring: %s", a.value)
		case name == a.u.Name:
			a.warn("Units cannot trigger themselves, ignoring: %s", a.value)
		default:
			*f(a.u) = name
			a.u.Add(Before, name, FromFile)
			a.u.Add(Triggers, name, FromFile)
		}
	}}
}

// timerBase is one of the monotonic timers. An empty value resets all timers of the unit, OnCalendar= too (systemd.timer(5)).
func timerBase(b TimerBase) form {
	return form{"time span in seconds", func(a *assignment) {
		if a.value == "" {
			a.u.Timer.Monotonic, a.u.Timer.Calendar = nil, nil
			return
		}
		s, ok := a.expand(a.value, lineMax)
		if !ok {
			return
		}
		v, err := calendar.ParseSec(s)
		if err != nil {
			a.warn("Failed to parse timer value, ignoring: %s", s)
			return
		}
		a.u.Timer.Monotonic = append(a.u.Timer.Monotonic, MonotonicTimer{b, v})
	}}
}

func timerCalendar() form {
	return form{"calendar expression", func(a *assignment) {
		if a.value == "" {
			a.u.Timer.Monotonic, a.u.Timer.Calendar = nil, nil
			return
		}
		s, ok := a.expand(a.value, lineMax)
		if !ok {
			return
		}
		c, err := calendar.Parse(s, a.zones)
		if err != nil {
			a.warn("Failed to parse calendar specification, ignoring: %s", s)
			return
		}
		a.u.Timer.Calendar = append(a.u.Timer.Calendar, c)
	}}
}

// pathSpec is one watched path. An empty value resets all of them.
func pathSpec(k PathKind) form {
	return form{"absolute path", func(a *assignment) {
		if a.value == "" {
			a.u.Path.Specs = nil
			return
		}
		if p, ok := a.expandPath(a.value); ok {
			a.u.Path.Specs = append(a.u.Path.Specs, PathSpec{k, p})
		}
	}}
}
