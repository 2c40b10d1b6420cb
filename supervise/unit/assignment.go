package unit

import (
	"fmt"
	"strings"

	"keelson/supervise/calendar"
)

// assignment is one line of a unit file on its way into a Unit: the value to be read, and where to complain.
type assignment struct {
	u           *Unit
	system      *System // of the configuration of the manager alone
	spec        *specifiers
	defaults    *Defaults
	file        string
	line        int
	key, value  string
	refused     bool // the unit is not to be loaded: systemd's ENOEXEC
	broken      bool // the file is not to be read on: any other error
	diagnostics *[]Diagnostic
	zones       calendar.Zones
}

func (a *assignment) remark(s Severity, format string, args ...any) {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	*a.diagnostics = append(*a.diagnostics, Diagnostic{Severity: s, Unit: a.u.Name, File: a.file, Line: a.line, Text: clip(text)})
}

// warn is for a value that is ignored.
func (a *assignment) warn(format string, args ...any) { a.remark(Warning, format, args...) }

// refuse is for a value that makes the unit unusable.
func (a *assignment) refuse(format string, args ...any) {
	a.remark(Error, format, args...)
	a.refused = true
}

// expand resolves specifiers; a failure is remarked upon and the value to be ignored.
func (a *assignment) expand(text string, limit int) (string, bool) {
	s, err := a.spec.expand(text, allSpecifiers, limit)
	if err != nil {
		a.warn("Failed to resolve unit specifiers in '%s', ignoring: %v", text, err)
		return "", false
	}
	return s, true
}

// expandName is expand for unit names.
func (a *assignment) expandName(text string) (string, bool) {
	s, err := a.spec.expand(text, nameSpecifiers, nameMax+1)
	if err != nil {
		a.warn("Failed to resolve unit specifiers in '%s', ignoring: %v", text, err)
		return "", false
	}
	return s, true
}

// pathCheck says what a path has to be (path_simplify_and_warn in src/shared/parse-helpers.c).
type pathCheck uint8

const (
	pathAny pathCheck = iota
	pathAbsolute
	pathRelative
)

// checkPath simplifies a path, or says what is wrong with it. fatal only changes the words: the caller refuses.
func (a *assignment) checkPath(p string, check pathCheck, fatal bool) (string, bool) {
	ignoring := ", ignoring"
	if fatal {
		ignoring = ""
	}
	absolute := strings.HasPrefix(p, "/")
	switch {
	case !cleanUTF8(p):
		a.remark(Error, "String is not UTF-8 clean, ignoring assignment: %s", markInvalid(p))
		return "", false
	case check == pathAbsolute && !absolute:
		a.remark(Error, "%s= path is not absolute%s: %s", a.key, ignoring, p)
		return "", false
	case check == pathRelative && absolute:
		a.remark(Error, "%s= path is absolute%s: %s", a.key, ignoring, p)
		return "", false
	}
	s := simplifyPath(p)
	if !validPath(s) {
		a.remark(Error, "%s= path has invalid length (%d bytes)%s.", a.key, len(s), ignoring)
		return "", false
	}
	if !normalizedPath(s) {
		a.remark(Error, "%s= path is not normalized%s: %s", a.key, ignoring, s)
		return "", false
	}
	return s, true
}

// expandPath resolves specifiers and checks that the result is an absolute path.
func (a *assignment) expandPath(text string) (string, bool) {
	s, ok := a.expand(text, pathMax)
	if !ok {
		return "", false
	}
	return a.checkPath(s, pathAbsolute, false)
}

// dropVarRun turns /var/run/ into /run/, and says so.
func (a *assignment) dropVarRun(p string) string {
	rest, ok := strings.CutPrefix(p, "/var/run/")
	if !ok {
		return p
	}
	z := "/run/" + rest
	a.remark(Notice, "%s= references a path below legacy directory /var/run/, updating %s → %s; please update the unit file accordingly.", a.key, p, z)
	return z
}

// words calls f with every word of the value; broken quotes or escapes are remarked upon and end the list.
func (a *assignment) words(flags wordFlags, f func(word string)) {
	if err := eachWord(a.value, flags, f); err != nil {
		a.warn("Invalid syntax, ignoring: %s", a.value)
	}
}
