package bus

import (
	"cmp"
	"slices"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
)

// Jobs as objects (src/core/dbus-job.c).

// unitLink is (so).
type unitLink struct {
	Name string
	Path dbus.ObjectPath
}

func jobTable() iface {
	return iface{
		name: jobInterface,
		properties: rows(
			row("Id", "u", constant, func(s *subject) any { return uint32(s.job.ID) }),
			row("Unit", "(so)", constant, func(s *subject) any { return unitLink{s.u.Name, unitPath(s.u.Name)} }),
			row("JobType", "s", constant, func(s *subject) any { return s.job.Type.String() }),
			row("State", "s", changes, func(s *subject) any { return s.job.State.String() }),
			row("ActivationDetails", "a(ss)", constant, func(s *subject) any { return activation(s.u.Activation) }),
		),
		methods: []method{
			{name: "Cancel", call: func(c *call) {
				id, _ := parseJobPath(c.path)
				cancelJob(c, id)
			}},
			{name: "GetAfter", out: "a(usssoo)", names: "jobs", call: func(c *call) {
				id, _ := parseJobPath(c.path)
				c.reply(c.neighbours(id, true))
			}},
			{name: "GetBefore", out: "a(usssoo)", names: "jobs", call: func(c *call) {
				id, _ := parseJobPath(c.path)
				c.reply(c.neighbours(id, false))
			}},
		},
	}
}

func cancelJob(c *call, id graph.JobID) {
	c.request(supervise.Request{Verb: supervise.VerbCancelJob, Job: id}, func(supervise.Reply) { c.reply() })
}

// jobLine is one job as ListJobs has it.
type jobLine struct {
	ID                uint32
	Unit, Type, State string
	Path, UnitPath    dbus.ObjectPath
}

func jobLineOf(g *graph.Graph, j graph.Job) jobLine {
	name := g.Name(j.Unit)
	return jobLine{uint32(j.ID), name, j.Type.String(), j.State.String(), jobPath(j.ID), unitPath(name)}
}

// neighbours are the jobs that wait for a job (after), or that it waits for: job_get_after and job_get_before of
// src/core/job.c. Of two ordered units a stop goes first, and two stops go the other way round (job_compare).
func (c *call) neighbours(id graph.JobID, after bool) []jobLine {
	g := c.Machine().Graph()
	list := []jobLine{}
	j, ok := g.Job(id)
	if !ok || j.IgnoreOrder || j.Type == graph.JobNop {
		return list
	}
	stops := func(t graph.JobType) bool { return t == graph.JobStop || t == graph.JobRestart }
	seen := map[graph.JobID]bool{}
	for _, atom := range [...]graph.Atom{graph.AtomBefore, graph.AtomAfter} {
		for other := range g.Each(j.Unit, atom) {
			o, ok := g.JobOf(other)
			if !ok || o.IgnoreOrder || seen[o.ID] {
				continue
			}
			first := !stops(o.Type) // j goes before o
			if atom == graph.AtomAfter {
				first = stops(j.Type)
			}
			if first == after {
				seen[o.ID] = true
				list = append(list, jobLineOf(g, o))
			}
		}
	}
	slices.SortFunc(list, func(a, b jobLine) int { return cmp.Compare(a.ID, b.ID) })
	return list
}
