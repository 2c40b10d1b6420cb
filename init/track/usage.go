package track

import (
	"encoding/binary"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a unit takes. Memory is in bytes; a field that is not known is Unknown.
type Usage struct {
	Memory     uint64 // memory.current, or an estimate
	MemoryPeak uint64 // memory.peak
	Swap       uint64 // memory.swap.current
	Tasks      uint64 // pids.current, or threads
	CPU        time.Duration
	Estimated  bool // found by adding up processes: no cgroup tells
}

// Unknown is a value of Usage that could not be found out, as systemd's D-Bus properties have it.
const Unknown = ^uint64(0)

// clockTick is the unit of times in /proc/PID/stat: USER_HZ is 100 on amd64 and arm64.
const clockTick = 10 * time.Millisecond

// Usage is what the unit takes now. Without a cgroup memory is what its processes have in memory, with pages of files counted as in the
// process that has the most of them: they are most likely the same pages. CPU time then lacks that of processes whose parents did
// not wait for them.
func (t *Tracker) Usage(name string) Usage {
	u := Usage{Memory: Unknown, MemoryPeak: Unknown, Swap: Unknown, Tasks: Unknown}
	f := t.units[name]
	if f == nil {
		return u
	}
	if f.place != nil {
		dir := path.Join(t.cgroups.dir, f.place.path)
		u.Memory, u.MemoryPeak = readCount(dir, "memory.current"), readCount(dir, "memory.peak")
		u.Swap, u.Tasks = readCount(dir, "memory.swap.current"), readCount(dir, "pids.current")
		if usec, ok := keyed(path.Join(dir, "cpu.stat"), "usage_usec"); ok {
			u.CPU = time.Duration(usec) * time.Microsecond
		}
		if u.Memory != Unknown {
			return u
		}
	}
	left, _ := t.Left(name)
	var private, shared, threads, ticks uint64
	seen := false
	for _, p := range left {
		if s, err := t.proc.stat(p.PID); err == nil {
			threads += uint64(s.threads)
			ticks += s.ticks
			seen = true
		}
		if own, files, ok := t.proc.resident(p.PID); ok {
			private += own
			shared = max(shared, files)
		}
	}
	u.Estimated = true
	if seen || len(left) == 0 { // otherwise there is no /proc
		u.Memory = private + shared
		if u.Tasks == Unknown {
			u.Tasks = threads
		}
	}
	if u.CPU == 0 {
		u.CPU = f.spent + time.Duration(ticks)*clockTick
	}
	return u
}

// ResetUsage makes a unit's CPU time count from now on, as each start does (unit_reset_accounting in src/core/unit.c). A cgroup's own count goes
// on.
func (t *Tracker) ResetUsage(name string) {
	if f := t.units[name]; f != nil {
		f.spent = 0
	}
}

// resident is what a process has in memory, in bytes: pages of its own, and pages of files and of shared memory (proc(5), statm).
func (p procfs) resident(pid int) (own, files uint64, ok bool) {
	var buf [256]byte
	text, err := p.read(pid, "statm", buf[:])
	if err != nil {
		return 0, 0, false
	}
	f := strings.Fields(string(text))
	if len(f) < 3 {
		return 0, 0, false
	}
	resident, err1 := strconv.ParseUint(f[1], 10, 64)
	shared, err2 := strconv.ParseUint(f[2], 10, 64)
	page := uint64(os.Getpagesize())
	return (resident - min(shared, resident)) * page, shared * page, err1 == nil && err2 == nil
}

func readCount(dir, name string) uint64 { return readLimit(path.Join(dir, name)) }

// keyed reads a number from a file of lines "KEY VALUE".
func keyed(file, key string) (uint64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), " ")
		if k == key {
			n, err := strconv.ParseUint(v, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// ControlGroup is the path of a unit's cgroup as /proc/PID/cgroup has it here, "" if it has none.
func (t *Tracker) ControlGroup(name string) string {
	if f := t.units[name]; f != nil && f.place != nil {
		return t.cgroups.own + "/" + f.place.path
	}
	return ""
}

// listen watches for OOM kills in a unit's cgroup.
func (c *cgroups) listen(f *family) {
	file := path.Join(c.dir, f.place.path, "memory.events")
	wd, err := unix.InotifyAddWatch(c.inotify, file, unix.IN_MODIFY)
	if err != nil {
		return // no such controller, or no watch left: OOM kills go unnoticed
	}
	f.place.watch = int32(wd)
	f.place.kills, _ = keyed(file, "oom_kill")
	c.watches[int32(wd)] = f
}

// EventFD is readable when OOM may have something to say; -1 if it never has. It stays the Tracker's.
func (t *Tracker) EventFD() int {
	if t.cgroups == nil {
		return -1
	}
	return t.cgroups.inotify
}

// OOM are the units of which the kernel's OOM killer has taken a process since the last time, in the order in which it is noticed.
func (t *Tracker) OOM() (units []string) {
	c := t.cgroups
	if c == nil || c.inotify < 0 {
		return nil
	}
	buf := make([]byte, 4096)
	for {
		n, err := unix.Read(c.inotify, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return units
		}
		// struct inotify_event: wd 4, mask 4, cookie 4, len 4, name
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			wd := int32(binary.NativeEndian.Uint32(buf[at:]))
			at += unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(buf[at+12:]))
			f := c.watches[wd]
			if f == nil || f.place == nil {
				continue
			}
			kills, ok := keyed(path.Join(c.dir, f.place.path, "memory.events"), "oom_kill")
			if ok && kills > f.place.kills {
				units = append(units, f.name)
			}
			f.place.kills = max(kills, f.place.kills)
		}
	}
}
