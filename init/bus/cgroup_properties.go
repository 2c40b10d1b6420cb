package bus

import (
	"math/bits"
	"net/netip"
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// What units use (bus_unit_cgroup_vtable in src/core/dbus-unit.c) and may use (bus_cgroup_vtable in src/core/dbus-cgroup.c).

func usageProperties() []property {
	use := func(name, sig string, get func(*Usage) any) []property {
		return row(name, sig, silent, func(s *subject) any { return get(s.used()) })
	}
	unknown := func(name string) []property { return row(name, "t", silent, func(*subject) any { return Unknown }) }
	return rows(
		row("Slice", "s", silent, func(s *subject) any { return slice(s) }),
		row("ControlGroup", "s", silent, func(s *subject) any { return controlGroup(s) }),
		use("ControlGroupId", "t", func(u *Usage) any { return u.ControlGroupID }),
		use("MemoryCurrent", "t", func(u *Usage) any { return u.MemoryCurrent }),
		use("MemoryAvailable", "t", func(u *Usage) any { return u.MemoryAvailable }),
		use("CPUUsageNSec", "t", func(u *Usage) any { return u.CPUUsageNSec }),
		row("EffectiveCPUs", "ay", silent, func(*subject) any { return []byte{} }),
		row("EffectiveMemoryNodes", "ay", silent, func(*subject) any { return []byte{} }),
		use("TasksCurrent", "t", func(u *Usage) any { return u.TasksCurrent }),
		unknown("IPIngressBytes"), unknown("IPIngressPackets"), unknown("IPEgressBytes"), unknown("IPEgressPackets"),
		use("IOReadBytes", "t", func(u *Usage) any { return u.IOReadBytes }),
		use("IOReadOperations", "t", func(u *Usage) any { return u.IOReadOps }),
		use("IOWriteBytes", "t", func(u *Usage) any { return u.IOWriteBytes }),
		use("IOWriteOperations", "t", func(u *Usage) any { return u.IOWriteOps }),
	)
}

// slice is the slice that the unit is in, "" for -.slice.
func slice(s *subject) string {
	for _, id := range s.machine.Graph().Dependencies(s.u.ID, graph.InSlice) {
		return s.machine.Graph().Name(id)
	}
	return ""
}

// controlGroup is the unit's control group or, where it has none of its own, the name that it would have under systemd as
// long as it has processes: systemctl status shows them below it.
func controlGroup(s *subject) string {
	if g := s.used().ControlGroup; g != "" {
		return g
	}
	u := s.u
	switch {
	case u.Leftover.Known && len(u.Leftover.Processes) > 0:
	case u.Service != nil && (u.Service.Main.Alive() || u.Service.Control.Alive()):
	case u.Socket != nil && u.Socket.Control.Alive():
	case u.Name == "init.scope":
	default:
		return ""
	}
	return groupPath(slice(s)) + "/" + u.Name
}

// groupPath is where a slice is in the hierarchy: a-b.slice is in a.slice (systemd.slice(5)).
func groupPath(name string) string {
	if name == "" || name == "-.slice" {
		return ""
	}
	return groupPath(unit.ParentSlice(name)) + "/" + name
}

type cgroupRow struct {
	name, sig string
	get       func(c *unit.CgroupContext, s *subject) any
}

func deviceLimits(list []unit.DeviceLimit) []named {
	out := []named{}
	for _, l := range list {
		out = append(out, named{l.Path, l.Value})
	}
	return out
}

// memory makes a limit in bytes of a limit or of a share of all memory.
func memory(f unit.Fraction, s *subject) uint64 { return amount(f, s.Info().SystemMemory) }

// amount is of Unknown where nobody knows what there is: then there is no limit.
func amount(f unit.Fraction, of uint64) uint64 {
	switch {
	case !f.Shared:
		return uint64(f.Amount)
	case of == Unknown:
		return Unknown
	}
	hi, lo := bits.Mul64(of, uint64(f.Share))
	q, _ := bits.Div64(hi%10000, lo, 10000)
	return q
}

func cgroupProperties() []property {
	list := cgroupRows()
	out := make([]property, len(list))
	for i, r := range list {
		out[i] = property{name: r.name, sig: r.sig, emits: silent, get: func(s *subject) any { return r.get(s.config().Cgroup, s) }}
	}
	return out
}

func cgroupRows() []cgroupRow {
	return []cgroupRow{
		{"Delegate", "b", func(c *unit.CgroupContext, s *subject) any { return c.Delegate }},
		{"DelegateControllers", "as", func(c *unit.CgroupContext, s *subject) any { return delegated(c) }},
		{"CPUAccounting", "b", func(c *unit.CgroupContext, s *subject) any { return c.CPUAccounting }},
		{"CPUWeight", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.CPUWeight) }},
		{"StartupCPUWeight", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.StartupCPU) }},
		{"CPUShares", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.CPUShares) }},
		{"StartupCPUShares", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.StartupCPUShares) }},
		{"CPUQuotaPerSecUSec", "t", func(c *unit.CgroupContext, s *subject) any { return usec(c.CPUQuota) }},
		{"CPUQuotaPeriodUSec", "t", func(c *unit.CgroupContext, s *subject) any { return usec(c.CPUQuotaPeriod) }},
		{"AllowedCPUs", "ay", func(c *unit.CgroupContext, s *subject) any { return bitmap(c.AllowedCPUs) }},
		{"StartupAllowedCPUs", "ay", func(c *unit.CgroupContext, s *subject) any { return bitmap(c.StartupAllowedCPUs) }},
		{"AllowedMemoryNodes", "ay", func(c *unit.CgroupContext, s *subject) any { return bitmap(c.AllowedMemoryNodes) }},
		{"StartupAllowedMemoryNodes", "ay", func(c *unit.CgroupContext, s *subject) any { return bitmap(c.StartupAllowedMemoryNodes) }},
		{"IOAccounting", "b", func(c *unit.CgroupContext, s *subject) any { return c.IOAccounting }},
		{"IOWeight", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.IOWeight) }},
		{"StartupIOWeight", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.StartupIO) }},
		{"IODeviceWeight", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.IODeviceWeight) }},
		{"IOReadBandwidthMax", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.IOReadBandwidthMax) }},
		{"IOWriteBandwidthMax", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.IOWriteBandwidthMax) }},
		{"IOReadIOPSMax", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.IOReadIOPSMax) }},
		{"IOWriteIOPSMax", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.IOWriteIOPSMax) }},
		{"IODeviceLatencyTargetUSec", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.IODeviceLatencyTarget) }},
		{"BlockIOAccounting", "b", func(c *unit.CgroupContext, s *subject) any { return c.BlockIOAccounting }},
		{"BlockIOWeight", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.BlockIOWeight) }},
		{"StartupBlockIOWeight", "t", func(c *unit.CgroupContext, s *subject) any { return uint64(c.StartupBlockIOWeight) }},
		{"BlockIODeviceWeight", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.BlockIODeviceWeight) }},
		{"BlockIOReadBandwidth", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.BlockIOReadBandwidth) }},
		{"BlockIOWriteBandwidth", "a(st)", func(c *unit.CgroupContext, s *subject) any { return deviceLimits(c.BlockIOWriteBandwidth) }},
		{"MemoryAccounting", "b", func(c *unit.CgroupContext, s *subject) any { return c.MemoryAccounting }},
		{"DefaultMemoryLow", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.DefaultMemoryLow, s) }},
		{"DefaultMemoryMin", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.DefaultMemoryMin, s) }},
		{"MemoryMin", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.MemoryMin, s) }},
		{"MemoryLow", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.MemoryLow, s) }},
		{"MemoryHigh", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.MemoryHigh, s) }},
		{"MemoryMax", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.MemoryMax, s) }},
		{"MemorySwapMax", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.MemorySwapMax, s) }},
		{"MemoryLimit", "t", func(c *unit.CgroupContext, s *subject) any { return memory(c.MemoryLimit, s) }},
		{"DevicePolicy", "s", func(c *unit.CgroupContext, s *subject) any { return c.DevicePolicy.String() }},
		{"DeviceAllow", "a(ss)", func(c *unit.CgroupContext, s *subject) any {
			list := []pair{}
			for _, d := range c.DeviceAllow {
				list = append(list, pair{d.Device, d.Access})
			}
			return list
		}},
		{"TasksAccounting", "b", func(c *unit.CgroupContext, s *subject) any { return c.TasksAccounting }},
		{"TasksMax", "t", func(c *unit.CgroupContext, s *subject) any { return amount(c.TasksMax, s.Info().SystemTasksMax) }},
		{"IPAccounting", "b", func(c *unit.CgroupContext, s *subject) any { return c.IPAccounting }},
		{"IPAddressAllow", "a(iayu)", func(c *unit.CgroupContext, s *subject) any { return prefixes(c.IPAddressAllow) }},
		{"IPAddressDeny", "a(iayu)", func(c *unit.CgroupContext, s *subject) any { return prefixes(c.IPAddressDeny) }},
		{"IPIngressFilterPath", "as", func(c *unit.CgroupContext, s *subject) any { return texts(c.IPIngressFilterPath) }},
		{"IPEgressFilterPath", "as", func(c *unit.CgroupContext, s *subject) any { return texts(c.IPEgressFilterPath) }},
		{"DisableControllers", "as", func(c *unit.CgroupContext, s *subject) any { return texts(c.DisableControllers) }},
		{"ManagedOOMSwap", "s", func(c *unit.CgroupContext, s *subject) any { return c.ManagedOOMSwap.String() }},
		{"ManagedOOMMemoryPressure", "s", func(c *unit.CgroupContext, s *subject) any { return c.ManagedOOMMemoryPressure.String() }},
		{"ManagedOOMMemoryPressureLimit", "u", func(c *unit.CgroupContext, s *subject) any {
			return uint32(uint64(c.ManagedOOMMemoryPressureLimit) * (1<<32 - 1) / 10000)
		}},
		{"ManagedOOMPreference", "s", func(c *unit.CgroupContext, s *subject) any { return c.ManagedOOMPreference.String() }},
		{"BPFProgram", "a(ss)", func(c *unit.CgroupContext, s *subject) any {
			list := []pair{}
			for _, p := range c.BPFPrograms {
				kind, path, _ := strings.Cut(p, ":")
				list = append(list, pair{kind, path})
			}
			return list
		}},
		{"SocketBindAllow", "a(iiqq)", func(c *unit.CgroupContext, s *subject) any { return socketBinds(c.SocketBindAllow) }},
		{"SocketBindDeny", "a(iiqq)", func(c *unit.CgroupContext, s *subject) any { return socketBinds(c.SocketBindDeny) }},
		{"RestrictNetworkInterfaces", "(bas)", func(c *unit.CgroupContext, s *subject) any { return names(c.RestrictNetworkInterfaces) }},
	}
}

// controllers are all that Delegate=yes hands on, in systemd's order (cgroup_controller_table in src/basic/cgroup-util.c).
var controllers = []string{
	"cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids", "bpf-firewall", "bpf-devices", "bpf-foreign",
	"bpf-socket-bind", "bpf-restrict-network-interfaces",
}

func delegated(c *unit.CgroupContext) []string {
	switch {
	case !c.Delegate:
		return []string{}
	case c.DelegateControllers == nil:
		return controllers
	}
	return c.DelegateControllers
}

// The numbers of address families and protocols (socket(2), ip(7)).
const (
	familyInet  = 2
	familyInet6 = 10
	protocolTCP = 6
	protocolUDP = 17
)

type prefix struct {
	Family  int32
	Address []byte
	Bits    uint32
}

func prefixes(list []netip.Prefix) []prefix {
	out := []prefix{}
	for _, p := range list {
		family := int32(familyInet)
		if p.Addr().Is6() {
			family = familyInet6
		}
		out = append(out, prefix{family, p.Addr().AsSlice(), uint32(p.Bits())})
	}
	return out
}

type socketBind struct {
	Family, Protocol int32
	Ports, First     uint16
}

func socketBinds(list []unit.SocketBind) []socketBind {
	out := []socketBind{}
	for _, b := range list {
		var s socketBind
		switch b.Family {
		case "ipv4":
			s.Family = familyInet
		case "ipv6":
			s.Family = familyInet6
		}
		switch b.Protocol {
		case "tcp":
			s.Protocol = protocolTCP
		case "udp":
			s.Protocol = protocolUDP
		}
		if b.First != 0 || b.Last != 0 {
			s.Ports, s.First = b.Last-b.First+1, b.First
		}
		out = append(out, s)
	}
	return out
}
