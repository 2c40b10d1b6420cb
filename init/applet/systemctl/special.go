package systemctl

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/applet/manager"
)

// action is something that is done to the whole system: the target that does it, and the job mode of its start (action_table of
// systemctl-start-unit.c).
type action struct {
	verb, target, mode string
	login              string // the method of logind that does it as well
	ends               bool   // it ends the system
	legacy             bool   // asked for by a legacy name, not by a verb
}

const (
	irreversibly = "replace-irreversibly"
	isolate      = "isolate"
)

var actions = []action{
	{verb: "halt", target: "halt.target", mode: irreversibly, login: "Halt", ends: true},
	{verb: "poweroff", target: "poweroff.target", mode: irreversibly, login: "PowerOff", ends: true},
	{verb: "reboot", target: "reboot.target", mode: irreversibly, login: "Reboot", ends: true},
	{verb: "kexec", target: "kexec.target", mode: irreversibly, login: "Reboot"},
	{verb: "soft-reboot", target: "soft-reboot.target", mode: irreversibly, login: "Reboot"}, // 254
	{verb: "exit", target: "exit.target", mode: irreversibly},
	{verb: "default", target: "default.target", mode: isolate},
	{verb: "rescue", target: "rescue.target", mode: isolate},
	{verb: "emergency", target: "emergency.target", mode: isolate},
	{verb: "suspend", target: "suspend.target", mode: irreversibly, login: "Suspend"},
	{verb: "hibernate", target: "hibernate.target", mode: irreversibly, login: "Hibernate"},
	{verb: "hybrid-sleep", target: "hybrid-sleep.target", mode: irreversibly, login: "HybridSleep"},
	{verb: "suspend-then-hibernate", target: "suspend-then-hibernate.target", mode: irreversibly, login: "SuspendThenHibernate"},
}

func actionOf(verb string) action {
	for _, a := range actions {
		if a.verb == verb {
			return a
		}
	}
	return action{}
}

func (c *ctl) startSystemSpecial(name string, args []string) int {
	switch c.scope {
	case globalScope:
		return c.Fail("Bad action for --global mode.")
	case userScope:
		return c.Fail("Bad action for --user mode.")
	}
	return c.startSpecial(name, args)
}

// startSpecial does what is done to the whole system: by logind if there is one, which knows who may, else by its target; with --force
// at once (verb_start_special of systemctl-start-special.c).
func (c *ctl) startSpecial(name string, args []string) int {
	a := actionOf(name)
	if c.force >= 2 && os.Geteuid() != 0 {
		return c.Fail("Need to be root.")
	}
	if a.ends && c.bootLoader {
		return c.Fail("Booting into firmware setup, a boot loader's menu or entry: a container has none of these.")
	}
	switch name {
	case "reboot":
		if len(args) > 0 {
			if c.hasRebootArgument {
				return c.Fail("Both --reboot-argument= and positional argument passed to reboot command, refusing.")
			}
			c.Noticef("Positional argument to reboot command is deprecated, please use --reboot-argument= instead. Accepting anyway.")
			c.rebootArgument, c.hasRebootArgument = args[0], true
		}
		if c.hasRebootArgument && c.setRebootArgument() != nil {
			return 1
		}
	case "exit":
		if len(args) > 0 {
			if status := c.setExitCode(args[0]); status != 0 {
				return status
			}
		}
	}
	if a.ends && c.force >= 2 {
		return c.haltNow(a)
	}
	if c.force >= 1 && (a.ends || name == "kexec" || name == "exit" || name == "soft-reboot") {
		return c.trivial(name, nil)
	}
	if a.login != "" {
		if status, done := c.login(a); done {
			return status
		}
	}
	if a.login != "" || name == "exit" {
		c.noBlock = true // whoever ends the system is ended with it
	}
	status := c.startAction(a)
	if status != 0 && a.ends && c.Booted() && !exists(c.Path(manager.PrivateSocket)) {
		c.Noticef("It is possible to perform action directly, see discussion of --force --force in man:systemctl(1).")
	}
	return status
}

// startAction starts an action's target.
func (c *ctl) startAction(a action) int {
	c.action = a
	return c.withManager(func(m *manager.Conn) int {
		return c.enqueue(m, unitAction{a.verb, "StartUnit", "start"}, []string{a.target}, a.mode)
	})
}

// setRebootArgument leaves the reboot's argument where the manager looks for it (update_reboot_parameter_and_warn).
func (c *ctl) setRebootArgument() error {
	const file = "/run/systemd/reboot-param"
	if c.dryRun {
		return nil
	}
	var err error
	if c.rebootArgument == "" {
		if err = os.Remove(c.Path(file)); errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		if err != nil {
			return c.refuse("Failed to unlink reboot parameter file: %s", applet.Cause(err))
		}
		return nil
	}
	if err = os.WriteFile(c.Path(file), []byte(c.rebootArgument+"\n"), 0o644); err != nil {
		return c.refuse("Failed to write reboot parameter file: %s", applet.Cause(err))
	}
	return nil
}

func (c *ctl) setExitCode(arg string) int {
	code, err := strconv.ParseUint(strings.TrimSpace(arg), 0, 8)
	if err != nil {
		return c.Fail("Invalid exit code.")
	}
	return c.withManager(func(m *manager.Conn) int {
		if _, err := m.Manager("SetExitCode", byte(code)); err != nil {
			return c.Fail("Failed to set exit code: %s", manager.Text(err))
		}
		return 0
	})
}

// haltNow asks the kernel, without the manager. In a container that ends PID 1 of the container and with it everything (reboot(2),
// "Behavior inside PID namespaces").
func (c *ctl) haltNow(a action) int {
	how, what := unix.LINUX_REBOOT_CMD_HALT, "Halting."
	switch a.verb {
	case "poweroff":
		how, what = unix.LINUX_REBOOT_CMD_POWER_OFF, "Powering off."
	case "reboot", "kexec":
		how, what = unix.LINUX_REBOOT_CMD_RESTART, "Rebooting."
	}
	if !c.quiet {
		c.Infof("%s", what)
	}
	if c.dryRun {
		return 0
	}
	c.Flush()
	err := c.reboot(how)
	return c.Fail("Failed to %s: %s", a.verb, applet.Cause(err))
}

// reboot is reboot(2). A machine below another root directory is none.
func (c *ctl) reboot(how int) error {
	if c.Root != "" {
		return unix.EPERM
	}
	if !c.noSync {
		unix.Sync()
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_ON) // it is the host's key, and refused in a container
	return unix.Reboot(how)
}

const (
	loginName      = "org.freedesktop.login1"
	loginPath      = "/org/freedesktop/login1"
	loginInterface = "org.freedesktop.login1.Manager"
)

// login asks logind for an action. done is false if there is no logind or it cannot: then the target does it.
func (c *ctl) login(a action) (status int, done bool) {
	if !c.Booted() {
		c.notBooted()
		return 0, false
	}
	m, err := manager.DialBus(c.Host)
	if err != nil {
		return 0, false
	}
	defer m.Close()
	if c.dryRun {
		c.Debugf("Would execute org.freedesktop.login1.Manager %sWithFlags dbus call.", a.login)
		return 0, true
	}
	var flags uint64
	if c.checkInhibitors > 0 {
		flags |= 1
	}
	if a.verb == "kexec" {
		flags |= 2
	}
	_, err = m.Call(loginName, loginPath, loginInterface, "SetWallMessage", strings.Join(c.wall, " "), !c.noWall)
	if err == nil {
		_, err = m.Call(loginName, loginPath, loginInterface, a.login+"WithFlags", flags)
	}
	switch {
	case err == nil:
		return 0, true
	case manager.Is(err, "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner", manager.UnknownMethod,
		"org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.UnitMasked"):
		return 0, false // there is no logind
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EINPROGRESS):
		return c.Fail("Call to %s failed: %s", a.login, manager.Text(err)), true
	}
	c.Errorf("Call to %s failed: %s", a.login, manager.Text(err))
	return 0, false
}
