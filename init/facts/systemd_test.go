package facts

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

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
