package track

import (
	"fmt"
	"math"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// measure finds what shares of memory and tasks are of: what the machine has, or less if the own cgroup is limited
// (physical_memory and system_tasks_max in src/shared/limits-util.c).
func measure(dir string) capacity {
	m := capacity{math.MaxUint64, math.MaxUint64}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.memory = uint64(info.Totalram) * uint64(info.Unit)
	}
	m.memory = min(m.memory, readLimit(path.Join(dir, "memory.max")))
	for _, name := range []string{"/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max", path.Join(dir, "pids.max")} {
		m.tasks = min(m.tasks, readLimit(name))
	}
	return m
}

// readLimit reads a number; "max", or no number, is all ones.
func readLimit(name string) uint64 {
	text, _ := os.ReadFile(name)
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return math.MaxUint64
	}
	return n
}

// apply writes what the context says. fresh: the cgroup is new, so that what it has already need not be written.
func (c *cgroups) apply(p *place, u Unit, defaults *unit.Defaults, fresh bool) (degraded []Degradation) {
	s, base := setting{c.machine, c.startup}, silent(defaults, isSlice(u.Name))
	for _, r := range properties {
		var err error
		text := r.text(u.Cgroup, s)
		switch {
		case !slices.Contains(c.controllers, r.controller):
			err = fmt.Errorf("the cgroup controller %s is not available", r.controller)
		case fresh && r.value != nil && len(text) == 1 && text[0] == r.initial:
		default:
			if p.context != nil {
				text = append(r.resets(p.context, text), text...)
			}
			for _, line := range text {
				if e := write(path.Join(c.dir, p.path, r.file), line); e != nil && err == nil {
					err = fmt.Errorf("cannot write %q to %s: %w", line, r.file, errno(e))
				}
			}
		}
		if err != nil {
			for _, d := range r.directives(u.Cgroup, base, s) {
				degraded = degrade(degraded, d, err.Error())
			}
		}
	}
	if u.OOMGroup != p.oomGroup {
		text := "0"
		if u.OOMGroup {
			text = "1"
		}
		if err := write(path.Join(c.dir, p.path, "memory.oom.group"), text); err != nil && u.OOMGroup {
			degraded = degrade(degraded, "OOMPolicy", fmt.Sprintf("cannot write 1 to memory.oom.group: %v", errno(err)))
		}
	}
	return append(degraded, programs(u.Cgroup)...)
}

// resets are lines that free the devices that the old context limits and the new text does not name.
func (p property) resets(old *unit.CgroupContext, text []string) (list []string) {
	if p.value != nil {
		return nil
	}
	for _, line := range p.text(old, setting{}) {
		device, _, _ := strings.Cut(line, " ")
		if !slices.ContainsFunc(text, func(l string) bool { return strings.HasPrefix(l, device+" ") }) {
			list = append(list, device+" "+p.reset)
		}
	}
	return list
}

// lost are all directives of a unit's context that do nothing, for one reason.
func lost(u Unit, defaults *unit.Defaults, reason string) (degraded []Degradation) {
	c, base := u.Cgroup, silent(defaults, isSlice(u.Name))
	for _, startup := range []bool{false, true} {
		for _, p := range properties {
			for _, d := range p.directives(c, base, setting{capacity{1 << 40, 1 << 40}, startup}) {
				degraded = degrade(degraded, d, reason)
			}
		}
	}
	if c.Delegate {
		degraded = degrade(degraded, "Delegate", reason)
	}
	return append(degraded, programs(c)...)
}

// degrade adds a directive, once.
func degrade(list []Degradation, directive, reason string) []Degradation {
	if slices.ContainsFunc(list, func(d Degradation) bool { return d.Directive == directive }) {
		return list
	}
	return append(list, Degradation{directive, reason})
}

// silent is the context of a unit that says nothing (cgroup_context_init in src/core/cgroup.c). A slice's tasks are not limited by default (unit_init in
// src/core/unit.c).
func silent(d *unit.Defaults, slice bool) *unit.CgroupContext {
	w := unit.WeightUnset
	tasks := d.TasksMax
	if slice {
		tasks = noLimit
	}
	return &unit.CgroupContext{
		CPUWeight: w, StartupCPU: w, IOWeight: w, StartupIO: w, CPUShares: w, StartupCPUShares: w, BlockIOWeight: w, StartupBlockIOWeight: w,
		CPUQuota: unit.Infinity, CPUQuotaPeriod: unit.Infinity,
		MemoryHigh: noLimit, MemoryMax: noLimit, MemorySwapMax: noLimit, MemoryZSwapMax: noLimit, MemoryLimit: noLimit,
		StartupMemoryHigh: noLimit, StartupMemoryMax: noLimit, StartupMemorySwapMax: noLimit, StartupMemoryZSwapMax: noLimit,
		TasksMax: tasks,
	}
}

// programs are the directives that need a BPF program in the kernel, which no cgroup's file is.
func programs(c *unit.CgroupContext) (degraded []Degradation) {
	const reason = "takes a BPF program, which keelson does not load"
	for _, d := range []struct {
		directive string
		set       bool
	}{
		{"DevicePolicy", c.DevicePolicy != unit.DevicePolicyAuto},
		{"DeviceAllow", len(c.DeviceAllow) > 0},
		{"IPAccounting", c.IPAccounting},
		{"IPAddressAllow", len(c.IPAddressAllow) > 0},
		{"IPAddressDeny", len(c.IPAddressDeny) > 0},
		{"IPIngressFilterPath", len(c.IPIngressFilterPath) > 0},
		{"IPEgressFilterPath", len(c.IPEgressFilterPath) > 0},
		{"BPFProgram", len(c.BPFPrograms) > 0},
		{"SocketBindAllow", len(c.SocketBindAllow) > 0},
		{"SocketBindDeny", len(c.SocketBindDeny) > 0},
		{"RestrictNetworkInterfaces", len(c.RestrictNetworkInterfaces.Names) > 0},
	} {
		if d.set {
			degraded = append(degraded, Degradation{d.directive, reason})
		}
	}
	return degraded
}

// StartupFinished says that the Startup…= directives hold no longer.
func (t *Tracker) StartupFinished() {
	c := t.cgroups
	if c == nil || !c.startup {
		return
	}
	c.startup = false
	for _, f := range t.units {
		if p := f.place; p != nil && p.context != nil {
			p.degraded = c.apply(p, Unit{Name: f.name, Cgroup: p.context, OOMGroup: p.oomGroup}, &t.defaults, false)
			p.startup = false
		}
	}
}

// Delegate gives a unit's cgroup to a user, so that it may make others below it (cg_set_access in src/basic/cgroup-util.c).
func (t *Tracker) Delegate(name string, uid, gid int) error {
	f := t.units[name]
	if f == nil || f.place == nil {
		return errNoCgroups
	}
	dir := path.Join(t.cgroups.dir, f.place.path)
	for _, file := range []string{"", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"} {
		if err := os.Chown(path.Join(dir, file), uid, gid); err != nil {
			return fmt.Errorf("cannot delegate the cgroup %s: %w", dir, err)
		}
	}
	for _, file := range []string{"memory.oom.group", "memory.reclaim"} {
		_ = os.Chown(path.Join(dir, file), uid, gid) // not on all kernels
	}
	return nil
}
