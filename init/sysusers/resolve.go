package sysusers

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/unit"
)

// database is what /etc/passwd and /etc/group say: the first entry of a name, and of a number, counts.
type database struct {
	userIDs, groupIDs map[string]uint32
	byUID, byGID      map[uint32]string
	groupMembers      map[string][]string
}

func (e *engine) load() {
	e.database = database{map[string]uint32{}, map[string]uint32{}, map[uint32]string{}, map[uint32]string{}, map[string][]string{}}
	read := func(file string, ids map[string]uint32, names map[uint32]string) {
		text, _ := e.ReadFile(file, fileMax)
		for line := range strings.Lines(string(text)) {
			f := strings.Split(strings.TrimRight(line, "\n"), ":")
			if len(f) < 4 || f[0] == "" {
				continue
			}
			id, ok := rootdir.ParseID(f[2])
			if !ok {
				continue
			}
			if _, ok := ids[f[0]]; !ok {
				ids[f[0]] = id
			}
			if _, ok := names[id]; !ok {
				names[id] = f[0]
			}
			if file == "/etc/group" {
				e.groupMembers[f[0]] = list(f[3])
			}
		}
	}
	read("/etc/passwd", e.userIDs, e.byUID)
	read("/etc/group", e.groupIDs, e.byGID)
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// resolve gives numbers to what is new, and tells whether anything is to be written.
func (e *engine) resolve() bool {
	e.load()
	e.newUsers, e.newGroups, e.searching = nil, nil, false
	// What is found out now is forgotten if all is looked at again.
	users, groups := e.users, e.groups
	e.users, e.groups = users.copy(), groups.copy()
	for _, i := range e.groups.order {
		e.addGroup(i)
	}
	for _, i := range e.users.order {
		e.processUser(i)
	}
	e.users, e.groups = users, groups
	return len(e.newUsers) > 0 || len(e.newGroups) > 0 || e.newMembers()
}

// newMembers tells whether a group that exists lacks a member.
func (e *engine) newMembers() bool {
	for _, g := range e.members.groups {
		for _, m := range e.members.members[g] {
			if have, ok := e.groupMembers[g]; ok && !slices.Contains(have, m) {
				return true
			}
		}
	}
	return false
}

// processUser finds a user's group first (process_item).
func (e *engine) processUser(i *item) {
	var queued *item
	if !i.gidSet {
		name := i.group
		if name == "" {
			name = i.name
		}
		if queued = e.groups.byName[name]; queued == nil && i.group != "" {
			queued = e.users.byName[i.group]
		}
	}
	switch {
	case queued != nil && queued.newGroup:
		i.gidSet, i.gid, i.strict = queued.gidSet, queued.gid, true
	case i.group != "":
		gid, ok := e.groupIDs[i.group]
		if !ok {
			e.tell(unit.Error, "Group %s not found.", i.group)
			return
		}
		i.gidSet, i.gid, i.strict = true, gid, true
	default:
		if !e.addGroup(i) {
			return
		}
	}
	e.addUser(i)
}

// addGroup sees that a group is there or will be (add_group).
func (e *engine) addGroup(i *item) bool {
	if gid, ok := e.groupIDs[i.name]; ok {
		i.gid, i.gidSet = gid, true
		return true
	}
	if i.gidSet {
		free := e.freeGID(i.gid, false)
		if i.strict {
			if free {
				e.tell(unit.Error, "Failed to create %s: please create GID %d", i.name, i.gid)
			}
			return !free
		}
		if !free {
			e.tell(unit.Notice, "Suggested group ID %d for %s already used.", i.gid, i.name)
			i.gidSet = false
		}
	}
	if !i.gidSet && i.uidSet && e.freeGID(i.uid, true) {
		i.gid, i.gidSet = i.uid, true
	}
	if !i.gidSet {
		if _, gid, ok := e.owner(i.idPath); ok && gid > 0 && e.ranges.contains(gid) && e.freeGID(gid, true) {
			i.gid, i.gidSet = gid, true
		}
	}
	if !i.gidSet {
		gid, ok := e.next(func(id uint32) bool { return e.freeGID(id, true) })
		if !ok {
			e.tell(unit.Error, "No free group ID available for %s.", i.name)
			return false
		}
		i.gid, i.gidSet = gid, true
	}
	if slices.ContainsFunc(e.newGroups, func(o *item) bool { return o.gid == i.gid }) {
		e.tell(unit.Error, "Requested group %s with GID %d to be created is duplicated or conflicts with another user.", i.name, i.gid)
		return false
	}
	i.newGroup = true
	e.newGroups = append(e.newGroups, i)
	e.tell(unit.Notice, "Creating group '%s' with GID %d.", i.name, i.gid)
	return true
}

// addUser sees that a user is there or will be (add_user).
func (e *engine) addUser(i *item) {
	if uid, ok := e.userIDs[i.name]; ok {
		i.uid, i.uidSet = uid, true
		return
	}
	if i.uidSet && !e.freeUID(i.uid, i.name, !i.strict) {
		e.tell(unit.Notice, "Suggested user ID %d for %s already used.", i.uid, i.name)
		i.uidSet = false
	}
	if !i.uidSet {
		if uid, _, ok := e.owner(i.idPath); ok && uid > 0 && e.ranges.contains(uid) && e.freeUID(uid, i.name, true) {
			i.uid, i.uidSet = uid, true
		}
	}
	if !i.uidSet && i.gidSet && e.freeUID(i.gid, i.name, true) {
		i.uid, i.uidSet = i.gid, true
	}
	if !i.uidSet {
		uid, ok := e.next(func(id uint32) bool { return e.freeUID(id, i.name, true) })
		if !ok {
			e.tell(unit.Error, "No free user ID available for %s.", i.name)
			return
		}
		i.uid, i.uidSet = uid, true
	}
	if slices.ContainsFunc(e.newUsers, func(o *item) bool { return o.uid == i.uid }) {
		e.tell(unit.Error, "Requested user %s with UID %d and gid %d to be created is duplicated or conflicts with another user.", i.name, i.uid, i.gid)
		return
	}
	i.newUser = true
	e.newUsers = append(e.newUsers, i)
	description := i.description
	if description == "" {
		description = "n/a"
	}
	e.tell(unit.Notice, "Creating user '%s' (%s) with UID %d and GID %d.", i.name, description, i.uid, i.gid)
}

// next is the next number of the ranges that will do.
func (e *engine) next(good func(uint32) bool) (uint32, bool) {
	from := uint64(1) << 32
	if e.searching {
		from = uint64(e.search)
	}
	for {
		id, ok := e.ranges.below(from)
		if !ok {
			return 0, false
		}
		e.search, e.searching = id, true
		if good(id) {
			return id, true
		}
		from = uint64(id)
	}
}

// freeUID tells whether a number is no user's, and no other's group's.
func (e *engine) freeUID(uid uint32, name string, groupsToo bool) bool {
	if slices.ContainsFunc(e.newUsers, func(o *item) bool { return o.uid == uid }) {
		return false
	}
	if _, ok := e.byUID[uid]; ok {
		return false
	}
	if !groupsToo {
		return true
	}
	if slices.ContainsFunc(e.newGroups, func(o *item) bool { return o.gid == uid && o.name != name }) {
		return false
	}
	other, ok := e.byGID[uid]
	return !ok || other == name
}

// freeGID tells whether a number is no group's, and no user's.
func (e *engine) freeGID(gid uint32, usersToo bool) bool {
	if slices.ContainsFunc(e.newGroups, func(o *item) bool { return o.gid == gid }) {
		return false
	}
	if _, ok := e.byGID[gid]; ok {
		return false
	}
	if !usersToo {
		return true
	}
	if slices.ContainsFunc(e.newUsers, func(o *item) bool { return o.uid == gid }) {
		return false
	}
	_, ok := e.byUID[gid]
	return !ok
}

// owner is whose a file is.
func (e *engine) owner(p string) (uid, gid uint32, ok bool) {
	if p == "" {
		return 0, 0, false
	}
	fd, err := e.Walk(p, 0)
	if err != nil {
		return 0, 0, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, 0, false
	}
	return st.Uid, st.Gid, true
}
