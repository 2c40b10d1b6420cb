package unit

// otherGroups are timers and paths, and the types that are read but do nothing in a container.
func otherGroups() []group {
	t := func(u *Unit) *Timer { return u.Timer }
	p := func(u *Unit) *Path { return u.Path }
	m := func(u *Unit) *Mount { return u.Mount }
	mounts := inert("mounts are the container runtime's")
	scopes := inert("a container has no scope of its own")
	timers := []row{
		{"OnCalendar", timerCalendar(), honoured, 0},
		{"OnClockChange", boolean(func(u *Unit) *bool { return &t(u).OnClockChange }), honoured, 0},
		{"OnTimezoneChange", boolean(func(u *Unit) *bool { return &t(u).OnTimezoneChange }), honoured, 0},
		{"Persistent", boolean(func(u *Unit) *bool { return &t(u).Persistent }), honoured, 0},
		{"WakeSystem", boolean(func(u *Unit) *bool { return &t(u).WakeSystem }), inert("a container does not sleep"), 0},
		{"RemainAfterElapse", boolean(func(u *Unit) *bool { return &t(u).RemainAfterElapse }), honoured, 0},
		{"FixedRandomDelay", boolean(func(u *Unit) *bool { return &t(u).FixedRandomDelay }), honoured, 0},
		{"AccuracySec", span(func(u *Unit) *Usec { return &t(u).Accuracy }), honoured, 0},
		{"RandomizedDelaySec", span(func(u *Unit) *Usec { return &t(u).RandomizedDelay }), honoured, 0},
		{"Unit", triggerUnit(func(u *Unit) *string { return &t(u).Unit }), honoured, 0},
	}
	for b := OnActive; b <= OnUnitInactive; b++ {
		timers = append(timers, row{b.String(), timerBase(b), honoured, 0})
	}
	paths := []row{
		{"Unit", triggerUnit(func(u *Unit) *string { return &p(u).Unit }), honoured, 0},
		{"MakeDirectory", boolean(func(u *Unit) *bool { return &p(u).MakeDirectory }), honoured, 0},
		{"DirectoryMode", mode(func(u *Unit) *uint32 { return &p(u).DirectoryMode }), honoured, 0},
		{"TriggerLimitIntervalSec", span(func(u *Unit) *Usec { return &p(u).TriggerLimit.Interval }), honoured, 0},
		{"TriggerLimitBurst", unsigned(func(u *Unit) *uint { return &p(u).TriggerLimit.Burst }), honoured, 0},
	}
	for k := PathExists; k <= DirectoryNotEmpty; k++ {
		paths = append(paths, row{k.String(), pathSpec(k), honoured, 0})
	}
	return []group{
		{"systemd.timer(5)", []string{"Timer"}, timers},
		{"systemd.path(5)", []string{"Path"}, paths},
		{"systemd.mount(5)", []string{"Mount"}, []row{
			{"What", text(func(u *Unit) *string { return &m(u).What }), mounts, 0},
			{"Where", absolutePath(func(u *Unit) *string { return &m(u).Where }), mounts, 0},
			{"Type", text(func(u *Unit) *string { return &m(u).FSType }), mounts, 0},
			{"Options", text(func(u *Unit) *string { return &m(u).Options }), mounts, 0},
			{"SloppyOptions", boolean(func(u *Unit) *bool { return &m(u).SloppyOptions }), mounts, 0},
			{"LazyUnmount", boolean(func(u *Unit) *bool { return &m(u).LazyUnmount }), mounts, 0},
			{"ForceUnmount", boolean(func(u *Unit) *bool { return &m(u).ForceUnmount }), mounts, 0},
			{"ReadWriteOnly", boolean(func(u *Unit) *bool { return &m(u).ReadWriteOnly }), mounts, 0},
			{"DirectoryMode", mode(func(u *Unit) *uint32 { return &m(u).DirectoryMode }), mounts, 0},
			{"TimeoutSec", spanOrNone(func(u *Unit) *Usec { return &m(u).Timeout }), mounts, 0},
		}},
		{"systemd.automount(5)", []string{"Automount"}, []row{
			{"Where", absolutePath(func(u *Unit) *string { return &u.Automount.Where }), mounts, 0},
			{"ExtraOptions", text(func(u *Unit) *string { return &u.Automount.ExtraOptions }), mounts, 0},
			{"DirectoryMode", mode(func(u *Unit) *uint32 { return &u.Automount.DirectoryMode }), mounts, 0},
			{"TimeoutIdleSec", spanOrNone(func(u *Unit) *Usec { return &u.Automount.TimeoutIdle }), mounts, 0},
		}},
		{"systemd.swap(5)", []string{"Swap"}, []row{
			{"What", absolutePath(func(u *Unit) *string { return &u.Swap.What }), inert("swap is the host's"), 0},
			{"Priority", swapPriority(), inert("swap is the host's"), 0},
			{"Options", text(func(u *Unit) *string { return &u.Swap.Options }), inert("swap is the host's"), 0},
			{"TimeoutSec", spanOrNone(func(u *Unit) *Usec { return &u.Swap.Timeout }), inert("swap is the host's"), 0},
		}},
		{"systemd.scope(5)", []string{"Scope"}, []row{
			{"RuntimeMaxSec", span(func(u *Unit) *Usec { return &u.Scope.RuntimeMax }), scopes, 0},
			{"RuntimeRandomizedExtraSec", span(func(u *Unit) *Usec { return &u.Scope.RuntimeRandomExtra }), scopes, 0},
			{"TimeoutStopSec", span(func(u *Unit) *Usec { return &u.Scope.TimeoutStop }), scopes, 0},
			{"OOMPolicy", oneOf(oomPolicyWords, "Failed to parse OOM policy", func(u *Unit) *OOMPolicy { return &u.Scope.OOMPolicy }), scopes, 0},
		}},
	}
}
