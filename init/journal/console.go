package journal

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal/show"
)

const (
	consoleChunk  = 16 << 10
	consoleChunks = 16
)

// console takes lines to standard output. The collector adds to the current chunk and hands chunks to a goroutine that may block in write(2): making
// the descriptor non-blocking would make it so for all who share it. Chunks go around: what is written comes back empty.
type console struct {
	o       Console
	chunk   []byte      // being filled
	full    chan []byte // to be written
	empty   chan []byte
	done    chan struct{}
	dropped int
	waiting atomic.Bool // the collector has a chunk that found no room
	wake    func()      // tells the collector that there is room again
}

func newConsole(o Console, wake func()) *console {
	c := &console{o: o, wake: wake}
	if o.FD < 0 || o.Format == FormatNone {
		return nil
	}
	c.full, c.empty, c.done = make(chan []byte, consoleChunks), make(chan []byte, consoleChunks), make(chan struct{})
	go c.write()
	return c
}

// write runs on its own goroutine until full is closed.
func (c *console) write() {
	defer close(c.done)
	gone := false
	for chunk := range c.full {
		for rest := chunk; len(rest) > 0 && !gone; {
			n, err := unix.Write(c.o.FD, rest)
			switch {
			case err == nil:
				rest = rest[n:]
			case err == unix.EINTR:
			case err == unix.EAGAIN:
				p := []unix.PollFd{{Fd: int32(c.o.FD), Events: unix.POLLOUT}}
				unix.Poll(p, -1)
			case err == unix.ENOSPC:
				rest = nil // of a file: later there may be room
			default:
				gone = true // nobody will read it any more
			}
		}
		select {
		case c.empty <- chunk[:0]:
		default:
		}
		if c.waiting.Swap(false) {
			c.wake()
		}
	}
}

// add is one entry.
func (c *console) add(m *message) {
	if !c.o.MaxLevel.Passes(m.priority) {
		return
	}
	if len(c.chunk) >= consoleChunk && !c.flush() {
		c.dropped++
		return
	}
	if c.dropped > 0 {
		n := c.dropped
		c.dropped = 0
		c.notice(fmt.Sprintf("%d lines are missing here: standard output is read too slowly", n))
	}
	switch c.o.Format {
	case FormatJSON:
		c.chunk = append(show.AppendJSON(c.chunk, m.entry(), show.Options{}), '\n')
	default:
		c.lines(m)
	}
}

// notice is a line of the collector's own that is not in the journal.
func (c *console) notice(text string) {
	m := &message{severityOf: severityOf{4, 3}, identifier: []byte("journal"), text: []byte(text)}
	if c.o.Format == FormatJSON {
		m.fields = [][]byte{[]byte("PRIORITY=4"), []byte("SYSLOG_IDENTIFIER=journal"), []byte("MESSAGE=" + text)}
		c.chunk = append(show.AppendJSON(c.chunk, m.entry(), show.Options{}), '\n')
		return
	}
	c.lines(m)
}

func (c *console) lines(m *message) {
	on, off := "", ""
	if c.o.Colour {
		on, off = show.Colour(m.priority)
	}
	for text := m.text; ; {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		if c.o.Format == FormatShort {
			switch {
			case m.unit != "" && m.unit != "init.scope":
				c.chunk = append(c.chunk, strings.TrimSuffix(m.unit, ".service")...)
			case len(m.identifier) > 0:
				c.chunk = append(c.chunk, m.identifier...)
			default:
				c.chunk = append(c.chunk, "unknown"...)
			}
			if m.pid > 0 {
				c.chunk = append(strconv.AppendInt(append(c.chunk, '['), int64(m.pid), 10), ']')
			}
			c.chunk = append(c.chunk, ": "...)
		}
		c.chunk = append(append(append(append(c.chunk, on...), line...), off...), '\n')
		if text = rest; !more || len(rest) == 0 {
			return
		}
	}
}

// flush hands the current chunk over. It is false if there is no room, and then wake will be called.
func (c *console) flush() bool {
	if len(c.chunk) == 0 {
		return true
	}
	for range 2 {
		select {
		case c.full <- c.chunk:
			select {
			case c.chunk = <-c.empty:
			default:
				c.chunk = nil
			}
			return true
		default:
		}
		if c.waiting.Swap(true) {
			break // the writer has not been round since
		}
	}
	return false
}

// close waits until all is written, but not longer than limit.
func (c *console) close(limit time.Duration) {
	late := time.NewTimer(limit)
	defer late.Stop()
	if c.dropped > 0 {
		c.notice(fmt.Sprintf("%d lines are missing here: standard output is read too slowly", c.dropped))
	}
	if len(c.chunk) > 0 {
		select {
		case c.full <- c.chunk:
		case <-late.C:
			return
		}
	}
	close(c.full)
	select {
	case <-c.done:
	case <-late.C:
	}
}
