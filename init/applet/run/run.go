package run

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

// Main is the program; args[0] is its name.
func Main(args []string, h *applet.Host) int {
	h.Called(args[0])
	defer h.Flush()
	p := &program{Host: h}
	rest, status, ok := h.Read(args[1:], append(h.About(help), p.settings()...), applet.StopAtArgument)
	if !ok {
		return status
	}
	if err := p.settle(rest); err != nil {
		return 1
	}
	if err := p.findCommand(); err != nil {
		return 1
	}
	if p.description == "" {
		if p.description = strings.Join(p.command, " "); p.description == "" {
			p.description = p.unit
		}
	}
	m, err := p.connect()
	if err != nil {
		return 1
	}
	defer m.Close()
	switch {
	case p.scope:
		return p.startScope(m)
	case len(p.pathProperties) > 0:
		return p.startTrigger(m, unit.TypePath, p.pathProperties)
	case len(p.socketProperties) > 0:
		return p.startTrigger(m, unit.TypeSocket, p.socketProperties)
	case p.timer:
		return p.startTrigger(m, unit.TypeTimer, p.timerProperties)
	}
	return p.startService(m)
}

// connect connects to the manager; a failure has been told.
func (p *program) connect() (*manager.Conn, error) {
	switch {
	case p.remote != "":
		return nil, p.Tell("Failed to connect to bus: %s", applet.Errno(syscall.EHOSTDOWN)) // there are no other machines
	case p.user:
		m, err := manager.DialUser(p.Host)
		if err != nil {
			p.Errorf("Failed to connect to bus: %s", applet.Cause(err))
		}
		return m, err
	}
	return manager.Connect(p.Host, p.wait || p.stdio != stdioNone)
}

// otherRoots are properties that make the command's path one of another file system.
var otherRoots = []string{"RootDirectory=", "RootImage=", "ExecSearchPath=", "MountImages=", "ExtensionImages="}

// findCommand makes the command's path absolute by the caller's $PATH, so that a wrong one fails here.
func (p *program) findCommand() error {
	if len(p.command) == 0 {
		return nil
	}
	for _, prop := range p.properties {
		for _, o := range otherRoots {
			if strings.HasPrefix(prop, o) {
				return nil
			}
		}
	}
	path, err := applet.FindProgram(p.Host, p.command[0])
	switch {
	case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES):
		return nil // the manager may be allowed
	case err != nil:
		return p.Tell("Failed to find executable %s: %s", p.command[0], applet.Cause(err))
	}
	if path, err = filepath.Abs(path); err != nil {
		return p.Tell("Failed to find executable %s: %s", p.command[0], applet.Cause(err))
	}
	p.command = append([]string{path}, p.command[1:]...)
	return nil
}

// randomName is a name for a unit that was given none.
func randomName(t unit.Type) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it does not fail (crypto/rand)
	return "run-r" + hex.EncodeToString(b[:]) + t.Suffix()
}

// auxiliary is a unit that is made beside another.
type auxiliary struct {
	Name       string
	Properties []sd.Property
}

// start has the manager make a unit and start it.
func start(m *manager.Conn, name string, props []sd.Property, others ...auxiliary) (job dbus.ObjectPath, err error) {
	if others == nil {
		others = []auxiliary{}
	}
	r, err := m.Manager("StartTransientUnit", name, "fail", props, others)
	if err != nil {
		return "", err
	}
	return job, r.Store(&job)
}

func (p *program) jobs(m *manager.Conn) *manager.Jobs {
	w := m.WatchJobs(p.Host)
	w.Quiet = p.quiet
	return w
}

// say tells what happens, unless --quiet.
func (p *program) say(format string, args ...any) {
	if !p.quiet {
		p.Infof(format, args...)
	}
}

// name is the unit's, of a type that is said if it is not.
func (p *program) name(operation string, t unit.Type) (string, error) {
	if p.unit == "" {
		return randomName(t), nil
	}
	name, err := p.Mangle(p.unit, operation, false, t, p.quiet)
	if err != nil {
		return "", p.Tell("Failed to mangle unit name: Invalid argument")
	}
	return name, nil
}

// startTrigger makes a unit that starts the service later, and the service.
func (p *program) startTrigger(m *manager.Conn, t unit.Type, assignments []string) int {
	service, trigger, err := p.triggerNames(t)
	if err != nil {
		return 1
	}
	props, err := p.unitProperties(t, assignments)
	if err != nil {
		return 1
	}
	if t == unit.TypeTimer {
		props = append(props, property("RemainAfterElapse", false))
	}
	var others []auxiliary
	if len(p.command) > 0 {
		own, err := p.serviceProperties(nil)
		if err != nil {
			return 1
		}
		others = append(others, auxiliary{service, own})
	}
	w := p.jobs(m)
	job, err := start(m, trigger, props, others...)
	if err != nil {
		return p.Fail("Failed to start transient %s unit: %s", t, manager.Text(err))
	}
	w.Add(job)
	if w.Wait() != nil {
		return 1
	}
	p.say("Running %s as unit: %s", t, trigger)
	if len(p.command) > 0 {
		p.say("Will run service as unit: %s", service)
	}
	return 0
}

// triggerNames are the names of the service and of what starts it.
func (p *program) triggerNames(t unit.Type) (service, trigger string, err error) {
	if p.unit == "" {
		service = randomName(unit.TypeService)
	} else if given := unit.TypeOf(p.unit); given == unit.TypeService || given == unit.TypeTimer {
		service = p.unit
	} else {
		if service, err = p.name("as unit", unit.TypeService); err != nil {
			return "", "", err
		}
		trigger, err = p.name("as trigger", t)
		return service, trigger, err
	}
	if trigger, err = unit.ChangeType(service, t); err == nil {
		service, err = unit.ChangeType(service, unit.TypeService)
	}
	if err != nil {
		return "", "", p.Tell("Failed to change unit suffix: Invalid argument")
	}
	return service, trigger, nil
}

// startScope makes a scope around this process and becomes the command.
func (p *program) startScope(m *manager.Conn) int {
	name, err := p.name("as unit", unit.TypeScope)
	if err != nil {
		return 1
	}
	props, err := p.unitProperties(unit.TypeScope, p.properties)
	if err != nil {
		return 1
	}
	if p.sighup {
		props = append(props, property("SendSIGHUP", true))
	}
	if props, err = p.appendSlice(props); err != nil {
		return 1
	}
	props = append(props, property("PIDs", []uint32{uint32(os.Getpid())}))
	w := p.jobs(m)
	job, err := start(m, name, props)
	if err != nil {
		return p.Fail("Failed to start transient scope unit: %s", manager.Text(err))
	}
	w.Add(job)
	if w.Wait() != nil {
		return 1
	}
	env, err := p.scopeEnvironment(m, name)
	if err != nil {
		return 1
	}
	if p.directory != "" {
		if err := os.Chdir(p.directory); err != nil {
			return p.Fail("Failed to change directory to '%s': %s", p.directory, applet.Cause(err))
		}
	}
	p.say("Running scope as unit: %s", name)
	return applet.Exec(p.Host, p.command, env)
}
