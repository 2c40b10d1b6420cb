package track

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise"
)

// alien is a main process that is no child of ours.
type alien struct {
	pid   int
	start uint64 // 0: not known
}

// Main answers a supervise.AskMain. control is the unit's control process, 0 if it has none: that is never the main one.
func (t *Tracker) Main(q supervise.AskMain, control int) supervise.MainAnswer {
	a := supervise.MainAnswer{Unit: q.Unit, Query: q.Query}
	left, empty := t.Left(q.Unit)
	a.Empty = empty
	switch {
	case q.PIDFile != "":
		pid, err := t.readPIDFile(q.PIDFile, q.Unit, control)
		if err != nil {
			a.Problem = err.Error()
			var unfit unfitPIDFile
			if a.Opened = errors.As(err, &unfit); a.Opened {
				a.Refused = unfit.refused
			}
			break
		}
		a.PID = pid
	case q.Guess:
		a.PID = t.guess(left, control)
	}
	if a.PID != 0 {
		f := t.family(q.Unit)
		s, _ := t.proc.stat(a.PID)
		_, known := t.known.Load(a.PID)
		if a.Ours = known || s.parent == t.self; !a.Ours {
			f.alien = alien{a.PID, s.start}
		}
	}
	return a
}

// guess is the only child of the manager among the processes, 0 if there is none or more than one (unit_search_main_pid in
// src/core/unit.c).
func (t *Tracker) guess(left []Process, control int) int {
	found := 0
	for _, p := range left {
		if p.PPID != t.self || p.PID == control {
			continue
		}
		if found != 0 {
			return 0
		}
		found = p.PID
	}
	return found
}

// unfitPIDFile says what is wrong with a PID file that could be opened, in a sentence of its own.
type unfitPIDFile struct {
	text    string
	refused bool // it names a process that it may not name
}

func (e unfitPIDFile) Error() string { return e.text }

// readPIDFile is the process that a PID file names, if it may be the unit's main one (service_load_pid_file and
// service_is_suitable_main_pid in src/core/service.c). The texts are systemd's.
func (t *Tracker) readPIDFile(file, name string, control int) (int, error) {
	fd, safe, err := chase(file)
	if err != nil {
		return 0, sentence(err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	var buf [64]byte
	var n int
	if err := sys.Retry(func() (err error) { n, err = unix.Read(fd, buf[:]); return err }); err != nil {
		return 0, sentence(err)
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	pid, err := parsePID(line)
	if err != nil {
		return 0, unfitPIDFile{fmt.Sprintf("Failed to parse PID from file %s: %v", file, sentence(err)), false}
	}
	switch s, err := t.proc.stat(pid); {
	case pid == 1 || pid == t.self:
		return 0, unfitPIDFile{fmt.Sprintf("New main PID %d is the manager, refusing.", pid), false}
	case pid == control:
		return 0, unfitPIDFile{fmt.Sprintf("New main PID %d is the control process, refusing.", pid), false}
	case err != nil && (t.proc.dir >= 0 || gone(pid)), err == nil && s.ended():
		return 0, unfitPIDFile{fmt.Sprintf("New main PID %d does not exist or is a zombie.", pid), false}
	}
	if f := t.of(pid); f != nil && f == t.units[name] {
		return pid, nil
	}
	if !safe {
		return 0, unfitPIDFile{"Refusing to accept PID outside of service control group, acquired through unsafe symlink chain: " + file, true}
	}
	if st.Uid != 0 {
		return 0, unfitPIDFile{fmt.Sprintf("New main PID %d does not belong to service, and PID file is not owned by root. Refusing.", pid), true}
	}
	return pid, nil
}

// parsePID takes what strtoul(3) with base 0 does, as parse_pid in src/basic/process-util.c.
func parsePID(s string) (int, error) {
	s = strings.TrimLeft(s, " \t\r\n")
	digits := strings.TrimPrefix(s, "+")
	if strings.ContainsAny(digits, "_oObB") {
		return 0, unix.EINVAL
	}
	n, err := strconv.ParseUint(digits, 0, 64)
	switch {
	case err != nil && err.(*strconv.NumError).Err == strconv.ErrRange, err == nil && (n == 0 || n > 1<<31-1):
		return 0, unix.ERANGE
	case err != nil:
		return 0, unix.EINVAL
	}
	return int(n), nil
}

// sentence begins the text of an error number as the C library does.
func sentence(err error) error {
	text := err.Error()
	return errors.New(strings.ToUpper(text[:1]) + text[1:])
}

// chases bounds the symbolic links of one path (CHASE_SYMLINKS_MAX in src/basic/chase-symlinks.c).
const chases = 32

// chase opens a file for reading, without waiting for a writer. safe says that no step on the way leads from what belongs to one user to what
// belongs to another, other than from root's: a link that a user has laid leads nowhere but to the user's own (CHASE_SAFE in
// src/basic/chase-symlinks.c). The caller owns the descriptor.
func chase(file string) (fd int, safe bool, err error) {
	const flags = unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC
	dir, err := unix.Open("/", flags|unix.O_DIRECTORY, 0)
	if err != nil {
		return -1, false, err
	}
	defer func() { unix.Close(dir) }()
	var at unix.Stat_t
	if err := unix.Fstat(dir, &at); err != nil {
		return -1, false, err
	}
	safe = true
	todo, links := strings.Split(file, "/"), 0
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if name == "" || name == "." {
			continue
		}
		next, err := unix.Openat(dir, name, flags, 0)
		if err != nil {
			return -1, false, err
		}
		var st unix.Stat_t
		if err := unix.Fstat(next, &st); err != nil {
			unix.Close(next)
			return -1, false, err
		}
		safe = safe && (at.Uid == 0 || at.Uid == st.Uid)
		if st.Mode&unix.S_IFMT == unix.S_IFLNK {
			target, err := readlink(next)
			unix.Close(next)
			if links++; err != nil || links > chases {
				return -1, false, unix.ELOOP
			}
			todo = append(strings.Split(target, "/"), todo...)
			if path.IsAbs(target) {
				if next, err = unix.Open("/", flags|unix.O_DIRECTORY, 0); err != nil {
					return -1, false, err
				}
				unix.Close(dir)
				dir = next
				safe = safe && st.Uid == 0
				if err := unix.Fstat(dir, &at); err != nil {
					return -1, false, err
				}
			}
			continue
		}
		if len(todo) == 0 {
			defer unix.Close(next)
			return reopen(dir, name, st, safe)
		}
		unix.Close(dir)
		dir, at = next, st
	}
	return -1, false, unix.EISDIR
}

// reopen opens for reading what st is, which has just been found below dir. To open a device or a FIFO may have effects, so they are not.
func reopen(dir int, name string, st unix.Stat_t, safe bool) (int, bool, error) {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return -1, false, errors.New("it is no regular file")
	}
	var fd int
	err := sys.Retry(func() (err error) {
		fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, false, err
	}
	var now unix.Stat_t
	if err := unix.Fstat(fd, &now); err != nil || now.Ino != st.Ino || now.Dev != st.Dev {
		unix.Close(fd)
		return -1, false, fs.ErrNotExist // replaced just now: what replaced it is told by the watch
	}
	return fd, safe, nil
}

// readlink reads the symbolic link that fd is itself.
func readlink(fd int) (string, error) {
	var buf [unix.PathMax]byte
	n, err := unix.Readlinkat(fd, "", buf[:])
	return string(buf[:n]), err
}

// MainFacts are what supervise.Notified wants to know of a process that says to be the main one of a unit.
func (t *Tracker) MainFacts(pid int, name string) (alive, inUnit, ours bool) {
	s, err := t.proc.stat(pid)
	if err != nil || s.ended() {
		return false, false, false
	}
	f := t.of(pid)
	inUnit = f != nil && f == t.units[name]
	_, known := t.known.Load(pid)
	if ours = known || s.parent == t.self; !ours && inUnit {
		f.alien = alien{pid, s.start}
	}
	return true, inUnit, ours
}
