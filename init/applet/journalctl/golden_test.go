package journalctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"keelson/init/journal/file"
)

// real is systemd 252's journalctl; the test ends if there is none.
func real(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("journalctl")
	if err == nil {
		var out []byte
		out, err = exec.Command(path, "--version").Output()
		if err == nil && !bytes.HasPrefix(out, []byte("systemd 252 ")) {
			err = fmt.Errorf("%s is %q", path, bytes.SplitN(out, []byte("\n"), 2)[0])
		}
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("systemd 252's journalctl is wanted: %v", err)
		}
		t.Skipf("no journalctl of systemd 252 to compare with: %v", err)
	}
	return path
}

// corpus makes a directory with files of two series and three boots, with all kinds of fields.
func corpus(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, strings.Repeat("1", 32))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	messages := []string{"plain", "two\nlines", "three\nlines\nof it", "tab\there", "\x1b[31mred\x1b[0m and \x1b]8;;http://x\aa link", "torn \xc3", "bin\x01ary",
		"", strings.Repeat("long ", 80), strings.Repeat("huge ", 1000), "carriage\r\nreturn\r", "ümläut ✓", "quote \" \\ / \b", "UPPER case", "\x1b[2Jcleared"}
	realtime := uint64(1_700_000_000_000_000)
	for i, f := range []struct {
		name      string
		boot      byte
		series    file.ID
		interlace uint64
		n         int
	}{
		{"system@11111111111111111111111111111111-0000000000000001-000000000000000a.journal", 1, file.ID{9}, 0, 60},
		{"system@11111111111111111111111111111111-0000000000000040-000000000000000b.journal", 2, file.ID{9}, 0, 60},
		{"system.journal", 3, file.ID{9}, 0, 90},
		{"user-1000.journal", 3, file.ID{8}, 500_000, 45}, // its entries lie between those of the one before
	} {
		if f.interlace != 0 {
			realtime -= 90 * 1_000_000
		}
		boot := file.ID{f.boot}
		w, err := file.Create(filepath.Join(dir, f.name), file.Options{Machine: file.ID{0x11}, Boot: boot, SeqnumID: f.series, Seqnum: uint64(100 * i)})
		if err != nil {
			t.Fatal(err)
		}
		for k := range f.n {
			step := uint64(1_000_000)
			if f.interlace != 0 {
				step *= 2
			}
			at := realtime + f.interlace + uint64(k)*step
			fields := []string{"_BOOT_ID=" + boot.String(), "_MACHINE_ID=" + strings.Repeat("1", 32), "_HOSTNAME=box", "MESSAGE=" + messages[k%len(messages)],
				fmt.Sprintf("PRIORITY=%d", k%8), fmt.Sprintf("_SYSTEMD_UNIT=u%d.service", k%5), fmt.Sprintf("_PID=%d", 100+k%3), "_COMM=program", "_UID=0"}
			switch k % 6 {
			case 0:
				fields = append(fields, "SYSLOG_IDENTIFIER=ident", fmt.Sprintf("SYSLOG_FACILITY=%d", k%4), "_TRANSPORT=stdout")
			case 1:
				fields = append(fields, "SYSLOG_IDENTIFIER=other", "SYSLOG_PID=77", "_TRANSPORT=syslog", fmt.Sprintf("_SOURCE_REALTIME_TIMESTAMP=%d", at-1234))
			case 2:
				fields = append(fields, "BINARY=\x00\xff\x01", "MULTI=a", "MULTI=b", "MULTI=c\nd")
			case 3:
				fields[6] = "_PID=1"
				fields = append(fields, "UNIT=u1.service", "SYSLOG_IDENTIFIER=systemd", "_TRANSPORT=journal")
			case 4:
				fields = append(fields, "_TRANSPORT=kernel", "_SOURCE_MONOTONIC_TIMESTAMP=4321", "USER_UNIT=x.service")
			case 5:
				fields = slices.Delete(fields, 7, 8) // neither identifier nor program
				fields = append(fields, "LONG="+strings.Repeat("x", 5000))
			}
			if k == 17 {
				fields[3] = "OTHER=no message"
			}
			var b [][]byte
			for _, f := range fields {
				b = append(b, []byte(f))
			}
			if _, err := w.Append(file.Record{Realtime: at, Monotonic: uint64(f.boot)*7_000_000 + f.interlace + uint64(k)*step, Fields: b}); err != nil {
				t.Fatal(err)
			}
		}
		realtime += uint64(f.n) * 1_000_000
		if strings.Contains(f.name, "@") {
			if err := w.Archive(); err != nil {
				t.Fatal(err)
			}
		}
		w.Close()
	}
	return root
}

type result struct {
	stdout, stderr string
	status         int
}

func run(t *testing.T, path string, play bool, args []string) result {
	t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"LANG=C.UTF-8", "TZ=Europe/Vienna", "PATH=" + os.Getenv("PATH")}
	if play {
		cmd.Env = append(cmd.Env, "KEELSON_PLAY=journalctl")
	}
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	runErr := cmd.Run()
	var exit *exec.ExitError
	if runErr != nil && !errors.As(runErr, &exit) {
		t.Fatal(runErr)
	}
	return result{out.String(), err.String(), cmd.ProcessState.ExitCode()}
}

// calls are command lines behind -D DIRECTORY. The mark before them says what may differ: s the order of lines, j that of the members of JSON
// objects, e the text of messages.
var calls = []string{
	"  -n 7", "  ", "  -a", "  -o short-full -n 40", "  -o short-iso", "  -o short-iso-precise -r", "  -o short-precise", "  -o short-monotonic", "  -o short-delta",
	"  -o short-unix", "  -o with-unit", "  -o cat", "  -o cat --output-fields=MULTI -n 30", "  -o verbose", "  -o verbose -a -n 20 _TRANSPORT=stdout", "  -o export", "  -o export -m",
	"j -o json", "j -o json -a", "j -o json-pretty -n 20", "j -o json-seq -n 9", "j -o json --output-fields=MESSAGE,MULTI",
	"  -u u1", "  -u u1.service -u u2", "  -u u*", "  -u [u]1*", "  -u none", "  -q -u none", "  -u none*", "  -p err", "  -p 3..5", "  -p info..warning", "  -t ident", "  -t ident -t systemd",
	"  -g lines", "  -g LINES", "  -g LINES --case-sensitive=no", "  -g lines -n 3", "  -g lines -r", "  -g nothing-like-it", "  -g p.a.n -o cat",
	"  --facility=daemon", "  --facility=user,kern", "  --facility=help", "  -k", "  -b", "  -b 0", "  -b -1", "  -b 1", "  -b 2", "  -b 9", "  -b all -n 3",
	"  -b 02000000000000000000000000000000", "  -b 02000000000000000000000000000000+1", "  -b 02000000000000000000000000000000-1", "  -b 05000000000000000000000000000000", "  -b nonsense",
	"  -n 3 -b -1", "  --list-boots", "  --list-boots -r", "  --list-boots -q", "  --since=@1700000030", "  --since=@1700000030 --until=@1700000035", "  --until=@1700000005 -r",
	"  --since=@1700000030 -r -n 5", "  -S @1700000099 -n 4", "  --until=@1 ", "  --show-cursor -n 2", "  --show-cursor -n 0", "  -n 0", "  -n 0 -r", "  -n all", "  -n3", "  --lines=2", "  -rn2",
	"  _PID=1", "  _PID=1 PRIORITY=3", "  _PID=100 _PID=101 PRIORITY=3", "  _PID=1 + PRIORITY=0", "  PRIORITY=1 _PID=1 + PRIORITY=2 _PID=100 + PRIORITY=7", "  +", "  _PID=1 +",
	"  NOFIELD", "  lower=x", "  OTHER=no", "  /nonexistent", "  MULTI=a MULTI=b _PID=102", "s -F PRIORITY", "s -F MULTI", "s -F NOTHING", "s -N", "  -F PRIORITY extra", "  --disk-usage",
	"  --utc -n 3", "  --utc -o short-full -n 3", "  --no-hostname -n 3", "  -q", "  -x -n 3", "  -e -n 3", "  -m -n 3", "  -m -b", "  --no-full -n 40", "  --no-full -o verbose -n 9", "  --system -n 2",
	"s --header", "s --verify", "  -o nonsense", "  -o help", "  -p nonsense", "  -p 3..nonsense", "  -n x", "  -n -5", "  --since=nonsense", "  --since=@9 --until=@3", "  -f -r", "  --facility=nonsense",
	"  --cursor=nonsense", "  --cursor=s=1", "  --nonsense", "  -Z", "  --no-pager extra=1", "  --verif --quiet", "  --case-sensitive=x -g a", "  --vacuum-time=x", "  --vacuum-size=x", "  --vacuum-files=x",
	"  -S @1700000030 -c x", "  --output=short --lines=1 --quiet --all --no-hostname --utc",
}

func TestGolden(t *testing.T) {
	theirs := real(t)
	dir := corpus(t)
	for _, call := range calls {
		mark, line := call[0], strings.TrimSpace(call[1:])
		args := append([]string{"-D", dir, "--no-pager"}, strings.Fields(line)...)
		want := run(t, theirs, false, args)
		got := run(t, os.Args[0], true, args)
		compare(t, line, mark, got, want)
	}
}

func compare(t *testing.T, line string, mark byte, got, want result) {
	t.Helper()
	if got.status != want.status {
		t.Errorf("journalctl %s: status %d, want %d\n%s%s", line, got.status, want.status, got.stderr, want.stderr)
	}
	switch mark {
	case 's':
		got.stdout, want.stdout = lines(got.stdout), lines(want.stdout)
		got.stderr, want.stderr = lines(got.stderr), lines(want.stderr)
	case 'j':
		if !reflect.DeepEqual(objects(t, got.stdout), objects(t, want.stdout)) {
			t.Errorf("journalctl %s: other objects", line)
		}
		got.stdout, want.stdout = "", ""
	}
	if got.stdout != want.stdout {
		t.Errorf("journalctl %s:\n%s", line, difference(got.stdout, want.stdout))
	}
	// getopt's messages begin with the program's path.
	for _, r := range []*result{&got, &want} {
		if i := strings.Index(r.stderr, "journalctl: "); i >= 0 {
			r.stderr = r.stderr[i:]
		}
	}
	if got.stderr != want.stderr {
		t.Errorf("journalctl %s: messages:\n%s", line, difference(got.stderr, want.stderr))
	}
}

func lines(text string) string {
	l := strings.Split(text, "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}

func objects(t *testing.T, text string) (list []map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(strings.ReplaceAll(text, "\x1e", "")))
	for {
		var o map[string]any
		if err := d.Decode(&o); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, o)
	}
}

// difference is the first line that is not the same.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := 0; i < len(g) || i < len(w); i++ {
		a, b := "(end)", "(end)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d of %d is %q\nwant of %d     %q", i+1, len(g), cut(a), len(w), cut(b))
		}
	}
	return ""
}

func cut(s string) string { return s[:min(len(s), 300)] }

// TestCursor takes cursors of each from the other, forwards and backwards.
func TestCursor(t *testing.T) {
	theirs := real(t)
	dir := corpus(t)
	var cursors []string
	for _, o := range objects(t, run(t, theirs, false, []string{"-D", dir, "--no-pager", "-m", "-o", "json", "--output-fields=X"}).stdout) {
		cursors = append(cursors, o["__CURSOR"].(string))
	}
	if len(cursors) != 60+60+90+45 {
		t.Fatalf("%d entries", len(cursors))
	}
	for _, i := range []int{0, 1, 59, 60, 61, 130, 170, 210, len(cursors) - 1} {
		for _, option := range []string{"--cursor", "--after-cursor"} {
			for _, more := range []string{"-n 3", "-r", "-n 2 -r", "-u u1", "-q -p 3"} {
				args := append([]string{"-D", dir, "--no-pager", option, cursors[i], "-o", "export"}, strings.Fields(more)...)
				compare(t, fmt.Sprint(option, " ", i, " ", more), ' ', run(t, os.Args[0], true, args), run(t, theirs, false, args))
			}
		}
	}
	kept := filepath.Join(t.TempDir(), "cursor")
	for _, want := range []string{"3\n", "0\n"} {
		if err := os.WriteFile(kept, []byte(cursors[len(cursors)-3-1]+"\n"), 0o600); err != nil && want == "3\n" {
			t.Fatal(err)
		}
		if want == "0\n" {
			if err := os.WriteFile(kept, []byte(cursors[len(cursors)-1]+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r := run(t, os.Args[0], true, []string{"-D", dir, "--no-pager", "-q", "-o", "short", "--cursor-file", kept, "--output-fields=X", "-o", "json"})
		if n := fmt.Sprintln(len(objects(t, r.stdout))); n != want {
			t.Errorf("behind the kept cursor: %s, want %s%s", n, want, r.stderr)
		}
		if text, err := os.ReadFile(kept); err != nil || string(text) != cursors[len(cursors)-1]+"\n" {
			t.Errorf("the cursor that is kept: %q, %v", text, err)
		}
	}
}
