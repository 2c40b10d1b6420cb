// Package analyze is systemd-analyze(1): it checks unit files and what is written in them, and tells what the boot did when.
//
// verify and security say, beside what systemd says, what becomes of each directive in a container: the table of directives of
// supervise/unit knows. security has no number for how exposed a service is: most of what systemd would count is the container's affair.
package analyze

import (
	"time"

	"keelson/init/applet"
	"keelson/init/applet/manager"
	"keelson/supervise/calendar"
)

const help = `[OPTIONS…] COMMAND …

[time]                     How long the boot took
blame                      Which units took how long
critical-chain [UNIT…]     Which units others waited for
dump                       The manager's state
dot [UNIT…]                Dependencies, for dot(1)
cat-config NAME|PATH…      Configuration files with their drop-ins
unit-paths                 Where unit files are looked for
exit-status [STATUS…]      What exit statuses are called
capability [CAPABILITY…]   Capabilities and their numbers
compare-versions A [OP] B  Which version is newer
condition CONDITION…       Whether conditions hold
verify FILE…               What is wrong with unit files
calendar SPEC…             When a calendar expression elapses
timestamp TIMESTAMP…       What a timestamp means
timespan SPAN…             What a time span means
security [UNIT…]           What becomes of the directives that sandbox

  -h --help                This text
     --version             The version
     --fuzz=TIME           critical-chain: also what was done TIME earlier
     --iterations=N        calendar: how many times
     --base-time=TIMESTAMP calendar: from when
     --man=BOOL            verify: look for manual pages
     --recursive-errors=MODE
                           verify: which units' faults are failures: yes, no, one
     --root=PATH           Below another directory
  -u --unit=UNIT           condition: those of a unit
  -q --quiet               condition: nothing on success
     --no-pager            No pager
`

// program is one call.
type program struct {
	*applet.Host
	fuzz       calendar.Usec
	iterations int
	base       time.Time
	hasBase    bool
	man        bool
	recursive  string
	root, unit string
	quiet      bool
	noPager    bool
}

// verb is a command: its name, its number of arguments at least and at most (-1: any), and what it does.
type verb struct {
	name     string
	min, max int
	run      func(p *program, args []string) int
}

var verbs = []verb{
	{"time", 0, 0, (*program).bootTime},
	{"blame", 0, 0, (*program).blame},
	{"critical-chain", 0, -1, (*program).criticalChain},
	{"dump", 0, -1, (*program).dump},
	{"dot", 0, -1, (*program).dot},
	{"cat-config", 1, -1, (*program).catConfig},
	{"unit-paths", 0, 0, (*program).unitPaths},
	{"exit-status", 0, -1, (*program).exitStatus},
	{"capability", 0, -1, (*program).capability},
	{"compare-versions", 2, 3, (*program).compareVersions},
	{"condition", 0, -1, (*program).condition},
	{"verify", 1, -1, (*program).verify},
	{"calendar", 1, -1, (*program).calendar},
	{"timestamp", 1, -1, (*program).timestamp},
	{"timespan", 1, -1, (*program).timespan},
	{"security", 0, -1, (*program).security},
}

// Main is the program; args[0] is its name.
func Main(args []string, h *applet.Host) int {
	h.Called(args[0])
	defer h.ClosePager()
	p := &program{Host: h, iterations: 1, man: true, recursive: "one"}
	rest, status, ok := h.Read(args[1:], append(h.About(help), p.settings()...), applet.Permute)
	if !ok {
		return status
	}
	name := verbs[0].name
	if len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	for _, v := range verbs {
		switch {
		case v.name != name:
			continue
		case len(rest) < v.min:
			return h.Fail("Too few arguments.")
		case v.max >= 0 && len(rest) > v.max:
			return h.Fail("Too many arguments.")
		}
		return v.run(p, rest)
	}
	return h.Fail("Unknown command verb %s.", name)
}

func (p *program) settings() []applet.Setting {
	boolean := func(long string, to *bool) applet.Setting {
		return applet.Setting{Option: applet.Option{Long: long, Arity: applet.OptionalArg}, Set: func(g applet.Given) error {
			if !g.HasArg {
				*to = true
				return nil
			}
			b, ok := applet.Boolean(g.Arg)
			if !ok {
				return p.Tell("Failed to parse boolean argument to --%s: %s.", long, g.Arg)
			}
			*to = b
			return nil
		}}
	}
	var generators bool // the manager's generators are its own affair
	return []applet.Setting{
		applet.Switch("system", 0, func() {}),
		applet.Switch("user", 0, func() {}),
		applet.Switch("no-pager", 0, func() { p.noPager = true }),
		applet.Switch("quiet", 'q', func() { p.quiet = true }),
		applet.Value("fuzz", 0, func(s string) (err error) {
			if p.fuzz, err = calendar.ParseSec(s); err != nil {
				return p.Tell("Invalid argument to --fuzz=: %s", s)
			}
			return nil
		}),
		applet.Value("iterations", 0, func(s string) error { return p.setIterations(s) }),
		applet.Value("base-time", 0, func(s string) error { return p.setBase(s) }),
		applet.Value("recursive-errors", 0, func(s string) error {
			switch p.recursive = s; s {
			case "yes", "no", "one":
				return nil
			case "help":
				p.Print("no\nyes\none\n")
				return applet.ErrDone
			}
			return p.Tell("Unknown mode passed to --recursive-errors='%s'.", s)
		}),
		boolean("man", &p.man), boolean("generators", &generators),
		applet.Into("root", 0, &p.root), applet.Into("unit", 'u', &p.unit),
	}
}

// page sends output through the pager, if it may.
func (p *program) page() {
	if !p.noPager {
		p.Page()
	}
}

// withManager connects and calls f, which returns the exit status.
func (p *program) withManager(f func(m *manager.Conn) int) int {
	m, err := manager.Connect(p.Host, false)
	if err != nil {
		return 1
	}
	defer m.Close()
	return f(m)
}

// cell and label are the two columns of a table without a header.
func label(s string) applet.Cell { return applet.Cell{Text: s, Colour: applet.NoColour, Right: true} }

func cell(s string, c applet.Colour) applet.Cell { return applet.Cell{Text: s, Colour: c} }

// pairs is a table of labels and values.
func pairs() *applet.Table { return &applet.Table{Header: []string{"name", "value"}, NoHeader: true} }
