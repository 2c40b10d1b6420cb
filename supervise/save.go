package supervise

import (
	"encoding/json"
	"fmt"

	"keelson/supervise/graph"
)

// A machine can be taken out of one process and put into another, as for `systemctl daemon-reexec` or when the caller has
// panicked: Save writes its state, Restore makes a machine of it that goes on where the first one was. Unit files are not part of
// it; they are read again, as systemd does. The caller keeps what the kernel has: descriptors by their FD, processes, and what it
// knows of each unit's.

// saveVersion is that of the format. What is only added needs no new version: members that are not known are ignored, and those
// that are missing are zero. When something changes its meaning, Restore has to know the version that it reads.
const saveVersion = 1

// saved is a machine as plain data. Units, jobs and news stand for themselves, so that one that cannot be read is one less.
type saved struct {
	Version     int
	Startup     Time
	Environment Block             // all of it, as earlier builds want it
	Client      *Block            // nil in a state of theirs
	Hidden      Block             `json:",omitempty"`
	Units       []json.RawMessage // savedUnit, by id
	Jobs        []json.RawMessage // savedJob, by id
	News        []json.RawMessage `json:",omitempty"` // savedNews; none, unless a Step has left work undone
	Graph       graph.Book
	Mounts      map[string]MountPoint `json:",omitempty"`

	Idlers []graph.UnitID `json:",omitempty"`
	Dying  []graph.UnitID `json:",omitempty"`

	LastCommand  CommandID
	LastQuery    QueryID
	LastStamp    uint32
	LastDeadline uint64

	Booting, Booted, Finished, Backlog bool

	Status int
	Tally  Tally
}

type savedUnit struct {
	Unit
	Aliases []string `json:",omitempty"`
	Active  graph.ActiveState
	Known   bool // it was read; else it is a name only
}

type savedJob struct {
	graph.Job
	jobRecord
}

type savedNews struct {
	graph.Event
	About         graph.UnitID // news.Unit; -1: none
	Active        graph.ActiveState
	Sub           string
	HasJob        bool
	StartLimitHit bool
}

// Save writes the machine's state, between two steps. A process that was asked for and not heard of counts as one that could not be
// started, so every Spawn is to be answered first. The machine stays as it is. After a panic within a Step what the machine had
// decided in that step is lost, but not what it knew before.
func (m *Machine) Save() ([]byte, error) {
	s := saved{
		Version: saveVersion, Startup: m.config.Startup, Environment: m.environment, Client: (*Block)(&m.client), Hidden: m.hidden, Graph: m.graph.Book(), Mounts: m.mounts,
		Idlers: ids(m.idlers), Dying: ids(m.dying),
		LastCommand: m.lastCommand, LastQuery: m.lastQuery, LastStamp: m.lastStamp, LastDeadline: m.lastDeadline,
		Booting: m.booting, Booted: m.booted, Finished: m.finished, Backlog: m.backlog, Status: m.status, Tally: m.tally,
	}
	var err error
	add := func(list *[]json.RawMessage, what any) {
		text, e := json.Marshal(what)
		if e != nil && err == nil {
			err = fmt.Errorf("cannot save the manager's state: %w", e)
		}
		*list = append(*list, text)
	}
	for _, id := range m.graph.Units() {
		u := savedUnit{Unit: Unit{ID: id, Name: m.graph.Name(id)}, Aliases: m.graph.Aliases(id), Active: m.graph.Facts(id).Active}
		if int(id) < len(m.units) && m.units[id] != nil {
			u.Unit, u.Known = *m.units[id], true
		}
		add(&s.Units, u)
	}
	for _, j := range m.graph.Jobs() {
		saved := savedJob{Job: j}
		if r := m.jobs[j.ID]; r != nil {
			saved.jobRecord = *r
		}
		add(&s.Jobs, saved)
	}
	for _, t := range m.queue {
		n := savedNews{Event: t.Event, About: -1, Active: t.news.Active, Sub: t.news.Sub, HasJob: t.news.HasJob, StartLimitHit: t.news.StartLimitHit}
		if t.news.Unit != nil {
			n.About = t.news.Unit.ID
		}
		add(&s.News, n)
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(s)
}

func ids(units []*Unit) []graph.UnitID {
	var list []graph.UnitID
	for _, u := range units {
		list = append(list, u.ID)
	}
	return list
}
