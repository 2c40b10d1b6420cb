package journal

import (
	"encoding/json"
	"fmt"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// saved is the collector's state across an execve(2) of this program. Descriptors keep their numbers.
type saved struct {
	Streams []savedStream `json:"streams"`
	Sockets []savedSocket `json:"sockets"`
	Units   []Stream      `json:"units"`
	Seqnum  uint64        `json:"seqnum"`
	Series  string        `json:"series"`
}

type savedStream struct {
	FD       int    `json:"fd"`
	Stream   Stream `json:"stream"`
	ID       string `json:"id"`
	Partial  []byte `json:"partial,omitempty"`
	PID      int32  `json:"pid,omitempty"`
	UID, GID uint32
	Header   int `json:"header"` // lines of it that were read; -1: all
}

type savedSocket struct {
	FD   int    `json:"fd"`
	Kind string `json:"kind"`
}

// Save ends the collector as Close does, but leaves streams and sockets open for Restore, in this process or, as they are no longer closed on exec, in
// the one that it executes. A service notices nothing: what it says meanwhile waits in its socket.
func (c *Collector) Save() ([]byte, error) {
	var state saved
	c.end.Do(func() {
		c.post(func() { c.stop, c.keep = true, true })
		c.closed.Store(true)
	})
	<-c.done
	if !c.keep {
		return nil, errClosed
	}
	for fd, s := range c.sources {
		switch s := s.(type) {
		case *stream:
			e := savedStream{FD: s.fd, Stream: s.Stream, ID: string(s.id.Text()), Partial: s.partial, PID: s.cred.Pid, UID: s.cred.Uid, GID: s.cred.Gid, Header: -1}
			if s.header != nil {
				e.Header = s.header.lines
			}
			state.Streams = append(state.Streams, e)
		case *datagrams:
			kind := "syslog"
			if s.native {
				kind = "native"
			}
			state.Sockets = append(state.Sockets, savedSocket{s.fd, kind})
		case *listener:
			state.Sockets = append(state.Sockets, savedSocket{s.fd, s.kind})
		case *varlink:
			s.close()
			continue
		default:
			continue
		}
		unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
	}
	for _, u := range c.units {
		state.Units = append(state.Units, *u)
	}
	state.Seqnum, state.Series = c.store.seqnum, c.store.series.String()
	return json.Marshal(&state)
}

// Restore goes on where Save ended. Descriptors that state does not name are made anew if Options.Sockets asks for them.
func Restore(o Options, state []byte) (*Collector, error) {
	var s saved
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, fmt.Errorf("journal: the state that was handed over is not readable: %w", err)
	}
	c, err := prepare(o)
	if err != nil {
		return nil, err
	}
	c.store.seqnum = s.Seqnum
	c.store.series, _ = file.ParseID(s.Series)
	for i := range s.Units {
		c.units[s.Units[i].Unit] = &s.Units[i]
	}
	for _, e := range s.Streams {
		unix.CloseOnExec(e.FD)
		st := &stream{Stream: e.Stream, fd: e.FD, id: file.NewData([]byte(e.ID)), partial: e.Partial, cred: unix.Ucred{Pid: e.PID, Uid: e.UID, Gid: e.GID}}
		if e.Header >= 0 {
			st.header = &header{e.Header}
		} else {
			c.units[e.Stream.Unit] = &st.Stream
		}
		c.adopt(st)
	}
	for _, e := range s.Sockets {
		unix.CloseOnExec(e.FD)
		var err error
		switch e.Kind {
		case "syslog", "native":
			err = c.watch(e.FD, &datagrams{fd: e.FD, native: e.Kind == "native"})
		default:
			err = c.watch(e.FD, newListener(e.FD, e.Kind))
		}
		if err != nil {
			c.trouble(e.Kind, err.Error())
		}
	}
	if o.Sockets && len(s.Sockets) == 0 {
		c.listen()
	}
	go c.run()
	return c, nil
}
