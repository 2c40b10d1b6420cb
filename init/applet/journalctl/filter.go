package journalctl

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"keelson/init/applet"
	"keelson/init/journal/file"
	"keelson/init/journal/query"
	"keelson/supervise/unit"
)

// filter adds all that narrows the entries, in journalctl's order.
func (c *command) filter(j *query.Journal) (status int, ok bool) {
	if c.boot {
		boot, status := c.bootMatch(j)
		if status != 0 {
			return status, false
		}
		if err := j.Matches.Add("_BOOT_ID=" + boot.String()); err != nil {
			return c.Fail("Failed to add match: %s", err), false
		}
		j.Matches.And()
	}
	m := &j.Matches
	if c.dmesg {
		m.Add("_TRANSPORT=kernel")
		m.And()
	}
	if status := c.unitMatches(j); status != 0 {
		return status, false
	}
	for _, t := range c.identifiers {
		m.Add("SYSLOG_IDENTIFIER=" + t)
		m.Or()
	}
	m.And()
	if c.priorities != 0xff {
		for i := range 8 {
			if c.priorities&(1<<i) != 0 {
				m.Add("PRIORITY=" + strconv.Itoa(i))
			}
		}
		m.And()
	}
	for _, f := range c.facilities {
		m.Add("SYSLOG_FACILITY=" + strconv.Itoa(f))
	}
	return c.argumentMatches(j)
}

// bootMatch finds the boot that -b means.
func (c *command) bootMatch(j *query.Journal) (file.ID, int) {
	if c.bootOffset == 0 && c.bootID.IsZero() && c.directory == "" && c.files == nil && c.root == "" {
		if id := readID("/proc/sys/kernel/random/boot_id"); !id.IsZero() {
			return id, 0
		}
	}
	boots, err := j.Boots()
	if err != nil {
		return file.ID{}, c.Fail("Failed to determine boots: %s", applet.Cause(err))
	}
	at := len(boots) - 1 // 0 is the last boot, 1 the first
	switch {
	case !c.bootID.IsZero():
		at = -1
		for i, b := range boots {
			if b.ID == c.bootID {
				at = i
			}
		}
		if at >= 0 {
			at += c.bootOffset
		}
	case c.bootOffset > 0:
		at = c.bootOffset - 1
	default:
		at += c.bootOffset
	}
	if at < 0 || at >= len(boots) {
		if c.bootID.IsZero() {
			return file.ID{}, c.Fail("Data from the specified boot (%+d) is not available: No such boot ID in journal", c.bootOffset)
		}
		return file.ID{}, c.Fail("Data from the specified boot (%s) is not available: No such boot ID in journal", c.bootID)
	}
	return boots[at].ID, 0
}

// The fields that may name a unit (SYSTEM_UNITS and USER_UNITS of journalctl.c).
var (
	unitFields     = []string{"_SYSTEMD_UNIT", "COREDUMP_UNIT", "UNIT", "OBJECT_SYSTEMD_UNIT", "_SYSTEMD_SLICE"}
	userUnitFields = []string{"_SYSTEMD_USER_UNIT", "USER_UNIT", "COREDUMP_USER_UNIT", "OBJECT_SYSTEMD_USER_UNIT", "_SYSTEMD_USER_SLICE"}
)

func (c *command) unitMatches(j *query.Journal) int {
	n := 0
	add := func(given, fields []string, match func(unit string) error) int {
		var patterns []string
		for _, u := range given {
			name, err := unit.Mangle(u, true)
			if err != nil {
				return c.Fail("Failed to mangle unit name: %s", err)
			}
			if strings.ContainsAny(name, "*?[") {
				patterns = append(patterns, name)
				continue
			}
			n++
			match(name)
		}
		if patterns == nil {
			return 0
		}
		seen := map[string]bool{}
		for _, f := range fields {
			j.Unique(f, func(value []byte) bool {
				name := string(value)
				for _, p := range patterns {
					if ok, _ := filepath.Match(strings.ReplaceAll(p, `\`, `\\`), name); ok && !seen[name] {
						seen[name] = true
						n++
						match(name)
					}
				}
				return true
			})
		}
		return 0
	}
	if s := add(c.units, unitFields, j.Matches.Unit); s != 0 {
		return s
	}
	if s := add(c.userUnits, userUnitFields, func(u string) error { return j.Matches.UserUnit(u, os.Getuid()) }); s != 0 {
		return s
	}
	if len(c.units)+len(c.userUnits) > 0 && n == 0 {
		return c.Fail("Failed to add filter for units: No data available")
	}
	j.Matches.And()
	return 0
}

// argumentMatches are the arguments: FIELD=value, paths, and + between them.
func (c *command) argumentMatches(j *query.Journal) (status int, ok bool) {
	term := false
	for _, a := range c.matches {
		switch {
		case a == "+":
			if !term {
				return c.Fail(`"+" can only be used between terms`), false
			}
			j.Matches.Or()
			term = false
		case strings.HasPrefix(a, "/"):
			if status := c.pathMatch(j, a); status != 0 {
				return status, false
			}
			term = true
		default:
			if err := j.Matches.Add(a); err != nil {
				return c.Fail("Failed to add match '%s': Invalid argument", a), false
			}
			term = true
		}
	}
	if len(c.matches) > 0 && !term {
		return c.Fail(`"+" can only be used between terms`), false
	}
	return 0, true
}

// pathMatch is an executable, or a script by its name and interpreter, or a device.
func (c *command) pathMatch(j *query.Journal, path string) int {
	p, err := filepath.EvalSymlinks(path)
	if err != nil {
		return c.Fail("Couldn't canonicalize path: %s", applet.Cause(err))
	}
	st, err := os.Stat(p)
	if err != nil {
		return c.Fail("Couldn't stat file: %s", applet.Cause(err))
	}
	switch {
	case st.Mode().IsRegular() && st.Mode()&0o111 != 0:
		interpreter := scriptInterpreter(p)
		if interpreter == "" {
			j.Matches.Add("_EXE=" + p)
			return 0
		}
		name := filepath.Base(p)
		j.Matches.Add("_COMM=" + name[:min(len(name), 15)])
		if st, err := os.Lstat(interpreter); err == nil && st.Mode()&os.ModeSymlink == 0 {
			j.Matches.Add("_EXE=" + interpreter)
		}
	case st.Mode()&os.ModeDevice != 0:
		s := st.Sys().(*syscall.Stat_t)
		kind := "b"
		if st.Mode()&os.ModeCharDevice != 0 {
			kind = "c"
		}
		j.Matches.Add("_KERNEL_DEVICE=" + kind + strconv.FormatUint(s.Rdev>>8&0xfff, 10) + ":" + strconv.FormatUint(s.Rdev&0xff|s.Rdev>>12&0xfff00, 10))
	default:
		return c.Fail("File is neither a device node, nor regular file, nor executable: %s", path)
	}
	return 0
}

// scriptInterpreter is the program after #!, "" if the file is no script.
func scriptInterpreter(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, 256)
	n, _ := io.ReadFull(f, b)
	line, ok := strings.CutPrefix(string(b[:n]), "#!")
	if !ok {
		return ""
	}
	line, _, _ = strings.Cut(line, "\n")
	words := strings.Fields(line)
	if len(words) == 0 {
		return ""
	}
	return words[0]
}
