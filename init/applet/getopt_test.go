package applet

import (
	"fmt"
	"strings"
	"testing"
)

var someOptions = []Option{
	{Long: "help", Short: 'h'}, {Long: "type", Short: 't', Arity: NeedsArg}, {Long: "reverse"}, {Long: "recursive", Short: 'r'},
	{Long: "pid", Arity: OptionalArg}, {Short: 'P', Arity: NeedsArg}, {Short: '.', Arity: OptionalArg}, {Long: "tty", Short: 'T'},
	{Long: "pty", Short: 'T'}, {Long: "full", Short: 'l'}, {Long: "fullest", Short: 'l'},
}

// read shows what Getopt makes of a command line: options as name=argument, then "|" and the rest, or the error.
func read(line string, order Order) string {
	var out []string
	rest, err := Getopt(strings.Fields(line), someOptions, order, func(g Given) error {
		o := someOptions[g.Option]
		name := o.Long
		if name == "" {
			name = string(o.Short)
		}
		if g.HasArg {
			name += "=" + g.Arg
		}
		out = append(out, name)
		return nil
	})
	if err != nil {
		return err.Error()
	}
	return strings.Join(append(append(out, "|"), rest...), " ")
}

func TestGetopt(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"", "|"},
		{"a b", "| a b"},
		{"a --help b", "help | a b"},
		{"a -- --help", "| a --help"},
		{"- a", "| - a"},
		{"--type x", "type=x |"},
		{"--type=x=y", "type=x=y |"},
		{"--type=", "type= |"},
		{"-tx", "type=x |"},
		{"-t x", "type=x |"},
		{"-rtx", "recursive type=x |"},
		{"-rht x", "recursive help type=x |"},
		{"--rev", "reverse |"},
		{"--he", "help |"},
		{"--pid", "pid |"},
		{"--pid 7", "pid | 7"},
		{"--pid=7", "pid=7 |"},
		{"-.mount", ".=mount |"},
		{"-Px", "P=x |"},
		{"--fu", "full |"}, // both are the same
		{"--re", "option '--re' is ambiguous; possibilities: '--reverse' '--recursive'"},
		{"--foo", "unrecognized option '--foo'"},
		{"--foo=x", "unrecognized option '--foo'"},
		{"--help=x", "option '--help' doesn't allow an argument"},
		{"--type", "option '--type' requires an argument"},
		{"-t", "option requires an argument -- 't'"},
		{"-x", "invalid option -- 'x'"},
		{"-rx", "invalid option -- 'x'"},
		{"-r-", "invalid option -- '-'"},
		{"--t", "option '--t' is ambiguous; possibilities: '--type' '--tty'"},
	} {
		if got := read(c.line, Permute); got != c.want {
			t.Errorf("%q: %s, want %s", c.line, got, c.want)
		}
	}
	if got := read("-r a -h", StopAtArgument); got != "recursive | a -h" {
		t.Error(got)
	}
}

func FuzzGetopt(f *testing.F) {
	f.Add("a -rht x --type=y -- z")
	f.Add("-\xff --\xff")
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Fields(line)
		n := 0
		rest, _ := Getopt(words, someOptions, Permute, func(Given) error { n++; return nil })
		if len(rest) > len(words) {
			t.Errorf("%d arguments of %d", len(rest), len(words))
		}
	})
}

func ExampleGetopt() {
	rest, err := Getopt([]string{"status", "--full", "ssh"}, someOptions, Permute, func(g Given) error {
		fmt.Println(someOptions[g.Option].Long)
		return nil
	})
	fmt.Println(rest, err)
	// Output:
	// full
	// [status ssh] <nil>
}
