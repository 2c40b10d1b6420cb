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
