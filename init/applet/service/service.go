// Package service is service(8): init scripts' way to start and stop, for those who know no other. Where a manager runs it is systemctl;
// what systemctl has no verb for, and where no manager runs, is the script in /etc/init.d itself, in an environment that has little more
// than the language and the path.
package service

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/init/applet/systemctl"
)

const scripts = "/etc/init.d"

// program is one call.
type program struct {
	*applet.Host
	journal systemctl.Journal
}

// Main is the program; args[0] is its name. journal is for status.
func Main(args []string, h *applet.Host, journal systemctl.Journal) int {
	h.Called(args[0])
	defer h.Flush()
	p := &program{Host: h, journal: journal}
	usage := "Usage: " + h.Name() + " < option > | --status-all | [ service_name [ command | --full-restart ] ]"
	words := args[1:]
	for _, a := range words {
		switch {
		case a == "-h" || strings.HasPrefix(a, "--h"):
			p.complain(usage)
			return 0
		case a == "-V" || a == "--version":
			p.complain(h.Name() + " (keelson)")
			return 0
		}
	}
	switch {
	case len(words) == 0:
		p.complain(usage)
		return 1
	case len(words) == 1 && words[0] == "--status-all":
		return p.statusAll()
	}
	name, action, rest := words[0], "", []string(nil)
	if len(words) > 1 {
		action, rest = words[1], words[2:]
	}
	if action == "--full-restart" && len(rest) == 0 {
		if !h.Booted() {
			p.script(name, "stop", nil)
			return p.script(name, "start", nil)
		}
		action = "restart"
	}
	if !h.Booted() {
		return p.script(name, action, rest)
	}
	return p.unit(name, action, rest)
}

// complain writes a line to the standard error as it is.
func (p *program) complain(line string) {
	p.Flush()
	_, _ = p.Stderr.Write([]byte(line + "\n"))
}

// unit does by the manager what it can do.
func (p *program) unit(name, action string, rest []string) int {
	unit := strings.TrimSuffix(name, ".sh") + ".service"
	switch action {
	case "restart", "status", "try-restart":
		return p.systemctl(action, unit)
	case "start", "stop":
		for _, s := range p.sockets(unit) {
			p.systemctl(action, s)
		}
		return p.systemctl(action, unit)
	case "reload", "force-reload":
		switch {
		case p.canReload(unit):
			if action == "reload" && p.busy() {
				return p.systemctl("--no-block", "reload", unit) // who is part of the boot must not wait for it
			}
			return p.systemctl("reload", unit)
		case action == "force-reload":
			return p.systemctl("restart", unit)
		}
	case "force-stop":
		return p.systemctl("--signal=KILL", "kill", unit)
	}
	return p.script(name, action, rest)
}

// systemctl is the applet, with a Host of its own.
func (p *program) systemctl(args ...string) int {
	p.Flush()
	h := *p.Host
	return systemctl.Main(append([]string{"systemctl"}, args...), &h, p.journal)
}

// ask connects to the manager for a question; without an answer there is none.
func (p *program) ask(f func(m *manager.Conn)) {
	m, err := manager.Dial(p.Host)
	if err != nil {
		return // systemctl will say so
	}
	defer m.Close()
	f(m)
}

// sockets are the socket units that start a service: with the service they are started and stopped, as an init script would have it.
func (p *program) sockets(unit string) (names []string) {
	p.ask(func(m *manager.Conn) {
		by, err := m.GetStrings(manager.UnitPath(unit), manager.Unit, "TriggeredBy")
		if err == nil {
			names = slices.DeleteFunc(by, func(n string) bool { return !strings.HasSuffix(n, ".socket") })
		}
	})
	return names
}

// canReload tells whether a service has a command for it. If nobody knows, the manager may say.
func (p *program) canReload(unit string) bool {
	can := true
	p.ask(func(m *manager.Conn) {
		if b, err := m.GetBool(manager.UnitPath(unit), manager.Unit, "CanReload"); err == nil {
			can = b
		}
	})
	return can
}

// busy tells whether the manager is still booting, or on its way down.
func (p *program) busy() bool {
	state := ""
	p.ask(func(m *manager.Conn) {
		state, _ = m.GetString(manager.Root, manager.Interface, "SystemState") // nothing is known then
	})
	return state != "running"
}

// kept are the variables that an init script gets.
var kept = []string{
	"LANG", "LANGUAGE", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES", "LC_PAPER", "LC_NAME", "LC_ADDRESS",
	"LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION", "LC_ALL", "PATH", "TERM",
}

func (p *program) environment() []string {
	env := make([]string, len(kept))
	for i, k := range kept {
		env[i] = k + "=" + p.Getenv(k)
	}
	return env
}

func executable(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0
}

// script runs an init script. It is run in the root directory, so that it keeps no other in use.
func (p *program) script(name, action string, rest []string) int {
	path := filepath.Join(p.Path(scripts), filepath.Base(name))
	if !executable(path) {
		p.complain(name + ": unrecognized service")
		return 1
	}
	argv := []string{path}
	if action != "" {
		argv = append(argv, action)
	}
	if err := os.Chdir(p.Path("/")); err != nil {
		return p.Fail("Failed to change to the root directory: %s", applet.Cause(err))
	}
	status, err := applet.Run(p.Host, append(argv, rest...), p.environment())
	if err != nil {
		return p.Fail("Failed to execute %s: %s", path, applet.Cause(err))
	}
	return status
}

// ignored are files beside init scripts that are none, or none to ask.
func ignored(name string) bool {
	switch filepath.Ext(name) {
	case ".dpkg-dist", ".dpkg-old":
		return true
	}
	return slices.Contains([]string{
		"skeleton", "README", "rc", "rcS", "single", "reboot", "bootclean.sh", "functions", "halt", "killall", "linuxconf", "kudzu",
	}, name)
}

// statusAll asks every init script how its service is: + runs, - does not, ? does not know the question.
func (p *program) statusAll() int {
	entries, err := os.ReadDir(p.Path(scripts))
	if err != nil {
		return p.Fail("Failed to read %s: %s", scripts, applet.Cause(err))
	}
	for _, e := range entries {
		path := filepath.Join(p.Path(scripts), e.Name())
		if ignored(e.Name()) || !executable(path) {
			continue
		}
		var out bytes.Buffer
		ask := &applet.Host{Stdout: &out, Stderr: &out, Environ: p.Environ}
		status, err := applet.Run(ask, []string{path, "status"}, p.environment())
		switch {
		case err != nil || strings.Contains(strings.ToLower(out.String()), "usage:"):
			p.complain(" [ ? ]  " + e.Name())
		case status == 0 && out.Len() > 0:
			p.Puts(" [ + ]  " + e.Name())
		default:
			p.Puts(" [ - ]  " + e.Name())
		}
	}
	return 0
}
