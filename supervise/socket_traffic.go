package supervise

import (
	"fmt"

	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// traffic starts the service of a socket unit that listens (socket_dispatch_io and socket_enter_running in
// src/core/socket.c).
func (s socket) traffic(e Traffic) {
	if s.State == SocketListening && !e.Hangup && !s.config().Accept {
		s.Polls.below(s.m.now.Monotonic)
		defer s.pause()
	}
	switch {
	case s.State != SocketListening:
	case e.Hangup:
		s.m.log(s.u, 3, "Got POLLHUP on a listening socket. The service probably invoked shutdown() on it, and should better not do that.")
		s.enterStopPre(Resources)
	case s.config().Accept:
	case s.m.graph.StopPending(s.u.ID):
		s.m.emit(FlushSockets{s.u.Name})
	case s.limited():
	default:
		s.activate()
	}
}

// saturated: as much has come in as PollLimitBurst= allows in its interval (systemd.socket(5) of systemd 255).
func (s socket) saturated() bool {
	p := &s.Polls
	return p.Limit.Limited() && p.Begin != 0 && p.Count >= p.Limit.Burst && s.m.now.Monotonic.Sub(p.Begin) <= p.Limit.Interval
}

// pause stops listening until the interval is over, if it is saturated. Nothing is refused: it waits.
func (s socket) pause() {
	if s.State != SocketListening || !s.saturated() {
		return
	}
	if s.Listening {
		s.Listening = false
		s.m.emit(ListenSockets{Unit: s.u.Name, Off: true})
	}
	s.m.arm(s.u, pollDeadline, s.Polls.Begin.Add(s.Polls.Limit.Interval)+1, 0)
}

// limited counts an activation, and ends a unit that is activated too often (systemd.socket(5), TriggerLimitBurst=).
func (s socket) limited() bool {
	if s.Triggers.below(s.m.now.Monotonic) {
		return false
	}
	s.m.log(s.u, 4, "Trigger limit hit, refusing further activation.")
	s.enterStopPre(TriggerLimitHit)
	s.Refused++
	return true
}

func (s socket) activate() {
	pending := false
	for id := range s.m.graph.Each(s.u.ID, graph.AtomTriggers) {
		pending = pending || s.m.graph.ActiveOrPending(id)
	}
	if !pending {
		t, ok := s.m.trigger(s.u)
		if !ok {
			s.m.log(s.u, 3, "Service to activate vanished, refusing activation.")
			s.failedToQueue("non-template", "service vanished")
			return
		}
		if _, err := s.m.enqueue(graph.JobStart, t.ID, graph.ModeReplace); err != nil {
			s.failedToQueue("non-template", err.Error())
			return
		}
	}
	s.enter(SocketRunning)
}

func (s socket) failedToQueue(what, why string) {
	s.m.logf(s.u, 4, "Failed to queue service startup job (Maybe the service file is missing or not a %s unit?): %s", what, why)
	s.enterStopPre(Resources)
}

// connection makes a service of an accepted connection (systemd.socket(5), Accept=, MaxConnections=,
// MaxConnectionsPerSource=).
func (m *Machine) connection(e Connection) {
	u, ok := m.Unit(e.Unit)
	if !ok || u.Socket == nil || u.Config.Socket == nil {
		m.drop(e.Unit, []FD{e.FD})
		return
	}
	s := socket{m, u, u.Socket}
	if s.State == SocketListening {
		s.Polls.below(m.now.Monotonic)
		defer s.pause()
	}
	if s.State != SocketListening || m.graph.StopPending(u.ID) || s.limited() || s.full(e) || !s.accept(e) {
		m.drop(u.Name, []FD{e.FD})
	}
}

// full refuses a connection too many.
func (s socket) full(e Connection) bool {
	c := s.config()
	switch {
	case s.Connections >= c.MaxConnections:
		s.m.logf(s.u, 4, "Too many incoming connections (%d), dropping connection.", s.Connections)
	case e.Source != "" && c.MaxConnectionsPerSource > 0 && s.Sources[e.Source] >= c.MaxConnectionsPerSource:
		s.m.logf(s.u, 4, "Too many incoming connections (%d) from source %s, dropping connection.", s.Sources[e.Source], e.Source)
	default:
		return false
	}
	s.Refused++
	return true
}

// serves makes the edges between a connection's service and the socket unit that it came from.
func (m *Machine) serves(t *Unit) {
	if a, ok := m.graph.Lookup(t.Service.Accepter); ok {
		_ = m.graph.Depend(a, graph.Before, t.ID)
		_ = m.graph.Depend(a, graph.Triggers, t.ID) // a socket may trigger a service
	}
}

// accept starts the instance that serves a connection (socket_load_service_unit and service_set_socket_fd). The instance is
// called after the number of the connection and both ends of it.
func (s socket) accept(e Connection) bool {
	prefix, _, _, _, _ := unit.SplitName(s.u.Name)
	name, err := unit.Instantiate(prefix+"@.service", fmt.Sprintf("%d-%s", s.Accepted, e.Instance))
	if err != nil {
		s.failedToQueue("template", err.Error())
		return false
	}
	t, err := s.m.load(name)
	if err != nil || t.Config.LoadState != unit.Loaded || t.Service == nil || t.Service.State != ServiceDead || t.Service.Connection != 0 {
		s.failedToQueue("template", "Unit "+name+" not found.")
		return false
	}
	s.Accepted++
	s.Connections++
	if e.Source != "" {
		if s.Sources == nil {
			s.Sources = map[string]uint{}
		}
		s.Sources[e.Source]++
	}
	v := t.Service
	v.Connection, v.Accepter, v.Source, v.RemoteAddr, v.RemotePort = e.FD, s.u.Name, e.Source, e.RemoteAddr, e.RemotePort
	v.Peer = e.Peer
	t.describe()
	s.m.serves(t)
	if _, err := s.m.enqueue(graph.JobStart, t.ID, graph.ModeReplace); err != nil {
		service{s.m, t, v}.releaseConnection(false)
		s.failedToQueue("template", err.Error())
		return false
	}
	s.m.touched(s.u)
	return true
}

// closeConnection ends a service's connection (service_close_socket_fd in src/core/service.c).
func (s service) closeConnection() { s.releaseConnection(true) }

func (s service) releaseConnection(drop bool) {
	if s.Connection == 0 {
		return
	}
	if drop {
		s.m.drop(s.u.Name, []FD{s.Connection})
	}
	if a, ok := s.m.Unit(s.Accepter); ok && a.Socket != nil {
		if a.Socket.Connections > 0 {
			a.Socket.Connections--
		}
		if a.Socket.Sources[s.Source] > 1 {
			a.Socket.Sources[s.Source]--
		} else {
			delete(a.Socket.Sources, s.Source)
		}
		s.m.mayDie(a)
	}
	s.Connection, s.Accepter, s.Source, s.RemoteAddr, s.RemotePort = 0, "", "", "", ""
}

// triggered follows the service (socket_trigger_notify in src/core/socket.c).
func (s socket) triggered(n news) {
	switch {
	case s.config() == nil || s.config().Accept || !s.State.is(SocketRunning, SocketListening):
	case n.StartLimitHit:
		s.enterStopPre(ServiceStartLimitHit)
	case n.HasJob:
	case listensAgain[n.Sub] && s.State == SocketRunning:
		s.enterListening()
	case n.Sub == ServiceRunning.String() && s.State == SocketListening:
		s.enter(SocketRunning)
	}
}

// listensAgain are the states of a service that no longer uses its sockets.
var listensAgain = map[string]bool{
	ServiceDead.String(): true, ServiceFailed.String(): true, ServiceFinalSigterm.String(): true,
	ServiceFinalSigkill.String(): true, ServiceAutoRestart.String(): true,
	ServiceDeadBeforeAutoRestart.String(): true, ServiceFailedBeforeAutoRestart.String(): true,
}
