package persona

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWhatIsHeld looks what a wrapper that waits has kept of its file descriptors and its working directory, and what the command got.
func TestWhatIsHeld(t *testing.T) {
	t.Parallel()
	own := []int{0, 1, 2}
	inherited := []int{5, 9}
	for _, c := range []struct {
		name      string
		keepsFDs  bool
		keepsDir  bool
		peerKeeps bool // the directory: catatonit 0.1.7, which Debian has, does not leave it yet
	}{
		{"keelson", false, false, false},
		{"tini", true, true, true},
		{"dumb-init", true, false, false},
		{"catatonit", false, false, true},
	} {
		held := own
		if c.keepsFDs {
			held = slices.Concat(own, inherited)
		}
		check := func(t *testing.T, p program, s setting, itsOwn func(fd int) bool, keepsDir bool) {
			s.Open = inherited
			w, command := startBlocked(t, p, s, c.name)
			w.signal(10) // when that has been passed on, the wrapper has done all that it does at the start
			until(t, "a signal", func() bool { return signalSet(command, "ShdPnd").has(10) })
			if got := slices.DeleteFunc(descriptors(w.pid), itsOwn); !slices.Equal(got, held) {
				t.Errorf("file descriptors of the wrapper: %v, want %v", got, held)
			}
			if got, want := descriptors(command), slices.Concat(own, inherited); !slices.Equal(got, want) {
				t.Errorf("file descriptors of the command: %v, want %v", got, want)
			}
			dir := "/"
			if keepsDir {
				dir = w.cmd.Dir
			}
			if got := directory(w.pid); got != dir {
				t.Errorf("directory of the wrapper: %s, want %s", got, dir)
			}
			if got := directory(command); got != w.cmd.Dir {
				t.Errorf("directory of the command: %s, want %s", got, w.cmd.Dir)
			}
		}
		for _, m := range machines() {
			t.Run(m.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				needMachine(t, m)
				check(t, m.argv, m.place(c.name), func(fd int) bool { return m.emulated() && !slices.Contains(held, fd) }, c.keepsDir)
			})
		}
		if c.name == "keelson" {
			continue
		}
		t.Run("peer/"+c.name, func(t *testing.T) {
			t.Parallel()
			needFile(t, "/usr/bin/"+c.name)
			check(t, peer, setting{}, func(fd int) bool { return c.name == "catatonit" && fd == 3 }, c.peerKeeps) // its signalfd
		})
	}
}

// TestWhoAdopts looks who is the parent of an orphan, and whether a wrapper that adopts reaps.
func TestWhoAdopts(t *testing.T) {
	t.Parallel()
	const script = `o=$( { exec >/dev/null; exec sleep 1000; } & echo $! ); echo $o; exec sleep 1000`
	for _, c := range []struct {
		name    string
		options []string
		env     string
		adopts  bool
	}{
		{"keelson", nil, "", true},
		{"keelson", []string{"-s"}, "", true},
		{"keelson", []string{"--subreaper"}, "", true},
		{"tini", nil, "", false},
		{"tini", []string{"-s"}, "", true},
		{"tini", nil, "TINI_SUBREAPER=", true},
		{"docker-init", nil, "", false},
		{"docker-init", []string{"-s"}, "", true},
		{"dumb-init", nil, "", false},
		{"dumb-init", []string{"-c"}, "", false},
		{"catatonit", nil, "", true},
		{"catatonit", []string{"-g"}, "", true},
	} {
		check := func(t *testing.T, p program) {
			w := start(t, p, setting{}, words(c.env), c.name, slices.Concat(c.options, []string{"--", "sh", "-c", script})...)
			orphan, err := strconv.Atoi(w.line())
			if err != nil {
				t.Fatal(err)
			}
			want := os.Getpid()
			if c.adopts {
				want = w.pid
			}
			if got := number(orphan, "PPid"); got != want {
				t.Errorf("the orphan's parent is %d, the wrapper is %d, this process %d", got, w.pid, os.Getpid())
			}
			unix.Kill(orphan, unix.SIGKILL)
			if c.adopts {
				until(t, "the orphan to be reaped", func() bool { return state(orphan) == "" })
			}
		}
		title := fmt.Sprintf("%s%v %s", c.name, c.options, c.env)
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			check(t, native.argv)
		})
		if c.name == "keelson" || c.name == "docker-init" {
			continue
		}
		t.Run("peer "+title, func(t *testing.T) {
			t.Parallel()
			needFile(t, "/usr/bin/"+c.name)
			check(t, peer)
		})
	}
}

// TestWhoIsSignalled sends TERM to a wrapper whose command has a child: either gets it, or the command alone.
func TestWhoIsSignalled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		options []string
		env     string
		all     bool
	}{
		{"keelson", nil, "", false},
		{"keelson", []string{"-g"}, "", true},
		{"keelson", []string{"--group"}, "", true},
		{"tini", nil, "", false},
		{"tini", []string{"-g"}, "", true},
		{"tini", nil, "TINI_KILL_PROCESS_GROUP=", true},
		{"tini", nil, "TINI_KILL_PROCESS_GROUP=0", true},
		{"dumb-init", nil, "", true},
		{"dumb-init", []string{"-c"}, "", false},
		{"dumb-init", nil, "DUMB_INIT_SETSID=0", false},
		{"catatonit", nil, "", false},
		{"catatonit", []string{"-g"}, "", true},
	} {
		for _, m := range machines() {
			t.Run(fmt.Sprintf("%s/%s%v %s", m.name, c.name, c.options, c.env), func(t *testing.T) {
				t.Parallel()
				needMachine(t, m)
				if !m.place(c.name).nothing() {
					t.Skip("qemu-user: " + noSubreaper) // and with the first process everything would end
				}
				command := append([]string{"--", "sh", "-c", `"$@" & read x`, "sh"}, role("report")...)
				w := start(t, m.argv, setting{}, words(c.env), c.name, slices.Concat(c.options, command)...)
				child := w.ready()
				defer unix.Kill(child, unix.SIGKILL)
				w.signal(15)
				if got := w.wait(); got != "exit 143" {
					t.Errorf("status: %s, want exit 143", got)
				}
				if c.all {
					w.expect("15")
					return
				}
				unix.Kill(child, unix.SIGUSR1) // to be sure that it has printed all
				w.expect("10")
				unix.Kill(child, unix.SIGKILL)
				for l := range w.lines {
					t.Errorf("the child got signal %s", l)
				}
			})
		}
	}
}
