package supervise

import "keelson/supervise/graph"

// plain is a unit without a life of its own. A target and a slice are up as soon as they are started and down as soon as they are
// stopped (src/core/target.c, src/core/slice.c); what else is plain is in inert.go.
type plain struct {
	m *Machine
	u *Unit
}

// PlainState is the state of a plain unit.
type PlainState uint8

// The states.
const (
	PlainDead PlainState = iota
	PlainUp
)

func (p plain) enter(s PlainState) {
	p.u.Plain = s
	p.m.changed(p.u, [...]graph.ActiveState{graph.Inactive, graph.Active}[s], 0)
}

func (p plain) start() graph.RunResult {
	p.m.invoke(p.u)
	p.enter(PlainUp)
	return graph.RunUnderway
}

func (p plain) stop() graph.RunResult {
	if p.holdsMount() {
		return graph.RunUnsupported
	}
	p.enter(PlainDead)
	return graph.RunUnderway
}

// reload has nothing to do itself: passing the reload on was the transaction's (unit_reload in src/core/unit.c).
func (p plain) reload() graph.RunResult {
	p.m.changed(p.u, p.m.Active(p.u), 0)
	return graph.RunUnderway
}

func (p plain) resetFailed()          {}
func (p plain) deadline(deadlineKind) {}
func (p plain) triggered(news)        {}

func (p plain) sub() string { return plainNames[p.u.Config.Type][p.u.Plain] }
