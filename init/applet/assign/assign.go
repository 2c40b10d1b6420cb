package assign

import (
	"fmt"
	"strings"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/supervise/unit"
)

// form makes values of an assignment; more than one if a property becomes several.
type form func(name, value string) ([]sd.Property, error)

// Parse reads assignments for a unit of type t. The error is what systemd says of the first that is wrong.
func Parse(t unit.Type, assignments []string) ([]sd.Property, error) {
	props := []sd.Property{}
	for _, a := range assignments {
		p, err := ParseOne(t, a)
		if err != nil {
			return nil, err
		}
		props = append(props, p...)
	}
	return props, nil
}

// ParseOne reads one assignment.
func ParseOne(t unit.Type, assignment string) ([]sd.Property, error) {
	name, value, ok := strings.Cut(assignment, "=")
	if !ok {
		return nil, refuse("Not an assignment: %s", assignment)
	}
	for _, forms := range formsOf(t) {
		if f, ok := find(forms, name); ok {
			return f(name, value)
		}
	}
	if f, ok := limit(name); ok && t.HasExec() && t != unit.TypeSwap {
		return f(name, value)
	}
	return nil, refuse("Unknown assignment: %s", assignment)
}

// formsOf are the tables for a type, in the order in which systemd asks them.
func formsOf(t unit.Type) [][]entry {
	var tables [][]entry
	if t == unit.TypeSwap {
		return append(tables, unitForms()) // it has contexts, but nobody sets them
	}
	if t.HasCgroup() {
		tables = append(tables, cgroupForms())
	}
	if t.HasExec() {
		tables = append(tables, execForms())
	}
	if t.HasKill() {
		tables = append(tables, killForms())
	}
	switch t {
	case unit.TypeService:
		tables = append(tables, serviceForms())
	case unit.TypeSocket:
		tables = append(tables, socketForms())
	case unit.TypeTimer:
		tables = append(tables, timerForms())
	case unit.TypePath:
		tables = append(tables, pathForms())
	case unit.TypeScope:
		tables = append(tables, scopeForms())
	case unit.TypeMount:
		tables = append(tables, mountForms())
	case unit.TypeAutomount:
		tables = append(tables, automountForms())
	}
	return append(tables, unitForms())
}

// entry gives a form to properties, their names with blanks between.
type entry struct {
	names string
	form  form
}

func find(table []entry, name string) (form, bool) {
	if name == "" || strings.ContainsRune(name, ' ') {
		return nil, false
	}
	for _, e := range table {
		if strings.Contains(" "+e.names+" ", " "+name+" ") {
			return e.form, true
		}
	}
	return nil, false
}

// one is a single property.
func one(name string, value any) ([]sd.Property, error) {
	return []sd.Property{{Name: name, Value: dbus.MakeVariant(value)}}, nil
}

// Refusal is what systemd says of an assignment that it cannot read.
type Refusal string

func (r Refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return Refusal(fmt.Sprintf(format, args...)) }

// failed is the refusal of a value that cannot be read, with the C library's text for the reason.
func failed(name, value string, why syscall.Errno) error {
	return refuse("Failed to parse %s=%s: %s", name, value, applet.Errno(why))
}
