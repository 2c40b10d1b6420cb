package applet

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// pager is a program that shows output page by page, and the pipe to it.
type pager struct {
	cmd            *exec.Cmd
	pipe           *os.File
	stdout, stderr io.Writer
	sigint         chan os.Signal
}

// pagers are tried in this order behind what the environment names; only the second has a secure mode.
var pagers = [...]string{"pager", "less", "more"}

// lessOptions are what systemd gives to less: quit at the end of a single screen, colours, chop, no init strings, long prompt, quit on ^C.
const lessOptions = "FRSXMK"

// Paging tells whether output goes to a pager.
func (h *Host) Paging() bool { return h.pager != nil }

// Page sends what is printed from now on through a pager, if a person is there to read it (pager_open of src/shared/pager.c). What
// cannot be started is not used. ClosePager waits for its end.
func (h *Host) Page() {
	if h.pager != nil || h.dumb() {
		return
	}
	chosen, set := h.Lookupenv("SYSTEMD_PAGER")
	if !set {
		chosen, set = h.Lookupenv("PAGER")
	}
	words := strings.Fields(chosen)
	if set && (len(words) == 0 || slices.Equal(words, []string{"cat"})) {
		return
	}
	h.Columns()
	h.Coloured()
	h.Flush()

	secure, trusted := h.Flag("SYSTEMD_PAGERSECURE")
	if !trusted {
		// An unreadable value counts as true, and as a statement.
		if _, said := h.Lookupenv("SYSTEMD_PAGERSECURE"); said {
			secure, trusted = true, true
		} else {
			_, sudo := h.Lookupenv("SUDO_UID")
			secure = sudo || os.Getuid() != os.Geteuid()
		}
	}
	var candidates [][]string
	if trusted && len(words) > 0 {
		candidates = append(candidates, words) // systemctl(1): only with $SYSTEMD_PAGERSECURE beside it
	}
	for _, p := range pagers {
		if !secure || p == "less" {
			candidates = append(candidates, []string{p})
		}
	}
	for _, c := range candidates {
		if h.startPager(c, secure) == nil {
			return
		}
	}
}

func (h *Host) startPager(argv []string, secure bool) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	less, set := h.Lookupenv("SYSTEMD_LESS")
	if !set {
		less = lessOptions
	}
	env := append(slices.Clone(h.Environ), "LESS="+less)
	if charset, set := h.Lookupenv("SYSTEMD_LESSCHARSET"); set {
		env = append(env, "LESSCHARSET="+charset)
	} else if h.UTF8() {
		env = append(env, "LESSCHARSET=utf-8")
	}
	env = slices.DeleteFunc(env, func(v string) bool { return strings.HasPrefix(v, "LESSSECURE=") })
	if secure {
		env = append(env, "LESSSECURE=1")
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = r, h.Stdout, h.Stderr, env
	if err := cmd.Start(); err != nil {
		w.Close()
		return err
	}
	p := &pager{cmd: cmd, pipe: w, stdout: h.Stdout, stderr: h.Stderr}
	if argv[0] == "less" && !strings.Contains(less, "K") {
		p.sigint = make(chan os.Signal, 1)
		signal.Notify(p.sigint, syscall.SIGINT) // less stops at ^C and goes on; so must its source
	}
	h.pager = p
	h.Stdout, h.Stderr = w, w
	h.out = bufio.NewWriterSize(w, 16<<10)
	return nil
}

// ClosePager ends the output and waits for whoever reads it. Without a pager it flushes.
func (h *Host) ClosePager() {
	h.Flush()
	p := h.pager
	if p == nil {
		return
	}
	h.pager = nil
	h.Stdout, h.Stderr = p.stdout, p.stderr
	h.out = nil
	p.pipe.Close()
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	if err := p.cmd.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			h.Debugf("Failed to wait for the pager: %s", Cause(err))
		}
	}
	if p.sigint != nil {
		signal.Stop(p.sigint)
	}
}
