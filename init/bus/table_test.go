package bus

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/graph"
	"keelson/supervise/unit"
)

// later253 are methods that systemd 253 and 254 have brought.
var later253 = []string{
	"Manager QueueSignalUnit", "Unit QueueSignal", "Manager DisableUnitFilesWithFlagsAndInstallInfo",
}

// allInterfaces are those of all kinds of objects, each once.
func allInterfaces() map[string]*iface {
	t := newTables()
	list := slices.Concat(t.standard(), t.manager(), t.job(), t.log())
	for _, u := range unit.Types() {
		list = append(list, t.units[u]()...)
	}
	m := map[string]*iface{}
	for _, i := range list {
		m[strings.TrimPrefix(i.name, "org.freedesktop.")] = i
	}
	return m
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// TestInterfaces holds the tables against what systemd 252 offers: the same properties with the same types in the same order, the same
// methods and signals.
func TestInterfaces(t *testing.T) {
	file, err := os.Open("testdata/systemd252.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ours := allInterfaces()
	want := map[string][]string{}
	for s := bufio.NewScanner(file); s.Scan(); {
		if line := s.Text(); !strings.HasPrefix(line, "#") {
			name, rest, _ := strings.Cut(line, " ")
			want[name] = append(want[name], rest)
		}
	}
	count := 0
	for name, list := range want {
		i := ours[name]
		if i == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		var properties, others []string
		for _, p := range i.properties {
			access := "read"
			if p.set != nil {
				access = "readwrite"
			}
			properties = append(properties, strings.Join([]string{"property", p.name, p.sig, access, emitsWords[p.emits]}, " "))
		}
		for _, m := range i.methods {
			if short := name[strings.LastIndexByte(name, '.')+1:] + " " + m.name; !slices.Contains(later253, short) {
				others = append(others, strings.Join([]string{"method", m.name, dash(m.in), dash(m.out)}, " "))
			}
		}
		for _, s := range i.signals {
			others = append(others, strings.Join([]string{"signal", s.name, dash(s.sig)}, " "))
		}
		isProperty := func(s string) bool { return strings.HasPrefix(s, "property ") }
		wanted := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return !isProperty(s) })
		diff(t, name, wanted, properties)
		rest := slices.DeleteFunc(slices.Clone(list), isProperty)
		slices.Sort(rest)
		slices.Sort(others)
		diff(t, name, rest, others)
		count += len(list)
	}
	if count < 1600 {
		t.Errorf("only %d facts were looked at", count)
	}
}

func diff(t *testing.T, what string, want, have []string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(have, w) {
			t.Errorf("%s lacks %s", what, w)
		}
	}
	for _, h := range have {
		if !slices.Contains(want, h) {
			t.Errorf("%s has %s, which systemd has not", what, h)
		}
	}
	if !slices.Equal(want, have) && !t.Failed() {
		t.Errorf("%s is in another order:\n%s\n%s", what, strings.Join(want, "\n"), strings.Join(have, "\n"))
	}
}

// allTypes has a unit of each type.
var allTypes = map[string]string{
	"full.service": `[Unit]
Description=Full
ConditionPathExists=!/nowhere
AssertPathExists=|!/nowhere
RequiresMountsFor=/srv
[Service]
Type=notify
ExecStartPre=-/bin/true one "two three"
ExecStart=/usr/sbin/daemon -x
ExecReload=/bin/kill -HUP $MAINPID
ExecStopPost=+/bin/true
SuccessExitStatus=3 SIGUSR1
WatchdogSec=10
User=www-data
Environment=A=b "C=d e"
EnvironmentFile=-/etc/default/full
LimitNOFILE=100:200
CPUAffinity=0 2 65
CPUWeight=50
MemoryMax=50%
TasksMax=10%
IOReadBandwidthMax=/dev/sda 1M
DeviceAllow=/dev/null rw
IPAddressAllow=10.0.0.0/8 ::1
SocketBindAllow=ipv4:tcp:80-90
RestrictNetworkInterfaces=~eth0
SystemCallFilter=~mount
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=net
ReadOnlyPaths=-/etc +/srv
BindPaths=/a:/b
TemporaryFileSystem=/tmp:size=1M
StateDirectory=full:link
LoadCredential=a:/b
SetCredential=c:d
MountImages=/img:/mnt:root:ro
ExtensionImages=/ext
RootImageOptions=root:ro
LogExtraFields=FOO=bar
AppArmorProfile=-x
KillMode=mixed
FileDescriptorStoreMax=4
Delegate=cpu
BPFProgram=egress:/sys/fs/bpf/x
`,
	"full.socket": "[Socket]\nListenStream=/run/full.sock\nListenStream=80\nListenDatagram=127.0.0.1:53\nListenNetlink=kobject-uevent 1\n" +
		"ListenStream=vsock::5\nExecStartPre=/bin/true\nSymlinks=/run/a\nMark=3\nSocketProtocol=sctp\n",
	"full.timer":    "[Timer]\nOnBootSec=5min\nOnUnitActiveSec=1h\nOnCalendar=daily\nUnit=full.service\n",
	"full.path":     "[Path]\nPathExists=/x\nDirectoryNotEmpty=/y\nUnit=full.service\n",
	"full.target":   "[Unit]\nWants=full.service\n",
	"full.slice":    "[Slice]\nCPUQuota=20%\n",
	"mnt.mount":     "[Mount]\nWhat=/dev/sda\nWhere=/mnt\n",
	"srv.automount": "[Automount]\nWhere=/srv\n",
	"x.swap":        "[Swap]\nWhat=/x\n",
}

// TestValues reads all properties of a unit of each type, loaded, not there and broken, and checks that each has the type that it says.
func TestValues(t *testing.T) {
	w := newWorld(t, allTypes)
	load := func(name string) *supervise.Unit {
		var u *supervise.Unit
		w.on(func() { w.Request(supervise.Request{Verb: supervise.VerbLoad, Unit: name}, nil) })
		w.on(func() { u, _ = w.machine.Unit(name) })
		if u == nil {
			t.Fatalf("%s was not loaded", name)
		}
		return u
	}
	check := func(name string, k kind, s *subject) {
		for _, i := range k {
			for j := range i.properties {
				p := &i.properties[j]
				v := p.get(s)
				if f, ok := v.(later); ok {
					v = f()
				}
				if sig := dbus.SignatureOf(v); sig.String() != p.sig {
					t.Errorf("%s: %s.%s is %s (%T), not %s", name, i.name, p.name, sig, v, p.sig)
				}
			}
		}
	}
	names := []string{"basic.target", "none.service", "none.socket", "none.timer", "none.path", "dev-null.device", "none.mount", "init.scope", "none.scope",
		"none.automount", "none.swap", "none.slice", "-.slice", "-.mount"}
	for name := range allTypes {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		u := load(name)
		w.on(func() {
			if _, there := allTypes[name]; there && w.machine.Graph().Facts(u.ID).Load != graph.Loaded {
				t.Errorf("%s is not loaded: %s %v", name, u.Config.LoadError, u.Diagnostics)
			}
			check(name, w.server.tables.units[u.Config.Type](), &subject{Manager: w, server: w.server, machine: w.machine, u: u})
		})
	}
	w.on(func() {
		check("manager", w.server.tables.manager(), &subject{Manager: w, server: w.server, machine: w.machine})
		u, _ := w.machine.Unit("basic.target")
		check("job", w.server.tables.job(), &subject{Manager: w, server: w.server, machine: w.machine, u: u, job: graph.Job{ID: 7}})
	})
}

// TestSyscalls: a filter is shown as what it comes to.
func TestSyscalls(t *testing.T) {
	groups := map[string][]string{"@default": {"exit", "read"}, "@swap": {"swapoff", "swapon"}}
	s := &subject{server: &Server{opt: Options{Calls: func(group string, each func(string)) {
		for _, name := range groups[group] {
			each(name)
		}
	}}}}
	for _, test := range []struct {
		f    unit.SyscallFilter
		want string
	}{
		{unit.SyscallFilter{}, "~"},
		{unit.SyscallFilter{Set: true, AllowList: true, Rules: []unit.SyscallRule{{Name: "@swap", Errno: -1}, {Name: "swapon", Errno: -1, Remove: true}}}, "exit read swapoff"},
		{unit.SyscallFilter{Set: true, Rules: []unit.SyscallRule{{Name: "@swap", Errno: 1}, {Name: "mount", Errno: -1}, {Name: "kill", Errno: unit.SyscallKill}}},
			"~kill:kill mount swapoff:EPERM swapon:EPERM"},
		{unit.SyscallFilter{Set: true, Rules: []unit.SyscallRule{{Name: "mount", Errno: 4000}}}, "~mount:4000"},
	} {
		l := syscalls(&test.f, s)
		have := strings.Join(l.Names, " ")
		if !l.Allow {
			have = "~" + have
		}
		if have != test.want {
			t.Errorf("%+v: %s, not %s", test.f, have, test.want)
		}
	}
}
