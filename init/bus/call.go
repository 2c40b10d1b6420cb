package bus

import (
	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// call is one method call. It is answered once, by reply or fail.
type call struct {
	Manager // the owner's, while its closure runs
	conn    *conn
	serial  uint32
	path    dbus.ObjectPath
	iface   string
	method  *method
	args    []any
	sender  string // the caller's name on the system bus; "" on the private socket
	pid     int    // the caller's
	fds     []int  // that came along; closed when the call is answered
	silent  bool   // no reply is wanted

	unit string // the name, if the object is a unit or the method's first argument names it
	over bool

	root UnitFiles // of a method on unit files
}

// str, boolean, list and strings are arguments, whose types were checked.
func (c *call) str(i int) string       { return c.args[i].(string) }
func (c *call) boolean(i int) bool     { return c.args[i].(bool) }
func (c *call) strings(i int) []string { return c.args[i].([]string) }

// reply answers with the method's results.
func (c *call) reply(results ...any) { c.answer(results, nil) }

// replyLater answers with results that the writer completes: the owner has no time for files.
func (c *call) replyLater(prepare func(*dbus.Message), results ...any) { c.answer(results, prepare) }

func (c *call) answer(results []any, prepare func(*dbus.Message)) {
	m := &dbus.Message{Type: dbus.TypeMethodReply, Flags: dbus.FlagNoReplyExpected, Body: results, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(c.serial),
		dbus.FieldSender:      sender,
	}}
	if c.method.out != "" {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.ParseSignatureMust(c.method.out))
	}
	c.send(&parcel{message: m, prepare: prepare, fd: -1})
}

// replyFD answers with one descriptor, which is closed when it has been sent.
func (c *call) replyFD(fd int) {
	m := &dbus.Message{Type: dbus.TypeMethodReply, Flags: dbus.FlagNoReplyExpected, Body: []any{dbus.UnixFD(fd)},
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(c.serial),
			dbus.FieldSender:      sender,
			dbus.FieldSignature:   dbus.MakeVariant(dbus.ParseSignatureMust("h")),
			dbus.FieldUnixFDs:     dbus.MakeVariant(uint32(1)),
		}}
	c.send(&parcel{message: m, fd: fd})
}

// fail answers with an error.
func (c *call) fail(err error) {
	f := asFault(err)
	c.send(&parcel{fd: -1, message: &dbus.Message{
		Type: dbus.TypeError, Flags: dbus.FlagNoReplyExpected, Body: []any{f.text}, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldReplySerial: dbus.MakeVariant(c.serial),
			dbus.FieldSender:      sender,
			dbus.FieldErrorName:   dbus.MakeVariant(f.name),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.ParseSignatureMust("s")),
		},
	}})
}

func (c *call) send(p *parcel) {
	if c.over {
		p.drop()
		return
	}
	c.over = true
	for _, fd := range c.fds {
		closeFD(fd)
	}
	c.fds = nil
	if c.sender != "" {
		p.message.Headers[dbus.FieldDestination] = dbus.MakeVariant(c.sender)
	}
	p.done = func() { <-c.conn.calls }
	if c.silent {
		p.drop()
		return
	}
	c.conn.out.put(p, false)
}

// request hands the machine a request and gives its failure to the client; ok is for when it was none.
func (c *call) request(r supervise.Request, ok func(supervise.Reply)) {
	c.Request(r, func(reply supervise.Reply) {
		if reply.Failure != nil {
			c.fail(reply.Failure)
			return
		}
		ok(reply)
	})
}

// validUnit refuses what is no name of a unit (manager_load_unit_prepare in src/core/manager.c).
func validUnit(name string) *fault {
	switch {
	case unit.ValidName(name, unit.PlainName|unit.InstanceName):
		return nil
	case unit.ValidName(name, unit.TemplateName):
		return faultf(faultInvalidArgs, "Unit name %s is missing the instance name.", name)
	}
	return faultf(faultInvalidArgs, "Unit name %s is not valid.", name)
}

// known gives a unit that is loaded; "" is the client's own (bus_get_unit_by_name in src/core/dbus-manager.c).
func (c *call) known(name string) (*supervise.Unit, bool) {
	if name == "" {
		of, ok := c.UnitOfPID(c.pid)
		u, loaded := c.Machine().Unit(of)
		if !ok || !loaded {
			c.fail(&fault{faultNoSuchUnit, "Client not member of any unit."})
			return nil, false
		}
		return u, true
	}
	u, ok := c.Machine().Unit(name)
	if !ok {
		c.fail(faultf(faultNoSuchUnit, "Unit %s not loaded.", name))
	}
	return u, ok
}

// load gives f a unit, which is loaded for the time being if it was not. If that cannot be done, the call has failed.
func (c *call) load(name string, f func(*supervise.Unit)) {
	if u, ok := c.Machine().Unit(name); ok {
		f(u)
		return
	}
	if err := validUnit(name); err != nil {
		c.fail(err)
		return
	}
	c.request(supervise.Request{Verb: supervise.VerbLoad, Unit: name}, func(supervise.Reply) {
		u, ok := c.Machine().Unit(name)
		if !ok {
			c.fail(faultf(faultNoSuchUnit, "Unit %s not loaded.", name))
			return
		}
		f(u)
		c.Request(supervise.Request{Verb: supervise.VerbReleaseUnit, Unit: u.Name}, nil)
	})
}

// loadFault says why a unit is not loaded properly (bus_unit_validate_load_state in src/core/dbus-unit.c).
func loadFault(m *supervise.Machine, u *supervise.Unit) *fault {
	switch m.Graph().Facts(u.ID).Load {
	case graph.Loaded:
		return nil
	case graph.NotFound:
		return faultf(faultNoSuchUnit, "Unit %s not found.", u.Name)
	case graph.BadSetting:
		return faultf(faultBadUnitSetting, "Unit %s has a bad unit file setting.", u.Name)
	case graph.LoadError:
		return faultf(faultLoadFailed, "Unit %s failed to load properly, please adjust/correct and reload service manager: %s", u.Name, u.Config.LoadError)
	case graph.Masked:
		return faultf(faultUnitMasked, "Unit %s is masked.", u.Name)
	}
	return faultf(faultNoSuchUnit, "Unexpected load state of unit %s", u.Name)
}

// subject is what the properties of the call's unit are properties of.
func (c *call) subject(u *supervise.Unit) *subject {
	return &subject{Manager: c.Manager, server: c.conn.server, machine: c.Machine(), u: u}
}
