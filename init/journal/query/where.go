package query

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// Where says which files are the journal: Files, or Dir, or else those of the machine in /run/log/journal and /var/log/journal.
type Where struct {
	Files        []string
	Dir          string
	Root         string  // prefix of the usual directories
	Machine      file.ID // whose files, if zero those of all machines
	System, User bool    // only the system's or the calling user's; neither is both
}

// wanted goes by the name (file_type_wanted of sd-journal.c).
func (w *Where) wanted(name string) bool {
	if !w.System && !w.User {
		return true
	}
	is := func(prefix string) bool {
		return strings.HasPrefix(name, prefix+"@") || strings.HasPrefix(name, prefix+".journal")
	}
	return (w.System && is("system")) || (w.User && is(fmt.Sprintf("user-%d", os.Getuid())))
}

// Dirs are the directories to look in.
func (w *Where) Dirs() []string {
	var roots []string
	switch {
	case w.Files != nil:
		return nil
	case w.Dir != "":
		roots = []string{w.Dir}
	default:
		roots = []string{filepath.Join("/", w.Root, "run/log/journal"), filepath.Join("/", w.Root, "var/log/journal")}
	}
	var dirs []string
	for _, root := range roots {
		dirs = append(dirs, root)
		entries, err := os.ReadDir(root)
		if err != nil {
			continue
		}
		for _, e := range entries {
			id, err := file.ParseID(e.Name())
			if err == nil && (w.Machine.IsZero() || id == w.Machine) {
				dirs = append(dirs, filepath.Join(root, e.Name()))
			}
		}
	}
	return dirs
}

// scan opens files that are new and closes those that are gone. A file that was only renamed stays open.
func (j *Journal) scan() error {
	paths := j.where.Files
	if paths == nil {
		for _, dir := range j.where.Dirs() {
			entries, err := os.ReadDir(dir)
			if err != nil {
				if j.where.Dir == dir {
					return err
				}
				if !errors.Is(err, fs.ErrNotExist) {
					j.failed[dir] = err
				}
				continue
			}
			for _, e := range entries {
				if n := e.Name(); (strings.HasSuffix(n, ".journal") || strings.HasSuffix(n, ".journal~")) && j.where.wanted(n) {
					paths = append(paths, filepath.Join(dir, n))
				}
			}
		}
		sort.Strings(paths)
	}
	have := map[[2]uint64]bool{}
	for _, path := range paths {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			err := &os.PathError{Op: "open", Path: path, Err: err}
			if j.where.Files != nil && len(j.files) == 0 && len(paths) == 1 {
				return err
			}
			j.failed[path] = err
			continue
		}
		id := [2]uint64{st.Dev, st.Ino}
		if have[id] {
			continue
		}
		have[id] = true
		if j.opened(id) {
			continue
		}
		r, err := file.Open(path)
		if err != nil {
			j.failed[path] = err
			if j.where.Files != nil && len(paths) == 1 {
				return err
			}
			continue
		}
		delete(j.failed, path)
		j.files = append(j.files, &journalFile{r: r, entries: r.All()})
	}
	kept := j.files[:0]
	for _, f := range j.files {
		if f.r.Deleted() && f != j.current {
			f.r.Close()
			continue
		}
		kept = append(kept, f)
	}
	j.files = kept
	return nil
}

func (j *Journal) opened(id [2]uint64) bool {
	for _, f := range j.files {
		if f.r.Same(id[0], id[1]) {
			return true
		}
	}
	return false
}
