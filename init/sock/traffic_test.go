package sock

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/unit"
)

func readable(t *testing.T, fd int) bool {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(p, 0); err != nil {
		t.Fatal(err)
	}
	return p[0].Revents&unix.POLLIN != 0
}

// send puts a message on a queue.
func send(t *testing.T, name, text string) {
	t.Helper()
	p, err := queueName(name)
	if err != nil {
		t.Fatal(err)
	}
	fd, _, no := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(p)), unix.O_WRONLY|unix.O_CLOEXEC, 0, 0, 0, 0)
	if no != 0 {
		t.Fatal(no)
	}
	defer unix.Close(int(fd))
	b := []byte(text)
	if _, _, no := unix.Syscall6(unix.SYS_MQ_TIMEDSEND, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0); no != 0 {
		t.Fatal(no)
	}
}

// dial connects inside the namespace, from an address.
func dial(t *testing.T, ns string, from, to unix.Sockaddr) int {
	t.Helper()
	var fd int
	err := inNetwork(ns, func() (err error) {
		family := unix.AF_INET
		if _, ok := to.(*unix.SockaddrInet6); ok {
			family = unix.AF_INET6
		}
		if fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.Bind(fd, from); err != nil {
			return err
		}
		return unix.Connect(fd, to)
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

var (
	local4 = [4]byte{127, 0, 0, 1}
	other4 = [4]byte{127, 0, 0, 2}
	local6 = [16]byte{15: 1}
)

func TestAccept(t *testing.T) {
	ns := network(t)
	for name, tt := range map[string]struct {
		listen   string
		from, to unix.Sockaddr
		want     supervise.Connection
	}{
		"IPv4": {"127.0.0.1:8000", &unix.SockaddrInet4{Addr: other4, Port: 4000}, &unix.SockaddrInet4{Addr: local4, Port: 8000}, supervise.Connection{
			Instance: "127.0.0.1:8000-127.0.0.2:4000", Source: "127.0.0.2", Peer: "127.0.0.2:4000", RemoteAddr: "127.0.0.2", RemotePort: "4000"}},
		"IPv4 on both": {"8000", &unix.SockaddrInet4{Addr: other4, Port: 4001}, &unix.SockaddrInet4{Addr: local4, Port: 8000}, supervise.Connection{
			Instance: "127.0.0.1:8000-127.0.0.2:4001", Source: "127.0.0.2", Peer: "127.0.0.2:4001", RemoteAddr: "127.0.0.2", RemotePort: "4001"}},
		"IPv6": {"8000", &unix.SockaddrInet6{Addr: local6, Port: 4002}, &unix.SockaddrInet6{Addr: local6, Port: 8000}, supervise.Connection{
			Instance: "::1:8000-::1:4002", Source: "::1", Peer: "[::1]:4002", RemoteAddr: "::1", RemotePort: "4002"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := load(t, "ListenStream="+tt.listen+"\nAccept=yes\nKeepAlive=yes")
			fd := open(t, s, Options{NetworkNamespace: ns})[0]
			if !Accepts(s, 0) {
				t.Error("a stream accepts")
			}
			if _, _, err := Accept(fd, s); err != ErrNoConnection {
				t.Errorf("%v before anybody connects", err)
			}
			dial(t, ns, tt.from, tt.to)
			conn, got, err := Accept(fd, s)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(conn)
			if got != tt.want {
				t.Errorf("is   %+v\nwant %+v", got, tt.want)
			}
			if sockopt(t, conn, unix.SOL_SOCKET, unix.SO_KEEPALIVE) != 1 {
				t.Error("the connection has not the unit's options")
			}
			if flags, err := unix.FcntlInt(uintptr(conn), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("not closed on exec: %v", err)
			}
			if !unit.ValidInstance("0-" + got.Instance) {
				t.Errorf("%s is no instance", got.Instance)
			}
		})
	}
}

// A connection that was reset before it is accepted is none (ERRNO_IS_DISCONNECT).
func TestAcceptReset(t *testing.T) {
	ns := network(t)
	s := load(t, "ListenStream=127.0.0.1:8000\nAccept=yes")
	fd := open(t, s, Options{NetworkNamespace: ns})[0]
	c := dial(t, ns, &unix.SockaddrInet4{Addr: other4}, &unix.SockaddrInet4{Addr: local4, Port: 8000})
	if err := unix.SetsockoptLinger(c, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		t.Fatal(err)
	}
	unix.Close(c) // with a reset
	if _, _, err := Accept(fd, s); err != ErrNoConnection {
		t.Errorf("%v, want %v", err, ErrNoConnection)
	}
}

func TestAcceptUnix(t *testing.T) {
	path := t.TempDir() + "/s"
	for _, kind := range []struct {
		directive string
		kind      int
	}{{"ListenStream", unix.SOCK_STREAM}, {"ListenSequentialPacket", unix.SOCK_SEQPACKET}} {
		s := load(t, kind.directive+"="+path+"\nAccept=yes")
		fd := open(t, s, Options{})[0]
		client(t, kind.kind, path)
		conn, got, err := Accept(fd, s)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(conn)
		want := supervise.Connection{
			Instance: fmt.Sprintf("%d-%d", os.Getpid(), os.Getuid()),
			Source:   fmt.Sprintf("UID %d", os.Getuid()),
			Peer:     fmt.Sprintf("PID %d/UID %d", os.Getpid(), os.Getuid()),
		}
		if got != want {
			t.Errorf("is   %+v\nwant %+v", got, want)
		}
	}
}

func TestAcceptFails(t *testing.T) {
	s := load(t, "ListenStream=@x\nAccept=yes")
	if _, _, err := Accept(-1, s); err == nil || err.Error() != "Failed to accept connection socket: Bad file descriptor" {
		t.Error(err)
	}
}

func TestAccepts(t *testing.T) {
	s := load(t, "ListenStream=1\nListenSequentialPacket=/x\nListenDatagram=2\nListenFIFO=/f\nListenNetlink=route\nListenSpecial=/dev/null")
	s.Accept = true // a unit like that is refused, so that the other kinds are not met
	for i, want := range []bool{true, true, false, false, false, false, false} {
		if got := Accepts(s, i); got != want {
			t.Errorf("%d: %v", i, got)
		}
	}
	s.Accept = false
	if Accepts(s, 0) {
		t.Error("Accept=no")
	}
}

func TestHangup(t *testing.T) {
	for events, want := range map[uint32]string{
		unix.EPOLLIN:                 "false ",
		unix.EPOLLIN | unix.EPOLLHUP: "true ",
		unix.EPOLLHUP:                "true ",
		unix.EPOLLERR | unix.EPOLLIN | unix.EPOLLHUP: "true ",
		unix.EPOLLERR:                "true Got unexpected poll event (0x8) on socket.",
		unix.EPOLLERR | unix.EPOLLIN: "true Got unexpected poll event (0x9) on socket.",
	} {
		hangup, text := Hangup(events)
		if got := fmt.Sprint(hangup, " ", text); got != want {
			t.Errorf("%#x: %q, want %q", events, got, want)
		}
	}
	// What epoll says of a listening socket that its service has shut down.
	fd := open(t, load(t, "ListenStream="+t.TempDir()+"/s"), Options{})[0]
	if err := unix.Shutdown(fd, unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(p, 0); err != nil {
		t.Fatal(err)
	}
	if hangup, _ := Hangup(uint32(p[0].Revents)); !hangup {
		t.Errorf("%#x is no hangup", p[0].Revents)
	}
}

func TestFlush(t *testing.T) {
	dir := t.TempDir()
	s := load(t, fmt.Sprintf("ListenStream=%s/s\nListenDatagram=%s/d\nListenFIFO=%s/f\nListenSequentialPacket=%s/q", dir, dir, dir, dir))
	fds := open(t, s, Options{})
	var clients []int
	for range 3 {
		clients = append(clients, client(t, unix.SOCK_STREAM, dir+"/s"), client(t, unix.SOCK_SEQPACKET, dir+"/q"))
		d := client(t, unix.SOCK_DGRAM, dir+"/d")
		for _, text := range []string{"", "x", strings.Repeat("y", 5000)} {
			if _, err := unix.Write(d, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := unix.Write(fds[2], make([]byte, 10000)); err != nil {
		t.Fatal(err)
	}
	for i, fd := range fds {
		if !readable(t, fd) {
			t.Errorf("%v: nothing arrived", s.Listens[i])
		}
	}
	Flush(fds, s)
	for i, fd := range fds {
		if readable(t, fd) {
			t.Errorf("%v: something is left", s.Listens[i])
		}
	}
	for _, c := range clients {
		if n, err := unix.Read(c, make([]byte, 1)); n != 0 || err != nil && err != unix.ECONNRESET {
			t.Errorf("a flushed connection reads %d, %v", n, err)
		}
	}
	CloseAll(fds[:1])
	Flush([]int{-1, fds[0]}, s) // what is not open is no trouble
}

func TestErrnoText(t *testing.T) {
	for no, want := range map[unix.Errno]string{
		unix.EPERM: "Operation not permitted", unix.EADDRINUSE: "Address already in use", unix.EAFNOSUPPORT: "Address family not supported by protocol",
	} {
		if got := errnoText(fmt.Errorf("x: %w", no)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	lower := regexp.MustCompile("^[a-z]")
	for no := unix.Errno(1); no < 134; no++ {
		if text := errnoText(no); lower.MatchString(text) {
			t.Errorf("%d is %q", no, text)
		}
	}
}
