package supervise

import (
	"strings"

	"keelson/supervise/graph"
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// notified hands a datagram to the unit whose process has sent it.
func (m *Machine) notified(e Notified) {
	u, ok := m.Unit(e.Unit)
	if !ok {
		u, ok = m.pids[e.PID]
	}
	if !ok || u.Service == nil || u.Config.Service == nil {
		m.drop("", e.FDs)
		return
	}
	service{m, u, u.Service}.notified(e)
}

// drop closes descriptors that nobody keeps.
func (m *Machine) drop(name string, fds []FD) {
	if len(fds) > 0 {
		m.emit(CloseFDs{name, fds})
	}
}

// accesses are NotifyAccess= in the words of package notify.
var accesses = map[unit.NotifyAccess]notify.Access{
	unit.NotifyNone: notify.AccessNone, unit.NotifyMain: notify.AccessMain, unit.NotifyExec: notify.AccessExec, unit.NotifyAll: notify.AccessAll,
}

// access is NotifyAccess=, or what the service has said instead.
func (s service) access() unit.NotifyAccess {
	if s.NotifyAccess != nil {
		for a, said := range accesses {
			if said == *s.NotifyAccess {
				return a
			}
		}
	}
	return s.config().NotifyAccess
}

// notified is service_notify_message in src/core/service.c.
func (s service) notified(e Notified) {
	msg := &e.Message
	if err := accesses[s.access()].Check(e.PID, s.Main.PID, s.Control.PID); err != nil {
		text := err.Error()
		s.m.log(s.u, 4, strings.ToUpper(text[:1])+text[1:])
		s.m.drop(s.u.Name, e.FDs)
		return
	}
	for _, w := range msg.Warnings {
		s.m.log(s.u, 4, w)
	}
	s.notifiedMain(e)
	s.notifiedState(msg)
	if msg.Status != nil {
		s.StatusText = *msg.Status
	}
	if msg.Errno != nil {
		s.StatusErrno = *msg.Errno
	}
	if msg.BusError != nil {
		s.StatusBus = *msg.BusError
	}
	if msg.NotifyAccess != nil {
		access := *msg.NotifyAccess
		s.NotifyAccess = &access
	}
	if msg.ExtendTimeout != nil {
		s.extend(*msg.ExtendTimeout)
	}
	s.notifiedWatchdog(msg)
	s.store(e)
	s.m.touched(s.u)
}

// mayHaveMain: the states in which MAINPID= counts.
func (s service) mayHaveMain() bool {
	return s.State.is(ServiceStart, ServiceStartPost, ServiceRunning) || s.State.reloads()
}

// notifiedMain is MAINPID=. A process of the unit may be named by anybody who may speak, a stranger only by root.
func (s service) notifiedMain(e Notified) {
	pid := e.Message.MainPID
	if pid == 0 || !s.mayHaveMain() || s.MainKnown && pid == s.Main.PID {
		return
	}
	switch {
	case pid == s.Control.PID:
		s.m.logf(s.u, 4, "New main PID %d is the control process, refusing.", pid)
	case !e.MainAlive:
		s.m.logf(s.u, 4, "New main PID %d does not exist or is a zombie.", pid)
	case e.MainInUnit || e.UID == 0:
		s.setMain(pid, e.MainOurs)
	}
}

// notifiedState is READY=1, RELOADING=1 and STOPPING=1. For Type=notify-reload the rules are those of systemd 253: stopping wins,
// ready wins over reloading, and a reload that was asked for by a signal is over only with messages that are younger than that
// signal. Otherwise the last word of a message counts.
func (s service) notifiedState(msg *notify.Message) {
	state := msg.State
	if s.config().Type == unit.ServiceNotifyReload {
		switch {
		case msg.Stopping:
			state = notify.StateStopping
		case msg.Ready:
			state = notify.StateReady
		}
	}
	fresh := msg.MonotonicUsec != nil && *msg.MonotonicUsec >= s.ReloadBegin
	if state != notify.StateUnknown {
		s.NotifyState = state
	}
	switch state {
	case notify.StateStopping:
		if s.State.is(ServiceRunning, ServiceReloadSignal, ServiceReloadNotify) {
			s.enterStopByNotify()
		}
	case notify.StateReady:
		switch {
		case s.State == ServiceStart && s.isNotify():
			s.enterStartPost()
		case s.State == ServiceReloadNotify:
			s.enterRunning(Success)
		case s.State == ServiceReloadSignal && msg.Reloading && fresh:
			s.propagateReload()
			s.enterRunning(Success)
		}
	case notify.StateReloading:
		switch {
		case s.State == ServiceReloadSignal && fresh:
			s.enter(ServiceReloadNotify)
		case s.State == ServiceRunning:
			s.enterReloadByNotify()
		}
	}
}

// notifiedWatchdog is WATCHDOG= and WATCHDOG_USEC=.
func (s service) notifiedWatchdog(msg *notify.Message) {
	counts := serviceStates[s.State].has&hasWatchdog != 0
	if msg.WatchdogUsec != nil {
		w := *msg.WatchdogUsec
		s.WatchdogOverride = &w
	}
	switch {
	case msg.Watchdog == notify.WatchdogTrigger:
		status := s.StatusText
		if status == "" {
			status = "<unset>"
		}
		s.m.log(s.u, 3, "Watchdog request (last status: "+status+")!")
		if s.mayHaveMain() {
			s.enterSignal(ServiceStopWatchdog, Watchdog)
		}
	case counts && (msg.Watchdog == notify.WatchdogPing || msg.WatchdogUsec != nil):
		s.resetWatchdog()
	}
}

// store keeps descriptors that came along, or drops kept ones (systemd.service(5), FileDescriptorStoreMax=).
func (s service) store(e Notified) {
	msg := &e.Message
	switch msg.FDStore {
	case notify.FDStoreRemove:
		var gone []FD
		kept := s.Store[:0:0]
		for _, f := range s.Store {
			if f.Name == msg.FDName {
				gone = append(gone, f.FD)
			} else {
				kept = append(kept, f)
			}
		}
		s.Store = kept
		s.m.drop(s.u.Name, append(gone, e.FDs...))
	case notify.FDStoreAdd:
		for i, fd := range e.FDs {
			if uint(len(s.Store)) >= s.config().FDStoreMax {
				s.m.logf(s.u, 4, "Cannot store more fds than FileDescriptorStoreMax=%d, closing remaining.", s.config().FDStoreMax)
				s.m.drop(s.u.Name, e.FDs[i:])
				return
			}
			s.Store = append(s.Store, Stored{fd, msg.FDName, msg.FDPoll})
			if msg.FDPoll {
				s.m.emit(WatchFD{s.u.Name, fd})
			}
		}
	default:
		s.m.drop(s.u.Name, e.FDs)
	}
}

// releaseStore drops all that is kept.
func (s service) releaseStore() {
	var gone []FD
	for _, f := range s.Store {
		gone = append(gone, f.FD)
	}
	s.Store = nil
	s.m.drop(s.u.Name, gone)
}

func (m *Machine) fdHangup(fd FD) {
	for _, u := range m.units {
		if u == nil || u.Service == nil {
			continue
		}
		for i, f := range u.Service.Store {
			if f.FD == fd {
				u.Service.Store = append(u.Service.Store[:i:i], u.Service.Store[i+1:]...)
				m.drop(u.Name, []FD{fd})
				return
			}
		}
	}
}

// passed are the descriptors that a service gets, and how many of them are sockets: its connection, or those of all its socket
// units; then what it has stored (service_collect_fds in src/core/service.c).
func (s service) passed() (list []PassedFD, sockets int) {
	if s.Connection != 0 {
		list = append(list, PassedFD{s.Connection, "connection"})
	} else {
		for id := range s.m.graph.Each(s.u.ID, graph.AtomTriggeredBy) {
			if o := s.m.units[id]; o != nil && o.Socket != nil && o.Config.Socket != nil && !o.Config.Socket.Accept {
				for _, fd := range o.Socket.FDs {
					list = append(list, PassedFD{fd, o.Config.Socket.FDName})
				}
			}
		}
	}
	sockets = len(list)
	for _, f := range s.Store {
		list = append(list, PassedFD{f.FD, f.Name})
	}
	return list, sockets
}
