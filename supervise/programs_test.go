package supervise

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// The programs of conformance cases: what runs, when it does what, and how it ends.

// deed is something that a program does later.
type deed struct {
	at  Usec
	pid int
	do  func()
}

// pass lets time go by: programs go on, deadlines pass.
func (p *shell) pass(span Usec) {
	for end := p.now.Monotonic + span; ; {
		next := p.m.Next()
		at := next.Monotonic
		if next.Realtime != Infinity {
			at = min(at, p.now.Monotonic+next.Realtime.Sub(p.now.Realtime))
		}
		slices.SortStableFunc(p.deeds, func(a, b deed) int { return cmp.Compare(a.at, b.at) })
		if len(p.deeds) > 0 && p.deeds[0].at <= min(at, end) {
			d := p.deeds[0]
			p.deeds = p.deeds[1:]
			p.clock(max(d.at, p.now.Monotonic))
			if _, alive := p.procs[d.pid]; alive {
				d.do()
				p.drain()
			}
			continue
		}
		if at > end {
			p.clock(end)
			return
		}
		p.clock(max(at, p.now.Monotonic))
		p.step1(Tick{})
	}
}

func (p *shell) step1(e Event) { p.world.step(e) }

func (p *shell) end(why string) bool {
	p.ended = cmp.Or(p.ended, why)
	return true
}

// plays is a program: it sleeps, echoes into files, and ends.
func (p *shell) plays(pid int, s Spawn) bool {
	argv, env := s.Resolve([]string{fmt.Sprintf("SYSTEMD_EXEC_PID=%d", pid)}, nil)
	name := filepath.Base(s.Line.Path)
	exits := func(at Usec, status Status) {
		p.deeds = append(p.deeds, deed{at, pid, func() { p.kill(pid, status) }})
	}
	now := p.now.Monotonic
	switch {
	case name == "true", name == "false":
		exits(now+calendar.Millisecond, Status{StatusExited, map[string]int{"true": 0, "false": 1}[name]})
	case name == "sleep" && len(argv) == 2:
		exits(now+mustSpan(p.t, argv[1]), Status{StatusExited, 0})
	case name == "sh" && len(argv) == 3 && argv[1] == "-c":
		p.script(pid, s.Unit, argv[2], env, exits)
	case strings.HasPrefix(s.Line.Path, "/nonexistent"), s.Line.Path == "/etc/hostname":
		return false
	default:
		return p.end("program " + strings.Join(argv, " "))
	}
	return true
}

var assignmentsOf = regexp.MustCompile(`\$(\w+)`)

// script is what sh runs.
func (p *shell) script(pid int, name, text string, env []string, exits func(Usec, Status)) {
	at := p.now.Monotonic + calendar.Millisecond
	background := 0
	text = strings.ReplaceAll(text, " & ", " &; ")
	for _, command := range strings.Split(text, "; ") {
		words := strings.Fields(command)
		later := func(do func()) { p.deeds = append(p.deeds, deed{at, pid, do}) }
		switch {
		case len(words) == 3 && words[0] == "sleep" && words[2] == "&":
			p.lastPID++
			child := p.lastPID
			background = child
			p.procs[child] = proc{unit: name}
			p.deeds = append(p.deeds, deed{at + mustSpan(p.t, words[1]), child, func() { p.kill(child, Status{}) }})
		case len(words) == 2 && words[0] == "sleep":
			at += mustSpan(p.t, words[1])
		case len(words) == 3 && words[0] == "exec" && words[1] == "sleep":
			exits(at+mustSpan(p.t, words[2]), Status{})
			return
		case len(words) == 2 && words[0] == "exit":
			code, _ := strconv.Atoi(words[1])
			exits(at, Status{StatusExited, code})
			return
		case len(words) == 3 && words[0] == "kill" && words[2] == "$$":
			signal, err := unit.ParseSignal("SIG" + words[1][1:])
			if err != nil {
				p.t.Fatal(err)
			}
			exits(at, Status{StatusKilled, int(signal)})
			return
		case len(words) == 4 && words[0] == "echo" && words[1] == "$!" && words[2] == ">":
			p.pidFiles[words[3]] = background
		case len(words) > 3 && (words[0] == "echo" || words[0] == "date") && strings.HasPrefix(words[len(words)-2], ">"):
			line := assignmentsOf.ReplaceAllStringFunc(strings.Join(words[1:len(words)-2], " "), func(v string) string {
				value, _ := unit.LookupIn(env)(v[1:])
				return value
			})
			file, add := words[len(words)-1], words[len(words)-2] == ">>"
			later(func() {
				if !add {
					p.files[file] = nil
				}
				p.files[file] = append(p.files[file], strings.Join(strings.Fields(line), " "))
			})
		default:
			p.end("script " + text)
			return
		}
	}
	exits(at, Status{})
}
