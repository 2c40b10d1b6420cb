package unitfiles

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keelson/supervise/unit"
)

// The cases are text files in testdata. A case begins with "== NAME". Then come files, each an absolute path with indented lines behind it, or
// "LINK -> TARGET"; then commands, "$ VERB ARGUMENTS", each with what it prints and "! STATUS" if that is not 0. Beside systemctl's verbs there are "tree",
// which lists what is below /etc and /run, "rm PATH" and "put PATH TEXT". ROOT stands for the root directory.
//
// With KEELSON_SYSTEMCTL=/bin/systemctl the same is done by the real program, which was the source of all that is expected; -update writes down what it
// prints. A case with "(ours)" in its name is one in which it is not to be followed, and says why.

var update = flag.Bool("update", false, "write down what $KEELSON_SYSTEMCTL prints")

type scriptCase struct {
	name  string
	setup []string // lines
	steps []scriptStep
}

type scriptStep struct {
	command string
	want    []string
}

func readScript(t *testing.T, file string) (cases []scriptCase) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		if name, ok := strings.CutPrefix(line, "== "); ok {
			cases = append(cases, scriptCase{name: name})
			continue
		}
		if len(cases) == 0 {
			t.Fatalf("%s: %q before a case", file, line)
		}
		c := &cases[len(cases)-1]
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			c.steps = append(c.steps, scriptStep{command: command})
		} else if n := len(c.steps); n > 0 {
			if line != "" {
				c.steps[n-1].want = append(c.steps[n-1].want, line)
			}
		} else {
			c.setup = append(c.setup, line)
		}
	}
	return cases
}

func writeScript(t *testing.T, file string, cases []scriptCase) {
	t.Helper()
	var b strings.Builder
	for i, c := range cases {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "== %s\n", c.name)
		for _, l := range c.setup {
			b.WriteString(l + "\n")
		}
		for _, s := range c.steps {
			b.WriteString("$ " + s.command + "\n")
			for _, l := range s.want {
				b.WriteString(l + "\n")
			}
		}
	}
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// put makes a file with its folders.
func put(t *testing.T, root, at, text string) {
	t.Helper()
	at = root + at
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func build(t *testing.T, root string, setup []string) {
	t.Helper()
	defer func() {
		for _, dir := range []string{"/lib/systemd/system", "/etc", "/run"} {
			if err := os.MkdirAll(root+dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}()
	for i := 0; i < len(setup); i++ {
		line := setup[i]
		if line == "" || line[0] == '#' {
			continue
		}
		if link, target, ok := strings.Cut(line, " -> "); ok {
			if err := os.MkdirAll(filepath.Dir(root+link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, root+link); err != nil {
				t.Fatal(err)
			}
			continue
		}
		text := ""
		for i+1 < len(setup) && strings.HasPrefix(setup[i+1], "\t") {
			i++
			text += setup[i][1:] + "\n"
		}
		put(t, root, line, text)
	}
}

// tree lists what is below /etc and /run.
func tree(t *testing.T, root string) (list []string) {
	t.Helper()
	for _, top := range []string{"/etc", "/run"} {
		err := filepath.WalkDir(root+top, func(at string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			line := at[len(root):]
			switch {
			case d.Type() == fs.ModeSymlink:
				target, err := os.Readlink(at)
				if err != nil {
					return err
				}
				line += " -> " + target
			case d.IsDir():
				if entries, err := os.ReadDir(at); err != nil || len(entries) > 0 {
					return err
				}
				line += "/"
			}
			list = append(list, line)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// noInstall stands for the long text about units without installation config, which the client has.
const noInstall = "The unit files have no installation config (WantedBy=, RequiredBy=, Also=,"

// oracle runs the real systemctl.
func oracle(t *testing.T, systemctl, root string, args []string) []string {
	t.Helper()
	cmd := exec.Command(systemctl, append([]string{"--root=" + root}, args...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_LOG_COLOR=0", "SYSTEMD_COLORS=0", "SYSTEMD_PAGER=cat", "LC_ALL=C.UTF-8", "SYSTEMCTL_SKIP_SYSV=1")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var list []string
	for line := range strings.Lines(stderr.String() + stdout.String()) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, "Note: ") { // which compares what the client asked for with what it got
			list = append(list, strings.ReplaceAll(line, root, "ROOT"))
		}
		if line == noInstall {
			break
		}
	}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		list = append(list, fmt.Sprintf("! %d", exit.ExitCode()))
	} else if err != nil {
		t.Fatal(err)
	}
	return list
}

// ours is what a client makes of this package.
func ours(t *testing.T, root string, args []string) []string {
	t.Helper()
	r := New(root)
	var out, errors bytes.Buffer
	r.Warn = func(text string) { fmt.Fprintln(&errors, text) }
	var o Options
	var mode PresetMode
	var names []string
	var state []State
	for _, a := range args[1:] {
		switch {
		case a == "--runtime":
			o.Runtime = true
		case a == "--force":
			o.Force = true
		case strings.HasPrefix(a, "--preset-mode="):
			mode, _ = ParsePresetMode(strings.TrimPrefix(a, "--preset-mode="))
		case strings.HasPrefix(a, "--state="):
			state = append(state, State(slices.Index(states[:], strings.TrimPrefix(a, "--state="))))
		case a == "--full", a == "--no-legend", a == "--plain":
		case strings.Contains(a, "/") || args[0] == "list-unit-files":
			names = append(names, a)
		default:
			suffix := unit.TypeService
			if args[0] == "set-default" || strings.HasPrefix(args[0], "add-") && len(names) == 0 {
				suffix = unit.TypeTarget
			}
			name, err := unit.MangleWithType(a, false, suffix)
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
		}
	}
	var changes []Change
	var err error
	verb, carries, status := args[0], true, 0
	say := func(err error, format string, args ...any) {
		fmt.Fprintf(&errors, format+": %s\n", append(args, errnoText(errnoOf(err)))...)
		status = 1
	}
	switch verb {
	case "enable":
		changes, carries, err = r.Enable(names, o)
	case "reenable":
		changes, carries, err = r.Reenable(names, o)
	case "disable":
		changes, err = r.Disable(names, o)
	case "link":
		changes, err = r.Link(names, o)
	case "mask":
		changes, err = r.Mask(names, o)
	case "unmask":
		changes, err = r.Unmask(names, o)
	case "revert":
		changes, err = r.Revert(names, o)
	case "preset":
		changes, _, err = r.Preset(names, mode, o)
	case "preset-all":
		verb = "preset"
		changes, err = r.PresetAll(mode, o)
	case "add-wants":
		verb = "add dependency on"
		changes, err = r.AddDependency(names[1:], names[0], Wants, o)
	case "add-requires":
		verb = "add dependency on"
		changes, err = r.AddDependency(names[1:], names[0], Requires, o)
	case "set-default":
		verb = "set default"
		o.Force = true
		changes, err = r.SetDefault(names[0], o)
	case "get-default":
		name, err := r.GetDefault()
		if err != nil {
			say(err, "Failed to get default target")
		} else {
			fmt.Fprintln(&out, name)
		}
	case "is-enabled":
		status = 1
		for _, name := range names {
			s, err := r.State(name)
			if err != nil {
				say(err, "Failed to get unit file state for %s", name)
				break
			}
			fmt.Fprintln(&out, s)
			if s.IsEnabled() {
				status = 0
			}
		}
	case "list-unit-files":
		list, err := r.List(state, names)
		if err != nil {
			say(err, "Failed to get unit file list")
		}
		if len(list) == 0 {
			status = 1
		}
		for _, f := range list {
			preset := f.Preset
			if preset == "" {
				preset = "-"
			}
			fmt.Fprintln(&out, filepath.Base(f.Path), f.State, preset)
		}
	default:
		t.Fatalf("what is %q?", verb)
	}
	for _, l := range Lines(verb, changes, err) {
		fmt.Fprintln(&errors, l.Text)
	}
	if err != nil {
		status = 1
	} else if !carries {
		fmt.Fprintln(&errors, noInstall)
	}
	list := strings.Split(strings.TrimRight(strings.ReplaceAll(errors.String()+out.String(), root, "ROOT"), "\n"), "\n")
	if list[0] == "" {
		list = nil
	}
	if status != 0 {
		list = append(list, fmt.Sprintf("! %d", status))
	}
	return list
}

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no cases: ", err)
	}
	systemctl := os.Getenv("KEELSON_SYSTEMCTL")
	for _, file := range scripts {
		cases := readScript(t, file)
		for i := range cases {
			c := &cases[i]
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txt")+"/"+c.name, func(t *testing.T) {
				own := strings.Contains(c.name, "(ours)")
				play(t, c, func(root string, args []string) []string { return ours(t, root, args) }, own && *update)
				if systemctl != "" && !own {
					play(t, c, func(root string, args []string) []string { return oracle(t, systemctl, root, args) }, *update)
				}
			})
		}
		if *update {
			writeScript(t, file, cases)
		}
	}
}

// normalize sorts what the real program prints in the order of the file system, and leaves columns to the client.
func normalize(verb string, lines []string) {
	from := 0
	for i, l := range append(lines, "") {
		if !strings.HasPrefix(l, "Removed ") {
			slices.Sort(lines[from:i])
			from = i + 1
		}
	}
	for i, l := range lines {
		if verb == "list-unit-files" {
			lines[i] = strings.Join(strings.Fields(l), " ")
		}
	}
	if verb == "preset-all" {
		slices.Sort(lines)
	}
}

func play(t *testing.T, c *scriptCase, run func(root string, args []string) []string, keep bool) {
	t.Helper()
	root := t.TempDir()
	build(t, root, c.setup)
	for i := range c.steps {
		s := &c.steps[i]
		args := strings.Fields(s.command)
		var got []string
		switch args[0] {
		case "tree":
			got = tree(t, root)
		case "rm":
			if err := os.RemoveAll(root + args[1]); err != nil {
				t.Fatal(err)
			}
		case "put":
			put(t, root, args[1], strings.Join(args[2:], "\n")+"\n")
		default:
			got = run(root, args)
			normalize(args[0], got)
		}
		if keep {
			s.want = got
		} else if !slices.Equal(got, s.want) {
			t.Errorf("$ %s\nis   %s\nwant %s", s.command, strings.Join(got, "\n     "), strings.Join(s.want, "\n     "))
		}
	}
}
