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

// repairData makes counts follow the first entry and the first array, which are set before them.
func (r *Reader) repairData(h *Header, put func(at, value uint64) error) error {
	for at := h.Size; at <= h.TailObject; {
		o, err := r.object(at, typeUnused)
		if err != nil {
			return err
		}
		if o[0] == typeData {
			n := le.Uint64(o[dataEntries:])
			if (n == 0 && le.Uint64(o[dataEntry:]) != 0) || (n == 1 && le.Uint64(o[dataArray:]) != 0) {
				if err := put(at+dataEntries, n+1); err != nil {
					return err
				}
			}
		}
		at += align(le.Uint64(o[8:]))
	}
	return nil
}
