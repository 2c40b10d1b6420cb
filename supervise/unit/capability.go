package unit

// CapabilitySet is a set of capabilities, bit n for capability n (capabilities(7)).
type CapabilitySet uint64

// capabilityWords are the kernel's names in order of number, up to Linux 6.
var capabilityWords = words{
	"cap_chown", "cap_dac_override", "cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill", "cap_setgid", "cap_setuid",
	"cap_setpcap", "cap_linux_immutable", "cap_net_bind_service", "cap_net_broadcast", "cap_net_admin", "cap_net_raw",
	"cap_ipc_lock", "cap_ipc_owner", "cap_sys_module", "cap_sys_rawio", "cap_sys_chroot", "cap_sys_ptrace", "cap_sys_pacct",
	"cap_sys_admin", "cap_sys_boot", "cap_sys_nice", "cap_sys_resource", "cap_sys_time", "cap_sys_tty_config", "cap_mknod",
	"cap_lease", "cap_audit_write", "cap_audit_control", "cap_setfcap", "cap_mac_override", "cap_mac_admin", "cap_syslog",
	"cap_wake_alarm", "cap_block_suspend", "cap_audit_read", "cap_perfmon", "cap_bpf", "cap_checkpoint_restore",
}

// AllCapabilities is the set of all capabilities, known or not: the bounding set of a unit that says nothing.
const AllCapabilities = ^CapabilitySet(0)

// Names lists the set's known capabilities in order of number, in lower case as systemctl shows them.
func (s CapabilitySet) Names() []string {
	var names []string
	for i, name := range capabilityWords {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// SecureBits is SecureBits=, with the kernel's bits (capabilities(7), "The securebits flags").
type SecureBits uint8

// The secure bits.
const (
	NoRoot SecureBits = 1 << iota
	NoRootLocked
	NoSetuidFixup
	NoSetuidFixupLocked
	KeepCaps
	KeepCapsLocked
)

var secureBitWords = words{"noroot", "noroot-locked", "no-setuid-fixup", "no-setuid-fixup-locked", "keep-caps", "keep-caps-locked"}
