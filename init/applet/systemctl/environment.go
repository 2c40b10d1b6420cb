package systemctl

import (
	"strings"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

func (c *ctl) showEnvironment(string, []string) int {
	return c.withManager(func(m *manager.Conn) int {
		c.page()
		vars, err := m.GetStrings(manager.Root, manager.Interface, "Environment")
		if err != nil {
			return c.Fail("Failed to get environment: %s", manager.Text(err))
		}
		var o applet.Object
		for _, v := range vars {
			name, value, ok := strings.Cut(v, "=")
			switch {
			case !ok:
				return c.Fail("Invalid environment block")
			case c.json():
				o = append(o, applet.Member{Name: name, Value: value})
			default:
				c.Puts(name + "=" + applet.Quote(value, true))
			}
		}
		if c.json() {
			style := applet.JSONShort
			if c.output == "json-pretty" {
				style = applet.JSONPretty
			}
			c.Puts(applet.JSON(o, style))
		}
		return 0
	})
}

func (c *ctl) setEnvironment(name string, args []string) int {
	method := "SetEnvironment"
	if name == "unset-environment" {
		method = "UnsetEnvironment"
	}
	return c.withManager(func(m *manager.Conn) int {
		if _, err := m.Manager(method, args); err != nil {
			return c.Fail("Failed to set environment: %s", manager.Text(err))
		}
		return 0
	})
}

// importEnvironment gives variables of this program's to the manager, without arguments all of them.
func (c *ctl) importEnvironment(_ string, args []string) int {
	return c.withManager(func(m *manager.Conn) int {
		vars := []string{}
		add := func(v string) {
			name, value, _ := strings.Cut(v, "=")
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7F }) {
				c.Noticef("Environment variable $%s contains control characters, importing anyway.", name)
			}
			vars = append(vars, v)
		}
		if len(args) == 0 {
			c.Warnf("Calling import-environment without a list of variable names is deprecated.")
			sound, invalid := unit.CleanEnvironment(c.Environ)
			for _, v := range invalid {
				c.Debugf("Ignoring invalid environment assignment %q.", v)
			}
			for _, v := range sound {
				add(v)
			}
		}
		for _, name := range args {
			if !unit.ValidVariableName(name) {
				return c.Fail("Not a valid environment variable name: %s", name)
			}
			if value, ok := c.Lookupenv(name); ok {
				add(name + "=" + value)
			} else {
				c.Noticef("Environment variable $%s not set, ignoring.", name)
			}
		}
		if _, err := m.Manager("SetEnvironment", vars); err != nil {
			return c.Fail("Failed to import environment: %s", manager.Text(err))
		}
		return 0
	})
}
