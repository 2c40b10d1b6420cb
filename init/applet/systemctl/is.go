package systemctl

import (
	"slices"

	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

// Exit statuses that say something of a unit (systemctl(1); the LSB's for status).
const (
	statusNotRunning     = 3
	statusUnknown        = 4
	statusNotImplemented = 3
	statusNotPermitted   = 4
	statusNotInstalled   = 5
	statusNotConfigured  = 6
)

func (c *ctl) isActive(_ string, args []string) int {
	return c.is(statusNotRunning, args, "active", "reloading")
}

func (c *ctl) isFailed(_ string, args []string) int { return c.is(1, args, "failed") }

// is prints the units' states. The exit status is 0 if one of them is in one of the good states (check_unit_generic of
// systemctl-is-active.c).
func (c *ctl) is(otherwise int, args []string, good ...string) int {
	return c.withManager(func(m *manager.Conn) int {
		names, _, err := c.expand(m, args, unit.TypeService)
		if err != nil {
			return 1
		}
		found := false
		for _, n := range names {
			state, err := c.activeState(m, n)
			if err != nil {
				return 1
			}
			if !c.quiet {
				c.Puts(state)
			}
			found = found || slices.Contains(good, state)
		}
		if found {
			return 0
		}
		return otherwise
	})
}

// isSystemRunning asks for the state of everything; --wait waits for the end of the boot (systemctl-is-system-running.c).
func (c *ctl) isSystemRunning(string, []string) int {
	say := func(state string) {
		if !c.quiet {
			c.Puts(state)
		}
	}
	if c.root != "" || c.Chroot() || c.remote == "" && c.scope == systemScope && !c.Booted() {
		say("offline")
		return 1
	}
	return c.withManager(func(m *manager.Conn) int {
		finished := false
		if c.wait {
			m.Watch = func(s manager.Signal) { finished = finished || s.Member == "StartupFinished" }
			m.Subscribe("StartupFinished")
		}
		state, err := m.GetString(manager.Root, manager.Interface, "SystemState")
		if err == nil && c.wait && (state == "initializing" || state == "starting") {
			for !finished && err == nil {
				err = m.Next()
			}
			if err == nil {
				state, err = m.GetString(manager.Root, manager.Interface, "SystemState")
			}
		}
		if err != nil {
			c.Warnf("Failed to query system state: %s", manager.Text(err))
			say("unknown")
			return 1
		}
		say(state)
		if state == "running" {
			return 0
		}
		return 1
	})
}
