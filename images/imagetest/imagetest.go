// Package imagetest builds the images and tries them with Docker's default privileges, each in the same steps: it turns healthy, serves, survives
// the KILL of its main process, is unhealthy while it does not serve, and restarts and stops as Docker asks.
package imagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelson/test/binary"
)

const (
	prefix  = "keelson-test-"
	keelson = prefix + "keelson"
	// patience is for a slow machine; only what fails waits so long.
	patience = 90 * time.Second
	// stopLimit is how long docker stop waits before it kills.
	stopLimit = 10 * time.Second
)

// Main is a package's TestMain.
func Main(m *testing.M) {
	status := m.Run()
	binary.Clean()
	os.Exit(status)
}

// Docker runs the client and gives its output.
func Docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	var out, failed bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdout, cmd.Stderr = &out, &failed
	if err := cmd.Run(); err != nil {
		return strings.TrimSpace(out.String()), fmt.Errorf("docker %s: %w: %s%s", strings.Join(args, " "), err, out.String(), failed.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// Need skips the test where there is no engine, which CI must have.
func Need(t testing.TB) {
	t.Helper()
	binary.Need(t, "docker")
	if _, err := try("info"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no Docker engine, and CI must have one: %v", err)
		}
		t.Skip("there is no Docker engine to talk to")
	}
}

// top is the root of the source tree.
func top() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// built are the images that this process has made, by their names and the variables: they stay the same while it runs.
var built = map[string]bool{}

// Build builds the images of the named folders around the binary of this source tree and gives the first one's name. Variables are for images/build.
func Build(t testing.TB, names []string, variables ...string) string {
	t.Helper()
	key := fmt.Sprint(names, variables)
	if built[key] {
		return prefix + names[0]
	}
	Need(t)
	dir := t.TempDir()
	for from, to := range map[string]string{
		filepath.Join(top(), "Dockerfile"): "Dockerfile",
		filepath.Join(top(), "LICENSE"):    "LICENSE",
		binary.Path(t, ""):                 filepath.Join("bin", "keelson-linux-"+runtime.GOARCH),
	} {
		data, err := os.ReadFile(from)
		if err == nil {
			os.Mkdir(filepath.Join(dir, "bin"), 0o755)
			err = os.WriteFile(filepath.Join(dir, to), data, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	Docker(t, "build", "--network", "host", "--build-arg", "TARGETARCH="+runtime.GOARCH, "-t", keelson, dir)
	build := exec.Command(filepath.Join(top(), "images", "build"), names...)
	build.Env = append(append(os.Environ(), "KEELSON="+keelson, "PREFIX="+prefix), variables...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("images/build %v: %v\n%s", names, err, out)
	}
	built[key] = true
	return prefix + names[0]
}

// Base is the image that images/build takes.
func Base(t testing.TB) string {
	t.Helper()
	Build(t, []string{"base"})
	base, err := exec.Command(filepath.Join(top(), "images", "build"), "--base").Output()
	if err != nil {
		t.Fatalf("images/build --base: %v", err)
	}
	return strings.TrimSpace(string(base))
}

// A Container is one that runs.
type Container struct {
	t  testing.TB
	ID string
}

// Run starts a container, with options of docker run before the image; it is removed when the test ends. It looks after its health every second.
func Run(t testing.TB, args ...string) *Container {
	t.Helper()
	run := []string{"run", "-d"}
	if !slices.Contains(args, "--no-healthcheck") {
		run = append(run, "--health-interval=1s", "--health-retries=2")
	}
	c := &Container{t, Docker(t, append(run, args...)...)}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := exec.Command("docker", "logs", "--tail", "40", c.ID).CombinedOutput()
			t.Logf("its output:\n%s", log)
		}
		exec.Command("docker", "rm", "-f", "-v", c.ID).Run()
	})
	return c
}

// T is the test that the container is of.
func (c *Container) T() testing.TB { return c.t }

// in is the container for a subtest.
func (c *Container) in(t testing.TB) *Container { return &Container{t, c.ID} }

// Try runs a shell command inside.
func (c *Container) Try(command string) (string, error) {
	return try("exec", c.ID, "sh", "-c", command)
}

// Sh is a Try that has to succeed.
func (c *Container) Sh(command string) string {
	c.t.Helper()
	out, err := c.Try(command)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// Inspect is docker inspect with a template.
func (c *Container) Inspect(format string) string {
	c.t.Helper()
	return Docker(c.t, "inspect", "-f", format, c.ID)
}

// Until asks again and again until there is no error; the kernel and the engine tell nobody when it is so far.
func Until(t testing.TB, what string, ask func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// Turns waits for a state of health.
func (c *Container) Turns(health string) {
	c.t.Helper()
	Until(c.t, "it does not turn "+health, func() error {
		if got := c.Inspect("{{.State.Health.Status}}"); got != health {
			return fmt.Errorf("it is %s: %s", got, c.Inspect("{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}"))
		}
		return nil
	})
}

// At is where the host finds a port of the container's that was published with -p 127.0.0.1::PORT.
func (c *Container) At(port int) string {
	c.t.Helper()
	address, _, _ := strings.Cut(Docker(c.t, "port", c.ID, fmt.Sprint(port)), "\n")
	return address
}

// client gives up soon, as it is asked again.
var client = http.Client{Timeout: 5 * time.Second}

// Get asks a server for its page.
func Get(url string) (string, error) {
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

// KillUnit kills the main process of a unit and waits until it has another.
func (c *Container) KillUnit(unit string) {
	c.t.Helper()
	const mainPID = "keelson ctl show -P MainPID "
	old := c.Sh(mainPID + unit)
	if old == "0" || old == "1" {
		c.t.Fatalf("%s has the main process %s", unit, old)
	}
	c.Sh("kill -KILL " + old)
	Until(c.t, unit+" does not come back", func() error {
		if pid, err := c.Try(mainPID + unit); err != nil || pid == "0" || pid == old {
			return fmt.Errorf("the main process is %q, %v", pid, err)
		}
		return nil
	})
}

// KillContainer kills a process of this machine that the container ends with, and waits until the restart policy has started it again.
func (c *Container) KillContainer(pid int) {
	c.t.Helper()
	before := c.Inspect("{{.RestartCount}}")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		c.t.Fatalf("cannot kill %d: %v", pid, err)
	}
	Until(c.t, "it is not restarted", func() error {
		if c.Inspect("{{.RestartCount}}") == before || c.Inspect("{{.State.Running}}") != "true" {
			return errors.New(c.Inspect("{{json .State}}"))
		}
		return nil
	})
}

// Stop is docker stop, which has to have 0 for an answer, and no need to kill.
func (c *Container) Stop() {
	c.t.Helper()
	begin := time.Now()
	Docker(c.t, "stop", c.ID)
	took := time.Since(begin)
	if status := c.Inspect("{{.State.ExitCode}}"); status != "0" || took >= stopLimit {
		c.t.Errorf("docker stop: status %s after %v", status, took)
	}
	c.t.Logf("docker stop: %v", took)
}

// A Trial is what an image has to stand.
type Trial struct {
	Image   string
	Options []string               // of docker run
	Serves  func(*Container) error // a real client's question
	Kill    func(*Container)       // kills the main process and waits for the next one
	Break   string                 // a shell command inside, after which it does not serve; "": it cannot be had
	Mend    string
}

// Run runs all steps, each upon the one before.
func (tt Trial) Run(t *testing.T) *Container {
	t.Helper()
	c := Run(t, append(tt.Options, tt.Image)...)
	serves := func(c *Container) {
		c.t.Helper()
		Until(c.t, "it does not serve", func() error { return tt.Serves(c) })
	}
	for _, step := range []struct {
		name string
		run  func(*Container)
	}{
		{"healthy", func(c *Container) { c.Turns("healthy") }},
		{"serves", serves},
		{"main process killed", func(c *Container) { tt.Kill(c); serves(c) }},
		{"unhealthy", func(c *Container) {
			if tt.Break == "" {
				return
			}
			c.Sh(tt.Break)
			c.Turns("unhealthy")
			c.Sh(tt.Mend)
			c.Turns("healthy")
		}},
		{"docker restart", func(c *Container) { Docker(c.t, "restart", c.ID); c.Turns("healthy"); serves(c) }},
		{"docker stop", (*Container).Stop},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(c.in(t)) }) {
			t.FailNow()
		}
	}
	return c
}
