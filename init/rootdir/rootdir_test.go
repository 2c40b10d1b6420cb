package rootdir

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"a/b", "etc"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"abs": "/a", "rel": "a/b", "up": "../../../a", "a/b/up": "../../..", "loop": "loop", "dangling": "/nowhere/x", "chain": "abs/b/up/etc"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, c := range []struct {
		path string
		way  Way
		want string // below dir, or the error
	}{
		{"/", 0, ""}, {"", 0, ""}, {"/a/b", 0, "/a/b"}, {"/a/./b//", 0, "/a/b"}, {"/abs/b", 0, "/a/b"}, {"/rel", 0, "/a/b"}, {"/up", 0, "/a"}, {"/a/b/up/etc", 0, "/etc"},
		{"/../../a", 0, "/a"}, {"/chain", 0, "/etc"}, {"/abs", NoFollow, "/abs"}, {"/abs/", NoFollow, "/abs"}, {"/loop", 0, "too many levels of symbolic links"}, {"/loop", NoFollow, "/loop"},
		{"/dangling", 0, "no such file or directory"}, {"/new/x", 0, "no such file or directory"}, {"/new/x", Make, "/new/x"}, {"/dangling", Make, "/nowhere/x"},
	} {
		fd, err := r.Walk(c.path, c.way)
		if err != nil {
			if err.Error() != c.want {
				t.Errorf("%s: %v, want %s", c.path, err, c.want)
			}
			continue
		}
		got, err := os.Readlink(ProcPath(fd))
		unix.Close(fd)
		if err != nil {
			t.Fatal(err)
		}
		if got = strings.TrimPrefix(got, dir); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
}

func TestUnsafe(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("giving files to others needs root")
	}
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/user", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/user/root", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir+"/user", 33, 33); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fd, err := r.Walk("/user/root", 0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	if _, err := r.Walk("/user/root", Safe); !IsUnsafe(err) || err.Error() != "Detected unsafe path transition /user -> /user/root on the way to /user/root" {
		t.Errorf("%v", err)
	}
	if _, err := r.Walk("/user/root", Safe|NoFollow); !IsUnsafe(err) {
		t.Errorf("%v", err)
	}
}

// No descriptor is left open, whatever the way ends in.
func TestDescriptors(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(dir+"/a", 0o755)
	os.Symlink("/a", dir+"/l")
	os.Symlink("x", dir+"/x")
	os.WriteFile(dir+"/f", []byte("text"), 0o644)
	syscall.Mkfifo(dir+"/p", 0o644)
	count := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skipf("no /proc to count descriptors in: %v", err)
		}
		return len(names)
	}
	before := count()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"/a", "/l", "/x", "/none/x", "/f/x", "/f", "/p", "/../a"} {
		for way := range Way(8) {
			if fd, err := r.Walk(p, way); err == nil {
				unix.Close(fd)
			}
		}
		r.ReadFile(p, 2)
	}
	r.Close()
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(dir+"/f", []byte("text"), 0o644)
	syscall.Mkfifo(dir+"/p", 0o644)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, c := range []struct {
		path  string
		limit int64
		want  string
	}{{"/f", 4, "text"}, {"/f", 3, "read /f: file too large"}, {"/p", 9, "read /p: invalid argument"}, {"/", 9, "read /: invalid argument"}, {"/n", 9, "open /n: no such file or directory"}} {
		b, err := r.ReadFile(c.path, c.limit)
		got := string(b)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.path, got, c.want)
		}
	}
}

func TestWord(t *testing.T) {
	for _, c := range []struct {
		line, want string // words between "|", or the error
	}{
		{"a b", "a|b"}, {`  "a b" c'd'e `, "a b|cde"}, {`a\ b \"`, `a b|"`}, {`"a\"b"`, `a"b`}, {`''`, ""}, {`"a`, "Invalid argument"}, {`a\`, "Invalid argument"}, {"", ""}, {"a\tb\nc", "a|b|c"},
	} {
		var words []string
		rest := c.line
		for {
			w, r, ok, err := Word(rest)
			if err != nil {
				words = []string{err.Error()}
			}
			if err != nil || !ok {
				break
			}
			words, rest = append(words, w), r
		}
		if got := strings.Join(words, "|"); got != c.want {
			t.Errorf("%q: %s, want %s", c.line, got, c.want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"plain", "plain"}, {`a\tb\n`, "a\tb\n"}, {`\x41\101\u00e4\U0001F600`, "AA\u00e4\U0001F600"}, {`\s\"\'\\`, ` "'\`}, {`\`, "!"}, {`\q`, "!"}, {`\x4`, "!"}, {`\x00`, "!"}, {`\400`, "!"}, {`\ud800`, "!"}, {`\UFFFFFFFF`, "!"},
	} {
		got, err := Unescape(c.text)
		if err != nil {
			got = "!"
		}
		if got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestExpand(t *testing.T) {
	h := unit.DefaultHost()
	h.Hostname = "box.example"
	for _, c := range []struct{ text, want string }{
		{"%H/%l/%t%%x", "box.example/box/run%x"}, {"%", "%"}, {"%-a", "%-a"}, {"%Q", "Invalid slot"}, {"%1", "Invalid slot"}, {"%m", "uninitialized /etc/ detected"}, {"%o", "uninitialized /etc/ detected"},
	} {
		got, err := Expand(c.text, &h)
		if err != nil {
			got = err.Error()
		}
		if strings.ReplaceAll(got, "//", "/") != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestAccounts(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(dir+"/etc", 0o755)
	os.WriteFile(dir+"/etc/passwd", []byte("www:x:33:33::/:\nbroken\nbad:x:y:1::/:\nwww:x:34:34::/:\nlast:x:7:7::/:"), 0o644)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	a := r.Accounts()
	for _, c := range []struct {
		name string
		id   uint32
		ok   bool
	}{{"www", 33, true}, {"root", 0, true}, {"last", 7, true}, {"bad", 0, false}, {"none", 0, false}, {"1000", 1000, true}, {"01", 0, false}, {"65535", 0, false}, {"4294967295", 0, false}, {"4294967296", 0, false}, {"", 0, false}} {
		if id, ok := a.User(c.name); id != c.id || ok != c.ok {
			t.Errorf("%q: %d, %v", c.name, id, ok)
		}
	}
	if id, ok := a.Group("root"); id != 0 || !ok {
		t.Error("no group root")
	}
}
