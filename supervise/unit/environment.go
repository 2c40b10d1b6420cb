package unit

import (
	"slices"
	"strings"
)

// Environment blocks are lists of "NAME=VALUE" (environ(7)); the rules for names and values are those of
// src/basic/env-util.c.

// argMax is the size of the largest environment and argument list that the kernel takes (sysconf(_SC_ARG_MAX)).
const argMax = 2 << 20

func isNameStart(c byte) bool { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// ValidVariableName tells whether s can name an environment variable.
func ValidVariableName(s string) bool {
	if s == "" || len(s) > argMax-2 || !isNameStart(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isNameStart(s[i]) && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// ValidVariableValue tells whether s can be the value of an environment variable.
func ValidVariableValue(s string) bool {
	return len(s) <= argMax-3 && strings.IndexByte(s, 0) < 0 && cleanUTF8(s)
}

// ValidAssignment tells whether s is a sound "NAME=VALUE".
func ValidAssignment(s string) bool {
	name, value, ok := strings.Cut(s, "=")
	return ok && len(s) <= argMax-1 && ValidVariableName(name) && ValidVariableValue(value)
}

// SetVariable puts an assignment into a block, in the place of an earlier one of the same name.
func SetVariable(env []string, assignment string) []string {
	name, _, _ := strings.Cut(assignment, "=")
	for i := range env {
		if rest, ok := strings.CutPrefix(env[i], name); ok && strings.HasPrefix(rest, "=") {
			env[i] = assignment
			return env
		}
	}
	return append(env, assignment)
}

// CleanEnvironment drops what is no sound assignment, and what a later one of the same name replaces. The invalid
// entries are returned beside the block.
func CleanEnvironment(env []string) (clean, invalid []string) {
	last := make(map[string]int, len(env))
	for i, e := range env {
		if ValidAssignment(e) {
			name, _, _ := strings.Cut(e, "=")
			last[name] = i
		}
	}
	for i, e := range env {
		name, _, _ := strings.Cut(e, "=")
		switch at, ok := last[name]; {
		case !ValidAssignment(e):
			invalid = append(invalid, e)
		case ok && at == i:
			clean = append(clean, e)
		}
	}
	return clean, invalid
}

// Lookup gives the value of a variable.
type Lookup func(name string) (value string, ok bool)

// LookupIn looks variables up in a block. Of two of the same name the later one counts.
func LookupIn(env []string) Lookup {
	return func(name string) (string, bool) {
		for _, e := range slices.Backward(env) {
			if rest, ok := strings.CutPrefix(e, name); ok && strings.HasPrefix(rest, "=") {
				return rest[1:], true
			}
		}
		return "", false
	}
}

// ExpandFlags widen what ExpandVariables replaces.
type ExpandFlags uint8

const (
	// ExpandBraceless replaces "$NAME" too.
	ExpandBraceless ExpandFlags = 1 << iota
	// ExpandDefaults replaces "${NAME:-default}" and "${NAME:+alternative}" too.
	ExpandDefaults
)

// ExpandVariables replaces "${NAME}" by the variable's value, nothing if it is not set; "$$" is a dollar
// (systemd.service(5), "Command lines"; replace_env_n in src/basic/env-util.c). What is not well formed stays.
func ExpandVariables(s string, lookup Lookup, flags ExpandFlags) string {
	if strings.IndexByte(s, '$') < 0 {
		return s
	}
	var b strings.Builder
	value := func(name string) string { v, _ := lookup(name); return v }
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String()
		}
		switch c := s[i+1]; {
		case c == '$':
			b.WriteString(s[:i+1])
			s = s[i+2:]
		case c == '{':
			b.WriteString(s[:i])
			n := expandBraces(&b, s[i:], lookup, flags)
			s = s[i+n:]
		case flags&ExpandBraceless != 0 && (isNameStart(c) || c >= '0' && c <= '9'):
			end := i + 2
			for end < len(s) && (isNameStart(s[end]) || s[end] >= '0' && s[end] <= '9') {
				end++
			}
			b.WriteString(s[:i])
			b.WriteString(value(s[i+1 : end]))
			s = s[end:]
		default:
			b.WriteString(s[:i+2])
			s = s[i+2:]
		}
	}
}

// expandBraces writes what s, which starts with "${", stands for and tells how much of it was used.
func expandBraces(b *strings.Builder, s string, lookup Lookup, flags ExpandFlags) int {
	end := strings.IndexAny(s, "}:")
	if end < 0 {
		b.WriteString(s)
		return len(s)
	}
	name := s[2:end]
	if s[end] == '}' {
		v, _ := lookup(name)
		b.WriteString(v)
		return end + 1
	}
	if flags&ExpandDefaults == 0 || end+1 == len(s) || s[end+1] != '-' && s[end+1] != '+' {
		// What follows the colon is ordinary text again, variables in it are replaced.
		n := min(end+1, len(s))
		if flags&ExpandDefaults != 0 {
			n = min(end+2, len(s))
		}
		b.WriteString(s[:n])
		return n
	}
	nest, i := 1, end+2
	for ; i < len(s); i++ {
		if s[i] == '{' {
			nest++
		} else if s[i] == '}' {
			if nest--; nest == 0 {
				break
			}
		}
	}
	if i == len(s) {
		b.WriteString(s)
		return len(s)
	}
	v, set := lookup(name)
	if alternative := s[end+1] == '+'; set == alternative {
		v = ExpandVariables(s[end+2:i], lookup, flags)
	}
	b.WriteString(v)
	return i + 1
}

// ExpandArgv expands the variables of a command line that is about to run (systemd.service(5), "Command lines"): a word
// that is "$NAME" becomes as many words as the value has, none if it is not set; elsewhere only "${NAME}" is replaced,
// and stays one word. A command with NoEnvExpand is run as it is instead.
func ExpandArgv(argv []string, lookup Lookup) []string {
	out := make([]string, 0, len(argv))
	for _, a := range argv {
		if len(a) == 0 || a[0] != '$' || len(a) > 1 && (a[1] == '{' || a[1] == '$') {
			out = append(out, ExpandVariables(a, lookup, 0))
			continue
		}
		if v, ok := lookup(a[1:]); ok {
			c := cursor{s: v}
			for {
				w, more, err := c.word("", relaxed|unquote)
				if !more || err != nil {
					break
				}
				out = append(out, w)
			}
		}
	}
	return out
}
