package bus

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

// What clients do that should not, one at a time; siege_test.go has all at once.

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
