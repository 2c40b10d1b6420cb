package systemctl

import (
	"cmp"
	"slices"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// sdType is a type of units and the interface that has its properties.
type sdType struct {
	unit  unit.Type
	iface string
}

var (
	socketType    = sdType{unit.TypeSocket, "org.freedesktop.systemd1.Socket"}
	timerType     = sdType{unit.TypeTimer, "org.freedesktop.systemd1.Timer"}
	pathType      = sdType{unit.TypePath, "org.freedesktop.systemd1.Path"}
	automountType = sdType{unit.TypeAutomount, "org.freedesktop.systemd1.Automount"}
)

// triggers are the units that a unit starts; an error has been told.
func (c *ctl) triggers(m *manager.Conn, u sd.UnitStatus) ([]string, error) {
	t, err := m.GetStrings(u.Path, manager.Unit, "Triggers")
	if err != nil {
		c.Errorf("Failed to determine triggers: %s", manager.Text(err))
	}
	return t, err
}

// triggered is the cell of the units that a unit starts.
func triggered(units []string) applet.Cell {
	if len(units) == 0 {
		return applet.Cell{Empty: true, Colour: applet.NoColour}
	}
	return applet.Text(strings.Join(units, "\n"))
}

// A listing is a row that is not in a table yet: what it listens to or watches, how, and the unit's name and what it starts.
type listing struct {
	what, kind, unit string
	starts           []string
}

// pairs are the properties of a unit that are lists of pairs, as rows.
func (c *ctl) pairs(m *manager.Conn, u sd.UnitStatus, t sdType, property, failure string) ([]listing, error) {
	starts, err := c.triggers(m, u)
	if err != nil {
		return nil, err
	}
	v, err := m.Get(u.Path, t.iface, property)
	if err != nil {
		c.Errorf("%s: %s", failure, manager.Text(err))
		return nil, err
	}
	rows, _ := v.([][]any)
	var out []listing
	for _, r := range rows {
		if len(r) == 2 {
			kind, _ := r[0].(string)
			what, _ := r[1].(string)
			out = append(out, listing{what: what, kind: kind, unit: u.Name, starts: starts})
		}
	}
	return out, nil
}

func (c *ctl) listSockets(_ string, args []string) int {
	return c.listPairs(args, socketType, "socket", "Listen", "Failed to get list of listening sockets", []string{"listen", "type", "unit", "activates"})
}

// listPaths is of systemd 254.
func (c *ctl) listPaths(_ string, args []string) int {
	return c.listPairs(args, pathType, "path", "Paths", "Failed to get paths", []string{"path", "condition", "unit", "activates"})
}

func (c *ctl) listPairs(args []string, t sdType, kind, property, failure string, header []string) int {
	return c.withManager(func(m *manager.Conn) int {
		c.page()
		units, err := c.selected(m, args, t)
		if err != nil {
			return 1
		}
		var all []listing
		status := 0
		for _, u := range units {
			l, err := c.pairs(m, u, t, property, failure)
			if err != nil {
				status = 1
				break
			}
			all = append(all, l...)
		}
		slices.SortStableFunc(all, func(a, b listing) int {
			return cmp.Or(strings.Compare(a.what, b.what), strings.Compare(a.kind, b.kind))
		})
		table := applet.Table{Header: header, Hidden: []bool{false, !c.showTypes && t == socketType, false, false}}
		for _, l := range all {
			table.Add(applet.Text(l.what), applet.Text(l.kind), applet.Text(l.unit), triggered(l.starts))
		}
		c.table(&table)
		c.legendOf(kind, len(all))
		return status
	})
}

// unset tells a time that is none: 0, or infinity.
func unset(u uint64) bool { return u == 0 || calendar.Usec(u) == calendar.Infinity }

// monotonic is CLOCK_MONOTONIC in microseconds.
func monotonic() uint64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0 // the clock is always there
	}
	return uint64(ts.Sec)*1e6 + uint64(ts.Nsec)/1e3
}

// nextElapse is when a timer elapses by the wall clock, of its two next times (calc_next_elapse of systemctl-list-units.c).
func (c *ctl) nextElapse(realtime, mono uint64) uint64 {
	if unset(mono) {
		return realtime
	}
	now, nowMono := uint64(c.Time().UnixMicro()), monotonic()
	converted := now + mono - nowMono // also right if mono has passed: the difference wraps twice
	if unset(realtime) {
		return converted
	}
	return min(converted, realtime)
}

func (c *ctl) listTimers(_ string, args []string) int {
	return c.withManager(func(m *manager.Conn) int {
		c.page()
		units, err := c.selected(m, args, timerType)
		if err != nil {
			return 1
		}
		type timer struct {
			name       string
			next, last uint64
			starts     []string
		}
		var all []timer
		status := 0
		for _, u := range units {
			t := timer{name: u.Name}
			if t.starts, err = c.triggers(m, u); err != nil {
				status = 1
				break
			}
			mono, err := m.GetUint64(u.Path, timerType.iface, "NextElapseUSecMonotonic")
			real, err2 := m.GetUint64(u.Path, timerType.iface, "NextElapseUSecRealtime")
			if err = cmp.Or(err, err2); err != nil {
				status = c.Fail("Failed to get next elapse time: %s", manager.Text(err))
				break
			}
			t.next = c.nextElapse(real, mono)
			if t.last, err = m.GetUint64(u.Path, timerType.iface, "LastTriggerUSec"); err != nil {
				c.Errorf("Failed to get last trigger time: %s", manager.Text(err))
			}
			all = append(all, t)
		}
		slices.SortStableFunc(all, func(a, b timer) int { return cmp.Or(cmp.Compare(a.next, b.next), strings.Compare(a.name, b.name)) })
		table := applet.Table{Header: []string{"next", "left", "last", "passed", "unit", "activates"}}
		for _, t := range all {
			table.Add(c.timeCell(t.next, false), c.timeCell(t.next, true), c.timeCell(t.last, false), c.timeCell(t.last, true),
				applet.Text(t.name), applet.Text(strings.Join(t.starts, ", ")))
		}
		c.table(&table)
		c.legendOf("timer", len(all))
		return status
	})
}

// timeCell is a point in time, or how long it is to it.
func (c *ctl) timeCell(u uint64, relative bool) applet.Cell {
	cell := applet.Cell{Text: "-", Colour: applet.NoColour, JSON: u}
	switch {
	case calendar.Usec(u) == calendar.Infinity:
		cell.JSON = applet.Null
	case u == 0:
	case relative:
		cell.Text = c.relative(u)
	default:
		cell.Text = calendar.FormatTimestamp(calendar.Usec(u), calendar.StylePretty, c.Location())
	}
	return cell
}

// timestampText and relative show times as the options say.
func (c *ctl) timestampText(u uint64) string {
	return calendar.FormatTimestamp(calendar.Usec(u), c.timestamp, c.Location())
}

func (c *ctl) relative(u uint64) string {
	return calendar.FormatRelative(calendar.Usec(u), calendar.FromTime(c.Time()))
}

func (c *ctl) listAutomounts(_ string, args []string) int {
	return c.withManager(func(m *manager.Conn) int {
		c.page()
		units, err := c.selected(m, args, automountType)
		if err != nil {
			return 1
		}
		type automount struct {
			what, where, unit string
			mounted           bool
			idle              uint64
		}
		var all []automount
		for _, u := range units {
			a := automount{unit: u.Name}
			if a.where, err = m.GetString(u.Path, automountType.iface, "Where"); err != nil {
				return c.Fail("Failed to get automount target: %s", manager.Text(err))
			}
			if a.idle, err = m.GetUint64(u.Path, automountType.iface, "TimeoutIdleUSec"); err != nil {
				return c.Fail("Failed to get idle timeout: %s", manager.Text(err))
			}
			mount, err := unit.NameFromPath(a.where, unit.TypeMount)
			if err != nil {
				return c.Fail("Failed to generate unit name from path: Invalid argument")
			}
			if a.what, err = m.GetString(manager.UnitPath(mount), "org.freedesktop.systemd1.Mount", "What"); err != nil {
				return c.Fail("Failed to get mount source: %s", manager.Text(err))
			}
			state, err := m.GetString(manager.UnitPath(mount), manager.Unit, "ActiveState")
			if err != nil {
				return c.Fail("Failed to get mount state: %s", manager.Text(err))
			}
			a.mounted = state == "active"
			all = append(all, a)
		}
		slices.SortStableFunc(all, func(a, b automount) int { return strings.Compare(a.where, b.where) })
		t := applet.Table{Header: []string{"what", "where", "mounted", "idle timeout", "unit"}}
		for _, a := range all {
			yes := "no"
			if a.mounted {
				yes = "yes"
			}
			idle := applet.Cell{Text: calendar.Usec(a.idle).Format(calendar.Millisecond), Colour: applet.NoColour, JSON: a.idle}
			t.Add(applet.Text(a.what), applet.Text(a.where), applet.Cell{Text: yes, Colour: applet.NoColour, JSON: a.mounted}, idle, applet.Text(a.unit))
		}
		c.table(&t)
		c.legendOf("automount", len(all))
		return 0
	})
}
