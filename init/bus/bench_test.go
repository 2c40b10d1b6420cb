package bus

import (
	"fmt"
	"testing"

	"keelson/supervise"
)

// What a turn of the owner costs: gathering, without encoding, which is the writers'.

func benchUnit(b *testing.B, f func(w *world, s *subject)) {
	w := newWorld(b, allTypes)
	w.on(func() { w.Request(supervise.Request{Verb: supervise.VerbLoad, Unit: "full.service"}, nil) })
	w.on(func() {
		u, _ := w.machine.Unit("full.service")
		b.ReportAllocs()
		for b.Loop() {
			f(w, &subject{Manager: w, server: w.server, machine: w.machine, u: u})
		}
	})
}

func BenchmarkGetAll(b *testing.B) {
	benchUnit(b, func(w *world, s *subject) {
		var v values
		for _, i := range w.server.tables.units[s.u.Config.Type]() {
			for k := range i.properties {
				v.add(s, &i.properties[k])
			}
		}
	})
}

func BenchmarkPropertiesChanged(b *testing.B) {
	benchUnit(b, func(w *world, s *subject) {
		w.server.manager = w
		c := newConn(w.server, nil)
		w.server.conns[c] = true
		w.server.tellChanges(supervise.UnitChanged{Unit: "full.service"})
		delete(w.server.conns, c)
	})
}

func BenchmarkListUnits(b *testing.B) {
	units := map[string]string{"all.target": "[Unit]\n"}
	for i := range 500 {
		units[fmt.Sprintf("u%d.service", i)] = "[Service]\nExecStart=/usr/sbin/daemon\n"
		units["all.target"] += fmt.Sprintf("Wants=u%d.service\n", i)
	}
	w := newWorld(b, units)
	w.on(func() { w.Request(supervise.Request{Verb: supervise.VerbLoad, Unit: "all.target"}, nil) })
	w.on(func() {
		c := &call{Manager: w, conn: newConn(w.server, nil), method: &method{out: unitLines}, silent: true}
		for b.Loop() {
			c.over = false
			c.conn.calls <- struct{}{}
			listUnits(c, nil, nil)
		}
	})
}
