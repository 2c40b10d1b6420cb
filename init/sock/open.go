package sock

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise/unit"
)

// Options are what Open needs beside the unit.
type Options struct {
	// LookupUser and LookupGroup find SocketUser= and SocketGroup=, which may be numbers. Nil is /etc/passwd and /etc/group.
	LookupUser  func(name string) (uid, gid uint32, err error)
	LookupGroup func(name string) (gid uint32, err error)
	// NetworkNamespace is the path of the network namespace that the sockets belong to; "" is ours (systemd.socket(5): PrivateNetwork=,
	// NetworkNamespacePath=).
	NetworkNamespace string
}

// Open opens all that a socket unit listens on, in the order of its directives: one descriptor for each of s.Listens. The caller owns them. After an
// error nothing is open, though files may have been made, as in systemd (socket_open_fds in src/core/socket.c).
func Open(s *unit.Socket, o Options) (fds []int, degraded []Degradation, err error) {
	p := opening{s: s, uid: -1, gid: -1}
	if err = p.owners(o); err != nil {
		return nil, nil, err
	}
	if o.NetworkNamespace == "" {
		err = p.all()
	} else {
		err = inNetwork(o.NetworkNamespace, p.all)
	}
	if err == nil {
		err = p.giveAway()
	}
	if err != nil {
		CloseAll(p.fds)
		return nil, p.degraded, err
	}
	return p.fds, p.degraded, nil
}

type opening struct {
	s        *unit.Socket
	uid, gid int // SocketUser=, SocketGroup=; -1 is none
	fds      []int
	degraded []Degradation
}

func (p *opening) degrade(directive string, err error, format string, args ...any) {
	p.degraded = append(p.degraded, Degradation{directive, fail(err, format, args...).Error()})
}

func (p *opening) all() error {
	for i := range p.s.Listens {
		fd, err := p.one(&p.s.Listens[i])
		if err != nil {
			return err
		}
		p.fds = append(p.fds, fd)
	}
	p.symlinks()
	return nil
}

// one opens one; its options are applied as they are in systemd (socket_open_fds).
func (p *opening) one(l *unit.Listen) (int, error) {
	switch l.Kind {
	case unit.ListenFIFO:
		fd, err := p.fifo(l.Path)
		if err != nil {
			return -1, fail(err, "Failed to open FIFO %s", l.Path)
		}
		p.fifoOptions(fd)
		return fd, nil
	case unit.ListenSpecial:
		fd, err := special(l.Path, p.s.Writable)
		if err != nil {
			return -1, fail(err, "Failed to open special file %s", l.Path)
		}
		return fd, nil
	case unit.ListenMessageQueue:
		fd, err := p.queue(l.Path)
		if err != nil {
			return -1, fail(err, "Failed to open message queue %s", l.Path)
		}
		return fd, nil
	case unit.ListenUSBFunction:
		return -1, fail(unix.EOPNOTSUPP, "Failed to open USB FunctionFS %s", l.Path)
	}
	fd, err := p.listen(l)
	if err != nil {
		return -1, fail(err, "Failed to create listening socket (%s)", describe(l))
	}
	p.socketOptions(fd)
	return fd, nil
}

// listen is socket_address_listen of src/shared/socket-label.c.
func (p *opening) listen(l *unit.Listen) (fd int, err error) {
	a, err := resolve(l, p.s.Protocol)
	if err != nil {
		return -1, err
	}
	flags := unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err = unix.Socket(a.family, a.kind|flags, a.protocol)
	if err == unix.EAFNOSUPPORT {
		if b := a.withoutIPv6(l); b != nil {
			a = b
			fd, err = unix.Socket(a.family, a.kind|flags, a.protocol)
		}
	}
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
			fd = -1
		}
	}()
	if err := p.beforeBind(fd, a); err != nil {
		return fd, err
	}
	if err := p.bind(fd, a); err != nil {
		return fd, err
	}
	if a.canAccept() {
		if err := unix.Listen(fd, int(min(p.s.Backlog, math.MaxInt32))); err != nil {
			return fd, err
		}
	}
	if a.path != "" {
		// Whoever waits by inotify for a socket that listens is told now.
		_ = unix.UtimesNanoAt(unix.AT_FDCWD, a.path, nil, unix.AT_SYMLINK_NOFOLLOW)
	}
	return fd, nil
}

// beforeBind sets what decides about the bind. Where an interface or an address family would be another than asked for, that is an error.
func (p *opening) beforeBind(fd int, a *address) error {
	s := p.s
	if a.family == unix.AF_INET6 && s.BindIPv6Only != unit.BindIPv6Default {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, oneIf(s.BindIPv6Only == unit.BindIPv6OnlyYes)); err != nil {
			return err
		}
	}
	if a.family == unix.AF_INET || a.family == unix.AF_INET6 {
		if s.BindToDevice != "" {
			if err := unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, s.BindToDevice+"\x00"); err != nil {
				return err
			}
		}
		p.set(fd, s.ReusePort, "ReusePort", "SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		if a.family == unix.AF_INET {
			p.set(fd, s.FreeBind, "FreeBind", "IP_FREEBIND/IPV6_FREEBIND", unix.IPPROTO_IP, unix.IP_FREEBIND, 1)
			p.set(fd, s.Transparent, "Transparent", "IP_TRANSPARENT/IPV6_TRANSPARENT", unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1)
		} else {
			p.set(fd, s.FreeBind, "FreeBind", "IP_FREEBIND/IPV6_FREEBIND", unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1)
			p.set(fd, s.Transparent, "Transparent", "IP_TRANSPARENT/IPV6_TRANSPARENT", unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT, 1)
		}
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
}

// bind gives the socket its name. A file that an earlier life left is removed: nobody can tell whether it is still listened on, and the unit says
// that the place is its own.
func (p *opening) bind(fd int, a *address) error {
	if a.path == "" {
		return unix.Bind(fd, a.to)
	}
	makeParents(a.path, p.s.DirectoryMode)
	err := bindPath(fd, a.path, p.s.SocketMode)
	if err == unix.EADDRINUSE && unix.Unlink(a.path) == nil {
		err = bindPath(fd, a.path, p.s.SocketMode)
	}
	return err
}

// bindPath binds a Unix socket to a file of this mode. The mode of the socket itself, less the umask, becomes the file's (unix_bind_bsd in
// net/unix/af_unix.c), so that the file never has a wider one.
func bindPath(fd int, path string, mode uint32) error {
	if err := unix.Fchmod(fd, mode); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	return widen(path, mode)
}

// widen gives a file that was just made the permissions that the umask took away. It follows no link.
func widen(path string, mode uint32) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	mode = mode&0o777 | st.Mode&0o7000 // a folder may have inherited its group
	if st.Mode&0o7777 == mode {
		return nil
	}
	err := unix.Fchmodat(unix.AT_FDCWD, path, mode, unix.AT_SYMLINK_NOFOLLOW) // Linux 6.6
	if err != unix.EOPNOTSUPP {
		return err
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode)
}

// makeParents makes the folders that path is to be in. What goes wrong is seen when the file is made (mkdir_parents_label).
func makeParents(path string, mode uint32) { _ = makeDirectory(filepath.Dir(path), mode) }

// makeDirectory makes a folder and those above it; those that it makes have this mode whatever the umask.
func makeDirectory(dir string, mode uint32) error {
	err := unix.Mkdir(dir, mode)
	if err == unix.ENOENT && dir != "/" && dir != "." {
		if err := makeDirectory(filepath.Dir(dir), mode); err != nil {
			return err
		}
		err = unix.Mkdir(dir, mode)
	}
	switch err {
	case nil:
		return widen(dir, mode)
	case unix.EEXIST:
		if st, e := os.Stat(dir); e != nil || !st.IsDir() {
			return unix.ENOTDIR
		}
		return nil
	}
	return err
}

// symlinks makes Symlinks= (socket_symlink in src/core/socket.c).
func (p *opening) symlinks() {
	target := symlinkTarget(p.s)
	if target == "" {
		return
	}
	for _, link := range p.s.Symlinks {
		makeParents(link, p.s.DirectoryMode)
		err := symlink(target, link)
		if err == unix.EEXIST && p.s.RemoveOnStop && unix.Unlink(link) == nil {
			err = symlink(target, link)
		}
		if err != nil {
			p.degrade("Symlinks", err, "Failed to create symlink %s → %s, ignoring", target, link)
		}
	}
}

// symlinkTarget is the only file of the unit; "" if there is none or more than one.
func symlinkTarget(s *unit.Socket) string {
	found := ""
	for i := range s.Listens {
		switch path := nodeOf(&s.Listens[i]); {
		case path == "":
		case found != "":
			return ""
		default:
			found = path
		}
	}
	return found
}

// nodeOf is the FIFO or the socket that a directive makes in the file system, "" if it makes none.
func nodeOf(l *unit.Listen) string {
	if l.Kind == unit.ListenFIFO || l.Family == unit.FamilyUnix && l.Path[0] == '/' {
		return l.Path
	}
	return ""
}

// symlink is fine with a link that is there and says the same.
func symlink(target, link string) error {
	err := unix.Symlink(target, link)
	if err == unix.EEXIST {
		if there, e := os.Readlink(link); e == nil && there == target {
			return nil
		}
	}
	return err
}

// inNetwork calls f in another network namespace, on a thread that nobody uses afterwards.
func inNetwork(path string, f func() error) error {
	ns, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return fail(err, "Failed to open network namespace path %s", path)
	}
	defer unix.Close(ns)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := sys.Retry(func() error { return unix.Setns(ns, unix.CLONE_NEWNET) }); err != nil {
			done <- fail(err, "Failed to join network namespace")
			return
		}
		done <- f()
	}()
	return <-done
}

// Remove removes what the unit's sockets left in the file system, for RemoveOnStop=yes (socket_close_fds in src/core/socket.c). The error tells of
// what could not be removed, though it was there; the rest is.
func Remove(s *unit.Socket) error {
	var problems []error
	removed := func(path string, err error) {
		if err != nil && err != unix.ENOENT {
			problems = append(problems, fail(err, "Failed to remove %s", path))
		}
	}
	for i := range s.Listens {
		l := &s.Listens[i]
		if l.Kind == unit.ListenMessageQueue {
			removed(l.Path, unlinkQueue(l.Path))
		} else if path := nodeOf(l); path != "" {
			removed(path, unix.Unlink(path))
		}
	}
	for _, link := range s.Symlinks {
		removed(link, unix.Unlink(link))
	}
	return errors.Join(problems...)
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}
