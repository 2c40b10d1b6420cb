package calendar

import (
	"strings"
)

// A layout is one form of a timestamp, in the letters of strptime(3).
type layout struct {
	form     string
	fraction bool  // seconds may have decimals
	from     level // this level and all finer ones are 0 unless the form sets them
}

// layouts are tried in this order: "12-11-10" is a year of two digits.
var layouts = []layout{
	{"%y-%m-%d %H:%M:%S", true, levels},
	{"%Y-%m-%d %H:%M:%S", true, levels},
	{"%b %d %H:%M:%S", true, levels},
	{"%y-%m-%d %H:%M", false, second},
	{"%Y-%m-%d %H:%M", false, second},
	{"%y-%m-%d", false, hour},
	{"%Y-%m-%d", false, hour},
	{"%H:%M:%S", true, levels},
	{"%H:%M", false, second},
}

// layoutNumbers are the numbers of a form. A number has at most that many digits, and stops before a digit
// that would lead past its last value.
var layoutNumbers = map[byte]struct {
	level              level
	first, last, width int
}{
	'Y': {year, 0, 9999, 4},
	'y': {year, 0, 99, 2},
	'm': {month, 1, 12, 2},
	'd': {day, 1, 31, 2},
	'H': {hour, 0, 23, 2},
	'M': {minute, 0, 59, 2},
	'S': {second, 0, 61, 2},
}

var monthNames = []string{
	"January", "February", "March", "April", "May", "June",
	"July", "August", "September", "October", "November", "December",
}

// scan reads text into c as strptime(3) of the GNU C library does: a space stands for any number of spaces or
// none, spaces may precede a number, and numbers may be shorter than two digits.
func (l layout) scan(text string, c *civil) (rest string, ok bool) {
	c.restart(l.from)
	for i := 0; i < len(l.form); i++ {
		switch f := l.form[i]; {
		case f == ' ':
			text = strings.TrimLeft(text, whitespace+"\v\f")
		case f != '%':
			if text == "" || text[0] != f {
				return "", false
			}
			text = text[1:]
		case l.form[i+1] == 'b':
			i++
			if text, c[month] = cutMonth(text); c[month] == 0 {
				return "", false
			}
		default:
			i++
			letter := l.form[i]
			n := layoutNumbers[letter]
			v, tail, ok := cutNumber(text, n.first, n.last, n.width)
			if !ok {
				return "", false
			}
			text = tail
			switch letter {
			case 'y': // POSIX: 69 to 99 are of the last century
				v += 1900
				if v < 1969 {
					v += 100
				}
			case 'S':
				v *= levelTable[second].unit
			}
			c[n.level] = v
		}
	}
	return text, true
}

func cutNumber(text string, first, last, width int) (v int, rest string, ok bool) {
	text = strings.TrimLeft(text, " ")
	n := 0
	for n < width && n < len(text) && isDigit(text[n]) && (n == 0 || v*10 <= last) {
		v = v*10 + int(text[n]-'0')
		n++
	}
	if n == 0 || v < first || v > last {
		return 0, "", false
	}
	return v, text[n:], true
}

// cutMonth takes a month, long or short, off the front of text; 0 is none.
func cutMonth(text string) (rest string, month int) {
	for i, long := range monthNames {
		for _, name := range []string{long, long[:3]} {
			if rest, ok := cutPrefixFold(text, name); ok {
				return rest, i + 1
			}
		}
	}
	return text, 0
}
