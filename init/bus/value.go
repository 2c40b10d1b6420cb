package bus

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The structured D-Bus types of properties, as godbus encodes them: exported fields in order.
type (
	pair  struct{ A, B string } // (ss)
	named struct {
		Name  string
		Value uint64
	} // (st)
	flagged struct {
		Name string
		On   bool
	} // (sb)
	label struct {
		Ignore bool
		Name   string
	} // (bs)
	nameList struct {
		Allow bool
		Names []string
	} // (bas)
	statusSet struct{ Statuses, Signals []int32 } // (aiai)
	jobLink   struct {                            // (uo)
		ID   uint32
		Path dbus.ObjectPath
	}
)

func texts(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func usec(v supervise.Usec) uint64 { return uint64(v) }

// dual makes the two rows of a time stamp: the wall clock's and, with "Monotonic" behind the name, the other's.
func dual(name string, e emits, get func(*subject) supervise.Time) []property {
	return []property{
		{name: name, sig: "t", emits: e, get: func(s *subject) any { return usec(get(s).Realtime) }},
		{name: name + "Monotonic", sig: "t", emits: e, get: func(s *subject) any { return usec(get(s).Monotonic) }},
	}
}

// row makes one row.
func row(name, sig string, e emits, get func(*subject) any) []property {
	return []property{{name: name, sig: sig, emits: e, get: get}}
}

func rows(list ...[]property) []property { return slices.Concat(list...) }

// unitNames gives names to numbers.
func unitNames(g *graph.Graph, ids []graph.UnitID) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = g.Name(id)
	}
	return list
}

// bitmap is a set of CPUs or memory nodes as cpu_set_to_dbus of src/shared/cpu-set-util.c writes it: whole 64-bit words.
func bitmap(set []int) []byte {
	var b []byte
	for _, n := range set {
		for len(b) <= n/8 {
			b = append(b, make([]byte, 8)...)
		}
		b[n/8] |= 1 << (n % 8)
	}
	if b == nil {
		return []byte{}
	}
	return b
}

// id128 is an id of 32 hexadecimal digits as bytes; none is no bytes (bus_property_get_id128).
func id128(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		return []byte{}
	}
	return b
}

// names makes a name list of package unit one of D-Bus's.
func names(l unit.NameList) nameList { return nameList{l.AllowList, texts(l.Names)} }

// statuses makes a set of exit statuses one of D-Bus's.
func statuses(set *unit.ExitStatusSet) statusSet {
	s := statusSet{[]int32{}, []int32{}}
	for _, v := range set.Statuses {
		s.Statuses = append(s.Statuses, int32(v))
	}
	for _, v := range set.Signals {
		s.Signals = append(s.Signals, int32(v))
	}
	return s
}

// clean makes any bytes a string that D-Bus takes.
func clean(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD") }
