package spawn

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/init/early"
)

func TestPrint(t *testing.T) {
	own, calls := PidVariable("LISTEN_PID", 3)
	list := append([]Call{
		call("setsid", unix.SYS_SETSID, ""),
		open("", "/dev/null", unix.O_WRONLY|unix.O_NOCTTY, 0).exit(209),
		dup3("", Result(1), 1).MayFail(),
	}, calls...)
	list = append(list,
		mkdir("", "/run/x", 0o755).MayExist(),
		unshare(unix.CLONE_NEWNS).mayDeny(Degradation{"PrivateTmp=yes", "denied"}),
		Mount("", "", "/", "", unix.MS_SLAVE|unix.MS_REC).After(6).MayFail(),
		prlimit("", unix.RLIMIT_NOFILE, 1024, unix.RLIM_INFINITY),
	)
	list = append(list, Signals(early.State{Mask: 1 << (unix.SIGUSR1 - 1), Ignored: 1<<(unix.SIGPIPE-1) | 1<<(37-1)})...)
	list = append(list, Exec("/usr/sbin/sshd", Texts([]string{"sshd", "-D"}), append(Texts([]string{"A=1"}), own)))
	want := ` 0 setsid()
 1 openat(AT_FDCWD, "/dev/null", O_WRONLY|O_NOCTTY|O_CLOEXEC)
 2 dup3(#1, 1, 0) // may fail
 3 getpid()
 4 decimal("LISTEN_PID=", #3)
 5 mkdirat(AT_FDCWD, "/run/x", 0755) // may exist
 6 unshare(CLONE_NEWNS) // may be denied
 7 mount(NULL, "/", NULL, MS_REC|MS_SLAVE, NULL) // may fail, after #6
 8 prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM64_INFINITY}, NULL)
 9 rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN}, NULL, 8)
10 rt_sigaction(SIGRTMIN+3, {sa_handler=SIG_IGN}, NULL, 8)
11 rt_sigprocmask(SIG_SETMASK, [USR1], NULL, 8)
12 execve("/usr/sbin/sshd", ["sshd", "-D"], [/* 2 vars */])
`
	if got := Print(list); got != want {
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
		"no room for a condition":  {{}, Call{Args: make([]Arg, 6)}.After(0)},
		"a later condition":        {Call{}.After(0)},
	} {
		if _, err := Encode(bad); err == nil {
			t.Errorf("%s is encoded", name)
		}
	}
}

// The exec stage is real here: a small program, linked as make build links keelson, is the stage and what is started by it.

// build makes that program, once.
func build(t testing.TB) string {
	t.Helper()
	subject.once.Do(func() {
		subject.path = filepath.Join(subject.dir, "subject")
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w -E keelson_entry", "-o", subject.path, "./testdata/subject")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			subject.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if subject.err != nil {
		t.Fatal(subject.err)
	}
	return subject.path
}

var subject struct {
	once sync.Once
	dir  string // that all users can enter
	path string
	err  error
}

func TestMain(m *testing.M) {
	base := "/srv" // neither below /tmp, which a unit may have for itself, nor where nothing may be executed
	if unix.Access(base, unix.W_OK) != nil {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "keelson-spawn")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	subject.dir = dir
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// step is a report: which step, and which errno; -100 and 0 if there is none.
type step struct {
	index int32
	errno unix.Errno
}

// stageRun carries a list out: what it prints, the exit status, and the report.
func stageRun(t *testing.T, keelson string, list []Call) (out string, status int, report step) {
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
	cmd.ExtraFiles = []*os.File{file, w}
	cmd.Args = []string{early.StageName, "3", "4"}
	var b strings.Builder
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	w.Close()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	n, _ := r.Read(buf)
	r.Close()
	report.index = -100
	if n == early.ReportSize {
		report = step{int32(binary.NativeEndian.Uint32(buf)), unix.Errno(int32(binary.NativeEndian.Uint32(buf[4:])))}
	} else if n != 0 {
		t.Errorf("the report has %d bytes", n)
	}
	return b.String(), cmd.ProcessState.ExitCode(), report
}

// shell is the end of a list: a script that tells how it is run.
func shell(script string) []Call {
	return []Call{Exec("/bin/sh", Texts([]string{"sh", "-c", script}), Texts([]string{"PATH=/bin:/usr/bin"}))}
}

// TestStage is what the exec stage makes of flags, conditions and operations.
func TestStage(t *testing.T) {
	keelson := build(t)
	dir := t.TempDir()
	missing := func() Call { return open("", "/no/such", unix.O_RDONLY, 0) }
	loss := Degradation{"X=", "y"}
	none := step{-100, 0}
	for _, tt := range []struct {
		name   string
		list   []Call
		out    string
		status int
		report step
	}{
		{"runs", shell("echo ran"), "ran\n", 0, none},
		{"a failure", []Call{Chdir("/no/such/directory")}, "", failed, step{0, unix.ENOENT}},
		{"with a status", []Call{Chdir("/no/such/directory").exit(200)}, "", 200, step{0, unix.ENOENT}},
		{"with status 0", []Call{Chdir("/no/such/directory").exit(0)}, "", 0, step{0, unix.ENOENT}},
		{"a program that is not there", []Call{Exec("/no/such/program", nil, nil)}, "", failed, step{0, unix.ENOENT}},
		{"no execve at the end", []Call{Chdir("/")}, "", failed, step{1, 0}},
		{"may fail", append([]Call{Chdir("/no/such").MayFail()}, shell("exit 3")...), "", 3, none},
		{"may exist, and does", append([]Call{mkdir("", "/usr", 0o755).MayExist()}, shell("exit 3")...), "", 3, none},
		{"may exist, and fails", []Call{mkdir("", "/no/such/x", 0o755).MayExist()}, "", failed, step{0, unix.ENOENT}},
		{"may be denied, and is", append([]Call{fails(unix.EPERM).mayDeny(loss)}, shell("echo on")...), "on\n", 0, step{0, ^(unix.EPERM - 1)}},
		{"may be denied, and is not known", append([]Call{fails(unix.ENOSYS).mayDeny(loss)}, shell("echo on")...), "on\n", 0, step{0, ^(unix.ENOSYS - 1)}},
		{"may be denied, and fails", []Call{fails(unix.ENOENT).mayDeny(loss)}, "", failed, step{0, unix.ENOENT}},
		{"not zero", []Call{open("", "/dev/null", unix.O_RDONLY, 0), call("read", unix.SYS_READ, "", Result(0), Bytes(make([]byte, 1), ""), Int(1)).NotZero()}, "", failed, step{1, 0}},
		{"a result that is none", append([]Call{missing().MayFail(), write("", Result(0), "x"), closeResult(0)}, shell("echo on")...), "on\n", 0, none},
		{"a result of what was not made", append([]Call{missing().MayFail(), dup3("", Result(0), 9), closeResult(1)}, shell("echo on")...), "on\n", 0, none},
		{"after what failed", append([]Call{missing().MayFail(), Chdir("/no/such").After(0)}, shell("echo on")...), "on\n", 0, none},
		{"after what succeeded", []Call{Chdir("/"), Chdir("/no/such").After(0)}, "", failed, step{1, unix.ENOENT}},
		{"fail", []Call{fails(unix.ENOTEMPTY).exit(217)}, "", 217, step{0, unix.ENOTEMPTY}},
		{"copy", append(copying(dir+"/source", "content", 7), shell("cat "+dir+"/source.copy")...), "content", 0, none},
		{"copy too much", copying(dir+"/much", "content", 6), "", failed, step{2, unix.EFBIG}},
		{"copy of nothing", append(copying(dir+"/nothing", "", 0), shell("cat "+dir+"/nothing.copy")...), "", 0, none},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, status, report := stageRun(t, keelson, tt.list)
			if out != tt.out || status != tt.status || report != tt.report {
				t.Errorf("printed %q, status %d, report %v; want %q, %d, %v\n%s", out, status, report, tt.out, tt.status, tt.report, Print(tt.list))
			}
		})
	}
}

func fails(e unix.Errno) Call {
	return Call{Name: "fail", Nr: early.OpFail, Args: []Arg{Word(uint64(e), unix.ErrnoName(e))}}
}

// copying copies a file that has been made with that content.
func copying(path, content string, limit int) []Call {
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		panic(err)
	}
	return []Call{
		open("", path, unix.O_RDONLY, 0),
		open("", path+".copy", unix.O_WRONLY|unix.O_CREAT, 0o600),
		{Name: "copy", Nr: early.OpCopy, Args: []Arg{Result(1), Result(0), Int(limit)}},
	}
}

// TestOwn gives a tree away: owners and modes of what is in it, and what stays.
func TestOwn(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may give files away")
	}
	keelson := build(t)
	outside := filepath.Join(t.TempDir(), "outside")
	dir := t.TempDir()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(outside, nil, 0o644))
	must(os.MkdirAll(dir+"/a/b", 0o750))
	must(os.WriteFile(dir+"/a/b/file", nil, 0o640))
	must(os.WriteFile(dir+"/suid", nil, 0o755))
	must(os.Chmod(dir+"/suid", 0o755|os.ModeSetuid))
	must(os.Chmod(dir+"/a", 0o755|os.ModeSetgid))
	must(os.Symlink(outside, dir+"/link"))
	must(unix.Mkfifo(dir+"/fifo", 0o600))
	for _, mask := range []uint32{0o7777, 0o1777} {
		list := append([]Call{
			open("", dir, unix.O_RDONLY|unix.O_DIRECTORY, 0),
			{Name: "own", Nr: early.OpOwn, Args: []Arg{Result(0), Int(107), Int(106), octal(mask)}},
		}, shell("echo done")...)
		if out, status, report := stageRun(t, keelson, list); out != "done\n" {
			t.Fatalf("printed %q, status %d, report %v", out, status, report)
		}
		for _, tt := range []struct {
			path     string
			uid, gid uint32
			mode     uint32
		}{
			{dir, 107, 106, 0o755}, {dir + "/a", 107, 106, 0o2755 & mask}, {dir + "/a/b", 107, 106, 0o750}, {dir + "/a/b/file", 107, 106, 0o640},
			{dir + "/suid", 107, 106, 0o4755 & mask}, {dir + "/link", 107, 106, 0o777}, {dir + "/fifo", 107, 106, 0o600}, {outside, 0, 0, 0o644},
		} {
			var st unix.Stat_t
			must(unix.Lstat(tt.path, &st))
			if st.Uid != tt.uid || st.Gid != tt.gid || st.Mode&0o7777 != tt.mode {
				t.Errorf("mask %#o: %s is %d:%d %#o, want %d:%d %#o", mask, tt.path, st.Uid, st.Gid, st.Mode&0o7777, tt.uid, tt.gid, tt.mode)
			}
		}
	}
	deep := dir
	for range 300 {
		deep += "/d"
	}
	must(os.MkdirAll(deep, 0o755))
	list := []Call{open("", dir, unix.O_RDONLY|unix.O_DIRECTORY, 0), {Name: "own", Nr: early.OpOwn, Args: []Arg{Result(0), Int(107), Int(106), octal(0o7777)}}}
	if _, status, report := stageRun(t, keelson, list); status != failed || report != (step{1, unix.ELOOP}) {
		t.Errorf("a tree too deep: status %d, report %v", status, report)
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
