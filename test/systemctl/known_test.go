package systemctl

import (
	"regexp"
	"slices"
	"strings"
)

// A difference is one that is there to stay.
type difference struct {
	command string // the lines of a script that it is seen in
	drop    string // the lines of the answer that are left out of the comparison
	keep    string // the only ones that are not
	sort    bool   // the order of the lines is
	squeeze bool   // the width of columns is, and the drawing of trees
	all     bool   // the whole answer is
	reason  string

	commandRE, dropRE, keepRE *regexp.Regexp
}

// known are all of them. What real systemd has of its own in a container keelson holds back (init/boot/hold.go): mounts, the journal, logins, hardware.
var known = compile([]difference{
	// What a run with other privileges shows.
	{command: `status`, drop: `.* CPU: T`, reason: "real systemd measures no processor time in the oracle's control groups of version 1"},
	{command: `status.*(zoo-s|dbus\.socket)`, drop: ` +(Tasks: 0\W.*|Memory: N|CGroup: /system.slice/.*\.socket)`, reason: "a socket has no processes, and keelson makes no control group of none"},
	{command: `show|Get\w+PropertiesContext`, drop: `ControlGroup=(/system.slice/.*\.socket)?|ControlGroupId=.*|CanFreeze=.*|Tainted=.*`, reason: "Docker's default privileges permit no control groups"},
	{command: `show|Get\w+PropertiesContext`, drop: `(Default)?Limit(NOFILE|MEMLOCK)(Soft)?=.*`, reason: "real systemd raises its own limits, which takes CAP_SYS_RESOURCE"},
	{command: `status.* (1|-\.slice|.*init\.scope)$|show.*(-\.slice|init\.scope|-\.mount)$`, all: true, reason: "keelson has no control group of its own and of the root's; its PID 1 is no unit"},

	// What real systemd runs, and keelson does not.
	{command: `list-(units|unit-files|sockets|timers|automounts|dependencies)( -\S+| [a-z,]+| [\w-]+\.(target|service))*$`,
		keep: `(UNIT|LISTEN|NEXT|WHAT)\b.*|.*\b(zoo|ape)\b.*|--.*`, squeeze: true, reason: "a list of all there is has other rows, widths and counts"},
	{command: `list-dependencies.*(zoo-|ape$)`, keep: `--.*|.*\b(zoo|ape)\b.*|(\S )?(basic|sysinit)\.target`, squeeze: true, reason: "sysinit.target wants other units"},
	{command: `is-enabled.*console-getty|show multi-user.target|is-active /etc/hosts`, drop: `(Before|After)=.*|disabled|enabled-runtime|(in)?active|-- status.*`,
		reason: "the oracle has a console, logins, and mounts of its own"},
	{command: `show( --all)?$`, drop: `(N\w+|ShowStatus|ControlGroup)=.*`, reason: "other units are loaded, and the oracle has a console"},
	{command: `show.*\.(socket|path)|GetUnitPathPropertiesContext`, drop: `After=.*`, reason: "the root directory is a mount unit of real systemd's own"},
	{command: `show -p Version`, drop: `Version=.*`, reason: "keelson says that it is keelson"},
	{command: `show( --all)?$`, drop: `(Version|Features)=.*`, reason: "and what it was built with"},
	{command: `show -P DropInPaths ape-once`, all: true, reason: "keelson looks for drop-ins of a unit that it knows at a daemon-reload alone"},
	{command: `cat zoo-sysv`, all: true, reason: "units of init scripts are in the manager's memory"},

	// Orders and words.
	{command: `zoo-(\*|[fs]\*)'`, sort: true, reason: "real systemd lists what a pattern matches in the order of a hash table"},
	{command: `disable|revert|reenable|unmask`, sort: true, reason: "links go in the order in which a directory lists them"},
	{command: `show .*\.path`, drop: `RequiresMountsFor=.*`, reason: "real systemd gives the paths in the order of a hash table"},
	{command: `status.*zoo-oneshot`, drop: `(TriggeredBy: | +)● zoo-(timer\.timer|mono\.timer|path\.path)`, reason: "what triggers a unit comes in the order of a hash table"},
	{command: `stop --job-mode=fail`, drop: `Failed to stop .* is destructive \(.*`, reason: "of two jobs in the way the one is named that a hash table has first"},
	{command: `list-jobs`, squeeze: true, reason: "real systemd has had more jobs by then, so their numbers are wider"},
	{command: `cat`, drop: `# (This is a drop-in unit file extension|or an equivalent operation|A drop-in made by).*`, reason: "the comment is in each one's own words"},
})

func compile(list []difference) []difference {
	lines := func(of string) *regexp.Regexp {
		if of == "" {
			return nil
		}
		return regexp.MustCompile(`^(` + of + `)$`)
	}
	for i, d := range list {
		list[i].commandRE, list[i].dropRE, list[i].keepRE = regexp.MustCompile(`systemctl .*\b(`+d.command+`)|systemctl (`+d.command+`)|^(`+d.command+`)$`), lines(d.drop), lines(d.keep)
	}
	return list
}

var tree = regexp.MustCompile("[├└│─`|]|\x1b\\[[\\d;]*m")

// allow takes out of the answer to a line what is known to differ.
func allow(line, text string) string {
	lines := strings.Split(text, "\n")
	for _, d := range known {
		if !d.commandRE.MatchString(line) {
			continue
		}
		if d.all {
			return ""
		}
		if d.squeeze {
			for i, l := range lines {
				lines[i] = strings.Join(strings.Fields(tree.ReplaceAllString(l, " ")), " ")
			}
		}
		if d.dropRE != nil {
			lines = slices.DeleteFunc(lines, d.dropRE.MatchString)
		}
		if d.keepRE != nil {
			lines = slices.DeleteFunc(lines, func(l string) bool { return !d.keepRE.MatchString(l) })
		}
		if d.sort {
			slices.Sort(lines)
		}
	}
	return strings.Join(lines, "\n")
}
