package service

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/init/applet/manager/managertest"
)

const script = `#!/bin/sh
case "$1" in
status) echo running ;;
stopped) exit 3 ;;
environment) echo "$PATH-$SECRET-$PWD" ;;
*) echo "script: $*"; exit 4 ;;
esac
`

// machine has init scripts; booted it has a manager.
func machine(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("", "v") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	dir := filepath.Join(root, "/etc/init.d")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"up": script, "down": "#!/bin/sh\nexit 3\n", "rude": "#!/bin/sh\necho 'Usage: $0 start|stop'\n", "README": script, "up.dpkg-old": script,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return root
}

func run(t *testing.T, root, line string) (stdout, stderr string, status int) {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	defer os.Chdir(dir) // scripts are run in the root directory
	var out, e bytes.Buffer
	h := &applet.Host{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &e, Environ: []string{"PATH=/usr/bin:/bin", "SECRET=x"}, Root: root}
	status = Main(append([]string{"/usr/sbin/service"}, strings.Fields(line)...), h, nil)
	return out.String(), e.String(), status
}

func TestScripts(t *testing.T) {
	root := machine(t)
	for _, c := range []struct {
		line, stdout, stderr string
		status               int
	}{
		{"up status", "running\n", "", 0},
		{"up stopped", "", "", 3},
		{"up start now", "script: start now\n", "", 4},
		{"up environment", "/usr/bin:/bin--" + root + "\n", "", 0},
		{"up --full-restart", "script: stop\nscript: start\n", "", 4},
		{"plain start", "", "plain: unrecognized service\n", 1},
		{"../../bin/sh start", "", "../../bin/sh: unrecognized service\n", 1},
		{"nope start", "", "nope: unrecognized service\n", 1},
		{"--status-all", " [ - ]  down\n [ + ]  up\n", " [ ? ]  rude\n", 0},
		{"", "", "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n", 1},
		{"--help", "", "Usage: service < option > | --status-all | [ service_name [ command | --full-restart ] ]\n", 0},
		{"--version", "", "service (keelson)\n", 0},
	} {
		stdout, stderr, status := run(t, root, c.line)
		if stdout != c.stdout || stderr != c.stderr || status != c.status {
			t.Errorf("%s: %q, %q, %d", c.line, stdout, stderr, status)
		}
	}
}

// Where a manager runs it does what it can do.
func TestManager(t *testing.T) {
	for _, c := range []struct{ line, calls, stdout string }{
		{"web start", "StartUnit web.socket, StartUnit web.service", ""},
		{"web stop", "StopUnit web.socket, StopUnit web.service", ""},
		{"up.sh start", "StartUnit up.service", ""},
		{"web restart", "RestartUnit web.service", ""},
		{"web --full-restart", "RestartUnit web.service", ""},
		{"web try-restart", "TryRestartUnit web.service", ""},
		{"web reload", "ReloadUnit web.service", ""},
		{"up force-reload", "RestartUnit up.service", ""},
		{"web force-stop", "KillUnit web.service", ""},
		{"up other words", "", "script: other words\n"},
		{"up reload", "", "script: reload\n"},
	} {
		root := machine(t)
		s := managertest.Start(t, root, answer)
		stdout, stderr, _ := run(t, root, c.line)
		var calls []string
		for _, call := range s.Calls() {
			if call.Interface == manager.Interface && call.Member != "GetUnit" && call.Member != "Subscribe" {
				calls = append(calls, call.Member+" "+call.Args[0].(string))
			}
		}
		if got := strings.Join(calls, ", "); got != c.calls || stdout != c.stdout || stderr != "" {
			t.Errorf("%s: %s; %q, %q", c.line, got, stdout, stderr)
		}
	}
}

// answer is a manager with a service that a socket starts, and that can reload; others have neither.
func answer(c managertest.Call) ([]any, error) {
	web := c.Path == manager.UnitPath("web.service")
	switch c.Member {
	case "Get":
		switch c.Args[1] {
		case "TriggeredBy":
			by := []string{}
			if web {
				by = []string{"web.socket", "web.timer"}
			}
			return []any{dbus.MakeVariant(by)}, nil
		case "CanReload":
			return []any{dbus.MakeVariant(web)}, nil
		case "NeedDaemonReload":
			return []any{dbus.MakeVariant(false)}, nil
		case "ActiveState":
			return []any{dbus.MakeVariant("inactive")}, nil
		case "LoadState":
			return []any{dbus.MakeVariant("loaded")}, nil
		case "SystemState":
			return []any{dbus.MakeVariant("running")}, nil
		}
	case "StartUnit", "StopUnit", "RestartUnit", "TryRestartUnit", "ReloadUnit":
		job := dbus.ObjectPath(manager.Root + "/job/1")
		c.Signal(manager.Root, manager.Interface, "JobRemoved", uint32(1), job, c.Args[0], "done")
		return []any{job}, nil
	case "GetUnit":
		return []any{manager.UnitPath(c.Args[0].(string))}, nil
	}
	return nil, nil
}
