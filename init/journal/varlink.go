package journal

import (
	"bytes"
	"encoding/json"
	"os"

	"golang.org/x/sys/unix"
)

// Bounds of the control socket.
const (
	varlinkClients = 32
	varlinkMost    = 4 << 10 // bytes of a call
)

// varlink is a client of io.systemd.Journal, such as journalctl --sync (https://varlink.org/Method-Call): calls and replies are JSON objects that end in a
// NUL.
type varlink struct {
	fd int
	in []byte
	// A reply that is still to come: until then no further call is read.
	busy, gone bool
}

func (c *Collector) acceptVarlink(fd int) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	n := 0
	for _, s := range c.sources {
		if _, ok := s.(*varlink); ok {
			n++
		}
	}
	if err != nil || (cred.Uid != 0 && int(cred.Uid) != os.Getuid()) || n >= varlinkClients || c.watch(fd, &varlink{fd: fd}) != nil {
		unix.Close(fd)
	}
}

func (v *varlink) close() {
	v.gone = true
	unix.Close(v.fd)
}

func (v *varlink) ready(c *Collector) bool {
	var buf [1024]byte
	n, err := unix.Read(v.fd, buf[:])
	if err == unix.EINTR || err == unix.EAGAIN {
		return true
	}
	if err != nil || n == 0 || len(v.in)+n > varlinkMost {
		return false
	}
	v.in = append(v.in, buf[:n]...)
	v.next(c)
	return true
}

// next carries out the next call, if it is complete.
func (v *varlink) next(c *Collector) {
	for !v.busy && !v.gone {
		call, rest, ok := bytes.Cut(v.in, []byte{0})
		if !ok {
			return
		}
		v.in = bytes.Clone(rest)
		v.call(c, call)
	}
}

func (v *varlink) call(c *Collector, text []byte) {
	var call struct {
		Method string `json:"method"`
		Oneway bool   `json:"oneway"`
	}
	if json.Unmarshal(text, &call) != nil {
		unix.Shutdown(v.fd, unix.SHUT_RDWR) // what follows has no beginning
		return
	}
	v.busy = true
	answer := func(err error) {
		v.busy = false
		if call.Oneway || v.gone {
			return
		}
		if err != nil {
			v.reply(map[string]any{"error": "io.systemd.System", "parameters": map[string]any{"message": err.Error()}})
		} else {
			v.reply(map[string]any{"parameters": map[string]any{}})
		}
	}
	switch call.Method {
	case "io.systemd.Journal.Synchronize":
		c.synchronize(func(err error) {
			answer(err)
			v.next(c)
		})
	case "io.systemd.Journal.Rotate":
		c.drain()
		answer(c.store.rotate())
	case "io.systemd.Journal.FlushToVar":
		answer(c.store.flushToVar())
	case "io.systemd.Journal.RelinquishVar":
		answer(c.store.relinquish())
	case "org.varlink.service.GetInfo":
		v.busy = false
		v.reply(map[string]any{"parameters": map[string]any{"vendor": "keelson", "product": "keelson", "version": "", "url": "",
			"interfaces": []string{"io.systemd.Journal", "org.varlink.service"}}})
	default:
		v.busy = false
		if !call.Oneway {
			v.reply(map[string]any{"error": "org.varlink.service.MethodNotFound", "parameters": map[string]any{"method": call.Method}})
		}
	}
}

// reply is small and the only one under way: it fits in the socket's buffer.
func (v *varlink) reply(what map[string]any) {
	b, err := json.Marshal(what)
	if err == nil {
		err = unix.Sendto(v.fd, append(b, 0), unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, nil)
	}
	if err != nil {
		unix.Shutdown(v.fd, unix.SHUT_RDWR)
	}
}
