package track

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// capacity is what shares are of.
type capacity struct {
	memory uint64 // bytes
	tasks  uint64
}

// A property is what a directive writes into a file of the cgroup.
type property struct {
	directive  string
	controller string
	file       string
	initial    string // what a new cgroup has
	value      func(c *unit.CgroupContext, s setting) string

	// Instead of directive, initial and value, in files with a line for each device:
	streams []stream
	reset   string // what makes a device's line one without limits
}

// stream is one kind of limit in such a file.
type stream struct {
	directive string
	key       string
	of        func(*unit.CgroupContext) []unit.DeviceLimit
}

// setting is what a text depends on beside the context.
type setting struct {
	machine capacity
	startup bool
}

// properties is systemd.resource-control(5) on cgroup v2, in the order in which it is written (cgroup_context_apply in
// src/core/cgroup.c; the files: Documentation/admin-guide/cgroup-v2.rst). Directives of cgroup v1 stand in for the new ones
// where those are not given, as there.
var properties = []property{
	{directive: "CPUWeight", controller: "cpu", file: "cpu.idle", initial: "0", value: func(c *unit.CgroupContext, s setting) string {
		if cpuWeight(c, s) == unit.WeightIdle {
			return "1"
		}
		return "0"
	}},
	{directive: "CPUWeight", controller: "cpu", file: "cpu.weight", initial: "100", value: func(c *unit.CgroupContext, s setting) string {
		if w := cpuWeight(c, s); w != unit.WeightIdle { // an idle cgroup's weight cannot be written
			return weightText(w)
		}
		return ""
	}},
	{directive: "CPUQuota", controller: "cpu", file: "cpu.max", initial: "max 100000", value: func(c *unit.CgroupContext, _ setting) string {
		return quota(c.CPUQuota, c.CPUQuotaPeriod)
	}},
	{directive: "AllowedCPUs", controller: "cpuset", file: "cpuset.cpus", initial: "", value: func(c *unit.CgroupContext, s setting) string {
		return ranges(choose(s.startup && len(c.StartupAllowedCPUs) > 0, c.StartupAllowedCPUs, c.AllowedCPUs))
	}},
	{directive: "AllowedMemoryNodes", controller: "cpuset", file: "cpuset.mems", initial: "", value: func(c *unit.CgroupContext, s setting) string {
		return ranges(choose(s.startup && len(c.StartupAllowedMemoryNodes) > 0, c.StartupAllowedMemoryNodes, c.AllowedMemoryNodes))
	}},
	{directive: "IOWeight", controller: "io", file: "io.weight", initial: "default 100", value: func(c *unit.CgroupContext, s setting) string {
		return "default " + weightText(ioWeight(c, s))
	}},
	{controller: "io", file: "io.weight", reset: "default", streams: []stream{
		{"IODeviceWeight", "", func(c *unit.CgroupContext) []unit.DeviceLimit { return c.IODeviceWeight }}}},
	{controller: "io", file: "io.max", reset: "rbps=max wbps=max riops=max wiops=max", streams: []stream{
		{"IOReadBandwidthMax", "rbps=", func(c *unit.CgroupContext) []unit.DeviceLimit {
			return either(c.IOReadBandwidthMax, c.BlockIOReadBandwidth)
		}},
		{"IOWriteBandwidthMax", "wbps=", func(c *unit.CgroupContext) []unit.DeviceLimit {
			return either(c.IOWriteBandwidthMax, c.BlockIOWriteBandwidth)
		}},
		{"IOReadIOPSMax", "riops=", func(c *unit.CgroupContext) []unit.DeviceLimit { return c.IOReadIOPSMax }},
		{"IOWriteIOPSMax", "wiops=", func(c *unit.CgroupContext) []unit.DeviceLimit { return c.IOWriteIOPSMax }}}},
	{controller: "io", file: "io.latency", reset: "target=0", streams: []stream{
		{"IODeviceLatencyTargetSec", "target=", func(c *unit.CgroupContext) []unit.DeviceLimit { return c.IODeviceLatencyTarget }}}},
	{directive: "MemoryMin", controller: "memory", file: "memory.min", initial: "0", value: amount(func(c *unit.CgroupContext, _ bool) unit.Fraction { return c.MemoryMin })},
	{directive: "MemoryLow", controller: "memory", file: "memory.low", initial: "0", value: amount(func(c *unit.CgroupContext, startup bool) unit.Fraction {
		return choose(startup && c.StartupMemoryLow != unit.Fraction{}, c.StartupMemoryLow, c.MemoryLow)
	})},
	{directive: "MemoryHigh", controller: "memory", file: "memory.high", initial: "max", value: amount(func(c *unit.CgroupContext, startup bool) unit.Fraction {
		return choose(startup && c.StartupMemoryHigh != noLimit, c.StartupMemoryHigh, c.MemoryHigh)
	})},
	{directive: "MemoryMax", controller: "memory", file: "memory.max", initial: "max", value: amount(func(c *unit.CgroupContext, startup bool) unit.Fraction {
		if c.MemoryMax == noLimit {
			return choose(startup && c.StartupMemoryMax != noLimit, c.StartupMemoryMax, c.MemoryLimit)
		}
		return choose(startup && c.StartupMemoryMax != noLimit, c.StartupMemoryMax, c.MemoryMax)
	})},
	{directive: "MemorySwapMax", controller: "memory", file: "memory.swap.max", initial: "max", value: amount(func(c *unit.CgroupContext, startup bool) unit.Fraction {
		return choose(startup && c.StartupMemorySwapMax != noLimit, c.StartupMemorySwapMax, c.MemorySwapMax)
	})},
	{directive: "MemoryZSwapMax", controller: "memory", file: "memory.zswap.max", initial: "max", value: amount(func(c *unit.CgroupContext, startup bool) unit.Fraction {
		return choose(startup && c.StartupMemoryZSwapMax != noLimit, c.StartupMemoryZSwapMax, c.MemoryZSwapMax)
	})},
	{directive: "TasksMax", controller: "pids", file: "pids.max", initial: "max", value: func(c *unit.CgroupContext, s setting) string { return limit(c.TasksMax, s.machine.tasks) }},
}

var noLimit = unit.Fraction{Amount: unit.NoLimit}

func choose[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func either(a, b []unit.DeviceLimit) []unit.DeviceLimit { return choose(len(a) > 0, a, b) }

// cpuWeight is CPUWeight=, or what CPUShares= comes to (cgroup_cpu_shares_to_weight in src/core/cgroup.c).
func cpuWeight(c *unit.CgroupContext, s setting) unit.Weight {
	if c.CPUWeight != unit.WeightUnset || c.StartupCPU != unit.WeightUnset {
		return choose(s.startup && c.StartupCPU != unit.WeightUnset, c.StartupCPU, c.CPUWeight)
	}
	return scale(choose(s.startup && c.StartupCPUShares != unit.WeightUnset, c.StartupCPUShares, c.CPUShares), 1024)
}

// ioWeight is IOWeight=, or what BlockIOWeight= comes to (cgroup_weight_blkio_to_io).
func ioWeight(c *unit.CgroupContext, s setting) unit.Weight {
	if c.IOWeight != unit.WeightUnset || c.StartupIO != unit.WeightUnset {
		return choose(s.startup && c.StartupIO != unit.WeightUnset, c.StartupIO, c.IOWeight)
	}
	return scale(choose(s.startup && c.StartupBlockIOWeight != unit.WeightUnset, c.StartupBlockIOWeight, c.BlockIOWeight), 500)
}

// scale turns a weight of cgroup v1, whose default is usual, into one of v2, whose default is 100.
func scale(w unit.Weight, usual uint64) unit.Weight {
	if w == unit.WeightUnset {
		return w
	}
	return unit.Weight(min(max(uint64(w)*100/usual, 1), 10000))
}

func weightText(w unit.Weight) string {
	if w == unit.WeightUnset {
		return "100"
	}
	return strconv.FormatUint(uint64(w), 10)
}

// quota is "MAX PERIOD" of cpu.max, in microseconds. The kernel wants both to be at least 1 ms, and the period at most 1 s
// (cgroup_cpu_adjust_period in src/core/cgroup.c).
func quota(perSecond, period unit.Usec) string {
	const least, most, usual = calendar.Millisecond, calendar.Second, 100 * calendar.Millisecond
	if period == unit.Infinity {
		period = usual
	}
	if perSecond == unit.Infinity {
		return fmt.Sprintf("max %d", min(max(period, least), most))
	}
	period = min(max(period, least, least*calendar.Second/max(perSecond, 1)), most)
	return fmt.Sprintf("%d %d", max(perSecond*period/calendar.Second, least), period)
}

// ranges is a set of numbers as cpuset(7), "List format", writes it.
func ranges(set []int) string {
	var b strings.Builder
	for i := 0; i < len(set); {
		last := i
		for last+1 < len(set) && set[last+1] == set[last]+1 {
			last++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(set[i]))
		if last > i {
			b.WriteString("-" + strconv.Itoa(set[last]))
		}
		i = last + 1
	}
	return b.String()
}

// limit is an amount or a share of whole, or "max".
func limit(f unit.Fraction, whole uint64) string {
	switch {
	case f.Shared && whole == unit.RlimitInfinity, !f.Shared && f.Amount == unit.NoLimit:
		return "max"
	case f.Shared:
		return strconv.FormatUint(uint64(float64(whole)*float64(f.Share)/10000), 10)
	}
	return strconv.FormatUint(uint64(f.Amount), 10)
}

func amount(of func(c *unit.CgroupContext, startup bool) unit.Fraction) func(*unit.CgroupContext, setting) string {
	return func(c *unit.CgroupContext, s setting) string { return limit(of(c, s.startup), s.machine.memory) }
}

// text is what is to be in the file, a line for each write. A device that cannot be found is written by its path, which the kernel then refuses.
func (p property) text(c *unit.CgroupContext, s setting) []string {
	if p.value != nil {
		if v := p.value(c, s); v != "" || p.initial == "" {
			return []string{v}
		}
		return nil
	}
	var order []string
	limits := map[string]string{}
	for _, s := range p.streams {
		for _, d := range s.of(c) {
			number := deviceNumber(d.Path)
			if _, ok := limits[number]; !ok {
				order = append(order, number)
			}
			value := strconv.FormatUint(d.Value, 10)
			if unit.Limit(d.Value) == unit.NoLimit {
				value = "max"
			}
			limits[number] += " " + s.key + value
		}
	}
	for i, number := range order {
		order[i] = number + limits[number]
	}
	return order
}

// directives are those that the context has set, other than base.
func (p property) directives(c, base *unit.CgroupContext, s setting) (list []string) {
	if p.value != nil {
		if p.value(c, s) != p.value(base, s) {
			return []string{p.directive}
		}
		return nil
	}
	for _, s := range p.streams {
		if len(s.of(c)) > 0 {
			list = append(list, s.directive)
		}
	}
	return list
}

// deviceNumber is MAJOR:MINOR of the disk that a path is, or is on: limits hold for whole disks, not for their partitions
// (lookup_block_device in src/core/cgroup.c).
func deviceNumber(name string) string {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return name
	}
	device := st.Dev
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		device = st.Rdev
	}
	number := fmt.Sprintf("%d:%d", unix.Major(device), unix.Minor(device))
	sys := "/sys/dev/block/" + number // a symbolic link
	if unix.Access(sys+"/partition", unix.F_OK) == nil {
		var buf [64]byte
		if whole, err := readAt(unix.AT_FDCWD, sys+"/../dev", buf[:]); err == nil {
			return strings.TrimSpace(string(whole))
		}
	}
	return number
}
