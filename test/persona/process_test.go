package persona

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A program is how to call something by a name: a file to execute and its arguments. A machine's argv is one.
type program func(argv0 string, args ...string) (file string, argv []string)

// plain is the program that argv0 is the path of.
func plain(argv0 string, args ...string) (string, []string) {
	return argv0, append([]string{argv0}, args...)
}

// peer is the real program: Debian's.
func peer(argv0 string, args ...string) (string, []string) {
	_, argv := plain(argv0, args...)
	return filepath.Join("/usr/bin", filepath.Base(argv0)), argv
}

// environ is what every program is started with. "-NAME" among the changes unsets a variable.
func environ(changes []string) (env []string) {
	all := append([]string{"PATH=/usr/bin:/bin"}, changes...)
	for i, v := range all {
		name, _, _ := strings.Cut(v, "=")
		last := true
		for _, later := range all[i+1:] {
			laterName, _, _ := strings.Cut(later, "=")
			last = last && laterName != name && later != "-"+name
		}
		if last && !strings.HasPrefix(v, "-") {
			env = append(env, v)
		}
	}
	return env
}

// command prepares a program. The caller sets the streams.
func command(p program, s setting, env []string, argv0 string, args ...string) *exec.Cmd {
	file, argv := p(argv0, args...)
	cmd := &exec.Cmd{Path: file, Args: argv, Env: environ(env)}
	if !s.nothing() {
		cmd.Path, cmd.Args = self, []string{self}
		cmd.Env = append(cmd.Env, s.variable(file, argv))
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: s.namespaces()}
	}
	return cmd
}

// An outcome is how a program ended and what it has printed.
type outcome struct {
	status         string // "exit 3", or "signal 9" if that ended the program itself
	stdout, stderr string
}

// run waits for a program to end. Its stdin is /dev/null.
func run(t *testing.T, p program, s setting, env []string, argv0 string, args ...string) outcome {
	t.Helper()
	return outcomeOf(t, command(p, s, env, argv0, args...))
}

func outcomeOf(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	stdout, stderr := memory(t), memory(t)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	status := begin(t, cmd).wait()
	o := outcome{status, contents(t, stdout), contents(t, stderr)}
	if strings.Contains(o.stderr, cannotLaunch) {
		t.Fatal(o)
	}
	return o
}

// memory is a file without a name. Unlike a pipe it needs no reader, and nobody who still holds it keeps the test waiting.
func memory(t *testing.T) *os.File {
	t.Helper()
	fd, err := unix.MemfdCreate("stream", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal("memfd_create:", err)
	}
	// Two processes write to it. The kernel keeps their writes apart on a file of a file system (FMODE_ATOMIC_POS), on a memfd only at its end.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_APPEND); err != nil {
		t.Fatal("fcntl:", err)
	}
	f := os.NewFile(uintptr(fd), "stream")
	t.Cleanup(func() { f.Close() })
	return f
}

func contents(t *testing.T, f *os.File) string {
	t.Helper()
	size, err := f.Seek(0, io.SeekEnd)
	b := make([]byte, size)
	if err == nil {
		_, err = f.ReadAt(b, 0)
	}
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return string(b)
}

// A process is a program that runs.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	pid    int
	stdin  *os.File
	lines  chan string // of stdout; closed at its end
	errors *os.File    // stderr
	ended  chan struct{}
	status string
}

// begin starts a command, which ends with the test at the latest.
func begin(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, ended: make(chan struct{})}
	if cmd.Dir == "" {
		cmd.Dir = t.TempDir()
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("cannot start %q: %v", cmd.Args, err)
	}
	p.pid = cmd.Process.Pid
	go func() {
		defer close(p.ended)
		cmd.Wait()
		p.status = statusOf(cmd.ProcessState.Sys().(syscall.WaitStatus))
	}()
	t.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			endFamily(p.pid)
			unix.Kill(p.pid, unix.SIGKILL)
			<-p.ended
		}
	})
	return p
}

// start has a program's stdin and stdout come and go by pipes.
func start(t *testing.T, p program, s setting, env []string, argv0 string, args ...string) *process {
	t.Helper()
	cmd := command(p, s, env, argv0, args...)
	errors := memory(t)
	cmd.Stderr = errors
	theirs, in := pipe(t)
	out, others := pipe(t)
	cmd.Stdin, cmd.Stdout = theirs, others
	process := begin(t, cmd)
	theirs.Close()
	others.Close()
	process.stdin, process.errors, process.lines = in, errors, make(chan string, 1024)
	go func() {
		defer close(process.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			process.lines <- scanner.Text()
		}
	}()
	return process
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		w.Close()
	})
	return r, w
}

// line is the next line of stdout.
func (p *process) line() string {
	p.t.Helper()
	return p.lineWithin(patience)
}

func (p *process) lineWithin(limit time.Duration) string {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("stdout ended; stderr: %s", contents(p.t, p.errors))
		}
		return l
	case <-time.After(limit):
		p.t.Fatalf("nothing on stdout; stderr: %s", contents(p.t, p.errors))
	}
	return ""
}

// expect takes the next line of stdout, which must be this one.
func (p *process) expect(want string) {
	p.t.Helper()
	if got := p.line(); got != want {
		p.t.Fatalf("stdout: %q, want %q; stderr: %s", got, want, contents(p.t, p.errors))
	}
}

// ready takes the line by which a role says that it is there: its pid.
func (p *process) ready() int {
	p.t.Helper()
	l := p.line()
	pid, err := strconv.Atoi(strings.TrimPrefix(l, "ready "))
	if err != nil {
		p.t.Fatalf("stdout: %q, want ready and a pid", l)
	}
	return pid
}

func (p *process) say(line string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) signal(sig int) {
	p.t.Helper()
	if err := unix.Kill(p.pid, unix.Signal(sig)); err != nil {
		p.t.Fatalf("kill -%d: %v", sig, err)
	}
}

// dealt waits until a wrapper has dealt with all signals that it was sent, and sleeps.
func (p *process) dealt() {
	p.t.Helper()
	until(p.t, "the signals to be dealt with", func() bool { return signalSet(p.pid, "ShdPnd") == 0 && state(p.pid) == "S" })
}

// wait is the status with which the process has ended.
func (p *process) wait() string {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.status
	case <-time.After(patience):
		said := ""
		if p.errors != nil {
			said = contents(p.t, p.errors)
		}
		p.t.Fatalf("%q does not end; its state: %q, of its children: %v; stderr: %s", p.cmd.Args, state(p.pid), children(p.pid), said)
	}
	return ""
}

func (p *process) stderr() string {
	p.t.Helper()
	return contents(p.t, p.errors)
}

// endsWith waits for the end, which must be with this status and these words on stderr.
func (p *process) endsWith(status, stderr string) {
	p.t.Helper()
	if got := p.wait(); got != status {
		p.t.Errorf("status: %s, want %s", got, status)
	}
	if got := p.stderr(); got != stderr {
		p.t.Errorf("stderr: %q, want %q", got, stderr)
	}
}

func statusOf(s syscall.WaitStatus) string {
	if s.Signaled() {
		return fmt.Sprintf("signal %d", s.Signal())
	}
	return fmt.Sprintf("exit %d", s.ExitStatus())
}
