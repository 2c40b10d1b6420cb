// Package filter compiles what a unit says of system calls into seccomp programs (seccomp(2)).
//
// # Words
//
// A directive restricts system calls, and becomes at most one [Program]. An abi is one of the ways into the kernel: amd64 has
// its own, x32 and i386; arm64 has its own and arm. A verdict is a SECCOMP_RET_ value. A policy says for one abi what the
// verdict on each call is, a [group] is one of systemd's sets of calls.
//
// # Laws
//
//   - One program serves all abis, so that nothing gets around it by way of another one, as systemd does with a program for each.
//     An abi that SystemCallArchitectures= takes away needs no further rules: its calls end the thread whatever else is said.
//   - A call that an abi does not have is no concern of its policy. A name that no abi has is remarked upon and skipped.
//   - Arguments are compared as the kernel uses them, in 32 bits: libseccomp's 64 bits let a process past a comparison by
//     setting bits that the kernel ignores.
//   - The same unit on the same kernel gives the same bytes.
//
// # Choices
//
// The numbers are those of golang.org/x/sys/unix, which has them from the kernel's headers; table.go is made from it and checked
// against it by the tests. elastic/go-seccomp-bpf has tables too, but its x32 numbers are amd64's (execve is 520, not 59) and its
// arm64 has calls that arm64 lacks; they cost each start of the runtime 0.3 ms and 160 KB; and its assembler compiles for one
// abi, answers x32 with ENOSYS, and searches linearly. What is left of assembling is a binary search.
//
// # Sources
//
// systemd.exec(5); src/shared/seccomp-util.c and exec_child of src/core/execute.c, both of systemd 252.
package filter

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Exit statuses of a program that cannot be installed (systemd.exec(5), "Process Exit Codes").
const (
	ExitSeccomp         = 228
	ExitAddressFamilies = 232
)

// Program is what the kernel is to run before each system call.
type Program struct {
	Directive    string // "SystemCallFilter"
	Exit         int    // the exit status if it cannot be installed
	Instructions []unix.SockFilter
}

// Bytes are the instructions as an array of struct sock_filter, 8 bytes each.
func (p Program) Bytes() []byte {
	b := make([]byte, 0, 8*len(p.Instructions))
	for _, i := range p.Instructions {
		b = binary.NativeEndian.AppendUint16(b, i.Code)
		b = append(b, i.Jt, i.Jf)
		b = binary.NativeEndian.AppendUint32(b, i.K)
	}
	return b
}

// compiler is one run of Compile.
type compiler struct {
	exec    *unit.ExecContext
	kernel  Kernel
	native  abi
	abis    []abi // those whose calls get through SystemCallArchitectures=, the native one first
	remarks []string
}

// Compile gives the programs in the order in which they are to be installed, which is that of systemd's exec_child; ProtectHostname=
// comes first, as there. They are installed last of all before execve, under no_new_privs if the process lacks CAP_SYS_ADMIN.
// The remarks, one line each, say what was skipped and why. RestrictFileSystems= is no seccomp filter.
func Compile(e *unit.ExecContext, k Kernel) ([]Program, []string) {
	c := &compiler{exec: e, kernel: k}
	var list []Program
	for _, d := range directives {
		if !d.asked(e) {
			continue
		}
		if !k.Seccomp {
			c.remark("%s=: the kernel has no seccomp filters, ignoring.", d.name)
			continue
		}
		if c.abis == nil {
			c.choose()
			if c.abis == nil {
				c.remark("%s=: system call filters are not known for %s, ignoring.", d.name, k.Arch)
				continue
			}
		}
		if code := d.compile(c); code != nil {
			if len(code) > unix.BPF_MAXINSNS {
				c.remark("%s=: %d instructions are more than the kernel takes, ignoring.", d.name, len(code))
				continue
			}
			list = append(list, Program{d.name, d.exit, code})
		}
	}
	return list, c.remarks
}

func (c *compiler) remark(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(c.remarks, s) {
		c.remarks = append(c.remarks, s)
	}
}

// choose finds the abis of the architecture that SystemCallArchitectures= leaves. The native one cannot be taken away
// (seccomp_restrict_archs): execve follows.
func (c *compiler) choose() {
	for _, a := range abisOf[c.kernel.Arch] {
		allowed := c.exec.SystemCallArchitectures
		if len(c.abis) == 0 || len(allowed) == 0 || slices.Contains(allowed, a.String()) {
			c.abis = append(c.abis, a)
		}
	}
	if c.abis != nil {
		c.native = c.abis[0]
	}
}

// negative is what becomes of a call that SystemCallFilter= denies: errno -1 stands for SystemCallErrorNumber=.
func (c *compiler) negative(errno int32) uint32 {
	if errno < 0 {
		errno = int32(c.exec.SystemCallErrorNumber)
	}
	switch {
	case errno == unit.SyscallKill && c.kernel.KillProcess:
		return unix.SECCOMP_RET_KILL_PROCESS
	case errno == unit.SyscallKill:
		c.remark("The kernel cannot end a process for a system call (SECCOMP_RET_KILL_PROCESS, Linux 4.14), it ends the thread.")
		return unix.SECCOMP_RET_KILL_THREAD
	}
	return deny(int(errno))
}

// deny is the verdict that a call fails with errno; 0 is success without doing anything.
func deny(errno int) uint32 {
	return unix.SECCOMP_RET_ERRNO | uint32(errno)&unix.SECCOMP_RET_DATA
}
