package systemctl

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// process is one of a unit's.
type process struct {
	pid  uint32
	name string // its command line
}

// group is a control group: its processes and the groups in it.
type group struct {
	path     string
	procs    []process
	children map[string]*group
	shown    bool
}

// groups is a tree of control groups, by path.
type groups map[string]*group

// at is the group of a path, and all above it.
func (g groups) at(path string) *group {
	path = orRoot(strings.TrimRight(path, "/"))
	if have := g[path]; have != nil {
		return have
	}
	n := &group{path: path, children: map[string]*group{}}
	g[path] = n
	if path != "/" {
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return n
		}
		g.at(path[:i]).children[path] = n
	}
	return n
}

// fullWidth tells whether lines are left as long as they are (get_output_flags of systemctl-show.c).
func (c *ctl) fullWidth() bool { return c.full || !c.OnTerminal() || c.Paging() }

// processes prints the processes of a unit as a tree of control groups from the unit's on; what is elsewhere comes below
// (unit_show_processes of src/shared/bus-unit-procs.c).
func (s *showing) processes(unitName, cgroup, prefix string) error {
	r, err := s.m.Manager("GetUnitProcesses", unitName)
	if err != nil {
		return err
	}
	var rows [][]any
	if err := r.Store(&rows); err != nil {
		return err
	}
	tree := groups{}
	for _, row := range rows {
		var path string
		var p process
		if err := dbus.Store(row, &path, &p.pid, &p.name); err != nil {
			return err
		}
		g := tree.at(path)
		g.procs = append(g.procs, p)
	}
	width := 0
	if !s.fullWidth() {
		width = max(s.Columns()-len(prefix), 1)
	}
	if g := tree[orRoot(cgroup)]; g != nil {
		s.printGroup(g, prefix, width)
	}
	s.printOthers(tree, prefix, width)
	return nil
}

func byPID(p []process) (sorted []process, width int) {
	sorted = slices.SortedFunc(slices.Values(p), func(a, b process) int { return cmp.Compare(a.pid, b.pid) })
	if n := len(sorted); n > 0 {
		width = len(strconv.FormatUint(uint64(sorted[n-1].pid), 10))
	}
	return sorted, width
}

// cutName shortens a command line so that it fits behind a branch and a number of so many digits.
func (s *showing) cutName(name string, width, digits int) string {
	if width == 0 {
		return name
	}
	return s.Ellipsize(name, max(width-2-digits-1, 20), 100)
}

func (s *showing) printGroup(g *group, prefix string, width int) {
	g.shown = true
	children := sortedChildren(g)
	procs, digits := byPID(g.procs)
	for i, p := range procs {
		branch := applet.TreeBranch
		if i == len(procs)-1 && len(children) == 0 {
			branch = applet.TreeRight
		}
		s.Printf("%s%s%s%*d %s%s\n", prefix, s.Glyph(branch), s.Colour(applet.Grey), digits, p.pid, s.cutName(p.name, width, digits), s.Colour(applet.Normal))
	}
	if width != 0 {
		width = max(width-2, 20)
	}
	for i, child := range children {
		branch, below := applet.TreeBranch, applet.TreeVertical
		if i == len(children)-1 {
			branch, below = applet.TreeRight, applet.TreeSpace
		}
		s.Printf("%s%s%s\n", prefix, s.Glyph(branch), child.path[strings.LastIndexByte(child.path, '/')+1:])
		s.printGroup(child, prefix+s.Glyph(below), width)
	}
}

func sortedChildren(g *group) []*group {
	var list []*group
	for _, c := range g.children {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *group) int { return strings.Compare(a.path, b.path) })
	return list
}

// printOthers prints the processes that are in none of the groups shown.
func (s *showing) printOthers(tree groups, prefix string, width int) {
	var rest []process
	for _, g := range tree {
		if !g.shown {
			rest = append(rest, g.procs...)
		}
	}
	procs, digits := byPID(rest)
	for _, p := range procs {
		s.Printf("%s%s %*d %s\n", prefix, s.Glyph(applet.TriangularBullet), digits, p.pid, s.cutName(p.name, width, digits))
	}
}

// whoami names the unit of each process, without arguments of this one (systemd 254).
func (c *ctl) whoami(_ string, args []string) int {
	return c.withManager(func(m *manager.Conn) int {
		pids := []uint32{0}
		if len(args) > 0 {
			pids = nil
			for _, a := range args {
				n, err := strconv.ParseUint(a, 10, 31)
				if err != nil {
					return c.Fail("Failed to parse PID %s: %s", a, numberError(err))
				}
				pids = append(pids, uint32(n))
			}
		}
		status := 0
		for _, pid := range pids {
			path, err := c.unitOfProcess(m, pid)
			if err != nil {
				status = 1
				continue
			}
			c.Puts(manager.NameOf(path))
		}
		return status
	})
}
