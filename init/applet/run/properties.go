package run

import (
	"encoding/hex"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/applet/assign"
	"keelson/init/applet/manager"
	"keelson/supervise/unit"
)

func property(name string, value any) sd.Property {
	return sd.Property{Name: name, Value: dbus.MakeVariant(value)}
}

// unitProperties are those that every unit gets, and those that were given as text.
func (p *program) unitProperties(t unit.Type, assignments []string) ([]sd.Property, error) {
	props := []sd.Property{property("Description", p.description)}
	if p.collect {
		props = append(props, property("CollectMode", "inactive-or-failed"))
	}
	given, err := assign.Parse(t, assignments)
	if err != nil {
		return nil, p.Tell("%s", err)
	}
	return append(props, given...), nil
}

// appendSlice adds the slice, below the caller's with --slice-inherit.
func (p *program) appendSlice(props []sd.Property) ([]sd.Property, error) {
	name := ""
	if p.sliceInherit {
		name = callerSlice(p.Host)
	}
	if p.slice != "" {
		if name != "" {
			name += "-"
		}
		name += p.slice
	}
	if name == "" {
		return props, nil
	}
	slice, err := p.Mangle(name, "as slice", false, unit.TypeSlice, p.quiet)
	if err != nil {
		return nil, p.Tell("Failed to mangle name '%s': Invalid argument", p.slice)
	}
	return append(props, property("Slice", slice)), nil
}

// callerSlice is the innermost slice in this process's control group, without its suffix; "" without one.
func callerSlice(h *applet.Host) string {
	b, err := os.ReadFile(h.Path("/proc/self/cgroup"))
	if err != nil {
		return ""
	}
	slice := ""
	for part := range strings.SplitSeq(strings.TrimSpace(string(b)), "/") {
		if s, ok := strings.CutSuffix(part, ".slice"); ok && s != "-" {
			slice = s
		}
	}
	return slice
}

// serviceProperties are those of the service; terminal is what it is to use if it gets one of its own.
func (p *program) serviceProperties(t *pty) ([]sd.Property, error) {
	props, err := p.unitProperties(unit.TypeService, p.properties)
	if err != nil {
		return nil, err
	}
	if p.sighup {
		props = append(props, property("SendSIGHUP", true))
	}
	if props, err = p.appendSlice(props); err != nil {
		return nil, err
	}
	if p.remain {
		props = append(props, property("RemainAfterExit", true))
	}
	for _, s := range []struct{ name, value string }{
		{"Type", p.serviceType}, {"User", p.execUser}, {"Group", p.execGroup}, {"WorkingDirectory", p.directory},
	} {
		if s.value != "" {
			props = append(props, property(s.name, s.value))
		}
	}
	if p.hasNice {
		props = append(props, property("Nice", p.nice))
	}
	props, term := p.appendStreams(props, t)
	if term {
		if v, set := p.Lookupenv("TERM"); set {
			props = append(props, property("Environment", []string{"TERM=" + v}))
		}
	}
	if len(p.environment) > 0 {
		props = append(props, property("Environment", p.environment))
	}
	if len(p.command) > 0 {
		type row struct {
			Path   string
			Argv   []string
			Ignore bool
		}
		props = append(props, property("ExecStart", []row{{p.command[0], p.command, false}}))
	}
	return props, nil
}

// appendStreams adds the standard streams. term tells whether one of them is a terminal.
func (p *program) appendStreams(props []sd.Property, t *pty) (_ []sd.Property, term bool) {
	add := func(in, out, err int) {
		props = append(props,
			property("StandardInputFileDescriptor", dbus.UnixFD(in)),
			property("StandardOutputFileDescriptor", dbus.UnixFD(out)),
			property("StandardErrorFileDescriptor", dbus.UnixFD(err)))
	}
	switch {
	case t != nil:
		add(t.slave, t.slave, t.slave)
		return append(props, property("TTYPath", t.path)), true
	case p.stdio == stdioDirect:
		add(0, 1, 2)
		return props, terminal(0) || terminal(1) || terminal(2)
	}
	return props, false
}

// scopeEnvironment is what the command of a scope gets, having become who it is to be.
func (p *program) scopeEnvironment(m *manager.Conn, name string) ([]string, error) {
	env := append([]string(nil), p.Environ...)
	v, err := m.Get(manager.UnitPath(name), manager.Unit, "InvocationID")
	if err != nil {
		return nil, p.Tell("Failed to request invocation ID for scope: %s", manager.Text(err))
	}
	if id, ok := v.([]byte); ok {
		env = unit.SetVariable(env, "INVOCATION_ID="+hex.EncodeToString(id))
	}
	if p.hasNice {
		if err := unix.Setpriority(unix.PRIO_PROCESS, 0, int(p.nice)); err != nil {
			return nil, p.Tell("Failed to set nice level: %s", applet.Cause(err))
		}
	}
	if env, err = p.become(env); err != nil {
		return nil, err
	}
	for _, v := range p.environment {
		env = unit.SetVariable(env, v)
	}
	return env, nil
}

// become changes this process's group and user, and the variables that say so.
func (p *program) become(env []string) ([]string, error) {
	gid := -1
	if p.execGroup != "" {
		g, err := user.LookupGroup(p.execGroup)
		if err != nil {
			g = &user.Group{Gid: p.execGroup}
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return nil, p.Tell("Failed to resolve group %s: No such process", p.execGroup)
		}
	}
	uid := -1
	if p.execUser != "" {
		u, err := user.Lookup(p.execUser)
		if err != nil {
			if u, err = user.LookupId(p.execUser); err != nil {
				return nil, p.Tell("Failed to resolve user %s: No such process", p.execUser)
			}
		}
		own, err := strconv.Atoi(u.Gid)
		if err == nil {
			uid, err = strconv.Atoi(u.Uid)
		}
		if err != nil {
			return nil, p.Tell("Failed to resolve user %s: Invalid argument", p.execUser)
		}
		if gid < 0 {
			gid = own
		}
		for _, v := range []string{"HOME=" + u.HomeDir, "USER=" + u.Username, "LOGNAME=" + u.Username} {
			env = unit.SetVariable(env, v)
		}
	}
	if gid >= 0 {
		if err := syscall.Setresgid(gid, gid, gid); err != nil {
			return nil, p.Tell("Failed to change GID to %d: %s", gid, applet.Cause(err))
		}
	}
	if uid >= 0 {
		if err := syscall.Setresuid(uid, uid, uid); err != nil {
			return nil, p.Tell("Failed to change UID to %d: %s", uid, applet.Cause(err))
		}
	}
	return env, nil
}
