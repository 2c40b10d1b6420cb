package docker

import (
	"strings"
	"testing"
)

// TestSystemConf: what system.conf says holds from the boot on, is shown, reaches services, and is read again with all unit files; what clients have set stays.
func TestSystemConf(t *testing.T) {
	need(t)
	const prepare = `mkdir -p /etc/systemd/system.conf.d /usr/lib/systemd/system.conf.d
	printf '[Manager]\nDefaultTimeoutStopSec=7s\nDefaultEnvironment=COLOUR=blue SHAPE=round\nManagerEnvironment=WHO=manager\nDefaultLimitNOFILE=300:400\nNoNewPrivileges=yes\nNonsense=1\n' >/etc/systemd/system.conf
	printf '[Manager]\nDefaultRestartSec=3s\n' >/usr/lib/systemd/system.conf.d/10-image.conf
	printf '[Service]\nType=oneshot\nPassEnvironment=WHO\nExecStart=sh -c "echo $COLOUR $SHAPE $WHO $SET $(ulimit -Sn) $(ulimit -Hn) >/out"\n' >/etc/systemd/system/says.service
	printf '[Unit]\nConditionEnvironment=SET=1\n[Service]\nType=oneshot\nExecStart=touch /held\n' >/etc/systemd/system/asks.service
	exec keelson boot`
	c := start(t, "--entrypoint", "sh", "-e", "COLOUR=red", "-e", "SIZE=big", image, "-c", prepare)
	c.Says("Startup finished", 1)
	for _, tt := range []struct{ script, want string }{
		{"systemctl show -P DefaultTimeoutStopUSec -P DefaultRestartUSec -P DefaultLimitNOFILESoft -P LogLevel", "info\n7s\n3s\n300"},
		{"systemctl show -P TimeoutStopUSec -P RestartUSec says", "3s\n7s"},
		{"systemctl show-environment | grep -E '^(COLOUR|SHAPE|SIZE|WHO)='", "SIZE=big\nCOLOUR=blue\nSHAPE=round"},
		{"systemctl start says; cat /out", "blue round manager 300 400"},
		{"systemctl start asks; ls /held 2>/dev/null", ""},
		{"systemctl set-environment SET=1 SHAPE=square; systemctl start asks says; ls /held; cat /out", "/held\nblue square manager 1 300 400"},
		{`printf '[Manager]\nDefaultTimeoutStopSec=9s\nDefaultEnvironment=COLOUR=green\nLogLevel=debug\n' >/etc/systemd/system.conf
		systemctl daemon-reload; systemctl show -P DefaultTimeoutStopUSec -P DefaultRestartUSec -P LogLevel; systemctl show -P TimeoutStopUSec says`, "debug\n9s\n3s\n9s"},
		{"systemctl start says; cut -d' ' -f1-3 /out", "green square 1"},
		{"systemctl daemon-reexec; systemctl start says; cut -d' ' -f1-3 /out; systemctl show -P DefaultTimeoutStopUSec -P LogLevel", "green square 1\ndebug\n9s"},
		{"systemctl log-level notice; systemctl daemon-reload; systemctl daemon-reexec; systemctl log-level", "notice"},
	} {
		if got := in(c, tt.script); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.script, got, tt.want)
		}
	}
	logs := c.Logs()
	for _, text := range []string{"/etc/systemd/system.conf:6: NoNewPrivileges= is not applied here", "/etc/systemd/system.conf:7: Unknown key 'Nonsense' in section [Manager], ignoring."} {
		if strings.Count(logs, text) != 1 {
			t.Errorf("%q is not told once: %s", text, logs)
		}
	}
}
