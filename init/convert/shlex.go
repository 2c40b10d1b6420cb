package convert

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The readers of values are Python's, as supervisord uses them. Go's libraries of that name take "#" for a comment or a backslash in double quotes for
// the shell's, and do not tell which words were quoted.

var (
	errOpenQuote  = errors.New("a quotation that does not end")
	errOpenEscape = errors.New("a backslash at the end")
)

// splitWords is shlex.split: a backslash outside of quotes takes what follows; in double quotes only before a double quote and itself.
func splitWords(s string) ([]word, error) {
	var list []word
	var text strings.Builder
	in, quoted := false, false
	end := func() {
		if in {
			list = append(list, word{text.String(), quoted})
		}
		text.Reset()
		in, quoted = false, false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\r', '\n':
			end()
		case '\\':
			if i++; i == len(s) {
				return nil, errOpenEscape
			}
			in = true
			text.WriteByte(s[i])
		case '\'', '"':
			in, quoted = true, true
			for i++; i < len(s) && s[i] != c; i++ {
				if s[i] == '\\' && c == '"' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
					i++
				}
				text.WriteByte(s[i])
			}
			if i == len(s) {
				return nil, errOpenQuote
			}
		default:
			in = true
			text.WriteByte(c)
		}
	}
	end()
	return list, nil
}

// pair is a variable of an environment= setting.
type pair struct{ name, value string }

// readPairs is dict_of_key_value_pairs of supervisord: KEY=value,KEY2="value, two". It takes tokens by three and passes over the fourth, whatever
// that is.
func readPairs(s string) ([]pair, error) {
	tokens, err := tokenize(s)
	if err != nil {
		return nil, err
	}
	var list []pair
	for i := 0; i < len(tokens); i += 4 {
		if i+2 >= len(tokens) || tokens[i+1] != "=" {
			return nil, fmt.Errorf("%q is not NAME=\"value\",…", visible(s))
		}
		p := pair{tokens[i], strings.Trim(tokens[i+2], `'"`)}
		list = append(withoutPair(list, p.name), p)
	}
	return list, nil
}

func withoutPair(list []pair, name string) []pair {
	for i, p := range list {
		if p.name == name {
			return append(list[:i:i], list[i+1:]...)
		}
	}
	return list
}

// tokenize is shlex.shlex without its POSIX mode: a quotation at the start of a token is one, quotes and all; other characters than these are tokens
// of their own.
func tokenize(s string) ([]string, error) {
	inWord := func(c byte) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80 || strings.IndexByte("_/.+-():"+mark+hostName, c) >= 0
	}
	var list []string
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '#':
			for i < len(s) && s[i] != '\n' {
				i++
			}
		case c == '"' || c == '\'':
			n := strings.IndexByte(s[i+1:], c)
			if n < 0 {
				return nil, errOpenQuote
			}
			list = append(list, s[i:i+n+2])
			i += n + 2
		case inWord(c):
			from := i
			for i < len(s) && (inWord(s[i]) || s[i] == '"' || s[i] == '\'') {
				i++
			}
			list = append(list, s[from:i])
		default:
			list = append(list, s[i:i+1])
			i++
		}
	}
	return list, nil
}

// expand is Python's "%" with names: %(NAME)s, %(NAME)02d and %%. lookup gives the value of a name.
func expand(s string, lookup func(name string) (string, bool)) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if strings.HasPrefix(s[i:], "%%") {
			b.WriteByte('%')
			i++
			continue
		}
		rest, ok := strings.CutPrefix(s[i:], "%(")
		name, spec, closed := strings.Cut(rest, ")")
		n := strings.IndexFunc(spec, func(r rune) bool { return !strings.ContainsRune("0123456789-+ #", r) })
		if !ok || !closed || n < 0 || spec[n] != 's' && spec[n] != 'd' && spec[n] != 'i' && spec[n] != 'u' {
			return "", fmt.Errorf("%q: a percent sign that begins neither %%(NAME)s nor %%%%", s)
		}
		value, ok := lookup(name)
		if !ok {
			return "", fmt.Errorf("%q: there is no %%(%s)s", s, name)
		}
		var arg any = value
		verb := "s"
		if spec[n] != 's' {
			number, err := strconv.Atoi(value)
			if err != nil {
				return "", fmt.Errorf("%q: %%(%s)s is no number", s, name)
			}
			arg, verb = number, "d"
		} else if hasVariable(value) && n > 0 {
			return "", fmt.Errorf("%q: the width of a variable is not known before it is run", s)
		}
		fmt.Fprintf(&b, "%"+strings.TrimLeft(spec[:n], "#")+verb, arg)
		i += len("%(") + len(name) + len(")") + n
	}
	return b.String(), nil
}

// visible shows variables as they were written.
func visible(s string) string {
	parts := strings.Split(s, mark)
	for i := 1; i < len(parts); i += 2 {
		parts[i] = "%(ENV_" + parts[i] + ")s"
	}
	return strings.Join(parts, "")
}
