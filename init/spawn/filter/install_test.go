package filter

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// With this variable the test binary installs the filters of the unit lines in it, and makes calls.
const linesVariable = "FILTER_TEST_LINES"

func TestMain(m *testing.M) {
	if lines, ok := os.LookupEnv(linesVariable); ok {
		restricted(lines)
	}
	os.Exit(m.Run())
}

func restricted(lines string) {
	var t testing.T
	list, _ := Compile(load(&t, lines), Probe())
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for _, p := range list {
		fprog := unix.SockFprog{Len: uint16(len(p.Instructions)), Filter: &p.Instructions[0]}
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&fprog)))
		if errno != 0 {
			fmt.Println(p.Directive, errno)
			os.Exit(1)
		}
	}
	page := uintptr(os.Getpagesize())
	for _, c := range []struct {
		name string
		nr   uintptr
		args [4]uintptr
	}{
		{"socket unix", unix.SYS_SOCKET, [4]uintptr{unix.AF_UNIX, unix.SOCK_STREAM}},
		{"socket inet", unix.SYS_SOCKET, [4]uintptr{unix.AF_INET, unix.SOCK_STREAM}},
		{"mmap wx", unix.SYS_MMAP, [4]uintptr{0, page, unix.PROT_WRITE | unix.PROT_EXEC, unix.MAP_PRIVATE | unix.MAP_ANON}},
		{"sysinfo", unix.SYS_SYSINFO, [4]uintptr{uintptr(unsafe.Pointer(new(unix.Sysinfo_t)))}},
		{"personality", unix.SYS_PERSONALITY, [4]uintptr{8}},
		{"acct", unix.SYS_ACCT, [4]uintptr{1}}, // EFAULT, or EPERM of its own
	} {
		_, _, errno := unix.RawSyscall6(c.nr, c.args[0], c.args[1], c.args[2], c.args[3], ^uintptr(0), 0)
		result := unix.ErrnoName(errno)
		if errno == 0 {
			result = "ok"
		}
		fmt.Printf("%s: %s\n", c.name, result)
	}
	os.Exit(0)
}

// TestInstalled has the kernel run the programs.
func TestInstalled(t *testing.T) {
	if k := Probe(); !k.Seccomp || !k.KillProcess {
		t.Skipf("the kernel, or the sandbox around this test, has no seccomp filters: %+v", k)
	}
	for _, c := range []struct {
		lines, want string
	}{
		{"RestrictAddressFamilies=AF_UNIX", "socket unix: ok, socket inet: EAFNOSUPPORT, mmap wx: ok"},
		{"MemoryDenyWriteExecute=yes; LockPersonality=yes", "mmap wx: EPERM, personality: EPERM, socket inet: ok"},
		{"SystemCallFilter=@system-service; SystemCallFilter=~sysinfo:ENOTTY; SystemCallErrorNumber=EXDEV", "sysinfo: ENOTTY, acct: EXDEV, mmap wx: ok"},
		{"SystemCallFilter=~sysinfo:0 acct:EILSEQ; SystemCallArchitectures=native; SystemCallLog=sysinfo", "sysinfo: ok, acct: EILSEQ"},
		{"SystemCallFilter=~sysinfo", "mmap wx: ok, signal: bad system call"},
	} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), linesVariable+"="+c.lines)
		out, err := cmd.CombinedOutput()
		got := strings.ReplaceAll(string(out), "\n", ", ")
		if err != nil {
			got += err.Error()
		}
		for _, want := range strings.Split(c.want, ", ") {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %s", c.lines, want, got)
			}
		}
	}
}
