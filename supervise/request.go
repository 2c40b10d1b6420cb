package supervise

import (
	"fmt"
	"slices"
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// jobVerbs are the verbs that ask for a job (method_start_unit and its kin in src/core/dbus-manager.c).
var jobVerbs = map[Verb]struct {
	job              graph.JobType
	reloadIfPossible bool
}{
	VerbStart:              {graph.JobStart, false},
	VerbStop:               {graph.JobStop, false},
	VerbReload:             {graph.JobReload, false},
	VerbRestart:            {graph.JobRestart, false},
	VerbTryRestart:         {graph.JobTryRestart, false},
	VerbReloadOrRestart:    {graph.JobRestart, true},
	VerbReloadOrTryRestart: {graph.JobTryRestart, true},
}

// request does what a client wants and replies.
func (m *Machine) request(r Request) {
	reply := Reply{Request: r.ID, Unit: r.Unit}
	how, wantsJob := jobVerbs[r.Verb]
	var err error
	switch r.Verb {
	case VerbEnqueue:
		how.job, how.reloadIfPossible, wantsJob = r.JobType, r.ReloadIfPossible, true
	case VerbStartTransient:
		how.job, wantsJob = graph.JobStart, true
		if err = m.loadTransient(append([]string{r.Unit}, r.Aux...)); err == nil && r.Hold {
			u, _ := m.Unit(r.Unit)
			u.Holds++
		}
	}
	switch {
	case err != nil:
	case wantsJob:
		reply.Job, reply.Affected, err = m.requestJob(r, how.job, how.reloadIfPossible)
	default:
		err = m.requestOther(r)
	}
	if err != nil {
		reply.Failure = failure(err)
	}
	if r.ID != 0 {
		m.emit(reply)
	}
}

// failure gives an error its D-Bus name.
func failure(err error) *Failure {
	switch e := err.(type) {
	case *Failure:
		return e
	case *graph.Error:
		return &Failure{e.Code.Name(), e.Message}
	}
	return &Failure{"org.freedesktop.DBus.Error.Failed", err.Error()}
}

func (m *Machine) requestJob(r Request, t graph.JobType, reloadIfPossible bool) (graph.JobID, []graph.JobID, error) {
	if r.Replaces != "" && !m.starts(r.Replaces) {
		return 0, nil, &Failure{"org.freedesktop.systemd1.NoSuchJob", "No job queued for unit " + r.Replaces}
	}
	u, err := m.load(r.Unit)
	if err != nil {
		return 0, nil, err
	}
	m.mayDie(u)
	out, err := m.graph.EnqueueManual(graph.Request{Type: t, Unit: u.ID, Mode: r.Mode, Source: u.ID}, reloadIfPossible)
	m.outcome(out)
	return out.Anchor, out.Affected, err
}

// starts: the unit has a start job.
func (m *Machine) starts(name string) bool {
	u, ok := m.Unit(name)
	if !ok {
		return false
	}
	j, ok := m.graph.JobOf(u.ID)
	return ok && j.Type == graph.JobStart
}

func (m *Machine) requestOther(r Request) error {
	switch r.Verb {
	case VerbKill:
		return m.requestKill(r)
	case VerbResetFailed:
		return m.requestReset(r.Unit)
	case VerbLoad:
		u, err := m.load(r.Unit)
		if err == nil {
			u.Holds++
		}
		return err
	case VerbRef:
		u, err := m.known(r.Unit)
		if err == nil {
			u.Holds++
		}
		return err
	case VerbReleaseUnit, VerbUnref:
		return m.requestRelease(r.Unit)
	case VerbSetProperties:
		u, err := m.known(r.Unit)
		if err == nil {
			m.scan()
			m.read(u.ID)
			m.loadAll()
			m.touched(u)
		}
		return err
	case VerbMark:
		u, err := m.known(r.Unit)
		if err == nil {
			u.Markers = r.Markers
			m.touched(u)
		}
		return err
	case VerbSetExitCode:
		m.status = r.Status
	case VerbCancelJob:
		if _, ok := m.graph.Job(r.Job); !ok {
			return &Failure{"org.freedesktop.systemd1.NoSuchJob", fmt.Sprintf("Job %d does not exist.", r.Job)}
		}
		m.tell(m.graph.Finish(r.Job, graph.ResultCanceled))
	case VerbClearJobs:
		m.tell(m.graph.CancelAll())
	case VerbDaemonReload:
		m.daemonReload()
	case VerbSetEnvironment, VerbUnsetEnvironment:
		return m.requestEnvironment(r)
	case VerbExit, VerbPoweroff, VerbReboot, VerbHalt:
		return m.endRequest(r)
	case VerbClean:
		return m.requestClean(r)
	default:
		return &Failure{"org.freedesktop.DBus.Error.NotSupported", "Unknown request."}
	}
	return nil
}

// requestRelease lets go of a unit, or of all.
func (m *Machine) requestRelease(name string) error {
	if name == "" {
		for _, u := range m.Units() {
			u.Holds = 0
			m.mayDie(u)
		}
		return nil
	}
	u, err := m.known(name)
	switch {
	case err != nil:
		return err
	case u.Holds == 0:
		return &Failure{"org.freedesktop.systemd1.NotReferenced", "Unit " + u.Name + " is not referenced."}
	}
	u.Holds--
	m.mayDie(u)
	return nil
}

// known finds a unit that is loaded.
func (m *Machine) known(name string) (*Unit, error) {
	u, ok := m.Unit(name)
	if !ok {
		return nil, &Failure{"org.freedesktop.systemd1.NoSuchUnit", "Unit " + name + " not loaded."}
	}
	return u, nil
}

// requestKill is unit_kill_common in src/core/unit.c.
func (m *Machine) requestKill(r Request) error {
	u, err := m.known(r.Unit)
	if err != nil {
		return err
	}
	none := func(text string) error { return &Failure{"org.freedesktop.systemd1.NoSuchProcess", text} }
	if u.Config.Kill == nil {
		return &Failure{"org.freedesktop.DBus.Error.NotSupported", "Unit type does not support this operation."}
	}
	e := Kill{Unit: u.Name, Signal: r.Signal, Value: r.Value, Client: true}
	kind := u.Config.Type.String()
	switch r.Who {
	case WhoMain, WhoMainFail:
		if u.Service == nil {
			return none(kind + " units have no main processes")
		}
		if !u.Service.Main.Alive() {
			return none("No main process to kill")
		}
		e.Main = u.Service.Main
	case WhoControl, WhoControlFail:
		if e.Control = m.control(u); !e.Control.Alive() {
			return none("No control process to kill")
		}
	default:
		if r.Value != nil {
			return &Failure{"org.freedesktop.DBus.Error.InvalidArgs", "A value can be sent to the main or the control process only."}
		}
		e.Control = m.control(u)
		if u.Service != nil {
			e.Main = u.Service.Main
		}
		e.Rest = !u.Leftover.none() && u.Invocation != "" // never started, it has none
		if r.Who == WhoAllFail && !e.Main.Alive() && !e.Control.Alive() && !e.Rest {
			return none("No matching processes to kill")
		}
	}
	m.emit(e)
	return nil
}

func (m *Machine) control(u *Unit) Process {
	switch {
	case u.Service != nil:
		return u.Service.Control
	case u.Socket != nil:
		return u.Socket.Control
	}
	return Process{}
}

// requestReset is reset-failed, which forgets starts and restarts too (unit_reset_failed in src/core/unit.c).
func (m *Machine) requestReset(name string) error {
	if name != "" {
		u, err := m.known(name)
		if err == nil {
			m.resetFailed(u)
		}
		return err
	}
	for _, u := range m.Units() {
		m.resetFailed(u)
	}
	return nil
}

func (m *Machine) resetFailed(u *Unit) {
	u.Starts.reset()
	u.StartLimitHit = false
	if u.Asking.Query != 0 {
		return // a start is under way: it begins with a clean state anyway
	}
	m.life(u).resetFailed()
	m.touched(u)
}

// requestEnvironment is set-environment and unset-environment: all of it or nothing.
func (m *Machine) requestEnvironment(r Request) error {
	set, unset := r.Assignments, r.Unset
	if r.Verb == VerbUnsetEnvironment {
		set, unset = nil, r.Assignments
	}
	for _, a := range set {
		if !unit.ValidAssignment(a) {
			return &Failure{"org.freedesktop.DBus.Error.InvalidArgs", "Invalid environment assignments"}
		}
	}
	for _, a := range unset {
		if !unit.ValidAssignment(a) && !unit.ValidVariableName(a) {
			return &Failure{"org.freedesktop.DBus.Error.InvalidArgs", "Invalid environment variable names or assignments"}
		}
	}
	m.client = overlay(without(m.client, unset), set)
	for _, name := range unset {
		if !slices.Contains(m.hidden, name) {
			m.hidden = append(m.hidden, name)
		}
	}
	m.layEnvironment()
	return nil
}

// layEnvironment makes one block of both layers. In systemd clients cannot take away what is not theirs (manager_client_environment_modify in src/core/manager.c);
// here they can, as the container's own variables are among it.
func (m *Machine) layEnvironment() { m.environment = m.laid(m.config.Environment) }

// laid is a block with what clients have set over it. It is the caller's.
func (m *Machine) laid(block []string) []string { return overlay(without(block, m.hidden), m.client) }

// without is a block less what names, or whole assignments, say.
func without(block, unset []string) []string {
	return slices.DeleteFunc(slices.Clone(block), func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return slices.Contains(unset, name) || slices.Contains(unset, a)
	})
}

// scan reads the search path anew.
func (m *Machine) scan() {
	m.bare = nil
	for _, d := range m.config.Loader.Scan() {
		m.emit(Log{Priority: 3 + int(d.Severity), Text: d.String()})
	}
}

// daemonReload reads all unit files again (manager_reload in src/core/manager.c). Units keep their states, jobs stay.
func (m *Machine) daemonReload() {
	m.scan()
	m.graph.ForgetDependencies()
	clear(m.busNames)
	units := m.Units()
	for _, u := range units {
		m.graph.Facts(u.ID).Load = graph.Stub
		if u.Timer != nil {
			clear(u.Timer.Disabled) // counted anew below
		}
	}
	for _, u := range units {
		if m.units[u.ID] == u {
			m.reread(u)
		}
	}
	m.loadAll()
	for _, u := range m.Units() {
		switch { // what waits waits for what the files say now
		case u.Timer != nil && u.Timer.State == TimerWaiting:
			timer{m, u, u.Timer}.enterWaiting(false)
		case u.Path != nil && u.Path.State == PathWaiting:
			p := path{m, u, u.Path}
			p.unwatch()
			p.enterWaiting(true, false)
		}
	}
}

// reread reads one unit's files again. One whose files are gone stays as long as it is not down.
func (m *Machine) reread(u *Unit) {
	m.read(u.ID)
	m.touched(u)
	if j, ok := m.graph.JobOf(u.ID); ok && u.Asking.Query != 0 && m.askFacts(u, j) {
		u.Asking.Job = j.ID // the old conditions' answer is of no use
	}
}

// requestClean is systemctl clean (service_clean in src/core/service.c).
func (m *Machine) requestClean(r Request) error {
	u, err := m.known(r.Unit)
	if err != nil {
		return err
	}
	if u.Service == nil || u.Config.Exec == nil {
		return &Failure{"org.freedesktop.DBus.Error.NotSupported", "Unit does not support cleaning."}
	}
	if _, job := m.graph.JobOf(u.ID); job || u.Service.State != ServiceDead {
		return &Failure{"org.freedesktop.systemd1.UnitBusy", "Unit is not inactive or has pending job."}
	}
	var mask CleanMask
	for k, d := range u.Config.Exec.Directories {
		if bit := CleanMask(1) << k; r.Clean&bit != 0 && len(d.List) > 0 {
			mask |= bit
		}
	}
	if mask == 0 {
		return &Failure{"org.freedesktop.systemd1.NothingToClean", "No matching resources found."}
	}
	s := service{m, u, u.Service}
	s.CleanResult, s.Cleaning, s.Query = Success, mask, m.query()
	query := s.Query
	s.enter(ServiceCleaning)
	s.Query = query
	if t := u.Config.Exec.TimeoutClean; t != Infinity {
		m.after(u, timerDeadline, t)
	}
	m.emit(RemoveDirectories{u.Name, query, mask, u.Config.Exec})
	return nil
}

func (s service) cleaned(e Cleaned) {
	if s.State != ServiceCleaning || e.Query != s.Query {
		return
	}
	if e.Error != "" {
		s.CleanResult.keep(Resources)
		s.m.log(s.u, 4, "Failed to clean: "+e.Error)
	}
	s.enterDead(Success, false)
}
