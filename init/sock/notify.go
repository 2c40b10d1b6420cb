package sock

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise/notify"
)

// notifyReceive is the size of the notify socket's receive buffer in bytes (NOTIFY_RCVBUF_SIZE in src/core/manager.c).
const notifyReceive = 8 << 20

// ListenNotify opens the notify socket at path, to which every user may send (sd_notify(3)). What is at path is replaced in one step, so a client finds
// the old one or the new one. The caller owns the descriptor.
func ListenNotify(path string) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fail(err, "Failed to allocate notification socket")
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
			fd = -1
		}
	}()
	// Before the name exists: a message without credentials is one that is lost.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return fd, fail(err, "SO_PASSCRED failed")
	}
	_ = growBuffer(fd, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, notifyReceive) // a smaller one does too
	fresh := filepath.Join(filepath.Dir(path), ".#"+filepath.Base(path)+strconv.Itoa(os.Getpid()))
	if err := unix.Unlink(fresh); err != nil && err != unix.ENOENT {
		return fd, fail(err, "unlink(%s) failed", fresh)
	}
	if err := bindPath(fd, fresh, 0o666); err != nil {
		return fd, fail(err, "bind(%s) failed", path)
	}
	if err := unix.Rename(fresh, path); err != nil {
		unix.Unlink(fresh)
		return fd, fail(err, "bind(%s) failed", path)
	}
	return fd, nil
}

// A Datagram is one message on the notify socket, to be read by notify.Parse.
type Datagram struct {
	Payload []byte // in the Buffer: good until the next message
	PID     int    // of the sender, as this PID namespace knows it
	UID     uint32
	GID     uint32
	FDs     []int // the caller's. Those of BARRIER=1 are to be closed when all messages before have been acted on
}

// A Buffer is where messages are received. The zero value is ready.
type Buffer struct {
	_       [0]uint64 // control data is aligned
	control [controlSize]byte
	data    [notify.MaxMessage + 1]byte
}

// controlSize is room for the credentials and notify.MaxFDs descriptors, which are more than the kernel's SCM_MAX_FD.
const controlSize = 64 + 4*notify.MaxFDs

// ErrNothing says that no message is waiting.
var ErrNothing = errors.New("no notification message is waiting")

// A Refused message was taken off the socket and dropped, its descriptors closed. The text is what systemd logs, at warning.
type Refused string

func (r Refused) Error() string { return string(r) }

// The reasons to refuse (manager_dispatch_notify_fd in src/core/manager.c).
const (
	RefusedControl     Refused = "Got message with truncated control data (too many fds sent?), ignoring."
	RefusedCredentials Refused = "Received notify message without valid credentials. Ignoring."
	RefusedSize        Refused = "Received notify message exceeded maximum size. Ignoring."
)

// ReceiveNotify takes one message off the notify socket, without waiting. The error is ErrNothing, a Refused, after which the next message may be
// asked for, or one that the socket will not recover from.
func ReceiveNotify(fd int, b *Buffer) (Datagram, error) {
	var n, controlLen, flags int
	err := sys.Retry(func() (err error) {
		n, controlLen, flags, _, err = unix.Recvmsg(fd, b.data[:], b.control[:], unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC|unix.MSG_TRUNC)
		return err
	})
	if err == unix.EAGAIN {
		return Datagram{}, ErrNothing
	} else if err != nil {
		return Datagram{}, fail(err, "Failed to receive notification message")
	}
	d := Datagram{}
	parsed := d.control(b.control[:controlLen])
	switch {
	case !parsed || flags&unix.MSG_CTRUNC != 0 || len(d.FDs) > notify.MaxFDs:
		err = RefusedControl
	case d.PID <= 0:
		err = RefusedCredentials
	case n > notify.MaxMessage || flags&unix.MSG_TRUNC != 0:
		err = RefusedSize
	}
	if err != nil {
		CloseAll(d.FDs)
		return Datagram{}, err
	}
	d.Payload = b.data[:n]
	return d, nil
}

// control takes the credentials and the descriptors out of the control data. A cut-off end is false, and the descriptors before it are there.
func (d *Datagram) control(data []byte) bool {
	for len(data) >= unix.CmsgLen(0) {
		header, body, rest, err := unix.ParseOneSocketControlMessage(data)
		if err != nil {
			return false
		}
		m := unix.SocketControlMessage{Header: header, Data: body}
		switch {
		case header.Level != unix.SOL_SOCKET:
		case header.Type == unix.SCM_RIGHTS:
			if fds, err := unix.ParseUnixRights(&m); err == nil {
				d.FDs = append(d.FDs, fds...)
			}
		case header.Type == unix.SCM_CREDENTIALS:
			if c, err := unix.ParseUnixCredentials(&m); err == nil {
				d.PID, d.UID, d.GID = int(c.Pid), c.Uid, c.Gid
			}
		}
		data = rest
	}
	return true
}
