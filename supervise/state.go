package supervise

import (
	"slices"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// changed is called with every new state of a unit, also where it means the same coarse state as before: time stamps, jobs,
// the units that depend on it, FailureAction= and SuccessAction= (unit_notify in src/core/unit.c).
func (m *Machine) changed(u *Unit, active graph.ActiveState, flags graph.NotifyFlags) {
	was := m.Active(u)
	u.StateChange = m.now
	switch {
	case was.IsDown() && !active.IsDown():
		u.InactiveExit = m.now
	case !was.IsDown() && active.IsDown():
		u.InactiveEnter = m.now
	}
	switch {
	case !was.IsUp() && active.IsUp():
		u.ActiveEnter = m.now
	case was.IsUp() && !active.IsUp():
		u.ActiveExit = m.now
	}
	m.emit(UnitChanged{u.Name, active, m.Sub(u)})
	f := m.graph.Facts(u.ID)
	f.WillRestart = flags&graph.WillAutoRestart != 0 || u.Service != nil && u.Service.State.restarts()
	m.tell(m.graph.Notify(u.ID, active, flags))
	switch c := u.Config; {
	case was != graph.Failed && active == graph.Failed:
		m.emergency(c.FailureAction, c.RebootArgument, exitStatus(u, c.FailureActionExitStatus), "unit "+u.Name+" failed", false)
	case !was.IsDown() && active == graph.Inactive:
		m.emergency(c.SuccessAction, c.RebootArgument, exitStatus(u, c.SuccessActionExitStatus), "unit "+u.Name+" succeeded", false)
	}
	switch {
	case active.IsDown():
		u.Markers = 0
		m.mayDie(u)
	case active == graph.Reloading && was != graph.Reloading:
		u.Markers &^= NeedsReload
	}
}

// touched says that properties of a unit have changed without its state.
func (m *Machine) touched(u *Unit) { m.emit(UnitChanged{u.Name, m.Active(u), m.Sub(u)}) }

// mayDie has a unit looked at by collectUnits.
func (m *Machine) mayDie(u *Unit) {
	if !u.dying {
		u.dying = true
		m.dying = append(m.dying, u)
	}
}

// collectUnits forgets one unit that nobody needs: it is down, has no job and no process, no client holds it, and no unit
// that is loaded refers to it (unit_may_gc in src/core/unit.c, manager_dispatch_gc_unit_queue in src/core/manager.c;
// systemd.unit(5), CollectMode=).
func (m *Machine) collectUnits() bool {
	if len(m.dying) == 0 {
		return false
	}
	u := m.dying[0]
	m.dying = m.dying[1:]
	u.dying = false
	if m.units[u.ID] != u {
		return true
	}
	m.releaseResources(u)
	if !m.collectable(u) {
		return true
	}
	var others []graph.UnitID
	for id := range m.graph.Each(u.ID, graph.AtomReferences) {
		others = append(others, id)
	}
	if m.graph.Remove(u.ID) != nil {
		return true // a nop job
	}
	m.forget(u.ID)
	if s := u.Config.Service; s != nil && m.busNames[s.BusName] == u {
		delete(m.busNames, s.BusName)
	}
	if u.Service != nil {
		service{m, u, u.Service}.closeConnection() // still there if a stop job has ended the service
		service{m, u, u.Service}.releaseStore()
	}
	m.removeTransient(u)
	m.emit(UnitRemoved{u.Name})
	for _, id := range others {
		if o := m.units[id]; o != nil {
			m.mayDie(o)
		}
	}
	return true
}

func (m *Machine) collectable(u *Unit) bool { return m.mayGo(u) && !m.referenced(u.ID) }

// mayGo: nothing about the unit itself keeps it.
func (m *Machine) mayGo(u *Unit) bool {
	_, job := m.graph.JobOf(u.ID)
	active := m.Active(u)
	switch {
	case job || u.Holds > 0 || u.Asking.Query != 0 || m.graph.Facts(u.ID).Perpetual:
		return false
	case active != graph.Inactive && (active != graph.Failed || u.Config.CollectMode != unit.CollectInactiveOrFailed):
		return false
	case u.Service != nil && (u.Service.Main.Alive() || u.Service.Control.Alive() || u.Leftover.some()):
		return false
	case u.Socket != nil && u.Socket.Connections > 0:
		return false
	}
	for _, atom := range [...]graph.Atom{graph.AtomOnFailure, graph.AtomOnSuccess} {
		for id := range m.graph.Each(u.ID, atom) { // what it triggered may still want its environment
			if _, job := m.graph.JobOf(id); job {
				return false
			}
		}
	}
	return true
}

// referenced: some unit that cannot be collected itself leads to it. Units that only refer to each other do not count; they are
// collected together (unit_gc_sweep in src/core/manager.c).
func (m *Machine) referenced(id graph.UnitID) bool {
	seen := map[graph.UnitID]bool{id: true}
	list := []graph.UnitID{id}
	for i := 0; i < len(list); i++ {
		for by := range m.graph.Each(list[i], graph.AtomReferencedBy) {
			if seen[by] {
				continue
			}
			seen[by] = true
			o := m.units[by]
			if o == nil || o.Config.Socket != nil && o.Config.Socket.Accept && m.graph.Has(by, graph.AtomTriggers, list[i]) {
				continue // a socket does not hold on to the services of its connections
			}
			if !m.mayGo(o) {
				return true
			}
			list = append(list, by)
		}
	}
	for _, by := range list[1:] {
		m.mayDie(m.units[by])
	}
	return false
}

// releaseResources lets go of what a unit that is down and has no job need not hold (service_release_resources in
// src/core/service.c; FileDescriptorStorePreserve=).
func (m *Machine) releaseResources(u *Unit) {
	if _, job := m.graph.JobOf(u.ID); job || u.Service == nil || !m.Active(u).IsDown() || u.Config.Service == nil {
		return
	}
	if u.Config.Service.FDStorePreserve != unit.FDStoreYes {
		service{m, u, u.Service}.releaseStore()
	}
}

// askEmpty asks whether a unit has processes that are not tracked.
func (m *Machine) askEmpty(u *Unit) {
	u.Leftover.Asked = true
	m.emit(AskEmpty{u.Name})
}

// left notes that a unit still has processes.
func (m *Machine) left(e Left) {
	u, ok := m.Unit(e.Unit)
	if !ok {
		return
	}
	u.Leftover = Leftover{Known: true, Processes: slices.Clone(e.Processes)}
	if m.Active(u).IsDown() {
		for _, p := range e.Processes {
			m.logf(u, 6, "Unit process %d (%s) remains running after unit stopped.", p.PID, p.Name)
		}
	}
	if u.Service != nil {
		service{m, u, u.Service}.left()
	}
}

// empty notes that a unit has no process. An answer that is older than the newest process means nothing.
func (m *Machine) empty(e Empty) {
	u, ok := m.Unit(e.Unit)
	if !ok {
		return
	}
	u.Leftover.Asked = false
	switch {
	case u.Service != nil:
		service{m, u, u.Service}.empty()
	case u.Socket != nil:
		socket{m, u, u.Socket}.empty()
	}
	m.mayDie(u)
}
