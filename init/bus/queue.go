package bus

import (
	"sync"

	"github.com/godbus/dbus/v5"
)

// signalsMax is how many signals may wait for a client that does not read. It is more than a daemon-reload of a large system
// makes in one portion.
const signalsMax = 4096

// A parcel is a message on its way out. A signal's is shared by all connections that get it, and encoded once.
type parcel struct {
	message *dbus.Message
	prepare func(*dbus.Message) // gathers what the owner should not; nil if there is nothing
	fd      int                 // to be closed when it is sent or dropped; -1: none
	done    func()              // a reply: the call is over
	serial  uint32              // chosen before; 0: the writer chooses
	last    bool                // no message: the connection ends here

	once  sync.Once
	frame []byte
	fds   []int
	err   error
}

// encoded is the parcel's message with a serial of 1, to be read only.
func (p *parcel) encoded() ([]byte, []int, error) {
	p.once.Do(func() {
		if p.prepare != nil {
			p.prepare(p.message)
		}
		p.frame, p.fds, p.err = encode(p.message, 1)
		p.message, p.prepare = nil, nil
	})
	return p.frame, p.fds, p.err
}

// drop is the end of a parcel, sent or not.
func (p *parcel) drop() {
	closeFD(p.fd)
	if p.done != nil {
		p.done()
	}
}

// queue is what waits for one connection's writer. Replies are bounded by the calls that a client may have open, signals by
// signalsMax.
type queue struct {
	mu      sync.Mutex // both the owner and the reader put, the writer takes
	list    []*parcel
	signals int
	closed  bool
	wake    chan struct{} // holds one token when there is something to take
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

// put tells false if the client is too far behind: the parcel is not taken.
func (q *queue) put(p *parcel, signal bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		p.drop()
		return true
	}
	if signal {
		if q.signals == signalsMax {
			return false
		}
		q.signals++
	}
	q.list = append(q.list, p)
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return true
}

// take gives all that waits.
func (q *queue) take() []*parcel {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list, q.signals = nil, 0
	return list
}

// close drops what waits and what comes.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	list := q.list
	q.list = nil
	q.mu.Unlock()
	for _, p := range list {
		p.drop()
	}
}
