package main

import (
	"fmt"
	"os"
	"path/filepath"

	"keelson/init/applet"
	"keelson/init/applet/analyze"
	"keelson/init/applet/cat"
	"keelson/init/applet/configure"
	"keelson/init/applet/detectvirt"
	"keelson/init/applet/escape"
	"keelson/init/applet/journalctl"
	"keelson/init/applet/notify"
	runapplet "keelson/init/applet/run"
	"keelson/init/applet/service"
	"keelson/init/applet/systemctl"
)

// An appletRun is a client program. args[0] is the name it was called by; it returns the exit status.
type appletRun func(args []string) int

// applets are early.Applets but for the manager's names.
var applets = map[string]appletRun{
	"journalctl":          hosted(journalctl.Main),
	"systemd-analyze":     hosted(analyze.Main),
	"systemd-cat":         hosted(cat.Main),
	"systemd-detect-virt": hosted(detectvirt.Main),
	"systemd-escape":      hosted(escape.Main),
	"systemd-notify":      hosted(notify.Main),
	"systemd-run":         hosted(runapplet.Main),
	"systemd-sysusers":    hosted(configure.Sysusers),
	"systemd-tmpfiles":    hosted(configure.Tmpfiles),
	"service": func(args []string) int {
		h := applet.Process()
		defer h.Flush()
		return service.Main(args, h, func(q systemctl.JournalQuery) ([]string, bool) { return lastLines(h, q) })
	},
	"systemctl": runSystemctl,
	"halt":      runSystemctl,
	"poweroff":  runSystemctl,
	"reboot":    runSystemctl,
	"shutdown":  runSystemctl,
	"runlevel":  runSystemctl,
	"telinit":   runSystemctl,
}

// hosted is a program that wants nothing but its surroundings.
func hosted(main func([]string, *applet.Host) int) appletRun {
	return func(args []string) int {
		h := applet.Process()
		defer h.Flush()
		return main(args, h)
	}
}

// appletOf finds the program that a name stands for.
func appletOf(argv0 string) (appletRun, bool) {
	run, ok := applets[filepath.Base(argv0)]
	return run, ok
}

// runApplet is an applet by its name, as keelson ctl is systemctl.
func runApplet(name string, args []string) int {
	run, ok := applets[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "keelson: %s is not part of this binary\n", name)
		return exitUsage
	}
	return run(append([]string{name}, args...))
}

func runSystemctl(args []string) int {
	h := applet.Process()
	defer h.Flush()
	return systemctl.Main(args, h, func(q systemctl.JournalQuery) ([]string, bool) { return lastLines(h, q) })
}

// lastLines are what systemctl status shows of the journal.
func lastLines(h *applet.Host, q systemctl.JournalQuery) (lines []string, cut bool) {
	lines, cut, err := journalctl.Tail(h, journalctl.Query(q))
	if err != nil {
		return nil, false
	}
	return lines, cut
}
