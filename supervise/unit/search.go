package unit

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Where unit files are: systemd.unit(5), "Unit File Load Path"; unit_file_build_name_map in src/basic/unit-file.c.

// The folders of the search path that the manager itself writes to.
const (
	ControlDir        = "/etc/systemd/system.control" // drop-ins of `systemctl set-property`
	RuntimeControlDir = "/run/systemd/system.control" // those of `systemctl set-property --runtime`
	TransientDir      = "/run/systemd/transient"      // units of systemd-run
)

// DefaultSearchPath is where a system manager looks for units, the first place first. Distributions that keep /lib apart
// from /usr/lib (Debian up to 12) look there first: splitUsr.
func DefaultSearchPath(splitUsr bool) []string {
	lib := []string{"/usr/lib/systemd/system", "/lib/systemd/system"}
	if splitUsr {
		slices.Reverse(lib)
	}
	return slices.Concat([]string{
		ControlDir, RuntimeControlDir, TransientDir, "/run/systemd/generator.early",
		"/etc/systemd/system", "/etc/systemd/system.attached", "/run/systemd/system", "/run/systemd/system.attached",
		"/run/systemd/generator", "/usr/local/lib/systemd/system",
	}, lib, []string{lateDir})
}

// lateDir has the units that generators write for what has no unit file.
const lateDir = "/run/systemd/generator.late"

// names says what is in the search path.
type names struct {
	paths map[string]string   // a name to the path of its file, or to the name that its link says
	alias map[string][]string // a main name to all names that lead to it, sorted
	dirs  map[string]unitDirs // folders for units by suffix: ".d", ".wants"
	fsys  FS
}

// unitDirs are the folders of one suffix by what stands before it: a unit's name or a type.
type unitDirs map[string][]unitDir

// unitDir is one such folder; place is the rank of the folder of the search path that has it.
type unitDir struct {
	place int
	path  string
}

// unitDirSuffixes are the endings of folders that belong to units.
var unitDirSuffixes = []string{".wants", ".requires", ".upholds", ".d"}

// unitDirOf takes the name of a folder for units apart.
func unitDirOf(name string) (of, suffix string, ok bool) {
	for _, suffix := range unitDirSuffixes {
		if of, ok := strings.CutSuffix(name, suffix); ok {
			_, isType := typeWords.find(of)
			return of, suffix, isType || ValidName(of, AnyName)
		}
	}
	return "", "", false
}

// searcher scans a search path.
type searcher struct {
	n    *names
	seen map[string]bool // folders, by where their links lead
	real []string        // the search path, and where its links lead
	tell func(file string, s Severity, text string)
}

func newSearcher(fsys FS, searchPath []string, tell func(file string, s Severity, text string)) *searcher {
	s := &searcher{
		n:    &names{paths: map[string]string{}, alias: map[string][]string{}, dirs: map[string]unitDirs{}, fsys: fsys},
		seen: map[string]bool{}, real: slices.Clone(searchPath), tell: tell,
	}
	for _, dir := range searchPath {
		if r, err := chase(fsys, dir); err == nil && !slices.Contains(s.real, r) {
			s.real = append(s.real, r)
		}
	}
	return s
}

// scan adds the folder of the search path that has this rank. Names that earlier folders have stay what they are.
func (s *searcher) scan(place int, dir string) {
	real, err := chase(s.n.fsys, dir)
	if err != nil || s.seen[real] {
		return
	}
	entries, err := s.n.fsys.ReadDir(relative(real))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.tell(dir, Warning, "Failed to open \""+dir+"\", ignoring: "+err.Error())
		}
		return
	}
	s.seen[real] = true
	for _, e := range entries {
		name := e.Name()
		p := dir + "/" + name
		switch t := e.Type(); {
		case !ValidName(name, AnyName):
			if of, suffix, ok := unitDirOf(name); ok {
				if s.n.dirs[suffix] == nil {
					s.n.dirs[suffix] = unitDirs{}
				}
				s.n.dirs[suffix][of] = append(s.n.dirs[suffix][of], unitDir{place, p})
			}
		case s.n.paths[name] != "":
		case t.IsRegular():
			s.n.paths[name] = p
		case t&fs.ModeSymlink != 0:
			if target, ok := s.link(dir, name); ok {
				s.n.paths[name] = target
			}
		}
	}
}

// link says what a link in a unit folder means: another name if it leads into the search path, its own path if it leads
// elsewhere: a linked unit file, or a mask.
func (s *searcher) link(dir, name string) (string, bool) {
	target, err := s.n.fsys.ReadLink(relative(dir + "/" + name))
	if err != nil {
		real, loop := chase(s.n.fsys, dir)
		if loop != nil {
			return "", false
		}
		if target, err = s.n.fsys.ReadLink(relative(real + "/" + name)); err != nil {
			s.tell(dir+"/"+name, Warning, "Failed to read symlink "+dir+"/"+name+": "+err.Error())
			return "", false
		}
	}
	if !strings.HasPrefix(target, "/") {
		target = dir + "/" + target
	}
	target = path.Clean(target)
	in := path.Dir(target)
	if real, err := chase(s.n.fsys, in); err == nil && !slices.Contains(s.real, in) {
		in = real
	}
	if !slices.ContainsFunc(s.real, func(d string) bool { return in == d || strings.HasPrefix(in, d+"/") }) {
		return dir + "/" + name, true
	}
	if err := CheckAlias(name, path.Base(target)); err != nil {
		if err != errSelfAlias {
			s.tell(dir+"/"+name, Notice, err.Error())
		}
		return "", false
	}
	return path.Base(target), true
}

var errSelfAlias = errors.New("unit self-alias")

// AliasError says why a link is no alias: systemd's errno and its text.
type AliasError struct {
	Errno string // EINVAL or EXDEV
	Text  string
}

func (e *AliasError) Error() string { return e.Text }

// CheckAlias tells whether a unit file may be a link to another one (unit_validate_alias_symlink_or_warn in
// src/basic/unit-file.c): the same type, which may have aliases; a plain name for a plain name, a template for a template,
// an instance for a template or for itself.
func CheckAlias(link, target string) error {
	refuse := func(errno, text string) error { return &AliasError{errno, link + ": " + text} }
	_, instance, t, kind, ok := SplitName(link)
	switch {
	case !ok:
		return refuse("EINVAL", "not a valid unit name \""+link+"\": Invalid argument")
	case !t.MayAlias():
		return refuse("EINVAL", "symlinks are not allowed for units of this type, rejecting.")
	case kind != PlainName && !t.MayTemplate():
		return refuse("EINVAL", "templates not allowed for "+t.String()+" units, rejecting.")
	case link == target:
		return errSelfAlias
	}
	_, otherInstance, otherType, otherKind, ok := SplitName(target)
	switch {
	case !ok:
		return refuse("EXDEV", "points to \""+target+"\" which is not a valid unit name: Invalid argument")
	case kind != otherKind && !(kind == InstanceName && otherKind == TemplateName):
		return refuse("EXDEV", "symlink target name type \""+target+"\" does not match source, rejecting.")
	case otherKind == InstanceName && instance != otherInstance:
		return refuse("EXDEV", "unit symlink target \""+target+"\" instance name doesn't match, rejecting.")
	case t != otherType:
		return refuse("EXDEV", "symlink target \""+target+"\" has incompatible suffix, rejecting.")
	}
	return nil
}

// finish makes the table of aliases.
func (s *searcher) finish() *names {
	n := s.n
	for _, name := range sortedKeys(n.paths) {
		file, err := n.follow(name)
		if err != nil {
			continue
		}
		main := path.Base(file)
		if _, instance, _, kind, _ := SplitName(name); kind == InstanceName && ValidName(main, TemplateName) {
			if main, err = Instantiate(main, instance); err != nil {
				continue
			}
		}
		n.alias[main] = append(n.alias[main], name)
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// errDangling is for an alias of what is not there.
var errDangling = errors.New("No such device or address")

// aliasesMax is how many aliases of aliases are followed.
const aliasesMax = 8

// follow gives the path of a name's file: errNoFile if there is no such name, errDangling if an alias leads nowhere.
func (n *names) follow(name string) (string, error) {
	for i := range aliasesMax {
		next, ok := n.paths[name]
		if !ok && i == 0 {
			return "", errNoFile
		}
		if !ok {
			template, has := TemplateOf(name)
			if next, ok = n.paths[template]; !has || !ok {
				return "", errDangling
			}
		}
		if next[0] == '/' {
			return next, nil
		}
		name = next
	}
	return "", errLoop
}

// end is the name that a name's aliases lead to, whether it has a file or not.
func (n *names) end(name string) string {
	for range aliasesMax {
		next, ok := n.paths[name]
		if !ok || next[0] == '/' {
			break
		}
		name = next
	}
	return name
}

// masked: the file of a name is empty.
func (n *names) masked(name string) bool {
	file, err := n.follow(name)
	if err != nil {
		return false
	}
	text, err := readUnitFile(n.fsys, file)
	return err == nil && text == ""
}

// find gives the file of a unit and all names that it has. An instance without a file of its own has its template's.
func (n *names) find(name string) (file string, all []string, err error) {
	_, instance, _, kind, _ := SplitName(name)
	add := func(s string) {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	addNames := func(of, fragment string) {
		if kind != TemplateName && ValidName(of, PlainName|InstanceName) {
			add(of)
		}
		for _, alias := range n.alias[of] {
			if kind != InstanceName || !ValidName(alias, TemplateName) {
				add(alias)
				continue
			}
			inst, err := Instantiate(alias, instance)
			if err != nil {
				continue
			}
			if f, err := n.follow(inst); err == nil && fragment != "" && path.Base(f) != fragment {
				continue // the instance has a file of its own
			}
			add(inst)
		}
	}
	addNames(name, "")
	if file, err = n.follow(name); err != nil && err != errNoFile && err != errDangling {
		return "", all, err
	}
	if file == "" && kind == InstanceName {
		template, _ := TemplateOf(name)
		if file, err = n.follow(template); err != nil && err != errNoFile && err != errDangling {
			return "", all, err
		}
	}
	if file != "" {
		if base := path.Base(file); base != name {
			if kind == InstanceName && ValidName(base, TemplateName) {
				if inst, err := Instantiate(base, instance); err == nil {
					add(inst)
				}
			}
			addNames(base, base)
		}
		return file, all, nil
	}
	return "", all, nil
}
