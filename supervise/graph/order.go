package graph

// shape is what ordering needs to know of a job.
type shape struct {
	typ    JobType
	ignore bool // ordering
}

func (p *pending) shape() shape { return shape{p.typ, p.ignore} }
func (j *Job) shape() shape     { return shape{j.Type, j.IgnoreOrder} }

// waits reports that job a runs after job b, a's unit having atom AtomBefore or
// AtomAfter towards b's. A stop goes first; of two stops the one of the later
// unit does, of two starts that of the earlier unit (job_compare in job.c).
func (a shape) waits(b shape, atom Atom) bool {
	switch {
	case a.typ == JobNop || b.typ == JobNop || a.ignore || b.ignore:
		return false
	case atom == AtomAfter:
		return !a.typ.stopsFirst()
	}
	return b.typ.stopsFirst()
}

// A Cycle is a loop in the order of jobs, seen from the job with which it was
// closed.
type Cycle struct {
	Start   JobRef
	Path    []JobRef // backwards, up to and including Start
	Broken  bool     // Dropped was taken out; otherwise the request was refused
	Dropped JobRef
}

// orderWalk is the state of a search for cycles. Units stand for their jobs.
type orderWalk struct {
	seen     []bool   // on the path, or known to lead into no cycle
	from     []UnitID // on the path: the unit before this one, itself at its beginning; else off
	reshaped bool     // a unit has another job now, and may order others differently
}

// off marks a unit that is not on the path.
const off UnitID = -1

// verdict is how a search went on.
type verdict uint8

const (
	inOrder verdict = iota
	jobDropped
	unbreakable
)

// breakCycles drops jobs until the order of the transaction's jobs, and of the
// installed ones behind them, has no cycle.
func (t *transaction) breakCycles() *Error {
	t.walk = orderWalk{make([]bool, len(t.head)), make([]UnitID, len(t.head)), false}
	for {
		t.collectGarbage()
		switch t.verifyOrder() {
		case inOrder:
			return nil
		case unbreakable:
			err := refuse(TransactionOrderIsCyclic, "Transaction order is cyclic. See system logs for details.")
			t.warn("Requested transaction contains an unfixable cyclic ordering dependency: ", err, LevelWarning)
			return err
		}
	}
}

// verifyOrder looks for a cycle from every job (transaction_verify_order in
// transaction.c). What an earlier search found free of cycles still is: taking a
// job away makes none, unless another one comes to stand for its unit.
func (t *transaction) verifyOrder() verdict {
	w := &t.walk
	if w.reshaped {
		clear(w.seen)
		w.reshaped = false
	}
	for _, u := range t.order {
		if t.head[u] == 0 || w.seen[u] {
			continue
		}
		if v := t.follow(u, u); v != inOrder {
			return v
		}
	}
	return inOrder
}

// job gives the job that stands for a unit: the transaction's newest, or else the
// installed one.
func (t *transaction) job(u UnitID) (shape, bool) {
	if j := t.head[u]; j != 0 {
		return t.pending[j].shape(), true
	}
	if j := t.graph.units[u].job; j != nil {
		return j.shape(), true
	}
	return shape{}, false
}

// follow goes from u's job to all that run after it.
func (t *transaction) follow(u, from UnitID) verdict {
	w := &t.walk
	w.seen[u], w.from[u] = true, from
	job, _ := t.job(u)
	for _, way := range [...]struct{ out, back Atom }{{AtomBefore, AtomAfter}, {AtomAfter, AtomBefore}} {
		set := kindsWith[way.out]
		for _, e := range t.graph.units[u].edges {
			if e.kinds&set == 0 {
				continue
			}
			other, ok := t.job(e.other)
			if !ok || !other.waits(job, way.back) {
				continue
			}
			v := inOrder
			if !w.seen[e.other] {
				v = t.follow(e.other, u)
			} else if w.from[e.other] != off {
				v = t.breakCycle(e.other, u)
			}
			if v != inOrder {
				w.seen[u] = false
				return v
			}
		}
	}
	w.from[u] = off
	return inOrder
}

// breakCycle drops the first job on the path from last back to start that is the
// transaction's and does not matter, and says so.
func (t *transaction) breakCycle(start, last UnitID) verdict {
	c := Cycle{Start: t.ref(start)}
	var give UnitID
	for u := last; ; u = t.walk.from[u] {
		c.Path = append(c.Path, t.ref(u))
		if !c.Broken && t.head[u] != 0 && !t.unitMatters(u) {
			c.Broken, give, c.Dropped = true, u, t.ref(u)
		}
		if u == start {
			break
		}
	}
	t.describe(c)
	t.cycles = append(t.cycles, c)
	if !c.Broken {
		return unbreakable
	}
	for t.head[give] != 0 {
		t.drop(t.head[give], true)
	}
	return jobDropped
}

func (t *transaction) ref(u UnitID) JobRef {
	job, _ := t.job(u)
	return JobRef{u, job.typ}
}

func (t *transaction) unitMatters(u UnitID) bool {
	for j := t.head[u]; j != 0; j = t.pending[j].next {
		if t.pending[j].matters {
			return true
		}
	}
	return false
}

// describe logs a cycle in systemd's words.
func (t *transaction) describe(c Cycle) {
	say := func(level Level, text string) {
		t.messages = append(t.messages, Message{level, t.graph.units[c.Start.Unit].name, text})
	}
	for i, job := range c.Path {
		what := "dependency"
		if i == 0 {
			what = "ordering cycle"
		}
		say(LevelWarning, "Found "+what+" on "+t.graph.jobName(job))
	}
	start := t.graph.jobName(c.Start)
	if c.Broken {
		say(LevelError, "Job "+t.graph.jobName(c.Dropped)+" deleted to break ordering cycle starting with "+start)
	} else {
		say(LevelError, "Unable to break cycle starting with "+start)
	}
}

// jobName is a job as systemd's messages call it, unit/type.
func (g *Graph) jobName(j JobRef) string { return g.units[j.Unit].name + "/" + j.Type.String() }
