package unitfiles

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/glob"
	"keelson/supervise/unit"
)

// Presets say which units a distribution wants enabled (systemd.preset(5)): the first line that fits a name decides, and what no line fits is enabled.

// presetDirs are where they are, the most important first.
var presetDirs = []string{
	"/etc/systemd/system-preset", "/run/systemd/system-preset", "/usr/local/lib/systemd/system-preset", "/usr/lib/systemd/system-preset",
	"/lib/systemd/system-preset",
}

// A PresetMode says which half of the presets to follow (systemctl(1), --preset-mode=).
type PresetMode uint8

// The preset modes.
const (
	PresetFull PresetMode = iota
	PresetEnableOnly
	PresetDisableOnly
)

var presetModes = [...]string{"full", "enable-only", "disable-only"}

func (m PresetMode) String() string { return presetModes[m] }

// ParsePresetMode reads a mode by its name.
func ParsePresetMode(s string) (PresetMode, bool) {
	i := slices.Index(presetModes[:], s)
	return PresetMode(max(i, 0)), i >= 0
}

type presetRule struct {
	enable    bool
	pattern   string
	instances []string // of a template: which are enabled
}

type presetRules []presetRule

// presets reads all preset files: a name counts once, in the most important folder.
func (r *Root) presets() (presetRules, error) {
	var rules presetRules
	for _, at := range r.configFiles(presetDirs, ".preset") {
		if null, err := r.masks(at); err == unix.ENOENT || null {
			continue
		}
		text, err := r.readFile(at)
		if err == unix.ENOENT {
			continue
		} else if err != nil {
			return nil, err
		}
		for i, line := range strings.Split(text, "\n") {
			rule, ok := parsePreset(line)
			if ok && rule.pattern != "" {
				rules = append(rules, rule)
			} else if !ok {
				r.warn(fmt.Sprintf("%s:%d: Couldn't parse line '%s'. Ignoring.", r.shown(at), i+1, line))
			}
		}
	}
	return rules, nil
}

// parsePreset reads a line. A comment is a rule without a pattern; false is for what is no rule.
func parsePreset(line string) (presetRule, bool) {
	words := strings.Fields(line)
	if len(words) == 0 || strings.ContainsAny(words[0][:1], "#;") {
		return presetRule{}, true
	}
	if len(words) < 2 {
		return presetRule{}, false
	}
	rule := presetRule{enable: words[0] == "enable", pattern: words[1]}
	switch {
	case rule.enable && len(words) > 2:
		if !unit.ValidName(rule.pattern, unit.TemplateName) {
			return presetRule{}, false
		}
		rule.instances = words[2:]
	case words[0] == "disable": // the rest of the line is the pattern
		rule.pattern = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "disable"))
	case !rule.enable:
		return presetRule{}, false
	}
	return rule, true
}

// enables says whether a unit is to be enabled.
func (p presetRules) enables(name string) bool {
	enable, _ := p.query(name, false)
	return enable
}

// query says too which instances of a template are, if it is asked to know them: the rules for them count for an instance, too, only then
// (query_presets).
func (p presetRules) query(name string, instances bool) (enable bool, list []string) {
	template, _ := unit.TemplateOf(name)
	_, instance, _, _, _ := unit.SplitName(name)
	for _, rule := range p {
		if instances && rule.instances != nil && rule.pattern == template {
			if name == template {
				for _, i := range rule.instances {
					if n, err := unit.Instantiate(name, i); err == nil {
						list = append(list, n)
					}
				}
				return true, list
			}
			if slices.Contains(rule.instances, instance) {
				return true, nil
			}
		}
		if glob.MatchNoEscape(rule.pattern, name) {
			return rule.enable, nil
		}
	}
	return true, nil
}

func presetWord(enable bool) string {
	if enable {
		return "enabled"
	}
	return "disabled"
}

// PresetOf says what the presets want of a unit: "enabled" or "disabled".
func (r *Root) PresetOf(name string) (string, error) {
	if err := r.check(); err != nil {
		return "", err
	}
	if !unit.ValidName(name, unit.AnyName) {
		return "", unix.EINVAL
	}
	rules, err := r.presets()
	if err != nil {
		return "", err
	}
	return presetWord(rules.enables(name)), nil
}

// PresetEnables gives the patterns of the lines that enable something. Which line decides on a unit is for PresetOf to say.
func (r *Root) PresetEnables() (patterns []string, err error) {
	rules, err := r.presets()
	for _, rule := range rules {
		if rule.enable {
			patterns = append(patterns, rule.pattern)
		}
	}
	return patterns, err
}

// presetting is two operations: what is to be enabled and what is to be disabled.
type presetting struct {
	plus, minus *operation
	rules       presetRules
}

func (r *Root) presetting(o Options) (*presetting, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	rules, err := r.presets()
	if err != nil {
		return nil, err
	}
	t := &presetting{r.operation(o), r.operation(o), rules}
	t.plus.noWords = true
	return t, nil
}

// take finds out what is to become of a unit (preset_prepare_one).
func (t *presetting) take(name string) error {
	if t.plus.find(name) != nil || t.minus.find(name) != nil {
		return nil
	}
	look := t.plus.operation(t.plus.o)
	f, err := look.discover(name, searching{follow: true})
	if err != nil {
		t.plus.changes = append(t.plus.changes, look.changes...)
		return err
	}
	if f.name != name {
		return nil // the unit itself will come by
	}
	enable, instances := t.rules.query(name, true)
	switch {
	case !enable:
		_, err = t.minus.discover(name, searching{follow: true})
	case instances == nil:
		_, err = t.plus.discoverAndCheck(name, searching{read: true, follow: true})
	default:
		for _, n := range instances {
			if _, err = t.plus.discoverAndCheck(n, searching{read: true, follow: true}); err != nil {
				break
			}
		}
	}
	return err
}

// carryOut is execute_preset. The changes of both operations are in the order in which they are made: first what was found out, then what is removed, then
// what is made.
func (t *presetting) carryOut(mode PresetMode) (changes []Change, count int, err error) {
	if mode != PresetEnableOnly {
		m := marks{}
		t.minus.markForRemoval(m)
		err = t.minus.removeMarked(m, t.minus.o.config())
	}
	found := len(t.plus.changes)
	if mode != PresetDisableOnly {
		n, e := t.plus.apply(searching{read: true})
		if count = n; err == nil {
			err = e
		}
	}
	return slices.Concat(t.plus.changes[:found], t.minus.changes, t.plus.changes[found:]), count, err
}

// Preset enables or disables units as the presets want it (unit_file_preset).
func (r *Root) Preset(names []string, mode PresetMode, o Options) (changes []Change, carriesInstall bool, err error) {
	t, err := r.presetting(o)
	if err != nil {
		return nil, false, err
	}
	for _, name := range names {
		if err := t.take(name); err != nil {
			return slices.Concat(t.plus.changes, t.minus.changes), false, err
		}
	}
	changes, count, err := t.carryOut(mode)
	return changes, count > 0, err
}

// unfit are the failures that keep a single unit out of PresetAll (unit_file_preset_all).
var unfit = []unix.Errno{
	unix.EEXIST, unix.ERFKILL, unix.EADDRNOTAVAIL, unix.EBADSLT, unix.EIDRM, unix.EUCLEAN, unix.ELOOP, unix.ENOENT, unix.EUNATCH, unix.EXDEV,
}

// PresetAll is Preset for all unit files (unit_file_preset_all).
func (r *Root) PresetAll(mode PresetMode, o Options) ([]Change, error) {
	t, err := r.presetting(o)
	if err != nil {
		return nil, err
	}
	for _, dir := range r.search {
		entries, err := r.readDir(dir)
		if err == unix.ENOENT {
			continue
		} else if err != nil {
			return slices.Concat(t.plus.changes, t.minus.changes), err
		}
		for _, e := range entries {
			if !unit.ValidName(e.Name(), unit.AnyName) || e.Type() != fs.ModeSymlink && !e.Type().IsRegular() {
				continue
			}
			if err := t.take(e.Name()); err != nil && !isOneOf(err, unfit...) {
				return slices.Concat(t.plus.changes, t.minus.changes), err
			}
		}
	}
	changes, _, err := t.carryOut(mode)
	return changes, err
}
