package systemctl

import (
	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

// A unitAction is a verb that queues jobs: the manager's method for it, and the job type for EnqueueUnitJob.
type unitAction struct{ verb, method, jobType string }

// unitActions are the verbs of systemd and the names that they had elsewhere (unit_actions of systemctl-start-unit.c).
var unitActions = []unitAction{
	{"start", "StartUnit", "start"},
	{"stop", "StopUnit", "stop"},
	{"condstop", "StopUnit", "stop"}, // ALT Linux
	{"reload", "ReloadUnit", "reload"},
	{"restart", "RestartUnit", "restart"},
	{"try-restart", "TryRestartUnit", "try-restart"},
	{"condrestart", "TryRestartUnit", "try-restart"}, // Red Hat
	{"reload-or-restart", "ReloadOrRestartUnit", "reload-or-restart"},
	{"try-reload-or-restart", "ReloadOrTryRestartUnit", "reload-or-try-restart"},
	{"reload-or-try-restart", "ReloadOrTryRestartUnit", "reload-or-try-restart"}, // systemd before 229
	{"condreload", "ReloadOrTryRestartUnit", "reload-or-try-restart"},            // ALT Linux
	{"force-reload", "ReloadOrTryRestartUnit", "reload-or-try-restart"},          // SysV
}

// exitStatus is the status for a job that the manager has refused.
func exitStatus(err error) int {
	switch {
	case manager.Is(err, manager.AccessDenied, manager.OnlyByDependency, manager.NoIsolation, manager.TransactionIsDestructive):
		return statusNotPermitted
	case manager.Is(err, manager.NoSuchUnit):
		return statusNotInstalled
	case manager.Is(err, manager.JobTypeNotApplicable, manager.NotSupported):
		return statusNotImplemented
	case manager.Is(err, manager.LoadFailed):
		return statusNotConfigured
	}
	return 1
}

// start queues jobs and waits for their end.
func (c *ctl) start(name string, args []string) int {
	if c.wait && name != "start" && name != "restart" {
		return c.Fail("--wait may only be used with the 'start' or 'restart' commands.")
	}
	c.holding = c.wait
	return c.withManager(func(m *manager.Conn) int {
		a, mode, typ := unitAction{name, "StartUnit", "start"}, c.mode(), unit.TypeService
		switch {
		case name == "isolate":
			mode, typ = "isolate", unit.TypeTarget
		default:
			for _, u := range unitActions {
				if u.verb == name {
					a = u
				}
			}
		}
		if c.marked {
			return c.startMarked(m)
		}
		units, globbed, err := c.expand(m, args, typ)
		if err != nil {
			return 1
		}
		if globbed && !c.all && a.jobType == "start" && !c.quiet {
			c.Warnf("Warning: %ssystemctl start called with a glob pattern.%s", c.Colour(applet.HighlightRed), c.Colour(applet.Normal))
			c.Noticef("Hint: unit globs expand to loaded units, so start will usually have no effect.\n" +
				"      Passing --all will also load units which are pulled in by other units.\n" +
				"      See systemctl(1) for more details.")
		}
		return c.enqueue(m, a, units, mode)
	})
}

// jobs waits for jobs as the options say.
func (c *ctl) jobs(m *manager.Conn) *manager.Jobs {
	w := m.WatchJobs(c.Host)
	w.Quiet, w.User = c.quiet, c.scope != systemScope
	return w
}

// enqueue queues a job for each unit, and waits for what the options say.
func (c *ctl) enqueue(m *manager.Conn, a unitAction, units []string, mode string) int {
	status := 0
	w := c.jobs(m)
	var ends *manager.Units
	if c.wait {
		ends = m.WatchUnits(w)
	}
	var stopped []string
	for _, u := range units {
		err := c.enqueueOne(m, a, u, mode, w, ends)
		if err != nil && status == 0 {
			status = exitStatus(err)
		}
		if err == nil && a.method == "StopUnit" {
			stopped = append(stopped, u)
		}
	}
	if !c.noBlock {
		if w.Wait() != nil {
			return 1
		}
		if !c.quiet && !c.noWarn {
			for _, u := range stopped {
				c.warnTriggers(m, u)
			}
		}
	}
	if ends != nil {
		failed, err := ends.Wait()
		switch {
		case err != nil:
			return c.Fail("Failed to wait for units: %s", manager.Text(err))
		case failed && status == 0:
			status = 1
		}
	}
	return status
}

// enqueueOne queues a job for one unit. An error has been told; nil is also for one that does not count.
func (c *ctl) enqueueOne(m *manager.Conn, a unitAction, name, mode string, w *manager.Jobs, ends *manager.Units) error {
	if c.dryRun {
		c.Debugf("Would execute dbus call org.freedesktop.systemd1.Manager %s(%s, %s)", a.method, name, mode)
		return nil
	}
	job, err := c.queueJob(m, a, name, mode)
	if err != nil {
		return c.refused(err, a, name)
	}
	if c.changedOnDisk(m, name) {
		c.warnChanged(name)
	}
	w.Add(job)
	if ends != nil {
		if err := ends.Add(name); err != nil {
			c.Errorf("Failed to watch unit %s: %s", name, manager.Text(err))
			return err
		}
	}
	return nil
}

// queueJob has the manager queue a job, and shows the transaction if it is asked to.
func (c *ctl) queueJob(m *manager.Conn, a unitAction, name, mode string) (job dbus.ObjectPath, err error) {
	if c.showTransaction {
		r, err := m.Manager("EnqueueUnitJob", name, a.jobType, mode)
		if err == nil {
			return c.showJobs(r)
		}
		if !manager.Is(err, manager.UnknownMethod) {
			return "", err
		}
		c.Noticef("--show-transaction not supported by this service manager, proceeding without.")
	}
	r, err := m.Manager(a.method, name, mode)
	if err != nil {
		return "", err
	}
	return job, r.Store(&job)
}

// showJobs tells of the jobs of a transaction.
func (c *ctl) showJobs(r *manager.Reply) (dbus.ObjectPath, error) {
	type queued struct {
		ID      uint32
		Path    dbus.ObjectPath
		Unit    string
		UnitObj dbus.ObjectPath
		Type    string
	}
	var anchor queued
	var others []queued
	if err := r.Store(&anchor.ID, &anchor.Path, &anchor.Unit, &anchor.UnitObj, &anchor.Type, &others); err != nil {
		return "", err
	}
	c.Infof("Enqueued anchor job %d %s/%s.", anchor.ID, anchor.Unit, anchor.Type)
	for _, o := range others {
		c.Infof("Enqueued auxiliary job %d %s/%s.", o.ID, o.Unit, o.Type)
	}
	return anchor.Path, nil
}

// refused tells of a job that was not queued.
func (c *ctl) refused(err error, a unitAction, name string) error {
	if c.action.legacy {
		return err // there are other ways, and whoever takes them tells
	}
	if manager.Is(err, manager.UnitMasked) && (a.method == "TryRestartUnit" || a.method == "ReloadOrTryRestartUnit") {
		c.Debugf("Failed to %s %s, ignoring: %s", a.jobType, name, manager.Text(err))
		return nil
	}
	c.Errorf("Failed to %s %s: %s", a.jobType, name, manager.Text(err))
	if !manager.Is(err, manager.NoSuchUnit, manager.UnitMasked, manager.JobTypeNotApplicable) {
		whose, user, dash := "system", "", ""
		if c.scope != systemScope {
			whose, user = "user", " --user"
		}
		if name[0] == '-' {
			dash = " --"
		}
		c.Errorf("See %s logs and 'systemctl%s status%s %s' for details.", whose, user, dash, name)
	}
	return err
}

func (c *ctl) startMarked(m *manager.Conn) int {
	w := c.jobs(m)
	if c.dryRun {
		return 0
	}
	r, err := m.Manager("EnqueueMarkedJobs")
	if err != nil {
		return c.Fail("Failed to start jobs: %s", manager.Text(err))
	}
	var paths []dbus.ObjectPath
	if err := r.Store(&paths); err != nil {
		return c.Fail("Failed to parse bus message: %s", applet.Cause(err))
	}
	for _, p := range paths {
		w.Add(p)
	}
	if !c.noBlock && w.Wait() != nil {
		return 1
	}
	return 0
}

// changedOnDisk tells whether the manager knows that a unit's files are not those it has read. A unit that is not in memory is not
// loaded for the question, and an error is no answer.
func (c *ctl) changedOnDisk(m *manager.Conn, name string) bool {
	r, err := m.Manager("GetUnit", name)
	if err != nil {
		return false
	}
	var path dbus.ObjectPath
	if r.Store(&path) != nil {
		return false
	}
	changed, err := m.GetBool(path, manager.Unit, "NeedDaemonReload")
	return err == nil && changed
}

func (c *ctl) userOption() string {
	if c.scope == systemScope {
		return ""
	}
	return " --user"
}

func (c *ctl) warnChanged(name string) {
	if c.noWarn {
		return
	}
	c.Warnf("Warning: The unit file, source configuration file or drop-ins of %s changed on disk. Run 'systemctl%s daemon-reload' to reload units.",
		name, c.userOption())
}

// warnTriggers tells of what can start a unit again that has been stopped (check_triggering_units of systemctl-util.c).
func (c *ctl) warnTriggers(m *manager.Conn, name string) {
	path := manager.UnitPath(name)
	state, err := m.GetString(path, manager.Unit, "LoadState")
	if err != nil {
		c.Errorf("Failed to get load state of %s: %s", name, manager.Text(err))
		return
	}
	if state == "masked" {
		return
	}
	by, err := m.GetStrings(path, manager.Unit, "TriggeredBy")
	if err != nil {
		c.Errorf("Failed to get triggered by array of %s: %s", name, manager.Text(err))
		return
	}
	first := true
	for _, t := range by {
		state, err := c.activeState(m, t)
		if err != nil {
			return
		}
		if state != "active" && state != "reloading" {
			continue
		}
		if first {
			c.Warnf("Warning: Stopping %s, but it can still be activated by:", name)
			first = false
		}
		c.Warnf("  %s", t)
	}
}
