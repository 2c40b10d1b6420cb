package persona

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A setting is the state in which a program is started, beyond what package os/exec can give. The test binary, executed in between, arranges it and
// then becomes the program.
type setting struct {
	PID1      bool  // the first process of a new PID namespace, with a /proc of its own
	Ignored   []int // signals whose disposition is to be ignored
	Blocked   []int
	Closed    []int // of stdin, stdout and stderr
	Open      []int // inherited file descriptors from 3 on, which are /dev/null
	Proc      proc
	ReadOnly  bool // no file system can be written
	UID       int  // and gid, without a passwd entry
	Processes int  // at most, of UID
	Plain     bool // addresses are not randomized
	ListenPID bool // $LISTEN_PID names the program

	File string
	Argv []string
}

// proc is what there is at /proc.
type proc string

const (
	asItIs    proc = ""
	unmounted proc = "unmounted"
	empty     proc = "empty" // a file system without files is mounted over it
	stale     proc = "stale" // that of the outer PID namespace
)

const launchVariable = "KEELSON_TEST_LAUNCH"

// nothing tells whether a setting asks for no more than os/exec can do.
func (s setting) nothing() bool {
	return !s.PID1 && s.Ignored == nil && s.Blocked == nil && s.Closed == nil && s.Open == nil && s.Proc == asItIs && !s.ReadOnly &&
		s.UID == 0 && s.Processes == 0 && !s.Plain && !s.ListenPID
}

// namespaces are the clone flags that a setting needs.
func (s setting) namespaces() (flags uintptr) {
	if s.PID1 {
		flags |= unix.CLONE_NEWPID
	}
	if s.PID1 || s.Proc != asItIs || s.ReadOnly {
		flags |= unix.CLONE_NEWNS
	}
	return flags
}

// variable is the environment variable that has the test binary launch file in this setting.
func (s setting) variable(file string, argv []string) string {
	s.File, s.Argv = file, argv
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return launchVariable + "=" + string(b)
}

// launch arranges a setting and becomes its program.
func launch(encoded string) {
	var s setting
	err := json.Unmarshal([]byte(encoded), &s)
	if err == nil {
		err = s.become()
	}
	fmt.Fprintln(os.Stderr, cannotLaunch, err)
	os.Exit(99)
}

const cannotLaunch = "persona: cannot launch:"

func (s setting) become() error {
	runtime.LockOSThread() // uid, personality and mask are a thread's, and the program gets those of the one that executes it
	steps := []struct {
		name   string
		needed bool
		do     func() error
	}{
		{"make the mounts private", s.namespaces() != 0, func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount /proc", s.PID1 && s.Proc != stale, func() error { return unix.Mount("proc", "/proc", "proc", 0, "") }},
		{"unmount /proc", s.Proc == unmounted, unmountProc},
		{"cover /proc", s.Proc == empty, func() error { return unix.Mount("empty", "/proc", "tmpfs", 0, "") }},
		{"make all read-only", s.ReadOnly, func() error {
			return unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
		}},
		{"open file descriptors", s.Open != nil, s.open},
		{"limit the processes", s.Processes > 0, func() error {
			return unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: uint64(s.Processes), Max: uint64(s.Processes)})
		}},
		{"set the uid", s.UID > 0, func() error {
			if err := unix.Setresgid(s.UID, s.UID, s.UID); err != nil {
				return err
			}
			return unix.Setresuid(s.UID, s.UID, s.UID)
		}},
		{"set the personality", s.Plain, func() error {
			const addrNoRandomize = 0x0040000 // personality(2)
			_, _, e := unix.RawSyscall(unix.SYS_PERSONALITY, addrNoRandomize, 0, 0)
			return failure(e)
		}},
	}
	for _, step := range steps {
		if !step.needed {
			continue
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, launchVariable+"=") })
	if s.ListenPID {
		env = append(env, fmt.Sprintf("LISTEN_PID=%d", os.Getpid()))
	}
	for _, sig := range s.Ignored {
		if err := dispose(sig, ignore); err != nil {
			return err
		}
	}
	mask := set(s.Blocked...)
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&mask)), 0, 8, 0, 0); e != 0 {
		return e
	}
	for _, fd := range s.Closed {
		unix.Close(fd)
	}
	return syscall.Exec(s.File, s.Argv, env)
}

func (s setting) open() error {
	const outOfTheWay = 1000
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == nil {
		null, err = unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, outOfTheWay)
	}
	for _, fd := range s.Open {
		if err == nil {
			err = unix.Dup3(null, fd, 0)
		}
	}
	return err
}

// unmountProc unmounts whatever is mounted at /proc, one on top of the other.
func unmountProc() error {
	err := unix.Unmount("/proc", unix.MNT_DETACH)
	for next := err; next == nil; {
		next = unix.Unmount("/proc", unix.MNT_DETACH)
	}
	return err
}

// Dispositions of a signal that need no handler.
const (
	byDefault = 0 // SIG_DFL
	ignore    = 1 // SIG_IGN
)

// dispose sets a disposition behind the back of the Go runtime.
func dispose(sig, disposition int) error {
	action := [4]uint64{uint64(disposition)} // the kernel's struct sigaction
	_, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	return failure(e)
}

func failure(e syscall.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}

// A sigset is a set of signals as /proc/PID/status shows it: bit n-1 is signal n.
type sigset uint64

func set(signals ...int) (s sigset) {
	for _, sig := range signals {
		s |= 1 << (sig - 1)
	}
	return s
}

func (s sigset) has(sig int) bool { return s&set(sig) != 0 }

// signals from first to last.
func signals(first, last int) (list []int) {
	for sig := first; sig <= last; sig++ {
		list = append(list, sig)
	}
	return list
}

// TestLaunch shows that a setting is what its program is started with: all other tests rely on that.
func TestLaunch(t *testing.T) {
	t.Parallel()
	needRoot(t)
	for _, c := range []struct {
		name    string
		setting setting
		line    string
		want    string
	}{
		{"signals", setting{Ignored: []int{1, 40}, Blocked: []int{15, 33, 64}}, "/bin/grep -E Sig(Blk|Ign): /proc/self/status", "SigBlk:\t8000000100004000\nSigIgn:\t0000008000000001\n"},
		{"first process", setting{PID1: true}, "/bin/sh -c 'echo $$; ps -e --no-headers | wc -l'", "1\n3\n"},
		{"file descriptors", setting{Closed: []int{0}, Open: []int{4, 7}}, "/bin/sh -c 'ls -m /proc/$$/fd; :'", "1, 2, 4, 7\n"},
		{"no /proc", setting{Proc: unmounted}, "/bin/ls /proc", ""},
		{"empty /proc", setting{PID1: true, Proc: empty}, "/bin/ls /proc", ""},
		{"read-only", setting{ReadOnly: true}, "/bin/sh -c 'touch /tmp/x /run/x /dev/shm/x 2>&1 | grep -c Read-only'", "3\n"},
		{"uid", setting{UID: 12345, Processes: 77}, "/bin/sh -c 'id -u; id -G; prlimit --raw --noheadings --nproc -o SOFT 2>/dev/null || ulimit -p'", "12345\n12345\n77\n"},
		{"addresses", setting{Plain: true}, "/bin/cat /proc/self/personality", "00040000\n"},
		{"listen", setting{ListenPID: true}, "/bin/sh -c 'test $LISTEN_PID = $$ && echo own'", "own\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := words(c.line)
			got := run(t, plain, c.setting, nil, line[0], line[1:]...)
			if got.stdout != c.want {
				t.Errorf("%+v\nwant %q", got, c.want)
			}
		})
	}
}
