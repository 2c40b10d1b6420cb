package journal

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"keelson/init/journal/file"
)

// A sender is a process as its lines name it: the trusted fields, ready to be stored.
type sender struct {
	pid    int
	unit   string // "" if it belongs to none
	comm   string
	name   []byte // comm
	fields []*file.Data
	seen   time.Duration // when /proc was read, on the monotonic clock
}

type senderKey struct {
	pid    int32
	stream *stream
}

const (
	refreshAfter = time.Second // REFRESH_USEC of journald-context.c
	contextsMost = 256
	cmdlineMost  = 64 << 10
)

// sender gives what is known of a process that wrote to a stream (nil: sent a datagram), with what the kernel says of its user.
func (c *Collector) sender(s *stream, cred *unix.Ucred) *sender {
	key := senderKey{cred.Pid, s}
	old := c.senders[key]
	if old != nil && c.monotonic-old.seen < refreshAfter {
		return old
	}
	now := c.look(s, cred)
	if now.comm == "" && old != nil {
		// It has ended: what was known of it is all there will be.
		old.seen = c.monotonic
		return old
	}
	if old == nil && len(c.senders) >= contextsMost {
		clear(c.senders)
	}
	c.senders[key] = now
	return now
}

// forget drops what is kept for a stream that ended.
func (c *Collector) forget(s *stream) {
	for key := range c.senders {
		if key.stream == s {
			delete(c.senders, key)
		}
	}
}

func (c *Collector) look(s *stream, cred *unix.Ucred) *sender {
	p := &sender{pid: int(cred.Pid), seen: c.monotonic}
	add := func(name, value string) {
		if value != "" {
			p.fields = append(p.fields, c.intern(name+"="+value))
		}
	}
	if p.pid > 0 {
		add("_PID", strconv.Itoa(p.pid))
		add("_UID", strconv.FormatUint(uint64(cred.Uid), 10))
		add("_GID", strconv.FormatUint(uint64(cred.Gid), 10))
		dir := "/proc/" + strconv.Itoa(p.pid) + "/"
		p.comm = strings.TrimSuffix(string(readProc(dir+"comm", 64)), "\n")
		p.name = []byte(p.comm)
		add("_COMM", p.comm)
		if exe, err := os.Readlink(dir + "exe"); err == nil {
			add("_EXE", strings.TrimSuffix(exe, " (deleted)"))
		}
		add("_CMDLINE", commandLine(readProc(dir+"cmdline", cmdlineMost)))
		add("_CAP_EFFECTIVE", capEffective(readProc(dir+"status", 4096)))
	}
	unit, invocation := "", ""
	var extra []string
	switch {
	case s != nil && s.Unit != "":
		unit, invocation, extra = s.Unit, s.Invocation, s.Extra
	case p.pid == os.Getpid():
		unit = "init.scope"
	case c.o.Lookup != nil && p.pid > 0:
		unit, invocation = c.o.Lookup(p.pid)
		if spec := c.units[unit]; spec != nil {
			extra = spec.Extra
		}
	}
	p.unit = unit
	if unit != "" {
		slice, cgroup := place(unit)
		add("_SYSTEMD_CGROUP", cgroup)
		add("_SYSTEMD_UNIT", unit)
		add("_SYSTEMD_SLICE", slice)
		add("_SYSTEMD_INVOCATION_ID", invocation)
	}
	for _, x := range extra {
		if name, _, ok := strings.Cut(x, "="); ok && file.ValidField([]byte(name), false) {
			p.fields = append(p.fields, c.intern(x))
		}
	}
	return p
}

// readProc reads a file of /proc, at most so many bytes; nothing if it cannot be read.
func readProc(path string, most int) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	buf, n := make([]byte, min(most, 4096)), 0
	for {
		k, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if n += max(k, 0); err != nil || k == 0 || n == most {
			return buf[:n]
		}
		if n == len(buf) {
			buf = append(buf, make([]byte, min(len(buf), most-len(buf)))...)
		}
	}
}

// commandLine joins the NUL-terminated arguments so that a shell would split them again (quote_command_line of escape.c): an argument is quoted
// if it is empty or has what a shell takes for special.
func commandLine(raw []byte) string {
	raw = bytes.TrimRight(raw, "\x00")
	if len(raw) == 0 {
		return ""
	}
	var b strings.Builder
	for i, arg := range bytes.Split(raw, []byte{0}) {
		if i > 0 {
			b.WriteByte(' ')
		}
		if len(arg) > 0 && !bytes.ContainsAny(arg, "\"\\`$*?['()<>|&;! \t\n\r") {
			b.Write(arg)
			continue
		}
		b.WriteByte('"')
		for _, ch := range arg {
			switch ch {
			case '"', '\\', '`', '$':
				b.WriteByte('\\')
				b.WriteByte(ch)
			case '\n':
				b.WriteString(`\n`)
			case '\t':
				b.WriteString(`\t`)
			case '\r':
				b.WriteString(`\r`)
			default:
				b.WriteByte(ch)
			}
		}
		b.WriteByte('"')
	}
	return b.String()
}

// capEffective is the number after CapEff: in /proc/PID/status, without leading zeros.
func capEffective(status []byte) string {
	_, rest, ok := bytes.Cut(status, []byte("\nCapEff:\t"))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte("\n"))
	if value = bytes.TrimLeft(value, "0"); len(value) == 0 {
		return "0"
	}
	return string(value)
}

// place is a unit's slice and control group where units have the slices that systemd gives them by default.
func place(unit string) (slice, cgroup string) {
	if unit == "init.scope" {
		return "-.slice", "/init.scope"
	}
	slice, cgroup = "system.slice", "/system.slice/"
	if prefix, _, ok := strings.Cut(unit, "@"); ok && strings.HasSuffix(unit, ".service") && prefix != "" {
		slice = "system-" + strings.ReplaceAll(prefix, "-", `\x2d`) + ".slice"
		cgroup += slice + "/"
	}
	return slice, cgroup + unit
}
