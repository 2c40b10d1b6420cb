package notify

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
)

// A message is what the manager gets: the text and who says it.
type message struct {
	text string
	pid  int32
}

// listen is the manager's end: it reads messages, and closes what comes with barriers.
func listen(t *testing.T) (path string, messages chan message) {
	t.Helper()
	dir, err := os.MkdirTemp("", "n") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "s")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	raw, err := c.SyscallConn()
	if err == nil {
		err2 := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
		if err2 != nil {
			t.Fatal(err2)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	messages = make(chan message, 10)
	go func() {
		for {
			var b, oob [4096]byte
			n, m, _, _, err := c.ReadMsgUnix(b[:], oob[:])
			if err != nil {
				close(messages)
				return
			}
			got := message{text: string(b[:n])}
			control, _ := unix.ParseSocketControlMessage(oob[:m])
			for _, s := range control {
				if cred, err := unix.ParseUnixCredentials(&s); err == nil {
					got.pid = cred.Pid
				}
				if fds, err := unix.ParseUnixRights(&s); err == nil {
					for _, fd := range fds {
						unix.Close(fd)
					}
				}
			}
			messages <- got
		}
	}()
	return path, messages
}

func run(socket string, args ...string) (stderr string, status int) {
	var out, err bytes.Buffer
	h := &applet.Host{Stdout: &out, Stderr: &err}
	if socket != "" {
		h.Environ = []string{"NOTIFY_SOCKET=" + socket}
	}
	status = Main(append([]string{"systemd-notify"}, args...), h)
	return err.String(), status
}

func TestMessages(t *testing.T) {
	path, messages := listen(t)
	for _, c := range []struct{ args, want string }{
		{"--ready", "READY=1"},
		{"--ready --status=up", "READY=1\nSTATUS=up"},
		{"--stopping", "STOPPING=1"},
		{"WATCHDOG=1 X_Y=z", "WATCHDOG=1\nX_Y=z"},
		{"--ready READY=0", "READY=0"},
		{"--status= A=1 A=2", "STATUS=\nA=2"},
		{"--pid=1 --ready", "READY=1\nMAINPID=1"},
		{"--pid=self", "MAINPID=" + strconv.Itoa(os.Getpid())},
	} {
		if stderr, status := run(path, strings.Fields(c.args)...); stderr != "" || status != 0 {
			t.Errorf("%s: %q, %d", c.args, stderr, status)
		}
		if got := <-messages; got.text != c.want {
			t.Errorf("%s: %q", c.args, got.text)
		}
		if got := <-messages; got.text != "BARRIER=1" {
			t.Errorf("%s: %q", c.args, got.text)
		}
	}
	if stderr, status := run(path, "--no-block", "--reloading"); stderr != "" || status != 0 {
		t.Errorf("%q, %d", stderr, status)
	}
	got := (<-messages).text
	if clock, ok := strings.CutPrefix(got, "RELOADING=1\nMONOTONIC_USEC="); !ok || strings.Trim(clock, "0123456789") != "" || clock == "" {
		t.Error(got)
	}
}

// A script's messages come from the script, if that may be said.
func TestSender(t *testing.T) {
	path, messages := listen(t)
	if stderr, status := run(path, "--no-block", "--ready"); stderr != "" || status != 0 {
		t.Errorf("%q, %d", stderr, status)
	}
	want := os.Getppid()
	if os.Geteuid() != 0 || want <= 1 {
		want = os.Getpid()
	}
	if got := <-messages; int(got.pid) != want {
		t.Errorf("from %d, want %d", got.pid, want)
	}
}

func TestFailures(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		socket, args, stderr string
		status               int
	}{
		{"", "--ready", "No status data could be sent: $NOTIFY_SOCKET was not set\n", 1},
		{"relative", "--ready", "Failed to notify init system: Invalid argument\n", 1},
		{dir + "/nobody", "--ready", "Failed to notify init system: No such file or directory\n", 1},
		{dir, "--pid=0", "Failed to parse PID 0.\n", 1},
		{dir, "--pid=x", "Failed to parse PID x.\n", 1},
		{dir, "--uid=no-such-user", "Can't resolve user no-such-user: Invalid argument\n", 1},
		{dir, "", "", 1},
		{dir, "--nonsense", "systemd-notify: unrecognized option '--nonsense'\n", 1},
	} {
		if stderr, status := run(c.socket, strings.Fields(c.args)...); stderr != c.stderr || status != c.status {
			t.Errorf("%q %q: %q, %d", c.socket, c.args, stderr, status)
		}
	}
}

func TestBooted(t *testing.T) {
	h := &applet.Host{Root: t.TempDir(), Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer)}
	if status := Main([]string{"systemd-notify", "--booted"}, h); status != 1 {
		t.Error(status)
	}
	if err := os.MkdirAll(h.Root+"/run/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	if status := Main([]string{"systemd-notify", "--booted"}, h); status != 0 {
		t.Error(status)
	}
}

// The barrier is left when the manager ends, and does not hang on one that has gone.
func TestBarrierEnds(t *testing.T) {
	start := time.Now()
	path, messages := listen(t)
	if _, status := run(path, "--ready"); status != 0 || time.Since(start) > barrierTimeout {
		t.Errorf("status %d after %s", status, time.Since(start))
	}
	<-messages
}
