package sock

import (
	"os/user"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// fifo is fifo_address_create of src/core/socket.c: made, or found as it would have been made. It is open for both ends, so that there is never a hangup.
func (p *opening) fifo(path string) (fd int, err error) {
	mode := p.s.SocketMode
	makeParents(path, p.s.DirectoryMode)
	made := unix.Mkfifo(path, mode)
	if made != nil && made != unix.EEXIST {
		return -1, made
	}
	err = sys.Retry(func() (err error) {
		fd, err = unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
		return err
	})
	if err != nil {
		return -1, err
	}
	if err := p.own(fd, mode, made == nil, unix.S_IFIFO); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// own says EEXIST unless the open file is of this type and mode, and ours or of the owner that it was given in an earlier life; one that we have just
// made gets the mode.
func (p *opening) own(fd int, mode uint32, made bool, kind uint32) error {
	if made {
		if err := unix.Fchmod(fd, mode); err != nil {
			return err
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	uid, gid := int(st.Uid), int(st.Gid)
	if st.Mode&unix.S_IFMT != kind || st.Mode&0o777 != mode&0o777 || uid != unix.Getuid() && uid != p.uid || gid != unix.Getgid() && gid != p.gid {
		return unix.EEXIST
	}
	return nil
}

// special is special_address_create of src/core/socket.c: a character device or a file of /proc or /sys.
func special(path string, writable bool) (fd int, err error) {
	flags := unix.O_RDONLY
	if writable {
		flags = unix.O_RDWR
	}
	err = sys.Retry(func() (err error) {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
		return err
	})
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	err = unix.Fstat(fd, &st)
	if kind := st.Mode & unix.S_IFMT; err == nil && kind != unix.S_IFREG && kind != unix.S_IFCHR {
		err = unix.EEXIST
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// queueAttributes is struct mq_attr of mq_open(3).
type queueAttributes struct {
	flags, maxMessages, messageSize, messages int64
	_                                         [4]int64
}

// queue is mq_address_create of src/core/socket.c.
func (p *opening) queue(path string) (int, error) {
	mode := p.s.SocketMode
	var attributes *queueAttributes
	if p.s.MessageQueueMaxMessages > 0 && p.s.MessageQueueMessageSize > 0 {
		attributes = &queueAttributes{maxMessages: p.s.MessageQueueMaxMessages, messageSize: p.s.MessageQueueMessageSize}
	}
	fd, err := openQueue(path, unix.O_CREAT|unix.O_EXCL, mode, attributes)
	made := err == nil
	if err == unix.EEXIST {
		fd, err = openQueue(path, unix.O_CREAT, mode, attributes)
	}
	if err != nil {
		return -1, err
	}
	if err := p.own(fd, mode, made, unix.S_IFREG); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// openQueue is mq_open(3), which wants one slash before the name; the system call wants none.
func openQueue(path string, flags int, mode uint32, a *queueAttributes) (int, error) {
	name, err := queueName(path)
	if err != nil {
		return -1, err
	}
	flags |= unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK
	fd, _, no := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), uintptr(flags), uintptr(mode), uintptr(unsafe.Pointer(a)), 0, 0)
	if no != 0 {
		return -1, no
	}
	return int(fd), nil
}

func unlinkQueue(path string) error {
	name, err := queueName(path)
	if err != nil {
		return err
	}
	if _, _, no := unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(name)), 0, 0); no != 0 {
		return no
	}
	return nil
}

func queueName(path string) (*byte, error) {
	name, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, unix.EINVAL
	}
	return unix.BytePtrFromString(name)
}

// queueMessageSize is how many bytes a message of the queue may have.
func queueMessageSize(fd int) (int64, error) {
	var a queueAttributes
	if _, _, no := unix.Syscall(unix.SYS_MQ_GETSETATTR, uintptr(fd), 0, uintptr(unsafe.Pointer(&a))); no != 0 {
		return 0, no
	}
	return a.messageSize, nil
}

// receiveQueue takes a message off the queue, without waiting.
func receiveQueue(fd int, buf []byte) error {
	return sys.Retry(func() error {
		_, _, no := unix.Syscall6(unix.SYS_MQ_TIMEDRECEIVE, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0, 0)
		if no != 0 {
			return no
		}
		return nil
	})
}

// owners finds SocketUser= and SocketGroup= (socket_chown in src/core/socket.c).
func (p *opening) owners(o Options) error {
	user, group := o.LookupUser, o.LookupGroup
	if user == nil {
		user = lookupUser
	}
	if group == nil {
		group = lookupGroup
	}
	if name := p.s.SocketUser; name != "" {
		u, g, err := user(name)
		if err != nil {
			return fail(err, "Failed to resolve user %s", name)
		}
		p.uid, p.gid = int(u), int(g)
	}
	if name := p.s.SocketGroup; name != "" {
		g, err := group(name)
		if err != nil {
			return fail(err, "Failed to resolve group %s", name)
		}
		p.gid = int(g)
	}
	return nil
}

// giveAway gives the files to their owners.
func (p *opening) giveAway() error {
	if p.uid < 0 && p.gid < 0 {
		return nil
	}
	for i := range p.s.Listens {
		path := nodeOf(&p.s.Listens[i])
		if path == "" {
			continue
		}
		if err := unix.Lchown(path, p.uid, p.gid); err != nil {
			return fail(err, "Failed to chown()")
		}
	}
	return nil
}

func lookupUser(name string) (uid, gid uint32, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		if n, e := strconv.ParseUint(name, 10, 32); e == nil {
			if u, err = user.LookupId(name); err != nil {
				return uint32(n), ^uint32(0), nil // a number needs no entry; the group stays
			}
		} else {
			return 0, 0, unix.ESRCH
		}
	}
	return number(u.Uid), number(u.Gid), nil
}

func lookupGroup(name string) (gid uint32, err error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		n, e := strconv.ParseUint(name, 10, 32)
		if e != nil {
			return 0, unix.ESRCH
		}
		return uint32(n), nil
	}
	return number(g.Gid), nil
}

func number(s string) uint32 {
	n, _ := strconv.ParseUint(s, 10, 32) // os/user takes numbers only
	return uint32(n)
}
