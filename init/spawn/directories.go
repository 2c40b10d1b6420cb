package spawn

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/supervise/unit"
)

// The unit's own directories (setup_exec_directory in src/core/execute.c). The parent looks at what is there, the child makes what is missing: in the usual
// case nothing.

func directoryExit(k unit.DirectoryKind) int {
	if k == unit.RuntimeDirectory {
		return exitRuntimeDirectory
	}
	return exitStateDirectory + int(k-unit.StateDirectory)
}

// private tells whether directories of a kind are in a folder that others cannot enter, since their owner's id will be somebody else's (exec_directory_is_private).
func private(x *unit.ExecContext, k unit.DirectoryKind) bool {
	return x.DynamicUser && k != unit.ConfigurationDirectory && !(k == unit.RuntimeDirectory && x.RuntimeDirectoryPreserve == unit.PreserveNo)
}

// private tells whether they are there now: without a mount namespace their owner could not enter it either.
func (b *builder) private(k unit.DirectoryKind) bool {
	return private(b.x, k) && (b.ownsView() || b.refusal != nil)
}

func (b *builder) directories() {
	for k := range b.x.Directories {
		kind := unit.DirectoryKind(k)
		list := b.x.Directories[k].List
		for _, d := range list {
			if b.ended {
				return
			}
			b.ownDirectory(kind, d, list)
		}
		if b.ownsView() {
			continue // the links are made in the mount namespace
		}
		for _, d := range list {
			for _, link := range d.Symlinks {
				b.link(kind, path.Join(b.c.Host.Base(kind), d.Path), path.Join(b.c.Host.Base(kind), link))
			}
		}
	}
}

func (b *builder) ownDirectory(k unit.DirectoryKind, d unit.Directory, siblings []unit.Directory) {
	status, mode := directoryExit(k), b.x.Directories[k].Mode
	base := b.c.Host.Base(k)
	at := path.Join(base, d.Path)
	purpose := "make " + at + " (" + k.String() + "=)"
	b.parents(purpose, at)
	if b.private(k) {
		if err := b.privateDirectory(k, purpose, at, d, siblings); err != nil {
			b.fail(status, purpose, err)
		}
		return
	}
	if from, ok := b.publicAgain(k, at, d); ok {
		// DynamicUser= was on once, and no longer is.
		b.add(unlink("move "+from+" back", at).exit(status))
		b.add(rename("move "+from+" back", from, at).exit(status))
		b.giveMoved(purpose, from, at, mode, status)
		return
	}
	var st unix.Stat_t
	switch err := unix.Lstat(at, &st); {
	case err == unix.ENOENT:
		b.add(mkdir(purpose, at, mode).MayExist().exit(status))
		b.pend(at)
		b.give(purpose, at, mode, status)
	case err != nil:
		b.fail(status, purpose, &fs.PathError{Op: "lstat", Path: at, Err: err})
	case k == unit.ConfigurationDirectory:
		// Not the service's to write, it stays as it is.
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		b.fail(status, purpose, &fs.PathError{Op: "open", Path: at, Err: unix.ENOTDIR})
	case !b.given(&st, mode):
		b.give(purpose, at, mode, status)
	}
}

// owner is whose the directories are.
func (b *builder) owner() (uid, gid int) {
	uid, gid = b.who.uid, b.who.gid
	if uid == Keep {
		uid = b.m.UID
	}
	if gid == Keep {
		gid = b.m.GID
	}
	return uid, gid
}

// given tells whether a directory is as it should be. Its own owner and mode are looked at, what is in it is taken to be likewise.
func (b *builder) given(st *unix.Stat_t, mode uint32) bool {
	uid, gid := b.owner()
	return int(st.Uid) == uid && int(st.Gid) == gid && st.Mode&0o7777 == mode && (!b.x.DynamicUser || st.Mode&setIDBits == 0)
}

// give sets the mode of a directory, and the owner of all that is in it. The directory is opened once, so that nobody can put another in its place.
func (b *builder) give(purpose, at string, mode uint32, status int) {
	b.giveMoved(purpose, at, at, mode, status)
}

// giveMoved is give of a directory that is still at from.
func (b *builder) giveMoved(purpose, from, at string, mode uint32, status int) {
	uid, gid := b.owner()
	d := b.add(open(purpose, at, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0).exit(status))
	b.add(call("fchmod", unix.SYS_FCHMOD, purpose, Result(d), octal(mode)).exit(status))
	mask := uint32(0o7777)
	if b.x.DynamicUser {
		mask = 0o1777
	}
	var st unix.Stat_t
	there := unix.Lstat(from, &st) == nil
	if !there && (uid != b.m.UID || gid != b.m.GID) || there && (int(st.Uid) != uid || int(st.Gid) != gid || st.Mode&^mask&0o7777 != 0) {
		b.add(Call{Name: "own", Nr: early.OpOwn, Args: []Arg{Result(d), Int(uid), Int(gid), octal(mask)}, For: purpose}.exit(status))
	}
	b.add(closeResult(d))
}

// parents makes the folders above a path that are missing. Whether that succeeded is seen by what is made in them.
func (b *builder) parents(purpose, at string) {
	var missing []string
	for dir := path.Dir(at); dir != "/" && dir != "."; dir = path.Dir(dir) {
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != unix.ENOENT || b.pending[dir] != 0 {
			break
		}
		missing = append(missing, dir)
	}
	for _, dir := range slices.Backward(missing) {
		b.add(mkdir(purpose, dir, 0o755).MayFail())
		b.pend(dir)
	}
}

// pend notes a directory that the list makes.
func (b *builder) pend(at string) { b.pendAs(at, fs.ModeDir|0o755, "") }

func (b *builder) pendAs(at string, mode fs.FileMode, target string) {
	if b.pending == nil {
		b.pending, b.targets = map[string]fs.FileMode{}, map[string]string{}
	}
	b.pending[at] = mode
	b.targets[at] = target
}

// privateDirectory makes private/NAME, or moves NAME there, and a link at NAME.
func (b *builder) privateDirectory(k unit.DirectoryKind, purpose, at string, d unit.Directory, siblings []unit.Directory) error {
	status, mode := directoryExit(k), b.x.Directories[k].Mode
	root := path.Join(b.c.Host.Base(k), "private")
	to := path.Join(root, d.Path)
	var st unix.Stat_t
	switch err := unix.Lstat(root, &st); {
	case err == unix.ENOENT:
		b.add(mkdir(purpose, root, 0o700).MayExist().exit(status))
		b.pend(root)
	case err != nil:
		return &fs.PathError{Op: "lstat", Path: root, Err: err}
	case st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != b.m.UID || st.Mode&0o077 != 0:
		return because(unix.EEXIST, "%s is no directory that only root can enter", root) // mkdir_safe
	}
	b.parents(purpose, to)
	public, theirs := unix.Lstat(at, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR, unix.Lstat(to, &st)
	switch {
	case theirs == unix.ENOENT && public:
		b.add(rename("move "+at+" to "+to, at, to).exit(status))
		b.pend(to)
		b.giveMoved(purpose, at, to, mode, status)
	case theirs == unix.ENOENT:
		b.add(mkdir(purpose, to, mode).MayExist().exit(status))
		b.pend(to)
		b.give(purpose, to, mode, status)
	case theirs != nil:
		return &fs.PathError{Op: "lstat", Path: to, Err: theirs}
	case !b.given(&st, mode):
		b.give(purpose, to, mode, status)
	}
	if !inAnother(d, siblings) {
		b.link(k, to, at)
	}
	return nil
}

// publicAgain tells whether a directory is a link that privateDirectory made, and where it leads.
func (b *builder) publicAgain(k unit.DirectoryKind, at string, d unit.Directory) (string, bool) {
	if k == unit.ConfigurationDirectory {
		return "", false
	}
	var st unix.Stat_t
	if unix.Lstat(at, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", false
	}
	from := path.Join(b.c.Host.Base(k), "private", d.Path)
	target, err := filepath.EvalSymlinks(at)
	if err != nil {
		return "", false
	}
	resolved, err := filepath.EvalSymlinks(from)
	return from, err == nil && resolved == target
}

// inAnother tells whether a directory lies in another of the same list, which brings it along (only_create in exec_directory_sort).
func inAnother(d unit.Directory, list []unit.Directory) bool {
	return slices.ContainsFunc(list, func(o unit.Directory) bool { return strings.HasPrefix(d.Path, o.Path+"/") })
}

// link makes a relative symbolic link; one that is there already is as good (symlink_idempotent).
func (b *builder) link(k unit.DirectoryKind, target, at string) {
	status := directoryExit(k)
	purpose := "link " + at + " to " + target
	b.parents(purpose, at)
	relative, err := filepath.Rel(path.Dir(at), target)
	if err != nil {
		b.fail(status, purpose, err)
		return
	}
	b.pendAs(at, fs.ModeSymlink|0o777, relative)
	var buf [unix.PathMax]byte
	switch n, err := unix.Readlink(at, buf[:]); {
	case err == nil && string(buf[:n]) == relative:
	case errors.Is(err, unix.ENOENT), b.moves(at):
		b.add(symlink(purpose, relative, at).exit(status))
	default:
		b.fail(status, purpose, &fs.PathError{Op: "symlink", Path: at, Err: unix.EEXIST})
	}
}

// moves tells whether the list has moved what was at a path.
func (b *builder) moves(at string) bool {
	return slices.ContainsFunc(b.list, func(c Call) bool { return c.Nr == unix.SYS_RENAMEAT2 && c.Args[1].text == fmt.Sprintf("%q", at) })
}
