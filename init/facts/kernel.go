package facts

import (
	"cmp"
	"math"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/glob"
	"keelson/supervise/unit"
)

// uname is a field of uname(2).
func uname(of func(*unix.Utsname) []byte) string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	return unix.ByteSliceToString(of(&u))
}

// architectures are systemd's names of what the kernel calls the machine (src/basic/architecture.h).
var architectures = map[string]string{
	"x86_64": "x86-64", "i686": "x86", "i586": "x86", "i486": "x86", "i386": "x86",
	"aarch64": "arm64", "aarch64_be": "arm64-be", "armv4l": "arm", "armv4b": "arm-be", "armv4tl": "arm", "armv4tb": "arm-be",
	"armv5tl": "arm", "armv5tb": "arm-be", "armv5tel": "arm", "armv5teb": "arm-be", "armv5tejl": "arm", "armv5tejb": "arm-be",
	"armv6l": "arm", "armv6b": "arm-be", "armv7l": "arm", "armv7b": "arm-be", "armv8l": "arm", "armv8b": "arm-be",
	"ppc64": "ppc64", "ppc64le": "ppc64-le", "ppc": "ppc", "ppcle": "ppc-le", "s390": "s390", "s390x": "s390x",
	"riscv32": "riscv32", "riscv64": "riscv64", "mips": "mips", "mips64": "mips64", "loongarch64": "loongarch64", "loongarch": "loongarch64",
	"ia64": "ia64", "parisc": "parisc", "parisc64": "parisc64", "sparc": "sparc", "sparc64": "sparc64", "alpha": "alpha",
	"m68k": "m68k", "sh5": "sh64", "sh2": "sh", "sh2a": "sh", "sh3": "sh", "sh4": "sh", "sh4a": "sh", "tilegx": "tilegx",
	"crisv32": "cris", "nios2": "nios2", "arc": "arc", "arceb": "arc-be",
}

// native is what this binary was compiled for.
var native = map[string]string{"amd64": "x86-64", "arm64": "arm64"}[runtime.GOARCH]

// Architecture is the kernel's, in systemd's word: "x86-64", "arm64".
func Architecture() string {
	return cmp.Or(architectures[uname(func(u *unix.Utsname) []byte { return u.Machine[:] })], native)
}

func (f *Facts) isArchitecture(parameter string) bool {
	if parameter == "native" {
		parameter = native
	}
	return parameter == Architecture()
}

func release() string { return uname(func(u *unix.Utsname) []byte { return u.Release[:] }) }

// isKernel compares the release with each of the expressions; without an operator they are patterns. White space may follow the operator of
// the first.
func (f *Facts) isKernel(parameter string) (bool, error) { return versions(release(), parameter) }

func versions(version, parameter string) (bool, error) {
	list, err := words(parameter, false)
	if err != nil {
		return false, err
	}
	for i := 0; i < len(list); i++ {
		op, rest, ok := takeOperator(list[i], true)
		if !ok {
			op = matches
		}
		if rest = strings.TrimSpace(rest); rest == "" {
			if i > 0 || len(list) == 1 {
				return false, errParameter
			}
			i, rest = 1, list[1]
		}
		if !op.compares(version, rest) {
			return false, nil
		}
	}
	return true, nil
}

// isOSRelease compares fields of os-release(5): "KEY OPERATOR VALUE", without white space.
func (f *Facts) isOSRelease(parameter string) (bool, error) {
	list, err := words(parameter, false)
	if err != nil {
		return false, err
	}
	release := f.osRelease()
	for _, expression := range list {
		at := strings.IndexAny(expression, "$!<=>")
		if at < 0 || !unit.ValidVariableName(expression[:at]) {
			return false, errParameter
		}
		op, value, ok := takeOperator(expression[at:], true)
		if !ok || value == "" || strings.ContainsAny(value[:1], " \t\r\n") {
			return false, errParameter
		}
		if release == nil {
			return false, os.ErrNotExist
		}
		if !op.compares(release[expression[:at]], value) {
			return false, nil
		}
	}
	return true, nil
}

// commandLine is the kernel's; in a container that of PID 1 stands for it (proc_cmdline in src/basic/proc-cmdline.c).
func (f *Facts) commandLine() []string {
	if _, container := f.Virtualization(); !container {
		text, _ := f.read("/proc/cmdline")
		list, _ := words(text, true) // relaxed: never malformed
		return list
	}
	text, _ := f.read("/proc/1/cmdline")
	list, _ := words(strings.ReplaceAll(text, "\x00", " "), true)
	return list
}

func (f *Facts) onCommandLine(parameter string) bool { return assigned(f.commandLine(), parameter) }

// number compares a count with "OPERATOR NUMBER"; without an operator it is to be at least that.
func number(have uint64, parameter string, parse func(string) (uint64, error)) (bool, error) {
	op, rest, ok := takeOperator(parameter, false)
	if !ok {
		op = greaterOrEqual
	}
	want, err := parse(strings.TrimSpace(rest))
	if err != nil {
		return false, err
	}
	return op.orders(cmp.Compare(have, want)), nil
}

func (f *Facts) isMemory(parameter string) (bool, error) {
	return number(f.memory(), parameter, func(s string) (uint64, error) { return unit.ParseSize(s, 1024) })
}

// memory is the machine's in bytes, or what the container may have of it if that is less (physical_memory in
// src/shared/limits-util.c).
func (f *Facts) memory() uint64 {
	total := uint64(math.MaxUint64)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		total = uint64(info.Totalram) * uint64(info.Unit)
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if limit, err := strconv.ParseUint(f.line(file), 10, 64); err == nil {
			total = min(total, limit)
		}
	}
	return total
}

func (f *Facts) isCPUs(parameter string) (bool, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return false, err
	}
	return number(uint64(set.Count()), parameter, func(s string) (uint64, error) { return strconv.ParseUint(s, 10, 32) })
}

// cpuFeatures are the flags that systemd knows, with the kernel's word in /proc/cpuinfo where that is another (has_cpu_with_flag in
// src/shared/cpu-set-util.c). Only x86 has any.
var cpuFeatures = func() map[string]string {
	table := map[string]string{"pclmul": "pclmulqdq", "fma3": "fma", "osxsave": "xsave"}
	for _, name := range strings.Fields(`fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht
		pni monitor ssse3 cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx f16c rdrand bmi1 avx2 bmi2 rdseed adx sha_ni syscall rdtscp lm
		lahf_lm abm constant_tsc`) {
		table[name] = name
	}
	return table
}()

func (f *Facts) hasCPUFeature(parameter string) bool {
	flag, ok := cpuFeatures[strings.ToLower(parameter)]
	flags, _ := f.field("/proc/cpuinfo", "flags")
	return ok && slices.Contains(strings.Fields(flags), flag)
}

// isHost compares a machine id, or else the host name with a pattern, in which case does not matter.
func (f *Facts) isHost(parameter string) bool {
	if id, ok := parseID(parameter); ok {
		return id == f.machineID
	}
	return glob.Match(strings.ToLower(parameter), strings.ToLower(hostname()))
}

func hostname() string { return uname(func(u *unix.Utsname) []byte { return u.Nodename[:] }) }

// hasController: "v2", "v1", or controllers that are all there. Unknown words are left out, and with them alone the condition holds.
func (f *Facts) hasController(parameter string) (bool, error) {
	unified, err := f.unified()
	if parameter == "v1" || parameter == "v2" {
		return unified == (parameter == "v2"), err
	}
	if err != nil {
		return false, err
	}
	var have []string
	if unified {
		text, err := f.read("/sys/fs/cgroup/cgroup.controllers")
		if err != nil {
			return false, err
		}
		have = strings.Fields(text)
	} else {
		text, err := f.read("/proc/cgroups")
		if err != nil {
			return false, err
		}
		for line := range strings.Lines(text) { // name, hierarchy, groups, enabled
			if w := strings.Fields(line); len(w) == 4 && w[3] == "1" {
				have = append(have, w[0])
			}
		}
	}
	for _, name := range strings.Fields(parameter) {
		known := slices.Contains([]string{"cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids"}, name)
		if known && !slices.Contains(have, name) {
			return false, nil
		}
	}
	return true, nil
}

// unified tells whether all of the cgroup hierarchy is v2 (cg_all_unified in src/basic/cgroup-util.c).
func (f *Facts) unified() (bool, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(f.at("/sys/fs/cgroup"), &st); err != nil {
		return false, err
	}
	switch {
	case st.Type == unix.CGROUP2_SUPER_MAGIC:
		return true, nil
	case f.exists("/sys/fs/cgroup/systemd"), f.exists("/sys/fs/cgroup/unified"), st.Type == unix.TMPFS_MAGIC:
		return false, nil
	}
	return false, unix.ENOMEDIUM
}

// share is a percentage with at most two digits behind the point, a share of a thousand with one, or of ten thousand.
var share = regexp.MustCompile(`^([0-9]{1,5})(?:(?:\.([0-9]{1,2}))?(%)|(?:\.([0-9]))?(‰)|(‱))$`)

// pressure is the question whether a kind of pressure is at most so much: "LIMIT", "LIMIT/SPAN", or both behind "SLICE:". What cannot be known
// is no pressure.
func pressure(kind string) question {
	return func(f *Facts, parameter string) (bool, error) {
		if !f.exists("/proc/pressure") {
			return true, nil
		}
		file := "/proc/pressure/" + kind
		slice, limit, ok := strings.Cut(parameter, ":")
		if !ok {
			limit = slice
		} else {
			for _, needed := range []string{"v2", kind} {
				if ok, err := f.hasController(needed); err != nil || !ok {
					return true, err
				}
			}
			name := strings.TrimSpace(slice)
			if !unit.ValidSlice(name) {
				return false, errParameter
			}
			file = "/sys/fs/cgroup" + slicePath(name) + "/" + kind + ".pressure"
		}
		limit, span, ok := strings.Cut(limit, "/")
		column := "avg300"
		if ok {
			span = strings.TrimSpace(span)
			switch {
			case strings.HasPrefix(span, "10sec"):
				column = "avg10"
			case strings.HasPrefix(span, "1min"):
				column = "avg60"
			case !strings.HasPrefix(span, "5min"):
				return false, errParameter
			}
		}
		most, ok := permyriad(strings.TrimSpace(limit))
		if !ok {
			return false, errParameter
		}
		text, err := f.read(file)
		if err != nil {
			return true, nil // no such slice
		}
		now, ok := pressureOf(text, column)
		if !ok {
			return false, unix.ENODATA
		}
		return now <= float64(most)/100, nil
	}
}

// permyriad is a share in hundredths of a percent, at most all (parse_permyriad in src/basic/percent-util.c).
func permyriad(s string) (int, bool) {
	m := share.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	whole, _ := strconv.Atoi(m[1])
	part, _ := strconv.Atoi((m[2] + m[4] + "00")[:2]) // hundredths
	scale := map[string]int{"%": 100, "‰": 10, "‱": 1}[m[3]+m[5]+m[6]]
	v := whole*scale + part*scale/100
	return v, v <= 10000
}

// pressureOf reads a column of the line "full", or where that is missing "some", in percent.
func pressureOf(text, column string) (float64, bool) {
	for _, row := range []string{"full ", "some "} {
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, row) {
				continue
			}
			for _, w := range strings.Fields(line) {
				if v, ok := strings.CutPrefix(w, column+"="); ok {
					n, err := strconv.ParseFloat(v, 64)
					return n, err == nil
				}
			}
		}
	}
	return 0, false
}

// slicePath is where a slice is below the root of cgroups (systemd.slice(5)).
func slicePath(name string) string {
	if name == "-.slice" {
		return ""
	}
	return slicePath(unit.ParentSlice(name)) + "/" + name
}
