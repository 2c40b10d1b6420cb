package track

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// Process is a member of a unit.
type Process struct {
	PID, PPID int
	Name      string // comm
}

// Left are the members of a unit, by PID, but for those that are excepted. empty says that it has none at all, excepted or not, and
// gets none until another is started.
func (t *Tracker) Left(name string, except ...int) (left []Process, empty bool) {
	f := t.units[name]
	if f == nil {
		return nil, true
	}
	if t.stale && !t.absent(f) {
		t.pass()
	}
	for range passes {
		if t.absent(f) {
			return nil, true
		}
		all := t.alive(f)
		if len(all) > 0 {
			return slices.DeleteFunc(all, func(p Process) bool { return slices.Contains(except, p.PID) }), false
		}
		t.pass()
	}
	return nil, false // it forks faster than it can be looked at
}

// passes bounds what one question costs.
const passes = 16

// alive are the members that have not ended, by PID. Those that have are members no longer.
func (t *Tracker) alive(f *family) []Process {
	var list []Process
	for _, pid := range t.members(f) {
		s, err := t.proc.stat(pid)
		switch {
		case t.proc.dir < 0 && !gone(pid):
			list = append(list, Process{PID: pid})
		case err == nil && !s.ended():
			list = append(list, Process{pid, s.parent, s.name})
		default:
			t.bury(pid)
		}
	}
	slices.SortFunc(list, func(a, b Process) int { return a.PID - b.PID })
	return list
}

// bury notes that a process that may be there still, as a zombie, is of no interest.
func (t *Tracker) bury(pid int) {
	if _, ok := t.known.Load(pid); ok {
		t.buried[pid] = true
	} else if p, ok := t.placed[pid]; ok {
		p.ended = true
		t.placed[pid] = p
	}
}

// gone tells without a /proc that a process has ended.
func gone(pid int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return unix.Kill(pid, 0) == unix.ESRCH
	}
	defer unix.Close(fd)
	return readable(fd)
}

// Processes are all members of a unit, by PID.
func (t *Tracker) Processes(name string) []Process {
	list, _ := t.Left(name)
	return list
}

// Cmdline is a process's command line for people, its name in brackets if it has none, "" if it is gone.
func (t *Tracker) Cmdline(pid int) string { return t.proc.cmdline(pid) }

// A Watch waits for a unit to become empty. The caller polls its descriptors for readability and tells it of each that is ready.
type Watch struct {
	t     *Tracker
	unit  string
	fds   map[int]int // pidfd to PID
	blind bool
}

// watched is how many members a Watch holds on to: as long as one of them lives there is no need to look at the others.
const watched = 16

// Watch begins to wait for a unit to become empty; empty says that it is already, and there is no Watch. The caller owns the Watch, and the
// Watch the descriptors.
func (t *Tracker) Watch(name string) (w *Watch, empty bool) {
	w = &Watch{t: t, unit: name, fds: map[int]int{}}
	if _, empty = w.Check(); empty {
		return nil, true
	}
	return w, false
}

// FDs are the pidfds to poll, in no order.
func (w *Watch) FDs() []int {
	list := make([]int, 0, len(w.fds))
	for fd := range w.fds {
		list = append(list, fd)
	}
	return list
}

// Blind says that no member can be waited for, as there is no descriptor left or pidfd_open(2) is refused. Then Check has to be called when
// children were reaped, and from time to time.
func (w *Watch) Blind() bool { return w.blind }

// Ready takes a descriptor that is ready: it is closed. Once that were all, the unit is looked at again: either it is empty, and the
// Watch has ended, or there are more descriptors to poll. A descriptor that is not ready or not the Watch's is ignored.
func (w *Watch) Ready(fd int) (more []int, empty bool) {
	if _, ok := w.fds[fd]; !ok || !readable(fd) {
		return nil, false
	}
	unix.Close(fd)
	delete(w.fds, fd)
	if len(w.fds) > 0 {
		return nil, false
	}
	w.t.Turn()
	return w.Check()
}

// Check looks whether the unit is empty, and if not whom to wait for.
func (w *Watch) Check() (more []int, empty bool) {
	for range passes {
		left, empty := w.t.Left(w.unit)
		if empty {
			w.Close()
			return nil, true
		}
		if len(w.fds) > 0 {
			return nil, false
		}
		refused := false
		for _, p := range left {
			fd, err := w.t.open(p.PID, w.t.units[w.unit])
			if err == nil {
				w.fds[fd] = p.PID
				more = append(more, fd)
			}
			refused = refused || err != nil && err != unix.ESRCH
			if len(more) == watched {
				break
			}
		}
		if w.blind = len(more) == 0 && refused; len(more) > 0 || refused {
			return more, false
		}
		w.t.Turn() // all have ended meanwhile
	}
	w.blind = true
	return nil, false
}

// Close ends the Watch.
func (w *Watch) Close() {
	for fd := range w.fds {
		unix.Close(fd)
	}
	clear(w.fds)
}

// readable tells that the process of a pidfd has ended.
func readable(fd int) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	var n int
	err := sys.Retry(func() (err error) { n, err = unix.Poll(p, 0); return err })
	return err == nil && n == 1 && p[0].Revents&unix.POLLIN != 0
}

// open makes a pidfd of a process that is a member of the unit: placed after the descriptor was opened, so that it cannot be another.
// ESRCH: it is none, or has ended. The caller owns the descriptor.
func (t *Tracker) open(pid int, f *family) (int, error) {
	if pid <= 1 || pid == t.self {
		return -1, unix.ESRCH
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, err
	}
	if t.of(pid) != f || readable(fd) {
		unix.Close(fd)
		return -1, unix.ESRCH
	}
	return fd, nil
}

func compare(a, b string) int { return strings.Compare(a, b) }
