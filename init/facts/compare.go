package facts

import (
	"cmp"
	"strings"

	"keelson/init/glob"
)

// operator is how a condition compares (src/shared/compare-operator.c).
type operator uint8

const (
	lower operator = iota
	lowerOrEqual
	equal
	unequal
	greaterOrEqual
	greater
	sameText
	otherText
	matches
	matchesNot
)

// operators are their words, of two that begin alike the longer one first.
var operators = []struct {
	word string
	op   operator
	text bool // where texts are compared, not numbers
}{
	{"!$=", matchesNot, true}, {"$=", matches, true}, {"<>", unequal, false}, {"<=", lowerOrEqual, false}, {"<", lower, false},
	{">=", greaterOrEqual, false}, {">", greater, false}, {"==", equal, false},
	{"!=", otherText, true}, {"=", sameText, true}, {"!=", unequal, false}, {"=", equal, false},
}

// takeOperator splits the operator off an expression.
func takeOperator(s string, text bool) (op operator, rest string, ok bool) {
	for _, o := range operators {
		if rest, ok := strings.CutPrefix(s, o.word); ok && (text || !o.text) {
			return o.op, rest, true
		}
	}
	return 0, s, false
}

// orders tells whether an order (-1, 0, 1) is what an operator wants.
func (op operator) orders(order int) bool {
	switch op {
	case lower:
		return order < 0
	case lowerOrEqual:
		return order <= 0
	case equal:
		return order == 0
	case unequal:
		return order != 0
	case greaterOrEqual:
		return order >= 0
	case greater:
		return order > 0
	}
	return false
}

// compares applies an operator to texts.
func (op operator) compares(a, b string) bool {
	switch op {
	case sameText:
		return a == b
	case otherText:
		return a != b
	case matches:
		return glob.Match(b, a)
	case matchesNot:
		return !glob.Match(b, a)
	}
	return op.orders(compareVersions(a, b))
}

// compareVersions orders versions as the UAPI group's "Version Format Specification" says: segment by segment, numbers as numbers; "~" is older
// than nothing, and of the separators "-" is older than "^", that than ".".
func compareVersions(a, b string) int {
	for {
		a, b = strings.TrimLeftFunc(a, noVersion), strings.TrimLeftFunc(b, noVersion)
		if order, done := separator(&a, &b, '~'); done {
			return order
		}
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		for _, c := range []byte("-^.") {
			if order, done := separator(&a, &b, c); done {
				return order
			}
		}
		if a != "" && isDigit(a[0]) || b != "" && isDigit(b[0]) {
			x, y := take(&a, isDigit), take(&b, isDigit)
			if (x == "") != (y == "") {
				return cmp.Compare(len(x), len(y))
			}
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if order := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); order != 0 {
				return order
			}
			continue
		}
		if order := cmp.Compare(take(&a, isLetter), take(&b, isLetter)); order != 0 {
			return order
		}
	}
}

// separator takes a separator off both; who alone has one is older.
func separator(a, b *string, c byte) (order int, done bool) {
	x, y := strings.HasPrefix(*a, string(c)), strings.HasPrefix(*b, string(c))
	switch {
	case x && y:
		*a, *b = (*a)[1:], (*b)[1:]
	case x:
		return -1, true
	case y:
		return 1, true
	}
	return 0, false
}

// take takes the longest beginning of such bytes.
func take(s *string, of func(byte) bool) string {
	n := 0
	for n < len(*s) && of((*s)[n]) {
		n++
	}
	head := (*s)[:n]
	*s = (*s)[n:]
	return head
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// noVersion is what versions do not contain.
func noVersion(r rune) bool {
	return r > 127 || !isDigit(byte(r)) && !isLetter(byte(r)) && !strings.ContainsRune("~-^.", r)
}

// words splits at white space outside quotes, which go, as does a backslash before what it protects. relaxed: a quote may stay open.
func words(s string, relaxed bool) (list []string, err error) {
	var word strings.Builder
	in, quote, open := false, byte(0), false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'':
			if i++; i == len(s) && !relaxed {
				return nil, errParameter
			} else if i < len(s) {
				word.WriteByte(s[i])
			}
			in = true
		case open && c == quote:
			open = false
			quote = 0
		case !open && (c == '"' || c == '\''):
			open, quote, in = true, c, true
		case !open && strings.IndexByte(" \t\r\n", c) >= 0:
			if in {
				list = append(list, word.String())
				word.Reset()
			}
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if open && !relaxed {
		return nil, errParameter
	}
	if in {
		list = append(list, word.String())
	}
	return list, nil
}
