// Package chaos runs a thousand services, and has services start, stop, die and misbehave at random, under the manager of a container with Docker's
// default privileges. All of it is seen from the machine: the container's processes in /proc, its manager by D-Bus.
package chaos

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"keelson/test/binary"
)

const image = "keelson-test:chaos"

// waitMax is how long a test waits for what has to come: far more than it can take.
const waitMax = 5 * time.Minute

func TestMain(m *testing.M) {
	status := m.Run()
	binary.Clean()
	os.Exit(status)
}

func need(t *testing.T) {
	t.Helper()
	binary.Need(t, "docker")
	if os.Geteuid() != 0 {
		t.Skip("only root may look at the processes of a container")
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no Docker engine, and CI must have one: %s", out)
		}
		t.Skip("there is no Docker engine to talk to")
	}
	if out, err := exec.Command("../base-image").CombinedOutput(); err != nil {
		t.Fatalf("cannot make the base image: %s", out)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "units"), os.DirFS("units")); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{binary.Path(t, ""): "keelson", "Dockerfile": "Dockerfile"} {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), data, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("docker", "build", "--network", "host", "-q", "-t", image, dir).CombinedOutput(); err != nil {
		t.Fatalf("docker build: %s", out)
	}
}

// A container is one that runs.
type container struct {
	t   *testing.T
	id  string
	pid int // its PID 1, on the machine
	bus *systemd.Conn
	raw *dbus.Conn // one of bus
}

// boot starts a container with arguments for docker run and for keelson boot; it is removed when the test ends.
func boot(t *testing.T, options []string, arguments ...string) *container {
	t.Helper()
	command := append([]string{"run", "-d", "--network", "none"}, options...)
	out, err := exec.Command("docker", append(append(command, image), arguments...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker run: %s", out)
	}
	c := &container{t: t, id: strings.TrimSpace(string(out))}
	t.Cleanup(func() { exec.Command("docker", "rm", "-f", "-v", c.id).Run() })
	out, err = exec.Command("docker", "inspect", "-f", "{{.State.Pid}}", c.id).Output()
	if err != nil {
		t.Fatal(err)
	}
	if c.pid, err = strconv.Atoi(strings.TrimSpace(string(out))); err != nil || c.pid == 0 {
		t.Fatalf("the container does not run: %s", c.logs())
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
func (c *container) path(name string) string { return fmt.Sprintf("/proc/%d/root%s", c.pid, name) }

// dial connects to the manager. While it is executed anew, it does not answer.
func (c *container) dial() {
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
func (c *container) until(what string, amiss func() string) {
	c.t.Helper()
	var why string
	for end := time.Now().Add(waitMax); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if why = amiss(); why == "" {
			return
		}
	}
	c.t.Fatalf("the manager never %s: %s\n%s", what, why, tail(c.logs()))
}

// sh runs a shell command inside.
func (c *container) sh(command string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitMax)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "exec", c.id, "sh", "-c", command).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: %v: %s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *container) logs() string {
	out, _ := exec.Command("docker", "logs", c.id).CombinedOutput()
	return string(out)
}

// stop is docker stop, which has to end with status 0.
func (c *container) stop() {
	c.t.Helper()
	begin := time.Now()
	if out, err := exec.Command("docker", "stop", "-t", "60", c.id).CombinedOutput(); err != nil {
		c.t.Fatalf("docker stop: %s", out)
	}
	took := time.Since(begin)
	out, err := exec.Command("docker", "inspect", "-f", "{{.State.ExitCode}}", c.id).Output()
	if status := strings.TrimSpace(string(out)); err != nil || status != "0" {
		c.t.Errorf("docker stop: status %s after %v\n%s", status, took, tail(c.logs()))
	}
	c.t.Logf("docker stop: %v", took.Round(time.Millisecond))
}

func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
