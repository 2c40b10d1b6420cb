package assign

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const blanks = " \t\n\r"

// style is how words are cut: extract_first_word's flags of src/basic/extract-word.c, those that are used here.
type style uint8

const (
	unquote  style = 1 << iota // quotes are taken off
	unescape                   // C escapes mean what they mean
	single                     // two separators have an empty word between them
)

// cut takes the first word off s. ok is false if there is none; sep is the separator behind the word, 0 at the end.
func cut(s, separators string, how style) (word, rest string, sep byte, ok bool, err error) {
	if how&single == 0 {
		s = strings.TrimLeft(s, separators)
	}
	if s == "" {
		return "", "", 0, false, nil
	}
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
			i++
		case quote == 0 && how&unquote != 0 && (c == '\'' || c == '"'):
			quote = c
			i++
		case quote == 0 && strings.IndexByte(separators, c) >= 0:
			rest = s[i+1:]
			if how&single == 0 {
				rest = strings.TrimLeft(rest, separators)
			}
			return b.String(), rest, c, true, nil
		case c == '\\' && i+1 == len(s):
			return "", "", 0, false, refuse("Invalid syntax: %s", s)
		case c == '\\' && how&unescape != 0:
			text, n, good := escape(s[i+1:])
			if !good {
				return "", "", 0, false, refuse("Invalid syntax: %s", s)
			}
			b.WriteString(text)
			i += 1 + n
		case c == '\\':
			b.WriteByte(s[i+1])
			i += 2
		default:
			b.WriteByte(c)
			i++
		}
	}
	if quote != 0 {
		return "", "", 0, false, refuse("Invalid syntax: %s", s)
	}
	return b.String(), "", 0, true, nil
}

// split takes all words.
func split(s, separators string, how style) ([]string, error) {
	list := []string{}
	for {
		w, rest, _, ok, err := cut(s, separators, how)
		if err != nil || !ok {
			return list, err
		}
		list = append(list, w)
		s = rest
	}
}

// escapes are the letters that stand for one character behind a backslash (cunescape_one of src/basic/escape.c).
var escapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\\': "\\", '"': "\"", '\'': "'", 's': " ",
}

// escape reads what comes behind a backslash: what it means, and how long it is.
func escape(s string) (text string, length int, ok bool) {
	if t, known := escapes[s[0]]; known {
		return t, 1, true
	}
	digits, base := 0, 16
	start := 1
	switch c := s[0]; {
	case c == 'x':
		digits = 2
	case c == 'u':
		digits = 4
	case c == 'U':
		digits = 8
	case c >= '0' && c <= '7':
		digits, base, start = 3, 8, 0
	default:
		return "", 0, false
	}
	if len(s) < start+digits {
		return "", 0, false
	}
	n, err := strconv.ParseUint(s[start:start+digits], base, 32)
	if err != nil || n == 0 {
		return "", 0, false
	}
	if s[0] == 'u' || s[0] == 'U' {
		if n > utf8.MaxRune {
			return "", 0, false
		}
		return string(rune(n)), start + digits, true
	}
	if n > 255 {
		return "", 0, false
	}
	return string([]byte{byte(n)}), start + digits, true
}

// unescapeAll undoes C escapes in a whole text. A NUL may be written, too.
func unescapeAll(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		if i+1 == len(s) {
			return "", false
		}
		if strings.HasPrefix(s[i+1:], "x00") || strings.HasPrefix(s[i+1:], "000") {
			b.WriteByte(0)
			i += 4
			continue
		}
		text, n, ok := escape(s[i+1:])
		if !ok {
			return "", false
		}
		b.WriteString(text)
		i += 1 + n
	}
	return b.String(), true
}

func prefixEach(list, prefix string) string {
	words := strings.Fields(list)
	for i := range words {
		words[i] = prefix + words[i]
	}
	return strings.Join(words, " ")
}
