package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

const (
	filePrefix   = "system"
	batchRecords = 64
	batchBytes   = 128 << 10
	retryAfter   = 30 * time.Second // until files are tried again that could not be written
)

// store writes messages to journal files. It belongs to the collector's goroutine.
type store struct {
	c    *Collector
	use  Use
	dir  string // of the open file
	open *openFile
	var_ bool // the open file is in /var

	// What flush writes. Slices of the records lie in the pools.
	records  []file.Record
	interned []*file.Data
	fields   [][]byte
	urgent   bool // one of them is critical or worse

	syncAt       time.Duration // on the monotonic clock, when a sync is due; 0: nothing is unsynced
	syncing      bool
	closing      int // archived files that are being synced
	waiting      []func(error)
	later        []func(error) // came while a sync was under way
	syncError    error
	retryAt      time.Duration
	lost         int
	available    uint64 // bytes that the journal may still take
	series       file.ID
	seqnum       uint64
	relinquished bool
	notes        []note
}

type note struct {
	recovered bool
	key, text string
}

// openFile is a Writer and the fsyncs under way.
type openFile struct {
	*file.Writer
	busy  sync.WaitGroup
	since time.Duration
}

func newStore(c *Collector) *store {
	return &store{c: c, available: c.config.System.MaxUse}
}

// add takes a message into the next batch.
func (s *store) add(m *message) {
	if s.c.config.Storage == StorageNone {
		return
	}
	i, f := len(s.interned), len(s.fields)
	s.interned = append(s.interned, m.common...)
	if m.from != nil {
		s.interned = append(s.interned, m.from.fields...)
	}
	s.fields = append(s.fields, m.fields...)
	s.records = append(s.records, file.Record{Realtime: m.realtime, Monotonic: m.monotonic,
		Interned: s.interned[i:len(s.interned):len(s.interned)], Fields: s.fields[f:len(s.fields):len(s.fields)]})
	s.urgent = s.urgent || m.priority <= 2
}

// full writes the batch if it is large enough.
func (s *store) full() {
	if len(s.records) >= batchRecords || len(s.c.arena) >= batchBytes {
		s.flush()
	}
}

// flush writes the batch.
func (s *store) flush() {
	for range 3 { // what there is to tell of the writing is written too
		if len(s.records) > 0 {
			s.write(s.records)
		}
		s.records, s.interned, s.fields, s.c.arena = s.records[:0], s.interned[:0], s.fields[:0], s.c.arena[:0]
		if cap(s.c.arena) > 2*batchBytes+s.c.config.LineMax {
			s.c.arena = nil
		}
		notes := s.notes
		if s.notes = nil; notes == nil {
			return
		}
		for _, n := range notes {
			if n.recovered {
				s.c.recovered(n.key, n.text)
			} else {
				s.c.trouble(n.key, n.text)
			}
		}
	}
}

func (s *store) tell(key, format string, args ...any) {
	s.notes = append(s.notes, note{key: key, text: fmt.Sprintf(format, args...)})
}

func (s *store) write(batch []file.Record) {
	for fruitless := 0; len(batch) > 0; {
		if !s.ready() {
			s.lost += len(batch)
			return
		}
		n, err := s.open.Append(batch...)
		batch = batch[n:]
		if n > 0 {
			fruitless = 0
			s.written()
		}
		if err == nil {
			break
		}
		if fruitless++; fruitless > 3 {
			s.tell("entry", "an entry is not stored: %v", err)
			s.lost++
			batch, fruitless = batch[1:], 0
			continue
		}
		switch {
		case errors.Is(err, file.ErrFull) || errors.Is(err, file.ErrBackwards):
			err = s.rotate()
		case errors.Is(err, unix.ENOSPC) && s.vacuumOne():
			err = nil
		case errors.Is(err, file.ErrFault):
			s.tell("fault", "%v; a new file is begun", err)
			err = s.abandon()
		}
		if err != nil {
			s.fail(err)
		}
	}
}

// written is after entries went into the file.
func (s *store) written() {
	h := s.open.Header()
	s.series, s.seqnum = h.SeqnumID, h.TailSeqnum
	if s.lost > 0 {
		s.notes = append(s.notes, note{true, "store", fmt.Sprintf("journal files can be written again; %d entries are missing", s.lost)})
		s.lost = 0
	}
	if s.urgent {
		s.urgent = false
		s.sync(func(error) {})
	} else if s.syncAt == 0 && s.c.config.SyncInterval > 0 {
		s.syncAt = s.c.monotonic + s.c.config.SyncInterval
	}
	if m := s.c.config.MaxFile; m > 0 && h.Entries > 0 && h.HeadRealtime+uint64(m.Microseconds()) < s.c.realtime {
		if err := s.rotate(); err != nil {
			s.fail(err)
		}
	}
}

// fail leaves files alone for a while.
func (s *store) fail(err error) {
	s.tell("store", "journal files cannot be written, lines are not kept: %v", err)
	s.retryAt = s.c.monotonic + retryAfter
	if s.open != nil {
		s.release()
	}
}

// ready makes sure that a file is open.
func (s *store) ready() bool {
	if s.open != nil {
		return true
	}
	if s.retryAt != 0 && s.c.monotonic < s.retryAt {
		return false
	}
	s.retryAt = 0
	if s.c.o.MachineID.IsZero() {
		s.fail(errors.New("there is no machine ID to name their directory"))
		return false
	}
	if err := s.begin(); err != nil {
		s.fail(err)
		return false
	}
	return true
}

// begin opens a file: in /var if it is to be there and can be, else in /run.
func (s *store) begin() error {
	c := s.c
	persistent := c.path("var/log/journal")
	want := false
	switch c.config.Storage {
	case StoragePersistent:
		want = true
	case StorageAuto:
		st, err := os.Stat(persistent)
		want = err == nil && st.IsDir()
	}
	if want && !s.relinquished {
		err := s.beginIn(filepath.Join(persistent, c.o.MachineID.String()), c.config.System)
		if err == nil {
			s.var_ = true
			s.flag()
			return nil
		}
		s.tell("var", "no journal files in /var: %v; they are in /run", err)
	}
	s.var_ = false
	return s.beginIn(filepath.Join(c.path("run/log/journal"), c.o.MachineID.String()), c.config.Runtime)
}

// flag tells journalctl --flush that there is nothing to do.
func (s *store) flag() {
	fd, err := unix.Open(s.c.path(flushedFlag), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NOFOLLOW, 0o644)
	if err == nil {
		unix.Close(fd)
	}
}

func (s *store) beginIn(dir string, use Use) error {
	if err := makeDir(dir, s.c.path("etc/group")); err != nil {
		return err
	}
	s.dir, s.use = dir, use
	path := filepath.Join(dir, filePrefix+".journal")
	o := file.Options{MaxSize: use.MaxFileSize, Machine: s.c.o.MachineID, Boot: s.c.o.BootID, SeqnumID: s.series, Seqnum: s.seqnum}
	w, err := file.Continue(path, o, s.c.realtime)
	if err == nil {
		h := w.Header()
		s.series, s.seqnum = h.SeqnumID, h.TailSeqnum
	} else if !errors.Is(err, fs.ErrNotExist) {
		if h, err := file.PutAway(path, filePrefix, s.c.realtime); err != nil {
			return err
		} else if s.series.IsZero() && h.Machine == o.Machine && !h.SeqnumID.IsZero() {
			o.SeqnumID, o.Seqnum = h.SeqnumID, h.TailSeqnum
		}
		w = nil
	}
	if w == nil {
		s.vacuum()
		w, err = file.Create(path, o)
		for errors.Is(err, unix.ENOSPC) && s.vacuumOne() {
			w, err = file.Create(path, o)
		}
		if err != nil {
			return err
		}
	}
	s.open = &openFile{Writer: w, since: s.c.monotonic}
	return nil
}

// rotate archives the open file and begins another.
func (s *store) rotate() error {
	if s.open == nil || s.open.Header().Entries == 0 {
		return nil
	}
	h := s.open.Header()
	err := s.open.Archive()
	if err == nil {
		err = os.Rename(s.open.Path(), filepath.Join(s.dir, file.ArchivedName(filePrefix, &h)))
	}
	if err != nil {
		return err
	}
	s.release()
	return s.begin()
}

// abandon gives the open file up as it is.
func (s *store) abandon() error {
	path := s.open.Path()
	s.release()
	if _, err := file.PutAway(path, filePrefix, s.c.realtime); err != nil {
		return err
	}
	return s.begin()
}

// release syncs and closes the open file in the background.
func (s *store) release() {
	old := s.open
	s.open, s.syncAt = nil, 0
	s.closing++
	go func() {
		old.busy.Wait()
		err := old.Fsync()
		old.Close()
		s.c.post(func() {
			s.closing--
			if err != nil {
				s.syncError = err
			}
			s.answer()
		})
	}()
}

// relinquish leaves /var.
func (s *store) relinquish() error {
	if s.c.config.Storage == StorageNone || s.relinquished {
		return nil
	}
	s.relinquished = true
	if s.open == nil || !s.var_ {
		return nil
	}
	return s.rotateTo()
}

// rotateTo archives the open file and begins one where files are to be now.
func (s *store) rotateTo() error {
	if s.open == nil {
		return s.begin()
	}
	if s.open.Header().Entries > 0 {
		return s.rotate()
	}
	path := s.open.Path()
	s.release()
	os.Remove(path)
	return s.begin()
}

// flushToVar copies what is in /run to /var, once /var can be had (server_flush_to_var of journald-server.c).
func (s *store) flushToVar() error {
	s.relinquished = false
	if s.open != nil && s.var_ {
		s.flag()
		return nil
	}
	from := filepath.Join(s.c.path("run/log/journal"), s.c.o.MachineID.String())
	if err := s.rotateTo(); err != nil {
		return err
	}
	if !s.var_ {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(from, "*.journal*"))
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.copyFrom(name); err != nil {
			return err
		}
		os.Remove(name)
	}
	return nil
}

// copyFrom appends the entries of a file to the open one. Entries older than its last cannot be: files are read by time.
func (s *store) copyFrom(path string) error {
	r, err := file.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Guard(func() error {
		all := r.All()
		n, err := all.Len()
		var items []uint64
		for i := uint64(0); i < n && err == nil; i++ {
			var at uint64
			if at, err = all.At(i); err != nil {
				return err
			}
			e, err := r.Entry(at)
			if err != nil {
				return err
			}
			if items, err = r.Items(at, items[:0]); err != nil {
				return err
			}
			record := file.Record{Realtime: e.Realtime, Monotonic: e.Monotonic}
			for _, d := range items {
				text, err := r.Data(d)
				if err != nil {
					return err
				}
				record.Fields = append(record.Fields, append([]byte(nil), text...))
			}
			s.write([]file.Record{record})
		}
		return err
	})
}
