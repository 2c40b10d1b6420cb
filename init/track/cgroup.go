package track

import (
	"errors"
	"fmt"
	"os"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// cgroups is the subtree of cgroup v2 that the manager owns (cgroups(7); Documentation/admin-guide/cgroup-v2.rst). The processes of the manager
// are in a leaf of their own, for a cgroup whose children have controllers may hold none itself. Methods of a nil *cgroups do nothing.
type cgroups struct {
	dir         string   // of the own cgroup
	own         string   // its path, as /proc/PID/cgroup has it here; "" is the root of the namespace
	controllers []string // what units can have
	inotify     int
	startup     bool                    // until the start-up has finished
	units       shared[string, *family] // by path
	watches     map[int32]*family
	disabled    map[string][]string // by path of a slice: DisableControllers=
	machine     capacity
}

// place is a unit's cgroup.
type place struct {
	path     string              // below the own cgroup
	context  *unit.CgroupContext // as it was applied
	startup  bool                // likewise
	oomGroup bool                // likewise
	degraded []Degradation
	watch    int32 // of memory.events
	kills    uint64
}

// leaf is the manager's own (systemd.special(7)).
const leaf = "init.scope"

var errNoCgroups = errors.New("cgroups are not used")

// openCgroups takes possession of the own cgroup. The error says why there is none, and what would give one.
func openCgroups(o Options, p procfs) (*cgroups, error) {
	c := &cgroups{dir: o.Cgroup, inotify: -1, startup: true, watches: map[int32]*family{}, disabled: map[string][]string{}}
	switch {
	case o.Cgroup == NoCgroup:
		return nil, errNoCgroups
	case o.Cgroup == "" && !o.Adopt:
		return nil, errors.New("this manager is not PID 1, so that its cgroup may be others' too")
	case o.Cgroup == "":
		if err := c.locate(p, o.State != nil); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(path.Join(c.dir, "cgroup.events")); err != nil {
		return nil, fmt.Errorf("%s is the root of the machine's cgroups; start the container with --cgroupns private", c.dir)
	}
	if err := os.Mkdir(path.Join(c.dir, leaf), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s cannot be written (%w); mount it read-write", c.dir, errno(err))
	}
	if err := c.moveIn(o.Adopt); err != nil {
		return nil, fmt.Errorf("no process can be moved below %s (%w)", c.dir, errno(err))
	}
	if own, ok := p.cgroup(os.Getpid()); ok {
		c.own = strings.TrimSuffix(own, "/"+leaf)
	}
	available, _ := os.ReadFile(path.Join(c.dir, "cgroup.controllers")) // without: none
	for _, name := range strings.Fields(string(available)) {
		if write(path.Join(c.dir, "cgroup.subtree_control"), "+"+name) == nil {
			c.controllers = append(c.controllers, name)
		}
	}
	c.machine = measure(c.dir)
	c.inotify, _ = unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK) // without: OOM kills go unnoticed
	return c, nil
}

// locate finds the directory of the own cgroup. again: the manager has made itself its leaf before.
func (c *cgroups) locate(p procfs, again bool) error {
	own, ok := p.cgroup(os.Getpid())
	if !ok {
		return errors.New("this process has no cgroup v2")
	}
	if again {
		own = strings.TrimSuffix(own, "/"+leaf)
	}
	own = strings.TrimSuffix(own, "/")
	for _, m := range p.mounts() {
		root := strings.TrimSuffix(m.root, "/")
		below, inside := strings.CutPrefix(own, root)
		if m.kind == "cgroup2" && inside && (below == "" || below[0] == '/') {
			c.dir = path.Join(m.point, below)
			return nil
		}
	}
	return errors.New("no cgroup v2 is mounted where this process's can be seen")
}

// moveIn moves the manager into its leaf, and with all everything else that is there.
func (c *cgroups) moveIn(all bool) error {
	procs := path.Join(c.dir, leaf, "cgroup.procs")
	if err := write(procs, strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	for range rounds {
		text, err := os.ReadFile(path.Join(c.dir, "cgroup.procs"))
		moved := false
		for _, pid := range strings.Fields(string(text)) {
			if pid != "0" && all && write(procs, pid) == nil { // 0: of another PID namespace
				moved = true
			}
		}
		if err != nil || !moved {
			return nil // who stays keeps controllers from being enabled, which is told then
		}
	}
	return nil
}

// cgroup is the path of a process's cgroup v2. Safe for concurrent use.
func (p procfs) cgroup(pid int) (string, bool) {
	var buf [8192]byte
	text, err := p.read(pid, "cgroup", buf[:])
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(v, "\n"), true
		}
	}
	return "", false
}

// of is the unit whose cgroup a process is in. sure: it is in none and nobody's. Safe for concurrent use.
func (c *cgroups) of(p procfs, pid int) (f *family, sure bool) {
	if c == nil {
		return nil, false
	}
	at, ok := p.cgroup(pid)
	if !ok {
		return nil, false
	}
	at, inside := strings.CutPrefix(at, c.own+"/")
	if !inside {
		return nil, at != c.own
	}
	if at == leaf || at == "" {
		return nil, false
	}
	for at != "." {
		if f, ok := c.units.Load(at); ok {
			return f, true
		}
		at = path.Dir(at)
	}
	return nil, true
}

// settle makes a unit's cgroup, sets it up, and opens it for a process to be born in. The descriptor is the caller's.
func (t *Tracker) settle(f *family, u Unit) (fd int, degraded []Degradation) {
	c := t.cgroups
	if c == nil {
		return -1, lost(u, &t.defaults, "no writable cgroup v2 subtree: "+t.without)
	}
	if err := c.make(f, u, &t.defaults); err != nil {
		return -1, lost(u, &t.defaults, fmt.Sprintf("cannot make the cgroup %s: %v", c.pathOf(u.Name, u.Cgroup), err))
	}
	if isSlice(u.Name) {
		return -1, f.place.degraded
	}
	dir := path.Join(c.dir, f.place.path)
	if u.Control && u.Cgroup.Delegate { // the unit's own may have children with controllers by now (exec_parameters_get_cgroup_path in src/core/execute.c)
		dir = path.Join(dir, ".control")
		_ = os.Mkdir(dir, 0o755) // what opens it will tell
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, lost(u, &t.defaults, fmt.Sprintf("cannot open the cgroup %s: %v", dir, err))
	}
	return fd, f.place.degraded
}

// make makes a unit's cgroup and those above it, and applies the context unless that was done.
func (c *cgroups) make(f *family, u Unit, defaults *unit.Defaults) error {
	at := c.pathOf(u.Name, u.Cgroup)
	if at == "" {
		return errors.New("the root slice has the manager's own")
	}
	if old := f.place; old != nil && old.path != at {
		c.remove(f)
	}
	if c.disabled[at] = u.Cgroup.DisableControllers; len(u.Cgroup.DisableControllers) == 0 {
		delete(c.disabled, at)
	}
	fresh := false
	above := ""
	for step := range strings.SplitSeq(at, "/") {
		if above != "" {
			c.enable(above)
		}
		above = path.Join(above, step)
		err := os.Mkdir(path.Join(c.dir, above), 0o755)
		if fresh = err == nil; err != nil && !errors.Is(err, os.ErrExist) {
			return errno(err)
		}
	}
	if f.place == nil || fresh {
		c.found(f, at)
	}
	c.update(f.place, u, defaults, fresh)
	return nil
}

// update applies the context unless that was done. A reload makes a new one of each unit, mostly with the same in it.
func (c *cgroups) update(p *place, u Unit, defaults *unit.Defaults, fresh bool) {
	same := p.context == u.Cgroup || p.context != nil && reflect.DeepEqual(p.context, u.Cgroup)
	if !same || p.startup != c.startup || p.oomGroup != u.OOMGroup {
		p.degraded = c.apply(p, u, defaults, fresh)
	}
	p.context, p.startup, p.oomGroup = u.Cgroup, c.startup, u.OOMGroup
}

// Apply has a unit's cgroup be as its context says now: that of a slice when it becomes active, of any unit after its files were read again. A unit other
// than a slice has none before its first process.
func (t *Tracker) Apply(u Unit) []Degradation {
	c, f := t.cgroups, t.units[u.Name]
	switch {
	case u.Cgroup == nil:
	case isSlice(u.Name):
		return t.Add(u).Degraded
	case c != nil && f != nil && f.place != nil && f.place.path == c.pathOf(u.Name, u.Cgroup): // where it is elsewhere now, the next start moves it
		c.update(f.place, u, &t.defaults, false)
		return f.place.degraded
	}
	return nil
}

// found makes a cgroup the unit's.
func (c *cgroups) found(f *family, at string) {
	f.place = &place{path: at, watch: -1}
	c.units.Store(at, f)
	c.listen(f)
}

// find takes a cgroup back that was the unit's in an earlier incarnation of the manager.
func (c *cgroups) find(f *family, at string) {
	if c != nil && at != "" && unix.Access(path.Join(c.dir, at), unix.F_OK) == nil {
		c.found(f, at)
	}
}

// enable gives the children of a slice the controllers, but for those that it or one above it disables.
func (c *cgroups) enable(slice string) {
	for _, name := range c.controllers {
		off := false
		for at := slice; at != "."; at = path.Dir(at) {
			off = off || slices.Contains(c.disabled[at], name)
		}
		sign := "+"
		if off {
			sign = "-"
		}
		_ = write(path.Join(c.dir, slice, "cgroup.subtree_control"), sign+name) // the file that then is missing tells
	}
}

// pathOf is where a unit's cgroup is below the own.
func (c *cgroups) pathOf(name string, context *unit.CgroupContext) string {
	if isSlice(name) {
		return slicePath(name)
	}
	return path.Join(slicePath(context.Slice), escape(name))
}

func isSlice(name string) bool { return strings.HasSuffix(name, ".slice") }

// slicePath is where a slice is: "a.slice/a-b.slice" for "a-b.slice" (systemd.slice(5)).
func slicePath(slice string) string {
	stem := strings.TrimSuffix(slice, ".slice")
	if stem == "" || stem == "-" {
		return ""
	}
	var at string
	for i, r := range stem {
		if r == '-' {
			at = path.Join(at, stem[:i]+".slice")
		}
	}
	return path.Join(at, slice)
}

// escape makes a unit's name one that the kernel leaves to us (cg_escape in src/basic/cgroup-util.c).
func escape(name string) string {
	prefix, _, _ := strings.Cut(name, ".")
	reserved := []string{"cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids", "misc", "rdma", "hugetlb"}
	if name == "" || name[0] == '_' || name[0] == '.' || slices.Contains(reserved, prefix) || name == "notify_on_release" ||
		name == "release_agent" || name == "tasks" {
		return "_" + name
	}
	return name
}

// attach moves a process into a unit's cgroup.
func (c *cgroups) attach(f *family, pid int) error {
	if c == nil || f.place == nil {
		return nil
	}
	return errno(write(path.Join(c.dir, f.place.path, "cgroup.procs"), strconv.Itoa(pid)))
}

// kill kills all of a unit's cgroup at once (since Linux 5.14), and says whether it has.
func (c *cgroups) kill(f *family) bool {
	return c != nil && f.place != nil && write(path.Join(c.dir, f.place.path, "cgroup.kill"), "1") == nil
}

// remove removes a unit's cgroup and what the unit has made below it. One that still has processes stays, and with it its name.
func (c *cgroups) remove(f *family) {
	if c == nil || f.place == nil {
		return
	}
	if prune(path.Join(c.dir, f.place.path)) != nil {
		return
	}
	c.units.Delete(f.place.path)
	delete(c.watches, f.place.watch) // the kernel drops the watch with the file
	f.place = nil
}

// prune removes a cgroup with all below it.
func prune(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			_ = prune(path.Join(dir, e.Name())) // then the last rmdir fails too
		}
	}
	return unix.Rmdir(dir)
}

func (c *cgroups) close() {
	if c != nil && c.inotify >= 0 {
		unix.Close(c.inotify)
		c.inotify = -1
	}
}

// write writes to a file of the kernel's that exists.
func write(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// errno is the cause of an error without the path, which the text around it has.
func errno(err error) error {
	var e unix.Errno
	if errors.As(err, &e) {
		return e
	}
	return err
}
