package spawn

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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
		{"dynamic with state", true, "DynamicUser=yes; User=keelson-nobody-has; Group=daemon; StateDirectory=w/x", fmt.Sprintf("stat=$ROOT/lib/w/x %d:1 0755", dynamicID("keelson-nobody-has"))},
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
