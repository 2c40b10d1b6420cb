// Package sshd tries the image of this folder with the real ssh.
package sshd

import (
	"os/exec"
	"strings"
	"testing"

	"keelson/images/imagetest"
	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

func TestImage(t *testing.T) {
	image := imagetest.Build(t, []string{"sshd"})
	imagetest.AddsTheBinary(t, image, false)
	k := imagetest.NewClient(t)
	volume := container.Docker(t, "volume", "create")
	t.Cleanup(func() { exec.Command("docker", "volume", "rm", volume).Run() })
	options := []string{"-p", "127.0.0.1::22", "-e", "SSH_AUTHORIZED_KEYS=" + k.Public, "-v", volume + ":/keys", "-e", "SSH_HOST_KEYS=/keys"}
	imagetest.Trial{
		Image:   image,
		Options: options,
		Serves:  func(c *imagetest.Container) error { return k.LogsIn("root", c.At(22)) },
		Kill:    func(c *imagetest.Container) { c.KillUnit("keelson-sshd.service") },
		Break:   "kill -STOP $(keelson ctl show -P MainPID keelson-sshd.service)",
		Mend:    "kill -CONT $(keelson ctl show -P MainPID keelson-sshd.service)",
	}.Run(t)
	// Another container with the volume is the same server: the client would refuse any other.
	c := imagetest.Run(t, append(options, image)...)
	c.Turns("healthy")
	if err := k.LogsIn("root", c.At(22)); err != nil {
		t.Error(err)
	}
	c.Ends()
}

// TestUser: without root, on a root file system that nobody can write, with no capability.
func TestUser(t *testing.T) {
	image := imagetest.Build(t, []string{"sshd"})
	k := imagetest.NewClient(t)
	c := imagetest.Run(t, "-p", "127.0.0.1::2222", "-e", "SSH_AUTHORIZED_KEYS="+k.Public, "--user", "1000", "--read-only", "--tmpfs", "/run:uid=1000", "--tmpfs", "/tmp",
		"--cap-drop", "ALL", "--security-opt", "no-new-privileges", image)
	c.Turns("healthy")
	imagetest.Until(t, "no login", func() error { return k.LogsIn("user", c.At(2222)) })
	c.Ends()
}

// TestNoKeys: the image has no host key, and without a way in nothing starts.
func TestNoKeys(t *testing.T) {
	image := imagetest.Build(t, []string{"sshd"})
	if keys := container.Docker(t, "run", "--rm", "--entrypoint", "sh", image, "-c", "ls /etc/ssh"); strings.Contains(keys, "ssh_host") {
		t.Errorf("the image has %s", keys)
	}
	out, err := exec.Command("docker", "run", "--rm", image).CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 125 || !strings.Contains(string(out), "nobody could log in") {
		t.Errorf("%v: %s", err, out)
	}
}
