package bus

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// The server's half of the handshake (D-Bus specification, "Authentication Protocol"; bus_socket_auth_verify_server in
// src/libsystemd/sd-bus/bus-socket.c). The client first sends a NUL, then lines:
//
//	state    AUTH EXTERNAL [hex]   AUTH …      DATA [hex]       NEGOTIATE_UNIX_FD   CANCEL, ERROR   BEGIN      else
//	waiting  OK, REJECTED or DATA  REJECTED    ERROR            ERROR               REJECTED        failure    ERROR
//	asked    OK, REJECTED or DATA  REJECTED    OK or REJECTED   ERROR               REJECTED        failure    ERROR
//	good     OK, REJECTED or DATA  REJECTED    OK               AGREE_UNIX_FD       REJECTED        messages   ERROR
//
// Who the client is was known before, from the kernel; what it says must only not contradict that. A client need not wait for
// answers: sd-bus sends all lines at once, and what follows BEGIN in the same read is the first message.

type authState uint8

const (
	authWaiting authState = iota
	authAsked
	authGood
)

// authBytesMax is how much a client may say before BEGIN. The longest sensible line is 100 bytes.
const authBytesMax = 4096

var (
	errNoNUL    = errors.New("handshake: the first byte is not NUL")
	errBegin    = errors.New("handshake: BEGIN before authentication")
	errAuthLong = errors.New("handshake: too long")
)

// handshake is one connection's. It is data: bytes in, bytes out.
type handshake struct {
	uid   uint32 // of the peer, by the kernel
	guid  string // of the server: 32 hexadecimal digits
	state authState
	nul   bool
	fds   bool // the client wants to pass descriptors
	said  int
	line  []byte // the beginning of a line
}

// feed takes what was read, and gives what to answer; with done, rest is the beginning of the first message.
func (h *handshake) feed(in []byte) (out, rest []byte, done bool, err error) {
	if !h.nul && len(in) > 0 {
		if in[0] != 0 {
			return nil, nil, false, errNoNUL
		}
		h.nul, in = true, in[1:]
	}
	for {
		end := bytes.Index(in, []byte("\r\n"))
		if n := len(h.line); n > 0 && h.line[n-1] == '\r' && len(in) > 0 && in[0] == '\n' {
			end = -2 // the end of the line itself was cut in two
		}
		switch {
		case end == -1:
			if h.said += len(in); h.said > authBytesMax {
				return out, nil, false, errAuthLong
			}
			h.line = append(h.line, in...)
			return out, nil, false, nil
		case end == -2:
			h.line, in = h.line[:len(h.line)-1], in[1:]
			h.said++
		default:
			h.line = append(h.line, in[:end]...)
			in = in[end+2:]
			h.said += end + 2
		}
		if h.said > authBytesMax {
			return out, nil, false, errAuthLong
		}
		answer, begin, err := h.command(string(h.line))
		h.line = h.line[:0]
		if err != nil {
			return out, nil, false, err
		}
		if begin {
			return out, in, true, nil
		}
		out = append(append(out, answer...), '\r', '\n')
	}
}

// command is one line of the client's.
func (h *handshake) command(line string) (answer string, begin bool, err error) {
	word, argument, has := strings.Cut(line, " ")
	switch word {
	case "AUTH":
		return h.auth(argument), false, nil
	case "DATA":
		if h.state == authWaiting {
			return "ERROR", false, nil
		}
		return h.external(argument), false, nil
	case "CANCEL", "ERROR":
		return h.rejected(), false, nil
	case "NEGOTIATE_UNIX_FD":
		if h.state != authGood || has {
			return "ERROR", false, nil
		}
		h.fds = true
		return "AGREE_UNIX_FD", false, nil
	case "BEGIN":
		if h.state != authGood {
			return "", false, errBegin
		}
		return "", true, nil
	}
	return "ERROR", false, nil
}

func (h *handshake) auth(argument string) string {
	mechanism, token, has := strings.Cut(argument, " ")
	if mechanism != "EXTERNAL" {
		return h.rejected()
	}
	if !has || token == "" {
		h.state = authAsked
		return "DATA"
	}
	return h.external(token)
}

// external checks what the client says about itself: nothing, or the user that the kernel told.
func (h *handshake) external(token string) string {
	if token != "" {
		said, err := hex.DecodeString(token)
		uid, err2 := strconv.ParseUint(string(said), 10, 32)
		if err != nil || err2 != nil || uint32(uid) != h.uid {
			return h.rejected()
		}
	}
	h.state = authGood
	return "OK " + h.guid
}

func (h *handshake) rejected() string {
	h.state, h.fds = authWaiting, false
	return "REJECTED EXTERNAL"
}
