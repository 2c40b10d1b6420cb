package unit

// Input is StandardInput= (systemd.exec(5)).
type Input uint8

// The inputs.
const (
	InputNull Input = iota
	InputTTY
	InputTTYForce
	InputTTYFail
	InputSocket
	InputFD
	InputData
	InputFile
)

var inputWords = words{"null", "tty", "tty-force", "tty-fail", "socket", "fd", "data", "file"}

func (i Input) String() string { return inputWords.of(uint8(i)) }

// Output is StandardOutput= and StandardError= (systemd.exec(5)).
type Output uint8

// The outputs.
const (
	OutputInherit Output = iota
	OutputNull
	OutputTTY
	OutputKmsg
	OutputKmsgConsole
	OutputJournal
	OutputJournalConsole
	OutputSocket
	OutputFD
	OutputFile
	OutputAppend
	OutputTruncate
)

var outputWords = words{"inherit", "null", "tty", "kmsg", "kmsg+console", "journal", "journal+console", "socket", "fd", "file", "append", "truncate"}

func (o Output) String() string { return outputWords.of(uint8(o)) }

// Stream is one of a process's three standard streams.
type Stream struct {
	FDName string // for "fd": the name of the descriptor from a socket unit; "" means "stdin", "stdout" or "stderr"
	File   string // for "file", "append" and "truncate": an absolute path
}

// EnvironmentFile is one EnvironmentFile= (systemd.exec(5)).
type EnvironmentFile struct {
	Path     string // absolute; may be a pattern
	Optional bool   // "-": no error if it cannot be read
}

// DirectoryKind is one of the *Directory= directives that make a service's own directories (systemd.exec(5)).
type DirectoryKind uint8

// The directory kinds.
const (
	RuntimeDirectory DirectoryKind = iota
	StateDirectory
	CacheDirectory
	LogsDirectory
	ConfigurationDirectory
)

// DirectoryKinds is the number of directory kinds, for arrays indexed by them.
const DirectoryKinds = int(ConfigurationDirectory) + 1

var directoryKindWords = words{"RuntimeDirectory", "StateDirectory", "CacheDirectory", "LogsDirectory", "ConfigurationDirectory"}

func (k DirectoryKind) String() string { return directoryKindWords.of(uint8(k)) }

// Variable is the environment variable that names directories of this kind to the process.
func (k DirectoryKind) Variable() string {
	return [...]string{"RUNTIME_DIRECTORY", "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY", "CONFIGURATION_DIRECTORY"}[k]
}

// Directory is one name in a *Directory= list.
type Directory struct {
	Path     string   // relative to the kind's base, /run for RuntimeDirectory=
	Symlinks []string // relative to the same base: links to it
}

// Directories are all directories of one kind.
type Directories struct {
	Mode uint32
	List []Directory
}

// Preserve is RuntimeDirectoryPreserve=.
type Preserve uint8

// The settings of RuntimeDirectoryPreserve=.
const (
	PreserveNo Preserve = iota
	PreserveYes
	PreserveRestart
)

var preserveWords = words{"no", "yes", "restart"}

func (p Preserve) String() string { return preserveWords.of(uint8(p)) }

// KeyringMode is KeyringMode=.
type KeyringMode uint8

// The keyring modes.
const (
	KeyringInherit KeyringMode = iota
	KeyringPrivate
	KeyringShared
)

var keyringModeWords = words{"inherit", "private", "shared"}

func (m KeyringMode) String() string { return keyringModeWords.of(uint8(m)) }

// UtmpMode is UtmpMode=.
type UtmpMode uint8

// The utmp modes.
const (
	UtmpInit UtmpMode = iota
	UtmpLogin
	UtmpUser
)

var utmpModeWords = words{"init", "login", "user"}

func (m UtmpMode) String() string { return utmpModeWords.of(uint8(m)) }

// IOClass is IOSchedulingClass=, with the kernel's values (ioprio_set(2)).
type IOClass uint8

// The I/O scheduling classes.
const (
	IOClassNone IOClass = iota
	IOClassRealtime
	IOClassBestEffort
	IOClassIdle
)

var ioClassWords = words{"none", "realtime", "best-effort", "idle"}

func (c IOClass) String() string { return ioClassWords.of(uint8(c)) }

// CPUPolicy is CPUSchedulingPolicy=, with the kernel's values (sched(7)).
type CPUPolicy uint8

// The CPU scheduling policies.
const (
	CPUOther CPUPolicy = 0
	CPUFifo  CPUPolicy = 1
	CPURR    CPUPolicy = 2
	CPUBatch CPUPolicy = 3
	CPUIdle  CPUPolicy = 5
)

var cpuPolicyWords = words{"other", "fifo", "rr", "batch", "", "idle"}

func (p CPUPolicy) String() string { return cpuPolicyWords.of(uint8(p)) }

// Credential is one SetCredential= or LoadCredential= (systemd.exec(5)).
type Credential struct {
	ID        string
	Encrypted bool
	Data      []byte // SetCredential=: the content
	Source    string // LoadCredential=: an absolute path, or the name of a credential of the manager
	Load      bool   // it is a LoadCredential=
}

// Bound is a value that may be absent.
type Bound[T any] struct {
	Set   bool
	Value T
}

// ExecContext says how a unit's processes are run (systemd.exec(5)). A nil slice means that the directive was not given or was reset.
type ExecContext struct {
	User                string // a name or a number, "" for root's own
	Group               string
	SupplementaryGroups []string
	DynamicUser         bool
	SetLoginEnvironment Bound[bool] // systemd 255; unset: $HOME, $LOGNAME and $SHELL are set where User= is
	PAMName             string

	WorkingDirectory          string // "" for /
	WorkingDirectoryHome      bool   // "~": the user's home
	WorkingDirectoryMissingOK bool   // "-"

	Environment      []string // "K=v", later ones win
	EnvironmentFiles []EnvironmentFile
	PassEnvironment  []string
	PassesChosen     bool     // PassEnvironment= was given, be it to reset it
	UnsetEnvironment []string // "K" or "K=v"

	Input      Input
	Output     Output
	Error      Output
	Streams    [3]Stream
	InputBytes []byte // StandardInputText= and StandardInputData=

	TTYPath          string
	TTYReset         bool
	TTYVHangup       bool
	TTYVTDisallocate bool
	TTYRows, TTYCols Bound[uint]

	SyslogIdentifier     string
	SyslogFacility       uint8 // LOG_DAEMON >> 3 = 3 unless set
	SyslogLevel          uint8 // LOG_INFO = 6 unless set
	SyslogLevelPrefix    bool
	LogLevelMax          Bound[uint8]
	LogRateLimitInterval Usec
	LogRateLimitBurst    uint
	LogExtraFields       []string
	LogFilterPatterns    []string // systemd 253
	LogNamespace         string

	UMask          uint32
	Nice           Bound[int]
	OOMScoreAdjust Bound[int]
	CoredumpFilter Bound[uint64]
	Rlimits        [RlimitKinds]Bound[Rlimit]

	IOSet           bool
	IOClass         IOClass
	IOPriority      uint8 // 0 highest to 7
	CPUSet          bool  // any CPUScheduling*= was given
	CPUPolicy       CPUPolicy
	CPUPriority     int
	CPUResetOnFork  bool
	CPUAffinity     []int // CPU numbers, sorted; nil: all
	CPUAffinityNUMA bool  // "numa": take it from NUMAMask=
	NUMAPolicy      Bound[NUMAPolicy]
	NUMAMask        []int
	NUMAMaskAll     bool          // NUMAMask=all
	TimerSlack      Bound[uint64] // nanoseconds

	Directories              [DirectoryKinds]Directories
	RuntimeDirectoryPreserve Preserve
	TimeoutClean             Usec

	SetCredentials    []Credential // by ID, later ones replace
	LoadCredentials   []Credential
	ImportCredentials []string // systemd 254: patterns

	KeyringMode    KeyringMode
	IgnoreSIGPIPE  bool
	UtmpIdentifier string
	UtmpMode       UtmpMode
	Personality    string
	ExecSearchPath []string

	Capabilities
	Sandbox
	Mounts
	Seccomp
}
