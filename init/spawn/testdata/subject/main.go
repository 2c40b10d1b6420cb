// Subject is the program that tests of package spawn start: it says what it was given, a line for each word of its arguments. It is also the exec stage, being
// linked as keelson is.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
)

func main() {
	if len(os.Args) < 2 || os.Args[1] != "run" {
		os.Exit(100)
	}
	for _, word := range os.Args[2:] {
		name, arg, _ := strings.Cut(word, "=")
		fmt.Println(strings.TrimSpace(word + " " + tell(name, arg)))
	}
}

func tell(name, arg string) string {
	switch name {
	case "ids":
		r, e, s := unix.Getresuid()
		a, b, c := unix.Getresgid()
		return fmt.Sprint(r, e, s, " ", a, b, c)
	case "groups":
		list, _ := unix.Getgroups()
		slices.Sort(list)
		return fmt.Sprint(list)
	case "cwd":
		dir, _ := os.Getwd()
		return dir
	case "umask":
		return fmt.Sprintf("%#o", syscall.Umask(0))
	case "env":
		return fmt.Sprintf("%q", os.Getenv(arg))
	case "variables":
		var names []string
		for _, v := range os.Environ() {
			n, _, _ := strings.Cut(v, "=")
			names = append(names, n)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	case "own": // a variable that holds this process's pid
		return fmt.Sprint(os.Getenv(arg) == strconv.Itoa(os.Getpid()))
	case "status": // a line of /proc/self/status
		text, _ := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(text)) {
			if key, value, _ := strings.Cut(line, ":"); key == arg {
				return strings.TrimSpace(value)
			}
		}
		return "?"
	case "limit":
		n, _ := strconv.Atoi(arg)
		var l unix.Rlimit
		unix.Prlimit(0, n, nil, &l)
		return fmt.Sprintf("%d:%d", l.Cur, l.Max)
	case "nice":
		n, _ := unix.Getpriority(unix.PRIO_PROCESS, 0)
		return fmt.Sprint(20 - n)
	case "file":
		text, err := os.ReadFile(arg)
		if err != nil {
			return err.Error()
		}
		return strings.Join(strings.Fields(string(text)), " ")
	case "affinity":
		var set unix.CPUSet
		unix.SchedGetaffinity(0, &set)
		return fmt.Sprint(set.Count())
	case "policy":
		attr, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(attr.Policy, attr.Priority, attr.Flags)
	case "ioprio":
		v, _, _ := unix.RawSyscall(unix.SYS_IOPRIO_GET, 1, 0, 0)
		return fmt.Sprint(v>>13, v&0x1fff)
	case "slack":
		n, _ := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
		return fmt.Sprint(n)
	case "personality":
		v, _, _ := unix.RawSyscall(unix.SYS_PERSONALITY, 0xffffffff, 0, 0)
		return fmt.Sprint(v)
	case "securebits":
		n, _ := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
		return fmt.Sprint(n)
	case "signals":
		return fmt.Sprintf("%#x %#x", early.Inherited().Mask, early.Inherited().Ignored)
	case "session":
		sid, _ := unix.Getsid(0)
		return fmt.Sprint(sid == os.Getpid(), unix.Getpgrp() == os.Getpid())
	case "fds":
		return descriptors()
	case "fd":
		n, _ := strconv.Atoi(arg)
		return descriptor(n)
	case "read":
		n, _ := strconv.Atoi(arg)
		buf := make([]byte, 100)
		got, err := unix.Read(n, buf)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%q", buf[:got])
	case "write":
		fd, text, _ := strings.Cut(arg, ":")
		n, _ := strconv.Atoi(fd)
		_, err := unix.Write(n, []byte(text))
		return fmt.Sprint(err)
	case "stat":
		var st unix.Stat_t
		if err := unix.Lstat(arg, &st); err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%d:%d %#o", st.Uid, st.Gid, st.Mode&0o7777)
	case "list":
		entries, err := os.ReadDir(arg)
		if err != nil {
			return err.Error()
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	case "make":
		err := os.WriteFile(arg, nil, 0o666)
		return fmt.Sprint(err)
	case "namespace":
		link, _ := os.Readlink("/proc/self/ns/" + arg)
		return link
	case "terminal":
		pgrp, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
		return fmt.Sprint(err == nil && pgrp == unix.Getpgrp())
	case "uname":
		var u unix.Utsname
		return fmt.Sprint(unix.Uname(&u))
	case "tmp":
		return filepath.Base(os.TempDir())
	}
	return "is not known"
}

// descriptors are those that are open, but for what the runtime has opened itself.
func descriptors() string {
	var list []string
	for fd := 0; fd < 64; fd++ {
		link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if err == nil && !strings.HasPrefix(link, "anon_inode:[event") && !strings.HasPrefix(link, "/sys/fs/cgroup/") {
			list = append(list, strconv.Itoa(fd))
		}
	}
	return strings.Join(list, " ")
}

// descriptor is what one is open on: path, access mode, flags.
func descriptor(fd int) string {
	link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return "closed"
	}
	flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	text := [...]string{"r", "w", "rw", "?"}[flags&unix.O_ACCMODE]
	for _, f := range []struct {
		bit  int
		name string
	}{{unix.O_APPEND, "append"}, {unix.O_NONBLOCK, "nonblock"}} {
		if flags&f.bit != 0 {
			text += "," + f.name
		}
	}
	if kind, _, ok := strings.Cut(link, ":"); ok {
		link = kind
	}
	return link + " " + text
}
