package unit

import (
	"net/netip"
	"slices"
	"strings"

	"keelson/supervise/calendar"
)

// weight is a number in a range, or "idle" where the range starts at WeightIdle; the empty string unsets it.
func weight(least, most uint64, idle bool, message string, f field[Weight]) form {
	return form{"weight", func(a *assignment) {
		if a.value == "" {
			*f(a.u) = WeightUnset
			return
		}
		if idle && a.value == "idle" {
			*f(a.u) = WeightIdle
			return
		}
		v, err := parseUint(a.value, 0, 64)
		if err != nil || v < least || v > most {
			a.warn("%s, ignoring: %s", message, a.value)
			return
		}
		*f(a.u) = Weight(v)
	}}
}

// legacyWeight is a weight of cgroup v1, which systemd warns of.
func legacyWeight(least, most uint64, instead, message string, f field[Weight]) form {
	w := weight(least, most, false, message, f)
	return form{w.name, func(a *assignment) {
		a.warn("Unit uses %s=; please use %s instead. Support for %s= will be removed soon.", a.key, instead, a.key)
		w.parse(a)
	}}
}

func cpuQuota() form {
	return form{"percentage of one CPU", func(a *assignment) {
		if a.value == "" {
			a.u.Cgroup.CPUQuota = Infinity
			return
		}
		v, err := parsePermyriad(a.value, false)
		if err != nil || v == 0 {
			a.warn("Invalid CPU quota '%s', ignoring.", a.value)
			return
		}
		a.u.Cgroup.CPUQuota = Usec(v) * calendar.Second / 10000
	}}
}

// memory is a size in bytes, a share of the machine's memory, or infinity. zero tells whether 0 is sound; empty is what the
// empty string means.
func memory(zero bool, empty Fraction, f field[Fraction]) form {
	return form{"size in bytes, percentage or infinity", func(a *assignment) {
		switch a.value {
		case "":
			*f(a.u) = empty
			return
		case "infinity":
			*f(a.u) = Fraction{Amount: NoLimit}
			return
		}
		if share, err := parsePermyriad(a.value, true); err == nil {
			if share == 0 && !zero {
				a.warn("Memory limit '%s' out of range, ignoring.", a.value)
				return
			}
			*f(a.u) = Fraction{Share: uint(share), Shared: true}
			return
		}
		v, err := ParseSize(a.value, 1024)
		switch {
		case err != nil:
			a.warn("Invalid memory limit '%s', ignoring: %v", a.value, err)
		case v == 0 && !zero, Limit(v) == NoLimit:
			a.warn("Memory limit '%s' out of range, ignoring.", a.value)
		default:
			*f(a.u) = Fraction{Amount: Limit(v)}
		}
	}}
}

// legacyMemory is MemoryLimit= of cgroup v1.
func legacyMemory(f field[Fraction]) form {
	m := memory(false, Fraction{Amount: NoLimit}, f)
	return form{m.name, func(a *assignment) {
		a.warn("Unit uses MemoryLimit=; please use MemoryMax= instead. Support for MemoryLimit= will be removed soon.")
		m.parse(a)
	}}
}

func tasksMax() form {
	return form{"number, percentage or infinity", func(a *assignment) {
		t := &a.u.Cgroup.TasksMax
		switch a.value {
		case "":
			*t = a.defaults.TasksMax
			return
		case "infinity":
			*t = Fraction{Amount: NoLimit}
			return
		}
		if share, err := parsePermyriad(a.value, true); err == nil {
			*t = Fraction{Share: uint(share), Shared: true}
			return
		}
		v, err := parseUint(a.value, 0, 64)
		switch {
		case err != nil:
			a.warn("Invalid maximum tasks value '%s', ignoring: %v", a.value, err)
		case v == 0 || Limit(v) == NoLimit:
			a.warn("Maximum tasks value '%s' out of range, ignoring.", a.value)
		default:
			*t = Fraction{Amount: Limit(v)}
		}
	}}
}

var controllerWords = words{"cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids", "bpf-firewall", "bpf-devices", "bpf-foreign", "bpf-socket-bind", "bpf-restrict-network-interfaces"}

func delegate() form {
	return form{"boolean or list of controllers", func(a *assignment) {
		c := a.u.Cgroup
		if a.u.Type != TypeService && a.u.Type != TypeScope {
			a.warn("Delegate= setting not supported for this unit type, ignoring.")
			return
		}
		if a.value == "" {
			c.Delegate, c.DelegateControllers = true, []string{}
			return
		}
		if on, ok := ParseBoolean(a.value); ok {
			c.Delegate, c.DelegateControllers = on, nil
			return
		}
		c.Delegate = true
		a.words(unquote, func(w string) {
			if _, ok := controllerWords.find(w); !ok {
				a.warn("Invalid controller name '%s', ignoring", w)
				return
			}
			c.DelegateControllers = insertSorted(c.DelegateControllers, w)
		})
	}}
}

func disableControllers() form {
	return form{"list of controllers", func(a *assignment) {
		list := &a.u.Cgroup.DisableControllers
		if a.value == "" {
			*list = nil
			return
		}
		known := false
		a.words(unquote, func(w string) {
			if _, ok := controllerWords.find(w); ok {
				*list, known = insertSorted(*list, w), true
			}
		})
		if !known {
			a.warn("Invalid cgroup string: %s, ignoring", a.value)
		}
	}}
}

// managed is for what only units with a cgroup of their own kind can have: services, scopes and slices.
func managed(f form) form {
	return form{f.name, func(a *assignment) {
		if a.u.Type != TypeService && a.u.Type != TypeScope && a.u.Type != TypeSlice {
			a.warn("%s= is not supported for this unit type, ignoring.", a.key)
			return
		}
		f.parse(a)
	}}
}

func managedOOM(f field[ManagedOOM]) form {
	return managed(form{"auto or kill", func(a *assignment) {
		i, ok := managedOOMWords.find(a.value)
		if !ok && a.value != "" {
			a.warn("Invalid syntax, ignoring: %s", a.value)
			return
		}
		*f(a.u) = ManagedOOM(i)
	}})
}

func managedOOMLimit() form {
	return managed(form{"percentage", func(a *assignment) {
		v, err := parsePermyriad(a.value, true)
		if err != nil && a.value != "" {
			a.warn("Failed to parse memory pressure limit value, ignoring: %s", a.value)
			return
		}
		a.u.Cgroup.ManagedOOMMemoryPressureLimit = uint(v)
	}})
}

// prefixShortcuts are the words for address ranges of systemd.resource-control(5), table "Special address/network names".
var prefixShortcuts = map[string][]string{
	"any":        {"0.0.0.0/0", "::/0"},
	"localhost":  {"127.0.0.0/8", "::1/128"},
	"link-local": {"169.254.0.0/16", "fe80::/64"},
	"multicast":  {"224.0.0.0/4", "ff00::/8"},
}

func addressPrefixes(f field[[]netip.Prefix]) form {
	return form{"list of address prefixes, any, localhost, link-local, multicast", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		a.words(0, func(w string) {
			texts, ok := prefixShortcuts[w]
			if !ok {
				texts = []string{w}
			}
			for _, t := range texts {
				p, err := netip.ParsePrefix(t)
				if addr, bare := netip.ParseAddr(t); bare == nil && addr.Zone() == "" {
					p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
				}
				if err != nil {
					a.warn("Address prefix is invalid, ignoring assignment: %s", w)
				} else if p = p.Masked(); !slices.Contains(*list, p) {
					*list = append(*list, p)
				}
			}
		})
	}}
}

func filterPath(f field[[]string]) form {
	return form{"absolute path", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
		} else if p, ok := a.expandPath(a.value); ok && !slices.Contains(*list, p) {
			*list = append(*list, p)
		}
	}}
}

var bpfAttachWords = words{"egress", "ingress", "sock_create", "sock_ops", "device", "bind4", "bind6", "connect4", "connect6", "post_bind4", "post_bind6", "sendmsg4", "sendmsg6", "sysctl", "recvmsg4", "recvmsg6", "getsockopt", "setsockopt"}

func bpfProgram() form {
	return form{"attach type:absolute path", func(a *assignment) {
		list := &a.u.Cgroup.BPFPrograms
		if a.value == "" {
			*list = nil
			return
		}
		kind, path, _ := strings.Cut(a.value, ":")
		if path == "" {
			a.warn("Invalid syntax in %s=, ignoring: %s", a.key, a.value)
			return
		}
		if _, ok := bpfAttachWords.find(kind); !ok {
			a.warn("Unknown BPF attach type=%s, ignoring: %s", kind, a.value)
			return
		}
		if p, ok := a.expandPath(path); ok {
			*list = append(*list, kind+":"+p)
		}
	}}
}

// socketBind is "[family:][protocol:]ports" or "any".
func socketBind(f field[[]SocketBind]) form {
	return form{"[family:][protocol:]ports or any", func(a *assignment) {
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		b, ok := parseSocketBind(a.value)
		if !ok {
			a.warn("Unable to parse %s= assignment, ignoring: %s", a.key, a.value)
			return
		}
		*list = append(*list, b)
	}}
}

func parseSocketBind(s string) (b SocketBind, ok bool) {
	parts := strings.Split(s, ":")
	if parts[0] == "ipv4" || parts[0] == "ipv6" {
		b.Family, parts = parts[0], parts[1:]
	}
	if len(parts) > 0 && (parts[0] == "tcp" || parts[0] == "udp") {
		b.Protocol, parts = parts[0], parts[1:]
	}
	if len(parts) == 0 {
		return b, true
	}
	if len(parts) > 1 {
		return b, false
	}
	if parts[0] == "any" {
		return b, true
	}
	first, last, ranged := strings.Cut(parts[0], "-")
	if !ranged {
		last = first
	}
	lo, err1 := parseUint(first, 10, 16)
	hi, err2 := parseUint(last, 10, 16)
	b.First, b.Last = uint16(lo), uint16(hi)
	return b, err1 == nil && err2 == nil && lo > 0 && lo <= hi
}

// validInterface: what Linux takes for the name of a network interface (ifname_valid in src/basic/socket-util.c).
func validInterface(s string) bool {
	if s == "" || len(s) > 15 || s == "." || s == ".." || s == "all" || s == "default" || strings.Trim(s, "0123456789") == "" {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 127 || strings.IndexByte(":/%", s[i]) >= 0 {
			return false
		}
	}
	return true
}
