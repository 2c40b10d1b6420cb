// Package convert makes systemd units of what other supervisors read: supervisord.conf, a Procfile, the source folders of s6-rc and s6-overlay.
// Text and file trees in, unit files and remarks out: nothing is started, asked or written.
//
// # Words
//
// A [Source] is where files are read from. A [Unit] is a unit file that was made. A [Remark] is one line about one setting; it is lost where
// what the setting did is not done any more, otherwise it tells what to look at. A setting that does the same under systemd has no remark. The
// [Table] says what becomes of every setting; docs/import.md is made of it.
//
// # Laws
//
//   - Every unit loads, by keelson's own loader and by systemd's. If that has a remark, so has the result.
//   - A file that its own supervisor would refuse is an error: one line that names the place.
//   - The same files give the same units and remarks, in the same order.
//   - Values are read as their own program reads them (ConfigParser and shlex of Python, execline) and quoted anew for systemd. Variables of the
//     environment stay variables where systemd expands them; elsewhere they have the value that they have at the time of the import, with a remark.
package convert

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"keelson/supervise/unit"
)

// Source is what is converted from.
type Source struct {
	FS     fs.FS                            // the root directory
	Getenv func(name string) (string, bool) // the environment of the import
}

// read reads a file by its absolute path.
func (s Source) read(file string) (string, error) {
	b, err := fs.ReadFile(s.FS, inRoot(file))
	return string(b), err
}

// home is that of the user who the supervisor runs as, which services without User= are not given (systemd.exec(5)).
func (s Source) home() string {
	if h, ok := s.Getenv("HOME"); ok && path.IsAbs(h) {
		return h
	}
	return "/root"
}

// exists tells whether a path leads to something.
func (s Source) exists(file string) bool {
	_, err := fs.Stat(s.FS, inRoot(file))
	return err == nil
}

// isDir tells whether a path leads to a folder.
func (s Source) isDir(file string) bool {
	i, err := fs.Stat(s.FS, inRoot(file))
	return err == nil && i.IsDir()
}

// list gives the names in a folder, sorted; none if it cannot be read.
func (s Source) list(dir string) []string {
	entries, _ := fs.ReadDir(s.FS, inRoot(dir))
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// inRoot is an absolute path as io/fs wants it.
func inRoot(p string) string {
	if p = strings.TrimPrefix(path.Clean("/"+p), "/"); p == "" {
		return "."
	}
	return p
}

// Unit is a unit file.
type Unit struct {
	Name, Text string
	Enable     bool // it is started at boot where it came from
}

// Remark is one line about what was read.
type Remark struct {
	File string
	Line int    // 0 for the file as a whole
	Of   string // the section, process or service
	Key  string // the setting, "" for all of it
	Text string
	Lost bool
}

const notCarried = "not carried over: "

// String is the remark as it is printed.
func (r Remark) String() string {
	s := r.File
	if r.Line > 0 {
		s += fmt.Sprintf(":%d", r.Line)
	}
	s += ":"
	if r.Of != "" {
		s += " [" + r.Of + "]"
	}
	if r.Key != "" {
		s += " " + r.Key
	}
	if r.Of != "" || r.Key != "" {
		s += ":"
	}
	if r.Lost {
		return oneLine(s + " " + notCarried + r.Text)
	}
	return oneLine(s + " " + r.Text)
}

// oneLine is a text without what would end its line, or do other things to a terminal: what is remarked upon was written by others.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// Result is what became of it all.
type Result struct {
	Units   []Unit
	Remarks []Remark
}

// Lost tells whether a remark is about something that is not done any more.
func (r Result) Lost() bool {
	return slices.ContainsFunc(r.Remarks, func(m Remark) bool { return m.Lost })
}

// Enable are the names of the units to enable.
func (r Result) Enable() []string {
	var names []string
	for _, u := range r.Units {
		if u.Enable {
			names = append(names, u.Name)
		}
	}
	return names
}

// add takes units in. Two of one name are an error.
func (r *Result) add(units ...Unit) error {
	for _, u := range units {
		if slices.ContainsFunc(r.Units, func(o Unit) bool { return o.Name == u.Name }) {
			return fmt.Errorf("two units would be named %s", u.Name)
		}
		r.Units = append(r.Units, u)
	}
	return nil
}

// Join is several results as one, when all units have been loaded.
func Join(results ...Result) (Result, error) {
	var all Result
	for _, r := range results {
		if err := all.add(r.Units...); err != nil {
			return all, err
		}
		all.Remarks = append(all.Remarks, r.Remarks...)
	}
	if err := all.load(); err != nil {
		return Result{}, err
	}
	return all, nil
}

// load has the loader look at what was written: a name of a user or a path that systemd does not take is nothing that the other supervisor minds.
func (r *Result) load() error {
	const dir = "/etc/systemd/system/"
	tree := &unit.Tree{}
	for _, u := range r.Units {
		tree.AddFile(dir+u.Name, u.Text)
	}
	l := unit.NewLoader(tree, unit.DefaultHost())
	l.Scan()
	for _, u := range r.Units {
		loaded, diagnostics := l.Load(u.Name)
		for _, d := range diagnostics {
			if d.Severity == unit.Error {
				return fmt.Errorf("%s cannot be written: %s", u.Name, oneLine(d.Text))
			}
			r.Remarks = append(r.Remarks, Remark{File: u.Name, Line: d.Line, Text: d.Text})
		}
		if loaded.LoadState != unit.Loaded {
			return fmt.Errorf("%s cannot be written: %s", u.Name, oneLine(loaded.LoadError))
		}
	}
	return nil
}
