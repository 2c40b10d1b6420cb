package supervise

import (
	"encoding/json"
	"fmt"
	"slices"

	"keelson/supervise/graph"
)

// Restore makes a machine of what Save has written, perhaps in an older or a newer build of the program. The configuration is the new
// process's, but for the time of the start, and what clients have set of the environment. The effects come before those of the first
// Step: questions that were open are asked again, watches are set again, and what was there is not done again. What cannot be taken
// over is told as a Log and left behind; an error is that nothing can.
//
// Clients are not taken over: what they hold ends with VerbReleaseUnit without a unit. Nor is what the caller has not told yet: an ExecDone that
// is owed comes later, as it would have without this.
func Restore(c Config, now Time, data []byte) (m *Machine, effects []Effect, err error) {
	var s saved
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, nil, fmt.Errorf("cannot read the manager's state: %w", err)
	}
	defer func() { // nothing in there may keep PID 1 from coming up
		if r := recover(); r != nil {
			m, effects, err = nil, nil, fmt.Errorf("the manager's state makes no sense: %v", r)
		}
	}()
	c.Startup = s.Startup
	m = New(c)
	m.now = now
	m.mounts, m.hidden = s.Mounts, s.Hidden
	if s.Client != nil {
		m.client = *s.Client
	} else {
		for _, assignment := range s.Environment {
			if !slices.Contains(c.Environment, assignment) {
				m.client = append(m.client, assignment)
			}
		}
	}
	m.layEnvironment()
	m.lastCommand, m.lastQuery, m.lastStamp, m.lastDeadline = s.LastCommand, s.LastQuery, s.LastStamp, s.LastDeadline
	m.booting, m.booted, m.status, m.tally = s.Booting, s.Booted, s.Status, s.Tally
	m.restoreUnits(&s)
	m.restoreJobs(&s)
	m.restoreNews(&s)
	for _, u := range m.Units() {
		m.resume(u)
	}
	m.failUnheard()
	if m.finished = s.Finished; !m.finished {
		m.settle()
	}
	effects, m.out = m.out, nil
	return m, effects, nil
}

// abandon tells that something is not taken over.
func (m *Machine) abandon(what string, err error) {
	m.emit(Log{Priority: 3, Text: "Cannot take over " + what + ", leaving it behind: " + err.Error()})
}

// restoreUnits makes the units under their numbers, then reads their files.
func (m *Machine) restoreUnits(s *saved) {
	var list []savedUnit
	most := graph.UnitID(len(s.Units) + len(s.Graph.Free)) // as many numbers have ever been given out
	for i, text := range s.Units {
		var u savedUnit
		err := json.Unmarshal(text, &u)
		if err == nil && u.ID >= most {
			err = fmt.Errorf("its number %d is out of range", u.ID)
		}
		if err == nil {
			err = m.graph.AddAt(u.ID, u.Name)
		}
		if err != nil {
			if u.Name == "" {
				u.Name = fmt.Sprint(i)
			}
			m.abandon("unit "+u.Name, err)
			continue
		}
		list = append(list, u)
	}
	m.graph.TakeOver(s.Graph)
	for i := range list {
		u := &list[i]
		for _, alias := range u.Aliases {
			if err := m.graph.Alias(u.ID, alias); err != nil {
				m.abandon("name "+alias, err)
			}
		}
		for int(u.ID) >= len(m.units) {
			m.units = append(m.units, nil)
		}
		if u.Known {
			m.graph.Facts(u.ID).Active = u.Active
			m.units[u.ID] = &u.Unit
		}
	}
	for i := range list {
		if u := &list[i]; u.Known && m.units[u.ID] == &u.Unit {
			m.read(u.ID)
		}
	}
	for i := range list {
		u := &list[i]
		if !u.Known || m.units[u.ID] != &u.Unit {
			continue
		}
		f := m.graph.Facts(u.ID)
		if f.Active = u.Active; f.Perpetual {
			f.Active = graph.Active
		}
		f.WillRestart = u.Service != nil && u.Service.State.restarts()
		m.restoreProcesses(&u.Unit)
		m.watch(&u.Unit)
	}
	for _, u := range m.dying {
		u.dying = false // the first machine has looked at them
	}
	m.dying = nil
	for _, id := range s.Dying {
		if u := m.at(id); u != nil {
			m.mayDie(u)
		}
	}
	for _, id := range s.Idlers {
		if u := m.at(id); u != nil && u.Service != nil {
			m.idlers = append(m.idlers, u)
		}
	}
	m.stubs = nil
	for _, id := range m.graph.Units() {
		m.see(id)
	}
}

// at is the unit that has a number, nil if there is none.
func (m *Machine) at(id graph.UnitID) *Unit {
	if id < 0 || int(id) >= len(m.units) {
		return nil
	}
	return m.units[id]
}

// restoreProcesses books a unit's processes on it.
func (m *Machine) restoreProcesses(u *Unit) {
	var list []Process
	switch {
	case u.Service != nil:
		list = []Process{u.Service.Main, u.Service.Control}
	case u.Socket != nil:
		list = []Process{u.Socket.Control}
	}
	for _, p := range list {
		if p.Command != 0 {
			m.commands[p.Command] = u
		}
		if p.PID != 0 {
			m.pids[p.PID] = u
		}
	}
}

func (m *Machine) restoreJobs(s *saved) {
	for i, text := range s.Jobs {
		var j savedJob
		err := json.Unmarshal(text, &j)
		switch {
		case err != nil:
		case m.at(j.Unit) == nil:
			err = fmt.Errorf("its unit is not there")
		default:
			err = m.graph.Restore(j.Job)
		}
		if err != nil {
			m.abandon(fmt.Sprintf("job %d", max(int(j.ID), i)), err)
			continue
		}
		if r := j.jobRecord; r.Deadline.set() || r.Activation != nil {
			m.jobs[j.ID] = &r
		}
	}
}

func (m *Machine) restoreNews(s *saved) {
	for _, text := range s.News {
		var n savedNews
		if err := json.Unmarshal(text, &n); err != nil {
			m.abandon("news", err)
			continue
		}
		about := m.at(n.About)
		if n.Kind == graph.Triggered && (m.at(n.Event.Unit) == nil || about == nil) || n.Kind == graph.RequestMade && m.at(n.Request.Unit) == nil ||
			n.Kind < graph.Triggered && m.at(n.Job.Unit) == nil {
			continue // about what is not there any more
		}
		m.queue = append(m.queue, told{n.Event, news{about, n.Active, n.Sub, n.HasJob, n.StartLimitHit}})
	}
}

// resume asks again what the unit had asked, and sets its watches again. The questions keep their numbers.
func (m *Machine) resume(u *Unit) {
	if u.Asking.Query != 0 {
		m.emit(AskFacts{u.Name, u.Asking.Query, m.conditions(u)})
	}
	if u.Leftover.Asked || u.Leftover.some() {
		m.askEmpty(u) // in the second case Empty is owed
	}
	switch {
	case u.Service != nil:
		service{m, u, u.Service}.resume()
	case u.Socket != nil:
		socket{m, u, u.Socket}.resume()
	case u.Timer != nil && u.Timer.Query != 0:
		m.emit(ReadStamp{u.Name, u.Timer.Query})
	case u.Path != nil && u.Path.Watching:
		p := path{m, u, u.Path}
		m.emit(WatchPaths{Unit: u.Name, Path: p.config()})
		if p.Query != 0 {
			m.emit(AskPaths{u.Name, p.Query, p.config().Specs})
		} else {
			p.ask(false) // something may have come about before the watch
		}
	}
}

func (s service) resume() {
	for _, f := range s.Store {
		if f.Poll {
			s.m.emit(WatchFD{s.u.Name, f.FD})
		}
	}
	if s.Watching {
		s.m.emit(WatchPIDFile{Unit: s.u.Name, Path: s.config().PIDFile})
	}
	switch {
	case s.State == ServiceCleaning && s.Query != 0:
		s.m.emit(RemoveDirectories{s.u.Name, s.Query, s.Cleaning, s.u.Config.Exec})
	case s.Query != 0:
		s.m.emit(AskMain{s.u.Name, s.Query, s.config().PIDFile, s.config().GuessMainPID && s.Held == nil && !s.Watching})
	case s.Watching:
		s.askMain(s.config().PIDFile, false)
	}
}

func (s socket) resume() {
	if s.Query != 0 {
		s.m.emit(OpenSockets{s.u.Name, s.Query, s.config()})
	}
	if s.Listening {
		s.m.emit(ListenSockets{Unit: s.u.Name, Accept: s.config().Accept})
	}
}

// failUnheard gives up processes that were asked for and never heard of.
func (m *Machine) failUnheard() {
	const why = "the manager was executed anew meanwhile"
	for _, u := range m.Units() {
		switch {
		case u.Service != nil:
			for _, p := range []Process{u.Service.Main, u.Service.Control} {
				if p.Command != 0 && p.PID == 0 && m.commands[p.Command] == u {
					m.spawnFailed(SpawnFailed{p.Command, why})
				}
			}
		case u.Socket != nil:
			if p := u.Socket.Control; p.Command != 0 && p.PID == 0 {
				m.spawnFailed(SpawnFailed{p.Command, why})
			}
		}
	}
}
