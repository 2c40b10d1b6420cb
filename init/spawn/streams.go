package spawn

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// streams is what became of the three standard streams.
type streams struct {
	input    unit.Input // as it turned out
	terminal bool       // stdin is a terminal
	journal  int        // the owner's descriptor that $JOURNAL_STREAM is about, -1: none
}

func terminalInput(i unit.Input) bool {
	return i == unit.InputTTY || i == unit.InputTTYForce || i == unit.InputTTYFail
}

func terminalOutput(o unit.Output) bool {
	return o == unit.OutputTTY || o == unit.OutputKmsgConsole || o == unit.OutputJournalConsole
}

// standardStreams: setup_input and setup_output in src/core/execute.c.
func (b *builder) standardStreams() {
	b.streams.journal = -1
	if b.g.Foreground != nil {
		return
	}
	if b.connection >= 0 {
		// What reads and writes a standard stream does not expect it to be non-blocking.
		b.block(b.connection)
	}
	b.standardInput()
	b.standardOutput(1)
	b.standardOutput(2)
}

// block takes O_NONBLOCK from a descriptor.
func (b *builder) block(fd int) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_NONBLOCK != 0 {
		b.add(setFlags(b.hand(fd), flags&^unix.O_NONBLOCK).MayFail())
	}
}

// moveTo makes the descriptor that a call returned a standard stream.
func (b *builder) moveTo(fd, from, status int) {
	b.add(dup3(streamPurpose(fd), Result(from), fd).exit(status))
	b.add(closeResult(from))
}

func streamPurpose(fd int) string {
	return [3]string{"set up standard input", "set up standard output", "set up standard error output"}[fd]
}

var streamExit = [3]int{exitStdin, exitStdout, exitStderr}

// dup makes one of the owner's descriptors a standard stream.
func (b *builder) dup(fd, owners int) {
	b.add(dup3(streamPurpose(fd), Int(b.hand(owners)), fd).exit(streamExit[fd]))
}

func (b *builder) openStream(fd int, path string, flags int, mode uint32) {
	o := b.add(open(streamPurpose(fd)+": "+path, path, flags|unix.O_NOCTTY, mode).exit(streamExit[fd]))
	b.moveTo(fd, o, streamExit[fd])
}

// openTerminal opens it for output only, as no controlling terminal.
func (b *builder) openTerminal(fd int) {
	purpose := streamPurpose(fd) + ": " + b.terminal()
	o := b.add(open(purpose, b.terminal(), unix.O_WRONLY|unix.O_NOCTTY, 0).exit(streamExit[fd]))
	b.add(ioctl(purpose, Result(o), unix.TIOCGWINSZ, "TIOCGWINSZ", Bytes(make([]byte, 8), "{}")).exit(streamExit[fd])) // ENOTTY where it is none
	b.moveTo(fd, o, streamExit[fd])
}

// fixedInput is the input that the process gets (fixup_input).
func (b *builder) fixedInput() unit.Input {
	switch i := b.x.Input; {
	case terminalInput(i) && !b.e.TTYStdin, i == unit.InputSocket && b.connection < 0, i == unit.InputData && len(b.x.InputBytes) == 0:
		return unit.InputNull
	default:
		return i
	}
}

func (b *builder) standardInput() {
	x := b.x
	i := b.fixedInput()
	b.streams.input = i
	switch i {
	case unit.InputNull:
		b.openStream(0, "/dev/null", unix.O_RDONLY, 0)
	case unit.InputTTY, unit.InputTTYForce, unit.InputTTYFail:
		b.streams.terminal = true
		b.moveTo(0, b.acquireTerminal(i), exitStdin)
	case unit.InputSocket:
		b.dup(0, b.connection)
	case unit.InputFD:
		b.block(b.named[0])
		b.dup(0, b.named[0])
		b.streams.terminal = isTerminal(b.named[0])
	case unit.InputData:
		b.inputData(x.InputBytes)
	case unit.InputFile:
		flags := unix.O_RDONLY
		for n, o := range [3]unit.Output{1: x.Output, 2: x.Error} {
			if n > 0 && o == unit.OutputFile && x.Streams[n].File == x.Streams[0].File {
				flags = unix.O_RDWR
			}
		}
		b.openFileStream(0, x.Streams[0].File, flags)
		b.streams.terminal = isTerminalFile(x.Streams[0].File)
	}
}

// inputData is StandardInputText= and StandardInputData=: a file in memory that cannot be changed.
func (b *builder) inputData(data []byte) {
	const purpose = "set up standard input: data"
	const allSeals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	m := b.add(call("memfd_create", unix.SYS_MEMFD_CREATE, purpose, Str("data-fd"), Word(unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING, "MFD_CLOEXEC|MFD_ALLOW_SEALING")).exit(exitStdin))
	b.add(writeBytes(purpose, Result(m), data, fmt.Sprintf("[%d bytes]", len(data))).exit(exitStdin))
	b.add(call("lseek", unix.SYS_LSEEK, purpose, Result(m), Int(0), Word(0, "SEEK_SET")).exit(exitStdin))
	b.add(call("fcntl", unix.SYS_FCNTL, purpose, Result(m), Word(unix.F_ADD_SEALS, "F_ADD_SEALS"), Word(allSeals, "F_SEAL_SEAL|F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_WRITE")).MayFail())
	b.moveTo(0, m, exitStdin)
}

// openFileStream opens what "file:", "append:" and "truncate:" name. A socket in the file system is connected to (acquire_path in src/core/execute.c).
func (b *builder) openFileStream(fd int, path string, flags int) {
	if flags&unix.O_ACCMODE != unix.O_RDONLY {
		flags |= unix.O_CREAT
	}
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		b.openStream(fd, path, flags, 0o666&^b.x.UMask)
		return
	}
	purpose, status := streamPurpose(fd)+": "+path, streamExit[fd]
	address, ok := unixAddress(path)
	if !ok {
		b.fail(status, purpose, unix.ENAMETOOLONG)
		return
	}
	s := b.add(socket(purpose, unix.SOCK_STREAM).exit(status))
	b.add(connect(purpose, Result(s), address, path).exit(status))
	switch flags & unix.O_ACCMODE {
	case unix.O_RDONLY:
		b.add(call("shutdown", unix.SYS_SHUTDOWN, purpose, Result(s), Word(unix.SHUT_WR, "SHUT_WR")).exit(status))
	case unix.O_WRONLY:
		b.add(call("shutdown", unix.SYS_SHUTDOWN, purpose, Result(s), Word(unix.SHUT_RD, "SHUT_RD")).exit(status))
	}
	b.moveTo(fd, s, status)
}

// unixAddress is a struct sockaddr_un.
func unixAddress(path string) ([]byte, bool) {
	const family, room = 2, 108
	if len(path) >= room {
		return nil, false
	}
	address := make([]byte, family+len(path)+1)
	address[0] = unix.AF_UNIX // in the native order of both architectures
	copy(address[family:], path)
	return address, true
}

func (b *builder) fixedOutput(o unit.Output) unit.Output {
	if o == unit.OutputSocket && b.connection < 0 {
		return unit.OutputInherit
	}
	return o
}

// sameAsStdout tells whether stderr is another name for stdout (can_inherit_stderr_from_stdout).
func (b *builder) sameAsStdout(o, e unit.Output) bool {
	s := &b.x.Streams
	switch {
	case e == unit.OutputInherit:
		return true
	case e != o:
		return false
	case e == unit.OutputFD:
		return b.named[1] == b.named[2]
	case e == unit.OutputFile || e == unit.OutputAppend || e == unit.OutputTruncate:
		return s[1].File == s[2].File
	case e == unit.OutputJournal || e == unit.OutputKmsg || e == unit.OutputJournalConsole || e == unit.OutputKmsgConsole:
		return b.g.Out == b.g.Err
	}
	return true
}

func (b *builder) standardOutput(fd int) {
	x, i := b.x, b.streams.input
	o := b.fixedOutput(x.Output)
	if fd == 2 {
		e := b.fixedOutput(x.Error)
		if b.sameAsStdout(o, e) {
			b.add(dup3(streamPurpose(2), Int(1), 2).exit(exitStderr))
			return
		}
		o = e
	}
	stdin := func() { b.add(dup3(streamPurpose(fd), Int(0), fd).exit(streamExit[fd])) }
	switch o {
	case unit.OutputInherit:
		switch {
		case i == unit.InputNull && terminalInput(x.Input): // it has lost its terminal, the output has not
			b.openTerminal(fd)
		case i != unit.InputNull && i != unit.InputData:
			stdin()
		default:
			b.openStream(fd, "/dev/null", unix.O_WRONLY, 0)
		}
	case unit.OutputNull:
		b.openStream(fd, "/dev/null", unix.O_WRONLY, 0)
	case unit.OutputTTY:
		if terminalInput(i) {
			stdin()
		} else {
			b.openTerminal(fd)
		}
	case unit.OutputKmsg, unit.OutputKmsgConsole, unit.OutputJournal, unit.OutputJournalConsole:
		b.journalStream(fd)
	case unit.OutputSocket:
		b.dup(fd, b.connection)
	case unit.OutputFD:
		b.block(b.named[fd])
		b.dup(fd, b.named[fd])
	case unit.OutputFile, unit.OutputAppend, unit.OutputTruncate:
		path := x.Streams[fd].File
		switch {
		case x.Input == unit.InputFile && path == x.Streams[0].File:
			stdin()
		case o == unit.OutputAppend:
			b.openFileStream(fd, path, unix.O_WRONLY|unix.O_APPEND)
		case o == unit.OutputTruncate:
			b.openFileStream(fd, path, unix.O_WRONLY|unix.O_TRUNC)
		default:
			b.openFileStream(fd, path, unix.O_WRONLY)
		}
	}
}

// journalStream: $JOURNAL_STREAM is about stderr where both are streams (sd-journal's users look at stderr).
func (b *builder) journalStream(fd int) {
	stream := b.g.Out
	if fd == 2 {
		stream = b.g.Err
	}
	if stream < 0 {
		b.openStream(fd, "/dev/null", unix.O_WRONLY, 0)
		return
	}
	b.dup(fd, stream)
	b.streams.journal = stream
}

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// isTerminalFile tells it of a path, which is opened only if it is a character device.
func isTerminalFile(path string) bool {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return isTerminal(fd)
}

// passDescriptors puts what the program gets into its places, 3 and up, and closes what only the list has used (shift_fds and flag_fds in src/core/execute.c).
func (b *builder) passDescriptors() {
	const purpose = "hand over the file descriptors"
	for i, fd := range b.passed {
		if i >= b.e.Sockets {
			break
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if want := flags&^unix.O_NONBLOCK | map[bool]int{true: unix.O_NONBLOCK}[b.g.NonBlocking]; err == nil && want != flags {
			b.add(setFlags(3+i, want).exit(exitFDs))
		}
	}
	for i, f := range b.openFiles {
		b.openPassed(f, 3+len(b.passed)+i)
	}
	for i := range b.extra {
		b.add(Close(b.base + i).MayFail())
	}
	// Since Linux 5.11; before it, what keelson itself opens is closed on exec all the same.
	b.add(call("close_range", unix.SYS_CLOSE_RANGE, purpose, Int(b.base), Word(1<<32-1, "~0U"), Word(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC")).MayFail())
}

// openFile is an OpenFile= that is there.
type openFile struct {
	unit.OpenFile
	socket bool
}

// planOpenFiles looks at OpenFile=. One that is graceful and not there is left out, and so are its number and its name.
func (b *builder) planOpenFiles() error {
	for _, f := range b.e.OpenFiles {
		var st unix.Stat_t
		err := unix.Stat(f.Path, &st)
		if err != nil && f.Graceful {
			continue
		}
		if f.FDName == "" {
			f.FDName = base(f.Path)
		}
		b.openFiles = append(b.openFiles, openFile{f, err == nil && st.Mode&unix.S_IFMT == unix.S_IFSOCK})
	}
	return nil
}

// base is the last component of a path.
func base(path string) string { return path[bytes.LastIndexByte([]byte(path), '/')+1:] }

// openPassed opens a file for the program, or connects to a socket (systemd.service(5), OpenFile=).
func (b *builder) openPassed(f openFile, number int) {
	purpose := "open " + f.Path
	var o int
	if f.socket {
		address, ok := unixAddress(f.Path)
		if !ok {
			b.fail(exitFDs, purpose, unix.ENAMETOOLONG)
			return
		}
		o = b.add(socket(purpose, unix.SOCK_STREAM).exit(exitFDs))
		b.add(connect(purpose, Result(o), address, f.Path).exit(exitFDs))
	} else {
		flags := unix.O_RDWR
		switch {
		case f.ReadOnly:
			flags = unix.O_RDONLY
		case f.Append:
			flags |= unix.O_APPEND
		case f.Truncate:
			flags |= unix.O_TRUNC
		}
		o = b.add(open(purpose, f.Path, flags|unix.O_NOCTTY, 0).exit(exitFDs))
	}
	b.add(dup3(purpose, Result(o), number).exit(exitFDs))
	b.add(closeResult(o))
}
