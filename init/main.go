// Command keelson is the first process of a container. What it does is chosen by argv[0] and argv[1]: the wrapper and its personas are carried out
// by package early before this program begins, the commands are here.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"keelson/init/early"
)

// A command is a word that keelson takes as its first argument. Its run returns the exit status.
type command struct {
	name string
	run  func(args []string) int
}

// commands are early.Commands, in the same order.
var commands = [len(early.Commands)]command{
	{"run", run},
	{"ns", showNamespaces},
	{"pause", doPause},
	{"boot", bootManager},
	{"supervise", superviseCommands},
	{"ctl", func(args []string) int { return runApplet("systemctl", args) }},
	{"journal", func(args []string) int { return runApplet("journalctl", args) }},
	{"install", install},
	{"import", importUnits},
	{early.GeneratorsCommand, generators},
	{"sshd", sshd},
}

// exitUsage and exitNoEntry are exit statuses of keelson's own, beside a command's.
const (
	exitUsage   = 125 // as env(1) and docker run: keelson itself failed, or was called wrongly
	exitNoEntry = 100
)

func init() {
	// A parent death signal belongs to the thread that forked (prctl(2)): here that is always the main thread, which outlives all others.
	runtime.LockOSThread()
}

func main() {
	if !early.Entered() {
		fmt.Fprintln(os.Stderr, "keelson: this binary was linked without its entry point and cannot do its work; build it with make build, or go build -ldflags='-E keelson_entry' ./init")
		os.Exit(exitNoEntry)
	}
	switch name := filepath.Base(os.Args[0]); name {
	case "init", "systemd":
		os.Exit(asInit(os.Args[1:]))
	default:
		if run, ok := appletOf(name); ok {
			os.Exit(run(os.Args))
		}
	}
	for _, c := range commands {
		if c.name == os.Args[1] {
			os.Exit(c.run(os.Args[2:]))
		}
	}
	fmt.Fprintf(os.Stderr, "keelson: no command %q; keelson --help lists them\n", os.Args[1])
	os.Exit(exitUsage)
}

// refuse says in one line why a command was not carried out, and returns the status for it.
func refuse(command string, err error) int {
	fmt.Fprintf(os.Stderr, "keelson: %s: %v\n", command, err)
	return exitUsage
}
