package bus

import (
	"keelson/supervise"
	"keelson/supervise/unit"
)

// The properties of services (bus_service_vtable in src/core/dbus-service.c), and of how units are killed (bus_kill_vtable in
// src/core/dbus-kill.c).

func killProperties() []property {
	kill := func(name, sig string, get func(*unit.KillContext) any) []property {
		return row(name, sig, constant, func(s *subject) any { return get(s.config().Kill) })
	}
	return rows(
		kill("KillMode", "s", func(k *unit.KillContext) any { return k.Mode.String() }),
		kill("KillSignal", "i", func(k *unit.KillContext) any { return int32(k.KillSignal) }),
		kill("RestartKillSignal", "i", func(k *unit.KillContext) any { return int32(k.RestartSignal()) }),
		kill("FinalKillSignal", "i", func(k *unit.KillContext) any { return int32(k.FinalKillSignal) }),
		kill("SendSIGKILL", "b", func(k *unit.KillContext) any { return k.SendSIGKILL }),
		kill("SendSIGHUP", "b", func(k *unit.KillContext) any { return k.SendSIGHUP }),
		kill("WatchdogSignal", "i", func(k *unit.KillContext) any { return int32(k.WatchdogSignal) }),
	)
}

func serviceProperties() []property {
	set := func(name, sig string, e emits, get func(*unit.Service) any) []property {
		return row(name, sig, e, func(s *subject) any { return get(s.config().Service) })
	}
	is := func(name, sig string, e emits, get func(*supervise.Service) any) []property {
		return row(name, sig, e, func(s *subject) any { return get(s.u.Service) })
	}
	list := rows(
		set("Type", "s", constant, func(c *unit.Service) any { return c.Type.String() }),
		set("ExitType", "s", constant, func(c *unit.Service) any { return c.ExitType.String() }),
		set("Restart", "s", constant, func(c *unit.Service) any { return c.Restart.String() }),
		set("PIDFile", "s", constant, func(c *unit.Service) any { return c.PIDFile }),
		row("NotifyAccess", "s", constant, func(s *subject) any {
			if a := s.u.Service.NotifyAccess; a != nil {
				return a.String()
			}
			return s.config().Service.NotifyAccess.String()
		}),
		set("RestartUSec", "t", constant, func(c *unit.Service) any { return usec(c.RestartDelay) }),
		set("TimeoutStartUSec", "t", constant, func(c *unit.Service) any { return usec(c.TimeoutStart) }),
		set("TimeoutStopUSec", "t", constant, func(c *unit.Service) any { return usec(c.TimeoutStop) }),
		set("TimeoutAbortUSec", "t", silent, func(c *unit.Service) any { return usec(c.AbortTimeout()) }),
		set("TimeoutStartFailureMode", "s", constant, func(c *unit.Service) any { return c.TimeoutStartFailed.String() }),
		set("TimeoutStopFailureMode", "s", constant, func(c *unit.Service) any { return c.TimeoutStopFailed.String() }),
		set("RuntimeMaxUSec", "t", constant, func(c *unit.Service) any { return usec(c.RuntimeMax) }),
		set("RuntimeRandomizedExtraUSec", "t", constant, func(c *unit.Service) any { return usec(c.RuntimeRandomExtra) }),
		row("WatchdogUSec", "t", silent, func(s *subject) any {
			if w := s.u.Service.WatchdogOverride; w != nil {
				return usec(*w)
			}
			if !s.u.InactiveExit.IsSet() {
				return usec(supervise.Infinity) // it is set by the first start (service_start in src/core/service.c)
			}
			return usec(s.config().Service.Watchdog)
		}),
		dual("WatchdogTimestamp", silent, func(s *subject) supervise.Time { return s.u.Service.WatchdogAt }),
		set("RootDirectoryStartOnly", "b", constant, func(c *unit.Service) any { return c.RootDirectoryStartOnly }),
		set("RemainAfterExit", "b", constant, func(c *unit.Service) any { return c.RemainAfterExit }),
		set("GuessMainPID", "b", constant, func(c *unit.Service) any { return c.GuessMainPID }),
		set("RestartPreventExitStatus", "(aiai)", constant, func(c *unit.Service) any { return statuses(&c.RestartPrevent) }),
		set("RestartForceExitStatus", "(aiai)", constant, func(c *unit.Service) any { return statuses(&c.RestartForce) }),
		set("SuccessExitStatus", "(aiai)", constant, func(c *unit.Service) any { return statuses(&c.Success) }),
		is("MainPID", "u", changes, func(v *supervise.Service) any { return uint32(v.Main.PID) }),
		is("ControlPID", "u", changes, func(v *supervise.Service) any { return uint32(v.Control.PID) }),
		set("BusName", "s", constant, func(c *unit.Service) any { return c.BusName }),
		set("FileDescriptorStoreMax", "u", constant, func(c *unit.Service) any { return uint32(c.FDStoreMax) }),
		is("NFileDescriptorStore", "u", silent, func(v *supervise.Service) any { return uint32(len(v.Store)) }),
		is("StatusText", "s", changes, func(v *supervise.Service) any { return clean(v.StatusText) }),
		is("StatusErrno", "i", changes, func(v *supervise.Service) any { return int32(v.StatusErrno) }),
		row("Result", "s", changes, result),
		is("ReloadResult", "s", changes, func(v *supervise.Service) any { return v.ReloadResult.String() }),
		is("CleanResult", "s", changes, func(v *supervise.Service) any { return v.CleanResult.String() }),
		set("USBFunctionDescriptors", "s", constant, func(c *unit.Service) any { return c.USBFunctionDescriptors }),
		set("USBFunctionStrings", "s", constant, func(c *unit.Service) any { return c.USBFunctionStrings }),
		row("UID", "u", changes, func(s *subject) any { uid, _ := s.Owner(s.u.Name); return uid }),
		row("GID", "u", changes, func(s *subject) any { _, gid := s.Owner(s.u.Name); return gid }),
		is("NRestarts", "u", changes, func(v *supervise.Service) any { return uint32(v.Restarts) }),
		set("OOMPolicy", "s", constant, func(c *unit.Service) any { return c.OOMPolicy.String() }),
		dual("ExecMainStartTimestamp", changes, func(s *subject) supervise.Time { return s.u.Service.MainStatus.Start }),
		dual("ExecMainExitTimestamp", changes, func(s *subject) supervise.Time { return s.u.Service.MainStatus.Exit }),
		is("ExecMainPID", "u", changes, func(v *supervise.Service) any { return uint32(v.MainStatus.PID) }),
		is("ExecMainCode", "i", changes, func(v *supervise.Service) any { return exitCode(v.MainStatus.Status) }),
		is("ExecMainStatus", "i", changes, func(v *supervise.Service) any { return int32(v.MainStatus.Status.Value) }),
	)
	for _, k := range [...]unit.CommandKind{
		unit.ExecCondition, unit.ExecStartPre, unit.ExecStart, unit.ExecStartPost, unit.ExecReload, unit.ExecStop, unit.ExecStopPost,
	} {
		list = append(list, rows(
			row(k.String(), "a(sasbttttuii)", invalidates, func(s *subject) any {
				return commands(s.config().Service.Commands[k], s.u.Service.Commands[k])
			}),
			row(k.String()+"Ex", "a(sasasttttuii)", invalidates, func(s *subject) any {
				return commandsEx(s.config().Service.Commands[k], s.u.Service.Commands[k])
			}))...)
	}
	return list
}

func result(s *subject) any { return s.u.Result().String() }

// exitCode is CLD_EXITED and its kin (waitid(2)); 0 while nothing has ended.
func exitCode(s supervise.Status) int32 {
	return [...]int32{supervise.StatusUnknown: 0, supervise.StatusExited: 1, supervise.StatusKilled: 2, supervise.StatusDumped: 3}[s.Code]
}

// run is one command's last run.
type run struct {
	StartReal, StartMono, ExitReal, ExitMono uint64
	PID                                      uint32
	Code, Status                             int32
}

func runOf(status []supervise.ExecStatus, i int) (r run) {
	if i < len(status) {
		v := status[i]
		r = run{usec(v.Start.Realtime), usec(v.Start.Monotonic), usec(v.Exit.Realtime), usec(v.Exit.Monotonic),
			uint32(v.PID), exitCode(v.Status), int32(v.Status.Value)}
	}
	return r
}

// command is one command line with its last run, ignoring failures or not; commandEx has all its flags.
type command struct {
	Path                                     string
	Argv                                     []string
	Ignore                                   bool
	StartReal, StartMono, ExitReal, ExitMono uint64
	PID                                      uint32
	Code, Status                             int32
}

type commandEx struct {
	Path                                     string
	Argv                                     []string
	Flags                                    []string
	StartReal, StartMono, ExitReal, ExitMono uint64
	PID                                      uint32
	Code, Status                             int32
}

func commands(list []unit.Command, status []supervise.ExecStatus) []command {
	out := make([]command, len(list))
	for i, c := range list {
		r := runOf(status, i)
		out[i] = command{c.Path, texts(c.Argv), c.Flags&unit.IgnoreFailure != 0, r.StartReal, r.StartMono, r.ExitReal, r.ExitMono, r.PID, r.Code, r.Status}
	}
	return out
}

// commandFlags are the words of exec_command_flags_to_strv in src/shared/exec-util.c.
var commandFlags = [...]struct {
	flag unit.CommandFlags
	word string
}{
	{unit.IgnoreFailure, "ignore-failure"}, {unit.FullyPrivileged, "privileged"}, {unit.NoSetuid, "no-setuid"},
	{unit.AmbientMagic, "ambient"}, {unit.NoEnvExpand, "no-env-expand"},
}

func commandsEx(list []unit.Command, status []supervise.ExecStatus) []commandEx {
	out := make([]commandEx, len(list))
	for i, c := range list {
		r := runOf(status, i)
		flags := []string{}
		for _, f := range commandFlags {
			if c.Flags&f.flag != 0 {
				flags = append(flags, f.word)
			}
		}
		out[i] = commandEx{c.Path, texts(c.Argv), flags, r.StartReal, r.StartMono, r.ExitReal, r.ExitMono, r.PID, r.Code, r.Status}
	}
	return out
}
