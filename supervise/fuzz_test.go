package supervise

import (
	"slices"
	"strings"
	"testing"

	"keelson/supervise/calendar"
	"keelson/supervise/graph"
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// fuzzUnits are units of every type whose events cross each other.
var fuzzUnits = map[string]string{
	"simple.service":  "[Unit]\nOnFailure=once.service\n[Service]\nRestart=always\nRestartSec=1\nExecStart=/bin/s\nExecReload=/bin/r\nExecStop=/bin/x\nExecStopPost=/bin/y\nTimeoutStopSec=3",
	"notify.service":  "[Unit]\nBindsTo=simple.service\nAfter=simple.service\n[Service]\nType=notify\nWatchdogSec=5\nTimeoutStartSec=4\nTimeoutStopFailureMode=abort\nFileDescriptorStoreMax=2\nExecStart=/bin/n",
	"nreload.service": "[Unit]\nPropagatesReloadTo=simple.service\n[Service]\nType=notify-reload\nTimeoutStartSec=4\nRestart=on-failure\nRestartMode=direct\nExecStart=/bin/n",
	"fork.service":    "[Service]\nType=forking\nPIDFile=/run/f.pid\nExecStartPre=/bin/p\nExecStart=/bin/f\nExecStartPost=/bin/q\nTimeoutStartSec=5",
	"guess.service":   "[Unit]\nPartOf=simple.service\n[Service]\nType=forking\nExitType=cgroup\nKillMode=mixed\nExecStart=/bin/g\nTimeoutStartSec=5",
	"once.service":    "[Unit]\nOnFailure=idle.service\nOnSuccess=idle.service\n[Service]\nType=oneshot\nExecCondition=/bin/c\nExecStart=-/bin/1\nExecStart=/bin/2",
	"remain.service":  "[Unit]\nUpholds=idle.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/1\nRuntimeDirectory=r",
	"idle.service":    "[Unit]\nStopWhenUnneeded=yes\nConditionPathExists=/x\n[Service]\nType=idle\nRuntimeMaxSec=7\nExecStart=/bin/i",
	"bus.service":     "[Service]\nType=dbus\nBusName=a.b\nTimeoutStartSec=3\nExitType=cgroup\nExecStart=/bin/b",
	"kp.service":      "[Service]\nKillMode=process\nSendSIGKILL=no\nTimeoutStopSec=2\nExecStart=/bin/kp",
	"end.service":     "[Unit]\nSuccessAction=exit\n[Service]\nExecStart=/bin/end",
	"t.timer":         "[Timer]\nOnActiveSec=2\nOnUnitInactiveSec=3\nAccuracySec=1us\nUnit=once.service\nRandomizedDelaySec=2",
	"c.timer":         "[Timer]\nOnCalendar=*:*:0/20\nPersistent=yes\nUnit=remain.service",
	"p.path":          "[Path]\nPathExists=/x\nPathChanged=/y\nUnit=once.service",
	"s.socket":        "[Socket]\nListenStream=/run/s\nService=notify.service\nExecStartPre=/bin/a\nExecStopPost=/bin/b\nTimeoutSec=4",
	"acc.socket":      "[Socket]\nListenStream=9\nAccept=yes\nMaxConnections=3\nMaxConnectionsPerSource=2\nPollLimitBurst=3",
	"acc@.service":    "[Unit]\nCollectMode=inactive-or-failed\n[Service]\nExecStart=/bin/acc",
	"bound.service":   "[Unit]\nBindsTo=data.mount\nAfter=data.mount\n[Service]\nExecStart=/bin/b",
	"all.target":      "[Unit]\nWants=simple.service notify.service t.timer s.socket p.path\nRequires=remain.service\nAllowIsolate=yes",
	"no.target":       "[Unit]\nConflicts=all.target once.service\nAllowIsolate=yes",
}

// fuzzNames are those that can be started.
var fuzzNames = func() []string {
	var list []string
	for name := range fuzzUnits {
		if !strings.Contains(name, "@") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}()

// laws watches a world for what must never be.
type laws struct {
	*world
	t      testing.TB
	trace  []string
	steady bool // what conditions are about does not change: a job that waits for its unit asks again when the machine is executed anew
}

// check looks at the machine between two steps.
func (l *laws) check() {
	l.t.Helper()
	m := l.m
	for pid, u := range m.pids {
		tracked := u.Service != nil && (u.Service.Main.PID == pid || u.Service.Control.PID == pid) ||
			u.Socket != nil && u.Socket.Control.PID == pid
		if !tracked || m.units[u.ID] != u {
			l.t.Fatalf("PID %d is booked on %s, which does not track it", pid, u.Name)
		}
	}
	for command, u := range m.commands {
		tracked := u.Service != nil && (u.Service.Main.Command == command || u.Service.Control.Command == command) ||
			u.Socket != nil && u.Socket.Control.Command == command
		if !tracked {
			l.t.Fatalf("command %d is booked on %s, which does not track it", command, u.Name)
		}
	}
	for _, u := range m.Units() {
		s := u.Service
		if s == nil {
			continue
		}
		if s.Main.Alive() && s.Main == s.Control {
			l.t.Fatalf("%s: the main process is the control process", u.Name)
		}
		if has := serviceStates[s.State].has; s.Main.Alive() && has&hasMain == 0 || s.Control.Alive() && has&hasControl == 0 {
			l.t.Fatalf("%s has processes in state %s", u.Name, s.State)
		}
		if got, want := m.Active(u), (service{m, u, s}).active(s.State); got != want {
			l.t.Fatalf("%s is %s in state %s", u.Name, got, s.State)
		}
		if d := u.Deadlines[timerDeadline]; d.set() && serviceStates[s.State].has&hasTimer == 0 {
			l.t.Fatalf("%s has a deadline in state %s", u.Name, s.State)
		}
	}
	cached := m.Next()
	m.wakeKnown = false
	if fresh := m.Next(); cached != fresh {
		l.t.Fatalf("time matters at %v, but Next says %v", fresh, cached)
	}
	if len(m.queue) > 0 && !m.backlog && !m.finished {
		l.t.Fatal("a step has left work undone")
	}
}

// effects checks what one event led to.
func (l *laws) effects(before uint64, e Event, finished bool) {
	for _, line := range l.log {
		l.trace = append(l.trace, line)
		if finished && strings.HasPrefix(line, "spawn ") && strings.Contains(line, " ExecStart ") {
			l.t.Fatalf("after the end: %s", line)
		}
	}
	l.log = nil
	if _, ok := e.(Tick); !ok {
		return
	}
	for _, u := range l.m.Units() {
		for k, d := range u.Deadlines {
			now := l.now.Monotonic
			if deadlineKind(k) == realtimeDeadline {
				now = l.now.Realtime
			}
			if d.set() && d.At <= now && d.Serial <= before && !finished && !l.m.finished {
				l.t.Fatalf("%s: deadline %d was due at this tick, and is due again", u.Name, k)
			}
		}
	}
}

// act is one event, with all that it brings about.
func (l *laws) act1(e Event) {
	before, finished := l.m.lastDeadline, l.m.finished
	l.step(e)
	l.effects(before, e, finished)
	l.check()
}

func (l *laws) drain1() {
	finished := l.m.finished
	l.drain()
	l.effects(l.m.lastDeadline, nil, finished)
	l.check()
}

// play makes a sequence of events of bytes, and brings it to rest. After every so many of them the machine is executed anew.
func play(t testing.TB, data []byte, steady bool, rebirth int) []string {
	l := &laws{world: newWorld(fuzzUnits), t: t, steady: steady}
	l.facts["PathExists=/x"] = true
	at := 0
	next := func() int {
		if at >= len(data) {
			return 0
		}
		at++
		return int(data[at-1])
	}
	for n := 1; at < len(data) && at < 400; n++ {
		op, name := next(), fuzzNames[next()%len(fuzzNames)]
		l.one(op, name, next)
		if rebirth > 0 && n%rebirth == 0 {
			l.rebirth(t)
			l.check()
		}
	}
	l.rest()
	return l.trace
}

var fuzzMessages = []string{"READY=1", "RELOADING=1\nMONOTONIC_USEC=99999999999", "STOPPING=1", "WATCHDOG=1", "WATCHDOG=trigger",
	"EXTEND_TIMEOUT_USEC=9000000", "FDSTORE=1\nFDNAME=a", "FDSTOREREMOVE=1\nFDNAME=a", "WATCHDOG_USEC=100", "RELOADING=1\nREADY=1"}

func (l *laws) one(op int, name string, next func() int) {
	pick := func() (int, bool) {
		list := l.of(name)
		if len(list) == 0 {
			return 0, false
		}
		return list[next()%len(list)], true
	}
	switch op % 16 {
	case 0, 1:
		l.act1(Request{ID: 1, Verb: VerbStart, Unit: name})
	case 2:
		l.act1(Request{ID: 1, Verb: Verb(next() % int(VerbExit)), Unit: name, Mode: graph.JobMode(next() % 7), Job: graph.JobID(next()), Signal: unit.SIGTERM})
	case 3:
		l.act1(Request{ID: 1, Verb: VerbStop, Unit: name})
	case 4, 5:
		if pid, ok := pick(); ok {
			status := Status{StatusExited, next() % 3}
			if op&16 != 0 {
				status = Status{StatusKilled, []int{15, 9, 11}[status.Value]}
			}
			l.kill(pid, status)
			l.drain1()
			if got := l.m.Step(l.now, Exited{pid, status}); len(got) > 0 {
				l.t.Fatalf("an exit told twice: %v", got)
			}
		}
	case 6:
		l.lastPID++
		l.procs[l.lastPID] = proc{unit: name}
		l.pidFiles["/run/f.pid"] = l.lastPID
		l.act1(PIDFileChanged{name})
		l.act1(PIDFileChanged{"fork.service"})
	case 7:
		l.obedient = next()%4 != 0
	case 8, 9:
		l.clock(l.now.Monotonic + Usec(next())*calendar.Second/16)
		l.act1(Tick{})
	case 10:
		if pid, ok := pick(); ok {
			text := fuzzMessages[next()%len(fuzzMessages)]
			var fds []FD
			if strings.HasPrefix(text, "FDSTORE=") {
				fds = []FD{l.fd()}
			}
			msg, err := notify.Parse([]byte(text), len(fds))
			if err != nil {
				l.t.Fatal(err)
			}
			if next()%4 == 0 {
				msg.MainPID = pid
			}
			l.act1(Notified{Unit: name, PID: pid, Message: msg, FDs: fds, MainAlive: true, MainInUnit: true, MainOurs: next()%3 != 0})
		}
	case 11:
		switch next() % 4 {
		case 0:
			l.act1(Traffic{Unit: name, Hangup: next()%5 == 0})
		case 1:
			l.act1(Connection{Unit: "acc.socket", FD: l.fd(), Instance: "1-0", Source: []string{"a", "b", ""}[next()%3]})
		case 2:
			l.act1(PathChanged{name, next()%3 - 1})
		case 3:
			l.act1(OutOfMemory{name})
		}
	case 12:
		l.facts["PathExists=/x"] = next()%2 == 0 || l.steady
		l.paths["/x"] = next()%4 == 0
		l.act1(BusName{Name: "a.b", Owner: []string{"", ":1.1"}[next()%2]})
		l.act1(PathChanged{"p.path", -1})
	case 13:
		l.noSpawn, l.noExec, l.noListen = next()%4 == 1, next()%4 == 1, next()%4 == 1
	case 14:
		l.act1(Empty{name}) // perhaps a lie
	case 15:
		switch next() % 8 {
		case 0:
			l.act1(Request{ID: 1, Verb: VerbDaemonReload})
		case 1:
			l.act1(ClockChanged{})
		case 2:
			l.act1(Request{ID: 1, Verb: VerbExit, Status: 3, Force: next()%2 == 0})
		case 3:
			l.act1(Request{ID: 1, Verb: VerbResetFailed})
		case 4:
			l.act1(MountTable{[]MountPoint{{Where: "/"}, {Where: []string{"/", "/data", "/x/y"}[next()%3]}}})
		case 5:
			l.act1(Request{ID: 1, Verb: VerbSetProperties, Unit: name})
		case 6:
			file := unit.TransientDir + "/run-1.service"
			tree := l.m.config.Loader.FS.(*unit.Tree)
			if l.m.CheckTransient("run-1.service") == nil {
				tree.AddFile(file, "[Service]\nExecStart=/bin/run\n")
				l.act1(Request{ID: 1, Verb: VerbStartTransient, Unit: "run-1.service", Hold: next()%3 == 0})
			}
		case 7:
			l.act1(Request{ID: 1, Verb: VerbReleaseUnit})
		}
	}
}

// rest lets everything come to an end: signals kill, what does not end by itself is ended, and time goes on. No job is left then.
func (l *laws) rest() {
	l.obedient, l.noSpawn, l.noExec, l.noListen = true, false, false, false
	l.act1(Request{Verb: VerbClearJobs}) // irreversible ones
	for _, name := range []string{"run-1.service", "simple.service", "nreload.service", "t.timer", "c.timer", "p.path", "s.socket", "remain.service", "acc.socket"} {
		l.act1(Request{Verb: VerbStop, Unit: name})
	}
	for range 60 {
		for _, pid := range slices.Sorted(keys(l.procs)) {
			if _, alive := l.procs[pid]; alive {
				l.kill(pid, Status{Code: StatusExited})
				l.drain1()
			}
		}
		l.clock(l.now.Monotonic + 4*calendar.Second)
		l.act1(Tick{})
	}
	if jobs := l.m.Graph().Jobs(); len(jobs) > 0 && !l.m.backlog && !l.m.finished {
		var list []string
		for _, j := range jobs {
			list = append(list, l.m.graph.Name(j.Unit)+"/"+j.Type.String()+" "+l.state(l.m.graph.Name(j.Unit)))
		}
		l.t.Fatalf("jobs that never end: %s", strings.Join(list, ", "))
	}
}

func keys(m map[int]proc) func(func(int) bool) {
	return func(yield func(int) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// seedEvents are sequences worth beginning with.
func seedEvents(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 3, 0, 5, 8, 0, 30, 4, 5, 0, 1, 3, 3, 8, 0, 90})
	f.Add([]byte("start them all, let them run, and stop them again"))
	f.Add([]byte{0, 0, 1, 1, 0, 2, 1, 3, 0, 4, 1, 5, 0, 6, 1, 7, 0, 8, 1, 9, 0, 10, 1, 11, 0, 12, 8, 0, 200, 15, 0, 0, 11, 0, 1, 0, 8, 1, 99, 15, 0, 2, 1})
}

// FuzzEvents plays sequences of events twice: the laws hold, and the same events have the same effects.
func FuzzEvents(f *testing.F) {
	seedEvents(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		same(t, play(t, data, false, 0), play(t, data, false, 0))
	})
}

// FuzzRebirth plays sequences of events with and without executing the machine anew in between: the effects are the same.
func FuzzRebirth(f *testing.F) {
	seedEvents(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 120 {
			return // each costs milliseconds
		}
		same(t, play(t, data, true, 0), play(t, data, true, 1+len(data)%3))
	})
}

func same(t *testing.T, first, again []string) {
	t.Helper()
	for i := range min(len(first), len(again)) {
		if first[i] != again[i] {
			t.Fatalf("the same events had other effects: %q, then %q after\n%s", first[i], again[i], strings.Join(first[max(0, i-30):i], "\n"))
		}
	}
	if len(first) != len(again) {
		t.Fatalf("the same events had %d effects, then %d", len(first), len(again))
	}
}
