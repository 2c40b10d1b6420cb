package sock

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// network is the path of a network namespace of its own, with loopback up, so that port numbers are free.
func network(t *testing.T) string {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- result{-1, err}
			return
		}
		r, err := unix.NewIfreq("lo")
		if err == nil {
			r.SetUint16(unix.IFF_UP)
			err = onSocket(func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r) })
		}
		if err != nil {
			done <- result{-1, err}
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		done <- result{fd, err}
	}()
	r := <-done
	if errors.Is(r.err, unix.EPERM) {
		t.Skip("a network namespace needs CAP_SYS_ADMIN")
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { unix.Close(r.fd) })
	return "/proc/self/fd/" + strconv.Itoa(r.fd)
}

// load makes a socket unit of the lines of its [Socket] section.
func load(t *testing.T, section string) *unit.Socket {
	t.Helper()
	var tree unit.Tree
	tree.AddFile("/etc/systemd/system/x.socket", "[Socket]\n"+section)
	tree.AddFile("/etc/systemd/system/x.service", "[Service]\nExecStart=/bin/true\n")
	tree.AddFile("/etc/systemd/system/x@.service", "[Service]\nExecStart=/bin/true\n")
	l := unit.NewLoader(&tree, unit.DefaultHost())
	l.Scan()
	u, diagnostics := l.Load("x.socket")
	if u.LoadState != unit.Loaded {
		t.Fatalf("%s: %v", u.LoadError, diagnostics)
	}
	return u.Socket
}

// open opens them all and closes them at the end.
func open(t *testing.T, s *unit.Socket, o Options) []int {
	t.Helper()
	fds, degraded, err := Open(s, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range degraded {
		t.Errorf("degraded: %s", d)
	}
	t.Cleanup(func() { CloseAll(fds) })
	if len(fds) != len(s.Listens) {
		t.Fatalf("%d descriptors for %d directives", len(fds), len(s.Listens))
	}
	for _, fd := range fds {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%d is not closed on exec: %v", fd, err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
			t.Errorf("%d blocks: %v", fd, err)
		}
	}
	return fds
}

func sockopt(t *testing.T, fd, level, name int) int {
	t.Helper()
	n, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestOpenKinds(t *testing.T) {
	o := Options{NetworkNamespace: network(t)}
	dir := t.TempDir()
	for _, tt := range []struct {
		listen               string
		family, kind, accept int
		name                 string // getsockname, as systemd writes it
	}{
		{"ListenStream=" + dir + "/s", unix.AF_UNIX, unix.SOCK_STREAM, 1, ""},
		{"ListenDatagram=" + dir + "/d", unix.AF_UNIX, unix.SOCK_DGRAM, 0, ""},
		{"ListenSequentialPacket=" + dir + "/q", unix.AF_UNIX, unix.SOCK_SEQPACKET, 1, ""},
		{"ListenStream=@keelson-sock-test", unix.AF_UNIX, unix.SOCK_STREAM, 1, ""},
		{"ListenStream=8001", unix.AF_INET6, unix.SOCK_STREAM, 1, "[::]:8001"},
		{"ListenDatagram=8001", unix.AF_INET6, unix.SOCK_DGRAM, 0, "[::]:8001"},
		{"ListenStream=127.0.0.1:8002", unix.AF_INET, unix.SOCK_STREAM, 1, "127.0.0.1:8002"},
		{"ListenStream=[::1]:8003", unix.AF_INET6, unix.SOCK_STREAM, 1, "[::1]:8003"},
		{"ListenStream=[::]:8004%%lo", unix.AF_INET6, unix.SOCK_STREAM, 1, "[::]:8004"},
		{"ListenNetlink=kobject-uevent 1", unix.AF_NETLINK, unix.SOCK_RAW, 0, ""},
		{"ListenNetlink=route 1361", unix.AF_NETLINK, unix.SOCK_RAW, 0, ""},
	} {
		t.Run(tt.listen, func(t *testing.T) {
			fd := open(t, load(t, tt.listen), o)[0]
			if f, k, a := familyOf(fd), sockopt(t, fd, unix.SOL_SOCKET, unix.SO_TYPE), sockopt(t, fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); f != tt.family || k != tt.kind || a != tt.accept {
				t.Errorf("family %d, type %d, listens %d", f, k, a)
			}
			sa, err := unix.Getsockname(fd)
			if err != nil {
				t.Fatal(err)
			}
			if got := pretty(sa, false, true); got != tt.name {
				t.Errorf("is %q, want %q", got, tt.name)
			}
			if sa, ok := sa.(*unix.SockaddrNetlink); ok && sa.Groups == 0 {
				t.Error("no multicast group")
			}
		})
	}
}

func TestOpenVsock(t *testing.T) {
	s := load(t, "ListenStream=vsock::70000")
	fds, _, err := Open(s, Options{})
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV) {
		if !strings.HasPrefix(err.Error(), "Failed to create listening socket (vsock::70000): ") {
			t.Error(err)
		}
		t.Skipf("this kernel has no vsock: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	CloseAll(fds)
}

func TestOpenFiles(t *testing.T) {
	old := unix.Umask(0o077) // modes are what the unit says, whatever ours is
	defer unix.Umask(old)
	dir := t.TempDir()
	s := load(t, fmt.Sprintf("ListenStream=%s/a/b/s\nListenFIFO=%s/a/c/f\nListenFIFO=%s/a/c/g\nSocketMode=0626\nDirectoryMode=0751\n", dir, dir, dir))
	for range 2 { // the second time over what the first has left
		fds := open(t, s, Options{})
		for path, want := range map[string]os.FileMode{
			"a": os.ModeDir | 0o751, "a/b": os.ModeDir | 0o751, "a/c": os.ModeDir | 0o751,
			"a/b/s": os.ModeSocket | 0o626, "a/c/f": os.ModeNamedPipe | 0o626,
		} {
			if st, err := os.Lstat(dir + "/" + path); err != nil || st.Mode() != want {
				t.Errorf("%s: %v, %v; want %v", path, st.Mode(), err, want)
			}
		}
		c := client(t, unix.SOCK_STREAM, dir+"/a/b/s")
		conn, _, err := unix.Accept(fds[0])
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(conn)
		unix.Close(c)
	}
}

func TestOpenOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving files away needs root")
	}
	dir := t.TempDir()
	lookups := Options{
		LookupUser: func(name string) (uint32, uint32, error) {
			if name == "nobody-here" {
				return 0, 0, unix.ESRCH
			}
			return 4711, 4712, nil
		},
		LookupGroup: func(string) (uint32, error) { return 4713, nil },
	}
	for name, tt := range map[string]struct {
		lines    string
		o        Options
		uid, gid uint32
		err      string
	}{
		"nobody's":         {"", Options{}, 0, 0, ""},
		"user":             {"SocketUser=web", lookups, 4711, 4712, ""},
		"user and group":   {"SocketUser=web\nSocketGroup=www", lookups, 4711, 4713, ""},
		"group":            {"SocketGroup=www", lookups, 0, 4713, ""},
		"unknown":          {"SocketUser=nobody-here", lookups, 0, 0, "Failed to resolve user nobody-here: No such process"},
		"number":           {"SocketUser=47110815", Options{}, 47110815, 0, ""},
		"passwd":           {"SocketUser=daemon", Options{}, 1, 1, ""},
		"group's number":   {"SocketGroup=47110815", Options{}, 0, 47110815, ""},
		"group by name":    {"SocketGroup=daemon", Options{}, 0, 1, ""},
		"unknown, default": {"SocketGroup=nobody-here", Options{}, 0, 0, "Failed to resolve group nobody-here: No such process"},
	} {
		t.Run(name, func(t *testing.T) {
			in := dir + "/" + strings.ReplaceAll(name, " ", "")
			s := load(t, fmt.Sprintf("ListenStream=%s/s\nListenFIFO=%s/f\nSocketMode=0640\n%s\n", in, in, tt.lines))
			if tt.err != "" {
				if fds, _, err := Open(s, tt.o); err == nil || err.Error() != tt.err || fds != nil {
					t.Errorf("%v, want %s", err, tt.err)
				}
				return
			}
			for range 2 { // a FIFO that is another's is ours if the unit has given it away
				open(t, s, tt.o)
			}
			for _, f := range []string{"s", "f"} {
				var st unix.Stat_t
				if err := unix.Lstat(in+"/"+f, &st); err != nil || st.Uid != tt.uid || st.Gid != tt.gid || st.Mode&0o777 != 0o640 {
					t.Errorf("%s: %d:%d %o, %v", f, st.Uid, st.Gid, st.Mode, err)
				}
			}
		})
	}
}

func TestOpenOptions(t *testing.T) {
	o := Options{NetworkNamespace: network(t)}
	dir := t.TempDir()
	for _, tt := range []struct {
		listen, lines string
		level, name   int
		want          int
	}{
		{"ListenStream=9000", "KeepAlive=yes", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"ListenStream=9000", "KeepAliveTimeSec=1min", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 60},
		{"ListenStream=9000", "KeepAliveIntervalSec=7", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 7},
		{"ListenStream=9000", "KeepAliveProbes=5", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 5},
		{"ListenStream=9000", "DeferAcceptSec=3", unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 3},
		{"ListenStream=9000", "NoDelay=yes", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{"ListenDatagram=9000", "Broadcast=yes", unix.SOL_SOCKET, unix.SO_BROADCAST, 1},
		{"ListenStream=" + dir + "/pc", "PassCredentials=yes", unix.SOL_SOCKET, unix.SO_PASSCRED, 1},
		{"ListenDatagram=9000", "PassPacketInfo=yes", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{"ListenDatagram=0.0.0.0:9000", "PassPacketInfo=yes", unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
		{"ListenDatagram=9000", "Timestamping=us", unix.SOL_SOCKET, unix.SO_TIMESTAMP, 1},
		{"ListenDatagram=9000", "Timestamping=ns", unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{"ListenStream=9000", "Priority=6", unix.SOL_SOCKET, unix.SO_PRIORITY, 6},
		{"ListenStream=9000", "ReceiveBuffer=8M", unix.SOL_SOCKET, unix.SO_RCVBUF, 16 << 20},
		{"ListenStream=9000", "SendBuffer=8M", unix.SOL_SOCKET, unix.SO_SNDBUF, 16 << 20},
		{"ListenStream=9000", "Mark=3", unix.SOL_SOCKET, unix.SO_MARK, 3},
		{"ListenStream=0.0.0.0:9000", "IPTOS=low-delay", unix.IPPROTO_IP, unix.IP_TOS, 16},
		{"ListenStream=0.0.0.0:9000", "IPTTL=33", unix.IPPROTO_IP, unix.IP_TTL, 33},
		{"ListenStream=[::]:9000", "IPTTL=33", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, 33},
		{"ListenStream=9000", "ReusePort=yes", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{"ListenStream=9000", "", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{"ListenStream=9000", "FreeBind=yes", unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1},
		{"ListenStream=192.0.2.77:9000", "FreeBind=yes", unix.IPPROTO_IP, unix.IP_FREEBIND, 1},
		{"ListenStream=9000", "Transparent=yes", unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT, 1},
		{"ListenStream=192.0.2.77:9000", "Transparent=yes", unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1},
		{"ListenStream=9000", "BindIPv6Only=ipv6-only", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
		{"ListenStream=9000", "BindIPv6Only=both", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0},
	} {
		t.Run(tt.listen+" "+tt.lines, func(t *testing.T) {
			fd := open(t, load(t, tt.listen+"\n"+tt.lines), o)[0]
			if got := sockopt(t, fd, tt.level, tt.name); got != tt.want {
				t.Errorf("is %d, want %d", got, tt.want)
			}
		})
	}
	t.Run("strings", func(t *testing.T) {
		fd := open(t, load(t, "ListenStream=9001\nBindToDevice=lo\nTCPCongestion=reno"), o)[0]
		if s, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE); err != nil || s != "lo" {
			t.Errorf("bound to %q, %v", s, err)
		}
		if s, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION); err != nil || strings.TrimRight(s, "\x00") != "reno" {
			t.Errorf("congestion control %q, %v", s, err)
		}
	})
	t.Run("pipe", func(t *testing.T) {
		fd := open(t, load(t, "ListenFIFO="+dir+"/fifo\nPipeSize=128K"), o)[0]
		if n, err := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0); err != nil || n != 128<<10 {
			t.Errorf("%d bytes, %v", n, err)
		}
	})
}

// What systemd only warns about does not keep a socket from being opened.
func TestOpenDegraded(t *testing.T) {
	o := Options{NetworkNamespace: network(t)}
	dir := t.TempDir()
	for lines, want := range map[string]string{ // the reason may go on
		"ListenStream=@degraded\nNoDelay=yes":                                  "NoDelay=: TCP_NODELAY failed: Operation not supported",
		"ListenStream=9000\nTCPCongestion=no-such":                             "TCPCongestion=: TCP_CONGESTION failed: No such file or directory",
		"ListenStream=@degraded\nIPTTL=3":                                      "IPTTL=: IP_TTL/IPV6_UNICAST_HOPS failed: Address family not supported by protocol",
		"ListenStream=@degraded\nPassPacketInfo=yes":                           "PassPacketInfo=: Failed to enable packet info socket option: Address family not supported by protocol",
		"ListenFIFO=" + dir + "/f\nSymlinks=" + dir + "/there":                 "Symlinks=: Failed to create symlink " + dir + "/f → " + dir + "/there, ignoring: File exists",
		"ListenFIFO=" + dir + "/f\nPipeSize=1T":                                "PipeSize=: Setting pipe size failed, ignoring: ",
		"ListenStream=9000\nReceiveBuffer=3G":                                  "ReceiveBuffer=: SO_RCVBUF/SO_RCVBUFFORCE failed: Numerical result out of range",
		"ListenStream=9000\nPassSecurity=yes\nSELinuxContextFromNet=yes":       "",
		"ListenFIFO=" + dir + "/f\nSymlinks=" + dir + "/there\nRemoveOnStop=y": "",
	} {
		t.Run(lines, func(t *testing.T) {
			_ = os.Remove(dir + "/there")
			if err := os.WriteFile(dir+"/there", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			fds, degraded, err := Open(load(t, lines), o)
			if err != nil {
				t.Fatal(err)
			}
			CloseAll(fds)
			got := ""
			for _, d := range degraded {
				got += d.String()
			}
			if !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	o := Options{NetworkNamespace: network(t)}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/dir", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("fifo", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for lines, want := range map[string]string{
		"ListenStream=192.0.2.1:80":                                  "Failed to create listening socket (192.0.2.1:80): Cannot assign requested address",
		"ListenStream=[2001:db8::1]:80":                              "Failed to create listening socket ([2001:db8::1]:80): Cannot assign requested address",
		"ListenStream=80\nListenStream=80":                           "Failed to create listening socket ([::]:80): Address already in use",
		"ListenStream=80\nBindToDevice=eth77":                        "Failed to create listening socket ([::]:80): No such device",
		"ListenStream=[fe80::1]:80%%eth77":                           "Failed to create listening socket ([fe80::1]:80%eth77): No such device",
		"ListenStream=" + dir + "/dir":                               "Failed to create listening socket (" + dir + "/dir): Address already in use",
		"ListenStream=" + dir + "/file/s":                            "Failed to create listening socket (" + dir + "/file/s): Not a directory",
		"ListenDatagram=" + dir + "/s\nListenFIFO=/proc/x":           "Failed to open FIFO /proc/x: No such file or directory",
		"ListenFIFO=" + dir + "/file":                                "Failed to open FIFO " + dir + "/file: File exists",
		"ListenFIFO=" + dir + "/fifo":                                "Failed to open FIFO " + dir + "/fifo: File exists", // another mode
		"ListenFIFO=" + dir + "/link":                                "Failed to open FIFO " + dir + "/link: Too many levels of symbolic links",
		"ListenSpecial=" + dir + "/none":                             "Failed to open special file " + dir + "/none: No such file or directory",
		"ListenSpecial=" + dir + "/fifo":                             "Failed to open special file " + dir + "/fifo: File exists",
		"ListenMessageQueue=/a/b":                                    "Failed to open message queue /a/b: Permission denied",
		"ListenUSBFunction=/dev/usb":                                 "Failed to open USB FunctionFS /dev/usb: Operation not supported",
		"ListenStream=1\nSocketProtocol=sctp\nListenNetlink=rdma 77": "",
	} {
		t.Run(lines, func(t *testing.T) {
			before := openFDs(t)
			fds, _, err := Open(load(t, lines), o)
			if want == "" { // which kernels can and which cannot: no more than that nothing is left open
				CloseAll(fds)
			} else if err == nil || err.Error() != want || fds != nil {
				t.Errorf("%v, want %s", err, want)
			}
			if after := openFDs(t); after != before {
				t.Errorf("%d descriptors are open, %d before", after, before)
			}
		})
	}
	s := load(t, "ListenStream=80")
	if _, _, err := Open(s, Options{NetworkNamespace: "/nonexistent"}); err == nil ||
		err.Error() != "Failed to open network namespace path /nonexistent: No such file or directory" {
		t.Error(err)
	}
	if _, _, err := Open(s, Options{NetworkNamespace: "/dev/null"}); err == nil || err.Error() != "Failed to join network namespace: Invalid argument" {
		t.Error(err)
	}
}

func openFDs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestOpenMessageQueue(t *testing.T) {
	name := fmt.Sprintf("/keelson-sock-test-%d", os.Getpid())
	s := load(t, "ListenMessageQueue="+name+"\nMessageQueueMaxMessages=3\nMessageQueueMessageSize=100\nSocketMode=0600\nRemoveOnStop=yes")
	fds, _, err := Open(s, Options{})
	if errors.Is(err, unix.ENOSYS) {
		t.Skip("this kernel has no message queues")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll(fds)
	defer Remove(s)
	if n, err := queueMessageSize(fds[0]); err != nil || n != 100 {
		t.Errorf("messages of %d bytes, %v", n, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fds[0], &st); err != nil || st.Mode&0o777 != 0o600 {
		t.Errorf("mode %o, %v", st.Mode, err)
	}
	again := open(t, s, Options{}) // is found as it was left
	s.SocketMode = 0o644
	if _, _, err := Open(s, Options{}); err == nil || err.Error() != "Failed to open message queue "+name+": File exists" {
		t.Errorf("%v with another mode", err)
	}
	send(t, name, "hello")
	send(t, name, "world")
	if !readable(t, again[0]) {
		t.Error("nothing arrived")
	}
	Flush(fds, s)
	if readable(t, again[0]) {
		t.Error("something is left after the flush")
	}
	if err := Remove(s); err != nil {
		t.Error(err)
	}
	if err := unlinkQueue(name); err != unix.ENOENT {
		t.Errorf("%v: the queue is still there", err)
	}
	if err := Remove(s); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
}

func TestSpecial(t *testing.T) {
	s := load(t, "ListenSpecial=/dev/null\nListenSpecial=/proc/self/mounts")
	for _, writable := range []bool{false, true} {
		s.Writable = writable
		want := unix.O_RDONLY
		if writable {
			s.Listens = s.Listens[:1]
			want = unix.O_RDWR
		}
		fd := open(t, s, Options{})[0]
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_ACCMODE != want {
			t.Errorf("flags %#o, %v", flags, err)
		}
	}
}

func TestRemove(t *testing.T) {
	dir := t.TempDir()
	s := load(t, fmt.Sprintf("ListenStream=%s/s\nListenStream=@keelson-x\nSymlinks=%s/l1 %s/l/l2\n", dir, dir, dir))
	open(t, s, Options{})
	for _, link := range s.Symlinks {
		if to, err := os.Readlink(link); err != nil || to != dir+"/s" {
			t.Errorf("%s leads to %q, %v", link, to, err)
		}
	}
	if err := Remove(s); err != nil {
		t.Fatal(err)
	}
	for _, path := range append(s.Symlinks, dir+"/s") {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "s"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Remove(s); err == nil || err.Error() != "Failed to remove "+dir+"/s: Is a directory" {
		t.Error(err)
	}
}

func TestText6(t *testing.T) {
	for in, want := range map[string]string{
		"::": "::", "::1": "::1", "::1:2": "::0.1.0.2", "::c0a8:1": "::192.168.0.1", "::ffff:1.2.3.4": "::ffff:1.2.3.4",
		"2001:db8:0:0:1:0:0:1": "2001:db8::1:0:0:1", "2001:0:1:2:3:4:5:6": "2001:0:1:2:3:4:5:6",
	} {
		if got := text6(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}

// What a container may not do is named, and the socket is opened.
func TestOpenWithoutPrivilege(t *testing.T) {
	s := load(t, "ListenStream=@keelson-unprivileged\nMark=3\nPriority=7\nReceiveBuffer=1G\nSendBuffer=1G\nKeepAlive=yes")
	type result struct {
		degraded []Degradation
		err      error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // capabilities are a thread's; it ends with the goroutine
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			done <- result{nil, err}
			return
		}
		fds, degraded, err := Open(s, Options{})
		CloseAll(fds)
		done <- result{degraded, err}
	}()
	r := <-done
	if r.err != nil {
		t.Fatal(r.err)
	}
	want := []Degradation{
		{"Priority", "SO_PRIORITY failed: Operation not permitted"},
		{"ReceiveBuffer", "SO_RCVBUF/SO_RCVBUFFORCE failed: Operation not permitted"},
		{"SendBuffer", "SO_SNDBUF/SO_SNDBUFFORCE failed: Operation not permitted"},
		{"Mark", "SO_MARK failed: Operation not permitted"},
	}
	if fmt.Sprint(r.degraded) != fmt.Sprint(want) {
		t.Errorf("is   %v\nwant %v", r.degraded, want)
	}
}
