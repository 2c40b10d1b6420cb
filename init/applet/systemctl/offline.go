package systemctl

import (
	"strings"
	"syscall"

	"keelson/init/applet"
	"keelson/init/unitfiles"
)

// errNotBooted is the lack of a manager, errNoMachines of machines beside this one.
var (
	errNotBooted  error = syscall.EHOSTDOWN
	errNoMachines error = syscall.EHOSTDOWN
)

// installed are the unit files of the root directory that the options name, as they lie there.
func (c *ctl) installed() *unitfiles.Root {
	root := c.root
	if c.Root != "" {
		root = c.Path(root)
	}
	r := unitfiles.New(root)
	r.Warn = func(text string) { c.Warnf("%s", text) }
	return r
}

func (c *ctl) fileOptions() unitfiles.Options {
	return unitfiles.Options{Runtime: c.runtime, Force: c.force > 0}
}

// say tells a line of unitfiles: its arrow is a glyph.
func (c *ctl) say(l unitfiles.Line) {
	level := applet.Level(l.Priority)
	if c.quiet && level > applet.Err {
		return
	}
	c.Log(level, "%s", strings.Replace(l.Text, " → ", " "+c.Glyph(applet.ArrowRight)+" ", 1))
}

// done tells what has been changed, and returns the exit status. verb is for failures.
func (c *ctl) done(verb string, changes []unitfiles.Change, err error) int {
	for _, l := range unitfiles.Lines(verb, changes, err) {
		c.say(l)
	}
	if err != nil {
		return 1
	}
	return 0
}

// enableOffline is enableOnline on files alone.
func (c *ctl) enableOffline(verb string, names []string) (installs bool, status int) {
	r, o := c.installed(), c.fileOptions()
	var changes []unitfiles.Change
	var err error
	installs = true
	switch verb {
	case "enable":
		changes, installs, err = r.Enable(names, o)
	case "reenable":
		changes, installs, err = r.Reenable(names, o)
	case "disable":
		changes, err = r.Disable(names, o)
	case "link":
		changes, err = r.Link(names, o)
	case "preset":
		mode, _ := unitfiles.ParsePresetMode(c.presetMode)
		changes, installs, err = r.Preset(names, mode, o)
	case "mask":
		changes, err = r.Mask(names, o)
	case "unmask":
		changes, err = r.Unmask(names, o)
	case "revert":
		changes, err = r.Revert(names, o)
	}
	status = c.done(verb, changes, err)
	return installs || status != 0, status
}

func (c *ctl) addDependencyOffline(names []string, target string, d unitfiles.Dependency) int {
	changes, err := c.installed().AddDependency(names, target, d, c.fileOptions())
	return c.done("add dependency on", changes, err)
}

func (c *ctl) presetAllOffline() int {
	mode, _ := unitfiles.ParsePresetMode(c.presetMode)
	changes, err := c.installed().PresetAll(mode, c.fileOptions())
	return c.done("preset", changes, err)
}

func (c *ctl) setDefaultOffline(name string) int {
	changes, err := c.installed().SetDefault(name, unitfiles.Options{Force: true})
	return c.done("set default", changes, err)
}

func (c *ctl) defaultOffline() (string, error) {
	name, err := c.installed().GetDefault()
	switch {
	case err == syscall.ERFKILL:
		err = c.refuse("Failed to get default target: Unit file is masked.")
	case err != nil:
		err = c.refuse("Failed to get default target: %s", applet.Cause(err))
	}
	return name, err
}

// fileStateOffline is fileState on files alone.
func (c *ctl) fileStateOffline(name string) (state string, links []string, status int) {
	r := c.installed()
	s, err := r.State(name)
	if err != nil {
		return "", nil, c.Fail("Failed to get unit file state for %s: %s", name, applet.Cause(err))
	}
	if c.full {
		if links, err = r.Links(name, c.runtime); err != nil {
			return "", nil, c.Fail("Failed to get file links for %s: %s", name, applet.Cause(err))
		}
	}
	return s.String(), links, 0
}

// filesOffline is filesOnline on files alone.
func (c *ctl) filesOffline(patterns []string) ([]unitFile, int) {
	var states []unitfiles.State
	for s := unitfiles.Enabled; s <= unitfiles.Bad; s++ {
		if contains(c.states, s.String()) {
			states = append(states, s)
		}
	}
	if len(c.states) > 0 && len(states) == 0 {
		return nil, 0 // states that no file is ever in
	}
	list, err := c.installed().List(states, patterns)
	if err != nil {
		return nil, c.Fail("Failed to get unit file list: %s", applet.Cause(err))
	}
	files := make([]unitFile, len(list))
	for i, f := range list {
		files[i] = unitFile{f.Path, f.State.String()}
	}
	return files, 0
}
