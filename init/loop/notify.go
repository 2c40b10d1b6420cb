package loop

import (
	"errors"

	"golang.org/x/sys/unix"

	"keelson/init/sock"
	"keelson/supervise"
	"keelson/supervise/notify"
)

// messagesMost is how many messages are taken at a time: more than the socket holds unless somebody goes on sending, who must not keep the owner.
const messagesMost = 1 << 16

// hear takes the messages off the notify socket.
func (l *Loop) hear() {
	for n := 0; l.notify >= 0 && n < messagesMost; n++ {
		d, err := sock.ReceiveNotify(l.notify, &l.message)
		var refused sock.Refused
		switch {
		case err == nil:
			l.heard(d)
		case errors.As(err, &refused):
			l.say(4, "%s", refused)
		case err == sock.ErrNothing:
			return
		default:
			l.say(3, "%v; services that tell their state are no longer heard", err)
			l.poll.drop(l.notify)
			unix.Close(l.notify)
			l.notify = -1
		}
	}
}

// heard makes an event of one message. A barrier's descriptors are closed when all messages before it have been acted on.
func (l *Loop) heard(d sock.Datagram) {
	m, err := notify.Parse(d.Payload, len(d.FDs))
	if err != nil {
		l.say(4, "Received notify message from PID %d that cannot be read. Ignoring: %v", d.PID, err)
		sock.CloseAll(d.FDs)
		return
	}
	if m.Barrier {
		l.barriers = append(l.barriers, d.FDs...)
		return
	}
	name, known := l.config.Tracker.UnitOf(d.PID)
	if !known {
		if u, ok := l.machine.UnitOf(d.PID); ok {
			name, known = u.Name, true
		}
	}
	if !known {
		l.say(4, "Cannot find unit for notify message of PID %d, ignoring.", d.PID)
		sock.CloseAll(d.FDs)
		return
	}
	e := supervise.Notified{Unit: name, PID: d.PID, UID: d.UID, Message: m, FDs: l.fds.keepAll(d.FDs)}
	if m.MainPID > 0 {
		l.aboutMain(&e)
	}
	l.event(e)
}

// aboutMain finds out what there is to know of a main process that a service names.
func (l *Loop) aboutMain(e *supervise.Notified) {
	e.MainAlive, e.MainInUnit, e.MainOurs = l.config.Tracker.MainFacts(e.Message.MainPID, e.Unit)
	if e.MainAlive && !e.MainOurs {
		l.follow(e.Message.MainPID)
	}
}
