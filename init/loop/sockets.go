package loop

import (
	"golang.org/x/sys/unix"

	"keelson/init/sock"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// listening is what a socket unit has open.
type listening struct {
	config *unit.Socket
	fds    []int
}

func (l *Loop) openSockets(e supervise.OpenSockets) {
	fds, degraded, err := sock.Open(e.Socket, sock.Options{})
	l.degrade(e.Unit, texts(degraded))
	if err != nil {
		l.event(supervise.SocketsFailed{Unit: e.Unit, Query: e.Query, Error: err.Error()})
		return
	}
	l.sockets[e.Unit] = &listening{e.Socket, fds}
	l.event(supervise.SocketsOpened{Unit: e.Unit, Query: e.Query, FDs: l.fds.keepAll(fds)})
}

// numbers are the open descriptors of a socket unit, by its own account.
func (l *Loop) numbers(name string) (*unit.Socket, []int) {
	u, ok := l.machine.Unit(name)
	if !ok || u.Socket == nil || u.Config.Socket == nil {
		return nil, nil
	}
	var fds []int
	for _, h := range u.Socket.FDs {
		fds = append(fds, l.fds.number(h))
	}
	return u.Config.Socket, fds
}

// listen waits for traffic, or no longer.
func (l *Loop) listen(e supervise.ListenSockets) {
	config, fds := l.numbers(e.Unit)
	if s := l.sockets[e.Unit]; config == nil && s != nil {
		config, fds = s.config, s.fds
	}
	if e.Off || config == nil {
		for _, fd := range fds {
			l.poll.drop(fd)
		}
		return
	}
	if e.Flush {
		sock.Flush(fds, config)
	}
	for i, fd := range fds {
		if fd < 0 {
			continue
		}
		if err := l.poll.add(fd, unix.EPOLLIN, stageRest, func(events uint32) { l.traffic(e.Unit, config, i, fd, events) }); err != nil {
			l.sayOf(e.Unit, 4, "Failed to watch listening fds: %v", err)
		}
	}
}

func (l *Loop) traffic(name string, config *unit.Socket, index, fd int, events uint32) {
	hangup, text := sock.Hangup(events)
	if text != "" {
		l.sayOf(name, 3, "%s", text)
	}
	if hangup || !sock.Accepts(config, index) {
		l.event(supervise.Traffic{Unit: name, Hangup: hangup})
		return
	}
	conn, c, err := sock.Accept(fd, config)
	switch {
	case err == sock.ErrNoConnection:
	case err != nil:
		l.sayOf(name, 3, "%v", err)
		l.event(supervise.Traffic{Unit: name, Hangup: true})
	default:
		c.Unit, c.FD = name, l.fds.keep(conn)
		l.event(c)
	}
}

func (l *Loop) flushSockets(name string) {
	if config, fds := l.numbers(name); config != nil {
		sock.Flush(fds, config)
	}
}

func (l *Loop) removeSockets(e supervise.RemoveSockets) {
	if err := sock.Remove(e.Socket); err != nil {
		l.sayOf(e.Unit, 4, "%v", err)
	}
	delete(l.sockets, e.Unit)
}

func (l *Loop) watchPaths(e supervise.WatchPaths) {
	if e.Off {
		l.watcher.Unwatch(e.Unit)
		return
	}
	if e.Make && e.Path.MakeDirectory {
		if err := sock.MakeDirectories(e.Path); err != nil {
			l.sayOf(e.Unit, 4, "%v", err)
		}
	}
	l.watcher.Watch(e.Unit, e.Path.Specs)
	l.watchWatcher()
}

func (l *Loop) watchPIDFile(e supervise.WatchPIDFile) {
	if e.Off {
		l.watcher.UnwatchPIDFile(e.Unit)
		return
	}
	if err := l.watcher.WatchPIDFile(e.Unit, e.Path); err != nil {
		l.sayOf(e.Unit, 4, "Failed to watch PID file %s: %v", e.Path, err)
	}
	l.watchWatcher()
	l.event(supervise.PIDFileChanged{Unit: e.Unit}) // it may have come meanwhile
}

// watchWatcher polls the inotify instance, which may have been had late.
func (l *Loop) watchWatcher() {
	if fd := l.watcher.FD(); fd >= 0 && l.poll.sources[fd] == nil {
		if err := l.poll.add(fd, unix.EPOLLIN, stageRest, func(uint32) { l.filesChanged() }); err != nil {
			l.say(3, "Failed to watch paths: %v", err)
		}
	}
}

// filesChanged hands on what inotify has to tell.
func (l *Loop) filesChanged() {
	changes, err := l.watcher.Read()
	if err != nil {
		l.say(3, "%v", err)
	}
	for _, c := range changes {
		if c.PIDFile {
			l.event(supervise.PIDFileChanged{Unit: c.Unit})
		} else {
			l.event(supervise.PathChanged{Unit: c.Unit, Index: c.Index})
		}
	}
}
