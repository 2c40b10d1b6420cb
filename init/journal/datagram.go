package journal

import (
	"encoding/binary"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

var host = binary.NativeEndian

// datagrams is the socket of syslog or of the native protocol.
type datagrams struct {
	fd     int
	native bool
	entry  nativeEntry
	buf    []byte
}

// datagramsAtOnce is how many are read before others have their turn.
const datagramsAtOnce = 64

func (d *datagrams) close() { unix.Close(d.fd) }

func (d *datagrams) ready(c *Collector) bool {
	control := make([]byte, unix.CmsgSpace(unix.SizeofUcred)+unix.CmsgSpace(16)+unix.CmsgSpace(4*253))
	for range datagramsAtOnce {
		// The size of the next one: a datagram that does not fit would be cut.
		size, err := unix.IoctlGetInt(d.fd, unix.SIOCINQ)
		if err != nil {
			size = 0
		}
		if size > nativeLargest {
			size = nativeLargest
		}
		if cap(d.buf) < size || d.buf == nil {
			d.buf = make([]byte, max(size, 4096))
		}
		n, controlled, flags, _, err := unix.Recvmsg(d.fd, d.buf[:cap(d.buf)], control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			break
		}
		cred, realtime, fds := controls(control[:controlled])
		switch {
		case cred == nil || flags&unix.MSG_TRUNC != 0:
			// Nothing can be trusted of it, or a part is missing.
		case d.native && n > 0:
			d.entries(c, d.buf[:n], cred, realtime)
		case d.native && len(fds) == 1:
			d.file(c, fds[0], cred, realtime)
		case !d.native && n > 0:
			d.syslog(c, d.buf[:n], cred, realtime)
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
		c.store.flush() // the lines are in buf
	}
	if cap(d.buf) > readSize {
		d.buf = nil
	}
	return true
}

// message begins one that came in a datagram.
func (c *Collector) datagram(cred *unix.Ucred, severity severityOf, transport *file.Data) *message {
	m := &c.message
	*m = message{common: m.common[:0], fields: m.fields[:0], severityOf: severity}
	m.from = c.sender(nil, cred)
	m.unit, m.pid = m.from.unit, m.from.pid
	if spec := c.units[m.unit]; spec != nil {
		m.max, m.limit, m.noConsole = spec.Max, spec.RateLimit, spec.NoConsole
	}
	m.common = append(m.common, transport)
	return m
}

// sourceTime is the time at which the kernel took the datagram, which changes with each and is not worth remembering.
func (m *message) sourceTime(c *Collector, realtime uint64) {
	if realtime != 0 {
		begin := len(c.arena)
		c.arena = strconv.AppendUint(append(c.arena, "_SOURCE_REALTIME_TIMESTAMP="...), realtime, 10)
		m.fields = append(m.fields, c.arena[begin:len(c.arena):len(c.arena)])
	}
}

func (d *datagrams) syslog(c *Collector, datagram []byte, cred *unix.Ucred, realtime uint64) {
	l := parseSyslog(datagram)
	m := c.datagram(cred, severityOf{l.priority, l.facility}, c.syslogTransport)
	m.common = append(m.common, c.severities[l.priority&7])
	if l.facility != 0 {
		m.common = append(m.common, c.facilityData(l.facility))
	}
	if l.identifier != nil {
		m.common = append(m.common, c.intern("SYSLOG_IDENTIFIER="+string(l.identifier)))
	}
	if l.pid != nil {
		m.fields = append(m.fields, c.field("SYSLOG_PID", l.pid))
	}
	if l.timestamp != nil {
		m.fields = append(m.fields, c.field("SYSLOG_TIMESTAMP", l.timestamp))
	}
	m.text, m.identifier = l.text, l.identifier
	m.fields = append(m.fields, c.field("MESSAGE", l.text))
	if l.raw {
		m.fields = append(m.fields, c.field("SYSLOG_RAW", datagram))
	}
	m.sourceTime(c, realtime)
	c.emit(m)
	c.store.full()
}

func (d *datagrams) entries(c *Collector, data []byte, cred *unix.Ucred, realtime uint64) {
	for data != nil {
		var err error
		if data, err = parseNative(data, &d.entry); err != nil {
			c.trouble("native", fmt.Sprintf("process %d sent %v, which is dropped", cred.Pid, err))
			return
		}
		if len(d.entry.fields) == 0 {
			continue
		}
		m := c.datagram(cred, severityOf{priority: d.entry.priority}, c.journalTransport)
		for _, f := range d.entry.fields {
			if known(f) {
				m.common = append(m.common, c.intern(string(f)))
			} else {
				m.fields = append(m.fields, f)
			}
		}
		m.text, m.identifier = d.entry.text, d.entry.identifier
		if m.identifier == nil {
			m.identifier = m.from.name
		}
		m.noConsole = m.noConsole || m.text == nil
		m.sourceTime(c, realtime)
		c.emit(m)
		c.store.full()
	}
}

// file takes an entry that did not fit in a datagram: a memfd, best a sealed one, or a file that was made in a directory for such
// (server_process_native_file of journald-native.c).
func (d *datagrams) file(c *Collector, fd int, cred *unix.Ucred, realtime uint64) {
	refuse := func(why string) {
		c.trouble("native", fmt.Sprintf("process %d sent a file that %s, which is dropped", cred.Pid, why))
	}
	const seals = unix.F_SEAL_SHRINK | unix.F_SEAL_WRITE
	have, err := unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	sealed := err == nil && have&seals == seals
	if !sealed && cred.Uid != 0 {
		// The name shows that it is not some other file, which only this process may read.
		name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err != nil {
			refuse("cannot be told from others")
			return
		}
		dir := path.Dir(strings.TrimSuffix(name, " (deleted)"))
		if dir != "/dev/shm" && dir != "/tmp" && dir != "/var/tmp" && !strings.HasPrefix(name, "/memfd:") {
			refuse("is not in a directory for temporary files")
			return
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		refuse("is not a regular file")
		return
	}
	if st.Size > nativeLargest {
		refuse("is too large")
		return
	}
	// It is read, never mapped: the sender could cut it meanwhile.
	data := make([]byte, st.Size)
	n := 0
	for n < len(data) {
		k, err := unix.Pread(fd, data[n:], int64(n))
		if err == unix.EINTR {
			continue
		}
		if err != nil || k == 0 {
			break
		}
		n += k
	}
	d.entries(c, data[:n], cred, realtime)
}
