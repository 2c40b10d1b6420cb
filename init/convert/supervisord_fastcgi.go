package convert

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// fastcgi makes the socket unit of an fcgi-program. All its processes have that socket as their standard input.
func (s *supervisord) fastcgi(sec *iniSection, name string, processes []*process) error {
	if !strings.HasPrefix(sec.name, "fcgi-program:") || len(processes) == 0 {
		return nil
	}
	p := processes[0]
	u := unitFile{name: unitName(name, ".socket"), section: "Socket"}
	u.inUnit("Description", plain("the socket of "+name))
	address, ok := p.text("socket")
	if !ok {
		p.refuse("socket", "there is no socket=")
		return p.err
	}
	file, local := strings.CutPrefix(address, "unix://")
	switch host, port, isTCP := tcpAddress(address); {
	case local && path.IsAbs(file):
		u.set("ListenStream", plain(path.Clean(file)))
	case !isTCP:
		p.refuse("socket", "%q is neither unix:///PATH nor tcp://HOST:PORT", address)
		return p.err
	case host == "":
		p.lost("socket", "a socket unit has no host names (systemd.socket(5)); it listens on all addresses")
		u.set("ListenStream", strconv.Itoa(port))
	default:
		u.set("ListenStream", fmt.Sprintf("%s:%d", host, port))
	}
	p.socketAccess(&u, local)
	if n := p.integer("socket_backlog", 0); n > 0 {
		u.set("Backlog", strconv.Itoa(n))
	}
	u.set("Service", p.u.name)
	u.wantedBy("sockets.target")
	for _, o := range processes {
		u.enable = u.enable || o.u.enable
		o.u.inUnit("Requires", u.name)
		o.u.inUnit("After", u.name)
		o.u.set("Sockets", u.name)
	}
	s.sockets = append(s.sockets, u)
	return p.err
}

// socketAccess writes whose the socket is: the user's that the program runs as, and nobody else may connect (parse_fcgi_socket).
func (p *process) socketAccess(u *unitFile, local bool) {
	owner, owned := p.text("socket_owner")
	mode, moded := p.text("socket_mode")
	if !local {
		if owned || moded {
			p.refuse("socket", "socket_owner= and socket_mode= are for unix:// alone")
		}
		return
	}
	if !owned {
		owner, _ = p.text("user")
	}
	user, group, both := strings.Cut(owner, ":")
	if user != "" {
		u.set("SocketUser", plain(user))
	}
	if both {
		u.set("SocketGroup", plain(group))
	}
	if !moded {
		mode = "0700"
	}
	n, err := strconv.ParseUint(mode, 8, 16)
	if err != nil || n > 0o777 {
		p.refuse("socket_mode", "%q is no mode", mode)
	}
	u.set("SocketMode", fmt.Sprintf("%04o", n))
}

// tcpAddress reads tcp://HOST:PORT. host is "" where it is a name that means no address by itself.
func tcpAddress(s string) (host string, port int, ok bool) {
	rest, ok := strings.CutPrefix(s, "tcp://")
	host, number, colon := strings.Cut(rest, ":")
	port, err := strconv.Atoi(number)
	if !ok || !colon || err != nil || port < 1 || port > 0xffff || host == "" {
		return "", 0, false
	}
	if strings.EqualFold(host, "localhost") {
		return "127.0.0.1", port, true
	}
	if a, err := netip.ParseAddr(host); err != nil || !a.Is4() {
		return "", port, true
	}
	return host, port, true
}
