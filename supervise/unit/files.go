package unit

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// FS is where unit files are read from. Names are those of io/fs: no slash before them, no "." or ".." in them;
// os.DirFS("/") has these methods. ReadLink of what is no link is an error.
type FS interface {
	ReadFile(name string) ([]byte, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	ReadLink(name string) (string, error)
}

// Tree is an FS in memory: what a generator writes, and what a test gives. The zero value is empty.
type Tree struct {
	files map[string][]byte
	links map[string]string
	dirs  map[string][]fs.DirEntry
}

// AddFile puts a file at an absolute path.
func (t *Tree) AddFile(name, text string) {
	if t.files == nil {
		t.files = map[string][]byte{}
	}
	name = relative(name)
	t.files[name] = []byte(text)
	t.enter(name, 0)
}

// AddLink puts a symbolic link at an absolute path.
func (t *Tree) AddLink(name, target string) {
	if t.links == nil {
		t.links = map[string]string{}
	}
	name = relative(name)
	t.links[name] = target
	t.enter(name, fs.ModeSymlink)
}

// Remove takes away what is at an absolute path, if anything; its folder stays.
func (t *Tree) Remove(name string) {
	name = relative(name)
	delete(t.files, name)
	delete(t.links, name)
	dir := path.Dir(name)
	t.dirs[dir] = slices.DeleteFunc(t.dirs[dir], func(e fs.DirEntry) bool { return e.Name() == path.Base(name) })
}

// enter adds a name to its folder, and that to its own.
func (t *Tree) enter(name string, mode fs.FileMode) {
	if t.dirs == nil {
		t.dirs = map[string][]fs.DirEntry{}
	}
	for name != "." {
		dir := path.Dir(name)
		e := treeEntry{path.Base(name), mode}
		at, found := slices.BinarySearchFunc(t.dirs[dir], e.name, func(d fs.DirEntry, n string) int { return strings.Compare(d.Name(), n) })
		if found {
			t.dirs[dir][at] = e
			return
		}
		t.dirs[dir] = slices.Insert(t.dirs[dir], at, fs.DirEntry(e))
		name, mode = dir, fs.ModeDir
	}
}

// ReadFile implements FS.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	if b, ok := t.files[name]; ok {
		return b, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadDir implements FS.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	if d, ok := t.dirs[name]; ok {
		return d, nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadLink implements FS.
func (t *Tree) ReadLink(name string) (string, error) {
	if l, ok := t.links[name]; ok {
		return l, nil
	}
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

// Empty tells whether nothing was added.
func (t *Tree) Empty() bool { return len(t.dirs) == 0 }

type treeEntry struct {
	name string
	mode fs.FileMode
}

func (e treeEntry) Name() string               { return e.name }
func (e treeEntry) IsDir() bool                { return e.mode.IsDir() }
func (e treeEntry) Type() fs.FileMode          { return e.mode.Type() }
func (e treeEntry) Info() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

// relative is an absolute path as io/fs wants it.
func relative(p string) string {
	if p = strings.Trim(path.Clean("/"+p), "/"); p == "" {
		return "."
	}
	return p
}

// errLoop is for links that never end.
var errLoop = errors.New("Too many levels of symbolic links")

// linksMax is how many links a path may lead through, as in the kernel.
const linksMax = 40

// chase follows all links of an absolute path within fsys. A path that does not exist is followed as far as it goes.
func chase(fsys FS, p string) (string, error) {
	done, rest := "/", strings.Split(strings.Trim(p, "/"), "/")
	for links := 0; len(rest) > 0; {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		next := path.Join(done, part)
		target, err := fsys.ReadLink(relative(next))
		if err != nil {
			done = next
			continue
		}
		if links++; links > linksMax {
			return "", errLoop
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		rest = append(strings.Split(strings.Trim(target, "/"), "/"), rest...)
	}
	return done, nil
}

// readUnitFile reads a file through its links. A mask, which is a link to /dev/null, reads as empty where there is no /dev too.
func readUnitFile(fsys FS, name string) (string, error) {
	b, err := fsys.ReadFile(relative(name))
	if err == nil {
		return string(b), nil
	}
	real, loop := chase(fsys, name)
	if loop != nil {
		return "", loop
	}
	if real == "/dev/null" {
		return "", nil
	}
	if b, err = fsys.ReadFile(relative(real)); err != nil {
		return "", err
	}
	return string(b), nil
}
