package systemctl

import (
	"cmp"
	"slices"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// show prints a table the way -o says.
func (c *ctl) table(t *applet.Table) {
	t.NoHeader, t.Full = !c.hasLegend(), c.full
	switch {
	case !c.json():
		t.Print(c.Host)
	case c.output == "json-pretty":
		t.PrintJSON(c.Host, applet.JSONPretty)
	default:
		t.PrintJSON(c.Host, applet.JSONShort)
	}
}

// counted is the colour of a number of things: red for none.
func counted(n int) applet.Colour {
	if n == 0 {
		return applet.HighlightRed
	}
	return applet.Highlight
}

// legendOf ends a list of units of one kind (output_legend of systemctl-list-units.c).
func (c *ctl) legendOf(kind string, n int) {
	if !c.hasLegend() {
		return
	}
	c.Printf("\n%s%d %ss listed.%s\n", c.Colour(counted(n)), n, kind, c.Colour(applet.Normal))
	if !c.all {
		c.Printf("Pass --all to see loaded but inactive %ss, too.\n", kind)
	}
}

// byTypeAndName orders units as lists show them (unit_info_compare of src/shared/bus-unit-util.c).
func byTypeAndName(a, b sd.UnitStatus) int {
	return cmp.Or(caseless(suffix(a.Name), suffix(b.Name)), caseless(a.Name, b.Name))
}

// caseless compares as strcasecmp(3) does in the C locale.
func caseless(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if d := int(lower(a[i])) - int(lower(b[i])); d != 0 {
			return d
		}
	}
	return len(a) - len(b)
}

func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

func (c *ctl) listUnits(_ string, patterns []string) int {
	return c.withManager(func(m *manager.Conn) int {
		c.page()
		units, err := c.listed(m, c.withDependencies(m, patterns))
		if err != nil {
			return 1
		}
		slices.SortStableFunc(units, byTypeAndName)
		c.printUnits(units)
		return 0
	})
}

// unitColours are the colours of a unit's row: the circle, the load state, all else but the job and the description; and whether there
// is a circle (output_units_list).
func (c *ctl) unitColours(u sd.UnitStatus) (circle, load, active applet.Colour, marked bool) {
	switch {
	case c.plain:
	case contains([]string{"error", "not-found", "bad-setting", "masked"}, u.LoadState):
		return applet.HighlightYellow, applet.HighlightRed, applet.NoColour, true
	case u.ActiveState == "failed":
		return applet.HighlightRed, applet.NoColour, applet.HighlightRed, true
	}
	return applet.NoColour, applet.NoColour, applet.NoColour, false
}

func (c *ctl) printUnits(units []sd.UnitStatus) {
	t := applet.Table{Header: []string{"", "unit", "load", "active", "sub", "job", "description"}, Hidden: make([]bool, 7)}
	t.Hidden[0] = c.plain
	jobs := 0
	for i, u := range units {
		last := i+1 < len(units) && suffix(u.Name) != suffix(units[i+1].Name)
		circle, load, active, marked := c.unitColours(u)
		sign := " "
		if marked {
			sign = c.Glyph(applet.BlackCircle)
		}
		job := ""
		if u.JobId != 0 {
			job = u.JobType
			jobs++
		}
		// A row that is coloured has no underline but where it says its own state.
		cell := func(s string, colour applet.Colour, under bool) applet.Cell {
			return applet.Cell{Text: s, Colour: colour, Under: last && under, Gap: true}
		}
		loadBad := load != applet.NoColour
		activeBad := active != applet.NoColour
		t.Add(cell(sign, circle, true),
			cell(u.Name, active, !loadBad),
			cell(u.LoadState, load, !activeBad || loadBad),
			cell(u.ActiveState, active, !loadBad),
			cell(u.SubState, active, !loadBad),
			cell(job, applet.NoColour, true),
			cell(u.Description, applet.NoColour, true))
	}
	t.Hidden[5] = jobs == 0
	c.table(&t)
	if c.hasLegend() {
		c.unitsLegend(len(units), jobs)
	}
}

func (c *ctl) unitsLegend(n, jobs int) {
	if n > 0 {
		c.Puts("\nLOAD   = Reflects whether the unit definition was properly loaded.\n" +
			"ACTIVE = The high-level unit activation state, i.e. generalization of SUB.\n" +
			"SUB    = The low-level unit activation state, values depend on unit type.")
		if jobs > 0 {
			c.Puts("JOB    = Pending job for the unit.\n")
		}
	}
	on, off, grey := c.Colour(counted(n)), c.Colour(applet.Normal), c.Colour(applet.Grey)
	const files = "To show all installed unit files use 'systemctl list-unit-files'."
	switch {
	case c.all || contains(c.states, "inactive"):
		c.Printf("%s%d loaded units listed.%s\n%s%s%s\n", on, n, off, grey, files, off)
	case len(c.states) == 0:
		c.Printf("%s%d loaded units listed.%s %sPass --all to see loaded but inactive units, too.%s\n%s%s%s\n", on, n, off, grey, off, grey, files, off)
	default:
		c.Printf("%d loaded units listed.\n", n)
	}
}

// selected are the units of one type in memory that the arguments select; without arguments all. An empty selection is told from none:
// patterns that match nothing select nothing.
func (c *ctl) selected(m *manager.Conn, args []string, t sdType) ([]sd.UnitStatus, error) {
	names, _, err := c.expand(m, args, t.unit)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 && len(names) == 0 {
		return nil, nil
	}
	all, err := c.listed(m, names)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(u sd.UnitStatus) bool { return !strings.HasSuffix(u.Name, t.unit.Suffix()) }), nil
}
