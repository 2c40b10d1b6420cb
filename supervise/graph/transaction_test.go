package graph

import (
	"strings"
	"testing"
)

// plans are requests and the jobs that they mean, in their order, or the name of the
// error and its text.
var plans = []struct {
	name    string
	world   string
	request string
	want    string
}{
	{"start pulls in what it requires and wants", `
a.service
		Requires=r.service
		Wants=w.service
		BindsTo=b.service
		Upholds=u.service
		PartOf=p.service
		After=o.service
r.service
w.service
b.service
u.service
p.service
o.service`, "start a.service", "a.service/start r.service/start b.service/start w.service/start u.service/start"},

	{"what is there already is not started again", `
a.service
		Requires=r.service
r.service active`, "start a.service", "a.service/start"},

	{"but the anchor stays though it is", `
a.service active
		Wants=r.service
r.service`, "start a.service", "a.service/start r.service/start"},

	{"a requirement that is missing", `
a.service
		Requires=r.service`, "start a.service", "NoSuchUnit: Unit r.service not found."},

	{"a wish that is missing, masked or broken", `
a.service
		Wants=missing.service masked.service broken.service
masked.service masked
broken.service bad-setting`, "start a.service", "a.service/start"},

	{"a wish whose requirement is missing is started all the same in 252", `
a.service
		Wants=w.service
w.service
		Requires=missing.service`, "start a.service", "a.service/start w.service/start"},

	{"masked", "a.service masked", "start a.service", "UnitMasked: Unit a.service is masked."},
	{"bad setting", "a.service bad-setting", "start a.service", "BadUnitSetting: Unit a.service has a bad unit file setting."},
	{"load error", "a.service error", "start a.service", "LoadFailed: Unit a.service failed to load properly, please adjust/correct and reload service manager: Unknown error"},
	{"merged", "a.service merged", "start a.service", "LoadFailed: Unit a.service is not loaded properly."},
	{"stopping needs no unit file", "a.service not-found active", "stop a.service", "a.service/stop"},
	{"reload of what cannot", "a.service active", "reload a.service", "JobTypeNotApplicable: Job type reload is not applicable for unit a.service."},
	{"restart of a device", "x.device", "restart x.device", "JobTypeNotApplicable: Job type restart is not applicable for unit x.device."},
	{"start of a device waits for it", "x.device", "start x.device", "x.device/start"},
	{"stop of what is perpetual", "a.slice active perpetual", "stop a.slice", "JobTypeNotApplicable: Job type stop is not applicable for unit a.slice."},

	{"requisite is verified, not started", `
a.service
		Requisite=r.service
r.service`, "start a.service", "a.service/start r.service/verify-active"},

	{"conflicts stop what runs, both ways round", `
a.service
		Conflicts=x.service
x.service active
y.service active
		Conflicts=a.service`, "start a.service", "a.service/start x.service/stop y.service/stop"},

	{"a conflict that cannot be stopped refuses; its inverse does not", `
a.service
		ConflictedBy=y.slice
y.slice active perpetual`, "start a.service", "a.service/start"},

	{"stop goes to those that need it", `
a.service active
		RequiredBy=r.service
		WantedBy=w.service
		BoundBy=b.service
		RequisiteOf=q.service
		ConsistsOf=p.service
		PropagatesStopTo=s.service
r.service active
w.service active
b.service active
q.service active
p.service active
s.service active`, "stop a.service", "a.service/stop r.service/stop b.service/stop q.service/stop p.service/stop s.service/stop"},

	{"restart goes to those that need it and are up or coming", `
a.service active
		RequiredBy=r.service down.service coming.service
		ConsistsOf=p.service
		PropagatesStopTo=s.service
r.service active
down.service
coming.service activating
p.service active
s.service active`, "restart a.service", "a.service/restart r.service/restart coming.service/restart p.service/restart"},

	{"restart starts what it requires", `
a.service
		Requires=r.service
r.service`, "restart a.service", "a.service/restart r.service/start"},

	{"reload is passed on to what is active", `
a.service active can-reload
		PropagatesReloadTo=b.service c.service d.service
b.service active can-reload
c.service can-reload
d.service active`, "reload a.service", "a.service/reload b.service/reload"},

	{"try-restart of what is down", "a.service\n\t\tRequires=b.service\nb.service", "try-restart a.service", "a.service/nop"},
	{"try-restart of what is up", "a.service active", "try-restart a.service", "a.service/restart"},
	{"reload-or-start of what is down", "a.service can-reload", "reload-or-start a.service", "a.service/start"},
	{"reload-or-start of what is up", "a.service active can-reload", "reload-or-start a.service", "a.service/reload"},

	{"ignore-requirements", "a.service\n\t\tRequires=r.service\nr.service", "start a.service ignore-requirements", "a.service/start"},
	{"ignore-dependencies", "a.service\n\t\tRequires=r.service\nr.service", "start a.service ignore-dependencies", "a.service/start"},

	{"triggering stops what would start it again", `
a.service active
		TriggeredBy=a.socket b.socket c.socket
a.socket active
b.socket
c.socket start`, "stop a.service triggering", "a.service/stop a.socket/stop c.socket/stop"},
	{"triggering is for stop", "a.service", "start a.service triggering", "InvalidArgs: --job-mode=triggering is only valid for stop."},

	{"restart-dependencies goes on as a restart", `
a.service active
		RequiredBy=r.service down.service
r.service active
down.service`, "start a.service restart-dependencies", "a.service/start r.service/restart"},
	{"restart-dependencies is for start", "a.service", "stop a.service restart-dependencies", "InvalidArgs: --job-mode=restart-dependencies is only valid for start."},

	{"isolate stops the rest", `
t.target isolate
		Wants=w.service
w.service
x.service active
job.service start
down.service
kept.service active ignore-isolate
trig.service active
		TriggeredBy=trig.path
trig.path active ignore-isolate
lost.service active
		TriggeredBy=lost.path
lost.path active`, "start t.target isolate", "t.target/start w.service/start x.service/stop job.service/stop lost.service/stop lost.path/stop"},
	{"isolate is for start", "t.target isolate", "stop t.target isolate", "InvalidArgs: Isolate is only valid for start."},
	{"isolate has to be allowed", "t.target", "start t.target isolate", "NoIsolation: Operation refused, unit may not be isolated."},

	// Merging.
	{"wanted and required: one job", `
a.service
		Wants=x.service
		Requires=b.service
b.service
		Requires=x.service
x.service`, "start a.service", "a.service/start b.service/start x.service/start"},

	{"verify and start make start", `
a.service
		Requisite=x.service
		Wants=b.service
b.service
		Wants=x.service
x.service`, "start a.service", "a.service/start b.service/start x.service/start"},

	{"required and in conflict: the stop comes back to the unit itself", `
a.service
		Requires=x.service
		Conflicts=x.service
x.service`, "start a.service", "TransactionJobsConflicting: Transaction contains conflicting jobs 'stop' and 'start' for a.service. Probably contradicting requirement dependencies configured."},

	{"required beats a conflict that does not matter", `
a.service
		Requires=x.service
		Wants=y.service
x.service
y.service
		Conflicts=x.service`, "start a.service", "a.service/start x.service/start"},

	{"a conflict that matters beats a wish, and what that wanted is forgotten", `
a.service
		Conflicts=x.service
		Wants=y.service
y.service
		Requires=x.service
		Wants=z.service
x.service active
z.service`, "start a.service", "a.service/start x.service/stop"},

	{"neither matters: the stop of a Conflicts= wins", `
a.service
		Wants=x.service y.service
x.service active
y.service
		Conflicts=x.service`, "start a.service", "a.service/start x.service/stop y.service/start"},

	{"neither matters: a stop without Conflicts= loses", `
a.service
		Wants=x.service y.service
x.service
		Conflicts=y.service
y.service`, "start a.service", "a.service/start x.service/start"},

	{"the newer of two conflicting jobs matters", `
a.service
		Wants=x.service
		Conflicts=x.service
x.service active`, "start a.service", "a.service/start x.service/stop"},

	{"what a dropped start wanted does not clash any more", `
a.service
		Wants=x.service q.service
		Conflicts=x.service
x.service active
		Wants=y.service
y.service active
q.service
		ConflictedBy=y.service`, "start a.service", "a.service/start x.service/stop y.service/stop q.service/start"},

	{"the stop of a Conflicts= wins over a start and a verify-active", `
a.service
		Wants=y.service
y.service
		Conflicts=x.service
x.service active
		WantedBy=a.service
z.service
		Requisite=x.service
		WantedBy=a.service`, "start a.service", "a.service/start y.service/start x.service/stop"},

	// Installed jobs.
	{"fail: an installed job is not replaced", "a.service start", "stop a.service fail",
		"TransactionIsDestructive: Transaction for a.service/stop is destructive (a.service has 'start' job queued, but 'stop' is included in transaction)."},
	{"replace: it is", "a.service start", "stop a.service", "a.service/stop"},
	{"replace: an irreversible one is not", "a.service active hard", "start a.service",
		"TransactionIsDestructive: Transaction for a.service/start is destructive (a.service has 'stop' job queued, but 'start' is included in transaction)."},
	{"a start of what is up goes against an installed stop, and is not redundant", `
a.service
		Requires=x.service
x.service active stop`, "start a.service", "a.service/start x.service/start"},
	{"fail: a wish does not replace a job", `
a.service
		Wants=x.service
x.service active stop`, "start a.service fail", "a.service/start"},
	{"fail: nothing is stopped that need not be", `
a.service
		ConflictedBy=x.service
x.service active`, "start a.service fail", "a.service/start"},
	{"fail: what must be stopped is", `
a.service
		Conflicts=x.service
x.service active`, "start a.service fail", "a.service/start x.service/stop"},
}

func TestPlan(t *testing.T) {
	for _, c := range plans {
		t.Run(c.name, func(t *testing.T) {
			g := world(t, c.world)
			before := len(g.jobs)
			jobs, _, err := g.Plan(request(t, g, c.request))
			got := g.refs(jobs)
			if err != nil {
				name := err.(*Error).Code.Name()
				got = name[strings.LastIndexByte(name, '.')+1:] + ": " + err.Error()
			}
			if got != c.want {
				t.Errorf("%s\n got: %s\nwant: %s", c.request, got, c.want)
			}
			if len(g.jobs) != before {
				t.Error("Plan installed something")
			}
		})
	}
}

func TestLoadCause(t *testing.T) {
	g := world(t, "a.service error\n")
	r := request(t, g, "start a.service")
	g.Facts(r.Unit).LoadCause = &Error{InvalidArgs, "Invalid argument"}
	_, err := g.Enqueue(r)
	const want = "Unit a.service failed to load properly, please adjust/correct and reload service manager: Invalid argument"
	if err == nil || err.Error() != want || err.(*Error).Code != InvalidArgs {
		t.Error(err)
	}
}

// What is logged on the way, with its priority.
func TestMessages(t *testing.T) {
	for _, c := range []struct{ world, request, want string }{
		{"a.service\n\t\tWants=x.service\nx.service bad-setting", "start a.service",
			"<4>x.service: Cannot add dependency job, ignoring: Unit x.service has a bad unit file setting."},
		{"a.service\n\t\tWants=x.service\nx.service masked", "start a.service", ""},
		{"a.service\n\t\tConflictedBy=x.slice\nx.slice active perpetual", "start a.service",
			"<4>x.slice: Cannot add dependency job, ignoring: Job type stop is not applicable for unit x.slice."},
		{"a.service active can-reload\n\t\tPropagatesReloadTo=x.service\nx.service active masked can-reload", "reload a.service",
			"<4>x.service: Cannot add dependency reload job, ignoring: Unit x.service is masked."},
		{"t.target isolate\nx.slice active perpetual\nx.service active perpetual", "start t.target isolate",
			"<4>x.service: Cannot add isolate job, ignoring: Job type stop is not applicable for unit x.service."},
		{"a.service active\n\t\tTriggeredBy=x.timer\nx.timer active perpetual", "stop a.service triggering",
			"<4>a.service: Cannot add triggered by job, ignoring: Job type stop is not applicable for unit x.timer."},
		{"a.service start", "stop a.service fail",
			"<5>Requested transaction contradicts existing jobs: Transaction for a.service/stop is destructive (a.service has 'start' job queued, but 'stop' is included in transaction)."},
		{"a.service\n\t\tRequires=x.service\n\t\tConflicts=x.service\nx.service", "start a.service",
			"<4>Requested transaction contains unmergeable jobs: Transaction contains conflicting jobs 'stop' and 'start' for a.service. Probably contradicting requirement dependencies configured."},
	} {
		g := world(t, c.world)
		_, o, _ := g.Plan(request(t, g, c.request))
		if got := messages(o.Events); got != c.want {
			t.Errorf("%s\n got: %s\nwant: %s", c.request, got, c.want)
		}
	}
}

func TestEnqueueManual(t *testing.T) {
	const refused = "Operation refused, unit a.service may be requested by dependency only (it is configured to refuse manual start/stop)."
	for _, c := range []struct {
		world, request string
		reload         bool
		want           string // of the anchor, or the error
	}{
		{"a.service refuse-start", "start a.service", false, refused},
		{"a.service refuse-start", "restart a.service", false, refused},
		{"a.service refuse-stop active", "stop a.service", false, refused},
		{"a.service refuse-stop active", "try-restart a.service", false, refused},
		{"a.service refuse-start can-reload", "reload-or-start a.service", false, refused},
		{"a.service refuse-start can-reload active", "reload-or-start a.service", false, "reload"},
		{"a.service refuse-start refuse-stop can-reload active", "restart a.service", true, "reload"},
		{"a.service refuse-stop", "start a.service", false, "start"},
		{"a.service refuse-start active", "stop a.service", false, "stop"},
		{"a.service not-found", "stop a.service", false, "Unit a.service not loaded."},
		{"a.service not-found failed", "stop a.service", false, "stop"},
		{"a.service masked", "stop a.service", false, "stop"},
		{"a.service can-reload active", "restart a.service", true, "reload"},
		{"a.service active", "restart a.service", true, "restart"},
		{"a.service can-reload", "restart a.service", true, "start"},
		{"a.service can-reload", "try-restart a.service", true, "nop"},
		{"a.service", "start a.service", true, "start"},
	} {
		g := world(t, c.world)
		o, err := g.EnqueueManual(request(t, g, c.request), c.reload)
		got := ""
		if err != nil {
			got = err.Error()
		} else if j, ok := g.Job(o.Anchor); ok {
			got = j.Type.String()
		}
		if got != c.want {
			t.Errorf("%s, then %s (%v): %s, want %s", c.world, c.request, c.reload, got, c.want)
		}
	}
	// By dependency it may be started all the same.
	g := world(t, "a.service refuse-start\nb.service\n\t\tRequires=a.service\n")
	if _, err := g.EnqueueManual(request(t, g, "start b.service"), false); err != nil {
		t.Error(err)
	}
}

func TestPropagateReload(t *testing.T) {
	g := world(t, `
a.service reloading can-reload
		PropagatesReloadTo=b.service c.service
b.service active can-reload
		PropagatesReloadTo=a.service
c.service can-reload
`)
	o, err := g.PropagateReload(unit(t, g, "a.service"), ModeFail)
	if err != nil {
		t.Fatal(err)
	}
	// The reload that comes back to the unit becomes part of the anchor.
	if got := g.events(o.Events); got != "new a.service/reload; new b.service/reload" {
		t.Error(got)
	}
	g = world(t, "a.service masked\n")
	if _, err := g.PropagateReload(unit(t, g, "a.service"), ModeFail); err == nil {
		t.Error("a masked unit is an anchor")
	}
}
