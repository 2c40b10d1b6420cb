package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// A help is what a command prints on --help: the one source of what is written here about it.
type help struct {
	Command string // "keelson run"
	Usage   []string
	Parts   []part
}

// A part is a paragraph, a list of options below its heading, or lines to be shown as they are.
type part struct {
	Text    string
	Options []option
	Lines   []string
}

type option struct {
	Head string // as it is written: "-e, --expect STATUS"
	Text string
}

var (
	optionLine = regexp.MustCompile(`^ {2,6}(-[-a-zA-Z].*)$`)
	gap        = regexp.MustCompile(` {2,}|: `) // between an option and its text
	flagName   = regexp.MustCompile(`(^|[ ,])(--?[a-zA-Z][-a-z]*)(?:\[?=([^,\]]*)\]?| ([A-Za-z][^, ]*))?`)
)

// ask has a command of the binary print its help.
func ask(binary, word string) (*help, error) {
	args := []string{"--help"}
	if word != "" {
		args = []string{word, "--help"}
	}
	out, err := exec.Command(binary, args...).Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", binary, strings.Join(args, " "), err)
	}
	h := parseHelp(string(out))
	h.Command = strings.TrimSpace("keelson " + word)
	return h, nil
}

func parseHelp(text string) *help {
	h := &help{}
	for i, block := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(block, "\n")
		if i == 0 {
			h.Usage = lines
			continue
		}
		h.add(lines)
	}
	return h
}

// add takes the lines of one block. A new part begins where the indentation changes from text to options or back.
func (h *help) add(lines []string) {
	p := &part{}
	flush := func() {
		if p.Text != "" || p.Options != nil || p.Lines != nil {
			h.Parts = append(h.Parts, *p)
		}
		p = &part{}
	}
	for _, line := range lines {
		m := optionLine.FindStringSubmatch(line)
		switch {
		case m != nil && p.Lines == nil:
			if p.Text != "" {
				flush()
			}
			o := option{Head: m[1]}
			if at := gap.FindStringIndex(m[1]); at != nil {
				o.Head, o.Text = m[1][:at[0]], m[1][at[1]:]
			}
			p.Options = append(p.Options, o)
		case p.Options != nil && strings.HasPrefix(line, "        "):
			o := &p.Options[len(p.Options)-1]
			o.Text = strings.TrimSpace(o.Text + " " + strings.TrimSpace(line))
		case strings.HasPrefix(line, " "):
			if p.Options != nil || p.Text != "" {
				flush()
			}
			p.Lines = append(p.Lines, strings.TrimPrefix(line, "  "))
		default:
			if p.Options != nil || p.Lines != nil {
				flush()
			}
			p.Text = strings.TrimSpace(p.Text + " " + line)
		}
	}
	flush()
}

// A flag is one name of an option.
type flagWord struct {
	Name string // with its hyphens
	Arg  string // what follows it, "" for nothing
	// Joined: the argument is behind a "=" and may be missing.
	Joined bool
	Text   string
}

// flags are the names of all options of a help.
func (h *help) flags() (list []flagWord) {
	seen := map[string]bool{}
	for _, p := range h.Parts {
		for _, o := range p.Options {
			found := flagName.FindAllStringSubmatch(o.Head, -1)
			for i, m := range found {
				f := flagWord{Name: m[2], Arg: m[4], Text: o.Text}
				if m[3] != "" {
					f.Arg, f.Joined = m[3], true
				}
				if f.Arg == "" && !f.Joined && i+1 < len(found) && strings.HasPrefix(f.Name, "-") && !strings.HasPrefix(f.Name, "--") {
					f.Arg = found[i+1][4] // "-e, --expect STATUS"
				}
				if !seen[f.Name] {
					seen[f.Name] = true
					list = append(list, f)
				}
			}
		}
	}
	return list
}
