package unitfiles

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// The verbs. An error of theirs is a unix.Errno; what it is about is in the last changes: see Lines and Refusal.

// Enable makes the links that the [Install] sections of units want; names may be paths of unit files, which are linked too. carriesInstall is false if none
// of them wants anything (unit_file_enable).
func (r *Root) Enable(names []string, o Options) (changes []Change, carriesInstall bool, err error) {
	if err := r.check(); err != nil {
		return nil, false, err
	}
	p := r.operation(o)
	count, err := p.enable(names)
	return p.changes, count > 0, err
}

func (p *operation) enable(names []string) (int, error) {
	for _, name := range names {
		if _, err := p.discoverAndCheck(name, searching{read: true, follow: true}); err != nil {
			return 0, err
		}
	}
	return p.apply(searching{read: true})
}

// Disable removes all links to units from the configuration, their own and others' (unit_file_disable).
func (r *Root) Disable(names []string, o Options) ([]Change, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := r.operation(o)
	return p.done(p.disable(names))
}

func (p *operation) disable(names []string) error {
	for _, name := range names {
		if !unit.ValidName(name, unit.AnyName) {
			return p.fail(unix.EUCLEAN, name, "")
		}
		if _, err := p.add(name, "", false); err != nil {
			return err
		}
	}
	m := marks{}
	p.markForRemoval(m)
	return p.removeMarked(m, p.o.config())
}

// done is what an operation has come to.
func (p *operation) done(err error) ([]Change, error) { return p.changes, err }

// Reenable is Disable and Enable. A linked unit stays linked (unit_file_reenable).
func (r *Root) Reenable(names []string, o Options) (changes []Change, carriesInstall bool, err error) {
	if err := r.check(); err != nil {
		return nil, false, err
	}
	var bare, full []string
	for _, name := range names {
		base := path.Base(name)
		bare = append(bare, base)
		full = append(full, r.linkedFrom(name))
	}
	down, up := r.operation(o), r.operation(o)
	if err := down.disable(bare); err != nil {
		return down.changes, false, err
	}
	count, err := up.enable(full)
	return append(down.changes, up.changes...), count > 0, err
}

// linkedFrom is the path of a linked unit's file, which its name will not find once the link is gone; the name of others.
func (r *Root) linkedFrom(name string) string {
	look := r.operation(Options{}).aside()
	f, err := look.discover(name, searching{follow: true})
	if err != nil || look.inSearchPath(f.path) || path.Base(f.path) != name {
		return name
	}
	return f.path
}

// Link makes unit files outside of the search path known, by their absolute paths (unit_file_link).
func (r *Root) Link(files []string, o Options) ([]Change, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := r.operation(o)
	var todo []string
	for _, file := range files {
		file = path.Clean(file)
		if err := p.linkable(file); err != nil {
			return p.done(p.fail(err, file, ""))
		}
		if !p.inSearchPath(file) && !slices.Contains(todo, file) {
			todo = append(todo, file)
		}
	}
	var first error
	for _, file := range todo {
		if err := p.link(file, o.config()+"/"+path.Base(file), o.Force); first == nil {
			first = err
		}
	}
	return p.done(first)
}

func (p *operation) linkable(file string) error {
	if !strings.HasPrefix(file, "/") {
		return unix.EINVAL
	}
	if !unit.ValidName(path.Base(file), unit.AnyName) {
		return unix.EUCLEAN
	}
	st, err := p.lstat(file)
	if err == nil {
		err = regular(st)
	}
	if err == nil && !p.inSearchPath(file) && p.below(file) {
		err = unix.ETXTBSY
	}
	return err
}

// Mask links units to /dev/null, so that nothing can start them (unit_file_mask).
func (r *Root) Mask(names []string, o Options) ([]Change, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := r.operation(o)
	var first error
	for _, name := range names {
		err := error(unix.EINVAL)
		if unit.ValidName(name, unit.AnyName) {
			err = p.link("/dev/null", o.config()+"/"+name, o.Force)
		}
		if first == nil {
			first = err
		}
	}
	return p.done(first)
}

// Unmask removes masks, and the links to them (unit_file_unmask).
func (r *Root) Unmask(names []string, o Options) ([]Change, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := r.operation(o)
	var todo []string
	for _, name := range names {
		if !unit.ValidName(name, unit.AnyName) {
			return p.done(unix.EINVAL)
		}
		p.maskedByGenerator(name)
		at := o.config() + "/" + name
		null, err := p.masks(at)
		switch {
		case err == unix.ENOENT:
		case err != nil:
			return p.done(err)
		case null && !slices.Contains(todo, at):
			todo = append(todo, at)
		}
	}
	m := marks{}
	var first error
	for _, at := range todo {
		if err := p.unlinkFile(at); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		m[at] = true
	}
	if err := p.removeMarked(m, o.config()); first == nil {
		first = err
	}
	return p.done(first)
}

func (p *operation) unlinkFile(at string) error {
	if !p.o.DryRun {
		disk, err := p.at(at)
		if err == nil {
			if err = unix.Unlink(disk); err == unix.ENOENT {
				err = nil
			}
		}
		if err != nil {
			return p.fail(err, p.shown(at), "")
		}
	}
	p.tell(Unlink, p.shown(at), "")
	return nil
}

// maskedByGenerator tells of what no unmask will change, on a machine that runs.
func (p *operation) maskedByGenerator(name string) {
	if !p.live {
		return
	}
	look, f := p.aside(), &file{name: name}
	if err := look.locate(f, searching{}); err == nil && f.mode == maskedFile && isGenerator(path.Dir(f.path)) {
		p.tell(IsMaskedGenerator, name, f.path)
	}
}

// Revert puts units back into the state in which they were installed: drop-ins go, and where there is a unit file of the vendor's, the administrator's
// goes too (unit_file_revert).
func (r *Root) Revert(names []string, _ Options) ([]Change, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := r.operation(Options{})
	var todo []string
	for _, name := range names {
		if !unit.ValidName(name, unit.AnyName) {
			return p.done(unix.EINVAL)
		}
		more, err := p.toRevert(name)
		if err != nil {
			return p.done(err)
		}
		for _, at := range more {
			if !slices.Contains(todo, at) {
				todo = append(todo, at)
			}
		}
	}
	m := marks{}
	var first error
	for _, at := range todo {
		if err := p.removeAll(at); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		m[at] = true
	}
	for _, config := range []string{runtimeDir, configDir} {
		if err := p.removeMarked(m, config); first == nil {
			first = err
		}
	}
	return p.done(first)
}

// toRevert lists what stands between a unit and its vendor.
func (p *operation) toRevert(name string) (todo []string, err error) {
	var files []string
	vendor := false
	for _, dir := range p.search {
		at := dir + "/" + name
		st, err := p.lstat(at)
		switch {
		case err == unix.ENOENT:
		case err != nil:
			return nil, p.fail(err, p.shown(at), "")
		default:
			vendor = vendor || st.Mode().IsRegular() && isVendor(dir)
			if isConfig(dir) && (st.Mode().IsRegular() || st.Mode().Type() == fs.ModeSymlink) {
				files = append(files, at)
			}
		}
		st, err = p.lstat(at + ".d")
		switch {
		case err == unix.ENOENT:
		case err != nil:
			return nil, p.fail(err, p.shown(at+".d"), "")
		case st.IsDir() && (isConfig(dir) || isControl(dir) || dir == transientDir):
			todo = append(todo, at+".d")
		}
	}
	if vendor {
		todo = append(todo, files...)
	}
	return todo, nil
}

func (p *operation) removeAll(at string) error {
	disk, err := p.at(at)
	if err != nil {
		return p.fail(err, p.shown(at), "")
	}
	entries, _ := os.ReadDir(disk) // of a file there are none
	if err := os.RemoveAll(disk); err != nil {
		return p.fail(errnoOf(err), p.shown(at), "")
	}
	for _, e := range entries {
		if !e.IsDir() {
			p.tell(Unlink, p.shown(at)+"/"+e.Name(), "")
		}
	}
	p.tell(Unlink, p.shown(at), "")
	return nil
}

// A Dependency is what AddDependency adds.
type Dependency uint8

// The dependencies.
const (
	Wants Dependency = iota
	Requires
)

func (d Dependency) String() string { return [...]string{"Wants", "Requires"}[d] }

// AddDependency makes a target want or require units, whatever their [Install] sections say (unit_file_add_dependency).
func (r *Root) AddDependency(names []string, target string, d Dependency, o Options) ([]Change, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := r.operation(o)
	if !unit.ValidName(target, unit.AnyName) {
		return p.done(p.fail(unix.EUCLEAN, target, ""))
	}
	s := searching{follow: true}
	t, err := p.discoverAndCheck(target, s)
	if err != nil {
		return p.done(err)
	}
	for _, name := range names {
		f, err := p.discoverAndCheck(name, s)
		if err != nil {
			return p.done(err)
		}
		if d == Wants {
			f.install.WantedBy = []string{unit.EscapeSpecifiers(t.name)}
		} else {
			f.install.RequiredBy = []string{unit.EscapeSpecifiers(t.name)}
		}
	}
	_, err = p.apply(s)
	return p.done(err)
}

// defaultTarget is what is started at boot (systemd.special(7)).
const defaultTarget = "default.target"

// SetDefault says what is started at boot (unit_file_set_default).
func (r *Root) SetDefault(name string, o Options) ([]Change, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	p := r.operation(o)
	if unit.TypeOf(name) != unit.TypeTarget || name == defaultTarget {
		return p.done(unix.EINVAL)
	}
	f, err := p.discoverAndCheck(name, searching{})
	if err != nil {
		return p.done(err)
	}
	return p.done(p.link(f.path, configDir+"/"+defaultTarget, o.Force))
}

// GetDefault is the unit that default.target leads to. The error is a unix.Errno: ENOENT without one (unit_file_get_default).
func (r *Root) GetDefault() (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	f, err := r.operation(Options{}).aside().discover(defaultTarget, searching{follow: true})
	if err != nil {
		return "", err
	}
	return f.name, nil
}

// Links are the links of a unit in the configuration: those that Disable would remove (org.freedesktop.systemd1(5), GetUnitFileLinks).
func (r *Root) Links(name string, runtime bool) ([]string, error) {
	changes, err := r.Disable([]string{name}, Options{Runtime: runtime, DryRun: true})
	var list []string
	for _, c := range changes {
		if c.Type == Unlink {
			list = append(list, c.Path)
		}
	}
	return list, err
}
