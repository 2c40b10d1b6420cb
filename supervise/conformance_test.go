package supervise

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"keelson/supervise/calendar"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// TestConformanceSteps takes differential cases, each with units, steps of a shell and what they print under systemd 252, and takes the
// steps that a machine and a world can: systemctl's verbs, its properties, time, and programs that sleep, echo and end. A case ends
// where something changes that is not played here; a step that only looks is passed over. What is compared has to be the same.
func TestConformanceSteps(t *testing.T) {
	dir := os.Getenv("KEELSON_CONFORMANCE")
	if dir == "" {
		t.Skip("KEELSON_CONFORMANCE does not name the directory with diff/*/golden.txt")
	}
	cases, err := filepath.Glob(filepath.Join(dir, "diff/*/golden.txt"))
	if err != nil || len(cases) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no diff/*/golden.txt in %s: %v", dir, err)
		}
		t.Skip("diff/*/golden.txt cannot be found in " + dir)
	}
	compared, steps := 0, 0
	for _, file := range cases {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			p := newShell(t, filepath.Dir(file))
			for _, block := range strings.Split("\n"+string(golden), "\n$ ")[1:] {
				step, want, _ := strings.Cut(block, "\n")
				steps++
				if p.ended == "" {
					p.step(step, strings.TrimSpace(want))
				}
			}
			compared += p.compared
			t.Logf("%d of %d steps compared; %s", p.compared, strings.Count("\n"+string(golden), "\n$ "), cmp.Or(p.ended, "to the end"))
		})
	}
	t.Logf("%d of %d steps compared", compared, steps)
	if compared < 220 {
		t.Errorf("%d steps were compared, at least 220 can be", compared)
	}
}

// shell plays the steps of one case.
type shell struct {
	*world
	t        *testing.T
	files    map[string][]string // lines
	deeds    []deed
	id       RequestID
	compared int
	ended    string // why the rest is not played

	out    []string
	known  bool // all that the step prints is known
	hidden []string
}

func newShell(t *testing.T, dir string) *shell {
	files := map[string]string{}
	root := filepath.Join(dir, "units")
	var names []string
	err := filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if link, err := os.Readlink(path); err == nil {
			files[rel] = "-> " + link
			return nil
		}
		text, err := os.ReadFile(path)
		files[rel] = string(text)
		if !strings.Contains(rel, "/") && !strings.Contains(rel, "@.") {
			names = append(names, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	steps, _ := os.ReadFile(filepath.Join(dir, "steps.txt"))
	p := &shell{t: t, files: map[string][]string{}}
	if !strings.Contains(string(steps), "# keep: none") { // finished units stay loaded
		for _, name := range regexp.MustCompile(`[\w@.-]+\.(service|socket|timer|path|target)\b`).FindAllString(string(steps), -1) {
			if !strings.Contains(name, "@.") && name != "nope.service" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		files["zkeep.target"] = "[Unit]\nDefaultDependencies=no\nAfter=" + strings.Join(slices.Compact(names), " ") + "\n"
	}
	p.world = newWorld(files)
	p.obedient, p.world.plays = true, p.plays
	for _, fact := range []string{"PathExists=/etc/passwd", "PathExistsGlob=/etc/pass*", "PathIsDirectory=/etc", "PathIsSymbolicLink=/bin", "User=root",
		"DirectoryNotEmpty=/etc", "FileNotEmpty=/etc/passwd", "FileIsExecutable=/bin/sh"} {
		p.facts[fact] = true // as in any Debian container
	}
	p.systemctl([]string{"start", "zkeep.target"})
	return p
}

// looks are steps that change nothing here.
var looks = regexp.MustCompile(`^(\w+=\$\(|test |grep |stat |pgrep |sed [^-]|cat |wc |N=|systemctl (show|list|status|cat|show-environment)\b)`)

var changes = regexp.MustCompile(`systemctl (start|stop|restart|kill|reset-failed|daemon-reload)|>> ?/|^kill`)

var loop = regexp.MustCompile(`^for (\w+) in ([^;]*); do (.*); done$`)

// killPID is how a case kills what its PID file names.
var killPID = regexp.MustCompile(`^kill -(\w+) \$\(cat (\S+)\)$`)

// echoStarts is how the cases of Restart= print.
var echoStarts = regexp.MustCompile(`^echo (\w+) starts=\$\(wc -l < (\S+)\) \$\(props (\S+) (\S+)\)$`)

func (p *shell) step(line, want string) {
	p.out, p.known, p.hidden = nil, true, nil
	rc := 0
	if m := echoStarts.FindStringSubmatch(line); m != nil {
		p.props(m[3], m[4])
		p.out = []string{fmt.Sprintf("%s starts=%d %s", m[1], len(p.files[m[2]]), strings.Join(p.out, " "))}
	} else if m := loop.FindStringSubmatch(line); m != nil {
		for _, value := range strings.Fields(m[2]) {
			for _, command := range strings.Split(m[3], "; ") {
				command, otherwise, _ := strings.Cut(command, " || ")
				command = strings.NewReplacer("$"+m[1], value, "$?", strconv.Itoa(rc), " >/dev/null", "", " 2>&1", "").Replace(command)
				if strings.ContainsAny(command, "\"'$|(`<>&") {
					p.end("step " + line)
					return
				}
				if rc = p.command(strings.Fields(command)); rc != 0 && otherwise != "" {
					rc = p.command(strings.Fields(otherwise))
				}
			}
		}
	} else if m := killPID.FindStringSubmatch(line); m != nil {
		signal, err := unit.ParseSignal("SIG" + m[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.kill(p.pidFiles[m[2]], Status{StatusKilled, int(signal)})
		p.drain()
	} else if strings.ContainsAny(line, "\"'$|(`") || strings.HasPrefix(line, "for ") || strings.Contains(line, "2>") {
		p.known = false
		if !looks.MatchString(line) || changes.MatchString(line) {
			p.end("step " + line)
			return
		}
		for _, m := range regexp.MustCompile(`\bsleep ([0-9.]+)`).FindAllStringSubmatch(line, -1) {
			p.pass(mustSpan(p.t, m[1]))
		}
	} else {
		for _, command := range strings.Split(line, "; ") {
			rc = p.command(strings.Fields(command))
		}
	}
	if p.ended != "" || !p.known {
		return
	}
	p.compared++
	var lines []string
	for _, l := range strings.Split(want, "\n") {
		name, _, _ := strings.Cut(l, "=")
		if !slices.Contains(p.hidden, name) {
			lines = append(lines, l)
		}
	}
	got := append(p.out, fmt.Sprintf("[rc=%d]", rc))
	if !slices.Equal(got, lines) {
		p.t.Errorf("%s\n\tprints %q\n\tsystemd %q", line, got, lines)
	}
}

func (p *shell) print(format string, args ...any) {
	p.out = append(p.out, fmt.Sprintf(format, args...))
}

func (p *shell) command(words []string) int {
	unlessSilent := func(n int) string {
		if n < len(words) {
			return words[n]
		}
		return ""
	}
	switch words[0] {
	case "systemctl":
		return p.systemctl(words[1:])
	case "props":
		p.props(words[1], words[2])
	case "st":
		p.props(words[1], "ActiveState,SubState,Result")
		p.out = []string{words[1] + " " + strings.Join(p.out, " ")}
	case "sleep":
		p.pass(mustSpan(p.t, words[1]))
	case "wait_for":
		limit := 5
		if n, err := strconv.Atoi(unlessSilent(3)); err == nil {
			limit = n
		}
		for i := 0; i < limit*5 && p.active(words[1]) != words[2]; i++ {
			p.pass(200 * calendar.Millisecond)
		}
		p.print("%s %s", words[1], p.active(words[1]))
		if p.active(words[1]) != words[2] {
			return 1
		}
	case "alive":
		if p.process(words[1], "main") > 0 {
			p.print("yes")
		} else {
			p.print("no")
			return 1
		}
	case "cat":
		if lines, ok := p.files[words[1]]; ok && len(words) == 2 {
			p.out = append(p.out, lines...)
		} else {
			p.known = false
		}
	case "wc":
		if len(words) == 4 && words[1] == "-l" {
			p.print("%d", len(p.files[words[3]]))
		} else {
			p.known = false
		}
	case "test", "stat":
		p.known = false
	case "echo":
		p.print("%s", strings.Join(words[1:], " "))
	case "mkdir":
	case "ln":
		p.m.config.Loader.FS.(*unit.Tree).AddLink(words[3], words[2])
	case "rm":
		if !strings.HasPrefix(words[1], etcDir) {
			p.end("step " + strings.Join(words, " "))
		}
		p.m.config.Loader.FS.(*unit.Tree).Remove(words[1])
	default:
		p.end("step " + strings.Join(words, " "))
	}
	return 0
}

func (p *shell) active(name string) string { a, _, _ := strings.Cut(p.state(name), " "); return a }

// failures are systemctl's exit codes of errors.
var failures = map[string]int{"org.freedesktop.systemd1.NoSuchUnit": 5}

func (p *shell) systemctl(words []string) int {
	wait := true
	var args []string
	for _, w := range words {
		switch {
		case w == "--no-block":
			wait = false
		case w == "-q", w == "--quiet":
			defer func() { p.out = nil }()
		case strings.HasPrefix(w, "-"):
			p.end("systemctl " + w)
			return 0
		case len(args) > 0 && !strings.Contains(w, ".") && !strings.Contains(w, "="):
			args = append(args, w+".service")
		default:
			args = append(args, w)
		}
	}
	verb, units := args[0], args[1:]
	switch verb {
	case "is-active", "is-failed":
		good, bad := "active", 3
		if verb == "is-failed" {
			good, bad = "failed", 1
		}
		rc := bad
		for _, u := range units {
			a := p.active(u)
			if p.print("%s", a); a == good {
				rc = 0
			}
		}
		return rc
	}
	if slices.Contains([]string{"status", "show", "cat", "is-enabled", "list-units", "list-dependencies"}, verb) {
		p.known = false
		return 0
	}
	v, ok := scenarioVerbs[verb]
	if !ok || strings.HasPrefix(verb, "load") {
		p.end("systemctl " + verb)
		return 0
	}
	if len(units) == 0 {
		units = []string{""}
	}
	rc := 0
	var jobs []graph.JobID
	for _, u := range units {
		p.id++
		r := Request{ID: p.id, Verb: v, Unit: u}
		if strings.HasSuffix(verb, "-environment") {
			r.Unit, r.Assignments = "", []string{u}
		}
		p.step1(r)
		reply := p.replies[p.id]
		switch {
		case reply.Failure != nil:
			rc = max(failures[reply.Failure.Name], 1)
		case reply.Job != 0:
			jobs = append(jobs, reply.Job)
		}
	}
	for _, j := range jobs {
		for waited := 0; wait && waited < 2000; waited++ {
			if _, done := p.results[j]; done {
				break
			}
			p.pass(10 * calendar.Millisecond)
		}
		if r, done := p.results[j]; wait && (!done || r != graph.ResultDone && r != graph.ResultSkipped) {
			rc = 1
		}
	}
	return rc
}

// codes are ExecMainCode, which is si_code.
var codes = map[StatusCode]int{StatusExited: 1, StatusKilled: 2, StatusDumped: 3}

// property is one that the machine knows; ok is false for others.
func (p *shell) property(u *Unit, name string) (value string, ok bool) {
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	s := u.Service
	switch name {
	case "ActiveState":
		return p.m.Active(u).String(), true
	case "SubState":
		return p.m.Sub(u), true
	case "Result":
		return u.Result().String(), true
	case "LoadState":
		return p.m.Graph().Facts(u.ID).Load.String(), true
	case "Description":
		return u.Config.Description, true
	case "ConditionResult":
		return yes(u.ConditionResult), true
	case "AssertResult":
		return yes(u.AssertResult), true
	case "StartLimitBurst":
		return fmt.Sprint(u.Config.StartLimit.Burst), true
	case "StartLimitIntervalUSec":
		return u.Config.StartLimit.Interval.Format(1), true
	case "Triggers":
		var list []string
		for id := range p.m.Graph().Each(u.ID, graph.AtomTriggers) {
			list = append(list, p.m.Graph().Name(id))
		}
		return strings.Join(list, " "), true
	}
	switch {
	case s != nil && name == "Type":
		return u.Config.Service.Type.String(), true
	case s != nil && name == "NRestarts":
		return fmt.Sprint(s.Restarts), true
	case s != nil && name == "RestartUSec":
		return u.Config.Service.RestartDelay.Format(1), true
	case s != nil && name == "MainPID":
		if s.Main.PID > 0 {
			return "<PID>", true
		}
		return "0", true
	case s != nil && name == "ExecMainCode":
		return fmt.Sprint(codes[s.MainStatus.Status.Code]), true
	case s != nil && name == "ExecMainStatus":
		return fmt.Sprint(s.MainStatus.Status.Value), true
	case u.Timer != nil && name == "Unit":
		return u.Config.Timer.Unit, true
	}
	return "", false
}

func (p *shell) props(unitName, names string) {
	p.step1(Request{Verb: VerbLoad, Unit: unitName})
	u, ok := p.m.Unit(unitName)
	if !ok {
		p.known = false
		return
	}
	list := strings.Split(names, ",")
	slices.Sort(list)
	for _, name := range list {
		if v, ok := p.property(u, name); ok {
			p.print("%s=%s", name, v)
		} else {
			p.hidden = append(p.hidden, name)
		}
	}
	p.step1(Request{Verb: VerbReleaseUnit, Unit: unitName})
}
