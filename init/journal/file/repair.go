package file

import (
	"os"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// Repair makes a file whole that its Writer left in the middle of an Append: it completes the pairs of stores that the package comment
// names. Files of other programs, and what a machine that lost its power left, are beyond it; Verify tells. The number of
// pairs that it completed is returned.
func Repair(path string) (completed int, err error) {
	r, err := Open(path)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	fd, err := openat(path, unix.O_WRONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	put := func(at, value uint64) error {
		var b [8]byte
		le.PutUint64(b[:], value)
		if err := sys.Retry(func() error { _, err := unix.Pwrite(fd, b[:], int64(at)); return err }); err != nil {
			return &os.PathError{Op: "write", Path: path, Err: err}
		}
		completed++
		return nil
	}
	err = r.Guard(func() error {
		h, err := r.Header()
		if err != nil {
			return err
		}
		if h.Incompatible != IncompatibleKeyed || h.Size != headerSize {
			return corrupt(12, "the file of another program")
		}
		if err := r.repairTable(h.DataTable, h.DataTableSize, typeData, put); err != nil {
			return err
		}
		if err := r.repairTable(h.FieldTable, h.FieldTableLen, typeField, put); err != nil {
			return err
		}
		return r.repairData(&h, put)
	})
	return completed, err
}

// repairTable makes the tail of every chain its last object: the chain is joined before the tail is set.
func (r *Reader) repairTable(table, size uint64, kind byte, put func(at, value uint64) error) error {
	for bucket := table; bucket < table+size; bucket += hashItem {
		b, err := r.bytes(bucket, hashItem)
		if err != nil {
			return err
		}
		last, tail := uint64(0), le.Uint64(b[8:])
		for at := le.Uint64(b); at != 0; {
			o, err := r.object(at, kind)
			if err != nil {
				return err
			}
			if at <= last {
				return corrupt(at, "hash chain runs backwards")
			}
			last, at = at, le.Uint64(o[dataNextHash:])
		}
		if last != tail {
			if err := put(bucket+8, last); err != nil {
				return err
			}
		}
	}
	return nil
}

// repairData makes every data object know its entries: an entry is written, with the slots that name it, before the header takes it in, and its data
// objects are told last.
func (r *Reader) repairData(h *Header, put func(at, value uint64) error) error {
	for at := h.Size; at <= h.TailObject; {
		o, err := r.object(at, typeUnused)
		if err != nil {
			return err
		}
		if o[0] == typeData {
			n, array := le.Uint64(o[dataEntries:]), le.Uint64(o[dataArray:])
			switch {
			case n == 0 && le.Uint64(o[dataEntry:]) != 0:
				err = put(at+dataEntries, 1)
			case n == 0 && array > h.TailObject:
				err = put(at+dataArray, 0)
			case n == 1 && array != 0:
				var first uint64
				if first, err = r.With(at).At(1); err == nil && first != 0 && first <= h.TailEntry {
					err = put(at+dataEntries, 2)
				} else if array > h.TailObject || first > h.TailEntry || first == 0 {
					err = put(at+dataArray, 0)
				}
			}
			if err != nil {
				return err
			}
		}
		at += align(le.Uint64(o[8:]))
	}
	return r.repairLists(h, put)
}

// batchLongest is how many entries at most are taken in at once.
const batchLongest = 256

// repairLists completes the lists of the last entries' data objects.
func (r *Reader) repairLists(h *Header, put func(at, value uint64) error) error {
	all := r.All()
	var items []uint64
	for i := h.Entries - min(h.Entries, batchLongest); i < h.Entries; i++ {
		entry, err := all.At(i)
		if err != nil {
			return err
		}
		if items, err = r.Items(entry, items[:0]); err != nil {
			return err
		}
		for _, data := range items {
			list := r.With(data)
			n, err := list.Len()
			if err != nil {
				return err
			}
			if n == 0 {
				if err := put(data+dataEntry, entry); err != nil {
					return err
				}
				err = put(data+dataEntries, 1)
			} else if slot, none := list.At(n); none == nil && slot == entry {
				err = put(data+dataEntries, n+1)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}
