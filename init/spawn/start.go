package spawn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/sys"
)

// Child is a process on its way to its program. The caller owns it: it calls Wait once, or Read until that is done, and reaps Pid.
type Child struct {
	Pid      int
	Degraded []Degradation // what the process does without, beyond what was known before; complete when the program runs
	list     []Call
	report   int
	buffer   []byte
}

// Start makes a process, as attr says (nil: nothing special), that carries the list out. It inherits every descriptor that is not closed on exec.
func Start(list []Call, attr *syscall.SysProcAttr) (*Child, error) {
	return handOver(list, func(memfd, report int) (int, error) {
		lowest := lowestFree(list)
		listFD, err := sys.DupInherited(memfd, lowest)
		if err != nil {
			return 0, err
		}
		defer unix.Close(listFD)
		reportFD, err := sys.DupInherited(report, lowest)
		if err != nil {
			return 0, err
		}
		defer unix.Close(reportFD)
		return execStage(Self(), listFD, reportFD, []uintptr{0, 1, 2}, attr)
	})
}

// Start makes the process. It takes no longer than it takes to execute this binary.
func (p *Program) Start() (*Child, error) {
	var attr *syscall.SysProcAttr
	if p.cgroup >= 0 {
		attr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: p.cgroup}
	}
	return startIn(p.compiler.self, p.List, p.files, attr)
}

// startIn executes the binary self as an exec stage whose descriptor n is files[n] of this process; the list and the report are behind them.
func startIn(self string, list []Call, files []uintptr, attr *syscall.SysProcAttr) (*Child, error) {
	return handOver(list, func(memfd, report int) (int, error) {
		n := len(files)
		return execStage(self, n, n+1, append(files[:n:n], uintptr(memfd), uintptr(report)), attr)
	})
}

// handOver makes the child by stage, which is given the list and the report's writing end.
func handOver(list []Call, stage func(memfd, report int) (pid int, err error)) (*Child, error) {
	image, err := Encode(list)
	if err != nil {
		return nil, err
	}
	memfd, err := sys.Memfd("keelson-list", image)
	if err != nil {
		return nil, err
	}
	defer unix.Close(memfd)
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("cannot make a report pipe: %w", os.NewSyscallError("pipe2", err))
	}
	defer unix.Close(pipe[1])
	pid := 0
	if err = unix.SetNonblock(pipe[0], true); err == nil {
		pid, err = stage(memfd, pipe[1])
	}
	if err != nil {
		unix.Close(pipe[0])
		return nil, err
	}
	return &Child{Pid: pid, list: list, report: pipe[0]}, nil
}

func execStage(self string, listFD, reportFD int, files []uintptr, attr *syscall.SysProcAttr) (int, error) {
	argv := []string{early.StageName, strconv.Itoa(listFD), strconv.Itoa(reportFD)}
	return syscall.ForkExec(self, argv, &syscall.ProcAttr{Env: stageEnvironment, Files: files, Sys: attr})
}

// stageEnvironment: what is executed gets the environment that its list says.
var stageEnvironment = []string{}

// Report is a descriptor that is readable when Read has something to tell. It is the child's; Read closes it.
func (c *Child) Report() int { return c.report }

// Read takes what the process has reported, without waiting. When it is done, the program runs (nil), or a step has failed: then the process ends with
// the step's Status. A process that was killed on its way is done with nil too; its wait status tells.
func (c *Child) Read() (done bool, failed *StepError) {
	for {
		var buf [16 * early.ReportSize]byte
		n, err := unix.Read(c.report, buf[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return false, nil
		case err != nil:
			c.Close()
			return true, c.broken(err)
		case n == 0:
			c.Close()
			return true, c.end()
		}
		c.buffer = append(c.buffer, buf[:n]...)
		for len(c.buffer) >= early.ReportSize {
			step, errno := int(int32(binary.NativeEndian.Uint32(c.buffer))), int32(binary.NativeEndian.Uint32(c.buffer[4:]))
			if errno >= 0 {
				break // the last one
			}
			c.buffer = c.buffer[early.ReportSize:]
			if step >= 0 && step < len(c.list) && c.list[step].loss.Directive != "" {
				c.Degraded = append(c.Degraded, c.list[step].loss)
			}
		}
	}
}

// errListEnded is the end of a list that executes nothing.
var errListEnded = errors.New("the list ended without an execve")

// end reads the report of a failure, if there is one.
func (c *Child) end() *StepError {
	if len(c.buffer) == 0 {
		return nil
	}
	if len(c.buffer) != early.ReportSize {
		return c.broken(fmt.Errorf("it has %d bytes", len(c.buffer)))
	}
	step := int(int32(binary.NativeEndian.Uint32(c.buffer)))
	errno := syscall.Errno(binary.NativeEndian.Uint32(c.buffer[4:]))
	switch {
	case step == len(c.list) && errno == 0:
		return c.broken(errListEnded)
	case step < 0 || step >= len(c.list):
		return c.broken(fmt.Errorf("the list could not be carried out: %w", errno))
	}
	return &StepError{step, c.list[step], errno}
}

// broken is a failure that no step is to blame for.
func (c *Child) broken(err error) *StepError {
	e := &StepError{Step: -1, Call: Call{For: fmt.Sprintf("learn how process %d was started", c.Pid), cause: err}}
	asErrno(err, &e.Errno)
	return e
}

// Close gives the report up.
func (c *Child) Close() {
	if c.report >= 0 {
		unix.Close(c.report)
		c.report = -1
	}
}

// Wait blocks until the program has been executed, or the child has ended without a word, which its wait status tells (nil), or a step has
// failed (*StepError).
func (c *Child) Wait() error {
	for {
		switch done, failed := c.Read(); {
		case failed != nil:
			return failed
		case done:
			return nil
		}
		poll := []unix.PollFd{{Fd: int32(c.report), Events: unix.POLLIN}}
		if err := sys.Retry(func() error { _, err := unix.Poll(poll, -1); return err }); err != nil {
			c.Close()
			return os.NewSyscallError("poll", err)
		}
	}
}

// Become carries the list out in this very process. It returns only if it could not begin; a step that fails is said on stderr.
func Become(list []Call) error {
	image, err := Encode(list)
	if err != nil {
		return err
	}
	memfd, err := sys.Memfd("keelson-list", image)
	if err != nil {
		return err
	}
	defer unix.Close(memfd)
	listFD, err := sys.DupInherited(memfd, lowestFree(list))
	if err != nil {
		return err
	}
	defer unix.Close(listFD)
	return sys.Exec(Self(), []string{early.StageName, strconv.Itoa(listFD), strconv.Itoa(early.ReportStderr)}, os.Environ())
}

// lowestFree is a number from which on no descriptor is moved to by the list.
func lowestFree(list []Call) int {
	lowest := 3
	for _, c := range list {
		if c.Nr == unix.SYS_DUP3 {
			lowest = max(lowest, int(c.Args[1].word)+1)
		}
	}
	return lowest
}

// Self is a path by which this binary can be executed again: /proc/self/exe, or without a /proc the path by which it was.
func Self() string {
	const magic = "/proc/self/exe"
	if unix.Access(magic, unix.X_OK) == nil {
		return magic
	}
	return early.ExecFile()
}
