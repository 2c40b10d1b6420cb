package journal

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The sockets that journald has, below Root.
const (
	runDir        = "run/systemd/journal"
	syslogSocket  = runDir + "/dev-log"
	nativeSocket  = runDir + "/socket"
	stdoutSocket  = runDir + "/stdout"
	varlinkSocket = runDir + "/io.systemd.journal"
	flushedFlag   = runDir + "/flushed"
	devLog        = "dev/log"
)

// listen opens the sockets. One that cannot be had is told of and left out.
func (c *Collector) listen() {
	dir := c.path(runDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.trouble("sockets", fmt.Sprintf("no syslog and no journal socket: %v", err))
		return
	}
	for _, s := range []struct {
		name string
		kind int
		mode uint32
		make func(fd int) source
	}{
		{syslogSocket, unix.SOCK_DGRAM, 0o666, func(fd int) source { return &datagrams{fd: fd} }},
		{nativeSocket, unix.SOCK_DGRAM, 0o666, func(fd int) source { return &datagrams{fd: fd, native: true} }},
		{stdoutSocket, unix.SOCK_STREAM, 0o666, func(fd int) source { return newListener(fd, "stdout") }},
		{varlinkSocket, unix.SOCK_STREAM, 0o600, func(fd int) source { return newListener(fd, "varlink") }},
	} {
		fd, err := bind(c.path(s.name), s.kind, s.mode)
		if err == nil {
			err = c.watch(fd, s.make(fd))
		}
		if err != nil {
			c.trouble(s.name, fmt.Sprintf("cannot listen at /%s: %v", s.name, err))
		}
	}
	if err := c.linkDevLog(); err != nil {
		c.trouble(devLog, fmt.Sprintf("no /dev/log: %v", err))
	}
}

// bind makes a socket at a path. A socket that is left there by a process of before is replaced, one at which somebody listens is not.
func bind(path string, kind int, mode uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	address := &unix.SockaddrUnix{Name: path}
	err = unix.Bind(fd, address)
	if err == unix.EADDRINUSE && !alive(path, kind) {
		if err = unix.Unlink(path); err == nil {
			err = unix.Bind(fd, address)
		}
	}
	if err == nil {
		err = unix.Chmod(path, mode)
	}
	if err == nil {
		if kind == unix.SOCK_STREAM {
			err = unix.Listen(fd, unix.SOMAXCONN)
		} else {
			err = passCredentials(fd)
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, &os.PathError{Op: "bind", Path: path, Err: err}
	}
	return fd, nil
}

// passCredentials makes the kernel say with each datagram who sent it and when. A large buffer lets a burst of syslog(3), which blocks its
// caller, go through; root may exceed the system's limit.
func passCredentials(fd int) error {
	const buffer = 8 << 20
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return err
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMP, 1)
}

// alive tells whether somebody has the socket at a path open.
func alive(path string, kind int) bool {
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
	return err == nil || err == unix.EAGAIN || err == unix.EPROTOTYPE
}

// linkDevLog makes /dev/log a link to the socket, as systemd does, unless somebody else listens there.
func (c *Collector) linkDevLog() error {
	path := c.path(devLog)
	if target, err := os.Readlink(path); err == nil && target == "/"+syslogSocket {
		return nil
	}
	if st, err := os.Lstat(path); err == nil {
		if st.Mode()&os.ModeSocket != 0 && alive(path, unix.SOCK_DGRAM) {
			return nil
		}
		if st.Mode()&(os.ModeSocket|os.ModeSymlink) == 0 {
			return fmt.Errorf("%s is in the way", path)
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.Symlink("/"+syslogSocket, path)
}

// listener is a socket at which clients connect.
type listener struct {
	fd     int
	kind   string
	accept func(c *Collector, fd int)
}

func newListener(fd int, kind string) *listener {
	if kind == "varlink" {
		return &listener{fd, kind, (*Collector).acceptVarlink}
	}
	return &listener{fd, kind, (*Collector).acceptStdout}
}

func (l *listener) close() { unix.Close(l.fd) }

func (l *listener) ready(c *Collector) bool {
	for range 16 {
		fd, _, err := unix.Accept4(l.fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err == unix.EINTR || err == unix.ECONNABORTED {
			continue
		}
		if err != nil {
			if err != unix.EAGAIN {
				c.trouble("accept", fmt.Sprintf("cannot accept a connection: %v", err))
			}
			break
		}
		l.accept(c, fd)
	}
	return true
}

// connectionsMost bounds the clients of the two listening sockets (STDOUT_STREAMS_MAX).
const connectionsMost = 4096

func (c *Collector) acceptStdout(fd int) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || len(c.sources) >= connectionsMost || unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 1) != nil {
		unix.Close(fd)
		return
	}
	unix.Shutdown(fd, unix.SHUT_WR)
	c.adopt(&stream{fd: fd, cred: *cred, header: &header{}})
}
