package sshdrecipe

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A User is an account that is to be there.
type User struct {
	Name     string
	UID, GID int
	Shell    string // "" for the default
}

// validName is what useradd(8) takes by default.
var validName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// ParseUsers reads NAME:UID:GID[:SHELL], separated by commas or as separate words.
func ParseUsers(list []string) ([]User, error) {
	var users []User
	names, ids := map[string]bool{}, map[int]string{}
	for _, word := range strings.FieldsFunc(strings.Join(list, ","), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		f := strings.Split(word, ":")
		if len(f) < 3 || len(f) > 4 {
			return nil, fmt.Errorf("the user %q is not NAME:UID:GID or NAME:UID:GID:SHELL", word)
		}
		u := User{Name: f[0]}
		var err error
		if u.UID, err = parseID(f[1]); err == nil {
			u.GID, err = parseID(f[2])
		}
		if len(f) == 4 {
			u.Shell = f[3]
		}
		switch other := ids[u.UID]; {
		case err != nil:
			return nil, fmt.Errorf("the user %q: %w", word, err)
		case !validName.MatchString(u.Name):
			return nil, fmt.Errorf("%q cannot be a user's name", u.Name)
		case u.Shell != "" && (!strings.HasPrefix(u.Shell, "/") || strings.ContainsAny(u.Shell, " \t:")):
			return nil, fmt.Errorf("the user %q: the shell has to be an absolute path", word)
		case names[u.Name]:
			return nil, fmt.Errorf("the user %s is named twice", u.Name)
		case other != "":
			return nil, fmt.Errorf("the users %s and %s have the same uid %d", other, u.Name, u.UID)
		}
		names[u.Name], ids[u.UID] = true, u.Name
		users = append(users, u)
	}
	return users, nil
}

// An Account is a line of passwd(5), with its password's field of shadow(5).
type Account struct {
	Name        string
	UID, GID    int
	Home, Shell string
	Hash        string // "" where there is no password at all, "x" where it cannot be read
}

// locked tells what sshd without PAM keeps out, keys or not (platform_locked_account in platform.c).
func (a Account) locked() bool { return strings.HasPrefix(a.Hash, "!") }

// typable tells whether there is a password that somebody could type.
func (a Account) typable() bool {
	return a.Hash != "" && a.Hash != "x" && !strings.HasPrefix(a.Hash, "!") && !strings.HasPrefix(a.Hash, "*")
}

// A database is the files of accounts in a folder, /etc.
type database struct {
	dir                            string
	passwd, group, shadow, gshadow string
	hasShadow, hasGshadow          bool
}

func readDatabase(dir string) (*database, error) {
	d := &database{dir: dir}
	for _, f := range []struct {
		name string
		text *string
		has  *bool
	}{{"passwd", &d.passwd, nil}, {"group", &d.group, nil}, {"shadow", &d.shadow, &d.hasShadow}, {"gshadow", &d.gshadow, &d.hasGshadow}} {
		text, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil && (f.has == nil || !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission)) {
			return nil, err
		}
		if f.has != nil {
			*f.has = err == nil
		}
		*f.text = string(text)
		if len(text) > 0 && !strings.HasSuffix(*f.text, "\n") {
			*f.text += "\n"
		}
	}
	return d, nil
}

// accounts are all of passwd's, in its order.
func (d *database) accounts() []Account {
	hashes := map[string]string{}
	for line := range strings.Lines(d.shadow) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), ":"); len(f) > 1 {
			hashes[f[0]] = f[1]
		}
	}
	var list []Account
	for line := range strings.Lines(d.passwd) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) < 7 {
			continue
		}
		uid, err := parseID(f[2])
		gid, e := parseID(f[3])
		if err != nil || e != nil {
			continue
		}
		a := Account{f[0], uid, gid, f[5], f[6], f[1]}
		if h, ok := hashes[a.Name]; ok && a.Hash == "x" {
			a.Hash = h
		}
		list = append(list, a)
	}
	return list
}

func (d *database) account(name string) (Account, bool) {
	for _, a := range d.accounts() {
		if a.Name == name {
			return a, true
		}
	}
	return Account{}, false
}

// ensure adds a user, or finds that it is there as it should be.
func (d *database) ensure(u User) (added bool, err error) {
	if a, ok := d.account(u.Name); ok {
		switch {
		case a.UID != u.UID || a.GID != u.GID:
			return false, fmt.Errorf("the user %s is there with %d:%d, not %d:%d", u.Name, a.UID, a.GID, u.UID, u.GID)
		case u.Shell != "" && a.Shell != u.Shell:
			return false, fmt.Errorf("the user %s is there with the shell %s, not %s", u.Name, a.Shell, u.Shell)
		}
		return false, nil
	}
	for _, a := range d.accounts() {
		if a.UID == u.UID {
			return false, fmt.Errorf("the uid %d of %s is %s's already", u.UID, u.Name, a.Name)
		}
	}
	if !d.hasGroup(u.GID) {
		if fieldOf(d.group, u.Name, 2) != "" {
			return false, fmt.Errorf("the group %s is there, and has not the gid %d", u.Name, u.GID)
		}
		d.group += fmt.Sprintf("%s:x:%d:\n", u.Name, u.GID)
		if d.hasGshadow {
			d.gshadow += u.Name + ":!::\n"
		}
	}
	shell := u.Shell
	if shell == "" {
		shell = "/bin/sh"
		if _, err := os.Stat("/bin/bash"); err == nil {
			shell = "/bin/bash"
		}
	} else if _, err := os.Stat(shell); err != nil {
		return false, fmt.Errorf("the shell of %s: %w", u.Name, err)
	}
	field := "*"
	if d.hasShadow {
		field = "x"
		d.shadow += fmt.Sprintf("%s:*:%d:0:99999:7:::\n", u.Name, time.Now().Unix()/86400)
	}
	d.passwd += fmt.Sprintf("%s:%s:%d:%d::/home/%s:%s\n", u.Name, field, u.UID, u.GID, u.Name, shell)
	return true, nil
}

func (d *database) hasGroup(gid int) bool {
	for line := range strings.Lines(d.group) {
		if f := strings.Split(line, ":"); len(f) > 2 && f[2] == strconv.Itoa(gid) {
			return true
		}
	}
	return false
}

// fieldOf is a field of the line of a name.
func fieldOf(text, name string, n int) string {
	for line := range strings.Lines(text) {
		if f := strings.Split(strings.TrimSuffix(line, "\n"), ":"); f[0] == name && n < len(f) {
			return f[n]
		}
	}
	return ""
}

// setHash changes a password's field: in shadow, or where that has no line for the user in passwd.
func (d *database) setHash(name, hash string) {
	set := func(text string) (string, bool) {
		var b strings.Builder
		done := false
		for line := range strings.Lines(text) {
			if f := strings.Split(line, ":"); f[0] == name && len(f) > 1 {
				f[1], done = hash, true
				line = strings.Join(f, ":")
			}
			b.WriteString(line)
		}
		return b.String(), done
	}
	if text, ok := set(d.shadow); ok {
		d.shadow = text
		return
	}
	d.passwd, _ = set(d.passwd)
}

// write puts back what differs from before. Files that are mounted one by one cannot be replaced, and are written in place.
func (d *database) write(before *database) error {
	for _, f := range []struct {
		name, text, old string
		mode            os.FileMode
	}{
		{"group", d.group, before.group, 0o644}, {"gshadow", d.gshadow, before.gshadow, 0o640},
		{"passwd", d.passwd, before.passwd, 0o644}, {"shadow", d.shadow, before.shadow, 0o640},
	} {
		if f.text == f.old {
			continue
		}
		if err := replaceFile(filepath.Join(d.dir, f.name), f.text, f.mode); err != nil {
			return err
		}
	}
	return nil
}

// replaceFile is writeWhole with the mode and the owner that the file has.
func replaceFile(name, text string, mode os.FileMode) error {
	st, err := os.Stat(name)
	uid, gid := -1, -1
	if err == nil {
		mode = st.Mode().Perm()
		if s, ok := st.Sys().(*syscall.Stat_t); ok {
			uid, gid = int(s.Uid), int(s.Gid)
		}
	}
	fresh := name + ".keelson"
	os.Remove(fresh)
	f, err := os.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(fresh)
	_, err = f.WriteString(text)
	if err == nil && uid >= 0 {
		err = f.Chown(uid, gid)
	}
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
	if err = os.Rename(fresh, name); errors.Is(err, syscall.EBUSY) {
		return os.WriteFile(name, []byte(text), mode)
	}
	return err
}

// lockWait is how long another program may hold the lock of the accounts (lckpwdf(3)).
const lockWait = 15 * time.Second

// lock takes the lock of the files of accounts.
func lock(dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, ".pwd.lock"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	taken := make(chan error, 1)
	go func() {
		for {
			err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLKW, &syscall.Flock_t{Type: syscall.F_WRLCK})
			if err != syscall.EINTR {
				taken <- err
				return
			}
		}
	}()
	select {
	case err := <-taken:
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
		}
		return func() { f.Close() }, nil
	case <-time.After(lockWait): // the goroutine ends with the process, which is refused
		return nil, fmt.Errorf("somebody else has held %s for %v", f.Name(), lockWait)
	}
}

// makeHome makes a home that is missing, with what useradd -m puts there.
func makeHome(a Account, etc string) error {
	if a.Home == "" || a.Home == "/" {
		return nil
	}
	if _, err := os.Lstat(a.Home); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(a.Home), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(a.Home, 0o700); err != nil {
		return err
	}
	skeleton, _ := os.ReadDir(filepath.Join(etc, "skel"))
	for _, e := range skeleton {
		text, err := os.ReadFile(filepath.Join(etc, "skel", e.Name()))
		if err != nil || !e.Type().IsRegular() {
			continue
		}
		to := filepath.Join(a.Home, e.Name())
		if err := os.WriteFile(to, text, 0o644); err != nil {
			return err
		}
		if err := os.Lchown(to, a.UID, a.GID); err != nil {
			return err
		}
	}
	return os.Lchown(a.Home, a.UID, a.GID)
}
