package applet

import (
	"strings"

	"keelson/supervise/unit"
)

// globbing tells whether s is a pattern made of what unit names and patterns have (VALID_CHARS_GLOB of unit-name.c).
func globbing(s string) bool {
	if !strings.ContainsAny(s, "*?[") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z':
			return false
		}
		return !strings.ContainsRune(`:-_.\@[]!*?`, r)
	})
}

// Mangle makes what a person typed a unit name, of type t if it says none, and says so if it had to change it. operation is what the
// name is for, in messages. Patterns stay if they are allowed (unit_name_mangle_with_suffix of src/basic/unit-name.c).
func (h *Host) Mangle(s, operation string, globs bool, t unit.Type, quiet bool) (string, error) {
	name, err := unit.MangleWithType(s, globs, t)
	if err != nil {
		return "", err
	}
	level := Notice
	if quiet {
		level = Debug
	}
	hint := " (maybe you should use systemd-escape?)"
	if !globs && globbing(s) {
		if operation != "" {
			operation = " " + operation
		}
		h.Log(level, "Glob pattern passed%s, but globs are not supported for this.", operation)
		hint = ""
	}
	if name != s && name != s+t.Suffix() && (!strings.HasPrefix(s, "/") || !isPathUnit(name)) {
		escaped := name
		if !strings.HasSuffix(s, t.Suffix()) {
			escaped = strings.TrimSuffix(name, t.Suffix())
		}
		h.Log(level, "Invalid unit name \"%s\" escaped as \"%s\"%s.", s, escaped, hint)
	}
	return name, nil
}

// isPathUnit tells the names that paths become.
func isPathUnit(name string) bool {
	t := unit.TypeOf(name)
	return t == unit.TypeMount || t == unit.TypeDevice
}
