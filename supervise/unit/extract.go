package unit

import (
	"errors"
	"strings"
	"unicode/utf8"
)

const whitespace = " \t\n\r"

// errSoftAboveHard is for a soft resource limit above the hard one.
var errSoftAboveHard = errors.New("Soft resource limit chosen higher than hard limit")

// errInvalid is systemd's EINVAL: unbalanced quotes, an unknown escape sequence, a value of the wrong form.
var errInvalid = errors.New("Invalid argument")

// errRange is systemd's ERANGE.
var errRange = errors.New("Numerical result out of range")

// wordFlags say how a list is split into words (enum ExtractFlags in src/basic/extract-word.h).
type wordFlags uint16

const (
	relaxed            wordFlags = 1 << iota // the end may come inside quotes or behind a backslash
	cUnescape                                // backslash sequences as in C, see unescapeOne
	unescapeRelaxed                          // keep an unknown sequence as it is
	unescapeSeparators                       // a backslash protects separators and itself
	keepQuotes                               // quotes protect separators and stay
	unquote                                  // quotes protect separators and go
	eachSeparator                            // two separators in a row have an empty word between them
	retainEscapes                            // a backslash is nothing special
	retainSeparators                         // the separator behind the word is not consumed
)

// cursor is what is left of a list. done means that the last word came to its end.
type cursor struct {
	s    string
	done bool
}

// word takes the next word of a list; separators is a set of bytes, "" for white space. ok is false when there is none
// left. On an error the cursor stands at the first byte that does not fit.
func (c *cursor) word(separators string, flags wordFlags) (word string, ok bool, err error) {
	if c.done {
		return "", false, nil
	}
	if separators == "" {
		separators = whitespace
	}
	isSep := func(b byte) bool { return strings.IndexByte(separators, b) >= 0 }

	if flags&eachSeparator != 0 {
		if c.s == "" {
			c.done = true
			return "", true, nil
		}
		if isSep(c.s[0]) {
			if flags&retainSeparators == 0 {
				c.s = c.s[1:]
			}
			return "", true, nil
		}
	}
	for c.s != "" && isSep(c.s[0]) {
		c.s = c.s[1:]
	}
	if c.s == "" {
		c.done = true
		return "", false, nil
	}
	// Most words are plain: they are cut out of the list as they are.
	for i := 0; ; i++ {
		if i == len(c.s) {
			word, c.s, c.done = c.s, "", true
			return word, true, nil
		}
		if b := c.s[i]; isSep(b) {
			word = c.s[:i]
			c.behind(i, isSep, flags)
			return word, true, nil
		} else if b == '\\' || b == '"' || b == '\'' {
			break
		}
	}
	return c.quotedWord(isSep, flags)
}

// behind moves the cursor behind a word that ended in the separator at i.
func (c *cursor) behind(i int, isSep func(byte) bool, flags wordFlags) {
	switch {
	case flags&retainSeparators != 0:
	case flags&eachSeparator != 0:
		i++
	default:
		for i < len(c.s) && isSep(c.s[i]) {
			i++
		}
		c.done = i == len(c.s)
	}
	c.s = c.s[i:]
}

func (c *cursor) quotedWord(isSep func(byte) bool, flags wordFlags) (string, bool, error) {
	var out []byte
	quote := byte(0)
	i := 0
	fail := func() (string, bool, error) {
		c.s = c.s[min(i, len(c.s)):]
		return "", false, errInvalid
	}
	finish := func() (string, bool, error) {
		c.s, c.done = "", true
		return string(out), true, nil
	}
	for ; i < len(c.s); i++ {
		switch b := c.s[i]; {
		case b == '\\' && flags&retainEscapes == 0:
			i++
			if i == len(c.s) {
				if flags&unescapeRelaxed != 0 && (quote == 0 || flags&relaxed != 0) {
					out = append(out, '\\')
					return finish()
				}
				if flags&relaxed != 0 {
					return finish()
				}
				return fail()
			}
			n, err := 0, error(nil)
			out, n, err = appendUnescaped(out, c.s[i:], isSep, flags)
			if err != nil {
				return fail()
			}
			i += n - 1
		case quote != 0 && b == quote:
			quote = 0
			if flags&keepQuotes != 0 {
				out = append(out, b)
			}
		case quote != 0:
			out = append(out, b)
		case (b == '"' || b == '\'') && flags&(unquote|keepQuotes) != 0:
			quote = b
			if flags&keepQuotes != 0 {
				out = append(out, b)
			}
		case isSep(b):
			c.behind(i, isSep, flags)
			return string(out), true, nil
		default:
			out = append(out, b)
		}
	}
	if quote != 0 && flags&relaxed == 0 {
		return fail()
	}
	return finish()
}

// appendUnescaped appends what the text behind a backslash stands for, and tells how many bytes of it were used.
func appendUnescaped(out []byte, s string, isSep func(byte) bool, flags wordFlags) ([]byte, int, error) {
	if flags&(cUnescape|unescapeSeparators) == 0 {
		return append(out, s[0]), 1, nil
	}
	if flags&cUnescape != 0 {
		if o, n, err := unescapeOne(out, s, false); err == nil {
			return o, n, nil
		}
	}
	switch {
	case flags&unescapeSeparators != 0 && (isSep(s[0]) || s[0] == '\\'):
		return append(out, s[0]), 1, nil
	case flags&unescapeRelaxed != 0:
		return append(out, '\\', s[0]), 1, nil
	}
	return out, 0, errInvalid
}

// unescapeOne appends what one escape sequence stands for; s starts behind its backslash (systemd.syntax(7), table
// "Supported escapes"). NUL is refused unless allowed.
func unescapeOne(out []byte, s string, nul bool) ([]byte, int, error) {
	if s == "" {
		return out, 0, errInvalid
	}
	if i := strings.IndexByte(`abfnrtv\"'s`, s[0]); i >= 0 {
		return append(out, "\a\b\f\n\r\t\v\\\"' "[i]), 1, nil
	}
	number := func(from, digits int, base rune) (rune, bool) {
		if len(s) < from+digits {
			return 0, false
		}
		v := rune(0)
		for _, c := range []byte(s[from : from+digits]) {
			d := rune(strings.IndexByte("0123456789abcdef", c|0x20))
			if c < '0' || c > '9' && c < 'A' || d < 0 || d >= base {
				return 0, false
			}
			v = v*base + d
		}
		return v, nul || v != 0
	}
	switch c := s[0]; {
	case c == 'x':
		if v, ok := number(1, 2, 16); ok {
			return append(out, byte(v)), 3, nil
		}
	case c == 'u':
		if v, ok := number(1, 4, 16); ok {
			return appendRune(out, v), 5, nil
		}
	case c == 'U':
		if len(s) >= 9 && strings.IndexByte("01", s[1]) < 0 { // beyond Unicode, and beyond what rune holds
			return out, 0, errInvalid
		}
		if v, ok := number(1, 8, 16); ok && cleanRune(v) {
			return utf8.AppendRune(out, v), 9, nil
		}
	case c >= '0' && c <= '7':
		if v, ok := number(0, 3, 8); ok && v <= 255 {
			return append(out, byte(v)), 3, nil
		}
	}
	return out, 0, errInvalid
}

func cleanRune(r rune) bool {
	return utf8.ValidRune(r) && !(r >= 0xfdd0 && r <= 0xfdef) && r&0xfffe != 0xfffe
}

// appendRune encodes surrogates too: \u lets them through, and the check of the whole text for UTF-8 refuses them later.
func appendRune(out []byte, r rune) []byte {
	if r >= 0xd800 && r <= 0xdfff {
		return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6&0x3f), 0x80|byte(r&0x3f))
	}
	return utf8.AppendRune(out, r)
}

// unescapeC resolves all escape sequences of a text (cunescape in src/basic/escape.c).
func unescapeC(s string, nul bool) ([]byte, error) {
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		o, n, err := unescapeOne(out, s[i+1:], nul)
		if err != nil {
			return nil, err
		}
		out, i = o, i+n
	}
	return out, nil
}

// eachWord calls f with every word of a list.
func eachWord(list string, flags wordFlags, f func(word string)) error {
	c := cursor{s: list}
	for {
		w, ok, err := c.word("", flags)
		if !ok || err != nil {
			return err
		}
		f(w)
	}
}
