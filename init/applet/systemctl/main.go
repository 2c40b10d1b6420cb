package systemctl

import (
	"errors"
	"path/filepath"
	"strings"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// JournalQuery asks for what a unit has logged last.
type JournalQuery struct {
	Unit       string
	Namespace  string // LogNamespace=, "" is the default one
	Invocation string // the invocation of the unit, 32 hexadecimal digits, "" is any
	Since      uint64 // nothing before this CLOCK_MONOTONIC time, in microseconds; 0 is without limit
	Lines      int
	Output     string // journalctl's -o: "short", "cat", "json", …
	Width      int    // cells that a line may take, 0 is without limit
	Colour     bool
	All        bool // --all: unprintable fields as well
}

// Journal reads logs. cut tells that a line was shortened. Nil stands for a machine without logs.
type Journal func(JournalQuery) (lines []string, cut bool)

// ctl is one call of systemctl.
type ctl struct {
	*applet.Host
	journal Journal
	options
	action action // what a legacy name stands for
	conn   *manager.Conn
	// holding asks for a connection over which the manager can keep units in memory.
	holding bool
}

// errDone ends the reading of options with success, errFailed with a failure that has been told.
var (
	errDone   = errors.New("done")
	errFailed = errors.New("failed")
)

// Main is the program. args[0] is the name it was called by.
func Main(args []string, h *applet.Host, journal Journal) int {
	h.Called(args[0])
	c := &ctl{Host: h, journal: journal, options: defaults()}
	defer c.close()
	name := filepath.Base(args[0])
	for _, l := range legacies {
		if strings.Contains(name, l.name) {
			return l.run(c, args[1:])
		}
	}
	return c.systemctl(args[1:])
}

func (c *ctl) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
	c.ClosePager()
}

// arity of a verb: its number of arguments at least and at most, -1 for any.
type verb struct {
	name     string
	min, max int
	offline  bool // works without a manager
	run      func(c *ctl, name string, args []string) int
}

const anyNumber = -1

// verbs are systemctl's; the first is the default.
var verbs = []verb{
	{"list-units", 0, anyNumber, false, (*ctl).listUnits},
	{"list-unit-files", 0, anyNumber, true, (*ctl).listUnitFiles},
	{"list-automounts", 0, anyNumber, false, (*ctl).listAutomounts},
	{"list-paths", 0, anyNumber, false, (*ctl).listPaths},
	{"list-sockets", 0, anyNumber, false, (*ctl).listSockets},
	{"list-timers", 0, anyNumber, false, (*ctl).listTimers},
	{"list-jobs", 0, anyNumber, false, (*ctl).listJobs},
	{"list-machines", 0, anyNumber, false, (*ctl).listMachines},
	{"clear-jobs", 0, 0, false, (*ctl).trivial},
	{"cancel", 0, anyNumber, false, (*ctl).cancel},
	{"start", 1, anyNumber, false, (*ctl).start},
	{"stop", 1, anyNumber, false, (*ctl).start},
	{"condstop", 1, anyNumber, false, (*ctl).start},
	{"reload", 1, anyNumber, false, (*ctl).start},
	{"restart", 1, anyNumber, false, (*ctl).start},
	{"try-restart", 1, anyNumber, false, (*ctl).start},
	{"reload-or-restart", 0, anyNumber, false, (*ctl).start},
	{"reload-or-try-restart", 1, anyNumber, false, (*ctl).start},
	{"try-reload-or-restart", 1, anyNumber, false, (*ctl).start},
	{"force-reload", 1, anyNumber, false, (*ctl).start},
	{"condreload", 1, anyNumber, false, (*ctl).start},
	{"condrestart", 1, anyNumber, false, (*ctl).start},
	{"isolate", 1, 1, false, (*ctl).start},
	{"kill", 1, anyNumber, false, (*ctl).kill},
	{"clean", 1, anyNumber, false, (*ctl).cleanOrFreeze},
	{"freeze", 1, anyNumber, false, (*ctl).cleanOrFreeze},
	{"thaw", 1, anyNumber, false, (*ctl).cleanOrFreeze},
	{"is-active", 1, anyNumber, false, (*ctl).isActive},
	{"check", 1, anyNumber, false, (*ctl).isActive},
	{"is-failed", 1, anyNumber, false, (*ctl).isFailed},
	{"show", 0, anyNumber, false, (*ctl).show},
	{"cat", 1, anyNumber, false, (*ctl).cat},
	{"status", 0, anyNumber, false, (*ctl).show},
	{"help", 0, anyNumber, false, (*ctl).show},
	{"daemon-reload", 0, 0, false, (*ctl).daemonReload},
	{"daemon-reexec", 0, 0, false, (*ctl).daemonReload},
	{"log-level", 0, 1, false, (*ctl).logSetting},
	{"log-target", 0, 1, false, (*ctl).logSetting},
	{"service-log-level", 1, 2, false, (*ctl).serviceLogSetting},
	{"service-log-target", 1, 2, false, (*ctl).serviceLogSetting},
	{"service-watchdogs", 0, 1, false, (*ctl).serviceWatchdogs},
	{"show-environment", 0, 0, false, (*ctl).showEnvironment},
	{"set-environment", 1, anyNumber, false, (*ctl).setEnvironment},
	{"unset-environment", 1, anyNumber, false, (*ctl).setEnvironment},
	{"import-environment", 0, anyNumber, false, (*ctl).importEnvironment},
	{"halt", 0, 0, false, (*ctl).startSystemSpecial},
	{"poweroff", 0, 0, false, (*ctl).startSystemSpecial},
	{"reboot", 0, 1, false, (*ctl).startSystemSpecial},
	{"kexec", 0, 0, false, (*ctl).startSystemSpecial},
	{"soft-reboot", 0, 0, false, (*ctl).startSystemSpecial},
	{"suspend", 0, 0, false, (*ctl).startSystemSpecial},
	{"hibernate", 0, 0, false, (*ctl).startSystemSpecial},
	{"hybrid-sleep", 0, 0, false, (*ctl).startSystemSpecial},
	{"suspend-then-hibernate", 0, 0, false, (*ctl).startSystemSpecial},
	{"default", 0, 0, false, (*ctl).startSpecial},
	{"rescue", 0, 0, false, (*ctl).startSystemSpecial},
	{"emergency", 0, 0, false, (*ctl).startSystemSpecial},
	{"exit", 0, 1, false, (*ctl).startSpecial},
	{"reset-failed", 0, anyNumber, false, (*ctl).resetFailed},
	{"enable", 1, anyNumber, true, (*ctl).enable},
	{"disable", 1, anyNumber, true, (*ctl).enable},
	{"is-enabled", 1, anyNumber, true, (*ctl).isEnabled},
	{"reenable", 1, anyNumber, true, (*ctl).enable},
	{"preset", 1, anyNumber, true, (*ctl).enable},
	{"preset-all", 0, 0, true, (*ctl).presetAll},
	{"mask", 1, anyNumber, true, (*ctl).enable},
	{"unmask", 1, anyNumber, true, (*ctl).enable},
	{"link", 1, anyNumber, true, (*ctl).enable},
	{"revert", 1, anyNumber, true, (*ctl).enable},
	{"switch-root", 1, anyNumber, false, (*ctl).switchRoot},
	{"list-dependencies", 0, anyNumber, false, (*ctl).listDependencies},
	{"set-default", 1, 1, true, (*ctl).setDefault},
	{"get-default", 0, 0, true, (*ctl).getDefault},
	{"set-property", 2, anyNumber, false, (*ctl).setProperty},
	{"is-system-running", 0, 0, true, (*ctl).isSystemRunning},
	{"add-wants", 2, anyNumber, true, (*ctl).addDependency},
	{"add-requires", 2, anyNumber, true, (*ctl).addDependency},
	{"edit", 1, anyNumber, false, (*ctl).edit},
	{"bind", 2, 3, false, (*ctl).bind},
	{"mount-image", 3, 4, false, (*ctl).mountImage},
	{"whoami", 0, anyNumber, false, (*ctl).whoami},
}

// systemctl is the program under its own name (dispatch_verb of src/shared/verbs.c).
func (c *ctl) systemctl(args []string) int {
	rest, status, ok := c.parse(args)
	if !ok {
		return status
	}
	name := verbs[0].name
	if len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	var v *verb
	for i := range verbs {
		if verbs[i].name == name {
			v = &verbs[i]
			break
		}
	}
	switch {
	case v == nil:
		return c.Fail("Unknown command verb %s.", name)
	case !v.offline && c.root != "":
		return c.Fail("Verb '%s' cannot be used with --root= or --image=.", v.name)
	case len(rest) < v.min:
		return c.Fail("Too few arguments.")
	case v.max != anyNumber && len(rest) > v.max:
		return c.Fail("Too many arguments.")
	case v.offline && (c.scope == globalScope || c.scope == userScope && c.clientSide()):
		return c.Fail("Failed to access the unit files of users: a container has no user managers that would read them.")
	case !v.offline && c.offline():
		c.Infof("Running in chroot, ignoring command '%s'", v.name)
		return 0
	}
	return v.run(c, v.name, rest)
}

// offline tells whether the manager is out of bounds: $SYSTEMD_OFFLINE, else if this is a chroot (running_in_chroot_or_offline of
// src/shared/verbs.c).
func (c *ctl) offline() bool {
	if v, set := c.Flag("SYSTEMD_OFFLINE"); set {
		return v
	}
	return c.Chroot()
}

// clientSide tells whether unit files are changed here, and not by the manager (install_client_side of systemctl-util.c).
func (c *ctl) clientSide() bool {
	if c.offline() || c.root != "" || c.scope == globalScope || !c.Booted() {
		return true
	}
	v, _ := c.Flag("SYSTEMCTL_INSTALL_CLIENT_SIDE")
	return v
}

// connect connects to the manager, once. A failure has been told.
func (c *ctl) connect() (*manager.Conn, error) {
	if c.conn != nil {
		return c.conn, nil
	}
	var err error
	switch {
	case c.remote != "":
		err = c.refuse("Failed to connect to bus: %s", applet.Cause(errNoMachines))
	case c.scope != systemScope:
		if c.conn, err = manager.DialUser(c.Host); err != nil {
			c.Errorf("Failed to connect to bus: %s", applet.Cause(err))
		}
	default:
		c.conn, err = manager.Connect(c.Host, c.holding)
	}
	return c.conn, err
}

// notBooted tells that there is no manager, where that is not the end.
func (c *ctl) notBooted() {
	c.Errorf(manager.NotBooted)
	c.Errorf("Failed to connect to bus: %s", applet.Cause(errNotBooted))
}

// withManager connects and calls f, which returns the exit status.
func (c *ctl) withManager(f func(m *manager.Conn) int) int {
	m, err := c.connect()
	if err != nil {
		return 1
	}
	return f(m)
}

// page sends output through the pager, if it may.
func (c *ctl) page() {
	if !c.noPager {
		c.Page()
	}
}
