package loop

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/bus"
	"keelson/init/journal"
	"keelson/init/sock"
	"keelson/init/spawn"
	"keelson/init/track"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// Config is what a manager is made of.
type Config struct {
	Target      string       // what Boot starts
	Loader      *unit.Loader // scanned
	Environment []string     // the manager's block, for all commands
	Own         []string     // the same without the container's own
	Passable    []string     // what PassEnvironment= may name
	Compiler    *spawn.Compiler
	Tracker     *track.Tracker
	Journal     *journal.Collector
	Invocations *sync.Map // unit to invocation id, for the journal's goroutine
	Facts       Facts
	Files       Files    // where files of transient units go
	Places      Places   // sockets below /run
	Budget      Budget   // of the way down
	Command     *Command // what runs in the foreground, nil: nothing
	Signals     uint64   // the mask that services begin with is empty; what was ignored for this process stays ignored for Command alone
	Verbose     bool
	Notices     []string    // what is worth a line in the log once it runs
	System      unit.System // system.conf
	Info        bus.Info    // but for the log
	Random      func() uint64
	Perturb     supervise.Usec
	Startup     supervise.Time
	UnitFiles   bus.UnitFiles
	Outer       *Outer // the manager outside, nil: none
	Restored    *State // the state of an earlier incarnation, nil: this is the first
}

// Facts is what is to be known of the machine, and small files that it keeps for units.
type Facts interface {
	Held(list []unit.Condition) []bool // before the negation
	ReadStamp(timer string, now supervise.Usec) (supervise.Usec, error)
	TouchStamp(timer string, at supervise.Usec) error
	RemoveDirectories(x *unit.ExecContext, mask uint8) error
	Booted() // the boot is over, and with it the first one
}

// Loop is a running manager. Everything in it belongs to the goroutine of Run, except for what Do touches.
type Loop struct {
	Listen  func() error // makes the D-Bus socket anew
	Private int          // the socket that is listened at; -1: none

	config  Config
	machine *supervise.Machine
	poll    *poller
	fds     descriptors

	signals   int
	childhood int // eventfd: SIGCHLD came
	thaw      int // eventfd: a signal that asks for the end came after the end of Run
	monotonic *alarm
	realtime  *alarm
	budget    *alarm

	notify  int
	message sock.Buffer
	watcher *sock.Watcher
	bus     *bus.Server

	queue    []supervise.Event
	kills    []supervise.Kill // of one Step, to be carried out together
	exits    []supervise.Event
	children map[int]*child                 // by PID: what was started and not reaped
	helpers  map[int]func(supervise.Status) // by PID: processes of the manager's own, and what is done when they have ended
	aliens   map[int]int                    // PID of a main process that is not ours: its pidfd
	sockets  map[string]*listening
	empties  map[string]*track.Watch
	blind    map[string]bool // units whose end is seen by looking alone
	replies  map[supervise.RequestID]func(supervise.Reply)
	barriers []int // descriptors to close when the messages before them have been acted on
	degraded map[string][]string
	owners   map[string]Owner
	override logOverride
	reloads  []supervise.Request       // the first is under way
	reread   supervise.Usec            // when all unit files were read, on CLOCK_REALTIME
	readAt   map[string]supervise.Usec // those that were read later
	request  supervise.RequestID

	ended   bool // SIGCHLD came
	down    down
	ending  *Ending
	reexec  bool
	panics  []supervise.Usec
	crashed bool // nothing is done any more but to reap

	mu     sync.Mutex
	asked  []func(bus.Manager)
	closed bool
	wake   int // eventfd
}

// Ending is how a manager ended.
type Ending struct {
	Objective supervise.Objective
	Status    int
	Argument  string
	Reexec    bool // the binary is to be executed anew with Save
	Crashed   bool // nothing is to be done any more but to reap: see Freeze
}

// New makes a manager that has not begun. What it opens is closed by Run.
func New(c Config) (*Loop, error) {
	l := &Loop{
		Private: -1, config: c, fds: newDescriptors(), notify: -1,
		children: map[int]*child{}, helpers: map[int]func(supervise.Status){}, aliens: map[int]int{}, sockets: map[string]*listening{}, empties: map[string]*track.Watch{}, blind: map[string]bool{},
		replies: map[supervise.RequestID]func(supervise.Reply){}, degraded: map[string][]string{}, owners: map[string]Owner{}, readAt: map[string]supervise.Usec{},
	}
	l.configure(c.System)
	var err error
	if l.poll, err = newPoller(); err != nil {
		return nil, err
	}
	if err = l.openSources(); err != nil {
		return nil, err
	}
	blocks := l.blocks()
	config := supervise.Config{
		Loader: c.Loader, Random: c.Random, Environment: blocks.Environment, Own: blocks.Own, Passable: blocks.Passable, NotifySocket: c.Places.Notify,
		Startup: c.Startup, Perturb: c.Perturb,
	}
	if c.Restored != nil {
		return l, l.restore(c.Restored, config)
	}
	l.machine = supervise.New(config)
	return l, nil
}

// openSources opens what is there for all units: signals, clocks, the way for other goroutines, the notify socket, inotify.
func (l *Loop) openSources() (err error) {
	everything := unix.Sigset_t{Val: [16]uint64{1<<64 - 1}}
	if l.signals, err = unix.Signalfd(-1, &everything, unix.SFD_CLOEXEC|unix.SFD_NONBLOCK); err != nil {
		return os.NewSyscallError("signalfd", err)
	}
	for _, fd := range []*int{&l.wake, &l.childhood, &l.thaw} {
		if *fd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
			return os.NewSyscallError("eventfd", err)
		}
	}
	l.watchSignals()
	for _, a := range []struct {
		alarm **alarm
		clock int
		watch bool
	}{{&l.monotonic, unix.CLOCK_MONOTONIC, false}, {&l.realtime, unix.CLOCK_REALTIME, true}, {&l.budget, unix.CLOCK_MONOTONIC, false}} {
		if *a.alarm, err = newAlarm(a.clock, a.watch); err != nil {
			return err
		}
	}
	l.watcher = sock.NewWatcher()
	if r := l.config.Restored; r != nil && r.Notify >= 0 {
		l.notify = r.Notify
	} else if l.notify, err = sock.ListenNotify(l.config.Places.Notify); err != nil {
		l.say(4, "%v: services of Type=notify cannot tell that they are ready; /run must be writable (--tmpfs /run)", err)
		l.notify = -1
	}
	for _, s := range []struct {
		fd    int
		stage stage
		ready func(uint32)
	}{
		{l.signals, stageChild, l.signalled},
		{l.childhood, stageChild, l.childEnded},
		{l.wake, stageRest, l.asks},
		{l.monotonic.fd, stageRest, func(uint32) { l.monotonic.drain() }},
		{l.realtime.fd, stageRest, l.clockRang},
		{l.budget.fd, stageRest, l.budgetSpent},
		{l.notify, stageNotify, func(uint32) { l.hear() }},
		{l.watcher.FD(), stageRest, func(uint32) { l.filesChanged() }},
		{l.config.Tracker.EventFD(), stageRest, l.outOfMemory},
	} {
		if s.fd < 0 {
			continue
		}
		if err := l.poll.add(s.fd, unix.EPOLLIN, s.stage, s.ready); err != nil {
			return err
		}
	}
	return nil
}

// Serve has clients served by a D-Bus server, which is told of the effects that concern it.
func (l *Loop) Serve(s *bus.Server) { l.bus = s }

// Run boots and turns until the manager is to end. It must be called on the main thread, which it keeps.
func (l *Loop) Run() (end Ending, err error) {
	runtime.LockOSThread()
	defer func() {
		if p := recover(); p != nil {
			end, err = l.panicked(p)
		}
	}()
	for _, n := range l.config.Notices {
		l.say(5, "%s", n)
	}
	l.watchMounts()
	if l.config.Restored == nil {
		l.event(supervise.Boot{Target: l.config.Target})
	} else {
		l.readyAgain()
	}
	l.act()
	// From here on nothing ends this process but l.ending.
	for l.ending == nil && !l.reexec {
		l.arm()
		if err := l.poll.wait(true); err != nil {
			return Ending{}, fmt.Errorf("cannot wait for anything any more: %w", err)
		}
		l.turn()
	}
	l.close()
	if l.reexec {
		l.config.Outer.Reloading() // from outside this is a reload
		return Ending{Reexec: true}, nil
	}
	return *l.ending, nil
}

// panicked is a bug in this program. The manager executes itself anew with what it knows; if that does not help, it reaps and does no more
// until it is told to end.
func (l *Loop) panicked(p any) (Ending, error) {
	l.close()
	l.say(0, "Caught a panic, executing the manager anew: %v\n%s", p, debug.Stack())
	now := Now().Monotonic
	recent := l.panics[:0]
	for _, at := range l.panics {
		if at.Add(panicsSpan) > now {
			recent = append(recent, at)
		}
	}
	l.panics = append(recent, now)
	if len(l.panics) <= panicsMost {
		return Ending{Reexec: true}, nil
	}
	l.say(0, "It does not help: from here on orphans are reaped and nothing else is done, until the container is stopped.")
	return Ending{Crashed: true, Status: crashStatus}, nil
}

// crashStatus is what the container of a manager ends with that could not go on.
const crashStatus = 255

// turn collects what is ready and acts on it. The order is that of the package comment.
func (l *Loop) turn() {
	l.config.Tracker.Turn()
	l.poll.call(stageReport)
	l.poll.call(stageNotify)
	l.poll.call(stageChild)
	if l.ended || len(l.blind) > 0 {
		l.reap()
	}
	l.queue = append(l.queue, l.exits...)
	l.exits = l.exits[:0]
	l.poll.call(stageRest)
	l.act()
}

// act hands the machine all events there are, with what follows from them, and at last the time, once: what is due again at once, as units are that
// bring each other up for ever, waits until the rest of the world has had its turn.
func (l *Loop) act() {
	l.drainQueue()
	for _, fd := range l.barriers {
		unix.Close(fd)
	}
	l.barriers = l.barriers[:0]
	if now, due := Now(), l.machine.Next(); due.Monotonic <= now.Monotonic || due.Realtime <= now.Realtime {
		l.step(now, supervise.Tick{})
		l.drainQueue()
	}
	if l.bus != nil {
		l.bus.Flush()
	}
}

func (l *Loop) drainQueue() {
	for i := 0; i < len(l.queue); i++ {
		l.step(Now(), l.queue[i])
		l.queue[i] = nil
	}
	l.queue = l.queue[:0]
}

// step hands the machine one event and carries its effects out, in their order; but what a stop of many units kills is killed together, as each kill by
// itself looks at all processes. Only what tells of the kill overtakes it.
func (l *Loop) step(now supervise.Time, e supervise.Event) {
	for _, effect := range l.machine.Step(now, e) {
		if k, ok := effect.(supervise.Kill); ok {
			if l.killing(k.Unit) {
				l.killAll()
			}
			l.kills = append(l.kills, k)
			continue
		}
		if len(l.kills) > 0 && !tells(effect) {
			l.killAll()
		}
		l.carryOut(effect)
	}
	l.killAll()
}

// tells: the effect changes nothing in the kernel.
func tells(effect supervise.Effect) bool {
	switch e := effect.(type) {
	case supervise.Log, supervise.JobNew, supervise.JobChanged, supervise.JobRemoved, supervise.UnitNew:
		return true
	case supervise.UnitChanged:
		return !e.Active.IsDown()
	}
	return false
}

// event queues an event.
func (l *Loop) event(e supervise.Event) { l.queue = append(l.queue, e) }

// arm sets the timers to when the machine wants its next Tick.
func (l *Loop) arm() {
	w := l.machine.Next()
	if err := l.monotonic.arm(w.Monotonic); err != nil {
		l.say(2, "Failed to set timer: %v", err)
	}
	if err := l.realtime.arm(w.Realtime); err != nil {
		l.say(2, "Failed to set timer: %v", err)
	}
}

// clockRang: a time on the wall clock has come, or that clock was set.
func (l *Loop) clockRang(uint32) {
	if l.realtime.drain() {
		l.say(6, "Time has been changed")
		l.event(supervise.ClockChanged{})
	}
}

// Do has f run on the goroutine of Run, soon and in order. It may be called by any; false says that the manager has ended.
func (l *Loop) Do(f func(bus.Manager)) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.asked = append(l.asked, f)
	if len(l.asked) == 1 {
		ring(l.wake)
	}
	return true
}

// asksFor is how long what others ask for may keep everything else waiting. Clients can ask for more than fits into it; the rest is for later turns.
const asksFor = 10 * time.Millisecond

func (l *Loop) asks(uint32) {
	silence(l.wake)
	l.mu.Lock()
	asked := l.asked
	l.asked = nil
	l.mu.Unlock()
	for end := time.Now().Add(asksFor); len(asked) > 0 && time.Now().Before(end); asked = asked[1:] {
		asked[0](l)
	}
	if len(asked) == 0 {
		return
	}
	l.mu.Lock()
	l.asked = append(asked, l.asked...)
	l.mu.Unlock()
	ring(l.wake)
}

// outOfMemory hands on what the kernel's OOM killer did.
func (l *Loop) outOfMemory(uint32) {
	for _, name := range l.config.Tracker.OOM() {
		l.event(supervise.OutOfMemory{Unit: name})
	}
}

// log hands a line to the journal, unless it is less important than the log level.
func (l *Loop) log(priority int, name, text string, fields []string) {
	if priority <= l.config.Info.LogLevel {
		l.config.Journal.Log(priority, name, text, fields)
	}
}

// say writes a line of the manager's own to the log.
func (l *Loop) say(priority int, format string, args ...any) {
	l.log(priority, "", fmt.Sprintf(format, args...), nil)
}

// sayOf writes a line about a unit, with the unit's name before it.
func (l *Loop) sayOf(name string, priority int, format string, args ...any) {
	l.log(priority, name, name+": "+fmt.Sprintf(format, args...), nil)
}

// close lets go of what the loop opened.
func (l *Loop) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
}

// Logf writes a line of the manager's own to the log. It may be called by any goroutine.
func (l *Loop) Logf(priority int, format string, args ...any) {
	l.config.Journal.Log(priority, "", fmt.Sprintf(format, args...), nil)
}
