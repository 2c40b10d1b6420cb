package applet

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// wide are the ranges of characters that fill two cells (East Asian Width W and F of Unicode, coarsely).
var wide = [...][2]rune{
	{0x1100, 0x115F}, {0x2E80, 0x303E}, {0x3041, 0x33FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xA000, 0xA4CF},
	{0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xF900, 0xFAFF}, {0xFE10, 0xFE19}, {0xFE30, 0xFE6F}, {0xFF01, 0xFF60},
	{0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
}

func runeWidth(r rune) int {
	if r < wide[0][0] {
		return 1
	}
	for _, w := range wide {
		if r >= w[0] && r <= w[1] {
			return 2
		}
	}
	return 1
}

// Width is how many cells of a terminal a line takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Ellipsize shortens a line to width cells; percent says where the ellipsis is: 0 at the beginning, 100 at the end (ellipsize of
// src/basic/string-util.c).
func (h *Host) Ellipsize(s string, width, percent int) string {
	switch {
	case width <= 0:
		return ""
	case Width(s) <= width:
		return s
	case !ascii(s):
		return ellipsizeWide(s, width, percent)
	}
	dots := h.Glyph(Ellipsis)
	space := utf8.RuneCountInString(dots)
	if width < space {
		return dots[:width] // ASCII: there are three of them
	}
	head := ((width-space)*percent + 50) / 100
	return s[:head] + dots + s[len(s)-(width-space-head):]
}

// ellipsizeWide is Ellipsize for what is more than ASCII. The ellipsis is the Unicode one: a terminal that can show the text can
// show that.
func ellipsizeWide(s string, width, percent int) string {
	runes := []rune(s)
	room := (width - 1) * percent / 100
	i, used := 0, 0
	for ; i < len(runes) && used+runeWidth(runes[i]) <= room; i++ {
		used += runeWidth(runes[i])
	}
	j := len(runes)
	for ; j > i && used+runeWidth(runes[j-1]) <= width; j-- {
		used += runeWidth(runes[j-1])
	}
	switch {
	case i == j:
		return s
	case j < len(runes):
		j++
	case i > 0:
		i--
	}
	return string(runes[:i]) + "…" + string(runes[j:])
}

// Bytes is a size for people: "1.5M" with its B (FORMAT_BYTES of src/basic/format-util.c). The digit is cut, not rounded.
func Bytes(n uint64) string {
	for i, suffix := range "EPTGMK" {
		unit := uint64(1) << (60 - 10*i)
		if n < unit {
			continue
		}
		tenths := n / (unit >> 10) * 10 / 1024 % 10
		if suffix == 'K' {
			tenths = n * 10 / unit % 10
		}
		return fmt.Sprintf("%d.%d%c", n/unit, tenths, suffix)
	}
	return fmt.Sprintf("%dB", n)
}

// needQuotes are the characters that make a shell do something else than take the word.
const needQuotes = "\"\\`$*?['()<>|&;!"

func control(r rune) bool { return r < ' ' || r == 0x7F }

// Quote is a word as a shell reads it back: as it is if that is safe, else in quotes. posix is the $'…' form, which bash, ksh and
// zsh read (shell_maybe_quote of src/basic/escape.c).
func Quote(s string, posix bool) string {
	safe := utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return control(r) || strings.ContainsRune(" \t\n\r"+needQuotes, r)
	})
	if safe {
		return s
	}
	open, shut, escaped := `"`, `"`, "\"\\`$"
	if posix {
		open, shut, escaped = "$'", "'", `\'`
	}
	var b strings.Builder
	b.WriteString(open)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case control(r), r == utf8.RuneError && n <= 1:
			b.WriteString(EscapeByte(s[i]))
			n = 1
		case r == '\\' || strings.ContainsRune(escaped, r):
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String() + shut
}

// EscapeByte is a byte as in a C string: itself, a named escape, or octal (cescape_char).
func EscapeByte(c byte) string {
	if i := strings.IndexByte("\a\b\f\n\r\t\v\\\"'", c); i >= 0 {
		return `\` + `abfnrtv\"'`[i:i+1]
	}
	if c < ' ' || c >= 0x7F {
		return fmt.Sprintf(`\%03o`, c)
	}
	return string(c)
}
