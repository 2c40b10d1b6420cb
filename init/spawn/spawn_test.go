package spawn

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/init/early"
)

func TestPrint(t *testing.T) {
	c := NewContext("/usr/sbin/sshd", []string{"sshd", "-D"}, []string{"A=1"})
	c.Signals = early.State{Mask: 1 << (unix.SIGUSR1 - 1), Ignored: 1<<(unix.SIGPIPE-1) | 1<<(37-1)}
	c.Session = true
	c.Files = []int{7, 8}
	c.Limits = []Limit{{unix.RLIMIT_NOFILE, 1024, unix.RLIM_INFINITY}}
	c.Umask = 0o22
	c.Groups = []int{4, 20}
	c.UID, c.GID, c.Dir = 107, 65534, "/srv"
	c.PidNames = []string{"LISTEN_PID"}
	want := ` 0 setsid()
 1 fcntl(7, F_DUPFD_CLOEXEC, 2)
 2 fcntl(8, F_DUPFD_CLOEXEC, 2)
 3 dup3(#1, 0, 0)
 4 dup3(#2, 1, 0)
 5 close_range(2, ~0U, CLOSE_RANGE_CLOEXEC) // may fail
 6 prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM64_INFINITY}, NULL)
 7 umask(022)
 8 setgroups(2, [4 20])
 9 setresgid(65534, 65534, 65534)
10 setresuid(107, 107, 107)
11 chdir("/srv")
12 getpid()
13 decimal("LISTEN_PID=", #12)
14 rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN}, NULL, 8)
15 rt_sigaction(SIGRTMIN+3, {sa_handler=SIG_IGN}, NULL, 8)
16 rt_sigprocmask(SIG_SETMASK, [USR1], NULL, 8)
17 execve("/usr/sbin/sshd", ["sshd", "-D"], [/* 2 vars */])
`
	if got := Print(c.List()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEncode(t *testing.T) {
	shared := Text("shared")
	list := []Call{
		{Name: "first", Nr: 1, Args: []Arg{Int(7), Str("x")}},
		{Name: "second", Nr: 2, Args: []Arg{Result(0), Strs([]*Data{shared, shared})}, Exit: 226},
	}
	image, err := Encode(list)
	if err != nil {
		t.Fatal(err)
	}
	header, size := int(unsafe.Sizeof(early.Header{})), int(unsafe.Sizeof(early.Step{}))
	word := func(at int) uint64 { return binary.NativeEndian.Uint64(image[at:]) }
	if word(0) != early.ListMagic || word(8) != 2 {
		t.Errorf("header is %x, %d", word(0), word(8))
	}
	first := *(*early.Step)(unsafe.Pointer(&image[header]))
	second := *(*early.Step)(unsafe.Pointer(&image[header+size]))
	text := func(address uint64) string {
		s, _, _ := strings.Cut(string(image[address-early.Base:]), "\x00")
		return s
	}
	if first.Nr != 1 || first.Args[0] != 7 || text(first.Args[1]) != "x" || first.Exit != failed {
		t.Errorf("first is %+v", first)
	}
	array := int(second.Args[1] - early.Base)
	if second.From[0] != 1 || second.Exit != 226 || word(array) != word(array+8) || text(word(array)) != "shared" || word(array+16) != 0 {
		t.Errorf("second is %+v", second)
	}
	for name, bad := range map[string][]Call{
		"an empty list":            {},
		"a result of a later call": {{Args: []Arg{Result(0)}}},
		"more than six arguments":  {{Args: make([]Arg, 7)}},
	} {
		if _, err := Encode(bad); err == nil {
			t.Errorf("%s is encoded", name)
		}
	}
}

// The exec stage is real here: tests re-execute themselves as a keelson that was linked as make build links it.

// build makes that binary.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keelson")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -E keelson_entry", "-o", path, "keelson/init")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// stageRun carries a list out: what it prints, the exit status, and the report.
func stageRun(t *testing.T, keelson string, list []Call, extra ...*os.File) (out string, status int, step, errno int32) {
	t.Helper()
	image, err := Encode(list)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "list"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(image); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(keelson)
	cmd.ExtraFiles = append([]*os.File{file, w}, extra...)
	cmd.Args = []string{early.StageName, "3", "4"}
	var b strings.Builder
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	w.Close()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	report := make([]byte, 64)
	n, _ := r.Read(report)
	r.Close()
	step = -100
	if n == early.ReportSize {
		step, errno = int32(binary.NativeEndian.Uint32(report)), int32(binary.NativeEndian.Uint32(report[4:]))
	} else if n != 0 {
		t.Errorf("the report has %d bytes", n)
	}
	return b.String(), cmd.ProcessState.ExitCode(), step, errno
}

func shell(script string) Context {
	return NewContext("/bin/sh", []string{"sh", "-c", script}, []string{"PATH=/bin:/usr/bin"})
}

func TestStage(t *testing.T) {
	keelson := build(t)
	root := os.Getuid() == 0
	for _, tt := range []struct {
		name string
		root bool
		set  func(*Context)
		run  string
		want string
	}{
		{"environment", false, func(c *Context) { c.Env = append(c.Env, "X=1 2") }, `echo "$X"`, "1 2\n"},
		{"directory", false, func(c *Context) { c.Dir = "/usr" }, `pwd`, "/usr\n"},
		{"umask", false, func(c *Context) { c.Umask = 0o127 }, `umask`, "0127\n"},
		{"limit", false, func(c *Context) { c.Limits = []Limit{{unix.RLIMIT_NOFILE, 37, 99}} }, `ulimit -Sn; ulimit -Hn`, "37\n99\n"},
		{"session", false, func(c *Context) { c.Session = true }, `set -- $(cat /proc/$$/stat); [ $6 = $$ ] && [ $5 = $$ ] && echo leader`, "leader\n"},
		{"own pid", false, func(c *Context) { c.PidNames = []string{"LISTEN_PID", "MAINPID"} }, `[ $LISTEN_PID = $$ ] && [ $MAINPID = $$ ] && echo own`, "own\n"},
		{"signals", false, func(c *Context) {
			c.Signals = early.State{Mask: 1 << (unix.SIGUSR1 - 1), Ignored: 1<<(unix.SIGPIPE-1) | 1<<(37-1)}
		}, `grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\t'`, "SigBlk:0000000000000200\nSigIgn:0000001000001000\n"},
		{"files moved", false, func(c *Context) { c.Files = []int{0, 1, 2, 6, 5} }, `cat /dev/fd/3; cat /dev/fd/4; ls /proc/self/fd | tr '\n' ' '`, "sixfive0 1 2 3 4 5 "},
		{"files swapped", false, func(c *Context) { c.Files = []int{5, 1, 2} }, `cat`, "five"},
		{"ids", true, func(c *Context) { c.UID, c.GID, c.Groups = 107, 65534, []int{4, 20} }, `id -u; id -g; id -G`, "107\n65534\n65534 4 20\n"},
		{"no groups", true, func(c *Context) { c.UID, c.GID, c.Groups = 107, 106, []int{} }, `id -G`, "106\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && !root {
				t.Skip("only root may change ids")
			}
			text := func(s string) *os.File {
				r, w, err := os.Pipe()
				if err != nil {
					t.Fatal(err)
				}
				w.WriteString(s)
				w.Close()
				t.Cleanup(func() { r.Close() })
				return r
			}
			c := shell(tt.run)
			tt.set(&c)
			out, status, step, errno := stageRun(t, keelson, c.List(), text("five"), text("six"))
			if out != tt.want || status != 0 || step != -100 {
				t.Errorf("printed %q, want %q; status %d, report %d %d\n%s", out, tt.want, status, step, errno, Print(c.List()))
			}
		})
	}
}

func TestStageFailures(t *testing.T) {
	keelson := build(t)
	directory := shell("echo ran")
	directory.Dir = "/no/such/directory"
	program := NewContext("/no/such/program", []string{"x"}, nil)
	withExit := directory.List()
	withExit[0].Exit = 200 // EXIT_CHDIR
	for _, tt := range []struct {
		name   string
		list   []Call
		status int
		step   int32
		errno  unix.Errno
	}{
		{"a directory that is not there", directory.List(), failed, 0, unix.ENOENT},
		{"its own exit status", withExit, 200, 0, unix.ENOENT},
		{"a program that is not there", program.List(), failed, int32(len(program.List()) - 1), unix.ENOENT},
		{"no execve at the end", []Call{Chdir("/")}, failed, 1, 0},
		{"an error that may be", append([]Call{Chdir("/no/such").MayFail()}, shell("exit 3").List()...), 3, -100, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, status, step, errno := stageRun(t, keelson, tt.list)
			if out != "" || status != tt.status || step != tt.step || errno != int32(tt.errno) {
				t.Errorf("printed %q, status %d, report %d %d; want %d, %d %d", out, status, step, errno, tt.status, tt.step, tt.errno)
			}
		})
	}
}

// TestStageByHand calls the stage as nobody should.
func TestStageByHand(t *testing.T) {
	keelson := build(t)
	for _, args := range [][]string{{}, {"x", "y"}, {"0"}, {"99", "98"}, {"0", "1", "2"}} {
		cmd := exec.Command(keelson)
		cmd.Args = append([]string{early.StageName}, args...)
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != 125 || !strings.HasPrefix(string(out), "keelson: ") {
			t.Errorf("%s: status %d, %q", strings.Join(args, " "), cmd.ProcessState.ExitCode(), out)
		}
	}
	bad, err := os.Create(filepath.Join(t.TempDir(), "bad"))
	if err != nil {
		t.Fatal(err)
	}
	defer bad.Close()
	bad.Write(make([]byte, 4096)) // no magic
	cmd := exec.Command(keelson)
	cmd.Args = []string{early.StageName, "3", strconv.Itoa(early.ReportStderr)}
	cmd.ExtraFiles = []*os.File{bad}
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 125 || !strings.Contains(string(out), "Invalid argument") {
		t.Errorf("a list of zeros: status %d, %q", cmd.ProcessState.ExitCode(), out)
	}
}
