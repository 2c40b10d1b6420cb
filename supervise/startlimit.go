package supervise

import (
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// A Limiter counts events within a window that begins with the first of them (ratelimit_below in
// src/basic/ratelimit.c).
type Limiter struct {
	Limit unit.RateLimit `json:"-"`
	Begin Usec           // monotonic, 0: none yet
	Count uint
}

// below counts one event and tells whether it is within the limit.
func (l *Limiter) below(now Usec) bool {
	if !l.Limit.Limited() {
		return true
	}
	if l.Begin == 0 || now.Sub(l.Begin) > l.Limit.Interval {
		l.Begin, l.Count = max(now, 1), 1
		return true
	}
	if l.Count < l.Limit.Burst {
		l.Count++
		return true
	}
	return false
}

// reset forgets all events.
func (l *Limiter) reset() { l.Begin, l.Count = 0, 0 }

// followUpLimit is auto_start_stop_ratelimit of src/core/unit.c.
var followUpLimit = unit.RateLimit{Interval: 10 * calendar.Second, Burst: 16}

// mayStart counts a start and tells whether StartLimitBurst= allows it (systemd.unit(5), StartLimitIntervalSec=;
// unit_test_start_limit in src/core/unit.c). The unit then fails with start-limit-hit.
func (m *Machine) mayStart(u *Unit) bool {
	u.StartLimitHit = !u.Starts.below(m.now.Monotonic)
	if u.StartLimitHit {
		m.log(u, 4, "Start request repeated too quickly.")
		m.emergency(u.Config.StartLimitAction, u.Config.RebootArgument, -1, "unit "+u.Name+" failed", true)
	}
	return !u.StartLimitHit
}
