package systemctl_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"keelson/init/applet"
	"keelson/init/applet/systemctl"
)

// alone is a machine without a manager.
func alone(t *testing.T) *world {
	t.Helper()
	return &world{t: t, root: t.TempDir()}
}

func (w *world) read(path string) string {
	b, err := os.ReadFile(filepath.Join(w.root, path))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

const service = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"

// check runs a command line and compares everything that comes of it. ROOT stands for the root directory.
func (w *world) check(line, stdout, stderr string, status int) {
	w.t.Helper()
	var words []string
	for word := range strings.FieldsSeq(strings.ReplaceAll(line, "ROOT", w.root)) {
		if name, _, ok := strings.Cut(word, "="); ok && name == strings.ToUpper(name) {
			w.env = append(w.env, word)
		} else {
			words = append(words, word)
		}
	}
	out, err, got := w.run(words...)
	w.env = nil
	out, err = strings.ReplaceAll(out, w.root, "ROOT"), strings.ReplaceAll(err, w.root, "ROOT")
	if out != stdout || err != stderr || got != status {
		w.t.Errorf("%s\n%s--\n%s-> %d\nwant\n%s--\n%s-> %d", line, out, err, got, stdout, stderr, status)
	}
}

// Without a manager unit files are linked all the same.
func TestOffline(t *testing.T) {
	const wants = "/etc/systemd/system/multi-user.target.wants/a.service"
	for _, way := range []struct {
		name, root, env string
		w               *world
	}{
		{"not booted", "", "", alone(t)}, {"root", "--root=ROOT ", "", alone(t)},
		{"SYSTEMD_OFFLINE", "", "SYSTEMD_OFFLINE=1 ", newWorld(t)}, {"SYSTEMCTL_INSTALL_CLIENT_SIDE", "", "SYSTEMCTL_INSTALL_CLIENT_SIDE=1 ", newWorld(t)},
	} {
		t.Run(way.name, func(t *testing.T) {
			w := way.w
			w.t = t
			w.file("/etc/systemd/system/a.service", service)
			w.file("/usr/lib/systemd/system/static.service", "[Service]\nExecStart=/bin/true\n")
			w.file("/usr/lib/systemd/system/multi-user.target", "[Unit]\n")
			check := func(line, stdout, stderr string, status int) {
				t.Helper()
				w.check(way.env+way.root+line, stdout, stderr, status)
			}
			root := "ROOT"
			check("is-enabled a static", "disabled\nstatic\n", "", 0)
			check("is-enabled a", "disabled\n", "", 1)
			check("is-enabled nope", "", "Failed to get unit file state for nope.service: No such file or directory\n", 1)
			check("enable a", "", "Created symlink "+root+wants+" → /etc/systemd/system/a.service.\n", 0)
			check("enable a", "", "", 0)
			check("is-enabled a", "enabled\n", "", 0)
			check("enable nope", "", "Failed to enable unit, unit nope.service does not exist.\n", 1)
			check("-q enable static", "", "", 0)
			check("list-unit-files a* --no-legend", "a.service enabled enabled\n", "", 0)
			check("list-unit-files --state=masked", "UNIT FILE STATE PRESET\n\n0 unit files listed.\n", "", 1)
			check("disable a", "", "Removed \""+root+wants+"\".\n", 0)
			check("mask static", "", "Created symlink "+root+"/etc/systemd/system/static.service → /dev/null.\n", 0)
			check("is-enabled static", "masked\n", "", 1)
			check("enable static", "", "Failed to enable unit, unit "+root+"/etc/systemd/system/static.service is masked.\n", 1)
			check("unmask static", "", "Removed \""+root+"/etc/systemd/system/static.service\".\n", 0)
			check("add-wants multi-user static", "", "Created symlink "+root+"/etc/systemd/system/multi-user.target.wants/static.service → /usr/lib/systemd/system/static.service.\n", 0)
			check("set-default multi-user", "", "Created symlink "+root+"/etc/systemd/system/default.target → /usr/lib/systemd/system/multi-user.target.\n", 0)
			check("get-default", "multi-user.target\n", "", 0)
			check("LC_ALL=C enable a", "", "Created symlink "+root+wants+" -> /etc/systemd/system/a.service.\n", 0)
			if _, err := os.Readlink(filepath.Join(w.root, wants)); err != nil {
				t.Error(err)
			}
			if w.Server != nil && len(w.Calls()) > 0 {
				t.Errorf("the manager was asked: %v", w.Names())
			}
		})
	}
}

// What needs a manager says that there is none, and what does not answer that it is not there.
func TestNotBooted(t *testing.T) {
	const said = "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n"
	w := alone(t)
	for _, line := range []string{"start a", "status", "is-active a", "list-units", "daemon-reload", "show", "cat a", "list-jobs", "kill a"} {
		w.check(line, "", said, 1)
	}
	w.check("is-system-running", "offline\n", "", 1)
	w.check("--version -q", "systemd 252 (keelson)\n-PAM -AUDIT -SELINUX -APPARMOR +SECCOMP default-hierarchy=unified\n", "", 0)
	w.check("SYSTEMD_OFFLINE=1 start a", "", "Running in chroot, ignoring command 'start'\n", 0)
	if out, _, status := w.call("runlevel"); out != "unknown\n" || status != 1 {
		t.Errorf("runlevel: %q, %d", out, status)
	}
	if _, err, status := w.call("telinit", "3"); err != "Couldn't find an alternative telinit implementation to spawn.\n" || status != 1 {
		t.Errorf("telinit: %q, %d", err, status)
	}
}

func TestCat(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/systemd/system/web.service", "[Service]\nType=simple")
	w.file("/etc/systemd/system/web.service.d/a.conf", "[Unit]\n")
	w.file("/etc/systemd/system/web.service.d/b.conf", "# b\n")
	w.file("/run/systemd/system/broken.service", "[Service]\n")
	w.file("/usr/lib/systemd/system/t@.service", "[Service]\nType=oneshot\n")
	w.file("/usr/lib/systemd/system/t@.service.d/x.conf", "[Unit]\n")
	w.check("cat web", "# /etc/systemd/system/web.service\n[Service]\nType=simple\n\n# /etc/systemd/system/web.service.d/a.conf\n[Unit]\n\n"+
		"# /etc/systemd/system/web.service.d/b.conf\n# b\n", "", 0)
	w.check("cat t@", "# /usr/lib/systemd/system/t@.service\n[Service]\nType=oneshot\n\n# /usr/lib/systemd/system/t@.service.d/x.conf\n[Unit]\n", "", 0)
	w.check("cat nope", "", "No files found for nope.service.\n", 1)
	w.check("cat masked", "# Unit masked.service is masked.\n", "", 0)
	w.check("cat broken", "# /run/systemd/system/broken.service\n[Service]\n", "# Warning: broken.service changed on disk, the version systemd has loaded is outdated.\n"+
		"# This output shows the current version of the unit's original fragment and drop-in files.\n"+
		"# If fragments or drop-ins were added or removed, they are not properly reflected in this output.\n"+
		"# Run 'systemctl daemon-reload' to reload units.\n", 0)
}

func TestEditFromStdin(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/systemd/system/web.service", "[Service]\n")
	w.file("/etc/systemd/system/masked.service", "")
	w.check("edit web", "", "Cannot edit units if not on a tty.\n", 1)
	w.stdin = "[Unit]\nDescription=x\n"
	w.check("edit --stdin web", "", "", 0)
	if got := w.read("/etc/systemd/system/web.service.d/override.conf"); got != w.stdin {
		t.Error(got)
	}
	if !strings.HasSuffix(w.Names(), "Reload") {
		t.Error(w.Names())
	}
	w.check("edit --stdin --runtime --drop-in=mine web", "", "", 0)
	if got := w.read("/run/systemd/system/web.service.d/mine.conf"); got != w.stdin {
		t.Error(got)
	}
	w.check("edit --stdin --full web", "", "", 0)
	if got := w.read("/etc/systemd/system/web.service"); got != w.stdin {
		t.Error(got)
	}
	w.check("edit --stdin nope", "", "No files found for nope.service.\nRun 'systemctl edit --force --full nope.service' to create a new unit.\n", 1)
	w.check("edit --stdin --force --full nope", "", "", 0)
	if got := w.read("/etc/systemd/system/nope.service"); got != w.stdin {
		t.Error(got)
	}
	w.check("edit --stdin masked", "", "Cannot edit masked.service: unit is masked.\n", 1)
	w.stdin = ""
	w.check("edit --stdin db --force", "", "Editing \"/etc/systemd/system/db.service.d/override.conf\" canceled: temporary file is empty.\n", 0)
	if left, err := filepath.Glob(w.root + "/etc/systemd/system/*/.#*"); err != nil || len(left) > 0 {
		t.Error("left behind:", left, err)
	}
}

// An editor is shown comments, and what it leaves between them is the drop-in.
func TestEditor(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/systemd/system/web.service", "[Service]\nType=simple\n")
	w.file("/etc/systemd/system/web.service.d/a.conf", "[Unit]\n")
	w.file("/etc/systemd/system/web.service.d/b.conf", "[Unit]\n")
	w.file("/editor", "#!/bin/sh\ncp \"$1\" \"$SEEN\"\nsed -i '3i [Unit]\\nDescription=edited' \"$1\"\n")
	master, slave, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo terminal: ", err)
	}
	defer master.Close()
	defer slave.Close()
	h := &applet.Host{Stdin: slave, Stdout: slave, Stderr: slave, Root: w.root, Now: func() time.Time { return now }, Environ: []string{
		"PATH=/usr/bin:/bin", "TERM=dumb", "SYSTEMD_EDITOR=/bin/sh " + w.root + "/editor", "SEEN=" + w.root + "/seen",
	}}
	if status := systemctl.Main([]string{"systemctl", "edit", "web"}, h, nil); status != 0 {
		t.Errorf("%d", status)
	}
	want := "### Editing /etc/systemd/system/web.service.d/override.conf\n" +
		"### Anything between here and the comment below will become the new contents of the file\n\n\n\n" +
		"### Lines below this comment will be discarded\n\n### /etc/systemd/system/web.service\n# [Service]\n# Type=simple\n\n" +
		"### /etc/systemd/system/web.service.d/a.conf\n# [Unit]\n\n### /etc/systemd/system/web.service.d/b.conf\n# [Unit]"
	if got := w.read("/seen"); got != want {
		t.Errorf("the editor saw\n%s\nwant\n%s", got, want)
	}
	if got := w.read("/etc/systemd/system/web.service.d/override.conf"); got != "[Unit]\nDescription=edited\n" {
		t.Error(got)
	}
}

// status asks for log lines as the options say, and shows what it gets.
func TestStatusLog(t *testing.T) {
	w := newWorld(t)
	var asked systemctl.JournalQuery
	w.journal = func(q systemctl.JournalQuery) ([]string, bool) {
		asked = q
		return []string{"Mar 10 web: one", "Mar 10 web: two…"}, true
	}
	out, _, _ := w.run("status", "-n", "2", "-o", "cat", "web")
	if !strings.HasSuffix(out, "└─4195001 helper\n\nMar 10 web: one\nMar 10 web: two…\nHint: Some lines were ellipsized, use -l to show in full.\n") {
		t.Error(out)
	}
	if want := (systemctl.JournalQuery{Unit: "web.service", Invocation: "abcd", Lines: 2, Output: "cat"}); asked != want {
		t.Errorf("%+v", asked)
	}
	w.run("status", "-l", "web")
	if want := (systemctl.JournalQuery{Unit: "web.service", Invocation: "abcd", Lines: 10, Output: "short"}); asked != want {
		t.Errorf("%+v", asked)
	}
	asked = systemctl.JournalQuery{}
	w.run("status", "-n0", "web")
	if asked.Unit != "" {
		t.Error("asked for no lines")
	}
}

// The names of System V.
func TestLegacyNames(t *testing.T) {
	for _, c := range []struct{ line, stdout, stderr, calls string }{
		{"runlevel", "N 3\n", "", ""},
		{"telinit q", "", "", "Reload()"},
		{"telinit u", "", "", "Reexecute()"},
		{"telinit 3", "", "", "StartUnit(multi-user.target, isolate)"},
		{"init 5", "", "", "StartUnit(graphical.target, isolate)"},
		{"init 0", "", "", "StartUnit(poweroff.target, replace-irreversibly)"},
		{"init 6", "", "", "StartUnit(reboot.target, replace-irreversibly)"},
		{"telinit s", "", "", "StartUnit(rescue.target, isolate)"},
		{"telinit 9", "", "Unknown command '9'.\n", ""},
		{"telinit 10", "", "Expected single character argument.\n", ""},
		{"telinit", "", "telinit: required argument missing.\n", ""},
		{"/sbin/halt", "", "", "StartUnit(halt.target, replace-irreversibly)"},
		{"halt -p", "", "", "StartUnit(poweroff.target, replace-irreversibly)"},
		{"poweroff", "", "", "StartUnit(poweroff.target, replace-irreversibly)"},
		{"reboot", "", "", "StartUnit(reboot.target, replace-irreversibly)"},
		{"reboot -w", "", "", ""},
		{"halt x", "", "Too many arguments.\n", ""},
		{"shutdown now", "", "", "StartUnit(poweroff.target, replace-irreversibly)"},
		{"shutdown -r now bye", "", "", "StartUnit(reboot.target, replace-irreversibly)"},
		{"shutdown -h -H now", "", "", "StartUnit(halt.target, replace-irreversibly)"},
		{"shutdown soon", "", "Failed to parse time specification: soon\n", ""},
		{"shutdown --nonsense", "", "shutdown: unrecognized option '--nonsense'\n", ""},
	} {
		w := newWorld(t)
		words := strings.Fields(c.line)
		out, err, status := w.call(words[0], words[1:]...)
		var calls []string
		for _, call := range w.Calls() {
			if call.Member == "StartUnit" || call.Member == "Reload" || call.Member == "Reexecute" {
				calls = append(calls, call.Member+"("+strings.Trim(strings.ReplaceAll(fmt.Sprint(call.Args), " ", ", "), "[]")+")")
			}
		}
		if out != c.stdout || err != c.stderr || strings.Join(calls, " ") != c.calls || (status != 0) != (c.stderr != "") {
			t.Errorf("%s: %q, %q, %s, %d", c.line, out, err, calls, status)
		}
	}
}

// shutdown with a time to come is logind's.
func TestScheduledShutdown(t *testing.T) {
	w := newWorld(t, func(w *world) { w.logind = true })
	w.call("shutdown", "-r", "+5", "good", "bye")
	found := 0
	for _, c := range w.Calls() {
		switch {
		case c.Member == "SetWallMessage" && c.Args[0] == "good bye", c.Member == "ScheduleShutdown" && c.Args[0] == "reboot" && c.Args[1] == ago(-5*time.Minute):
			found++
		}
	}
	if found != 2 {
		t.Error(w.Calls())
	}
	if out, err, status := w.call("reboot"); status != 0 || out != "" || err != "" || !strings.HasSuffix(w.Names(), "RebootWithFlags") {
		t.Error(out, err, status, w.Names())
	}
}

// What is shown is written at once, not line by line.
func TestOutputIsBuffered(t *testing.T) {
	w := newWorld(t)
	var writes counter
	h := &applet.Host{Stdin: strings.NewReader(""), Stdout: &writes, Stderr: new(bytes.Buffer), Root: w.root, Now: func() time.Time { return now }}
	if status := systemctl.Main([]string{"systemctl", "list-units", "--all"}, h, nil); status != 0 || writes != 1 {
		t.Errorf("%d writes, status %d", writes, status)
	}
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c++
	return len(p), nil
}
