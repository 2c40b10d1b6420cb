package run

import (
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/applet/manager"
	"keelson/init/sys"
)

// pty is a pseudo terminal: the service is on its slave side, this program passes on what comes and goes on the master side.
type pty struct {
	master, slave int
	path          string
}

// openPTY makes a pseudo terminal of the size of the one that this program is on, if it is on one.
func openPTY() (*pty, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("open", err)
	}
	t := &pty{master: master, slave: -1}
	n, err := unix.IoctlGetUint32(master, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		t.path = "/dev/pts/" + strconv.FormatUint(uint64(n), 10)
		t.slave, err = unix.Open(t.path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	t.resize()
	return t, nil
}

func (t *pty) close() {
	t.closeSlave()
	if t.master >= 0 {
		unix.Close(t.master)
		t.master = -1
	}
}

func (t *pty) closeSlave() {
	if t.slave >= 0 {
		unix.Close(t.slave)
		t.slave = -1
	}
}

// resize gives the pseudo terminal the size of the real one.
func (t *pty) resize() {
	if ws, err := unix.IoctlGetWinsize(1, unix.TIOCGWINSZ); err == nil {
		_ = unix.IoctlSetWinsize(t.master, unix.TIOCSWINSZ, ws) // it stays as it is
	}
}

// raw lets all keys through on a terminal, and returns how to have it as it was.
func raw(fd int) (restore func()) {
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {} // it is no terminal
	}
	// cfmakeraw(3)
	r := *old
	r.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	r.Oflag &^= unix.OPOST
	r.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	r.Cflag = r.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	r.Cc[unix.VMIN], r.Cc[unix.VTIME] = 1, 0
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, &r)
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, old) }
}

// Disconnecting: the key ^] three times within a second.
const (
	disconnectKey   = 0x1D
	disconnectCount = 3
	disconnectTime  = time.Second
)

// forwarder is the loop that passes bytes on. It polls three descriptors: the terminal's input, the master, and the manager's connection.
type forwarder struct {
	t            *pty
	m            *manager.Conn
	e            *ending
	input        bool // the terminal may still be read
	output       bool // the master may still say something
	presses      int
	first        time.Time
	disconnected bool
}

// forward passes on what is typed and shown until the service has ended and all that it has written is shown. Who presses the key goes
// away before that, with wait only from the terminal.
func (t *pty) forward(m *manager.Conn, e *ending, wait bool) error {
	defer raw(0)()
	winch := make(chan os.Signal, 1)
	signal.Notify(winch, syscall.SIGWINCH)
	defer signal.Stop(winch)
	t.closeSlave() // so that the service's end is the terminal's
	f := &forwarder{t: t, m: m, e: e, input: true, output: true}
	for f.output || !e.done() {
		if f.disconnected && !wait {
			return nil
		}
		select {
		case <-winch:
			t.resize()
		default:
		}
		if err := f.turn(); err != nil {
			return err
		}
	}
	return nil
}

// turn waits for one of the descriptors and serves it.
func (f *forwarder) turn() error {
	if n, err := f.m.Drain(); n > 0 || err != nil {
		return err
	}
	set := []unix.PollFd{{Fd: -1, Events: unix.POLLIN}, {Fd: -1, Events: unix.POLLIN}, {Fd: int32(f.m.FD()), Events: unix.POLLIN}}
	if f.input && !f.disconnected {
		set[0].Fd = 0
	}
	if f.output && !f.disconnected {
		set[1].Fd = int32(f.t.master)
	}
	timeout := -1
	if f.e.done() {
		// The service is gone: what is left in the terminal is there at once. A process that it left behind may hold it open.
		if timeout = 0; f.disconnected {
			f.output = false
			return nil
		}
	}
	n, err := unix.Poll(set, timeout)
	switch {
	case err == unix.EINTR:
		return nil
	case err != nil:
		return os.NewSyscallError("poll", err)
	case n == 0 && timeout == 0:
		f.output = false
		return nil
	}
	if set[1].Revents != 0 {
		f.show()
	}
	if set[0].Revents != 0 {
		f.typed()
	}
	if set[2].Revents != 0 {
		return f.m.Next()
	}
	return nil
}

// show passes on what the service writes. The master reads as an error while nobody has the slave open: before the service has it, and
// after.
func (f *forwarder) show() {
	var b [4096]byte
	var n int
	err := sys.Retry(func() (err error) { n, err = unix.Read(f.t.master, b[:]); return err })
	switch {
	case err != nil || n == 0:
		if f.e.done() {
			f.output = false
		} else if f.reopen() != nil {
			f.output = false
		}
	default:
		writeAll(1, b[:n])
	}
}

// reopen holds the slave open while the service does not, so that the master does not spin.
func (f *forwarder) reopen() (err error) {
	if f.t.slave < 0 {
		f.t.slave, err = unix.Open(f.t.path, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	return err
}

// typed passes on what is typed. The end of the input is passed on as the key for it.
func (f *forwarder) typed() {
	var b [4096]byte
	var n int
	err := sys.Retry(func() (err error) { n, err = unix.Read(0, b[:]); return err })
	if err != nil || n == 0 {
		f.input = false
		const endOfTransmission = 4
		writeAll(f.t.master, []byte{endOfTransmission})
		return
	}
	for _, c := range b[:n] {
		f.press(c, time.Now())
	}
	writeAll(f.t.master, b[:n])
}

// press counts the key that disconnects.
func (f *forwarder) press(c byte, now time.Time) {
	if c != disconnectKey {
		f.presses = 0
		return
	}
	if f.presses == 0 || now.Sub(f.first) > disconnectTime {
		f.presses, f.first = 0, now
	}
	f.presses++
	f.disconnected = f.disconnected || f.presses >= disconnectCount
}

func writeAll(fd int, b []byte) {
	for len(b) > 0 {
		var n int
		if err := sys.Retry(func() (err error) { n, err = unix.Write(fd, b); return err }); err != nil {
			return // nobody is there to read it
		}
		b = b[n:]
	}
}
