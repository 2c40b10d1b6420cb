package run

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"keelson/test/binary"
)

// A shell in a terminal, talked to by what it prints.
type shell struct {
	tty    *os.File
	output chan string
	seen   string
}

func startShell(t *testing.T) *shell {
	t.Helper()
	cmd := exec.Command(binary.Need(t, "bash"), "--norc", "--noediting")
	cmd.Env = append(os.Environ(), "PS1=$ ", "K="+binary.Path(t, ""), "TERM=dumb")
	blocking, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Dup(int(blocking.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	blocking.Close()
	syscall.SetNonblock(fd, true)
	tty := os.NewFile(uintptr(fd), "pty") // one whose Close ends a Read
	s := &shell{tty: tty, output: make(chan string)}
	go func() {
		defer close(s.output)
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			if err != nil {
				return
			}
			s.output <- string(buf[:n])
		}
	}()
	t.Cleanup(func() {
		tty.Close() // hangs the session up
		for range s.output {
		}
		cmd.Process.Kill()
		cmd.Wait()
	})
	s.wait(t, "$ ")
	return s
}

// wait reads until the terminal shows text, and forgets all up to its end.
func (s *shell) wait(t *testing.T, text string) (before string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for {
		if before, after, ok := strings.Cut(s.seen, text); ok {
			s.seen = after
			return before
		}
		select {
		case more, ok := <-s.output:
			if !ok {
				t.Fatalf("the terminal has shown %q, not %q, and is closed", s.seen, text)
			}
			s.seen += more
		case <-late:
			t.Fatalf("the terminal shows %q, not %q", s.seen, text)
		}
	}
}

func (s *shell) do(t *testing.T, line, want string) {
	t.Helper()
	s.tty.WriteString(line)
	s.wait(t, want)
}

// TestTerminal is keelson run as a shell's job.
func TestTerminal(t *testing.T) {
	needRoot(t)
	s := startShell(t)
	const stop, interrupt = "\x1a", "\x03"
	// It says when it is continued, so that a key is only pressed when it has the terminal: the shell prints its line before it hands that over. It does not
	// read: the process outside stops at once, and a command that sleeps in a read may get the next byte before it has stopped.
	s.do(t, `$K run -- bash -c 'trap "echo re""sumed" CONT; echo be""gun; while :; do sleep 1000 & wait; done'`+"\n", "begun")
	s.do(t, stop, "Stopped")
	s.wait(t, "$ ")
	s.do(t, "fg\n", "resumed")
	s.do(t, interrupt, "$ ")
	s.do(t, "echo status $?\n", "status 130")

	// Only the command is interrupted where it is an interactive shell with job control of its own.
	s.do(t, "PS1='> ' $K run --uts=box -- bash --norc --noediting -i\n", "> ")
	const command = `sh -c 'echo be""gun; while read x; do echo got $x; done'`
	s.do(t, command+"\n", "begun")
	s.do(t, stop, "Stopped")
	s.wait(t, "> ")
	s.do(t, "echo $$ $(hostname)\n", "2 box")
	s.do(t, "fg\n", "done'")
	s.do(t, "two\n", "got two")
	s.do(t, interrupt, "> ")
	s.do(t, "echo status $?\n", "status 130")
	s.do(t, "exit 7\n", "$ ")
	s.do(t, "echo status $?\n", "status 7")

	// A pipeline is one process group; both ends may use the terminal.
	s.do(t, "$K run -- printf 'a\\nb\\n' | sh -c 'cat; read x </dev/tty; echo got $x'\n", "b")
	s.do(t, "answer\n", "got answer")
}
