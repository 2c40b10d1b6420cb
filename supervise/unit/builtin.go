package unit

import "strings"

// Units that systemd's own package brings and that other packages' units name. Images without that package do not have
// their files, so they are built in; a file on disk comes first. systemd.special(7) says what they are for.

// builtin is one well-known unit: what its file would say beyond a description.
type builtin struct {
	name        string
	description string
	unit        string // directives of [Unit], separated by ";"
	rest        string // other sections, lines separated by ";"
}

const (
	isolated   = "AllowIsolate=yes"
	early      = "DefaultDependencies=no"
	passive    = "RefuseManualStart=yes"
	atShutdown = "Conflicts=shutdown.target;Before=shutdown.target"
	// A service without commands succeeds once all else is down, and its success ends the container (systemd.unit(5),
	// SuccessAction=).
	lastOf = early + ";Requires=shutdown.target umount.target final.target;After=shutdown.target umount.target final.target"
)

var builtins = []builtin{
	// The way up.
	{"sysinit.target", "System Initialization", "Conflicts=emergency.service emergency.target;Wants=local-fs.target swap.target;After=local-fs.target swap.target emergency.service emergency.target", ""},
	{"basic.target", "Basic System", "Requires=sysinit.target;Wants=sockets.target timers.target paths.target slices.target;After=sysinit.target sockets.target paths.target slices.target tmp.mount", ""},
	{"multi-user.target", "Multi-User System", "Requires=basic.target;Conflicts=rescue.service rescue.target;After=basic.target rescue.service rescue.target;" + isolated, ""},
	{"graphical.target", "Graphical Interface", "Requires=multi-user.target;Wants=display-manager.service;Conflicts=rescue.service rescue.target;After=multi-user.target rescue.service rescue.target display-manager.service;" + isolated, ""},
	{"rescue.target", "Rescue Mode", "Requires=sysinit.target;After=sysinit.target;" + isolated, ""},
	{"emergency.target", "Emergency Mode", isolated, ""},

	// What other units gather at.
	{"sockets.target", "Socket Units", "", ""},
	{"timers.target", "Timer Units", early + ";" + atShutdown, ""},
	{"paths.target", "Path Units", early + ";" + atShutdown, ""},
	{"slices.target", "Slice Units", "Wants=-.slice system.slice;After=-.slice system.slice", ""},
	{"local-fs-pre.target", "Preparation for Local File Systems", passive, ""},
	{"local-fs.target", "Local File Systems", early + ";" + atShutdown + ";After=local-fs-pre.target;OnFailure=emergency.target;OnFailureJobMode=replace-irreversibly", ""},
	{"remote-fs-pre.target", "Preparation for Remote File Systems", passive, ""},
	{"remote-fs.target", "Remote File Systems", early + ";" + atShutdown + ";After=remote-fs-pre.target", ""},
	{"swap.target", "Swaps", "", ""},
	{"cryptsetup-pre.target", "Local Encrypted Volumes (Pre)", passive + ";Before=cryptsetup.target", ""},
	{"cryptsetup.target", "Local Encrypted Volumes", "", ""},
	{"getty-pre.target", "Preparation for Logins", passive, ""},
	{"getty.target", "Login Prompts", "", ""},
	{"machines.target", "Containers", "Before=multi-user.target", ""},
	{"printer.target", "Printer Support", "StopWhenUnneeded=yes", ""},
	{"sound.target", "Sound Card", "StopWhenUnneeded=yes", ""},
	{"bluetooth.target", "Bluetooth Support", "StopWhenUnneeded=yes", ""},
	{"smartcard.target", "Smart Card", "StopWhenUnneeded=yes", ""},
	{"network-pre.target", "Preparation for Network", passive, ""},
	{"network.target", "Network", passive + ";After=network-pre.target", ""},
	{"network-online.target", "Network is Online", "After=network.target", ""},
	{"nss-lookup.target", "Host and Network Name Lookups", passive, ""},
	{"nss-user-lookup.target", "User and Group Name Lookups", passive, ""},
	{"rpcbind.target", "RPC Port Mapper", passive, ""},
	{"time-set.target", "System Time Set", passive, ""},
	{"time-sync.target", "System Time Synchronized", passive + ";After=time-set.target;Wants=time-set.target", ""},
	{"first-boot-complete.target", "First Boot Complete", passive, ""},
	{"boot-complete.target", "Boot Completion Check", "Requires=sysinit.target;After=sysinit.target", ""},
	{"system-update.target", "Offline System Update", isolated, ""},

	// The way down.
	{"shutdown.target", "System Shutdown", early + ";" + passive, ""},
	{"umount.target", "Unmount All Filesystems", early + ";" + passive, ""},
	{"final.target", "Late Shutdown Services", early + ";" + passive + ";After=shutdown.target umount.target", ""},
	{"poweroff.target", "System Power Off", early + ";Requires=systemd-poweroff.service;After=systemd-poweroff.service;" + isolated, ""},
	{"systemd-poweroff.service", "System Power Off", lastOf + ";SuccessAction=poweroff-force", ""},
	{"reboot.target", "System Reboot", early + ";Requires=systemd-reboot.service;After=systemd-reboot.service;" + isolated, ""},
	{"systemd-reboot.service", "System Reboot", lastOf + ";SuccessAction=reboot-force", ""},
	{"halt.target", "System Halt", early + ";Requires=systemd-halt.service;After=systemd-halt.service;" + isolated, ""},
	{"systemd-halt.service", "System Halt", lastOf + ";SuccessAction=poweroff-force", ""},
	{"exit.target", "Exit the Service Manager", early + ";Requires=systemd-exit.service;After=systemd-exit.service;" + isolated, ""},
	{"systemd-exit.service", "Exit the Service Manager", lastOf + ";SuccessAction=exit-force", ""},

	// What the manager itself serves: sockets that loggers name. They are there before any unit.
	{"syslog.socket", "Syslog Socket", early + ";Before=sockets.target;" + atShutdown, "[Socket];ListenDatagram=/run/systemd/journal/syslog;SocketMode=0666;PassCredentials=yes;PassSecurity=yes;ReceiveBuffer=8M"},
}

// builtinAliases are second names of built-in units.
var builtinAliases = map[string]string{
	"default.target":      "multi-user.target",
	"ctrl-alt-del.target": "reboot.target",
	"runlevel0.target":    "poweroff.target",
	"runlevel1.target":    "rescue.target",
	"runlevel2.target":    "multi-user.target",
	"runlevel3.target":    "multi-user.target",
	"runlevel4.target":    "multi-user.target",
	"runlevel5.target":    "graphical.target",
	"runlevel6.target":    "reboot.target",
}

// wellKnown gives the main name and the text of a built-in unit; for others the name as it is and "".
func wellKnown(name string) (main, text string) {
	main = name
	if target, ok := builtinAliases[name]; ok {
		main = target
	}
	for _, b := range builtins {
		if b.name == main {
			lines := "[Unit]\nDescription=" + b.description + "\nDocumentation=man:systemd.special(7)\n"
			for _, part := range []string{b.unit, b.rest} {
				if part != "" {
					lines += strings.ReplaceAll(part, ";", "\n") + "\n"
				}
			}
			return main, lines
		}
	}
	return name, ""
}

// Builtins lists the names of all built-in units, in order of the way up and down; aliases are not among them.
func Builtins() []string {
	list := make([]string, 0, len(builtins))
	for _, b := range builtins {
		list = append(list, b.name)
	}
	return list
}
