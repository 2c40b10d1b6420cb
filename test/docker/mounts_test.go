package docker

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"keelson/test/container"
)

// tmpfs are programs that mount and unmount /mnt: the image has no mount(8).
const tmpfs = `perl -e 'my ($m, $u) = qx(uname -m) =~ /aarch64/ ? (40, 39) : (165, 166); my ($s, $d, $t) = ("x", "/mnt", "tmpfs");
	exit(0 == ($ARGV[0] eq "up" ? syscall($m, $s, $d, $t, 0, 0) : syscall($u, $d, 0)) ? 0 : 1)' `

// manager is a container with a manager, up.
func manager(t *testing.T, args ...string) *container.Container {
	t.Helper()
	c := start(t, append(args, image, "boot")...)
	c.Says("Startup finished", 1)
	return c
}

// in runs a shell script in a container, with systemctl, and gives what it prints.
func in(c *container.Container, script string) string {
	c.T.Helper()
	out, err := c.Try(`systemctl() { keelson ctl "$@"; }
` + script)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() > 4) { // up to 4 systemctl says something about a unit
		c.T.Fatalf("%v\n%s", err, out)
	}
	return out
}

// eventually polls what nothing tells the end of: a client sees the manager's state as it is, and has no part in when the manager hears of the kernel.
func eventually(c *container.Container, script, want string) {
	c.T.Helper()
	var got string
	for end := time.Now().Add(container.WaitMax); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = in(c, script); got == want {
			return
		}
	}
	c.T.Fatalf("%s: %q, want %q", script, got, want)
}

// TestMountUnits: what is mounted in a container is seen as units, which nobody stops.
func TestMountUnits(t *testing.T) {
	need(t)
	c := manager(t, "--tmpfs", "/data:size=64k")
	for _, tt := range []struct{ script, want string }{
		{"systemctl show -P LoadState dev-mqueue.mount", "loaded"},
		{"systemctl is-active -- -.mount proc.mount etc-hosts.mount data.mount", "active\nactive\nactive\nactive"},
		{"systemctl show -P Where -P Options -P Type data.mount", "/data\nrw,nosuid,nodev,noexec,relatime,size=64k\ntmpfs"},
		{"systemctl show -P LoadState -P FragmentPath -P SourcePath etc-hosts.mount", "loaded\n\n/proc/self/mountinfo"},
		{"systemctl list-units -t mount --plain --no-legend data.mount", "data.mount loaded active mounted /data"},
		{`printf '[Unit]\nRequiresMountsFor=/data/x\nBindsTo=data.mount\nAfter=data.mount\n[Service]\nExecStart=sleep 1000\n' >/etc/systemd/system/bound.service
		systemctl start bound && systemctl is-active bound`, "active"},
		{`printf '[Unit]\nRequires=bound.service\nAllowIsolate=yes\n' >/etc/systemd/system/alone.target
		systemctl isolate alone.target && systemctl is-active bound etc-hosts.mount data.mount`, "active\nactive\nactive"},
		{"systemctl stop data.mount 2>/dev/null; systemctl is-active data.mount bound; grep -c ' /data ' /proc/mounts", "active\ninactive\n1"}, // a stop of what is bound to it comes first
	} {
		if got := in(c, tt.script); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.script, got, tt.want)
		}
	}
	if _, took := c.Stop(); took > 8*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if text := c.Logs(); strings.Contains(text, "hosts.mount") || strings.Contains(text, "SIGKILL") {
		t.Errorf("%s", text)
	}
}

// TestMountEvents: mounts that come and go later, also while the manager executes itself anew; and nothing happens while nothing is mounted.
func TestMountEvents(t *testing.T) {
	need(t)
	c := manager(t, "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
	in(c, `printf '[Unit]\nBindsTo=mnt.mount\nAfter=mnt.mount\n[Service]\nExecStart=sleep 1000\n' >/etc/systemd/system/bound.service`)
	eventually(c, "systemctl start bound; systemctl is-active bound mnt.mount", "Failed to start bound.service: Unit mnt.mount not found.\ninactive\ninactive")
	for _, again := range []string{"", "systemctl daemon-reexec; ", "systemctl daemon-reload; "} {
		in(c, tmpfs+"up")
		eventually(c, "systemctl is-active mnt.mount", "active")
		eventually(c, again+"systemctl start bound; systemctl is-active bound mnt.mount", "active\nactive")
		in(c, tmpfs+"down")
		eventually(c, "systemctl is-active bound mnt.mount", "inactive\ninactive")
	}
	const switches = "awk '/ctxt/ { n += $2 } END { print n }' /proc/1/status"
	before := in(c, switches)
	in(c, "sleep 3") // what is measured is the time in which nothing happens
	if after := in(c, switches); after != before {
		t.Errorf("%s context switches before and %s after three idle seconds", before, after)
	}
}
