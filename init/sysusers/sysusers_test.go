package sysusers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

const today = 20000 // days since 1970

const (
	basePasswd = "root:x:0:0:root:/root:/bin/bash\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\nhigh:x:999:990::/:/bin/sh\n"
	baseGroup  = "root:x:0:\nmail:x:8:\nadm:x:4:high\ntaken:x:998:\n"
	baseShadow = "root:*:19000:0:99999:7:::\nmail:*:19000:0:99999:7:::\n"
	baseG      = "root:*::\nmail:*::\nadm:*::high\ntaken:!::\n"
)

// example is a drop-in and what it adds: lines of passwd, group, shadow and gshadow behind the base's, told apart by their number of fields.
type example struct {
	name, lines string
	passwd      string
	group       string
	says        string
	defs        string // /etc/login.defs
	differs     string // why systemd-sysusers makes something else of it
	change      string // "old=new" in the base's group
}

var examples = []example{
	{name: "a user", lines: "u foo - \"A user\" /var/lib/foo /bin/sh", group: "foo:x:997:", passwd: "foo:x:997:997:A user:/var/lib/foo:/bin/sh"},
	{name: "downwards, past what is taken", lines: "u a\nu b -\ng c\nu d", group: "c:x:997:\na:x:996:\nb:x:995:\nd:x:994:", passwd: "a:x:996:996::/:/usr/sbin/nologin\nb:x:995:995::/:/usr/sbin/nologin\nd:x:994:994::/:/usr/sbin/nologin"},
	{name: "what there is stays", lines: "u root 0 \"Super User\" /root\nu mail 77\ng adm 5"},
	{name: "a member brings a group of its own", lines: "m high adm", group: "high:x:997:"},
	{name: "numbers", lines: "u foo 55\ng bar 66\nu baz 200:8\nu qux 201:mail\nu quux -:adm", group: "bar:x:66:\nfoo:x:55:", passwd: "foo:x:55:55::/:/usr/sbin/nologin\nbaz:x:200:8::/:/usr/sbin/nologin\nqux:x:201:8::/:/usr/sbin/nologin\nquux:x:997:4::/:/usr/sbin/nologin"},
	{name: "numbers that are taken", lines: "u foo 8\ng bar 4\nu baz 999", group: "bar:x:997:\nfoo:x:996:\nbaz:x:995:", passwd: "foo:x:996:996::/:/usr/sbin/nologin\nbaz:x:995:995::/:/usr/sbin/nologin",
		says: "Suggested group ID 4 for bar already used.; Suggested user ID 8 for foo already used.; Suggested user ID 999 for baz already used."},
	{name: "no such group", lines: "u foo 55:77\nu bar 56:none", says: "Failed to create foo: please create GID 77; Group none not found."},
	{name: "a group of the queue", lines: "u foo 300:grp\ng grp 400\nu grp2 500\nu in 501:grp2", group: "grp:x:400:\ngrp2:x:500:", passwd: "foo:x:300:400::/:/usr/sbin/nologin\ngrp2:x:500:500::/:/usr/sbin/nologin\nin:x:501:500::/:/usr/sbin/nologin"},
	{name: "members", lines: "m new adm\nm mail adm\nm new fresh\nm high fresh\nm mail adm", group: "fresh:x:997:high,new\nnew:x:996:\nhigh:x:995:", passwd: "new:x:996:996::/:/usr/sbin/nologin", change: "adm:x:4:high=adm:x:4:high,mail,new"},
	{name: "the owner of a file", lines: "u foo /srv/file\ng bar /srv/file\nu baz /none\nu toor /srv/root", group: "bar:x:151:\nfoo:x:997:\nbaz:x:996:\ntoor:x:995:", passwd: "foo:x:150:997::/:/usr/sbin/nologin\nbaz:x:996:996::/:/usr/sbin/nologin\ntoor:x:995:995::/:/usr/sbin/nologin"},
	{name: "ranges", lines: "r - 300-301\nr - 310\nu a\nu b\nu c\nu d", group: "a:x:310:\nb:x:301:\nc:x:300:", passwd: "a:x:310:310::/:/usr/sbin/nologin\nb:x:301:301::/:/usr/sbin/nologin\nc:x:300:300::/:/usr/sbin/nologin", says: "No free group ID available for d."},
	{name: "login.defs", defs: "# SYS_UID_MAX 5\nSYS_UID_MIN 100\nSYS_UID_MAX\t499\nSYS_GID_MAX 400\n", lines: "u a", group: "a:x:400:", passwd: "a:x:400:400::/:/usr/sbin/nologin", differs: "Debian builds it without compat-mutable-uid-boundaries"},
	{name: "twice", lines: "u a - first\nu a - first\nu a - second\nu b - - / /bin/false\nu b - - / /usr/sbin/nologin", group: "a:x:997:\nb:x:996:", passwd: "a:x:997:997:first:/:/usr/sbin/nologin\nb:x:996:996::/:/bin/false", says: "3: Conflict with earlier configuration for user 'a', ignoring line."},
	{name: "root's shell", lines: "u toor 0", group: "toor:x:997:", passwd: "toor:x:997:997::/:/usr/sbin/nologin", says: "Suggested user ID 0 for toor already used."},
	{name: "bad lines", lines: "u\nx foo\nuu foo\nu 1foo\nu foo - \"a:b\"\nu foo - - relative\nu foo - - /a/../b\nu foo - - / sh\nr x 1-2\nr -\nr - 9-1\nm foo\nm foo 1bar\ng foo x\nu foo y\nu foo 1:%%\ng foo - text\nu foo - - - - -\nu foo -1\nu %Q\nu \"foo\nu -\nu averyveryverylongnamewithmanyletters\n# c\n\nu ok",
		group: "ok:x:997:", passwd: "ok:x:997:997::/:/usr/sbin/nologin",
		says: "1: Missing action and name columns.; 2: Unknown command type 'x'.; 3: Unknown modifier 'uu'.; 4: '1foo' is not a valid user or group name.; 5: 'a:b' is not a valid GECOS field.; 6: 'relative' is not a valid home directory field.; 7: '/a/../b' is not a valid home directory field.; 8: 'sh' is not a valid login shell field.; 9: Lines of type 'r' don't take a name field.; 10: Lines of type 'r' require an ID range in the third field.; 11: Invalid UID range 9-1.; 12: Lines of type 'm' require a group name in the third field.; 13: '1bar' is not a valid user or group name.; 14: Failed to parse GID: 'x': Invalid argument; 15: Failed to parse UID: 'y': Invalid argument; 16: Failed to parse GID: '1:%': Invalid argument; 17: Lines of type 'g' don't take a GECOS field.; 18: Trailing garbage.; 19: Failed to parse UID: '-1': Invalid argument; 20: Failed to replace specifiers in '%Q': Invalid slot; 21: Syntax error.; 22: Lines of type 'u' require a user name in the second field.; 23: 'averyveryverylongnamewithmanyletters' is not a valid user or group name."},
	{name: "names of groups of another number", lines: "u taken\nu foo 998", group: "foo:x:997:", passwd: "taken:x:998:998::/:/usr/sbin/nologin\nfoo:x:997:997::/:/usr/sbin/nologin", says: "Suggested user ID 998 for foo already used."},
	{name: "locked", lines: "u! foo", group: "foo:x:997:", passwd: "foo:x:997:997::/:/usr/sbin/nologin", differs: "it is of systemd 257"},
}

func (x *example) plant(t testing.TB) string {
	root := t.TempDir()
	write := func(p, text string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(root+p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(root+p, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(root+p, mode); err != nil {
			t.Fatal(err)
		}
	}
	write("/etc/passwd", basePasswd, 0o644)
	write("/etc/group", baseGroup, 0o644)
	write("/etc/shadow", baseShadow, 0o640)
	write("/etc/gshadow", baseG, 0o640)
	write("/usr/lib/sysusers.d/a.conf", x.lines, 0o644)
	write("/srv/file", "", 0o644)
	write("/srv/root", "", 0o644)
	if os.Getuid() == 0 {
		if err := os.Chown(root+"/srv/file", 150, 151); err != nil {
			t.Fatal(err)
		}
	}
	if x.defs != "" {
		write("/etc/login.defs", x.defs, 0o644)
	}
	return root
}

// after is what the four files are to hold.
func (x *example) after() map[string]string {
	lines := func(s string) string {
		if s == "" {
			return ""
		}
		return s + "\n"
	}
	m := map[string]string{"passwd": basePasswd + lines(x.passwd), "group": baseGroup + lines(x.group), "shadow": baseShadow, "gshadow": baseG}
	for line := range strings.Lines(lines(x.passwd)) {
		name, _, _ := strings.Cut(line, ":")
		expire := ""
		if strings.HasPrefix(x.lines, "u!") {
			expire = "1"
		}
		m["shadow"] += fmt.Sprintf("%s:!*:%d:::::%s:\n", name, today, expire)
	}
	for line := range strings.Lines(lines(x.group)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		m["gshadow"] += f[0] + ":!*::" + f[3] + "\n"
	}
	if old, now, ok := strings.Cut(x.change, "="); ok {
		m["group"] = strings.Replace(m["group"], old, now, 1)
		name, _, _ := strings.Cut(old, ":")
		m["gshadow"] = strings.Replace(m["gshadow"], name+":*::"+old[strings.LastIndex(old, ":")+1:], name+":*::"+now[strings.LastIndex(now, ":")+1:], 1)
	}
	return m
}

func (x *example) compare(t *testing.T, who, root string) {
	t.Helper()
	for name, want := range x.after() {
		b, err := os.ReadFile(root + "/etc/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if string(b) != want {
			t.Errorf("%s makes of %s\n%s\nwant\n%s", who, name, b, want)
		}
	}
}

func options() Options { return Options{Host: unit.DefaultHost(), Now: time.Unix(today*86400+5000, 0)} }

func TestApply(t *testing.T) {
	for _, x := range examples {
		t.Run(x.name, func(t *testing.T) {
			if strings.Contains(x.lines, "/srv/file") && os.Getuid() != 0 {
				t.Skip("giving files to others needs root")
			}
			root := x.plant(t)
			var says []string
			for _, d := range Apply(root, options()) {
				if s := strings.TrimPrefix(d.String(), "/usr/lib/sysusers.d/a.conf:"); !strings.HasPrefix(s, "Creating ") {
					says = append(says, s)
				}
			}
			x.compare(t, "Apply", root)
			if got := strings.Join(says, "; "); got != x.says {
				t.Errorf("it says %s\nwant    %s", got, x.says)
			}
			changed := x.passwd+x.group+x.change != ""
			for name, mode := range map[string]os.FileMode{"passwd": 0o644, "group": 0o644, "shadow": 0o640, "gshadow": 0o640} {
				if st, err := os.Stat(root + "/etc/" + name); err != nil || st.Mode().Perm() != mode {
					t.Errorf("%s: %v, %v", name, st.Mode(), err)
				}
			}
			if _, err := os.Lstat(root + "/etc/.pwd.lock"); (err == nil) != changed {
				t.Errorf("the lock: %v", err)
			}
			if x.passwd != "" {
				if b, err := os.ReadFile(root + "/etc/passwd-"); err != nil || string(b) != basePasswd {
					t.Errorf("the backup is %q, %v", b, err)
				}
			}
			if left, _ := filepath.Glob(root + "/etc/.#*"); left != nil {
				t.Errorf("%q are left over", left)
			}
			// A second time nothing is written.
			var before, after syscall.Stat_t
			if err := syscall.Stat(root+"/etc/passwd", &before); err != nil {
				t.Fatal(err)
			}
			for _, d := range Apply(root, options()) {
				if strings.HasPrefix(d.Text, "Creating ") {
					t.Errorf("a second time: %s", d)
				}
			}
			x.compare(t, "a second Apply", root)
			if err := syscall.Stat(root+"/etc/passwd", &after); err != nil || before.Ino != after.Ino {
				t.Error("a second time the files are written anew")
			}
		})
	}
}

// TestSystemd asks systemd-sysusers what it makes of the examples.
func TestSystemd(t *testing.T) {
	tool, err := exec.LookPath("systemd-sysusers")
	if err != nil {
		t.Skip("there is no systemd-sysusers to compare with")
	}
	if os.Getuid() != 0 {
		t.Skip("systemd-sysusers needs root")
	}
	for _, x := range examples {
		if x.differs != "" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			root := x.plant(t)
			cmd := exec.Command(tool, "--root="+root)
			cmd.Env = append(os.Environ(), fmt.Sprintf("SOURCE_DATE_EPOCH=%d", today*86400+5000))
			out, _ := cmd.CombinedOutput()
			x.compare(t, "systemd-sysusers", root)
			if t.Failed() {
				t.Logf("%s", out)
			}
		})
	}
}

func TestBareRoot(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(root+"/usr/lib/sysusers.d", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/usr/lib/sysusers.d/a.conf", []byte("u root 0 - /root\nu foo 7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	Apply(root, options())
	for name, want := range map[string]string{
		"passwd": "644 root:x:0:0::/root:/bin/sh\nfoo:x:7:7::/:/usr/sbin/nologin\n", "group": "644 root:x:0:\nfoo:x:7:\n",
		"shadow": "0 root:!*:20000::::::\nfoo:!*:20000::::::\n", "gshadow": "0 root:!*::\nfoo:!*::\n",
	} {
		st, err := os.Stat(root + "/etc/" + name)
		if err != nil {
			t.Fatal(err)
		}
		mode := st.Mode().Perm()
		os.Chmod(root+"/etc/"+name, 0o600)
		b, err := os.ReadFile(root + "/etc/" + name)
		if got := fmt.Sprintf("%o %s", mode, b); got != want || err != nil {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// NIS entries stay last; lines that no program understands are kept.
func TestOddFiles(t *testing.T) {
	x := example{lines: "u foo 7\nm foo adm"}
	root := x.plant(t)
	write := func(name, text string) {
		if err := os.WriteFile(root+"/etc/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("passwd", "root:x:0:0::/:/bin/sh\n# a comment\n\n+::::::\n")
	write("group", "root:x:0:\nadm:x:4:\nbroken\n+:::")
	write("shadow", "foo:secret:1::::::\n")
	write("gshadow", "foo:old::\n")
	Apply(root, options())
	for name, want := range map[string]string{
		"passwd": "root:x:0:0::/:/bin/sh\n# a comment\n\nfoo:x:7:7::/:/usr/sbin/nologin\n+::::::\n", "group": "root:x:0:\nadm:x:4:foo\nbroken\nfoo:x:7:\n+:::\n",
		"shadow": "foo:secret:20000::::::\n", "gshadow": "foo:old::\n",
	} {
		if b, err := os.ReadFile(root + "/etc/" + name); string(b) != want {
			t.Errorf("%s: %q, %v; want %q", name, b, err, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	x := example{lines: "u foo 7\nu bar 9"}
	root, creds := x.plant(t), t.TempDir()
	for name, text := range map[string]string{"passwd.shell.foo": "/bin/zsh", "passwd.hashed-password.foo": "$y$abc\n", "passwd.plaintext-password.bar": "x", "sysusers.extra": "g extra 300\n"} {
		if err := os.WriteFile(creds+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := options()
	o.Credentials = creds
	var said string
	for _, d := range Apply(root, o) {
		said += d.String() + "\n"
	}
	if !strings.Contains(said, "Password of user 'bar' is not set: only passwd.hashed-password.bar can be used.\n") {
		t.Error(said)
	}
	for name, want := range map[string]string{"passwd": "foo:x:7:7::/:/bin/zsh\n", "shadow": "foo:$y$abc:20000::::::\nbar:!*:20000::::::\n", "group": "extra:x:300:\n"} {
		if b, _ := os.ReadFile(root + "/etc/" + name); !strings.Contains(string(b), want) {
			t.Errorf("%s: %q lacks %q", name, b, want)
		}
	}
}

// Somebody else holds the lock.
func TestLocked(t *testing.T) {
	x := example{lines: "u foo 7"}
	root := x.plant(t)
	if err := os.WriteFile(root+"/etc/.pwd.lock", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A lock is a process's: another one holds it until its input ends.
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), "SYSUSERS_TEST_LOCK="+root+"/etc/.pwd.lock")
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Wait()
	if b := make([]byte, 1); true {
		if _, err := out.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	list := Apply(root, options())
	if len(list) == 0 || list[len(list)-1].String() != "Failed to take /etc/passwd lock: Resource temporarily unavailable" {
		t.Errorf("%v", list)
	}
	if b, _ := os.ReadFile(root + "/etc/passwd"); string(b) != basePasswd {
		t.Error("written without the lock")
	}
	in.Close()
	o := options()
	o.Wait = time.Minute
	Apply(root, o)
	if b, _ := os.ReadFile(root + "/etc/passwd"); string(b) == basePasswd {
		t.Error("not written when the lock became free")
	}
}

func TestMain(m *testing.M) {
	if p := os.Getenv("SYSUSERS_TEST_LOCK"); p != "" {
		f, err := os.OpenFile(p, os.O_WRONLY, 0)
		if err == nil {
			err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		}
		if err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("x")
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// On a read-only root only what is missing is an error.
func TestReadOnly(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making mounts needs root")
	}
	for _, c := range []struct{ lines, want string }{{"u mail 8\ng adm 4", ""}, {"u foo 7", "Failed to take /etc/passwd lock: Read-only file system"}} {
		x := example{lines: c.lines}
		root := x.plant(t)
		if err := unix.Mount(root, root, "", unix.MS_BIND, ""); err != nil {
			t.Skipf("no mounts can be made here: %v", err)
		}
		err := unix.Mount("", root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
		var said string
		if err == nil {
			for _, d := range Apply(root, options()) {
				if d.Severity == unit.Error {
					said += d.String()
				}
			}
		}
		unix.Unmount(root, unix.MNT_DETACH)
		if err != nil {
			t.Skipf("no mounts can be changed here: %v", err)
		}
		if said != c.want {
			t.Errorf("%q: %q, want %q", c.lines, said, c.want)
		}
	}
}

// A container engine mounts its own /etc/passwd.
func TestMountPoint(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("making mounts needs root")
	}
	x := example{lines: "u foo 7"}
	root := x.plant(t)
	if err := unix.Mount(root+"/etc/passwd", root+"/etc/passwd", "", unix.MS_BIND, ""); err != nil {
		t.Skipf("no mounts can be made here: %v", err)
	}
	list := Apply(root, options())
	unix.Unmount(root+"/etc/passwd", unix.MNT_DETACH)
	if b, _ := os.ReadFile(root + "/etc/passwd"); string(b) != basePasswd+"foo:x:7:7::/:/usr/sbin/nologin\n" {
		t.Errorf("%q", b)
	}
	if said := fmt.Sprint(list); !strings.Contains(said, "/etc/passwd is a mount point, it is written in place.") {
		t.Error(said)
	}
}
