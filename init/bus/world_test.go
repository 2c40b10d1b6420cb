package bus

import (
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// world is a manager of units in memory whose processes are numbers: they run until they are killed, and die of any signal that ends
// a process.
type world struct {
	t       testing.TB
	tree    *unit.Tree
	loader  *unit.Loader
	machine *supervise.Machine
	server  *Server
	socket  string
	system  string // where the system bus would listen

	do    chan func(Manager)
	end   chan struct{}
	ended sync.WaitGroup

	// The owner's.
	now     supervise.Time
	events  []supervise.Event
	replies map[supervise.RequestID]func(supervise.Reply)
	request supervise.RequestID
	procs   map[int]proc
	lastPID int
	lastFD  supervise.FD
	info    Info
	files   *fakeFiles
	written map[string]string
	stale   map[string]bool
	slow    func() // at each turn
	reexec  bool
	names   []supervise.BusName
	usages  int           // how often somebody asked for a unit's
	longest time.Duration // processor time of a turn
}

type proc struct {
	unit    string
	command supervise.CommandID
}

const etc = "/etc/systemd/system/"

// newWorld boots basic.target of these units, and serves it on a socket.
func newWorld(t testing.TB, units map[string]string) *world {
	w := &world{
		t: t, tree: &unit.Tree{}, do: make(chan func(Manager), 1000), end: make(chan struct{}), procs: map[int]proc{}, lastPID: 1 << 23,
		replies: map[supervise.RequestID]func(supervise.Reply){}, written: map[string]string{}, stale: map[string]bool{},
		files: &fakeFiles{states: map[string]string{}},
		now:   supervise.Time{Realtime: 1_700_000_000 * calendar.Second, Monotonic: 1000 * calendar.Second},
	}
	for name, text := range units {
		w.tree.AddFile(etc+name, text)
	}
	w.loader = unit.NewLoader(w.tree, unit.DefaultHost())
	w.loader.Scan()
	random := uint64(0)
	w.machine = supervise.New(supervise.Config{
		Loader: w.loader, Startup: w.now, NotifySocket: "/run/systemd/notify", Environment: []string{"PATH=/usr/bin"},
		Random: func() uint64 { random += 0x9e3779b97f4a7c15; return random },
	})
	w.info = Info{
		Version: "252 (keelson)", Features: "-PAM", Architecture: "x86-64", Virtualization: "docker", MachineID: hex.EncodeToString(make([]byte, 16)),
		Userspace: w.now, LogLevel: 6, LogTarget: "journal", SystemTasksMax: 1000, SystemMemory: 1 << 30,
	}
	dir := t.TempDir()
	w.system = filepath.Join(dir, "system")
	w.server = New(w, Options{
		UID: uint32(os.Getuid()), SystemBus: w.system, BusName: func(e supervise.BusName) { w.names = append(w.names, e); w.event(e) },
		Logf: func(_ int, format string, args ...any) { t.Logf(format, args...) },
	})
	w.ended.Add(1)
	go w.own()
	w.Do(func(Manager) { w.events = append(w.events, supervise.Boot{Target: "basic.target"}) })
	w.socket = filepath.Join(dir, "private")
	w.listen()
	t.Cleanup(w.close)
	return w
}

func (w *world) listen() {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: w.socket})
	if err != nil {
		w.t.Fatal(err)
	}
	defer l.Close()
	l.SetUnlinkOnClose(false)
	file, err := l.File()
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	if err := w.server.Serve(int(file.Fd())); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.on(func() { w.server.Close(time.Second) })
	close(w.end)
	w.ended.Wait()
}

// own is the owner goroutine.
func (w *world) own() {
	defer w.ended.Done()
	runtime.LockOSThread()
	for {
		select {
		case f := <-w.do:
			began := threadTime()
			f(w)
			w.turn()
			w.longest = max(w.longest, threadTime()-began)
		case <-w.end:
			return
		}
	}
}

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// Do implements Owner.
func (w *world) Do(f func(Manager)) bool {
	select {
	case <-w.end:
		return false
	default:
	}
	select {
	case w.do <- f:
		return true
	case <-w.end:
		return false
	}
}

// on runs f on the owner goroutine and waits for it.
func (w *world) on(f func()) {
	done := make(chan struct{})
	if w.Do(func(Manager) { f(); close(done) }) {
		<-done
	}
}

func (w *world) turn() {
	if w.slow != nil {
		w.slow()
	}
	w.now.Realtime++
	w.now.Monotonic++
	for len(w.events) > 0 {
		e := w.events[0]
		w.events = w.events[1:]
		for _, f := range w.machine.Step(w.now, e) {
			w.act(f)
			w.server.Effect(f)
		}
	}
	w.server.Flush()
}

func (w *world) event(e supervise.Event) { w.events = append(w.events, e) }

func (w *world) act(f supervise.Effect) {
	switch f := f.(type) {
	case supervise.Reply:
		if done := w.replies[f.Request]; done != nil {
			delete(w.replies, f.Request)
			done(f)
		}
	case supervise.Spawn:
		w.lastPID++
		w.procs[w.lastPID] = proc{f.Unit, f.Command}
		w.event(supervise.Spawned{Command: f.Command, PID: w.lastPID})
		if f.Line.Path == "/bin/false" || f.Line.Path == "/bin/true" {
			w.event(supervise.ExecDone{Command: f.Command})
			status := supervise.Status{Code: supervise.StatusExited}
			if f.Line.Path == "/bin/false" {
				status.Value = 1
			}
			w.kill(w.lastPID, status)
			return
		}
		w.event(supervise.ExecDone{Command: f.Command})
	case supervise.Kill:
		for _, pid := range w.of(f.Unit) {
			if f.Signal == unit.SIGTERM || f.Signal == unit.SIGKILL {
				w.kill(pid, supervise.Status{Code: supervise.StatusKilled, Value: int(f.Signal)})
			}
		}
	case supervise.AskEmpty:
		if list := w.of(f.Unit); len(list) > 0 {
			e := supervise.Left{Unit: f.Unit}
			for _, pid := range list {
				e.Processes = append(e.Processes, supervise.LeftProcess{PID: pid, Name: "daemon"})
			}
			w.event(e)
		} else {
			w.event(supervise.Empty{Unit: f.Unit})
		}
	case supervise.AskMain:
		w.event(supervise.MainAnswer{Unit: f.Unit, Query: f.Query})
	case supervise.AskFacts:
		w.event(supervise.FactsAnswer{Unit: f.Unit, Query: f.Query, Held: make([]bool, len(f.Conditions))})
	case supervise.OpenSockets:
		e := supervise.SocketsOpened{Unit: f.Unit, Query: f.Query}
		for range f.Socket.Listens {
			w.lastFD++
			e.FDs = append(e.FDs, w.lastFD)
		}
		w.event(e)
	case supervise.AskPaths:
		w.event(supervise.PathFacts{Unit: f.Unit, Query: f.Query, Good: make([]bool, len(f.Specs))})
	case supervise.ReadStamp:
		w.event(supervise.StampRead{Unit: f.Unit, Query: f.Query})
	case supervise.RemoveDirectories:
		if f.Query != 0 {
			w.event(supervise.Cleaned{Unit: f.Unit, Query: f.Query})
		}
	}
}

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

func (w *world) kill(pid int, s supervise.Status) {
	p := w.procs[pid]
	delete(w.procs, pid)
	w.event(supervise.Exited{PID: pid, Status: s})
	if len(w.of(p.unit)) == 0 {
		w.event(supervise.Empty{Unit: p.unit})
	}
}

// What follows implements Manager.

func (w *world) Machine() *supervise.Machine { return w.machine }
func (w *world) Loader() *unit.Loader        { return w.loader }
func (w *world) Now() supervise.Time         { return w.now }

func (w *world) Request(r supervise.Request, done func(supervise.Reply)) {
	if done != nil {
		w.request++
		r.ID = w.request
		w.replies[r.ID] = done
	}
	w.event(r)
}

func (w *world) Processes(unit string) []Process {
	var list []Process
	for _, pid := range w.of(unit) {
		list = append(list, Process{pid, "/usr/sbin/daemon --flag"})
	}
	return list
}

func (w *world) UnitOfPID(pid int) (string, bool) {
	p, ok := w.procs[pid]
	return p.unit, ok
}

func (w *world) Owner(string) (uid, gid uint32) { return ^uint32(0), ^uint32(0) }

func (w *world) Usage(name string) Usage {
	w.usages++
	u := NoUsage
	u.MemoryCurrent, u.TasksCurrent = 1<<20, uint64(len(w.of(name)))
	return u
}

func (w *world) Degraded(unit string) []string {
	return []string{"PrivateTmp= needs a mount namespace"}
}
func (w *world) NeedsReload(unit string) bool { return w.stale[unit] }
func (w *world) UnitFiles() UnitFiles         { return w.files }
func (w *world) SetLogLevel(priority int)     { w.info.LogLevel = max(priority, 0) }
func (w *world) SetLogTarget(target string)   { w.info.LogTarget = target }
func (w *world) Reexecute()                   { w.reexec = true }
func (w *world) Info() *Info                  { w.info.ExitCode = w.machine.Status(); return &w.info }

func (w *world) WriteTransient(name, text string) error {
	w.tree.AddFile(unit.TransientDir+"/"+name, text)
	w.written[name] = text
	return nil
}

func (w *world) WriteControl(name, dropin, text string, runtime bool) error {
	dir := unit.ControlDir
	if runtime {
		dir = unit.RuntimeControlDir
	}
	w.tree.AddFile(dir+"/"+name+".d/"+dropin, text)
	w.written[name+"/"+dropin] = text
	return nil
}

// fakeFiles are unit files as states by name.
type fakeFiles struct {
	mu     sync.Mutex // tests look at it too
	states map[string]string
	ops    []FileOp
}

func (f *fakeFiles) List(states, patterns []string) ([]UnitFile, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []UnitFile
	for name, state := range f.states {
		if (len(states) == 0 || slices.Contains(states, state)) && matchAny(patterns, name) {
			list = append(list, UnitFile{etc + name, state})
		}
	}
	slices.SortFunc(list, func(a, b UnitFile) int { return len(a.Path) - len(b.Path) })
	return list, nil
}

func (f *fakeFiles) State(name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s, ok := f.states[name]; ok {
		return s, nil
	}
	return "", ErrNoUnitFile
}

func (f *fakeFiles) Preset(name string) (string, error) { return "enabled", nil }
func (f *fakeFiles) Links(name string, runtime bool) ([]string, error) {
	return []string{etc + name}, nil
}
func (f *fakeFiles) DefaultTarget() (string, error) { return "multi-user.target", nil }

func (f *fakeFiles) Apply(op FileOp) (FileResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops = append(f.ops, op)
	if slices.Contains(op.Names, "masked.service") {
		return FileResult{}, &supervise.Failure{Name: faultUnitMasked, Message: "Unit file /etc/systemd/system/masked.service is masked."}
	}
	if slices.Contains(op.Names, "panic.service") {
		panic("at the disk")
	}
	if slices.Contains(op.Names, "broken.service") {
		return FileResult{}, unix.EIO
	}
	r := FileResult{CarriesInstall: true}
	for _, name := range op.Names {
		state, kind := "enabled", "symlink"
		switch op.Verb {
		case FileDisable, FileUnmask:
			state, kind = "disabled", "unlink"
		case FileMask:
			state = "masked"
		}
		f.states[name] = state
		r.Changes = append(r.Changes, FileChange{kind, etc + "multi-user.target.wants/" + name, etc + name})
	}
	return r, nil
}

// until waits for something that comes about on other goroutines: it is asked for in turns.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(waitMax); time.Now().Before(end); {
		ok := false
		w.on(func() { ok = holds() })
		if ok {
			return
		}
	}
	w.t.Errorf("it never comes about that %s", what)
}
