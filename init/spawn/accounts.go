package spawn

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The image's user database: /etc/passwd and /etc/group, and nothing else. NSS modules are shared objects that a static program cannot load, and
// may ask the network; PID 1 waits for neither.

// account is a user.
type account struct {
	name        string
	uid, gid    int
	home, shell string // "" where they say nothing of use
}

// accounts are the two files, read again when they have changed.
type accounts struct {
	users  table[account]
	groups table[group]
}

type group struct {
	name    string
	gid     int
	members []string
}

func newAccounts(folder string) *accounts {
	return &accounts{
		users:  table[account]{path: folder + "/passwd", parse: parsePasswd},
		groups: table[group]{path: folder + "/group", parse: parseGroup},
	}
}

// table is one file.
type table[T any] struct {
	path  string
	parse func(fields []string) (T, bool)
	stamp stamp
	rows  []T
}

// stamp tells versions of a file apart.
type stamp struct {
	dev, ino uint64
	size     int64
	mtime    unix.Timespec
	ctime    unix.Timespec
}

func stampOf(st *unix.Stat_t) stamp {
	return stamp{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
}

// read gives the rows. A file that is not there has none.
func (t *table[T]) read() ([]T, error) {
	var st unix.Stat_t
	switch err := unix.Stat(t.path, &st); {
	case err == unix.ENOENT || err == unix.ENOTDIR:
		t.stamp, t.rows = stamp{}, nil
		return nil, nil
	case err != nil:
		return nil, &os.PathError{Op: "stat", Path: t.path, Err: err}
	}
	if s := stampOf(&st); s == t.stamp {
		return t.rows, nil
	}
	text, now, err := readRegular(t.path, accountsMax)
	if err != nil {
		return nil, err
	}
	t.rows = nil
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.ContainsAny(line[:1], "#+-") { // comments, and nss_compat's ways to say NIS
			continue
		}
		if row, ok := t.parse(strings.Split(line, ":")); ok {
			t.rows = append(t.rows, row)
		}
	}
	t.stamp = now
	return t.rows, nil
}

// accountsMax is the most that a user database may have, in bytes.
const accountsMax = 64 << 20

func parsePasswd(f []string) (a account, ok bool) {
	if len(f) != 7 || f[0] == "" {
		return a, false
	}
	uid, uerr := parseID(f[2])
	gid, gerr := parseID(f[3])
	return account{f[0], uid, gid, f[5], f[6]}, uerr == nil && gerr == nil
}

func parseGroup(f []string) (g group, ok bool) {
	if len(f) != 4 || f[0] == "" {
		return g, false
	}
	gid, err := parseID(f[2])
	var members []string
	if f[3] != "" {
		members = strings.Split(f[3], ",")
	}
	return group{f[0], gid, members}, err == nil
}

// parseID: 65535 and 4294967295 are no ids (uid_is_valid in src/basic/user-util.c).
func parseID(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || s[0] == '+' || n == 0xffff || n == 0xffffffff {
		return 0, fmt.Errorf("%q is no user or group id", s)
	}
	return int(n), nil
}

// overflow is the id of nobody and nogroup.
const overflow = 65534

// nologin are shells that are none (is_nologin_shell in src/basic/user-util.c).
var nologin = []string{
	"/bin/nologin", "/sbin/nologin", "/usr/bin/nologin", "/usr/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/true", "/usr/bin/true",
}

// user finds a user by name or number (get_user_creds in src/basic/user-util.c, USER_CREDS_CLEAN): root and nobody are known without the file. A
// number without an entry is a user without a home whose group has the same number; systemd refuses it, an image started with --user need not have one.
func (d *accounts) user(name, rootShell string) (account, error) {
	switch name {
	case "root", "0":
		return account{"root", 0, 0, "/root", rootShell}, nil
	case "nobody", "65534":
		return account{name: "nobody", uid: overflow, gid: overflow}, nil
	}
	a, found, err := d.findUser(name)
	switch {
	case err != nil:
		return account{}, err
	case found:
		return a.clean(), nil
	}
	if id, err := parseID(name); err == nil {
		return account{name: name, uid: id, gid: id}, nil
	}
	return account{}, because(unix.ESRCH, "no user %q in %s", name, d.users.path)
}

func (d *accounts) findUser(name string) (account, bool, error) {
	rows, err := d.users.read()
	if err != nil {
		return account{}, false, err
	}
	id, numeric := parseID(name)
	i := slices.IndexFunc(rows, func(a account) bool { return numeric == nil && a.uid == id || numeric != nil && a.name == name })
	if i < 0 {
		return account{}, false, nil
	}
	return rows[i], true, nil
}

// clean drops a home and a shell that are none.
func (a account) clean() account {
	if !strings.HasPrefix(a.home, "/") || strings.Trim(a.home, "/") == "" {
		a.home = ""
	}
	if !strings.HasPrefix(a.shell, "/") || slices.Contains(nologin, a.shell) {
		a.shell = ""
	}
	return a
}

// group finds a group by name or number (get_group_creds in src/basic/user-util.c). A number needs no entry.
func (d *accounts) group(name string) (int, error) {
	if name == "root" || name == "0" {
		return 0, nil
	}
	g, found, err := d.findGroup(name)
	switch {
	case err != nil:
		return 0, err
	case found:
		return g.gid, nil
	}
	if id, err := parseID(name); err == nil {
		return id, nil
	}
	if name == "nogroup" || name == "nobody" {
		return overflow, nil
	}
	return 0, because(unix.ESRCH, "no group %q in %s", name, d.groups.path)
}

func (d *accounts) findGroup(name string) (group, bool, error) {
	rows, err := d.groups.read()
	if err != nil {
		return group{}, false, err
	}
	id, numeric := parseID(name)
	i := slices.IndexFunc(rows, func(g group) bool { return numeric == nil && g.gid == id || numeric != nil && g.name == name })
	if i < 0 {
		return group{}, false, nil
	}
	return rows[i], true, nil
}

// memberships are the groups of a user: gid, and those that list the name (getgrouplist(3)).
func (d *accounts) memberships(name string, gid int) ([]int, error) {
	rows, err := d.groups.read()
	if err != nil {
		return nil, err
	}
	list := []int{gid}
	for _, g := range rows {
		if slices.Contains(g.members, name) && !slices.Contains(list, g.gid) {
			list = append(list, g.gid)
		}
	}
	return list, nil
}

// readRegular reads a small file without ever waiting: what is no regular file and has nothing to give at once, such as a FIFO, is empty or an error.
func readRegular(path string, most int64) (string, stamp, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", stamp{}, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", stamp{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	var b strings.Builder
	if n := min(st.Size, most); n > 0 {
		b.Grow(int(n))
	}
	if _, err := io.Copy(&b, io.LimitReader(plainFile(fd), most+1)); err != nil {
		return "", stamp{}, &os.PathError{Op: "read", Path: path, Err: err}
	}
	if int64(b.Len()) > most {
		return "", stamp{}, &os.PathError{Op: "read", Path: path, Err: unix.E2BIG}
	}
	return b.String(), stampOf(&st), nil
}

// plainFile reads a descriptor that no poller knows.
type plainFile int

func (f plainFile) Read(p []byte) (int, error) {
	for {
		switch n, err := unix.Read(int(f), p); {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
