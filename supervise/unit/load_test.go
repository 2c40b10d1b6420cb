package unit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// tree makes a file system of "path" and text; a text "-> target" is a link.
func tree(files ...string) *Tree {
	t := &Tree{}
	for i := 0; i+1 < len(files); i += 2 {
		if target, ok := strings.CutPrefix(files[i+1], "-> "); ok {
			t.AddLink(files[i], target)
		} else {
			t.AddFile(files[i], files[i+1])
		}
	}
	return t
}

func loader(t *testing.T, files ...string) *Loader {
	t.Helper()
	l := NewLoader(tree(files...), DefaultHost())
	if d := l.Scan(); len(d) > 0 {
		t.Logf("scan: %v", d)
	}
	return l
}

const (
	etc = "/etc/systemd/system/"
	run = "/run/systemd/system/"
	lib = "/usr/lib/systemd/system/"
)

func texts(list []Diagnostic) []string {
	var s []string
	for _, d := range list {
		s = append(s, d.String())
	}
	return s
}

func TestDropInPrecedence(t *testing.T) {
	const set = "[Service]\nEnvironment="
	l := loader(t,
		lib+"a-b@.service", "[Service]\nExecStart=/bin/true\nEnvironment=ORDER=file",
		lib+"service.d/10-type.conf", set+"TYPE=1 ORDER=type",
		lib+"a-.service.d/20-prefix.conf", set+"PREFIX=1 ORDER=prefix",
		lib+"a-b@.service.d/30-template.conf", set+"TEMPLATE=1 ORDER=template",
		etc+"a-b@x.service.d/40-instance.conf", set+"INSTANCE=1 ORDER=instance",
		// The same name: /etc hides /run hides /usr/lib.
		etc+"a-b@x.service.d/50-same.conf", set+"SAME=etc",
		run+"a-b@x.service.d/50-same.conf", set+"SAME=run",
		lib+"a-b@x.service.d/50-same.conf", set+"SAME=lib",
		// Masked by a link to nowhere's device.
		lib+"a-b@x.service.d/60-masked.conf", set+"MASKED=1",
		etc+"a-b@x.service.d/60-masked.conf", "-> /dev/null",
		// No drop-in: the name does not end in .conf.
		etc+"a-b@x.service.d/70-no.conf.bak", set+"NO=1",
	)
	u, d := l.Load("a-b@x.service")
	if u.LoadState != Loaded || len(d) > 0 {
		t.Fatalf("%v %v", u.LoadState, d)
	}
	want := []string{"ORDER=instance", "TYPE=1", "PREFIX=1", "TEMPLATE=1", "INSTANCE=1", "SAME=etc"}
	if !slices.Equal(u.Exec.Environment, want) {
		t.Errorf("environment %q, want %q", u.Exec.Environment, want)
	}
	if len(u.DropIns) != 6 || !strings.HasSuffix(u.DropIns[5], "60-masked.conf") {
		t.Errorf("drop-ins %q", u.DropIns)
	}
}

func TestNames(t *testing.T) {
	const text = "[Service]\nExecStart=/bin/echo %i"
	l := loader(t,
		lib+"real.service", text,
		etc+"alias.service", "-> "+lib+"real.service",
		etc+"second.service", "-> alias.service",
		lib+"t@.service", text,
		lib+"t-alias@.service", "-> t@.service",
		lib+"t@own.service", text,
		etc+"masked.service", "-> /dev/null",
		lib+"masked.service", text,
		etc+"empty.service", "",
		etc+"linked.service", "-> /opt/x/linked.service", "/opt/x/linked.service", text,
		etc+"dangling.service", "-> "+lib+"gone.service",
		etc+"loop1.service", "-> loop2.service", etc+"loop2.service", "-> loop1.service",
		etc+"wrong.service", "-> "+lib+"t.socket",
		lib+"hidden.service", "[Unit]\nDescription=lib\n"+text, etc+"hidden.service", "[Unit]\nDescription=etc\n"+text,
	)
	for _, c := range []struct {
		name, main, file string
		aliases          []string
		state            LoadState
	}{
		{"real.service", "real.service", lib + "real.service", []string{"alias.service", "second.service"}, Loaded},
		{"second.service", "real.service", lib + "real.service", []string{"alias.service", "second.service"}, Loaded},
		{"t@x.service", "t@x.service", lib + "t@.service", []string{"t-alias@x.service"}, Loaded},
		{"t-alias@x.service", "t@x.service", lib + "t@.service", []string{"t-alias@x.service"}, Loaded},
		{"t@own.service", "t@own.service", lib + "t@own.service", nil, Loaded},
		{"t@.service", "t@.service", "", nil, BadSetting},
		{"masked.service", "masked.service", etc + "masked.service", nil, Masked},
		{"empty.service", "empty.service", etc + "empty.service", nil, Masked},
		{"linked.service", "linked.service", etc + "linked.service", nil, Loaded},
		{"dangling.service", "dangling.service", "", nil, NotFound},
		{"loop1.service", "loop1.service", "", nil, LoadError},
		{"wrong.service", "wrong.service", "", nil, NotFound},
		{"nowhere.service", "nowhere.service", "", nil, NotFound},
		{"no unit", "no unit", "", nil, BadSetting},
		{"hidden.service", "hidden.service", etc + "hidden.service", nil, Loaded},
		{"default.target", "multi-user.target", "", []string{"default.target"}, Loaded},
		{"network-online.target", "network-online.target", "", nil, Loaded},
		{"system-x.slice", "system-x.slice", "", nil, Loaded},
	} {
		u, d := l.Load(c.name)
		if u.Name != c.main || u.Fragment != c.file || !slices.Equal(u.Aliases, c.aliases) || u.LoadState != c.state {
			t.Errorf("%s: got %s %q %q %v, %v", c.name, u.Name, u.Fragment, u.Aliases, u.LoadState, d)
		}
		if (u.LoadError == "") != (c.state == Loaded) {
			t.Errorf("%s: load error %q", c.name, u.LoadError)
		}
	}
}

func TestLinkedDependencies(t *testing.T) {
	l := loader(t,
		lib+"a.target", "[Unit]\nWants=text.service",
		lib+"b.service", "[Service]\nExecStart=/bin/true",
		lib+"t@.service", "[Service]\nExecStart=/bin/true",
		etc+"a.target.wants/b.service", "-> "+lib+"b.service",
		lib+"a.target.wants/off.service", "-> ../off.service", etc+"a.target.wants/off.service", "-> /dev/null",
		lib+"a.target.requires/t@x.service", "-> ../t@.service",
		lib+"a.target.upholds/u.service", "-> ../u.service",
		lib+"a.target.wants/file.service", "no link",
		lib+"a.target.wants/other.service", "-> ../b.service",
	)
	u, d := l.Load("a.target")
	for kind, want := range map[DependencyKind][]string{
		Wants: {"text.service", "b.service", "other.service"}, Requires: {"t@x.service"}, Upholds: {"u.service"},
		Conflicts: {"shutdown.target"},
	} {
		if got := u.On(kind); !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", kind, got, want)
		}
	}
	want := []string{
		"a.target: Wants dependency dropin " + lib + "a.target.wants/file.service is not a symlink, ignoring.",
		"a.target: Wants dependency dropin " + lib + "a.target.wants/other.service target ../b.service has different name",
	}
	if got := texts(d); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// The diagnostics are those of systemd-analyze verify of systemd 252 for the same file.
func TestDiagnostics(t *testing.T) {
	l := loader(t, etc+"a.service", `[Unit]
Foo=bar
[Bogus]
A=b
[X-Own]
C=d
[Service]
ExecStart=/bin/true
RemainAfterExit=maybe
nonsense
=value
LimitNOFILE=a
LimitCPU=2:1
RestartSec=x
X-Mine=1
Environment=a b c=d \
# comment in between \
  E="f
Environment="K=v w" \
   L=2
`)
	u, d := l.Load("a.service")
	f := etc + "a.service:"
	want := []string{
		f + "2: Unknown key 'Foo' in section [Unit], ignoring.",
		f + "3: Unknown section 'Bogus'. Ignoring.",
		f + "9: Failed to parse boolean value, ignoring: maybe",
		f + "10: Missing '=', ignoring line.",
		f + "11: Missing key name before '=', ignoring line.",
		f + "12: Failed to parse resource value, ignoring: a",
		f + "13: Soft resource limit chosen higher than hard limit, ignoring: 2:1",
		f + "14: Failed to parse sec value, ignoring: x",
		f + "18: Invalid environment assignment, ignoring: a",
		f + "18: Invalid environment assignment, ignoring: b",
		f + "18: Invalid syntax, ignoring: a b c=d    E=\"f",
	}
	if got := texts(d); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if want := []string{"c=d", "K=v w", "L=2"}; u.LoadState != Loaded || !slices.Equal(u.Exec.Environment, want) {
		t.Errorf("%v %q", u.LoadState, u.Exec.Environment)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		state      LoadState
		say        string
	}{
		{"a.service", "[Service]\nType=simple", BadSetting, "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."},
		{"a.service", "[Service]\nExecStop=/bin/true", BadSetting, "Service has no ExecStart= and no SuccessAction= settings and does not have RemainAfterExit=yes set. Refusing."},
		{"a.service", "[Service]\nRemainAfterExit=yes\nExecStop=/bin/true", Loaded, ""},
		{"a.service", "[Service]\nExecStart=/bin/a\nExecStart=/bin/b", BadSetting, "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services. Refusing."},
		{"a.service", "[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b", Loaded, ""},
		{"a.service", "[Service]\nType=oneshot\nExecStart=/bin/a\nRestart=always", BadSetting, "Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services. Refusing."},
		{"a.service", "[Service]\nType=dbus\nExecStart=/bin/a", BadSetting, "Service is of type D-Bus but no D-Bus service name has been specified. Refusing."},
		{"a.service", "[Service]\nExecStart=/bin/a\nUser=a:b", BadSetting, "Invalid user/group name or numeric ID: a:b"},
		{"a.service", "[Service]\nExecStart=/bin/a/", BadSetting, "Executable path specifies a directory: /bin/a/"},
		{"a.service", "[Service]\nExecStart=-/bin/a/", BadSetting, "Executable path specifies a directory, ignoring: /bin/a/"},
		{"a.service", "[Service]\nExecStart=/bin/a\nWorkingDirectory=x", BadSetting, "WorkingDirectory= path is not absolute: x"},
		{"a.service", "[Service]\nExecStart=/bin/a\nWorkingDirectory=-x", Loaded, "WorkingDirectory= path is not absolute, ignoring: x"},
		{"a.service", "[Service\nExecStart=/bin/a", LoadError, "Invalid section header '[Service'"},
		{"a.service", "[Service]\nExecStart=/bin/\xff", LoadError, "String is not UTF-8 clean, ignoring assignment: ExecStart=/bin/\ufffd"},
		{"a.socket", "[Socket]\nAccept=yes", BadSetting, "Unit has no Listen setting (ListenStream=, ListenDatagram=, ListenFIFO=, ...). Refusing."},
		{"a.socket", "[Socket]\nListenDatagram=1\nAccept=yes", BadSetting, "Unit configured for accepting sockets, but sockets are non-accepting. Refusing."},
		{"a.timer", "[Timer]\nPersistent=yes", BadSetting, "Timer unit lacks value setting. Refusing."},
		{"a.timer", "[Timer]\nOnCalendar=daily\nOnCalendar=", BadSetting, "Timer unit lacks value setting. Refusing."},
		{"a.path", "[Path]\nMakeDirectory=yes", BadSetting, "Path unit lacks path setting. Refusing."},
		{"a.mount", "[Mount]\nWhat=x\nWhere=/b", BadSetting, "Where= setting doesn't match unit name. Refusing."},
		{"a-b.slice", "[Slice]\nSlice=c.slice", Loaded, "Failed to assign slice c.slice to unit a-b.slice, ignoring: Invalid argument"},
	} {
		u, d := loader(t, etc+c.name, c.text).Load(c.name)
		found := c.say == "" && len(d) == 0
		for _, x := range d {
			found = found || x.Text == c.say
		}
		if u.LoadState != c.state || !found {
			t.Errorf("%q: got %v, %q", c.text, u.LoadState, texts(d))
		}
	}
}

func TestDefaults(t *testing.T) {
	l := loader(t,
		etc+"plain.service", "[Service]\nExecStart=/bin/a",
		etc+"once.service", "[Service]\nType=oneshot\nExecStart=/bin/a",
		etc+"bus.service", "[Service]\nBusName=org.example.A\nExecStart=/bin/a",
		etc+"dog.service", "[Service]\nWatchdogSec=5\nExecStart=/bin/a",
		etc+"dyn@.service", "[Service]\nDynamicUser=yes\nStateDirectory=b a\nExecStart=/bin/a\nPrivateDevices=yes",
		etc+"s.socket", "[Socket]\nListenStream=80\nListenStream=/run/s",
		etc+"c.socket", "[Socket]\nListenStream=[::1]:80\nAccept=yes",
		etc+"t.timer", "[Timer]\nOnCalendar=daily\nOnBootSec=1h",
		etc+"p.path", "[Path]\nPathExists=/x\nUnit=plain.service",
		etc+"tmp.mount", "[Mount]\nWhat=tmpfs\nWhere=/tmp",
	)
	load := func(name string) *Unit {
		u, d := l.Load(name)
		if u.LoadState != Loaded || len(d) > 0 {
			t.Fatalf("%s: %v %v", name, u.LoadState, texts(d))
		}
		return u
	}
	u := load("plain.service")
	if u.Service.Type != ServiceSimple || u.Service.TimeoutStart != 90e6 || u.Service.RestartDelay != 100e3 || u.Exec.Output != OutputJournal || u.Description != "plain.service" {
		t.Errorf("plain.service: %+v", u.Service)
	}
	for kind, want := range map[DependencyKind][]string{
		Requires: {"sysinit.target", "system.slice"}, Before: {"shutdown.target"}, Conflicts: {"shutdown.target"},
		After: {"systemd-journald.socket", "sysinit.target", "basic.target", "system.slice"}, InSlice: {"system.slice"},
	} {
		if got := u.On(kind); !slices.Equal(got, want) {
			t.Errorf("plain.service %v: got %q, want %q", kind, got, want)
		}
	}
	if u := load("once.service"); u.Service.TimeoutStart != Infinity || u.Service.NotifyAccess != NotifyNone {
		t.Errorf("once.service: %+v", u.Service)
	}
	if u := load("bus.service"); u.Service.Type != ServiceDBus || !u.Has(Requires, "dbus.socket") || !u.Has(After, "dbus.socket") {
		t.Errorf("bus.service: %+v", u.Service)
	}
	if u := load("dog.service"); u.Service.NotifyAccess != NotifyMain {
		t.Errorf("dog.service: %+v", u.Service)
	}
	u = load("dyn@x.service")
	if e := u.Exec; e.User != "dyn" || e.Group != "dyn" || !e.PrivateTmp || e.ProtectSystem != ProtectSystemStrict || e.Directories[StateDirectory].List[0].Path != "a" || e.BoundingSet&capMknod != 0 {
		t.Errorf("dyn@x.service: %+v", u.Exec)
	}
	if u.Cgroup.Slice != "system-dyn.slice" || u.Cgroup.DevicePolicy != DevicePolicyClosed || !u.Has(Wants, "tmp.mount") || !u.Has(After, "systemd-tmpfiles-setup.service") {
		t.Errorf("dyn@x.service: %+v", u.Dependencies)
	}
	u = load("s.socket")
	if s := u.Socket; s.Service != "s.service" || s.FDName != "s.socket" || s.TriggerLimit != (RateLimit{2e6, 20}) || s.Listens[0].Port != 80 || s.Listens[1].Path != "/run/s" {
		t.Errorf("s.socket: %+v", s)
	}
	if !u.Has(Triggers, "s.service") || !u.Has(Before, "s.service") || !u.Has(Before, "sockets.target") {
		t.Errorf("s.socket: %+v", u.Dependencies)
	}
	u = load("c.socket")
	if s := u.Socket; s.Service != "" || s.FDName != "connection" || s.TriggerLimit.Burst != 200 || u.AcceptTemplate() != "c@.service" || s.Listens[0].Host != "::1" || len(u.On(Triggers)) != 0 {
		t.Errorf("c.socket: %+v", s)
	}
	u = load("t.timer")
	if tm := u.Timer; tm.Unit != "t.service" || len(tm.Calendar) != 1 || tm.Monotonic[0] != (MonotonicTimer{OnBoot, 3600e6}) || !u.Has(After, "time-sync.target") || !u.Has(Triggers, "t.service") {
		t.Errorf("t.timer: %+v", tm)
	}
	u = load("p.path")
	if p := u.Path; p.Unit != "plain.service" || p.TriggerLimit != (RateLimit{2e6, 200}) || !slices.Equal(u.On(Triggers), []string{"plain.service"}) {
		t.Errorf("p.path: %+v", p)
	}
}

func TestOrderTarget(t *testing.T) {
	l := loader(t,
		etc+"a.target", "[Unit]\nWants=b.service c.service d.service\nBefore=c.service",
		etc+"b.service", "[Service]\nExecStart=/bin/a",
		etc+"c.service", "[Service]\nExecStart=/bin/a",
		etc+"d.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/bin/a",
	)
	a, _ := l.Load("a.target")
	for _, name := range Pulls(a) {
		u, _ := l.Load(name)
		if got, want := OrderTarget(a, u), name == "b.service"; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := a.On(After); !slices.Equal(got, []string{"b.service"}) {
		t.Errorf("after %q", got)
	}
}

func TestBuiltins(t *testing.T) {
	l := loader(t)
	for _, name := range Builtins() {
		if u, d := l.Load(name); u.LoadState != Loaded || !u.Builtin || len(d) > 0 {
			t.Errorf("%s: %v %v", name, u.LoadState, texts(d))
		}
	}
	for _, alias := range sortedKeys(builtinAliases) {
		if u, _ := l.Load(alias); u.LoadState != Loaded || !slices.Contains(u.Aliases, alias) {
			t.Errorf("%s: %v", alias, u)
		}
	}
	// A link to one leads to it, whether there is a file or not; a link to nothing else does.
	l = loader(t, etc+"default.target", "-> /lib/systemd/system/graphical.target", etc+"gone.target", "-> /lib/systemd/system/nowhere.target")
	if u, d := l.Load("default.target"); u.Name != "graphical.target" || u.LoadState != Loaded || !u.Builtin || !slices.Contains(u.Aliases, "default.target") || len(d) > 0 {
		t.Errorf("%s: %v %v", u.Name, u.LoadState, u.Aliases)
	}
	if u, _ := l.Load("gone.target"); u.Name != "gone.target" || u.LoadState != NotFound {
		t.Errorf("%s: %v", u.Name, u.LoadState)
	}
}

func TestSysV(t *testing.T) {
	const script = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          foo foo-alias
# Required-Start:    $remote_fs $network bar
# X-Start-Before:    $portmap
# Default-Start:     2 3 4 5
# Short-Description: Foo 100%
# Description:       long
### END INIT INFO
# pidfile: /run/foo.pid
echo "Usage: foo {start|stop|reload}"
`
	l := loader(t,
		"/etc/init.d/foo", script, "/etc/rc2.d/S03foo", "-> ../init.d/foo", "/etc/rc0.d/K01foo", "-> ../init.d/foo",
		"/etc/init.d/old.sh", "# description: Old \\\n# thing\n", "/etc/rc2.d/S05old.sh", "-> ../init.d/old.sh",
		"/etc/init.d/native", script, lib+"native.service", "[Service]\nExecStart=/bin/true",
		"/etc/init.d/masked", script, etc+"masked.service", "-> /dev/null",
	)
	u, d := l.Load("foo.service")
	if u.LoadState != Loaded || len(d) > 0 {
		t.Fatalf("%v %v", u.LoadState, texts(d))
	}
	s := u.Service
	if u.Source != "/etc/init.d/foo" || u.Description != "LSB: Foo 100%" || s.Type != ServiceForking || s.PIDFile != "/run/foo.pid" || s.RemainAfterExit || s.GuessMainPID || u.Kill.Mode != KillControlGroup || s.TimeoutStart != 300e6 || len(s.Commands[ExecReload]) != 1 || !slices.Equal(s.Success.Statuses, []uint8{5, 6}) {
		t.Errorf("%+v %+v", u, s)
	}
	for kind, want := range map[DependencyKind][]string{
		Wants:  {"network-online.target"},
		Before: {"multi-user.target", "rpcbind.target", "old.service", "shutdown.target"},
	} {
		if got := u.On(kind); !slices.Equal(got, want) {
			t.Errorf("%v: got %q, want %q", kind, got, want)
		}
	}
	if !u.Has(After, "remote-fs.target") || !u.Has(After, "bar.service") {
		t.Errorf("after %q", u.On(After))
	}
	if alias, _ := l.Load("foo-alias.service"); alias.Name != "foo.service" {
		t.Errorf("alias is %s", alias.Name)
	}
	if old, _ := l.Load("old.service"); old.Description != "SYSV: Old thing" || !old.Service.RemainAfterExit || !old.Has(After, "foo.service") {
		t.Errorf("%+v", old)
	}
	if m, _ := l.Load("multi-user.target"); !m.Has(Wants, "foo.service") {
		t.Errorf("%q", m.On(Wants))
	}
	for name, want := range map[string]LoadState{"native.service": Loaded, "masked.service": Masked} {
		if n, _ := l.Load(name); n.LoadState != want || n.Source != "" {
			t.Errorf("%s: %v %q", name, n.LoadState, n.Source)
		}
	}
	if text, err := l.ReadFile(u.Fragment); err != nil || !strings.Contains(text, "ExecStart=/etc/init.d/foo start") {
		t.Errorf("%v %q", err, text)
	}
}

func TestManyDependencies(t *testing.T) {
	files := []string{lib + "many.target", "[Unit]\nWants=u00.service"}
	for i := range 100 {
		name := fmt.Sprintf("u%02d.service", i)
		files = append(files, etc+"many.target.wants/"+name, "-> ../"+name)
	}
	u, d := loader(t, files...).Load("many.target")
	if got := u.On(Wants); len(got) != 100 || got[0] != "u00.service" || got[99] != "u99.service" || len(d) > 0 {
		t.Errorf("%d %q %v", len(got), got, d)
	}
	if !u.Has(Wants, "u50.service") || u.Has(Requires, "u50.service") {
		t.Error("a dependency is not found, or one that is not there")
	}
}

func TestUnscanned(t *testing.T) {
	l := NewLoader(tree(etc+"a.service", "[Service]\nExecStart=/bin/true"), DefaultHost())
	for name, want := range map[string]LoadState{"a.service": NotFound, "basic.target": Loaded} {
		if u, _ := l.Load(name); u.LoadState != want {
			t.Errorf("%s: %v", name, u.LoadState)
		}
	}
}

func TestUnsupported(t *testing.T) {
	l := loader(t, etc+"a.service", `[Service]
ExecStart=/bin/true
PrivateTmp=yes
ProtectHome=read-only
ProtectHome=no
ReadOnlyPaths=/a
ReadOnlyPaths=
Nice=-5
MemoryMax=nonsense
PAMName=login
User=daemon
`, etc+"a.service.d/x.conf", "[Service]\nMemoryMax=1G")
	u, _ := l.Load("a.service")
	got := texts(u.Unsupported(func(p Privilege) bool { return p == SysNice }))
	want := []string{
		etc + "a.service:3: PrivateTmp= needs CAP_SYS_ADMIN (mount namespace), which is missing here.",
		etc + "a.service:10: PAMName= has no effect: no PAM session is opened: keelson is static.",
		etc + "a.service.d/x.conf:2: MemoryMax= needs writable cgroup v2 subtree, which is missing here.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s", strings.Join(got, "\n"))
	}
}
