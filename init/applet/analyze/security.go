package analyze

import (
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/sys"
	"keelson/supervise/unit"
)

// capabilityBits are the capabilities that privileges begin with (capabilities(7)).
var capabilityBits = map[string]uint{
	"CAP_SETPCAP": 8, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21, "CAP_SYS_NICE": 23, "CAP_SYS_RESOURCE": 24,
	"CAP_SYS_TTY_CONFIG": 26, "CAP_MAC_ADMIN": 33, "CAP_BPF": 39,
}

// privileged tells which privileges there are, going by this process: what is called in a container has what its services have, or less.
func privileged() func(unit.Privilege) bool {
	caps, err := sys.Effective()
	if err != nil {
		caps = 0
	}
	subtree := unix.Access("/sys/fs/cgroup/cgroup.procs", unix.W_OK) == nil
	return func(p unit.Privilege) bool {
		word, rest, _ := strings.Cut(string(p), " ")
		if bit, ok := capabilityBits[word]; ok {
			return caps>>bit&1 == 1 && (subtree || !strings.Contains(rest, "cgroup"))
		}
		switch p {
		case unit.CgroupSubtree:
			return subtree
		case unit.UserNamespace:
			return caps>>capabilityBits["CAP_SYS_ADMIN"]&1 == 1
		}
		return false
	}
}

// sandboxSections are the manual pages whose directives security is about.
var sandboxSections = []string{"systemd.exec", "systemd.resource-control"}

// security lists what a unit says about what it may do, and what becomes of it here.
func (p *program) security(args []string) int {
	l := p.loader(files{p.root}, p.facts().Host())
	l.Scan()
	if len(args) == 0 {
		for _, n := range l.Names() {
			if unit.TypeOf(n) == unit.TypeService && !unit.ValidName(n, unit.TemplateName) {
				args = append(args, n)
			}
		}
	}
	p.page()
	status := 0
	for i, a := range args {
		name, err := p.Mangle(a, "", false, unit.TypeService, false)
		if err != nil {
			return p.Fail("Failed to mangle unit name '%s': Invalid argument", a)
		}
		u, _ := l.Load(name)
		if u.LoadState != unit.Loaded {
			p.Errorf("Unit %s not found, cannot analyze.", name)
			status = 1
			continue
		}
		if i > 0 {
			p.Print("\n")
		}
		p.Puts(p.Paint(applet.Highlight, u.Name))
		p.standing(u, l)
	}
	return status
}

// standing prints a table of the directives in a unit's files that are about what it may do.
func (p *program) standing(u *unit.Unit, l *unit.Loader) {
	t := applet.Table{Header: []string{"", "directive", "standing", "description"}}
	for _, path := range append([]string{u.Fragment}, u.DropIns...) {
		text, err := l.ReadFile(path)
		if err != nil {
			continue // it came from no file
		}
		section := ""
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.TrimSpace(line)
			if s, ok := strings.CutPrefix(line, "["); ok {
				section = strings.TrimSuffix(s, "]")
				continue
			}
			key, _, ok := strings.Cut(line, "=")
			d, known := unit.FindDirective(section, strings.TrimSpace(key))
			if !ok || !known || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || !about(d) {
				continue
			}
			sign, colour := p.Glyph(applet.CheckMark), applet.HighlightGreen
			why := ""
			switch d.Standing {
			case unit.Privileged:
				sign, colour, why = p.Glyph(applet.CrossMark), applet.HighlightYellow, "needs "+string(d.Needs)
			case unit.Inert:
				sign, colour, why = p.Glyph(applet.CrossMark), applet.HighlightRed, d.Reason
			case unit.Removed:
				sign, colour, why = p.Glyph(applet.CrossMark), applet.HighlightRed, "systemd ignores it"
			}
			t.Add(cell(sign, colour), applet.Text(line), applet.Text(d.Standing.String()), applet.Text(why))
		}
	}
	if len(t.Rows) == 0 {
		p.Puts("No directive limits what it may do.")
		return
	}
	t.Print(p.Host)
}

func about(d unit.Directive) bool {
	for _, s := range sandboxSections {
		if strings.HasPrefix(d.Page, s) {
			return true
		}
	}
	return false
}
