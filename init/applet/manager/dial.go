package manager

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/supervise/calendar"
)

// Where managers and buses listen.
const (
	PrivateSocket = "/run/systemd/private"
	SystemBus     = "/run/dbus/system_bus_socket"
)

// Dial connects to the manager of the machine: root, and the user that a container's manager runs as, to the manager itself, anybody else by way of
// the system bus, where the manager may refuse more. Root takes that way if the manager cannot be reached, too. The error's cause is an error number.
func Dial(h *applet.Host) (*Conn, error) {
	mine := os.Geteuid() == 0 || unix.Access(h.Path(PrivateSocket), unix.W_OK) == nil
	if mine && !set(h, "SYSTEMCTL_FORCE_BUS") {
		if c, err := connect(h.Path(PrivateSocket), true); err == nil {
			return c.configured(h), nil
		}
	}
	return DialBus(h)
}

// DialHolding connects in a way that the manager can keep units in memory for: by the system bus if the manager is there, as systemd's
// own cannot tell the clients of its own socket apart; keelson's can.
func DialHolding(h *applet.Host) (*Conn, error) {
	if c, err := DialBus(h); err == nil {
		if _, err := c.Call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner", Destination); err == nil {
			return c, nil
		}
		c.Close()
	}
	return Dial(h)
}

// NotBooted is what is said where there is no manager.
const NotBooted = "System has not been booted with systemd as init system (PID 1). Can't operate."

// Connect is Dial, or DialHolding, that tells why it cannot. The error is an error number.
func Connect(h *applet.Host, holding bool) (*Conn, error) {
	var c *Conn
	var err error
	switch {
	case !h.Booted():
		h.Errorf(NotBooted)
		err = unix.EHOSTDOWN
	case holding:
		c, err = DialHolding(h)
	default:
		c, err = Dial(h)
	}
	if err != nil {
		h.Errorf("Failed to connect to bus: %s", applet.Cause(err))
	}
	return c, err
}

// DialUser connects to the manager of the user's session, which keelson itself does not have.
func DialUser(h *applet.Host) (*Conn, error) {
	if dir := h.Getenv("XDG_RUNTIME_DIR"); dir != "" && !set(h, "SYSTEMCTL_FORCE_BUS") {
		if c, err := connect(dir+"/systemd/private", true); err == nil {
			return c.configured(h), nil
		}
	}
	address := busAddress(h.Getenv("DBUS_SESSION_BUS_ADDRESS"))
	if address == "" {
		dir := h.Getenv("XDG_RUNTIME_DIR")
		if dir == "" {
			return nil, unix.ENOMEDIUM
		}
		address = dir + "/bus"
	}
	return dialBus(h, address)
}

// DialBus connects to the system bus.
func DialBus(h *applet.Host) (*Conn, error) {
	address := busAddress(h.Getenv("DBUS_SYSTEM_BUS_ADDRESS"))
	if address == "" {
		address = h.Path(SystemBus)
	}
	return dialBus(h, address)
}

func dialBus(h *applet.Host, address string) (*Conn, error) {
	c, err := connect(address, false)
	if err != nil {
		return nil, err
	}
	c.OnBus = true
	if _, err := c.configured(h).Call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// configured takes the time to wait from $SYSTEMD_BUS_TIMEOUT.
func (c *Conn) configured(h *applet.Host) *Conn {
	if u, err := calendar.ParseSec(h.Getenv("SYSTEMD_BUS_TIMEOUT")); err == nil && u > 0 && u < calendar.Usec(1<<62)/1000 {
		c.timeout = time.Duration(u) * time.Microsecond
	}
	return c
}

func set(h *applet.Host, name string) bool {
	v, _ := h.Flag(name)
	return v
}

// busAddress takes the first address that is a socket of this machine out of a list of D-Bus addresses: "unix:path=/run/x;tcp:…".
// "" says that there is none.
func busAddress(list string) string {
	for a := range strings.SplitSeq(list, ";") {
		transport, keys, _ := strings.Cut(a, ":")
		if transport != "unix" {
			continue
		}
		for kv := range strings.SplitSeq(keys, ",") {
			switch k, v, _ := strings.Cut(kv, "="); k {
			case "path":
				return unescapeAddress(v)
			case "abstract":
				return "@" + unescapeAddress(v)
			}
		}
	}
	return ""
}

// unescapeAddress undoes the %XX of D-Bus addresses; what is no escape stays.
func unescapeAddress(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unhex(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }
