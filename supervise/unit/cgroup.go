package unit

import "net/netip"

// Limit is a number of bytes or tasks; NoLimit is none.
type Limit uint64

// NoLimit is the Limit that limits nothing.
const NoLimit = ^Limit(0)

// DevicePolicy is DevicePolicy= (systemd.resource-control(5)).
type DevicePolicy uint8

// The device policies.
const (
	DevicePolicyAuto DevicePolicy = iota
	DevicePolicyClosed
	DevicePolicyStrict
)

var devicePolicyWords = words{"auto", "closed", "strict"}

func (p DevicePolicy) String() string { return devicePolicyWords.of(uint8(p)) }

// ManagedOOM is ManagedOOMSwap= and ManagedOOMMemoryPressure=.
type ManagedOOM uint8

// The managed OOM modes.
const (
	ManagedOOMAuto ManagedOOM = iota
	ManagedOOMKill
)

var managedOOMWords = words{"auto", "kill"}

func (m ManagedOOM) String() string { return managedOOMWords.of(uint8(m)) }

// ManagedOOMPreference is ManagedOOMPreference=.
type ManagedOOMPreference uint8

// The managed OOM preferences.
const (
	ManagedOOMNone ManagedOOMPreference = iota
	ManagedOOMAvoid
	ManagedOOMOmit
)

var managedOOMPreferenceWords = words{"none", "avoid", "omit"}

func (p ManagedOOMPreference) String() string { return managedOOMPreferenceWords.of(uint8(p)) }

// PressureWatch is MemoryPressureWatch= (systemd 254).
type PressureWatch uint8

// The settings of MemoryPressureWatch=.
const (
	PressureAuto PressureWatch = iota
	PressureOff
	PressureOn
	PressureSkip
)

var pressureWatchWords = words{"auto", "off", "on", "skip"}

func (p PressureWatch) String() string { return pressureWatchWords.of(uint8(p)) }

// Fraction is a limit that is an amount, or a share of what the machine has: TasksMax=10%, MemoryMax=50%.
type Fraction struct {
	Amount Limit
	Share  uint // hundredths of a percent; holds if Shared
	Shared bool
}

// DeviceRule is a device and what holds for it.
type DeviceRule struct {
	Device string // a path below /dev, "char-NAME" or "block-NAME"
	Access string // DeviceAllow=: of "rwm"
}

// DeviceLimit is a device and a number that holds for it: a weight, bytes or operations a second, or microseconds.
type DeviceLimit struct {
	Path  string
	Value uint64
}

// SocketBind is one SocketBindAllow= or SocketBindDeny=.
type SocketBind struct {
	Family   string // "ipv4", "ipv6" or ""
	Protocol string // "tcp", "udp" or ""
	First    uint16 // the ports, both 0 for any
	Last     uint16
}

// Weight is a share between 1 and 10000; WeightUnset is none, WeightIdle the "idle" of CPUWeight=.
type Weight uint64

// The weights that are no number.
const (
	WeightUnset Weight = ^Weight(0)
	WeightIdle  Weight = 0
)

// CgroupContext is what systemd.resource-control(5) describes. It needs a writable cgroup subtree; without one it is inert.
type CgroupContext struct {
	Slice      string // the slice the unit runs in, "" for -.slice itself
	SliceSet   bool   // Slice= was given
	CPUWeight  Weight
	StartupCPU Weight
	IOWeight   Weight
	StartupIO  Weight

	CPUQuota       Usec // CPU time a second, Infinity for no limit
	CPUQuotaPeriod Usec // Infinity: the kernel's choice

	AllowedCPUs, StartupAllowedCPUs               []int
	AllowedMemoryNodes, StartupAllowedMemoryNodes []int

	CPUAccounting, MemoryAccounting, TasksAccounting, IOAccounting, BlockIOAccounting, IPAccounting bool

	MemoryMin, MemoryLow, DefaultMemoryMin, DefaultMemoryLow Fraction
	MemoryHigh, MemoryMax, MemorySwapMax, MemoryZSwapMax     Fraction
	MemoryLimit                                              Fraction // cgroup v1
	StartupMemoryLow, DefaultStartupMemoryLow                Fraction // systemd 254, as are the next three
	StartupMemoryHigh, StartupMemoryMax                      Fraction
	StartupMemorySwapMax, StartupMemoryZSwapMax              Fraction
	MemoryPressureWatch                                      PressureWatch
	MemoryPressureThreshold                                  Usec
	MemoryZSwapWriteback                                     bool // systemd 256

	TasksMax Fraction

	IODeviceWeight, IOReadBandwidthMax, IOWriteBandwidthMax []DeviceLimit
	IOReadIOPSMax, IOWriteIOPSMax, IODeviceLatencyTarget    []DeviceLimit

	CPUShares, StartupCPUShares, BlockIOWeight, StartupBlockIOWeight Weight // cgroup v1
	BlockIODeviceWeight, BlockIOReadBandwidth, BlockIOWriteBandwidth []DeviceLimit

	DevicePolicy DevicePolicy
	DeviceAllow  []DeviceRule

	IPAddressAllow, IPAddressDeny           []netip.Prefix
	IPIngressFilterPath, IPEgressFilterPath []string
	BPFPrograms                             []string
	SocketBindAllow, SocketBindDeny         []SocketBind
	RestrictNetworkInterfaces               NameList

	Delegate            bool
	DelegateControllers []string // nil: all
	DelegateSubgroup    string   // systemd 254
	CoredumpReceive     bool     // systemd 255
	NFTSets             []NFTSet // systemd 255
	DisableControllers  []string

	ManagedOOMSwap                ManagedOOM
	ManagedOOMMemoryPressure      ManagedOOM
	ManagedOOMMemoryPressureLimit uint // permyriad, 0: oomd's default
	ManagedOOMPreference          ManagedOOMPreference
}
