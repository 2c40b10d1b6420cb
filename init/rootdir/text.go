package rootdir

import (
	"errors"
	"strings"

	"keelson/supervise/unit"
)

// Errors of lines, in systemd's words.
var (
	ErrQuote     = errors.New("Invalid argument") // unbalanced quotes, or a backslash at the end
	ErrSpecifier = errors.New("Invalid slot")
	ErrUnknown   = errors.New("uninitialized /etc/ detected") // a specifier for what this root does not say
)

const whitespace = " \t\n\r"

// Word takes the first word of a line: white space parts words, quotes and backslashes protect it, and go. ok is false if there is none. rest begins with
// the next word (extract_first_word in src/basic/extract-word.c).
func Word(s string) (word, rest string, ok bool, err error) {
	s = strings.TrimLeft(s, whitespace)
	if s == "" {
		return "", "", false, nil
	}
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i == len(s) {
				return "", "", false, ErrQuote
			}
			b.WriteByte(s[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			quote = c
		case strings.IndexByte(whitespace, c) >= 0:
			return b.String(), strings.TrimLeft(s[i:], whitespace), true, nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", false, ErrQuote
	}
	return b.String(), "", true, nil
}

// Expand resolves specifiers (tmpfiles.d(5), "Specifiers"). "%" before what is no letter or digit stays.
func Expand(s string, h *unit.Host) (string, error) {
	if strings.IndexByte(s, '%') < 0 {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		c := s[i+1]
		v, known, err := specifier(c, h)
		switch {
		case c == '%':
			b.WriteByte('%')
			i++
		case err != nil:
			return "", err
		case known:
			b.WriteString(v)
			i++
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9':
			return "", ErrSpecifier
		default:
			b.WriteByte('%')
		}
	}
	return b.String(), nil
}

func specifier(c byte, h *unit.Host) (string, bool, error) {
	short, _, _ := strings.Cut(h.Hostname, ".")
	v, ok := map[byte]string{
		'a': h.Architecture, 'b': h.BootID, 'B': h.OSBuildID, 'H': h.Hostname, 'l': short, 'm': h.MachineID, 'o': h.OSID, 'v': h.Kernel, 'w': h.OSVersionID,
		'W': h.OSVariantID, 'A': h.ImageVersion, 'M': h.ImageID, 'h': h.Home, 'C': h.CacheRoot, 'L': h.LogsRoot, 'S': h.StateRoot, 't': h.RuntimeRoot,
		'g': h.Group, 'G': h.GID, 'u': h.User, 'U': h.UID, 'T': h.TmpDir, 'V': h.VarTmpDir,
	}[c]
	switch {
	case strings.IndexByte("BowWAM", c) >= 0 && !h.OSRelease, (c == 'm' || c == 'b') && v == "":
		return "", true, ErrUnknown
	}
	return v, ok, nil
}

// Unescape resolves C's escape sequences (systemd.syntax(7), "Supported escapes").
func Unescape(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		if i++; i == len(s) {
			return "", ErrQuote
		}
		if at := strings.IndexByte(`abfnrtv\"'s`, s[i]); at >= 0 {
			out = append(out, "\a\b\f\n\r\t\v\\\"' "[at])
			continue
		}
		digits, base, max := 0, 16, 0x10ffff
		switch s[i] {
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			digits, base, max = 3, 8, 255
			i--
		}
		if i+digits >= len(s) {
			return "", ErrQuote
		}
		v := 0
		for _, c := range []byte(s[i+1 : i+1+digits]) {
			d := strings.IndexByte("0123456789abcdef", c|0x20)
			if c < '0' || d < 0 || d >= base || v > max {
				return "", ErrQuote
			}
			v = v*base + d
		}
		if v == 0 || v > max || v >= 0xd800 && v < 0xe000 {
			return "", ErrQuote
		}
		if digits == 2 || digits == 3 {
			out = append(out, byte(v))
		} else {
			out = append(out, string(rune(v))...)
		}
		i += digits
	}
	return string(out), nil
}
