package sshdrecipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// writeWhole puts a file in place in one step, with its mode whatever the umask is.
func writeWhole(name, text string, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".#"+filepath.Base(name)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// writable tells whether files can be made in a folder, which it makes if need be.
func writable(dir string) bool {
	if os.MkdirAll(dir, 0o755) != nil {
		return false
	}
	f, err := os.CreateTemp(dir, ".#keelson-")
	if err != nil {
		return false
	}
	f.Close()
	os.Remove(f.Name())
	return true
}

// ownFolder makes a folder that nobody else may write. One that is there already has to be so: in /tmp anybody can make it first.
func ownFolder(dir string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	err := os.Mkdir(dir, mode)
	if err == nil {
		return os.Chmod(dir, mode)
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	st, err := os.Lstat(dir)
	switch {
	case err != nil:
		return err
	case !st.IsDir() || owner(st) != os.Geteuid() || st.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s is there and is not a folder that only this user can write", dir)
	}
	return nil
}

func owner(st os.FileInfo) int {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return -1
}

// changeTime is when a file's inode changed last.
func changeTime(name string) (time.Time, bool) {
	st, err := os.Stat(name)
	if err != nil {
		return time.Time{}, false
	}
	s, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(s.Ctim.Unix()), true
}

// parseID reads a uid, gid or port.
func parseID(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n >= 1<<32-2 { // -1 is no id (setresuid(2)), -2 is often nobody's
		return 0, fmt.Errorf("%q is no number from 0 to 4294967293", s)
	}
	return int(n), nil
}
