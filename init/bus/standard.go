package bus

import (
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"
)

// The interfaces that all objects have (D-Bus specification, "Standard Interfaces").

func peerInterface() iface {
	return iface{name: "org.freedesktop.DBus.Peer", methods: []method{
		{name: "Ping", call: func(c *call) { c.reply() }},
		{name: "GetMachineId", out: "s", names: "machine_uuid", call: func(c *call) {
			id := c.Info().MachineID
			if id == "" {
				c.fail(&fault{faultFileNotFound, "No such file or directory"})
				return
			}
			c.reply(id)
		}},
	}}
}

func introspectInterface() iface {
	return iface{name: "org.freedesktop.DBus.Introspectable", methods: []method{
		{name: "Introspect", out: "s", names: "xml_data", call: introspect},
	}}
}

func propertiesInterface() iface {
	return iface{
		name: propertyInterface,
		methods: []method{
			{name: "Get", in: "ss", out: "v", names: "interface_name property_name value", call: getProperty},
			{name: "GetAll", in: "s", out: "a{sv}", names: "interface_name props", call: getAll},
			{name: "Set", in: "ssv", names: "interface_name property_name value", call: setProperty},
		},
		signals: []signal{{"PropertiesChanged", "sa{sv}as", "interface_name changed_properties invalidated_properties"}},
	}
}

// entry is one entry of a{sv}. Written as an array of structs it is the same on the wire, and keeps its order, in which
// `systemctl show` prints.
type entry struct {
	Name  string
	Value dbus.Variant
}

// value makes the property's value a variant. What is gathered later is an empty one until then.
func (p *property) value(s *subject) (v dbus.Variant, rest later) {
	x := p.get(s)
	if f, ok := x.(later); ok {
		return dbus.MakeVariant(""), f
	}
	return dbus.MakeVariantWithSignature(x, p.signature), nil
}

// complete gathers, on the writer's goroutine, what was left for later.
func (s *Server) complete(v *dbus.Variant, p *property, rest later) {
	s.files.Lock()
	defer s.files.Unlock()
	*v = dbus.MakeVariantWithSignature(rest(), p.signature)
}

// kind is that of the call's object; an invocation id is resolved, so that the type's interface is found.
func (c *call) kind(s *subject) kind {
	o := findObject(c.path)
	if o.invocation {
		o = object{sort: unitObject, unit: s.u.Name}
	}
	return o.kind(c.conn.server.tables)
}

func getProperty(c *call) {
	c.withSubject(func(s *subject) {
		i := c.kind(s).find(c.str(0))
		var p *property
		if i != nil {
			p = i.byProperty[c.str(1)]
		}
		if p == nil {
			c.fail(faultf(faultUnknownProperty, "Unknown interface %s or property %s.", c.str(0), c.str(1)))
			return
		}
		v, rest := p.value(s)
		if rest == nil {
			c.reply(v)
			return
		}
		c.replyLater(func(m *dbus.Message) {
			c.conn.server.complete(&v, p, rest)
			m.Body[0] = v
		}, v)
	})
}

// values are a list of properties with their values, in order.
type values struct {
	list []entry
	left []left
}

// left is a value that is gathered later.
type left struct {
	at   int
	p    *property
	rest later
}

func (v *values) add(s *subject, p *property) {
	x, rest := p.value(s)
	if rest != nil {
		v.left = append(v.left, left{len(v.list), p, rest})
	}
	v.list = append(v.list, entry{p.name, x})
}

func (v *values) complete(s *Server) {
	for _, l := range v.left {
		s.complete(&v.list[l.at].Value, l.p, l.rest)
	}
}

// getAll gives the properties of one interface or, for "", of all that the object has.
func getAll(c *call) {
	c.withSubject(func(s *subject) {
		name := c.str(0)
		var v values
		found := name == "" || c.conn.server.tables.standard().find(name) != nil
		for _, i := range c.kind(s) {
			if name != "" && i.name != name {
				continue
			}
			found = true
			for k := range i.properties {
				v.add(s, &i.properties[k])
			}
		}
		if !found {
			c.fail(faultf(faultUnknownIface, "Unknown interface '%s'.", name))
			return
		}
		if v.list == nil {
			v.list = []entry{}
		}
		if v.left == nil {
			c.reply(v.list)
			return
		}
		c.replyLater(func(*dbus.Message) { v.complete(c.conn.server) }, v.list)
	})
}

func setProperty(c *call) {
	c.withSubject(func(s *subject) {
		i := c.kind(s).find(c.str(0))
		var p *property
		if i != nil {
			p = i.byProperty[c.str(1)]
		}
		v := c.args[2].(dbus.Variant)
		switch {
		case p == nil:
			c.fail(faultf(faultUnknownProperty, "Unknown interface %s or property %s.", c.str(0), c.str(1)))
			return
		case p.set == nil:
			c.fail(faultf(faultReadOnly, "Property '%s' is not writable.", c.str(1)))
			return
		case v.Signature() != p.signature:
			c.fail(faultf(faultInvalidArgs, "Incorrect parameters for property '%s', expected '%s', got '%s'.", c.str(1), p.sig, v.Signature()))
			return
		}
		if err := p.set(s, v.Value()); err != nil {
			c.fail(err)
			return
		}
		c.reply()
	})
}

// introspect writes the object's interfaces as XML.
func introspect(c *call) {
	c.withSubject(func(s *subject) {
		var b strings.Builder
		b.WriteString(`<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"` + "\n" +
			`"https://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">` + "\n<node>\n")
		for _, i := range c.conn.server.tables.standard() {
			i.introspect(&b)
		}
		for _, i := range c.kind(s) {
			i.introspect(&b)
		}
		for _, child := range c.children() {
			fmt.Fprintf(&b, " <node name=\"%s\"/>\n", child)
		}
		b.WriteString("</node>\n")
		c.reply(b.String())
	})
}

// children are the objects below the call's.
func (c *call) children() []string {
	var list []string
	switch c.path {
	case managerPath:
		return []string{"unit", "job"}
	case managerPath + "/unit":
		for _, u := range c.Machine().Units() {
			list = append(list, escapeLabel(u.Name))
		}
	case managerPath + "/job":
		for _, j := range c.Machine().Graph().Jobs() {
			list = append(list, fmt.Sprint(j.ID))
		}
	default:
		return nodes[c.path]
	}
	return list
}

// introspect writes one interface. Names and types have no character that XML would want to be escaped.
func (i *iface) introspect(b *strings.Builder) {
	fmt.Fprintf(b, " <interface name=\"%s\">\n", i.name)
	for k := range i.properties {
		p := &i.properties[k]
		access := "read"
		if p.set != nil {
			access = "readwrite"
		}
		fmt.Fprintf(b, "  <property name=\"%s\" type=\"%s\" access=\"%s\">\n", p.name, p.sig, access)
		if p.emits != changes {
			annotate(b, "org.freedesktop.DBus.Property.EmitsChangedSignal", emitsWords[p.emits])
		}
		if p.set != nil {
			annotate(b, "org.freedesktop.systemd1.Privileged", "true")
		}
		b.WriteString("  </property>\n")
	}
	for k := range i.methods {
		m := &i.methods[k]
		fmt.Fprintf(b, "  <method name=\"%s\">\n", m.name)
		names := strings.Fields(m.names)
		names = arguments(b, m.in, names, ` direction="in"`)
		arguments(b, m.out, names, ` direction="out"`)
		switch m.flag {
		case "NoReply":
			annotate(b, "org.freedesktop.DBus.Method.NoReply", "true")
		case "Privileged":
			annotate(b, "org.freedesktop.systemd1.Privileged", "true")
		}
		b.WriteString("  </method>\n")
	}
	for _, s := range i.signals {
		fmt.Fprintf(b, "  <signal name=\"%s\">\n", s.name)
		arguments(b, s.sig, strings.Fields(s.names), "")
		b.WriteString("  </signal>\n")
	}
	b.WriteString(" </interface>\n")
}

func annotate(b *strings.Builder, name, value string) {
	fmt.Fprintf(b, "   <annotation name=\"%s\" value=\"%s\"/>\n", name, value)
}

// arguments writes one argument for each type in sig and gives the names that are left.
func arguments(b *strings.Builder, sig string, names []string, direction string) []string {
	for _, one := range splitSignature(sig) {
		name := ""
		if len(names) > 0 {
			name, names = names[0], names[1:]
		}
		fmt.Fprintf(b, "   <arg type=\"%s\" name=\"%s\"%s/>\n", one, name, direction)
	}
	return names
}

// splitSignature takes a valid signature apart into its complete types.
func splitSignature(sig string) []string {
	var list []string
	depth, start := 0, 0
	for i := range len(sig) {
		switch sig[i] {
		case 'a':
			continue
		case '(', '{':
			depth++
			continue
		case ')', '}':
			depth--
		}
		if depth == 0 {
			list = append(list, sig[start:i+1])
			start = i + 1
		}
	}
	return list
}
