package bus

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// waitMax is how long a test waits for what has to come: far more than it can take.
const waitMax = 30 * time.Second

// dial opens a connection as go-systemd and its like do, without Hello.
func (w *world) dial() *dbus.Conn {
	w.t.Helper()
	c, err := w.tryDial()
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

func (w *world) tryDial() (*dbus.Conn, error) {
	c, err := dbus.Dial("unix:path=" + w.socket)
	if err != nil {
		return nil, err
	}
	if err := c.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// client is go-systemd's.
func (w *world) client() *systemd.Conn {
	w.t.Helper()
	c, err := systemd.NewConnection(w.tryDial)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

// services are what most tests need.
var services = map[string]string{
	"a.service":    "[Unit]\nDescription=The A\nWants=b.service\n[Service]\nExecStart=/usr/sbin/daemon\nExecReload=/bin/true\nStateDirectory=a\n",
	"b.service":    "[Service]\nExecStart=/usr/sbin/daemon\n",
	"bad.service":  "[Service]\nExecStart=/bin/false\n",
	"deny.service": "[Unit]\nRefuseManualStart=yes\nRefuseManualStop=yes\n[Service]\nExecStart=/usr/sbin/daemon\n",
	"mute.service": "[Service]\nType=notify\nExecStart=/usr/sbin/daemon\n",
	"void.service": "",
	"t.timer":      "[Timer]\nOnBootSec=1h\nUnit=a.service\n",
}

func ends(t *testing.T, what string, id int, err error, ch chan string, want string) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	select {
	case r := <-ch:
		if r != want || id == 0 {
			t.Errorf("%s: job %d ended %q, not %q", what, id, r, want)
		}
	case <-time.After(waitMax):
		t.Errorf("%s: job %d does not end", what, id)
	}
}

// faultName is the D-Bus name of an error.
func faultName(err error) string {
	var e dbus.Error
	if errors.As(err, &e) {
		return e.Name
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestManagerMethods calls each method that go-systemd's client has for the manager.
func TestManagerMethods(t *testing.T) {
	w := newWorld(t, services)
	c := w.client()
	ctx := context.Background()
	ch := make(chan string, 1)
	if err := c.Subscribe(); err != nil {
		t.Fatal(err)
	}

	id, err := c.StartUnitContext(ctx, "a.service", "replace", ch)
	ends(t, "start", id, err, ch, "done")
	for what, call := range map[string]func(context.Context, string, string, chan<- string) (int, error){
		"restart": c.RestartUnitContext, "try-restart": c.TryRestartUnitContext, "reload": c.ReloadUnitContext,
		"reload-or-restart": c.ReloadOrRestartUnitContext, "reload-or-try-restart": c.ReloadOrTryRestartUnitContext,
	} {
		id, err := call(ctx, "a.service", "replace", ch)
		ends(t, what, id, err, ch, "done")
	}
	id, err = c.StartUnitContext(ctx, "bad.service", "replace", ch)
	ends(t, "start what fails", id, err, ch, "done") // Type=simple: the start itself is good
	_, err = c.StartUnitContext(ctx, "none.service", "replace", nil)
	if faultName(err) != faultNoSuchUnit || err.Error() != "Unit none.service not found." {
		t.Errorf("start of what is not there: %v", err)
	}
	_, err = c.StartUnitContext(ctx, "deny.service", "replace", nil)
	if faultName(err) != faultOnlyByDependency {
		t.Errorf("start of what refuses: %v", err)
	}
	_, err = c.StartUnitContext(ctx, "void.service", "replace", nil)
	if faultName(err) != faultUnitMasked || err.Error() != "Unit void.service is masked." {
		t.Errorf("start of what is masked: %v", err)
	}
	_, err = c.StartUnitContext(ctx, "a.service", "whenever", nil)
	if faultName(err) != faultInvalidArgs || err.Error() != "Job mode whenever invalid" {
		t.Errorf("start in a mode that there is not: %v", err)
	}

	units, err := c.ListUnitsContext(ctx)
	at := slices.IndexFunc(units, func(u systemd.UnitStatus) bool { return u.Name == "a.service" })
	if err != nil || at < 0 || units[at].ActiveState != "active" || units[at].SubState != "running" || units[at].Description != "The A" {
		t.Errorf("ListUnits: %v %v", units, err)
	}
	units, err = c.ListUnitsFilteredContext(ctx, []string{"running"})
	if err != nil || len(units) != 2 {
		t.Errorf("ListUnitsFiltered: %v %v", units, err)
	}
	units, err = c.ListUnitsByPatternsContext(ctx, []string{"active"}, []string{"[ab].serv*"})
	if err != nil || len(units) != 2 {
		t.Errorf("ListUnitsByPatterns: %v %v", units, err)
	}
	units, err = c.ListUnitsByNamesContext(ctx, []string{"b.service", "none.service", "no name"})
	if err != nil || len(units) != 2 || units[0].ActiveState != "active" || units[1].LoadState != "not-found" {
		t.Errorf("ListUnitsByNames: %v %v", units, err)
	}

	p, err := c.GetUnitPropertyContext(ctx, "a.service", "ActiveState")
	if err != nil || p.Value.Value() != "active" {
		t.Errorf("GetUnitProperty: %v %v", p, err)
	}
	p, err = c.GetServicePropertyContext(ctx, "a.service", "MainPID")
	if err != nil {
		t.Fatal(err)
	}
	main := p.Value.Value().(uint32)
	name, err := c.GetUnitNameByPID(ctx, main)
	if err != nil || name != "a.service" {
		t.Errorf("GetUnitNameByPID: %v %v", name, err)
	}
	_, err = c.GetUnitByPID(ctx, 1<<22+1)
	if faultName(err) != faultNoUnitForPID {
		t.Errorf("GetUnitByPID of nobody's: %v", err)
	}
	all, err := c.GetAllPropertiesContext(ctx, "a.service")
	if err != nil || len(all) < 370 || all["Id"] != "a.service" || all["UnitFileState"] != "" {
		t.Errorf("GetAllProperties: %d %v", len(all), err)
	}
	all, err = c.GetUnitTypePropertiesContext(ctx, "t.timer", "Timer")
	if err != nil || len(all) != 16 {
		t.Errorf("GetUnitTypeProperties: %v %v", all, err)
	}
	_, err = c.GetUnitTypePropertiesContext(ctx, "t.timer", "Service")
	if faultName(err) != faultUnknownIface {
		t.Errorf("GetUnitTypeProperties of another type: %v", err)
	}
	state, err := c.SystemStateContext(ctx)
	if err != nil || state.Value.Value() != "degraded" {
		t.Errorf("SystemState: %v %v", state, err)
	}
	if v, err := c.GetManagerProperty("Version"); err != nil || v != `"252 (keelson)"` {
		t.Errorf("Version: %v %v", v, err)
	}

	if err := c.ResetFailedUnitContext(ctx, "bad.service"); err != nil {
		t.Errorf("ResetFailedUnit: %v", err)
	}
	if err := c.SetUnitPropertiesContext(ctx, "a.service", true, systemd.Property{Name: "CPUWeight", Value: dbus.MakeVariant(uint64(7))}); err != nil {
		t.Errorf("SetUnitProperties: %v", err)
	}
	p, err = c.GetServicePropertyContext(ctx, "a.service", "CPUWeight")
	if err != nil || p.Value.Value() != uint64(7) {
		t.Errorf("CPUWeight after SetUnitProperties: %v %v", p, err)
	}
	if err := c.FreezeUnit(ctx, "a.service"); faultName(err) != faultNotSupported || err.Error() != "Unit 'a.service' does not support freezing." {
		t.Errorf("FreezeUnit: %v", err)
	}
	if err := c.ThawUnit(ctx, "a.service"); faultName(err) != faultNotSupported {
		t.Errorf("ThawUnit: %v", err)
	}
	if err := c.AttachProcessesToUnit(ctx, "a.service", "", []uint32{1}); faultName(err) != faultInvalidArgs {
		t.Errorf("AttachProcessesToUnit: %v", err)
	}

	id, err = c.StartTransientUnitContext(ctx, "run-1.service", "fail", []systemd.Property{
		systemd.PropDescription("made"), systemd.PropExecStart([]string{"/usr/sbin/daemon", "a b", "$X", ";", "50%"}, true),
	}, ch)
	ends(t, "StartTransientUnit", id, err, ch, "done")
	p, err = c.GetUnitPropertyContext(ctx, "run-1.service", "Transient")
	if err != nil || p.Value.Value() != true {
		t.Errorf("Transient: %v %v", p, err)
	}
	_, err = c.StartTransientUnitContext(ctx, "a.service", "fail", nil, nil)
	if faultName(err) != faultUnitExists {
		t.Errorf("StartTransientUnit of what is there: %v", err)
	}

	if err := c.KillUnitWithTarget(ctx, "run-1.service", systemd.Main, 15); err != nil {
		t.Errorf("KillUnit: %v", err)
	}
	if err := c.KillUnitWithTarget(ctx, "a.service", systemd.All, 65); faultName(err) != faultInvalidArgs {
		t.Errorf("KillUnit with signal 65: %v", err)
	}
	if _, err := c.StartUnitContext(ctx, "mute.service", "replace", nil); err != nil {
		t.Errorf("start of what does not answer: %v", err)
	}
	jobs, err := c.ListJobsContext(ctx)
	if err != nil || len(jobs) != 1 || jobs[0].Unit != "mute.service" || jobs[0].JobType != "start" || jobs[0].Status != "running" {
		t.Errorf("ListJobs: %v %v", jobs, err)
	}
	id, err = c.StopUnitContext(ctx, "mute.service", "replace", ch)
	ends(t, "stop", id, err, ch, "done")

	files := func(what string, err error, want ...string) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		list, err := c.ListUnitFilesByPatternsContext(ctx, nil, []string{"*"})
		var have []string
		for _, f := range list {
			have = append(have, strings.TrimPrefix(f.Path, etc)+" "+f.Type)
		}
		if err != nil || !slices.Equal(have, want) {
			t.Errorf("after %s: %v %v", what, have, err)
		}
	}
	carries, changes, err := c.EnableUnitFilesContext(ctx, []string{"a.service"}, false, true)
	if !carries || len(changes) != 1 || changes[0].Type != "symlink" {
		t.Errorf("EnableUnitFiles: %v %v", carries, changes)
	}
	files("enable", err, "a.service enabled")
	_, err = c.DisableUnitFilesContext(ctx, []string{"a.service"}, true)
	files("disable", err, "a.service disabled")
	_, err = c.MaskUnitFilesContext(ctx, []string{"a.service"}, true, false)
	files("mask", err, "a.service masked")
	_, err = c.UnmaskUnitFilesContext(ctx, []string{"a.service"}, true)
	files("unmask", err, "a.service disabled")
	_, err = c.LinkUnitFilesContext(ctx, []string{"/x/a.service"}, false, false)
	files("link", err, "a.service disabled", "/x/a.service enabled")
	list, err := c.ListUnitFilesContext(ctx)
	if err != nil || len(list) != 2 {
		t.Errorf("ListUnitFiles: %v %v", list, err)
	}
	_, _, err = c.EnableUnitFilesContext(ctx, []string{"masked.service"}, false, false)
	if faultName(err) != faultUnitMasked {
		t.Errorf("enable of what is masked: %v", err)
	}
	if err := c.ReloadContext(ctx); err != nil {
		t.Errorf("Reload: %v", err)
	}
	if err := c.Unsubscribe(); err != nil {
		t.Errorf("Unsubscribe: %v", err)
	}
}

// TestFileOps is what the methods on unit files make of their arguments.
func TestFileOps(t *testing.T) {
	w := newWorld(t, services)
	o := w.dial().Object(systemd1, managerPath)
	names := []string{"a.service"}
	for _, test := range []struct {
		method string
		args   []any
		op     FileOp
		fault  string
	}{
		{"EnableUnitFiles", []any{names, true, false}, FileOp{Verb: FileEnable, Names: names, Runtime: true}, ""},
		{"DisableUnitFiles", []any{names, true}, FileOp{Verb: FileDisable, Names: names, Runtime: true}, ""},
		{"EnableUnitFilesWithFlags", []any{names, uint64(6)}, FileOp{Verb: FileEnable, Names: names, Force: true, Portable: true}, ""},
		{"DisableUnitFilesWithFlags", []any{names, uint64(1)}, FileOp{Verb: FileDisable, Names: names, Runtime: true}, ""},
		{"DisableUnitFilesWithFlagsAndInstallInfo", []any{names, uint64(0)}, FileOp{Verb: FileDisable, Names: names}, ""},
		{"EnableUnitFilesWithFlags", []any{names, uint64(8)}, FileOp{}, faultInvalidArgs},
		{"ReenableUnitFiles", []any{names, false, true}, FileOp{Verb: FileReenable, Names: names, Force: true}, ""},
		{"LinkUnitFiles", []any{names, false, true}, FileOp{Verb: FileLink, Names: names, Force: true}, ""},
		{"PresetUnitFiles", []any{names, true, true}, FileOp{Verb: FilePreset, Names: names, Runtime: true, Force: true}, ""},
		{"PresetUnitFilesWithMode", []any{names, "enable-only", false, false}, FileOp{Verb: FilePreset, Names: names, Mode: "enable-only"}, ""},
		{"PresetUnitFilesWithMode", []any{names, "sideways", false, false}, FileOp{}, faultInvalidArgs},
		{"PresetAllUnitFiles", []any{"full", true, false}, FileOp{Verb: FilePresetAll, Mode: "full", Runtime: true}, ""},
		{"MaskUnitFiles", []any{names, true, false}, FileOp{Verb: FileMask, Names: names, Runtime: true}, ""},
		{"UnmaskUnitFiles", []any{names, false}, FileOp{Verb: FileUnmask, Names: names}, ""},
		{"RevertUnitFiles", []any{names}, FileOp{Verb: FileRevert, Names: names}, ""},
		{"SetDefaultTarget", []any{"x.target", true}, FileOp{Verb: FileSetDefault, Names: []string{"x.target"}, Force: true}, ""},
		{"AddDependencyUnitFiles", []any{names, "x.target", "Requires", false, true},
			FileOp{Verb: FileAddDependency, Names: names, Target: "x.target", Requires: true, Force: true}, ""},
		{"AddDependencyUnitFiles", []any{names, "x.target", "After", false, true}, FileOp{}, faultInvalidArgs},
		{"MaskUnitFiles", []any{[]string{"broken.service"}, false, false}, FileOp{Verb: FileMask, Names: []string{"broken.service"}}, dbusError + "IOError"},
	} {
		w.files.mu.Lock()
		w.files.ops = nil
		w.files.mu.Unlock()
		err := o.Call(managerInterface+"."+test.method, 0, test.args...).Err
		w.files.mu.Lock()
		ops := w.files.ops
		w.files.mu.Unlock()
		if faultName(err) != test.fault {
			t.Errorf("%s%v: %v", test.method, test.args, err)
		}
		if test.op.Names == nil && test.op.Mode == "" {
			if len(ops) != 0 {
				t.Errorf("%s%v did %+v", test.method, test.args, ops)
			}
			continue
		}
		if len(ops) != 1 || !sameOp(ops[0], test.op) {
			t.Errorf("%s%v did %+v", test.method, test.args, ops)
		}
	}
	var text string
	if err := o.Call(managerInterface+".GetDefaultTarget", 0).Store(&text); err != nil || text != "multi-user.target" {
		t.Errorf("GetDefaultTarget: %v %v", text, err)
	}
	if err := o.Call(managerInterface+".GetUnitFileState", 0, "none.service").Err; faultName(err) != faultFileNotFound {
		t.Errorf("GetUnitFileState of none: %v", err)
	}
	var links []string
	if err := o.Call(managerInterface+".GetUnitFileLinks", 0, "a.service", false).Store(&links); err != nil || len(links) != 1 {
		t.Errorf("GetUnitFileLinks: %v %v", links, err)
	}
}

func sameOp(a, b FileOp) bool {
	return slices.Equal(a.Names, b.Names) && a.Verb == b.Verb && a.Runtime == b.Runtime && a.Force == b.Force && a.Portable == b.Portable &&
		a.Mode == b.Mode && a.Target == b.Target && a.Requires == b.Requires
}
