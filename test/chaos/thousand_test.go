package chaos

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestThousand has a thousand services start, run, restart and stop. Times and sizes are logged and not judged: they are the machine's as much as the manager's.
func TestThousand(t *testing.T) {
	image := need(t)
	begin := time.Now()
	c := boot(t, image, nil, "--stop-timeout=1min", "thousand.target")
	t.Logf("boot of 1000 services: %v, docker run included", time.Since(begin).Round(time.Millisecond))
	c.count("running", 1000)
	before := c.mainPIDs()
	t.Logf("PID 1 after the boot: %v", c.figures())

	first := c.figures()
	time.Sleep(5 * time.Second) // what is measured is time without events
	idle := c.figures()
	switches := idle.voluntary + idle.preempted - first.voluntary - first.preempted
	t.Logf("context switches of PID 1 in 5 idle seconds: %d", switches)
	if switches > 50 {
		t.Errorf("PID 1 has been awake %d times in 5 seconds in which nothing happened: it polls", switches)
	}

	begin = time.Now()
	c.Sh("systemctl restart 'many-*.service'")
	t.Logf("restart of 1000 services: %v", time.Since(begin).Round(time.Millisecond))
	c.count("running", 1000)
	for name, pid := range c.mainPIDs() {
		if pid == 0 || pid == before[name] {
			t.Errorf("%s: main process %d before the restart, %d after", name, before[name], pid)
		}
	}
	t.Logf("PID 1 after the restart: %v", c.figures())

	begin = time.Now()
	c.Sh("systemctl stop 'many-0*.service'")
	t.Logf("stop of 100 services: %v", time.Since(begin).Round(time.Millisecond))
	c.count("running", 900)
	if n := len(c.processes()); n != 900 {
		t.Errorf("900 services run, with %d processes", n)
	}
	begin = time.Now()
	c.Sh("systemctl stop 'many-*.service'")
	t.Logf("stop of 900 services: %v", time.Since(begin).Round(time.Millisecond))
	c.count("running", 0)
	if list := c.processes(); len(list) != 0 {
		t.Errorf("processes of stopped services: %v", list)
	}
	t.Logf("PID 1 at the end: %v", c.figures())
	c.stop()
}

// count looks how many of the services are in a state, as systemctl lists them.
func (c *machine) count(state string, want int) {
	c.t.Helper()
	out := c.Sh("systemctl list-units --no-legend --no-pager --plain --state=" + state + " 'many-*.service'")
	n := 0
	for _, line := range strings.Split(out, "\n") {
		if strings.HasPrefix(line, "many-") {
			n++
		}
	}
	if n != want {
		c.t.Errorf("systemctl list-units: %d services are %s, not %d", n, state, want)
	}
}

// mainPIDs are the main processes of the services, as systemctl shows them.
func (c *machine) mainPIDs() map[string]int {
	c.t.Helper()
	pids := map[string]int{}
	for _, block := range strings.Split(c.Sh("systemctl show -p Id -p MainPID 'many-*.service'"), "\n\n") {
		var name string
		var pid int
		for _, line := range strings.Split(block, "\n") {
			switch key, value, _ := strings.Cut(line, "="); key {
			case "Id":
				name = value
			case "MainPID":
				pid, _ = strconv.Atoi(value)
			}
		}
		pids[name] = pid
	}
	if len(pids) != 1000 {
		c.t.Errorf("systemctl show tells of %d services", len(pids))
	}
	return pids
}
