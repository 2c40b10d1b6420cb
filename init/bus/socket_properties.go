package bus

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// The properties of sockets (bus_socket_vtable in src/core/dbus-socket.c).

func socketProperties() []property {
	set := func(name, sig string, get func(*unit.Socket) any) []property {
		return row(name, sig, constant, func(s *subject) any { return get(s.config().Socket) })
	}
	is := func(name, sig string, e emits, get func(*supervise.Socket) any) []property {
		return row(name, sig, e, func(s *subject) any { return get(s.u.Socket) })
	}
	number := func(name string, get func(*unit.Socket) unit.Bound[int]) []property {
		return set(name, "i", func(c *unit.Socket) any {
			if b := get(c); b.Set {
				return int32(b.Value)
			}
			return int32(-1)
		})
	}
	list := rows(
		set("BindIPv6Only", "s", func(c *unit.Socket) any { return c.BindIPv6Only.String() }),
		set("Backlog", "u", func(c *unit.Socket) any { return uint32(min(c.Backlog, 1<<31-1)) }),
		set("TimeoutUSec", "t", func(c *unit.Socket) any { return usec(c.Timeout) }),
		set("BindToDevice", "s", func(c *unit.Socket) any { return c.BindToDevice }),
		set("SocketUser", "s", func(c *unit.Socket) any { return c.SocketUser }),
		set("SocketGroup", "s", func(c *unit.Socket) any { return c.SocketGroup }),
		set("SocketMode", "u", func(c *unit.Socket) any { return c.SocketMode }),
		set("DirectoryMode", "u", func(c *unit.Socket) any { return c.DirectoryMode }),
		set("Accept", "b", func(c *unit.Socket) any { return c.Accept }),
		set("FlushPending", "b", func(c *unit.Socket) any { return c.FlushPending }),
		set("Writable", "b", func(c *unit.Socket) any { return c.Writable }),
		set("KeepAlive", "b", func(c *unit.Socket) any { return c.KeepAlive }),
		set("KeepAliveTimeUSec", "t", func(c *unit.Socket) any { return usec(c.KeepAliveTime) }),
		set("KeepAliveIntervalUSec", "t", func(c *unit.Socket) any { return usec(c.KeepAliveInterval) }),
		set("KeepAliveProbes", "u", func(c *unit.Socket) any { return uint32(c.KeepAliveProbes) }),
		set("DeferAcceptUSec", "t", func(c *unit.Socket) any { return usec(c.DeferAccept) }),
		set("NoDelay", "b", func(c *unit.Socket) any { return c.NoDelay }),
		number("Priority", func(c *unit.Socket) unit.Bound[int] { return c.Priority }),
		set("ReceiveBuffer", "t", func(c *unit.Socket) any { return c.ReceiveBuffer }),
		set("SendBuffer", "t", func(c *unit.Socket) any { return c.SendBuffer }),
		number("IPTOS", func(c *unit.Socket) unit.Bound[int] { return c.IPTOS }),
		number("IPTTL", func(c *unit.Socket) unit.Bound[int] { return c.IPTTL }),
		set("PipeSize", "t", func(c *unit.Socket) any { return c.PipeSize }),
		set("FreeBind", "b", func(c *unit.Socket) any { return c.FreeBind }),
		set("Transparent", "b", func(c *unit.Socket) any { return c.Transparent }),
		set("Broadcast", "b", func(c *unit.Socket) any { return c.Broadcast }),
		set("PassCredentials", "b", func(c *unit.Socket) any { return c.PassCredentials }),
		set("PassSecurity", "b", func(c *unit.Socket) any { return c.PassSecurity }),
		set("PassPacketInfo", "b", func(c *unit.Socket) any { return c.PassPacketInfo }),
		set("Timestamping", "s", func(c *unit.Socket) any { return c.Timestamping.String() }),
		set("RemoveOnStop", "b", func(c *unit.Socket) any { return c.RemoveOnStop }),
		set("Listen", "a(ss)", listens),
		set("Symlinks", "as", func(c *unit.Socket) any { return texts(c.Symlinks) }),
		number("Mark", func(c *unit.Socket) unit.Bound[int] { return c.Mark }),
		set("MaxConnections", "u", func(c *unit.Socket) any { return uint32(c.MaxConnections) }),
		set("MaxConnectionsPerSource", "u", func(c *unit.Socket) any { return uint32(c.MaxConnectionsPerSource) }),
		set("MessageQueueMaxMessages", "x", func(c *unit.Socket) any { return c.MessageQueueMaxMessages }),
		set("MessageQueueMessageSize", "x", func(c *unit.Socket) any { return c.MessageQueueMessageSize }),
		set("TCPCongestion", "s", func(c *unit.Socket) any { return c.TCPCongestion }),
		set("ReusePort", "b", func(c *unit.Socket) any { return c.ReusePort }),
		set("SmackLabel", "s", func(c *unit.Socket) any { return c.SmackLabel }),
		set("SmackLabelIPIn", "s", func(c *unit.Socket) any { return c.SmackLabelIPIn }),
		set("SmackLabelIPOut", "s", func(c *unit.Socket) any { return c.SmackLabelIPOut }),
		is("ControlPID", "u", changes, func(v *supervise.Socket) any { return uint32(v.Control.PID) }),
		row("Result", "s", changes, result),
		is("NConnections", "u", silent, func(v *supervise.Socket) any { return uint32(v.Connections) }),
		is("NAccepted", "u", silent, func(v *supervise.Socket) any { return uint32(v.Accepted) }),
		is("NRefused", "u", silent, func(v *supervise.Socket) any { return uint32(v.Refused) }),
		row("FileDescriptorName", "s", silent, func(s *subject) any { return fdName(s) }),
		set("SocketProtocol", "i", func(c *unit.Socket) any { return protocolNumber(c.Protocol) }),
		set("TriggerLimitIntervalUSec", "t", func(c *unit.Socket) any { return usec(c.TriggerLimit.Interval) }),
		set("TriggerLimitBurst", "u", func(c *unit.Socket) any { return uint32(c.TriggerLimit.Burst) }),
		row("UID", "u", changes, func(s *subject) any { uid, _ := s.Owner(s.u.Name); return uid }),
		row("GID", "u", changes, func(s *subject) any { _, gid := s.Owner(s.u.Name); return gid }),
	)
	for _, k := range [...]unit.CommandKind{unit.ExecStartPre, unit.ExecStartPost, unit.ExecStopPre, unit.ExecStopPost} {
		list = append(list, row(k.String(), "a(sasbttttuii)", invalidates, func(s *subject) any {
			return commands(s.config().Socket.Commands[k], nil)
		})...)
	}
	return list
}

// fdName is socket_fdname of src/core/socket.c: the "connection" of Accept=yes is a name for services only.
func fdName(s *subject) string {
	if c := s.config().Socket; c.FDName != "" && !(c.Accept && c.FDName == "connection") {
		return c.FDName
	}
	return s.u.Name
}

// protocolNumber is SocketProtocol= as the kernel numbers it.
func protocolNumber(name string) int32 {
	switch name {
	case "udplite":
		return 136
	case "sctp":
		return 132
	}
	return 0
}

func listens(c *unit.Socket) any {
	list := []pair{}
	for _, l := range c.Listens {
		list = append(list, pair{strings.TrimPrefix(l.Kind.String(), "Listen"), address(l)})
	}
	return list
}

// address is socket_address_print of src/shared/socket-label.c and src/basic/socket-util.c.
func address(l unit.Listen) string {
	switch l.Family {
	case unit.FamilyInet:
		host := l.Host
		if host == "" {
			host = "0.0.0.0"
		}
		return net.JoinHostPort(host, strconv.FormatUint(uint64(l.Port), 10))
	case unit.FamilyInet6:
		host := l.Host
		if host == "" {
			host = "::"
		}
		text := net.JoinHostPort(host, strconv.FormatUint(uint64(l.Port), 10))
		if l.Scope != "" {
			text += "%" + l.Scope
		}
		return text
	case unit.FamilyVsock:
		if l.CID == unit.AnyCID {
			return fmt.Sprintf("vsock::%d", l.Port)
		}
		return fmt.Sprintf("vsock:%d:%d", l.CID, l.Port)
	case unit.FamilyNetlink:
		return fmt.Sprintf("%s %d", l.Netlink, l.Group)
	}
	if l.Path != "" {
		return l.Path
	}
	return l.Text
}
