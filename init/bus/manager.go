package bus

import (
	"keelson/supervise"
	"keelson/supervise/unit"
)

// Owner hands closures to the goroutine that owns the manager. Do returns at once; f runs there soon, in the order of the
// calls, and does not block. It reports false once the manager has ended.
type Owner interface{ Do(f func(Manager)) bool }

// Manager is what this package may see and ask, on the owner's goroutine only. It is always the same one.
type Manager interface {
	Machine() *supervise.Machine // to be read, not changed
	Loader() *unit.Loader        // likewise
	Now() supervise.Time

	// Request hands the machine a request, at once or later in this turn but not before it returns; its ID is the manager's to set. done,
	// if not nil, is called with the reply on the owner's goroutine, before the effects that follow from the request are told.
	Request(r supervise.Request, done func(supervise.Reply))

	Processes(unit string) []Process // of a unit, for "" those of none, sorted by PID
	UnitOfPID(pid int) (string, bool)
	Usage(unit string) Usage             // what it costs to find out: a look at all processes
	Owner(unit string) (uid, gid uint32) // that User= and Group= came to when it was started; ^0 if it has none
	Degraded(unit string) []string       // directives that are not applied here, each with its reason
	NeedsReload(unit string) bool        // its files are other than when they were read
	Info() *Info                         // the manager's, to be read
	UnitFiles() UnitFiles

	SetLogLevel(priority int) // of syslog; -1: as it was at the start
	SetLogTarget(target string)
	Reexecute() // after this turn

	// WriteTransient puts the text of a unit below /run/systemd/transient, as its unit file.
	WriteTransient(name, text string) error
	// WriteControl puts a drop-in into /etc/systemd/system.control, or /run/systemd/system.control if runtime.
	WriteControl(name, dropin, text string, runtime bool) error
}

// Process is one process of a unit.
type Process struct {
	PID     int
	Command string // its command line; "[NAME]" if it has none
}

// Unknown is a number that is not known, as systemd shows it: "[not set]".
const Unknown = ^uint64(0)

// Usage is what a unit uses now. Unknown stands for what cannot be told here.
type Usage struct {
	ControlGroup    string // its path below the root of the hierarchy; "" if it has none of its own
	ControlGroupID  uint64 // 0 if it has none
	MemoryCurrent   uint64 // bytes
	MemoryAvailable uint64 // bytes
	CPUUsageNSec    uint64
	TasksCurrent    uint64
	IOReadBytes     uint64
	IOReadOps       uint64
	IOWriteBytes    uint64
	IOWriteOps      uint64
}

// NoUsage is all unknown.
var NoUsage = Usage{
	MemoryCurrent: Unknown, MemoryAvailable: Unknown, CPUUsageNSec: Unknown, TasksCurrent: Unknown,
	IOReadBytes: Unknown, IOReadOps: Unknown, IOWriteBytes: Unknown, IOWriteOps: Unknown,
}

// Info is what is to be known of the manager itself.
type Info struct {
	Version        string // "252 (keelson 1.0)": systemctl parses the number in front
	Features       string // "+PAM -SELINUX …"
	Architecture   string // "x86-64"
	Virtualization string // "docker"; "" for none
	Tainted        string // words joined by ":"

	// Points of the start; those that are not set did not happen.
	Kernel, InitRD, Userspace, Finish          supervise.Time
	SecurityStart, SecurityFinish              supervise.Time
	GeneratorsStart, GeneratorsFinish          supervise.Time
	UnitsLoadStart, UnitsLoadFinish, UnitsLoad supervise.Time

	LogLevel       int    // of syslog, 0 to 7
	LogTarget      string // "journal", "console", …
	ControlGroup   string // of the manager, "" for the root
	MachineID      string // 32 hexadecimal digits, "" if there is none
	ExitCode       int
	SystemTasksMax uint64 // what a percentage of TasksMax= is of
	SystemMemory   uint64 // bytes: what a percentage of MemoryMax= and its kin is of
	SoftFiles      uint64 // RLIMIT_NOFILE's soft limit as processes inherit it; the runtime has raised this process's
	Starting       bool   // the first jobs are not done yet
	Stopping       bool   // the manager is on its way down, whatever its units do
	ConfirmSpawn   bool
	ShowStatus     bool
}

// UnitFiles is what systemctl does to unit files: enable, disable, mask and so on. It is not the owner's: it is called on
// connections' goroutines, one call at a time.
type UnitFiles interface {
	List(states, patterns []string) ([]UnitFile, error)
	State(name string) (string, error)  // "enabled", "masked", …; the error is ErrNoUnitFile if there is none
	Preset(name string) (string, error) // "enabled", "disabled"
	Links(name string, runtime bool) ([]string, error)
	DefaultTarget() (string, error)
	Apply(op FileOp) (FileResult, error)
}

// UnitFile is one line of ListUnitFiles.
type UnitFile struct{ Path, State string }

// A FileVerb is a change of unit files.
type FileVerb uint8

// The verbs.
const (
	FileEnable FileVerb = iota
	FileDisable
	FileReenable
	FileLink
	FilePreset
	FilePresetAll
	FileMask
	FileUnmask
	FileRevert
	FileAddDependency
	FileSetDefault
)

var fileVerbNames = [...]string{
	"enable", "disable", "reenable", "link", "preset", "preset-all", "mask", "unmask", "revert", "add-dependency", "set-default",
}

func (v FileVerb) String() string { return fileVerbNames[v] }

// FileOp is one request to change unit files.
type FileOp struct {
	Verb     FileVerb
	Names    []string
	Runtime  bool
	Force    bool
	Portable bool
	Mode     string // of presets: "full", "enable-only", "disable-only"; "" is full
	Target   string // FileAddDependency
	Requires bool   // FileAddDependency: .requires/, not .wants/
}

// FileResult is what came of it.
type FileResult struct {
	CarriesInstall bool // some unit had an [Install] section
	Changes        []FileChange
}

// FileChange is one change: Kind is "symlink" or "unlink" (or "masked", "dangling", …), Path the link, Source what it leads to.
type FileChange struct{ Kind, Path, Source string }
