package unit

import (
	"strings"
	"unicode/utf8"
)

// pathMax is the longest path in bytes (PATH_MAX less the NUL), partMax the longest component of one (NAME_MAX).
const (
	pathMax = 4095
	partMax = 255
)

// simplifyPath drops doubled and trailing slashes and "." components, as path_simplify in src/basic/path-util.c does:
// ".." stays, and "/" and "." stay what they are.
func simplifyPath(p string) string {
	if simplePath(p) {
		return p
	}
	absolute := p[0] == '/'
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	s := strings.Join(parts, "/")
	if absolute {
		return "/" + s
	}
	if s == "" {
		return "."
	}
	return s
}

// simplePath tells whether simplifyPath would change nothing, without allocating.
func simplePath(p string) bool {
	if p == "" || p == "/" || p == "." {
		return true
	}
	start := 0
	if p[0] == '/' {
		start = 1
	}
	for i := start; i <= len(p); i++ {
		if i < len(p) && p[i] != '/' {
			continue
		}
		if part := p[start:i]; part == "" || part == "." {
			return false
		}
		start = i + 1
	}
	return true
}

// validPath tells whether p has a length that the kernel takes, in whole and by component.
func validPath(p string) bool {
	if p == "" || len(p) > pathMax {
		return false
	}
	part := 0
	for i := range len(p) {
		if part++; p[i] == '/' {
			part = 0
		}
		if part > partMax {
			return false
		}
	}
	return true
}

// normalizedPath tells whether p is valid and has no "." or ".." component and no empty one (path_is_normalized).
func normalizedPath(p string) bool {
	if !validPath(p) || strings.Contains(p, "//") {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == "." || part == ".." {
			return false
		}
	}
	return true
}

// validFileName tells whether s can be the name of a file in a folder.
func validFileName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= partMax && strings.IndexByte(s, '/') < 0
}

// safeString tells whether s is free of control characters, quotes and backslashes (string_is_safe in
// src/basic/string-util.c).
func safeString(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == 0x7f, c == '"', c == '\'', c == '\\':
			return false
		}
	}
	return true
}

// cleanUTF8 tells whether s is UTF-8 without noncharacters, systemd's measure for text (unichar_is_valid in
// src/basic/utf8.c).
func cleanUTF8(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0xef { // noncharacters are U+FDD0 to U+FDEF and the last two of each plane: they start with EF or F0 to F4
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if n > 1 && (r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe) {
			return false
		}
	}
	return true
}

// markInvalid puts U+FFFD in the place of each byte that is no clean UTF-8 (utf8_escape_invalid in src/basic/utf8.c).
func markInvalid(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if n == 1 && r == utf8.RuneError || !cleanRune(r) {
			b.WriteRune(utf8.RuneError)
			i++
			continue
		}
		b.WriteString(s[i : i+n])
		i += n
	}
	return b.String()
}
