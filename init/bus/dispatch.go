package bus

import (
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// receive acts on one message: a call is looked up here and run by the owner. It reports false when the connection is over.
func (c *conn) receive(m *dbus.Message, fds []int) bool {
	call := &call{conn: c, serial: m.Serial(), pid: c.pid, fds: fds, silent: m.Flags&dbus.FlagNoReplyExpected != 0}
	if m.Type != dbus.TypeMethodCall {
		return c.receiveOther(m, fds)
	}
	if !c.place() {
		return false
	}
	if c.link != nil {
		call.sender, _ = m.Headers[dbus.FieldSender].Value().(string)
	}
	call.path, _ = m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	call.iface, _ = m.Headers[dbus.FieldInterface].Value().(string)
	member, _ := m.Headers[dbus.FieldMember].Value().(string)
	call.args = m.Body
	call.method = &method{name: member} // until it is known
	sig, _ := m.Headers[dbus.FieldSignature].Value().(dbus.Signature)

	o := findObject(call.path)
	if o.sort == noUnit {
		call.fail(faultf(faultInvalidArgs, "Unit name %s is neither a valid invocation ID nor unit name.", clean(o.unit)))
		return true
	}
	if o.sort == noObject {
		call.fail(faultf(faultUnknownObject, "Unknown object '%s'.", call.path))
		return true
	}
	i, found := o.method(c.server.tables, call.iface, member)
	switch {
	case found == nil:
		call.fail(faultf(faultUnknownMethod, "Unknown method %s or interface %s.", member, call.iface))
		return true
	case sig.String() != found.in:
		call.fail(faultf(faultInvalidArgs, "Invalid arguments '%s' to call %s.%s(), expecting '%s'.", sig, i.name, member, found.in))
		return true
	}
	call.method, call.iface, call.unit = found, i.name, o.unit
	if found.files != nil && c.link == nil {
		return c.server.runFiles(call)
	}
	return c.server.owner.Do(func(m Manager) {
		call.Manager = m
		switch {
		case c.link == nil:
			c.server.run(call, o)
		case found.files != nil:
			call.permitted(func() {
				go func() {
					defer c.survive()
					c.server.runFiles(call)
				}()
			})
		default:
			call.permitted(func() { c.server.run(call, o) })
		}
	})
}

// place takes one of the places for calls without an answer. A client waits for one; on the system bus, where the answers that calls wait for
// come by the same way, it has to be there.
func (c *conn) place() bool {
	if c.link != nil {
		select {
		case c.calls <- struct{}{}:
			return true
		default:
			return false
		}
	}
	select {
	case c.calls <- struct{}{}:
		return true
	case <-c.gone:
		return false
	}
}

// receiveOther acts on what is no call: on the private socket on nothing, as sd-bus.
func (c *conn) receiveOther(m *dbus.Message, fds []int) bool {
	for _, fd := range fds {
		closeFD(fd)
	}
	switch {
	case c.link == nil:
		return true
	case m.Type == dbus.TypeSignal:
		return c.server.owner.Do(func(Manager) { c.told(m) })
	}
	return c.server.owner.Do(func(Manager) { c.answered(m) })
}

// run is a call on the owner's goroutine.
func (s *Server) run(c *call, o object) {
	if o.sort == jobObject {
		if _, ok := c.Machine().Graph().Job(o.job); !ok {
			c.fail(faultf(faultUnknownObject, "Unknown object '%s'.", c.path))
			return
		}
	}
	if o.sort == unitObject && !o.invocation && s.tables.standard().find(c.iface) == nil {
		c.load(o.unit, func(*supervise.Unit) { c.method.call(c) })
		return
	}
	c.method.call(c)
}

// object is what a path leads to, as far as the path alone tells.
type object struct {
	sort       objectSort
	unit       string
	invocation bool // unit is an invocation id
	job        graph.JobID
}

type objectSort uint8

const (
	noObject objectSort = iota
	noUnit              // a path below the units' that is no unit's
	nodeObject
	managerObject
	logObject
	unitObject
	jobObject
)

// nodes are the objects that are only there to lead to others.
var nodes = map[dbus.ObjectPath][]string{
	"/": {"org"}, "/org": {"freedesktop"}, "/org/freedesktop": {"LogControl1", "systemd1"}, managerPath + "/unit": nil, managerPath + "/job": nil,
}

func findObject(path dbus.ObjectPath) object {
	switch path {
	case managerPath:
		return object{sort: managerObject}
	case logPath:
		return object{sort: logObject}
	}
	if _, ok := nodes[path]; ok {
		return object{sort: nodeObject}
	}
	if label, ok := strings.CutPrefix(string(path), unitPrefix); ok {
		name := unescapeLabel(label)
		if unit.ValidName(name, unit.PlainName|unit.InstanceName) {
			return object{sort: unitObject, unit: name}
		}
		if len(name) == 32 && strings.Trim(name, "0123456789abcdef") == "" {
			return object{sort: unitObject, unit: name, invocation: true}
		}
		if len(label) == 33 && label[0] == '_' && strings.Trim(label[1:], "0123456789abcdef") == "" {
			return object{sort: unitObject, unit: label[1:], invocation: true}
		}
		return object{sort: noUnit, unit: name}
	}
	if id, ok := parseJobPath(path); ok {
		return object{sort: jobObject, job: id}
	}
	return object{}
}

// kind is the list of the object's own interfaces.
func (o object) kind(t *tables) kind {
	switch o.sort {
	case managerObject:
		return t.manager()
	case logObject:
		return t.log()
	case jobObject:
		return t.job()
	case unitObject:
		if o.invocation {
			return t.anyUnit()
		}
		return t.units[unit.TypeOf(o.unit)]()
	}
	return nil
}

// method finds a method; without an interface's name the first that has it.
func (o object) method(t *tables, name, member string) (*iface, *method) {
	for _, list := range [...]kind{o.kind(t), t.standard()} {
		for _, i := range list {
			if name == "" || i.name == name {
				if m := i.byMethod[member]; m != nil {
					return i, m
				}
			}
		}
	}
	return nil, nil
}

// withSubject gives f what the call's object is; a unit is loaded for the time being.
func (c *call) withSubject(f func(*subject)) {
	s := &subject{Manager: c.Manager, server: c.conn.server, machine: c.Machine()}
	switch o := findObject(c.path); o.sort {
	case unitObject:
		name := o.unit
		if o.invocation {
			u, ok := s.machine.UnitByInvocation(name)
			if !ok {
				c.fail(faultf(faultNoUnitForInvoc, "No unit with the specified invocation ID %s known.", name))
				return
			}
			name = u.Name
		}
		c.load(name, func(u *supervise.Unit) {
			s.u = u
			f(s)
		})
	case jobObject:
		job, ok := s.machine.Graph().Job(o.job)
		u := unitOf(s.machine, job.Unit)
		if !ok || u == nil {
			c.fail(faultf(faultUnknownObject, "Unknown object '%s'.", c.path))
			return
		}
		s.job, s.u = job, u
		f(s)
	default:
		f(s)
	}
}

// unitOf finds a unit by its number in the graph.
func unitOf(m *supervise.Machine, id graph.UnitID) *supervise.Unit {
	u, ok := m.Unit(m.Graph().Name(id))
	if !ok {
		return nil
	}
	return u
}
