package unitfiles

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"keelson/supervise"
)

const wanted = "[Install]\nWantedBy=x.target\n"

func TestRefusal(t *testing.T) {
	failed := func(no unix.Errno, path, source string) Change { return Change{Failed, no, path, source} }
	for _, tt := range []struct {
		c          Change
		line       string
		name, text string
	}{
		{failed(unix.EEXIST, "/l", "/s"), "Failed to enable unit, file \"/l\" already exists and is a symlink to \"/s\".", unitExists, "File /l already exists and is a symlink to /s."},
		{failed(unix.EEXIST, "/l", ""), "Failed to enable unit, file \"/l\" already exists.", unitExists, "File /l already exists."},
		{failed(unix.ERFKILL, "/u", ""), "Failed to enable unit, unit /u is masked.", unitMasked, "Unit file /u is masked."},
		{failed(unix.EADDRNOTAVAIL, "/u", ""), "Failed to enable unit, unit /u is transient or generated.", unitGenerated, "Unit /u is transient or generated."},
		{failed(unix.ETXTBSY, "/u", ""), "Failed to enable unit, file /u is under the systemd unit hierarchy already.", unitBadPath, "File /u is under the systemd unit hierarchy already."},
		{failed(unix.EBADSLT, "%z", ""), "Failed to enable unit, invalid specifier in \"%z\".", badUnitSetting, "Invalid specifier in %z."},
		{failed(unix.EIDRM, "x.target", "a@.service"), "Failed to enable a@.service, destination unit x.target is a non-template unit.", badUnitSetting, "Destination unit x.target is a non-template unit."},
		{failed(unix.EUCLEAN, "x", ""), "Failed to enable unit, \"x\" is not a valid unit name.", badUnitSetting, "\"x\" is not a valid unit name."},
		{failed(unix.ELOOP, "a.service", ""), "Failed to enable unit, refusing to operate on linked unit file a.service.", unitLinked, "Refusing to operate on alias name or linked unit file: a.service"},
		{failed(unix.EXDEV, "b.socket", "a.service"), "Failed to enable unit, cannot alias a.service as b.socket.", badUnitSetting, "Cannot alias a.service as b.socket."},
		{failed(unix.EXDEV, "x/y", ""), "Failed to enable unit, invalid unit reference \"x/y\".", badUnitSetting, "Invalid unit reference x/y."},
		{failed(unix.ENOENT, "a.service", ""), "Failed to enable unit, unit a.service does not exist.", noSuchUnit, "Unit file a.service does not exist."},
		{failed(unix.EUNATCH, "%o", ""), "Failed to enable unit, cannot resolve specifiers in \"%o\".", badUnitSetting, "Cannot resolve specifiers in %o."},
		{failed(unix.EACCES, "/l", ""), "Failed to enable unit, file \"/l\": Permission denied", "org.freedesktop.DBus.Error.AccessDenied", "File /l: Permission denied"},
		{failed(unix.EROFS, "/l", ""), "Failed to enable unit, file \"/l\": Read-only file system", "System.Error.EROFS", "File /l: Read-only file system"},
	} {
		list := []Change{tt.c}
		if got := Lines("enable", list, tt.c.Errno); len(got) != 1 || got[0] != (Line{3, tt.line}) {
			t.Errorf("%v\nwant %s", got, tt.line)
		}
		if got := Refusal(list, tt.c.Errno); got == nil || *got != (supervise.Failure{Name: tt.name, Message: tt.text}) {
			t.Errorf("%+v\nwant %s: %s", got, tt.name, tt.text)
		}
	}
	good, bad := Change{Type: Unlink, Path: "/l"}, failed(unix.ENOENT, "a.service", "")
	for _, tt := range []struct {
		list []Change
		err  error
		want string
	}{
		{nil, nil, ""}, {[]Change{good}, nil, ""}, {[]Change{bad, good}, nil, ""}, {[]Change{bad}, nil, noSuchUnit},
		{[]Change{good, bad}, unix.ENOENT, noSuchUnit}, {nil, unix.EINVAL, "org.freedesktop.DBus.Error.InvalidArgs"}, {[]Change{good}, unix.EROFS, "System.Error.EROFS"},
	} {
		name := ""
		if f := Refusal(tt.list, tt.err); f != nil {
			name = f.Name
		}
		if name != tt.want {
			t.Errorf("%v, %v: %q, want %q", tt.list, tt.err, name, tt.want)
		}
	}
	if got := Lines("enable", nil, unix.EINVAL); len(got) != 1 || got[0].Text != "Failed to enable: Invalid argument." {
		t.Error(got)
	}
	if !Modified([]Change{bad, good}) || Modified([]Change{bad, {Type: IsMasked}}) {
		t.Error("Modified")
	}
}

func TestWordsOfDBus(t *testing.T) {
	for c, want := range map[ChangeType]string{Symlink: "symlink", Unlink: "unlink", IsMasked: "masked", IsMaskedGenerator: "masked by generator",
		IsDangling: "dangling", DestinationNotPresent: "destination not present", AuxiliaryFailed: "auxiliary unit failed"} {
		if c.String() != want {
			t.Errorf("%s, want %s", c, want)
		}
	}
	if m, ok := ParsePresetMode("enable-only"); m != PresetEnableOnly || !ok {
		t.Error(m, ok)
	}
	if _, ok := ParsePresetMode("some"); ok {
		t.Error("no mode")
	}
}

func TestNoRoot(t *testing.T) {
	file := t.TempDir() + "/file"
	put(t, "", file, "")
	for dir, want := range map[string]unix.Errno{"/nonexistent/root": unix.ENOENT, file: unix.ENOTDIR} {
		r := New(dir)
		_, _, e1 := r.Enable([]string{"a.service"}, Options{})
		_, e2 := r.Disable([]string{"a.service"}, Options{})
		_, e3 := r.State("a.service")
		_, e4 := r.List(nil, nil)
		_, e5 := r.PresetAll(PresetFull, Options{})
		for i, err := range []error{e1, e2, e3, e4, e5} {
			if err != want {
				t.Errorf("%s, %d: %v, want %v", dir, i, err, want)
			}
		}
	}
	if r := New("/"); r.dir != "" || !r.live {
		t.Errorf("%+v is not this machine", r)
	}
}

// Whatever links say, nothing is made or read outside of the root directory.
func TestWithinRoot(t *testing.T) {
	outside := t.TempDir()
	root := t.TempDir()
	put(t, outside, "/units/b.service", wanted)
	put(t, root, "/lib/systemd/system/a.service", wanted)
	put(t, root, "/etc/systemd/x", "")
	for link, target := range map[string]string{
		"/etc/systemd/system":           outside + "/units",
		"/lib/systemd/system/b.service": outside + "/units/b.service",
		"/lib/systemd/system/c.service": "../../../../../../../../../.." + outside + "/units/b.service",
	} {
		if err := os.Symlink(target, root+link); err != nil {
			t.Fatal(err)
		}
	}
	r := New(root)
	if changes, _, err := r.Enable([]string{"a.service"}, Options{}); err != nil {
		t.Fatal(changes, err)
	}
	if target, err := os.Readlink(root + outside + "/units/x.target.wants/a.service"); err != nil || target != "/lib/systemd/system/a.service" {
		t.Errorf("%q, %v: the link is not within the root", target, err)
	}
	if entries, err := os.ReadDir(outside + "/units"); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v: something was made outside", entries, err)
	}
	for _, name := range []string{"b.service", "c.service"} {
		if s, err := r.State(name); err == nil {
			t.Errorf("%s is %s: read from outside", name, s)
		}
	}
	if s, err := r.State("a.service"); s != Enabled || err != nil {
		t.Error(s, err)
	}
}

// onReadOnly calls f with a root directory on a read-only file system, in a mount namespace of its own.
func onReadOnly(t *testing.T, f func(root string)) {
	t.Helper()
	root := t.TempDir()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine, and the namespace with it
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
				return err
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return err
			}
			if err := unix.Mount("none", root, "tmpfs", 0, ""); err != nil {
				return err
			}
			put(t, root, "/lib/systemd/system/a.service", "[Install]\nWantedBy=x.target y.target\nAlias=b.service\n")
			put(t, root, "/etc/systemd/system/keep", "")
			if err := os.Symlink("/lib/systemd/system/a.service", root+"/etc/systemd/system/c.service"); err != nil {
				return err
			}
			if err := unix.Mount("none", root, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
				return err
			}
			f(root)
			return nil
		}()
	}()
	if err := <-done; errors.Is(err, unix.EPERM) {
		t.Skip("a mount namespace needs CAP_SYS_ADMIN")
	} else if err != nil {
		t.Fatal(err)
	}
}

func TestReadOnly(t *testing.T) {
	onReadOnly(t, func(root string) {
		r := New(root)
		for verb, run := range map[string]func() ([]Change, error){
			"enable":   func() ([]Change, error) { c, _, err := r.Enable([]string{"a.service"}, Options{}); return c, err },
			"disable":  func() ([]Change, error) { return r.Disable([]string{"a.service"}, Options{}) },
			"mask":     func() ([]Change, error) { return r.Mask([]string{"a.service"}, Options{}) },
			"mask now": func() ([]Change, error) { return r.Mask([]string{"a.service"}, Options{Runtime: true}) },
		} {
			changes, err := run()
			lines := Lines(verb, changes, err)
			if err != unix.EROFS || len(lines) != 1 || !strings.HasSuffix(lines[0].Text, "Read-only file system") {
				t.Errorf("%s: %v, %v", verb, err, lines)
			}
		}
		if s, err := r.State("a.service"); err != nil || s != Indirect {
			t.Errorf("%v, %v: looking is not forbidden", s, err)
		}
	})
}

func TestDryRunAndLinks(t *testing.T) {
	root := t.TempDir()
	put(t, root, "/lib/systemd/system/a.service", wanted+"Alias=b.service\n")
	r := New(root)
	if _, _, err := r.Enable([]string{"a.service"}, Options{}); err != nil {
		t.Fatal(err)
	}
	want := []string{root + "/etc/systemd/system/b.service", root + "/etc/systemd/system/x.target.wants/a.service"}
	if got, err := r.Links("a.service", false); err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := r.Links("a.service", true); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := os.Lstat(want[0]); err != nil {
		t.Error("looking has removed it: ", err)
	}
}

const script = `#!/bin/sh
### BEGIN INIT INFO
# Provides:          old other
# Default-Start:     2 5 / ../x
# Default-Stop:      0 6
# Short-Description: An old service
### END INIT INFO
`

// An init script on a machine with a manager is a generated unit.
func TestGenerated(t *testing.T) {
	root := t.TempDir()
	put(t, root, "/etc/init.d/old", script)
	if err := os.Chmod(root+"/etc/init.d/old", 0o755); err != nil {
		t.Fatal(err)
	}
	r := New(root)
	if _, err := r.State("old.service"); err != unix.ENOENT {
		t.Errorf("%v: no manager runs in a root directory", err)
	}
	r.live = true
	for name, want := range map[string]State{"old.service": Generated, "other.service": Alias} {
		if s, err := r.State(name); err != nil || s != want {
			t.Errorf("%s: %v, %v; want %s", name, s, err, want)
		}
	}
	changes, _, err := r.Enable([]string{"old.service"}, Options{})
	if f := Refusal(changes, err); f == nil || f.Name != unitGenerated || !strings.HasSuffix(f.Message, "/run/systemd/generator.late/old.service is transient or generated.") {
		t.Errorf("%v %+v", err, f)
	}
	list, err := r.List(nil, nil)
	if err != nil || len(list) != 2 || list[0].State != Generated || list[1].State != Alias || list[0].Preset != "" {
		t.Errorf("%+v, %v", list, err)
	}
	put(t, root, "/lib/systemd/system/old.service", wanted) // which the script has to make room for
	if s, err := r.State("old.service"); err != nil || s != Disabled {
		t.Error(s, err)
	}
}

func TestMaskedByGenerator(t *testing.T) {
	root := t.TempDir()
	put(t, root, "/run/systemd/generator.early/a.service", "")
	r := New(root)
	r.live = true
	changes, err := r.Unmask([]string{"a.service"}, Options{})
	if err != nil || len(changes) != 1 || changes[0].Type != IsMaskedGenerator {
		t.Errorf("%v, %v", changes, err)
	}
}

func TestSysVWithoutProgram(t *testing.T) {
	root := t.TempDir()
	put(t, root, "/etc/init.d/old", script)
	put(t, root, "/etc/init.d/both", script)
	put(t, root, "/lib/systemd/system/both.service", wanted)
	put(t, root, "/lib/systemd/system/a.service", wanted)
	r := New(root)
	r.install = "/nonexistent/systemd-sysv-install"
	var said []string
	say := func(l Line) { said = append(said, l.Text) }
	is := func(want string) {
		t.Helper()
		if rest, is, err := r.SysV("is-enabled", []string{"old.service"}, say); err != nil || len(rest) != 0 || !slices.Equal(is, []string{want}) {
			t.Errorf("%q, %q, %v; want %s", rest, is, err, want)
		}
	}
	is("disabled")
	for _, verb := range []string{"disable", "enable", "disable", "enable"} {
		said = nil
		rest, _, err := r.SysV(verb, []string{"old.service", "both.service", "a.service", "gone.service", "x.target", "/opt/old.service"}, say)
		if want := []string{"both.service", "a.service", "gone.service", "x.target", "/opt/old.service"}; err != nil || !slices.Equal(rest, want) {
			t.Fatalf("%q, %v", rest, err)
		}
		if len(said) != 2 || said[0] != "old.service is not a native service, redirecting to systemd-sysv-install." ||
			said[1] != "Synchronizing state of both.service with SysV service script with /nonexistent/systemd-sysv-install." {
			t.Errorf("%q", said)
		}
		kind := map[string]string{"enable": "S", "disable": "K"}[verb]
		for _, link := range []string{"/etc/rc2.d/" + kind + "01old", "/etc/rc5.d/" + kind + "01old", "/etc/rc0.d/K01old", "/etc/rc6.d/K01old"} {
			if to, err := os.Readlink(root + link); err != nil || to != "../init.d/old" {
				t.Errorf("%s: %s leads to %q, %v", verb, link, to, err)
			}
		}
		if entries, _ := os.ReadDir(root + "/etc"); len(entries) != 5 { // init.d and four runlevels
			t.Errorf("%v", entries)
		}
		is(map[string]string{"enable": "enabled", "disable": "disabled"}[verb])
	}
	if rest, is, err := r.SysV("mask", []string{"old.service"}, say); err != nil || len(rest) != 1 || is != nil {
		t.Errorf("%q, %q, %v: other verbs go on as usual", rest, is, err)
	}
}

func TestSysVWithProgram(t *testing.T) {
	root := t.TempDir()
	put(t, root, "/etc/init.d/old", script)
	put(t, root, "/install", "#!/bin/sh\necho \"$@\" >>"+root+"/calls\ntest \"$3\" = old && test \"$2\" != disable\n")
	if err := os.Chmod(root+"/install", 0o755); err != nil {
		t.Fatal(err)
	}
	r := New(root)
	r.install = root + "/install"
	var said []string
	say := func(l Line) { said = append(said, l.Text) }
	if _, is, err := r.SysV("is-enabled", []string{"old.service"}, say); err != nil || !slices.Equal(is, []string{"enabled"}) {
		t.Errorf("%q, %v", is, err)
	}
	if _, _, err := r.SysV("enable", []string{"old.service"}, say); err != nil {
		t.Error(err)
	}
	if _, _, err := r.SysV("disable", []string{"old.service"}, say); err != unix.EBADE {
		t.Errorf("%v: the program failed", err)
	}
	calls, err := os.ReadFile(root + "/calls")
	want := ""
	for _, verb := range []string{"is-enabled", "enable", "disable"} {
		want += fmt.Sprintf("--root=%s %s old\n", root, verb)
	}
	if err != nil || string(calls) != want {
		t.Errorf("%q, %v; want %q", calls, err, want)
	}
	if last := said[len(said)-1]; last != "Executing: "+root+"/install --root="+root+" disable old" {
		t.Error(last)
	}
}

func TestPresetOf(t *testing.T) {
	root := t.TempDir()
	put(t, root, "/etc/systemd/system-preset/10.preset", "disable a*\nenable t@.service 1 2\ndisable t@*\n")
	r := New(root)
	for name, want := range map[string]string{"a.service": "disabled", "b.service": "enabled", "t@.service": "enabled", "t@1.service": "disabled"} {
		if got, err := r.PresetOf(name); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %s", name, got, err, want)
		}
	}
	if _, err := r.PresetOf("x"); err != unix.EINVAL {
		t.Error(err)
	}
}

func FuzzPreset(f *testing.F) {
	f.Add("enable a@.service 1 2\n#x\ndisable [a-", "a@1.service")
	f.Fuzz(func(t *testing.T, text, name string) {
		var rules presetRules
		for _, line := range strings.Split(text, "\n") {
			if rule, ok := parsePreset(line); ok && rule.pattern != "" {
				rules = append(rules, rule)
			}
		}
		rules.query(name, true)
		rules.enables(name)
	})
}
