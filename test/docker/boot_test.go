package docker

import (
	"strings"
	"testing"

	"keelson/test/container"
)

// withoutProc takes /proc away (umount2(2)) and boots; its argument is what keelson ctl is to do then.
const withoutProc = `use POSIX; $p = "/proc"; syscall((POSIX::uname())[4] eq "aarch64" ? 39 : 166, $p, 2) == 0 or die "umount: $!";
	exec "/sbin/keelson", "boot", "basic.target", "--", "sh", "-c", "keelson ctl $ARGV[0]; exit 4"`

// TestBoot runs the manager as the first process of ordinary containers.
func TestBoot(t *testing.T) {
	need(t)
	for _, c := range []struct {
		name   string
		args   []string // of docker run, with the command
		status int
		says   string // on standard output
		never  string
	}{
		{"command", []string{image, "boot", "basic.target", "--", "sh", "-c", "echo it-runs; exit 7"}, 7, "it-runs\n", ""},
		{"killed", []string{image, "boot", "basic.target", "--", "sh", "-c", "kill -9 $$"}, 137, "status=9/KILL", ""},
		{"words stand for themselves", []string{image, "boot", "basic.target", "--", "printf", "[%s]", "a b", "$HOME", "%n", `"\`}, 0, `[a b][$HOME][%n]["\]`, ""},
		{"not found", []string{image, "boot", "basic.target", "--", "/nonexistent"}, 203, "/nonexistent", ""},
		{"environment", []string{"-e", "COLOUR=blue", image, "boot", "basic.target", "--", "sh", "-c", "echo colour=$COLOUR"}, 0, "colour=blue\n", ""},
		{"clean environment", []string{"-e", "COLOUR=blue", "-e", "KEELSON_ENV=clean", image, "boot", "basic.target", "--", "sh", "-c", "echo colour=$COLOUR"}, 0, "colour=\n", ""},
		{"raw", []string{image, "boot", "--log-format", "none", "basic.target", "--", "echo", "alone"}, 0, "alone\n", "Started"},
		{"supervised", []string{image, "supervise", "--restart", "no", "--", "sh", "-c", "echo worked; exit 3"}, 3, "worked\n", ""},
		{"ends when it is not restarted any more", []string{"--entrypoint", "sh", image, "-c",
			`printf '[Service]\nExecStart=sh -c "echo run >>/run/runs; exit $(wc -l </run/runs)"\nRestart=on-failure\nRestartPreventExitStatus=3\nRestartSec=0\n' >/etc/systemd/system/a.service
			exec keelson boot --exit-with a a`}, 3, "Scheduled restart job, restart counter is at 2", ""},
		{"any uid", []string{"--user", "12345", "--read-only", image, "boot", "basic.target", "--", "id", "-u"}, 0, "12345\n", ""},
		{"few processes", []string{"--pids-limit", "40", image, "boot", "basic.target", "--", "true"}, 0, "", "Failed"},
		{"no /proc", []string{"--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined", "--entrypoint", "perl", image, "-e", withoutProc,
			"show -p MemoryCurrent -p TasksCurrent -p TasksMax $(keelson ctl list-units --plain --no-legend --type service --state running | cut -d' ' -f1)"},
			4, "MemoryCurrent=[not set]\nTasksCurrent=[not set]\nTasksMax=infinity\n", ""},
		{"soft limit", []string{"--ulimit", "nofile=1000:5000", image, "boot", "basic.target", "--", "sh", "-c", "keelson ctl show -p LimitNOFILE -p LimitNOFILESoft keelson-command; ulimit -n"}, 0,
			"LimitNOFILE=5000\nLimitNOFILESoft=1000\n1000\n", ""},
		{"unknown option", []string{image, "boot", "--nope"}, 125, "", "Started"},
		{"bad stop timeout", []string{image, "boot", "--stop-timeout", "soon"}, 125, "", "Started"},
		{"no command", []string{image, "boot", "--"}, 125, "", "Started"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := container.Run(t, c.args...)
			if r.Status != c.status || !strings.Contains(r.Out, c.says) || c.never != "" && strings.Contains(r.Out, c.never) {
				t.Errorf("status %d, want %d; out %q, err %q", r.Status, c.status, r.Out, r.Err)
			}
			if c.status == 125 && strings.Count(r.Err, "\n") != 1 {
				t.Errorf("not one line: %q", r.Err)
			}
		})
	}
}

// TestProcfile runs plain commands as services and ends with the one that matters.
func TestProcfile(t *testing.T) {
	need(t)
	script := `printf 'web: echo web-here; touch /tmp/up; exec sleep 1000\nworker: echo worker-here; until [ -e /tmp/up ]; do sleep 0.1; done; exit 4\n' >/tmp/Procfile; exec keelson supervise --restart no --exit-with worker -f /tmp/Procfile`
	r := container.Run(t, "--entrypoint", "sh", image, "-c", script)
	if r.Status != 4 || !strings.Contains(r.Out, "web-here\n") || !strings.Contains(r.Out, "worker-here\n") {
		t.Errorf("status %d: out %q, err %q", r.Status, r.Out, r.Err)
	}
	for _, bad := range []string{"web", "web: \n", "a: x\na: y\n", ""} {
		r := container.Run(t, "--entrypoint", "sh", "-e", "TEXT="+bad, image, "-c", `printf '%s' "$TEXT" >/tmp/Procfile; exec keelson supervise -f /tmp/Procfile`)
		if r.Status != 125 || strings.Count(r.Err, "\n") != 1 || !strings.Contains(r.Err, "/tmp/Procfile") {
			t.Errorf("%q: status %d, %q", bad, r.Status, r.Err)
		}
	}
}
