package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keelson/init/early"
	"keelson/test/binary"
)

func TestMain(m *testing.M) {
	status := m.Run()
	binary.Clean()
	os.Exit(status)
}

func documented(t *testing.T) *documentation {
	t.Helper()
	d, err := read(binary.Path(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestUpToDate: docs/ says what the program says.
func TestUpToDate(t *testing.T) {
	files, err := documented(t).documents()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("../../docs", name))
		if err != nil {
			t.Error(err)
		} else if string(got) != want {
			t.Errorf("docs/%s is not what the program says: make docs", name)
		}
	}
}

// TestAllCommands: no command is left out.
func TestAllCommands(t *testing.T) {
	d := documented(t)
	for _, c := range early.Commands {
		if c.Name != early.GeneratorsCommand && !slices.Contains(d.commands(), c.Name) {
			t.Errorf("keelson %s is not described", c.Name)
		}
	}
}

func TestParseHelp(t *testing.T) {
	h := parseHelp("keelson x [UNIT]\n\nSays\nthis.\n\nKinds:\n  -a, --all            everything\n      --one[=NAME]   one\n                      of them\n  --way in|out  which\nAnd: that.\n  an example --not an option\n")
	h.Command = "keelson x"
	want := []flagWord{{"-a", "", false, "everything"}, {"--all", "", false, "everything"}, {"--one", "NAME", true, "one of them"}, {"--way", "in|out", false, "which"}}
	if got := h.flags(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := choice("in|out"); !slices.Equal(got, []string{"in", "out"}) {
		t.Errorf("%q", got)
	}
	if h.rest() != restUnits {
		t.Error("what follows is units")
	}
	var kinds []string
	for _, p := range h.Parts {
		switch {
		case p.Text != "":
			kinds = append(kinds, p.Text)
		case p.Options != nil:
			kinds = append(kinds, "options")
		default:
			kinds = append(kinds, strings.Join(p.Lines, ";"))
		}
	}
	if got := strings.Join(kinds, "|"); got != "Says this.|Kinds:|options|And: that.|an example --not an option" {
		t.Error(got)
	}
}

// TestManualPages: mandoc finds nothing to warn of, and they show their options.
func TestManualPages(t *testing.T) {
	mandoc := binary.Need(t, "mandoc")
	files, err := documented(t).installed()
	if err != nil {
		t.Fatal(err)
	}
	shows := map[string]string{"keelson.1": "--grace SECONDS", "keelson-run.1": "--propagation MODE", "keelson-boot.1": "--exit-with UNIT", "keelson-sshd.1": "--fresh-keys"}
	for name, text := range files {
		page := filepath.Base(name)
		if !strings.HasPrefix(name, "man/") {
			continue
		}
		path := filepath.Join(t.TempDir(), page)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(mandoc, "-T", "lint", "-W", "error", path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		out, err := exec.Command(mandoc, "-T", "ascii", path).Output()
		plain := overstruck(string(out))
		if err != nil || shows[page] == "" || !strings.Contains(plain, shows[page]) {
			t.Errorf("%s does not show %q (%v):\n%s", name, shows[page], err, plain)
		}
		delete(shows, page)
	}
	for page := range shows {
		t.Errorf("there is no %s", page)
	}
}

// overstruck takes a terminal's bold and underlined letters, "x\bx" and "_\bx", for what they are.
func overstruck(s string) string {
	var out []rune
	for _, r := range s {
		if r == '\b' && len(out) > 0 {
			out = out[:len(out)-1]
			continue
		}
		out = append(out, r)
	}
	return string(out)
}

// TestCompletions has the shells complete. What is expected is among what they offer.
func TestCompletions(t *testing.T) {
	files, err := documented(t).installed()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"keelson.bash", "keelson.fish", "_keelson"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(files["completions/"+name]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct{ line, offers, not string }{
		{"keelson --gr", "--grace", "--group "},
		{"keelson r", "run", ""},
		{"keelson run --propagation ", "slave", "--uts"},
		{"keelson run --ut", "--uts", ""},
		{"keelson boot --log-format ", "json", ""},
		{"keelson sshd --root-login ", "password", ""},
		{"keelson --expect 3 -- /bin/tru", "/bin/true", ""},
	}
	for _, shell := range []struct {
		name string
		argv func(line string) []string
	}{
		{"bash", func(line string) []string {
			return []string{"--norc", "-c", `. "$1"; IFS=' '; read -ra COMP_WORDS <<<"$2"; [[ $2 == *' ' ]] && COMP_WORDS+=("")
				COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$2 COMP_POINT=${#2}; _keelson; printf '%s\n' "${COMPREPLY[@]}"`,
				"bash", filepath.Join(dir, "keelson.bash"), line}
		}},
		{"fish", func(line string) []string {
			return []string{"--no-config", "-c", "source " + filepath.Join(dir, "keelson.fish") + "; complete -C '" + line + "'"}
		}},
	} {
		t.Run(shell.name, func(t *testing.T) {
			program := binary.Need(t, shell.name)
			for _, c := range cases {
				cmd := exec.Command(program, shell.argv(c.line)...)
				cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir)
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Errorf("%q: %v\n%s", c.line, err, out)
					continue
				}
				offered := false
				for _, l := range strings.Split(string(out), "\n") {
					word, _, _ := strings.Cut(l, "\t")
					offered = offered || word == c.offers
					if word == c.not && c.not != "" {
						t.Errorf("%q offers %s", c.line, word)
					}
				}
				if !offered {
					t.Errorf("%q does not offer %s, but:\n%s", c.line, c.offers, out)
				}
			}
		})
	}
	t.Run("zsh", func(t *testing.T) {
		if out, err := exec.Command(binary.Need(t, "zsh"), "-n", filepath.Join(dir, "_keelson")).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}
