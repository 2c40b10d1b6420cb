package systemctl

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

// errMasked and errNotLoaded are units whose files are not to be had from the manager.
var (
	errMasked    = errors.New("masked")
	errNotLoaded = errors.New("not loaded")
)

// files are where a unit is defined.
type files struct {
	fragment string
	dropIns  []string
}

func (f files) none() bool { return f.fragment == "" && len(f.dropIns) == 0 }

// filesOf asks the manager for a unit's files; those of a template, which is no unit, are looked for. Other errors than errMasked and
// errNotLoaded have been told (unit_find_paths of systemctl-util.c).
func (c *ctl) filesOf(m *manager.Conn, name string) (files, error) {
	var f files
	if unit.ValidName(name, unit.TemplateName) || c.clientSide() {
		return c.filesHere(name), nil
	}
	path := manager.UnitPath(name)
	state, err := m.GetString(path, manager.Unit, "LoadState")
	switch {
	case err != nil:
		return f, c.refuse("Failed to get LoadState: %s", manager.Text(err))
	case state == "masked":
		return f, errMasked
	case state == "not-found":
		return f, nil
	case state != "loaded" && state != "bad-setting":
		return f, errNotLoaded
	}
	if f.fragment, err = m.GetString(path, manager.Unit, "FragmentPath"); err != nil {
		return f, c.refuse("Failed to get FragmentPath: %s", manager.Text(err))
	}
	if f.dropIns, err = m.GetStrings(path, manager.Unit, "DropInPaths"); err != nil {
		return f, c.refuse("Failed to get DropInPaths: %s", manager.Text(err))
	}
	return f, nil
}

// filesHere looks for a unit's files without the manager: the first fragment of its name, of its template's, and all drop-ins.
func (c *ctl) filesHere(name string) files {
	var f files
	names := []string{name}
	if t, ok := unit.TemplateOf(name); ok {
		names = append(names, t)
	}
	found := map[string]string{}
	for _, n := range names {
		if f.fragment == "" {
			f.fragment = c.findFile(n)
		}
		for _, dir := range searchPath() {
			d := filepath.Join(dir, n+".d")
			entries, err := os.ReadDir(c.Path(d))
			if err != nil {
				continue
			}
			for _, e := range entries {
				if filepath.Ext(e.Name()) == ".conf" && found[e.Name()] == "" {
					found[e.Name()] = filepath.Join(d, e.Name())
				}
			}
		}
	}
	order := make([]string, 0, len(found))
	for n := range found {
		order = append(order, n)
	}
	slices.Sort(order)
	for _, n := range order {
		f.dropIns = append(f.dropIns, found[n])
	}
	return f
}

// cat prints unit files (verb_cat of systemctl-edit.c).
func (c *ctl) cat(_ string, args []string) int {
	if len(c.states) == 0 {
		c.all = true
	}
	if c.remote != "" {
		return c.Fail("Cannot remotely cat units.")
	}
	return c.withManager(func(m *manager.Conn) int {
		names, _, err := c.expand(m, args, unit.TypeService)
		if err != nil {
			return 1
		}
		c.page()
		status, first := 0, true
		for _, n := range c.withDependencies(m, names) {
			f, err := c.filesOf(m, n)
			switch {
			case errors.Is(err, errMasked):
				c.Printf("%s# Unit %s is masked%s.\n", c.Colour(applet.HighlightMagenta), n, c.Colour(applet.Normal))
				continue
			case errors.Is(err, errNotLoaded):
				c.Printf("%s# Unit %s could not be loaded.%s\n", c.Colour(applet.HighlightMagenta), n, c.Colour(applet.Normal))
				continue
			case err != nil:
				return 1
			case f.none():
				if c.force == 0 {
					c.Errorf("No files found for %s.", n)
				}
				status = 1
				continue
			}
			if !first {
				c.Print("\n")
			}
			first = false
			if c.changedOnDisk(m, n) {
				c.warnOutdated(n)
			}
			if err := c.catFiles(f); err != nil {
				return 1
			}
		}
		return status
	})
}

// warnOutdated is warnChanged in the form of a comment, among files.
func (c *ctl) warnOutdated(name string) {
	red := c.Colour(applet.HighlightRed)
	c.Flush()
	_, _ = io.WriteString(c.Stderr, red+"# Warning: "+name+" changed on disk, the version systemd has loaded is outdated.\n"+
		red+"# This output shows the current version of the unit's original fragment and drop-in files.\n"+
		red+"# If fragments or drop-ins were added or removed, they are not properly reflected in this output.\n"+
		red+"# Run 'systemctl"+c.userOption()+" daemon-reload' to reload units."+c.Colour(applet.Normal)+"\n")
}

// catFiles prints a fragment and its drop-ins, each under its path (cat_files of src/shared/pretty-print.c).
func (c *ctl) catFiles(f files) error {
	all := f.dropIns
	if f.fragment != "" {
		all = append([]string{f.fragment}, all...)
	}
	for i, path := range all {
		if err := c.catFile(path, i > 0); err != nil {
			c.Warnf("Failed to cat %s: %s", path, applet.Cause(err))
			return err
		}
	}
	return nil
}

func (c *ctl) catFile(path string, gap bool) error {
	in, err := os.Open(c.Path(path))
	if err != nil {
		return err
	}
	defer in.Close()
	if gap {
		c.Print("\n")
	}
	c.Printf("%s# %s%s\n", c.Colour(applet.HighlightBlue), c.FileLink(path, ""), c.Colour(applet.Normal))
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			c.Print(line)
			if line[len(line)-1] != '\n' {
				c.Print("\n")
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
