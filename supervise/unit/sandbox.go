package unit

// ProtectSystem is ProtectSystem= (systemd.exec(5)).
type ProtectSystem uint8

// The settings of ProtectSystem=.
const (
	ProtectSystemNo ProtectSystem = iota
	ProtectSystemYes
	ProtectSystemFull
	ProtectSystemStrict
)

var protectSystemWords = words{"no", "yes", "full", "strict"}

func (p ProtectSystem) String() string { return protectSystemWords.of(uint8(p)) }

// ProtectHome is ProtectHome=.
type ProtectHome uint8

// The settings of ProtectHome=.
const (
	ProtectHomeNo ProtectHome = iota
	ProtectHomeYes
	ProtectHomeReadOnly
	ProtectHomeTmpfs
)

var protectHomeWords = words{"no", "yes", "read-only", "tmpfs"}

func (p ProtectHome) String() string { return protectHomeWords.of(uint8(p)) }

// ProtectProc is ProtectProc=.
type ProtectProc uint8

// The settings of ProtectProc=.
const (
	ProtectProcDefault ProtectProc = iota
	ProtectProcNoaccess
	ProtectProcInvisible
	ProtectProcPtraceable
)

var protectProcWords = words{"default", "noaccess", "invisible", "ptraceable"}

func (p ProtectProc) String() string { return protectProcWords.of(uint8(p)) }

// ProcSubset is ProcSubset=.
type ProcSubset uint8

// The settings of ProcSubset=.
const (
	ProcSubsetAll ProcSubset = iota
	ProcSubsetPid
)

var procSubsetWords = words{"all", "pid"}

func (p ProcSubset) String() string { return procSubsetWords.of(uint8(p)) }

// NUMAPolicy is NUMAPolicy=, with the kernel's values (set_mempolicy(2)).
type NUMAPolicy uint8

// The NUMA policies.
const (
	NUMADefault NUMAPolicy = iota
	NUMAPreferred
	NUMABind
	NUMAInterleave
	NUMALocal
)

var numaPolicyWords = words{"default", "preferred", "bind", "interleave", "local"}

func (p NUMAPolicy) String() string { return numaPolicyWords.of(uint8(p)) }

// Capabilities are the credentials beyond user and group.
type Capabilities struct {
	BoundingSet     CapabilitySet // all unless set
	AmbientSet      CapabilitySet
	SecureBits      SecureBits
	NoNewPrivileges bool

	SELinuxContext, AppArmorProfile, SmackProcessLabel Label
}

// Label is a security label.
type Label struct {
	Name     string
	Optional bool // "-": an error in setting it is no failure
}

// Sandbox are the protections that are either on or off.
type Sandbox struct {
	ProtectSystem                                                                       ProtectSystem
	ProtectHome                                                                         ProtectHome
	ProtectProc                                                                         ProtectProc
	ProcSubset                                                                          ProcSubset
	ProtectKernelTunables, ProtectKernelModules, ProtectKernelLogs                      bool
	ProtectClock, ProtectControlGroups, ProtectHostname                                 bool
	PrivateTmp, PrivateDevices, PrivateNetwork, PrivateUsers, PrivateMounts, PrivateIPC bool
	RemoveIPC                                                                           bool
	MemoryKSM                                                                           Bound[bool] // systemd 254
	MountAPIVFS                                                                         Bound[bool]
	NetworkNamespacePath, IPCNamespacePath                                              string
	RootEphemeral                                                                       bool // systemd 254
}

// PathRule is one path of ReadWritePaths= and its kin.
type PathRule struct {
	Path     string // absolute
	Optional bool   // "-": may be missing
	Root     bool   // "+": below RootDirectory=
}

// Bind is one BindPaths= or BindReadOnlyPaths=.
type Bind struct {
	Source, Destination string
	ReadOnly            bool
	Recursive           bool // "rbind", unless "norbind"
	Optional            bool // "-": the source may be missing
}

// TemporaryFS is one TemporaryFileSystem=.
type TemporaryFS struct {
	Path, Options string
}

// ImageOption is a partition's mount options.
type ImageOption struct {
	Partition, Options string
}

// Image is one MountImages= or ExtensionImages=.
type Image struct {
	Source, Destination string // Destination is "" for ExtensionImages=
	Optional            bool
	Options             []ImageOption
}

// MountPropagation is MountFlags=.
type MountPropagation uint8

// The settings of MountFlags=.
const (
	PropagationUnset MountPropagation = iota
	PropagationShared
	PropagationSlave
	PropagationPrivate
)

var propagationWords = words{"", "shared", "slave", "private"}

func (p MountPropagation) String() string { return propagationWords.of(uint8(p)) }

// Mounts are a unit's own view of the file system.
type Mounts struct {
	ReadWritePaths, ReadOnlyPaths, InaccessiblePaths []PathRule
	ExecPaths, NoExecPaths                           []PathRule
	Binds                                            []Bind
	TemporaryFS                                      []TemporaryFS
	MountFlags                                       MountPropagation

	RootDirectory, RootImage, RootVerity string
	RootHash, RootHashSignature          []byte
	RootHashPath, RootHashSignaturePath  string
	RootImageOptions                     []ImageOption
	MountImages, ExtensionImages         []Image
	ExtensionDirectories                 []PathRule
}

// Namespaces is a set of namespace types, with the kernel's CLONE_NEW* bits (namespaces(7)).
type Namespaces uint32

// AllNamespaces are the namespaces that RestrictNamespaces= knows.
const AllNamespaces Namespaces = 0x02000000 | 0x08000000 | 0x40000000 | 0x00020000 | 0x20000000 | 0x10000000 | 0x04000000

// SyscallRule is one word of SystemCallFilter= or SystemCallLog=.
type SyscallRule struct {
	Name   string // a system call, or "@group" (systemd.exec(5), "Currently predefined system call sets")
	Remove bool   // the word takes from the list what earlier words put there
	Errno  int    // what a denied call returns: -1 for SystemCallErrorNumber=, SyscallKill for the process's end
}

// SyscallKill is the Errno that ends the process.
const SyscallKill = 0x7fffffff

// SyscallFilter is a list of system calls that are allowed or denied. The rules are to be applied in order: each adds to or
// removes from the set; an allow list starts with @default in it.
type SyscallFilter struct {
	Set       bool // false: no filter
	AllowList bool // what the rules name is allowed, else it is denied
	Rules     []SyscallRule
}

// NameList is a set of names that is an allow or a deny list.
type NameList struct {
	Set       bool
	AllowList bool
	Names     []string // sorted
}

// Seccomp are the filters on system calls; they need no privilege with NoNewPrivileges=.
type Seccomp struct {
	SystemCallFilter        SyscallFilter
	SystemCallLog           SyscallFilter
	SystemCallArchitectures []string
	SystemCallErrorNumber   int               // an errno, or SyscallKill
	RestrictNamespaces      Bound[Namespaces] // what is allowed
	RestrictAddressFamilies NameList
	RestrictFileSystems     NameList
	MemoryDenyWriteExecute  bool
	RestrictRealtime        bool
	RestrictSUIDSGID        bool
	LockPersonality         bool
}
