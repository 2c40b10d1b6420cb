package graph

import (
	"strings"
	"testing"
)

func TestQueue(t *testing.T) {
	runScripts(t, []struct{ name, world, script, want string }{
		{"a later unit waits for the earlier one's start", `
a.service
		Requires=b.service
		After=b.service
b.service`, `
enqueue start a.service
run
notify b.service activating
run
notify b.service active
run
notify a.service active`, `
new a.service/start; new b.service/start
run b.service/start

run 
removed b.service/start done
run a.service/start
removed a.service/start done`},

		{"of two stops the later unit's goes first", `
a.service active
		Requires=b.service
		After=b.service
b.service active`, `
enqueue stop b.service
run
notify a.service deactivating
run
notify a.service inactive
run`, `
new b.service/stop; new a.service/stop
run a.service/stop

run 
removed a.service/stop done
run b.service/stop`},

		{"a restart is a stop, then a start with the same id", `
a.service active
		RequiredBy=b.service
		Before=b.service
b.service active`, `
enqueue restart a.service
run
notify b.service inactive
run
notify a.service inactive
run
notify a.service active
run
notify b.service active`, `
new a.service/restart; new b.service/restart
run b.service/restart
halfway b.service/start
run a.service/restart
halfway a.service/start
run a.service/start
removed a.service/start done
run b.service/start
removed b.service/start done`},

		{"ignore-dependencies does not wait", `
a.service
		After=b.service
b.service start`, `
enqueue start a.service ignore-dependencies
run`, `
new a.service/start
run a.service/start b.service/start`},

		{"by type, then weight, then name", `
b.service start
a.service start
t.target start
p.path start
s.scope start`, `
run`, `
run s.scope/start p.path/start t.target/start a.service/start b.service/start`},

		{"verdicts of the unit's state", `
up.service active start
kept.service maintenance start
gone.service not-found start
down.service stop
halfway.service inactive restart
is.service active verify-active
comes.service activating verify-active
isnt.service failed verify-active
cannot.service active reload
idle.service can-reload reload
busy.service reloading can-reload reload
fine.service active can-reload reload
nothing.service nop`, `
run`, `
run busy.service/reload=again cannot.service/reload=not-applicable comes.service/verify-active=again ` +
			`down.service/stop=already fine.service/reload gone.service/start=failed halfway.service/restart=already ` +
			`idle.service/reload=invalid is.service/verify-active=already isnt.service/verify-active=not-applicable ` +
			`kept.service/start=again nothing.service/nop=already up.service/start=already`},

		{"how a job ends by what came of running it", `
a.service ing-start
b.service ing-start
c.service ing-start
d.service ing-start
e.service ing-start
f.service ing-start
g.service ing-start
h.service ing-start
i.service ing-verify-active
j.service ing-reload
k.service ing-reload
l.service ing-restart`, `
ran a.service already
ran b.service condition
ran c.service assert
ran d.service unsupported
ran e.service dependency
ran f.service once
ran g.service failed
ran h.service not-applicable
ran h.service underway
ran i.service not-applicable
ran j.service not-applicable
ran k.service invalid
ran l.service already
run`, `
removed a.service/start done quiet
removed b.service/start done
removed c.service/start assert
removed d.service/start unsupported
removed e.service/start dependency
removed f.service/start once
removed g.service/start failed


removed i.service/verify-active skipped
removed j.service/reload skipped
removed k.service/reload invalid
halfway l.service/start quiet
run l.service/start`},

		{"again: the job waits for the unit's next change", `
a.service activating ing-verify-active`, `
ran a.service again
run
notify a.service activating
run`, `
run 

run a.service/verify-active=again`},

		{"device jobs that hold nothing back are collected", `
x.device start
y.device start
		Before=a.service
a.service start`, `
collect
finish a.service canceled
collect`, `
removed x.device/start collected
removed a.service/start canceled
removed y.device/start collected`},
	})
}

func TestCollectPinned(t *testing.T) {
	g := world(t, "x.device\n")
	o, err := g.Enqueue(request(t, g, "start x.device"))
	if err != nil {
		t.Fatal(err)
	}
	g.Pin(o.Anchor, true)
	if log := g.Collect(); log != nil {
		t.Error("a job that somebody waits for was collected:", g.events(log))
	}
	g.Pin(o.Anchor, false)
	if got := g.events(g.Collect()); got != "removed x.device/start collected" {
		t.Error(got)
	}
}

func TestWaitsForAndHoldsBack(t *testing.T) {
	g := world(t, `
a.service start
		After=b.service c.service d.service
		Requires=b.service
b.service start
c.service stop
d.service
e.service start
		Before=a.service
f.service nop
		Before=a.service
`)
	id := func(name string) JobID { return g.units[unit(t, g, name)].job.ID }
	list := func(ids []JobID) string {
		var names []string
		for _, id := range ids {
			j, _ := g.Job(id)
			names = append(names, g.Name(j.Unit))
		}
		return strings.Join(names, " ")
	}
	if got := list(g.WaitsFor(id("a.service"))); got != "b.service c.service e.service" {
		t.Error("a waits for", got)
	}
	if got := list(g.HoldsBack(id("c.service"))); got != "a.service" {
		t.Error("c holds back", got)
	}
	if g.Runnable(id("a.service")) || !g.Runnable(id("b.service")) || g.Runnable(99) {
		t.Error("runnable")
	}
	if g.WaitsFor(99) != nil {
		t.Error("a job that there is not waits")
	}
}

func TestUnfulfilled(t *testing.T) {
	g := world(t, `
a.service
		BindsTo=up.service down.service
		After=up.service
b.service
		BindsTo=down.service
		After=down.service
up.service active
down.service failed
`)
	if u, ok := g.Unfulfilled(unit(t, g, "a.service")); ok {
		t.Error("a unit that it is not ordered after counts:", g.Name(u))
	}
	if u, ok := g.Unfulfilled(unit(t, g, "b.service")); !ok || g.Name(u) != "down.service" {
		t.Error(u, ok)
	}
}
