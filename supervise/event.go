package supervise

import (
	"keelson/supervise/graph"
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// An Event is something that happened. There are three kinds: what a client asks for, what the kernel and the unit's
// processes did, and answers to the machine's own questions.
type Event interface{ event() }

// Tick says that time has passed. Deadlines are acted on by a Tick and by nothing else, so a caller that hands in all that it
// knows before it ticks lets an exit or a READY=1 win over a timeout of the same moment.
type Tick struct{}

// Boot loads the target and starts it with all it needs (do_queue_default_job in src/core/main.c): once, first.
type Boot struct{ Target string }

// A Verb is what a client asks for (systemctl(1)).
type Verb uint8

// The verbs.
const (
	VerbStart Verb = iota
	VerbStop
	VerbReload
	VerbRestart
	VerbTryRestart
	VerbReloadOrRestart
	VerbReloadOrTryRestart
	VerbKill
	VerbResetFailed // Unit "" is all
	VerbLoad        // loads the unit and holds it, until VerbReleaseUnit is asked for as often
	VerbReleaseUnit // Unit "": all holds on all units are over, as after a re-execution
	VerbCancelJob
	VerbClearJobs
	VerbDaemonReload
	VerbSetEnvironment
	VerbUnsetEnvironment
	VerbExit
	VerbPoweroff
	VerbReboot
	VerbHalt
	VerbClean
	VerbStartTransient // the caller has asked CheckTransient and then written the files of Unit and Aux in unit.TransientDir
	VerbSetProperties  // the caller has written a drop-in in unit.ControlDir or unit.RuntimeControlDir: the unit's files are read again
	VerbRef            // holds a unit that is loaded
	VerbUnref          // lets it go again
	VerbEnqueue        // a job of any type (EnqueueUnitJob)
	VerbSetExitCode    // what the container ends with, and nothing else
	VerbMark           // sets the unit's markers
	verbs
)

var verbNames = [verbs]string{
	"start", "stop", "reload", "restart", "try-restart", "reload-or-restart", "reload-or-try-restart", "kill", "reset-failed",
	"load", "release", "cancel", "clear-jobs", "daemon-reload", "set-environment", "unset-environment", "exit", "poweroff",
	"reboot", "halt", "clean", "start-transient", "set-properties", "ref", "unref", "enqueue", "set-exit-code", "mark",
}

func (v Verb) String() string { return verbNames[v] }

// A Request is a client's wish. Isolating is VerbStart with graph.ModeIsolate. What it leads to is said by one Reply with
// the same ID; the end of its job by JobRemoved.
type Request struct {
	ID    RequestID
	Verb  Verb
	Unit  string
	Mode  graph.JobMode
	Job   graph.JobID // VerbCancelJob
	Force bool        // VerbExit, VerbPoweroff, VerbReboot, VerbHalt: at once, without stopping anything

	Replaces         string        // VerbStart: nothing is done unless this unit has a start job (StartUnitReplace)
	Aux              []string      // VerbStartTransient: more transient units, which are loaded only
	Hold             bool          // VerbStartTransient: and VerbRef at once, as the unit may be gone soon (AddRef=yes)
	JobType          graph.JobType // VerbEnqueue
	ReloadIfPossible bool          // VerbEnqueue: reload-or-restart, reload-or-try-restart

	Who         KillWho     // VerbKill
	Signal      unit.Signal // VerbKill
	Value       *int32      // VerbKill: goes with the signal (QueueSignalUnit); not for WhoAll
	Status      int         // VerbExit, VerbSetExitCode: what the container ends with
	Unset       []string    // VerbSetEnvironment: as VerbUnsetEnvironment, before (UnsetAndSetEnvironment)
	Assignments []string    // VerbSetEnvironment "K=v", VerbUnsetEnvironment "K" or "K=v"
	Clean       CleanMask   // VerbClean
	Markers     Markers     // VerbMark
}

// Markers is what a unit is marked for (systemctl(1), --marked).
type Markers uint8

// The markers. An end of the unit takes both away, a reload the first.
const (
	NeedsReload Markers = 1 << iota
	NeedsRestart
)

// KillWho says which processes a client's kill is for (systemctl(1), --kill-who=).
type KillWho uint8

// The choices; those that end in Fail make it an error to find no process.
const (
	WhoAll KillWho = iota
	WhoMain
	WhoControl
	WhoAllFail
	WhoMainFail
	WhoControlFail
)

// CleanMask is a set of unit.DirectoryKind bits: what systemctl clean removes.
type CleanMask uint8

// Spawned answers Spawn: the process exists. Its exit must not be told before.
type Spawned struct {
	Command CommandID
	PID     int
}

// SpawnFailed answers Spawn: no process came about.
type SpawnFailed struct {
	Command CommandID
	Error   string
}

// ExecDone says how the steps between fork and execve ended: with "" that the command's own program runs now. Otherwise
// the process ends by itself with Status, one of systemd's own (systemd.exec(5), "Process Exit Codes").
type ExecDone struct {
	Command CommandID
	Step    string // "EXEC", "CHDIR", …
	Path    string // the program that should have run
	Status  int
	Error   string
}

// Exited is the end of a process, known by wait4. PIDs that no unit owns are of no interest.
type Exited struct {
	PID    int
	Status Status
}

// Notified is a datagram on the notify socket (sd_notify(3)). The caller knows the sender's unit by tracking; with "" the
// machine looks for a unit whose main or control process sent it. The descriptors that came along are the machine's to keep or
// close.
type Notified struct {
	Unit    string
	PID     int
	UID     uint32
	Message notify.Message
	FDs     []FD

	// What the caller knows of Message.MainPID, if there is one.
	MainAlive  bool
	MainInUnit bool
	MainOurs   bool // its end will be known by wait4
}

// MainAnswer answers AskMain.
type MainAnswer struct {
	Unit    string
	Query   QueryID
	PID     int    // 0: none found
	Ours    bool   // its end will be known by wait4
	Problem string // why the PID file names no acceptable process, in one line
	Opened  bool   // it could be opened: Problem is the whole of what there is to say
	Refused bool   // it names a process that it may not name, which is more than a file that is not ready
	Empty   bool   // the unit has no process at all
}

// PIDFileChanged says that the file of WatchPIDFile was written or appeared.
type PIDFileChanged struct{ Unit string }

// FactsAnswer answers AskFacts: one for each condition, before its negation.
type FactsAnswer struct {
	Unit  string
	Query QueryID
	Held  []bool
}

// BusName says that a D-Bus name has a new owner; with Owner "" it has none.
type BusName struct {
	Name  string
	Owner string
	PID   int // of the owner, 0 if not known
}

// A LeftProcess is one that a unit still has.
type LeftProcess struct {
	PID  int
	Name string
}

// Left answers AskEmpty: the unit still has processes beside its main and control process. Empty will follow when they
// are gone.
type Left struct {
	Unit      string
	Processes []LeftProcess
}

// Empty says that a unit has no process any more.
type Empty struct{ Unit string }

// OutOfMemory says that the kernel's OOM killer took a process of the unit.
type OutOfMemory struct{ Unit string }

// SocketsOpened answers OpenSockets: all that the unit listens on, in the order of its directives.
type SocketsOpened struct {
	Unit  string
	Query QueryID
	FDs   []FD
}

// SocketsFailed answers OpenSockets: nothing is open.
type SocketsFailed struct {
	Unit  string
	Query QueryID
	Error string
}

// Traffic says that something arrived on a socket unit that listens. With Accept=yes only a Hangup means anything: the rest comes as
// Connection, as the loader refuses Accept=yes for what cannot be accepted from.
type Traffic struct {
	Unit   string
	Hangup bool // the peer side was shut down: an error
}

// Connection is an accepted one, of a socket unit with Accept=yes. The descriptor is the machine's.
type Connection struct {
	Unit       string
	FD         FD
	Instance   string // what follows the number in the service's instance (systemd.socket(5), Accept=): addresses, or PID and UID
	Source     string // what MaxConnectionsPerSource= counts by: the address, the UID or the CID; "" for none
	Peer       string // for the service's description
	RemoteAddr string // $REMOTE_ADDR, "" if there is none
	RemotePort string
}

// PathFacts answers AskPaths and tells of changes: which specs of a path unit are so now. For PathChanged and PathModified,
// Good says that the path exists.
type PathFacts struct {
	Unit    string
	Query   QueryID
	Good    []bool
	Paths   []string // what made each good: for PathExistsGlob the file
	Problem string   // the paths cannot be watched
}

// PathChanged says that the watched inode of the spec itself was written or closed (PathChanged=, PathModified=); with
// Index -1 that something on the way to one of them changed, so that all have to be looked at again.
type PathChanged struct {
	Unit  string
	Index int
}

// StampRead answers ReadStamp: when a Persistent= timer last ran; 0 if never.
type StampRead struct {
	Unit     string
	Query    QueryID
	Realtime Usec
}

// EnvironmentChanged says that the manager's blocks are others from now on, as after a change of its configuration: the fields of Config of the same names. What
// clients have set stays over them.
type EnvironmentChanged struct{ Environment, Own, Passable []string }

// ClockChanged says that CLOCK_REALTIME was set, ZoneChanged that the local time zone was.
type ClockChanged struct{}

// ZoneChanged: see ClockChanged.
type ZoneChanged struct{}

// FDHangup says that a stored descriptor has reached its end and may be dropped.
type FDHangup struct{ FD FD }

// Cleaned answers RemoveDirectories.
type Cleaned struct {
	Unit  string
	Query QueryID
	Error string
}

func (Tick) event()           {}
func (Boot) event()           {}
func (Request) event()        {}
func (Spawned) event()        {}
func (SpawnFailed) event()    {}
func (ExecDone) event()       {}
func (Exited) event()         {}
func (Notified) event()       {}
func (MainAnswer) event()     {}
func (PIDFileChanged) event() {}
func (FactsAnswer) event()    {}
func (BusName) event()        {}
func (Left) event()           {}
func (Empty) event()          {}
func (OutOfMemory) event()    {}
func (SocketsOpened) event()  {}
func (SocketsFailed) event()  {}
func (Traffic) event()        {}
func (Connection) event()     {}
func (PathFacts) event()      {}
func (PathChanged) event()    {}
func (StampRead) event()      {}
func (ClockChanged) event()   {}

func (EnvironmentChanged) event() {}
func (ZoneChanged) event()        {}
func (FDHangup) event()           {}
func (Cleaned) event()            {}
