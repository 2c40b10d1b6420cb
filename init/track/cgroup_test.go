package track

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// context is a unit's, with what f sets.
func context(f func(*unit.CgroupContext)) *unit.CgroupContext {
	d := unit.SystemDefaults()
	c := silent(&d, false)
	c.MemoryAccounting, c.TasksAccounting = true, true
	f(c)
	return c
}

var controllerFiles = map[string][]string{
	"cpu":    {"cpu.weight", "cpu.idle", "cpu.max"},
	"cpuset": {"cpuset.cpus", "cpuset.mems"},
	"io":     {"io.weight", "io.max", "io.latency"},
	"memory": {"memory.min", "memory.low", "memory.high", "memory.max", "memory.swap.max", "memory.oom.group"},
	"pids":   {"pids.max"},
}

// TestProperties writes into files of a temporary directory, which take anything.
func TestProperties(t *testing.T) {
	s := setting{capacity{memory: 1000000, tasks: 1000}, false}
	starting := setting{s.machine, true}
	for _, c := range []struct {
		why  string
		set  func(*unit.CgroupContext)
		s    setting
		want map[string]string
		fail []string // directives that cannot be applied where there is no controller
	}{
		{"nothing said: the default TasksMax", func(*unit.CgroupContext) {}, s, map[string]string{"pids.max": "150"}, nil},
		{"amounts", func(c *unit.CgroupContext) {
			c.MemoryMin.Amount, c.MemoryLow.Amount, c.MemoryHigh.Amount, c.MemoryMax.Amount, c.MemorySwapMax.Amount = 1, 2, 3, 4, 0
			c.TasksMax = unit.Fraction{Amount: 9}
		}, s, map[string]string{"memory.min": "1", "memory.low": "2", "memory.high": "3", "memory.max": "4", "memory.swap.max": "0", "pids.max": "9"},
			[]string{"MemoryHigh", "MemoryLow", "MemoryMax", "MemoryMin", "MemorySwapMax", "TasksMax"}},
		{"shares", func(c *unit.CgroupContext) {
			c.MemoryMax, c.TasksMax = unit.Fraction{Share: 2550, Shared: true}, unit.Fraction{Share: 10000, Shared: true}
		}, s, map[string]string{"memory.max": "255000", "pids.max": "1000"}, []string{"MemoryMax", "TasksMax"}},
		{"no limit of tasks", func(c *unit.CgroupContext) { c.TasksMax = noLimit }, s, map[string]string{}, []string{"TasksMax"}},
		{"the old word for a limit of memory", func(c *unit.CgroupContext) { c.MemoryLimit.Amount = 7 }, s, map[string]string{"memory.max": "7", "pids.max": "150"}, []string{"MemoryMax"}},
		{"while starting", func(c *unit.CgroupContext) {
			c.CPUWeight, c.StartupCPU, c.IOWeight, c.StartupIO = 200, 300, 400, 500
			c.MemoryMax.Amount, c.StartupMemoryMax.Amount = 8, 9
			c.AllowedCPUs, c.StartupAllowedCPUs = []int{0}, []int{0, 1}
		}, starting, map[string]string{"cpu.weight": "300", "io.weight": "default 500", "memory.max": "9", "cpuset.cpus": "0-1", "pids.max": "150"},
			[]string{"AllowedCPUs", "CPUWeight", "IOWeight", "MemoryMax"}},
		{"and after", func(c *unit.CgroupContext) {
			c.CPUWeight, c.StartupCPU, c.AllowedCPUs, c.StartupAllowedCPUs = 200, 300, []int{0, 2, 3, 4, 6}, []int{0, 1}
		}, s, map[string]string{"cpu.weight": "200", "cpuset.cpus": "0,2-4,6", "pids.max": "150"}, []string{"AllowedCPUs", "CPUWeight"}},
		{"idle", func(c *unit.CgroupContext) { c.CPUWeight = unit.WeightIdle }, s, map[string]string{"cpu.idle": "1", "pids.max": "150"}, []string{"CPUWeight"}},
		{"weights of cgroup v1", func(c *unit.CgroupContext) { c.CPUShares, c.BlockIOWeight = 2048, 1000 }, s,
			map[string]string{"cpu.weight": "200", "io.weight": "default 200", "pids.max": "150"}, []string{"CPUWeight", "IOWeight"}},
		{"a quota", func(c *unit.CgroupContext) { c.CPUQuota = 200000 }, s, map[string]string{"cpu.max": "20000 100000", "pids.max": "150"}, []string{"CPUQuota"}},
		{"a quota so low that the period grows", func(c *unit.CgroupContext) { c.CPUQuota = 5000 }, s, map[string]string{"cpu.max": "1000 200000", "pids.max": "150"}, []string{"CPUQuota"}},
		{"a quota of nearly nothing", func(c *unit.CgroupContext) { c.CPUQuota = 100 }, s, map[string]string{"cpu.max": "1000 1000000", "pids.max": "150"}, []string{"CPUQuota"}},
		{"a quota and its period", func(c *unit.CgroupContext) { c.CPUQuota, c.CPUQuotaPeriod = 2000000, 10000 }, s, map[string]string{"cpu.max": "20000 10000", "pids.max": "150"}, []string{"CPUQuota"}},
		{"devices", func(c *unit.CgroupContext) {
			c.IOReadBandwidthMax = []unit.DeviceLimit{{Path: "/nowhere", Value: 5}}
			c.IOWriteIOPSMax = []unit.DeviceLimit{{Path: "/nowhere", Value: 6}}
			c.IODeviceLatencyTarget = []unit.DeviceLimit{{Path: "/nowhere", Value: 7}}
		}, s, map[string]string{"io.max": "/nowhere rbps=5 wiops=6", "io.latency": "/nowhere target=7", "pids.max": "150"},
			[]string{"IODeviceLatencyTargetSec", "IOReadBandwidthMax", "IOWriteIOPSMax"}},
		{"what takes a program", func(c *unit.CgroupContext) { c.IPAccounting = true; c.DevicePolicy = unit.DevicePolicyClosed }, s,
			map[string]string{"pids.max": "150"}, []string{"DevicePolicy", "IPAccounting"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			before := map[string]string{}
			var names []string
			for name, files := range controllerFiles {
				names = append(names, name)
				for _, f := range files {
					before["u/"+f] = ""
				}
			}
			dir := tree(t, before)
			g := &cgroups{dir: dir, controllers: names, machine: c.s.machine, startup: c.s.startup}
			d := unit.SystemDefaults()
			u := Unit{Name: "u", Cgroup: context(c.set)}
			degraded := g.apply(&place{path: "u"}, u, &d, true)
			want := map[string]string{}
			for name, text := range c.want {
				want["u/"+name] = text
			}
			if got := texts(t, dir, before); !reflect.DeepEqual(got, want) {
				t.Errorf("written %q, not %q", got, want)
			}
			if directives := directivesOf(degraded); len(directives) > 0 && !slices.Equal(directives, c.fail) {
				t.Errorf("degraded %v", degraded)
			}
			g.controllers = nil
			if got := directivesOf(g.apply(&place{path: "u"}, u, &d, true)); !slices.Equal(got, c.fail) {
				t.Errorf("without controllers %q is degraded, not %q", got, c.fail)
			}
			if got := directivesOf(lost(u, &d, "none")); !contains2(got, c.fail) {
				t.Errorf("without cgroups %q is degraded, not %q", got, c.fail)
			}
		})
	}
}

func contains2(list, part []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(list, s) })
}

func directivesOf(list []Degradation) (names []string) {
	for _, d := range list {
		names = append(names, d.Directive)
	}
	slices.Sort(names)
	return names
}

// TestReapply: what a reload takes away is taken back.
func TestReapply(t *testing.T) {
	files := map[string]string{}
	for _, list := range controllerFiles {
		for _, f := range list {
			files["u/"+f] = "?"
		}
	}
	dir := tree(t, files)
	g := &cgroups{dir: dir, controllers: []string{"cpu", "cpuset", "io", "memory", "pids"}}
	d := unit.SystemDefaults()
	p := &place{path: "u"}
	p.context = context(func(c *unit.CgroupContext) {
		c.IOReadBandwidthMax = []unit.DeviceLimit{{Path: "/nowhere", Value: 5}}
	})
	g.apply(p, Unit{Cgroup: context(func(*unit.CgroupContext) {})}, &d, false)
	got := texts(t, dir, nil)
	for name, want := range map[string]string{"memory.max": "max", "cpu.max": "max 100000", "io.max": "/nowhere rbps=max wbps=max riops=max wiops=max", "cpuset.cpus": "?"} {
		if text := got["u/"+name]; !strings.HasPrefix(text, want) && !(name == "cpuset.cpus" && text == "?") {
			t.Errorf("%s: %q, not %q", name, text, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for _, c := range []struct{ name, slice, want string }{
		{"a.service", "system.slice", "system.slice/a.service"},
		{"a.service", "", "a.service"},
		{"a.service", "-.slice", "a.service"},
		{"a@b.service", "system-a.slice", "system.slice/system-a.slice/a@b.service"},
		{"a.service", "x-y-z.slice", "x.slice/x-y.slice/x-y-z.slice/a.service"},
		{"x-y.slice", "x.slice", "x.slice/x-y.slice"},
		{"-.slice", "", ""},
		{"memory.service", "", "_memory.service"},
		{"_a.service", "", "__a.service"},
		{"cgroup.service", "", "_cgroup.service"},
		{"memoryhog.service", "", "memoryhog.service"},
	} {
		if got := (*cgroups)(nil).pathOf(c.name, &unit.CgroupContext{Slice: c.slice}); got != c.want {
			t.Errorf("%s in %q: %q, not %q", c.name, c.slice, got, c.want)
		}
	}
}

func TestDeviceNumber(t *testing.T) {
	if got := deviceNumber("/nowhere/at/all"); got != "/nowhere/at/all" {
		t.Errorf("of nothing: %q", got)
	}
	var st unix.Stat_t
	if err := unix.Stat("/dev/null", &st); err != nil {
		t.Skipf("no /dev/null: %v", err)
	}
	if got, want := deviceNumber("/dev/null"), fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)); got != want {
		t.Errorf("of what is no disk: %q, not its file system's %q", got, want)
	}
}

// TestNoCgroups: each reason why there are none is said where a directive suffers.
func TestNoCgroups(t *testing.T) {
	root := tree(t, map[string]string{"cgroup.procs": ""})
	sealed := tree(t, map[string]string{"cgroup.events": "", "init.scope": "no directory"})
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Cgroup: NoCgroup}, "cgroups are not used"},
		{Options{}, "is not PID 1"},
		{Options{Cgroup: root}, "root of the machine's"},
		{Options{Cgroup: sealed}, "no process can be moved"},
		{Options{Cgroup: filepath.Join(root, "nothing")}, "root of the machine's"},
	} {
		w := New(c.o)
		b := w.Add(Unit{Name: "s.service", Stamp: 1, Stamped: true, Cgroup: context(func(c *unit.CgroupContext) { c.MemoryMax.Amount = 1 })})
		if b.CgroupFD != -1 || len(b.Degraded) != 1 || b.Degraded[0].Directive != "MemoryMax" || !strings.Contains(b.Degraded[0].String(), c.want) {
			t.Errorf("%+v: %v; want one with %q", c.o, b, c.want)
		}
		w.Close()
	}
}

// subtree makes a cgroup v2 for the test, and moves back what is in it at the end.
func subtree(t *testing.T) string {
	needRoot(t, "makes a cgroup")
	p, err := openProc("/proc")
	if err != nil {
		t.Skipf("no cgroup without a /proc: %v", err)
	}
	defer unix.Close(p.dir)
	mounts := p.mounts()
	i := slices.IndexFunc(mounts, func(m mount) bool { return m.kind == "cgroup2" })
	if i < 0 {
		t.Skip("no cgroup v2 is mounted")
	}
	own, _ := p.cgroup(os.Getpid())
	root := strings.TrimSuffix(mounts[i].root, "/")
	home := filepath.Join(mounts[i].point, strings.TrimPrefix(own, root), "cgroup.procs")
	dir, err := os.MkdirTemp(mounts[i].point, "keelson-test-")
	if err != nil {
		t.Skipf("no writable cgroup v2: %v", err)
	}
	t.Cleanup(func() {
		if err := write(home, fmt.Sprint(os.Getpid())); err != nil {
			t.Errorf("cannot move back: %v", err)
		}
		if err := prune(dir); err != nil {
			t.Errorf("cannot remove %s: %v", dir, err)
		}
	})
	return dir
}

// TestCgroup: on a real cgroup v2, processes are born in their unit's, are found there whatever they wear, and are killed with it.
func TestCgroup(t *testing.T) {
	dir := subtree(t)
	w := newWorld(t, Options{Cgroup: dir})
	if w.cgroups == nil {
		t.Skipf("the kernel does not let a cgroup be used: %s", w.without)
	}
	w.context = context(func(c *unit.CgroupContext) {
		c.Slice = "system-x.slice"
		c.MemoryHigh.Amount = 1 << 30
		c.Delegate = true
	})
	const sleep = "echo $$ >&3; exec sleep 1000"
	main, pids := w.sh("s@1.service", 3, "sh -c '"+sleep+"' & setsid sh -c 'prlimit --pid $$ --locks=5; "+sleep+"' & "+sleep)
	_, others := w.sh("s@2.service", 1, sleep)
	for _, pid := range pids {
		for _, f := range []func(int) (string, bool){w.UnitOf, w.Lookup} {
			if name, _ := f(pid); name != "s@1.service" {
				t.Errorf("process %d is in %q", pid, name)
			}
		}
	}
	if got, want := w.ControlGroup("s@1.service"), w.cgroups.own+"/system.slice/system-x.slice/s@1.service"; got != want {
		t.Errorf("ControlGroup = %q, not %q", got, want)
	}
	if left, _ := w.Left("s@1.service"); !slices.Equal(pidsOf(left), sorted(pids)) {
		t.Errorf("Left = %v; want %v", left, pids)
	}
	// Who moves out of all units' cgroups is nobody's.
	if err := os.Mkdir(filepath.Join(dir, "elsewhere"), 0o755); err != nil {
		t.Fatal(err)
	}
	outsider := w.outsider(t)
	if err := write(filepath.Join(dir, "elsewhere/cgroup.procs"), fmt.Sprint(outsider)); err != nil {
		t.Fatal(err)
	}
	if name, ok := w.UnitOf(outsider); ok {
		t.Errorf("a process elsewhere is in %q", name)
	}
	if err := w.Adopt("s@2.service", outsider); err != nil {
		t.Errorf("Adopt: %v", err)
	}
	if name, _ := w.UnitOf(outsider); name != "s@2.service" {
		t.Errorf("an adopted process is in %q", name)
	}
	// A control process of a delegated unit has a cgroup of its own.
	b := w.Add(Unit{Name: "s@1.service", Stamp: 1, Stamped: true, Cgroup: w.context, Control: true})
	if link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", b.CgroupFD)); err != nil || filepath.Base(link) != ".control" {
		t.Errorf("a control process would be in %q, %v", link, err)
	}
	unix.Close(b.CgroupFD)
	again := New(Options{Cgroup: dir, State: w.State()})
	if name, _ := again.UnitOf(pids[2]); name != "s@1.service" {
		t.Errorf("another incarnation: process %d is in %q", pids[2], name)
	}
	again.Close()
	k := w.killAll("s@1.service", main)
	if !contains(pidsOf(k.Signalled), pids) {
		t.Errorf("Kill = %+v; want %v", k, pids)
	}
	w.await("s@1.service")
	w.reap(false)
	w.Forget("s@1.service")
	if _, err := os.Stat(filepath.Join(dir, "system.slice/system-x.slice/s@1.service")); !os.IsNotExist(err) {
		t.Errorf("its cgroup is there still: %v", err)
	}
	if w.ended(others[0]) {
		t.Error("the other unit's process was killed")
	}
	u := w.Usage("s@2.service")
	if u.Tasks != 2 || u.Memory == 0 || u.Memory == Unknown {
		t.Errorf("Usage = %+v", u)
	}
	w.killAll("s@2.service", 0)
	w.await("s@2.service")
	w.reap(false)
}

// TestOOM: the kernel's OOM killer is noticed, and whom it was.
func TestOOM(t *testing.T) {
	dir := subtree(t)
	w := newWorld(t, Options{Cgroup: dir})
	if w.cgroups == nil || !slices.Contains(w.cgroups.controllers, "memory") {
		t.Skip("no memory controller on this machine's cgroup v2")
	}
	w.context = context(func(c *unit.CgroupContext) { c.MemoryMax.Amount, c.MemorySwapMax.Amount = 8<<20, 0 })
	w.sh("hog.service", 1, "echo $$ >&3; exec tail /dev/zero")
	w.sh("other.service", 1, "echo $$ >&3; exec sleep 1000")
	p := []unix.PollFd{{Fd: int32(w.EventFD()), Events: unix.POLLIN}}
	var units []string
	for len(units) == 0 {
		n, err := unix.Poll(p, 60000)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			t.Fatalf("no event in a minute: %v", err)
		}
		units = w.OOM()
	}
	if !slices.Equal(units, []string{"hog.service"}) {
		t.Errorf("OOM = %q", units)
	}
	w.Tracker.Kill(supervise.Kill{Unit: "other.service", Rest: true, Signal: unit.SIGKILL})
	w.await("other.service")
	w.await("hog.service")
}

// TestSlices: a slice's own settings are in its cgroup from when it is up, follow its files, and are not written again where nothing has changed.
func TestSlices(t *testing.T) {
	files := map[string]string{
		"cgroup.events": "", "cgroup.procs": "", "cgroup.controllers": "cpu memory pids\n", "cgroup.subtree_control": "", "init.scope/cgroup.procs": "",
	}
	for _, at := range []string{"a.slice", "a.slice/a-b.slice", "a.slice/a-b.slice/s.service"} {
		files[at+"/cgroup.subtree_control"] = ""
		for _, list := range controllerFiles {
			for _, f := range list {
				files[at+"/"+f] = ""
			}
		}
	}
	dir := tree(t, files)
	w := New(Options{Cgroup: dir})
	defer w.Close()
	if w.cgroups == nil {
		t.Fatal(w.without)
	}
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	limited := func(most unit.Limit) *unit.CgroupContext {
		return context(func(c *unit.CgroupContext) {
			c.Slice, c.MemoryMax.Amount, c.TasksMax, c.CPUQuota, c.DisableControllers = "a.slice", most, unit.Fraction{Amount: 7}, 500000, []string{"pids"}
		})
	}
	slice := Unit{Name: "a-b.slice", Cgroup: limited(5)}
	if d := w.Apply(slice); len(d) > 0 {
		t.Errorf("degraded: %v", d)
	}
	for name, want := range map[string]string{"memory.max": "5", "pids.max": "7", "cpu.max": "50000 100000"} {
		if got := text("a.slice/a-b.slice/" + name); !strings.HasPrefix(got, want) {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	service := Unit{Name: "s.service", Stamp: 1, Stamped: true, Cgroup: context(func(c *unit.CgroupContext) { c.Slice = "a-b.slice" })}
	if d := w.Apply(service); len(d) > 0 || text("a.slice/a-b.slice/s.service/memory.max") != "" {
		t.Errorf("a service without a process: %v", d)
	}
	b := w.Add(service)
	unix.Close(b.CgroupFD)
	if got, want := text("a.slice/a-b.slice/cgroup.subtree_control"), "-pids"; !strings.HasPrefix(got, want) {
		t.Errorf("children get %q; pids is to be denied", got)
	}
	// The same text read again is nothing new; another one is.
	memory := filepath.Join(dir, "a.slice/a-b.slice/memory.max")
	if err := os.WriteFile(memory, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.Apply(Unit{Name: "a-b.slice", Cgroup: limited(5)})
	if got := text("a.slice/a-b.slice/memory.max"); got != "untouched" {
		t.Errorf("written again: %q", got)
	}
	w.Apply(Unit{Name: "a-b.slice", Cgroup: limited(6)})
	if got := text("a.slice/a-b.slice/memory.max"); !strings.HasPrefix(got, "6") {
		t.Errorf("after a reload memory.max is %q", got)
	}
	w.Apply(Unit{Name: "s.service", Cgroup: context(func(c *unit.CgroupContext) { c.Slice, c.MemoryMax.Amount = "a-b.slice", 3 }), OOMGroup: true})
	if got, group := text("a.slice/a-b.slice/s.service/memory.max"), text("a.slice/a-b.slice/s.service/memory.oom.group"); !strings.HasPrefix(got, "3") || group != "1" {
		t.Errorf("a running service after a reload: memory.max %q, memory.oom.group %q", got, group)
	}
	if d := w.Apply(Unit{Name: "-.slice", Cgroup: limited(6)}); !contains2(directivesOf(d), []string{"MemoryMax", "TasksMax"}) {
		t.Errorf("of the root slice only %v is degraded", d)
	}
	none := New(Options{Cgroup: NoCgroup})
	defer none.Close()
	if d := none.Apply(slice); !contains2(directivesOf(d), []string{"CPUQuota", "MemoryMax", "TasksMax"}) {
		t.Errorf("without cgroups only %v is degraded", d)
	}
	if d := none.Apply(Unit{Name: "x.slice", Cgroup: context(func(c *unit.CgroupContext) { c.TasksMax = noLimit })}); len(d) > 0 {
		t.Errorf("of a slice that says nothing %v is degraded", d)
	}
	if d := none.Apply(service); d != nil {
		t.Errorf("a service without a process: %v", d)
	}
}
