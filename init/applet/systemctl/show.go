package systemctl

import (
	"slices"
	"strconv"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// A showing is one run of show, status or help: they differ in what becomes of each unit.
type showing struct {
	*ctl
	m       *manager.Conn
	verb    string
	shown   bool // something was: a blank line comes first
	cut     bool // a line was shortened
	status  int
	aborted bool
}

// show is the verbs show, status and help (verb_show of systemctl-show.c).
func (c *ctl) show(name string, args []string) int {
	if name == "help" && len(args) == 0 {
		return c.Fail("'help' command expects one or more unit names.\n(Alternatively, help for systemctl itself may be shown with --help)")
	}
	return c.withManager(func(m *manager.Conn) int {
		c.page()
		s := &showing{ctl: c, m: m, verb: name}
		if len(args) == 0 {
			s.unnamed()
		} else {
			s.named(args)
		}
		if s.cut && !c.quiet {
			c.Puts("Hint: Some lines were ellipsized, use -l to show in full.")
		}
		return s.status
	})
}

// failed keeps the first status that is not 0.
func (s *showing) failed(status int) {
	if s.status == 0 {
		s.status = status
	}
}

// abort ends the program with a failure that has been told.
func (s *showing) abort() {
	s.status, s.aborted = 1, true
}

// unnamed shows the manager, or the units that options select.
func (s *showing) unnamed() {
	selective := len(s.states) > 0 || len(s.types) > 0
	if !selective {
		if s.verb == "show" {
			s.one(manager.Root, "")
			return
		}
		if !s.systemStatus() {
			return
		}
		s.shown = true
	}
	if s.all || selective {
		units, err := s.listed(s.m, nil)
		if err != nil {
			s.abort()
			return
		}
		slices.SortStableFunc(units, byTypeAndName)
		for _, u := range units {
			if s.one(manager.UnitPath(u.Name), u.Name); s.aborted {
				return
			}
		}
	}
}

// named shows jobs or processes by number, then units.
func (s *showing) named(args []string) {
	var patterns []string
	for _, a := range args {
		id, err := strconv.ParseUint(a, 10, 32)
		switch {
		case err != nil:
			patterns = append(patterns, a)
			continue
		case s.verb == "show":
			s.one(manager.Root+"/job/"+dbus.ObjectPath(strconv.FormatUint(id, 10)), "")
		default:
			path, err := s.unitOf(uint32(id))
			if err != nil {
				s.status = 1
				continue
			}
			s.one(path, manager.NameOf(path))
		}
		if s.aborted {
			return
		}
	}
	if len(patterns) == 0 {
		return
	}
	names, _, err := s.expand(s.m, patterns, unit.TypeService)
	if err != nil {
		s.abort()
		return
	}
	for _, n := range s.withDependencies(s.m, names) {
		if s.one(manager.UnitPath(n), n); s.aborted {
			return
		}
	}
}

// unitOf is the unit of a process; an error has been told.
func (c *ctl) unitOfProcess(m *manager.Conn, pid uint32) (dbus.ObjectPath, error) {
	var path dbus.ObjectPath
	r, err := m.Manager("GetUnitByPID", pid)
	if err == nil {
		err = r.Store(&path)
	}
	if err != nil {
		c.Errorf("Failed to get unit for PID %d: %s", pid, manager.Text(err))
	}
	return path, err
}

func (s *showing) unitOf(pid uint32) (dbus.ObjectPath, error) { return s.unitOfProcess(s.m, pid) }

// one shows one object; name is its unit's, "" for what is none (show_one).
func (s *showing) one(path dbus.ObjectPath, name string) {
	all, err := s.m.GetAll(path, "")
	if err != nil {
		s.Errorf("Failed to get properties: %s", manager.Text(err))
		s.abort()
		return
	}
	if name != "" && all.String("LoadState") == "not-found" && all.String("ActiveState") == "inactive" && s.verb != "show" {
		s.Errorf("Unit %s could not be found.", name)
		if s.verb == "status" {
			s.failed(statusUnknown)
		} else {
			s.abort()
		}
		return
	}
	if s.shown {
		s.Print("\n")
	}
	s.shown = true
	switch s.verb {
	case "status":
		v := statusView{showing: s, p: all}
		v.print()
		if state := all.String("ActiveState"); state != "" && state != "active" && state != "reloading" {
			s.failed(statusNotRunning)
		}
	case "help":
		s.manual(all)
	default:
		s.properties(all)
	}
}

// systemStatus shows the manager's state and all processes. false says that it could not, and has told so.
func (s *showing) systemStatus() bool {
	p, err := s.m.GetAll(manager.Root, manager.Interface)
	if err != nil {
		s.Errorf("Failed to read server status: %s", manager.Text(err))
		s.abort()
		return false
	}
	state := p.String("SystemState")
	colour := applet.HighlightYellow
	switch state {
	case "degraded":
		colour = applet.HighlightRed
	case "running":
		colour = applet.HighlightGreen
	}
	s.Printf("%s%s%s %s\n", s.Colour(colour), s.Glyph(applet.BlackCircle), s.Colour(applet.Normal), hostname())
	s.Printf("    State: %s%s%s\n", s.Colour(colour), orNA(state), s.Colour(applet.Normal))
	s.Printf("    Units: %d loaded (incl. loaded aliases)\n", p.Uint32("NNames"))
	s.Printf("     Jobs: %d queued\n", p.Uint32("NJobs"))
	s.Printf("   Failed: %d units\n", p.Uint32("NFailedUnits"))
	since := p.Uint64("UserspaceTimestamp", 0)
	s.Printf("    Since: %s; %s\n", orNull(s.timestampText(since)), orNull(s.relative(since)))
	s.Printf("  systemd: %s\n", p.String("Version"))
	if t := p.String("Tainted"); t != "" {
		s.Printf("  Tainted: %s\n", s.Paint(applet.HighlightYellow, t))
	}
	group := p.String("ControlGroup")
	s.Printf("   CGroup: %s\n", orRoot(group))
	if err := s.processes("-.slice", group, "           "); err != nil {
		s.Warnf("Failed to dump process list for '%s', ignoring: %s", hostname(), manager.Text(err))
	}
	return true
}

func orNA(s string) string {
	if s == "" {
		return "n/a"
	}
	return s
}

// orNull is what the C library prints of a text that is none.
func orNull(s string) string {
	if s == "" {
		return "(null)"
	}
	return s
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// spanText is a length of time to an accuracy, both in microseconds.
func spanText(u uint64, accuracy calendar.Usec) string { return calendar.Usec(u).Format(accuracy) }
