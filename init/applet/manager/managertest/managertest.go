// Package managertest plays a manager for tests of its clients: the server half of D-Bus over a socket, with the answers a test gives.
package managertest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet/manager"
)

// Call is a method call that came in.
type Call struct {
	Path              dbus.ObjectPath
	Interface, Member string
	Args              []any
	// Signal sends a signal to the caller, before the answer. What it is given after the answer has been returned is lost.
	Signal func(path dbus.ObjectPath, iface, member string, args ...any)
}

// Is tells whether it is a call of a method of the manager.
func (c Call) Is(member string) bool { return c.Interface == manager.Interface && c.Member == member }

// Answer returns what a method returns, or a *manager.Error. ErrHangup hangs up instead, ErrSilent never answers.
type Answer func(Call) ([]any, error)

var (
	ErrHangup = errors.New("hang up")
	ErrSilent = errors.New("say nothing")
)

// Ordered is a dictionary of properties that keeps its order, as one value of an answer.
type Ordered []manager.Property

// Server is the manager.
type Server struct {
	answer Answer
	mu     sync.Mutex
	calls  []Call
}

// Start listens below root, where a machine's manager and bus would: /run/systemd/private and the system bus. The machine counts as
// booted. It ends with the test.
func Start(t *testing.T, root string, answer Answer) *Server {
	t.Helper()
	s := &Server{answer: answer}
	for _, p := range []string{manager.PrivateSocket, manager.SystemBus} {
		path := filepath.Join(root, p)
		for _, d := range []string{filepath.Dir(path), filepath.Join(root, "/run/systemd/system")} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go s.serve(c)
			}
		}()
	}
	return s
}

// Calls are the method calls so far, but those to the bus itself, as "Member(arguments)" of the manager or "path.Member".
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Names are the members of Calls, without the properties' Get and GetAll.
func (s *Server) Names() string {
	var names []string
	for _, c := range s.Calls() {
		if !strings.HasPrefix(c.Member, "Get") || c.Interface == manager.Interface {
			names = append(names, c.Member)
		}
	}
	return strings.Join(names, " ")
}

func (s *Server) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	if !authenticate(in, c) {
		return
	}
	for {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		if !s.handle(c, m) {
			return
		}
	}
}

func authenticate(in *bufio.Reader, out net.Conn) bool {
	if b, err := in.ReadByte(); err != nil || b != 0 {
		return false
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		switch {
		case strings.HasPrefix(line, "AUTH EXTERNAL "):
			_, err = out.Write([]byte("OK 0123456789abcdef0123456789abcdef\r\n"))
		case line == "NEGOTIATE_UNIX_FD\r\n":
			_, err = out.Write([]byte("ERROR\r\n"))
		case line == "BEGIN\r\n":
			return true
		}
		if err != nil {
			return false
		}
	}
}

// handle answers one message; false hangs up.
func (s *Server) handle(out net.Conn, m *dbus.Message) bool {
	call := Call{Args: m.Body}
	call.Path, _ = m.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	call.Interface, _ = m.Headers[dbus.FieldInterface].Value().(string)
	call.Member, _ = m.Headers[dbus.FieldMember].Value().(string)
	quiet := m.Flags&dbus.FlagNoReplyExpected != 0
	reply := func(body []any, err error) bool {
		if quiet {
			return true
		}
		h := map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(m.Serial())}
		if err == nil {
			return send(out, dbus.TypeMethodReply, h, body)
		}
		var e *manager.Error
		if !errors.As(err, &e) {
			e = &manager.Error{Name: "org.freedesktop.DBus.Error.Failed", Message: err.Error()}
		}
		h[dbus.FieldErrorName] = dbus.MakeVariant(e.Name)
		return send(out, dbus.TypeError, h, []any{e.Message})
	}
	switch call.Interface {
	case "org.freedesktop.DBus":
		if call.Member == "Hello" {
			return reply([]any{":1.7"}, nil)
		}
		return reply(nil, nil)
	}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	call.Signal = func(path dbus.ObjectPath, iface, member string, args ...any) {
		send(out, dbus.TypeSignal, map[dbus.HeaderField]dbus.Variant{
			dbus.FieldPath: dbus.MakeVariant(path), dbus.FieldInterface: dbus.MakeVariant(iface), dbus.FieldMember: dbus.MakeVariant(member),
		}, args)
	}
	body, err := s.answer(call)
	switch {
	case errors.Is(err, ErrHangup):
		return false
	case errors.Is(err, ErrSilent):
		return true
	}
	return reply(body, err)
}

// send writes a message. A dictionary that keeps its order is written as a list of pairs, and its signature put right: on the wire they
// are the same.
func send(out net.Conn, t dbus.Type, headers map[dbus.HeaderField]dbus.Variant, body []any) bool {
	signature := ""
	for i, v := range body {
		if o, ok := v.(Ordered); ok {
			body[i] = []manager.Property(o)
			signature += "a{sv}"
			continue
		}
		signature += dbus.SignatureOf(v).String()
	}
	m := dbus.Message{Type: t, Headers: headers, Body: body}
	if len(body) > 0 {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.ParseSignatureMust(signature))
	}
	var b bytes.Buffer
	if err := m.EncodeTo(&b, binary.LittleEndian); err != nil {
		panic(err) // a test's answer that cannot be said
	}
	binary.LittleEndian.PutUint32(b.Bytes()[8:], 1)
	_, err := out.Write(b.Bytes())
	return err == nil
}
