package run

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/init/applet/manager/managertest"
)

// A world is a manager that makes units, and says how they end.
type world struct {
	*managertest.Server
	root   string
	result string // of the job
	// ends are the properties of the unit when it has ended.
	ends map[string]any
	mu   sync.Mutex
	made []made
}

// made is a call of StartTransientUnit.
type made struct {
	name, mode string
	properties []string
	others     string
}

func newWorld(t *testing.T, result string, ends map[string]any) *world {
	t.Helper()
	root, err := os.MkdirTemp("", "r") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	w := &world{root: root, result: result, ends: ends}
	w.Server = managertest.Start(t, root, w.answer)
	return w
}

func (w *world) answer(c managertest.Call) ([]any, error) {
	switch c.Member {
	case "StartTransientUnit":
		m := made{name: c.Args[0].(string), mode: c.Args[1].(string), others: fmt.Sprint(c.Args[3])}
		for _, p := range c.Args[2].([][]any) {
			m.properties = append(m.properties, fmt.Sprintf("%s=%s", p[0], p[1].(dbus.Variant).String()))
		}
		w.mu.Lock()
		w.made = append(w.made, m)
		w.mu.Unlock()
		job := dbus.ObjectPath(manager.Root + "/job/1")
		c.Signal(manager.Root, manager.Interface, "JobRemoved", uint32(1), job, m.name, w.result)
		return []any{job}, nil
	case "GetAll":
		p := managertest.Ordered{
			{Name: "LoadState", Value: dbus.MakeVariant("loaded")},
			{Name: "Job", Value: dbus.MakeVariant(struct {
				ID   uint32
				Path dbus.ObjectPath
			}{0, "/"})},
		}
		for n, v := range w.ends {
			p = append(p, manager.Property{Name: n, Value: dbus.MakeVariant(v)})
		}
		return []any{p}, nil
	case "Get":
		return []any{dbus.MakeVariant(false)}, nil
	}
	return nil, nil
}

func (w *world) run(line string) (stderr string, status int) {
	var out, err bytes.Buffer
	h := &applet.Host{
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err, Environ: []string{"PATH=/usr/bin:/bin", "FROM=here", "SHELL=/bin/sh"}, Root: w.root,
		Now: func() time.Time { return time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC) }, Local: time.UTC,
	}
	status = Main(append([]string{"systemd-run"}, strings.Fields(line)...), h)
	return err.String(), status
}

func (w *world) last() made {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.made) == 0 {
		return made{}
	}
	return w.made[len(w.made)-1]
}

const command = `ExecStart=[["/bin/sh", ["/bin/sh", "-c", "true"], false]]`

func TestService(t *testing.T) {
	for _, c := range []struct{ line, name, stderr, properties string }{
		{"--unit=x /bin/sh -c true", "x.service", "Running as unit: x.service\n", `Description="/bin/sh -c true" ` + command},
		{"-q -u x /bin/sh -c true", "x.service", "", `Description="/bin/sh -c true" ` + command},
		{"-u x --description=d -G --no-block /bin/sh -c true", "x.service", "Running as unit: x.service\n", `Description="d" CollectMode="inactive-or-failed" ` + command},
		{"-u x --description=d -r --send-sighup --slice=a --service-type=oneshot --uid=1 --gid=2 --nice=-3 --working-directory=/tmp -E A=b -E FROM -E NONE -p CPUWeight=7 /bin/sh -c true", "x.service",
			"Running as unit: x.service\n",
			`Description="d" CPUWeight=@t 7 SendSIGHUP=true Slice="a.slice" RemainAfterExit=true Type="oneshot" User="1" Group="2" WorkingDirectory="/tmp" Nice=-3 Environment=["A=b", "FROM=here"] ` + command},
	} {
		w := newWorld(t, "done", nil)
		stderr, status := w.run(c.line)
		m := w.last()
		if stderr != c.stderr || status != 0 || m.name != c.name || m.mode != "fail" || strings.Join(m.properties, " ") != c.properties || m.others != "[]" {
			t.Errorf("%s: %q, %d, %+v\nwant %s", c.line, stderr, status, m, c.properties)
		}
	}
}

// A unit without a name gets one that nobody else has.
func TestRandomName(t *testing.T) {
	w := newWorld(t, "done", nil)
	var names [2]string
	for i := range names {
		stderr, _ := w.run("/bin/sh -c true")
		names[i] = w.last().name
		if stderr != "Running as unit: "+names[i]+"\n" || !strings.HasPrefix(names[i], "run-r") || !strings.HasSuffix(names[i], ".service") || len(names[i]) != len("run-r")+32+len(".service") {
			t.Errorf("%q, %s", stderr, names[i])
		}
	}
	if names[0] == names[1] {
		t.Error(names)
	}
}

func TestTimer(t *testing.T) {
	w := newWorld(t, "done", nil)
	stderr, status := w.run("--unit=x --on-active=5min --on-calendar=daily --timer-property=AccuracySec=1s --description=d /bin/sh -c true")
	m := w.last()
	if stderr != "Running timer as unit: x.timer\nWill run service as unit: x.service\n" || status != 0 || m.name != "x.timer" {
		t.Errorf("%q, %d, %+v", stderr, status, m)
	}
	want := `Description="d" TimersMonotonic=@a(st) [["OnActiveSec", 300000000]] TimersCalendar=[["OnCalendar", "daily"]] AccuracyUSec=@t 1000000 RemainAfterElapse=false`
	if got := strings.Join(m.properties, " "); got != want {
		t.Error(got)
	}
	if !strings.HasPrefix(m.others, "[[x.service [[Description ") || !strings.Contains(m.others, "/bin/sh") {
		t.Error(m.others)
	}
	if stderr, status := w.run("--unit=x.service --path-property=PathExists=/x"); stderr != "Running path as unit: x.path\n" || status != 0 || w.last().others != "[]" {
		t.Errorf("%q, %d, %+v", stderr, status, w.last())
	}
	if stderr, status := w.run("--on-calendar=never /bin/true"); stderr != "Failed to parse calendar event specification: Invalid argument\n" || status != 1 {
		t.Errorf("%q, %d", stderr, status)
	}
	if stderr, _ := w.run("-u x --on-calendar=2001-01-01 /bin/sh"); !strings.HasPrefix(stderr, "Specified calendar expression is in the past, proceeding anyway.\n") {
		t.Errorf("%q", stderr)
	}
}

// --wait tells how it ended, and ends the same way.
func TestWait(t *testing.T) {
	ended := func(result, state string, code, status int32) map[string]any {
		return map[string]any{
			"Result": result, "ActiveState": state, "ExecMainCode": code, "ExecMainStatus": status, "InactiveExitTimestampMonotonic": uint64(1000000),
			"InactiveEnterTimestampMonotonic": uint64(2500000), "CPUUsageNSec": uint64(7e6), "IPIngressBytes": ^uint64(0),
		}
	}
	const rest = "Service runtime: 1.500s\nCPU time consumed: 7ms\n"
	for _, c := range []struct {
		name   string
		ends   map[string]any
		stderr string
		status int
	}{
		{"success", ended("success", "inactive", 1, 0), "Finished with result: success\nMain processes terminated with: code=exited/status=0\n", 0},
		{"exit code", ended("exit-code", "failed", 1, 7), "Finished with result: exit-code\nMain processes terminated with: code=exited/status=7\n", 7},
		{"signal", ended("signal", "failed", 2, 9), "Finished with result: signal\nMain processes terminated with: code=killed/status=KILL\n", 255},
		{"timeout", ended("timeout", "failed", 2, 15), "Finished with result: timeout\nMain processes terminated with: code=killed/status=TERM\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "done", c.ends)
			stderr, status := w.run("--wait -u x /bin/sh -c true")
			if want := "Running as unit: x.service\n" + c.stderr + rest; stderr != want || status != c.status {
				t.Errorf("%q, %d", stderr, status)
			}
			if got := strings.Join(w.last().properties, " "); !strings.HasSuffix(got, " AddRef=true") {
				t.Error(got)
			}
			if stderr, status := w.run("--wait -q -u x /bin/sh -c true"); stderr != "" || status != c.status {
				t.Errorf("%q, %d", stderr, status)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	for line, want := range map[string]string{
		"":                                  "Command line to execute required.\n",
		"/no/such/program":                  "Failed to find executable /no/such/program: No such file or directory\n",
		"-p Nonsense=1 /bin/sh":             "Unknown assignment: Nonsense=1\n",
		"-p CPUWeight=x /bin/sh":            "Failed to parse CPUWeight=x: Invalid argument\n",
		"--nice=40 /bin/sh":                 "Failed to parse nice value: 40\n",
		"-E 1=x /bin/sh":                    "Cannot assign environment variable 1=x: Invalid argument\n",
		"--on-active=1 --wait /bin/sh":      "--wait may not be combined with path, socket or timer operations.\n",
		"--scope --wait /bin/sh":            "--wait may not be combined with --scope.\n",
		"--pty --no-block /bin/sh":          "--pty/--pipe is not compatible with --no-block.\n",
		"--wait --no-block /bin/sh":         "--wait may not be combined with --no-block.\n",
		"-H x /bin/sh":                      "Failed to connect to bus: Host is down\n",
		"--nonsense":                        "systemd-run: unrecognized option '--nonsense'\n",
		"--scope --remain-after-exit true":  "--remain-after-exit and --service-type= are not supported in --scope mode.\n",
		"--path-property=a=b --on-active=1": "Only single trigger (path, socket, timer) unit can be created.\n",
	} {
		w := newWorld(t, "done", nil)
		if stderr, status := w.run(line); stderr != want || status != 1 {
			t.Errorf("%s: %q, %d", line, stderr, status)
		}
	}
	w := newWorld(t, "failed", nil)
	if stderr, status := w.run("-u x /bin/sh"); status != 1 || stderr != "Job for x.service failed.\nSee \"systemctl status x.service\" and \"journalctl -xeu x.service\" for details.\n" {
		t.Errorf("%q, %d", stderr, status)
	}
	var err bytes.Buffer
	h := &applet.Host{Stdout: new(bytes.Buffer), Stderr: &err, Environ: []string{"PATH=/bin"}, Root: t.TempDir()}
	if status := Main([]string{"systemd-run", "/bin/sh"}, h); status != 1 || !strings.HasSuffix(err.String(), "Failed to connect to bus: Host is down\n") {
		t.Errorf("%q, %d", err.String(), status)
	}
}
