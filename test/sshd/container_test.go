// Package sshd runs keelson sshd in containers with Docker's default privileges and Debian's OpenSSH, and comes to it with the real clients.
package sshd

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"keelson/test/binary"
)

const (
	image      = "keelson-test:sshd"
	imageUnit  = "keelson-test:sshd-unit"
	imageBaked = "keelson-test:sshd-baked"
)

func TestMain(m *testing.M) {
	status := m.Run()
	binary.Clean()
	os.Exit(status)
}

var made bool

// need makes the images, once: they are the same for all tests of a run.
func need(t *testing.T) {
	t.Helper()
	if made {
		return
	}
	binary.Need(t, "docker")
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
	program, err := os.ReadFile(binary.Path(t, ""))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "keelson"), program, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []struct{ tag, file string }{{image, "Dockerfile"}, {imageUnit, "Dockerfile.unit"}, {imageBaked, "Dockerfile.baked"}} {
		if out, err := exec.Command("docker", "build", "--network", "host", "-q", "-t", i.tag, "-f", i.file, dir).CombinedOutput(); err != nil {
			t.Fatalf("docker build: %s", out)
		}
	}
	made = true
}

// A container is one that runs.
type container struct {
	t  *testing.T
	id string
}

// in is the container for a subtest.
func (c container) in(t *testing.T) container { return container{t, c.id} }

// start starts a container of an image; it is removed when the test ends. Options of docker run come before "--", keelson's after it.
func start(t *testing.T, image string, args ...string) container {
	t.Helper()
	options, arguments := args, []string(nil)
	for i, a := range args {
		if a == "--" {
			options, arguments = args[:i], args[i+1:]
			break
		}
	}
	command := append(append([]string{"run", "-d"}, options...), image)
	out, err := exec.Command("docker", append(command, arguments...)...).Output()
	if err != nil {
		t.Fatalf("docker run: %v: %s", err, err.(*exec.ExitError).Stderr)
	}
	c := container{t, strings.TrimSpace(string(out))}
	t.Cleanup(func() { exec.Command("docker", "rm", "-f", "-v", c.id).Run() })
	return c
}

// serve is start, and waits until sshd listens.
func serve(t *testing.T, image string, args ...string) container {
	t.Helper()
	c := start(t, image, append([]string{"--network", "none"}, args...)...)
	c.saysTimes("Server listening on", 1)
	return c
}

const patience = time.Minute

// saysTimes waits for the container's output to have a text so many times.
func (c container) saysTimes(text string, times int) string {
	c.t.Helper()
	for end := time.Now().Add(patience); ; {
		out, _ := exec.Command("docker", "logs", c.id).CombinedOutput()
		if strings.Count(string(out), text) >= times {
			return string(out)
		}
		state, _ := exec.Command("docker", "inspect", "-f", "{{.State.Running}}", c.id).Output()
		if time.Now().After(end) || strings.TrimSpace(string(state)) == "false" && !strings.Contains(string(out), text) {
			c.t.Fatalf("the output has not %q %d times:\n%s", text, times, out)
		}
		time.Sleep(100 * time.Millisecond) // docker logs -f would have to be ended
	}
}

func (c container) says(text string) string {
	c.t.Helper()
	return c.saysTimes(text, 1)
}

// try runs a shell command inside.
func (c container) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "exec", "-u", "0", c.id, "sh", "-c", command).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c container) sh(command string) string {
	c.t.Helper()
	out, err := c.try(command)
	if err != nil {
		logs, _ := exec.Command("docker", "logs", "--tail", "30", c.id).CombinedOutput()
		c.t.Fatalf("%s: %v: %s\n%s", command, err, out, logs)
	}
	return out
}

// fails is for a command that is to fail.
func (c container) fails(command string) string {
	c.t.Helper()
	out, err := c.try(command)
	if err == nil {
		c.t.Errorf("%s: it should not succeed: %s", command, out)
	}
	return out
}

// stop is docker stop, and gives the exit status and how long it took.
func (c container) stop() (status int, took time.Duration) {
	c.t.Helper()
	begin := time.Now()
	if out, err := exec.Command("docker", "stop", c.id).CombinedOutput(); err != nil {
		c.t.Fatalf("docker stop: %s", out)
	}
	took = time.Since(begin)
	out, err := exec.Command("docker", "inspect", "-f", "{{.State.ExitCode}}", c.id).Output()
	if err != nil {
		c.t.Fatal(err)
	}
	status, err = strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		c.t.Fatal(err)
	}
	return status, took
}

// stopsWell is a stop as docker stop wants it.
func (c container) stopsWell() {
	c.t.Helper()
	if status, took := c.stop(); status != 0 || took >= 10*time.Second {
		logs, _ := exec.Command("docker", "logs", "--tail", "30", c.id).CombinedOutput()
		c.t.Errorf("docker stop: status %d after %v\n%s", status, took, logs)
	}
}

// once runs a container to its end.
func once(t *testing.T, args ...string) (status int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", append([]string{"run", "--rm", "--network", "none"}, args...)...)
	var e bytes.Buffer
	cmd.Stderr = &e
	cmd.Run()
	return cmd.ProcessState.ExitCode(), e.String()
}

// clients is a folder with a client's key pairs: good, other.
type clients struct{ dir string }

func newClients(t *testing.T) clients {
	t.Helper()
	binary.Need(t, "ssh-keygen")
	k := clients{t.TempDir()}
	for _, name := range []string{"good", "other"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", filepath.Join(k.dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %s", out)
		}
	}
	return k
}

func (k clients) public(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(k.dir, name+".pub"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// mount is the option of docker run that shows a container the keys.
func (k clients) mount() string { return k.dir + ":/client:ro" }

// write makes a file in a folder of the test's.
func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// options of all clients; host keys are compared by the tests that are about them.
const options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=20"
