package graph

import "testing"

func TestInstall(t *testing.T) {
	runScripts(t, []struct{ name, world, script, want string }{
		{"a conflicting job is canceled, and what needed it is not failed", `
a.service start
		RequiredBy=b.service
b.service start`, `
enqueue stop a.service`, `
removed a.service/start canceled; new a.service/stop; removed b.service/start canceled; new b.service/stop`},

		{"a waiting job becomes both", `
a.service active start`, `
enqueue restart a.service`, `
changed a.service/restart`},

		{"a running job that includes the new one goes on", `
a.service deactivating ing-restart`, `
enqueue start a.service
run`, `
changed a.service/restart
run `},

		{"a running job that does not runs again", `
a.service activating ing-start`, `
enqueue restart a.service
run`, `
changed a.service/restart
run a.service/restart`},

		{"a running reload never includes another", `
a.service reloading can-reload ing-reload`, `
enqueue reload a.service
run`, `
changed a.service/reload
run a.service/reload=again`},

		{"restart-dependencies runs the anchor again", `
a.service activating ing-start`, `
enqueue start a.service restart-dependencies
run`, `
changed a.service/start
run a.service/start`},

		{"a nop leaves the real job alone", `
a.service start`, `
enqueue try-restart a.service
run`, `
new a.service/nop
run a.service/start a.service/nop=already`},

		{"isolate cancels jobs of others", `
t.target isolate
		Wants=w.service
w.service start
x.service start
k.service start ignore-isolate
x.device start`, `
enqueue start t.target isolate`, `
new t.target/start; changed w.service/start; removed x.service/start canceled; new x.service/stop`},

		{"flush cancels jobs of others, whatever the unit's state", `
a.service
x.service start
		RequiredBy=y.service
y.service start
k.service start ignore-isolate`, `
enqueue start a.service flush`, `
removed x.service/start canceled; removed y.service/start canceled; new a.service/start`},
	})
}

func TestOutcome(t *testing.T) {
	g := world(t, `
a.service
		Wants=b.service
b.service start
`)
	b, _ := g.JobOf(unit(t, g, "b.service"))
	o, err := g.Enqueue(request(t, g, "start a.service replace-irreversibly"))
	if err != nil {
		t.Fatal(err)
	}
	if o.Anchor != 2 || len(o.Affected) != 2 || o.Affected[0] != 2 || o.Affected[1] != b.ID {
		t.Errorf("anchor %d, affected %v", o.Anchor, o.Affected)
	}
	for _, j := range g.Jobs() {
		if !j.Irreversible {
			t.Errorf("job %d is not irreversible", j.ID)
		}
	}
	before := g.Jobs()
	if _, err := g.Enqueue(request(t, g, "stop a.service")); err == nil || err.(*Error).Code != TransactionIsDestructive {
		t.Error(err)
	}
	if after := g.Jobs(); len(after) != len(before) || after[0] != before[0] {
		t.Error("a refused request changed jobs")
	}
	if o, err = g.Enqueue(request(t, g, "start b.service")); err != nil || o.Anchor != b.ID {
		t.Error("the anchor is not the job that it merged into:", o, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	g := world(t, "a.service start\nb.service\n")
	a, b := unit(t, g, "a.service"), unit(t, g, "b.service")
	for _, c := range []struct {
		job Job
		why string
	}{
		{Job{ID: 7, Unit: a, Type: JobStop}, "the unit has a job"},
		{Job{ID: 1, Unit: b, Type: JobStop}, "the id is in use"},
		{Job{ID: 0, Unit: b, Type: JobStop}, "ids begin with 1"},
		{Job{ID: 7, Unit: b, Type: JobTryRestart}, "the type has to be collapsed first"},
	} {
		if g.Restore(c.job) == nil {
			t.Error(c.why)
		}
	}
	if err := g.Restore(Job{ID: 7, Unit: a, Type: JobNop}); err != nil {
		t.Error(err)
	}
	if err := g.Restore(Job{ID: 9, Unit: b, Type: JobStart, State: JobRunning}); err != nil {
		t.Error(err)
	}
	o, _ := g.Enqueue(request(t, g, "start b.service"))
	if o.Anchor != 9 {
		t.Error("the restored job is not b's")
	}
	g.CancelAll()
	if o, _ := g.Enqueue(request(t, g, "start b.service")); o.Anchor != 10 {
		t.Error("an id was used twice:", o.Anchor)
	}
}
