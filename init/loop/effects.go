package loop

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/track"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// carryOut does what the machine wants, and queues what it is to know of it.
func (l *Loop) carryOut(effect supervise.Effect) {
	switch e := effect.(type) {
	case supervise.Spawn:
		l.spawn(e)
	case supervise.Kill: // of a restored machine: see step
		l.kills = append(l.kills, e)
		l.killAll()
	case supervise.AskEmpty:
		l.askEmpty(e.Unit)
	case supervise.AskMain:
		l.askMain(e)
	case supervise.WatchPIDFile:
		l.watchPIDFile(e)
	case supervise.RemovePIDFile:
		l.remove(e.Unit, e.Path)
	case supervise.AskFacts:
		l.event(supervise.FactsAnswer{Unit: e.Unit, Query: e.Query, Held: l.config.Facts.Held(e.Conditions)})
	case supervise.OpenSockets:
		l.openSockets(e)
	case supervise.ListenSockets:
		l.listen(e)
	case supervise.FlushSockets:
		l.flushSockets(e.Unit)
	case supervise.RemoveSockets:
		l.removeSockets(e)
	case supervise.CloseFDs:
		l.closeFDs(e.FDs)
	case supervise.WatchFD:
		l.watchFD(e)
	case supervise.WatchPaths:
		l.watchPaths(e)
	case supervise.AskPaths:
		good, paths, problem := l.watcher.Facts(e.Unit, e.Specs)
		l.event(supervise.PathFacts{Unit: e.Unit, Query: e.Query, Good: good, Paths: paths, Problem: problem})
	case supervise.ReadStamp:
		l.event(supervise.StampRead{Unit: e.Unit, Query: e.Query, Realtime: l.readStamp(e.Unit)})
	case supervise.TouchStamp:
		if err := l.config.Facts.TouchStamp(e.Unit, e.Realtime); err != nil {
			l.sayOf(e.Unit, 4, "Failed to touch %v", err)
		}
	case supervise.RemoveDirectories:
		l.removeDirectories(e)
	case supervise.RemoveTransient:
		l.removeTransient(e)
	case supervise.Log:
		l.log(e.Priority, e.Unit, e.Text, logFields(e))
	case supervise.Reply:
		if done := l.replies[e.Request]; done != nil {
			delete(l.replies, e.Request)
			done(e)
		}
	case supervise.Finish:
		l.finish(e)
	default:
		l.told(effect)
	}
}

// told is what only clients and the log want to know.
func (l *Loop) told(effect supervise.Effect) {
	switch e := effect.(type) {
	case supervise.StartupFinished:
		l.started()
	case supervise.JobNew, supervise.JobRemoved:
		l.shutdownJob(effect)
	case supervise.UnitChanged:
		if e.Active.IsDown() {
			delete(l.owners, e.Unit)
			l.config.Tracker.Vacate(e.Unit)
		} else {
			l.applyCgroup(e.Unit)
		}
		if u, ok := l.machine.Unit(e.Unit); ok && u.Config.Exec != nil && e.Active.IsDown() {
			if err := l.config.Compiler.Release(e.Unit); err != nil {
				l.sayOf(e.Unit, 4, "Failed to remove what its processes shared: %v", err)
			}
		}
	case supervise.UnitNew:
		l.applyCgroup(e.Unit) // some slices are up always
		if l.machine != nil {
			l.readAt[e.Unit] = Now().Realtime
		}
	case supervise.UnitRemoved:
		l.config.Tracker.Forget(e.Unit)
		l.config.Journal.ForgetUnit(e.Unit)
		l.config.Invocations.Delete(e.Unit)
		delete(l.degraded, e.Unit)
		delete(l.owners, e.Unit)
		delete(l.readAt, e.Unit)
	}
	if l.bus != nil {
		l.bus.Effect(effect)
	}
}

// applyCgroup has the cgroup of a slice that is up, and of what has one already, be as the unit's files say.
func (l *Loop) applyCgroup(name string) {
	u, ok := l.machine.Unit(name)
	if !ok || u.Config.Cgroup == nil || u.Config.Type == unit.TypeSlice && l.machine.Active(u).IsDown() {
		return
	}
	l.degrade(name, texts(l.config.Tracker.Apply(track.Unit{Name: name, Cgroup: u.Config.Cgroup, OOMGroup: l.oomKills(name)})))
}

// askMain looks for the main process of a service that has forked it.
func (l *Loop) askMain(e supervise.AskMain) {
	control := 0
	if u, ok := l.machine.Unit(e.Unit); ok && u.Service != nil {
		control = u.Service.Control.PID
	}
	a := l.config.Tracker.Main(e, control)
	if a.PID != 0 && !a.Ours {
		l.follow(a.PID)
	}
	l.event(a)
}

func logFields(e supervise.Log) []string {
	if e.MessageID == "" {
		return e.Fields
	}
	return append([]string{"MESSAGE_ID=" + e.MessageID}, e.Fields...)
}

func (l *Loop) remove(name, path string) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		l.sayOf(name, 5, "Failed to remove %v", err)
	}
}

func (l *Loop) removeTransient(e supervise.RemoveTransient) {
	for _, file := range append([]string{e.Path}, e.DropIns...) {
		l.config.Files.Remove(file)
	}
}

func (l *Loop) readStamp(name string) supervise.Usec {
	at, err := l.config.Facts.ReadStamp(name, Now().Realtime)
	if err != nil {
		l.sayOf(name, 4, "Failed to read its time stamp: %v", err)
	}
	return at
}

func (l *Loop) removeDirectories(e supervise.RemoveDirectories) {
	err := l.config.Facts.RemoveDirectories(e.Exec, uint8(e.Mask))
	text := ""
	if err != nil {
		text = err.Error()
		l.sayOf(e.Unit, 4, "Failed to remove its directories: %v", err)
	}
	if e.Query != 0 {
		l.event(supervise.Cleaned{Unit: e.Unit, Query: e.Query, Error: text})
	}
}

// closeFDs closes what the machine needs no more.
func (l *Loop) closeFDs(list []supervise.FD) {
	for _, h := range list {
		if fd := l.fds.number(h); fd >= 0 {
			l.poll.drop(fd)
		}
		l.fds.close(h)
	}
}

// watchFD waits for the other end of a stored descriptor to close it.
func (l *Loop) watchFD(e supervise.WatchFD) {
	fd := l.fds.number(e.FD)
	if fd < 0 {
		return
	}
	// A regular file has no other end (EPERM of epoll_ctl(2)).
	l.poll.add(fd, 0, stageRest, func(uint32) {
		l.poll.drop(fd)
		l.event(supervise.FDHangup{FD: e.FD})
	})
}

// degrade notes what a unit asks for and does not get here: once in the log, and for its status.
func (l *Loop) degrade(name string, list []string) {
	for _, d := range list {
		if !contains(l.degraded[name], d) {
			l.degraded[name] = append(l.degraded[name], d)
			l.sayOf(name, 5, "Not applied here: %s", d)
		}
	}
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func texts[T fmt.Stringer](list []T) []string {
	var out []string
	for _, e := range list {
		out = append(out, strings.TrimSpace(e.String()))
	}
	return out
}

// duplicate is a descriptor of the same file, closed on exec.
func duplicate(fd int) (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3) }
