package run

import (
	"math"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// startService makes the service, and waits for what the options say.
func (p *program) startService(m *manager.Conn) int {
	var t *pty
	if p.stdio == stdioPTY {
		var err error
		if t, err = openPTY(); err != nil {
			return p.Fail("Failed to acquire pseudo tty: %s", applet.Cause(err))
		}
		defer t.close()
	}
	name, err := p.name("as unit", unit.TypeService)
	if err != nil {
		return 1
	}
	props, err := p.serviceProperties(t)
	if err != nil {
		return 1
	}
	follow := p.wait || p.stdio != stdioNone
	var w *manager.Jobs
	var e *ending
	if follow {
		e = p.watch(m, name)
		props = append(props, property("AddRef", true))
	}
	if !p.noBlock && p.stdio == stdioNone {
		if w = p.jobs(m); e != nil {
			w.Also(e.signal)
		}
	}
	job, err := start(m, name, props)
	if err != nil && follow {
		// Who has no name on the bus cannot hold a unit. It may be forgotten the moment it ends, but its end is still told.
		job, err = start(m, name, props[:len(props)-1])
	}
	if err != nil {
		return p.Fail("Failed to start transient service unit: %s", manager.Text(err))
	}
	if w != nil {
		w.Add(job)
		if w.Wait() != nil {
			return 1
		}
	}
	p.say("Running as unit: %s", name)
	if !follow {
		return 0
	}
	return p.follow(m, e, t)
}

// ending is what is known of a unit whose end is waited for.
type ending struct {
	path    dbus.ObjectPath
	values  map[string]dbus.Variant
	started bool // there has been something to say of it
}

// watch begins to listen for changes of a unit.
func (p *program) watch(m *manager.Conn, name string) *ending {
	e := &ending{path: manager.UnitPath(name), values: map[string]dbus.Variant{}}
	m.Watch = e.signal
	if err := m.SubscribeUnit(e.path); err != nil {
		p.Debugf("Failed to request properties changed signal match: %s", manager.Text(err))
	}
	return e
}

func (e *ending) signal(s manager.Signal) {
	if s.Path != e.path || s.Member != "PropertiesChanged" {
		return
	}
	var iface string
	var changed map[string]dbus.Variant
	var invalidated []string
	if dbus.Store(s.Body, &iface, &changed, &invalidated) != nil {
		return
	}
	for name, v := range changed {
		e.values[name] = v
		e.started = true
	}
}

// query asks for everything. A unit that has been forgotten meanwhile has nothing new to say.
func (e *ending) query(m *manager.Conn) error {
	all, err := m.GetAll(e.path, "")
	if err != nil {
		return err
	}
	if all.String("LoadState") == "not-found" {
		return nil
	}
	for _, p := range all {
		e.values[p.Name] = p.Value
		e.started = true
	}
	return nil
}

func (e *ending) text(name string) string {
	s, _ := e.values[name].Value().(string)
	return s
}

func (e *ending) number(name string) uint64 {
	switch v := e.values[name].Value().(type) {
	case uint64:
		return v
	case int32:
		return uint64(v)
	}
	return math.MaxUint64
}

// done tells whether the unit is down and has no job.
func (e *ending) done() bool {
	if state := e.text("ActiveState"); state != "inactive" && state != "failed" {
		return false
	}
	job, _ := e.values["Job"].Value().([]any)
	if len(job) != 2 {
		return true
	}
	id, _ := job[0].(uint32)
	return id == 0
}

// follow waits for the service's end. The exit status is the command's.
func (p *program) follow(m *manager.Conn, e *ending, t *pty) int {
	if err := e.query(m); err != nil {
		return p.Fail("Failed to query unit state: %s", manager.Text(err))
	}
	var err error
	if t != nil {
		if !p.quiet {
			p.Infof("Press ^] three times within 1s to disconnect TTY.")
		}
		p.Flush()
		err = t.forward(m, e, p.wait)
	} else {
		for !e.done() && err == nil {
			err = m.Next()
		}
	}
	if err != nil {
		return p.Fail("Failed to run event loop: %s", applet.Cause(err))
	}
	if err := e.query(m); err != nil {
		p.Debugf("Failed to query unit state: %s", manager.Text(err))
	}
	if p.wait && !p.quiet {
		p.summary(e)
	}
	return e.status()
}

// endings are the codes of waitid(2).
var endings = []string{1: "exited", "killed", "dumped"}

// summary tells how it went.
func (p *program) summary(e *ending) {
	const none = math.MaxUint64
	if r := e.text("Result"); r != "" {
		p.Infof("Finished with result: %s", r)
	}
	switch code, status := e.number("ExecMainCode"), e.number("ExecMainStatus"); {
	case code == 1:
		p.Infof("Main processes terminated with: code=exited/status=%d", status)
	case code > 1 && code < uint64(len(endings)):
		p.Infof("Main processes terminated with: code=%s/status=%s", endings[code], unit.Signal(status).Name())
	}
	from, to := e.number("InactiveExitTimestampMonotonic"), e.number("InactiveEnterTimestampMonotonic")
	if from != 0 && from != none && to != none && to > from {
		p.Infof("Service runtime: %s", calendar.Usec(to-from).Format(calendar.Millisecond))
	}
	if n := e.number("CPUUsageNSec"); n != none {
		p.Infof("CPU time consumed: %s", calendar.Usec((n+999)/1000).Format(calendar.Millisecond))
	}
	for _, b := range []struct{ property, text string }{
		{"IPIngressBytes", "IP traffic received"}, {"IPEgressBytes", "IP traffic sent"}, {"IOReadBytes", "IO bytes read"}, {"IOWriteBytes", "IO bytes written"},
	} {
		if n := e.number(b.property); n != none {
			p.Infof("%s: %s", b.text, applet.Bytes(n))
		}
	}
}

// statusException is the exit status for a command that a signal has ended.
const statusException = 255

// status is the exit status for the result.
func (e *ending) status() int {
	switch e.text("Result") {
	case "success":
		return 0
	case "exit-code":
		if n := e.number("ExecMainStatus"); n > 0 && n < 256 {
			return int(n)
		}
	case "signal":
		return statusException
	}
	return 1
}
