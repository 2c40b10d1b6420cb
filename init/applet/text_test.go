package applet

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
)

// plain is a Host that writes into buffers.
func plain(env ...string) (h *Host, out, err *bytes.Buffer) {
	out, err = new(bytes.Buffer), new(bytes.Buffer)
	return &Host{Stdout: out, Stderr: err, Environ: env}, out, err
}

func TestEllipsize(t *testing.T) {
	utf, _, _ := plain("LANG=C.UTF-8")
	ascii, _, _ := plain("LC_ALL=C")
	for _, c := range []struct {
		h              *Host
		text           string
		width, percent int
		want           string
	}{
		{utf, "hello", 5, 100, "hello"},
		{utf, "hello world", 5, 100, "hell…"},
		{utf, "hello world", 5, 0, "…orld"},
		{utf, "hello world", 6, 50, "hel…ld"},
		{utf, "hello", 1, 100, "…"},
		{utf, "hello", 0, 100, ""},
		{ascii, "hello world", 8, 100, "hello..."},
		{ascii, "hello", 2, 100, ".."},
		{ascii, "hello", 1, 100, "."},
		{utf, "grüße aus köln", 6, 100, "grüße…"},
		{ascii, "grüße aus köln", 6, 100, "grüße…"},
		{utf, "日本語テキスト", 7, 100, "日本…"}, // three would be six cells, but the cut falls before what does not fit
	} {
		got := c.h.Ellipsize(c.text, c.width, c.percent)
		if got != c.want {
			t.Errorf("%q in %d at %d: %q, want %q", c.text, c.width, c.percent, got, c.want)
		}
	}
}

func FuzzEllipsize(f *testing.F) {
	f.Add("hello world", 5, 100)
	f.Add("日本語テキスト\xff", 3, 50)
	h, _, _ := plain("LANG=C.UTF-8")
	f.Fuzz(func(t *testing.T, s string, width, percent int) {
		if percent < 0 || percent > 100 || width > 1000 || width < 0 {
			return
		}
		if got := h.Ellipsize(s, width, percent); Width(got) > max(width, 0) && Width(got) > Width(s) {
			t.Errorf("%q in %d: %q", s, width, got)
		}
	})
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0B", 1023: "1023B", 1024: "1.0K", 1536: "1.5K", 464 << 10: "464.0K", 1<<20 - 1: "1023.9K", 1 << 20: "1.0M", 100 << 20: "100.0M",
		104700000: "99.8M", 3 << 30: "3.0G", 1 << 40: "1.0T", 1 << 50: "1.0P", 1 << 60: "1.0E", 1<<64 - 2: "15.9E",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for _, c := range []struct{ in, shell, posix string }{
		{"plain", "plain", "plain"},
		{"", "", ""},
		{"two words", `"two words"`, `$'two words'`},
		{`a"b$c` + "`d", `"a\"b\$c\` + "`" + `d"`, `$'a"b$c` + "`d'"},
		{"it's", `"it's"`, `$'it\'s'`},
		{"a\tb\n", `"a\tb\n"`, `$'a\tb\n'`},
		{"a\\b", `"a\\b"`, `$'a\\b'`},
		{"\x01", `"\001"`, `$'\001'`},
		{"\xff", `"\377"`, `$'\377'`},
		{"käse", "käse", "käse"},
		{"*.service", `"*.service"`, `$'*.service'`},
	} {
		if got := Quote(c.in, false); got != c.shell {
			t.Errorf("%q: %s, want %s", c.in, got, c.shell)
		}
		if got := Quote(c.in, true); got != c.posix {
			t.Errorf("%q: %s, want %s", c.in, got, c.posix)
		}
	}
}

func TestErrno(t *testing.T) {
	for e, want := range map[syscall.Errno]string{
		syscall.ENOENT: "No such file or directory", syscall.EHOSTDOWN: "Host is down", syscall.ENOMEDIUM: "No medium found",
		syscall.EINVAL: "Invalid argument", syscall.ECONNRESET: "Connection reset by peer",
	} {
		if got := Errno(e); got != want {
			t.Errorf("%d: %s", e, got)
		}
	}
}

func TestUTF8(t *testing.T) {
	for _, c := range []struct {
		env  string
		want bool
	}{
		{"", true},
		{"LANG=C.UTF-8", true},
		{"LANG=C.utf8", true},
		{"LANG=de_DE.UTF-8@euro", true},
		{"LANG=C", false},
		{"LANG=POSIX", false},
		{"LC_ALL=C LANG=C.UTF-8", false},
		{"LC_CTYPE=C LANG=C.UTF-8", false},
		{"LANG=", false},
		{"LANG=xx_XX.ISO-8859-1", true}, // there is no such locale, and so none at all
		{"SYSTEMD_UTF8=0 LANG=C.UTF-8", false},
		{"SYSTEMD_UTF8=1 LANG=C", true},
	} {
		h, _, _ := plain(strings.Fields(c.env)...)
		h.Root = t.TempDir()
		if got := h.UTF8(); got != c.want {
			t.Errorf("%q: %v", c.env, got)
		}
	}
}

func TestColours(t *testing.T) {
	for _, c := range []struct{ env, want string }{
		{"", ""}, // a buffer is no terminal
		{"SYSTEMD_COLORS=1", "\x1B[0;1;38;5;185m"},
		{"SYSTEMD_COLORS=256", "\x1B[0;1;38;5;185m"},
		{"SYSTEMD_COLORS=16", "\x1B[0;1;33m"},
		{"SYSTEMD_COLORS=no", ""},
		{"SYSTEMD_COLORS=nonsense", ""},
		{"SYSTEMD_COLORS=1 NO_COLOR=1", "\x1B[0;1;38;5;185m"},
	} {
		h, _, _ := plain(strings.Fields(c.env)...)
		if got := h.Colour(HighlightYellow); got != c.want {
			t.Errorf("%q: %q", c.env, got)
		}
	}
	h, _, _ := plain("SYSTEMD_COLORS=1")
	if got := h.Paint(NoColour, "x"); got != "x" {
		t.Errorf("%q", got)
	}
	if got := h.UnderlinedColour(Normal); got != "\x1B[0m\x1B[0;4m" {
		t.Errorf("%q", got)
	}
	h, _, _ = plain("SYSTEMD_COLORS=1", "TERM=linux")
	if got := h.UnderlinedColour(Grey); got != "\x1B[0;38;5;245m" {
		t.Errorf("%q", got)
	}
}

func TestLog(t *testing.T) {
	h, out, err := plain("SYSTEMD_COLORS=1")
	h.Print("output ")
	h.Errorf("an error\nof two lines, \n \n\nand %d more", 1)
	h.Infof("100%% plain")
	h.Debugf("nothing")
	want := "\x1B[0;1;31man error\x1B[0m\n\x1B[0;1;31mof two lines, \x1B[0m\n\x1B[0;1;31m \x1B[0m\n\x1B[0;1;31mand 1 more\x1B[0m\n100%% plain\n"
	if err.String() != want || out.String() != "output " {
		t.Errorf("%q %q", err, out)
	}
	for level, shown := range map[string]int{"err": 1, "3": 1, "debug": 5, "info": 4, "nonsense": 4} {
		h, _, err := plain("SYSTEMD_LOG_LEVEL=" + level)
		h.Errorf("x")
		h.Warnf("x")
		h.Noticef("x")
		h.Infof("x")
		h.Debugf("x")
		if got := strings.Count(err.String(), "x"); got != shown {
			t.Errorf("%s: %d messages", level, got)
		}
	}
}

func TestTable(t *testing.T) {
	table := Table{
		Header: []string{"", "unit file", "state", "secret"},
		Hidden: []bool{false, false, false, true},
		Rows: [][]Cell{
			{Text(" "), Text("a.service"), {Text: "enabled", Colour: HighlightGreen, Gap: true}, Text("x")},
			{Text("●"), {Text: "longer.service", Colour: NoColour, Under: true, Gap: true}, {Empty: true, Colour: NoColour}, Text("x")},
			{Text(" "), Text("two\nlines"), {Text: "7", Right: true, Colour: NoColour, JSON: 7}, Text("x")},
		},
	}
	h, out, _ := plain("LANG=C.UTF-8")
	table.Print(h)
	h.Flush()
	want := "  UNIT FILE      STATE\n" +
		"  a.service      enabled\n" +
		"● longer.service -\n" +
		"  two                  7\n" +
		"  lines          \n"
	if got := out.String(); got != want {
		t.Errorf("\n%s", got)
	}
	h, out, _ = plain("SYSTEMD_COLORS=1")
	table.NoHeader = true
	table.Rows = table.Rows[:2]
	table.Print(h)
	h.Flush()
	want = "  a.service      \x1B[0;1;32menabled\x1B[0m\n" +
		"● \x1B[0m\x1B[0;4mlonger.service\x1B[0m\x1B[0m\x1B[0;4m \x1B[0m\x1B[0;38;5;245m-      \x1B[0m\n"
	if got := out.String(); got != want {
		t.Errorf("\n%q, want\n%q", got, want)
	}
	h, out, _ = plain()
	table.Rows = append(table.Rows, []Cell{Text("<&>"), Text("\x01\n"), {Colour: NoColour, JSON: Null}, Text("")})
	table.PrintJSON(h, JSONShort)
	table.PrintJSON(h, JSONPretty)
	(&Table{Header: []string{"a"}}).PrintJSON(h, JSONPretty)
	h.Flush()
	want = `[{"":" ","unit_file":"a.service","state":"enabled"},{"":"●","unit_file":"longer.service","state":null},{"":"<&>","unit_file":"\u0001\n","state":null}]` + "\n" +
		"[\n\t{\n\t\t\"\" : \" \",\n\t\t\"unit_file\" : \"a.service\",\n\t\t\"state\" : \"enabled\"\n\t},\n\t{\n\t\t\"\" : \"●\",\n\t\t\"unit_file\" : \"longer.service\",\n\t\t\"state\" : null\n\t}," +
		"\n\t{\n\t\t\"\" : \"<&>\",\n\t\t\"unit_file\" : \"\\u0001\\n\",\n\t\t\"state\" : null\n\t}\n]\n[]\n"
	if got := out.String(); got != want {
		t.Errorf("\n%s", got)
	}
}

// Columns get what they want as far as an equal share allows; what one leaves over the others divide.
func TestFit(t *testing.T) {
	for _, c := range []struct {
		wanted []int
		limit  int
		want   []int
	}{
		{[]int{3, 4, 5}, 0, []int{3, 4, 5}},
		{[]int{3, 4, 5}, 14, []int{3, 4, 5}},
		{[]int{1, 40, 6, 6, 7, 30}, 80, []int{1, 31, 6, 6, 7, 24}},
		{[]int{10, 10, 10}, 8, []int{2, 2, 2}},
		{[]int{10, 10, 10}, 1, []int{1, 1, 1}},
		{[]int{0, 0}, 0, []int{1, 1}},
	} {
		got := fit(c.wanted, c.limit)
		sum := len(got) - 1
		for i := range got {
			sum += got[i]
			if got[i] > max(c.wanted[i], 1) {
				t.Errorf("%v in %d: %v is more than was wanted", c.wanted, c.limit, got)
			}
		}
		if c.limit > 0 && sum > max(c.limit, len(got)*2-1) {
			t.Errorf("%v in %d: %v", c.wanted, c.limit, got)
		}
	}
}
