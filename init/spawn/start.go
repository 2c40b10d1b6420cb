package spawn

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"keelson/init/early"
	"keelson/init/sys"
)

// Child is a process on its way to its program. The caller owns it: it calls Wait once, and reaps Pid.
type Child struct {
	Pid    int
	list   []Call
	report *os.File
}

// Start makes a process, as attr says (nil: nothing special), that carries the list out. It inherits every descriptor that is not closed on exec.
func Start(list []Call, attr *syscall.SysProcAttr) (*Child, error) {
	image, err := Encode(list)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a report pipe: %w", err)
	}
	defer w.Close()
	lowest := lowestFree(list)
	reportFD, err := sys.DupInherited(int(w.Fd()), lowest)
	if err != nil {
		r.Close()
		return nil, err
	}
	defer unix.Close(reportFD)
	listFD, err := hand(image, lowest)
	if err != nil {
		r.Close()
		return nil, err
	}
	defer unix.Close(listFD)
	argv := []string{early.StageName, strconv.Itoa(listFD), strconv.Itoa(reportFD)}
	pid, err := syscall.ForkExec(Self(), argv, &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: attr})
	if err != nil {
		r.Close()
		return nil, err
	}
	return &Child{pid, list, r}, nil
}

// Become carries the list out in this very process. It returns only if it could not begin; a step that fails is said on stderr.
func Become(list []Call) error {
	image, err := Encode(list)
	if err != nil {
		return err
	}
	listFD, err := hand(image, lowestFree(list))
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

// hand makes a descriptor of the image that an exec stage inherits.
func hand(image []byte, lowest int) (int, error) {
	memfd, err := sys.Memfd("keelson-list", image)
	if err != nil {
		return -1, err
	}
	defer unix.Close(memfd)
	return sys.DupInherited(memfd, lowest)
}

// Wait blocks until the program has been executed, or the child has ended without a word, which its wait status tells (nil), or a step has
// failed (*StepError).
func (c *Child) Wait() error {
	defer c.report.Close()
	var buf [early.ReportSize]byte
	switch n, err := io.ReadFull(c.report, buf[:]); {
	case err == io.EOF:
		return nil
	case err != nil:
		return fmt.Errorf("cannot read the report of process %d: %d bytes: %w", c.Pid, n, err)
	}
	step := int(int32(binary.NativeEndian.Uint32(buf[:])))
	errno := syscall.Errno(binary.NativeEndian.Uint32(buf[4:]))
	if step < 0 || step >= len(c.list) {
		return fmt.Errorf("cannot carry out the list of process %d: %w", c.Pid, errno)
	}
	return &StepError{step, c.list[step], errno}
}

// Self is a path by which this binary can be executed again: /proc/self/exe, or without a /proc the path by which it was.
func Self() string {
	const magic = "/proc/self/exe"
	if unix.Access(magic, unix.X_OK) == nil {
		return magic
	}
	return early.ExecFile()
}
