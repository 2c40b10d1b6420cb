package supervise

import (
	"slices"

	"keelson/supervise/graph"
)

// What may be looked at between two steps. What is given out is the machine's unless it says otherwise: to be read, not changed.

// Status is what the container ends with, unless something else is said before it does.
func (m *Machine) Status() int { return m.status }

// Environment is the manager's block as clients have changed it.
func (m *Machine) Environment() []string { return m.environment }

// Graph is the dependency graph with its jobs.
func (m *Machine) Graph() *graph.Graph { return m.graph }

// Unit finds a unit that is loaded, by its name or an alias. It may be another after the next Step.
func (m *Machine) Unit(name string) (*Unit, bool) {
	id, ok := m.graph.Lookup(name)
	if !ok || m.units[id] == nil {
		return nil, false
	}
	return m.units[id], true
}

// UnitOf finds the unit of one of its tracked processes, main or control. Whose the others are the caller knows better.
func (m *Machine) UnitOf(pid int) (*Unit, bool) {
	u := m.pids[pid]
	return u, u != nil
}

// UnitByStamp finds the unit of a Spawn's stamp.
func (m *Machine) UnitByStamp(stamp uint32) (*Unit, bool) {
	return m.find(func(u *Unit) bool { return u.Stamp == stamp })
}

// UnitByInvocation finds the unit of an invocation id.
func (m *Machine) UnitByInvocation(id string) (*Unit, bool) {
	return m.find(func(u *Unit) bool { return id != "" && u.Invocation == id })
}

func (m *Machine) find(is func(*Unit) bool) (*Unit, bool) {
	for _, u := range m.units {
		if u != nil && is(u) {
			return u, true
		}
	}
	return nil, false
}

// Units lists all units that are loaded, in the order of their ids. The list is the caller's.
func (m *Machine) Units() []*Unit {
	var list []*Unit
	for _, u := range m.units {
		if u != nil {
			list = append(list, u)
		}
	}
	return list
}

// Active is the unit's coarse state.
func (m *Machine) Active(u *Unit) graph.ActiveState { return m.graph.Facts(u.ID).Active }

// FDs lists all descriptors that the machine holds, in order: what a re-execution has to keep open. The list is the caller's.
func (m *Machine) FDs() []FD {
	var list []FD
	for _, u := range m.Units() {
		if u.Socket != nil {
			list = append(list, u.Socket.FDs...)
		}
		if s := u.Service; s != nil {
			for _, stored := range s.Store {
				list = append(list, stored.FD)
			}
			if s.Connection != 0 {
				list = append(list, s.Connection)
			}
		}
	}
	slices.Sort(list)
	return list
}

// Tally counts jobs since the manager's start (the properties NInstalledJobs and NFailedJobs).
type Tally struct{ Installed, Failed uint32 }

// Tally: see there.
func (m *Machine) Tally() Tally { return m.tally }

// A SystemState is what `systemctl is-system-running` says (manager_state in src/core/manager.c).
type SystemState uint8

// The states of the system.
const (
	SystemInitializing SystemState = iota
	SystemStarting
	SystemRunning
	SystemDegraded
	SystemMaintenance
	SystemStopping
)

var systemStates = [...]string{"initializing", "starting", "running", "degraded", "maintenance", "stopping"}

func (s SystemState) String() string { return systemStates[s] }

// SystemState is that of all units together. A machine that was not booted is one that starts for ever.
func (m *Machine) SystemState() SystemState {
	under := func(name string, holds func(graph.UnitID) bool) bool {
		id, ok := m.graph.Lookup(name)
		return ok && holds(id)
	}
	up := func(id graph.UnitID) bool { return m.graph.Facts(id).Active.IsUp() }
	switch {
	case m.finished, under("shutdown.target", m.graph.ActiveOrPending):
		return SystemStopping
	case !m.booted && !under("basic.target", up):
		return SystemInitializing
	case !m.booted:
		return SystemStarting
	case under("rescue.target", m.graph.ActiveOrPending), under("emergency.target", m.graph.ActiveOrPending):
		return SystemMaintenance
	}
	if _, failed := m.find(func(u *Unit) bool { return m.Active(u) == graph.Failed }); failed {
		return SystemDegraded
	}
	return SystemRunning
}
