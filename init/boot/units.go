package boot

import (
	"strings"

	"keelson/init/loop"
	"keelson/supervise/unit"
)

// Units that the command line makes. They are in memory, in the folder of generators, so that a file of the image's own comes first.
const (
	generated   = "/run/systemd/generator/"
	ownTarget   = "keelson.target"
	commandUnit = "keelson-command.service"
)

// describe writes the units for what the command line says, and gives the one to boot.
func (o Options) describe(files loop.Files) string {
	if o.ExitWith != "" {
		name, text := serviceName(o.ExitWith), "[Unit]\nSuccessAction=exit\nFailureAction=exit\n"
		if unit.TypeOf(name) == unit.TypeService {
			text += "[Service]\nRestartMode=direct\n" // one that is started again has not ended
		}
		files.Own.AddFile("/run/systemd/system.control/"+name+".d/50-keelson-exit.conf", text)
	}
	for name, text := range o.Files {
		files.Own.AddFile(generated+name, text)
	}
	units := make([]string, len(o.Units))
	for i, name := range o.Units {
		units[i] = serviceName(name)
	}
	for _, s := range o.Services {
		files.Own.AddFile(generated+s.Unit(), s.Text())
		units = append(units, s.Unit())
	}
	if o.Command != nil {
		files.Own.AddFile(generated+commandUnit, o.commandText())
		units = append(units, commandUnit)
	}
	if o.ExitWith != "" && len(o.Units) == 0 {
		units = append(units, serviceName(o.ExitWith))
	}
	switch {
	case len(units) == 0:
		return "default.target"
	case len(o.Units) == 0 && len(o.Services) == 0: // a command beside all that is enabled
		files.Own.AddFile(generated+ownTarget, "[Unit]\nDescription=Enabled Units and Command Line\nAllowIsolate=yes\nRequires=default.target\nAfter=default.target\nWants="+strings.Join(units, " ")+"\n")
	default:
		files.Own.AddFile(generated+ownTarget, "[Unit]\nDescription=Units of the Command Line\nAllowIsolate=yes\nWants="+strings.Join(units, " ")+"\nAfter="+strings.Join(units, " ")+"\n")
	}
	return ownTarget
}

// serviceName is a unit's name as a person writes it (systemctl(1): ".service" is added where no suffix is).
func serviceName(name string) string {
	if unit.TypeOf(name) != unit.TypeInvalid {
		return name
	}
	return name + ".service"
}

// commandText is the unit of the command in the foreground. It waits for nothing of what is started beside it, and its end is the
// container's.
func (o Options) commandText() string {
	var b strings.Builder
	b.WriteString("[Unit]\nDescription=Command of the Container\nSuccessAction=exit\nFailureAction=exit\n")
	b.WriteString("[Service]\nType=exec\nKillMode=mixed\nIgnoreSIGPIPE=no\nSyslogLevelPrefix=no\nTimeoutStopSec=infinity\n")
	b.WriteString("ExecStart=:" + quoteAll(o.Command) + "\n")
	return b.String()
}

func (o Options) command() *loop.Command {
	if o.Command == nil {
		return nil
	}
	return loop.NewCommand(commandUnit, o.Inherited)
}
