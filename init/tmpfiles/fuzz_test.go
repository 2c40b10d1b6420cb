package tmpfiles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keelson/init/rootdir"
)

// What a line is made of is well formed, whatever the line is.
func FuzzParse(f *testing.F) {
	for _, x := range examples {
		f.Add(x.lines)
	}
	f.Add("C /x - - - - %B")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		r, err := rootdir.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		h := host()
		h.OSRelease = true
		e := &engine{Root: r, Options: Options{Host: h, Boot: true}, accounts: r.Accounts(), items: lines{byPath: map[string]*group{}}, globs: lines{byPath: map[string]*group{}}}
		e.parse("/test.conf", text)
		e.all(func(g *group) {
			e.link(g)
			for _, i := range g.items {
				if i.path != g.path || !strings.HasPrefix(i.path, "/") || strings.Contains(i.path, "//") || strings.IndexByte(allTypes, i.kind) < 0 || i.mode > 0o7777 {
					t.Errorf("%+v", i)
				}
				if len(braces(i.path)) == 0 {
					t.Errorf("%q stands for nothing", i.path)
				}
			}
		})
		for _, d := range e.list {
			if d.File != "/test.conf" || d.Line == 0 || strings.Contains(d.File, "\n") {
				t.Errorf("%+v", d)
			}
		}
	})
}

// On a file system that cannot be written to, what is right already is no error.
func TestReadOnly(t *testing.T) {
	root(t)
	x := example{before: "d /a 0700 0:4\nf /a/f 0640 0:0 text\nl /l x\np /p 0600", lines: "d /a 0700 root adm\nf /a/f 0640 - - - other\nL+ /l - - - - x\np+ /p 0600\nz /a/* 0640\nR /none\nd /new"}
	dir := x.plant(t)
	if err := mountReadOnly(dir); err != nil {
		t.Skipf("no mounts can be made here: %v", err)
	}
	defer unmount(dir)
	list := Apply(dir, Options{Create: true, Remove: true, Host: host()})
	if len(list) != 1 || list[0].String() != `/etc/tmpfiles.d/test.conf:7: Failed to create directory or subvolume "/new": Read-only file system` {
		t.Errorf("%v", list)
	}
}

// Nothing is removed beyond a mount point.
func TestMountPoint(t *testing.T) {
	root(t)
	x := example{before: "d /a/b/c\nf /a/b/c/f 0644 0:0\nf /a/x 0644 0:0\nd /m\nf /m/f 0644 0:0", lines: "R /a\nR /m"}
	dir := x.plant(t)
	for _, p := range []string{"/a/b/c", "/m"} {
		if err := bind(dir + p); err != nil {
			t.Skipf("no mounts can be made here: %v", err)
		}
		defer unmount(dir + p)
	}
	list := Apply(dir, Options{Remove: true, Host: host()})
	if len(list) != 2 || list[0].Text != "rm_rf(/a): Directory not empty" || list[1].Text != "rm_rf(/m): Device or resource busy" {
		t.Errorf("%v", list)
	}
	for _, p := range []string{"/a/b/c/f", "/m/f"} {
		if _, err := os.Stat(filepath.Join(dir, p)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir + "/a/x"); err == nil {
		t.Error("/a/x is left")
	}
}
