package tmpfiles

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
)

// copy is "C": what is there stays, but for an empty folder, which is filled (COPY_MERGE_EMPTY of copy_tree_at).
func (e *engine) copy(i *item, dir int, name string) error {
	src, err := e.Walk(string(i.arg), rootdir.NoFollow)
	if err != nil {
		return sayf(err, "Failed to open %s", i.arg)
	}
	copyErr := e.copyTree(src, dir, name, i, true)
	fd, st, err := found(dir, name)
	if err != nil {
		if copyErr != nil {
			err = copyErr
		}
		return sayf(err, "Failed to copy files to %s", i.path)
	}
	defer unix.Close(fd)
	if copyErr != nil && copyErr != unix.EEXIST {
		return sayf(copyErr, "Failed to copy files to %s", i.path)
	}
	from, err := e.Walk(string(i.arg), 0)
	if err != nil {
		return sayf(err, "Failed to stat(%s)", i.arg)
	}
	defer unix.Close(from)
	var a unix.Stat_t
	if err := unix.Fstat(from, &a); err != nil {
		return sayf(err, "Failed to stat(%s)", i.arg)
	}
	if a.Mode&unix.S_IFMT != st.Mode&unix.S_IFMT { // something else is there, and stays
		return nil
	}
	return e.permissions(i, fd, i.path, &st, false)
}

// copyTree copies what src is open on with O_PATH, and closes it. Owners are the line's, else the original's.
func (e *engine) copyTree(src, dir int, name string, i *item, top bool) error {
	defer unix.Close(src)
	var st unix.Stat_t
	if err := unix.Fstat(src, &st); err != nil {
		return err
	}
	uid, gid := int(st.Uid), int(st.Gid)
	if i.uidSet {
		uid = int(i.uid)
	}
	if i.gidSet {
		gid = int(i.gid)
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return copyFile(src, dir, name, &st, uid, gid, times)
	case unix.S_IFDIR:
		return e.copyFolder(src, dir, name, &st, uid, gid, times, i, top)
	case unix.S_IFLNK:
		target, err := rootdir.ReadLinkFD(src)
		if err != nil {
			return err
		}
		if err := unix.Symlinkat(target, dir, name); err != nil {
			return err
		}
		if err := unix.Fchownat(dir, name, uid, gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	default:
		if err := unix.Mknodat(dir, name, st.Mode, int(st.Rdev)); err != nil {
			return err
		}
		fd, _, err := found(dir, name)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); err != nil {
			return err
		}
		if err := chmod(fd, st.Mode&0o7777); err != nil {
			return err
		}
	}
	return unix.UtimesNanoAt(dir, name, times, unix.AT_SYMLINK_NOFOLLOW)
}

func copyFile(src, dir int, name string, st *unix.Stat_t, uid, gid int, times []unix.Timespec) error {
	in, err := openat(unix.AT_FDCWD, rootdir.ProcPath(src), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	from := os.NewFile(uintptr(in), "source")
	defer from.Close()
	out, err := openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	to := os.NewFile(uintptr(out), "copy")
	_, err = io.Copy(to, from)
	if err == nil {
		err = unix.Fchown(out, uid, gid)
	}
	if err == nil {
		err = unix.Fchmod(out, st.Mode&0o7777)
	}
	if err == nil {
		err = unix.UtimesNanoAt(dir, name, times, unix.AT_SYMLINK_NOFOLLOW)
	}
	to.Close()
	if err != nil { // half a copy would be left alone next time
		unix.Unlinkat(dir, name, 0)
	}
	return err
}

func (e *engine) copyFolder(src, dir int, name string, st *unix.Stat_t, uid, gid int, times []unix.Timespec, i *item, top bool) error {
	err := unix.Mkdirat(dir, name, 0o700)
	if err != nil && err != unix.EEXIST {
		return err
	}
	made := err == nil
	fd, have, err := found(dir, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if have.Mode&unix.S_IFMT != unix.S_IFDIR {
		return unix.EEXIST
	}
	if !made {
		if there, err := rootdir.Names(fd); err != nil || len(there) > 0 || !top {
			return unix.EEXIST
		}
	}
	names, err := rootdir.Names(src)
	for _, n := range names {
		child, _, openErr := found(src, n)
		if openErr == nil {
			openErr = e.copyTree(child, fd, n, i, false)
		}
		if openErr != nil && err == nil {
			err = openErr
		}
	}
	if made {
		if chownErr := unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH); chownErr != nil && err == nil {
			err = chownErr
		}
		if chmodErr := chmod(fd, st.Mode&0o7777); chmodErr != nil && err == nil {
			err = chmodErr
		}
		unix.UtimesNanoAt(dir, name, times, unix.AT_SYMLINK_NOFOLLOW)
	}
	return err
}
