package calendar

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// whitespace is systemd's WHITESPACE; strtoll(3), which reads the numbers, skips \v and \f besides.
const whitespace = " \t\n\r"

// A unit is one suffix of a time span and its size in microseconds or nanoseconds.
type unit struct {
	suffix string
	size   uint64
}

// usecUnits is searched in this order, and the first suffix that fits wins: "month" before "m", "msec" before "m".
// Both spellings of µ, the micro sign and the Greek letter, are known.
var usecUnits = []unit{
	{"seconds", uint64(Second)}, {"second", uint64(Second)}, {"sec", uint64(Second)}, {"s", uint64(Second)},
	{"minutes", uint64(Minute)}, {"minute", uint64(Minute)}, {"min", uint64(Minute)},
	{"months", uint64(Month)}, {"month", uint64(Month)}, {"M", uint64(Month)},
	{"msec", uint64(Millisecond)}, {"ms", uint64(Millisecond)}, {"m", uint64(Minute)},
	{"hours", uint64(Hour)}, {"hour", uint64(Hour)}, {"hr", uint64(Hour)}, {"h", uint64(Hour)},
	{"days", uint64(Day)}, {"day", uint64(Day)}, {"d", uint64(Day)},
	{"weeks", uint64(Week)}, {"week", uint64(Week)}, {"w", uint64(Week)},
	{"years", uint64(Year)}, {"year", uint64(Year)}, {"y", uint64(Year)},
	{"usec", 1}, {"us", 1}, {"\u00b5s", 1}, {"\u03bcs", 1},
}

var nsecUnits = nanoseconds(usecUnits)

func nanoseconds(units []unit) []unit {
	var n []unit
	for _, u := range units {
		n = append(n, unit{u.suffix, u.size * 1000})
	}
	return append(n, unit{"nsec", 1}, unit{"ns", 1})
}

// ParseTime reads a time span in which a number without a unit counts defaultUnit (parse_time of time-util.c).
// The parts are added up; "infinity" stands alone. defaultUnit must not be 0.
// The error wraps ErrInvalid, or ErrRange for a negative or too large number.
func ParseTime(text string, defaultUnit Usec) (Usec, error) {
	v, err := parseSpan(text, usecUnits, uint64(defaultUnit))
	return Usec(v), err
}

// ParseSec reads a time span in which a number without a unit counts seconds, as most settings of units do.
func ParseSec(text string) (Usec, error) { return ParseTime(text, Second) }

// ParseSecFix0 is ParseSec for settings in which 0 turns a limit off: 0 becomes Infinity.
func ParseSecFix0(text string) (Usec, error) {
	u, err := ParseSec(text)
	if err == nil && u == 0 {
		return Infinity, nil
	}
	return u, err
}

// ParseSecDefInfinity is ParseSec for settings in which an empty text means Infinity.
func ParseSecDefInfinity(text string) (Usec, error) {
	if strings.TrimLeft(text, whitespace) == "" {
		return Infinity, nil
	}
	return ParseSec(text)
}

// Nsec is a length of time in nanoseconds, for the few settings (such as TimerSlackNSec=) that are finer than Usec.
type Nsec uint64

// NsecInfinity is the Nsec that "infinity" stands for.
const NsecInfinity = Nsec(math.MaxUint64)

// ParseNsec reads a time span in which a number without a unit counts nanoseconds (parse_nsec of time-util.c).
func ParseNsec(text string) (Nsec, error) {
	v, err := parseSpan(text, nsecUnits, 1)
	return Nsec(v), err
}

func parseSpan(text string, units []unit, defaultUnit uint64) (uint64, error) {
	sum, err := sumSpan(text, units, defaultUnit)
	if err != nil {
		return 0, fmt.Errorf("time span %q: %w", text, err)
	}
	return sum, nil
}

func sumSpan(text string, units []unit, defaultUnit uint64) (uint64, error) {
	text = strings.TrimLeft(text, whitespace)
	if rest, ok := strings.CutPrefix(text, "infinity"); ok {
		if strings.TrimLeft(rest, whitespace) != "" {
			return 0, ErrInvalid
		}
		return math.MaxUint64, nil
	}
	if text == "" {
		return 0, ErrInvalid
	}
	var sum uint64
	for ; text != ""; text = strings.TrimLeft(text, whitespace) {
		number, rest, err := leadingNumber(text)
		if err != nil {
			return 0, err
		}
		digits, fraction := "", strings.HasPrefix(rest, ".")
		switch {
		case fraction:
			digits = leadingDigits(rest[1:])
			rest = rest[1+len(digits):]
		case len(rest) == len(text):
			return 0, ErrInvalid
		}
		size, tail := cutUnit(strings.TrimLeft(rest, whitespace), units, defaultUnit)
		// A number ends in a space, a unit or the text: "12.34 .56" are two, "12.34.56" is none.
		if len(tail) == len(rest) && tail != "" {
			return 0, ErrInvalid
		}
		text = tail

		if number >= math.MaxUint64/size {
			return 0, ErrRange
		}
		if sum, err = addSpan(sum, number*size); err != nil {
			return 0, err
		}
		if fraction && digits == "" {
			return 0, ErrInvalid
		}
		for i := range len(digits) {
			size /= 10
			if sum, err = addSpan(sum, uint64(digits[i]-'0')*size); err != nil {
				return 0, err
			}
		}
	}
	return sum, nil
}

// addSpan refuses the sum that would be "infinity", too.
func addSpan(sum, v uint64) (uint64, error) {
	if v >= math.MaxUint64-sum {
		return 0, ErrRange
	}
	return sum + v, nil
}

func cutUnit(text string, units []unit, defaultUnit uint64) (uint64, string) {
	for _, u := range units {
		if rest, ok := strings.CutPrefix(text, u.suffix); ok {
			return u.size, rest
		}
	}
	return defaultUnit, text
}

// leadingNumber reads what strtoll(3) reads in base 10, of which a leading "-" is refused first. Where there
// are no digits, rest is text.
func leadingNumber(text string) (number uint64, rest string, err error) {
	if strings.HasPrefix(text, "-") {
		return 0, "", ErrRange
	}
	rest = strings.TrimLeft(text, whitespace+"\v\f")
	negative := strings.HasPrefix(rest, "-")
	if negative || strings.HasPrefix(rest, "+") {
		rest = rest[1:]
	}
	digits := leadingDigits(rest)
	if digits == "" {
		return 0, text, nil
	}
	number, err = strconv.ParseUint(digits, 10, 63)
	if err != nil || negative && number > 0 {
		return 0, "", ErrRange
	}
	return number, rest[len(digits):], nil
}

func leadingDigits(text string) string {
	n := 0
	for n < len(text) && isDigit(text[n]) {
		n++
	}
	return text[:n]
}
