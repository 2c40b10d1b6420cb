package supervise

import (
	slash "path"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// Transient units are made by clients (org.freedesktop.systemd1(5), StartTransientUnit): their files are written by the caller
// and go when the unit does.

// transientTypes can be made so (can_transient of the types in src/core).
var transientTypes = map[unit.Type]bool{
	unit.TypeService: true, unit.TypeSocket: true, unit.TypeTimer: true, unit.TypePath: true, unit.TypeSlice: true,
	unit.TypeScope: true, unit.TypeMount: true, unit.TypeAutomount: true,
}

// CheckTransient tells whether a transient unit of this name may be made, before its file is written: with the file there the unit
// would be found. The error is a *Failure.
func (m *Machine) CheckTransient(name string) error {
	if err := m.transientName(name); err != nil {
		return err
	}
	m.config.Loader.Scan()
	if m.config.Loader.File(name) != "" {
		return unitExists(name)
	}
	return nil
}

func unitExists(name string) error {
	return &Failure{"org.freedesktop.systemd1.UnitExists", "Unit " + name + " was already loaded or has a fragment file."}
}

// transientName refuses names that cannot be those of transient units, and the names of units that are loaded and more than a
// name (unit_is_pristine in src/core/unit.c).
func (m *Machine) transientName(name string) error {
	t := unit.TypeOf(name)
	switch {
	case !unit.ValidName(name, unit.PlainName|unit.InstanceName):
		return &Failure{"org.freedesktop.DBus.Error.InvalidArgs", "Invalid unit name or type."}
	case !transientTypes[t]:
		return &Failure{"org.freedesktop.DBus.Error.InvalidArgs", "Unit type " + t.String() + " does not support transient units."}
	}
	u, ok := m.Unit(name)
	if !ok {
		return nil
	}
	f := m.graph.Facts(u.ID)
	_, job := m.graph.JobOf(u.ID)
	known := u.Name != name || u.Config.Fragment != "" || u.Config.Source != "" || u.Config.Builtin
	if known || job || f.Perpetual || f.Load != graph.NotFound && f.Load != graph.Loaded {
		return unitExists(name)
	}
	return nil
}

// loadTransient reads the files of transient units.
func (m *Machine) loadTransient(names []string) error {
	for _, name := range names {
		if err := m.transientName(name); err != nil {
			return err
		}
	}
	m.scan()
	for _, name := range names {
		if slash.Dir(m.config.Loader.File(name)) != unit.TransientDir {
			return &Failure{"org.freedesktop.systemd1.NoSuchUnit", "Unit " + name + " has no file in " + unit.TransientDir + "."}
		}
	}
	for _, name := range names {
		id, err := m.graph.Add(name)
		if err != nil {
			return err
		}
		m.graph.Facts(id).Load = graph.Stub
		m.see(id)
	}
	m.loadAll()
	return nil
}

// Transient tells whether the unit was made by a client and has no file but what was written for that.
func (u *Unit) Transient() bool { return slash.Dir(u.Config.Fragment) == unit.TransientDir }

// removeTransient has the files of a unit removed that is forgotten.
func (m *Machine) removeTransient(u *Unit) {
	if !u.Transient() {
		return
	}
	e := RemoveTransient{Unit: u.Name, Path: u.Config.Fragment}
	for _, file := range u.Config.DropIns {
		if slash.Dir(slash.Dir(file)) == unit.TransientDir {
			e.DropIns = append(e.DropIns, file)
		}
	}
	m.emit(e)
}
