package spawn

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/spawn/filter"
	"keelson/supervise/unit"
)

// Machine is what there is to be given to processes: what this process may do, and what the kernel knows. It is found out once, without changing
// anything.
type Machine struct {
	UID, GID int
	Groups   []int // supplementary
	Sets     Sets
	Limits   [unit.RlimitKinds]unit.Rlimit // this process's own, which others inherit
	Nice     int
	Ignored  uint64 // signals that are ignored, as in early.State

	Initial      bool   // in the initial user namespace: some permissions count there alone
	Proc         bool   // there is a /proc
	NrOpen       uint64 // the highest LimitNOFILE= there can be (/proc/sys/fs/nr_open)
	LastCap      int
	Keyrings     bool // keyctl(2) is allowed
	Pivot        bool // so is pivot_root(2)
	IntoCgroup   bool // clone3(2) is allowed, and knows CLONE_INTO_CGROUP
	SELinux      bool
	AppArmor     string // the file that takes a profile's name, "" where the module is not in use
	Smack        bool
	Filters      filter.Kernel
	Term         string // $TERM
	Home         string // $HOME, or the own entry in the user database
	RootShell    string
	DynamicUsers string // the folder of their register
}

// Sets are a process's capability sets, bit n for capability n, and its securebits (capabilities(7)).
type Sets struct {
	Effective, Permitted, Inheritable, Bounding, Ambient uint64
	Bits                                                 unit.SecureBits
}

// Survey looks at this process and its kernel. What cannot be found out is taken as missing.
func Survey() Machine {
	m := Machine{
		UID: unix.Geteuid(), GID: unix.Getegid(), Ignored: early.Inherited().Ignored, Initial: true, NrOpen: 1 << 20,
		Filters: filter.Probe(), Term: os.Getenv("TERM"), Home: os.Getenv("HOME"), RootShell: "/bin/sh", DynamicUsers: "/run/systemd/dynamic-uid",
	}
	m.Groups, _ = unix.Getgroups()
	for k := range m.Limits {
		var l unix.Rlimit
		if unix.Prlimit(0, k, nil, &l) == nil {
			m.Limits[k] = unit.Rlimit{Soft: l.Cur, Hard: l.Max}
		}
	}
	// The system call's result is 20 less the nice value, so that it is never negative (getpriority(2)).
	if v, err := unix.Getpriority(unix.PRIO_PROCESS, 0); err == nil {
		m.Nice = 20 - v
	}
	m.surveyCapabilities()
	if unix.Access("/proc/self/status", unix.F_OK) == nil {
		m.Proc = true
		if text, err := os.ReadFile("/proc/self/uid_map"); err == nil {
			m.Initial = strings.Join(strings.Fields(string(text)), " ") == "0 0 4294967295"
		}
		if n, err := strconv.ParseUint(readWord("/proc/sys/fs/nr_open"), 10, 64); err == nil {
			m.NrOpen = n
		}
	}
	// Who may not gets EPERM before it is seen that there is no such folder. Docker's system call filter denies it even with CAP_SYS_ADMIN.
	m.Pivot = unix.PivotRoot("/no/such", "/no/such") == unix.ENOENT
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, false)
	m.Keyrings = err == nil || err == unix.ENOKEY
	// A size of 0 is invalid to those who know the call. The flag came with Linux 5.7, pidfd_getfd(2) with 5.6, faccessat2(2) with 5.8.
	_, _, errno := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0)
	m.IntoCgroup = errno == unix.EINVAL && unix.Faccessat2(unix.AT_FDCWD, "/", unix.F_OK, unix.AT_EACCESS) == nil
	m.SELinux = unix.Access("/sys/fs/selinux/enforce", unix.F_OK) == nil
	if readWord("/sys/module/apparmor/parameters/enabled") == "Y" {
		m.AppArmor = "/proc/self/attr/exec"
		if own := "/proc/self/attr/apparmor/exec"; unix.Access(own, unix.F_OK) == nil { // several modules share the other
			m.AppArmor = own
		}
	}
	m.Smack = unix.Access("/sys/fs/smackfs", unix.F_OK) == nil
	if unix.Access("/bin/bash", unix.X_OK) == nil {
		m.RootShell = "/bin/bash" // default_root_shell in src/basic/user-util.c
	}
	return m
}

func (m *Machine) surveyCapabilities() {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&header, &data[0]) == nil {
		join := func(low, high uint32) uint64 { return uint64(high)<<32 | uint64(low) }
		m.Sets.Effective = join(data[0].Effective, data[1].Effective)
		m.Sets.Permitted = join(data[0].Permitted, data[1].Permitted)
		m.Sets.Inheritable = join(data[0].Inheritable, data[1].Inheritable)
	}
	for n := 0; n < 64; n++ {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
		if err != nil {
			break
		}
		m.LastCap = n
		m.Sets.Bounding |= uint64(in) << n
		if in, err := unix.PrctlRetInt(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_IS_SET, uintptr(n), 0, 0); err == nil {
			m.Sets.Ambient |= uint64(in) << n
		}
	}
	if bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0); err == nil {
		m.Sets.Bits = unit.SecureBits(bits)
	}
}

// has tells whether this process has a capability.
func (m *Machine) has(capability int) bool { return m.Sets.Effective&(1<<capability) != 0 }

// hasOutside tells whether it has it where it counts for the whole machine: resources and schedules are not a user namespace's to give.
func (m *Machine) hasOutside(capability int) bool { return m.Initial && m.has(capability) }

// readWord is the first word of a small file, "" if there is none.
func readWord(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	word, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	return word
}
