package bus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// raw is a connection byte by byte.
type raw struct {
	*net.UnixConn
	t      testing.TB
	serial uint32
	in     []byte
}

func (w *world) raw() *raw {
	w.t.Helper()
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: w.socket})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(waitMax))
	return &raw{UnixConn: c, t: w.t}
}

// greet is sd-bus's way: all at once, with the first message behind it.
func (r *raw) greet(first []byte) {
	r.t.Helper()
	hello := "\x00AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"
	if _, err := r.Write(append([]byte(hello), first...)); err != nil {
		r.t.Fatal(err)
	}
	for bytes.Count(r.in, []byte("\r\n")) < 3 {
		r.more()
	}
	at := bytes.Index(r.in, []byte("AGREE_UNIX_FD\r\n"))
	if at < 0 {
		r.t.Fatalf("greeted with %q", r.in)
	}
	r.in = r.in[at+len("AGREE_UNIX_FD\r\n"):]
}

func (r *raw) more() {
	r.t.Helper()
	b := make([]byte, 65536)
	n, err := r.Read(b)
	if err != nil {
		r.t.Fatal(err)
	}
	r.in = append(r.in, b[:n]...)
}

// next reads one message.
func (r *raw) next() *dbus.Message {
	r.t.Helper()
	for len(r.in) < frameHead {
		r.more()
	}
	n := frameHead + int(binary.LittleEndian.Uint32(r.in[12:])+7)&^7 + int(binary.LittleEndian.Uint32(r.in[4:]))
	for len(r.in) < n {
		r.more()
	}
	m, err := decode(r.in[:n], nil)
	if err != nil {
		r.t.Fatalf("%v in %q", err, r.in[:n])
	}
	r.in = r.in[n:]
	return m
}

// frame is a method call.
func (r *raw) frame(path dbus.ObjectPath, i, member, sig string, body ...any) []byte {
	r.serial++
	m := &dbus.Message{Type: dbus.TypeMethodCall, Body: body, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldMember: dbus.MakeVariant(member),
	}}
	if i != "" {
		m.Headers[dbus.FieldInterface] = dbus.MakeVariant(i)
	}
	if sig != "" {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.ParseSignatureMust(sig))
	}
	b, _, err := encode(m, r.serial)
	if err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *raw) ping() []byte { return r.frame(managerPath, "org.freedesktop.DBus.Peer", "Ping", "") }

// reply reads up to the reply to a serial and gives the members of the signals before it.
func (r *raw) reply(serial uint32) (m *dbus.Message, signals []string) {
	r.t.Helper()
	for {
		m := r.next()
		if m.Type == dbus.TypeSignal {
			signals = append(signals, m.Headers[dbus.FieldMember].Value().(string))
			continue
		}
		if got := m.Headers[dbus.FieldReplySerial].Value(); got != serial {
			r.t.Fatalf("a reply to %v, not to %d", got, serial)
		}
		return m, signals
	}
}

// ended waits for the other side to hang up.
func (r *raw) ended(what string) {
	r.t.Helper()
	_, err := io.Copy(io.Discard, r)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		r.t.Errorf("%s: %v", what, err)
	}
}

// TestPipelined: messages in the same write as the handshake and each other, and without an interface; signals come in order.
func TestPipelined(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	first := r.ping()
	start := r.frame(managerPath, managerInterface, "StartUnit", "ss", "a.service", "replace")
	nameless := r.frame(managerPath, "", "ListJobs", "")
	r.greet(slices.Concat(first, start, nameless))
	r.reply(1)
	m, _ := r.reply(2)
	path, _ := m.Body[0].(dbus.ObjectPath)
	if m.Type != dbus.TypeMethodReply || !strings.HasPrefix(string(path), jobPrefix) {
		t.Fatalf("StartUnit: %v", m)
	}
	// What follows from a start: its own JobRemoved comes after its reply, and after what it has made of the unit.
	active := ""
	serials := map[uint32]bool{}
	for done := false; !done; {
		m := r.next()
		if serials[m.Serial()] || m.Serial() == 0 {
			t.Errorf("serial %d comes twice", m.Serial())
		}
		serials[m.Serial()] = true
		switch {
		case m.Type != dbus.TypeSignal:
		case m.Headers[dbus.FieldMember].Value() == "PropertiesChanged" && m.Headers[dbus.FieldPath].Value() == unitPath("a.service"):
			if v, ok := m.Body[1].(map[string]dbus.Variant)["ActiveState"]; ok {
				active = v.Value().(string)
			}
		case m.Headers[dbus.FieldMember].Value() == "JobRemoved" && m.Body[1] == path:
			if m.Body[2] != "a.service" || m.Body[3] != "done" || active != "active" {
				t.Errorf("%v while a.service is %q", m.Body, active)
			}
			done = true
		}
	}
}

// TestLastChange: a unit that is stopped and forgotten in one step is told to be down, before the end of its job and its removal.
func TestLastChange(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	r.greet(r.frame(managerPath, managerInterface, "StartUnit", "ss", "b.service", "replace"))
	await := func(until string) (seen []string) {
		for !slices.Contains(seen, until) {
			m := r.next()
			if m.Type != dbus.TypeSignal || m.Headers[dbus.FieldPath].Value() != unitPath("b.service") && m.Body[len(m.Body)-1] != unitPath("b.service") && m.Headers[dbus.FieldMember].Value() != "JobRemoved" {
				continue
			}
			what := m.Headers[dbus.FieldMember].Value().(string)
			if what == "PropertiesChanged" {
				v, ok := m.Body[1].(map[string]dbus.Variant)["SubState"]
				if !ok {
					continue
				}
				what = v.Value().(string)
			}
			seen = append(seen, what)
		}
		return seen
	}
	await("JobRemoved")
	r.Write(r.frame(managerPath, managerInterface, "StopUnit", "ss", "b.service", "replace"))
	seen := await("UnitRemoved")
	if down := slices.Index(seen, "dead"); down < 0 || down > slices.Index(seen, "JobRemoved") {
		t.Errorf("what is told of a stop: %v", seen)
	}
}

// TestSignals: what every connection is told, subscribed or not.
func TestSignals(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	r.greet(r.ping())
	r.reply(1)
	r.Write(r.frame(managerPath, managerInterface, "Reload", ""))
	_, signals := r.reply(2)
	if !slices.Equal(signals, []string{"Reloading", "Reloading"}) {
		t.Errorf("before the reply to Reload: %v", signals)
	}
	r.Write(r.frame(managerPath, managerInterface, "MaskUnitFiles", "asbb", []string{"a.service"}, false, false))
	var seen []string
	for !slices.Contains(seen, "UnitFilesChanged") {
		m := r.next()
		if m.Type == dbus.TypeSignal {
			seen = append(seen, m.Headers[dbus.FieldMember].Value().(string))
		}
	}
	r.Write(r.frame(managerPath, managerInterface, "LoadUnit", "s", "none.service"))
	seen = nil
	for !slices.Contains(seen, "UnitRemoved") {
		if m := r.next(); m.Type == dbus.TypeSignal {
			seen = append(seen, m.Headers[dbus.FieldMember].Value().(string))
		}
	}
	if !slices.Contains(seen, "UnitNew") {
		t.Errorf("signals of a unit that came and went: %v", seen)
	}
}

// TestNoReply: a call that wants no answer gets none, and frees its place.
func TestNoReply(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	r.greet(nil)
	for range 3 * callsMax {
		b := r.ping()
		b[2] |= byte(dbus.FlagNoReplyExpected)
		r.Write(b)
	}
	r.Write(r.ping())
	r.reply(r.serial)
}

// TestReexecute is not answered; the connection ends with the server.
func TestReexecute(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	r.greet(r.frame(managerPath, managerInterface, "Reexecute", ""))
	w.until("the manager is to be executed anew", func() bool { return w.reexec })
	w.on(func() { w.server.Close(time.Second) })
	r.ended("Reexecute")
	if c, err := net.Dial("unix", w.socket); err == nil {
		c.Close()
		t.Error("a closed server still accepts")
	}
}

// TestCloseDelivers: what was queued before the end is sent.
func TestCloseDelivers(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	r.greet(r.ping())
	r.reply(1)
	w.on(func() {
		w.server.Reloading(true)
		w.server.Close(waitMax)
	})
	if m := r.next(); m.Headers[dbus.FieldMember].Value() != "Reloading" {
		t.Errorf("at the end: %v", m)
	}
	r.ended("close")
}

// TestHostile: each ends the connection, and nothing else.
// TestDescriptors: those that come with a message are closed when it is answered, and more than were agreed upon end the connection.
// TestSlow: who does not read what it is told is dropped, and until then neither it nor one who asks and asks holds anybody up.
// TestPortions: many changes at once take several turns, and none is lost.
func TestPortions(t *testing.T) {
	units := map[string]string{}
	var names []string
	for i := range 5 * portion {
		name := "u" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + ".target"
		names = append(names, name)
		units[name] = "[Unit]\n"
	}
	units["all.target"] = "[Unit]\nWants=" + strings.Join(names, " ") + "\n"
	w := newWorld(t, units)
	r := w.raw()
	r.greet(r.frame(managerPath, managerInterface, "StartUnit", "ss", "all.target", "replace"))
	most := 0
	w.on(func() {
		w.slow = func() { most = max(most, len(w.server.dirty.order)) }
	})
	r.Write(r.frame(managerPath, managerInterface, "Reload", ""))
	changed := map[any]bool{}
	for len(changed) < len(names) {
		m := r.next()
		if m.Type == dbus.TypeSignal && m.Headers[dbus.FieldMember].Value() == "PropertiesChanged" {
			if path := string(m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)); strings.Contains(path, "_2etarget") && strings.HasPrefix(path, unitPrefix+"u") {
				changed[path] = true
			}
		}
	}
	w.on(func() { w.slow = nil })
	if most < portion {
		t.Errorf("at most %d changes were left for a later turn", most)
	}
}

// TestConnectionsMax: one too many is hung up on, and there is room again when others go.
// TestStranger: who is neither root nor the manager's user is hung up on before a word is said.
// TestStrangerChild is the stranger.
// TestQuiet: without a client nothing runs, and nothing is kept.
func TestQuiet(t *testing.T) {
	w := newWorld(t, services)
	before := runtime.NumGoroutine()
	r := w.raw()
	r.greet(r.frame(managerPath, managerInterface, "StartUnit", "ss", "a.service", "replace"))
	r.reply(1)
	r.Close()
	w.until("the connection is over", func() bool { return len(w.server.conns) == 0 && w.server.joined.Load() == 0 })
	w.on(func() {
		w.Request(supervise.Request{Verb: supervise.VerbKill, Unit: "a.service", Signal: unit.SIGKILL}, nil)
	})
	w.on(func() {
		if len(w.server.dirty.order) != 0 || len(w.server.dirty.units) != 0 {
			t.Errorf("changes are kept for nobody: %v", w.server.dirty)
		}
	})
	w.until("its goroutines are gone", func() bool { return runtime.NumGoroutine() <= before })
}

// FuzzMessages: whatever a client sends after the handshake, the server goes on and answers others.
// TestFaultOfOurs: a panic on a connection's goroutine ends that connection.
func TestFaultOfOurs(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	r.greet(r.frame(managerPath, managerInterface, "MaskUnitFiles", "asbb", []string{"panic.service"}, false, false))
	r.ended("panic")
	w.until("it is forgotten", func() bool { return len(w.server.conns) == 0 })
	r = w.raw()
	r.greet(r.frame(managerPath, managerInterface, "MaskUnitFiles", "asbb", []string{"a.service"}, false, false))
	if m, _ := r.reply(1); m.Type != dbus.TypeMethodReply {
		t.Errorf("the next client: %v", m)
	}
}
