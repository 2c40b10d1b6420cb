package bus

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/init/glob"
	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// Finding and listing units.

func getUnit(c *call) {
	if u, ok := c.known(c.str(0)); ok {
		c.reply(unitPath(u.Name))
	}
}

// processOf is the unit of a PID; that of 0 is the client's.
func (c *call) processOf(pid int) (*supervise.Unit, bool) {
	if pid == 0 {
		pid = c.pid
	}
	name, ok := c.UnitOfPID(pid)
	if !ok {
		return nil, false
	}
	return c.Machine().Unit(name)
}

func getUnitByPID(c *call) {
	pid := c.args[0].(uint32)
	if pid > 1<<31-1 {
		c.fail(faultf(faultInvalidArgs, "Invalid PID %d", int32(pid)))
		return
	}
	u, ok := c.processOf(int(pid))
	if !ok {
		c.fail(faultf(faultNoUnitForPID, "PID %d does not belong to any loaded unit.", pid))
		return
	}
	c.reply(unitPath(u.Name))
}

func getUnitByInvocationID(c *call) {
	b := c.args[0].([]byte)
	if len(b) != 0 && len(b) != 16 {
		c.fail(&fault{faultInvalidArgs, "Invalid invocation ID"})
		return
	}
	id := hex.EncodeToString(b)
	if strings.Trim(id, "0") == "" {
		u, ok := c.processOf(0)
		if !ok {
			c.fail(faultf(faultNoSuchUnit, "Client %d not member of any unit.", c.pid))
			return
		}
		c.reply(unitPath(u.Name))
		return
	}
	u, ok := c.Machine().UnitByInvocation(id)
	if !ok {
		c.fail(faultf(faultNoUnitForInvoc, "No unit with the specified invocation ID %s known.", id))
		return
	}
	c.reply(dbus.ObjectPath(unitPrefix + escapeLabel(u.Name)))
}

func getUnitByControlGroup(c *call) {
	group := strings.TrimSuffix(c.str(0), "/")
	for _, u := range c.Machine().Units() {
		if u.Config.Cgroup == nil {
			continue
		}
		if own := controlGroup(c.subject(u)); own != "" && (group == own || strings.HasPrefix(group, own+"/")) {
			c.reply(unitPath(u.Name))
			return
		}
	}
	c.fail(faultf(faultNoSuchUnit, "Control group '%s' is not valid or not managed by this instance", c.str(0)))
}

func loadUnit(c *call) {
	name := c.str(0)
	if name == "" {
		getUnit(c)
		return
	}
	c.load(name, func(u *supervise.Unit) { c.reply(unitPath(u.Name)) })
}

// unitLines is the type of ListUnits and its kin.
const unitLines = "a(ssssssouso)"

type unitLine struct {
	Name, Description, Load, Active, Sub, Following string
	Path                                            dbus.ObjectPath
	JobID                                           uint32
	JobType                                         string
	JobPath                                         dbus.ObjectPath
}

func (c *call) unitLine(u *supervise.Unit) unitLine {
	m := c.Machine()
	line := unitLine{
		u.Name, description(u), m.Graph().Facts(u.ID).Load.String(), m.Active(u).String(), m.Sub(u), "", unitPath(u.Name), 0, "", "/",
	}
	if j, ok := m.Graph().JobOf(u.ID); ok {
		line.JobID, line.JobType, line.JobPath = uint32(j.ID), j.Type.String(), jobPath(j.ID)
	}
	return line
}

// listUnits lists the units in any of some states, whose names match any of some patterns; none of either is all.
func listUnits(c *call, states, patterns []string) {
	list := []unitLine{}
	for _, u := range c.Machine().Units() {
		line := c.unitLine(u)
		if len(states) > 0 && !slices.Contains(states, line.Load) && !slices.Contains(states, line.Active) && !slices.Contains(states, line.Sub) {
			continue
		}
		if matchAny(patterns, u.Name) {
			list = append(list, line)
		}
	}
	c.reply(list)
}

// listUnitsByNames loads the units that it is asked about.
func listUnitsByNames(c *call) {
	list := []unitLine{}
	wanted := slices.DeleteFunc(slices.Clone(c.strings(0)), func(name string) bool { return !unit.ValidName(name, unit.AnyName) })
	var next func(i int)
	next = func(i int) {
		if i == len(wanted) {
			c.reply(list)
			return
		}
		c.load(wanted[i], func(u *supervise.Unit) {
			list = append(list, c.unitLine(u))
			next(i + 1)
		})
	}
	next(0)
}

func getJob(c *call) {
	id := graph.JobID(c.args[0].(uint32))
	if _, ok := c.Machine().Graph().Job(id); !ok {
		c.fail(noSuchJob(id))
		return
	}
	c.reply(jobPath(id))
}

func noSuchJob(id graph.JobID) *fault { return faultf(faultNoSuchJob, "Job %d does not exist.", id) }

func waitingJobs(c *call, after bool) {
	id := graph.JobID(c.args[0].(uint32))
	if _, ok := c.Machine().Graph().Job(id); !ok {
		c.fail(noSuchJob(id))
		return
	}
	c.reply(c.neighbours(id, after))
}

func cancelJobByID(c *call) { cancelJob(c, graph.JobID(c.args[0].(uint32))) }

func clearJobs(c *call) {
	c.request(supervise.Request{Verb: supervise.VerbClearJobs}, func(supervise.Reply) { c.reply() })
}

func listJobs(c *call) {
	g := c.Machine().Graph()
	list := []jobLine{}
	for _, j := range g.Jobs() {
		list = append(list, jobLineOf(g, j))
	}
	c.reply(list)
}

func resetFailed(c *call) {
	c.request(supervise.Request{Verb: supervise.VerbResetFailed}, func(supervise.Reply) { c.reply() })
}

// matchAny tells whether a name matches any of some patterns; there being none counts as a match.
func matchAny(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return glob.MatchNoEscape(p, name) })
}
