package spawn

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Calls about files and descriptors.

var openFlags = []flagName{
	{unix.O_WRONLY, "O_WRONLY"}, {unix.O_RDWR, "O_RDWR"}, {unix.O_CREAT, "O_CREAT"}, {unix.O_EXCL, "O_EXCL"}, {unix.O_TRUNC, "O_TRUNC"},
	{unix.O_APPEND, "O_APPEND"}, {unix.O_NOCTTY, "O_NOCTTY"}, {unix.O_NONBLOCK, "O_NONBLOCK"}, {unix.O_DIRECTORY, "O_DIRECTORY"},
	{unix.O_NOFOLLOW, "O_NOFOLLOW"}, {unix.O_CLOEXEC, "O_CLOEXEC"},
}

// fewFlags are the sets that most calls have, as they are printed.
var fewFlags = map[int]string{
	unix.O_RDONLY | unix.O_NOCTTY | unix.O_CLOEXEC: "O_RDONLY|O_NOCTTY|O_CLOEXEC",
	unix.O_WRONLY | unix.O_NOCTTY | unix.O_CLOEXEC: "O_WRONLY|O_NOCTTY|O_CLOEXEC",
	unix.O_WRONLY | unix.O_CLOEXEC:                 "O_WRONLY|O_CLOEXEC",
}

func openArgs(f int, mode uint32) []Arg {
	f |= unix.O_CLOEXEC
	text, ok := fewFlags[f]
	if !ok {
		text = flags(uint64(f), openFlags).text
		if f&unix.O_ACCMODE == unix.O_RDONLY {
			text = "O_RDONLY|" + text
		}
	}
	if f&unix.O_CREAT != 0 {
		return []Arg{Word(uint64(f), text), octal(mode)}
	}
	return []Arg{Word(uint64(f), text)}
}

// open is openat(2), which is the open(2) of all architectures; O_CLOEXEC is added.
func open(purpose, path string, flags int, mode uint32) Call {
	return call("openat", unix.SYS_OPENAT, purpose, append([]Arg{atCWD, Str(path)}, openArgs(flags, mode)...)...)
}

// openat is open below a directory that is open.
func openat(purpose string, dir int, path string, flags int, mode uint32) Call {
	return call("openat", unix.SYS_OPENAT, purpose, append([]Arg{Int(dir), Str(path)}, openArgs(flags, mode)...)...)
}

// atCWD is AT_FDCWD.
var atCWD = Word(1<<64+unix.AT_FDCWD, "AT_FDCWD")

func octal(mode uint32) Arg { return Word(uint64(mode), fmt.Sprintf("%#o", mode)) }

func closeResult(i int) Call { return call("close", unix.SYS_CLOSE, "", Result(i)) }

func dup3(purpose string, from Arg, to int) Call {
	return call("dup3", unix.SYS_DUP3, purpose, from, Int(to), Int(0))
}

func write(purpose string, fd Arg, text string) Call {
	return writeBytes(purpose, fd, []byte(text), fmt.Sprintf("%q", text))
}

func writeBytes(purpose string, fd Arg, data []byte, text string) Call {
	return call("write", unix.SYS_WRITE, purpose, fd, Bytes(data, text), Int(len(data)))
}

// setFlags is fcntl(2) F_SETFL.
func setFlags(fd, flags int) Call {
	text := "0"
	if flags&unix.O_NONBLOCK != 0 {
		text = "O_NONBLOCK"
	}
	return call("fcntl", unix.SYS_FCNTL, "set the flags of a descriptor", Int(fd), Word(unix.F_SETFL, "F_SETFL"), Word(uint64(flags), text))
}

func ioctl(purpose string, fd Arg, request uint64, name string, arg Arg) Call {
	return call("ioctl", unix.SYS_IOCTL, purpose, fd, Word(request, name), arg)
}

func socket(purpose string, kind uint64) Call {
	return call("socket", unix.SYS_SOCKET, purpose, Word(unix.AF_UNIX, "AF_UNIX"), Word(kind|unix.SOCK_CLOEXEC, "SOCK_STREAM|SOCK_CLOEXEC"), Int(0))
}

func connect(purpose string, fd Arg, address []byte, path string) Call {
	return call("connect", unix.SYS_CONNECT, purpose, fd, Bytes(address, fmt.Sprintf("{AF_UNIX, %q}", path)), Int(len(address)))
}

func mkdir(purpose, path string, mode uint32) Call {
	return call("mkdirat", unix.SYS_MKDIRAT, purpose, atCWD, Str(path), octal(mode))
}

func symlink(purpose, target, path string) Call {
	return call("symlinkat", unix.SYS_SYMLINKAT, purpose, Str(target), atCWD, Str(path))
}

func rename(purpose, from, to string) Call {
	return call("renameat2", unix.SYS_RENAMEAT2, purpose, atCWD, Str(from), atCWD, Str(to), Int(0))
}

func unlink(purpose, path string) Call {
	return call("unlinkat", unix.SYS_UNLINKAT, purpose, atCWD, Str(path), Int(0))
}

func umask(mask uint32) Call { return call("umask", unix.SYS_UMASK, "set the umask", octal(mask)) }

// writeFile are the calls that write text to a file of the kernel's; their index in the list begins at at.
func writeFile(at int, purpose, path, text string) []Call {
	return []Call{
		open(purpose, path, unix.O_WRONLY, 0),
		write(purpose, Result(at), text),
		closeResult(at),
	}
}

// disposition is rt_sigaction(2): a signal is ignored, or has its default effect.
func disposition(sig unix.Signal, ignore bool) Call {
	action, text, purpose := make([]byte, 32), "{sa_handler=SIG_DFL}", "give a signal its default effect"
	if ignore {
		action[0], text, purpose = 1, "{sa_handler=SIG_IGN}", "ignore a signal"
	}
	return call("rt_sigaction", unix.SYS_RT_SIGACTION, purpose, Word(uint64(sig), signalName(sig)), Bytes(action, text), Null(), Int(8))
}
