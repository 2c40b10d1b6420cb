package facts

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise/unit"
)

// RemoveDirectories removes a unit's directories of the kinds in mask, bit n for unit.DirectoryKind n, and the links to them: the runtime
// directories when it is down, others for systemctl clean (exec_context_get_clean_directories in src/core/execute.c). What is
// mounted below them stays, with the way to it. A directory that is not there is no error; of several errors each is told.
func (f *Facts) RemoveDirectories(x *unit.ExecContext, mask uint8) error {
	var errs []error
	host := unit.DefaultHost()
	for k := range unit.DirectoryKind(unit.DirectoryKinds) {
		if mask&(1<<k) == 0 {
			continue
		}
		base := f.at(host.Base(k))
		for _, d := range x.Directories[k].List {
			for _, link := range d.Symlinks {
				errs = append(errs, remove(filepath.Join(base, link)))
			}
			errs = append(errs, remove(filepath.Join(base, d.Path)))
			if x.DynamicUser && k != unit.ConfigurationDirectory {
				errs = append(errs, remove(filepath.Join(base, "private", d.Path)))
			}
		}
	}
	return errors.Join(errs...)
}

// remove removes a path with all below it, but no mount below it and nothing beyond one. If the path itself is where something is mounted, it is
// emptied and told to be busy. Links are removed, not followed.
func remove(path string) error {
	parent, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT || err == unix.ENOTDIR {
		return nil
	}
	if err == nil {
		defer unix.Close(parent)
		err = removeAt(parent, filepath.Base(path), true)
	}
	if err != nil {
		return &os.PathError{Op: "remove", Path: path, Err: err}
	}
	return nil
}

// removeAt is remove below a directory. It goes on after an error, and gives the first.
func removeAt(parent int, name string, top bool) error {
	err := unix.Unlinkat(parent, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR && err != unix.EPERM { // what POSIX has for folders
		return err
	}
	var dir int
	e := sys.Retry(func() (err error) {
		dir, err = unix.Openat(parent, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		return err
	})
	switch {
	case e == unix.ENOTDIR:
		return err // of the unlink
	case e != nil:
		return e
	}
	d := os.NewFile(uintptr(dir), name)
	defer d.Close()
	if !top && beyond(parent, dir) {
		return unix.EBUSY
	}
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	for _, n := range names {
		if e := removeAt(dir, n, false); e != nil && err == nil {
			err = e
		}
	}
	if err != nil {
		return err
	}
	if err := unix.Unlinkat(parent, name, unix.AT_REMOVEDIR); err != unix.ENOENT {
		return err
	}
	return nil
}

// beyond tells whether something is mounted at a directory. Before Linux 5.8 only another device shows that.
func beyond(parent, dir int) bool {
	var above, st unix.Statx_t
	const flags = unix.AT_EMPTY_PATH | unix.AT_NO_AUTOMOUNT
	if unix.Statx(parent, "", flags, unix.STATX_TYPE, &above) != nil || unix.Statx(dir, "", flags, unix.STATX_TYPE, &st) != nil {
		return true
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 || st.Dev_major != above.Dev_major || st.Dev_minor != above.Dev_minor
}
