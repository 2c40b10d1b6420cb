package tmpfiles

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// item is a line.
type item struct {
	file string
	line int
	done operation

	kind    byte
	force   bool // "+"
	may     bool // "-": may fail
	replace bool // "="
	path    string
	arg     []byte // nil if there is none

	uid, gid             uint32
	uidSet, gidSet       bool
	uidNew, gidNew       bool // ":": only of what is made anew
	mode                 uint32
	modeSet, modeNew     bool
	masked               bool // "~" before the mode
	age                  string
	device               uint64
	attributes, attrMask uint32
	xattrs               [][2]string
	access, inherited    acl
}

// Types, by what becomes of their path (needs_glob, takes_ownership).
const (
	allTypes   = "fFdDvqQpLcbCwexXrRzZmtTaAhH"
	globTypes  = "wxXrRemzZtTaAhH"
	ownerTypes = "fFdeDvqQpLcbCwxXrR"
)

func (i *item) globs() bool { return strings.IndexByte(globTypes, i.kind) >= 0 }
func (i *item) owns() bool  { return strings.IndexByte(ownerTypes, i.kind) >= 0 }

// compatible tells whether two lines for one path can both stand (item_compatible).
func (i *item) compatible(o *item) bool {
	if !i.owns() || !o.owns() {
		return true
	}
	return bytes.Equal(i.arg, o.arg) && i.uidSet == o.uidSet && i.uid == o.uid && i.uidNew == o.uidNew && i.gidSet == o.gidSet && i.gid == o.gid && i.gidNew == o.gidNew &&
		i.modeSet == o.modeSet && i.mode == o.mode && i.modeNew == o.modeNew && i.masked == o.masked && i.age == o.age && i.device == o.device
}

func (e *engine) invalid(format string, args ...any) {
	e.tell(unit.Error, true, fmt.Sprintf(format, args...))
}

func (e *engine) notice(format string, args ...any) {
	e.tell(unit.Notice, false, fmt.Sprintf(format, args...))
}

func none(s string) bool { return s == "" || s == "-" }

// parseLine reads a line; false if it is of no use, which has been said if it should be.
func (e *engine) parseLine(i *item, line string) bool {
	var fields [6]string
	rest, n := line, 0
	for ; n < len(fields); n++ {
		w, r, ok, err := rootdir.Word(rest)
		if err != nil {
			e.invalid("Failed to parse line: %v", err)
			return false
		}
		if !ok {
			break
		}
		fields[n], rest = w, r
	}
	if n < 2 {
		e.invalid("Syntax error.")
		return false
	}
	if n < len(fields) {
		rest = ""
	}
	if !none(rest) {
		i.arg = []byte(rest)
	}
	action := fields[0]
	if action == "" {
		e.invalid("Command too short '%s'.", action)
		return false
	}
	i.kind = action[0]
	boot, decode, credential := false, false, false
	for _, m := range action[1:] {
		flag := map[rune]*bool{'!': &boot, '+': &i.force, '-': &i.may, '=': &i.replace, '~': &decode, '^': &credential}[m]
		if flag == nil || *flag {
			e.invalid("Unknown modifiers in command '%s'", action)
			return false
		}
		*flag = true
	}
	if boot && !e.Boot {
		return false
	}
	if !e.parsePath(i, fields[1]) || !e.checkArgument(i, decode) || !e.included(i.path) {
		return false
	}
	if !decode && !e.expandArgument(i) {
		return false
	}
	if !e.defaultArgument(i) || credential && !e.fromCredential(i) {
		return false
	}
	if decode && i.arg != nil {
		data, err := base64.StdEncoding.DecodeString(string(i.arg))
		if err != nil {
			e.invalid("Failed to base64 decode specified argument '%s'", i.arg)
			return false
		}
		i.arg = data
	}
	return e.parseOwner(i, fields[3], fields[4]) && e.parseMode(i, fields[2]) && e.parseAge(i, fields[5])
}

// expanded resolves specifiers. What this root does not say makes the line useless without a word: an image that is not set up yet is no error.
func (e *engine) expanded(what, s string) (string, bool) {
	v, err := rootdir.Expand(s, &e.Host)
	if err != nil && err != rootdir.ErrUnknown {
		e.invalid("Failed to replace specifiers in %s'%s': %v", what, s, err)
	}
	return v, err == nil
}

func (e *engine) parsePath(i *item, s string) bool {
	s, ok := e.expanded("", s)
	if !ok {
		return false
	}
	if below, ok := strings.CutPrefix(s, "/var/run/"); ok && strings.Trim(below, "/") != "" {
		e.notice("Line references path below legacy directory /var/run/, updating %s -> /run/%s; please update the tmpfiles.d/ drop-in file accordingly.", s, below)
		s = "/run/" + below
	}
	if !strings.HasPrefix(s, "/") {
		e.invalid("Path '%s' not absolute.", s)
		return false
	}
	if len(s) >= unix.PathMax {
		e.invalid("Path is too long.")
		return false
	}
	// Only "//", "/./" and what follows the last "/" go: ".." is refused where it is used.
	var parts []string
	for p := range strings.SplitSeq(s, "/") {
		if p != "" && p != "." {
			parts = append(parts, p)
		}
	}
	i.path = "/" + strings.Join(parts, "/")
	return true
}

// checkArgument is what each type has to say of its argument.
func (e *engine) checkArgument(i *item, decode bool) bool {
	required := func(what string) bool {
		if i.arg == nil {
			e.invalid("%s requires argument.", what)
		}
		return i.arg != nil
	}
	if what := map[byte]string{'L': "symlink targets", 'C': "copy sources", 'c': "device node creation", 'b': "device node creation", 't': "extended attributes", 'T': "extended attributes",
		'a': "ACLs", 'A': "ACLs", 'h': "file attributes", 'H': "file attributes"}[i.kind]; decode && what != "" {
		e.invalid("base64 decoding not supported for %s.", what)
		return false
	}
	switch i.kind {
	case 'd', 'v', 'q', 'Q', 'e', 'D', 'p', 'x', 'X', 'r', 'R', 'm', 'z', 'Z':
		if i.arg != nil {
			e.tell(unit.Warning, false, fmt.Sprintf("%c lines don't take argument fields, ignoring.", i.kind))
		}
	case 'f', 'F', 'L', 'C':
	case 'w':
		return required("Write file")
	case 'c', 'b':
		if !required("Device file") {
			return false
		}
		major, minor, ok := strings.Cut(string(i.arg), ":")
		ma, err1 := strconv.ParseUint(major, 10, 12)
		mi, err2 := strconv.ParseUint(minor, 10, 20)
		if !ok || err1 != nil || err2 != nil {
			e.invalid("Can't parse device file major/minor '%s'.", i.arg)
			return false
		}
		i.device = unix.Mkdev(uint32(ma), uint32(mi))
	case 't', 'T':
		return required("Set extended attribute") && e.parseXattrs(i)
	case 'a', 'A':
		return required("Set ACLs") && e.parseACLs(i)
	case 'h', 'H':
		return required("Set file attribute") && e.parseAttributes(i)
	default:
		e.invalid("Unknown command type '%c'.", i.kind)
		return false
	}
	return true
}

func (e *engine) expandArgument(i *item) bool {
	if i.arg == nil || strings.IndexByte("CLfFw", i.kind) < 0 {
		return true
	}
	s, err := rootdir.Unescape(string(i.arg))
	if err != nil {
		e.invalid("Failed to unescape parameter to write: %s", i.arg)
		return false
	}
	s, ok := e.expanded("argument ", s)
	i.arg = []byte(s)
	return ok
}

// defaultArgument: links and copies are of /usr/share/factory if nothing else is said.
func (e *engine) defaultArgument(i *item) bool {
	if i.kind != 'L' && i.kind != 'C' {
		return true
	}
	if i.arg == nil {
		i.arg = []byte("/usr/share/factory" + i.path)
	}
	if i.kind == 'L' {
		return true
	}
	if !strings.HasPrefix(string(i.arg), "/") {
		e.invalid("Source path '%s' is not absolute.", i.arg)
		return false
	}
	i.arg = []byte(path.Clean(string(i.arg)))
	fd, err := e.Walk(string(i.arg), rootdir.NoFollow)
	if err == nil {
		unix.Close(fd)
	}
	return err != unix.ENOENT // nothing to copy is no error
}

const credentialMax = 1 << 20

func readCredential(dir, name string) ([]byte, error) {
	r, err := rootdir.Open(dir)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.ReadFile("/"+name, credentialMax)
}

func (e *engine) fromCredential(i *item) bool {
	name := string(i.arg)
	if name == "" {
		e.invalid("Reading from credential requested, but no credential name specified.")
		return false
	}
	if name != filepath.Base(name) || name == "." || name == ".." {
		e.invalid("Credential name not valid: %s", name)
		return false
	}
	if e.Credentials == "" {
		return false
	}
	data, err := readCredential(e.Credentials, name)
	if err != nil {
		if !os.IsNotExist(err) {
			e.tell(unit.Error, false, fmt.Sprintf("Failed to read credential '%s': %s", name, because(err)))
		}
		return false
	}
	i.arg = data
	return true
}

func (e *engine) included(p string) bool {
	within := func(list []string) bool {
		for _, dir := range list {
			dir = path.Clean(dir)
			if p == dir || dir == "/" || strings.HasPrefix(p, dir+"/") {
				return true
			}
		}
		return false
	}
	return !within(e.Exclude) && (e.Prefixes == nil || within(e.Prefixes))
}

func (e *engine) parseOwner(i *item, user, group string) bool {
	var ok bool
	if !none(user) {
		user, i.uidNew = strings.CutPrefix(user, ":")
		if i.uid, ok = e.accounts.User(user); !ok {
			e.invalid("Failed to resolve user '%s': No such process", user)
			return false
		}
		i.uidSet = true
	}
	if !none(group) {
		group, i.gidNew = strings.CutPrefix(group, ":")
		if i.gid, ok = e.accounts.Group(group); !ok {
			e.invalid("Failed to resolve group '%s'.", group)
			return false
		}
		i.gidSet = true
	}
	return true
}

func (e *engine) parseMode(i *item, s string) bool {
	if none(s) {
		i.mode = 0o644
		if strings.IndexByte("dDvqQ", i.kind) >= 0 {
			i.mode = 0o755
		}
		return true
	}
	digits := strings.TrimLeft(s, "~:")
	i.masked = strings.Contains(s[:len(s)-len(digits)], "~")
	i.modeNew = strings.Contains(s[:len(s)-len(digits)], ":")
	m, err := strconv.ParseUint(digits, 8, 32)
	if err != nil || m > 0o7777 {
		e.invalid("Invalid mode '%s'.", s)
		return false
	}
	i.mode, i.modeSet = uint32(m), true
	return true
}

// parseAge checks an age: "~", then perhaps which times count, then a time span.
func (e *engine) parseAge(i *item, s string) bool {
	if none(s) {
		return true
	}
	span := strings.TrimPrefix(s, "~")
	if by, age, ok := strings.Cut(span, ":"); ok {
		if strings.Trim(by, " abcmABCM") != "" || strings.Trim(by, " ") == "" {
			e.invalid("Invalid age-by '%s'.", by)
			return false
		}
		span = age
	}
	if _, err := calendar.ParseSec(span); err != nil {
		e.invalid("Invalid age '%s'.", span)
		return false
	}
	i.age = s
	return true
}
