package bus

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
)

// daemon runs dbus-daemon where the world's system bus should be, with a service that it can have started: org.example.A is a.service.
func (w *world) daemon() *exec.Cmd {
	w.t.Helper()
	program, err := exec.LookPath("dbus-daemon")
	if err != nil {
		if os.Getenv("CI") == "true" {
			w.t.Fatal("dbus-daemon is missing")
		}
		w.t.Skip("dbus-daemon is missing")
	}
	dir := filepath.Dir(w.system)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	write("org.example.A.service", "[D-BUS Service]\nName=org.example.A\nExec=/bin/false\nSystemdService=a.service\n")
	write("org.example.None.service", "[D-BUS Service]\nName=org.example.None\nExec=/bin/false\nSystemdService=none.service\n")
	write("config", fmt.Sprintf(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><servicedir>%s</servicedir>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`, w.system, dir))
	cmd := exec.Command(program, "--nofork", "--nopidfile", "--systemd-activation", "--print-address=1", "--config-file="+filepath.Join(dir, "config"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		w.t.Fatalf("dbus-daemon: %v", err)
	}
	return cmd
}

// onBus is a client of the bus.
func (w *world) onBus() *dbus.Conn {
	w.t.Helper()
	c, err := dbus.Dial("unix:path=" + w.system)
	if err == nil {
		err = c.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))})
	}
	if err == nil {
		err = c.Hello()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// links are the server's connections to the bus: one or none.
func (w *world) links() (list []*link) {
	for c := range w.server.conns {
		if c.link != nil {
			list = append(list, c.link)
		}
	}
	return list
}

func waitSignal(t *testing.T, ch chan *dbus.Signal, want func(*dbus.Signal) bool) {
	t.Helper()
	end := time.After(waitMax)
	for {
		select {
		case s := <-ch:
			if want(s) {
				return
			}
		case <-end:
			t.Fatal("the signal does not come")
		}
	}
}

// TestSystemBus: with dbus.service up the manager is on the bus, for who may look and who may change, and follows names.
func TestSystemBus(t *testing.T) {
	units := map[string]string{
		"dbus.socket":  "[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
		"dbus.service": "[Service]\nExecStart=/usr/sbin/daemon\n",
		"x.service":    "[Service]\nType=dbus\nBusName=org.example.X\nExecStart=/usr/sbin/daemon\n",
	}
	for name, text := range services {
		units[name] = text
	}
	w := newWorld(t, units)
	daemon := w.daemon()
	private := w.dial().Object(systemd1, managerPath)
	for _, name := range []string{"dbus.socket", "dbus.service"} {
		if err := private.Call(managerInterface+".StartUnit", 0, name, "replace").Err; err != nil {
			t.Fatal(err)
		}
	}
	c := w.onBus()
	var owned bool
	for end := time.Now().Add(waitMax); !owned && time.Now().Before(end); {
		if err := c.BusObject().Call(busName+".NameHasOwner", 0, systemd1).Store(&owned); err != nil {
			t.Fatal(err)
		}
	}
	if !owned {
		t.Fatal("nobody has the manager's name")
	}
	me := c.Names()[0]
	o := c.Object(systemd1, managerPath)
	var lines []any
	if err := o.Call(managerInterface+".ListUnits", 0).Store(&lines); err != nil || len(lines) < 5 {
		t.Errorf("ListUnits: %v %v", lines, err)
	}
	var path dbus.ObjectPath
	if err := o.Call(managerInterface+".GetUnitByPID", 0, uint32(0)).Store(&path); faultName(err) != faultNoUnitForPID {
		t.Errorf("GetUnitByPID: %v", err)
	}
	if err := o.Call(managerInterface+".EnableUnitFiles", 0, []string{"b.service"}, false, false).Err; err != nil {
		t.Errorf("EnableUnitFiles: %v", err)
	}

	// Who has made a job is told of its end, and nobody else is told anything.
	ch := make(chan *dbus.Signal, 1000)
	c.Signal(ch)
	if err := c.AddMatchSignal(dbus.WithMatchInterface(managerInterface)); err != nil {
		t.Fatal(err)
	}
	if err := private.Call(managerInterface+".StartUnit", 0, "b.service", "replace").Err; err != nil {
		t.Fatal(err)
	}
	if err := o.Call(managerInterface+".StopUnit", 0, "b.service", "replace").Store(&path); err != nil {
		t.Fatal(err)
	}
	waitSignal(t, ch, func(s *dbus.Signal) bool {
		if s.Name == managerInterface+".JobRemoved" && s.Body[1] != path {
			t.Errorf("told of a job of others: %v", s)
		}
		return s.Name == managerInterface+".JobRemoved" && s.Body[1] == path
	})
	if err := o.Call(managerInterface+".Subscribe", 0).Err; err != nil {
		t.Fatal(err)
	}
	if err := o.Call(managerInterface+".Subscribe", 0).Err; faultName(err) != systemd1+".AlreadySubscribed" {
		t.Errorf("Subscribe twice: %v", err)
	}
	if err := private.Call(managerInterface+".Reload", 0).Err; err != nil {
		t.Fatal(err)
	}
	waitSignal(t, ch, func(s *dbus.Signal) bool { return s.Name == managerInterface+".Reloading" && s.Body[0] == false })
	if err := o.Call(managerInterface+".Unsubscribe", 0).Err; err != nil {
		t.Fatal(err)
	}
	if err := o.Call(managerInterface+".Unsubscribe", 0).Err; faultName(err) != systemd1+".NotSubscribed" {
		t.Errorf("Unsubscribe twice: %v", err)
	}

	// A service of Type=dbus is up when its name is there.
	if err := private.Call(managerInterface+".StartUnit", 0, "x.service", "replace").Err; err != nil {
		t.Fatal(err)
	}
	w.on(func() {
		if u, _ := w.machine.Unit("x.service"); w.machine.Active(u).String() != "activating" {
			t.Errorf("x.service is %s without its name", w.machine.Active(u))
		}
	})
	if _, err := c.RequestName("org.example.X", 0); err != nil {
		t.Fatal(err)
	}
	w.until("x.service is up", func() bool {
		u, ok := w.machine.Unit("x.service")
		return ok && w.machine.Active(u).String() == "active"
	})
	if _, err := c.ReleaseName("org.example.X"); err != nil {
		t.Fatal(err)
	}
	w.until("the name is gone", func() bool {
		return len(w.names) == 2 && w.names[0] == supervise.BusName{Name: "org.example.X", Owner: me, PID: os.Getpid()} &&
			w.names[1] == supervise.BusName{Name: "org.example.X"}
	})

	// The bus has services started.
	go c.Object("org.example.A", "/").Call("org.example.A.Hello", 0)
	w.until("a.service is up", func() bool {
		u, ok := w.machine.Unit("a.service")
		return ok && w.machine.Active(u).String() == "active"
	})
	if err := c.Object("org.example.None", "/").Call("org.example.None.Hello", 0).Err; faultName(err) != faultNoSuchUnit {
		t.Errorf("activation of what is not there: %v", err)
	}

	// Who is neither root nor the manager's user may look and nothing else.
	w.on(func() {
		for _, l := range w.links() {
			l.callers[me] = caller{12345, os.Getpid()}
		}
	})
	if err := o.Call(managerInterface+".GetUnit", 0, "a.service").Store(&path); err != nil {
		t.Errorf("a stranger's GetUnit: %v", err)
	}
	for _, call := range []*dbus.Call{
		o.Call(managerInterface+".StopUnit", 0, "a.service", "replace"), o.Call(managerInterface+".MaskUnitFiles", 0, []string{"a.service"}, false, false),
		o.Call(managerInterface+".Reload", 0), c.Object(systemd1, path).Call(unitInterface+".Stop", 0, "replace"),
		o.Call(propertyInterface+".Set", 0, managerInterface, "LogLevel", dbus.MakeVariant("debug")),
	} {
		if faultName(call.Err) != faultAccessDenied {
			t.Errorf("a stranger's %s: %v", call.Method, call.Err)
		}
	}
	w.on(func() {
		for _, l := range w.links() {
			delete(l.callers, me)
		}
	})

	// A client's references go with it.
	other := w.onBus()
	if err := other.Object(systemd1, managerPath).Call(managerInterface+".RefUnit", 0, "t.timer").Err; err != nil {
		t.Fatal(err)
	}
	v, err := o.GetProperty(managerInterface + ".Version")
	if err != nil || v.Value() != "252 (keelson)" {
		t.Errorf("Version: %v %v", v, err)
	}
	v, err = c.Object(systemd1, unitPath("t.timer")).GetProperty(unitInterface + ".Refs")
	if names, _ := v.Value().([]string); err != nil || len(names) != 1 || names[0] != other.Names()[0] {
		t.Errorf("Refs: %v %v", v, err)
	}
	signals := make(chan *dbus.Signal, 1000)
	other.Signal(signals)
	if err := other.AddMatchSignal(dbus.WithMatchInterface(propertyInterface)); err != nil {
		t.Fatal(err)
	}
	if err := private.Call(managerInterface+".StartUnit", 0, "t.timer", "replace").Err; err != nil {
		t.Fatal(err)
	}
	waitSignal(t, signals, func(s *dbus.Signal) bool {
		if s.Path != unitPath("t.timer") {
			t.Errorf("told of what nobody asked about: %v", s)
		}
		return s.Name == propertyInterface+".PropertiesChanged" && s.Path == unitPath("t.timer")
	})
	if err := private.Call(managerInterface+".StopUnit", 0, "t.timer", "replace").Err; err != nil {
		t.Fatal(err)
	}
	other.Close()
	w.until("the reference is gone", func() bool { u, ok := w.machine.Unit("t.timer"); return !ok || u.Holds == 0 })

	daemon.Process.Kill()
	w.until("the connection is over", func() bool { return len(w.links()) == 0 && !w.server.linked })
	if err := private.Call(managerInterface+".ListJobs", 0).Err; err != nil {
		t.Errorf("after the end of the bus: %v", err)
	}
}

// TestNoBus: dbus.service may be up where no bus is.
func TestNoBus(t *testing.T) {
	w := newWorld(t, map[string]string{"dbus.service": "[Service]\nExecStart=/usr/sbin/daemon\n"})
	o := w.dial().Object(systemd1, managerPath)
	if err := o.Call(managerInterface+".StartUnit", 0, "dbus.service", "replace").Err; err != nil {
		t.Fatal(err)
	}
	w.server.Connect()
	w.until("it is given up", func() bool { return !w.server.linked })
}
