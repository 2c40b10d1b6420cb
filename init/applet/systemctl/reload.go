package systemctl

import (
	"errors"
	"syscall"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

func (c *ctl) daemonReload(name string, _ []string) int {
	method := "Reload"
	if name == "daemon-reexec" {
		method = "Reexecute"
	}
	return c.reload(method)
}

// reload has the manager read all units, or execute itself, again. It takes its time. A manager that executes itself hangs up instead
// of an answer (systemctl-daemon-reload.c).
func (c *ctl) reload(method string) int {
	return c.withManager(func(m *manager.Conn) int {
		_, err := m.CallFor(manager.ReloadTimeout, manager.Destination, manager.Root, manager.Interface, method)
		if method == "Reexecute" && (errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ETIMEDOUT)) {
			err = nil
			m.Close()
			c.conn = nil
		}
		if err != nil {
			return c.Fail("%s daemon failed: %s", method, manager.Text(err))
		}
		return 0
	})
}

// trivialMethods are verbs that are a method of the manager and no more (systemctl-trivial-method.c).
var trivialMethods = map[string]string{
	"clear-jobs": "ClearJobs", "cancel": "ClearJobs", "reset-failed": "ResetFailed", "halt": "Halt", "reboot": "Reboot", "kexec": "KExec",
	"exit": "Exit", "poweroff": "PowerOff", "soft-reboot": "SoftReboot",
}

func (c *ctl) trivial(name string, _ []string) int {
	if c.dryRun {
		return 0
	}
	return c.withManager(func(m *manager.Conn) int {
		if _, err := m.Manager(trivialMethods[name]); err != nil {
			if c.action.legacy {
				return 1
			}
			return c.Fail("Failed to execute operation: %s", manager.Text(err))
		}
		return 0
	})
}

// logSetting shows or sets how the manager logs (verb_log_control_common of src/shared/verb-log-control.c).
func (c *ctl) logSetting(name string, args []string) int {
	return c.withManager(func(m *manager.Conn) int { return c.logControl(m, manager.Destination, name, args) })
}

const (
	logControlPath      = "/org/freedesktop/LogControl1"
	logControlInterface = "org.freedesktop.LogControl1"
)

// logControl asks whoever has a bus name how it logs, or tells it.
func (c *ctl) logControl(m *manager.Conn, dest, name string, args []string) int {
	what, property := "level", "LogLevel"
	if name == "log-target" || name == "service-log-target" {
		what, property = "target", "LogTarget"
	}
	if len(args) == 0 {
		v, err := m.GetOf(dest, logControlPath, logControlInterface, property)
		if err != nil {
			c.Errorf("Failed to get log %s of %s: %s", what, dest, manager.Text(err))
			return c.logHint(dest, err)
		}
		text, _ := v.(string)
		c.Puts(text)
		return 0
	}
	if what == "level" {
		if _, ok := applet.ParseLevel(args[0]); !ok {
			return c.Fail("\"%s\" is not a valid log level.", args[0])
		}
	}
	if err := m.SetOf(dest, logControlPath, logControlInterface, property, args[0]); err != nil {
		c.Errorf("Failed to set log %s of %s to %s: %s", what, dest, args[0], manager.Text(err))
		return c.logHint(dest, err)
	}
	return 0
}

// logHint says what a service has to have; the manager itself has it.
func (c *ctl) logHint(dest string, err error) int {
	if errors.Is(err, syscall.EBADR) && dest != manager.Destination {
		c.logControlHint()
	}
	return 1
}

func (c *ctl) logControlHint() {
	if c.quiet {
		return
	}
	c.Noticef("Hint: the service must declare BusName= and implement the appropriate D-Bus interface.\n      See the %s for details.",
		c.Link("man:org.freedesktop.LogControl1(5)", "org.freedesktop.LogControl1(5) man page"))
}

// serviceLogSetting is logSetting for a service that is on the system bus.
func (c *ctl) serviceLogSetting(name string, args []string) int {
	if !c.Booted() {
		c.notBooted()
		return 1
	}
	bus, err := manager.DialBus(c.Host)
	if err != nil {
		return c.Fail("Failed to connect to bus: %s", manager.Text(err))
	}
	defer bus.Close()
	unitName, err := c.mangle(args[0], name, false, unit.TypeService)
	if err != nil {
		return c.Fail("Failed to mangle unit name: Invalid argument")
	}
	return c.withManager(func(m *manager.Conn) int {
		busName, err := m.GetString(manager.UnitPath(unitName), manager.Service, "BusName")
		switch {
		case err != nil:
			return c.Fail("Failed to obtain BusName= property of %s: %s", unitName, manager.Text(err))
		case busName == "":
			c.Errorf("Unit %s doesn't declare BusName=.", unitName)
			c.logControlHint()
			return 1
		}
		return c.logControl(bus, busName, name, args[1:])
	})
}

func (c *ctl) serviceWatchdogs(_ string, args []string) int {
	return c.withManager(func(m *manager.Conn) int {
		if len(args) == 0 {
			on, err := m.GetBool(manager.Root, manager.Interface, "ServiceWatchdogs")
			if err != nil {
				return c.Fail("Failed to get service-watchdog state: %s", manager.Text(err))
			}
			c.Puts(yesNo(on))
			return 0
		}
		on, ok := applet.Boolean(args[0])
		if !ok {
			return c.Fail("Failed to parse service-watchdogs argument: Invalid argument")
		}
		if err := m.Set("ServiceWatchdogs", on); err != nil {
			return c.Fail("Failed to set service-watchdog state: %s", manager.Text(err))
		}
		return 0
	})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
