package filter

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

var (
	amd64Kernel = Kernel{Arch: "amd64", Seccomp: true, Log: true, KillProcess: true}
	arm64Kernel = Kernel{Arch: "arm64", Seccomp: true, Log: true, KillProcess: true}
)

// load reads a service with the given lines.
func load(t testing.TB, lines string) *unit.ExecContext { return loadOn(t, "x86-64", lines) }

func loadOn(t testing.TB, architecture, lines string) *unit.ExecContext {
	t.Helper()
	var tree unit.Tree
	tree.AddFile("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/true\n"+strings.ReplaceAll(lines, "; ", "\n")+"\n")
	host := unit.DefaultHost()
	host.Architecture = architecture
	l := unit.NewLoader(&tree, host)
	l.Scan()
	u, diagnostics := l.Load("a.service")
	for _, d := range diagnostics {
		t.Log(d)
	}
	if u.LoadState != unit.Loaded {
		t.Fatal(u.LoadError)
	}
	return u.Exec
}

// call is an abi, a call and its arguments: "x32 socket 2".
func call(t testing.TB, s string) (abi, uint32, []uint64) {
	t.Helper()
	f := strings.Fields(s)
	a := abi(slices.IndexFunc([]abi{amd64, x32, i386, arm64, arm}, func(a abi) bool { return a.String() == f[0] }))
	var nr int64
	if row := find(f[1]); row != nil {
		nr = int64(row.nr[a])
	} else if _, err := fmt.Sscan(f[1], &nr); err != nil {
		t.Fatalf("no call %s", f[1])
	}
	if nr < 0 {
		t.Fatalf("%s has no %s", f[0], f[1])
	}
	if a == x32 {
		nr |= x32Bit
	}
	var args []uint64
	for _, w := range f[2:] {
		var v uint64
		if _, err := fmt.Sscan(w, &v); err != nil {
			t.Fatal(err)
		}
		args = append(args, v)
	}
	return a, uint32(nr), args
}

// run is the kernel's verdict after all programs: the strictest, which is the lowest as signed numbers go (seccomp(2)).
func run(t testing.TB, list []Program, a abi, nr uint32, args []uint64) string {
	t.Helper()
	// The library's machine reads big endian words.
	data := binary.BigEndian.AppendUint32(nil, nr)
	data = binary.BigEndian.AppendUint32(data, a.audit())
	data = append(data, make([]byte, 8)...)
	for i := range 6 {
		v := uint64(0)
		if i < len(args) {
			v = args[i]
		}
		data = binary.BigEndian.AppendUint32(data, uint32(v))
		data = binary.BigEndian.AppendUint32(data, uint32(v>>32))
	}
	strictest := uint32(unix.SECCOMP_RET_ALLOW)
	for _, p := range list {
		raw := make([]bpf.RawInstruction, len(p.Instructions))
		for i, in := range p.Instructions {
			raw[i] = bpf.RawInstruction{Op: in.Code, Jt: in.Jt, Jf: in.Jf, K: in.K}
		}
		program, ok := bpf.Disassemble(raw)
		if !ok {
			t.Fatalf("%s has an instruction that is none", p.Directive)
		}
		vm, err := bpf.NewVM(program)
		if err != nil {
			t.Fatalf("%s: %v", p.Directive, err)
		}
		v, err := vm.Run(data)
		if err != nil {
			t.Fatalf("%s: %v", p.Directive, err)
		}
		if int32(uint32(v)&unix.SECCOMP_RET_ACTION_FULL) < int32(strictest&unix.SECCOMP_RET_ACTION_FULL) {
			strictest = uint32(v)
		}
	}
	switch strictest & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ALLOW:
		return "allow"
	case unix.SECCOMP_RET_LOG:
		return "log"
	case unix.SECCOMP_RET_KILL_PROCESS:
		return "kill"
	case unix.SECCOMP_RET_KILL_THREAD:
		return "thread"
	case unix.SECCOMP_RET_ERRNO:
		if n := strictest & unix.SECCOMP_RET_DATA; n != 0 {
			return unix.ErrnoName(unix.Errno(n))
		}
		return "success"
	}
	return fmt.Sprintf("%#x", strictest)
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		lines string
		want  string // "verdict: call, call; …"
	}{
		{"SystemCallFilter=@system-service", `allow: x86-64 read, x86-64 execve, x32 execve, x86 execve, x86 socketcall 1, x86 ipc 1, x86-64 socket;
			kill: x86-64 mount, x32 mount, x86 mount, x86-64 reboot, x86-64 9999, x32 9999, x86-64 ptrace, x32 ptrace, x86-64 seccomp`},
		{"SystemCallFilter=@system-service; SystemCallErrorNumber=EPERM", "EPERM: x86-64 mount, x86-64 4294967295; allow: x86-64 read"},
		{"SystemCallFilter=@system-service; SystemCallFilter=~@privileged @resources", "kill: x86-64 chown, x86-64 setuid, x86-64 setpriority, x86 nice, x86-64 sched_setaffinity; allow: x86-64 setgid"},
		{"SystemCallFilter=~@privileged; SystemCallFilter=chown", "kill: x86-64 fchown; allow: x86-64 chown, x86-64 read"},
		{"SystemCallFilter=~chown:ENOTTY reboot:kill sync:0; SystemCallErrorNumber=EACCES", "ENOTTY: x86-64 chown; kill: x86-64 reboot; success: x86-64 sync; allow: x86-64 fsync"},
		{"SystemCallFilter=~mount:7 @reboot; SystemCallErrorNumber=EACCES", "E2BIG: x86-64 mount; EACCES: x86-64 reboot, x86 kexec_load, x32 kexec_load"},
		{"SystemCallFilter=read; SystemCallFilter=~getpid", "kill: x86-64 getpid, x86-64 write; allow: x86-64 read, x86-64 exit_group"},
		{"SystemCallFilter=@basic-io; SystemCallFilter=~read:EBADF", "EBADF: x86-64 read, x86 read; allow: x86-64 write; kill: x86-64 socket"},
		{"SystemCallFilter=socket", "allow: x86 socket, x86 socketcall 1, x86-64 socket; kill: x86 socketcall 2, x86 connect"},
		{"SystemCallFilter=~socket shmat; SystemCallErrorNumber=EPERM", "EPERM: x86 socket, x86 socketcall 1, x86 ipc 21, x86 ipc 65557; allow: x86 socketcall 3, x86 ipc 22"},
		{"SystemCallFilter=~@network-io; SystemCallErrorNumber=EPERM", "EPERM: x86 socketcall 1, x86 socketcall 99, x86-64 sendmsg, x32 sendmsg; allow: x86-64 512"},
		{"SystemCallFilter=@known", "allow: x86-64 mount, x86-64 listns, x86 stty; kill: x86-64 9999"},
		{"SystemCallFilter=~@known", "kill: x86-64 mount, x86-64 read; allow: x86-64 9999"},
		{"SystemCallFilter=", "allow: x86-64 mount"},
		{"SystemCallLog=@mount", "log: x86-64 mount, x86 mount; allow: x86-64 read"},
		{"SystemCallLog=~@mount", "allow: x86-64 mount; log: x86-64 read"},
		{"SystemCallLog=mount; SystemCallFilter=~mount:EPERM", "EPERM: x86-64 mount"},
		{"SystemCallArchitectures=native", "thread: x32 read, x86 read; allow: x86-64 read, x86-64 4294967295"},
		{"SystemCallArchitectures=x86", "thread: x32 read; allow: x86-64 read, x86 read"},
		{"SystemCallArchitectures=native x32", "thread: x86 read; allow: x86-64 read, x32 read"},
		{"SystemCallArchitectures=native x86 x32", "allow: x86-64 read, x86 read, x32 read"},
		{"SystemCallArchitectures=native; SystemCallFilter=~mount", "thread: x86 mount, x32 mount; kill: x86-64 mount; allow: x86-64 read"},
		{"RestrictNamespaces=yes", `EPERM: x86-64 unshare 0x20000, x86-64 clone 0x10000011, x86-64 setns 3 0, x86-64 setns 3 0x40000000, x32 unshare 0x20000, x86 unshare 0x20000, x86-64 unshare 0x300020000;
			ENOSYS: x86-64 clone3; allow: x86-64 unshare 0x400, x86-64 clone 0x11`},
		{"RestrictNamespaces=user net", `EPERM: x86-64 unshare 0x20000, x86-64 unshare 0x10020000, x86-64 setns 3 0, x86-64 setns 3 0x20000; allow: x86-64 unshare 0x50000000, x86-64 setns 3 0x10000000`},
		{"RestrictNamespaces=~user", "EPERM: x86-64 clone 0x10000000; allow: x86-64 clone 0x20000000"},
		{"RestrictNamespaces=no", "allow: x86-64 clone 0x10000000, x86-64 clone3"},
		{"RestrictAddressFamilies=AF_UNIX AF_INET", `EAFNOSUPPORT: x86-64 socket 10, x86-64 socket 0, x32 socket 16, x86-64 socket 0x100000010, x86-64 socket 0xffffffffffffffff;
			allow: x86-64 socket 1, x86-64 socket 2, x86 socketcall 1, x86 socket 10, x86-64 socketpair 10`},
		{"RestrictAddressFamilies=~AF_PACKET AF_NETLINK", "EAFNOSUPPORT: x86-64 socket 17, x86-64 socket 0x100000011, x32 socket 16; allow: x86-64 socket 2, x86-64 socket 99"},
		{"RestrictAddressFamilies=none", "EAFNOSUPPORT: x86-64 socket 1, x86-64 socket 0; allow: x86-64 read"},
		{"MemoryDenyWriteExecute=yes", `EPERM: x86-64 mmap 0 0 6, x86-64 mmap 0 0 7, x86-64 mprotect 0 0 4, x86-64 pkey_mprotect 0 0 5, x86-64 shmat 0 0 0100000, x32 mmap 0 0 7, x86 mmap, x86 mmap2 0 0 7;
			allow: x86-64 mmap 0 0 5, x86-64 mmap 0 0 3, x86-64 mprotect 0 0 3, x86-64 shmat, x86 mmap2 0 0 5, x86 ipc 21`},
		{"RestrictRealtime=yes", "EPERM: x86-64 sched_setscheduler 0 1, x86-64 sched_setscheduler 0 2, x86 sched_setscheduler 0 6, x86-64 sched_setscheduler 0 0x40000001; allow: x86-64 sched_setscheduler 0 0, x86-64 sched_setscheduler 0 3, x86-64 sched_setscheduler 0 5"},
		{"RestrictSUIDSGID=yes", `EPERM: x86-64 chmod 0 04755, x86-64 fchmod 0 02000, x86-64 fchmodat 0 0 06755, x86-64 fchmodat2 0 0 02000, x86-64 open 0 0100 04000, x86-64 openat 0 0 0102 02755, x86-64 openat 0 0 020200001 04755, x86-64 creat 0 04000, x86-64 mkdir 0 02755, x86-64 mkdirat 0 0 02755, x86-64 mknod 0 0104755, x86 mknodat 0 0 0104755;
			ENOSYS: x86-64 openat2; allow: x86-64 chmod 0 0755, x86-64 open 0 0 04000, x86-64 openat 0 0 0102 0644`},
		{"LockPersonality=yes", "EPERM: x86-64 personality 8, x86-64 personality 0xffffffff, x86 personality 0x40000; allow: x86-64 personality 0"},
		{"LockPersonality=yes; Personality=x86", "EPERM: x86-64 personality 0; allow: x86-64 personality 8"},
		{"ProtectKernelTunables=yes", "EPERM: x86-64 _sysctl, x86 _sysctl; allow: x86-64 read"},
		{"ProtectKernelModules=yes", "EPERM: x86-64 init_module, x32 finit_module, x86 delete_module; allow: x86-64 read"},
		{"ProtectKernelLogs=yes", "EPERM: x86-64 syslog; allow: x86-64 read"},
		{"ProtectClock=yes", "EPERM: x86-64 settimeofday, x86 clock_settime64, x86-64 adjtimex; allow: x86-64 gettimeofday"},
		{"PrivateDevices=yes", "EPERM: x86-64 iopl, x86-64 ioperm; allow: x86-64 read"},
		{"ProtectHostname=yes", "EPERM: x86-64 sethostname, x86 setdomainname; allow: x86-64 uname"},
	} {
		check(t, c.lines, c.want, amd64Kernel)
	}
	for _, c := range []struct{ lines, want string }{
		{"SystemCallFilter=@system-service", "allow: arm64 read, arm64 newfstatat, arm read, arm set_tls, arm arm_fadvise64_64; kill: arm64 mount, arm mount"},
		{"SystemCallArchitectures=native", "thread: arm read; allow: arm64 read"},
		{"RestrictAddressFamilies=AF_UNIX", "EAFNOSUPPORT: arm64 socket 2, arm socket 2; allow: arm socket 1"},
		{"MemoryDenyWriteExecute=yes", "EPERM: arm64 mmap 0 0 7, arm mmap2 0 0 7, arm64 shmat 0 0 0100000, arm shmat 0 0 0100000; allow: arm64 mmap 0 0 5"},
		{"ProtectKernelTunables=yes", "EPERM: arm _sysctl; allow: arm64 read"},
		{"RestrictSUIDSGID=yes", "EPERM: arm64 fchmodat 0 0 04755, arm chmod 0 04755, arm64 openat 0 0 0100 02755; allow: arm64 fchmod 0 0755"},
		{"LockPersonality=yes; Personality=arm", "allow: arm64 personality 8; EPERM: arm64 personality 0"},
	} {
		check(t, c.lines, c.want, arm64Kernel)
	}
}

func check(t *testing.T, lines, want string, k Kernel) {
	t.Helper()
	list, remarks := Compile(loadOn(t, map[string]string{"amd64": "x86-64", "arm64": "arm64"}[k.Arch], lines), k)
	if remarks != nil {
		t.Errorf("%s: %q", lines, remarks)
	}
	for _, group := range strings.Split(want, ";") {
		verdict, calls, _ := strings.Cut(strings.TrimSpace(group), ": ")
		for _, s := range strings.Split(calls, ", ") {
			a, nr, args := call(t, s)
			if got := run(t, list, a, nr, args); got != verdict {
				t.Errorf("%s: %s is %s, want %s", lines, s, got, verdict)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	const all = `SystemCallFilter=~mount; SystemCallLog=mount; LockPersonality=yes; SystemCallArchitectures=native; PrivateDevices=yes; ProtectClock=yes; ProtectKernelLogs=yes; ProtectKernelModules=yes; ProtectKernelTunables=yes; RestrictNamespaces=yes; RestrictSUIDSGID=yes; RestrictRealtime=yes; MemoryDenyWriteExecute=yes; RestrictAddressFamilies=AF_UNIX; ProtectHostname=yes`
	list, remarks := Compile(load(t, all), amd64Kernel)
	var names []string
	for _, p := range list {
		names = append(names, p.Directive)
		if want := map[bool]int{true: 232, false: 228}[p.Directive == "RestrictAddressFamilies"]; p.Exit != want {
			t.Errorf("%s: exit status %d, want %d", p.Directive, p.Exit, want)
		}
		if n := len(p.Instructions); n > unix.BPF_MAXINSNS || len(p.Bytes()) != 8*n {
			t.Errorf("%s: %d instructions in %d bytes", p.Directive, n, len(p.Bytes()))
		}
	}
	want := "ProtectHostname RestrictAddressFamilies MemoryDenyWriteExecute RestrictRealtime RestrictSUIDSGID RestrictNamespaces ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectClock PrivateDevices SystemCallArchitectures LockPersonality SystemCallLog SystemCallFilter"
	if got := strings.Join(names, " "); got != want || remarks != nil {
		t.Errorf("got  %s %q\nwant %s", got, remarks, want)
	}
	again, _ := Compile(load(t, all), amd64Kernel)
	for i := range list {
		if !slices.Equal(list[i].Instructions, again[i].Instructions) {
			t.Errorf("%s compiles differently a second time", list[i].Directive)
		}
	}
}

func TestRemarks(t *testing.T) {
	for _, c := range []struct {
		lines  string
		kernel Kernel
		want   string
		n      int
	}{
		{"SystemCallFilter=~mount nosuchcall", amd64Kernel, "Failed to parse system call, ignoring: nosuchcall", 1},
		{"SystemCallFilter=~mount swapcontext s390_pci_mmio_read", amd64Kernel, "", 1},
		{"SystemCallFilter=~mount", Kernel{Arch: "amd64"}, "SystemCallFilter=: the kernel has no seccomp filters, ignoring.", 0},
		{"SystemCallFilter=~mount", Kernel{Arch: "mips", Seccomp: true}, "SystemCallFilter=: system call filters are not known for mips, ignoring.", 0},
		{"SystemCallLog=mount", Kernel{Arch: "amd64", Seccomp: true, KillProcess: true}, "SystemCallLog=: the kernel cannot log system calls (SECCOMP_RET_LOG, Linux 4.14), ignoring.", 0},
		{"SystemCallFilter=~mount reboot", Kernel{Arch: "amd64", Seccomp: true}, "The kernel cannot end a process for a system call (SECCOMP_RET_KILL_PROCESS, Linux 4.14), it ends the thread.", 1},
		{"ProtectKernelTunables=yes; SystemCallArchitectures=native", arm64Kernel, "", 1}, // no _sysctl is left
		{"NoNewPrivileges=yes", amd64Kernel, "", 0},
	} {
		list, remarks := Compile(load(t, c.lines), c.kernel)
		if got := strings.Join(remarks, "; "); got != c.want || len(list) != c.n {
			t.Errorf("%s: %d programs, %q; want %d, %q", c.lines, len(list), got, c.n, c.want)
		}
	}
}

// Every name in a group is a call somewhere, every family that units accept has a number.
func TestGroups(t *testing.T) {
	foreign := strings.Fields(`riscv_flush_icache riscv_hwprobe rtas s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr subpage_prot swapcontext
		switch_endian sync_file_range2 sys_debug_setcontext`)
	for name := range groups {
		EachCall("@"+name, func(call string) {
			if find(call) == nil && !slices.Contains(foreign, call) {
				t.Errorf("@%s has %s, which is no call", name, call)
			}
		})
		if len(strings.Fields(groups[name])) == 0 {
			t.Errorf("@%s is empty", name)
		}
	}
	for name := range families {
		if e := load(t, "RestrictAddressFamilies="+name); !slices.Equal(e.RestrictAddressFamilies.Names, []string{name}) {
			t.Errorf("units refuse %s", name)
		}
	}
}

func BenchmarkSystemService(b *testing.B) {
	e := load(b, "SystemCallFilter=@system-service; SystemCallFilter=~@privileged @resources")
	for b.Loop() {
		Compile(e, amd64Kernel)
	}
}

func BenchmarkAll(b *testing.B) {
	e := load(b, "SystemCallFilter=@system-service; LockPersonality=yes; SystemCallArchitectures=native; PrivateDevices=yes; ProtectClock=yes; ProtectKernelLogs=yes; ProtectKernelModules=yes; ProtectKernelTunables=yes; RestrictNamespaces=yes; RestrictSUIDSGID=yes; RestrictRealtime=yes; MemoryDenyWriteExecute=yes; RestrictAddressFamilies=AF_UNIX; ProtectHostname=yes")
	for b.Loop() {
		Compile(e, amd64Kernel)
	}
}
