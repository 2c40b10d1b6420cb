package supervise

import (
	"strings"
	"testing"

	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// A table has a row for each state of a unit's model and a column for each event; a cell is what follows at once: the state, "=" for
// the same, "later" for a job to be tried again, "none" where the event cannot be. "-" is not tried: the graph starts nothing that is
// up and stops nothing that is down.
type cellTable struct {
	text   string
	place  func(t *testing.T, state string) (*world, *Unit)
	events map[string]func(*world, *Unit) string
}

func (c cellTable) check(t *testing.T, cells int) {
	t.Helper()
	rows := strings.Split(strings.TrimSpace(c.text), "\n")
	columns := strings.Fields(rows[0])
	seen := 0
	for _, row := range rows[1:] {
		words := strings.Fields(row)
		if len(words) != len(columns) {
			t.Fatalf("%d cells in %q", len(words), row)
		}
		for i, want := range words[1:] {
			if want == "-" {
				continue
			}
			w, u := c.place(t, words[0])
			got := c.events[columns[i+1]](w, u)
			if got == "" {
				if got = w.m.Sub(u); got == words[0] {
					got = "="
				}
			}
			seen++
			if got != want {
				t.Errorf("%s, %s: %s, want %s", words[0], columns[i+1], got, want)
			}
			w.flush() // what follows later must not be worse than an orderly end
		}
	}
	if seen != cells {
		t.Errorf("%d cells, want %d", seen, cells)
	}
}

// placed makes a world with one unit of interest, which nothing collects.
func placed(t *testing.T, name string, files map[string]string) (*world, *Unit) {
	t.Helper()
	files["hold.target"] = "[Unit]\nAfter=" + name
	w := newWorld(files)
	w.step(Request{Verb: VerbLoad, Unit: name})
	u, ok := w.m.Unit(name)
	if !ok {
		t.Fatalf("%s is not there", name)
	}
	w.m.now, w.log = w.now, nil
	w.m.invoke(u)
	return w, u
}

// named finds the state of a name.
func named[E ~uint8](t *testing.T, n int, name func(E) string, want string) E {
	t.Helper()
	for e := range n {
		if name(E(e)) == want {
			return E(e)
		}
	}
	t.Fatalf("no state %q", want)
	return 0
}

// TestSocketCells is every cell of the state model in socket.go, for a unit with a command of each kind.
func TestSocketCells(t *testing.T) {
	kinds := map[SocketState]unit.CommandKind{
		SocketStartPre: unit.ExecStartPre, SocketStartPost: unit.ExecStartPost, SocketStopPre: unit.ExecStopPre, SocketStopPost: unit.ExecStopPost,
	}
	ends := func(status int) func(*world, *Unit) string {
		return func(w *world, u *Unit) string {
			if !u.Socket.Control.Alive() {
				return "none"
			}
			delete(w.procs, u.Socket.Control.PID)
			w.m.exited(Exited{u.Socket.Control.PID, Status{StatusExited, status}})
			return ""
		}
	}
	life := func(u *Unit, w *world) socket { return socket{w.m, u, u.Socket} }
	cellTable{
		text: `
state            start     stop             ok               no               time             empty     open       no-open   traffic  hangup
dead             start-pre =                none             none             none             =         =          =         =        =
failed           start-pre =                none             none             none             =         =          =         =        =
start-pre        =         stop-pre-sigterm start-chown      final-sigterm    final-sigterm    =         =          =         =        =
start-chown      =         stop-pre         none             none             none             =         start-post stop-pre  =        =
start-post       =         stop-pre-sigterm listening        stop-pre         stop-pre         =         =          =         =        =
listening        -         stop-pre         none             none             none             =         =          =         running  stop-pre
running          -         stop-pre         none             none             none             =         =          =         =        =
stop-pre         later     =                stop-post        stop-post        stop-pre-sigterm =         =          =         =        =
stop-pre-sigterm later     =                stop-post        stop-post        stop-pre-sigkill stop-post =          =         =        =
stop-pre-sigkill later     =                stop-post        stop-post        stop-post        stop-post =          =         =        =
stop-post        later     =                dead             failed           final-sigterm    dead      =          =         =        =
final-sigterm    later     =                dead             failed           final-sigkill    dead      =          =         =        =
final-sigkill    later     =                dead             failed           failed           dead      =          =         =        =
`,
		place: func(t *testing.T, name string) (*world, *Unit) {
			w, u := placed(t, "a.socket", map[string]string{
				"a.socket":  "[Socket]\nListenStream=/run/a\nExecStartPre=/bin/1\nExecStartPost=/bin/2\nExecStopPre=/bin/3\nExecStopPost=/bin/4\n",
				"a.service": "[Service]\nExecStart=/bin/a\n",
			})
			s := u.Socket
			s.State = named(t, len(socketStates), SocketState.String, name)
			w.m.graph.Facts(u.ID).Active = socketStates[s.State].active
			if s.State.hasCommand() && s.State != SocketStartOpen {
				s.Control, s.ControlKind = w.track(u, RoleControl), kinds[s.State]
				w.m.after(u, timerDeadline, calendar.Second)
			}
			if s.State.hasFDs() && s.State != SocketStartOpen {
				s.FDs = []FD{w.fd()}
			}
			if s.State == SocketStartOpen {
				s.Query = w.m.query()
			}
			s.Listening = s.State == SocketListening
			return w, u
		},
		events: map[string]func(*world, *Unit) string{
			"start": func(w *world, u *Unit) string { return ran(life(u, w).start()) },
			"stop":  func(w *world, u *Unit) string { return ran(life(u, w).stop()) },
			"ok":    ends(0), "no": ends(1),
			"time": func(w *world, u *Unit) string {
				if !u.Deadlines[timerDeadline].set() {
					return "none"
				}
				w.m.disarm(u, timerDeadline)
				life(u, w).deadline(timerDeadline)
				return ""
			},
			"empty": func(w *world, u *Unit) string {
				clear(w.procs)
				life(u, w).forgetControl()
				life(u, w).empty()
				return ""
			},
			"open": func(w *world, u *Unit) string {
				life(u, w).opened(SocketsOpened{u.Name, u.Socket.Query, []FD{w.fd()}})
				return ""
			},
			"no-open": func(w *world, u *Unit) string {
				life(u, w).notOpened(SocketsFailed{u.Name, u.Socket.Query, "Address already in use"})
				return ""
			},
			"traffic": func(w *world, u *Unit) string { life(u, w).traffic(Traffic{Unit: u.Name}); return "" },
			"hangup":  func(w *world, u *Unit) string { life(u, w).traffic(Traffic{Unit: u.Name, Hangup: true}); return "" },
		},
	}.check(t, 13*10-2)
}

// TestTimerCells is every cell of the state model in timer.go: for a timer that comes again, and for one that elapses once.
func TestTimerCells(t *testing.T) {
	life := func(w *world, u *Unit) timer { return timer{w.m, u, u.Timer} }
	of := func(lines string) (func(*testing.T, string) (*world, *Unit), map[string]func(*world, *Unit) string) {
		place := func(t *testing.T, name string) (*world, *Unit) {
			w, u := placed(t, "a.timer", map[string]string{"a.timer": "[Timer]\nAccuracySec=1us\n" + lines, "a.service": "[Service]\nExecStart=/bin/a\n"})
			u.Timer.State = named(t, len(timerStates), TimerState.String, name)
			w.m.graph.Facts(u.ID).Active = timerStates[u.Timer.State].active
			u.InactiveExit = Time{w.now.Realtime - 100*calendar.Second, w.now.Monotonic - 100*calendar.Second}
			if u.Timer.State == TimerRunning || u.Timer.State == TimerElapsed {
				u.Timer.LastTrigger = w.now
			}
			if u.Timer.State == TimerWaiting {
				w.m.after(u, monotonicDeadline, calendar.Second)
			}
			return w, u
		}
		service := func(w *world, up bool) news {
			s, _ := w.m.Unit("a.service")
			n := news{Unit: s}
			if up {
				n.Active, n.Sub = w.m.Active(s)+1, "running" // active
			} else {
				n.Sub = "dead"
				s.InactiveEnter = w.now
			}
			return n
		}
		return place, map[string]func(*world, *Unit) string{
			"start": func(w *world, u *Unit) string { return ran(life(w, u).start()) },
			"stop":  func(w *world, u *Unit) string { return ran(life(w, u).stop()) },
			"time":  func(w *world, u *Unit) string { life(w, u).deadline(monotonicDeadline); return "" },
			"up":    func(w *world, u *Unit) string { life(w, u).triggered(service(w, true)); return "" },
			"down":  func(w *world, u *Unit) string { life(w, u).triggered(service(w, false)); return "" },
			"clock": func(w *world, u *Unit) string { life(w, u).clockChanged(); return "" },
			"zone":  func(w *world, u *Unit) string { life(w, u).zoneChanged(); return "" },
		}
	}
	place, events := of("OnActiveSec=200\nOnUnitInactiveSec=50\n")
	cellTable{`
state    start    stop  time     up       down     clock    zone
dead     waiting  -     =        =        =        =        =
waiting  -        dead  running  =        =        =        =
running  -        dead  =        =        waiting  =        =
elapsed  -        dead  =        waiting  waiting  =        =
failed   waiting  -     =        =        =        =        =
`, place, events}.check(t, 5*7-5)

	place, events = of("OnActiveSec=50\n")
	cellTable{`
state    start    stop  time     up       down     clock    zone
dead     waiting  -     =        =        =        =        =
waiting  -        dead  running  =        =        =        =
running  -        dead  =        =        elapsed  =        =
elapsed  -        dead  =        =        =        =        =
failed   waiting  -     =        =        =        =        =
`, place, events}.check(t, 5*7-5)

	place, events = of("OnActiveSec=50\nRemainAfterElapse=no\n")
	cellTable{`
state    start    stop  time     up       down     clock    zone
running  -        dead  =        =        dead     =        =
elapsed  -        dead  =        dead     dead     =        =
`, place, events}.check(t, 2*7-2)

	place, events = of("OnClockChange=yes\nOnTimezoneChange=yes\n")
	cellTable{`
state    start    stop  time     up       down     clock    zone
waiting  -        dead  running  =        =        running  running
running  -        dead  =        =        waiting  =        =
`, place, events}.check(t, 2*7-2)
}

// TestPathCells is every cell of the state model in path.go.
func TestPathCells(t *testing.T) {
	life := func(w *world, u *Unit) path { return path{w.m, u, u.Path} }
	facts := func(f PathFacts) func(*world, *Unit) string {
		return func(w *world, u *Unit) string {
			f.Unit, f.Query = u.Name, u.Path.Query
			life(w, u).facts(f)
			return ""
		}
	}
	about := func(up, job, limit bool) func(*world, *Unit) string {
		return func(w *world, u *Unit) string {
			s, _ := w.m.Unit("a.service")
			n := news{Unit: s, Sub: "dead", HasJob: job, StartLimitHit: limit}
			if up {
				n.Active, n.Sub = w.m.Active(s)+1, "running"
				w.m.graph.Facts(s.ID).Active = n.Active
			}
			life(w, u).triggered(n)
			return ""
		}
	}
	cellTable{
		text: `
state    start    stop  good     not-good  problem  changed  somewhere  up       down     job  limit
dead     waiting  -     =        =         =        =        =          =        =        =    =
waiting  -        dead  running  =         failed   running  =          running  =        =    failed
running  -        dead  =        =         =        =        =          =        waiting  =    failed
failed   waiting  -     =        =         =        =        =          =        =        =    =
`,
		place: func(t *testing.T, name string) (*world, *Unit) {
			w, u := placed(t, "a.path", map[string]string{"a.path": "[Path]\nPathExists=/x\nPathChanged=/y\n", "a.service": "[Service]\nExecStart=/bin/a\n"})
			u.Path.State = named(t, len(pathStates), PathState.String, name)
			w.m.graph.Facts(u.ID).Active = pathStates[u.Path.State].active
			if u.Path.State == PathWaiting {
				u.Path.Watching, u.Path.Query = true, w.m.query()
			}
			return w, u
		},
		events: map[string]func(*world, *Unit) string{
			"start":     func(w *world, u *Unit) string { return ran(life(w, u).start()) },
			"stop":      func(w *world, u *Unit) string { return ran(life(w, u).stop()) },
			"good":      facts(PathFacts{Good: []bool{true, false}}),
			"not-good":  facts(PathFacts{Good: []bool{false, false}}),
			"problem":   facts(PathFacts{Problem: "No space left on device"}),
			"changed":   func(w *world, u *Unit) string { life(w, u).changed(1); return "" },
			"somewhere": func(w *world, u *Unit) string { life(w, u).changed(-1); return "" },
			"up":        about(true, false, false), "down": about(false, false, false), "job": about(false, true, false), "limit": about(false, false, true),
		},
	}.check(t, 4*11-4)
}

// A socket unit with Accept=yes stays what it is; only what happens to its sockets counts.
func TestAcceptCells(t *testing.T) {
	w, u := placed(t, "a.socket", map[string]string{"a.socket": "[Socket]\nListenStream=/run/a\nAccept=yes\n", "a@.service": "[Service]\nExecStart=/bin/a\n"})
	w.step(Request{Verb: VerbStart, Unit: "a.socket"})
	for _, c := range []struct {
		name string
		e    Event
		want string
	}{
		{"traffic", Traffic{Unit: "a.socket"}, "active listening success"},
		{"connection", Connection{Unit: "a.socket", FD: w.fd(), Instance: "x"}, "active listening success"},
		{"hangup", Traffic{Unit: "a.socket", Hangup: true}, "failed failed resources"},
	} {
		w.step(c.e)
		if got := w.state("a.socket"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if u.Socket.Accepted != 1 || len(w.procs) != 1 {
		t.Errorf("%d were accepted, %d processes run", u.Socket.Accepted, len(w.procs))
	}
	// What cannot be accepted from is refused by the loader (socket_verify in src/core/socket.c).
	for _, listen := range []string{"ListenDatagram=9", "ListenFIFO=/run/f", "ListenStream=9\nListenDatagram=9", "ListenNetlink=kobject-uevent 1"} {
		w := newWorld(map[string]string{"a.socket": "[Socket]\nAccept=yes\n" + listen + "\n", "a@.service": "[Service]\nExecStart=/bin/a\n"})
		w.step(Request{ID: 1, Verb: VerbStart, Unit: "a.socket"})
		if log := strings.Join(w.log, "\n"); !strings.Contains(log, "configured for accepting sockets, but sockets are non-accepting. Refusing.") ||
			!strings.Contains(log, "BadUnitSetting") {
			t.Errorf("Accept=yes with %q: %s", listen, log)
		}
	}
}
