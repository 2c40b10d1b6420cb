package calendar

import "time"

// civil is a reading of a calendar and a clock, one value per level. Values may leave their range, such as the
// 32nd of a month, until a clock reads them back.
type civil [levels]int

// civilAt reads t in its location; microseconds are part of the seconds.
func civilAt(t time.Time) civil {
	return civil{
		t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(),
		t.Second()*levelTable[second].unit + t.Nanosecond()/1000,
	}
}

// restart puts l and all finer levels at their first value.
func (c *civil) restart(l level) {
	for ; l < levels; l++ {
		c[l] = levelTable[l].first
	}
}

// carry adds one to l and puts all finer levels at their first value.
func (c *civil) carry(l level) {
	c[l]++
	c.restart(l + 1)
}

// fromEndOfMonth is the day of c's month that is the nth from its end; the last day is the first.
func (c *civil) fromEndOfMonth(nth int) int {
	return time.Date(c[year], time.Month(c[month]+1), 1-nth, 0, 0, 0, 0, time.UTC).Day()
}

// micros are the microseconds beyond the full second.
func (c *civil) micros() int { return c[second] % levelTable[second].unit }

// utc counts seconds as if the reading were one of UTC.
func (c *civil) utc() int64 {
	sec := c[second] / levelTable[second].unit
	return time.Date(c[year], time.Month(c[month]), c[day], c[hour], c[minute], sec, 0, time.UTC).Unix()
}

// A clock turns readings of one zone into points in time as mktime(3) of the GNU C library does, because
// what systemd's calendar does when clocks are put forward or back follows from that:
//   - a reading that happens twice means the one with the UTC offset that the clock used last;
//   - a reading that never happens means as much later as was skipped, except where daylight saving time is
//     negative (Europe/Dublin), where it means as much earlier;
//   - when standard or daylight saving time is asked for and is not in force, the reading is taken at the
//     offset of the nearest time, in steps of a week, when it is.
type clock struct {
	loc    *time.Location
	offset int64 // seconds east of UTC that the last reading used
}

// The steps in which mktime(3) searches for a time with the wanted state of daylight saving time, and how far.
const (
	searchStep  = 601200
	searchBound = 536454000/2 + searchStep
)

// at is the offset from UTC in force at a point in time, and the state of daylight saving time.
func (k *clock) at(unix int64) (offset int64, dst int8) {
	t := time.Unix(unix, 0).In(k.loc)
	_, seconds := t.Zone()
	return int64(seconds), dstOf(t)
}

// unix finds the point in time of a reading, in seconds since the epoch. The wanted dst is 1 for daylight
// saving time, 0 for standard time, -1 for either.
func (k *clock) unix(c civil, wanted int8) (int64, bool) {
	reading := c.utc()
	t, dst, ok := k.converge(reading, wanted)
	if !ok {
		return 0, false
	}
	if wanted >= 0 && dst >= 0 && dst != wanted {
		t = k.nearest(reading, t, wanted)
	}
	k.offset = reading - t
	return t, true
}

// converge tries offsets until one holds at the time that it leads to. In a gap two offsets lead to each
// other for ever; dst is then -1, for the choice between them has already heeded wanted.
func (k *clock) converge(reading int64, wanted int8) (t int64, dst int8, ok bool) {
	t = reading - k.offset
	before, beforeThat, dstBefore := t, t, int8(0)
	for range 6 {
		offset, dst := k.at(t)
		if t+offset == reading {
			return t, dst, true
		}
		if t == beforeThat && t != before {
			if wanted < 0 && dstBefore <= dst || wanted >= 0 && dst != wanted {
				return t, -1, true
			}
		}
		beforeThat, before, dstBefore, t = before, t, dst, reading-offset
	}
	return 0, 0, false
}

// nearest takes a reading that was understood as t at the offset of the nearest time when dst is as wanted, and
// an hour off t if there is none within eight and a half years.
func (k *clock) nearest(reading, t int64, wanted int8) int64 {
	for delta := int64(searchStep); delta < searchBound; delta += searchStep {
		for _, probe := range []int64{t - delta, t + delta} {
			if offset, dst := k.at(probe); dst == wanted {
				return reading - offset
			}
		}
	}
	if wanted == 1 {
		return t - 3600
	}
	return t + 3600
}

// read is the reading at a point in time, with the given microseconds added, and the state of daylight saving time.
func (k *clock) read(unix int64, micros int) (civil, int8) {
	t := time.Unix(unix, 0).In(k.loc)
	c := civilAt(t)
	c[second] += micros
	return c, dstOf(t)
}

// settle makes c a reading that exists: 0 if it was, 1 if calendar or clock put it later, in which case the
// level below the first that moved starts anew, and -1 if they put it earlier or do not know it. As in
// tm_within_bounds() of calendarspec.c, a second that runs over into the next minute leaves its microseconds.
func (k *clock) settle(c *civil, dst *int8) int {
	if c[year] > levelTable[year].last {
		return -1
	}
	t, ok := k.unix(*c, *dst)
	if !ok || t < 0 {
		return -1
	}
	got, gotDST := k.read(t, c.micros())
	for l := range levels {
		switch {
		case got[l] == c[l]:
			continue
		case got[l] < c[l]:
			return -1
		case l+1 == second:
			got[second] = got.micros()
		case l+1 < second:
			got[l+1] = levelTable[l+1].first
		}
		*c, *dst = got, gotDST
		return 1
	}
	return 0
}
