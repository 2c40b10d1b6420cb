package calendar

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxComponents bounds the length of one comma-separated list (CALENDARSPEC_COMPONENTS_MAX of calendarspec.c,
// which counts from 0).
const maxComponents = 241

// Parse reads a calendar expression. One that names no zone is read on the clock of zones.Local.
// The error wraps ErrInvalid, ErrRange or ErrTooMany.
func Parse(text string, zones Zones) (*Spec, error) {
	s, err := parse(text, zones)
	if err != nil {
		return nil, fmt.Errorf("calendar expression %q: %w", text, err)
	}
	return s, nil
}

func parse(text string, zones Zones) (*Spec, error) {
	s := &Spec{dst: -1}
	text = s.cutZone(text, zones)
	if text == "" {
		return nil, ErrInvalid
	}
	for _, h := range shorthands {
		if rest, ok := cutPrefixFold(text, h.name); ok && rest == "" {
			text = h.form
			break
		}
	}
	rest, err := s.parseWeekdays(text)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(rest, "@") {
		err = s.parseEpoch(rest[1:])
	} else if rest, err = s.parseDate(rest); err == nil {
		err = s.parseClock(rest)
	}
	if err != nil {
		return nil, err
	}
	if !s.normalize() {
		return nil, ErrInvalid
	}
	return s, nil
}

// shorthands are the words that stand for a whole expression (systemd.time(7), "Calendar Events"), with the
// misspelling that systemd once accepted and still does.
var shorthands = []struct{ name, form string }{
	{"minutely", "*-*-* *:*:00"},
	{"hourly", "*-*-* *:00:00"},
	{"daily", "*-*-* 00:00:00"},
	{"weekly", "Mon *-*-* 00:00:00"},
	{"monthly", "*-*-01 00:00:00"},
	{"quarterly", "*-01,04,07,10-01 00:00:00"},
	{"semiannually", "*-01,07-01 00:00:00"},
	{"semi-annually", "*-01,07-01 00:00:00"},
	{"biannually", "*-01,07-01 00:00:00"},
	{"bi-annually", "*-01,07-01 00:00:00"},
	{"yearly", "*-01-01 00:00:00"},
	{"annually", "*-01-01 00:00:00"},
	{"anually", "*-01-01 00:00:00"},
}

// cutZone takes the zone off the end of text: "UTC" in any case, one of the two abbreviations of the local
// zone, or an IANA name.
func (s *Spec) cutZone(text string, zones Zones) string {
	if rest, ok := cutSuffixFold(text, " UTC"); ok {
		s.zone, s.loc = "UTC", time.UTC
		return rest
	}
	s.loc = zones.local()
	if rest, name, dst := cutAbbreviation(text, s.loc); dst >= 0 {
		s.zone, s.dst = name, dst
		return rest
	}
	if rest, name, loc := zones.named(text); loc != nil {
		s.zone, s.loc = name, loc
		return rest
	}
	return text
}

var longWeekdayNames = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

// cutWeekday takes a weekday, long or short, off the front of text; -1 is none. Monday is 0.
func cutWeekday(text string) (rest string, weekday int) {
	for d := range weekdayNames {
		for _, name := range []string{longWeekdayNames[d], weekdayNames[d]} {
			if rest, ok := cutPrefixFold(text, name); ok {
				return rest, d
			}
		}
	}
	return text, -1
}

// parseWeekdays reads the weekdays, if any, and what spaces follow. A range is written ".." or, as in old
// times, "-"; a comma may trail.
func (s *Spec) parseWeekdays(text string) (string, error) {
	from := -1 // the weekday that opened a range
	for first := true; ; first = false {
		rest, d := cutWeekday(text)
		if d < 0 {
			if first {
				return text, nil
			}
			return "", ErrInvalid
		}
		if from > d {
			return "", ErrInvalid
		}
		s.weekdays |= 1 << d
		if from >= 0 {
			for i := from; i < d; i++ {
				s.weekdays |= 1 << i
			}
		}
		switch {
		case rest == "" || rest[0] == ' ':
			return strings.TrimLeft(rest, " "), nil
		case rest[0] == ',':
			from, text = -1, rest[1:]
			if text == "" || text[0] == ' ' {
				return strings.TrimLeft(text, " "), nil
			}
			continue
		case from >= 0: // a second range
			return "", ErrInvalid
		case strings.HasPrefix(rest, ".."):
			text = rest[2:]
		case rest[0] == '-':
			text = rest[1:]
		default:
			return "", ErrInvalid
		}
		from = d
	}
}

// The seconds at which gmtime(3) and the year of calendarspec.c leave the 31 bits that they count years in.
const firstEpoch, lastEpoch = -67768040609740800, 67767976233532799

// parseEpoch reads the seconds behind "@", which stand alone and in UTC. strtoul(3) skips spaces and takes a
// sign; a negative number wraps.
func (s *Spec) parseEpoch(text string) error {
	text = strings.TrimLeft(text, whitespace+"\v\f")
	negative := strings.HasPrefix(text, "-")
	if negative || strings.HasPrefix(text, "+") {
		text = text[1:]
	}
	digits := leadingDigits(text)
	v, err := strconv.ParseUint(digits, 10, 64)
	if negative {
		v = -v
	}
	sec := int64(v)
	switch {
	case digits == "":
		return ErrInvalid
	case err != nil, sec < firstEpoch, sec > lastEpoch:
		return ErrRange
	case digits != text:
		return ErrInvalid
	}
	at := civilAt(time.Unix(sec, 0).UTC())
	for l := range levels {
		s.chains[l] = chain{{at[l], -1, 0}}
	}
	s.zone, s.loc, s.dst = "UTC", time.UTC, -1
	return nil
}

// parseDate reads [[YEAR-]MONTH-]DAY, in which "~" may stand before the day, and what spaces follow. A text
// that turns out to be a time of day is left as it is.
func (s *Spec) parseDate(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	var parts []chain
	for rest := text; ; rest = rest[1:] {
		c, tail, err := parseChain(rest, day)
		if err != nil {
			return "", err
		}
		rest, parts = tail, append(parts, c)
		switch n := len(parts); {
		case n == 1 && (rest == "" || rest[0] == ':'):
			return text, nil
		case n > 1 && (rest == "" || rest[0] == ' '):
			copy(s.chains[day+1-level(n):], parts)
			return strings.TrimLeft(rest, " "), nil
		case n == 3, s.endOfMonth:
			return "", ErrInvalid
		case rest[0] == '~':
			s.endOfMonth = true
		case rest[0] != '-':
			return "", ErrInvalid
		}
	}
}

// parseClock reads HOUR:MINUTE[:SECOND] up to the end; nothing is midnight.
func (s *Spec) parseClock(text string) error {
	for l := hour; l <= second; l++ {
		s.chains[l] = chain{{0, -1, 0}}
	}
	if text == "" {
		return nil
	}
	for l := hour; ; l++ {
		c, rest, err := parseChain(text, l)
		if err != nil {
			return err
		}
		s.chains[l] = c
		switch {
		case rest == "" && l > hour:
			return nil
		case rest == "" || rest[0] != ':' || l == second:
			return ErrInvalid
		}
		text = rest[1:]
	}
}

// parseChain reads "*" or a comma-separated list of components. Seconds may have fractions.
func parseChain(text string, l level) (chain, string, error) {
	unit := levelTable[l].unit
	if strings.HasPrefix(text, "*") {
		if l == second {
			return chain{{0, -1, unit}}, text[1:], nil
		}
		return nil, text[1:], nil
	}
	var c chain
	for {
		if len(c) == maxComponents {
			return nil, "", ErrTooMany
		}
		p, rest, err := parseComponent(text, unit)
		if err != nil {
			return nil, "", err
		}
		c = append(c, p)
		if !strings.HasPrefix(rest, ",") {
			return c, rest, nil
		}
		text = rest[1:]
	}
}

func parseComponent(text string, unit int) (component, string, error) {
	p := component{stop: -1}
	var err error
	if p.start, text, err = parseValue(text, unit); err != nil {
		return p, "", err
	}
	if rest, ok := strings.CutPrefix(text, ".."); ok {
		if p.stop, text, err = parseValue(rest, unit); err != nil {
			return p, "", err
		}
		p.repeat = unit
	}
	if rest, ok := strings.CutPrefix(text, "/"); ok {
		if p.repeat, text, err = parseValue(rest, unit); err != nil {
			return p, "", err
		}
		if p.repeat == 0 {
			return p, "", ErrRange
		}
	} else {
		if p.start > math.MaxInt32-p.repeat {
			return p, "", ErrRange
		}
		// A range of less than a second would not reach its own repetition.
		if unit > 1 && p.stop >= 0 && p.start+p.repeat > p.stop {
			return p, "", ErrInvalid
		}
	}
	if text != "" && strings.IndexByte(" ,-~:", text[0]) < 0 {
		return p, "", ErrInvalid
	}
	return p, text, nil
}

// parseValue reads a number of units; where the unit is divisible, six decimals are read and the rest rounded.
func parseValue(text string, unit int) (int, string, error) {
	digits := leadingDigits(text)
	if digits == "" {
		return 0, "", ErrInvalid
	}
	text = text[len(digits):]
	v, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || v > math.MaxUint64/uint64(unit) {
		return 0, "", ErrRange
	}
	v *= uint64(unit)
	if unit > 1 && strings.HasPrefix(text, ".") && !strings.HasPrefix(text, "..") {
		micro, rest, err := parseFraction(text[1:])
		if err != nil {
			return 0, "", err
		}
		v, text = v+micro, rest
	}
	if v > math.MaxInt32 {
		return 0, "", ErrRange
	}
	return int(v), text, nil
}

// parseFraction reads decimals as millionths, rounding half up; the result may be a whole million.
func parseFraction(text string) (micro uint64, rest string, err error) {
	digits := leadingDigits(text)
	if digits == "" {
		return 0, "", ErrInvalid
	}
	padded := digits + "000000"
	for i := range 6 {
		micro = micro*10 + uint64(padded[i]-'0')
	}
	if len(digits) > 6 && digits[6] >= '5' {
		micro++
	}
	return micro, text[len(digits):], nil
}
