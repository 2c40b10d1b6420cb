package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A sample is what one container gave; a figure that was not taken is below zero.
type sample struct {
	boot, bootTime time.Duration
	pss            float64 // KiB
	processes      int
	switches       float64
	idleTime       time.Duration
	stop           time.Duration
}

// patience is how long a manager may take to start all services, and to end.
const patience = 2 * time.Minute

func measure(ctx context.Context, binary string, m manager, services int, withIdle bool) (s sample, err error) {
	c, err := newContainer(binary, m, services)
	if c != nil {
		defer c.remove()
	}
	if err != nil {
		return s, err
	}
	began := time.Now()
	if err := c.start(); err != nil {
		return s, err
	}
	if err := c.await(ctx, "sleep", services, began.Add(patience)); err != nil {
		return s, fmt.Errorf("%w\n%s", err, c.logs())
	}
	s.boot = time.Since(began)
	all, err := c.look(true)
	if err != nil {
		return s, err
	}
	s.bootTime = all.used
	pause(ctx, settle)
	before, err := c.look(false)
	if err != nil {
		return s, err
	}
	s.switches, s.idleTime = -1, -time.Microsecond
	if withIdle {
		pause(ctx, idle)
		after, err := c.look(false)
		if err != nil {
			return s, err
		}
		s.switches, s.idleTime = float64(after.switches-before.switches), after.used-before.used
	}
	s.processes = before.processes
	if s.pss, err = c.pss(); err != nil {
		return s, err
	}
	s.stop, err = c.end(m.stop)
	return s, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// A container whose PID 1 is a shell that waits for a line in gate, and then executes the manager.
type container struct {
	name, dir string
	pid       int
	services  map[string]bool // by PID in the container: what is known to run a service's program
}

func newContainer(binary string, m manager, services int) (*container, error) {
	dir, err := os.MkdirTemp("", "keelson-bench-")
	if err != nil {
		return nil, err
	}
	c := &container{name: filepath.Base(dir), dir: dir, services: map[string]bool{}}
	if err := os.Chmod(dir, 0o755); err != nil {
		return c, err
	}
	for _, f := range append(m.config(services), file{path: "units/.keep"}, file{path: "journald.conf.d/.keep"}) {
		path := filepath.Join(dir, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return c, err
		}
		if err := os.WriteFile(path, []byte(f.text), os.FileMode(f.mode)); err != nil {
			return c, err
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "gate"), 0o600); err != nil {
		return c, os.NewSyscallError("mkfifo", err)
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return c, err
	}
	args := []string{"run", "-d", "--name", c.name, "-v", binary + ":/sbin/keelson:ro", "-v", dir + ":/bench", "-v", dir + "/units:/etc/systemd/system",
		"-v", dir + "/journald.conf.d:/etc/systemd/journald.conf.d"}
	args = append(append(args, m.args...), image, "/bin/sh", "-c", `read word </bench/gate; exec "$@"`, "sh")
	if out, err := exec.Command("docker", append(args, m.command...)...).CombinedOutput(); err != nil {
		return c, fmt.Errorf("docker run: %w: %s", err, out)
	}
	out, err := exec.Command("docker", "inspect", "-f", "{{.State.Pid}}", c.name).Output()
	if err != nil {
		return c, fmt.Errorf("docker inspect: %w", err)
	}
	c.pid, err = strconv.Atoi(strings.TrimSpace(string(out)))
	return c, err
}

func (c *container) remove() {
	exec.Command("docker", "rm", "-f", "-v", c.name).Run()
	os.RemoveAll(c.dir)
}

// start opens the gate: the open returns when the shell has opened the other end, and then it has been up for long.
func (c *container) start() error {
	gate, err := os.OpenFile(filepath.Join(c.dir, "gate"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = gate.WriteString("go\n")
	gate.Close()
	return err
}

func (c *container) logs() string {
	out, _ := exec.Command("docker", "logs", "--tail", "3", c.name).CombinedOutput()
	return strings.TrimSpace(string(out))
}

// proc is a file of the container's own /proc, which has its processes alone, by the numbers that they have there.
func (c *container) proc(elem ...string) string {
	return filepath.Join(append([]string{fmt.Sprintf("/proc/%d/root/proc", c.pid)}, elem...)...)
}

func (c *container) pids() (pids []string, err error) {
	dir, err := os.Open(c.proc())
	if err != nil {
		return nil, fmt.Errorf("the container has ended: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if n[0] >= '1' && n[0] <= '9' {
			pids = append(pids, n)
		}
	}
	return pids, nil
}

// await returns when all services run a program of that name. Looking takes processor time, which the manager would use: the pauses are ten times as long.
func (c *container) await(ctx context.Context, comm string, services int, deadline time.Time) error {
	for ctx.Err() == nil {
		began := time.Now()
		pids, err := c.pids()
		if err != nil {
			return err
		}
		if len(pids) > services {
			for _, p := range pids {
				if c.services[p] {
					continue
				}
				if is, err := os.ReadFile(c.proc(p, "comm")); err == nil && string(is) == comm+"\n" {
					c.services[p] = true
				}
			}
		}
		if len(c.services) >= services {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d services run after %v", len(c.services), services, patience)
		}
		pause(ctx, max(time.Millisecond, 10*time.Since(began)))
	}
	return ctx.Err()
}

// A usage is what some processes have used.
type usage struct {
	processes, switches int
	used                time.Duration // of all threads that are there; with ended children that were reaped, to the tick
}

// look sums up the processes that are no services, or all.
func (c *container) look(all bool) (u usage, err error) {
	pids, err := c.pids()
	if err != nil {
		return u, err
	}
	for _, p := range pids {
		if c.services[p] && !all {
			continue
		}
		threads, err := os.ReadDir(c.proc(p, "task"))
		if err != nil {
			continue // it has ended
		}
		u.processes++
		for _, t := range threads {
			ran, _ := os.ReadFile(c.proc(p, "task", t.Name(), "schedstat"))
			u.used += time.Duration(leading(string(ran)))
			status, _ := os.ReadFile(c.proc(p, "task", t.Name(), "status"))
			for line := range strings.Lines(string(status)) {
				if _, n, ok := strings.Cut(line, "voluntary_ctxt_switches:"); ok { // the other kind's name ends with it
					u.switches += leading(n)
				}
			}
		}
		stat, _ := os.ReadFile(c.proc(p, "stat"))
		const tick = time.Second / 100 // USER_HZ, a constant of the interface (proc_pid_stat(5))
		if _, rest, ok := strings.Cut(string(stat), ") "); ok {
			if f := strings.Fields(rest); len(f) > 14 {
				u.used += time.Duration(leading(f[13])+leading(f[14])) * tick // cutime, cstime
			}
		}
	}
	return u, nil
}

// leading is the number that a text starts with.
func leading(text string) int {
	f := strings.Fields(text)
	if len(f) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(f[0])
	return n
}

// pss of all processes that are no services, in KiB.
func (c *container) pss() (sum float64, err error) {
	pids, err := c.pids()
	if err != nil {
		return 0, err
	}
	for _, p := range pids {
		if c.services[p] {
			continue
		}
		text, err := os.ReadFile(c.proc(p, "smaps_rollup"))
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(text)) {
			if n, ok := strings.CutPrefix(line, "Pss:"); ok {
				sum += float64(leading(n))
			}
		}
	}
	return sum, nil
}

// end returns how long PID 1 took to end after the signal.
func (c *container) end(signal unix.Signal) (time.Duration, error) {
	fd, err := unix.PidfdOpen(c.pid, 0)
	if err != nil {
		return 0, os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(fd)
	began := time.Now()
	if err := unix.PidfdSendSignal(fd, signal, nil, 0); err != nil {
		return 0, os.NewSyscallError("pidfd_send_signal", err)
	}
	for {
		left := patience - time.Since(began)
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, max(0, int(left.Milliseconds())))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, os.NewSyscallError("poll", err)
		}
		if n == 0 {
			return 0, fmt.Errorf("it has not ended %v after the signal", patience)
		}
		return time.Since(began), nil
	}
}
