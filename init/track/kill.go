package track

import (
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// Killed is what became of a supervise.Kill.
type Killed struct {
	Signalled []Process // in the order in which they were: main process, control process, the rest
	Failed    []KillFailure
	Forking   bool // some of the unit still fork, faster than they can be killed: the Kill is to be repeated
}

// KillFailure is a process that could not be signalled, though it is there.
type KillFailure struct {
	Process Process
	Err     error
}

// rounds bounds a Kill.
const rounds = 64

// Kill carries out a supervise.Kill. With Rest it passes until a pass finds nobody new.
func (t *Tracker) Kill(k supervise.Kill) Killed { return t.KillAll([]supervise.Kill{k})[0] }

// KillAll carries out several, of different units, and shares the passes among them. The answers are in the order of the kills. One by one, each costs
// a pass of its own.
func (t *Tracker) KillAll(kills []supervise.Kill) []Killed {
	list := make([]*round, len(kills))
	look := t.stale
	for i, k := range kills {
		list[i] = &round{t: t, kill: k, family: t.family(k.Unit), named: map[int]uint64{}, done: map[int]uint64{}}
		look = look || list[i].family.unmarked // who will have lost its parent cannot be placed by it any more
	}
	if look {
		t.pass()
	}
	for _, r := range list {
		k := r.kill
		for _, p := range []supervise.Process{k.Main, k.Control} {
			if p.Alive() {
				r.direct(p.PID)
			}
		}
	}
	busy := slices.DeleteFunc(slices.Clone(list), func(r *round) bool { return !r.kill.Rest })
	for i := 0; i < rounds && len(busy) > 0; i++ {
		if i > 0 {
			t.pass()
		}
		busy = slices.DeleteFunc(busy, func(r *round) bool { return r.turn(i) })
	}
	results := make([]Killed, len(list))
	for _, r := range busy {
		r.result.Forking = true
	}
	for i, r := range list {
		results[i] = r.result
	}
	return results
}

// round is one Kill on its way.
type round struct {
	t      *Tracker
	kill   supervise.Kill
	family *family
	named  map[int]uint64 // signalled as the machine named them: when they were started
	done   map[int]uint64 // signalled as members: the inode that a pass found
	result Killed
}

// direct signals a process that the machine names. A child of ours was not reaped yet, so that the PID is its own; of any other Main has noted
// when it was started.
func (r *round) direct(pid int) {
	if pid <= 1 || pid == r.t.self {
		return
	}
	s, _ := r.t.proc.stat(pid)
	if alien := r.family.alien; alien.pid == pid && alien.start != s.start {
		return // it has ended unseen
	}
	r.named[pid] = s.start
	var err error
	if v := r.kill.Value; v != nil {
		err = queue(pid, unix.Signal(r.kill.Signal), *v)
	} else {
		err = r.signals(func(sig unix.Signal) error { return unix.Kill(pid, sig) })
	}
	r.note(Process{pid, s.parent, s.name}, err)
	if r.t.proc.dir < 0 && r.kill.Rest && err == nil {
		r.group(pid)
	}
}

// queue sends a signal with a value (sigqueue(3)).
func queue(pid int, sig unix.Signal, value int32) error {
	info := struct {
		signo, errno, code, _ int32 // siginfo_t of 64-bit machines
		pid, uid              int32
		value                 int64 // a union: the int is its first four bytes
		_                     [96]byte
	}{signo: int32(sig), code: siQueue, pid: int32(os.Getpid()), uid: int32(os.Getuid())}
	*(*int32)(unsafe.Pointer(&info.value)) = value
	if _, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(pid), uintptr(sig), uintptr(unsafe.Pointer(&info))); errno != 0 {
		return errno
	}
	return nil
}

// siQueue is SI_QUEUE of asm-generic/siginfo.h.
const siQueue = -1

// group is what can be done without a /proc: the process group, if the process leads one.
func (r *round) group(pid int) {
	if pgid, err := unix.Getpgid(pid); err == nil && pgid == pid {
		r.signals(func(sig unix.Signal) error { return unix.Kill(-pid, sig) })
	}
}

// turn signals all members found by the last pass that were not yet, and says whether there is nobody more. If the second pass still finds
// somebody new under a SIGKILL, there is a race: from then on all are stopped before they are killed.
func (r *round) turn(i int) (over bool) {
	fresh := r.fresh()
	lethal := r.kill.Signal == unit.SIGKILL
	switch {
	case len(fresh) == 0:
		return i > 0
	case lethal && i == 0 && r.t.cgroups.kill(r.family):
		for _, pid := range fresh {
			r.note(r.process(pid), nil)
		}
		return false
	case lethal && i > 0:
		fresh = r.halt(fresh)
	}
	for _, pid := range fresh {
		r.member(pid, r.signals)
	}
	return false
}

// fresh are the members found by the last pass that were not signalled. They count as done from now on.
func (r *round) fresh() []int {
	var list []int
	for _, pid := range r.t.members(r.family) {
		inode := r.t.placed[pid].inode
		if was, ok := r.done[pid]; ok && was == inode {
			continue
		}
		if start, ok := r.named[pid]; ok {
			if s, err := r.t.proc.stat(pid); err != nil || s.start == start {
				continue
			}
		}
		r.done[pid] = inode
		list = append(list, pid)
	}
	return list
}

// halt stops members until a pass finds nobody new, and gives all that it stopped.
func (r *round) halt(fresh []int) (all []int) {
	for range rounds {
		for _, pid := range fresh {
			r.member(pid, func(send func(unix.Signal) error) error { return send(unix.SIGSTOP) })
		}
		all = append(all, fresh...)
		r.t.pass()
		if fresh = r.fresh(); len(fresh) == 0 {
			return all
		}
	}
	return append(all, fresh...)
}

// member signals a member, if it still is one, and notes it under its name.
func (r *round) member(pid int, how func(func(unix.Signal) error) error) {
	p := r.process(pid)
	fd, err := r.t.open(pid, r.family)
	switch {
	case err == nil:
		err = how(func(sig unix.Signal) error { return unix.PidfdSendSignal(fd, sig, nil, 0) })
		unix.Close(fd)
	case err != unix.ESRCH && r.t.of(pid) == r.family: // no pidfds: old kernel, seccomp, no descriptor left
		err = how(func(sig unix.Signal) error { return unix.Kill(pid, sig) })
	}
	r.note(p, err)
}

func (r *round) process(pid int) Process {
	s, _ := r.t.proc.stat(pid)
	return Process{pid, s.parent, s.name}
}

// signals sends what the Kill says.
func (r *round) signals(send func(unix.Signal) error) error {
	k := r.kill
	err := send(unix.Signal(k.Signal))
	if err != nil {
		return err
	}
	if k.Continue && k.Signal != unit.SIGKILL && k.Signal != unit.SIGCONT {
		send(unix.SIGCONT)
	}
	if k.Hangup {
		send(unix.SIGHUP)
	}
	return nil
}

func (r *round) note(p Process, err error) {
	switch err {
	case nil:
		r.result.Signalled = append(r.result.Signalled, p)
	case unix.ESRCH:
	default:
		r.result.Failed = append(r.result.Failed, KillFailure{p, err})
	}
}
