package calendar

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Spec is a calendar expression, such as that of OnCalendar=: a set of points in time. It is immutable and
// always normalized and valid.
type Spec struct {
	weekdays   uint8          // bit 0 is Monday; 0 stands for every day
	chains     [levels]chain  // what may stand at each level; an empty chain stands for everything
	endOfMonth bool           // the chain of days counts back from the end of the month, 1 is the last day
	zone       string         // what is printed behind the expression: "", "UTC", an IANA name or an abbreviation
	loc        *time.Location // where the wall clock is read
	dst        int8           // 0 or 1: zone is the abbreviation of standard or daylight saving time; otherwise -1
}

// A level is one component of date and time. Levels order from the coarse to the fine, and whatever raises a
// component starts all finer ones anew.
type level int

const (
	year level = iota
	month
	day
	hour
	minute
	second // in microseconds
	levels
)

// levelTable has the range of values of each level, how wide it is printed, and what one printed unit counts.
var levelTable = [levels]struct {
	first, last int
	width       int
	unit        int
}{
	year:   {1970, 2199, 4, 1},
	month:  {1, 12, 2, 1},
	day:    {1, 31, 2, 1},
	hour:   {0, 23, 2, 1},
	minute: {0, 59, 2, 1},
	second: {0, 60*1_000_000 - 1, 2, 1_000_000},
}

// A component is start, or start/repeat, or start..stop/repeat. Stop is -1 and repeat 0 where there is none.
type component struct{ start, stop, repeat int }

type chain []component

func (a component) compare(b component) int {
	for _, d := range []int{a.start - b.start, a.stop - b.stop, a.repeat - b.repeat} {
		if d != 0 {
			return d
		}
	}
	return 0
}

// normalized cuts each range to a multiple of its repetition, turns a range of one value into that value,
// sorts, and drops duplicates (normalize_chain of calendarspec.c).
func (c chain) normalized() chain {
	for i := range c {
		p := &c[i]
		if p.stop > p.start && p.repeat > 0 {
			p.stop -= (p.stop - p.start) % p.repeat
		}
		if p.start == p.stop {
			p.stop, p.repeat = -1, 0
		}
	}
	slices.SortFunc(c, component.compare)
	return slices.Compact(c)
}

// fullYears turns 12 into 2012 and 89 into 1989 (fix_year of calendarspec.c).
func (c chain) fullYears() {
	full := func(y int) int {
		switch {
		case y < 0, y >= 100:
			return y
		case y < 70:
			return y + 2000
		}
		return y + 1900
	}
	for i := range c {
		c[i].start, c[i].stop = full(c[i].start), full(c[i].stop)
	}
}

// valid asks for values within the level and for repetitions that happen at least once (chain_valid of
// calendarspec.c). Counted from the end of the month, a day is at most the 28th, which every month has; systemd
// takes those three days off anew for each further item of a list, and so refuses "*-*~01,28".
func (c chain) valid(l level, endOfMonth bool) bool {
	first, last := levelTable[l].first, levelTable[l].last
	for _, p := range c {
		if endOfMonth {
			last -= 3
		}
		switch {
		case p.start < first, p.start > last, p.repeat > last-first:
			return false
		case p.stop >= 0:
			if p.stop < first || p.stop > last || p.start+p.repeat > p.stop {
				return false
			}
		case endOfMonth:
			if p.start-p.repeat < first {
				return false
			}
		case p.start+p.repeat > last:
			return false
		}
	}
	return true
}

const everyDay = 1<<7 - 1

// normalize brings a parsed expression into the one form in which it is printed, and says whether it is valid.
func (s *Spec) normalize() bool {
	if s.weekdays == everyDay {
		s.weekdays = 0
	}
	if len(s.chains[day]) == 0 {
		s.endOfMonth = false
	}
	s.chains[year].fullYears()
	for l := range levels {
		s.chains[l] = s.chains[l].normalized()
		if !s.chains[l].valid(l, s.endOfMonth && l == day) {
			return false
		}
	}
	return true
}

var weekdayNames = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// String is the normalized form (calendar_spec_to_string of calendarspec.c), "Mon..Fri *-*-* 10:00:00".
func (s *Spec) String() string {
	var b strings.Builder
	if s.weekdays != 0 {
		b.WriteString(formatWeekdays(s.weekdays) + " ")
	}
	separators := [levels]string{month: "-", day: "-", hour: " ", minute: ":", second: ":"}
	if s.endOfMonth {
		separators[day] = "~"
	}
	for l := range levels {
		b.WriteString(separators[l] + s.chains[l].format(l))
	}
	if s.zone != "" {
		b.WriteString(" " + s.zone)
	}
	return b.String()
}

func formatWeekdays(set uint8) string {
	var parts []string
	for d := 0; d < 7; {
		if set&(1<<d) == 0 {
			d++
			continue
		}
		from := d
		for d < 7 && set&(1<<d) != 0 {
			d++
		}
		switch run := weekdayNames[from:d]; len(run) {
		case 1, 2:
			parts = append(parts, run...)
		default:
			parts = append(parts, run[0]+".."+run[len(run)-1])
		}
	}
	return strings.Join(parts, ",")
}

func (c chain) format(l level) string {
	if c.matchesAll(l) {
		return "*"
	}
	width, unit := levelTable[l].width, levelTable[l].unit
	var parts []string
	for _, p := range c {
		text := formatValue(p.start, width, unit)
		if p.stop > 0 {
			text += ".." + formatValue(p.stop, width, unit)
		}
		// The repetition that a range has when none is written.
		if p.repeat > 0 && !(p.stop > 0 && p.repeat == unit) {
			text += "/" + formatValue(p.repeat, 1, unit)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ",")
}

// matchesAll says whether "*" may stand for the chain: "*" seconds are kept as 0/1.
func (c chain) matchesAll(l level) bool {
	return len(c) == 0 || l == second && slices.Contains(c, component{0, -1, levelTable[second].unit})
}

func formatValue(v, width, unit int) string {
	text := fmt.Sprintf("%0*d", width, v/unit)
	if v%unit > 0 {
		text += fmt.Sprintf(".%06d", v%unit)
	}
	return text
}
