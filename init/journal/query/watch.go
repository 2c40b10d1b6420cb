package query

import (
	"os"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// watch is an inotify(7) descriptor on the journal's directories, or on its files if they were named.
type watch struct{ fd int }

func (w *watch) close() { unix.Close(w.fd) }

// What changes of a directory say that there may be new entries or files (sd-journal.c).
const watched = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF |
	unix.IN_UNMOUNT | unix.IN_MOVED_FROM | unix.IN_ONLYDIR

// Watch begins to watch for changes, so that Wait misses nothing that happens from now on. It also finds files that are new.
func (j *Journal) Watch() error {
	if j.watch == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return os.NewSyscallError("inotify_init1", err)
		}
		j.watch = &watch{fd}
	}
	if err := j.addWatches(); err != nil {
		return err
	}
	return j.scan()
}

func (j *Journal) addWatches() error {
	for _, path := range j.where.Files {
		if _, err := unix.InotifyAddWatch(j.watch.fd, path, unix.IN_MODIFY|unix.IN_ATTRIB|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF); err != nil {
			return &os.PathError{Op: "inotify_add_watch", Path: path, Err: err}
		}
	}
	// A directory that comes into being before the one above is watched would be missed: look again until there is none.
	for known := 0; ; {
		dirs := j.where.Dirs()
		for _, dir := range dirs {
			if _, err := unix.InotifyAddWatch(j.watch.fd, dir, watched); err != nil && err != unix.ENOENT && err != unix.ENOTDIR && err != unix.EACCES {
				return &os.PathError{Op: "inotify_add_watch", Path: dir, Err: err}
			}
		}
		if len(dirs) <= known {
			return nil
		}
		known = len(dirs)
	}
}

// Wait sleeps until something changed, after Watch. It is false if other, a descriptor or -1, hung up first: its reader has gone.
func (j *Journal) Wait(other int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(j.watch.fd), Events: unix.POLLIN}, {Fd: int32(other)}}
	if err := sys.Retry(func() error { _, err := unix.Poll(fds, -1); return err }); err != nil {
		return false, os.NewSyscallError("poll", err)
	}
	if fds[1].Revents&(unix.POLLHUP|unix.POLLERR) != 0 {
		return false, nil
	}
	return true, j.process()
}

// process reads the events. All but a change of contents may mean other files.
func (j *Journal) process() error {
	var buf [16 << 10]byte
	rescan := false
	for {
		n, err := unix.Read(j.watch.fd, buf[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n < unix.SizeofInotifyEvent {
			break
		}
		for at := 0; at+unix.SizeofInotifyEvent <= n; {
			mask := host.Uint32(buf[at+4:])
			if mask&^unix.IN_MODIFY != 0 {
				rescan = true
			}
			at += unix.SizeofInotifyEvent + int(host.Uint32(buf[at+12:]))
		}
	}
	for _, f := range j.files {
		// An entry is counted before the index knows it: one that was not found then may be now.
		f.ended = 0
		for i := range f.terms {
			f.terms[i].entries = 0
		}
	}
	if !rescan {
		return nil
	}
	if err := j.addWatches(); err != nil {
		return err
	}
	return j.scan()
}
