package docker

import (
	"strings"
	"testing"

	"keelson/test/container"
)

// TestFirstBoot: an image without a machine id boots for the first time: what its presets name is enabled, what they do not is left alone, and ConditionFirstBoot=
// holds until the boot is over. A container that is started again is no new machine.
func TestFirstBoot(t *testing.T) {
	need(t)
	const prepare = `set -e
	d=/usr/lib/systemd/system; mkdir -p $d-preset
	[ -e /prepared ] || rm -f /etc/machine-id
	touch /prepared
	printf '[Unit]\nConditionFirstBoot=yes\n[Service]\nType=oneshot\nExecStart=sh -c "echo once >>/first; ls /run/systemd/first-boot >>/first"\n' >$d/first.service
	for u in named other; do printf '[Service]\nExecStart=sleep 1000\n[Install]\nWantedBy=multi-user.target\n' >$d/$u.service; done
	mkdir -p /etc/systemd/system/multi-user.target.wants
	ln -sf $d/first.service /etc/systemd/system/multi-user.target.wants/
	printf 'enable named.service\n' >$d-preset/50-image.preset
	exec keelson boot`
	c := start(t, "--entrypoint", "sh", image, "-c", prepare)
	c.Says("Startup finished", 1)
	for _, again := range []bool{false, true} {
		if again {
			c.Stop()
			container.Docker(t, "start", c.ID)
			eventually(c, "systemctl is-system-running", "running")
		}
		for _, tt := range []struct{ script, want string }{
			{"systemctl is-active named other", "active\ninactive"},
			{"systemctl is-enabled named other", "enabled\ndisabled"},
			{"systemctl is-enabled apt-daily.timer", "enabled"},
			{"cat /first", "once\n/run/systemd/first-boot"},
			{"ls /run/systemd/first-boot 2>/dev/null", ""},
			{"systemctl start first; cat /first", "once\n/run/systemd/first-boot"},
		} {
			if got := in(c, tt.script); got != tt.want {
				t.Errorf("again %v: %s: %q, want %q", again, tt.script, got, tt.want)
			}
		}
	}
	if logs := c.Logs(); strings.Count(logs, "populated /etc with preset unit settings: named.service") != 1 {
		t.Error(logs)
	}
}
