package sock

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// Accepts tells whether traffic on the socket is a connection to Accept, with Accept=yes. All else is told of as Traffic (socket_dispatch_io).
func Accepts(s *unit.Socket, index int) bool {
	if !s.Accept || index >= len(s.Listens) {
		return false
	}
	switch l := &s.Listens[index]; l.Kind {
	case unit.ListenStream, unit.ListenSequentialPacket:
		return l.Family != unit.FamilyNone
	}
	return false
}

// Hangup reads what epoll_wait said of a listening socket: true is the Hangup of supervise.Traffic. The text, if any, is for the log at priority 3; what
// the machine says itself is not repeated.
func Hangup(events uint32) (bool, string) {
	switch {
	case events == unix.EPOLLIN:
		return false, ""
	case events&unix.EPOLLHUP != 0:
		return true, ""
	}
	return true, fmt.Sprintf("Got unexpected poll event (0x%x) on socket.", events)
}

// ErrNoConnection says that there is no connection to accept: it was aborted, or somebody else has it.
var ErrNoConnection = errors.New("no connection is waiting")

// Accept takes a connection, without waiting, with the unit's options set. Of the event all is filled in but Unit and FD. The caller owns the
// descriptor. After an error other than ErrNoConnection systemd gives the socket unit up.
func Accept(fd int, s *unit.Socket) (conn int, c supervise.Connection, err error) {
	err = sys.Retry(func() (err error) {
		conn, _, err = unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err
	})
	if err != nil {
		if acceptAgain(err) {
			return -1, c, ErrNoConnection
		}
		return -1, c, fail(err, "Failed to accept connection socket")
	}
	p := opening{s: s}
	p.socketOptions(conn)
	if err := describeConnection(conn, &c); err != nil {
		unix.Close(conn)
		if disconnected(err) {
			return -1, supervise.Connection{}, ErrNoConnection
		}
		return -1, supervise.Connection{}, fail(err, "Failed to identify connection socket")
	}
	return conn, c, nil
}

// describeConnection is instance_from_socket, socket_acquire_peer (src/core/socket.c) and getpeername_pretty (src/basic/socket-util.c).
func describeConnection(fd int, c *supervise.Connection) error {
	local, err := unix.Getsockname(fd)
	if err != nil {
		return err
	}
	remote, err := unix.Getpeername(fd)
	if err != nil {
		return err
	}
	switch remote := remote.(type) {
	case *unix.SockaddrInet4:
		c.Instance, c.RemotePort = inetInstance(local, remote), strconv.Itoa(remote.Port)
	case *unix.SockaddrInet6:
		c.Instance, c.RemotePort = inetInstance(local, remote), strconv.Itoa(remote.Port)
	case *unix.SockaddrVM:
		here, ok := local.(*unix.SockaddrVM)
		if !ok {
			return unix.EAFNOSUPPORT
		}
		c.Instance = fmt.Sprintf("%d:%d-%d:%d", here.CID, here.Port, remote.CID, remote.Port)
		c.RemotePort = strconv.FormatUint(uint64(remote.Port), 10)
	default:
		return describeUnix(fd, c)
	}
	c.RemoteAddr = pretty(remote, true, false)
	c.Source, c.Peer = c.RemoteAddr, pretty(remote, true, true)
	return nil
}

// describeUnix: who connects from another PID namespace has the number 0 here.
func describeUnix(fd int, c *supervise.Connection) error {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return err
	}
	c.Source = fmt.Sprintf("UID %d", cred.Uid)
	if cred.Pid <= 0 {
		c.Instance = "unknown"
		return nil
	}
	c.Instance, c.Peer = fmt.Sprintf("%d-%d", cred.Pid, cred.Uid), fmt.Sprintf("PID %d/UID %d", cred.Pid, cred.Uid)
	return nil
}

// inetInstance is both ends; IPv4 inside IPv6 is written as IPv4 if both are.
func inetInstance(local, remote unix.Sockaddr) string {
	a, aPort := endpoint(local)
	b, bPort := endpoint(remote)
	if a.Is4In6() && b.Is4In6() {
		a, b = a.Unmap(), b.Unmap()
	}
	return fmt.Sprintf("%s:%d-%s:%d", addressText(a), aPort, addressText(b), bPort)
}

func endpoint(sa unix.Sockaddr) (netip.Addr, int) {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr), sa.Port
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(sa.Addr), sa.Port
	}
	return netip.Addr{}, 0
}

func addressText(a netip.Addr) string {
	if a.Is4() {
		return a.String()
	}
	return text6(a)
}

// disconnected: the connection is over before it began (ERRNO_IS_DISCONNECT in src/basic/errno-util.h).
func disconnected(err error) bool {
	return isOneOf(err, unix.ECONNABORTED, unix.ECONNREFUSED, unix.ECONNRESET, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENETDOWN, unix.ENETRESET,
		unix.ENETUNREACH, unix.ENONET, unix.ENOPROTOOPT, unix.ENOTCONN, unix.EPIPE, unix.EPROTO, unix.ESHUTDOWN, unix.ETIMEDOUT)
}

// acceptAgain: the errors of accept(2) that say nothing of the listening socket.
func acceptAgain(err error) bool {
	return disconnected(err) || isOneOf(err, unix.EAGAIN, unix.EOPNOTSUPP)
}

// flushMax is how often a flush takes something from one socket: a peer who sends for ever must not keep us (MAX_FLUSH_ITERATIONS in
// src/basic/socket-util.c).
const flushMax = 1024

// Flush drops what is pending on the sockets of a unit, which are in the order of s.Listens: connections, bytes and messages (flush_ports in
// src/core/socket.c).
func Flush(fds []int, s *unit.Socket) {
	for i, fd := range fds {
		if i < len(s.Listens) && s.Listens[i].Kind == unit.ListenMessageQueue {
			flushQueue(fd)
			continue
		}
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && n != 0 {
			flushConnections(fd)
			continue
		}
		buf := make([]byte, 2048)
		flush(fd, func() (bool, error) {
			n, err := unix.Read(fd, buf)
			return n == 0 && err == nil && !isDatagram(fd), err
		})
	}
}

// isDatagram: an empty message is not the end.
func isDatagram(fd int) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	return err == nil && kind != unix.SOCK_STREAM
}

func flushConnections(fd int) {
	flush(fd, func() (bool, error) {
		conn, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err == nil {
			unix.Close(conn)
		} else if err != unix.EAGAIN && acceptAgain(err) {
			err = nil
		}
		return false, err
	})
}

func flushQueue(fd int) {
	size, err := queueMessageSize(fd)
	if err != nil || size <= 0 {
		return
	}
	buf := make([]byte, size)
	flush(fd, func() (bool, error) { return false, receiveQueue(fd, buf) })
}

// flush takes as long as there is something to take; done and errors end it.
func flush(fd int, take func() (done bool, err error)) {
	for range flushMax {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		var n int
		if err := sys.Retry(func() (err error) { n, err = unix.Poll(p, 0); return err }); err != nil || n == 0 || p[0].Revents&unix.POLLIN == 0 {
			return
		}
		if done, err := take(); done || err != nil && err != unix.EINTR {
			return
		}
	}
}
