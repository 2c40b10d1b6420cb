package unitfiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"keelson/supervise/unit"
)

// Init scripts are enabled by their links in /etc/rc?.d. systemctl leaves that to a program of the distribution's (systemd-sysv-install(8)); an image
// where systemd was never installed has none, and then it is done here as update-rc.d(8) does it without insserv.

const (
	initDir     = "/etc/init.d"
	sysvInstall = "/lib/systemd/systemd-sysv-install"
)

// SysV does what systemctl does before anything else, for "enable", "disable" and "is-enabled": services that have an init script are enabled by that, too.
// rest are the names that have a unit file, or none of either: they go on as usual. say gets what systemctl prints unless quiet. For "is-enabled", is are
// the answers for the others, "enabled" or "disabled" (enable_sysv_units in src/systemctl/systemctl-sysv-compat.c). It waits for the program to end.
func (r *Root) SysV(verb string, names []string, say func(Line)) (rest, is []string, err error) {
	if !slices.Contains([]string{"enable", "disable", "is-enabled"}, verb) {
		return names, nil, nil
	}
	for _, name := range names {
		script, ok := strings.CutSuffix(name, ".service")
		if !ok || !unit.ValidName(name, unit.AnyName) {
			rest = append(rest, name)
			continue
		}
		look := r.operation(Options{}).aside()
		look.noMemory = true
		look.search = slices.DeleteFunc(slices.Clone(r.search), isGenerator)
		native := look.exists(name)
		if _, err := r.stat(initDir + "/" + script); err != nil || native && verb == "is-enabled" {
			rest = append(rest, name)
			continue
		}
		if native {
			say(Line{6, fmt.Sprintf("Synchronizing state of %s with SysV service script with %s.", name, r.install)})
			rest = append(rest, name)
		} else {
			say(Line{6, fmt.Sprintf("%s is not a native service, redirecting to systemd-sysv-install.", name)})
		}
		enabled, err := r.sysv(verb, script, say)
		if err != nil {
			return nil, nil, err
		}
		if verb == "is-enabled" {
			is = append(is, presetWord(enabled))
		}
	}
	return rest, is, nil
}

// sysv calls the distribution's program, or does without.
func (r *Root) sysv(verb, script string, say func(Line)) (enabled bool, err error) {
	if unix.Access(r.install, unix.X_OK) != nil {
		if verb == "is-enabled" {
			return len(r.runlevelLinks("S5", 'S', script)) > 0, nil
		}
		return false, r.updateRC(verb == "enable", script)
	}
	args := []string{verb, script}
	if r.dir != "" {
		args = append([]string{"--root=" + r.dir}, args...)
	}
	say(Line{6, "Executing: " + r.install + " " + strings.Join(args, " ")})
	cmd := exec.Command(r.install, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		if verb == "is-enabled" && exit.Exited() {
			return false, nil
		}
		return false, unix.EBADE // the program has said why
	}
	return err == nil, err
}

// runlevelLinks finds the links of a script in the folders of these runlevels: start links ('S'), stop links ('K') or both (0).
func (r *Root) runlevelLinks(levels string, kind byte, script string) []string {
	var list []string
	for _, level := range levels {
		dir := fmt.Sprintf("/etc/rc%c.d", level)
		entries, _ := r.readDir(dir)
		for _, e := range entries {
			n := e.Name()
			if len(n) > 3 && n[3:] == script && (n[0] == 'S' || n[0] == 'K') && (kind == 0 || n[0] == kind) && strings.Trim(n[1:3], "0123456789") == "" {
				list = append(list, dir+"/"+n)
			}
		}
	}
	return list
}

const allLevels = "0123456S"

// updateRC is "update-rc.d SCRIPT defaults" and "update-rc.d SCRIPT enable" or disable: links are made if there are none, and start links become stop
// links or the other way round.
func (r *Root) updateRC(enable bool, script string) error {
	start, stop, err := r.defaultLevels(script)
	if err != nil {
		return err
	}
	if len(r.runlevelLinks(allLevels, 0, script)) == 0 {
		for _, links := range []struct {
			kind   string
			levels []string
		}{{"S", start}, {"K", stop}} {
			for _, level := range links.levels {
				if err := r.rcLink(level, links.kind+"01"+script, script); err != nil {
					return err
				}
			}
		}
	}
	from, to := "S", "K"
	if enable {
		from, to = to, from
	}
	for _, level := range start {
		if !strings.Contains("S2345", level) {
			continue // no runlevel of an ordinary start
		}
		for _, at := range r.runlevelLinks(level, from[0], script) {
			disk, err := r.at(at)
			if err != nil {
				return err
			}
			fresh := path.Dir(disk) + "/" + to + path.Base(disk)[1:]
			if err := os.Rename(disk, fresh); err != nil {
				return fmt.Errorf("cannot %s %s: %w", map[bool]string{true: "enable", false: "disable"}[enable], script, err)
			}
		}
	}
	return nil
}

func (r *Root) rcLink(level, name, script string) error {
	at := "/etc/rc" + level + ".d/" + name
	err := r.makeParents(at)
	if err == nil {
		var disk string
		if disk, err = r.at(at); err == nil {
			err = os.Symlink("../init.d/"+script, disk)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot link %s: %w", r.shown(at), err)
	}
	return nil
}

// defaultLevels are the runlevels of the script's LSB header, Default-Start: and Default-Stop:.
func (r *Root) defaultLevels(script string) (start, stop []string, err error) {
	text, err := r.readFile(initDir + "/" + script)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", r.shown(initDir+"/"+script), err)
	}
	inside := false
	for _, line := range strings.Split(text, "\n") {
		switch line = strings.TrimRight(line, " \t\r"); {
		case line == "### BEGIN INIT INFO":
			inside = true
		case line == "### END INIT INFO":
			return start, stop, nil
		case !inside:
		case strings.HasPrefix(line, "# Default-Start:"):
			start = levelsOf(strings.TrimPrefix(line, "# Default-Start:"))
		case strings.HasPrefix(line, "# Default-Stop:"):
			stop = levelsOf(strings.TrimPrefix(line, "# Default-Stop:"))
		}
	}
	return start, stop, nil
}

// levelsOf takes what is a runlevel: no other text becomes a part of a path.
func levelsOf(text string) []string {
	return slices.DeleteFunc(strings.Fields(text), func(l string) bool { return len(l) != 1 || !strings.Contains(allLevels, l) })
}
