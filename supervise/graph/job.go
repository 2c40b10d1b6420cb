package graph

// A JobID numbers the jobs of a graph, from 1, in the order in which they are
// installed.
type JobID uint32

// A Job is an installed job. The graph gives out copies.
type Job struct {
	ID           JobID
	Unit         UnitID
	Type         JobType
	State        JobState
	Irreversible bool // no conflicting request may replace it
	IgnoreOrder  bool // runs without regard to Before= and After=

	// Pinned: somebody waits for this job, so it is not collected though it
	// holds nothing back. Set by Graph.Pin.
	Pinned bool

	// Again: it was run too early, and is run again when its unit changes.
	Again bool

	place int  // in the run queue, from 1; 0: not in it
	idle  bool // is in the queue of Collect
}

// A JobRef says what a job is without saying which.
type JobRef struct {
	Unit UnitID
	Type JobType
}

// A Reason says whose wish a request is.
type Reason uint8

const (
	ReasonAsked            Reason = iota // somebody from outside
	ReasonRetroactiveStart               // the source came up unasked and needs this unit
	ReasonRetroactiveStop                // the source came up or went down unasked
	ReasonOnFailure                      // the source failed
	ReasonOnSuccess                      // the source ended well
	ReasonUpheld                         // the source is up and upholds this unit
	ReasonBound                          // the source is down and this unit is bound to it
	ReasonUnneeded                       // nobody needs this unit any more
)

// reasons holds what is logged if such a request is refused, and for which of the
// two units (unit.c, manager.c); nothing for retroactive ones.
var reasons = [...]struct {
	name, refused string
	forSource     bool
}{
	ReasonAsked:            {name: "asked"},
	ReasonRetroactiveStart: {name: "retroactive-start"},
	ReasonRetroactiveStop:  {name: "retroactive-stop"},
	ReasonOnFailure:        {"OnFailure=", "Failed to enqueue OnFailure= job, ignoring: ", true},
	ReasonOnSuccess:        {"OnSuccess=", "Failed to enqueue OnSuccess= job, ignoring: ", true},
	ReasonUpheld:           {"upheld", "Failed to enqueue start job, ignoring: ", false},
	ReasonBound:            {"bound", "Failed to enqueue stop job, ignoring: ", false},
	ReasonUnneeded:         {"unneeded", "Failed to enqueue stop job, ignoring: ", false},
}

func (r Reason) String() string { return reasons[r].name }

// A Request asks for a job.
type Request struct {
	Type   JobType
	Unit   UnitID
	Mode   JobMode
	Reason Reason
	Source UnitID // the unit whose state is the reason; Unit itself if there is none
}

// Refused is what to log when a request that followed from another unit's state
// was refused; ok is false if systemd says nothing.
func (g *Graph) Refused(r Request, err error) (m Message, ok bool) {
	reason := &reasons[r.Reason]
	if reason.refused == "" {
		return Message{}, false
	}
	about := r.Unit
	if reason.forSource {
		about = r.Source
	}
	return Message{LevelWarning, g.units[about].name, reason.refused + err.Error()}, true
}

// An EventKind says which fields of an [Event] count.
type EventKind uint8

const (
	JobNew       EventKind = iota // Job was installed
	JobChanged                    // Job merged with another: its type or state may differ
	JobHalfway                    // Job, a restart, has done its stop and is a start now; Quiet
	JobRemoved                    // Job ended; Result, Quiet
	Triggered                     // Unit, which triggers Source, is to look at Source again
	RequestMade                   // Request is to be enqueued
	MessageGiven                  // Message is to be logged
)

var eventNames = [...]string{
	JobNew: "new", JobChanged: "changed", JobHalfway: "halfway", JobRemoved: "removed",
	Triggered: "triggered", RequestMade: "request", MessageGiven: "message",
}

func (k EventKind) String() string { return eventNames[k] }

// An Event is one thing that the caller has to pass on or act on.
type Event struct {
	Kind    EventKind
	Job     Job // as it is after the event
	Result  JobResult
	Quiet   bool // the unit was there already, so there is no "Started …" to log
	Unit    UnitID
	Source  UnitID
	Request Request
	Message Message
}

// Job gives the installed job with this id.
func (g *Graph) Job(id JobID) (Job, bool) {
	j := g.jobs[id]
	if j == nil {
		return Job{}, false
	}
	return *j, true
}

// JobOf gives the installed job of a unit, its nop job aside.
func (g *Graph) JobOf(u UnitID) (Job, bool) {
	j := g.units[u].job
	if j == nil {
		return Job{}, false
	}
	return *j, true
}

// Jobs is the list of all installed jobs, in the order of their ids. Nop jobs are among them.
func (g *Graph) Jobs() []Job {
	list := make([]Job, 0, len(g.jobs))
	for _, j := range g.installed() {
		list = append(list, *j)
	}
	return list
}

// JobCount is how many jobs are installed.
func (g *Graph) JobCount() int { return len(g.jobs) }

// Pin says that somebody waits for the job, or no longer does.
func (g *Graph) Pin(id JobID, pinned bool) {
	if j := g.jobs[id]; j != nil {
		j.Pinned = pinned
		g.considerIdle(j)
	}
}

// StopPending: a stop job is queued for u (unit_stop_pending in unit.c).
func (g *Graph) StopPending(u UnitID) bool {
	j := g.units[u].job
	return j != nil && j.Type == JobStop
}

// InactiveOrPending: u is down, going down, or to be stopped
// (unit_inactive_or_pending in unit.c).
func (g *Graph) InactiveOrPending(u UnitID) bool {
	return g.units[u].Active.IsDownOrGoing() || g.StopPending(u)
}

// ActiveOrPending: u is up, coming up, or to be started
// (unit_active_or_pending in unit.c).
func (g *Graph) ActiveOrPending(u UnitID) bool {
	n := g.units[u]
	return n.Active.IsUpOrComing() || n.job != nil && (n.job.Type == JobStart || n.job.Type == JobRestart)
}
