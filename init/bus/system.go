package bus

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
)

// The system bus: where dbus.service runs, the manager is one of its clients (bus_init_api in src/core/dbus.c). It serves the same objects
// there under the name org.freedesktop.systemd1, to everybody who may look and to root who may change; it follows the owners of names
// that services have as BusName=; and it starts services when the bus asks for them.
//
//	dbus.service is up    connect, Hello, watch names, ask for the name org.freedesktop.systemd1; ask who has what names
//	a call comes          ask the bus who the caller is, unless it is known; then as on the private socket
//	a name changes hands  tell the machine; if it was a client's own, forget the client
//	the connection ends   nothing more until dbus.service comes up again
//
// Signals go out if somebody has subscribed, and those about a job to its maker and about a unit to who holds a reference to it.

const (
	busName           = "org.freedesktop.DBus"
	busPath           = "/org/freedesktop/DBus"
	activatorIface    = systemd1 + ".Activator"
	systemBusSocket   = "/run/dbus/system_bus_socket"
	systemCallsMax    = 1024 // of all clients together
	nameOwnerChanged  = "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged'"
	systemDialTimeout = 10 * time.Second
)

// link is what there is to a connection to the bus beside the connection. It is the owner's.
type link struct {
	pending    map[uint32]func(*dbus.Message) // by the serial of what we asked
	callers    map[string]caller              // by unique name
	subscribed map[string]bool
	tracked    map[graph.JobID]bool // jobs that clients have made
	owners     map[string]string    // of BusName= names, as the machine was told
	asked      map[string]int       // how often an owner was asked for: the last answer counts
}

// caller is who a client is, as the bus says.
type caller struct {
	uid uint32
	pid int
}

func newLink() *link {
	return &link{
		pending: map[uint32]func(*dbus.Message){}, callers: map[string]caller{}, subscribed: map[string]bool{},
		tracked: map[graph.JobID]bool{}, owners: map[string]string{}, asked: map[string]int{},
	}
}

// about is the job or the unit that a signal is about.
type about struct {
	job  graph.JobID
	unit string
}

// wants tells whether anybody on the bus is to be told: who has subscribed, the maker of the job, who holds a reference to the unit
// (bus_foreach_bus in src/core/dbus.c).
func (c *conn) wants(a about) bool {
	if len(c.link.subscribed) > 0 || a.job != 0 && c.link.tracked[a.job] {
		return true
	}
	for _, units := range c.refs {
		if a.unit != "" && units[a.unit] > 0 {
			return true
		}
	}
	return false
}

// Connect has the server look for the system bus now. It is to be called once units are there; later it looks by itself whenever
// dbus.service comes up.
func (s *Server) Connect() { s.owner.Do(s.lookForBus) }

// lookForBus connects if the bus is up and we are not there (manager_recheck_dbus in src/core/manager.c).
func (s *Server) lookForBus(m Manager) {
	if s.linked || s.isClosed() {
		return
	}
	machine := m.Machine()
	u, ok := machine.Unit("dbus.service")
	if !ok || u.Service == nil || machine.Active(u) != graph.Active || machine.Graph().StopPending(u.ID) {
		return
	}
	s.linked = true
	go func() {
		if err := s.joinBus(); err != nil {
			s.opt.Logf(7, "The system bus: %v", err)
		}
		s.owner.Do(func(Manager) { s.linked = false })
	}()
}

// joinBus is the reader of the connection to the bus: all of its life.
func (s *Server) joinBus() error {
	sock, err := net.DialTimeout("unix", s.opt.SystemBus, systemDialTimeout)
	if err != nil {
		return err
	}
	c := newConn(s, sock.(*net.UnixConn))
	c.calls, c.link, c.uid = make(chan struct{}, systemCallsMax), newLink(), s.opt.UID
	defer c.closeFDs()
	defer c.drop()
	defer c.survive()
	if err := c.introduce(); err != nil {
		return err
	}
	if !s.owner.Do(func(m Manager) {
		s.join(m, c)
		c.settle()
	}) {
		return net.ErrClosed
	}
	go c.write()
	for {
		m, fds, err := c.next()
		if err != nil || !c.receive(m, fds) {
			break
		}
	}
	c.drop()
	s.owner.Do(func(m Manager) { s.leave(m, c) })
	return errors.New("the connection is over")
}

// introduce is the client's half of the handshake, all at once.
func (c *conn) introduce() error {
	if err := c.sock.SetDeadline(time.Now().Add(authTimeout)); err != nil {
		return err
	}
	hello := "\x00AUTH EXTERNAL " + hex.EncodeToString([]byte(strconv.FormatUint(uint64(c.uid), 10))) + "\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
	if _, err := c.sock.Write([]byte(hello)); err != nil {
		return err
	}
	var said []byte
	buffer := make([]byte, 512)
	for bytes.Count(said, []byte("\r\n")) < 2 {
		n, err := c.recv(buffer)
		if err != nil {
			return err
		}
		if said = append(said, buffer[:n]...); len(said) > authBytesMax {
			return errAuthLong
		}
	}
	ok, rest, _ := bytes.Cut(said, []byte("\r\n"))
	agree, rest, _ := bytes.Cut(rest, []byte("\r\n"))
	if !bytes.HasPrefix(ok, []byte("OK ")) {
		return errors.New("handshake: the bus says " + strconv.Quote(clean(string(ok))))
	}
	c.fds, c.in = string(agree) == "AGREE_UNIX_FD", slices.Clone(rest)
	return c.sock.SetDeadline(time.Time{})
}

// ask calls a method of another client of the bus. done gets the answer on the owner's goroutine, nil if there is none any more.
func (c *conn) ask(to string, path dbus.ObjectPath, i, member, sig string, done func(*dbus.Message), body ...any) {
	serial := c.nextSerial()
	if done != nil {
		c.link.pending[serial] = done
	}
	m := &dbus.Message{Type: dbus.TypeMethodCall, Flags: dbus.FlagNoAutoStart, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldInterface: dbus.MakeVariant(i), dbus.FieldMember: dbus.MakeVariant(member),
		dbus.FieldDestination: dbus.MakeVariant(to),
	}}
	if done == nil {
		m.Flags |= dbus.FlagNoReplyExpected
	}
	if sig != "" {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.ParseSignatureMust(sig))
	}
	c.out.put(&parcel{message: m, fd: -1, serial: serial}, false)
}

// askBus calls a method of the bus itself.
func (c *conn) askBus(member, sig string, done func(*dbus.Message), body ...any) {
	c.ask(busName, busPath, busName, member, sig, done, body...)
}

// settle is what a new client of the bus does.
func (c *conn) settle() {
	s := c.server
	c.askBus("Hello", "", nil)
	c.askBus("AddMatch", "s", nil, nameOwnerChanged)
	c.askBus("RequestName", "su", func(m *dbus.Message) {
		if m.Type == dbus.TypeError {
			s.opt.Logf(5, "Failed to get the name %s on the system bus, serving nobody there: %v", systemd1, m.Body)
		}
	}, systemd1, uint32(0))
	for _, u := range s.manager.Machine().Units() {
		c.followName(u)
	}
}

// answered is a reply to ask.
func (c *conn) answered(m *dbus.Message) {
	serial, _ := m.Headers[dbus.FieldReplySerial].Value().(uint32)
	if done := c.link.pending[serial]; done != nil {
		delete(c.link.pending, serial)
		done(m)
	}
}

// told is a signal from the bus.
func (c *conn) told(m *dbus.Message) {
	if from, _ := m.Headers[dbus.FieldSender].Value().(string); from != busName {
		return
	}
	i, _ := m.Headers[dbus.FieldInterface].Value().(string)
	member, _ := m.Headers[dbus.FieldMember].Value().(string)
	var words []string
	for _, v := range m.Body {
		w, ok := v.(string)
		if !ok {
			return
		}
		words = append(words, w)
	}
	switch {
	case i == busName && member == "NameOwnerChanged" && len(words) == 3:
		c.nameChanged(words[0], words[2])
	case i == activatorIface && member == "ActivationRequest" && len(words) == 1:
		c.activate(words[0])
	}
}

// nameChanged: a name has a new owner, or none.
func (c *conn) nameChanged(name, owner string) {
	if strings.HasPrefix(name, ":") {
		if owner == "" {
			c.forget(name)
		}
		return
	}
	for _, u := range c.server.manager.Machine().Units() {
		if u.Config.Service != nil && u.Config.Service.BusName == name {
			c.ownerIs(name, owner)
			return
		}
	}
}

// followName asks who has the name of a unit that has one.
func (c *conn) followName(u *supervise.Unit) {
	if u.Config.Service == nil || u.Config.Service.BusName == "" {
		return
	}
	name := u.Config.Service.BusName
	c.link.asked[name]++
	turn := c.link.asked[name]
	c.askBus("GetNameOwner", "s", func(m *dbus.Message) {
		if turn != c.link.asked[name] || m.Type != dbus.TypeMethodReply || len(m.Body) != 1 {
			return
		}
		if owner, ok := m.Body[0].(string); ok {
			c.ownerIs(name, owner)
		}
	}, name)
}

// ownerIs tells the machine of a name's owner. Whose process that is the bus knows.
func (c *conn) ownerIs(name, owner string) {
	c.link.asked[name]++
	turn := c.link.asked[name]
	if owner == c.link.owners[name] {
		return
	}
	tell := func(who caller) {
		if turn != c.link.asked[name] {
			return // it has changed hands again
		}
		if c.link.owners[name] = owner; owner == "" {
			delete(c.link.owners, name)
		}
		if c.server.opt.BusName != nil {
			c.server.opt.BusName(supervise.BusName{Name: name, Owner: owner, PID: who.pid})
		}
	}
	if owner == "" {
		tell(caller{})
		return
	}
	c.identifyCaller(owner, func(who caller, _ bool) { tell(who) })
}

// identifyCaller asks the bus who a client is.
func (c *conn) identifyCaller(name string, done func(caller, bool)) {
	if who, ok := c.link.callers[name]; ok {
		done(who, true)
		return
	}
	c.askBus("GetConnectionCredentials", "s", func(m *dbus.Message) {
		who, ok := credentials(m)
		if ok {
			c.link.callers[name] = who
		}
		done(who, ok)
	}, name)
}

func credentials(m *dbus.Message) (who caller, ok bool) {
	if m.Type != dbus.TypeMethodReply || len(m.Body) != 1 {
		return who, false
	}
	v, _ := m.Body[0].(map[string]dbus.Variant)
	uid, ok := v["UnixUserID"].Value().(uint32)
	pid, _ := v["ProcessID"].Value().(uint32)
	return caller{uid, int(pid)}, ok
}

// forget drops what is kept for a client that has left the bus.
func (c *conn) forget(name string) {
	delete(c.link.callers, name)
	delete(c.link.subscribed, name)
	c.release(c.server.manager, name)
}

// activate starts a unit that the bus wants (signal_activation_request in src/core/dbus.c). Only failures are answered: what was started
// takes its name.
func (c *conn) activate(name string) {
	m := c.server.manager
	fail := func(f *fault) {
		c.out.put(&parcel{fd: -1, message: &dbus.Message{Type: dbus.TypeSignal, Body: []any{name, f.name, f.text}, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath(managerPath)), dbus.FieldInterface: dbus.MakeVariant(activatorIface),
			dbus.FieldMember: dbus.MakeVariant("ActivationFailure"), dbus.FieldDestination: dbus.MakeVariant(busName),
			dbus.FieldSignature: dbus.MakeVariant(dbus.ParseSignatureMust("sss")),
		}}}, false)
	}
	g := m.Machine().Graph()
	for _, unit := range [...]string{"dbus.service", "dbus.socket"} {
		if id, ok := g.Lookup(unit); ok && g.InactiveOrPending(id) {
			fail(&fault{systemd1 + ".ShuttingDown", "Refusing activation, D-Bus is shutting down."})
			return
		}
	}
	if f := validUnit(name); f != nil {
		fail(f)
		return
	}
	m.Request(supervise.Request{Verb: supervise.VerbEnqueue, Unit: name, JobType: graph.JobStart, Mode: graph.ModeReplace}, func(r supervise.Reply) {
		if r.Failure != nil {
			fail(asFault(r.Failure))
		}
	})
}

// public are the beginnings of the names of methods that change nothing: everybody on the bus may call them.
var public = [...]string{"Get", "List", "Lookup", "Dump", "Introspect", "Ping", "Subscribe", "Unsubscribe", "LoadUnit"}

// permitted finds out who calls on the bus, and refuses who may not: only root and the manager's user may change anything.
func (c *call) permitted(f func()) {
	c.conn.identifyCaller(c.sender, func(who caller, ok bool) {
		c.pid = who.pid
		open := slices.ContainsFunc(public[:], func(p string) bool { return strings.HasPrefix(c.method.name, p) })
		if !open && !(ok && c.conn.server.mayConnect(who.uid)) {
			c.fail(&fault{faultAccessDenied, "Permission denied"})
			return
		}
		f()
	})
}
