package facts

import (
	"fmt"
	"os"
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
// TestFirstBoot: the condition holds from the begin of a first boot to its end, for others by a file.
// TestMachineIDNowhere: with nothing to write to, the id holds in memory, and that is told.
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

// TestRemoveMounts: nothing beyond a mount is removed.
// TestAgainstSystemd asks the real systemd-analyze about this machine, of the version whose rules these are.
