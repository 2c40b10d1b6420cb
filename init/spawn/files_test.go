package spawn

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise"
)

// TestEnvironmentFiles: their order, patterns, and what cannot hold a start up.
func TestEnvironmentFiles(t *testing.T) {
	p := newPlace(t)
	for name, text := range map[string]string{"a.conf": "A=1\nB=1\n", "b.conf": "B=2\nbad name=x\n", ".c.conf": "C=3\n"} {
		if err := os.WriteFile(filepath.Join(p.root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(p.root+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	o := p.start("ExecStart=$SUBJECT run env=A env=B env=C env=D; Environment=A=0 D=4; EnvironmentFile=$ROOT/*.conf; EnvironmentFile=-/no/such; EnvironmentFile=-$ROOT/fifo", nil)
	if want := "env=A \"1\"\nenv=B \"2\"\nenv=C \"\"\nenv=D \"4\"\n"; o.out != want {
		t.Errorf("%q, want %q; %v", o.out, want, o.failed)
	}
}

// TestOutputs are files that the program writes to.
func TestOutputs(t *testing.T) {
	const said = "write=1:x <nil>\n"
	old := strings.Repeat("-", 30)
	for _, tt := range []struct{ lines, after string }{
		{"StandardOutput=file:$ROOT/f", "x" + said + old[1+len(said):]},
		{"StandardOutput=append:$ROOT/f", old + "x" + said},
		{"StandardOutput=truncate:$ROOT/f", "x" + said},
		{"StandardInput=file:$ROOT/f; StandardOutput=file:$ROOT/f", "x" + said + old[1+len(said):]},
	} {
		p := newPlace(t)
		if err := os.WriteFile(p.root+"/f", []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		o := p.start("ExecStart=$SUBJECT run write=1:x; StandardError=journal; "+tt.lines, nil)
		got, err := os.ReadFile(p.root + "/f")
		if err != nil || string(got) != tt.after || o.status != 0 {
			t.Errorf("%s: %q, %v, %v; want %q", tt.lines, got, err, o.failed, tt.after)
		}
	}
	p := newPlace(t)
	p.start("ExecStart=$SUBJECT run write=1:x; UMask=0077; StandardOutput=file:$ROOT/new; StandardError=file:$ROOT/new", nil)
	if st, err := os.Stat(p.root + "/new"); err != nil || st.Mode() != 0o600 {
		t.Errorf("a new file: %v, %v", st, err)
	}
	// A socket in the file system is connected to.
	l, err := net.Listen("unix", p.root+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	said1 := make(chan string)
	go func() {
		c, err := l.Accept()
		if err != nil {
			said1 <- err.Error()
			return
		}
		text, _ := io.ReadAll(c)
		said1 <- string(text)
	}()
	o := p.start("ExecStart=$SUBJECT run fd=1; StandardOutput=file:$ROOT/socket", nil)
	if o.failed != nil {
		l.Close()
	}
	if got := <-said1; got != "fd=1 socket rw\n" {
		t.Errorf("the socket was told %q; %v", got, o.failed)
	}
}

// TestDescriptors are those that are passed: places, names, flags, and nothing else.
func TestDescriptors(t *testing.T) {
	p := newPlace(t)
	socket := func() int {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
		return fds[0]
	}
	if err := os.WriteFile(p.root+"/opened", []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The owner's numbers are in another order than the program's.
	first, second := socket(), socket()
	low, err := unix.FcntlInt(uintptr(first), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(low)
	for _, nonblock := range []bool{false, true} {
		flag := ""
		if nonblock {
			flag = ",nonblock"
		}
		o := p.start("ExecStart=$SUBJECT run fds fd=3 fd=4 fd=5 own=LISTEN_PID env=LISTEN_FDS env=LISTEN_FDNAMES read=5; OpenFile=/no/such:none:graceful; OpenFile=$ROOT/opened:o:read-only",
			func(e *supervise.Spawn, g *Given) {
				e.FDs, e.Sockets = []supervise.PassedFD{{FD: 1, Name: "web"}, {FD: 2, Name: "db"}}, 2
				g.FDs, g.NonBlocking = []int{second, low}, nonblock
			})
		want := "fds 0 1 2 3 4 5\nfd=3 socket rw" + flag + "\nfd=4 socket rw" + flag + "\nfd=5 $ROOT/opened r\nown=LISTEN_PID true\nenv=LISTEN_FDS \"3\"\nenv=LISTEN_FDNAMES \"web:db:o\"\nread=5 \"content\"\n"
		if o.out != want {
			t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
		}
	}
	// A connection for the standard streams is no passed descriptor.
	o := p.start("ExecStart=$SUBJECT run fds fd=0 variables; StandardInput=socket; StandardError=journal; StandardOutput=journal", func(e *supervise.Spawn, g *Given) {
		e.FDs, e.Sockets, e.Connection = []supervise.PassedFD{{FD: 1, Name: "web"}}, 1, 1
		e.Own = append(e.Own, "LISTEN_FDS=1", "LISTEN_FDNAMES=web")
		g.FDs, g.Connection = []int{first}, first
	})
	if want := "fds 0 1 2\nfd=0 socket rw\nvariables INVOCATION_ID JOURNAL_STREAM LANG PATH SYSTEMD_EXEC_PID\n"; o.out != want {
		t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
	}
	// By name.
	o = p.start("ExecStart=$SUBJECT run fd=0 fds; StandardInput=fd:db; StandardOutput=journal", func(e *supervise.Spawn, g *Given) {
		e.FDs, e.Sockets = []supervise.PassedFD{{FD: 1, Name: "web"}, {FD: 2, Name: "db"}}, 2
		g.FDs = []int{first, second}
	})
	if want := "fd=0 socket rw\nfds 0 1 2 3 4\n"; o.out != want {
		t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
	}
}

// TestOwnership: a tree that was another user's is given away once, and moves to where DynamicUser= wants it and back.
func TestOwnership(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("takes root")
	}
	p := newPlace(t)
	check := func(path string, uid uint32) {
		t.Helper()
		var st unix.Stat_t
		if err := unix.Lstat(p.root+path, &st); err != nil || st.Uid != uid {
			t.Errorf("%s belongs to %d, %v; want %d", path, st.Uid, err, uid)
		}
	}
	if err := os.MkdirAll(p.root+"/lib/s/deep", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.root+"/lib/s/deep/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(lines string) {
		t.Helper()
		if o := p.start("ExecStart=/bin/true; "+lines, nil); o.status != 0 {
			t.Fatalf("%s: %d, %v", lines, o.status, o.failed)
		}
	}
	run("User=daemon; StateDirectory=s")
	check("/lib/s", 1)
	check("/lib/s/deep/file", 1)
	// The top is right: what is below is not looked at.
	if err := os.Chown(p.root+"/lib/s/deep/file", 2, 2); err != nil {
		t.Fatal(err)
	}
	run("User=daemon; StateDirectory=s")
	check("/lib/s/deep/file", 2)
	run("StateDirectory=s")
	check("/lib/s/deep/file", 0)
}

// TestCredentialSources: a FIFO and a socket are read by the child, and the manager's own are found by name.
func TestCredentialSources(t *testing.T) {
	p := newPlace(t)
	if err := unix.Mkfifo(p.root+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(p.root+"/own", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine", "other"} {
		if err := os.WriteFile(p.root+"/own/"+name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.c.Credentials = p.root + "/own"
	go func() {
		if f, err := os.OpenFile(p.root+"/fifo", os.O_WRONLY, 0); err == nil {
			f.WriteString("from a FIFO")
			f.Close()
		}
	}()
	const dir = "$ROOT/run/credentials/a.service"
	o := p.start("ExecStart=$SUBJECT run list="+dir+" file="+dir+"/f file="+dir+"/mine; LoadCredential=f:$ROOT/fifo; LoadCredential=mine; LoadCredential=none; ImportCredential=oth*", nil)
	want := "list=" + dir + " f mine other\nfile=" + dir + "/f from a FIFO\nfile=" + dir + "/mine mine\n"
	if o.out != want {
		t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
	}
}
