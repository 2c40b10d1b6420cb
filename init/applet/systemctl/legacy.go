package systemctl

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
)

// legacies are the names that make systemctl another program; a part of the name called by is enough, in this order
// (systemctl_dispatch_parse_argv of systemctl.c).
var legacies = []struct {
	name string
	run  func(c *ctl, args []string) int
}{
	{"halt", func(c *ctl, args []string) int { return c.halt("halt", args) }},
	{"poweroff", func(c *ctl, args []string) int { return c.halt("poweroff", args) }},
	{"reboot", func(c *ctl, args []string) int { return c.halt("reboot", args) }},
	{"shutdown", (*ctl).shutdown},
	{"init", (*ctl).telinit},
	{"runlevel", (*ctl).runlevel},
}

// legacyOptions reads the options of a legacy program. If ok is false there is no more to do.
func (c *ctl) legacyOptions(args []string, table []setting) (rest []string, status int, ok bool) {
	if c.Chroot() {
		c.Infof("Running in chroot, ignoring request.")
		return nil, 0, false
	}
	opts := make([]applet.Option, len(table))
	for i := range table {
		opts[i] = table[i].Option
	}
	rest, err := applet.Getopt(args, opts, applet.Permute, func(g applet.Given) error { return table[g.Option].set(c, g) })
	var usage applet.UsageError
	switch {
	case errors.Is(err, errDone):
		return nil, 0, false
	case errors.As(err, &usage):
		return nil, c.Usage(err), false
	case err != nil:
		return nil, 1, false
	}
	return rest, 0, true
}

// helpOption prints a help text and ends the program.
func helpOption(text string) setting {
	return setting{applet.Option{Long: "help"}, func(c *ctl, _ applet.Given) error {
		c.Printf("%s %s", c.Name(), text)
		return errDone
	}}
}

const haltHelp = `[OPTIONS…]

Ends the system: halt, poweroff and reboot are the same but for what comes after.

     --help          This text
     --halt          Halt
  -p --poweroff      Power off
     --reboot        Reboot
  -f --force         At once, without stopping services; twice what systemctl's does
  -w --wtmp-only     Write the record of it only, which is here: do nothing
  -d --no-wtmp       Write no record
  -n --no-sync       Do not sync
     --no-wall       Do not tell users
`

// halt is halt(8), poweroff(8) and reboot(8).
func (c *ctl) halt(verb string, args []string) int {
	rest, status, ok := c.legacyOptions(args, []setting{
		helpOption(haltHelp),
		word("halt", 0, func(*ctl) { verb = "halt" }),
		word("poweroff", 'p', func(*ctl) {
			if verb != "reboot" {
				verb = "poweroff"
			}
		}),
		word("reboot", 0, func(*ctl) { verb = "reboot" }),
		word("force", 'f', func(c *ctl) { c.force = 2 }),
		word("wtmp-only", 'w', func(c *ctl) { c.dryRun = true }),
		word("no-wtmp", 'd', func(c *ctl) { c.noWTMP = true }),
		word("no-sync", 'n', func(c *ctl) { c.noSync = true }),
		word("no-wall", 0, func(c *ctl) { c.noWall = true }),
		word("", 'i', func(*ctl) {}), word("", 'h', func(*ctl) {}), // SysV's, without a meaning
	})
	switch {
	case !ok:
		return status
	case verb == "reboot" && len(rest) <= 1:
		c.rebootArgument = strings.Join(rest, "")
		if (len(rest) > 0 || exists(c.Path("/run/systemd/reboot-param"))) && c.setRebootArgument() != nil {
			return 1
		}
	case len(rest) > 0:
		return c.Fail("Too many arguments.")
	}
	return c.end(actionOf(verb))
}

// end ends the system: by logind, by the target, by asking PID 1 in other ways (halt_main of systemctl-compat-halt.c).
func (c *ctl) end(a action) int {
	a.legacy = true
	if c.force == 0 {
		if status, done := c.login(a); done {
			return status
		}
		c.noBlock = true
		if !c.dryRun {
			return c.startWithFallback(a, endSignals[a.verb])
		}
	}
	switch {
	case os.Geteuid() != 0:
		return c.Fail("Need to be root.")
	case c.dryRun:
		return 0
	}
	return c.haltNow(a)
}

// endSignals are what PID 1 understands without D-Bus: SIGRTMIN+3, 4 and 5 halt, power off and reboot (systemd(1), "Signals").
var endSignals = map[string]syscall.Signal{"halt": 37, "poweroff": 38, "reboot": 39, "kexec": 40, "rescue": 35, "default": 34}

// signalInit sends a signal to PID 1. That of another root directory is none of ours.
func (c *ctl) signalInit(signal syscall.Signal) error {
	if c.Root != "" {
		return syscall.ESRCH
	}
	return syscall.Kill(1, signal)
}

// startWithFallback starts an action's target, or asks PID 1 by signal if that cannot be.
func (c *ctl) startWithFallback(a action, signal syscall.Signal) int {
	if c.Booted() && c.startAction(a) == 0 {
		return 0
	}
	if signal != 0 && c.Booted() && c.signalInit(signal) == nil {
		return 0
	}
	return c.Fail("Failed to talk to init daemon: %s", applet.Errno(syscall.EHOSTDOWN))
}

const telinitHelp = `[OPTIONS…] COMMAND

Sends a command to the manager:

  0              Power off
  6              Reboot
  2, 3, 4, 5     Start the target of a runlevel
  1, s, S        Rescue mode
  q, Q           Read all units again
  u, U           Execute the manager again

     --help      This text
     --no-wall   Do not tell users
`

// telinitActions are telinit(8)'s commands.
var telinitActions = map[string]action{
	"0": actionOf("poweroff"), "6": actionOf("reboot"), "1": actionOf("rescue"), "s": actionOf("rescue"), "S": actionOf("rescue"),
	"2": {target: "multi-user.target", mode: isolate}, "3": {target: "multi-user.target", mode: isolate},
	"4": {target: "multi-user.target", mode: isolate}, "5": {target: "graphical.target", mode: isolate},
}

// telinit is telinit(8), and init where it is not PID 1.
func (c *ctl) telinit(args []string) int {
	if !c.Booted() {
		return c.Fail("Couldn't find an alternative telinit implementation to spawn.")
	}
	rest, status, ok := c.legacyOptions(args, []setting{helpOption(telinitHelp), word("no-wall", 0, func(c *ctl) { c.noWall = true })})
	switch {
	case !ok:
		return status
	case len(rest) == 0:
		return c.Fail("%s: required argument missing.", c.Name())
	case len(rest) > 1:
		return c.Fail("Too many arguments.")
	case len(rest[0]) != 1:
		return c.Fail("Expected single character argument.")
	}
	c.action.legacy = true
	switch rest[0] {
	case "q", "Q":
		return c.reloadWithFallback("Reload", syscall.SIGHUP)
	case "u", "U":
		return c.reloadWithFallback("Reexecute", syscall.SIGTERM)
	}
	a, known := telinitActions[rest[0]]
	if !known {
		return c.Fail("Unknown command '%s'.", rest[0])
	}
	if a.ends {
		return c.end(a)
	}
	a.legacy = true
	return c.startWithFallback(a, endSignals[a.verb])
}

// reloadWithFallback is a reload by D-Bus, or by signal.
func (c *ctl) reloadWithFallback(method string, signal syscall.Signal) int {
	m, err := c.connect()
	if err == nil {
		_, err = m.CallFor(manager.ReloadTimeout, manager.Destination, manager.Root, manager.Interface, method)
		if err == nil || method == "Reexecute" && errors.Is(err, syscall.ECONNRESET) {
			return 0
		}
	}
	if err := c.signalInit(signal); err != nil {
		return c.Fail("kill() failed: %s", applet.Cause(err))
	}
	return 0
}

const runlevelHelp = `[OPTIONS…]

Prints the runlevel before, and the present one.

     --help      This text
`

// runlevelTargets are the targets that runlevels are, the highest first.
var runlevelTargets = []struct{ target, level string }{{"graphical.target", "5"}, {"multi-user.target", "3"}, {"rescue.target", "1"}}

// runlevel is runlevel(8). A container has no utmp(5) to read it from; the targets that are active say the same. The runlevel before
// is not known.
func (c *ctl) runlevel(args []string) int {
	rest, status, ok := c.legacyOptions(args, []setting{helpOption(runlevelHelp)})
	switch {
	case !ok:
		return status
	case len(rest) > 0:
		return c.Fail("Too many arguments.")
	case !c.Booted():
		c.Puts("unknown")
		return 1
	}
	m, err := manager.Dial(c.Host)
	if err != nil {
		c.Puts("unknown")
		return 1
	}
	c.conn = m
	for _, r := range runlevelTargets {
		if s, err := m.GetString(manager.UnitPath(r.target), manager.Unit, "ActiveState"); err == nil && s == "active" {
			c.Puts("N " + r.level)
			return 0
		}
	}
	c.Puts("unknown")
	return 1
}

const shutdownHelp = `[OPTIONS…] [TIME] [WALL…]

Ends the system. TIME is "now", "+MINUTES" or "HH:MM", without one in a minute; a time to come needs logind.

     --help      This text
  -H --halt      Halt
  -P --poweroff  Power off
  -r --reboot    Reboot
  -h             Power off, unless --halt
  -k             Do nothing, only tell users
     --no-wall   Do not tell users
  -c             Take a scheduled end back
     --show      Show a scheduled end
`

// shutdown is shutdown(8).
func (c *ctl) shutdown(args []string) int {
	verb := "poweroff"
	rest, status, ok := c.legacyOptions(args, []setting{
		helpOption(shutdownHelp),
		word("halt", 'H', func(*ctl) { verb = "halt" }),
		word("poweroff", 'P', func(*ctl) { verb = "poweroff" }),
		word("reboot", 'r', func(*ctl) { verb = "reboot" }),
		word("kexec", 'K', func(*ctl) { verb = "kexec" }),
		word("", 'h', func(*ctl) {
			if verb != "halt" {
				verb = "poweroff"
			}
		}),
		word("", 'k', func(c *ctl) { c.dryRun = true }),
		word("no-wall", 0, func(c *ctl) { c.noWall = true }),
		word("", 'a', func(*ctl) {}), word("", 'f', func(*ctl) {}), word("", 'F', func(*ctl) {}), // SysV's, without a meaning
		value("", 't', func(*ctl, string) error { return nil }),
		word("", 'c', func(*ctl) { verb = "cancel" }),
		word("show", 0, func(*ctl) { verb = "show" }),
	})
	if !ok {
		return status
	}
	switch verb {
	case "cancel":
		c.wall = rest
		return c.cancelShutdown()
	case "show":
		return c.showShutdown()
	}
	when := uint64(c.Time().Add(time.Minute).UnixMicro())
	if len(rest) > 0 {
		if when, ok = shutdownTime(rest[0], c.Time()); !ok {
			return c.Fail("Failed to parse time specification: %s", rest[0])
		}
		c.wall = rest[1:]
	}
	if when == 0 {
		return c.end(actionOf(verb))
	}
	return c.schedule(verb, when)
}

// shutdownTime is when a system is to end, in microseconds since the epoch; 0 is now (parse_shutdown_time_spec).
func shutdownTime(s string, now time.Time) (uint64, bool) {
	if s == "now" {
		return 0, true
	}
	hours, minutes, clock := strings.Cut(s, ":")
	if !clock {
		n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 32)
		return uint64(now.Add(time.Duration(n) * time.Minute).UnixMicro()), err == nil
	}
	h, err := strconv.ParseUint(hours, 10, 8)
	m, err2 := strconv.ParseUint(minutes, 10, 8)
	if err != nil || err2 != nil || h > 23 || m > 59 {
		return 0, false
	}
	t := time.Date(now.Year(), now.Month(), now.Day(), int(h), int(m), 0, 0, now.Location())
	if !t.After(now) {
		t = t.Add(24 * time.Hour)
	}
	return uint64(t.UnixMicro()), true
}

// schedule has logind end the system later. Without logind it ends now, as nobody would remember.
func (c *ctl) schedule(verb string, when uint64) int {
	m, err := manager.DialBus(c.Host)
	if err == nil {
		defer m.Close()
		what := verb
		if c.dryRun {
			what = "dry-" + verb
		}
		_, err = m.Call(loginName, loginPath, loginInterface, "SetWallMessage", strings.Join(c.wall, " "), !c.noWall)
		if err == nil {
			_, err = m.Call(loginName, loginPath, loginInterface, "ScheduleShutdown", what, when)
		}
	}
	if err != nil {
		c.Warnf("Failed to schedule shutdown: %s", manager.Text(err))
		if c.dryRun {
			return 1
		}
		c.Noticef("Ending now.")
		return c.end(actionOf(verb))
	}
	c.showShutdown()
	return 0
}

func (c *ctl) cancelShutdown() int {
	m, err := manager.DialBus(c.Host)
	if err == nil {
		defer m.Close()
		_, err = m.Call(loginName, loginPath, loginInterface, "CancelScheduledShutdown")
	}
	if err != nil {
		c.Warnf("Failed to talk to logind, shutdown hasn't been cancelled: %s", manager.Text(err))
		return 1
	}
	return 0
}

func (c *ctl) showShutdown() int {
	m, err := manager.DialBus(c.Host)
	if err != nil {
		return c.Fail("Failed to query scheduled shutdown: %s", manager.Text(err))
	}
	defer m.Close()
	v, err := m.GetOf(loginName, loginPath, loginInterface, "ScheduledShutdown")
	if err != nil {
		return c.Fail("Failed to query scheduled shutdown: %s", manager.Text(err))
	}
	row, _ := v.([]any)
	if typesOf(row) != "st" || row[0] == "" {
		return c.Fail("No scheduled shutdown.")
	}
	what := row[0].(string)
	switch what {
	case "halt", "poweroff", "exit":
		what = "Shutdown"
	case "kexec":
		what = "Reboot via kexec"
	case "reboot":
		what = "Reboot"
	}
	c.Infof("%s scheduled for %s, use 'shutdown -c' to cancel.", what,
		calendar.FormatTimestamp(calendar.Usec(row[1].(uint64)), calendar.StylePretty, c.Location()))
	return 0
}
