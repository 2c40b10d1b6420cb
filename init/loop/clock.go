package loop

import (
	"os"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
	"keelson/supervise"
)

func clock(id int32) supervise.Usec {
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0
	}
	return supervise.Usec(t.Sec)*1e6 + supervise.Usec(t.Nsec)/1e3
}

// Now is this instant on the machine's two clocks.
func Now() supervise.Time {
	return supervise.Time{Realtime: clock(unix.CLOCK_REALTIME), Monotonic: clock(unix.CLOCK_MONOTONIC)}
}

// An alarm is a timer on one clock. It is set only when the time that it is for changes.
type alarm struct {
	fd  int
	at  supervise.Usec
	set bool
	// watch has a jump of the clock told, as ECANCELED (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
	watch bool
}

func newAlarm(id int, watch bool) (*alarm, error) {
	fd, err := unix.TimerfdCreate(id, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &alarm{fd: fd, watch: watch}, nil
}

// arm has the alarm go off at a time on its clock; a time that is past is now, and Infinity never.
func (a *alarm) arm(at supervise.Usec) error {
	if a.set && a.at == at {
		return nil
	}
	var spec unix.ItimerSpec
	flags := unix.TFD_TIMER_ABSTIME
	switch {
	case a.watch:
		flags |= unix.TFD_TIMER_CANCEL_ON_SET
		if at == supervise.Infinity { // a jump is told of only while the timer runs
			spec.Value.Sec = 1 << 33
		} else {
			spec.Value = timespec(at)
		}
	case at != supervise.Infinity:
		spec.Value = timespec(at)
	}
	a.at, a.set = at, true
	return os.NewSyscallError("timerfd_settime", unix.TimerfdSettime(a.fd, flags, &spec, nil))
}

func timespec(t supervise.Usec) unix.Timespec {
	t = max(t, 1) // 0 is "disarmed"
	return unix.Timespec{Sec: int64(min(t/1e6, 1<<33)), Nsec: int64(t%1e6) * 1e3}
}

// drain takes notice that the alarm went off, and says whether the clock was set instead.
func (a *alarm) drain() (jumped bool) {
	var count [8]byte
	err := sys.Retry(func() error { _, err := unix.Read(a.fd, count[:]); return err })
	a.set = false
	return err == unix.ECANCELED
}
