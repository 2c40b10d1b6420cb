package spawn

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// identity is whom a process runs as.
type identity struct {
	uid, gid      int    // or Keep
	name          string // $USER and $LOGNAME, "" for none
	home, shell   string
	supplementary []int // SupplementaryGroups= and those of the user that go with them; nil: not set
}

// identify resolves User=, Group= and SupplementaryGroups=.
func (b *builder) identify() {
	x := b.x
	switch {
	case x.DynamicUser && b.m.UID != 0 && !b.m.has(unix.CAP_SETUID):
		b.lose(exitUser, Degradation{"DynamicUser=yes", fmt.Sprintf("the process runs as user %d, as the container does", b.m.UID)})
	case x.DynamicUser:
		b.identifyDynamic()
	default:
		b.identifyFixed()
	}
	if b.ended {
		return
	}
	b.initGroups()
	if x.WorkingDirectoryHome && b.who.home == "" {
		b.who.home = b.ownHome()
	}
}

func (b *builder) identifyFixed() {
	x := b.x
	if x.User != "" {
		a, err := b.c.accounts.user(x.User, b.m.RootShell)
		if err != nil {
			b.fail(exitUser, "determine the user", err)
			return
		}
		b.who = identity{uid: a.uid, gid: a.gid, name: a.name, home: a.home, shell: a.shell}
	}
	if x.Group != "" {
		gid, err := b.c.accounts.group(x.Group)
		if err != nil {
			b.fail(exitGroup, "determine the group", err)
			return
		}
		b.who.gid = gid
	}
}

// ownHome is get_home_dir in src/basic/user-util.c: what "~" means to a unit whose user has no home.
func (b *builder) ownHome() string {
	if b.m.Home != "" {
		return b.m.Home
	}
	if b.m.UID == 0 {
		return "/root"
	}
	a, _, err := b.c.accounts.findUser(fmt.Sprint(b.m.UID))
	if err != nil {
		return ""
	}
	return a.clean().home
}

// initGroups gives the process the groups that the user database lists for the user, even where "+" or "!" leave the user itself off
// (get_supplementary_groups in src/core/execute.c). SupplementaryGroups= comes with the change of groups.
func (b *builder) initGroups() {
	w := &b.who
	var list []int
	if w.name != "" && w.gid != Keep && w.gid != 0 {
		var err error
		if list, err = b.c.accounts.memberships(w.name, w.gid); err != nil {
			b.fail(exitGroup, "determine the supplementary groups", err)
			return
		}
		b.setGroups("User="+b.x.User, list)
	}
	if len(b.x.SupplementaryGroups) == 0 {
		return
	}
	w.supplementary = list
	for _, name := range b.x.SupplementaryGroups {
		gid, err := b.c.accounts.group(name)
		if err != nil {
			b.fail(exitGroup, "determine the supplementary groups", err)
			return
		}
		if !slices.Contains(w.supplementary, gid) {
			w.supplementary = append(w.supplementary, gid)
		}
	}
}

// same tells whether the container already runs as the user: then there is nothing to change, and CAP_SETUID and CAP_SETGID need not be there.
func (b *builder) same() bool {
	return (b.who.uid == Keep || b.who.uid == b.m.UID) && (b.who.gid == Keep || b.who.gid == b.m.GID) && !b.m.has(unix.CAP_SETGID)
}

func (b *builder) setGroups(directive string, list []int) {
	if b.same() {
		if !sameSet(list, append(slices.Clone(b.m.Groups), b.m.GID)) {
			b.lose(exitGroup, Degradation{directive, "the process keeps the groups of the container, which does not run as root; docker run --group-add adds some"})
		}
		return
	}
	ids := make([]byte, 4*len(list))
	for i, g := range list {
		binary.NativeEndian.PutUint32(ids[4*i:], uint32(g))
	}
	b.add(call("setgroups", unix.SYS_SETGROUPS, "set the supplementary groups"+b.outOfReach(), Int(len(list)), Bytes(ids, fmt.Sprint(list))).exit(exitGroup))
}

// outOfReach explains why ids cannot be changed.
func (b *builder) outOfReach() string {
	switch {
	case b.m.has(unix.CAP_SETGID) && b.m.has(unix.CAP_SETUID):
		return ""
	case b.m.UID == 0:
		return " (keelson lacks CAP_SETUID or CAP_SETGID; docker run --cap-add SETUID --cap-add SETGID lets units have users)"
	}
	return fmt.Sprintf(" (the container runs as user %d; docker run --user 0 lets units have users)", b.m.UID)
}

func sameSet(a, b []int) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// groups: enforce_groups in src/core/execute.c.
func (b *builder) groups() {
	if !b.setuid {
		return
	}
	w := &b.who
	if len(w.supplementary) > 0 {
		b.setGroups("SupplementaryGroups="+strings.Join(b.x.SupplementaryGroups, " "), w.supplementary)
	}
	if w.gid != Keep && (w.gid != b.m.GID || b.m.has(unix.CAP_SETGID)) {
		gid := Int(w.gid)
		b.add(call("setresgid", unix.SYS_SETRESGID, "set the group id"+b.outOfReach(), gid, gid, gid).exit(exitGroup))
	}
}

// changesUser tells whether the process becomes another user, and so loses its capabilities.
func (b *builder) changesUser() bool {
	return b.setuid && b.who.uid != Keep && b.who.uid != b.m.UID
}

// changeUser: enforce_user in src/core/execute.c. The capabilities that ambient ones and securebits take are kept over the change.
func (b *builder) changeUser() {
	if !b.setuid || b.who.uid == Keep || b.who.uid == b.m.UID && !b.m.has(unix.CAP_SETUID) {
		return
	}
	if (b.ambient != 0 || b.x.SecureBits != 0) && b.who.uid != 0 && b.sandboxed {
		b.add(prctl("keep the capabilities", unix.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS", 1).exit(exitUser))
	}
	uid := Int(b.who.uid)
	b.add(call("setresuid", unix.SYS_SETRESUID, "set the user id"+b.outOfReach(), uid, uid, uid).exit(exitUser))
	b.raiseAmbient()
}

func prctl(purpose string, option int, name string, args ...int) Call {
	list := []Arg{Word(uint64(option), name)}
	for _, a := range args {
		list = append(list, Int(a))
	}
	for len(list) < 5 {
		list = append(list, Int(0)) // the kernel insists on zeros for some options
	}
	return call("prctl", unix.SYS_PRCTL, purpose, list...)
}
