package show

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"keelson/supervise/calendar"
)

// printable tells whether text is UTF-8 without control characters, but for tabs and, if allowed, newlines (utf8_is_printable_newline of
// utf8.c).
func printable(text []byte, newline bool) bool {
	for i := 0; i < len(text); {
		c := text[i]
		if c >= ' ' && c < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			return false
		case r < ' ' && r != '\t' && r != '\n', r >= 0x7f && r <= 0x9f, r == '\n' && !newline:
			return false
		case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe: // not characters (unichar_is_valid)
			return false
		}
		i += n
	}
	return true
}

// strip makes of a tab eight spaces, and drops colours, the escape sequences of hyperlinks and carriage returns at the end of lines (strip_tab_ansi of
// string-util.c). Offsets into text are moved along.
func strip(text []byte, offsets ...*int) []byte {
	if bytes.IndexAny(text, "\t\x1b\r") < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+32)
	moved := make([]int, len(offsets))
	move := func(i int) {
		for k, o := range offsets {
			if i <= *o {
				moved[k] = len(out) - i
			}
		}
	}
	returns := 0
	for i := 0; i < len(text); i++ {
		move(i)
		c := text[i]
		if c == '\r' {
			returns++
			continue
		}
		if c != '\n' {
			for ; returns > 0; returns-- {
				out = append(out, '\r')
			}
		}
		returns = 0
		move(i)
		switch c {
		case '\t':
			out = append(out, "        "...)
		case 0x1b:
			if n := sequence(text[i:]); n > 0 {
				i += n - 1
			} else {
				out = append(out, c)
			}
		default:
			out = append(out, c)
		}
	}
	for k, o := range offsets {
		*o = min(max(*o+moved[k], 0), len(out))
	}
	return out
}

// sequence is the length of a colour ("ESC [ digits and ; m") or an operating system command ("ESC ] ... BEL"); 0 if it is neither.
func sequence(text []byte) int {
	if len(text) < 3 {
		return 0
	}
	for i := 2; i < len(text); i++ {
		c := text[i]
		switch text[1] {
		case '[':
			if c == 'm' {
				return i + 1
			}
			if (c < '0' || c > '9') && c != ';' {
				return 0
			}
		case ']':
			if c == 7 {
				return i + 1
			}
			if c < ' ' || c > '~' {
				return 0
			}
		default:
			return 0
		}
	}
	return 0
}

// Bytes is a size as "1.5K" (FORMAT_BYTES of format-util.c).
func Bytes(n uint64) string {
	const units = "EPTGMK"
	for i, unit := range units {
		shift := 10 * (len(units) - i)
		if n >= 1<<shift {
			b := tenths(n>>shift, n>>(shift-10)*10/1024%10)
			return b + string(unit)
		}
	}
	return tenths(n, 10) + "B"
}

// tenths prints a number and, if it is a digit, the first place behind the point.
func tenths(whole, tenth uint64) string {
	b := append([]byte{}, decimal(whole)...)
	if tenth < 10 {
		b = append(b, '.', byte('0'+tenth))
	}
	return string(b)
}

func decimal(n uint64) string {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

// pad is a number in at least width places.
func pad(n uint64, width int, with string) string {
	s := decimal(n)
	return strings.Repeat(with, max(width-len(s), 0)) + s
}

// timestamp is systemd's form of a time, "Fri 2012-11-23 23:02:15 CET".
func (o *Options) timestamp(usec uint64, style calendar.TimestampStyle) string {
	return calendar.FormatTimestamp(calendar.Usec(usec), style, o.zone())
}
