package journal

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// start begins to collect below a temporary root.
func start(t testing.TB, change func(o *Options)) (*Collector, string) {
	t.Helper()
	root := t.TempDir()
	o := options(root)
	if change != nil {
		change(&o)
	}
	c, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, root
}

// say writes to a new stream and ends it.
func say(t testing.TB, c *Collector, s Stream, text string) {
	t.Helper()
	fd, err := c.Stream(s)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for b := []byte(text); len(b) > 0; {
		n, err := unix.Write(fd, b)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		b = b[n:]
	}
	unix.Shutdown(fd, unix.SHUT_WR)
	if err := c.Sync(); err != nil { // streams have no order among each other
		t.Fatal(err)
	}
}

// pick is the values of fields of entries that have the first of them, a line an entry.
func pick(list [][]string, names ...string) []string {
	var out []string
	for _, e := range list {
		var values []string
		for _, n := range names {
			v := "-"
			for _, f := range e {
				if rest, ok := strings.CutPrefix(f, n+"="); ok {
					v = rest
				}
			}
			values = append(values, v)
		}
		if values[0] != "-" {
			out = append(out, strings.Join(values, " "))
		}
	}
	return out
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStreams(t *testing.T) {
	c, root := start(t, func(o *Options) { o.Config.LineMax = 100 })
	long := strings.Repeat("x", 250)
	say(t, c, Stream{Unit: "a.service", Invocation: strings.Repeat("1", 32), Identifier: "a", Priority: 6, Facility: 3, LevelPrefix: true,
		Extra: []string{"COLOUR=red", "_PID=1", "nonsense"}},
		"one\n<3>two\n\n<2>\nzero\x00"+long+"\ntorn \xc3\nlast")
	say(t, c, Stream{Unit: "b.service", Priority: 7, Max: LevelOf(6)}, "<3>not a prefix\nquiet\n") // LogLevelMax= suppresses both
	say(t, c, Stream{Unit: "c.service", Priority: 4}, "<3>stays\n")
	c.Close()
	list := entries(t, root)
	equal(t, pick(list, "MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "_SYSTEMD_UNIT", "_LINE_BREAK"), []string{
		"one 6 3 a.service -",
		"two 3 3 a.service -",
		"zero 6 3 a.service nul",
		long[:100] + " 6 3 a.service line-max",
		long[:100] + " 6 3 a.service line-max",
		long[:50] + " 6 3 a.service -",
		"torn \xc3 6 3 a.service -",
		"last 6 3 a.service eof",
		"<3>stays 4 - c.service -",
	})
	pid := strconv.Itoa(os.Getpid())
	equal(t, pick(list[:1], "_PID", "_UID", "_TRANSPORT", "_SYSTEMD_SLICE", "_SYSTEMD_CGROUP", "_SYSTEMD_INVOCATION_ID", "SYSLOG_IDENTIFIER", "_HOSTNAME",
		"_BOOT_ID", "_MACHINE_ID", "COLOUR", "_RUNTIME_SCOPE"), []string{pid + " " + strconv.Itoa(os.Getuid()) +
		" stdout system.slice /system.slice/a.service 11111111111111111111111111111111 a box 02000000000000000000000000000000 01000000000000000000000000000000 red system"})
}

// TestPIDChange has two processes write to one stream: a line belongs to who wrote it.
func TestPIDChange(t *testing.T) {
	c, root := start(t, nil)
	fd, err := c.Stream(Stream{Unit: "a.service"})
	if err != nil {
		t.Fatal(err)
	}
	stream := os.NewFile(uintptr(fd), "stream")
	defer stream.Close()
	stream.WriteString("begin ")
	cmd := exec.Command("/bin/sh", "-c", "echo end of $$")
	cmd.Stdout = stream
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	stream.WriteString("after\n")
	stream.Close()
	c.Close()
	child := strconv.Itoa(cmd.Process.Pid)
	own := strconv.Itoa(os.Getpid())
	equal(t, pick(entries(t, root), "MESSAGE", "_PID", "_LINE_BREAK"), []string{
		"begin  " + own + " pid-change", "end of " + child + " " + child + " -", "after " + own + " -"})
}

// client connects to a datagram socket below a root.
func client(t *testing.T, root, name string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: filepath.Join(root, name)}); err != nil {
		t.Fatal(err)
	}
	return fd
}

func send(t *testing.T, fd int, text string) {
	t.Helper()
	if err := unix.Send(fd, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
}

func TestDatagrams(t *testing.T) {
	c, root := start(t, func(o *Options) { o.Sockets, o.Lookup = true, lookupChild })
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	syslog := client(t, root, syslogSocket)
	native := client(t, root, nativeSocket)
	send(t, syslog, "<86>Oct  9 12:00:00 sshd[12]: from syslog")
	send(t, syslog, "plain")
	send(t, native, "MESSAGE=forged\n_PID=1\n_SYSTEMD_UNIT=victim.service\n_UID=0\nPRIORITY=2\nSYSLOG_IDENTIFIER=me\nMESSAGE_ID=00000000000000000000000000000001\n")
	send(t, native, "MESSAGE\n\x09\x00\x00\x00\x00\x00\x00\x00two\nlines\nBINARY\n\x03\x00\x00\x00\x00\x00\x00\x00\x00\xff\n\n")
	large := memfd(t, "MESSAGE="+strings.Repeat("y", 300<<10)+"\nX=1\n", unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE|unix.F_SEAL_SEAL)
	if err := unix.Sendmsg(native, nil, unix.UnixRights(large), nil, 0); err != nil {
		t.Fatal(err)
	}
	open := memfd(t, "MESSAGE=unsealed\n", 0)
	if err := unix.Sendmsg(native, nil, unix.UnixRights(open), nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	list := entries(t, root)
	pid := strconv.Itoa(os.Getpid())
	got := pick(list, "MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "SYSLOG_PID", "_TRANSPORT", "_PID", "_SYSTEMD_UNIT", "X")
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], strings.Repeat("y", 300<<10), "Y")
	}
	equal(t, got, []string{
		"from syslog 6 10 sshd 12 syslog " + pid + " init.scope -",
		"plain 6 1 - - syslog " + pid + " init.scope -",
		"forged 2 - me - journal " + pid + " init.scope -",
		"two\nlines - - - - journal " + pid + " init.scope -",
		"Y - - - - journal " + pid + " init.scope 1",
		"unsealed - - - - journal " + pid + " init.scope -",
	})
	equal(t, pick(list, "BINARY"), []string{"\x00\xff\n"})
	if source := pick(list, "_SOURCE_REALTIME_TIMESTAMP"); len(source) != 6 {
		t.Errorf("times of the kernel: %q", source)
	}
	if link, err := os.Readlink(filepath.Join(root, devLog)); err != nil || link != "/"+syslogSocket {
		t.Errorf("/dev/log: %q, %v", link, err)
	}
}

func lookupChild(pid int) (string, string) { return "child.service", strings.Repeat("2", 32) }

func memfd(t *testing.T, text string, seals int) int {
	t.Helper()
	fd, err := unix.MemfdCreate("entry", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		t.Fatal(err)
	}
	if seals != 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
			t.Fatal(err)
		}
	}
	return fd
}

// TestStdoutSocket introduces itself as systemd-cat does.
func TestStdoutSocket(t *testing.T) {
	c, root := start(t, func(o *Options) { o.Sockets = true })
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	connect := func(text string) int {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: filepath.Join(root, stdoutSocket)}); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte(text)); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	for _, text := range []string{
		"name\na.service\n27\n1\n0\n0\n0\n<4>first\nsecond\n",
		"name\n\n6\nmaybe\n0\n0\n0\nlost\n", // not a boolean
		"name\n\n6\n1\n0\n0\x00",            // not a line
		"name\n\n1000\n",
	} {
		unix.Close(connect(text))
	}
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	unit := "a.service"
	if os.Getuid() != 0 {
		unit = "init.scope" // only root's word is taken
	}
	equal(t, pick(entries(t, root), "MESSAGE", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "_TRANSPORT"), []string{
		"first 4 3 name " + unit + " stdout", "second 3 3 name " + unit + " stdout"})
}

func TestManager(t *testing.T) {
	c, root := start(t, nil)
	c.Log(3, "a.service", "a.service: Failed with result 'exit-code'.", []string{"MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c", "UNIT_RESULT=exit-code"})
	c.Log(6, "", "plain", nil)
	c.Close()
	equal(t, pick(entries(t, root), "MESSAGE", "PRIORITY", "UNIT", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT", "MESSAGE_ID", "_TRANSPORT"), []string{
		"a.service: Failed with result 'exit-code'. 3 a.service systemd init.scope d9b373ed55a64feb8242e02dbe79a49c journal",
		"plain 6 - systemd init.scope - journal"})
}

// TestManagerNeverBlocks fills the queue while the collector is held up.
func TestManagerNeverBlocks(t *testing.T) {
	c, root := start(t, nil)
	held, goOn := make(chan bool), make(chan bool)
	c.post(func() { held <- true; <-goOn })
	<-held
	for i := range 3 * queueLines {
		c.Log(6, "", strconv.Itoa(i), nil)
	}
	goOn <- true
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	got := pick(entries(t, root), "MESSAGE")
	want := fmt.Sprintf("%d lines of the manager are missing here: they came too fast", 2*queueLines)
	if len(got) != queueLines+1 || !slices.Contains(got, want) {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

func TestRateLimit(t *testing.T) {
	c, root := start(t, nil)
	lines := strings.Repeat("line\n", 500)
	say(t, c, Stream{Unit: "a.service", Priority: 6, RateLimit: RateLimit{Interval: 1 << 40, Burst: 20}}, lines)
	say(t, c, Stream{Unit: "b.service", Priority: 6, RateLimit: RateLimit{Off: true}}, lines)
	c.Close()
	n := map[string]int{}
	for _, u := range pick(entries(t, root), "_SYSTEMD_UNIT") {
		n[u]++
	}
	if a := n["a.service"]; a < 20 || a > 60 || n["b.service"] != 500 { // the burst grows with the space there is
		t.Errorf("%v", n)
	}
}

func TestLimits(t *testing.T) {
	var l limits
	r := RateLimit{Interval: 10, Burst: 2}
	for i, c := range []struct {
		now        int64
		severity   int
		ok         bool
		suppressed int
	}{
		{1, 6, true, 0}, {2, 6, true, 0}, {3, 6, false, 0}, {3, 3, true, 0}, {4, 6, false, 0}, {12, 6, true, 2}, {13, 6, true, 0}, {14, 6, false, 0},
		{25, 3, true, 0},
	} {
		ok, suppressed := l.pass("u", r, c.severity, time.Duration(c.now), 0)
		if ok != c.ok || suppressed != c.suppressed {
			t.Errorf("%d: %v %d, want %v %d", i, ok, suppressed, c.ok, c.suppressed)
		}
	}
	if ok, _ := l.pass("", r, 6, 1, 0); !ok {
		t.Error("what belongs to no unit is not limited")
	}
	for _, c := range []struct {
		available uint64
		want      uint
	}{{0, 10}, {1 << 20, 10}, {16 << 20, 20}, {256 << 20, 30}, {4 << 30, 40}} {
		if got := modulate(10, c.available); got != c.want {
			t.Errorf("%d bytes: %d, want %d", c.available, got, c.want)
		}
	}
}

// TestHugeLine sends 100 MB without a newline: no more than a line of it is kept at a time.
func TestHugeLine(t *testing.T) {
	c, root := start(t, func(o *Options) { o.Config.Runtime = Use{MaxUse: 4 << 20} })
	fd, err := c.Stream(Stream{Unit: "a.service", RateLimit: RateLimit{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	chunk := []byte(strings.Repeat("z", 1<<20))
	for range 100 {
		for b := chunk; len(b) > 0; {
			n, err := unix.Write(fd, b)
			if err != nil && err != unix.EINTR {
				t.Fatal(err)
			}
			b = b[max(n, 0):]
		}
	}
	unix.Close(fd)
	c.Close()
	lines := pick(entries(t, root), "MESSAGE")
	for _, l := range lines[:len(lines)-1] {
		if len(l) != defaultLineMax {
			t.Fatalf("a line of %d bytes", len(l))
		}
	}
	used := int64(0)
	paths, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/*"))
	for _, p := range paths {
		st, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		used += st.Size()
	}
	if used > 5<<20 {
		t.Errorf("%d bytes of files where 4 MB are the limit", used)
	}
}

// TestFlood has four senders that stop for nothing, each datagram with names of its own, valid or not. Another service's lines are stored
// meanwhile, all that was valid is there afterwards, once, and the collector has not grown by what it was sent.
func TestFlood(t *testing.T) {
	const each = 4000 // datagrams of a sender, at least
	c, root := start(t, func(o *Options) {
		o.Sockets, o.Config.RateLimit.Off = true, true
		o.Config.Runtime = Use{MaxUse: 256 << 20, MaxFileSize: 64 << 20}
	})
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	before := heap()
	var senders sync.WaitGroup
	var enough, stop atomic.Int32
	flood := func(name string, datagram func(i int) string) {
		fd := client(t, root, name)
		senders.Go(func() {
			for i := 0; i < each || stop.Load() == 0; i++ {
				if err := unix.Send(fd, []byte(datagram(i)), 0); err != nil && err != unix.EINTR {
					t.Error(err)
					break
				}
				if i == each {
					enough.Add(1)
				}
			}
		})
	}
	flood(syslogSocket, func(i int) string {
		if i >= each {
			return "<13>Oct  9 12:00:00 rest: more"
		}
		return fmt.Sprintf("<13>Oct  9 12:00:00 name%d[%d]: s-%d", i, i, i)
	})
	flood(syslogSocket, func(i int) string { return "<" + strings.Repeat("9", i%4000) + ">\x00\xff[[[" })
	flood(nativeSocket, func(i int) string {
		if i >= each {
			return "MESSAGE=more\n"
		}
		return fmt.Sprintf("SYSLOG_IDENTIFIER=id%d\nFIELD%d=1\nCODE_FUNC=f%d\nMESSAGE=n-%d\n", i, i, i, i)
	})
	flood(nativeSocket, func(i int) string { return "MESSAGE\n" + strings.Repeat("\xff", i%3000) })
	for i := range 20 {
		say(t, c, Stream{Unit: "victim.service", Priority: 6}, fmt.Sprintf("v-%d\n", i))
	}
	for enough.Load() < 4 { // as the flood has gone on for all of it, so that nobody was waited for
		say(t, c, Stream{Unit: "victim.service", Priority: 6}, "v\n")
	}
	stop.Store(1)
	senders.Wait()
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	grown := heap() - before
	t.Logf("%d KiB of heap more than before", grown>>10)
	if grown > 8<<20 {
		t.Error("that is too much")
	}
	c.Close()
	times := map[string]int{}
	for _, text := range pick(entries(t, root), "MESSAGE") {
		times[text]++
	}
	for _, kind := range []struct {
		letter string
		n      int
	}{{"s", each}, {"n", each}, {"v", 20}} {
		for i := range kind.n {
			if m := fmt.Sprintf("%s-%d", kind.letter, i); times[m] != 1 {
				t.Fatalf("%s is there %d times", m, times[m])
			}
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
