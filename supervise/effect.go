package supervise

import (
	"fmt"
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// An Effect is something that the caller has to do, in the order given. Its String is one line for logs and tests.
type Effect interface {
	effect()
	String() string
}

// Spawn starts a process. It is answered by Spawned or SpawnFailed and, unless that failed, by ExecDone. Exec and Cgroup are the
// unit's: to be read, not changed.
type Spawn struct {
	Unit       string
	Stamp      uint32 // the unit's number, for tracking: never given to another unit
	Command    CommandID
	Role       Role
	Kind       unit.CommandKind
	Index      int // of the line in its list
	Line       unit.Command
	Exec       *unit.ExecContext
	Cgroup     *unit.CgroupContext
	Invocation string

	NoSandbox bool // PermissionsStartOnly=yes and this is a control command
	NoChroot  bool // RootDirectoryStartOnly=yes, likewise
	TTYStdin  bool // gets the terminal, if the unit has one

	Environment []string   // the manager's, and what the machine says about the unit; see Resolve
	Own         []string   // what systemd's execute.c adds; see Resolve
	FDs         []PassedFD // from 3 on, in this order
	Sockets     int        // how many of FDs are sockets; the others are from the descriptor store
	Connection  FD         // for StandardInput=socket and its kin: the connection, or the only socket
	OpenFiles   []unit.OpenFile
}

// PassedFD is a descriptor and its name in $LISTEN_FDNAMES.
type PassedFD struct {
	FD   FD
	Name string
}

// Kill signals processes that the machine knows, and with Rest all others of the unit. A process that is gone already is no
// error. After the signal comes SIGCONT, unless the signal is SIGKILL or SIGCONT itself, and after that SIGHUP if Hangup.
type Kill struct {
	Unit     string
	Main     Process
	Control  Process
	Rest     bool
	Signal   unit.Signal
	Continue bool
	Hangup   bool
	Tell     bool   // log each process: "Killing process PID (NAME) with signal SIGNAL."
	Client   bool   // log each as sent "on client request."
	Value    *int32 // goes with the signal (sigqueue(3)) to the main and the control process
}

// AskEmpty asks whether the unit has processes beside those that the machine tracks: Empty or Left answers, and after Left
// an Empty follows once it is so.
type AskEmpty struct{ Unit string }

// AskMain asks for the main process of a forking service: by its PID file or, without one, by guessing (unit_search_main_pid
// in src/core/unit.c: the only process of the unit whose parent is the manager). With neither only MainAnswer.Empty is asked for.
type AskMain struct {
	Unit    string
	Query   QueryID
	PIDFile string
	Guess   bool
}

// WatchPIDFile asks for PIDFileChanged; with Off no more.
type WatchPIDFile struct {
	Unit string
	Path string
	Off  bool
}

// RemovePIDFile removes what the last life left.
type RemovePIDFile struct{ Unit, Path string }

// AskFacts asks for what conditions and assertions are about.
type AskFacts struct {
	Unit       string
	Query      QueryID
	Conditions []unit.Condition
}

// OpenSockets opens all that a socket unit listens on; SocketsOpened or SocketsFailed answers. Owner and mode are set too.
type OpenSockets struct {
	Unit   string
	Query  QueryID
	Socket *unit.Socket
}

// ListenSockets asks for Traffic or, where Accept, for Connection; with Off no more.
type ListenSockets struct {
	Unit   string
	Accept bool
	Flush  bool // FlushPending=yes: drop what is there already
	Off    bool
}

// FlushSockets drops what is pending on a socket unit.
type FlushSockets struct{ Unit string }

// RemoveSockets removes the file system objects of a socket unit (RemoveOnStop=).
type RemoveSockets struct {
	Unit   string
	Socket *unit.Socket
}

// CloseFDs closes descriptors for good.
type CloseFDs struct {
	Unit string
	FDs  []FD
}

// WatchFD asks for FDHangup about a stored descriptor.
type WatchFD struct {
	Unit string
	FD   FD
}

// WatchPaths asks for PathChanged; with Off no more. Make: make the folders first (MakeDirectory=).
type WatchPaths struct {
	Unit string
	Path *unit.Path
	Make bool
	Off  bool
}

// AskPaths asks for PathFacts.
type AskPaths struct {
	Unit  string
	Query QueryID
	Specs []unit.PathSpec
}

// ReadStamp asks when a timer last ran (the mtime of its file below /var/lib/systemd/timers). With no file one is made.
type ReadStamp struct {
	Unit  string
	Query QueryID
}

// TouchStamp says that it ran.
type TouchStamp struct {
	Unit     string
	Realtime Usec
}

// RemoveDirectories removes the directories of a unit: the runtime directories when it is down, others for systemctl
// clean, which alone has a Query and wants Cleaned.
type RemoveDirectories struct {
	Unit  string
	Query QueryID
	Mask  CleanMask
	Exec  *unit.ExecContext
}

// RemoveTransient removes the files of a transient unit that was forgotten (unit_remove_transient in src/core/unit.c). A folder
// of DropIns that is empty then goes too.
type RemoveTransient struct {
	Unit    string
	Path    string
	DropIns []string
}

// Log is a line for the journal.
type Log struct {
	Priority  int // syslog's: 3 is an error, 7 is debug
	Unit      string
	MessageID string
	Text      string   // with the unit's name before it where systemd puts it there
	Fields    []string // "NAME=value", beside MESSAGE, PRIORITY, UNIT and MESSAGE_ID
}

// A Failure is the error of a Reply, with its D-Bus name.
type Failure struct {
	Name    string
	Message string
}

func (f *Failure) Error() string { return f.Message }

// Reply answers a Request: with a failure, or with the job that it led to, if any.
type Reply struct {
	Request RequestID
	Failure *Failure
	Job     graph.JobID
	Unit    string

	Affected []graph.JobID // all jobs that were installed or changed for it, Job among them
}

// JobNew, JobChanged and JobRemoved are systemd's D-Bus signals of these names (org.freedesktop.systemd1(5)).
type JobNew struct {
	Job  graph.JobID
	Unit string
	Type graph.JobType
}

// JobChanged: the type or the state of a job is another.
type JobChanged struct {
	Job   graph.JobID
	Unit  string
	Type  graph.JobType
	State graph.JobState
}

// JobRemoved: a job has ended.
type JobRemoved struct {
	Job    graph.JobID
	Unit   string
	Type   graph.JobType
	Result graph.JobResult
}

// UnitNew: a unit was loaded.
type UnitNew struct{ Unit string }

// UnitChanged: properties of the unit are other than before.
type UnitChanged struct {
	Unit   string
	Active graph.ActiveState
	Sub    string
}

// UnitRemoved: a unit was forgotten.
type UnitRemoved struct{ Unit string }

// StartupFinished: for the first time since Boot no job is left (Manager.StartupFinished).
type StartupFinished struct{}

// An Objective is what the manager is to do with itself (ManagerObjective in src/core/manager.h).
type Objective uint8

// The objectives. All end the container.
const (
	ObjectiveExit Objective = iota
	ObjectivePoweroff
	ObjectiveReboot
	ObjectiveHalt
)

var objectiveNames = [...]string{"exit", "poweroff", "reboot", "halt"}

func (o Objective) String() string { return objectiveNames[o] }

// Finish ends the manager: what still runs is to be killed. Status is what the container ends with.
type Finish struct {
	Objective Objective
	Status    int
	Argument  string // RebootArgument=
}

func (Spawn) effect()             {}
func (Kill) effect()              {}
func (AskEmpty) effect()          {}
func (AskMain) effect()           {}
func (WatchPIDFile) effect()      {}
func (RemovePIDFile) effect()     {}
func (AskFacts) effect()          {}
func (OpenSockets) effect()       {}
func (ListenSockets) effect()     {}
func (FlushSockets) effect()      {}
func (RemoveSockets) effect()     {}
func (CloseFDs) effect()          {}
func (WatchFD) effect()           {}
func (WatchPaths) effect()        {}
func (AskPaths) effect()          {}
func (ReadStamp) effect()         {}
func (TouchStamp) effect()        {}
func (RemoveDirectories) effect() {}
func (RemoveTransient) effect()   {}
func (Log) effect()               {}
func (Reply) effect()             {}
func (JobNew) effect()            {}
func (JobChanged) effect()        {}
func (JobRemoved) effect()        {}
func (UnitNew) effect()           {}
func (UnitChanged) effect()       {}
func (UnitRemoved) effect()       {}
func (StartupFinished) effect()   {}
func (Finish) effect()            {}

// when writes a word if it holds.
func when(holds bool, word string) string {
	if holds {
		return " " + word
	}
	return ""
}

func (e Spawn) String() string {
	return fmt.Sprintf("spawn %s %s %s %s", e.Unit, e.Role, e.Kind, strings.Join(e.Line.Argv, " "))
}

func (e Kill) String() string {
	value := ""
	if e.Value != nil {
		value = fmt.Sprintf(" value %d", *e.Value)
	}
	return fmt.Sprintf("kill %s%s%s%s %s%s%s", e.Unit, when(e.Main.Alive(), "main"), when(e.Control.Alive(), "control"),
		when(e.Rest, "rest"), e.Signal, when(e.Hangup, "hangup"), value)
}

func (e AskEmpty) String() string { return "ask-empty " + e.Unit }

func (e AskMain) String() string {
	how := when(e.PIDFile != "", e.PIDFile) + when(e.PIDFile == "" && e.Guess, "guess")
	return "ask-main " + e.Unit + how
}

func (e WatchPIDFile) String() string  { return "watch-pidfile " + e.Unit + when(e.Off, "off") }
func (e RemovePIDFile) String() string { return "remove-pidfile " + e.Unit }

func (e AskFacts) String() string {
	var list []string
	for _, c := range e.Conditions {
		list = append(list, c.String())
	}
	return "ask-facts " + e.Unit + " " + strings.Join(list, " ")
}

func (e OpenSockets) String() string { return "open-sockets " + e.Unit }

func (e ListenSockets) String() string {
	return "listen " + e.Unit + when(e.Accept, "accept") + when(e.Flush, "flush") + when(e.Off, "off")
}

func (e FlushSockets) String() string  { return "flush " + e.Unit }
func (e RemoveSockets) String() string { return "remove-sockets " + e.Unit }
func (e CloseFDs) String() string      { return fmt.Sprintf("close %s %d", e.Unit, e.FDs) }
func (e WatchFD) String() string       { return fmt.Sprintf("watch-fd %s %d", e.Unit, e.FD) }
func (e WatchPaths) String() string {
	return "watch-paths " + e.Unit + when(e.Make, "make") + when(e.Off, "off")
}
func (e AskPaths) String() string   { return "ask-paths " + e.Unit }
func (e ReadStamp) String() string  { return "read-stamp " + e.Unit }
func (e TouchStamp) String() string { return "touch-stamp " + e.Unit }
func (e RemoveDirectories) String() string {
	return fmt.Sprintf("remove-directories %s %#x", e.Unit, e.Mask)
}
func (e RemoveTransient) String() string { return "remove-transient " + e.Unit + " " + e.Path }
func (e Log) String() string             { return fmt.Sprintf("log <%d> %s", e.Priority, e.Text) }

func (e Reply) String() string {
	if e.Failure != nil {
		return fmt.Sprintf("reply %d %s: %s", e.Request, e.Failure.Name, e.Failure.Message)
	}
	return fmt.Sprintf("reply %d ok", e.Request)
}

func (e JobNew) String() string     { return fmt.Sprintf("job-new %s/%s", e.Unit, e.Type) }
func (e JobChanged) String() string { return fmt.Sprintf("job-changed %s/%s", e.Unit, e.Type) }
func (e JobRemoved) String() string { return fmt.Sprintf("job %s/%s %s", e.Unit, e.Type, e.Result) }
func (e UnitNew) String() string    { return "unit-new " + e.Unit }

func (e UnitChanged) String() string {
	return fmt.Sprintf("unit %s %s %s", e.Unit, e.Active, e.Sub)
}

func (e UnitRemoved) String() string     { return "unit-removed " + e.Unit }
func (e StartupFinished) String() string { return "startup-finished" }
func (e Finish) String() string          { return fmt.Sprintf("finish %s %d", e.Objective, e.Status) }
