package file

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// The types of objects.
const (
	typeUnused = iota
	typeData
	typeField
	typeEntry
	typeDataTable
	typeFieldTable
	typeArray
	typeTag
	typeCount
)

// Flags of a data object, and bits of Header.Incompatible, that name its compression.
const (
	compressedXZ   = 1 << 0
	compressedLZ4  = 1 << 1
	compressedZSTD = 1 << 2
	compressedMask = compressedXZ | compressedLZ4 | compressedZSTD
)

// Bits of Header.Incompatible and of Header.Compatible.
const (
	IncompatibleXZ      = 1 << 0
	IncompatibleLZ4     = 1 << 1
	IncompatibleKeyed   = 1 << 2
	IncompatibleZSTD    = 1 << 3
	IncompatibleCompact = 1 << 4
	incompatibleKnown   = 1<<5 - 1

	CompatibleSealed = 1 << 0
)

// A State is what a file's header says of its writer.
type State uint8

const (
	Offline  State = iota // synced and closed in order
	Online                // being written, or left by a crash
	Archived              // will not be written again
)

func (s State) String() string {
	if s > Archived {
		return "UNKNOWN"
	}
	return [...]string{"OFFLINE", "ONLINE", "ARCHIVED"}[s]
}

// Offsets in objects. Every object begins with its type (1 byte), flags (1 byte) and, at 8, its size with this head.
const (
	objectHead = 16

	dataHash     = 16
	dataNextHash = 24
	dataNextData = 32 // of the same field
	dataEntry    = 40 // the first entry, kept inline
	dataArray    = 48 // the chain of the others
	dataEntries  = 56
	dataPayload  = 64
	compactData  = 72 // where the payload of compact files begins

	fieldHash     = 16
	fieldNextHash = 24
	fieldData     = 32
	fieldPayload  = 40

	entrySeqnum    = 16
	entryRealtime  = 24
	entryMonotonic = 32
	entryBoot      = 40
	entryXor       = 56
	entryItems     = 64

	tableItems = 16

	arrayNext  = 16
	arrayItems = 24

	tagSize = 64
)

var smallest = [typeCount]uint64{objectHead, dataPayload + 1, fieldPayload + 1, entryItems, tableItems, tableItems, arrayItems, tagSize}

var signature = [8]byte{'L', 'P', 'K', 'S', 'H', 'H', 'R', 'H'}

// Sizes of headers: the first that has n_data, the one of systemd 252 and that of 254, which the Writer makes. In the last, hash table
// items come to lie at multiples of their size, so that none crosses a page.
const (
	headerSmallest = 208
	headerSize     = 272
)

const hashItem = 16 // head and tail of a chain

// Smallest hash tables, in items (journal-file.c).
const (
	dataTableSmallest = 2047
	fieldTableSize    = 333
)

// An ID is a 128 bit number: of a machine, a boot, a file, an invocation.
type ID [16]byte

// String is the ID in 32 hexadecimal digits.
func (i ID) String() string { return hex.EncodeToString(i[:]) }

// IsZero tells whether the ID is not set.
func (i ID) IsZero() bool { return i == ID{} }

// ParseID reads 32 hexadecimal digits, also in the groups of a UUID.
func ParseID(text string) (ID, error) {
	var id ID
	t := text
	if len(t) == 36 && t[8] == '-' && t[13] == '-' && t[18] == '-' && t[23] == '-' {
		t = strings.ReplaceAll(t, "-", "")
	}
	b, err := hex.DecodeString(t)
	if err != nil || len(b) != len(id) {
		return ID{}, fmt.Errorf("%q is not a 128 bit ID", text)
	}
	copy(id[:], b)
	return id, nil
}

// A Header is the first part of a file. Times are microseconds since the epoch or, monotonic, since boot.
type Header struct {
	Compatible, Incompatible  uint32
	State                     State
	File, Machine, Boot       ID // Boot is the last entry's
	SeqnumID                  ID
	Size, Arena               uint64
	DataTable, DataTableSize  uint64 // bytes
	FieldTable, FieldTableLen uint64 // bytes
	TailObject                uint64
	Objects, Entries          uint64
	TailSeqnum, HeadSeqnum    uint64
	EntryArray                uint64
	HeadRealtime              uint64
	TailRealtime              uint64
	TailMonotonic             uint64
	Data, Fields              uint64
	Tags, EntryArrays         uint64 // since systemd 189
	DataDepth, FieldDepth     uint64 // since 246
	TailArray, TailArrayUsed  uint32 // since 252
	TailEntry                 uint64 // since 254
}

// Compact tells that offsets in entries and entry arrays are 32 bits wide.
func (h *Header) Compact() bool { return h.Incompatible&IncompatibleCompact != 0 }

// Keyed tells that hashes are SipHash under the file's ID, not Jenkins'.
func (h *Header) Keyed() bool { return h.Incompatible&IncompatibleKeyed != 0 }

// Contains tells whether the header is large enough for a field that ends at offset end.
func (h *Header) Contains(end uint64) bool { return h.Size >= end }

// Ends of the fields that not every header has.
const (
	EndData        = 216
	EndFields      = 224
	EndTags        = 232
	EndEntryArrays = 240
	EndDataDepth   = 248
	EndFieldDepth  = 256
	EndTailArray   = 264
	EndTailEntry   = 272
)

// ErrCorrupt is what a file's contents that break the format give.
var ErrCorrupt = errors.New("journal file is corrupt")

func corrupt(at uint64, format string, args ...any) error {
	return fmt.Errorf("%w: at %d: %s", ErrCorrupt, at, fmt.Sprintf(format, args...))
}

var le = binary.LittleEndian

// decode reads a header of at least headerSmallest bytes; fields behind its end stay 0.
func (h *Header) decode(b []byte) {
	u64 := func(at int) uint64 {
		if len(b) < at+8 || (h.Size != 0 && h.Size < uint64(at)+8) {
			return 0
		}
		return le.Uint64(b[at:])
	}
	*h = Header{}
	h.Compatible, h.Incompatible, h.State = le.Uint32(b[8:]), le.Uint32(b[12:]), State(b[16])
	copy(h.File[:], b[24:])
	copy(h.Machine[:], b[40:])
	copy(h.Boot[:], b[56:])
	copy(h.SeqnumID[:], b[72:])
	h.Size = u64(88)
	for i, p := range h.words() {
		*p = u64(96 + 8*i)
	}
	tail := u64(256)
	h.TailArray, h.TailArrayUsed = uint32(tail), uint32(tail>>32)
	h.TailEntry = u64(264)
}

// words are the 64 bit fields from offset 96 on, in order.
func (h *Header) words() [20]*uint64 {
	return [20]*uint64{&h.Arena, &h.DataTable, &h.DataTableSize, &h.FieldTable, &h.FieldTableLen, &h.TailObject, &h.Objects, &h.Entries,
		&h.TailSeqnum, &h.HeadSeqnum, &h.EntryArray, &h.HeadRealtime, &h.TailRealtime, &h.TailMonotonic, &h.Data, &h.Fields, &h.Tags,
		&h.EntryArrays, &h.DataDepth, &h.FieldDepth}
}

// encode is the whole header; it allocates nothing.
func (h *Header) encode(b *[headerSize]byte) {
	*b = [headerSize]byte{}
	copy(b[:], signature[:])
	le.PutUint32(b[8:], h.Compatible)
	le.PutUint32(b[12:], h.Incompatible)
	b[16] = byte(h.State)
	copy(b[24:], h.File[:])
	copy(b[40:], h.Machine[:])
	copy(b[56:], h.Boot[:])
	copy(b[72:], h.SeqnumID[:])
	le.PutUint64(b[88:], h.Size)
	for i, p := range h.words() {
		le.PutUint64(b[96+8*i:], *p)
	}
	le.PutUint32(b[256:], h.TailArray)
	le.PutUint32(b[260:], h.TailArrayUsed)
	le.PutUint64(b[264:], h.TailEntry)
}

func align(n uint64) uint64 { return (n + 7) &^ 7 }

// ValidField tells whether name may name a field: at most 64 of A-Z, 0-9 and _, not beginning with a digit, and not with _ unless
// protected names are allowed (journal_field_valid of journal-file.c).
func ValidField(name []byte, protected bool) bool {
	if len(name) == 0 || len(name) > 64 || (name[0] == '_' && !protected) || (name[0] >= '0' && name[0] <= '9') {
		return false
	}
	for _, c := range name {
		if (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}
