package supervise

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// A Unit is a unit as it lives: what its files say, and its state. All of it is plain data, which Save keeps.
type Unit struct {
	ID          graph.UnitID
	Name        string
	Stamp       uint32            // never given to another unit
	Config      *unit.Unit        `json:"-"` // not kept by Save: read again
	Diagnostics []unit.Diagnostic `json:"-"`

	Invocation    string // 32 hexadecimal digits, new with each start
	StateChange   Time
	InactiveExit  Time
	ActiveEnter   Time
	ActiveExit    Time
	InactiveEnter Time

	ConditionResult bool // of the last start that got so far
	ConditionTime   Time
	AssertResult    bool
	AssertTime      Time
	Held            []bool // what the facts of conditions and assertions were, in their order

	Starts        Limiter // StartLimitIntervalSec=, StartLimitBurst=
	FollowUps     Limiter // 16 in 10 s: what other units' states did to it
	StartLimitHit bool
	Asking        Asking
	Leftover      Leftover
	Deadlines     Deadlines
	Activation    Block // what brought the unit up, as environment ($TRIGGER_UNIT and its kin)
	Holds         int   // how often clients hold on to it: it is not collected then
	Markers       Markers

	// One of these, by type; Plain for all others.
	Service *Service
	Socket  *Socket
	Timer   *Timer
	Path    *Path
	Plain   PlainState

	dying   bool // in Machine.dying
	watched bool // in Machine.watched
}

// Asking is a start that waits for the facts of its conditions.
type Asking struct {
	Query QueryID // 0: none
	Job   graph.JobID
}

// Leftover is what is known about processes of the unit that the machine does not track one by one.
type Leftover struct {
	Asked     bool // and no answer yet
	Known     bool
	Processes []LeftProcess
}

// none, some: known for sure.
func (l *Leftover) none() bool { return l.Known && len(l.Processes) == 0 }
func (l *Leftover) some() bool { return l.Known && len(l.Processes) > 0 }

// A life is what a unit of some type does.
type life interface {
	start() graph.RunResult
	stop() graph.RunResult
	reload() graph.RunResult
	resetFailed()
	deadline(deadlineKind)
	triggered(news) // the unit that it triggers has changed
	sub() string
}

func (m *Machine) life(u *Unit) life {
	switch {
	case u.Service != nil:
		return service{m, u, u.Service}
	case u.Socket != nil:
		return socket{m, u, u.Socket}
	case u.Timer != nil:
		return timer{m, u, u.Timer}
	case u.Path != nil:
		return path{m, u, u.Path}
	}
	return plain{m, u}
}

// Sub is the unit's fine state, as its SubState property has it.
func (m *Machine) Sub(u *Unit) string { return m.life(u).sub() }

// Result is the unit's Result property; units that cannot fail have Success.
func (u *Unit) Result() Result {
	switch {
	case u.Service != nil:
		return u.Service.Result
	case u.Socket != nil:
		return u.Socket.Result
	case u.Timer != nil:
		return u.Timer.Result
	case u.Path != nil:
		return u.Path.Result
	}
	return Success
}

func (m *Machine) forService(name string, f func(service)) {
	if u, ok := m.Unit(name); ok && u.Service != nil {
		f(service{m, u, u.Service})
	}
}

func (m *Machine) forSocket(name string, f func(socket)) {
	if u, ok := m.Unit(name); ok && u.Socket != nil {
		f(socket{m, u, u.Socket})
	}
}

func (m *Machine) forPath(name string, f func(path)) {
	if u, ok := m.Unit(name); ok && u.Path != nil {
		f(path{m, u, u.Path})
	}
}

func (m *Machine) forTimer(name string, f func(timer)) {
	if u, ok := m.Unit(name); ok && u.Timer != nil {
		f(timer{m, u, u.Timer})
	}
}

func (m *Machine) eachTimer(f func(timer)) {
	for _, u := range m.units {
		if u != nil && u.Timer != nil {
			f(timer{m, u, u.Timer})
		}
	}
}

// load gives the unit of a name, reading its files if they were not read yet. If there were none, or they are not where they were, the
// folders are looked through again: a new unit file needs no daemon-reload (manager_load_unit_prepare in src/core/manager.c).
func (m *Machine) load(name string) (*Unit, error) {
	id, err := m.graph.Add(name)
	if err != nil {
		return nil, err
	}
	m.see(id)
	m.loadAll()
	id, _ = m.graph.Lookup(name)
	if l := m.graph.Facts(id).Load; l == graph.NotFound || l == graph.LoadError {
		m.config.Loader.Scan()
		m.graph.Facts(id).Load = graph.Stub
		m.see(id)
		m.loadAll()
		id, _ = m.graph.Lookup(name)
	}
	return m.units[id], nil
}

func (m *Machine) loadAll() {
	for m.loadStubs() {
	}
}

// see makes sure that a unit named somewhere is read.
func (m *Machine) see(id graph.UnitID) {
	for int(id) >= len(m.units) {
		m.units = append(m.units, nil)
	}
	if m.graph.Facts(id).Load == graph.Stub {
		m.stubs = append(m.stubs, id)
	}
}

// loadStubs reads one unit that was only named so far (manager_dispatch_load_queue in src/core/manager.c).
func (m *Machine) loadStubs() bool {
	if len(m.stubs) == 0 {
		return false
	}
	id := m.stubs[0]
	m.stubs = m.stubs[1:]
	if m.graph.Facts(id).Load == graph.Stub {
		m.read(id)
	}
	return true
}

// read reads a unit's files and puts it into the graph.
func (m *Machine) read(id graph.UnitID) {
	config, diagnostics := m.config.Loader.Load(m.graph.Name(id))
	if config.Name != m.graph.Name(id) {
		main, err := m.graph.Add(config.Name)
		if err == nil {
			m.see(main)
		}
		if err == nil && m.merge(main, id) {
			if id = main; m.graph.Facts(id).Load != graph.Stub {
				return // known under its main name already
			}
		}
	}
	u := m.units[id]
	fresh := u == nil
	if fresh {
		m.lastStamp++
		u = &Unit{ID: id, Stamp: m.lastStamp}
		m.units[id] = u
	}
	u.Name, u.Diagnostics = m.graph.Name(id), diagnostics
	m.configure(u, config)
	if fresh {
		m.emit(UnitNew{u.Name})
	}
	for _, d := range diagnostics {
		m.emit(Log{Priority: 3 + int(d.Severity), Unit: u.Name, Text: d.String()})
	}
	m.connect(u)
	m.mayDie(u)
}

// merge makes the name of a unit that was never read, or has no files and is down, another name of main, with the edges that others
// have made to it (unit_merge in src/core/unit.c).
func (m *Machine) merge(main, stub graph.UnitID) bool {
	if f := m.graph.Facts(stub); main == stub || f.Load == graph.Loaded || !f.Active.IsDown() {
		return false
	}
	for k := graph.Requires; k < graph.References; k++ {
		for _, other := range m.graph.Dependencies(stub, k) {
			_ = m.graph.Depend(other, k.Inverse(), main) // what was refused once was told
		}
	}
	name := m.graph.Name(stub)
	if m.graph.Remove(stub) != nil {
		return false // it has a job
	}
	m.forget(stub)
	_ = m.graph.Alias(main, name) // free now
	return true
}

// forget drops what the machine has under a number that the graph may give to another unit.
func (m *Machine) forget(id graph.UnitID) {
	if int(id) < len(m.units) {
		m.units[id], m.wakeKnown = nil, false
	}
	m.stubs = slices.DeleteFunc(m.stubs, func(s graph.UnitID) bool { return s == id })
}

// configure gives a unit what its files say, now and after a daemon-reload. A type never changes, as it is the name's.
func (m *Machine) configure(u *Unit, config *unit.Unit) {
	config = m.found(u, config)
	u.Config = config
	u.describe()
	f := m.graph.Facts(u.ID)
	f.Load = loadStates[config.LoadState]
	f.DefaultDependencies = config.DefaultDependencies && !perpetual[u.Name] // what never stops is in no shutdown's way
	f.AllowIsolate, f.RefuseManualStart, f.RefuseManualStop = config.AllowIsolate, config.RefuseManualStart, config.RefuseManualStop
	f.StopWhenUnneeded = config.StopWhenUnneeded
	f.IgnoreOnIsolate = f.IgnoreOnIsolate || config.IgnoreOnIsolate
	f.OnFailureMode, f.OnSuccessMode = jobModes[config.OnFailureJobMode], jobModes[config.OnSuccessJobMode]
	if config.LoadState == unit.LoadError {
		f.LoadCause = &graph.Error{Code: graph.LoadFailed, Message: config.LoadError}
	}
	if config.Exec != nil && config.Exec.Nice.Set {
		f.Nice = int8(config.Exec.Nice.Value)
	}
	u.Starts.Limit = config.StartLimit
	u.FollowUps.Limit = followUpLimit
	switch config.Type {
	case unit.TypeService:
		if u.Service == nil {
			u.Service = &Service{}
		}
		if s := config.Service; s != nil {
			f.CanReload = len(s.Commands[unit.ExecReload]) > 0 || s.Type == unit.ServiceNotifyReload
			if s.BusName != "" {
				m.busNames[s.BusName] = u
			}
		}
	case unit.TypeSocket:
		if u.Socket == nil {
			u.Socket = &Socket{}
		}
		if config.Socket != nil {
			u.Socket.Triggers.Limit = config.Socket.TriggerLimit
			u.Socket.Polls.Limit = config.Socket.PollLimit
		}
	case unit.TypeTimer:
		if u.Timer == nil {
			u.Timer = &Timer{}
		}
		if config.Timer != nil {
			f.OnCalendar = len(config.Timer.Calendar) > 0
			if len(u.Timer.Disabled) != len(config.Timer.Monotonic) {
				u.Timer.Disabled = make([]bool, len(config.Timer.Monotonic))
			}
		}
	case unit.TypePath:
		if u.Path == nil {
			u.Path = &Path{}
		}
		if config.Path != nil {
			u.Path.Triggers.Limit = config.Path.TriggerLimit
			if len(u.Path.Existed) != len(config.Path.Specs) {
				u.Path.Existed = make([]bool, len(config.Path.Specs))
			}
		}
	default:
		m.configurePlain(u)
	}
}

// describe puts the peer of a connection into the description of the service that serves it.
func (u *Unit) describe() {
	if u.Service == nil || u.Service.Peer == "" {
		return
	}
	described := *u.Config
	described.Description += " (" + u.Service.Peer + ")"
	u.Config = &described
}

// connect makes the unit's edges and has the units at their other ends read.
func (m *Machine) connect(u *Unit) {
	for _, alias := range u.Config.Aliases {
		if other, taken := m.graph.Lookup(alias); taken {
			m.merge(u.ID, other)
		} else {
			_ = m.graph.Alias(u.ID, alias) // nobody has the name
		}
	}
	for _, d := range u.Config.Dependencies {
		if perpetual[u.Name] && d.Origin == unit.FromDefault {
			continue
		}
		other, err := m.graph.Add(d.Name)
		if err != nil {
			continue // no unit's name: the loader has told
		}
		m.see(other)
		if err := m.graph.Depend(u.ID, dependencies[d.Kind], other); err != nil {
			if e, ok := err.(*graph.DependencyError); ok {
				m.logMessage(e.Message)
			}
		}
	}
	if u.Service != nil && u.Service.Accepter != "" {
		m.serves(u)
	}
	m.graph.AddDefaultDependencies(u.ID)
	for other := range m.graph.Each(u.ID, graph.AtomReferences) {
		m.see(other)
	}
}

// loadStates, jobModes and dependencies are the words of package unit in those of package graph.
var loadStates = map[unit.LoadState]graph.LoadState{
	unit.Stub: graph.Stub, unit.Loaded: graph.Loaded, unit.NotFound: graph.NotFound, unit.BadSetting: graph.BadSetting,
	unit.LoadError: graph.LoadError, unit.Masked: graph.Masked,
}

var jobModes = map[unit.JobMode]graph.JobMode{
	unit.JobFail: graph.ModeFail, unit.JobReplace: graph.ModeReplace, unit.JobReplaceIrreversibly: graph.ModeReplaceIrreversibly,
	unit.JobIsolate: graph.ModeIsolate, unit.JobFlush: graph.ModeFlush, unit.JobIgnoreDependencies: graph.ModeIgnoreDependencies,
	unit.JobIgnoreRequirements: graph.ModeIgnoreRequirements, unit.JobTriggering: graph.ModeTriggering,
}

var dependencies = func() (table [int(unit.SliceOf) + 1]graph.Dependency) {
	for k := range table {
		table[k], _ = graph.ParseDependency(unit.DependencyKind(k).String())
	}
	return table
}()

// invoke gives the unit a new invocation id (unit_acquire_invocation_id in src/core/unit.c).
func (m *Machine) invoke(u *Unit) {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], m.config.Random())
	binary.BigEndian.PutUint64(id[8:], m.config.Random())
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // a version 4 UUID, as sd_id128_randomize makes
	u.Invocation = hex.EncodeToString(id[:])
}

// trigger is the unit that a timer, path or socket starts (UNIT_TRIGGER of src/core/unit.h).
func (m *Machine) trigger(u *Unit) (*Unit, bool) {
	for id := range m.graph.Each(u.ID, graph.AtomTriggers) {
		if t := m.units[id]; t != nil {
			return t, true
		}
	}
	return nil, false
}

// testTrigger refuses a start without something to trigger (unit_test_trigger_loaded in src/core/unit.c).
func (m *Machine) testTrigger(u *Unit) bool {
	t, ok := m.trigger(u)
	switch {
	case !ok:
		m.log(u, 3, "Refusing to start, no unit to trigger.")
	case t.Config.LoadState != unit.Loaded:
		m.log(u, 3, "Refusing to start, unit "+t.Name+" to trigger not loaded.")
	default:
		return true
	}
	return false
}

// ident is how systemd names a unit in messages for people (unit_status_string in src/core/unit.c, format "combined").
func (u *Unit) ident() string {
	if d := strings.TrimSpace(u.Config.Description); d != "" && d != u.Name {
		return u.Name + " - " + d
	}
	return u.Name
}
