package unit

import (
	"encoding/hex"
	"errors"
	"strings"
)

// The rules of unit names: systemd.unit(5), "Description" and "String Escaping for Inclusion in Unit Names";
// src/basic/unit-name.c where it is silent.

// NameKind tells plain names, templates and instances apart; as an argument it is a set of them.
type NameKind uint8

// The kinds of names: "a.service", "a@.service" and "a@b.service".
const (
	PlainName NameKind = 1 << iota
	TemplateName
	InstanceName
	AnyName = PlainName | TemplateName | InstanceName
)

// nameMax is the longest unit name in bytes (UNIT_NAME_MAX less the NUL).
const nameMax = 255

// ErrName is the error for what is no unit name, no part of one, or cannot become one.
var ErrName = errors.New("invalid unit name")

func isNameByte(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == ':' || c == '-' || c == '_' || c == '.' || c == '\\'
}

// SplitName takes a unit name apart: "foo@bar.service" is "foo", "bar", TypeService, InstanceName. ok is false for
// what is no unit name.
func SplitName(name string) (prefix, instance string, t Type, kind NameKind, ok bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 || len(name) > nameMax {
		return
	}
	ti, known := typeWords.find(name[dot+1:])
	if !known {
		return
	}
	at := -1
	for i := range dot {
		if name[i] == '@' {
			if at < 0 {
				at = i
			}
		} else if !isNameByte(name[i]) {
			return
		}
	}
	t = Type(ti)
	switch {
	case at == 0:
		return "", "", TypeInvalid, 0, false
	case at < 0:
		return name[:dot], "", t, PlainName, true
	case at == dot-1:
		return name[:at], "", t, TemplateName, true
	}
	return name[:at], name[at+1 : dot], t, InstanceName, true
}

// ValidName tells whether name is a unit name of one of the kinds.
func ValidName(name string, kinds NameKind) bool {
	_, _, _, kind, ok := SplitName(name)
	return ok && kind&kinds != 0
}

// TypeOf is the type that a unit's name says, TypeInvalid for what is no unit name.
func TypeOf(name string) Type {
	_, _, t, _, _ := SplitName(name)
	return t
}

func validPart(s string, at bool) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) && !(at && s[i] == '@') {
			return false
		}
	}
	return s != ""
}

// ValidInstance tells whether s may stand behind the "@" of a name.
func ValidInstance(s string) bool { return validPart(s, true) }

// Instantiate gives a template or an instance another instance: "foo@.service" and "bar" make "foo@bar.service".
func Instantiate(name, instance string) (string, error) {
	prefix, _, t, kind, ok := SplitName(name)
	if !ok || kind == PlainName || !ValidInstance(instance) {
		return "", ErrName
	}
	if n := prefix + "@" + instance + t.Suffix(); ValidName(n, InstanceName) {
		return n, nil
	}
	return "", ErrName
}

// TemplateOf is the template of an instance: "foo@.service" for "foo@bar.service". Plain names have none.
func TemplateOf(name string) (string, bool) {
	prefix, _, t, kind, ok := SplitName(name)
	if !ok || kind == PlainName {
		return "", false
	}
	return prefix + "@" + t.Suffix(), true
}

// ChangeType gives the name of the unit of another type that has the same prefix and instance.
func ChangeType(name string, t Type) (string, error) {
	if !ValidName(name, AnyName) {
		return "", ErrName
	}
	n := name[:strings.LastIndexByte(name, '.')] + t.Suffix()
	if !ValidName(n, AnyName) {
		return "", ErrName
	}
	return n, nil
}

func escapeByte(b *strings.Builder, c byte) {
	const digits = "0123456789abcdef"
	b.WriteString(`\x`)
	b.WriteByte(digits[c>>4])
	b.WriteByte(digits[c&15])
}

// Escape makes any string a part of a unit name: "/" becomes "-", other bytes that names cannot have become "\xNN"
// (systemd-escape).
func Escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			b.WriteByte('-')
		case c == '-', c == '\\', i == 0 && c == '.', !isNameByte(c):
			escapeByte(&b, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Unescape is the inverse of Escape.
func Unescape(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return strings.ReplaceAll(s, "-", "/"), nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '-':
			b.WriteByte('/')
		case '\\':
			if i+3 >= len(s) || s[i+1] != 'x' {
				return "", ErrName
			}
			v, err := hex.DecodeString(s[i+2 : i+4])
			if err != nil {
				return "", ErrName
			}
			b.WriteByte(v[0])
			i += 3
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// EscapePath makes a path a part of a unit name: "/" is "-", "/foo/bar/" is "foo-bar" (systemd-escape --path).
func EscapePath(path string) (string, error) {
	p := simplifyPath(path)
	if p == "" || p == "/" {
		return "-", nil
	}
	if !normalizedPath(p) {
		return "", ErrName
	}
	return Escape(strings.Trim(p, "/")), nil
}

// UnescapePath is the inverse of EscapePath.
func UnescapePath(s string) (string, error) {
	if s == "-" {
		return "/", nil
	}
	p, err := Unescape(s)
	if err != nil || p == "" || p[0] == '/' || p[len(p)-1] == '/' || !normalizedPath(p) {
		return "", ErrName
	}
	return "/" + p, nil
}

// NameFromPath is the unit that stands for a path: "/foo/bar" and TypeMount make "foo-bar.mount". A name that would be
// too long is cut and ends in a hash.
func NameFromPath(path string, t Type) (string, error) {
	p, err := EscapePath(path)
	if err != nil {
		return "", err
	}
	name := p + t.Suffix()
	if len(name) > nameMax {
		name = hashedName(name, t)
	}
	if !ValidName(name, PlainName) {
		return "", ErrName
	}
	return name, nil
}

// InstanceFromPath is the instance of a template that stands for a path.
func InstanceFromPath(prefix, path string, t Type) (string, error) {
	p, err := EscapePath(path)
	if err != nil || !validPart(prefix, false) {
		return "", ErrName
	}
	name := prefix + "@" + p + t.Suffix()
	if !ValidName(name, InstanceName) {
		return "", ErrName
	}
	return name, nil
}

// PathFromName is the path that a unit such as a mount stands for. The hashed name of a long path has none.
func PathFromName(name string) (string, error) {
	prefix, _, _, _, ok := SplitName(name)
	if !ok || isHashed(name) {
		return "", ErrName
	}
	return UnescapePath(prefix)
}

// Mangle makes what a user typed a unit name: a device or mount unit for a path, else bytes are escaped and .service is
// added where no type is given (systemctl(1), "Parameter Syntax"). With globs, patterns stay patterns.
func Mangle(s string, globs bool) (string, error) { return MangleWithType(s, globs, TypeService) }

// MangleWithType is Mangle with another type for names that give none.
func MangleWithType(s string, globs bool, t Type) (string, error) {
	if s == "" {
		return "", ErrName
	}
	if ValidName(s, AnyName) {
		return s, nil
	}
	isGlob := func(c byte) bool { return strings.IndexByte("[]!-*?", c) >= 0 }
	if globs && strings.ContainsAny(s, "*?[") {
		plain := true
		for i := range len(s) {
			plain = plain && (isNameByte(s[i]) || s[i] == '@' || isGlob(s[i]))
		}
		if plain {
			return s, nil
		}
	}
	if strings.HasPrefix(s, "/dev/") || strings.HasPrefix(s, "/sys/") {
		if n, err := NameFromPath(s, TypeDevice); err == nil {
			return n, nil
		}
	}
	if s[0] == '/' {
		if n, err := NameFromPath(s, TypeMount); err == nil {
			return n, nil
		}
	}
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '/':
			b.WriteByte('-')
		case isNameByte(c), c == '@', globs && isGlob(c):
			b.WriteByte(c)
		default:
			escapeByte(&b, c)
		}
	}
	name := b.String()
	if !(globs && strings.ContainsAny(name, "*?[")) && !ValidName(name, AnyName) {
		name += t.Suffix()
	}
	if !globs && !ValidName(name, AnyName) {
		return "", ErrName
	}
	return name, nil
}

// ValidSlice tells whether name is a slice whose dashes make a sound tree (systemd.slice(5)).
func ValidSlice(name string) bool {
	s, ok := strings.CutSuffix(name, ".slice")
	if !ok || !ValidName(name, PlainName) {
		return false
	}
	return s == "-" || !strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-") && !strings.Contains(s, "--")
}

// ParentSlice is the slice above one: "a.slice" for "a-b.slice", "-.slice" for "a.slice", "" for "-.slice".
func ParentSlice(name string) string {
	if name == "-.slice" {
		return ""
	}
	if i := strings.LastIndexByte(name, '-'); i >= 0 {
		return name[:i] + ".slice"
	}
	return "-.slice"
}
