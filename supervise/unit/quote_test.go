package unit

import (
	"slices"
	"strings"
	"testing"
)

// FuzzQuoteWord: what is quoted is read as itself, between others.
func FuzzQuoteWord(f *testing.F) {
	for _, s := range []string{"", ";", "plain", "a b", `"`, `\`, `\x41`, "'", "%", "%n", "a\nb\t", "\x01\x7f", "ä", "-x", "#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "\x00") || strings.ToValidUTF8(s, "") != s {
			t.Skip("no text of a unit file")
		}
		var got []string
		line := QuoteWord(s, "") + " " + QuoteWord(s, "") + " end"
		err := eachWord(strings.ReplaceAll(line, "%%", "%"), cUnescape|unquote, func(w string) { got = append(got, w) })
		if want := []string{s, s, "end"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q became %q, which is read as %q, %v", s, line, got, err)
		}
	})
}

func TestQuoteWord(t *testing.T) {
	for _, c := range []struct{ word, keep, want string }{
		{"plain", "", "plain"}, {"", "", `""`}, {";", "", `";"`}, {"50%", "", "50%%"}, {"a b", "", `"a b"`}, {"\x01", "\x01", "\x01"}, {"\x01", "", `"\x01"`},
	} {
		if got := QuoteWord(c.word, c.keep); got != c.want {
			t.Errorf("%q: %s, want %s", c.word, got, c.want)
		}
	}
}
