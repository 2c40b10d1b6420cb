package spawn

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/supervise/unit"
)

// terminal is TTYPath=, or the console (exec_context_tty_path in src/core/execute.c).
func (b *builder) terminal() string {
	if b.x.TTYPath != "" {
		return b.x.TTYPath
	}
	return b.g.Console
}

// resetTerminal is what TTYVHangup=, TTYReset= and TTYVTDisallocate= do before a process gets the terminal (exec_context_tty_reset in
// src/core/execute.c). None of it is worth failing for.
func (b *builder) resetTerminal() {
	x, path := b.x, b.terminal()
	if !x.TTYVHangup && !x.TTYReset && !x.TTYVTDisallocate {
		return
	}
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK
	if x.TTYVHangup {
		if b.m.stdio(path) {
			b.degraded = append(b.degraded, Degradation{"TTYVHangup=yes", path + " is where keelson itself writes to, and is not hung up."})
		} else {
			t := b.add(open("hang "+path+" up", path, flags, 0).MayFail())
			b.add(ioctl("hang "+path+" up", Result(t), unix.TIOCVHANGUP, "TIOCVHANGUP", Int(0)).MayFail())
			b.add(closeResult(t))
		}
	}
	if termios, ok := saneTermios(path); ok && x.TTYReset {
		purpose := "reset " + path
		t := b.add(open(purpose, path, flags, 0).MayFail())
		b.add(ioctl(purpose, Result(t), unix.TIOCNXCL, "TIOCNXCL", Int(0)).MayFail())
		b.add(ioctl(purpose, Result(t), unix.TCSETS, "TCSETS", Bytes(termios, "{sane}")).MayFail())
		b.add(ioctl(purpose, Result(t), unix.TCFLSH, "TCFLSH", Word(unix.TCIOFLUSH, "TCIOFLUSH")).MayFail())
		b.add(closeResult(t))
	}
	if !x.TTYVTDisallocate {
		return
	}
	if n, ok := virtualConsole(path); ok {
		t := b.add(open("disallocate "+path, "/dev/tty0", flags, 0).MayFail())
		b.add(ioctl("disallocate "+path, Result(t), vtDisallocate, "VT_DISALLOCATE", Int(n)).MayFail())
		b.add(closeResult(t))
	} else {
		t := b.add(open("clear "+path, path, unix.O_RDWR|unix.O_NOCTTY, 0).MayFail())
		b.add(write("clear "+path, Result(t), "\033[r\033[H\033[3J").MayFail()) // no scrolling region, home, screen and history empty
		b.add(closeResult(t))
	}
}

// vtDisallocate is VT_DISALLOCATE of linux/vt.h.
const vtDisallocate = 0x5608

// virtualConsole tells whether a path names one of the kernel's consoles, /dev/tty1 and so on, and which.
func virtualConsole(path string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(path, "/dev/tty"))
	return n, err == nil && strings.HasPrefix(path, "/dev/tty") && n > 0
}

// stdio tells whether a path is the terminal of one of this process's standard streams.
func (m *Machine) stdio(path string) bool {
	var st, own unix.Stat_t
	if unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return false
	}
	for fd := 0; fd < 3; fd++ {
		if unix.Fstat(fd, &own) == nil && own.Mode&unix.S_IFMT == unix.S_IFCHR && own.Rdev == st.Rdev {
			return true
		}
	}
	return false
}

// saneTermios is what a terminal's settings are after a reset: what matters to programs is set, what is the hardware's stays (reset_terminal_fd in
// src/basic/terminal-util.c).
func saneTermios(path string) ([]byte, bool) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer unix.Close(fd)
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, false
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.IUCLC
	t.Iflag |= unix.ICRNL | unix.IMAXBEL | unix.IUTF8
	t.Oflag |= unix.ONLCR | unix.OPOST
	t.Cflag |= unix.CREAD
	t.Lflag = unix.ISIG | unix.ICANON | unix.IEXTEN | unix.ECHO | unix.ECHOE | unix.ECHOK | unix.ECHOCTL | unix.ECHOKE
	for _, c := range [...]struct {
		at    int
		value byte
	}{
		{unix.VINTR, 'C' & 31}, {unix.VQUIT, '\\' & 31}, {unix.VERASE, 0x7f}, {unix.VKILL, 'U' & 31}, {unix.VEOF, 'D' & 31},
		{unix.VSTART, 'Q' & 31}, {unix.VSTOP, 'S' & 31}, {unix.VSUSP, 'Z' & 31}, {unix.VLNEXT, 'V' & 31}, {unix.VWERASE, 'W' & 31},
		{unix.VREPRINT, 'R' & 31}, {unix.VEOL, 0}, {unix.VEOL2, 0}, {unix.VTIME, 0}, {unix.VMIN, 1},
	} {
		t.Cc[c.at] = c.value
	}
	raw := (*[unsafe.Sizeof(*t)]byte)(unsafe.Pointer(t))
	return append([]byte(nil), raw[:]...), true
}

// windowSize is TTYRows= and TTYColumns= as struct winsize; what is not given stays as the terminal has it. nil: nothing is given.
func (b *builder) windowSize(path string) []byte {
	rows, cols := b.x.TTYRows, b.x.TTYCols
	if !rows.Set && !cols.Set {
		return nil
	}
	size := make([]byte, 8)
	if fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err == nil {
		if now, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil {
			binary.NativeEndian.PutUint16(size, now.Row)
			binary.NativeEndian.PutUint16(size[2:], now.Col)
		}
		unix.Close(fd)
	}
	if rows.Set {
		binary.NativeEndian.PutUint16(size, uint16(rows.Value))
	}
	if cols.Set {
		binary.NativeEndian.PutUint16(size[2:], uint16(cols.Value))
	}
	return size
}

// acquireTerminal opens the terminal as the session's.
func (b *builder) acquireTerminal(input unit.Input) int {
	path := b.terminal()
	how := map[unit.Input]Arg{
		unit.InputTTY: Word(early.TerminalWait, "WAIT"), unit.InputTTYForce: Word(early.TerminalForce, "FORCE"), unit.InputTTYFail: Word(early.TerminalTry, "TRY"),
	}[input]
	c := Call{Name: "terminal", Nr: early.OpTerminal, Args: []Arg{Str(path), how}, For: "make " + path + " the controlling terminal"}
	t := b.add(c.exit(exitStdin))
	if size := b.windowSize(path); size != nil {
		b.add(ioctl("set the size of "+path, Result(t), unix.TIOCSWINSZ, "TIOCSWINSZ",
			Bytes(size, fmt.Sprintf("{%d, %d}", binary.NativeEndian.Uint16(size), binary.NativeEndian.Uint16(size[2:])))).exit(exitStdin))
	}
	return t
}

// ownTerminal gives the terminal to the user (chown_terminal in src/core/execute.c); what is no terminal stays as it is.
func (b *builder) ownTerminal() {
	if b.who.uid == Keep || !b.streams.terminal {
		return
	}
	const purpose = "give the terminal to the user"
	b.add(call("fchown", unix.SYS_FCHOWN, purpose, Int(0), Int(b.who.uid), Int(-1)).exit(exitStdin))
	b.add(call("fchmod", unix.SYS_FCHMOD, purpose, Int(0), octal(0o620)).exit(exitStdin))
}

// term is $TERM (build_environment in src/core/execute.c; default_term_for_tty in src/basic/terminal-util.c): on the console what this process was given, as a
// container is by its runtime.
func (b *builder) term() string {
	path := b.terminal()
	if path == "/dev/console" && b.m.Term != "" {
		return b.m.Term
	}
	if _, ok := virtualConsole(path); ok {
		return "linux"
	}
	return "vt220"
}
