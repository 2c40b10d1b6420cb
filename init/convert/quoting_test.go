package convert

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"keelson/supervise/unit"
)

// run is the argument vector that a manager makes of an ExecStart= line.
func run(t *testing.T, value string, environ map[string]string) []string {
	t.Helper()
	tree := &unit.Tree{}
	tree.AddFile("/etc/systemd/system/x.service", "[Service]\nExecStart="+value+"\n")
	l := unit.NewLoader(tree, unit.DefaultHost())
	l.Scan()
	u, diagnostics := l.Load("x.service")
	if u.LoadState != unit.Loaded || len(diagnostics) > 0 {
		t.Fatalf("ExecStart=%s: %s %v", value, u.LoadError, diagnostics)
	}
	c := u.Service.Commands[unit.ExecStart][0]
	if c.Flags&unit.NoEnvExpand != 0 {
		return c.Argv
	}
	return unit.ExpandArgv(c.Argv, func(name string) (string, bool) {
		v, ok := environ[name]
		return v, ok
	})
}

// TestQuoting: every byte comes out as it went in, in words of its own and among variables.
func TestQuoting(t *testing.T) {
	nasty := []string{"", " ", "a b", `"`, `'`, `\`, `\\`, `\n`, "$", "$$", "$A", "${A}", "$A b", ";", `\;`, "%", "%%", "%n", "#", "-", "@", ":", "a\nb", "\t", "\r", "é", "\xff"}
	for c := 2; c < 256; c++ {
		nasty = append(nasty, "x"+string([]byte{byte(c)})+"y")
	}
	nasty = slices.DeleteFunc(nasty, func(s string) bool { return strings.ToValidUTF8(s, "") != s }) // unit files are UTF-8
	list := append(words("/bin/x"), words(nasty...)...)
	want := append([]string{"/bin/x"}, nasty...)
	if got := run(t, commandLine("", list), nil); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	list = append(list, word{text: mark + "A" + mark}, word{text: mark + "A" + mark, quoted: true}, word{text: "x$" + mark + "A" + mark + "\"" + mark + "B" + mark})
	want = append(want, "one", "two", "one two", `x$one two"three`)
	if got := run(t, commandLine("", list), map[string]string{"A": "one two", "B": "three"}); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// FuzzSupervisord: what strangers write is refused with a line, or becomes units that load.
func FuzzSupervisord(f *testing.F) {
	f.Add("[supervisord]\nenvironment=A=1\n[program:x]\ncommand=/bin/x 'a' \"b\" %(ENV_A)s ; c\nnumprocs=2\nprocess_name=x%(process_num)02d\n[group:g]\nprograms=x\n")
	f.Add("[fcgi-program:x]\ncommand=x\nsocket=unix:///x\nuser=y\nstdout_logfile=/a/../b\n[include]\nfiles=*.conf\n")
	f.Add("[program:x]\ncommand='a/b\n c'\ndirectory=d\n e\nstdout_logfile=l\n m\n")
	f.Add("[program:x]\ncommand=\"/bin/x\n y\"\n[odd\x1b]\n")
	f.Add("[program:x]\ncommand=/bin/x\ndirectory=/a\\\n \\\nexitcodes=1,2\npriority=-1\nautorestart=true\nstartsecs=0\nstopsignal=9\nstopwaitsecs=0\n")
	f.Fuzz(func(t *testing.T, text string) {
		src := Source{fstest.MapFS{"s.conf": &fstest.MapFile{Data: []byte(text)}}, getenv}
		r, err := Supervisord(src, "/s.conf")
		if err == nil {
			r, err = Join(r)
		}
		if err != nil {
			if strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		for _, m := range r.Remarks {
			if strings.Contains(m.String(), "\n") {
				t.Errorf("more than one line: %q", m)
			}
		}
	})
}
