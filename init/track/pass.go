package track

import (
	"slices"

	"golang.org/x/sys/unix"
)

// placed is a process that was placed once, and need not be again.
type placed struct {
	family *family // nil: nobody's
	inode  uint64  // of its directory in /proc
	start  uint64  // when it was started, if nothing on it shows where it belongs; 0 if something does
	pass   uint    // that saw it last
	ended  bool
}

// stranger is a process without stamp or cgroup, whose ancestors decide.
type stranger struct {
	pid    int
	inode  uint64
	stat   stat
	family *family
}

// Turn says that time has passed, so that what the last pass found may not be so any more. A turn that asks about many units
// costs few passes.
func (t *Tracker) Turn() { t.stale = true }

// pass looks at all processes once, and gives each unit its members.
func (t *Tracker) pass() {
	t.number++
	t.stale = false
	t.strange = t.strange[:0]
	seen := 0
	err := t.proc.each(t.scratch, func(pid int, inode uint64) {
		if pid <= 1 || pid == t.self {
			return
		}
		if f, ok := t.known.Load(pid); ok {
			if !t.buried[pid] {
				t.join(f, pid)
			}
			return
		}
		if p, ok := t.placed[pid]; ok && p.inode == inode {
			p.pass = t.number
			t.placed[pid] = p
			seen++
			if p.family != nil && !p.ended {
				t.join(p.family, pid)
			}
			return
		}
		f, sure := t.marked(pid)
		switch {
		case f != nil:
			t.placed[pid] = placed{family: f, inode: inode, pass: t.number}
			seen++
			t.join(f, pid)
		case !sure:
			t.strange = append(t.strange, stranger{pid: pid, inode: inode})
		}
	})
	if err != nil { // no /proc: the known are all that there is
		t.known.Range(func(pid int, f *family) bool {
			if !t.buried[pid] {
				t.join(f, pid)
			}
			return true
		})
	}
	seen += t.placeStrangers()
	if len(t.placed) > seen {
		for pid, p := range t.placed {
			if p.pass != t.number {
				delete(t.placed, pid)
			}
		}
	}
	t.leave()
}

// join makes a process a member in this pass.
func (t *Tracker) join(f *family, pid int) {
	if f.pass != t.number {
		f.pass, f.seen, f.member = t.number, t.number, f.member[:0]
	}
	f.member = append(f.member, pid)
}

// placeStrangers places those whose ancestors say where they belong, and says how many are remembered. They are sorted by PID.
func (t *Tracker) placeStrangers() (seen int) {
	for i := range t.strange {
		s := &t.strange[i]
		s.stat, _ = t.proc.stat(s.pid) // gone: of no parent
		if p, ok := t.placed[s.pid]; ok && p.start != 0 && p.start == s.stat.start {
			s.family = p.family
		}
	}
	for i := range t.strange {
		s := &t.strange[i]
		if s.family == nil {
			s.family = t.inherit(s.stat.parent)
		}
		if s.family != nil {
			t.join(s.family, s.pid)
		} else if t.cgroups != nil || s.stat.state == 0 { // may be moved into a unit's later, or is gone
			continue
		}
		t.placed[s.pid] = placed{family: s.family, inode: s.inode, start: s.stat.start, pass: t.number}
		seen++
	}
	return seen
}

// inherit is the unit of the nearest ancestor that has one, from pid on, by what this pass has found.
func (t *Tracker) inherit(pid int) *family {
	for range generations {
		if pid <= 1 || pid == t.self {
			return nil
		}
		if f, ok := t.known.Load(pid); ok {
			return f
		}
		i, strange := slices.BinarySearchFunc(t.strange, pid, func(s stranger, pid int) int { return s.pid - pid })
		if !strange {
			if p, ok := t.placed[pid]; ok && p.pass == t.number {
				return p.family
			}
			return t.ancestor(pid) // born since
		}
		if f := t.strange[i].family; f != nil {
			return f
		}
		pid = t.strange[i].stat.parent
	}
	return nil
}

// marked is the unit of a process by its cgroup or its stamp. sure says that there is nothing more to ask: the process is gone, or where it
// is belongs to nobody. Safe for concurrent use.
func (t *Tracker) marked(pid int) (f *family, sure bool) {
	if f, sure = t.cgroups.of(t.proc, pid); f != nil || sure {
		return f, true
	}
	hard, err := t.proc.hardLimit(pid)
	if err == unix.ESRCH || err == unix.ENOENT && t.proc.dir >= 0 {
		return nil, true
	}
	if err == nil {
		if f, ok := t.stamps.Load(t.base.stamp(hard)); ok {
			return f, true
		}
	}
	return nil, false
}

// generations bounds a walk up the ancestors, which others fork and end under.
const generations = 1000

// ancestor is the unit of the nearest ancestor that has one, from pid on. Safe for concurrent use.
func (t *Tracker) ancestor(pid int) *family {
	for range generations {
		if pid <= 1 || pid == t.self {
			return nil
		}
		if f, ok := t.known.Load(pid); ok {
			return f
		}
		if f, sure := t.marked(pid); f != nil || sure {
			return f
		}
		s, err := t.proc.stat(pid)
		if err != nil {
			return nil
		}
		pid = s.parent
	}
	return nil
}

// Lookup is the unit of a process, by its id as this PID namespace has it. It may be called from any goroutine, and asks the kernel each time. A
// zombie still tells; a process that was reaped does not.
func (t *Tracker) Lookup(pid int) (unit string, ok bool) {
	if pid <= 1 || pid == t.self {
		return "", false
	}
	f := t.ancestor(pid)
	if f == nil {
		return "", false
	}
	return f.name, true
}

// UnitOf is Lookup for the owner, who also knows processes that have lost the ancestor that said where they belong.
func (t *Tracker) UnitOf(pid int) (unit string, ok bool) {
	if f := t.of(pid); f != nil {
		return f.name, true
	}
	return "", false
}

func (t *Tracker) of(pid int) *family {
	if pid <= 1 || pid == t.self {
		return nil
	}
	if f := t.ancestor(pid); f != nil {
		return f
	}
	if p, ok := t.placed[pid]; ok && p.start != 0 && p.family != nil {
		if s, err := t.proc.stat(pid); err == nil && s.start == p.start {
			return p.family
		}
	}
	return nil
}

// members are the processes of a unit as of the last pass. The slice is good until the next one.
func (t *Tracker) members(f *family) []int {
	if f.pass != t.number {
		f.member = f.member[:0]
	}
	return f.member
}

// leave drops the units that were forgotten and have no process any more.
func (t *Tracker) leave() {
	t.leaving = slices.DeleteFunc(t.leaving, func(f *family) bool {
		if f.gone && !t.absent(f) {
			return false
		}
		if f.gone {
			t.drop(f)
		}
		return true
	})
}

// absent tells that the unit is empty for good: see the laws. Without a /proc only known processes count.
func (t *Tracker) absent(f *family) bool { return t.number >= f.seen+2 }
