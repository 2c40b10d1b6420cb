package loop

import (
	"os"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// A stage is when in the turn a source is looked at.
type stage uint8

// The stages, in their order.
const (
	stageReport stage = iota // how an execution went
	stageNotify              // a service says something
	stageChild               // SIGCHLD and all other signals
	stageRest
	stages
)

// A source is a descriptor that is waited for. Its function is called with what epoll_wait said, and queues events.
type source struct {
	fd    int
	stage stage
	ready func(events uint32)
}

// A poller waits for sources. The zero value is of no use: see newPoller.
type poller struct {
	fd      int
	sources map[int]*source
	events  [128]unix.EpollEvent
	ready   [stages][]fired
}

// fired is a source with something to say.
type fired struct {
	source *source
	events uint32
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &poller{fd: fd, sources: map[int]*source{}}, nil
}

// add waits for a descriptor, level-triggered. Errors and hang-ups are told without being asked for. The descriptor stays the caller's, who
// calls drop before closing it.
func (p *poller) add(fd int, events uint32, s stage, ready func(events uint32)) error {
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)}); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	p.sources[fd] = &source{fd, s, ready}
	return nil
}

// drop waits no more. A descriptor that is not waited for is no error.
func (p *poller) drop(fd int) {
	if _, ok := p.sources[fd]; ok {
		delete(p.sources, fd)
		unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil)
	}
}

// wait blocks until some source is ready, or returns at once if not block, and sorts what is by stage.
func (p *poller) wait(block bool) error {
	timeout := 0
	if block {
		timeout = -1
	}
	var n int
	err := sys.Retry(func() (err error) { n, err = unix.EpollWait(p.fd, p.events[:], timeout); return err })
	if err != nil {
		return os.NewSyscallError("epoll_wait", err)
	}
	for i := range p.ready {
		p.ready[i] = p.ready[i][:0]
	}
	for _, e := range p.events[:n] {
		if s := p.sources[int(e.Fd)]; s != nil {
			p.ready[s.stage] = append(p.ready[s.stage], fired{s, e.Events})
		}
	}
	return nil
}

// call has the sources of a stage say what they have to say. One that an earlier one has dropped is passed over.
func (p *poller) call(s stage) {
	for _, f := range p.ready[s] {
		if p.sources[f.source.fd] == f.source {
			f.source.ready(f.events)
		}
	}
}
