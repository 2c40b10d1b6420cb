// Package rootdir is a root directory, the machine's or an image's, as those see it who set it up: paths that do not lead out of it,
// drop-in folders of configuration, the accounts that it has.
//
// # Words
//
// A path inside begins at the root, which links to absolute paths and ".." stay below too. A transition goes from one file to
// the next on the way along a path; it is unsafe if an unprivileged user could have laid the way: from what somebody other than root owns to what
// yet another owns (unsafe_transition in src/basic/chase-symlinks.c).
//
// A drop-in is a file of one of the folders /etc/NAME, /run/NAME, /usr/local/lib/NAME, /usr/lib/NAME. Of equal names the first folder's
// counts, and an empty one, or a link to /dev/null, masks the others (tmpfiles.d(5), "Configuration directories and precedence").
package rootdir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Root is an open root directory.
type Root struct {
	fd   int // O_PATH
	stat unix.Stat_t
}

// Open opens a root directory, "" for the machine's.
func Open(dir string) (*Root, error) {
	if dir == "" {
		dir = "/"
	}
	r := &Root{}
	var err error
	if r.fd, err = open(unix.AT_FDCWD, dir, unix.O_PATH|unix.O_DIRECTORY); err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	if err := unix.Fstat(r.fd, &r.stat); err != nil {
		unix.Close(r.fd)
		return nil, &os.PathError{Op: "fstat", Path: dir, Err: err}
	}
	return r, nil
}

// Close closes the root's descriptor.
func (r *Root) Close() { unix.Close(r.fd) }

// Diagnostic is a remark about a line of a drop-in, or about a root as a whole.
type Diagnostic struct {
	Severity unit.Severity
	File     string // inside; "" if it is about no file
	Line     int
	Text     string
	Invalid  bool // the line is wrong, as against: what it asks for could not be done
}

// String is the remark in one line: "FILE:LINE: TEXT".
func (d Diagnostic) String() string {
	switch {
	case d.File == "":
		return d.Text
	case d.Line == 0:
		return d.File + ": " + d.Text
	}
	return fmt.Sprintf("%s:%d: %s", d.File, d.Line, d.Text)
}

// UnsafeError is a path with an unsafe transition in it.
type UnsafeError struct {
	Path, From, To string
}

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("Detected unsafe path transition %s -> %s on the way to %s", e.From, e.To, e.Path)
}

// open is openat(2), closed on exec.
func open(dir int, name string, flags int) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// Way says how Walk goes.
type Way uint8

// The ways.
const (
	Safe     Way = 1 << iota // refuse unsafe transitions
	NoFollow                 // of the last part, a link itself is meant
	Make                     // make missing folders, mode 0755
)

// linksMax is how many links a path may lead through (CHASE_SYMLINKS_MAX).
const linksMax = 32

// Walk opens what a path inside leads to, with O_PATH. The caller closes the descriptor. Errors are a *UnsafeError or an errno.
func (r *Root) Walk(p string, way Way) (int, error) { return r.OpenFile(p, way, unix.O_PATH) }

// OpenFile is Walk with flags of open(2) for the last part, without O_CREAT. It needs no /proc.
func (r *Root) OpenFile(p string, way Way, flags int) (int, error) {
	cur, err := open(r.fd, ".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	previous := r.stat
	done, from, links := "/", "/", 0
	rest := strings.Split(p, "/")
	enter := func(fd int, to string) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		if way&Safe != 0 && previous.Uid != 0 && previous.Uid != st.Uid {
			return &UnsafeError{p, from, to}
		}
		previous, from = st, to
		return nil
	}
	fail := func(err error, fds ...int) (int, error) {
		for _, fd := range append(fds, cur) {
			unix.Close(fd)
		}
		return -1, err
	}
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		if part == "" || part == "." {
			continue
		}
		if part == ".." {
			var st unix.Stat_t
			if err := unix.Fstat(cur, &st); err != nil {
				return fail(err)
			}
			if st.Dev == r.stat.Dev && st.Ino == r.stat.Ino { // the root's parent is the root
				continue
			}
		}
		child, err := open(cur, part, unix.O_PATH|unix.O_NOFOLLOW)
		if err == unix.ENOENT && way&Make != 0 && part != ".." {
			if err = MakeFolder(cur, part, 0o755); err == nil || err == unix.EEXIST {
				child, err = open(cur, part, unix.O_PATH|unix.O_NOFOLLOW)
			}
		}
		if err != nil {
			return fail(err)
		}
		if err := enter(child, path.Join(done, part)); err != nil {
			return fail(err, child)
		}
		last := !slices.ContainsFunc(rest, func(s string) bool { return s != "" && s != "." })
		if previous.Mode&unix.S_IFMT != unix.S_IFLNK || last && way&NoFollow != 0 {
			if last && flags&unix.O_PATH == 0 {
				if err := openSame(&child, cur, part, flags, &previous); err != nil {
					return fail(err, child)
				}
			}
			unix.Close(cur)
			cur, done = child, path.Join(done, part)
			continue
		}
		target, err := ReadLinkFD(child)
		unix.Close(child)
		if err != nil {
			return fail(err)
		}
		if links++; links > linksMax {
			return fail(unix.ELOOP)
		}
		if strings.HasPrefix(target, "/") {
			top, err := open(r.fd, ".", unix.O_PATH|unix.O_DIRECTORY)
			if err != nil {
				return fail(err)
			}
			if err := enter(top, "/"); err != nil {
				return fail(err, top)
			}
			unix.Close(cur)
			cur, done = top, "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return cur, nil
}

// openSame replaces a descriptor with O_PATH by one with other flags on the same file.
func openSame(fd *int, dir int, name string, flags int, st *unix.Stat_t) error {
	real, err := open(dir, name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return err
	}
	unix.Close(*fd)
	*fd = real
	var now unix.Stat_t
	if err := unix.Fstat(real, &now); err != nil {
		return err
	}
	if now.Dev != st.Dev || now.Ino != st.Ino {
		return unix.ESTALE // replaced meanwhile
	}
	return nil
}

// MakeFolder is mkdirat(2) with a mode that the umask does not change.
func MakeFolder(dir int, name string, mode uint32) error {
	if err := unix.Mkdirat(dir, name, mode&0o7777); err != nil {
		return err
	}
	fd, err := open(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err == unix.EACCES { // a mode that not even the owner may read; the umask has hardly more to take away
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err == nil && st.Mode&0o7777 != mode&0o7777 {
		return unix.Fchmod(fd, mode&0o7777)
	}
	return nil
}

// ReadLinkFD is where the link that a descriptor is open on with O_PATH leads.
func ReadLinkFD(fd int) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// ReadFile is the content of a file, at most limit bytes of it; a longer one is an error.
func (r *Root) ReadFile(p string, limit int64) ([]byte, error) {
	fd, err := r.OpenFile(p, 0, unix.O_RDONLY)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: p, Err: err}
	}
	file := os.NewFile(uintptr(fd), p)
	defer file.Close()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: p, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, &os.PathError{Op: "read", Path: p, Err: unix.EINVAL}
	}
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = &os.PathError{Op: "read", Path: p, Err: unix.EFBIG}
	}
	return b, err
}

// ProcPath is a path to what a descriptor is open on.
func ProcPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// Names are the names in a folder that a descriptor is on with O_PATH, sorted.
func Names(fd int) ([]string, error) {
	d, err := open(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOATIME)
	if err == unix.EPERM { // O_NOATIME is the owner's
		d, err = open(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY)
	}
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(d), "folder")
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// folders are the drop-in folders, the first counts.
var folders = []string{"/etc/", "/run/", "/usr/local/lib/", "/usr/lib/", "/lib/"}

// DropIns are the drop-in files of a kind ("tmpfiles.d"), sorted by name: paths inside.
func (r *Root) DropIns(kind string) []string {
	found := map[string]string{}
	for _, f := range folders {
		dir := f + kind
		fd, err := r.Walk(dir, 0)
		if err != nil {
			continue
		}
		names, _ := Names(fd)
		unix.Close(fd)
		for _, name := range names {
			if _, ok := found[name]; ok || !strings.HasSuffix(name, ".conf") {
				continue
			}
			switch file, masked := r.dropIn(dir + "/" + name); {
			case masked:
				found[name] = ""
			case file:
				found[name] = dir + "/" + name
			}
		}
	}
	var list []string
	for _, p := range found {
		if p != "" {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return list
}

// dropIn tells what a name in a drop-in folder is. An image has perhaps no /dev/null.
func (r *Root) dropIn(p string) (file, masked bool) {
	fd, err := r.Walk(p, NoFollow)
	if err != nil {
		return false, false
	}
	target, err := ReadLinkFD(fd)
	unix.Close(fd)
	if err == nil && path.Clean(target) == "/dev/null" {
		return false, true
	}
	if fd, err = r.Walk(p, 0); err != nil {
		return false, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return false, false
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return true, st.Size == 0
	case unix.S_IFCHR:
		return false, st.Rdev == unix.Mkdev(1, 3)
	}
	return false, false
}

// FindDropIn is where a drop-in that is named on a command line is: a path, or a name in one of the folders.
func (r *Root) FindDropIn(kind, name string) (string, error) {
	if strings.HasPrefix(name, "/") {
		return name, nil
	}
	for _, f := range folders {
		p := path.Join(f+kind, name)
		if fd, err := r.Walk(p, 0); err == nil {
			unix.Close(fd)
			return p, nil
		}
	}
	return "", &os.PathError{Op: "find", Path: name, Err: unix.ENOENT}
}

// IsUnsafe tells whether an error is an unsafe transition.
func IsUnsafe(err error) bool {
	var u *UnsafeError
	return errors.As(err, &u)
}
