package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/ns"
	"keelson/init/spawn"
	"keelson/init/sys"
)

const runHelp = `keelson run [OPTIONS] [--] COMMAND [ARG...]

Runs COMMAND under keelson's wrapper as PID 1 of a fresh PID and mount namespace with a /proc of its own. Signals go in, the exit status comes out;
when this process dies, everything inside dies with it. Where the kernel or a container denies the namespaces, one line says what
is missing, and COMMAND runs without them, its orphans adopted; with --strict it does not run.

Namespaces besides those two:
  --uts[=NAME]          host name, set to NAME
  --hostname NAME       the same as --uts=NAME
  --ipc                 System V IPC and POSIX message queues
  --net                 network: nothing but a loopback interface, which is up
  --cgroup              cgroup: the own cgroup appears as /
  --user                user: as root all ids stay as they are, anyone else becomes root inside
  --uid-map I:O:N       and N uids from I on are those from O on outside; repeatable
  --gid-map I:O:N       the same for gids
  --all                 all of the above
Where CAP_SYS_ADMIN is missing, a user namespace is made without being asked for, with the own ids as they are.

  --root DIR            DIR is the root; DIR/proc must exist
  --propagation MODE    of mount events: private (default), slave (the outside's come in) or shared (inside alone)
  --strict              fail where a namespace is denied
  --print               print the system calls that would be made, and make none

Options of the wrapper inside, as keelson --help has them:
  -g, -w, -v, -e STATUS, -r SIG:SIG, --drain SECONDS, --grace SECONDS

Exit status: COMMAND's own, 128+n where signal n ended it, 127 not found, 126 found but not executable, 125 keelson failed.
`

// runOptions are what keelson run was called with.
type runOptions struct {
	plan    ns.Plan
	strict  bool
	print   bool
	wrapper []string // options for the wrapper inside
	command []string
}

// optional is a flag that may stand alone or have a value behind "=".
type optional struct {
	set   *bool
	value *string
}

func (o optional) IsBoolFlag() bool { return true }
func (o optional) String() string   { return "" }
func (o optional) Set(s string) error {
	*o.set = true
	if s != "true" { // what package flag gives where there is no "="
		*o.value = s
	}
	return nil
}

func parseRun(args []string) (o runOptions, status int, done bool) {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	p := &o.plan
	flags.Var(optional{&p.UTS, &p.Hostname}, "uts", "")
	flags.StringVar(&p.Hostname, "hostname", "", "")
	flags.BoolVar(&p.IPC, "ipc", false, "")
	flags.BoolVar(&p.Net, "net", false, "")
	flags.BoolVar(&p.User, "user", false, "")
	flags.BoolVar(&p.Cgroup, "cgroup", false, "")
	flags.StringVar(&p.Root, "root", "", "")
	flags.StringVar(&p.Propagation, "propagation", "private", "")
	flags.BoolVar(&o.strict, "strict", false, "")
	flags.BoolVar(&o.print, "print", false, "")
	flags.BoolFunc("all", "", func(string) error {
		p.UTS, p.IPC, p.Net, p.User, p.Cgroup = true, true, true, true, true
		return nil
	})
	for _, m := range []struct {
		name string
		ids  *[]syscall.SysProcIDMap
	}{{"uid-map", &p.UIDMap}, {"gid-map", &p.GIDMap}} {
		flags.Func(m.name, "", func(s string) error {
			id, err := ns.ParseMap(s)
			*m.ids = append(*m.ids, id)
			return err
		})
	}
	for _, name := range []string{"g", "w", "v"} {
		flags.BoolFunc(name, "", func(string) error {
			o.wrapper = append(o.wrapper, "-"+name)
			return nil
		})
	}
	for _, name := range []string{"e", "r", "rewrite", "expect", "drain", "grace"} {
		flags.Func(name, "", func(s string) error {
			o.wrapper = append(o.wrapper, strings.Repeat("-", min(len(name), 2))+name, s)
			return nil
		})
	}
	status, done = parse(flags, args, runHelp)
	o.command = flags.Args()
	return o, status, done
}

func run(args []string) int {
	o, status, done := parseRun(args)
	if done {
		return status
	}
	if len(o.command) == 0 {
		return refuse("run", errors.New("no command given; usage: keelson run [OPTIONS] [--] COMMAND [ARG...], keelson run --help tells more"))
	}
	credentials, err := ns.Own()
	if err != nil {
		return refuse("run", err)
	}
	plan, err := o.plan.Check(credentials)
	if err != nil {
		return refuse("run", err)
	}
	here, there, err := sys.SocketPair()
	if err != nil {
		return refuse("run", err)
	}
	wrapper := append(append([]string{"keelson"}, o.wrapper...), append([]string{"--"}, o.command...)...)
	list := plan.Setup(early.Inherited(), there, wrapper, insideEnviron())
	if o.print {
		fmt.Printf("%s\n%s", plan, spawn.Print(list))
		return 0
	}
	endOnSignals()
	child, err := spawn.Start(list, plan.Attr(credentials))
	unix.Close(there)
	if err == nil {
		err = attach(child, here)
	}
	unix.Close(here)
	refusal := plan.Refuse(err, credentials, ns.Look())
	if refusal == nil || o.strict {
		if refusal != nil {
			err = refusal
		}
		return refuse("run", err)
	}
	fmt.Fprintf(os.Stderr, "keelson: run: no new namespaces, running without: %v\n", refusal)
	return refuse("run", spawn.Become(append(spawn.Signals(early.Inherited()), spawn.Exec(spawn.Self(), spawn.Texts(wrapper), spawn.Texts(os.Environ())))))
}

// endOnSignals ends this process by what asks it to, with the status that a command would have had: until this process is the wrapper, the command does not
// begin, so there is nothing to pass a signal on to.
func endOnSignals() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM)
	go func() { os.Exit(128 + int((<-signals).(syscall.Signal))) }()
}

// attach waits for the child to have set itself up, and turns this process into the wrapper outside, which has it go on. It returns only if
// that failed; the child is reaped then.
//
//	child                                     this process
//	makes mounts, network, …
//	asks for KILL when its parent dies
//	"\0" ->                                   reads; or the end of the file, if a step failed
//	reads                                     executes early's wrapper: signals are blocked for good
//	                                       <- "\0"
//	executes the wrapper inside               closes the socket
func attach(child *spawn.Child, socket int) error {
	var word [1]byte
	var n int
	err := sys.Retry(func() (err error) { n, err = unix.Read(socket, word[:]); return err })
	if err == nil && n == 1 {
		if _, err = unix.FcntlInt(uintptr(socket), unix.F_SETFD, 0); err == nil {
			everything := unix.Sigset_t{Val: [16]uint64{1<<64 - 1}}
			unix.PthreadSigmask(unix.SIG_SETMASK, &everything, nil)
			err = sys.Exec(spawn.Self(), []string{early.AttachName, strconv.Itoa(child.Pid), strconv.Itoa(socket)}, os.Environ())
		}
	} else if e := child.Wait(); e != nil {
		err = e
	}
	unix.Kill(child.Pid, unix.SIGKILL)
	sys.Retry(func() error { _, err := unix.Wait4(child.Pid, nil, 0, nil); return err })
	if err == nil {
		err = errors.New("the first process of the new namespaces was killed")
	}
	return err
}

// insideEnviron is the environment for PID 1 of the new namespace. $LISTEN_PID, if it names this process, is to name that one, which in its turn has it name the
// command.
func insideEnviron() []string {
	env := os.Environ()
	for i, v := range env {
		if v == "LISTEN_PID="+strconv.Itoa(os.Getpid()) {
			env[i] = "LISTEN_PID=1"
		}
	}
	return env
}
