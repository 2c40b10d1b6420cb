package systemctl

import (
	"strings"

	"keelson/init/applet/assign"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

// each calls f for the units that the arguments name. The exit status is 1 if one of the calls failed; f has told.
func (c *ctl) each(args []string, f func(m *manager.Conn, name string) error) int {
	return c.withManager(func(m *manager.Conn) int {
		names, _, err := c.expand(m, args, unit.TypeService)
		if err != nil {
			return 1
		}
		status := 0
		for _, n := range names {
			if f(m, n) != nil {
				status = 1
			}
		}
		return status
	})
}

func (c *ctl) kill(_ string, args []string) int {
	whom := c.killWhom
	if whom == "" {
		whom = "all"
	}
	if c.mode() == "fail" {
		whom += "-fail"
	}
	return c.each(args, func(m *manager.Conn, name string) error {
		var err error
		if c.hasKillValue {
			_, err = m.Manager("QueueSignalUnit", name, whom, c.signal, c.killValue) // 254
		} else {
			_, err = m.Manager("KillUnit", name, whom, c.signal)
		}
		if err != nil {
			c.Errorf("Failed to kill unit %s: %s", name, manager.Text(err))
		}
		return err
	})
}

func (c *ctl) resetFailed(name string, args []string) int {
	if len(args) == 0 {
		return c.trivial(name, args)
	}
	return c.each(args, func(m *manager.Conn, name string) error {
		_, err := m.Manager("ResetFailedUnit", name)
		if err != nil {
			c.Errorf("Failed to reset failed state of unit %s: %s", name, manager.Text(err))
		}
		return err
	})
}

// cleanMethods are the verbs that end in a state of maintenance or in none.
var cleanMethods = map[string]string{"clean": "CleanUnit", "freeze": "FreezeUnit", "thaw": "ThawUnit"}

// noUnit are errors of units that cannot be loaded.
var noUnit = []string{manager.NoSuchUnit, manager.UnitMasked, manager.LoadFailed}

// cleanOrFreeze waits for the end of it (systemctl-clean-or-freeze.c).
func (c *ctl) cleanOrFreeze(verb string, args []string) int {
	c.holding = true
	return c.withManager(func(m *manager.Conn) int {
		names, _, err := c.expand(m, args, unit.TypeService)
		if err != nil {
			return 1
		}
		var ends *manager.Units
		if !c.noBlock {
			ends = m.WatchUnits(nil)
			ends.Maintenance = true
		}
		what := c.clean
		if what == nil {
			what = []string{"cache", "runtime"}
		}
		status := 0
		for _, n := range names {
			if ends != nil {
				// Kept in memory until the end of it, where the manager can remember for whom.
				if _, err := m.Manager("RefUnit", n); manager.Refused(err) && (m.OnBus || manager.Is(err, noUnit...)) {
					status = c.Fail("Failed to add reference to unit %s: %s", n, manager.Text(err))
					continue
				}
			}
			params := []any{n}
			if verb == "clean" {
				params = append(params, what)
			}
			if _, err := m.Manager(cleanMethods[verb], params...); err != nil {
				status = c.Fail("Failed to %s unit %s: %s", verb, n, manager.Text(err))
				continue
			}
			if ends != nil {
				if err := ends.Add(n); err != nil {
					return c.Fail("Failed to watch unit %s: %s", n, manager.Text(err))
				}
			}
		}
		if ends != nil {
			failed, err := ends.Wait()
			if err != nil {
				return c.Fail("Failed to wait for units: %s", manager.Text(err))
			}
			if failed {
				status = 1
			}
		}
		return status
	})
}

// setProperty changes properties of a unit. What is wrong with one keeps all from being set.
func (c *ctl) setProperty(_ string, args []string) int {
	return c.each(args[:1], func(m *manager.Conn, name string) error {
		props, err := assign.Parse(unit.TypeOf(name), args[1:])
		if err != nil {
			c.Errorf("%s", err)
			return err
		}
		if _, err := m.Manager("SetUnitProperties", name, c.runtime, props); err != nil {
			c.Errorf("Failed to set unit properties on %s: %s", name, manager.Text(err))
			return err
		}
		return nil
	})
}

func (c *ctl) bind(_ string, args []string) int {
	return c.withManager(func(m *manager.Conn) int {
		name, err := c.mangle(args[0], "", false, unit.TypeService)
		if err != nil {
			return c.Fail("Failed to mangle unit name: Invalid argument")
		}
		dest := ""
		if len(args) > 2 {
			dest = args[2]
		}
		if _, err := m.Manager("BindMountUnit", name, args[1], dest, c.readOnly, c.mkdir); err != nil {
			return c.Fail("Failed to bind mount: %s", manager.Text(err))
		}
		return 0
	})
}

func (c *ctl) mountImage(_ string, args []string) int {
	return c.withManager(func(m *manager.Conn) int {
		name, err := c.mangle(args[0], "", false, unit.TypeService)
		if err != nil {
			return c.Fail("Failed to mangle unit name: Invalid argument")
		}
		type option struct{ Partition, Options string }
		options := []option{}
		if len(args) > 3 {
			if partition, o, ok := strings.Cut(args[3], ":"); ok {
				options = append(options, option{partition, o})
			} else {
				options = append(options, option{"root", args[3]})
			}
		}
		if _, err := m.Manager("MountImageUnit", name, args[1], args[2], c.readOnly, c.mkdir, options); err != nil {
			return c.Fail("Failed to mount image: %s", manager.Text(err))
		}
		return 0
	})
}

// switchRoot asks for what a container cannot have; the manager says so.
func (c *ctl) switchRoot(_ string, args []string) int {
	if len(args) > 2 {
		return c.Fail("Wrong number of arguments.")
	}
	init := ""
	if len(args) == 2 {
		init = args[1]
	}
	return c.withManager(func(m *manager.Conn) int {
		if _, err := m.Manager("SwitchRoot", args[0], init); err != nil {
			return c.Fail("Failed to switch root: %s", manager.Text(err))
		}
		return 0
	})
}
