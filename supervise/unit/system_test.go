package unit

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"keelson/supervise/calendar"
)

// TestReadSystem: what system.conf and its drop-ins say is what units have that say nothing.
func TestReadSystem(t *testing.T) {
	host := DefaultHost()
	host.Hostname, host.TmpDir = "box.example", "/tmp"
	conf := func(text string) []string { return []string{"/etc/systemd/system.conf", "[Manager]\n" + text} }
	for _, c := range []struct {
		why   string
		files []string
		want  func(s *System)
		tells []string
	}{
		{"nothing", nil, func(*System) {}, nil},
		{"comments", conf("#LogLevel=debug\n;DefaultTasksMax=1\n"), func(*System) {}, nil},
		{"times", conf("DefaultTimeoutStartSec=10\nDefaultTimeoutStopSec=1min 30s\nDefaultTimeoutAbortSec=5\nDefaultRestartSec=2s\nDefaultTimerAccuracySec=1s\n"), func(s *System) {
			d := &s.Defaults
			d.TimeoutStart, d.TimeoutStop, d.TimeoutAbort, d.TimeoutAbortSet = 10*calendar.Second, 90*calendar.Second, 5*calendar.Second, true
			d.RestartDelay, d.TimerAccuracy = 2*calendar.Second, calendar.Second
		}, nil},
		{"0 is no timeout", conf("DefaultTimeoutStartSec=0\nDefaultTimeoutStopSec=infinity\n"), func(s *System) {
			s.Defaults.TimeoutStart, s.Defaults.TimeoutStop = Infinity, Infinity
		}, nil},
		{"start limit", conf("DefaultStartLimitIntervalSec=1min\nDefaultStartLimitBurst=9\n"), func(s *System) { s.Defaults.StartLimit = RateLimit{calendar.Minute, 9} }, nil},
		{"the old name", conf("DefaultStartLimitInterval=7\n"), func(s *System) { s.Defaults.StartLimit.Interval = 7 * calendar.Second }, nil},
		{"outputs", conf("DefaultStandardOutput=null\nDefaultStandardError=syslog+console\n"), func(s *System) {
			s.Defaults.Output, s.Defaults.Error = OutputNull, OutputJournalConsole
		}, []string{"syslog+console is obsolete"}},
		{"outputs that take a name", conf("DefaultStandardOutput=file:/x\nDefaultStandardError=socket\n"), func(*System) {}, []string{"Failed to parse", "not supported as defaults"}},
		{"limits", conf("DefaultLimitNOFILE=1024:2048\nDefaultLimitCORE=infinity\nDefaultTasksMax=20%\nDefaultOOMScoreAdjust=-5\nDefaultOOMPolicy=kill\nDefaultMemoryAccounting=no\nDefaultIOAccounting=yes\n"), func(s *System) {
			d := &s.Defaults
			d.Rlimits[LimitNOFILE] = Bound[Rlimit]{true, Rlimit{1024, 2048}}
			d.Rlimits[LimitCORE] = Bound[Rlimit]{true, Rlimit{RlimitInfinity, RlimitInfinity}}
			d.TasksMax, d.OOMScoreAdjust, d.OOMPolicy = Fraction{Share: 2000, Shared: true}, Bound[int]{true, -5}, OOMKill
			d.MemoryAccounting, d.IOAccounting = false, true
		}, nil},
		{"environment", conf("DefaultEnvironment=A=1 \"B=x y\" H=%H T=%T/t\nDefaultEnvironment=A=2\nManagerEnvironment=M=1\n"), func(s *System) {
			s.DefaultEnvironment, s.ManagerEnvironment = []string{"A=2", "B=x y", "H=box.example", "T=/tmp/t"}, []string{"M=1"}
		}, nil},
		{"environment taken back", conf("DefaultEnvironment=A=1\nDefaultEnvironment=\nDefaultEnvironment=B=1\n"), func(s *System) { s.DefaultEnvironment = []string{"B=1"} }, nil},
		{"a unit's specifier", conf("DefaultEnvironment=N=%n\nManagerEnvironment=1=2\n"), func(*System) {}, []string{"Failed to resolve specifiers in N=%n", "Invalid environment assignment"}},
		{"log", conf("LogLevel=debug\nLogTarget=console\n"), func(s *System) { s.LogLevel, s.LogTarget = 7, "console" }, nil},
		{"log by number", conf("LogLevel=4\nLogTarget=nowhere\n"), func(s *System) { s.LogLevel = 4 }, []string{"Failed to parse log target"}},
		{"what means nothing here", conf("RuntimeWatchdogSec=30\nShowStatus=yes\nCrashShell=no\n"), func(*System) {}, nil},
		{"what is not done", conf("NoNewPrivileges=yes\n"), func(*System) {}, []string{"system.conf:2: NoNewPrivileges= is not applied here"}},
		{"what there is not", conf("DefaultDependencies=no\nX-Mine=1\n[Unit]\nA=b\n"), func(*System) {}, []string{"Unknown key 'DefaultDependencies'", "Unknown section 'Unit'"}},
		{"wrong values", conf("LogLevel=loud\nDefaultTimeoutStopSec=soon\nDefaultRestartSec=\nDefaultLimitNOFILE=many\nDefaultTasksMax=0\n"), func(*System) {},
			[]string{"log level", "soon", "Failed to parse sec", "many", "out of range"}},
		{"drop-ins by name, the first folder wins", []string{
			"/etc/systemd/system.conf", "[Manager]\nDefaultRestartSec=1\nDefaultStartLimitBurst=1\n", "/usr/lib/systemd/system.conf.d/20-b.conf", "[Manager]\nDefaultRestartSec=2\n",
			"/run/systemd/system.conf.d/10-a.conf", "[Manager]\nDefaultRestartSec=3\nDefaultStartLimitBurst=3\n", "/usr/lib/systemd/system.conf.d/10-a.conf", "[Manager]\nDefaultStartLimitBurst=9\n",
			"/etc/systemd/system.conf.d/30-c.conf", "-> /dev/null", "/usr/lib/systemd/system.conf.d/30-c.conf", "[Manager]\nDefaultStartLimitBurst=8\n", "/etc/systemd/system.conf.d/note.txt", "[Manager]\nDefaultStartLimitBurst=7\n",
		}, func(s *System) { s.Defaults.RestartDelay, s.Defaults.StartLimit.Burst = 2*calendar.Second, 3 }, nil},
		{"a link to nowhere", []string{"/etc/systemd/system.conf", "-> /nowhere"}, func(*System) {}, []string{"Failed to open"}},
	} {
		got, list := ReadSystem(tree(c.files...), host)
		want := System{Defaults: SystemDefaults(), LogLevel: 6}
		c.want(&want)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nnot %+v", c.why, got, want)
		}
		told := texts(list)
		if len(told) != len(c.tells) {
			t.Errorf("%s: %q", c.why, told)
		}
		for _, text := range c.tells {
			if !slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, text) }) {
				t.Errorf("%s: nothing of %q in %q", c.why, text, told)
			}
		}
	}
}
