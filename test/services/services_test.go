// Package services runs the services of Debian's packages, unmodified and enabled by the packages themselves, in a container with Docker's default
// privileges, and asks each with a real client.
package services

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"keelson/test/container"
)

func TestMain(m *testing.M) { container.Main(m) }

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

// A machine is a container with these services.
type machine struct{ *container.Container }

// booted waits for the boot to be over. Before the manager's socket is there, nobody can be asked.
func (c machine) booted() string {
	c.T.Helper()
	for end := time.Now().Add(container.WaitMax); ; {
		out, _ := c.Try("systemctl is-system-running --wait")
		if !strings.HasPrefix(out, "Failed to connect") && !strings.HasPrefix(out, "System has not") || time.Now().After(end) {
			return out
		}
	}
}

// serves asks a service. A daemon that says that it is ready before it is (Type=simple) is asked again until the time is up.
func (c machine) serves(s service) {
	c.T.Helper()
	var out string
	for end := time.Now().Add(container.WaitMax); time.Now().Before(end); {
		out, _ = c.Try(s.probe)
		if regexp.MustCompile("(?m)" + s.client).MatchString(out) {
			return
		}
	}
	status, _ := c.Try("systemctl status --no-pager " + s.unit)
	c.T.Errorf("%s does not serve: %s\n%s", s.unit, out, status)
}

func TestServices(t *testing.T) {
	image := container.Build(t, "services", "Dockerfile")
	c := machine{container.Start(t, "--network", "none", image)}
	if state := c.booted(); state != "running" {
		failed, _ := c.Try("systemctl --failed --no-pager --no-legend; systemctl list-jobs --no-legend --no-pager")
		t.Errorf("is-system-running: %s: %s", state, failed)
	}
	for _, s := range services {
		t.Run(s.unit, func(t *testing.T) {
			c := machine{c.In(t)}
			c.serves(s)
			c.killed(s)
		})
	}
	t.Run("syslog", func(t *testing.T) { machine{c.In(t)}.syslog() })
	if state := c.Sh("systemctl reset-failed; systemctl is-system-running"); state != "running" {
		t.Errorf("after all: %s", state)
	}
	status, took := c.Stop()
	if log := c.Logs(); status != 0 || strings.Contains(log, "Killed, as they did not stop in time") {
		t.Errorf("docker stop: status %d after %v", status, took)
	}
	t.Logf("docker stop: %v", took)
}

// syslog looks for what daemons say by syslog(3): it is under their units, and in the files of rsyslog, and without rsyslog it is under their units all the same.
func (c machine) syslog() {
	c.T.Helper()
	count := func(unit, text string) string {
		return c.Sh(fmt.Sprintf("journalctl -q --sync; journalctl -q --no-pager -o cat _TRANSPORT=syslog _SYSTEMD_UNIT=%s | grep -c '%s' || true", unit, text))
	}
	for _, line := range []struct{ unit, text, file string }{
		{"ssh.service", "Accepted publickey for root", "sshd.[0-9]*.: Accepted publickey for root"},
		{"cron.service", "(CRON) INFO (", "cron.[0-9]*.: (CRON) INFO ("},
		{"postfix@-.service", "daemon started", "postfix/master.[0-9]*.: daemon started"},
	} {
		if n := count(line.unit, line.text); n == "0" {
			c.T.Errorf("the journal has no %q of %s", line.text, line.unit)
		}
		c.Sh(fmt.Sprintf("for i in $(seq 100); do grep -qs '%s' /var/log/syslog /var/log/auth.log /var/log/cron.log /var/log/mail.log && exit; sleep 0.1; done; exit 1", line.file))
	}
	before := count("ssh.service", "Accepted publickey")
	c.Sh("systemctl stop syslog.socket rsyslog.service")
	c.Sh(services[0].probe)
	if after := count("ssh.service", "Accepted publickey"); after == before {
		c.T.Errorf("without rsyslog there are %s logins in the journal, as before", after)
	}
	c.Sh("systemctl start rsyslog.service")
}

// killed kills the main process and looks whether what Restart= says is done.
func (c machine) killed(s service) {
	c.T.Helper()
	pid := c.Sh("systemctl show -P MainPID " + s.unit)
	if pid == "0" { // GuessMainPID=no: nobody knows which one it is
		if guess := c.Sh("systemctl show -P GuessMainPID " + s.unit); guess != "no" {
			c.T.Errorf("%s has no main process, and GuessMainPID=%s", s.unit, guess)
		}
		c.Sh("systemctl restart " + s.unit)
		c.serves(s)
		return
	}
	restart := c.Sh("systemctl show -P Restart " + s.unit)
	c.Sh("kill -9 " + pid)
	comesBack := restart != "no" && restart != "on-success" && restart != "on-watchdog"
	// The end of a restart is a state that is not passed through.
	wait := fmt.Sprintf("for i in $(seq 300); do p=$(systemctl show -P MainPID %s); s=$(systemctl is-active %s); case $s in active) [ $p != %s ] && [ $p != 0 ] && break;; failed|inactive) [ %t = false ] && break;; esac; sleep 0.1; done; echo $s", s.unit, s.unit, pid, comesBack)
	state := c.Sh(wait)
	if comesBack != (state == "active") {
		c.T.Fatalf("%s, Restart=%s, is %s after its main process was killed", s.unit, restart, state)
	}
	if !comesBack {
		c.Sh("systemctl reset-failed " + s.unit + "; systemctl start " + s.unit)
	}
	if s.unit != "cron.service" { // what it has run, it runs once
		c.serves(s)
	}
	c.Sh("systemctl stop " + s.unit + " && systemctl start " + s.unit)
}
