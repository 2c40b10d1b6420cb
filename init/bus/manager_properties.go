package bus

import (
	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// The properties of the manager (bus_manager_vtable in src/core/dbus-manager.c), in its order.

func managerTable() iface {
	return iface{
		name:       managerInterface,
		properties: rows(managerStartProperties(), managerStateProperties(), managerDefaultProperties()),
		methods:    managerMethods(),
		signals: []signal{
			{"UnitNew", "so", "id unit"},
			{"UnitRemoved", "so", "id unit"},
			{"JobNew", "uos", "id job unit"},
			{"JobRemoved", "uoss", "id job unit result"},
			{"StartupFinished", "tttttt", "firmware loader kernel initrd userspace total"},
			{"UnitFilesChanged", "", ""},
			{"Reloading", "b", "active"},
		},
	}
}

func managerStartProperties() []property {
	info := func(name string, get func(*Info) any) []property {
		return row(name, "s", constant, func(s *subject) any { return get(s.Info()) })
	}
	at := func(name string, get func(*Info) supervise.Time) []property {
		return dual(name, constant, func(s *subject) supervise.Time { return get(s.Info()) })
	}
	never := func(*Info) supervise.Time { return supervise.Time{} }
	return rows(
		info("Version", func(i *Info) any { return i.Version }),
		info("Features", func(i *Info) any { return i.Features }),
		info("Virtualization", func(i *Info) any { return i.Virtualization }),
		info("Architecture", func(i *Info) any { return i.Architecture }),
		info("Tainted", func(i *Info) any { return i.Tainted }),
		at("FirmwareTimestamp", never),
		at("LoaderTimestamp", never),
		at("KernelTimestamp", func(i *Info) supervise.Time { return i.Kernel }),
		at("InitRDTimestamp", func(i *Info) supervise.Time { return i.InitRD }),
		at("UserspaceTimestamp", func(i *Info) supervise.Time { return i.Userspace }),
		at("FinishTimestamp", func(i *Info) supervise.Time { return i.Finish }),
		at("SecurityStartTimestamp", func(i *Info) supervise.Time { return i.SecurityStart }),
		at("SecurityFinishTimestamp", func(i *Info) supervise.Time { return i.SecurityFinish }),
		at("GeneratorsStartTimestamp", func(i *Info) supervise.Time { return i.GeneratorsStart }),
		at("GeneratorsFinishTimestamp", func(i *Info) supervise.Time { return i.GeneratorsFinish }),
		at("UnitsLoadStartTimestamp", func(i *Info) supervise.Time { return i.UnitsLoadStart }),
		at("UnitsLoadFinishTimestamp", func(i *Info) supervise.Time { return i.UnitsLoadFinish }),
		at("UnitsLoadTimestamp", func(i *Info) supervise.Time { return i.UnitsLoad }),
		at("InitRDSecurityStartTimestamp", never),
		at("InitRDSecurityFinishTimestamp", never),
		at("InitRDGeneratorsStartTimestamp", never),
		at("InitRDGeneratorsFinishTimestamp", never),
		at("InitRDUnitsLoadStartTimestamp", never),
		at("InitRDUnitsLoadFinishTimestamp", never),
	)
}

// logLevels are the words of LogLevel (log_level_to_string in src/basic/syslog-util.c).
var logLevels = [...]string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// logTargets are the words of LogTarget (log_target_table in src/basic/log.c).
var logTargets = [...]string{
	"console", "console-prefixed", "kmsg", "journal", "journal-or-kmsg", "syslog", "syslog-or-kmsg", "auto", "null",
}

func index(words []string, word string) int {
	for i, w := range words {
		if w == word {
			return i
		}
	}
	return -1
}

// logTable is org.freedesktop.LogControl1(5), which systemctl log-level asks.
func logTable() iface {
	return iface{name: logInterface, properties: rows(logProperties(), row("SyslogIdentifier", "s", silent, func(*subject) any { return "systemd" }))}
}

func logProperties() []property {
	return []property{
		{name: "LogLevel", sig: "s", emits: silent, get: func(s *subject) any { return logLevels[s.Info().LogLevel&7] }, set: setLogLevel},
		{name: "LogTarget", sig: "s", emits: silent, get: func(s *subject) any { return s.Info().LogTarget }, set: setLogTarget},
	}
}

func setLogLevel(s *subject, v any) error {
	word := v.(string)
	level := index(logLevels[:], word)
	if word != "" && level < 0 {
		return faultf(faultInvalidArgs, "Invalid log level '%s'", word)
	}
	s.SetLogLevel(level)
	return nil
}

func setLogTarget(s *subject, v any) error {
	word := v.(string)
	if word != "" && index(logTargets[:], word) < 0 {
		return faultf(faultInvalidArgs, "Invalid log target '%s'", word)
	}
	s.SetLogTarget(word)
	return nil
}

// noWatchdog refuses what needs a watchdog device.
func noWatchdog(*subject, any) error {
	return &fault{faultNotSupported, "There is no hardware watchdog in a container."}
}

func managerStateProperties() []property {
	watchdog := func(name string, v uint64) []property {
		return []property{{name: name, sig: "t", emits: silent, get: func(*subject) any { return v }, set: noWatchdog}}
	}
	return rows(
		logProperties(),
		row("NNames", "u", silent, func(s *subject) any {
			n := 0
			for _, u := range s.machine.Units() {
				n += 1 + len(u.Config.Aliases)
			}
			return uint32(n)
		}),
		row("NFailedUnits", "u", changes, func(s *subject) any { return uint32(failedUnits(s.machine)) }),
		row("NJobs", "u", silent, func(s *subject) any { return uint32(len(s.machine.Graph().Jobs())) }),
		row("NInstalledJobs", "u", silent, func(s *subject) any { return s.machine.Tally().Installed }),
		row("NFailedJobs", "u", silent, func(s *subject) any { return s.machine.Tally().Failed }),
		row("Progress", "d", silent, progress),
		row("Environment", "as", silent, func(s *subject) any { return append([]string{}, s.machine.Environment()...) }),
		row("ConfirmSpawn", "b", constant, func(s *subject) any { return s.Info().ConfirmSpawn }),
		row("ShowStatus", "b", silent, func(s *subject) any { return s.Info().ShowStatus }),
		row("UnitPath", "as", constant, func(s *subject) any { return texts(s.Loader().SearchPath) }),
		row("DefaultStandardOutput", "s", constant, func(s *subject) any { return s.Loader().Defaults.Output.String() }),
		row("DefaultStandardError", "s", constant, func(s *subject) any { return s.Loader().Defaults.Error.String() }),
		row("WatchdogDevice", "s", constant, func(*subject) any { return "" }),
		dual("WatchdogLastPingTimestamp", silent, func(*subject) supervise.Time {
			return supervise.Time{Realtime: supervise.Infinity, Monotonic: supervise.Infinity}
		}),
		watchdog("RuntimeWatchdogUSec", 0), watchdog("RuntimeWatchdogPreUSec", 0),
		[]property{{name: "RuntimeWatchdogPreGovernor", sig: "s", emits: silent, get: func(*subject) any { return "" }, set: noWatchdog}},
		watchdog("RebootWatchdogUSec", 600e6), watchdog("KExecWatchdogUSec", 0),
		[]property{{name: "ServiceWatchdogs", sig: "b", emits: silent, get: func(*subject) any { return true }, set: func(_ *subject, v any) error {
			if v.(bool) {
				return nil
			}
			return &fault{faultNotSupported, "Service watchdogs cannot be switched off."}
		}}},
		row("ControlGroup", "s", silent, func(s *subject) any { return s.Info().ControlGroup }),
		row("SystemState", "s", silent, func(s *subject) any { return systemState(s) }),
		row("ExitCode", "y", silent, func(s *subject) any { return byte(s.Info().ExitCode) }),
	)
}

func failedUnits(m *supervise.Machine) int {
	n := 0
	for _, u := range m.Units() {
		if m.Active(u) == graph.Failed {
			n++
		}
	}
	return n
}

// progress is how much of the jobs that there ever were is done, while starting.
func progress(s *subject) any {
	if !s.Info().Starting || s.machine.Tally().Installed == 0 {
		return 1.0
	}
	return 1 - float64(len(s.machine.Graph().Jobs()))/float64(s.machine.Tally().Installed)
}

func systemState(s *subject) string {
	if s.Info().Stopping {
		return supervise.SystemStopping.String()
	}
	return s.machine.SystemState().String()
}

func managerDefaultProperties() []property {
	set := func(name, sig string, get func(*unit.Defaults) any) []property {
		return row(name, sig, constant, func(s *subject) any { return get(&s.Loader().Defaults) })
	}
	return rows(
		set("DefaultTimerAccuracyUSec", "t", func(d *unit.Defaults) any { return usec(d.TimerAccuracy) }),
		set("DefaultTimeoutStartUSec", "t", func(d *unit.Defaults) any { return usec(d.TimeoutStart) }),
		set("DefaultTimeoutStopUSec", "t", func(d *unit.Defaults) any { return usec(d.TimeoutStop) }),
		row("DefaultTimeoutAbortUSec", "t", silent, func(s *subject) any {
			if d := &s.Loader().Defaults; d.TimeoutAbortSet {
				return usec(d.TimeoutAbort)
			}
			return usec(s.Loader().Defaults.TimeoutStop)
		}),
		set("DefaultDeviceTimeoutUSec", "t", func(d *unit.Defaults) any { return usec(d.TimeoutStart) }),
		set("DefaultRestartUSec", "t", func(d *unit.Defaults) any { return usec(d.RestartDelay) }),
		set("DefaultStartLimitIntervalUSec", "t", func(d *unit.Defaults) any { return usec(d.StartLimit.Interval) }),
		set("DefaultStartLimitBurst", "u", func(d *unit.Defaults) any { return uint32(d.StartLimit.Burst) }),
		set("DefaultCPUAccounting", "b", func(d *unit.Defaults) any { return d.CPUAccounting }),
		set("DefaultBlockIOAccounting", "b", func(d *unit.Defaults) any { return d.BlockIOAccounting }),
		set("DefaultMemoryAccounting", "b", func(d *unit.Defaults) any { return d.MemoryAccounting }),
		set("DefaultTasksAccounting", "b", func(d *unit.Defaults) any { return d.TasksAccounting }),
		limitRows("Default", func(s *subject, k unit.RlimitKind) unit.Rlimit {
			if b := s.Loader().Defaults.Rlimits[k]; b.Set {
				return b.Value
			}
			return s.inheritedLimit(k)
		}),
		row("DefaultTasksMax", "t", silent, func(s *subject) any { return amount(s.Loader().Defaults.TasksMax, s.Info().SystemTasksMax) }),
		row("TimerSlackNSec", "t", constant, func(s *subject) any { return inheritedTimerSlack() }),
		set("DefaultOOMPolicy", "s", func(d *unit.Defaults) any { return d.OOMPolicy.String() }),
		row("DefaultOOMScoreAdjust", "i", constant, func(s *subject) any {
			if b := s.Loader().Defaults.OOMScoreAdjust; b.Set {
				return int32(b.Value)
			}
			return inheritedOOMScoreAdjust()
		}),
		row("CtrlAltDelBurstAction", "s", constant, func(*subject) any { return "reboot-force" }),
	)
}
