package bus

import (
	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
)

// What is told without being asked: the manager's signals and PropertiesChanged (src/core/dbus-unit.c, dbus-job.c, dbus-manager.c).
// Changes of a unit are told once a turn, with the values that it has then, and always before the end of a job of that unit.

// portion is how many units' changes one turn tells. After a daemon-reload it is all units; who waits for the loop waits for no more
// than a portion, and clients have time to read.
const portion = 64

// dirty are the units with changes to be told, in the order of their first change.
type dirty struct {
	units map[string]supervise.UnitChanged // the last change of each; without a state, when it was one of its job alone
	order []string
}

func (d *dirty) add(e supervise.UnitChanged) {
	last, ok := d.units[e.Unit]
	if d.units == nil {
		d.units = map[string]supervise.UnitChanged{}
	}
	if !ok {
		d.order = append(d.order, e.Unit)
	}
	if !ok || e.Sub != "" {
		last = e
	}
	d.units[e.Unit] = last
}

// next takes the first one.
func (d *dirty) next() (supervise.UnitChanged, bool) {
	for len(d.order) > 0 {
		name := d.order[0]
		d.order = d.order[1:]
		if e, ok := d.take(name); ok {
			return e, true
		}
	}
	d.order = nil
	return supervise.UnitChanged{}, false
}

// take takes one out of its turn.
func (d *dirty) take(name string) (supervise.UnitChanged, bool) {
	e, ok := d.units[name]
	delete(d.units, name)
	return e, ok
}

// Effect tells clients what the machine did: JobNew, JobChanged, JobRemoved, UnitNew, UnitChanged, UnitRemoved and StartupFinished; all
// other effects are none of theirs. The owner calls it with each effect, in their order, after the machine's Step.
func (s *Server) Effect(e supervise.Effect) {
	if u, ok := e.(supervise.UnitChanged); ok && u.Active == graph.Active && (u.Unit == "dbus.service" || u.Unit == "dbus-broker.service") {
		s.Connect()
	}
	if len(s.conns) == 0 {
		return
	}
	s.effect(e)
}

func (s *Server) effect(e supervise.Effect) {
	switch e := e.(type) {
	case supervise.UnitNew:
		defer s.isAbout(about{unit: e.Unit})()
		s.tell("UnitNew", "so", e.Unit, unitPath(e.Unit))
		s.newUnit(e.Unit)
	case supervise.UnitChanged:
		s.dirty.add(e)
	case supervise.UnitRemoved:
		s.changed(e.Unit)
		defer s.isAbout(about{unit: e.Unit})()
		s.tell("UnitRemoved", "so", e.Unit, unitPath(e.Unit))
	case supervise.JobNew:
		s.changed(e.Unit)
		defer s.isAbout(about{job: e.Job})()
		s.tell("JobNew", "uos", uint32(e.Job), jobPath(e.Job), e.Unit)
		s.dirty.add(supervise.UnitChanged{Unit: e.Unit})
	case supervise.JobChanged:
		s.changed(e.Unit)
		defer s.isAbout(about{job: e.Job})()
		s.broadcast(jobPath(e.Job), propertyInterface, "PropertiesChanged", "sa{sv}as",
			jobInterface, []entry{{"State", dbus.MakeVariant(e.State.String())}}, []string{})
	case supervise.JobRemoved:
		s.changed(e.Unit)
		defer s.isAbout(about{job: e.Job})()
		s.tell("JobRemoved", "uoss", uint32(e.Job), jobPath(e.Job), e.Unit, e.Result.String())
		for c := range s.conns {
			if c.link != nil {
				delete(c.link.tracked, e.Job)
			}
		}
		s.dirty.add(supervise.UnitChanged{Unit: e.Unit})
	case supervise.StartupFinished:
		s.startupFinished()
	}
}

// isAbout says what is being told of, until the function that it gives is called.
func (s *Server) isAbout(a about) (over func()) {
	was := s.about
	s.about = a
	return func() { s.about = was }
}

// newUnit has the names of a new unit followed on the bus.
func (s *Server) newUnit(name string) {
	u, ok := s.manager.Machine().Unit(name)
	if !ok {
		return
	}
	for c := range s.conns {
		if c.link != nil {
			c.followName(u)
		}
	}
}

// startupFinished tells how long the start took; in a container all of it is user space.
func (s *Server) startupFinished() {
	m := s.manager
	i, now := m.Info(), m.Now().Monotonic
	userspace := usec(now.Sub(i.Userspace.Monotonic))
	s.tell("StartupFinished", "tttttt", uint64(0), uint64(0), uint64(0), uint64(0), userspace, userspace)
}

// Reloading tells that a daemon-reload begins, or has ended. Those that D-Bus clients ask for are told of by themselves; the owner calls it
// around the machine's Step for others.
func (s *Server) Reloading(active bool) { s.tell("Reloading", "b", active) }

// UnitFilesChanged tells that unit files were enabled, masked and the like.
func (s *Server) UnitFilesChanged() { s.tell("UnitFilesChanged", "") }

// Flush ends a turn: what has changed is told, a portion of it. The owner calls it after all effects of a turn.
func (s *Server) Flush() {
	for range portion {
		e, ok := s.dirty.next()
		if !ok {
			return
		}
		s.tellChanges(e)
	}
	if len(s.dirty.order) > 0 && !s.flushing {
		s.flushing = s.owner.Do(func(Manager) {
			s.flushing = false
			s.Flush()
		})
	}
}

// changed tells a unit's changes now, if there are some.
func (s *Server) changed(name string) {
	if e, ok := s.dirty.take(name); ok {
		s.tellChanges(e)
	}
}

// tellChanges tells all properties of a unit that can change, its type's first: clients may rely on that order. Of one that the machine has forgotten
// in the same step it is the state that it was forgotten in.
func (s *Server) tellChanges(e supervise.UnitChanged) {
	if len(s.conns) == 0 {
		return
	}
	m := s.manager
	u, ok := m.Machine().Unit(e.Unit)
	if !ok {
		if e.Sub != "" {
			defer s.isAbout(about{unit: e.Unit})()
			s.broadcast(unitPath(e.Unit), propertyInterface, "PropertiesChanged", "sa{sv}as", unitInterface, []entry{
				{"ActiveState", dbus.MakeVariant(e.Active.String())}, {"SubState", dbus.MakeVariant(e.Sub)}, {"Job", dbus.MakeVariant(jobLink{0, "/"})},
			}, []string{})
		}
		return
	}
	defer s.isAbout(about{unit: u.Name})()
	subject := &subject{Manager: m, server: s, machine: m.Machine(), u: u}
	for _, i := range s.tables.units[u.Config.Type]() {
		var v values
		invalid := []string{}
		for k := range i.properties {
			switch p := &i.properties[k]; p.emits {
			case changes:
				v.add(subject, p)
			case invalidates:
				invalid = append(invalid, p.name)
			}
		}
		if len(v.list) > 0 || len(invalid) > 0 {
			s.broadcast(unitPath(u.Name), propertyInterface, "PropertiesChanged", "sa{sv}as", i.name, v.list, invalid)
		}
	}
}

// tell sends a signal of the manager's.
func (s *Server) tell(member, sig string, body ...any) {
	s.broadcast(managerPath, managerInterface, member, sig, body...)
}

// broadcast sends a signal to all connections. Who is too far behind to take it is dropped.
// sender is in all that is sent: clients match signals by it on the private socket, too, where no bus sets it (sd_bus_set_sender(3)). On the
// system bus the daemon writes its own.
var sender = dbus.MakeVariant(systemd1)

func (s *Server) broadcast(path dbus.ObjectPath, i, member, sig string, body ...any) {
	if len(s.conns) == 0 {
		return
	}
	headers := map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldInterface: dbus.MakeVariant(i), dbus.FieldMember: dbus.MakeVariant(member),
		dbus.FieldSender: sender,
	}
	if sig != "" {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.ParseSignatureMust(sig))
	}
	p := &parcel{fd: -1, message: &dbus.Message{Type: dbus.TypeSignal, Flags: dbus.FlagNoReplyExpected, Headers: headers, Body: body}}
	for c := range s.conns {
		if c.link != nil && !c.wants(s.about) {
			continue
		}
		if !c.out.put(p, true) {
			s.opt.Logf(4, "Disconnecting a D-Bus client (PID %d) that does not read what it is sent.", c.pid)
			delete(s.conns, c)
			c.drop()
		}
	}
}
