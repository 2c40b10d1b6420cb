package track

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// The test binary is the manager, and by its first argument an awkward process.
const (
	wear     = "track-test-wear"     // VALUE PROGRAM [ARG…]: sets RLIMIT_LOCKS unless VALUE is 0, and becomes the program
	headless = "track-test-headless" // its first thread ends, the others live on
	valued   = "track-test-valued"   // started with SIGUSR1 blocked, prints a zero, then the code and the value that come with one
	nested   = "track-test-nested"   // prints what a manager in a service would stamp with
)

func init() {
	runtime.LockOSThread() // the headless one's first thread is main's
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case wear:
			become(os.Args[2], os.Args[3:])
		case headless:
			go func() {
				fmt.Fprintln(os.NewFile(3, "ready"), os.Getpid())
				select {}
			}()
			go func() { time.Sleep(time.Hour) }() // else the runtime sees a deadlock
			unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
		case valued:
			printValue(os.NewFile(3, "ready"))
			os.Exit(0)
		case nested:
			b := ownBase()
			fmt.Fprintln(os.NewFile(3, "ready"), uint64(b))
			os.Exit(0)
		}
	}
	// Orphans come to the manager.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "cannot become a subreaper:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func printValue(out *os.File) {
	set := unix.Sigset_t{Val: [16]uint64{1 << (unix.SIGUSR1 - 1)}}
	fd, err := unix.Signalfd(-1, &set, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(out, 0)
	var info unix.SignalfdSiginfo
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&info)), unsafe.Sizeof(info))
	if n, err := unix.Read(fd, raw); err != nil || n != len(raw) {
		fmt.Fprintln(os.Stderr, n, err)
		os.Exit(1)
	}
	fmt.Fprintf(out, "%d\n%d\n", info.Code, info.Int)
}

func become(value string, argv []string) {
	v, err := strconv.ParseUint(value, 10, 64)
	if err == nil && v != 0 {
		err = unix.Setrlimit(unix.RLIMIT_LOCKS, &unix.Rlimit{Cur: v, Max: v})
	}
	if err == nil {
		err = syscall.Exec(argv[0], argv, os.Environ())
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// world is a tracker and what the loop would do around it.
type world struct {
	*testing.T
	*Tracker
	children map[int]bool
	context  *unit.CgroupContext // of all units
	stamps   uint32
}

func newWorld(t *testing.T, o Options) *world {
	if o.Cgroup == "" {
		o.Cgroup = NoCgroup
	}
	w := &world{T: t, Tracker: New(o), children: map[int]bool{}}
	t.Cleanup(func() {
		var kills []supervise.Kill
		for name := range w.units {
			kills = append(kills, supervise.Kill{Unit: name, Rest: true, Signal: unit.SIGKILL})
		}
		w.KillAll(kills)
		for pid := range w.children { // those without a unit too
			unix.Kill(pid, unix.SIGKILL)
		}
		w.reap(true)
		w.Tracker.Close()
	})
	return w
}

// reap takes the ends of children, of all that there are if all.
func (w *world) reap(all bool) {
	for {
		flags := unix.WNOHANG
		if all {
			flags = 0
		}
		var usage unix.Rusage
		pid, err := unix.Wait4(-1, nil, flags, &usage)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid == 0 {
			return
		}
		delete(w.children, pid)
		w.Exited(pid, time.Duration(usage.Utime.Nano()+usage.Stime.Nano()))
	}
}

// launch starts a program of a unit, whose processes write numbers to descriptor 3. Not stamped, the unit has a LimitLOCKS=.
func (w *world) launch(name string, stamped bool, argv ...string) (main int, n numbers) {
	w.Helper()
	w.stamps++
	u := Unit{Name: name, Stamp: w.stamps, Stamped: stamped, Cgroup: w.context}
	value := uint64(0)
	if v, ok := w.Limit(u.Stamp); ok && stamped {
		value = v
	}
	b := w.Add(u)
	r, write, err := os.Pipe()
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { r.Close() })
	self, err := os.Executable()
	if err != nil {
		w.Fatal(err)
	}
	program, err := exec.LookPath(argv[0])
	if err != nil {
		w.Skipf("needs %s: %v", argv[0], err)
	}
	argv = append([]string{self, wear, strconv.FormatUint(value, 10), program}, argv[1:]...)
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2, write.Fd()}}
	if b.CgroupFD >= 0 {
		attr.Sys = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: b.CgroupFD}
		defer unix.Close(b.CgroupFD)
	}
	main, err = syscall.ForkExec(self, argv, attr)
	write.Close()
	if err != nil {
		w.Fatal(err)
	}
	w.children[main] = true
	w.Started(name, main)
	return main, numbers{bufio.NewScanner(r)}
}

// start launches, and waits for n numbers: PIDs, most often.
func (w *world) start(name string, stamped bool, n int, argv ...string) (main int, pids []int) {
	w.Helper()
	main, r := w.launch(name, stamped, argv...)
	for range n {
		pids = append(pids, r.number(w.T))
	}
	return main, pids
}

// sh starts a shell script.
func (w *world) sh(name string, n int, script string) (main int, pids []int) {
	w.Helper()
	return w.start(name, true, n, "sh", "-c", script)
}

// ended tells whether nothing of a process runs any more.
func (w *world) ended(pid int) bool {
	s, err := w.proc.stat(pid)
	return err != nil || s.ended()
}

// await waits until the unit is empty, by the Watch alone. It fails when the machine had a minute for it.
func (w *world) await(name string) {
	w.Helper()
	watch, empty := w.Watch(name)
	if empty {
		return
	}
	defer watch.Close()
	fds := watch.FDs()
	for !empty {
		if watch.Blind() || len(fds) == 0 {
			w.Fatalf("%s: the watch has nobody to wait for", name)
		}
		var list []unix.PollFd
		for _, fd := range fds {
			list = append(list, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
		n, err := unix.Poll(list, 60000)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			w.Fatalf("%s: not empty after a minute (%v): %v", name, err, w.Processes(name))
		}
		w.reap(false)
		for _, p := range list {
			if p.Revents == 0 {
				continue
			}
			var more []int
			more, empty = watch.Ready(int(p.Fd))
			if i := slices.Index(fds, int(p.Fd)); i >= 0 {
				fds = slices.Delete(fds, i, i+1)
			}
			fds = append(fds, more...)
			if empty {
				break
			}
		}
	}
}

func (w *world) killAll(name string, main int) Killed {
	w.Helper()
	k := supervise.Kill{Unit: name, Rest: true, Signal: unit.SIGKILL}
	if w.children[main] {
		k.Main = supervise.Process{Command: 1, PID: main}
	}
	return w.Tracker.Kill(k)
}

// outsider is a child that belongs to no unit.
func (w *world) outsider(t *testing.T) int {
	pid, err := syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{Files: []uintptr{0, 1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	w.children[pid] = true
	return pid
}

// numbers are read from what a unit's processes write to descriptor 3.
type numbers struct {
	lines *bufio.Scanner
}

func (n numbers) number(t *testing.T) int {
	t.Helper()
	if !n.lines.Scan() {
		t.Fatal("nobody writes any more")
	}
	v, err := strconv.Atoi(n.lines.Text())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// pidsOf are the PIDs of processes, in their order.
func pidsOf(list []Process) (pids []int) {
	for _, p := range list {
		pids = append(pids, p.PID)
	}
	return pids
}

func needRoot(t *testing.T, why string) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: " + why)
	}
}

// tree is a temporary copy of files, by name.
func tree(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// texts reads the files of a tree that are not as in before.
func texts(t *testing.T, dir string, before map[string]string) map[string]string {
	changed := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		name = strings.TrimPrefix(name, dir+"/")
		if string(text) != before[name] {
			changed[name] = string(text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return changed
}
