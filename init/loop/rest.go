package loop

import (
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// settled is how long after the boot, or after the execution of another binary, its last work is done: the log, clients that waited for it.
const settled = time.Second

// rest gives the memory back that the boot has used and waiting does not need. It may run beside everything else.
//
// The heap holds what was read and thrown away. Of the binary's code and constants the kernel maps the 64 KiB around each address that is touched
// (fault_around_bytes in mm/memory.c), after a boot nearly all of the file. What is let go of them is mapped again from the page cache when it is
// needed (MADV_DONTNEED in madvise(2)).
func rest() {
	debug.FreeOSMemory()
	maps, _ := os.ReadFile("/proc/self/maps") // without /proc more stays mapped, and nothing else differs
	for _, m := range unwritten(string(maps)) {
		unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED)
	}
}

type mapping struct{ start, end uintptr }

// unwritten are the private mappings of files that nothing can have written, so that all they hold is in the file, from the text of /proc/PID/maps (proc_pid_maps(5)).
func unwritten(maps string) (found []mapping) {
	for line := range strings.Lines(maps) {
		var m mapping
		var permissions, offset, device, inode string
		n, err := fmt.Sscanf(line, "%x-%x %s %s %s %s", &m.start, &m.end, &permissions, &offset, &device, &inode)
		if err == nil && n == 6 && inode != "0" && (permissions == "r-xp" || permissions == "r--p") {
			found = append(found, m)
		}
	}
	return found
}
