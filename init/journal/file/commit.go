package file

import (
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// changes are words of the file that are to change together, with its header. They wait in a memfd, which one preadv(2) scatters over the mapping: a
// system call that copies from a page is not cut short by SIGKILL, so a reader finds all of them or none. (An entry of hundreds of fields may take two
// calls.) Nothing is written by write(2), which would tell inotify(7) of a change before it is whole, and cost a round trip where the
// file system is a server's.
type changes struct {
	fd      int    // the memfd; -1: there is none, and words are stored one by one
	page    []byte // its contents: the words, then the header
	targets []uint64
	vector  []unix.Iovec
}

const (
	changesMost  = 3*maxItems + 64 // words of the largest entry
	changesSize  = (8*changesMost + headerSize + 4095) &^ 4095
	changesUsual = (4096 - headerSize) / 8 // what fits in a page with the header, and is copied at one go
	vectorMost   = 1024                    // UIO_MAXIOV
)

// open makes the memfd. Without one, as under an old seccomp filter, the words are kept in plain memory.
func (c *changes) open() {
	c.page = nil
	c.fd = -1
	fd, err := unix.MemfdCreate("journal", unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if err == unix.EINVAL { // before Linux 6.3
		fd, err = unix.MemfdCreate("journal", unix.MFD_CLOEXEC)
	}
	if err == nil {
		if err = unix.Ftruncate(fd, changesSize); err == nil {
			c.page, err = unix.Mmap(fd, 0, changesSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		}
		if err != nil {
			unix.Close(fd)
		} else {
			c.fd = fd
		}
	}
	if c.page == nil {
		c.page = make([]byte, changesSize)
	}
	c.targets = make([]uint64, 0, changesMost)
	c.vector = make([]unix.Iovec, 0, vectorMost)
}

func (c *changes) close() {
	if c.fd >= 0 {
		unix.Munmap(c.page)
		unix.Close(c.fd)
	}
	c.fd, c.page = -1, nil
}

// change lets a word of the file become v at the next commit. The number it returns is for changeAgain, until then.
func (w *Writer) change(at, v uint64) int {
	c := &w.changes
	le.PutUint64(c.page[8*len(c.targets):], v)
	c.targets = append(c.targets, at)
	return len(c.targets) - 1
}

func (w *Writer) changeAgain(n int, v uint64) { le.PutUint64(w.changes.page[8*n:], v) }

// room makes sure that so many words can wait for the same commit.
func (w *Writer) room(words int) error {
	if n := len(w.changes.targets); n == 0 || n+words <= changesUsual {
		return nil
	}
	return w.commit()
}

// commit makes the changes and writes the header: from here on the file has what was written before.
func (w *Writer) commit() error {
	if w.observe != nil {
		w.observe()
	}
	c := &w.changes
	words := len(c.targets)
	w.head.encode((*[headerSize]byte)(c.page[8*words:]))
	if c.fd < 0 {
		for i, at := range c.targets {
			atomic.StoreUint64(w.word(at), le.Uint64(c.page[8*i:]))
		}
		copy(w.mem, c.page[8*words:8*words+headerSize])
	} else if err := w.scatter(); err != nil {
		w.broken = &os.PathError{Op: "write", Path: w.path, Err: err}
		return w.broken
	}
	c.targets = c.targets[:0]
	w.commits++
	return nil
}

func (w *Writer) scatter() error {
	c := &w.changes
	add := func(at uint64, size int) {
		if n := len(c.vector); n > 0 && uintptr(unsafe.Pointer(c.vector[n-1].Base))+uintptr(c.vector[n-1].Len) == uintptr(unsafe.Pointer(&w.mem[at])) {
			c.vector[n-1].Len += uint64(size)
			return
		}
		v := unix.Iovec{Base: &w.mem[at]}
		v.SetLen(size)
		c.vector = append(c.vector, v)
	}
	for from := 0; ; {
		c.vector = c.vector[:0]
		to := from
		for ; to < len(c.targets) && len(c.vector) < vectorMost-1; to++ {
			at := c.targets[to]
			// The page is made present and writable first: a fault within the call could end it early if the process is killed meanwhile.
			word := w.word(at)
			atomic.StoreUint64(word, atomic.LoadUint64(word))
			add(at, 8)
		}
		size := 8 * (to - from)
		if to == len(c.targets) {
			atomic.StoreUint64(w.word(0), atomic.LoadUint64(w.word(0)))
			add(0, headerSize)
			size += headerSize
		}
		var n uintptr
		var e unix.Errno
		for {
			n, _, e = unix.Syscall6(unix.SYS_PREADV, uintptr(c.fd), uintptr(unsafe.Pointer(unsafe.SliceData(c.vector))), uintptr(len(c.vector)), uintptr(8*from), 0, 0)
			if e != unix.EINTR {
				break
			}
		}
		switch {
		case e == unix.EFAULT || (e == 0 && int(n) != size):
			return ErrFault
		case e != 0:
			return fmt.Errorf("preadv: %w", e)
		case to == len(c.targets):
			return nil
		}
		from = to
	}
}

// Announce makes inotify(7) tell those who follow the file that it changed since the last time: of the mapping it knows nothing. A failure is no loss.
func (w *Writer) Announce() {
	if w.announced != w.commits && w.fd >= 0 {
		w.announced = w.commits
		unix.Pwrite(w.fd, []byte{byte(w.head.State)}, 16)
	}
}
