package facts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// tree makes files below a new root, by path; a path that ends in "/" is a folder, a text that begins with "-> " a link.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range sortedKeys(files) {
		text := files[name]
		path := root + name
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func sortedKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

const someID = "0123456789abcdef0123456789abcdef"

// condition reads "Type=[!]parameter".
func condition(t *testing.T, s string) unit.Condition {
	t.Helper()
	word, parameter, _ := strings.Cut(s, "=")
	var c unit.Condition
	for c.Type.String() != word {
		if c.Type++; c.Type > unit.ConditionControlGroupController {
			t.Fatalf("%s: no such condition", s)
		}
	}
	c.Parameter, c.Negate = strings.CutPrefix(parameter, "!")
	return c
}

// verdict is whether a condition is met, as systemd decides it.
func verdict(f *Facts, c unit.Condition) bool { return f.Held([]unit.Condition{c})[0] != c.Negate }

// TestConditions has a root of its own.
func TestConditions(t *testing.T) {
	root := tree(t, map[string]string{
		"/etc/machine-id":                     someID + "\n",
		"/etc/os-release":                     "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME='A B'\n",
		"/file":                               "x",
		"/empty":                              "",
		"/tool":                               "#!",
		"/dir/a.conf":                         "",
		"/dir/b.d/c":                          "",
		"/none/":                              "",
		"/backups/a~":                         "",
		"/backups/.b":                         "",
		"/backups/c.dpkg-old":                 "",
		"/link":                               "-> file",
		"/dangling":                           "-> nowhere",
		"/dirlink":                            "-> dir",
		"/proc/cmdline":                       "quiet root=/dev/sda1 opt=\"a b\" last\n",
		"/proc/cpuinfo":                       "processor\t: 0\nvendor_id\t: X\nflags\t\t: fpu sse2 pclmulqdq\n",
		"/proc/self/status":                   "Name:\tx\nTracerPid:\t0\nCapBnd:\t0000000000000401\n",
		"/proc/self/uid_map":                  "         0          0 4294967295\n",
		"/proc/self/gid_map":                  "         0          0 4294967295\n",
		"/proc/self/setgroups":                "allow\n",
		"/proc/pressure/cpu":                  "some avg10=50.00 avg60=20.50 avg300=1.00 total=1\n",
		"/proc/pressure/memory":               "some avg10=90.00 avg60=90.00 avg300=90.00 total=1\nfull avg10=0.00 avg60=30.00 avg300=10.00 total=1\n",
		"/proc/device-tree/compatible":        "acme,board\x00acme,soc\x00",
		"/sys/class/dmi/id/sys_vendor":        "Acme Inc.\n",
		"/sys/class/power_supply/BAT0/type":   "Battery\n",
		"/sys/class/power_supply/BAT0/status": "Discharging\n",
		"/sys/class/power_supply/AC/type":     "Mains\n",
		"/sys/class/power_supply/AC/online":   "0\n",
		"/sys/module/apparmor/parameters/enabled": "Y\n",
		"/sys/fs/cgroup/memory.max":               "1073741824\n",
		"/credentials/key":                        "",
	})
	if err := os.Chmod(root+"/tool", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(root+"/fifo", 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "/credentials")
	t.Setenv("ENCRYPTED_CREDENTIALS_DIRECTORY", "")
	f := New(Options{Root: root, Environment: func() []string { return []string{"A=1", "B=", "C=x=y"} }})
	uid := fmt.Sprint(os.Getuid())
	for want, list := range map[bool][]string{
		true: {
			"PathExists=/file", "PathExists=/link", "PathExists=!/dangling", "PathExists=/dir", "PathExists=!/nothing", "PathExists=!/file/x",
			"PathExistsGlob=/d*/*.conf", "PathExistsGlob=/{x,file}", "PathExistsGlob=!/*.conf", "PathExistsGlob=/dir/[ab].d",
			"PathIsDirectory=/dir", "PathIsDirectory=/dirlink", "PathIsDirectory=!/file", "PathIsDirectory=!/nothing",
			"PathIsSymbolicLink=/link", "PathIsSymbolicLink=/dangling", "PathIsSymbolicLink=!/file", "PathIsSymbolicLink=!/nothing",
			"PathIsMountPoint=/", "PathIsMountPoint=!/dir", "PathIsMountPoint=!/nothing",
			"PathIsReadWrite=/dir", "PathIsReadWrite=!/nothing", "PathIsEncrypted=!/dir", "PathIsEncrypted=!/nothing",
			"DirectoryNotEmpty=/dir", "DirectoryNotEmpty=/dirlink", "DirectoryNotEmpty=!/none", "DirectoryNotEmpty=!/backups", "DirectoryNotEmpty=!/file", "DirectoryNotEmpty=!/nothing",
			"FileNotEmpty=/file", "FileNotEmpty=/link", "FileNotEmpty=!/empty", "FileNotEmpty=!/dir", "FileNotEmpty=!/fifo", "FileNotEmpty=!/nothing",
			"FileIsExecutable=/tool", "FileIsExecutable=!/file", "FileIsExecutable=!/dir", "FileIsExecutable=!/nothing",

			"Environment=A", "Environment=A=1", "Environment=!A=2", "Environment=B", "Environment=B=", "Environment=C=x=y", "Environment=!C=x", "Environment=!D",
			"KernelCommandLine=quiet", "KernelCommandLine=root", "KernelCommandLine=root=/dev/sda1", "KernelCommandLine=!root=/dev/sda",
			"KernelCommandLine=opt=a b", "KernelCommandLine=!qui", "KernelCommandLine=last",
			"Host=" + someID, "Host=01234567-89ab-cdef-0123-456789abcdef", "Host=!00000000000000000000000000000001", "Host=*", "Host=!no-such-host-?",
			"OSRelease=ID=debian", "OSRelease=ID=debian VERSION_ID>=11", "OSRelease=VERSION_ID==012 ID!=fedora", "OSRelease=!VERSION_ID<12",
			"OSRelease=!NONE=x", "OSRelease=ID$=deb*", "OSRelease=ID!$=fed*", "OSRelease=\"PRETTY_NAME=A B\"",
			"KernelVersion=>1", "KernelVersion=> 1", "KernelVersion=>1 <1000", "KernelVersion=*", "KernelVersion=!0.*", "KernelVersion=!=x", "KernelVersion=$=[0-9]*",
			"Architecture=native", "Architecture=" + native, "Architecture=!vax",
			"CPUs=1", "CPUs=>=1", "CPUs=>0", "CPUs=!<1", "CPUs=!=0", "CPUs=<1000000",
			"Memory=1", "Memory=<=1G", "Memory=!>1G", "Memory=>1K",
			"CPUFeature=sse2", "CPUFeature=SSE2", "CPUFeature=pclmul", "CPUFeature=!avx", "CPUFeature=!pclmulqdq",
			"Capability=CAP_CHOWN", "Capability=cap_net_bind_service", "Capability=!CAP_SYS_ADMIN",
			"Security=apparmor", "Security=!selinux", "Security=!smack", "Security=!tomoyo", "Security=!nonsense", "Security=!cvm", "Security=!uefi-secureboot",
			"ACPower=no", "ACPower=!yes",
			"FirstBoot=no", "FirstBoot=!yes", "NeedsUpdate=/etc",
			"CPUPressure=1%", "CPUPressure=!0.5%", "CPUPressure=21%/1min", "CPUPressure=!20.49%/1min", "CPUPressure=205‰/1min", "CPUPressure=500‰ / 10sec",
			"MemoryPressure=10%", "MemoryPressure=!9%", "MemoryPressure=0%/10sec", "MemoryPressure=1000‱",
			"User=" + uid, "User=!4242424", "User=!no-such-user", "Group=" + fmt.Sprint(os.Getgid()), "Group=!4242424", "Group=!no-such-group",
			"Virtualization=!container", "Virtualization=!docker", "Virtualization=!private-users",
			"Firmware=device-tree-compatible(acme,soc)", "Firmware=!device-tree-compatible(acme)", "Firmware=!device-tree-compatible(", "Firmware=!uefi",
			"Firmware=smbios-field(sys_vendor = \"Acme Inc.\")", "Firmware=smbios-field(sys_vendor $= Acme*)",
			"Firmware=!smbios-field(no_such = x)", "Firmware=!nonsense",
			"Credential=key", "Credential=!other", "Credential=!../file", "Credential=!",
		},
		// What cannot be answered is not met, and its opposite is not either.
		false: {
			"FirstBoot=perhaps", "FirstBoot=!perhaps", "ACPower=!perhaps", "CPUs=!many", "Memory=!much", "Capability=!CAP_NONSENSE", "Capability=!",
			"OSRelease=!ID", "OSRelease=!ID= x", "OSRelease=!1D=x", "KernelVersion=!>", "KernelVersion=!'", "KernelVersion=!>1 >",
			"CPUPressure=!1", "CPUPressure=!1%/2min", "CPUPressure=!101%", "CPUPressure=!x",
			"Firmware=!smbios-field(sys_vendor)", "Firmware=!smbios-field(../x=y)", "Firmware=!smbios-field(sys_vendor=a b)", "Firmware=!smbios-field(x", "Firmware=!smbios-field(sys_vendor=x)x",
		},
	} {
		for _, s := range list {
			if got := verdict(f, condition(t, s)); got != want {
				t.Errorf("%s: %v", s, got)
			}
		}
	}
}

// TestEveryCondition: no type is without an answer.
func TestEveryCondition(t *testing.T) {
	for c := range unit.ConditionControlGroupController + 1 {
		if questions[c] == nil {
			t.Errorf("nothing answers %s", c)
		}
	}
}

func TestOldMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a tmpfs")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
		t.Skipf("no mount is allowed here: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	f := New(Options{Root: tree(t, map[string]string{"/etc/machine-id": someID})})
	f.root = ""
	if !f.isMountPoint(dir) {
		t.Errorf("%s is a mount point", dir)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if f.isReadWrite(dir) || f.needsUpdate(dir) {
		t.Errorf("%s: read-write %v, needs an update %v", dir, f.isReadWrite(dir), f.needsUpdate(dir))
	}
}

func TestCompareVersions(t *testing.T) {
	// In order: each is older than the next (UAPI group, "Version Format Specification").
	for _, list := range [][]string{
		{"~rc1", "", "a", "1"},
		{"122.1", "123~rc1-1", "123", "123-a", "123-a.1", "123-1", "123-1.1", "123^post1", "123.a-1", "123.1-1", "123a-1", "124-1"},
		{"1", "2", "10", "11.0"},
		{"4.18.0-80.el8", "4.18.0-80.1.el8", "5.3.0-59-generic", "5.3.0-60-generic", "5.10.0"},
	} {
		for i, a := range list {
			for j, b := range list {
				want := 0
				if i != j {
					want = map[bool]int{true: -1, false: 1}[i < j]
				}
				if got := compareVersions(a, b); got != want {
					t.Errorf("compareVersions(%q, %q) = %d, not %d", a, b, got, want)
				}
			}
		}
	}
	for _, same := range [][2]string{{"1.02", "1.2"}, {"123", "0123"}, {"a b", "a_b"}, {"1~", "1~"}, {"", " "}} {
		if got := compareVersions(same[0], same[1]); got != 0 {
			t.Errorf("compareVersions(%q, %q) = %d", same[0], same[1], got)
		}
	}
}

func TestWords(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []string
		ok   bool
	}{
		{"", nil, true}, {"  ", nil, true}, {"a b", []string{"a", "b"}, true}, {`"a b" c`, []string{"a b", "c"}, true},
		{`x='a "b'`, []string{`x=a "b`}, true}, {`''`, []string{""}, true}, {`a\ b`, []string{"a b"}, true}, {`'a\'`, []string{`a\`}, true},
		{`"a`, nil, false}, {`a\`, nil, false},
	} {
		got, err := words(c.in, false)
		if !reflect.DeepEqual(got, c.want) || (err == nil) != c.ok {
			t.Errorf("words(%q) = %q, %v", c.in, got, err)
		}
	}
	if got, err := words(`a "b c`, true); err != nil || !slices.Equal(got, []string{"a", "b c"}) {
		t.Errorf("relaxed: %q, %v", got, err)
	}
}

// TestVirtualization: what container managers leave behind.
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

// TestFirstBoot: the condition holds from the begin of a first boot to its end, for others by a file.
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

// TestMachineIDNowhere: with nothing to write to, the id holds in memory, and that is told.
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

func TestStamps(t *testing.T) {
	root := t.TempDir()
	f := &Facts{root: root}
	now := supervise.Usec(1700000000000000)
	read := func(want supervise.Usec, at supervise.Usec) {
		t.Helper()
		if got, err := f.ReadStamp("a.timer", at); got != want || err != nil {
			t.Errorf("ReadStamp = %d, %v; want %d", got, err, want)
		}
	}
	read(0, now)     // never
	read(now, now+5) // but now there is a file
	if err := f.TouchStamp("a.timer", now+7); err != nil {
		t.Fatal(err)
	}
	read(now+7, now+8)
	read(0, now) // in the future
	if _, err := os.Stat(root + "/var/lib/systemd/timers/stamp-a.timer"); err != nil {
		t.Error(err)
	}
	f = &Facts{root: tree(t, map[string]string{"/var": "no folder"})}
	if _, err := f.ReadStamp("a.timer", now); err == nil {
		t.Error("a stamp where no folder can be")
	}
	if err := f.TouchStamp("a.timer", now); err == nil {
		t.Error("a stamp where no folder can be")
	}
}

func TestRemoveDirectories(t *testing.T) {
	root := tree(t, map[string]string{
		"/run/a/b/c": "", "/run/a/out": "-> ../../precious", "/run/alias": "-> a", "/run/other/x": "", "/precious/x": "",
		"/var/lib/a/x": "", "/var/lib/private/a/x": "", "/etc/a/x": "",
	})
	x := &unit.ExecContext{DynamicUser: true}
	for k := range x.Directories {
		x.Directories[k].List = []unit.Directory{{Path: "a", Symlinks: []string{"alias"}}, {Path: "missing/deep"}}
	}
	f := &Facts{root: root}
	if err := f.RemoveDirectories(x, 1<<unit.RuntimeDirectory); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"/run/a": false, "/run/alias": false, "/run/other/x": true, "/precious/x": true, "/var/lib/a/x": true, "/etc/a/x": true,
	} {
		if _, err := os.Lstat(root + name); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.RemoveDirectories(x, 1<<unit.StateDirectory|1<<unit.ConfigurationDirectory|1<<7); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/var/lib/a", "/var/lib/private/a", "/etc/a"} {
		if _, err := os.Lstat(root + name); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRemoveMounts: nothing beyond a mount is removed.
func TestRemoveMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes bind mounts")
	}
	root := tree(t, map[string]string{"/run/a/m/": "", "/run/a/x": "", "/precious/x": ""})
	if err := unix.Mount(root+"/precious", root+"/run/a/m", "", unix.MS_BIND, ""); err != nil {
		t.Skipf("no mount is allowed here: %v", err)
	}
	defer unix.Unmount(root+"/run/a/m", unix.MNT_DETACH)
	x := &unit.ExecContext{}
	x.Directories[unit.RuntimeDirectory].List = []unit.Directory{{Path: "a"}}
	if err := (&Facts{root: root}).RemoveDirectories(x, 1); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(root + "/precious/x"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(root + "/run/a/x"); !os.IsNotExist(err) {
		t.Errorf("beside the mount: %v", err)
	}
}

// TestAgainstSystemd asks the real systemd-analyze about this machine, of the version whose rules these are.
func TestAgainstSystemd(t *testing.T) {
	version, err := exec.Command("systemd-analyze", "--version").Output()
	if err != nil {
		t.Skipf("no systemd-analyze: %v", err)
	}
	if !strings.HasPrefix(string(version), "systemd 252 ") {
		t.Skipf("systemd-analyze is %.12q, not of systemd 252", version)
	}
	f := New(Options{Root: tree(t, map[string]string{"/etc/machine-id": someID})})
	f.root = ""
	f.machineID, _ = parseID(f.line("/etc/machine-id"))
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	var list []string
	for word, parameters := range map[string][]string{
		"PathExists":             {"/etc", "/nowhere", "/etc/passwd/x", "/dev/null"},
		"PathExistsGlob":         {"/et*", "/nowhere*", "/{usr,nowhere}/bin", "/etc/passw[d]", "/etc/.*"},
		"PathIsDirectory":        {"/etc", "/etc/passwd", "/proc/self", "/nowhere"},
		"PathIsSymbolicLink":     {"/proc/self", "/etc", "/bin", "/nowhere"},
		"PathIsMountPoint":       {"/", "/proc", "/sys", "/dev", "/etc", "/etc/hosts", "/etc/passwd", "/proc/self", "/nowhere", "/dev/pts", "/sys/fs/cgroup"},
		"PathIsReadWrite":        {"/", "/proc", "/sys", "/tmp", "/nowhere", "/proc/sys", "/sys/fs/cgroup"},
		"PathIsEncrypted":        {"/", "/proc", "/nowhere"},
		"DirectoryNotEmpty":      {"/etc", "/nowhere", "/etc/passwd", dir, "/proc/self/task"},
		"FileNotEmpty":           {"/etc/passwd", "/dev/null", "/etc", "/proc/cpuinfo", "/nowhere", fifo},
		"FileIsExecutable":       {"/bin/sh", "/etc/passwd", "/etc", "/nowhere", "/bin/ls"},
		"User":                   {"root", "0", "nobody", "@system", "65534", "daemon", "nonsense", "00", "4294967295", "1000"},
		"Group":                  {"root", "0", "nogroup", "65534", "adm", "nonsense"},
		"ControlGroupController": {"v1", "v2", "cpu", "memory pids", "nonsense", "io", "blkio", "cpu nonsense"},
		"CPUs":                   {"1", "1000", ">=1", "<1", "=1", "==2", "!=2", "<>2", "many", "> 1", "1 x"},
		"Memory":                 {"1M", "1T", "<1G", ">= 1K", "much", "1.5K"},
		"CPUFeature":             {"sse2", "SSE2", "fma3", "pclmul", "osxsave", "avx", "nonsense", "pclmulqdq", "constant_tsc", "hypervisor"},
		"Environment":            {"PATH", "NONSENSE", "PATH=x"},
		"Architecture":           {"native", "x86-64", "x86", "arm64", "nonsense"},
		"Virtualization":         {"yes", "no", "vm", "container", "docker", "podman", "kvm", "private-users", "nonsense", "none", "container-other"},
		"Host":                   {"*", "nonsense", f.machineID, "00000000000000000000000000000000", strings.ToUpper(hostname()), hostname(), "[a-z0-9]*"},
		"KernelCommandLine":      {"quiet", "nonsense", "systemd", "-t", "init", "/sbin/init"},
		"KernelVersion":          {">1", "<1", ">= 4.19", "=" + release(), "!=" + release(), release(), "6.*", "$=6.*", "!$=6.*", ">4 <99", ">4 <5", ">4 =", "= 5", ">", "'"},
		"Security":               {"selinux", "smack", "apparmor", "audit", "ima", "tomoyo", "uefi-secureboot", "tpm2", "cvm", "nonsense"},
		"Capability":             {"CAP_SYS_ADMIN", "CAP_CHOWN", "cap_chown", "CAP_NONSENSE", "CAP_SYS_TIME", "CAP_BPF", "3"},
		"ACPower":                {"yes", "no", "perhaps"},
		"NeedsUpdate":            {"/etc", "/var", "/proc", "/nowhere"},
		"FirstBoot":              {"yes", "no", "perhaps"},
		"Firmware":               {"uefi", "device-tree", "device-tree-compatible(x)", "nonsense"},
		"OSRelease":              {"ID=debian", "ID=fedora", "VERSION_ID>=11", "VERSION_ID<12", "ID$=d*", "ID!$=d*", "NONE=x", "NONE!=x", "NONE<1", "ID", "ID=", "ID= x", "ID=debian VERSION_ID=12", "'NAME=a b'"},
		"MemoryPressure":         {"50%", "0%", "nonsense", "50%/1min", "50%/2min", "system.slice:50%", "system.slice:50%/10sec", "500‰", "101%", "5000‱", "0.5%", "0.555%"},
		"CPUPressure":            {"100%", "100%/10sec", "x/y", "99.5%/5min", "system.slice:100%"},
		"IOPressure":             {"100%", "1000‰/1min", "nonsense.slice:100%", "nonsense:100%"},
		"Credential":             {"nonsense", "../x"},
	} {
		for _, p := range parameters {
			list = append(list, word+"="+p, word+"=!"+p)
		}
	}
	slices.Sort(list)
	compared := 0
	theirs := analyze(list)
	for _, s := range list {
		c := condition(t, s)
		if c.Type == unit.ConditionMemoryPressure || c.Type == unit.ConditionCPUPressure || c.Type == unit.ConditionIOPressure {
			if v, ok := permyriad(strings.TrimSpace(strings.Split(c.Parameter[strings.Index(c.Parameter, ":")+1:], "/")[0])); ok && v < 10000 && v > 0 {
				continue // may change between the two looks
			}
		}
		if c.Type == unit.ConditionControlGroupController && os.Geteuid() != 0 {
			continue // the real one then asks what was delegated to a user's manager
		}
		if want, ok := theirs[s]; ok { // else its loader refuses it
			compared++
			if got := verdict(f, c); got != want {
				t.Errorf("%s: %v, systemd says %v", s, got, want)
			}
		}
	}
	if compared < len(list)/2 {
		t.Errorf("only %d of %d could be compared", compared, len(list))
	}
	t.Logf("%d of %d compared", compared, len(list))
}

// analyze asks systemd-analyze about conditions, which are all looked at as long as each is enough. If one is refused, all are: then it is
// asked about the halves.
func analyze(list []string) map[string]bool {
	args := []string{"condition"}
	for _, s := range list {
		args = append(args, "Condition"+strings.Replace(s, "=", "=|", 1))
	}
	out, _ := exec.Command("systemd-analyze", args...).CombinedOutput()
	verdicts := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "test.service: ")
		line, broken := strings.CutPrefix(line, "Couldn't determine result for ")
		s, met := strings.CutSuffix(line, " succeeded.")
		s, unmet := strings.CutSuffix(s, " failed.")
		if broken {
			s, _, unmet = strings.Cut(line, ", assuming failed: ")
		}
		if s, ok := strings.CutPrefix(s, "Condition"); ok && (met || unmet) {
			verdicts[strings.Replace(s, "=|", "=", 1)] = met
		}
	}
	if len(verdicts) == 0 && len(list) > 1 {
		for _, half := range [][]string{list[:len(list)/2], list[len(list)/2:]} {
			for s, v := range analyze(half) {
				verdicts[s] = v
			}
		}
	}
	return verdicts
}
