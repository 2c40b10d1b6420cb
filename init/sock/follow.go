package sock

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise/unit"
)

const (
	goneMask = unix.IN_MOVE_SELF
	wayMask  = unix.IN_MOVE_SELF | unix.IN_DELETE_SELF | unix.IN_CREATE | unix.IN_MOVED_TO
	selfMask = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ATTRIB
	endMask  = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ATTRIB | unix.IN_IGNORED | unix.IN_UNMOUNT // after which the path may be another inode
	dirMask  = selfMask | unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO
)

var kindMasks = map[unit.PathKind]uint32{
	unit.PathExists:        selfMask,
	unit.PathExistsGlob:    selfMask,
	unit.PathChanged:       dirMask,
	unit.PathModified:      dirMask | unix.IN_MODIFY,
	unit.DirectoryNotEmpty: selfMask | unix.IN_CREATE | unix.IN_MOVED_TO,
}

// follow watches a path anew, as far as it is there now. What it wanted before is taken back last: an inode that is wanted still keeps its watch, and no
// event is lost.
func (w *Watcher) follow(p *watched) {
	before := p.marks
	p.marks, p.primary = nil, -1
	p.problem = w.walk(p)
	if p.problem != "" {
		before = append(before, p.marks...)
		p.marks, p.primary = nil, -1
	}
	w.release(before)
	p.stamp = stampOf(p.path)
}

// walk goes down a path, and says what is wrong.
func (w *Watcher) walk(p *watched) (problem string) {
	if err := w.open(); err != nil {
		return err.Error()
	}
	above := ""
	for _, step := range steps(p.path) {
		mask := uint32(wayMask)
		if step == p.path {
			mask = kindMasks[p.kind]
		}
		m, err := w.mark(p, step, mask, true)
		if err == nil {
			m, err = w.mark(p, step, mask, false)
		}
		switch {
		case isOneOf(err, unix.EACCES, unix.ENOENT) && above != "":
			return ""
		case isOneOf(err, unix.EACCES, unix.ENOENT):
			return fail(err, "Failed to add watch on any of the components of %s", p.path).Error()
		case err != nil:
			return addProblem(step, err)
		}
		if above != "" {
			w.narrow(p, above)
		}
		above = step
		if step == p.path {
			p.primary = m.number
		}
	}
	return ""
}

func addProblem(path string, err error) string {
	if isOneOf(err, unix.ENOSPC) {
		return fmt.Sprintf("Failed to add a watch for %s: inotify watch limit reached", path)
	}
	return fail(err, "Failed to add a watch for %s", path).Error()
}

// steps are a path's folders from the root on, and the path.
func steps(path string) []string {
	list := []string{"/"}
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			list = append(list, path[:i])
		}
	}
	if path != "/" {
		list = append(list, path)
	}
	return list
}

func (w *Watcher) inotify(path string, mask uint32, link bool) (number int32, err error) {
	if link {
		mask |= unix.IN_DONT_FOLLOW
	}
	err = sys.Retry(func() error {
		n, err := unix.InotifyAddWatch(w.fd, path, mask)
		number = int32(n)
		return err
	})
	return number, err
}

// mark adds what p wants of the inode at path.
func (w *Watcher) mark(p *watched, path string, mask uint32, link bool) (*mark, error) {
	number, err := w.inotify(path, mask|unix.IN_MASK_ADD, link)
	if err != nil {
		return nil, err
	}
	k := w.watches[number]
	if k == nil {
		k = &watch{}
		w.watches[number] = k
	}
	m := &mark{of: p, number: number, mask: mask, path: path, link: link}
	k.mask |= mask
	k.marks = append(k.marks, m)
	p.marks = append(p.marks, m)
	return m, nil
}

// narrow makes a folder whose next step exists one that only matters when it goes away. A link that is the folder is watched as closely as before.
func (w *Watcher) narrow(p *watched, path string) {
	for i, m := range p.marks {
		if m.path != path || m.link {
			continue
		}
		m.mask = goneMask
		// If it is no link, the mark of the link is on the same inode.
		for _, other := range p.marks[:i] {
			if other.path == path && other.number == m.number {
				other.mask = goneMask
			}
		}
		w.settle(m.number)
	}
}

// release takes back what a path wanted.
func (w *Watcher) release(marks []*mark) {
	for _, m := range marks {
		if k := w.watches[m.number]; k != nil {
			k.marks = slices.DeleteFunc(k.marks, func(o *mark) bool { return o == m })
		}
	}
	for _, m := range marks {
		w.settle(m.number)
	}
}

// settle tells the kernel what is still wanted of an inode. It is named by a path, which may lead elsewhere by now: then what is there gets its own mask
// back, and this watch stays wider than it has to be.
func (w *Watcher) settle(number int32) {
	k := w.watches[number]
	if k == nil {
		return
	}
	if len(k.marks) == 0 {
		delete(w.watches, number)
		_, _ = unix.InotifyRmWatch(w.fd, uint32(number)) // EINVAL: the inode is gone, and the watch with it
		return
	}
	mask := uint32(0)
	for _, m := range k.marks {
		mask |= m.mask
	}
	if mask == k.mask {
		return
	}
	at := k.marks[0]
	got, err := w.inotify(at.path, mask, at.link)
	switch other := w.watches[got]; {
	case err != nil:
	case got == number:
		k.mask = mask
	case other == nil:
		_, _ = unix.InotifyRmWatch(w.fd, uint32(got))
	default:
		_, _ = w.inotify(at.path, other.mask|unix.IN_MASK_ADD, at.link)
	}
}
