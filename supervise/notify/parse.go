package notify

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"keelson/supervise/calendar"
)

// flags are the assignments with one known value.
var flags = []struct {
	tag string
	set func(*Message)
}{
	{"READY=1", func(m *Message) { m.Ready, m.State = true, StateReady }},
	{"RELOADING=1", func(m *Message) { m.Reloading, m.State = true, StateReloading }},
	{"STOPPING=1", func(m *Message) { m.Stopping, m.State = true, StateStopping }},
	{"FDSTORE=1", func(m *Message) { m.FDStore = max(m.FDStore, FDStoreAdd) }},
	{"FDSTOREREMOVE=1", func(m *Message) { m.FDStore = FDStoreRemove }},
	{"FDPOLL=0", func(m *Message) { m.FDPoll = false }},
}

// fields are the assignments with a value. Set returns why the value is refused, "" if it is not.
var fields = []struct {
	key string
	set func(m *Message, value string) (refused string)
}{
	{"MAINPID", setMainPID},
	{"STATUS", setStatus},
	{"NOTIFYACCESS", setNotifyAccess},
	{"ERRNO", setErrno},
	{"BUSERROR", setBusError},
	{"EXIT_STATUS", func(m *Message, value string) string { m.ExitStatus = &value; return "" }},
	{"MONOTONIC_USEC", usec(func(m *Message) **calendar.Usec { return &m.MonotonicUsec })},
	{"WATCHDOG", setWatchdog},
	{"WATCHDOG_USEC", usec(func(m *Message) **calendar.Usec { return &m.WatchdogUsec })},
	{"EXTEND_TIMEOUT_USEC", usec(func(m *Message) **calendar.Usec { return &m.ExtendTimeout })},
	{"FDNAME", setFDName},
}

const barrier = "BARRIER=1"

// Parse reads one datagram, with which so many file descriptors came. The datagram may be cut off after
// MaxMessage+1 bytes; it is not kept. The error is one of ErrTooLarge, ErrNUL and ErrBackslash.
func Parse(datagram []byte, fds int) (Message, error) {
	if len(datagram) > MaxMessage {
		return Message{}, ErrTooLarge
	}
	// A single trailing NUL byte is permitted.
	datagram = bytes.TrimSuffix(datagram, []byte{0})
	if bytes.IndexByte(datagram, 0) >= 0 {
		return Message{}, ErrNUL
	}
	tags, err := split(string(datagram))
	if err != nil {
		return Message{}, err
	}
	if slices.Contains(tags, barrier) {
		return parseBarrier(tags, fds), nil
	}
	m := Message{FDPoll: true}
	given := map[string]bool{}
	for _, tag := range tags {
		m.assign(tag, given)
	}
	m.settleFDs(fds, given["FDNAME"])
	return m, nil
}

// split takes a message apart at its line ends, several of which count as one. A backslash is dropped and
// keeps the byte behind it from ending the line: that is not in sd_notify(3), but follows from the way in which
// manager_dispatch_notify_fd() splits, with strv_split_newlines().
func split(text string) ([]string, error) {
	var tags []string
	var tag []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\n', '\r':
			if len(tag) > 0 {
				tags, tag = append(tags, string(tag)), nil
			}
			continue
		case '\\':
			if i++; i == len(text) {
				return nil, ErrBackslash
			}
		}
		tag = append(tag, text[i])
	}
	if len(tag) > 0 {
		tags = append(tags, string(tag))
	}
	return tags, nil
}

// parseBarrier is manager_process_barrier_fd(): the message is over with, whatever else it holds.
func parseBarrier(tags []string, fds int) Message {
	m := Message{Barrier: true}
	switch {
	case len(tags) != 1:
		m.warn("BARRIER=1 came with other assignments, all of which are ignored")
	case fds != 1:
		m.warn("BARRIER=1 came with %d file descriptors instead of one", fds)
	}
	return m
}

func (m *Message) warn(format string, args ...any) {
	m.Warnings = append(m.Warnings, fmt.Sprintf(format, args...))
}

// assign applies one assignment; given holds the keys of fields that came before, true unless refused.
func (m *Message) assign(tag string, given map[string]bool) {
	for _, f := range flags {
		if f.tag == tag {
			f.set(m)
			return
		}
	}
	key, value, ok := strings.Cut(tag, "=")
	for _, f := range fields {
		if !ok || f.key != key {
			continue
		}
		if _, before := given[key]; before {
			m.warn("%s= is repeated, ignoring %q", key, value)
			return
		}
		refused := f.set(m, value)
		given[key] = refused == ""
		if refused != "" {
			m.warn("%s= is refused: %s: %q", key, refused, value)
		}
		return
	}
	m.Unknown = append(m.Unknown, tag)
}

// settleFDs makes one of FDSTORE=1, FDSTOREREMOVE=1, FDNAME= and the descriptors. Removal wins and needs a name.
func (m *Message) settleFDs(fds int, named bool) {
	switch {
	case m.FDStore == FDStoreRemove && !named:
		m.warn("FDSTOREREMOVE=1 without a valid FDNAME= is ignored")
		m.FDStore = FDStoreNone
	case m.FDStore == FDStoreAdd && !named:
		m.FDName = DefaultFDName
	case m.FDStore == FDStoreNone:
		m.FDName = ""
	}
	if m.FDStore != FDStoreAdd {
		m.FDPoll = false
		if fds > 0 {
			m.warn("%d file descriptors came along and are not stored", fds)
		}
	}
}

func setMainPID(m *Message, value string) string {
	pid, ok := parseNumber(value)
	if !ok || pid == 0 || pid > 1<<31-1 {
		return "not a process ID"
	}
	m.MainPID = int(pid)
	return ""
}

func setStatus(m *Message, value string) string {
	if !validUTF8(value) {
		m.Status = new(string)
		return "not UTF-8, the status is cleared"
	}
	m.Status = &value
	return ""
}

func setNotifyAccess(m *Message, value string) string {
	access, err := ParseAccess(value)
	if err != nil {
		return "not one of none, main, exec, all"
	}
	m.NotifyAccess = &access
	return ""
}

func setErrno(m *Message, value string) string {
	errno, ok := parseErrno(value)
	if !ok {
		return "not an error number"
	}
	m.Errno = &errno
	return ""
}

// setBusError takes printable ASCII without quotes and backslashes (string_is_safe_ascii() of string-util.c).
func setBusError(m *Message, value string) string {
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
			return "not a D-Bus error name"
		}
	}
	m.BusError = &value
	return ""
}

func setWatchdog(m *Message, value string) string {
	switch value {
	case "1":
		m.Watchdog = WatchdogPing
	case "trigger":
		m.Watchdog = WatchdogTrigger
	default:
		return "neither 1 nor trigger"
	}
	return ""
}

func usec(field func(*Message) **calendar.Usec) func(*Message, string) string {
	return func(m *Message, value string) string {
		v, ok := parseNumber(value)
		if !ok {
			return "not a number of microseconds"
		}
		u := calendar.Usec(v)
		*field(m) = &u
		return ""
	}
}

// setFDName is fdname_is_valid() of fd-util.c: up to 255 bytes of printable ASCII without a colon, or nothing.
func setFDName(m *Message, value string) string {
	if len(value) > 255 {
		return "longer than 255 characters"
	}
	for i := 0; i < len(value); i++ {
		if c := value[i]; c < ' ' || c > '~' || c == ':' {
			return "not a file descriptor name"
		}
	}
	m.FDName = value
	return ""
}

// validUTF8 is utf8_is_valid() of utf8.c, which refuses Unicode's noncharacters too.
func validUTF8(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if r&0xfffe == 0xfffe || 0xfdd0 <= r && r <= 0xfdef {
			return false
		}
	}
	return true
}
