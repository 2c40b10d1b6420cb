package sock

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// address is where a socket of a unit listens, as the kernel wants it.
type address struct {
	family, kind, protocol int
	to                     unix.Sockaddr
	path                   string // in the file system, "" if it is not there
}

// canAccept: datagrams have no connections.
func (a *address) canAccept() bool {
	return a.kind == unix.SOCK_STREAM || a.kind == unix.SOCK_SEQPACKET
}

// netlinkProtocols are the families of ListenNetlink= (netlink(7)).
var netlinkProtocols = map[string]int{
	"route": unix.NETLINK_ROUTE, "firewall": unix.NETLINK_FIREWALL, "inet-diag": unix.NETLINK_INET_DIAG, "nflog": unix.NETLINK_NFLOG,
	"xfrm": unix.NETLINK_XFRM, "selinux": unix.NETLINK_SELINUX, "iscsi": unix.NETLINK_ISCSI, "audit": unix.NETLINK_AUDIT,
	"fib-lookup": unix.NETLINK_FIB_LOOKUP, "connector": unix.NETLINK_CONNECTOR, "netfilter": unix.NETLINK_NETFILTER,
	"ip6-fw": unix.NETLINK_IP6_FW, "dnrtmsg": unix.NETLINK_DNRTMSG, "kobject-uevent": unix.NETLINK_KOBJECT_UEVENT,
	"generic": unix.NETLINK_GENERIC, "scsitransport": unix.NETLINK_SCSITRANSPORT, "ecryptfs": unix.NETLINK_ECRYPTFS, "rdma": unix.NETLINK_RDMA,
}

var kinds = map[unit.ListenKind]int{
	unit.ListenStream: unix.SOCK_STREAM, unit.ListenDatagram: unix.SOCK_DGRAM, unit.ListenSequentialPacket: unix.SOCK_SEQPACKET,
	unit.ListenNetlink: unix.SOCK_RAW,
}

// resolve makes an address of what the unit file says.
func resolve(l *unit.Listen, protocol string) (*address, error) {
	a := &address{kind: kinds[l.Kind]}
	switch {
	case protocol == "sctp" && a.canAccept():
		a.protocol = unix.IPPROTO_SCTP
	case protocol == "udplite" && a.kind == unix.SOCK_DGRAM:
		a.protocol = unix.IPPROTO_UDPLITE
	}
	switch l.Family {
	case unit.FamilyUnix:
		a.family, a.to = unix.AF_UNIX, &unix.SockaddrUnix{Name: l.Path} // "@" is the NUL of the abstract name space
		if !strings.HasPrefix(l.Path, "@") {
			a.path = l.Path
		}
	case unit.FamilyVsock:
		a.family, a.to = unix.AF_VSOCK, &unix.SockaddrVM{CID: l.CID, Port: l.Port}
	case unit.FamilyNetlink:
		p, ok := netlinkProtocols[l.Netlink]
		if !ok {
			return nil, unix.EINVAL
		}
		a.family, a.protocol, a.to = unix.AF_NETLINK, p, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: l.Group}
	case unit.FamilyInet, unit.FamilyInet6:
		return a, a.resolveInet(l)
	default:
		return nil, unix.EAFNOSUPPORT
	}
	return a, nil
}

func (a *address) resolveInet(l *unit.Listen) error {
	host := netip.IPv4Unspecified()
	if l.Family == unit.FamilyInet6 {
		host = netip.IPv6Unspecified()
	}
	if l.Host != "" {
		h, err := netip.ParseAddr(l.Host)
		if err != nil {
			return unix.EINVAL
		}
		host = h
	}
	if l.Port == 0 || l.Port > 0xffff {
		return unix.EINVAL
	}
	if l.Family == unit.FamilyInet {
		if !host.Is4() {
			return unix.EINVAL
		}
		a.family, a.to = unix.AF_INET, &unix.SockaddrInet4{Port: int(l.Port), Addr: host.As4()}
		return nil
	}
	scope, err := interfaceIndex(l.Scope)
	if err != nil {
		return err
	}
	a.family, a.to = unix.AF_INET6, &unix.SockaddrInet6{Port: int(l.Port), Addr: host.As16(), ZoneId: scope}
	return nil
}

// withoutIPv6 is the address that a mere port number is on a kernel without IPv6 (socket_address_parse in src/shared/socket-netlink.c); nil for others.
func (a *address) withoutIPv6(l *unit.Listen) *address {
	if a.family != unix.AF_INET6 || l.Host != "" {
		return nil
	}
	b := *a
	b.family, b.to = unix.AF_INET, &unix.SockaddrInet4{Port: int(l.Port)}
	return &b
}

// describe names the address as systemd's messages do (socket_address_print in src/basic/socket-util.c).
func describe(l *unit.Listen) string {
	switch l.Family {
	case unit.FamilyNetlink:
		return fmt.Sprintf("%s %d", l.Netlink, l.Group)
	case unit.FamilyInet, unit.FamilyInet6:
		a := &address{}
		if a.resolveInet(l) == nil {
			return pretty(a.to, false, true)
		}
	case unit.FamilyVsock:
		return pretty(&unix.SockaddrVM{CID: l.CID, Port: l.Port}, false, true)
	}
	return l.Text
}

// pretty is sockaddr_pretty of src/basic/socket-util.c. With mapped, IPv4 inside IPv6 is written as IPv4.
func pretty(sa unix.Sockaddr, mapped, port bool) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return withPort(netip.AddrFrom4(sa.Addr).String(), sa.Port, port)
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(sa.Addr)
		if mapped && addr.Is4In6() {
			return withPort(addr.Unmap().String(), sa.Port, port)
		}
		scope := ""
		if sa.ZoneId != 0 {
			scope = "%" + interfaceName(sa.ZoneId)
		}
		if !port {
			return text6(addr) + scope
		}
		return fmt.Sprintf("[%s]:%d%s", text6(addr), sa.Port, scope)
	case *unix.SockaddrVM:
		switch {
		case !port:
			return fmt.Sprintf("vsock:%d", sa.CID)
		case sa.CID == unix.VMADDR_CID_ANY:
			return fmt.Sprintf("vsock::%d", sa.Port)
		}
		return fmt.Sprintf("vsock:%d:%d", sa.CID, sa.Port)
	}
	return ""
}

func withPort(host string, n int, port bool) string {
	if port {
		return host + ":" + strconv.Itoa(n)
	}
	return host
}

// text6 is inet_ntop(3), which ends an address of twelve zero bytes in the dotted form.
func text6(a netip.Addr) string {
	b := a.As16()
	if [12]byte(b[:12]) == [12]byte{} && (b[12] != 0 || b[13] != 0) {
		return "::" + netip.AddrFrom4([4]byte(b[12:])).String()
	}
	return a.WithZone("").String()
}

// interfaceIndex finds an interface by number or name; "" is 0.
func interfaceIndex(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil && n > 0 {
		return uint32(n), nil
	}
	r, err := unix.NewIfreq(name)
	if err == nil {
		err = onSocket(func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, r) })
	}
	if err != nil {
		return 0, err
	}
	return r.Uint32(), nil
}

// interfaceName is the inverse; the number, if there is no such interface any more.
func interfaceName(index uint32) string {
	r, err := unix.NewIfreq("")
	if err == nil {
		r.SetUint32(index)
		err = onSocket(func(fd int) error { return unix.IoctlIfreq(fd, unix.SIOCGIFNAME, r) })
	}
	if err != nil {
		return strconv.FormatUint(uint64(index), 10)
	}
	return r.Name()
}

// onSocket calls f with a socket that is good for ioctls about interfaces (netdevice(7)).
func onSocket(f func(fd int) error) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}
