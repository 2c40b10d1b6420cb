package facts

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"keelson/supervise/unit"
)

func TestVirtualization(t *testing.T) {
	for _, c := range []struct {
		why       string
		files     map[string]string
		id        string
		container bool
	}{
		{"nothing at all", nil, "none", false},
		{"Docker", map[string]string{"/.dockerenv": ""}, "docker", true},
		{"Podman, of an image that came from Docker", map[string]string{"/.dockerenv": "", "/run/.containerenv": ""}, "podman", true},
		{"systemd-nspawn", map[string]string{"/run/host/container-manager": "systemd-nspawn\n"}, "systemd-nspawn", true},
		{"what it says of itself comes first", map[string]string{"/run/host/container-manager": "lxc\n", "/.dockerenv": ""}, "lxc", true},
		{"an unknown one", map[string]string{"/run/host/container-manager": "acme\n"}, "container-other", true},
		{"told by an earlier PID 1", map[string]string{"/run/systemd/container": "podman\n"}, "podman", true},
		{"told by PID 1's environment", map[string]string{"/proc/1/environ": "A=1\x00container=lxc\x00B=2\x00"}, "lxc", true},
		{"the environment says that there is none", map[string]string{"/proc/1/environ": "container=\x00", "/.dockerenv": ""}, "none", false},
		{"oci is a standard", map[string]string{"/proc/1/environ": "container=oci\x00"}, "container-other", true},
		{"oci, and a file knows more", map[string]string{"/proc/1/environ": "container=oci\x00", "/.dockerenv": ""}, "docker", true},
		{"WSL", map[string]string{"/proc/sys/kernel/osrelease": "5.15.90.1-microsoft-standard-WSL2\n"}, "wsl", true},
		{"OpenVZ", map[string]string{"/proc/vz/x": ""}, "openvz", true},
		{"the host of OpenVZ", map[string]string{"/proc/vz/x": "", "/proc/bc/x": ""}, "none", false},
		{"proot", map[string]string{"/proc/self/status": "TracerPid:\t7\n", "/proc/7/comm": "proot-x86_64\n"}, "proot", true},
		{"a debugger", map[string]string{"/proc/self/status": "TracerPid:\t7\n", "/proc/7/comm": "gdb\n"}, "none", false},
		{"a PID namespace of somebody's", map[string]string{"/proc/self/ns/pid": "-> pid:[4026532999]"}, "container-other", true},
		{"the machine's", map[string]string{"/proc/self/ns/pid": "-> pid:[4026531836]"}, "none", false},
		{"KVM", map[string]string{"/sys/class/dmi/id/sys_vendor": "QEMU\n", "/sys/class/dmi/id/product_name": "KVM Virtual Machine\n"}, "kvm", false},
		{"QEMU", map[string]string{"/sys/class/dmi/id/sys_vendor": "QEMU\n", "/sys/class/dmi/id/product_name": "Standard PC\n"}, "qemu", false},
		{"EC2 without a hypervisor", map[string]string{"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/class/dmi/id/product_name": "m5.metal\n"}, "none", false},
		{"EC2", map[string]string{"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/class/dmi/id/product_name": "m5.large\n"}, "amazon", false},
		{"EC2, by a bit of its firmware", map[string]string{"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/firmware/dmi/entries/0-0/raw": "\x00\x18" + strings.Repeat("\x00", 17) + "\x10\x00"}, "amazon", false},
		{"EC2 without a hypervisor, likewise", map[string]string{"/sys/class/dmi/id/sys_vendor": "Amazon EC2\n", "/sys/firmware/dmi/entries/0-0/raw": "\x00\x18" + strings.Repeat("\x00", 19)}, "none", false},
		{"a firmware that says no more", map[string]string{"/sys/firmware/dmi/entries/0-0/raw": "\x00\x18" + strings.Repeat("\x00", 17) + "\x10\x00"}, "vm-other", false},
		{"VirtualBox", map[string]string{"/sys/class/dmi/id/sys_vendor": "innotek GmbH\n", "/proc/cpuinfo": "flags\t: hypervisor\n"}, "oracle", false},
		{"User Mode Linux", map[string]string{"/proc/cpuinfo": "vendor_id\t: User Mode Linux\n"}, "uml", false},
		{"Xen", map[string]string{"/proc/xen/capabilities": "\n"}, "xen", false},
		{"Xen's first domain", map[string]string{"/proc/xen/capabilities": "control_d\n"}, "none", false},
		{"a hypervisor that is not known", map[string]string{"/proc/cpuinfo": "flags\t: fpu hypervisor\n"}, "vm-other", false},
		{"arm64", map[string]string{"/proc/device-tree/hypervisor/compatible": "linux,kvm\x00"}, "kvm", false},
	} {
		f := &Facts{root: tree(t, c.files)}
		if id, container := f.Virtualization(); id != c.id || container != c.container {
			t.Errorf("%s: %s, %v", c.why, id, container)
		}
		for word, want := range map[string]bool{"yes": c.id != "none", "no": c.id == "none", "container": c.container, "vm": !c.container && c.id != "none", c.id: c.id != "none"} {
			if got := f.isVirtualization(word); got != want {
				t.Errorf("%s: Virtualization=%s is %v", c.why, word, got)
			}
		}
	}
}

func TestMachineID(t *testing.T) {
	const other = "fedcba9876543210fedcba9876543210"
	for _, c := range []struct {
		why   string
		files map[string]string
		env   string // $container_uuid
		want  string // "": a random one
		first bool
	}{
		{"there is one", map[string]string{"/etc/machine-id": someID + "\n"}, "", someID, false},
		{"as a UUID", map[string]string{"/etc/machine-id": "01234567-89AB-CDEF-0123-456789abcdef"}, "", someID, false},
		{"empty", map[string]string{"/etc/machine-id": ""}, "", "", false},
		{"zeros", map[string]string{"/etc/machine-id": strings.Repeat("0", 32) + "\n"}, "", "", false},
		{"nonsense", map[string]string{"/etc/machine-id": "hello\n"}, "", "", false},
		{"uninitialized", map[string]string{"/etc/machine-id": "uninitialized\n"}, "", "", true},
		{"none", map[string]string{"/etc/": ""}, "", "", true},
		{"none, and the message bus has one", map[string]string{"/etc/": "", "/var/lib/dbus/machine-id": other + "\n"}, someID, other, true},
		{"none, and the container manager has one", map[string]string{"/etc/": ""}, "01234567-89ab-cdef-0123-456789abcdef", someID, true},
		{"none, and an earlier incarnation made one", map[string]string{"/etc/": "", "/run/machine-id": other + "\n"}, someID, other, true},
	} {
		t.Setenv("container_uuid", c.env)
		root := tree(t, c.files)
		readOnly(t, root, c.first)
		f := New(Options{Root: root})
		id := f.Host().MachineID
		if c.want != "" && id != c.want || len(id) != 32 || f.FirstBoot() != c.first || len(f.Notices()) > 0 {
			t.Errorf("%s: %q, first boot %v, %q", c.why, id, f.FirstBoot(), f.Notices())
		}
		if again := New(Options{Root: root}); again.Host().MachineID != id || again.FirstBoot() {
			t.Errorf("%s: the next time %q, first boot %v; was %q", c.why, again.Host().MachineID, again.FirstBoot(), id)
		}
	}
}

func TestFirstBoot(t *testing.T) {
	first := []unit.Condition{{Type: unit.ConditionFirstBoot, Parameter: "yes"}}
	for _, c := range []struct {
		why   string
		files map[string]string
		want  []bool // before, during and after the boot
		flag  bool   // there is a file
	}{
		{"first", map[string]string{"/etc/": "", "/run/systemd/": ""}, []bool{false, true, false}, true},
		{"first, without a /run", map[string]string{"/etc/": ""}, []bool{false, true, false}, false},
		{"another", map[string]string{"/etc/machine-id": someID + "\n", "/run/systemd/first-boot": ""}, []bool{true, false, false}, false},
	} {
		root := tree(t, c.files)
		f := New(Options{Root: root})
		got := f.Held(first)
		f.BeginBoot()
		if _, err := os.Stat(root + "/run/systemd/first-boot"); (err == nil) != c.flag {
			t.Errorf("%s: the flag: %v", c.why, err)
		}
		if other := New(Options{Root: root, ReadOnly: true}).Held(first); other[0] != c.flag {
			t.Errorf("%s: others see %v", c.why, other)
		}
		got = append(got, f.Held(first)...)
		f.Booted()
		if got = append(got, f.Held(first)...); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", c.why, got, c.want)
		}
		if _, err := os.Stat(root + "/run/systemd/first-boot"); !os.IsNotExist(err) {
			t.Errorf("%s: the flag stays: %v", c.why, err)
		}
	}
}

// readOnly looks around without leaving anything behind: what is not there yet is not made.
func readOnly(t *testing.T, root string, first bool) {
	t.Helper()
	kept := func() (text string) {
		for _, file := range []string{"/etc/machine-id", "/run/machine-id"} {
			data, err := os.ReadFile(root + file)
			text += fmt.Sprintf("%s %q %v\n", file, data, err)
		}
		return text
	}
	before := kept()
	f := New(Options{Root: root, ReadOnly: true})
	id := f.Host().MachineID
	if now := kept(); now != before || f.FirstBoot() != first || len(f.Notices()) > 0 || id != "" && !strings.Contains(strings.ToLower(strings.ReplaceAll(before, "-", "")), id) {
		t.Errorf("read-only: %q, first boot %v, %q; was\n%sis\n%s", id, f.FirstBoot(), f.Notices(), before, now)
	}
}

func TestMachineIDNowhere(t *testing.T) {
	root := tree(t, map[string]string{"/etc": "no folder", "/run": "no folder"})
	f := New(Options{Root: root})
	if len(f.Host().MachineID) != 32 || len(f.Notices()) != 1 {
		t.Errorf("%q, %q", f.Host().MachineID, f.Notices())
	}
	// /run is writable, /etc is not.
	root = tree(t, map[string]string{"/etc": "no folder", "/run/": ""})
	f = New(Options{Root: root})
	text, err := os.ReadFile(root + "/run/machine-id")
	if err != nil || string(text) != f.Host().MachineID+"\n" || len(f.Notices()) > 0 {
		t.Errorf("%q, %v, %q; %q", text, err, f.Host().MachineID, f.Notices())
	}
}

func TestHost(t *testing.T) {
	root := tree(t, map[string]string{
		"/etc/machine-id": someID, "/etc/machine-info": "PRETTY_HOSTNAME=\"A machine\"\n", "/usr/lib/os-release": "ID=acme\nVERSION_ID=3\nBUILD_ID=b\nVARIANT_ID=v\nIMAGE_ID=i\nIMAGE_VERSION=9\n",
		"/proc/sys/kernel/random/boot_id": "01234567-89ab-cdef-0123-456789abcdef\n", "/scratch/": "",
	})
	t.Setenv("TMPDIR", "relative")
	t.Setenv("TEMP", "/nowhere")
	t.Setenv("TMP", "/scratch")
	h := New(Options{Root: root}).Host()
	if h.BootID != someID || h.PrettyName != "A machine" || !h.OSRelease || h.OSID != "acme" || h.OSVersionID != "3" || h.OSBuildID != "b" ||
		h.OSVariantID != "v" || h.ImageID != "i" || h.ImageVersion != "9" || h.TmpDir != "/scratch" || h.VarTmpDir != "/scratch" {
		t.Errorf("%+v", h)
	}
	if h.Architecture != native || h.Hostname == "" || h.Kernel == "" || h.User == "" || h.UID != fmt.Sprint(os.Getuid()) {
		t.Errorf("%+v", h)
	}
	if h := New(Options{Root: tree(t, map[string]string{"/etc/machine-id": someID})}).Host(); h.OSRelease || h.BootID != "" {
		t.Errorf("of nothing: %+v", h)
	}
}
