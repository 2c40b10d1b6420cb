package unitfiles

import (
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// apply makes the links that all units of the operation want, in the order in which they were met; those that Also= names come after. It counts what the
// units want, done or not: 0 means that nothing of it can be enabled (install_context_apply).
func (p *operation) apply(s searching) (count int, err error) {
	note := func(n int, e error) {
		if err == nil && e != nil {
			err = e
		} else if err == nil {
			count += n
		}
	}
	for ; p.next < len(p.files); p.next++ {
		f := p.files[p.next]
		if _, e := p.traverse(f, s); e != nil {
			if f.auxiliary {
				p.tell(AuxiliaryFailed, f.name, "")
				continue
			}
			return count, p.fail(e, f.name, "")
		}
		switch f.mode {
		case maskedFile:
			p.tell(IsMasked, p.shown(f.path), "")
			note(1, nil) // it might have been something
		case regularFile:
			note(p.applyOne(f))
		}
	}
	return count, err
}

// applyOne is install_info_apply. As there, what goes wrong with WantedBy= is no failure of the whole if an alias was made.
func (p *operation) applyOne(f *file) (int, error) {
	if !p.inSearchPath(f.path) {
		if err := p.link(f.path, p.o.config()+"/"+f.name, p.o.Force); err != nil {
			return 0, err // links to what is not linked would lead nowhere
		}
	}
	count, err := p.aliases(f)
	for _, want := range []struct {
		list   []string
		suffix string
	}{{f.install.WantedBy, ".wants"}, {f.install.RequiredBy, ".requires"}, {f.install.UpheldBy, ".upholds"}} {
		if n, e := p.wanted(f, want.list, want.suffix); count == 0 && err == nil {
			count, err = n, e
		}
	}
	return count, err
}

func (p *operation) inSearchPath(at string) bool {
	for _, dir := range p.search {
		if path.Dir(at) == dir {
			return true
		}
	}
	return false
}

// aliases makes the links of Alias= (install_info_symlink_alias).
func (p *operation) aliases(f *file) (count int, err error) {
	for _, word := range f.install.Alias {
		e := p.alias1(f, word)
		switch {
		case e == errSelf:
		case e != nil:
			if err == nil {
				count, err = 0, e
			}
		case err == nil:
			count = 1
		}
	}
	return count, err
}

// errSelf is for an alias that is the unit's own name: nothing to do.
const errSelf = unix.ELOOP

func (p *operation) alias1(f *file, word string) error {
	name, err := p.expand(f, word)
	if err != nil {
		return p.fail(err, word, "")
	}
	if name, err = p.verifyAlias(f, name); err != nil {
		return err
	}
	return p.link(f.path, path.Clean(p.o.config()+"/"+name), p.o.Force)
}

// verifyAlias gives the name of an alias, with the unit's instance put into it where it is a template (unit_file_verify_alias).
func (p *operation) verifyAlias(f *file, name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, p.verifyAliasPath(f, name)
	}
	if unit.ValidName(name, unit.TemplateName) {
		_, instance, _, kind, ok := unit.SplitName(f.name)
		if !ok {
			return "", p.fail(unix.EUCLEAN, f.name, "")
		}
		if kind == unit.InstanceName {
			n, err := unit.Instantiate(name, instance)
			if err != nil {
				return "", unix.EINVAL
			}
			name = n
		}
	}
	switch err := aliasErrno(unit.CheckAlias(name, f.name)); err {
	case nil, errSelf:
		return name, err
	default:
		return "", p.fail(unix.EXDEV, name, f.name)
	}
}

// verifyAliasPath: Alias=x.target.wants/y.service is how WantedBy= was written once.
func (p *operation) verifyAliasPath(f *file, alias string) error {
	dir, name := path.Dir(alias), path.Base(alias)
	of, ok := strings.CutSuffix(dir, ".wants")
	if !ok {
		of, ok = strings.CutSuffix(dir, ".requires")
	}
	if !ok || !unit.ValidName(of, unit.AnyName) {
		return p.fail(unix.EXDEV, alias, "")
	}
	if !namesAgree(name, f.name, unit.ValidName(of, unit.TemplateName)) {
		return p.fail(unix.EXDEV, alias, f.name)
	}
	return nil
}

// namesAgree tells whether a link of this name below .wants may lead to the unit; propagate: the instance comes from the unit that wants it
// (unit_symlink_name_compatible in src/basic/unit-file.c).
func namesAgree(link, target string, propagate bool) bool {
	if link == target && unit.ValidName(link, unit.PlainName|unit.InstanceName) {
		return true
	}
	template, ok := unit.TemplateOf(link)
	if !ok || template != target || !unit.ValidName(target, unit.TemplateName) {
		return false
	}
	return unit.ValidName(link, unit.InstanceName) || propagate
}

// wanted makes the links of WantedBy= and its kin (install_info_symlink_wants).
func (p *operation) wanted(f *file, list []string, suffix string) (count int, err error) {
	if len(list) == 0 {
		return 0, nil
	}
	name, kinds := f.name, unit.AnyName
	if unit.ValidName(name, unit.TemplateName) {
		if f.instance == "" {
			kinds = unit.InstanceName | unit.TemplateName // which have the instance that this has not
		} else if name, err = p.defaultInstance(f); err != nil {
			return 0, err
		}
	}
	failed := func(e error) {
		if err == nil {
			count, err = 0, e
		}
	}
	for _, word := range list {
		by, e := p.expand(f, word)
		if e != nil {
			failed(p.fail(e, word, ""))
			continue
		}
		if !unit.ValidName(by, kinds) {
			switch {
			case p.noWords:
			case unit.ValidName(by, unit.AnyName):
				failed(p.fail(unix.EIDRM, by, name))
			default:
				failed(p.fail(unix.EUCLEAN, by, ""))
			}
			continue
		}
		if e := p.link(f.path, p.o.config()+"/"+by+suffix+"/"+name, true); e != nil {
			failed(e)
		} else if err == nil {
			count = 1
		}
		if !p.exists(by) {
			p.tell(DestinationNotPresent, by, p.shown(f.path))
		}
	}
	return count, err
}

// defaultInstance is the instance that DefaultInstance= says, unless that is masked.
func (p *operation) defaultInstance(f *file) (string, error) {
	name, err := unit.Instantiate(f.name, f.instance)
	if err != nil {
		return "", unix.EINVAL
	}
	look := p.aside()
	i := &file{name: name}
	if err := look.locate(i, searching{follow: true}); err != nil {
		return "", err
	}
	if i.mode == maskedFile {
		return "", p.fail(unix.ERFKILL, p.shown(i.path), "")
	}
	return name, nil
}

// aside is an operation that only looks.
func (p *operation) aside() *operation {
	return &operation{Root: p.Root, search: p.search, quiet: true, noMemory: p.noMemory}
}

// exists tells whether there is such a unit; one that cannot be looked at counts as there (unit_file_exists).
func (p *operation) exists(name string) bool {
	look := p.aside()
	_, err := look.discover(name, searching{})
	return err != unix.ENOENT
}

// link makes a link at a path of the root directory. One that means the same is left alone, one that does not is replaced only if force (create_symlink).
func (p *operation) link(target, at string, force bool) error {
	if err := p.makeParents(at); isOneOf(err, unix.EROFS, unix.EACCES, unix.EPERM, unix.ENOTDIR, unix.ENOSPC, unix.ELOOP) {
		return p.fail(err, p.shown(at), "") // the link would say no more than that its folder is missing
	}
	disk, err := p.at(at)
	if err != nil {
		return p.fail(err, p.shown(at), "")
	}
	err = os.Symlink(target, disk)
	switch {
	case err == nil:
		p.tell(Symlink, p.shown(at), target)
		return nil
	case errnoOf(err) != unix.EEXIST:
		return p.fail(errnoOf(err), p.shown(at), "")
	}
	there, err := p.readLink(at)
	switch {
	case err == unix.EINVAL: // no link
		return p.fail(unix.EEXIST, p.shown(at), "")
	case err != nil:
		return p.fail(err, p.shown(at), "")
	case p.equivalent(at, there, target):
		return nil
	case !force:
		return p.fail(unix.EEXIST, p.shown(at), there)
	}
	if err := replaceLink(target, disk); err != nil {
		return p.fail(err, p.shown(at), "")
	}
	p.tell(Unlink, p.shown(at), "")
	p.tell(Symlink, p.shown(at), target)
	return nil
}

func isOneOf(err error, numbers ...unix.Errno) bool {
	for _, n := range numbers {
		if err == n {
			return true
		}
	}
	return false
}

// equivalent tells whether a link may lead to one or the other: the same file, or files of one name in the search path (chroot_unit_symlinks_equivalent).
func (p *operation) equivalent(at, a, b string) bool {
	absolute := func(target string) string {
		if strings.HasPrefix(target, "/") {
			return path.Clean(target)
		}
		return path.Join(path.Dir(at), target)
	}
	a, b = absolute(a), absolute(b)
	if a == b {
		return true
	}
	sa, err1 := p.stat(a)
	sb, err2 := p.stat(b)
	if err1 == nil && err2 == nil && os.SameFile(sa, sb) {
		return true
	}
	return path.Base(a) == path.Base(b) && p.below(a) && p.below(b)
}
