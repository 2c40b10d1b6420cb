package main

import (
	"errors"
	"fmt"
	"os"

	"keelson/init/facts"
	"keelson/init/generate"
)

// generators is what a manager executes for daemon-reload, so that it need not wait for it itself: keelson generators RUN.
func generators(args []string) int {
	if len(args) != 1 {
		return refuse("generators", errors.New("it is not to be called by hand"))
	}
	id, _ := facts.New(facts.Options{}).Virtualization()
	err := generate.Run(generate.Options{Run: args[0], Environ: os.Environ(), Architecture: facts.Architecture(), Virtualization: id, Stderr: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
