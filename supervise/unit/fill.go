package unit

import (
	"fmt"
	"slices"
	"strings"

	"keelson/supervise/calendar"
)

// fill puts in what follows from several directives together, once all files are read.
func (u *Unit) fill(d *Defaults) {
	if u.Description == "" {
		u.Description = u.Name
	}
	if u.Service != nil {
		u.Service.fill(u, d)
	}
	if u.Exec != nil {
		u.Exec.fill(u, d)
	}
	if u.Exec != nil && u.Exec.PrivateDevices && u.Cgroup.DevicePolicy == DevicePolicyAuto {
		u.Cgroup.DevicePolicy = DevicePolicyClosed
	}
	limit := func(r *RateLimit, burst uint) {
		if r.Interval == Infinity {
			r.Interval = 2 * calendar.Second
		}
		if r.Burst == ^uint(0) {
			r.Burst = burst
		}
	}
	switch {
	case u.Socket != nil:
		u.Socket.fill(u)
		burst := uint(20)
		if u.Socket.Accept {
			burst = 200
		}
		limit(&u.Socket.TriggerLimit, burst)
		u.Socket.fillPollLimit()
	case u.Path != nil:
		limit(&u.Path.TriggerLimit, 200)
	}
	u.fillSlice()
	u.fillTrigger()
}

// fill: service_add_extras in src/core/service.c.
func (s *Service) fill(u *Unit, d *Defaults) {
	if s.Type == ServiceTypeUnset {
		switch {
		case s.BusName != "":
			s.Type = ServiceDBus
		case len(s.Commands[ExecStart]) > 0:
			s.Type = ServiceSimple
		default:
			s.Type = ServiceOneshot
		}
	}
	if s.Type == ServiceOneshot && !s.TimeoutStartSet {
		s.TimeoutStart = Infinity
	}
	if s.NotifyAccess == NotifyNone && (s.Type == ServiceNotify || s.Type == ServiceNotifyReload || s.Watchdog > 0 || s.FDStoreMax > 0) {
		s.NotifyAccess = NotifyMain
	}
	if s.OOMPolicy == OOMUnset {
		if s.OOMPolicy = d.OOMPolicy; u.Cgroup.Delegate {
			s.OOMPolicy = OOMContinue
		}
	}
	// "null" and "inherit" are the defaults as well as choices (service_fix_stdio).
	e := u.Exec
	if e.Input == InputNull && len(e.InputBytes) > 0 {
		e.Input = InputData
	}
	switch e.Input {
	case InputTTY, InputTTYForce, InputTTYFail, InputSocket, InputFD:
		return
	}
	if e.Output == OutputInherit {
		if e.Error == OutputInherit {
			e.Error = d.Error
		}
		e.Output = d.Output
	}
}

// The capabilities that protections take away.
const (
	capSysModule CapabilitySet = 1 << 16
	capSysRawIO  CapabilitySet = 1 << 17
	capSysTime   CapabilitySet = 1 << 25
	capMknod     CapabilitySet = 1 << 27
	capSyslog    CapabilitySet = 1 << 34
	capWakeAlarm CapabilitySet = 1 << 35
)

// The key under which unit names become user names (user_from_unit_name in src/core/unit.c).
const (
	dynamicUserKey0 = 0x964e5828e6af1a58
	dynamicUserKey1 = 0xec07928c3bf54eb4
)

// fill: unit_patch_contexts in src/core/unit.c.
func (e *ExecContext) fill(u *Unit, d *Defaults) {
	for k := range e.Rlimits {
		if !e.Rlimits[k].Set {
			e.Rlimits[k] = d.Rlimits[k]
		}
	}
	for _, p := range []struct {
		on   bool
		caps CapabilitySet
	}{
		{e.PrivateDevices, capMknod | capSysRawIO}, {e.ProtectKernelModules, capSysModule},
		{e.ProtectKernelLogs, capSyslog}, {e.ProtectClock, capSysTime | capWakeAlarm},
	} {
		if p.on {
			e.BoundingSet &^= p.caps
		}
	}
	if e.DynamicUser {
		if e.User == "" {
			prefix, _, _, _, _ := SplitName(u.Name)
			if e.User = prefix; !strictUser(prefix) || strings.Trim(prefix, "0123456789") == "" {
				e.User = fmt.Sprintf("_du%016x", sipHash(dynamicUserKey0, dynamicUserKey1, []byte(prefix)))
			}
		}
		if e.Group == "" {
			e.Group = e.User
		}
		e.PrivateTmp, e.RemoveIPC, e.NoNewPrivileges, e.RestrictSUIDSGID = true, true, true, true
		e.ProtectSystem = ProtectSystemStrict
		if e.ProtectHome == ProtectHomeNo {
			e.ProtectHome = ProtectHomeReadOnly
		}
	}
	for k := range e.Directories {
		slices.SortStableFunc(e.Directories[k].List, func(a, b Directory) int { return strings.Compare(a.Path, b.Path) })
	}
}

// fill: the service of a socket unit has its name unless Service= says another; the descriptor's name is the unit's
// (systemd.socket(5), Service= and FileDescriptorName=).
func (s *Socket) fill(u *Unit) {
	if s.FDName == "" {
		if s.FDName = u.Name; s.Accept {
			s.FDName = "connection"
		}
	}
}

func (s *Socket) fillPollLimit() {
	unset := RateLimit{Infinity, ^uint(0)}
	switch {
	case s.PollLimit == unset:
		s.PollLimit = RateLimit{}
	case s.PollLimit.Interval == unset.Interval:
		s.PollLimit.Interval = 2 * calendar.Second
	case s.PollLimit.Burst != unset.Burst:
	case s.Accept:
		s.PollLimit.Burst = 150
	default:
		s.PollLimit.Burst = 15
	}
}

// fillSlice: instances are in a slice of their template's, all others in system.slice (unit_set_default_slice in
// src/core/unit.c; systemd.resource-control(5), Slice=).
func (u *Unit) fillSlice() {
	c := u.Cgroup
	switch {
	case c == nil || c.SliceSet:
	case u.Type == TypeSlice:
		c.Slice = ParentSlice(u.Name)
	case u.Instance != "":
		prefix, _, _, _, _ := SplitName(u.Name)
		c.Slice = "system-" + Escape(prefix) + ".slice"
	case u.Type == TypeScope && u.Name == "init.scope":
		c.Slice = "-.slice"
	default:
		c.Slice = "system.slice"
	}
}

// fillTrigger: what a unit starts has its name unless it says another (systemd.timer(5) and systemd.path(5), Unit=).
func (u *Unit) fillTrigger() {
	trigger := func(unit *string, t Type) {
		if *unit == "" {
			*unit, _ = ChangeType(u.Name, t)
		}
		if *unit != "" {
			u.Add(Before, *unit, Implicit)
			u.Add(Triggers, *unit, Implicit)
		}
	}
	switch {
	case u.Timer != nil:
		trigger(&u.Timer.Unit, TypeService)
	case u.Path != nil:
		trigger(&u.Path.Unit, TypeService)
	case u.Automount != nil:
		mount := ""
		trigger(&mount, TypeMount)
	case u.Socket != nil && !u.Socket.Accept:
		trigger(&u.Socket.Service, TypeService)
	}
}

// AcceptTemplate is the template of the services that a socket unit with Accept=yes starts, one for each connection
// (systemd.socket(5), Accept=).
func (u *Unit) AcceptTemplate() string {
	prefix, _, _, _, _ := SplitName(u.Name)
	return prefix + "@" + TypeService.Suffix()
}
