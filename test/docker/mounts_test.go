package docker

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

// tmpfs are programs that mount and unmount /mnt: the image has no mount(8).
const tmpfs = `perl -e 'my ($m, $u) = qx(uname -m) =~ /aarch64/ ? (40, 39) : (165, 166); my ($s, $d, $t) = ("x", "/mnt", "tmpfs");
	exit(0 == ($ARGV[0] eq "up" ? syscall($m, $s, $d, $t, 0, 0) : syscall($u, $d, 0)) ? 0 : 1)' `

// manager is a container with a manager, up.
func manager(t *testing.T, args ...string) (id string) {
	t.Helper()
	id = start(t, append(args, image, "boot")...)
	waitLog(t, id, "Startup finished")
	return id
}

// in runs a shell script in a container, with systemctl, and gives what it prints.
func in(t *testing.T, id, script string) string {
	t.Helper()
	out, err := exec.Command("docker", "exec", id, "sh", "-c", `systemctl() { keelson ctl "$@"; }
`+script).CombinedOutput()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() > 4 { // up to 4 systemctl says something about a unit
			t.Fatalf("%s: %v\n%s", script, err, out)
		}
	}
	return strings.TrimSpace(string(out))
}

// eventually polls what nothing tells the end of: a client sees the manager's state as it is, and has no part in when the manager hears of the kernel.
func eventually(t *testing.T, id, script, want string) {
	t.Helper()
	var got string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if got = in(t, id, script); got == want {
			return
		}
	}
	t.Fatalf("%s: %q, want %q", script, got, want)
}

// TestMountUnits: what is mounted in a container is seen as units, which nobody stops.
func TestMountUnits(t *testing.T) {
	need(t)
	id := manager(t, "--tmpfs", "/data:size=64k")
	for _, c := range []struct{ script, want string }{
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
		if got := in(t, id, c.script); got != c.want {
			t.Errorf("%s: %q, want %q", c.script, got, c.want)
		}
	}
	began := time.Now()
	docker(t, "stop", id)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the stop took %v", took)
	}
	logs, _ := exec.Command("docker", "logs", id).CombinedOutput()
	if text := string(logs); strings.Contains(text, "hosts.mount") || strings.Contains(text, "SIGKILL") {
		t.Errorf("%s", text)
	}
}

// TestMountEvents: mounts that come and go later, also while the manager executes itself anew; and nothing happens while nothing is mounted.
func TestMountEvents(t *testing.T) {
	need(t)
	id := manager(t, "--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined")
	in(t, id, `printf '[Unit]\nBindsTo=mnt.mount\nAfter=mnt.mount\n[Service]\nExecStart=sleep 1000\n' >/etc/systemd/system/bound.service`)
	eventually(t, id, "systemctl start bound; systemctl is-active bound mnt.mount", "Failed to start bound.service: Unit mnt.mount not found.\ninactive\ninactive")
	for _, again := range []string{"", "systemctl daemon-reexec; ", "systemctl daemon-reload; "} {
		in(t, id, tmpfs+"up")
		eventually(t, id, "systemctl is-active mnt.mount", "active")
		eventually(t, id, again+"systemctl start bound; systemctl is-active bound mnt.mount", "active\nactive")
		in(t, id, tmpfs+"down")
		eventually(t, id, "systemctl is-active bound mnt.mount", "inactive\ninactive")
	}
	const switches = "awk '/ctxt/ { n += $2 } END { print n }' /proc/1/status"
	before := in(t, id, switches)
	in(t, id, "sleep 3") // what is measured is the time in which nothing happens
	if after := in(t, id, switches); after != before {
		t.Errorf("%s context switches before and %s after three idle seconds", before, after)
	}
}
