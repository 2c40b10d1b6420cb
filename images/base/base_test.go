// Package base tries the image of this folder.
package base

import (
	"fmt"
	"strings"
	"testing"

	"keelson/images/imagetest"
	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

// unit is somebody's own server.
const unit = "[Service]\nExecStart=/usr/local/bin/served\nRestart=on-failure\n[Install]\nWantedBy=multi-user.target\n"

func TestImage(t *testing.T) {
	image := imagetest.Build(t, []string{"base"})
	imagetest.AddsTheBinary(t, image, true)
	installed := false
	imagetest.Trial{
		Image:   image,
		Options: []string{"-p", "127.0.0.1::8080"},
		Serves: func(c *imagetest.Container) error {
			if !installed {
				container.Docker(t, "cp", "../tini/testdata/existing/server", c.ID+":/usr/local/bin/served")
				c.Sh("cat >/etc/systemd/system/served.service <<'EOF'\n" + unit + "EOF\nsystemctl enable --now served")
				installed = true
			}
			body, err := imagetest.Get("http://" + c.At(8080) + "/")
			if err == nil && !strings.HasPrefix(body, "served by") {
				err = fmt.Errorf("the page is %q", body)
			}
			return err
		},
		Kill:  func(c *imagetest.Container) { c.KillUnit("served.service") },
		Break: "systemd-run --unit breaks false; systemctl is-failed breaks",
		Mend:  "systemctl reset-failed",
	}.Run(t)
}

// TestInstall: a package that is installed in a running container is started.
func TestInstall(t *testing.T) {
	image := imagetest.Build(t, []string{"base"})
	c := imagetest.Run(t, "--network", "host", image)
	c.Turns("healthy")
	c.Sh("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends cron")
	if state := c.Sh("systemctl is-active cron; systemctl is-enabled cron"); state != "active\nenabled" {
		t.Errorf("cron is %q", state)
	}
	c.Ends()
}

// TestCommand: docker run IMAGE COMMAND ends with COMMAND, and its options are its own.
func TestCommand(t *testing.T) {
	image := imagetest.Build(t, []string{"base"})
	out := container.Docker(t, "run", "--rm", "-e", "KEELSON_LOG=none", image, "sh", "-c", `systemctl is-system-running --wait; echo "$@"`, "sh", "--log-level=debug")
	if out != "running\n--log-level=debug" {
		t.Errorf("%q", out)
	}
}
