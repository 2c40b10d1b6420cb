package analyze

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"keelson/init/applet"
	"keelson/supervise/unit"
)

// verifier loads units and tells what is wrong with them (verify_units of analyze-verify-util.c).
type verifier struct {
	*program
	l      *unit.Loader
	loaded map[string]*unit.Unit
	faults map[string]bool // units whose files have something wrong
	failed bool            // one of the units named is not fit to start
	// temporary are folders to be removed.
	temporary []string
}

func (p *program) verify(args []string) int {
	v := &verifier{program: p, loaded: map[string]*unit.Unit{}, faults: map[string]bool{}}
	var names, dirs []string
	defer func() {
		for _, d := range v.temporary {
			_ = os.RemoveAll(d) // in a folder for what nobody keeps
		}
	}()
	for _, a := range args {
		name, dir, err := v.prepare(a)
		if err != nil {
			p.Errorf("Failed to prepare filename %s: Invalid argument", a)
			v.failed = true
			continue
		}
		names = append(names, name)
		if dir != "" && !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	v.l = p.loader(files{p.root}, p.facts().Host())
	v.l.SearchPath = append(dirs, slices.DeleteFunc(v.l.SearchPath, func(d string) bool { return slices.Contains(dirs, d) })...)
	v.l.Scan() // what it says is about other units' links
	for _, n := range names {
		v.load(n)
	}
	for _, n := range names {
		v.check(v.loaded[n])
	}
	switch {
	case v.failed:
		return 1
	case p.recursive == "yes" && len(v.faults) > 0:
		return 1
	}
	for _, n := range names {
		if u := v.loaded[n]; p.recursive == "no" && u != nil && v.faults[u.Name] {
			return 1
		}
	}
	return 0
}

// prepare makes a unit's name and folder of a path; "PATH:NAME" is another name for the file, which a copy in a folder of its own has.
func (v *verifier) prepare(arg string) (name, dir string, err error) {
	file := arg
	if path, alias, ok := strings.Cut(arg, ":"); ok && !exists(arg) {
		tmp, err := os.MkdirTemp("", "systemd-analyze-")
		if err != nil {
			return "", "", err
		}
		v.temporary = append(v.temporary, tmp)
		text, err := os.ReadFile(path)
		if err == nil {
			file = filepath.Join(tmp, filepath.Base(alias))
			err = os.WriteFile(file, text, 0o644)
		}
		if err != nil {
			return "", "", err
		}
	}
	if file, err = filepath.Abs(file); err != nil {
		return "", "", err
	}
	name = filepath.Base(file)
	if !unit.ValidName(name, unit.AnyName) {
		return "", "", unit.ErrName
	}
	template := name
	if unit.ValidName(name, unit.TemplateName) {
		if name, err = unit.Instantiate(name, "test-instance"); err != nil {
			return "", "", err
		}
	} else if t, ok := unit.TemplateOf(name); ok {
		template = t
	}
	if d := filepath.Dir(file); exists(file) || exists(filepath.Join(d, template)) {
		dir = d
	}
	return name, dir, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// load loads a unit, tells what is wrong with its files, and does the same for all that it names.
func (v *verifier) load(name string) {
	queue := []string{name}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if v.loaded[n] != nil {
			continue
		}
		u, diagnostics := v.l.Load(n)
		v.loaded[n], v.loaded[u.Name] = u, u
		for _, d := range diagnostics {
			v.tell(n == name, d)
		}
		if v.recursive == "no" {
			return
		}
		for _, d := range u.Dependencies {
			queue = append(queue, d.Name)
		}
	}
}

// tell tells of a diagnostic. Notices are for the units that were asked about.
func (v *verifier) tell(named bool, d unit.Diagnostic) {
	switch d.Severity {
	case unit.Error:
		v.Errorf("%s", d)
	case unit.Warning:
		v.Warnf("%s", d)
	default:
		if named {
			v.Noticef("%s", d)
		}
		return
	}
	v.faults[d.Unit] = true
}

// check tells whether a unit could be started.
func (v *verifier) check(u *unit.Unit) {
	if u == nil {
		return
	}
	fail := func(format string, args ...any) {
		v.Errorf(format, args...)
		v.failed = true
	}
	switch u.LoadState {
	case unit.Loaded:
	case unit.NotFound:
		fail("Unit %s not found.", u.Name)
		return
	case unit.Masked:
		fail("Unit %s is masked.", u.Name)
		return
	case unit.BadSetting:
		fail("Unit %s has a bad unit file setting.", u.Name)
		return
	default:
		fail("Unit %s failed to load properly, please adjust/correct and reload service manager: %s", u.Name, u.LoadError)
		return
	}
	if v.recursive != "no" {
		for _, kind := range []unit.DependencyKind{unit.Requires, unit.BindsTo} {
			for _, n := range u.On(kind) {
				if o := v.loaded[n]; o != nil && o.LoadState == unit.NotFound {
					fail("%s: Failed to create %s/start: Unit %s not found.", u.Name, u.Name, n)
				}
			}
		}
	}
	v.checkSocket(u, fail)
	for _, c := range commandsOf(u) {
		if c.Flags&unit.IgnoreFailure != 0 {
			continue
		}
		if err := v.executable(c.Path); err != nil {
			fail("%s: Command %s is not executable: %s", u.Name, c.Path, applet.Cause(err))
		}
	}
	v.checkManual(u, fail)
	for _, d := range u.Unsupported(privileged()) {
		v.Noticef("%s", d)
	}
}

// commandsOf are the commands of a unit that has some.
func commandsOf(u *unit.Unit) (list []unit.Command) {
	var all *unit.Commands
	switch {
	case u.Service != nil:
		all = &u.Service.Commands
	case u.Socket != nil:
		all = &u.Socket.Commands
	default:
		return nil
	}
	for _, c := range all {
		list = append(list, c...)
	}
	return list
}

// executable tells whether a command can be found and executed.
func (v *verifier) executable(path string) error {
	if !filepath.IsAbs(path) {
		_, err := applet.FindProgram(&applet.Host{Environ: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}, path)
		return err
	}
	fi, err := os.Stat(filepath.Join("/", v.root, path))
	switch {
	case err != nil:
		return err
	case fi.IsDir():
		return syscall.EISDIR
	case fi.Mode()&0o111 == 0:
		return syscall.EACCES
	}
	return nil
}

func (v *verifier) checkSocket(u *unit.Unit, fail func(string, ...any)) {
	if u.Socket == nil || u.Socket.Accept {
		return
	}
	for _, name := range u.On(unit.Triggers) {
		s := v.loaded[name]
		if s == nil {
			s, _ = v.l.Load(name)
		}
		if s.LoadState != unit.Loaded {
			fail("%s: service %s not loaded, socket cannot be started.", u.Name, name)
		}
	}
}

// checkManual looks for the manual pages that a unit names, where there is a man(1) to ask.
func (v *verifier) checkManual(u *unit.Unit, fail func(string, ...any)) {
	if !v.man {
		return
	}
	if _, err := exec.LookPath("man"); err != nil {
		return
	}
	for _, d := range u.Documentation {
		page, ok := strings.CutPrefix(d, "man:")
		if !ok {
			continue
		}
		args := []string{page}
		if name, section, ok := strings.Cut(strings.TrimSuffix(page, ")"), "("); ok {
			args = []string{section, name}
		}
		cmd := exec.Command("man", args...)
		cmd.Env = v.Environ
		var ended *exec.ExitError
		if err := cmd.Run(); errors.As(err, &ended) {
			fail("%s: Command 'man %s' failed with code %d", u.Name, page, ended.ExitCode())
		}
	}
}
