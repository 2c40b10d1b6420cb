package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A first is a program as the first process of a PID namespace, its command below it. The command's stdin and stdout are pipes to here. When the
// thread that started it ends, so does the first, and with it the kernel ends all of the namespace (prctl(2), pid_namespaces(7)).
type first struct {
	name     string
	pid      int
	to, from int
}

// patience is how long a child may take to answer, and a program to come to rest.
const patience = 60 * time.Second

var errSilent = errors.New("the command did not answer in time")

// startFirst returns when the command has written its first answer, of size bytes, and the program sleeps.
func startFirst(p program, child string, size int) (f *first, err error) {
	in, out := make([]int, 2), make([]int, 2)
	if err := unix.Pipe2(in, unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	if err := unix.Pipe2(out, unix.O_CLOEXEC); err != nil {
		unix.Close(in[0])
		unix.Close(in[1])
		return nil, os.NewSyscallError("pipe2", err)
	}
	f = &first{name: p.name, to: in[1], from: out[0]}
	command := p.command(child)
	f.pid, err = syscall.ForkExec(command[0], command, &syscall.ProcAttr{
		Dir:   "/",
		Env:   environment,
		Files: []uintptr{uintptr(in[0]), uintptr(out[1]), 2},
		Sys:   &syscall.SysProcAttr{Setsid: true, Cloneflags: unix.CLONE_NEWPID, Pdeathsig: unix.SIGKILL},
	})
	unix.Close(in[0])
	unix.Close(out[1])
	if err != nil {
		err = fmt.Errorf("%s: %w", command[0], err)
	} else if err = f.answer(make([]byte, size)); err == nil {
		err = f.rest()
	}
	if err != nil {
		return nil, errors.Join(err, f.end())
	}
	return f, nil
}

// answer reads one answer of the command.
func (f *first) answer(buf []byte) error {
	deadline := time.Now().Add(patience)
	for got := 0; got < len(buf); {
		poll := []unix.PollFd{{Fd: int32(f.from), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, max(0, int(time.Until(deadline).Milliseconds())))
		if err == unix.EINTR {
			continue
		}
		if err == nil && n == 0 {
			err = errSilent
		}
		if err == nil {
			n, err = unix.Read(f.from, buf[got:])
		}
		if err == nil && n == 0 {
			err = errors.New("the command ended")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		got += n
	}
	return nil
}

// rest waits until the program sleeps: after the command's first sign of life some still have things to put away. The kernel reports no such event.
func (f *first) rest() error {
	for deadline := time.Now().Add(patience); ; {
		s, err := readStatus(f.pid)
		if err != nil || s.state == 'S' {
			return err
		}
		if s.state == 'Z' {
			return fmt.Errorf("%s ended", f.name)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s does not come to rest, state %c", f.name, s.state)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// end kills the program and with it its namespace, and reaps it.
func (f *first) end() error {
	unix.Close(f.to)
	unix.Close(f.from)
	if f.pid <= 0 {
		return nil
	}
	if err := unix.Kill(f.pid, unix.SIGKILL); err != nil {
		return os.NewSyscallError("kill", err)
	}
	for {
		_, err := unix.Wait4(f.pid, nil, 0, nil)
		if err != unix.EINTR {
			return os.NewSyscallError("wait4", err)
		}
	}
}

// firsts are one of each column, which ends together.
type firsts []*first

func (b *bench) startFirsts(columns []int, child string, size int) (firsts, error) {
	all := make(firsts, len(b.programs))
	for _, c := range b.rounds(1, columns) {
		f, err := startFirst(b.programs[c], child, size)
		if err != nil {
			return nil, errors.Join(err, all.end())
		}
		all[c] = f
	}
	return all, b.ctx.Err()
}

func (all firsts) end() (err error) {
	for _, f := range all {
		if f != nil {
			err = errors.Join(err, f.end())
		}
	}
	return err
}
