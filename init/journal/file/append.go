package file

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
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
	entry        uint64 // once that is written
	grows        bool   // its list needs a new array
	chain
}

// fresh is an object written behind the tail.
type fresh struct {
	offset, hash uint64
	field        string // of a field object
}

// Append adds entries and returns how many of them. Times must not lie before those of the last entry (ErrBackwards). The file may be full
// (ErrFull) or have to be given up; then it may have gained data that no entry refers to, which is legal. Nothing is kept
// of the records after the call.
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
	if err := w.publishData(); err != nil {
		return 0, err
	}
	items := w.items
	for i := range batch {
		end := 1
		for end < len(items) && !items[end].begin {
			end++
		}
		err := w.addEntry(&batch[i], items[:end])
		if err == nil && w.exact {
			err = w.settle()
		}
		if err != nil {
			if err := w.settle(); err != nil {
				return i, err
			}
			w.announce()
			return i, err
		}
		items = items[end:]
	}
	if err := w.settle(); err != nil {
		return 0, err
	}
	w.announce()
	return len(batch), full
}

// announce makes inotify(7) tell who follows the file that it changed: of stores to the mapping it knows nothing, and the commit came before the data
// objects knew the entry. A failure would have shown in the commit.
func (w *Writer) announce() {
	unix.Pwrite(w.fd, w.buf[16:17], 16)
}

// addRecord finds a record's data objects, or writes new ones behind the tail: step 1 of the package comment.
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
	for _, f := range w.fresh {
		if f.hash == hash && f.field == "" && bytes.Equal(text, w.mem[f.offset+dataPayload:f.offset+w.get(f.offset+8)]) {
			return f.offset, false, nil
		}
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
	field.head = at
	w.fields[string(name)] = field
	w.fresh = append(w.fresh, fresh{offset: at, hash: hash})
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
	w.fresh = append(w.fresh, fresh{offset: f.offset, hash: hash, field: string(name)})
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

// publishData takes new data and field objects into the file: steps 2 and 3.
func (w *Writer) publishData() error {
	if len(w.fresh) == 0 {
		return nil
	}
	if err := w.commit(); err != nil {
		w.broken = err
		return err
	}
	h := &w.head
	for i := range w.fresh {
		f := &w.fresh[i]
		if f.field != "" {
			w.link(h.FieldTable+f.hash%fieldTableSize*hashItem, f.offset, fieldNextHash)
			continue
		}
		w.link(h.DataTable+f.hash%(h.DataTableSize/hashItem)*hashItem, f.offset, dataNextHash)
		text := w.mem[f.offset+dataPayload : f.offset+w.get(f.offset+8)]
		if field := w.fields[string(text[:bytes.IndexByte(text, '=')])]; field.offset != 0 {
			w.publish(field.offset+fieldData, f.offset)
		}
	}
	return nil
}

// link appends an object to the hash chain of a bucket.
func (w *Writer) link(bucket, object, next uint64) {
	if last := w.get(bucket + 8); last != 0 {
		w.publish(last+next, object)
	} else {
		w.publish(bucket, object)
	}
	w.publish(bucket+8, object)
}

// addEntry writes the entry and the arrays it needs: step 4. Lists are continued in memory, as if its data objects knew it.
func (w *Writer) addEntry(r *Record, items []item) error {
	h := &w.head
	if r.Realtime < h.TailRealtime || (r.Monotonic < h.TailMonotonic && h.Entries > 0) {
		return ErrBackwards
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
			if err := w.addArray(&it.chain); err != nil {
				return err
			}
			if it.entries == 1 && !w.exact {
				w.publish(it.offset+dataArray, it.array) // so that Repair finds it
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
		it.entries++
		it.entry = entry
		w.chainNow(it)
	}
	w.pending = append(w.pending, items)
	return nil
}

// settle takes the entries that were written into the file and makes their data objects know them: steps 5 and 6.
func (w *Writer) settle() error {
	if len(w.pending) == 0 {
		return nil
	}
	if err := w.commit(); err != nil {
		w.broken = err
		return err
	}
	for _, items := range w.pending {
		for i := range items {
			it := &items[i]
			switch it.entries {
			case 1:
				w.publish(it.offset+dataEntry, it.entry)
			case 2:
				w.publish(it.offset+dataArray, it.array)
			}
			w.publish(it.offset+dataEntries, it.entries)
		}
	}
	w.pending = w.pending[:0]
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
		w.publish(c.array+arrayNext, a)
	}
	c.array, c.used, c.size = a, 0, size
	return nil
}
