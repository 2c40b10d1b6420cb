package glob

import (
	"reflect"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abb", false}, {"a*b*c", "aXbYbZc", true},
		{"?", "ä", true}, {"??", "ä", false}, {"[ab]", "b", true}, {"[!ab]", "b", false}, {"[^ab]", "c", true}, {"[a-c]x", "bx", true},
		{"[]]", "]", true}, {"[]-a]", "_", true}, {"[a-]", "-", true}, {"[[:digit:]]*", "7up", true}, {"[[:alpha:]]", "7", false},
		{"[x[:upper:]]", "x", true}, {"[[:nonsense:]]", ":]", true}, {"[a", "[a", true}, {"\\*", "*", true}, {"\\*", "x", false}, {"[\\]]", "]", true},
		{"a\\", "a\\", true}, {"[ä-ö]", "ö", true}, {"*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
	} {
		if got := Match(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q and %q: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestBraces(t *testing.T) {
	for in, want := range map[string][]string{
		"/a":           {"/a"},
		"/{a,b}":       {"/a", "/b"},
		"/{a,{b,c}d}e": {"/ae", "/bde", "/cde"},
		"/{a,b}/{c,d}": {"/a/c", "/a/d", "/b/c", "/b/d"},
		"/{}":          {"/{}"},
		"/{a":          {"/{a"},
		"/a}":          {"/a}"},
		"/{a}":         {"/a"},
		"/{,a}x":       {"/x", "/ax"},
		`/\{a,b}`:      {`/\{a,b}`},
		"/{a/b,c/d}/e": {"/a/b/e", "/c/d/e"},
	} {
		if got := braces(in, 0); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
	if n := len(braces("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", 0)); n > bracesMax {
		t.Errorf("%d patterns", n)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("[a-z]*{x,y}?\\", "name")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		for _, p := range braces(pattern, 0) {
			Match(p, name)
			MatchNoEscape(p, name)
		}
	})
}

func TestMatchNoEscape(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{`a\x2db.*`, `a\x2db.service`, true}, {`a\*`, `a\b`, true}, {`a\*`, "a*", false}, {"*@.service", "x@.service", true},
	} {
		if got := MatchNoEscape(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q and %q: %v", tt.pattern, tt.name, got)
		}
	}
}
