package unit

import (
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The manager's own configuration: /etc/systemd/system.conf and its drop-ins (systemd-system.conf(5); parse_config_file in src/core/main.c).

// System is what it says.
type System struct {
	Defaults           Defaults
	LogLevel           int      // of syslog
	LogTarget          string   // "" for the usual one
	DefaultEnvironment []string // for all units
	ManagerEnvironment []string // the manager's own
}

// systemDirs are searched for system.conf.d, the most important first.
var systemDirs = []string{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"}

// A systemRow is a key of [Manager]. What a unit could say too is read into a unit that has nothing else to say, and Defaults made of it.
type systemRow struct {
	name   string
	form   form   // without parse: it means nothing in a container, and is passed over
	denied string // why it is not done here although it would mean something
}

const ofAllThreads = "keelson sets it for single services only; say it in their units, or of the container"

// systemRows are all keys of systemd 252.
func systemRows() []systemRow {
	rows := []systemRow{
		{name: "LogLevel", form: systemLogLevel()},
		{name: "LogTarget", form: systemLogTarget()},
		{name: "LogColor"}, {name: "LogLocation"}, {name: "LogTime"},
		{name: "DumpCore"}, {name: "CrashChVT"}, {name: "CrashChangeVT"}, {name: "CrashShell"}, {name: "CrashReboot"},
		{name: "ShowStatus"}, {name: "StatusUnitFormat"}, {name: "CtrlAltDelBurstAction"}, {name: "JoinControllers"},
		{name: "CPUAffinity", denied: ofAllThreads}, {name: "NUMAPolicy", denied: ofAllThreads}, {name: "NUMAMask", denied: ofAllThreads},
		{name: "RuntimeWatchdogSec"}, {name: "RuntimeWatchdogPreSec"}, {name: "RuntimeWatchdogPreGovernor"}, {name: "RebootWatchdogSec"},
		{name: "ShutdownWatchdogSec"}, {name: "KExecWatchdogSec"}, {name: "WatchdogDevice"},
		{name: "CapabilityBoundingSet", denied: ofAllThreads}, {name: "NoNewPrivileges", denied: ofAllThreads},
		{name: "SystemCallArchitectures", denied: ofAllThreads}, {name: "TimerSlackNSec", denied: ofAllThreads},
		{name: "DefaultTimerAccuracySec", form: span(func(u *Unit) *Usec { return &u.Timer.Accuracy })},
		{name: "DefaultStandardOutput", form: defaultOutput(func(u *Unit) *Output { return &u.Exec.Output })},
		{name: "DefaultStandardError", form: defaultOutput(func(u *Unit) *Output { return &u.Exec.Error })},
		{name: "DefaultTimeoutStartSec", form: span(func(u *Unit) *Usec { return &u.Service.TimeoutStart })},
		{name: "DefaultTimeoutStopSec", form: span(func(u *Unit) *Usec { return &u.Service.TimeoutStop })},
		{name: "DefaultTimeoutAbortSec", form: abortTimeout()},
		{name: "DefaultDeviceTimeoutSec"},
		{name: "DefaultRestartSec", form: span(func(u *Unit) *Usec { return &u.Service.RestartDelay })},
		{name: "DefaultStartLimitInterval", form: span(func(u *Unit) *Usec { return &u.StartLimit.Interval })},
		{name: "DefaultStartLimitIntervalSec", form: span(func(u *Unit) *Usec { return &u.StartLimit.Interval })},
		{name: "DefaultStartLimitBurst", form: unsigned(func(u *Unit) *uint { return &u.StartLimit.Burst })},
		{name: "DefaultEnvironment", form: systemEnvironment(func(s *System) *[]string { return &s.DefaultEnvironment })},
		{name: "ManagerEnvironment", form: systemEnvironment(func(s *System) *[]string { return &s.ManagerEnvironment })},
		{name: "DefaultCPUAccounting", form: boolean(func(u *Unit) *bool { return &u.Cgroup.CPUAccounting })},
		{name: "DefaultIOAccounting", form: boolean(func(u *Unit) *bool { return &u.Cgroup.IOAccounting })},
		{name: "DefaultIPAccounting", form: boolean(func(u *Unit) *bool { return &u.Cgroup.IPAccounting })},
		{name: "DefaultBlockIOAccounting", form: boolean(func(u *Unit) *bool { return &u.Cgroup.BlockIOAccounting })},
		{name: "DefaultMemoryAccounting", form: boolean(func(u *Unit) *bool { return &u.Cgroup.MemoryAccounting })},
		{name: "DefaultTasksAccounting", form: boolean(func(u *Unit) *bool { return &u.Cgroup.TasksAccounting })},
		{name: "DefaultTasksMax", form: tasksMax()},
		{name: "DefaultOOMPolicy", form: oneOf(oomPolicyWords, "Failed to parse OOM policy", func(u *Unit) *OOMPolicy { return &u.Service.OOMPolicy })},
		{name: "DefaultOOMScoreAdjust", form: boundedNumber(-1000, 1000, "OOM score adjust value out of range, ignoring: %s",
			"Failed to parse the OOM score adjust value '%s', ignoring: Invalid argument", func(u *Unit) *Bound[int] { return &u.Exec.OOMScoreAdjust })},
		{name: "DefaultSmackProcessLabel"},
	}
	for k := range RlimitKind(RlimitKinds) {
		rows = append(rows, systemRow{name: "Default" + k.String(), form: rlimit(k)})
	}
	return rows
}

// ReadSystem reads the configuration. What is not there, or wrong, is as systemd has it by default.
func ReadSystem(fsys FS, host Host) (System, []Diagnostic) {
	d := SystemDefaults()
	r := systemReading{rows: map[string]systemRow{}}
	for _, row := range systemRows() {
		r.rows[row.name] = row
	}
	r.system = System{LogLevel: 6}
	u := newUnit("a.service", &d)
	u.Name, u.Timer = "", &Timer{Accuracy: d.TimerAccuracy}
	u.Exec.Output, u.Exec.Error, u.Service.OOMPolicy, u.Exec.Rlimits, u.Cgroup.TasksMax = d.Output, d.Error, d.OOMPolicy, d.Rlimits, d.TasksMax
	r.a = assignment{u: u, system: &r.system, spec: &specifiers{host: &host}, defaults: &d, diagnostics: &r.list}
	for _, file := range systemFiles(fsys) {
		text, err := readUnitFile(fsys, file)
		if err != nil {
			r.list = append(r.list, Diagnostic{Severity: Warning, File: file, Text: "Failed to open, ignoring: " + errnoText(err)})
			continue
		}
		r.a.file = file
		_ = readText(text, &r) // what ends reading of one file was told
	}
	r.system.Defaults = u.asDefaults(d)
	return r.system, r.list
}

// asDefaults makes what the unit says that of all that say nothing.
func (u *Unit) asDefaults(d Defaults) Defaults {
	s, x, c := u.Service, u.Exec, u.Cgroup
	d.TimeoutStart, d.TimeoutStop, d.TimeoutAbort, d.TimeoutAbortSet = s.TimeoutStart, s.TimeoutStop, s.TimeoutAbort, s.TimeoutAbortSet
	for _, t := range []*Usec{&d.TimeoutStart, &d.TimeoutStop} {
		if *t == 0 {
			*t = Infinity // as it was once written
		}
	}
	d.RestartDelay, d.StartLimit, d.TimerAccuracy = s.RestartDelay, u.StartLimit, u.Timer.Accuracy
	d.Output, d.Error, d.OOMPolicy, d.OOMScoreAdjust, d.TasksMax, d.Rlimits = x.Output, x.Error, s.OOMPolicy, x.OOMScoreAdjust, c.TasksMax, x.Rlimits
	d.CPUAccounting, d.MemoryAccounting, d.TasksAccounting = c.CPUAccounting, c.MemoryAccounting, c.TasksAccounting
	d.IOAccounting, d.BlockIOAccounting, d.IPAccounting = c.IOAccounting, c.BlockIOAccounting, c.IPAccounting
	return d
}

// systemFiles are system.conf, if it is there, and its drop-ins by name; of several with one name the most important counts.
func systemFiles(fsys FS) (files []string) {
	const main = "/etc/systemd/system.conf"
	if exists(fsys, main) {
		files = append(files, main)
	}
	found := map[string]string{}
	for _, dir := range systemDirs {
		dir += "/system.conf.d"
		entries, _ := fsys.ReadDir(relative(dir)) // mostly there is none
		for _, e := range entries {
			if name := e.Name(); path.Ext(name) == ".conf" && found[name] == "" && (e.Type().IsRegular() || e.Type() == fs.ModeSymlink) {
				found[name] = dir + "/" + name
			}
		}
	}
	for _, name := range sortedKeys(found) {
		files = append(files, found[name])
	}
	return files
}

// exists: there is something by that name, be it a link that leads nowhere.
func exists(fsys FS, name string) bool {
	entries, _ := fsys.ReadDir(relative(path.Dir(name)))
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == path.Base(name) })
}

// systemReading is one run of ReadSystem: a textHandler.
type systemReading struct {
	rows   map[string]systemRow
	system System
	a      assignment
	list   []Diagnostic
}

func (r *systemReading) section(name string) sectionStatus {
	switch {
	case name == "Manager":
		return sectionKnown
	case strings.HasPrefix(name, "X-"):
		return sectionIgnored
	}
	return sectionUnknown
}

func (r *systemReading) assign(line int, section, key, value string) error {
	a := &r.a
	a.line, a.key, a.value = line, key, value
	switch row, known := r.rows[key]; {
	case !known && !strings.HasPrefix(key, "X-"):
		a.warn("Unknown key '%s' in section [%s], ignoring.", key, section)
	case row.denied != "":
		a.remark(Notice, "%s= is not applied here: %s.", key, row.denied)
	case row.form.parse != nil:
		row.form.parse(a)
	}
	a.refused, a.broken = false, false
	return nil
}

func (r *systemReading) remark(line int, s Severity, text string) {
	r.list = append(r.list, Diagnostic{Severity: s, File: r.a.file, Line: line, Text: clip(text)})
}

var (
	logLevelWords  = words{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
	logTargetWords = words{"console", "console-prefixed", "kmsg", "journal", "journal-or-kmsg", "syslog", "syslog-or-kmsg", "auto", "null"}
)

func systemLogLevel() form {
	return form{"log level", func(a *assignment) {
		if i, ok := logLevelWords.find(a.value); ok {
			a.system.LogLevel = int(i)
		} else if n, err := strconv.Atoi(a.value); err == nil && n >= 0 && n < len(logLevelWords) {
			a.system.LogLevel = n
		} else {
			a.warn("Failed to parse log level '%s'. Ignoring.", a.value)
		}
	}}
}

func systemLogTarget() form {
	return form{"log target", func(a *assignment) {
		if _, ok := logTargetWords.find(a.value); ok {
			a.system.LogTarget = a.value
		} else {
			a.warn("Failed to parse log target '%s'. Ignoring.", a.value)
		}
	}}
}

// defaultOutput is an output that needs no name and no other process's (config_parse_output_restricted in src/core/load-fragment.c).
func defaultOutput(f field[Output]) form {
	return form{"one of " + strings.Join(outputWords[:OutputSocket], ", "), func(a *assignment) {
		value := a.value
		if rest, ok := strings.CutPrefix(value, "syslog"); ok && (rest == "" || rest == "+console") {
			value = "journal" + rest
			a.remark(Notice, "Standard output type %s is obsolete, automatically updating to %s. Please update your unit file, and consider removing the setting altogether.", a.value, value)
		}
		i, ok := outputWords.find(value)
		switch {
		case !ok:
			a.warn("Failed to parse output type specifier, ignoring: %s", a.value)
		case Output(i) >= OutputSocket:
			a.warn("Standard output types socket, fd:, file:, append:, truncate: are not supported as defaults, ignoring: %s", a.value)
		default:
			*f(a.u) = Output(i)
		}
	}}
}

// systemEnvironment is a list of assignments, with the specifiers that are the machine's.
func systemEnvironment(f func(*System) *[]string) form {
	return assignments(func(a *assignment) *[]string { return f(a.system) }, func(a *assignment, w string) (string, error) {
		return expandWith(w, argMax, func(c byte) (string, bool, error) {
			if v, ok, err := a.spec.machine(c); ok {
				return v, true, err
			}
			v, ok := map[byte]string{'T': a.spec.host.TmpDir, 'V': a.spec.host.VarTmpDir}[c]
			return v, ok, nil
		})
	})
}
