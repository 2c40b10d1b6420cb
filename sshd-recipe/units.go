package sshdrecipe

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Unit names.
const (
	Unit         = "keelson-sshd.service"
	SessionsUnit = "keelson-sshd-sessions.service"
)

//go:embed ssh.service.d/keelson.conf
var dropInText string

//go:embed ssh.service.d/keelson-sshd-sessions.service
var sessionsText string

// usualPath is where the texts have keelson.
const usualPath = "/sbin/keelson"

// Units are the unit files for an sshd of the recipe's own, by name. self is keelson's path. sshd ends with 255 where a new start would change nothing.
// The container ends with the unit, and would with the first failure if a restart went through that state (RestartMode= in systemd.service(5)).
func (r Ready) Units(self string, toStderr bool) map[string]string {
	return map[string]string{
		Unit: "[Unit]\nDescription=OpenSSH Server\nWants=" + SessionsUnit + "\nAfter=" + SessionsUnit + "\n" +
			"[Service]\nType=exec\nExecStart=" + strings.Join(r.Command(toStderr), " ") + "\nExecReload=kill -HUP $MAINPID\n" +
			"KillMode=process\nRestart=on-failure\nRestartMode=direct\nRestartPreventExitStatus=255\n",
		SessionsUnit: strings.ReplaceAll(sessionsText, usualPath, self),
	}
}

// EnvironmentFile gives the image's unit the recipe's configuration where that is not a drop-in: $SSHD_OPTS is Debian's word for sshd's options, $OPTIONS
// is RHEL's. Without one of its own it is removed.
func (r Ready) EnvironmentFile() error {
	name := filepath.Join(r.State, "environment")
	if r.Config == "" {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	options := strings.Join(r.Args, " ")
	return writeWhole(name, fmt.Sprintf("SSHD_OPTS=%q\nOPTIONS=%q\n", options, options), 0o644)
}

// InstallDropIn gives the image's unit the preparation, in the tree below root. It gives the files that it wrote.
func InstallDropIn(root, self string) ([]string, error) {
	unit := ""
	for _, name := range []string{"ssh.service", "sshd.service"} {
		for _, dir := range []string{"etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"} {
			// A link is another name: Debian's sshd.service is ssh.service.
			if st, err := os.Lstat(filepath.Join(root, dir, name)); err == nil && st.Mode().IsRegular() && unit == "" {
				unit = name
			}
		}
	}
	if unit == "" {
		return nil, errors.New("there is neither an ssh.service nor an sshd.service here: install openssh-server first")
	}
	var written []string
	for _, f := range []struct{ name, text string }{{unit + ".d/keelson.conf", dropInText}, {SessionsUnit, sessionsText}} {
		name := filepath.Join(root, "etc/systemd/system", f.name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return written, err
		}
		if err := writeWhole(name, strings.ReplaceAll(f.text, usualPath, self), 0o644); err != nil {
			return written, err
		}
		written = append(written, name)
	}
	return written, nil
}
