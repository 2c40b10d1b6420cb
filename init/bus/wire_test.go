package bus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

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
func TestHostile(t *testing.T) {
	w := newWorld(t, services)
	patch := func(b []byte, at int, v ...byte) []byte { copy(b[at:], v); return b }
	for _, test := range []struct {
		name  string
		bytes func(r *raw) []byte
	}{
		{"no byte order", func(r *raw) []byte { return patch(r.ping(), 0, 'x') }},
		{"another protocol version", func(r *raw) []byte { return patch(r.ping(), 3, 2) }},
		{"serial 0", func(r *raw) []byte { return patch(r.ping(), 8, 0, 0, 0, 0) }},
		{"no message type", func(r *raw) []byte { return patch(r.ping(), 1, 0) }},
		{"flags that there are not", func(r *raw) []byte { return patch(r.ping(), 2, 0xf8) }},
		{"a gigantic body", func(r *raw) []byte { return patch(r.ping(), 4, 0xff, 0xff, 0xff, 0xff) }},
		{"gigantic headers", func(r *raw) []byte { return patch(r.ping(), 12, 0xff, 0xff, 0xff, 0xff) }},
		{"a body without a signature", func(r *raw) []byte { return append(patch(r.ping(), 4, 0, 0, 0x20, 0), make([]byte, 1<<21)...) }},
		{"an array longer than its message", func(r *raw) []byte {
			b := r.frame(managerPath, managerInterface, "ListUnitsByNames", "as", []string{"a"})
			return patch(b, len(b)-12, 0xff, 0xff, 0, 0)
		}},
		{"descriptors that did not come", func(r *raw) []byte {
			r.serial++
			m := &dbus.Message{Type: dbus.TypeMethodCall, Headers: map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath(managerPath)), dbus.FieldMember: dbus.MakeVariant("Ping"),
				dbus.FieldUnixFDs: dbus.MakeVariant(uint32(2)),
			}}
			b, _, err := encode(m, r.serial)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}},
		{"nesting without end", func(r *raw) []byte {
			return slices.Concat(patch(r.frame(managerPath, managerInterface, "X", "v", dbus.MakeVariant(1)), 4, 0, 4), bytes.Repeat([]byte("\x01v\x00"), 400))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := w.raw()
			r.t = t
			r.greet(nil)
			r.Write(test.bytes(r))
			r.CloseWrite()
			r.ended(test.name)
		})
	}
	r := w.raw()
	r.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
	r.ended("no NUL")
	r = w.raw()
	r.greet(r.ping())
	r.reply(1)
}

// TestDescriptors: those that come with a message are closed when it is answered, and more than were agreed upon end the connection.
func TestDescriptors(t *testing.T) {
	w := newWorld(t, services)
	r := w.raw()
	r.greet(r.ping())
	r.reply(1)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	r.serial++
	m := &dbus.Message{Type: dbus.TypeMethodCall, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath(managerPath)), dbus.FieldMember: dbus.MakeVariant("Ping"),
		dbus.FieldUnixFDs: dbus.MakeVariant(uint32(1)),
	}}
	b, _, err := encode(m, r.serial)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.WriteMsgUnix(b, unix.UnixRights(int(write.Fd())), nil); err != nil {
		t.Fatal(err)
	}
	write.Close()
	r.reply(2)
	read.SetDeadline(time.Now().Add(waitMax))
	if n, err := read.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("the descriptor is still open: %d %v", n, err)
	}

	bad := w.raw()
	bad.greet(nil)
	list := slices.Repeat([]int{int(read.Fd())}, fdsMax+1)
	if _, _, err := bad.WriteMsgUnix(bad.ping(), unix.UnixRights(list...), nil); err != nil {
		t.Fatal(err)
	}
	bad.ended("too many descriptors")

	none := w.raw()
	none.Write([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"))
	if _, _, err := none.WriteMsgUnix(none.ping(), unix.UnixRights(int(read.Fd())), nil); err != nil {
		t.Fatal(err)
	}
	none.ended("descriptors that were not agreed upon")
}

// TestSlow: who does not read what it is told is dropped, and until then neither it nor one who asks and asks holds anybody up.
func TestSlow(t *testing.T) {
	w := newWorld(t, services)
	deaf := w.raw()
	deaf.greet(deaf.ping())
	deaf.reply(1)
	asks := w.raw()
	asks.greet(nil)
	go func() {
		call := asks.frame(unitPath("a.service"), propertyInterface, "GetAll", "s", "")
		for {
			if _, err := asks.Write(call); err != nil {
				return
			}
		}
	}()
	good := w.client()
	var pending int
	for n := 0; ; n++ {
		w.on(func() {
			for range 200 {
				w.server.Reloading(true)
			}
			pending = len(w.server.conns)
		})
		if _, err := good.ListJobsContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pending == 2 { // the good one
			break
		}
		if n > 100_000 {
			t.Fatal("nobody is dropped")
		}
	}
	asks.Close()
	deaf.ended("the deaf one")
	if _, err := good.ListJobsContext(t.Context()); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

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
func TestConnectionsMax(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 3*connectionsMax {
		t.Skipf("RLIMIT_NOFILE is %d, and %d descriptors are needed", limit.Cur, 3*connectionsMax)
	}
	w := newWorld(t, services)
	var list []*raw
	for range connectionsMax {
		list = append(list, w.raw())
	}
	for _, r := range list {
		r.greet(r.ping())
		r.reply(1)
	}
	r := w.raw()
	r.ended("one too many")
	list[0].Close()
	w.until("a connection is over", func() bool { return w.server.joined.Load() < connectionsMax })
	r = w.raw()
	r.greet(r.ping())
	r.reply(1)
}

// TestStranger: who is neither root nor the manager's user is hung up on before a word is said.
func TestStranger(t *testing.T) {
	s := Server{opt: Options{UID: 1000}}
	for uid, may := range map[uint32]bool{0: true, 1000: true, 1: false, 1001: false, ^uint32(0): false} {
		if s.mayConnect(uid) != may {
			t.Errorf("user %d: %v", uid, !may)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("only root can run a command as another user")
	}
	w := newWorld(t, services)
	for dir := w.socket; dir != "/" && dir != os.TempDir(); dir = dir[:strings.LastIndexByte(dir, '/')] {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe", "-test.run", "^TestStrangerChild$", "-test.v")
	cmd.Env = append(os.Environ(), "KEELSON_BUS_STRANGER="+w.socket)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	exe := t.TempDir() + "/test"
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}
	for dir := exe; dir != "/" && dir != os.TempDir(); dir = dir[:strings.LastIndexByte(dir, '/')] {
		os.Chmod(dir, 0o755)
	}
	cmd.Path, cmd.Dir = exe, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "hung up on") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestStrangerChild is the stranger.
func TestStrangerChild(t *testing.T) {
	socket := os.Getenv("KEELSON_BUS_STRANGER")
	if socket == "" {
		t.Skip("this is the other half of TestStranger")
	}
	w := &world{t: t, socket: socket}
	r := w.raw()
	r.Write([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"))
	b, err := io.ReadAll(r)
	if len(b) != 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("%q %v", b, err)
	}
	t.Log("hung up on")
}

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
func FuzzMessages(f *testing.F) {
	w := newWorld(f, services)
	r := &raw{t: f}
	for _, b := range [][]byte{
		r.ping(), r.frame(managerPath, managerInterface, "StartUnit", "ss", "a.service", "replace"),
		r.frame(managerPath, managerInterface, "ListUnitsByPatterns", "asas", []string{"active"}, []string{"*"}),
		r.frame(unitPath("a.service"), propertyInterface, "GetAll", "s", ""),
		r.frame(managerPath, managerInterface, "SetUnitProperties", "sba(sv)", "a.service", true,
			[]systemdProperty{{"CPUWeight", dbus.MakeVariant(uint64(5))}, {"IPAddressAllow", dbus.MakeVariant([]prefix{{2, []byte{1, 2, 3, 4}, 8}})}}),
		r.frame(managerPath, managerInterface, "StartTransientUnit", "ssa(sv)a(sa(sv))", "r.service", "fail",
			[]systemdProperty{{"ExecStart", dbus.MakeVariant([]execLine{{"/bin/x", []string{"x"}, true}})}}, []auxUnit{}),
		[]byte("l\x01\x00\x01"), {},
	} {
		f.Add(b)
	}
	probe := w.dial().Object(systemd1, managerPath)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: w.socket})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(waitMax))
		c.Write(append([]byte("\x00AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"), b...))
		c.CloseWrite()
		io.Copy(io.Discard, c)
		if err := probe.Call("org.freedesktop.DBus.Peer.Ping", 0).Err; err != nil {
			t.Fatal(err)
		}
	})
}

type execLine struct {
	Path   string
	Argv   []string
	Ignore bool
}

type auxUnit struct {
	Name       string
	Properties []systemdProperty
}

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
