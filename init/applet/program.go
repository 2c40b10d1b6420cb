package applet

import "errors"

// ErrDone ends the reading of options with success: a help text has been printed. ErrTold ends it with a failure that has been told.
var (
	ErrDone = errors.New("done")
	ErrTold = errors.New("failed")
)

// Setting is an option and what it does. An error ends the reading.
type Setting struct {
	Option
	Set func(Given) error
}

// Switch is an option without an argument.
func Switch(long string, short rune, set func()) Setting {
	return Setting{Option{Long: long, Short: short}, func(Given) error { set(); return nil }}
}

// Value is an option with an argument.
func Value(long string, short rune, set func(string) error) Setting {
	return Setting{Option{Long: long, Short: short, Arity: NeedsArg}, func(g Given) error { return set(g.Arg) }}
}

// Into is an option whose argument is kept.
func Into(long string, short rune, to *string) Setting {
	return Value(long, short, func(s string) error { *to = s; return nil })
}

// Version is the release of systemd whose behaviour this is: what programs read that ask.
const Version = "252"

// About are the options -h, --help and --version; the help text begins behind the program's name.
func (h *Host) About(help string) []Setting {
	done := func(text string) func(Given) error {
		return func(Given) error { h.Print(text); return ErrDone }
	}
	return []Setting{
		{Option{Long: "help", Short: 'h'}, done(h.Name() + " " + help)},
		{Option{Long: "version"}, done("systemd " + Version + " (keelson)\n")},
	}
}

// Read reads a command line by a table of settings. If ok is false there is no more to do, and status is the exit status; what was wrong
// has been told.
func (h *Host) Read(args []string, table []Setting, order Order) (rest []string, status int, ok bool) {
	options := make([]Option, len(table))
	for i := range table {
		options[i] = table[i].Option
	}
	rest, err := Getopt(args, options, order, func(g Given) error { return table[g.Option].Set(g) })
	var usage UsageError
	switch {
	case err == nil:
		return rest, 0, true
	case errors.Is(err, ErrDone):
		return nil, 0, false
	case errors.As(err, &usage):
		return nil, h.Usage(err), false
	}
	return nil, 1, false
}

// Tell tells of an error and returns ErrTold.
func (h *Host) Tell(format string, args ...any) error {
	h.Errorf(format, args...)
	return ErrTold
}
