package show

import (
	"bytes"
	"strings"
	"testing"

	"keelson/init/journal/file"
)

func TestBytes(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		want string
	}{{0, "0B"}, {1023, "1023B"}, {1024, "1.0K"}, {1536, "1.5K"}, {8 << 20, "8.0M"}, {1<<20 - 1, "1023.9K"}, {3 << 29, "1.5G"}, {1 << 60, "1.0E"}, {1<<64 - 1, "15.9E"}} {
		if got := Bytes(c.n); got != c.want {
			t.Errorf("%d: %s, want %s", c.n, got, c.want)
		}
	}
}

func TestStrip(t *testing.T) {
	for _, c := range []struct {
		in, want  string
		mark, now int // an offset, before and after
	}{
		{"plain", "plain", 2, 2},
		{"a\tb", "a        b", 2, 9},
		{"\x1b[31mred\x1b[0m", "red", 5, 0},
		{"\x1b[31;1mx\x1b[Ky", "x\x1b[Ky", 7, 0},
		{"\x1b]8;;u\aL", "L", 7, 0},
		{"\x1b]8;;u", "\x1b]8;;u", 0, 0},
		{"\x1b", "\x1b", 0, 0},
		{"a\r\nb\r", "a\nb", 3, 2},
		{"a\rb", "a\rb", 2, 2},
		{"", "", 0, 0},
	} {
		mark := c.mark
		if got := strip([]byte(c.in), &mark); string(got) != c.want || mark != c.now {
			t.Errorf("%q: %q, %d becomes %d; want %q, %d", c.in, got, c.mark, mark, c.want, c.now)
		}
	}
}

func TestPrintable(t *testing.T) {
	for _, c := range []struct {
		in            string
		text, oneLine bool
	}{
		{"plain", true, true}, {"tab\t", true, true}, {"two\nlines", true, false}, {"\x00", false, false}, {"\x1b[0m", false, false}, {"\x7f", false, false},
		{"ü✓", true, true}, {"torn \xc3", false, false}, {"\u0085", false, false}, {"\ufffe", false, false}, {"\ufdd0", false, false}, {"\ufffd", true, true}, {"", true, true},
	} {
		if got := printable([]byte(c.in), true); got != c.text {
			t.Errorf("%q: %v", c.in, got)
		}
		if got := printable([]byte(c.in), false); got != c.oneLine {
			t.Errorf("%q on one line: %v", c.in, got)
		}
	}
}

// TestModes is an entry in every form.
func TestModes(t *testing.T) {
	e := &Entry{Cursor: "s=1", Realtime: 1_700_000_000_123_456, Monotonic: 7_000_042, Boot: file.ID{1}, Fields: [][]byte{
		[]byte("_HOSTNAME=box"), []byte("SYSLOG_IDENTIFIER=id"), []byte("_PID=7"), []byte("_SYSTEMD_UNIT=a.service"), []byte("PRIORITY=3"), []byte("MESSAGE=two\nlines"),
		[]byte("_BOOT_ID=" + (file.ID{1}).String()), []byte("X=1"), []byte("X=\x01")}}
	boot := (file.ID{1}).String()
	for _, c := range []struct {
		mode string
		o    Options
		want string
	}{
		{"short", Options{Full: true}, "Nov 14 22:13:20 box id[7]: two\n" + strings.Repeat(" ", 27) + "lines\n"},
		{"short", Options{Full: true, NoHostname: true, Colour: true}, "Nov 14 22:13:20 id[7]: \x1b[0;1;31mtwo\x1b[0m\n" + strings.Repeat(" ", 23) + "\x1b[0;1;31mlines\x1b[0m\n"},
		{"short-full", Options{Full: true}, "Tue 2023-11-14 22:13:20 UTC box id[7]: two\n" + strings.Repeat(" ", 39) + "lines\n"},
		{"short-iso", Options{Full: true}, "2023-11-14T22:13:20+0000 box id[7]: two\n" + strings.Repeat(" ", 36) + "lines\n"},
		{"short-iso-precise", Options{Full: true}, "2023-11-14T22:13:20.123456+0000 box id[7]: two\n" + strings.Repeat(" ", 43) + "lines\n"},
		{"short-monotonic", Options{Full: true}, "[    7.000042] box id[7]: two\n" + strings.Repeat(" ", 26) + "lines\n"},
		{"short-unix", Options{Full: true}, "1700000000.123456 box id[7]: two\n" + strings.Repeat(" ", 29) + "lines\n"},
		{"with-unit", Options{Full: true}, "Tue 2023-11-14 22:13:20 UTC box a.service[7]: two\n" + strings.Repeat(" ", 46) + "lines\n"},
		{"cat", Options{}, "two\nlines\n"},
		{"cat", Options{Order: []string{"_PID", "NONE", "X"}}, "7\n1\n"},
		{"json", Options{}, `{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1700000000123456","__MONOTONIC_TIMESTAMP":"7000042","_BOOT_ID":"` + boot +
			`","_HOSTNAME":"box","SYSLOG_IDENTIFIER":"id","_PID":"7","_SYSTEMD_UNIT":"a.service","PRIORITY":"3","MESSAGE":"two\nlines","X":["1",[1]]}` + "\n"},
		{"json-pretty", Options{Only: map[string]bool{"X": true}}, "{\n\t\"__CURSOR\" : \"s=1\",\n\t\"__REALTIME_TIMESTAMP\" : \"1700000000123456\",\n\t\"__MONOTONIC_TIMESTAMP\" : \"7000042\",\n\t\"_BOOT_ID\" : \"" +
			boot + "\",\n\t\"X\" : [\n\t\t\"1\",\n\t\t[\n\t\t\t1\n\t\t]\n\t]\n}\n"},
		{"json-sse", Options{Only: map[string]bool{}}, `data: {"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1700000000123456","__MONOTONIC_TIMESTAMP":"7000042","_BOOT_ID":"` + boot + "\"}\n\n"},
		{"export", Options{Only: map[string]bool{"MESSAGE": true, "_PID": true}}, "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1700000000123456\n__MONOTONIC_TIMESTAMP=7000042\n_BOOT_ID=" + boot +
			"\n_PID=7\nMESSAGE\n\x09\x00\x00\x00\x00\x00\x00\x00two\nlines\n\n"},
		{"verbose", Options{Full: true, Only: map[string]bool{"MESSAGE": true, "X": true}}, "Tue 2023-11-14 22:13:20.123456 UTC [s=1]\n    MESSAGE=two\n            lines\n    X=1\n    X=[1B blob data]\n"},
	} {
		mode, ok := ParseMode(c.mode)
		if !ok {
			t.Fatal(c.mode)
		}
		var out bytes.Buffer
		if err := NewPrinter(&out, mode, c.o).Print(e, [2]int{}); err != nil {
			t.Fatal(err)
		}
		if out.String() != c.want {
			t.Errorf("%s %+v:\n got %q\nwant %q", c.mode, c.o, out.String(), c.want)
		}
	}
}
