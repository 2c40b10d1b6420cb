package unit

import "keelson/supervise/calendar"

// Defaults are what the manager's configuration says of all units (systemd-system.conf(5)).
type Defaults struct {
	TimeoutStart    Usec // DefaultTimeoutStartSec=
	TimeoutStop     Usec // DefaultTimeoutStopSec=
	TimeoutAbort    Usec // DefaultTimeoutAbortSec=; TimeoutStop holds unless TimeoutAbortSet
	TimeoutAbortSet bool
	RestartDelay    Usec // DefaultRestartSec=
	StartLimit      RateLimit
	TimerAccuracy   Usec
	Output, Error   Output
	OOMPolicy       OOMPolicy
	OOMScoreAdjust  Bound[int]
	TasksMax        Fraction
	Rlimits         [RlimitKinds]Bound[Rlimit]

	CPUAccounting, MemoryAccounting, TasksAccounting, IOAccounting, BlockIOAccounting, IPAccounting bool
}

// SystemDefaults are those of a system.conf that says nothing.
func SystemDefaults() Defaults {
	return Defaults{
		TimeoutStart: 90 * calendar.Second, TimeoutStop: 90 * calendar.Second, RestartDelay: 100 * calendar.Millisecond,
		StartLimit: RateLimit{10 * calendar.Second, 5}, TimerAccuracy: calendar.Minute,
		Output: OutputJournal, Error: OutputInherit, OOMPolicy: OOMStop, TasksMax: Fraction{Share: 1500, Shared: true},
		MemoryAccounting: true, TasksAccounting: true,
	}
}

// newUnit is a unit of this name before any file is read.
func newUnit(name string, d *Defaults) *Unit {
	_, instance, t, _, _ := SplitName(name)
	u := &Unit{
		Name: name, Type: t, Instance: instance, DefaultDependencies: true,
		OnFailureJobMode: JobReplace, OnSuccessJobMode: JobFail,
		JobTimeout: Infinity, JobRunningTimeout: Infinity, StartLimit: d.StartLimit,
		FailureActionExitStatus: -1, SuccessActionExitStatus: -1,
	}
	if t.HasExec() {
		u.Exec = newExecContext(d)
	}
	if t.HasKill() {
		u.Kill = &KillContext{KillSignal: SIGTERM, FinalKillSignal: SIGKILL, WatchdogSignal: SIGABRT, SendSIGKILL: true}
	}
	if t.HasCgroup() {
		u.Cgroup = newCgroupContext(d)
		if t != TypeSlice {
			u.Cgroup.TasksMax = d.TasksMax
		}
	}
	unset := RateLimit{Infinity, ^uint(0)} // filled in by fill
	switch t {
	case TypeService:
		u.Exec.KeyringMode = KeyringPrivate
		u.Service = &Service{
			TimeoutStart: d.TimeoutStart, TimeoutStop: d.TimeoutStop, TimeoutAbort: d.TimeoutAbort, TimeoutAbortSet: d.TimeoutAbortSet,
			RestartDelay: d.RestartDelay, RestartMaxDelay: Infinity, RuntimeMax: Infinity, GuessMainPID: true, ReloadSignal: SIGHUP,
		}
	case TypeSocket:
		u.Exec.Output, u.Exec.Error = d.Output, d.Error
		u.Socket = &Socket{
			Backlog: 1<<32 - 1, Timeout: d.TimeoutStart, DirectoryMode: 0o755, SocketMode: 0o666, MaxConnections: 64, TriggerLimit: unset, PollLimit: unset,
		}
	case TypeTimer:
		u.Timer = &Timer{Accuracy: d.TimerAccuracy, RemainAfterElapse: true}
	case TypePath:
		u.Path = &Path{DirectoryMode: 0o755, TriggerLimit: unset}
	case TypeMount:
		u.Mount = &Mount{DirectoryMode: 0o755, Timeout: d.TimeoutStart}
	case TypeAutomount:
		u.Automount = &Automount{DirectoryMode: 0o755}
	case TypeSwap:
		u.Swap = &Swap{Priority: -1, Timeout: d.TimeoutStart}
	case TypeScope:
		u.Scope = &Scope{RuntimeMax: Infinity, TimeoutStop: d.TimeoutStop}
	}
	return u
}

// newExecContext: exec_context_init in src/core/execute.c.
func newExecContext(d *Defaults) *ExecContext {
	e := &ExecContext{
		UMask: 0o022, IOClass: IOClassBestEffort, IOPriority: 4, SyslogFacility: 3, SyslogLevel: 6, SyslogLevelPrefix: true,
		IgnoreSIGPIPE: true, TimeoutClean: Infinity, OOMScoreAdjust: d.OOMScoreAdjust, KeyringMode: KeyringShared,
	}
	e.BoundingSet = AllCapabilities
	e.SystemCallErrorNumber = SyscallKill
	for k := range e.Directories {
		e.Directories[k].Mode = 0o755
	}
	return e
}

// newCgroupContext: cgroup_context_init in src/core/cgroup.c.
func newCgroupContext(d *Defaults) *CgroupContext {
	none := Fraction{Amount: NoLimit}
	return &CgroupContext{
		CPUWeight: WeightUnset, StartupCPU: WeightUnset, IOWeight: WeightUnset, StartupIO: WeightUnset,
		CPUShares: WeightUnset, StartupCPUShares: WeightUnset, BlockIOWeight: WeightUnset, StartupBlockIOWeight: WeightUnset,
		CPUQuota: Infinity, CPUQuotaPeriod: Infinity, MemoryPressureThreshold: Infinity,
		MemoryHigh: none, MemoryMax: none, MemorySwapMax: none, MemoryZSwapMax: none, MemoryLimit: none,
		StartupMemoryHigh: none, StartupMemoryMax: none, StartupMemorySwapMax: none, StartupMemoryZSwapMax: none,
		TasksMax: none, MemoryZSwapWriteback: true,
		CPUAccounting: d.CPUAccounting, MemoryAccounting: d.MemoryAccounting, TasksAccounting: d.TasksAccounting,
		IOAccounting: d.IOAccounting, BlockIOAccounting: d.BlockIOAccounting, IPAccounting: d.IPAccounting,
	}
}
