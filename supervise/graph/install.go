package graph

import (
	"cmp"
	"slices"
)

// install makes the transaction's jobs the graph's (transaction_apply in
// transaction.c).
func (t *transaction) install(o *Outcome) {
	g := t.graph
	log := &o.Events
	if t.mode == ModeIsolate || t.mode == ModeFlush {
		// Not recursively: what depends on them is not to fail for it.
		for _, j := range g.installed() {
			if !g.units[j.Unit].IgnoreOnIsolate && t.head[j.Unit] == 0 {
				g.end(log, j, ResultCanceled, false, false)
			}
		}
	}
	for _, u := range t.order {
		i := t.head[u]
		if i == 0 {
			continue
		}
		p := &t.pending[i]
		lateMerge := t.mode != ModeRestartDependencies || i != t.anchor
		j := g.installJob(log, Job{
			Unit: u, Type: p.typ, IgnoreOrder: p.ignore, Irreversible: t.mode == ModeReplaceIrreversibly,
		}, lateMerge)
		if i == t.anchor {
			o.Anchor = j.ID
		}
		o.Affected = append(o.Affected, j.ID)
		g.queue(j)
	}
}

// installed is all installed jobs in the order of their ids.
func (g *Graph) installed() []*Job {
	list := make([]*Job, 0, len(g.jobs))
	for _, j := range g.jobs {
		list = append(list, j)
	}
	slices.SortFunc(list, func(a, b *Job) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// slot is where the unit keeps a job of this type.
func (n *node) slot(t JobType) **Job {
	if t == JobNop {
		return &n.nop
	}
	return &n.job
}

// installJob puts a job on its unit: in place of a conflicting one, as part of one
// that it merges with, or else as it is. A running job that does not include the
// new one is run again, merged. A running reload never does: it may have read
// what it reloads before that changed. lateMerge false makes it run again in any
// case (job_install in job.c; the last in systemd 254).
func (g *Graph) installJob(log *[]Event, job Job, lateMerge bool) *Job {
	n := g.units[job.Unit]
	slot := n.slot(job.Type)
	if old := *slot; old != nil {
		if !old.Type.conflicts(job.Type) {
			included := lateMerge && job.Type != JobReload && old.Type.includes(job.Type)
			old.Type, _ = mergeFor(n.Active, old.Type, job.Type)
			old.Irreversible = old.Irreversible || job.Irreversible
			old.IgnoreOrder = old.IgnoreOrder || job.IgnoreOrder
			if !included {
				old.State = JobWaiting
			}
			if job.IgnoreOrder {
				g.wakeNeighbours(job.Unit) // they need not wait any more; systemd lets them
			}
			*log = append(*log, Event{Kind: JobChanged, Job: *old})
			return old
		}
		g.end(log, old, ResultCanceled, false, false)
	}
	j := new(Job)
	*j = job
	g.lastJob++
	j.ID = g.lastJob
	*slot = j
	g.jobs[j.ID] = j
	*log = append(*log, Event{Kind: JobNew, Job: *j})
	g.considerIdle(j)
	return j
}

// Restore installs a job as it was, with its id, its state and whether it was
// pinned, for a graph that takes over from another one. It refuses a unit or an id
// that has a job already, and a type that cannot be installed (job_install_deserialized
// and job_coldplug in job.c).
func (g *Graph) Restore(job Job) error {
	n := g.units[job.Unit]
	if job.Type > JobNop {
		return refuse(InvalidArgs, "Job type %s cannot be installed for unit %s.", job.Type, n.name)
	}
	slot := n.slot(job.Type)
	if *slot != nil {
		return refuse(InvalidArgs, "Unit %s has a job installed already.", n.name)
	}
	if job.ID == 0 || g.jobs[job.ID] != nil {
		return refuse(InvalidArgs, "Job ID %d is in use already.", job.ID)
	}
	j := new(Job)
	*j = job
	j.place, j.idle = 0, false
	*slot = j
	g.jobs[j.ID] = j
	g.lastJob = max(g.lastJob, j.ID)
	if j.State == JobWaiting && !j.Again {
		g.queue(j)
	}
	g.considerIdle(j)
	return nil
}
