package convert

import (
	"fmt"
	"slices"
	"strings"
)

// supervisord reads its file by RawConfigParser of Python 3 with the inline comments of Python 2. Libraries for INI files read a dialect of their own,
// and none tells the line that a setting stood in, which a remark is to name; so this is a reader with Python's rules (configparser.py, _read):
//
//   - "#" and ";" begin a comment at the start of a line and after white space.
//   - A line that is indented deeper than its setting goes on with the setting's value; an empty line is part of it, a comment is not.
//   - "=" or ":", whichever comes first, ends the name of a setting, which is in lower case.
//   - A section that comes twice is one, a setting that comes twice has its last value.
//   - What [DEFAULT] says holds in all sections.

// iniFile is a file, with those that it includes.
type iniFile struct{ sections []*iniSection }

type iniSection struct {
	name     string
	file     string
	line     int
	settings []*setting // in the order of the lines
}

// setting is a value and where it stands.
type setting struct {
	key, value string
	file       string
	line       int
	here       string // the folder of the file, %(here)s
}

const defaultSection = "DEFAULT"

// section finds a section, nil if there is none.
func (f *iniFile) section(name string) *iniSection {
	for _, s := range f.sections {
		if s.name == name {
			return s
		}
	}
	return nil
}

// get finds a setting, nil if there is none.
func (s *iniSection) get(key string) *setting {
	if s == nil {
		return nil
	}
	for _, o := range s.settings {
		if o.key == key {
			return o
		}
	}
	return nil
}

// put sets a setting, in its old place if it was there.
func (s *iniSection) put(o *setting) {
	if old := s.get(o.key); old != nil {
		*old = *o
		return
	}
	s.settings = append(s.settings, o)
}

// inherit gives all sections what [DEFAULT] says and they do not.
func (f *iniFile) inherit() {
	d := f.section(defaultSection)
	if d == nil {
		return
	}
	f.sections = slices.DeleteFunc(f.sections, func(s *iniSection) bool { return s == d })
	for _, s := range f.sections {
		for _, o := range d.settings {
			if s.get(o.key) == nil {
				s.settings = append(s.settings, o)
			}
		}
	}
}

// cutComment gives what of a line is before a comment.
func cutComment(text string) (rest string, comment bool) {
	for i := range len(text) {
		if (text[i] == ';' || text[i] == '#') && (strings.TrimSpace(text[:i]) == "" || isSpace(text[i-1])) {
			return text[:i], true
		}
	}
	return text, false
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// read adds a file's text. here is the file's folder.
func (f *iniFile) read(file, here, text string) error {
	var section *iniSection
	var open *setting // whose value can go on
	var values []string
	indent := 0
	end := func() {
		if open != nil {
			open.value = strings.TrimRight(strings.Join(values, "\n"), " \t\n\v\f\r")
			section.put(open)
		}
		open, values = nil, nil
	}
	for i, raw := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		before, comment := cutComment(raw)
		value := strings.TrimSpace(before)
		if value == "" {
			if !comment && open != nil {
				values = append(values, "")
			}
			continue
		}
		depth := len(raw) - len(strings.TrimLeft(raw, " \t\n\v\f\r"))
		if open != nil && depth > indent {
			values = append(values, value)
			continue
		}
		end()
		indent = depth
		if at := strings.LastIndexByte(value, ']'); value[0] == '[' && at > 1 {
			name := value[1:at]
			if section = f.section(name); section == nil {
				section = &iniSection{name: name, file: file, line: i + 1}
				f.sections = append(f.sections, section)
			}
			continue
		}
		if section == nil {
			return fmt.Errorf("%s:%d: %q stands before the first section", file, i+1, value)
		}
		at := strings.IndexAny(value, "=:")
		if at < 1 {
			return fmt.Errorf("%s:%d: %q is neither a section nor NAME=VALUE", file, i+1, value)
		}
		open = &setting{key: strings.ToLower(strings.TrimSpace(value[:at])), file: file, line: i + 1, here: here}
		values = []string{strings.TrimSpace(value[at+1:])}
	}
	end()
	return nil
}
