package unit

import (
	"slices"
	"strings"
)

// syscallFilter is SystemCallFilter= and SystemCallLog=: names and @groups, inverted by "~", a denied one with
// ":errno" (systemd.exec(5)). Whether a name is a system call is for the one who compiles the filter to say: that depends
// on the kernel and the architecture.
func syscallFilter(log bool, f field[SyscallFilter]) form {
	return form{"list of system calls and @groups, inverted by ~", func(a *assignment) {
		filter := f(a.u)
		if a.value == "" {
			*filter = SyscallFilter{}
			return
		}
		value, invert := strings.CutPrefix(a.value, "~")
		if !filter.Set {
			filter.Set, filter.AllowList = true, !invert
		}
		err := eachWord(value, 0, func(w string) {
			r := SyscallRule{Name: w, Errno: -1, Remove: invert == filter.AllowList}
			if name, errno, ok := strings.Cut(w, ":"); ok && !log {
				e, known := ParseErrno(errno)
				if !known && errno != "kill" {
					a.warn("Failed to parse syscall:errno, ignoring: %s", w)
					return
				}
				if !invert {
					a.warn("Allow-listed system calls cannot take error number, ignoring: %s", w)
					return
				}
				r.Name, r.Errno = name, e
				if errno == "kill" {
					r.Errno = SyscallKill
				}
			}
			switch {
			case !validSyscall(r.Name):
				a.warn("Failed to parse system call, ignoring: %s", r.Name)
			case strings.HasPrefix(r.Name, "@") && !slices.Contains(syscallGroups, r.Name[1:]):
				a.warn("Unknown system call group, ignoring: %s", r.Name)
			default:
				filter.Rules = append(filter.Rules, r)
			}
		})
		if err != nil {
			a.warn("Invalid syntax, ignoring: %s", a.value)
		}
	}}
}

// syscallGroups are the predefined sets of systemd.exec(5), table "Currently predefined system call sets".
var syscallGroups = []string{
	"aio", "basic-io", "chown", "clock", "cpu-emulation", "debug", "default", "file-system", "io-event", "ipc", "keyring", "known",
	"memlock", "module", "mount", "network-io", "obsolete", "pkey", "privileged", "process", "raw-io", "reboot", "resources",
	"sandbox", "setuid", "signal", "swap", "sync", "system-service", "timer",
}

func validSyscall(s string) bool {
	s = strings.TrimPrefix(s, "@")
	for i := range len(s) {
		if c := s[i]; !isNameStart(c) && c != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

func syscallErrno() form {
	return form{"errno or kill", func(a *assignment) {
		if a.value == "" || a.value == "kill" {
			a.u.Exec.SystemCallErrorNumber = SyscallKill
			return
		}
		e, ok := ParseErrno(a.value)
		switch {
		case !ok:
			a.warn("Failed to parse error number, ignoring: %s", a.value)
		case e == 0:
			a.warn("Invalid error number, ignoring: %s", a.value)
		default:
			a.u.Exec.SystemCallErrorNumber = e
		}
	}}
}

var syscallArchWords = words{"native", "x86", "x86-64", "x32", "arm", "arm64", "mips", "mips64", "mips64-n32", "mips-le", "mips64-le", "mips64-le-n32", "parisc", "parisc64", "ppc", "ppc64", "ppc64-le", "riscv64", "s390", "s390x"}

func syscallArchitectures() form {
	return wordList("list of "+strings.Join(syscallArchWords, ", "),
		func(u *Unit) *[]string { return &u.Exec.SystemCallArchitectures },
		func(w string) bool { _, ok := syscallArchWords.find(w); return ok },
		"Failed to parse system call architecture \"%s\", ignoring: Invalid argument")
}

// nameList is a set of names that "~" makes a deny list; a word of the other kind than the list takes from it.
// none is a value that allows nothing, "" if there is none.
func nameList(name string, f field[NameList], none string, valid func(string) bool, message string) form {
	return form{name, func(a *assignment) {
		l := f(a.u)
		if a.value == "" {
			*l = NameList{}
			return
		}
		if a.value == none {
			*l = NameList{Set: true, AllowList: true}
			return
		}
		value, invert := strings.CutPrefix(a.value, "~")
		if !l.Set {
			l.Set, l.AllowList = true, !invert
		}
		if err := eachWord(value, unquote, func(w string) {
			switch at, found := slices.BinarySearch(l.Names, w); {
			case !valid(w):
				a.warn(message, w)
			case l.AllowList == !invert:
				l.Names = insertSorted(l.Names, w)
			case found:
				l.Names = slices.Delete(l.Names, at, at+1)
			}
		}); err != nil {
			a.warn("Invalid syntax, ignoring: %s", a.value)
		}
	}}
}

// validAddressFamily: the names of address_families(7), which are many; their form is checked, and a few are known not to be.
func validAddressFamily(s string) bool {
	return slices.Contains(addressFamilies, s)
}

var addressFamilies = []string{
	"AF_UNIX", "AF_LOCAL", "AF_INET", "AF_AX25", "AF_IPX", "AF_APPLETALK", "AF_NETROM", "AF_BRIDGE", "AF_ATMPVC", "AF_X25", "AF_INET6",
	"AF_ROSE", "AF_DECnet", "AF_NETBEUI", "AF_SECURITY", "AF_KEY", "AF_NETLINK", "AF_ROUTE", "AF_PACKET", "AF_ASH", "AF_ECONET",
	"AF_ATMSVC", "AF_RDS", "AF_SNA", "AF_IRDA", "AF_PPPOX", "AF_WANPIPE", "AF_LLC", "AF_IB", "AF_MPLS", "AF_CAN", "AF_TIPC",
	"AF_BLUETOOTH", "AF_IUCV", "AF_RXRPC", "AF_ISDN", "AF_PHONET", "AF_IEEE802154", "AF_CAIF", "AF_ALG", "AF_NFC", "AF_VSOCK",
	"AF_KCM", "AF_QIPCRTR", "AF_SMC", "AF_XDP", "AF_MCTP",
}

// namespaceWords are what RestrictNamespaces= knows, with the kernel's CLONE_NEW* bits.
var namespaceWords = []struct {
	name string
	bit  Namespaces
}{
	{"cgroup", 0x02000000}, {"ipc", 0x08000000}, {"net", 0x40000000}, {"mnt", 0x00020000}, {"pid", 0x20000000}, {"user", 0x10000000}, {"uts", 0x04000000},
}

func restrictNamespaces() form {
	return form{"boolean or list of namespace types, inverted by ~", func(a *assignment) {
		b := &a.u.Exec.RestrictNamespaces
		if a.value == "" {
			*b = Bound[Namespaces]{}
			return
		}
		if on, ok := ParseBoolean(a.value); ok {
			*b = Bound[Namespaces]{Set: true}
			if !on {
				b.Value = AllNamespaces
			}
			return
		}
		value, invert := strings.CutPrefix(a.value, "~")
		flags, good := Namespaces(0), true
		err := eachWord(value, unquote, func(w string) {
			known := false
			for _, n := range namespaceWords {
				if n.name == w {
					flags, known = flags|n.bit, true
				}
			}
			good = good && known
		})
		switch {
		case err != nil || !good:
			a.warn("Failed to parse namespace type string, ignoring: %s", value)
		case !b.Set && invert:
			*b = Bound[Namespaces]{true, AllNamespaces &^ flags}
		case invert:
			b.Value &^= flags
		default:
			*b = Bound[Namespaces]{true, b.Value | flags}
		}
	}}
}
