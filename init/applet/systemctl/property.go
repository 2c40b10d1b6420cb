package systemctl

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// rendered is a property as text: a line for each value.
type rendered struct {
	lines []string
	// whole is one line that is shown if it is not empty or shown says so; a value to compare with does not matter for it.
	whole, shown bool
	// unprintable is a type that show has no words for.
	unprintable bool
}

func single(s string) rendered { return rendered{lines: []string{s}} }

// notSet is how values are shown that nobody has set.
const notSet = "[not set]"

// properties prints those properties that the options select (bus_message_print_all_properties of bus-print-properties.c).
func (s *showing) properties(all manager.Properties) {
	for _, p := range all {
		expected, has := "", false
		if s.anyProperties && !contains(s.ctl.properties, p.Name) {
			for _, want := range s.ctl.properties {
				if v, ok := strings.CutPrefix(want, p.Name+"="); ok && !has {
					expected, has = v, true
				}
			}
			if !has {
				continue
			}
		}
		r := s.render(p.Name, p.Value.Value())
		switch {
		case r.unprintable:
			if s.showEmpty && !has {
				s.Printf("%s=[unprintable]\n", p.Name)
			}
		case r.whole:
			if r.shown || s.showEmpty {
				s.property(p.Name, r.lines[0])
			}
		default:
			for _, l := range r.lines {
				if (!has || l == expected) && (l != "" || s.showEmpty) {
					s.property(p.Name, l)
				}
			}
		}
	}
	for _, want := range s.ctl.properties {
		if !all.Has(want) {
			s.Debugf("Property %s does not exist.", want)
		}
	}
}

func (s *showing) property(name, value string) {
	if !s.onlyValue {
		s.Print(name)
		s.Print("=")
	}
	s.Puts(value)
}

// render makes text of a value: by its name where that says more than its type (print_property of systemctl-show.c), else by its type
// (bus_print_property of bus-print-properties.c).
func (c *ctl) render(name string, value any) rendered {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, "\n") {
			v = "[unprintable]"
		}
		return single(v)
	case bool:
		return rendered{lines: []string{yesNo(v)}, whole: true, shown: true}
	case uint64:
		return single(c.renderUint64(name, v))
	case int64:
		return single(strconv.FormatInt(v, 10))
	case uint32:
		return single(renderUint32(name, v))
	case int32:
		return renderInt32(name, v)
	case float64:
		return single(strconv.FormatFloat(v, 'g', 6, 64))
	case []string:
		words := make([]string, len(v))
		for i, w := range v {
			words[i] = applet.Quote(w, false)
		}
		return rendered{lines: []string{strings.Join(words, " ")}, whole: true, shown: len(v) > 0}
	case []byte:
		return renderBytes(name, v)
	case []uint32:
		var b strings.Builder
		for _, u := range v {
			fmt.Fprintf(&b, "%08x", u)
		}
		return rendered{lines: []string{b.String()}, whole: true, shown: len(v) > 0}
	case []any:
		return renderStruct(name, v)
	case [][]any:
		return c.renderRows(name, v)
	case [][]byte:
		if name == "LogExtraFields" {
			return single(renderFields(v))
		}
	}
	return rendered{unprintable: true}
}

// timestampNames are points in time whose names do not end in Timestamp.
var timestampNames = []string{"NextElapseUSecRealtime", "LastTriggerUSec", "TimeUSec", "RTCTimeUSec"}

func (c *ctl) renderUint64(name string, u uint64) string {
	const unset = ^uint64(0)
	named := func(names ...string) bool { return slices.Contains(names, name) }
	switch {
	case strings.HasSuffix(name, "Timestamp"):
		return c.timestampText(u)
	case contains(timestampNames, name):
		return calendar.FormatTimestamp(calendar.Usec(u), calendar.StylePretty, c.Location())
	case strings.Contains(name, "USec"):
		return spanText(u, 1)
	case name == "CoredumpFilter":
		return fmt.Sprintf("%#x", u)
	case name == "RestrictNamespaces":
		return renderNamespaces(u)
	case name == "MountFlags":
		return map[uint64]string{1 << 20: "shared", 1 << 19: "slave", 1 << 18: "private"}[u&(7<<18)]
	case named("CapabilityBoundingSet", "AmbientCapabilities"):
		return strings.Join(unit.CapabilitySet(u).Names(), " ")
	case named("CPUWeight", "StartupCPUWeight") && u == 0:
		return "idle"
	case u != unset:
	case named("CPUWeight", "StartupCPUWeight", "IOWeight", "StartupIOWeight", "CPUShares", "StartupCPUShares", "BlockIOWeight",
		"StartupBlockIOWeight", "MemoryCurrent", "TasksCurrent") || strings.HasSuffix(name, "NSec"):
		return notSet
	case named("DefaultMemoryLow", "DefaultMemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "MemoryLimit",
		"MemoryAvailable", "TasksMax", "DefaultTasksMax") || strings.HasPrefix(name, "Limit") || strings.HasPrefix(name, "DefaultLimit"):
		return "infinity"
	case named("IPIngressBytes", "IPIngressPackets", "IPEgressBytes", "IPEgressPackets"):
		return "[no data]"
	}
	return strconv.FormatUint(u, 10)
}

// namespaceNames are the kinds of namespaces and their bits in clone(2), in the order of nsflags.c.
var namespaceNames = []struct {
	name string
	flag uint64
}{
	{"cgroup", 0x02000000}, {"ipc", 0x08000000}, {"net", 0x40000000}, {"mnt", 0x00020000}, {"pid", 0x20000000}, {"user", 0x10000000}, {"uts", 0x04000000},
}

func renderNamespaces(u uint64) string {
	const all = uint64(unit.AllNamespaces)
	switch u & all {
	case 0:
		return "yes"
	case all:
		return "no"
	}
	var names []string
	for _, n := range namespaceNames {
		if u&n.flag == n.flag {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, " ")
}

func renderUint32(name string, u uint32) string {
	switch {
	case strings.Contains(name, "UMask") || strings.Contains(name, "Mode"):
		return fmt.Sprintf("%04o", u)
	case (name == "UID" || name == "GID") && u == ^uint32(0):
		return notSet
	}
	return strconv.FormatUint(uint64(u), 10)
}

func renderInt32(name string, i int32) rendered {
	switch {
	case strings.HasSuffix(name, "ActionExitStatus") && (i < 0 || i > 255):
		return rendered{lines: []string{notSet}, whole: true}
	case name == "NUMAPolicy":
		policies := []string{"default", "preferred", "bind", "interleave", "local"}
		if i < 0 || int(i) >= len(policies) {
			return single("n/a")
		}
		return single(policies[i])
	}
	return single(strconv.Itoa(int(i)))
}

func renderBytes(name string, b []byte) rendered {
	switch name {
	case "StandardInputData", "RootHashSignature":
		return single(base64.StdEncoding.EncodeToString(b))
	case "CPUAffinity", "NUMAMask", "AllowedCPUs", "AllowedMemoryNodes", "EffectiveCPUs", "EffectiveMemoryNodes":
		return single(renderCPUs(b))
	}
	return rendered{lines: []string{fmt.Sprintf("%x", b)}, whole: true, shown: len(b) > 0}
}

// renderCPUs shows a set of numbers as ranges: "0-3 8".
func renderCPUs(set []byte) string {
	var ranges []string
	has := func(i int) bool { return i < len(set)*8 && set[i/8]>>(i%8)&1 == 1 }
	for i := 0; i < len(set)*8; i++ {
		if !has(i) {
			continue
		}
		first := i
		for has(i + 1) {
			i++
		}
		if i > first {
			ranges = append(ranges, fmt.Sprintf("%d-%d", first, i))
		} else {
			ranges = append(ranges, strconv.Itoa(first))
		}
	}
	return strings.Join(ranges, " ")
}

// renderFields shows the extra fields of logs, those that can be.
func renderFields(fields [][]byte) string {
	var words []string
	for _, f := range fields {
		name, _, ok := strings.Cut(string(f), "=")
		if ok && unit.ValidVariableName(name) && utf8.Valid(f) && !strings.ContainsRune(string(f), 0) {
			words = append(words, string(f))
		}
	}
	return strings.Join(words, " ")
}

// filterNames are properties that list what is allowed, or with "~" what is not.
var filterNames = []string{"SystemCallFilter", "SystemCallLog", "RestrictAddressFamilies", "RestrictNetworkInterfaces", "RestrictFileSystems"}

func renderStruct(name string, v []any) rendered {
	is := func(types string) bool { return typesOf(v) == types }
	switch {
	case name == "Job" && is("uo"):
		if id := v[0].(uint32); id > 0 {
			return single(strconv.FormatUint(uint64(id), 10))
		}
		return single("")
	case name == "Unit" && is("so"):
		return single(v[0].(string))
	case name == "LoadError" && is("ss"):
		if v[0].(string) == "" && v[1].(string) == "" {
			return single("")
		}
		return single(fmt.Sprintf("%s %q", v[0], v[1]))
	case contains(filterNames, name) && is("bA"):
		allow, list := v[0].(bool), v[1].([]string)
		text := strings.Join(list, " ")
		if !allow {
			text = "~" + text
		}
		return rendered{lines: []string{text}, whole: true, shown: allow || len(list) > 0}
	case (name == "SELinuxContext" || name == "AppArmorProfile" || name == "SmackProcessLabel") && is("bs"):
		if text := v[1].(string); text != "" && v[0].(bool) {
			return single("-" + text)
		}
		return single(v[1].(string))
	case strings.HasSuffix(name, "ExitStatus") && is("II"):
		status, signals := v[0].([]int32), v[1].([]int32)
		var words []string
		for _, s := range status {
			words = append(words, strconv.Itoa(int(s)))
		}
		for _, s := range signals {
			words = append(words, unit.Signal(s).Name())
		}
		return rendered{lines: []string{strings.Join(words, " ")}, whole: true, shown: len(words) > 0}
	}
	return rendered{unprintable: true}
}

// typesOf is the signature of a structure's fields, with a capital letter for a list.
func typesOf(v []any) string {
	var b strings.Builder
	for _, e := range v {
		b.WriteString(typeLetter(e))
	}
	return b.String()
}

func address(family int32, b []byte, bits uint32) string {
	a, ok := netip.AddrFromSlice(b)
	const inet, inet6 = 2, 10
	if !ok || family == inet && len(b) != 4 || family == inet6 && len(b) != 16 || family != inet && family != inet6 || int(bits) > len(b)*8 {
		return ""
	}
	return netip.PrefixFrom(a, int(bits)).String()
}
