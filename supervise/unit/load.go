package unit

import (
	"errors"
	"io/fs"
	"path"
	"slices"

	"keelson/supervise/calendar"
)

// Loader loads units by name. Its exported fields are set before Scan and not changed between Scan and the last Load that
// follows it. It keeps no unit, but units whose files say
// nothing of Exec or Cgroup share theirs: what Load gives is to be read, not changed.
type Loader struct {
	FS         FS
	SearchPath []string // see DefaultSearchPath
	Host       Host
	Defaults   Defaults
	Zones      calendar.Zones // the time zones that OnCalendar= may name
	SysV       bool           // make units of init scripts, as if a generator had put them into /run/systemd/generator.late

	names  *names
	exec   map[Type]*ExecContext
	cgroup map[alike]*CgroupContext
}

// alike is by what the resource controls of units differ that say nothing about them.
type alike struct {
	t     Type
	slice string
}

// NewLoader is a Loader for a system manager on this file system.
func NewLoader(fsys FS, host Host) *Loader {
	return &Loader{FS: fsys, SearchPath: DefaultSearchPath(false), Host: host, Defaults: SystemDefaults(), SysV: true, names: &names{fsys: fsys}}
}

// Scan reads the folders of the search path anew: which units there are, under which names, with which drop-ins. It is to be
// called before the first Load, which otherwise finds built-in units only, and for each daemon-reload. The diagnostics are about links that are no aliases and the like.
func (l *Loader) Scan() []Diagnostic {
	var list []Diagnostic
	tell := func(file string, s Severity, text string) {
		list = append(list, Diagnostic{Severity: s, File: file, Text: text})
	}
	s := newSearcher(l.FS, l.SearchPath, tell)
	late := slices.Contains(l.SearchPath, lateDir)
	for place, dir := range l.SearchPath {
		if dir != lateDir {
			s.scan(place, dir)
		}
	}
	if l.SysV {
		native := func(name string) bool { return s.n.paths[name] != "" }
		scripts, d := generateSysV(l.FS, native)
		list = append(list, d...)
		if !scripts.Empty() {
			s.n.fsys, late = overlay{scripts, l.FS}, true
		}
	}
	if late {
		s.scan(len(l.SearchPath), lateDir)
	}
	l.names = s.finish()
	l.exec, l.cgroup = map[Type]*ExecContext{}, map[alike]*CgroupContext{} // what the defaults say now
	return list
}

// share gives a unit the contexts of earlier ones that have the same: those of which its files said nothing. Nothing changes them any
// more, and they are the larger part of a unit.
func (l *Loader) share(u *Unit, said part) {
	if u.Exec != nil && said&partExec == 0 && l.exec != nil {
		if of := l.exec[u.Type]; of != nil {
			u.Exec = of
		} else {
			l.exec[u.Type] = u.Exec
		}
	}
	if u.Cgroup != nil && said == 0 && l.cgroup != nil {
		key := alike{u.Type, u.Cgroup.Slice}
		if of := l.cgroup[key]; of != nil {
			u.Cgroup = of
		} else {
			l.cgroup[key] = u.Cgroup
		}
	}
}

// overlay is upper before lower.
type overlay struct {
	upper *Tree
	lower FS
}

func (o overlay) ReadFile(name string) ([]byte, error) {
	if b, err := o.upper.ReadFile(name); err == nil {
		return b, nil
	}
	return o.lower.ReadFile(name)
}

func (o overlay) ReadLink(name string) (string, error) {
	if b, err := o.upper.ReadLink(name); err == nil {
		return b, nil
	}
	return o.lower.ReadLink(name)
}

func (o overlay) ReadDir(name string) ([]fs.DirEntry, error) {
	upper, err1 := o.upper.ReadDir(name)
	lower, err2 := o.lower.ReadDir(name)
	if err1 != nil {
		return lower, err2
	}
	list := slices.Clone(upper)
	for _, e := range lower {
		if !slices.ContainsFunc(upper, func(u fs.DirEntry) bool { return u.Name() == e.Name() }) {
			list = append(list, e)
		}
	}
	return list, nil
}

// Names lists all unit names that the search path has, aliases and templates among them, sorted. Built-in units are not.
func (l *Loader) Names() []string { return sortedKeys(l.names.paths) }

// File is the path of the file that a name leads to, "" if it leads to none.
func (l *Loader) File(name string) string {
	file, _, err := l.names.find(name)
	if err != nil {
		return ""
	}
	return file
}

// ReadFile gives the text of a file that Load named, such as Unit.Fragment or a drop-in; those that Scan made of init
// scripts are only to be had here.
func (l *Loader) ReadFile(name string) (string, error) { return readUnitFile(l.names.fsys, name) }

// Load loads a unit by one of its names: file, links, drop-ins, defaults and implicit dependencies. It never fails: what went
// wrong is in the unit's LoadState and LoadError and in the diagnostics, and a unit that is not Loaded still has what could
// be read of it. The name of a template, or what is no unit name, is BadSetting.
func (l *Loader) Load(name string) (*Unit, []Diagnostic) {
	r := reading{l: l}
	switch {
	case ValidName(name, TemplateName):
		r.u = &Unit{Name: name, Type: TypeOf(name)}
		return r.fail(BadSetting, "Unit name "+name+" is missing the instance name.")
	case !ValidName(name, AnyName):
		r.u = &Unit{Name: name}
		return r.fail(BadSetting, "Unit name "+name+" is not valid.")
	}
	file, all, err := l.names.find(name)
	if err != nil {
		r.u = newUnit(name, &l.Defaults)
		return r.fail(LoadError, "Cannot load unit "+name+": "+err.Error())
	}
	builtin := ""
	if file == "" {
		asked := name
		if main, text := wellKnown(l.names.end(name)); text != "" {
			name, builtin = main, text
		}
		for _, n := range []string{asked, name} {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	main := mainName(name, file)
	r.u = newUnit(main, &l.Defaults)
	for _, n := range all {
		if n != main {
			r.u.Aliases = insertSorted(r.u.Aliases, n)
		}
	}
	r.u.Fragment, r.u.Builtin = file, builtin != ""
	r.spec = specifiers{host: &l.Host, name: main, fragment: file}
	return r.load(builtin)
}

// mainName is the name that the file says, with the instance of the name that was asked for.
func mainName(name, file string) string {
	if file == "" {
		return name
	}
	base := path.Base(file)
	if _, instance, _, kind, _ := SplitName(name); kind == InstanceName && ValidName(base, TemplateName) {
		if inst, err := Instantiate(base, instance); err == nil {
			return inst
		}
	}
	return base
}

// reading is one run of Load.
type reading struct {
	l    *Loader
	u    *Unit
	spec specifiers
	list []Diagnostic
	a    assignment
	said part // what the files said something of
}

func (r *reading) fail(s LoadState, why string) (*Unit, []Diagnostic) {
	r.u.LoadState, r.u.LoadError = s, why
	return r.u, r.list
}

func (r *reading) tell(s Severity, text string) {
	r.list = append(r.list, Diagnostic{Severity: s, Unit: r.u.Name, Text: clip(text)})
}

func (r *reading) load(builtin string) (*Unit, []Diagnostic) {
	u := r.u
	r.a = assignment{u: u, spec: &r.spec, defaults: &r.l.Defaults, zones: r.l.Zones, diagnostics: &r.list}
	state := NotFound
	switch {
	case u.Fragment != "":
		text, err := readUnitFile(r.l.names.fsys, u.Fragment)
		if err != nil {
			return r.fail(LoadError, "Failed to open "+u.Fragment+": "+errnoText(err))
		}
		if state = Loaded; text == "" {
			state = Masked
		} else if err = r.read(u.Fragment, text); err == errRefused {
			r.tell(Error, "Unit configuration has fatal error, unit will not be started.")
			return r.fail(BadSetting, "Unit "+u.Name+" has a bad unit file setting.")
		} else if err != nil {
			return r.fail(LoadError, "Unit "+u.Name+" failed to load properly: "+err.Error())
		}
	case builtin != "":
		state = Loaded
		if err := r.read("", builtin); err != nil {
			return r.fail(LoadError, "Unit "+u.Name+" failed to load properly: "+err.Error())
		}
	case u.Type == TypeSlice:
		state = Loaded // slices need no file (systemd.slice(5))
	}
	if state == NotFound {
		return r.fail(NotFound, "Unit "+u.Name+" not found.")
	}
	all := append([]string{u.Name}, u.Aliases...)
	r.l.addLinkedDependencies(u, all, r.tell)
	u.DropIns = r.l.names.unitFiles(r.l.names.folders(all, u.Type, ".d"), ".conf")
	for _, file := range u.DropIns {
		text, err := readUnitFile(r.l.names.fsys, file)
		if err != nil {
			r.tell(Warning, "Failed to open "+file+", ignoring: "+errnoText(err))
			continue
		}
		// What is fatal in a unit file only ends reading of a drop-in (unit_load_dropin in src/core/load-dropin.c).
		_ = r.read(file, text)
	}
	if state == Masked {
		return r.fail(Masked, "Unit "+u.Name+" is masked.")
	}
	u.LoadState = Loaded
	u.fill(&r.l.Defaults)
	u.addImplicit(r.l)
	if why := r.verify(); why != "" {
		r.tell(Error, why)
		return r.fail(BadSetting, "Unit "+u.Name+" has a bad unit file setting.")
	}
	u.Dependencies = slices.Clone(u.Dependencies) // there are few more, if any, and units are kept for long
	r.l.share(u, r.said)
	return u, r.list
}

// errnoText says why a file could not be read in the words of errno(3) alone.
func errnoText(err error) string {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// errRefused is systemd's ENOEXEC.
var errRefused = errors.New("Exec format error")

// read reads one file into the unit.
func (r *reading) read(file, text string) error {
	r.a.file = file
	return readText(text, r)
}

// section implements textHandler: [Unit], [Install] and the type's own.
func (r *reading) section(name string) sectionStatus {
	switch {
	case name == "Unit", name == "Install", name == r.u.Type.Section() && name != "":
		return sectionKnown
	case len(name) >= 2 && name[:2] == "X-":
		return sectionIgnored
	}
	return sectionUnknown
}

// assign implements textHandler.
func (r *reading) assign(line int, section, key, value string) error {
	a := &r.a
	a.line, a.key, a.value = line, key, value
	d := directives().index[section][key]
	if d == nil {
		if len(key) < 2 || key[:2] != "X-" {
			a.warn("Unknown key '%s' in section [%s], ignoring.", key, section)
		}
		return nil
	}
	before := len(r.list)
	r.said |= d.part
	d.parse(a)
	if len(r.list) == before {
		r.u.record(d, a.file, line, value)
	}
	switch {
	case a.refused:
		a.refused = false
		return errRefused
	case a.broken:
		a.broken = false
		return errInvalid
	}
	return nil
}

// remark implements textHandler.
func (r *reading) remark(line int, s Severity, text string) {
	r.list = append(r.list, Diagnostic{Severity: s, Unit: r.u.Name, File: r.a.file, Line: line, Text: clip(text)})
}
