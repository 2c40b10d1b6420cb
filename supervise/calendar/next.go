package calendar

import (
	"slices"
	"time"
)

// maxIterations is after how many attempts systemd takes an expression for one without end
// (MAX_CALENDAR_ITERATIONS of calendarspec.c).
const maxIterations = 1000

// Next is the first point in time after the given one, rounded down to microseconds, at which the expression
// elapses, in the location of after (calendar_spec_next_usec of calendarspec.c). It is false when there is
// none before the year 2200. Times before the epoch count as the epoch.
//
// A time of day that is skipped as clocks are put forward does not elapse that day. One that happens twice as
// they are put back elapses once, unless after lies between the two.
func (s *Spec) Next(after time.Time) (time.Time, bool) {
	start := after.UnixMicro()
	if start > int64(latest) {
		return time.Time{}, false
	}
	start = max(start, -1) + 1
	unix, micros := start/int64(Second), int(start%int64(Second))
	k := &clock{loc: s.loc}
	k.offset, _ = k.at(unix)
	first, dst := k.read(unix, micros)

	c, wound := first, false
	for range maxIterations {
		if t, ok := k.unix(c, dst); ok {
			c, dst = k.read(t, c.micros())
		}
		if !wound {
			dst = s.dst
		}
		switch s.advance(k, &c, &dst) {
		case never:
			return time.Time{}, false
		case again:
			continue
		}
		// A skipped hour of negative daylight saving time leads back. From here on, the hours are counted with
		// the state of daylight saving time that they are read with (systemd 252.38, pull request 36897).
		if slices.Compare(c[:], first[:]) < 0 {
			c[hour]++
			wound = true
			continue
		}
		t, ok := k.unix(c, dst)
		if !ok || t < 0 {
			return time.Time{}, false
		}
		return time.UnixMicro(t*int64(Second) + int64(c.micros())).In(after.Location()), true
	}
	return time.Time{}, false
}

type progress int

const (
	again progress = iota // c moved forward and must be looked at anew
	found                 // c elapses
	never
)

// advance moves c forward to the first value that the expression allows, level by level, coarse to fine. A
// level without such a value carries into the next coarser one.
func (s *Spec) advance(k *clock, c *civil, dst *int8) progress {
	for l := range levels {
		moved := -1
		if v, ok := s.earliest(l, c); ok {
			if v != c[l] {
				c[l] = v
				c.restart(l + 1)
			}
			moved = k.settle(c, dst)
		}
		switch {
		case l == year && moved != 0:
			return never
		case moved > 0:
			return again
		case moved < 0:
			c.carry(l - 1)
			return again
		case l == day && !s.onWeekday(k, *c, *dst):
			c.carry(day)
			return again
		}
	}
	return found
}

// earliest is the first value of a level, from c's on, that the expression allows.
func (s *Spec) earliest(l level, c *civil) (int, bool) {
	if l == day && s.endOfMonth {
		return s.chains[l].earliest(c[l], c.fromEndOfMonth)
	}
	return s.chains[l].earliest(c[l], func(v int) int { return v })
}

func (s *Spec) onWeekday(k *clock, c civil, dst int8) bool {
	if s.weekdays == 0 {
		return true
	}
	t, ok := k.unix(c, dst)
	if !ok || t < 0 {
		return false
	}
	fromSunday := int(time.Unix(t, 0).In(k.loc).Weekday())
	return s.weekdays&(1<<((fromSunday+6)%7)) != 0
}

// earliest is the smallest value of the chain that is not below v. Place turns a value of the chain into one of
// the level.
func (c chain) earliest(v int, place func(int) int) (int, bool) {
	if len(c) == 0 {
		return v, true
	}
	best, ok := 0, false
	for _, p := range c {
		at, stop := place(p.start), p.stop
		if stop >= 0 {
			// Counted from the end of the month, the stop is the earlier one.
			stop = place(stop)
			at, stop = min(at, stop), max(at, stop)
		}
		if at < v {
			if p.repeat == 0 {
				continue
			}
			at += (v - at + p.repeat - 1) / p.repeat * p.repeat
			if stop >= 0 && at > stop {
				continue
			}
		}
		if !ok || at < best {
			best, ok = at, true
		}
	}
	return best, ok
}
