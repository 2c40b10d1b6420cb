package bus

import "keelson/supervise"

// The methods of the manager (bus_manager_vtable in src/core/dbus-manager.c), in its order.

func managerMethods() []method {
	start := func(name string, how enqueue) method {
		return method{name: name, in: "ss", out: "o", names: "name mode job", call: func(c *call) {
			startUnit(c, c.str(0), c.str(1), how)
		}}
	}
	onUnit := func(name, in, out, names string, f func(c *call, name string)) method {
		return method{name: name, in: in, out: out, names: names, call: func(c *call) { f(c, c.str(0)) }}
	}
	return []method{
		{name: "GetUnit", in: "s", out: "o", names: "name unit", call: getUnit},
		{name: "GetUnitByPID", in: "u", out: "o", names: "pid unit", call: getUnitByPID},
		{name: "GetUnitByInvocationID", in: "ay", out: "o", names: "invocation_id unit", call: getUnitByInvocationID},
		{name: "GetUnitByControlGroup", in: "s", out: "o", names: "cgroup unit", call: getUnitByControlGroup},
		{name: "LoadUnit", in: "s", out: "o", names: "name unit", call: loadUnit},
		start("StartUnit", enqueueStart),
		{name: "StartUnitWithFlags", in: "sst", out: "o", names: "name mode flags job", call: startUnitWithFlags},
		{name: "StartUnitReplace", in: "sss", out: "o", names: "old_unit new_unit mode job", call: startUnitReplace},
		start("StopUnit", enqueueStop),
		start("ReloadUnit", enqueueReload),
		start("RestartUnit", enqueueRestart),
		start("TryRestartUnit", enqueueTryRestart),
		start("ReloadOrRestartUnit", enqueueReloadOrRestart),
		start("ReloadOrTryRestartUnit", enqueueReloadOrTryRestart),
		{name: "EnqueueUnitJob", in: "sss", out: enqueueResult, names: "name job_type job_mode " + enqueueNames, call: func(c *call) {
			enqueueJob(c, c.str(0), c.str(1), c.str(2))
		}},
		onUnit("KillUnit", "ssi", "", "name whom signal", func(c *call, name string) { killUnit(c, name, c.str(1), c.args[2].(int32), nil) }),
		onUnit("QueueSignalUnit", "ssii", "", "name whom signal value", func(c *call, name string) {
			value := c.args[3].(int32)
			killUnit(c, name, c.str(1), c.args[2].(int32), &value)
		}),
		onUnit("CleanUnit", "sas", "", "name mask", func(c *call, name string) { cleanUnit(c, name, c.strings(1)) }),
		onUnit("FreezeUnit", "s", "", "name", freezeUnit),
		onUnit("ThawUnit", "s", "", "name", freezeUnit),
		onUnit("ResetFailedUnit", "s", "", "name", resetFailedUnit),
		onUnit("SetUnitProperties", "sba(sv)", "", "name runtime properties", func(c *call, name string) {
			setUnitProperties(c, name, c.boolean(1), c.args[2])
		}),
		onUnit("BindMountUnit", "sssbb", "", "name source destination read_only mkdir", bindMount),
		onUnit("MountImageUnit", "sssbba(ss)", "", "name source destination read_only mkdir options", bindMount),
		onUnit("RefUnit", "s", "", "name", refUnit),
		onUnit("UnrefUnit", "s", "", "name", unrefUnit),
		{name: "StartTransientUnit", in: "ssa(sv)a(sa(sv))", out: "o", names: "name mode properties aux job", call: startTransient},
		onUnit("GetUnitProcesses", "s", "a(sus)", "name processes", getProcesses),
		onUnit("AttachProcessesToUnit", "ssau", "", "unit_name subcgroup pids", attachProcesses),
		onUnit("AbandonScope", "s", "", "name", abandonScope),
		{name: "GetJob", in: "u", out: "o", names: "id job", call: getJob},
		{name: "GetJobAfter", in: "u", out: "a(usssoo)", names: "id jobs", call: func(c *call) { waitingJobs(c, true) }},
		{name: "GetJobBefore", in: "u", out: "a(usssoo)", names: "id jobs", call: func(c *call) { waitingJobs(c, false) }},
		{name: "CancelJob", in: "u", names: "id", call: cancelJobByID},
		{name: "ClearJobs", call: clearJobs},
		{name: "ResetFailed", call: resetFailed},
		{name: "SetShowStatus", in: "s", names: "mode", call: setShowStatus},
		{name: "ListUnits", out: unitLines, names: "units", call: func(c *call) { listUnits(c, nil, nil) }},
		{name: "ListUnitsFiltered", in: "as", out: unitLines, names: "states units", call: func(c *call) { listUnits(c, c.strings(0), nil) }},
		{name: "ListUnitsByPatterns", in: "asas", out: unitLines, names: "states patterns units", call: func(c *call) {
			listUnits(c, c.strings(0), c.strings(1))
		}},
		{name: "ListUnitsByNames", in: "as", out: unitLines, names: "names units", call: listUnitsByNames},
		{name: "ListJobs", out: "a(usssoo)", names: "jobs", call: listJobs},
		{name: "Subscribe", call: subscribe},
		{name: "Unsubscribe", call: unsubscribe},
		{name: "Dump", out: "s", names: "output", call: func(c *call) { c.reply(dump(c, nil)) }},
		{name: "DumpUnitsMatchingPatterns", in: "as", out: "s", names: "patterns output", call: func(c *call) { c.reply(dump(c, c.strings(0))) }},
		{name: "DumpByFileDescriptor", out: "h", names: "fd", call: func(c *call) { dumpFD(c, nil) }},
		{name: "DumpUnitsMatchingPatternsByFileDescriptor", in: "as", out: "h", names: "patterns fd", call: func(c *call) { dumpFD(c, c.strings(0)) }},
		{name: "Reload", call: reload},
		{name: "Reexecute", flag: "NoReply", call: reexecute},
		{name: "Exit", flag: "Privileged", call: func(c *call) { objective(c, verbExit) }},
		{name: "Reboot", flag: "Privileged", call: func(c *call) { objective(c, verbReboot) }},
		{name: "PowerOff", flag: "Privileged", call: func(c *call) { objective(c, verbPowerOff) }},
		{name: "Halt", flag: "Privileged", call: func(c *call) { objective(c, verbHalt) }},
		{name: "KExec", flag: "Privileged", call: func(c *call) {
			c.fail(&fault{faultNotSupported, "A container has no kernel of its own to execute."})
		}},
		{name: "SwitchRoot", in: "ss", names: "new_root init", flag: "Privileged", call: func(c *call) {
			c.fail(&fault{faultNotSupported, "The root of a container cannot be switched."})
		}},
		{name: "SetEnvironment", in: "as", names: "assignments", call: func(c *call) { setEnvironment(c, nil, c.strings(0)) }},
		{name: "UnsetEnvironment", in: "as", names: "names", call: func(c *call) { setEnvironment(c, c.strings(0), nil) }},
		{name: "UnsetAndSetEnvironment", in: "asas", names: "names assignments", call: func(c *call) {
			setEnvironment(c, c.strings(0), c.strings(1))
		}},
		{name: "EnqueueMarkedJobs", out: "ao", names: "jobs", call: enqueueMarked},
		{name: "ListUnitFiles", out: "a(ss)", names: "unit_files", files: func(c *call) { listFiles(c, nil, nil) }},
		{name: "ListUnitFilesByPatterns", in: "asas", out: "a(ss)", names: "states patterns unit_files", files: func(c *call) {
			listFiles(c, c.strings(0), c.strings(1))
		}},
		{name: "GetUnitFileState", in: "s", out: "s", names: "file state", files: fileStateByName},
		{name: "EnableUnitFiles", in: "asbb", out: "ba(sss)", names: "files runtime force carries_install_info changes", files: fileChange(FileEnable, 0)},
		{name: "DisableUnitFiles", in: "asb", out: "a(sss)", names: "files runtime changes", files: fileChange(FileDisable, 0)},
		{name: "EnableUnitFilesWithFlags", in: "ast", out: "ba(sss)", names: "files flags carries_install_info changes", files: fileChange(FileEnable, 0)},
		{name: "DisableUnitFilesWithFlags", in: "ast", out: "a(sss)", names: "files flags changes", files: fileChange(FileDisable, 0)},
		{name: "DisableUnitFilesWithFlagsAndInstallInfo", in: "ast", out: "ba(sss)", names: "files flags carries_install_info changes", files: fileChange(FileDisable, 0)},
		{name: "ReenableUnitFiles", in: "asbb", out: "ba(sss)", names: "files runtime force carries_install_info changes", files: fileChange(FileReenable, 0)},
		{name: "LinkUnitFiles", in: "asbb", out: "a(sss)", names: "files runtime force changes", files: fileChange(FileLink, 0)},
		{name: "PresetUnitFiles", in: "asbb", out: "ba(sss)", names: "files runtime force carries_install_info changes", files: fileChange(FilePreset, 0)},
		{name: "PresetUnitFilesWithMode", in: "assbb", out: "ba(sss)", names: "files mode runtime force carries_install_info changes", files: fileChange(FilePreset, 1)},
		{name: "MaskUnitFiles", in: "asbb", out: "a(sss)", names: "files runtime force changes", files: fileChange(FileMask, 0)},
		{name: "UnmaskUnitFiles", in: "asb", out: "a(sss)", names: "files runtime changes", files: fileChange(FileUnmask, 0)},
		{name: "RevertUnitFiles", in: "as", out: "a(sss)", names: "files changes", files: fileChange(FileRevert, 0)},
		{name: "SetDefaultTarget", in: "sb", out: "a(sss)", names: "name force changes", files: fileChange(FileSetDefault, 0)},
		{name: "GetDefaultTarget", out: "s", names: "name", files: defaultTarget},
		{name: "PresetAllUnitFiles", in: "sbb", out: "a(sss)", names: "mode runtime force changes", files: fileChange(FilePresetAll, 1)},
		{name: "AddDependencyUnitFiles", in: "asssbb", out: "a(sss)", names: "files target type runtime force changes", files: fileChange(FileAddDependency, 2)},
		{name: "GetUnitFileLinks", in: "sb", out: "as", names: "name runtime links", files: fileLinks},
		{name: "SetExitCode", in: "y", names: "number", call: func(c *call) {
			c.request(supervise.Request{Verb: supervise.VerbSetExitCode, Status: int(c.args[0].(byte))}, func(supervise.Reply) { c.reply() })
		}},
		{name: "LookupDynamicUserByName", in: "s", out: "u", names: "name uid", call: func(c *call) {
			c.fail(faultf(faultNoSuchDynamicUser, "Dynamic user %s does not exist.", c.str(0)))
		}},
		{name: "LookupDynamicUserByUID", in: "u", out: "s", names: "uid name", call: func(c *call) {
			c.fail(faultf(faultNoSuchDynamicUser, "Dynamic user ID %d does not exist.", c.args[0]))
		}},
		{name: "GetDynamicUsers", out: "a(us)", names: "users", call: func(c *call) { c.reply([]dynamicUser{}) }},
	}
}

type dynamicUser struct {
	UID  uint32
	Name string
}
