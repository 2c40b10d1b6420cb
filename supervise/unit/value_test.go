package unit

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdunit "github.com/coreos/go-systemd/v22/unit"
)

func TestValues(t *testing.T) {
	show := func(v any, err error) string {
		if err != nil {
			return "error"
		}
		return fmt.Sprint(v)
	}
	size := func(s string) string { return show(ParseSize(s, 1024)) }
	mode := func(s string) string { m, err := ParseMode(s); return show(fmt.Sprintf("%o", m), err) }
	signal := func(s string) string { return show(ParseSignal(s)) }
	status := func(s string) string { return show(ParseExitStatus(s)) }
	permyriad := func(s string) string { return show(parsePermyriad(s, true)) }
	errno := func(s string) string {
		e, ok := ParseErrno(s)
		if !ok {
			return "error"
		}
		return fmt.Sprint(e)
	}
	number := func(s string) string { return show(parseUint(s, 0, 32)) }
	nice := func(s string) string { return show(ParseRlimit(LimitNICE, s)) }
	boolean := func(s string) string {
		b, ok := ParseBoolean(s)
		if !ok {
			return "error"
		}
		return fmt.Sprint(b)
	}
	for _, c := range []struct {
		what      string
		f         func(string) string
		in, want  string
		whyItsBad string
	}{
		{"boolean", boolean, "Yes", "true", ""},
		{"boolean", boolean, "f", "false", ""},
		{"boolean", boolean, "2", "error", "only 0 and 1 are booleans"},
		{"boolean", boolean, "", "error", "nothing is no boolean"},
		{"size", size, "4K", "4096", ""},
		{"size", size, "1.5G", "1610612736", ""},
		{"size", size, "1G 5M 3", "1078984707", ""},
		{"size", size, "10.M", "10485760", ""},
		{"size", size, "12B", "12", ""},
		{"size", size, "5M 1G", "error", "suffixes go down"},
		{"size", size, "1K 1K", "error", "a suffix counts once"},
		{"size", size, "-1", "error", "sizes are not negative"},
		{"size", size, "K", "error", "no number"},
		{"size", size, "16E", "error", "more than 64 bits"},
		{"size", size, "", "error", "nothing"},
		{"mode", mode, "0755", "755", ""},
		{"mode", mode, "7777", "7777", ""},
		{"mode", mode, "10000", "error", "more than twelve bits"},
		{"mode", mode, "0o755", "error", "modes are octal without saying so"},
		{"mode", mode, "u=rwx", "error", "no number"},
		{"mode", mode, "+755", "error", "no sign"},
		{"signal", signal, "SIGTERM", "SIGTERM", ""},
		{"signal", signal, "HUP", "SIGHUP", ""},
		{"signal", signal, "9", "SIGKILL", ""},
		{"signal", signal, "RTMIN+3", "SIGRTMIN+3", ""},
		{"signal", signal, "SIGRTMAX-1", "SIGRTMIN+29", ""},
		{"signal", signal, "RTMIN", "SIGRTMIN+0", ""},
		{"signal", signal, "65", "error", "beyond the last signal"},
		{"signal", signal, "0", "error", "no signal"},
		{"signal", signal, "RTMIN+31", "error", "beyond RTMAX"},
		{"signal", signal, "term", "error", "names are in capitals"},
		{"exit status", status, "203", "203", ""},
		{"exit status", status, "DATAERR", "65", ""},
		{"exit status", status, "256", "error", "a byte"},
		{"exit status", status, "SIGTERM", "error", "a signal"},
		{"share", permyriad, "12.5%", "1250", ""},
		{"share", permyriad, "100%", "10000", ""},
		{"share", permyriad, "5‰", "50", ""},
		{"share", permyriad, "7‱", "7", ""},
		{"share", permyriad, "101%", "error", "more than all"},
		{"share", permyriad, "1.234%", "error", "finer than a ten-thousandth"},
		{"share", permyriad, "5", "error", "no share"},
		{"errno", errno, "EPERM", "1", ""},
		{"errno", errno, "0", "0", ""},
		{"errno", errno, "4096", "error", "beyond the kernel's"},
		{"number", number, " 0x10", "16", ""},
		{"number", number, "010", "8", ""},
		{"number", number, "1_0", "error", "underscores are Go's"},
		{"number", number, "-1", "error", "negative"},
		{"number", number, "4294967296", "error", "more than 32 bits"},
		{"nice limit", nice, "-5", "{25 25}", ""},
		{"nice limit", nice, "+5", "{15 15}", ""},
		{"nice limit", nice, "0:40", "{0 40}", ""},
		{"nice limit", nice, "+20", "error", "nice levels end at 19"},
	} {
		if got := c.f(c.in); got != c.want {
			t.Errorf("%s %q: got %s, want %s %s", c.what, c.in, got, c.want, c.whyItsBad)
		}
	}
}

// Separators that stay: what systemd's test-extract-word.c expects.
func TestRetainSeparators(t *testing.T) {
	for _, c := range []struct {
		in, sep    string
		flags      wordFlags
		word, rest string
	}{
		{"a:b", ":", retainSeparators, "a", ":b"},
		{"a>:b", ">:", retainSeparators, "a", ">:b"},
		{">:b", ">:", retainSeparators, "b", ""},
		{">:b", ">:", retainSeparators | eachSeparator, "", ">:b"},
		{`a\:b`, ":", retainSeparators | retainEscapes, `a\`, ":b"},
		{`a\:a:b`, ":", retainSeparators | unescapeSeparators, "a:a", ":b"},
	} {
		cur := cursor{s: c.in}
		if w, ok, err := cur.word(c.sep, c.flags); w != c.word || !ok || err != nil || cur.s != c.rest {
			t.Errorf("%q: got %q, rest %q, %v", c.in, w, cur.s, err)
		}
	}
}

func TestSpecifiers(t *testing.T) {
	h := Host{
		Architecture: "x86-64", BootID: "b0", MachineID: "m0", Hostname: "host.example.org", Kernel: "6.1", OSRelease: true, OSID: "debian",
		OSVersionID: "12", User: "root", UID: "0", Group: "root", GID: "0", Home: "/root", Shell: "/bin/sh", TmpDir: "/tmp", VarTmpDir: "/var/tmp",
		RuntimeRoot: "/run", StateRoot: "/var/lib", CacheRoot: "/var/cache", LogsRoot: "/var/log", ConfigurationRoot: "/etc",
	}
	s := specifiers{host: &h, name: `a-b\x2dc@x-y\x20z.service`, fragment: "/etc/systemd/system/a@.service"}
	for in, want := range map[string]string{
		"%a %b %m %v": "x86-64 b0 m0 6.1", "%A|%B|%M|%W": "|||", "%o %w": "debian 12", "%H %l %q": "host.example.org host host",
		"%C %E %L %S %t %T %V": "/var/cache /etc /var/log /var/lib /run /tmp /var/tmp", "%g %G %u %U %h %s": "root 0 root 0 /root /bin/sh",
		"%n": `a-b\x2dc@x-y\x20z.service`, "%N": `a-b\x2dc@x-y\x20z`, "%p %j": `a-b\x2dc b\x2dc`, "%P %J": "a/b-c b-c",
		"%i": `x-y\x20z`, "%I": "x/y z", "%f": "/x/y z", "%d": `/run/credentials/a-b\x2dc@x-y\x20z.service`,
		"%y %Y": "/etc/systemd/system/a@.service /etc/systemd/system", "%%": "%", "%": "%", "100%,": "100%,",
	} {
		if got, err := s.expand(in, allSpecifiers, lineMax); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"%z", "%1", "%x"} {
		if got, err := s.expand(in, allSpecifiers, lineMax); err != errUnknownSpecifier {
			t.Errorf("%s: got %q, %v", in, got, err)
		}
	}
	if _, err := s.expand("%t", nameSpecifiers, nameMax); err != errUnknownSpecifier {
		t.Errorf("a path in a unit name: %v", err)
	}
	if _, err := s.expand("%n", allSpecifiers, 5); err != errTooLong {
		t.Errorf("too long: %v", err)
	}
	h.OSRelease = false
	if _, err := s.expand("%o", allSpecifiers, lineMax); err != errNoOSRelease {
		t.Errorf("no os-release: %v", err)
	}
}

func TestHolds(t *testing.T) {
	yes, no := Condition{Parameter: "y"}, Condition{Parameter: "n"}
	not := func(c Condition) Condition { c.Negate = true; return c }
	trigger := func(c Condition) Condition { c.Trigger = true; return c }
	for _, c := range []struct {
		list []Condition
		want bool
	}{
		{nil, true},
		{[]Condition{yes, yes}, true},
		{[]Condition{yes, no}, false},
		{[]Condition{not(no)}, true},
		{[]Condition{trigger(no), trigger(yes)}, true},
		{[]Condition{trigger(no), trigger(no)}, false},
		{[]Condition{trigger(yes), no}, false},
		{[]Condition{trigger(not(yes)), yes}, false},
	} {
		if got := Holds(c.list, func(c Condition) bool { return c.Parameter == "y" }); got != c.want {
			t.Errorf("%v: got %v", c.list, got)
		}
	}
}

// service loads a service with these lines in [Service].
func service(t *testing.T, lines ...string) (*Unit, []string) {
	t.Helper()
	l := loader(t, etc+"a.service", "[Service]\nExecStart=/bin/true\n"+strings.Join(lines, "\n"))
	l.Host.Architecture = "x86-64"
	u, d := l.Load("a.service")
	if u.LoadState != Loaded {
		t.Fatalf("%q: %v", lines, texts(d))
	}
	return u, texts(d)
}

func TestLists(t *testing.T) {
	for _, c := range []struct {
		lines []string
		get   func(u *Unit) any
		want  string
	}{
		{[]string{"CapabilityBoundingSet=CAP_CHOWN", "CapabilityBoundingSet=cap_kill 0"}, func(u *Unit) any { return u.Exec.BoundingSet.Names() }, "[cap_chown cap_kill]"},
		{[]string{"CapabilityBoundingSet=CAP_CHOWN CAP_KILL", "CapabilityBoundingSet=~CAP_KILL"}, func(u *Unit) any { return u.Exec.BoundingSet.Names() }, "[cap_chown]"},
		{[]string{"CapabilityBoundingSet="}, func(u *Unit) any { return u.Exec.BoundingSet }, "0"},
		{[]string{"CapabilityBoundingSet=~"}, func(u *Unit) any { return u.Exec.BoundingSet == AllCapabilities }, "true"},
		{[]string{"SystemCallFilter=@system-service", "SystemCallFilter=~@mount chown:EPERM"}, func(u *Unit) any { return u.Exec.SystemCallFilter }, "{true true [{@system-service false -1} {@mount true -1} {chown true 1}]}"},
		{[]string{"SystemCallFilter=~a", "SystemCallFilter=b"}, func(u *Unit) any { return u.Exec.SystemCallFilter }, "{true false [{a false -1} {b true -1}]}"},
		{[]string{"RestrictAddressFamilies=AF_UNIX AF_INET", "RestrictAddressFamilies=~AF_INET"}, func(u *Unit) any { return u.Exec.RestrictAddressFamilies }, "{true true [AF_UNIX]}"},
		{[]string{"RestrictAddressFamilies=none"}, func(u *Unit) any { return u.Exec.RestrictAddressFamilies }, "{true true []}"},
		{[]string{"RestrictNamespaces=yes"}, func(u *Unit) any { return u.Exec.RestrictNamespaces }, "{true 0}"},
		{[]string{"RestrictNamespaces=~mnt net"}, func(u *Unit) any { return u.Exec.RestrictNamespaces.Value == AllNamespaces&^0x40020000 }, "true"},
		{[]string{"CPUAffinity=0-2,5", "CPUAffinity=1 7"}, func(u *Unit) any { return u.Exec.CPUAffinity }, "[0 1 2 5 7]"},
		{[]string{"CPUAffinity=0-2", "CPUAffinity="}, func(u *Unit) any { return u.Exec.CPUAffinity == nil }, "true"},
		{[]string{"BindPaths=/a -/b:/c:norbind /d:/e", "BindReadOnlyPaths=/f:/g"}, func(u *Unit) any { return u.Exec.Binds }, "[{/a /a false true false} {/b /c false false true} {/d /e false true false} {/f /g true true false}]"},
		{[]string{"ReadWritePaths=-/a/ +/b -+/c"}, func(u *Unit) any { return u.Exec.ReadWritePaths }, "[{/a true false} {/b false true} {/c true true}]"},
		{[]string{"TemporaryFileSystem=/a:ro,size=1M /b"}, func(u *Unit) any { return u.Exec.TemporaryFS }, "[{/a ro,size=1M} {/b }]"},
		{[]string{"StateDirectory=b:c a/x", "StateDirectory=b:d"}, func(u *Unit) any { return u.Exec.Directories[StateDirectory].List }, "[{a/x []} {b [c d]}]"},
		{[]string{"EnvironmentFile=-/etc/default/%n", "EnvironmentFile=/b"}, func(u *Unit) any { return u.Exec.EnvironmentFiles }, "[{/etc/default/a.service true} {/b false}]"},
		{[]string{`Environment="A=b c" A=d`, "Environment=", "Environment=E=%%"}, func(u *Unit) any { return u.Exec.Environment }, "[E=%]"},
		{[]string{"SetCredential=a:x\\n", "SetCredential=a:y"}, func(u *Unit) any { return string(u.Exec.SetCredentials[0].Data) }, "y"},
		{[]string{"LoadCredential=a", "LoadCredential=b:/c"}, func(u *Unit) any { return u.Exec.LoadCredentials[0].Source + u.Exec.LoadCredentials[1].Source }, "a/c"},
		{[]string{"SuccessExitStatus=143 SIGKILL TEMPFAIL", "SuccessExitStatus=1"}, func(u *Unit) any { return u.Service.Success }, "{[1 75 143] [SIGKILL]}"},
		{[]string{"StandardInputText=a\\tb", "StandardInputData=Yw=="}, func(u *Unit) any { return string(u.Exec.InputBytes) + u.Exec.Input.String() }, "a\tb\ncdata"},
		{[]string{"StandardOutput=append:/x", "StandardError=fd:y"}, func(u *Unit) any {
			return []any{u.Exec.Output, u.Exec.Error, u.Exec.Streams[1].File, u.Exec.Streams[2].FDName}
		}, "[append fd /x y]"},
		{[]string{"MemoryMax=50%", "TasksMax=infinity", "CPUQuota=150%"}, func(u *Unit) any {
			return []any{u.Cgroup.MemoryMax.Share, u.Cgroup.TasksMax.Amount == NoLimit, u.Cgroup.CPUQuota}
		}, "[5000 true 1.500000s]"},
		{[]string{"IPAddressDeny=any", "IPAddressAllow=localhost 10.1.2.3"}, func(u *Unit) any { return []any{u.Cgroup.IPAddressDeny, u.Cgroup.IPAddressAllow} }, "[[0.0.0.0/0 ::/0] [127.0.0.0/8 ::1/128 10.1.2.3/32]]"},
		{[]string{"DeviceAllow=/dev/null rw", "DeviceAllow=char-pts"}, func(u *Unit) any { return u.Cgroup.DeviceAllow }, "[{/dev/null rw} {char-pts rwm}]"},
		{[]string{"PIDFile=x.pid"}, func(u *Unit) any { return u.Service.PIDFile }, "/run/x.pid"},
		{[]string{"TimeoutSec=0"}, func(u *Unit) any { return u.Service.TimeoutStart == Infinity && u.Service.TimeoutStop == Infinity }, "true"},
		{[]string{"TimeoutAbortSec=5", "TimeoutStopSec=7"}, func(u *Unit) any { return u.Service.AbortTimeout() }, "5s"},
		{[]string{"RestartSteps=3", "RestartMaxDelaySec=1min", "RestartMode=direct", "ExitType=cgroup"}, func(u *Unit) any {
			return []any{u.Service.RestartSteps, u.Service.RestartMaxDelay, u.Service.RestartMode, u.Service.ExitType}
		}, "[3 1min direct cgroup]"},
		{[]string{"NotifyAccess=all", "KillMode=mixed", "KillSignal=SIGINT"}, func(u *Unit) any { return []any{u.Service.NotifyAccess, u.Kill.Mode, u.Kill.RestartSignal()} }, "[all mixed SIGINT]"},
		{[]string{"Slice=a-b.slice"}, func(u *Unit) any { return u.On(InSlice) }, "[a-b.slice]"},
		{[]string{"ProtectSystem=strict", "ProtectHome=read-only", "RuntimeDirectoryPreserve=yes"}, func(u *Unit) any {
			return []any{u.Exec.ProtectSystem, u.Exec.ProtectHome, u.Exec.RuntimeDirectoryPreserve}
		}, "[strict read-only yes]"},
		{[]string{"ProtectSystem=true", "ProtectHome=off"}, func(u *Unit) any { return []any{u.Exec.ProtectSystem, u.Exec.ProtectHome} }, "[yes no]"},
	} {
		u, d := service(t, c.lines...)
		if got := fmt.Sprint(c.get(u)); got != c.want || len(d) > 0 {
			t.Errorf("%q:\n got %s\nwant %s\n%q", c.lines, got, c.want, d)
		}
	}
}

func TestBadLines(t *testing.T) {
	for line, want := range map[string]string{
		"Environment=A":                "Invalid environment assignment, ignoring: A",
		"EnvironmentFile=x":            "EnvironmentFile= path is not absolute, ignoring: x",
		"PrivateTmp=maybe":             "Failed to parse boolean value, ignoring: maybe",
		"KillSignal=SIGFOO":            "Failed to parse signal name, ignoring: SIGFOO",
		"Type=easy":                    "Failed to parse service type, ignoring: easy",
		"ProtectSystem=some":           "Failed to parse protect system value, ignoring: some",
		"RuntimeDirectory=/abs":        "RuntimeDirectory= path is absolute, ignoring: /abs",
		"RuntimeDirectory=../x":        "RuntimeDirectory= path is not normalized, ignoring: ../x",
		"StateDirectory=private/x":     "StateDirectory= path can't be 'private', ignoring assignment: private/x",
		"UMask=999":                    "Failed to parse mode value, ignoring: 999",
		"Nice=20":                      "Nice priority out of range, ignoring: 20",
		"OOMScoreAdjust=x":             "Failed to parse the OOM score adjust value 'x', ignoring: Invalid argument",
		"BusName=nodots":               "Invalid bus name, ignoring: nodots",
		"Sockets=a.service":            "Unit must be of type socket, ignoring: a.service",
		"SystemCallFilter=read:EPERM":  "Allow-listed system calls cannot take error number, ignoring: read:EPERM",
		"SystemCallFilter=@nonsense":   "Unknown system call group, ignoring: @nonsense",
		"SystemCallErrorNumber=0":      "Invalid error number, ignoring: 0",
		"RestrictNamespaces=foo":       "Failed to parse namespace type string, ignoring: foo",
		"StandardOutput=nowhere":       "Failed to parse output specifier, ignoring: nowhere",
		"StandardOutput=file:x":        "StandardOutput= path is not absolute: x",
		"StandardOutput=syslog":        "Standard output type syslog is obsolete, automatically updating to journal. Please update your unit file, and consider removing the setting altogether.",
		"PIDFile=/var/run/a.pid":       "PIDFile= references a path below legacy directory /var/run/, updating /var/run/a.pid → /run/a.pid; please update the unit file accordingly.",
		"CPUQuota=0%":                  "Invalid CPU quota '0%', ignoring.",
		"MemoryMax=0":                  "Memory limit '0' out of range, ignoring.",
		"DeviceAllow=/etc/x":           "Invalid device node path '/etc/x', ignoring.",
		"IPAddressAllow=1.2.3":         "Address prefix is invalid, ignoring assignment: 1.2.3",
		"Capabilities=all":             "Support for option Capabilities= has been removed and it is ignored",
		"SuccessExitStatus=300":        "Failed to parse value, ignoring: 300",
		"LogExtraFields=a=b":           "Log field name is invalid, ignoring: a=b",
		"Personality=arm64":            "Failed to parse personality, ignoring: arm64",
		"WorkingDirectory=-rel":        "WorkingDirectory= path is not absolute, ignoring: rel",
		"SyslogIdentifier=%z":          "Failed to resolve unit specifiers in '%z', ignoring: Invalid slot",
		"ExecStartPre=-/bin/x/":        "Executable path specifies a directory, ignoring: /bin/x/",
		`ExecStopPost=/bin/x "\q"`:     `Ignoring unknown escape sequences: "\q"`,
		"RestartSteps=2":               "Service has RestartSteps= but no RestartMaxDelaySec= setting. Ignoring.",
		"AmbientCapabilities=CAP_FOO":  "Unknown capability 'CAP_FOO' in AmbientCapabilities=, ignoring.",
		"SupplementaryGroups=a b c.d":  "Accepting user/group name 'c.d', which does not match strict user/group name rules.",
		"LoadCredential=a/b:/x":        "Credential name \"a/b\" not valid, ignoring.",
		"FileDescriptorStoreMax=-1":    "Failed to parse unsigned value, ignoring: -1",
		"SetCredentialEncrypted=a:%%%": "Encrypted credential data not valid Base64 data, ignoring.",
	} {
		_, d := service(t, line)
		if len(d) != 1 || !strings.HasSuffix(d[0], ": "+want) {
			t.Errorf("%s:\n got %q\nwant %q", line, d, want)
		}
	}
}

func TestListenAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"/run/x": "AF_UNIX /run/x", "@abs": "AF_UNIX @abs", "22": "AF_INET6 :22", "127.0.0.1:80": "AF_INET 127.0.0.1:80", "0.0.0.0:80": "AF_INET 0.0.0.0:80",
		"[::]:80": "AF_INET6 :::80", "[fe80::1%eth0]:80": "AF_INET6 fe80::1:80%eth0", "[fe80::1]:80%eth0": "AF_INET6 fe80::1:80%eth0",
		"vsock:2:1024": "AF_VSOCK 2:1024", "/var/run/x": "AF_UNIX /run/x",
		// Bad ones.
		"0": "", "65536": "", "host:80": "", "::1:80": "", "[::1]": "", "127.0.0.1": "", "@": "", "vsock:x": "", "[1.2.3.4]:80": "",
		"/" + strings.Repeat("x", 108): "",
	} {
		l := loader(t, etc+"a.socket", "[Socket]\nListenStream="+strings.ReplaceAll(in, "%", "%%"))
		u, d := l.Load("a.socket")
		got := ""
		if len(u.Socket.Listens) == 1 {
			p := u.Socket.Listens[0]
			switch got = p.Family.String() + " "; p.Family {
			case FamilyUnix:
				got += p.Path
			case FamilyVsock:
				got += fmt.Sprintf("%d:%d", p.CID, p.Port)
			default:
				if got += fmt.Sprintf("%s:%d", p.Host, p.Port); p.Scope != "" {
					got += "%" + p.Scope
				}
			}
		}
		if got != want || want == "" && len(d) == 0 {
			t.Errorf("%q: got %q, want %q, %q", in, got, want, texts(d))
		}
	}
}

type collector struct{ lines []string }

func (collector) section(string) sectionStatus { return sectionKnown }
func (c *collector) assign(_ int, section, key, value string) error {
	c.lines = append(c.lines, section+"."+key+"="+value)
	return nil
}
func (collector) remark(int, Severity, string) {}

// On text without the lexer's gaps both readers agree.
func TestSecondOpinion(t *testing.T) {
	for i := range 50 {
		text := strings.ReplaceAll(benchText(i), "\\\n", "")
		c := &collector{}
		if err := readText(text, c); err != nil {
			t.Fatal(err)
		}
		opts, err := sdunit.DeserializeOptions(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, o := range opts {
			want = append(want, o.Section+"."+o.Name+"="+o.Value)
		}
		if !slices.Equal(c.lines, want) {
			t.Errorf("got  %q\nwant %q", c.lines, want)
		}
	}
}

// What the lexer loses or refuses.
func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"[A]\nb=c \\\n# x \\\n  d":              "A.b=c    d",
		"[A]\nb=c\\\\\nd=e":                     "A.b=c\\\\ A.d=e",
		"[A]\n# x \\\nb=c":                      "A.b=c",
		"[A]\nlonely\nb=c":                      "A.b=c",
		"[A]\nb=" + strings.Repeat("x", 5000):   "A.b=" + strings.Repeat("x", 5000),
		"\ufeff[A]\r\nb = c \r\n":               "A.b=c",
		"b=c\n[A]\nd=e":                         "A.d=e",
		"[A]\nb=c\\":                            "A.b=c",
		"[A]\nb=\\\n\nd=e":                      "A.b= A.d=e",
		"[A]\rb=c\x00d=e":                       "A.b=c A.d=e",
		"[A]\nb=c = d":                          "A.b=c = d",
		"  [A]  \n\t b\t=\tc\t\n;d=e\n  #f=g\n": "A.b=c",
	} {
		c := &collector{}
		if err := readText(text, c); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := strings.Join(c.lines, " "); got != want {
			t.Errorf("%.60q: got %.60q, want %.60q", text, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	last := Directive{}
	for d := range Directives() {
		if d.Section < last.Section || d.Section == last.Section && d.Name <= last.Name {
			t.Errorf("%s.%s comes after %s.%s", d.Section, d.Name, last.Section, last.Name)
		}
		if (d.Standing == Privileged) != (d.Needs != "") || (d.Standing == Inert) != (d.Reason != "") || d.Page == "" || d.parse == nil || (d.Form == "") != (d.Standing == Removed) {
			t.Errorf("%+v", d)
		}
		last = d
	}
	if d, ok := FindDirective("Service", "ProtectSystem"); !ok || d.Needs != MountNamespace {
		t.Errorf("%+v", d)
	}
	if _, ok := FindDirective("Timer", "ProtectSystem"); ok {
		t.Error("timers have no sandbox")
	}
}

func TestNFTSet(t *testing.T) {
	for value, want := range map[string]int{
		"cgroup:inet:filter:web": 1, "cgroup:inet:filter:web user:ip6:t:s": 2, "cgroup:inet:filter": 0, "host:inet:f:w": 0, "cgroup:ipx:f:w": 0,
		"cgroup:inet:1f:w": 0, "group:netdev:a/b:c.d_e": 1, "": 0,
	} {
		tree := &Tree{}
		tree.AddFile("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/a\nNFTSet="+value+"\n")
		l := NewLoader(tree, DefaultHost())
		l.Scan()
		u, diagnostics := l.Load("a.service")
		if got := len(u.Cgroup.NFTSets); got != want || (want == 0 && value != "") != (len(diagnostics) > 0) {
			t.Errorf("NFTSet=%s: %d sets, %v", value, got, diagnostics)
		}
	}
}
