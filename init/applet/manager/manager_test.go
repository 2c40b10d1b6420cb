package manager_test

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/init/applet/manager/managertest"
)

// host is a machine below a directory of the test's.
func host(t *testing.T, env ...string) *applet.Host {
	t.Helper()
	dir, err := os.MkdirTemp("", "m") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &applet.Host{Stdout: new(strings.Builder), Stderr: new(strings.Builder), Environ: env, Root: dir}
}

func dial(t *testing.T, h *applet.Host) *manager.Conn {
	t.Helper()
	c, err := manager.Dial(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// ways are those to the manager: its own socket, which is for root, and the system bus.
var ways = map[string][]string{"private": nil, "bus": {"SYSTEMCTL_FORCE_BUS=1"}}

func TestCall(t *testing.T) {
	for way, env := range ways {
		t.Run(way, func(t *testing.T) {
			h := host(t, env...)
			managertest.Start(t, h.Root, func(c managertest.Call) ([]any, error) {
				switch {
				case c.Is("Reload"):
					return nil, nil
				case c.Is("GetUnit"):
					return []any{dbus.ObjectPath("/unit/" + c.Args[0].(string))}, nil
				}
				return nil, &manager.Error{Name: manager.NoSuchUnit, Message: "Unit x.service not found."}
			})
			c := dial(t, h)
			if c.OnBus != (way == "bus") && os.Geteuid() == 0 {
				t.Errorf("OnBus is %v", c.OnBus)
			}
			if _, err := c.Manager("Reload"); err != nil {
				t.Error(err)
			}
			r, err := c.Manager("GetUnit", "a")
			var path dbus.ObjectPath
			if err == nil {
				err = r.Store(&path)
			}
			if err != nil || path != "/unit/a" {
				t.Errorf("GetUnit: %q, %v", path, err)
			}
			_, err = c.Manager("StartUnit", "x.service", "replace")
			if !manager.Is(err, manager.NoSuchUnit) || !manager.Refused(err) || manager.Text(err) != "Unit x.service not found." || !errors.Is(err, syscall.ENOENT) {
				t.Errorf("StartUnit: %v", err)
			}
		})
	}
}

func TestPropertiesKeepTheirOrder(t *testing.T) {
	h := host(t)
	sent := managertest.Ordered{
		{Name: "Zebra", Value: dbus.MakeVariant("z")},
		{Name: "Apple", Value: dbus.MakeVariant([]string{"a", "b"})},
		{Name: "Exec", Value: dbus.MakeVariant([]struct {
			A string
			B []string
			C bool
		}{{"/bin/x", []string{"x"}, true}})},
		{Name: "Mango", Value: dbus.MakeVariant(uint64(7))},
		{Name: "Map", Value: dbus.MakeVariant(map[string]dbus.Variant{"k": dbus.MakeVariant(byte(1))})},
		{Name: "Last", Value: dbus.MakeVariant(true)},
	}
	managertest.Start(t, h.Root, func(managertest.Call) ([]any, error) { return []any{sent}, nil })
	all, err := dial(t, h).GetAll(manager.UnitPath("a.service"), "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "Zebra Apple Exec Mango Map Last" {
		t.Error(got)
	}
	if all.String("Zebra") != "z" || len(all.Strings("Apple")) != 2 || all.Uint64("Mango", 0) != 7 || !all.Bool("Last") || all.Uint64("None", 9) != 9 || all.Has("None") {
		t.Errorf("%v", all)
	}
}

// A signal that comes before a reply is kept for the watcher, and jobs that have ended before they are waited for have ended.
func TestJobs(t *testing.T) {
	for way, env := range ways {
		t.Run(way, func(t *testing.T) {
			h := host(t, env...)
			managertest.Start(t, h.Root, func(c managertest.Call) ([]any, error) {
				removed := func(id uint32, path, unit, result string) {
					c.Signal(manager.Root, manager.Interface, "JobRemoved", id, dbus.ObjectPath(path), unit, result)
				}
				switch {
				case c.Is("StartUnit"):
					removed(1, "/job/1", "a.service", "done")
					removed(9, "/job/9", "other.service", "failed") // not ours
					return []any{dbus.ObjectPath("/job/1")}, nil
				case c.Is("StopUnit"):
					removed(2, "/job/2", "b.service", "failed")
					return []any{dbus.ObjectPath("/job/2")}, nil
				case c.Member == "Get":
					return []any{dbus.MakeVariant("exit-code")}, nil
				}
				return nil, nil
			})
			c := dial(t, h)
			w := c.WatchJobs(h)
			start := func(method string) {
				r, err := c.Manager(method, "x", "replace")
				if err != nil {
					t.Fatal(err)
				}
				var job dbus.ObjectPath
				if err := r.Store(&job); err != nil {
					t.Fatal(err)
				}
				w.Add(job)
			}
			start("StartUnit")
			if err := w.Wait(); err != nil {
				t.Error(err)
			}
			start("StopUnit")
			if w.Wait() == nil {
				t.Error("a failed job is a success")
			}
			want := "Job for b.service failed because the control process exited with error code.\n" +
				"See \"systemctl status b.service\" and \"journalctl -xeu b.service\" for details.\n"
			if got := h.Stderr.(*strings.Builder).String(); got != want {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestJobResults(t *testing.T) {
	for _, c := range []struct{ unit, result, service, want string }{
		{"a.service", "canceled", "", "Job for a.service canceled.\n"},
		{"a.service", "timeout", "", "Job for a.service timed out.\n"},
		{"a.service", "dependency", "", "A dependency job for a.service failed. See 'journalctl -xe' for details.\n"},
		{"a.service", "invalid", "", "a.service is not active, cannot reload.\n"},
		{"a.service", "assert", "", "Assertion failed on job for a.service.\n"},
		{"a.mount", "unsupported", "", "Operation on or unit type of a.mount not supported on this system.\n"},
		{"a.service", "collected", "", "Queued job for a.service was garbage collected.\n"},
		{"a.service", "once", "", "Unit a.service was started already once and can't be started again.\n"},
		{"a.mount", "failed", "", "Job failed. See \"journalctl -xe\" for details.\n"},
		{"a.service", "failed", "nonsense", "Job for a.service failed.\nSee \"systemctl status a.service\" and \"journalctl -xeu a.service\" for details.\n"},
		{"a b.service", "failed", "timeout", "Job for a b.service failed because a timeout was exceeded.\nSee \"systemctl status \"a b.service\"\" and \"journalctl -xeu \"a b.service\"\" for details.\n"},
		{"a.service", "failed", "start-limit-hit", "Job for a.service failed because start of the service was attempted too often.\n" +
			"See \"systemctl status a.service\" and \"journalctl -xeu a.service\" for details.\n" +
			"To force a start use \"systemctl reset-failed a.service\"\nfollowed by \"systemctl start a.service\" again.\n"},
	} {
		h := host(t)
		managertest.Start(t, h.Root, func(call managertest.Call) ([]any, error) {
			if call.Is("StartUnit") {
				call.Signal(manager.Root, manager.Interface, "JobRemoved", uint32(1), dbus.ObjectPath("/job/1"), c.unit, c.result)
				return []any{dbus.ObjectPath("/job/1")}, nil
			}
			return []any{dbus.MakeVariant(c.service)}, nil
		})
		m := dial(t, h)
		w := m.WatchJobs(h)
		if _, err := m.Manager("StartUnit", c.unit, "replace"); err != nil {
			t.Fatal(err)
		}
		w.Add("/job/1")
		err := w.Wait()
		if got := h.Stderr.(*strings.Builder).String(); err == nil || got != c.want {
			t.Errorf("%s %s: %v, %q", c.unit, c.result, err, got)
		}
	}
}

func TestUnitsEnd(t *testing.T) {
	const unit = "a.service"
	path := manager.UnitPath(unit)
	state := func(s string) map[string]dbus.Variant {
		return map[string]dbus.Variant{"ActiveState": dbus.MakeVariant(s)}
	}
	for _, c := range []struct {
		name           string
		before, after  string // what is signalled before the first answer, which says that it is active, and after it
		failed, hangup bool
	}{
		{"down", "", "inactive", false, false},
		{"failed", "", "failed", true, false},
		{"on its way down", "", "deactivating", false, true},
		{"what was signalled before the answer is older", "inactive", "active", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := host(t)
			changed := func(call managertest.Call, path dbus.ObjectPath, s string) {
				if s != "" {
					call.Signal(path, "org.freedesktop.DBus.Properties", "PropertiesChanged", manager.Unit, state(s), []string{})
				}
			}
			managertest.Start(t, h.Root, func(call managertest.Call) ([]any, error) {
				switch call.Member {
				case "GetAll":
					changed(call, path, c.before)
					return []any{managertest.Ordered{
						{Name: "ActiveState", Value: dbus.MakeVariant("active")},
						{Name: "Job", Value: dbus.MakeVariant(struct {
							ID   uint32
							Path dbus.ObjectPath
						}{0, "/"})},
					}}, nil
				case "Poke":
					changed(call, "/another", "failed")
					changed(call, path, c.after)
				case "Leave":
					return nil, managertest.ErrHangup
				}
				return nil, nil
			})
			m := dial(t, h)
			u := m.WatchUnits(nil)
			if err := u.Add(unit); err != nil {
				t.Fatal(err)
			}
			if _, err := m.Manager("Poke"); err != nil {
				t.Fatal(err)
			}
			if err := m.Post(manager.Destination, manager.Root, manager.Interface, "Leave"); err != nil {
				t.Fatal(err)
			}
			failed, err := u.Wait()
			if failed != c.failed || (err != nil) != c.hangup {
				t.Errorf("%v, %v", failed, err)
			}
		})
	}
}

func TestTimeout(t *testing.T) {
	h := host(t, "SYSTEMD_BUS_TIMEOUT=10ms")
	managertest.Start(t, h.Root, func(managertest.Call) ([]any, error) { return nil, managertest.ErrSilent })
	_, err := dial(t, h).Manager("Reload")
	if !errors.Is(err, syscall.ETIMEDOUT) || manager.Text(err) != "Connection timed out" {
		t.Error(err)
	}
}

func TestHangup(t *testing.T) {
	h := host(t)
	managertest.Start(t, h.Root, func(managertest.Call) ([]any, error) { return nil, managertest.ErrHangup })
	c := dial(t, h)
	if _, err := c.Manager("Reexecute"); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
	if err := c.Next(); err == nil {
		t.Error("there is a signal from nobody")
	}
}

func TestNobodyThere(t *testing.T) {
	h := host(t)
	if _, err := manager.Dial(h); !errors.Is(err, syscall.ENOENT) {
		t.Error(err)
	}
	if _, err := manager.Connect(h, false); !errors.Is(err, syscall.EHOSTDOWN) {
		t.Error(err)
	}
	want := manager.NotBooted + "\nFailed to connect to bus: Host is down\n"
	if got := h.Stderr.(*strings.Builder).String(); got != want {
		t.Errorf("%q", got)
	}
	if _, err := manager.DialUser(h); !errors.Is(err, syscall.ENOMEDIUM) {
		t.Error(err)
	}
}

// What is not D-Bus ends in an error, and does not make the client wait or allocate for ever.
func TestHostileServer(t *testing.T) {
	ok := "OK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"
	frame := func(order byte, body, fields uint32) string {
		b := make([]byte, 16)
		b[0], b[1], b[3] = order, 2, 1
		binary.LittleEndian.PutUint32(b[4:], body)
		binary.LittleEndian.PutUint32(b[12:], fields)
		return string(b)
	}
	for name, says := range map[string]string{
		"refused":          "REJECTED EXTERNAL\r\n",
		"endless line":     strings.Repeat("x", 100000),
		"no byte order":    ok + frame('x', 0, 0),
		"longer than any":  ok + frame('l', 1<<28, 0),
		"length overflows": ok + frame('l', 0xFFFFFFF0, 0xFFFFFFF0),
		"cut off":          ok + frame('l', 1000, 100) + "abc",
		"rubbish":          ok + frame('l', 8, 64) + strings.Repeat("\xFF", 72),
		"nothing":          "",
	} {
		t.Run(name, func(t *testing.T) {
			h := host(t)
			path := filepath.Join(h.Root, manager.SystemBus)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(10 * time.Second))
				// Read what is asked, so that the end is an end and no reset.
				buf := make([]byte, 4096)
				_, _ = c.Read(buf)
				_, _ = c.Write([]byte(says))
			}()
			if c, err := manager.DialBus(h); err == nil {
				c.Close()
				t.Error("was believed")
			}
		})
	}
}

func TestUnitPath(t *testing.T) {
	for name, path := range map[string]string{
		"ssh.service": "ssh_2eservice", "-.mount": "_2d_2emount", "1a.service": "_31a_2eservice", "a_b@c.timer": "a_5fb_40c_2etimer", `a\x20.socket`: "a_5cx20_2esocket",
	} {
		p := manager.UnitPath(name)
		if want := "/org/freedesktop/systemd1/unit/" + path; string(p) != want {
			t.Errorf("%s: %s", name, p)
		}
		if got := manager.NameOf(p); got != name {
			t.Errorf("%s: back %q", name, got)
		}
	}
	if got := manager.NameOf("/elsewhere"); got != "" {
		t.Error(got)
	}
}
