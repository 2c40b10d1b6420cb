package supervise

import (
	"fmt"
	"hash/fnv"

	"keelson/supervise/calendar"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The state model of a timer (src/core/timer.c):
//
//	state    start    stop  time                          the unit that it triggers      clock or zone changed
//	dead     waiting  -     -                             -                              -
//	waiting  -        dead  running, with a start job     counts anew                    running if asked for, else counts anew
//	running  -        dead  -                             waiting, once it is down       -
//	elapsed  -        dead  -                             waiting                        -
//	failed   waiting  -     -                             -                              -
//
// "waiting" counts when to elapse next; with no time left to wait for, the timer is elapsed or, with RemainAfterElapse=no, dead.

// A TimerState is a row of the table.
type TimerState uint8

// The states.
const (
	TimerDead TimerState = iota
	TimerWaiting
	TimerRunning
	TimerElapsed
	TimerFailed
)

var timerStates = [...]struct {
	name   string
	active graph.ActiveState
}{
	{"dead", graph.Inactive}, {"waiting", graph.Active}, {"running", graph.Active}, {"elapsed", graph.Active}, {"failed", graph.Failed},
}

func (s TimerState) String() string { return timerStates[s].name }

// Timer is a timer as it lives.
type Timer struct {
	State         TimerState
	Result        Result
	LastTrigger   Time
	NextMonotonic Usec   // without RandomizedDelaySec=, 0: none
	NextRealtime  Usec   // likewise
	Disabled      []bool // of Config.Timer.Monotonic: elapsed for good
	Query         QueryID
}

type timer struct {
	m *Machine
	u *Unit
	*Timer
}

func (t timer) config() *unit.Timer { return t.u.Config.Timer }
func (t timer) sub() string         { return t.State.String() }

func (t timer) enter(s TimerState) {
	t.State = s
	if s != TimerWaiting {
		t.m.disarm(t.u, monotonicDeadline)
		t.m.disarm(t.u, realtimeDeadline)
		t.NextMonotonic, t.NextRealtime = 0, 0
	}
	t.m.changed(t.u, timerStates[s].active, 0)
}

func (t timer) enterDead(f Result) {
	t.Result.keep(f)
	t.m.logResult(t.u, t.Result)
	if t.Result != Success {
		t.enter(TimerFailed)
	} else {
		t.enter(TimerDead)
	}
}

// start is a start job. With Persistent=yes the time of the last run is asked for first.
func (t timer) start() graph.RunResult {
	if !t.m.mayStart(t.u) {
		t.enterDead(StartLimitHit)
		return graph.RunFailed
	}
	if t.Query != 0 {
		return graph.RunUnderway
	}
	if !t.m.testTrigger(t.u) {
		return graph.RunFailed
	}
	t.m.invoke(t.u)
	t.LastTrigger = Time{}
	for i, v := range t.config().Monotonic {
		if v.Base == unit.OnActive {
			t.Disabled[i] = false
		}
	}
	t.Result = Success
	if t.config().Persistent {
		t.Query = t.m.query()
		t.m.emit(ReadStamp{t.u.Name, t.Query})
		return graph.RunUnderway
	}
	t.enterWaiting(false)
	return graph.RunUnderway
}

func (t timer) stampRead(e StampRead) {
	if t.Query == 0 || e.Query != t.Query {
		return
	}
	t.Query = 0
	if j, ok := t.m.graph.JobOf(t.u.ID); !ok || j.Type != graph.JobStart || j.State != graph.JobRunning {
		return // nobody wants it up any more
	}
	switch {
	case e.Realtime == 0:
	case e.Realtime < t.m.now.Realtime:
		t.LastTrigger.Realtime = e.Realtime
	default:
		t.m.log(t.u, 4, "Not using persistent file timestamp "+calendar.FormatTimestamp(e.Realtime, calendar.StylePretty, t.m.config.Loader.Zones.Local)+
			" as it is in the future.")
	}
	t.enterWaiting(false)
}

func (t timer) stop() graph.RunResult {
	t.Query = 0
	t.enterDead(Success)
	return graph.RunUnderway
}

func (t timer) reload() graph.RunResult { return graph.RunNotApplicable }

func (t timer) resetFailed() {
	if t.State == TimerFailed {
		t.enter(TimerDead)
	}
	t.Result = Success
}

// active: the timer has been up since its unit's InactiveExit.
func (t timer) active() bool { return timerStates[t.State].active == graph.Active }

// enterWaiting counts when the timer elapses next (timer_enter_waiting in src/core/timer.c).
func (t timer) enterWaiting(clockChanged bool) {
	trigger, ok := t.m.trigger(t.u)
	if !ok {
		t.m.log(t.u, 3, "Unit to trigger vanished.")
		t.enterDead(Resources)
		return
	}
	c := t.config()
	realtime := t.nextCalendar()
	monotonic := Infinity
	leaveAround := false
	for i, v := range c.Monotonic {
		leaveAround = leaveAround || v.Base == unit.OnUnitActive || v.Base == unit.OnUnitInactive
		if t.Disabled[i] {
			continue
		}
		base, known := t.base(v.Base, trigger)
		if !known {
			continue
		}
		next := base.Add(v.After)
		if t.LastTrigger.IsSet() && !clockChanged && next <= t.m.now.Monotonic && v.Base <= unit.OnStartup {
			t.Disabled[i] = true // it elapses once
			continue
		}
		monotonic = min(monotonic, next)
	}
	if monotonic == Infinity && realtime == Infinity && !c.OnClockChange && !c.OnTimezoneChange {
		if c.RemainAfterElapse || leaveAround {
			t.enter(TimerElapsed)
		} else {
			t.enterDead(Success)
		}
		return
	}
	t.NextMonotonic = t.armElapse(monotonicDeadline, monotonic)
	t.NextRealtime = t.armElapse(realtimeDeadline, realtime)
	t.enter(TimerWaiting)
}

// base is the time from which a monotonic timer counts (systemd.timer(5)). In a container the uptime of the machine says nothing,
// so OnBootSec= counts from the manager's start.
func (t timer) base(b unit.TimerBase, trigger *Unit) (Usec, bool) {
	switch b {
	case unit.OnActive:
		if t.active() {
			return t.u.InactiveExit.Monotonic, true
		}
		return t.m.now.Monotonic, true
	case unit.OnUnitActive:
		base := max(trigger.InactiveExit.Monotonic, t.LastTrigger.Monotonic)
		return base, base > 0
	case unit.OnUnitInactive:
		base := max(trigger.InactiveEnter.Monotonic, t.LastTrigger.Monotonic)
		return base, base > 0
	}
	return t.m.config.Startup.Monotonic, true
}

// nextCalendar is the earliest OnCalendar= after the last run or, if there was none, after the timer came up. What was missed is
// due since the manager's start, so that RandomizedDelaySec= spreads that too.
func (t timer) nextCalendar() Usec {
	from := t.LastTrigger.Realtime
	switch {
	case from > 0:
	case t.active():
		from = t.u.InactiveExit.Realtime
	default:
		from = t.m.now.Realtime
	}
	started := t.m.now.Realtime.Sub(t.m.now.Monotonic.Sub(t.m.config.Startup.Monotonic))
	next := Infinity
	for _, spec := range t.config().Calendar {
		if at, ok := spec.Next(from.Time()); ok {
			next = min(next, max(calendar.FromTime(at), started))
		}
	}
	return next
}

// armElapse sets a deadline, a random delay later than due.
func (t timer) armElapse(k deadlineKind, at Usec) Usec {
	if at == Infinity {
		t.m.disarm(t.u, k)
		return 0
	}
	at = min(at.Add(t.randomDelay()), Infinity-1)
	t.m.arm(t.u, k, at, t.config().Accuracy)
	return at
}

// randomDelay is chosen for each elapse, or with FixedRandomDelay=yes once and for all from the machine and the unit's name.
func (t timer) randomDelay() Usec {
	c := t.config()
	if c.RandomizedDelay == 0 {
		return 0
	}
	n := uint64(0)
	if c.FixedRandomDelay {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s %s", t.m.config.Loader.Host.MachineID, t.u.Name)
		n = h.Sum64()
	} else {
		n = t.m.config.Random()
	}
	return Usec(n % uint64(c.RandomizedDelay))
}

func (t timer) deadline(deadlineKind) {
	if t.State == TimerWaiting {
		t.enterRunning()
	}
}

// enterRunning starts the unit (timer_enter_running in src/core/timer.c).
func (t timer) enterRunning() {
	if t.m.graph.StopPending(t.u.ID) {
		return
	}
	trigger, ok := t.m.trigger(t.u)
	if !ok {
		t.m.log(t.u, 3, "Unit to trigger vanished.")
		t.enterDead(Resources)
		return
	}
	job, err := t.m.enqueue(graph.JobStart, trigger.ID, graph.ModeReplace)
	if err != nil {
		t.m.log(t.u, 4, "Failed to queue unit startup job: "+err.Error())
		t.enterDead(Resources)
		return
	}
	t.LastTrigger = t.m.now
	t.m.record(job).Activation = []string{
		"TRIGGER_UNIT=" + t.u.Name,
		fmt.Sprintf("TRIGGER_TIMER_REALTIME_USEC=%d", t.m.now.Realtime),
		fmt.Sprintf("TRIGGER_TIMER_MONOTONIC_USEC=%d", t.m.now.Monotonic),
	}
	if t.config().Persistent {
		t.m.emit(TouchStamp{t.u.Name, t.m.now.Realtime})
	}
	t.enter(TimerRunning)
}

func (t timer) triggered(n news) {
	for i, v := range t.config().Monotonic {
		if v.Base == unit.OnUnitActive || v.Base == unit.OnUnitInactive {
			t.Disabled[i] = false
		}
	}
	switch {
	case t.State == TimerWaiting, t.State == TimerElapsed, t.State == TimerRunning && n.Active.IsDown():
		t.enterWaiting(false)
	}
}

// clockChanged: a timer that seems to have run in the future runs again (timer_time_change in src/core/timer.c).
func (t timer) clockChanged() {
	if t.State != TimerWaiting {
		return
	}
	t.LastTrigger.Realtime = min(t.LastTrigger.Realtime, t.m.now.Realtime)
	if t.config().OnClockChange {
		t.enterRunning()
	} else {
		t.enterWaiting(true)
	}
}

func (t timer) zoneChanged() {
	if t.State != TimerWaiting {
		return
	}
	if t.config().OnTimezoneChange {
		t.enterRunning()
	} else {
		t.enterWaiting(false)
	}
}
