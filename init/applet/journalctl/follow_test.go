package journalctl

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/journal"
	"keelson/init/journal/file"
)

// collect begins to collect below a root, as the machine that journalctl takes itself to be on.
func collect(t *testing.T) (c *journal.Collector, root string) {
	t.Helper()
	root = t.TempDir()
	boot := readID("/proc/sys/kernel/random/boot_id")
	if boot.IsZero() {
		t.Skip("there is no boot ID without /proc")
	}
	machine := file.ID{0x42}
	if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "etc/machine-id"), []byte(machine.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := journal.Start(journal.Options{Root: root, Console: journal.Console{FD: -1}, Hostname: "box", MachineID: machine, BootID: boot, Sockets: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, root
}

func say(t *testing.T, c *journal.Collector, unit, text string) {
	t.Helper()
	fd, err := c.Stream(journal.Stream{Unit: unit, Identifier: "ident", Priority: 6, RateLimit: journal.RateLimit{Off: true}})
	if err != nil {
		t.Fatal(err)
	}
	for b := []byte(text); len(b) > 0; {
		n, err := unix.Write(fd, b)
		if err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		b = b[max(n, 0):]
	}
	unix.Close(fd)
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
}

// TestFollow sees what is said as it is said, once, also while files are rotated and the first file comes into being.
func TestFollow(t *testing.T) {
	c, root := collect(t)
	dir := filepath.Join(root, "run/log/journal")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-D", dir, "-f", "-m", "-o", "cat", "-u", "a.service")
	cmd.Env = append(os.Environ(), "KEELSON_PLAY=journalctl")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	lines := make(chan string)
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
		close(lines)
	}()
	n := 0
	expect := func() {
		t.Helper()
		select {
		case l, ok := <-lines:
			if want := fmt.Sprintf("line %d", n); !ok || l != want {
				t.Fatalf("got %q, want %q", l, want)
			}
			n++
		case <-time.After(20 * time.Second):
			t.Fatalf("line %d does not come", n)
		}
	}
	for round := range 4 {
		for i := range 5 {
			say(t, c, "b.service", "other\n")
			say(t, c, "a.service", fmt.Sprintf("line %d\n", 5*round+i))
			expect()
		}
		if err := c.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	var burst strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&burst, "line %d\n", n+i)
	}
	say(t, c, "a.service", burst.String())
	for range 3000 {
		expect()
	}
	// Its reader goes away: it ends by itself.
	out.Close()
	say(t, c, "a.service", "for nobody\n")
	ended := make(chan bool)
	go func() {
		cmd.Process.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Error("it goes on without a reader")
	}
}

// TestTail is what systemctl status shows.
func TestTail(t *testing.T) {
	c, root := collect(t)
	say(t, c, "a.service", "one\ntwo\nthree\n")
	say(t, c, "b.service", "other\n")
	c.Log(5, "a.service", "a.service: Deactivated.", []string{"INVOCATION_ID=" + strings.Repeat("7", 32)})
	if err := c.Sync(); err != nil {
		t.Fatal(err)
	}
	h := &applet.Host{Root: root, Local: time.UTC}
	for _, q := range []struct {
		Query
		want []string
	}{
		{Query{Unit: "a.service", Lines: 2, Output: "cat"}, []string{"three", "a.service: Deactivated."}},
		{Query{Unit: "a.service", Lines: 10, Output: "cat"}, []string{"one", "two", "three", "a.service: Deactivated."}},
		{Query{Unit: "a.service", Lines: 10, Output: "cat", Invocation: strings.Repeat("7", 32)}, []string{"a.service: Deactivated."}},
		{Query{Unit: "a.service", Lines: 10, Output: "cat", Since: 1 << 60}, nil},
		{Query{Unit: "c.service", Lines: 10}, nil},
		{Query{Unit: "a.service", Lines: 0}, nil},
	} {
		got, cut, err := Tail(h, q.Query)
		if err != nil || cut || strings.Join(got, "|") != strings.Join(q.want, "|") {
			t.Errorf("%+v: %q, %v, %v", q.Query, got, cut, err)
		}
	}
	got, _, err := Tail(h, Query{Unit: "b.service", Lines: 1})
	if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], fmt.Sprintf(" box ident[%d]: other", os.Getpid())) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestManage asks the collector.
func TestManage(t *testing.T) {
	c, root := collect(t)
	say(t, c, "a.service", "one\n")
	files := func() int {
		found, _ := filepath.Glob(filepath.Join(root, "run/log/journal/*/system@*"))
		return len(found)
	}
	call := func(args ...string) (int, string) {
		var out, messages strings.Builder
		h := &applet.Host{Stdout: &out, Stderr: &messages, Root: root}
		return Main(append([]string{"journalctl"}, args...), h), out.String() + messages.String()
	}
	for _, step := range []struct {
		args   string
		status int
		files  int
		says   string
	}{
		{"--sync", 0, 0, ""},
		{"--rotate", 0, 1, ""},
		{"--rotate", 0, 1, ""}, // there is nothing new
		{"--flush", 0, 1, ""},
		{"--vacuum-files=1", 0, 0, "Vacuuming done, freed "},
		{"--rotate --vacuum-size=1K", 0, 0, "Vacuuming done, freed 0B"},
		{"--image=x", 1, 0, "--image is not supported"},
		{"-M x", 1, 0, "--machine is not supported"},
	} {
		status, out := call(strings.Fields(step.args)...)
		if status != step.status || !strings.Contains(out, step.says) || files() != step.files {
			t.Errorf("%s: status %d, %d archived files: %s", step.args, status, files(), out)
		}
	}
	c.Close()
	if status, out := call("--sync"); status != 1 || !strings.Contains(out, "Failed to connect to ") {
		t.Errorf("without a collector: %d, %s", status, out)
	}
}
