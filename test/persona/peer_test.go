package persona

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// An invocation is something that a peer and keelson are both called with, and have the same outcome of.
type invocation struct {
	line    string // the arguments; see words
	env     string // changes to the environment, in the same way
	argv0   string // the peer's name if not given
	in      setting
	compare comparison
}

// comparison is what of an outcome must be the same, besides the status.
type comparison int

const (
	allText   comparison = iota
	firstLine            // behind which comes a help text, which is each program's own
	streams              // which of them were written to: the text is a licence
	events               // the distinct lines: two processes write them, and signals may coalesce
)

// masked are the process ids in what the peers print.
var masked = regexp.MustCompile(`(tini \(|catatonit:|pid '|pid: '|pid=|PID |process |pid1 \()[0-9]+`)

// catatonitHead is how a line of catatonit's begins.
var catatonitHead = regexp.MustCompile(`(DEBUG|INFO|WARN|ERROR) \(catatonit:N\): `)

func (c comparison) of(o outcome) outcome {
	for _, text := range []*string{&o.stdout, &o.stderr} {
		s := masked.ReplaceAllString(*text, "${1}N")
		switch c {
		case firstLine:
			s, _, _ = strings.Cut(s, "\n")
		case streams:
			s = fmt.Sprint("written to: ", s != "")
		case events:
			// catatonit writes a line's head, its text and its end one by one, and another process's may come between them.
			lines := strings.FieldsFunc(catatonitHead.ReplaceAllString(s, "\n$0\n"), func(r rune) bool { return r == '\n' })
			slices.Sort(lines)
			s = strings.Join(slices.Compact(lines), "\n")
		}
		*text = s
	}
	return o
}

// lineBuffering has the peers' C library write line by line: stdout even though it is no terminal, stderr instead of the pieces that two
// processes would mix. keelson writes lines as they are.
var lineBuffering = []string{"LD_PRELOAD=/usr/libexec/coreutils/libstdbuf.so", "_STDBUF_O=L", "_STDBUF_E=L"}

func (i invocation) outcome(t *testing.T, p program, name, yard string, first bool) outcome {
	t.Helper()
	argv0 := name
	if i.argv0 != "" {
		argv0 = i.argv0
	}
	s := i.in
	s.PID1 = first
	cmd := command(p, s, append(slices.Clone(lineBuffering), words(i.env)...), argv0, words(i.line)...)
	cmd.Dir = yard
	if i.in.Closed == nil {
		cmd.Stdin = nil
	}
	return i.compare.of(outcomeOf(t, cmd))
}

// monotonous are the long names of executions.
var monotonous = regexp.MustCompile(`(n|d/|/){100,}`)

func (i invocation) String() string {
	s := strings.TrimSpace(i.env + " " + i.line)
	if i.argv0 != "" {
		s = i.argv0 + " " + s
	}
	if !i.in.nothing() {
		s += fmt.Sprintf(" in %v", i.in)
	}
	return monotonous.ReplaceAllStringFunc(s, func(run string) string { return fmt.Sprintf("%s...%d", run[:4], len(run)) })
}

// sameAs runs every invocation with the peer and with keelson of that name: as the first process of a PID namespace, and not. Under an
// emulator it is always the first process, and not where there is a reason.
func sameAs(t *testing.T, name string, table []invocation, emulatorCannot func(invocation) string) {
	needFile(t, filepath.Join("/usr/bin", name), strings.TrimPrefix(lineBuffering[0], "LD_PRELOAD="))
	yard := makeYard(t)
	seen := map[string]bool{}
	for _, i := range table {
		if seen[i.String()] {
			t.Errorf("twice in the table: %s", i)
		}
		seen[i.String()] = true
		for _, first := range []bool{false, true} {
			where := "elsewhere"
			if first {
				where = "PID 1"
			}
			t.Run(where+"/"+i.String(), func(t *testing.T) {
				t.Parallel()
				if first || !i.in.nothing() {
					needRoot(t)
				}
				want := i.outcome(t, peer, name, yard, first)
				for _, m := range machines() {
					if m.emulated() {
						if !first || i.saysNothing() != "" || emulatorCannot(i) != "" {
							continue
						}
						needMachine(t, m)
					}
					if got := i.outcome(t, m.argv, name, yard, first); got != want {
						t.Errorf("%s: %s\n     got %s\n    want %s", m.name, i, got, want)
					}
				}
			})
		}
	}
}

func (o outcome) String() string {
	return fmt.Sprintf("%s, stdout %q, stderr %q", o.status, o.stdout, o.stderr)
}

// makeYard makes a directory with files that cannot be executed, each for another reason, and some that can.
func makeYard(t *testing.T) string {
	t.Helper()
	yard := t.TempDir()
	for _, f := range []struct {
		name string
		mode os.FileMode
		text string
	}{
		{"plain", 0o644, "#!/bin/sh\necho plain\n"},
		{"script", 0o755, "echo script $0 $*\n"}, // no #!: the C library has a shell run it
		{"nointerpreter", 0o755, "#!/nonexistent/interpreter\n"},
		{"void", 0o755, ""},
		{"foreign", 0o755, "\x7fELF but no program\n"},
		{"program", 0o755, "#!/bin/sh\necho program $0 $*\n"},
		{"orphan", 0o755, orphan},
		{"has space", 0o755, "#!/bin/sh\necho \"$0\"\n"},
		{"denied/echo", 0o644, "#!/bin/sh\necho denied\n"},
		{"broken/echo", 0o755, "#!/nonexistent/interpreter\n"},
		{"bare/echo", 0o755, "echo bare $0 $*\n"},
		{"own/echo", 0o755, "#!/bin/sh\necho own $*\n"},
		{"shadow/echo/file", 0o644, ""},
	} {
		file := filepath.Join(yard, f.name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("circle", filepath.Join(yard, "circle")); err != nil {
		t.Fatal(err)
	}
	return yard
}

// orphan has an orphan end, which it does only after its parent, and waits until it has been reaped.
const orphan = `#!/bin/sh
f=$(mktemp -u) && mkfifo $f || exit 99
o=$( { exec >/dev/null; read x <$f; } & echo $! )
echo >$f
rm $f
while test -d /proc/$o; do :; done
exit 3
`

// executions are the ways to execute, or not, a command: the same for every peer, for the C library finds it.
func executions(before string) (table []invocation) {
	for _, line := range []string{
		"nowhere", "./nowhere", "''", "./plain", "plain", "./shadow", "/", "/etc", "/etc/passwd", "./script one two", "./nointerpreter", "./void",
		"./program one two", "./plain/below", "./circle", "'./has space' x", "./" + strings.Repeat("n", 256), strings.Repeat("n", 300),
		strings.Repeat("d/", 2100), "/dev/null", "/proc/self/mem",
	} {
		table = append(table, invocation{line: before + line})
	}
	for _, path := range []string{
		"-PATH", "PATH=", "PATH=:", "PATH=:/bin", "PATH=/bin:", "PATH=/nonexistent:/bin", "PATH=/nonexistent", "PATH=denied", "PATH=denied:/bin",
		"PATH=/bin:denied", "PATH=plain:/bin", "PATH=broken", "PATH=broken:/bin", "PATH=bare", "PATH=bare:own", "PATH=own:/bin", "PATH=shadow:own",
		"PATH=shadow", "PATH=circle:own", "PATH=" + strings.Repeat("n", 5000) + ":/bin", "PATH=" + strings.Repeat("n", 300) + ":/bin",
		"PATH=" + strings.Repeat("/", 300) + "bin", "PATH=denied:broken", "PATH=::::own",
	} {
		table = append(table, invocation{line: before + "echo a b", env: path})
	}
	return append(table,
		invocation{line: before + "script one", env: "PATH="},
		invocation{line: before + "script one", env: "PATH=/bin:"},
		invocation{line: before + "nowhere", env: "-PATH"},
		invocation{line: before + "plain", env: "PATH=."},
	)
}

// inheritances are what a command gets from whoever started its wrapper. SIGCHLD is not among the ignored: tini and catatonit
// then wait for ever.
func inheritances(before string) (table []invocation) {
	masks := before + "sed -n /^Sig[BIC]/p /proc/self/status"
	for _, in := range []setting{
		{},
		{Ignored: []int{1, 2, 3, 10, 12, 13, 15}},
		{Ignored: []int{18, 20, 21, 22}},
		{Ignored: []int{4, 5, 6, 7, 8, 11, 31}},
		{Ignored: []int{23, 28, 34, 64}},
		{Blocked: []int{1, 2, 3, 10, 12, 13, 15}},
		{Blocked: []int{17, 18, 20, 21, 22}},
		{Blocked: []int{4, 5, 6, 7, 8, 11, 31}},
		{Blocked: []int{23, 28, 34, 64}},
		{Ignored: []int{2, 11, 22}, Blocked: []int{4, 15, 21}}, // as tini's own test has it
	} {
		table = append(table, invocation{line: masks, in: in})
	}
	// A process group or a session of its own is seen in fields 5 and 6 of proc(5)'s stat.
	const place = "sh -c 'set -- $(cat /proc/$$/stat); test $5 = $1 && echo group; test $6 = $1 && echo session; test $6 = 0 && echo none'"
	return append(table,
		invocation{line: before + place},
		invocation{line: before + "ls -m /proc/self/fd", in: setting{Open: []int{3, 5, 9}}},
		invocation{line: before + "sh -c 'ls -m /proc/$$/fd; :'", in: setting{Closed: []int{0}}},
		invocation{line: before + "sh -c 'ls -m /proc/$$/fd >&2; :'", in: setting{Closed: []int{1}}},
		invocation{line: before + "sh -c 'ls -m /proc/$$/fd; :'", in: setting{Closed: []int{2}}},
		invocation{line: before + "sh -c 'env | sort'", env: "A=1 B= C=x=y"},
		invocation{line: before + "pwd -P", env: "PWD=/nonexistent"},
	)
}

// endings are how a command may end.
func endings(before string) (table []invocation) {
	for _, script := range []string{"exit 0", "exit 1", "exit 42", "exit 255", "exit 256", "kill -1 $$", "kill -9 $$", "kill -11 $$", "kill -34 $$", "kill -64 $$"} {
		table = append(table, invocation{line: before + "sh -c '" + script + "'"})
	}
	return table
}
