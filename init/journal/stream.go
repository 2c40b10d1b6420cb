package journal

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

const readSize = 64 << 10

// stream is the collector's end of a service's standard output, or of a connection to /run/systemd/journal/stdout.
type stream struct {
	Stream
	fd      int
	id      *file.Data // _STREAM_ID=
	name    *file.Data // SYSLOG_IDENTIFIER=; nil if there is none
	partial []byte     // a line that is not yet complete
	cred    unix.Ucred // who wrote it
	header  *header    // a connection that has not introduced itself yet
}

// Stream makes the stream of a service and returns the service's end, for the child's standard output and error. The caller passes it on and closes it;
// it is closed on exec. It is a socket, so that the kernel names the process with each line. JournalStream is the value of $JOURNAL_STREAM.
func (c *Collector) Stream(s Stream) (fd int, err error) {
	here, there, err := pair()
	if err != nil {
		return -1, err
	}
	st := &stream{Stream: s, fd: here}
	if !c.post(func() {
		c.units[s.Unit] = &st.Stream
		c.adopt(st)
	}) {
		unix.Close(here)
		unix.Close(there)
		return -1, errClosed
	}
	return there, nil
}

func pair() (here, there int, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, os.NewSyscallError("socketpair", err)
	}
	here, there = fds[0], fds[1]
	// Before the other end is written to: what is written without it has no credentials.
	if err := unix.SetsockoptInt(here, unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		unix.Close(here)
		unix.Close(there)
		return -1, -1, os.NewSyscallError("setsockopt", err)
	}
	unix.SetNonblock(here, true)
	unix.Shutdown(here, unix.SHUT_WR)
	return here, there, nil
}

// JournalStream is $JOURNAL_STREAM for a descriptor: its device and inode, by which a program sees that its standard error is the journal.
func JournalStream(fd int) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return "", os.NewSyscallError("fstat", err)
	}
	return strconv.FormatUint(st.Dev, 10) + ":" + strconv.FormatUint(st.Ino, 10), nil
}

// adopt begins to read a stream.
func (c *Collector) adopt(s *stream) {
	s.begin(c)
	if err := c.watch(s.fd, s); err != nil {
		c.trouble("stream", fmt.Sprintf("cannot read a stream of %s: %v", s.Unit, err))
		s.close()
	}
}

// begin makes ready what every line of the stream has.
func (s *stream) begin(c *Collector) {
	if s.id == nil {
		var id file.ID
		rand.Read(id[:])
		s.id = file.NewData([]byte("_STREAM_ID=" + id.String()))
	}
	if s.name = nil; s.Identifier != "" {
		s.name = c.intern("SYSLOG_IDENTIFIER=" + s.Identifier)
	}
}

func (s *stream) close() { unix.Close(s.fd) }

// ready reads once. What one recvmsg(2) gives is of one process: the kernel does not join what different senders wrote.
func (s *stream) ready(c *Collector) bool {
	if c.buf == nil {
		c.buf = make([]byte, readSize+c.config.LineMax)
		c.control = make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(4*16)+64)
	}
	kept := copy(c.buf, s.partial)
	n, controlled, _, _, err := unix.Recvmsg(s.fd, c.buf[kept:], c.control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return true
	case err != nil || n == 0:
		s.finish(c)
		c.forget(s)
		c.release(s)
		return false
	}
	cred, _, fds := controls(c.control[:controlled])
	for _, fd := range fds {
		unix.Close(fd) // nobody has a reason to send one here
	}
	if cred == nil {
		cred = &s.cred
	}
	if kept > 0 && cred.Pid != s.cred.Pid {
		s.line(c, c.buf[:kept], breakPID)
		s.partial, kept = nil, copy(c.buf, c.buf[kept:kept+n])
		n = 0
	}
	s.cred = *cred
	rest, ok := s.cut(c, c.buf[:kept+n])
	if !ok {
		return false
	}
	if len(rest) == 0 {
		s.partial = nil
	} else {
		s.partial = append(s.partial[:0], rest...)
	}
	c.store.flush() // the lines are in buf
	return true
}

// cut takes the complete lines off data.
func (s *stream) cut(c *Collector, data []byte) (rest []byte, ok bool) {
	most := c.config.LineMax
	for {
		line, rest, why, ok := cutLine(data, most)
		if !ok {
			return data, true
		}
		if s.header != nil {
			if !s.introduce(c, line, why) {
				return nil, false
			}
		} else {
			s.line(c, line, why)
		}
		data = rest
	}
}

// finish is the end of the stream.
func (s *stream) finish(c *Collector) {
	if len(s.partial) > 0 && s.header == nil && !c.keep {
		s.line(c, s.partial, breakEOF)
		s.partial = nil
	}
}

// release takes the stream's settings back from its unit.
func (c *Collector) release(s *stream) {
	if c.units[s.Unit] == &s.Stream {
		delete(c.units, s.Unit)
	}
}

// line is a complete line (stdout_stream_log of journald-stream.c).
func (s *stream) line(c *Collector, line []byte, why lineBreak) {
	m := &c.message
	*m = message{common: m.common[:0], fields: m.fields[:0], severityOf: severityOf{s.Priority, s.Facility}}
	if s.LevelPrefix {
		if p, rest, ok := cutPriority(line, false); ok {
			m.priority, line = p, rest
		}
	}
	if len(line) == 0 || !s.Max.Passes(m.priority) {
		return
	}
	m.from = c.sender(s, &s.cred)
	m.unit, m.pid, m.limit, m.max, m.noConsole = m.from.unit, m.from.pid, s.RateLimit, s.Max, s.NoConsole
	m.common = append(m.common, c.stdout, s.id, c.severities[m.priority&7])
	if m.facility != 0 {
		m.common = append(m.common, c.facilityData(m.facility))
	}
	if s.name != nil {
		m.common = append(m.common, s.name)
		m.identifier = s.name.Text()[len("SYSLOG_IDENTIFIER="):]
	} else {
		m.identifier = m.from.name
	}
	if why != breakNewline {
		m.common = append(m.common, c.intern(breakFields[why]))
	}
	m.text = line
	m.fields = append(m.fields, c.field("MESSAGE", line))
	c.emit(m)
	c.store.full()
}

// header is what a connection to /run/systemd/journal/stdout says first, a line each (journald-stream.c).
type header struct{ lines int }

// introduce reads a line of the header. It is false if the line makes no sense.
func (s *stream) introduce(c *Collector, line []byte, why lineBreak) bool {
	if why != breakNewline {
		return false
	}
	text := string(bytes.Trim(line, space))
	yes, boolean := parseBoolean(text)
	switch s.header.lines {
	case 0:
		s.Identifier = text
	case 1:
		// The unit is what root says; of others the process is looked up.
		if s.cred.Uid == 0 && strings.Contains(text, ".") && len(text) < 256 && !strings.ContainsAny(text, "/ \t") {
			s.Unit = text
		}
	case 2:
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n > 999 {
			return false
		}
		s.Priority, s.Facility = int(n&7), int(n>>3)
	case 3:
		if !boolean {
			return false
		}
		s.LevelPrefix = yes
	case 4, 5, 6: // forward to syslog, kmsg, console
		if !boolean {
			return false
		}
	}
	if s.header.lines++; s.header.lines == 7 {
		s.header = nil
		s.begin(c)
	}
	return true
}

// parseBoolean reads what systemd takes for one (parse_boolean of parse-util.c).
func parseBoolean(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}

// controls takes credentials, time and descriptors out of control messages.
func controls(b []byte) (cred *unix.Ucred, realtime uint64, fds []int) {
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return nil, 0, nil
	}
	for i := range messages {
		m := &messages[i]
		if m.Header.Level != unix.SOL_SOCKET {
			continue
		}
		switch m.Header.Type {
		case unix.SCM_CREDENTIALS:
			if c, err := unix.ParseUnixCredentials(m); err == nil {
				cred = c
			}
		case unix.SCM_RIGHTS:
			if f, err := unix.ParseUnixRights(m); err == nil {
				fds = append(fds, f...)
			}
		case unix.SO_TIMESTAMP:
			if len(m.Data) >= 16 {
				realtime = host.Uint64(m.Data)*1e6 + host.Uint64(m.Data[8:])
			}
		}
	}
	return cred, realtime, fds
}
