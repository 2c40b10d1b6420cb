package bus

import (
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// wire makes a value what a client's would be after its way over the wire.
func wire(t *testing.T, sig string, v any) any {
	t.Helper()
	m := &dbus.Message{Type: dbus.TypeMethodReply, Body: []any{v}, Headers: map[dbus.HeaderField]dbus.Variant{
		dbus.FieldReplySerial: dbus.MakeVariant(uint32(1)), dbus.FieldSignature: dbus.MakeVariant(dbus.ParseSignatureMust(sig)),
	}}
	b, _, err := encode(m, 1)
	if err == nil {
		m, err = decode(b, nil)
	}
	if err != nil {
		t.Fatalf("%s %v: %v", sig, v, err)
	}
	return m.Body[0]
}

// TestRoundTrip sets each property of a unit that can be set to the value that it has, in a new unit, which then has the same value. What
// cannot be set is refused by name.
func TestRoundTrip(t *testing.T) {
	w := newWorld(t, allTypes)
	// What a second unit cannot have as well, and what does not stand alone.
	apart := map[string]string{
		"RuntimeDirectorySymlink": "", "StateDirectorySymlink": "StateDirectory", "CacheDirectorySymlink": "", "LogsDirectorySymlink": "",
		"StandardInputFileDescriptorName": "", "StandardOutputFileDescriptorName": "", "StandardErrorFileDescriptorName": "",
		"RootHashPath": "", "RootHashSignaturePath": "", "CPUAffinityFromNUMA": "", "DelegateControllers": "Delegate",
	}
	tried, set := 0, 0
	for name := range allTypes {
		t0 := unit.TypeOf(name)
		var u *supervise.Unit
		w.on(func() { w.Request(supervise.Request{Verb: supervise.VerbLoad, Unit: name}, nil) })
		w.on(func() { u, _ = w.machine.Unit(name) })
		for _, i := range w.server.tables.units[t0]() {
			for k := range i.properties {
				p := &i.properties[k]
				if _, skip := apart[p.name]; skip {
					continue
				}
				var v any
				w.on(func() { v = p.get(&subject{Manager: w, server: w.server, machine: w.machine, u: u}) })
				if f, ok := v.(later); ok {
					v = f()
				}
				tried++
				value := wire(t, p.sig, v)
				d := newDraft("new" + t0.Suffix())
				err := d.set(setting{p.name, value})
				if err == nil {
					err = d.finish()
				}
				if err != nil {
					if err.name != faultReadOnly && err.name != faultInvalidArgs {
						t.Errorf("%s of %s: %v", p.name, name, err)
					}
					continue
				}
				text := d.text(transientHead)
				if err := d.check(w.loader, text); err != nil {
					if !reflect.DeepEqual(value, wire(t, p.sig, defaults(w, p, u, d.name))) {
						t.Errorf("%s of %s = %v: %v\n%s", p.name, name, v, err, text)
					}
					continue
				}
				set++
				tree := &unit.Tree{}
				tree.AddFile(etc+d.name, text)
				l := unit.NewLoader(tree, unit.DefaultHost())
				l.Scan()
				config, _ := l.Load(d.name)
				if config.Exec != nil || config.Cgroup != nil || i.name == unitInterface {
					again := *u
					again.Config = config
					var v2 any
					w.on(func() { v2 = p.get(&subject{Manager: w, server: w.server, machine: w.machine, u: &again}) })
					if f, ok := v2.(later); ok {
						v2 = f()
					}
					if value2 := wire(t, p.sig, v2); !reflect.DeepEqual(value, value2) {
						t.Errorf("%s of %s was %v and is %v\n%s", p.name, name, value, value2, text)
					}
				}
			}
		}
	}
	if tried < 1500 || set < 700 {
		t.Errorf("%d of %d properties were set", set, tried)
	}
}

// defaults is the value in a unit whose file says nothing: it may be one that cannot be said.
func defaults(w *world, p *property, u *supervise.Unit, name string) (v any) {
	tree := &unit.Tree{}
	tree.AddFile(etc+name, "[Unit]\n")
	l := unit.NewLoader(tree, unit.DefaultHost())
	l.Scan()
	plain := *u
	plain.Config, _ = l.Load(name)
	w.on(func() { v = p.get(&subject{Manager: w, server: w.server, machine: w.machine, u: &plain}) })
	return v
}

// TestSettings is what single properties are written as.
func TestSettings(t *testing.T) {
	type args = [][]any
	for _, test := range []struct {
		property string
		value    any
		lines    string // "¶" is the end of a line; "!" and a part of the error's text, for what is refused
	}{
		{"Description", "50% of it", "[Unit]¶Description=50%% of it"},
		{"Description", "two\nlines", "!no unit file can have"},
		{"Description", `ends in \`, "!no unit file can have"},
		{"Nothing", "x", "!Cannot set property Nothing, or unknown property."},
		{"MainPID", uint32(1), "!Cannot set property MainPID"},
		{"Wants", []string{`a\x2db.service`, "c.service"}, `[Unit]¶Wants=a\x2db.service¶Wants=c.service`},
		{"ExecStart", args{{"/bin/x", []string{"x y", "a b", `"q"`, "$V", ";", "10%", "tab\there", `back\slash`, ""}, true}},
			`[Service]¶ExecStart=-@/bin/x "x y" "a b" "\"q\"" $V \; 10%% "tab\x09here" "back\\slash" ""`},
		{"ExecStartEx", args{{"/bin/x", []string{"/bin/x"}, []string{"no-env-expand", "privileged"}}}, "[Service]¶ExecStart=:+/bin/x"},
		{"ExecStartEx", args{{"/bin/x", []string{"/bin/x"}, []string{"fly"}}}, "!ExecStartEx"},
		{"ExecStart", args{{"/bin/x", []string{}, false}}, "!ExecStart"},
		{"ExecStart", "x", "!ExecStart"},
		{"ExecStart", args{{uint32(1)}}, "!ExecStart"},
		{"Environment", []string{"A=b c", "D=\"\n\""}, `[Service]¶Environment="A=b c" "D=\"\n\""`},
		{"LimitNOFILE", uint64(5), "[Service]¶LimitNOFILE=5:5"},
		{"LimitCORE", Unknown, "[Service]¶LimitCORE=infinity:infinity"},
		{"MemoryMaxScale", uint32(1<<32/4 - 1), "[Service]¶MemoryMax=25.00%"},
		{"MemoryMax", Unknown, "[Service]¶MemoryMax=infinity"},
		{"TasksMax", uint64(7), "[Service]¶TasksMax=7"},
		{"CPUQuotaPerSecUSec", uint64(205000), "[Service]¶CPUQuota=20.50%"},
		{"CPUQuotaPerSecUSec", Unknown, "[Service]¶CPUQuota="},
		{"CPUWeight", uint64(0), "[Service]¶CPUWeight=idle"},
		{"AllowedCPUs", []byte{5, 1}, "[Service]¶AllowedCPUs=0 2 8"},
		{"RestartUSec", uint64(1500), "[Service]¶RestartSec=1500us"},
		{"TimeoutStopUSec", Unknown, "[Service]¶TimeoutStopSec=infinity"},
		{"TimerSlackNSec", uint64(9), "[Service]¶TimerSlackNSec=9"},
		{"UMask", uint32(0o77), "[Service]¶UMask=0077"},
		{"KillSignal", int32(10), "[Service]¶KillSignal=SIGUSR1"},
		{"KillSignal", int32(99), "!KillSignal"},
		{"SyslogFacility", int32(19), "[Service]¶SyslogFacility=local3"},
		{"SuccessExitStatus", []any{[]int32{3}, []int32{1}}, "[Service]¶SuccessExitStatus=3 SIGHUP"},
		{"SuccessExitStatus", []any{[]int32{300}, []int32{}}, "!SuccessExitStatus"},
		{"IPAddressDeny", args{{int32(2), []byte{10, 0, 0, 0}, uint32(8)}}, "[Service]¶IPAddressDeny=10.0.0.0/8"},
		{"IPAddressDeny", args{{int32(2), []byte{10}, uint32(8)}}, "!IPAddressDeny"},
		{"IPAddressDeny", args{{int32(2), []byte{10, 0, 0, 0}, uint32(99)}}, "!IPAddressDeny"},
		{"IPAddressDeny", args{}, "[Service]¶IPAddressDeny="},
		{"SocketBindAllow", args{{int32(10), int32(17), uint16(3), uint16(5)}}, "[Service]¶SocketBindAllow=ipv6:udp:5-7"},
		{"SystemCallFilter", []any{false, []string{"mount", "@swap"}}, "[Service]¶SystemCallFilter=~mount @swap"},
		{"Conditions", args{{"ConditionPathExists", true, true, "/x"}}, "[Unit]¶ConditionPathExists=|!/x"},
		{"Conditions", args{{"Wants", false, false, "evil.service"}}, "!Conditions"},
		{"StandardOutputFileToAppend", "/log", "[Service]¶StandardOutput=append:/log"},
		{"StandardInputData", []byte("hi"), "[Service]¶StandardInputData=aGk="},
		{"StandardInputFileDescriptor", dbus.UnixFD(0), "[Service]¶StandardInput=fd:keelson-stdin"},
		{"StandardErrorFileDescriptor", dbus.UnixFDIndex(7), "!StandardErrorFileDescriptor"},
		{"SetCredential", args{{"id", []byte("a b\x00%")}}, `[Service]¶SetCredential=id:a\x20b\x00%%`},
		{"BindPaths", args{{"/a", "/b", true, uint64(0)}}, "[Service]¶BindPaths=-/a:/b:norbind"},
		{"RestrictNamespaces", uint64(1<<30 | 1<<17), "[Service]¶RestrictNamespaces=mnt net"},
		{"AddRef", true, ""},
		{"AddRef", "yes", "!AddRef"},
		{"Delegate", true, "[Service]¶Delegate=yes"},
		{"DelegateControllers", []string{"cpu", "io"}, "[Service]¶Delegate=cpu io"},
		{"OnCalendar", "daily", "!Cannot set property OnCalendar"},
		{"SendSIGHUP", true, "[Service]¶SendSIGHUP=yes"},
		{"TTYRows", uint16(24), "[Service]¶TTYRows=24"},
	} {
		d := newDraft("x.service")
		err := d.set(setting{test.property, test.value})
		if err == nil {
			err = d.finish()
		}
		if part, refused := strings.CutPrefix(test.lines, "!"); refused {
			if err == nil || !strings.Contains(err.text, part) {
				t.Errorf("%s %v: %v %q", test.property, test.value, err, d.text(""))
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %v: %v", test.property, test.value, err)
			continue
		}
		if have, want := strings.TrimSpace(d.text("")), strings.ReplaceAll(test.lines, "¶", "\n"); have != want {
			t.Errorf("%s %v: %q, not %q", test.property, test.value, have, want)
		}
	}
	for _, test := range []struct {
		name string
		list []setting
		want string
	}{
		{"r.timer", []setting{{"TimersMonotonic", args{{"OnBootUSec", uint64(5)}}}, {"TimersCalendar", args{{"OnCalendar", "daily"}}}}, "OnBootSec=5us\nOnCalendar=daily\n"},
		{"r.path", []setting{{"Paths", args{{"PathExists", "/x"}}}}, "PathExists=/x\n"},
		{"r.socket", []setting{{"Listen", args{{"Stream", "/run/x"}}}, {"SocketProtocol", int32(132)}}, "ListenStream=/run/x\nSocketProtocol=sctp\n"},
		{"r.slice", []setting{{"CPUWeight", uint64(9)}}, "CPUWeight=9\n"},
		{"r.service", []setting{{"LimitNOFILE", uint64(9)}, {"LimitNOFILESoft", uint64(4)}}, "LimitNOFILE=4:9\n"},
	} {
		d := newDraft(test.name)
		for _, s := range test.list {
			if err := d.set(s); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
		}
		if err := d.finish(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if text := d.text(""); !strings.HasSuffix(text, test.want) {
			t.Errorf("%s: %q", test.name, text)
		}
	}
}

// TestTransient makes units over the wire.
func TestTransient(t *testing.T) {
	w := newWorld(t, services)
	c := w.dial()
	o := c.Object(systemd1, managerPath)
	type p = systemdProperty
	exec := p{"ExecStart", dbus.MakeVariant([]execLine{{"/usr/sbin/daemon", []string{"daemon"}, false}})}
	start := func(name, mode string, aux []auxUnit, list ...p) error {
		return o.Call(managerInterface+".StartTransientUnit", 0, name, mode, list, aux).Err
	}
	later := p{"TimersMonotonic", dbus.MakeVariant([]named{{"OnActiveUSec", 1e12}})}
	if err := start("r1.timer", "fail", []auxUnit{{"r1.service", []p{exec}}}, later, p{"AddRef", dbus.MakeVariant(true)}); err != nil {
		t.Fatal(err)
	}
	w.on(func() {
		u, ok := w.machine.Unit("r1.timer")
		if !ok || !u.Transient() || u.Holds != 1 || w.machine.Sub(u) != "waiting" {
			t.Errorf("r1.timer: %+v", u)
		}
		if _, ok := w.machine.Unit("r1.service"); !ok {
			t.Error("r1.service is not loaded")
		}
		if want := transientHead + "\n[Service]\nExecStart=@/usr/sbin/daemon daemon\n"; w.written["r1.service"] != want {
			t.Errorf("r1.service is %q", w.written["r1.service"])
		}
		w.written = map[string]string{}
	})
	for _, test := range []struct {
		name, mode string
		list       []p
		fault      string
	}{
		{"r1.service", "fail", []p{exec}, faultUnitExists},
		{"basic.target", "fail", nil, faultInvalidArgs},
		{"x", "fail", nil, faultInvalidArgs},
		{"r2.service", "often", []p{exec}, faultInvalidArgs},
		{"r2.service", "fail", []p{exec, {"Type", dbus.MakeVariant("flying")}}, faultInvalidArgs},
		{"r2.service", "fail", []p{exec, {"CPUWeight", dbus.MakeVariant(uint64(1 << 40))}}, faultInvalidArgs},
		{"r2.service", "fail", []p{exec, {"Colour", dbus.MakeVariant("red")}}, faultReadOnly},
	} {
		if err := start(test.name, test.mode, nil, test.list...); faultName(err) != test.fault {
			t.Errorf("%s %s %v: %v", test.name, test.mode, test.list, err)
		}
	}
	w.on(func() {
		if len(w.written) != 0 {
			t.Errorf("what was refused is written: %v", w.written)
		}
	})

	set := func(list ...p) error {
		return o.Call(managerInterface+".SetUnitProperties", 0, "a.service", false, list).Err
	}
	if err := set(p{"CPUQuotaPerSecUSec", dbus.MakeVariant(uint64(200000))}, p{"IPAddressAllow", dbus.MakeVariant([]prefix{{2, []byte{10, 0, 0, 1}, 32}})},
		p{"Description", dbus.MakeVariant("other")}); err != nil {
		t.Fatal(err)
	}
	w.on(func() {
		var files []string
		for f := range w.written {
			files = append(files, f)
		}
		slices.Sort(files)
		if want := []string{"a.service/50-CPUQuota.conf", "a.service/50-Description.conf", "a.service/50-IPAddressAllow.conf"}; !slices.Equal(files, want) {
			t.Errorf("written were %v", files)
		}
		if text := w.written["a.service/50-CPUQuota.conf"]; !strings.HasSuffix(text, "[Service]\nCPUQuota=20.00%\n") {
			t.Errorf("%q", text)
		}
		w.written = map[string]string{}
	})
	if v, err := c.Object(systemd1, unitPath("a.service")).GetProperty(unitInterface + ".Description"); err != nil || v.Value() != "other" {
		t.Errorf("Description: %v %v", v, err)
	}
	for _, test := range []struct {
		p     p
		fault string
	}{
		{p{"ExecStart", exec.Value}, faultReadOnly}, {p{"Slice", dbus.MakeVariant("x.slice")}, faultReadOnly}, {p{"Delegate", dbus.MakeVariant(true)}, faultReadOnly},
		{p{"User", dbus.MakeVariant("root")}, faultReadOnly}, {p{"Wants", dbus.MakeVariant([]string{"x.service"})}, faultReadOnly},
		{p{"CPUWeight", dbus.MakeVariant("fast")}, faultInvalidArgs}, {p{"CPUWeight", dbus.MakeVariant(uint64(1 << 40))}, faultInvalidArgs},
		{p{"Markers", dbus.MakeVariant([]string{"+needs-restart", "needs-reload"})}, faultBadUnitSetting},
		{p{"Markers", dbus.MakeVariant([]string{"needs-love"})}, faultBadUnitSetting},
	} {
		if err := set(p{"TasksMax", dbus.MakeVariant(uint64(5))}, test.p); faultName(err) != test.fault {
			t.Errorf("%v: %v", test.p, err)
		}
	}
	w.on(func() {
		if len(w.written) != 0 {
			t.Errorf("what was refused is written: %v", w.written)
		}
	})
}

// TestStreams: descriptors come with the message, and are handed on as copies.
func TestStreams(t *testing.T) {
	w := newWorld(t, services)
	c := w.dial()
	o := c.Object(systemd1, managerPath)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	start := func(name string) error {
		return o.Call(managerInterface+".StartTransientUnit", 0, name, "fail", []systemdProperty{
			{"ExecStart", dbus.MakeVariant([]execLine{{"/usr/sbin/daemon", []string{"/usr/sbin/daemon"}, false}})},
			{"StandardOutputFileDescriptor", dbus.MakeVariant(dbus.UnixFD(write.Fd()))},
		}, []auxUnit{}).Err
	}
	if err := start("p1.service"); faultName(err) != faultNotSupported {
		t.Errorf("where nobody takes them: %v", err)
	}
	w.on(func() {
		if len(w.written) != 0 {
			t.Errorf("what was refused is written: %v", w.written)
		}
	})
	var passed [3]int
	w.on(func() { w.server.opt.Streams = func(unit string, fds [3]int) { passed = fds } })
	if err := start("p2.service"); err != nil {
		t.Fatal(err)
	}
	write.Close()
	w.on(func() {
		if text := w.written["p2.service"]; !strings.Contains(text, "StandardOutput=fd:"+StreamNames[1]+"\n") {
			t.Errorf("%q", text)
		}
	})
	if passed[0] != -1 || passed[1] < 3 || passed[2] != -1 {
		t.Fatalf("passed were %v", passed)
	}
	file := os.NewFile(uintptr(passed[1]), "stdout")
	file.WriteString("x")
	file.Close()
	if b, err := io.ReadAll(read); err != nil || string(b) != "x" {
		t.Errorf("%q %v", b, err)
	}
}
