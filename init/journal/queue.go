package journal

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/init/sys"
)

// post hands a closure to the collector's goroutine and wakes it. It waits only while queueCalls others wait to be done.
func (c *Collector) post(f func()) bool {
	if c.closed.Load() {
		return false
	}
	select {
	case c.calls <- f:
		c.wake()
		return true
	case <-c.done:
		return false
	}
}

func (c *Collector) wake() {
	if c.awake.Swap(true) {
		return
	}
	var one = [8]byte{1}
	sys.Retry(func() error { _, err := unix.Write(c.event, one[:]); return err })
}

type eventSource struct{}

func (eventSource) close() {}

func (eventSource) ready(c *Collector) bool {
	var b [8]byte
	unix.Read(c.event, b[:])
	c.awake.Store(false)
	for range queueLines {
		select {
		case l := <-c.lines:
			c.manager(&l)
			continue
		default:
		}
		break
	}
	if n := c.dropped.Swap(0); n > 0 {
		c.driver(4, fmt.Sprintf("%d lines of the manager are missing here: they came too fast", n))
	}
	for range cap(c.calls) {
		select {
		case f := <-c.calls:
			f()
			continue
		default:
		}
		break
	}
	if len(c.lines) > 0 || len(c.calls) > 0 {
		c.wake()
	}
	return true
}

// Log is a line of the manager's own. fields are further "FIELD=value", such as MESSAGE_ID= and CODE_FILE=; unit is what it is about, or "". It
// never blocks: lines that find the queue full are counted and the count is logged.
func (c *Collector) Log(priority int, unit, text string, fields []string) {
	if c.closed.Load() {
		return
	}
	select {
	case c.lines <- managerLine{priority & 7, unit, text, fields}:
	default:
		c.dropped.Add(1)
	}
	c.wake()
}

func (c *Collector) manager(l *managerLine) {
	m := &message{severityOf: severityOf{l.priority, 3}, from: c.self(), pid: c.pid, identifier: []byte(c.o.Identifier), text: []byte(l.text)}
	m.unit = m.from.unit
	m.common = append(m.common, c.severities[l.priority], c.facilityData(3), c.intern("SYSLOG_IDENTIFIER="+c.o.Identifier), c.journalTransport)
	if l.unit != "" {
		m.common = append(m.common, c.intern("UNIT="+l.unit))
		if c.pid != 1 {
			// journalctl -u takes UNIT= from PID 1 alone, and this from root.
			m.common = append(m.common, c.intern("OBJECT_SYSTEMD_UNIT="+l.unit))
		}
	}
	m.fields = append(m.fields, c.field("MESSAGE", m.text))
	for _, f := range l.fields {
		m.fields = append(m.fields, []byte(f))
	}
	// That targets and slices come and go is for the journal: on the console it would bury what services say.
	m.noConsole = l.priority >= 6 && (strings.HasSuffix(l.unit, ".target") || strings.HasSuffix(l.unit, ".slice"))
	m.limit = RateLimit{Off: true}
	c.emit(m)
	c.store.full()
}
