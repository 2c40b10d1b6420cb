// Package run tests keelson run from outside: what is fresh inside, what stays unharmed outside, and how signals, terminal, status and death cross
// the border.
package run

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelson/test/binary"
)

func TestMain(m *testing.M) {
	switch os.Getenv("KEELSON_TEST_PLAY") {
	case "":
		status := m.Run()
		binary.Clean()
		os.Exit(status)
	case "shared":
		playShared()
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("namespaces without a user namespace are root's")
	}
}

type result struct {
	out, err string
	status   int
}

// keelson runs it to its end, as the given uid (0: this one).
func keelson(t *testing.T, uid int, args ...string) result {
	t.Helper()
	cmd := exec.Command(binary.Path(t, ""), args...)
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	return finish(t, cmd)
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	e := cmd.Run()
	var exit *exec.ExitError
	if e != nil && !errors.As(e, &exit) {
		t.Fatal(e)
	}
	return result{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

func readlink(t *testing.T, path string) string {
	t.Helper()
	s, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFresh compares the namespaces inside with those outside, for every option.
func TestFresh(t *testing.T) {
	needRoot(t)
	const script = `for n in cgroup ipc mnt net pid user uts; do readlink /proc/self/ns/$n; done`
	always := "mnt pid "
	for _, tt := range []struct {
		options string
		fresh   string
	}{
		{"", always}, {"--uts", always + "uts"}, {"--uts=box", always + "uts"}, {"--hostname box", always + "uts"}, {"--ipc", always + "ipc"},
		{"--net", always + "net"}, {"--user", always + "user"}, {"--cgroup", always + "cgroup"}, {"--all", always + "uts ipc net user cgroup"},
		{"--uid-map 0:0:1000", always + "user"}, {"--propagation slave", always}, {"--propagation shared", always},
	} {
		args := append(append([]string{"run"}, strings.Fields(tt.options)...), "--", "sh", "-c", script)
		r := keelson(t, 0, args...)
		if r.status != 0 || r.err != "" {
			t.Errorf("%q: status %d, %s", tt.options, r.status, r.err)
			continue
		}
		for line := range strings.Lines(r.out) {
			kind, _, _ := strings.Cut(line, ":")
			fresh := strings.TrimSpace(line) != readlink(t, "/proc/self/ns/"+kind)
			if want := strings.Contains(tt.fresh+" ", kind+" "); fresh != want {
				t.Errorf("%q: %s is fresh: %v, want %v", tt.options, kind, fresh, want)
			}
		}
	}
}

func TestInside(t *testing.T) {
	needRoot(t)
	for _, tt := range []struct {
		name, options, script, want string
	}{
		{"PID 1 is keelson", "", `cat /proc/1/comm; echo $$`, "keelson\n2\n"},
		{"ps sees only its own", "", `ps -e -o comm= | sort | tr '\n' ' '`, "keelson ps sh sort tr "},
		{"an orphan is reaped", "", `(sh -c 'exit 0' &) ; while ps -e -o stat= | grep -q Z; do :; done; echo reaped`, "reaped\n"},
		{"host name", "--uts=box", `hostname`, "box\n"},
		{"loopback is up", "--net", `ip -o link | grep -c .; ip -o link | grep -o 'LOOPBACK,UP'`, "1\nLOOPBACK,UP\n"},
		{"root with all ids", "--user", `id -u; awk '{print $1, $2}' /proc/self/uid_map; cat /proc/self/setgroups`, "0\n0 0\nallow\n"},
		{"a map", "--uid-map 5:0:1 --uid-map 100:1000:10 --gid-map 0:0:1", `id -u; tr -s ' ' < /proc/self/uid_map`, "5\n 5 0 1\n 100 1000 10\n"},
		{"mounts are private", "", `grep -c -E ' (shared|master):' /proc/self/mountinfo`, "0\n"},
		{"mounts are shared inside", "--propagation shared", `grep -q ' - proc proc ' /proc/self/mountinfo; grep -v -c ' shared:' /proc/self/mountinfo`, "0\n"},
		{"cgroup is /", "--cgroup", `grep -v -c ':/$' /proc/self/cgroup`, "0\n"},
		{"wrapper options", "-e 7 --grace 1", `exit 7`, ""},
		{"parent of PID 1", "", `awk '/^PPid/{print $2}' /proc/1/status`, "0\n"},
	} {
		args := append(append([]string{"run"}, strings.Fields(tt.options)...), "--", "sh", "-c", tt.script)
		if r := keelson(t, 0, args...); r.out != tt.want || r.err != "" {
			t.Errorf("%s: printed %q, want %q; status %d, %s", tt.name, r.out, tt.want, r.status, r.err)
		}
	}
}

// TestUnprivileged needs user namespaces for everybody, which a machine may deny.
func TestUnprivileged(t *testing.T) {
	needRoot(t)
	const uid = 12345
	if r := keelson(t, uid, "run", "--strict", "true"); r.status != 0 {
		t.Skip("this machine denies user namespaces: " + r.err)
	}
	for _, tt := range []struct {
		name, options, script, want string
	}{
		{"own ids", "", `id -u; id -g; echo $$; grep -c '^Cap\(Inh\|Prm\|Eff\|Amb\).*[1-9a-f]' /proc/self/status`, "12345\n12345\n2\n0\n"},
		{"root on request", "--user", `id -u; cat /proc/self/setgroups`, "0\ndeny\n"},
		{"chosen id", "--uid-map 7:12345:1 --gid-map 8:12345:1", `id -u; id -g`, "7\n8\n"},
		{"everything", "--all --hostname box", `hostname; ip -o link | grep -c UP`, "box\n1\n"},
		{"own processes", "", `ps -e -o comm= | head -1`, "keelson\n"},
	} {
		args := append(append([]string{"run"}, strings.Fields(tt.options)...), "--", "sh", "-c", tt.script)
		if r := keelson(t, uid, args...); r.out != tt.want || r.err != "" {
			t.Errorf("%s: printed %q, want %q; status %d, %s", tt.name, r.out, tt.want, r.status, r.err)
		}
	}
}

func TestStatus(t *testing.T) {
	needRoot(t)
	for _, tt := range []struct {
		script string
		status int
	}{{"exit 0", 0}, {"exit 1", 1}, {"exit 255", 255}, {"kill -TERM $$", 143}, {"kill -KILL $$", 137}, {"kill -SEGV $$", 139}, {"kill -64 $$", 192}} {
		if r := keelson(t, 0, "run", "--", "sh", "-c", tt.script); r.status != tt.status {
			t.Errorf("%s: %d, want %d; %s", tt.script, r.status, tt.status, r.err)
		}
	}
	for program, status := range map[string]int{"/no/such": 127, "no-such-program": 127, "/etc": 126, "/etc/passwd": 126} {
		r := keelson(t, 0, "run", program)
		if r.status != status || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "keelson: cannot execute "+program) {
			t.Errorf("%s: %d, want %d; %q", program, r.status, status, r.err)
		}
	}
}

// TestBadInput is one clear line each, status 125, and nothing run.
func TestBadInput(t *testing.T) {
	empty := t.TempDir()
	for _, tt := range []struct{ args, want string }{
		{"", "no command given"},
		{"--uts", "no command given"},
		{"--no-such x", "-no-such"},
		{"--propagation odd x", `"odd"`},
		{"--uid-map 0:0 x", "INSIDE:OUTSIDE:COUNT"},
		{"--uid-map 0:0:0 x", "INSIDE:OUTSIDE:COUNT"},
		{"--uid-map a:b:c x", "INSIDE:OUTSIDE:COUNT"},
		{"--uid-map 0:0:10 --uid-map 5:100:1 x", "overlaps"},
		{"--uid-map 0:4294967290:100 x", "INSIDE:OUTSIDE:COUNT"},
		{"--root /no/such x", "/no/such"},
		{"--root /etc/passwd x", "not a directory"},
		{"--root " + empty + " x", empty + "/proc"},
		{"--hostname " + strings.Repeat("x", 65) + " x", "64"},
		{"--uts=" + strings.Repeat("x", 65) + " x", "64"},
	} {
		r := keelson(t, 0, append([]string{"run"}, strings.Fields(tt.args)...)...)
		if r.status != 125 || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "keelson: run: ") || !strings.Contains(r.err, tt.want) {
			t.Errorf("%q: status %d, %q%q, want a line with %q", tt.args, r.status, r.out, r.err, tt.want)
		}
	}
	// What the wrapper inside refuses comes out as well.
	r := keelson(t, 0, "run", "-r", "NOSUCH:TERM", "true")
	if r.status != 125 || !strings.Contains(r.err, "NOSUCH") {
		t.Errorf("a bad signal name: status %d, %q", r.status, r.err)
	}
}

// playShared is a process in a mount namespace of its own whose mounts are all shared, as systemd leaves them: a /proc that is mounted carelessly
// inside would appear here too.
func playShared() {
	must := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(99)
		}
	}
	must(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	must(syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_SHARED, ""))
	before, err := os.ReadFile("/proc/self/mountinfo")
	must(err)
	for _, mode := range []string{"private", "slave", "shared"} {
		out, err := exec.Command(os.Args[1], "run", "--propagation", mode, "--", "sh", "-c", "echo $$; mount -t tmpfs inside /mnt && grep -c inside /proc/self/mountinfo").Output()
		must(err)
		if string(out) != "2\n1\n" {
			must(fmt.Errorf("%s: inside printed %q", mode, out))
		}
		after, err := os.ReadFile("/proc/self/mountinfo")
		must(err)
		if !bytes.Equal(before, after) {
			must(fmt.Errorf("%s: the mounts outside have changed:\n%s\nwas\n%s", mode, after, before))
		}
	}
	self, err := os.Readlink("/proc/self")
	must(err)
	if self != strconv.Itoa(os.Getpid()) {
		must(fmt.Errorf("/proc/self is %s, this is %d", self, os.Getpid()))
	}
	fmt.Print("unharmed")
}

func TestHostProcUnharmed(t *testing.T) {
	needRoot(t)
	cmd := exec.Command("/proc/self/exe", binary.Path(t, ""))
	cmd.Env = append(os.Environ(), "KEELSON_TEST_PLAY=shared")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if r := finish(t, cmd); r.out != "unharmed" || r.status != 0 {
		t.Errorf("status %d, %s%s", r.status, r.out, r.err)
	}
}

// started is a keelson run whose command has printed a first line.
type started struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func start(t *testing.T, args ...string) started {
	t.Helper()
	cmd := exec.Command(binary.Path(t, ""), args...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := started{cmd, bufio.NewReader(pipe)}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	s.expect(t, "ready\n")
	return s
}

func (s started) expect(t *testing.T, want string) {
	t.Helper()
	got, err := s.out.ReadString('\n')
	if got != want {
		t.Fatalf("read %q (%v), want %q", got, err, want)
	}
}

// status waits for the end.
func (s started) status(t *testing.T) int {
	t.Helper()
	s.out.WriteTo(new(bytes.Buffer))
	s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// TestSignals sends every signal to the process outside; what can be caught arrives inside.
func TestSignals(t *testing.T) {
	needRoot(t)
	binary.Need(t, "python3")
	const listener = `
import signal, sys
mask = set(range(1, 65)) - {9, 17, 19}
signal.pthread_sigmask(signal.SIG_BLOCK, mask - {32, 33})
print("ready", flush=True)
while True:
    print(signal.sigwaitinfo(mask - {32, 33}).si_signo, flush=True)
`
	s := start(t, "run", "--", "python3", "-c", listener)
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		switch sig {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCHLD: // not forwarded by anyone
		case 32, 33: // Python cannot wait for them
		default:
			s.cmd.Process.Signal(sig)
			s.expect(t, fmt.Sprintln(int(sig)))
		}
	}
}

func TestTermComesOutAsStatus(t *testing.T) {
	needRoot(t)
	s := start(t, "run", "--", "sh", "-c", "echo ready; exec sleep 1000")
	s.cmd.Process.Signal(syscall.SIGTERM)
	if got := s.status(t); got != 143 {
		t.Errorf("status %d, want 143", got)
	}
}

// insidePids are the processes in the PID namespace of the only child of pid, as they are numbered here.
func insidePids(t *testing.T, pid int) []int {
	t.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	namespace := readlink(t, "/proc/"+strings.TrimSpace(string(children))+"/ns/pid")
	var pids []int
	all, _ := filepath.Glob("/proc/[0-9]*/ns/pid")
	for _, link := range all {
		if ns, err := os.Readlink(link); err == nil && ns == namespace {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestDeath kills the process outside; everything inside must be gone, however it tried to get away.
func TestDeath(t *testing.T) {
	needRoot(t)
	s := start(t, "run", "--", "sh", "-c", `trap '' TERM HUP INT; setsid sleep 1000 & (setsid sh -c 'trap "" TERM; sleep 1000' &) ; echo ready; sleep 1000; sleep 1000`)
	pids := insidePids(t, s.cmd.Process.Pid)
	if len(pids) < 4 {
		t.Fatalf("inside are only %v", pids)
	}
	s.cmd.Process.Kill()
	s.status(t)
	for _, pid := range pids {
		waitGone(t, pid)
	}
}

// waitGone waits with a pidfd, which tells when a process of somebody else's has ended.
func waitGone(t *testing.T, pid int) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err != nil {
		return
	}
	defer p.Release()
	deadline := time.Now().Add(5 * time.Second)
	for p.Signal(syscall.Signal(0)) == nil {
		if time.Now().After(deadline) {
			t.Errorf("process %d is still there", pid)
			return
		}
		time.Sleep(time.Millisecond) // the kernel tears the namespace down by itself and tells nobody but its parent, which is dead
	}
}

// TestInnerDeath kills PID 1 inside; the outside ends with it.
func TestInnerDeath(t *testing.T) {
	needRoot(t)
	s := start(t, "run", "--", "sh", "-c", "echo ready; sleep 1000")
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(children)))
	syscall.Kill(pid, syscall.SIGKILL)
	if got := s.status(t); got != 137 {
		t.Errorf("status %d, want 137", got)
	}
}

// TestOuterIsSmall: the process outside has become a wrapper too, with one thread and no runtime.
func TestOuterIsSmall(t *testing.T) {
	needRoot(t)
	s := start(t, "run", "--", "sh", "-c", "echo ready; sleep 1000")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^Threads:\t1$`).Match(status) || !regexp.MustCompile(`(?m)^Name:\tkeelson$`).Match(status) {
		t.Errorf("it is\n%s", status)
	}
	// It closes what it inherited while the command begins: no event tells when that is done.
	for deadline := time.Now().Add(5 * time.Second); ; {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
		if err == nil && len(fds) == 3 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it holds %d file descriptors (%v), want 3", len(fds), err)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestInherited(t *testing.T) {
	needRoot(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.WriteString("from outside")
	w.Close()
	cmd := exec.Command("sh", "-c", `trap '' INT PIPE USR1; LISTEN_PID=$$ exec "$0" run -- sh -c 'grep SigIgn /proc/self/status; cat <&3; echo; [ $LISTEN_PID = $$ ] && echo mended; ls /proc/self/fd; pwd'`, binary.Path(t, ""))
	cmd.ExtraFiles = []*os.File{r}
	cmd.Dir = "/usr"
	list := exec.Command("ls", "/proc/self/fd") // whatever this test itself was started with
	list.ExtraFiles = cmd.ExtraFiles
	fds, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	// INT 2, PIPE 13, USR1 10
	if r := finish(t, cmd); r.out != "SigIgn:\t0000000000001202\nfrom outside\nmended\n"+string(fds)+"/usr\n" {
		t.Errorf("printed %q; status %d, %s", r.out, r.status, r.err)
	}
}

func TestRoot(t *testing.T) {
	needRoot(t)
	root := t.TempDir()
	for _, dir := range []string{"proc", "bin", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// A root of one static program: keelson itself, which can show namespaces and run itself.
	program, err := os.ReadFile(binary.Path(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin/keelson"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, options := range []string{"", "--user", "--propagation slave"} {
		args := append(append([]string{"run"}, strings.Fields(options)...), "--root", root, "--", "/bin/keelson", "ns", "1", "2")
		r := keelson(t, 0, args...)
		if r.status != 0 || r.err != "" || !regexp.MustCompile(`(?m)^COMMAND  keelson +keelson$`).MatchString(r.out) {
			t.Errorf("%q: status %d, %s%s", options, r.status, r.out, r.err)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || strings.Contains(string(mounts), root) {
		t.Errorf("a mount is left behind at %s (%v)", root, err)
	}
}

func TestPrint(t *testing.T) {
	needRoot(t)
	r := keelson(t, 0, "run", "--print", "--net", "--uts=box", "--root", "/", "touch", "/made")
	for _, want := range []string{"new namespaces: mnt,net,pid,uts\n", `mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL)`, `mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)`,
		`sethostname("box", 3)`, "SIOCSIFFLAGS", `prctl(PR_SET_PDEATHSIG, SIGKILL)`, `["keelson", "--", "touch", "/made"]`} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is missing in\n%s", want, r.out)
		}
	}
	if _, err := os.Stat("/made"); err == nil {
		t.Error("it was carried out")
		os.Remove("/made")
	}
}

// TestManyStarts: what depends on where the kernel happens to put the stack shows once in a hundred starts.
func TestManyStarts(t *testing.T) {
	path := binary.Path(t, "")
	for i := range 2000 {
		if err := exec.Command(path, "-e", "7", "/bin/sh", "-c", "exit 7").Run(); err != nil {
			t.Fatalf("start %d: %v", i, err)
		}
	}
}
