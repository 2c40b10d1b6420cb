// Package services runs the services of Debian's packages, unmodified and enabled by the packages themselves, in a container with Docker's default
// privileges, and asks each with a real client.
package services

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keelson/test/binary"
)

const image = "keelson-test:services"

func TestMain(m *testing.M) {
	status := m.Run()
	binary.Clean()
	os.Exit(status)
}

// A service is a unit, and how a client finds that it serves.
type service struct {
	unit   string
	probe  string // a shell command that succeeds
	client string // what its output matches
}

var services = []service{
	{"ssh.service", "ssh -o StrictHostKeyChecking=no -o BatchMode=yes root@127.0.0.1 echo logged-in", "logged-in"},
	{"apache2.service", "curl -sf http://127.0.0.1/", "Apache2"},
	{"nginx.service", "curl -sfI http://127.0.0.1:8080/", "nginx"},
	{"cron.service", "test -e /run/cron-has-run && echo ran", "ran"},
	{"redis-server.service", "redis-cli ping", "PONG"},
	{"postgresql@15-main.service", "su postgres -c \"psql -Atc 'select 6*7'\"", "42"},
	{"mariadb.service", "mysql -N -e 'select 6*7'", "42"},
	{"php8.2-fpm.service", "SCRIPT_NAME=/x SCRIPT_FILENAME=/nonexistent REQUEST_METHOD=GET cgi-fcgi -bind -connect /run/php/php8.2-fpm.sock", "File not found|Primary script unknown"},
	{"rsyslog.service", "logger -t probe it-arrives; for i in $(seq 50); do grep -h it-arrives /var/log/syslog && break; sleep 0.1; done", "it-arrives"},
	{"memcached.service", "printf 'version\\r\\nquit\\r\\n' | nc -w 3 127.0.0.1 11211", "VERSION"},
	{"haproxy.service", "curl -sf http://127.0.0.1:8081/", "Apache2"},
	{"postfix@-.service", "printf 'QUIT\\r\\n' | nc -w 5 127.0.0.1 25", "^220 .*ESMTP"},
	{"dovecot.service", "printf 'a LOGOUT\\r\\n' | nc -w 5 127.0.0.1 143", "Dovecot"},
	{"named.service", "dig +short @127.0.0.1 localhost", "127.0.0.1"},
}

func need(t *testing.T) {
	t.Helper()
	binary.Need(t, "docker")
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("there is no Docker engine, and CI must have one: %s", out)
		}
		t.Skip("there is no Docker engine to talk to")
	}
	if out, err := exec.Command("../base-image").CombinedOutput(); err != nil {
		t.Fatalf("cannot make the base image: %s", out)
	}
	dir := t.TempDir()
	for from, to := range map[string]string{binary.Path(t, ""): "keelson", "Dockerfile": "Dockerfile"} {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), data, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("docker", "build", "--network", "host", "-q", "-t", image, dir).CombinedOutput(); err != nil {
		t.Fatalf("docker build: %s", out)
	}
}

// A container is one that runs.
type container struct {
	t  *testing.T
	id string
}

// boot starts a container; it is removed when the test ends.
func boot(t *testing.T, args ...string) container {
	t.Helper()
	out, err := exec.Command("docker", append([]string{"run", "-d", "--network", "none"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker run: %s", out)
	}
	c := container{t, strings.TrimSpace(string(out))}
	t.Cleanup(func() { exec.Command("docker", "rm", "-f", "-v", c.id).Run() })
	return c
}

// try runs a shell command inside.
func (c container) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", "exec", c.id, "sh", "-c", command).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (c container) sh(command string) string {
	c.t.Helper()
	out, err := c.try(command)
	if err != nil {
		c.t.Fatalf("%s: %v: %s", command, err, out)
	}
	return out
}

// booted waits for the boot to be over. Before the manager's socket is there, nobody can be asked.
func (c container) booted() string {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		out, _ := c.try("systemctl is-system-running --wait")
		if !strings.HasPrefix(out, "Failed to connect") && !strings.HasPrefix(out, "System has not") || time.Now().After(end) {
			return out
		}
	}
}

func (c container) logs() string {
	out, _ := exec.Command("docker", "logs", c.id).CombinedOutput()
	return string(out)
}

// serves asks a service. A daemon that says that it is ready before it is (Type=simple) is asked again until the time is up.
func (c container) serves(s service) {
	c.t.Helper()
	var out string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		out, _ = c.try(s.probe)
		if regexp.MustCompile("(?m)" + s.client).MatchString(out) {
			return
		}
	}
	status, _ := c.try("systemctl status --no-pager " + s.unit)
	c.t.Errorf("%s does not serve: %s\n%s", s.unit, out, status)
}

// stop is docker stop, and gives the exit status and how long it took.
func (c container) stop() (status string, took time.Duration) {
	c.t.Helper()
	begin := time.Now()
	if out, err := exec.Command("docker", "stop", c.id).CombinedOutput(); err != nil {
		c.t.Fatalf("docker stop: %s", out)
	}
	took = time.Since(begin)
	out, err := exec.Command("docker", "inspect", "-f", "{{.State.ExitCode}}", c.id).Output()
	if err != nil {
		c.t.Fatal(err)
	}
	return string(bytes.TrimSpace(out)), took
}

func TestServices(t *testing.T) {
	need(t)
	c := boot(t, image)
	if state := c.booted(); state != "running" {
		failed, _ := c.try("systemctl --failed --no-pager --no-legend; systemctl list-jobs --no-legend --no-pager")
		t.Errorf("is-system-running: %s: %s", state, failed)
	}
	for _, s := range services {
		t.Run(s.unit, func(t *testing.T) {
			c := container{t, c.id}
			c.serves(s)
			c.killed(s)
		})
	}
	t.Run("syslog", func(t *testing.T) { container{t, c.id}.syslog() })
	if state := c.sh("systemctl reset-failed; systemctl is-system-running"); state != "running" {
		t.Errorf("after all: %s", state)
	}
	status, took := c.stop()
	if log := c.logs(); status != "0" || strings.Contains(log, "Killed, as they did not stop in time") {
		t.Errorf("docker stop: status %s after %v\n%s", status, took, tail(log))
	}
	t.Logf("docker stop: %v", took)
}

// syslog looks for what daemons say by syslog(3): it is under their units, and in the files of rsyslog, and without rsyslog it is under their units all the same.
func (c container) syslog() {
	c.t.Helper()
	count := func(unit, text string) string {
		return c.sh(fmt.Sprintf("journalctl -q --sync; journalctl -q --no-pager -o cat _TRANSPORT=syslog _SYSTEMD_UNIT=%s | grep -c '%s' || true", unit, text))
	}
	for _, line := range []struct{ unit, text, file string }{
		{"ssh.service", "Accepted publickey for root", "sshd.[0-9]*.: Accepted publickey for root"},
		{"cron.service", "(CRON) INFO (", "cron.[0-9]*.: (CRON) INFO ("},
		{"postfix@-.service", "daemon started", "postfix/master.[0-9]*.: daemon started"},
	} {
		if n := count(line.unit, line.text); n == "0" {
			c.t.Errorf("the journal has no %q of %s", line.text, line.unit)
		}
		c.sh(fmt.Sprintf("for i in $(seq 100); do grep -qs '%s' /var/log/syslog /var/log/auth.log /var/log/cron.log /var/log/mail.log && exit; sleep 0.1; done; exit 1", line.file))
	}
	before := count("ssh.service", "Accepted publickey")
	c.sh("systemctl stop syslog.socket rsyslog.service")
	c.sh(services[0].probe)
	if after := count("ssh.service", "Accepted publickey"); after == before {
		c.t.Errorf("without rsyslog there are %s logins in the journal, as before", after)
	}
	c.sh("systemctl start rsyslog.service")
}

// killed kills the main process and looks whether what Restart= says is done.
func (c container) killed(s service) {
	c.t.Helper()
	pid := c.sh("systemctl show -P MainPID " + s.unit)
	if pid == "0" { // GuessMainPID=no: nobody knows which one it is
		if guess := c.sh("systemctl show -P GuessMainPID " + s.unit); guess != "no" {
			c.t.Errorf("%s has no main process, and GuessMainPID=%s", s.unit, guess)
		}
		c.sh("systemctl restart " + s.unit)
		c.serves(s)
		return
	}
	restart := c.sh("systemctl show -P Restart " + s.unit)
	c.sh("kill -9 " + pid)
	comesBack := restart != "no" && restart != "on-success" && restart != "on-watchdog"
	// The end of a restart is a state that is not passed through.
	wait := fmt.Sprintf("for i in $(seq 300); do p=$(systemctl show -P MainPID %s); s=$(systemctl is-active %s); case $s in active) [ $p != %s ] && [ $p != 0 ] && break;; failed|inactive) [ %t = false ] && break;; esac; sleep 0.1; done; echo $s", s.unit, s.unit, pid, comesBack)
	state := c.sh(wait)
	if comesBack != (state == "active") {
		c.t.Fatalf("%s, Restart=%s, is %s after its main process was killed", s.unit, restart, state)
	}
	if !comesBack {
		c.sh("systemctl reset-failed " + s.unit + "; systemctl start " + s.unit)
	}
	if s.unit != "cron.service" { // what it has run, it runs once
		c.serves(s)
	}
	c.sh("systemctl stop " + s.unit + " && systemctl start " + s.unit)
}

func tail(log string) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
