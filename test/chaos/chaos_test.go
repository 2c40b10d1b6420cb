package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/godbus/dbus/v5"

	"keelson/test/container"
)

// tolerance is by how much PID 1 may have grown over the chaos: a tenth of what it had after the same chaos before, and what the garbage collector's timing
// makes of it in any case.
const (
	tolerance  = 10   // per cent
	slackKiB   = 2048 // of memory
	slackFDs   = 4    // what is open at some times and not at others: a file that the journal writes by way of, connections that are being closed
	defaultFor = 20 * time.Second

	answerWithin = time.Minute // of a manager that answers in a millisecond
)

var services = []string{
	"plain@1.service", "plain@2.service", "plain@3.service", "plain@4.service", "again@1.service", "again@2.service", "again@3.service", "double.service",
	"forking.service", "fails.service", "stubborn.service", "notify.service", "once.service", "talk.service", "full.service", "one.service", "one.socket", "each.socket",
}

// A chaos is what happens at random to a container.
type chaos struct {
	*machine
	*rand.Rand
	done map[string]int // how often, by action
}

// An action is one thing that may happen, with its weight.
type action struct {
	name   string
	weight int
	do     func(*chaos)
}

const reexecution = "daemon-reexec"

func actions() []action {
	return []action{
		{"start", 12, func(x *chaos) { x.job(x.bus.StartUnit, x.unit()) }},
		{"stop", 8, func(x *chaos) { x.job(x.bus.StopUnit, x.unit()) }},
		{"restart", 8, func(x *chaos) { x.job(x.bus.RestartUnit, x.unit()) }},
		{"reload", 4, func(x *chaos) { x.job(x.bus.ReloadOrRestartUnit, x.unit()) }},
		{"kill the main process", 8, func(x *chaos) { x.kill(false) }},
		{"kill all of a service", 6, func(x *chaos) { x.kill(true) }},
		{"kill by D-Bus", 3, func(x *chaos) { x.bus.KillUnit(x.unit(), int32(syscall.SIGKILL)) }},
		{"SIGSTOP", 3, (*chaos).freeze},
		{"daemon-reload", 2, func(x *chaos) { x.bus.Reload() }},
		{reexecution, 1, (*chaos).reexec},
		{"reset-failed", 2, func(x *chaos) { x.bus.ResetFailedUnit(x.unit()) }},
		{"fork storm", 1, (*chaos).storm},
		{"full /run", 1, (*chaos).fill},
		{"no descriptors", 1, (*chaos).exhaust},
		{"connect", 6, func(x *chaos) { x.talk("/run/one.sock", true) }},
		{"connect, one service each", 6, func(x *chaos) { x.talk("/run/each.sock", true) }},
		{"connect and say nothing", 2, func(x *chaos) { x.talk("/run/each.sock", false) }},
		{"change a unit file", 2, (*chaos).rewrite},
		{"reads", 3, func(x *chaos) { x.bus.ListUnits(); x.properties(x.unit()) }},
	}
}

// TestChaos has things happen at random, for as long as KEELSON_CHAOS says (a duration, as 10m). KEELSON_CHAOS_SEED repeats a run's choices.
func TestChaos(t *testing.T) {
	image := need(t)
	length := defaultFor
	if text := os.Getenv("KEELSON_CHAOS"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatalf("KEELSON_CHAOS is no duration: %v", err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("KEELSON_CHAOS_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("KEELSON_CHAOS_SEED is no number: %v", err)
		}
	}
	t.Logf("KEELSON_CHAOS=%v KEELSON_CHAOS_SEED=%d", length, seed)
	c := boot(t, image, []string{"--pids-limit", "300", "--tmpfs", "/small:size=64k", "--tmpfs", "/run:size=24m"}, "chaos.target")
	x := &chaos{c, rand.New(rand.NewPCG(seed, 0)), map[string]int{}}

	for _, a := range actions() { // each has been at least once
		x.act(a)
	}
	x.run(length/4, actions())
	x.agree()
	x.quiet()
	before, had := c.figures(), x.descriptors()
	// A manager that was just executed anew has a fresh heap: the second half is lived through by one.
	x.run(length/2, actions())
	x.run(length/2, slices.DeleteFunc(actions(), func(a action) bool { return a.name == reexecution }))
	x.agree()
	x.quiet()
	after := c.figures()
	t.Logf("actions: %v", x.done)
	t.Logf("before: %v", before)
	t.Logf("after:  %v", after)
	if after.fds > before.fds+slackFDs {
		t.Errorf("PID 1 has %d descriptors with all services stopped, and had %d before:\n%sbefore:\n%s", after.fds, before.fds, x.descriptors(), had)
	}
	if after.private > before.private*(100+tolerance)/100+slackKiB {
		t.Errorf("PID 1 has %d KiB with all services stopped, and had %d before", after.private, before.private)
	}
	// The manager is as good as new.
	for _, name := range services {
		x.job(c.bus.StartUnit, name)
	}
	x.agree()
	x.talk("/run/one.sock", true)
	x.quiet()
	c.stop()
}

// run has actions of the list happen, by their weights.
func (x *chaos) run(length time.Duration, list []action) {
	x.t.Helper()
	total := 0
	for _, a := range list {
		total += a.weight
	}
	for end := time.Now().Add(length); time.Now().Before(end); {
		n := x.IntN(total)
		for _, a := range list {
			if n -= a.weight; n < 0 {
				x.act(a)
				break
			}
		}
		time.Sleep(time.Duration(x.IntN(40)) * time.Millisecond)
	}
}

func (x *chaos) act(a action) {
	x.done[a.name]++
	a.do(x)
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/fd", x.pid)); err != nil {
		x.t.Fatalf("PID 1 has ended after %s: %s", a.name, container.Tail(x.Logs()))
	}
	if !x.bus.Connected() {
		x.dial()
	}
}

func (x *chaos) unit() string { return services[x.IntN(len(services))] }

// job asks for a job and does not wait for it. That it is refused, as when pids are short, is part of the chaos.
func (x *chaos) job(ask func(string, string, chan<- string) (int, error), name string) {
	ask(name, "replace", nil)
}

// properties of a unit. That no answer comes at all is never part of the chaos.
func (x *chaos) properties(name string) (map[string]any, error) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	p, err := x.bus.GetAllPropertiesContext(ctx, name)
	if errors.Is(err, context.DeadlineExceeded) {
		x.t.Fatalf("GetAll of %s was not answered within %v; the log ends with:\n%s", name, answerWithin, container.Tail(x.Logs()))
	}
	return p, err
}

// service is a running service of those in the list and its main process; false: it does not run.
func (x *chaos) service() (invocation string, main int, ok bool) {
	properties, err := x.properties(x.unit())
	if err != nil {
		return "", 0, false
	}
	pid, _ := properties["MainPID"].(uint32)
	id, _ := properties["InvocationID"].([]byte)
	return fmt.Sprintf("%x", id), int(pid), pid != 0
}

// kill kills a service's main process, or all that it has.
func (x *chaos) kill(all bool) {
	invocation, main, ok := x.service()
	if !ok {
		return
	}
	for _, p := range x.processes() {
		if p.invocation == invocation && (all || p.pid == main) {
			syscall.Kill(p.host, syscall.SIGKILL)
		}
	}
}

// freeze stops a main process as a terminal would; it is left so.
func (x *chaos) freeze() {
	invocation, main, ok := x.service()
	if !ok {
		return
	}
	for _, p := range x.processes() {
		if p.invocation == invocation && p.pid == main {
			syscall.Kill(p.host, syscall.SIGSTOP)
		}
	}
}

// reexec has the manager execute itself anew, which ends its connections.
func (x *chaos) reexec() {
	x.raw.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1").Call("org.freedesktop.systemd1.Manager.Reexecute", dbus.FlagNoReplyExpected)
	x.until("is executed anew", func() string {
		if x.bus.Connected() {
			return "its connection stands"
		}
		return ""
	})
	x.dial()
}

// storm has processes double until there is no room for more, things go on for a moment, and stops them.
func (x *chaos) storm() {
	x.job(x.bus.StartUnit, "storm.service")
	for range 10 {
		time.Sleep(100 * time.Millisecond)
		x.job(x.bus.RestartUnit, x.unit())
	}
	done := make(chan string, 1)
	if _, err := x.bus.StopUnit("storm.service", "replace", done); err != nil {
		x.t.Errorf("a fork storm cannot be stopped: %v", err)
		return
	}
	select {
	case <-done:
	case <-time.After(waitMax):
		x.t.Fatalf("a fork storm does not end, %d processes\n%s", len(x.processes()), container.Tail(x.Logs()))
	}
}

// fill leaves no room in /run for a moment.
func (x *chaos) fill() {
	name := x.path("/run/fill")
	f, err := os.Create(name)
	if err != nil {
		return
	}
	defer os.Remove(name)
	defer f.Close()
	zero := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(zero)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		x.t.Errorf("filling /run: %v", err)
	}
	for range 5 {
		x.job(x.bus.RestartUnit, x.unit())
		time.Sleep(50 * time.Millisecond)
	}
}

// exhaust leaves PID 1 no descriptor to open for a moment: its limit is what it has.
func (x *chaos) exhaust() {
	was := x.limit(nil)
	x.limit(&syscall.Rlimit{Cur: 3, Max: was.Max}) // none above is given out, all that are open stay
	defer x.limit(&was)
	for range 5 {
		x.job(x.bus.RestartUnit, x.unit())
		x.talk("/run/each.sock", false)
		x.talk("/run/one.sock", true)
		time.Sleep(50 * time.Millisecond)
	}
}

// limit sets PID 1's RLIMIT_NOFILE, unless it is nil, and gives what it was.
func (x *chaos) limit(set *syscall.Rlimit) (was syscall.Rlimit) {
	x.t.Helper()
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(x.pid), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(&was)), 0, 0)
	if errno != 0 {
		x.t.Fatalf("prlimit: %v", errno)
	}
	return was
}

// talk connects to a socket, and may say a line. An answer is not insisted on: the service may be dying.
func (x *chaos) talk(path string, says bool) {
	c, err := net.DialTimeout("unix", x.path(path), time.Second)
	if err != nil {
		return
	}
	defer c.Close()
	if says {
		c.SetDeadline(time.Now().Add(200 * time.Millisecond))
		fmt.Fprintln(c, "hello")
		c.Read(make([]byte, 16))
	}
}

// rewrite changes a unit file and has it read.
func (x *chaos) rewrite() {
	dir := x.path("/etc/systemd/system/plain@1.service.d")
	os.MkdirAll(dir, 0o755)
	text := fmt.Sprintf("[Service]\nEnvironment=N=%d\nRestart=%s\n", x.IntN(1000), []string{"no", "always"}[x.IntN(2)])
	if err := os.WriteFile(dir+"/chaos.conf", []byte(text), 0o644); err != nil {
		x.t.Errorf("cannot write a drop-in: %v", err)
	}
	x.bus.Reload()
}

// agree waits until nothing is under way any more, and finds what units say to be what processes there are.
func (x *chaos) agree() {
	x.t.Helper()
	x.until("agrees with the processes there are", func() string {
		units, err := x.bus.ListUnits()
		if err != nil {
			return err.Error()
		}
		list := x.processes()
		var why []string
		owned := map[string]bool{}
		for _, u := range units {
			if u.JobId != 0 {
				why = append(why, fmt.Sprintf("%s has a job: %s", u.Name, u.JobType))
			}
			if u.ActiveState == "activating" || u.ActiveState == "deactivating" || u.ActiveState == "reloading" {
				why = append(why, u.Name+" is "+u.ActiveState)
			}
			if !strings.HasSuffix(u.Name, ".service") {
				continue
			}
			p, err := x.properties(u.Name)
			if err != nil {
				continue // it is gone by now
			}
			pid, _ := p["MainPID"].(uint32)
			id, _ := p["InvocationID"].([]byte)
			invocation := fmt.Sprintf("%x", id)
			if u.ActiveState == "active" && len(id) != 0 {
				owned[invocation] = true
			}
			main := slices.IndexFunc(list, func(p process) bool { return p.pid == int(pid) })
			switch running := u.SubState == "running"; {
			case running != (pid != 0):
				why = append(why, fmt.Sprintf("%s is %s with main process %d", u.Name, u.SubState, pid))
			case running && main < 0:
				why = append(why, fmt.Sprintf("%s has main process %d, which does not exist", u.Name, pid))
			case running && list[main].invocation != invocation:
				why = append(why, fmt.Sprintf("%s, invocation %s, has main process %v", u.Name, invocation, list[main]))
			}
		}
		for _, p := range list {
			switch {
			case p.state == 'Z':
				why = append(why, fmt.Sprintf("zombie %v", p))
			case !owned[p.invocation]:
				why = append(why, fmt.Sprintf("process %v belongs to no active unit", p))
			}
		}
		return strings.Join(why, "; ")
	})
}

// quiet stops all there is; then no process is left, and what PID 1 uses is its own.
func (x *chaos) quiet() {
	x.t.Helper()
	for _, name := range append([]string{"storm.service"}, services...) {
		x.job(x.bus.StopUnit, name)
	}
	x.agree()
	units, err := x.bus.ListUnitsByPatterns(nil, []string{"each@*"})
	if err != nil {
		x.t.Fatal(err)
	}
	for _, u := range units {
		x.job(x.bus.StopUnit, u.Name)
	}
	x.until("stops all", func() string {
		if list := x.processes(); len(list) != 0 {
			return fmt.Sprint(list)
		}
		return ""
	})
	if units, err = x.bus.ListUnitsByPatterns([]string{"failed"}, nil); err != nil {
		x.t.Fatal(err)
	}
	for _, u := range units {
		x.bus.ResetFailedUnit(u.Name)
	}
}

// descriptors lists PID 1's, each with what it is; a UNIX socket with its line of /proc/net/unix.
func (x *chaos) descriptors() string {
	dir := fmt.Sprintf("/proc/%d/fd/", x.pid)
	entries, _ := os.ReadDir(dir)
	sockets, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/unix", x.pid))
	var b strings.Builder
	for _, e := range entries {
		to, _ := os.Readlink(dir + e.Name())
		fmt.Fprintf(&b, "%s %s", e.Name(), to)
		if inode, ok := strings.CutPrefix(to, "socket:["); ok {
			for line := range strings.Lines(string(sockets)) {
				if f := strings.Fields(line); len(f) > 6 && f[6] == strings.TrimSuffix(inode, "]") {
					fmt.Fprintf(&b, " %v", f[3:])
				}
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
