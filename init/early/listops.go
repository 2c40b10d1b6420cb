package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The operations of a list.

// copyAll is cp: what a descriptor still has, a file, a FIFO or a connection, up to limit bytes.
func copyAll(to, from int32, limit uint64) uintptr {
	var buf [4096]byte
	total := uint64(0)
	for {
		r := again(unix.SYS_READ, uintptr(from), address(unsafe.Pointer(&buf)), uintptr(len(buf)), 0)
		if failed(r) != 0 || r == 0 {
			return r
		}
		if total += uint64(r); total > limit {
			return negated(eFBIG)
		}
		for done := uintptr(0); done < r; {
			w := again(unix.SYS_WRITE, uintptr(to), address(unsafe.Pointer(&buf))+done, r-done, 0)
			if failed(w) != 0 {
				return w
			}
			done += w
		}
	}
}

func negated(e errno) uintptr { return -uintptr(e) }

// owner is what files are made into. Set-ID bits that mask lacks go (path_chown_recursive in src/shared/chown-recursive.c of systemd).
type owner struct{ uid, gid, mask uint32 }

// treeDepth is how deep a tree may be: each level has a descriptor and a kilobyte of stack.
const treeDepth = 256

// tree changes the directory dir last, so that a run that was cut short is taken up again by the next: the top's owner says whether there is something
// to do. Nothing is ever opened by a name that somebody else could have replaced.
func (o *owner) tree(dir int32, depth int) uintptr {
	if depth == treeDepth {
		return negated(eLOOP)
	}
	var entries [1024]byte
	for {
		r := syscall6(unix.SYS_GETDENTS64, uintptr(dir), address(unsafe.Pointer(&entries)), uintptr(len(entries)), 0, 0, 0)
		if failed(r) != 0 {
			return r
		}
		if r == 0 {
			return o.file(dir)
		}
		for i := 0; i < int(r); {
			entry := skip(&entries[0], i) // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name
			i += int(byteAt(entry, 16)) | int(byteAt(entry, 17))<<8
			name := skip(entry, 19)
			if equal(name, ".") || equal(name, "..") {
				continue
			}
			if r := o.entry(dir, name, depth); failed(r) != 0 {
				return r
			}
		}
	}
}

func (o *owner) entry(dir int32, name cstr, depth int) uintptr {
	r := again(unix.SYS_OPENAT, uintptr(dir), address(unsafe.Pointer(name)), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if failed(r) != 0 {
		return r
	}
	pinned := int32(r)
	sub := again(unix.SYS_OPENAT, uintptr(pinned), address(unsafe.Pointer(path(".\x00"))), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	switch failed(sub) {
	case 0:
		r = o.tree(int32(sub), depth+1)
		closeFD(int32(sub))
	case eNOTDIR:
		r = o.file(pinned)
	default:
		r = sub
	}
	closeFD(pinned)
	return r
}

// file changes one inode. A change of owner takes the set-ID bits and leaves access control lists, which could hold the old owner's friends.
func (o *owner) file(fd int32) uintptr {
	var st unix.Stat_t
	if r := syscall6(unix.SYS_FSTAT, uintptr(fd), address(unsafe.Pointer(&st)), 0, 0, 0, 0); failed(r) != 0 {
		return r
	}
	r := syscall6(unix.SYS_FCHOWNAT, uintptr(fd), address(unsafe.Pointer(path("\x00"))), uintptr(o.uid), uintptr(o.gid), unix.AT_EMPTY_PATH, 0)
	if failed(r) != 0 || st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return r
	}
	var name [40]byte
	const proc = "/proc/self/fd/"
	for i := 0; i < len(proc); i++ {
		name[i] = proc[i]
	}
	putNumber(&name[len(proc)], fd)
	syscall6(unix.SYS_REMOVEXATTR, address(unsafe.Pointer(&name)), address(unsafe.Pointer(path("system.posix_acl_access\x00"))), 0, 0, 0, 0)
	syscall6(unix.SYS_REMOVEXATTR, address(unsafe.Pointer(&name)), address(unsafe.Pointer(path("system.posix_acl_default\x00"))), 0, 0, 0, 0)
	if st.Mode&(unix.S_ISUID|unix.S_ISGID) == 0 {
		return r
	}
	return syscall6(unix.SYS_FCHMODAT, ^uintptr(99), address(unsafe.Pointer(&name)), uintptr(st.Mode&o.mask&0o7777), 0, 0, 0)
}

// acquire opens a terminal and makes it the controlling one of this process's session (acquire_terminal in src/basic/terminal-util.c of systemd).
// The kernel says EPERM while another session has it. Nothing tells that this is over: a terminal that is closed often means it, but an exiting leader closes
// its files before it gives its terminal up (do_exit in kernel/exit.c), and somebody else may hold the same file. So it is also tried once a second.
func acquire(name cstr, how uint64) uintptr {
	watch := int32(-1)
	if how == TerminalWait {
		r := syscall6(unix.SYS_INOTIFY_INIT1, unix.IN_CLOEXEC|unix.IN_NONBLOCK, 0, 0, 0, 0, 0)
		if failed(r) != 0 {
			return r
		}
		watch = int32(r)
		if r := syscall6(unix.SYS_INOTIFY_ADD_WATCH, uintptr(watch), address(unsafe.Pointer(name)), unix.IN_CLOSE, 0, 0, 0); failed(r) != 0 {
			return r
		}
	}
	for {
		drain(watch)
		fd, e := open(name, unix.O_RDWR|unix.O_NOCTTY)
		if e != 0 {
			return negated(e)
		}
		force := uintptr(0)
		if how == TerminalForce {
			force = 1
		}
		e = ioctl(fd, unix.TIOCSCTTY, force)
		if e == 0 {
			if watch >= 0 {
				closeFD(watch)
			}
			return uintptr(fd)
		}
		if e != ePERM || watch < 0 {
			closeFD(fd)
			return negated(e)
		}
		wait := pollFD{fd: watch, events: unix.POLLIN}
		second := timespec{sec: 1}
		r := syscall6(unix.SYS_PPOLL, address(unsafe.Pointer(&wait)), 1, address(unsafe.Pointer(&second)), 0, 0, 0)
		closeFD(fd) // not before: it is a close, too
		if e := failed(r); e != 0 && e != eINTR {
			return r
		}
	}
}

// pollFD is struct pollfd of poll(2).
type pollFD struct {
	fd              int32
	events, revents int16
}

// drain takes the events that are there.
func drain(watch int32) {
	var event [512]byte
	for watch >= 0 && read(watch, &event[0], uintptr(len(event))) > 0 {
	}
}

// mapUsers makes a user namespace for this process. Maps of more than the own id take CAP_SETUID outside (user_namespaces(7)), which this process has
// only until it is inside; so a child stays outside and writes them (setup_private_users in src/core/execute.c of systemd).
//
//	this process              the child
//	pipe, clone           ->  waits at the pipe
//	unshare
//	writes a byte         ->  writes setgroups, gid_map and uid_map, ends with an errno as its status
//	collects it
func mapUsers(uids, gids cstr) uintptr {
	var pipe [2]int32
	if r := syscall6(unix.SYS_PIPE2, address(unsafe.Pointer(&pipe)), unix.O_CLOEXEC, 0, 0, 0, 0); failed(r) != 0 {
		return r
	}
	self := getpid()
	child := syscall6(unix.SYS_CLONE, sigCHLD, 0, 0, 0, 0, 0)
	if failed(child) != 0 {
		return child
	}
	if child == 0 {
		var word [1]byte
		closeFD(pipe[1])
		if read(pipe[0], &word[0], 1) == 0 {
			exit(0)
		}
		e := writeProc(self, "setgroups\x00", path("deny\x00"))
		if e == eNOENT { // before Linux 3.19
			e = 0
		}
		if e == 0 {
			e = writeProc(self, "gid_map\x00", gids)
		}
		if e == 0 {
			e = writeProc(self, "uid_map\x00", uids)
		}
		exit(int(e))
	}
	closeFD(pipe[0])
	result := syscall6(unix.SYS_UNSHARE, unix.CLONE_NEWUSER, 0, 0, 0, 0, 0)
	if failed(result) == 0 {
		write(pipe[1], path("m"), 1)
	}
	closeFD(pipe[1])
	var status uint32
	again(unix.SYS_WAIT4, child, address(unsafe.Pointer(&status)), 0, 0)
	if failed(result) == 0 {
		result = negated(errno(status >> 8 & 0xff))
	}
	return result
}

// writeProc writes all of text to a file of /proc/PID at once, as id maps want it.
func writeProc(pid int32, file string, text cstr) errno {
	var name [64]byte
	n := 0
	const proc = "/proc/"
	for ; n < len(proc); n++ {
		name[n] = proc[n]
	}
	putNumber(&name[n], pid)
	n = length(&name[0])
	*skip(&name[0], n) = '/'
	n++
	for i := 0; i < len(file); i++ {
		*skip(&name[0], n+i) = file[i]
	}
	fd, e := open(&name[0], unix.O_WRONLY)
	if e != 0 {
		return e
	}
	e = failed(again(unix.SYS_WRITE, uintptr(fd), address(unsafe.Pointer(text)), uintptr(length(text)), 0))
	closeFD(fd)
	return e
}
