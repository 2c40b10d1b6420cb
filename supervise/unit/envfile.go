package unit

import (
	"fmt"
	"strings"
)

// ParseEnvironmentFile reads the text of an EnvironmentFile= (systemd.exec(5), EnvironmentFile=; parse_env_file_internal
// in src/basic/env-file.c): assignments in order of first appearance, later ones of a name in the place of the first.
// A line without "=" is skipped silently. An error means that the file is of no use: it is not UTF-8.
//
// Names are not checked; CleanEnvironment does that.
func ParseEnvironmentFile(text string) ([]string, error) {
	if i := strings.IndexByte(text, 0); i >= 0 {
		text = text[:i] // systemd reads the file as a C string
	}
	var env []string
	at := map[string]int{}
	for line := 1; ; {
		key, value, rest, lines, found := nextVariable(text)
		line += lines
		if found {
			if !cleanUTF8(key) {
				return nil, fmt.Errorf("%d: invalid UTF-8 in key %q", line, key)
			}
			if !cleanUTF8(value) {
				return nil, fmt.Errorf("%d: invalid UTF-8 in value of %s", line, key)
			}
			if i, ok := at[key]; ok {
				env[i] = key + "=" + value
			} else {
				at[key] = len(env)
				env = append(env, key+"="+value)
			}
		}
		if rest == "" {
			return env, nil
		}
		text = rest
	}
}

func isNewline(c byte) bool { return c == '\n' || c == '\r' }

// nextVariable reads one line of text, which may go on over several; found tells whether it is an assignment.
func nextVariable(text string) (key, value, rest string, lines int, found bool) {
	i := 0
	for i < len(text) && strings.IndexByte(whitespace, text[i]) >= 0 {
		if isNewline(text[i]) {
			lines++
		}
		i++
	}
	if i == len(text) {
		return "", "", "", lines, false
	}
	start := i
	if text[i] == '#' || text[i] == ';' {
		// A backslash takes the next byte out of consideration, the end of the line too: the comment goes on.
		for ; i < len(text); i++ {
			if text[i] == '\\' {
				i++
			} else if isNewline(text[i]) {
				return "", "", text[i+1:], lines + 1, false
			}
		}
		return "", "", "", lines, false
	}
	// The first byte belongs to the key whatever it is: "==x" is the key "=" with the value "x".
	for i++; i < len(text) && text[i] != '='; i++ {
		if isNewline(text[i]) {
			return "", "", text[i+1:], lines + 1, false
		}
	}
	if i == len(text) {
		return "", "", "", lines, false
	}
	key = strings.TrimRight(text[start:i], whitespace)
	value, n := variableValue(text[i+1:])
	return key, value, text[i+1+n:], lines + 1, true
}

// variableValue reads the value of an assignment up to and including the end of its line.
func variableValue(s string) (value string, n int) {
	var out []byte
	trim := -1     // from where on out is unquoted white space
	begun := false // past the white space at the start, or behind a quote
	i := 0
loop:
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case isNewline(c):
			i++
			break loop
		case c == '\\':
			begun, trim = true, -1
			if i++; i < len(s) && !isNewline(s[i]) {
				out = append(out, s[i])
			}
		case !begun && (c == '\'' || c == '"'):
			i = quotedValue(&out, s, i)
			trim = -1
		case strings.IndexByte(whitespace, c) >= 0:
			if begun {
				if trim < 0 {
					trim = len(out)
				}
				out = append(out, c)
			}
		default:
			begun, trim = true, -1
			out = append(out, c)
		}
	}
	if trim >= 0 {
		out = out[:trim]
	}
	return string(out), min(i, len(s)) // an open quote ends with the file
}

// quotedValue appends the text between the quote at i and the next one, and gives the place of that.
func quotedValue(out *[]byte, s string, i int) int {
	quote := s[i]
	for i++; i < len(s) && s[i] != quote; i++ {
		if quote == '"' && s[i] == '\\' {
			if i++; i == len(s) {
				break
			}
			switch {
			case strings.IndexByte("\"\\`$", s[i]) >= 0:
			case s[i] == '\n':
				continue
			default:
				*out = append(*out, '\\')
			}
		}
		*out = append(*out, s[i])
	}
	return i
}

// QuoteVariable writes an assignment as a line of an environment file that reads back the same.
func QuoteVariable(name, value string) string {
	quote := strings.ContainsAny(value, " \t\n\r\"'\\`$#;*?[]()<>{}|&~!")
	if !quote {
		return name + "=" + value + "\n"
	}
	var b strings.Builder
	b.WriteString(name + `="`)
	for i := range len(value) {
		if strings.IndexByte("\"\\`$", value[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(value[i])
	}
	b.WriteString("\"\n")
	return b.String()
}
