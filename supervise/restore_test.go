package supervise

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

var update = flag.Bool("update", false, "write testdata/state anew: only when the format has a new version")

// lively are units of which each is in the midst of something.
var lively = map[string]string{
	"run.service":     "[Service]\nType=notify\nWatchdogSec=30\nFileDescriptorStoreMax=2\nExecStart=/bin/run",
	"again.service":   "[Service]\nRestart=always\nRestartSec=20\nExecStart=/bin/again",
	"long.service":    "[Unit]\nJobTimeoutSec=50\n[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/long",
	"next.service":    "[Unit]\nAfter=long.service\n[Service]\nExecStart=/bin/next",
	"fail.service":    "[Service]\nType=oneshot\nExecStart=/bin/fail",
	"t.timer":         "[Timer]\nOnActiveSec=90\nAccuracySec=1us\nUnit=fail.service",
	"p.path":          "[Path]\nPathChanged=/y\nUnit=fail.service",
	"s.socket":        "[Socket]\nListenStream=/run/s\nService=next.service",
	"acc.socket":      "[Socket]\nListenStream=9\nAccept=yes",
	"acc@.service":    "[Service]\nExecStart=/bin/acc",
	"idle.service":    "[Service]\nType=idle\nExecStart=/bin/idle",
	"forking.service": "[Service]\nType=forking\nPIDFile=/run/f.pid\nExecStart=/bin/f",
}

// live brings them there.
func live(t testing.TB) *world {
	w := newWorld(lively)
	for _, name := range []string{"run.service", "again.service", "long.service", "next.service", "fail.service", "t.timer", "p.path", "s.socket",
		"acc.socket", "idle.service", "forking.service"} {
		w.step(Request{Verb: VerbStart, Unit: name})
	}
	r := &scenario{world: w, t: nil}
	r.notify("run.service", "main", []string{"READY=1", "FDSTORE=1", "FDNAME=kept", "STATUS=at work"})
	w.kill(w.process("again.service", "main"), Status{StatusKilled, 9})
	w.drain()
	w.kill(w.process("fail.service", "main"), Status{StatusExited, 5})
	w.drain()
	w.step(Connection{Unit: "acc.socket", FD: w.fd(), Instance: "1", Source: "192.0.2.1", Peer: "192.0.2.1:99"})
	w.lastPID++
	w.procs[w.lastPID] = proc{unit: "forking.service"}
	w.kill(w.process("forking.service", "control"), Status{Code: StatusExited})
	w.drain()
	w.step(Request{Verb: VerbSetEnvironment, Assignments: []string{"MGR=hello"}})
	w.clock(w.now.Monotonic + 5*calendar.Second)
	return w
}

const livelyStates = `
run.service active running success
again.service activating auto-restart signal
long.service activating start success
next.service inactive dead success
fail.service failed failed exit-code
t.timer active waiting success
p.path active waiting success
s.socket active listening success
acc.socket active listening success
acc@0-1.service active running success
idle.service active start success
forking.service activating start success
`

// check compares what has become of them.
func checkLively(t *testing.T, w *world) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(livelyStates), "\n") {
		name, want, _ := strings.Cut(line, " ")
		if got := w.state(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	u, _ := w.m.Unit("run.service")
	if s := u.Service; s.StatusText != "at work" || len(s.Store) != 1 || s.Store[0].Name != "kept" {
		t.Errorf("run.service has status %q and keeps %v", s.StatusText, s.Store)
	}
	if env := w.m.Environment(); len(env) != 2 || env[1] != "MGR=hello" {
		t.Errorf("the environment is %q", env)
	}
	if jobs := jobList(w.m); !strings.Contains(jobs, "next.service/start waiting") || !strings.Contains(jobs, "long.service/start running") {
		t.Errorf("the jobs are %s", jobs)
	}
	if fds := w.m.FDs(); len(fds) != 4 {
		t.Errorf("the descriptors are %v", fds)
	}
	acc, _ := w.m.Unit("acc@0-1.service")
	if d := acc.Config.Description; !strings.HasSuffix(d, "(192.0.2.1:99)") {
		t.Errorf("the connection's service is called %q", d)
	}
	// Deadlines and jobs go on from where they were.
	w.obedient = true
	w.advance(16 * calendar.Second)
	if got := w.state("again.service"); got != "active running success" {
		t.Errorf("again.service is %s after its delay", got)
	}
	w.kill(w.process("long.service", "main"), Status{Code: StatusExited})
	w.drain()
	if got := w.state("next.service"); got != "active running success" {
		t.Errorf("next.service is %s after the job before it", got)
	}
	w.step(Request{Verb: VerbStop, Unit: "acc@0-1.service"})
	if a, _ := w.m.Unit("acc.socket"); a.Socket.Connections != 0 {
		t.Errorf("acc.socket counts %d connections", a.Socket.Connections)
	}
	w.advance(20 * calendar.Second)
	if got := w.state("run.service"); got != "failed failed watchdog" {
		t.Errorf("run.service is %s after its watchdog's time", got)
	}
}

// A state that version 1 has written is understood by all later ones: this file is not to be made anew.
func TestRestoreOldState(t *testing.T) {
	const file = "testdata/state/version-1.json"
	if *update {
		data, err := live(t).m.Save()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	w := live(t)
	m, effects, err := Restore(w.m.config, w.now, data)
	if err != nil {
		t.Fatal(err)
	}
	w.m = m
	for _, f := range effects {
		if l, ok := f.(Log); ok && l.Priority < 4 {
			t.Error(l.Text)
		}
		w.act(f)
	}
	w.drain()
	checkLively(t, w)
}

// What another build of the program has written and this one does not know is left behind, with a line about it; the rest goes on.
func TestRestoreUnknown(t *testing.T) {
	w := live(t)
	data, err := w.m.Save()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	s["Version"], s["Novelty"] = 99, "what may it be"
	units := s["Units"].([]any)
	for _, u := range units {
		u := u.(map[string]any)
		u["Mood"] = "fine"
		switch u["Name"] {
		case "again.service":
			u["Service"].(map[string]any)["State"] = "hovering"
		case "t.timer":
			u["Name"] = "t.clockwork"
		case "fail.service":
			u["ID"] = 1 << 30
		case "p.path":
			u["ID"] = -1
		}
	}
	s["Units"] = append(units, "no unit at all")
	s["Jobs"] = append(s["Jobs"].([]any), map[string]any{"ID": 77, "Unit": 5000, "Type": "start", "State": "running"}, map[string]any{"Type": "dance"})
	data, _ = json.Marshal(s)
	m, effects, err := Restore(w.m.config, w.now, data)
	if err != nil {
		t.Fatal(err)
	}
	w.m = m
	var told []string
	for _, f := range effects {
		if l, ok := f.(Log); ok && strings.HasPrefix(l.Text, "Cannot take over ") {
			told = append(told, l.Text)
		}
		w.act(f)
	}
	w.drain()
	for _, want := range []string{"unit again.service", "unit t.clockwork", "unit fail.service", "unit p.path", "job 77: ", "job "} {
		found := false
		for _, line := range told {
			found = found || strings.Contains(strings.ReplaceAll(line, ", leaving it behind", ""), want)
		}
		if !found {
			t.Errorf("nothing was said about %s: %q", want, told)
		}
	}
	for name, want := range map[string]string{"run.service": "active running success", "s.socket": "active listening success", "again.service": "inactive dead success"} {
		if got := w.state(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	w.obedient = true
	w.step(Request{Verb: VerbExit, Status: 3})
	w.advance(200 * calendar.Second)
	if w.finish == nil || w.finish.Status != 3 {
		t.Errorf("it does not come to an end: %v", w.finish)
	}
}

// Nonsense is an error, and never worse.
func TestRestoreNonsense(t *testing.T) {
	w := live(t)
	data, err := w.m.Save()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", "[]", "nil", `{"Units":7}`, string(data[:len(data)/2])} {
		if _, _, err := Restore(w.m.config, w.now, []byte(text)); err == nil {
			t.Errorf("%.20q makes a machine", text)
		}
	}
	// One digit after the other is another one: whatever comes of it comes in an orderly way.
	for i, b := range data {
		if b < '0' || b > '9' || i%97 != 0 {
			continue
		}
		broken := append([]byte(nil), data...)
		broken[i] = '9' - (b-'0')%9
		if m, _, err := Restore(w.m.config, w.now, broken); err == nil {
			m.Next()
		}
	}
}

// Questions that nobody has answered are asked again, under their old numbers, and the answers are understood.
func TestRestoreQuestions(t *testing.T) {
	for _, c := range []struct {
		name, unit, text string
		before           func(*world)
		asks             string
		answer           func(QueryID) Event
		want             string
	}{
		{"facts", "a.service", "[Unit]\nConditionPathExists=/x\n[Service]\nExecStart=/bin/a", nil, "ask-facts a.service ConditionPathExists=/x",
			func(q QueryID) Event { return FactsAnswer{"a.service", q, []bool{true}} }, "active running success"},
		{"sockets", "a.socket", "[Socket]\nListenStream=/run/a\nService=b.service", nil, "open-sockets a.socket",
			func(q QueryID) Event { return SocketsOpened{"a.socket", q, []FD{9}} }, "active listening success"},
		{"stamp", "a.timer", "[Timer]\nOnCalendar=daily\nPersistent=yes\nUnit=b.service", nil, "read-stamp a.timer",
			func(q QueryID) Event { return StampRead{"a.timer", q, 0} }, "active waiting success"},
		{"paths", "a.path", "[Path]\nPathExists=/x\nUnit=b.service", nil, "ask-paths a.path",
			func(q QueryID) Event { return PathFacts{Unit: "a.path", Query: q, Good: []bool{true}} }, "active running success"},
		{"main", "a.service", "[Service]\nType=forking\nExecStart=/bin/a", func(w *world) {
			w.lastPID++
			w.procs[w.lastPID] = proc{unit: "a.service"}
			w.kill(w.process("a.service", "control"), Status{Code: StatusExited})
			w.drain()
		}, "ask-main a.service guess", func(q QueryID) Event { return MainAnswer{Unit: "a.service", Query: q, PID: 102, Ours: true} }, "active running success"},
		{"empty", "a.service", "[Service]\nExitType=cgroup\nExecStart=/bin/a", func(w *world) {
			w.kill(w.process("a.service", "main"), Status{Code: StatusExited})
			w.queue = w.queue[:1] // nobody says that it was the last
			w.drain()
		}, "ask-empty a.service", func(QueryID) Event { return Empty{"a.service"} }, "inactive dead success"},
		{"clean", "a.service", "[Service]\nStateDirectory=a\nExecStart=/bin/a", func(w *world) {
			w.kill(w.process("a.service", "main"), Status{Code: StatusExited})
			w.queue = append(w.queue, Request{Verb: VerbClean, Unit: "a.service", Clean: 0xff})
			w.drain()
		}, "remove-directories a.service 0x2", func(q QueryID) Event { return Cleaned{Unit: "a.service", Query: q} }, "inactive dead success"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(map[string]string{c.unit: c.text, "b.service": "[Service]\nExecStart=/bin/b", "hold.target": "[Unit]\nAfter=" + c.unit})
			w.mute = true
			w.step(Request{Verb: VerbLoad, Unit: c.unit})
			w.step(Request{Verb: VerbStart, Unit: c.unit})
			if c.before != nil {
				c.before(w)
			}
			data, err := w.m.Save()
			if err != nil {
				t.Fatal(err)
			}
			m, effects, err := Restore(w.m.config, w.now, data)
			if err != nil {
				t.Fatal(err)
			}
			w.m = m
			var lines []string
			for _, f := range effects {
				lines = append(lines, f.String())
			}
			if !strings.Contains(strings.Join(lines, "\n"), c.asks) {
				t.Fatalf("%q is not asked again: %q", c.asks, lines)
			}
			w.step(c.answer(m.lastQuery))
			if got := w.state(c.unit); got != c.want {
				t.Errorf("after the answer it is %s, want %s", got, c.want)
			}
		})
	}
}

// A process that was asked for and not heard of did not come about.
func TestRestoreUnheard(t *testing.T) {
	for text, want := range map[string]string{
		"[Service]\nExecStart=/bin/a":                                           "failed failed resources",
		"[Service]\nType=oneshot\nExecStart=/bin/a\nRestart=on-failure":         "activating auto-restart resources",
		"[Service]\nType=oneshot\nExecStartPre=/bin/p\nExecStart=/bin/a":        "failed failed resources",
		"[Service]\nExecStart=/bin/a\nExecStopPost=/bin/y\nKillMode=mixed\n":    "deactivating stop-post resources",
		"[Service]\nType=notify\nExecStart=/bin/a\nTimeoutStartSec=infinity\n ": "failed failed resources",
	} {
		w := newWorld(map[string]string{"a.service": text})
		w.m.Step(w.now, Request{Verb: VerbStart, Unit: "a.service"})
		data, err := w.m.Save()
		if err != nil {
			t.Fatal(err)
		}
		m, effects, err := Restore(w.m.config, w.now, data)
		if err != nil {
			t.Fatal(err)
		}
		w.m = m
		for _, f := range effects {
			w.act(f)
		}
		w.drain()
		if got := w.state("a.service"); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// A machine that has not come to rest goes on.
func TestRestoreBacklog(t *testing.T) {
	w := newWorld(endless)
	w.noExec = true
	w.step(Request{ID: 1, Verb: VerbStart, Unit: "a.service"})
	if !w.m.backlog || len(w.m.queue) == 0 {
		t.Fatal("there is nothing left to do")
	}
	data, err := w.m.Save()
	if err != nil {
		t.Fatal(err)
	}
	m, effects, err := Restore(w.m.config, w.now, data)
	if err != nil {
		t.Fatal(err)
	}
	if !m.backlog || len(effects) < budget {
		t.Errorf("%d effects, and more to come: %v", len(effects), m.backlog)
	}
	m.Step(w.now, Request{ID: 2, Verb: VerbExit, Force: true, Status: 4})
	if data, err = m.Save(); err != nil {
		t.Fatal(err)
	}
	if m, effects, err = Restore(w.m.config, w.now, data); err != nil || !m.finished || m.Status() != 4 {
		t.Errorf("after the end: %v, %v, %v", m.finished, m.Status(), err)
	}
	if got := m.Step(w.now, Tick{}); len(got) > 0 {
		t.Errorf("something follows from something after the end: %v", got)
	}
}

// A unit's file may have gone, and another may be an alias of it by now: the unit stays what it was.
func TestRestoreOtherFiles(t *testing.T) {
	w := newWorld(map[string]string{"a.service": "[Service]\nExecStart=/bin/a", "b.service": "[Service]\nExecStart=/bin/b"})
	w.step(Request{Verb: VerbStart, Unit: "a.service"})
	w.step(Request{Verb: VerbStart, Unit: "b.service"})
	data, err := w.m.Save()
	if err != nil {
		t.Fatal(err)
	}
	tree := w.m.config.Loader.FS.(*unit.Tree)
	tree.Remove(etcDir + "a.service")
	tree.Remove(etcDir + "b.service")
	tree.AddFile(etcDir+"c.service", "[Service]\nExecStart=/bin/c\n")
	tree.AddLink(etcDir+"b.service", "c.service")
	w.m.config.Loader.Scan()
	m, _, err := Restore(w.m.config, w.now, data)
	if err != nil {
		t.Fatal(err)
	}
	w.m = m
	for _, name := range []string{"a.service", "b.service"} {
		if got := w.state(name); got != "active running success" {
			t.Errorf("%s is %s", name, got)
		}
		w.kill(w.process(name, "main"), Status{Code: StatusExited})
		w.drain()
		if got := w.state(name); got != "inactive dead success" {
			t.Errorf("%s is %s after its end", name, got)
		}
	}
}

func TestBlock(t *testing.T) {
	for _, b := range []Block{nil, {"A=b"}, {"A=\xff\x00\"\\\n", "B=ü", ""}} {
		data, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		var got Block
		if err := json.Unmarshal(data, &got); err != nil || fmt.Sprintf("%q", got) != fmt.Sprintf("%q", b) {
			t.Errorf("%q becomes %q (%v)", b, got, err)
		}
	}
}

// BenchmarkSave and BenchmarkRestore are with 1 000 services that run.
func BenchmarkSave(b *testing.B) {
	w := newWorld(bootUnits(1000))
	w.step(Boot{"multi-user.target"})
	b.ReportAllocs()
	for b.Loop() {
		data, err := w.m.Save()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(data))/1024, "KiB")
	}
}

func BenchmarkRestore(b *testing.B) {
	w := newWorld(bootUnits(1000))
	w.step(Boot{"multi-user.target"})
	data, err := w.m.Save()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Restore(w.m.config, w.now, data); err != nil {
			b.Fatal(err)
		}
	}
}
