package tmpfiles

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/unit"
)

// openat is openat(2) for files that are made or written, closed on exec.
func openat(dir int, name string, flags int, mode uint32) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, mode)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func writeAll(fd int, b []byte) error {
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// mayMknod tells whether devices can be made at all: CAP_MKNOD is effective.
func mayMknod() bool {
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_MKNOD) != 0
}

// chmod changes the mode of what a descriptor is on, with O_PATH too: fchmod(2) refuses that, fchmodat2(2) is of Linux 6.6.
func chmod(fd int, mode uint32) error {
	err := unix.Fchmod(fd, mode)
	if err == unix.EBADF {
		err = unix.Chmod(rootdir.ProcPath(fd), mode)
		if err == unix.ENOENT { // no /proc
			err = unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH)
		}
	}
	return err
}

// setPermissions is permissions for a file that was there.
func (e *engine) setPermissions(i *item, fd int, p string, st *unix.Stat_t) error {
	return e.permissions(i, fd, p, st, true)
}

// permissions gives a file its owner and mode. existing tells that it was there, so that ":" spares it. Between two owners nobody has more
// rights than under either (fd_set_perms).
func (e *engine) permissions(i *item, fd int, p string, st *unix.Stat_t, existing bool) error {
	if !i.modeSet && !i.uidSet && !i.gidSet {
		return nil
	}
	if st == nil {
		st = &unix.Stat_t{}
		if err := unix.Fstat(fd, st); err != nil {
			return sayf(err, "fstat(%s) failed", p)
		}
	}
	isDir, isLink := st.Mode&unix.S_IFMT == unix.S_IFDIR, st.Mode&unix.S_IFMT == unix.S_IFLNK
	if !isDir && st.Nlink > 1 && e.hardlinksDangerous() {
		return fmt.Errorf("Refusing to set permissions on hardlinked file %s while the fs.protected_hardlinks sysctl is turned off.", p)
	}
	old := st.Mode & 0o7777
	uid, gid, mode := st.Uid, st.Gid, old
	if i.uidSet && !(existing && i.uidNew) {
		uid = i.uid
	}
	if i.gidSet && !(existing && i.gidNew) {
		gid = i.gid
	}
	if i.modeSet && !(existing && i.modeNew) {
		if mode = i.mode; i.masked {
			mode = mask(mode, st.Mode)
		}
	}
	chowns := uid != st.Uid || gid != st.Gid
	chmods := mode != old
	set := func(m uint32) error {
		if isLink {
			return nil
		}
		if err := chmod(fd, m); err != nil {
			return sayf(err, "fchmod() of %s failed", p)
		}
		return nil
	}
	if chowns && chmods && mode&old != old {
		if err := set(mode & old); err != nil {
			return err
		}
	}
	if chowns {
		u, g := -1, -1
		if uid != st.Uid {
			u = int(uid)
		}
		if gid != st.Gid {
			g = int(gid)
		}
		if err := unix.Fchownat(fd, "", u, g, unix.AT_EMPTY_PATH); err != nil {
			return sayf(err, "fchownat() of %s failed", p)
		}
	}
	if chmods || chowns { // chown takes set-user-ID bits away
		return set(mode)
	}
	return nil
}

// mask is "~" before a mode: only rights that somebody has already (process_mask_perms).
func mask(mode, current uint32) uint32 {
	for _, bits := range []uint32{0o111, 0o222, 0o444} {
		if current&bits == 0 {
			mode &^= bits
		}
	}
	if current&unix.S_IFMT != unix.S_IFDIR {
		mode &^= 0o7000
	}
	return mode
}

// hardlinksDangerous: without fs.protected_hardlinks anyone may link to a file of another's (proc(5)).
func (e *engine) hardlinksDangerous() bool {
	b, err := os.ReadFile("/proc/sys/fs/protected_hardlinks")
	return err != nil || strings.TrimSpace(string(b)) == "0"
}

// onFile does something to the file at a path, a link itself.
func (e *engine) onFile(i *item, p string, do func(*item, int, string, *unix.Stat_t) error) error {
	fd, err := e.Walk(p, rootdir.Safe|rootdir.NoFollow)
	if err != nil {
		return sayf(err, "Failed to open path %s", p)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return sayf(err, "Failed to fstat(%s)", p)
	}
	return do(i, fd, p, &st)
}

// attributes are the letters of chattr(1), with the kernel's FS_…_FL bits (linux/fs.h).
var attributes = map[rune]uint32{
	'A': 0x80, 'S': 0x8, 'D': 0x10000, 'a': 0x20, 'c': 0x4, 'd': 0x40, 'e': 0x80000, 'i': 0x10, 'j': 0x4000, 's': 0x1, 'u': 0x2, 't': 0x8000, 'T': 0x20000,
	'C': 0x800000, 'P': 0x20000000,
}

const onlyFolders = 0x10000 // FS_DIRSYNC_FL

func (e *engine) parseAttributes(i *item) bool {
	s, sign := string(i.arg), byte('+')
	if strings.IndexByte("+-=", s[0]) >= 0 {
		sign, s = s[0], s[1:]
	}
	if s == "" && sign != '=' {
		e.invalid("Setting file attribute on '%s' needs an attribute specification.", i.path)
		return false
	}
	for _, c := range s {
		bit, ok := attributes[c]
		if !ok {
			e.invalid("Unknown file attribute '%c' on '%s'.", c, i.path)
			return false
		}
		i.attrMask |= bit
		if sign != '-' {
			i.attributes |= bit
		}
	}
	if sign == '=' {
		for _, bit := range attributes {
			i.attrMask |= bit
		}
	}
	return true
}

// setAttributes is chattr(1). File systems without attributes are many: that is no error.
func (e *engine) setAttributes(i *item, fd int, p string, st *unix.Stat_t) error {
	format := st.Mode & unix.S_IFMT
	if format != unix.S_IFREG && format != unix.S_IFDIR {
		return fmt.Errorf("Setting file flags is only supported on regular files and directories, cannot set on '%s'.", p)
	}
	want := i.attributes
	if format != unix.S_IFDIR {
		want &^= onlyFolders
	}
	real, err := openat(unix.AT_FDCWD, rootdir.ProcPath(fd), unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return sayf(err, "Failed to re-open '%s'", p)
	}
	defer unix.Close(real)
	flags, err := unix.IoctlGetUint32(real, unix.FS_IOC_GETFLAGS)
	if err == nil {
		if now := flags&^i.attrMask | want; now != flags {
			err = unix.IoctlSetPointerInt(real, unix.FS_IOC_SETFLAGS, int(now))
		}
	}
	if err != nil && !errors.Is(err, unix.ENOTTY) && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		e.tell(unit.Warning, false, fmt.Sprintf("Cannot set file attributes for '%s', ignoring: %s", p, because(err)))
	}
	return nil
}

func (e *engine) parseXattrs(i *item) bool {
	rest := string(i.arg)
	for {
		w, r, ok, err := rootdir.Word(rest)
		if err != nil {
			e.tell(unit.Warning, false, fmt.Sprintf("Failed to parse extended attribute '%s', ignoring: %v", rest, err))
		}
		if err != nil || !ok {
			return true
		}
		rest = r
		name, value, ok := strings.Cut(w, "=")
		if !ok || name == "" || value == "" {
			e.tell(unit.Warning, false, fmt.Sprintf("Malformed extended attribute found, ignoring: %s", w))
			continue
		}
		if value, ok = e.expanded("argument ", value); !ok {
			return false
		}
		i.xattrs = append(i.xattrs, [2]string{name, value})
	}
}

func (e *engine) setXattrs(i *item, fd int, p string, _ *unix.Stat_t) error {
	for _, x := range i.xattrs {
		if err := unix.Setxattr(rootdir.ProcPath(fd), x[0], []byte(x[1]), 0); err != nil {
			return sayf(err, "Setting extended attribute %s=%s on %s failed", x[0], x[1], p)
		}
	}
	return nil
}
