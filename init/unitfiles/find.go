package unitfiles

import (
	"errors"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// A unit file on its way through an operation is a file; an operation finds files by name, follows links, and looks at what their [Install] sections
// want. Errors in here are unix.Errno, with the meaning that refusals gives them.

type mode uint8

const (
	unread mode = iota
	regularFile
	linkedFile // a link out of the search path
	aliasFile  // a link to another unit
	maskedFile
)

// file is a unit by one of its names (InstallInfo in src/shared/install.h).
type file struct {
	name      string
	path      string // within the root directory
	mode      mode
	target    string // where the link at path leads
	auxiliary bool   // only Also= names it
	install   unit.Install
	instance  string   // DefaultInstance=, specifiers expanded
	also      []string // likewise
}

func (f *file) hasRules() bool {
	i := &f.install
	return len(i.Alias)+len(i.WantedBy)+len(i.RequiredBy)+len(i.UpheldBy) > 0
}

// searching says how far to look.
type searching struct {
	read   bool // the [Install] sections too
	follow bool // links in the configuration folders too
}

// operation is one run of a verb.
type operation struct {
	*Root
	search  []string
	o       Options
	changes []Change
	files   []*file // in the order in which they were met
	next    int     // of files: the first that is still to be acted on

	quiet    bool // report nothing: somebody only looks
	noWords  bool // presets don't tell of templates that have no instance
	noMemory bool // only what is on disk: no units that the manager makes of init scripts
}

func (r *Root) operation(o Options) *operation { return &operation{Root: r, search: r.search, o: o} }

func (p *operation) tell(t ChangeType, path, source string) {
	if !p.quiet {
		p.changes = append(p.changes, Change{Type: t, Path: path, Source: source})
	}
}

// fail reports a failure and returns it. On a read-only file system one is enough.
func (p *operation) fail(err error, path, source string) error {
	if p.quiet {
		return err
	}
	no := errnoOf(err)
	p.changes = append(p.changes, Change{Failed, no, path, source})
	p.quiet = no == unix.EROFS
	return err
}

func (p *operation) find(name string) *file {
	if i := slices.IndexFunc(p.files, func(f *file) bool { return f.name == name }); i >= 0 {
		return p.files[i]
	}
	return nil
}

// add takes up a unit, or finds that it was taken up before.
func (p *operation) add(name, path string, auxiliary bool) (*file, error) {
	if !unit.ValidName(name, unit.AnyName) {
		return nil, unix.EINVAL
	}
	if f := p.find(name); f != nil {
		f.auxiliary = f.auxiliary && auxiliary
		return f, nil
	}
	f := &file{name: name, path: path, auxiliary: auxiliary}
	p.files = append(p.files, f)
	return f, nil
}

// discover finds the unit of a name or a path, through its aliases (install_info_discover).
func (p *operation) discover(nameOrPath string, s searching) (*file, error) {
	name, at := nameOrPath, ""
	if strings.HasPrefix(nameOrPath, "/") {
		name, at = path.Base(nameOrPath), path.Clean(nameOrPath)
	}
	f, err := p.add(name, at, false)
	if err == nil {
		f, err = p.traverse(f, s)
	}
	if err != nil {
		return nil, p.fail(err, nameOrPath, "")
	}
	return f, nil
}

// discoverAndCheck refuses what is not ours to change (install_info_may_process).
func (p *operation) discoverAndCheck(nameOrPath string, s searching) (*file, error) {
	f, err := p.discover(nameOrPath, s)
	if err != nil {
		return nil, err
	}
	dir := path.Dir(f.path)
	switch {
	case f.mode == maskedFile:
		return nil, p.fail(unix.ERFKILL, p.shown(f.path), "")
	case isGenerator(dir) || dir == transientDir:
		return nil, p.fail(unix.EADDRNOTAVAIL, p.shown(f.path), "")
	}
	return f, nil
}

// followMax is how many links lead from a name to its unit file (UNIT_FILE_FOLLOW_SYMLINK_MAX).
const followMax = 64

// traverse finds a unit's file and follows links to the end of them; where a link is an alias, the unit is another one (install_info_traverse).
func (p *operation) traverse(f *file, s searching) (*file, error) {
	if err := p.locate(f, s); err != nil {
		return nil, err
	}
	for links := 0; f.mode == aliasFile || f.mode == linkedFile; links++ {
		if links == followMax {
			return nil, unix.ELOOP
		}
		if !s.follow && isConfig(path.Dir(f.path)) {
			return nil, unix.ELOOP
		}
		err := p.follow(f, s, f.mode == linkedFile)
		if err == unix.EXDEV && f.target != "" {
			var same bool
			if f, same, err = p.alias(f, s); same {
				err = p.follow(f, s, true)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// alias finds the unit that f is another name of. same: f is an instance, and its link leads to its own template.
func (p *operation) alias(f *file, s searching) (other *file, same bool, err error) {
	name := path.Base(f.target)
	_, instance, _, kind, _ := unit.SplitName(f.name)
	if kind == unit.InstanceName && unit.ValidName(name, unit.TemplateName) {
		if name, err = unit.Instantiate(name, instance); err != nil {
			return nil, false, unix.EINVAL
		}
		if name == f.name {
			return f, true, nil
		}
	}
	if other, err = p.add(name, "", false); err != nil {
		return nil, false, err
	}
	if err = p.locate(other, s); err == unix.ENOENT {
		err = unix.ENOLINK
	}
	return other, false, err
}

// follow goes on at the target of f's link; the name may differ for a linked unit file.
func (p *operation) follow(f *file, s searching, anyName bool) error {
	if !anyName && path.Base(f.target) != f.name {
		return unix.EXDEV
	}
	f.path, f.mode = f.target, unread
	return p.look(f, f.path, s)
}

// passOver: what is not there, and what cannot be looked at, is looked for elsewhere.
func passOver(err error) bool { return err == unix.ENOENT || err == unix.ENOTDIR || err == unix.EACCES }

// locate finds the file of a name in the search path, that of its template for an instance, and the drop-ins (unit_file_search).
func (p *operation) locate(f *file, s searching) error {
	if f.mode != unread {
		return nil
	}
	if f.path != "" {
		return p.look(f, f.path, s)
	}
	names := []string{f.name}
	if template, ok := unit.TemplateOf(f.name); ok && template != f.name {
		names = append(names, template)
	}
	for _, name := range names {
		for _, dir := range p.search {
			at := dir + "/" + name
			err := p.look(f, at, s)
			if passOver(err) {
				continue
			}
			if err != nil {
				return err
			}
			f.path = at
			return p.dropIns(f, names, s)
		}
	}
	if at := p.inMemory(f.name); at != "" {
		f.path, f.mode = at, regularFile
		return nil
	}
	return p.builtIn(f)
}

func (p *operation) dropIns(f *file, names []string, s searching) error {
	if f.mode == maskedFile || !s.read {
		return nil
	}
	var dirs []string
	for _, name := range names {
		for _, dir := range p.search {
			dirs = append(dirs, dir+"/"+name+".d")
		}
	}
	for _, at := range p.configFiles(dirs, ".conf") {
		if null, err := p.masks(at); err != nil {
			return err
		} else if null {
			continue
		}
		if err := p.read(f, at); err != nil {
			return err
		}
	}
	return nil
}

// configFiles lists the files of folders of which the first is the most important: each name once, in the order of names (conf_files_list_strv in
// src/basic/conf-files.c).
func (r *Root) configFiles(dirs []string, suffix string) []string {
	at := map[string]string{}
	var names []string
	for _, dir := range dirs {
		entries, err := r.readDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if name := e.Name(); strings.HasSuffix(name, suffix) && at[name] == "" {
				at[name] = dir + "/" + name
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = at[name]
	}
	return names
}

// look says what is at a path, and reads it if wanted (unit_file_load_or_readlink).
func (p *operation) look(f *file, at string, s searching) error {
	_, _, t, kind, ok := unit.SplitName(f.name)
	if ok && kind != unit.PlainName && !t.MayTemplate() {
		p.warn(p.shown(at) + ": unit type " + t.String() + " cannot be templated, ignoring.")
		ok = false
	}
	if !ok {
		return unix.EINVAL
	}
	st, err := p.lstat(at)
	if err != nil {
		return err
	}
	switch err := regular(st); {
	case isNull(st):
		f.mode = maskedFile
		return nil
	case err == unix.ELOOP:
		return p.resolve(f, at)
	case err == unix.EBADFD && !s.read:
		return unix.ENOTTY
	case err != nil:
		return err
	}
	if s.read {
		if err := p.read(f, at); err != nil {
			return err
		}
	}
	f.mode = regularFile
	return nil
}

// resolve says what a link is (unit_file_resolve_symlink in src/basic/unit-file.c).
func (p *operation) resolve(f *file, at string) error {
	target, err := p.readLink(at)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(target, "/") {
		target = path.Dir(at) + "/" + target
	}
	if target, err = p.chase(target, false); err != nil {
		return err
	}
	is := linkedFile
	if p.below(target) {
		is = aliasFile
		if err := unit.CheckAlias(path.Base(at), path.Base(target)); err != nil {
			no := aliasErrno(err)
			if no != unix.ELOOP {
				p.warn(err.Error())
			}
			return no
		}
	}
	f.target = target
	null, err := p.masks(target)
	if err != nil && err != unix.ENOENT {
		return err
	}
	if null {
		is = maskedFile
	}
	f.mode = is
	return nil
}

// aliasErrno is the number of what unit.CheckAlias says: ELOOP for an alias of itself.
func aliasErrno(err error) error {
	a := (*unit.AliasError)(nil)
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &a):
		return unix.ELOOP
	case a.Errno == "EXDEV":
		return unix.EXDEV
	}
	return unix.EINVAL
}

// read adds what the file says to f.
func (p *operation) read(f *file, at string) error {
	text, err := p.readFile(at)
	if err != nil {
		return err
	}
	also := len(f.install.Also)
	list, err := f.install.ReadInstall(f.name, p.shown(at), text)
	for _, d := range list {
		p.warn(d.String())
	}
	if err == unit.ErrInvalid {
		return unix.EINVAL
	} else if err != nil {
		return unix.EBADMSG
	}
	f.instance = ""
	if d := f.install.DefaultInstance; d != "" {
		if f.instance, err = p.expand(&file{name: f.name}, d); err != nil {
			return err
		}
		if f.instance != "" && !unit.ValidInstance(f.instance) {
			p.warn(p.shown(at) + ": Invalid DefaultInstance= value \"" + f.instance + "\".")
			return unix.EINVAL
		}
	}
	for _, word := range f.install.Also[also:] {
		name, err := p.expand(f, word)
		if err != nil {
			return err
		}
		if _, err := p.add(name, "", true); err != nil {
			return err
		}
		f.also = append(f.also, name)
	}
	return nil
}

// expand resolves the specifiers of a word of [Install].
func (p *operation) expand(f *file, word string) (string, error) {
	var host unit.Host
	if strings.Contains(word, "%") {
		host = p.host()
	}
	s, err := unit.ExpandInstall(word, &host, f.name, f.instance)
	switch err {
	case nil:
		return s, nil
	case unit.ErrUnknownSpecifier:
		return "", unix.EBADSLT
	case unit.ErrNoOSRelease:
		return "", unix.EUNATCH
	case unit.ErrNoFile:
		return "", unix.ENOENT
	case unit.ErrTooLong:
		return "", unix.ENAMETOOLONG
	}
	return "", unix.EINVAL
}
