package unit

import "strings"

// What enabling and disabling make of a unit file: systemd.unit(5), "[Install] Section Options"; unit_file_load in src/shared/install.c where it is
// silent. Unlike the running unit, whose Install has names, they need the words as written: %i is not known before it is decided which instance is enabled.

// The reasons for which ReadInstall and ExpandInstall fail, beside others.
var (
	ErrInvalid          = errInvalid          // systemd's EINVAL
	ErrUnknownSpecifier = errUnknownSpecifier // EBADSLT
	ErrNoOSRelease      = errNoOSRelease      // EUNATCH
	ErrNoFile           = errNoFile           // ENOENT
	ErrTooLong          = errTooLong          // ENAMETOOLONG
)

// ReadInstall adds to i what the [Install] section of a unit file or a drop-in says, with specifiers as written. The other sections are not looked at.
// name is the unit's. The error is for what ends systemd's reading of the file.
func (i *Install) ReadInstall(name, file, text string) ([]Diagnostic, error) {
	t := installText{i: i, unit: name, file: file}
	err := readText(text, &t)
	return t.list, err
}

type installText struct {
	i          *Install
	unit, file string
	list       []Diagnostic
}

// section implements textHandler.
func (t *installText) section(name string) sectionStatus {
	if name == "Install" {
		return sectionKnown
	}
	if name == "Unit" || strings.HasPrefix(name, "X-") {
		return sectionIgnored
	}
	for _, t := range Types() { // those without a section of their own are passed over too
		if s := t.String(); name == strings.ToUpper(s[:1])+s[1:] {
			return sectionIgnored
		}
	}
	return sectionUnknown
}

// remark implements textHandler.
func (t *installText) remark(line int, s Severity, text string) {
	t.list = append(t.list, Diagnostic{Severity: s, Unit: t.unit, File: t.file, Line: line, Text: clip(text)})
}

// assign implements textHandler.
func (t *installText) assign(line int, _, key, value string) error {
	lists := map[string]*[]string{"Alias": &t.i.Alias, "WantedBy": &t.i.WantedBy, "RequiredBy": &t.i.RequiredBy, "UpheldBy": &t.i.UpheldBy}
	list := lists[key]
	switch {
	case key == "Also": // which cannot be reset
		return eachWord(value, 0, func(w string) { t.i.Also = append(t.i.Also, w) })
	case key == "DefaultInstance":
		return t.defaultInstance(line, value)
	case list == nil:
		if !strings.HasPrefix(key, "X-") {
			t.remark(line, Warning, "Unknown key '"+key+"' in section [Install], ignoring.")
		}
	case key == "Alias" && !TypeOf(t.unit).MayAlias():
		t.remark(line, Warning, "Alias= is not allowed for "+TypeOf(t.unit).String()+" units, ignoring.")
	case value == "":
		*list = nil
	default:
		words := *list
		if err := eachWord(value, unquote|retainEscapes, func(w string) { words = append(words, w) }); err != nil {
			t.remark(line, Warning, "Invalid syntax, ignoring: "+value)
			return nil
		}
		*list = words
	}
	return nil
}

// defaultInstance is the template's: an instance that has its text from there has one already.
func (t *installText) defaultInstance(line int, value string) error {
	switch {
	case ValidName(t.unit, InstanceName):
	case !ValidName(t.unit, TemplateName):
		t.remark(line, Warning, "DefaultInstance= only makes sense for template units, ignoring.")
	case value != "" && !strings.Contains(value, "%") && !ValidInstance(value):
		t.remark(line, Warning, "Invalid DefaultInstance= value \""+value+"\".")
		return errInvalid
	default:
		t.i.DefaultInstance = value
	}
	return nil
}

// ExpandInstall resolves the specifiers of a word of [Install] (install_name_printf in src/shared/install-printf.c): the unit's name stands for its default
// instance where it is a template.
func ExpandInstall(word string, host *Host, name, defaultInstance string) (string, error) {
	prefix, instance, _, kind, _ := SplitName(name)
	if kind == TemplateName && defaultInstance != "" {
		instance = defaultInstance
		n, err := Instantiate(name, defaultInstance)
		if err != nil {
			return "", errInvalid
		}
		name = n
	}
	s := specifiers{host: host, name: name}
	return expandWith(word, nameMax, func(c byte) (string, bool, error) {
		switch c {
		case 'n':
			return name, true, nil
		case 'N':
			return name[:strings.LastIndexByte(name, '.')], true, nil
		case 'p':
			return prefix, true, nil
		case 'i':
			return instance, true, nil
		case 'j':
			return prefix[strings.LastIndexByte(prefix, '-')+1:], true, nil
		}
		return s.machine(c)
	})
}
