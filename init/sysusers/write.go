package sysusers

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// The shell of those who shall not log in, and root's by preference.
const (
	shellNone = "/usr/sbin/nologin"
	shellRoot = "/bin/bash"
	shellAny  = "/bin/sh"
)

// account is one of the four files, as it is to be.
type account struct {
	name    string
	mode    uint32 // of a file that is not there yet
	text    string
	changed bool
}

// write makes the four files of what there was and what is new, and puts them in place: groups before users, who would else have a group that nobody knows.
func (e *engine) write(etc int) error {
	files := []account{{name: "group", mode: 0o644}, {name: "gshadow"}, {name: "passwd", mode: 0o644}, {name: "shadow"}}
	makers := []func(old string) (string, bool){e.group, e.gshadow, e.passwd, e.shadow}
	for i := range files {
		f := &files[i]
		old, err := e.ReadFile("/etc/"+f.name, fileMax)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("Failed to read /etc/%s: %s", f.name, because(err))
		}
		f.text, f.changed = makers[i](string(old))
	}
	for i := range files {
		if files[i].changed {
			if err := e.replace(etc, &files[i]); err != nil {
				return fmt.Errorf("Failed to write /etc/%s: %s", files[i].name, because(err))
			}
		}
	}
	return nil
}

// insert puts new lines behind the old ones, but before NIS's. each may change an old line, by its fields.
func insert(old string, add []string, each func(f []string) bool) (string, bool) {
	var before, after strings.Builder
	changed := len(add) > 0
	nis := false
	for line := range strings.Lines(old) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && (line[0] == '+' || line[0] == '-') {
			nis = true
		}
		if f := strings.Split(line, ":"); each(f) {
			line, changed = strings.Join(f, ":"), true
		}
		b := &before
		if nis {
			b = &after
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	for _, l := range add {
		before.WriteString(l)
		before.WriteByte('\n')
	}
	return before.String() + after.String(), changed
}

// join adds the new members to a list of a group's, which is sorted then.
func (e *engine) join(group, members string) (string, bool) {
	have := list(members)
	added := false
	for _, m := range e.members.members[group] {
		if !slices.Contains(have, m) {
			have, added = append(have, m), true
		}
	}
	if !added {
		return members, false
	}
	slices.Sort(have)
	return strings.Join(slices.Compact(have), ","), true
}

// group is /etc/group (group(5)).
func (e *engine) group(old string) (string, bool) {
	var add []string
	for _, i := range e.newGroups {
		members, _ := e.join(i.name, "")
		add = append(add, i.name+":x:"+strconv.FormatUint(uint64(i.gid), 10)+":"+members)
	}
	return insert(old, add, func(f []string) (changed bool) {
		if len(f) == 4 {
			f[3], changed = e.join(f[0], f[3])
		}
		return changed
	})
}

// gshadow is /etc/gshadow (gshadow(5)). An entry that is there without its group is kept, and serves it.
func (e *engine) gshadow(old string) (string, bool) {
	there := names(old)
	var add []string
	for _, i := range e.newGroups {
		if !there[i.name] {
			members, _ := e.join(i.name, "")
			add = append(add, i.name+":!*::"+members)
		}
	}
	return insert(old, add, func(f []string) (changed bool) {
		if len(f) == 4 {
			f[3], changed = e.join(f[0], f[3])
		}
		return changed
	})
}

func names(text string) map[string]bool {
	m := map[string]bool{}
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(line, ":")
		m[name] = true
	}
	return m
}

// passwd is /etc/passwd (passwd(5)).
func (e *engine) passwd(old string) (string, bool) {
	var add []string
	for _, i := range e.newUsers {
		home, shell := i.home, i.shell
		if home == "" {
			home = "/"
		}
		if shell == "" {
			shell = shellNone
			if i.uid == 0 {
				shell = e.rootShell()
			}
		}
		if c, err := e.credential("passwd.shell." + i.name); err == nil && validText(c) {
			shell = c
		}
		add = append(add, fmt.Sprintf("%s:x:%d:%d:%s:%s:%s", i.name, i.uid, i.gid, i.description, home, shell))
	}
	return insert(old, add, func([]string) bool { return false })
}

func (e *engine) rootShell() string {
	fd, err := e.Walk(shellRoot, 0)
	if err != nil {
		return shellAny
	}
	unix.Close(fd)
	return shellRoot
}

// shadow is /etc/shadow (shadow(5)). An entry that is there without its user keeps its password.
func (e *engine) shadow(old string) (string, bool) {
	now := e.Now
	if now.IsZero() {
		now = time.Now()
	}
	today := strconv.FormatInt(now.Unix()/86400, 10)
	there := names(old)
	fresh := map[string]bool{}
	var add []string
	for _, i := range e.newUsers {
		if fresh[i.name] = true; there[i.name] {
			continue
		}
		expire := ""
		if i.locked {
			expire = "1"
		}
		add = append(add, i.name+":"+e.password(i.name)+":"+today+":::::"+expire+":")
	}
	return insert(old, add, func(f []string) bool {
		if len(f) < 3 || !fresh[f[0]] || f[2] == today {
			return false
		}
		f[2] = today
		return true
	})
}

// password is what a new user's is: none that anybody could type, unless a credential has one.
func (e *engine) password(name string) string {
	if c, err := e.credential("passwd.hashed-password." + name); err == nil {
		if c = strings.TrimRight(c, "\n"); validText(c) {
			return c
		}
	}
	if _, err := e.credential("passwd.plaintext-password." + name); err == nil {
		e.tell(unit.Warning, "Password of user '%s' is not set: only passwd.hashed-password.%s can be used.", name, name)
	}
	return "!*"
}

// replace puts a file in place at once, with the rights of the old one, which is kept as its backup.
func (e *engine) replace(etc int, f *account) error {
	mode, uid, gid := f.mode, -1, -1
	var st unix.Stat_t
	if err := unix.Fstatat(etc, f.name, &st, 0); err == nil {
		mode, uid, gid = st.Mode&0o7777, int(st.Uid), int(st.Gid)
		old, err := e.ReadFile("/etc/"+f.name, fileMax)
		if err != nil {
			return err
		}
		// The times are the old file's, too.
		backup := f.name + "-"
		if err := put(etc, backup, old, mode, uid, gid, []unix.Timespec{st.Atim, st.Mtim}); err != nil {
			return err
		}
	}
	err := put(etc, f.name, []byte(f.text), mode, uid, gid, nil)
	if err == unix.EBUSY { // a mount point, as of an engine that shares the machine's
		e.tell(unit.Notice, "/etc/%s is a mount point, it is written in place.", f.name)
		return inPlace(etc, f.name, []byte(f.text))
	}
	return err
}

// put writes a file beside its place, and moves it there.
func put(dir int, name string, text []byte, mode uint32, uid, gid int, times []unix.Timespec) error {
	temporary := fmt.Sprintf(".#%s.%d", name, unix.Getpid())
	if err := unix.Unlinkat(dir, temporary, 0); err != nil && err != unix.ENOENT {
		return err
	}
	fd, err := unix.Openat(dir, temporary, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	err = writeAll(fd, text)
	if err == nil && uid >= 0 {
		err = unix.Fchown(fd, uid, gid)
	}
	if err == nil {
		err = unix.Fchmod(fd, mode)
	}
	switch {
	case err != nil:
	case times != nil: // a backup, which nothing depends on
		err = unix.UtimesNanoAt(dir, temporary, times, unix.AT_SYMLINK_NOFOLLOW)
	default:
		err = unix.Fsync(fd)
	}
	unix.Close(fd)
	if err == nil {
		err = unix.Renameat(dir, temporary, dir, name)
	}
	if err != nil {
		unix.Unlinkat(dir, temporary, 0)
	}
	return err
}

func inPlace(dir int, name string, text []byte) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := writeAll(fd, text); err != nil { // the longer text first: what fails now leaves the old lines
		return err
	}
	if err := unix.Ftruncate(fd, int64(len(text))); err != nil {
		return err
	}
	return unix.Fsync(fd)
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
