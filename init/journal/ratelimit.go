package journal

import (
	"math/bits"
	"time"
)

// limits count the lines of units (journald-rate-limit.c): a burst per interval, unit and class of severity, so that debug messages do not use
// up what errors need.
type limits struct {
	units map[string]*[5]pool
}

type pool struct {
	begin      time.Duration // on the monotonic clock; 0: unused
	n          uint
	suppressed int
}

// classes are the pools that severities count in (priority_map).
var classes = [8]uint8{0, 0, 0, 1, 2, 3, 3, 4}

// unitsCounted bounds the memory (GROUPS_MAX).
const unitsCounted = 2047

// pass tells whether a line may be stored and, if so, how many were suppressed before it. now is on the monotonic clock, available the
// bytes that the journal may still take.
func (l *limits) pass(unit string, r RateLimit, severity int, now time.Duration, available uint64) (ok bool, suppressed int) {
	if unit == "" || r.Off || r.Interval <= 0 || r.Burst == 0 {
		return true, 0
	}
	p := l.units[unit]
	if p == nil {
		if l.units == nil || len(l.units) >= unitsCounted {
			l.units = map[string]*[5]pool{}
		}
		p = new([5]pool)
		l.units[unit] = p
	}
	q := &p[classes[severity&7]]
	if q.begin == 0 || now-q.begin > r.Interval {
		suppressed = q.suppressed
		*q = pool{begin: max(now, 1), n: 1}
		return true, suppressed
	}
	if q.n < modulate(r.Burst, available) {
		q.n++
		return true, 0
	}
	q.suppressed++
	return false, 0
}

// modulate lets a burst grow with the space there is: 16 MB double it, 256 MB treble it (burst_modulate).
func modulate(burst uint, available uint64) uint {
	k := uint(bits.Len64(max(available, 1)) - 1)
	if k <= 20 {
		return burst
	}
	return burst * (k - 16) / 4
}
