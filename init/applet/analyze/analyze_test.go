package analyze

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/init/applet/manager/managertest"
)

func machine(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("", "a") // the names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	return root
}

func file(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// invoke is a run; ROOT in arguments and output is the root directory, and ␣ a blank.
func invoke(root, line string, env ...string) (stdout, stderr string, status int) {
	var out, err bytes.Buffer
	h := &applet.Host{
		Stdout: &out, Stderr: &err, Environ: append(env, "LANG=C.UTF-8", "PATH=/usr/bin:/bin"), Root: root, Local: time.UTC,
		Now: func() time.Time { return time.Date(2024, 3, 10, 12, 0, 0, 0, time.UTC) },
	}
	args := strings.Fields(strings.ReplaceAll(line, "ROOT", root))
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "␣", " ")
	}
	status = Main(append([]string{"systemd-analyze"}, args...), h)
	short := strings.NewReplacer(root, "ROOT")
	return short.Replace(out.String()), short.Replace(err.String()), status
}

func TestWithoutManager(t *testing.T) {
	root := machine(t)
	for _, c := range []struct {
		line, stdout, stderr string
		status               int
	}{
		{"calendar daily", "  Original form: daily\nNormalized form: *-*-* 00:00:00\n    Next elapse: Mon 2024-03-11 00:00:00 UTC\n       From now: 12h left\n", "", 0},
		{"calendar --iterations=2 Mon␣10:00", "  Original form: Mon 10:00\nNormalized form: Mon *-*-* 10:00:00\n    Next elapse: Mon 2024-03-11 10:00:00 UTC\n       From now: 22h left\n" +
			"       Iter. #2: Mon 2024-03-18 10:00:00 UTC\n       From now: 1 week 0 days left\n", "", 0},
		{"calendar 2001-01-01", "  Original form: 2001-01-01\nNormalized form: 2001-01-01 00:00:00\n    Next elapse: never\n", "", 0},
		{"calendar nonsense", "", "Failed to parse calendar specification 'nonsense': Invalid argument\n", 1},
		{"timespan 5min␣2s", "Original: 5min 2s\n      μs: 302000000\n   Human: 5min 2s\n", "", 0},
		{"timespan x", "", "Failed to parse time span 'x': Invalid argument\n", 1},
		{"timestamp 2024-03-10␣10:00:00", "  Original form: 2024-03-10 10:00:00\nNormalized form: Sun 2024-03-10 10:00:00 UTC\n   UNIX seconds: @1710064800\n       From now: 2h 0min ago\n", "", 0},
		{"timestamp x", "", "Failed to parse \"x\": Invalid argument\n", 1},
		{"exit-status CHDIR 0 77", "NAME    STATUS CLASS\nCHDIR      200 systemd\nSUCCESS      0 libc\nNOPERM      77 BSD\n", "", 0},
		{"exit-status x", "", "Invalid exit status \"x\".\n", 1},
		{"capability 0 cap_net_raw", "NAME        NUMBER\ncap_chown        0\ncap_net_raw     13\n", "", 0},
		{"compare-versions 1 2", "1 < 2\n", "", 12},
		{"compare-versions 2 1", "2 > 1\n", "", 11},
		{"compare-versions 1.0 1.0", "1.0 == 1.0\n", "", 0},
		{"compare-versions 1~rc1 lt 1", "", "", 0},
		{"compare-versions 1~rc1 gt 1", "", "", 1},
		{"compare-versions a b c", "", "Unknown operator \"b\".\n", 1},
		{"cat-config", "", "Too few arguments.\n", 1},
		{"nonsense", "", "Unknown command verb nonsense.\n", 1},
		{"--nonsense", "", "systemd-analyze: unrecognized option '--nonsense'\n", 1},
		{"time x", "", "Too many arguments.\n", 1},
		{"blame", "", "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n", 1},
	} {
		stdout, stderr, status := invoke(root, c.line)
		if stdout != c.stdout || stderr != c.stderr || status != c.status {
			t.Errorf("%s\n%s--\n%s-> %d\nwant\n%s--\n%s-> %d", c.line, stdout, stderr, status, c.stdout, c.stderr, c.status)
		}
	}
	stdout, _, status := invoke(root, "unit-paths")
	if dirs := strings.Fields(stdout); status != 0 || dirs[0] != "/etc/systemd/system.control" || dirs[len(dirs)-1] != "/run/systemd/generator.late" {
		t.Errorf("%q, %d", stdout, status)
	}
}

func TestVerify(t *testing.T) {
	root := machine(t)
	t.Setenv("TMPDIR", root)
	file(t, root+"/good.service", "[Service]\nExecStart=/bin/sh\n")
	file(t, root+"/bad.service", "[Service]\nType=nonsense\nExecStart=/bin/sh\nOdd=1\n")
	file(t, root+"/none.service", "[Service]\nExecStart=/no/such/program\n")
	file(t, root+"/t@.service", "[Service]\nExecStart=/bin/sh %i\n")
	for _, c := range []struct {
		line   string
		said   []string
		status int
	}{
		{"verify --man=no ROOT/good.service", nil, 0},
		{"verify --man=no ROOT/t@.service", nil, 0},
		{"verify --man=no ROOT/good.service:other.service", nil, 0},
		{"verify --man=no ROOT/bad.service", []string{"bad.service:2: ", "nonsense", "Odd"}, 0},
		{"verify --man=no --recursive-errors=no ROOT/bad.service", []string{"bad.service:2: "}, 1},
		{"verify --man=no ROOT/none.service", []string{"none.service: Command /no/such/program is not executable: No such file or directory"}, 1},
		{"verify --man=no ROOT/missing.service", []string{"missing.service"}, 1},
	} {
		_, stderr, status := invoke(root, c.line)
		for _, s := range c.said {
			if !strings.Contains(stderr, s) {
				t.Errorf("%s: %q, without %q", c.line, stderr, s)
			}
		}
		if (c.said == nil && stderr != "") || status != c.status {
			t.Errorf("%s: %q, %d", c.line, stderr, status)
		}
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "systemd-analyze-*")); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

func TestCondition(t *testing.T) {
	root := machine(t)
	file(t, root+"/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
	for _, c := range []struct {
		line   string
		status int
	}{
		{"condition ConditionPathExists=/", 0}, {"condition ConditionPathExists=!/", 1}, {"condition AssertPathExists=/no/such/file", 1},
		{"condition ConditionPathExists=|/no/such/file ConditionPathExists=|/", 0}, {"condition ConditionNonsense=x", 1}, {"condition", 1},
	} {
		if _, stderr, status := invoke(root, "--root=ROOT "+c.line); status != c.status {
			t.Errorf("%s: %d\n%s", c.line, status, stderr)
		}
	}
}

func TestSecurity(t *testing.T) {
	root := machine(t)
	file(t, root+"/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
	file(t, root+"/usr/lib/systemd/system/x.service", "[Service]\nExecStart=/bin/sh\nNoNewPrivileges=yes\nProtectSystem=strict\n")
	stdout, stderr, status := invoke(root, "security --root=ROOT x.service")
	if status != 0 || !strings.Contains(stdout, "NoNewPrivileges=") || !strings.Contains(stdout, "ProtectSystem=") {
		t.Errorf("%s%s%d", stdout, stderr, status)
	}
	if _, stderr, status := invoke(root, "security --root=ROOT nope.service"); status != 1 || stderr == "" {
		t.Errorf("%q, %d", stderr, status)
	}
}

func TestCatConfig(t *testing.T) {
	root := machine(t)
	file(t, root+"/etc/systemd/x.conf", "[A]\nB=1\n")
	file(t, root+"/usr/lib/systemd/x.conf", "[A]\nB=0\n")
	file(t, root+"/etc/systemd/x.conf.d/1.conf", "[A]\nB=2\n")
	file(t, root+"/run/systemd/x.conf.d/0.conf", "[A]\nB=3\n")
	stdout, stderr, status := invoke(root, "cat-config --root=ROOT systemd/x.conf")
	want := "# ROOT/etc/systemd/x.conf\n[A]\nB=1\n\n# ROOT/run/systemd/x.conf.d/0.conf\n[A]\nB=3\n\n# ROOT/etc/systemd/x.conf.d/1.conf\n[A]\nB=2\n"
	if stdout != want || stderr != "" || status != 0 {
		t.Errorf("%s%s%d", stdout, stderr, status)
	}
}

// A manager whose boot took 3 s: a.service, that b.service and the target waited for.
func boot(c managertest.Call) ([]any, error) {
	type row struct {
		Name, Description, Load, Active, Sub, Followed string
		Path                                           dbus.ObjectPath
		Job                                            uint32
		JobType                                        string
		JobPath                                        dbus.ObjectPath
	}
	p := func(name string, v any) manager.Property {
		return manager.Property{Name: name, Value: dbus.MakeVariant(v)}
	}
	unit := func(name string, from, to uint64, after ...string) managertest.Ordered {
		return managertest.Ordered{
			p("Id", name), p("InactiveExitTimestampMonotonic", from), p("ActiveEnterTimestampMonotonic", to), p("InactiveEnterTimestampMonotonic", uint64(0)),
			p("ActiveExitTimestampMonotonic", uint64(0)), p("After", append([]string{}, after...)), p("ActiveState", "active"),
		}
	}
	units := map[dbus.ObjectPath]managertest.Ordered{
		manager.UnitPath("a.service"):      unit("a.service", 2e6, 3500e3),
		manager.UnitPath("b.service"):      unit("b.service", 3600e3, 3700e3, "a.service"),
		manager.UnitPath("default.target"): unit("multi-user.target", 4e6, 4e6, "b.service", "a.service"),
		manager.Root:                       {p("UserspaceTimestampMonotonic", uint64(1e6)), p("FinishTimestampMonotonic", uint64(4e6))},
	}
	units[manager.UnitPath("multi-user.target")] = units[manager.UnitPath("default.target")]
	switch c.Member {
	case "GetAll":
		return []any{units[c.Path]}, nil
	case "Get":
		for _, p := range units[c.Path] {
			if p.Name == c.Args[1] {
				return []any{p.Value}, nil
			}
		}
	case "ListUnits":
		var rows []row
		for _, n := range []string{"a.service", "b.service", "multi-user.target"} {
			rows = append(rows, row{Name: n, Path: manager.UnitPath(n), JobPath: "/"})
		}
		return []any{rows}, nil
	}
	return nil, &manager.Error{Name: manager.UnknownMethod, Message: c.Member}
}

func TestBoot(t *testing.T) {
	root := machine(t)
	managertest.Start(t, root, boot)
	for line, want := range map[string]string{
		"time":  "Startup finished in 3s (userspace) \nmulti-user.target reached after 3s in userspace.\n",
		"blame": "1.500s a.service\n 100ms b.service\n",
		"critical-chain": "The time when unit became active or started is printed after the \"@\" character.\n" +
			"The time the unit took to start is printed after the \"+\" character.\n\n" +
			"multi-user.target @3s\n└─b.service @2.600s +100ms\n  └─a.service @1s +1.500s\n",
	} {
		stdout, stderr, status := invoke(root, line)
		if stdout != want || stderr != "" || status != 0 {
			t.Errorf("%s\n%s%s%d", line, stdout, stderr, status)
		}
	}
}
