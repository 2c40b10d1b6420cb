// Package sysusers makes the users and groups that sysusers.d(5) asks for, in place of systemd-sysusers.
//
// # Words
//
// A line asks for a user ("u"), a group ("g"), a membership ("m") or a range of numbers ("r"). The database is what /etc/passwd and /etc/group say; a
// user or group is new if it is not in there. Numbers are shared out downwards from the top of the ranges, one for users and groups alike.
//
// # Laws
//
//   - What exists stays as it is; only members are added to groups. Lines that were there are kept byte by byte.
//   - Nothing is written, not even the lock file, if there is nothing to add: a read-only root that has all it needs is no error.
//   - Else the lock of lckpwdf(3) is taken, the database read anew, and each of group, gshadow, passwd and shadow replaced at once by a file with the same
//     mode and owner; the old one becomes "passwd-" and so on. What is a mount point, as an engine's own /etc/passwd, is written in place.
//   - Of two lines for one name the first counts; another one is remarked upon unless it says the same.
//   - Entries of NIS, with "+" or "-", stay last.
//
// # What is not done
//
// Name services are not asked: only files count. A password in plain text (credential passwd.plaintext-password.NAME) is not
// hashed, and remarked upon.
//
// # Sources
//
// sysusers.d(5), systemd-sysusers(8), and src/sysusers/sysusers.c of systemd 252; "u!" is of systemd 257.
package sysusers

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/rootdir"
	"keelson/supervise/unit"
)

// Options are those of systemd-sysusers(8).
type Options struct {
	Host        unit.Host
	Credentials string        // a folder with passwd.shell.NAME, passwd.hashed-password.NAME and sysusers.extra; outside the root, "" for none
	Files       []string      // drop-ins by path or name; nil for all that there are
	Now         time.Time     // when passwords were changed; the zero time for now
	Wait        time.Duration // for the lock, which somebody else may hold; lckpwdf(3) waits 15 s
}

const kind = "sysusers.d"

// Limits of what is read.
const (
	fileMax = 16 << 20
	lineMax = 1 << 20
)

// engine is one run of Apply.
type engine struct {
	*rootdir.Root
	Options
	users, groups items
	members       memberships
	ranges        ranges
	list          []rootdir.Diagnostic
	file          string // of the line that is read
	line          int

	database
	newUsers, newGroups []*item
	search              uint32 // the number that was given last
	searching           bool
}

// items are lines by name, in their order.
type items struct {
	order  []*item
	byName map[string]*item
}

func (l *items) add(i *item) {
	if l.byName == nil {
		l.byName = map[string]*item{}
	}
	l.byName[i.name] = i
	l.order = append(l.order, i)
}

func (l *items) copy() items {
	var fresh items
	for _, i := range l.order {
		o := *i
		fresh.add(&o)
	}
	return fresh
}

// memberships are the new members of groups.
type memberships struct {
	groups  []string
	members map[string][]string
}

func (m *memberships) add(group, user string) {
	if m.members == nil {
		m.members = map[string][]string{}
	}
	if _, ok := m.members[group]; !ok {
		m.groups = append(m.groups, group)
	}
	m.members[group] = append(m.members[group], user)
}

// Apply carries out the drop-ins of a root directory, "" for "/". What it makes is told as notices.
func Apply(root string, o Options) []rootdir.Diagnostic {
	r, err := rootdir.Open(root)
	if err != nil {
		return []rootdir.Diagnostic{{Text: err.Error()}}
	}
	defer r.Close()
	e := &engine{Root: r, Options: o}
	e.read()
	e.implicit()
	if e.ranges == nil {
		e.defaultRange()
	}
	told := len(e.list)
	if !e.resolve() {
		return e.list
	}
	etc, unlock, err := e.lock()
	if err != nil {
		e.tell(unit.Error, "Failed to take /etc/passwd lock: %s", because(err))
		return e.list
	}
	defer unlock()
	e.list = e.list[:told] // somebody may have been faster: all is looked at again
	if e.resolve() {
		if err := e.write(etc); err != nil {
			e.tell(unit.Error, "%s", err.Error())
		}
	}
	return e.list
}

// read parses the drop-ins.
func (e *engine) read() {
	files := e.Files
	if files == nil {
		files = e.DropIns(kind)
	}
	for _, name := range files {
		p, err := e.FindDropIn(kind, name)
		if err != nil {
			e.tell(unit.Error, "Failed to open '%s': No such file or directory", name)
			continue
		}
		text, err := e.ReadFile(p, fileMax)
		if e.file = p; err != nil {
			e.tell(unit.Error, "Failed to read: %s", because(err))
			continue
		}
		e.parse(string(text))
	}
	if text, err := e.credential("sysusers.extra"); err == nil {
		e.file = path.Join(e.Credentials, "sysusers.extra")
		e.parse(text)
	}
	e.file, e.line = "", 0
}

func (e *engine) parse(text string) {
	e.line = 0
	for line := range strings.Lines(text) {
		e.line++
		line = strings.Trim(line, " \t\n\r")
		switch {
		case line == "" || line[0] == '#':
		case len(line) > lineMax:
			e.invalid("Line is too long.")
		default:
			e.parseLine(line)
		}
	}
	e.line = 0
}

func (e *engine) credential(name string) (string, error) {
	if e.Credentials == "" {
		return "", unix.ENOENT
	}
	r, err := rootdir.Open(e.Credentials)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := r.ReadFile("/"+name, lineMax)
	return string(b), err
}

func (e *engine) tell(s unit.Severity, format string, args ...any) {
	e.list = append(e.list, rootdir.Diagnostic{Severity: s, File: e.file, Line: e.line, Text: fmt.Sprintf(format, args...)})
}

func (e *engine) invalid(format string, args ...any) {
	e.tell(unit.Error, format, args...)
	e.list[len(e.list)-1].Invalid = true
}

// because is why a system call failed, as strerror(3) has it.
func because(err error) string {
	var errno unix.Errno
	if errors.As(err, &errno) {
		s := errno.Error()
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return err.Error()
}

const lockFile = ".pwd.lock"

// lockPoll is how often the lock is tried: the kernel has no event for one that becomes free, and to be stopped in fcntl(2) would be for good.
const lockPoll = 20 * time.Millisecond

// lock opens /etc, and takes the lock that passwd(1) and its kin take (lckpwdf(3)).
func (e *engine) lock() (etc int, unlock func(), err error) {
	if etc, err = e.Walk("/etc", rootdir.Make); err != nil {
		return -1, nil, err
	}
	fd, err := unix.Openat(etc, lockFile, unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		unix.Close(etc)
		return -1, nil, err
	}
	deadline := time.Now().Add(e.Wait)
	for {
		err = unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
		if err != unix.EAGAIN && err != unix.EACCES && err != unix.EINTR || time.Now().After(deadline) {
			break
		}
		time.Sleep(lockPoll)
	}
	if err != nil {
		unix.Close(fd)
		unix.Close(etc)
		return -1, nil, err
	}
	return etc, func() { unix.Close(fd); unix.Close(etc) }, nil
}
