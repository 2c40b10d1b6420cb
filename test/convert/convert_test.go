// Package convert runs what keelson import has made of a supervisord.conf and of folders of s6 beside the real supervisord and s6 with the same files, in containers
// with Docker's default privileges. All managers start the same probe, which reports on a pipe what it was started as.
package convert

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"keelson/test/container"
)

// waitMax is how long a report may take: a restart takes a second.
const waitMax = container.WaitMax

func TestMain(m *testing.M) { container.Main(m) }

func need(t *testing.T) (image string) {
	t.Helper()
	return container.Build(t, "convert", "Dockerfile", "s6", "conf.d", "probe", "supervisord.conf")
}

// report is a line of a probe.
type report struct {
	name, what string
	pid        string
	facts      []string
}

// String leaves the facts out.
func (r report) String() string { return r.name + " " + r.what }

// A machine is a container that a manager runs.
type machine struct {
	*container.Container
	manager string
	lines   chan string
	pipe    *os.File
	seen    []report
}

// start runs a shell command as the first process of a container.
func start(t *testing.T, image, manager, command string) *machine {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // other uids write to the pipe, too
		t.Fatal(err)
	}
	name := filepath.Join(dir, "pipe")
	err := syscall.Mkfifo(name, 0o666)
	if err == nil {
		err = os.Chmod(name, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	// Open for writing as well, it has no end before the test has one.
	pipe, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &machine{manager: manager, lines: make(chan string, 1000), pipe: pipe}
	go func() {
		for s := bufio.NewScanner(pipe); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { pipe.Close() })
	c.Container = container.Start(t, "--network", "none", "--hostname", "here", "-e", "COLOUR=blue", "-e", "OPTS=one two", "-v", dir+":/out",
		"--entrypoint", "/bin/sh", image, "-c", command)
	return c
}

// take reads one report; ok is false if there is none in time.
func (c *machine) take(within time.Duration) bool {
	select {
	case line := <-c.lines:
		r := report{}
		words := strings.SplitN(line, " ", 4)
		r.name, r.what = words[0], strings.Join(words[1:], " ")
		if len(words) == 4 && words[1] == "started" {
			r.what, r.pid, r.facts = words[1], words[2], strings.Split(words[3], "\t")
		}
		c.seen = append(c.seen, r)
		return true
	case <-time.After(within):
		return false
	}
}

// count tells how many reports of a name there were.
func (c *machine) count(name, what string) (n int) {
	for _, r := range c.seen {
		if r.name == name && r.what == what {
			n++
		}
	}
	return n
}

// await waits until there were n reports.
func (c *machine) await(name, what string, n int) {
	c.T.Helper()
	for c.count(name, what) < n {
		if !c.take(waitMax) {
			c.T.Fatalf("%s: %s was not %q for the %d. time; there was %v", c.manager, name, what, n, c.seen)
		}
	}
}

// story is all that there was of a name.
func (c *machine) story(name string) (list []string) {
	for _, r := range c.seen {
		if r.name == name {
			list = append(list, r.what)
		}
	}
	return list
}

// last is the newest report of a start.
func (c *machine) last(name string) report {
	for _, r := range slices.Backward(c.seen) {
		if r.name == name && r.what == "started" {
			return r
		}
	}
	c.T.Fatalf("%s: %s has not started", c.manager, name)
	return report{}
}

// kill sends signals, each as NAME:SIGNAL.
func (c *machine) kill(list ...string) {
	c.T.Helper()
	var script string
	for _, l := range list {
		name, signal, _ := strings.Cut(l, ":")
		script += "kill -" + signal + " " + c.last(name).pid + "; "
	}
	c.Sh("set -e; " + script)
}

// stop stops containers and reads what is left to read: all is written when they have stopped.
func stop(t *testing.T, list ...*machine) {
	t.Helper()
	arguments := []string{"stop"}
	for _, c := range list {
		arguments = append(arguments, c.ID)
	}
	container.Docker(t, arguments...)
	for _, c := range list {
		if _, err := c.pipe.WriteString("end of-all\n"); err != nil {
			t.Fatal(err)
		}
		c.await("end", "of-all", 1)
	}
}

// ownVariables are those that the managers set about themselves.
var ownVariables = []string{
	"SUPERVISOR_ENABLED", "SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME", "SUPERVISOR_SERVER_URL",
	"INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
	"LC_CTYPE", // by Python, for itself (PEP 538)
	"LANG",     // by systemd, for all services
	"HOSTNAME", // by Docker, for the first process
	"container", "PWD", "OLDPWD", "SHLVL", "_",
}

// userVariables are what systemd sets where User= is said (systemd.exec(5)), and supervisord never.
var userVariables = []string{"HOME", "USER", "LOGNAME", "SHELL"}

// comparable are a start's facts without what is each manager's own.
func (r report) comparable() string {
	var b strings.Builder
	for _, f := range r.facts {
		name, _, _ := strings.Cut(strings.TrimPrefix(f, "env "), "=")
		if strings.HasPrefix(f, "env ") && (slices.Contains(ownVariables, name) || r.name == "web" && slices.Contains(userVariables, name)) {
			continue
		}
		b.WriteString("  " + f + "\n")
	}
	return b.String()
}

// programs are those of supervisord.conf that start by themselves.
var programs = []string{"web", "worker_00", "worker_01", "fcgi", "once", "expected", "plain"}

// TestSupervisord plays the same on both: start, kill, stop.
func TestSupervisord(t *testing.T) {
	image := need(t)
	const conf = "/etc/supervisor/supervisord.conf"
	both := []*machine{
		start(t, image, "supervisord", "cd /; exec supervisord -n -c "+conf),
		start(t, image, "keelson", `keelson import `+conf+` 2>/tmp/said; systemctl disable supervisor; $(tail -1 /tmp/said); exec /sbin/init`),
	}
	for _, c := range both {
		for _, name := range programs {
			c.await(name, "started", 1)
		}
	}
	for _, c := range both {
		// once has autorestart=false; expected exits with 3, which it may; systemd takes what TERM ends for a success, and supervisord does not.
		c.kill("once:KILL", "expected:USR1", "plain:TERM", "web:KILL", "worker_01:KILL")
	}
	for _, c := range both {
		c.await("expected", "got USR1", 1)
		for _, name := range []string{"plain", "web", "worker_01"} {
			c.await(name, "started", 2)
		}
	}
	stop(t, both...)
	real, ours := both[0], both[1]
	for _, name := range append(programs, "never") {
		for _, what := range []string{"started", "got HUP", "got INT", "got QUIT", "got TERM", "got USR1", "got USR2"} {
			if r, o := real.count(name, what), ours.count(name, what); r != o {
				t.Errorf("%s: %q %d times with supervisord, %d times with keelson", name, what, r, o)
			}
		}
		if name == "never" {
			continue
		}
		if r, o := real.last(name).comparable(), ours.last(name).comparable(); r != o {
			t.Errorf("%s: with supervisord\n%swith keelson\n%s", name, r, o)
		}
	}
	if n := real.count("web", "got QUIT"); n != 1 {
		t.Errorf("the stop signal of web arrived %d times", n)
	}
	if facts := fmt.Sprint(real.last("fcgi").facts); !strings.Contains(facts, "stdin=socket") {
		t.Errorf("fcgi's standard input is no socket: %s", facts)
	}
}

// TestS6: what the folders of s6 become is run, killed and stopped in their order; a folder that s6-svscan can run is, too.
func TestS6(t *testing.T) {
	image := need(t)
	c := start(t, image, "keelson", `keelson import /etc/s6 2>/tmp/said; systemctl disable supervisor; $(tail -1 /tmp/said); exec /sbin/init`)
	real := start(t, image, "s6", "exec s6-svscan /etc/s6/services.d")
	for _, m := range []*machine{c, real} {
		m.await("legacy", "started", 1)
	}
	c.await("server", "started", 1)
	c.kill("legacy:KILL", "server:KILL")
	real.kill("legacy:KILL")
	for _, m := range []*machine{c, real} {
		m.await("legacy", "started", 2)
	}
	c.await("server", "started", 2)
	stop(t, c, real)
	if r, o := real.story("legacy"), c.story("legacy"); !slices.Equal(r, o) {
		t.Errorf("legacy: with s6 %q, with keelson %q", r, o)
	}
	if r, o := real.last("legacy").comparable(), c.last("legacy").comparable(); r != o {
		t.Errorf("legacy: with s6\n%swith keelson\n%s", r, o)
	}
	place := func(name, what string) int {
		i := slices.IndexFunc(c.seen, func(r report) bool { return r.name == name && r.what == what })
		if i < 0 {
			t.Errorf("%s was never %q; there was %v", name, what, c.seen)
		}
		return i
	}
	for _, order := range [][2][2]string{
		{{"init", "first blue"}, {"init", "second"}},
		{{"init", "second"}, {"legacy", "started"}},
		{{"prepare", "up"}, {"server", "started"}},
		{{"legacy", "finish 256 9 legacy"}, {"legacy", "got TERM"}},
		{{"legacy", "got TERM"}, {"legacy", "finish 0 0 legacy"}},
		{{"server", "got INT"}, {"prepare", "down"}},
	} {
		if a, b := place(order[0][0], order[0][1]), place(order[1][0], order[1][1]); a > b {
			t.Errorf("%v came after %v", order[0], order[1])
		}
	}
	facts := c.last("server").comparable()
	for _, want := range []string{"arguments=[server][of-its-own][blue]\n", "cwd=/etc/s6/s6-rc.d/server\n", "env COLOUR=blue\n"} {
		if !strings.Contains(facts, want) {
			t.Errorf("the server lacks %q:\n%s", want, facts)
		}
	}
	if out := container.Docker(t, "diff", c.ID); strings.Contains(out, "server-log.service") {
		t.Errorf("a logger became a service:\n%s", out)
	}
}
