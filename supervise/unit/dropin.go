package unit

import (
	"path"
	"slices"
	"strings"
)

// Folders that belong to a unit: systemd.unit(5), "foo.service.d", "foo.wants"; src/shared/dropin.c.

// folders lists the folders of one suffix that belong to a unit with these names, the most important first: for each name
// and each place of the search path the unit's own, its template's, and those of its prefixes ("a-b.service" has
// "a-.service.d"); at last the type's ("service.d").
func (n *names) folders(all []string, t Type, suffix string) []string {
	dirs := n.dirs[suffix]
	if len(dirs) == 0 {
		return nil
	}
	var list []string
	add := func(found []unitDir) {
		slices.SortStableFunc(found, func(a, b unitDir) int { return a.place - b.place })
		for _, d := range found {
			if !slices.Contains(list, d.path) {
				list = append(list, d.path)
			}
		}
	}
	for _, name := range all {
		var found []unitDir
		eachVariant(name, func(v string) { found = append(found, dirs[v]...) })
		add(found)
	}
	add(slices.Clone(dirs[t.String()]))
	return list
}

// eachVariant calls f with the names whose folders a unit reads, its own first (unit_file_find_dirs in src/shared/dropin.c).
func eachVariant(name string, f func(string)) {
	f(name)
	prefix, instance, t, kind, ok := SplitName(name)
	if !ok {
		return
	}
	if kind == InstanceName {
		template, _ := TemplateOf(name)
		eachVariant(template, f)
	}
	// One trailing dash is chopped off: the prefix of "a-b-" is "a-", not itself.
	prefix = strings.TrimSuffix(prefix, "-")
	dash := strings.LastIndexByte(prefix, '-')
	if dash <= 0 {
		return
	}
	prefix = prefix[:dash+1]
	if kind == InstanceName {
		prefix += "@" + instance // the prefix of a template is a plain name, for want of an instance
	}
	eachVariant(prefix+t.Suffix(), f)
}

// unitFiles lists the files in the folders, by name; of two with the same name the one in the earlier folder counts.
func (n *names) unitFiles(dirs []string, fileSuffix string) []string {
	if len(dirs) == 0 {
		return nil
	}
	found := map[string]string{}
	for _, dir := range dirs {
		real, err := chase(n.fsys, dir)
		if err != nil {
			continue
		}
		entries, err := n.fsys.ReadDir(relative(real))
		if err != nil {
			continue
		}
		for _, e := range entries {
			name := e.Name()
			if _, ok := found[name]; ok || e.IsDir() || name[0] == '.' || !strings.HasSuffix(name, fileSuffix) {
				continue
			}
			found[name] = dir + "/" + name
		}
	}
	list := make([]string, 0, len(found))
	for _, name := range sortedKeys(found) {
		list = append(list, found[name])
	}
	return list
}

// dependencyDirs are the folders whose links are dependencies.
var dependencyDirs = []struct {
	suffix string
	kind   DependencyKind
}{{".wants", Wants}, {".requires", Requires}, {".upholds", Upholds}}

// addLinkedDependencies reads the folders of links (process_deps in src/core/load-dropin.c).
func (l *Loader) addLinkedDependencies(u *Unit, all []string, tell func(s Severity, text string)) {
	for _, d := range dependencyDirs {
		for _, file := range l.names.unitFiles(l.names.folders(all, u.Type, d.suffix), "") {
			l.addLinkedDependency(u, d.kind, file, tell)
		}
	}
}

func (l *Loader) addLinkedDependency(u *Unit, kind DependencyKind, file string, tell func(s Severity, text string)) {
	name := path.Base(file)
	target, err := l.names.fsys.ReadLink(relative(file))
	if err != nil {
		dir, loop := chase(l.names.fsys, path.Dir(file))
		if loop == nil {
			target, err = l.names.fsys.ReadLink(relative(dir + "/" + name))
		}
	}
	switch {
	case err != nil:
		if text, bad := readUnitFile(l.names.fsys, file); bad == nil && text == "" {
			return // an empty file masks the dependency
		}
		tell(Warning, kind.String()+" dependency dropin "+file+" is not a symlink, ignoring.")
		return
	case target == "/dev/null":
		return
	case !ValidName(name, AnyName):
		tell(Warning, kind.String()+" dependency dropin "+file+" is not a valid unit name, ignoring.")
		return
	}
	if !compatibleNames(name, path.Base(target), u.Instance != "") {
		tell(Warning, kind.String()+" dependency dropin "+file+" target "+target+" has different name")
	}
	if name, err = u.resolve(name); err != nil {
		return
	}
	u.Add(kind, name, FromFile)
}

// compatibleNames tells whether a link may be named as it is: as its target, or as an instance of it; in the folder of a
// template, as the template.
func compatibleNames(link, target string, propagate bool) bool {
	if link == target && ValidName(link, PlainName|InstanceName) {
		return true
	}
	template, ok := TemplateOf(link)
	return ok && template == target && (ValidName(link, InstanceName) || propagate)
}
