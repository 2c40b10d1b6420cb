// Package sshd runs keelson sshd in containers with Docker's default privileges and Debian's OpenSSH, and comes to it with the real clients.
package sshd

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keelson/test/binary"
	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

// The images: sshd alone, its unit enabled by its package, and host keys that were made when the image was.
const (
	image      = "keelson-test:sshd"
	imageUnit  = "keelson-test:sshd-unit"
	imageBaked = "keelson-test:sshd-baked"
)

func need(t *testing.T) {
	t.Helper()
	container.Build(t, "sshd", "Dockerfile") // the others are on top of it
	container.Build(t, "sshd-unit", "Dockerfile.unit")
	container.Build(t, "sshd-baked", "Dockerfile.baked")
}

// A machine is a container that one can log in to.
type machine struct{ *container.Container }

// in is the machine for a subtest.
func (c machine) in(t *testing.T) machine { return machine{c.In(t)} }

// start starts a container of an image. Options of docker run come before "--", keelson's after it.
func start(t *testing.T, image string, args ...string) machine {
	t.Helper()
	options, arguments := args, []string(nil)
	for i, a := range args {
		if a == "--" {
			options, arguments = args[:i], args[i+1:]
			break
		}
	}
	return machine{container.Start(t, slices.Concat(options, []string{image}, arguments)...)}
}

// serve is start, and waits until sshd listens.
func serve(t *testing.T, image string, args ...string) machine {
	t.Helper()
	c := start(t, image, append([]string{"--network", "none"}, args...)...)
	c.Says("Server listening on", 1)
	return c
}

// fails is for a command that is to fail.
func (c machine) fails(command string) string {
	c.T.Helper()
	out, err := c.Try(command)
	if err == nil {
		c.T.Errorf("%s: it should not succeed: %s", command, out)
	}
	return out
}

// stopsWell is a stop as docker stop wants it.
func (c machine) stopsWell() {
	c.T.Helper()
	if status, took := c.Stop(); status != 0 || took >= 10*time.Second {
		c.T.Errorf("docker stop: status %d after %v", status, took)
	}
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
