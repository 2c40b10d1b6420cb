package tmpfiles

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"keelson/supervise/unit"
)

// A case is a tree, the lines of a drop-in and what the tree is then. A tree is a file a line: "d /a", "d /a 1777", "f /a 0600 7:8 content", "l /a target", "p /a".
// The configuration, /etc/passwd and /etc/group are not shown.
type example struct {
	name, before, lines, after string
	diagnostics                string // those of ours, without the file
	options                    Options
	differs                    string // why systemd-tmpfiles makes something else of it
}

const accounts = `f /etc/passwd 0644 0:0 root:x:0:0::/root:/bin/sh\nmail:x:8:8::/:/bin/false\nwww:x:33:33::/:/bin/false\n
f /etc/group 0644 0:0 root:x:0:\nadm:x:4:\nwww:x:33:\n`

var examples = []example{
	{name: "folders", before: "d /srv\nd /srv/old 0700 33:33", lines: "d /run/a/b 0750 mail adm -\nd /srv/old 0755 root root\nD /srv/d\nv /srv/v 0700\nq /srv/q\nQ /srv/Q - www",
		after: "d /run 0755 0:0\nd /run/a 0755 0:0\nd /run/a/b 0750 8:4\nd /srv 0755 0:0\nd /srv/Q 0755 33:0\nd /srv/d 0755 0:0\nd /srv/old 0755 0:0\nd /srv/q 0755 0:0\nd /srv/v 0700 0:0"},
	{name: "without a mode what is there stays", before: "d /a 0711 33:33\nf /b 0600 33:33 x", lines: "d /a\nf /b\nf /c", after: "d /a 0711 33:33\nf /b 0600 33:33 x\nf /c 0644 0:0"},
	{name: "not a folder", before: "f /a 0644 0:0 x", lines: "d /a 0700", after: "f /a 0644 0:0 x", diagnostics: "1: \"/a\" already exists and is not a directory."},
	{name: "files", before: "f /there 0600 0:0 old\nf /trunc 0600 0:0 old\nf /plus 0600 0:0 old\nl /link /there", lines: "f /there 0644 - - - new\nF /trunc - - - - new\\x41\\n\nf+ /plus 0640 www - - \nf /new 0640 mail www - a\\tb %%\nf /link - - - - x",
		after:       "l /link /there\nf /new 0640 8:33 a\\tb %\nf /plus 0640 33:0\nf /there 0644 0:0 old\nf /trunc 0600 0:0 newA\\n",
		diagnostics: "5: /link exists and is not a regular file."},
	{name: "write", before: "f /a 0600 0:0 abcdef\nf /b 0600 0:0 abc\nf /c 0600 0:0\nl /l c", lines: "w /a 0644 - - - xy\nw+ /b - - - - 1\nw+ /b - - - - 2\nw /missing - - - - x\nw /l - - - - through\nw /[a - - - - x",
		after: "f /a 0644 0:0 xycdef\nf /b 0600 0:0 abc12\nf /c 0600 0:0 through\nl /l c"},
	{name: "links", before: "l /wrong x\nf /file 0644 0:0\nd /full\nf /full/x 0644 0:0\nd /usr/share/factory/etc", lines: "L /a - - - - ../b\nL /wrong - - - - y\nL /file - - - - y\nL+ /full - - - - /new\nL /etc/def\nL+ /wrong2/deep - www - - %%",
		after: "l /a ../b\nl /etc/def /usr/share/factory/etc/def\nf /file 0644 0:0\nl /full /new\nd /usr 0755 0:0\nd /usr/share 0755 0:0\nd /usr/share/factory 0755 0:0\nd /usr/share/factory/etc 0755 0:0\nl /wrong x\nd /wrong2 0755 0:0\nl /wrong2/deep % 33:0"},
	{name: "L+ replaces links and files", before: "l /wrong x\nf /file 0644 0:0", lines: "L+ /wrong - - - - y\nL+ /file - - - - y", after: "l /file y\nl /wrong y"},
	{name: "pipes", before: "p /a 0600\nf /b 0644 0:0\nf /c 0644 0:0", lines: "p /a 0644\np /b\np+ /c 0640\np /d 0600 mail", after: "p /a 0644 0:0\nf /b 0644 0:0\np /c 0640 0:0\np /d 0600 8:0", diagnostics: "2: \"/b\" already exists and is not a FIFO."},
	{name: "copies", before: "d /src 0750 33:33\nf /src/f 0640 33:33 text\nl /src/l f\nd /src/sub 0700\nf /src/sub/g 0600 0:0 g\nd /full\nf /full/x 0644 0:0\nd /empty 0700\nf /f 0600 0:0 kept", lines: "C /new - - - - /src\nC /owned - mail adm - /src\nC /full - - - - /src\nC /empty 0755 - - - /src\nC /f - - - - /src/f\nC /g - - - - /src/f\nC /none - - - - /missing\nC /rel - - - - src",
		after: "d /empty 0755 0:0\nf /empty/f 0640 33:33 text\nl /empty/l f\nd /empty/sub 0700 0:0\nf /empty/sub/g 0600 0:0 g\nf /f 0600 0:0 kept\nd /full 0755 0:0\nf /full/x 0644 0:0\nf /g 0640 33:33 text\nd /new 0750 33:33\nf /new/f 0640 33:33 text\nl /new/l f\nd /new/sub 0700 0:0\nf /new/sub/g 0600 0:0 g\n" +
			"d /owned 0750 8:4\nf /owned/f 0640 8:4 text\nl /owned/l f 8:4\nd /owned/sub 0700 8:4\nf /owned/sub/g 0600 8:4 g\nd /src 0750 33:33\nf /src/f 0640 33:33 text\nl /src/l f\nd /src/sub 0700 0:0\nf /src/sub/g 0600 0:0 g", diagnostics: "8: Source path 'src' is not absolute."},
	{name: "adjusting", before: "d /a 0755\nf /a/x 0755 0:0\nf /a/y 0600 0:0\nd /a/d 0700\nf /a/d/z 0644 0:0\nl /a/l /a/x\nf /b1 0644 0:0\nf /b2 0644 0:0\nf /c 0644 0:0", lines: "Z /a ~2775 mail www\nz /b[12] 0600 www\nm /c 0640\ne /a/d 0711",
		after: "d /a 2775 8:33\nd /a/d 0711 8:33\nf /a/d/z 0664 8:33\nl /a/l /a/x 8:33\nf /a/x 0775 8:33\nf /a/y 0664 8:33\nf /b1 0600 33:0\nf /b2 0600 33:0\nf /c 0640 0:0", differs: "e and Z are for different paths and come in the order of a hash table"},
	{name: "only what is new", before: "d /a 0711 33:33", lines: "d /a :0700 :mail :adm\nd /b :0700 :mail :adm\nd /c :~0755 mail :www", after: "d /a 0711 33:33\nd /b 0700 8:4\nd /c 0755 8:33"},
	{name: "existing folders only", before: "d /a1\nd /a2\nf /a3 0644 0:0\nl /a4 a1", lines: "e /a? 0700 mail - 10d", after: "d /a1 0700 8:0\nd /a2 0700 8:0\nf /a3 0644 0:0\nl /a4 a1", diagnostics: "1: '/a3' already exists and is not a directory."},
	{name: "removing", before: "d /a\nf /a/x 0644 0:0\nd /b\nf /b/x 0644 0:0\nd /e\nf /f 0644 0:0\nl /l /a\nd /D\nd /D/sub\nf /D/sub/x 0644 0:0\nf /g1 0644 0:0\nf /g2 0644 0:0", lines: "r /a\nR /b\nr /e\nr /f\nR /l\nD /D 0700\nr /g*\nr /none\nR /none2",
		after: "d /D 0700 0:0\nd /a 0755 0:0\nf /a/x 0644 0:0", options: Options{Remove: true}, diagnostics: "1: rm(/a): Directory not empty"},
	{name: "removed first, then made", before: "d /a\nf /a/old 0644 0:0", lines: "R /a\nd /a 0700\nf /a/new", after: "d /a 0700 0:0\nf /a/new 0644 0:0", options: Options{Remove: true}},
	{name: "at boot only", lines: "d! /a\nr! /b\nd /c", before: "f /b 0644 0:0", after: "f /b 0644 0:0\nd /c 0755 0:0", options: Options{Remove: true}},
	{name: "at boot too", lines: "d! /a\nr! /b", before: "f /b 0644 0:0", after: "d /a 0755 0:0", options: Options{Remove: true, Boot: true}},
	{name: "the wrong type replaced", before: "f /a 0644 0:0\nd /b\nf /b/x 0644 0:0\nl /c /nowhere\nf /d 0644 0:0", lines: "d= /a/sub\nf= /b - - - - x\np= /c\nL= /d - - - - t", after: "d /a 0755 0:0\nd /a/sub 0755 0:0\nf /b 0644 0:0 x\np /c 0644 0:0\nl /d t"},
	{name: "base64", lines: "f~ /a - - - - SGVsbG8K\nf~ /b - - - - !!\nL~ /c - - - - x", after: "f /a 0644 0:0 Hello\\n", diagnostics: "2: Failed to base64 decode specified argument '!!'; 3: base64 decoding not supported for symlink targets."},
	{name: "quotes", lines: "\"d\" \"/a b\" 0700\nd '/c\\'\nf /e\\ f - - - - \"quoted text\"  \nd /g%%h", after: "d /a b 0700 0:0\nf /e f 0644 0:0 \"quoted text\"\nd /g%h 0755 0:0", diagnostics: "2: Failed to parse line: Invalid argument"},
	{name: "bad lines", lines: "d\nzz /a\ny /a\nd relative\nd /a 0999\nd /b 0755 nobody99\nd /c 0755 - nogroup99\nd /d - - - tomorrow\nw /e\nc /f\nc /f - - - - 1\nd++ /g\nd /ok%Q\nd /run/x 77777\nh /a - - - - +Y\nd /age - - - x:1d\n  # comment\n\nd /fine",
		after: "d /fine 0755 0:0", diagnostics: "1: Syntax error.; 2: Unknown modifiers in command 'zz'; 3: Unknown command type 'y'.; 4: Path 'relative' not absolute.; 5: Invalid mode '0999'.; 6: Failed to resolve user 'nobody99': No such process; 7: Failed to resolve group 'nogroup99'.; 8: Invalid age 'tomorrow'.; 9: Write file requires argument.; 10: Device file requires argument.; 11: Can't parse device file major/minor '1'.; 12: Unknown modifiers in command 'd++'; 13: Failed to replace specifiers in '/ok%Q': Invalid slot; 14: Invalid mode '77777'.; 15: Unknown file attribute 'Y' on '/a'.; 16: Invalid age-by 'x'."},
	{name: "the first of two", lines: "d /a 0700\nd /a 0755\nz /a 0711\nd /b 0700 - - 1d\nd /b 0700 - - 1d", after: "d /a 0711 0:0\nd /b 0700 0:0", diagnostics: "2: Duplicate line for path \"/a\", ignoring."},
	{name: "parents before children", lines: "d /a/b/c 0711 mail\nd /a 0700 - adm\nd /a/b 0750 mail", after: "d /a 0700 0:4\nd /a/b 0750 8:0\nd /a/b/c 0711 8:0"},
	{name: "/var/run", lines: "d /var/run/x 0700", after: "d /run 0755 0:0\nd /run/x 0700 0:0", diagnostics: "1: Line references path below legacy directory /var/run/, updating /var/run/x -> /run/x; please update the tmpfiles.d/ drop-in file accordingly."},
	{name: "unsafe", before: "d /u 0755 33:33\nl /u/l /etc 33:33\nd /u/d 0755 0:0\nf /u/f 0644 8:8 x", lines: "d /u/l/x\nd /u/d/x\nf /u/f 0600 mail\nd /u/own 0755 www\nd /u/own/x 0755 www",
		after:       "d /u 0755 33:33\nd /u/d 0755 0:0\nf /u/f 0600 8:8 x\nl /u/l /etc 33:33\nd /u/own 0755 33:0\nd /u/own/x 0755 33:0",
		diagnostics: "1: Detected unsafe path transition /u/l -> / on the way to /u/l; 2: Detected unsafe path transition /u -> /u/d on the way to /u/d"},
	{name: "links in the root", before: "l /abs /real\nd /real\nl /up ../../real", lines: "d /abs/x\nd /up/y\nf /abs/f", after: "l /abs /real\nd /real 0755 0:0\nf /real/f 0644 0:0\nd /real/x 0755 0:0\nd /real/y 0755 0:0\nl /up ../../real", differs: "mkdir_parents leaves the root there"},
	{name: "dots", lines: "d /a/../b\nd /a//c/./d/", after: "d /a 0755 0:0\nd /a/c 0755 0:0\nd /a/c/d 0755 0:0", diagnostics: "1: Failed to open parent of '/a/../b': path not normalized.", differs: "mkdir_parents comes first there"},
	{name: "may fail", before: "f /a 0644 0:0", lines: "d- /a/b\nf- /a/c", after: "f /a 0644 0:0"},
	{name: "patterns", before: "f /.hidden 0644 0:0\nf /aa 0644 0:0\nf /ab 0644 0:0\nf /ac 0644 0:0\nf /{x} 0644 0:0\nd /d1\nf /d1/e 0644 0:0\nd /d2\nf /d2/e 0644 0:0", lines: "z /* 0600\nz /a[!bc] 0640\nz /{ab,ac} 0604\nz /d?/e 0666", after: "f /.hidden 0644 0:0\nf /aa 0640 0:0\nf /ab 0604 0:0\nf /ac 0604 0:0\nd /d1 0600 0:0\nf /d1/e 0666 0:0\nd /d2 0600 0:0\nf /d2/e 0666 0:0\nf /{x} 0600 0:0"},
	{name: "prefixes", lines: "d /a/x\nd /b/x\nd /c", after: "d /a 0755 0:0\nd /a/x 0755 0:0", options: Options{Prefixes: []string{"/a", "/b/"}, Exclude: []string{"/b"}}},
	{name: "devices", lines: "c /null 0666 - - - 1:3\nb /loop 0660 - adm - 7:0\nc /file 0600 - - - 1:3", before: "f /file 0644 0:0", after: "f /file 0644 0:0\nb /loop 0660 0:4 7:0\nc /null 0666 0:0 1:3", diagnostics: "3: \"/file\" already exists and is not a device node."},
	{name: "accepted", before: "d /a", lines: "x /tmp/x\nX /tmp/y\nh /a - - - - +C\nH /none - - - - =\na /none - - - - u:root:rwx\na /a - - - - x:y:z", after: "d /a 0755 0:0", diagnostics: "6: Failed to parse ACL \"x:y:z\": Invalid argument. Ignoring"},
	{name: "access control lists", before: "d /a 0750\nf /a/f 0640 0:0\nl /a/l f\nd /b 0750\nd /c 0750\nf /f 0604 0:0\nf /g 0640 0:0", lines: "A+ /a - - - - u:mail:rwx,d:g:adm:r-x,default:group::r-x\na /b - - - - u::rwx,g::r-x,o::---,g:33:rw,d:u:33:rwx\na+ /c - - - - m::r-x,g:adm:rwx\na /f - - - - g:adm:r\na+ /g - - - - o::r\na+ /g - - - - u:33:r",
		after: "d /a 0770 0:0 access=u::7,u:8:7,g::5,m:7,o:0 default=u::7,g::5,g:4:5,m:5,o:0\nf /a/f 0670 0:0 access=u::6,u:8:7,g::4,m:7,o:0\nl /a/l f\nd /b 0770 0:0 access=u::7,g::5,g:33:6,m:7,o:0 default=u::7,u:33:7,g::7,m:7,o:0\nd /c 0750 0:0 access=u::7,g::5,g:4:7,m:5,o:0\nf /f 0644 0:0 access=u::6,g::0,g:4:4,m:4,o:4\nf /g 0644 0:0 access=u::6,u:33:4,g::4,m:4,o:4"},
}

func host() unit.Host {
	h := unit.DefaultHost()
	h.Architecture, h.Hostname, h.Kernel = "x86-64", "box.example", "6.1"
	return h
}

func unescape(s string) string {
	s, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		panic(err)
	}
	return s
}

// plant makes a tree.
func plant(t testing.TB, root, tree string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.SplitSeq(tree, "\n") {
		if line == "" {
			continue
		}
		f := strings.SplitN(line, " ", 5)
		for len(f) < 5 {
			f = append(f, "")
		}
		p, mode, owner := root+f[1], os.FileMode(0o755), "0:0"
		if m, err := strconv.ParseUint(f[2], 8, 32); err == nil {
			mode = fs.FileMode(m)
		}
		if f[3] != "" {
			owner = f[3]
		}
		check(os.MkdirAll(filepath.Dir(p), 0o755))
		switch f[0] {
		case "d":
			check(os.MkdirAll(p, 0o755))
		case "f":
			check(os.WriteFile(p, []byte(unescape(f[4])), 0o644))
		case "p":
			check(syscall.Mkfifo(p, 0o644))
		case "l":
			check(os.Symlink(f[2], p))
		}
		u, g, _ := strings.Cut(owner, ":")
		uid, err := strconv.Atoi(u)
		check(err)
		gid, err := strconv.Atoi(g)
		check(err)
		check(os.Lchown(p, uid, gid))
		if f[0] != "l" {
			check(syscall.Chmod(p, uint32(mode)))
		}
	}
}

// show is a tree as plant reads it, but for the configuration.
func show(t testing.TB, root string) string {
	t.Helper()
	var lines []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		in := strings.TrimPrefix(p, root)
		if in == "" || in == "/etc" || in == "/etc/passwd" || in == "/etc/group" {
			return nil
		}
		if in == "/etc/tmpfiles.d" {
			return fs.SkipDir
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(p, &st); err != nil {
			return err
		}
		owner := fmt.Sprintf("%d:%d", st.Uid, st.Gid)
		line := fmt.Sprintf("%s %04o %s", in, st.Mode&0o7777, owner)
		switch st.Mode & syscall.S_IFMT {
		case syscall.S_IFDIR:
			line = "d " + line
		case syscall.S_IFIFO:
			line = "p " + line
		case syscall.S_IFCHR, syscall.S_IFBLK:
			line = fmt.Sprintf("%c %s %d:%d", map[bool]rune{true: 'c', false: 'b'}[st.Mode&syscall.S_IFMT == syscall.S_IFCHR], line, st.Rdev>>8&0xfff, st.Rdev&0xff)
		case syscall.S_IFLNK:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			if line = "l " + in + " " + target; owner != "0:0" {
				line += " " + owner
			}
		default:
			b, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if line = "f " + line; len(b) > 0 {
				q := strconv.Quote(string(b))
				line += " " + strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
			}
		}
		if st.Mode&syscall.S_IFMT != syscall.S_IFLNK {
			line += lists(t, p)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// lists are a file's access control lists: " access=u::7,g:4:5".
func lists(t testing.TB, p string) (s string) {
	tags := map[uint16]string{aclUserObj: "u:", aclUser: "u", aclGroupObj: "g:", aclGroup: "g", aclMask: "m", aclOther: "o"}
	for _, name := range []string{aclAccess, aclDefault} {
		l, err := readACL(p, name)
		if err != nil || l == nil {
			continue
		}
		var entries []string
		for _, a := range l {
			e := tags[a.tag]
			if a.id != aclNone {
				e += fmt.Sprintf(":%d", a.id)
			}
			entries = append(entries, fmt.Sprintf("%s:%d", e, a.perm))
		}
		s += " " + strings.TrimPrefix(name, "system.posix_acl_") + "=" + strings.Join(entries, ",")
	}
	return s
}

func (x *example) plant(t testing.TB) string {
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	plant(t, root, accounts)
	plant(t, root, x.before)
	if err := os.MkdirAll(root+"/etc/tmpfiles.d", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root+"/etc/tmpfiles.d/test.conf", []byte(x.lines), 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

// skip is for examples that not every place can do.
func skip(t *testing.T, name string) {
	if name == "devices" && !mayMknod() {
		t.Skip("making devices needs CAP_MKNOD")
	}
	if name == "access control lists" {
		if err := syscall.Setxattr(t.TempDir(), aclAccess, acl{}.based(0o755).bytes(), 0); err != nil {
			t.Skipf("the file system has no access control lists: %v", err)
		}
	}
}

func root(t testing.TB) {
	if os.Getuid() != 0 {
		t.Skip("giving files to others needs root")
	}
}

func TestApply(t *testing.T) {
	root(t)
	for _, x := range examples {
		t.Run(x.name, func(t *testing.T) {
			skip(t, x.name)
			dir := x.plant(t)
			o := x.options
			o.Create, o.Host = true, host()
			var said []string
			umask := syscall.Umask(0o77) // which has no part in anything
			list := Apply(dir, o)
			syscall.Umask(umask)
			for _, d := range list {
				said = append(said, strings.TrimPrefix(d.String(), "/etc/tmpfiles.d/test.conf:"))
			}
			if got := show(t, dir); got != x.after {
				t.Errorf("got\n%s\nwant\n%s", got, x.after)
			}
			if got := strings.Join(said, "; "); got != x.diagnostics {
				t.Errorf("it says %s\nwant    %s", got, x.diagnostics)
			}
			if o.Remove || strings.Contains(x.lines, "w") {
				return
			}
			// A second time changes nothing.
			before := show(t, dir)
			Apply(dir, o)
			if got := show(t, dir); got != before {
				t.Errorf("a second time it becomes\n%s", got)
			}
		})
	}
}

// TestSystemd asks systemd-tmpfiles what it makes of the examples.
func TestSystemd(t *testing.T) {
	root(t)
	tool, err := exec.LookPath("systemd-tmpfiles")
	if err != nil {
		t.Skip("there is no systemd-tmpfiles to compare with")
	}
	for _, x := range examples {
		if x.differs != "" {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			skip(t, x.name)
			dir := x.plant(t)
			args := []string{"--create", "--root=" + dir}
			if x.options.Remove {
				args = append(args, "--remove")
			}
			if x.options.Boot {
				args = append(args, "--boot")
			}
			for _, p := range x.options.Prefixes {
				args = append(args, "--prefix="+p)
			}
			for _, p := range x.options.Exclude {
				args = append(args, "--exclude-prefix="+p)
			}
			out, _ := exec.Command(tool, args...).CombinedOutput()
			if got := show(t, dir); got != x.after {
				t.Errorf("systemd-tmpfiles makes\n%s\nwant\n%s\n%s", got, x.after, out)
			}
		})
	}
}

// Drop-ins of one name mask each other, and come in the order of their names.
func TestDropIns(t *testing.T) {
	dir := t.TempDir()
	write := func(p, text string) {
		if err := os.MkdirAll(filepath.Dir(dir+p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("/usr/lib/tmpfiles.d/50-a.conf", "f /a - - - - usr")
	write("/etc/tmpfiles.d/50-a.conf", "f /a - - - - etc")
	write("/usr/lib/tmpfiles.d/60-b.conf", "f /b - - - - late")
	write("/run/tmpfiles.d/10-b.conf", "f /b - - - - early")
	write("/usr/lib/tmpfiles.d/70-c.conf", "f /c")
	write("/etc/tmpfiles.d/70-c.conf", "")
	write("/usr/lib/tmpfiles.d/80-d.conf", "f /d")
	write("/usr/lib/tmpfiles.d/no-suffix", "f /e")
	if err := os.Symlink("/dev/null", dir+"/run/tmpfiles.d/80-d.conf"); err != nil {
		t.Fatal(err)
	}
	list := Apply(dir, Options{Create: true, Host: host()})
	var said []string
	for _, d := range list {
		said = append(said, d.String())
	}
	if got := strings.Join(said, "; "); got != `/usr/lib/tmpfiles.d/60-b.conf:1: Duplicate line for path "/b", ignoring.` {
		t.Error(got)
	}
	for name, want := range map[string]string{"/a": "etc", "/b": "early"} {
		if b, err := os.ReadFile(dir + name); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v; want %q", name, b, err, want)
		}
	}
	for _, name := range []string{"/c", "/d", "/e"} {
		if _, err := os.Lstat(dir + name); err == nil {
			t.Errorf("%s was made, although its drop-in is masked or none", name)
		}
	}
	if list := Apply(dir, Options{Create: true, Host: host(), Files: []string{"70-c.conf", "/usr/lib/tmpfiles.d/80-d.conf", "none.conf"}}); len(list) != 1 || list[0].String() != "Failed to open 'none.conf': No such file or directory" {
		t.Errorf("%v", list)
	}
	if _, err := os.Lstat(dir + "/d"); err != nil {
		t.Error("a drop-in that was asked for was not read")
	}
}

func TestSpecifiers(t *testing.T) {
	dir := t.TempDir()
	h := host()
	h.MachineID, h.OSRelease, h.OSID = "", true, "debian"
	plant(t, dir, "f /etc/tmpfiles.d/a.conf 0644 "+fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())+` d %t/%a-%H-%l-%v-%o\nd /x%m\nf /f - - - - %S\\x25T\nd %\nd /%-`)
	list := Apply(dir, Options{Create: true, Host: h})
	if len(list) != 1 || list[0].String() != "/etc/tmpfiles.d/a.conf:4: Path '%' not absolute." {
		t.Errorf("%v", list)
	}
	for _, p := range []string{"/run/x86-64-box.example-box-6.1-debian", "/%-"} {
		if _, err := os.Lstat(dir + p); err != nil {
			t.Error(err)
		}
	}
	if b, _ := os.ReadFile(dir + "/f"); string(b) != "/var/lib/tmp" {
		t.Errorf("%q", b)
	}
}

func TestCredentials(t *testing.T) {
	dir, creds := t.TempDir(), t.TempDir()
	owner := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	plant(t, dir, "f /etc/tmpfiles.d/a.conf 0644 "+owner+` f^ /secret 0600 - - - the.key\nf^ /none - - - - other\nf^ /bad - - - - a/b`)
	plant(t, creds, "f /the.key 0600 "+owner+" s3cret\nf /tmpfiles.extra 0600 "+owner+" f /extra")
	list := Apply(dir, Options{Create: true, Host: host(), Credentials: creds})
	if len(list) != 1 || list[0].Text != "Credential name not valid: a/b" || !list[0].Invalid {
		t.Errorf("%v", list)
	}
	if b, _ := os.ReadFile(dir + "/secret"); string(b) != "s3cret" {
		t.Errorf("%q", b)
	}
	if _, err := os.Lstat(dir + "/none"); err == nil {
		t.Error("a file was made of a credential that there is not")
	}
	if _, err := os.Lstat(dir + "/extra"); err != nil {
		t.Error(err)
	}
}

// A root that is not there is one remark.
func TestNoRoot(t *testing.T) {
	if list := Apply(t.TempDir()+"/none", Options{Create: true}); len(list) != 1 || list[0].Severity != unit.Error {
		t.Errorf("%v", list)
	}
}
