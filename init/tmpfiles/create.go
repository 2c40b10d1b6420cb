package tmpfiles

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/unit"
)

// errWrongType is for a path that is taken by something else, which has been remarked upon or is no error.
var errWrongType = errors.New("wrong type")

// create is what a line asks for (create_item).
func (e *engine) create(i *item) {
	var err error
	switch i.kind {
	case 'x', 'X', 'r', 'R':
		return
	case 'f', 'F', 'd', 'D', 'v', 'q', 'Q', 'p', 'L', 'c', 'b', 'C':
		err = e.make(i)
	case 'w':
		err = e.each(i, e.write)
	case 'e':
		err = e.each(i, e.adjustFolder)
	case 'm', 'z':
		err = e.each(i, func(i *item, p string) error { return e.onFile(i, p, e.setPermissions) })
	case 'Z':
		err = e.eachBelow(i, e.setPermissions)
	case 't':
		err = e.each(i, func(i *item, p string) error { return e.onFile(i, p, e.setXattrs) })
	case 'T':
		err = e.eachBelow(i, e.setXattrs)
	case 'h':
		err = e.each(i, func(i *item, p string) error { return e.onFile(i, p, e.setAttributes) })
	case 'H':
		err = e.eachBelow(i, e.setAttributes)
	case 'a':
		err = e.each(i, func(i *item, p string) error { return e.onFile(i, p, e.setACLs) })
	case 'A':
		err = e.eachBelow(i, e.setACLs)
	}
	e.failed(i, err)
}

// failed remarks upon an error, unless the line may fail.
func (e *engine) failed(i *item, err error) {
	if err != nil && err != errWrongType && !i.may {
		e.tell(unit.Error, false, err.Error())
	}
}

func sayf(err error, format string, args ...any) error {
	if rootdir.IsUnsafe(err) {
		return err
	}
	return fmt.Errorf("%s: %s", fmt.Sprintf(format, args...), because(err))
}

// openParent opens the folder that a path is in. The path must be what it seems.
func (e *engine) openParent(p string, way rootdir.Way) (int, string, error) {
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return -1, "", fmt.Errorf("Failed to open parent of '%s': path not normalized.", p)
		}
	}
	if p == "/" {
		return -1, "", fmt.Errorf("Unable to determine parent directory of '%s'", p)
	}
	fd, err := e.Walk(path.Dir(p), rootdir.Safe|way)
	if err != nil {
		return -1, "", sayf(err, "Failed to open path '%s'", path.Dir(p))
	}
	return fd, path.Base(p), nil
}

// make makes what a line is about, and its folder.
func (e *engine) make(i *item) error {
	if i.path == "/" {
		if strings.IndexByte("dDvqQ", i.kind) < 0 {
			return fmt.Errorf("Cannot make '%s', it is the root directory.", i.path)
		}
		return e.onFile(i, "/", e.setPermissions)
	}
	if (i.kind == 'c' || i.kind == 'b') && !mayMknod() {
		return nil
	}
	if i.replace {
		if err := e.clearWay(i); err != nil {
			return err
		}
	}
	dir, name, err := e.openParent(i.path, rootdir.Make)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	switch i.kind {
	case 'f':
		if i.force {
			return e.truncate(i, dir, name)
		}
		return e.file(i, dir, name)
	case 'F':
		return e.truncate(i, dir, name)
	case 'd', 'D', 'v', 'q', 'Q':
		return e.folder(i, dir, name)
	case 'C':
		return e.copy(i, dir, name)
	}
	return e.node(i, dir, name)
}

// found is a file with O_PATH, and what stat(2) says.
func found(dir int, name string) (int, unix.Stat_t, error) {
	var st unix.Stat_t
	fd, err := unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, st, err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, st, err
	}
	return fd, st, nil
}

func (e *engine) folder(i *item, dir int, name string) error {
	made := rootdir.MakeFolder(dir, name, i.mode)
	fd, st, err := found(dir, name)
	if err != nil {
		if made != nil {
			err = made
		}
		return sayf(err, "Failed to create directory or subvolume \"%s\"", i.path)
	}
	defer unix.Close(fd)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		e.tell(unit.Error, false, fmt.Sprintf("\"%s\" already exists and is not a directory.", i.path))
		return errWrongType
	}
	return e.permissions(i, fd, i.path, &st, made != nil)
}

// file makes a file with its content, and leaves one that is there.
func (e *engine) file(i *item, dir int, name string) error {
	fd, err := openat(dir, name, unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_WRONLY|unix.O_NOCTTY, i.mode)
	if err == unix.EEXIST {
		fd, st, err := found(dir, name)
		if err != nil {
			return sayf(err, "Failed to re-open file %s", i.path)
		}
		defer unix.Close(fd)
		if st.Mode&unix.S_IFMT != unix.S_IFREG {
			return fmt.Errorf("%s exists and is not a regular file.", i.path)
		}
		return e.permissions(i, fd, i.path, &st, true)
	}
	if err != nil {
		return sayf(err, "Failed to create file %s", i.path)
	}
	defer unix.Close(fd)
	if err := writeAll(fd, i.arg); err != nil {
		return sayf(err, "Failed to write file \"%s\"", i.path)
	}
	return e.fresh(i, fd)
}

// fresh gives a file that was just made its mode and owner.
func (e *engine) fresh(i *item, fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return sayf(err, "stat(%s) failed", i.path)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK && st.Mode&0o7777 != i.mode { // the umask
		if err := chmod(fd, i.mode); err != nil {
			return sayf(err, "fchmod() of %s failed", i.path)
		}
		st.Mode = st.Mode&^0o7777 | i.mode
	}
	return e.permissions(i, fd, i.path, &st, false)
}

// truncate makes a file anew with its content.
func (e *engine) truncate(i *item, dir int, name string) error {
	const flags = unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_WRONLY | unix.O_NOCTTY
	existing := true
	fd, err := openat(dir, name, flags, 0)
	if err == unix.ENOENT {
		existing = false
		fd, err = openat(dir, name, flags|unix.O_CREAT, i.mode)
	}
	readOnly := err == unix.EROFS
	var st unix.Stat_t
	if readOnly { // it is perhaps as it should be
		fd, st, err = found(dir, name)
		if err == unix.ENOENT {
			err = unix.EROFS
		}
	}
	if err != nil {
		return sayf(err, "Failed to open/create file %s", i.path)
	}
	defer unix.Close(fd)
	if err := unix.Fstat(fd, &st); err != nil {
		return sayf(err, "stat(%s) failed", i.path)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return fmt.Errorf("%s exists and is not a regular file.", i.path)
	}
	if st.Size > 0 {
		if readOnly {
			return sayf(unix.EROFS, "Failed to truncate file %s", i.path)
		}
		if err := unix.Ftruncate(fd, 0); err != nil {
			return sayf(err, "Failed to truncate file %s", i.path)
		}
	}
	if len(i.arg) > 0 {
		if readOnly {
			return sayf(unix.EROFS, "Failed to write file \"%s\"", i.path)
		}
		if err := writeAll(fd, i.arg); err != nil {
			return sayf(err, "Failed to write file \"%s\"", i.path)
		}
	}
	if !existing {
		return e.fresh(i, fd)
	}
	return e.permissions(i, fd, i.path, nil, true)
}

// write is "w": into whatever is there, a link's target too.
func (e *engine) write(i *item, p string) error {
	if strings.HasSuffix(p, "/") {
		return fmt.Errorf("Cannot open path '%s' for writing, is a directory.", p)
	}
	flags := unix.O_WRONLY
	if i.force {
		flags |= unix.O_APPEND
	}
	fd, err := e.OpenFile(p, rootdir.Safe, flags)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return sayf(err, "Failed to open file \"%s\"", p)
	}
	defer unix.Close(fd)
	if err := writeAll(fd, i.arg); err != nil {
		return sayf(err, "Failed to write file \"%s\"", p)
	}
	return e.permissions(i, fd, p, nil, true)
}

// adjustFolder is "e".
func (e *engine) adjustFolder(i *item, p string) error {
	fd, err := e.Walk(p, rootdir.Safe)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return sayf(err, "Failed to open directory '%s'", p)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return sayf(err, "Failed to fstat(%s)", p)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		e.tell(unit.Warning, false, fmt.Sprintf("'%s' already exists and is not a directory.", p))
		return nil
	}
	return e.permissions(i, fd, p, &st, true)
}

// node makes a FIFO, a device or a link.
func (e *engine) node(i *item, dir int, name string) error {
	format := map[byte]uint32{'p': unix.S_IFIFO, 'c': unix.S_IFCHR, 'b': unix.S_IFBLK, 'L': unix.S_IFLNK}[i.kind]
	what := map[byte]string{'p': "FIFO", 'c': "device node", 'b': "device node", 'L': "symlink"}[i.kind]
	put := func(name string) error {
		if i.kind == 'L' {
			return unix.Symlinkat(string(i.arg), dir, name)
		}
		return unix.Mknodat(dir, name, format|i.mode, int(i.device))
	}
	made := put(name)
	fd, st, err := found(dir, name)
	if err != nil {
		if (i.kind == 'c' || i.kind == 'b') && (made == unix.EPERM || made == unix.EACCES) { // a container's rule for devices
			return nil
		}
		if made != nil {
			err = made
		}
		return sayf(err, "Failed to create %s %s", what, i.path)
	}
	defer func() { unix.Close(fd) }()
	good := st.Mode&unix.S_IFMT == format
	if good && i.kind == 'L' {
		target, err := rootdir.ReadLinkFD(fd)
		if err != nil {
			return sayf(err, "readlinkat(%s) failed", i.path)
		}
		good = target == string(i.arg)
	}
	if made != nil && good {
		return e.permissions(i, fd, i.path, &st, true)
	}
	if !good {
		if !i.force {
			if i.kind != 'L' {
				e.tell(unit.Warning, false, fmt.Sprintf("\"%s\" already exists and is not a %s.", i.path, what))
			}
			return nil
		}
		if err := e.replaceBy(dir, name, put); err != nil {
			if (i.kind == 'c' || i.kind == 'b') && (err == unix.EPERM || err == unix.EACCES) {
				return nil
			}
			return sayf(err, "Failed to create %s %s", what, i.path)
		}
		unix.Close(fd)
		if fd, st, err = found(dir, name); err != nil {
			return sayf(err, "Failed to open %s we just created %s", what, i.path)
		}
		if st.Mode&unix.S_IFMT != format {
			return fmt.Errorf("What was just created at %s is no %s, refusing.", i.path, what)
		}
	}
	return e.fresh(i, fd)
}

// replaceBy puts something in the place of what is there, at once unless that is a folder.
func (e *engine) replaceBy(dir int, name string, put func(string) error) error {
	temporary := fmt.Sprintf(".#%s.%d", name[:min(len(name), 200)], unix.Getpid())
	if err := e.removeTree(dir, temporary, true); err != nil {
		return err
	}
	if err := put(temporary); err != nil {
		return err
	}
	err := unix.Renameat(dir, temporary, dir, name)
	if err == unix.EISDIR || err == unix.EEXIST || err == unix.ENOTEMPTY {
		if err = e.removeTree(dir, name, true); err == nil {
			err = unix.Renameat(dir, temporary, dir, name)
		}
	}
	if err != nil {
		unix.Unlinkat(dir, temporary, 0)
	}
	return err
}

// clearWay is "=": what is of another type than it should be goes, on the way too, but for mount points (mkdir_parents_rm_if_wrong_type).
func (e *engine) clearWay(i *item) error {
	want := map[byte]uint32{'f': unix.S_IFREG, 'F': unix.S_IFREG, 'p': unix.S_IFIFO, 'c': unix.S_IFCHR, 'b': unix.S_IFBLK, 'L': unix.S_IFLNK, 'C': 0}
	format, ok := want[i.kind]
	if !ok {
		format = unix.S_IFDIR
	}
	parts := strings.Split(i.path, "/")[1:]
	at := ""
	for n, part := range parts {
		last := n == len(parts)-1
		if last && format == 0 {
			return nil
		}
		dir, name, err := e.openParent(at+"/"+part, 0)
		if err != nil {
			return err
		}
		at += "/" + part
		way, need := rootdir.Safe, uint32(unix.S_IFDIR)
		if last {
			way, need = rootdir.Safe|rootdir.NoFollow, format
		}
		err = e.clearOne(dir, name, at, way, need)
		if err == nil && !last {
			if err = rootdir.MakeFolder(dir, name, 0o755); err == unix.EEXIST {
				err = nil
			}
		}
		unix.Close(dir)
		if err != nil {
			return sayf(err, "Failed to remove \"%s\"", at)
		}
	}
	return nil
}

func (e *engine) clearOne(dir int, name, at string, way rootdir.Way, need uint32) error {
	fd, err := e.Walk(at, way)
	if err == nil {
		var st unix.Stat_t
		err = unix.Fstat(fd, &st)
		unix.Close(fd)
		if err == nil && st.Mode&unix.S_IFMT == need {
			return nil
		}
	} else if err != unix.ENOENT {
		return err
	}
	if err := e.removeTree(dir, name, true); err != nil {
		return err
	}
	return nil
}
