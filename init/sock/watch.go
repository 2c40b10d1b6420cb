package sock

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise/unit"
)

// How a path is watched (path_spec_watch in src/core/path.c): its inode closely, and of what leads there the last folder that exists for what appears
// in it, and all folders for their being moved or removed. A link on the way is watched as well as where it leads.
//
//	/a/b/c, all there        /a, /a/b: moved or removed                           /a/b/c: what the directive is about
//	/a/b there, c not        /a: moved or removed      /a/b: the same, and new names
//
// systemd has an inotify instance for each path; the kernel allows 128 to a user, all containers of the host together. Here all paths share one. An
// inode has one watch there, whose mask is what all paths together want of it, and what a path did not ask for is not its news.

// A Watcher watches the paths of path units and PID files. It belongs to one goroutine.
type Watcher struct {
	fd      int
	units   map[string][]*watched // by unit: its paths, or its PID file
	watches map[int32]*watch
}

// watched is one path.
type watched struct {
	unit    string
	index   int
	pidFile bool
	kind    unit.PathKind
	path    string
	primary int32 // the watch of the path itself, -1 if it is not there
	marks   []*mark
	stamp   stamp  // of the path when it was watched, to be compared when the kernel lost events
	problem string // why it cannot be watched
}

// aboutWriting: any event of the path itself is what the directive waits for (path_spec_fd_event in src/core/path.c).
func (p *watched) aboutWriting() bool {
	return p.kind == unit.PathChanged || p.kind == unit.PathModified
}

// watch is one of the kernel's.
type watch struct {
	mask  uint32
	marks []*mark
}

// mark is what one path wants of one watch.
type mark struct {
	of     *watched
	number int32
	mask   uint32
	path   string // that leads to the inode
	link   bool   // the link itself
}

// A Change is news of a unit.
type Change struct {
	Unit    string
	Index   int  // which path was written (supervise.PathChanged); -1: all have to be looked at again
	PIDFile bool // it is the PID file (supervise.PIDFileChanged)
}

// NewWatcher makes a Watcher. If the kernel gives no inotify instance, FD is -1 and it is tried again with each Watch.
func NewWatcher() *Watcher {
	w := &Watcher{fd: -1, units: map[string][]*watched{}, watches: map[int32]*watch{}}
	_ = w.open()
	return w
}

func (w *Watcher) open() error {
	if w.fd >= 0 {
		return nil
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fail(err, "Failed to allocate inotify fd")
	}
	w.fd = fd
	return nil
}

// FD is to be polled for EPOLLIN; the Watcher owns it.
func (w *Watcher) FD() int { return w.fd }

// Close ends all watches.
func (w *Watcher) Close() {
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
	*w = Watcher{fd: -1, units: map[string][]*watched{}, watches: map[int32]*watch{}}
}

// pidFileKey keeps a service's PID file apart from a path unit's paths: no unit name has a NUL.
func pidFileKey(name string) string { return "\x00" + name }

// Watch watches the paths of a unit, instead of those that it watched before. What prevents it is said by Facts.
func (w *Watcher) Watch(name string, specs []unit.PathSpec) {
	w.Unwatch(name)
	for i, s := range specs {
		w.add(name, &watched{unit: name, index: i, kind: s.Kind, path: s.Path})
	}
}

// WatchPIDFile watches a PID file. A daemon may write it and keep it open, so each write counts (service_demand_pid_file in src/core/service.c). The
// error says why it cannot be watched.
func (w *Watcher) WatchPIDFile(name, path string) error {
	key := pidFileKey(name)
	w.Unwatch(key)
	p := &watched{unit: name, pidFile: true, kind: unit.PathModified, path: path}
	w.add(key, p)
	if p.problem != "" {
		return errors.New(p.problem)
	}
	return nil
}

func (w *Watcher) add(key string, p *watched) {
	p.primary = -1
	w.units[key] = append(w.units[key], p)
	w.follow(p)
}

// Unwatch ends the watches of a unit's paths.
func (w *Watcher) Unwatch(name string) {
	for _, p := range w.units[name] {
		w.release(p.marks)
	}
	delete(w.units, name)
}

// UnwatchPIDFile ends the watch of a service's PID file.
func (w *Watcher) UnwatchPIDFile(name string) { w.Unwatch(pidFileKey(name)) }

// Facts answers supervise.AskPaths: see the function Facts. The problem says why one of the unit's paths cannot be watched, unless a path is so already
// that the unit waits for: then systemd needs no watch (path_enter_waiting in src/core/path.c).
func (w *Watcher) Facts(name string, specs []unit.PathSpec) (good []bool, paths []string, problem string) {
	good, paths = Facts(specs)
	for i, s := range specs {
		if good[i] && s.Kind != unit.PathChanged && s.Kind != unit.PathModified {
			return good, paths, ""
		}
	}
	for _, p := range w.units[name] {
		if p.problem != "" {
			return good, paths, p.problem
		}
	}
	return good, paths, ""
}

// readMax is how many buffers of events one Read takes, so that whoever writes for ever does not keep us.
const readMax = 16

// Read takes the events off FD, without waiting, and follows paths that are no longer what they were. The changes are in the order of units and paths.
// An error means that FD is of no use any more.
func (w *Watcher) Read() ([]Change, error) {
	if w.fd < 0 {
		return nil, nil
	}
	var buf [16 << 10]byte
	var n news
	for range readMax {
		var size int
		err := sys.Retry(func() (err error) { size, err = unix.Read(w.fd, buf[:]); return err })
		if err == unix.EAGAIN {
			break
		} else if err != nil {
			return nil, fail(err, "Failed to read inotify event")
		}
		w.events(buf[:size], &n)
	}
	for p := range n.stale {
		w.follow(p)
	}
	return n.changes(), nil
}

// news is what events mean: paths that were written, paths that may exist or not exist now, and paths to follow anew.
type news struct{ written, moved, stale paths }

type paths map[*watched]bool

func (p *paths) add(w *watched) {
	if *p == nil {
		*p = paths{}
	}
	(*p)[w] = true
}

func (n *news) changes() []Change {
	var list []Change
	add := func(p *watched, index int) {
		if p.pidFile {
			index = 0
		}
		list = append(list, Change{p.unit, index, p.pidFile})
	}
	for p := range n.written {
		add(p, p.index)
	}
	for p := range n.moved {
		add(p, -1)
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Unit, b.Unit), cmp.Compare(uint(a.Index), uint(b.Index))) // -1 is the last
	})
	return slices.Compact(list)
}

// events sorts a buffer of events by whose they are. An event that is not of a path itself says that something else may exist now.
func (w *Watcher) events(buf []byte, n *news) {
	for len(buf) >= unix.SizeofInotifyEvent {
		number := int32(binary.NativeEndian.Uint32(buf))
		mask := binary.NativeEndian.Uint32(buf[4:])
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[12:]))
		if size > len(buf) {
			return
		}
		buf = buf[size:]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			w.overflow(n)
			continue
		}
		k := w.watches[number]
		if k == nil {
			continue // of a watch that is over
		}
		for _, m := range k.marks {
			if mask&(m.mask|unix.IN_IGNORED|unix.IN_UNMOUNT) == 0 {
				continue
			}
			if p := m.of; number == p.primary && p.aboutWriting() {
				n.written.add(p)
				if mask&endMask != 0 {
					n.stale.add(p)
				}
			} else {
				n.moved.add(p)
				n.stale.add(p)
			}
		}
		if mask&unix.IN_IGNORED != 0 {
			w.lost(number)
		}
	}
}

// lost: the kernel has ended the watch, because the inode is gone.
func (w *Watcher) lost(number int32) {
	k := w.watches[number]
	delete(w.watches, number)
	for _, m := range k.marks {
		m.of.marks = slices.DeleteFunc(m.of.marks, func(o *mark) bool { return o == m })
		if m.of.primary == number {
			m.of.primary = -1
		}
	}
}

// overflow: the kernel has dropped events. All is looked at again, and a path that is not what it was when it was watched counts as written.
func (w *Watcher) overflow(n *news) {
	for _, list := range w.units {
		for _, p := range list {
			n.moved.add(p)
			n.stale.add(p)
			if p.aboutWriting() && p.primary >= 0 && p.stamp != stampOf(p.path) {
				n.written.add(p)
			}
		}
	}
}

// stamp is what changes when a file or a folder is written.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

func stampOf(path string) stamp {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return stamp{}
	}
	return stamp{st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim}
}
