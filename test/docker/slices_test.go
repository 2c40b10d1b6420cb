package docker

import (
	"os"
	"strings"
	"testing"
)

// cgroup2 is where this machine has a cgroup v2, "" if it has none.
func cgroup2(t *testing.T) string {
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1]
		}
	}
	return ""
}

const slicedUnits = `cd /etc/systemd/system
printf '[Slice]\nMemoryMax=64M\nTasksMax=30\n' >a-b.slice
printf '[Service]\nSlice=a-b.slice\nUser=nobody\nDelegate=yes\nExecStart=sleep 1000\n' >given.service
printf '[Service]\nSlice=a-b.slice\nMemoryMax=32M\nExecStart=sleep 1000\n' >plain.service
systemctl start given plain`

// TestSlices: in a container that can write its cgroup v2, services are in their slices' cgroups, and one that is delegated is its user's. What controllers there
// are is the machine's; what is missing is told of the slice as of the service.
func TestSlices(t *testing.T) {
	need(t)
	at := cgroup2(t)
	if at == "" {
		t.Skip("this machine has no cgroup v2")
	}
	c := manager(t, "--cgroupns", "host", "-v", at+":/sys/fs/cgroup:rw")
	in(c, slicedUnits)
	pid := `$(systemctl show -P MainPID `
	for _, tt := range []struct{ script, want string }{
		{"grep -o '/a.slice/.*' /proc/" + pid + "plain)/cgroup", "/a.slice/a-b.slice/plain.service"},
		{"grep -o '/a.slice/.*' /proc/" + pid + "given)/cgroup", "/a.slice/a-b.slice/given.service"},
		{"systemctl show -P ControlGroup a-b.slice | grep -o '/a.slice/.*'", "/a.slice/a-b.slice"},
		{"grep -o '/[^/]*$' /proc/1/cgroup | tail -1", "/init.scope"},
		{`D=$(find /sys/fs/cgroup -name given.service)
		stat -c %U $D $D/cgroup.procs $D/cgroup.subtree_control $(dirname $D)`, "nobody\nnobody\nnobody\nroot"},
		{"systemctl is-active a.slice a-b.slice given plain", "active\nactive\nactive\nactive"},
		// What is down has none, though it is still loaded.
		{`printf '[Unit]\nAfter=plain.service\n[Service]\nExecStart=sleep 1000\n' >/etc/systemd/system/holder.service
		systemctl start holder; systemctl stop plain; systemctl show -P ControlGroup plain; find /sys/fs/cgroup -name plain.service`, ""},
		{"systemctl start plain; grep -o '/a.slice/.*' /proc/" + pid + "plain)/cgroup", "/a.slice/a-b.slice/plain.service"},
		// A stop reaches both, and leaves no cgroup.
		{"systemctl stop a-b.slice; systemctl is-active given plain; find /sys/fs/cgroup -name a-b.slice", "inactive\ninactive"},
	} {
		if got := in(c, tt.script); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.script, got, tt.want)
		}
	}
	controllers, _ := os.ReadFile(at + "/cgroup.controllers")
	logs := c.Logs()
	for _, unit := range []string{"a-b.slice", "plain.service"} {
		denied := strings.Contains(logs, unit+": Not applied here: MemoryMax=: the cgroup controller memory is not available")
		if there := strings.Contains(string(controllers), "memory"); denied == there {
			t.Errorf("controllers %q, and %s is told to be without: %v\n%s", controllers, unit, denied, logs)
		}
	}
	c.Stop()
}

// TestSlicesWithout: where cgroups cannot be written a slice's settings are told as not applied, once.
func TestSlicesWithout(t *testing.T) {
	need(t)
	c := manager(t)
	in(c, slicedUnits+"; systemctl restart a-b.slice given plain; systemctl daemon-reload")
	logs := c.Logs()
	for _, directive := range []string{"a-b.slice: Not applied here: MemoryMax", "a-b.slice: Not applied here: TasksMax", "given.service: Not applied here: Delegate"} {
		if n := strings.Count(logs, directive); n != 1 {
			t.Errorf("%q %d times in %s", directive, n, logs)
		}
	}
	if strings.Contains(logs, "system.slice: Not applied") {
		t.Error(logs)
	}
}
