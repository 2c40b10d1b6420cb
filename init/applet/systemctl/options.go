package systemctl

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"keelson/init/applet"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

// scope is whose units are meant.
type scope uint8

const (
	systemScope scope = iota
	userScope
	globalScope // all users' files
)

// direction is which dependencies are followed.
type direction uint8

const (
	forward direction = iota
	reverse
	after
	before
)

// options are a command line's.
type options struct {
	types, states, properties []string
	anyProperties             bool // -p was given, perhaps with nothing
	all, full, quiet, plain   bool
	showEmpty, onlyValue      bool // of show
	dependency                direction
	jobsAfter, jobsBefore     bool
	showTypes                 bool
	jobMode                   string
	scope                     scope
	remote                    string
	wait, noBlock             bool
	legend                    legend
	noPager, noWall, noReload bool
	noWarn                    bool // 253
	noWTMP, noSync            bool
	force                     int
	runtime, now, dryRun      bool
	checkInhibitors           int // -1: if a person asks
	killWhom                  string
	killValue                 int32 // 254
	hasKillValue              bool
	signal                    int32
	root, image               string
	lines                     int
	output                    string
	showTransaction           bool
	recursive, withDeps       bool
	presetMode                string
	wall, clean               []string
	timestamp                 calendar.TimestampStyle
	readOnly, mkdir, marked   bool
	rebootArgument            string
	hasRebootArgument         bool
	bootLoader                bool // one of the options about firmware and boot loaders was given
	when                      uint64
	dropIn                    string // 253
	stdin                     bool   // 256
}

// legend is whether headers and hints are shown: it is not decided before an option says so.
type legend uint8

const (
	legendAuto legend = iota
	legendOn
	legendOff
)

func (o *options) hasLegend() bool { return o.legend != legendOff }

func defaults() options {
	return options{checkInhibitors: -1, signal: int32(syscall.SIGTERM), lines: 10, output: "short", presetMode: "full"}
}

func (o *options) mode() string {
	if o.jobMode == "" {
		return "replace"
	}
	return o.jobMode
}

func (o *options) json() bool { return strings.HasPrefix(o.output, "json") }

// outputs are the values of -o (output-mode.c).
var outputs = []string{
	"short", "short-full", "short-iso", "short-iso-precise", "short-precise", "short-monotonic", "short-delta", "short-unix", "verbose",
	"export", "json", "json-pretty", "json-sse", "json-seq", "cat", "with-unit",
}

var (
	presetModes     = []string{"full", "enable-only", "disable-only"}
	timestampStyles = []string{"pretty", "us", "utc", "us+utc", "unix"}
	cleanResources  = []string{"runtime", "state", "cache", "logs", "configuration"}
)

// setting is an option and what it does.
type setting struct {
	applet.Option
	set func(c *ctl, g applet.Given) error
}

func word(long string, short rune, set func(c *ctl)) setting {
	return setting{applet.Option{Long: long, Short: short}, func(c *ctl, _ applet.Given) error { set(c); return nil }}
}

func value(long string, short rune, set func(c *ctl, v string) error) setting {
	return setting{applet.Option{Long: long, Short: short, Arity: applet.NeedsArg}, func(c *ctl, g applet.Given) error { return set(c, g.Arg) }}
}

// settings is the table of options: a function, as a program that is called for one word needs none of it before.
func settings() []setting {
	return []setting{
		word("help", 'h', (*ctl).help), word("version", 0, (*ctl).version),
		value("type", 't', (*ctl).addTypes),
		value("property", 'p', (*ctl).addProperties),
		value("", 'P', func(c *ctl, v string) error { c.onlyValue = true; return c.addProperties(v) }),
		word("all", 'a', func(c *ctl) { c.showEmpty, c.all = true, true }),
		word("reverse", 0, func(c *ctl) { c.dependency = reverse }),
		word("after", 0, func(c *ctl) { c.dependency, c.jobsAfter = after, true }),
		word("before", 0, func(c *ctl) { c.dependency, c.jobsBefore = before, true }),
		word("show-types", 0, func(c *ctl) { c.showTypes = true }),
		word("failed", 0, func(c *ctl) { c.states = append(c.states, "failed") }),
		word("full", 'l', func(c *ctl) { c.full = true }),
		value("job-mode", 0, func(c *ctl, v string) error { c.jobMode = v; return nil }),
		word("fail", 0, func(c *ctl) { c.jobMode = "fail" }),
		word("irreversible", 0, func(c *ctl) { c.jobMode = "replace-irreversibly" }),
		word("ignore-dependencies", 0, func(c *ctl) { c.jobMode = "ignore-dependencies" }),
		word("ignore-inhibitors", 'i', func(c *ctl) { c.checkInhibitors = 0 }),
		value("check-inhibitors", 0, (*ctl).setInhibitors),
		word("value", 0, func(c *ctl) { c.onlyValue = true }),
		word("user", 0, func(c *ctl) { c.scope = userScope }),
		word("system", 0, func(c *ctl) { c.scope = systemScope }),
		word("global", 0, func(c *ctl) { c.scope = globalScope }),
		word("wait", 0, func(c *ctl) { c.wait = true }),
		word("no-block", 0, func(c *ctl) { c.noBlock = true }),
		value("legend", 0, (*ctl).setLegend),
		word("no-legend", 0, func(c *ctl) { c.legend = legendOff }),
		word("no-pager", 0, func(c *ctl) { c.noPager = true }),
		word("no-wall", 0, func(c *ctl) { c.noWall = true }),
		word("dry-run", 0, func(c *ctl) { c.dryRun = true }),
		word("quiet", 'q', (*ctl).setQuiet),
		word("no-warn", 0, func(c *ctl) { c.noWarn = true }),
		value("root", 0, (*ctl).setRoot),
		value("image", 0, func(c *ctl, v string) error { c.image = v; return nil }),
		word("force", 'f', func(c *ctl) { c.force++ }),
		word("no-reload", 0, func(c *ctl) { c.noReload = true }),
		value("kill-whom", 0, func(c *ctl, v string) error { c.killWhom = v; return nil }),
		value("kill-value", 0, (*ctl).setKillValue),
		value("signal", 's', (*ctl).setSignal),
		word("no-ask-password", 0, func(*ctl) {}),
		value("host", 'H', func(c *ctl, v string) error { c.remote = v; return nil }),
		value("machine", 'M', func(c *ctl, v string) error { c.remote = v; return nil }),
		word("runtime", 0, func(c *ctl) { c.runtime = true }),
		value("lines", 'n', (*ctl).setLines),
		value("output", 'o', (*ctl).setOutput),
		word("plain", 0, func(c *ctl) { c.plain = true }),
		value("state", 0, (*ctl).addStates),
		word("recursive", 'r', func(c *ctl) { c.recursive = true }),
		word("with-dependencies", 0, func(c *ctl) { c.withDeps = true }),
		value("preset-mode", 0, (*ctl).setPresetMode),
		word("firmware-setup", 0, func(c *ctl) { c.bootLoader = true }),
		value("boot-loader-menu", 0, (*ctl).setBootLoaderMenu),
		value("boot-loader-entry", 0, func(c *ctl, _ string) error { c.bootLoader = true; return nil }),
		word("now", 0, func(c *ctl) { c.now = true }),
		value("message", 0, func(c *ctl, v string) error { c.wall = append(c.wall, v); return nil }),
		word("show-transaction", 'T', func(c *ctl) { c.showTransaction = true }),
		value("what", 0, (*ctl).addClean),
		value("reboot-argument", 0, func(c *ctl, v string) error { c.rebootArgument, c.hasRebootArgument = v, true; return nil }),
		value("timestamp", 0, (*ctl).setTimestamp),
		word("read-only", 0, func(c *ctl) { c.readOnly = true }),
		word("mkdir", 0, func(c *ctl) { c.mkdir = true }),
		word("marked", 0, func(c *ctl) { c.marked = true }),
		value("drop-in", 0, func(c *ctl, v string) error { c.dropIn = v; return nil }),
		word("stdin", 0, func(c *ctl) { c.stdin = true }),
		// A unit name that begins with a dash and a dot was meant.
		{applet.Option{Short: '.', Arity: applet.OptionalArg}, (*ctl).hintDash},
	}
}

// parse reads the command line. If ok is false there is no more to do, and status is the exit status.
func (c *ctl) parse(args []string) (rest []string, status int, ok bool) {
	table := settings()
	opts := make([]applet.Option, len(table))
	for i := range table {
		opts[i] = table[i].Option
	}
	helped := false
	rest, err := applet.Getopt(args, opts, applet.Permute, func(g applet.Given) error {
		if err := table[g.Option].set(c, g); err != nil {
			return err
		}
		if l := opts[g.Option].Long; l == "help" || l == "version" {
			helped = true
			return errDone
		}
		return nil
	})
	var usage applet.UsageError
	switch {
	case helped || errors.Is(err, errDone):
		return nil, 0, false
	case errors.As(err, &usage):
		return nil, c.Usage(err), false
	case err != nil:
		return nil, 1, false
	}
	if err := c.check(rest); err != nil {
		return nil, 1, false
	}
	return rest, 0, true
}

// check refuses options that exclude each other.
func (c *ctl) check(rest []string) error {
	reloadOrRestart := len(rest) > 0 && rest[0] == "reload-or-restart"
	switch {
	case c.remote != "" && c.scope != systemScope:
		return c.refuse("Cannot access user instance remotely.")
	case c.wait && c.noBlock:
		return c.refuse("--wait may not be combined with --no-block.")
	case c.marked && !reloadOrRestart:
		return c.refuse("--marked may only be used with 'reload-or-restart'.")
	case c.marked && len(rest) > 1:
		return c.refuse("No additional arguments allowed with 'reload-or-restart --marked'.")
	case c.marked && c.wait:
		return c.refuse("--marked --wait is not supported.")
	case c.marked && c.showTransaction:
		return c.refuse("--marked --show-transaction is not supported.")
	case !c.marked && reloadOrRestart && len(rest) < 2:
		return c.refuse("List of units to restart/reload is required.")
	case c.image != "" && c.root != "":
		return c.refuse("Please specify either --root= or --image=, the combination of both is not supported.")
	case c.image != "":
		return c.refuse("Failed to mount disk image %s: containers have no block devices; mount it elsewhere and use --root=.", c.image)
	case c.recursive && os.Geteuid() != 0:
		return c.refuse("--recursive requires root privileges.")
	}
	return nil
}

// refuse tells what is wrong with an option.
func (c *ctl) refuse(format string, args ...any) error {
	c.Errorf(format, args...)
	return errFailed
}

// list calls f for each word of a list with commas. The word "help" prints what there is and ends the program.
func (c *ctl) list(v string, help func(), f func(word string) error) error {
	for w := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == ',' }) {
		if w == "help" && help != nil {
			help()
			return errDone
		}
		if err := f(w); err != nil {
			return err
		}
	}
	return nil
}

// puts prints a list of values, for an option's "help".
func (c *ctl) puts(words []string) {
	for _, w := range words {
		c.Puts(w)
	}
}

func (c *ctl) addTypes(v string) error {
	if v == "" {
		return c.refuse("--type= requires arguments.")
	}
	return c.list(v, c.helpTypes, func(w string) error {
		switch {
		case slices.Contains(typeNames(), w):
			c.types = append(c.types, w)
		case slices.Contains(loadStates, w):
			c.states = append(c.states, w)
		default:
			c.Errorf("Unknown unit type or load state '%s'.", w)
			c.Infof("Use -t help to see a list of allowed values.")
			return errFailed
		}
		return nil
	})
}

func (c *ctl) addProperties(v string) error {
	// What is asked for by name is shown even if it is empty.
	c.anyProperties, c.showEmpty = true, true
	return c.list(v, nil, func(w string) error { c.properties = append(c.properties, w); return nil })
}

func (c *ctl) addStates(v string) error {
	if v == "" {
		return c.refuse("--state= requires arguments.")
	}
	return c.list(v, c.helpStates, func(w string) error { c.states = append(c.states, w); return nil })
}

func (c *ctl) addClean(v string) error {
	if v == "" {
		return c.refuse("--what= requires arguments.")
	}
	return c.list(v, func() { c.puts(cleanResources) }, func(w string) error { c.clean = append(c.clean, w); return nil })
}

func (c *ctl) setInhibitors(v string) error {
	if v == "auto" {
		c.checkInhibitors = -1
		return nil
	}
	b, ok := applet.Boolean(v)
	if !ok {
		return c.refuse("Failed to parse --check-inhibitors= argument: %s", v)
	}
	c.checkInhibitors = 0
	if b {
		c.checkInhibitors = 1
	}
	return nil
}

func (c *ctl) setLegend(v string) error {
	b, ok := applet.Boolean(v)
	if !ok {
		return c.refuse("Failed to parse boolean argument to --legend: %s.", v)
	}
	c.legend = legendOff
	if b {
		c.legend = legendOn
	}
	return nil
}

func (c *ctl) setQuiet() {
	c.quiet = true
	if c.legend == legendAuto {
		c.legend = legendOff
	}
}

// setRoot makes a path absolute (parse_path_argument); the root directory itself is no other root.
func (c *ctl) setRoot(v string) error {
	if v == "" {
		c.root = ""
		return nil
	}
	p, err := filepath.Abs(v)
	if err != nil {
		return c.refuse("Failed to parse path \"%s\" and make it absolute: %s", v, applet.Cause(err))
	}
	if c.root = p; p == "/" {
		c.root = ""
	}
	return nil
}

func (c *ctl) setKillValue(v string) error {
	n, err := strconv.ParseInt(v, 0, 32)
	if err != nil {
		return c.refuse("Unable to parse signal queue value: %s", v)
	}
	c.killValue, c.hasKillValue = int32(n), true
	return nil
}

func (c *ctl) setSignal(v string) error {
	switch v {
	case "help", "list":
		c.listSignals(v == "list")
		return errDone
	}
	s, err := unit.ParseSignal(v)
	if err != nil {
		return c.refuse("Failed to parse signal string \"%s\".", v)
	}
	c.signal = int32(s)
	return nil
}

// listSignals prints the signals there are, for "list" as a table.
func (c *ctl) listSignals(table bool) {
	var t applet.Table
	t.Header = []string{"signal", "name"}
	for s := unit.Signal(0); s <= unit.SIGRTMAX; s++ {
		if !table {
			c.Puts(s.Name())
		} else if s > 0 {
			t.Add(applet.Text(strconv.Itoa(int(s))), applet.Text("SIG"+s.Name()))
		}
	}
	if table {
		t.Print(c.Host)
	}
}

func (c *ctl) setLines(v string) error {
	n, err := strconv.ParseUint(strings.TrimSpace(v), 0, 31)
	if err != nil {
		return c.refuse("Failed to parse lines '%s'", v)
	}
	c.lines = int(n)
	return nil
}

func (c *ctl) setOutput(v string) error {
	switch {
	case v == "help":
		c.puts(outputs)
		return errDone
	case !slices.Contains(outputs, v):
		return c.refuse("Unknown output '%s'.", v)
	}
	if c.output = v; c.json() {
		c.legend, c.plain = legendOff, true
	}
	return nil
}

func (c *ctl) setPresetMode(v string) error {
	switch {
	case v == "help":
		c.puts(presetModes)
		return errDone
	case !slices.Contains(presetModes, v):
		return c.refuse("Failed to parse preset mode: %s.", v)
	}
	c.presetMode = v
	return nil
}

func (c *ctl) setBootLoaderMenu(v string) error {
	if _, err := calendar.ParseSec(v); err != nil {
		return c.refuse("Failed to parse --boot-loader-menu= argument '%s': Invalid argument", v)
	}
	c.bootLoader = true
	return nil
}

func (c *ctl) setTimestamp(v string) error {
	if v == "help" {
		c.puts(timestampStyles)
		return errDone
	}
	s, err := calendar.ParseTimestampStyle(v)
	if err != nil {
		return c.refuse("Invalid value: %s.", v)
	}
	c.timestamp = s
	return nil
}

func (c *ctl) hintDash(g applet.Given) error {
	arg := "mount"
	if g.HasArg {
		arg = g.Arg
	}
	c.Errorf("%s: invalid option -- '.'", c.Called0())
	c.Noticef("Hint: to specify units starting with a dash, use \"--\":\n      %s [OPTIONS...] COMMAND -- -.%s ...", c.Called0(), arg)
	return errFailed
}
