package graph

// pendingIndex and linkIndex are places in a transaction's lists; 0 is none.
type (
	pendingIndex int32
	linkIndex    int32
)

// pending is a job that a transaction would install.
type pending struct {
	unit    UnitID
	next    pendingIndex // another job of the same unit
	needs   linkIndex    // first link to a job that this one asks for
	askedBy linkIndex    // first link from a job that asks for this one
	typ     JobType
	matters bool // to the anchor
	ignore  bool // ordering
	dropped bool
}

// link says that a job asks for another one (JobDependency in job.h).
type link struct {
	from, to           pendingIndex
	needsPrev, needs   linkIndex // among the links of from
	askedPrev, askedBy linkIndex // among the links to to
	matters            bool
	conflicts          bool
}

// addFlags say how a job is pulled in (TransactionAddFlags in transaction.h of
// systemd 254).
type addFlags uint8

const (
	matters addFlags = 1 << iota
	byConflict
	ignoreRequirements
	ignoreOrder
	startAsRestart // pass a start on as if it were a restart
)

// transaction is a request's jobs while they are being worked out. The graph is
// only read.
type transaction struct {
	graph    *Graph
	mode     JobMode
	anchor   pendingIndex
	pending  []pending
	links    []link
	head     []pendingIndex // by UnitID: its newest job
	order    []UnitID       // in which units entered; some may have left again
	walk     orderWalk
	messages []Message
	cycles   []Cycle
}

func (g *Graph) transaction(mode JobMode) *transaction {
	return &transaction{
		graph: g, mode: mode,
		pending: make([]pending, 1, 16), links: make([]link, 1, 16),
		head: make([]pendingIndex, len(g.units)),
	}
}

// typeSet is a set of JobType.
type typeSet uint16

func types(list ...JobType) typeSet {
	var set typeSet
	for _, t := range list {
		set |= 1 << t
	}
	return set
}

// pulls says what else a job means, in the order in which systemd goes through
// it (transaction_add_job_and_dependencies in transaction.c). A rule without a
// text must succeed, except for units to which the job is not applicable; with one,
// failure is logged and going on without is fine.
var pulls = []struct {
	by      typeSet
	atom    Atom
	job     JobType
	flags   addFlags
	ignored string
	quiet   bool // about units that are missing, masked or not suited
}{
	{by: types(JobStart, JobRestart), atom: AtomPullInStart, job: JobStart, flags: matters},
	{by: types(JobStart, JobRestart), atom: AtomPullInStartIgnored, job: JobStart, ignored: "Cannot add dependency job, ignoring: ", quiet: true},
	{by: types(JobStart, JobRestart), atom: AtomPullInVerify, job: JobVerifyActive, flags: matters},
	{by: types(JobStart, JobRestart), atom: AtomPullInStop, job: JobStop, flags: matters | byConflict},
	{by: types(JobStart, JobRestart), atom: AtomPullInStopIgnored, job: JobStop, ignored: "Cannot add dependency job, ignoring: "},
	{by: types(JobStop), atom: AtomPropagateStop, job: JobStop, flags: matters},
	{by: types(JobRestart), atom: AtomPropagateRestart, job: JobTryRestart, flags: matters},
	{by: types(JobReload), atom: AtomPropagatesReloadTo, job: JobTryReload, ignored: "Cannot add dependency reload job, ignoring: "},
}

// add puts a job and all it pulls in into the transaction. by asks for it; the
// job that nobody asks for is the anchor. What a job pulled in before one of its
// requirements turned out impossible stays, as in systemd 252: it is the anchor's
// refusal that undoes everything.
func (t *transaction) add(typ JobType, u UnitID, by pendingIndex, f addFlags) *Error {
	if err := t.graph.mayEnter(typ, u); err != nil {
		return err
	}
	j, isNew := t.jobFor(typ, u)
	if f&ignoreOrder != 0 {
		t.pending[j].ignore = true
	}
	if by != 0 {
		t.link(by, j, f)
	} else {
		t.anchor = j
		t.pending[j].matters = true
	}
	if !isNew || f&ignoreRequirements != 0 {
		return nil
	}
	return t.pull(j, typ, f)
}

// pull adds what job j of type typ means for others. A nop means nothing.
func (t *transaction) pull(j pendingIndex, typ JobType, f addFlags) *Error {
	u := t.pending[j].unit
	as := types(typ)
	if f&startAsRestart != 0 {
		as |= types(JobRestart)
	}
	for i := range pulls {
		rule := &pulls[i]
		if rule.by&as == 0 {
			continue
		}
		set := kindsWith[rule.atom]
		for _, e := range t.graph.units[u].edges {
			if e.kinds&set == 0 {
				continue
			}
			if err := t.passOn(i, e.other, j, f&ignoreOrder); err != nil {
				return err
			}
		}
	}
	return nil
}

// passOn applies one rule of pulls to one unit.
func (t *transaction) passOn(rule int, to UnitID, by pendingIndex, f addFlags) *Error {
	r, n := &pulls[rule], t.graph.units[to]
	typ := r.job.Collapse(n.Active)
	if typ == JobNop {
		return nil
	}
	err := t.add(typ, to, by, f|r.flags)
	switch {
	case err == nil:
		return nil
	case r.ignored == "":
		if err.Code == JobTypeNotApplicable {
			return nil
		}
		return err
	case r.quiet && (err.Code == NoSuchUnit || err.Code == UnitMasked || err.Code == JobTypeNotApplicable):
		return nil
	}
	t.messages = append(t.messages, Message{LevelWarning, n.name, r.ignored + err.Message})
	return nil
}

// mayEnter checks that u is in a state in which a job may be asked of it. A stop
// needs no unit file (bus_unit_validate_load_state in dbus-unit.c).
func (g *Graph) mayEnter(typ JobType, u UnitID) *Error {
	n := g.units[u]
	switch n.Load {
	case Stub, Merged:
		return refuse(LoadFailed, "Unit %s is not loaded properly.", n.name)
	}
	if typ != JobStop {
		switch n.Load {
		case NotFound:
			return refuse(NoSuchUnit, "Unit %s not found.", n.name)
		case BadSetting:
			return refuse(BadUnitSetting, "Unit %s has a bad unit file setting.", n.name)
		case Masked:
			return refuse(UnitMasked, "Unit %s is masked.", n.name)
		case LoadError:
			return loadError(n)
		}
	}
	if !g.applicable(typ, u) {
		return refuse(JobTypeNotApplicable, "Job type %s is not applicable for unit %s.", typ, n.name)
	}
	return nil
}

func loadError(n *node) *Error {
	code, cause := LoadFailed, "Unknown error"
	if n.LoadCause != nil {
		code, cause = n.LoadCause.Code, n.LoadCause.Message
	}
	return refuse(code, "Unit %s failed to load properly, please adjust/correct and reload service manager: %s", n.name, cause)
}

// jobFor gives the job of this type for u, and makes it if there is none.
func (t *transaction) jobFor(typ JobType, u UnitID) (j pendingIndex, isNew bool) {
	first := t.head[u]
	for j := first; j != 0; j = t.pending[j].next {
		if t.pending[j].typ == typ {
			return j, false
		}
	}
	if first == 0 {
		t.order = append(t.order, u)
	}
	j = pendingIndex(len(t.pending))
	t.pending = append(t.pending, pending{unit: u, typ: typ, next: first})
	t.head[u] = j
	return j, true
}

// link notes that job from asks for job to.
func (t *transaction) link(from, to pendingIndex, f addFlags) {
	l := linkIndex(len(t.links))
	needs, asked := t.pending[from].needs, t.pending[to].askedBy
	t.links = append(t.links, link{
		from: from, to: to, needs: needs, askedBy: asked,
		matters: f&matters != 0, conflicts: f&byConflict != 0,
	})
	t.links[needs].needsPrev, t.links[asked].askedPrev = l, l
	t.pending[from].needs, t.pending[to].askedBy = l, l
}

// unlink takes a link out of the lists of both its jobs.
func (t *transaction) unlink(i linkIndex) {
	l := t.links[i]
	if l.needsPrev != 0 {
		t.links[l.needsPrev].needs = l.needs
	} else {
		t.pending[l.from].needs = l.needs
	}
	if l.askedPrev != 0 {
		t.links[l.askedPrev].askedBy = l.askedBy
	} else {
		t.pending[l.to].askedBy = l.askedBy
	}
	t.links[l.needs].needsPrev = l.needsPrev
	t.links[l.askedBy].askedPrev = l.askedPrev
}

// drop takes a job out, and if asked also every job to which it mattered.
func (t *transaction) drop(j pendingIndex, withAskers bool) {
	p := &t.pending[j]
	p.dropped = true
	if t.head[p.unit] == j {
		t.head[p.unit] = p.next
	} else {
		k := t.head[p.unit]
		for t.pending[k].next != j {
			k = t.pending[k].next
		}
		t.pending[k].next = p.next
	}
	if _, still := t.job(p.unit); still {
		t.walk.reshaped = true
	}
	for p.needs != 0 {
		t.unlink(p.needs)
	}
	for p.askedBy != 0 {
		l := t.links[p.askedBy]
		t.unlink(p.askedBy)
		if withAskers && l.matters && !t.pending[l.from].dropped {
			t.drop(l.from, true)
		}
	}
}
