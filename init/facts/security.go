package facts

import (
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// security are the words of ConditionSecurity=.
var security = map[string]func(f *Facts) bool{
	"selinux": func(f *Facts) bool {
		var st unix.Statfs_t
		return unix.Statfs(f.at("/sys/fs/selinux"), &st) == nil && st.Type == unix.SELINUX_MAGIC && st.Flags&unix.ST_RDONLY == 0
	},
	"smack": func(f *Facts) bool { return f.exists("/sys/fs/smackfs") },
	"apparmor": func(f *Facts) bool {
		on, ok := unit.ParseBoolean(f.line("/sys/module/apparmor/parameters/enabled"))
		return ok && on
	},
	"audit":  func(*Facts) bool { return audits() },
	"ima":    func(f *Facts) bool { return f.exists("/sys/kernel/security/ima") },
	"tomoyo": func(f *Facts) bool { return f.exists("/sys/kernel/security/tomoyo/version") },
	"uefi-secureboot": func(f *Facts) bool {
		v, err := f.read("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c")
		return f.efi() && err == nil && len(v) == 5 && v[4] == 1 // behind four bytes of attributes
	},
	"tpm2": func(f *Facts) bool {
		chips, err := os.ReadDir(f.at("/sys/class/tpm"))
		return err == nil && len(chips) > 0
	},
	"cvm": func(f *Facts) bool { return f.exists("/dev/tdx_guest") || f.exists("/dev/sev-guest") },
}

func (f *Facts) hasSecurity(parameter string) bool {
	q := security[parameter]
	return q != nil && q(f)
}

// audits tells whether the kernel takes audit messages from here: it does not outside the first user namespace (use_audit in
// src/basic/audit-util.c).
func audits() bool {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_AUDIT)
	if err != nil {
		return err != unix.EAFNOSUPPORT && err != unix.EPROTONOSUPPORT && err != unix.EPERM
	}
	defer unix.Close(fd)
	hello := make([]byte, unix.NLMSG_HDRLEN) // an empty message, of type 0
	hello[0] = unix.NLMSG_HDRLEN
	return unix.Sendto(fd, hello, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}) != unix.ECONNREFUSED
}

// efi: booted by UEFI. A container is not, whatever it sees.
func (f *Facts) efi() bool {
	_, container := f.Virtualization()
	return !container && f.exists("/sys/firmware/efi")
}

// hasCapability asks for the bounding set.
func (f *Facts) hasCapability(name string) (bool, error) {
	set, unknown, err := unit.ParseCapabilities(strings.ToLower(name))
	if err != nil || len(unknown) > 0 || set == 0 {
		return false, errParameter
	}
	bounding, ok := f.field("/proc/self/status", "CapBnd")
	if !ok {
		return boundedBy(set)
	}
	have, err := strconv.ParseUint(bounding, 16, 64)
	return have&uint64(set) == uint64(set), err
}

// boundedBy asks without a /proc.
func boundedBy(set unit.CapabilitySet) (bool, error) {
	for n := range 64 {
		if set>>n&1 != 0 {
			has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(n), 0, 0, 0)
			if err != nil || has == 0 {
				return false, err
			}
		}
	}
	return true, nil
}

const (
	lastSystem = 999   // SYSTEM_UID_MAX of Debian and most others
	nobody     = 65534 // UID_NOBODY
)

// isUser: the manager runs as this user. Names are looked up in /etc/passwd alone, and root is root.
func (f *Facts) isUser(parameter string) bool {
	ids := []int{os.Getuid(), os.Geteuid()}
	var id int
	switch parameter {
	case "root":
		id = 0
	case "nobody":
		id = nobody
	case "@system":
		return slices.ContainsFunc(ids, func(id int) bool { return id <= lastSystem })
	default:
		if n, ok := parseUserID(parameter); ok {
			id = n
		} else if ids[0] == 0 && ids[1] == 0 {
			return false
		} else if u, err := user.Lookup(parameter); err == nil {
			id, _ = strconv.Atoi(u.Uid)
		} else {
			return false
		}
	}
	return slices.Contains(ids, id)
}

// isGroup: the manager is in this group. PID 1 as root looks no name up, and is in root alone.
func (f *Facts) isGroup(parameter string) bool {
	id, ok := parseUserID(parameter)
	if !ok {
		if os.Getpid() == 1 && os.Getuid() == 0 {
			return parameter == "root"
		}
		g, err := user.LookupGroup(parameter)
		if err != nil {
			return false
		}
		id, _ = strconv.Atoi(g.Gid)
	}
	groups, _ := os.Getgroups()
	return slices.Contains(append(groups, os.Getgid(), os.Getegid()), id)
}

// parseUserID reads an id. Those that mean "none" to the kernel are none (parse_uid in src/basic/user-util.c).
func parseUserID(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return int(n), err == nil && n != 1<<32-1 && n != 1<<16-1 && (s == "0" || s[0] != '0')
}

// isPower compares with a boolean whether the machine has its power from the mains: it has unless a battery discharges and no mains
// supply is online (on_ac_power in src/shared/udev-util.c).
func (f *Facts) isPower(parameter string) (bool, error) {
	want, ok := unit.ParseBoolean(parameter)
	if !ok {
		return false, errParameter
	}
	return f.onMains() == want, nil
}

func (f *Facts) onMains() bool {
	const class = "/sys/class/power_supply/"
	supplies, err := os.ReadDir(f.at(class))
	if err != nil {
		return true
	}
	discharging := false
	for _, s := range supplies {
		dir := class + s.Name()
		switch f.line(dir + "/type") {
		case "Battery":
			discharging = discharging || f.line(dir+"/scope") != "Device" && f.line(dir+"/status") == "Discharging"
		case "Mains", "USB":
			if f.line(dir+"/online") == "1" {
				return true
			}
		}
	}
	return !discharging
}

// isFirmware: device-tree, device-tree-compatible(NAME), uefi, smbios-field(FIELD OPERATOR VALUE).
func (f *Facts) isFirmware(parameter string) (bool, error) {
	switch parameter {
	case "device-tree":
		return f.exists("/sys/firmware/devicetree"), nil
	case "uefi":
		return f.efi(), nil
	}
	if name, ok := argument(parameter, "device-tree-compatible"); ok {
		text, err := f.read("/proc/device-tree/compatible")
		return err == nil && strings.HasSuffix(text, "\x00") && slices.Contains(strings.Split(text, "\x00"), name) && name != "", nil
	}
	if expression, ok := argument(parameter, "smbios-field"); ok {
		return f.isSMBIOS(expression)
	}
	if strings.HasPrefix(parameter, "smbios-field(") {
		return false, errParameter
	}
	return false, nil
}

// argument is what is between the parentheses of NAME(ARGUMENT).
func argument(s, name string) (string, bool) {
	s, begins := strings.CutPrefix(s, name+"(")
	s, ends := strings.CutSuffix(s, ")")
	return s, begins && ends
}

func (f *Facts) isSMBIOS(expression string) (bool, error) {
	at := strings.IndexAny(expression, "$!<=>")
	if at < 0 {
		return false, errParameter
	}
	field := strings.TrimRight(expression[:at], " \t")
	op, rest, ok := takeOperator(expression[at:], true)
	value, err := words(rest, false)
	if !ok || err != nil || len(value) != 1 || field == "" || strings.Contains(field, "/") || field[0] == '.' {
		return false, errParameter
	}
	text, err := f.read("/sys/class/dmi/id/" + field)
	if os.IsNotExist(err) {
		return false, nil
	}
	return op.compares(strings.TrimRight(text, " \t\r\n"), value[0]), err
}
