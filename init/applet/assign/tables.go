package assign

// The tables of properties, as bus-unit-util.c divides them, a function for each of its bus_append_…. They are made when they are asked
// for: most programs never do.

func cgroupForms() []entry {
	return []entry{
		{"DevicePolicy Slice ManagedOOMSwap ManagedOOMMemoryPressure ManagedOOMPreference", text},
		{"ManagedOOMMemoryPressureLimit", pressureLimit},
		{"CPUAccounting MemoryAccounting IOAccounting BlockIOAccounting TasksAccounting IPAccounting", boolean},
		{"CPUWeight StartupCPUWeight", weight(1, 10000, true)},
		{"IOWeight StartupIOWeight", weight(1, 10000, false)},
		{"CPUShares StartupCPUShares", weight(2, 262144, false)},
		{"BlockIOWeight StartupBlockIOWeight", weight(10, 1000, false)},
		{"AllowedCPUs StartupAllowedCPUs AllowedMemoryNodes StartupAllowedMemoryNodes", cpus},
		{"DisableControllers", words},
		{"Delegate", delegate},
		{"MemoryMin DefaultMemoryLow DefaultMemoryMin MemoryLow", memory(0)},
		{"MemoryHigh MemoryMax MemorySwapMax MemoryLimit", memory(^uint64(0))},
		{"TasksMax", tasks},
		{"CPUQuota", quota},
		{"CPUQuotaPeriodSec", quotaPeriod},
		{"DeviceAllow", deviceAllow},
		{"IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax IOWriteIOPSMax BlockIOReadBandwidth BlockIOWriteBandwidth", deviceBandwidth},
		{"IODeviceWeight BlockIODeviceWeight", deviceWeight},
		{"IODeviceLatencyTargetSec", deviceLatency},
		{"IPAddressAllow IPAddressDeny", addresses},
		{"IPIngressFilterPath IPEgressFilterPath", wholeList},
		{"BPFProgram", bpfProgram},
		{"SocketBindAllow SocketBindDeny", socketBind},
	}
}

func execForms() []entry {
	return []entry{
		{"User Group UtmpIdentifier UtmpMode PAMName TTYPath WorkingDirectory RootDirectory SyslogIdentifier ProtectSystem ProtectHome " +
			"SELinuxContext RootImage RootVerity RuntimeDirectoryPreserve Personality KeyringMode ProtectProc ProcSubset NetworkNamespacePath " +
			"IPCNamespacePath LogNamespace", text},
		{"IgnoreSIGPIPE TTYVHangup TTYReset TTYVTDisallocate PrivateTmp PrivateDevices PrivateNetwork PrivateUsers PrivateMounts PrivateIPC " +
			"NoNewPrivileges SyslogLevelPrefix MemoryDenyWriteExecute RestrictRealtime DynamicUser RemoveIPC ProtectKernelTunables " +
			"ProtectKernelModules ProtectKernelLogs ProtectClock ProtectControlGroups MountAPIVFS CPUSchedulingResetOnFork LockPersonality " +
			"ProtectHostname RestrictSUIDSGID", boolean},
		{"ReadWriteDirectories ReadOnlyDirectories InaccessibleDirectories ReadWritePaths ReadOnlyPaths InaccessiblePaths ExecPaths NoExecPaths " +
			"ExecSearchPath ExtensionDirectories ConfigurationDirectory SupplementaryGroups SystemCallArchitectures", words},
		{"SyslogLevel LogLevelMax", logLevel},
		{"SyslogFacility", oneOf(facilities)},
		{"SecureBits", secureBits},
		{"CPUSchedulingPolicy", oneOf(map[string]int32{"other": 0, "batch": 3, "idle": 5, "fifo": 1, "rr": 2})},
		{"CPUSchedulingPriority OOMScoreAdjust", number32},
		{"CoredumpFilter", coredumpFilter},
		{"Nice", between(-20, 19)},
		{"SystemCallErrorNumber", errnoOrKill},
		{"IOSchedulingClass", oneOf(map[string]int32{"none": 0, "realtime": 1, "best-effort": 2, "idle": 3})},
		{"IOSchedulingPriority", between(0, 7)},
		{"RuntimeDirectoryMode StateDirectoryMode CacheDirectoryMode LogsDirectoryMode ConfigurationDirectoryMode UMask", mode},
		{"TimerSlackNSec", nsec},
		{"LogRateLimitIntervalSec", seconds},
		{"LogRateLimitBurst TTYRows TTYColumns", unsigned32},
		{"MountFlags", propagation},
		{"Environment UnsetEnvironment PassEnvironment", escapedWords},
		{"EnvironmentFile", environmentFile},
		{"SetCredential", setCredential},
		{"SetCredentialEncrypted", setCredentialEncrypted},
		{"LoadCredential LoadCredentialEncrypted", loadCredential},
		{"LogExtraFields", logField},
		{"StandardInput StandardOutput StandardError", stream},
		{"StandardInputText", inputText},
		{"StandardInputData", inputData},
		{"AppArmorProfile SmackProcessLabel", label},
		{"CapabilityBoundingSet AmbientCapabilities", capabilities},
		{"CPUAffinity", affinity},
		{"NUMAPolicy", oneOf(map[string]int32{"default": 0, "preferred": 1, "bind": 2, "interleave": 3, "local": 4})},
		{"NUMAMask", cpus},
		{"RestrictAddressFamilies RestrictFileSystems SystemCallFilter SystemCallLog RestrictNetworkInterfaces", filter},
		{"RestrictNamespaces", namespaces},
		{"BindPaths BindReadOnlyPaths", binds},
		{"TemporaryFileSystem", temporaryFS},
		{"StateDirectory RuntimeDirectory CacheDirectory LogsDirectory", directories},
	}
}

func killForms() []entry {
	return []entry{
		{"KillMode", text},
		{"SendSIGHUP SendSIGKILL", boolean},
		{"KillSignal RestartKillSignal FinalKillSignal WatchdogSignal", signal},
	}
}

func serviceForms() []entry {
	return []entry{
		{"PIDFile Type ExitType Restart BusName NotifyAccess USBFunctionDescriptors USBFunctionStrings OOMPolicy TimeoutStartFailureMode " +
			"TimeoutStopFailureMode", text},
		{"PermissionsStartOnly RootDirectoryStartOnly RemainAfterExit GuessMainPID", boolean},
		{"RestartSec TimeoutStartSec TimeoutStopSec TimeoutAbortSec RuntimeMaxSec RuntimeRandomizedExtraSec WatchdogSec", seconds},
		{"TimeoutSec", timeoutSec},
		{"FileDescriptorStoreMax", unsigned32},
		{"ExecCondition ExecStartPre ExecStart ExecStartPost ExecConditionEx ExecStartPreEx ExecStartEx ExecStartPostEx ExecReload ExecStop " +
			"ExecStopPost ExecReloadEx ExecStopEx ExecStopPostEx", command},
		{"RestartPreventExitStatus RestartForceExitStatus SuccessExitStatus", exitStatuses},
	}
}

func socketForms() []entry {
	return []entry{
		{"Accept FlushPending Writable KeepAlive NoDelay FreeBind Transparent Broadcast PassCredentials PassSecurity PassPacketInfo ReusePort " +
			"RemoveOnStop SELinuxContextFromNet", boolean},
		{"Priority IPTTL Mark", number32},
		{"IPTOS", oneOf(map[string]int32{"low-delay": 0x10, "throughput": 0x08, "reliability": 0x04, "low-cost": 0x02})},
		{"Backlog MaxConnections MaxConnectionsPerSource KeepAliveProbes TriggerLimitBurst", unsigned32},
		{"SocketMode DirectoryMode", mode},
		{"MessageQueueMaxMessages MessageQueueMessageSize", number64},
		{"TimeoutSec KeepAliveTimeSec KeepAliveIntervalSec DeferAcceptSec TriggerLimitIntervalSec", seconds},
		{"ReceiveBuffer SendBuffer PipeSize", size},
		{"ExecStartPre ExecStartPost ExecReload ExecStopPost", command},
		{"SmackLabel SmackLabelIPIn SmackLabelIPOut TCPCongestion BindToDevice BindIPv6Only FileDescriptorName SocketUser SocketGroup Timestamping", text},
		{"Symlinks", words},
		{"SocketProtocol", oneOf(map[string]int32{"udplite": 136, "sctp": 132})},
		{"ListenStream ListenDatagram ListenSequentialPacket ListenNetlink ListenSpecial ListenMessageQueue ListenFIFO ListenUSBFunction", listen},
	}
}

func timerForms() []entry {
	return []entry{
		{"WakeSystem RemainAfterElapse Persistent OnTimezoneChange OnClockChange FixedRandomDelay", boolean},
		{"AccuracySec RandomizedDelaySec", seconds},
		{"OnActiveSec OnBootSec OnStartupSec OnUnitActiveSec OnUnitInactiveSec", monotonicTimer},
		{"OnCalendar", calendarTimer},
	}
}

func pathForms() []entry {
	return []entry{
		{"MakeDirectory", boolean},
		{"DirectoryMode", mode},
		{"PathExists PathExistsGlob PathChanged PathModified DirectoryNotEmpty", watch},
		{"TriggerLimitBurst", unsigned32},
		{"TriggerLimitIntervalSec", seconds},
	}
}

func scopeForms() []entry {
	return []entry{
		{"RuntimeMaxSec RuntimeRandomizedExtraSec TimeoutStopSec", seconds},
		{"User Group OOMPolicy", text},
	}
}

func mountForms() []entry {
	return []entry{
		{"What Where Options Type", text},
		{"TimeoutSec", seconds},
		{"DirectoryMode", mode},
		{"SloppyOptions LazyUnmount ForceUnmount ReadwriteOnly", boolean},
	}
}

func automountForms() []entry {
	return []entry{
		{"Where ExtraOptions", text},
		{"DirectoryMode", mode},
		{"TimeoutIdleSec", seconds},
	}
}

func unitForms() []entry {
	return []entry{
		{"Description SourcePath OnFailureJobMode JobTimeoutAction JobTimeoutRebootArgument StartLimitAction FailureAction SuccessAction RebootArgument CollectMode", text},
		{"StopWhenUnneeded RefuseManualStart RefuseManualStop AllowIsolate IgnoreOnIsolate DefaultDependencies", boolean},
		{"JobTimeoutSec JobRunningTimeoutSec StartLimitIntervalSec", seconds},
		{"StartLimitBurst", unsigned32},
		{"SuccessActionExitStatus FailureActionExitStatus", actionStatus},
		{dependencyNames + " Documentation RequiresMountsFor Markers", words},
		{conditionNames("Condition"), conditionForm("Conditions")},
		{conditionNames("Assert"), conditionForm("Asserts")},
	}
}

// dependencyNames are the dependencies that units have (unit_dependency_table of unit-def.c).
const dependencyNames = "Requires Requisite Wants BindsTo PartOf Upholds RequiredBy RequisiteOf WantedBy BoundBy UpheldBy ConsistsOf Conflicts " +
	"ConflictedBy Before After OnSuccess OnSuccessOf OnFailure OnFailureOf Triggers TriggeredBy PropagatesReloadTo ReloadPropagatedFrom " +
	"PropagatesStopTo StopPropagatedFrom JoinsNamespaceOf References ReferencedBy InSlice SliceOf"

// conditionNames are the names of all conditions, or assertions.
func conditionNames(prefix string) string {
	const kinds = "Architecture Firmware Virtualization Host KernelCommandLine KernelVersion Credential Security Capability ACPower Memory " +
		"CPUFeature OSRelease MemoryPressure CPUPressure IOPressure NeedsUpdate FirstBoot PathExists PathExistsGlob PathIsDirectory " +
		"PathIsSymbolicLink PathIsMountPoint PathIsReadWrite PathIsEncrypted DirectoryNotEmpty FileNotEmpty FileIsExecutable User Group " +
		"ControlGroupController CPUs Environment"
	return prefixEach(kinds, prefix)
}

// facilities are syslog's, by number.
var facilities = map[string]int32{
	"kern": 0, "user": 1, "mail": 2, "daemon": 3, "auth": 4, "syslog": 5, "lpr": 6, "news": 7, "uucp": 8, "cron": 9, "authpriv": 10, "ftp": 11,
	"local0": 16, "local1": 17, "local2": 18, "local3": 19, "local4": 20, "local5": 21, "local6": 22, "local7": 23,
}
