package run

import (
	"os"
	"os/exec"
	"strings"
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
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
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
		cmd.Process.Kill() // its session is hung up
		cmd.Wait()
		for range s.output {
		}
		tty.Close()
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
	s.do(t, "$K run -- sh -c 'echo be''gun; exec sleep 1000'\n", "begun")
	s.do(t, stop, "Stopped")
	s.wait(t, "$ ")
	s.do(t, "fg; echo status $?\n", "sleep 1000'")
	s.do(t, interrupt, "status 130")

	// Only the command is interrupted where it is an interactive shell with job control of its own.
	s.do(t, "PS1='> ' $K run --uts=box -- bash --norc --noediting -i\n", "> ")
	s.do(t, "sh -c 'echo be''gun; exec sleep 1000'\n", "begun")
	s.do(t, stop, "Stopped")
	s.do(t, "echo $$ $(hostname)\n", "2 box")
	s.do(t, "fg\n", "sleep 1000'")
	s.do(t, interrupt, "> ")
	s.do(t, "echo status $?\n", "status 130")
	s.do(t, "exit 7\n", "$ ")
	s.do(t, "echo status $?\n", "status 7")

	// A pipeline is one process group; both ends may use the terminal.
	s.do(t, "$K run -- printf 'a\\nb\\n' | sh -c 'cat; read x </dev/tty; echo got $x'\n", "b")
	s.do(t, "answer\n", "got answer")
}
