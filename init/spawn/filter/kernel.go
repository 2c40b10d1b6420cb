package filter

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Kernel is what filters depend on.
type Kernel struct {
	Arch        string // GOARCH
	Seccomp     bool   // filters can be installed
	Log         bool   // SECCOMP_RET_LOG, Linux 4.14
	KillProcess bool   // SECCOMP_RET_KILL_PROCESS, Linux 4.14
	Personality uint32 // of the process that asks, whose children inherit it (personality(2))
}

// Probe asks the kernel. A sandbox that refuses seccomp(2) is a kernel without it.
func Probe() Kernel {
	k := Kernel{Arch: runtime.GOARCH}
	// A filter at a null pointer is refused with EFAULT by a kernel that would take one (is_seccomp_filter_available in seccomp-util.c).
	err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, 0, 0, 0)
	k.Seccomp = err == unix.EFAULT
	available := func(verdict uint32) bool {
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&verdict)))
		return errno == 0
	}
	if k.Seccomp {
		k.Log, k.KillProcess = available(unix.SECCOMP_RET_LOG), available(unix.SECCOMP_RET_KILL_PROCESS)
	}
	if p, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0); errno == 0 {
		k.Personality = uint32(p)
	}
	return k
}
