package unit

// unitGroups are the sections that all units have: systemd.unit(5).
func unitGroups() []group {
	return []group{
		{"systemd.unit(5)", []string{"Unit"}, []row{
			{"Description", text(func(u *Unit) *string { return &u.Description }), honoured, 0},
			{"Documentation", documentation(), honoured, 0},
			{"SourcePath", absolutePath(func(u *Unit) *string { return &u.Source }), honoured, 0},

			{"Requires", dependency(Requires), honoured, 0},
			{"Requisite", dependency(Requisite), honoured, 0},
			{"Wants", dependency(Wants), honoured, 0},
			{"BindsTo", dependency(BindsTo), honoured, 0},
			{"BindTo", dependency(BindsTo), honoured, 0},
			{"Upholds", dependency(Upholds), honoured, 0},
			{"Conflicts", dependency(Conflicts), honoured, 0},
			{"Before", dependency(Before), honoured, 0},
			{"After", dependency(After), honoured, 0},
			{"OnSuccess", dependency(OnSuccess), honoured, 0},
			{"OnFailure", dependency(OnFailure), honoured, 0},
			{"PropagatesReloadTo", dependency(PropagatesReloadTo), honoured, 0},
			{"PropagateReloadTo", dependency(PropagatesReloadTo), honoured, 0},
			{"ReloadPropagatedFrom", dependency(ReloadPropagatedFrom), honoured, 0},
			{"PropagateReloadFrom", dependency(ReloadPropagatedFrom), honoured, 0},
			{"PropagatesStopTo", dependency(PropagatesStopTo), honoured, 0},
			{"StopPropagatedFrom", dependency(StopPropagatedFrom), honoured, 0},
			{"PartOf", dependency(PartOf), honoured, 0},
			{"JoinsNamespaceOf", dependency(JoinsNamespaceOf), needs(MountNamespace), 0},
			{"RequiresOverridable", obsoleteDependency(Requires), honoured, 0},
			{"RequisiteOverridable", obsoleteDependency(Requisite), honoured, 0},
			{"RequiresMountsFor", requiresMountsFor(), inert("mounts are the container runtime's"), 0},
			{"WantsMountsFor", requiresMountsFor(), inert("mounts are the container runtime's"), 256},

			{"StopWhenUnneeded", boolean(func(u *Unit) *bool { return &u.StopWhenUnneeded }), honoured, 0},
			{"RefuseManualStart", boolean(func(u *Unit) *bool { return &u.RefuseManualStart }), honoured, 0},
			{"RefuseManualStop", boolean(func(u *Unit) *bool { return &u.RefuseManualStop }), honoured, 0},
			{"AllowIsolate", boolean(func(u *Unit) *bool { return &u.AllowIsolate }), honoured, 0},
			{"DefaultDependencies", boolean(func(u *Unit) *bool { return &u.DefaultDependencies }), honoured, 0},
			{"IgnoreOnIsolate", boolean(func(u *Unit) *bool { return &u.IgnoreOnIsolate }), honoured, 0},
			{"IgnoreOnSnapshot", removed(), gone, 0},
			{"OnSuccessJobMode", oneOf(jobModeWords, "Failed to parse job mode", func(u *Unit) *JobMode { return &u.OnSuccessJobMode }), honoured, 0},
			{"OnFailureJobMode", oneOf(jobModeWords, "Failed to parse job mode", func(u *Unit) *JobMode { return &u.OnFailureJobMode }), honoured, 0},
			{"OnFailureIsolate", fixed("boolean", func(u *Unit, b bool) {
				if u.OnFailureJobMode = JobReplace; b {
					u.OnFailureJobMode = JobIsolate
				}
			}), honoured, 0},
			{"CollectMode", oneOf(collectModeWords, "Failed to parse garbage collection mode", func(u *Unit) *CollectMode { return &u.CollectMode }), honoured, 0},
			{"SurviveFinalKillSignal", fixed("boolean", func(*Unit, bool) {}), inert("the container's end spares nobody"), 255},

			{"JobTimeoutSec", jobTimeout(), honoured, 0},
			{"JobRunningTimeoutSec", jobRunningTimeout(), honoured, 0},
			{"JobTimeoutAction", emergencyAction(func(u *Unit) *EmergencyAction { return &u.JobTimeoutAction }), honoured, 0},
			{"JobTimeoutRebootArgument", rebootArgument(func(u *Unit) *string { return &u.JobTimeoutRebootArgument }), inert("a container has no firmware to reboot"), 0},
			{"StartLimitIntervalSec", span(func(u *Unit) *Usec { return &u.StartLimit.Interval }), honoured, 0},
			{"StartLimitInterval", span(func(u *Unit) *Usec { return &u.StartLimit.Interval }), honoured, 0},
			{"StartLimitBurst", unsigned(func(u *Unit) *uint { return &u.StartLimit.Burst }), honoured, 0},
			{"StartLimitAction", emergencyAction(func(u *Unit) *EmergencyAction { return &u.StartLimitAction }), honoured, 0},
			{"FailureAction", emergencyAction(func(u *Unit) *EmergencyAction { return &u.FailureAction }), honoured, 0},
			{"SuccessAction", emergencyAction(func(u *Unit) *EmergencyAction { return &u.SuccessAction }), honoured, 0},
			{"FailureActionExitStatus", exitStatusOr(func(u *Unit) *int { return &u.FailureActionExitStatus }), honoured, 0},
			{"SuccessActionExitStatus", exitStatusOr(func(u *Unit) *int { return &u.SuccessActionExitStatus }), honoured, 0},
			{"RebootArgument", rebootArgument(func(u *Unit) *string { return &u.RebootArgument }), inert("a container has no firmware to reboot"), 0},
		}},
		{"systemd.unit(5)", []string{"Unit"}, conditionRows()},
		{"systemd.unit(5)", []string{"Install"}, []row{
			{"Alias", installList(func(u *Unit) *[]string { return &u.Install.Alias }), honoured, 0},
			{"WantedBy", installList(func(u *Unit) *[]string { return &u.Install.WantedBy }), honoured, 0},
			{"RequiredBy", installList(func(u *Unit) *[]string { return &u.Install.RequiredBy }), honoured, 0},
			{"UpheldBy", installList(func(u *Unit) *[]string { return &u.Install.UpheldBy }), honoured, 254},
			{"Also", installList(func(u *Unit) *[]string { return &u.Install.Also }), honoured, 0},
			{"DefaultInstance", literal(func(u *Unit) *string { return &u.Install.DefaultInstance }), honoured, 0},
		}},
	}
}

// conditionRows are Condition*= and Assert*= of every type. There is no AssertFirmware=.
func conditionRows() []row {
	var rows []row
	for t := ConditionArchitecture; t <= ConditionControlGroupController; t++ {
		rows = append(rows, row{"Condition" + t.String(), condition(t, false), honoured, 0})
		if t != ConditionFirmware {
			rows = append(rows, row{"Assert" + t.String(), condition(t, true), honoured, 0})
		}
	}
	return rows
}
