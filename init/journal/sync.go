package journal

import (
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// sync gives all that was written to the disk and then answers.
func (s *store) sync(answer func(error)) {
	if s.syncing {
		s.later = append(s.later, answer)
		return
	}
	s.waiting = append(s.waiting, answer)
	if s.open == nil || s.syncAt == 0 && s.open.Header().State != file.Online {
		s.answer()
		return
	}
	s.startSync()
}

func (s *store) startSync() {
	f := s.open
	mark := f.Header().TailSeqnum
	s.syncing, s.syncAt = true, 0
	f.busy.Add(1)
	go func() {
		err := f.Fsync()
		f.busy.Done()
		s.c.post(func() { s.synced(f, mark, err) })
	}()
}

func (s *store) synced(f *openFile, mark uint64, err error) {
	s.syncing = false
	if err != nil {
		s.syncError = err
		s.tell("sync", "%v", err)
	}
	if f == s.open && f.Header().TailSeqnum == mark {
		s.syncAt = 0
		f.Offline()
	}
	s.answer()
	if later := s.later; len(later) > 0 {
		s.later = nil
		for _, answer := range later {
			s.sync(answer)
		}
	}
}

// answer tells those who wait, unless files are still being closed.
func (s *store) answer() {
	if s.syncing || s.closing > 0 {
		return
	}
	waiting, err := s.waiting, s.syncError
	s.waiting, s.syncError = nil, nil
	for _, f := range waiting {
		f(err)
	}
}

// timeout is how long epoll_wait may wait, in milliseconds.
func (s *store) timeout() int {
	if s.syncAt == 0 {
		return -1
	}
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return int(max(s.syncAt-time.Duration(t.Nano()), 0)/time.Millisecond) + 1
}

// tick starts the sync that is due.
func (s *store) tick() {
	if s.syncAt != 0 && s.c.monotonic >= s.syncAt && !s.syncing && s.open != nil {
		s.startSync()
	}
}

// close ends with all on the disk, as far as it goes.
func (s *store) close() {
	if s.open == nil {
		return
	}
	s.open.busy.Wait()
	if s.open.Header().State == file.Online && s.open.Fsync() == nil {
		s.open.Offline()
	}
	s.open.Close()
	s.open = nil
}
