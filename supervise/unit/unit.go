package unit

// LoadState says what became of loading a unit (`systemctl show -p LoadState`).
type LoadState uint8

// The load states.
const (
	Stub       LoadState = iota // not loaded yet
	Loaded                      // it may be started
	NotFound                    // no file and no built-in unit of that name
	BadSetting                  // a line that cannot be ignored, or directives that don't go together
	LoadError                   // its file could not be read
	Masked                      // its file is empty or a link to /dev/null
)

var loadStateWords = words{"stub", "loaded", "not-found", "bad-setting", "error", "masked"}

func (s LoadState) String() string { return loadStateWords.of(uint8(s)) }

// JobMode says how a job meets others (systemctl(1), --job-mode=).
type JobMode uint8

// The job modes.
const (
	JobFail JobMode = iota
	JobReplace
	JobReplaceIrreversibly
	JobIsolate
	JobFlush
	JobIgnoreDependencies
	JobIgnoreRequirements
	JobTriggering
)

var jobModeWords = words{"fail", "replace", "replace-irreversibly", "isolate", "flush", "ignore-dependencies", "ignore-requirements", "triggering"}

func (m JobMode) String() string { return jobModeWords.of(uint8(m)) }

// ParseJobMode reads a job mode as the command line and unit files name it.
func ParseJobMode(s string) (JobMode, bool) {
	i, ok := jobModeWords.find(s)
	return JobMode(i), ok
}

// EmergencyAction is what FailureAction=, SuccessAction=, StartLimitAction= and JobTimeoutAction= ask for (systemd.unit(5)).
type EmergencyAction uint8

// The emergency actions. In a container the reboots, halts and power-offs end the container.
const (
	ActionNone EmergencyAction = iota
	ActionReboot
	ActionRebootForce
	ActionRebootImmediate
	ActionPoweroff
	ActionPoweroffForce
	ActionPoweroffImmediate
	ActionExit
	ActionExitForce
	ActionSoftReboot      // systemd 254, as are all that follow
	ActionSoftRebootForce //
	ActionKexec
	ActionKexecForce
	ActionHalt
	ActionHaltForce
	ActionHaltImmediate
)

var emergencyActionWords = words{"none", "reboot", "reboot-force", "reboot-immediate", "poweroff", "poweroff-force", "poweroff-immediate", "exit", "exit-force",
	"soft-reboot", "soft-reboot-force", "kexec", "kexec-force", "halt", "halt-force", "halt-immediate"}

func (a EmergencyAction) String() string { return emergencyActionWords.of(uint8(a)) }

// CollectMode says when a unit that nobody needs is forgotten (systemd.unit(5), CollectMode=).
type CollectMode uint8

// The collect modes.
const (
	CollectInactive CollectMode = iota
	CollectInactiveOrFailed
)

var collectModeWords = words{"inactive", "inactive-or-failed"}

func (m CollectMode) String() string { return collectModeWords.of(uint8(m)) }

// RateLimit allows Burst events within Interval. An Interval or a Burst of 0 is no limit.
type RateLimit struct {
	Interval Usec
	Burst    uint
}

// Limited tells whether the limit can ever be hit.
func (r RateLimit) Limited() bool { return r.Interval != 0 && r.Burst != 0 }

// Install is a unit file's [Install] section. It says nothing about the running unit: only enable, disable and preset read it.
type Install struct {
	Alias           []string
	WantedBy        []string
	RequiredBy      []string
	UpheldBy        []string // systemd 254
	Also            []string
	DefaultInstance string
}

// Unit is a unit as its files describe it, with systemd's defaults filled in. It is data: it has no state of running, and
// nothing changes it once the Loader has handed it out.
type Unit struct {
	Name     string   // the main name
	Aliases  []string // the other names, sorted; Name is not among them
	Type     Type
	Instance string // the instance of a templated unit, "" for others

	LoadState LoadState
	LoadError string // one line: why it is not Loaded; "" if it is

	Fragment string   // path of the unit file, "" if there is none
	Source   string   // SourcePath=: the file that the unit was generated from
	DropIns  []string // paths of the drop-in files, in the order in which they were applied
	Builtin  bool     // no file: it comes from the table of well-known units

	Description   string
	Documentation []string
	Dependencies  []Dependency // in order of statement, each pair of kind and name once; see On

	RequiresMountsFor []string
	Conditions        []Condition // all checks to pass before a start; a failing one skips the start silently
	Asserts           []Condition // the same, but a failing one fails the start job

	DefaultDependencies bool
	StopWhenUnneeded    bool
	RefuseManualStart   bool
	RefuseManualStop    bool
	AllowIsolate        bool
	IgnoreOnIsolate     bool
	CollectMode         CollectMode
	OnFailureJobMode    JobMode
	OnSuccessJobMode    JobMode

	JobTimeout               Usec // how long a job may be queued or run, Infinity if it may for ever
	JobRunningTimeout        Usec // how long a job may run
	JobRunningTimeoutSet     bool // JobRunningTimeoutSec= was given, so JobTimeoutSec= does not stand in for it
	JobTimeoutAction         EmergencyAction
	JobTimeoutRebootArgument string

	StartLimit              RateLimit
	StartLimitAction        EmergencyAction
	FailureAction           EmergencyAction
	SuccessAction           EmergencyAction
	FailureActionExitStatus int // 0 to 255, or -1: the failed process's own
	SuccessActionExitStatus int // 0 to 255, or -1: the process's own
	RebootArgument          string

	Install Install

	// The part of the unit's type; exactly one is set where the type has a section.
	Service   *Service
	Socket    *Socket
	Timer     *Timer
	Path      *Path
	Mount     *Mount
	Automount *Automount
	Swap      *Swap
	Scope     *Scope

	Exec   *ExecContext   // set if Type.HasExec
	Kill   *KillContext   // set if Type.HasKill
	Cgroup *CgroupContext // set if Type.HasCgroup

	uses  []use              // for Unsupported
	edges map[Dependency]int // Dependencies without Origin to their place, once they are many
}
