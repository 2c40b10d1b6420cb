package journalctl

import (
	"errors"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"keelson/init/applet"
	"keelson/init/journal"
	"keelson/init/journal/file"
	"keelson/init/journal/show"
	"keelson/supervise/calendar"
)

// action is what is to be done instead of showing entries.
type action uint8

const (
	showEntries action = iota
	printHeader
	verify
	diskUsage
	listBoots
	vacuum
	rotateAndVacuum
	rotate
	flush
	relinquish
	synchronize
	listFields
	listFieldNames
	newID
)

const (
	linesAll     = -1
	linesDefault = -2
)

// options are what the command line says.
type options struct {
	action             action
	mode               show.Mode
	modeSet            bool
	lines              int
	all, full          bool
	follow, noTail     bool
	quiet, merge       bool
	reverse            bool
	utc, noHostname    bool
	pagerEnd, noPager  bool
	boot               bool
	bootID             file.ID
	bootOffset         int
	dmesg              bool
	system, user       bool
	directory, root    string
	files              []string
	cursor, after      string
	cursorFile         string
	showCursor         bool
	since, until       calendar.Usec
	sinceSet, untilSet bool
	units, userUnits   []string
	identifiers        []string
	priorities         uint8 // a bit each
	facilities         []int
	pattern            *regexp.Regexp
	grep               string
	caseSet, caseful   bool
	field              string
	only               map[string]bool
	order              []string
	vacuumLimit        journal.Limit
	matches            []string
}

// option is an option of the program and what it does; an error ends the program with 1 after its text was logged.
type option struct {
	applet.Option
	set func(c *command, arg string, has bool) error
}

// errDone ends the program with success.
var errDone = errors.New("done")

func long(name string, arity applet.Arity, set func(c *command, arg string, has bool) error) option {
	return option{applet.Option{Long: name, Arity: arity}, set}
}

func both(short rune, name string, arity applet.Arity, set func(c *command, arg string, has bool) error) option {
	return option{applet.Option{Long: name, Short: short, Arity: arity}, set}
}

// flag is an option that only sets something.
func flag(set func(o *options)) func(*command, string, bool) error {
	return func(c *command, _ string, _ bool) error { set(&c.options); return nil }
}

// refuse is an option that cannot be had here.
func refuse(name, why string) option {
	return long(name, applet.OptionalArg, func(*command, string, bool) error { return errors.New("--" + name + " is not supported: " + why) })
}

// The options of journalctl.c, in its order.
func table() []option {
	const no, needs, optional = applet.NoArg, applet.NeedsArg, applet.OptionalArg
	act := func(a action) func(*command, string, bool) error { return flag(func(o *options) { o.action = a }) }
	const noCatalog = "message catalogs are systemd's"
	const noSeal = "files are not sealed"
	return []option{
		both('h', "help", no, func(c *command, _ string, _ bool) error { c.help(); return errDone }),
		long("version", no, func(c *command, _ string, _ bool) error { c.Print("systemd 252 (keelson)\n"); return errDone }),
		long("no-pager", no, flag(func(o *options) { o.noPager = true })),
		both('e', "pager-end", no, flag(func(o *options) {
			if o.pagerEnd, o.boot = true, true; o.lines == linesDefault {
				o.lines = 1000
			}
		})),
		both('f', "follow", no, flag(func(o *options) { o.follow = true })),
		refuse("force", noSeal),
		both('o', "output", needs, (*command).output),
		both('a', "all", no, flag(func(o *options) { o.all = true })),
		both('l', "full", no, flag(func(o *options) { o.full = true })),
		long("no-full", no, flag(func(o *options) { o.full = false })),
		both('n', "lines", optional, func(c *command, arg string, has bool) error {
			n, ok := parseLines(arg)
			if !has {
				n, ok = 10, true
			}
			if c.lines = n; !ok {
				return errors.New("Failed to parse lines '" + arg + "'")
			}
			return nil
		}),
		long("no-tail", no, flag(func(o *options) { o.noTail = true })),
		long("new-id128", no, act(newID)),
		both('q', "quiet", no, flag(func(o *options) { o.quiet = true })),
		both('m', "merge", no, flag(func(o *options) { o.merge = true })),
		long("this-boot", no, flag(func(o *options) { o.boot, o.bootID, o.bootOffset = true, file.ID{}, 0 })),
		both('b', "boot", optional, func(c *command, arg string, has bool) error {
			c.boot, c.bootID, c.bootOffset = true, file.ID{}, 0
			ok := true
			if has {
				c.boot, c.bootID, c.bootOffset, ok = parseBoot(arg)
			}
			if !ok {
				return errors.New("Failed to parse boot descriptor '" + arg + "'")
			}
			return nil
		}),
		long("list-boots", no, act(listBoots)),
		both('k', "dmesg", no, flag(func(o *options) { o.boot, o.dmesg = true, true })),
		long("system", no, flag(func(o *options) { o.system = true })),
		long("user", no, flag(func(o *options) { o.user = true })),
		both('D', "directory", needs, func(c *command, arg string, _ bool) error { c.directory = arg; return nil }),
		long("file", needs, func(c *command, arg string, _ bool) error {
			found, err := filepath.Glob(arg)
			if err != nil || len(found) == 0 {
				found = []string{arg}
			}
			c.files = append(c.files, found...)
			return nil
		}),
		long("root", needs, func(c *command, arg string, _ bool) error {
			path, err := filepath.Abs(arg)
			if c.root = path; path == "/" {
				c.root = ""
			}
			return err
		}),
		refuse("image", "file system images are not opened"),
		long("header", no, act(printHeader)),
		long("facility", needs, (*command).facility),
		refuse("setup-keys", noSeal),
		refuse("interval", noSeal),
		long("verify", no, act(verify)),
		refuse("verify-key", noSeal),
		long("disk-usage", no, act(diskUsage)),
		both('c', "cursor", needs, func(c *command, arg string, _ bool) error { c.cursor = arg; return nil }),
		long("cursor-file", needs, func(c *command, arg string, _ bool) error { c.cursorFile = arg; return nil }),
		long("after-cursor", needs, func(c *command, arg string, _ bool) error { c.after = arg; return nil }),
		long("show-cursor", no, flag(func(o *options) { o.showCursor = true })),
		both('S', "since", needs, func(c *command, arg string, _ bool) (err error) {
			c.since, err = c.timestamp(arg)
			c.sinceSet = true
			return err
		}),
		both('U', "until", needs, func(c *command, arg string, _ bool) (err error) {
			c.until, err = c.timestamp(arg)
			c.untilSet = true
			return err
		}),
		both('t', "identifier", needs, func(c *command, arg string, _ bool) error { c.identifiers = append(c.identifiers, arg); return nil }),
		both('p', "priority", needs, (*command).priority),
		both('g', "grep", needs, func(c *command, arg string, _ bool) error { c.grep = arg; return nil }),
		long("case-sensitive", optional, func(c *command, arg string, has bool) error {
			on, ok := applet.Boolean(arg)
			if !has {
				on, ok = true, true
			}
			if c.caseSet, c.caseful = true, on; !ok {
				return errors.New(`Bad --case-sensitive= argument "` + arg + `": Invalid argument`)
			}
			return nil
		}),
		both('u', "unit", needs, func(c *command, arg string, _ bool) error { c.units = append(c.units, arg); return nil }),
		long("user-unit", needs, func(c *command, arg string, _ bool) error { c.userUnits = append(c.userUnits, arg); return nil }),
		both('F', "field", needs, func(c *command, arg string, _ bool) error { c.action, c.field = listFields, arg; return nil }),
		both('N', "fields", no, act(listFieldNames)),
		both('x', "catalog", no, flag(func(*options) {})), // there are no explanations to add
		refuse("list-catalog", noCatalog),
		refuse("dump-catalog", noCatalog),
		refuse("update-catalog", noCatalog),
		both('r', "reverse", no, flag(func(o *options) { o.reverse = true })),
		both('M', "machine", needs, func(*command, string, bool) error {
			return errors.New("--machine is not supported: there are no machines in a container")
		}),
		long("utc", no, flag(func(o *options) { o.utc = true })),
		long("flush", no, act(flush)),
		long("relinquish-var", no, act(relinquish)),
		long("smart-relinquish-var", no, func(c *command, _ string, _ bool) error {
			if sameMount("/", "/var/log/journal") {
				return errDone
			}
			c.action = relinquish
			return nil
		}),
		long("sync", no, act(synchronize)),
		long("rotate", no, flag(func(o *options) {
			if o.action == vacuum {
				o.action = rotateAndVacuum
			} else {
				o.action = rotate
			}
		})),
		long("vacuum-size", needs, func(c *command, arg string, _ bool) (err error) {
			if c.vacuumLimit.Use, err = journal.ParseSize(arg); err != nil {
				return errors.New("Failed to parse vacuum size: " + arg)
			}
			c.vacuuming()
			return nil
		}),
		long("vacuum-files", needs, func(c *command, arg string, _ bool) (err error) {
			if c.vacuumLimit.Files, err = strconv.ParseUint(arg, 10, 64); err != nil {
				return errors.New("Failed to parse vacuum files: " + arg)
			}
			c.vacuuming()
			return nil
		}),
		long("vacuum-time", needs, func(c *command, arg string, _ bool) error {
			age, err := calendar.ParseSec(arg)
			if err != nil {
				return errors.New("Failed to parse vacuum time: " + arg)
			}
			c.vacuumLimit.Age = age.Duration()
			c.vacuuming()
			return nil
		}),
		long("no-hostname", no, flag(func(o *options) { o.noHostname = true })),
		long("output-fields", needs, func(c *command, arg string, _ bool) error {
			if c.only == nil {
				c.only = map[string]bool{}
			}
			for _, f := range strings.Split(arg, ",") {
				if f != "" && !c.only[f] {
					c.only[f] = true
					c.order = append(c.order, f)
				}
			}
			return nil
		}),
		refuse("namespace", "there is one journal"),
	}
}
