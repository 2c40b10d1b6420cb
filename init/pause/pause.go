// Package pause is the first process of a pod: it holds the pod's namespaces, has no child of its own, and reaps what is reparented to it. It ends on
// TERM and INT.
//
// It is the one place where github.com/hashicorp/go-reap serves: that library waits for any child and keeps no status, which is right
// where every child is somebody else's orphan.
package pause

import (
	"fmt"
	"os"
	"os/signal"

	"github.com/hashicorp/go-reap"
	"golang.org/x/sys/unix"
)

// Run reaps until a TERM or an INT arrives, and returns nil for those. It is called on the main thread with all signals blocked, as they were before the
// runtime started, so that none is lost; mask is what is blocked from then on.
func Run(mask uint64) error {
	if os.Getpid() != 1 {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot become a child subreaper: %w", err)
		}
	}
	stop, early := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT)
	signal.Notify(early, unix.SIGCHLD)
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{Val: [16]uint64{mask}}, nil); err != nil {
		return os.NewSyscallError("rt_sigprocmask", err)
	}

	// The reaper blocks on both channels, so both are drained. It needs no lock: nothing here runs commands.
	pids, errs, done := make(reap.PidCh), make(reap.ErrorCh), make(chan struct{})
	go reap.ReapChildren(pids, errs, done, nil)
	defer close(done)

	// It acts on a SIGCHLD only from when it listens, and cannot say when that is. What ended before is swept here, until it has
	// reaped a first child itself.
	sweep()
	for {
		select {
		case <-early:
			sweep()
		case <-pids:
			signal.Stop(early)
		case err := <-errs:
			fmt.Fprintf(os.Stderr, "keelson: pause: cannot reap: %v\n", err)
		case <-stop:
			return nil
		}
	}
}

func sweep() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if pid <= 0 {
			return
		}
	}
}
