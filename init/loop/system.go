package loop

import (
	"slices"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// The manager's own configuration (systemd-system.conf(5)): in force from the start on, and read again with all unit files. What clients have set of the log
// stays (parse_configuration in src/core/main.c).

// usualTarget is where the log goes: to the journal, which hands it on.
const usualTarget = "journal"

// logOverride is what clients have set of the log.
type logOverride struct {
	Level  *int
	Target string // "": nothing
}

// blocks are the environments that the configuration makes of those that the container brings.
func (l *Loop) blocks() supervise.EnvironmentChanged {
	over := func(block, list []string) []string {
		block = slices.Clone(block)
		for _, assignment := range list {
			block = unit.SetVariable(block, assignment)
		}
		return block
	}
	c := &l.config
	return supervise.EnvironmentChanged{
		Environment: over(c.Environment, c.System.DefaultEnvironment), Own: over(c.Own, c.System.DefaultEnvironment), Passable: over(c.Passable, c.System.ManagerEnvironment),
	}
}

// configure takes a configuration.
func (l *Loop) configure(s unit.System) {
	l.config.System = s
	l.config.Loader.Defaults = s.Defaults
	l.config.Tracker.SetDefaults(s.Defaults)
	l.setLog()
}

// reconfigure reads it again.
func (l *Loop) reconfigure() {
	s, list := unit.ReadSystem(l.config.Loader.FS, l.config.Loader.Host)
	for _, d := range list {
		l.say(3+int(d.Severity), "%s", d)
	}
	l.configure(s)
	l.event(l.blocks())
}

func (l *Loop) setLog() {
	i := &l.config.Info
	if i.LogLevel = l.config.System.LogLevel; l.override.Level != nil {
		i.LogLevel = *l.override.Level
	}
	i.LogTarget = usualTarget
	for _, target := range []string{l.config.System.LogTarget, l.override.Target} {
		if target != "" {
			i.LogTarget = target
		}
	}
}

// SetLogLevel drops what is less important; -1 for the level of the configuration.
func (l *Loop) SetLogLevel(priority int) {
	if l.override.Level = &priority; priority < 0 {
		l.override.Level = nil
	}
	l.setLog()
}

// SetLogTarget is accepted: everything goes to the journal, and from there to the console. "" is the target of the configuration.
func (l *Loop) SetLogTarget(target string) {
	l.override.Target = target
	l.setLog()
}
