package track

// Everyone are the processes that are to end with the manager, by PID: as the first process of a PID namespace all that there are in it, elsewhere the
// members of units and what was left to the manager. It asks the kernel each time.
func (t *Tracker) Everyone() []Process {
	t.pass()
	var list []Process
	t.proc.each(t.scratch, func(pid int, _ uint64) {
		if pid <= 1 || pid == t.self {
			return
		}
		s, err := t.proc.stat(pid)
		if err != nil || s.ended() || s.kernel() {
			return
		}
		if t.self == 1 || s.parent == t.self || t.of(pid) != nil {
			list = append(list, Process{pid, s.parent, s.name})
		}
	})
	if t.proc.dir >= 0 {
		return list
	}
	t.known.Range(func(pid int, _ *family) bool { // no /proc: the known are all that there is
		list = append(list, Process{PID: pid, PPID: t.self})
		return true
	})
	return list
}

// kernel tells a thread of the kernel's, which shows in a container that shares the host's PID namespace.
func (s stat) kernel() bool { return s.parent == 2 }
