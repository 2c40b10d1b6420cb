package file

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// What Append answers when the entry has to go into another file.
var (
	ErrFull      = errors.New("journal file is full")
	ErrBackwards = errors.New("the clock was set back") // entries of one file are searched by time
	ErrFault     = errors.New("journal file was cut while in use")
)

// Limits of a file.
const (
	SizeSmallest = 512 << 10
	SizeLargest  = math.MaxUint32 &^ 0xfff // the header keeps one offset in 32 bits

	growSmallest = 64 << 10
	growLargest  = 4 << 20
	residentMost = 4 << 20 // bytes of the mapping that count as the process's memory

	chainLongest = 100 // a longer hash chain makes the file count as full (HASH_CHAIN_DEPTH_MAX)
	maxData      = 4096
	maxFields    = 1024
	maxItems     = 1024 // fields of an entry (ENTRY_FIELD_COUNT_MAX)
)

// Options are what a new file is made for.
type Options struct {
	MaxSize       uint64 // bytes; kept between SizeSmallest and SizeLargest
	Machine, Boot ID
	SeqnumID      ID     // the series that the file goes on with; zero begins one
	Seqnum        uint64 // the last sequence number of the series
}

// A Data is one "FIELD=value" that many entries have: it remembers where the file keeps it. It belongs to the Writer that Intern got it
// from, whose owner alone may use it.
type Data struct {
	text    []byte
	jenkins uint64
	epoch   *epoch // of the Writer, when the rest was found
	walked  bool   // the chain is known
	offset  uint64
	hash    uint64
	chain
}

// NewData copies a "FIELD=value". A Writer adopts it when it is first appended; until then and after that it may go from one Writer to the
// next.
func NewData(text []byte) *Data {
	return &Data{text: bytes.Clone(text), jenkins: HashJenkins(text)}
}

// Text is "FIELD=value".
func (d *Data) Text() []byte { return d.text }

// An epoch begins whenever a Writer forgets what it interned.
type epoch struct{ _ byte }

// A chain is the place in a list of entries where the next goes.
type chain struct {
	entries    uint64 // in all, the one kept inline included
	array      uint64 // the last array; 0 if there is none
	used, size uint64 // slots of it
	commit     uint64 // that waits for the change of the count
	change     int
}

// A Writer appends to one file. It is not safe for concurrent use. It owns its descriptor and mapping until Close.
type Writer struct {
	path   string
	fd     int
	mem    []byte // MaxSize bytes of address space; what is behind the end of the file must not be touched
	head   Header
	max    uint64
	alloc  uint64 // bytes of the file that exist
	filled uint64 // of these, bytes known to be there without a fault
	tail   uint64 // where the next object goes
	main   chain

	epoch     *epoch
	data      map[string]*Data
	fields    map[string]fieldAt
	recent    [256]recentChain // of data that is not interned
	items     []item
	changes   changes
	commits   uint64 // so far: what waits is of the next
	announced uint64 // of commits
	fresh     []fresh
	observe   func() // of a test: called before each commit
	broken    error
}

type fieldAt struct {
	offset, head uint64
	commit       uint64 // that waits for the change of its head
	change       int
}

type recentChain struct {
	offset uint64
	chain
}

// Create makes the file at path, which must not exist, by way of a temporary name in the same directory. It is ONLINE.
func Create(path string, o Options) (*Writer, error) {
	o.MaxSize = min(max(o.MaxSize, SizeSmallest), SizeLargest) &^ 0xfff
	temporary := path + ".new"
	if err := unix.Unlink(temporary); err != nil && err != unix.ENOENT {
		return nil, &os.PathError{Op: "unlink", Path: temporary, Err: err}
	}
	fd, err := openat(temporary, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o640)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: temporary, fd: fd, max: o.MaxSize}
	w.reset()
	h := &w.head
	h.State, h.Incompatible, h.Size = Online, IncompatibleKeyed, headerSize
	h.Machine, h.Boot, h.SeqnumID, h.TailSeqnum = o.Machine, o.Boot, o.SeqnumID, o.Seqnum
	if _, err := rand.Read(h.File[:]); err != nil {
		w.discard()
		return nil, err
	}
	h.File[6], h.File[8] = h.File[6]&0x0f|0x40, h.File[8]&0x3f|0x80 // a UUID of version 4, as sd_id128_randomize makes
	if h.SeqnumID.IsZero() {
		h.SeqnumID = h.File
	}
	items := max(o.MaxSize*4/768/3, dataTableSmallest)
	h.DataTable, h.DataTableSize = headerSize+tableItems, items*hashItem
	fields := h.DataTable + h.DataTableSize
	h.FieldTable, h.FieldTableLen = fields+tableItems, fieldTableSize*hashItem
	w.tail = h.FieldTable + h.FieldTableLen
	h.TailObject, h.Objects = fields, 2
	if err := w.open(); err != nil {
		w.discard()
		return nil, err
	}
	w.put(headerSize, typeDataTable)
	w.put(headerSize+8, tableItems+h.DataTableSize)
	w.put(fields, typeFieldTable)
	w.put(fields+8, tableItems+h.FieldTableLen)
	if err := w.commit(); err != nil {
		w.discard()
		return nil, err
	}
	if err := unix.Renameat2(unix.AT_FDCWD, temporary, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE); err != nil {
		// Not every file system knows the flag.
		if err == unix.EINVAL || err == unix.ENOSYS {
			err = unix.Rename(temporary, path)
		}
		if err != nil {
			w.discard()
			return nil, &os.LinkError{Op: "rename", Old: temporary, New: path, Err: err}
		}
	}
	w.path = path
	return w, nil
}

// Continue goes on with a file that was closed in order and is of this machine and boot; of any other it says why not.
func Continue(path string, o Options, now uint64) (*Writer, error) {
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	h, err := r.Header()
	if err == nil {
		switch {
		case h.State != Offline:
			err = fmt.Errorf("%s is %s", path, h.State)
		case h.Machine != o.Machine || h.Boot != o.Boot:
			err = fmt.Errorf("%s is of another machine or boot", path)
		case h.Incompatible != IncompatibleKeyed || h.Compatible != 0 || h.Size != headerSize:
			err = fmt.Errorf("%s was made by another program", path)
		case h.TailRealtime > now:
			err = fmt.Errorf("%s: %w", path, ErrBackwards)
		}
	}
	var list chain
	if err == nil {
		list, err = r.chainOf(h.EntryArray, h.Entries)
		list.entries = h.Entries
	}
	r.Close()
	if err != nil {
		return nil, err
	}
	fd, err := openat(path, unix.O_RDWR|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	w := &Writer{path: path, fd: fd, head: h, max: min(max(o.MaxSize, SizeSmallest, h.Size+h.Arena), SizeLargest) &^ 0xfff, main: list}
	w.reset()
	w.alloc = h.Size + h.Arena
	if err := w.open(); err != nil {
		w.Close()
		return nil, err
	}
	err = w.guarded(func() error {
		w.tail = h.TailObject + align(w.get(h.TailObject+8))
		return nil
	})
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func openat(path string, flags int, mode uint32) (fd int, err error) {
	err = sys.Retry(func() (err error) {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, mode)
		return err
	})
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

func (w *Writer) reset() {
	w.epoch = new(epoch)
	w.data, w.fields = map[string]*Data{}, map[string]fieldAt{}
	w.recent = [len(w.recent)]recentChain{}
}

// open maps the file and makes room up to the tail.
func (w *Writer) open() (err error) {
	w.mem, err = unix.Mmap(w.fd, 0, int(w.max), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return &os.PathError{Op: "mmap", Path: w.path, Err: err}
	}
	w.changes.open()
	return w.grow(max(w.tail, headerSize))
}

func (w *Writer) discard() {
	unix.Unlink(w.path)
	w.Close()
}

// grow makes sure that the file reaches to end, with its blocks allocated. Nothing is written there yet.
func (w *Writer) grow(end uint64) error {
	if end > w.max {
		return ErrFull
	}
	if end > w.alloc {
		step := min(max(w.max/16, growSmallest), growLargest) &^ 0xfff
		to := min((end+step-1)/step*step, w.max)
		err := w.allocate(w.alloc, to)
		if err == unix.ENOSPC && to > (end+0xfff)&^0xfff {
			to = (end + 0xfff) &^ 0xfff
			err = w.allocate(w.alloc, to)
		}
		if err != nil {
			return &os.PathError{Op: "fallocate", Path: w.path, Err: err}
		}
		if w.alloc/residentMost != to/residentMost {
			unix.Madvise(w.mem, unix.MADV_DONTNEED) // the file keeps its pages, the process need not
		}
		w.alloc = to
		w.head.Arena = to - headerSize
	}
	// A file system that writes elsewhere than it allocated may still have no space: asking for the pages gives an error where
	// touching them would give SIGBUS (madvise(2), since Linux 5.14).
	for w.filled < end {
		from := w.filled &^ 0xfff
		to := min(max(end, from+growSmallest), w.alloc)
		err := unix.Madvise(w.mem[from:to], unix.MADV_POPULATE_WRITE)
		if err == unix.EFAULT || err == unix.ENOMEM {
			return &os.PathError{Op: "write", Path: w.path, Err: unix.ENOSPC}
		}
		w.filled = to
	}
	return nil
}

// allocate is fallocate(2); where the file system has none, zeros are written, as posix_fallocate(3) does.
func (w *Writer) allocate(from, to uint64) error {
	err := sys.Retry(func() error { return unix.Fallocate(w.fd, 0, int64(from), int64(to-from)) })
	if err != unix.EOPNOTSUPP && err != unix.ENOSYS {
		return err
	}
	zero := make([]byte, 64<<10)
	for from < to {
		n, err := unix.Pwrite(w.fd, zero[:min(uint64(len(zero)), to-from)], int64(from))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		from += uint64(n)
	}
	return nil
}

func (w *Writer) get(at uint64) uint64    { return le.Uint64(w.mem[at:]) }
func (w *Writer) put(at uint64, v uint64) { le.PutUint64(w.mem[at:], v) }
func (w *Writer) word(at uint64) *uint64  { return (*uint64)(unsafe.Pointer(&w.mem[at : at+8][0])) }

// guarded turns a fault in the mapping into ErrFault, after which the Writer only closes.
func (w *Writer) guarded(f func() error) (err error) {
	if w.broken != nil {
		return w.broken
	}
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			fault, ok := r.(interface{ Addr() uintptr })
			if !ok {
				panic(r)
			}
			base := uintptr(unsafe.Pointer(unsafe.SliceData(w.mem)))
			if a := fault.Addr(); a < base || a >= base+uintptr(len(w.mem)) {
				panic(r)
			}
			w.broken = &os.PathError{Op: "write", Path: w.path, Err: ErrFault}
			err = w.broken
		}
	}()
	return f()
}

// Intern gives the Data for a "FIELD=value" that is going to be used again. The text is copied if it is not known.
func (w *Writer) Intern(text []byte) *Data {
	if d := w.data[string(text)]; d != nil {
		return d
	}
	d := NewData(text)
	w.data[string(d.text)] = d
	return d
}

// Path is where the file was made.
func (w *Writer) Path() string { return w.path }

// Header is what the file's header says, what is not yet synced included.
func (w *Writer) Header() Header { return w.head }

// Used is the bytes that the file's objects take.
func (w *Writer) Used() uint64 { return w.tail }
