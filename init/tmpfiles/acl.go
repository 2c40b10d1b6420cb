package tmpfiles

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/unit"
)

// aclEntry is one of an access control list (acl(5)), with the kernel's tags (linux/posix_acl.h).
type aclEntry struct {
	tag, perm uint16
	id        uint32 // of ACL_USER and ACL_GROUP, else aclNone
}

type acl []aclEntry

const (
	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
	aclNone     = 0xffffffff
	aclVersion  = 2 // of the extended attributes' format
)

// The lists of a file, and the one that a folder hands down.
const (
	aclAccess  = "system.posix_acl_access"
	aclDefault = "system.posix_acl_default"
)

// parseACLs reads "user:NAME:rwx,d:group::r-x": short and long words, names or numbers. A wrong list is no error, but of no use.
func (e *engine) parseACLs(i *item) bool {
	for entry := range strings.SplitSeq(string(i.arg), ",") {
		list := &i.access
		for _, prefix := range []string{"d:", "default:"} {
			if s, ok := strings.CutPrefix(entry, prefix); ok {
				entry, list = s, &i.inherited
			}
		}
		a, ok := e.parseACL(entry)
		if !ok {
			e.tell(unit.Warning, false, fmt.Sprintf("Failed to parse ACL \"%s\": Invalid argument. Ignoring", i.arg))
			return false
		}
		*list = append(*list, a)
	}
	if !i.force {
		i.access, i.inherited = i.access.masked(), i.inherited.masked()
	}
	return true
}

func (e *engine) parseACL(s string) (aclEntry, bool) {
	a := aclEntry{id: aclNone}
	f := strings.Split(strings.TrimSpace(s), ":")
	if len(f) == 2 && (f[0] == "o" || f[0] == "other" || f[0] == "m" || f[0] == "mask") {
		f = []string{f[0], "", f[1]}
	}
	if len(f) != 3 {
		return a, false
	}
	ok := true
	switch f[0] {
	case "u", "user":
		if a.tag = aclUserObj; f[1] != "" {
			a.tag = aclUser
			a.id, ok = e.accounts.User(f[1])
		}
	case "g", "group":
		if a.tag = aclGroupObj; f[1] != "" {
			a.tag = aclGroup
			a.id, ok = e.accounts.Group(f[1])
		}
	case "m", "mask":
		a.tag, ok = aclMask, f[1] == ""
	case "o", "other":
		a.tag, ok = aclOther, f[1] == ""
	default:
		return a, false
	}
	for _, c := range f[2] {
		switch c {
		case 'r':
			a.perm |= 4
		case 'w':
			a.perm |= 2
		case 'x':
			a.perm |= 1
		case '-':
		default:
			return a, false
		}
	}
	return a, ok && f[2] != ""
}

func (l acl) has(tag uint16) bool {
	return slices.ContainsFunc(l, func(a aclEntry) bool { return a.tag == tag })
}

// masked adds the mask that named entries need (calc_acl_mask_if_needed).
func (l acl) masked() acl {
	if l.has(aclMask) || !l.has(aclUser) && !l.has(aclGroup) {
		return l
	}
	m := aclEntry{tag: aclMask, id: aclNone}
	for _, a := range l {
		if a.tag&(aclUser|aclGroup|aclGroupObj) != 0 {
			m.perm |= a.perm
		}
	}
	return append(l, m)
}

// based adds the entries of owner, group and others, if it lacks them (add_base_acls_if_needed).
func (l acl) based(mode uint32) acl {
	for _, b := range []struct {
		tag   uint16
		shift uint
	}{{aclUserObj, 6}, {aclGroupObj, 3}, {aclOther, 0}} {
		if !l.has(b.tag) {
			l = append(l, aclEntry{b.tag, uint16(mode >> b.shift & 7), aclNone})
		}
	}
	return l
}

// with replaces the entries that the other list has too, and adds the rest.
func (l acl) with(o acl) acl {
	for _, a := range o {
		if i := slices.IndexFunc(l, func(b aclEntry) bool { return b.tag == a.tag && b.id == a.id }); i >= 0 {
			l[i] = a
		} else {
			l = append(l, a)
		}
	}
	return l
}

// bytes is the list as the kernel has it in an extended attribute, sorted as it wants it.
func (l acl) bytes() []byte {
	slices.SortFunc(l, func(a, b aclEntry) int { return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.id, b.id)) })
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, a := range l {
		b = binary.LittleEndian.AppendUint16(b, a.tag)
		b = binary.LittleEndian.AppendUint16(b, a.perm)
		b = binary.LittleEndian.AppendUint32(b, a.id)
	}
	return b
}

// readACL is what a file has; a file without a list has none of its own but the mode.
func readACL(path, name string) (acl, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Getxattr(path, name, buf)
	if errors.Is(err, unix.ENODATA) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if n < 4 || (n-4)%8 != 0 {
		return nil, unix.EINVAL
	}
	var l acl
	for b := buf[4:n]; len(b) > 0; b = b[8:] {
		l = append(l, aclEntry{binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint32(b[4:])})
	}
	return l, nil
}

// setACLs is setfacl(1). That a file system has no lists is no error (fd_set_acls).
func (e *engine) setACLs(i *item, fd int, p string, st *unix.Stat_t) error {
	format := st.Mode & unix.S_IFMT
	if format == unix.S_IFLNK {
		return nil
	}
	if format != unix.S_IFDIR && st.Nlink > 1 && e.hardlinksDangerous() {
		return fmt.Errorf("Refusing to set ACLs on hardlinked file %s while the fs.protected_hardlinks sysctl is turned off.", p)
	}
	path := rootdir.ProcPath(fd)
	for _, l := range []struct {
		name string
		list acl
	}{{aclAccess, i.access}, {aclDefault, i.inherited}} {
		if l.list == nil || l.name == aclDefault && format != unix.S_IFDIR {
			continue
		}
		// The list before this one has perhaps changed the mode.
		var now unix.Stat_t
		err := unix.Fstat(fd, &now)
		list := slices.Clone(l.list)
		if err == nil && i.force {
			var old acl
			if old, err = readACL(path, l.name); err == nil {
				if l.name == aclAccess {
					old = old.based(now.Mode)
				}
				list = old.with(l.list).masked()
			}
		}
		if err == nil {
			err = unix.Setxattr(path, l.name, list.based(now.Mode).bytes(), 0)
		}
		if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
			return nil
		}
		if err != nil {
			return sayf(err, "ACL operation on \"%s\" failed", p)
		}
	}
	return nil
}
