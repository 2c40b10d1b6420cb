package calendar

import (
	"fmt"
	"strings"
	"time"
)

// ParseTimestamp reads a point in time (parse_timestamp of time-util.c; systemd.time(7), "Parsing Timestamps"):
//
//	2012-09-22 16:34:22.5    also a two-digit year, and without seconds, time of day or date
//	Sep 22 16:34:22.5        as logs have it, this year
//	today, yesterday, tomorrow, now
//	+5min, -5days, 2h ago, 3h left
//	@2147483647              seconds, or any time span, since the epoch
//
// A date, a time of day and the words for days may end in UTC, an abbreviation of zones.Local or a zone's name.
// A date or time of day may begin with the weekday, which must be right. "@infinity" is Infinity.
// The error wraps ErrInvalid or ErrRange.
func ParseTimestamp(text string, now time.Time, zones Zones) (Usec, error) {
	u, err := parseTimestamp(text, now, zones)
	if err != nil {
		return 0, fmt.Errorf("timestamp %q: %w", text, err)
	}
	return u, nil
}

func parseTimestamp(text string, now time.Time, zones Zones) (Usec, error) {
	if _, ok := cutSuffixFold(text, " UTC"); !ok {
		if rest, name, loc := zones.named(text); loc != nil {
			// A name that is also its own zone's abbreviation ("CET") is read as the abbreviation.
			if names := abbreviations(loc); name != names[0] && name != names[1] {
				return parseReading(rest, now, &clock{loc: loc}, -1)
			}
			zones.Local = loc
		}
	}
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		return sumSpanUsec(rest)
	}
	if text == "now" {
		return checkedTime(FromTime(now), 0, 0)
	}
	for _, r := range relations {
		if span, ok := r.cut(text, r.affix); ok {
			u, err := sumSpanUsec(span)
			if err != nil {
				return 0, err
			}
			if r.past {
				return checkedTime(FromTime(now), 0, u)
			}
			return checkedTime(FromTime(now), u, 0)
		}
	}
	if rest, ok := cutSuffixFold(text, " UTC"); ok {
		return parseReading(rest, now, &clock{loc: time.UTC}, -1)
	}
	rest, _, dst := cutAbbreviation(text, zones.local())
	return parseReading(rest, now, &clock{loc: zones.local()}, dst)
}

// relations are the ways to count from the present.
var relations = []struct {
	affix string
	cut   func(text, affix string) (string, bool)
	past  bool
}{
	{"+", strings.CutPrefix, false},
	{"-", strings.CutPrefix, true},
	{" ago", strings.CutSuffix, true},
	{" left", strings.CutSuffix, false},
}

func sumSpanUsec(text string) (Usec, error) {
	v, err := sumSpan(text, usecUnits, uint64(Second))
	return Usec(v), err
}

// checkedTime refuses what lies before the epoch or after the last time that systemd prints.
func checkedTime(t, plus, minus Usec) (Usec, error) {
	t = t.Add(plus)
	if t > latest || t < minus {
		return 0, ErrInvalid
	}
	return t - minus, nil
}

// dayWords are the words for midnight of a day near the present one.
var dayWords = []struct {
	word string
	days int
}{{"today", 0}, {"yesterday", -1}, {"tomorrow", 1}}

// parseReading reads calendar and clock on k, for standard or daylight saving time if dst is 0 or 1.
func parseReading(text string, now time.Time, k *clock, dst int8) (Usec, error) {
	present := civilAt(now.In(k.loc))
	present[second] -= present.micros()
	for _, w := range dayWords {
		if text == w.word {
			present[day] += w.days
			present.restart(hour)
			return timeOf(present, 0, k, dst)
		}
	}
	weekday := -1
	if rest, d := cutWeekday(text); d >= 0 && strings.HasPrefix(rest, " ") {
		text, weekday = rest[1:], d
	}
	for _, layout := range layouts {
		c := present
		rest, ok := layout.scan(text, &c)
		var micro uint64
		switch {
		case !ok:
			continue
		case rest == "":
		case layout.fraction && rest[0] == '.':
			var err error
			if micro, rest, err = parseFraction(rest[1:]); err != nil || rest != "" {
				return 0, ErrInvalid
			}
		default:
			continue
		}
		// The weekday is that of the date as written, which need not exist, such as the 31st of a short month.
		fromSunday := int(time.Date(c[year], time.Month(c[month]), c[day], 0, 0, 0, 0, time.UTC).Weekday())
		if weekday >= 0 && (fromSunday+6)%7 != weekday {
			return 0, ErrInvalid
		}
		return timeOf(c, Usec(micro), k, dst)
	}
	return 0, ErrInvalid
}

func timeOf(c civil, micro Usec, k *clock, dst int8) (Usec, error) {
	t, ok := k.unix(c, dst)
	if !ok || t < 0 {
		return 0, ErrInvalid
	}
	return checkedTime(Usec(t)*Second+micro, 0, 0)
}
