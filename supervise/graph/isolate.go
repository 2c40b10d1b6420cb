package graph

// addIsolateJobs asks for a stop of everything that is up or has a job, is not
// part of the transaction and may be stopped, except what triggers keep
// (transaction_add_isolate_jobs in transaction.c).
func (t *transaction) addIsolateJobs() {
	for u, n := range t.graph.units {
		if n == nil || n.Active.IsDown() && n.job == nil || t.keptByIsolate(UnitID(u)) || t.triggerKept(UnitID(u)) {
			continue
		}
		if err := t.add(JobStop, UnitID(u), t.anchor, matters); err != nil {
			t.messages = append(t.messages, Message{LevelWarning, n.name, "Cannot add isolate job, ignoring: " + err.Message})
		}
	}
}

func (t *transaction) keptByIsolate(u UnitID) bool {
	return t.graph.units[u].IgnoreOnIsolate || t.head[u] != 0
}

func (t *transaction) triggerKept(u UnitID) bool {
	for trigger := range t.graph.Each(u, AtomTriggeredBy) {
		if t.keptByIsolate(trigger) {
			return true
		}
	}
	return false
}

// addTriggeringJobs asks for a stop of the units that would start u again
// (transaction_add_triggering_jobs in transaction.c).
func (t *transaction) addTriggeringJobs(u UnitID) {
	for trigger := range t.graph.Each(u, AtomTriggeredBy) {
		n := t.graph.units[trigger]
		if n.Active.IsDown() && n.job == nil || t.head[trigger] != 0 {
			continue
		}
		if err := t.add(JobStop, trigger, t.anchor, matters); err != nil {
			t.messages = append(t.messages, Message{LevelWarning, t.graph.units[u].name, "Cannot add triggered by job, ignoring: " + err.Message})
		}
	}
}
