package spawn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"

	"github.com/dchest/siphash"
	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Dynamic users (systemd.exec(5), DynamicUser=; src/core/dynamic-user.c).
//
// A user lives while a unit has it. Its id follows from its name, so that it is the same in the next life unless somebody else has taken it meanwhile.
// The register is a folder of links, direct:NAME to the number and direct:NUMBER to the name, where systemd has them too: what has no database to ask can
// read it, and so can the next keelson in this place.

// The range of ids (UIDS.md of systemd).
const (
	dynamicMin = 61184
	dynamicMax = 65519
)

// The key under which names become ids (pick_uid).
var dynamicKey = []byte{0x37, 0x53, 0x7e, 0x31, 0xcf, 0xce, 0x48, 0xf5, 0x8a, 0xbb, 0x39, 0x57, 0x8d, 0xd9, 0xec, 0x59}

// dynamicID is the id that a name comes to first.
func dynamicID(name string) int {
	k0, k1 := binary.LittleEndian.Uint64(dynamicKey), binary.LittleEndian.Uint64(dynamicKey[8:])
	// The hash is cut to 32 bits first, as uid_t is.
	return int(uint32(siphash.Hash(k0, k1, []byte(name)))%(dynamicMax-dynamicMin+1)) + dynamicMin
}

func dynamic(id int) bool { return id >= dynamicMin && id <= dynamicMax }

// identifyDynamic: a user or group of that name that exists is taken as it is (dynamic_creds_realize). The user is really dynamic otherwise.
func (b *builder) identifyDynamic() {
	x := b.x
	uid, gid, static, err := b.realizeUser(x.User)
	if err != nil {
		b.fail(exitUser, "realize the dynamic user "+x.User, err)
		return
	}
	b.life().static = static
	if x.Group != x.User {
		if gid, err = b.realizeGroup(x.Group); err != nil {
			b.fail(exitUser, "realize the dynamic group "+x.Group, err)
			return
		}
	}
	b.who = identity{uid: uid, gid: gid, name: x.User}
}

var errHalfStatic = errors.New("a user or group of that name exists, but not both")

func (b *builder) realizeUser(name string) (uid, gid int, static bool, err error) {
	if id, err := parseID(name); err == nil {
		a, found, err := b.c.accounts.findUser(name)
		switch {
		case err != nil:
			return 0, 0, true, err
		case found:
			return id, a.gid, true, nil
		case dynamic(id):
			return id, id, true, nil
		}
		return 0, 0, true, because(unix.ESRCH, "no user %s", name)
	}
	a, found, err := b.c.accounts.findUser(name)
	if err != nil || found {
		return a.uid, a.gid, true, err
	}
	if _, found, err = b.c.accounts.findGroup(name); err != nil || found {
		return 0, 0, false, errors.Join(err, errHalfStatic)
	}
	id, err := b.allocate(name)
	return id, id, false, err
}

func (b *builder) realizeGroup(name string) (int, error) {
	if id, err := parseID(name); err == nil {
		return id, nil
	}
	g, found, err := b.c.accounts.findGroup(name)
	if err != nil || found {
		return g.gid, err
	}
	if _, found, err = b.c.accounts.findUser(name); err != nil || found {
		return 0, errors.Join(err, errHalfStatic)
	}
	return b.allocate(name)
}

// allocate finds a name's id in the register, or takes a free one: that of a directory which the unit had in an earlier life, the one that the name comes to,
// or one that a hash of name and attempt gives (pick_uid, which tries at random there).
func (b *builder) allocate(name string) (int, error) {
	register := b.m.DynamicUsers
	l := b.life()
	if text, err := os.Readlink(register + "/direct:" + name); err == nil {
		if id, err := strconv.Atoi(text); err == nil && dynamic(id) {
			if back, err := os.Readlink(register + "/direct:" + text); err == nil && back == name {
				l.borrow(name)
				return id, nil
			}
		}
	}
	for attempt, candidates := 0, b.suggestedIDs(); attempt < 100; attempt++ {
		id := 0
		switch {
		case attempt < len(candidates):
			id = candidates[attempt]
		case attempt == len(candidates):
			id = dynamicID(name)
		default:
			id = dynamicID(fmt.Sprintf("%s:%d", name, attempt))
		}
		if !dynamic(id) {
			continue
		}
		text := strconv.Itoa(id)
		if _, taken, err := b.c.accounts.findUser(text); err != nil || taken {
			continue
		}
		if _, taken, err := b.c.accounts.findGroup(text); err != nil || taken {
			continue
		}
		if err := os.MkdirAll(register, 0o755); err != nil {
			return 0, err
		}
		if err := os.Symlink(name, register+"/direct:"+text); err != nil {
			if errors.Is(err, os.ErrExist) {
				continue // somebody's
			}
			return 0, err
		}
		os.Remove(register + "/direct:" + name)
		if err := os.Symlink(text, register+"/direct:"+name); err != nil {
			os.Remove(register + "/direct:" + text)
			return 0, err
		}
		l.borrow(name)
		return id, nil
	}
	return 0, because(unix.EBUSY, "no free id from %d to %d", dynamicMin, dynamicMax)
}

// suggestedIDs are the owners of the unit's own directories, which then need not be given away (compile_suggested_paths).
func (b *builder) suggestedIDs() []int {
	var list []int
	for k := range b.x.Directories {
		kind := unit.DirectoryKind(k)
		if kind == unit.ConfigurationDirectory {
			continue
		}
		base := b.c.Host.Base(kind)
		for _, d := range b.x.Directories[k].List {
			for _, at := range []string{path.Join(base, "private", d.Path), path.Join(base, d.Path)} {
				var st unix.Stat_t
				if unix.Stat(at, &st) == nil && !slices.Contains(list, int(st.Uid)) {
					list = append(list, int(st.Uid))
				}
			}
		}
	}
	return list
}

// forget gives a dynamic user's id back, if no other unit has it.
func (c *Compiler) forget(name string) {
	for _, l := range c.lives {
		if slices.Contains(l.dynamic, name) {
			return
		}
	}
	register := c.Machine.DynamicUsers
	if text, err := os.Readlink(register + "/direct:" + name); err == nil {
		os.Remove(register + "/direct:" + text)
		os.Remove(register + "/direct:" + name)
	}
}
