package spawn

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"keelson/init/early"
)

// Keep is an id, or a umask, that a Context leaves as it is.
const Keep = -1

// Limit is a resource limit; the values are in setrlimit(2)'s units, unix.RLIM_INFINITY for none.
type Limit struct {
	Resource   int // unix.RLIMIT_…
	Soft, Hard uint64
}

// Context is what a process is to be when it executes its program. The zero value of the ids is root: use NewContext.
type Context struct {
	Signals  early.State
	Session  bool  // of its own (setsid(2))
	Files    []int // descriptor i of the program is Files[i] of the caller; nil: as inherited. With Files all others are closed on exec
	Limits   []Limit
	Umask    int    // or Keep
	Groups   []int  // supplementary; nil: as inherited
	UID, GID int    // or Keep
	Dir      string // "" for the caller's
	Env      []string
	PidNames []string // environment variables that are to hold the process's own pid, such as LISTEN_PID
	Path     string
	Argv     []string
}

// NewContext is a context that changes nothing.
func NewContext(path string, argv, env []string) Context {
	return Context{Umask: Keep, UID: Keep, GID: Keep, Path: path, Argv: argv, Env: env}
}

// List compiles the context. The order is systemd's (src/core/execute.c, exec_child), where one depends on the other: limits are
// raised and groups set while the ids still allow it, the directory is entered as the user, the mask is lifted last.
func (c Context) List() []Call {
	var list []Call
	if c.Session {
		list = append(list, call("setsid", unix.SYS_SETSID, "make a session"))
	}
	list = append(list, c.files(len(list))...)
	for _, l := range c.Limits {
		limit := make([]byte, 16)
		binary.NativeEndian.PutUint64(limit, l.Soft)
		binary.NativeEndian.PutUint64(limit[8:], l.Hard)
		list = append(list, call("prlimit64", unix.SYS_PRLIMIT64, "set a resource limit", Int(0), Word(uint64(l.Resource), limitName(l.Resource)),
			Bytes(limit, fmt.Sprintf("{rlim_cur=%s, rlim_max=%s}", limitValue(l.Soft), limitValue(l.Hard))), Null()))
	}
	if c.Umask != Keep {
		list = append(list, call("umask", unix.SYS_UMASK, "set the umask", Word(uint64(c.Umask), fmt.Sprintf("%#o", c.Umask))))
	}
	if c.Groups != nil {
		ids := make([]byte, 4*len(c.Groups))
		for i, g := range c.Groups {
			binary.NativeEndian.PutUint32(ids[4*i:], uint32(g))
		}
		list = append(list, call("setgroups", unix.SYS_SETGROUPS, "set the supplementary groups", Int(len(c.Groups)), Bytes(ids, fmt.Sprint(c.Groups))))
	}
	if c.GID != Keep {
		list = append(list, call("setresgid", unix.SYS_SETRESGID, "set the group id", Int(c.GID), Int(c.GID), Int(c.GID)))
	}
	if c.UID != Keep {
		list = append(list, call("setresuid", unix.SYS_SETRESUID, "set the user id", Int(c.UID), Int(c.UID), Int(c.UID)))
	}
	if c.Dir != "" {
		list = append(list, Chdir(c.Dir))
	}
	env := Texts(c.Env)
	for _, name := range c.PidNames {
		d, calls := PidVariable(name, len(list))
		env = append(env, d)
		list = append(list, calls...)
	}
	list = append(list, Signals(c.Signals)...)
	return append(list, Exec(c.Path, Texts(c.Argv), env))
}

// files puts each descriptor where it belongs. All are first moved out of the way, as one's place may be another's source; at is the index of the
// first call in its list.
func (c Context) files(at int) []Call {
	if c.Files == nil {
		return nil
	}
	const purpose = "hand over the file descriptors"
	n := len(c.Files)
	var list []Call
	for _, fd := range c.Files {
		list = append(list, call("fcntl", unix.SYS_FCNTL, purpose, Int(fd), Word(unix.F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"), Int(n)))
	}
	for i := range c.Files {
		list = append(list, call("dup3", unix.SYS_DUP3, purpose, Result(at+i), Int(i), Int(0)))
	}
	// Since Linux 5.11; before it, what keelson itself opens is closed on exec all the same.
	return append(list, call("close_range", unix.SYS_CLOSE_RANGE, purpose, Int(n), Word(1<<32-1, "~0U"), Word(unix.CLOSE_RANGE_CLOEXEC, "CLOSE_RANGE_CLOEXEC")).MayFail())
}

var limitNames = [...]string{"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"}

func limitName(resource int) string {
	if resource >= 0 && resource < len(limitNames) {
		return "RLIMIT_" + limitNames[resource]
	}
	return fmt.Sprint(resource)
}

func limitValue(v uint64) string {
	if v == unix.RLIM_INFINITY {
		return "RLIM64_INFINITY"
	}
	return fmt.Sprint(v)
}
