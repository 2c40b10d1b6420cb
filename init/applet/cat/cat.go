// Package cat is systemd-cat(1): it runs a command, or reads its own input, with the output going to the journal.
package cat

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/sys"
)

const help = `[OPTIONS…] [COMMAND…]

Runs COMMAND with its output going to the journal; without one the input goes there.

  -h --help                      This text
     --version                   The version
  -t --identifier=STRING         What the log calls it
  -p --priority=PRIORITY         Priority of the output
     --stderr-priority=PRIORITY  Priority of the error output
     --level-prefix=BOOL         Whether "<4>" at the beginning of a line is a priority (yes)
     --namespace=NAME            The journal's namespace
`

// StdoutSocket is where the journal takes streams.
const StdoutSocket = "/run/systemd/journal/stdout"

// program is one call.
type program struct {
	*applet.Host
	identifier, namespace    string
	priority, stderrPriority applet.Level
	apart                    bool // stderrPriority was given
	prefix                   bool
}

// Main is the program; args[0] is its name. It replaces itself by the command.
func Main(args []string, h *applet.Host) int {
	h.Called(args[0])
	defer h.Flush()
	p := &program{Host: h, priority: applet.Info, prefix: true}
	rest, status, ok := h.Read(args[1:], append(h.About(help),
		applet.Into("identifier", 't', &p.identifier),
		applet.Value("priority", 'p', func(s string) (err error) { p.priority, err = p.level(s, "priority"); return err }),
		applet.Value("stderr-priority", 0, func(s string) (err error) {
			p.stderrPriority, err = p.level(s, "stderr priority")
			p.apart = true
			return err
		}),
		applet.Value("level-prefix", 0, p.setPrefix),
		applet.Into("namespace", 0, &p.namespace), // 256
	), applet.StopAtArgument)
	if !ok {
		return status
	}
	out, err := p.stream(p.priority)
	if err != nil {
		return h.Fail("Failed to create stream fd: %s", applet.Cause(err))
	}
	errFD := out
	if p.apart && p.stderrPriority != p.priority {
		if errFD, err = p.stream(p.stderrPriority); err != nil {
			return h.Fail("Failed to create stream fd: %s", applet.Cause(err))
		}
	}
	return p.run(rest, out, errFD)
}

func (p *program) level(s, what string) (applet.Level, error) {
	l, ok := applet.ParseLevel(s)
	if !ok {
		return 0, p.Tell("Failed to parse %s value.", what)
	}
	return l, nil
}

func (p *program) setPrefix(s string) error {
	b, ok := applet.Boolean(s)
	if !ok {
		return p.Tell("Failed to parse boolean argument to --level-prefix=: %s.", s)
	}
	p.prefix = b
	return nil
}

// stream is a connection to the journal. It begins with seven lines: identifier, unit (who may name one is the manager alone), priority,
// whether lines have priorities of their own, and whether to forward to syslog, the kernel's log and the console
// (sd_journal_stream_fd(3)).
func (p *program) stream(l applet.Level) (int, error) {
	path := StdoutSocket
	if p.namespace != "" {
		path = "/run/systemd/journal." + p.namespace + "/stdout"
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = sys.Retry(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: p.Path(path)}) })
	if err == nil {
		err = unix.Shutdown(fd, unix.SHUT_RD)
	}
	if err == nil {
		head := fmt.Sprintf("%s\n\n%d\n%d\n0\n0\n0\n", p.identifier, l, map[bool]int{true: 1}[p.prefix])
		for b := []byte(head); len(b) > 0 && err == nil; {
			var n int
			err = sys.Retry(func() (err error) { n, err = unix.SendmsgN(fd, b, nil, nil, unix.MSG_NOSIGNAL); return err })
			b = b[n:]
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// run executes the command, or cat(1), with the streams. It returns only if that fails.
func (p *program) run(argv []string, out, errFD int) int {
	saved, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return p.Fail("Failed to rearrange stdout/stderr: %s", applet.Cause(err))
	}
	for _, d := range []struct{ from, to int }{{out, 1}, {errFD, 2}} {
		if err := unix.Dup3(d.from, d.to, 0); err != nil {
			return p.Fail("Failed to rearrange stdout/stderr: %s", applet.Cause(err))
		}
	}
	if len(argv) == 0 {
		argv = []string{"cat"}
	}
	path, err := applet.FindProgram(p.Host, argv[0])
	if err == nil {
		err = sys.Exec(path, argv, p.Environ)
	}
	_ = unix.Dup3(saved, 2, 0) // so that somebody can read it
	return p.Fail("Failed to execute process: %s", applet.Cause(err))
}
