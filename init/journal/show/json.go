package show

import (
	"bytes"
	"unicode/utf8"
)

// longest is JSON_THRESHOLD: a longer field is null unless all is to be shown.
const longest = 4096

// AppendJSON adds the entry as an object on one line, without a newline (output_json of logs-show.c).
func AppendJSON(b []byte, e *Entry, o Options) []byte { return appendJSON(b, e, &o, false) }

// AppendPrettyJSON adds the entry as an object on several lines.
func AppendPrettyJSON(b []byte, e *Entry, o Options) []byte { return appendJSON(b, e, &o, true) }

func appendJSON(b []byte, e *Entry, o *Options, pretty bool) []byte {
	b = append(b, '{')
	first := true
	key := func(name []byte) {
		if !first {
			b = append(b, ',')
		}
		first = false
		if pretty {
			b = append(b, "\n\t"...)
		}
		b = appendString(b, name)
		if pretty {
			b = append(b, " : "...)
		} else {
			b = append(b, ':')
		}
	}
	own := func(name, value string) {
		key([]byte(name))
		b = appendString(b, []byte(value))
	}
	if e.Cursor != "" {
		own("__CURSOR", e.Cursor)
	}
	own("__REALTIME_TIMESTAMP", decimal(e.Realtime))
	own("__MONOTONIC_TIMESTAMP", decimal(e.Monotonic))
	own("_BOOT_ID", e.Boot.String())
	for i, f := range e.Fields {
		name, value, ok := split(f)
		if !ok || (o.Only != nil && !o.Only[string(name)]) || string(name) == "_BOOT_ID" {
			continue
		}
		same := func(f []byte) bool { return bytes.HasPrefix(f, name) && f[len(name)] == '=' }
		again := false
		for _, g := range e.Fields[:i] {
			if again = len(g) > len(name) && same(g); again {
				break
			}
		}
		if again {
			continue // it is in the array that its first stands for
		}
		key(name)
		values := [][]byte{value}
		for _, g := range e.Fields[i+1:] {
			if len(g) > len(name) && same(g) {
				values = append(values, g[len(name)+1:])
			}
		}
		if len(values) == 1 {
			b = appendValue(b, name, value, o, pretty, "\n\t")
			continue
		}
		b = appendArray(b, len(values), pretty, "\n\t", func(b []byte, i int) []byte {
			return appendValue(b, name, values[i], o, pretty, "\n\t\t")
		})
	}
	if pretty {
		b = append(b, '\n')
	}
	return append(b, '}')
}

func appendArray(b []byte, n int, pretty bool, indent string, item func([]byte, int) []byte) []byte {
	b = append(b, '[')
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		if pretty {
			b = append(append(b, indent...), '\t')
		}
		b = item(b, i)
	}
	if pretty && n > 0 {
		b = append(b, indent...)
	}
	return append(b, ']')
}

// appendValue is a string, an array of bytes for what is not text, or null for what is too long (update_json_data).
func appendValue(b, name, value []byte, o *Options, pretty bool, indent string) []byte {
	if !o.All && len(name)+1+len(value) >= longest {
		return append(b, "null"...)
	}
	if printable(value, true) {
		return appendString(b, value)
	}
	return appendArray(b, len(value), pretty, indent, func(b []byte, i int) []byte {
		return append(b, decimal(uint64(value[i]))...)
	})
}

// appendString quotes UTF-8 text (json_format_string of json.c).
func appendString(b, text []byte) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, c := range text {
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			if c < ' ' {
				b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				b = append(b, c)
			}
		}
	}
	if !utf8.Valid(text) {
		// Only names of fields and own text come here besides printable values, and they are ASCII.
		return append(b[:len(b)-len(text)], '"')
	}
	return append(b, '"')
}
