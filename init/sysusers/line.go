package sysusers

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/unit"
)

// item is a "u" or a "g" line.
type item struct {
	user        bool
	name        string
	group       string // of a user, by name
	idPath      string // whose file's owner gives the number
	description string
	home, shell string
	locked      bool // "u!"

	uid, gid       uint32
	uidSet, gidSet bool
	strict         bool // the group must exist
	newUser        bool
	newGroup       bool
}

// equivalent tells whether two lines say the same (item_equivalent, but for shells that are one by way of links).
func (i *item) equivalent(o *item) bool {
	return i.user == o.user && i.idPath == o.idPath && i.description == o.description && i.home == o.home && i.locked == o.locked &&
		i.uidSet == o.uidSet && (!i.uidSet || i.uid == o.uid) && i.gidSet == o.gidSet && (!i.gidSet || i.gid == o.gid) &&
		(i.shell == o.shell || noLogin(i) && noLogin(o))
}

// noLogin tells whether a user's shell is one that lets nobody in (is_nologin_shell).
func noLogin(i *item) bool {
	switch i.shell {
	case "":
		return !(i.uidSet && i.uid == 0)
	case "/bin/nologin", "/sbin/nologin", "/usr/sbin/nologin", "/bin/false", "/usr/bin/false", "/bin/true", "/usr/bin/true":
		return true
	}
	return false
}

func (e *engine) parseLine(line string) {
	var f [6]string
	rest, n := line, 0
	for ; n < len(f); n++ {
		w, r, ok, err := rootdir.Word(rest)
		if err != nil {
			e.invalid("Syntax error.")
			return
		}
		if !ok {
			break
		}
		f[n], rest = w, r
	}
	action, locked := strings.CutSuffix(f[0], "!")
	switch {
	case n < 2:
		e.invalid("Missing action and name columns.")
		return
	case n == len(f) && rest != "":
		e.invalid("Trailing garbage.")
		return
	case len(action) != 1 || locked && action != "u":
		e.invalid("Unknown modifier '%s'.", f[0])
		return
	case !strings.Contains("ugmr", action):
		e.invalid("Unknown command type '%s'.", action)
		return
	}
	for k := 1; k < len(f); k++ {
		if f[k] == "-" {
			f[k] = ""
		}
		v, err := rootdir.Expand(f[k], &e.Host)
		if err != nil {
			e.invalid("Failed to replace specifiers in '%s': %v", f[k], err)
			return
		}
		f[k] = v
	}
	name, id := f[1], f[2]
	i := &item{user: action == "u", name: name, description: f[3], home: simplify(f[4]), shell: simplify(f[5]), locked: locked}
	switch {
	case name != "" && !validName(name):
		e.invalid("'%s' is not a valid user or group name.", name)
	case i.description != "" && !validText(i.description):
		e.invalid("'%s' is not a valid GECOS field.", i.description)
	case i.home != "" && !validPath(i.home):
		e.invalid("'%s' is not a valid home directory field.", i.home)
	case i.shell != "" && !validPath(i.shell):
		e.invalid("'%s' is not a valid login shell field.", i.shell)
	case action == "r" && name != "":
		e.invalid("Lines of type 'r' don't take a name field.")
	case action == "r" && id == "":
		e.invalid("Lines of type 'r' require an ID range in the third field.")
	case action != "r" && name == "":
		e.invalid("Lines of type '%s' require a user name in the second field.", action)
	case action == "m" && id == "":
		e.invalid("Lines of type 'm' require a group name in the third field.")
	case action == "m" && !validName(id):
		e.invalid("'%s' is not a valid user or group name.", id)
	case action != "u" && i.description != "":
		e.invalid("Lines of type '%s' don't take a GECOS field.", action)
	case action != "u" && i.home != "":
		e.invalid("Lines of type '%s' don't take a home directory field.", action)
	case action != "u" && i.shell != "":
		e.invalid("Lines of type '%s' don't take a login shell field.", action)
	case action == "r":
		if !e.ranges.add(id) {
			e.invalid("Invalid UID range %s.", id)
		}
	case action == "m":
		e.members.add(id, name)
	case e.parseID(i, id):
		e.addItem(i)
	}
}

// parseID reads "UID", "UID:GID", "UID:group", "-:…", or the path of a file whose owner it is to be.
func (e *engine) parseID(i *item, id string) bool {
	var ok bool
	switch {
	case id == "":
		return true
	case id[0] == '/':
		i.idPath = simplify(id)
		return true
	case !i.user:
		if i.gid, ok = rootdir.ParseID(id); !ok {
			e.invalid("Failed to parse GID: '%s': Invalid argument", id)
		}
		i.gidSet = ok
		return ok
	}
	uid, gid, pair := strings.Cut(id, ":")
	if pair {
		if i.gid, ok = rootdir.ParseID(gid); ok {
			i.gidSet, i.strict = true, true
		} else if validName(gid) {
			i.group = gid
		} else {
			e.invalid("Failed to parse GID: '%s': Invalid argument", id)
			return false
		}
	}
	if uid == "-" {
		return true
	}
	if i.uid, ok = rootdir.ParseID(uid); !ok {
		e.invalid("Failed to parse UID: '%s': Invalid argument", id)
	}
	i.uidSet = ok
	return ok
}

func (e *engine) addItem(i *item) {
	l, what := &e.groups, "group"
	if i.user {
		l, what = &e.users, "user"
	}
	if have := l.byName[i.name]; have != nil {
		if !have.equivalent(i) {
			e.tell(unit.Warning, "Conflict with earlier configuration for %s '%s', ignoring line.", what, i.name)
		}
		return
	}
	l.add(i)
}

// implicit are the users and groups that "m" lines name, and no other (add_implicit).
func (e *engine) implicit() {
	for _, g := range e.members.groups {
		for _, m := range e.members.members[g] {
			if e.users.byName[m] == nil {
				e.users.add(&item{user: true, name: m})
			}
		}
		if e.users.byName[g] == nil && e.groups.byName[g] == nil {
			e.groups.add(&item{name: g})
		}
	}
}

// simplify takes "//", "/./" and "/" at the end out of a path; ".." stays to be refused.
func simplify(p string) string {
	if p == "" || p[0] != '/' {
		return p
	}
	var parts []string
	for s := range strings.SplitSeq(p, "/") {
		if s != "" && s != "." {
			parts = append(parts, s)
		}
	}
	return "/" + strings.Join(parts, "/")
}

// validName is a name that all programs accept (valid_user_group_name): at most 31 bytes, as utmp(5) has room for.
func validName(s string) bool {
	for i, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) <= 31
}

// validText can be a field of /etc/passwd.
func validText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == ':' })
}

func validPath(s string) bool {
	return validText(s) && s[0] == '/' && path.Clean(s) == s && len(s) < unix.PathMax
}

// ranges are the numbers to share out, apart from each other and sorted.
type ranges []span

type span struct{ first, last uint32 }

// add takes "NUMBER" or "FIRST-LAST".
func (r *ranges) add(s string) bool {
	a, b, two := strings.Cut(s, "-")
	if !two {
		b = a
	}
	first, ok1 := rootdir.ParseID(strings.TrimSpace(a))
	last, ok2 := rootdir.ParseID(strings.TrimSpace(b))
	if !ok1 || !ok2 || first > last {
		return false
	}
	*r = append(*r, span{first, last})
	slices.SortFunc(*r, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	return true
}

func (r ranges) contains(id uint32) bool {
	return slices.ContainsFunc(r, func(s span) bool { return id >= s.first && id <= s.last })
}

// below is the greatest number below id.
func (r ranges) below(id uint64) (uint32, bool) {
	best, ok := uint32(0), false
	for _, s := range r {
		if uint64(s.first) >= id {
			continue
		}
		if n := min(uint64(s.last), id-1); !ok || n > uint64(best) {
			best, ok = uint32(n), true
		}
	}
	return best, ok
}

// System accounts where login.defs(5) says nothing.
const (
	systemMin = 100
	systemMax = 999
)

// defaultRange is that of /etc/login.defs, within systemd's.
func (e *engine) defaultRange() {
	first, last := uint32(systemMin), uint32(systemMax)
	text, _ := e.ReadFile("/etc/login.defs", fileMax)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		n, err := strconv.ParseUint(f[1], 10, 32)
		if err != nil {
			continue
		}
		switch f[0] {
		case "SYS_UID_MIN":
			first = uint32(n)
		case "SYS_UID_MAX", "SYS_GID_MAX":
			last = min(last, uint32(n))
		}
	}
	if first < last {
		e.ranges = ranges{{first, last}}
	}
}
