package unit

import (
	"slices"
	"strconv"
	"strings"
)

// boundedNumber is a number in a range; the empty string takes it back.
func boundedNumber(least, most int64, outOfRange, malformed string, f field[Bound[int]]) form {
	return form{"number", func(a *assignment) {
		if a.value == "" {
			*f(a.u) = Bound[int]{}
			return
		}
		v, err := parseInt(a.value, 32)
		switch {
		case err == errRange, err == nil && (v < least || v > most):
			a.warn(outOfRange, a.value)
		case err != nil:
			a.warn(malformed, a.value)
		default:
			*f(a.u) = Bound[int]{true, int(v)}
		}
	}}
}

var coredumpFilterWords = words{"private-anonymous", "shared-anonymous", "private-file-backed", "shared-file-backed", "elf-headers", "private-huge", "shared-huge", "private-dax", "shared-dax"}

// coredumpDefault and coredumpAll are what "default" and "all" stand for (core(5), /proc/PID/coredump_filter).
const (
	coredumpDefault = 0x33
	coredumpAll     = ^uint64(0)
)

func coredumpFilter() form {
	return form{"list of " + strings.Join(coredumpFilterWords, ", ") + ", default, all or a hexadecimal mask", func(a *assignment) {
		b := &a.u.Exec.CoredumpFilter
		if a.value == "" {
			*b = Bound[uint64]{}
			return
		}
		mask, good := uint64(0), true
		err := eachWord(a.value, 0, func(w string) {
			i, ok := coredumpFilterWords.find(w)
			switch {
			case w == "default":
				mask |= coredumpDefault
			case w == "all":
				mask = coredumpAll
			case ok:
				mask |= 1 << i
			default:
				v, err := parseUint(strings.TrimPrefix(w, "0x"), 16, 64)
				mask, good = mask|v, good && err == nil
			}
		})
		if err != nil || !good {
			a.warn("Failed to parse the CoredumpFilter=%s, ignoring: Invalid argument", a.value)
			return
		}
		*b = Bound[uint64]{true, b.Value | mask}
	}}
}

func ioClass() form {
	return form{"one of " + strings.Join(ioClassWords, ", ") + ", or its number", func(a *assignment) {
		e := a.u.Exec
		if a.value == "" {
			e.IOSet, e.IOClass, e.IOPriority = false, IOClassBestEffort, 4
			return
		}
		i, ok := ioClassWords.find(a.value)
		if v, err := parseUint(a.value, 0, 8); err == nil && v < uint64(len(ioClassWords)) {
			i, ok = uint8(v), true
		}
		if !ok {
			a.warn("Failed to parse IO scheduling class, ignoring: %s", a.value)
			return
		}
		// The kernel's "none" is systemd's "best-effort" (ioprio_normalize in src/basic/ioprio-util.h).
		e.IOSet, e.IOClass = true, IOClass(i)
		if e.IOClass == IOClassNone {
			e.IOClass, e.IOPriority = IOClassBestEffort, 4
		}
	}}
}

func ioPriority() form {
	return form{"number from 0 to 7", func(a *assignment) {
		e := a.u.Exec
		if a.value == "" {
			e.IOSet, e.IOClass, e.IOPriority = false, IOClassBestEffort, 4
			return
		}
		v, err := parseInt(a.value, 32)
		if err != nil || v < 0 || v > 7 {
			a.warn("Failed to parse IO priority, ignoring: %s", a.value)
			return
		}
		e.IOSet, e.IOPriority = true, uint8(v)
	}}
}

func cpuPolicy() form {
	return form{"one of " + strings.Join(nonEmpty(cpuPolicyWords), ", "), func(a *assignment) {
		e := a.u.Exec
		if a.value == "" {
			e.CPUSet, e.CPUPolicy, e.CPUPriority = false, CPUOther, 0
			return
		}
		i, ok := cpuPolicyWords.find(a.value)
		if !ok {
			a.warn("Failed to parse CPU scheduling policy, ignoring: %s", a.value)
			return
		}
		e.CPUSet, e.CPUPolicy = true, CPUPolicy(i)
		// Moving to or from a real-time policy brings the priority into the policy's range (sched(7)).
		if e.CPUPolicy == CPUFifo || e.CPUPolicy == CPURR {
			e.CPUPriority = max(e.CPUPriority, 1)
		} else {
			e.CPUPriority = 0
		}
	}}
}

func cpuPriority() form {
	return form{"number from 1 to 99", func(a *assignment) {
		v, err := parseInt(a.value, 32)
		switch {
		case err != nil:
			a.warn("Failed to parse CPU scheduling priority, ignoring: %s", a.value)
		case v < 0 || v > 99:
			a.warn("CPU scheduling priority is out of range, ignoring: %s", a.value)
		default:
			a.u.Exec.CPUSet, a.u.Exec.CPUPriority = true, int(v)
		}
	}}
}

// cpusMax is more CPUs than Linux has (NR_CPUS is at most 8192).
const cpusMax = 8192

// numberSet is a list of numbers and ranges, such as CPUs; the empty string resets it, others add to it.
func numberSet(f field[[]int]) form {
	return form{"list of numbers and ranges", func(a *assignment) { a.numbers(f(a.u)) }}
}

func (a *assignment) numbers(set *[]int) bool {
	value, ok := a.expand(a.value, lineMax)
	if !ok {
		return false
	}
	c := cursor{s: value}
	list, given := slices.Clone(*set), false
	for {
		w, ok, err := c.word(whitespace+",", unquote)
		if err != nil {
			a.remark(Error, "Invalid value for %s: %s", a.key, value)
			return false
		}
		if !ok {
			break
		}
		given = true
		first, last, ranged := strings.Cut(w, "-")
		if !ranged {
			last = first
		}
		lo, err1 := parseUint(first, 0, 32)
		hi, err2 := parseUint(last, 0, 32)
		if err1 != nil || err2 != nil {
			a.remark(Error, "Failed to parse CPU affinity '%s'", w)
			return false
		}
		if hi >= cpusMax && lo <= hi {
			a.remark(Error, "Cannot add CPU %d to set: Numerical result out of range", hi)
			return false
		}
		if lo > hi {
			a.warn("Range '%s' is invalid, %d > %d, ignoring.", w, lo, hi)
		}
		for n := lo; n <= hi; n++ {
			list = insertSorted(list, int(n))
		}
	}
	if !given {
		list = nil
	} else if list == nil {
		list = []int{}
	}
	*set = list
	return true
}

func cpuAffinity() form {
	return form{"list of CPUs and ranges, or numa", func(a *assignment) {
		e := a.u.Exec
		if a.value == "numa" {
			e.CPUAffinity, e.CPUAffinityNUMA = nil, true
		} else if a.numbers(&e.CPUAffinity) {
			e.CPUAffinityNUMA = false
		}
	}}
}

func numaPolicy() form {
	return form{"one of " + strings.Join(numaPolicyWords, ", "), func(a *assignment) {
		p := &a.u.Exec.NUMAPolicy
		if a.value == "" {
			*p = Bound[NUMAPolicy]{}
		} else if i, ok := numaPolicyWords.find(a.value); ok {
			*p = Bound[NUMAPolicy]{true, NUMAPolicy(i)}
		} else {
			a.warn("Invalid NUMA policy type, ignoring: %s", a.value)
		}
	}}
}

func numaMask() form {
	return form{"list of nodes and ranges, or all", func(a *assignment) {
		e := a.u.Exec
		e.NUMAMaskAll = a.value == "all"
		if !e.NUMAMaskAll {
			a.numbers(&e.NUMAMask)
		}
	}}
}

var facilityWords = words{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "12", "13", "14", "15", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

var levelWords = words{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// wordOrNumber finds a word of a table, or an index of it.
func wordOrNumber(w words, s string) (uint8, bool) {
	if i, ok := w.find(s); ok {
		return i, true
	}
	v, err := strconv.ParseUint(s, 10, 8)
	return uint8(v), err == nil && v < uint64(len(w))
}

func syslogFacility() form {
	return form{"syslog facility", func(a *assignment) {
		if i, ok := wordOrNumber(facilityWords, a.value); ok {
			a.u.Exec.SyslogFacility = i
		} else {
			a.warn("Failed to parse log facility, ignoring: %s", a.value)
		}
	}}
}

func logLevel(set func(e *ExecContext, level uint8)) form {
	return form{"one of " + strings.Join(levelWords, ", "), func(a *assignment) {
		if i, ok := wordOrNumber(levelWords, a.value); ok {
			set(a.u.Exec, i)
		} else {
			a.warn("Failed to parse log level, ignoring: %s", a.value)
		}
	}}
}

func logExtraFields() form {
	return form{"list of FIELD=value", func(a *assignment) {
		list := &a.u.Exec.LogExtraFields
		if a.value == "" {
			*list = nil
			return
		}
		a.words(cUnescape|unquote, func(w string) {
			s, ok := a.expand(w, lineMax)
			if !ok {
				return
			}
			name, _, assigned := strings.Cut(s, "=")
			switch {
			case !assigned:
				a.warn("Log field lacks '=' character, ignoring: %s", s)
			case !validLogField(name):
				a.warn("Log field name is invalid, ignoring: %s", s)
			default:
				*list = append(*list, s)
			}
		})
	}}
}

// validLogField: capital letters, digits and "_", starting with a letter (systemd.journal-fields(7)).
func validLogField(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '_' || s[0] >= '0' && s[0] <= '9' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

func logNamespace() form {
	return form{"name", func(a *assignment) {
		if a.value == "" {
			a.u.Exec.LogNamespace = ""
			return
		}
		s, ok := a.expand(a.value, partMax)
		switch {
		case !ok:
		case !validFileName(s) || !ValidInstance(s) || !safeString(s):
			a.warn("Specified log namespace name is not valid, ignoring: %s", s)
		default:
			a.u.Exec.LogNamespace = s
		}
	}}
}

// personalities are what an architecture can make a process believe it runs on (personality_from_string in
// src/basic/process-util.c): itself and its 32 bit kin.
var personalities = map[string]words{
	"x86-64": {"x86-64", "x86"}, "x86": {"x86"}, "arm64": {"arm64", "arm"}, "arm": {"arm"},
	"ppc64": {"ppc64", "ppc"}, "ppc64-le": {"ppc64-le", "ppc-le"}, "s390x": {"s390x", "s390"},
	"riscv64": {"riscv64", "riscv32"}, "loongarch64": {"loongarch64"}, "mips64": {"mips64", "mips"}, "mips": {"mips"},
}

func personality() form {
	return form{"architecture", func(a *assignment) {
		w := personalities[a.spec.host.Architecture]
		if _, ok := w.find(a.value); !ok && a.value != "" {
			a.warn("Failed to parse personality, ignoring: %s", a.value)
			return
		}
		a.u.Exec.Personality = a.value
	}}
}

func ttySize(f field[Bound[uint]]) form {
	return form{"number up to 65535", func(a *assignment) {
		if a.value == "" {
			*f(a.u) = Bound[uint]{}
			return
		}
		v, err := parseUint(a.value, 0, 16)
		if err != nil {
			a.warn("Failed to parse tty size, ignoring: %s", a.value)
			return
		}
		*f(a.u) = Bound[uint]{true, uint(v)}
	}}
}
