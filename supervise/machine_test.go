package supervise

import (
	"fmt"
	"runtime"
	"testing"

	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

func TestWithin(t *testing.T) {
	const s, minute = calendar.Second, calendar.Minute
	for _, c := range []struct{ at, accuracy, perturb, want Usec }{
		{10 * s, 0, 0, 10 * s},
		{10 * s, 1, 0, 10 * s},
		{61 * s, minute, 0, 120 * s},
		{61 * s, minute, 7 * s, 67 * s},            // the mark of this machine
		{61 * s, 10 * s, 0, 70 * s},                // no minute in it, but a tenth of a second minute
		{61 * s, 9 * s, 0, 69 * s},                 // the last whole second before its end
		{61*s + 1, 100_000, 0, 61*s + 100_001},     // nothing coarser: its end
		{61 * s, Infinity, 0, 61 * s},              // no window at all
		{61*s + 1, 300_000, 0, 61*s + 250_000},     // a quarter of a second
		{119 * s, minute, 59_999_999, 119999999},   // just inside
		{120 * s, minute, 59_999_999, 179_999_999}, // the next one
	} {
		if got := within(c.at, c.accuracy, c.perturb); got != c.want {
			t.Errorf("within(%d, %d, %d) = %d, want %d", c.at, c.accuracy, c.perturb, got, c.want)
		}
	}
}

func TestLimiter(t *testing.T) {
	l := Limiter{Limit: unit.RateLimit{Interval: 10, Burst: 2}}
	for i, c := range []struct {
		now  Usec
		want bool
	}{{100, true}, {101, true}, {102, false}, {110, false}, {111, true}, {112, true}, {113, false}} {
		if got := l.below(c.now); got != c.want {
			t.Errorf("event %d at %d: %v, want %v", i, c.now, got, c.want)
		}
	}
	l.reset()
	if !l.below(113) {
		t.Error("a limiter that was reset counts on")
	}
	none := Limiter{Limit: unit.RateLimit{Interval: 0, Burst: 1}}
	for range 100 {
		if !none.below(1) {
			t.Fatal("no limit, but hit")
		}
	}
}

// bootUnits are n services below multi-user.target, each after the one before it, every tenth with a socket.
func bootUnits(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		name := fmt.Sprintf("s%04d.service", i)
		text := "[Unit]\nDescription=Service\nAfter=network.target\n"
		if i > 0 && i%5 != 0 {
			text += fmt.Sprintf("Wants=s%04d.service\nAfter=s%04d.service\n", i-1, i-1)
		}
		files[name] = text + "[Service]\nExecStart=/usr/sbin/daemon --number " + fmt.Sprint(i) + "\nRestart=on-failure\n[Install]\nWantedBy=multi-user.target\n"
		files["multi-user.target.wants/"+name] = "-> ../" + name
		if i%10 == 0 {
			files[fmt.Sprintf("s%04d.socket", i)] = fmt.Sprintf("[Socket]\nListenStream=/run/s%d\n", i)
		}
	}
	return files
}

// BenchmarkBoot reads so many unit files and builds the boot transaction.
func BenchmarkBoot(b *testing.B) {
	for _, n := range []int{100, 300, 1000, 3000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			files := bootUnits(n)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				w := newWorld(files)
				b.StartTimer()
				w.m.config.Loader.Scan()
				w.m.boot("multi-user.target")
				if jobs := len(w.m.graph.Jobs()); jobs < n {
					b.Fatalf("%d jobs", jobs)
				}
			}
		})
	}
}

// BenchmarkNext is what a turn of the loop costs with 1 000 services that wait for nothing, and with as many whose watchdogs run.
func BenchmarkNext(b *testing.B) {
	for _, c := range []struct{ name, lines string }{{"idle", ""}, {"watchdogs", "WatchdogSec=30"}} {
		b.Run(c.name, func(b *testing.B) {
			files := bootUnits(1000)
			files["service.d/all.conf"] = "[Service]\n" + c.lines
			w := newWorld(files)
			w.step(Boot{"multi-user.target"})
			b.ReportAllocs()
			for b.Loop() {
				w.m.Next()
			}
		})
	}
}

// BenchmarkMemory is the size of the machine by the number of services that run: bytes a service, all told.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			heap := func() uint64 {
				var s runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&s)
				return s.HeapAlloc
			}
			for b.Loop() {
				w := newWorld(bootUnits(n))
				w.step(Boot{"multi-user.target"})
				w.log, w.spawns = nil, nil
				with := heap()
				w.m.graph, w.m.units, w.m.pids, w.m.commands, w.m.watched = nil, nil, nil, nil, nil
				b.ReportMetric(float64(with-heap())/float64(n), "B/service")
				runtime.KeepAlive(w)
			}
		})
	}
}

// A thousand units come up, and go down again.
func TestBootAndShutdown(t *testing.T) {
	w := newWorld(bootUnits(1000))
	w.obedient = true
	w.step(Boot{"multi-user.target"})
	if got := w.state("multi-user.target"); got != "active active success" {
		t.Fatalf("multi-user.target is %s", got)
	}
	if n := len(w.procs); n != 1000 {
		t.Fatalf("%d processes", n)
	}
	w.step(Request{ID: 1, Verb: VerbExit, Status: 5})
	if w.finish == nil || w.finish.Status != 5 {
		t.Fatalf("finish is %v", w.finish)
	}
	if len(w.procs) > 0 {
		t.Fatalf("%d processes are left", len(w.procs))
	}
}

var endless = map[string]string{
	"a.service": "[Unit]\nRequires=c.service\nAfter=c.service\nOnFailure=b.service\n[Service]\nExecStart=/bin/a",
	"b.service": "[Unit]\nRequires=c.service\nAfter=c.service\nOnFailure=a.service\n[Service]\nExecStart=/bin/b",
	"c.service": "[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=1\n[Service]\nType=oneshot\nExecStart=/bin/c",
}

// Units that bring each other up for ever leave room for other events: a Step ends, and says that there is more to do.
func TestEndless(t *testing.T) {
	w := newWorld(endless)
	w.noExec = true
	w.step(Request{ID: 1, Verb: VerbStart, Unit: "a.service"})
	if !w.m.backlog || w.m.Next().Monotonic != 0 {
		t.Fatalf("this was to go on for ever: a is %s, b is %s", w.state("a.service"), w.state("b.service"))
	}
	w.step(Request{ID: 2, Verb: VerbExit, Force: true, Status: 4})
	if w.finish == nil || w.finish.Status != 4 {
		t.Fatalf("finish is %v", w.finish)
	}
}
