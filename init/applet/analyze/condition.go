package analyze

import (
	"strings"

	"keelson/init/facts"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

func (p *program) facts() *facts.Facts { return facts.New(facts.Options{Root: p.root, ReadOnly: true}) }

// loader reads unit files of a tree.
func (p *program) loader(tree unit.FS, host unit.Host) *unit.Loader {
	l := unit.NewLoader(tree, host)
	l.SearchPath = searchPath()
	l.Zones = calendar.Zones{Local: p.Location(), Load: p.zones().Load}
	return l
}

// condition tells whether conditions and assertions hold: those given, or those of a unit (analyze-condition.c).
func (p *program) condition(args []string) int {
	f := p.facts()
	var u *unit.Unit
	if p.unit != "" {
		if len(args) > 0 {
			return p.Fail("No conditions can be passed if --unit= is used.")
		}
		l := p.loader(files{p.root}, f.Host())
		l.Scan()
		u, _ = l.Load(p.unit)
		if u.LoadState != unit.Loaded {
			return p.Fail("Failed to load unit %s: %s", p.unit, u.LoadError)
		}
	} else {
		if len(args) == 0 {
			return p.Fail("Too few arguments.")
		}
		var ok bool
		if u, ok = p.conditionUnit(args, f.Host()); !ok {
			return 1
		}
	}
	asserts := p.test(f, u.Name, u.Asserts, "Asserts")
	conditions := p.test(f, u.Name, u.Conditions, "Conditions")
	if asserts && conditions {
		return 0
	}
	return 1
}

// conditionUnit is a unit with those conditions.
func (p *program) conditionUnit(lines []string, host unit.Host) (*unit.Unit, bool) {
	const name = "test.service"
	for _, line := range lines {
		key, _, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		_, known := unit.FindDirective("Unit", key)
		if !ok || !known || !strings.HasPrefix(key, "Condition") && !strings.HasPrefix(key, "Assert") {
			p.Errorf("Cannot parse \"%s\".", line)
			return nil, false
		}
	}
	var tree unit.Tree
	tree.AddFile("/etc/systemd/system/"+name, "[Unit]\n"+strings.Join(lines, "\n")+"\n[Service]\nExecStart=/bin/true\n")
	l := p.loader(&tree, host)
	l.Scan()
	u, diagnostics := l.Load(name)
	for _, d := range diagnostics {
		p.Errorf("%s", d.Text)
	}
	return u, u.LoadState == unit.Loaded
}

// test tells of each condition, the last first as systemd has them, and of all of them.
func (p *program) test(f *facts.Facts, name string, list []unit.Condition, what string) bool {
	if len(list) == 0 {
		return true
	}
	held := f.Held(list)
	words := map[bool]string{true: "succeeded", false: "failed"}
	for i := len(list) - 1; i >= 0; i-- {
		if ok := held[i] != list[i].Negate; !p.quiet || !ok {
			p.Infof("%s: %s %s.", name, list[i], words[ok])
		}
	}
	i := -1
	all := unit.Holds(list, func(unit.Condition) bool { i++; return held[i] })
	if !p.quiet || !all {
		p.Noticef("%s %s.", what, words[all])
	}
	return all
}
