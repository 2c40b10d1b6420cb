package main

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// signals measures twice. Where the scheduler puts the processes decides over most of the time, and it tends to leave them there: hence several sets of
// processes. On a single processor there is nothing to decide.
func signals(b *bench) ([]figure, error) {
	free, err := b.latency("kill to receipt, µs")
	if err != nil {
		return nil, err
	}
	var processors unix.CPUSet
	if err := unix.SchedGetaffinity(0, &processors); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	if err := pin(lastOf(processors)); err != nil {
		return nil, err
	}
	pinned, err := b.latency("all on one processor, µs")
	return []figure{free, pinned}, errors.Join(err, pin(processors))
}

// pin keeps this thread, and whatever it starts, to some processors.
func pin(processors unix.CPUSet) error {
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(0, &processors))
}

func lastOf(processors unix.CPUSet) (last unix.CPUSet) {
	for cpu := len(processors)*int(unsafe.Sizeof(processors[0]))*8 - 1; cpu >= 0; cpu-- {
		if processors.IsSet(cpu) {
			last.Set(cpu)
			return last
		}
	}
	return processors
}

func (b *bench) latency(name string) (figure, error) {
	f := b.figure(name)
	for range b.sets {
		if err := b.signalSet(f); err != nil {
			return f, err
		}
	}
	return f, nil
}

// signalSet sends USR1 to each program by turns, while all of them wait, and has the command tell when it arrived.
func (b *bench) signalSet(f figure) (err error) {
	var received unix.Timespec // as the command writes it
	answer := (*[unsafe.Sizeof(received)]byte)(unsafe.Pointer(&received))[:]
	all, err := b.startFirsts(b.all(), b.children.answers, len(answer))
	defer func() { err = errors.Join(err, all.end()) }()
	if err != nil {
		return err
	}
	for round, c := range b.rounds(warmUp+b.effort.signals, b.all()) {
		var sent unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &sent); err != nil {
			return os.NewSyscallError("clock_gettime", err)
		}
		if err := unix.Kill(all[c].pid, unix.SIGUSR1); err != nil {
			return os.NewSyscallError("kill", err)
		}
		if err := all[c].answer(answer); err != nil {
			return err
		}
		// The next signal must find the program waiting, not on its way to it.
		if err := all[c].rest(); err != nil {
			return err
		}
		if round >= warmUp {
			f.add(c, micro(time.Duration(received.Nano()-sent.Nano())))
		}
	}
	return nil
}
