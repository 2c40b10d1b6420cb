package assign

import (
	"encoding/base64"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"keelson/init/applet"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

func pressureLimit(name, value string) ([]sd.Property, error) {
	p, ok := permyriad(value)
	if !ok || p > 10000 {
		return nil, refuse("Failed to parse %s value: %s", name, value)
	}
	return one(name, scale(p))
}

// weight is a share within bounds; an empty one is unset.
func weight(least, most uint64, idle bool) form {
	return func(name, value string) ([]sd.Property, error) {
		switch {
		case value == "":
			return one(name, uint64(math.MaxUint64))
		case idle && value == "idle":
			return one(name, uint64(0))
		}
		n, err := unsigned(64)(name, value)
		if err != nil {
			return nil, err
		}
		if n < least || n > most {
			return nil, failed(name, value, syscall.ERANGE)
		}
		return one(name, n)
	}
}

// cpus is a set of numbers, as a mask of bytes.
func cpus(name, value string) ([]sd.Property, error) {
	list, err := split(value, blanks+",", unquote)
	if err != nil {
		return nil, refuse("Failed to parse %s value: %s", name, value)
	}
	mask := []byte{}
	for _, w := range list {
		first, last, ranged := strings.Cut(w, "-")
		if !ranged {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 32)
		to, err2 := strconv.ParseUint(last, 10, 32)
		if err != nil || err2 != nil || from > to || to >= 8192 {
			return nil, refuse("Failed to parse %s value: %s", name, value)
		}
		for n := from; n <= to; n++ {
			for uint64(len(mask)) <= n/8 {
				mask = append(mask, 0)
			}
			mask[n/8] |= 1 << (n % 8)
		}
	}
	return one(name, mask)
}

func affinity(name, value string) ([]sd.Property, error) {
	if value == "numa" {
		return one("CPUAffinityFromNUMA", true)
	}
	return cpus(name, value)
}

func delegate(name, value string) ([]sd.Property, error) {
	if b, ok := applet.Boolean(value); ok {
		return one(name, b)
	}
	return words("DelegateControllers", value)
}

// memory is a size, a share of the machine's, or without limit; empty is what it was before anybody set it.
func memory(empty uint64) form {
	return func(name, value string) ([]sd.Property, error) {
		switch value {
		case "infinity":
			return one(name, uint64(math.MaxUint64))
		case "":
			return one(name, empty)
		}
		if p, ok := permyriad(value); ok && p <= 10000 {
			return one(name+"Scale", scale(p))
		}
		return size(name, value)
	}
}

func tasks(name, value string) ([]sd.Property, error) {
	switch value {
	case "infinity", "":
		return one(name, uint64(math.MaxUint64))
	}
	if p, ok := permyriad(value); ok && p <= 10000 {
		return one(name+"Scale", scale(p))
	}
	n, err := unsigned(64)(name, value)
	if err != nil {
		return nil, err
	}
	return one(name, n)
}

func quota(_, value string) ([]sd.Property, error) {
	if value == "" {
		return one("CPUQuotaPerSecUSec", uint64(math.MaxUint64))
	}
	p, ok := permyriad(value)
	switch {
	case !ok:
		return nil, refuse("CPU quota '%s' invalid.", value)
	case p == 0:
		return nil, refuse("CPU quota too small.")
	}
	return one("CPUQuotaPerSecUSec", p*uint64(calendar.Second)/10000)
}

func quotaPeriod(_, value string) ([]sd.Property, error) {
	u, err := calendar.ParseSecDefInfinity(value)
	if err != nil {
		return nil, refuse("CPU quota period '%s' invalid.", value)
	}
	return one("CPUQuotaPeriodUSec", uint64(u))
}

// pair and pathNumber are structures of D-Bus.
type (
	pair       struct{ A, B string }
	pathNumber struct {
		Path string
		N    uint64
	}
)

func deviceAllow(name, value string) ([]sd.Property, error) {
	rules := []pair{}
	if value != "" {
		path, access, _ := strings.Cut(value, " ")
		rules = append(rules, pair{path, access})
	}
	return one(name, rules)
}

// device is a form for a path and a number behind it.
func device(number func(name, value string) (uint64, error), rename string) form {
	return func(name, value string) ([]sd.Property, error) {
		target := name
		if rename != "" {
			target = rename
		}
		rules := []pathNumber{}
		if value != "" {
			path, text, ok := strings.Cut(value, " ")
			if !ok {
				return nil, refuse("Failed to parse %s value %s.", name, value)
			}
			n, err := number(name, text)
			if err != nil {
				return nil, err
			}
			rules = append(rules, pathNumber{path, n})
		}
		return one(target, rules)
	}
}

var (
	deviceBandwidth = device(func(_, value string) (uint64, error) {
		if value == "infinity" {
			return math.MaxUint64, nil
		}
		n, err := unit.ParseSize(value, 1000)
		if err != nil {
			return 0, refuse("Failed to parse byte value %s: %s", value, applet.Errno(reason(err)))
		}
		return n, nil
	}, "")
	deviceWeight = device(func(name, value string) (uint64, error) {
		n, err := strconv.ParseUint(value, 0, 64)
		if err != nil {
			return 0, refuse("Failed to parse %s value %s: %s", name, value, applet.Errno(reason(err)))
		}
		return n, nil
	}, "")
	deviceLatency = device(func(name, value string) (uint64, error) {
		u, err := calendar.ParseSec(value)
		if err != nil {
			return 0, refuse("Failed to parse %s value %s: %s", name, value, applet.Errno(reason(err)))
		}
		return uint64(u), nil
	}, "IODeviceLatencyTargetUSec")
)

// network is an address prefix in D-Bus.
type network struct {
	Family  int32
	Address []byte
	Bits    uint32
}

const (
	inet  = 2
	inet6 = 10
)

func networkOf(p netip.Prefix) network {
	n := network{Family: inet6, Address: p.Addr().AsSlice(), Bits: uint32(p.Bits())}
	if p.Addr().Is4() {
		n.Family = inet
	}
	return n
}

// namedNetworks are the words for groups of addresses (systemd.resource-control(5), "IPAddressAllow=").
var namedNetworks = map[string][]string{
	"any":        {"0.0.0.0/0", "::/0"},
	"localhost":  {"127.0.0.0/8", "::1/128"},
	"link-local": {"169.254.0.0/16", "fe80::/64"},
	"multicast":  {"224.0.0.0/4", "ff00::/8"},
}

func addresses(name, value string) ([]sd.Property, error) {
	list, named := namedNetworks[value]
	if !named {
		list = strings.Fields(value)
	}
	networks := []network{}
	for _, w := range list {
		p, err := netip.ParsePrefix(w)
		if err != nil {
			a, err := netip.ParseAddr(w)
			if err != nil {
				return nil, refuse("Failed to parse IP address prefix: %s", w)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		networks = append(networks, networkOf(p))
	}
	return one(name, networks)
}

func bpfProgram(name, value string) ([]sd.Property, error) {
	programs := []pair{}
	if value != "" {
		attach, path, ok := strings.Cut(value, ":")
		if !ok {
			return nil, refuse("Failed to parse %s: Invalid argument", name)
		}
		programs = append(programs, pair{attach, path})
	}
	return one(name, programs)
}

// socketBind is a rule about ports: [family:][protocol:]port, or a range of ports, or any.
func socketBind(name, value string) ([]sd.Property, error) {
	type rule struct {
		Family, Protocol int32
		Count, First     uint16
	}
	rules := []rule{}
	if value != "" {
		r, parts := rule{}, strings.Split(value, ":")
		last := len(parts) - 1
		for i, p := range parts[:last] {
			switch {
			case p == "ipv4" && i == 0:
				r.Family = inet
			case p == "ipv6" && i == 0:
				r.Family = inet6
			case p == "tcp":
				r.Protocol = 6
			case p == "udp":
				r.Protocol = 17
			default:
				return nil, refuse("Failed to parse %s", name)
			}
		}
		switch p := parts[last]; p {
		case "any":
		case "ipv4":
			r.Family = inet
		case "ipv6":
			r.Family = inet6
		case "tcp":
			r.Protocol = 6
		case "udp":
			r.Protocol = 17
		default:
			first, end, ranged := strings.Cut(p, "-")
			if !ranged {
				end = first
			}
			from, err := strconv.ParseUint(first, 10, 16)
			to, err2 := strconv.ParseUint(end, 10, 16)
			if err != nil || err2 != nil || from == 0 || to < from {
				return nil, refuse("Failed to parse %s", name)
			}
			r.First, r.Count = uint16(from), uint16(to-from+1)
		}
		rules = append(rules, r)
	}
	return one(name, rules)
}

func inputData(name, value string) ([]sd.Property, error) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
	if err != nil {
		return nil, refuse("Failed to decode base64 data '%s': Invalid argument", value)
	}
	return one(name, b)
}
