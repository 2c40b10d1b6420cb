package unit

import (
	"errors"
	"strings"
)

// The text of unit files: systemd.syntax(7), and config_parse in src/shared/conf-parser.c where it is silent.
//
// One pass makes logical lines of the text and knows where each of them ends in the file. What is left to do with a
// logical line is to find its "=", so it is done here too: the lexer of go-systemd is the writer's counterpart and the
// tests' second opinion, but as the reader it would double the time and quadruple the memory of loading, run a
// goroutine for each file, and lose what systemd accepts (values that end in an escaped backslash, lines over 2 KiB).

// errBadMessage is systemd's EBADMSG, for a section header that ends reading.
var errBadMessage = errors.New("Bad message")

// errLineTooLong is systemd's ENOBUFS.
var errLineTooLong = errors.New("No buffer space available")

// sectionStatus says what a unit's type makes of a section.
type sectionStatus uint8

const (
	sectionUnknown sectionStatus = iota
	sectionKnown
	sectionIgnored // silently: "X-..." (systemd.unit(5))
)

// textHandler receives what a text says. An error from assign ends reading.
type textHandler interface {
	section(name string) sectionStatus
	assign(line int, section, key, value string) error
	remark(line int, severity Severity, text string)
}

// cutLine takes the first physical line off text: it ends in NL, CR, NUL, or two different of them (read_line in
// src/basic/fileio.c).
func cutLine(text string) (line, rest string) {
	i := strings.IndexAny(text, "\n\r\x00")
	if i < 0 {
		return text, ""
	}
	line = text[:i]
	first := text[i]
	i++
	if first != 0 && i < len(text) && text[i] != first && (text[i] == '\n' || text[i] == '\r' || text[i] == 0) {
		i++
	}
	return line, text[i:]
}

// continues tells whether a line ends in a backslash that is not itself escaped.
func continues(line string) bool {
	n := 0
	for n < len(line) && line[len(line)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// readText reads a unit file or a drop-in. A line that is wrong is remarked upon and skipped; the error is for what ends
// systemd's reading, too: a broken section header, a line that is no UTF-8 or longer than a mebibyte, or h's own.
func readText(text string, h textHandler) error {
	r := textReader{h: h}
	number := 0
	bom := false
	for text != "" {
		var line string
		line, text = cutLine(text)
		number++
		if len(line) > lineMax {
			h.remark(number, Error, "Line too long")
			return errLineTooLong
		}
		if t := strings.TrimLeft(line, whitespace); t != "" && (t[0] == '#' || t[0] == ';') {
			continue // inside a continued line, too
		}
		if !bom {
			line, bom = strings.CutPrefix(line, "\ufeff")
		}
		if continues(line) {
			r.pending = append(append(r.pending, line[:len(line)-1]...), ' ')
			r.continued = true
			if len(r.pending) > lineMax {
				h.remark(number, Error, "Continuation line too long")
				return errLineTooLong
			}
			continue
		}
		if r.continued {
			line = string(append(r.pending, line...))
			r.pending, r.continued = r.pending[:0], false
		}
		if err := r.line(number, line); err != nil {
			return err
		}
	}
	if r.continued {
		return r.line(number+1, string(r.pending))
	}
	return nil
}

type textReader struct {
	h         textHandler
	current   string
	status    sectionStatus // of the current section; sectionUnknown before the first one, too
	begun     bool
	pending   []byte
	continued bool
}

// line reads one logical line.
func (r *textReader) line(number int, l string) error {
	l = strings.Trim(l, whitespace)
	if l == "" {
		return nil
	}
	if !cleanUTF8(l) {
		r.h.remark(number, Warning, "String is not UTF-8 clean, ignoring assignment: "+markInvalid(l))
		return errInvalid
	}
	if l[0] == '[' {
		return r.header(number, l)
	}
	if r.status != sectionKnown {
		if !r.begun {
			r.h.remark(number, Warning, "Assignment outside of section. Ignoring.")
		}
		return nil
	}
	key, value, ok := strings.Cut(l, "=")
	switch {
	case !ok:
		r.h.remark(number, Warning, "Missing '=', ignoring line.")
	case key == "":
		r.h.remark(number, Warning, "Missing key name before '=', ignoring line.")
	default:
		return r.h.assign(number, r.current, strings.TrimRight(key, whitespace), strings.TrimLeft(value, whitespace))
	}
	return nil
}

func (r *textReader) header(number int, l string) error {
	if l[len(l)-1] != ']' || len(l) < 2 {
		r.h.remark(number, Error, "Invalid section header '"+l+"'")
		return errBadMessage
	}
	name := l[1 : len(l)-1]
	if !safeString(name) {
		r.h.remark(number, Error, "Bad characters in section header '"+l+"'")
		return errBadMessage
	}
	r.current, r.begun = name, true
	r.status = r.h.section(name)
	if r.status == sectionUnknown {
		r.h.remark(number, Warning, "Unknown section '"+name+"'. Ignoring.")
	}
	return nil
}
