package unit

// ConditionType is what a Condition*= or Assert*= directive asks (systemd.unit(5), "Conditions and Asserts").
type ConditionType uint8

// The condition types, in the order of systemd's table.
const (
	ConditionArchitecture ConditionType = iota
	ConditionFirmware
	ConditionVirtualization
	ConditionHost
	ConditionKernelCommandLine
	ConditionKernelVersion
	ConditionCredential
	ConditionSecurity
	ConditionCapability
	ConditionACPower
	ConditionMemory
	ConditionCPUs
	ConditionEnvironment
	ConditionCPUFeature
	ConditionOSRelease
	ConditionMemoryPressure
	ConditionCPUPressure
	ConditionIOPressure
	ConditionNeedsUpdate
	ConditionFirstBoot
	ConditionPathExists
	ConditionPathExistsGlob
	ConditionPathIsDirectory
	ConditionPathIsSymbolicLink
	ConditionPathIsMountPoint
	ConditionPathIsReadWrite
	ConditionPathIsEncrypted
	ConditionDirectoryNotEmpty
	ConditionFileNotEmpty
	ConditionFileIsExecutable
	ConditionUser
	ConditionGroup
	ConditionControlGroupController
)

var conditionWords = words{
	"Architecture", "Firmware", "Virtualization", "Host", "KernelCommandLine", "KernelVersion", "Credential", "Security",
	"Capability", "ACPower", "Memory", "CPUs", "Environment", "CPUFeature", "OSRelease", "MemoryPressure", "CPUPressure",
	"IOPressure", "NeedsUpdate", "FirstBoot", "PathExists", "PathExistsGlob", "PathIsDirectory", "PathIsSymbolicLink",
	"PathIsMountPoint", "PathIsReadWrite", "PathIsEncrypted", "DirectoryNotEmpty", "FileNotEmpty", "FileIsExecutable",
	"User", "Group", "ControlGroupController",
}

// String is the type's name as it follows "Condition" or "Assert" in a directive.
func (t ConditionType) String() string { return conditionWords.of(uint8(t)) }

// takesPath tells whether the parameter is a path, which must be absolute.
func (t ConditionType) takesPath() bool {
	return t == ConditionNeedsUpdate || t >= ConditionPathExists && t <= ConditionFileIsExecutable
}

// Condition is one condition or assert. A list of them holds when every one without Trigger holds and, if there are some with
// Trigger, at least one of those does (systemd.unit(5): the pipe symbol). The facts that decide it are the caller's.
type Condition struct {
	Type      ConditionType
	Assert    bool
	Trigger   bool   // "|": one of the triggering conditions is enough
	Negate    bool   // "!": holds when the fact does not
	Parameter string // specifiers expanded, prefixes removed
}

// String is the condition as a line of a unit file.
func (c Condition) String() string {
	s := "Condition"
	if c.Assert {
		s = "Assert"
	}
	s += c.Type.String() + "="
	if c.Trigger {
		s += "|"
	}
	if c.Negate {
		s += "!"
	}
	return s + c.Parameter
}

// Holds decides a list of conditions: fact says whether what a condition asks about is so, before Negate. An empty list holds.
// fact is asked about each condition in order, without leaving any out: systemd too tests them all, so that the result of
// each can be shown (condition_test_list in src/shared/condition.c).
func Holds(list []Condition, fact func(Condition) bool) bool {
	holds, triggers, triggered := true, false, false
	for _, c := range list {
		r := fact(c) != c.Negate
		if c.Trigger {
			triggers = true
			triggered = triggered || r
		} else if !r {
			holds = false
		}
	}
	return holds && (!triggers || triggered)
}
