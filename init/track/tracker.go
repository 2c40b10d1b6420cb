package track

import (
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Options say how to track. The zero value finds out all by itself.
type Options struct {
	State    *State         // of an earlier incarnation of this manager, whose processes still run
	Proc     string         // where /proc is; "": /proc
	Cgroup   string         // the directory of the own cgroup; "": find it; NoCgroup: use none
	Adopt    bool           // move all processes of the own cgroup out of the way, not the manager alone: this is PID 1
	Defaults *unit.Defaults // what units have that say nothing; nil: systemd's
}

// NoCgroup is the Options.Cgroup of a manager that leaves cgroups alone.
const NoCgroup = "none"

// A Tracker knows the processes of units. Only its owner may use it, but for Lookup.
type Tracker struct {
	base     base
	proc     procfs
	self     int
	cgroups  *cgroups // nil: none
	without  string   // why there are none
	defaults unit.Defaults
	problems []string

	units  map[string]*family
	stamps shared[uint32, *family]
	known  shared[int, *family]

	placed  map[int]placed // who was found by a pass
	buried  map[int]bool   // the known that have ended
	number  uint           // of the last pass
	stale   bool           // that was before this turn
	scratch []byte
	strange []stranger
	leaving []*family
}

// A family is a unit's processes.
type family struct {
	name   string
	stamps []uint32
	seen   uint          // the last pass that found a member, or before which one was started
	pass   uint          // the pass of members
	member []int         // found by it
	spent  time.Duration // CPU time of those that have ended
	place  *place        // its cgroup, nil if it has none
	alien  alien         // the main process, if it is no child of ours
	gone   bool          // forgotten, as soon as it is empty

	unmarked bool // its processes are found by their parents alone
}

// Degradation is a directive that cannot be applied, and why.
type Degradation struct {
	Directive string // "MemoryMax"
	Reason    string
}

func (d Degradation) String() string { return d.Directive + "=: " + d.Reason }

// New makes a tracker of what o says and the machine has. What is missing is not an error: see Problems.
func New(o Options) *Tracker {
	t := &Tracker{self: os.Getpid(), stale: true, units: map[string]*family{}, placed: map[int]placed{}, buried: map[int]bool{}, scratch: make([]byte, 32<<10)}
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	if o.Defaults != nil {
		t.defaults = *o.Defaults
	} else {
		t.defaults = unit.SystemDefaults()
	}
	var err error
	if t.proc, err = openProc(o.Proc); err != nil {
		t.problem("%v: processes that a service leaves behind are not found; mount a /proc", err)
	} else if hidden := t.proc.hides(); hidden != "" {
		t.problem("/proc is mounted with %s, which hides processes of other users: a service's may be missed; mount it without", hidden)
	}
	if o.State != nil {
		t.base = base(o.State.Base)
	} else {
		t.base = ownBase()
	}
	if t.base == 0 {
		t.problem("the hard limit of RLIMIT_LOCKS is too low to hold a number: processes are found by their parents alone, and daemons that detach are lost; start the container without --ulimit locks")
	}
	if t.cgroups, err = openCgroups(o, t.proc); err != nil {
		t.without = err.Error()
	}
	if o.State != nil {
		t.restore(o.State)
	}
	return t
}

// SetDefaults says anew what units have that say nothing.
func (t *Tracker) SetDefaults(d unit.Defaults) { t.defaults = d }

func (t *Tracker) problem(format string, args ...any) {
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
}

// Problems are what the machine lacks for tracking, a line each: what is missing, what that means, what would help.
func (t *Tracker) Problems() []string { return t.problems }

// Close lets go of all descriptors. No process is touched.
func (t *Tracker) Close() {
	if t.proc.dir >= 0 {
		unix.Close(t.proc.dir)
		t.proc.dir = -1
	}
	t.cgroups.close()
}

// Limit is what a process of the unit with this stamp is to set as its soft and hard RLIMIT_LOCKS, unless the unit has a LimitLOCKS= of
// its own; false if processes cannot be stamped.
func (t *Tracker) Limit(stamp uint32) (value uint64, ok bool) {
	return t.base.value(stamp), t.base != 0 && stamp != 0
}

// family is that of a unit, made if there is none.
func (t *Tracker) family(name string) *family {
	f := t.units[name]
	if f == nil {
		f = &family{name: name}
		t.units[name] = f
	}
	return f
}

// stamp makes the stamp the unit's.
func (t *Tracker) stamp(name string, stamp uint32) *family {
	f := t.family(name)
	if stamp != 0 && !slices.Contains(f.stamps, stamp) {
		f.stamps = append(f.stamps, stamp)
		t.stamps.Store(stamp, f)
	}
	return f
}

// A Birth is what a process of a unit is to be started with.
type Birth struct {
	CgroupFD int // directory to be born in (CLONE_INTO_CGROUP), the caller's to close; -1: none
	Degraded []Degradation
}

// Unit is what Add wants to know of a unit.
type Unit struct {
	Name     string
	Stamp    uint32
	Stamped  bool // its processes will be stamped: it sets no LimitLOCKS= of its own
	Cgroup   *unit.CgroupContext
	OOMGroup bool // OOMPolicy=kill: the OOM killer takes all of the cgroup
	Control  bool // the process is a control process
}

// Add prepares for a process of a unit: it comes before each.
func (t *Tracker) Add(u Unit) Birth {
	f := t.stamp(u.Name, u.Stamp)
	f.gone = false
	b := Birth{CgroupFD: -1}
	if u.Cgroup != nil {
		b.CgroupFD, b.Degraded = t.settle(f, u)
	}
	f.unmarked = b.CgroupFD < 0 && (!u.Stamped || t.base == 0)
	if f.unmarked && t.base != 0 && !isSlice(u.Name) {
		b.Degraded = append(b.Degraded, Degradation{"LimitLOCKS", "takes the limit that marks a unit's processes: they are found by their parents, and daemons that detach are lost"})
	}
	return b
}

// Started says that the manager has a child for a unit. Exited must follow.
func (t *Tracker) Started(name string, pid int) {
	f := t.family(name)
	f.seen = t.number
	delete(t.buried, pid)
	t.known.Store(pid, f)
}

// Exited says that a child was reaped, and what CPU time it took, with that of the children that it had waited for (the rusage of wait4(2)).
func (t *Tracker) Exited(pid int, cpu time.Duration) {
	var f *family
	if known, ok := t.known.Load(pid); ok {
		f = known
		t.known.Delete(pid)
	} else if p, ok := t.placed[pid]; ok {
		f = p.family
	}
	delete(t.placed, pid)
	delete(t.buried, pid)
	if f != nil {
		f.spent += cpu
	}
}

// Forget drops a unit that is no more, with its cgroup, as soon as it has no process.
func (t *Tracker) Forget(name string) {
	f := t.units[name]
	switch {
	case f == nil || f.gone:
	case t.absent(f):
		t.drop(f)
	default:
		f.gone = true
		t.leaving = append(t.leaving, f)
	}
}

// Vacate removes the cgroup of a unit that is down, unless it still has a process (unit_prune_cgroup in src/core/cgroup.c). The next Add makes it anew, so
// that what it counts begins anew as well.
func (t *Tracker) Vacate(name string) {
	if f := t.units[name]; f != nil {
		t.cgroups.remove(f)
	}
}

func (t *Tracker) drop(f *family) {
	for _, s := range f.stamps {
		t.stamps.Delete(s)
	}
	t.cgroups.remove(f)
	delete(t.units, f.name)
}

// Adopt makes a process that the manager did not start a member of a unit: a scope's. Without cgroups the stamp is put on it from outside, and where
// the kernel refuses that, it is remembered.
func (t *Tracker) Adopt(name string, pid int) error {
	f := t.family(name)
	s, err := t.proc.stat(pid)
	switch {
	case err != nil || s.ended():
		return unix.ESRCH
	case pid <= 1 || pid == t.self:
		return unix.EPERM
	}
	if err := t.cgroups.attach(f, pid); err != nil {
		return err
	}
	if len(f.stamps) > 0 && t.base != 0 {
		v := t.base.value(f.stamps[0])
		_ = unix.Prlimit(pid, unix.RLIMIT_LOCKS, &unix.Rlimit{Cur: v, Max: v}, nil) // remembered all the same
	}
	f.seen = t.number
	t.placed[pid] = placed{family: f, start: s.start, pass: t.number}
	return nil
}

// State is what a Tracker hands on when the manager executes itself again. It is plain data.
type State struct {
	Base   uint64
	Units  []UnitState
	Placed []PlacedState
}

// UnitState is a unit, its stamps, and the manager's children in it.
type UnitState struct {
	Name   string
	Stamps []uint32
	Known  []int
	Spent  time.Duration // CPU time of those that have ended
	Cgroup string        // its path below the manager's, "" if there is none

	Unmarked bool // its processes are found by their parents alone
}

// PlacedState is a process that is in a unit for no reason that shows on it.
type PlacedState struct {
	Unit  string
	PID   int
	Start uint64
}

// State is the tracker as plain data, sorted.
func (t *Tracker) State() *State {
	s := &State{Base: uint64(t.base)}
	byName := map[string]*UnitState{}
	for name, f := range t.units {
		u := &UnitState{Name: name, Stamps: slices.Clone(f.stamps), Spent: f.spent, Unmarked: f.unmarked}
		if f.place != nil {
			u.Cgroup = f.place.path
		}
		byName[name] = u
	}
	t.known.Range(func(pid int, f *family) bool {
		u := byName[f.name]
		u.Known = append(u.Known, pid)
		return true
	})
	for _, u := range byName {
		slices.Sort(u.Known)
		s.Units = append(s.Units, *u)
	}
	slices.SortFunc(s.Units, func(a, b UnitState) int { return compare(a.Name, b.Name) })
	for pid, p := range t.placed {
		if p.start != 0 && p.family != nil {
			s.Placed = append(s.Placed, PlacedState{p.family.name, pid, p.start})
		}
	}
	slices.SortFunc(s.Placed, func(a, b PlacedState) int { return a.PID - b.PID })
	return s
}

func (t *Tracker) restore(s *State) {
	for _, u := range s.Units {
		f := t.family(u.Name)
		f.spent, f.unmarked = u.Spent, u.Unmarked
		for _, stamp := range u.Stamps {
			t.stamp(u.Name, stamp)
		}
		for _, pid := range u.Known {
			t.known.Store(pid, f)
		}
		t.cgroups.find(f, u.Cgroup)
	}
	for _, p := range s.Placed {
		t.placed[p.PID] = placed{family: t.family(p.Unit), start: p.Start}
	}
}
