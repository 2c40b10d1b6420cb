package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"keelson/init/boot"
	"keelson/init/early"
)

const superviseHelp = `keelson supervise [OPTIONS] [--] COMMAND [ARG...]
keelson supervise [OPTIONS] -f PROCFILE

Runs plain commands as services, without unit files: each is restarted as --restart says, its output goes to the journal and to this output,
and systemctl shows and stops it. A PROCFILE has a service a line: NAME: COMMAND, which a shell runs.

  --restart WHEN        no, on-failure (default), on-abnormal, always, …: Restart= of systemd.service(5)
  --exit-with NAME      end when the service NAME has ended, with its status; with COMMAND that is so when it is not restarted any more
  -f FILE               the Procfile
  --name NAME           the service's name (default: COMMAND's)
  --stop-timeout TIME, --log-format FORMAT, --env clean, --strict: as keelson boot
`

func superviseCommands(args []string) int {
	o := boot.Options{Environ: os.Environ(), Inherited: early.Inherited()}
	o.FromEnvironment()
	flags := flag.NewFlagSet("supervise", flag.ContinueOnError)
	flags.StringVar(&o.ExitWith, "exit-with", o.ExitWith, "")
	flags.StringVar(&o.StopTimeout, "stop-timeout", o.StopTimeout, "")
	flags.StringVar(&o.LogFormat, "log-format", o.LogFormat, "")
	flags.StringVar(&o.Env, "env", o.Env, "")
	flags.BoolVar(&o.Strict, "strict", o.Strict, "")
	restart := flags.String("restart", "on-failure", "")
	procfile := flags.String("f", "", "")
	name := flags.String("name", "", "")
	if status, done := parse(flags, args, superviseHelp); done {
		return status
	}
	switch command := flags.Args(); {
	case *procfile != "" && len(command) > 0:
		return refuse("supervise", errors.New("a Procfile and a command: only one of them can be given"))
	case *procfile == "" && len(command) == 0:
		return refuse("supervise", errors.New("no command given; keelson supervise --help tells more"))
	case *procfile != "":
		text, err := os.ReadFile(*procfile)
		if err != nil {
			return refuse("supervise", err)
		}
		if o.Services, err = boot.ReadProcfile(*procfile, string(text), *restart); err != nil {
			return refuse("supervise", err)
		}
	default:
		s := boot.Service{Name: *name, Command: command, Restart: *restart}
		if s.Name == "" {
			s.Name = command[0][strings.LastIndexByte(command[0], '/')+1:]
		}
		o.Services = []boot.Service{s}
		if o.ExitWith == "" {
			o.ExitWith = s.Unit()
		}
	}
	for _, s := range o.Services {
		if err := s.Check(); err != nil {
			return refuse("supervise", fmt.Errorf("service %q: %w", s.Name, err))
		}
	}
	status, err := boot.Run(o)
	if err != nil {
		return refuse("supervise", err)
	}
	return status
}
