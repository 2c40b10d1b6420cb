package loop

import (
	"os"
	"slices"
	"strings"

	"keelson/init/bus"
	"keelson/init/spawn"
	"keelson/supervise"
	"keelson/supervise/unit"
)

// usage is what a unit uses, as D-Bus clients are told.
func (l *Loop) usage(name string) bus.Usage {
	u := bus.NoUsage
	u.ControlGroup = l.config.Tracker.ControlGroup(name)
	if w, ok := l.machine.Unit(name); !ok || w.Service == nil || !w.Service.Main.Alive() && !w.Service.Control.Alive() && len(w.Leftover.Processes) == 0 {
		return u
	}
	t := l.config.Tracker.Usage(name)
	u.MemoryCurrent, u.TasksCurrent = t.Memory, t.Tasks
	if t.CPU > 0 {
		u.CPUUsageNSec = uint64(t.CPU)
	}
	return u
}

// An Owner is whom a unit's processes run as.
type Owner struct{ UID, GID uint32 }

// own notes what User= and Group= have come to, until the unit is down again (unit_notify_user_lookup in src/core/unit.c), and gives them the cgroup that
// is delegated to them (exec_child in src/core/execute.c).
func (l *Loop) own(e *supervise.Spawn, p *spawn.Program, cgroup bool) {
	x := e.Exec
	if x.User == "" && x.Group == "" && !x.DynamicUser || e.NoSandbox || e.Line.Flags&(unit.FullyPrivileged|unit.NoSetuid) != 0 {
		return // they say nothing, or not of this command
	}
	o := Owner{noID, uint32(p.GID)}
	if x.User != "" || x.DynamicUser {
		o.UID = uint32(p.UID)
	}
	l.owners[e.Unit] = o
	if !cgroup || !e.Cgroup.Delegate {
		return
	}
	if err := l.config.Tracker.Delegate(e.Unit, int(int32(o.UID)), int(int32(o.GID))); err != nil {
		l.degrade(e.Unit, []string{"Delegate=: " + err.Error()})
	}
}

// noID is UID_INVALID and GID_INVALID.
const noID = ^uint32(0)

// NeedsReload tells whether a unit's files are other than when they were read (unit_need_daemon_reload in src/core/unit.c).
func (l *Loop) NeedsReload(name string) bool {
	u, ok := l.machine.Unit(name)
	if !ok || u.Config.Fragment == "" && len(u.Config.DropIns) == 0 {
		return false
	}
	read := max(l.reread, l.readAt[u.Name])
	for _, file := range append(u.Config.DropIns[:len(u.Config.DropIns):len(u.Config.DropIns)], u.Config.Fragment) {
		if file != "" && changed(file) > read {
			return true
		}
	}
	return false
}

// changed is when a file was last changed, on CLOCK_REALTIME; 0 if there is none.
func changed(path string) supervise.Usec {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return supervise.Usec(st.ModTime().UnixMicro())
}

// dump writes what the manager knows of all units to the log (systemd(1), SIGUSR2).
func (l *Loop) dump() {
	for _, u := range l.machine.Units() {
		l.say(6, "%s: %s (%s)%s", u.Name, l.machine.Active(u), l.machine.Sub(u), l.processLine(u.Name))
	}
	for _, j := range l.machine.Graph().Jobs() {
		l.say(6, "job %d: %s %s", j.ID, l.machine.Graph().Name(j.Unit), j.Type)
	}
}

func (l *Loop) processLine(name string) string {
	list := l.config.Tracker.Processes(name)
	if len(list) == 0 {
		return ""
	}
	return ": " + strings.TrimPrefix(l.list(list), ": ")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func sortedPIDs[V any](m map[int]V) []int {
	keys := make([]int, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
