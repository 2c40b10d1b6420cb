package supervise

import (
	"fmt"
	"strings"
	"testing"

	"keelson/supervise/calendar"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// every is a service with a command of each kind, so that each state has somewhere to go.
const every = `[Service]
ExecCondition=/bin/condition
ExecStartPre=/bin/start-pre
ExecStart=/bin/start
ExecStartPost=/bin/start-post
ExecReload=/bin/reload
ExecStop=/bin/stop
ExecStopPost=/bin/stop-post
`

// place puts a service into a state as it would be there: with its processes, known to the world, and with its deadline.
func place(t *testing.T, text string, state ServiceState) (*world, service) {
	t.Helper()
	w := newWorld(map[string]string{"a.service": text, "hold.target": "[Unit]\nAfter=a.service"})
	w.step(Request{Verb: VerbLoad, Unit: "a.service"})
	u, _ := w.m.Unit("a.service")
	s := service{w.m, u, u.Service}
	s.State, s.MainIndex, s.ControlIndex = state, -1, -1
	w.m.now = w.now
	w.m.graph.Facts(u.ID).Active = s.active(state)
	has := serviceStates[state].has
	if has&hasTimer != 0 && state != ServiceRunning {
		w.m.after(u, timerDeadline, calendar.Second)
	}
	if has&hasMain != 0 {
		s.MainIndex = 0
		s.Main, s.MainKnown = w.track(u, RoleMain), true
	}
	kinds := map[ServiceState]unit.CommandKind{
		ServiceCondition: unit.ExecCondition, ServiceStartPre: unit.ExecStartPre, ServiceStartPost: unit.ExecStartPost,
		ServiceReload: unit.ExecReload, ServiceStop: unit.ExecStop, ServiceStopPost: unit.ExecStopPost,
	}
	if kind, ok := kinds[state]; ok {
		s.ControlKind, s.ControlIndex = kind, 0
		s.Control = w.track(u, RoleControl)
	}
	w.log = nil
	return w, s
}

// track makes a process that the machine knows.
func (w *world) track(u *Unit, role Role) Process {
	w.m.lastCommand++
	w.lastPID++
	w.procs[w.lastPID] = proc{u.Name, w.m.lastCommand, role}
	w.m.commands[w.m.lastCommand] = u
	w.m.pids[w.lastPID] = u
	return Process{w.m.lastCommand, w.lastPID}
}

// flush hands out what was done without a step.
func (w *world) flush() {
	w.m.settle()
	for _, f := range w.m.out {
		w.log = append(w.log, f.String())
		w.act(f)
	}
	w.m.out = nil
	w.drain()
}

// cells are the columns of the state model: what each event does to a service in a state.
var cells = map[string]func(*world, service) string{
	"start":  func(w *world, s service) string { return ran(s.start()) },
	"stop":   func(w *world, s service) string { return ran(s.stop()) },
	"reload": func(w *world, s service) string { return ran(s.reload()) },
	"main": func(w *world, s service) string {
		return s.ends(w, s.Main, 0)
	},
	"main-bad": func(w *world, s service) string {
		return s.ends(w, s.Main, 1)
	},
	"control": func(w *world, s service) string {
		return s.ends(w, s.Control, 0)
	},
	"control-bad": func(w *world, s service) string {
		return s.ends(w, s.Control, 255)
	},
	"time": func(w *world, s service) string {
		if !s.u.Deadlines[timerDeadline].set() {
			return "none"
		}
		s.m.disarm(s.u, timerDeadline)
		s.deadline(timerDeadline)
		return ""
	},
	"empty": func(w *world, s service) string {
		// The processes are gone, and their ends were told, but the state stayed: an alien main process.
		clear(w.procs)
		s.forgetMain()
		s.forgetControl()
		s.empty()
		return ""
	},
}

func ran(r graph.RunResult) string {
	switch r {
	case graph.RunAgain:
		return "later"
	case graph.RunFailed:
		return "failed"
	}
	return ""
}

func (s service) ends(w *world, p Process, status int) string {
	if !p.Alive() {
		return "none"
	}
	delete(w.procs, p.PID)
	s.m.exited(Exited{p.PID, Status{StatusExited, status}})
	return ""
}

// TestServiceCells is every cell of the state model in service.go, for a service of Type=simple with a command of each kind. A cell is
// the state that follows at once; "=" is the same state, "later" a job to be tried again, "none" that the event cannot be.
func TestServiceCells(t *testing.T) {
	const table = `
state               start     stop          reload         main          main-bad      control       control-bad   time          empty
dead                condition =             later          none          none          none          none          none          =
failed              condition =             later          none          none          none          none          none          =
condition           =         stop-sigterm  later          none          none          start-pre     stop-sigterm  stop-sigterm  =
start-pre           =         stop-sigterm  later          none          none          start         stop-sigterm  stop-sigterm  =
start               =         stop-sigterm  later          stop          stop-sigterm  none          none          stop-sigterm  =
start-post          =         stop-sigterm  later          =             =             running       stop-sigterm  stop-sigterm  =
running             -         stop          reload         stop          stop-sigterm  none          none          none          stop
exited              -         stop          reload         none          none          none          none          none          =
reload              -         stop-sigterm  later          =             =             running       running       running       =
reload-signal       -         stop-sigterm  later          stop          stop          none          none          running       =
reload-notify       -         stop-sigterm  later          stop          stop          none          none          running       =
stop                later     =             later          =             =             stop-sigterm  stop-sigterm  stop-sigterm  =
stop-watchdog       later     stop-sigterm  later          stop-post     stop-post     none          none          stop-sigkill  stop-post
stop-sigterm        later     =             later          stop-post     stop-post     none          none          stop-sigkill  stop-post
stop-sigkill        later     =             later          stop-post     stop-post     none          none          stop-post     stop-post
stop-post           later     =             later          =             =             =             =             final-sigterm dead
final-watchdog      later     =             later          dead          failed        none          none          final-sigkill dead
final-sigterm       later     =             later          dead          failed        none          none          final-sigkill dead
final-sigkill       later     =             later          dead          failed        none          none          failed        dead
auto-restart        later     dead          later          none          none          none          none          =             =
auto-restart-queued condition dead          later          none          none          none          none          none          =
cleaning            later     final-sigkill later          none          none          none          none          final-sigkill =
`
	rows := strings.Split(strings.TrimSpace(table), "\n")
	columns := strings.Fields(rows[0])
	seen := 0
	for _, row := range rows[1:] {
		words := strings.Fields(row)
		state := stateOf(t, words[0])
		for i, want := range words[1:] {
			event := columns[i+1]
			if want == "-" {
				continue // the graph starts nothing that is up: TestGraphStartsNothingTwice
			}
			w, s := place(t, every, state)
			got := cells[event](w, s)
			if got == "" {
				if got = s.State.String(); s.State == state {
					got = "="
				}
			}
			seen++
			if got != want {
				t.Errorf("%s, %s: %s, want %s", words[0], event, got, want)
			}
			if len(w.m.queue) == 0 {
				w.flush()
			}
		}
	}
	if want := (int(serviceStateCount) - 2) * 9; seen != want-5 {
		t.Errorf("%d cells, want %d", seen, want-5) // less the two states between which nothing happens, and the five "-"
	}
}

func stateOf(t *testing.T, name string) ServiceState {
	t.Helper()
	for state := range serviceStateCount {
		if state.String() == name {
			return state
		}
	}
	t.Fatalf("no state %q", name)
	return 0
}

// A start job of a unit that is up is done without the unit's doing.
func TestGraphStartsNothingTwice(t *testing.T) {
	for _, state := range []ServiceState{ServiceRunning, ServiceExited, ServiceReload, ServiceReloadSignal, ServiceReloadNotify} {
		w, s := place(t, every, state)
		w.step(Request{ID: 1, Verb: VerbStart, Unit: "a.service"})
		if s.State != state {
			t.Errorf("%s: a start leads to %s", state, s.State)
		}
		if !strings.Contains(strings.Join(w.log, "\n"), "job a.service/start done") {
			t.Errorf("%s: the start is not done: %q", state, w.log)
		}
	}
}

// TestTimeoutModes is what a timeout does by TimeoutStartFailureMode= or TimeoutStopFailureMode= and SendSIGKILL=.
func TestTimeoutModes(t *testing.T) {
	for _, c := range []struct {
		state      ServiceState
		mode, kill string
		want       ServiceState
	}{
		{ServiceStart, "terminate", "yes", ServiceStopSigterm},
		{ServiceStart, "abort", "yes", ServiceStopWatchdog},
		{ServiceStart, "kill", "yes", ServiceStopSigkill},
		{ServiceStart, "kill", "no", ServiceStopPost},
		{ServiceStop, "terminate", "yes", ServiceStopSigterm},
		{ServiceStop, "abort", "yes", ServiceStopWatchdog},
		{ServiceStop, "kill", "yes", ServiceStopSigkill},
		{ServiceStop, "kill", "no", ServiceStopPost},
		{ServiceStopSigterm, "terminate", "no", ServiceStopPost},
		{ServiceStopSigterm, "abort", "yes", ServiceStopWatchdog},
		{ServiceStopWatchdog, "abort", "no", ServiceStopPost},
		{ServiceStopPost, "abort", "yes", ServiceFinalWatchdog},
		{ServiceStopPost, "kill", "yes", ServiceFinalSigkill},
		{ServiceStopPost, "kill", "no", ServiceFailed},
		{ServiceFinalSigterm, "abort", "yes", ServiceFinalWatchdog},
		{ServiceFinalSigterm, "terminate", "no", ServiceFailed},
		{ServiceFinalWatchdog, "abort", "no", ServiceFailed},
	} {
		text := every + "TimeoutStartFailureMode=" + c.mode + "\nTimeoutStopFailureMode=" + c.mode + "\nSendSIGKILL=" + c.kill + "\n"
		_, s := place(t, text, c.state)
		s.deadline(timerDeadline)
		if s.State != c.want || s.Result != Timeout {
			t.Errorf("%s with %s, SendSIGKILL=%s: %s/%s, want %s", c.state, c.mode, c.kill, s.State, s.Result, c.want)
		}
	}
}

// TestOutOfMemory is OOMPolicy= by state.
func TestOutOfMemory(t *testing.T) {
	for _, c := range []struct {
		policy string
		state  ServiceState
		want   ServiceState
	}{
		{"continue", ServiceRunning, ServiceRunning},
		{"stop", ServiceRunning, ServiceStop},
		{"kill", ServiceRunning, ServiceStopSigkill},
		{"stop", ServiceStartPre, ServiceStopSigterm},
		{"kill", ServiceStart, ServiceStopSigkill},
		{"stop", ServiceStopSigterm, ServiceStopSigkill},
		{"stop", ServiceStopSigkill, ServiceStopSigkill},
		{"stop", ServiceStopPost, ServiceFinalSigkill},
		{"stop", ServiceDead, ServiceDead},
	} {
		_, s := place(t, every+"OOMPolicy="+c.policy+"\n", c.state)
		s.outOfMemory()
		if s.State != c.want {
			t.Errorf("OOMPolicy=%s in %s: %s, want %s", c.policy, c.state, s.State, c.want)
		}
		if hit := c.policy != "continue" && c.state != ServiceDead; hit != (s.Result == OOMKill) {
			t.Errorf("OOMPolicy=%s in %s: result %s", c.policy, c.state, s.Result)
		}
	}
}

// TestSpawnFailed is what a failed fork leads to in each state.
func TestSpawnFailed(t *testing.T) {
	for _, c := range []struct {
		lines string
		want  string
	}{
		{"ExecCondition=/bin/c", "failed failed resources"},
		{"ExecStartPre=/bin/p", "failed failed resources"},
		{"", "failed failed resources"},
	} {
		w := newWorld(map[string]string{"a.service": "[Service]\nExecStart=/bin/a\n" + c.lines + "\n"})
		w.noSpawn = true
		w.step(Request{Verb: VerbLoad, Unit: "a.service"})
		w.step(Request{Verb: VerbStart, Unit: "a.service"})
		if got := w.state("a.service"); got != c.want {
			t.Errorf("%q: %s, want %s", c.lines, got, c.want)
		}
	}
	for state, want := range map[ServiceState]ServiceState{
		ServiceStartPost: ServiceStop, // it is up already, so ExecStop= runs
		ServiceReload:    ServiceRunning,
		ServiceStop:      ServiceStopSigterm,
		ServiceStopPost:  ServiceFinalSigterm,
	} {
		w, s := place(t, every, state)
		s.m.spawnFailed(SpawnFailed{s.Control.Command, "no"})
		if s.State != want {
			t.Errorf("%s: %s, want %s", state, s.State, want)
		}
		w.flush()
	}
}

func ExampleSpawn_Resolve() {
	s := Spawn{
		Line:        unit.Command{Path: "/bin/a", Argv: []string{"/bin/a", "$LIST", "${LIST}", "$$X"}},
		Environment: []string{"A=manager", "LIST=one two"},
		Own:         []string{"INVOCATION_ID=1"},
		Exec:        &unit.ExecContext{Environment: []string{"A=unit"}, UnsetEnvironment: []string{"B"}},
	}
	argv, env := s.Resolve([]string{"USER=root"}, []string{"A=file", "B=file"})
	fmt.Printf("%q\n%q\n", argv, env)
	// Output:
	// ["/bin/a" "one" "two" "one two" "$X"]
	// ["A=file" "LIST=one two" "INVOCATION_ID=1" "USER=root"]
}
