package unit

import (
	"fmt"
	"strings"
)

// QuoteWord writes a word so that it is read as itself from a command line, or from a list of words such as Environment= (systemd.syntax(7), "Quoting";
// systemd.unit(5), "Specifiers"). Variables are not escaped: a command line that has none to replace begins with ":" (systemd.service(5)). Bytes of keep are
// for the caller to replace, and stay as they are.
func QuoteWord(w, keep string) string {
	special := func(c byte) bool { return strings.IndexByte(keep, c) < 0 && (c < ' ' || c == 0x7f) }
	var b strings.Builder
	quoted := w == "" || w == ";"
	for i := range len(w) {
		switch c := w[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
			quoted = true
		case c == '%':
			b.WriteString("%%")
		case c == '\n':
			b.WriteString(`\n`)
			quoted = true
		case c == '\t':
			b.WriteString(`\t`)
			quoted = true
		case special(c):
			fmt.Fprintf(&b, `\x%02x`, c)
			quoted = true
		default:
			b.WriteByte(c)
			quoted = quoted || c == ' ' || c == '\''
		}
	}
	if quoted {
		return `"` + b.String() + `"`
	}
	return b.String()
}
