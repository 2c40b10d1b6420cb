package systemctl_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/init/applet/manager/managertest"
	"keelson/init/applet/systemctl"
)

// now is when everything happens: a Sunday.
var now = time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC)

// ago is a point in time before it, in microseconds.
func ago(d time.Duration) uint64 { return uint64(now.Add(-d).UnixMicro()) }

// unitOf is a unit's properties: those that every unit has, then more.
func unitOf(name, description, load, active, sub string, more ...manager.Property) managertest.Ordered {
	return append(managertest.Ordered{
		p("Id", name), p("Description", description), p("LoadState", load), p("ActiveState", active), p("SubState", sub),
	}, more...)
}

func p(name string, value any) manager.Property {
	return manager.Property{Name: name, Value: dbus.MakeVariant(value)}
}

// command is a command of a service, and how it went.
type command struct {
	Path               string
	Argv               []string
	Ignore             bool
	Started, M1, Ended uint64
	M2                 uint64
	PID                uint32
	Code, Status       int32
}

type link struct{ Kind, Path, Source string }

type condition struct {
	Name            string
	Trigger, Negate bool
	Param           string
	State           int32
}

type pair struct{ A, B string }

type process struct {
	Group   string
	PID     uint32
	Command string
}

type job struct {
	ID             uint32
	Unit, Kind     string
	State          string
	Path, UnitPath dbus.ObjectPath
}

// jobOf is the property that names a unit's job; 0 is none.
func jobOf(id uint32) manager.Property {
	return p("Job", struct {
		ID   uint32
		Path dbus.ObjectPath
	}{id, "/"})
}

type listed struct {
	Name, Description, Load, Active, Sub, Followed string
	Path                                           dbus.ObjectPath
	JobID                                          uint32
	JobType                                        string
	JobPath                                        dbus.ObjectPath
}

// units are those of the world, in the order in which the manager lists them.
func units() []managertest.Ordered {
	const max = ^uint64(0)
	return []managertest.Ordered{
		unitOf("web.service", "A web server", "loaded", "active", "running",
			p("FragmentPath", "/etc/systemd/system/web.service"), p("UnitFileState", "enabled"), p("UnitFilePreset", "enabled"),
			p("DropInPaths", []string{"/etc/systemd/system/web.service.d/a.conf", "/etc/systemd/system/web.service.d/b.conf"}),
			p("Documentation", []string{"man:web(8)", "https://example.com/"}), p("TriggeredBy", []string{"web.socket"}),
			p("ActiveEnterTimestamp", ago(90*time.Minute)), p("ActiveExitTimestamp", uint64(0)), p("NeedDaemonReload", false),
			p("RequiredBy", []string{"multi-user.target"}), p("Requires", []string{"db.service", "system.slice"}), p("After", []string{"db.service"}),
			p("ExecStartPre", []command{{"/bin/true", []string{"/bin/true"}, false, 1, 1, 2, 2, 99, 1, 0}, {"/bin/no", []string{"/bin/no", "-x"}, true, 1, 1, 2, 2, 98, 1, 1}}),
			p("ExecStart", []command{{"/usr/bin/web", []string{"/usr/bin/web", "two words"}, false, ago(90 * time.Minute), 5, 0, 0, 4194999, 0, 0}}),
			p("MainPID", uint32(4194999)), p("ControlPID", uint32(0)), p("StatusText", "Serving"), p("ExecMainCode", int32(0)),
			p("TasksCurrent", uint64(2)), p("TasksMax", uint64(40)), p("MemoryCurrent", uint64(3<<20+200<<10)), p("MemoryMax", uint64(100<<20)),
			p("CPUUsageNSec", uint64(1234567890)), p("ControlGroup", "/system.slice/web.service"), p("CanReload", true),
			p("InvocationID", []byte{0xAB, 0xCD}), p("UMask", uint32(0o22)), p("LimitNOFILE", uint64(524288)), p("MemoryLow", uint64(0)),
			p("TimeoutStartUSec", uint64(90e6)), p("RuntimeMaxUSec", max), p("Environment", []string{"A=1", "B=two words"}), p("StandardInputData", []byte{}),
			p("WatchdogTimestampMonotonic", uint64(0)), p("SuccessExitStatus", struct {
				Status, Signals []int32
			}{[]int32{75}, []int32{10}}),
			p("SystemCallFilter", struct {
				Allow bool
				List  []string
			}{false, []string{"mount"}}),
		),
		unitOf("broken.service", "broken.service", "loaded", "failed", "failed",
			p("FragmentPath", "/run/systemd/system/broken.service"), p("UnitFileState", "static"), p("UnitFilePreset", "disabled"),
			jobOf(0), p("Result", "exit-code"), p("InactiveEnterTimestamp", ago(2*time.Hour)), p("ActiveEnterTimestamp", ago(2*time.Hour+time.Second)),
			p("ActiveExitTimestamp", ago(2*time.Hour)), p("NeedDaemonReload", true),
			p("ExecStart", []command{{"/bin/broken", []string{"/bin/broken"}, false, 7, 7, 8, 8, 77, 1, 203}}),
			p("ExecMainPID", uint32(77)), p("ExecMainCode", int32(1)), p("ExecMainStatus", int32(203)), p("ExecMainStartTimestamp", uint64(7)),
			p("ExecMainExitTimestamp", uint64(8)), p("MainPID", uint32(0)), p("ControlPID", uint32(0))),
		unitOf("db.service", "A database", "loaded", "inactive", "dead",
			p("FragmentPath", "/usr/lib/systemd/system/db.service"), p("UnitFileState", "disabled"), p("UnitFilePreset", "enabled"),
			jobOf(0), p("ConditionTimestamp", ago(time.Hour)), p("ConditionResult", false),
			p("Conditions", []condition{{"ConditionPathExists", false, true, "/etc", -1}, {"ConditionPathExists", false, false, "/nope", -1}, {"ConditionHost", false, false, "x", 1}})),
		unitOf("masked.service", "masked.service", "masked", "inactive", "dead", p("LoadError", pair{"org.freedesktop.systemd1.UnitMasked", "Unit masked.service is masked."}), p("FragmentPath", "/etc/systemd/system/masked.service"), p("UnitFileState", "masked")),
		unitOf("web.socket", "A web server's socket", "loaded", "active", "running",
			p("FragmentPath", "/etc/systemd/system/web.socket"), p("UnitFileState", "enabled"), p("UnitFilePreset", "enabled"), p("Triggers", []string{"web.service"}),
			p("Listen", []pair{{"Stream", "/run/web"}, {"Datagram", "127.0.0.1:80"}}), p("Accept", true), p("NAccepted", uint32(3)), p("NConnections", uint32(1)), p("NRefused", uint32(0)),
			p("ActiveEnterTimestamp", ago(48*time.Hour))),
		unitOf("daily.timer", "Every day", "loaded", "active", "waiting",
			p("Triggers", []string{"db.service"}), p("NextElapseUSecRealtime", ago(-15*time.Hour)), p("NextElapseUSecMonotonic", uint64(0)),
			p("LastTriggerUSec", ago(9*time.Hour)), p("ActiveEnterTimestamp", ago(72*time.Hour)),
			p("TimersCalendar", []struct {
				Kind, Spec string
				Next       uint64
			}{{"OnCalendar", "*-*-* 03:00:00", ago(-15 * time.Hour)}})),
		unitOf("spool.path", "A spool", "loaded", "active", "waiting", p("Triggers", []string{"db.service"}), p("Paths", []pair{{"DirectoryNotEmpty", "/var/spool/x"}, {"PathExists", "/a"}})),
		unitOf("multi-user.target", "Multi-User System", "loaded", "active", "active", p("Wants", []string{"web.service", "rest.target"}), p("After", []string{"web.service"}),
			p("ActiveEnterTimestamp", ago(time.Minute))),
		unitOf("rest.target", "Rest", "loaded", "inactive", "dead", p("Wants", []string{"broken.service", "multi-user.target"})),
		unitOf("late.service", "Still starting", "loaded", "activating", "start", p("InactiveExitTimestamp", ago(3*time.Second)), jobOf(7)),
	}
}

// A world is a machine and its manager.
type world struct {
	*managertest.Server
	t    *testing.T
	root string
	// fails are what the manager refuses: by "Method", or "Method first-argument".
	fails map[string]*manager.Error
	// results are the results of jobs, by unit; "done" where there is none.
	results map[string]string
	jobs    []job
	logind  bool
	stdin   string
	env     []string
	journal systemctl.Journal
}

// newWorld is one; changes to what the manager answers are made before it does.
func newWorld(t *testing.T, changes ...func(*world)) *world {
	t.Helper()
	root, err := os.MkdirTemp("", "s") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	w := &world{
		t: t, root: root, fails: map[string]*manager.Error{},
		results: map[string]string{"broken.service": "failed", "late.service": "timeout", "db.service": "dependency"},
		jobs:    []job{{7, "late.service", "start", "running", "/j/7", "/u/7"}},
	}
	for _, change := range changes {
		change(w)
	}
	w.Server = managertest.Start(t, root, w.answer)
	return w
}

// run is a run of systemctl.
func (w *world) run(args ...string) (stdout, stderr string, status int) {
	return w.call("systemctl", args...)
}

func (w *world) call(name string, args ...string) (stdout, stderr string, status int) {
	var out, err bytes.Buffer
	h := &applet.Host{
		Stdin: strings.NewReader(w.stdin), Stdout: &out, Stderr: &err, Environ: append(slices.Clip(w.env), "LANG=C.UTF-8", "PATH=/usr/bin:/bin"),
		Root: w.root, Now: func() time.Time { return now }, Local: time.UTC,
	}
	if slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--root="+w.root) }) {
		h.Root = "" // the option says the same
	}
	status = systemctl.Main(append([]string{name}, args...), h, w.journal)
	return out.String(), err.String(), status
}

// file makes a file of the machine.
func (w *world) file(path, text string) {
	w.t.Helper()
	path = filepath.Join(w.root, path)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) find(name string) managertest.Ordered {
	for _, u := range units() {
		if value(u, "Id") == name {
			return u
		}
	}
	return nil
}

func value(u managertest.Ordered, name string) any {
	for _, p := range u {
		if p.Name == name {
			return p.Value.Value()
		}
	}
	return nil
}

// notFound is a unit that there is not.
func notFound(name string) managertest.Ordered {
	return unitOf(name, name, "not-found", "inactive", "dead", p("LoadError", pair{manager.NoSuchUnit, "Unit " + name + " not found."}))
}

func (w *world) answer(c managertest.Call) ([]any, error) {
	first := ""
	if len(c.Args) > 0 {
		first, _ = c.Args[0].(string)
	}
	for _, key := range []string{c.Member, c.Member + " " + first} {
		if err := w.fails[key]; err != nil {
			return nil, err
		}
	}
	if c.Interface == "org.freedesktop.DBus.Properties" {
		return w.property(c)
	}
	if c.Interface == "org.freedesktop.login1.Manager" && !w.logind {
		return nil, &manager.Error{Name: "org.freedesktop.DBus.Error.ServiceUnknown", Message: "The name org.freedesktop.login1 was not provided by any .service files"}
	}
	switch c.Member {
	case "StartUnit", "StopUnit", "RestartUnit", "ReloadUnit", "TryRestartUnit", "ReloadOrRestartUnit", "ReloadOrTryRestartUnit":
		return w.queue(c, first)
	case "EnqueueUnitJob":
		if _, err := w.queue(c, first); err != nil {
			return nil, err
		}
		return []any{uint32(1), dbus.ObjectPath(manager.Root + "/job/1"), first, manager.UnitPath(first), c.Args[1], []struct {
			ID   uint32
			Path dbus.ObjectPath
			Unit string
			Obj  dbus.ObjectPath
			Kind string
		}{{2, manager.Root + "/job/2", "db.service", manager.UnitPath("db.service"), "start"}}}, nil
	case "GetUnit":
		if w.find(first) == nil {
			return nil, &manager.Error{Name: manager.NoSuchUnit, Message: "Unit " + first + " not loaded."}
		}
		return []any{manager.UnitPath(first)}, nil
	case "GetUnitByPID":
		return []any{manager.UnitPath("web.service")}, nil
	case "GetUnitProcesses":
		return []any{[]process{
			{"/system.slice/web.service", 4194999, "/usr/bin/web two words"}, {"/system.slice/web.service/sub", 4195001, "helper"},
		}}, nil
	case "ListUnitsByPatterns":
		return []any{w.list(c)}, nil
	case "ListJobs":
		return []any{append([]job{}, w.jobs...)}, nil
	case "GetJobAfter", "GetJobBefore":
		return []any{[]job{{9, "other.service", "stop", "waiting", "/j/9", "/u/9"}}}, nil
	case "GetUnitFileState":
		state, _ := value(w.find(first), "UnitFileState").(string)
		if state == "" {
			return nil, &manager.Error{Name: "org.freedesktop.DBus.Error.FileNotFound", Message: "No such file or directory"}
		}
		return []any{state}, nil
	case "EnableUnitFiles", "ReenableUnitFiles", "PresetUnitFiles", "PresetUnitFilesWithMode":
		return []any{!slices.Contains(c.Args[0].([]string), "broken.service"), []link{{"symlink", "/etc/systemd/system/multi-user.target.wants/web.service", "/etc/systemd/system/web.service"}}}, nil
	case "DisableUnitFiles", "UnmaskUnitFiles", "RevertUnitFiles", "PresetAllUnitFiles":
		return []any{[]link{{"unlink", "/etc/systemd/system/multi-user.target.wants/web.service", ""}}}, nil
	case "AddDependencyUnitFiles":
		return []any{[]link{{"masked", "x.service", ""}, {"dangling", "y.service", ""}, {"odd", "z.service", ""}}}, nil
	case "MaskUnitFiles", "LinkUnitFiles", "SetDefaultTarget":
		return []any{[]link{{"symlink", "/etc/systemd/system/x", "/dev/null"}}}, nil
	case "GetDefaultTarget":
		return []any{"multi-user.target"}, nil
	}
	return nil, nil
}

// queue queues a job that is done before it has been answered.
func (w *world) queue(c managertest.Call, name string) ([]any, error) {
	u := w.find(name)
	switch {
	case u == nil && strings.HasSuffix(name, ".target"):
	case u == nil:
		return nil, &manager.Error{Name: manager.NoSuchUnit, Message: "Unit " + name + " not found."}
	case value(u, "LoadState") == "masked":
		return nil, &manager.Error{Name: manager.UnitMasked, Message: "Unit " + name + " is masked."}
	}
	result := w.results[name]
	if result == "" {
		result = "done"
	}
	path := dbus.ObjectPath(manager.Root + "/job/1")
	c.Signal(manager.Root, manager.Interface, "JobRemoved", uint32(1), path, name, result)
	return []any{path}, nil
}

func (w *world) list(c managertest.Call) []listed {
	states, patterns := c.Args[0].([]string), c.Args[1].([]string)
	any := func(list []string, match func(string) bool) bool {
		for _, s := range list {
			if match(s) {
				return true
			}
		}
		return len(list) == 0
	}
	rows := []listed{}
	for _, u := range units() {
		r := listed{Path: "/", JobPath: "/"}
		r.Name, r.Description = value(u, "Id").(string), value(u, "Description").(string)
		r.Load, r.Active, r.Sub = value(u, "LoadState").(string), value(u, "ActiveState").(string), value(u, "SubState").(string)
		r.Path = manager.UnitPath(r.Name)
		if j, _ := value(u, "SubState").(string); j == "start" {
			r.JobID, r.JobType, r.JobPath = 7, "start", manager.Root+"/job/7"
		}
		if any(states, func(s string) bool { return s == r.Active || s == r.Load || s == r.Sub }) &&
			any(patterns, func(p string) bool { ok, _ := filepath.Match(p, r.Name); return ok }) {
			rows = append(rows, r)
		}
	}
	return rows
}

func (w *world) property(c managertest.Call) ([]any, error) {
	all := managertest.Ordered{
		p("Version", "252 (keelson)"), p("SystemState", "degraded"), p("NNames", uint32(9)), p("NJobs", uint32(0)), p("NFailedUnits", uint32(1)),
		p("UserspaceTimestamp", ago(time.Hour)), p("ControlGroup", ""), p("Environment", []string{"LANG=C", "X=a b", "Y="}), p("LogLevel", "info"),
		p("LogTarget", "journal"), p("ServiceWatchdogs", true),
	}
	if c.Path != manager.Root && c.Path != "/org/freedesktop/LogControl1" {
		name := manager.NameOf(c.Path)
		if all = w.find(name); all == nil {
			all = notFound(name)
		}
	}
	if c.Member == "GetAll" {
		return []any{all}, nil
	}
	if c.Member == "Set" {
		return nil, nil
	}
	name := c.Args[1].(string)
	for _, p := range all {
		if p.Name == name {
			return []any{p.Value}, nil
		}
	}
	return w.absent(name)
}

// absent is the value of a property that a unit of the world does not say.
func (w *world) absent(name string) ([]any, error) {
	switch name {
	case "NeedDaemonReload":
		return []any{dbus.MakeVariant(false)}, nil
	case "TriggeredBy", "Triggers", "DropInPaths":
		return []any{dbus.MakeVariant([]string{})}, nil
	}
	return nil, &manager.Error{Name: "org.freedesktop.DBus.Error.UnknownProperty", Message: "Unknown property " + name}
}
