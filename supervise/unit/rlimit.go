package unit

// RlimitKind is one of the Limit*= directives, with the kernel's RLIMIT_* value (getrlimit(2)).
type RlimitKind uint8

// The resource limits.
const (
	LimitCPU RlimitKind = iota // seconds
	LimitFSIZE
	LimitDATA
	LimitSTACK
	LimitCORE
	LimitRSS
	LimitNPROC
	LimitNOFILE
	LimitMEMLOCK
	LimitAS
	LimitLOCKS
	LimitSIGPENDING
	LimitMSGQUEUE
	LimitNICE
	LimitRTPRIO
	LimitRTTIME // microseconds
)

// RlimitKinds is the number of resource limits, for arrays indexed by them.
const RlimitKinds = int(LimitRTTIME) + 1

var rlimitWords = words{
	"LimitCPU", "LimitFSIZE", "LimitDATA", "LimitSTACK", "LimitCORE", "LimitRSS", "LimitNPROC", "LimitNOFILE", "LimitMEMLOCK",
	"LimitAS", "LimitLOCKS", "LimitSIGPENDING", "LimitMSGQUEUE", "LimitNICE", "LimitRTPRIO", "LimitRTTIME",
}

func (k RlimitKind) String() string { return rlimitWords.of(uint8(k)) }

// RlimitInfinity is the kernel's RLIM_INFINITY.
const RlimitInfinity = ^uint64(0)

// Rlimit is a soft and a hard limit; both in the kind's own unit.
type Rlimit struct {
	Soft, Hard uint64
}
