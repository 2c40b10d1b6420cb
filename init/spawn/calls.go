package spawn

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/early"
)

// The calls that lists are made of. Each is named and argued as in section 2 of the manual.

func call(name string, nr uint64, purpose string, args ...Arg) Call {
	return Call{Name: name, Nr: nr, Args: args, For: purpose}
}

type flagName struct {
	bit  uint64
	name string
}

func flags(v uint64, names []flagName) Arg {
	var set []string
	rest := v
	for _, f := range names {
		if f.bit != 0 && v&f.bit == f.bit {
			set = append(set, f.name)
			rest &^= f.bit
		}
	}
	if rest != 0 || len(set) == 0 {
		set = append(set, fmt.Sprintf("%#x", rest))
	}
	return Word(v, strings.Join(set, "|"))
}

var mountFlags = []flagName{
	{unix.MS_RDONLY, "MS_RDONLY"}, {unix.MS_NOSUID, "MS_NOSUID"}, {unix.MS_NODEV, "MS_NODEV"}, {unix.MS_NOEXEC, "MS_NOEXEC"},
	{unix.MS_REMOUNT, "MS_REMOUNT"}, {unix.MS_BIND, "MS_BIND"}, {unix.MS_REC, "MS_REC"}, {unix.MS_PRIVATE, "MS_PRIVATE"},
	{unix.MS_SLAVE, "MS_SLAVE"}, {unix.MS_SHARED, "MS_SHARED"}, {unix.MS_MOVE, "MS_MOVE"}, {unix.MS_NOATIME, "MS_NOATIME"}, {unix.MS_STRICTATIME, "MS_STRICTATIME"},
}

// Mount is mount(2); an empty source or fstype is a null pointer.
func Mount(purpose, source, target, fstype string, f uint64) Call {
	pointer := func(s string) Arg {
		if s == "" {
			return Null()
		}
		return Str(s)
	}
	return call("mount", unix.SYS_MOUNT, purpose, pointer(source), Str(target), pointer(fstype), flags(f, mountFlags), Null())
}

// Unmount is umount2(2).
func Unmount(purpose, target string, f uint64) Call {
	return call("umount2", unix.SYS_UMOUNT2, purpose, Str(target), flags(f, []flagName{{unix.MNT_DETACH, "MNT_DETACH"}}))
}

// PivotRoot is pivot_root(2).
func PivotRoot(purpose, newRoot, putOld string) Call {
	return call("pivot_root", unix.SYS_PIVOT_ROOT, purpose, Str(newRoot), Str(putOld))
}

// Chdir is chdir(2).
func Chdir(dir string) Call {
	return call("chdir", unix.SYS_CHDIR, "change to the directory "+dir, Str(dir))
}

// Sethostname is sethostname(2).
func Sethostname(name string) Call {
	return call("sethostname", unix.SYS_SETHOSTNAME, "set the host name", Str(name), Int(len(name)))
}

// LoopbackUp is socket(2), ioctl(2) and close(2): SIOCSIFFLAGS of netdevice(7) on "lo". at is the index of the first of them in its list.
func LoopbackUp(at int) []Call {
	const purpose = "bring the loopback interface up"
	ifreq := make([]byte, 40)
	copy(ifreq, "lo")
	binary.NativeEndian.PutUint16(ifreq[unix.IFNAMSIZ:], unix.IFF_UP|unix.IFF_RUNNING)
	return []Call{
		call("socket", unix.SYS_SOCKET, purpose, Word(unix.AF_INET, "AF_INET"), Word(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, "SOCK_DGRAM|SOCK_CLOEXEC"), Int(0)),
		call("ioctl", unix.SYS_IOCTL, purpose, Result(at), Word(unix.SIOCSIFFLAGS, "SIOCSIFFLAGS"), Bytes(ifreq, `{"lo", IFF_UP|IFF_RUNNING}`)),
		call("close", unix.SYS_CLOSE, purpose, Result(at)),
	}
}

// DeathSignal is prctl(2) PR_SET_PDEATHSIG.
func DeathSignal(sig unix.Signal) Call {
	return call("prctl", unix.SYS_PRCTL, "set the parent death signal", Word(unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"), Word(uint64(sig), unix.SignalName(sig)))
}

// DropCapabilities is capset(2) with nothing in any set, which empties the ambient one too: what is executed next has no capability that its
// uid does not give it.
func DropCapabilities() Call {
	header := make([]byte, 8)
	binary.NativeEndian.PutUint32(header, unix.LINUX_CAPABILITY_VERSION_3)
	return call("capset", unix.SYS_CAPSET, "drop the capabilities", Bytes(header, "{version=3, pid=0}"), Bytes(make([]byte, 24), "{effective=0, permitted=0, inheritable=0}"))
}

// Handshake is write(2) and read(2) of a byte on a socket: the other end learns that all before it is done, and all behind it waits for the other
// end's word. If that end closes instead, the list fails.
func Handshake(purpose string, fd int) []Call {
	word := Bytes([]byte{0}, `"\0"`)
	return []Call{
		call("write", unix.SYS_WRITE, purpose, Int(fd), word, Int(1)),
		call("read", unix.SYS_READ, purpose, Int(fd), word, Int(1)).NotZero(),
	}
}

// Close is close(2).
func Close(fd int) Call { return call("close", unix.SYS_CLOSE, "", Int(fd)) }

// Exec is execve(2), which ends a list.
func Exec(path string, argv, env []*Data) Call {
	vars := Strs(env)
	vars.text = fmt.Sprintf("[/* %d vars */]", len(env))
	return call("execve", unix.SYS_EXECVE, "execute "+path, Str(path), Strs(argv), vars)
}

// Texts are strings for an argv or an environment.
func Texts(s []string) []*Data {
	d := make([]*Data, len(s))
	for i := range s {
		d[i] = Text(s[i])
	}
	return d
}

// PidVariable is NAME=, with room for a pid, and the two calls that write the process's own there. at is the index of the first of
// them in its list.
func PidVariable(name string, at int) (*Data, []Call) {
	d := &Data{bytes: append([]byte(name+"="), make([]byte, 12)...)}
	return d, []Call{
		call("getpid", unix.SYS_GETPID, ""),
		{Name: "decimal", Nr: early.OpDecimal, Args: []Arg{{text: fmt.Sprintf("%q", name+"="), data: d, offset: len(name) + 1}, Result(at)}},
	}
}

// Signals restores inherited signal dispositions and the mask: ignored signals are ignored, and the mask is set. The process must have
// the default disposition for all others, as one has that has just been executed by keelson.
func Signals(s early.State) []Call {
	var list []Call
	for sig := unix.Signal(1); sig <= 64; sig++ {
		if s.Ignored&(1<<(sig-1)) != 0 {
			list = append(list, disposition(sig, true))
		}
	}
	return append(list, signalMask(s.Mask))
}

func signalMask(set uint64) Call {
	mask := make([]byte, 8)
	binary.NativeEndian.PutUint64(mask, set)
	return call("rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, "set the signal mask", Word(unix.SIG_SETMASK, "SIG_SETMASK"), Bytes(mask, sigset(set)), Null(), Int(8))
}

func signalName(sig unix.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return name
	}
	return fmt.Sprintf("SIGRTMIN+%d", int(sig)-34)
}

func sigset(mask uint64) string {
	var names []string
	for sig := unix.Signal(1); sig <= 64; sig++ {
		if mask&(1<<(sig-1)) != 0 {
			names = append(names, strings.TrimPrefix(signalName(sig), "SIG"))
		}
	}
	return "[" + strings.Join(names, " ") + "]"
}
