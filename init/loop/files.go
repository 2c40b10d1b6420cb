package loop

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"keelson/supervise/unit"
)

// Files is the file system that units are read from: the real one, over which lies what this manager adds itself, such as the unit of the command line's
// command. A manager without a writable /run keeps there what else it would write.
type Files struct {
	Own *unit.Tree
}

// NewFiles is the real file system with nothing added.
func NewFiles() Files { return Files{&unit.Tree{}} }

func real(name string) string { return "/" + name }

// ReadFile implements unit.FS.
func (f Files) ReadFile(name string) ([]byte, error) {
	if b, err := f.Own.ReadFile(name); err == nil {
		return b, nil
	}
	return os.ReadFile(real(name))
}

// ReadLink implements unit.FS.
func (f Files) ReadLink(name string) (string, error) {
	if to, err := f.Own.ReadLink(name); err == nil {
		return to, nil
	}
	return os.Readlink(real(name))
}

// ReadDir implements unit.FS.
func (f Files) ReadDir(name string) ([]fs.DirEntry, error) {
	own, _ := f.Own.ReadDir(name)
	list, err := os.ReadDir(real(name))
	if len(own) == 0 {
		return list, err
	}
	for _, e := range own {
		list = slices.DeleteFunc(list, func(o fs.DirEntry) bool { return o.Name() == e.Name() && !(o.IsDir() && e.IsDir()) })
		if !slices.ContainsFunc(list, func(o fs.DirEntry) bool { return o.Name() == e.Name() }) {
			list = append(list, e)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	return list, nil
}

// Write puts a file at an absolute path, in one step. Where the real file system is read-only it is kept in memory.
func (f Files) Write(name, text string) error {
	err := writeFile(name, text)
	if err != nil && readOnly(err) && strings.HasPrefix(name, "/run/") {
		f.Own.AddFile(name, text)
		return nil
	}
	return err
}

func writeFile(name, text string) error {
	if err := os.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	fresh := filepath.Join(path.Dir(name), ".#"+path.Base(name))
	if err := os.WriteFile(fresh, []byte(text), 0o644); err != nil {
		os.Remove(fresh)
		return err
	}
	if err := os.Rename(fresh, name); err != nil {
		os.Remove(fresh)
		return err
	}
	return nil
}

// Remove removes what Write has made, and its folder if that is a unit's own and empty.
func (f Files) Remove(name string) {
	os.Remove(name)
	if strings.HasSuffix(path.Dir(name), ".d") {
		os.Remove(path.Dir(name))
	}
}
