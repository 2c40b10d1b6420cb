package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// forward is a datagram socket of the world outside. It gets what it takes at once; what it does not take is counted.
type forward struct {
	Forward
	fd   int
	buf  []byte
	lost int
}

func newForward(f Forward) forward {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		fd = -1
	}
	return forward{Forward: f, fd: fd}
}

func (f *forward) close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
	}
}

func (f *forward) send(m *message) {
	if f.fd < 0 || m.text == nil {
		return
	}
	if f.lost > 0 {
		note := &message{severityOf: severityOf{4, 3}, identifier: []byte("journal"), text: fmt.Appendf(nil, "%d lines are missing here: %s was full", f.lost, f.Path)}
		if !f.write(note) {
			f.lost++
			return
		}
		f.lost = 0
	}
	if !f.write(m) {
		f.lost++
	}
}

func (f *forward) write(m *message) bool {
	b := f.buf[:0]
	if f.Native {
		b = fmt.Appendf(b, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=%s\n", m.priority, m.facility, bytes.ReplaceAll(m.identifier, []byte("\n"), nil))
		if m.unit != "" {
			b = fmt.Appendf(b, "CONTAINER_UNIT=%s\n", m.unit)
		}
		if m.pid > 0 {
			b = fmt.Appendf(b, "SYSLOG_PID=%d\n", m.pid)
		}
		b = binary.LittleEndian.AppendUint64(append(b, "MESSAGE\n"...), uint64(len(m.text)))
		b = append(append(b, m.text...), '\n')
	} else {
		facility := m.facility
		if facility == 0 {
			facility = 1 // the kernel's is not for others (syslog_fixup_facility)
		}
		b = fmt.Appendf(b, "<%d>%s %s", facility<<3|m.priority, time.Now().Format("Jan _2 15:04:05"), m.identifier)
		if m.pid > 0 {
			b = fmt.Appendf(b, "[%d]", m.pid)
		}
		b = append(append(b, ": "...), m.text...)
	}
	f.buf = b
	return unix.Sendto(f.fd, b, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT, &unix.SockaddrUnix{Name: f.Path}) == nil
}
