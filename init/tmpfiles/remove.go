package tmpfiles

import (
	"path"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
)

// remove is what a line asks for with Remove (remove_item).
func (e *engine) remove(i *item) {
	var err error
	switch i.kind {
	case 'D':
		err = e.empty(i.path)
	case 'r':
		err = e.each(i, func(_ *item, p string) error { return e.unlink(p, false) })
	case 'R':
		err = e.each(i, func(_ *item, p string) error { return e.unlink(p, true) })
	}
	if err != nil { // "-" is for creating alone
		i.may = false
		e.failed(i, err)
	}
}

// empty removes what is in a folder.
func (e *engine) empty(p string) error {
	fd, err := e.Walk(p, rootdir.Safe|rootdir.NoFollow)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return sayf(err, "rm_rf(%s)", p)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return nil
	}
	if err := e.removeChildren(fd, st.Dev); err != nil {
		return sayf(err, "rm_rf(%s)", p)
	}
	return nil
}

// unlink removes a file or an empty folder, or all of a tree.
func (e *engine) unlink(p string, tree bool) error {
	dir, name, err := e.openParent(p, 0)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if tree {
		if err := e.removeTree(dir, name, true); err != nil {
			return sayf(err, "rm_rf(%s)", p)
		}
		return nil
	}
	err = unix.Unlinkat(dir, name, 0)
	if err == unix.EISDIR {
		err = unix.Unlinkat(dir, name, unix.AT_REMOVEDIR)
	}
	if err != nil && err != unix.ENOENT {
		return sayf(err, "rm(%s)", p)
	}
	return nil
}

// removeTree removes a file or folder with all that is in it, if it is there. top is for the first of the tree, for which to be a mount point is an error.
func (e *engine) removeTree(dir int, name string, top bool) error {
	err := unix.Unlinkat(dir, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	fd, st, openErr := found(dir, name)
	if openErr == unix.ENOENT {
		return nil
	}
	if openErr != nil {
		return openErr
	}
	defer unix.Close(fd)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	if mounted(fd) {
		if top {
			return unix.EBUSY
		}
		return nil
	}
	if err := e.removeChildren(fd, st.Dev); err != nil {
		return err
	}
	if err := unix.Unlinkat(dir, name, unix.AT_REMOVEDIR); err != nil && err != unix.ENOENT {
		if !top && err == unix.ENOTEMPTY { // a mount point is left in it
			return nil
		}
		return err
	}
	return nil
}

func (e *engine) removeChildren(fd int, dev uint64) error {
	names, err := rootdir.Names(fd)
	for _, name := range names {
		if one := e.removeTree(fd, name, false); one != nil && err == nil {
			err = one
		}
	}
	return err
}

// mounted tells whether a folder is a mount point: by statx(2), Linux 5.8, else by the device of its parent, which bind mounts escape.
func mounted(fd int) bool {
	var x unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &x); err == nil && x.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return x.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	var st, up unix.Stat_t
	if unix.Fstat(fd, &st) != nil || unix.Fstatat(fd, "..", &up, 0) != nil {
		return false
	}
	return st.Dev != up.Dev
}

// eachBelow does something to all files that a pattern fits, and to all below them; links are not followed.
func (e *engine) eachBelow(i *item, do func(*item, int, string, *unix.Stat_t) error) error {
	return e.each(i, func(i *item, p string) error {
		fd, err := e.Walk(p, rootdir.NoFollow)
		if err != nil {
			return sayf(err, "Opening '%s' failed", p)
		}
		return e.recurse(i, fd, p, do)
	})
}

// recurse goes on after errors and gives the first. It closes fd.
func (e *engine) recurse(i *item, fd int, p string, do func(*item, int, string, *unix.Stat_t) error) error {
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return sayf(err, "fstat(%s) failed", p)
	}
	err := do(i, fd, p, &st)
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return err
	}
	names, listErr := rootdir.Names(fd)
	if listErr != nil && err == nil {
		err = sayf(listErr, "Failed to opendir() '%s'", p)
	}
	for _, name := range names {
		child, _, openErr := found(fd, name)
		if openErr == unix.ENOENT {
			continue
		}
		if openErr != nil {
			if err == nil {
				err = sayf(openErr, "Failed to open file '%s'", path.Join(p, name))
			}
			continue
		}
		if one := e.recurse(i, child, path.Join(p, name), do); one != nil && err == nil {
			err = one
		}
	}
	return err
}
