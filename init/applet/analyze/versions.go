package analyze

import (
	"cmp"
	"strings"
)

// comparisons are the operators of compare-versions, and what they make of an order.
var comparisons = map[string]func(order int) bool{
	"lt": func(o int) bool { return o < 0 }, "<": func(o int) bool { return o < 0 },
	"le": func(o int) bool { return o <= 0 }, "<=": func(o int) bool { return o <= 0 },
	"eq": func(o int) bool { return o == 0 }, "==": func(o int) bool { return o == 0 },
	"ne": func(o int) bool { return o != 0 }, "!=": func(o int) bool { return o != 0 },
	"ge": func(o int) bool { return o >= 0 }, ">=": func(o int) bool { return o >= 0 },
	"gt": func(o int) bool { return o > 0 }, ">": func(o int) bool { return o > 0 },
}

// compareVersions tells which of two versions is newer: with an operator by the exit status, else in words, and the status is 11 or 12
// for which it is.
func (p *program) compareVersions(args []string) int {
	if len(args) == 3 {
		holds, ok := comparisons[args[1]]
		if !ok {
			return p.Fail("Unknown operator \"%s\".", args[1])
		}
		if holds(compare(args[0], args[2])) {
			return 0
		}
		return 1
	}
	order := compare(args[0], args[1])
	sign := "=="
	status := 0
	switch {
	case order < 0:
		sign, status = "<", 12
	case order > 0:
		sign, status = ">", 11
	}
	p.Puts(args[0] + " " + sign + " " + args[1])
	return status
}

// compare orders versions (strverscmp_improved of src/fundamental/string-util-fundamental.c; the UAPI group's version format): "~" before
// the end, the end before "-", "-" before "^", "^" before ".", then numbers by value and letters by their code.
func compare(a, b string) int {
	other := func(c byte) bool { return !digit(c) && !letter(c) && strings.IndexByte("~-^.", c) < 0 }
	for a != "" || b != "" {
		a, b = strings.TrimLeftFunc(a, func(r rune) bool { return r > 0x7F || other(byte(r)) }), strings.TrimLeftFunc(b, func(r rune) bool { return r > 0x7F || other(byte(r)) })
		for _, sign := range "~" {
			if o, done := mark(&a, &b, byte(sign)); done {
				return o
			}
		}
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		for _, sign := range "-^." {
			if o, done := mark(&a, &b, byte(sign)); done {
				return o
			}
		}
		var x, y string
		if len(a) > 0 && digit(a[0]) || len(b) > 0 && digit(b[0]) {
			x, a = run(a, digit)
			y, b = run(b, digit)
			x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
			if o := cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(x, y)); o != 0 {
				return o
			}
			continue
		}
		x, a = run(a, letter)
		y, b = run(b, letter)
		if o := strings.Compare(x, y); o != 0 {
			return o
		}
	}
	return 0
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// run cuts off what is of one kind.
func run(s string, kind func(byte) bool) (head, rest string) {
	i := 0
	for i < len(s) && kind(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// mark takes a sign off both. Only one of them having it decides: it comes first.
func mark(a, b *string, sign byte) (order int, done bool) {
	has := func(s string) bool { return s != "" && s[0] == sign }
	switch x, y := has(*a), has(*b); {
	case x && y:
		*a, *b = (*a)[1:], (*b)[1:]
	case x:
		return -1, true
	case y:
		return 1, true
	}
	return 0, false
}
