package supervise

import (
	"cmp"
	"slices"

	"keelson/supervise/calendar"
	"keelson/supervise/graph"
)

// A Deadline is a point in time at which something is due. Deadlines are data of one incarnation: they live in the unit or the
// job that waits, a change of its state clears or replaces them, and so none of them can fire into a later life.
type Deadline struct {
	At       Usec   // on the clock of its kind; 0 and Infinity: none
	Accuracy Usec   // how much later is as good
	Serial   uint64 // which arming this is, among all of the machine
}

func (d Deadline) set() bool { return d.At != 0 && d.At != Infinity }

// A deadlineKind is what a unit waits for.
type deadlineKind uint8

const (
	timerDeadline     deadlineKind = iota // the state's own: a timeout, RuntimeMaxSec=, RestartSec=
	idleDeadline                          // Type=idle waits no longer
	monotonicDeadline                     // a timer unit elapses
	pollDeadline                          // a socket unit listens again (PollLimitIntervalSec=)
	realtimeDeadline                      // a timer unit with OnCalendar= elapses; on CLOCK_REALTIME
	watchdogDeadline                      // the last: whatever else may be a sign of life comes first
	deadlineKinds
)

var deadlineNames = [deadlineKinds]string{"timer", "idle", "monotonic", "poll", "realtime", "watchdog"}

// Deadlines are what a unit waits for, by kind.
type Deadlines [deadlineKinds]Deadline

// arm sets a deadline, on the clock of its kind. A time that is past already is due at the next Tick.
func (m *Machine) arm(u *Unit, k deadlineKind, at, accuracy Usec) {
	m.disarm(u, k)
	m.lastDeadline++
	u.Deadlines[k] = Deadline{max(at, 1), accuracy, m.lastDeadline}
	m.watch(u)
	if m.wakeKnown {
		m.wake.by(k, m.elapses(u.Deadlines[k]))
	}
}

// watch has Next and tick look at the unit, as long as it waits for anything. Most units do not.
func (m *Machine) watch(u *Unit) {
	if !u.watched {
		u.watched = true
		m.watched = append(m.watched, u)
	}
}

// waiting yields the units that wait for something, and forgets those that do no longer.
func (m *Machine) waiting(yield func(*Unit) bool) {
	kept := m.watched[:0]
	for _, u := range m.watched {
		if m.units[u.ID] != u || u.Deadlines == (Deadlines{}) {
			u.watched = false
			continue
		}
		kept = append(kept, u)
	}
	clear(m.watched[len(kept):])
	m.watched = kept
	for _, u := range kept {
		if !yield(u) {
			return
		}
	}
}

// after arms a deadline so much later than now.
func (m *Machine) after(u *Unit, k deadlineKind, delay Usec) {
	m.arm(u, k, m.now.Monotonic.Add(delay), 0)
}

func (m *Machine) disarm(u *Unit, k deadlineKind) {
	if d := u.Deadlines[k]; d.set() {
		m.wakeKnown = m.wakeKnown && !m.wake.is(k, m.elapses(d))
	}
	u.Deadlines[k] = Deadline{}
}

// Wake is when a Tick is due on each of the clocks; Infinity is never. It may be in the past: then it is due now.
type Wake struct {
	Monotonic Usec
	Realtime  Usec
}

// clock is the one that a kind of deadline is on.
func (w *Wake) clock(k deadlineKind) *Usec {
	if k == realtimeDeadline {
		return &w.Realtime
	}
	return &w.Monotonic
}

func (w *Wake) by(k deadlineKind, at Usec)      { *w.clock(k) = min(*w.clock(k), at) }
func (w *Wake) is(k deadlineKind, at Usec) bool { return *w.clock(k) == at }

// elapses is when a Tick for a deadline is due.
func (m *Machine) elapses(d Deadline) Usec { return within(d.At, d.Accuracy, m.config.Perturb) }

// Next says when time matters. A timer unit's elapse is placed within its window as sd-event places it, so that timers of one
// machine elapse together. It is cheap: only when what was next is no longer, all that waits is looked at again.
func (m *Machine) Next() Wake {
	if m.backlog {
		return Wake{Monotonic: 0, Realtime: Infinity}
	}
	if m.wakeKnown {
		return m.wake
	}
	w := Wake{Infinity, Infinity}
	for u := range m.waiting {
		for k, d := range u.Deadlines {
			if d.set() {
				w.by(deadlineKind(k), m.elapses(d))
			}
		}
	}
	for _, j := range m.jobs {
		if j.Deadline.set() {
			w.by(timerDeadline, j.Deadline.At)
		}
	}
	m.wake, m.wakeKnown = w, true
	return w
}

// within picks a time from at to at+accuracy: on a mark that all timers share, of the coarsest grid that has one there
// (sleep_between in src/libsystemd/sd-event/sd-event.c).
func within(at, accuracy, perturb Usec) Usec {
	last := at.Add(accuracy)
	if accuracy <= 1 || last == Infinity {
		return at
	}
	for _, grid := range [...]Usec{calendar.Minute, 10 * calendar.Second, calendar.Second, 250 * calendar.Millisecond} {
		mark := last/grid*grid + perturb%grid
		if mark >= last {
			mark = mark.Sub(grid)
		}
		if mark >= at {
			return mark
		}
	}
	return last
}

// due is one thing whose time has come.
type due struct {
	at     Usec
	serial uint64
	kind   deadlineKind
	unit   *Unit
	job    graph.JobID // instead of unit
}

// tick acts on the deadlines that are due, watchdogs last and otherwise the earliest first. What is armed meanwhile waits for the
// next Tick, even if it is due at once: so a Tick ends.
func (m *Machine) tick() {
	var list []due
	for u := range m.waiting {
		for k, d := range u.Deadlines {
			now := m.now.Monotonic
			if deadlineKind(k) == realtimeDeadline {
				now = m.now.Realtime
			}
			if d.set() && d.At <= now {
				list = append(list, due{at: d.At, serial: d.Serial, kind: deadlineKind(k), unit: u})
			}
		}
	}
	for id, j := range m.jobs {
		if j.Deadline.set() && j.Deadline.At <= m.now.Monotonic {
			list = append(list, due{at: j.Deadline.At, serial: j.Deadline.Serial, job: id})
		}
	}
	slices.SortFunc(list, func(a, b due) int {
		last := func(d due) int { return int(d.kind / watchdogDeadline) }
		return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(a.at, b.at), cmp.Compare(a.serial, b.serial))
	})
	for _, d := range list {
		if m.finished {
			return
		}
		if d.unit == nil {
			m.jobTimedOut(d.job, d.serial)
			continue
		}
		if d.unit.Deadlines[d.kind].Serial != d.serial || m.units[d.unit.ID] != d.unit {
			continue // what came before has ended the wait
		}
		m.disarm(d.unit, d.kind)
		m.life(d.unit).deadline(d.kind)
		m.settle()
	}
}
