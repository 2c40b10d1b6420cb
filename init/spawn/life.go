package spawn

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// life is what the processes of a unit share from its first to its last (ExecRuntime and DynamicCreds in src/core/execute.h). It ends with Release.
type life struct {
	dynamic []string // names of dynamic users and groups
	static  bool     // DynamicUser= met a user that exists
	*common
}

// common is what units share that have JoinsNamespaceOf=.
type common struct {
	private string // the name of the private temporary folders
	network int    // descriptors of namespaces, -1: none yet
	ipc     int
}

func (b *builder) life() *life {
	l := b.c.lives[b.e.Unit]
	if l == nil {
		l = &life{}
		for _, other := range b.g.Joins {
			if o := b.c.lives[other]; o != nil && l.common == nil {
				l.common = o.common
			}
		}
		if l.common == nil {
			l.common = &common{network: -1, ipc: -1}
		}
		b.c.lives[b.e.Unit] = l
	}
	return l
}

// State is what units' processes share, as plain data, for a manager that executes itself anew.
type State struct {
	Units  map[string]UnitState
	Shared []SharedState
}

// UnitState is one unit's part of it.
type UnitState struct {
	Dynamic []string
	Static  bool
	Shared  int // index in State.Shared
}

// SharedState is what units have in common that join each other's namespaces. Descriptors keep their numbers, -1 is none.
type SharedState struct {
	Private      string
	Network, IPC int
}

// State is what the units share now. The descriptors in it survive an execve from now on.
func (c *Compiler) State() *State {
	s := &State{Units: map[string]UnitState{}}
	at := map[*common]int{}
	for name, l := range c.lives {
		i, known := at[l.common]
		if !known {
			i = len(s.Shared)
			at[l.common] = i
			s.Shared = append(s.Shared, SharedState{l.private, kept(l.network), kept(l.ipc)})
		}
		s.Units[name] = UnitState{l.dynamic, l.static, i}
	}
	return s
}

// kept has a descriptor survive an execve; -1 if it cannot.
func kept(fd int) int {
	if fd >= 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			return -1
		}
	}
	return fd
}

// Restore takes a State over. The descriptors in it are the compiler's from now on.
func (c *Compiler) Restore(s *State) {
	var shared []*common
	for _, o := range s.Shared {
		for _, fd := range []int{o.Network, o.IPC} {
			if fd >= 0 {
				unix.CloseOnExec(fd)
			}
		}
		shared = append(shared, &common{o.Private, o.Network, o.IPC})
	}
	for name, u := range s.Units {
		c.lives[name] = &life{u.Dynamic, u.Static, shared[u.Shared]}
	}
}

func (l *life) borrow(name string) {
	if !slices.Contains(l.dynamic, name) {
		l.dynamic = append(l.dynamic, name)
	}
}

// Release ends what a unit's processes shared, once there are none left and no more will follow: credentials, private temporary folders, namespaces and
// dynamic users. Its own directories (RuntimeDirectory= and so on) are not among these.
func (c *Compiler) Release(name string) error {
	credentials := filepath.Join(c.Host.RuntimeRoot, "credentials", name)
	// It may be a mount, which nothing of the unit's holds any more.
	unix.Unmount(credentials, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	err := removeTree(credentials)
	l := c.lives[name]
	if l == nil {
		return err
	}
	delete(c.lives, name)
	for _, user := range l.dynamic {
		c.forget(user)
	}
	for _, o := range c.lives {
		if o.common == l.common {
			return err
		}
	}
	for _, fd := range []int{l.network, l.ipc} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if l.private != "" {
		for _, base := range temporaryBases {
			err = errors.Join(err, removeTree(l.temporary(base)))
		}
	}
	return err
}

// removeTree is rm -rf, for a folder whose owner may have taken write permission from itself.
func removeTree(path string) error {
	if unix.Geteuid() != 0 {
		os.Chmod(path, 0o700)
	}
	return os.RemoveAll(path)
}

// makeNamespace makes a namespace, network or IPC, and gives a descriptor of it, which the caller owns. A thread enters it and ends: namespaces are a
// thread's own (unshare(2)).
func makeNamespace(flag int, file string, setup func()) (int, error) {
	type result struct {
		fd  int
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this function
		if unix.Gettid() == unix.Getpid() {
			// The main thread cannot end. While it waits here, the other one is another.
			fd, err := makeNamespace(flag, file, setup)
			runtime.UnlockOSThread()
			done <- result{fd, err}
			return
		}
		if err := unix.Unshare(flag); err != nil {
			done <- result{-1, os.NewSyscallError("unshare", err)}
			return
		}
		setup()
		path := fmt.Sprintf("/proc/self/task/%d/ns/%s", unix.Gettid(), file)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			err = &os.PathError{Op: "open", Path: path, Err: err}
		}
		done <- result{fd, err}
	}()
	r := <-done
	return r.fd, r.err
}

// loopback brings the interface of that name up, as far as it goes (loopback_setup in src/shared/loopback.c).
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil // a kernel without the Internet protocols has no such interface
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		return os.NewSyscallError("ioctl SIOCSIFFLAGS lo", err)
	}
	return nil
}

// randomName is what nobody can have prepared for.
func randomName() string { return rand.Text()[:10] }
