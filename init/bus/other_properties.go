package bus

import (
	"slices"
	"strings"

	"keelson/supervise"
	"keelson/supervise/calendar"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The properties of timers, paths and scopes, and of what has no life in a container (src/core/dbus-{timer,path,scope,mount,
// automount,swap,device}.c).

func timerProperties() []property {
	set := func(name, sig string, get func(*unit.Timer) any) []property {
		return row(name, sig, constant, func(s *subject) any { return get(s.config().Timer) })
	}
	return rows(
		row("Unit", "s", constant, triggered),
		row("TimersMonotonic", "a(stt)", invalidates, func(s *subject) any { return monotonicTimers(s) }),
		row("TimersCalendar", "a(sst)", invalidates, func(s *subject) any { return calendarTimers(s) }),
		set("OnClockChange", "b", func(c *unit.Timer) any { return c.OnClockChange }),
		set("OnTimezoneChange", "b", func(c *unit.Timer) any { return c.OnTimezoneChange }),
		row("NextElapseUSecRealtime", "t", changes, func(s *subject) any { return usec(s.u.Timer.NextRealtime) }),
		row("NextElapseUSecMonotonic", "t", changes, func(s *subject) any {
			if s.u.Timer.NextMonotonic == 0 {
				return usec(supervise.Infinity)
			}
			return usec(s.u.Timer.NextMonotonic)
		}),
		dual("LastTriggerUSec", changes, func(s *subject) supervise.Time { return s.u.Timer.LastTrigger }),
		row("Result", "s", changes, result),
		set("AccuracyUSec", "t", func(c *unit.Timer) any { return usec(c.Accuracy) }),
		set("RandomizedDelayUSec", "t", func(c *unit.Timer) any { return usec(c.RandomizedDelay) }),
		set("FixedRandomDelay", "b", func(c *unit.Timer) any { return c.FixedRandomDelay }),
		set("Persistent", "b", func(c *unit.Timer) any { return c.Persistent }),
		set("WakeSystem", "b", func(c *unit.Timer) any { return c.WakeSystem }),
		set("RemainAfterElapse", "b", func(c *unit.Timer) any { return c.RemainAfterElapse }),
	)
}

// triggered is the unit that a timer or path starts (bus_property_get_triggered_unit).
func triggered(s *subject) any {
	g := s.machine.Graph()
	for _, id := range g.Dependencies(s.u.ID, graph.Triggers) {
		return g.Name(id)
	}
	return ""
}

type monotonicTimer struct {
	Base        string
	After, Next uint64
}

// monotonicTimers lists them as systemd does, the last line first. What each elapses next at is told for the one that the timer
// waits for.
func monotonicTimers(s *subject) []monotonicTimer {
	list := []monotonicTimer{}
	for _, v := range s.config().Timer.Monotonic {
		next := supervise.Usec(0)
		if base, ok := timerBase(s, v.Base); ok {
			next = base.Add(v.After)
		}
		list = append(list, monotonicTimer{strings.TrimSuffix(v.Base.String(), "Sec") + "USec", usec(v.After), usec(next)})
	}
	slices.Reverse(list)
	return list
}

// timerBase is from when a monotonic timer that is up counts, as supervise has it.
func timerBase(s *subject, b unit.TimerBase) (supervise.Usec, bool) {
	g := s.machine.Graph()
	if !s.machine.Active(s.u).IsUp() {
		return 0, false
	}
	var trigger *supervise.Unit
	for _, id := range g.Dependencies(s.u.ID, graph.Triggers) {
		trigger = unitOf(s.machine, id)
	}
	base := supervise.Usec(0)
	switch last := s.u.Timer.LastTrigger.Monotonic; {
	case b == unit.OnActive:
		base = s.u.InactiveExit.Monotonic
	case b == unit.OnBoot, b == unit.OnStartup:
		base = s.Info().Userspace.Monotonic
	case trigger == nil:
	case b == unit.OnUnitActive:
		base = max(trigger.InactiveExit.Monotonic, last)
	case b == unit.OnUnitInactive:
		base = max(trigger.InactiveEnter.Monotonic, last)
	}
	return base, base != 0
}

type calendarTimer struct {
	Base, Spec string
	Next       uint64
}

func calendarTimers(s *subject) []calendarTimer {
	list := []calendarTimer{}
	for _, spec := range s.config().Timer.Calendar {
		next := uint64(0)
		if s.machine.Active(s.u).IsUp() {
			if at, ok := spec.Next(s.Now().Realtime.Time()); ok {
				next = usec(calendar.FromTime(at))
			}
		}
		list = append(list, calendarTimer{"OnCalendar", spec.String(), next})
	}
	slices.Reverse(list)
	return list
}

func pathProperties() []property {
	set := func(name, sig string, get func(*unit.Path) any) []property {
		return row(name, sig, constant, func(s *subject) any { return get(s.config().Path) })
	}
	return rows(
		row("Unit", "s", constant, triggered),
		set("Paths", "a(ss)", func(c *unit.Path) any {
			list := []pair{}
			for _, p := range c.Specs {
				list = append(list, pair{p.Kind.String(), p.Path})
			}
			slices.Reverse(list)
			return list
		}),
		set("MakeDirectory", "b", func(c *unit.Path) any { return c.MakeDirectory }),
		set("DirectoryMode", "u", func(c *unit.Path) any { return c.DirectoryMode }),
		row("Result", "s", changes, result),
		set("TriggerLimitIntervalUSec", "t", func(c *unit.Path) any { return usec(c.TriggerLimit.Interval) }),
		set("TriggerLimitBurst", "u", func(c *unit.Path) any { return uint32(c.TriggerLimit.Burst) }),
	)
}

func scopeProperties() []property {
	set := func(name, sig string, get func(*unit.Scope) any) []property {
		return row(name, sig, constant, func(s *subject) any { return get(s.config().Scope) })
	}
	return rows(
		row("Controller", "s", changes, func(*subject) any { return "" }),
		set("TimeoutStopUSec", "t", func(c *unit.Scope) any { return usec(c.TimeoutStop) }),
		row("Result", "s", changes, result),
		set("RuntimeMaxUSec", "t", func(c *unit.Scope) any { return usec(c.RuntimeMax) }),
		set("RuntimeRandomizedExtraUSec", "t", func(c *unit.Scope) any { return usec(c.RuntimeRandomExtra) }),
		set("OOMPolicy", "s", func(c *unit.Scope) any { return c.OOMPolicy.String() }),
	)
}

// noProcess are the rows of what mounts and swaps would run.
func noProcess(commandNames ...string) []property {
	list := rows(
		row("Result", "s", changes, result),
		row("UID", "u", changes, func(*subject) any { return ^uint32(0) }),
		row("GID", "u", changes, func(*subject) any { return ^uint32(0) }),
	)
	for _, name := range commandNames {
		list = append(list, row(name, "a(sasbttttuii)", invalidates, func(*subject) any { return []command{} })...)
	}
	return list
}

func noControl() []property {
	return row("ControlPID", "u", changes, func(*subject) any { return uint32(0) })
}

func mountProperties() []property {
	set := func(name, sig string, e emits, get func(*unit.Mount) any) []property {
		return row(name, sig, e, func(s *subject) any { return get(s.config().Mount) })
	}
	return rows(
		row("Where", "s", constant, func(s *subject) any { return where(s, s.config().Mount.Where) }),
		set("What", "s", changes, func(c *unit.Mount) any { return c.What }),
		set("Options", "s", changes, func(c *unit.Mount) any { return c.Options }),
		set("Type", "s", changes, func(c *unit.Mount) any { return c.FSType }),
		set("TimeoutUSec", "t", constant, func(c *unit.Mount) any { return usec(c.Timeout) }),
		noControl(),
		set("DirectoryMode", "u", constant, func(c *unit.Mount) any { return c.DirectoryMode }),
		set("SloppyOptions", "b", constant, func(c *unit.Mount) any { return c.SloppyOptions }),
		set("LazyUnmount", "b", constant, func(c *unit.Mount) any { return c.LazyUnmount }),
		set("ForceUnmount", "b", constant, func(c *unit.Mount) any { return c.ForceUnmount }),
		set("ReadWriteOnly", "b", constant, func(c *unit.Mount) any { return c.ReadWriteOnly }),
		noProcess("ExecMount", "ExecUnmount", "ExecRemount"),
	)
}

// where is the path that the unit is for: what its file says, or its name.
func where(s *subject, said string) string {
	if said != "" {
		return said
	}
	p, err := unit.PathFromName(s.u.Name)
	if err != nil {
		return ""
	}
	return p
}

func automountProperties() []property {
	set := func(name, sig string, get func(*unit.Automount) any) []property {
		return row(name, sig, constant, func(s *subject) any { return get(s.config().Automount) })
	}
	return rows(
		row("Where", "s", constant, func(s *subject) any { return where(s, s.config().Automount.Where) }),
		set("ExtraOptions", "s", func(c *unit.Automount) any { return c.ExtraOptions }),
		set("DirectoryMode", "u", func(c *unit.Automount) any { return c.DirectoryMode }),
		row("Result", "s", changes, result),
		set("TimeoutIdleUSec", "t", func(c *unit.Automount) any { return usec(c.TimeoutIdle) }),
	)
}

func swapProperties() []property {
	set := func(name, sig string, e emits, get func(*unit.Swap) any) []property {
		return row(name, sig, e, func(s *subject) any { return get(s.config().Swap) })
	}
	return rows(
		set("What", "s", changes, func(c *unit.Swap) any { return c.What }),
		set("Priority", "i", changes, func(c *unit.Swap) any { return int32(c.Priority) }),
		set("Options", "s", changes, func(c *unit.Swap) any { return c.Options }),
		set("TimeoutUSec", "t", constant, func(c *unit.Swap) any { return usec(c.Timeout) }),
		noControl(),
		noProcess("ExecActivate", "ExecDeactivate"),
	)
}

func deviceProperties() []property {
	return row("SysFSPath", "s", changes, func(s *subject) any {
		if p := where(s, ""); strings.HasPrefix(p, "/sys/") {
			return p
		}
		return ""
	})
}
