package bus

import (
	"maps"
	"slices"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The methods of units: each does what the manager's method of similar name does, for the unit of the object (src/core/dbus-unit.c).

const (
	enqueueResult = "uososa(uosos)"
	enqueueNames  = "job_id job_path unit_id unit_path job_type affected_jobs"
)

func unitMethods() []method {
	start := func(name string, how enqueue) method {
		return method{name: name, in: "s", out: "o", names: "mode job", call: func(c *call) { startUnit(c, c.unitName(), c.str(0), how) }}
	}
	onUnit := func(name, in, names string, f func(c *call, name string)) method {
		return method{name: name, in: in, names: names, call: func(c *call) { f(c, c.unitName()) }}
	}
	return []method{
		start("Start", enqueueStart),
		start("Stop", enqueueStop),
		start("Reload", enqueueReload),
		start("Restart", enqueueRestart),
		start("TryRestart", enqueueTryRestart),
		start("ReloadOrRestart", enqueueReloadOrRestart),
		start("ReloadOrTryRestart", enqueueReloadOrTryRestart),
		{name: "EnqueueJob", in: "ss", out: enqueueResult, names: "job_type job_mode " + enqueueNames, call: func(c *call) {
			enqueueJob(c, c.unitName(), c.str(0), c.str(1))
		}},
		onUnit("Kill", "si", "whom signal", func(c *call, name string) { killUnit(c, name, c.str(0), c.args[1].(int32), nil) }),
		onUnit("QueueSignal", "sii", "whom signal value", func(c *call, name string) {
			value := c.args[2].(int32)
			killUnit(c, name, c.str(0), c.args[1].(int32), &value)
		}),
		onUnit("ResetFailed", "", "", resetFailedUnit),
		onUnit("SetProperties", "ba(sv)", "runtime properties", func(c *call, name string) {
			setUnitProperties(c, name, c.boolean(0), c.args[1])
		}),
		onUnit("Ref", "", "", refUnit),
		onUnit("Unref", "", "", unrefUnit),
		onUnit("Clean", "as", "mask", func(c *call, name string) { cleanUnit(c, name, c.strings(0)) }),
		onUnit("Freeze", "", "", freezeUnit),
		onUnit("Thaw", "", "", freezeUnit),
	}
}

// unitName is the name of the object's unit; of an invocation id that nobody has it is the id, which is no unit's name.
func (c *call) unitName() string {
	if u, ok := c.Machine().UnitByInvocation(c.unit); ok {
		return u.Name
	}
	return c.unit
}

func cgroupMethods() []method {
	return []method{
		{name: "GetProcesses", out: "a(sus)", names: "processes", call: func(c *call) { getProcesses(c, c.unitName()) }},
		{name: "AttachProcesses", in: "sau", names: "subcgroup pids", call: func(c *call) { attachProcesses(c, c.unitName()) }},
	}
}

func serviceMethods() []method {
	return []method{
		{name: "BindMount", in: "ssbb", names: "source destination read_only mkdir", call: func(c *call) { bindMount(c, c.unitName()) }},
		{name: "MountImage", in: "ssbba(ss)", names: "source destination read_only mkdir options", call: func(c *call) { bindMount(c, c.unitName()) }},
	}
}

func scopeMethods() []method {
	return []method{{name: "Abandon", call: func(c *call) { abandonScope(c, c.unitName()) }}}
}

// enqueue is a kind of job that a client can ask for.
type enqueue struct {
	job    graph.JobType
	reload bool // if the unit can
}

var (
	enqueueStart              = enqueue{graph.JobStart, false}
	enqueueStop               = enqueue{graph.JobStop, false}
	enqueueReload             = enqueue{graph.JobReload, false}
	enqueueRestart            = enqueue{graph.JobRestart, false}
	enqueueTryRestart         = enqueue{graph.JobTryRestart, false}
	enqueueReloadOrRestart    = enqueue{graph.JobRestart, true}
	enqueueReloadOrTryRestart = enqueue{graph.JobTryRestart, true}
)

// startUnit enqueues a job (bus_unit_method_start_generic).
func startUnit(c *call, name, mode string, how enqueue) {
	c.enqueue(name, mode, how, "", func(r supervise.Reply) { c.reply(jobPath(r.Job)) })
}

func (c *call) enqueue(name, mode string, how enqueue, replaces string, done func(supervise.Reply)) {
	if err := validUnit(name); err != nil {
		c.fail(err)
		return
	}
	m, ok := graph.ParseJobMode(mode)
	if !ok {
		c.fail(faultf(faultInvalidArgs, "Job mode %s invalid", mode))
		return
	}
	c.request(supervise.Request{
		Verb: supervise.VerbEnqueue, Unit: name, Mode: m, JobType: how.job, ReloadIfPossible: how.reload, Replaces: replaces,
	}, func(r supervise.Reply) {
		c.track(r.Job)
		done(r)
	})
}

// track has the client of a job told of its end.
func (c *call) track(id graph.JobID) {
	if c.conn.link != nil {
		c.conn.link.tracked[id] = true
	}
}

func startUnitWithFlags(c *call) {
	if flags := c.args[2].(uint64); flags != 0 {
		c.fail(faultf(faultInvalidArgs, "Invalid 'flags' parameter '%d'", flags))
		return
	}
	startUnit(c, c.str(0), c.str(1), enqueueStart)
}

func startUnitReplace(c *call) {
	if old, ok := c.known(c.str(0)); ok {
		c.enqueue(c.str(1), c.str(2), enqueueStart, old.Name, func(r supervise.Reply) { c.reply(jobPath(r.Job)) })
	}
}

// affectedJob is (uosos).
type affectedJob struct {
	ID       uint32
	Path     dbus.ObjectPath
	Unit     string
	UnitPath dbus.ObjectPath
	Type     string
}

// enqueueJob is a start with more of an answer: the job, and all that it brought with it.
func enqueueJob(c *call, name, jobType, mode string) {
	how := enqueue{}
	switch jobType {
	case "reload-or-restart":
		how = enqueueReloadOrRestart
	case "reload-or-try-restart":
		how = enqueueReloadOrTryRestart
	default:
		t, ok := graph.ParseJobType(jobType)
		if !ok {
			c.fail(faultf(faultInvalidArgs, "Job type %s invalid", jobType))
			return
		}
		how.job = t
	}
	c.enqueue(name, mode, how, "", func(r supervise.Reply) {
		g := c.Machine().Graph()
		word := how.job.String()
		affected := []affectedJob{}
		for _, id := range r.Affected {
			j, ok := g.Job(id)
			switch {
			case !ok: // over already
			case id == r.Job:
				word = j.Type.String()
			default:
				affected = append(affected, affectedJob{uint32(j.ID), jobPath(j.ID), g.Name(j.Unit), unitPath(g.Name(j.Unit)), j.Type.String()})
			}
		}
		if u, ok := c.Machine().Unit(name); ok {
			name = u.Name
		}
		c.reply(uint32(r.Job), jobPath(r.Job), name, unitPath(name), word, affected)
	})
}

// killWords are the values of --kill-whom= (kill_who_table in src/core/kill.c).
var killWords = map[string]supervise.KillWho{
	"": supervise.WhoAll, "all": supervise.WhoAll, "main": supervise.WhoMain, "control": supervise.WhoControl,
	"all-fail": supervise.WhoAllFail, "main-fail": supervise.WhoMainFail, "control-fail": supervise.WhoControlFail,
}

// killUnit signals processes of a unit; with a value it is QueueSignalUnit, of systemd 254.
func killUnit(c *call, name, whom string, signal int32, value *int32) {
	u, ok := c.known(name)
	if !ok {
		return
	}
	who, ok := killWords[whom]
	switch {
	case !ok:
		c.fail(faultf(faultInvalidArgs, "Invalid who argument %s", whom))
	case signal <= 0 || signal > int32(unit.SIGRTMAX):
		c.fail(&fault{faultInvalidArgs, "Signal number out of range."})
	case u.Config.Kill == nil:
		c.fail(&fault{faultNotSupported, "Operation not supported"})
	default:
		c.request(supervise.Request{Verb: supervise.VerbKill, Unit: u.Name, Who: who, Signal: unit.Signal(signal), Value: value},
			func(supervise.Reply) { c.reply() })
	}
}

// cleanUnit removes directories of a unit that is down.
func cleanUnit(c *call, name string, what []string) {
	var mask supervise.CleanMask
	for _, w := range what {
		k := index(cleanWords[:], w)
		switch {
		case w == "all":
			mask = 1<<unit.DirectoryKinds - 1
		case k >= 0:
			mask |= 1 << k
		default:
			c.fail(faultf(faultInvalidArgs, "Invalid resource type: %s", w))
			return
		}
	}
	c.loaded(name, func(u *supervise.Unit) {
		c.request(supervise.Request{Verb: supervise.VerbClean, Unit: u.Name, Clean: mask}, func(supervise.Reply) { c.reply() })
	})
}

// loaded is load for what only makes sense with a unit that is loaded properly.
func (c *call) loaded(name string, f func(*supervise.Unit)) {
	if name == "" {
		if u, ok := c.known(name); ok {
			c.validated(u, f)
		}
		return
	}
	c.load(name, func(u *supervise.Unit) { c.validated(u, f) })
}

func (c *call) validated(u *supervise.Unit, f func(*supervise.Unit)) {
	if err := loadFault(c.Machine(), u); err != nil {
		c.fail(err)
		return
	}
	f(u)
}

func freezeUnit(c *call, name string) {
	if u, ok := c.known(name); ok {
		c.fail(faultf(faultNotSupported, "Unit '%s' does not support freezing.", u.Name))
	}
}

func resetFailedUnit(c *call, name string) {
	u, ok := c.known(name)
	if !ok {
		return
	}
	c.request(supervise.Request{Verb: supervise.VerbResetFailed, Unit: u.Name}, func(supervise.Reply) { c.reply() })
}

// bindMount is for services that have a mount namespace which the manager can reach into, and there are none here.
func bindMount(c *call, name string) {
	u, ok := c.known(name)
	if !ok {
		return
	}
	c.validated(u, func(u *supervise.Unit) {
		if u.Service == nil {
			c.fail(&fault{faultInvalidArgs, "Unit is not of type .service"})
			return
		}
		c.fail(&fault{faultInvalidArgs, "Unit not running in private mount namespace, cannot activate bind mount"})
	})
}

// refUnit keeps a unit loaded as long as the client is there, or until it says otherwise.
func refUnit(c *call, name string) {
	c.loaded(name, func(u *supervise.Unit) {
		c.request(supervise.Request{Verb: supervise.VerbRef, Unit: u.Name}, func(supervise.Reply) {
			c.conn.hold(c.sender, u.Name)
			c.reply()
		})
	})
}

// hold notes that a client has a reference to a unit.
func (c *conn) hold(sender, unit string) {
	if c.refs == nil {
		c.refs = map[string]map[string]int{}
	}
	if c.refs[sender] == nil {
		c.refs[sender] = map[string]int{}
	}
	c.refs[sender][unit]++
}

// release gives back all references of a client.
func (c *conn) release(m Manager, sender string) {
	for _, unit := range slices.Sorted(maps.Keys(c.refs[sender])) {
		for range c.refs[sender][unit] {
			m.Request(supervise.Request{Verb: supervise.VerbUnref, Unit: unit}, nil)
		}
	}
	delete(c.refs, sender)
}

func unrefUnit(c *call, name string) {
	u, ok := c.known(name)
	if !ok {
		return
	}
	held := c.conn.refs[c.sender]
	if held[u.Name] == 0 {
		c.fail(&fault{faultNotReferenced, "Unit has not been referenced yet."})
		return
	}
	if held[u.Name]--; held[u.Name] == 0 {
		delete(held, u.Name)
	}
	c.request(supervise.Request{Verb: supervise.VerbUnref, Unit: u.Name}, func(supervise.Reply) { c.reply() })
}

// processLine is (sus).
type processLine struct {
	Group   string
	PID     uint32
	Command string
}

// getProcesses lists a unit's processes with the control group that they are in or, by name, belong to.
func getProcesses(c *call, name string) {
	u, ok := c.known(name)
	if !ok {
		return
	}
	group := ""
	if u.Config.Cgroup != nil {
		group = controlGroup(c.subject(u))
	}
	list := []processLine{}
	for _, p := range c.Processes(u.Name) {
		list = append(list, processLine{group, uint32(p.PID), clean(p.Command)})
	}
	if u.Config.Type == unit.TypeSlice {
		list = append(list, c.sliceProcesses(u)...)
	}
	c.reply(list)
}

// sliceProcesses are those of all units below a slice.
func (c *call) sliceProcesses(u *supervise.Unit) []processLine {
	list := []processLine{}
	for _, id := range c.Machine().Graph().Dependencies(u.ID, graph.SliceOf) {
		child := unitOf(c.Machine(), id)
		if child == nil || child.Config.Cgroup == nil {
			continue
		}
		for _, p := range c.Processes(child.Name) {
			list = append(list, processLine{controlGroup(c.subject(child)), uint32(p.PID), clean(p.Command)})
		}
		list = append(list, c.sliceProcesses(child)...)
	}
	return list
}

func attachProcesses(c *call, name string) {
	u, ok := c.known(name)
	if !ok {
		return
	}
	c.validated(u, func(*supervise.Unit) {
		c.fail(&fault{faultInvalidArgs, "Process migration not available on non-delegated units."})
	})
}

func abandonScope(c *call, name string) {
	u, ok := c.known(name)
	if !ok {
		return
	}
	c.fail(faultf(faultScopeNotRunning, "Scope %s is not running, cannot abandon.", u.Name))
}
