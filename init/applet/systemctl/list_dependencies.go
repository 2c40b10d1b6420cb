package systemctl

import (
	"slices"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

func (c *ctl) listDependencies(_ string, patterns []string) int {
	return c.withManager(func(m *manager.Conn) int {
		units := []string{"default.target"}
		if len(patterns) > 0 {
			var err error
			if units, _, err = c.expand(m, patterns, unit.TypeService); err != nil {
				return 1
			}
		}
		c.page()
		w := dependencyTree{c: c, m: m}
		for i, u := range units {
			if i > 0 {
				c.Print("\n")
			}
			c.Puts(u)
			if w.below(u, nil) != nil {
				return 1
			}
		}
		return 0
	})
}

// dependencyTree prints what a unit depends on, and what that does. With --plain each unit is shown once in all; in a tree each is shown
// wherever it is needed, unless that is below itself.
type dependencyTree struct {
	c     *ctl
	m     *manager.Conn
	shown []string // the units above, or with --plain all so far
}

func isTarget(name string) bool { return unit.TypeOf(name) == unit.TypeTarget }

// below prints the tree under a unit. open says for each level above whether it goes on (list_dependencies_one of
// systemctl-list-dependencies.c).
func (w *dependencyTree) below(name string, open []bool) error {
	w.shown = append(w.shown, name)
	deps, err := w.c.dependencies(w.m, name)
	if err != nil {
		return err
	}
	slices.SortStableFunc(deps, func(a, b string) int {
		switch x, y := isTarget(a), isTarget(b); {
		case x && !y:
			return 1
		case y && !x:
			return -1
		}
		return caseless(a, b)
	})
	circular := false
	for i, d := range deps {
		if contains(w.shown, d) {
			circular = true
			continue
		}
		last := i == len(deps)-1
		w.sign(d)
		w.line(d, open, last && !circular)
		if w.c.all || isTarget(d) {
			if err := w.below(d, append(slices.Clip(open), !last)); err != nil {
				return err
			}
		}
	}
	if circular && !w.c.plain {
		w.c.Print("  ")
		w.line("...", open, true)
	}
	if !w.c.plain {
		w.shown = slices.DeleteFunc(w.shown, func(s string) bool { return s == name })
	}
	return nil
}

// sign prints the state of a unit as a glyph.
func (w *dependencyTree) sign(name string) {
	c := w.c
	if c.plain {
		c.Print("  ")
		return
	}
	colour := applet.HighlightRed
	state, err := c.activeState(w.m, name)
	switch state {
	case "active", "reloading", "activating":
		colour = applet.HighlightGreen
	case "inactive", "deactivating":
		colour = applet.Normal
	}
	glyph := c.stateGlyph(state)
	if err != nil {
		glyph = "" // told
	}
	c.Printf("%s%s%s ", c.Colour(colour), glyph, c.Colour(applet.Normal))
}

// line prints the branches and a name, cut to the terminal.
func (w *dependencyTree) line(name string, open []bool, last bool) {
	c := w.c
	width := max(c.Columns(), 20)
	used := 0
	if !c.plain {
		for i := 0; i <= len(open); i++ {
			if used += 2; used > width-3 && !c.full {
				if width%2 == 0 {
					c.Print(" ")
				}
				c.Puts("...")
				return
			}
			switch {
			case i < len(open) && open[i]:
				c.Print(c.Glyph(applet.TreeVertical))
			case i < len(open):
				c.Print(c.Glyph(applet.TreeSpace))
			case last:
				c.Print(c.Glyph(applet.TreeRight))
			default:
				c.Print(c.Glyph(applet.TreeBranch))
			}
		}
	}
	if !c.full {
		name = c.Ellipsize(name, width-used, 100)
	}
	c.Puts(name)
}
