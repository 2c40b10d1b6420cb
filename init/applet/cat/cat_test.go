package cat

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keelson/init/applet"
)

// The program becomes the command that it runs, so it is run in a process of its own: this one, called by its name.
func TestMain(m *testing.M) {
	if root := os.Getenv("SYSTEMD_CAT_ROOT"); root != "" {
		h := applet.Process()
		h.Root = root
		os.Exit(Main(append([]string{"systemd-cat"}, os.Args[1:]...), h))
	}
	os.Exit(m.Run())
}

// journal reads n streams to their ends.
func journal(t *testing.T, root, path string, n int) chan string {
	t.Helper()
	path = filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	streams := make(chan string, n)
	for range n {
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			b, _ := io.ReadAll(c)
			streams <- string(b)
		}()
	}
	return streams
}

func run(t *testing.T, root, stdin string, args ...string) (stderr string, status int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	var e bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &e
	cmd.Env = []string{"SYSTEMD_CAT_ROOT=" + root, "PATH=/usr/bin:/bin"}
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return e.String(), cmd.ProcessState.ExitCode()
}

func machine(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("", "c") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	return root
}

func TestStreams(t *testing.T) {
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        string
		status      int
	}{
		{"input", "hello\n", nil, "\n\n6\n1\n0\n0\n0\nhello\n", 0},
		{"command", "", []string{"-t", "me", "-p", "err", "--level-prefix=no", "sh", "-c", "echo out; echo err >&2; exit 7"}, "me\n\n3\n0\n0\n0\n0\nout\nerr\n", 7},
		{"options of the command", "", []string{"echo", "-t"}, "\n\n6\n1\n0\n0\n0\n-t\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := machine(t)
			streams := journal(t, root, StdoutSocket, 1)
			if stderr, status := run(t, root, c.stdin, c.args...); stderr != "" || status != c.status {
				t.Errorf("%q, %d", stderr, status)
			}
			if got := <-streams; got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestErrorStream(t *testing.T) {
	root := machine(t)
	streams := journal(t, root, "/run/systemd/journal.other/stdout", 2)
	if stderr, status := run(t, root, "", "--namespace=other", "--stderr-priority=4", "sh", "-c", "echo out; echo err >&2"); stderr != "" || status != 0 {
		t.Errorf("%q, %d", stderr, status)
	}
	got := map[string]bool{<-streams: true, <-streams: true}
	if !got["\n\n6\n1\n0\n0\n0\nout\n"] || !got["\n\n4\n1\n0\n0\n0\nerr\n"] {
		t.Errorf("%v", got)
	}
}

func TestFailures(t *testing.T) {
	root := machine(t)
	if stderr, status := run(t, root, "", "true"); stderr != "Failed to create stream fd: No such file or directory\n" || status != 1 {
		t.Errorf("%q, %d", stderr, status)
	}
	journal(t, root, StdoutSocket, 3)
	for args, want := range map[string]string{
		"-p nonsense":             "Failed to parse priority value.\n",
		"--stderr-priority=9":     "Failed to parse stderr priority value.\n",
		"--level-prefix=perhaps":  "Failed to parse boolean argument to --level-prefix=: perhaps.\n",
		"/no/such/program":        "Failed to execute process: No such file or directory\n",
		"no-such-program-anyhere": "Failed to execute process: No such file or directory\n",
	} {
		if stderr, status := run(t, root, "", strings.Fields(args)...); stderr != want || status != 1 {
			t.Errorf("%s: %q, %d", args, stderr, status)
		}
	}
}
