package main

import (
	"errors"
	"flag"
	"os"
	"strings"

	"keelson/init/boot"
	"keelson/init/early"
)

const bootHelp = `keelson boot [OPTIONS] [UNIT...] [-- COMMAND [ARG...]]

Is the manager of a container: runs the distribution's own units, default.target where none is named, and answers systemctl and journalctl.
As /sbin/init it is the same without arguments. With COMMAND that runs in the foreground, with the terminal, and the container ends
with its status.

  --exit-with UNIT      end when UNIT has ended, with its status
  --stop-timeout TIME   what all of a stop may take (default 9s: docker stop kills after ten); "infinity" leaves it to the units
  --log-format FORMAT   of the container's output: short (default), raw, json, none
  --env clean           keep the container's environment from the services
  --strict              what a unit asks for and is not to be had here is an error

Environment: KEELSON_LOG, KEELSON_ENV, KEELSON_STRICT, KEELSON_STOP_TIMEOUT say the same.

Ends on TERM, INT and SIGRTMIN+3, poweroff, halt and exit with 0 or the status that was asked for, on reboot with 133.
`

func bootManager(args []string) int {
	o := boot.Options{Environ: os.Environ(), Inherited: early.Inherited()}
	flags := flag.NewFlagSet("boot", flag.ContinueOnError)
	o.FromEnvironment()
	flags.StringVar(&o.ExitWith, "exit-with", o.ExitWith, "")
	flags.StringVar(&o.StopTimeout, "stop-timeout", o.StopTimeout, "")
	flags.StringVar(&o.LogFormat, "log-format", o.LogFormat, "")
	flags.StringVar(&o.Env, "env", o.Env, "")
	flags.BoolVar(&o.Strict, "strict", o.Strict, "")
	units, command := args, []string(nil)
	for i, a := range args {
		if a == "--" {
			units, command = args[:i], args[i+1:]
			if len(command) == 0 {
				return refuse("boot", errors.New("nothing follows --: a command was expected"))
			}
			break
		}
	}
	if status, done := parse(flags, units, bootHelp); done {
		return status
	}
	o.Units, o.Command = flags.Args(), command
	status, err := boot.Run(o)
	if err != nil {
		return refuse("boot", err)
	}
	return status
}

// asInit is keelson called as init: the manager as the first process, otherwise what telinit is.
func asInit(args []string) int {
	if os.Getpid() != 1 && len(args) > 0 && len(args[0]) == 1 {
		return runApplet("telinit", args)
	}
	return bootManager(initArguments(args))
}

// initArguments are boot's: without what container managers and kernels give to an init (systemd(1), kernel-command-line(7)).
func initArguments(args []string) (rest []string) {
	for i, a := range args {
		switch {
		case a == "--" && i == len(args)-1: // ENTRYPOINT ["/sbin/init", "--"], and docker run named no COMMAND
			return rest
		case a == "--":
			return append(rest, args[i:]...)
		case a == "--system", a == "--switched-root", strings.HasPrefix(a, "--log-"), strings.HasPrefix(a, "--show-status"), strings.HasPrefix(a, "--unit="):
			if unit, ok := strings.CutPrefix(a, "--unit="); ok {
				rest = append(rest, unit)
			}
		default:
			rest = append(rest, a)
		}
	}
	return rest
}
