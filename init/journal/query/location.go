package query

import (
	"fmt"
	"strconv"
	"strings"

	"keelson/init/journal/file"
)

// A location is where in the journal the next entry is looked for.
type location struct {
	kind                                         kind
	hasSeqnum, hasMonotonic, hasRealtime, hasXor bool
	series, boot                                 file.ID
	seqnum, monotonic, realtime, xor             uint64
}

type kind uint8

const (
	atHead kind = iota
	atTail
	atEntry // at one that was read
	atSeek  // at one that is to be read
)

// A position is an entry as it is compared with others.
type position struct {
	series file.ID
	file.Entry
}

// compare orders entries (journal_file_compare_locations of journal-file.c).
func (p *position) compare(q *position) int {
	if p.series == q.series {
		if c := order(p.Seqnum, q.Seqnum); c != 0 {
			return c
		}
	}
	if p.Boot == q.Boot {
		if c := order(p.Monotonic, q.Monotonic); c != 0 {
			return c
		}
	}
	if c := order(p.Realtime, q.Realtime); c != 0 {
		return c
	}
	return order(p.Xor, q.Xor)
}

func order(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareWith orders an entry against a location (compare_with_location of sd-journal.c).
func (p *position) compareWith(l *location) int {
	if l.hasSeqnum && p.series == l.series {
		if c := order(p.Seqnum, l.seqnum); c != 0 {
			return c
		}
	}
	if l.hasMonotonic && p.Boot == l.boot {
		if c := order(p.Monotonic, l.monotonic); c != 0 {
			return c
		}
	}
	if l.hasRealtime {
		if c := order(p.Realtime, l.realtime); c != 0 {
			return c
		}
	}
	if l.hasXor {
		return order(p.Xor, l.xor)
	}
	return 0
}

// cursor names an entry, also in copies of its file.
func (p *position) cursor() string {
	return fmt.Sprintf("s=%s;i=%x;b=%s;m=%x;t=%x;x=%x", p.series, p.Seqnum, p.Boot, p.Monotonic, p.Realtime, p.Xor)
}

// parseCursor reads what cursor wrote (sd_journal_seek_cursor).
func parseCursor(text string) (location, error) {
	l := location{kind: atSeek}
	bad := func() (location, error) { return location{}, fmt.Errorf("%q is no cursor", text) }
	series, boot := false, false
	if text == "" {
		return bad()
	}
	for _, word := range strings.Split(text, ";") {
		if word == "" {
			continue
		}
		name, value, ok := strings.Cut(word, "=")
		if !ok || len(name) != 1 {
			return bad()
		}
		var err error
		switch name {
		case "s":
			l.series, err = file.ParseID(value)
			series = true
		case "i":
			l.seqnum, err = strconv.ParseUint(value, 16, 64)
			l.hasSeqnum = true
		case "b":
			l.boot, err = file.ParseID(value)
			boot = true
		case "m":
			l.monotonic, err = strconv.ParseUint(value, 16, 64)
			l.hasMonotonic = true
		case "t":
			l.realtime, err = strconv.ParseUint(value, 16, 64)
			l.hasRealtime = true
		case "x":
			l.xor, err = strconv.ParseUint(value, 16, 64)
			l.hasXor = true
		}
		if err != nil {
			return bad()
		}
	}
	l.hasSeqnum, l.hasMonotonic = l.hasSeqnum && series, l.hasMonotonic && boot
	if !l.hasSeqnum && !l.hasMonotonic && !l.hasRealtime {
		return bad()
	}
	return l, nil
}

// start is the entry of a file at which a location lies: the first not before it or, going up, the last not behind it. 0 is none.
func (f *journalFile) start(l *location, d direction) (uint64, error) {
	all := f.entries
	search := func(list *file.List, beyond func(e *file.Entry) bool) (uint64, error) {
		i, err := list.Search(func(at uint64) (bool, error) {
			e, err := f.r.Entry(at)
			if err != nil {
				return false, err
			}
			return beyond(&e), nil
		})
		if err != nil {
			return 0, err
		}
		return at(list, i, d)
	}
	// Going up, the entry before the first that lies behind.
	reach := func(have, want uint64) bool {
		if d == down {
			return have >= want
		}
		return have > want
	}
	switch {
	case l.kind == atHead:
		return at(all, 0, down)
	case l.kind == atTail:
		n, err := all.Len()
		if err != nil {
			return 0, err
		}
		return at(all, n, up)
	case l.hasSeqnum && l.series == f.r.SeqnumID():
		return search(all, func(e *file.Entry) bool { return reach(e.Seqnum, l.seqnum) })
	}
	if l.hasMonotonic {
		data, err := f.r.Find([]byte("_BOOT_ID=" + l.boot.String()))
		if err != nil {
			return 0, err
		}
		if data != 0 {
			if e, err := search(f.r.With(data), func(e *file.Entry) bool { return reach(e.Monotonic, l.monotonic) }); e != 0 || err != nil {
				return e, err
			}
		}
	}
	if l.hasRealtime {
		return search(all, func(e *file.Entry) bool { return reach(e.Realtime, l.realtime) })
	}
	if d == down {
		return at(all, 0, down)
	}
	n, err := all.Len()
	if err != nil {
		return 0, err
	}
	return at(all, n, up)
}
