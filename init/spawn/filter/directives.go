package filter

import (
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

const allow = unix.SECCOMP_RET_ALLOW

var eperm = deny(int(unix.EPERM))

// directive is one that becomes a program.
type directive struct {
	name    string
	exit    int
	asked   func(*unit.ExecContext) bool
	compile func(*compiler) code // nil: there is nothing to restrict
}

// directives in the order in which exec_child installs them.
var directives = []directive{
	{"ProtectHostname", ExitSeccomp, func(e *unit.ExecContext) bool { return e.ProtectHostname }, denied("sethostname", "setdomainname")},
	{"RestrictAddressFamilies", ExitAddressFamilies, asksFamilies, (*compiler).addressFamilies},
	{"MemoryDenyWriteExecute", ExitSeccomp, func(e *unit.ExecContext) bool { return e.MemoryDenyWriteExecute }, (*compiler).memoryDenyWriteExecute},
	{"RestrictRealtime", ExitSeccomp, func(e *unit.ExecContext) bool { return e.RestrictRealtime }, (*compiler).realtime},
	{"RestrictSUIDSGID", ExitSeccomp, func(e *unit.ExecContext) bool { return e.RestrictSUIDSGID }, (*compiler).suidSgid},
	{"RestrictNamespaces", ExitSeccomp, asksNamespaces, (*compiler).namespaces},
	{"ProtectKernelTunables", ExitSeccomp, func(e *unit.ExecContext) bool { return e.ProtectKernelTunables }, denied("_sysctl")},
	{"ProtectKernelModules", ExitSeccomp, func(e *unit.ExecContext) bool { return e.ProtectKernelModules }, denied("@module")},
	{"ProtectKernelLogs", ExitSeccomp, func(e *unit.ExecContext) bool { return e.ProtectKernelLogs }, denied("syslog")},
	{"ProtectClock", ExitSeccomp, func(e *unit.ExecContext) bool { return e.ProtectClock }, denied("@clock")},
	{"PrivateDevices", ExitSeccomp, func(e *unit.ExecContext) bool { return e.PrivateDevices }, denied("@raw-io")},
	{"SystemCallArchitectures", ExitSeccomp, func(e *unit.ExecContext) bool { return len(e.SystemCallArchitectures) > 0 }, (*compiler).architectures},
	{"LockPersonality", ExitSeccomp, func(e *unit.ExecContext) bool { return e.LockPersonality }, (*compiler).personality},
	{"SystemCallLog", ExitSeccomp, func(e *unit.ExecContext) bool { return asksCalls(&e.SystemCallLog) }, (*compiler).log},
	{"SystemCallFilter", ExitSeccomp, func(e *unit.ExecContext) bool { return asksCalls(&e.SystemCallFilter) }, (*compiler).filter},
}

// An allow list restricts even if it is empty, a deny list does not (context_has_syscall_filters and its kin).
func asksCalls(f *unit.SyscallFilter) bool { return f.Set && (f.AllowList || len(f.Rules) > 0) }

func asksFamilies(e *unit.ExecContext) bool {
	l := &e.RestrictAddressFamilies
	return l.Set && (l.AllowList || len(l.Names) > 0)
}

func asksNamespaces(e *unit.ExecContext) bool {
	b := e.RestrictNamespaces
	return b.Set && b.Value&unit.AllNamespaces != unit.AllNamespaces
}

// denied makes calls and groups fail with EPERM.
func denied(names ...string) func(*compiler) code {
	return func(c *compiler) code {
		list := c.policies(allow)
		none := true
		for _, name := range names {
			EachCall(name, func(name string) {
				if s := find(name); s != nil {
					for i := range list {
						list[i].rule(s, ruling{verdict: eperm})
						none = none && len(list[i].calls) == 0
					}
				}
			})
		}
		if none { // _sysctl, on arm64 without arm
			return nil
		}
		return assemble(list, allow)
	}
}

// EachCall calls f with all system calls of a group ("@swap", systemd.exec(5)), those of groups in it among them, or with the name itself. One may come twice.
func EachCall(name string, f func(string)) {
	group, ok := strings.CutPrefix(name, "@")
	if !ok {
		f(name)
		return
	}
	if group == "known" {
		for i := range syscalls {
			f(syscalls[i].name)
		}
	}
	for n := range strings.FieldsSeq(groups[group]) {
		EachCall(n, f)
	}
}

// addressFamilies restricts socket(2), with EAFNOSUPPORT. On i386 the family is out of sight behind socketcall(2), and systemd restricts
// nothing there.
func (c *compiler) addressFamilies() code {
	unsupported := deny(int(unix.EAFNOSUPPORT))
	l := &c.exec.RestrictAddressFamilies
	r, listed := ruling{verdict: allow}, unsupported
	if l.AllowList {
		r.verdict, listed = unsupported, allow
	}
	for _, name := range l.Names {
		if f, ok := families[name]; ok {
			r.rules = append(r.rules, rule{[]test{is(0, f)}, listed})
		}
	}
	list := c.policies(allow)
	for i := range list {
		if list[i].abi != i386 {
			list[i].rule(find("socket"), r)
		}
	}
	return assemble(list, allow)
}

// memoryDenyWriteExecute refuses memory that is writable and executable, and makes no memory executable later on. The arguments of i386's
// mmap(2) are in memory, so it is refused altogether, and those of its ipc(2) cannot be seen.
func (c *compiler) memoryDenyWriteExecute() code {
	const shmExec = 0100000
	executable := ruling{[]rule{{[]test{hasAny(2, unix.PROT_EXEC)}, eperm}}, allow}
	both := ruling{[]rule{{[]test{hasAny(2, unix.PROT_EXEC), hasAny(2, unix.PROT_WRITE)}, eperm}}, allow}
	list := c.policies(allow)
	for i := range list {
		p := &list[i]
		p.rule(find("mmap"), both)
		p.rule(find("mmap2"), both)
		p.rule(find("mprotect"), executable)
		p.rule(find("pkey_mprotect"), executable)
		if p.abi == i386 {
			p.rule(find("mmap"), ruling{verdict: eperm})
			continue
		}
		p.rule(find("shmat"), ruling{[]rule{{[]test{hasAny(2, shmExec)}, eperm}}, allow})
	}
	return assemble(list, allow)
}

// realtime leaves SCHED_OTHER, SCHED_BATCH and SCHED_IDLE, without SCHED_RESET_ON_FORK, as systemd does.
func (c *compiler) realtime() code {
	r := ruling{verdict: eperm}
	for _, policy := range []uint32{unix.SCHED_NORMAL, unix.SCHED_BATCH, unix.SCHED_IDLE} {
		r.rules = append(r.rules, rule{[]test{is(1, policy)}, allow})
	}
	list := c.policies(allow)
	for i := range list {
		list[i].rule(find("sched_setscheduler"), r)
	}
	return assemble(list, allow)
}

// modeArgument is where calls that make files or change their mode have it.
var modeArgument = []struct {
	name  string
	mode  uint8
	flags int8 // where open flags are, which must ask for a new file; -1 for none
}{
	{"chmod", 1, -1}, {"fchmod", 1, -1}, {"fchmodat", 2, -1}, {"fchmodat2", 2, -1}, {"mkdir", 1, -1}, {"mkdirat", 2, -1}, {"mknod", 1, -1}, {"mknodat", 2, -1},
	{"creat", 1, -1}, {"open", 2, 1}, {"openat", 3, 2},
}

// suidSgid refuses the set-user-ID and set-group-ID bits. openat2(2) has its mode in memory: programs are to take openat instead.
// O_TMPFILE makes files as O_CREAT does, which systemd does not look at.
func (c *compiler) suidSgid() code {
	const tmpfile = 020000000 // __O_TMPFILE, without the O_DIRECTORY in it
	list := c.policies(allow)
	for i := range list {
		for _, m := range modeArgument {
			tests := []test{hasAny(m.mode, unix.S_ISUID|unix.S_ISGID)}
			if m.flags >= 0 {
				tests = append(tests, hasAny(uint8(m.flags), unix.O_CREAT|tmpfile))
			}
			list[i].rule(find(m.name), ruling{[]rule{{tests, eperm}}, allow})
		}
		list[i].rule(find("openat2"), ruling{verdict: deny(int(unix.ENOSYS))})
	}
	return assemble(list, allow)
}

// namespaces looks at the flags of clone(2), unshare(2) and setns(2). clone3(2) has its flags in memory: the C library falls back to clone.
// A setns that does not say what it enters is refused.
func (c *compiler) namespaces() code {
	retained := c.exec.RestrictNamespaces.Value & unit.AllNamespaces
	refused := uint32(unit.AllNamespaces &^ retained)
	list := c.policies(allow)
	for i := range list {
		p := &list[i]
		p.rule(find("clone3"), ruling{verdict: deny(int(unix.ENOSYS))})
		flags := ruling{[]rule{{[]test{hasAny(0, refused)}, eperm}}, allow}
		p.rule(find("unshare"), flags)
		p.rule(find("clone"), flags)
		if retained == 0 {
			p.rule(find("setns"), ruling{verdict: eperm})
			continue
		}
		p.rule(find("setns"), ruling{[]rule{{[]test{is(1, 0)}, eperm}, {[]test{hasAny(1, refused)}, eperm}}, allow})
	}
	return assemble(list, allow)
}

// architectures ends threads that call by another abi than those allowed.
func (c *compiler) architectures() code {
	if len(c.abis) == len(abisOf[c.kernel.Arch]) {
		return nil
	}
	return assemble(c.policies(allow), unix.SECCOMP_RET_KILL_THREAD)
}

// personality locks the one of Personality=, else the one that there is (opinionated_personality in src/shared/process-util.c: of the
// current one only whether it is PER_LINUX32 counts).
func (c *compiler) personality() code {
	const perLinux, perLinux32 = 0, 8 // personality(2)
	p := uint32(perLinux)
	switch c.exec.Personality {
	case "":
		if c.kernel.Personality&0xff == perLinux32 {
			p = perLinux32
		}
	case "x86", "arm":
		p = perLinux32
	}
	list := c.policies(allow)
	for i := range list {
		list[i].rule(find("personality"), ruling{[]rule{{[]test{is(0, p)}, allow}}, eperm})
	}
	return assemble(list, allow)
}

func (c *compiler) log() code {
	if !c.kernel.Log {
		c.remark("SystemCallLog=: the kernel cannot log system calls (SECCOMP_RET_LOG, Linux 4.14), ignoring.")
		return nil
	}
	f := &c.exec.SystemCallLog
	named, others := uint32(unix.SECCOMP_RET_LOG), uint32(allow)
	if !f.AllowList { // what is not to be logged is
		named, others = others, named
	}
	return c.verdicts(others, c.calls(f, ""), func(int32) uint32 { return named })
}

func (c *compiler) filter() code {
	f := &c.exec.SystemCallFilter
	if !f.AllowList {
		return c.verdicts(allow, c.calls(f, ""), c.negative)
	}
	return c.verdicts(c.negative(-1), c.calls(f, "@default"), func(errno int32) uint32 {
		if errno < 0 {
			return allow
		}
		return c.negative(errno)
	})
}

// calls are what the rules of a list leave in it: for each row of the table the errno, -1 if none is given, or unlisted. A rule that denies with an
// errno stays in an allow list (seccomp_parse_syscall_filter).
func (c *compiler) calls(f *unit.SyscallFilter, initial string) *[len(syscalls)]int32 {
	calls := new([len(syscalls)]int32)
	for i := range calls {
		calls[i] = unlisted
	}
	set := func(errno int32) func(string) {
		return func(name string) {
			if i, ok := row(name); ok {
				calls[i] = errno
			}
		}
	}
	if initial != "" {
		EachCall(initial, set(-1))
	}
	for _, r := range f.Rules {
		switch {
		case r.Name[0] != '@' && !known(r.Name):
			c.remark("Failed to parse system call, ignoring: %s", r.Name)
		case r.Remove && !(f.AllowList && r.Errno >= 0):
			EachCall(r.Name, set(unlisted))
		default:
			EachCall(r.Name, set(int32(r.Errno)))
		}
	}
	return calls
}

const unlisted = -2

// verdicts is the program that has a verdict on each of the calls, and one on all others.
func (c *compiler) verdicts(others uint32, calls *[len(syscalls)]int32, verdict func(errno int32) uint32) code {
	list := c.policies(others)
	for i, errno := range calls {
		if errno == unlisted {
			continue
		}
		r := ruling{verdict: verdict(errno)}
		for p := range list {
			list[p].rule(&syscalls[i], r)
		}
	}
	return assemble(list, allow)
}
