package spawn

import (
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/spawn/sandbox"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// Given is what the owner hands in for one process. Descriptors stay the owner's; none is closed here.
type Given struct {
	FDs         []int // of Spawn.FDs, in that order
	Connection  int   // of Spawn.Connection; -1: none
	Out, Err    int   // streams to the journal, for the outputs journal and kmsg; -1: none, /dev/null is used
	Console     string
	Cgroup      int      // the directory of the cgroup v2 to start in; -1: this process's own
	Stamp       uint64   // what RLIMIT_LOCKS is set to, soft and hard; 0: it stays as it is
	NonBlocking bool     // NonBlocking= of the service
	Environment []string // set with what systemd adds itself: weaker than the unit's own
	Joins       []string // units that are joined by JoinsNamespaceOf=, either way
	Foreground  *Foreground
}

// Foreground has a process run as this one's own command: with its standard streams, whatever the unit says of them, and in its session.
type Foreground struct {
	Signals  early.State // the mask, and what is ignored
	Terminal bool        // this process leads the session of the terminal on its stdin: the process gets a process group of its own, in the foreground
}

// NewGiven has nothing in it.
func NewGiven() Given {
	return Given{Connection: -1, Out: -1, Err: -1, Cgroup: -1, Console: "/dev/console"}
}

// Degradation is a directive that a process does without.
type Degradation struct {
	Directive string // "AmbientCapabilities=CAP_IPC_LOCK"
	Reason    string // why, and what would help, in one line
}

func (d Degradation) String() string { return d.Directive + ": " + d.Reason }

// Program is a process that has been decided upon.
type Program struct {
	List     []Call
	Degraded []Degradation // what is known before it starts; see Child.Read for the rest
	Stamped  bool          // the process keeps Given.Stamp: the unit has no LimitLOCKS= of its own
	UID, GID int           // whom the process runs as
	Path     string        // the program, as far as it is known before the start

	compiler *Compiler
	files    []uintptr // descriptor n of the stage is files[n] of the owner
	cgroup   int
}

// Options are what a Compiler is told.
type Options struct {
	Host        unit.Host // the bases of a unit's own directories
	Strict      bool      // what is missing fails, with systemd's exit status (KEELSON_STRICT=1)
	Credentials string    // the folder of the manager's own credentials, "" for none
}

// Compiler makes programs. It belongs to one goroutine.
type Compiler struct {
	Options
	Machine Machine

	accounts *accounts
	self     string
	null     int // /dev/null, -1 if there is none
	view     sandbox.Machine
	nodes    bool // sandbox.InaccessibleNodes are there
	lives    map[string]*life
	allowed  map[uint64]error // what unshare(2) says to a namespace's flag
	filters  map[*unit.ExecContext]filters
}

// NewCompiler makes a Compiler for this process's children.
func NewCompiler(o Options) *Compiler {
	c := &Compiler{
		Options: o, Machine: Survey(), accounts: newAccounts("/etc"), self: Self(),
		lives: map[string]*life{}, allowed: map[uint64]error{}, filters: map[*unit.ExecContext]filters{},
	}
	c.null, _ = unix.Open("/dev/null", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	return c
}

// Compile decides on a process. An error means that there will be none: what systemd finds out before it forks (exec_spawn in
// src/core/execute.c), which fails the unit with the result "resources".
func (c *Compiler) Compile(e *supervise.Spawn, g Given) (*Program, error) {
	b := &builder{c: c, m: &c.Machine, e: e, x: e.Exec, g: g, pid: -1, sets: c.Machine.Sets}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	b.begin()
	b.resetTerminal()
	b.identify()
	b.standardStreams()
	b.schedule()
	b.ownTerminal()
	b.directories()
	b.credentials()
	b.environment()
	b.keyring()
	b.limits()
	b.pam()
	b.namespaces()
	b.umask()
	b.groups()
	b.privateUsers()
	b.lookUp()
	b.passDescriptors()
	b.capabilities()
	b.changeRoot()
	b.changeUser()
	b.changeDirectory()
	b.labels()
	b.secureBits()
	b.restrict()
	b.execute()
	return b.program(), nil
}

// builder is one run of Compile.
type builder struct {
	c *Compiler
	m *Machine
	e *supervise.Spawn
	x *unit.ExecContext
	g Given

	list     []Call
	degraded []Degradation
	ended    bool // the last call fails: nothing comes after it

	sandboxed bool // what protects applies (needs_sandboxing in exec_child)
	setuid    bool // so does User= (needs_setuid)
	chrooted  bool // so does RootDirectory=

	// Descriptors, by the owner's numbers.
	connection int    // for the streams, -1: none
	passed     []int  // for the program, from 3 on
	named      [3]int // for "fd:NAME"
	extra      []int  // for the list alone, in the stage from base on
	base       int
	openFiles  []openFile

	who           identity
	streams       streams
	credentialDir string
	sets          Sets   // the process's capabilities, as the list changes them
	ambient       uint64 // those that it gets

	files []string // the assignments of EnvironmentFile=
	argv  []*Data
	env   []*Data
	pid   int      // the call that gives it, -1: none yet
	path  string   // the program
	paths []string // what is tried to be executed, the first that is there

	pending map[string]fs.FileMode // what the list makes, for whoever looks before it has run
	targets map[string]string      // of links among these

	viewed  bool // it is decided how the process sees the file system
	wanted  []sandbox.Namespace
	request *sandbox.Request
	plan    *sandbox.Plan // nil: as this process does
	refusal error         // it would need a mount namespace, and gets none
}

// add appends a call and gives its index.
func (b *builder) add(c Call) int {
	if b.ended {
		return 0
	}
	b.list = append(b.list, c)
	return len(b.list) - 1
}

// fail ends the list here: the process exits with a status.
func (b *builder) fail(status int, purpose string, err error) {
	errno := unix.EINVAL
	var e syscall.Errno
	if asErrno(err, &e) {
		errno = e
	}
	c := Call{Name: "fail", Nr: early.OpFail, Args: []Arg{Word(uint64(errno), unix.ErrnoName(errno))}, For: purpose, cause: err}
	b.add(c.exit(status))
	b.ended = true
}

// lose does without a directive, or, if the compiler is strict, fails.
func (b *builder) lose(status int, d Degradation) {
	if b.c.Strict {
		b.fail(status, "apply "+d.Directive, because(unix.EPERM, "%s", d.Reason))
		return
	}
	b.degraded = append(b.degraded, d)
}

// try adds a call whose denial is a Degradation, or, if the compiler is strict, an end.
func (b *builder) try(c Call, d Degradation) int {
	if !b.c.Strict {
		c = c.mayDeny(d)
	}
	return b.add(c)
}

// hand gives the stage one of the owner's descriptors, under the number that is returned.
func (b *builder) hand(fd int) int {
	for i, have := range b.passed {
		if have == fd {
			return 3 + i
		}
	}
	for i, have := range b.extra {
		if have == fd {
			return b.base + i
		}
	}
	b.extra = append(b.extra, fd)
	return b.base + len(b.extra) - 1
}

// program lays out the descriptors of the stage: those that the program gets in their places, room for what the list opens itself for
// it, and behind them what only the list uses.
func (b *builder) program() *Program {
	p := &Program{
		List: b.list, Degraded: b.degraded, Stamped: b.g.Stamp != 0 && !b.x.Rlimits[unit.LimitLOCKS].Set, UID: b.m.UID, GID: b.m.GID, Path: b.path,
		compiler: b.c, cgroup: -1,
	}
	if b.setuid && b.who.uid != Keep {
		p.UID = b.who.uid
	}
	if b.setuid && b.who.gid != Keep {
		p.GID = b.who.gid
	}
	for fd := 0; fd < 3; fd++ {
		own := b.c.null
		if own < 0 || b.g.Foreground != nil {
			own = fd
		}
		p.files = append(p.files, uintptr(own))
	}
	for _, fd := range b.passed {
		p.files = append(p.files, uintptr(fd))
	}
	for len(p.files) < b.base {
		p.files = append(p.files, p.files[0]) // taken, so that what the list opens does not come out there
	}
	for _, fd := range b.extra {
		p.files = append(p.files, uintptr(fd))
	}
	if b.g.Cgroup >= 0 && b.m.IntoCgroup {
		p.cgroup = b.g.Cgroup
	}
	return p
}

// Keep is an id that stays as it is.
const Keep = -1
