package sock

import (
	"math"
	"os"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// sctpNoDelay is SCTP_NODELAY of linux/sctp.h.
const sctpNoDelay = 3

// set sets one option, if it is wanted.
func (p *opening) set(fd int, wanted bool, directive, option string, level, name, value int) {
	if !wanted {
		return
	}
	if err := unix.SetsockoptInt(fd, level, name, value); err != nil {
		p.degrade(directive, err, "%s failed", option)
	}
}

// seconds is a time as TCP's options want it.
func seconds(t unit.Usec) int { return int(min(t/1e6, math.MaxInt32)) }

// socketOptions is socket_apply_socket_options of src/core/socket.c. Accepted connections get them too.
func (p *opening) socketOptions(fd int) {
	s := p.s
	tcp := unix.IPPROTO_TCP
	p.set(fd, s.KeepAlive, "KeepAlive", "SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
	p.set(fd, s.KeepAliveTime > 0, "KeepAliveTimeSec", "TCP_KEEPIDLE", tcp, unix.TCP_KEEPIDLE, seconds(s.KeepAliveTime))
	p.set(fd, s.KeepAliveInterval > 0, "KeepAliveIntervalSec", "TCP_KEEPINTVL", tcp, unix.TCP_KEEPINTVL, seconds(s.KeepAliveInterval))
	p.set(fd, s.KeepAliveProbes > 0, "KeepAliveProbes", "TCP_KEEPCNT", tcp, unix.TCP_KEEPCNT, int(min(s.KeepAliveProbes, math.MaxInt32)))
	p.set(fd, s.DeferAccept > 0, "DeferAcceptSec", "TCP_DEFER_ACCEPT", tcp, unix.TCP_DEFER_ACCEPT, seconds(s.DeferAccept))
	if s.Protocol == "sctp" {
		p.set(fd, s.NoDelay, "NoDelay", "SCTP_NODELAY", unix.IPPROTO_SCTP, sctpNoDelay, 1)
	} else {
		p.set(fd, s.NoDelay, "NoDelay", "TCP_NODELAY", tcp, unix.TCP_NODELAY, 1)
	}
	p.set(fd, s.Broadcast, "Broadcast", "SO_BROADCAST", unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	p.set(fd, s.PassCredentials, "PassCredentials", "SO_PASSCRED", unix.SOL_SOCKET, unix.SO_PASSCRED, 1)
	if s.PassSecurity {
		// A kernel without security modules has nothing to pass, and that is all right.
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PASSSEC, 1); err != nil && !notSupported(err) {
			p.degrade("PassSecurity", err, "SO_PASSSEC failed")
		}
	}
	family := familyOf(fd)
	if s.PassPacketInfo {
		if err := passPacketInfo(fd, family); err != nil {
			p.degrade("PassPacketInfo", err, "Failed to enable packet info socket option")
		}
	}
	if s.Timestamping != unit.TimestampingOff {
		name := unix.SO_TIMESTAMP
		if s.Timestamping == unit.TimestampingNs {
			name = unix.SO_TIMESTAMPNS
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, 1); err != nil {
			p.degrade("Timestamping", err, "Failed to enable timestamping socket option, ignoring")
		}
	}
	p.set(fd, s.Priority.Set && s.Priority.Value >= 0, "Priority", "SO_PRIORITY", unix.SOL_SOCKET, unix.SO_PRIORITY, s.Priority.Value)
	p.buffer(fd, s.ReceiveBuffer, "ReceiveBuffer", "SO_RCVBUF/SO_RCVBUFFORCE", unix.SO_RCVBUF, unix.SO_RCVBUFFORCE)
	p.buffer(fd, s.SendBuffer, "SendBuffer", "SO_SNDBUF/SO_SNDBUFFORCE", unix.SO_SNDBUF, unix.SO_SNDBUFFORCE)
	p.set(fd, s.Mark.Set && s.Mark.Value >= 0, "Mark", "SO_MARK", unix.SOL_SOCKET, unix.SO_MARK, s.Mark.Value)
	p.set(fd, s.IPTOS.Set && s.IPTOS.Value >= 0, "IPTOS", "IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, s.IPTOS.Value)
	if s.IPTTL.Set && s.IPTTL.Value >= 0 {
		if err := setTTL(fd, family, s.IPTTL.Value); err != nil {
			p.degrade("IPTTL", err, "IP_TTL/IPV6_UNICAST_HOPS failed")
		}
	}
	if s.TCPCongestion != "" {
		if err := unix.SetsockoptString(fd, tcp, unix.TCP_CONGESTION, s.TCPCongestion); err != nil {
			p.degrade("TCPCongestion", err, "TCP_CONGESTION failed")
		}
	}
	p.smack(fd, s.SmackLabelIPIn, "SmackLabelIPIn", "security.SMACK64IPIN", "mac_smack_apply_ip_in_fd")
	p.smack(fd, s.SmackLabelIPOut, "SmackLabelIPOut", "security.SMACK64IPOUT", "mac_smack_apply_ip_out_fd")
}

// fifoOptions is socket_apply_fifo_options of src/core/socket.c.
func (p *opening) fifoOptions(fd int) {
	if p.s.PipeSize > 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, int(min(p.s.PipeSize, math.MaxInt32))); err != nil {
			p.degrade("PipeSize", err, "Setting pipe size failed, ignoring")
		}
	}
	p.smack(fd, p.s.SmackLabel, "SmackLabel", "security.SMACK64", "SMACK relabelling failed, ignoring")
}

// smack labels, where the kernel has Smack at all.
func (p *opening) smack(fd int, label, directive, attribute, what string) {
	if label == "" {
		return
	}
	if _, err := os.Stat("/sys/fs/smackfs"); err != nil {
		return
	}
	if err := unix.Fsetxattr(fd, attribute, []byte(label), 0); err != nil {
		p.degrade(directive, err, "%s", what)
	}
}

func (p *opening) buffer(fd int, size uint64, directive, option string, name, force int) {
	if size == 0 {
		return
	}
	if err := growBuffer(fd, name, force, size); err != nil {
		p.degrade(directive, err, "%s failed", option)
	}
}

// growBuffer sets a buffer's size in bytes, beyond the kernel's limit if we may. The kernel doubles the value and says the double (socket(7)).
func growBuffer(fd, name, force int, size uint64) error {
	if size > math.MaxInt32 {
		return unix.ERANGE
	}
	enough := func() bool {
		n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, name)
		return err == nil && uint64(n) == 2*size
	}
	if enough() {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, name, int(size)); err != nil {
		return err
	}
	if enough() {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, int(size))
}

func familyOf(fd int) int {
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return unix.AF_UNSPEC
	}
	return family
}

func passPacketInfo(fd, family int) error {
	switch family {
	case unix.AF_INET:
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	case unix.AF_INET6:
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	case unix.AF_NETLINK:
		return unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_PKTINFO, 1)
	}
	return unix.EAFNOSUPPORT
}

func setTTL(fd, family, hops int) error {
	switch family {
	case unix.AF_INET:
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, hops)
	case unix.AF_INET6:
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, hops)
	}
	return unix.EAFNOSUPPORT
}

// notSupported: the kernel does not have the feature (ERRNO_IS_NOT_SUPPORTED in src/basic/errno-util.h).
func notSupported(err error) bool {
	return isOneOf(err, unix.EOPNOTSUPP, unix.ENOTTY, unix.ENOSYS, unix.EAFNOSUPPORT, unix.EPFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT,
		unix.ENOPROTOOPT)
}
