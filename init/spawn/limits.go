package spawn

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// What a process may use, and when it runs.

func grant(capability string) string { return "docker run --cap-add " + capability + " grants it" }

// limits sets the resource limits, each as near to what is asked for as this process's own hard limit lets it (setrlimit_closest in
// src/basic/rlimit-util.c).
func (b *builder) limits() {
	if !b.sandboxed {
		return
	}
	for k, l := range b.x.Rlimits {
		if !l.Set {
			continue
		}
		limit, own := l.Value, b.m.Limits[k].Hard
		if most := max(own, b.m.highest(unit.RlimitKind(k))); limit.Hard > most || limit.Soft > most {
			limit.Soft, limit.Hard = min(limit.Soft, own), min(limit.Hard, own)
			d := Degradation{
				Directive: fmt.Sprintf("%s=%s", unit.RlimitKind(k), rlimitText(l.Value)),
				Reason:    fmt.Sprintf("the container's own hard limit is %s; docker run --ulimit raises it, or --cap-add SYS_RESOURCE lifts it", limitValue(own)),
			}
			if b.lose(exitLimits, d); b.ended {
				return
			}
		}
		b.add(prlimit("set "+unit.RlimitKind(k).String()+"=", k, limit.Soft, limit.Hard).exit(exitLimits))
	}
}

// highest is what a hard limit can be raised to.
func (m *Machine) highest(k unit.RlimitKind) uint64 {
	switch {
	case !m.hasOutside(unix.CAP_SYS_RESOURCE):
		return 0
	case k == unit.LimitNOFILE:
		return m.NrOpen
	}
	return unit.RlimitInfinity
}

func rlimitText(l unit.Rlimit) string {
	text := func(v uint64) string {
		if v == unit.RlimitInfinity {
			return "infinity"
		}
		return strconv.FormatUint(v, 10)
	}
	if l.Soft == l.Hard {
		return text(l.Soft)
	}
	return text(l.Soft) + ":" + text(l.Hard)
}

var limitNames = [...]string{"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"}

func limitName(resource int) string {
	if resource >= 0 && resource < len(limitNames) {
		return "RLIMIT_" + limitNames[resource]
	}
	return fmt.Sprint(resource)
}

func limitValue(v uint64) string {
	if v == unix.RLIM_INFINITY {
		return "RLIM64_INFINITY"
	}
	return fmt.Sprint(v)
}

// schedule is all between the standard streams and the directories in exec_child.
func (b *builder) schedule() {
	x := b.x
	if x.OOMScoreAdjust.Set {
		b.kernelFile("/proc/self/oom_score_adj", strconv.Itoa(x.OOMScoreAdjust.Value), exitOOMAdjust,
			Degradation{fmt.Sprintf("OOMScoreAdjust=%d", x.OOMScoreAdjust.Value), "a score below the container's takes CAP_SYS_RESOURCE; " + grant("SYS_RESOURCE")})
	}
	if x.CoredumpFilter.Set {
		text := fmt.Sprintf("%#x", x.CoredumpFilter.Value)
		b.kernelFile("/proc/self/coredump_filter", text, exitLimits, Degradation{"CoredumpFilter=" + text, "the container does not let it be written"})
	}
	if x.CPUSet {
		b.cpuPolicy()
	}
	if x.Nice.Set {
		b.nice(x.Nice.Value)
	}
	b.affinity()
	b.numaPolicy()
	if x.IOSet {
		b.ioPriority()
	}
	if x.TimerSlack.Set {
		b.try(call("prctl", unix.SYS_PRCTL, "set the timer slack", Word(unix.PR_SET_TIMERSLACK, "PR_SET_TIMERSLACK"), Word(x.TimerSlack.Value, fmt.Sprint(x.TimerSlack.Value))).exit(exitTimerSlack),
			Degradation{fmt.Sprintf("TimerSlackNSec=%d", x.TimerSlack.Value), "the kernel refuses it here"})
	}
	if p, ok := personalities[x.Personality]; ok {
		b.add(call("personality", unix.SYS_PERSONALITY, "set Personality="+x.Personality, Word(p.value, p.name)).exit(exitPersonality))
	}
	if x.UtmpIdentifier != "" {
		b.degraded = append(b.degraded, Degradation{"UtmpIdentifier=" + x.UtmpIdentifier, "no login records are kept in a container"})
	}
}

// kernelFile writes to a file in /proc/self. Without a /proc it is lost.
func (b *builder) kernelFile(path, text string, status int, d Degradation) {
	if !b.m.Proc {
		b.lose(status, Degradation{d.Directive, "there is no /proc"})
		return
	}
	for _, c := range writeFile(len(b.list), "write "+path, path, text) {
		b.try(c.exit(status), d)
	}
}

func (b *builder) cpuPolicy() {
	x := b.x
	attr := make([]byte, 48) // struct sched_attr: size, policy, flags, nice, priority, and what deadlines take
	binary.NativeEndian.PutUint32(attr, uint32(len(attr)))
	binary.NativeEndian.PutUint32(attr[4:], uint32(x.CPUPolicy))
	if x.CPUResetOnFork {
		binary.NativeEndian.PutUint64(attr[8:], resetOnFork)
	}
	binary.NativeEndian.PutUint32(attr[20:], uint32(x.CPUPriority))
	text := fmt.Sprintf("{%s, flags=%d, priority=%d}", x.CPUPolicy, binary.NativeEndian.Uint64(attr[8:]), x.CPUPriority)
	b.try(call("sched_setattr", unix.SYS_SCHED_SETATTR, "set the CPU scheduling", Int(0), Bytes(attr, text), Int(0)).exit(exitSetScheduler),
		Degradation{"CPUSchedulingPolicy=" + x.CPUPolicy.String(), "takes CAP_SYS_NICE, or a limit of realtime priorities; " + grant("SYS_NICE") + ", or --ulimit rtprio=99"})
}

// nice goes as far as is allowed (setpriority_closest in src/basic/process-util.c).
func (b *builder) nice(value int) {
	if value < b.m.Nice && !b.m.hasOutside(unix.CAP_SYS_NICE) {
		// RLIMIT_NICE counts from 1 for nice 19 to 40 for -20.
		allowed := 20 - int(min(b.m.Limits[unit.LimitNICE].Soft, 40))
		if allowed > value {
			b.lose(exitNice, Degradation{fmt.Sprintf("Nice=%d", value), "takes CAP_SYS_NICE; " + grant("SYS_NICE")})
			if value = min(allowed, b.m.Nice); value == b.m.Nice {
				return
			}
		}
	}
	b.try(call("setpriority", unix.SYS_SETPRIORITY, "set the nice level", Word(unix.PRIO_PROCESS, "PRIO_PROCESS"), Int(0), Int(value)).exit(exitNice),
		Degradation{fmt.Sprintf("Nice=%d", value), "takes CAP_SYS_NICE; " + grant("SYS_NICE")})
}

func (b *builder) affinity() {
	cpus := b.x.CPUAffinity
	if b.x.CPUAffinityNUMA {
		var err error
		if cpus, err = nodeCPUs(b.x.NUMAMask); err != nil {
			b.fail(exitCPUAffinity, "derive CPUAffinity= from NUMAMask=", err)
			return
		}
	}
	if len(cpus) == 0 {
		return
	}
	mask := bitmap(cpus)
	b.add(call("sched_setaffinity", unix.SYS_SCHED_SETAFFINITY, "set the CPU affinity", Int(0), Int(len(mask)), Bytes(mask, fmt.Sprint(cpus))).exit(exitCPUAffinity))
}

// bitmap is a set of numbers as the kernel's unsigned longs.
func bitmap(set []int) []byte {
	if len(set) == 0 {
		return nil
	}
	words := slices.Max(set)/64 + 1
	mask := make([]byte, 8*words)
	for _, n := range set {
		at := mask[n/64*8:]
		binary.NativeEndian.PutUint64(at, binary.NativeEndian.Uint64(at)|1<<(n%64))
	}
	return mask
}

// nodeCPUs are the CPUs of NUMA nodes.
func nodeCPUs(nodes []int) ([]int, error) {
	var cpus []int
	for _, n := range nodes {
		text, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/node/node%d/cpulist", n))
		if err != nil {
			return nil, err
		}
		list, err := parseRanges(strings.TrimSpace(string(text)))
		if err != nil {
			return nil, err
		}
		cpus = append(cpus, list...)
	}
	return cpus, nil
}

// parseRanges reads "0-3,8" as the kernel writes it.
func parseRanges(s string) ([]int, error) {
	var list []int
	for _, r := range strings.FieldsFunc(s, func(c rune) bool { return c == ',' }) {
		low, high, pair := strings.Cut(r, "-")
		if !pair {
			high = low
		}
		l, err := strconv.ParseUint(low, 10, 16)
		if err != nil {
			return nil, err
		}
		h, err := strconv.ParseUint(high, 10, 16)
		if err != nil {
			return nil, err
		}
		for n := l; n <= h; n++ {
			list = append(list, int(n))
		}
	}
	return list, nil
}

func (b *builder) numaPolicy() {
	x := b.x
	if !x.NUMAPolicy.Set {
		return
	}
	nodes := x.NUMAMask
	if x.NUMAMaskAll {
		online, err := os.ReadFile("/sys/devices/system/node/online")
		if err == nil {
			nodes, err = parseRanges(strings.TrimSpace(string(online)))
		}
		if err != nil {
			b.lose(exitNUMAPolicy, Degradation{"NUMAMask=all", "the kernel does not say which nodes there are"})
			return
		}
	}
	p := x.NUMAPolicy.Value
	mask := bitmap(nodes)
	if len(mask) == 0 && (p == unit.NUMABind || p == unit.NUMAInterleave || p == unit.NUMAPreferred) {
		if p != unit.NUMAPreferred {
			b.fail(exitNUMAPolicy, "set NUMAPolicy="+p.String(), because(unix.EINVAL, "NUMAMask= names no node"))
			return
		}
	}
	arg := Null()
	if p == unit.NUMADefault || p == unit.NUMALocal {
		mask = nil // these take no nodes
	}
	if mask != nil {
		arg = Bytes(mask, fmt.Sprint(nodes))
	}
	maxNode := 0
	if mask != nil {
		maxNode = 8*len(mask) + 1
	}
	b.try(call("set_mempolicy", unix.SYS_SET_MEMPOLICY, "set the NUMA policy", Word(uint64(p), p.String()), arg, Int(maxNode)).exit(exitNUMAPolicy),
		Degradation{"NUMAPolicy=" + p.String(), "the container's system call filter denies it; " + grant("SYS_NICE")})
}

func (b *builder) ioPriority() {
	value := uint64(b.x.IOClass)<<classShift | uint64(b.x.IOPriority)
	b.try(call("ioprio_set", unix.SYS_IOPRIO_SET, "set the I/O priority", Word(ioprioProcess, "IOPRIO_WHO_PROCESS"), Int(0),
		Word(value, fmt.Sprintf("%s:%d", b.x.IOClass, b.x.IOPriority))).exit(exitIOPrio),
		Degradation{"IOSchedulingClass=" + b.x.IOClass.String(), "takes CAP_SYS_NICE; " + grant("SYS_NICE")})
}

// personalities are Personality= as personality(2) has them; the native one is PER_LINUX.
var personalities = map[string]struct {
	value uint64
	name  string
}{
	"x86-64": {0, "PER_LINUX"}, "arm64": {0, "PER_LINUX"},
	"x86": {8, "PER_LINUX32"}, "arm": {8, "PER_LINUX32"},
}
