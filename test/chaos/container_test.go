// Package chaos runs a thousand services, and has services start, stop, die and misbehave at random, under the manager of a container with Docker's
// default privileges. All of it is seen from the machine: the container's processes in /proc, its manager by D-Bus.
package chaos

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"keelson/test/container"
)

// waitMax is how long a test waits for what has to come: far more than it can take.
const waitMax = container.WaitMax

func TestMain(m *testing.M) { container.Main(m) }

func need(t *testing.T) (image string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may look at the processes of a container")
	}
	return container.Build(t, "chaos", "Dockerfile", "units")
}

// A machine is a container with a manager, and a connection to that.
type machine struct {
	*container.Container
	t   *testing.T
	pid int // its PID 1, on the machine
	bus *systemd.Conn
	raw *dbus.Conn // one of bus
}

// boot starts a container with arguments for docker run and for keelson boot; it is removed when the test ends.
func boot(t *testing.T, image string, options []string, arguments ...string) *machine {
	t.Helper()
	command := append(append([]string{"--network", "none"}, options...), image)
	c := &machine{Container: container.Start(t, append(command, arguments...)...), t: t}
	var err error
	if c.pid, err = strconv.Atoi(c.Inspect("{{.State.Pid}}")); err != nil || c.pid == 0 {
		t.Fatalf("the container does not run: %s", c.Logs())
	}
	c.dial()
	t.Cleanup(func() { c.bus.Close() })
	c.until("is started", func() string {
		state, err := c.bus.GetManagerProperty("SystemState")
		switch {
		case err != nil:
			return err.Error()
		case state == `"running"` || state == `"degraded"`:
			return ""
		}
		return state
	})
	return c
}

// path is a file of the container's, as it is reached from the machine.
func (c *machine) path(name string) string { return fmt.Sprintf("/proc/%d/root%s", c.pid, name) }

// dial connects to the manager. While it is executed anew, it does not answer.
func (c *machine) dial() {
	c.t.Helper()
	if c.bus != nil {
		c.bus.Close()
	}
	c.until("answers", func() string {
		bus, err := systemd.NewConnection(func() (*dbus.Conn, error) {
			d, err := dbus.Dial("unix:path=" + c.path("/run/systemd/private"))
			if err == nil {
				if err = d.Auth([]dbus.Auth{dbus.AuthExternal("0")}); err != nil {
					d.Close()
				}
			}
			c.raw = d
			return d, err
		})
		if err != nil {
			return err.Error()
		}
		c.bus = bus
		return ""
	})
}

// until waits for something; the function says what is amiss, "" when there is nothing more.
func (c *machine) until(what string, amiss func() string) {
	c.t.Helper()
	var why string
	for end := time.Now().Add(waitMax); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if why = amiss(); why == "" {
			return
		}
	}
	c.t.Fatalf("the manager never %s: %s\n%s", what, why, container.Tail(c.Logs()))
}

// stop is docker stop, which has to end with status 0.
func (c *machine) stop() {
	c.t.Helper()
	status, took := c.Stop("-t", "60")
	if status != 0 {
		c.t.Errorf("docker stop: status %d after %v", status, took)
	}
	c.t.Logf("docker stop: %v", took.Round(time.Millisecond))
}
