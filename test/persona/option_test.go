package persona

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// keelson's own options. Those that it shares with others are in holding_test.go and status_test.go, --grace and --drain in stop_test.go.

// TestRefusals shows that what keelson cannot do it says in one line, with the right status, and that it starts nothing then.
func TestRefusals(t *testing.T) {
	t.Parallel()
	yard := makeYard(t)
	for _, c := range []struct {
		line string
		code int
		says string // a part of the one line on stderr
	}{
		{"", 125, "no command"},
		{"--", 125, "no command"},
		{"-v", 125, "no command"},
		{"-g -w --", 125, "no command"},
		{"-z -- echo x", 125, "-z"},
		{"-gz -- echo x", 125, "-z"},
		{"--yolo -- echo x", 125, "--yolo"},
		{"--yolo=1 -- echo x", 125, "--yolo"},
		{"--gr 1 -- echo x", 125, "--gr"}, // --grace or --group
		{"--group=1 -- echo x", 125, "--group"},
		{"-e", 125, "-e"},
		{"-e x -- echo x", 125, "x"},
		{"-e 256 -- echo x", 125, "256"},
		{"-e -1 -- echo x", 125, "-1"},
		{"--expect", 125, "--expect"},
		{"-p FOO -- echo x", 125, "FOO"},
		{"-p 0 -- echo x", 125, "0"},
		{"-p 65 -- echo x", 125, "65"},
		{"-p '' -- echo x", 125, "-p"},
		{"-p", 125, "-p"},
		{"--grace", 125, "--grace"},
		{"--grace x -- echo x", 125, "x"},
		{"--grace '' -- echo x", 125, "--grace"},
		{"--grace -1 -- echo x", 125, "-1"},
		{"--grace 5s -- echo x", 125, "5s"},
		{"--grace . -- echo x", 125, "."},
		{"--grace 1e3 -- echo x", 125, "1e3"},
		{"--grace 99999999999 -- echo x", 125, "99999999999"},
		{"--drain x -- echo x", 125, "x"},
		{"--drain", 125, "--drain"},
		{"-r", 125, "-r"},
		{"--rewrite", 125, "--rewrite"},
		{"-r TERM -- echo x", 125, "TERM"},
		{"-r TERM: -- echo x", 125, "TERM:"},
		{"-r :TERM -- echo x", 125, ":TERM"},
		{"-r '' -- echo x", 125, "--rewrite"},
		{"-r FOO:TERM -- echo x", 125, "FOO:TERM"},
		{"-r TERM:FOO -- echo x", 125, "TERM:FOO"},
		{"-r TERM:QUIT:HUP -- echo x", 125, "TERM:QUIT:HUP"},
		{"-r TERMX:QUIT -- echo x", 125, "TERMX:QUIT"},
		{"-r 0:1 -- echo x", 125, "0:1"},
		{"-r 65:1 -- echo x", 125, "65:1"},
		{"-r 1:65 -- echo x", 125, "1:65"},
		{"-r 1:00 -- echo x", 125, "1:00"},
		{"-r RTMIN+31:TERM -- echo x", 125, "RTMIN+31"},
		{"-r RTMAX-31:TERM -- echo x", 125, "RTMAX-31"},
		{"-r RTMIN+:TERM -- echo x", 125, "RTMIN+"},
		{"-r RTMIN-1:TERM -- echo x", 125, "RTMIN-1"},
		{"-r KILL:TERM -- echo x", 125, "KILL"},
		{"-r STOP:TERM -- echo x", 125, "STOP"},
		{"-r SIGCHLD:TERM -- echo x", 125, "CHLD"},
		{"-r 9:15 -- echo x", 125, "9:15"},
		{"nowhere", 127, "no such program"},
		{"./nowhere", 127, "No such file"},
		{"''", 127, "No such file"},
		{"./nointerpreter", 127, "interpreter"},
		{"./plain", 126, "Permission denied"},
		{"./shadow", 126, "directory"},
		{"/", 126, "directory"},
		{"./plain/below", 126, "Not a directory"},
		{"./circle", 126, "symbolic links"},
		{"./foreign", 126, "another machine"},
		{"echo -n -- x", 0, ""}, // the options end at the command
		{"-- echo x", 0, ""},
		{"./script x", 0, ""},
	} {
		for _, m := range machines() {
			t.Run(m.name+"/"+c.line, func(t *testing.T) {
				t.Parallel()
				needMachine(t, m)
				cmd := command(m.argv, setting{PID1: m.emulated()}, nil, "keelson", words(c.line)...)
				cmd.Dir = yard
				got := outcomeOf(t, cmd)
				if got.status != fmt.Sprint("exit ", c.code) {
					t.Errorf("%s, want exit %d", got, c.code)
				}
				if c.code == 0 {
					if got.stderr != "" || !strings.Contains(got.stdout, "x") {
						t.Error(got)
					}
					return
				}
				if got.stdout != "" || !strings.HasPrefix(got.stderr, "keelson: ") || strings.Count(got.stderr, "\n") != 1 || !strings.HasSuffix(got.stderr, "\n") {
					t.Errorf("%s; want one line on stderr", got)
				}
				if !strings.Contains(got.stderr, c.says) {
					t.Errorf("%s; want it to say %q", got, c.says)
				}
			})
		}
	}
}

func TestWordsAboutItself(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, begins string }{
		{"-h", "keelson "},
		{"--help", "keelson "},
		{"--he", "keelson "},
		{"-V", "keelson "},
		{"--version", "keelson "},
		{"-l", "keelson is free software"},
		{"--licence", "keelson is free software"},
		{"--license", "keelson is free software"},
		{"-vh", "keelson "},
	} {
		got := run(t, native.argv, setting{}, nil, "keelson", words(c.line)...)
		if got.status != "exit 0" || got.stderr != "" || !strings.HasPrefix(got.stdout, c.begins) {
			t.Errorf("%s: %s", c.line, got)
		}
	}
}

// TestNames shows which names are which persona, and that any other is keelson.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		argv0, status string
		stderr        string
	}{
		{"tini", "exit 1", "tini: invalid option -- 'r'"},
		{"/sbin/docker-init", "exit 1", "/sbin/docker-init: invalid option -- 'r'"},
		{"tini-static", "exit 1", "tini-static: invalid option -- 'r'"},
		{"dumb-init", "exit 1", "Usage: -r option takes"},
		{"catatonit", "exit 1", "catatonit: invalid option -- 'r'"},
		{"/run/podman-init", "exit 1", "/run/podman-init: invalid option -- 'r'"},
		{"keelson", "exit 125", "keelson: --rewrite: not SIGNAL:SIGNAL: x"},
		{"init-of-mine", "exit 125", "keelson: --rewrite: not SIGNAL:SIGNAL: x"},
		{"tini/", "exit 125", "keelson: --rewrite: not SIGNAL:SIGNAL: x"},
		{"", "exit 125", "keelson: --rewrite: not SIGNAL:SIGNAL: x"},
	} {
		named := func(argv0 string, args ...string) (string, []string) {
			file, _ := native.argv("keelson")
			return file, append([]string{argv0}, args...)
		}
		got := run(t, named, setting{}, nil, c.argv0, "-r", "x", "true")
		if got.status != c.status || got.stdout != "" || !strings.HasPrefix(got.stderr, c.stderr) {
			t.Errorf("%q: %s; want %s, stderr %q", c.argv0, got, c.status, c.stderr)
		}
	}
}

// TestRewrite shows what arrives at the command, which has every signal blocked.
func TestRewrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options string
		signal  int
		want    []int
	}{
		{"--rewrite TERM:QUIT", 15, []int{3}},
		{"--rewrite=TERM:QUIT", 15, []int{3}},
		{"--rew TERM:QUIT", 15, []int{3}},
		{"-r TERM:QUIT", 15, []int{3}},
		{"-rTERM:QUIT", 15, []int{3}},
		{"-r SIGTERM:SIGQUIT", 15, []int{3}},
		{"-r term:SigQuit", 15, []int{3}},
		{"-r 15:3", 15, []int{3}},
		{"-r 15:QUIT", 15, []int{3}},
		{"-r TERM:QUIT", 3, []int{3}},
		{"-r TERM:QUIT", 2, []int{2}},
		{"-r TERM:QUIT -r QUIT:TERM", 15, []int{3}},
		{"-r TERM:QUIT -r QUIT:TERM", 3, []int{15}},
		{"-r TERM:QUIT -r TERM:HUP", 15, []int{1}},
		{"-r TERM:QUIT -r TERM:TERM", 15, []int{15}},
		{"-r RTMIN+3:TERM", 37, []int{15}},
		{"-r SIGRTMIN+3:TERM", 37, []int{15}},
		{"-r RTMIN:TERM", 34, []int{15}},
		{"-r RTMIN+30:TERM", 64, []int{15}},
		{"-r RTMAX:TERM", 64, []int{15}},
		{"-r rtmax-1:TERM", 63, []int{15}},
		{"-r RTMAX-30:TERM", 34, []int{15}},
		{"-r TERM:RTMIN+3", 15, []int{37}},
		{"-r TERM:RTMAX-1", 15, []int{63}},
		{"-r TERM:37", 15, []int{37}},
		{"-r 32:TERM", 32, []int{15}},
		{"-r TERM:33", 15, []int{33}},
		{"-r URG:TERM", 23, []int{15}},
		{"-r WINCH:TERM", 28, []int{15}},
		{"-r CONT:TERM", 18, []int{15}},
		{"-r SEGV:TERM", 11, []int{15}},
		{"-r IO:TERM", 29, []int{15}},
		{"-r STKFLT:TERM", 16, []int{15}},
		{"-r HUP:0", 1, nil},
		{"-r TERM:0", 15, nil},
		{"-r RTMIN+3:0", 37, nil},
		{"-r HUP:0 -r HUP:HUP", 1, []int{1}},
		{"-r TERM:CHLD", 15, []int{17}},
		{"-g -r TERM:QUIT", 15, []int{3}},
	} {
		t.Run(fmt.Sprintf("%s, signal %d", c.options, c.signal), func(t *testing.T) {
			t.Parallel()
			w, command := startBlocked(t, native.argv, setting{}, "keelson", words(c.options)...)
			w.signal(c.signal)
			w.dealt()
			if got := signalSet(command, "ShdPnd"); got != set(c.want...) {
				t.Errorf("the command got %v, want %v", got, c.want)
			}
		})
	}
}

// TestRewriteToDeath shows that KILL and STOP, which cannot be rewritten, can be rewritten to.
func TestRewriteToDeath(t *testing.T) {
	t.Parallel()
	w, _ := startBlocked(t, native.argv, setting{}, "keelson", "-r", "HUP:KILL")
	w.signal(1)
	w.endsWith("exit 137", "")
	w, command := startBlocked(t, native.argv, setting{}, "keelson", "-r", "HUP:STOP")
	w.signal(1)
	until(t, "the command to stop", func() bool { return state(command) == "T" })
	unix.Kill(command, unix.SIGKILL)
}

// TestParentDeath kills the parent of a wrapper, which has asked to be told of that. It passes the signal on.
func TestParentDeath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, signal, want string }{
		{"keelson", "USR1", "10"},
		{"keelson", "SIGUSR1", "10"},
		{"keelson", "10", "10"},
		{"keelson", "RTMIN+3", "37"},
		{"tini", "SIGUSR1", "10"},
		{"docker-init", "SIGHUP", "1"},
	} {
		for _, m := range machines() {
			t.Run(m.name+"/"+c.name+" "+c.signal, func(t *testing.T) {
				t.Parallel()
				needMachine(t, m)
				if m.emulated() && c.want == "37" {
					t.Skip("qemu-user: " + noRealTime)
				}
				file, argv := m.argv(c.name, slices.Concat([]string{"-p", c.signal, "--"}, role("report"))...)
				argv[0] = file
				parent := start(t, plain, setting{}, nil, "/bin/sh", append([]string{"-c", `"$@" & read x`, "sh"}, argv...)...)
				defer unix.Kill(parent.ready(), unix.SIGKILL)
				parent.signal(9)
				parent.expect(c.want)
			})
		}
	}
}

// TestListenPID shows whose $LISTEN_PID is mended: only if it was the wrapper's own, and by those that are known to.
func TestListenPID(t *testing.T) {
	t.Parallel()
	const script = "test $LISTEN_PID = $$ && echo command; test $LISTEN_PID = $PPID && echo wrapper; echo $LISTEN_FDS"
	for _, c := range []struct{ name, want string }{
		{"keelson", "command\n3\n"},
		{"catatonit", "command\n3\n"},
		{"tini", "wrapper\n3\n"},
		{"dumb-init", "wrapper\n3\n"},
	} {
		for _, m := range machines() {
			for _, first := range []bool{false, true} {
				if m.emulated() && !first {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s, PID 1 %t", m.name, c.name, first), func(t *testing.T) {
					t.Parallel()
					needMachine(t, m)
					got := run(t, m.argv, setting{PID1: first, ListenPID: true}, []string{"LISTEN_FDS=3"}, c.name, "--", "sh", "-c", script)
					if got.status != "exit 0" || got.stdout != c.want {
						t.Errorf("%s, want %q", got, c.want)
					}
				})
			}
		}
	}
	t.Run("another's", func(t *testing.T) {
		got := run(t, native.argv, setting{}, []string{"LISTEN_PID=1"}, "keelson", "--", "sh", "-c", "echo $LISTEN_PID")
		if got != (outcome{"exit 0", "1\n", ""}) {
			t.Error(got)
		}
	})
}

// TestWarnOnReap and TestVerbose are what keelson says of its own accord.
func TestWarnOnReap(t *testing.T) {
	t.Parallel()
	yard := makeYard(t)
	for _, option := range []string{"-w", "--warn-on-reap", "--warn"} {
		cmd := command(native.argv, setting{}, nil, "keelson", option, "--", "./orphan")
		cmd.Dir = yard
		got := outcomeOf(t, cmd)
		if got.status != "exit 3" || got.stdout != "" || !regexp.MustCompile(`^keelson: reaped process \d+, which ended with status 0\n$`).MatchString(got.stderr) {
			t.Error(option, got)
		}
	}
}

func TestVerbose(t *testing.T) {
	t.Parallel()
	w := start(t, native.argv, setting{}, nil, "keelson", slices.Concat([]string{"-v", "-r", "HUP:0", "--"}, role("report"))...)
	pid := w.ready()
	w.signal(1)
	w.signal(15)
	w.expect("15")
	w.say("9")
	w.endsWith("exit 9", fmt.Sprintf("keelson: started env as process %d\n"+
		"keelson: received SIGHUP\nkeelson: dropped SIGHUP\nkeelson: received SIGTERM\nkeelson: passed SIGTERM on\nkeelson: the command ended with status 9\n", pid))
}
