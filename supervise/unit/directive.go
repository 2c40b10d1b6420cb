package unit

import (
	"cmp"
	"iter"
	"slices"
	"sync"
)

// Standing says what becomes of a directive in an ordinary container.
type Standing uint8

const (
	// Honoured: it does what its manual page says.
	Honoured Standing = iota
	// Privileged: it needs what Directive.Needs names, and is left off, by name, where that is missing.
	Privileged
	// Inert: it is read and checked, and has no meaning in a container for the reason that Directive.Reason gives.
	Inert
	// Removed: systemd 252 itself ignores it.
	Removed
)

var standingWords = words{"honoured", "needs privilege", "without meaning here", "removed"}

func (s Standing) String() string { return standingWords.of(uint8(s)) }

// Privilege is what a container may lack.
type Privilege string

// The privileges that directives need.
const (
	MountNamespace   Privilege = "CAP_SYS_ADMIN (mount namespace)"
	NetworkNamespace Privilege = "CAP_SYS_ADMIN (network namespace)"
	IPCNamespace     Privilege = "CAP_SYS_ADMIN (IPC namespace)"
	UTSNamespace     Privilege = "CAP_SYS_ADMIN (UTS namespace)"
	UserNamespace    Privilege = "user namespace"
	CgroupSubtree    Privilege = "writable cgroup v2 subtree"
	CgroupBPF        Privilege = "CAP_BPF and a writable cgroup v2 subtree"
	SysNice          Privilege = "CAP_SYS_NICE"
	SysResource      Privilege = "CAP_SYS_RESOURCE"
	SysAdmin         Privilege = "CAP_SYS_ADMIN"
	SetPCap          Privilege = "CAP_SETPCAP"
	NetAdmin         Privilege = "CAP_NET_ADMIN"
	NetRaw           Privilege = "CAP_NET_RAW"
	TTYConfig        Privilege = "CAP_SYS_TTY_CONFIG"
	MACAdmin         Privilege = "CAP_MAC_ADMIN"
	BlockDevices     Privilege = "CAP_SYS_ADMIN and loop devices"
	SeccompFilter    Privilege = "CAP_SYS_ADMIN or NoNewPrivileges=yes (seccomp filter)"
)

// Directive is one key that unit files may have. The list of all of them is what reads unit files, what `systemd-analyze
// verify` tells, and what the documentation is made from.
type Directive struct {
	Section  string
	Name     string
	Form     string // how its value is written, in words
	Page     string // the manual page that describes it
	Since    int    // the version of systemd that brought it, where that is after 252; else 0
	Standing Standing
	Needs    Privilege // if Privileged
	Reason   string    // if Inert

	parse func(a *assignment)
	part  part
}

// A part of a unit is what many units have alike, and share then (see Loader.share).
type part uint8

const (
	partExec part = 1 << iota
	partCgroup
)

// The words of the table below.
type (
	standing struct {
		s      Standing
		needs  Privilege
		reason string
	}
	row struct {
		name string
		form form
		standing
		since int
	}
	group struct {
		page     string
		sections []string
		rows     []row
	}
)

var honoured = standing{s: Honoured}

func needs(p Privilege) standing { return standing{s: Privileged, needs: p} }

func inert(reason string) standing { return standing{s: Inert, reason: reason} }

var gone = standing{s: Removed}

// sectionsWith lists the sections of the types for which has holds.
func sectionsWith(has func(Type) bool) []string {
	var list []string
	for _, t := range Types() {
		if has(t) && t.Section() != "" {
			list = append(list, t.Section())
		}
	}
	return list
}

// directiveTable is the list of all directives with its index by section and name. It is made once and never changes.
type directiveTable struct {
	list  []Directive
	index map[string]map[string]*Directive
}

var directives = sync.OnceValue(func() *directiveTable {
	t := &directiveTable{index: map[string]map[string]*Directive{}}
	for _, of := range []struct {
		groups []group
		part   part
	}{
		{slices.Concat(unitGroups(), serviceGroups(), socketGroups(), otherGroups()), 0},
		{slices.Concat(execGroups(), sandboxGroups()), partExec}, {cgroupGroups(), partCgroup},
	} {
		for _, g := range of.groups {
			for _, section := range g.sections {
				for _, r := range g.rows {
					t.list = append(t.list, Directive{
						Section: section, Name: r.name, Form: r.form.name, Page: g.page, Since: r.since,
						Standing: r.s, Needs: r.needs, Reason: r.reason, parse: r.form.parse, part: of.part,
					})
				}
			}
		}
	}
	slices.SortFunc(t.list, func(a, b Directive) int {
		return cmp.Or(cmp.Compare(a.Section, b.Section), cmp.Compare(a.Name, b.Name))
	})
	for i := range t.list {
		d := &t.list[i]
		if t.index[d.Section] == nil {
			t.index[d.Section] = map[string]*Directive{}
		}
		t.index[d.Section][d.Name] = d
	}
	return t
})

// Directives walks all directives by section and name.
func Directives() iter.Seq[Directive] { return slices.Values(directives().list) }

// FindDirective gives the directive of this name in this section.
func FindDirective(section, name string) (Directive, bool) {
	if d := directives().index[section][name]; d != nil {
		return *d, true
	}
	return Directive{}, false
}
