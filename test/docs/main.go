// Command docs makes what is written about keelson's commands and directives from what the program itself says and reads: docs/reference.md and
// docs/directives.md, which are part of the repository, and with -o DIR the manual pages and the completions of shells there.
//
//	docs BINARY [-o DIR]
package main

import (
	"bytes"
	"embed"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/cpuguy83/go-md2man/v2/md2man"

	"keelson/init/early"
)

//go:embed pages
var pages embed.FS

// words are the commands with a help of their own, in the order in which they are described.
var words = []string{"", "run", "ns", "pause", "boot", "supervise", "sshd", "install", "import"}

func main() {
	out := flag.String("o", "", "")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: docs [-o DIR] BINARY")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), *out); err != nil {
		fmt.Fprintln(os.Stderr, "docs:", err)
		os.Exit(1)
	}
}

func run(binary, out string) error {
	d, err := read(binary)
	if err != nil {
		return err
	}
	var files map[string]string
	if out == "" {
		files, err = d.documents()
		out = "docs"
	} else {
		files, err = d.installed()
	}
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(out, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// documentation is what is known of the program.
type documentation struct {
	Helps map[string]*help
	order []string
}

func read(binary string) (*documentation, error) {
	d := &documentation{Helps: map[string]*help{}, order: words}
	for _, w := range words {
		h, err := ask(binary, w)
		if err != nil {
			return nil, err
		}
		d.Helps[w] = h
	}
	return d, nil
}

// documents are the files of docs/.
func (d *documentation) documents() (map[string]string, error) {
	reference, err := d.page("pages/reference.md", markdown)
	if err != nil {
		return nil, err
	}
	return map[string]string{"reference.md": reference, "directives.md": directives()}, nil
}

// installed are the manual pages and completions.
func (d *documentation) installed() (map[string]string, error) {
	files := map[string]string{
		"completions/keelson.bash": d.bash(),
		"completions/_keelson":     d.zsh(),
		"completions/keelson.fish": d.fish(),
	}
	list, err := fs.Glob(pages, "pages/*.[0-9].md")
	if err != nil {
		return nil, err
	}
	for _, name := range list {
		text, err := d.page(name, manual)
		if err != nil {
			return nil, err
		}
		page := strings.TrimSuffix(filepath.Base(name), ".md")
		files["man/man"+page[len(page)-1:]+"/"+page] = string(md2man.Render([]byte(text)))
	}
	return files, nil
}

// A style is how a help's parts are written.
type style func(h *help) string

// page fills one of the pages in. What it may use: {{help "run"}}, a command's options and what its help says of them; {{usage "run"}};
// {{personas}} and {{applets}}; {{version}}.
func (d *documentation) page(name string, s style) (string, error) {
	t, err := template.New(filepath.Base(name)).Funcs(template.FuncMap{
		"help": func(word string) (string, error) {
			h := d.Helps[word]
			if h == nil {
				return "", fmt.Errorf("no command %q", word)
			}
			return s(h), nil
		},
		"usage": func(word string) (string, error) {
			h := d.Helps[word]
			if h == nil {
				return "", fmt.Errorf("no command %q", word)
			}
			return "```\n" + strings.Join(h.Usage, "\n") + "\n```", nil
		},
		"applets": func() string {
			var list []string
			for _, a := range early.Applets {
				list = append(list, "`"+a.Name+"`")
			}
			return strings.Join(list, ", ")
		},
		"version": func() string { return early.Version },
	}).ParseFS(pages, name)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return "", err
	}
	return b.String(), nil
}

// markdown writes a help for docs/: options as a table.
func markdown(h *help) string {
	var b strings.Builder
	for _, p := range h.Parts {
		if p.Text != "" {
			fmt.Fprintf(&b, "%s\n\n", p.Text)
		}
		if p.Options != nil {
			b.WriteString("| option | |\n|---|---|\n")
			for _, o := range p.Options {
				fmt.Fprintf(&b, "| `%s` | %s |\n", cell(o.Head), cell(o.Text))
			}
			b.WriteString("\n")
		}
		if p.Lines != nil {
			fmt.Fprintf(&b, "```\n%s\n```\n\n", strings.Join(p.Lines, "\n"))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// manual writes a help for a manual page: options as a list of definitions.
func manual(h *help) string {
	var b strings.Builder
	for _, p := range h.Parts {
		if p.Text != "" {
			fmt.Fprintf(&b, "%s\n\n", p.Text)
		}
		for _, o := range p.Options {
			fmt.Fprintf(&b, "**%s**\n: %s\n\n", strings.ReplaceAll(o.Head, "[", `\[`), text(o.Text))
		}
		if p.Lines != nil {
			fmt.Fprintf(&b, "```\n%s\n```\n\n", strings.Join(p.Lines, "\n"))
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// text is plain text in Markdown.
func text(s string) string {
	return strings.NewReplacer("[", `\[`, "*", `\*`, "_", `\_`, "<", "&lt;").Replace(s)
}
