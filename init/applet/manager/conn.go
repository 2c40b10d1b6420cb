package manager

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// The manager's name, object and interfaces.
const (
	Destination = "org.freedesktop.systemd1"
	Root        = dbus.ObjectPath("/org/freedesktop/systemd1")
	Interface   = "org.freedesktop.systemd1.Manager"
	Unit        = "org.freedesktop.systemd1.Unit"
	Service     = "org.freedesktop.systemd1.Service"
	properties  = "org.freedesktop.DBus.Properties"
)

// DefaultTimeout is how long a call waits for its reply (DBUS's 25 s; $SYSTEMD_BUS_TIMEOUT). ReloadTimeout is that of a reload, which
// reads all units.
const (
	DefaultTimeout = 25 * time.Second
	ReloadTimeout  = 180 * time.Second
)

// Signal is a signal that came in.
type Signal struct {
	Path              dbus.ObjectPath
	Interface, Member string
	Body              []any
}

// Conn is a connection. It is used by one goroutine at a time.
type Conn struct {
	// Watch is called for every signal; nil drops them.
	Watch func(Signal)

	// OnBus tells a message bus from the manager itself.
	OnBus bool

	fd      int
	serial  uint32
	known   bool   // authenticated
	in      []byte // read and not used
	timeout time.Duration
}

// connect opens a stream to a socket; address "@name" is an abstract one. It is checked that root or this very user listens
// (bus_check_peercred).
func connect(address string, check bool) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	err = sys.Retry(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: address}) })
	if err == nil && check {
		var peer *unix.Ucred
		if peer, err = unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil && peer.Uid != 0 && int(peer.Uid) != os.Geteuid() {
			err = unix.EPERM
		}
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return &Conn{fd: fd, timeout: DefaultTimeout}, nil
}

// authenticate says who this is, in one piece. No message may come with it: a manager of systemd's that has read a message together
// with the authentication waits for more before it looks at it.
func (c *Conn) authenticate() error {
	uid := hex.EncodeToString([]byte(strconv.Itoa(os.Geteuid())))
	if err := c.write([]byte("\x00AUTH EXTERNAL "+uid+"\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n"), nil); err != nil {
		return err
	}
	deadline := time.Now().Add(c.timeout)
	line, err := c.line(deadline)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "OK ") {
		return unix.EPERM
	}
	if _, err = c.line(deadline); err != nil { // descriptors may be refused, and then are when they are sent
		return err
	}
	c.known = true
	return nil
}

// Close ends the connection.
func (c *Conn) Close() {
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}

// FD is the connection's descriptor, for who waits for more than the manager. It stays the connection's. Before it is waited for, Drain
// has to have been called: what was read together with a reply does not come again.
func (c *Conn) FD() int { return c.fd }

// Reply is what a method returned.
type Reply struct {
	Body  []any
	frame []byte
}

// Store puts the values of the reply into variables, as dbus.Store does. A reply with other values is EBADMSG.
func (r *Reply) Store(vars ...any) error {
	if err := dbus.Store(r.Body, vars...); err != nil {
		return fmt.Errorf("%w: %s", unix.EBADMSG, err)
	}
	return nil
}

// Call calls a method of any object and waits for the reply, or for an [Error].
func (c *Conn) Call(dest string, path dbus.ObjectPath, iface, member string, args ...any) (*Reply, error) {
	return c.CallFor(c.timeout, dest, path, iface, member, args...)
}

// CallFor is Call with a time to wait; 0 waits for ever.
func (c *Conn) CallFor(wait time.Duration, dest string, path dbus.ObjectPath, iface, member string, args ...any) (*Reply, error) {
	serial, err := c.send(0, dest, path, iface, member, args)
	if err != nil {
		return nil, err
	}
	var deadline time.Time
	if wait > 0 {
		deadline = time.Now().Add(wait)
	}
	for {
		m, frame, err := c.read(deadline)
		if err != nil {
			return nil, err
		}
		if m.Type == dbus.TypeSignal {
			c.signal(m)
			continue
		}
		if to, ok := m.Headers[dbus.FieldReplySerial].Value().(uint32); !ok || to != serial {
			continue // of a call that was sent without waiting, or that was given up
		}
		switch m.Type {
		case dbus.TypeMethodReply:
			return &Reply{Body: m.Body, frame: frame}, nil
		case dbus.TypeError:
			name, _ := m.Headers[dbus.FieldErrorName].Value().(string)
			text := ""
			if len(m.Body) > 0 {
				text, _ = m.Body[0].(string)
			}
			return nil, &Error{Name: name, Message: text}
		}
	}
}

// Post calls a method and does not wait; the reply, of whatever kind, is dropped.
func (c *Conn) Post(dest string, path dbus.ObjectPath, iface, member string, args ...any) error {
	_, err := c.send(dbus.FlagNoReplyExpected, dest, path, iface, member, args)
	return err
}

// Manager calls a method of the manager.
func (c *Conn) Manager(member string, args ...any) (*Reply, error) {
	return c.Call(Destination, Root, Interface, member, args...)
}

// Next waits for a signal, for ever, and hands it to Watch, with all others that have come.
func (c *Conn) Next() error {
	for {
		if n, err := c.Drain(); n > 0 || err != nil {
			return err
		}
		if err := c.fill(len(c.in)+1, time.Time{}); err != nil {
			return err
		}
	}
}

// Drain hands the signals that have been read already to Watch, and says how many. It does not wait.
func (c *Conn) Drain() (signals int, err error) {
	for len(c.in) >= fixedHeader {
		whole, _, err := frameLength(c.in)
		if err != nil {
			return signals, err
		}
		if len(c.in) < whole {
			return signals, nil
		}
		m, _, err := c.read(time.Time{})
		if err != nil {
			return signals, err
		}
		if m.Type == dbus.TypeSignal {
			c.signal(m)
			signals++
		}
	}
	return signals, nil
}

func (c *Conn) signal(m *dbus.Message) {
	if c.Watch == nil {
		return
	}
	s := Signal{Body: m.Body}
	s.Path, _ = m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	s.Interface, _ = m.Headers[dbus.FieldInterface].Value().(string)
	s.Member, _ = m.Headers[dbus.FieldMember].Value().(string)
	c.Watch(s)
}

// send writes a method call; the first authenticates.
func (c *Conn) send(flags dbus.Flags, dest string, path dbus.ObjectPath, iface, member string, args []any) (uint32, error) {
	if !c.known {
		if err := c.authenticate(); err != nil {
			return 0, err
		}
	}
	m := dbus.Message{
		Type: dbus.TypeMethodCall, Flags: flags, Body: args,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath:        dbus.MakeVariant(path),
			dbus.FieldInterface:   dbus.MakeVariant(iface),
			dbus.FieldMember:      dbus.MakeVariant(member),
			dbus.FieldDestination: dbus.MakeVariant(dest),
		},
	}
	if len(args) > 0 {
		m.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(args...))
		n, err := m.CountFds()
		if err != nil {
			return 0, err
		}
		if n > 0 {
			m.Headers[dbus.FieldUnixFDs] = dbus.MakeVariant(uint32(n))
		}
	}
	var b bytes.Buffer
	fds, err := m.EncodeToWithFDs(&b, binary.LittleEndian)
	if err != nil {
		return 0, err
	}
	c.serial++
	binary.LittleEndian.PutUint32(b.Bytes()[8:], c.serial) // godbus numbers messages in its own connections only
	return c.serial, c.write(b.Bytes(), fds)
}

// write writes all of data, the descriptors with its first byte.
func (c *Conn) write(data []byte, fds []int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	for len(data) > 0 {
		var n int
		err := sys.Retry(func() (err error) { n, err = unix.SendmsgN(c.fd, data, rights, nil, unix.MSG_NOSIGNAL); return err })
		if err != nil {
			return os.NewSyscallError("sendmsg", err)
		}
		data, rights = data[n:], nil
	}
	return nil
}

// read waits for a message, until deadline if there is one. frame is the message as it came.
func (c *Conn) read(deadline time.Time) (m *dbus.Message, frame []byte, err error) {
	if err := c.fill(fixedHeader, deadline); err != nil {
		return nil, nil, err
	}
	whole, _, err := frameLength(c.in)
	if err != nil {
		return nil, nil, err
	}
	if err := c.fill(whole, deadline); err != nil {
		return nil, nil, err
	}
	frame, c.in = c.in[:whole:whole], c.in[whole:]
	m, err = dbus.DecodeMessage(bytes.NewReader(frame))
	return m, frame, err
}

func (c *Conn) line(deadline time.Time) (string, error) {
	for {
		if i := bytes.Index(c.in, []byte("\r\n")); i >= 0 {
			s := string(c.in[:i])
			c.in = c.in[i+2:]
			return s, nil
		}
		if len(c.in) > 4096 {
			return "", fmt.Errorf("%w: endless authentication", errWire)
		}
		if err := c.fill(len(c.in)+1, deadline); err != nil {
			return "", err
		}
	}
}

// fill reads until n bytes are there.
func (c *Conn) fill(n int, deadline time.Time) error {
	for len(c.in) < n {
		if !deadline.IsZero() {
			if err := c.poll(deadline); err != nil {
				return err
			}
		}
		if cap(c.in)-len(c.in) < 4096 {
			// As much as is known to come, but never more at once than what has come already would justify.
			grown := make([]byte, len(c.in), len(c.in)+max(4096, min(n, 1<<20+2*len(c.in))))
			copy(grown, c.in)
			c.in = grown
		}
		var got int
		err := sys.Retry(func() (err error) { got, err = unix.Read(c.fd, c.in[len(c.in):cap(c.in)]); return err })
		switch {
		case err != nil:
			return os.NewSyscallError("read", err)
		case got == 0:
			return unix.ECONNRESET
		}
		c.in = c.in[:len(c.in)+got]
	}
	return nil
}

func (c *Conn) poll(deadline time.Time) error {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return unix.ETIMEDOUT
		}
		p := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
		switch n, err := unix.Poll(p, int(left.Milliseconds())+1); {
		case err == unix.EINTR || err == nil && n == 0:
		case err != nil:
			return os.NewSyscallError("poll", err)
		default:
			return nil
		}
	}
}
