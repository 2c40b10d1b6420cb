package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// TestRotation keeps files within their limits, and numbers go on.
func TestRotation(t *testing.T) {
	j, root := start(t, func(o *Options) { o.Config.Runtime = Use{MaxUse: 4 << 20, MaxFileSize: 512 << 10} })
	var text strings.Builder
	for i := range 12000 {
		fmt.Fprintf(&text, "line %0100d\n", i)
	}
	say(t, j, Stream{Unit: "a.service", RateLimit: RateLimit{Off: true}}, text.String())
	if err := j.Rotate(); err != nil {
		t.Fatal(err)
	}
	say(t, j, Stream{Unit: "a.service"}, "last\n")
	j.Close()
	paths, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/system@*.journal"))
	used := int64(0)
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		used += st.Size()
	}
	if len(paths) < 5 || used > 4<<20 {
		t.Errorf("%d archived files of %d bytes", len(paths), used)
	}
	lines := pick(entries(t, root), "MESSAGE")
	if lines[len(lines)-1] != "last" || lines[len(lines)-2] != fmt.Sprintf("line %0100d", 11999) {
		t.Errorf("the end is %q", lines[len(lines)-2:])
	}
}

// TestContinue ends and begins again, as at the restart of a container.
func TestContinue(t *testing.T) {
	root := t.TempDir()
	o := options(root)
	for i := range 3 {
		c, err := Start(o)
		if err != nil {
			t.Fatal(err)
		}
		say(t, c, Stream{Unit: "a.service"}, fmt.Sprintf("run %d\n", i))
		c.Close()
	}
	if paths, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/*")); len(paths) != 1 {
		t.Errorf("one file was to be continued: %q", paths)
	}
	o.BootID = file.ID{3}
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	say(t, c, Stream{Unit: "a.service"}, "another boot\n")
	c.Close()
	if paths, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/system@*.journal")); len(paths) != 1 {
		t.Errorf("after another boot the file was to be archived: %q", paths)
	}
	equal(t, pick(entries(t, root), "MESSAGE"), []string{"run 0", "run 1", "run 2", "another boot"})
}

// TestLeftOnline finds a file that a killed collector left.
func TestLeftOnline(t *testing.T) {
	root := t.TempDir()
	o := options(root)
	dir := filepath.Join(root, "run/log/journal", o.MachineID.String())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := file.Create(filepath.Join(dir, "system.journal"), file.Options{Machine: o.MachineID, Boot: o.BootID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(file.Record{Realtime: 1, Monotonic: 1, Fields: [][]byte{[]byte("MESSAGE=before")}}); err != nil {
		t.Fatal(err)
	}
	w.Close()
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	say(t, c, Stream{Unit: "a.service"}, "after\n")
	c.Close()
	if paths, _ := filepath.Glob(filepath.Join(dir, "system@*.journal~")); len(paths) != 1 {
		t.Errorf("%q", paths)
	}
	equal(t, pick(entries(t, root), "MESSAGE"), []string{"before", "after"})
}

// TestCut has somebody empty the file that is being written.
func TestCut(t *testing.T) {
	c, root := start(t, nil)
	say(t, c, Stream{Unit: "a.service"}, "one\n")
	paths, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/system.journal"))
	if len(paths) != 1 {
		t.Fatalf("%q", paths)
	}
	if err := os.Truncate(paths[0], 0); err != nil {
		t.Fatal(err)
	}
	say(t, c, Stream{Unit: "a.service"}, "two\n")
	say(t, c, Stream{Unit: "a.service"}, "three\n")
	c.Close()
	os.Remove(paths[0])
	if err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasSuffix(path, "~") {
			return os.Remove(path)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestNowhere has no place for files: lines go to standard output, and why is said once.
func TestNowhere(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c, root := start(t, func(o *Options) {
		o.Console = Console{FD: int(w.Fd()), Format: FormatRaw}
		if err := os.WriteFile(filepath.Join(o.Root, "run"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		o.Sockets = true
	})
	for i := range 5 {
		say(t, c, Stream{Unit: "a.service"}, fmt.Sprintf("line %d\n", i))
	}
	c.Close()
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "journal files cannot be written"); n != 1 || strings.Count(string(out), "line ") != 5 {
		t.Errorf("%s", out)
	}
	if n := strings.Count(string(out), "no syslog and no journal socket"); n != 1 {
		t.Errorf("%s", out)
	}
	if st, err := os.Stat(filepath.Join(root, "run")); err != nil || st.Size() != 0 {
		t.Errorf("%v, %v", st, err)
	}
}

// TestFallback cannot have files in /var, and has them in /run.
func TestFallback(t *testing.T) {
	c, root := start(t, func(o *Options) {
		o.Config.Storage = StoragePersistent
		if err := os.WriteFile(filepath.Join(o.Root, "var"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	say(t, c, Stream{Unit: "a.service"}, "line\n")
	c.Close()
	lines := pick(entries(t, root), "MESSAGE")
	if len(lines) != 2 || lines[0] != "line" || !strings.HasPrefix(lines[1], "no journal files in /var") {
		t.Errorf("%q", lines)
	}
}

// TestFullDisk fills a small file system: old files go first, then lines are not kept, and when there is room they are again.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root mounts a small tmpfs")
	}
	root := t.TempDir()
	dir := filepath.Join(root, "run")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1536k"); err != nil {
		t.Skipf("no tmpfs can be mounted here: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	o := options(root)
	o.Config.Runtime = Use{MaxUse: 64 << 20, MaxFileSize: 512 << 10, KeepFree: 1}
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var text strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&text, "line %0100d\n", i)
	}
	say(t, c, Stream{Unit: "a.service", RateLimit: RateLimit{Off: true}}, text.String())
	c.Close()
	lines := pick(entries(t, root), "MESSAGE")
	if n := len(lines); n < 100 || lines[n-1] != fmt.Sprintf("line %0100d", 9999) {
		t.Errorf("%d lines, the last is not the last that was said", n)
	}

	// Now others take all the room.
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	if err := os.RemoveAll(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; _, err = filler.Write(block) {
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	c, err = Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say(t, c, Stream{Unit: "a.service"}, "lost\n")
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	filler.Close()
	if err := c.call(func(answer func(error)) { c.store.retryAt = 0; answer(nil) }); err != nil { // the half minute is over
		t.Fatal(err)
	}
	say(t, c, Stream{Unit: "a.service"}, "kept\n")
	c.Close()
	lines = pick(entries(t, root), "MESSAGE")
	if len(lines) != 2 || lines[0] != "kept" || !strings.HasPrefix(lines[1], "journal files can be written again; ") {
		t.Errorf("%q", lines)
	}
}
