package rootdir

import (
	"strconv"
	"strings"
)

// Accounts are the users and groups of a root, from its /etc/passwd and /etc/group. Name services are not asked. root is there even without files.
type Accounts struct {
	Users, Groups map[string]uint32
}

// accountsMax is how long /etc/passwd and /etc/group may be.
const accountsMax = 16 << 20

// Accounts reads them; what cannot be read is empty.
func (r *Root) Accounts() *Accounts {
	return &Accounts{r.ids("/etc/passwd"), r.ids("/etc/group")}
}

// ids are the third fields by the first.
func (r *Root) ids(file string) map[string]uint32 {
	ids := map[string]uint32{}
	text, _ := r.ReadFile(file, accountsMax)
	for line := range strings.Lines(string(text)) {
		f := strings.SplitN(strings.TrimRight(line, "\n"), ":", 4)
		if len(f) < 4 {
			continue
		}
		if id, ok := ParseID(f[2]); ok {
			if _, ok := ids[f[0]]; !ok {
				ids[f[0]] = id
			}
		}
	}
	if _, ok := ids["root"]; !ok {
		ids["root"] = 0
	}
	return ids
}

// ParseID reads a user's or group's number. The numbers that mean "none" in 16 and 32 bits are none (uid_is_valid in src/basic/user-util.c).
func ParseID(s string) (uint32, bool) {
	if s == "" || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n != 0xffff && n != 0xffffffff
}

// find is an account's number, by number or name.
func find(ids map[string]uint32, s string) (uint32, bool) {
	if id, ok := ParseID(s); ok {
		return id, true
	}
	id, ok := ids[s]
	return id, ok
}

// User is a user's number, given by number or name.
func (a *Accounts) User(s string) (uint32, bool) { return find(a.Users, s) }

// Group is a group's number, given by number or name.
func (a *Accounts) Group(s string) (uint32, bool) { return find(a.Groups, s) }
