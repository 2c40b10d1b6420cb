package systemctl

import (
	"fmt"
	"path/filepath"
	"strings"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/init/unitfiles"
	"keelson/supervise/unit"
)

// fileMethod is a verb's method of the manager, and which arguments it takes.
type fileMethod struct {
	method          string
	runtime, force  bool
	carries, silent bool // it tells whether there is an [Install] section; and whether that does not matter
}

var fileMethods = map[string]fileMethod{
	"enable":   {"EnableUnitFiles", true, true, true, false},
	"disable":  {"DisableUnitFiles", true, false, false, false},
	"reenable": {"ReenableUnitFiles", true, true, true, false},
	"link":     {"LinkUnitFiles", true, true, false, false},
	"preset":   {"PresetUnitFiles", true, true, true, true},
	"mask":     {"MaskUnitFiles", true, true, false, false},
	"unmask":   {"UnmaskUnitFiles", true, false, false, false},
	"revert":   {"RevertUnitFiles", false, false, false, false},
}

// enable is the verbs that change what unit files are linked (verb_enable of systemctl-enable.c).
func (c *ctl) enable(verb string, args []string) int {
	names, err := c.mangleFiles(args, "to "+verb)
	if err != nil {
		return 1
	}
	names, _, err = c.initScripts(verb, names)
	if err != nil {
		return 1
	}
	if len(names) == 0 { // all of them were SysV's
		if c.noReload || c.clientSide() {
			return 0
		}
		return c.reload("Reload")
	}
	switch verb {
	case "disable":
		names = c.baseNames(names)
	case "link":
		if names, err = c.absolute(names); err != nil {
			return 1
		}
	}
	installs, status := true, 0
	if c.clientSide() {
		installs, status = c.enableOffline(verb, names)
	} else {
		installs, status = c.enableOnline(verb, names)
	}
	if !installs && !c.quiet && !c.noWarn && !fileMethods[verb].silent && (verb == "enable" || verb == "reenable") {
		c.noteNoInstall()
	}
	if status == 0 && c.now && contains([]string{"enable", "disable", "mask", "reenable"}, verb) {
		return c.startNow(verb, names)
	}
	return status
}

// initScripts does for init scripts what a verb does for unit files, and returns the names that go on as unit files. states are the
// answers of is-enabled for the others. Errors have been told.
func (c *ctl) initScripts(verb string, names []string) (rest, states []string, err error) {
	if skip, _ := c.Flag("SYSTEMCTL_SKIP_SYSV"); skip || c.scope != systemScope {
		return names, nil, nil
	}
	if c.root != "" && !exists(c.root) {
		return nil, nil, c.refuse("Failed to initialize unit search paths for root directory %s: No such file or directory", c.root)
	}
	c.Flush()
	rest, states, err = c.installed().SysV(verb, names, c.say)
	if err != nil {
		c.Debugf("Failed to %s init scripts: %s", verb, applet.Cause(err))
	}
	return rest, states, err
}

// startNow is --now: what is enabled is started, what is not is stopped.
func (c *ctl) startNow(verb string, names []string) int {
	action := "stop"
	switch verb {
	case "enable":
		action = "start"
	case "reenable": // 253
		action = "restart"
	}
	bare := make([]string, len(names))
	for i, n := range names {
		bare[i] = filepath.Base(n)
	}
	return c.start(action, bare)
}

// baseNames makes names of paths.
func (c *ctl) baseNames(names []string) []string {
	paths := false
	for i, n := range names {
		if strings.Contains(n, "/") {
			names[i], paths = filepath.Base(n), true
		}
	}
	if paths {
		c.Warnf("Warning: Can't execute disable on the unit file path. Proceeding with the unit name.")
	}
	return names
}

// absolute makes the paths to link absolute.
func (c *ctl) absolute(names []string) ([]string, error) {
	for i, n := range names {
		switch {
		case filepath.IsAbs(n):
		case c.root != "":
			return nil, c.refuse("Non-absolute paths are not allowed when --root is used: %s", n)
		case !strings.Contains(n, "/"):
			return nil, c.refuse("Link argument must contain at least one directory separator.\n"+
				"If you intended to link a file in the current directory, try ./%s instead.", n)
		default:
			p, err := filepath.Abs(n)
			if err != nil {
				return nil, c.refuse("Failed to determine the working directory: %s", applet.Cause(err))
			}
			names[i] = p
		}
	}
	return names, nil
}

// enableOnline has the manager do it, and then reload. installs tells whether one of the files has an [Install] section; it is true if
// nobody knows.
func (c *ctl) enableOnline(verb string, names []string) (installs bool, status int) {
	m, err := c.connect()
	if err != nil {
		return true, 1
	}
	if verb == "mask" || verb == "unmask" {
		for _, n := range names {
			exists, err := c.exists(m, n)
			if err != nil {
				return true, 1
			}
			if !exists {
				c.Noticef("Unit %s does not exist, proceeding anyway.", n)
			}
		}
	}
	f := fileMethods[verb]
	method, params := f.method, []any{names}
	if verb == "preset" && c.presetMode != "full" {
		method, params = "PresetUnitFilesWithMode", append(params, c.presetMode)
	}
	if f.runtime {
		params = append(params, c.runtime)
	}
	if f.force {
		params = append(params, c.force > 0)
	}
	r, err := m.Manager(method, params...)
	if err != nil {
		return true, c.Fail("Failed to %s unit: %s", verb, manager.Text(err))
	}
	installs = true
	var rows []changeRow
	if f.carries {
		err = r.Store(&installs, &rows)
	} else {
		err = r.Store(&rows)
	}
	if err != nil {
		return true, c.Fail("Failed to parse bus message: %s", applet.Cause(err))
	}
	c.tellChanges(rows)
	if c.noReload {
		return installs, 0
	}
	return installs, c.reload("Reload")
}

// exists tells whether there is a unit of a name (unit_exists of systemctl-util.c). A template is no unit; its file is looked for.
func (c *ctl) exists(m *manager.Conn, name string) (bool, error) {
	if unit.ValidName(name, unit.TemplateName) {
		return c.findFile(name) != "", nil
	}
	p, err := m.GetAll(manager.UnitPath(name), "")
	if err != nil {
		c.Errorf("Failed to get properties: %s", manager.Text(err))
		return false, err
	}
	return p.String("LoadState") != "not-found" || p.String("ActiveState") != "inactive", nil
}

// findFile is where a unit's file is, "" if there is none.
func (c *ctl) findFile(name string) string {
	for _, dir := range searchPath() {
		path := filepath.Join(dir, name)
		if exists(c.Path(path)) {
			return path
		}
	}
	return ""
}

// searchPath is where unit files are looked for, in the order that Debian up to 12 names /lib and /usr/lib in.
func searchPath() []string { return unit.DefaultSearchPath(true) }

// changeRow is a change to unit files as the manager tells it.
type changeRow struct{ Kind, Path, Source string }

// tellChanges tells what the manager has done (install_changes_dump of src/shared/install.c). It tells of nothing that failed.
func (c *ctl) tellChanges(rows []changeRow) {
	for _, r := range rows {
		level, text := applet.Info, ""
		switch r.Kind {
		case "symlink":
			text = fmt.Sprintf("Created symlink %s %s %s.", r.Path, c.Glyph(applet.ArrowRight), r.Source)
		case "unlink":
			text = fmt.Sprintf("Removed \"%s\".", r.Path)
		case "masked":
			text = fmt.Sprintf("Unit %s is masked, ignoring.", r.Path)
		case "masked by generator":
			text = fmt.Sprintf("Unit %s is masked via a generator and cannot be unmasked.", r.Path)
		case "dangling":
			text = fmt.Sprintf("Unit %s is an alias to a unit that is not present, ignoring.", r.Path)
		case "destination not present":
			level, text = applet.Warning, fmt.Sprintf("Unit %s is added as a dependency to a non-existent unit %s.", r.Source, r.Path)
		case "auxiliary unit failed":
			level, text = applet.Warning, fmt.Sprintf("Failed to enable auxiliary unit %s, ignoring.", r.Path)
		default:
			c.Noticef("Manager reported unknown change type \"%s\" for path \"%s\", ignoring.", r.Kind, r.Path)
			continue
		}
		if !c.quiet {
			c.Log(level, "%s", text)
		}
	}
}

// noteNoInstall tells of files that nothing enables.
func (c *ctl) noteNoInstall() {
	b := c.Glyph(applet.Bullet)
	c.Noticef("%s", "The unit files have no installation config (WantedBy=, RequiredBy=, Also=,\n"+
		"Alias= settings in the [Install] section, and DefaultInstance= for template\n"+
		"units). This means they are not meant to be enabled using systemctl.\n \n"+
		"Possible reasons for having this kind of units are:\n"+
		b+" A unit may be statically enabled by being symlinked from another unit's\n"+
		"  .wants/ or .requires/ directory.\n"+
		b+" A unit's purpose may be to act as a helper for some other unit which has\n"+
		"  a requirement dependency on it.\n"+
		b+" A unit may be started when needed via activation (socket, path, timer,\n"+
		"  D-Bus, udev, scripted systemctl call, ...).\n"+
		b+" In case of template units, the unit is meant to be enabled with some\n"+
		"  instance name specified.")
}

// addDependency is add-wants and add-requires.
func (c *ctl) addDependency(verb string, args []string) int {
	target, err := c.mangle(args[0], "as target", false, unit.TypeTarget)
	if err != nil {
		return c.Fail("Failed to mangle unit name: Invalid argument")
	}
	names, err := c.mangleFiles(args[1:], "as dependency")
	if err != nil {
		return 1
	}
	kind := unitfiles.Wants
	if verb == "add-requires" {
		kind = unitfiles.Requires
	}
	if c.clientSide() {
		return c.addDependencyOffline(names, target, kind)
	}
	return c.changed("add dependency", "AddDependencyUnitFiles", names, target, kind.String(), c.runtime, c.force > 0)
}

func (c *ctl) presetAll(string, []string) int {
	if c.clientSide() {
		return c.presetAllOffline()
	}
	return c.changed("preset all units", "PresetAllUnitFiles", c.presetMode, c.runtime, c.force > 0)
}

// changed calls a method that changes unit files, tells what it did and reloads.
func (c *ctl) changed(what, method string, params ...any) int {
	return c.withManager(func(m *manager.Conn) int {
		r, err := m.Manager(method, params...)
		if err != nil {
			return c.Fail("Failed to %s: %s", what, manager.Text(err))
		}
		var rows []changeRow
		if err := r.Store(&rows); err != nil {
			return c.Fail("Failed to parse bus message: %s", applet.Cause(err))
		}
		c.tellChanges(rows)
		if c.noReload {
			return 0
		}
		return c.reload("Reload")
	})
}

// enabledStates are the states of unit files that is-enabled calls enabled.
var enabledStates = []string{"enabled", "enabled-runtime", "static", "alias", "indirect", "generated"}

// isEnabled prints the states of unit files. The exit status is 0 if one of them is enabled in some way, 4 if one cannot be found (253;
// before it was 1).
func (c *ctl) isEnabled(verb string, args []string) int {
	names, err := c.mangleFiles(args, "to check")
	if err != nil {
		return 1
	}
	names, states, err := c.initScripts(verb, names)
	if err != nil {
		return 1
	}
	enabled := contains(states, "enabled")
	if !c.quiet {
		c.puts(states)
	}
	for _, n := range names {
		state, links, status := c.fileState(n)
		if status != 0 {
			return status
		}
		enabled = enabled || contains(enabledStates, state)
		if !c.quiet {
			c.Puts(state)
			for _, l := range links {
				c.Printf("  %s\n", l)
			}
		}
	}
	if enabled {
		return 0
	}
	return 1
}

// fileState is the state of a unit file, and with --full what is linked to it.
func (c *ctl) fileState(name string) (state string, links []string, status int) {
	if c.clientSide() {
		return c.fileStateOffline(name)
	}
	m, err := c.connect()
	if err != nil {
		return "", nil, 1
	}
	r, err := m.Manager("GetUnitFileState", name)
	if err == nil {
		err = r.Store(&state)
	}
	if err != nil {
		return "", nil, c.Fail("Failed to get unit file state for %s: %s", name, manager.Text(err))
	}
	if c.full {
		r, err := m.Manager("GetUnitFileLinks", name, c.runtime)
		if err == nil {
			err = r.Store(&links)
		}
		if err != nil {
			return "", nil, c.Fail("Failed to get unit file links for %s: %s", name, manager.Text(err))
		}
	}
	return state, links, 0
}
