// Package imagetest builds the images and tries them, each in the same steps: it turns healthy, serves, survives
// the KILL of its main process, is unhealthy while it does not serve, and restarts and stops as Docker asks.
package imagetest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelson/test/container"
)

const (
	prefix  = "keelson-test-"
	keelson = prefix + "keelson"
	// patience is for a slow machine; only what fails waits so long.
	patience = 90 * time.Second
	// stopLimit is how long docker stop waits before it kills.
	stopLimit = 10 * time.Second
)

// built are the images that this process has made, by their names and the variables: they stay the same while it runs.
var built = map[string]bool{}

// Build builds the images of the named folders around the binary of this source tree and gives the first one's name. Variables are for images/build.
func Build(t testing.TB, names []string, variables ...string) string {
	t.Helper()
	key := fmt.Sprint(names, variables)
	if built[key] {
		return prefix + names[0]
	}
	container.Scratch(t, keelson)
	build := exec.Command(filepath.Join(container.Top(), "images", "build"), names...)
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
	base, err := exec.Command(filepath.Join(container.Top(), "images", "build"), "--base").Output()
	if err != nil {
		t.Fatalf("images/build --base: %v", err)
	}
	return strings.TrimSpace(string(base))
}

// A Container is one that runs.
type Container struct{ *container.Container }

// Run starts a container, with options of docker run before the image. It looks after its health every second.
func Run(t testing.TB, args ...string) *Container {
	t.Helper()
	var health []string
	if !slices.Contains(args, "--no-healthcheck") {
		health = []string{"--health-interval=1s", "--health-retries=2"}
	}
	return &Container{container.Start(t, append(health, args...)...)}
}

// in is the container for a subtest.
func (c *Container) in(t testing.TB) *Container { return &Container{c.In(t)} }

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
	c.T.Helper()
	Until(c.T, "it does not turn "+health, func() error {
		if got := c.Inspect("{{.State.Health.Status}}"); got != health {
			return fmt.Errorf("it is %s: %s", got, c.Inspect("{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}"))
		}
		return nil
	})
}

// At is where the host finds a port of the container's that was published with -p 127.0.0.1::PORT.
func (c *Container) At(port int) string {
	c.T.Helper()
	address, _, _ := strings.Cut(container.Docker(c.T, "port", c.ID, fmt.Sprint(port)), "\n")
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
	c.T.Helper()
	const mainPID = "keelson ctl show -P MainPID "
	old := c.Sh(mainPID + unit)
	if old == "0" || old == "1" {
		c.T.Fatalf("%s has the main process %s", unit, old)
	}
	c.Sh("kill -KILL " + old)
	Until(c.T, unit+" does not come back", func() error {
		if pid, err := c.Try(mainPID + unit); err != nil || pid == "0" || pid == old {
			return fmt.Errorf("the main process is %q, %v", pid, err)
		}
		return nil
	})
}

// KillContainer kills a process of this machine that the container ends with, and waits until the restart policy has started it again.
func (c *Container) KillContainer(pid int) {
	c.T.Helper()
	before := c.Inspect("{{.RestartCount}}")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		c.T.Fatalf("cannot kill %d: %v", pid, err)
	}
	Until(c.T, "it is not restarted", func() error {
		if c.Inspect("{{.RestartCount}}") == before || c.Inspect("{{.State.Running}}") != "true" {
			return errors.New(c.Inspect("{{json .State}}"))
		}
		return nil
	})
}

// Ends is docker stop, which has to have 0 for an answer, and no need to kill.
func (c *Container) Ends() {
	c.T.Helper()
	status, took := c.Stop()
	if status != 0 || took >= stopLimit {
		c.T.Errorf("docker stop: status %d after %v", status, took)
	}
	c.T.Logf("docker stop: %v", took)
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
		c.T.Helper()
		Until(c.T, "it does not serve", func() error { return tt.Serves(c) })
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
		{"docker restart", func(c *Container) { container.Docker(c.T, "restart", c.ID); c.Turns("healthy"); serves(c) }},
		{"docker stop", (*Container).Ends},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(c.in(t)) }) {
			t.FailNow()
		}
	}
	return c
}
