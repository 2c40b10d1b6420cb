package sshdrecipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// chroot makes the folders that users are locked into where they are missing, and refuses those that sshd would: every part of the way
// has to be root's, and writable for nobody else (safely_chroot in session.c).
func (r *Recipe) chroot(c Configuration, accounts []Account) error {
	if !c.SFTPOnly {
		return errors.New("--chroot goes with --sftp-only: a shell in there would have nothing to run")
	}
	var named []string
	users, _ := ParseUsers(r.Values.All("users"))
	for _, u := range users {
		named = append(named, u.Name)
	}
	if c.SFTPUsers != nil {
		named = c.SFTPUsers
	}
	for _, a := range accounts {
		if !slices.Contains(named, a.Name) {
			continue
		}
		dir := strings.NewReplacer("%%", "%", "%h", a.Home, "%u", a.Name, "%U", strconv.Itoa(a.UID)).Replace(c.Chroot)
		if err := chrootFor(dir, a, strings.Contains(c.Chroot, "%")); err != nil {
			return err
		}
	}
	return nil
}

// chrootFor makes one folder. Within one that is a user's alone, that user gets a folder to write to.
func chrootFor(dir string, a Account, alone bool) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("the chroot %q of %s is no absolute path", dir, a.Name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		st, err := os.Stat(d)
		switch {
		case err != nil:
			return err
		case owner(st) != 0 || st.Mode().Perm()&0o022 != 0:
			return fmt.Errorf("%s, on the way to the chroot %s, is not root's or others can write it (mode %04o, uid %d): sshd refuses that", d, dir, st.Mode().Perm(), owner(st))
		}
		if d == "/" {
			break
		}
	}
	if !alone {
		return nil
	}
	files := filepath.Join(dir, filesFolder)
	if err := os.Mkdir(files, 0o755); errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	return os.Lchown(files, a.UID, a.GID)
}
