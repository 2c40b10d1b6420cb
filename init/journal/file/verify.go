package file

import (
	"bytes"
	"slices"
)

// census is what the objects of a file are found to be.
type census struct {
	data, entries, arrays   []uint64 // offsets, rising
	objects, fields, tags   uint64
	dataTables, fieldTables int
	last                    Entry
	monotonic               bool
}

// Verify checks all that the format promises, as journalctl --verify does (journal-verify.c): every object, the counts in the header, and
// that entries, their arrays and the hash table agree. The seals of sealed files are not checked.
func (r *Reader) Verify() error {
	return r.Guard(func() error {
		h, err := r.Header()
		if err != nil {
			return err
		}
		if err := r.check(&h); err != nil {
			return err
		}
		c, err := r.count(&h)
		if err != nil {
			return err
		}
		if err := c.compare(&h); err != nil {
			return err
		}
		if err := r.verifyEntries(&h, c); err != nil {
			return err
		}
		return r.verifyTable(&h, c)
	})
}

// count visits every object up to the tail.
func (r *Reader) count(h *Header) (*census, error) {
	c := &census{}
	for at := h.Size; h.TailObject != 0; {
		if at > h.TailObject {
			return nil, corrupt(136, "the tail is no object")
		}
		o, err := r.object(at, typeUnused)
		if err != nil {
			return nil, err
		}
		c.objects++
		if o[1]&compressedMask != 0 && (o[0] != typeData || uint32(compressionFlag(o[1]))&h.Incompatible == 0) {
			return nil, corrupt(at, "a compression that the header does not name")
		}
		switch o[0] {
		case typeData:
			err = r.verifyData(o, at)
			c.data = append(c.data, at)
		case typeField:
			if c.fields++; le.Uint64(o[fieldHash:]) != r.hash(o[fieldPayload:]) {
				err = corrupt(at, "wrong hash of a field")
			}
		case typeEntry:
			err = r.verifyEntry(h, c, at)
		case typeDataTable:
			if c.dataTables++; c.dataTables > 1 || h.DataTable != at+tableItems || h.DataTableSize != uint64(len(o))-tableItems {
				err = corrupt(at, "hash table and header do not agree")
			}
		case typeFieldTable:
			if c.fieldTables++; c.fieldTables > 1 || h.FieldTable != at+tableItems || h.FieldTableLen != uint64(len(o))-tableItems {
				err = corrupt(at, "hash table and header do not agree")
			}
		case typeArray:
			c.arrays = append(c.arrays, at)
		case typeTag:
			c.tags++
		}
		if err != nil {
			return nil, err
		}
		if at == h.TailObject {
			break
		}
		at += align(le.Uint64(o[8:]))
	}
	return c, nil
}

// compressionFlag is the bit of Header.Incompatible for a flag of a data object.
func compressionFlag(flag byte) int {
	switch flag & compressedMask {
	case compressedXZ:
		return IncompatibleXZ
	case compressedLZ4:
		return IncompatibleLZ4
	case compressedZSTD:
		return IncompatibleZSTD
	}
	return 0
}

func (r *Reader) verifyData(o []byte, at uint64) error {
	if (le.Uint64(o[dataEntry:]) == 0) != (le.Uint64(o[dataEntries:]) == 0) {
		return corrupt(at, "%d entries, the first at %d", le.Uint64(o[dataEntries:]), le.Uint64(o[dataEntry:]))
	}
	text, err := r.text(o, at)
	if err != nil {
		return err
	}
	if r.hash(text) != le.Uint64(o[dataHash:]) {
		return corrupt(at, "wrong hash of data")
	}
	if bytes.IndexByte(text, '=') < 1 {
		return corrupt(at, "data without a field")
	}
	return nil
}

func (r *Reader) verifyEntry(h *Header, c *census, at uint64) error {
	e, err := r.Entry(at)
	if err != nil {
		return err
	}
	if len(c.entries) == 0 {
		if e.Seqnum != h.HeadSeqnum || e.Realtime != h.HeadRealtime {
			return corrupt(at, "not the first entry that the header names")
		}
	} else if c.last.Seqnum >= e.Seqnum {
		return corrupt(at, "sequence number %d after %d", e.Seqnum, c.last.Seqnum)
	} else if c.last.Boot == e.Boot && c.last.Monotonic > e.Monotonic {
		return corrupt(at, "monotonic time %d after %d", e.Monotonic, c.last.Monotonic)
	}
	c.entries, c.last = append(c.entries, at), e
	return nil
}

// compare holds what was found against the header.
func (c *census) compare(h *Header) error {
	for _, n := range [...]struct {
		name       string
		end        uint64 // of the header that has it
		found, has uint64
	}{
		{"objects", 0, c.objects, h.Objects},
		{"entries", 0, uint64(len(c.entries)), h.Entries},
		{"data objects", EndData, uint64(len(c.data)), h.Data},
		{"fields", EndFields, c.fields, h.Fields},
		{"tags", EndTags, c.tags, h.Tags},
		{"arrays of entries", EndEntryArrays, uint64(len(c.arrays)), h.EntryArrays},
	} {
		if h.Contains(n.end) && n.found != n.has {
			return corrupt(144, "%d %s, of which the header says %d", n.found, n.name, n.has)
		}
	}
	if len(c.entries) == 0 {
		return nil
	}
	if l := c.last; l.Seqnum != h.TailSeqnum || l.Realtime != h.TailRealtime || (l.Boot == h.Boot && l.Monotonic != h.TailMonotonic) ||
		(h.Contains(EndTailEntry) && h.TailEntry != l.Offset) {
		return corrupt(160, "not the last entry that the header names")
	}
	return nil
}

func has(sorted []uint64, at uint64) bool {
	_, ok := slices.BinarySearch(sorted, at)
	return ok
}

// verifyEntries follows the array of all entries, and each entry to its data and back.
func (r *Reader) verifyEntries(h *Header, c *census) error {
	all := r.All()
	var items []uint64
	lists := map[uint64]*List{}
	var previous uint64
	for i := range h.Entries {
		at, err := all.At(i)
		if err != nil {
			return err
		}
		if at <= previous || !has(c.entries, at) {
			return corrupt(at, "entry %d of the array of all is none", i)
		}
		previous = at
		if items, err = r.Items(at, items[:0]); err != nil {
			return err
		}
		for _, d := range items {
			if !has(c.data, d) {
				return corrupt(at, "an entry's data at %d is none", d)
			}
			text, err := r.Data(d)
			if err != nil {
				return err
			}
			found, err := r.Find(text)
			if err != nil {
				return err
			}
			if found != d {
				return corrupt(d, "data is not in the hash table")
			}
			l := lists[d]
			if l == nil {
				l = r.With(d)
				lists[d] = l
			}
			k, err := l.Search(func(e uint64) (bool, error) { return e >= at, nil })
			if err != nil {
				return err
			}
			n, err := l.Len()
			if err != nil {
				return err
			}
			if k < n {
				e, err := l.At(k)
				if err != nil {
					return err
				}
				if e == at {
					continue
				}
			}
			if i+1 < h.Entries { // the last is let pass
				return corrupt(at, "data at %d does not know its entry", d)
			}
		}
	}
	for i, a := range all.arrays {
		if !has(c.arrays, a.at) {
			return corrupt(a.at, "array %d of all entries is none", i)
		}
	}
	return nil
}

// verifyTable follows the hash table of data, and each data object to its entries.
func (r *Reader) verifyTable(h *Header, c *census) error {
	items := h.DataTableSize / hashItem
	for i := range items {
		bucket, err := r.bytes(h.DataTable+i*hashItem, hashItem)
		if err != nil {
			return err
		}
		last, tail := uint64(0), le.Uint64(bucket[8:])
		for at := le.Uint64(bucket); at != 0; {
			if at <= last || !has(c.data, at) {
				return corrupt(at, "hash chain %d names what is no data", i)
			}
			o, err := r.object(at, typeData)
			if err != nil {
				return err
			}
			if le.Uint64(o[dataHash:])%items != i {
				return corrupt(at, "data in the wrong hash chain %d", i)
			}
			last = at
			at = le.Uint64(o[dataNextHash:])
			if err := r.verifyList(c, last); err != nil {
				return err
			}
		}
		if last != tail {
			return corrupt(h.DataTable+i*hashItem, "the end of hash chain %d is %d, not %d", i, last, tail)
		}
	}
	return nil
}

func (r *Reader) verifyList(c *census, data uint64) error {
	l := r.With(data)
	n, err := l.Len()
	if err != nil {
		return err
	}
	o, err := r.object(data, typeData)
	if err != nil {
		return err
	}
	if n < 2 && le.Uint64(o[dataArray:]) != 0 {
		return corrupt(data, "an array for %d entries", n)
	}
	last := uint64(0)
	for i := range n {
		at, err := l.At(i)
		if err != nil {
			return err
		}
		if at <= last || !has(c.entries, at) {
			return corrupt(data, "entry %d of data is none", i)
		}
		last = at
	}
	for _, a := range l.arrays {
		if !has(c.arrays, a.at) {
			return corrupt(data, "an array of entries of data is none")
		}
	}
	return nil
}
