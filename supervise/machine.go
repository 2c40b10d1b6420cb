package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// Config is what a machine is made of. The machine keeps it and changes none of it but as EnvironmentChanged says.
type Config struct {
	Loader *unit.Loader  // scanned already; the machine scans it again for daemon-reload
	Random func() uint64 // the only source of chance: for random delays and invocation ids

	Environment  []string // the manager's block: what every command gets unless its unit says otherwise
	Passable     []string // the manager's own environment, for PassEnvironment=
	Own          []string // what Environment is without the container's own, for units that choose by PassEnvironment=; nil: the same
	NotifySocket string   // $NOTIFY_SOCKET of services

	Startup Time // when the manager started, for OnStartupSec= and OnBootSec=
	Perturb Usec // a number of this boot, below a minute: where in AccuracySec='s window timers elapse
}

// A Machine is the manager: all units, their states and their jobs. It is owned by one goroutine.
type Machine struct {
	config Config
	graph  *graph.Graph
	units  []*Unit // by graph.UnitID; nil: none
	now    Time
	out    []Effect

	environment []string // Config.Environment with client over it
	client      []string // what clients have set (systemctl set-environment)
	hidden      []string // what they have taken away: "NAME", or "NAME=value" for that value alone

	queue   []told // what the graph said and nobody has acted on yet
	stubs   []graph.UnitID
	idlers  []*Unit // services of Type=idle that wait for the jobs to be done
	dying   []*Unit // units that may have to be collected
	watched []*Unit // units that have a deadline, or had one
	wake    Wake    // what Next says, if wakeKnown
	backlog bool    // the last Step left work undone

	wakeKnown bool

	commands map[CommandID]*Unit
	pids     map[int]*Unit
	jobs     map[graph.JobID]*jobRecord
	busNames map[string]*Unit
	mounts   map[string]MountPoint // by the unit's name; nil: not known
	bare     *unit.Unit            // the first mount without a file, since the files were read

	lastCommand  CommandID
	lastQuery    QueryID
	lastStamp    uint32
	lastDeadline uint64

	booting  bool // StartupFinished was not said yet
	booted   bool // it was
	tally    Tally
	finished bool // Finish was said
	status   int  // what the container ends with
}

// New is a machine without units.
func New(c Config) *Machine {
	return &Machine{
		config: c, graph: graph.New(), environment: append([]string(nil), c.Environment...),
		commands: map[CommandID]*Unit{}, pids: map[int]*Unit{}, jobs: map[graph.JobID]*jobRecord{}, busNames: map[string]*Unit{},
	}
}

// Step takes one event at one time and says what to do about it. The effects are the caller's. After Finish nothing follows from
// anything: what still runs is the caller's to kill.
func (m *Machine) Step(now Time, e Event) []Effect {
	m.now, m.out = now, nil
	if !m.finished {
		m.handle(e)
		m.settle()
	} else if r, ok := e.(Request); ok && r.ID != 0 {
		m.emit(Reply{Request: r.ID, Failure: &Failure{"org.freedesktop.systemd1.ShuttingDown", "The manager is about to end."}, Unit: r.Unit})
	}
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) query() QueryID {
	m.lastQuery++
	return m.lastQuery
}

func (m *Machine) handle(e Event) {
	switch e := e.(type) {
	case Tick:
		m.tick()
	case Boot:
		m.boot(e.Target)
	case Request:
		m.request(e)
	case Spawned:
		m.spawned(e)
	case SpawnFailed:
		m.spawnFailed(e)
	case ExecDone:
		m.execDone(e)
	case Exited:
		m.exited(e)
	case Notified:
		m.notified(e)
	case MainAnswer:
		m.forService(e.Unit, func(s service) { s.mainAnswer(e) })
	case PIDFileChanged:
		m.forService(e.Unit, service.pidFileChanged)
	case FactsAnswer:
		m.factsAnswer(e)
	case BusName:
		m.busName(e)
	case Left:
		m.left(e)
	case Empty:
		m.empty(e)
	case OutOfMemory:
		m.forService(e.Unit, service.outOfMemory)
	case SocketsOpened:
		m.forSocket(e.Unit, func(s socket) { s.opened(e) })
	case SocketsFailed:
		m.forSocket(e.Unit, func(s socket) { s.notOpened(e) })
	case Traffic:
		m.forSocket(e.Unit, func(s socket) { s.traffic(e) })
	case Connection:
		m.connection(e)
	case PathFacts:
		m.forPath(e.Unit, func(p path) { p.facts(e) })
	case PathChanged:
		m.forPath(e.Unit, func(p path) { p.changed(e.Index) })
	case StampRead:
		m.forTimer(e.Unit, func(t timer) { t.stampRead(e) })
	case MountTable:
		m.mountTable(e)
	case EnvironmentChanged:
		m.config.Environment, m.config.Own, m.config.Passable = e.Environment, e.Own, e.Passable
		m.layEnvironment()
	case ClockChanged:
		m.eachTimer(timer.clockChanged)
	case ZoneChanged:
		m.eachTimer(timer.zoneChanged)
	case FDHangup:
		m.fdHangup(e.FD)
	case Cleaned:
		m.forService(e.Unit, func(s service) { s.cleaned(e) })
	}
}

// budget is how many things one Step does after its event. Units that bring each other up and down without end (as
// OnFailure= of each other) take turns with the rest of the world, as in systemd's event loop.
const budget = 20_000

// settle acts on everything that follows, until nothing does (manager_loop in src/core/manager.c).
func (m *Machine) settle() {
	m.backlog = false
	for n := 0; !m.finished; n++ {
		if n == budget {
			m.backlog = true
			return
		}
		if !(m.loadStubs() || m.takeTold() || m.runJob() || m.collectJobs() || m.followUp() || m.releaseIdle() || m.collectUnits()) {
			m.checkBooted()
			return
		}
	}
}
