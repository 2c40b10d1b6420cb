package journalctl

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"keelson/init/applet"
	"keelson/init/journal/file"
	"keelson/init/journal/query"
	"keelson/init/journal/show"
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
