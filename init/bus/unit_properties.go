package bus

import (
	"slices"
	"strings"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The properties of all units (bus_unit_vtable in src/core/dbus-unit.c), in its order.

func unitTable() iface {
	return iface{name: unitInterface, properties: rows(unitNameProperties(), unitStateProperties(), unitRuleProperties()), methods: unitMethods()}
}

// dependency makes one row of edges: those that the unit's files state, and the inverses of others'.
func dependency(d graph.Dependency) []property {
	return row(d.String(), "as", constant, func(s *subject) any {
		g := s.machine.Graph()
		return unitNames(g, g.Dependencies(s.u.ID, d))
	})
}

func dependencies() []property {
	var list []property
	for _, d := range [...]graph.Dependency{
		graph.Requires, graph.Requisite, graph.Wants, graph.BindsTo, graph.PartOf, graph.Upholds, graph.RequiredBy,
		graph.RequisiteOf, graph.WantedBy, graph.BoundBy, graph.UpheldBy, graph.ConsistsOf, graph.Conflicts, graph.ConflictedBy,
		graph.Before, graph.After, graph.OnSuccess, graph.OnSuccessOf, graph.OnFailure, graph.OnFailureOf, graph.Triggers,
		graph.TriggeredBy, graph.PropagatesReloadTo, graph.ReloadPropagatedFrom, graph.PropagatesStopTo,
		graph.StopPropagatedFrom, graph.JoinsNamespaceOf, graph.SliceOf,
	} {
		list = append(list, dependency(d)...)
	}
	return list
}

func unitNameProperties() []property {
	return rows(
		row("Id", "s", constant, func(s *subject) any { return s.u.Name }),
		row("Names", "as", constant, func(s *subject) any { return append([]string{s.u.Name}, s.config().Aliases...) }),
		row("Following", "s", silent, func(s *subject) any { return "" }),
		dependencies(),
		row("RequiresMountsFor", "as", constant, func(s *subject) any { return texts(s.config().RequiresMountsFor) }),
		row("Documentation", "as", constant, func(s *subject) any { return texts(s.config().Documentation) }),
		row("Description", "s", constant, func(s *subject) any { return description(s.u) }),
		row("AccessSELinuxContext", "s", constant, func(s *subject) any { return "" }),
	)
}

// description is unit_description of src/core/unit.c; slices and mounts have one of their own making (src/core/slice.c, mount.c).
func description(u *supervise.Unit) string {
	switch d := u.Config.Description; {
	case d != "" && d != u.Name:
		return d
	case u.Name == "-.slice":
		return "Root Slice"
	case u.Name == "system.slice":
		return "System Slice"
	case u.Config.Type == unit.TypeSlice:
		if path, err := unit.PathFromName(u.Name); err == nil {
			return "Slice " + path
		}
	case u.Config.Type == unit.TypeMount && u.Config.LoadState == unit.Loaded:
		if path, err := unit.PathFromName(u.Name); err == nil {
			return path
		}
	}
	return u.Name
}

func unitStateProperties() []property {
	return rows(
		row("LoadState", "s", constant, func(s *subject) any { return s.machine.Graph().Facts(s.u.ID).Load.String() }),
		row("ActiveState", "s", changes, func(s *subject) any { return s.machine.Active(s.u).String() }),
		row("FreezerState", "s", changes, func(s *subject) any { return "running" }),
		row("SubState", "s", changes, func(s *subject) any { return s.machine.Sub(s.u) }),
		row("FragmentPath", "s", constant, func(s *subject) any { return s.config().Fragment }),
		row("SourcePath", "s", constant, func(s *subject) any { return s.config().Source }),
		row("DropInPaths", "as", constant, func(s *subject) any { return texts(s.config().DropIns) }),
		row("UnitFileState", "s", silent, func(s *subject) any { return fileState(s, UnitFiles.State) }),
		row("UnitFilePreset", "s", silent, func(s *subject) any { return fileState(s, UnitFiles.Preset) }),
		dual("StateChangeTimestamp", changes, func(s *subject) supervise.Time { return s.u.StateChange }),
		dual("InactiveExitTimestamp", changes, func(s *subject) supervise.Time { return s.u.InactiveExit }),
		dual("ActiveEnterTimestamp", changes, func(s *subject) supervise.Time { return s.u.ActiveEnter }),
		dual("ActiveExitTimestamp", changes, func(s *subject) supervise.Time { return s.u.ActiveExit }),
		dual("InactiveEnterTimestamp", changes, func(s *subject) supervise.Time { return s.u.InactiveEnter }),
		row("CanStart", "b", constant, func(s *subject) any { return canStart(s) && !s.config().RefuseManualStart }),
		row("CanStop", "b", constant, func(s *subject) any {
			f := s.machine.Graph().Facts(s.u.ID)
			return f.CanStop && !f.Perpetual && !s.config().RefuseManualStop && supported(s.config().Type)
		}),
		row("CanReload", "b", constant, func(s *subject) any { return canReload(s.machine, s.u) }),
		row("CanIsolate", "b", constant, func(s *subject) any {
			return canStart(s) && s.config().AllowIsolate && !s.config().RefuseManualStart
		}),
		row("CanClean", "as", constant, func(s *subject) any { return cleanable(s.config()) }),
		row("CanFreeze", "b", constant, func(s *subject) any { return false }),
		row("Job", "(uo)", changes, func(s *subject) any {
			j, ok := s.machine.Graph().JobOf(s.u.ID)
			if !ok {
				return jobLink{0, "/"}
			}
			return jobLink{uint32(j.ID), jobPath(j.ID)}
		}),
	)
}

// fileState asks for what the unit's file is to systemctl enable and its kin, or nothing if it has no file.
func fileState(s *subject, ask func(UnitFiles, string) (string, error)) any {
	if s.config().Fragment == "" {
		return ""
	}
	files, name := s.UnitFiles(), s.u.Name
	return later(func() any {
		state, err := ask(files, name)
		if err != nil {
			return ""
		}
		return state
	})
}

// supported: whether units of this type can be started and stopped here at all (unit_type_supported in src/core/unit.c).
func supported(t unit.Type) bool {
	return t != unit.TypeSwap && t != unit.TypeAutomount && t != unit.TypeScope
}

func canStart(s *subject) bool {
	f := s.machine.Graph().Facts(s.u.ID)
	return f.Load == graph.Loaded && f.CanStart && supported(s.config().Type)
}

// canReload is unit_can_reload of src/core/unit.c: all but services can pass a reload on.
func canReload(m *supervise.Machine, u *supervise.Unit) bool {
	return m.Graph().Facts(u.ID).CanReload || u.Config.Type != unit.TypeService && m.Graph().HasAny(u.ID, graph.AtomPropagatesReloadTo)
}

// cleanWords are the words of systemctl clean --what= by kind of directory.
var cleanWords = [unit.DirectoryKinds]string{"runtime", "state", "cache", "logs", "configuration"}

func cleanable(c *unit.Unit) []string {
	list := []string{}
	if c.Exec == nil || c.Type != unit.TypeService {
		return list
	}
	for k, d := range c.Exec.Directories {
		if len(d.List) > 0 {
			list = append(list, cleanWords[k])
		}
	}
	return list
}

func unitRuleProperties() []property {
	return rows(
		row("StopWhenUnneeded", "b", constant, func(s *subject) any { return s.config().StopWhenUnneeded }),
		row("RefuseManualStart", "b", constant, func(s *subject) any { return s.config().RefuseManualStart }),
		row("RefuseManualStop", "b", constant, func(s *subject) any { return s.config().RefuseManualStop }),
		row("AllowIsolate", "b", constant, func(s *subject) any { return s.config().AllowIsolate }),
		row("DefaultDependencies", "b", constant, func(s *subject) any { return s.config().DefaultDependencies }),
		row("OnSuccessJobMode", "s", constant, func(s *subject) any { return s.config().OnSuccessJobMode.String() }),
		row("OnFailureJobMode", "s", constant, func(s *subject) any { return s.config().OnFailureJobMode.String() }),
		row("IgnoreOnIsolate", "b", constant, func(s *subject) any { return s.machine.Graph().Facts(s.u.ID).IgnoreOnIsolate }),
		row("NeedDaemonReload", "b", silent, func(s *subject) any { return s.NeedsReload(s.u.Name) }),
		row("Markers", "as", silent, func(s *subject) any { return markerNames(s.u.Markers) }),
		row("JobTimeoutUSec", "t", constant, func(s *subject) any { return usec(s.config().JobTimeout) }),
		row("JobRunningTimeoutUSec", "t", constant, func(s *subject) any { return usec(s.config().JobRunningTimeout) }),
		row("JobTimeoutAction", "s", constant, func(s *subject) any { return s.config().JobTimeoutAction.String() }),
		row("JobTimeoutRebootArgument", "s", constant, func(s *subject) any { return s.config().JobTimeoutRebootArgument }),
		row("ConditionResult", "b", changes, func(s *subject) any { return s.u.ConditionResult }),
		row("AssertResult", "b", changes, func(s *subject) any { return s.u.AssertResult }),
		dual("ConditionTimestamp", changes, func(s *subject) supervise.Time { return s.u.ConditionTime }),
		dual("AssertTimestamp", changes, func(s *subject) supervise.Time { return s.u.AssertTime }),
		row("Conditions", "a(sbbsi)", invalidates, func(s *subject) any {
			return conditions(s.config().Conditions, s.u.Held, 0)
		}),
		row("Asserts", "a(sbbsi)", invalidates, func(s *subject) any {
			return conditions(s.config().Asserts, s.u.Held, len(s.config().Conditions))
		}),
		row("LoadError", "(ss)", constant, func(s *subject) any {
			if f := loadFault(s.machine, s.u); f != nil {
				return pair{f.name, f.text}
			}
			return pair{}
		}),
		row("Transient", "b", constant, func(s *subject) any { return s.u.Transient() }),
		row("Perpetual", "b", constant, func(s *subject) any { return s.machine.Graph().Facts(s.u.ID).Perpetual }),
		row("StartLimitIntervalUSec", "t", constant, func(s *subject) any { return usec(s.config().StartLimit.Interval) }),
		row("StartLimitBurst", "u", constant, func(s *subject) any { return uint32(s.config().StartLimit.Burst) }),
		row("StartLimitAction", "s", constant, func(s *subject) any { return s.config().StartLimitAction.String() }),
		row("FailureAction", "s", constant, func(s *subject) any { return s.config().FailureAction.String() }),
		row("FailureActionExitStatus", "i", constant, func(s *subject) any { return int32(s.config().FailureActionExitStatus) }),
		row("SuccessAction", "s", constant, func(s *subject) any { return s.config().SuccessAction.String() }),
		row("SuccessActionExitStatus", "i", constant, func(s *subject) any { return int32(s.config().SuccessActionExitStatus) }),
		row("RebootArgument", "s", constant, func(s *subject) any { return s.config().RebootArgument }),
		row("InvocationID", "ay", changes, func(s *subject) any { return id128(s.u.Invocation) }),
		row("CollectMode", "s", constant, func(s *subject) any { return s.config().CollectMode.String() }),
		row("Refs", "as", silent, func(s *subject) any { return s.server.referrers(s.u.Name) }),
		row("ActivationDetails", "a(ss)", changes, func(s *subject) any { return activation(s.u.Activation) }),
	)
}

// condition is one condition with its last result: 1 held, -1 did not, 0 was not tested.
type condition struct {
	Type            string
	Trigger, Negate bool
	Parameter       string
	State           int32
}

// conditions lists them as systemd does, the last line first. held are the facts from place at on.
func conditions(list []unit.Condition, held []bool, at int) []condition {
	out := make([]condition, len(list))
	for i, c := range list {
		prefix := "Condition"
		if c.Assert {
			prefix = "Assert"
		}
		state := int32(0)
		if at+i < len(held) {
			if state = -1; held[at+i] != c.Negate {
				state = 1
			}
		}
		out[len(list)-1-i] = condition{prefix + c.Type.String(), c.Trigger, c.Negate, c.Parameter, state}
	}
	return out
}

// activation is what brought the unit up: "TRIGGER_UNIT=a.timer" is trigger_unit, a.timer.
func activation(env []string) []pair {
	list := []pair{}
	for _, e := range env {
		if k, v, ok := strings.Cut(e, "="); ok {
			list = append(list, pair{strings.ToLower(k), v})
		}
	}
	return list
}

// markerWords are the markers of units (unit_marker_table in src/core/unit.c), by bit.
var markerWords = [...]string{"needs-reload", "needs-restart"}

func markerNames(set supervise.Markers) []string {
	list := []string{}
	for i, w := range markerWords {
		if set&(1<<i) != 0 {
			list = append(list, w)
		}
	}
	return list
}

// referrers lists the clients that hold on to a unit. Peers on the private socket have no name: systemd lists none of them.
func (s *Server) referrers(unit string) []string {
	list := []string{}
	for c := range s.conns {
		for sender, units := range c.refs {
			for range units[unit] {
				if sender != "" {
					list = append(list, sender)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}
