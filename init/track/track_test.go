package track

import (
	"math"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/unit"
)

func TestBase(t *testing.T) {
	const infinite = unix.RLIM_INFINITY
	for _, c := range []struct {
		why          string
		hard, random uint64
		low, high    uint64 // bounds of the tag, 0: none
	}{
		{"no limit", infinite, 0, highestTag, highestTag},
		{"no limit", infinite, math.MaxUint64, highestTag / 2, highestTag},
		{"in a service of another manager: below it", 1000<<tagShift | 7, 0, 999, 999},
		{"likewise, in the upper half", 1000<<tagShift | 7, 499, 500, 500},
		{"likewise", 1000<<tagShift | 7, 500, 999, 999},
		{"the lowest that has room", 2 << tagShift, 5, 1, 1},
		{"tag 0 is no tag", 1<<tagShift | math.MaxUint32, 0, 0, 0},
		{"a limit of the container runtime's", 1024, 0, 0, 0},
		{"none at all", 0, 0, 0, 0},
	} {
		b := newBase(c.hard, c.random)
		tag := uint64(b) >> tagShift
		if tag < c.low || tag > c.high {
			t.Errorf("%s: newBase(%#x, %d) = %#x", c.why, c.hard, c.random, b)
		}
		if b == 0 {
			continue
		}
		for _, stamp := range []uint32{1, 77, math.MaxUint32} {
			if v := b.value(stamp); v > c.hard || b.stamp(v) != stamp {
				t.Errorf("%s: value(%d) = %#x, back %d", c.why, stamp, v, b.stamp(v))
			}
		}
		for _, other := range []uint64{0, 1, 1024, math.MaxUint32, infinite, infinite - 1, uint64(b) + 1<<tagShift + 3, c.hard &^ (1<<tagShift - 1)} {
			if s := b.stamp(other); s != 0 {
				t.Errorf("%s: base %#x takes the limit %#x for stamp %d", c.why, b, other, s)
			}
		}
	}
}

func TestLocksLimit(t *testing.T) {
	const head = "Limit                     Soft Limit           Hard Limit           Units     \n"
	for text, want := range map[string]uint64{
		head + "Max file locks            unlimited            unlimited            locks     \n":                                          unix.RLIM_INFINITY,
		head + "Max file locks            0                    4294967297           locks     \nMax pending signals       1  2  signals\n": 1<<32 + 1,
		head + "Max address space         1                    2                    bytes     \n":                                          0,
		head + "Max file locks            1": 0,
		"Max file locks x y locks\n":         0,
		"":                                   0,
	} {
		if got, err := locksLimit([]byte(text)); got != want || (err == nil) != (want != 0) {
			t.Errorf("locksLimit(%q) = %d, %v", text, got, err)
		}
	}
}

func TestParseStat(t *testing.T) {
	const rest = " S 7 1 1 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 3 0 99 5 6"
	for text, want := range map[string]stat{
		"12 (sleep)" + rest:          {"sleep", 'S', 7, 3, 99, 100},
		"12 (a) S 9 (b\n)" + rest:    {"a) S 9 (b\n", 'S', 7, 3, 99, 100},
		"12 ()" + rest + " 1 2 3 \n": {"", 'S', 7, 3, 99, 100},
		"12 (sleep) S 7":             {},
		"12 sleep" + rest:            {},
		"":                           {},
	} {
		if got, err := parseStat([]byte(text)); got != want || (err == nil) != (want.state != 0) {
			t.Errorf("parseStat(%q) = %+v, %v", text, got, err)
		}
	}
}

// TestFamilies: whatever a service's processes do, they stay its own, are found by nobody else, and all end.
func TestFamilies(t *testing.T) {
	const sleep = "echo $$ >&3; exec sleep 1000"
	for _, c := range []struct {
		why    string
		script string
		pids   int
		root   bool
	}{
		{"one process", sleep, 1, false},
		{"children", "sh -c '" + sleep + "' & sh -c '" + sleep + "' & " + sleep, 3, false},
		{"double fork", "( ( " + "sh -c '" + sleep + "' & ) & )", 1, false},
		{"a session of its own", "setsid sh -c '" + sleep + "' & exit 0", 1, false},
		{"no environment", "env -i /bin/sh -c 'echo $$ >&3; exec /bin/sleep 1000' & exit 0", 1, false},
		{"another user, another session, no environment, no parent",
			"( setsid setpriv --reuid=65534 --regid=65534 --clear-groups env -i /bin/sh -c 'echo $$ >&3; exec /bin/sleep 1000' & ) ; exit 0", 1, true},
		{"a process group of its own, deaf", "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ >&3; while :; do sleep 1000; done' & exit 0", 1, false},
		{"stopped", "sh -c 'echo $$ >&3; kill -STOP $$' & exit 0", 1, false},
		{"a soft limit of its own", "ulimit -S -x 5 2>/dev/null; sh -c '" + sleep + "' & exit 0", 1, false},
	} {
		t.Run(c.why, func(t *testing.T) {
			if c.root {
				needRoot(t, "changes its user")
			}
			w := newWorld(t, Options{})
			_, others := w.sh("other.service", 1, sleep)
			main, pids := w.sh("this.service", c.pids, c.script)
			for _, pid := range pids {
				if name, ok := w.UnitOf(pid); !ok || name != "this.service" {
					t.Errorf("UnitOf(%d) = %q, %v", pid, name, ok)
				}
				if name, ok := w.Lookup(pid); !ok || name != "this.service" {
					t.Errorf("Lookup(%d) = %q, %v", pid, name, ok)
				}
			}
			left, empty := w.Left("this.service")
			if found := pidsOf(left); empty || !slices.IsSorted(found) || !contains(found, pids) {
				t.Errorf("Left = %v, %v; want at least %v", left, empty, pids)
			}
			if left, _ := w.Left("this.service", pids...); contains(pidsOf(left), pids[:1]) {
				t.Errorf("Left but for %v = %v", pids, left)
			}
			k := w.killAll("this.service", main)
			if !contains(pidsOf(k.Signalled), pids) || len(k.Failed) > 0 || k.Forking {
				t.Errorf("Kill = %+v; want %v signalled", k, pids)
			}
			w.await("this.service")
			for _, pid := range pids {
				if !w.ended(pid) {
					t.Errorf("process %d lives", pid)
				}
			}
			if w.ended(others[0]) || slices.Contains(pidsOf(k.Signalled), others[0]) {
				t.Errorf("the other unit's process was killed")
			}
			if left, empty := w.Left("other.service"); empty || !slices.Equal(pidsOf(left), others) {
				t.Errorf("the other unit has %v, not %v", left, others)
			}
		})
	}
}

func contains(list, part []int) bool {
	return !slices.ContainsFunc(part, func(n int) bool { return !slices.Contains(list, n) })
}

// TestForking: what forks while it is being killed is killed too.
func TestForking(t *testing.T) {
	for _, c := range []struct {
		why, script string
		root        bool
	}{
		{"each process forks one and ends", "r() { r & }; echo $$ >&3; r", false},
		{"one process forks many that end", "echo $$ >&3; while :; do sh -c : & done", false},
		{"many are there", "i=0; while [ $i -lt 150 ]; do sleep 1000 & i=$((i+1)); done; echo $$ >&3; wait", false},
		{"a fork bomb of 300 processes of one user", "exec setpriv --reuid=64999 --regid=64999 --clear-groups prlimit --nproc=300 sh -c 'b() { b & b & b & wait; b; }; echo $$ >&3; b' 2>/dev/null", true},
	} {
		t.Run(c.why, func(t *testing.T) {
			if c.root {
				needRoot(t, "changes its user")
			}
			w := newWorld(t, Options{})
			_, others := w.sh("other.service", 1, "echo $$ >&3; exec sleep 1000")
			main, _ := w.sh("bomb.service", 1, c.script)
			began := time.Now()
			k := w.killAll("bomb.service", main)
			for i := 0; k.Forking && i < 10; i++ {
				k = w.killAll("bomb.service", main)
			}
			if k.Forking || len(k.Failed) > 0 {
				t.Errorf("Kill = %+v", k)
			}
			w.await("bomb.service")
			t.Logf("%d signalled, %v", len(k.Signalled), time.Since(began).Round(time.Millisecond))
			for _, s := range members(t, w, "bomb.service") {
				t.Errorf("process %d has the stamp still", s)
			}
			if w.ended(others[0]) {
				t.Errorf("the other unit's process was killed")
			}
		})
	}
}

// members looks with other eyes than the tracker's: the stamp of every process, read from its file.
func members(t *testing.T, w *world, name string) (list []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + e.Name() + "/limits")
		if err != nil {
			continue
		}
		hard, _ := locksLimit(text)
		if slices.Contains(w.units[name].stamps, w.base.stamp(hard)) && !w.ended(pid) {
			list = append(list, pid)
		}
	}
	return list
}

// TestSignals: each gets what the Kill says, main and control once.
func TestSignals(t *testing.T) {
	const script = `trap 'echo 15 >&3' TERM; trap 'echo 1 >&3' HUP; trap 'echo 18 >&3' CONT; echo $$ >&3; while :; do sleep 0.01; done`
	w := newWorld(t, Options{})
	_, r := w.launch("s.service", true, "sh", "-c", script)
	pid := r.number(t)
	k := w.Kill(supervise.Kill{Unit: "s.service", Main: supervise.Process{Command: 1, PID: pid}, Rest: true, Signal: 15, Continue: true, Hangup: true})
	var got []int
	for range 3 {
		got = append(got, r.number(t))
	}
	slices.Sort(got)
	if !slices.Equal(got, []int{1, 15, 18}) {
		t.Errorf("got the signals %v", got)
	}
	if len(k.Signalled) == 0 || k.Signalled[0].PID != pid || k.Signalled[0].Name != "sh" {
		t.Errorf("Kill = %+v; want %d (sh) first", k, pid)
	}
	if slices.Contains(pidsOf(k.Signalled[1:]), pid) {
		t.Errorf("Kill = %+v: the main process twice", k)
	}
}

// TestNobody: processes without a unit stay without, and are not signalled.
func TestNobody(t *testing.T) {
	w := newWorld(t, Options{})
	w.sh("s.service", 1, "echo $$ >&3; exec sleep 1000")
	for _, pid := range []int{-1, 0, 1, os.Getpid(), os.Getppid(), 1 << 22} {
		if name, ok := w.UnitOf(pid); ok {
			t.Errorf("UnitOf(%d) = %s", pid, name)
		}
	}
	for _, k := range []supervise.Kill{
		{Unit: "s.service", Main: supervise.Process{Command: 1, PID: 1}, Signal: unit.SIGHUP},
		{Unit: "s.service", Main: supervise.Process{Command: 1, PID: os.Getpid()}, Signal: unit.SIGKILL},
		{Unit: "s.service", Main: supervise.Process{Command: 1, PID: -1}, Signal: unit.SIGKILL},
		{Unit: "unknown.service", Rest: true, Signal: unit.SIGKILL},
	} {
		if got := w.Kill(k); len(got.Signalled)+len(got.Failed) > 0 {
			t.Errorf("%v: %+v", k, got)
		}
	}
}

// TestAncestry: a unit with a LimitLOCKS= of its own is found by its parents, and who was seen once is not lost with the parent.
func TestAncestry(t *testing.T) {
	w := newWorld(t, Options{})
	main, pids := w.start("s.service", false, 2, "sh", "-c", "sh -c 'sh -c \"echo \\$\\$ >&3; exec sleep 1000\" & echo $$ >&3; wait' & wait")
	for _, pid := range pids {
		if name, _ := w.UnitOf(pid); name != "s.service" {
			t.Errorf("UnitOf(%d) = %q", pid, name)
		}
	}
	if left, _ := w.Left("s.service"); !contains(pidsOf(left), pids) {
		t.Fatalf("Left = %v; want %v", left, pids)
	}
	unix.Kill(main, unix.SIGKILL)
	var st unix.WaitStatus
	if _, err := unix.Wait4(main, &st, 0, nil); err != nil {
		t.Fatal(err)
	}
	delete(w.children, main)
	w.Exited(main, 0)
	w.Turn()
	if left, _ := w.Left("s.service"); !slices.Equal(pidsOf(left), sorted(pids)) {
		t.Fatalf("without the main process: Left = %v; want %v", left, pids)
	}
	if name, _ := w.UnitOf(pids[0]); name != "s.service" {
		t.Errorf("without the main process: UnitOf(%d) = %q", pids[0], name)
	}
	again := New(Options{Cgroup: NoCgroup, State: w.State()})
	defer again.Close()
	if left, _ := again.Left("s.service"); !slices.Equal(pidsOf(left), sorted(pids)) {
		t.Errorf("another incarnation: Left = %v; want %v", left, pids)
	}
	if k := w.killAll("s.service", 0); !slices.Equal(sorted(pidsOf(k.Signalled)), sorted(pids)) {
		t.Errorf("Kill = %+v; want %v", k, pids)
	}
	w.await("s.service")
	if b := w.Add(Unit{Name: "t.service", Stamp: 99}); len(b.Degraded) != 1 || b.Degraded[0].Directive != "LimitLOCKS" {
		t.Errorf("Add of a unit without a stamp: %+v", b)
	}
}

func sorted(list []int) []int {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// TestState: what another incarnation of the manager knows.
func TestState(t *testing.T) {
	w := newWorld(t, Options{})
	main, pids := w.sh("s.service", 2, "sh -c 'echo $$ >&3; exec sleep 1000' & echo $$ >&3; exec sleep 1000")
	w.Exited(main, 3*time.Second)
	w.Started("s.service", main)
	state := w.State()
	again := New(Options{Cgroup: NoCgroup, State: state})
	defer again.Close()
	if !reflect.DeepEqual(state, again.State()) {
		t.Errorf("%+v became %+v", state, again.State())
	}
	for _, pid := range pids {
		if name, _ := again.UnitOf(pid); name != "s.service" {
			t.Errorf("UnitOf(%d) = %q", pid, name)
		}
	}
	if u := again.Usage("s.service"); !u.Estimated || u.CPU < 3*time.Second || u.Memory < 4096 || u.Memory > 1<<30 || u.Tasks != 2 {
		t.Errorf("Usage = %+v", u)
	}
	if u := again.Usage("t.service"); u.Memory != Unknown {
		t.Errorf("Usage of nothing = %+v", u)
	}
}

// TestForget: a unit that is no more leaves nothing behind, once it is empty.
func TestForget(t *testing.T) {
	w := newWorld(t, Options{})
	main, pids := w.sh("s.service", 1, "echo $$ >&3; exec sleep 1000")
	w.Forget("s.service")
	if name, _ := w.UnitOf(pids[0]); name != "s.service" {
		t.Errorf("its last process is in %q", name)
	}
	w.killAll("s.service", main)
	w.reap(true)
	w.Turn()
	for range 3 {
		w.Left("s.service")
	}
	w.Add(Unit{Name: "t.service", Stamp: 9, Stamped: true})
	w.pass()
	if s := w.State(); len(s.Units) != 1 || s.Units[0].Name != "t.service" {
		t.Errorf("left: %+v", s)
	}
}

// TestHeadless: a process whose first thread has ended looks like a zombie and lives.
func TestHeadless(t *testing.T) {
	w := newWorld(t, Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	main, pids := w.start("s.service", true, 1, self, headless)
	for s, err := w.proc.stat(main); s.state != 'Z'; s, err = w.proc.stat(main) { // the kernel tells nobody of a thread's end
		if err != nil || s.threads < 2 {
			t.Fatalf("it is gone: %+v, %v", s, err)
		}
	}
	if left, empty := w.Left("s.service"); empty || !slices.Equal(pidsOf(left), pids) {
		t.Errorf("Left = %v, %v", left, empty)
	}
	if k := w.killAll("s.service", main); !slices.Equal(pidsOf(k.Signalled), pids) {
		t.Errorf("Kill = %+v", k)
	}
	w.await("s.service")
}

// TestNested: a manager in a service stamps below what it wears itself, and its processes belong to the service.
func TestNested(t *testing.T) {
	w := newWorld(t, Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, numbers := w.start("s.service", true, 1, self, nested)
	inner := base(numbers[0])
	if inner == 0 || inner >= w.base {
		t.Fatalf("below %#x: %#x", w.base, inner)
	}
	_, pids := w.sh("s.service", 1, "sh -c 'ulimit -x "+strconv.FormatUint(inner.value(4), 10)+" 2>/dev/null || prlimit --pid $$ --locks="+
		strconv.FormatUint(inner.value(4), 10)+"; echo $$ >&3; exec sleep 1000' & wait")
	if hard, err := w.proc.hardLimit(pids[0]); err != nil || inner.stamp(hard) != 4 {
		t.Fatalf("it wears %#x, %v", hard, err)
	}
	if name, _ := w.UnitOf(pids[0]); name != "s.service" {
		t.Errorf("UnitOf = %q", name)
	}
}

// TestWithoutProc: what was started is signalled, with its process group, and what is missing is said.
func TestWithoutProc(t *testing.T) {
	w := newWorld(t, Options{Proc: t.TempDir()})
	if len(w.Problems()) != 1 {
		t.Errorf("Problems = %q", w.Problems())
	}
	main, pids := w.start("s.service", true, 2, "setsid", "sh", "-c", "sh -c 'echo $$ >&3; exec sleep 1000' & echo $$ >&3; wait")
	if main != pids[0] && main != pids[1] {
		t.Fatalf("setsid forked: %d, %v", main, pids)
	}
	if left, empty := w.Left("s.service"); empty || !slices.Equal(pidsOf(left), []int{main}) {
		t.Errorf("Left = %v, %v", left, empty)
	}
	if name, _ := w.UnitOf(main); name != "s.service" {
		t.Errorf("UnitOf = %q", name)
	}
	w.killAll("s.service", main)
	for range pids { // the child comes to us when its parent has ended
		pid, err := unix.Wait4(-1, nil, 0, nil)
		if err != nil || !slices.Contains(pids, pid) {
			t.Fatalf("wait4: %d, %v", pid, err)
		}
		delete(w.children, pid)
		w.Exited(pid, 0)
	}
	w.Turn()
	if left, empty := w.Left("s.service"); !empty {
		t.Errorf("at the end: Left = %v", left)
	}
}

// TestLookupMeanwhile: others may look up while the owner works.
func TestLookupMeanwhile(t *testing.T) {
	w := newWorld(t, Options{})
	_, pids := w.sh("s.service", 1, "echo $$ >&3; exec sleep 1000")
	wrong := make(chan string)
	go func() {
		defer close(wrong)
		for range 2000 {
			if name, _ := w.Lookup(pids[0]); name != "s.service" {
				wrong <- name
				return
			}
		}
	}()
	for i := uint32(1000); ; i++ {
		select {
		case name, bad := <-wrong:
			if bad {
				t.Errorf("Lookup = %q", name)
			}
			return
		default:
			w.Add(Unit{Name: "x" + strconv.Itoa(int(i)) + ".service", Stamp: i, Stamped: true})
			w.Turn()
			w.Left("s.service")
		}
	}
}

func TestAdopt(t *testing.T) {
	w := newWorld(t, Options{})
	_, pids := w.sh("s.service", 1, "echo $$ >&3; exec sleep 1000")
	w.Add(Unit{Name: "x.scope", Stamp: 50, Stamped: true})
	outsider := w.outsider(t)
	if err := w.Adopt("x.scope", outsider); err != nil {
		t.Fatal(err)
	}
	if name, _ := w.UnitOf(outsider); name != "x.scope" {
		t.Errorf("UnitOf = %q", name)
	}
	if left, _ := w.Left("x.scope"); !slices.Equal(pidsOf(left), []int{outsider}) {
		t.Errorf("Left = %v", left)
	}
	w.killAll("x.scope", 0)
	w.await("x.scope")
	if w.ended(pids[0]) {
		t.Error("the service's process was killed")
	}
	for _, pid := range []int{1, os.Getpid(), outsider} {
		if err := w.Adopt("x.scope", pid); err == nil {
			t.Errorf("process %d was adopted", pid)
		}
	}
}

func BenchmarkPass(b *testing.B) {
	t := New(Options{Cgroup: NoCgroup})
	defer t.Close()
	n := 0
	t.proc.each(t.scratch, func(int, uint64) { n++ })
	for b.Loop() {
		t.pass()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/process")
}

// TestKillValue: a client's value comes with the signal (sigqueue(3)).
func TestKillValue(t *testing.T) {
	w := newWorld(t, Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // what is started has the mask of the thread that starts it
	block, was := unix.Sigset_t{Val: [16]uint64{1 << (unix.SIGUSR1 - 1)}}, unix.Sigset_t{}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &was); err != nil {
		t.Fatal(err)
	}
	main, r := w.launch("s.service", true, self, valued)
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &was, nil); err != nil {
		t.Fatal(err)
	}
	runtime.UnlockOSThread()
	if r.number(t) != 0 {
		t.Fatal("it is not ready")
	}
	value := int32(-4711)
	k := w.Tracker.Kill(supervise.Kill{Unit: "s.service", Main: supervise.Process{PID: main}, Signal: unit.SIGUSR1, Value: &value, Client: true})
	if len(k.Failed) > 0 || len(k.Signalled) != 1 || k.Signalled[0].PID != main {
		t.Errorf("%+v", k)
	}
	if code, got := r.number(t), r.number(t); code != siQueue || got != int(value) {
		t.Errorf("code %d and value %d came, not %d and %d", code, got, siQueue, value)
	}
}
