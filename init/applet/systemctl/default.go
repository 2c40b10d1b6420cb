package systemctl

import (
	"os"
	"strings"

	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

// defaultTarget is the name of the default target; an error has been told.
func (c *ctl) defaultTarget() (string, error) {
	if c.clientSide() {
		return c.defaultOffline()
	}
	m, err := c.connect()
	if err != nil {
		return "", err
	}
	var name string
	r, err := m.Manager("GetDefaultTarget")
	if err == nil {
		err = r.Store(&name)
	}
	if err != nil {
		return "", c.refuse("Failed to get default target: %s", manager.Text(err))
	}
	return name, nil
}

func (c *ctl) getDefault(string, []string) int {
	name, err := c.defaultTarget()
	if err != nil {
		return 1
	}
	c.Puts(name)
	c.noteCommandLine()
	return 0
}

func (c *ctl) setDefault(_ string, args []string) int {
	name, err := c.mangle(args[0], "set-default", false, unit.TypeTarget)
	if err != nil {
		return c.Fail("Failed to mangle unit name: Invalid argument")
	}
	if c.clientSide() {
		if status := c.setDefaultOffline(name); status != 0 {
			return status
		}
	} else if status := c.changed("set default target", "SetDefaultTarget", name, true); status != 0 {
		return status
	}
	c.noteCommandLine()
	if !c.quiet {
		final, err := c.defaultTarget()
		if err != nil {
			return 1
		}
		if final != name {
			c.Noticef("Note: \"%s\" is the default unit (possibly a runtime override).", final)
		}
	}
	return 0
}

// runlevels are words of the kernel's command line that choose a target (runlevel_to_target of src/basic/…/special.h).
var runlevels = []string{"1", "2", "3", "4", "5", "s", "S", "single", "-s", "-b", "b", "emergency", "rescue"}

// noteCommandLine tells of a kernel command line that overrides the default. A container has its host's, which is not about it.
func (c *ctl) noteCommandLine() {
	if c.quiet || c.root != "" || c.inContainer() {
		return
	}
	b, err := os.ReadFile(c.Path("/proc/cmdline"))
	if err != nil {
		return
	}
	override := ""
	for _, w := range strings.Fields(string(b)) {
		key, value, has := strings.Cut(w, "=")
		switch {
		case key == "systemd.unit" && has:
			if !unit.ValidName(value, unit.PlainName|unit.InstanceName) {
				c.Warnf("Unit name specified on %s= is not valid, ignoring: %s", key, value)
				continue
			}
			override = key
		case !has && contains(runlevels, key):
			override = key
		}
	}
	if override != "" {
		c.Noticef("Note: found \"%s\" on the kernel commandline, which overrides the default unit.", override)
	}
}

// inContainer tells whether the manager says that it runs in a container, by $container of PID 1 or systemd's file for it.
func (c *ctl) inContainer() bool {
	for _, p := range []string{"/run/systemd/container", "/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(c.Path(p)); err == nil {
			return true
		}
	}
	b, err := os.ReadFile(c.Path("/proc/1/environ"))
	return err == nil && strings.Contains("\x00"+string(b), "\x00container=")
}
