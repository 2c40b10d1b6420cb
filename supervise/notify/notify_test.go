package notify

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"keelson/supervise/calendar"
)

func ptr[T any](v T) *T { return &v }

func TestParse(t *testing.T) {
	for _, c := range []struct {
		datagram string
		fds      int
		want     Message
	}{
		{"", 0, Message{}},
		{"\x00", 0, Message{}},
		{"READY=1", 0, Message{Ready: true, State: StateReady}},
		{"READY=1\n", 0, Message{Ready: true, State: StateReady}},
		{"READY=1\x00", 0, Message{Ready: true, State: StateReady}},
		{"\n\r\nREADY=1\r\n\nSTOPPING=1", 0, Message{Ready: true, Stopping: true, State: StateStopping}},
		{"READY=1\nRELOADING=1\nMONOTONIC_USEC=17", 0,
			Message{Ready: true, Reloading: true, State: StateReloading, MonotonicUsec: ptr[calendar.Usec](17)}},
		{"STATUS=Listening on \u20ac\nMAINPID=4711", 0, Message{Status: ptr("Listening on \u20ac"), MainPID: 4711}},
		{"STATUS=", 0, Message{Status: ptr("")}},
		{"STATUS=a=b", 0, Message{Status: ptr("a=b")}},
		{`STATUS="quoted"`, 0, Message{Status: ptr(`"quoted"`)}},
		{`STATUS=C:\\dir\x`, 0, Message{Status: ptr(`C:\dirx`)}}, // backslashes are eaten
		{"STATUS=two\\\nlines", 0, Message{Status: ptr("two\nlines")}},
		{"NOTIFYACCESS=exec\nERRNO=ENOENT\nBUSERROR=org.example.Error\nEXIT_STATUS=3", 0,
			Message{NotifyAccess: ptr(AccessExec), Errno: ptr(2), BusError: ptr("org.example.Error"), ExitStatus: ptr("3")}},
		{"WATCHDOG=1\nWATCHDOG_USEC=20000000\nEXTEND_TIMEOUT_USEC=5", 0,
			Message{Watchdog: WatchdogPing, WatchdogUsec: ptr(20 * calendar.Second), ExtendTimeout: ptr[calendar.Usec](5)}},
		{"WATCHDOG=trigger\nWATCHDOG_USEC=18446744073709551615", 0, Message{Watchdog: WatchdogTrigger, WatchdogUsec: ptr(calendar.Infinity)}},
		{"FDSTORE=1", 2, Message{FDStore: FDStoreAdd, FDName: "stored", FDPoll: true}},
		{"FDSTORE=1\nFDNAME=", 1, Message{FDStore: FDStoreAdd, FDPoll: true}},
		{"FDPOLL=0\nFDNAME=db\nFDSTORE=1", 1, Message{FDStore: FDStoreAdd, FDName: "db"}},
		{"FDSTOREREMOVE=1\nFDNAME=db", 0, Message{FDStore: FDStoreRemove, FDName: "db"}},
		{"FDSTOREREMOVE=1\nFDSTORE=1\nFDNAME=db", 0, Message{FDStore: FDStoreRemove, FDName: "db"}},
		{"FDNAME=db", 0, Message{}},
		{"BARRIER=1", 1, Message{Barrier: true}},
		{"READY=0\nX_MINE=5\nword\n=\nready=1\nREADY=1 ", 0, Message{Unknown: []string{"READY=0", "X_MINE=5", "word", "=", "ready=1", "READY=1 "}}},
		{"READY=0\nREADY=1", 0, Message{Ready: true, State: StateReady, Unknown: []string{"READY=0"}}},
		{"STATUS=" + strings.Repeat("x", MaxMessage-7), 0, Message{Status: ptr(strings.Repeat("x", MaxMessage-7))}},
	} {
		if got, err := Parse([]byte(c.datagram), c.fds); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%.60q: got %+v, %v, want %+v", c.datagram, got, err, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		datagram string
		want     error
		why      string
	}{
		{strings.Repeat("\n", MaxMessage+1), ErrTooLarge, "one byte too many"},
		{"STATUS=" + strings.Repeat("x", MaxMessage-7) + "\x00", ErrTooLarge, "the trailing NUL counts"},
		{"READY=1\x00STATUS=x", ErrNUL, "a NUL inside"},
		{"READY=1\x00\x00", ErrNUL, "two NULs at the end"},
		{"\x00READY=1", ErrNUL, "a NUL in front"},
		{`READY=1\`, ErrBackslash, "systemd cannot split it"},
	} {
		if got, err := Parse([]byte(c.datagram), 0); !errors.Is(err, c.want) {
			t.Errorf("%.60q (%s): got %+v, %v, want %v", c.datagram, c.why, got, err, c.want)
		}
	}
}

// Each of these leaves a warning, and of the message no more than want.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		datagram string
		fds      int
		want     Message
		warning  string
	}{
		{"MAINPID=0", 0, Message{}, "not a process ID"},
		{"MAINPID=-5", 0, Message{}, "not a process ID"},
		{"MAINPID=2147483648", 0, Message{}, "not a process ID"},
		{"MAINPID=5x", 0, Message{}, "not a process ID"},
		{"MAINPID=\nREADY=1", 0, Message{Ready: true, State: StateReady}, "not a process ID"},
		{"STATUS=\xff", 0, Message{Status: ptr("")}, "not UTF-8"},
		{"STATUS=\xed\xa0\x80", 0, Message{Status: ptr("")}, "not UTF-8"},  // a surrogate
		{"STATUS=\U0001fffe", 0, Message{Status: ptr("")}, "not UTF-8"},    // a noncharacter
		{"STATUS=\ufdd0 \u20ac", 0, Message{Status: ptr("")}, "not UTF-8"}, // another
		{"STATUS=a\nSTATUS=b", 0, Message{Status: ptr("a")}, "STATUS= is repeated"},
		{"MAINPID=x\nMAINPID=5", 0, Message{}, "repeated"}, // with a second warning for the first
		{"NOTIFYACCESS=some", 0, Message{}, "none, main, exec, all"},
		{"ERRNO=-1", 0, Message{}, "not an error number"},
		{"ERRNO=4096", 0, Message{}, "not an error number"},
		{"ERRNO=EWHAT", 0, Message{}, "not an error number"},
		{"BUSERROR=a\"b", 0, Message{}, "not a D-Bus error name"},
		{"BUSERROR=\u20ac", 0, Message{}, "not a D-Bus error name"},
		{"WATCHDOG=0", 0, Message{}, "neither 1 nor trigger"},
		{"WATCHDOG_USEC=5s", 0, Message{}, "not a number of microseconds"},
		{"EXTEND_TIMEOUT_USEC=18446744073709551616", 0, Message{}, "not a number of microseconds"},
		{"MONOTONIC_USEC=-1", 0, Message{}, "not a number of microseconds"},
		{"FDSTORE=1\nFDNAME=a:b", 1, Message{FDStore: FDStoreAdd, FDName: "stored", FDPoll: true}, "not a file descriptor name"},
		{"FDSTORE=1\nFDNAME=" + strings.Repeat("x", 256), 1, Message{FDStore: FDStoreAdd, FDName: "stored", FDPoll: true}, "longer than 255"},
		{"FDSTOREREMOVE=1", 0, Message{}, "without a valid FDNAME="},
		{"READY=1", 1, Message{Ready: true, State: StateReady}, "are not stored"},
		{"FDSTOREREMOVE=1\nFDNAME=a\nFDSTORE=1", 1, Message{FDStore: FDStoreRemove, FDName: "a"}, "are not stored"},
		{"BARRIER=1\nREADY=1", 1, Message{Barrier: true}, "other assignments"},
		{"BARRIER=1", 0, Message{Barrier: true}, "0 file descriptors instead of one"},
		{"BARRIER=1", 2, Message{Barrier: true}, "2 file descriptors instead of one"},
	} {
		got, err := Parse([]byte(c.datagram), c.fds)
		if err != nil {
			t.Errorf("%q: %v", c.datagram, err)
			continue
		}
		warnings := strings.Join(got.Warnings, "\n")
		if !strings.Contains(warnings, c.warning) {
			t.Errorf("%q: got warnings %q, want %q", c.datagram, warnings, c.warning)
		}
		if got.Warnings = nil; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %+v, want %+v", c.datagram, got, c.want)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint64{
		"0": 0, "-0": 0, "+7": 7, " \t7": 7, "\v7": 7, "0x1F": 31, "017": 15, "0o17": 15, "0B101": 5, "0b +1": 1, "18446744073709551615": 1<<64 - 1,
	} {
		if got, ok := parseNumber(text); !ok || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for text, why := range map[string]string{
		"": "empty", " ": "blank", "7 ": "a space behind", "-1": "negative", "08": "not octal", "0x": "no digits", "0b": "no digits",
		"0b2": "not binary", "0x-1": "a sign inside", "+-1": "two signs", "1_000": "Go's own form", "18446744073709551616": "over 64 bits",
	} {
		if got, ok := parseNumber(text); ok {
			t.Errorf("%q (%s): got %d", text, why, got)
		}
	}
	for text, want := range map[string]int{
		"2": 2, "0": 0, "4095": 4095, "0x10": 16, "enoent": 2, "EWOULDBLOCK": 11, "EOPNOTSUPP": 95, "ENOTSUP": 95, "EHWPOISON": 133,
	} {
		if got, ok := parseErrno(text); !ok || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, ok, want)
		}
	}
	for text, why := range map[string]string{"": "empty", "ENO\u212aEY": "the Kelvin sign is no K", "EAGAIN ": "a space behind"} {
		if got, ok := parseErrno(text); ok {
			t.Errorf("%q (%s): got %d", text, why, got)
		}
	}
}

// The whole table of access and sender.
func TestAccess(t *testing.T) {
	const main, control, other = 10, 20, 30
	for _, c := range []struct {
		access               Access
		main, control, other bool
	}{
		{AccessNone, false, false, false},
		{AccessMain, true, false, false},
		{AccessExec, true, true, false},
		{AccessAll, true, true, true},
	} {
		for _, s := range []struct {
			sender Sender
			pid    int
			want   bool
		}{{SenderMain, main, c.main}, {SenderControl, control, c.control}, {SenderOther, other, c.other}} {
			if got := c.access.Permits(s.sender); got != s.want {
				t.Errorf("%s from %d: got %v", c.access, s.sender, got)
			}
			if err := c.access.Check(s.pid, main, control); (err == nil) != s.want {
				t.Errorf("%s from PID %d: got %v", c.access, s.pid, err)
			}
		}
		if again, err := ParseAccess(c.access.String()); err != nil || again != c.access {
			t.Errorf("%s reads as %v, %v", c.access, again, err)
		}
	}
	for _, c := range []struct {
		access        Access
		main, control int
		want          string
	}{
		{AccessNone, 10, 20, "reception is disabled"},
		{AccessMain, 10, 20, "main PID 10"},
		{AccessMain, 0, 20, "the main PID, which is currently not known"},
		{AccessExec, 10, 20, "main PID 10 and control PID 20"},
		{AccessExec, 10, 0, "main PID 10"},
		{AccessExec, 0, 20, "control PID 20"},
		{AccessExec, 0, 0, "main PID and control PID, which are currently not known"},
	} {
		if err := c.access.Check(30, c.main, c.control); err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s, main %d, control %d: got %v, want %q", c.access, c.main, c.control, err, c.want)
		}
	}
	if err := AccessMain.Check(0, 0, 0); err == nil {
		t.Error("no PID is no main process")
	}
	if _, err := ParseAccess("Main"); err == nil {
		t.Error("access names are case-sensitive")
	}
}

func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		StateReloading.String(): "reloading", WatchdogTrigger.String(): "trigger", FDStoreRemove.String(): "remove",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
