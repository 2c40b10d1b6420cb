package docker

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/test/container"
)

// outer listens outside of the container, as a manager does that runs it.
func outer(t *testing.T) (dir string, next func() string) {
	dir = t.TempDir()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return dir, func() string {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(container.WaitMax))
		buf := make([]byte, 4096)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

// TestOuter: who runs the container is told of the boot, of reloads, of the way down and of the end; D-Bus clients are told of a reload by SIGHUP, too.
func TestOuter(t *testing.T) {
	need(t)
	dir, next := outer(t)
	run := t.TempDir()
	c := start(t, "-e", "NOTIFY_SOCKET=/outer/notify", "-v", dir+":/outer", "-v", run+":/run", image, "boot")
	if got := next(); got != "READY=1\nSTATUS=Ready." {
		t.Fatalf("after the boot: %q", got)
	}
	bus, err := dbus.Dial("unix:path=" + filepath.Join(run, "systemd/private"))
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	if err := bus.Auth(nil); err != nil {
		t.Fatal(err)
	}
	signals := make(chan *dbus.Signal, 1000)
	bus.Signal(signals)
	manager := bus.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	if err := manager.Call("org.freedesktop.systemd1.Manager.Subscribe", 0).Err; err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"signal", "client"} {
		if how == "signal" {
			container.Docker(t, "kill", "-s", "HUP", c.ID)
		} else if err := manager.Call("org.freedesktop.systemd1.Manager.Reload", 0).Err; err != nil {
			t.Fatal(err)
		}
		if got := next(); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
			t.Errorf("by %s: %q", how, got)
		}
		if got := next(); got != "READY=1\nSTATUS=Ready." {
			t.Errorf("after a reload by %s: %q", how, got)
		}
		var told []any
		for end := time.After(container.WaitMax); len(told) < 2; {
			select {
			case s := <-signals:
				if s.Name == "org.freedesktop.systemd1.Manager.Reloading" {
					told = append(told, s.Body...)
				}
			case <-end:
				t.Fatalf("by %s: clients are told Reloading %v", how, told)
			}
		}
		if told[0] != true || told[1] != false {
			t.Errorf("by %s: Reloading %v", how, told)
		}
	}
	in(c, "systemctl daemon-reexec")
	if got := next(); !strings.HasPrefix(got, "RELOADING=1\n") {
		t.Errorf("by daemon-reexec: %q", got)
	}
	if got := next(); got != "READY=1\nSTATUS=Ready." {
		t.Errorf("after daemon-reexec: %q", got)
	}
	c.Stop()
	if got := next(); got != "STOPPING=1" {
		t.Errorf("on the way down: %q", got)
	}
	if got := next(); got != "EXIT_STATUS=0" {
		t.Errorf("at the end: %q", got)
	}
}

// TestStopFromInside: the budget of the way down holds, and who runs the container is told, however the end has begun.
func TestStopFromInside(t *testing.T) {
	need(t)
	for _, how := range []string{"systemctl poweroff", "systemctl start fails.service"} {
		dir, next := outer(t)
		c := start(t, "-e", "NOTIFY_SOCKET=/outer/notify", "-v", dir+":/outer", image, "boot", "--stop-timeout", "2s")
		next()
		began := time.Now()
		in(c, `printf '[Unit]\nFailureAction=exit\n[Service]\nType=oneshot\nExecStart=false\n' >/etc/systemd/system/fails.service
		printf '[Service]\nExecStart=sh -c "trap true TERM; while :; do sleep 1000; done"\n' >/etc/systemd/system/stays.service
		systemctl start stays; `+how+" 2>/dev/null; true")
		if got := next(); got != "STOPPING=1" {
			t.Errorf("%s: %q", how, got)
		}
		if got := next(); !strings.HasPrefix(got, "EXIT_STATUS=") {
			t.Errorf("%s: %q at the end", how, got)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s: %v", how, took)
		}
		logs := c.Logs()
		if !strings.Contains(logs, "Not everything has stopped in time") {
			t.Errorf("%s: %s", how, logs)
		}
	}
}
