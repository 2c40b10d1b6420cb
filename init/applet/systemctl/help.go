package systemctl

import (
	"strings"

	"keelson/init/applet"
	"keelson/supervise/unit"
)

// helpText describes verbs and options: a line of three fields each, or a heading.
const helpText = `Commands for units:
list-units [PATTERN…]|units in memory
list-automounts, list-paths, list-sockets, list-timers [PATTERN…]|units of one kind, by what they wait for
is-active, is-failed PATTERN…|ask for the state
status [PATTERN…|PID…]|state, processes and last log lines
show [PATTERN…|JOB…]|properties of units, jobs or the manager
cat PATTERN…|files of units
help PATTERN…|PID…|manual pages of units
list-dependencies [UNIT…]|what units need, as a tree
start, stop, reload, restart UNIT…|change the state
try-restart, reload-or-restart, try-reload-or-restart UNIT…|the same, under a condition
isolate UNIT|start one, stop all others
kill UNIT…|signal the processes
clean UNIT…|remove files that units have made
freeze, thaw PATTERN…|halt the processes, and let them go on
set-property UNIT PROPERTY=VALUE…|change properties at run time
service-log-level, service-log-target SERVICE [VALUE]|how a service logs
reset-failed [PATTERN…]|forget failures
whoami [PID…]|the unit of a process

Commands for unit files:
list-unit-files [PATTERN…]|installed unit files
enable, disable, reenable, preset UNIT…|what is started at boot
preset-all|apply the presets to all
is-enabled UNIT…|ask whether it is started at boot
mask, unmask UNIT…|forbid the start, and allow it
link PATH…|make a file elsewhere a unit file
revert UNIT…|drop local changes
add-wants, add-requires TARGET UNIT…|add dependencies
edit UNIT…|write a drop-in with an editor
get-default, set-default [TARGET]|the target of the boot

Commands for jobs, the environment and the manager:
list-jobs [PATTERN…], cancel [JOB…]|jobs
show-environment, set-environment, unset-environment, import-environment|variables that units get
daemon-reload, daemon-reexec|read all units again, execute the manager again
log-level, log-target [VALUE], service-watchdogs [BOOL]|settings of the manager
list-machines [PATTERN…]|this machine

Commands for the system:
is-system-running|the state of all
default, rescue, emergency|change to a target
halt, poweroff, reboot, kexec, exit [STATUS]|end

Options:
-t --type=TYPE, --state=STATE, --failed|which units
-p --property=NAME, -P NAME, --value|which properties
-a --all, -l --full, -r --recursive|more of it
--reverse, --after, --before, --with-dependencies|which dependencies
--job-mode=MODE, -T --show-transaction, --no-block, --wait|how to queue a job, and what to wait for
--show-types, --plain, --legend=BOOL, -q --quiet, --no-warn|what is shown
-n --lines=NUMBER, -o --output=FORMAT, --timestamp=STYLE|how logs and times are shown
-s --signal=SIGNAL, --kill-whom=WHOM, --kill-value=NUMBER|what to kill, and how
--what=RESOURCES|what to clean
--now, --no-reload, --runtime, -f --force, --preset-mode=MODE|how to enable
--drop-in=NAME, --stdin|how to edit
--root=PATH|unit files below another directory
-i, --check-inhibitors=BOOL, --no-wall, --message=TEXT, --reboot-argument=TEXT|how to end
--dry-run|say what would be done
--system, --user|which manager
-h --help, --version, --no-pager, --no-ask-password|the usual

A name without a suffix is a service, a path is a mount. systemctl(1) has the details; suspending, firmware, other hosts and images
are not for containers.
`

// help prints the verbs and options.
func (c *ctl) help() {
	c.page()
	c.Printf("%s [OPTIONS…] COMMAND …\n\n", c.Name())
	for line := range strings.SplitSeq(strings.TrimSuffix(helpText, "\n"), "\n") {
		i := strings.LastIndexByte(line, '|')
		if i < 0 {
			if strings.HasSuffix(line, ":") {
				line = c.UnderlinedColour(applet.Normal) + line + c.Colour(applet.Normal)
			}
			c.Puts(line)
			continue
		}
		c.Printf("  %s\n        %s\n", line[:i], line[i+1:])
	}
}

// Version is the release of systemd whose behaviour this is: what programs read that ask.
const Version = "252"

func (c *ctl) version() {
	c.Puts("systemd " + Version + " (keelson)")
	c.Puts("-PAM -AUDIT -SELINUX -APPARMOR +SECCOMP default-hierarchy=unified")
}

// loadStates and activeStates are the words of those states (unit-def.c).
var (
	loadStates   = []string{"stub", "loaded", "not-found", "bad-setting", "error", "merged", "masked"}
	activeStates = []string{"active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance"}
	fileStates   = []string{
		"enabled", "enabled-runtime", "linked", "linked-runtime", "alias", "masked", "masked-runtime", "static", "disabled", "indirect",
		"generated", "transient", "bad",
	}
)

// typesInOrder are the unit types in the order of unit-def.h.
var typesInOrder = []unit.Type{
	unit.TypeService, unit.TypeMount, unit.TypeSwap, unit.TypeSocket, unit.TypeTarget, unit.TypeDevice, unit.TypeAutomount, unit.TypeTimer,
	unit.TypePath, unit.TypeSlice, unit.TypeScope,
}

func typeNames() []string {
	names := make([]string, len(typesInOrder))
	for i, t := range typesInOrder {
		names[i] = t.String()
	}
	return names
}

// subStates are the states of each type (unit-def.c), as words apart.
var subStates = []struct{ unit, states string }{
	{"automount", "dead waiting running failed"},
	{"device", "dead tentative plugged"},
	{"mount", "dead mounting mounting-done mounted remounting unmounting remounting-sigterm remounting-sigkill unmounting-sigterm unmounting-sigkill failed cleaning"},
	{"path", "dead waiting running failed"},
	{"scope", "dead start-chown running abandoned stop-sigterm stop-sigkill failed"},
	{"service", "dead condition start-pre start start-post running exited reload stop stop-watchdog stop-sigterm stop-sigkill stop-post " +
		"final-watchdog final-sigterm final-sigkill failed auto-restart cleaning"},
	{"slice", "dead active"},
	{"socket", "dead start-pre start-chown start-post listening running stop-pre stop-pre-sigterm stop-pre-sigkill stop-post final-sigterm final-sigkill failed cleaning"},
	{"swap", "dead activating activating-done active deactivating deactivating-sigterm deactivating-sigkill failed cleaning"},
	{"target", "dead active"},
	{"timer", "dead waiting running elapsed failed"},
}

func (c *ctl) helpTypes() {
	if c.hasLegend() {
		c.Puts("Available unit types:")
	}
	c.puts(typeNames())
}

func (c *ctl) helpStates() {
	gap := ""
	group := func(what string, words []string) {
		if c.hasLegend() {
			c.Puts(gap + "Available " + what + ":")
			gap = "\n"
		}
		c.puts(words)
	}
	group("unit load states", loadStates)
	group("unit active states", activeStates)
	group("unit file states", fileStates)
	for _, s := range subStates {
		group(s.unit+" unit substates", strings.Fields(s.states))
	}
}
