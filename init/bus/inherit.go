package bus

import (
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// What processes have whose unit says nothing: what they inherit from the manager, which is this process.

func (s *subject) inheritedLimit(k unit.RlimitKind) unit.Rlimit {
	var l unix.Rlimit
	if unix.Getrlimit(int(k), &l) != nil { // the numbers are the kernel's
		return unit.Rlimit{Soft: unit.RlimitInfinity, Hard: unit.RlimitInfinity}
	}
	if k == unit.LimitNOFILE {
		l.Cur = s.Info().SoftFiles
	}
	return unit.Rlimit{Soft: l.Cur, Hard: l.Max}
}

func inheritedTimerSlack() uint64 {
	n, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return uint64(n)
}

func inheritedNice() int32 {
	n, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return 0
	}
	return int32(20 - n) // the kernel has no negative results (getpriority(2))
}

// These two are asked for once: a file is too much for each time, and nobody changes them.
var (
	inheritedCoredumpFilter = sync.OnceValue(func() uint64 {
		n, _ := strconv.ParseUint(ownFile("coredump_filter"), 16, 64) // 0 where the kernel writes no dumps
		return n
	})
	inheritedOOMScoreAdjust = sync.OnceValue(func() int32 {
		n, _ := strconv.ParseInt(ownFile("oom_score_adj"), 10, 32)
		return int32(n)
	})
)

// ownFile is a file of this process in /proc, "" if there is none.
func ownFile(name string) string {
	text, _ := os.ReadFile("/proc/self/" + name)
	return strings.TrimSpace(string(text))
}
