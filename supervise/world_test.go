package supervise

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"keelson/supervise/calendar"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// proc is a process of the world.
type proc struct {
	unit    string
	command CommandID // 0: not asked for by the machine
	role    Role
}

// world plays the caller of a machine: it starts processes, answers questions and keeps the clock. Nothing ends by itself
// unless obedient.
type world struct {
	m        *Machine
	now      Time
	procs    map[int]proc
	lastPID  int
	lastFD   FD
	log      []string // effects since the last mark
	spawns   map[string]Spawn
	fds      map[FD]bool // open
	obedient bool        // a deadly signal kills
	mute     bool        // no question is answered
	noSpawn  bool        // forks fail
	noExec   bool        // execve fails
	noListen bool
	facts    map[string]bool // by "Type=Parameter"
	paths    map[string]bool // what PathExists= and its kin find
	unfit    *MainAnswer     // what is wrong with each PID file, beside that there is none
	pidFiles map[string]int
	stamps   map[string]Usec
	finish   *Finish
	queue    []Event
	changed  bool // since the last event, in a way that the machine does not know

	plays   func(pid int, s Spawn) bool // what the program does; false: execve fails
	replies map[RequestID]Reply
	results map[graph.JobID]graph.JobResult
}

// jobList is all jobs in words.
func jobList(m *Machine) string {
	var list []string
	for _, j := range m.graph.Jobs() {
		list = append(list, fmt.Sprint(j.ID, " ", m.graph.Name(j.Unit), "/", j.Type, " ", j.State, " ", j.Irreversible, j.IgnoreOrder, j.Pinned))
	}
	return strings.Join(list, ", ")
}

// rebirth takes the machine out and puts it in again. What it asks for is done, and forgotten.
func (w *world) rebirth(t testing.TB) {
	t.Helper()
	data, err := w.m.Save()
	if err != nil {
		t.Fatal(err)
	}
	old := w.m
	m, effects, err := Restore(old.config, w.now, data)
	if err != nil {
		t.Fatal(err)
	}
	w.m = m
	kept := w.log
	for _, f := range effects {
		if l, ok := f.(Log); ok && strings.Contains(l.Text, "Cannot take over") {
			t.Fatal(l.Text)
		}
		if e, ok := f.(AskEmpty); ok {
			if u, _ := m.Unit(e.Unit); u.Leftover.some() {
				continue // it is owed as before
			}
		}
		w.act(f)
	}
	w.drain()
	w.log = kept
	if got, want := jobList(m), jobList(old); got != want {
		t.Fatalf("the jobs are %s, and %s after a re-execution", want, got)
	}
	if got, want := m.Next(), old.Next(); got != want {
		t.Fatalf("time matters at %v, and at %v after a re-execution", want, got)
	}
}

const etcDir = "/etc/systemd/system/"

// newWorld makes a machine of unit files by name; a name with a slash is a path below etcDir, "-> " makes a link.
func newWorld(files map[string]string) *world {
	tree := &unit.Tree{}
	for name, text := range files {
		if target, link := strings.CutPrefix(strings.TrimSpace(text), "-> "); link {
			tree.AddLink(etcDir+name, target)
		} else {
			tree.AddFile(etcDir+name, text)
		}
	}
	loader := unit.NewLoader(tree, unit.DefaultHost())
	loader.Scan()
	random := uint64(0)
	start := Time{Realtime: 1_700_000_000 * calendar.Second, Monotonic: 1000 * calendar.Second}
	w := &world{
		now: start, procs: map[int]proc{}, lastPID: 100, fds: map[FD]bool{}, spawns: map[string]Spawn{},
		facts: map[string]bool{}, paths: map[string]bool{}, pidFiles: map[string]int{}, stamps: map[string]Usec{},
		replies: map[RequestID]Reply{}, results: map[graph.JobID]graph.JobResult{},
	}
	w.m = New(Config{
		Loader: loader, Startup: start, NotifySocket: "/run/systemd/notify",
		Environment: []string{"PATH=/usr/bin:/bin"}, Passable: []string{"FOO=bar"},
		Random: func() uint64 { random += 0x9e3779b97f4a7c15; return random },
	})
	return w
}

// step hands in an event, does what is asked for, and goes on until no question is open.
func (w *world) step(e Event) {
	w.queue = append(w.queue, e)
	w.drain()
}

// drain hands in what is queued.
func (w *world) drain() {
	for len(w.queue) > 0 {
		e := w.queue[0]
		w.queue = w.queue[1:]
		for _, f := range w.m.Step(w.now, e) {
			w.log = append(w.log, f.String())
			w.act(f)
		}
	}
}

func (w *world) answer(e Event) {
	if !w.mute {
		w.queue = append(w.queue, e)
	}
}

func (w *world) act(f Effect) {
	switch f := f.(type) {
	case Spawn:
		w.spawns[f.Unit+" "+f.Kind.String()] = f
		if w.noSpawn {
			w.answer(SpawnFailed{f.Command, "Resource temporarily unavailable"})
			return
		}
		w.lastPID++
		w.procs[w.lastPID] = proc{f.Unit, f.Command, f.Role}
		w.queue = append(w.queue, Spawned{f.Command, w.lastPID})
		if w.noExec || w.plays != nil && !w.plays(w.lastPID, f) {
			w.queue = append(w.queue, ExecDone{f.Command, "EXEC", f.Line.Path, 203, "No such file or directory"})
			w.kill(w.lastPID, Status{StatusExited, 203})
			return
		}
		w.queue = append(w.queue, ExecDone{Command: f.Command})
	case Kill:
		if w.obedient {
			w.deliver(f)
		}
	case AskEmpty:
		w.answerEmpty(f.Unit)
	case AskMain:
		w.answerMain(f)
	case AskFacts:
		a := FactsAnswer{Unit: f.Unit, Query: f.Query}
		for _, c := range f.Conditions {
			a.Held = append(a.Held, w.facts[c.Type.String()+"="+c.Parameter])
		}
		w.answer(a)
	case OpenSockets:
		if w.noListen {
			w.answer(SocketsFailed{f.Unit, f.Query, "Address already in use"})
			return
		}
		a := SocketsOpened{Unit: f.Unit, Query: f.Query}
		for range f.Socket.Listens {
			a.FDs = append(a.FDs, w.fd())
		}
		w.answer(a)
	case AskPaths:
		a := PathFacts{Unit: f.Unit, Query: f.Query}
		for _, s := range f.Specs {
			a.Good = append(a.Good, w.paths[s.Path])
		}
		w.answer(a)
	case ReadStamp:
		w.answer(StampRead{f.Unit, f.Query, w.stamps[f.Unit]})
	case TouchStamp:
		w.stamps[f.Unit] = f.Realtime
	case RemoveDirectories:
		if f.Query != 0 {
			w.answer(Cleaned{Unit: f.Unit, Query: f.Query})
		}
	case RemoveTransient:
		w.m.config.Loader.FS.(*unit.Tree).Remove(f.Path)
	case CloseFDs:
		for _, fd := range f.FDs {
			delete(w.fds, fd)
		}
	case Reply:
		w.replies[f.Request] = f
	case JobRemoved:
		w.results[f.Job] = f.Result
	case Finish:
		w.finish = &f
	}
}

func (w *world) fd() FD {
	w.lastFD++
	w.fds[w.lastFD] = true
	return w.lastFD
}

// of lists the processes of a unit, oldest first.
func (w *world) of(name string) []int {
	var list []int
	for pid, p := range w.procs {
		if p.unit == name {
			list = append(list, pid)
		}
	}
	slices.Sort(list)
	return list
}

func (w *world) answerEmpty(name string) {
	list := w.of(name)
	if len(list) == 0 {
		w.answer(Empty{name})
		return
	}
	a := Left{Unit: name}
	for _, pid := range list {
		a.Processes = append(a.Processes, LeftProcess{pid, "daemon"})
	}
	w.answer(a)
}

func (w *world) answerMain(f AskMain) {
	a := MainAnswer{Unit: f.Unit, Query: f.Query, Ours: true, Empty: len(w.of(f.Unit)) == 0, Problem: "No such file or directory"}
	if w.unfit != nil {
		a.Problem, a.Opened, a.Refused = w.unfit.Problem, w.unfit.Opened, w.unfit.Refused
	}
	switch list := w.of(f.Unit); {
	case f.PIDFile != "":
		if pid := w.pidFiles[f.PIDFile]; w.procs[pid].unit == f.Unit {
			a.PID = pid
		}
	case f.Guess && len(list) == 1:
		a.PID = list[0]
	}
	w.answer(a)
}

// kill ends a process; if it was the last of its unit, that is told too.
func (w *world) kill(pid int, s Status) {
	p := w.procs[pid]
	delete(w.procs, pid)
	w.queue = append(w.queue, Exited{pid, s})
	if len(w.of(p.unit)) == 0 {
		w.queue = append(w.queue, Empty{p.unit})
	}
}

// deliver has an obedient unit's processes die of a signal.
func (w *world) deliver(f Kill) {
	if f.Signal != unit.SIGTERM && f.Signal != unit.SIGKILL && f.Signal != unit.SIGABRT {
		return
	}
	for _, pid := range w.of(f.Unit) {
		p := w.procs[pid]
		main := f.Main.PID == pid || f.Main.Command != 0 && f.Main.Command == p.command
		control := f.Control.PID == pid || f.Control.Command != 0 && f.Control.Command == p.command
		if main || control || f.Rest {
			w.kill(pid, Status{StatusKilled, int(f.Signal)})
		}
	}
}

// advance lets time pass, ticking whenever time matters.
func (w *world) advance(by Usec) {
	end := w.now.Monotonic + by
	for range 100_000 {
		next := w.m.Next()
		at := next.Monotonic
		if r := next.Realtime; r != Infinity {
			at = min(at, w.now.Monotonic+r.Sub(w.now.Realtime))
		}
		if at > end {
			break
		}
		w.clock(max(at, w.now.Monotonic))
		w.step(Tick{})
	}
	w.clock(end)
}

func (w *world) clock(monotonic Usec) {
	w.now.Realtime += monotonic - w.now.Monotonic
	w.now.Monotonic = monotonic
}

// state is the unit in words: active state, sub state, result.
func (w *world) state(name string) string {
	u, ok := w.m.Unit(name)
	if !ok {
		return "inactive dead success"
	}
	return fmt.Sprintf("%s %s %s", w.m.Active(u), w.m.Sub(u), u.Result())
}

// process is the PID of a unit's main or control process, 0 if there is none.
func (w *world) process(name, role string) int {
	u, ok := w.m.Unit(name)
	switch {
	case !ok:
		return 0
	case u.Socket != nil:
		return u.Socket.Control.PID
	case u.Service == nil:
		return 0
	case role == "main":
		return u.Service.Main.PID
	}
	return u.Service.Control.PID
}

func mustSpan(t testing.TB, text string) Usec {
	t.Helper()
	v, err := calendar.ParseSec(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
