package bus

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"keelson/supervise"
)

// connectionsMax is how many clients may be connected at a time. Further ones are accepted and closed, as systemd does.
const connectionsMax = 512

// Options are a server's.
type Options struct {
	// UID is the manager's own user: beside root it alone may connect.
	UID uint32
	// BusName is told who has a name that is some service's BusName=, on the owner's goroutine: an event for the machine. nil: nobody.
	BusName func(supervise.BusName)
	// SystemBus is where the system bus listens; "" is the usual place.
	SystemBus string
	// Calls names the system calls of a group ("@swap"), for SystemCallFilter and its kin, which show what a filter comes to. nil: groups are
	// shown as they are.
	Calls func(group string, each func(call string))
	// Streams is given the descriptors that a client passes as the standard streams of a transient unit (systemd-run --pipe, --pty), -1 for
	// those that it does not: they are the callee's to close, when others are given or the unit is forgotten. Its file says where they belong:
	// StandardInput=fd:NAME and its kin, with the names of [StreamNames]. It is called on the owner's goroutine, before the unit is started. nil:
	// such units are refused.
	Streams func(unit string, fds [3]int)
	// Logf is told what is worth a line in the log; nil: nobody. It is called on any goroutine.
	Logf func(priority int, format string, args ...any)
}

// Server is the manager's D-Bus interface.
type Server struct {
	owner  Owner
	opt    Options
	tables *tables
	guid   string

	files  sync.Mutex // one operation on unit files at a time
	joined atomic.Int32

	mu        sync.Mutex // over what follows: accept's goroutine and Close
	listeners []net.Listener
	closed    bool
	full      bool           // somebody was refused
	open      sync.WaitGroup // connections

	// The owner's.
	manager  Manager // set with the first connection; without one nobody is to be told anything
	conns    map[*conn]bool
	dirty    dirty
	linked   bool  // the system bus has a connection, or will soon
	about    about // what is being told of
	flushing bool  // the next portion is on its way
}

// New is a server without a socket. Nothing runs until Serve.
func New(o Owner, opt Options) *Server {
	var id [16]byte
	rand.Read(id[:])
	if opt.SystemBus == "" {
		opt.SystemBus = systemBusSocket
	}
	if opt.Logf == nil {
		opt.Logf = func(int, string, ...any) {}
	}
	return &Server{
		owner: o, opt: opt, tables: newTables(), guid: hex.EncodeToString(id[:]),
		conns: map[*conn]bool{},
	}
}

// Serve accepts connections on a listening UNIX stream socket, on goroutines of its own, until Close. The descriptor stays the
// caller's: it is duplicated.
func (s *Server) Serve(listener int) error {
	fd, err := unix.FcntlInt(uintptr(listener), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	l, err := net.FileListener(file) // duplicates once more
	file.Close()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return l.Close()
	}
	s.listeners = append(s.listeners, l)
	go s.accept(l)
	return nil
}

// acceptPause is how long nothing is accepted after an error that only the end of other connections or files ends: EMFILE,
// ENFILE, ENOMEM.
const acceptPause = 100 * time.Millisecond

func (s *Server) accept(l net.Listener) {
	failing := false // it is said once, however long it lasts
	for {
		sock, err := l.Accept()
		if err != nil {
			if s.isClosed() {
				return
			}
			if !failing {
				s.opt.Logf(4, "Failed to accept private connection, ignoring: %v", err)
			}
			failing = true
			time.Sleep(acceptPause)
			continue
		}
		failing = false
		s.welcome(sock.(*net.UnixConn))
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

func (s *Server) welcome(sock *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.joined.Load() >= connectionsMax {
		if !s.closed && !s.full {
			s.full = true // said once
			s.opt.Logf(4, "Too many concurrent connections (%d), refusing", connectionsMax)
		}
		sock.Close()
		return
	}
	s.full = false
	s.joined.Add(1)
	s.open.Add(1)
	go func() {
		defer s.open.Done()
		defer s.joined.Add(-1)
		newConn(s, sock).serve()
	}()
}

// mayConnect is bus_check_peercred of src/shared/bus-util.c.
func (s *Server) mayConnect(uid uint32) bool { return uid == 0 || uid == s.opt.UID }

// join and leave are the owner's.
func (s *Server) join(m Manager, c *conn) {
	s.manager = m
	s.conns[c] = true
}

func (s *Server) leave(m Manager, c *conn) {
	delete(s.conns, c)
	for _, sender := range slices.Sorted(maps.Keys(c.refs)) {
		c.release(m, sender)
	}
	if len(s.conns) == 0 {
		s.dirty = dirty{}
	}
}

// Close ends the server: no more connections, and those that are there get what is queued for them, for no longer than grace.
// It may be called on the owner's goroutine, which then stands still so long as a client is slow.
func (s *Server) Close(grace time.Duration) {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
	s.listeners = nil
	s.mu.Unlock()
	end := time.Now().Add(grace)
	for c := range s.conns {
		c.finish(end)
	}
	for c := range s.conns {
		<-c.gone
	}
}
