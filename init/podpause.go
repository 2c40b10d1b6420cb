package main

import (
	"flag"
	"fmt"

	"keelson/init/early"
	"keelson/init/pause"
)

const pauseHelp = `keelson pause

Does nothing but reap orphans: the first process of a pod, which holds its namespaces. Ends with status 0 on TERM and INT.
`

func doPause(args []string) int {
	flags := flag.NewFlagSet("pause", flag.ContinueOnError)
	if status, done := parse(flags, args, pauseHelp); done {
		return status
	}
	if flags.NArg() > 0 {
		return refuse("pause", fmt.Errorf("unexpected argument %q: it runs no command", flags.Arg(0)))
	}
	if err := pause.Run(early.Inherited().Mask); err != nil {
		return refuse("pause", err)
	}
	return 0
}
