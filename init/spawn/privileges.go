package spawn

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/spawn/filter"
	"keelson/supervise/unit"
)

// Capabilities, securebits, no_new_privs and system call filters.

// capabilities cuts the bounding set down and raises ambient capabilities, before the user changes (capability_bounding_set_drop and
// capability_ambient_set_apply in src/basic/capability-util.c).
func (b *builder) capabilities() {
	if !b.sandboxed {
		return
	}
	x := b.x
	if x.RestrictRealtime && !x.Rlimits[unit.LimitRTPRIO].Set {
		b.add(prlimit("restrict realtime scheduling", unix.RLIMIT_RTPRIO, 0, 0).exit(exitLimits))
	}
	keep := uint64(x.BoundingSet)
	cut := b.sets.Bounding &^ keep
	switch {
	case cut == 0:
	case b.sets.Effective&(1<<unix.CAP_SETPCAP) == 0:
		b.lose(exitCapabilities, Degradation{"CapabilityBoundingSet=" + capabilityText(keep&b.sets.Bounding), "taking capabilities away takes CAP_SETPCAP; " + grant("SETPCAP")})
	default:
		for n := 0; n <= b.m.LastCap; n++ {
			if cut&(1<<n) != 0 {
				b.add(prctl("drop "+capabilityName(n)+" from the bounding set", unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP", n).exit(exitCapabilities))
			}
		}
		b.sets.Bounding &^= cut
	}
	inheritable := b.sets.Inheritable & b.sets.Bounding
	b.chooseAmbient()
	if b.ended {
		return
	}
	inheritable |= b.ambient
	if inheritable != b.sets.Inheritable {
		b.sets.Inheritable = inheritable
		b.add(capset("set the inheritable capabilities", b.sets).exit(exitCapabilities))
	}
	b.lowerAmbient()
	b.raiseAmbient()
}

// chooseAmbient takes from AmbientCapabilities= what the process can have.
func (b *builder) chooseAmbient() {
	want := uint64(b.x.AmbientSet)
	for n := 0; n < 64; n++ {
		bit := uint64(1) << n
		if want&bit == 0 {
			continue
		}
		d := Degradation{Directive: "AmbientCapabilities=" + capabilityName(n)}
		short := strings.TrimPrefix(capabilityName(n), "CAP_")
		switch {
		case n > b.m.LastCap:
			d.Reason = "the kernel does not know it"
		case b.sets.Bounding&bit == 0 && uint64(b.x.BoundingSet)&bit == 0:
			d.Reason = "CapabilityBoundingSet= of the unit itself takes it away"
		case b.sets.Bounding&bit == 0:
			d.Reason = "it is not in the container's bounding set; " + grant(short)
		case b.sets.Permitted&bit == 0:
			d.Reason = "keelson does not have it; docker run --user 0 --cap-add " + short + " grants it"
		default:
			b.ambient |= bit
			continue
		}
		b.lose(exitCapabilities, d)
	}
}

// lowerAmbient takes away what the manager itself was started with and the unit does not ask for.
func (b *builder) lowerAmbient() {
	for n := 0; n <= b.m.LastCap; n++ {
		if b.sets.Ambient&^b.ambient&(1<<n) != 0 {
			b.add(call("prctl", unix.SYS_PRCTL, "lower the ambient capability "+capabilityName(n), Word(unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"), Word(unix.PR_CAP_AMBIENT_LOWER, "PR_CAP_AMBIENT_LOWER"), Int(n), Int(0), Int(0)).exit(exitCapabilities))
		}
	}
}

// raiseAmbient is done before the change of the user, for where there is none, and again after it, which clears the ambient set.
func (b *builder) raiseAmbient() {
	for n := 0; n <= b.m.LastCap; n++ {
		if b.ambient&(1<<n) != 0 {
			b.add(call("prctl", unix.SYS_PRCTL, "raise the ambient capability "+capabilityName(n), Word(unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"), Word(unix.PR_CAP_AMBIENT_RAISE, "PR_CAP_AMBIENT_RAISE"), Int(n), Int(0), Int(0)).exit(exitCapabilities))
		}
	}
}

// capset is capset(2) on the own process.
func capset(purpose string, s Sets) Call {
	header := make([]byte, capabilityHeaderSize)
	binary.NativeEndian.PutUint32(header, unix.LINUX_CAPABILITY_VERSION_3)
	data := make([]byte, capabilityPayloadSize)
	for i, set := range []uint64{s.Effective, s.Permitted, s.Inheritable} {
		binary.NativeEndian.PutUint32(data[4*i:], uint32(set))
		binary.NativeEndian.PutUint32(data[12+4*i:], uint32(set>>32))
	}
	return call("capset", unix.SYS_CAPSET, purpose, Bytes(header, "{version=3, pid=0}"),
		Bytes(data, fmt.Sprintf("{effective=%#x, permitted=%#x, inheritable=%#x}", s.Effective, s.Permitted, s.Inheritable)))
}

func capabilityName(n int) string {
	if names := unit.CapabilitySet(1 << n).Names(); names != nil {
		return strings.ToUpper(names[0])
	}
	return fmt.Sprintf("CAP_%d", n)
}

func capabilityText(set uint64) string {
	return strings.ToUpper(strings.Join(unit.CapabilitySet(set).Names(), " "))
}

// secureBits is SecureBits=. It takes CAP_SETPCAP, which a user that is not root has kept, but not in effect.
func (b *builder) secureBits() {
	bits := b.x.SecureBits
	if !b.sandboxed || bits == b.m.Sets.Bits {
		return
	}
	if b.sets.Permitted&(1<<unix.CAP_SETPCAP) == 0 {
		b.lose(exitSecureBits, Degradation{"SecureBits=" + strings.Join(secureBitNames(bits), " "), "takes CAP_SETPCAP; " + grant("SETPCAP")})
		return
	}
	if b.changesUser() {
		s := b.sets
		s.Effective = 1 << unix.CAP_SETPCAP
		b.add(capset("gain CAP_SETPCAP for the secure bits", s).exit(exitCapabilities))
	}
	b.add(call("prctl", unix.SYS_PRCTL, "set the secure bits", Word(unix.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"), Word(uint64(bits), strings.Join(secureBitNames(bits), "|"))).exit(exitSecureBits))
}

func secureBitNames(bits unit.SecureBits) []string {
	var list []string
	for i, name := range []string{"noroot", "noroot-locked", "no-setuid-fixup", "no-setuid-fixup-locked", "keep-caps", "keep-caps-locked"} {
		if bits&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	if list == nil {
		list = []string{"0"}
	}
	return list
}

// filters are the compiled system call filters of a unit.
type filters struct {
	programs []filter.Program
	remarks  []string
}

// restrict installs no_new_privs and the system call filters, last of all.
func (b *builder) restrict() {
	if !b.sandboxed || b.ended {
		return
	}
	x := b.x
	b.kernelSamePage()
	f := b.c.filtersOf(x)
	for _, r := range f.remarks {
		directive, reason, _ := strings.Cut(r, ": ")
		b.degraded = append(b.degraded, Degradation{strings.TrimSuffix(directive, "="), reason})
	}
	if x.RestrictFileSystems.Set {
		b.lose(exitBPF, Degradation{"RestrictFileSystems=" + strings.Join(x.RestrictFileSystems.Names, " "), "takes BPF LSM programs, which a container cannot load"})
	}
	// Who is not privileged may restrict only itself (context_has_no_new_privileges in src/core/execute.c).
	privileged := b.sets.Effective&(1<<unix.CAP_SYS_ADMIN) != 0 && (!b.changesUser() || b.who.uid == 0)
	if x.NoNewPrivileges || len(f.programs) > 0 && !privileged {
		b.add(prctl("disable new privileges", unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS", 1).exit(exitNoNewPrivileges))
	}
	for _, p := range f.programs {
		code := p.Bytes()
		const length, pointerAt = 0, 8 // struct sock_fprog
		program := &Data{bytes: make([]byte, 16), points: []pointer{{pointerAt, &Data{bytes: code}}}}
		binary.NativeEndian.PutUint16(program.bytes[length:], uint16(len(p.Instructions)))
		b.add(call("prctl", unix.SYS_PRCTL, "apply "+p.Directive+"=", Word(unix.PR_SET_SECCOMP, "PR_SET_SECCOMP"), Word(unix.SECCOMP_MODE_FILTER, "SECCOMP_MODE_FILTER"),
			Arg{text: fmt.Sprintf("{%s: %d instructions}", p.Directive, len(p.Instructions)), data: program}, Int(0), Int(0)).exit(p.Exit))
	}
}

// kernelSamePage is MemoryKSM= (systemd 254; prctl(2), PR_SET_MEMORY_MERGE of Linux 6.4).
func (b *builder) kernelSamePage() {
	if !b.x.MemoryKSM.Set {
		return
	}
	on := 0
	if b.x.MemoryKSM.Value {
		on = 1
	}
	const prSetMemoryMerge = 67
	b.add(prctl("set MemoryKSM=", prSetMemoryMerge, "PR_SET_MEMORY_MERGE", on).MayFail().exit(exitKSM))
}

// filtersOf compiles a unit's filters once. Units are reloaded, so only some are kept.
func (c *Compiler) filtersOf(x *unit.ExecContext) filters {
	f, ok := c.filters[x]
	if !ok {
		f.programs, f.remarks = filter.Compile(x, c.Machine.Filters)
		if len(f.programs)+len(f.remarks) == 0 {
			return f
		}
		if len(c.filters) >= filtersKept {
			clear(c.filters)
		}
		c.filters[x] = f
	}
	return f
}

// filtersKept is how many units' filters are kept, of some kilobytes each.
const filtersKept = 32
