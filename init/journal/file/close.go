package file

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// Fsync gives what was appended to the disk. It may run beside Append, on another goroutine; the Writer must not be closed meanwhile.
func (w *Writer) Fsync() error {
	if err := sys.Retry(func() error { return unix.Fsync(w.fd) }); err != nil {
		return &os.PathError{Op: "fsync", Path: w.path, Err: err}
	}
	return nil
}

// Offline marks the file as complete, after an Fsync since which nothing was appended, and gives its pages back: the process no longer
// counts them as its own. The next Append marks it ONLINE again.
func (w *Writer) Offline() error {
	if w.broken != nil || w.head.State != Online {
		return w.broken
	}
	w.head.State = Offline
	err := w.commit()
	unix.Madvise(w.mem, unix.MADV_DONTNEED)
	return err
}

// Archive ends the file: what was allocated too much is given back, and it is ARCHIVED. The caller renames it to ArchivedName.
func (w *Writer) Archive() error {
	if w.broken != nil {
		return w.broken
	}
	h := &w.head
	h.State = Archived
	end := (w.tail + 0xfff) &^ 0xfff
	if end < w.alloc {
		h.Arena = end - headerSize
	}
	if err := w.commit(); err != nil {
		return err
	}
	w.Announce()
	if end < w.alloc {
		if err := sys.Retry(func() error { return unix.Ftruncate(w.fd, int64(end)) }); err != nil {
			return &os.PathError{Op: "truncate", Path: w.path, Err: err}
		}
		w.alloc, w.filled = end, min(w.filled, end)
	}
	w.broken = fmt.Errorf("%s is archived", w.path)
	return nil
}

// ArchivedName is the name that journald gives to an ended file of the prefix, such as "system"
// (journal_file_archive of managed-journal-file.c).
func ArchivedName(prefix string, h *Header) string {
	return fmt.Sprintf("%s@%s-%016x-%016x.journal", prefix, h.SeqnumID, h.HeadSeqnum, h.HeadRealtime)
}

// Close gives descriptor and mapping back. It neither syncs nor marks anything.
func (w *Writer) Close() {
	w.changes.close()
	if w.mem != nil {
		unix.Munmap(w.mem)
		w.mem = nil
	}
	if w.fd >= 0 {
		unix.Close(w.fd)
		w.fd = -1
	}
	if w.broken == nil {
		w.broken = fmt.Errorf("%s is closed", w.path)
	}
}
