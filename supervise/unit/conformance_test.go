package unit

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// conformance reads one table of systemd's own results. The tables lie outside the repository: KEELSON_CONFORMANCE names
// their folder, and without it the test is skipped; with it a missing table is an error.
func conformance(t *testing.T, name string, into any) {
	t.Helper()
	dir := os.Getenv("KEELSON_CONFORMANCE")
	if dir == "" {
		t.Skip("KEELSON_CONFORMANCE is not set: systemd's tables are not at hand")
	}
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func TestConformanceExtractWord(t *testing.T) {
	var table struct {
		Words []struct {
			Input string
			Steps []struct {
				Separators *string
				Flags      string
				Ret        any
				Word       *string
				RestOffset *int  `json:"rest_offset"`
				RestEmpty  *bool `json:"rest_empty"`
			}
		} `json:"extract_word"`
	}
	conformance(t, "cmdline.json", &table)
	flagWords := map[string]wordFlags{
		"0": 0, "unquote": unquote, "relax": relaxed, "cunescape": cUnescape, "unescape_relax": unescapeRelaxed,
		"unescape_separators": unescapeSeparators, "keep_quote": keepQuotes, "retain_separators": retainSeparators,
		"dont_coalesce_separators": eachSeparator,
	}
	if len(table.Words) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range table.Words {
		cur := cursor{s: c.Input}
		for i, step := range c.Steps {
			var flags wordFlags
			for w := range strings.SplitSeq(step.Flags, "|") {
				f, ok := flagWords[w]
				if !ok {
					t.Fatalf("flag %q is not known", w)
				}
				flags |= f
			}
			sep := orEmpty(step.Separators)
			if sep == `WHITESPACE ":"` {
				sep = whitespace + ":"
			}
			word, ok, err := cur.word(sep, flags)
			if step.Ret == "EINVAL" {
				if err == nil {
					t.Errorf("%q step %d: got %q, want an error", c.Input, i, word)
				}
			} else {
				// Where the separator stays, the table's "word" may be what is left of the input: it took over the last
				// string that systemd's own test compares.
				wantWord := step.Word != nil
				rest := flags&retainSeparators != 0 && step.RestOffset == nil && cur.s == orEmpty(step.Word)
				if err != nil || ok != wantWord || word != orEmpty(step.Word) && !rest {
					t.Errorf("%q step %d: got %q, %v, %v, want %q", c.Input, i, word, ok, err, orEmpty(step.Word))
				}
			}
			if step.RestOffset != nil && len(c.Input)-len(cur.s) != *step.RestOffset {
				t.Errorf("%q step %d: stands at %d, want %d", c.Input, i, len(c.Input)-len(cur.s), *step.RestOffset)
			}
			if step.RestEmpty != nil && (cur.s == "") != *step.RestEmpty {
				t.Errorf("%q step %d: rest %q", c.Input, i, cur.s)
			}
		}
	}
}

func TestConformanceExpansion(t *testing.T) {
	var table struct {
		ArgvExpand []struct{ Env, Argv, Expect []string } `json:"argv_expand"`
		ReplaceEnv []struct {
			Env                 []string
			Input, Flag, Expect string
			On                  bool
		} `json:"replace_env"`
	}
	conformance(t, "cmdline.json", &table)
	for _, c := range table.ArgvExpand {
		if got := ExpandArgv(c.Argv, LookupIn(c.Env)); !slices.Equal(got, c.Expect) {
			t.Errorf("got  %q\nwant %q", got, c.Expect)
		}
	}
	for _, c := range table.ReplaceEnv {
		var flags ExpandFlags
		if c.On {
			flags = map[string]ExpandFlags{"braceless": ExpandBraceless, "extended": ExpandDefaults}[c.Flag]
		}
		if got := ExpandVariables(c.Input, LookupIn(c.Env), flags); got != c.Expect {
			t.Errorf("%q, %s %v: got %q, want %q", c.Input, c.Flag, c.On, got, c.Expect)
		}
	}
	if len(table.ArgvExpand) == 0 || len(table.ReplaceEnv) == 0 {
		t.Fatal("no cases")
	}
}

func TestConformanceEnvironmentFile(t *testing.T) {
	var table struct {
		Load []struct {
			Name, Content string
			Expect        []string
			Error         *string
		}
		Roundtrip []string
		Validity  []struct {
			Fn    string
			Input any
			Valid bool
			Line  int
		}
		Clean []struct{ Input, Expect []string }
	}
	conformance(t, "envfile.json", &table)
	for _, c := range table.Load {
		got, err := ParseEnvironmentFile(c.Content)
		if (err != nil) != (c.Error != nil) || !slices.Equal(got, c.Expect) {
			t.Errorf("%s: got %q, %v, want %q, %q", c.Name, got, err, c.Expect, orEmpty(c.Error))
		}
	}
	for _, v := range table.Roundtrip {
		got, err := ParseEnvironmentFile(QuoteVariable("K", v))
		if err != nil || len(got) != 1 || got[0] != "K="+v {
			t.Errorf("%q came back as %q, %v", v, got, err)
		}
	}
	for _, c := range table.Validity {
		input, _ := c.Input.(string)
		if m, ok := c.Input.(map[string]any); ok {
			b, err := hex.DecodeString(m["hex"].(string))
			if err != nil {
				t.Fatal(err)
			}
			input = string(b)
		}
		f := map[string]func(string) bool{"env_name_is_valid": ValidVariableName, "env_value_is_valid": ValidVariableValue, "env_assignment_is_valid": ValidAssignment}[c.Fn]
		// A NUL ends the string in the language of the table.
		input, _, _ = strings.Cut(input, "\x00")
		if got := f(input); got != c.Valid {
			t.Errorf("%s(%q): got %v (line %d)", c.Fn, input, got, c.Line)
		}
	}
	for _, c := range table.Clean {
		if got, _ := CleanEnvironment(c.Input); !slices.Equal(got, c.Expect) {
			t.Errorf("got  %q\nwant %q", got, c.Expect)
		}
	}
	if len(table.Load) == 0 || len(table.Roundtrip) == 0 || len(table.Validity) == 0 || len(table.Clean) == 0 {
		t.Fatal("no cases")
	}
}

func TestConformanceUnitName(t *testing.T) {
	type conversion struct {
		Name, Path, Prefix, Suffix, Instance, Input string
		Globs                                       bool
		Expect                                      *string
		Ret                                         any
		Line                                        int
	}
	var table struct {
		IsValid []struct {
			Name, Kind string
			Valid      bool
			Line       int
		} `json:"is_valid"`
		ReplaceInstance  []conversion `json:"replace_instance"`
		FromPath         []conversion `json:"from_path"`
		FromPathInstance []conversion `json:"from_path_instance"`
		ToPath           []conversion `json:"to_path"`
		Mangle           []conversion
		InUnit           []struct{ Unit, Pattern, Expect string } `json:"specifier_in_unit"`
		Escape           []struct{ Input, Expect string }         `json:"specifier_escape"`
		Printf           []struct {
			Table         map[string]*string
			Input, Expect string
		} `json:"specifier_printf"`
	}
	conformance(t, "unitname.json", &table)
	kinds := map[string]NameKind{"any": AnyName, "instance": InstanceName, "plain": PlainName, "template": TemplateName, "instance|template": InstanceName | TemplateName}
	for _, c := range table.IsValid {
		if got := ValidName(c.Name, kinds[c.Kind]); got != c.Valid {
			t.Errorf("%q as %s: got %v", c.Name, c.Kind, got)
		}
	}
	typeOfSuffix := func(s string) Type {
		i, _ := typeWords.find(strings.TrimPrefix(s, "."))
		return Type(i)
	}
	check := func(what string, list []conversion, f func(c conversion) (string, error)) {
		for _, c := range list {
			got, err := f(c)
			if (err == nil) != (c.Expect != nil) || got != orEmpty(c.Expect) {
				t.Errorf("%s, line %d: got %q, %v, want %q", what, c.Line, got, err, orEmpty(c.Expect))
			}
		}
		if len(list) == 0 {
			t.Errorf("%s: no cases", what)
		}
	}
	check("replace_instance", table.ReplaceInstance, func(c conversion) (string, error) { return Instantiate(c.Name, c.Instance) })
	check("from_path", table.FromPath, func(c conversion) (string, error) { return NameFromPath(c.Path, typeOfSuffix(c.Suffix)) })
	check("from_path_instance", table.FromPathInstance, func(c conversion) (string, error) {
		return InstanceFromPath(c.Prefix, c.Path, typeOfSuffix(c.Suffix))
	})
	check("to_path", table.ToPath, func(c conversion) (string, error) { return PathFromName(c.Name) })
	check("mangle", table.Mangle, func(c conversion) (string, error) { return Mangle(c.Input, c.Globs) })

	host := DefaultHost()
	host.CgroupRoot = "/cgroup-root"
	for _, c := range table.InUnit {
		slice := "app.slice"
		switch prefix, _, typ, kind, _ := SplitName(c.Unit); {
		case kind == InstanceName:
			slice = "app-" + prefix + ".slice"
		case typ == TypeSlice:
			slice = ""
		}
		s := specifiers{host: &host, name: c.Unit, slice: slice}
		got, err := s.expand(c.Pattern, allSpecifiers, lineMax)
		if ok, _ := path.Match(strings.TrimPrefix(c.Expect, "*"), strings.TrimPrefix(got, "/run")); err != nil || got != c.Expect && !ok {
			t.Errorf("%s: %s: got %q, %v, want %q", c.Unit, c.Pattern, got, err, c.Expect)
		}
	}
	for _, c := range table.Escape {
		if got := EscapeSpecifiers(c.Input); got != c.Expect {
			t.Errorf("%q: got %q, want %q", c.Input, got, c.Expect)
		}
	}
	for _, c := range table.Printf {
		got, err := expandWith(c.Input, lineMax, func(letter byte) (string, bool, error) {
			v, ok := c.Table[string(letter)]
			return orEmpty(v), ok, nil
		})
		if err != nil || got != c.Expect {
			t.Errorf("%q: got %q, %v, want %q", c.Input, got, err, c.Expect)
		}
	}
	if len(table.IsValid) == 0 || len(table.InUnit) == 0 || len(table.Escape) == 0 || len(table.Printf) == 0 {
		t.Fatal("no cases")
	}
}

func TestConformanceCommandLine(t *testing.T) {
	var table struct {
		Exec []struct {
			Label, Rvalue string
			Error         *string
			Commands      []struct {
				Path   string
				Argv   []string
				Ignore bool `json:"ignore_failure"`
			}
		}
	}
	conformance(t, "cmdline.json", &table)
	if len(table.Exec) == 0 {
		t.Fatal("no cases")
	}
	host := DefaultHost()
	for _, c := range table.Exec {
		a := testAssignment(&host, "ExecStart", c.Rvalue)
		got := a.parseCommands(nil)
		if a.refused != (c.Error != nil) || len(got) != len(c.Commands) {
			t.Errorf("%s: %q: got %+v, refused %v", c.Label, c.Rvalue, got, a.refused)
			continue
		}
		for i, want := range c.Commands {
			if g := got[i]; g.Path != want.Path || !slices.Equal(g.Argv, want.Argv) || (g.Flags&IgnoreFailure != 0) != want.Ignore {
				t.Errorf("%s: %q: got %+v, want %+v", c.Label, c.Rvalue, g, want)
			}
		}
	}
}

// testAssignment is a line of the unit x.service.
func testAssignment(host *Host, key, value string) *assignment {
	d := SystemDefaults()
	u := newUnit("x.service", &d)
	return &assignment{
		u: u, spec: &specifiers{host: host, name: u.Name}, defaults: &d, file: "x", line: 1, key: key, value: value,
		diagnostics: new([]Diagnostic),
	}
}

func TestConformanceValues(t *testing.T) {
	var table struct {
		Alias []struct {
			Link, Target string
			Ret          any
		} `json:"alias_symlink"`
		Rlimit []struct {
			Directive, Value string
			Soft, Hard       any
			Invalid          bool
		}
	}
	conformance(t, "values.json", &table)
	for _, c := range table.Alias {
		want, _ := c.Ret.(string)
		got := ""
		if err, ok := CheckAlias(path.Base(c.Link), path.Base(c.Target)).(*AliasError); ok {
			got = err.Errno
		}
		if got != want {
			t.Errorf("%s to %s: got %q, want %q", c.Link, c.Target, got, want)
		}
	}
	number := func(v any, same uint64) uint64 {
		switch v := v.(type) {
		case float64:
			return uint64(v)
		case string:
			if v == "infinity" {
				return RlimitInfinity
			}
		}
		return same
	}
	for _, c := range table.Rlimit {
		i, ok := rlimitWords.find(c.Directive)
		if !ok {
			t.Fatalf("%s is not known", c.Directive)
		}
		got, err := ParseRlimit(RlimitKind(i), c.Value)
		if (err != nil) != c.Invalid {
			t.Errorf("%s=%s: %v", c.Directive, c.Value, err)
			continue
		}
		if soft := number(c.Soft, 0); !c.Invalid && (got.Soft != soft || got.Hard != number(c.Hard, soft)) {
			t.Errorf("%s=%s: got %+v, want %v:%v", c.Directive, c.Value, got, c.Soft, c.Hard)
		}
	}
	if len(table.Alias) == 0 || len(table.Rlimit) == 0 {
		t.Fatal("no cases")
	}
}

func TestConformanceDropIns(t *testing.T) {
	var table struct {
		Units   []struct{ Name, Text string }
		DropIns []struct {
			Unit, Description string
			Documentation     []string
		}
	}
	conformance(t, "engine.json", &table)
	tree := &Tree{}
	for _, u := range table.Units {
		tree.AddFile("/etc/systemd/system/"+u.Name, u.Text)
	}
	l := NewLoader(tree, DefaultHost())
	if d := l.Scan(); len(d) > 0 {
		t.Fatal(d)
	}
	for _, c := range table.DropIns {
		u, d := l.Load(c.Unit)
		if u.LoadState != Loaded || u.Description != c.Description || !slices.Equal(u.Documentation, c.Documentation) {
			t.Errorf("got %v %q %q %v", u.LoadState, u.Description, u.Documentation, d)
		}
	}
	for _, u := range table.Units {
		if !ValidName(u.Name, AnyName) {
			continue
		}
		if got, d := l.Load(u.Name); got.LoadState != Loaded || len(d) > 0 {
			t.Errorf("%s: %v %v", u.Name, got.LoadState, d)
		}
	}
	if len(table.DropIns) == 0 {
		t.Fatal("no cases")
	}
}
