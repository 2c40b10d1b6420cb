package main

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// warmUp is how many rounds are made before those that count: the files get into the page cache.
const warmUp = 5

// start takes the time of everything that a program adds to executing the command: its own start, and its end once the command has ended.
func start(b *bench) ([]figure, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{
		Env:   environment,
		Files: []uintptr{null.Fd(), null.Fd(), 2},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	commands := make([][]string, len(b.programs))
	for c, p := range b.programs {
		commands[c] = p.command(b.children.exits)
	}
	for _, c := range b.rounds(warmUp, b.all()) {
		if _, err := once(commands[c], attr); err != nil {
			return nil, err
		}
	}
	whole, over := b.figure("fork to exit, µs"), b.figure("over bare exec, µs")
	for _, c := range b.rounds(b.starts, b.all()) {
		took, err := once(commands[c], attr)
		if err != nil {
			return nil, err
		}
		whole.add(c, micro(took))
	}
	// The difference is that of one round, where the machine was in one mood.
	for _, c := range b.wrappers() {
		for round := range min(len(whole.samples[c]), len(whole.samples[bare])) {
			over.add(c, whole.samples[c][round]-whole.samples[bare][round])
		}
	}
	return []figure{whole, over}, nil
}

// environment is that of everything that is started here.
var environment = []string{"PATH=/usr/bin:/bin"}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// once starts a command and waits for its end. syscall.ForkExec clones with CLONE_VFORK and CLONE_VM, so the size of this process does not matter; the wait is a
// raw system call, after which this goroutine runs on without asking the scheduler.
func once(command []string, attr *syscall.ProcAttr) (time.Duration, error) {
	began := time.Now()
	pid, err := syscall.ForkExec(command[0], command, attr)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", command[0], err)
	}
	var status syscall.WaitStatus
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&status)), 0, 0, 0, 0)
		if e == 0 {
			break
		}
		if e != unix.EINTR {
			return 0, os.NewSyscallError("wait4", e)
		}
	}
	took := time.Since(began)
	if status != 0 {
		return 0, fmt.Errorf("%q ended with wait status %#x, not with 0", command, uint32(status))
	}
	return took, nil
}
