package applet

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// terminal is a Host on a pseudo terminal of 80 columns; shown waits for its end and is what a person saw.
func terminal(t *testing.T, env ...string) (h *Host, shown func() string) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 72}); err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(master) // ends with an error when the other side is closed
		text <- string(b)
	}()
	return &Host{Stdin: slave, Stdout: slave, Stderr: slave, Environ: append(env, "PATH="+os.Getenv("PATH"))}, func() string {
		slave.Close()
		s := <-text
		master.Close()
		return strings.ReplaceAll(s, "\r\n", "\n")
	}
}

// pagerScript is a pager that says how it was called.
func pagerScript(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pager")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"pager $* LESS=$LESS CHARSET=$LESSCHARSET SECURE=$LESSSECURE\"\ncat\necho end\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPager(t *testing.T) {
	script := pagerScript(t)
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"named, and trusted", []string{"TERM=xterm", "LANG=C.UTF-8", "SYSTEMD_PAGER=" + script + " a b", "SYSTEMD_PAGERSECURE=0"},
			"pager a b LESS=FRSXMK CHARSET=utf-8 SECURE=\nhello\nmessage\nend\n"},
		{"secure", []string{"TERM=xterm", "PAGER=" + script, "SYSTEMD_PAGERSECURE=1", "SYSTEMD_LESS=X", "SYSTEMD_LESSCHARSET=latin1"},
			"pager  LESS=X CHARSET=latin1 SECURE=1\nhello\nmessage\nend\n"},
		{"none", []string{"TERM=xterm", "SYSTEMD_PAGER=", "PAGER=" + script, "SYSTEMD_PAGERSECURE=0"}, "hello\nmessage\n"},
		{"cat is none", []string{"TERM=xterm", "PAGER=cat"}, "hello\nmessage\n"},
		{"a dumb terminal", []string{"TERM=dumb", "PAGER=" + script, "SYSTEMD_PAGERSECURE=0"}, "hello\nmessage\n"},
		{"no terminal's name", []string{"PAGER=" + script, "SYSTEMD_PAGERSECURE=0"}, "hello\nmessage\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, shown := terminal(t, append(c.env, "NO_COLOR=1")...)
			h.Page()
			h.Puts("hello")
			h.Infof("message")
			h.ClosePager()
			if got := strings.ReplaceAll(shown(), "\r", ""); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestTerminal(t *testing.T) {
	h, shown := terminal(t, "TERM=xterm")
	if !h.OnTerminal() || h.Columns() != 72 || !h.Coloured() || !h.links() {
		t.Errorf("%v %d %v", h.OnTerminal(), h.Columns(), h.Coloured())
	}
	h.Puts(h.Link("man:x(1)", ""))
	(&Table{Header: []string{"a", "b"}, NoHeader: true, Rows: [][]Cell{{Text(strings.Repeat("a", 60)), Text(strings.Repeat("b", 60))}}}).Print(h)
	h.Flush()
	got := shown()
	lines := strings.Split(got, "\n")
	if lines[0] != "\x1B]8;;man:x(1)\aman:x(1)\x1B]8;;\a" || Width(lines[1]) > 72 || !strings.Contains(lines[1], "…") {
		t.Errorf("%q", got)
	}
	for env, want := range map[string]int{"COLUMNS=40": 40, "COLUMNS=x": 72, "COLUMNS=0": 72, "COLUMNS=70000": 72} {
		h, shown := terminal(t, env)
		if got := h.Columns(); got != want {
			t.Errorf("%s: %d", env, got)
		}
		shown()
	}
	p, _, _ := plain()
	if p.OnTerminal() || p.Columns() != 80 {
		t.Error("a buffer is a terminal")
	}
}
