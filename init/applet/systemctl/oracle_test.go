package systemctl_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keelson/init/applet"
	"keelson/init/applet/systemctl"
)

// Called systemctl the test is systemctl.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "systemctl" {
		os.Exit(systemctl.Main(os.Args, applet.Process(), nil))
	}
	os.Exit(m.Run())
}

// masks are what two runs may differ in: times, and what is counted meanwhile.
var masks = []struct {
	of *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`\b(\d+(us|ms|s|min|h)|\d+min \d+s|\d+h \d+min|\d+ days?) (ago|left)\b`), "T $3"},
	{regexp.MustCompile(`(CPU|Memory|Tasks): .*`), "$1: N"},
	{regexp.MustCompile(`\b(\w*Memory(?:Current|Available)|CPUUsageNSec|TasksCurrent|\w*NextElapse\w*|\w+Timestamp\w*|NInstalledJobs|NJobs)=.*`), "$1=N"},
	{regexp.MustCompile(`next_elapse=[^}]*`), "next_elapse=N "},
	{regexp.MustCompile(`\d{3,}( /opt/keelson/systemctl| systemctl )`), "PID$1"},
}

type outcome struct {
	stdout, stderr string
	status         int
}

// The real systemctl says what is right: KEELSON_ORACLE names a container where systemd 252 is PID 1 and Docker can get at, whose units
// testdata/oracle/units.sh adds to. Lines that begin with ~ may differ, for the reason above them.
func TestOracle(t *testing.T) {
	container := os.Getenv("KEELSON_ORACLE")
	if container == "" {
		t.Skip("KEELSON_ORACLE does not name a container that systemd runs in")
	}
	docker := func(stdin string, args ...string) outcome {
		var out, e bytes.Buffer
		cmd := exec.Command("docker", args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = strings.NewReader(stdin), &out, &e, time.Minute
		err := cmd.Run()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		return outcome{out.String(), e.String(), cmd.ProcessState.ExitCode()}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	units, err := os.ReadFile("testdata/oracle/units.sh")
	lines, err2 := os.ReadFile("testdata/oracle/lines.txt")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	docker("", "exec", container, "mkdir", "-p", "/opt/keelson")
	docker("", "cp", self, container+":/opt/keelson/systemctl")
	if o := docker(string(units), "exec", "-i", container, "sh"); o.status != 0 {
		t.Fatalf("the units: %s%s", o.stdout, o.stderr)
	}
	// A line is the shell's to read. Both programs are called by the same name.
	run := func(program, line string) outcome {
		env, words := "", line
		for {
			w, rest, ok := strings.Cut(words, " ")
			if !ok || strings.HasPrefix(w, "-") || !strings.Contains(w, "=") {
				break
			}
			env, words = env+" "+w, rest
		}
		o := docker("", "exec", container, "bash", "-c", "export LANG=C.UTF-8"+env+"; exec -a systemctl "+program+" "+words)
		for _, m := range masks {
			o.stdout, o.stderr = m.of.ReplaceAllString(o.stdout, m.by), m.of.ReplaceAllString(o.stderr, m.by)
		}
		return o
	}
	for line := range strings.Lines(string(lines)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		line, mayDiffer := strings.CutPrefix(line, "~")
		want, got := run("/usr/bin/systemctl", line), run("/opt/keelson/systemctl", line)
		switch {
		case got == want:
		case mayDiffer:
			t.Logf("%s differs, as it may", line)
		default:
			t.Errorf("systemctl %s\n%s--\n%s-> %d\nwant\n%s--\n%s-> %d", line, got.stdout, got.stderr, got.status, want.stdout, want.stderr, want.status)
		}
	}
}
