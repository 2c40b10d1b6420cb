package boot

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/bus"
)

// What a percentage in a unit file is of: the machine's, or what the container was given of it (system_tasks_max in src/core/cgroup.c and
// physical_memory in src/basic/limits-util.c).

// tasksMost is how many tasks there can be.
func tasksMost() uint64 {
	return min(number("/proc/sys/kernel/pid_max"), number("/proc/sys/kernel/threads-max"), number("/sys/fs/cgroup/pids.max"), number("/sys/fs/cgroup/pids/pids.max"))
}

// memoryMost is how many bytes of memory there are.
func memoryMost() uint64 {
	most := bus.Unknown
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		most = uint64(info.Totalram) * uint64(info.Unit)
	}
	return min(most, number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
}

// number is what a file holds, bus.Unknown if that is no number: "max", or no file.
func number(path string) uint64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return bus.Unknown
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return bus.Unknown
	}
	return n
}
