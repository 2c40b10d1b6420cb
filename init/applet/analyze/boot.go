package analyze

import (
	"cmp"
	"slices"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
)

// bootTimes is when the manager started and when the boot was finished, by CLOCK_MONOTONIC in microseconds. A container has no
// firmware, loader, kernel or initrd of its own (acquire_boot_times of analyze-time-data.c).
type bootTimes struct{ start, finish uint64 }

func (p *program) times(m *manager.Conn) (bootTimes, error) {
	all, err := m.GetAll(manager.Root, manager.Interface)
	if err != nil {
		return bootTimes{}, p.Tell("Failed to get timestamp properties: %s", manager.Text(err))
	}
	b := bootTimes{all.Uint64("UserspaceTimestampMonotonic", 0), all.Uint64("FinishTimestampMonotonic", 0)}
	if b.finish == 0 {
		return b, p.Tell("Bootup is not yet finished (org.freedesktop.systemd1.Manager.FinishTimestampMonotonic=0).\n" +
			"Please try again later.\nHint: Use 'systemctl list-jobs' to see active jobs")
	}
	return b, nil
}

// since is a time after the manager's start; 0 stays 0.
func (b bootTimes) since(u uint64) uint64 {
	if u < b.start {
		return 0
	}
	return u - b.start
}

// msec is a length of time to the millisecond.
func msec(u uint64) string { return calendar.Usec(u).Format(calendar.Millisecond) }

func (p *program) bootTime([]string) int {
	return p.withManager(func(m *manager.Conn) int {
		b, err := p.times(m)
		if err != nil {
			return 1
		}
		p.Printf("Startup finished in %s (userspace) ", msec(b.since(b.finish)))
		path := manager.UnitPath("default.target")
		id, err := m.GetString(path, manager.Unit, "Id")
		if err != nil {
			p.Warnf("default.target doesn't seem to exist, ignoring: %s", manager.Text(err))
			p.Puts("\ncould not find default.target.")
			return 0
		}
		switch reached, err := m.GetUint64(path, manager.Unit, "ActiveEnterTimestampMonotonic"); {
		case err != nil:
			p.Warnf("Could not get time to reach default.target, ignoring: %s", manager.Text(err))
			p.Printf("\nCould not get time to reach %s.\n", id)
		case reached == 0:
			p.Printf("\n%s was never reached.\n", id)
		default:
			p.Printf("\n%s reached after %s in userspace.\n", id, msec(b.since(reached)))
		}
		return 0
	})
}

// unitTimes is when a unit began to start, when it had, and how long that took.
type unitTimes struct {
	name                        string
	activating, activated, took uint64
}

// unitTimes are those of all units that have begun to start.
func (p *program) unitTimes(m *manager.Conn, b bootTimes) ([]unitTimes, error) {
	r, err := m.Manager("ListUnits")
	var rows [][]any
	if err == nil {
		err = r.Store(&rows)
	}
	if err != nil {
		return nil, p.Tell("Failed to list units: %s", manager.Text(err))
	}
	var list []unitTimes
	for _, row := range rows {
		var name, text string
		var path dbus.ObjectPath
		if err := dbus.Store(row[:7], &name, &text, &text, &text, &text, &text, &path); err != nil {
			return nil, p.Tell("Failed to parse bus message: %s", applet.Cause(err))
		}
		all, err := m.GetAll(path, manager.Unit)
		if err != nil {
			return nil, p.Tell("Failed to get timestamp properties of unit %s: %s", name, manager.Text(err))
		}
		at := func(property string) uint64 { return b.since(all.Uint64(property, 0)) }
		u := unitTimes{name: name, activating: at("InactiveExitTimestampMonotonic"), activated: at("ActiveEnterTimestampMonotonic")}
		switch left := at("InactiveEnterTimestampMonotonic"); {
		case u.activating == 0:
			continue
		case u.activated >= u.activating:
			u.took = u.activated - u.activating
		case left >= u.activating:
			u.took = left - u.activating
		}
		list = append(list, u)
	}
	return list, nil
}

func (p *program) blame([]string) int {
	return p.withManager(func(m *manager.Conn) int {
		b, err := p.times(m)
		if err != nil {
			return 1
		}
		units, err := p.unitTimes(m, b)
		if err != nil {
			return 1
		}
		slices.SortStableFunc(units, func(x, y unitTimes) int { return cmp.Compare(y.took, x.took) })
		t := applet.Table{Header: []string{"time", "unit"}, NoHeader: true}
		for _, u := range units {
			if u.took > 0 {
				t.Add(label(msec(u.took)), applet.Text(u.name))
			}
		}
		p.page()
		t.Print(p.Host)
		return 0
	})
}

// chain prints which units others have waited for, from the one that came last (list_dependencies_one of analyze-critical-chain.c).
type chain struct {
	*program
	m     *manager.Conn
	boot  bootTimes
	times map[string]unitTimes
	shown map[string]bool
}

func (p *program) criticalChain(args []string) int {
	return p.withManager(func(m *manager.Conn) int {
		b, err := p.times(m)
		if err != nil {
			return 1
		}
		units, err := p.unitTimes(m, b)
		if err != nil {
			return 1
		}
		c := &chain{program: p, m: m, boot: b, times: map[string]unitTimes{}, shown: map[string]bool{}}
		for _, u := range units {
			c.times[u.name] = u
		}
		p.page()
		p.Puts("The time when unit became active or started is printed after the \"@\" character.\n" +
			"The time the unit took to start is printed after the \"+\" character.\n")
		if len(args) == 0 {
			args = []string{"default.target"}
		}
		for _, name := range args {
			id, err := m.GetString(manager.UnitPath(name), manager.Unit, "Id")
			if err != nil {
				p.Errorf("Failed to get ID: %s", manager.Text(err))
				continue
			}
			if u, ok := c.times[id]; ok {
				switch {
				case u.took > 0:
					p.Puts(p.Paint(applet.HighlightRed, id+" +"+msec(u.took)))
				case u.activated > 0:
					p.Printf("%s @%s\n", id, msec(u.activated))
				default:
					p.Puts(id)
				}
			}
			clear(c.shown)
			if c.below(name, nil) != nil {
				return 1
			}
		}
		return 0
	})
}

// inBoot tells whether a unit was up before the boot was finished.
func (c *chain) inBoot(name string) (unitTimes, bool) {
	u, ok := c.times[name]
	return u, ok && u.activated > 0 && u.activated <= c.boot.since(c.boot.finish)
}

// below prints what a unit came after, as far as it came last or --fuzz before that. open says for each level above whether it goes on.
func (c *chain) below(name string, open []bool) error {
	c.shown[name] = true
	after, err := c.m.GetStrings(manager.UnitPath(name), manager.Unit, "After")
	if err != nil {
		return c.Tell("Failed to get properties of %s: %s", name, manager.Text(err))
	}
	var latest uint64
	for _, n := range after {
		if u, ok := c.inBoot(n); ok {
			latest = max(latest, u.activated)
		}
	}
	var next []unitTimes
	for _, n := range after {
		if u, ok := c.inBoot(n); ok && latest-u.activated <= uint64(c.fuzz) {
			next = append(next, u)
		}
	}
	slices.SortStableFunc(next, func(x, y unitTimes) int { return cmp.Compare(y.activated, x.activated) })
	for i, u := range next {
		last := i == len(next)-1
		text := u.name
		if u.activated > 0 {
			text += " @" + msec(cmp.Or(u.activating, u.activated))
			if u.took > 0 {
				text = c.Paint(applet.HighlightRed, text+" +"+msec(u.took))
			} else {
				text = u.name + " @" + msec(u.activated)
			}
		}
		c.branch(open, last, text)
		if c.shown[u.name] {
			c.branch(append(slices.Clip(open), !last), true, "...")
			continue
		}
		if err := c.below(u.name, append(slices.Clip(open), !last)); err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) branch(open []bool, last bool, text string) {
	for _, o := range open {
		if o {
			c.Print(c.Glyph(applet.TreeVertical))
		} else {
			c.Print(c.Glyph(applet.TreeSpace))
		}
	}
	if last {
		c.Print(c.Glyph(applet.TreeRight))
	} else {
		c.Print(c.Glyph(applet.TreeBranch))
	}
	c.Puts(text)
}

// dump prints what the manager has to say of itself.
func (p *program) dump([]string) int {
	return p.withManager(func(m *manager.Conn) int {
		p.page()
		r, err := m.Manager("Dump")
		var text string
		if err == nil {
			err = r.Store(&text)
		}
		if err != nil {
			return p.Fail("Failed to call Dump: %s", manager.Text(err))
		}
		p.Print(text)
		return 0
	})
}

// dotEdges are the dependencies that dot draws, and their colours.
var dotEdges = []struct{ property, colour string }{
	{"After", "green"}, {"Requires", "black"}, {"Requisite", "darkblue"}, {"BindsTo", "gold"}, {"Wants", "grey66"}, {"Conflicts", "red"},
}

// dot prints dependencies as a graph.
func (p *program) dot(args []string) int {
	return p.withManager(func(m *manager.Conn) int {
		r, err := m.Manager("ListUnits")
		var rows [][]any
		if err == nil {
			err = r.Store(&rows)
		}
		if err != nil {
			return p.Fail("Failed to list units: %s", manager.Text(err))
		}
		p.Puts("digraph systemd {")
		for _, row := range rows {
			name, _ := row[0].(string)
			all, err := m.GetAll(manager.UnitPath(name), manager.Unit)
			if err != nil {
				return p.Fail("Failed to get properties of %s: %s", name, manager.Text(err))
			}
			for _, e := range dotEdges {
				for _, to := range all.Strings(e.property) {
					if len(args) == 0 || slices.Contains(args, name) || slices.Contains(args, to) {
						p.Printf("\t%q->%q [color=%q];\n", name, to, e.colour)
					}
				}
			}
		}
		p.Puts("}")
		if p.OnTerminal() {
			p.Noticef("-- You probably want to process this output with graphviz' dot tool.\n-- Try a shell pipeline like 'systemd-analyze dot | dot -Tsvg >systemd.svg'!")
		}
		return 0
	})
}
