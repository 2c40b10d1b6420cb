package unit

import (
	"strings"

	"keelson/supervise/calendar"
)

// form is how a directive's value is read. Its name is for the documentation; parse puts the value into the unit, or
// remarks upon it and leaves the unit as it is.
type form struct {
	name  string
	parse func(a *assignment)
}

// field finds the place in a unit that a directive sets.
type field[T any] func(u *Unit) *T

func boolean(f field[bool]) form {
	return form{"boolean", func(a *assignment) {
		if b, ok := ParseBoolean(a.value); ok {
			*f(a.u) = b
		} else {
			a.warn("Failed to parse boolean value, ignoring: %s", a.value)
		}
	}}
}

// boundBoolean remembers that it was given; the empty string takes that back.
func boundBoolean(f field[Bound[bool]]) form {
	return form{"boolean", func(a *assignment) {
		if a.value == "" {
			*f(a.u) = Bound[bool]{}
		} else if b, ok := ParseBoolean(a.value); ok {
			*f(a.u) = Bound[bool]{true, b}
		} else {
			a.warn("Failed to parse boolean value, ignoring: %s", a.value)
		}
	}}
}

// oneOf is a word of an enumeration. message is systemd's, up to the ", ignoring".
func oneOf[E ~uint8](w words, message string, f field[E]) form {
	return form{"one of " + strings.Join(nonEmpty(w), ", "), func(a *assignment) {
		if i, ok := w.find(a.value); ok {
			*f(a.u) = E(i)
		} else {
			a.warn("%s, ignoring: %s", message, a.value)
		}
	}}
}

// booleanOr is a word of an enumeration whose first two words, "no" and "yes", may be any boolean.
func booleanOr[E ~uint8](w words, message string, f field[E]) form {
	return form{"boolean or one of " + strings.Join(w[2:], ", "), func(a *assignment) {
		if b, ok := ParseBoolean(a.value); ok {
			*f(a.u) = 0
			if b {
				*f(a.u) = 1
			}
		} else if i, ok := w.find(a.value); ok {
			*f(a.u) = E(i)
		} else {
			a.warn("%s, ignoring: %s", message, a.value)
		}
	}}
}

func nonEmpty(w words) []string {
	var list []string
	for _, s := range w {
		if s != "" {
			list = append(list, s)
		}
	}
	return list
}

func span(f field[Usec]) form {
	return form{"time span in seconds", func(a *assignment) { a.span(f, calendar.ParseSec, "sec") }}
}

// spanOrNone takes 0 for "no limit".
func spanOrNone(f field[Usec]) form {
	return form{"time span in seconds, 0 for none", func(a *assignment) { a.span(f, calendar.ParseSecFix0, "time") }}
}

// spanOrEmpty takes the empty string for "no limit".
func spanOrEmpty(f field[Usec]) form {
	return form{"time span in seconds, empty for none", func(a *assignment) { a.span(f, calendar.ParseSecDefInfinity, "sec_def_infinity") }}
}

func (a *assignment) span(f field[Usec], parse func(string) (Usec, error), what string) {
	v, err := parse(a.value)
	if err != nil {
		a.warn("Failed to parse %s value, ignoring: %s", what, a.value)
		return
	}
	*f(a.u) = v
}

func unsigned(f field[uint]) form {
	return form{"unsigned number", func(a *assignment) {
		if v, err := parseUint(a.value, 0, 32); err == nil {
			*f(a.u) = uint(v)
		} else {
			a.warn("Failed to parse unsigned value, ignoring: %s", a.value)
		}
	}}
}

func boundInteger(f field[Bound[int]]) form {
	return form{"number", func(a *assignment) {
		if v, err := parseInt(a.value, 32); err == nil {
			*f(a.u) = Bound[int]{true, int(v)}
		} else {
			a.warn("Failed to parse int value, ignoring: %s", a.value)
		}
	}}
}

func long(f field[int64]) form {
	return form{"number", func(a *assignment) {
		if v, err := parseInt(a.value, 64); err == nil {
			*f(a.u) = v
		} else {
			a.warn("Failed to parse long value, ignoring: %s", a.value)
		}
	}}
}

func mode(f field[uint32]) form {
	return form{"octal mode", func(a *assignment) {
		if v, err := ParseMode(a.value); err == nil {
			*f(a.u) = v
		} else {
			a.warn("Failed to parse mode value, ignoring: %s", a.value)
		}
	}}
}

func size(f field[uint64]) form {
	return form{"size in bytes", func(a *assignment) {
		if v, err := ParseSize(a.value, 1024); err == nil {
			*f(a.u) = v
		} else {
			a.warn("Failed to parse size value '%s', ignoring: %v", a.value, err)
		}
	}}
}

func signal(f field[Signal]) form {
	return form{"signal", func(a *assignment) {
		if v, err := ParseSignal(a.value); err == nil {
			*f(a.u) = v
		} else {
			a.warn("Failed to parse signal name, ignoring: %s", a.value)
		}
	}}
}

func exitStatuses(f field[ExitStatusSet]) form {
	return form{"list of exit statuses and signals", func(a *assignment) {
		set := f(a.u)
		if a.value == "" {
			*set = ExitStatusSet{}
			return
		}
		a.words(0, func(w string) {
			// A number is an exit status, never a signal.
			if v, err := ParseExitStatus(w); err == nil {
				set.Statuses = insertSorted(set.Statuses, v)
			} else if s, err := ParseSignal(w); err == nil {
				set.Signals = insertSorted(set.Signals, s)
			} else {
				a.warn("Failed to parse value, ignoring: %s", w)
			}
		})
	}}
}

// literal is a string without specifiers.
func literal(f field[string]) form {
	return form{"string", func(a *assignment) { *f(a.u) = a.value }}
}

func text(f field[string]) form {
	return form{"string, specifiers expanded", func(a *assignment) {
		if s, ok := a.expand(a.value, lineMax); ok {
			*f(a.u) = s
		}
	}}
}

// absolutePath is one path; the empty string resets it.
func absolutePath(f field[string]) form {
	return form{"absolute path", func(a *assignment) {
		s, ok := a.expand(a.value, pathMax)
		if ok && s != "" {
			s, ok = a.checkPath(s, pathAbsolute, false)
		}
		if ok {
			*f(a.u) = s
		}
	}}
}

// vitalPath is a path without which the unit must not run.
func vitalPath(f field[string]) form {
	return form{"absolute path", func(a *assignment) {
		s, err := a.spec.expand(a.value, allSpecifiers, pathMax)
		if err != nil {
			a.refuse("Failed to resolve unit specifiers in '%s': %v", a.value, err)
			return
		}
		if s != "" {
			var ok bool
			if s, ok = a.checkPath(s, pathAbsolute, true); !ok {
				a.refused = true
				return
			}
		}
		*f(a.u) = s
	}}
}

func absolutePaths(f field[[]string]) form {
	return form{"list of absolute paths", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		good := true
		a.words(unquote, func(w string) {
			if !good {
				return
			}
			var p string
			if p, good = a.expandPath(w); good {
				*list = append(*list, p)
			}
		})
	}}
}

// wordList is a list of plain words; a word of it that valid does not know is remarked upon with message.
func wordList(name string, f field[[]string], valid func(string) bool, message string) form {
	return form{name, func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		a.words(unquote, func(w string) {
			if !valid(w) {
				a.warn(message, w)
			} else {
				*list = append(*list, w)
			}
		})
	}}
}

// insertSorted keeps a sorted set.
func insertSorted[T ~uint8 | ~int | ~string](list []T, v T) []T {
	i := 0
	for i < len(list) && list[i] < v {
		i++
	}
	if i < len(list) && list[i] == v {
		return list
	}
	list = append(list, v)
	copy(list[i+1:], list[i:])
	list[i] = v
	return list
}

// removed is for what systemd itself no longer supports.
func removed() form {
	return form{"", func(a *assignment) {
		a.remark(Notice, "Support for option %s= has been removed and it is ignored", a.key)
	}}
}

// fixed reads a boolean whose old name stands for a setting of another directive.
func fixed(name string, set func(u *Unit, b bool)) form {
	return form{name, func(a *assignment) {
		if b, ok := ParseBoolean(a.value); ok {
			set(a.u, b)
		} else {
			a.warn("Failed to parse boolean, ignoring: %s", a.value)
		}
	}}
}
