package spawn

import (
	"fmt"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// pam: modules are shared objects that a static program cannot load.
func (b *builder) pam() {
	if b.setuid && b.x.PAMName != "" && b.who.name != "" {
		b.lose(exitPAM, Degradation{"PAMName=" + b.x.PAMName, "keelson has no PAM: the session is not registered, and pam_limits and the like are not applied"})
	}
}

// keyring is a session keyring for the service alone (setup_keyring in src/core/execute.c). The kernel links it to the keyring of the real user, so that is the
// user for a moment.
func (b *builder) keyring() {
	x := b.x
	if x.KeyringMode == unit.KeyringInherit || !b.m.Keyrings {
		return
	}
	const purpose = "set up a kernel keyring"
	uid, gid := b.who.uid, b.who.gid
	add := func(c Call) int { return b.add(c.exit(exitKeyring)) }
	setreuid := func(id int) { add(call("setreuid", unix.SYS_SETREUID, purpose, Int(id), Int(-1))) }
	setregid := func(id int) { add(call("setregid", unix.SYS_SETREGID, purpose, Int(id), Int(-1))) }
	changeGID := gid != Keep && gid != b.m.GID && b.m.has(unix.CAP_SETGID)
	changeUID := uid != Keep && uid != b.m.UID && b.m.has(unix.CAP_SETUID)
	if changeGID {
		setregid(gid)
	}
	if changeUID {
		setreuid(uid)
	}
	// There may be no room for another keyring, or no permission: then the service has none of its own.
	ring := add(call("keyctl", unix.SYS_KEYCTL, purpose, Word(unix.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING"), Null()).MayFail())
	if x.KeyringMode == unit.KeyringShared {
		add(call("keyctl", unix.SYS_KEYCTL, purpose, Word(unix.KEYCTL_LINK, "KEYCTL_LINK"), keySpec(unix.KEY_SPEC_USER_KEYRING, "KEY_SPEC_USER_KEYRING"), Result(ring)))
	}
	if changeUID {
		setreuid(b.m.UID)
	}
	if changeGID {
		setregid(b.m.GID)
	}
	if id, ok := decodeID(b.e.Invocation); ok {
		key := add(call("add_key", unix.SYS_ADD_KEY, purpose, Str("user"), Str("invocation_id"), Bytes(id, b.e.Invocation), Int(len(id)), Result(ring)).MayFail())
		add(call("keyctl", unix.SYS_KEYCTL, purpose, Word(unix.KEYCTL_SETPERM, "KEYCTL_SETPERM"), Result(key), Word(keyReadable, "view, read and search")))
	}
}

// keyReadable lets the possessor and the user view, read and search (keyctl_setperm(3)): KEY_POS_ and KEY_USR_ VIEW 1, READ 2 and SEARCH 8, in the fourth and the third
// byte.
const keyReadable = 0x0b0b0000

func keySpec(id int, name string) Arg { return Word(uint64(int64(id)), name) }

// decodeID is an invocation id as bytes.
func decodeID(s string) ([]byte, bool) {
	if len(s) != 32 {
		return nil, false
	}
	id := make([]byte, 16)
	for i := range id {
		if n, err := fmt.Sscanf(s[2*i:2*i+2], "%02x", &id[i]); n != 1 || err != nil {
			return nil, false
		}
	}
	return id, true
}

// labels are the security modules' (the end of exec_child in src/core/execute.c). A module that is not there has no labels to give, which systemd does not mind.
func (b *builder) labels() {
	if !b.sandboxed {
		return
	}
	for _, l := range []struct {
		directive string
		label     unit.Label
		module    string
		on        bool
		file      string
		text      string
		status    int
	}{
		{"SELinuxContext", b.x.SELinuxContext, "SELinux", b.m.SELinux, "/proc/self/attr/exec", b.x.SELinuxContext.Name, exitSELinux},
		{"AppArmorProfile", b.x.AppArmorProfile, "AppArmor", b.m.AppArmor != "", b.m.AppArmor, "exec " + b.x.AppArmorProfile.Name, exitAppArmor},
		{"SmackProcessLabel", b.x.SmackProcessLabel, "Smack", b.m.Smack, "/proc/self/attr/current", b.x.SmackProcessLabel.Name, exitSmack},
	} {
		if l.label.Name == "" {
			continue
		}
		d := Degradation{l.directive + "=" + l.label.Name, l.module + " is not in use here"}
		if !l.on {
			b.degraded = append(b.degraded, d)
			continue
		}
		d.Reason = l.module + " does not let the container set labels"
		for _, c := range writeFile(len(b.list), "set "+l.directive+"=", l.file, l.text) {
			if c = c.exit(l.status); l.label.Optional {
				b.add(c.MayFail())
			} else {
				b.try(c, d)
			}
		}
	}
}
