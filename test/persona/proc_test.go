package persona

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What /proc tells of other processes.

// status is a field of /proc/PID/status, "" if the process has gone.
func status(pid int, field string) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// state is the letter of a process's state, "" if it has gone.
func state(pid int) string {
	letter, _, _ := strings.Cut(status(pid, "State"), " ")
	return letter
}

// signalSet is a field such as SigBlk or ShdPnd.
func signalSet(pid int, field string) sigset {
	v, _ := strconv.ParseUint(status(pid, field), 16, 64)
	return sigset(v)
}

// number is a field that is one.
func number(pid int, field string) int {
	v, _ := strconv.Atoi(strings.Fields(status(pid, field) + " 0")[0])
	return v
}

// children are the processes that have this one as their parent.
func children(pid int) (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		b, _ := os.ReadFile(task)
		for _, field := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// descriptors are the open file descriptors, in order.
func descriptors(pid int) (fds []int) {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil {
			fds = append(fds, fd)
		}
	}
	slices.Sort(fds)
	return fds
}

func directory(pid int) string {
	dir, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return dir
}

// until reads the kernel's state, which comes with no event, until it is as wanted.
func until(t *testing.T, what string, wanted func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !wanted(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("in vain waited for: " + what)
		}
	}
}

// endFamily ends all that descends from a process, until there is nothing left but what cannot be waited for here.
func endFamily(pid int) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		kin := descendants(pid)
		alive := false
		for _, p := range kin {
			alive = alive || state(p) != "Z"
			unix.Kill(p, unix.SIGKILL)
		}
		if pid == os.Getpid() {
			for more := true; more; {
				child, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
				more = err == nil && child > 0
			}
		}
		if !alive {
			return
		}
	}
}

func descendants(pid int) (pids []int) {
	for _, child := range children(pid) {
		pids = append(append(pids, child), descendants(child)...)
	}
	return pids
}

// processesOf are the processes of a uid that have not ended.
func processesOf(uid int) (pids []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && number(pid, "Uid") == uid && state(pid) != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids
}
