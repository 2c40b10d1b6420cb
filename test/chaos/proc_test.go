package chaos

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"keelson/test/container"
)

// A process is one of the container's.
type process struct {
	host, pid  int // its PID on the machine and in the container
	parent     int // on the machine
	state      byte
	name       string
	invocation string // its INVOCATION_ID, "" if it has none
}

func (p process) String() string {
	return fmt.Sprintf("%d (%s, %c, invocation %q)", p.pid, p.name, p.state, p.invocation)
}

// processes are all in the container's PID namespace but PID 1, by PID on the machine. One that ends meanwhile may be there or not.
func (c *machine) processes() (list []process) {
	c.t.Helper()
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", c.pid))
	if err != nil {
		c.t.Fatalf("PID 1 is gone: %v\n%s", err, container.Tail(c.Logs()))
	}
	names, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, dir := range names {
		host, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || host == c.pid {
			continue
		}
		status, err := os.ReadFile(dir + "/status")
		if err != nil {
			continue
		}
		p := process{host: host, state: '?'}
		var depth int
		for _, line := range strings.Split(string(status), "\n") {
			key, value, _ := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			switch key {
			case "Name":
				p.name = value
			case "State":
				p.state = value[0]
			case "PPid":
				p.parent, _ = strconv.Atoi(value)
			case "NSpid":
				f := strings.Fields(value)
				depth = len(f)
				p.pid, _ = strconv.Atoi(f[depth-1])
			}
		}
		if depth < 2 {
			continue
		}
		// A zombie has no namespaces any more, but a parent.
		if ns, err := os.Readlink(dir + "/ns/pid"); err == nil && ns != own || err != nil && p.parent != c.pid {
			continue
		}
		environ, _ := os.ReadFile(dir + "/environ")
		for _, v := range bytes.Split(environ, []byte{0}) {
			if id, ok := bytes.CutPrefix(v, []byte("INVOCATION_ID=")); ok {
				p.invocation = string(id)
			}
		}
		list = append(list, p)
	}
	return list
}

// Figures are what PID 1 uses.
type figures struct {
	fds, threads         int
	pss, private, rss    int // KiB
	voluntary, preempted int // context switches of all threads
}

func (f figures) String() string {
	return fmt.Sprintf("PSS %d KiB, private %d KiB, RSS %d KiB, %d descriptors, %d threads", f.pss, f.private, f.rss, f.fds, f.threads)
}

func (c *machine) figures() (f figures) {
	c.t.Helper()
	dir := fmt.Sprintf("/proc/%d/", c.pid)
	rollup := c.numbers(dir + "smaps_rollup")
	f.pss, f.rss, f.private = rollup["Pss"], rollup["Rss"], rollup["Private_Clean"]+rollup["Private_Dirty"]
	fds, err := os.ReadDir(dir + "fd")
	if err != nil {
		c.t.Fatal(err)
	}
	f.fds = len(fds)
	tasks, err := os.ReadDir(dir + "task")
	if err != nil {
		c.t.Fatal(err)
	}
	f.threads = len(tasks)
	for _, task := range tasks {
		status := c.numbers(dir + "task/" + task.Name() + "/status")
		f.voluntary += status["voluntary_ctxt_switches"]
		f.preempted += status["nonvoluntary_ctxt_switches"]
	}
	return f
}

// numbers reads a file of /proc whose lines are a key and a number.
func (c *machine) numbers(path string) map[string]int {
	c.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		c.t.Fatal(err)
	}
	m := map[string]int{}
	for _, line := range strings.Split(string(data), "\n") {
		if f := strings.Fields(line); len(f) >= 2 {
			if n, err := strconv.Atoi(f[1]); err == nil {
				m[strings.TrimSuffix(f[0], ":")] = n
			}
		}
	}
	return m
}
