package unit

// Mount is the [Mount] section (systemd.mount(5)). A container's mounts are its runtime's; the section is read so that
// dependencies and diagnostics are right.
type Mount struct {
	What, Where, FSType, Options                            string
	SloppyOptions, LazyUnmount, ForceUnmount, ReadWriteOnly bool
	DirectoryMode                                           uint32
	Timeout                                                 Usec
}

// Automount is the [Automount] section (systemd.automount(5)).
type Automount struct {
	Where, ExtraOptions string
	DirectoryMode       uint32
	TimeoutIdle         Usec
}

// Swap is the [Swap] section (systemd.swap(5)).
type Swap struct {
	What, Options string
	Priority      int
	PrioritySet   bool
	Timeout       Usec
}

// Scope is the [Scope] section (systemd.scope(5)).
type Scope struct {
	RuntimeMax         Usec
	RuntimeRandomExtra Usec
	TimeoutStop        Usec
	OOMPolicy          OOMPolicy
}
