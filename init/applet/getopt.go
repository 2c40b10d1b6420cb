package applet

import (
	"strings"
	"unicode/utf8"
)

// Arity is whether an option takes an argument.
type Arity uint8

// The arities of options. An optional argument is the rest of the same word.
const (
	NoArg Arity = iota
	NeedsArg
	OptionalArg
)

// Option is one option of a program. Long options may be abbreviated as long as they stay unambiguous.
type Option struct {
	Long  string // "" has none
	Short rune   // 0 has none
	Arity Arity
}

// Given is an option that was given: its place in the list of options, and its argument.
type Given struct {
	Option int
	Arg    string
	HasArg bool
}

// UsageError is a command line that getopt_long(3) refuses. Its text is that of the C library, without the program's name.
type UsageError string

func (e UsageError) Error() string { return string(e) }

// Order is what becomes of options behind the first argument that is none.
type Order uint8

const (
	// Permute takes options anywhere before "--".
	Permute Order = iota
	// StopAtArgument leaves the first argument and all behind it alone, as with a "+" in front of the option letters.
	StopAtArgument
)

// Getopt reads a command line, args without the program's name, as getopt_long(3) does. each is called for every option in their
// order; what it returns ends the reading unless it is nil. rest are the arguments that are no options.
func Getopt(args []string, options []Option, order Order, each func(Given) error) (rest []string, err error) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return append(rest, args[i+1:]...), nil
		case len(a) < 2 || a[0] != '-':
			if order == StopAtArgument {
				return append(rest, args[i:]...), nil
			}
			rest = append(rest, a)
			continue
		}
		used := 0
		if strings.HasPrefix(a, "--") {
			used, err = longOption(args[i:], options, each)
		} else {
			used, err = shortOptions(args[i:], options, each)
		}
		if err != nil {
			return rest, err
		}
		i += used
	}
	return rest, nil
}

// longOption reads args[0], and says how many further arguments it took.
func longOption(args []string, options []Option, each func(Given) error) (int, error) {
	name, arg, has := strings.Cut(args[0][2:], "=")
	n, err := findLong(name, options)
	if err != nil {
		return 0, err
	}
	o := options[n]
	used := 0
	switch {
	case o.Arity == NoArg && has:
		return 0, UsageError("option '--" + o.Long + "' doesn't allow an argument")
	case o.Arity == NeedsArg && !has:
		if len(args) < 2 {
			return 0, UsageError("option '--" + o.Long + "' requires an argument")
		}
		arg, has, used = args[1], true, 1
	}
	return used, each(Given{Option: n, Arg: arg, HasArg: has})
}

// findLong finds a long option by its name or the beginning of it. Options that differ in name only are one.
func findLong(name string, options []Option) (int, error) {
	found, matches := -1, []string(nil)
	ambiguous := false
	for i, o := range options {
		switch {
		case o.Long == "":
		case o.Long == name:
			return i, nil
		case strings.HasPrefix(o.Long, name):
			if found < 0 {
				found = i
			} else if options[found].Short != o.Short || o.Short == 0 || options[found].Arity != o.Arity {
				ambiguous = true
			}
			matches = append(matches, "'--"+o.Long+"'")
		}
	}
	switch {
	case found < 0:
		return 0, UsageError("unrecognized option '--" + name + "'")
	case ambiguous:
		return 0, UsageError("option '--" + name + "' is ambiguous; possibilities: " + strings.Join(matches, " "))
	}
	return found, nil
}

// shortOptions reads the letters of args[0].
func shortOptions(args []string, options []Option, each func(Given) error) (int, error) {
	for rest := args[0][1:]; rest != ""; {
		letter, size := utf8.DecodeRuneInString(rest)
		if letter >= utf8.RuneSelf {
			letter, size = rune(rest[0]), 1 // the C library reads bytes
		}
		here := rest[:size]
		rest = rest[size:]
		n := -1
		for i, o := range options {
			if o.Short == letter && o.Short != 0 {
				n = i
				break
			}
		}
		if n < 0 || letter == '-' {
			return 0, UsageError("invalid option -- '" + here + "'")
		}
		switch o := options[n]; {
		case o.Arity == NoArg:
			if err := each(Given{Option: n}); err != nil {
				return 0, err
			}
		case rest != "":
			return 0, each(Given{Option: n, Arg: rest, HasArg: true})
		case o.Arity == OptionalArg:
			return 0, each(Given{Option: n})
		case len(args) < 2:
			return 0, UsageError("option requires an argument -- '" + here + "'")
		default:
			return 1, each(Given{Option: n, Arg: args[1], HasArg: true})
		}
	}
	return 0, nil
}

// Usage writes a UsageError as the C library does, with the name the program was called by, and returns the exit status 1.
func (h *Host) Usage(err error) int {
	h.Flush()
	_, _ = h.Stderr.Write([]byte(h.name + ": " + err.Error() + "\n"))
	return 1
}
