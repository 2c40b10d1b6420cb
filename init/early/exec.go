package early

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Executing the command, in the child.

const (
	elfMagic    = 0x464c457f // "\x7fELF"
	defaultPath = "/bin:/usr/bin\x00"
	nameMax     = 255 // NAME_MAX
	pathMax     = 4096
	shortPath   = 256
)

// execvp executes the command as execvp(3) of the GNU C library does: a name with a slash as it is, another along $PATH; a file that the kernel does not
// know how to run is a shell script. It returns only if it failed.
func (w *wrapper) execvp() errno {
	file := at(w.cmd, 0)
	if *file == 0 {
		return eNOENT
	}
	if hasSlash(file) {
		return w.exec(file)
	}
	if length(file) > nameMax {
		return eNAMETOOLONG
	}
	dirs := lookup(w.envp, "PATH=")
	if dirs == nil {
		dirs = path(defaultPath)
	}
	denied := false
	for {
		n := 0
		for byteAt(dirs, n) != 0 && byteAt(dirs, n) != ':' {
			n++
		}
		e := eNOENT // a folder with a name that no path has room for is passed over
		switch {
		case n+length(file)+2 <= shortPath:
			e = w.execShort(dirs, n, file)
		case n < pathMax:
			e = w.execLong(dirs, n, file)
		}
		switch e {
		case eACCES:
			denied = true
		case eNOENT, eSTALE, eNOTDIR, eNODEV, eTIMEDOUT:
		default:
			return e
		}
		if byteAt(dirs, n) == 0 {
			break
		}
		dirs = skip(dirs, n+1)
	}
	if denied {
		return eACCES
	}
	return eNOENT
}

// Two sizes of buffer, so that the usual case does not touch another page of the stack.

//go:noinline
func (w *wrapper) execShort(dir cstr, n int, file cstr) errno {
	var buf [shortPath]byte
	return w.execIn(&buf[0], dir, n, file)
}

//go:noinline
func (w *wrapper) execLong(dir cstr, n int, file cstr) errno {
	var buf [pathMax + nameMax + 2]byte
	return w.execIn(&buf[0], dir, n, file)
}

func (w *wrapper) execIn(buf, dir cstr, n int, file cstr) errno {
	for i := 0; i < n; i++ {
		*skip(buf, i) = byteAt(dir, i)
	}
	if n > 0 { // an empty element of $PATH is the working directory
		*skip(buf, n) = '/'
		n++
	}
	for i := 0; ; i++ {
		*skip(buf, n+i) = byteAt(file, i)
		if byteAt(file, i) == 0 {
			break
		}
	}
	return w.exec(buf)
}

func (w *wrapper) exec(file cstr) errno {
	e := execve(file, w.cmd, w.envp)
	if e != eNOEXEC || w.persona == keelson && isELF(file) {
		return e
	}
	// argv[-1] is there: it held the wrapper's own name or its last option.
	shell := from(w.cmd, -1)
	saved, name := at(shell, 0), at(w.cmd, 0)
	setAt(shell, 0, path("/bin/sh\x00"))
	setAt(shell, 1, file)
	e = execve(path("/bin/sh\x00"), shell, w.envp)
	setAt(shell, 0, saved)
	setAt(shell, 1, name)
	return e
}

// isELF tells a program for another machine from a script: a shell would print nonsense about the former.
func isELF(file cstr) bool {
	fd, e := open(file, 0)
	if e != 0 {
		return false
	}
	var magic uint32
	read(fd, (*byte)(unsafe.Pointer(&magic)), 4)
	closeFD(fd)
	return magic == elfMagic
}

// mendListenPID makes $LISTEN_PID, if it names the wrapper, name the command: sd_listen_fds(3) takes the file descriptors only if it is its own.
func (w *wrapper) mendListenPID() {
	const name = "LISTEN_PID="
	for i := 0; at(w.envp, i) != nil; i++ {
		if !hasPrefix(at(w.envp, i), name) {
			continue
		}
		v, n := signed(skip(at(w.envp, i), len(name)))
		if w.persona == catatonit && w.verbosity > 0 && outOfRange(skip(at(w.envp, i), len(name))) {
			w.catatonit("WARN").str("LISTEN_PID has an invalid value").end()
		}
		if n == 0 || int32(v) != w.pid {
			return
		}
		buf := &w.listenPID[0]
		for j := 0; j < len(name); j++ {
			*skip(buf, j) = name[j]
		}
		putNumber(skip(buf, len(name)), getpid())
		setAt(w.envp, i, buf)
		return
	}
}

// exists tells whether there is a file of that name, and whether it is a directory.
func exists(file cstr) (there, dir bool) {
	if fd, e := open(file, unix.O_PATH|unix.O_DIRECTORY); e == 0 {
		closeFD(fd)
		return true, true
	}
	fd, e := open(file, unix.O_PATH)
	if e == 0 {
		closeFD(fd)
	}
	return e == 0, false
}

// execFailed says why the command could not be executed, and returns the status that the child ends with.
func (w *wrapper) execFailed(e errno) int {
	file := at(w.cmd, 0)
	switch w.persona {
	case tini:
		w.tini("FATAL", stderr).str("exec ").cstr(file).str(" failed: ").errno(e).end()
		switch e {
		case eNOENT:
			return 127
		case eACCES:
			return 126
		}
		return 1
	case dumbInit:
		w.dumbInit().cstr(file).str(": ").errno(e).end()
		return 2
	case catatonit:
		w.catatonit("ERROR").str("failed to exec pid1: ").errno(e).end()
		return 1
	}
	m := w.say().str("cannot execute ").cstr(file).str(": ").errno(e)
	there, dir := exists(file)
	switch {
	case dir && hasSlash(file):
		m.str(": it is a directory")
	case e == eNOENT && there && hasSlash(file):
		m.str(": the file is there, but not the interpreter that its first line or ELF header names")
	case e == eNOENT && !hasSlash(file):
		m.str(": no such program in $PATH; keelson --help lists keelson's own commands")
	case e == eNOEXEC:
		m.str(": built for another machine?")
	}
	m.end()
	if e == eNOENT {
		return exitNotFound
	}
	return exitDenied
}
