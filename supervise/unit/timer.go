package unit

import "keelson/supervise/calendar"

// TimerBase is what a monotonic timer counts from (systemd.timer(5)).
type TimerBase uint8

// The timer bases.
const (
	OnActive TimerBase = iota
	OnBoot
	OnStartup
	OnUnitActive
	OnUnitInactive
)

var timerBaseWords = words{"OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec"}

func (b TimerBase) String() string { return timerBaseWords.of(uint8(b)) }

// MonotonicTimer elapses After its Base.
type MonotonicTimer struct {
	Base  TimerBase
	After Usec
}

// Timer is the [Timer] section, defaults filled in.
type Timer struct {
	Monotonic         []MonotonicTimer
	Calendar          []*calendar.Spec // OnCalendar=
	Unit              string           // what it starts; also a Triggers dependency
	OnClockChange     bool
	OnTimezoneChange  bool
	Persistent        bool
	WakeSystem        bool
	RemainAfterElapse bool
	FixedRandomDelay  bool
	Accuracy          Usec
	RandomizedDelay   Usec
}
