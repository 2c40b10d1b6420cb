package supervise

import (
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// What a container has no use for. Mounts, swaps and devices are the runtime's and the host's: a mount unit is up if its place is a
// mount point (mounts.go), a device if its node exists, which is found out when somebody starts it, as there is no udev to tell. What is
// not there cannot be brought about: the job ends with "unsupported" and a line in the log. Swaps, automounts and scopes from files are
// never supported. Slices are up or down, and whoever owns the machine gives them cgroups. -.slice, system.slice, -.mount and init.scope are
// always up.

// plainNames are the two states of each type in the words of its SubState property.
var plainNames = map[unit.Type][2]string{
	unit.TypeTarget: {"dead", "active"}, unit.TypeSlice: {"dead", "active"}, unit.TypeScope: {"dead", "running"},
	unit.TypeMount: {"dead", "mounted"}, unit.TypeSwap: {"dead", "active"}, unit.TypeDevice: {"dead", "plugged"},
	unit.TypeAutomount: {"dead", "waiting"},
}

// perpetual units are there as long as the manager is (src/core/slice.c, scope.c, mount.c).
var perpetual = map[string]bool{"-.slice": true, "system.slice": true, "-.mount": true, "init.scope": true}

// configurePlain sets what the graph has to know about a plain unit.
func (m *Machine) configurePlain(u *Unit) {
	f := m.graph.Facts(u.ID)
	switch u.Config.Type {
	case unit.TypeMount:
		f.CanReload = false
	}
	if perpetual[u.Name] {
		f.Load, f.Perpetual = graph.Loaded, true
		u.Plain, f.Active = PlainUp, graph.Active
	}
}

// supported tells whether a start of the unit can lead to anything.
func (m *Machine) supported(u *Unit) bool {
	switch u.Config.Type {
	case unit.TypeSwap, unit.TypeAutomount, unit.TypeScope:
		return false
	}
	return true
}

// inertFact is what has to be so for a unit that can be found but not made, nil for all others.
func (m *Machine) inertFact(u *Unit) *unit.Condition {
	switch u.Config.Type {
	case unit.TypeMount:
		if m.isMounted(u) {
			return nil
		}
		if u.Config.Mount != nil && u.Config.Mount.Where != "" {
			return &unit.Condition{Type: unit.ConditionPathIsMountPoint, Parameter: u.Config.Mount.Where}
		}
		if where, err := unit.PathFromName(u.Name); err == nil {
			return &unit.Condition{Type: unit.ConditionPathIsMountPoint, Parameter: where}
		}
	case unit.TypeDevice:
		if node, err := unit.PathFromName(u.Name); err == nil && (strings.HasPrefix(node, "/dev/") || strings.HasPrefix(node, "/sys/")) {
			return &unit.Condition{Type: unit.ConditionPathExists, Parameter: node}
		}
	}
	return nil
}
