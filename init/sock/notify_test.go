package sock

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/notify"
)

func listenNotify(t *testing.T) (fd int, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	fd, err := ListenNotify(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd, path
}

// client is a socket that is connected to path.
func client(t *testing.T, kind int, path string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// pipes makes n descriptors to pass; the read end sees a hangup when all copies of the write end are closed.
func pipes(t *testing.T, n int) (read, write []int) {
	t.Helper()
	for range n {
		p := make([]int, 2)
		if err := unix.Pipe2(p, unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
			t.Fatal(err)
		}
		read, write = append(read, p[0]), append(write, p[1])
	}
	t.Cleanup(func() { CloseAll(read) })
	return read, write
}

// hungUp tells whether nobody has the other end of a pipe any more.
func hungUp(t *testing.T, fd int) bool {
	t.Helper()
	p := []unix.PollFd{{Fd: int32(fd)}}
	if _, err := unix.Poll(p, 0); err != nil {
		t.Fatal(err)
	}
	return p[0].Revents&unix.POLLHUP != 0
}

func TestListenNotify(t *testing.T) {
	old := unix.Umask(0o077)
	defer unix.Umask(old)
	dir := t.TempDir()
	path := filepath.Join(dir, "notify")
	if err := os.WriteFile(path, nil, 0o600); err != nil { // what is stale may be anything
		t.Fatal(err)
	}
	for range 2 {
		fd, err := ListenNotify(path)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		st, err := os.Lstat(path)
		if err != nil || st.Mode() != os.ModeSocket|0o666 {
			t.Fatalf("mode %v, %v", st.Mode(), err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("flags %#x, %v: not closed on exec", flags, err)
		}
		if n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil || unix.Geteuid() == 0 && n != 2*notifyReceive {
			t.Errorf("receive buffer %d, %v", n, err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v: more than the socket was left", entries)
	}
}

func TestListenNotifyFails(t *testing.T) {
	for path, want := range map[string]string{
		"/nonexistent/notify":                       "bind(/nonexistent/notify) failed: No such file or directory",
		"/" + strings.Repeat("x", 120):              "bind(/" + strings.Repeat("x", 120) + ") failed: Invalid argument",
		filepath.Join(t.TempDir(), "dir", "notify"): "No such file or directory",
	} {
		fd, err := ListenNotify(path)
		if err == nil || !strings.HasSuffix(err.Error(), want) || fd != -1 {
			t.Errorf("%d, %v; want %s", fd, err, want)
		}
	}
}

func TestReceiveNotify(t *testing.T) {
	fd, path := listenNotify(t)
	c := client(t, unix.SOCK_DGRAM, path)
	var b Buffer
	if _, err := ReceiveNotify(fd, &b); err != ErrNothing {
		t.Fatalf("%v before anything was sent", err)
	}
	for name, tt := range map[string]struct {
		payload string
		fds     int
		want    error
	}{
		"ready":        {"READY=1\nSTATUS=up", 0, nil},
		"empty":        {"", 0, nil},
		"largest":      {strings.Repeat("x", notify.MaxMessage), 0, nil},
		"too large":    {strings.Repeat("x", notify.MaxMessage+1), 3, RefusedSize},
		"far too":      {strings.Repeat("x", 70000), 1, RefusedSize},
		"descriptors":  {"FDSTORE=1\nFDNAME=x", 2, nil},
		"barrier":      {"BARRIER=1", 1, nil},
		"most to pass": {"FDSTORE=1", 253, nil}, // SCM_MAX_FD
	} {
		t.Run(name, func(t *testing.T) {
			read, write := pipes(t, tt.fds)
			var control []byte
			if tt.fds > 0 {
				control = unix.UnixRights(write...)
			}
			if err := unix.Sendmsg(c, []byte(tt.payload), control, nil, 0); err != nil {
				t.Fatal(err)
			}
			CloseAll(write)
			d, err := ReceiveNotify(fd, &b)
			if err != tt.want {
				t.Fatalf("%v, want %v", err, tt.want)
			}
			for _, r := range read {
				if hungUp(t, r) != (err != nil) {
					t.Fatalf("a descriptor is open after %v: %v", err, !hungUp(t, r))
				}
			}
			if err != nil {
				return
			}
			if string(d.Payload) != tt.payload || d.PID != os.Getpid() || d.UID != uint32(os.Getuid()) || d.GID != uint32(os.Getgid()) || len(d.FDs) != tt.fds {
				t.Errorf("%d bytes from %d/%d/%d with %d descriptors", len(d.Payload), d.PID, d.UID, d.GID, len(d.FDs))
			}
			for _, fd := range d.FDs {
				if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Errorf("flags %#x, %v: not closed on exec", flags, err)
				}
			}
			CloseAll(d.FDs)
			for _, r := range read {
				if !hungUp(t, r) {
					t.Error("the sender of a barrier would wait for ever")
				}
			}
		})
	}
	if _, err := ReceiveNotify(fd, &b); err != ErrNothing {
		t.Errorf("%v after all", err)
	}
}

// With no room for the descriptors the kernel cuts them off: those that came are closed, the message is refused, and the socket goes on.
func TestReceiveNotifyNoRoom(t *testing.T) {
	fd, path := listenNotify(t)
	c := client(t, unix.SOCK_DGRAM, path)
	read, write := pipes(t, 8)
	if err := unix.Sendmsg(c, []byte("FDSTORE=1"), unix.UnixRights(write...), nil, 0); err != nil {
		t.Fatal(err)
	}
	CloseAll(write)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	free, err := unix.Dup(fd) // the lowest free number; the limit is put three above it
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(free)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(free) + 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	var b Buffer
	_, err = ReceiveNotify(fd, &b)
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); e != nil {
		t.Fatal(e)
	}
	if err != RefusedControl {
		t.Fatalf("%v, want %v", err, RefusedControl)
	}
	for _, r := range read {
		if !hungUp(t, r) {
			t.Error("a descriptor of a refused message is open")
		}
	}
	if err := unix.Sendmsg(c, []byte("READY=1"), nil, nil, 0); err != nil {
		t.Fatal(err)
	}
	if d, err := ReceiveNotify(fd, &b); err != nil || string(d.Payload) != "READY=1" {
		t.Errorf("%q, %v after a refused message", d.Payload, err)
	}
}

// A socket that does not ask for credentials gets none: what such a message would be is refused.
func TestReceiveNotifyNoCredentials(t *testing.T) {
	fd, path := listenNotify(t)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSCRED, 0); err != nil {
		t.Fatal(err)
	}
	c := client(t, unix.SOCK_DGRAM, path)
	read, write := pipes(t, 1)
	if err := unix.Sendmsg(c, []byte("READY=1"), unix.UnixRights(write...), nil, 0); err != nil {
		t.Fatal(err)
	}
	CloseAll(write)
	var b Buffer
	if _, err := ReceiveNotify(fd, &b); err != RefusedCredentials || !hungUp(t, read[0]) {
		t.Errorf("%v, want %v", err, RefusedCredentials)
	}
}

func TestReceiveNotifyBroken(t *testing.T) {
	var b Buffer
	_, err := ReceiveNotify(-1, &b)
	var r Refused
	if err == nil || err == ErrNothing || errors.As(err, &r) || !errors.Is(err, unix.EBADF) {
		t.Errorf("%v: must end the reading", err)
	}
}
