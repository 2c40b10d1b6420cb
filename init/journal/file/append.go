package file

import (
	"bytes"
	"fmt"
)

// A Record is an entry to be. Its fields are the interned ones and the others, each "FIELD=value" with a valid FIELD.
type Record struct {
	Realtime  uint64 // microseconds since the epoch
	Monotonic uint64 // microseconds since boot
	Interned  []*Data
	Fields    [][]byte
}

// item is a data object of an entry being appended.
type item struct {
	offset, hash uint64
	d            *Data // if interned
	created      bool  // no entry had it before
	begin        bool  // the first item of its entry
	xor          uint64
	grows        bool // its list needs a new array
	chain
}

// fresh is an object written behind the tail in this batch.
type fresh struct {
	offset, hash uint64
	field        bool
	commit       uint64 // that waits for the change of its bucket's tail
	change       int
}

// Append adds entries and returns how many of them. Times must not lie before those of the last entry (ErrBackwards). The file may be full
// (ErrFull) or have to be given up; then it may have gained data that no entry refers to, which is legal. Nothing is kept
// of the records after the call. Those who follow the file are told by Announce.
func (w *Writer) Append(batch ...Record) (n int, err error) {
	err = w.guarded(func() error {
		n, err = w.append(batch)
		return err
	})
	return n, err
}

func (w *Writer) append(batch []Record) (int, error) {
	h := &w.head
	if h.Data*4 > h.DataTableSize/hashItem*3 || h.Fields*4 > h.FieldTableLen/hashItem*3 || h.DataDepth > chainLongest {
		return 0, ErrFull
	}
	if len(w.data) > maxData {
		w.reset()
	}
	if len(w.fields) > maxFields {
		clear(w.fields)
	}
	h.State = Online
	w.items, w.fresh = w.items[:0], w.fresh[:0]
	var full error
	for i := range batch {
		begin := len(w.items)
		if full = w.addRecord(&batch[i]); full != nil {
			w.items, batch = w.items[:begin], batch[:i]
			break
		}
	}
	items := w.items
	for i := range batch {
		end := 1
		for end < len(items) && !items[end].begin {
			end++
		}
		if err := w.addEntry(&batch[i], items[:end]); err != nil {
			batch, full = batch[:i], err
			break
		}
		items = items[end:]
	}
	if len(w.changes.targets) > 0 {
		if err := w.commit(); err != nil {
			return 0, err
		}
	}
	return len(batch), full
}

// addRecord finds a record's data objects, or writes new ones behind the tail: nobody sees them before the next commit.
func (w *Writer) addRecord(r *Record) error {
	begin := len(w.items)
	if n := len(r.Interned) + len(r.Fields); n == 0 || n > maxItems {
		return fmt.Errorf("%s: an entry of %d fields", w.path, n)
	}
	var xor uint64
	for _, d := range r.Interned {
		if d.epoch != w.epoch {
			if old := w.data[string(d.text)]; old != nil {
				d = old
			} else {
				w.data[string(d.text)] = d // of a Writer before, or forgotten by reset
			}
		}
		if d.epoch != w.epoch {
			hash := hashKeyed(&w.head.File, d.text)
			offset, made, err := w.dataObject(d.text, hash)
			if err != nil {
				return err
			}
			d.offset, d.hash, d.epoch, d.walked, d.chain = offset, hash, w.epoch, made, chain{}
		}
		xor ^= d.jenkins
		w.items = append(w.items, item{offset: d.offset, hash: d.hash, d: d})
	}
	for _, text := range r.Fields {
		xor ^= HashJenkins(text)
		if d := w.data[string(text)]; d != nil && d.epoch == w.epoch {
			w.items = append(w.items, item{offset: d.offset, hash: d.hash, d: d})
			continue
		}
		hash := hashKeyed(&w.head.File, text)
		offset, made, err := w.dataObject(text, hash)
		if err != nil {
			return err
		}
		w.items = append(w.items, item{offset: offset, hash: hash, created: made})
	}
	w.items = sorted(w.items, begin)
	w.items[begin].begin, w.items[begin].xor = true, xor
	return nil
}

// sorted orders items from begin on by offset, as journald does, and drops what is there twice.
func sorted(items []item, begin int) []item {
	for i := begin + 1; i < len(items); i++ {
		for j := i; j > begin && items[j].offset < items[j-1].offset; j-- {
			items[j], items[j-1] = items[j-1], items[j]
		}
	}
	n := begin + 1
	for i := n; i < len(items); i++ {
		if items[i].offset != items[n-1].offset {
			if n != i {
				items[n] = items[i]
			}
			n++
		}
	}
	return items[:n]
}

// dataObject is the data object for a text, written behind the tail if there is none.
func (w *Writer) dataObject(text []byte, hash uint64) (at uint64, made bool, err error) {
	if at, err := w.find(text, hash); at != 0 || err != nil {
		return at, false, err
	}
	for i := range w.fresh {
		f := &w.fresh[i]
		if f.hash == hash && !f.field && bytes.Equal(text, w.mem[f.offset+dataPayload:f.offset+w.get(f.offset+8)]) {
			return f.offset, false, nil
		}
	}
	if err := w.room(8); err != nil {
		return 0, false, err
	}
	name := text[:max(bytes.IndexByte(text, '='), 0)]
	field, err := w.fieldObject(name)
	if err != nil {
		return 0, false, err
	}
	size := dataPayload + uint64(len(text))
	if at, err = w.add(typeData, size); err != nil {
		return 0, false, err
	}
	w.put(at+dataHash, hash)
	clear(w.mem[at+dataNextHash : at+dataPayload])
	w.put(at+dataNextData, field.head)
	copy(w.mem[at+dataPayload:], text)
	w.head.Data++
	h := &w.head
	w.link(h.DataTable, h.DataTableSize/hashItem, fresh{offset: at, hash: hash})
	if field.head = at; field.commit == w.commits+1 {
		w.changeAgain(field.change, at)
	} else {
		field.commit, field.change = w.commits+1, w.change(field.offset+fieldData, at)
	}
	w.fields[string(name)] = field
	return at, true, nil
}

func (w *Writer) fieldObject(name []byte) (fieldAt, error) {
	f, err := w.field(name)
	if f.offset != 0 || err != nil {
		return f, err
	}
	size := fieldPayload + uint64(len(name))
	if f.offset, err = w.add(typeField, size); err != nil {
		return f, err
	}
	hash := hashKeyed(&w.head.File, name)
	w.put(f.offset+fieldHash, hash)
	w.put(f.offset+fieldNextHash, 0)
	w.put(f.offset+fieldData, 0)
	copy(w.mem[f.offset+fieldPayload:], name)
	w.head.Fields++
	w.link(w.head.FieldTable, fieldTableSize, fresh{offset: f.offset, hash: hash, field: true})
	w.fields[string(name)] = f
	return f, nil
}

// add makes an object at the tail. The header in the file does not know it yet.
func (w *Writer) add(kind byte, size uint64) (uint64, error) {
	at, end := w.tail, w.tail+align(size)
	if err := w.grow(end); err != nil {
		return 0, err
	}
	w.put(end-8, 0) // what alignment leaves
	w.put(at, uint64(kind))
	w.put(at+8, size)
	w.tail = end
	w.head.TailObject = at
	w.head.Objects++
	return at, nil
}

// link appends a new object to the hash chain of its bucket.
func (w *Writer) link(table, items uint64, f fresh) {
	bucket := table + f.hash%items*hashItem
	next := uint64(dataNextHash) // where fields have theirs, too
	for i := len(w.fresh) - 1; i >= 0; i-- {
		if l := &w.fresh[i]; l.field == f.field && l.hash%items == f.hash%items && l.commit == w.commits+1 {
			// The one before waits as well, so nobody sees it yet.
			w.put(l.offset+next, f.offset)
			w.changeAgain(l.change, f.offset)
			f.commit, f.change = l.commit, l.change
			w.fresh = append(w.fresh, f)
			return
		}
	}
	if last := w.get(bucket + 8); last != 0 {
		w.change(last+next, f.offset)
	} else {
		w.change(bucket, f.offset)
	}
	f.commit, f.change = w.commits+1, w.change(bucket+8, f.offset)
	w.fresh = append(w.fresh, f)
}

// addEntry writes the entry and the arrays it needs, and lets its data objects know it at the next commit.
func (w *Writer) addEntry(r *Record, items []item) error {
	h := &w.head
	if r.Realtime < h.TailRealtime || (r.Monotonic < h.TailMonotonic && h.Entries > 0) {
		return ErrBackwards
	}
	if err := w.room(3*len(items) + 2); err != nil {
		return err
	}
	need := entryItems + 16*uint64(len(items))
	for i := range items {
		it := &items[i]
		if err := w.chainOf(it); err != nil {
			return err
		}
		if it.grows = it.entries > 0 && it.used == it.size; it.grows {
			need += arrayItems + 8*it.next()
		}
	}
	if w.main.used == w.main.size {
		need += arrayItems + 8*w.main.next()
	}
	if err := w.grow(w.tail + need); err != nil {
		return err
	}

	size := entryItems + 16*uint64(len(items))
	entry, err := w.add(typeEntry, size)
	if err != nil {
		return err
	}
	h.TailSeqnum++
	w.put(entry+entrySeqnum, h.TailSeqnum)
	w.put(entry+entryRealtime, r.Realtime)
	w.put(entry+entryMonotonic, r.Monotonic)
	copy(w.mem[entry+entryBoot:], h.Boot[:])
	w.put(entry+entryXor, items[0].xor)
	for i := range items {
		it := &items[i]
		w.put(entry+entryItems+16*uint64(i), it.offset)
		w.put(entry+entryItems+16*uint64(i)+8, it.hash)
		if it.entries == 0 {
			continue
		}
		if it.grows {
			first := it.array == 0
			if err := w.addArray(&it.chain); err != nil {
				return err
			}
			if first {
				w.change(it.offset+dataArray, it.array)
			}
		}
		w.put(it.array+arrayItems+8*it.used, entry)
		it.used++
	}
	list := &w.main
	if list.used == list.size {
		if err := w.addArray(list); err != nil {
			return err
		}
		if list.entries == 0 {
			h.EntryArray = list.array
		}
	}
	w.put(list.array+arrayItems+8*list.used, entry)
	list.used++
	list.entries++

	h.Entries, h.TailEntry = list.entries, entry
	h.TailArray, h.TailArrayUsed = uint32(list.array), uint32(list.used)
	if list.entries == 1 {
		h.HeadSeqnum, h.HeadRealtime = h.TailSeqnum, r.Realtime
	}
	h.TailRealtime, h.TailMonotonic = r.Realtime, r.Monotonic
	for i := range items {
		it := &items[i]
		if it.entries++; it.entries == 1 {
			w.change(it.offset+dataEntry, entry)
		}
		if it.commit == w.commits+1 {
			w.changeAgain(it.change, it.entries)
		} else {
			it.commit, it.change = w.commits+1, w.change(it.offset+dataEntries, it.entries)
		}
		w.chainNow(it)
	}
	return nil
}

// addArray gives a list another array, joined to the one before.
func (w *Writer) addArray(c *chain) error {
	size := c.next()
	a, err := w.add(typeArray, arrayItems+8*size)
	if err != nil {
		return err
	}
	clear(w.mem[a+arrayNext : a+arrayItems+8*size])
	w.head.EntryArrays++
	if c.array != 0 {
		w.change(c.array+arrayNext, a)
	}
	c.array, c.used, c.size = a, 0, size
	return nil
}
