package unit

import (
	"slices"
	"strings"
)

// use is a line that gave a unit a directive whose standing is not Honoured.
type use struct {
	directive *Directive
	file      string
	line      int
}

// record keeps the lines of u that a container may not honour. A line that resets its directive, or says no, takes back
// what earlier ones said.
func (u *Unit) record(d *Directive, file string, line int, value string) {
	if d.Standing != Privileged && d.Standing != Inert {
		return
	}
	off := value == ""
	if strings.HasPrefix(d.Form, "boolean") {
		on, ok := ParseBoolean(value)
		off = off || ok && !on
	}
	if off {
		u.uses = slices.DeleteFunc(u.uses, func(x use) bool { return x.directive == d })
		return
	}
	u.uses = append(u.uses, use{d, file, line})
}

// Unsupported lists the lines of a unit that have no meaning in a container, and those that need a privilege that has says is
// missing: a notice for each, in the order of the lines. Whether such a line would have changed anything is not
// looked into: a LimitNOFILE= below the container's own limit needs no privilege. Who runs the unit finds that out.
func (u *Unit) Unsupported(has func(Privilege) bool) []Diagnostic {
	var list []Diagnostic
	for _, x := range u.uses {
		d := x.directive
		text := d.Name + "= needs " + string(d.Needs) + ", which is missing here."
		if d.Standing == Inert {
			text = d.Name + "= has no effect: " + d.Reason + "."
		} else if has(d.Needs) {
			continue
		}
		list = append(list, Diagnostic{Severity: Notice, Unit: u.Name, File: x.file, Line: x.line, Text: text})
	}
	return list
}
