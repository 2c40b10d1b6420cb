package bus

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

const (
	// callsMax is how many calls of one connection may wait for their replies to be written; then no more are read.
	callsMax = 16

	// authTimeout is the wait for a client that connects and then says nothing, or does not read.
	authTimeout = 25 * time.Second // BUS_AUTH_TIMEOUT of sd-bus

	readChunk = 4096
)

// conn is one client.
type conn struct {
	server *Server
	sock   *net.UnixConn
	uid    uint32 // by SO_PEERCRED
	pid    int
	fds    bool // it may be sent descriptors

	in    []byte // read and not decoded yet
	inFDs []int  // likewise; ours to close
	calls chan struct{}
	out   *queue
	gone  chan struct{}
	once  sync.Once

	link   *link                     // the connection is ours to the system bus; nil: it is a client's on the private socket
	refs   map[string]map[string]int // references to units, by client and unit; the client of the private socket is "". The owner's
	serial atomic.Uint32
}

func newConn(s *Server, sock *net.UnixConn) *conn {
	return &conn{server: s, sock: sock, calls: make(chan struct{}, callsMax), out: newQueue(), gone: make(chan struct{})}
}

// drop ends the connection. Any goroutine may call it.
func (c *conn) drop() {
	c.once.Do(func() {
		close(c.gone)
		c.sock.Close()
		c.out.close()
	})
}

// finish ends the connection when what is queued is written, or at a time.
func (c *conn) finish(end time.Time) {
	if c.sock.SetDeadline(end) != nil {
		c.drop()
		return
	}
	c.out.put(&parcel{fd: -1, last: true}, false)
}

// serve is the reader: all of the connection's life.
func (c *conn) serve() {
	defer c.closeFDs()
	defer c.drop()
	defer c.survive()
	if err := c.identify(); err != nil || !c.server.mayConnect(c.uid) {
		return // as systemd: "Incoming private connection from unprivileged client, refusing"
	}
	if c.greet() != nil {
		return
	}
	if !c.server.owner.Do(func(m Manager) { c.server.join(m, c) }) {
		return
	}
	go c.write()
	for {
		m, fds, err := c.next()
		if err != nil {
			break
		}
		ok := c.receive(m, fds)
		if !ok {
			break
		}
	}
	c.drop()
	c.server.owner.Do(func(m Manager) { c.server.leave(m, c) })
}

// survive makes a fault of ours in what one client asked for the end of that client's connection, and not of the manager.
func (c *conn) survive() {
	if v := recover(); v != nil {
		c.server.opt.Logf(2, "A D-Bus connection (PID %d) has met a fault: %v\n%s", c.pid, v, debug.Stack())
		c.drop()
		c.server.owner.Do(func(m Manager) { c.server.leave(m, c) })
	}
}

// identify asks the kernel who the peer was when it connected (unix(7), SO_PEERCRED).
func (c *conn) identify() error {
	raw, err := c.sock.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var err2 error
	if err = raw.Control(func(fd uintptr) {
		cred, err2 = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if err2 != nil {
		return err2
	}
	c.uid, c.pid = cred.Uid, int(cred.Pid)
	return nil
}

// greet carries the handshake out.
func (c *conn) greet() error {
	if err := c.sock.SetDeadline(time.Now().Add(authTimeout)); err != nil {
		return err
	}
	h := handshake{uid: c.uid, guid: c.server.guid}
	buffer := make([]byte, 512)
	for {
		n, err := c.recv(buffer)
		if err != nil {
			return err
		}
		out, rest, done, err := h.feed(buffer[:n])
		if len(c.inFDs) > 0 && !(done && h.fds) {
			return errFDs
		}
		if len(out) > 0 {
			if _, err := c.sock.Write(out); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		if done {
			c.fds, c.in = h.fds, slices.Clone(rest)
			return c.sock.SetDeadline(time.Time{})
		}
	}
}

// next reads one message. The descriptors that came with it are the caller's.
func (c *conn) next() (*dbus.Message, []int, error) {
	if err := c.fill(frameHead); err != nil {
		return nil, nil, err
	}
	length, err := frameLength(c.in)
	if err != nil {
		return nil, nil, err
	}
	if err := c.fill(length); err != nil {
		return nil, nil, err
	}
	m, err := decode(c.in[:length], c.inFDs)
	if err != nil {
		return nil, nil, err
	}
	if rest := c.in[length:]; len(rest) == 0 && cap(c.in) > 4*readChunk {
		c.in = nil // a long message's buffer is not kept
	} else {
		c.in = append(c.in[:0], rest...)
	}
	claimed, _ := m.Headers[dbus.FieldUnixFDs].Value().(uint32)
	if int(claimed) > len(c.inFDs) {
		return nil, nil, errFrame
	}
	fds := slices.Clone(c.inFDs[:claimed])
	c.inFDs = c.inFDs[claimed:]
	return m, fds, nil
}

// fill reads until there are n bytes. Descriptors come with the first byte that they were sent with.
func (c *conn) fill(n int) error {
	for len(c.in) < n {
		c.in = slices.Grow(c.in, min(max(n-len(c.in), readChunk), max(len(c.in), readChunk)))
		k, err := c.recv(c.in[len(c.in):cap(c.in)])
		if err != nil {
			return err
		}
		if len(c.inFDs) > 0 && !c.fds {
			return errFDs
		}
		c.in = c.in[:len(c.in)+k]
	}
	return nil
}

var errFDs = errors.New("message: more descriptors than were agreed upon")

// recv reads what there is, at least one byte, and keeps the descriptors that come with it.
func (c *conn) recv(b []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4*fdsMax))
	n, oobn, flags, _, err := c.sock.ReadMsgUnix(b, oob)
	if oobn > 0 {
		if err := c.adopt(oob[:oobn]); err != nil {
			return 0, err
		}
	}
	switch {
	case err != nil:
		return 0, err
	case flags&unix.MSG_CTRUNC != 0 || len(c.inFDs) > fdsMax:
		return 0, errFDs
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// adopt takes the descriptors out of control messages.
func (c *conn) adopt(oob []byte) error {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Header.Level != unix.SOL_SOCKET || m.Header.Type != unix.SCM_RIGHTS {
			continue
		}
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return err
		}
		c.inFDs = append(c.inFDs, fds...)
	}
	return nil
}

func (c *conn) closeFDs() {
	for _, fd := range c.inFDs {
		closeFD(fd)
	}
	c.inFDs = nil
}

func closeFD(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}

// nextSerial gives a number to a message: any but 0.
func (c *conn) nextSerial() uint32 {
	for {
		if n := c.serial.Add(1); n != 0 {
			return n
		}
	}
}

// write sends what is queued.
func (c *conn) write() {
	defer c.survive()
	for {
		select {
		case <-c.out.wake:
		case <-c.gone:
			return
		}
		list := c.out.take()
		for i, p := range list {
			err := net.ErrClosed
			if !p.last {
				err = c.send(p)
			}
			p.drop()
			if err != nil {
				c.drop()
				for _, p := range list[i+1:] {
					p.drop()
				}
				return
			}
		}
	}
}

// send writes one parcel. What cannot be encoded is left out if it is a signal; a reply becomes an error.
func (c *conn) send(p *parcel) error {
	frame, fds, err := p.encoded()
	if err != nil {
		if p.done == nil {
			return nil
		}
		return err
	}
	serial := p.serial
	if serial == 0 {
		serial = c.nextSerial()
	}
	head := [frameHead]byte(frame)
	binary.LittleEndian.PutUint32(head[8:], serial)
	if len(fds) > 0 {
		if !c.fds {
			return errFrame
		}
		if _, _, err := c.sock.WriteMsgUnix(head[:], unix.UnixRights(fds...), nil); err != nil {
			return err
		}
		_, err = c.sock.Write(frame[frameHead:])
		return err
	}
	buffers := net.Buffers{head[:], frame[frameHead:]}
	_, err = buffers.WriteTo(c.sock)
	return err
}
