package journal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestParseSyslog(t *testing.T) {
	for _, c := range []struct {
		in, want string // priority.facility timestamp|identifier|pid|text raw
	}{
		{"<13>Oct  9 12:00:00 name[12]: text", "5.1 Oct  9 12:00:00 |name|12|text"},
		{"<13>Oct  9 12:00:00 name: text\n", "5.1 Oct  9 12:00:00 |name||text raw"}, // trailing white space was cut
		{"<86>Oct 19 12:00:00 sshd[1]: a: b", "6.10 Oct 19 12:00:00 |sshd|1|a: b"},
		{"<191>Jan 01 00:00:00 x:y: z", "7.23 Jan 01 00:00:00 |x:y||z"},
		{"no priority", "6.1 |||no priority raw"},
		{"name: text", "6.1 |name||text raw"},
		{"<3>text", "3.0 |||text raw"},
		{"<3>", "3.0 ||| raw"},
		{"<>x", "6.1 |||<>x raw"},
		{"<1234>x", "6.1 |||<1234>x raw"},
		{"<x>y", "6.1 |||<x>y raw"},
		{"", "6.1 ||| raw"},
		{"   ", "6.1 ||| raw"},
		{"<13>Oct  9 12:00:00 ", "5.1 |||Oct  9 12:00:00 raw"}, // the last space was cut with it
		{"<13>Oct  9 12:00:00 a\x00b: c", "5.1 Oct  9 12:00:00 |||a raw"},
		{"<13>Oct  9 12:00:00 [7]: t", "5.1 Oct  9 12:00:00 ||7|t"},
		{"<13>Oct  9 12:00:00 n[]: t", "5.1 Oct  9 12:00:00 |n||t"},
		{"<13>Oct  9 12:00:00 n]: t", "5.1 Oct  9 12:00:00 |n]||t"},
		{"<165>1 2003-10-11T22:14:15.003Z host app 77 ID47 - text", "5.20 2003-10-11T22:14:15.003Z|app|77|text raw"},
		{`<165>1 2003-10-11T22:14:15.003Z host app - ID47 [x@1 a="]" b="\""][y@1] text`, "5.20 2003-10-11T22:14:15.003Z|app||text raw"},
		{"<165>1 - - - - - -", "5.20 ||| raw"},
		{"<165>1 2003 host app - - - text", "5.20 |||1 2003 host app - - - text raw"},
		{"<165>1 apple", "5.20 |||1 apple raw"},
	} {
		l := parseSyslog([]byte(c.in))
		got := fmt.Sprintf("%d.%d %s|%s|%s|%s", l.priority, l.facility, l.timestamp, l.identifier, l.pid, l.text)
		if l.raw {
			got += " raw"
		}
		if strings.TrimSpace(got) != strings.TrimSpace(c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.in, got, c.want)
		}
	}
}

func TestParseNative(t *testing.T) {
	long := strings.Repeat("A", 65)
	for _, c := range []struct{ in, want string }{
		{"MESSAGE=a\nPRIORITY=3\n", "3 MESSAGE=a PRIORITY=3;"},
		{"MESSAGE=a\n\nMESSAGE=b\n", "6 MESSAGE=a;6 MESSAGE=b;"},
		{"MESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00a\nb\n", "6 MESSAGE=a\nb;"},
		{"MESSAGE\n\x00\x00\x00\x00\x00\x00\x00\x00\n", "6 MESSAGE=;"},
		{"_PID=1\n_SYSTEMD_UNIT=forged.service\n__CURSOR=x\nMESSAGE=a\n", "6 MESSAGE=a;"},
		{"_PID\n\x01\x00\x00\x00\x00\x00\x00\x001\nMESSAGE=a\n", "6 MESSAGE=a;"},
		{"# comment\n.control\nMESSAGE=a\n", "6 MESSAGE=a;"},
		{"lower=a\n1A=b\nA B=c\n=d\n" + long + "=e\nA_1=f\n", "6 A_1=f;"},
		{"MESSAGE=a\ntrailing noise", "6 MESSAGE=a;"},
		{"MESSAGE=a\nX\n\xff\xff\xff\xff\xff\xff\xff\xffz\n", "error"},
		{"MESSAGE=a\nX\n\x09\x00\x00\x00\x00\x00\x00\x00short\n", "6 MESSAGE=a;"},
		{"MESSAGE=a\nX\n\x01\x00\x00\x00\x00\x00\x00\x00zz\n", "6 MESSAGE=a;"}, // no newline behind the value
		{"PRIORITY=9\nPRIORITY=x\nMESSAGE=a\n", "6 PRIORITY=9 PRIORITY=x MESSAGE=a;"},
		{strings.Repeat("A=b\n", nativeFields+1), "error"},
		{"\n\n\nMESSAGE=a\n", ";;;6 MESSAGE=a;"},
		{"", ""},
	} {
		var got strings.Builder
		var e nativeEntry
		for data := []byte(c.in); len(data) > 0; {
			rest, err := parseNative(data, &e)
			if err != nil {
				got.Reset()
				got.WriteString("error")
				break
			}
			if len(e.fields) > 0 {
				fmt.Fprintf(&got, "%d %s", e.priority, bytes.Join(e.fields, []byte(" ")))
			}
			got.WriteString(";")
			data = rest
		}
		if got.String() != c.want {
			t.Errorf("%q:\n got %q\nwant %q", c.in, got.String(), c.want)
		}
	}
}

func TestCutLine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a\nb\n", "a+b+|"},
		{"a\nb", "a+|b"},
		{"\n\n", "++|"},
		{"a\x00b\n", "a0b+|"},
		{"\x00", "0|"},
		{"12345678", "12345678M|"},
		{"1234567\n", "1234567+|"},
		{"12345678\n", "12345678M+|"}, // journald, too, makes a line of what is left, which is empty and dropped
		{"123456789", "12345678M|9"},
		{"1234567812345678x", "12345678M12345678M|x"},
	} {
		got := ""
		rest := []byte(c.in)
		for {
			line, r, why, ok := cutLine(rest, 8)
			if !ok {
				break
			}
			got += string(line) + string("+0M"[why])
			rest = r
		}
		if got += "|" + string(rest); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func TestCutPriority(t *testing.T) {
	for _, c := range []struct {
		in       string
		facility bool
		want     string
	}{
		{"<3>x", false, "3 x"},
		{"<13>x", false, "3 x"}, // only the last digit counts
		{"<13>x", true, "13 x"},
		{"<191>x", true, "191 x"},
		{"<9>x", false, "1 x"},
		{"<3", false, "no"},
		{"<>", false, "no"},
		{"<a>", false, "no"},
		{"<1234>", true, "no"},
		{"3>x", false, "no"},
		{"", false, "no"},
	} {
		p, rest, ok := cutPriority([]byte(c.in), c.facility)
		got := "no"
		if ok {
			got = fmt.Sprintf("%d %s", p, rest)
		}
		if got != c.want {
			t.Errorf("%q, facility %v: got %q, want %q", c.in, c.facility, got, c.want)
		}
	}
}

func TestConfig(t *testing.T) {
	var c Config
	problems := c.parse("x.conf", `# comment
; comment
[Journal]
Storage=volatile
SystemMaxUse=1.5G
SystemMaxFiles=7
MaxRetentionSec=1week
MaxFileSec=infinity
RateLimitBurst=0
LineMax=10
MaxLevelStore=warning
Seal=yes
ForwardToWall=no
RuntimeMaxUse=
SystemKeepFree=much
nonsense
[Other]
Storage=none
`)
	if len(problems) != 2 || !strings.HasPrefix(problems[0], "x.conf:15: SystemKeepFree=much") || !strings.HasPrefix(problems[1], "x.conf:16:") {
		t.Errorf("problems: %q", problems)
	}
	c = c.filled()
	if c.Storage != StorageVolatile || c.System.MaxUse != 3<<29 || c.System.MaxFiles != 7 || c.MaxRetention.Hours() != 168 || c.MaxFile >= 0 ||
		!c.RateLimit.Off || c.LineMax != 79 || !c.MaxLevelStore.Passes(4) || c.MaxLevelStore.Passes(5) {
		t.Errorf("%+v", c)
	}
	if c.Runtime.MaxUse != 16<<20 || c.Runtime.MaxFileSize != 2<<20 || c.System.MaxFileSize != 128<<20 {
		t.Errorf("defaults: %+v %+v", c.Runtime, c.System)
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"/bin/sh\x00-c\x00echo a b\x00", `/bin/sh -c "echo a b"`},
		{"a\x00\x00b\x00\x00", `a "" b`},
		{"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups\x00\x00\x00", `"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"`},
		{"a\x00$b\"c\n\x00", `a "\$b\"c\n"`},
		{"\x00\x00", ""},
		{"", ""},
	} {
		if got := commandLine([]byte(c.in)); got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestPlace(t *testing.T) {
	for _, c := range []struct{ unit, want string }{
		{"ssh.service", "system.slice /system.slice/ssh.service"},
		{"init.scope", "-.slice /init.scope"},
		{"getty@tty1.service", "system-getty.slice /system.slice/system-getty.slice/getty@tty1.service"},
		{"a-b@c.service", `system-a\x2db.slice /system.slice/system-a\x2db.slice/a-b@c.service`},
	} {
		slice, cgroup := place(c.unit)
		if got := slice + " " + cgroup; got != c.want {
			t.Errorf("%s: got %s, want %s", c.unit, got, c.want)
		}
	}
}

func FuzzParseSyslog(f *testing.F) {
	f.Add([]byte("<13>Oct  9 12:00:00 name[12]: text"))
	f.Add([]byte(`<165>1 2003-10-11T22:14:15.003Z host app - ID47 [x@1 a="]"] text`))
	f.Fuzz(func(t *testing.T, in []byte) {
		l := parseSyslog(in)
		if l.priority < 0 || l.priority > 7 || l.facility < 0 || l.facility > 124 {
			t.Errorf("%q: %d.%d", in, l.priority, l.facility)
		}
		if !l.raw && bytes.IndexByte(in, 0) >= 0 {
			t.Errorf("%q: a NUL was lost", in)
		}
	})
}

func FuzzParseNative(f *testing.F) {
	f.Add([]byte("MESSAGE=a\nPRIORITY=3\n\n_PID=1\nMESSAGE\n\x03\x00\x00\x00\x00\x00\x00\x00a\nb\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var e nativeEntry
		for data := in; data != nil; {
			rest, err := parseNative(data, &e)
			if err != nil {
				return
			}
			if len(rest) >= len(data) && rest != nil {
				t.Fatalf("%q: no progress", in)
			}
			for _, field := range e.fields {
				if i := bytes.IndexByte(field, '='); i < 1 || field[0] == '_' || field[0] < 'A' || field[0] > 'Z' {
					t.Fatalf("%q: field %q", in, field)
				}
			}
			data = rest
		}
	})
}

func FuzzCutLine(f *testing.F) {
	f.Add([]byte("a\nb\x00c"), 3)
	f.Fuzz(func(t *testing.T, in []byte, most int) {
		if most < 1 {
			return
		}
		// Cutting at once and cutting as it comes give the same lines, and nothing is lost.
		all := func(chunk int) (lines []string, n int) {
			var kept []byte
			for i := 0; i < len(in); i += chunk {
				kept = append(kept, in[i:min(i+chunk, len(in))]...)
				for {
					line, rest, why, ok := cutLine(kept, most)
					if !ok {
						break
					}
					if len(line) > most {
						t.Fatalf("a line of %d bytes", len(line))
					}
					lines = append(lines, string(line))
					n += len(line)
					if why != breakMax {
						n++
					}
					kept = append([]byte(nil), rest...)
				}
			}
			return append(lines, string(kept)), n + len(kept)
		}
		whole, n := all(max(len(in), 1))
		if n != len(in) {
			t.Fatalf("%d bytes of %d", n, len(in))
		}
		if bytes.IndexByte(in, 0) < 0 { // a NUL ends what, were it to come later, would be cut by LineMax
			if parts, _ := all(3); strings.Join(parts, "\n") != strings.Join(whole, "\n") {
				t.Fatalf("%q in parts, %q at once", parts, whole)
			}
		}
	})
}
