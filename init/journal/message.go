package journal

import (
	"bytes"
	"strconv"

	"keelson/init/journal/file"
	"keelson/init/journal/show"
)

// A message is one entry on its way. Slices are valid until it is emitted.
type message struct {
	severityOf
	from       *sender
	unit       string
	pid        int
	identifier []byte
	text       []byte   // MESSAGE; for standard output and forwarding
	fields     [][]byte // "FIELD=value", besides the sender's and the common ones
	common     []*file.Data
	realtime   uint64
	monotonic  uint64
	boot       file.ID
	noConsole  bool
	limit      RateLimit
	max        Level
}

type severityOf struct {
	priority, facility int
}

// entry is the message as show knows it.
func (m *message) entry() *show.Entry {
	e := &show.Entry{Realtime: m.realtime, Monotonic: m.monotonic, Boot: m.boot}
	for _, d := range m.common {
		e.Fields = append(e.Fields, d.Text())
	}
	if m.from != nil {
		for _, d := range m.from.fields {
			e.Fields = append(e.Fields, d.Text())
		}
	}
	e.Fields = append(e.Fields, m.fields...)
	return e
}

// emit gives a message to all outputs. It is stored with the batch that flushBatch writes.
func (c *Collector) emit(m *message) {
	if !m.max.Passes(m.priority) {
		return
	}
	if m.limit == (RateLimit{}) {
		m.limit = c.config.RateLimit
	}
	if ok, suppressed := c.limits.pass(m.unit, m.limit, m.priority, c.monotonic, c.store.available); !ok {
		return
	} else if suppressed > 0 {
		c.driver(6, "Suppressed "+strconv.Itoa(suppressed)+" messages from "+m.unit,
			"MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e", "N_DROPPED="+strconv.Itoa(suppressed))
	}
	c.output(m)
}

func (c *Collector) output(m *message) {
	m.realtime, m.monotonic, m.boot = c.realtime, uint64(c.monotonic.Microseconds()), c.o.BootID
	m.common = append(m.common, c.common...)
	if c.console != nil && !m.noConsole {
		c.console.add(m)
	}
	for i := range c.forwards {
		c.forwards[i].send(m)
	}
	if c.config.MaxLevelStore.Passes(m.priority) {
		c.store.add(m)
	}
}

// driver is a line of the collector's own (server_driver_message of journald-server.c).
func (c *Collector) driver(priority int, text string, fields ...string) {
	m := &message{severityOf: severityOf{priority, 3}, from: c.self(), pid: c.pid, identifier: []byte("systemd-journald"), text: []byte(text)}
	m.unit = m.from.unit
	m.common = append(m.common, c.intern("_TRANSPORT=driver"), c.intern("SYSLOG_IDENTIFIER=systemd-journald"), c.facilityData(3), c.severities[priority&7])
	m.fields = append(m.fields, []byte("MESSAGE="+text))
	for _, f := range fields {
		m.fields = append(m.fields, []byte(f))
	}
	c.output(m)
}

// text makes "MESSAGE=..." of a line, in the batch's memory.
func (c *Collector) field(name string, value []byte) []byte {
	begin := len(c.arena)
	c.arena = append(append(append(c.arena, name...), '='), value...)
	return c.arena[begin:len(c.arena):len(c.arena)]
}

func (c *Collector) intern(text string) *file.Data {
	if d := c.interned[text]; d != nil {
		return d
	}
	if len(c.interned) >= internedMost {
		clear(c.interned)
	}
	d := file.NewData([]byte(text))
	c.interned[text] = d
	return d
}

// internedMost bounds what is remembered of fields that come again.
const internedMost = 4096

func (c *Collector) facilityData(n int) *file.Data {
	return c.intern("SYSLOG_FACILITY=" + strconv.Itoa(n))
}

// known tells whether a client's field is repeated often enough to be kept by name: the small numbers that every entry has.
func known(field []byte) bool {
	return len(field) < 64 && (bytes.HasPrefix(field, []byte("PRIORITY=")) || bytes.HasPrefix(field, []byte("SYSLOG_")) || bytes.HasPrefix(field, []byte("CODE_")))
}
