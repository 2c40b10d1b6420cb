package run

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

const help = `[OPTIONS…] COMMAND [ARGUMENT…]

Runs COMMAND as a service of the manager.

  -h --help                       This text
     --version                    The version
     --scope                      As a scope: in this process
  -u --unit=UNIT                  The unit's name
  -p --property=NAME=VALUE        A property of the unit
     --description=TEXT           What the unit is
     --slice=SLICE                The slice it belongs to
     --slice-inherit              The caller's slice
     --no-block                   Do not wait for the start
  -r --remain-after-exit          Keep the unit when the command has ended
     --wait                       Wait for its end; the exit status is the command's
     --send-sighup                Hang up when it is stopped
     --service-type=TYPE          How to tell that it has started
     --uid=USER --gid=GROUP       Who it is
     --nice=NICE                  Its priority
     --working-directory=PATH -d --same-dir
                                  Where it is
  -E --setenv=NAME[=VALUE]        A variable
  -t --pty                        On a terminal of its own, passed on to this one
  -P --pipe                       On the standard streams of this program
  -q --quiet                      Say nothing
  -G --collect                    Forget the unit even if it fails
  -S --shell                      A shell

     --on-active=TIME --on-boot=TIME --on-startup=TIME --on-unit-active=TIME --on-unit-inactive=TIME
     --on-calendar=SPEC --on-timezone-change --on-clock-change
                                  By a timer
     --timer-property=NAME=VALUE --path-property=NAME=VALUE --socket-property=NAME=VALUE
                                  Properties of what starts it
`

// stdio is where the service's standard streams go.
type stdio uint8

const (
	stdioNone   stdio = iota // to the journal
	stdioDirect              // to those of this program
	stdioPTY                 // to a terminal
	stdioAuto                // either, as there is a terminal here
)

// program is one call.
type program struct {
	*applet.Host
	unit, description, slice, serviceType      string
	execUser, execGroup, directory, remote     string
	scope, user, quiet, noBlock, wait, collect bool
	remain, sighup, sliceInherit, shell, timer bool
	nice                                       int32
	hasNice                                    bool
	stdio                                      stdio
	environment, properties                    []string
	timerProperties, pathProperties            []string
	socketProperties, command                  []string
}

func (p *program) settings() []applet.Setting {
	flag := func(b *bool) func() { return func() { *b = true } }
	list := func(l *[]string) func(string) error { return func(s string) error { *l = append(*l, s); return nil } }
	onTimer := func(long, name string) applet.Setting {
		return applet.Value(long, 0, func(s string) error { p.addTimer(name, s); return nil })
	}
	return []applet.Setting{
		applet.Switch("user", 0, func() { p.user = true }), applet.Switch("system", 0, func() { p.user = false }),
		applet.Switch("scope", 0, flag(&p.scope)),
		applet.Into("unit", 'u', &p.unit), applet.Into("description", 0, &p.description),
		applet.Into("slice", 0, &p.slice), applet.Switch("slice-inherit", 0, flag(&p.sliceInherit)),
		applet.Switch("remain-after-exit", 'r', flag(&p.remain)), applet.Switch("send-sighup", 0, flag(&p.sighup)),
		applet.Into("host", 'H', &p.remote), applet.Into("machine", 'M', &p.remote),
		applet.Into("service-type", 0, &p.serviceType), applet.Switch("wait", 0, flag(&p.wait)),
		applet.Into("uid", 0, &p.execUser), applet.Into("gid", 0, &p.execGroup),
		applet.Value("nice", 0, p.setNice), applet.Value("setenv", 'E', p.setVariable),
		applet.Value("property", 'p', list(&p.properties)),
		applet.Switch("tty", 't', func() { p.setStdio(stdioPTY) }), applet.Switch("pty", 't', func() { p.setStdio(stdioPTY) }),
		applet.Switch("pipe", 'P', func() { p.setStdio(stdioDirect) }), applet.Switch("quiet", 'q', flag(&p.quiet)),
		onTimer("on-active", "OnActiveSec"), onTimer("on-boot", "OnBootSec"), onTimer("on-startup", "OnStartupSec"),
		onTimer("on-unit-active", "OnUnitActiveSec"), onTimer("on-unit-inactive", "OnUnitInactiveSec"),
		applet.Value("on-calendar", 0, p.setCalendar),
		applet.Switch("on-timezone-change", 0, func() { p.addTimer("OnTimezoneChange", "yes") }),
		applet.Switch("on-clock-change", 0, func() { p.addTimer("OnClockChange", "yes") }),
		applet.Value("timer-property", 0, p.setTimerProperty),
		applet.Value("path-property", 0, list(&p.pathProperties)), applet.Value("socket-property", 0, list(&p.socketProperties)),
		applet.Switch("no-block", 0, flag(&p.noBlock)), applet.Switch("no-ask-password", 0, func() {}),
		applet.Switch("collect", 'G', flag(&p.collect)),
		applet.Value("working-directory", 0, p.setDirectory), applet.Switch("same-dir", 'd', func() { p.directory = workingDirectory() }),
		applet.Switch("shell", 'S', flag(&p.shell)),
	}
}

// workingDirectory is where this program is, "" for the root directory or if nobody knows.
func workingDirectory() string {
	d, err := os.Getwd()
	if err != nil || d == "/" {
		return ""
	}
	return d
}

func (p *program) addTimer(name, value string) {
	p.timerProperties = append(p.timerProperties, name+"="+value)
	p.timer = true
}

// timerKinds are the properties that make a timer elapse.
var timerKinds = []string{"OnActiveSec=", "OnBootSec=", "OnStartupSec=", "OnUnitActiveSec=", "OnUnitInactiveSec=", "OnCalendar="}

func (p *program) setTimerProperty(s string) error {
	p.timerProperties = append(p.timerProperties, s)
	for _, k := range timerKinds {
		p.timer = p.timer || strings.HasPrefix(s, k)
	}
	return nil
}

func (p *program) setCalendar(s string) error {
	spec, err := calendar.Parse(s, calendar.Zones{Local: p.Location()})
	if err != nil {
		return p.Tell("Failed to parse calendar event specification: Invalid argument")
	}
	if _, ok := spec.Next(p.Time()); !ok {
		p.Warnf("Specified calendar expression is in the past, proceeding anyway.")
	}
	p.addTimer("OnCalendar", s)
	return nil
}

func (p *program) setNice(s string) error {
	n, err := strconv.ParseInt(s, 0, 32)
	if err != nil || n < -20 || n > 19 {
		return p.Tell("Failed to parse nice value: %s", s)
	}
	p.nice, p.hasNice = int32(n), true
	return nil
}

// setVariable takes NAME=VALUE, or NAME for the variable of this program.
func (p *program) setVariable(s string) error {
	name, _, given := strings.Cut(s, "=")
	if !unit.ValidVariableName(name) {
		return p.Tell("Cannot assign environment variable %s: Invalid argument", s)
	}
	if !given {
		value, set := p.Lookupenv(name)
		if !set {
			return nil
		}
		s = name + "=" + value
	}
	p.environment = unit.SetVariable(p.environment, s)
	return nil
}

func (p *program) setDirectory(s string) error {
	if s == "" || s == "/" {
		p.directory = ""
		return nil
	}
	d, err := filepath.Abs(s)
	if err != nil {
		return p.Tell("Failed to parse path \"%s\" and make it absolute: %s", s, applet.Cause(err))
	}
	p.directory = d
	return nil
}

// setStdio takes one way; with both of them the program chooses.
func (p *program) setStdio(way stdio) {
	if p.stdio != stdioNone && p.stdio != way {
		way = stdioAuto
	}
	p.stdio = way
}

// settle makes up its mind where options leave a choice, and refuses those that exclude each other.
func (p *program) settle(rest []string) error {
	triggers := 0
	for _, has := range []bool{len(p.pathProperties) > 0, len(p.socketProperties) > 0, p.timer} {
		if has {
			triggers++
		}
	}
	if triggers > 1 {
		return p.Tell("Only single trigger (path, socket, timer) unit can be created.")
	}
	if p.shell {
		p.settleShell()
	}
	if p.stdio == stdioAuto {
		p.stdio = stdioDirect
		if terminal(0) && terminal(1) && terminal(2) {
			p.stdio = stdioPTY
		}
	}
	switch {
	case len(rest) > 0 && p.shell:
		return p.Tell("If --shell is used, no command line is expected.")
	case len(rest) > 0:
		p.command = rest
	case p.shell:
		if s := p.Getenv("SHELL"); s != "" {
			p.command = []string{s}
		} else {
			p.command = []string{"/bin/sh"}
		}
	case p.unit == "" || triggers == 0:
		return p.Tell("Command line to execute required.")
	}
	return p.conflicts(triggers > 0)
}

// settleShell is what --shell implies.
func (p *program) settleShell() {
	p.collect = true
	if p.scope {
		return
	}
	if p.stdio == stdioNone {
		p.stdio = stdioAuto
	}
	if p.directory == "" {
		p.directory = workingDirectory()
	}
	if p.serviceType == "" {
		p.serviceType = "exec"
	}
	p.wait = true
}

func (p *program) conflicts(triggered bool) error {
	for _, c := range []struct {
		given bool
		text  string
	}{
		{p.scope && (p.remain || p.serviceType != ""), "--remain-after-exit and --service-type= are not supported in --scope mode."},
		{p.stdio != stdioNone && (triggered || p.scope), "--pty/--pipe is not compatible in timer or --scope mode."},
		{p.stdio != stdioNone && p.noBlock, "--pty/--pipe is not compatible with --no-block."},
		{p.scope && triggered, "Path, socket or timer options are not supported in --scope mode."},
		{len(p.timerProperties) > 0 && !p.timer, "--timer-property= has no effect without any other timer options."},
		{p.wait && p.noBlock, "--wait may not be combined with --no-block."},
		{p.wait && triggered, "--wait may not be combined with path, socket or timer operations."},
		{p.wait && p.scope, "--wait may not be combined with --scope."},
	} {
		if c.given {
			return p.Tell("%s", c.text)
		}
	}
	return nil
}

func terminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}
