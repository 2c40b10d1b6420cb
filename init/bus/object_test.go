package bus

import (
	"encoding/hex"
	"encoding/xml"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
)

// TestPaths: sd_bus_path_encode(3) and back.
func TestPaths(t *testing.T) {
	for _, test := range []struct{ name, label string }{
		{"a.service", "a_2eservice"}, {"0a.service", "_30a_2eservice"}, {"", "_"}, {"_", "_5f"}, {"a@b.service", "a_40b_2eservice"},
		{`a\x2db.mount`, "a_5cx2db_2emount"}, {"-.slice", "_2d_2eslice"}, {"é", "_c3_a9"},
	} {
		if l := escapeLabel(test.name); l != test.label {
			t.Errorf("%q is %q, not %q", test.name, l, test.label)
		}
		if n := unescapeLabel(test.label); n != test.name {
			t.Errorf("%q is %q, not %q", test.label, n, test.name)
		}
	}
	for label, name := range map[string]string{"_zz": "_zz", "a_2": "a_2", "a_": "a_", "_2E": "."} {
		if n := unescapeLabel(label); n != name {
			t.Errorf("%q is %q, not %q", label, n, name)
		}
	}
	for _, path := range []dbus.ObjectPath{"/org/freedesktop/systemd1/job/0", "/org/freedesktop/systemd1/job/x", "/org/freedesktop/systemd1/job/4294967296"} {
		if id, ok := parseJobPath(path); ok {
			t.Errorf("%s is job %d", path, id)
		}
	}
}

// TestFaults is what calls that cannot be answered are answered with (src/libsystemd/sd-bus/bus-objects.c).
func TestFaults(t *testing.T) {
	w := newWorld(t, services)
	c := w.dial()
	const unitA = dbus.ObjectPath(unitPrefix + "a_2eservice")
	for _, test := range []struct {
		path   dbus.ObjectPath
		method string
		args   []any
		name   string
		text   string
	}{
		{"/nowhere", managerInterface + ".ListUnits", nil, faultUnknownObject, "Unknown object '/nowhere'."},
		{unitPrefix + "no_20name", propertyInterface + ".GetAll", []any{""}, faultInvalidArgs,
			"Unit name no name is neither a valid invocation ID nor unit name."},
		{jobPrefix + "77", propertyInterface + ".GetAll", []any{""}, faultUnknownObject, "Unknown object '/org/freedesktop/systemd1/job/77'."},
		{jobPrefix + "77", jobInterface + ".Cancel", nil, faultUnknownObject, ""},
		{managerPath, managerInterface + ".Dance", nil, faultUnknownMethod, "Unknown method Dance or interface org.freedesktop.systemd1.Manager."},
		{managerPath, "org.example.ListUnits", nil, faultUnknownMethod, "Unknown method ListUnits or interface org.example."},
		{managerPath, unitInterface + ".Start", []any{"fail"}, faultUnknownMethod, ""},
		{"/org/freedesktop/DBus", "org.freedesktop.DBus.AddMatch", []any{"x"}, faultUnknownObject, ""},
		{managerPath, managerInterface + ".StartUnit", []any{"a.service"}, faultInvalidArgs,
			"Invalid arguments 's' to call org.freedesktop.systemd1.Manager.StartUnit(), expecting 'ss'."},
		{managerPath, managerInterface + ".GetUnit", []any{"none.service"}, faultNoSuchUnit, "Unit none.service not loaded."},
		{managerPath, managerInterface + ".GetUnit", []any{""}, faultNoSuchUnit, "Client not member of any unit."},
		{managerPath, managerInterface + ".LoadUnit", []any{"a@.service"}, faultInvalidArgs, "Unit name a@.service is missing the instance name."},
		{managerPath, managerInterface + ".LoadUnit", []any{"a b.service"}, faultInvalidArgs, "Unit name a b.service is not valid."},
		{managerPath, managerInterface + ".StartUnit", []any{"x", "fail"}, faultInvalidArgs, "Unit name x is not valid."},
		{managerPath, managerInterface + ".StartUnitWithFlags", []any{"a.service", "fail", uint64(1)}, faultInvalidArgs, "Invalid 'flags' parameter '1'"},
		{managerPath, managerInterface + ".StartUnitReplace", []any{"basic.target", "a.service", "fail"}, faultNoSuchJob, "No job queued for unit basic.target"},
		{managerPath, managerInterface + ".EnqueueUnitJob", []any{"a.service", "fly", "fail"}, faultInvalidArgs, "Job type fly invalid"},
		{managerPath, managerInterface + ".GetUnitByInvocationID", []any{make([]byte, 5)}, faultInvalidArgs, "Invalid invocation ID"},
		{managerPath, managerInterface + ".GetUnitByInvocationID", []any{slices.Repeat([]byte{0xab}, 16)}, faultNoUnitForInvoc, ""},
		{managerPath, managerInterface + ".GetUnitByControlGroup", []any{"/nowhere"}, faultNoSuchUnit, ""},
		{managerPath, managerInterface + ".GetUnitByPID", []any{uint32(1 << 31)}, faultInvalidArgs, ""},
		{managerPath, managerInterface + ".GetJob", []any{uint32(99)}, faultNoSuchJob, "Job 99 does not exist."},
		{managerPath, managerInterface + ".CancelJob", []any{uint32(99)}, faultNoSuchJob, "Job 99 does not exist."},
		{managerPath, managerInterface + ".GetJobAfter", []any{uint32(99)}, faultNoSuchJob, ""},
		{managerPath, managerInterface + ".CleanUnit", []any{"a.service", []string{"dust"}}, faultInvalidArgs, "Invalid resource type: dust"},
		{managerPath, managerInterface + ".CleanUnit", []any{"b.service", []string{"all"}}, systemd1 + ".NothingToClean", "No matching resources found."},
		{managerPath, managerInterface + ".KillUnit", []any{"basic.target", "sideways", int32(9)}, faultInvalidArgs, "Invalid who argument sideways"},
		{managerPath, managerInterface + ".UnrefUnit", []any{"basic.target"}, faultNotReferenced, "Unit has not been referenced yet."},
		{managerPath, managerInterface + ".RefUnit", []any{"none.service"}, faultNoSuchUnit, "Unit none.service not found."},
		{managerPath, managerInterface + ".BindMountUnit", []any{"basic.target", "/a", "/b", false, false}, faultInvalidArgs, "Unit is not of type .service"},
		{managerPath, managerInterface + ".AbandonScope", []any{"basic.target"}, faultScopeNotRunning, ""},
		{managerPath, managerInterface + ".SetShowStatus", []any{"loud"}, faultInvalidArgs, ""},
		{managerPath, managerInterface + ".SetEnvironment", []any{[]string{"A"}}, faultInvalidArgs, "Invalid environment assignments"},
		{managerPath, managerInterface + ".UnsetEnvironment", []any{[]string{"1=2"}}, faultInvalidArgs, "Invalid environment variable names or assignments"},
		{managerPath, managerInterface + ".KExec", nil, faultNotSupported, ""},
		{managerPath, managerInterface + ".SwitchRoot", []any{"/a", "/b"}, faultNotSupported, ""},
		{managerPath, managerInterface + ".LookupDynamicUserByUID", []any{uint32(5)}, faultNoSuchDynamicUser, "Dynamic user ID 5 does not exist."},
		{managerPath, managerInterface + ".LookupDynamicUserByName", []any{"x"}, faultNoSuchDynamicUser, "Dynamic user x does not exist."},
		{unitA, propertyInterface + ".Get", []any{unitInterface, "Nothing"}, faultUnknownProperty,
			"Unknown interface org.freedesktop.systemd1.Unit or property Nothing."},
		{unitA, propertyInterface + ".Set", []any{unitInterface, "Id", dbus.MakeVariant("x")}, faultReadOnly, "Property 'Id' is not writable."},
		{managerPath, propertyInterface + ".Set", []any{managerInterface, "LogLevel", dbus.MakeVariant(3)}, faultInvalidArgs,
			"Incorrect parameters for property 'LogLevel', expected 's', got 'i'."},
		{managerPath, propertyInterface + ".Set", []any{managerInterface, "LogLevel", dbus.MakeVariant("loud")}, faultInvalidArgs, "Invalid log level 'loud'"},
		{managerPath, propertyInterface + ".Set", []any{managerInterface, "LogTarget", dbus.MakeVariant("moon")}, faultInvalidArgs, "Invalid log target 'moon'"},
		{dbus.ObjectPath(unitPrefix + "_" + strings.Repeat("7", 32)), propertyInterface + ".GetAll", []any{""}, faultNoUnitForInvoc, ""},
	} {
		err := c.Object(systemd1, test.path).Call(test.method, 0, test.args...).Err
		if faultName(err) != test.name || test.text != "" && err.Error() != test.text {
			t.Errorf("%s %s%v: %s %q", test.path, test.method, test.args, faultName(err), err)
		}
	}
}

// TestObjects: what is read and changed through objects of all kinds.
func TestObjects(t *testing.T) {
	w := newWorld(t, services)
	c := w.dial()
	manager := c.Object(systemd1, managerPath)
	call := func(o dbus.BusObject, method string, args ...any) *dbus.Call {
		t.Helper()
		r := o.Call(method, 0, args...)
		if r.Err != nil {
			t.Errorf("%s %s%v: %v", o.Path(), method, args, r.Err)
		}
		return r
	}
	call(manager, "org.freedesktop.DBus.Peer.Ping")
	var id string
	if call(manager, "org.freedesktop.DBus.Peer.GetMachineId").Store(&id); len(id) != 32 {
		t.Errorf("machine id %q", id)
	}

	// A unit that nobody has loaded is there for the time of the call.
	o := c.Object(systemd1, unitPath("t.timer"))
	if v, err := o.GetProperty(unitInterface + ".LoadState"); err != nil || v.Value() != "loaded" {
		t.Errorf("LoadState: %v %v", v, err)
	}
	w.on(func() {
		if u, ok := w.machine.Unit("t.timer"); ok {
			t.Errorf("t.timer is still loaded: %+v", u.Holds)
		}
	})

	// Units by their methods.
	a := c.Object(systemd1, unitPath("a.service"))
	for _, method := range []string{"Start", "Restart", "TryRestart", "ReloadOrRestart", "ReloadOrTryRestart", "Reload"} {
		var job dbus.ObjectPath
		if call(a, unitInterface+"."+method, "replace").Store(&job); !strings.HasPrefix(string(job), jobPrefix) {
			t.Errorf("%s: %s", method, job)
		}
	}
	var processes [][]any
	call(a, systemd1+".Service.GetProcesses").Store(&processes)
	if len(processes) != 1 || processes[0][0] != "/system.slice/a.service" {
		t.Errorf("GetProcesses: %v", processes)
	}
	call(c.Object(systemd1, unitPath("system.slice")), systemd1+".Slice.GetProcesses").Store(&processes)
	if len(processes) != 2 {
		t.Errorf("GetProcesses of the slice: %v", processes)
	}
	var byGroup dbus.ObjectPath
	if call(manager, managerInterface+".GetUnitByControlGroup", "/system.slice/a.service/sub").Store(&byGroup); byGroup != a.Path() {
		t.Errorf("GetUnitByControlGroup: %s", byGroup)
	}
	v, err := a.GetProperty(unitInterface + ".InvocationID")
	if err != nil {
		t.Fatal(err)
	}
	invocation := v.Value().([]byte)
	var byInvocation dbus.ObjectPath
	if call(manager, managerInterface+".GetUnitByInvocationID", invocation).Store(&byInvocation); byInvocation != a.Path() {
		t.Errorf("GetUnitByInvocationID: %s", byInvocation)
	}
	same := c.Object(systemd1, dbus.ObjectPath(unitPrefix+"_"+hex.EncodeToString(invocation)))
	if v, err := same.GetProperty(systemd1 + ".Service.Type"); err != nil || v.Value() != "simple" {
		t.Errorf("by invocation id: %v %v", v, err)
	}
	call(same, unitInterface+".ResetFailed")
	call(a, unitInterface+".Kill", "main", int32(12))
	call(a, unitInterface+".QueueSignal", "main", int32(12), int32(7))
	call(a, unitInterface+".SetProperties", true, []systemdProperty{{"Markers", dbus.MakeVariant([]string{"needs-restart"})}})
	if v, err := a.GetProperty(unitInterface + ".Markers"); err != nil || !slices.Equal(v.Value().([]string), []string{"needs-restart"}) {
		t.Errorf("Markers: %v %v", v, err)
	}
	var marked []dbus.ObjectPath
	if call(manager, managerInterface+".EnqueueMarkedJobs").Store(&marked); len(marked) != 1 {
		t.Errorf("EnqueueMarkedJobs: %v", marked)
	}
	call(a, unitInterface+".Stop", "replace")
	call(a, unitInterface+".Clean", []string{"state"})

	// References hold until they are given back or the client goes.
	call(manager, managerInterface+".RefUnit", "t.timer")
	call(manager, managerInterface+".RefUnit", "t.timer")
	call(manager, managerInterface+".UnrefUnit", "t.timer")
	w.on(func() {
		if u, ok := w.machine.Unit("t.timer"); !ok || u.Holds != 1 {
			t.Errorf("t.timer is not held once")
		}
	})
	other := w.dial()
	call(other.Object(systemd1, unitPath("t.timer")), unitInterface+".Ref")
	other.Close()
	w.until("the other client's reference is gone", func() bool {
		u, ok := w.machine.Unit("t.timer")
		return ok && u.Holds == 1
	})
	call(manager, managerInterface+".UnrefUnit", "t.timer")
	w.until("t.timer is forgotten", func() bool { _, ok := w.machine.Unit("t.timer"); return !ok })

	// Jobs.
	var path dbus.ObjectPath
	call(manager, managerInterface+".StartUnit", "mute.service", "replace").Store(&path)
	job := c.Object(systemd1, path)
	if v, err := job.GetProperty(jobInterface + ".Unit"); err != nil || v.Value().([]any)[0] != "mute.service" {
		t.Errorf("Unit of %s: %v %v", path, v, err)
	}
	for _, method := range []string{"GetAfter", "GetBefore"} {
		call(job, jobInterface+"."+method)
	}
	number, _ := parseJobPath(path)
	var again dbus.ObjectPath
	if call(manager, managerInterface+".GetJob", uint32(number)).Store(&again); again != path {
		t.Errorf("GetJob: %s", again)
	}
	var replaced dbus.ObjectPath
	call(manager, managerInterface+".StartUnitReplace", "mute.service", "a.service", "replace").Store(&replaced)
	call(job, jobInterface+".Cancel")
	var verbose []any
	r := call(manager, managerInterface+".EnqueueUnitJob", "b.service", "restart", "replace")
	if verbose = r.Body; len(verbose) != 6 || verbose[2] != "b.service" || verbose[4] != "restart" {
		t.Errorf("EnqueueUnitJob: %v", verbose)
	}
	call(manager, managerInterface+".ClearJobs")

	// The manager.
	call(manager, managerInterface+".UnsetAndSetEnvironment", []string{"PATH"}, []string{"A=b"})
	if v, err := manager.GetProperty(managerInterface + ".Environment"); err != nil || !slices.Equal(v.Value().([]string), []string{"A=b"}) {
		t.Errorf("Environment: %v %v", v, err)
	}
	if err := manager.SetProperty(managerInterface+".LogLevel", dbus.MakeVariant("debug")); err != nil {
		t.Errorf("LogLevel: %v", err)
	}
	if err := manager.SetProperty(managerInterface+".LogTarget", dbus.MakeVariant("console")); err != nil {
		t.Errorf("LogTarget: %v", err)
	}
	if v, err := c.Object(systemd1, logPath).GetProperty(logInterface + ".LogLevel"); err != nil || v.Value() != "debug" {
		t.Errorf("LogLevel: %v %v", v, err)
	}
	call(manager, managerInterface+".SetExitCode", byte(7))
	if v, err := manager.GetProperty(managerInterface + ".ExitCode"); err != nil || v.Value() != byte(7) {
		t.Errorf("ExitCode: %v %v", v, err)
	}
	call(manager, managerInterface+".SetShowStatus", "yes")
	call(manager, managerInterface+".ResetFailed")
	var text string
	call(manager, managerInterface+".Dump").Store(&text)
	if !strings.Contains(text, "-> Unit basic.target:\n") || !strings.Contains(text, "Not Applied: PrivateTmp=") {
		t.Errorf("Dump: %q", text)
	}
	var fd dbus.UnixFD
	call(manager, managerInterface+".DumpUnitsMatchingPatternsByFileDescriptor", []string{"basic.*"}).Store(&fd)
	file := os.NewFile(uintptr(fd), "dump")
	b, err := io.ReadAll(file)
	file.Close()
	if err != nil || !strings.HasPrefix(string(b), "-> Unit basic.target:\n") || strings.Contains(string(b), "sysinit.target:\n") {
		t.Errorf("Dump by descriptor: %q %v", b, err)
	}
	call(manager, managerInterface+".Exit")
	w.on(func() {
		if got := w.machine.Step(w.now, supervise.Tick{}); len(got) != 0 {
			t.Errorf("after Exit: %v", got)
		}
	})
}

// systemdProperty is (sv).
type systemdProperty struct {
	Name  string
	Value dbus.Variant
}

// TestIntrospect: all objects can be introspected, and lead to each other.
func TestIntrospect(t *testing.T) {
	w := newWorld(t, services)
	c := w.dial()
	want := map[dbus.ObjectPath][]string{
		"/": {"org"}, "/org": {"freedesktop"}, "/org/freedesktop": {"LogControl1", "systemd1"}, managerPath: {"unit", "job"},
	}
	for _, path := range []dbus.ObjectPath{"/", "/org", "/org/freedesktop", managerPath, managerPath + "/unit", managerPath + "/job", unitPath("a.service"), unitPath("none.swap")} {
		var text string
		if err := c.Object(systemd1, path).Call("org.freedesktop.DBus.Introspectable.Introspect", 0).Store(&text); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var node struct {
			Nodes []struct {
				Name string `xml:"name,attr"`
			} `xml:"node"`
			Interfaces []struct {
				Name string `xml:"name,attr"`
			} `xml:"interface"`
		}
		if err := xml.Unmarshal([]byte(text), &node); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		var children []string
		for _, n := range node.Nodes {
			children = append(children, n.Name)
		}
		if list, ok := want[path]; ok && !slices.Equal(children, list) {
			t.Errorf("below %s is %v", path, children)
		}
		if path == managerPath+"/unit" && !slices.Contains(children, "basic_2etarget") {
			t.Errorf("below %s is %v", path, children)
		}
		interfaces := 3
		switch {
		case path == managerPath:
			interfaces = 4
		case strings.HasPrefix(string(path), unitPrefix):
			interfaces = 5
		}
		if len(node.Interfaces) != interfaces {
			t.Errorf("%s has %v", path, node.Interfaces)
		}
	}
}

// What a unit uses takes a look at all processes, which is not done whenever one of a thousand units changes.
func TestChangesAreCheap(t *testing.T) {
	w := newWorld(t, map[string]string{"a.service": "[Service]\nExecStart=/usr/sbin/daemon\n", "b.socket": "[Socket]\nListenStream=/run/b\nAccept=yes\n", "b@.service": "[Service]\nExecStart=/usr/sbin/daemon\n"})
	for _, name := range []string{"a.service", "b.socket"} {
		w.on(func() { w.Request(supervise.Request{Verb: supervise.VerbLoad, Unit: name}, nil) })
		w.on(func() {
			u, ok := w.machine.Unit(name)
			if !ok {
				t.Errorf("%s is not loaded", name)
				return
			}
			for _, i := range w.server.tables.units[u.Config.Type]() {
				for k := range i.properties {
					p := &i.properties[k]
					before := w.usages
					p.value(&subject{Manager: w, server: w.server, machine: w.machine, u: u})
					if p.emits == changes && w.usages != before {
						t.Errorf("%s of %s is told at every change, and asks for the unit's usage", p.name, name)
					}
				}
			}
		})
	}
	var asked int
	w.on(func() { asked = w.usages })
	if asked == 0 {
		t.Error("no property tells of usage")
	}
}
