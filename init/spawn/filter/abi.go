package filter

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// abi is a column of the table of calls.
type abi uint8

const (
	amd64 abi = iota
	x32
	i386
	arm64
	arm
	abis = int(arm) + 1
)

// String is the name in SystemCallArchitectures=.
func (a abi) String() string { return [...]string{"x86-64", "x32", "x86", "arm64", "arm"}[a] }

// abisOf are the abis of an architecture, by GOARCH, the native one first.
var abisOf = map[string][]abi{"amd64": {amd64, x32, i386}, "arm64": {arm64, arm}}

// x32Bit tells an x32 call from an amd64 one; both have one audit number.
const x32Bit = 0x40000000

// audit is what seccomp_data.arch holds.
func (a abi) audit() uint32 {
	return [...]uint32{unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386, unix.AUDIT_ARCH_AARCH64, unix.AUDIT_ARCH_ARM}[a]
}

// syscall is a row of the table: the numbers of a call, or -1 where an abi has none.
type syscall struct {
	name string
	nr   [abis]int32
}

// find gives the row of a call, nil if no abi has it.
func find(name string) *syscall {
	if i, ok := row(name); ok {
		return &syscalls[i]
	}
	return nil
}

// row is the index of a call in the table.
func row(name string) (int, bool) {
	lo, hi := 0, len(syscalls)
	for lo < hi {
		if mid := (lo + hi) / 2; syscalls[mid].name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < len(syscalls) && syscalls[lo].name == name
}

// known tells whether a name means a call to systemd: some of the names in its groups belong to architectures that keelson is not made for.
func known(name string) bool {
	if find(name) != nil {
		return true
	}
	for _, g := range groups {
		if slices.Contains(strings.Fields(g), name) {
			return true
		}
	}
	return false
}

// The calls that i386 also, or only, has behind socketcall(2) and ipc(2), with their number there.
var (
	socketcalls = map[string]uint32{
		"socket": 1, "bind": 2, "connect": 3, "listen": 4, "accept": 5, "getsockname": 6, "getpeername": 7, "socketpair": 8, "send": 9, "recv": 10,
		"sendto": 11, "recvfrom": 12, "shutdown": 13, "setsockopt": 14, "getsockopt": 15, "sendmsg": 16, "recvmsg": 17, "accept4": 18,
		"recvmmsg": 19, "sendmmsg": 20,
	}
	ipccalls = map[string]uint32{
		"semop": 1, "semget": 2, "semctl": 3, "semtimedop": 4, "msgsnd": 11, "msgrcv": 12, "msgget": 13, "msgctl": 14, "shmat": 21, "shmdt": 22,
		"shmget": 23, "shmctl": 24,
	}
)

const (
	socketcallNr = 102
	ipcNr        = 117
)

// families are the address families of RestrictAddressFamilies= (address_families(7)).
var families = map[string]uint32{
	"AF_UNIX": 1, "AF_LOCAL": 1, "AF_INET": 2, "AF_AX25": 3, "AF_IPX": 4, "AF_APPLETALK": 5, "AF_NETROM": 6, "AF_BRIDGE": 7, "AF_ATMPVC": 8,
	"AF_X25": 9, "AF_INET6": 10, "AF_ROSE": 11, "AF_DECnet": 12, "AF_NETBEUI": 13, "AF_SECURITY": 14, "AF_KEY": 15, "AF_NETLINK": 16,
	"AF_ROUTE": 16, "AF_PACKET": 17, "AF_ASH": 18, "AF_ECONET": 19, "AF_ATMSVC": 20, "AF_RDS": 21, "AF_SNA": 22, "AF_IRDA": 23,
	"AF_PPPOX": 24, "AF_WANPIPE": 25, "AF_LLC": 26, "AF_IB": 27, "AF_MPLS": 28, "AF_CAN": 29, "AF_TIPC": 30, "AF_BLUETOOTH": 31,
	"AF_IUCV": 32, "AF_RXRPC": 33, "AF_ISDN": 34, "AF_PHONET": 35, "AF_IEEE802154": 36, "AF_CAIF": 37, "AF_ALG": 38, "AF_NFC": 39,
	"AF_VSOCK": 40, "AF_KCM": 41, "AF_QIPCRTR": 42, "AF_SMC": 43, "AF_XDP": 44, "AF_MCTP": 45,
}
