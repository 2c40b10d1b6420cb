package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is left of a command: as PID 1 everything in the PID namespace, elsewhere the descendants, which take a /proc to find.

// signalLeft signals all that is left, but for spare (0: no exception).
func (w *wrapper) signalLeft(sig uint8, spare int32) {
	if w.pid == 1 && spare == 0 {
		kill(-1, sig)
		if sig != sigKILL {
			kill(-1, sigCONT)
		}
		return
	}
	dir, e := open(path("/proc\x00"), unix.O_DIRECTORY)
	if e != 0 || !ownProc(w.pid) {
		w.signalGroup(sig, spare)
		return
	}
	var entries [1024]byte
	for {
		r := syscall6(unix.SYS_GETDENTS64, uintptr(dir), address(unsafe.Pointer(&entries)), uintptr(len(entries)), 0, 0, 0)
		if failed(r) != 0 || r == 0 {
			break
		}
		for i := 0; i < int(r); {
			entry := skip(&entries[0], i) // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name
			i += int(byteAt(entry, 16)) | int(byteAt(entry, 17))<<8
			pid, digits := number(skip(entry, 19))
			if p := int32(pid); digits > 0 && p != w.pid && p != spare && w.owns(p) {
				kill(p, sig)
				if sig != sigKILL {
					kill(p, sigCONT)
				}
			}
		}
	}
	closeFD(dir)
}

// signalGroup is what can be done without a /proc: the command, and its process group if that is not this process's.
func (w *wrapper) signalGroup(sig uint8, spare int32) {
	if w.ownGroup {
		kill(-w.child, sig)
	}
	if !w.ended && w.child != spare {
		kill(w.child, sig)
	}
}

// owns tells whether a process that lives is this process's descendant; to PID 1 all are.
func (w *wrapper) owns(pid int32) bool {
	for depth := 0; pid > 1 && depth < 1000; depth++ {
		parent, state := parentOf(pid)
		if depth == 0 && (state == 'Z' || state == 'X') {
			return false
		}
		if w.pid == 1 && state != 0 || parent == w.pid {
			return true
		}
		pid = parent
	}
	return false
}

// parentOf reads the parent and the state from /proc/PID/stat; 0, 0 if the process has gone (proc(5)).
func parentOf(pid int32) (parent int32, state byte) {
	var buf [256]byte
	n := readProc(&buf[0], pid, "stat", &buf[0], len(buf)-1)
	for i := n - 1; i > 0; i-- {
		if byteAt(&buf[0], i) == ')' { // the last one: a name may hold others
			v, _ := number(skip(&buf[0], i+4))
			return int32(v), byteAt(&buf[0], i+2)
		}
	}
	return 0, 0
}

// readProc reads /proc/PID/file into to, which may be the scratch buffer itself (32 bytes at least), and ends it with a NUL: its length, 0 if
// it cannot be read.
func readProc(scratch cstr, pid int32, file string, to cstr, size int) int {
	const prefix = "/proc/"
	for i := 0; i < len(prefix); i++ {
		*skip(scratch, i) = prefix[i]
	}
	putNumber(skip(scratch, len(prefix)), pid)
	n := length(scratch)
	*skip(scratch, n) = '/'
	for i := 0; i < len(file); i++ {
		*skip(scratch, n+1+i) = file[i]
	}
	*skip(scratch, n+1+len(file)) = 0
	fd, e := open(scratch, 0)
	if e != 0 {
		return 0
	}
	got := read(fd, to, uintptr(size))
	closeFD(fd)
	*skip(to, got) = 0
	return got
}

// ownProc tells whether /proc is of this PID namespace: one left over from another shows other processes under our numbers.
func ownProc(pid int32) bool {
	var buf [16]byte
	r := syscall6(unix.SYS_READLINKAT, atCWD, address(unsafe.Pointer(path("/proc/self\x00"))), address(unsafe.Pointer(&buf)), uintptr(len(buf)-1), 0, 0)
	if failed(r) != 0 {
		return false
	}
	v, _ := number(&buf[0])
	return int32(v) == pid
}
