package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keelson/init/early"
)

// TestCommands: what early leaves to the runtime, the runtime knows.
func TestCommands(t *testing.T) {
	for i, c := range commands {
		if early.Commands[i].Name != c.name || c.run == nil {
			t.Errorf("command %d is %q, early has %q", i, c.name, early.Commands[i].Name)
		}
	}
}

// TestNoEntry builds the binary as somebody might who does not know about -E.
func TestNoEntry(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keelson")
	if out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"true"}, {"run", "true"}, {"--version"}, {}} {
		cmd := exec.Command(path, args...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != exitNoEntry || !strings.Contains(string(out), "-E keelson_entry") || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%v: status %d, %q", args, cmd.ProcessState.ExitCode(), out)
		}
	}
}

func TestParseRun(t *testing.T) {
	for _, tt := range []struct {
		args, wrapper, command string
		uts                    bool
		hostname               string
	}{
		{"ls -l", "", "ls -l", false, ""},
		{"--uts ls", "", "ls", true, ""},
		{"--uts=box -- ls --uts=other", "", "ls --uts=other", true, "box"},
		{"--hostname box ls", "", "ls", false, "box"},
		{"-g -e 7 --grace 3 --rewrite TERM:QUIT -- ls", "-g -e 7 --grace 3 --rewrite TERM:QUIT", "ls", false, ""},
		{"--all x", "", "x", true, ""},
	} {
		o, status, done := parseRun(strings.Fields(tt.args))
		if done || status != 0 || strings.Join(o.wrapper, " ") != tt.wrapper || strings.Join(o.command, " ") != tt.command || o.plan.UTS != tt.uts || o.plan.Hostname != tt.hostname {
			t.Errorf("%q: %+v", tt.args, o)
		}
	}
}

// TestApplets: what early leaves to the runtime as applets, the runtime has.
func TestApplets(t *testing.T) {
	for _, a := range early.Applets {
		if _, ok := applets[a.Name]; !ok && a.Name != "init" && a.Name != "systemd" {
			t.Errorf("early has %s, applets has not", a.Name)
		}
	}
	if len(applets) != len(early.Applets)-2 {
		t.Errorf("%d applets, early has %d and the manager's two names", len(applets), len(early.Applets))
	}
}

// TestInitArguments: an init is told things that are not for it, but what follows -- is the command's own.
func TestInitArguments(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"", ""},
		{"--system --log-level=debug --unit=rescue.target", "rescue.target"},
		{"--stop-timeout 3s -- server --log-level=debug --system", "--stop-timeout 3s -- server --log-level=debug --system"},
		{"--", ""},
		{"--strict --", "--strict"},
		{"-- server --", "-- server --"},
	} {
		if got := strings.Join(initArguments(strings.Fields(tt.args)), " "); got != tt.want {
			t.Errorf("%q: %q, not %q", tt.args, got, tt.want)
		}
	}
}
