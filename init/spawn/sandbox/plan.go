package sandbox

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// unitRoot is where a view without RootDirectory= is built. All can use it, as each is in a namespace of its own.
const unitRoot = "/run/systemd/unit-root"

// planner is one run of Make.
type planner struct {
	Plan
	view
	request *Request
	root    string    // outside
	host    []mounted // what is mounted outside
	now     string    // the directive whose steps are being made
}

// Make plans the view of a process.
func Make(r *Request, fsys FS) Plan {
	p := planner{request: r}
	e := r.Exec
	sandboxed := !r.Privileged
	if sandboxed {
		p.Namespaces = r.namespaces(nil)
	}
	if r.needed() {
		p.Namespaces = append(p.Namespaces, Namespace{Flag: unix.CLONE_NEWNS})
		p.fs, p.made = fsys, map[string]fs.FileMode{}
		p.mountNamespace()
		p.Namespaces[len(p.Namespaces)-1].Fatal = p.Insists
	}
	if sandboxed && e.ProtectHostname {
		p.Namespaces = append(p.Namespaces, Namespace{unix.CLONE_NEWUTS, "", "ProtectHostname=", false})
	}
	if sandboxed && e.PrivateUsers {
		p.Namespaces = append(p.Namespaces, Namespace{unix.CLONE_NEWUSER, "", "PrivateUsers=", true})
	}
	return p.Plan
}

func (p *planner) mountNamespace() {
	r, e := p.request, p.request.Exec
	binds, empty := r.binds()
	p.Insists = r.insists(binds)
	switch {
	case e.RootImage != "":
		p.fail("RootImage="+e.RootImage, unix.EOPNOTSUPP)
	case len(e.MountImages) > 0:
		p.fail("MountImages="+e.MountImages[0].Source, unix.EOPNOTSUPP)
	case len(e.ExtensionImages) > 0:
		p.fail("ExtensionImages="+e.ExtensionImages[0].Source, unix.EOPNOTSUPP)
	case len(e.ExtensionDirectories) > 0:
		p.fail("ExtensionDirectories="+e.ExtensionDirectories[0].Path, unix.EOPNOTSUPP)
	}
	if p.Err != nil {
		return
	}
	for _, m := range p.fs.Mounts() {
		p.host = append(p.host, mounted{m.At, m.At, m.Flags})
	}
	if !slices.ContainsFunc(p.host, func(m mounted) bool { return m.at == "/" }) {
		p.host = append(p.host, mounted{at: "/", from: "/"})
	}
	// Nothing that is mounted here is to be seen outside.
	p.mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, "", false)
	root := "/"
	if e.RootDirectory != "" {
		var err error
		if root, err = resolve(e.RootDirectory, p.fs.Lstat, p.fs.ReadLink); err != nil {
			p.fail(e.RootDirectory, err)
			return
		}
		if _, err := p.fs.Lstat(root); err != nil {
			p.fail(e.RootDirectory, err)
			return
		}
	}
	p.root = root
	p.now = "RootDirectory="
	if root == "/" {
		p.root, p.now = unitRoot, ""
		p.step(Step{Op: Mkdir, Target: path.Dir(unitRoot), Mode: 0o755, Optional: true})
		p.step(Step{Op: Mkdir, Target: unitRoot, Mode: 0o700, Optional: true})
	}
	if !slices.ContainsFunc(p.host, func(m mounted) bool { return m.at == p.root }) {
		p.mount(root, p.root, "", unix.MS_BIND|unix.MS_REC, "", false)
	}
	p.bindOutside(root, "/", true, p.host)
	p.now = ""

	list := p.mountAll(tidy(r.entries(root, binds, empty)))
	if p.Err != nil {
		return
	}
	p.links(r.links())
	p.restrict(list)
	p.now = ""
	p.step(Step{Op: Chdir, Target: p.root})
	p.step(Step{Op: Pivot, Source: ".", Target: "."})
	p.step(Step{Op: Unmount, Target: ".", Flags: unix.MNT_DETACH})
	p.step(Step{Op: Chdir, Target: "/"})
	propagation := map[unit.MountPropagation]uint64{unit.PropagationSlave: unix.MS_SLAVE, unit.PropagationPrivate: unix.MS_PRIVATE}[e.MountFlags]
	p.mount("", "/", "", cmp.Or(propagation, unix.MS_SHARED)|unix.MS_REC, "", false)
}

func (p *planner) fail(path string, err error) {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		err = pe.Err
	}
	p.Err = &fs.PathError{Op: "set up mount namespacing", Path: path, Err: err}
}

// mountAll makes all mounts. An entry whose path leads through a link moves, and the list is put in order anew (apply_mounts).
func (p *planner) mountAll(list []entry) []entry {
	for again := true; again && p.Err == nil; {
		again = false
		for i := range list {
			e := &list[i]
			if e.done {
				continue
			}
			p.now = e.directive
			at, err := resolve(e.path, p.lstat, p.readLink)
			if err != nil {
				p.fail(e.path, err)
				return list
			}
			if at != e.path {
				if e.followed++; e.followed > linksMax {
					p.fail(e.path, unix.ELOOP)
					return list
				}
				e.path, again = at, true
				break
			}
			if err := p.one(e); err != nil {
				p.fail(e.path, err)
				return list
			}
			e.done = true
		}
		if again {
			list = tidy(list)
		}
	}
	return list
}

// restrict flips the flags of mounts, in three rounds (make_read_only, make_noexec, make_nosuid).
func (p *planner) restrict(list []entry) {
	for _, e := range list {
		flags := uint64(0)
		if e.isReadOnly() || e.mode == privateDev {
			flags |= unix.MS_RDONLY
		}
		if e.nosuid {
			flags |= unix.MS_NOSUID
		}
		// Of a private /dev, what is mounted in it stays writable.
		p.remount(&e, flags, 0, e.isReadOnly() && e.mode != emptyDir && e.mode != tmpfs, list)
	}
	for _, e := range list {
		recursive := e.mode != emptyDir && e.mode != tmpfs
		switch {
		case e.isNoexec():
			p.remount(&e, unix.MS_NOEXEC, 0, recursive, list)
		case e.isExec():
			p.remount(&e, 0, unix.MS_NOEXEC, recursive, list)
		}
	}
	// Set-user-ID bits have no effect any more.
	if p.request.Exec.NoNewPrivileges && !p.request.Privileged {
		for _, e := range list {
			p.remount(&e, unix.MS_NOSUID, 0, e.mode != emptyDir && e.mode != tmpfs, nil)
		}
	}
}

// remount changes flags of the mount at an entry's path, and of those below it that are not in another entry's subtree. Only the first must succeed: a mount that somebody
// else protects may have flags that cannot be changed, or be out of reach.
func (p *planner) remount(e *entry, set, clear uint64, recursive bool, others []entry) {
	if set|clear == 0 || p.point(e.path) == nil {
		return
	}
	p.now = e.directive
	change := func(m *mounted) {
		if flags := m.flags&^clear | set; flags != m.flags {
			m.flags = flags
			p.mount("", p.prefix(m.at), "", unix.MS_REMOUNT|unix.MS_BIND|flags, "", e.ignore || m.at != e.path)
		}
	}
	change(p.point(e.path))
	for i := range p.view.mounts {
		m := &p.view.mounts[i]
		if !recursive || m.at == e.path || !below(m.at, e.path) || p.point(m.at) != m {
			continue
		}
		if !slices.ContainsFunc(others, func(o entry) bool { return o.path != e.path && below(o.path, e.path) && below(m.at, o.path) }) {
			change(m)
		}
	}
}

// prefix is a path inside as it is reached from outside.
func (p *planner) prefix(inside string) string { return path.Join(p.root, inside) }

func (p *planner) step(s Step) {
	s.Directive = p.now
	p.Steps = append(p.Steps, s)
}

func (p *planner) mount(source, target, fstype string, flags uint64, data string, optional bool) {
	p.step(Step{Op: Mount, Source: source, Target: target, Type: fstype, Flags: flags, Data: data, Optional: optional})
}

func (p *planner) remark(s string) {
	if !slices.Contains(p.Remarks, s) {
		p.Remarks = append(p.Remarks, s)
	}
}
