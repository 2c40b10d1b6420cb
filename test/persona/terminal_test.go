package persona

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal, seen from the side of the one who types, and a process that has it as its controlling terminal.
type terminal struct {
	*process
	master *os.File
	fd     int         // master's
	output chan string // pieces of what is shown
	seen   string      // all of it
	past   int         // how much of it has been expected
}

// What is typed to have the terminal send a signal to the foreground process group (termios(3)).
const (
	ctrlC         = "\x03"
	ctrlZ         = "\x1a"
	ctrlBackslash = "\x1c"
)

// attach starts a command as the leader of a session on a terminal of its own.
func attach(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal("cannot open a pseudo-terminal: ", err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal("cannot unlock a pseudo-terminal: ", err)
	}
	other, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if e != 0 {
		t.Fatal("cannot open the other side of a pseudo-terminal: ", e)
	}
	slave := os.NewFile(other, "tty")
	if cmd.Stdin == nil {
		cmd.Stdin = slave
	}
	cmd.Stdout, cmd.Stderr = slave, slave
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty, cmd.SysProcAttr.Ctty = true, true, 1
	term := &terminal{process: begin(t, cmd), master: master, fd: fd, output: make(chan string, 1024)}
	slave.Close()
	go func() {
		defer close(term.output)
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			if err != nil { // EIO: nobody has the terminal any more
				return
			}
			term.output <- string(b[:n])
		}
	}()
	return term
}

// expect waits until the terminal shows a text behind what was expected before.
func (term *terminal) expect(text string) {
	term.t.Helper()
	deadline := time.After(patience)
	for {
		if i := strings.Index(term.seen[term.past:], text); i >= 0 {
			term.past += i + len(text)
			return
		}
		select {
		case piece, more := <-term.output:
			if !more {
				term.t.Fatalf("the terminal has ended without %q; it shows:\n%s", text, term.seen)
			}
			term.seen += piece
		case <-deadline:
			term.t.Fatalf("the terminal does not show %q, but:\n%s", text, term.seen)
		}
	}
}

func (term *terminal) press(keys string) {
	term.t.Helper()
	if _, err := term.master.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// enter types a line.
func (term *terminal) enter(line string) {
	term.t.Helper()
	term.press(line + "\n")
}

func (term *terminal) endsAs(status string) {
	term.t.Helper()
	if got := term.wait(); got != status {
		for piece := range term.output {
			term.seen += piece
		}
		term.t.Errorf("status: %s, want %s; the terminal shows:\n%s", got, status, term.seen)
	}
}

// onTerminals runs a test for personas as the leader of a session, as docker run -t starts them: as the first process and elsewhere, on every machine.
func onTerminals(t *testing.T, names []string, test func(t *testing.T, name string, p program, s setting)) {
	t.Parallel()
	for _, m := range machines() {
		for _, name := range names {
			for _, first := range []bool{false, true} {
				if m.emulated() && !first {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s, PID 1 %t", m.name, name, first), func(t *testing.T) {
					t.Parallel()
					needMachine(t, m)
					if first {
						needRoot(t)
					}
					test(t, name, m.argv, setting{PID1: first})
				})
			}
		}
	}
}

// quiet keeps tini from saying that it does not reap.
var quiet = []string{"TINI_VERBOSITY=0", "TERM=dumb"}

// TestHandOver looks at what the command has of the terminal.
func TestHandOver(t *testing.T) {
	const handedOver = "foreground true, group leader true, session leader false\r\n"
	for _, c := range []struct {
		name    string
		options []string
		noStdin bool // stdin is not the terminal, which there is all the same
		want    string
	}{
		{"keelson", nil, false, handedOver},
		{"keelson", []string{"-g"}, false, handedOver},
		{"keelson", nil, true, handedOver},
		{"tini", nil, false, handedOver},
		{"tini", []string{"-g"}, false, handedOver},
		{"tini", nil, true, "foreground false, group leader true, session leader false\r\n"},
		{"dumb-init", nil, false, "foreground true, group leader true, session leader true\r\n"},
		{"dumb-init", nil, true, "foreground false, group leader true, session leader true\r\n"},
		{"dumb-init", []string{"-c"}, false, "foreground true, group leader false, session leader false\r\n"},
		{"catatonit", nil, false, handedOver},
		{"catatonit", nil, true, handedOver},
	} {
		check := func(t *testing.T, p program, s setting) {
			cmd := command(p, s, quiet, c.name, append(append(c.options, "--"), role("terminal")...)...)
			if c.noStdin {
				null, err := os.Open(os.DevNull)
				if err != nil {
					t.Fatal(err)
				}
				defer null.Close()
				cmd.Stdin = null
			}
			term := attach(t, cmd)
			term.expect("ready")
			term.expect(c.want)
			term.endsAs("exit 0")
		}
		title := fmt.Sprintf("%v, stdin %t", c.options, !c.noStdin)
		t.Run(title, func(t *testing.T) {
			onTerminals(t, []string{c.name}, func(t *testing.T, name string, p program, s setting) { check(t, p, s) })
		})
		if c.name != "keelson" {
			t.Run(title+" peer "+c.name, func(t *testing.T) {
				t.Parallel()
				needFile(t, "/usr/bin/"+c.name)
				check(t, peer, setting{})
			})
		}
	}
}

func TestWindowSize(t *testing.T) {
	onTerminals(t, four, func(t *testing.T, name string, p program, s setting) {
		term := attach(t, command(p, s, quiet, name, append([]string{"--"}, role("report")...)...))
		term.expect("ready")
		if err := unix.IoctlSetWinsize(term.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 77}); err != nil {
			t.Fatal(err)
		}
		term.expect("28\r\n")
		term.enter("3")
		term.endsAs("exit 3")
	})
}

// TestHangUp takes the terminal away.
func TestHangUp(t *testing.T) {
	onTerminals(t, four, func(t *testing.T, name string, p program, s setting) {
		term := attach(t, command(p, s, quiet, name, "--", "sh", "-c", "echo here; exec sleep 1000"))
		term.expect("here\r\n")
		term.master.Close()
		if got := term.wait(); got != "exit 129" {
			t.Errorf("status: %s, want exit 129", got)
		}
	})
}

// TestKeys has the terminal signal the command. All personas outlive that, and end with what ended the command.
func TestKeys(t *testing.T) {
	onTerminals(t, four, func(t *testing.T, name string, p program, s setting) {
		for _, c := range []struct {
			key    string
			status string
		}{{ctrlC, "exit 130"}, {ctrlBackslash, "exit 131"}} {
			term := attach(t, command(p, s, quiet, name, "--", "sh", "-c", "echo here; exec sleep 1000"))
			term.expect("here\r\n")
			term.press(c.key)
			term.endsAs(c.status)
		}
	})
}

// TestShellInside uses job control in an interactive shell that is the command.
func TestShellInside(t *testing.T) {
	for _, shell := range []string{"bash --norc --noprofile --noediting -i", "dash -i"} {
		t.Run(shell, func(t *testing.T) {
			needFile(t, "/bin/"+words(shell)[0])
			// Not catatonit: the signals of job control are blocked in its command, and so in all that a shell starts.
			onTerminals(t, four[:3], func(t *testing.T, name string, p program, s setting) {
				env := append([]string{"PS1=next> ", roleVariable + "=job"}, quiet...)
				term := attach(t, command(p, s, env, name, append([]string{"--"}, words(shell)...)...))
				term.expect("next> ")

				term.enter(self)
				term.expect("ready")
				term.press(ctrlC)
				term.expect("next> ")
				term.enter("echo status=$?")
				term.expect("status=130\r\n")

				term.enter(self)
				term.expect("ready")
				term.press(ctrlZ)
				term.expect("Stopped")
				term.enter("fg")
				term.expect("continued\r\n")
				term.press(ctrlZ)
				term.expect("Stopped")
				term.enter("bg")
				term.expect("continued\r\n")
				if got := state(term.pid); got != "S" {
					t.Errorf("the wrapper's state: %s", got)
				}
				term.enter("kill %1; wait %1; echo status=$?")
				term.expect("status=143\r\n")

				term.enter("exit 7")
				term.endsAs("exit 7")
			})
		})
	}
}

// TestStartedByShell uses job control in an interactive shell that starts keelson: all is as if it were not there.
func TestStartedByShell(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"", "-g", "--grace 1000"} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			needFile(t, "/bin/bash")
			file, _ := native.argv("keelson")
			keelson := strings.TrimSpace(file+" "+options) + " -- "
			job := keelson + self
			env := append([]string{"PS1=next> ", roleVariable + "=job"}, quiet...)
			term := attach(t, command(plain, setting{}, env, "/bin/bash", "--norc", "--noprofile", "--noediting", "-i"))
			term.expect("next> ")

			status := func(want string) {
				t.Helper()
				term.enter("echo status=$?")
				term.expect("status=" + want + "\r\n")
				term.expect("next> ")
			}
			for _, c := range []struct{ key, status string }{{ctrlC, "130"}, {ctrlBackslash, "131"}} {
				term.enter(job)
				term.expect("ready")
				term.press(c.key)
				term.expect("next> ")
				status(c.status)
			}

			// The terminal signals all of the process group: keelson must not do so again.
			term.enter(roleVariable + "=report " + job)
			term.expect("ready ")
			term.expect("\r\n") // behind the process ID, whose digits are not signals
			term.press(ctrlC)
			term.expect("2\r\n")
			for _, wrapper := range children(term.pid) {
				unix.Kill(wrapper, unix.SIGHUP)
			}
			since := term.past
			term.expect("1\r\n")
			if strings.Contains(term.seen[since:term.past], "2") {
				t.Error("the command was interrupted twice")
			}
			term.enter("5")
			term.expect("next> ")
			status("5")

			// Stopped and continued, three times over: the wrapper is to notice every time.
			term.enter(job)
			term.expect("ready")
			for range 3 {
				term.press(ctrlZ)
				term.expect("Stopped")
				term.expect("next> ")
				term.enter("fg")
				term.expect("continued\r\n")
			}
			term.press(ctrlC)
			term.expect("next> ")
			status("130")

			// In the background, and back.
			term.enter(job + " &")
			term.expect("ready")
			term.enter("jobs")
			term.expect("Running")
			term.enter("kill -STOP %1; wait %1; jobs")
			term.expect("Stopped")
			term.enter("bg")
			term.expect("continued\r\n")
			term.enter("kill %1; wait %1; echo status=$?")
			term.expect("status=143\r\n")

			// The terminal is the command's to read and write.
			term.enter(keelson + "sh -c 'echo what; read x; echo got-$x'")
			term.expect("what\r\n")
			term.enter("this")
			term.expect("got-this\r\n")
			term.enter(keelson + "sh -c 'echo what; read x; echo got-$x'")
			term.expect("what\r\n")
			term.press(ctrlZ)
			term.expect("Stopped")
			term.enter("fg")
			term.enter("that")
			term.expect("got-that\r\n")
			term.enter(keelson + "cat &")
			term.expect("next> ")
			term.enter("wait %1; jobs")
			term.expect("Stopped")
			term.expect("next> ")
			term.enter("fg")
			term.enter("back")
			term.expect("back\r\n") // the terminal's echo
			term.expect("back\r\n") // cat's
			term.press("\x04")
			term.expect("next> ")
			status("0")

			// Pipelines.
			term.enter(keelson + `printf 'a\nb\n' | sed s/^/piped-/`)
			term.expect("piped-a\r\npiped-b\r\n")
			term.enter("echo c | " + keelson + "sed s/^/piped-/")
			term.expect("piped-c\r\n")
			term.enter(keelson + "sh -c 'exit 5' | cat; echo ${PIPESTATUS[0]}-of-it")
			term.expect("5-of-it\r\n")
			term.enter(keelson + "yes | head -1; echo ${PIPESTATUS[0]}-of-yes")
			term.expect("y\r\n")
			term.expect(fmt.Sprint(128+int(unix.SIGPIPE), "-of-yes\r\n"))
			term.expect("next> ")

			term.enter("exit 7")
			term.endsAs("exit 7")
		})
	}
}

// TestStoppedAgain continues the job as a shell does, the whole of the process group, and stops the command at once: that stop must hold, and
// keelson must share it.
func TestStoppedAgain(t *testing.T) {
	t.Parallel()
	needFile(t, "/bin/bash")
	file, _ := native.argv("keelson")
	shell := start(t, plain, setting{}, []string{roleVariable + "=job"}, "/bin/bash", "-c", "set -m; "+file+" -- "+self+" & read x")
	command := shell.ready()
	wrapper, err := unix.Getpgid(command)
	if err != nil {
		t.Fatal(err)
	}
	unix.Kill(command, unix.SIGSTOP)
	for range 200 {
		until(t, "both to be stopped", func() bool { return state(command) == "T" && state(wrapper) == "T" })
		unix.Kill(-wrapper, unix.SIGCONT)
		unix.Kill(command, unix.SIGSTOP)
	}
	until(t, "both to be stopped", func() bool { return state(command) == "T" && state(wrapper) == "T" })
	unix.Kill(wrapper, unix.SIGCONT) // to it alone: it passes that on
	until(t, "both to go on", func() bool { return state(command) != "T" && state(wrapper) != "T" })
}

// TestTerminalComesBack starts keelson from a shell without job control, which would not take the terminal back itself.
func TestTerminalComesBack(t *testing.T) {
	t.Parallel()
	file, _ := native.argv("keelson")
	for _, options := range []string{"", "-g"} {
		t.Run(options, func(t *testing.T) {
			script := fmt.Sprintf("%s %s -- sh -c 'read x; echo first-$x'; read x; echo second-$x", file, options)
			term := attach(t, command(plain, setting{}, quiet, "/bin/sh", "-c", script))
			term.enter("this")
			term.expect("first-this\r\n")
			term.enter("that")
			term.expect("second-that\r\n")
			term.endsAs("exit 0")
		})
	}
}
