package unit

// ServiceType is Type= (systemd.service(5)): when a service counts as started, and which of its processes is the main one.
type ServiceType uint8

// The service types. A loaded service never has ServiceTypeUnset.
const (
	ServiceTypeUnset ServiceType = iota
	ServiceSimple
	ServiceExec
	ServiceForking
	ServiceOneshot
	ServiceDBus
	ServiceNotify
	ServiceNotifyReload // systemd 253
	ServiceIdle
)

var serviceTypeWords = words{"", "simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"}

func (t ServiceType) String() string { return serviceTypeWords.of(uint8(t)) }

// ExitType says which processes keep a service running (systemd.service(5), ExitType=).
type ExitType uint8

// The exit types.
const (
	ExitMain ExitType = iota
	ExitCgroup
)

var exitTypeWords = words{"main", "cgroup"}

func (t ExitType) String() string { return exitTypeWords.of(uint8(t)) }

// Restart is Restart= (systemd.service(5), table "Exit causes and the effect of the Restart= settings").
type Restart uint8

// The restart settings.
const (
	RestartNo Restart = iota
	RestartOnSuccess
	RestartOnFailure
	RestartOnAbnormal
	RestartOnWatchdog
	RestartOnAbort
	RestartAlways
)

var restartWords = words{"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"}

func (r Restart) String() string { return restartWords.of(uint8(r)) }

// RestartMode is RestartMode= (systemd 254): whether a restart passes through the inactive or failed state that others can see.
type RestartMode uint8

// The restart modes.
const (
	RestartNormal RestartMode = iota
	RestartDirect
)

var restartModeWords = words{"normal", "direct"}

func (m RestartMode) String() string { return restartModeWords.of(uint8(m)) }

// NotifyAccess says whose sd_notify messages count (systemd.service(5), NotifyAccess=).
type NotifyAccess uint8

// The notify accesses. NotifyNone is also "not set"; loading makes it NotifyMain where the service type needs messages.
const (
	NotifyNone NotifyAccess = iota
	NotifyMain
	NotifyExec
	NotifyAll
)

var notifyAccessWords = words{"none", "main", "exec", "all"}

func (a NotifyAccess) String() string { return notifyAccessWords.of(uint8(a)) }

// TimeoutFailureMode is TimeoutStartFailureMode= and TimeoutStopFailureMode=: how a service is stopped that took too long.
type TimeoutFailureMode uint8

// The timeout failure modes.
const (
	TimeoutTerminate TimeoutFailureMode = iota
	TimeoutAbort
	TimeoutKill
)

var timeoutFailureModeWords = words{"terminate", "abort", "kill"}

func (m TimeoutFailureMode) String() string { return timeoutFailureModeWords.of(uint8(m)) }

// OOMPolicy says what happens to a service of which the kernel's OOM killer took a process.
type OOMPolicy uint8

// The OOM policies. A loaded service never has OOMUnset.
const (
	OOMUnset OOMPolicy = iota
	OOMContinue
	OOMStop
	OOMKill
)

var oomPolicyWords = words{"", "continue", "stop", "kill"}

func (p OOMPolicy) String() string { return oomPolicyWords.of(uint8(p)) }

// FDStorePreserve is FileDescriptorStorePreserve= (systemd 254).
type FDStorePreserve uint8

// The settings of FileDescriptorStorePreserve=.
const (
	FDStoreRestart FDStorePreserve = iota
	FDStoreNo
	FDStoreYes
)

var fdStorePreserveWords = words{"restart", "no", "yes"}

func (p FDStorePreserve) String() string { return fdStorePreserveWords.of(uint8(p)) }

// ExitStatusSet is a set of ways in which a process may end (systemd.service(5), SuccessExitStatus=).
type ExitStatusSet struct {
	Statuses []uint8 // exit codes, sorted
	Signals  []Signal
}

// Has tells whether the set has this end: an exit code, or a signal if signaled.
func (s *ExitStatusSet) Has(signaled bool, code int) bool {
	if signaled {
		for _, sig := range s.Signals {
			if int(sig) == code {
				return true
			}
		}
		return false
	}
	for _, st := range s.Statuses {
		if int(st) == code {
			return true
		}
	}
	return false
}

// Empty tells whether the set has no member.
func (s *ExitStatusSet) Empty() bool { return len(s.Statuses) == 0 && len(s.Signals) == 0 }

// OpenFile is one OpenFile=: a file that the manager opens and passes on like a socket.
type OpenFile struct {
	Path                                 string
	FDName                               string // "" for the file's own name
	ReadOnly, Append, Truncate, Graceful bool   // Graceful: a file that cannot be opened is left out
}

// Service is the [Service] section, defaults filled in (systemd.service(5)).
type Service struct {
	Type     ServiceType
	ExitType ExitType
	Commands Commands

	RemainAfterExit bool
	GuessMainPID    bool
	PIDFile         string // absolute, "" if none
	BusName         string
	NotifyAccess    NotifyAccess
	ReloadSignal    Signal // systemd 253, for ServiceNotifyReload

	Restart            Restart
	RestartMode        RestartMode
	RestartDelay       Usec // RestartSec=
	RestartSteps       uint // systemd 254: steps from RestartDelay to RestartMaxDelay, 0 for none
	RestartMaxDelay    Usec // RestartMaxDelaySec=, Infinity if not set
	RestartPrevent     ExitStatusSet
	RestartForce       ExitStatusSet
	Success            ExitStatusSet // beyond exit code 0 and, for daemons, SIGHUP, SIGINT, SIGTERM, SIGPIPE
	TimeoutStart       Usec          // Infinity for oneshot services unless set
	TimeoutStartSet    bool
	TimeoutStop        Usec
	TimeoutAbort       Usec // see AbortTimeout
	TimeoutAbortSet    bool
	TimeoutStartFailed TimeoutFailureMode // TimeoutStartFailureMode=
	TimeoutStopFailed  TimeoutFailureMode // TimeoutStopFailureMode=
	RuntimeMax         Usec               // Infinity: no limit
	RuntimeRandomExtra Usec
	Watchdog           Usec // 0 and Infinity: none

	PermissionsStartOnly   bool // User= and the like hold for ExecStart= only
	RootDirectoryStartOnly bool
	NonBlocking            bool
	Sockets                []string // Sockets=, and the socket units that name this service
	FDStoreMax             uint
	FDStorePreserve        FDStorePreserve
	OpenFiles              []OpenFile // systemd 253
	OOMPolicy              OOMPolicy
	USBFunctionDescriptors string
	USBFunctionStrings     string

	SysV bool // made from an init script: see SysVUnit
}

// AbortTimeout is how long the service may take to end after the watchdog's signal: TimeoutAbortSec=, else TimeoutStopSec=.
func (s *Service) AbortTimeout() Usec {
	if s.TimeoutAbortSet {
		return s.TimeoutAbort
	}
	return s.TimeoutStop
}
