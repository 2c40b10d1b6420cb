package unit

import (
	"net/netip"
	"strings"
)

// listen is one of the Listen*= directives. An empty value resets all of them (systemd.socket(5)).
func listen(k ListenKind) form {
	name := "socket address"
	if k == ListenFIFO || k >= ListenSpecial {
		name = "absolute path"
	}
	return form{name, func(a *assignment) {
		list := &a.u.Socket.Listens
		if a.value == "" {
			*list = nil
			return
		}
		s, ok := a.expand(a.value, pathMax)
		if !ok {
			return
		}
		l := Listen{Kind: k, Text: s}
		var err error
		switch {
		case name == "absolute path":
			if s, ok = a.checkPath(s, pathAbsolute, false); !ok {
				return
			}
			if k == ListenFIFO {
				s = a.dropVarRun(s)
			}
			l.Path, l.Text = s, s
		case k == ListenNetlink:
			err = l.parseNetlink(s)
		default:
			s = a.dropVarRun(s)
			l.Text = s
			err = l.parseAddress(s)
		}
		if err != nil {
			a.warn("Failed to parse address value in '%s', ignoring: %v", s, err)
			return
		}
		if k == ListenSequentialPacket && l.Family != FamilyUnix {
			a.warn("Address family not supported, ignoring: %s", a.value)
			return
		}
		*list = append(*list, l)
	}}
}

// unixPathMax is the longest path of a Unix socket (unix(7), sun_path, less the NUL).
const unixPathMax = 107

// parseAddress reads "/path", "@name", "vsock:cid:port", "port", "address:port" or "[address]:port%interface"
// (systemd.socket(5), ListenStream=; socket_address_parse in src/shared/socket-netlink.c).
func (l *Listen) parseAddress(s string) error {
	if s == "" {
		return errInvalid
	}
	if s[0] == '/' || s[0] == '@' {
		l.Family, l.Path = FamilyUnix, s
		if len(s) > unixPathMax || len(s) == 1 {
			return errInvalid
		}
		return nil
	}
	if rest, ok := strings.CutPrefix(s, "vsock:"); ok {
		return l.parseVsock(rest)
	}
	p, err := parseUint(s, 10, 16)
	if err == nil || err == errRange {
		l.Family, l.Port = FamilyInet6, uint32(p) // one socket for both; FamilyInet where there is no IPv6
		if p == 0 && err == nil {
			err = errInvalid
		}
		return err
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i+1:]
	}
	port, l.Scope, _ = strings.Cut(port, "%")
	if h, ok := strings.CutPrefix(host, "["); ok {
		if host, ok = strings.CutSuffix(h, "]"); !ok {
			return errInvalid
		}
	}
	if h, zone, ok := strings.Cut(host, "%"); ok {
		host, l.Scope = h, zone
	}
	p, err = parseUint(port, 10, 16)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || p == 0 || addr.Is6() != strings.HasPrefix(s, "[") {
		return errInvalid
	}
	l.Family, l.Host, l.Port = FamilyInet, addr.String(), uint32(p)
	if addr.Is6() {
		l.Family = FamilyInet6
	}
	return nil
}

// parseVsock reads "cid:port"; no cid is any.
func (l *Listen) parseVsock(s string) error {
	cid, port, ok := strings.Cut(s, ":")
	if !ok {
		return errInvalid
	}
	p, err := parseUint(port, 0, 32)
	c := uint64(AnyCID)
	if err == nil && cid != "" {
		c, err = parseUint(cid, 0, 32)
	}
	l.Family, l.CID, l.Port = FamilyVsock, uint32(c), uint32(p)
	return err
}

var netlinkWords = words{"route", "firewall", "inet-diag", "nflog", "xfrm", "selinux", "iscsi", "audit", "fib-lookup", "connector", "netfilter", "ip6-fw", "dnrtmsg", "kobject-uevent", "generic", "scsitransport", "ecryptfs", "rdma"}

// parseNetlink reads "family" or "family group".
func (l *Listen) parseNetlink(s string) error {
	name, group, _ := strings.Cut(s, " ")
	if _, ok := netlinkWords.find(name); !ok {
		return errInvalid
	}
	l.Family, l.Netlink = FamilyNetlink, name
	group = strings.TrimLeft(group, whitespace)
	if group == "" {
		return nil
	}
	g, err := parseUint(group, 0, 32)
	l.Group = uint32(g)
	return err
}

func socketProtocol() form {
	return form{"udplite or sctp", func(a *assignment) {
		if a.value != "udplite" && a.value != "sctp" {
			a.warn("Failed to parse socket protocol, ignoring: %s", a.value)
			return
		}
		a.u.Socket.Protocol = a.value
	}}
}

func bindIPv6Only() form {
	return form{"default, both, ipv6-only or boolean", func(a *assignment) {
		i, ok := bindIPv6OnlyWords.find(a.value)
		if b, isBool := ParseBoolean(a.value); isBool {
			i, ok = uint8(BindIPv6Both), true
			if b {
				i = uint8(BindIPv6OnlyYes)
			}
		}
		if !ok {
			a.warn("Failed to parse bind IPv6 only value, ignoring: %s", a.value)
			return
		}
		a.u.Socket.BindIPv6Only = BindIPv6Only(i)
	}}
}

func bindToDevice() form {
	return form{"network interface", func(a *assignment) {
		switch {
		case a.value == "" || a.value == "*":
			a.u.Socket.BindToDevice = ""
		case !validInterface(a.value):
			a.warn("Invalid interface name, ignoring: %s", a.value)
		default:
			a.u.Socket.BindToDevice = a.value
		}
	}}
}

// ipTOSWords are the type-of-service bits of ip(7).
var ipTOSWords = map[string]int{"low-delay": 16, "throughput": 8, "reliability": 4, "low-cost": 2}

func ipTOS() form {
	return form{"low-delay, throughput, reliability, low-cost or a number", func(a *assignment) {
		t := &a.u.Socket.IPTOS
		if a.value == "" {
			*t = Bound[int]{}
			return
		}
		v, ok := ipTOSWords[a.value]
		if n, err := parseUint(a.value, 0, 8); err == nil {
			v, ok = int(n), true
		}
		if !ok {
			a.warn("Failed to parse IP TOS value, ignoring: %s", a.value)
			return
		}
		*t = Bound[int]{true, v}
	}}
}

func timestamping() form {
	return form{"off, us, ns or boolean", func(a *assignment) {
		alias := map[string]Timestamping{"usec": TimestampingUs, "µs": TimestampingUs, "μs": TimestampingUs, "nsec": TimestampingNs}
		i, ok := timestampingWords.find(a.value)
		t := Timestamping(i)
		if v, known := alias[a.value]; known {
			t, ok = v, true
		} else if b, isBool := ParseBoolean(a.value); isBool {
			t, ok = TimestampingOff, true
			if b {
				t = TimestampingNs
			}
		}
		if !ok {
			a.warn("Failed to parse timestamping precision, ignoring: %s", a.value)
			return
		}
		a.u.Socket.Timestamping = t
	}}
}

func fdName() form {
	return form{"name", func(a *assignment) {
		s, ok := a.expand(a.value, 255)
		switch {
		case !ok:
		case !validFDName(s):
			a.warn("Invalid file descriptor name, ignoring: %s", s)
		default:
			a.u.Socket.FDName = s
		}
	}}
}

func socketService() form {
	return form{"service unit", func(a *assignment) {
		name, ok := a.expandName(a.value)
		switch {
		case !ok:
		case TypeOf(name) != TypeService:
			a.warn("Unit must be of type service, ignoring: %s", a.value)
		case !ValidName(name, PlainName|InstanceName):
			a.warn("Failed to load unit %s, ignoring: Unit name %s is missing the instance name.", a.value, name)
		default:
			a.u.Socket.Service = name
		}
	}}
}

func swapPriority() form {
	return form{"number up to 32767", func(a *assignment) {
		s := a.u.Swap
		if a.value == "" {
			s.Priority, s.PrioritySet = -1, false
			return
		}
		v, err := parseInt(a.value, 32)
		switch {
		case err != nil:
			a.warn("Invalid swap priority '%s', ignoring.", a.value)
		case v < -1:
			a.warn("Sorry, swap priorities smaller than -1 may only be assigned by the kernel itself, ignoring: %s", a.value)
		case v > 32767:
			a.warn("Swap priority out of range, ignoring: %s", a.value)
		default:
			s.Priority, s.PrioritySet = int(v), true
		}
	}}
}
