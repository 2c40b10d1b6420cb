package unit

import (
	"net/netip"
	"slices"
	"strings"
)

// cgroupGroups are systemd.resource-control(5).
func cgroupGroups() []group {
	c := func(u *Unit) *CgroupContext { return u.Cgroup }
	cg, bpf := needs(CgroupSubtree), needs(CgroupBPF)
	legacy := inert("cgroup v1 only")
	oomd := inert("a container has no systemd-oomd")
	none := Fraction{Amount: NoLimit}
	zero := Fraction{}
	return []group{{"systemd.resource-control(5)", sectionsWith(Type.HasCgroup), []row{
		{"Slice", slice(), inert("slices are known by name only"), 0},

		{"CPUAccounting", boolean(func(u *Unit) *bool { return &c(u).CPUAccounting }), cg, 0},
		{"CPUWeight", weight(1, 10000, true, "Invalid CPU weight", func(u *Unit) *Weight { return &c(u).CPUWeight }), cg, 0},
		{"StartupCPUWeight", weight(1, 10000, true, "Invalid CPU weight", func(u *Unit) *Weight { return &c(u).StartupCPU }), cg, 0},
		{"CPUQuota", cpuQuota(), cg, 0},
		{"CPUQuotaPeriodSec", spanOrEmpty(func(u *Unit) *Usec { return &c(u).CPUQuotaPeriod }), cg, 0},
		{"AllowedCPUs", numberSet(func(u *Unit) *[]int { return &c(u).AllowedCPUs }), cg, 0},
		{"StartupAllowedCPUs", numberSet(func(u *Unit) *[]int { return &c(u).StartupAllowedCPUs }), cg, 0},
		{"AllowedMemoryNodes", numberSet(func(u *Unit) *[]int { return &c(u).AllowedMemoryNodes }), cg, 0},
		{"StartupAllowedMemoryNodes", numberSet(func(u *Unit) *[]int { return &c(u).StartupAllowedMemoryNodes }), cg, 0},
		{"CPUShares", legacyWeight(2, 262144, "CPUWeight=", "Invalid CPU shares", func(u *Unit) *Weight { return &c(u).CPUShares }), legacy, 0},
		{"StartupCPUShares", legacyWeight(2, 262144, "CPUWeight=", "Invalid CPU shares", func(u *Unit) *Weight { return &c(u).StartupCPUShares }), legacy, 0},

		{"MemoryAccounting", boolean(func(u *Unit) *bool { return &c(u).MemoryAccounting }), cg, 0},
		{"MemoryMin", memory(true, zero, func(u *Unit) *Fraction { return &c(u).MemoryMin }), cg, 0},
		{"MemoryLow", memory(true, zero, func(u *Unit) *Fraction { return &c(u).MemoryLow }), cg, 0},
		{"DefaultMemoryMin", memory(true, zero, func(u *Unit) *Fraction { return &c(u).DefaultMemoryMin }), cg, 0},
		{"DefaultMemoryLow", memory(true, zero, func(u *Unit) *Fraction { return &c(u).DefaultMemoryLow }), cg, 0},
		{"MemoryHigh", memory(false, none, func(u *Unit) *Fraction { return &c(u).MemoryHigh }), cg, 0},
		{"MemoryMax", memory(false, none, func(u *Unit) *Fraction { return &c(u).MemoryMax }), cg, 0},
		{"MemorySwapMax", memory(true, none, func(u *Unit) *Fraction { return &c(u).MemorySwapMax }), cg, 0},
		{"MemoryZSwapMax", memory(true, none, func(u *Unit) *Fraction { return &c(u).MemoryZSwapMax }), cg, 253},
		{"StartupMemoryLow", memory(true, zero, func(u *Unit) *Fraction { return &c(u).StartupMemoryLow }), cg, 254},
		{"DefaultStartupMemoryLow", memory(true, zero, func(u *Unit) *Fraction { return &c(u).DefaultStartupMemoryLow }), cg, 254},
		{"StartupMemoryHigh", memory(false, none, func(u *Unit) *Fraction { return &c(u).StartupMemoryHigh }), cg, 254},
		{"StartupMemoryMax", memory(false, none, func(u *Unit) *Fraction { return &c(u).StartupMemoryMax }), cg, 254},
		{"StartupMemorySwapMax", memory(true, none, func(u *Unit) *Fraction { return &c(u).StartupMemorySwapMax }), cg, 254},
		{"StartupMemoryZSwapMax", memory(true, none, func(u *Unit) *Fraction { return &c(u).StartupMemoryZSwapMax }), cg, 254},
		{"MemoryLimit", legacyMemory(func(u *Unit) *Fraction { return &c(u).MemoryLimit }), legacy, 0},
		{"MemoryPressureWatch", booleanWatch(), cg, 254},
		{"MemoryPressureThresholdSec", span(func(u *Unit) *Usec { return &c(u).MemoryPressureThreshold }), cg, 254},

		{"MemoryZSwapWriteback", boolean(func(u *Unit) *bool { return &c(u).MemoryZSwapWriteback }), cg, 256},

		{"TasksAccounting", boolean(func(u *Unit) *bool { return &c(u).TasksAccounting }), cg, 0},
		{"TasksMax", tasksMax(), cg, 0},

		{"IOAccounting", boolean(func(u *Unit) *bool { return &c(u).IOAccounting }), cg, 0},
		{"IOWeight", weight(1, 10000, false, "Invalid weight", func(u *Unit) *Weight { return &c(u).IOWeight }), cg, 0},
		{"StartupIOWeight", weight(1, 10000, false, "Invalid weight", func(u *Unit) *Weight { return &c(u).StartupIO }), cg, 0},
		{"IODeviceWeight", deviceLimit("weight", false, ioWeight, func(u *Unit) *[]DeviceLimit { return &c(u).IODeviceWeight }), cg, 0},
		{"IOReadBandwidthMax", deviceLimit("bandwidth", false, bandwidth, func(u *Unit) *[]DeviceLimit { return &c(u).IOReadBandwidthMax }), cg, 0},
		{"IOWriteBandwidthMax", deviceLimit("bandwidth", false, bandwidth, func(u *Unit) *[]DeviceLimit { return &c(u).IOWriteBandwidthMax }), cg, 0},
		{"IOReadIOPSMax", deviceLimit("bandwidth", false, bandwidth, func(u *Unit) *[]DeviceLimit { return &c(u).IOReadIOPSMax }), cg, 0},
		{"IOWriteIOPSMax", deviceLimit("bandwidth", false, bandwidth, func(u *Unit) *[]DeviceLimit { return &c(u).IOWriteIOPSMax }), cg, 0},
		{"IODeviceLatencyTargetSec", deviceLimit("latency", false, latency, func(u *Unit) *[]DeviceLimit { return &c(u).IODeviceLatencyTarget }), cg, 0},
		{"BlockIOAccounting", boolean(func(u *Unit) *bool { return &c(u).BlockIOAccounting }), legacy, 0},
		{"BlockIOWeight", weight(10, 1000, false, "Invalid block IO weight", func(u *Unit) *Weight { return &c(u).BlockIOWeight }), legacy, 0},
		{"StartupBlockIOWeight", weight(10, 1000, false, "Invalid block IO weight", func(u *Unit) *Weight { return &c(u).StartupBlockIOWeight }), legacy, 0},
		{"BlockIODeviceWeight", deviceLimit("weight", true, blockIOWeight, func(u *Unit) *[]DeviceLimit { return &c(u).BlockIODeviceWeight }), legacy, 0},
		{"BlockIOReadBandwidth", deviceLimit("bandwidth", true, bandwidth, func(u *Unit) *[]DeviceLimit { return &c(u).BlockIOReadBandwidth }), legacy, 0},
		{"BlockIOWriteBandwidth", deviceLimit("bandwidth", true, bandwidth, func(u *Unit) *[]DeviceLimit { return &c(u).BlockIOWriteBandwidth }), legacy, 0},

		{"DevicePolicy", oneOf(devicePolicyWords, "Failed to parse device policy", func(u *Unit) *DevicePolicy { return &c(u).DevicePolicy }), bpf, 0},
		{"DeviceAllow", deviceAllow(), bpf, 0},

		{"IPAccounting", boolean(func(u *Unit) *bool { return &c(u).IPAccounting }), bpf, 0},
		{"IPAddressAllow", addressPrefixes(func(u *Unit) *[]netip.Prefix { return &c(u).IPAddressAllow }), bpf, 0},
		{"IPAddressDeny", addressPrefixes(func(u *Unit) *[]netip.Prefix { return &c(u).IPAddressDeny }), bpf, 0},
		{"IPIngressFilterPath", filterPath(func(u *Unit) *[]string { return &c(u).IPIngressFilterPath }), bpf, 0},
		{"IPEgressFilterPath", filterPath(func(u *Unit) *[]string { return &c(u).IPEgressFilterPath }), bpf, 0},
		{"BPFProgram", bpfProgram(), bpf, 0},
		{"SocketBindAllow", socketBind(func(u *Unit) *[]SocketBind { return &c(u).SocketBindAllow }), bpf, 0},
		{"SocketBindDeny", socketBind(func(u *Unit) *[]SocketBind { return &c(u).SocketBindDeny }), bpf, 0},
		{"RestrictNetworkInterfaces", nameList("list of interfaces, inverted by ~", func(u *Unit) *NameList { return &c(u).RestrictNetworkInterfaces }, "", validInterface, "Invalid interface name, ignoring: %s"), bpf, 0},

		{"Delegate", delegate(), cg, 0},
		{"DelegateSubgroup", literal(func(u *Unit) *string { return &c(u).DelegateSubgroup }), cg, 254},
		{"DisableControllers", disableControllers(), cg, 0},
		{"ManagedOOMSwap", managedOOM(func(u *Unit) *ManagedOOM { return &c(u).ManagedOOMSwap }), oomd, 0},
		{"ManagedOOMMemoryPressure", managedOOM(func(u *Unit) *ManagedOOM { return &c(u).ManagedOOMMemoryPressure }), oomd, 0},
		{"ManagedOOMMemoryPressureLimit", managedOOMLimit(), oomd, 0},
		{"ManagedOOMPreference", oneOf(managedOOMPreferenceWords, "Failed to parse ManagedOOMPreference=", func(u *Unit) *ManagedOOMPreference { return &c(u).ManagedOOMPreference }), oomd, 0},
		{"CoredumpReceive", boolean(func(u *Unit) *bool { return &c(u).CoredumpReceive }), inert("core dumps go where the host's kernel sends them"), 255},
		{"NFTSet", nftSets(), inert("a container's units have no cgroup that a packet filter could name"), 255},
		{"NetClass", removed(), gone, 0},
	}}}
}

// booleanWatch is MemoryPressureWatch=: auto, skip, or a boolean.
func booleanWatch() form {
	return form{"auto, skip or boolean", func(a *assignment) {
		i, ok := pressureWatchWords.find(a.value)
		w := PressureWatch(i)
		if b, isBool := ParseBoolean(a.value); isBool {
			if w, ok = PressureOff, true; b {
				w = PressureOn
			}
		}
		if !ok && a.value != "" {
			a.warn("Failed to parse MemoryPressureWatch= setting, ignoring: %s", a.value)
			return
		}
		a.u.Cgroup.MemoryPressureWatch = w
	}}
}

// NFTSet is one set of a packet filter that the unit's cgroup, user or group is put into.
type NFTSet struct {
	Source string // "cgroup", "user" or "group"
	Family string // "arp", "bridge", "inet", "ip", "ip6" or "netdev"
	Table  string
	Set    string
}

// nftSets is NFTSet= (config_parse_cgroup_nft_set in src/core/load-fragment.c of systemd 255).
func nftSets() form {
	return form{"list of source:family:table:set", func(a *assignment) {
		list := &a.u.Cgroup.NFTSets
		if a.value == "" {
			*list = nil
			return
		}
		for _, word := range strings.Fields(a.value) {
			part := strings.Split(word, ":")
			if len(part) != 4 {
				a.warn("Failed to parse NFT set, ignoring: %s", word)
				continue
			}
			n := NFTSet{part[0], part[1], part[2], part[3]}
			switch {
			case !slices.Contains([]string{"cgroup", "user", "group"}, n.Source):
				a.warn("Unknown NFT source, ignoring: %s", n.Source)
			case !slices.Contains([]string{"arp", "bridge", "inet", "ip", "ip6", "netdev"}, n.Family):
				a.warn("Unknown NFT protocol family, ignoring: %s", n.Family)
			case !nftName(n.Table) || !nftName(n.Set):
				a.warn("Invalid table or set name, ignoring: %s", word)
			default:
				*list = append(*list, n)
			}
		}
	}}
}

// nftName: nft_identifier_valid in src/shared/firewall-util.c.
func nftName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return s != "" && len(s) < 32 && strings.Contains(letters, s[:1]) && strings.Trim(s, letters+"0123456789/\\_.") == ""
}
