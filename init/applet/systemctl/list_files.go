package systemctl

import (
	"cmp"
	"path/filepath"
	"slices"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// unitFile is an installed unit file: its path and its state.
type unitFile struct{ path, state string }

// hasPreset tells of the states beside which a preset says something (show_preset_for_state of systemctl-util.c).
func hasPreset(state string) bool {
	return !contains([]string{"alias", "static", "generated", "transient"}, state)
}

func (c *ctl) listUnitFiles(_ string, patterns []string) int {
	var files []unitFile
	var status int
	if c.clientSide() {
		files, status = c.filesOffline(patterns)
	} else {
		files, status = c.filesOnline(patterns)
	}
	if status != 0 {
		return status
	}
	if len(c.types) > 0 {
		files = slices.DeleteFunc(files, func(f unitFile) bool { return !contains(c.types, suffix(f.path)) })
	}
	slices.SortStableFunc(files, func(a, b unitFile) int {
		return cmp.Or(caseless(suffix(a.path), suffix(b.path)), caseless(filepath.Base(a.path), filepath.Base(b.path)))
	})
	c.page()
	c.printFiles(files)
	if len(files) == 0 {
		return 1
	}
	return 0
}

func (c *ctl) filesOnline(patterns []string) ([]unitFile, int) {
	m, err := c.connect()
	if err != nil {
		return nil, 1
	}
	r, err := m.Manager("ListUnitFilesByPatterns", orEmpty(c.states), orEmpty(c.withDependencies(m, patterns)))
	if err != nil {
		return nil, c.Fail("Failed to list unit files: %s", manager.Text(err))
	}
	var rows []struct{ Path, State string }
	if err := r.Store(&rows); err != nil {
		return nil, c.Fail("Failed to parse bus message: %s", applet.Cause(err))
	}
	files := make([]unitFile, len(rows))
	for i, f := range rows {
		files[i] = unitFile{f.Path, f.State}
	}
	return files, 0
}

func (c *ctl) printFiles(files []unitFile) {
	t := applet.Table{Header: []string{"unit file", "state", "preset"}}
	installed := c.installed()
	for i, f := range files {
		last := i+1 < len(files) && suffix(f.path) != suffix(files[i+1].path)
		cell := func(s string, colour applet.Colour) applet.Cell {
			return applet.Cell{Text: s, Colour: colour, Under: last, Gap: true}
		}
		colour := applet.NoColour
		switch f.state {
		case "masked", "masked-runtime", "disabled", "bad":
			colour = applet.HighlightRed
		case "enabled", "alias":
			colour = applet.HighlightGreen
		}
		name := filepath.Base(f.path)
		third := applet.Cell{Empty: true, Colour: applet.Grey, Under: last, Gap: true}
		if hasPreset(f.state) {
			switch preset, err := installed.PresetOf(name); {
			case err != nil && last:
				third = cell("n/a", applet.NoColour)
			case err != nil:
				third = cell("n/a", applet.Normal)
			case preset == "enabled":
				third = cell(preset, applet.HighlightGreen)
			default:
				third = cell(preset, applet.HighlightRed)
			}
		}
		t.Add(cell(name, applet.NoColour), cell(f.state, colour), third)
	}
	c.table(&t)
	if c.hasLegend() {
		c.Printf("\n%d unit files listed.\n", len(files))
	}
}
