package spawn

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/sys"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// A place is a folder for one test, which stands for /run and the like.
type place struct {
	t       *testing.T
	root    string
	subject string
	c       *Compiler
}

func newPlace(t *testing.T) *place {
	t.Helper()
	subject := build(t)
	root, err := os.MkdirTemp(filepath.Dir(subject), "place")
	if err == nil {
		err = os.Chmod(root, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	h := host()
	h.RuntimeRoot, h.StateRoot, h.CacheRoot, h.LogsRoot, h.ConfigurationRoot = root+"/run", root+"/lib", root+"/cache", root+"/log", root+"/etc"
	for _, dir := range []string{h.RuntimeRoot, h.StateRoot, h.CacheRoot, h.LogsRoot, h.ConfigurationRoot} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := NewCompiler(Options{Host: h})
	c.self = subject
	c.Machine.DynamicUsers = root + "/dynamic"
	t.Cleanup(func() { unix.Close(c.null) })
	return &place{t, root, subject, c}
}

// outcome is what became of a process.
type outcome struct {
	out      string
	status   int // or -signal
	failed   *StepError
	degraded []Degradation
	err      error // there was no process
}

// start runs the first ExecStart= of a service until its end; its standard output is read, unless the unit puts it elsewhere. $ROOT and $SUBJECT stand for the place and the
// program.
func (p *place) start(lines string, given func(*supervise.Spawn, *Given)) (o outcome) {
	p.t.Helper()
	e := p.spawn(lines)
	r, w, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Close()
	g := NewGiven()
	g.Out, g.Err = int(w.Fd()), int(w.Fd())
	if given != nil {
		given(e, &g)
	}
	program, err := p.c.Compile(e, g)
	if err != nil {
		w.Close()
		return outcome{err: err}
	}
	child, err := program.Start()
	w.Close()
	if err != nil {
		p.t.Fatalf("%v\n%s", err, Print(program.List))
	}
	out, err := io.ReadAll(r)
	if err != nil {
		p.t.Fatal(err)
	}
	var failed *StepError
	if err := child.Wait(); err != nil {
		failed = err.(*StepError)
	}
	var status unix.WaitStatus
	if err := sys.Retry(func() error { _, err := unix.Wait4(child.Pid, &status, 0, nil); return err }); err != nil {
		p.t.Fatal(err)
	}
	o = outcome{out: strings.ReplaceAll(string(out), p.root, "$ROOT"), status: status.ExitStatus(), failed: failed, degraded: append(program.Degraded, child.Degraded...)}
	if status.Signaled() {
		o.status = -int(status.Signal())
	}
	return o
}

func (p *place) spawn(lines string) *supervise.Spawn {
	p.t.Helper()
	lines = strings.NewReplacer("$ROOT", p.root, "$SUBJECT", p.subject, "; ", "\n").Replace(lines)
	return spawnOf(p.t, lines)
}

// TestStart starts a program that tells what it was given. Each line of want is a question with its answer.
func TestStart(t *testing.T) {
	root := os.Getuid() == 0
	for _, tt := range []struct {
		name  string
		root  bool
		lines string
		want  string
	}{
		{"plain", false, "", `signals 0x0 0x1000
session true true
cwd /
umask 022
fds 0 1 2
fd=0 /dev/null r
own=SYSTEMD_EXEC_PID true
variables INVOCATION_ID JOURNAL_STREAM LANG PATH SYSTEMD_EXEC_PID
status=NoNewPrivs 0`},
		{"signals", false, "IgnoreSIGPIPE=no", `signals 0x0 0x0`},
		{"umask", false, "UMask=0027", "umask 027"},
		{"directory", false, "WorkingDirectory=/usr", "cwd /usr"},
		{"directory that is missing", false, "WorkingDirectory=-/no/such", "session true true"},
		{"limits", false, "LimitMSGQUEUE=37:99; LimitCORE=0", "limit=12 37:99\nlimit=4 0:0"},
		{"realtime", false, "RestrictRealtime=yes", "limit=14 0:0"},
		{"oom", false, "OOMScoreAdjust=1000", "file=/proc/self/oom_score_adj 1000"},
		{"core dumps", false, "CoredumpFilter=private-anonymous elf-headers", "file=/proc/self/coredump_filter 00000011"},
		{"nice", false, "Nice=7", "nice 7"},
		{"affinity", false, "CPUAffinity=0", "affinity 1"},
		{"batch", false, "CPUSchedulingPolicy=batch; CPUSchedulingResetOnFork=yes", "policy 3 0 1"},
		{"idle", false, "IOSchedulingClass=idle", "ioprio 3 4"},
		{"best effort", false, "IOSchedulingPriority=7", "ioprio 2 7"},
		{"slack", false, "TimerSlackNSec=7000", "slack 7000"},
		{"personality", false, "Personality=x86", "personality 8"},
		{"environment", false, "Environment=A=1 B=2; UnsetEnvironment=B LANG", "env=A \"1\"\nenv=B \"\"\nenv=LANG \"\""},
		{"search path", false, "ExecSearchPath=/opt:/bin", `env=PATH "/opt:/bin"`},
		{"data", false, "StandardInputText=hello", "fd=0 /memfd rw\nread=0 \"hello\\n\""},
		{"input file", false, "StandardInput=file:/etc/passwd", "fd=0 /etc/passwd r"},
		{"no new privileges", false, "NoNewPrivileges=yes", "status=NoNewPrivs 1"},
		{"filters", false, "SystemCallFilter=~uname; SystemCallErrorNumber=EPERM; LockPersonality=yes", "uname operation not permitted\nstatus=Seccomp_filters 2"},
		{"runtime directory", false, "RuntimeDirectory=a b/c:link; RuntimeDirectoryMode=0700", "list=$ROOT/run a b link\nmake=$ROOT/run/a/file <nil>\nlist=$ROOT/run/link"},
		{"credentials", false, "SetCredential=x:hello; LoadCredential=y:/etc/hostname", "env=CREDENTIALS_DIRECTORY \"$ROOT/run/credentials/a.service\"\nlist=$ROOT/run/credentials/a.service x y\nfile=$ROOT/run/credentials/a.service/x hello"},

		{"user", true, "User=daemon", `ids 1 1 1 1 1 1
groups [1]
env=USER "daemon"
env=LOGNAME "daemon"
env=HOME "/usr/sbin"
env=SHELL ""
status=CapEff 0000000000000000`},
		{"user and group", true, "User=daemon; Group=nogroup; SupplementaryGroups=5 4", "ids 1 1 1 65534 65534 65534\ngroups [4 5 65534]"},
		{"number", true, "User=4242", "ids 4242 4242 4242 4242 4242 4242\ngroups [4242]\nenv=USER \"4242\""},
		{"group alone", true, "Group=daemon", "ids 0 0 0 1 1 1"},
		{"dynamic", true, "DynamicUser=yes; User=keelson-nobody-has; RuntimeDirectory=dyn; ProtectSystem=no", "stat=$ROOT/run/dyn " + fmt.Sprintf("%d:%d 0755", dynamicID("keelson-nobody-has"), dynamicID("keelson-nobody-has")) + "\nenv=USER \"keelson-nobody-has\"\nstatus=NoNewPrivs 1"},
		{"home", true, "User=root; WorkingDirectory=~", "cwd /root"},
		{"bounding set", true, "CapabilityBoundingSet=CAP_KILL CAP_CHOWN CAP_SETPCAP", "status=CapBnd 0000000000000121\nstatus=CapEff 0000000000000121"},
		{"ambient", true, "User=daemon; AmbientCapabilities=CAP_CHOWN CAP_NET_BIND_SERVICE", "status=CapAmb 0000000000000401\nstatus=CapEff 0000000000000401\nids 1 1 1 1 1 1\nsecurebits 0"},
		{"ambient as root", true, "AmbientCapabilities=CAP_CHOWN; CapabilityBoundingSet=CAP_CHOWN CAP_KILL", "status=CapAmb 0000000000000001\nstatus=CapBnd 0000000000000021"},
		{"secure bits", true, "User=daemon; SecureBits=noroot noroot-locked", "securebits 3\nids 1 1 1 1 1 1"},
		{"keep capabilities", true, "User=daemon; AmbientCapabilities=CAP_CHOWN; SecureBits=keep-caps", "status=CapAmb 0000000000000001"},
		{"filters of a user", true, "User=daemon; SystemCallFilter=~uname; SystemCallErrorNumber=EPERM", "uname operation not permitted\nstatus=NoNewPrivs 1"},
		{"directories of a user", true, "User=daemon; StateDirectory=s/t; StateDirectoryMode=0750; CacheDirectory=c; LogsDirectory=l; ConfigurationDirectory=e", `stat=$ROOT/lib/s 0:0 0755
stat=$ROOT/lib/s/t 1:1 0750
stat=$ROOT/cache/c 1:1 0755
stat=$ROOT/log/l 1:1 0755
stat=$ROOT/etc/e 1:1 0755
make=$ROOT/lib/s/t/x <nil>`},
		{"credentials of a user", true, "User=daemon; SetCredential=x:hello; LoadCredential=d:$ROOT/etc", `stat=$ROOT/run/credentials/a.service 1:0 0500
stat=$ROOT/run/credentials/a.service/x 1:0 0400
file=$ROOT/run/credentials/a.service/x hello`},
		{"fully privileged", true, "ExecStart=+$SUBJECT run ids groups status=NoNewPrivs cwd; User=daemon; NoNewPrivileges=yes; WorkingDirectory=/usr", "ids 0 0 0 0 0 0\ngroups [1]\nstatus=NoNewPrivs 0\ncwd /usr"},
		{"without its user", true, "ExecStart=!$SUBJECT run ids status=NoNewPrivs; User=daemon; NoNewPrivileges=yes", "ids 0 0 0 0 0 0\nstatus=NoNewPrivs 1"},
		{"chroot", true, "RootDirectory=$ROOT; MountAPIVFS=no; WorkingDirectory=/etc; ExecStart=/subject run cwd list=/", "cwd /etc\nlist=/ cache etc lib log run subject"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && !root {
				t.Skip("takes root")
			}
			p := newPlace(t)
			if err := copyFile(p.subject, p.root+"/subject"); err != nil {
				t.Fatal(err)
			}
			p.c.allowed[unix.CLONE_NEWNS] = unix.EPERM
			lines := tt.lines
			if !strings.Contains(lines, "ExecStart=") {
				lines = "ExecStart=$SUBJECT run " + strings.Join(questions(tt.want), " ") + "\n" + lines
			}
			o := p.start(lines, nil)
			if o.err != nil || o.failed != nil || o.status != 0 || o.out != tt.want+"\n" {
				t.Errorf("got %v %v, status %d, degraded %v\n%s\nwant\n%s", o.err, o.failed, o.status, o.degraded, o.out, tt.want)
			}
		})
	}
}

func questions(want string) []string {
	var list []string
	for line := range strings.Lines(want) {
		question, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		list = append(list, question)
	}
	return list
}

func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// TestExitStatus is systemd's table of them, as far as a unit or a machine can bring them about.
func TestExitStatus(t *testing.T) {
	root := os.Getuid() == 0
	bare := func(p *place) { p.c.Machine.Sets, p.c.Strict = Sets{}, true } // a machine without capabilities, and strict
	for _, tt := range []struct {
		lines  string
		set    func(*place)
		status int
		stage  string
		text   string // that the error has
		root   bool
	}{
		{"WorkingDirectory=/no/such", nil, 200, "CHDIR", "cannot change to the directory /no/such: chdir: No such file or directory", false},
		{"Nice=-5", func(p *place) { bare(p); p.c.Machine.Nice = 0; p.c.Machine.Limits[unit.LimitNICE] = unit.Rlimit{} }, 201, "NICE", "CAP_SYS_NICE", false},
		{"OpenFile=/no/such", nil, 202, "FDS", "/no/such", false},
		{"ExecStart=/no/such", nil, 203, "EXEC", "cannot locate the executable /no/such: no such file or directory", false},
		{"ExecStart=nosuchprogram", nil, 203, "EXEC", "nosuchprogram", false},
		{"ExecStart=/usr", nil, 203, "EXEC", "is a directory", false},
		{"ExecStart=/etc/passwd", nil, 203, "EXEC", "permission denied", false},
		{"ExecStart=$ROOT/script", func(p *place) { os.WriteFile(p.root+"/script", []byte("echo no interpreter\n"), 0o755) }, 203, "EXEC", "Exec format error", false},
		{"ExecStart=-/no/such", nil, 0, "SUCCESS", "/no/such", false},
		{"LimitNOFILE=infinity", func(p *place) { bare(p); p.c.Machine.Limits[unit.LimitNOFILE] = unit.Rlimit{Soft: 5, Hard: 5} }, 205, "LIMITS", "hard limit is 5", false},
		{"OOMScoreAdjust=1", func(p *place) { bare(p); p.c.Machine.Proc = false }, 206, "OOM_ADJUST", "there is no /proc", false},
		{"StandardInput=file:/no/such", nil, 208, "STDIN", "/no/such", false},
		{"StandardOutput=file:/no/such/x", nil, 209, "STDOUT", "/no/such/x", false},
		{"StandardOutput=tty; TTYPath=/dev/null", nil, 209, "STDOUT", "Inappropriate ioctl for device", false},
		{"RootDirectory=/no/such; MountAPIVFS=no", nil, 210, "CHROOT", "/no/such", true},
		{"SecureBits=noroot", bare, 213, "SECUREBITS", "CAP_SETPCAP", false},
		{"CPUAffinity=4000", nil, 215, "CPUAFFINITY", "Invalid argument", false},
		{"Group=no-such-group", nil, 216, "GROUP", "no group \"no-such-group\" in /etc/group", false},
		{"SupplementaryGroups=no-such-group", nil, 216, "GROUP", "no-such-group", false},
		{"User=no-such-user", nil, 217, "USER", "no user \"no-such-user\" in /etc/passwd", false},
		{"AmbientCapabilities=CAP_CHOWN", bare, 218, "CAPABILITIES", "bounding set", false},
		{"PAMName=login; User=root", bare, 224, "PAM", "PAM", false},
		{"NetworkNamespacePath=/no/such", nil, 225, "NETWORK", "/no/such", false},
		{"PrivateNetwork=yes", bare, 225, "NETWORK", "SYS_ADMIN", false},
		{"PrivateTmp=yes", bare, 226, "NAMESPACE", "mount namespace", false},
		{"TemporaryFileSystem=/tmp", func(p *place) { p.c.Machine.Sets = Sets{} }, 226, "NAMESPACE", "TemporaryFileSystem=/tmp", false},
		{"IPCNamespacePath=/no/such", func(p *place) { p.c.Machine.Sets = Sets{} }, 226, "NAMESPACE", "/no/such", false},
		{"RuntimeDirectory=a/b", inTheWay("run/a"), 233, "RUNTIME_DIRECTORY", "not a directory", false},
		{"StateDirectory=a", inTheWay("lib/a"), 238, "STATE_DIRECTORY", "not a directory", false},
		{"StateDirectory=a", func(p *place) { os.Symlink("/tmp", p.root+"/lib/a") }, 238, "STATE_DIRECTORY", "not a directory", false},
		{"CacheDirectory=a/b", inTheWay("cache/a"), 239, "CACHE_DIRECTORY", "not a directory", false},
		{"LogsDirectory=a/b", inTheWay("log/a"), 240, "LOGS_DIRECTORY", "not a directory", false},
		{"ConfigurationDirectory=a/b", inTheWay("etc/a"), 241, "CONFIGURATION_DIRECTORY", "not a directory", false},
		{"NUMAPolicy=interleave", nil, 242, "NUMA_POLICY", "NUMAMask=", false},
		{"LoadCredential=x:/no/such", nil, 243, "CREDENTIALS", "/no/such", false},
		{"LoadCredential=x:$ROOT/big", func(p *place) { os.WriteFile(p.root+"/big", make([]byte, credentialMax+1), 0o600) }, 243, "CREDENTIALS", "more than 1048576 bytes", false},
		{"RestrictFileSystems=ext4", bare, 244, "BPF", "BPF", false},
	} {
		t.Run(tt.stage+" "+tt.lines, func(t *testing.T) {
			if tt.root && !root {
				t.Skip("takes root")
			}
			p := newPlace(t)
			if tt.set != nil {
				tt.set(p)
			}
			lines := tt.lines
			if !strings.Contains(lines, "ExecStart=") {
				lines = "ExecStart=/bin/true\n" + lines
			}
			o := p.start(lines, nil)
			if o.failed == nil || o.status != tt.status || o.failed.Status() != tt.status || o.failed.Stage() != tt.stage || !strings.Contains(o.failed.Error(), tt.text) {
				t.Errorf("got status %d, %v %v; want %d %s, %q", o.status, o.err, o.failed, tt.status, tt.stage, tt.text)
			}
			if strings.Contains(fmt.Sprint(o.failed), "\n") {
				t.Errorf("more than a line: %q", o.failed)
			}
		})
	}
}

func inTheWay(name string) func(*place) {
	return func(p *place) { os.WriteFile(filepath.Join(p.root, name), nil, 0o600) }
}

// TestNoProcess is what fails a unit before there is a process.
func TestNoProcess(t *testing.T) {
	p := newPlace(t)
	for lines, want := range map[string]string{
		"EnvironmentFile=/no/such":    "Failed to load environment files: open /no/such: no such file or directory",
		"EnvironmentFile=$ROOT/none*": "no such file or directory",
		"EnvironmentFile=$ROOT/run":   "is a directory",
		"StandardInput=socket":        "Got no socket.",
		"StandardOutput=fd:other":     `no descriptor is named "other"`,
		"StandardError=fd":            `no descriptor is named "stderr"`,
	} {
		if o := p.start("ExecStart=/bin/true; "+lines, nil); o.err == nil || !strings.Contains(o.err.Error(), want) {
			t.Errorf("%s: %v, want %s", lines, o.err, want)
		}
	}
}

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

// TestTerminal starts programs on one: the session's, foreign, and lost.
func TestTerminal(t *testing.T) {
	p := newPlace(t)
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudoterminals here: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	path := slave.Name()
	o := p.start("ExecStart=$SUBJECT run terminal fd=0 env=TERM; StandardInput=tty-fail; StandardOutput=journal; TTYReset=yes; TTYVHangup=no; TTYPath="+path, nil)
	if want := "terminal true\nfd=0 " + path + " rw\nenv=TERM \"vt220\"\n"; o.out != want {
		t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
	}
	// Another session has it.
	holder := exec.Command("/bin/sh", "-c", "echo held; read x")
	holder.Stdin, holder.SysProcAttr = slave, &syscall.SysProcAttr{Setsid: true, Setctty: true}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(out, buf); err != nil {
		t.Fatal(err)
	}
	if o := p.start("ExecStart=$SUBJECT run terminal; StandardInput=tty-fail; StandardOutput=journal; TTYPath="+path, nil); o.status != 208 || o.failed.Errno != unix.EPERM {
		t.Errorf("a terminal that is taken: status %d, %v", o.status, o.failed)
	}
	// One that waits gets it when the holder's session is over.
	e := p.spawn("ExecStart=$SUBJECT run terminal; StandardInput=tty; StandardOutput=journal; TTYPath=" + path)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g := NewGiven()
	g.Out, g.Err = int(w.Fd()), int(w.Fd())
	program, err := p.c.Compile(e, g)
	if err != nil {
		t.Fatal(err)
	}
	child, err := program.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	waitAsleep(t, child.Pid, "inotify")
	if done, _ := child.Read(); done {
		t.Fatal("it did not wait")
	}
	if _, err := master.Write([]byte("go\n")); err != nil {
		t.Fatal(err)
	}
	if err := holder.Wait(); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(r)
	if err := child.Wait(); err != nil || string(got) != "terminal true\n" {
		t.Errorf("%v, %q", err, got)
	}
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
}

// waitAsleep waits until a process is in a system call whose kernel function has a word in its name; there is no event for that.
func waitAsleep(t *testing.T, pid int, word string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		if err != nil || strings.Contains(string(text), word) {
			return
		}
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(text), ") S ") {
			return // where the kernel tells no names
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d does not sleep in %s", pid, word)
		}
	}
}

// TestForeground runs a command with this process's own streams.
func TestForeground(t *testing.T) {
	p := newPlace(t)
	e := p.spawn("ExecStart=$SUBJECT run signals session fd=9; User=; StandardOutput=null")
	g := NewGiven()
	g.Foreground = &Foreground{Signals: early.State{Mask: 1 << (unix.SIGUSR1 - 1), Ignored: 1 << (unix.SIGHUP - 1)}}
	program, err := p.c.Compile(e, g)
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	program.files[1] = w.Fd()
	child, err := program.Start()
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(r)
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
	if want := "signals 0x200 0x1\nsession false false\nfd=9 closed\n"; string(out) != want {
		t.Errorf("%q, want %q", out, want)
	}
}

// TestStamp: a process wears its unit's number from before its program on.
func TestStamp(t *testing.T) {
	p := newPlace(t)
	o := p.start("ExecStart=$SUBJECT run limit=10", func(_ *supervise.Spawn, g *Given) { g.Stamp = 4711 })
	if o.out != "limit=10 4711:4711\n" {
		t.Errorf("%q, %v", o.out, o.failed)
	}
	e := p.spawn("ExecStart=/bin/true; LimitLOCKS=5")
	g := NewGiven()
	g.Stamp = 4711
	if program, err := p.c.Compile(e, g); err != nil || program.Stamped {
		t.Errorf("LimitLOCKS= is the unit's own: stamped, %v", err)
	}
}

// TestCgroup enters one by its folder, the old way and with clone3(2).
func TestCgroup(t *testing.T) {
	p := newPlace(t)
	dir := t.TempDir()
	procs := filepath.Join(dir, "cgroup.procs")
	if err := os.WriteFile(procs, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	p.c.Machine.IntoCgroup = false
	o := p.start("ExecStart=$SUBJECT run fds", func(_ *supervise.Spawn, g *Given) { g.Cgroup = fd })
	if text, err := os.ReadFile(procs); err != nil || string(text) != "0" || o.out != "fds 0 1 2\n" {
		t.Errorf("%q was written, %v; %q, %v", text, err, o.out, o.failed)
	}
	if err := os.Remove(procs); err != nil {
		t.Fatal(err)
	}
	if o := p.start("ExecStart=/bin/true", func(_ *supervise.Spawn, g *Given) { g.Cgroup = fd }); o.status != 219 || o.failed.Stage() != "CGROUP" {
		t.Errorf("no cgroup: status %d, %v", o.status, o.failed)
	}
	p.c.Machine.IntoCgroup = true
	e := p.spawn("ExecStart=/bin/true")
	g := NewGiven()
	g.Cgroup = fd
	program, err := p.c.Compile(e, g)
	if err != nil {
		t.Fatal(err)
	}
	if child, err := program.Start(); err == nil {
		child.Wait()
		unix.Wait4(child.Pid, nil, 0, nil)
		t.Error("clone3 makes a process in what is no cgroup")
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

// TestDynamic: ids follow from names as systemd's do, are registered, and given back.
func TestDynamic(t *testing.T) {
	for name, want := range map[string]int{"foo": 63016, "bar": 63096, "uwsgi": 64986, "_du0123": 63972} { // systemd 252's
		if got := dynamicID(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	p := newPlace(t)
	p.c.accounts = newAccounts("testdata/etc")
	id := func(unitName, user string) int {
		t.Helper()
		e := p.spawn("ExecStart=/bin/true; DynamicUser=yes; User=" + user)
		e.Unit = unitName
		program, err := p.c.Compile(e, NewGiven())
		if err != nil {
			t.Fatal(err)
		}
		return program.UID
	}
	first := id("a.service", "foo")
	if first != 63016 {
		t.Errorf("foo is %d", first)
	}
	if again := id("b.service", "foo"); again != first {
		t.Errorf("foo is %d in another unit", again)
	}
	// Somebody has the id that a name comes to.
	if err := os.Symlink("stranger", p.root+"/dynamic/direct:63096"); err != nil {
		t.Fatal(err)
	}
	other := id("c.service", "bar")
	if other == 63096 || !dynamic(other) {
		t.Errorf("bar is %d", other)
	}
	if link, err := os.Readlink(p.root + "/dynamic/direct:bar"); err != nil || link != fmt.Sprint(other) {
		t.Errorf("the register has %q, %v", link, err)
	}
	p.c.Release("a.service")
	if _, err := os.Lstat(p.root + "/dynamic/direct:foo"); err != nil {
		t.Error("foo is forgotten while b.service has it")
	}
	p.c.Release("b.service")
	if _, err := os.Lstat(p.root + "/dynamic/direct:foo"); err == nil {
		t.Error("foo is not forgotten")
	}
}

// TestRelease takes away what a unit's processes shared.
func TestRelease(t *testing.T) {
	p := newPlace(t)
	p.start("ExecStart=/bin/true; SetCredential=x:y", nil)
	dir := p.root + "/run/credentials/a.service"
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := p.c.Release("a.service"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the credentials are still there: %v", err)
	}
	if err := p.c.Release("a.service"); err != nil {
		t.Error("a second time:", err)
	}
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

// TestDenied: what the kernel refuses to the child is reported, and the program runs.
func TestDenied(t *testing.T) {
	p := newPlace(t)
	list := append([]Call{fails(unix.EPERM).mayDeny(Degradation{"Nice=-5", "no"}), fails(unix.ENOSYS).mayDeny(Degradation{"X=", "y"})}, shell("exit 0")...)
	child, err := startIn(p.subject, list, []uintptr{0, 1, 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err != nil {
		t.Fatal(err)
	}
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
	if got := fmt.Sprint(child.Degraded); got != "[Nice=-5: no X=: y]" {
		t.Error(got)
	}
}

// TestNamespaces gives processes views of their own, where that is allowed.
func TestNamespaces(t *testing.T) {
	p := newPlace(t)
	for flag, name := range map[uint64]string{unix.CLONE_NEWNS: "mount", unix.CLONE_NEWNET: "network", unix.CLONE_NEWUSER: "user"} {
		if err := p.c.may(flag); err != nil {
			t.Skipf("%s namespaces are denied here: %v", name, err)
		}
	}
	outside := func(kind string) string {
		link, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		return link
	}
	t.Run("mounts", func(t *testing.T) {
		o := p.start("ExecStart=$SUBJECT run make=$ROOT/ro/x make=$ROOT/rw/x namespace=mnt; ReadOnlyPaths=$ROOT/ro", func(*supervise.Spawn, *Given) {
			os.Mkdir(p.root+"/ro", 0o755)
			os.Mkdir(p.root+"/rw", 0o755)
		})
		lines := strings.Split(o.out, "\n")
		if len(lines) < 3 || !strings.HasSuffix(lines[0], "read-only file system") || !strings.HasSuffix(lines[1], "<nil>") || strings.HasSuffix(lines[2], outside("mnt")) {
			t.Errorf("%v, %v\n%s", o.err, o.failed, o.out)
		}
	})
	t.Run("its own folders", func(t *testing.T) {
		o := p.start("ExecStart=$SUBJECT run make=$ROOT/lib/state/x list=$ROOT/lib stat=$ROOT/lib/state/x; ProtectSystem=strict; StateDirectory=state", nil)
		if !strings.HasPrefix(o.out, "make=$ROOT/lib/state/x <nil>\n") {
			t.Errorf("%v, %v\n%s", o.err, o.failed, o.out)
		}
	})
	t.Run("private tmp", func(t *testing.T) {
		const mark = "/tmp/keelson-private-tmp"
		defer p.c.Release("a.service")
		o := p.start("ExecStart=$SUBJECT run list=/tmp make="+mark+" stat="+mark+"; PrivateTmp=yes", nil)
		if want := "list=/tmp\nmake=" + mark + " <nil>\nstat=" + mark + " 0:0 0644\n"; o.out != want {
			t.Errorf("%v, %v\n%s\nwant\n%s", o.err, o.failed, o.out, want)
		}
		if _, err := os.Stat(mark); !os.IsNotExist(err) {
			t.Errorf("it is to be seen outside: %v", err)
		}
		if o := p.start("ExecStart=$SUBJECT run list=/tmp; PrivateTmp=yes", nil); o.out != "list=/tmp keelson-private-tmp\n" {
			t.Errorf("a second process of the unit sees another: %v\n%s", o.failed, o.out)
		}
		name := p.c.lives["a.service"].temporary("/tmp")
		if err := p.c.Release("a.service"); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", name, err)
		}
	})
	t.Run("network", func(t *testing.T) {
		defer p.c.Release("a.service")
		first := p.start("ExecStart=$SUBJECT run namespace=net; PrivateNetwork=yes", nil)
		second := p.start("ExecStart=$SUBJECT run namespace=net; PrivateNetwork=yes", nil)
		if first.out == "" || first.out != second.out || strings.Contains(first.out, outside("net")) {
			t.Errorf("%q, %q, outside %q; %v", first.out, second.out, outside("net"), first.failed)
		}
	})
	t.Run("users", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("takes root")
		}
		o := p.start("ExecStart=$SUBJECT run ids file=/proc/self/uid_map; PrivateUsers=yes; User=daemon; CapabilityBoundingSet=CAP_KILL", nil)
		if want := "ids 1 1 1 1 1 1\nfile=/proc/self/uid_map 0 0 1 1 1 1\n"; o.out != want {
			t.Errorf("%v\n%s\nwant\n%s", o.failed, o.out, want)
		}
	})
	t.Run("dynamic user with state", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Skip("takes root")
		}
		defer p.c.Release("a.service")
		o := p.start("ExecStart=$SUBJECT run make=$ROOT/lib/dyn/x; DynamicUser=yes; User=keelson-dynamic; StateDirectory=dyn", nil)
		if o.out != "make=$ROOT/lib/dyn/x <nil>\n" {
			t.Errorf("%v, %v\n%s", o.err, o.failed, o.out)
		}
		var st unix.Stat_t
		if err := unix.Lstat(p.root+"/lib/private/dyn/x", &st); err != nil || int(st.Uid) != dynamicID("keelson-dynamic") {
			t.Errorf("%d, %v", st.Uid, err)
		}
		if o := p.start("ExecStart=/bin/true; StateDirectory=dyn", nil); o.status != 0 {
			t.Error(o.failed)
		}
		if err := unix.Lstat(p.root+"/lib/dyn/x", &st); err != nil || st.Uid != 0 {
			t.Errorf("it has not moved back: %d, %v", st.Uid, err)
		}
	})
}
