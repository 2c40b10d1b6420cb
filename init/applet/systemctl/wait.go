package systemctl

import (
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// jobEnd is how a job ended.
type jobEnd struct {
	path         dbus.ObjectPath
	unit, result string
}

// jobWait waits for jobs to end. It listens from before the first job is queued: a job may have ended when the manager's answer to its
// start is read.
type jobWait struct {
	c       *ctl
	m       *manager.Conn
	ended   []jobEnd
	waiting map[dbus.ObjectPath]bool
	next    func(manager.Signal)
}

// watchJobs begins to listen. With --no-block nothing is waited for, and nobody listens.
func (c *ctl) watchJobs(m *manager.Conn) *jobWait {
	w := &jobWait{c: c, m: m, waiting: map[dbus.ObjectPath]bool{}}
	if c.noBlock {
		return w
	}
	m.Watch = w.signal
	c.subscribe(m, "JobRemoved")
	return w
}

func (w *jobWait) signal(s manager.Signal) {
	if s.Member == "JobRemoved" && s.Interface == manager.Interface {
		var e jobEnd
		var id uint32
		if dbus.Store(s.Body, &id, &e.path, &e.unit, &e.result) == nil {
			w.ended = append(w.ended, e)
		}
	}
	if w.next != nil {
		w.next(s)
	}
}

// add waits for one more job.
func (w *jobWait) add(job dbus.ObjectPath) { w.waiting[job] = true }

// wait waits for all jobs and tells how they ended. The error is that of the first that failed, or of the connection.
func (w *jobWait) wait() error {
	var first error
	for {
		for len(w.ended) > 0 {
			e := w.ended[0]
			w.ended = w.ended[1:]
			if !w.waiting[e.path] {
				continue
			}
			delete(w.waiting, e.path)
			if e.result != "done" && e.result != "skipped" {
				if !w.c.quiet {
					w.tell(e)
				}
				if first == nil {
					first = errFailed
				}
			}
		}
		if len(w.waiting) == 0 {
			return first
		}
		if err := w.m.Next(); err != nil {
			w.c.Errorf("Warning! D-Bus connection terminated.")
			w.c.Errorf("Failed to wait for response: %s", applet.Cause(err))
			return err
		}
	}
}

// results are what is said of a job that ended otherwise (check_wait_response of src/shared/bus-wait-for-jobs.c).
var results = map[string]string{
	"canceled":    "Job for %s canceled.",
	"timeout":     "Job for %s timed out.",
	"dependency":  "A dependency job for %s failed. See 'journalctl -xe' for details.",
	"invalid":     "%s is not active, cannot reload.",
	"assert":      "Assertion failed on job for %s.",
	"unsupported": "Operation on or unit type of %s not supported on this system.",
	"collected":   "Queued job for %s was garbage collected.",
	"once":        "Unit %s was started already once and can't be started again.",
}

// causes are what is said of a service's result.
var causes = map[string]string{
	"resources":       "of unavailable resources or another system error",
	"protocol":        "the service did not take the steps required by its unit configuration",
	"timeout":         "a timeout was exceeded",
	"exit-code":       "the control process exited with error code",
	"signal":          "a fatal signal was delivered to the control process",
	"core-dump":       "a fatal signal was delivered causing the control process to dump core",
	"watchdog":        "the service failed to send watchdog ping",
	"start-limit-hit": "start of the service was attempted too often",
	"oom-kill":        "of an out-of-memory (OOM) siutation", // sic
}

func (w *jobWait) tell(e jobEnd) {
	c := w.c
	if text, ok := results[e.result]; ok {
		c.Errorf(text, e.unit)
		return
	}
	if !strings.HasSuffix(e.unit, ".service") {
		c.Errorf("Job failed. See \"journalctl -xe\" for details.")
		return
	}
	result, err := w.m.GetString(manager.UnitPath(e.unit), manager.Service, "Result")
	if err != nil {
		c.Debugf("Failed to get Result property of unit %s: %s", e.unit, manager.Text(err))
	}
	because := ""
	if cause, ok := causes[result]; ok {
		because = " because " + cause
	}
	name, systemctl, journalctl := applet.Quote(e.unit, false), "systemctl", "journalctl"
	if c.scope != systemScope {
		systemctl, journalctl = "systemctl --user", "journalctl --user"
	}
	c.Errorf("Job for %s failed%s.\nSee \"%s status %s\" and \"%s -xeu %s\" for details.\n", e.unit, because, systemctl, name, journalctl, name)
	if result == "start-limit-hit" {
		c.Infof("To force a start use \"%[1]s reset-failed %[2]s\"\nfollowed by \"%[1]s start %[2]s\" again.", systemctl, name)
	}
}

// unitWait waits for units to become inactive (BusWaitForUnits of src/shared/bus-wait-for-units.c), or with maintenance for the end of
// a cleaning or freezing.
type unitWait struct {
	m           *manager.Conn
	maintenance bool
	units       map[dbus.ObjectPath]*unitState
	failed      bool
}

// unitState is what is known of a unit that is waited for.
type unitState struct {
	active, clean string
	job           uint32
}

// watchUnits begins to listen, behind jobs.
func (c *ctl) watchUnits(m *manager.Conn, jobs *jobWait) *unitWait {
	u := &unitWait{m: m, units: map[dbus.ObjectPath]*unitState{}}
	if jobs != nil {
		jobs.next = u.signal
	} else {
		m.Watch = u.signal
	}
	if err := m.Post(manager.Destination, manager.Root, manager.Interface, "Subscribe"); err != nil {
		c.Debugf("Failed to subscribe: %s", applet.Cause(err))
	}
	return u
}

// add waits for one more unit. The manager keeps it in memory meanwhile; where it cannot, for want of a name to remember its client by,
// the unit may be forgotten, and then counts as inactive.
func (u *unitWait) add(name string) error {
	path := manager.UnitPath(name)
	if err := u.m.Post(manager.Destination, path, manager.Unit, "Ref"); err != nil {
		return err
	}
	if u.m.OnBus {
		_, err := u.m.Call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch",
			"type='signal',sender='org.freedesktop.systemd1',path='"+string(path)+"',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'")
		if err != nil {
			return err
		}
	}
	u.units[path] = &unitState{job: ^uint32(0)}
	all, err := u.m.GetAll(path, "")
	if err != nil {
		if !manager.Refused(err) {
			return err
		}
		u.failed = true
		delete(u.units, path)
		return nil
	}
	for _, p := range all {
		u.set(path, p.Name, p.Value)
	}
	u.check(path)
	return nil
}

func (u *unitWait) set(path dbus.ObjectPath, name string, v dbus.Variant) {
	s := u.units[path]
	if s == nil {
		return
	}
	switch name {
	case "ActiveState":
		s.active, _ = v.Value().(string)
	case "CleanResult":
		s.clean, _ = v.Value().(string)
	case "Job":
		if j, ok := v.Value().([]any); ok && len(j) == 2 {
			s.job, _ = j[0].(uint32)
		}
	}
}

// check forgets a unit that is where it was to go.
func (u *unitWait) check(path dbus.ObjectPath) {
	s := u.units[path]
	switch {
	case s == nil:
	case u.maintenance:
		u.failed = u.failed || s.clean != "" && s.clean != "success"
		if s.active != "" && s.active != "maintenance" {
			delete(u.units, path)
		}
	case s.job != 0:
	case s.active == "failed":
		u.failed = true
		delete(u.units, path)
	case s.active == "inactive":
		delete(u.units, path)
	}
}

func (u *unitWait) signal(s manager.Signal) {
	if s.Member != "PropertiesChanged" || u.units[s.Path] == nil {
		return
	}
	var iface string
	var changed map[string]dbus.Variant
	var invalidated []string
	if dbus.Store(s.Body, &iface, &changed, &invalidated) != nil || iface != manager.Unit && !u.maintenance {
		return
	}
	for name, v := range changed {
		u.set(s.Path, name, v)
	}
	u.check(s.Path)
}

// wait waits for all units. failed tells whether one of them failed.
func (u *unitWait) wait() (failed bool, err error) {
	for len(u.units) > 0 {
		if err := u.m.Next(); err != nil {
			return u.failed, err
		}
	}
	return u.failed, nil
}
