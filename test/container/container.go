// Package container runs the containers of tests, with Docker's default privileges where a test asks for no others.
package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"keelson/test/binary"
)

// WaitMax is how long the engine, or a command inside, may take: far more than either can. Only what hangs is waited for so long.
const WaitMax = 5 * time.Minute

// Main is a package's TestMain.
func Main(m *testing.M) {
	status := m.Run()
	binary.Clean()
	os.Exit(status)
}

// Top is the root of the source tree.
func Top() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Engine is for a test that takes Docker: without it the test is skipped, or in CI fails.
func Engine(t testing.TB) {
	t.Helper()
	binary.Need(t, "docker")
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		Missing(t, "there is no Docker engine to talk to", out)
	}
}

// Missing is for what this machine lacks, and a machine of CI must have.
func Missing(t testing.TB, what string, out []byte) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and CI must: %s", what, out)
	}
	t.Skipf("%s: %s", what, out)
}

// made are the images that this process has made: they stay the same while it runs.
var made = map[string]bool{}

// Build makes an image, keelson-test:NAME, of a Dockerfile in the test's folder, on top of the base that test/base-image makes. In reach of its COPY are
// the binary, as keelson, and the named files and folders beside it. It is made once in a process, and its name is given.
func Build(t testing.TB, name, dockerfile string, with ...string) string {
	t.Helper()
	Engine(t)
	tag := "keelson-test:" + name
	if made[tag] {
		return tag
	}
	if out, err := exec.Command(filepath.Join(Top(), "test", "base-image")).CombinedOutput(); err != nil {
		t.Fatalf("cannot make the base image: %s", out)
	}
	dir := t.TempDir()
	Copy(t, binary.Path(t, ""), filepath.Join(dir, "keelson"))
	for _, w := range with {
		Copy(t, w, filepath.Join(dir, w))
	}
	Docker(t, "build", "--network", "host", "-q", "-t", tag, "-f", dockerfile, dir)
	made[tag] = true
	return tag
}

// Scratch packs the binary alone, as make image does, into an image of this name.
func Scratch(t testing.TB, tag string) {
	t.Helper()
	Engine(t)
	dir := t.TempDir()
	for _, name := range []string{"Dockerfile", "LICENSE"} {
		Copy(t, filepath.Join(Top(), name), filepath.Join(dir, name))
	}
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	Copy(t, binary.Path(t, ""), filepath.Join(dir, "bin", "keelson-linux-"+runtime.GOARCH))
	Docker(t, "build", "--network", "host", "-q", "-t", tag, "--build-arg", "TARGETARCH="+runtime.GOARCH, dir)
}

// Copy copies a file, which anyone may execute then, or a folder.
func Copy(t testing.TB, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var data []byte
		if data, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, data, 0o755)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Try runs Docker's client and gives what it prints on standard output.
func Try(args ...string) (string, error) {
	var out, said bytes.Buffer
	err := client(&out, &said, args)
	if err != nil {
		err = fmt.Errorf("%w: %s%s", err, out.Bytes(), said.Bytes())
	}
	return strings.TrimSpace(out.String()), err
}

func client(out, said io.Writer, args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*WaitMax) // a build on a slow machine
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdout, cmd.Stderr = out, said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("docker %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// Docker is a Try that has to succeed.
func Docker(t testing.TB, args ...string) string {
	t.Helper()
	out, err := Try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A Result is what a container has come to.
type Result struct {
	Out, Err string
	Status   int
}

// Run is docker run --rm with no network, to its end.
func Run(t testing.TB, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), WaitMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", append([]string{"run", "--rm", "--network", "none"}, args...)...)
	var out, failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failed
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return Result{out.String(), failed.String(), cmd.ProcessState.ExitCode()}
}

// A Container is one that runs.
type Container struct {
	T  testing.TB
	ID string
}

// Start is docker run -d. The container is removed when the test ends, and what it has printed last is told if the test has failed.
func Start(t testing.TB, args ...string) *Container {
	t.Helper()
	c := &Container{t, Docker(t, append([]string{"run", "-d"}, args...)...)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("its output ends with\n%s", Tail(c.Logs()))
		}
		exec.Command("docker", "rm", "-f", "-v", c.ID).Run()
	})
	return c
}

// In is the container for a subtest.
func (c *Container) In(t testing.TB) *Container { return &Container{t, c.ID} }

// Try runs a shell command inside, as root, and gives what it prints on both streams.
func (c *Container) Try(command string) (string, error) {
	var out bytes.Buffer
	err := client(&out, &out, []string{"exec", "-u", "0", c.ID, "sh", "-c", command})
	return strings.TrimSpace(out.String()), err
}

// Sh is a Try that has to succeed.
func (c *Container) Sh(command string) string {
	c.T.Helper()
	out, err := c.Try(command)
	if err != nil {
		c.T.Fatalf("%v: %s", err, out)
	}
	return out
}

// Inspect is docker inspect with a template.
func (c *Container) Inspect(format string) string {
	c.T.Helper()
	return Docker(c.T, "inspect", "-f", format, c.ID)
}

// Logs is all that the container has printed.
func (c *Container) Logs() string {
	out, _ := exec.Command("docker", "logs", c.ID).CombinedOutput()
	return string(out)
}

// Tail is the end of a log.
func Tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// Says waits until the container has printed a text so many times, and gives all that it has printed by then.
func (c *Container) Says(text string, times int) string {
	c.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), WaitMax)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "logs", "-f", c.ID)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		c.T.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		c.T.Fatal(err)
	}
	defer cmd.Wait()
	defer cancel()
	var seen []byte
	buf := make([]byte, 4096)
	for bytes.Count(seen, []byte(text)) < times {
		n, err := pipe.Read(buf)
		seen = append(seen, buf[:n]...)
		if err == io.EOF || err != nil && ctx.Err() != nil {
			c.T.Fatalf("the container has printed, before its end or in %v, not %d times %q:\n%s", WaitMax, times, text, seen)
		} else if err != nil {
			c.T.Fatal(err)
		}
	}
	return string(seen)
}

// Stop is docker stop, and gives the exit status and how long it took.
func (c *Container) Stop(options ...string) (status int, took time.Duration) {
	c.T.Helper()
	begin := time.Now()
	Docker(c.T, append(append([]string{"stop"}, options...), c.ID)...)
	took = time.Since(begin)
	status, err := strconv.Atoi(c.Inspect("{{.State.ExitCode}}"))
	if err != nil {
		c.T.Fatal(err)
	}
	return status, took
}
