package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// What the kernel tells about a process (proc(5)).

// A status is from /proc/PID/status.
type status struct {
	state    byte
	threads  int
	switches int // of the context, voluntary and not
}

func readStatus(pid int) (s status, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return s, err
	}
	fields := fields(text)
	if len(fields["State"]) == 0 {
		return s, fmt.Errorf("no state in /proc/%d/status", pid)
	}
	s.state = fields["State"][0]
	s.threads, err = strconv.Atoi(fields["Threads"])
	for _, name := range []string{"voluntary_ctxt_switches", "nonvoluntary_ctxt_switches"} {
		n, e := strconv.Atoi(fields[name])
		if e != nil {
			err = e
		}
		s.switches += n
	}
	return s, err
}

// A rollup is from /proc/PID/smaps_rollup, in KiB. Private is what no other process maps, clean and dirty.
type rollup struct{ pss, rss, private float64 }

func readRollup(pid int) (r rollup, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return r, err
	}
	fields := fields(text)
	kib := func(name string) float64 {
		n, e := strconv.Atoi(strings.TrimSuffix(fields[name], " kB"))
		if e != nil {
			err = fmt.Errorf("%s of /proc/%d/smaps_rollup: %w", name, pid, e)
		}
		return float64(n)
	}
	return rollup{kib("Pss"), kib("Rss"), kib("Private_Clean") + kib("Private_Dirty")}, err
}

// fields reads lines of NAME: VALUE.
func fields(text []byte) map[string]string {
	m := map[string]string{}
	for in := bufio.NewScanner(bytes.NewReader(text)); in.Scan(); {
		if name, value, ok := strings.Cut(in.Text(), ":"); ok {
			m[name] = strings.TrimSpace(value)
		}
	}
	return m
}

// mappedFiles are the files that a process maps: its program, the dynamic linker, the libraries.
func mappedFiles(pid int) (files []string, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if i := strings.IndexByte(line, '/'); i >= 0 {
			if file := strings.TrimSpace(line[i:]); !seen[file] {
				seen[file] = true
				files = append(files, file)
			}
		}
	}
	return files, nil
}

// processorTime is what all threads of a process have used, in user and kernel mode, to the nanosecond (clock_getcpuclockid(3)).
func processorTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED: what the scheduler counts, not the ticks
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &ts); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return time.Duration(ts.Nano()), nil
}
