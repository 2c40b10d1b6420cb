package facts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/glob"
)

func (f *Facts) existsGlob(pattern string) bool {
	_, ok := glob.First(f.at(pattern))
	return ok
}

func (f *Facts) isDirectory(path string) bool {
	st, err := os.Stat(f.at(path))
	return err == nil && st.IsDir()
}

func (f *Facts) isSymbolicLink(path string) bool {
	st, err := os.Lstat(f.at(path))
	return err == nil && st.Mode()&os.ModeSymlink != 0
}

func (f *Facts) fileNotEmpty(path string) bool {
	st, err := os.Stat(f.at(path))
	return err == nil && st.Mode().IsRegular() && st.Size() > 0
}

func (f *Facts) fileIsExecutable(path string) bool {
	st, err := os.Stat(f.at(path))
	return err == nil && st.Mode().IsRegular() && st.Mode().Perm()&0o111 != 0
}

// directoryNotEmpty counts no hidden files and no backups. A directory that cannot be read counts as not empty.
func (f *Facts) directoryNotEmpty(path string) bool {
	if !f.isDirectory(path) {
		return false
	}
	entries, err := os.ReadDir(f.at(path))
	return err != nil || slices.ContainsFunc(entries, func(e os.DirEntry) bool { return !hidden(e.Name()) })
}

// leftovers are the endings of files that editors and packages leave behind (hidden_or_backup_file in src/basic/path-util.c).
var leftovers = []string{
	".rpmnew", ".rpmsave", ".rpmorig", ".dpkg-old", ".dpkg-new", ".dpkg-tmp", ".dpkg-dist", ".dpkg-bak", ".dpkg-backup",
	".dpkg-remove", ".ucf-new", ".ucf-old", ".ucf-dist", ".swp", ".bak", ".old", ".new", "~",
}

func hidden(name string) bool {
	return name[0] == '.' || name == "lost+found" || name == "aquota.user" || name == "aquota.group" ||
		slices.ContainsFunc(leftovers, func(end string) bool { return strings.HasSuffix(name, end) })
}

// isReadWrite: the file system is not mounted read-only. Whether one may write is another question.
func (f *Facts) isReadWrite(path string) bool {
	readOnly, err := f.readOnly(path)
	return !readOnly && err != unix.ENOENT
}

// readOnly tells that a file system is read-only. On a network that may show only when one asks to write.
func (f *Facts) readOnly(path string) (bool, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(f.at(path), &st); err != nil {
		return false, err
	}
	return st.Flags&unix.ST_RDONLY != 0 || unix.Access(f.at(path), unix.W_OK) == unix.EROFS, nil
}

// isMountPoint asks statx(2), which knows since Linux 5.8, else looks into the mount table.
func (f *Facts) isMountPoint(path string) bool {
	if filepath.Clean(path) == "/" {
		return true
	}
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, f.at(path), unix.AT_NO_AUTOMOUNT|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
	if err == nil && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	real, err := filepath.EvalSymlinks(f.at(path))
	if err != nil {
		return false
	}
	real = strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(real) // as proc(5) escapes it
	text, _ := f.read("/proc/self/mountinfo")
	for line := range strings.Lines(text) {
		if w := strings.Fields(line); len(w) > 4 && w[4] == real {
			return true
		}
	}
	return false
}

// isEncrypted: the file system is on a disk that dm-crypt encrypts, itself or the one below it.
func (f *Facts) isEncrypted(path string) bool {
	var st unix.Stat_t
	if unix.Stat(f.at(path), &st) != nil {
		return false
	}
	device := st.Dev
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		device = st.Rdev
	}
	dir := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(device), unix.Minor(device))
	for range 16 { // layers, more than anybody has
		if strings.HasPrefix(f.line(dir+"/dm/uuid"), "CRYPT-") {
			return true
		}
		if f.exists(dir + "/partition") {
			dir += "/.."
		}
		below, err := os.ReadDir(f.at(dir + "/slaves"))
		if err != nil || len(below) != 1 { // more than one: nobody can say
			return false
		}
		dir += "/slaves/" + below[0].Name()
	}
	return false
}

// needsUpdate: /usr is newer than what was made of it below a directory, as systemd-update-done.service(8) notes it. In doubt it is needed.
func (f *Facts) needsUpdate(dir string) bool {
	if readOnly, _ := f.readOnly(dir); readOnly {
		return false
	}
	file := filepath.Join(dir, ".updated")
	other, err := os.Lstat(f.at(file))
	if err != nil {
		return true
	}
	usr, err := os.Lstat(f.at("/usr"))
	if err != nil {
		return true
	}
	if usr.ModTime().Unix() != other.ModTime().Unix() {
		return usr.ModTime().After(other.ModTime())
	}
	if usr.ModTime().Nanosecond() == 0 || other.ModTime().Nanosecond() > 0 {
		return usr.ModTime().After(other.ModTime())
	}
	// The file system keeps no nanoseconds: they are in the file.
	text, _ := f.read(file)
	for line := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "TIMESTAMP_NSEC="); ok {
			if at, err := strconv.ParseInt(v, 10, 64); err == nil {
				return usr.ModTime().UnixNano() > at
			}
		}
	}
	return true
}
