package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// Bounds of the queue: lines of the manager's, of which more are dropped and counted, and calls, which are few.
const (
	queueLines = 1024
	queueCalls = 1024
)

// A Collector collects. Its methods may be called from any goroutine.
type Collector struct {
	o      Options
	config Config
	pid    int

	// The way in from other goroutines.
	lines   chan managerLine
	calls   chan func()
	event   int // eventfd
	awake   atomic.Bool
	dropped atomic.Int64
	streams atomic.Uint64 // numbers them
	closed  atomic.Bool
	done    chan struct{}
	end     sync.Once

	// The rest belongs to the collector's goroutine.
	epoll            int
	sources          map[int32]source
	units            map[string]*Stream
	senders          map[senderKey]*sender
	me               *sender
	interned         map[string]*file.Data
	common           []*file.Data // fields of every entry
	severities       [8]*file.Data
	stdout           *file.Data
	syslogTransport  *file.Data
	journalTransport *file.Data
	limits           limits
	store            *store
	console          *console
	forwards         []forward
	realtime         uint64        // microseconds since the epoch; when the present batch was read
	monotonic        time.Duration // since boot
	message          message       // the one being made
	arena            []byte
	buf              []byte // what is read
	control          []byte
	told             map[string]bool // troubles that were told
	stop             bool
	keep             bool // leave descriptors open: they are handed over
}

type managerLine struct {
	priority   int
	unit, text string
	fields     []string
}

// A source is a descriptor that epoll waits for. ready reads what is there, a bounded part of it, and reports whether it stays.
type source interface {
	ready(c *Collector) bool
	close()
}

// Start begins to collect. What does not work, sockets or files, is told in the log and left out: only the lack of descriptors is an error.
func Start(o Options) (*Collector, error) {
	c, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if o.Sockets {
		c.listen()
	}
	go c.run()
	return c, nil
}

func prepare(o Options) (*Collector, error) {
	if o.Identifier == "" {
		o.Identifier = "systemd"
	}
	c := &Collector{o: o, config: o.Config.filled(), pid: os.Getpid(),
		lines: make(chan managerLine, queueLines), calls: make(chan func(), queueCalls), done: make(chan struct{}),
		sources: map[int32]source{}, units: map[string]*Stream{}, senders: map[senderKey]*sender{}, interned: map[string]*file.Data{},
		told: map[string]bool{}, epoll: -1, event: -1}
	var err error
	if c.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if c.event, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(c.epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err := c.watch(c.event, eventSource{}); err != nil {
		unix.Close(c.epoll)
		unix.Close(c.event)
		return nil, err
	}
	for i := range c.severities {
		c.severities[i] = file.NewData([]byte("PRIORITY=" + strconv.Itoa(i)))
	}
	c.stdout = file.NewData([]byte("_TRANSPORT=stdout"))
	c.syslogTransport = file.NewData([]byte("_TRANSPORT=syslog"))
	c.journalTransport = file.NewData([]byte("_TRANSPORT=journal"))
	add := func(name, value string) {
		if value != "" {
			c.common = append(c.common, file.NewData([]byte(name+"="+value)))
		}
	}
	if !o.BootID.IsZero() {
		add("_BOOT_ID", o.BootID.String())
	}
	if !o.MachineID.IsZero() {
		add("_MACHINE_ID", o.MachineID.String())
	}
	add("_HOSTNAME", o.Hostname)
	add("_RUNTIME_SCOPE", "system")
	c.console = newConsole(o.Console, func() {
		c.post(func() { c.console.flush() })
	})
	for _, f := range o.Forward {
		c.forwards = append(c.forwards, newForward(f))
	}
	c.store = newStore(c)
	return c, nil
}

func (c *Collector) path(name string) string { return filepath.Join("/", c.o.Root, name) }

// watch adds a descriptor, which the source owns.
func (c *Collector) watch(fd int, s source) error {
	if err := unix.EpollCtl(c.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	c.sources[int32(fd)] = s
	return nil
}

func (c *Collector) drop(fd int32) {
	s := c.sources[fd]
	delete(c.sources, fd)
	unix.EpollCtl(c.epoll, unix.EPOLL_CTL_DEL, int(fd), nil)
	s.close()
}

// run is the collector's goroutine.
func (c *Collector) run() {
	defer close(c.done)
	if c.o.Panicked != nil {
		defer func() {
			if r := recover(); r != nil {
				c.closed.Store(true)
				c.o.Panicked(r, debug.Stack())
			}
		}()
	}
	events := make([]unix.EpollEvent, 64)
	for !c.stop {
		n, err := unix.EpollWait(c.epoll, events, c.store.timeout())
		if err != nil && err != unix.EINTR {
			fmt.Fprintln(os.Stderr, "journal: epoll_wait:", err)
			break // the descriptor is ours alone: somebody closed what was not his
		}
		c.now()
		for _, e := range events[:max(n, 0)] {
			if s := c.sources[e.Fd]; s != nil && !s.ready(c) {
				c.drop(e.Fd)
			}
		}
		c.turnOver()
	}
	c.finish()
}

// turnOver gives what a turn read to the outputs.
func (c *Collector) turnOver() {
	c.store.flush()
	if c.store.open != nil {
		c.store.open.Announce()
	}
	c.store.tick()
	if c.console != nil {
		c.console.flush()
	}
}

func (c *Collector) now() {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_REALTIME, &t)
	c.realtime = uint64(t.Sec)*1e6 + uint64(t.Nsec)/1e3
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	c.monotonic = time.Duration(t.Nano())
}

// self is this process.
func (c *Collector) self() *sender {
	if c.me == nil {
		c.me = c.look(nil, &unix.Ucred{Pid: int32(c.pid), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())})
	}
	return c.me
}

// trouble tells of something that does not work, once until it works again (recovered).
func (c *Collector) trouble(key, text string) {
	if c.told[key] {
		return
	}
	c.told[key] = true
	c.driver(4, text)
}

func (c *Collector) recovered(key, text string) {
	if c.told[key] {
		delete(c.told, key)
		c.driver(5, text)
	}
}

// SetUnit says what holds for lines of a unit's processes that do not come through a stream of it, as to syslog: LogLevelMax=, LogRateLimit…= and
// LogExtraFields=. Stream does the same.
func (c *Collector) SetUnit(s Stream) { c.post(func() { c.units[s.Unit] = &s }) }

// ForgetUnit takes SetUnit back.
func (c *Collector) ForgetUnit(unit string) { c.post(func() { delete(c.units, unit) }) }

var errClosed = errors.New("the journal is closed")

// call runs f on the collector's goroutine and waits for what it passes to its argument.
func (c *Collector) call(f func(answer func(error))) error {
	answer := make(chan error, 1)
	if !c.post(func() { f(func(err error) { answer <- err }) }) {
		return errClosed
	}
	select {
	case err := <-answer:
		return err
	case <-c.done:
		return errClosed
	}
}

// Sync waits until what was said before is stored and on the disk (journalctl --sync).
func (c *Collector) Sync() error { return c.call(c.synchronize) }

func (c *Collector) synchronize(answer func(error)) {
	c.drain()
	c.store.sync(answer)
}

// Rotate begins new files (journalctl --rotate).
func (c *Collector) Rotate() error {
	return c.call(func(answer func(error)) {
		c.drain()
		answer(c.store.rotate())
	})
}

// Flush moves what is in /run to /var, if that can be written by now (journalctl --flush).
func (c *Collector) Flush() error {
	return c.call(func(answer func(error)) { answer(c.store.flushToVar()) })
}

// Relinquish moves from /var to /run, so that /var can be unmounted (journalctl --relinquish-var).
func (c *Collector) Relinquish() error {
	return c.call(func(answer func(error)) { answer(c.store.relinquish()) })
}

// Vacuum deletes archived files until the limits of the configuration hold.
func (c *Collector) Vacuum() error {
	return c.call(func(answer func(error)) { answer(c.store.vacuum()) })
}

// drain reads what is in the sockets by now. A sender that never stops is left after a while.
func (c *Collector) drain() {
	for range 64 {
		events := make([]unix.EpollEvent, 64)
		n, err := unix.EpollWait(c.epoll, events, 0)
		if err == unix.EINTR {
			continue
		}
		busy := false
		for _, e := range events[:max(n, 0)] {
			s := c.sources[e.Fd]
			if _, own := s.(eventSource); own || s == nil {
				continue
			}
			busy = true
			if !s.ready(c) {
				c.drop(e.Fd)
			}
		}
		if !busy {
			break
		}
		c.turnOver()
	}
	for range cap(c.lines) {
		select {
		case l := <-c.lines:
			c.manager(&l)
			continue
		default:
		}
		break
	}
	c.store.flush()
}

// Close reads what is there, stores it, marks the files as complete and ends the collector. Standard output gets what its reader takes
// within a second.
func (c *Collector) Close() {
	c.end.Do(func() {
		c.post(func() { c.stop = true })
		c.closed.Store(true)
	})
	<-c.done
}

func (c *Collector) finish() {
	c.closed.Store(true)
	c.drain()
	for fd, s := range c.sources {
		if f, ok := s.(finisher); ok {
			f.finish(c)
		}
		if !c.keep {
			delete(c.sources, fd)
			s.close()
		}
	}
	c.turnOver()
	c.store.close()
	if c.console != nil {
		c.console.close(time.Second)
	}
	for i := range c.forwards {
		c.forwards[i].close()
	}
	unix.Close(c.epoll)
	unix.Close(c.event)
}

// A finisher has something to say at the end, such as a line without its newline.
type finisher interface{ finish(c *Collector) }
