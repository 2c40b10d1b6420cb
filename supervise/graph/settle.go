package graph

// settle turns what a request pulled in into what can be installed: one job per
// unit, none of them idle, in an order that can be followed. The steps and their
// order are those of transaction_activate in transaction.c, and with them which
// job gives way. Two things are stricter: after merging the order is checked
// again, as a merged job may stop where the one that was looked at only started; and
// what only jobs asked for that turned out redundant then is dropped, too.
func (t *transaction) settle() *Error {
	t.spreadMatters()
	if t.mode == ModeFail {
		t.minimizeImpact()
	}
	t.dropRedundant()
	if err := t.breakCycles(); err != nil {
		return err
	}
	if err := t.mergeAll(); err != nil {
		return err
	}
	t.spreadMatters()
	t.dropRedundant()
	if err := t.breakCycles(); err != nil {
		return err
	}
	return t.destructive()
}

// live calls f for every job, unit by unit; f may drop the one it was given, and
// others.
func (t *transaction) live(f func(pendingIndex)) {
	for _, u := range t.order {
		for j := t.head[u]; j != 0; {
			next := t.pending[j].next
			if !t.pending[j].dropped {
				f(j)
			}
			j = next
		}
	}
}

// spreadMatters marks the jobs to which an unbroken chain leads from one that
// matters. So dropping a job that does not matter never drops one that does.
func (t *transaction) spreadMatters() {
	var todo []pendingIndex
	t.live(func(j pendingIndex) {
		if t.pending[j].matters {
			todo = append(todo, j)
		}
	})
	for len(todo) > 0 {
		j := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for l := t.pending[j].needs; l != 0; l = t.links[l].needs {
			to := t.links[l].to
			if t.links[l].matters && !t.pending[to].matters {
				t.pending[to].matters = true
				todo = append(todo, to)
			}
		}
	}
}

// minimizeImpact drops what would stop something that runs, or replace an
// installed job, without the anchor's needing it.
func (t *transaction) minimizeImpact() {
	t.live(func(j pendingIndex) {
		p := &t.pending[j]
		n := t.graph.units[p.unit]
		stops := p.typ == JobStop && n.Active.IsUpOrComing()
		replaces := n.job != nil && p.typ.conflicts(n.job.Type)
		if !p.matters && (stops || replaces) {
			t.drop(j, true)
		}
	})
}

// dropRedundant drops the jobs of units all of whose jobs change nothing. A job
// that goes against an installed one changes something: it takes that one away.
func (t *transaction) dropRedundant() {
	for _, u := range t.order {
		if !t.unitRedundant(u) {
			continue
		}
		for t.head[u] != 0 {
			t.drop(t.head[u], false)
		}
	}
}

func (t *transaction) unitRedundant(u UnitID) bool {
	n := t.graph.units[u]
	for j := t.head[u]; j != 0; j = t.pending[j].next {
		typ := t.pending[j].typ
		if j == t.anchor || !typ.redundant(n.Active) || n.job != nil && typ.conflicts(n.job.Type) {
			return false
		}
	}
	return true
}

// collectGarbage drops what no job asks for any more, and what only that asked
// for. When isolating nothing is: stop jobs stand for themselves there.
func (t *transaction) collectGarbage() {
	if t.mode == ModeIsolate {
		return
	}
	var unasked []pendingIndex
	look := func(j pendingIndex) {
		if j != t.anchor && t.pending[j].askedBy == 0 {
			unasked = append(unasked, j)
		}
	}
	t.live(look)
	for len(unasked) > 0 {
		j := unasked[len(unasked)-1]
		unasked = unasked[:len(unasked)-1]
		var asked []pendingIndex
		for l := t.pending[j].needs; l != 0; l = t.links[l].needs {
			asked = append(asked, t.links[l].to)
		}
		if !t.pending[j].dropped {
			t.drop(j, true)
		}
		for _, k := range asked {
			if !t.pending[k].dropped {
				look(k)
			}
		}
	}
}

// mergeAll leaves one job per unit. Where two of a unit's jobs do not merge, one
// of them is dropped first, if one may be.
func (t *transaction) mergeAll() *Error {
	for _, u := range t.order {
		for a, b, clash := t.clash(u); clash; a, b, clash = t.clash(u) {
			if !t.dropOneOf(u) {
				err := refuse(TransactionJobsConflicting, "Transaction contains conflicting jobs '%s' and '%s' for %s. "+
					"Probably contradicting requirement dependencies configured.", a, b, t.graph.units[u].name)
				t.warn("Requested transaction contains unmergeable jobs: ", err, LevelWarning)
				return err
			}
			t.collectGarbage()
		}
	}
	for _, u := range t.order {
		t.mergeUnit(u)
	}
	return nil
}

// clash finds the first of the unit's jobs that does not merge with those before
// it, and what those had become.
func (t *transaction) clash(u UnitID) (a, b JobType, found bool) {
	first := t.head[u]
	if first == 0 {
		return 0, 0, false
	}
	a = t.pending[first].typ
	for j := t.pending[first].next; j != 0; j = t.pending[j].next {
		b = t.pending[j].typ
		m, ok := mergeFor(t.graph.units[u].Active, a, b)
		if !ok {
			return a, b, true
		}
		a = m
	}
	return 0, 0, false
}

// dropOneOf drops one of the first two of the unit's jobs that conflict: the one
// that does not matter; if neither does, the stop, unless a Conflicts= of another
// unit wants it (delete_one_unmergeable_job in transaction.c).
func (t *transaction) dropOneOf(u UnitID) bool {
	for j := t.head[u]; j != 0; j = t.pending[j].next {
		for k := t.pending[j].next; k != 0; k = t.pending[k].next {
			a, b := &t.pending[j], &t.pending[k]
			if !a.typ.conflicts(b.typ) {
				continue
			}
			switch {
			case a.matters && b.matters:
				return false
			case a.matters:
				t.drop(k, true)
			case b.matters:
				t.drop(j, true)
			case a.typ == JobStop && t.wantedByConflict(j), a.typ != JobStop && b.typ == JobStop && !t.wantedByConflict(k):
				t.drop(k, true)
			default:
				t.drop(j, true)
			}
			return true
		}
	}
	return false
}

func (t *transaction) wantedByConflict(j pendingIndex) bool {
	for l := t.pending[j].askedBy; l != 0; l = t.links[l].askedBy {
		if t.links[l].conflicts {
			return true
		}
	}
	return false
}

// mergeUnit makes one job of the unit's jobs, which keeps who asked and what for.
// If the anchor is among them it is the one that stays.
func (t *transaction) mergeUnit(u UnitID) {
	keep := t.head[u]
	if keep == 0 {
		return
	}
	typ := t.pending[keep].typ
	for j := t.pending[keep].next; j != 0; j = t.pending[j].next {
		typ, _ = mergeFor(t.graph.units[u].Active, typ, t.pending[j].typ)
		if j == t.anchor {
			keep = j
		}
	}
	for j := t.head[u]; j != 0; {
		next := t.pending[j].next
		if j != keep {
			t.moveLinks(j, keep)
			t.pending[keep].matters = t.pending[keep].matters || t.pending[j].matters
			t.pending[j].dropped = true
		}
		j = next
	}
	t.pending[keep].typ, t.pending[keep].next = typ, 0
	t.head[u] = keep
}

// moveLinks makes job to ask for what from asked, and be asked for by whom it was.
func (t *transaction) moveLinks(from, to pendingIndex) {
	for p := &t.pending[from]; p.needs != 0; {
		l := t.links[p.needs]
		t.unlink(p.needs)
		t.link(to, l.to, l.flags())
	}
	for p := &t.pending[from]; p.askedBy != 0; {
		l := t.links[p.askedBy]
		t.unlink(p.askedBy)
		t.link(l.from, to, l.flags())
	}
}

func (l link) flags() (f addFlags) {
	if l.matters {
		f |= matters
	}
	if l.conflicts {
		f |= byConflict
	}
	return f
}

// destructive refuses a transaction that would replace an installed job which the
// mode, or that job, protects (transaction_is_destructive in transaction.c).
func (t *transaction) destructive() *Error {
	for _, u := range t.order {
		j := t.head[u]
		if j == 0 {
			continue
		}
		n, p := t.graph.units[u], &t.pending[j]
		if n.job == nil || t.mode != ModeFail && !n.job.Irreversible || !p.typ.conflicts(n.job.Type) {
			continue
		}
		anchor := &t.pending[t.anchor]
		err := refuse(TransactionIsDestructive,
			"Transaction for %s/%s is destructive (%s has '%s' job queued, but '%s' is included in transaction).",
			t.graph.units[anchor.unit].name, anchor.typ, n.name, n.job.Type, p.typ)
		t.warn("Requested transaction contradicts existing jobs: ", err, LevelNotice)
		return err
	}
	return nil
}

func (t *transaction) warn(text string, err *Error, level Level) {
	t.messages = append(t.messages, Message{Level: level, Text: text + err.Message})
}
