package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of this package, each wrapped once. A result of -4095…-1 is a negated errno, as the kernel returns it.

func syscall6(nr, a1, a2, a3, a4, a5, a6 uintptr) uintptr

// The child is given w in the parent's memory.
//
//go:noescape
func cloneChild(flags uintptr, w unsafe.Pointer) uintptr

// layout is where the linker has put the binary: the start of its code, an address at the end of this package's code, and the end of its
// initialized data; code, constants and data lie in this order.
func layout() (text, here, edata uintptr)

type errno int32

func failed(r uintptr) errno {
	if r > ^uintptr(4095) {
		return errno(-int(r))
	}
	return 0
}

func address(p unsafe.Pointer) uintptr { return uintptr(p) }

// again runs a system call until no signal interrupts it.
func again(nr, a1, a2, a3, a4 uintptr) uintptr {
	for {
		r := syscall6(nr, a1, a2, a3, a4, 0, 0)
		if failed(r) != eINTR {
			return r
		}
	}
}

func exit(status int) {
	for {
		syscall6(unix.SYS_EXIT_GROUP, uintptr(status), 0, 0, 0, 0, 0)
	}
}

func getpid() int32 { return int32(syscall6(unix.SYS_GETPID, 0, 0, 0, 0, 0, 0)) }

func getppid() int32 { return int32(syscall6(unix.SYS_GETPPID, 0, 0, 0, 0, 0, 0)) }

func getpgrp() int32 { return int32(syscall6(unix.SYS_GETPGID, 0, 0, 0, 0, 0, 0)) }

func getsid() int32 { return int32(syscall6(unix.SYS_GETSID, 0, 0, 0, 0, 0, 0)) }

func setpgid(pid, pgrp int32) errno {
	return failed(syscall6(unix.SYS_SETPGID, uintptr(pid), uintptr(pgrp), 0, 0, 0, 0))
}

func setsid() errno { return failed(syscall6(unix.SYS_SETSID, 0, 0, 0, 0, 0, 0)) }

// kill takes a process, the negated number of a process group, or -1, all that this process may signal but itself.
func kill(pid int32, sig uint8) errno {
	return failed(syscall6(unix.SYS_KILL, uintptr(int(pid)), uintptr(sig), 0, 0, 0, 0))
}

// wait4 collects the child which (-1: any) that has ended (or, with WUNTRACED, stopped) without blocking: its pid, 0 if there is none yet,
// or a negative number and eCHILD if there are no children at all.
func wait4(which int32, status *uint32, options uintptr) (int32, errno) {
	r := again(unix.SYS_WAIT4, uintptr(int(which)), address(unsafe.Pointer(status)), unix.WNOHANG|options, 0)
	return int32(r), failed(r)
}

// setMask replaces the signal mask; either pointer may be nil.
func setMask(mask, old *uint64) {
	syscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, address(unsafe.Pointer(mask)), address(unsafe.Pointer(old)), 8, 0, 0)
}

// sigaction is the kernel's struct, not the C library's. Only SIG_DFL and SIG_IGN are ever set here, so the
// restorer is never used.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const (
	sigDFL = 0
	sigIGN = 1
)

// setHandler sets a disposition and returns the one before it.
func setHandler(sig uint8, handler uintptr) (old sigaction) {
	act := sigaction{handler: handler}
	syscall6(unix.SYS_RT_SIGACTION, uintptr(sig), address(unsafe.Pointer(&act)), address(unsafe.Pointer(&old)), 8, 0, 0)
	return old
}

func restoreHandler(sig uint8, old *sigaction) {
	syscall6(unix.SYS_RT_SIGACTION, uintptr(sig), address(unsafe.Pointer(old)), 0, 8, 0, 0)
}

func handler(sig uint8) uintptr {
	var old sigaction
	syscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, address(unsafe.Pointer(&old)), 8, 0, 0)
	return old.handler
}

// siginfo is the head of the kernel's siginfo_t, which is 128 bytes.
type siginfo struct {
	signo int32
	errno int32
	code  int32
	_     int32
	pid   int32
	uid   uint32
	_     [104]byte
}

// siKernel is si_code of a signal that no process sent, such as what a terminal makes of Ctrl-C (asm-generic/siginfo.h).
const siKernel = 0x80

type timespec struct{ sec, nsec int64 }

// sigwait takes one pending signal of set. timeout is in nanoseconds, negative for ever; eAGAIN when it has passed.
func sigwait(set *uint64, info *siginfo, timeout int64) errno {
	var ts timespec
	var p uintptr
	if timeout >= 0 {
		ts.sec, ts.nsec = timeout/1e9, timeout%1e9
		p = address(unsafe.Pointer(&ts))
	}
	return failed(syscall6(unix.SYS_RT_SIGTIMEDWAIT, address(unsafe.Pointer(set)), address(unsafe.Pointer(info)), p, 8, 0, 0))
}

// monotonic is CLOCK_MONOTONIC in nanoseconds.
func monotonic() int64 {
	var ts timespec
	syscall6(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, address(unsafe.Pointer(&ts)), 0, 0, 0, 0)
	return ts.sec*1e9 + ts.nsec
}

func prctl(option, arg uintptr) errno {
	return failed(syscall6(unix.SYS_PRCTL, option, arg, 0, 0, 0, 0))
}

func ioctl(fd int32, request, arg uintptr) errno {
	return failed(syscall6(unix.SYS_IOCTL, uintptr(fd), request, arg, 0, 0, 0))
}

// tcsetpgrp makes pgrp the foreground process group of the terminal fd.
func tcsetpgrp(fd, pgrp int32) errno {
	return ioctl(fd, unix.TIOCSPGRP, address(unsafe.Pointer(&pgrp)))
}

// tcgetpgrp is the foreground process group of the terminal fd, 0 if that is not the controlling terminal.
func tcgetpgrp(fd int32) int32 {
	var pgrp int32
	if ioctl(fd, unix.TIOCGPGRP, address(unsafe.Pointer(&pgrp))) != 0 {
		return 0
	}
	return pgrp
}

// cstr is a string of the kernel's or of argv: bytes up to a NUL.
type cstr = *byte

func path(s string) cstr { return unsafe.StringData(s) }

// open takes flags of openat(2); O_CLOEXEC is added. Constants passed as a name must end in \x00.
func open(name cstr, flags uintptr) (int32, errno) {
	r := again(unix.SYS_OPENAT, atCWD, address(unsafe.Pointer(name)), flags|unix.O_CLOEXEC, 0)
	return int32(r), failed(r)
}

const atCWD = ^uintptr(99) // AT_FDCWD

func closeFD(fd int32) { syscall6(unix.SYS_CLOSE, uintptr(fd), 0, 0, 0, 0, 0) }

// closeFrom closes every file descriptor from first on. Before Linux 5.9 there is no close_range(2), and they are closed one by
// one up to the soft limit.
func closeFrom(first int32) {
	if failed(syscall6(unix.SYS_CLOSE_RANGE, uintptr(first), 0xffffffff, 0, 0, 0, 0)) == 0 {
		return
	}
	for fd, end := uint64(first), softFileLimit(); fd < end; fd++ {
		closeFD(int32(fd))
	}
}

func softFileLimit() uint64 {
	limit := [2]uint64{1024, 0}
	syscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, 0, address(unsafe.Pointer(&limit)), 0, 0)
	return limit[0]
}

func chdir(dir cstr) errno {
	return failed(syscall6(unix.SYS_CHDIR, address(unsafe.Pointer(dir)), 0, 0, 0, 0, 0))
}

// read fills buf and returns how much, 0 at the end or on an error.
func read(fd int32, buf *byte, size uintptr) int {
	r := again(unix.SYS_READ, uintptr(fd), address(unsafe.Pointer(buf)), size, 0)
	if failed(r) != 0 {
		return 0
	}
	return int(r)
}

func write(fd int32, buf *byte, size int) {
	for size > 0 {
		r := again(unix.SYS_WRITE, uintptr(fd), address(unsafe.Pointer(buf)), uintptr(size), 0)
		if failed(r) != 0 || r == 0 {
			return
		}
		buf, size = (*byte)(unsafe.Add(unsafe.Pointer(buf), int(r))), size-int(r)
	}
}

// execve returns only if it failed.
func execve(file cstr, argv, envp *cstr) errno {
	return failed(syscall6(unix.SYS_EXECVE, address(unsafe.Pointer(file)), address(unsafe.Pointer(argv)), address(unsafe.Pointer(envp)), 0, 0, 0))
}
