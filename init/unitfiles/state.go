package unitfiles

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/glob"
	"keelson/supervise/unit"
)

// A State is what is to be said of a unit file (systemctl(1), is-enabled).
type State uint8

// The states. Bad is only told by List.
const (
	Enabled State = iota
	EnabledRuntime
	Linked
	LinkedRuntime
	Alias
	Masked
	MaskedRuntime
	Static
	Disabled
	Indirect
	Generated
	Transient
	Bad
)

var states = [...]string{
	"enabled", "enabled-runtime", "linked", "linked-runtime", "alias", "masked", "masked-runtime", "static", "disabled", "indirect", "generated",
	"transient", "bad",
}

func (s State) String() string { return states[s] }

// IsEnabled tells whether systemctl is-enabled succeeds.
func (s State) IsEnabled() bool {
	return slices.Contains([]State{Enabled, EnabledRuntime, Static, Alias, Indirect, Generated}, s)
}

// State says what a unit file's state is. The error is a unix.Errno: ENOENT for no such unit, EINVAL for what is no name (unit_file_lookup_state).
func (r *Root) State(name string) (State, error) {
	if err := r.check(); err != nil {
		return Bad, err
	}
	if !unit.ValidName(name, unit.AnyName) {
		return Bad, unix.EINVAL
	}
	p := r.operation(Options{}).aside()
	f, err := p.discover(name, searching{read: true, follow: true})
	if err != nil {
		return Bad, err
	}
	dir := path.Dir(f.path)
	switch {
	case f.mode == maskedFile && isRuntime(dir):
		return MaskedRuntime, nil
	case f.mode == maskedFile:
		return Masked, nil
	case name != path.Base(f.path) && !unit.ValidName(f.name, unit.InstanceName):
		return Alias, nil
	case isGenerator(dir):
		return Generated, nil
	case dir == transientDir:
		return Transient, nil
	}
	// The links that enable would make come first. Others say that it is known by another name.
	state, ok, err := p.linksTo(f, true)
	if err != nil || ok {
		return state, err
	}
	_, ok, err = p.linksTo(f, false)
	switch {
	case err != nil:
		return Bad, err
	case ok:
		return Indirect, nil
	case f.hasRules():
		return Disabled, nil
	case len(f.also) > 0:
		return Indirect, nil
	}
	return Static, nil
}

// linksTo looks for links to a unit in all of the search path; own: only for those that its [Install] section wants (find_symlinks_in_scope).
func (p *operation) linksTo(f *file, own bool) (State, bool, error) {
	var sameConfig, sameRuntime, runtime, elsewhere, lower bool
	for _, dir := range p.search {
		found, same, err := p.linksIn(f, dir, own, lower)
		switch {
		case err != nil:
			return Bad, false, err
		case found && dir == configDir:
			return Enabled, true, nil
		case found && isRuntime(dir):
			runtime = true
		case found:
			elsewhere = true
		case same && dir == configDir:
			sameConfig = true
		case same && isRuntime(dir):
			sameRuntime = true
		}
		// What has the unit's own name further down is hidden by the unit.
		lower = lower || startsWith(f.path, dir)
	}
	switch {
	case runtime:
		return EnabledRuntime, true, nil
	case elsewhere && unit.ValidName(f.name, unit.InstanceName):
		return Static, true, nil // an instance that the vendor has linked
	case sameConfig:
		return Linked, true, nil
	case sameRuntime:
		return LinkedRuntime, true, nil
	}
	return Bad, false, nil
}

// linksIn looks into a folder of the search path and its folders of dependencies. same: there is a link of the unit's own name to its file (find_symlinks).
func (p *operation) linksIn(f *file, dir string, own, lower bool) (found, same bool, err error) {
	entries, err := p.readDir(dir)
	if passOver(err) {
		return false, false, nil
	} else if err != nil {
		return false, false, err
	}
	for _, e := range entries {
		switch path.Ext(e.Name()) {
		case ".wants", ".requires", ".upholds":
		default:
			continue
		}
		if !e.IsDir() {
			continue
		}
		links, _ := p.readDir(dir + "/" + e.Name())
		for _, l := range links {
			template, _ := unit.TemplateOf(l.Name())
			if l.Type() == fs.ModeSymlink && (l.Name() == f.name || template == f.name) && (!own || f.knows(l.Name())) {
				return true, false, nil
			}
		}
	}
	for _, e := range entries {
		if e.Type() != fs.ModeSymlink {
			continue
		}
		target, err := p.readLink(dir + "/" + e.Name())
		if err != nil {
			continue
		}
		byName, byTarget := !lower && e.Name() == f.name, path.Base(target) == f.name
		switch {
		case byName && byTarget:
			same = true
		case (byName || byTarget) && (!own || f.knows(e.Name())):
			return true, same, nil
		}
	}
	return false, same, nil
}

// knows tells whether a name is one that [Install] gives (is_symlink_with_known_name).
func (f *file) knows(name string) bool {
	if name == f.name || slices.Contains(f.install.Alias, name) {
		return true
	}
	if f.instance == "" || !unit.ValidName(f.name, unit.TemplateName) {
		return false
	}
	instance, err := unit.Instantiate(f.name, f.instance)
	return err == nil && instance == name
}

// A File is a line of systemctl list-unit-files.
type File struct {
	Path   string // with the root directory
	State  State
	Preset string // "enabled" or "disabled"; "" where a preset means nothing
}

// List lists unit files by type and name, of the states, or all if there are none, and by patterns of their names, likewise (unit_file_get_list; the
// order is systemctl's).
func (r *Root) List(states []State, patterns []string) ([]File, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	rules, presetErr := r.presets()
	seen := map[string]bool{}
	var list []File
	add := func(at string) {
		name := path.Base(at)
		if seen[name] || !unit.ValidName(name, unit.AnyName) || !matchesOne(patterns, name) {
			return
		}
		seen[name] = true
		state, err := r.State(name)
		if err != nil {
			state = Bad
		}
		if len(states) > 0 && !slices.Contains(states, state) {
			return
		}
		f := File{Path: r.shown(at), State: state}
		if !slices.Contains([]State{Alias, Static, Generated, Transient}, state) {
			f.Preset = "n/a"
			if presetErr == nil {
				f.Preset = presetWord(rules.enables(name))
			}
		}
		list = append(list, f)
	}
	for _, dir := range r.search {
		entries, err := r.readDir(dir)
		if passOver(err) {
			continue
		} else if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type() == fs.ModeSymlink || e.Type().IsRegular() {
				add(dir + "/" + e.Name())
			}
		}
	}
	for _, at := range r.allInMemory() {
		add(at)
	}
	slices.SortStableFunc(list, func(a, b File) int {
		if c := strings.Compare(strings.ToLower(path.Ext(a.Path)), strings.ToLower(path.Ext(b.Path))); c != 0 {
			return c
		}
		return strings.Compare(strings.ToLower(path.Base(a.Path)), strings.ToLower(path.Base(b.Path)))
	})
	return list, nil
}

func matchesOne(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return glob.MatchNoEscape(p, name) })
}
