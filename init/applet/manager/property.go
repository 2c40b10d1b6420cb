package manager

import (
	"fmt"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// UnitPath is the object of a unit, of whatever name; asking it for a property loads the unit.
func UnitPath(name string) dbus.ObjectPath {
	return Root + "/unit/" + dbus.ObjectPath(sd.PathBusEscape(name))
}

// NameOf is the inverse of UnitPath.
func NameOf(path dbus.ObjectPath) string {
	const prefix = string(Root) + "/unit/"
	s := string(path)
	if len(s) < len(prefix) || s[:len(prefix)] != prefix {
		return ""
	}
	var b []byte
	for s = s[len(prefix):]; s != ""; s = s[1:] {
		if s[0] == '_' && len(s) >= 3 {
			if hi, lo := unhex(s[1]), unhex(s[2]); hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				s = s[2:]
				continue
			}
		}
		b = append(b, s[0])
	}
	return string(b)
}

// Get is one property's value, of an object of the manager's.
func (c *Conn) Get(path dbus.ObjectPath, iface, name string) (any, error) {
	return c.GetOf(Destination, path, iface, name)
}

// GetOf is Get of an object of dest's.
func (c *Conn) GetOf(dest string, path dbus.ObjectPath, iface, name string) (any, error) {
	r, err := c.Call(dest, path, properties, "Get", iface, name)
	if err != nil {
		return nil, err
	}
	if len(r.Body) == 1 {
		if v, ok := r.Body[0].(dbus.Variant); ok {
			return v.Value(), nil
		}
	}
	return nil, fmt.Errorf("%w: property %s is no variant", errWire, name)
}

// GetString is Get of a property that is a string.
func (c *Conn) GetString(path dbus.ObjectPath, iface, name string) (string, error) {
	return get[string](c, path, iface, name)
}

// GetStrings is Get of a property that is a list of strings.
func (c *Conn) GetStrings(path dbus.ObjectPath, iface, name string) ([]string, error) {
	return get[[]string](c, path, iface, name)
}

// GetUint64 is Get of a property that is a number of 64 bits.
func (c *Conn) GetUint64(path dbus.ObjectPath, iface, name string) (uint64, error) {
	return get[uint64](c, path, iface, name)
}

// GetBool is Get of a property that is a boolean.
func (c *Conn) GetBool(path dbus.ObjectPath, iface, name string) (bool, error) {
	return get[bool](c, path, iface, name)
}

func get[T any](c *Conn, path dbus.ObjectPath, iface, name string) (T, error) {
	v, err := c.Get(path, iface, name)
	t, ok := v.(T)
	if err == nil && !ok {
		err = fmt.Errorf("%w: property %s is a %T", errWire, name, v)
	}
	return t, err
}

// Set sets a property of the manager.
func (c *Conn) Set(name string, value any) error {
	return c.SetOf(Destination, Root, Interface, name, value)
}

// SetOf sets a property of an object of dest's.
func (c *Conn) SetOf(dest string, path dbus.ObjectPath, iface, name string, value any) error {
	_, err := c.Call(dest, path, properties, "Set", iface, name, dbus.MakeVariant(value))
	return err
}

// Property is a name and a value.
type Property struct {
	Name  string
	Value dbus.Variant
}

// Properties are an object's, in the order they came in. Names may come twice, where two interfaces have the same one.
type Properties []Property

// GetAll are the properties of one interface of an object, or of all if iface is "".
func (c *Conn) GetAll(path dbus.ObjectPath, iface string) (Properties, error) {
	r, err := c.Call(Destination, path, properties, "GetAll", iface)
	if err != nil {
		return nil, err
	}
	var values map[string]dbus.Variant
	if err := r.Store(&values); err != nil {
		return nil, err
	}
	order, err := byteOrder(r.frame)
	if err != nil {
		return nil, err
	}
	_, body, err := frameLength(r.frame)
	if err != nil {
		return nil, err
	}
	names, err := keys(r.frame[body:], order)
	if err != nil {
		return nil, err
	}
	all := make(Properties, len(names))
	for i, n := range names {
		all[i] = Property{n, values[n]}
	}
	return all, nil
}

// lookup is the value of a property as a T, the zero value if it is not there or something else. Of two the last counts.
func lookup[T any](p Properties, name string) T {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].Name == name {
			t, _ := p[i].Value.Value().(T)
			return t
		}
	}
	var zero T
	return zero
}

// Has tells whether a property is there.
func (p Properties) Has(name string) bool {
	for _, q := range p {
		if q.Name == name {
			return true
		}
	}
	return false
}

// String, Strings, Bool, Uint64, Uint32, Int32 and Rows are a property's value, or the zero value if it is not there or of another type.
func (p Properties) String(name string) string    { return lookup[string](p, name) }
func (p Properties) Strings(name string) []string { return lookup[[]string](p, name) }
func (p Properties) Bool(name string) bool        { return lookup[bool](p, name) }
func (p Properties) Uint32(name string) uint32    { return lookup[uint32](p, name) }
func (p Properties) Int32(name string) int32      { return lookup[int32](p, name) }
func (p Properties) Rows(name string) [][]any     { return lookup[[][]any](p, name) }

// Uint64 is absent if the property is not there.
func (p Properties) Uint64(name string, absent uint64) uint64 {
	if !p.Has(name) {
		return absent
	}
	return lookup[uint64](p, name)
}

// Pair is a property that is a structure of two strings.
func (p Properties) Pair(name string) (a, b string) {
	if s := lookup[[]any](p, name); len(s) == 2 {
		a, _ = s[0].(string)
		b, _ = s[1].(string)
	}
	return a, b
}
