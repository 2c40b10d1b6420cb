package graph

import (
	"fmt"
	"testing"
)

// Every cell of what a new state means for a unit's job (unit_process_job in
// unit.c): the job's result, "half" for a restart that becomes a start, "-" for going
// on; "!" for a change that the job was not for.
func TestProcessJob(t *testing.T) {
	states := []ActiveState{Inactive, Failed, Activating, Active, Reloading, Deactivating, Maintenance}
	for _, c := range []struct {
		job  string
		want [7]string
	}{
		//                      inactive  failed     activating active   reloading deactiv.  maintenance
		{"start", [7]string{"-", "-", "-", "done", "done", "-", "-"}},
		{"ing-start", [7]string{"done!", "failed!", "-", "done", "done", "-!", "-!"}},
		{"verify-active", [7]string{"-", "-", "-", "done", "done", "-", "-"}},
		{"ing-verify-active", [7]string{"done!", "failed!", "-", "done", "done", "-!", "-!"}},
		{"stop", [7]string{"done", "done", "-", "-", "-", "-", "-"}},
		{"ing-stop", [7]string{"done", "done", "failed!", "failed!", "failed!", "-", "failed!"}},
		{"restart", [7]string{"half", "half", "-", "-", "-", "-", "-"}},
		{"ing-restart", [7]string{"half", "half", "failed!", "failed!", "failed!", "-", "failed!"}},
		{"reload", [7]string{"-", "-", "-", "-", "-", "-", "-"}},
		{"ing-reload", [7]string{"done!", "failed!", "-", "done", "-", "-!", "-!"}},
	} {
		for i, s := range states {
			g := world(t, "a.service "+c.job)
			u := unit(t, g, "a.service")
			j := g.units[u].job
			g.units[u].Active = s
			var log []Event
			unexpected := g.processJob(&log, j, s, 0)
			got := "-"
			for _, e := range log {
				switch e.Kind {
				case JobRemoved:
					got = e.Result.String()
				case JobHalfway:
					got = "half"
				}
			}
			if unexpected {
				got += "!"
			}
			if got != c.want[i] {
				t.Errorf("%s, now %s: %s, want %s", c.job, s, got, c.want[i])
			}
			if g.units[u].job != nil && g.units[u].job.State == JobWaiting && g.units[u].job.place == 0 {
				t.Errorf("%s, now %s: the waiting job is not looked at again", c.job, s)
			}
		}
	}
	g := world(t, "a.service can-reload reloading ing-reload\n")
	if got := script(t, g, "notify a.service active reload-failed"); got != "removed a.service/reload failed" {
		t.Error(got)
	}
}

func TestFinish(t *testing.T) {
	runScripts(t, []struct{ name, world, script, want string }{
		{"a failed start takes those that require it along, and theirs", `
a.service ing-start
		RequiredBy=r.service
		BoundBy=b.service
		RequisiteOf=q.service
		WantedBy=w.service
		ConsistsOf=p.service
r.service start
		RequiredBy=rr.service
rr.service start
b.service verify-active
q.service start
w.service start
p.service start`, `
notify a.service failed`, `
removed a.service/start failed; removed r.service/start dependency; removed rr.service/start dependency; ` +
			`removed b.service/verify-active dependency; removed q.service/start dependency`},

		{"but not their stop, restart or reload jobs", `
a.service ing-start
		RequiredBy=r.service s.service t.service
r.service stop
s.service restart
t.service reload`, `
finish a.service failed`, `
removed a.service/start failed`},

		{"a failed restart's stop half fails nobody", `
a.service ing-restart
		RequiredBy=r.service
r.service start`, `
finish a.service failed`, `
removed a.service/restart failed`},

		{"a failed stop fails the starts that it was to make room for", `
a.service ing-stop
		ConflictedBy=x.service
x.service start
		After=a.service`, `
notify a.service active
run`, `
removed a.service/stop failed; removed x.service/start dependency
run`},

		{"canceling counts as failure", `
a.service start
		RequiredBy=r.service
r.service start`, `
finish a.service canceled`, `
removed a.service/start canceled; removed r.service/start dependency`},

		{"done without being up fails only those that needed it active", `
a.service ing-start
		RequiredBy=r.service
		RequisiteOf=q.service
r.service start
q.service start`, `
ran a.service condition`, `
removed a.service/start done; removed q.service/start dependency`},

		{"timeout and dependency are failures that the unit does not see", `
a.service ing-start
		OnFailure=f.service
		RequiredBy=r.service
r.service start
		OnFailure=g.service
f.service
g.service`, `
finish a.service timeout`, `
removed a.service/start timeout; removed r.service/start dependency; ` +
			`request g.service/start replace (OnFailure= of r.service); request f.service/start replace (OnFailure= of a.service)`},

		{"triggers look again", `
a.service ing-start
		TriggeredBy=a.socket a.path
a.socket active
a.path`, `
finish a.service canceled`, `
removed a.service/start canceled; triggered a.socket by a.service; triggered a.path by a.service`},
	})
}

func TestNotify(t *testing.T) {
	runScripts(t, []struct{ name, world, script, want string }{
		{"up unasked: what it needs is started, what conflicts is stopped", `
a.service
		Requires=r.service up.service later.service
		After=later.service
		BindsTo=b.service
		Upholds=u.service
		Wants=w.service
		Conflicts=x.service
		ConflictedBy=y.service z.service
r.service
up.service active
later.service
b.service failed
u.service deactivating
w.service
x.service active
y.service activating
z.service deactivating`, `
notify a.service activating`, `
request r.service/start replace (retroactive-start of a.service); ` +
			`request b.service/start replace (retroactive-start of a.service); ` +
			`request u.service/start replace (retroactive-start of a.service); ` +
			`request w.service/start fail (retroactive-start of a.service); ` +
			`request x.service/stop replace (retroactive-stop of a.service); ` +
			`request y.service/stop replace (retroactive-stop of a.service)`},

		{"asked for: nothing of the kind", `
a.service ing-start
		Requires=r.service
r.service`, `
notify a.service activating
notify a.service active`, `

removed a.service/start done`[1:]},

		{"down unasked: what is bound to it is stopped", `
a.service active
		BoundBy=b.service
		PropagatesStopTo=s.service down.service
		RequiredBy=r.service
b.service active
s.service activating
down.service
r.service active`, `
notify a.service deactivating
notify a.service inactive`, `
request b.service/stop replace (retroactive-stop of a.service); request s.service/stop replace (retroactive-stop of a.service)
`},

		{"failure", `
a.service active
		OnFailure=f.service
		OnSuccess=s.service
f.service
s.service`, `
notify a.service failed
notify a.service failed
notify a.service inactive`, `
request f.service/start replace (OnFailure= of a.service)
`},

		{"failure that will be restarted", `
a.service active
		OnFailure=f.service
f.service`, `
notify a.service failed will-restart`, ``},

		{"success", `
a.service deactivating
		OnSuccess=s.service
s.service`, `
notify a.service inactive`, `
request s.service/start fail (OnSuccess= of a.service)`},

		{"success that will be restarted", `
a.service deactivating
		OnSuccess=s.service
s.service`, `
notify a.service inactive will-restart`, ``},

		{"a failed start", `
a.service activating ing-start
		OnFailure=f.service
		TriggeredBy=a.timer
f.service
a.timer active`, `
notify a.service failed`, `
removed a.service/start failed; triggered a.timer by a.service; request f.service/start replace (OnFailure= of a.service); triggered a.timer by a.service`},
	})
}

func TestTriggerMessage(t *testing.T) {
	g := world(t, "a.service active\n\t\tOnFailure=f.service g.service\nf.service\ng.service\n")
	log := g.Notify(unit(t, g, "a.service"), Failed, 0)
	if got := messages(log); got != "<6>a.service: Triggering OnFailure= dependencies." {
		t.Error(got)
	}
	g = world(t, "a.service ing-start\n")
	if got := messages(g.Finish(1, ResultTimeout)); got != "<5>a.service: Job a.service/start failed with result 'timeout'." {
		t.Error(got)
	}
}

func TestRefused(t *testing.T) {
	g := world(t, "a.service\nb.service masked\n")
	a, b := unit(t, g, "a.service"), unit(t, g, "b.service")
	for _, c := range []struct {
		reason Reason
		want   string
	}{
		{ReasonOnFailure, "a.service: Failed to enqueue OnFailure= job, ignoring: Unit b.service is masked."},
		{ReasonOnSuccess, "a.service: Failed to enqueue OnSuccess= job, ignoring: Unit b.service is masked."},
		{ReasonRetroactiveStart, ""},
		{ReasonRetroactiveStop, ""},
		{ReasonAsked, ""},
	} {
		r := Request{Type: JobStart, Unit: b, Reason: c.reason, Source: a}
		_, err := g.Enqueue(r)
		m, ok := g.Refused(r, err)
		if ok != (c.want != "") || ok && m.String() != c.want {
			t.Errorf("%s: %q %v", c.reason, m, ok)
		}
	}
	r := Request{Type: JobStart, Unit: b, Reason: ReasonUpheld, Source: a}
	if m, _ := g.Refused(r, fmt.Errorf("no")); m.String() != "b.service: Failed to enqueue start job, ignoring: no" {
		t.Error(m)
	}
}

func TestPending(t *testing.T) {
	for _, c := range []struct {
		world        string
		stop, in, ac bool
	}{
		{"a.service", false, true, false},
		{"a.service active", false, false, true},
		{"a.service active stop", true, true, true},
		{"a.service start", false, true, true},
		{"a.service active restart", false, false, true},
		{"a.service failed restart", false, true, true},
		{"a.service deactivating", false, true, false},
		{"a.service reloading", false, false, true},
		{"a.service maintenance reload", false, false, false},
	} {
		g := world(t, c.world)
		u := unit(t, g, "a.service")
		if s, i, a := g.StopPending(u), g.InactiveOrPending(u), g.ActiveOrPending(u); s != c.stop || i != c.in || a != c.ac {
			t.Errorf("%s: %v %v %v", c.world, s, i, a)
		}
	}
}
