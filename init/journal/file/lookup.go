package file

import (
	"bytes"
	"fmt"
)

// find looks a data object up in the hash table; 0 means that there is none.
func (w *Writer) find(text []byte, hash uint64) (uint64, error) {
	h := &w.head
	var depth uint64
	for at := w.get(h.DataTable + hash%(h.DataTableSize/hashItem)*hashItem); at != 0; depth++ {
		if w.get(at+dataHash) == hash && w.get(at+8) == dataPayload+uint64(len(text)) && bytes.Equal(w.mem[at+dataPayload:][:len(text)], text) {
			return at, nil
		}
		next := w.get(at + dataNextHash)
		if next != 0 && next <= at {
			return 0, corrupt(at, "hash chain runs backwards")
		}
		at = next
	}
	h.DataDepth = max(h.DataDepth, depth)
	return 0, nil
}

// chainOf finds where the list of an item's data object goes on.
func (w *Writer) chainOf(it *item) (err error) {
	if it.created {
		it.chain = chain{}
		return nil
	}
	if it.d != nil {
		if !it.d.walked {
			it.d.chain, err = w.listOf(it.offset)
			it.d.walked = err == nil
		}
		it.chain = it.d.chain
		return err
	}
	if r := &w.recent[it.offset/8%uint64(len(w.recent))]; r.offset == it.offset {
		it.chain = r.chain
		return nil
	}
	it.chain, err = w.listOf(it.offset)
	return err
}

// chainNow keeps what chainOf found and addEntry changed.
func (w *Writer) chainNow(it *item) {
	if it.d != nil {
		it.d.chain = it.chain
	} else {
		w.recent[it.offset/8%uint64(len(w.recent))] = recentChain{it.offset, it.chain}
	}
}

// next is the number of slots of a list's next array: lists double (link_entry_into_array of journal-file.c).
func (c *chain) next() uint64 { return max(4, 2*c.size) }

// listOf walks to the end of a data object's list of entries in the file.
func (w *Writer) listOf(at uint64) (chain, error) {
	if len(w.changes.targets) > 0 {
		if err := w.commit(); err != nil {
			return chain{}, err
		}
	}
	list := chain{entries: w.get(at + dataEntries)}
	if list.entries < 2 {
		return list, nil
	}
	left := list.entries - 1
	for a := w.get(at + dataArray); ; {
		if a == 0 || a >= w.tail {
			return list, corrupt(at, "the list of entries is too short")
		}
		list.array, list.size = a, (w.get(a+8)-arrayItems)/8
		if left <= list.size {
			list.used = left
			return list, nil
		}
		left -= list.size
		next := w.get(a + arrayNext)
		if next != 0 && next <= a {
			return list, corrupt(a, "list of entries runs backwards")
		}
		a = next
	}
}

// field finds a field object.
func (w *Writer) field(name []byte) (fieldAt, error) {
	if f, ok := w.fields[string(name)]; ok {
		return f, nil
	}
	if !ValidField(name, true) {
		return fieldAt{}, fmt.Errorf("%s: %q is no name of a field", w.path, name)
	}
	h := &w.head
	hash := hashKeyed(&h.File, name)
	for at := w.get(h.FieldTable + hash%fieldTableSize*hashItem); at != 0; {
		if w.get(at+fieldHash) == hash && w.get(at+8) == fieldPayload+uint64(len(name)) && bytes.Equal(w.mem[at+fieldPayload:][:len(name)], name) {
			f := fieldAt{offset: at, head: w.get(at + fieldData)}
			w.fields[string(name)] = f
			return f, nil
		}
		next := w.get(at + fieldNextHash)
		if next != 0 && next <= at {
			return fieldAt{}, corrupt(at, "hash chain runs backwards")
		}
		at = next
	}
	return fieldAt{}, nil
}
