package main

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// orphans has each program reap orphans: at full speed, and one by one, when every one of them wakes it. All of one set of programs stand ready, each in
// a fresh PID namespace, and take turns.
//
// A session is a scheduling group of its own where there are no processor cgroups (sched(7), autogroup): there dumb-init, which gives its command a session,
// is woken a few per cent more cheaply than the others. Within a processor cgroup, as in a container, sessions do not matter.
func orphans(b *bench) ([]figure, error) {
	fast := b.figure("at full speed, µs each")
	woken := b.figure("  context switches each")
	slow := b.figure("one by one, µs each")
	for range b.reapers {
		if err := b.orphanSet(fast, woken, slow); err != nil {
			return nil, err
		}
	}
	return []figure{fast, woken, slow}, nil
}

func (b *bench) orphanSet(fast, woken, slow figure) (err error) {
	all, err := b.startFirsts(b.wrappers(), b.children.orphans, 0)
	defer func() { err = errors.Join(err, all.end()) }()
	if err != nil {
		return err
	}
	// The first order shows that all is up, and what is done once is done.
	for _, c := range b.rounds(1, b.wrappers()) {
		if err := all[c].order(order{1, 1}); err != nil {
			return err
		}
	}
	atOnce := order{int64(b.effort.orphans), int64(b.effort.orphans)}
	for _, c := range b.rounds(b.turns, b.wrappers()) {
		used, err := all[c].reap(atOnce)
		if err != nil {
			return err
		}
		fast.add(c, used.micro/float64(atOnce.total))
		woken.add(c, float64(used.switches)/float64(atOnce.total))
	}
	oneByOne := order{int64(b.singles), 1}
	for _, c := range b.rounds(b.turns, b.wrappers()) {
		used, err := all[c].reap(oneByOne)
		if err != nil {
			return err
		}
		slow.add(c, used.micro/float64(oneByOne.total))
	}
	return nil
}

// reap has orphans made, and returns what PID 1 used for all of them.
func (f *first) reap(o order) (used usage, err error) {
	before, err := f.usage()
	if err != nil {
		return used, err
	}
	if err := f.order(o); err != nil {
		return used, err
	}
	after, err := f.usage()
	return usage{after.micro - before.micro, after.switches - before.switches}, err
}

// order returns when all orphans have been reaped.
func (f *first) order(o order) error {
	bytes := (*[unsafe.Sizeof(o)]byte)(unsafe.Pointer(&o))
	if _, err := unix.Write(f.to, bytes[:]); err != nil {
		return fmt.Errorf("%s: %w", f.name, os.NewSyscallError("write", err))
	}
	return f.answer(make([]byte, 1))
}

type usage struct {
	micro    float64
	switches int
}

// usage is what the program has used up to now, when it has come to rest.
func (f *first) usage() (u usage, err error) {
	if err := f.rest(); err != nil {
		return u, err
	}
	used, err := processorTime(f.pid)
	if err != nil {
		return u, err
	}
	s, err := readStatus(f.pid)
	return usage{micro(used), s.switches}, err
}
