package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// A Reader looks into a file that may be growing under its eyes. It is not safe for concurrent use. Whatever it returns as a slice is
// valid until the next call, unless said otherwise. A file that breaks the format gives errors that wrap ErrCorrupt, and one that is cut
// while it is read ErrFault: no contents make it loop, panic or reach outside of the file.
type Reader struct {
	path    string
	fd      int
	mem     []byte // the file as far as it was there when it was mapped
	file    ID
	size    uint64 // of the header
	keyed   bool
	compact bool
	payload uint64 // offset in data objects
	dev     uint64
	ino     uint64
	buf     []byte // a decompressed payload
	zstd    *zstd.Decoder
}

// Open maps a file. It refuses one that uses features it does not know, naming them.
func Open(path string) (*Reader, error) {
	fd, err := openat(path, unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return OpenFD(fd, path)
}

// OpenFD is Open of a descriptor, which it takes over; path is for messages.
func OpenFD(fd int, path string) (*Reader, error) {
	r := &Reader{path: path, fd: fd}
	if err := r.begin(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Reader) begin() error {
	var st unix.Stat_t
	if err := sys.Retry(func() error { return unix.Fstat(r.fd, &st) }); err != nil {
		return &os.PathError{Op: "stat", Path: r.path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%s: not a regular file", r.path)
	}
	r.dev, r.ino = st.Dev, st.Ino
	if st.Size < headerSmallest {
		return fmt.Errorf("%s: %w: shorter than a header", r.path, ErrCorrupt)
	}
	if err := r.remap(uint64(st.Size)); err != nil {
		return err
	}
	return r.Guard(func() error {
		if !bytes.Equal(r.mem[:8], signature[:]) {
			return fmt.Errorf("%s: %w: no signature", r.path, ErrCorrupt)
		}
		var h Header
		h.decode(r.mem[:min(len(r.mem), headerSize)])
		if unknown := h.Incompatible &^ incompatibleKnown; unknown != 0 {
			return fmt.Errorf("%s uses features of a later systemd (%#x)", r.path, unknown)
		}
		r.file, r.size, r.keyed, r.compact = h.File, h.Size, h.Keyed(), h.Compact()
		if r.payload = dataPayload; r.compact {
			r.payload = compactData
		}
		return r.check(&h)
	})
}

// check is journal_file_verify_header of journal-file.c.
func (r *Reader) check(h *Header) error {
	switch {
	case h.State > Archived:
		return corrupt(16, "unknown state %d", h.State)
	case h.Size < headerSmallest || h.Size%8 != 0 || h.Size > uint64(len(r.mem)):
		return corrupt(88, "header of %d bytes", h.Size)
	case h.Arena > uint64(len(r.mem)) || h.Size+h.Arena > uint64(len(r.mem)):
		return fmt.Errorf("%w: %w", ErrShort, corrupt(96, "the file is shorter than its header says"))
	case h.TailObject > h.Size+h.Arena || h.TailObject%8 != 0 || h.EntryArray%8 != 0 || h.DataTable%8 != 0 || h.FieldTable%8 != 0:
		return corrupt(136, "offsets in the header")
	}
	end := h.Size + h.Arena
	for _, t := range [...]struct{ at, size uint64 }{{h.DataTable, h.DataTableSize}, {h.FieldTable, h.FieldTableLen}} {
		if t.size != 0 && (t.at < h.Size || t.at > end || t.size > end-t.at || t.size%hashItem != 0) {
			return corrupt(104, "hash tables in the header")
		}
	}
	return nil
}

// ErrShort is wrapped, beside ErrCorrupt, when a file was cut.
var ErrShort = errors.New("truncated")

func (r *Reader) remap(size uint64) error {
	const most = 1 << 46
	if size > most {
		return fmt.Errorf("%s is too large to be mapped", r.path)
	}
	mem, err := unix.Mmap(r.fd, 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return &os.PathError{Op: "mmap", Path: r.path, Err: err}
	}
	if r.mem != nil {
		unix.Munmap(r.mem)
	}
	r.mem = mem
	return nil
}

// Close gives descriptor and mapping back.
func (r *Reader) Close() {
	if r.mem != nil {
		unix.Munmap(r.mem)
		r.mem = nil
	}
	if r.fd >= 0 {
		unix.Close(r.fd)
		r.fd = -1
	}
}

// Guard runs f, in which the file's bytes may be read, and turns a fault into ErrFault. Methods of Reader may be called outside of it by
// those who know that nobody cuts the file.
func (r *Reader) Guard(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if p := recover(); p != nil {
			if fault, ok := p.(interface{ Addr() uintptr }); !ok || !r.holds(fault.Addr()) {
				panic(p)
			}
			err = &os.PathError{Op: "read", Path: r.path, Err: ErrFault}
		}
	}()
	return f()
}

func (r *Reader) holds(address uintptr) bool {
	base := uintptr(unsafe.Pointer(unsafe.SliceData(r.mem)))
	return address >= base && address < base+uintptr(len(r.mem))
}

// Path is what the file was opened as.
func (r *Reader) Path() string { return r.path }

// Same tells whether another file has the same inode.
func (r *Reader) Same(dev, ino uint64) bool { return r.dev == dev && r.ino == ino }

// Deleted tells whether the file has lost its last name.
func (r *Reader) Deleted() bool {
	var st unix.Stat_t
	return unix.Fstat(r.fd, &st) != nil || st.Nlink == 0
}

// Blocks is the space that the file takes, in bytes.
func (r *Reader) Blocks() uint64 {
	var st unix.Stat_t
	if unix.Fstat(r.fd, &st) != nil {
		return 0
	}
	return uint64(st.Blocks) * 512
}

// Header reads the header as it is now.
func (r *Reader) Header() (Header, error) {
	var h Header
	if r.mem == nil {
		return h, os.ErrClosed
	}
	h.decode(r.mem[:min(len(r.mem), headerSize)])
	if h.Size != r.size || h.Incompatible&^incompatibleKnown != 0 {
		return h, corrupt(88, "the header was replaced")
	}
	return h, nil
}

func (r *Reader) live(at int) uint64 {
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&r.mem[at : at+8][0])))
}

// Entries is the number of entries now.
func (r *Reader) Entries() uint64 { return r.live(152) }

// SeqnumID is the series of sequence numbers that the file is part of.
func (r *Reader) SeqnumID() (id ID) {
	copy(id[:], r.mem[72:])
	return id
}

// bytes are size bytes of the file from at.
func (r *Reader) bytes(at, size uint64) ([]byte, error) {
	if at > uint64(len(r.mem)) || size > uint64(len(r.mem))-at {
		var st unix.Stat_t
		if err := unix.Fstat(r.fd, &st); err != nil {
			return nil, &os.PathError{Op: "stat", Path: r.path, Err: err}
		}
		if st.Size < 0 || at > uint64(st.Size) || size > uint64(st.Size)-at {
			return nil, corrupt(at, "an object reaches behind the end of the file")
		}
		if err := r.remap(uint64(st.Size)); err != nil {
			return nil, err
		}
	}
	return r.mem[at : at+size : at+size], nil
}

// object is the object at an offset, of the type if that is not typeUnused.
func (r *Reader) object(at uint64, kind byte) ([]byte, error) {
	if at%8 != 0 || at < r.size {
		return nil, corrupt(at, "not the place of an object")
	}
	head, err := r.bytes(at, objectHead)
	if err != nil {
		return nil, err
	}
	t, size := head[0], le.Uint64(head[8:])
	if t == typeUnused || t >= typeCount || (kind != typeUnused && t != kind) {
		return nil, corrupt(at, "an object of type %d instead of %d", t, kind)
	}
	least := smallest[t]
	if t == typeData {
		least = r.payload + 1
	}
	if size < least {
		return nil, corrupt(at, "an object of %d bytes", size)
	}
	return r.bytes(at, size)
}

// An Entry is the fixed part of an entry. Times are microseconds.
type Entry struct {
	Offset    uint64
	Seqnum    uint64
	Realtime  uint64
	Monotonic uint64
	Boot      ID
	Xor       uint64
}

// Entry reads the entry at an offset.
func (r *Reader) Entry(at uint64) (Entry, error) {
	o, err := r.object(at, typeEntry)
	if err != nil {
		return Entry{}, err
	}
	e := Entry{at, le.Uint64(o[entrySeqnum:]), le.Uint64(o[entryRealtime:]), le.Uint64(o[entryMonotonic:]), ID(o[entryBoot:]), le.Uint64(o[entryXor:])}
	if e.Seqnum == 0 || e.Realtime == 0 || e.Realtime >= 1<<55 || e.Monotonic >= 1<<55 {
		return Entry{}, corrupt(at, "an entry without number or time")
	}
	return e, nil
}

// Items appends the offsets of an entry's data objects to buf.
func (r *Reader) Items(at uint64, buf []uint64) ([]uint64, error) {
	o, err := r.object(at, typeEntry)
	if err != nil {
		return buf, err
	}
	width := 16
	if r.compact {
		width = 4
	}
	items := o[entryItems:]
	if len(items)%width != 0 || len(items) == 0 {
		return buf, corrupt(at, "an entry of %d bytes", len(o))
	}
	for ; len(items) > 0; items = items[width:] {
		if r.compact {
			buf = append(buf, uint64(le.Uint32(items)))
		} else {
			buf = append(buf, le.Uint64(items))
		}
	}
	return buf, nil
}

// Data is the "FIELD=value" of the data object at an offset.
func (r *Reader) Data(at uint64) ([]byte, error) {
	o, err := r.object(at, typeData)
	if err != nil {
		return nil, err
	}
	return r.text(o, at)
}

func (r *Reader) text(o []byte, at uint64) ([]byte, error) {
	payload := o[r.payload:]
	if flags := o[1] & compressedMask; flags != 0 {
		var err error
		if r.buf, err = r.decompress(flags, payload); err != nil {
			return nil, fmt.Errorf("%s: at %d: %w", r.path, at, err)
		}
		return r.buf, nil
	}
	return payload, nil
}

func (r *Reader) hash(text []byte) uint64 {
	if r.keyed {
		return hashKeyed(&r.file, text)
	}
	return HashJenkins(text)
}

// Find is the offset of the data object of a "FIELD=value", 0 if the file has none.
func (r *Reader) Find(text []byte) (uint64, error) {
	return r.lookup(text, 104, typeData, dataHash, func(o []byte, at uint64) ([]byte, error) { return r.text(o, at) })
}

// lookup searches the hash table whose place and size stand in the header at words.
func (r *Reader) lookup(text []byte, words int, kind byte, hashAt int, payload func([]byte, uint64) ([]byte, error)) (uint64, error) {
	table, items := r.live(words), r.live(words+8)/hashItem
	if items == 0 {
		return 0, nil
	}
	hash := r.hash(text)
	bucket, err := r.bytes(table+hash%items*hashItem, hashItem)
	if err != nil {
		return 0, err
	}
	for at := le.Uint64(bucket); at != 0; {
		o, err := r.object(at, kind)
		if err != nil {
			return 0, err
		}
		if le.Uint64(o[hashAt:]) == hash {
			p, err := payload(o, at)
			if err != nil {
				return 0, err
			}
			if bytes.Equal(p, text) {
				return at, nil
			}
		}
		next := le.Uint64(o[dataNextHash:])
		if next != 0 && next <= at {
			return 0, corrupt(at, "hash chain runs backwards")
		}
		at = next
	}
	return 0, nil
}

// Fields calls f with the name of every field that the file has.
func (r *Reader) Fields(f func(name []byte)) error {
	table, items := r.live(120), r.live(128)/hashItem
	for i := range items {
		bucket, err := r.bytes(table+i*hashItem, hashItem)
		if err != nil {
			return err
		}
		for at := le.Uint64(bucket); at != 0; {
			o, err := r.object(at, typeField)
			if err != nil {
				return err
			}
			f(o[fieldPayload:])
			next := le.Uint64(o[fieldNextHash:])
			if next != 0 && next <= at {
				return corrupt(at, "hash chain runs backwards")
			}
			at = next
		}
	}
	return nil
}

// Values calls f with every "FIELD=value" of a field, the newest first, until it returns false.
func (r *Reader) Values(name string, f func(text []byte) bool) error {
	at, err := r.lookup([]byte(name), 120, typeField, fieldHash, func(o []byte, _ uint64) ([]byte, error) { return o[fieldPayload:], nil })
	if err != nil || at == 0 {
		return err
	}
	o, err := r.object(at, typeField)
	if err != nil {
		return err
	}
	for at := le.Uint64(o[fieldData:]); at != 0; {
		o, err := r.object(at, typeData)
		if err != nil {
			return err
		}
		text, err := r.text(o, at)
		if err != nil {
			return err
		}
		next := le.Uint64(o[dataNextData:])
		if !f(text) {
			return nil
		}
		if next >= at {
			return corrupt(at, "list of a field runs forwards")
		}
		at = next
	}
	return nil
}
