package graph

import "testing"

func TestFollowUp(t *testing.T) {
	runScripts(t, []struct{ name, world, script, want string }{
		{"upheld", `
u.service ing-start
		Upholds=d.service
d.service`, `
notify u.service active
followup
run
finish d.service failed
followup`, `
removed u.service/start done
d.service/start fail (upheld of u.service): new d.service/start
run d.service/start
removed d.service/start failed
d.service/start fail (upheld of u.service): new d.service/start`},

		{"upheld by what is being stopped is not", `
u.service active stop
		Upholds=d.service
d.service active`, `
notify d.service inactive
followup`, ``},

		{"upheld again as soon as it is down", `
u.service active
		Upholds=d.service
d.service active ing-stop`, `
notify d.service inactive
followup`, `
removed d.service/stop done
d.service/start fail (upheld of u.service): new d.service/start`},

		{"bound to what went down, even if asked for", `
a.service active ing-stop
		BoundBy=b.service
b.service active`, `
notify a.service inactive
followup`, `
removed a.service/stop done
b.service/stop replace (bound of a.service): new b.service/stop`},

		{"bound to a oneshot that is down again", `
b.service ing-start
		BindsTo=o.service
o.service`, `
notify b.service active
followup`, `
removed b.service/start done
b.service/stop replace (bound of o.service): new b.service/stop`},

		{"unneeded when the last that needed it is down", `
x.service active unneeded
		RequiredBy=a.service
		WantedBy=b.service
a.service active
b.service active`, `
notify a.service inactive
followup
notify b.service inactive
followup`, `

x.service/stop fail (unneeded of x.service): new x.service/stop`},

		{"not unneeded if that will be up again, or has a job", `
x.service active unneeded
		RequiredBy=a.service
y.service active unneeded
		WantedBy=b.service
a.service active will-restart
b.service active`, `
notify a.service failed will-restart
enqueue start b.service
notify b.service inactive
followup`, `

new b.service/start
`},

		{"unneeded from the beginning", `
x.service ing-start unneeded`, `
notify x.service active
followup`, `
removed x.service/start done
x.service/stop fail (unneeded of x.service): new x.service/stop`},

		{"first what is upheld, then what is bound, then what is unneeded", `
a.service active
		BoundBy=b.service
		Wants=x.service
b.service active
x.service active unneeded
p.service active
		Upholds=u.service
u.service active`, `
notify a.service inactive
notify u.service inactive
followup`, `
request b.service/stop replace (retroactive-stop of a.service)

u.service/start fail (upheld of p.service): new u.service/start
b.service/stop replace (bound of a.service): new b.service/stop
x.service/stop fail (unneeded of x.service): new x.service/stop`},
	})
}

func TestRecheck(t *testing.T) {
	g := world(t, "x.service active unneeded\n")
	u := unit(t, g, "x.service")
	if r, ok := g.FollowUp(); ok {
		t.Fatal("a request out of nothing:", r)
	}
	g.Recheck(u)
	g.Recheck(u)
	if _, ok := g.FollowUp(); !ok {
		t.Error("no request")
	}
	if _, ok := g.FollowUp(); ok {
		t.Error("a second request")
	}
}
