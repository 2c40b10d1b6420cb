package journalctl

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"keelson/init/applet"
	"keelson/init/journal/file"
	"keelson/init/journal/query"
	"keelson/init/journal/show"
	"keelson/supervise/unit"
)

// entries shows entries, or the values of one field.
func (c *command) entries(j *query.Journal) int {
	if status, ok := c.filter(j); !ok {
		return status
	}
	if c.action == listFields {
		n := 0
		j.Unique(c.field, func(value []byte) bool {
			if c.lines >= 0 && n >= c.lines {
				return false
			}
			n++
			c.Puts(string(value))
			return true
		})
		return 0
	}
	// Entries are short-lived: the collector need not run for each megabyte of them.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	if c.follow {
		if err := j.Watch(); err != nil {
			return c.Fail("Failed to get journal fd: %s", applet.Cause(err))
		}
	}
	here, status := c.begin(j)
	if status != 0 {
		return status
	}
	if !c.follow && !c.noPager {
		c.Page()
	}
	shown, err := c.show(j, here)
	switch {
	case errors.Is(err, syscall.EPIPE):
		return 1
	case err != nil:
		return c.Fail("%s", applet.Cause(err))
	}
	if status := c.keepCursor(j); status != 0 {
		return status
	}
	if c.pattern != nil && shown == 0 {
		return 1
	}
	return 0
}

// begin goes to where showing begins. here tells that the journal is at an entry to show.
func (c *command) begin(j *query.Journal) (here bool, status int) {
	cursor, after := c.cursor, false
	if cursor == "" && c.after != "" {
		cursor, after = c.after, true
	}
	if c.cursorFile != "" {
		text, err := os.ReadFile(c.cursorFile)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, c.Fail("Failed to read cursor file %s: %s", c.cursorFile, applet.Cause(err))
		}
		if line, _, _ := strings.Cut(string(text), "\n"); line != "" {
			cursor, after = line, true
		}
	}
	n, err := 0, error(nil)
	switch {
	case cursor != "":
		if err := j.SeekCursor(cursor); err != nil {
			return false, c.Fail("Failed to seek to cursor: Invalid argument")
		}
		skip := 1
		if after {
			skip = 2
		}
		n, err = j.Skip(skip, c.reverse)
		if err == nil && after && n < 2 {
			// There is nothing behind the cursor yet.
			if !c.follow {
				c.lines = 0
			}
			return false, 0
		}
	case c.sinceSet && !c.reverse:
		j.SeekRealtime(uint64(c.since))
		n, err = j.Skip(1, false)
	case c.untilSet && c.reverse:
		j.SeekRealtime(uint64(c.until))
		n, err = j.Skip(1, true)
	case c.reverse:
		j.SeekTail()
		n, err = j.Skip(1, true)
	case c.lines >= 0:
		j.SeekTail()
		if n, err = j.Skip(c.lines, true); n == 0 && err == nil {
			if _, at := j.Cursor(); at != nil {
				j.SeekHead() // whatever comes is new
			}
		}
	default:
		j.SeekHead()
		n, err = j.Skip(1, false)
	}
	if err != nil {
		return false, c.Fail("Failed to iterate through journal: %s", applet.Cause(err))
	}
	return n > 0, 0
}

// show writes entries until there are no more or, following, nobody reads them any longer.
func (c *command) show(j *query.Journal, here bool) (shown int, err error) {
	p := show.NewPrinter(c.Host, c.mode, show.Options{All: c.all, Full: c.full, Columns: c.Columns(), UTC: c.utc, NoHostname: c.noHostname,
		Colour: c.Coloured(), Only: c.only, Order: c.order, Local: c.Location()})
	var boot file.ID
	booted := false
	for first := true; ; first = false {
		for c.lines < 0 || shown < c.lines || (c.follow && !first) {
			if !here {
				ok, err := j.Skip(1, c.reverse)
				if err != nil {
					return shown, err
				}
				if ok == 0 {
					break
				}
			}
			here = false
			if (c.untilSet && !c.reverse && j.Realtime() > uint64(c.until)) || (c.sinceSet && c.reverse && j.Realtime() < uint64(c.since)) {
				break
			}
			if b := j.Boot(); !c.merge && !c.quiet {
				if booted && b != boot {
					c.fprintf("%s-- Boot %s --%s\n", c.Colour(applet.Highlight), b, c.Colour(applet.Normal))
				}
				boot, booted = b, true
			}
			e, err := j.Entry()
			if errors.Is(err, file.ErrCorrupt) || errors.Is(err, file.ErrFault) {
				continue
			}
			if err != nil {
				return shown, err
			}
			var match [2]int
			if c.pattern != nil {
				found := c.pattern.FindIndex(e.Get("MESSAGE"))
				if found == nil {
					continue
				}
				match = [2]int{found[0], found[1]}
			}
			if err := p.Print(e, match); err != nil {
				return shown, err
			}
			shown++
		}
		if !c.follow {
			if shown == 0 && !c.quiet {
				c.Puts("-- No entries --")
			}
			return shown, nil
		}
		c.Flush()
		out := -1
		if f, ok := c.Stdout.(interface{ Fd() uintptr }); ok {
			out = int(f.Fd())
		}
		if ok, err := j.Wait(out); err != nil || !ok {
			return shown, err
		}
	}
}

// keepCursor is --show-cursor and --cursor-file.
func (c *command) keepCursor(j *query.Journal) int {
	if !c.showCursor && c.cursorFile == "" {
		return 0
	}
	cursor, err := j.Cursor()
	if err != nil {
		return 0
	}
	if c.showCursor {
		c.fprintf("-- cursor: %s\n", cursor)
	}
	if c.cursorFile == "" {
		return 0
	}
	temporary, err := os.CreateTemp(filepath.Dir(c.cursorFile), ".#"+filepath.Base(c.cursorFile))
	if err == nil {
		_, err = io.WriteString(temporary, cursor+"\n")
		err = errors.Join(err, temporary.Chmod(0o644), temporary.Close())
		if err == nil {
			err = os.Rename(temporary.Name(), c.cursorFile)
		}
		if err != nil {
			os.Remove(temporary.Name())
		}
	}
	if err != nil {
		return c.Fail("Failed to write new cursor to %s: %s", c.cursorFile, applet.Cause(err))
	}
	return 0
}

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
