package unit

// execGroups are what systemd.exec(5) says of how a process is run, other than its sandbox.
func execGroups() []group {
	e := func(u *Unit) *ExecContext { return u.Exec }
	rows := []row{
		{"User", userName(func(u *Unit) *string { return &e(u).User }), honoured, 0},
		{"Group", userName(func(u *Unit) *string { return &e(u).Group }), honoured, 0},
		{"SupplementaryGroups", userNames(func(u *Unit) *[]string { return &e(u).SupplementaryGroups }), honoured, 0},
		{"DynamicUser", vitalBoolean(func(u *Unit) *bool { return &e(u).DynamicUser }), honoured, 0},
		{"PAMName", text(func(u *Unit) *string { return &e(u).PAMName }), inert("no PAM session is opened: keelson is static"), 0},
		{"WorkingDirectory", workingDirectory(), honoured, 0},
		{"ExecSearchPath", searchPath(), honoured, 0},

		{"Environment", environment(), honoured, 0},
		{"EnvironmentFile", environmentFile(), honoured, 0},
		{"PassEnvironment", passEnvironment(), honoured, 0},
		{"UnsetEnvironment", variableNames(func(u *Unit) *[]string { return &e(u).UnsetEnvironment }, true), honoured, 0},

		{"StandardInput", standardInput(), honoured, 0},
		{"StandardOutput", standardOutput(1, func(u *Unit) *Output { return &e(u).Output }), honoured, 0},
		{"StandardError", standardOutput(2, func(u *Unit) *Output { return &e(u).Error }), honoured, 0},
		{"StandardInputText", inputData(false), honoured, 0},
		{"StandardInputData", inputData(true), honoured, 0},
		{"TTYPath", absolutePath(func(u *Unit) *string { return &e(u).TTYPath }), honoured, 0},
		{"TTYReset", boolean(func(u *Unit) *bool { return &e(u).TTYReset }), honoured, 0},
		{"TTYVHangup", boolean(func(u *Unit) *bool { return &e(u).TTYVHangup }), needs(TTYConfig), 0},
		{"TTYVTDisallocate", boolean(func(u *Unit) *bool { return &e(u).TTYVTDisallocate }), inert("a container has no virtual consoles"), 0},
		{"TTYRows", ttySize(func(u *Unit) *Bound[uint] { return &e(u).TTYRows }), honoured, 0},
		{"TTYColumns", ttySize(func(u *Unit) *Bound[uint] { return &e(u).TTYCols }), honoured, 0},

		{"SyslogIdentifier", text(func(u *Unit) *string { return &e(u).SyslogIdentifier }), honoured, 0},
		{"SyslogFacility", syslogFacility(), honoured, 0},
		{"SyslogLevel", logLevel(func(c *ExecContext, l uint8) { c.SyslogLevel = l }), honoured, 0},
		{"SyslogLevelPrefix", boolean(func(u *Unit) *bool { return &e(u).SyslogLevelPrefix }), honoured, 0},
		{"LogLevelMax", logLevel(func(c *ExecContext, l uint8) { c.LogLevelMax = Bound[uint8]{true, l} }), honoured, 0},
		{"LogRateLimitIntervalSec", span(func(u *Unit) *Usec { return &e(u).LogRateLimitInterval }), honoured, 0},
		{"LogRateLimitBurst", unsigned(func(u *Unit) *uint { return &e(u).LogRateLimitBurst }), honoured, 0},
		{"LogExtraFields", logExtraFields(), honoured, 0},
		{"LogFilterPatterns", filterPatterns(), honoured, 253},
		{"LogNamespace", logNamespace(), inert("a container has one journal"), 0},

		{"UMask", mode(func(u *Unit) *uint32 { return &e(u).UMask }), honoured, 0},
		{"Nice", boundedNumber(-20, 19, "Nice priority out of range, ignoring: %s", "Failed to parse nice priority '%s', ignoring: Invalid argument", func(u *Unit) *Bound[int] { return &e(u).Nice }), needs(SysNice), 0},
		{"OOMScoreAdjust", boundedNumber(-1000, 1000, "OOM score adjust value out of range, ignoring: %s", "Failed to parse the OOM score adjust value '%s', ignoring: Invalid argument", func(u *Unit) *Bound[int] { return &e(u).OOMScoreAdjust }), needs(SysResource), 0},
		{"CoredumpFilter", coredumpFilter(), honoured, 0},
		{"IOSchedulingClass", ioClass(), honoured, 0},
		{"IOSchedulingPriority", ioPriority(), honoured, 0},
		{"CPUSchedulingPolicy", cpuPolicy(), needs(SysNice), 0},
		{"CPUSchedulingPriority", cpuPriority(), needs(SysNice), 0},
		{"CPUSchedulingResetOnFork", boolean(func(u *Unit) *bool { return &e(u).CPUResetOnFork }), honoured, 0},
		{"CPUAffinity", cpuAffinity(), honoured, 0},
		{"NUMAPolicy", numaPolicy(), needs(SysNice), 0},
		{"NUMAMask", numaMask(), needs(SysNice), 0},
		{"TimerSlackNSec", timerSlack(), honoured, 0},
		{"IgnoreSIGPIPE", boolean(func(u *Unit) *bool { return &e(u).IgnoreSIGPIPE }), honoured, 0},
		{"Personality", personality(), honoured, 0},
		{"KeyringMode", oneOf(keyringModeWords, "Failed to parse keyring mode", func(u *Unit) *KeyringMode { return &e(u).KeyringMode }), inert("a container runtime's system call filter refuses keyctl"), 0},
		{"SetLoginEnvironment", boundBoolean(func(u *Unit) *Bound[bool] { return &e(u).SetLoginEnvironment }), honoured, 255},
		{"UtmpIdentifier", text(func(u *Unit) *string { return &e(u).UtmpIdentifier }), inert("a container keeps no login records"), 0},
		{"UtmpMode", oneOf(utmpModeWords, "Failed to parse utmp mode", func(u *Unit) *UtmpMode { return &e(u).UtmpMode }), inert("a container keeps no login records"), 0},

		{"RuntimeDirectoryPreserve", booleanOr(preserveWords, "Failed to parse runtime directory preserve mode", func(u *Unit) *Preserve { return &e(u).RuntimeDirectoryPreserve }), honoured, 0},
		{"TimeoutCleanSec", span(func(u *Unit) *Usec { return &e(u).TimeoutClean }), honoured, 0},
		{"SetCredential", setCredential(false), honoured, 0},
		{"SetCredentialEncrypted", setCredential(true), inert("a container has no TPM and no host key"), 0},
		{"LoadCredential", loadCredential(false), honoured, 0},
		{"LoadCredentialEncrypted", loadCredential(true), inert("a container has no TPM and no host key"), 0},
		{"ImportCredential", importCredential(), honoured, 254},
		{"Capabilities", removed(), gone, 0},
	}
	for k := RuntimeDirectory; int(k) < DirectoryKinds; k++ {
		rows = append(rows,
			row{k.String(), directories(k), honoured, 0},
			row{k.String() + "Mode", mode(func(u *Unit) *uint32 { return &e(u).Directories[k].Mode }), honoured, 0})
	}
	for k := LimitCPU; int(k) < RlimitKinds; k++ {
		rows = append(rows, row{k.String(), rlimit(k), needs(SysResource), 0})
	}
	return []group{{"systemd.exec(5)", sectionsWith(Type.HasExec), rows}}
}

// vitalBoolean refuses the unit if it cannot be read.
func vitalBoolean(f field[bool]) form {
	return form{"boolean", func(a *assignment) {
		if b, ok := ParseBoolean(a.value); ok {
			*f(a.u) = b
		} else {
			a.refuse("Failed to parse boolean value: %s", a.value)
		}
	}}
}

// filterPatterns is a list of regular expressions, one a line; "~" before one makes it a deny rule.
func filterPatterns() form {
	return form{"regular expression, denied by ~", func(a *assignment) {
		list := &a.u.Exec.LogFilterPatterns
		if a.value == "" {
			*list = nil
			return
		}
		s, err := unescapeC(a.value, false)
		if err != nil || string(s) == "~" {
			a.warn("Failed to parse LogFilterPatterns=, ignoring: %s", a.value)
			return
		}
		*list = append(*list, string(s))
	}}
}

func importCredential() form {
	return form{"credential name or pattern", func(a *assignment) {
		list := &a.u.Exec.ImportCredentials
		if a.value == "" {
			*list = nil
			return
		}
		s, ok := a.expand(a.value, 255)
		switch {
		case !ok:
		case !validCredential(s):
			a.warn("Credential name \"%s\" not valid, ignoring.", s)
		default:
			*list = append(*list, s)
		}
	}}
}
