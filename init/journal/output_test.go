package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestConsole(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		console Console
		want    string
	}{
		{Console{Format: FormatShort}, "a[" + pid + "]: one\na[" + pid + "]: two\nb.socket[" + pid + "]: bad\nsystemd[" + pid + "]: said\n"},
		{Console{Format: FormatRaw}, "one\ntwo\nbad\nsaid\n"},
		{Console{Format: FormatRaw, MaxLevel: LevelOf(4)}, "bad\n"},
		{Console{Format: FormatRaw, Colour: true}, "one\ntwo\n\x1b[0;1;31mbad\x1b[0m\nsaid\n"},
		{Console{Format: FormatNone}, ""},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		c.console.FD = int(w.Fd())
		j, _ := start(t, func(o *Options) { o.Console = c.console })
		say(t, j, Stream{Unit: "a.service", Priority: 6}, "one\ntwo\n")
		say(t, j, Stream{Unit: "b.socket", Priority: 3}, "bad\n")
		say(t, j, Stream{Unit: "c.service", Priority: 6, NoConsole: true}, "not here\n")
		j.Log(6, "a.service", "said", nil)
		j.Close()
		w.Close()
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != c.want {
			t.Errorf("%+v: got %q, want %q", c.console, got, c.want)
		}
	}
}

func TestConsoleJSON(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	j, _ := start(t, func(o *Options) { o.Console = Console{FD: int(w.Fd()), Format: FormatJSON} })
	say(t, j, Stream{Unit: "a.service", Priority: 5}, "quote \" and \\\nbin\x01\n")
	j.Close()
	w.Close()
	d := json.NewDecoder(r)
	var first, second map[string]any
	if err := errors.Join(d.Decode(&first), d.Decode(&second)); err != nil {
		t.Fatal(err)
	}
	if first["MESSAGE"] != `quote " and \` || first["_SYSTEMD_UNIT"] != "a.service" || first["PRIORITY"] != "5" || first["__REALTIME_TIMESTAMP"] == nil {
		t.Errorf("%v", first)
	}
	if fmt.Sprint(second["MESSAGE"]) != "[98 105 110 1]" {
		t.Errorf("%v", second["MESSAGE"])
	}
}

// TestStalledConsole lets nobody read standard output: services go on, all is stored, and what is missing is counted.
func TestStalledConsole(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	j, root := start(t, func(o *Options) {
		o.Console = Console{FD: int(w.Fd()), Format: FormatRaw}
		o.Config.Runtime = Use{MaxUse: 64 << 20}
	})
	const lines = 20000
	var text strings.Builder
	for i := range lines {
		fmt.Fprintf(&text, "line %0100d\n", i)
	}
	say(t, j, Stream{Unit: "a.service", RateLimit: RateLimit{Off: true}}, text.String())
	if n := len(pick(entries(t, root), "MESSAGE")); n != lines {
		t.Errorf("%d lines of %d are stored", n, lines)
	}
	got := make(chan string)
	go func() {
		b, _ := io.ReadAll(r)
		got <- string(b)
	}()
	for i := 0; i < 2; i++ { // the reader wakes up: what is said from now on comes through, after the count
		if err := j.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	say(t, j, Stream{Unit: "a.service", RateLimit: RateLimit{Off: true}}, "again\n")
	j.Close()
	w.Close()
	out := <-got
	shown := strings.Count(out, "line 0")
	missing := 0
	for _, l := range strings.Split(out, "\n") {
		var n int
		if _, err := fmt.Sscanf(l, "%d lines are missing here", &n); err == nil {
			missing += n
		}
	}
	again := strings.Count(out, "again\n")
	if shown+missing+again != lines+1 || missing == 0 {
		t.Errorf("%d shown, %d said to be missing, of %d", shown+again, missing, lines+1)
	}
}

// TestSave hands streams and sockets over, with a line half written.
func TestSave(t *testing.T) {
	root := t.TempDir()
	o := options(root)
	o.Sockets = true
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := c.Stream(Stream{Unit: "a.service", Identifier: "a", Priority: 5, LevelPrefix: true})
	if err != nil {
		t.Fatal(err)
	}
	stream := os.NewFile(uintptr(fd), "stream")
	defer stream.Close()
	stream.WriteString("before\nhalf ")
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	state, err := c.Save()
	if err != nil {
		t.Fatal(err)
	}
	stream.WriteString("and half\n<3>meanwhile\n")
	syslog := client(t, root, syslogSocket)
	send(t, syslog, "<13>Oct  9 12:00:00 x: to syslog")
	if c, err = Restore(o, state); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Sockets {
		if flags, err := unix.FcntlInt(uintptr(e.FD), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("the %s socket is not closed on exec: %v", e.Kind, err)
		}
	}
	stream.WriteString("after\n")
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	got := pick(entries(t, root), "MESSAGE", "PRIORITY", "_TRANSPORT")
	slices.Sort(got)
	equal(t, got, []string{"after 5 stdout", "before 5 stdout", "half and half 5 stdout", "meanwhile 3 stdout", "to syslog 5 syslog"})
	if ids := pick(entries(t, root), "_STREAM_ID"); len(ids) != 4 || ids[0] != ids[3] {
		t.Errorf("a stream keeps its ID: %q", ids)
	}
}

func TestVarlink(t *testing.T) {
	c, root := start(t, func(o *Options) { o.Sockets = true })
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	say(t, c, Stream{Unit: "a.service"}, "line\n")
	conn, err := net.Dial("unix", filepath.Join(root, varlinkSocket))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, call := range []struct{ in, want string }{
		{`{"method":"io.systemd.Journal.Synchronize","parameters":{}}`, `{"parameters":{}}`},
		{`{"method":"io.systemd.Journal.Rotate"}`, `{"parameters":{}}`},
		{`{"method":"io.systemd.Journal.FlushToVar"}`, `{"parameters":{}}`},
		{`{"method":"io.systemd.Journal.RelinquishVar"}`, `{"parameters":{}}`},
		{`{"method":"org.varlink.service.Nothing"}`, `{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"org.varlink.service.Nothing"}}`},
	} {
		if _, err := conn.Write([]byte(call.in + "\x00")); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for b := make([]byte, 1); ; got = append(got, b[0]) {
			if _, err := conn.Read(b); err != nil {
				t.Fatal(err)
			}
			if b[0] == 0 {
				break
			}
		}
		if string(got) != call.want {
			t.Errorf("%s: %s", call.in, got)
		}
	}
	if paths, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/system@*")); len(paths) != 1 {
		t.Errorf("Rotate: %q", paths)
	}
	if _, err := conn.Write([]byte("nonsense\x00")); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after nonsense: %d, %v", n, err)
	}
}

// TestFlush moves from /run to /var, and back.
func TestFlush(t *testing.T) {
	c, root := start(t, func(o *Options) { o.Sockets = true })
	say(t, c, Stream{Unit: "a.service"}, "in run\n")
	if err := os.MkdirAll(filepath.Join(root, "var/log/journal"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	say(t, c, Stream{Unit: "a.service"}, "in var\n")
	if left, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/*")); len(left) != 0 {
		t.Errorf("left in /run: %q", left)
	}
	if _, err := os.Stat(filepath.Join(root, flushedFlag)); err != nil {
		t.Error(err)
	}
	if err := c.Relinquish(); err != nil {
		t.Fatal(err)
	}
	say(t, c, Stream{Unit: "a.service"}, "in run again\n")
	if left, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/*")); len(left) != 1 {
		t.Errorf("in /run: %q", left)
	}
	c.Close()
	equal(t, pick(entries(t, root), "MESSAGE"), []string{"in run", "in var", "in run again"})
}

// TestForward sends to a syslog socket of the world outside.
func TestForward(t *testing.T) {
	outer, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "outer"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	c, _ := start(t, func(o *Options) {
		o.Forward = []Forward{{Path: outer.LocalAddr().String()}, {Path: outer.LocalAddr().String(), Native: true}}
	})
	say(t, c, Stream{Unit: "a.service", Identifier: "a", Priority: 3, Facility: 4}, "line\n")
	buf := make([]byte, 1024)
	n, err := outer.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if l := parseSyslog(buf[:n]); string(l.text) != "line" || string(l.identifier) != "a" || l.priority != 3 || l.facility != 4 || l.raw {
		t.Errorf("%q", buf[:n])
	}
	if n, err = outer.Read(buf); err != nil {
		t.Fatal(err)
	}
	var e nativeEntry
	if _, err := parseNative(buf[:n], &e); err != nil || string(e.text) != "line" || e.priority != 3 {
		t.Errorf("%q: %v", buf[:n], err)
	}
}

func TestVacuum(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	make1 := func(name string, entries byte, size int, age time.Duration) {
		text := make([]byte, size)
		text[152] = entries
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	series := strings.Repeat("a", 32)
	archived := func(seqnum int, age time.Duration) string {
		return fmt.Sprintf("system@%s-%016x-%016x.journal", series, seqnum, now.Add(-age).UnixMicro())
	}
	fill := func() {
		make1("system.journal", 1, 8192, 0)
		for i := range 4 {
			age := time.Duration(4-i) * time.Hour
			make1(archived(i, age), 1, 8192, age)
		}
		make1("system@0000000000000001-0000000000000001.journal~", 1, 8192, 5*time.Hour)
		make1(archived(9, 0), 0, 8192, 0) // without entries
		make1("notes.txt", 1, 8192, 9*time.Hour)
		make1("system@nonsense.journal", 1, 8192, 9*time.Hour)
	}
	for _, c := range []struct {
		limit Limit
		left  int // archived files
	}{
		{Limit{}, 5}, {Limit{Files: 4}, 2}, {Limit{Use: 5 * 8192}, 3}, {Limit{Age: 150 * time.Minute}, 2}, {Limit{Use: 1}, 0},
	} {
		fill()
		deleted, err := Vacuum(dir, c.limit, now)
		if err != nil {
			t.Fatal(err)
		}
		list, active, _, err := archives(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != c.left || active != 2 || len(deleted) != 6-c.left || !deleted[0].Empty {
			t.Errorf("%+v: %d left and %d active, %d deleted", c.limit, len(list), active, len(deleted))
		}
		if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
			t.Error(err)
		}
	}
}

// TestIdle lets nothing be said: the collector sleeps without a timer.
func TestIdle(t *testing.T) {
	c, _ := start(t, nil)
	say(t, c, Stream{Unit: "a.service"}, "line\n") // is synced
	if err := c.call(func(answer func(error)) {
		if n := c.store.timeout(); n != -1 {
			answer(fmt.Errorf("epoll_wait is to wake after %d ms", n))
			return
		}
		answer(nil)
	}); err != nil {
		t.Error(err)
	}
}
