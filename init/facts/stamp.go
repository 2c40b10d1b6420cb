package facts

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"keelson/supervise"
)

// stamps are the files whose modification times say when timers with Persistent=yes last ran (systemd.timer(5)).
const stamps = "/var/lib/systemd/timers"

func (f *Facts) stamp(timer string) string { return f.at(filepath.Join(stamps, "stamp-"+timer)) }

// ReadStamp is when a timer last ran, in microseconds since 1970; 0 if it never has, or in the future. With no file one is made, so that the
// next start knows that there was this one (timer_start in src/core/timer.c).
func (f *Facts) ReadStamp(timer string, now supervise.Usec) (supervise.Usec, error) {
	name := f.stamp(timer)
	st, err := os.Stat(name)
	switch {
	case os.IsNotExist(err):
		return 0, f.touch(name, time.UnixMicro(int64(now)))
	case err != nil:
		return 0, err
	}
	if at := st.ModTime().UnixMicro(); at > 0 && supervise.Usec(at) < now {
		return supervise.Usec(at), nil
	}
	return 0, nil
}

// TouchStamp notes that a timer has run, at microseconds since 1970.
func (f *Facts) TouchStamp(timer string, at supervise.Usec) error {
	return f.touch(f.stamp(timer), time.UnixMicro(int64(at)))
}

func (f *Facts) touch(name string, at time.Time) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of time stamps: %w", err)
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot make the time stamp: %w", err)
	}
	file.Close()
	if err := os.Chtimes(name, at, at); err != nil {
		return fmt.Errorf("cannot set the time stamp: %w", err)
	}
	return nil
}
