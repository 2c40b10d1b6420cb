// Package tmpfiles makes, adjusts and removes files as tmpfiles.d(5) says, in place of systemd-tmpfiles --create and --remove.
//
// # Words
//
// A line has a type, modifiers, a path inside the root and what is wanted of it; a [rootdir.Diagnostic] is a remark about one. A glob is a line whose path is a pattern
// for files that are there already. The parent of a line is the line for the nearest folder above its path.
//
// # Laws
//
//   - Lines that make things come before globs, parents before what is below them, else the order is that of the files and lines. With Remove, all
//     removing comes first, and below before above.
//   - Of two lines that own one path the first counts, unless they say the same or both append ("w+").
//   - A failing line is remarked upon, and the others go on. To apply a second time changes nothing.
//   - A path is walked folder by folder; an unsafe transition is refused. The umask has no part in modes.
//   - Nothing is removed beyond a mount point.
//
// # What is not done
//
// Cleaning by age: ages are checked only. Subvolumes ("v", "q", "Q") are folders, as they are in systemd where
// the root is no btrfs subvolume. A device that may not be made is passed over, as in systemd. Copies ("C") have modes, owners and times, no extended attributes.
//
// # Sources
//
// tmpfiles.d(5), systemd-tmpfiles(8), and src/tmpfiles/tmpfiles.c of systemd 252, which has the order and the merging.
package tmpfiles

import (
	"errors"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/unit"
)

// Options are those of systemd-tmpfiles(8).
type Options struct {
	Create, Remove bool
	Boot           bool // lines with "!" too
	Host           unit.Host
	Credentials    string   // the folder that "^" reads, and its tmpfiles.extra; outside the root, "" for none
	Files          []string // drop-ins by path or name; nil for all that there are
	Prefixes       []string // only paths below one of them; nil for all
	Exclude        []string // no paths below one of them
}

const kind = "tmpfiles.d"

// Limits of what is read: a drop-in, and one of its lines (LONG_LINE_MAX).
const (
	fileMax = 16 << 20
	lineMax = 1 << 20
)

// engine is one run of Apply.
type engine struct {
	*rootdir.Root
	Options
	accounts *rootdir.Accounts
	items    lines // by path
	globs    lines
	list     []rootdir.Diagnostic
	at       *item // whose turn it is
}

// lines are all lines of one sort.
type lines struct {
	order  []*group
	byPath map[string]*group
}

// group are all lines for one path.
type group struct {
	path     string
	items    []*item
	parent   *group
	children []*group
}

// Apply carries out the drop-ins of a root directory, "" for "/".
func Apply(root string, o Options) []rootdir.Diagnostic {
	r, err := rootdir.Open(root)
	if err != nil {
		return []rootdir.Diagnostic{{Text: err.Error()}}
	}
	defer r.Close()
	e := &engine{Root: r, Options: o, accounts: r.Accounts(), items: lines{byPath: map[string]*group{}}, globs: lines{byPath: map[string]*group{}}}
	e.read()
	for _, l := range []*lines{&e.items, &e.globs} {
		for _, g := range l.order {
			e.link(g)
		}
	}
	if o.Remove {
		e.all(func(g *group) { e.process(g, removing) })
	}
	if o.Create {
		e.all(func(g *group) { e.process(g, creating) })
	}
	return e.list
}

func (e *engine) all(f func(*group)) {
	for _, l := range []*lines{&e.items, &e.globs} {
		for _, g := range l.order {
			f(g)
		}
	}
}

// read parses the drop-ins.
func (e *engine) read() {
	files := e.Files
	if files == nil {
		files = e.DropIns(kind)
	}
	for _, name := range files {
		p, err := e.FindDropIn(kind, name)
		if err != nil {
			e.list = append(e.list, rootdir.Diagnostic{Text: "Failed to open '" + name + "': No such file or directory"})
			continue
		}
		text, err := e.ReadFile(p, fileMax)
		if err != nil {
			e.list = append(e.list, rootdir.Diagnostic{File: p, Text: "Failed to read: " + because(err)})
			continue
		}
		e.parse(p, string(text))
	}
	if e.Credentials != "" {
		if text, err := readCredential(e.Credentials, "tmpfiles.extra"); err == nil {
			e.parse(path.Join(e.Credentials, "tmpfiles.extra"), string(text))
		}
	}
}

func (e *engine) parse(file, text string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.Trim(line, " \t\n\r")
		if line == "" || line[0] == '#' {
			continue
		}
		i := &item{file: file, line: n}
		e.at = i
		if len(line) > lineMax {
			e.invalid("Line is too long.")
			continue
		}
		if e.parseLine(i, line) {
			e.add(i)
		}
	}
	e.at = nil
}

// add files a line under its path.
func (e *engine) add(i *item) {
	l := &e.items
	if i.globs() {
		l = &e.globs
	}
	g := l.byPath[i.path]
	if g == nil {
		g = &group{path: i.path}
		l.byPath[i.path] = g
		l.order = append(l.order, g)
	}
	for _, o := range g.items {
		if !o.compatible(i) && !(o.kind == 'w' && o.force && i.kind == 'w' && i.force) {
			e.notice("Duplicate line for path %q, ignoring.", i.path)
			return
		}
	}
	g.items = append(g.items, i)
	// What makes the file comes before what adjusts it (item_compare).
	slices.SortStableFunc(g.items, func(a, b *item) int {
		switch {
		case a.owns() && !b.owns():
			return -1
		case !a.owns() && b.owns():
			return 1
		}
		return int(a.kind) - int(b.kind)
	})
}

// link finds a group's parent.
func (e *engine) link(g *group) {
	for p := g.path; p != "/" && p != "."; {
		p = path.Dir(p)
		parent := e.items.byPath[p]
		if parent == nil {
			parent = e.globs.byPath[p]
		}
		if parent != nil && parent != g {
			g.parent = parent
			parent.children = append(parent.children, g)
			return
		}
	}
}

// operation is a phase of the work.
type operation uint8

const (
	creating operation = 1 << iota
	removing
)

// process does all lines of a path, what has to come before it first.
func (e *engine) process(g *group, op operation) {
	if op == creating && g.parent != nil {
		e.process(g.parent, op)
	}
	if op == removing {
		for _, c := range g.children {
			e.process(c, op)
		}
	}
	for _, i := range g.items {
		if i.done&op != 0 {
			continue
		}
		i.done |= op
		e.at = i
		if op == creating {
			e.create(i)
		} else {
			e.remove(i)
		}
	}
	e.at = nil
}

func (e *engine) tell(s unit.Severity, invalid bool, text string) {
	d := rootdir.Diagnostic{Severity: s, Text: text, Invalid: invalid}
	if e.at != nil {
		d.File, d.Line = e.at.file, e.at.line
	}
	e.list = append(e.list, d)
}

// because is why a system call failed, as strerror(3) has it.
func because(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		s := errno.Error()
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return err.Error()
}
