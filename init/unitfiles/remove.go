package unitfiles

import (
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// marks are what is to go: links that lead to one of these paths or to a file of one of these names, and links of one of these names, whatever their
// instance.
type marks map[string]bool

// markForRemoval marks the names of all units of the operation, and of those that their Also= names. Units that are gone are marked too, so that what
// leads to them can go (install_context_mark_for_removal).
func (p *operation) markForRemoval(m marks) {
	for ; p.next < len(p.files); p.next++ {
		f := p.files[p.next]
		where := f.path
		if where == "" {
			where = f.name
		}
		_, err := p.traverse(f, searching{read: true, follow: true})
		if f.path != "" {
			where = f.path
		}
		switch {
		case err == unix.ENOLINK:
			p.tell(IsDangling, p.shown(where), "")
		case err == unix.ENOENT && f.auxiliary:
		case err != nil:
			_ = p.fail(err, p.shown(where), "")
		case f.mode == maskedFile:
			p.tell(IsMasked, p.shown(where), "")
			continue
		case f.mode != regularFile:
			continue
		}
		m[f.name] = true
	}
}

// removeMarked removes marked links from a folder of configuration and all below it, and then the links to those, until none is left
// (remove_marked_symlinks).
func (p *operation) removeMarked(m marks, config string) (err error) {
	if len(m) == 0 {
		return nil
	}
	for again := true; again; {
		again = false
		if e := p.removeIn(m, config, config, &again); err == nil {
			err = e
		}
	}
	return err
}

func (p *operation) removeIn(m marks, dir, config string, again *bool) (err error) {
	entries, err := p.readDir(dir)
	if err == unix.ENOENT {
		return nil
	}
	note := func(e error) {
		if err == nil {
			err = e
		}
	}
	for _, e := range entries {
		at := dir + "/" + e.Name()
		switch {
		case e.IsDir():
			note(p.removeIn(m, at, config, again))
		case e.Type() == fs.ModeSymlink && unit.ValidName(e.Name(), unit.AnyName):
			marked, e := p.isMarked(m, at)
			if e != nil {
				note(p.fail(e, p.shown(at), ""))
				continue
			}
			if !marked {
				continue
			}
			if e := p.unlink(at, config); e != nil {
				note(e)
				continue
			}
			if !m[at] && !p.o.DryRun {
				*again = true
			}
			m[at] = true
		}
	}
	return err
}

func (p *operation) isMarked(m marks, at string) (bool, error) {
	name := path.Base(at)
	if template, _ := unit.TemplateOf(name); m[name] || m[template] {
		return true, nil
	}
	target, err := p.chase(at, true)
	if err != nil {
		return false, err
	}
	return m[target] || m[path.Base(target)], nil
}

// unlink removes a link, and the folders above it that are empty then.
func (p *operation) unlink(at, config string) error {
	if !p.o.DryRun {
		disk, err := p.at(at)
		if err == nil {
			if err = os.Remove(disk); err != nil {
				err = errnoOf(err)
			}
		}
		if err != nil && err != unix.ENOENT {
			return p.fail(err, p.shown(at), "")
		}
		for dir := path.Dir(at); dir != config && startsWith(dir, config); dir = path.Dir(dir) {
			if disk, err := p.at(dir); err != nil || unix.Rmdir(disk) != nil {
				break
			}
		}
	}
	p.tell(Unlink, p.shown(at), "")
	return nil
}
