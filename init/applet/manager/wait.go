package manager

import (
	"errors"
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
)

// jobEnd is how a job ended.
type jobEnd struct {
	path         dbus.ObjectPath
	unit, result string
}

// errJob is a job that did not end well; what is to be said has been said.
var errJob = errors.New("job failed")

// Jobs waits for jobs to end, and tells what went wrong. It listens from before the first job is queued: a job may have ended when the
// manager's answer to its start is read.
type Jobs struct {
	// Quiet keeps it from telling; User is for the manager of a user, where commands to look further are named.
	Quiet, User bool

	h       *applet.Host
	m       *Conn
	ended   []jobEnd
	waiting map[dbus.ObjectPath]bool
	next    func(Signal)
}

// WatchJobs begins to listen; the connection is watched by nobody else.
func (c *Conn) WatchJobs(h *applet.Host) *Jobs {
	w := &Jobs{h: h, m: c, waiting: map[dbus.ObjectPath]bool{}}
	c.Watch = w.signal
	c.Subscribe("JobRemoved")
	return w
}

// Subscribe asks for a signal of the manager's. It sends them to every client that is connected to it, but a message bus has to be told.
// Where that is refused the signal will not come.
func (c *Conn) Subscribe(member string) {
	if !c.OnBus {
		return
	}
	err := c.match("path='" + string(Root) + "',interface='" + Interface + "',member='" + member + "'")
	if err == nil {
		_ = c.Post(Destination, Root, Interface, "Subscribe")
	}
}

// SubscribeUnit asks for changes of a unit's properties.
func (c *Conn) SubscribeUnit(path dbus.ObjectPath) error {
	if c.OnBus {
		if err := c.match("path='" + string(path) + "',interface='" + properties + "',member='PropertiesChanged'"); err != nil {
			return err
		}
	}
	return c.Post(Destination, Root, Interface, "Subscribe")
}

// match asks a message bus for signals of the manager's.
func (c *Conn) match(rule string) error {
	_, err := c.Call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch", "type='signal',sender='"+Destination+"',"+rule)
	return err
}

func (w *Jobs) signal(s Signal) {
	if s.Member == "JobRemoved" && s.Interface == Interface {
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

// Add waits for one more job.
func (w *Jobs) Add(job dbus.ObjectPath) { w.waiting[job] = true }

// Also hands all signals on to f as well.
func (w *Jobs) Also(f func(Signal)) { w.next = f }

// Wait waits for all jobs and tells how they ended. The error is that of the first that failed, or of the connection; it has been told.
func (w *Jobs) Wait() error {
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
				if !w.Quiet {
					w.tell(e)
				}
				if first == nil {
					first = errJob
				}
			}
		}
		if len(w.waiting) == 0 {
			return first
		}
		if err := w.m.Next(); err != nil {
			w.h.Errorf("Warning! D-Bus connection terminated.")
			w.h.Errorf("Failed to wait for response: %s", applet.Cause(err))
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

func (w *Jobs) tell(e jobEnd) {
	if text, ok := results[e.result]; ok {
		w.h.Errorf(text, e.unit)
		return
	}
	if !strings.HasSuffix(e.unit, ".service") {
		w.h.Errorf("Job failed. See \"journalctl -xe\" for details.")
		return
	}
	result, err := w.m.GetString(UnitPath(e.unit), Service, "Result")
	if err != nil {
		w.h.Debugf("Failed to get Result property of unit %s: %s", e.unit, Text(err))
	}
	because := ""
	if cause, ok := causes[result]; ok {
		because = " because " + cause
	}
	name, systemctl, journalctl := applet.Quote(e.unit, false), "systemctl", "journalctl"
	if w.User {
		systemctl, journalctl = "systemctl --user", "journalctl --user"
	}
	w.h.Errorf("Job for %s failed%s.\nSee \"%s status %s\" and \"%s -xeu %s\" for details.\n", e.unit, because, systemctl, name, journalctl, name)
	if result == "start-limit-hit" {
		w.h.Infof("To force a start use \"%[1]s reset-failed %[2]s\"\nfollowed by \"%[1]s start %[2]s\" again.", systemctl, name)
	}
}

// Units waits for units to become inactive (BusWaitForUnits of src/shared/bus-wait-for-units.c).
type Units struct {
	// Maintenance waits for the end of a cleaning or freezing, not for the unit to become inactive.
	Maintenance bool

	m      *Conn
	units  map[dbus.ObjectPath]*unitState
	failed bool
}

// unitState is what is known of a unit that is waited for.
type unitState struct {
	active, clean string
	job           uint32
}

// WatchUnits begins to listen, behind jobs if that is not nil.
func (c *Conn) WatchUnits(jobs *Jobs) *Units {
	u := &Units{m: c, units: map[dbus.ObjectPath]*unitState{}}
	if jobs != nil {
		jobs.next = u.signal
	} else {
		c.Watch = u.signal
	}
	// A manager that is not asked does not send changes of properties. One that cannot is waited for in vain, as by systemd's client.
	_ = c.Post(Destination, Root, Interface, "Subscribe")
	return u
}

// Add waits for one more unit. The manager keeps it in memory meanwhile; where it cannot, for want of a name to remember its client by,
// the unit may be forgotten, and then counts as inactive.
func (u *Units) Add(name string) error {
	path := UnitPath(name)
	if err := u.m.Post(Destination, path, Unit, "Ref"); err != nil {
		return err
	}
	if u.m.OnBus {
		if err := u.m.match("path='" + string(path) + "',interface='" + properties + "',member='PropertiesChanged'"); err != nil {
			return err
		}
	}
	u.units[path] = &unitState{job: ^uint32(0)}
	all, err := u.m.GetAll(path, "")
	if err != nil {
		if !Refused(err) {
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

func (u *Units) set(path dbus.ObjectPath, name string, v dbus.Variant) {
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
func (u *Units) check(path dbus.ObjectPath) {
	s := u.units[path]
	switch {
	case s == nil:
	case u.Maintenance:
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

func (u *Units) signal(s Signal) {
	if s.Member != "PropertiesChanged" || u.units[s.Path] == nil {
		return
	}
	var iface string
	var changed map[string]dbus.Variant
	var invalidated []string
	if dbus.Store(s.Body, &iface, &changed, &invalidated) != nil || iface != Unit && !u.Maintenance {
		return
	}
	for name, v := range changed {
		u.set(s.Path, name, v)
	}
	u.check(s.Path)
}

// Wait waits for all units. failed tells whether one of them failed.
func (u *Units) Wait() (failed bool, err error) {
	for len(u.units) > 0 {
		if err := u.m.Next(); err != nil {
			return u.failed, err
		}
	}
	return u.failed, nil
}
