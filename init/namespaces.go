package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"keelson/init/ns"
)

const namespacesHelp = `keelson ns [--json] [PID...]

Shows the namespaces of processes side by side: all eight kinds, with the ids of /proc/PID/ns. Behind an id stands = where PID 1
has the same namespace, and the same letter where processes shown share another. Without a PID: PID 1 and keelson's own parent.

  --json   the same as JSON
`

func showNamespaces(args []string) int {
	flags := flag.NewFlagSet("ns", flag.ContinueOnError)
	asJSON := flags.Bool("json", false, "")
	if status, done := parse(flags, args, namespacesHelp); done {
		return status
	}
	pids := []int{1, os.Getppid()}
	if flags.NArg() > 0 {
		pids = nil
	}
	for _, arg := range flags.Args() {
		pid, err := strconv.Atoi(arg)
		if err != nil || pid < 1 {
			return refuse("ns", fmt.Errorf("not a process id: %q", arg))
		}
		pids = append(pids, pid)
	}
	if len(pids) == 2 && flags.NArg() == 0 && pids[1] == 0 {
		pids[1] = os.Getpid() // PID 1 and a process started from outside have no parent here
	}
	view, err := ns.LookAt(pids)
	if err != nil {
		return refuse("ns", err)
	}
	if !*asJSON {
		err = view.Print(os.Stdout)
	} else {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(view)
	}
	if err != nil {
		return refuse("ns", err)
	}
	return 0
}

// parse reads a command's options, which end at the first argument. done is set where the command is not to go on: status is then what to
// return.
func parse(flags *flag.FlagSet, args []string, help string) (status int, done bool) {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Print(help)
		return 0, true
	case err != nil:
		return refuse(flags.Name(), fmt.Errorf("%w; keelson %s --help lists the options", err, flags.Name())), true
	}
	return 0, false
}
