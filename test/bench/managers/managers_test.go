package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every manager is told of as many services as were asked for, in files that differ.
func TestConfig(t *testing.T) {
	for _, m := range managers {
		seen, sleeps := map[string]bool{}, 0
		for _, f := range m.config(3) {
			if seen[f.path] || filepath.IsAbs(f.path) || f.mode&0o400 == 0 {
				t.Errorf("%s: file %q, mode %o", m.name, f.path, f.mode)
			}
			seen[f.path] = true
			sleeps += strings.Count(f.text, "sleep infinity")
		}
		if sleeps != 3 {
			t.Errorf("%s: %d services, want 3", m.name, sleeps)
		}
	}
	if managers[keelson].name != "keelson" {
		t.Errorf("the column of keelson is %s's", managers[keelson].name)
	}
}

func TestChosen(t *testing.T) {
	for only, want := range map[string]int{"": len(managers), "s6": 1, "keelson,runit": 2, "s": 0} {
		if got := chosen(only); len(got) != want {
			t.Errorf("chosen(%q) = %v", only, got)
		}
	}
}

// What was not measured is no sample.
func TestRows(t *testing.T) {
	all := newRows()
	all.add(keelson, sample{boot: 2 * time.Millisecond, pss: 100, switches: -1, idleTime: -time.Microsecond})
	all.add(1, sample{boot: 3 * time.Millisecond, pss: 50})
	var out strings.Builder
	all.print(&out, size{1, 1}, []int{keelson, 1})
	for _, want := range []string{"boot, ms                                    2            3\n", "×1        ×1.50\n", "context switches in 5s                      -            0\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// This process stands for a container: it shows its own /proc, with this process in it.
func TestLook(t *testing.T) {
	c := &container{pid: os.Getpid(), services: map[string]bool{}}
	if _, err := os.ReadDir(c.proc()); err != nil {
		t.Skip("this process may not look through /proc/PID/root: ", err)
	}
	u, err := c.look(true)
	if err != nil || u.processes == 0 || u.used == 0 || u.switches == 0 {
		t.Errorf("look: %+v, %v", u, err)
	}
	if pss, err := c.pss(); err != nil || pss == 0 {
		t.Errorf("pss: %v, %v", pss, err)
	}
	c.pid = 1 << 30
	if _, err := c.look(true); err == nil {
		t.Error("a container that is not there was looked at")
	}
}

// Who keeps logs has as many talkers as it is waited for, and their lines have the size that is printed.
func TestLoggers(t *testing.T) {
	for _, l := range loggers(7) {
		n := 0
		for _, f := range l.config(talkers) {
			n += strings.Count(f.text, "/bench/talk talk 7\n")
		}
		if n != talkers {
			t.Errorf("%s: %d talkers, want %d", l.name, n, talkers)
		}
	}
	if got := len(line(3, 12345)); got != lineSize {
		t.Errorf("a line has %d bytes, want %d", got, lineSize)
	}
	if err := talk("many"); err == nil {
		t.Error("a talker has many lines")
	}
}
