package journalctl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"keelson/init/applet"
	"keelson/init/journal/file"
	"keelson/init/journal/query"
)

// command is one call of journalctl.
type command struct {
	*applet.Host
	options
}

// Main is the program. args[0] is the name it was called by.
func Main(args []string, h *applet.Host) int {
	h.Called(args[0])
	c := &command{h, options{lines: linesDefault, full: true, priorities: 0xff}}
	status := c.run(args[1:])
	h.ClosePager()
	return status
}

func (c *command) run(args []string) int {
	if done, status := c.parse(args); done {
		return status
	}
	if status, ok := c.manage(); ok {
		return status
	}
	j, err := query.Open(c.where())
	if err != nil {
		what := "journal"
		if c.directory != "" {
			what = c.directory
		} else if c.files != nil {
			what = "files"
		}
		return c.Fail("Failed to open %s: %s", what, applet.Cause(err))
	}
	defer j.Close()
	if status := c.access(j); status != 0 {
		return status
	}
	switch c.action {
	case printHeader:
		return c.headers(j)
	case verify:
		return c.verify(j)
	case diskUsage:
		return c.usage(j)
	case listBoots:
		return c.boots(j)
	case vacuum, rotateAndVacuum:
		return c.vacuum()
	case listFieldNames:
		names, err := j.Fields()
		if err != nil {
			return c.Fail("Failed to list field names: %s", applet.Cause(err))
		}
		for _, n := range names {
			c.Puts(n)
		}
		return 0
	}
	return c.entries(j)
}

// parse reads the command line. done ends the program.
func (c *command) parse(args []string) (done bool, status int) {
	all := table()
	spec := make([]applet.Option, len(all))
	for i, o := range all {
		spec[i] = o.Option
	}
	rest, err := applet.Getopt(glue(args), spec, applet.Permute, func(g applet.Given) error { return all[g.Option].set(c, g.Arg, g.HasArg) })
	var usage applet.UsageError
	switch {
	case errors.Is(err, errDone):
		return true, 0
	case errors.As(err, &usage):
		return true, c.Usage(err)
	case err != nil:
		return true, c.Fail("%s", err)
	}
	c.matches = rest
	if text := c.check(); text != "" {
		return true, c.Fail("%s", text)
	}
	if c.grep != "" {
		pattern := c.grep
		if (c.caseSet && !c.caseful) || (!c.caseSet && !strings.ContainsFunc(pattern, unicode.IsUpper)) {
			pattern = "(?i)" + pattern
		}
		if c.pattern, err = regexp.Compile(pattern); err != nil {
			return true, c.Fail("Bad pattern \"%s\": %s", c.grep, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		// How many lines match is not known before they are read, so the last are searched from the end.
		if c.lines >= 0 && !c.follow {
			c.reverse = true
		}
	}
	return false, 0
}

// check completes the options and says what does not go together (parse_argv of journalctl.c).
func (c *command) check() string {
	if c.noTail {
		c.lines = linesAll
	}
	if c.follow && !c.sinceSet && c.lines == linesDefault {
		c.lines = 10
	}
	if c.follow && !c.merge && !c.boot {
		c.boot = true
	}
	if n := count(c.directory != "", c.files != nil, c.root != ""); n > 1 {
		return "Please specify at most one of -D/--directory=, --file=, -M/--machine=, --root=, --image=."
	}
	switch {
	case c.sinceSet && c.untilSet && c.since > c.until:
		return "--since= must be before --until=."
	case count(c.cursor != "", c.after != "", c.sinceSet) > 1:
		return "Please specify only one of --since=, --cursor=, and --after-cursor=."
	case c.follow && c.reverse:
		return "Please specify either --reverse= or --follow=, not both."
	case c.action != showEntries && len(c.matches) > 0:
		return "Extraneous arguments starting with '" + c.matches[0] + "'"
	case (c.boot || c.action == listBoots) && c.merge:
		return "Using --boot or --list-boots with --merge is not supported."
	}
	if c.user && !c.system {
		c.userUnits, c.units = append(c.userUnits, c.units...), nil
	}
	return ""
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// where is which files are read.
func (c *command) where() query.Where {
	w := query.Where{Files: c.files, Dir: c.directory, Root: c.root, System: c.system, User: c.user}
	if w.Root == "" {
		w.Root = c.Host.Root
	}
	if c.files == nil && c.directory == "" && c.root == "" && !c.merge {
		w.Machine = MachineID(c.Path("/etc/machine-id"))
	}
	return w
}

// MachineID reads machine-id(5); zero if there is none.
func MachineID(path string) file.ID { return readID(path) }

func readID(path string) file.ID {
	text, err := os.ReadFile(path)
	if err != nil {
		return file.ID{}
	}
	id, err := file.ParseID(strings.TrimSpace(string(text)))
	if err != nil {
		return file.ID{}
	}
	return id
}

// access tells of files that could not be opened (journal_access_check_and_warn of journal-util.c).
func (c *command) access(j *query.Journal) int {
	failed := j.Failed()
	if len(j.Files()) == 0 {
		if j.Denied() {
			return c.Fail("No journal files were opened due to insufficient permissions.")
		}
		if len(failed) == 0 && !c.quiet {
			c.Noticef("No journal files were found.")
		}
	} else if j.Denied() && !c.quiet {
		c.Noticef("Hint: You are currently not seeing messages from other users and the system.\n" +
			"      Users in groups 'adm', 'systemd-journal' can see all messages.\n" +
			"      Pass -q to turn off this notice.")
	}
	paths := make([]string, 0, len(failed))
	for p := range failed {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		err := failed[p]
		switch {
		case errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, file.ErrShort):
			c.Warnf("Journal file %s is truncated, ignoring file.", p)
		case errors.Is(err, file.ErrCorrupt):
			c.Warnf("Journal file %s corrupted, ignoring file.", p)
		default:
			c.Warnf("An error was encountered while opening journal file or directory %s, ignoring file: %s", p, applet.Cause(err))
		}
	}
	return 0
}

// sameMount tells whether two paths are on one mount.
func sameMount(a, b string) bool {
	var x, y unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, a, 0, unix.STATX_MNT_ID, &x) != nil || unix.Statx(unix.AT_FDCWD, b, 0, unix.STATX_MNT_ID, &y) != nil {
		return false
	}
	return x.Mask&y.Mask&unix.STATX_MNT_ID != 0 && x.Mnt_id == y.Mnt_id
}

func (c *command) fprintf(format string, args ...any) { fmt.Fprintf(c.Host, format, args...) }
