// Package sshd tries the image of this folder with the real ssh.
package sshd

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keelson/images/imagetest"
	"keelson/test/binary"
)

func TestMain(m *testing.M) { imagetest.Main(m) }

// A client has a key pair, and knows a server by the host key that it showed first.
type client struct{ dir, public string }

func newClient(t *testing.T) client {
	t.Helper()
	binary.Need(t, "ssh")
	dir := t.TempDir()
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, "key")).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %s", out)
	}
	public, err := os.ReadFile(filepath.Join(dir, "key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return client{dir, strings.TrimSpace(string(public))}
}

// logsIn asks the server at an address who it takes the client for.
func (k client) logsIn(user, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	// Published ports change with a restart, the name that the key is known by does not.
	out, err := exec.Command("ssh", "-F", "none", "-i", filepath.Join(k.dir, "key"), "-p", port, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5",
		"-o", "UserKnownHostsFile="+filepath.Join(k.dir, "known_hosts"), "-o", "StrictHostKeyChecking=accept-new", "-o", "HostKeyAlias=server",
		user+"@"+host, "id -un").CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || !strings.HasSuffix(got, user) {
		return fmt.Errorf("ssh %s@%s: %v: %s", user, address, err, got)
	}
	return nil
}

func TestImage(t *testing.T) {
	image := imagetest.Build(t, []string{"sshd"})
	imagetest.AddsTheBinary(t, image, false)
	k := newClient(t)
	volume := imagetest.Docker(t, "volume", "create")
	t.Cleanup(func() { exec.Command("docker", "volume", "rm", volume).Run() })
	options := []string{"-p", "127.0.0.1::22", "-e", "SSH_AUTHORIZED_KEYS=" + k.public, "-v", volume + ":/keys", "-e", "SSH_HOST_KEYS=/keys"}
	imagetest.Trial{
		Image:   image,
		Options: options,
		Serves:  func(c *imagetest.Container) error { return k.logsIn("root", c.At(22)) },
		Kill:    func(c *imagetest.Container) { c.KillUnit("keelson-sshd.service") },
		Break:   "kill -STOP $(keelson ctl show -P MainPID keelson-sshd.service)",
		Mend:    "kill -CONT $(keelson ctl show -P MainPID keelson-sshd.service)",
	}.Run(t)
	// Another container with the volume is the same server: the client would refuse any other.
	c := imagetest.Run(t, append(options, image)...)
	c.Turns("healthy")
	if err := k.logsIn("root", c.At(22)); err != nil {
		t.Error(err)
	}
	c.Stop()
}

// TestUser: without root, on a root file system that nobody can write, with no capability.
func TestUser(t *testing.T) {
	image := imagetest.Build(t, []string{"sshd"})
	k := newClient(t)
	c := imagetest.Run(t, "-p", "127.0.0.1::2222", "-e", "SSH_AUTHORIZED_KEYS="+k.public, "--user", "1000", "--read-only", "--tmpfs", "/run:uid=1000", "--tmpfs", "/tmp",
		"--cap-drop", "ALL", "--security-opt", "no-new-privileges", image)
	c.Turns("healthy")
	imagetest.Until(t, "no login", func() error { return k.logsIn("user", c.At(2222)) })
	c.Stop()
}

// TestNoKeys: the image has no host key, and without a way in nothing starts.
func TestNoKeys(t *testing.T) {
	image := imagetest.Build(t, []string{"sshd"})
	if keys := imagetest.Docker(t, "run", "--rm", "--entrypoint", "sh", image, "-c", "ls /etc/ssh"); strings.Contains(keys, "ssh_host") {
		t.Errorf("the image has %s", keys)
	}
	out, err := exec.Command("docker", "run", "--rm", image).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 || !strings.Contains(string(out), "nobody could log in") {
		t.Errorf("%v: %s", err, out)
	}
}
