package query

import (
	"errors"
	"io/fs"
	"sort"

	"keelson/init/journal/file"
	"keelson/init/journal/show"
)

// A Journal is a place among the entries of many files. It is not safe for concurrent use.
type Journal struct {
	Matches Matches // set before the first seek
	where   Where
	files   []*journalFile
	failed  map[string]error // files that could not be opened
	here    location
	current *journalFile // that has the entry
	entry   position
	items   []uint64
	watch   *watch
}

// journalFile is a file and the entry in it that is a candidate for the next.
type journalFile struct {
	r       *file.Reader
	entries *file.List
	terms   []found
	going   direction // 0: nowhere yet
	at      position  // the candidate, or the last that was taken
	valid   bool      // at is set
	fresh   bool      // at has not been taken yet
	ended   uint64    // entries of the file when the last of them was passed, plus 1; 0: not ended
}

// Open finds the files. Those that cannot be opened are left out, see Failed.
func Open(w Where) (*Journal, error) {
	j := &Journal{where: w, failed: map[string]error{}}
	if err := j.scan(); err != nil {
		j.Close()
		return nil, err
	}
	return j, nil
}

// Close gives all files back.
func (j *Journal) Close() {
	for _, f := range j.files {
		f.r.Close()
	}
	j.files = nil
	if j.watch != nil {
		j.watch.close()
	}
}

// Failed are the files that could not be opened, by path.
func (j *Journal) Failed() map[string]error { return j.failed }

// Denied tells whether files could not be opened for lack of permission.
func (j *Journal) Denied() bool {
	for _, err := range j.failed {
		if errors.Is(err, fs.ErrPermission) {
			return true
		}
	}
	return false
}

// Files are the open files, by path.
func (j *Journal) Files() []*file.Reader {
	list := make([]*file.Reader, len(j.files))
	for i, f := range j.files {
		list[i] = f.r
	}
	sort.Slice(list, func(i, k int) bool { return list[i].Path() < list[k].Path() })
	return list
}

func (j *Journal) seek(l location) {
	j.here, j.current = l, nil
	for _, f := range j.files {
		f.going, f.valid, f.fresh, f.ended = 0, false, false, 0
	}
}

// FlushMatches wants all entries, from the head.
func (j *Journal) FlushMatches() {
	j.Matches = Matches{}
	for _, f := range j.files {
		f.terms = nil
	}
	j.seek(j.here)
}

// SeekHead goes before the first entry.
func (j *Journal) SeekHead() { j.seek(location{kind: atHead}) }

// SeekTail goes behind the last entry.
func (j *Journal) SeekTail() { j.seek(location{kind: atTail}) }

// SeekRealtime goes to a time in microseconds since the epoch.
func (j *Journal) SeekRealtime(usec uint64) {
	j.seek(location{kind: atSeek, hasRealtime: true, realtime: usec})
}

// SeekCursor goes to the entry that a cursor names, or where it would be.
func (j *Journal) SeekCursor(cursor string) error {
	l, err := parseCursor(cursor)
	if err == nil {
		j.seek(l)
	}
	return err
}

// Next goes to the next entry; it is false at the end.
func (j *Journal) Next() (bool, error) { return j.step(down) }

// Previous goes to the entry before; it is false at the beginning.
func (j *Journal) Previous() (bool, error) { return j.step(up) }

// Skip goes n entries in a direction and says how many there were. Skipping none at least finds the entry at the place sought.
func (j *Journal) Skip(n int, back bool) (int, error) {
	d := down
	if back {
		d = up
	}
	if n == 0 {
		if j.here.kind != atEntry {
			_, err := j.step(d)
			return 0, err
		}
		return 0, nil
	}
	for i := range n {
		ok, err := j.step(d)
		if !ok || err != nil {
			return i, err
		}
	}
	return n, nil
}

func (j *Journal) step(d direction) (bool, error) {
	var best *journalFile
	for i := 0; i < len(j.files); i++ {
		f := j.files[i]
		var ok bool
		err := f.r.Guard(func() (err error) {
			ok, err = j.beyond(f, d)
			return err
		})
		if err != nil {
			// Of a damaged file the rest is left out, as sd-journal does.
			j.failed[f.r.Path()] = err
			f.r.Close()
			j.files = append(j.files[:i], j.files[i+1:]...)
			i--
			if j.current == f {
				j.current = nil
			}
			continue
		}
		if ok && (best == nil || int(d)*f.at.compare(&best.at) < 0) {
			best = f
		}
	}
	if best == nil {
		return false, nil
	}
	best.fresh = false
	j.current, j.entry = best, best.at
	e := &j.entry
	j.here = location{kind: atEntry, hasSeqnum: true, hasMonotonic: true, hasRealtime: true, hasXor: true,
		series: e.series, boot: e.Boot, seqnum: e.Seqnum, monotonic: e.Monotonic, realtime: e.Realtime, xor: e.Xor}
	return true, nil
}

// beyond makes a file's candidate the first that matches and lies beyond where the journal is (next_beyond_location of sd-journal.c).
func (j *Journal) beyond(f *journalFile, d direction) (bool, error) {
	n := f.r.Entries()
	if f.going == d && f.ended == n+1 {
		return false, nil
	}
	f.ended = 0
	var at uint64
	var err error
	switch {
	case f.going == d && f.valid && f.fresh:
		at = f.at.Offset
	case f.going == d && f.valid:
		at, err = j.after(f, d)
	default:
		if at, err = f.start(&j.here, d); at != 0 && err == nil {
			way := d
			if j.here.kind == atHead {
				way = down
			} else if j.here.kind == atTail {
				way = up
			}
			at, err = f.next(&j.Matches, at, way)
		}
	}
	for f.going = d; ; at, err = j.after(f, d) {
		if err != nil {
			return false, err
		}
		if at == 0 {
			f.ended = n + 1
			return false, nil
		}
		if !f.fresh || f.at.Offset != at {
			e, err := f.r.Entry(at)
			if err != nil {
				return false, err
			}
			f.at = position{f.r.SeqnumID(), e}
		}
		f.valid, f.fresh = true, true
		if j.here.kind != atEntry || int(d)*f.at.compareWith(&j.here) > 0 {
			return true, nil
		}
	}
}

// after is the next entry that matches behind the candidate.
func (j *Journal) after(f *journalFile, d direction) (uint64, error) {
	return f.next(&j.Matches, f.at.Offset+uint64(int64(d)), d)
}

// ErrNoEntry is the answer where the journal is at no entry.
var ErrNoEntry = errors.New("at no entry of the journal")

// Entry reads the entry. It is valid until the next call for one; missing data is left out.
func (j *Journal) Entry() (*show.Entry, error) {
	f := j.current
	if f == nil {
		return nil, ErrNoEntry
	}
	e := &show.Entry{Cursor: j.entry.cursor(), Realtime: j.entry.Realtime, Monotonic: j.entry.Monotonic, Boot: j.entry.Boot}
	err := f.r.Guard(func() (err error) {
		if j.items, err = f.r.Items(j.entry.Offset, j.items[:0]); err != nil {
			return err
		}
		var memory []byte
		e.Fields = make([][]byte, 0, len(j.items))
		for _, at := range j.items {
			text, err := f.r.Data(at)
			if errors.Is(err, file.ErrCorrupt) {
				continue // of a file that lost power: the entry came to the disk, this not
			}
			if err != nil {
				return err
			}
			if len(text) > cap(memory)-len(memory) {
				memory = make([]byte, 0, max(len(text), 4096))
			}
			begin := len(memory)
			memory = append(memory, text...)
			e.Fields = append(e.Fields, memory[begin:len(memory):len(memory)])
		}
		return nil
	})
	return e, err
}

// Cursor names the entry.
func (j *Journal) Cursor() (string, error) {
	if j.current == nil {
		return "", ErrNoEntry
	}
	return j.entry.cursor(), nil
}

// Realtime is the entry's time in microseconds since the epoch, as it was stored, and Boot the boot it belongs to.
func (j *Journal) Realtime() uint64 { return j.entry.Realtime }
func (j *Journal) Boot() file.ID    { return j.entry.Boot }

// Fields are the names of all fields, sorted.
func (j *Journal) Fields() ([]string, error) {
	seen := map[string]bool{}
	for _, f := range j.files {
		if err := f.r.Guard(func() error { return f.r.Fields(func(name []byte) { seen[string(name)] = true }) }); err != nil {
			j.failed[f.r.Path()] = err
		}
	}
	names := make([]string, 0, len(seen))
	for n := range seen {
		names = append(names, n)
	}
	sort.Strings(names)
	return names, nil
}

// Unique calls f with each value that a field has, until it returns false. Values are in no order.
func (j *Journal) Unique(field string, f func(value []byte) bool) {
	seen := map[string]bool{}
	more := true
	for _, jf := range j.files {
		if !more {
			return
		}
		err := jf.r.Guard(func() error {
			return jf.r.Values(field, func(text []byte) bool {
				if !seen[string(text)] {
					seen[string(text)] = true
					more = f(text[len(field)+1:])
				}
				return more
			})
		})
		if err != nil {
			j.failed[jf.r.Path()] = err
		}
	}
}
