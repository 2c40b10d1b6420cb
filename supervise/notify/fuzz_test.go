package notify

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzParse holds what a reader of a Message relies on, whatever a service sends.
func FuzzParse(f *testing.F) {
	for _, datagram := range []string{
		"READY=1\nSTATUS=Processing\nMAINPID=4711", "RELOADING=1\nMONOTONIC_USEC=5", "FDSTORE=1\nFDNAME=db\nFDPOLL=0", "BARRIER=1",
		"WATCHDOG=trigger\nWATCHDOG_USEC=0x10", "ERRNO=ENOENT\nBUSERROR=a.b\nEXIT_STATUS=1", "FDSTOREREMOVE=1\nFDNAME=", "STATUS=a\\\nb\x00",
		"NOTIFYACCESS=all\nEXTEND_TIMEOUT_USEC=1\nX_Y=z",
	} {
		f.Add([]byte(datagram), 1)
	}
	f.Fuzz(func(t *testing.T, datagram []byte, fds int) {
		m, err := Parse(datagram, fds)
		if err != nil {
			if !reflect.DeepEqual(m, Message{}) {
				t.Fatalf("%q: %v, and yet %+v", datagram, err, m)
			}
			return
		}
		switch {
		case m.MainPID < 0 || m.MainPID > 1<<31-1:
			t.Fatalf("%q: main PID %d", datagram, m.MainPID)
		case m.Status != nil && !validUTF8(*m.Status):
			t.Fatalf("%q: status %q", datagram, *m.Status)
		case m.Errno != nil && (*m.Errno < 0 || *m.Errno > 4095):
			t.Fatalf("%q: errno %d", datagram, *m.Errno)
		case strings.ContainsAny(m.FDName, ":\n"):
			t.Fatalf("%q: descriptor name %q", datagram, m.FDName)
		case (m.State == StateUnknown) == (m.Ready || m.Reloading || m.Stopping):
			t.Fatalf("%q: state %s of %+v", datagram, m.State, m)
		case m.Barrier && !reflect.DeepEqual(m, Message{Barrier: true, Warnings: m.Warnings}):
			t.Fatalf("%q: a barrier with %+v", datagram, m)
		case strings.Contains(strings.Join(m.Warnings, ""), "\n"):
			t.Fatalf("%q: a warning of several lines: %q", datagram, m.Warnings)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	datagram := []byte("READY=1\nSTATUS=Processing requests\nMAINPID=4711\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(datagram, 0); err != nil {
			b.Fatal(err)
		}
	}
}
