package unit

import "strings"

// serviceGroups are [Service] and what services share with others to end processes: systemd.service(5), systemd.kill(5).
func serviceGroups() []group {
	cmds := func(u *Unit) *Commands { return &u.Service.Commands }
	return []group{
		{"systemd.service(5)", []string{"Service"}, []row{
			{"Type", oneOf(serviceTypeWords, "Failed to parse service type", func(u *Unit) *ServiceType { return &u.Service.Type }), honoured, 0},
			{"ExitType", oneOf(exitTypeWords, "Failed to parse service exit type", func(u *Unit) *ExitType { return &u.Service.ExitType }), honoured, 0},
			{"RemainAfterExit", boolean(func(u *Unit) *bool { return &u.Service.RemainAfterExit }), honoured, 0},
			{"GuessMainPID", boolean(func(u *Unit) *bool { return &u.Service.GuessMainPID }), honoured, 0},
			{"PIDFile", pidFile(), honoured, 0},
			{"BusName", busName(), honoured, 0},
			{"ExecCondition", commands(ExecCondition, cmds), honoured, 0},
			{"ExecStartPre", commands(ExecStartPre, cmds), honoured, 0},
			{"ExecStart", commands(ExecStart, cmds), honoured, 0},
			{"ExecStartPost", commands(ExecStartPost, cmds), honoured, 0},
			{"ExecReload", commands(ExecReload, cmds), honoured, 0},
			{"ExecStop", commands(ExecStop, cmds), honoured, 0},
			{"ExecStopPost", commands(ExecStopPost, cmds), honoured, 0},
			{"Restart", oneOf(restartWords, "Failed to parse service restart specifier", func(u *Unit) *Restart { return &u.Service.Restart }), honoured, 0},
			{"RestartMode", oneOf(restartModeWords, "Failed to parse service restart mode", func(u *Unit) *RestartMode { return &u.Service.RestartMode }), honoured, 254},
			{"RestartSec", span(func(u *Unit) *Usec { return &u.Service.RestartDelay }), honoured, 0},
			{"RestartSteps", unsigned(func(u *Unit) *uint { return &u.Service.RestartSteps }), honoured, 254},
			{"RestartMaxDelaySec", span(func(u *Unit) *Usec { return &u.Service.RestartMaxDelay }), honoured, 254},
			{"RestartPreventExitStatus", exitStatuses(func(u *Unit) *ExitStatusSet { return &u.Service.RestartPrevent }), honoured, 0},
			{"RestartForceExitStatus", exitStatuses(func(u *Unit) *ExitStatusSet { return &u.Service.RestartForce }), honoured, 0},
			{"SuccessExitStatus", exitStatuses(func(u *Unit) *ExitStatusSet { return &u.Service.Success }), honoured, 0},
			{"TimeoutSec", startTimeout(true), honoured, 0},
			{"TimeoutStartSec", startTimeout(false), honoured, 0},
			{"TimeoutStopSec", spanOrNone(func(u *Unit) *Usec { return &u.Service.TimeoutStop }), honoured, 0},
			{"TimeoutAbortSec", abortTimeout(), honoured, 0},
			{"TimeoutStartFailureMode", oneOf(timeoutFailureModeWords, "Failed to parse timeout failure mode", func(u *Unit) *TimeoutFailureMode { return &u.Service.TimeoutStartFailed }), honoured, 0},
			{"TimeoutStopFailureMode", oneOf(timeoutFailureModeWords, "Failed to parse timeout failure mode", func(u *Unit) *TimeoutFailureMode { return &u.Service.TimeoutStopFailed }), honoured, 0},
			{"RuntimeMaxSec", span(func(u *Unit) *Usec { return &u.Service.RuntimeMax }), honoured, 0},
			{"RuntimeRandomizedExtraSec", span(func(u *Unit) *Usec { return &u.Service.RuntimeRandomExtra }), honoured, 0},
			{"WatchdogSec", span(func(u *Unit) *Usec { return &u.Service.Watchdog }), honoured, 0},
			{"PermissionsStartOnly", boolean(func(u *Unit) *bool { return &u.Service.PermissionsStartOnly }), honoured, 0},
			{"RootDirectoryStartOnly", boolean(func(u *Unit) *bool { return &u.Service.RootDirectoryStartOnly }), honoured, 0},
			{"NonBlocking", boolean(func(u *Unit) *bool { return &u.Service.NonBlocking }), honoured, 0},
			{"NotifyAccess", oneOf(notifyAccessWords, "Failed to parse notify access specifier", func(u *Unit) *NotifyAccess { return &u.Service.NotifyAccess }), honoured, 0},
			{"Sockets", serviceSockets(), honoured, 0},
			{"FileDescriptorStoreMax", unsigned(func(u *Unit) *uint { return &u.Service.FDStoreMax }), honoured, 0},
			{"FileDescriptorStorePreserve", fdStorePreserve(), honoured, 254},
			{"ReloadSignal", signal(func(u *Unit) *Signal { return &u.Service.ReloadSignal }), honoured, 253},
			{"OOMPolicy", oneOf(oomPolicyWords, "Failed to parse OOM policy", func(u *Unit) *OOMPolicy { return &u.Service.OOMPolicy }), needs(CgroupSubtree), 0},
			{"OpenFile", openFile(), honoured, 253},
			{"USBFunctionDescriptors", absolutePath(func(u *Unit) *string { return &u.Service.USBFunctionDescriptors }), inert("a container has no USB gadgets"), 0},
			{"USBFunctionStrings", absolutePath(func(u *Unit) *string { return &u.Service.USBFunctionStrings }), inert("a container has no USB gadgets"), 0},
			{"BusPolicy", removed(), gone, 0},
			{"SysVStartPriority", removed(), gone, 0},
			// These moved to [Unit] and are still read here.
			{"StartLimitInterval", span(func(u *Unit) *Usec { return &u.StartLimit.Interval }), honoured, 0},
			{"StartLimitBurst", unsigned(func(u *Unit) *uint { return &u.StartLimit.Burst }), honoured, 0},
			{"StartLimitAction", emergencyAction(func(u *Unit) *EmergencyAction { return &u.StartLimitAction }), honoured, 0},
			{"FailureAction", emergencyAction(func(u *Unit) *EmergencyAction { return &u.FailureAction }), honoured, 0},
			{"RebootArgument", text(func(u *Unit) *string { return &u.RebootArgument }), inert("a container has no firmware to reboot"), 0},
		}},
		{"systemd.kill(5)", sectionsWith(Type.HasKill), []row{
			{"KillMode", killMode(), honoured, 0},
			{"KillSignal", signal(func(u *Unit) *Signal { return &u.Kill.KillSignal }), honoured, 0},
			{"RestartKillSignal", signal(func(u *Unit) *Signal { return &u.Kill.RestartKillSignal }), honoured, 0},
			{"FinalKillSignal", signal(func(u *Unit) *Signal { return &u.Kill.FinalKillSignal }), honoured, 0},
			{"WatchdogSignal", signal(func(u *Unit) *Signal { return &u.Kill.WatchdogSignal }), honoured, 0},
			{"SendSIGKILL", boolean(func(u *Unit) *bool { return &u.Kill.SendSIGKILL }), honoured, 0},
			{"SendSIGHUP", boolean(func(u *Unit) *bool { return &u.Kill.SendSIGHUP }), honoured, 0},
		}},
	}
}

// fdStorePreserve is "restart" or a boolean.
func fdStorePreserve() form {
	return form{"boolean or restart", func(a *assignment) {
		s := a.u.Service
		if b, ok := ParseBoolean(a.value); ok {
			if s.FDStorePreserve = FDStoreNo; b {
				s.FDStorePreserve = FDStoreYes
			}
		} else if a.value == "restart" {
			s.FDStorePreserve = FDStoreRestart
		} else {
			a.warn("Failed to parse file descriptor store preserve mode, ignoring: %s", a.value)
		}
	}}
}

// openFile is "path[:name[:options]]", options being read-only, append, truncate and graceful.
func openFile() form {
	return form{"path:name:options", func(a *assignment) {
		list := &a.u.Service.OpenFiles
		if a.value == "" {
			*list = nil
			return
		}
		parts := append(strings.SplitN(a.value, ":", 3), "", "")
		o := OpenFile{Path: parts[0], FDName: parts[1]}
		good := strings.HasPrefix(o.Path, "/") && normalizedPath(o.Path) && validFDName(o.FDName)
		for option := range strings.SplitSeq(parts[2], ",") {
			switch option {
			case "":
			case "read-only":
				o.ReadOnly = true
			case "append":
				o.Append = true
			case "truncate":
				o.Truncate = true
			case "graceful":
				o.Graceful = true
			default:
				good = false
			}
		}
		if !good {
			a.warn("Failed to parse OpenFile= setting, ignoring: %s", a.value)
			return
		}
		*list = append(*list, o)
	}}
}
