// Package boot makes the manager of a container out of its parts: it looks at the machine, prepares /run, reads the configuration, and starts the
// loop. What ends the container is decided here, too.
//
// The order is:
//
//	folders below /run, the journal            from here on there is a log
//	sysusers.d, tmpfiles.d                     users and folders that packages expect
//	unit files                                 the real ones, and what the command line adds
//	sockets, the loop                          from here on nothing ends the process but the loop's end
//	the sweep, the exit status
package boot

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/bus"
	"keelson/init/early"
	"keelson/init/facts"
	"keelson/init/generate"
	"keelson/init/journal"
	"keelson/init/loop"
	"keelson/init/spawn"
	"keelson/init/track"
	"keelson/supervise"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// Options are what the command line and the environment say.
type Options struct {
	Units       []string          // to start; none: default.target
	Command     []string          // to run in the foreground; nil: none
	Services    []Service         // plain commands to run beside the units
	Files       map[string]string // unit files by name, in memory, for Units to name
	ExitWith    string            // the container ends with this unit
	StopTimeout string            // a time span
	LogFormat   string            // "short", "raw", "json", "none"
	Env         string            // "clean": the container's environment is not for services
	Strict      bool
	Environ     []string
	Inherited   early.State
}

// FromEnvironment takes what KEELSON_* say.
func (o *Options) FromEnvironment() {
	lookup := unit.LookupIn(o.Environ)
	get := func(name, otherwise string) string {
		if v, ok := lookup(name); ok && v != "" {
			return v
		}
		return otherwise
	}
	o.StopTimeout = get("KEELSON_STOP_TIMEOUT", "9s")
	o.LogFormat = get("KEELSON_LOG", "short")
	o.Env = get("KEELSON_ENV", "")
	strict, ok := unit.ParseBoolean(get("KEELSON_STRICT", "no"))
	o.Strict = ok && strict
}

// syslogSocket is where a syslog daemon listens that lives beside journald: syslog.socket (systemd.special(7)). Debian's journald forwards there unless
// told otherwise.
const syslogSocket = "/run/systemd/journal/syslog"

// exitFailure is what a manager ends with that could not go on.
const exitFailure = 255

// rebootStatus is what the container ends with when a reboot was asked for (systemd-nspawn(1), "Exit Status").
const rebootStatus = 133

// Run is the manager, from the first look around to the end. status is what the process ends with.
func Run(o Options) (status int, err error) {
	debug.SetGCPercent(50)
	// The owner and the journal are what can run beside each other. Each further processor would cost threads and heap of its own.
	runtime.GOMAXPROCS(min(2, runtime.GOMAXPROCS(0)))
	startup := loop.Now()
	budget, err := o.budget()
	if err != nil {
		return 0, err
	}
	format, ok := journal.ParseFormat(o.LogFormat)
	if !ok {
		return 0, fmt.Errorf("%q is no log format: short, raw, json and none are", o.LogFormat)
	}
	places, notices := prepare()
	var l *loop.Loop
	block := loop.Environment(o.Environ, o.Env == "clean")
	f := facts.New(facts.Options{Environment: func() []string {
		if l == nil {
			return block
		}
		return l.Machine().Environment()
	}})
	host := f.Host()
	state, err := handedOver()
	if err != nil {
		return 0, err
	}
	tracking := track.Options{Adopt: os.Getpid() == 1}
	if state != nil {
		tracking.State = state.Tracker
	}
	tracker := track.New(tracking)
	machine, boot := journalID(host.MachineID), journalID(host.BootID)
	settings, problems := journal.LoadConfig("")
	notices = append(notices, problems...)
	var invocations sync.Map // unit to invocation id: the loop's to write, the journal's to read
	options := journal.Options{
		Config: settings, MachineID: machine, BootID: boot, Hostname: host.Hostname, Sockets: true,
		Forward: []journal.Forward{{Path: syslogSocket}},
		Console: journal.Console{FD: 1, Format: format, Colour: isTerminal(1)},
		Lookup: func(pid int) (string, string) {
			name, _ := tracker.Lookup(pid)
			id, _ := invocations.Load(name)
			invocation, _ := id.(string)
			return name, invocation
		},
	}
	var collector *journal.Collector
	if state != nil {
		o.Inherited = state.Command
		collector, err = journal.Restore(options, state.Journal)
	} else {
		collector, err = journal.Start(options)
	}
	if err != nil {
		return 0, err
	}
	defer collector.Close()
	notices = append(notices, f.Notices()...)
	notices = append(notices, tracker.Problems()...)
	if state == nil {
		notices = append(notices, applyConfiguration(host)...)
		notices = append(notices, permitOnBus()...)
		notices = append(notices, runGenerators(places, host, f, o)...)
		if f.BeginBoot(); f.FirstBoot() {
			notices = append(notices, populate("/")...)
		}
	}

	files := loop.NewFiles()
	system, remarks := unit.ReadSystem(files, host)
	for _, d := range remarks {
		notices = append(notices, d.String())
	}
	target := o.describe(files)
	hold(files, func(path string) bool {
		return f.Held([]unit.Condition{{Type: unit.ConditionPathIsMountPoint, Parameter: path}})[0]
	})
	loader := unit.NewLoader(files, host)
	loader.SearchPath = unit.DefaultSearchPath(true) // as Debian 12's systemd and package unitfiles have it
	loader.Zones = calendar.Zones{Local: time.Local, Load: time.LoadLocation}
	for _, d := range loader.Scan() {
		notices = append(notices, d.String())
	}
	compiler := spawn.NewCompiler(spawn.Options{Host: host, Strict: o.Strict, Credentials: places.Credentials})
	l, err = loop.New(loop.Config{
		Target: target, Loader: loader, Files: files, Places: places, Budget: budget, Notices: notices, System: system,
		Environment: block, Own: loop.Environment(nil, true), Passable: o.Environ,
		Compiler: compiler, Tracker: tracker, Journal: collector, Invocations: &invocations, Facts: f, Command: o.command(),
		Info: info(host, f, startup), Random: rand.Uint64, Perturb: perturb(host), Startup: startup,
		UnitFiles: newUnitFiles(), Outer: loop.NewOuter(o.Environ), Restored: state,
	})
	if err != nil {
		return 0, err
	}
	server, err := serve(l, places)
	if err != nil {
		collector.Log(4, "", fmt.Sprintf("%v: systemctl cannot reach the manager", err), nil)
	} else {
		l.Serve(server)
		if state != nil {
			server.Connect() // dbus.service may run already
		}
	}
	end, err := l.Run()
	if err != nil {
		collector.Log(2, "", err.Error(), nil)
	}
	if end.Reexec {
		err := reexecute(l, collector, o)
		fmt.Fprintf(os.Stderr, "keelson: cannot execute the manager anew: %v\n", err)
		end.Status = exitFailure
	}
	if end.Crashed {
		l.Freeze()
	}
	if server != nil {
		server.Close(closeGrace)
	}
	l.Sweep()
	l.Bye(end)
	if end.Objective == supervise.ObjectiveReboot {
		return rebootStatus, nil
	}
	return end.Status, nil
}

func (o Options) budget() (loop.Budget, error) {
	if o.StopTimeout == "infinity" {
		return loop.Budget{Stop: supervise.Infinity}, nil
	}
	span, err := calendar.ParseSec(o.StopTimeout)
	if err != nil || span < calendar.Second {
		return loop.Budget{}, fmt.Errorf("the stop timeout %q is no time span of a second or more, such as 9s or 1min", o.StopTimeout)
	}
	return loop.Budget{Stop: span}, nil
}

// perturb is where in their windows this machine's timers elapse: the same on each start of one container, different in many
// (initialize_perturb in src/libsystemd/sd-event/sd-event.c).
func perturb(h unit.Host) supervise.Usec {
	var n uint64
	for _, c := range h.BootID + h.Hostname {
		n = n*31 + uint64(c)
	}
	return supervise.Usec(n) % calendar.Minute
}

// prepare makes what a booted system has below /run. Without a writable /run the sockets are in /dev/shm, which every container has.
func prepare() (loop.Places, []string) {
	unix.Umask(0o022)
	places := loop.NewPlaces("/run")
	err := places.Prepare()
	if err == nil {
		return places, nil
	}
	other := loop.NewPlaces(fmt.Sprintf("/dev/shm/keelson-%d", os.Getuid()))
	if other.Prepare() != nil {
		return places, []string{err.Error() + ": systemctl and services of Type=notify cannot reach the manager; " + runRemedy()}
	}
	return other, []string{err.Error() + ": systemctl cannot find the manager, whose sockets are in " + other.Run + "; " + runRemedy()}
}

// runRemedy is what gives the manager a /run.
func runRemedy() string {
	if uid := os.Getuid(); uid != 0 {
		return fmt.Sprintf("docker run --tmpfs /run:uid=%d gives it a place", uid)
	}
	return "docker run --tmpfs /run gives it a place"
}

func quoteAll(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(unit.QuoteWord(w, ""))
	}
	return b.String()
}

// runGenerators runs them for the first time, while there is nothing else to wait for.
func runGenerators(p loop.Places, h unit.Host, f *facts.Facts, o Options) []string {
	if !generate.Wanted() {
		return nil
	}
	id, _ := f.Virtualization()
	err := generate.Run(generate.Options{
		Run: p.Run, Environ: loop.Environment(o.Environ, o.Env == "clean"), Architecture: h.Architecture, Virtualization: id, Stderr: os.Stderr,
	})
	if err != nil {
		return strings.Split(err.Error(), "\n")
	}
	return nil
}

func info(h unit.Host, f *facts.Facts, startup supervise.Time) bus.Info {
	id, _ := f.Virtualization()
	return bus.Info{
		Version: managerVersion, Features: features, Architecture: h.Architecture, Virtualization: id, MachineID: h.MachineID,
		Userspace: startup, GeneratorsStart: startup, GeneratorsFinish: startup, UnitsLoadStart: startup, UnitsLoadFinish: startup, UnitsLoad: startup,
		SystemTasksMax: tasksMost(), SystemMemory: memoryMost(), SoftFiles: early.SoftFiles(),
	}
}
