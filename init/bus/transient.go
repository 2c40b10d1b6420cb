package bus

import (
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// Units and settings that come over D-Bus (systemd-run, systemctl set-property): the properties are written as the lines of a unit file
// or of a drop-in, which the machine then reads like any other. What the lines would be refused or warned about for is the client's
// error, before anything is written.

// setting is one property of the client's.
type setting struct {
	name  string
	value any
}

// settingsOf makes settings of a(sv).
func settingsOf(v any) []setting {
	var list []setting
	for _, entry := range v.([][]any) {
		list = append(list, setting{entry[0].(string), entry[1].(dbus.Variant).Value()})
	}
	return list
}

// draft is the text of a unit in the making.
type draft struct {
	name     string
	t        unit.Type
	sections []string
	lines    map[string][]string // by section, in order
	limits   map[string]*[2]uint64
	ref      bool   // AddRef=
	streams  [3]int // descriptors for the standard streams, the call's; -1: none
}

func newDraft(name string) *draft {
	return &draft{name: name, t: unit.TypeOf(name), lines: map[string][]string{}, limits: map[string]*[2]uint64{}, streams: [3]int{-1, -1, -1}}
}

// passes tells whether descriptors come with the unit.
func (d *draft) passes() bool { return d.streams != [3]int{-1, -1, -1} }

// StreamNames are what descriptors that a client passes as standard streams are called in the unit's file.
var StreamNames = [3]string{"keelson-stdin", "keelson-stdout", "keelson-stderr"}

// streamNames are the properties that pass them.
var streamNames = [3]string{"StandardInput", "StandardOutput", "StandardError"}

// add puts "NAME=VALUE" into the section that has such a directive.
func (d *draft) add(name string, values ...string) *fault {
	section := ""
	for _, s := range []string{"Unit", d.t.Section()} {
		if _, ok := unit.FindDirective(s, name); ok && s != "" {
			section = s
			break
		}
	}
	if section == "" {
		return unknownSetting(name)
	}
	for _, v := range values {
		if strings.ContainsAny(v, "\n\r\x00") || strings.HasSuffix(v, `\`) {
			return faultf(faultInvalidArgs, "Invalid %s setting: it has characters that no unit file can have.", name)
		}
		if d.lines[section] == nil {
			d.sections = append(d.sections, section)
		}
		d.lines[section] = append(d.lines[section], name+"="+v)
	}
	return nil
}

func unknownSetting(name string) *fault {
	return faultf(faultReadOnly, "Cannot set property %s, or unknown property.", name)
}

// set adds a property.
func (d *draft) set(s setting) *fault {
	if write, ok := settings()[s.name]; ok {
		return write(d, s)
	}
	return d.plain(s)
}

// text is the file.
func (d *draft) text(head string) string {
	var b strings.Builder
	b.WriteString(head)
	for _, s := range d.sections {
		b.WriteString("\n[" + s + "]\n")
		for _, l := range d.lines[s] {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

// finish writes what was gathered over several properties.
func (d *draft) finish() *fault {
	for _, k := range limitOrder {
		if l := d.limits[k.String()]; l != nil {
			if err := d.add(k.String(), limitText(l[0])+":"+limitText(l[1])); err != nil {
				return err
			}
		}
	}
	return nil
}

// check reads the text as the loader will, and makes its first complaint the client's error. That something is old fashioned is none.
func (d *draft) check(l *unit.Loader, text string) *fault {
	tree := &unit.Tree{}
	tree.AddFile(unit.TransientDir+"/"+d.name, text)
	trial := unit.NewLoader(tree, l.Host)
	trial.SearchPath, trial.Defaults, trial.Zones, trial.SysV = []string{unit.TransientDir}, l.Defaults, l.Zones, false
	trial.Scan()
	_, remarks := trial.Load(d.name)
	for _, r := range remarks {
		if r.File != "" && (r.Severity == unit.Error || strings.Contains(r.Text, "ignoring")) {
			return faultf(faultInvalidArgs, "Failed to set unit properties: %s", r.Text)
		}
	}
	return nil
}

const transientHead = "# A transient unit, made over D-Bus. This file goes when the unit does.\n"

// draftOf makes a unit of its properties.
func draftOf(l *unit.Loader, name string, list []setting) (*draft, string, error) {
	d := newDraft(name)
	for _, s := range list {
		if err := d.set(s); err != nil {
			return nil, "", err
		}
	}
	if err := d.finish(); err != nil {
		return nil, "", err
	}
	text := d.text(transientHead)
	if err := d.check(l, text); err != nil {
		return nil, "", err
	}
	return d, text, nil
}

// startTransient makes units and starts the first (method_start_transient_unit in src/core/dbus-manager.c).
func startTransient(c *call) {
	mode, ok := graph.ParseJobMode(c.str(1))
	if !ok {
		c.fail(faultf(faultInvalidArgs, "Job mode %s is invalid.", c.str(1)))
		return
	}
	type file struct {
		name, text string
		draft      *draft
	}
	var files []file
	r := supervise.Request{Verb: supervise.VerbStartTransient, Unit: c.str(0), Mode: mode}
	add := func(name string, properties any) bool {
		if err := c.Machine().CheckTransient(name); err != nil {
			c.fail(err)
			return false
		}
		d, text, err := draftOf(c.Loader(), name, settingsOf(properties))
		if err != nil {
			c.fail(err)
			return false
		}
		if d.passes() && c.conn.server.opt.Streams == nil {
			c.fail(&fault{faultNotSupported, "File descriptors cannot be passed to a unit over D-Bus here."})
			return false
		}
		r.Hold = r.Hold || d.ref && name == r.Unit
		files = append(files, file{name, text, d})
		return true
	}
	if !add(r.Unit, c.args[2]) {
		return
	}
	for _, aux := range c.args[3].([][]any) {
		name := aux[0].(string)
		if !add(name, aux[1]) {
			return
		}
		r.Aux = append(r.Aux, name)
	}
	for _, f := range files {
		if err := c.WriteTransient(f.name, f.text); err != nil {
			c.fail(faultf(faultFailed, "Failed to write transient unit file: %v", err))
			return
		}
		if f.draft.passes() {
			if err := c.passStreams(f.name, f.draft.streams); err != nil {
				c.fail(err)
				return
			}
		}
	}
	c.request(r, func(reply supervise.Reply) {
		if r.Hold {
			c.conn.hold(c.sender, r.Unit)
		}
		c.track(reply.Job)
		c.reply(jobPath(reply.Job))
	})
}

// passStreams hands copies of the client's descriptors on.
func (c *call) passStreams(name string, fds [3]int) error {
	copies := [3]int{-1, -1, -1}
	for i, fd := range fds {
		if fd < 0 {
			continue
		}
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			for _, n := range copies {
				closeFD(n)
			}
			return err
		}
		copies[i] = n
	}
	c.conn.server.opt.Streams(name, copies)
	return nil
}

const controlHead = "# A drop-in made by \"systemctl set-property\" or the like. Do not edit.\n"

// notLive are settings of resource control that only a new unit can be given (bus_cgroup_set_transient_property).
var notLive = []string{"Slice", "Delegate", "DelegateControllers", "IPIngressFilterPath", "IPEgressFilterPath", "BPFProgram"}

// setUnitProperties changes what can be changed of a unit that may be running: its description, its markers and its resources
// (bus_unit_set_properties in src/core/dbus-unit.c). All of it or nothing.
func setUnitProperties(c *call, name string, runtime bool, properties any) {
	list := settingsOf(properties)
	c.loaded(name, func(u *supervise.Unit) {
		type file struct{ name, text string }
		var files []file
		marks := u.Markers
		marked := false
		for _, s := range list {
			if s.name == "Markers" {
				var err *fault
				if marks, err = markersOf(marks, s.value); err != nil {
					c.fail(err)
					return
				}
				marked = true
				continue
			}
			d := newDraft(u.Name)
			err := d.set(s)
			if err == nil {
				err = d.live(s.name)
			}
			text := controlHead + strings.TrimPrefix(d.text(""), "\n")
			if err == nil {
				err = d.check(c.Loader(), text)
			}
			if err != nil {
				c.fail(err)
				return
			}
			line := d.lines[d.sections[0]][0]
			directive, _, _ := strings.Cut(line, "=")
			files = append(files, file{"50-" + directive + ".conf", text})
		}
		for _, f := range files {
			if err := c.WriteControl(u.Name, f.name, f.text, runtime); err != nil {
				c.fail(faultf(faultFailed, "Failed to write drop-in: %v", err))
				return
			}
		}
		done := func(supervise.Reply) { c.reply() }
		if marked {
			next := done
			done = func(supervise.Reply) {
				c.request(supervise.Request{Verb: supervise.VerbMark, Unit: u.Name, Markers: marks}, next)
			}
		}
		if len(files) == 0 {
			done(supervise.Reply{})
			return
		}
		c.request(supervise.Request{Verb: supervise.VerbSetProperties, Unit: u.Name}, done)
	})
}

// live refuses what cannot be changed any more.
func (d *draft) live(name string) *fault {
	if slices.Contains(notLive, name) || len(d.sections) != 1 {
		return unknownSetting(name)
	}
	for section, lines := range d.lines {
		for _, l := range lines {
			key, _, _ := strings.Cut(l, "=")
			if v, _ := unit.FindDirective(section, key); v.Page != "systemd.resource-control(5)" && key != "Description" {
				return unknownSetting(name)
			}
		}
	}
	return nil
}

// markersOf applies "+mark" and "-mark", or sets what is named without either.
func markersOf(marks supervise.Markers, v any) (supervise.Markers, *fault) {
	words, ok := v.([]string)
	if !ok {
		return 0, badType("Markers")
	}
	relative, absolute := false, false
	var set, mask supervise.Markers
	for _, w := range words {
		on := true
		if strings.HasPrefix(w, "+") || strings.HasPrefix(w, "-") {
			on, relative, w = w[0] == '+', true, w[1:]
		} else {
			absolute = true
		}
		k := index(markerWords[:], w)
		if k < 0 {
			return 0, faultf(faultBadUnitSetting, "Unknown marker \"%s\".", w)
		}
		mask |= 1 << k
		if on {
			set |= 1 << k
		}
	}
	switch {
	case relative && absolute:
		return 0, &fault{faultBadUnitSetting, "Bad marker syntax."}
	case absolute:
		return set, nil
	}
	return set | marks&^mask, nil
}

func badType(name string) *fault {
	return faultf(faultInvalidArgs, "Failed to set unit properties: Unexpected message contents for %s", name)
}
