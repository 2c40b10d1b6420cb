package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keelson/supervise/graph"
	"keelson/supervise/notify"
	"keelson/supervise/unit"
)

// A scenario is a text: unit files, each after a line "-- NAME --", and a script after "-- script --". A line of the script is an
// event or begins with "expect"; testdata/README says which words there are.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			units, script := parseScenario(t, string(text))
			r := &scenario{world: newWorld(units), t: t}
			r.run(script)
		})
	}
}

// TestRestore plays each scenario again, with the machine saved and restored before each event: it goes on as if nothing had
// happened, word for word.
func TestRestore(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var logs [2][]string
			for i, reborn := range []bool{false, true} {
				units, script := parseScenario(t, string(text))
				r := &scenario{world: newWorld(units), t: t, reborn: reborn}
				r.run(script)
				logs[i] = r.all
			}
			for i := range min(len(logs[0]), len(logs[1])) {
				if logs[0][i] != logs[1][i] {
					t.Fatalf("effect %d is %q, and %q with a re-execution before each event", i, logs[0][i], logs[1][i])
				}
			}
			if len(logs[0]) != len(logs[1]) {
				t.Fatalf("%d effects, and %d with a re-execution before each event", len(logs[0]), len(logs[1]))
			}
		})
	}
}

// changesWorld are the words of a script that change what the machine would find out by itself, had it been told to look: a re-execution
// looks.
var changesWorld = map[string]bool{"write": true, "erase": true, "exists": true, "vanishes": true, "fork": true, "pidfile": true}

func parseScenario(t testing.TB, text string) (units map[string]string, script []string) {
	units = map[string]string{}
	name := ""
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "-- ") && strings.HasSuffix(line, " --") {
			name = strings.TrimSpace(line[3 : len(line)-3])
			continue
		}
		switch name {
		case "": // what the scenario is about
		case "script":
			for len(script) < i {
				script = append(script, "")
			}
			script = append(script, line)
		default:
			units[name] += line + "\n"
		}
	}
	if script == nil {
		t.Fatal("no script")
	}
	return units, script
}

type scenario struct {
	*world
	t    *testing.T
	line int
	id   RequestID

	reborn bool     // the machine is executed anew before each event
	all    []string // all effects
}

func (r *scenario) run(script []string) {
	for i := 0; i < len(script); i++ {
		line := script[i]
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r.line = i + 1
		words := strings.Fields(line)
		if words[0] == "expect" {
			var more []string
			for i+1 < len(script) && strings.HasPrefix(script[i+1], "\t") {
				i++
				more = append(more, strings.TrimSpace(script[i]))
			}
			r.expect(words[1:], more)
			continue
		}
		if r.reborn && !r.changed {
			r.rebirth(r.t)
		}
		r.log = nil
		r.do(words)
		r.changed = changesWorld[words[0]] || r.changed && r.log == nil
		for _, line := range r.log {
			r.all = append(r.all, fmt.Sprintf("line %d: %s", r.line, line))
		}
	}
}

func (r *scenario) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("line %d: "+format, append([]any{r.line}, args...)...)
	r.t.Logf("effects:\n\t%s", strings.Join(r.log, "\n\t"))
}

var scenarioVerbs = func() map[string]Verb {
	table := map[string]Verb{}
	for v := range verbs {
		table[v.String()] = v
	}
	delete(table, VerbExit.String()) // a process's
	table["end"] = VerbExit
	return table
}()

func (r *scenario) do(words []string) {
	if by, ok := strings.CutPrefix(words[0], "+"); ok { // the clock first, without a tick
		r.clock(r.now.Monotonic + mustSpan(r.t, by))
		words = words[1:]
	}
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	name := arg(1)
	if v, ok := scenarioVerbs[words[0]]; ok {
		r.request(v, words[1:])
		return
	}
	switch words[0] {
	case "isolate":
		r.request(VerbStart, []string{name, "isolate"})
	case "boot":
		r.step(Boot{name})
	case "tick":
		r.step(Tick{})
	case "advance":
		r.advance(mustSpan(r.t, name))
	case "exit", "signal", "dump": // UNIT main|control|rest STATUS
		r.end(words[0], name, arg(2), arg(3))
	case "fork": // UNIT: one process more that the machine has not asked for
		r.lastPID++
		r.procs[r.lastPID] = proc{unit: name}
	case "pidfile": // PATH UNIT: names the newest of the unit's other processes
		r.pidFiles[name] = r.pid(arg(2), "rest")
	case "unfit-pidfile": // opened|refused TEXT: what is wrong with each PID file that does not name a process of its unit
		r.unfit = &MainAnswer{Opened: true, Refused: name == "refused", Problem: strings.Join(words[2:], " ")}
	case "pidfile-changed":
		r.step(PIDFileChanged{name})
	case "notify": // UNIT main|control|rest LINE…
		r.notify(name, arg(2), words[3:])
	case "bus": // NAME OWNER
		r.step(BusName{Name: name, Owner: arg(2)})
	case "oom":
		r.step(OutOfMemory{name})
	case "traffic":
		r.step(Traffic{Unit: name})
	case "connect": // UNIT INSTANCE SOURCE
		r.step(Connection{Unit: name, FD: r.fd(), Instance: arg(2), Source: arg(3), RemoteAddr: "192.0.2.1", RemotePort: "4711"})
	case "exists": // a path that path units and nothing else look for
		r.paths[name] = true
	case "vanishes":
		delete(r.paths, name)
	case "path-changed": // UNIT INDEX
		i, _ := strconv.Atoi(arg(2))
		r.step(PathChanged{name, i})
	case "fact":
		r.facts[name] = true
	case "stamp": // UNIT AGO
		r.stamps[name] = r.now.Realtime - mustSpan(r.t, arg(2))
	case "mounts": // WHERE…: all that is mounted
		var e MountTable
		for _, where := range words[1:] {
			e.Points = append(e.Points, MountPoint{where, "tmpfs", "tmpfs", "rw"})
		}
		r.step(e)
	case "configure": // K=v…: the manager's blocks
		r.step(EnvironmentChanged{words[1:], words[1:], nil})
	case "zone-changed":
		r.step(ZoneChanged{})
	case "hangup": // UNIT: of its oldest stored descriptor
		u, _ := r.m.Unit(name)
		r.step(FDHangup{u.Service.Store[0].FD})
	case "socket-hangup":
		r.step(Traffic{Unit: name, Hangup: true})
	case "clock-changed": // BY, forward
		r.now.Realtime += mustSpan(r.t, name)
		r.step(ClockChanged{})
	case "obedient":
		r.obedient = true
	case "no-fork":
		r.noSpawn = name != "off"
	case "no-exec":
		r.noExec = name != "off"
	case "no-listen":
		r.noListen = name != "off"
	case "write": // UNIT LINE|LINE…: a new unit file
		text := strings.ReplaceAll(strings.Join(words[2:], " "), "|", "\n")
		if !strings.HasPrefix(name, "/") {
			name = etcDir + name
		}
		r.m.config.Loader.FS.(*unit.Tree).AddFile(name, text+"\n")
	case "erase": // an absolute PATH
		r.m.config.Loader.FS.(*unit.Tree).Remove(name)
	default:
		r.t.Fatalf("line %d: unknown word %q", r.line, words[0])
	}
}

func (r *scenario) request(v Verb, words []string) {
	r.id++
	req := Request{ID: r.id, Verb: v, Clean: 0xff}
	for _, w := range words {
		mode, isMode := graph.ParseJobMode(w)
		status, err := strconv.Atoi(w)
		switch {
		case isMode:
			req.Mode = mode
		case strings.HasPrefix(w, "SIG"):
			req.Signal, _ = unit.ParseSignal(w)
		case err == nil:
			req.Status = status
		case w == "main":
			req.Who = WhoMain
		case w == "all-fail":
			req.Who = WhoAllFail
		case w == "control":
			req.Who = WhoControl
		case w == "force":
			req.Force = true
		case w == "hold":
			req.Hold = true
		case w == "needs-reload":
			req.Markers |= NeedsReload
		case w == "needs-restart":
			req.Markers |= NeedsRestart
		case strings.HasPrefix(w, "replaces:"):
			req.Replaces = strings.TrimPrefix(w, "replaces:")
		case strings.HasPrefix(w, "value:"):
			n, _ := strconv.Atoi(strings.TrimPrefix(w, "value:"))
			value := int32(n)
			req.Value = &value
		case v == VerbEnqueue && req.Unit != "":
			req.JobType, _ = graph.ParseJobType(w)
		case v == VerbStartTransient && req.Unit != "":
			req.Aux = append(req.Aux, w)
		case strings.Contains(w, "=") || v == VerbUnsetEnvironment:
			req.Assignments = append(req.Assignments, w)
		default:
			req.Unit = w
		}
	}
	if u, ok := r.m.Unit(req.Unit); ok && v == VerbCancelJob {
		j, _ := r.m.Graph().JobOf(u.ID)
		req.Job = j.ID
	}
	r.step(req)
}

func (r *scenario) end(how, name, role, status string) {
	pid := r.pid(name, role)
	s := Status{Code: StatusExited}
	switch how {
	case "exit":
		s.Value, _ = strconv.Atoi(status)
	default:
		sig, err := unit.ParseSignal(status)
		if err != nil {
			r.t.Fatalf("line %d: %v", r.line, err)
		}
		s = Status{StatusKilled, int(sig)}
		if how == "dump" {
			s.Code = StatusDumped
		}
	}
	r.kill(pid, s)
	r.drain()
}

func (r *scenario) pid(name, role string) int {
	pid := r.process(name, role)
	if role == "rest" {
		for _, p := range r.of(name) {
			if p != r.process(name, "main") && p != r.process(name, "control") {
				pid = p
			}
		}
	}
	if r.procs[pid].unit != name {
		r.t.Fatalf("line %d: %s has no %s process", r.line, name, role)
	}
	return pid
}

func (r *scenario) notify(name, role string, lines []string) {
	text := strings.Join(lines, "\n")
	var fds []FD
	if strings.Contains(text, "FDSTORE=1") {
		fds = []FD{r.fd()}
	}
	if strings.Contains(text, "MAINPID=rest") {
		text = strings.Replace(text, "MAINPID=rest", "MAINPID="+strconv.Itoa(r.pid(name, "rest")), 1)
	}
	text = strings.Replace(text, "MONOTONIC_USEC=now", "MONOTONIC_USEC="+strconv.FormatUint(uint64(r.now.Monotonic), 10), 1)
	msg, err := notify.Parse([]byte(text), len(fds))
	if err != nil {
		r.t.Fatalf("line %d: %v", r.line, err)
	}
	r.step(Notified{Unit: name, PID: r.pid(name, role), Message: msg, FDs: fds, MainAlive: true, MainInUnit: true, MainOurs: true})
}

func (r *scenario) expect(words, more []string) {
	rest := strings.Join(words[1:], " ")
	switch words[0] {
	case "effects": // these, in this order, perhaps among others
		at := 0
		for _, want := range more {
			for at < len(r.log) && !strings.Contains(r.log[at], want) {
				at++
			}
			if at == len(r.log) {
				r.t.Helper()
				r.fail("no effect %q, or not in this place", want)
				return
			}
			at++
		}
	case "effect":
		if !r.saw(rest) {
			r.fail("no effect %q", rest)
		}
	case "no":
		if r.saw(rest) {
			r.fail("effect %q", rest)
		}
	case "state": // UNIT ACTIVE SUB [RESULT]
		got := r.state(words[1])
		if want := strings.Join(words[2:], " "); got != want && !strings.HasPrefix(got, want+" ") {
			r.fail("%s is %q, not %q", words[1], got, want)
		}
	case "env", "no-env": // UNIT ExecKind NAME=value or NAME
		s, ok := r.spawns[words[1]+" "+words[2]]
		if !ok {
			r.fail("%s has run no %s", words[1], words[2])
			return
		}
		_, env := s.Resolve(nil, nil)
		found := false
		for _, e := range env {
			found = found || e == strings.Join(words[3:], " ") || strings.HasPrefix(e, words[3]+"=")
		}
		if found != (words[0] == "env") {
			r.fail("%s %s: environment %q", words[1], words[2], env)
		}
	case "argv": // UNIT ExecKind WORD…
		s, ok := r.spawns[words[1]+" "+words[2]]
		if !ok {
			r.fail("%s has run no %s", words[1], words[2])
			return
		}
		if argv, _ := s.Resolve(nil, nil); strings.Join(argv, " ") != strings.Join(words[3:], " ") {
			r.fail("argv %q", argv)
		}
	case "next": // SPAN or never, from now
		got := r.m.Next()
		if words[1] == "never" {
			if got != (Wake{Infinity, Infinity}) {
				r.fail("next is %v", got)
			}
			return
		}
		if want := mustSpan(r.t, words[1]); got.Monotonic.Sub(r.now.Monotonic) != want && got.Realtime.Sub(r.now.Realtime) != want {
			r.fail("next is in %s or %s", got.Monotonic.Sub(r.now.Monotonic), got.Realtime.Sub(r.now.Realtime))
		}
	case "restarts": // UNIT N
		if u, ok := r.m.Unit(words[1]); !ok || strconv.Itoa(int(u.Service.Restarts)) != words[2] {
			r.fail("restart counter of %s is not %s", words[1], words[2])
		}
	case "depends", "independent": // UNIT KIND OTHER
		a, _ := r.m.Graph().Lookup(words[1])
		b, known := r.m.Graph().Lookup(words[3])
		kind, _ := graph.ParseDependency(words[2])
		if has := known && slices.Contains(r.m.Graph().Dependencies(a, kind), b); has != (words[0] == "depends") {
			r.fail("%s %s %s is %v", words[1], words[2], words[3], has)
		}
	case "unloaded":
		if _, ok := r.m.Unit(words[1]); ok {
			r.fail("%s is loaded", words[1])
		}
	case "finish": // OBJECTIVE STATUS
		if r.finish == nil || r.finish.String() != "finish "+rest {
			r.fail("finish is %v", r.finish)
		}
	case "jobs":
		if n := len(r.m.Graph().Jobs()); strconv.Itoa(n) != words[1] {
			r.fail("%d jobs", n)
		}
	case "markers": // UNIT N
		if u, ok := r.m.Unit(words[1]); ok && strconv.Itoa(int(u.Markers)) != words[2] {
			r.fail("markers are %d", u.Markers)
		}
	case "status":
		if strconv.Itoa(r.m.Status()) != words[1] {
			r.fail("status is %d", r.m.Status())
		}
	case "fds": // open ones
		if strconv.Itoa(len(r.fds)) != words[1] {
			r.fail("%d descriptors are open", len(r.fds))
		}
	default:
		r.t.Fatalf("line %d: cannot expect %q", r.line, words[0])
	}
}

func (r *scenario) saw(text string) bool {
	for _, l := range r.log {
		if strings.Contains(l, text) {
			return true
		}
	}
	return false
}
