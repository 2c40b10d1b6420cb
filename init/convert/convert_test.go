package convert

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"keelson/supervise/unit"
)

var update = flag.Bool("update", false, "write what came out into testdata and docs/import.md")

// A scenario is a text file: "-- NAME --" before each file of the tree, and before what is to come of it: "-- convert --" has the paths, the kind by the
// first part of the scenario's name; then "-- units --" and "-- remarks --", or "-- error --". A name that ends in "*" can be executed.
type scenario struct {
	head  string
	files []file
}

type file struct{ name, text string }

func readScenario(text string) scenario {
	var s scenario
	for l := range strings.Lines(text) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(l), "-- "); ok && strings.HasSuffix(name, " --") {
			s.files = append(s.files, file{name: strings.TrimSuffix(name, " --")})
		} else if n := len(s.files); n > 0 {
			s.files[n-1].text += l
		} else {
			s.head += l
		}
	}
	return s
}

// environ is the environment of the import in all scenarios.
var environ = map[string]string{"SET": "now", "PATH": "/usr/bin:/bin"}

func getenv(name string) (string, bool) {
	v, ok := environ[name]
	return v, ok
}

func (s scenario) convert(kind string) (Result, error) {
	tree := fstest.MapFS{}
	var paths []string
	for _, f := range s.files {
		switch name, executable := strings.CutSuffix(f.name, "*"); {
		case f.name == "convert":
			paths = strings.Fields(f.text)
		case strings.HasPrefix(name, "/"):
			mode := fs.FileMode(0o644)
			if executable {
				mode = 0o755
			}
			tree[name[1:]] = &fstest.MapFile{Data: []byte(f.text), Mode: mode}
		}
	}
	src := Source{tree, getenv}
	var r Result
	var err error
	switch kind {
	case "supervisord":
		r, err = Supervisord(src, paths[0])
	case "procfile":
		var lines []Line
		for i, l := range strings.Split(strings.TrimSpace(string(tree[paths[0][1:]].Data)), "\n") {
			name, command, _ := strings.Cut(l, ": ")
			lines = append(lines, Line{name, command, i + 1})
		}
		r, err = Procfile(src, paths[0], lines)
	default:
		r, err = S6(src, paths)
	}
	if err != nil {
		return Result{}, err
	}
	return Join(r)
}

// outcome is what is compared.
func outcome(r Result, err error) string {
	if err != nil {
		return "-- error --\n" + err.Error() + "\n"
	}
	var b strings.Builder
	b.WriteString("-- units --\n")
	for _, u := range r.Units {
		b.WriteString("# " + u.Name)
		if u.Enable {
			b.WriteString(" (enable)")
		}
		b.WriteString("\n" + u.Text + "\n")
	}
	b.WriteString("-- remarks --\n")
	for _, m := range r.Remarks {
		b.WriteString(m.String() + "\n")
	}
	return b.String()
}

func TestScenarios(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenario: %v", err)
	}
	for _, name := range names {
		base := strings.TrimSuffix(filepath.Base(name), ".txt")
		t.Run(base, func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			kind, _, _ := strings.Cut(base, "-")
			result, err := readScenario(string(text)).convert(kind)
			got := outcome(result, err)
			given, want := string(text), ""
			for _, m := range []string{"-- units --\n", "-- error --\n"} {
				if i := strings.Index(given, m); i >= 0 {
					given, want = given[:i], given[i:]
				}
			}
			if *update {
				if err := os.WriteFile(name, []byte(given+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			loads(t, result)
		})
	}
}

// loads loads every unit by our own loader, and has the real systemd's tools look at them where they are.
func loads(t *testing.T, r Result) {
	t.Helper()
	dir := t.TempDir()
	tree := &unit.Tree{}
	var files []string
	for _, u := range r.Units {
		tree.AddFile("/etc/systemd/system/"+u.Name, u.Text)
		file := filepath.Join(dir, u.Name)
		if err := os.WriteFile(file, []byte(u.Text), 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	l := unit.NewLoader(tree, unit.DefaultHost())
	for _, d := range l.Scan() {
		t.Errorf("%v", d)
	}
	for _, u := range r.Units {
		loaded, diagnostics := l.Load(u.Name)
		if loaded.LoadState != unit.Loaded {
			t.Errorf("%s: %s", u.Name, loaded.LoadError)
		}
		for _, d := range diagnostics {
			if !slices.ContainsFunc(r.Remarks, func(m Remark) bool { return m.Text == d.Text }) {
				t.Errorf("%v", d)
			}
		}
	}
	program, err := exec.LookPath("systemd-analyze")
	if err != nil || len(files) == 0 {
		return
	}
	cmd := exec.Command(program, append([]string{"verify", "--man=no"}, files...)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+dir+":", "SYSTEMD_LOG_COLOR=no")
	out, _ := cmd.CombinedOutput()
	for l := range strings.Lines(string(out)) {
		// The programs of scenarios are nowhere, and neither are their users.
		if strings.Contains(l, dir) && !strings.Contains(l, "strict user/group name rules") || strings.Contains(l, "refus") {
			t.Errorf("systemd-analyze: %s", l)
		}
	}
}

// TestDocumentation: docs/import.md ends with the table of the code.
func TestDocumentation(t *testing.T) {
	const name = "../../docs/import.md"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const border = "<!-- The rest is made of the tables in init/convert: go test ./init/convert -update -->\n"
	head, table, ok := strings.Cut(string(text), border)
	if !ok {
		t.Fatalf("%s lacks the line %q", name, border)
	}
	if *update {
		if err := os.WriteFile(name, []byte(head+border+Table()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table != Table() {
		t.Errorf("%s does not say what the code says; go test ./init/convert -update makes it so", name)
	}
}

// TestWords: what shlex.split of Python 3.11 makes of it.
func TestWords(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`a b  c`, `[a][b][c]`},
		{`a "b c" 'd e'`, `[a]["b c"]["d e"]`},
		{`a"b"c''`, `["abc"]`},
		{`'' ""`, `[""][""]`},
		{`a\ b \\ \"`, `[a b][\]["]`},
		{`"a\"b\\c\$d\n"`, `["a"b\c\$d\n"]`},
		{`'a\'`, `["a\"]`},
		{"a\nb\tc", `[a][b][c]`},
		{`a #b`, `[a][#b]`},
		{`"a`, `error: a quotation that does not end`},
		{`a\`, `error: a backslash at the end`},
		{``, ``},
	} {
		list, err := splitWords(tt.text)
		got := ""
		for _, w := range list {
			if w.quoted {
				got += `["` + w.text + `"]`
			} else {
				got += `[` + w.text + `]`
			}
		}
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.text, got, tt.want)
		}
	}
}

// TestPairs: what dict_of_key_value_pairs of supervisor 4.2.5 makes of it.
func TestPairs(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`A=1,B=2`, `A=1 B=2 `},
		{`A="1,2", B='x y'`, `A=1,2 B=x y `},
		{`A=/usr/bin:/bin,B=a-b.c(d)+e`, `A=/usr/bin:/bin B=a-b.c(d)+e `},
		{`A=1,A=2`, `A=2 `},
		{"A=1,\n  B=2,", `A=1 B=2 `},
		{`A="",B='"'`, `A= B= `},
		{`A=a"b`, `A=a"b `},
		{`A=1 B=2 C=3`, `error`},
		{`A`, `error`},
		{`A=a@b`, `error`},
		{`A="1`, `error`},
		{``, ``},
	} {
		list, err := readPairs(tt.text)
		got := ""
		for _, p := range list {
			got += p.name + "=" + p.value + " "
		}
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q (%v)", tt.text, got, tt.want, err)
		}
	}
}

// TestExpand: what Python's % makes of it.
func TestExpand(t *testing.T) {
	lookup := func(name string) (string, bool) {
		v, ok := map[string]string{"n": "7", "s": "x y", "v": mark + "V" + mark}[name]
		return v, ok
	}
	for _, tt := range []struct{ text, want string }{
		{"a%%b", "a%b"},
		{"%(n)d-%(n)02d-%(n)3d-%(n)-3d|%(n)s%(n)03i", "7-07-  7-7  |7007"},
		{"[%(s)5s][%(s)-5s]", "[  x y][x y  ]"},
		{"%(v)s", mark + "V" + mark},
		{"%(none)s", "error"},
		{"%(s)d", "error"},
		{"%(v)9s", "error"},
		{"%s", "error"},
		{"100%", "error"},
		{"%(n", "error"},
		{"%(n)", "error"},
		{"%(n)x", "error"},
	} {
		got, err := expand(tt.text, lookup)
		if err != nil {
			got = "error"
		}
		if got != tt.want {
			t.Errorf("%q: got %q, want %q (%v)", tt.text, got, tt.want, err)
		}
	}
}

// TestConfigParser: what Python's RawConfigParser reads with supervisord's options.
func TestConfigParser(t *testing.T) {
	const text = "[a]\nx = 1 ; c\ny=a;b\nz : u\n  v # c\n\n  w\n; c\n  [x]\n#q\nk=\n[b]]\n Q = 3\n  r = 4\n [c]\nu=1\n[a]\nx:2 = 3\n[DEFAULT]\nk=of all\nd=of all\n"
	const want = `a x="2 = 3" y="a;b" z="u\nv\n\nw\n[x]" k="" d="of all"|b] q="3\nr = 4" k="of all" d="of all"|c u="1" k="of all" d="of all"|`
	var f iniFile
	if err := f.read("f", "/", text); err != nil {
		t.Fatal(err)
	}
	f.inherit()
	got := ""
	for _, s := range f.sections {
		got += s.name
		for _, o := range s.settings {
			got += fmt.Sprintf(" %s=%q", o.key, o.value)
		}
		got += "|"
	}
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if line := f.section("a").get("x").line; line != 18 {
		t.Errorf("x is in line %d, want 18", line)
	}
	for _, bad := range []string{"[a]\nfoo\n", "x=1\n", "[]\n", "[a]\n=3\n"} {
		var f iniFile
		if err := f.read("f", "/", bad); err == nil || !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%q: %v, want an error with the line", bad, err)
		}
	}
}
