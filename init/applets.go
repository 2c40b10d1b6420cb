package main

import (
	"fmt"
	"os"
	"path/filepath"

	"keelson/init/applet"
	"keelson/init/applet/journalctl"
	"keelson/init/applet/systemctl"
)

// An appletRun is a client program. args[0] is the name it was called by; it returns the exit status.
type appletRun func(args []string) int

// applets are early.Applets but for the manager's names.
var applets = map[string]appletRun{
	"journalctl": func(args []string) int {
		h := applet.Process()
		defer h.Flush()
		return journalctl.Main(args, h)
	},
	"systemctl": runSystemctl,
	"halt":      runSystemctl,
	"poweroff":  runSystemctl,
	"reboot":    runSystemctl,
	"shutdown":  runSystemctl,
	"runlevel":  runSystemctl,
	"telinit":   runSystemctl,
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
	lines, cut, err := journalctl.Tail(h, journalctl.Query{
		Unit: q.Unit, Invocation: q.Invocation, Since: q.Since, Lines: q.Lines, Output: q.Output, Width: q.Width, Colour: q.Colour, All: q.All,
	})
	if err != nil {
		return nil, false
	}
	return lines, cut
}
