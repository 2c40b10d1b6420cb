package track

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/unit"
)

func TestParsePID(t *testing.T) {
	for text, want := range map[string]struct {
		pid int
		err error
	}{
		"12": {12, nil}, " \t12": {12, nil}, "+12": {12, nil}, "0x10": {16, nil}, "010": {8, nil}, "2147483647": {2147483647, nil},
		"": {0, unix.EINVAL}, "x": {0, unix.EINVAL}, "12 ": {0, unix.EINVAL}, "1_2": {0, unix.EINVAL}, "0b11": {0, unix.EINVAL}, "-5": {0, unix.EINVAL},
		"0": {0, unix.ERANGE}, "2147483648": {0, unix.ERANGE}, "99999999999999999999": {0, unix.ERANGE},
	} {
		if pid, err := parsePID(text); pid != want.pid || err != want.err {
			t.Errorf("parsePID(%q) = %d, %v; want %d, %v", text, pid, err, want.pid, want.err)
		}
	}
}

// TestPIDFile: whose PID file names whom, and how it was come by.
func TestPIDFile(t *testing.T) {
	w := newWorld(t, Options{})
	main, pids := w.sh("s.service", 2, "sh -c 'echo $$ >&3; exec sleep 1000' & echo $$ >&3; exec sleep 1000")
	child := pids[0]
	if child == main {
		child = pids[1]
	}
	_, others := w.sh("other.service", 1, "echo $$ >&3; exec sleep 1000")
	dead, _ := w.sh("other.service", 0, "exit 0")
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, dead, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil { // it stays a zombie
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
		return name
	}
	link := func(target, name string) string {
		name = filepath.Join(dir, name)
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	own := func(uid int, names ...string) string {
		for _, name := range names {
			if err := os.Lchown(name, uid, -1); err != nil {
				t.Fatal(err)
			}
		}
		return names[len(names)-1]
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	line := func(pid int) string { return strconv.Itoa(pid) + "\n" }
	type row struct {
		why, file string
		pid       int
		problem   string
	}
	rows := []row{
		{"the main process", file("main", line(main)), main, ""},
		{"a child of it", file("child", line(child)), child, ""},
		{"more lines", file("lines", line(child)+"4711\n"), child, ""},
		{"without an end of line", file("short", strconv.Itoa(child)), child, ""},
		{"by a link", link("child", "link"), child, ""},
		{"by a link with a way", link("../"+filepath.Base(dir)+"/./child", "wayward"), child, ""},
		{"by an absolute link", link(filepath.Join(dir, "child"), "absolute"), child, ""},
		{"nowhere", filepath.Join(dir, "nothing"), 0, "No such file or directory"},
		{"below a file", filepath.Join(dir, "main/x"), 0, "Not a directory"},
		{"a link to itself", link("loop", "loop"), 0, "Too many levels of symbolic links"},
		{"a folder", dir, 0, "It is no regular file"},
		{"a FIFO, which nobody writes to", fifo, 0, "It is no regular file"},
		{"empty", file("empty", ""), 0, "Failed to parse PID from file " + filepath.Join(dir, "empty") + ": Invalid argument"},
		{"zero", file("zero", "0\n"), 0, "Failed to parse PID from file " + filepath.Join(dir, "zero") + ": Numerical result out of range"},
		{"PID 1", file("one", "1\n"), 0, "New main PID 1 is the manager, refusing."},
		{"the manager", file("self", line(os.Getpid())), 0, fmt.Sprintf("New main PID %d is the manager, refusing.", os.Getpid())},
		{"the control process", file("control", line(others[0])), 0, fmt.Sprintf("New main PID %d is the control process, refusing.", others[0])},
		{"a zombie", file("zombie", line(dead)), 0, fmt.Sprintf("New main PID %d does not exist or is a zombie.", dead)},
		{"nobody", file("nobody", "4194303\n"), 0, "New main PID 4194303 does not exist or is a zombie."},
	}
	stranger := w.outsider(t)
	if os.Geteuid() == 0 {
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Chmod(dir, 0o777))
		must(os.Mkdir(filepath.Join(dir, "home"), 0o755))
		rows = append(rows,
			row{"another's process, root's file", file("alien", line(stranger)), stranger, ""},
			row{"another's process, a user's file", own(65534, file("users", line(stranger))), 0,
				fmt.Sprintf("New main PID %d does not belong to service, and PID file is not owned by root. Refusing.", stranger)},
			row{"its own process, a user's file", own(65534, file("fine", line(child))), child, ""},
			row{"another's process, root's file by a user's link", own(65534, filepath.Join(dir, "home"), link("/"+filepath.Join(dir, "alien"), "home/link")), 0,
				"Refusing to accept PID outside of service control group, acquired through unsafe symlink chain: " + filepath.Join(dir, "home/link")},
			row{"the same by a relative one", own(65534, link("../alien", "home/relative")), 0,
				"Refusing to accept PID outside of service control group, acquired through unsafe symlink chain: " + filepath.Join(dir, "home/relative")},
			row{"its own process by a user's link", own(65534, link("../child", "home/own")), child, ""},
		)
	}
	for _, r := range rows {
		a := w.Main(supervise.AskMain{Unit: "s.service", Query: 5, PIDFile: r.file}, others[0])
		if a.PID != r.pid || a.Problem != r.problem || a.Empty || a.Unit != "s.service" || a.Query != 5 {
			t.Errorf("%s: %+v; want %d, %q", r.why, a, r.pid, r.problem)
		}
		opened, refused := strings.Contains(r.problem, "PID "), strings.Contains(strings.ToLower(r.problem), "refusing to") || strings.HasSuffix(r.problem, "Refusing.")
		if a.Opened != opened || a.Refused != refused {
			t.Errorf("%s: opened %v, refused %v", r.why, a.Opened, a.Refused)
		}
		if a.PID != 0 && a.Ours != (a.PID == main || a.PID == stranger) {
			t.Errorf("%s: ours is %v", r.why, a.Ours)
		}
	}
	for _, c := range []struct {
		pid                 int
		alive, inUnit, ours bool
	}{{main, true, true, true}, {child, true, true, false}, {others[0], true, false, true}, {dead, false, false, false}, {4194303, false, false, false}} {
		if alive, inUnit, ours := w.MainFacts(c.pid, "s.service"); alive != c.alive || inUnit != c.inUnit || ours != c.ours {
			t.Errorf("MainFacts(%d) = %v, %v, %v", c.pid, alive, inUnit, ours)
		}
	}
}

// TestGuess: the only child of the manager is the main process of a forking service.
func TestGuess(t *testing.T) {
	const sleep = "echo $$ >&3; exec sleep 1000"
	w := newWorld(t, Options{})
	ask := func(name string, control int) supervise.MainAnswer {
		t.Helper()
		w.reap(false)
		w.Turn()
		return w.Main(supervise.AskMain{Unit: name, Guess: true}, control)
	}
	daemon := func(name string, n int, script string) []int {
		t.Helper()
		main, pids := w.sh(name, n, script)
		if _, err := unix.Wait4(main, nil, 0, nil); err != nil {
			t.Fatal(err)
		}
		delete(w.children, main)
		w.Exited(main, 0)
		return pids
	}
	one := daemon("one.service", 1, "sh -c '"+sleep+"' & exit 0")
	if a := ask("one.service", 0); a.PID != one[0] || !a.Ours || a.Empty {
		t.Errorf("one daemon: %+v, want %d", a, one[0])
	}
	if a := ask("one.service", one[0]); a.PID != 0 {
		t.Errorf("if that is the control process: %+v", a)
	}
	family := daemon("family.service", 2, "sh -c 'sh -c \"echo \\$\\$ >&3; exec sleep 1000\" & echo $$ >&3; wait' & exit 0")
	if a := ask("family.service", 0); !slices.Contains(family, a.PID) || !a.Ours {
		t.Errorf("a daemon with a child: %+v, of %d", a, family)
	} else if s, err := w.proc.stat(a.PID); err != nil || s.parent != os.Getpid() {
		t.Errorf("a daemon with a child: %+v, whose parent is %d", a, s.parent)
	}
	daemon("two.service", 2, "sh -c '"+sleep+"' & sh -c '"+sleep+"' & exit 0")
	if a := ask("two.service", 0); a.PID != 0 || a.Empty {
		t.Errorf("two daemons: %+v", a)
	}
	daemon("none.service", 0, "exit 0")
	if a := ask("none.service", 0); a.PID != 0 || !a.Empty {
		t.Errorf("none: %+v", a)
	}
	if a := w.Main(supervise.AskMain{Unit: "one.service"}, 0); a.PID != 0 || a.Empty {
		t.Errorf("asked for neither: %+v", a)
	}
}

// TestAlien: a main process that is no child and has ended gets no signal, whoever has its PID now.
func TestAlien(t *testing.T) {
	w := newWorld(t, Options{})
	main, pids := w.sh("s.service", 1, "sh -c 'echo $$ >&3; exec sleep 1000' & wait")
	file := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(file, []byte(strconv.Itoa(pids[0])), 0o644); err != nil {
		t.Fatal(err)
	}
	if a := w.Main(supervise.AskMain{Unit: "s.service", PIDFile: file}, 0); a.PID != pids[0] || a.Ours {
		t.Fatalf("%+v", a)
	}
	kill := supervise.Kill{Unit: "s.service", Main: supervise.Process{PID: pids[0]}, Signal: unit.SIGCONT}
	if k := w.Kill(kill); !slices.Equal(pidsOf(k.Signalled), pids) {
		t.Errorf("Kill = %+v", k)
	}
	w.family("s.service").alien.start-- // as if the PID were another's by now
	if k := w.Kill(kill); len(k.Signalled)+len(k.Failed) != 0 {
		t.Errorf("Kill = %+v", k)
	}
	w.killAll("s.service", main)
	w.await("s.service")
}

// TestKillAll: the kills of several units share passes, and each has its own answer.
func TestKillAll(t *testing.T) {
	w := newWorld(t, Options{})
	var kills []supervise.Kill
	var want [][]int
	for i := range 10 {
		name := fmt.Sprintf("s%d.service", i)
		main, pids := w.sh(name, 2, "sh -c 'echo $$ >&3; exec sleep 1000' & echo $$ >&3; exec sleep 1000")
		kills = append(kills, supervise.Kill{Unit: name, Main: supervise.Process{Command: 1, PID: main}, Rest: true, Signal: 15, Continue: true})
		want = append(want, sorted(pids))
	}
	before := w.number
	for i, k := range w.KillAll(kills) {
		if got := sorted(pidsOf(k.Signalled)); !slices.Equal(got, want[i]) || len(k.Failed) > 0 {
			t.Errorf("%s: %+v; want %v", kills[i].Unit, k, want[i])
		}
	}
	if passes := w.number - before; passes > 5 {
		t.Errorf("%d passes for %d kills", passes, len(kills))
	}
	for _, k := range kills {
		w.await(k.Unit)
	}
	if text := strings.Join(w.Problems(), "\n"); strings.Contains(text, "/proc") {
		t.Errorf("Problems = %q", text)
	}
}
