// Package notify is systemd-notify(1): it tells the service manager how a service is, on behalf of the shell script that it is called from.
//
// The message goes out in the name of the caller's process, by SCM_CREDENTIALS, which takes privileges; without them in its own name.
// Then it waits until the manager has read it: the other end of a pipe that comes with a second message (BARRIER=1) is closed. So the
// caller may end without taking its message's sender with it before the manager has looked.
package notify

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/sys"
)

const help = `[OPTIONS…] [VARIABLE=VALUE…]

Tells the service manager about the service that this is called from.

  -h --help            This text
     --version         The version
     --ready           The service is ready
     --reloading       The service begins to read its configuration again
     --stopping        The service begins to stop
     --pid[=PID]       The service's main process: auto, parent, self or a number
     --uid=USER        Send as USER
     --status=TEXT     How the service is
     --booted          Say by the exit status whether a manager runs
     --no-block        Do not wait until the manager has read it
     --exec            With ";" and a command line: execute it afterwards
`

// barrierTimeout is how long to wait for the manager to read.
const barrierTimeout = 5 * time.Second

// program is one call.
type program struct {
	*applet.Host
	ready, reloading, stopping, booted, noBlock, exec bool
	pid                                               int
	status                                            string
	hasStatus                                         bool
	uid, gid                                          int
}

// Main is the program; args[0] is its name.
func Main(args []string, h *applet.Host) int {
	h.Called(args[0])
	defer h.Flush()
	p := &program{Host: h, uid: -1, gid: -1}
	rest, status, ok := h.Read(args[1:], append(h.About(help),
		applet.Switch("ready", 0, func() { p.ready = true }),
		applet.Switch("reloading", 0, func() { p.reloading = true }), // 253
		applet.Switch("stopping", 0, func() { p.stopping = true }),   // 253
		applet.Setting{Option: applet.Option{Long: "pid", Arity: applet.OptionalArg}, Set: func(g applet.Given) error { return p.setPID(g.Arg) }},
		applet.Value("status", 0, func(s string) error { p.status, p.hasStatus = s, true; return nil }),
		applet.Switch("booted", 0, func() { p.booted = true }),
		applet.Value("uid", 0, p.setUser),
		applet.Switch("no-block", 0, func() { p.noBlock = true }),
		applet.Switch("exec", 0, func() { p.exec = true }), // 254
	), applet.Permute)
	switch {
	case !ok:
		return status
	case p.booted:
		if h.Booted() {
			return 0
		}
		return 1
	}
	rest, command := p.commandOf(rest)
	fields := p.fields(rest)
	if len(fields) == 0 && command == nil {
		h.Print(h.Name() + " " + help)
		return 1
	}
	if len(fields) > 0 {
		if status := p.send(strings.Join(fields, "\n")); status != 0 {
			return status
		}
	}
	if command != nil {
		h.Flush()
		return applet.Exec(h, command, h.Environ)
	}
	return 0
}

// managerPID is the service manager's own process, of whom no service is a child in name.
func (p *program) managerPID() int {
	n, err := strconv.Atoi(p.Getenv("MANAGERPID"))
	if err != nil {
		return 0
	}
	return n
}

// caller is the process that this is called from, 0 if that is a manager.
func (p *program) caller() int {
	pid := os.Getppid()
	if pid <= 1 || pid == p.managerPID() {
		return 0
	}
	return pid
}

func (p *program) setPID(s string) error {
	switch s {
	case "", "auto":
		if p.pid = p.caller(); p.pid == 0 {
			p.pid = os.Getpid()
		}
	case "parent":
		p.pid = os.Getppid()
	case "self":
		p.pid = os.Getpid()
	default:
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil || n == 0 {
			return p.Tell("Failed to parse PID %s.", s)
		}
		p.pid = int(n)
	}
	return nil
}

func (p *program) setUser(s string) error {
	u, err := user.Lookup(s)
	if err != nil {
		if u, err = user.LookupId(s); err != nil {
			n, err := strconv.ParseUint(s, 10, 32)
			if err != nil || n >= 1<<32-1 {
				return p.Tell("Can't resolve user %s: Invalid argument", s)
			}
			p.uid = int(n)
			return nil
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	if err != nil || err2 != nil {
		return p.Tell("Can't resolve user %s: Invalid argument", s)
	}
	p.uid, p.gid = uid, gid
	return nil
}

// commandOf takes the command line behind ";" off the arguments.
func (p *program) commandOf(rest []string) (fields, command []string) {
	if !p.exec {
		return rest, nil
	}
	for i, a := range rest {
		if a == ";" {
			return rest[:i], rest[i+1:]
		}
	}
	return nil, rest
}

// fields are the lines of the message. Of a variable that is given twice the last counts.
func (p *program) fields(rest []string) []string {
	var own []string
	if p.reloading {
		own = append(own, "RELOADING=1", "MONOTONIC_USEC="+strconv.FormatUint(monotonic(), 10))
	}
	if p.ready {
		own = append(own, "READY=1")
	}
	if p.stopping {
		own = append(own, "STOPPING=1")
	}
	if p.hasStatus {
		own = append(own, "STATUS="+p.status)
	}
	if p.pid > 0 {
		own = append(own, "MAINPID="+strconv.Itoa(p.pid))
	}
	all := append(own, rest...)
	var merged []string
	for i, f := range all {
		name, _, ok := strings.Cut(f, "=")
		again := false
		for _, later := range all[i+1:] {
			again = again || ok && strings.HasPrefix(later, name+"=")
		}
		if !again {
			merged = append(merged, f)
		}
	}
	return merged
}

// monotonic is CLOCK_MONOTONIC in microseconds.
func monotonic() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0 // the clock is always there
	}
	return uint64(ts.Sec)*1e6 + uint64(ts.Nsec)/1e3
}

var errNoSocket = errors.New("no socket")

// send sends a message and waits until it has been read.
func (p *program) send(message string) int {
	// The real ids are what the message carries; the effective ones, the privileges to say so, stay.
	if p.gid >= 0 {
		if err := unix.Setregid(p.gid, -1); err != nil {
			return p.Fail("Failed to change GID: %s", applet.Cause(err))
		}
	}
	if p.uid >= 0 {
		if err := unix.Setreuid(p.uid, -1); err != nil {
			return p.Fail("Failed to change UID: %s", applet.Cause(err))
		}
	}
	from := p.pid
	if from == 0 {
		from = p.caller()
	}
	fd, to, err := p.socket()
	if err == nil {
		defer unix.Close(fd)
		err = sendFrom(fd, to, message, from)
	}
	switch {
	case errors.Is(err, errNoSocket):
		return p.Fail("No status data could be sent: $NOTIFY_SOCKET was not set")
	case err != nil:
		return p.Fail("Failed to notify init system: %s", applet.Cause(err))
	case p.noBlock:
		return 0
	}
	if err := barrier(fd, to); err != nil {
		return p.Fail("Failed to invoke barrier: %s", applet.Cause(err))
	}
	return 0
}

// socket is a socket to send from, and where to: $NOTIFY_SOCKET, a path or behind "@" an abstract name.
func (p *program) socket() (fd int, to unix.Sockaddr, err error) {
	name := p.Getenv("NOTIFY_SOCKET")
	switch {
	case name == "":
		return -1, nil, errNoSocket
	case name[0] != '/' && name[0] != '@':
		return -1, nil, unix.EINVAL
	}
	fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	return fd, &unix.SockaddrUnix{Name: name}, err
}

// sendFrom sends in the name of a process, 0 being this one. Who may not do that, or if the process has gone, sends in its own.
func sendFrom(fd int, to unix.Sockaddr, message string, pid int) error {
	send := func(control []byte) error {
		return sys.Retry(func() error {
			_, err := unix.SendmsgN(fd, []byte(message), control, to, unix.MSG_NOSIGNAL)
			return err
		})
	}
	if pid == 0 || pid == os.Getpid() {
		return send(nil)
	}
	claim := unix.Ucred{Pid: int32(pid), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
	err := send(unix.UnixCredentials(&claim))
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ESRCH) {
		return send(nil)
	}
	return err
}

// barrier waits until the manager has read all that was sent before (sd_notify_barrier(3)).
func barrier(fd int, to unix.Sockaddr) error {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return os.NewSyscallError("pipe2", err)
	}
	defer unix.Close(ends[0])
	err := sys.Retry(func() error {
		_, err := unix.SendmsgN(fd, []byte("BARRIER=1"), unix.UnixRights(ends[1]), to, unix.MSG_NOSIGNAL)
		return err
	})
	unix.Close(ends[1])
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(barrierTimeout); ; {
		left := time.Until(deadline)
		if left <= 0 {
			return unix.ETIMEDOUT
		}
		set := []unix.PollFd{{Fd: int32(ends[0]), Events: 0}} // its end is told without being asked for
		n, err := unix.Poll(set, int(left.Milliseconds())+1)
		switch {
		case err == unix.EINTR || err == nil && n == 0:
		case err != nil:
			return os.NewSyscallError("poll", err)
		default:
			return nil
		}
	}
}
