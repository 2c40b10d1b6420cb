package early

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// c is s as the kernel passes strings.
func c(s string) cstr { return &append([]byte(s), 0)[0] }

// array is a NULL-terminated array of strings, as argv.
func array(s ...string) *cstr {
	a := make([]cstr, len(s)+1)
	for i := range s {
		a[i] = c(s[i])
	}
	return &a[0]
}

func goString(s cstr) string { return string(unsafe.Slice(s, length(s))) }

func TestParseSignal(t *testing.T) {
	for _, tt := range []struct {
		text string
		sig  uint8
		n    int
	}{
		{"TERM", 15, 4}, {"SIGTERM", 15, 7}, {"sigterm", 15, 7}, {"Term", 15, 4}, {"1", 1, 1}, {"64", 64, 2},
		{"RTMIN", 34, 5}, {"SIGRTMIN+3", 37, 10}, {"RTMAX-30", 34, 8}, {"rtmax", 64, 5}, {"TERM:QUIT", 15, 4}, {"15:3", 15, 2},
		{"IO", 29, 2}, {"STKFLT", 16, 6},
		{"", 0, 0},         // nothing
		{"0", 0, 0},        // not a signal
		{"65", 0, 0},       // above the last
		{"-1", 0, 0},       // a sign
		{"TERMINAL", 0, 0}, // more than a name
		{"SIG", 0, 0},      // less than a name
		{"SIGSIGTERM", 0, 0},
		{"RTMIN+31", 0, 0}, // above the last
		{"RTMIN-1", 0, 0},  // 33 is the C library's
		{"RTMAX+1", 0, 0},
		{"RTMIN+", 0, 0},
		{"15x", 0, 0},
		{"99999999999999999999", 0, 0}, // would overflow
	} {
		if sig, n := parseSignal(c(tt.text), ':'); sig != tt.sig || n != tt.n {
			t.Errorf("parseSignal(%q) = %d, %d, want %d, %d", tt.text, sig, n, tt.sig, tt.n)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		text         string
		value, taken int
	}{
		{"0", 0, 1}, {"  12", 12, 4}, {"-7x", -7, 2}, {"+3", 3, 2}, {"\t5", 5, 2},
		{"", 0, 0}, {"x", 0, 0}, {"-", 0, 0}, {"1099511627777", 0, 0},
	} {
		if v, n := signed(c(tt.text)); v != tt.value || n != tt.taken {
			t.Errorf("signed(%q) = %d, %d, want %d, %d", tt.text, v, n, tt.value, tt.taken)
		}
	}
	for _, v := range []int32{0, 7, 10, 99, 100, 4194304, 2147483647} {
		var buf [16]byte
		buf[len(fmt.Sprint(v))] = 'x'
		putNumber(&buf[0], v)
		if got := goString(&buf[0]); got != fmt.Sprint(v) {
			t.Errorf("putNumber(%d) = %q", v, got)
		}
	}
}

func TestGetopt(t *testing.T) {
	long := []longOption{{"help", false, 'h'}, {"rewrite", true, 'r'}, {"verbose", false, 'v'}, {"version", false, 'V'}}
	for _, tt := range []struct {
		args    string
		permute bool
		want    string // options as they come, then the rest of argv
	}{
		{"-v cmd -h", false, "v | cmd -h"},
		{"-v cmd -h", true, "v h | cmd"},
		{"-vh -r1:2 -r 3:4 cmd", false, "v h r=1:2 r=3:4 | cmd"},
		{"a -r 1:2 b -v c", true, "r=1:2 v | a b c"},
		{"a -vr 1:2 b", true, "v r=1:2 | a b"},
		{"-v -- -h cmd", false, "v | -h cmd"},
		{"a -v -- -h", true, "v | a -h"},
		{"- -v", false, "| - -v"}, // a single dash is an argument
		{"- -v", true, "v | -"},
		{"--help cmd", false, "h | cmd"},
		{"--rewrite=1:2 --rewrite 3:4 x", false, "r=1:2 r=3:4 | x"},
		{"--verb x", false, "v | x"}, // the only one that begins so
		{"a --rew 1:2 b", true, "r=1:2 | a b"},
		{"--ver x", false, "?3 | x"},  // two begin so
		{"--yolo x", false, "?2 | x"}, // none
		{"--help=x y", false, "?5 | y"},
		{"--rewrite", false, "?4 |"},
		{"-r", false, "?1 |"},
		{"-z x", false, "?0 | x"},
		{"-: x", false, "?0 | x"}, // the optstring's colon is no option
		{"", false, "|"},
		{"a b", true, "| a b"},
	} {
		argv := append([]string{"prog"}, strings.Fields(tt.args)...)
		o := getopt{argv: array(argv...), argc: len(argv), ind: 1, short: "hvVr:", long: long, permute: tt.permute}
		var got []string
		for opt := o.option(); opt != noMore && len(got) < 20; opt = o.option() {
			switch {
			case opt == badOption:
				got = append(got, fmt.Sprintf("?%d", o.complaint))
			case o.value != nil:
				got = append(got, string(opt)+"="+goString(o.value))
			default:
				got = append(got, string(opt))
			}
		}
		got = append(got, "|")
		for i := o.ind; i < o.argc; i++ {
			got = append(got, goString(at(o.argv, i)))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%q permuting %v: %q, want %q", tt.args, tt.permute, s, tt.want)
		}
	}
}

// TestMessage writes lines through a pipe, one longer than the buffer.
func TestMessage(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	long := strings.Repeat("0123456789", 100)
	m := message{fd: int32(w.Fd())}
	m.str("a").byte(' ').num(0).byte(' ').num(-12).byte(' ').num(1234567890).byte(' ').errno(eNOENT).byte(' ').errno(4000).byte(' ').
		signalName(15).byte(' ').signalName(37).byte(' ').signal(9).byte(' ').signal(35).byte(' ').cstr(c(long)).end()
	w.Close()
	buf := make([]byte, 4096)
	n := 0
	for {
		k, err := r.Read(buf[n:])
		n += k
		if err != nil {
			break
		}
	}
	want := "a 0 -12 1234567890 No such file or directory Unknown error 4000 SIGTERM SIGRTMIN+3 Killed Real-time signal 1 " + long + "\n"
	if string(buf[:n]) != want {
		t.Errorf("got %q\nwant %q", buf[:n], want)
	}
}

func TestErrorTexts(t *testing.T) {
	for e := errno(1); e < 134; e++ {
		// Go's texts are the C library's in lower case.
		if got, want := strings.ToLower(e.text()), strings.ToLower(syscall.Errno(e).Error()); got != want && !strings.HasPrefix(want, "errno ") {
			t.Errorf("errno %d: %q, the system says %q", e, got, want)
		}
	}
}

func TestExitStatus(t *testing.T) {
	for code := range 256 {
		if got := exitStatus(uint32(code) << 8); got != code {
			t.Errorf("exit code %d comes out as %d", code, got)
		}
	}
	for sig := 1; sig <= 64; sig++ {
		for _, core := range []uint32{0, 0x80} {
			if got := exitStatus(uint32(sig) | core); got != 128+sig {
				t.Errorf("signal %d, core %#x, comes out as %d", sig, core, got)
			}
		}
	}
	if !isStopped(0x137f) || isStopped(9) || isStopped(0x100) {
		t.Error("a stop is not told from an end")
	}
}

func TestExpectStatus(t *testing.T) {
	for _, tt := range []struct {
		arg string
		ok  bool
	}{{"0", true}, {"255", true}, {"143", true}, {"", true}, {" 7", true}, {"256", false}, {"-1", false}, {"x", false}, {"7 ", false}} {
		var w wrapper
		if ok := w.expectStatus(c(tt.arg)); ok != tt.ok {
			t.Errorf("-e %q accepted: %v", tt.arg, ok)
		}
	}
	var w wrapper
	w.expectStatus(c("143"))
	if w.expected != [4]uint64{0, 0, 1 << (143 - 128), 0} {
		t.Errorf("143 is kept as %x", w.expected)
	}
}

func TestBase(t *testing.T) {
	for in, want := range map[string]string{"tini": "tini", "/sbin/docker-init": "docker-init", "./a/": "", "": ""} {
		if got := goString(base(c(in))); got != want {
			t.Errorf("base(%q) = %q", in, got)
		}
	}
}

func TestLookup(t *testing.T) {
	env := array("A=1", "AB=2", "EMPTY=", "B")
	if v := lookup(env, "AB="); v == nil || goString(v) != "2" {
		t.Error("AB is not found")
	}
	if v := lookup(env, "EMPTY="); v == nil || goString(v) != "" {
		t.Error("an empty variable is not set")
	}
	if lookup(env, "B=") != nil || lookup(env, "C=") != nil {
		t.Error("a variable that is not there is found")
	}
}

// FuzzGetopt feeds argument vectors: whatever they are, all elements are still there at the end, and the walk ends.
func FuzzGetopt(f *testing.F) {
	f.Add("-v\x00cmd\x00-h", true)
	f.Add("--rewrite\x00--\x00-r", false)
	f.Add("a\x00-vr\x001:2\x00--ver=x", true)
	f.Fuzz(func(t *testing.T, joined string, permute bool) {
		argv := append([]string{"prog"}, strings.Split(joined, "\x00")...)
		before := map[string]int{}
		for _, a := range argv {
			before[a]++
		}
		o := getopt{argv: array(argv...), argc: len(argv), ind: 1, short: "hvVr:", long: dumbInitOptions[:], permute: permute}
		for i := 0; o.option() != noMore; i++ {
			if i > len(joined)+2 {
				t.Fatalf("no end after %d options", i)
			}
		}
		if o.ind < 1 || o.ind > o.argc {
			t.Fatalf("ind %d of %d", o.ind, o.argc)
		}
		for i := range argv {
			before[goString(at(o.argv, i))]--
		}
		for a, n := range before {
			if n != 0 {
				t.Fatalf("%q is there %+d times less", a, n)
			}
		}
	})
}
