// Package sys wraps the system calls that keelson's ordinary Go code makes, each once: EINTR is retried, and an error names the call and what it was
// about. Code that runs before the runtime has its own (package early).
package sys

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Retry calls f until no signal interrupts it.
func Retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}

// Memfd makes an anonymous file that holds data, read from its start. The caller owns the descriptor, which is closed on exec.
func Memfd(name string, data []byte) (int, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	for rest := data; len(rest) > 0; {
		var n int
		err := Retry(func() (err error) { n, err = unix.Write(fd, rest); return err })
		if err != nil {
			unix.Close(fd)
			return -1, os.NewSyscallError("write", err)
		}
		rest = rest[n:]
	}
	return fd, nil
}

// SocketPair is a connected pair of stream sockets for a child to be made: here is closed on exec, there is not. The caller owns both.
func SocketPair() (here, there int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, os.NewSyscallError("socketpair", err)
	}
	if _, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETFD, 0); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return -1, -1, os.NewSyscallError("fcntl", err)
	}
	return fds[0], fds[1], nil
}

// DupInherited duplicates fd to a number of at least lowest that is not closed on exec. The caller owns the new descriptor.
func DupInherited(fd, lowest int) (int, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD, lowest)
	return n, os.NewSyscallError("fcntl", err)
}

// Exec replaces this process. Called from the main thread it leaves the parent death signals of its children alone: those belong to the thread that
// made them (prctl(2)), so a caller with children must be locked to that thread.
func Exec(path string, argv, env []string) error {
	runtime.LockOSThread()
	return fmt.Errorf("cannot execute %s: %w", path, syscall.Exec(path, argv, env))
}

// Effective is the set of this process's effective capabilities, bit n for capability n (capabilities(7)). It needs no /proc.
func Effective() (uint64, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, os.NewSyscallError("capget", err)
	}
	return uint64(data[1].Effective)<<32 | uint64(data[0].Effective), nil
}

// Ended is the PID of a child that has ended and was not reaped yet, 0 if there is none. It stays so (waitid(2), WNOWAIT).
func Ended() (int, error) {
	var info unix.Siginfo
	err := Retry(func() error {
		return unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	})
	if err != nil {
		return 0, os.NewSyscallError("waitid", err)
	}
	// si_signo, si_errno, si_code, and on 64-bit machines padding, then si_pid: the union that unix leaves unnamed.
	return int(*(*int32)(unsafe.Add(unsafe.Pointer(&info), 16))), nil
}
