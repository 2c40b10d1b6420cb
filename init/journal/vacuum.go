package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// A Limit is what archived files are deleted for, the oldest first; 0 is no limit. Files that are being written count, but stay.
type Limit struct {
	Use   uint64        // bytes
	Files uint64        // their number
	Age   time.Duration // of their first entry
}

// A Deleted is a file that Vacuum deleted.
type Deleted struct {
	Path  string
	Empty bool // it had no entries, and nobody was writing it
	Size  uint64
}

type archived struct {
	path     string
	size     uint64
	realtime uint64
	series   string
	seqnum   uint64
}

// Vacuum deletes archived files of a directory until the limit holds (journal-vacuum.c). Files with names that journald would not give are left
// alone.
func Vacuum(dir string, limit Limit, now time.Time) (deleted []Deleted, err error) {
	list, active, sum, err := archives(dir)
	if err != nil {
		return nil, err
	}
	var kept []archived
	var failed error
	remove := func(a archived, empty bool) bool {
		if err := discard(a.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = err
			return false
		}
		deleted = append(deleted, Deleted{a.path, empty, a.size})
		sum -= min(sum, a.size)
		return true
	}
	for _, a := range list {
		if empty(a.path) {
			remove(a, true)
		} else {
			kept = append(kept, a)
		}
	}
	oldest := uint64(0)
	if limit.Age > 0 {
		oldest = uint64(max(now.Add(-limit.Age).UnixMicro(), 0))
	}
	for i, a := range kept {
		if (limit.Age <= 0 || a.realtime >= oldest) && (limit.Use == 0 || sum <= limit.Use) && (limit.Files == 0 || active+uint64(len(kept)-i) <= limit.Files) {
			break
		}
		remove(a, false)
	}
	return deleted, failed
}

// archives lists the archived files of a directory, the oldest first, and counts those that are not archived.
func archives(dir string) (list []archived, active, sum uint64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, 0, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		st := info.Sys().(*syscall.Stat_t)
		a := archived{path: filepath.Join(dir, e.Name()), size: uint64(st.Blocks) * 512}
		whole, tilde := strings.CutSuffix(e.Name(), "~")
		stem, ok := strings.CutSuffix(whole, ".journal")
		if !ok {
			continue
		}
		sum += a.size
		if !a.parse(stem, tilde) {
			active++
			continue
		}
		a.realtime = min(a.realtime, uint64(info.ModTime().UnixMicro()))
		list = append(list, a)
	}
	sort.Slice(list, func(i, k int) bool {
		a, b := &list[i], &list[k]
		switch {
		case a.series != "" && a.series == b.series && a.seqnum != b.seqnum:
			return a.seqnum < b.seqnum
		case a.realtime != b.realtime:
			return a.realtime < b.realtime
		}
		return a.path < b.path
	})
	return list, active, sum, nil
}

// parse reads PREFIX@SERIES-SEQNUM-REALTIME or, of what was not closed in order, PREFIX@REALTIME-RANDOM.
func (a *archived) parse(stem string, tilde bool) bool {
	i := strings.LastIndexByte(stem, '@')
	if i < 0 {
		return false
	}
	parts := strings.Split(stem[i+1:], "-")
	hex := func(s string, digits int) (uint64, bool) {
		if len(s) != digits {
			return 0, false
		}
		n, err := strconv.ParseUint(s, 16, 64)
		return n, err == nil
	}
	ok, other := false, false
	switch {
	case tilde && len(parts) == 2:
		a.realtime, ok = hex(parts[0], 16)
		_, other = hex(parts[1], 16)
	case !tilde && len(parts) == 3:
		if _, err := file.ParseID(parts[0]); err != nil || len(parts[0]) != 32 {
			return false
		}
		a.series = parts[0]
		a.seqnum, other = hex(parts[1], 16)
		a.realtime, ok = hex(parts[2], 16)
	}
	return ok && other
}

// empty tells whether a file has no entries.
func empty(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var b [8]byte
	n, _ := f.ReadAt(b[:], 152) // n_entries
	return n < 8 || b == [8]byte{}
}

// vacuum holds the directory to the configuration.
func (s *store) vacuum() error {
	limit := Limit{Use: s.use.MaxUse, Files: s.use.MaxFiles, Age: s.c.config.MaxRetention}
	_, _, used, err := archives(s.dir)
	if err != nil {
		return err
	}
	free := s.use.MaxUse
	var st unix.Statfs_t
	if unix.Statfs(s.dir, &st) == nil {
		free = st.Bavail * uint64(st.Bsize)
		free -= min(free, s.use.KeepFree)
		limit.Use = min(limit.Use, used+free)
	}
	// The file that is about to be begun needs its place as well.
	if s.open == nil {
		limit.Use -= min(limit.Use, s.use.MaxFileSize)
	}
	limit.Use = max(limit.Use, 1)
	deleted, err := Vacuum(s.dir, limit, time.UnixMicro(int64(s.c.realtime)))
	for _, d := range deleted {
		used -= min(used, d.Size)
	}
	s.available = min(s.use.MaxUse-min(s.use.MaxUse, used), free)
	return err
}

// vacuumOne deletes the oldest archived file, for the disk is full. It is false if there is none.
func (s *store) vacuumOne() bool {
	list, _, _, err := archives(s.dir)
	if err != nil || len(list) == 0 {
		return false
	}
	return discard(list[0].path) == nil
}

// discard deletes a file and gives its space back even if somebody still has it open (unlinkat_deallocate of fs-util.c): those find zeros.
func discard(path string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	if err := os.Remove(path); err != nil || fd < 0 {
		return err
	}
	var st unix.Stat_t
	if unix.Fstat(fd, &st) == nil && st.Nlink == 0 && st.Blocks > 0 {
		unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, st.Size)
	}
	return nil
}

// makeDir makes a directory of journal files as systemd-tmpfiles does: for the group systemd-journal, if there is one, which new files inherit.
func makeDir(dir, groups string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if gid, ok := groupID(groups, "systemd-journal"); ok {
		for _, d := range []string{filepath.Dir(dir), dir} {
			if os.Chown(d, -1, gid) == nil {
				os.Chmod(d, 0o755|os.ModeSetgid)
			}
		}
	}
	return nil
}

func groupID(path, name string) (int, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Split(line, ":"); len(f) >= 3 && f[0] == name {
			n, err := strconv.Atoi(f[2])
			return n, err == nil
		}
	}
	return 0, false
}
