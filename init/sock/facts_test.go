package sock

import (
	"io/fs"
	"os"
	"reflect"
	"syscall"
	"testing"

	"keelson/supervise/unit"
)

func TestFacts(t *testing.T) {
	dir := t.TempDir()
	for _, line := range []string{
		"mkdir empty", "mkdir hidden", "write hidden/.x 1", "write hidden/a~ 1", "write hidden/b.dpkg-old 1", "mkdir hidden/lost+found", "mkdir full",
		"write full/x 1", "ln nowhere dangling", "ln full link", "mkdir g/1", "mkdir g/2", "write g/2/x.conf 1", "write g/2/.h.conf 1",
	} {
		do(t, dir, line)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind unit.PathKind
		path string
		by   string // what made it good, "" if it is not
	}{
		{unit.PathExists, "full/x", "full/x"},
		{unit.PathExists, "none", ""},
		{unit.PathExists, "dangling", ""},
		{unit.PathExists, "full/x/y", ""},
		{unit.PathChanged, "full", "full"},
		{unit.PathChanged, "none", ""},
		{unit.PathModified, "link/x", "link/x"},
		{unit.DirectoryNotEmpty, "full", "full"},
		{unit.DirectoryNotEmpty, "link", "link"},
		{unit.DirectoryNotEmpty, "empty", ""},
		{unit.DirectoryNotEmpty, "hidden", ""},
		{unit.DirectoryNotEmpty, "none", ""},
		{unit.DirectoryNotEmpty, "full/x", ""},
		{unit.DirectoryNotEmpty, "fifo", ""}, // and nobody waits for its other end
		{unit.PathExistsGlob, "g/*/*.conf", "g/2/x.conf"},
		{unit.PathExistsGlob, "g/*/.*.conf", "g/2/.h.conf"},
		{unit.PathExistsGlob, "g/{1,2}/{y,x}.conf", "g/2/x.conf"},
		{unit.PathExistsGlob, "g/[!1]", "g/2"},
		{unit.PathExistsGlob, "g/[3-9]", ""},
		{unit.PathExistsGlob, "full/x", "full/x"},
		{unit.PathExistsGlob, "dangl*", "dangling"}, // glob(3) does not follow
		{unit.PathExistsGlob, "fifo/*", ""},
		{unit.PathExistsGlob, "none/*", ""},
	} {
		good, paths := Facts([]unit.PathSpec{{Kind: tt.kind, Path: dir + "/" + tt.path}})
		want := ""
		if tt.by != "" {
			want = dir + "/" + tt.by
		}
		if good[0] != (tt.by != "") || paths[0] != want {
			t.Errorf("%s=%s: %v by %q, want %q", tt.kind, tt.path, good[0], paths[0], want)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abb", false}, {"a*b*c", "aXbYbZc", true},
		{"?", "ä", true}, {"??", "ä", false}, {"[ab]", "b", true}, {"[!ab]", "b", false}, {"[^ab]", "c", true}, {"[a-c]x", "bx", true},
		{"[]]", "]", true}, {"[]-a]", "_", true}, {"[a-]", "-", true}, {"[[:digit:]]*", "7up", true}, {"[[:alpha:]]", "7", false},
		{"[x[:upper:]]", "x", true}, {"[[:nonsense:]]", ":]", true}, {"[a", "[a", true}, {"\\*", "*", true}, {"\\*", "x", false}, {"[\\]]", "]", true},
		{"a\\", "a\\", true}, {"[ä-ö]", "ö", true}, {"*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q and %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestBraces(t *testing.T) {
	for in, want := range map[string][]string{
		"/a":           {"/a"},
		"/{a,b}":       {"/a", "/b"},
		"/{a,{b,c}d}e": {"/ae", "/bde", "/cde"},
		"/{a,b}/{c,d}": {"/a/c", "/a/d", "/b/c", "/b/d"},
		"/{}":          {"/{}"},
		"/{a":          {"/{a"},
		"/a}":          {"/a}"},
		"/{a}":         {"/a"},
		"/{,a}x":       {"/x", "/ax"},
		`/\{a,b}`:      {`/\{a,b}`},
		"/{a/b,c/d}/e": {"/a/b/e", "/c/d/e"},
	} {
		if got := braces(in, 0); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	if n := len(braces("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", 0)); n > bracesMax {
		t.Errorf("%d patterns", n)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("[a-z]*{x,y}?\\", "name")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		for _, p := range braces(pattern, 0) {
			match(p, name)
		}
	})
}

func TestMakeDirectories(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "write file x")
	p := &unit.Path{DirectoryMode: 0o711, Specs: []unit.PathSpec{
		{Kind: unit.PathExists, Path: dir + "/not"}, {Kind: unit.PathExistsGlob, Path: dir + "/not*"},
		{Kind: unit.PathChanged, Path: dir + "/a/b"}, {Kind: unit.DirectoryNotEmpty, Path: dir + "/c"}, {Kind: unit.PathModified, Path: dir + "/file/d"},
		{Kind: unit.PathModified, Path: dir + "/file"},
	}}
	var got []string
	for _, d := range MakeDirectories(p) {
		got = append(got, d.String())
	}
	want := []string{"MakeDirectory=: mkdir(" + dir + "/file/d) failed: Not a directory", "MakeDirectory=: mkdir(" + dir + "/file) failed: Not a directory"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("is   %q\nwant %q", got, want)
	}
	for _, name := range []string{"a", "a/b", "c"} {
		if st, err := os.Stat(dir + "/" + name); err != nil || st.Mode() != fs.ModeDir|0o711 {
			t.Errorf("%s: %v, %v", name, st.Mode(), err)
		}
	}
	if _, err := os.Stat(dir + "/not"); err == nil {
		t.Error("a path that is to appear was made")
	}
}
