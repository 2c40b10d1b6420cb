package file

import (
	"bytes"
	"slices"
)

// addData writes the planned entry's new data and field objects: steps 1 to 3 of the package comment.
func (w *Writer) addData() error {
	h := &w.head
	at := w.tail
	for i := range w.plan {
		p := &w.plan[i]
		if !p.isNew {
			continue
		}
		if p.field != "" {
			for j := range w.plan[:i] { // two new data of one new field
				if w.plan[j].field == p.field {
					p.field = ""
					break
				}
			}
		}
		if p.field != "" {
			size := fieldPayload + uint64(len(p.field))
			w.object(at, typeField, size)
			w.put(at+fieldHash, hashKeyed(&h.File, []byte(p.field)))
			w.put(at+fieldNextHash, 0)
			w.put(at+fieldData, 0)
			copy(w.mem[at+fieldPayload:], p.field)
			p.fieldOffset = at
			h.TailObject, h.Objects, h.Fields = at, h.Objects+1, h.Fields+1
			at = w.pad(at, size)
		}
		size := dataPayload + uint64(len(p.text))
		w.object(at, typeData, size)
		w.put(at+dataHash, p.hash)
		clear(w.mem[at+dataNextHash : at+dataPayload])
		copy(w.mem[at+dataPayload:], p.text)
		p.offset = at
		h.TailObject, h.Objects, h.Data = at, h.Objects+1, h.Data+1
		at = w.pad(at, size)
	}
	if at == w.tail {
		return nil
	}
	if err := w.commit(); err != nil {
		w.broken = err
		return err
	}
	w.tail = at
	for i := range w.plan {
		p := &w.plan[i]
		if !p.isNew {
			continue
		}
		if p.fieldOffset != 0 {
			w.link(h.FieldTable+w.get(p.fieldOffset+fieldHash)%fieldTableSize*hashItem, p.fieldOffset, fieldNextHash)
			w.remember(p.field, fieldAt{offset: p.fieldOffset})
		}
		w.link(h.DataTable+p.hash%(h.DataTableSize/hashItem)*hashItem, p.offset, dataNextHash)
		name := p.text[:bytes.IndexByte(p.text, '=')]
		f, err := w.field(name)
		if err != nil {
			return err
		}
		w.put(p.offset+dataNextData, f.head)
		w.publish(f.offset+fieldData, p.offset)
		f.head = p.offset
		w.fields[string(name)] = f
		if p.d != nil {
			p.d.offset, p.d.chain = p.offset, chain{}
		}
	}
	return nil
}

// pad zeroes what alignment leaves behind an object and returns where the next begins.
func (w *Writer) pad(at, size uint64) uint64 {
	end := at + align(size)
	clear(w.mem[at+size : end])
	return end
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

// addEntry writes the entry and the arrays it needs, and makes its data objects know it: steps 4 to 6.
func (w *Writer) addEntry(realtime, monotonic, xor uint64) error {
	h := &w.head
	slices.SortFunc(w.plan, func(a, b planned) int {
		if a.offset < b.offset {
			return -1
		}
		return 1
	})
	w.plan = slices.CompactFunc(w.plan, func(a, b planned) bool { return a.offset == b.offset })

	entry := w.tail
	size := entryItems + 16*uint64(len(w.plan))
	w.object(entry, typeEntry, size)
	h.TailSeqnum++
	w.put(entry+entrySeqnum, h.TailSeqnum)
	w.put(entry+entryRealtime, realtime)
	w.put(entry+entryMonotonic, monotonic)
	copy(w.mem[entry+entryBoot:], h.Boot[:])
	w.put(entry+entryXor, xor)
	h.TailObject, h.Objects, h.TailEntry = entry, h.Objects+1, entry
	at := entry + size
	array := func(slots uint64) uint64 {
		a := at
		w.object(a, typeArray, arrayItems+8*slots)
		clear(w.mem[a+arrayNext : a+arrayItems+8*slots])
		h.TailObject, h.Objects, h.EntryArrays = a, h.Objects+1, h.EntryArrays+1
		at += arrayItems + 8*slots
		return a
	}
	for i := range w.plan {
		p := &w.plan[i]
		w.put(entry+entryItems+16*uint64(i), p.offset)
		w.put(entry+entryItems+16*uint64(i)+8, p.hash)
		if p.chain.entries == 0 {
			continue
		}
		if p.arraySize != 0 {
			p.array = array(p.arraySize)
			if p.chain.array != 0 {
				w.publish(p.chain.array+arrayNext, p.array)
			}
			p.chain.array, p.chain.used, p.chain.size = p.array, 0, p.arraySize
		}
		w.put(p.chain.array+arrayItems+8*p.chain.used, entry)
		p.chain.used++
	}
	list := w.main
	if list.used == list.size {
		a := array(list.next())
		if list.array != 0 {
			w.publish(list.array+arrayNext, a)
		} else {
			h.EntryArray = a
		}
		list.array, list.used, list.size = a, 0, (w.get(a+8)-arrayItems)/8
	}
	w.put(list.array+arrayItems+8*list.used, entry)
	list.used++
	list.entries++

	h.Entries = list.entries
	h.TailArray, h.TailArrayUsed = uint32(list.array), uint32(list.used)
	if list.entries == 1 {
		h.HeadSeqnum, h.HeadRealtime = h.TailSeqnum, realtime
	}
	h.TailRealtime, h.TailMonotonic = realtime, monotonic
	if err := w.commit(); err != nil {
		w.broken = err
		return err
	}
	w.tail, w.main = at, list

	for i := range w.plan {
		p := &w.plan[i]
		p.chain.entries++
		switch {
		case p.chain.entries == 1:
			w.publish(p.offset+dataEntry, entry)
		case p.chain.entries == 2:
			w.publish(p.offset+dataArray, p.array)
		}
		w.publish(p.offset+dataEntries, p.chain.entries)
		if p.d != nil {
			p.d.chain = p.chain
		} else if p.chain.entries > 1 {
			w.recent[p.offset/8%uint64(len(w.recent))] = recentChain{p.offset, p.chain}
		}
	}
	return nil
}
