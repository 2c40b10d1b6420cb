package systemctl

import (
	"os"
	"path/filepath"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

func isGlob(s string) bool { return strings.ContainsAny(s, "*?[") }

// mangle makes what a person typed a unit name; see applet.Host.Mangle.
func (c *ctl) mangle(s, operation string, globs bool, t unit.Type) (string, error) {
	return c.Mangle(s, operation, globs, t, c.quiet)
}

// mangleFiles is mangle for unit files: a path is made absolute (mangle_names of systemctl-util.c).
func (c *ctl) mangleFiles(names []string, operation string) ([]string, error) {
	var mangled []string
	for _, s := range names {
		if !strings.Contains(s, "/") {
			name, err := c.mangle(s, operation, false, unit.TypeService)
			if err != nil {
				return nil, c.refuse("Failed to mangle unit name or path '%s': Invalid argument", s)
			}
			mangled = append(mangled, name)
			continue
		}
		if !filepath.IsAbs(s) {
			dir, err := os.Getwd()
			if err != nil {
				return nil, c.refuse("Failed to mangle unit name or path '%s': %s", s, applet.Cause(err))
			}
			s = strings.TrimSuffix(dir, "/") + "/" + s
		}
		mangled = append(mangled, s)
	}
	return mangled, nil
}

// expand mangles names, and puts the units in memory that patterns match behind those that are named. globbed tells of patterns
// (expand_unit_names of systemctl-util.c).
func (c *ctl) expand(m *manager.Conn, names []string, t unit.Type) (units []string, globbed bool, err error) {
	var globs []string
	for _, s := range names {
		name, err := c.mangle(s, "", true, t)
		if err != nil {
			c.Errorf("Failed to mangle name: Invalid argument")
			c.Errorf("Failed to expand names: Invalid argument")
			return nil, false, errFailed
		}
		if isGlob(name) {
			globs = append(globs, name)
		} else {
			units = append(units, name)
		}
	}
	if len(globs) == 0 {
		return units, false, nil
	}
	infos, err := c.listed(m, globs)
	if err != nil {
		c.Errorf("Failed to expand names: %s", applet.Cause(err))
		return nil, true, errFailed
	}
	for _, u := range infos {
		units = append(units, u.Name)
	}
	return units, true, nil
}

// listed are the units in memory that match the patterns and the options (get_unit_list of systemctl-util.c).
func (c *ctl) listed(m *manager.Conn, patterns []string) ([]sd.UnitStatus, error) {
	r, err := m.Manager("ListUnitsByPatterns", orEmpty(c.states), orEmpty(patterns))
	if err != nil {
		c.Errorf("Failed to list units: %s", manager.Text(err))
		return nil, err
	}
	infos, err := unitInfos(r)
	if err != nil {
		c.Errorf("Failed to parse bus message: %s", applet.Cause(err))
		return nil, err
	}
	shown := infos[:0]
	for _, u := range infos {
		if c.shows(u) {
			shown = append(shown, u)
		}
	}
	return shown, nil
}

// unitInfos reads a list of units.
func unitInfos(r *manager.Reply) ([]sd.UnitStatus, error) {
	var rows [][]any
	if err := r.Store(&rows); err != nil {
		return nil, err
	}
	infos := make([]sd.UnitStatus, len(rows))
	for i, row := range rows {
		u := &infos[i]
		err := dbus.Store(row, &u.Name, &u.Description, &u.LoadState, &u.ActiveState, &u.SubState, &u.Followed, &u.Path, &u.JobId, &u.JobType, &u.JobPath)
		if err != nil {
			return nil, err
		}
	}
	return infos, nil
}

// shows tells whether a unit is of those that the options are about (output_show_unit of systemctl-util.c).
func (c *ctl) shows(u sd.UnitStatus) bool {
	switch {
	case len(c.types) > 0 && !contains(c.types, suffix(u.Name)):
		return false
	case c.all:
		return true
	case u.Followed != "":
		return false
	case len(c.states) > 0, u.JobId > 0:
		return true
	}
	return u.ActiveState != "inactive"
}

// suffix is the type that a unit's name ends in.
func suffix(name string) string {
	return name[strings.LastIndexByte(name, '.')+1:]
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

// orEmpty makes nil an empty list, which D-Bus has a type for.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// dependencyProperties are what list-dependencies follows (unit_get_dependencies of systemctl-util.c).
var dependencyProperties = [...][]string{
	forward: {"Requires", "Requisite", "Wants", "ConsistsOf", "BindsTo", "Upholds"},
	reverse: {"RequiredBy", "RequisiteOf", "WantedBy", "PartOf", "BoundBy", "UpheldBy"},
	after:   {"After"},
	before:  {"Before"},
}

// dependencies are the units that a unit depends on in the direction that the options say, each once, in the order the manager has them.
func (c *ctl) dependencies(m *manager.Conn, name string) ([]string, error) {
	all, err := m.GetAll(manager.UnitPath(name), manager.Unit)
	if err != nil {
		c.Errorf("Failed to get properties of %s: %s", name, manager.Text(err))
		return nil, err
	}
	var deps []string
	seen := map[string]bool{}
	for _, p := range all {
		if !contains(dependencyProperties[c.dependency], p.Name) {
			continue
		}
		list, _ := p.Value.Value().([]string)
		for _, d := range list {
			if !seen[d] {
				seen[d] = true
				deps = append(deps, d)
			}
		}
	}
	return deps, nil
}

// withDependencies puts each unit's dependencies behind it, if the options say so.
func (c *ctl) withDependencies(m *manager.Conn, names []string) []string {
	if !c.withDeps {
		return names
	}
	var all []string
	for _, n := range names {
		all = append(all, n)
		deps, err := c.dependencies(m, n)
		if err != nil {
			continue // told; the unit itself is still shown
		}
		for _, d := range deps {
			if !contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}

// activeState is a unit's, "" if the manager does not say; an error has been told.
func (c *ctl) activeState(m *manager.Conn, name string) (string, error) {
	s, err := m.GetString(manager.UnitPath(name), manager.Unit, "ActiveState")
	if err != nil {
		c.Errorf("Failed to retrieve unit state: %s", manager.Text(err))
		return "", err
	}
	if !contains(activeStates, s) {
		c.Errorf("Invalid unit state '%s' for: %s", s, name)
		return "", errFailed
	}
	return s, nil
}

// stateGlyphs are how states are drawn (unit_active_state_to_glyph of unit-def.c).
var stateGlyphs = map[string]applet.Glyph{
	"active": applet.BlackCircle, "reloading": applet.CircleArrow, "inactive": applet.WhiteCircle, "failed": applet.MultiplicationSign,
	"activating": applet.BlackCircle, "deactivating": applet.BlackCircle, "maintenance": applet.WhiteCircle,
}

// stateGlyph draws a state; an unknown one draws nothing.
func (c *ctl) stateGlyph(state string) string {
	if g, ok := stateGlyphs[state]; ok {
		return c.Glyph(g)
	}
	return ""
}
