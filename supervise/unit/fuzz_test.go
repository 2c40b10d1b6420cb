package unit

import (
	"reflect"
	"strings"
	"testing"
)

// FuzzUnit loads a unit of every type from any text. Nothing may panic, a unit must be Loaded or say why it is not, diagnostics
// must point into the text, and the same text must give the same unit twice.
func FuzzUnit(f *testing.F) {
	for _, seed := range []string{
		"[Unit]\nDescription=%n\nAfter=a.service b@%i.service\nConditionPathExists=|!/x\n[Service]\nExecStart=-/bin/a $B \\\n ${C} ; /bin/d\nEnvironment=\"A=b c\"\n",
		"[Socket]\nListenStream=[::1]:80\nListenNetlink=kobject-uevent 1\nAccept=yes\nSocketBindAllow=ipv4:tcp:1-2\n",
		"[Timer]\nOnCalendar=Mon *-*-* 00:00\nOnBootSec=1h\nUnit=%p.target\n",
		"[Service]\nBindPaths=/a:/b:rbind -/c\nTemporaryFileSystem=/x:ro\nMountImages=/i:/d:root:ro\nCPUAffinity=0-3,7\nSystemCallFilter=~@mount chown:EPERM\n",
		"\ufeff[Service]\r\nExecStart=\\\x00# c\n=\n[", "[X-A]\nB=c\n[Service\n", "[Path]\nPathExists=%\n[Slice]\nMemoryMax=50%\nIPAddressAllow=localhost 10.0.0.0/8\n",
		"[Mount]\nWhere=/x\nWhat=y\n[Service]\nLimitNOFILE=1:2\nStateDirectory=a:b c\nSetCredential=a:b\\n\nRootHash=00\nUser=a\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree := &Tree{}
		for _, typ := range Types() {
			tree.AddFile(etc+"x@."+typ.String(), text)
			tree.AddFile(etc+"x-y."+typ.String(), text)
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\x00") + 2
		l := NewLoader(tree, DefaultHost())
		l.Scan()
		for _, name := range []string{"x@i.service", "x@i.socket", "x@i.timer", "x@i.path", "x@i.target", "x-y.service", "x-y.mount", "x-y.slice", "x-y.swap", "x-y.automount", "x-y.scope"} {
			u, list := l.Load(name)
			if (u.LoadState == Loaded) != (u.LoadError == "") {
				t.Errorf("%s: %v with error %q", name, u.LoadState, u.LoadError)
			}
			for _, d := range list {
				if d.Line < 0 || d.Line > lines || d.Text == "" || len(d.Text) > textMax || (d.Line > 0) != (d.File != "") {
					t.Errorf("%s: diagnostic %+v", name, d)
				}
			}
			for _, d := range u.Dependencies {
				if d.Name == u.Name || !ValidName(d.Name, PlainName|InstanceName) {
					t.Errorf("%s: dependency %+v", name, d)
				}
			}
			again, _ := l.Load(name)
			if !reflect.DeepEqual(u, again) {
				t.Errorf("%s: not the same twice", name)
			}
			if u.LoadState == Loaded && u.Service != nil && u.Service.Type == ServiceTypeUnset {
				t.Errorf("%s: no type", name)
			}
		}
	})
}

// FuzzCommandLine: whatever the line, commands that come out have a path and an argv, and expand without panic.
func FuzzCommandLine(f *testing.F) {
	for _, seed := range []string{`/bin/a "b c" 'd' \x41`, `@-/bin/a argv0 $X ${Y} $$Z ; +/bin/b`, `!!/bin/a \; \073`, `/a\`, `"`, `-`, `/bin/a %`} {
		f.Add(seed)
	}
	host := DefaultHost()
	f.Fuzz(func(t *testing.T, line string) {
		a := testAssignment(&host, "ExecStart", line)
		for _, c := range a.parseCommands(nil) {
			if c.Path == "" || len(c.Argv) == 0 || !safeString(c.Path) || c.Path[0] != '/' && strings.Contains(c.Path, "/") {
				t.Errorf("%q: %+v", line, c)
			}
			ExpandArgv(c.Argv, LookupIn([]string{"X=a 'b", "Y="}))
		}
	})
}

// FuzzEnvironmentFile: what is read can be written so that it reads the same.
func FuzzEnvironmentFile(f *testing.F) {
	for _, seed := range []string{"a=b\n", "a='b' \"c\" d\\\ne\n#x\\\ny\n", "=x\n==\na", "k=\\\r\n", "A=\"\\$\\q\\\n\"", "a='", "x=y\x00z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		env, err := ParseEnvironmentFile(text)
		if err != nil {
			return
		}
		clean, _ := CleanEnvironment(env)
		var written strings.Builder
		for _, e := range clean {
			k, v, _ := strings.Cut(e, "=")
			written.WriteString(QuoteVariable(k, v))
		}
		again, err := ParseEnvironmentFile(written.String())
		if err != nil || !reflect.DeepEqual(append([]string{}, again...), append([]string{}, clean...)) {
			t.Errorf("%q: %q came back as %q, %v", text, clean, again, err)
		}
	})
}

// FuzzName: escaping is undone by unescaping, and makes what names can have.
func FuzzName(f *testing.F) {
	for _, seed := range []string{"/foo//bar/.x/-", "a@b.service", "", "/", "\\x2d", "é", strings.Repeat("a", 300)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := Escape(s)
		if back, err := Unescape(e); err != nil || back != s {
			t.Errorf("%q: %q, %q, %v", s, e, back, err)
		}
		if s != "" && !validPart(e, false) {
			t.Errorf("%q: %q", s, e)
		}
		if n, err := NameFromPath(s, TypeMount); err == nil && !ValidName(n, PlainName) {
			t.Errorf("%q: %q", s, n)
		}
		if n, err := Mangle(s, false); err == nil && !ValidName(n, AnyName) {
			t.Errorf("%q: %q", s, n)
		}
	})
}
