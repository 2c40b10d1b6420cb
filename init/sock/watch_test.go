package sock

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// do carries out words: "mkdir a", "write a text", "append", "touch", "rm", "mv a b", "ln target a", below dir.
func do(t *testing.T, dir string, line string) {
	t.Helper()
	f := strings.Fields(line)
	at := func(i int) string { return filepath.Join(dir, f[i]) }
	var err error
	switch f[0] {
	case "mkdir":
		err = os.MkdirAll(at(1), 0o755)
	case "write":
		err = os.WriteFile(at(1), []byte(f[2]), 0o644)
	case "truncate":
		err = os.Truncate(at(1), 0) // a change without a close
	case "chmod":
		err = os.Chmod(at(1), 0o600)
	case "rm":
		err = os.RemoveAll(at(1))
	case "mv":
		err = os.Rename(at(1), at(2))
	case "ln":
		err = os.Symlink(f[1], at(2))
	default:
		t.Fatalf("what is %q?", line)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// read gives the changes as text: "x.path 0", "x.path look", "x.service pid". inotify has queued its events when the call that caused them returns.
func read(t *testing.T, w *Watcher) string {
	t.Helper()
	changes, err := w.Read()
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range changes {
		switch {
		case c.PIDFile:
			list = append(list, c.Unit+" pid")
		case c.Index < 0:
			list = append(list, c.Unit+" look")
		default:
			list = append(list, fmt.Sprintf("%s %d", c.Unit, c.Index))
		}
	}
	return strings.Join(list, ", ")
}

func TestWatch(t *testing.T) {
	type step struct{ do, news string }
	look, written := "x.path look", "x.path 0"
	for _, tt := range []struct {
		name   string
		before []string
		kind   unit.PathKind
		path   string
		steps  []step
	}{
		{"appears", nil, unit.PathExists, "f", []step{{"write f x", look}, {"write f y", ""}, {"write other x", ""}, {"rm f", look}, {"write third y", look}, {"rm other", ""}}},
		{"appears far below", nil, unit.PathExists, "a/b/f", []step{
			{"mkdir z", look}, {"mkdir a", look}, {"mkdir y", ""}, {"write a/x x", look}, {"mkdir a/b", look}, {"write a/y x", ""}, {"write a/b/f x", look}, {"rm a", look}}},
		{"a whole tree moved in", []string{"mkdir t/b", "write t/b/f x"}, unit.PathExists, "a/b/f", []step{{"mv t a", look}, {"mv a t", look}, {"write z x", look}}},
		{"glob", []string{"mkdir a"}, unit.PathExistsGlob, "a/*.x", []step{{"write a/n x", look}, {"write a/n.x x", look}, {"write n x", ""}}},
		{"changed", []string{"write f x"}, unit.PathChanged, "f", []step{{"write f y", written}, {"truncate f", ""}, {"chmod f", written}, {"write other x", ""}}},
		{"changed, made", nil, unit.PathChanged, "f", []step{{"write f y", look}, {"write f z", written}, {"rm f", written}, {"write f y", look}}},
		{"changed, replaced", []string{"write f x", "write g y"}, unit.PathChanged, "f", []step{{"mv g f", written}, {"write f z", written}, {"mv f h", written}, {"mv h f", look}, {"write f a", written}}},
		{"changed folder", []string{"mkdir d"}, unit.PathChanged, "d", []step{{"write d/x 1", written}, {"rm d/x", written}, {"mkdir d/y", written}, {"write d/y/z 1", ""}}},
		{"modified", []string{"write f x"}, unit.PathModified, "f", []step{{"truncate f", written}, {"write f x", written}}},
		{"not empty", []string{"mkdir d"}, unit.DirectoryNotEmpty, "d", []step{{"write d/x 1", look}, {"write d/x 2", ""}, {"rm d/x", ""}, {"rm d", look}, {"mkdir d", look}}},
		{"link", []string{"mkdir real", "ln real way"}, unit.PathExists, "way/f", []step{{"write real/f x", look}, {"rm way", look}, {"mkdir way", look}, {"write way/f x", look}}},
		{"link to nowhere", []string{"ln real way"}, unit.PathExists, "way/f", []step{{"mkdir real", look}, {"write real/f x", look}}},
		{"file by link", []string{"write real x", "ln real f"}, unit.PathChanged, "f", []step{{"write real y", written}, {"rm f", look}, {"ln other f", look}, {"write other x", look}, {"write other y", written}}},
		{"folder moved away and back", []string{"mkdir d", "write d/f x"}, unit.PathChanged, "d/f", []step{{"mv d e", look}, {"write e/f y", ""}, {"mv e d", look}, {"write d/f z", written}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, line := range tt.before {
				do(t, dir, line)
			}
			w := NewWatcher()
			defer w.Close()
			w.Watch("x.path", []unit.PathSpec{{Kind: tt.kind, Path: dir + "/" + tt.path}})
			for i, s := range tt.steps {
				do(t, dir, s.do)
				if got := read(t, w); got != s.news {
					t.Fatalf("step %d, %s: %q, want %q", i, s.do, got, s.news)
				}
			}
			if _, _, problem := w.Facts("x.path", nil); problem != "" {
				t.Error(problem)
			}
			w.Unwatch("x.path")
			if len(w.watches) != 0 || len(w.units) != 0 {
				t.Errorf("left: %v %v", w.watches, w.units)
			}
			do(t, dir, "write last x")
			if got := read(t, w); got != "" {
				t.Errorf("%q after the end", got)
			}
		})
	}
}

// Units that watch the same inode for different ends hear of what they asked for.
func TestWatchShared(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "mkdir d")
	do(t, dir, "write d/f x")
	w := NewWatcher()
	defer w.Close()
	w.Watch("a.path", []unit.PathSpec{{Kind: unit.PathChanged, Path: dir + "/d"}, {Kind: unit.DirectoryNotEmpty, Path: dir + "/d"}})
	w.Watch("b.path", []unit.PathSpec{{Kind: unit.PathExists, Path: dir + "/d/f"}})
	w.Watch("c.path", []unit.PathSpec{{Kind: unit.PathExists, Path: dir + "/d/g"}})
	w.Watch("d.path", []unit.PathSpec{{Kind: unit.PathModified, Path: dir + "/d/f"}})
	if err := w.WatchPIDFile("e.service", dir+"/d/f"); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct{ do, news string }{
		{"write d/h x", "a.path 0, a.path look, c.path look"},
		{"write d/f y", "a.path 0, d.path 0, e.service pid"}, // a folder hears of the close of its files
		{"truncate d/f", "d.path 0, e.service pid"},
		{"write d/g x", "a.path 0, a.path look, c.path look"},
		{"write d/g y", "a.path 0"},
	} {
		do(t, dir, s.do)
		if got := read(t, w); got != s.news {
			t.Fatalf("%s: %q, want %q", s.do, got, s.news)
		}
	}
	w.UnwatchPIDFile("e.service")
	w.Unwatch("a.path")
	for _, s := range []struct{ do, news string }{
		{"write d/i x", ""}, {"write d/f z", "d.path 0"}, {"rm d", "b.path look, c.path look, d.path 0, d.path look"},
	} {
		do(t, dir, s.do)
		if got := read(t, w); got != s.news {
			t.Fatalf("%s: %q, want %q", s.do, got, s.news)
		}
	}
	for _, name := range []string{"b.path", "c.path", "d.path"} {
		w.Unwatch(name)
	}
	if len(w.watches) != 0 {
		t.Errorf("left: %v", w.watches)
	}
}

// The kernel is asked for no more than what is wanted: whatever goes on in a folder that is only on the way wakes nobody.
func TestWatchIsNarrow(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "mkdir way/d")
	w := NewWatcher()
	defer w.Close()
	w.Watch("a.path", []unit.PathSpec{{Kind: unit.PathChanged, Path: dir + "/way"}})
	w.Watch("b.path", []unit.PathSpec{{Kind: unit.PathExists, Path: dir + "/way/d"}})
	w.Unwatch("a.path")
	do(t, dir, "write way/x 1")
	do(t, dir, "write y 1")
	if readable(t, w.FD()) {
		t.Errorf("woken: %q", read(t, w))
	}
}

// A watch that is followed anew loses nothing that was written meanwhile.
func TestWatchFollowKeepsEvents(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "mkdir d")
	do(t, dir, "write d/f x")
	w := NewWatcher()
	defer w.Close()
	w.Watch("x.path", []unit.PathSpec{{Kind: unit.PathChanged, Path: dir + "/d/f"}})
	do(t, dir, "write d/f y")
	w.follow(w.units["x.path"][0])
	if got := read(t, w); got != "x.path 0" {
		t.Errorf("%q", got)
	}
}

func TestWatchOverflow(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a", "b", "pid"} {
		do(t, dir, "write "+f+" x")
	}
	w := NewWatcher()
	defer w.Close()
	w.Watch("a.path", []unit.PathSpec{{Kind: unit.PathChanged, Path: dir + "/a"}})
	w.Watch("b.path", []unit.PathSpec{{Kind: unit.PathChanged, Path: dir + "/b"}})
	w.Watch("c.path", []unit.PathSpec{{Kind: unit.PathExists, Path: dir + "/c"}})
	if err := w.WatchPIDFile("s.service", dir+"/pid"); err != nil {
		t.Fatal(err)
	}
	do(t, dir, "write a longer")
	for range 16 { // as if the kernel had dropped it
		if _, err := unix.Read(w.FD(), make([]byte, 16<<10)); err == unix.EAGAIN {
			break
		}
	}
	var n news
	w.events([]byte{0xff, 0xff, 0xff, 0xff, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, &n)
	if len(n.stale) != 4 {
		t.Errorf("%d paths are followed anew", len(n.stale))
	}
	want := []Change{{"a.path", 0, false}, {"a.path", -1, false}, {"b.path", -1, false}, {"c.path", -1, false}, {"s.service", 0, true}}
	if got := n.changes(); !reflect.DeepEqual(got, want) {
		t.Errorf("is   %v\nwant %v", got, want)
	}
	w.events([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f}, &n) // a length that cannot be
}

func TestWatchProblems(t *testing.T) {
	dir := t.TempDir()
	do(t, dir, "write file x")
	w := NewWatcher()
	defer w.Close()
	specs := []unit.PathSpec{{Kind: unit.PathChanged, Path: dir + "/file/x"}, {Kind: unit.PathExists, Path: dir + "/there"}}
	w.Watch("x.path", specs)
	want := "Failed to add a watch for " + dir + "/file/x: Not a directory"
	if _, _, problem := w.Facts("x.path", specs); problem != want {
		t.Errorf("%q, want %q", problem, want)
	}
	do(t, dir, "write there x") // what is there already needs no watch
	if good, paths, problem := w.Facts("x.path", specs); problem != "" || !good[1] || paths[1] != dir+"/there" || good[0] || paths[0] != "" {
		t.Errorf("%v %v %q", good, paths, problem)
	}
	if err := w.WatchPIDFile("x.service", dir+"/file/x"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	w.Unwatch("x.path")
	w.UnwatchPIDFile("x.service")
	if len(w.watches) != 0 {
		t.Errorf("left: %v", w.watches)
	}
	for err, want := range map[error]string{
		unix.ENOSPC: "Failed to add a watch for /x: inotify watch limit reached", unix.ENOMEM: "Failed to add a watch for /x: Cannot allocate memory",
	} {
		if got := addProblem("/x", err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Without an inotify instance the manager lives, and paths are watched as soon as there is one.
func TestWatchWithoutInstance(t *testing.T) {
	dir := t.TempDir()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	w := NewWatcher()
	defer w.Close()
	specs := []unit.PathSpec{{Kind: unit.PathExists, Path: dir + "/f"}}
	w.Watch("x.path", specs)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if _, _, problem := w.Facts("x.path", specs); w.FD() != -1 || problem != "Failed to allocate inotify fd: Too many open files" {
		t.Errorf("%d, %q", w.FD(), problem)
	}
	if got := read(t, w); got != "" {
		t.Error(got)
	}
	w.Watch("x.path", specs)
	if _, _, problem := w.Facts("x.path", specs); w.FD() < 0 || problem != "" {
		t.Errorf("%d, %q", w.FD(), problem)
	}
	do(t, dir, "write f x")
	if got := read(t, w); got != "x.path look" {
		t.Error(got)
	}
}
