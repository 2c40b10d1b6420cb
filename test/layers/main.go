// Command layers proves that imports run the one way that DESIGN.md draws, and that nothing under supervise reaches the kernel, starts a goroutine
// or reads a clock. It prints what breaks a rule and exits with 1, or one line that says what was checked.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

type pkg struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports         []string
	Deps            []string
}

// A rule is about the packages under a path.
type rule struct {
	under  string
	only   []string // if not nil: the packages of keelson that it may import, by path below keelson/; "x/..." is x and all below it
	never  []string // what it must not reach, directly or through others
	reason string
}

var rules = []rule{
	{"init/early", []string{}, nil, "it runs before the runtime"},
	{"init/sys", []string{}, nil, "it wraps system calls and knows nothing else"},
	{"init/spawn", []string{"init/early", "init/sys", "init/spawn/filter", "init/spawn/sandbox", "supervise", "supervise/unit"}, nil, "it compiles lists for early"},
	{"init/spawn/filter", []string{"supervise/unit"}, nil, "it makes programs of values"},
	{"init/spawn/sandbox", []string{"supervise/unit"}, nil, "it makes plans of values"},
	{"init/ns", []string{"init/early", "init/spawn", "init/sys"}, nil, "it makes plans for spawn"},
	{"init/glob", []string{"init/sys"}, nil, "it knows names of files and nothing else"},
	{"init/track", []string{"init/sys", "supervise/..."}, nil, "the loop asks it"},
	{"init/facts", []string{"init/glob", "init/sys", "supervise/..."}, nil, "the loop asks it"},
	{"init/sock", []string{"init/glob", "init/sys", "supervise/..."}, nil, "the loop asks it"},
	{"init/bus", []string{"init/glob", "supervise/..."}, nil, "it knows the manager as an interface"},
	{"init/journal", []string{"init/journal/...", "init/sys", "supervise/calendar"}, nil, "it collects lines, and knows units by their names"},
	{"init/unitfiles", []string{"init/glob", "supervise/..."}, nil, "it changes files and asks no manager"},
	{"init/rootdir", []string{"supervise/unit"}, nil, "it opens files below a root"},
	{"init/tmpfiles", []string{"init/rootdir", "supervise/..."}, nil, "it changes files and asks no manager"},
	{"init/sysusers", []string{"init/rootdir", "supervise/..."}, nil, "it changes files and asks no manager"},
	{"init/sessions", []string{"init/sys"}, nil, "it ends sessions and knows nothing else"},
	{"sshd-recipe", []string{}, nil, "it makes files ready and knows no manager"},
	{"init/convert", []string{"supervise/unit"}, []string{"os", "net", "syscall", "golang.org/x/sys"}, "text in, units and remarks out"},
	{"init/generate", []string{}, nil, "it runs programs and knows nothing else"},
	{"init/applet", []string{"init/applet/...", "init/facts", "init/glob", "init/journal/...", "init/sys", "init/unitfiles", "init/tmpfiles", "init/sysusers", "init/rootdir", "supervise/..."}, nil, "clients reach the manager by its socket alone"},
	{"init/loop", nil, []string{"keelson/init/applet", "keelson/init/boot", "keelson/init/ns"}, "what is made of it is boot's"},
	{"init/pause", []string{}, nil, "it has no part in the rest"},
	{"supervise/graph", []string{}, nil, "it knows edges, not units"},
	{"supervise/calendar", []string{}, nil, "it is vocabulary"},
	{"supervise/notify", []string{"supervise/calendar"}, nil, "it is vocabulary"},
	{"supervise/unit", []string{"supervise/calendar", "supervise/graph"}, nil, "text in, units out"},
	{"supervise", nil, []string{"keelson/init", "golang.org/x/sys", "os/exec", "net", "syscall", "os/signal"}, "it decides, init acts"},
}

// onlyImporters are packages that one package alone may import.
var onlyImporters = map[string]string{
	"github.com/hashicorp/go-reap": "init/pause",
}

// values are packages of plain values below ones that are not.
var values = []string{"net/netip"}

// clocks are what reads a clock or waits, by package time; none of it belongs under supervise.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func main() {
	packages, err := list()
	if err != nil {
		fmt.Fprintln(os.Stderr, "layers:", err)
		os.Exit(1)
	}
	var broken []string
	for _, p := range packages {
		broken = append(broken, check(p, packages)...)
	}
	for _, b := range broken {
		fmt.Println("layers:", b)
	}
	if len(broken) > 0 {
		os.Exit(1)
	}
	fmt.Printf("layers: %d packages, imports run one way\n", len(packages))
}

func list() (map[string]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	packages := map[string]pkg{}
	for in := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := in.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages[strings.TrimPrefix(p.ImportPath, "keelson/")] = p
	}
}

func (r rule) permits(own string) bool {
	return slices.ContainsFunc(r.only, func(o string) bool {
		dir, all := strings.CutSuffix(o, "/...")
		return own == dir || all && under(own, dir)
	})
}

func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func check(p pkg, packages map[string]pkg) (broken []string) {
	path := strings.TrimPrefix(p.ImportPath, "keelson/")
	say := func(format string, args ...any) { broken = append(broken, path+" "+fmt.Sprintf(format, args...)) }
	for _, r := range rules {
		if !under(path, r.under) || r.only != nil && refined(path, r.under) {
			continue
		}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, "keelson/"); ok && r.only != nil && !r.permits(own) {
				say("imports %s: %s", i, r.reason)
			}
		}
		for _, n := range r.never {
			// The standard library reaches the kernel for itself, so of it only what is imported here counts.
			for _, d := range p.Deps {
				if slices.Contains(values, d) {
					continue
				}
				if own := strings.Contains(strings.SplitN(d, "/", 2)[0], ".") || strings.HasPrefix(d, "keelson/"); under(d, n) && (own || slices.Contains(p.Imports, d)) {
					say("reaches %s: %s", d, r.reason)
				}
			}
		}
		if r.under == "supervise" {
			broken = append(broken, pure(p)...)
		}
	}
	for _, i := range p.Imports {
		if owner, ok := onlyImporters[i]; ok && path != owner {
			say("imports %s, which only %s may", i, owner)
		}
	}
	return broken
}

// pure finds go statements and clocks.
func pure(p pkg) (broken []string) {
	for _, name := range p.GoFiles {
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return []string{err.Error()}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				broken = append(broken, files.Position(n.Pos()).String()+": a goroutine")
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clocks, n.Sel.Name) {
					broken = append(broken, files.Position(n.Pos()).String()+": time."+n.Sel.Name)
				}
			}
			return true
		})
	}
	return broken
}

// refined tells whether a package has a rule of its own below that of a folder.
func refined(path, dir string) bool {
	return slices.ContainsFunc(rules, func(r rule) bool {
		return r.only != nil && r.under != dir && under(r.under, dir) && under(path, r.under)
	})
}
