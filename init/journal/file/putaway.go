package file

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// PutAway renames a file that its Writer no longer goes on with: one that is OFFLINE becomes an archived one, what is ONLINE or not to be read is
// called PREFIX@REALTIME-RANDOM.journal~, as journald does (managed-journal-file.c). now is in microseconds since the
// epoch. The header is returned if it can be read.
func PutAway(path, prefix string, now uint64) (h Header, err error) {
	r, err := Open(path)
	if err == nil {
		h, err = r.Header()
		r.Close()
	}
	if err == nil && h.State != Online && h.Entries > 0 {
		if err := markArchived(path); err != nil {
			return h, err
		}
		return h, os.Rename(path, filepath.Join(filepath.Dir(path), ArchivedName(prefix, &h)))
	}
	var random [8]byte
	if _, err := rand.Read(random[:]); err != nil {
		return h, err
	}
	return h, os.Rename(path, filepath.Join(filepath.Dir(path), fmt.Sprintf("%s@%016x-%x.journal~", prefix, now, random)))
}

func markArchived(path string) error {
	fd, err := openat(path, unix.O_WRONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := sys.Retry(func() error { _, err := unix.Pwrite(fd, []byte{byte(Archived)}, 16); return err }); err != nil {
		return &os.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}
