package graph

import "strings"

// An ActiveState is the coarse state of a unit (org.freedesktop.systemd1(5)
// "ActiveState").
type ActiveState uint8

const (
	Inactive ActiveState = iota
	Active
	Reloading
	Failed
	Activating
	Deactivating
	Maintenance
)

var activeStateNames = [...]string{
	Inactive: "inactive", Active: "active", Reloading: "reloading", Failed: "failed",
	Activating: "activating", Deactivating: "deactivating", Maintenance: "maintenance",
}

func (s ActiveState) String() string { return activeStateNames[s] }

// IsUp: active or reloading.
func (s ActiveState) IsUp() bool { return s == Active || s == Reloading }

// IsUpOrComing: active, reloading or activating.
func (s ActiveState) IsUpOrComing() bool { return s.IsUp() || s == Activating }

// IsDown: inactive or failed.
func (s ActiveState) IsDown() bool { return s == Inactive || s == Failed }

// IsDownOrGoing: inactive, failed or deactivating.
func (s ActiveState) IsDownOrGoing() bool { return s.IsDown() || s == Deactivating }

// A LoadState says how reading a unit went (org.freedesktop.systemd1(5)
// "LoadState").
type LoadState uint8

const (
	Stub LoadState = iota // named by somebody, not read yet
	Loaded
	NotFound
	BadSetting
	LoadError
	Merged
	Masked
)

var loadStateNames = [...]string{
	Stub: "stub", Loaded: "loaded", NotFound: "not-found", BadSetting: "bad-setting",
	LoadError: "error", Merged: "merged", Masked: "masked",
}

func (s LoadState) String() string { return loadStateNames[s] }

// A UnitType is told by the suffix of a unit's name. The order is systemd's: of
// two jobs that may run, that of the later type runs first (compare_job_priority in
// cgroup.c).
type UnitType uint8

const (
	Service UnitType = iota
	Mount
	Swap
	Socket
	Target
	Device
	Automount
	Timer
	Path
	Slice
	Scope
)

// typeRule is what the engine knows of a type (the UnitVTable of each type's .c
// file).
type typeRule struct {
	suffix      string
	acts        bool // can be started and stopped by a job
	fails       bool // OnFailure= makes sense
	triggers    bool // Triggers= makes sense
	cgroup      bool // has processes, so a slice
	keptIsolate bool // IgnoreOnIsolate= defaults to yes
	reloads     bool // has a reload of its own that any such unit can do
	asksReload  bool // says itself whether it can reload; else passing it on is enough
	implies     []implied
}

var unitTypes = [...]typeRule{
	Service:   {suffix: "service", acts: true, fails: true, cgroup: true, asksReload: true, implies: serviceImplies},
	Mount:     {suffix: "mount", acts: true, fails: true, cgroup: true, keptIsolate: true, reloads: true},
	Swap:      {suffix: "swap", acts: true, fails: true, cgroup: true, keptIsolate: true},
	Socket:    {suffix: "socket", acts: true, fails: true, triggers: true, cgroup: true, implies: socketImplies},
	Target:    {suffix: "target", acts: true, fails: true, implies: shutdownImplies},
	Device:    {suffix: "device", keptIsolate: true},
	Automount: {suffix: "automount", acts: true, fails: true, triggers: true, keptIsolate: true, implies: automountImplies},
	Timer:     {suffix: "timer", acts: true, fails: true, triggers: true, implies: timerImplies},
	Path:      {suffix: "path", acts: true, fails: true, triggers: true, implies: pathImplies},
	Slice:     {suffix: "slice", acts: true, cgroup: true, keptIsolate: true, implies: shutdownImplies},
	Scope:     {suffix: "scope", acts: true, fails: true, cgroup: true, keptIsolate: true, implies: shutdownImplies},
}

func (t UnitType) String() string { return unitTypes[t].suffix }

// typeOf reads the type from a unit's name.
func typeOf(name string) (UnitType, bool) {
	suffix := name[strings.LastIndexByte(name, '.')+1:]
	if len(suffix)+1 >= len(name) {
		return 0, false
	}
	for t := range unitTypes {
		if unitTypes[t].suffix == suffix {
			return UnitType(t), true
		}
	}
	return 0, false
}
