package unit

import (
	"errors"
	"path"
	"strings"
)

// What a specifier's failure says, in the words of errno(3) that systemd prints.
var (
	errUnknownSpecifier = errors.New("Invalid slot")
	errTooLong          = errors.New("File name too long")
	errNoOSRelease      = errors.New("Protocol driver not attached")
	errNoFile           = errors.New("No such file or directory")
)

// lineMax is the longest logical line and the longest value with its specifiers expanded (LONG_LINE_MAX).
const lineMax = 1 << 20

// specifierSet says which specifiers a value may have.
type specifierSet uint8

const (
	nameSpecifiers specifierSet = iota // only those that are sound in a unit name (unit_name_printf in src/core/unit-printf.c)
	allSpecifiers
)

// specifiers are what the specifiers of one unit stand for.
type specifiers struct {
	host     *Host
	name     string
	fragment string // with links followed
	slice    string
}

// EscapeSpecifiers makes a text stand for itself where specifiers are expanded.
func EscapeSpecifiers(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// expandWith replaces "%x" by what value says of the letter x. A letter or digit that value does not know is an error, other
// bytes stay as they are (specifier_printf in src/shared/specifier.c).
func expandWith(text string, limit int, value func(letter byte) (v string, known bool, err error)) (string, error) {
	i := strings.IndexByte(text, '%')
	if i < 0 {
		if len(text) > limit {
			return "", errTooLong
		}
		return text, nil
	}
	var b strings.Builder
	b.WriteString(text[:i])
	for ; i < len(text); i++ {
		switch {
		case text[i] != '%' || i+1 == len(text):
			b.WriteByte(text[i])
		case text[i+1] == '%':
			b.WriteByte('%')
			i++
		default:
			i++
			v, known, err := value(text[i])
			switch c := text[i]; {
			case err != nil:
				return "", err
			case known:
				b.WriteString(v)
			case c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z':
				return "", errUnknownSpecifier
			default:
				b.WriteByte('%')
				b.WriteByte(c)
			}
		}
		if b.Len() > limit {
			return "", errTooLong
		}
	}
	return b.String(), nil
}

// expand resolves the specifiers of a value; the result is at most limit bytes.
func (s *specifiers) expand(text string, set specifierSet, limit int) (string, error) {
	return expandWith(text, limit, func(c byte) (string, bool, error) {
		if v, ok := s.unitName(c); ok {
			return v, true, nil
		}
		if v, ok, err := s.machine(c); ok {
			return v, true, err
		}
		if set == nameSpecifiers {
			return "", false, nil
		}
		return s.unsafe(c)
	})
}

func (s *specifiers) unitName(c byte) (string, bool) {
	prefix, instance, _, _, _ := SplitName(s.name)
	switch c {
	case 'n':
		return s.name, true
	case 'N':
		return s.name[:max(strings.LastIndexByte(s.name, '.'), 0)], true
	case 'p':
		return prefix, true
	case 'i':
		return instance, true
	case 'j':
		return prefix[strings.LastIndexByte(prefix, '-')+1:], true
	}
	return "", false
}

// machine has the specifiers that do not depend on the unit.
func (s *specifiers) machine(c byte) (string, bool, error) {
	h := s.host
	short, _, _ := strings.Cut(h.Hostname, ".")
	release := func(v string) (string, bool, error) {
		if !h.OSRelease {
			return "", true, errNoOSRelease
		}
		return v, true, nil
	}
	switch c {
	case 'A':
		return release(h.ImageVersion)
	case 'B':
		return release(h.OSBuildID)
	case 'M':
		return release(h.ImageID)
	case 'o':
		return release(h.OSID)
	case 'w':
		return release(h.OSVersionID)
	case 'W':
		return release(h.OSVariantID)
	case 'm':
		if h.MachineID == "" {
			return "", true, errNoFile
		}
		return h.MachineID, true, nil
	case 'b':
		if h.BootID == "" {
			return "", true, errNoFile
		}
		return h.BootID, true, nil
	case 'q':
		if h.PrettyName == "" {
			return short, true, nil
		}
	}
	v, ok := map[byte]string{
		'a': h.Architecture, 'H': h.Hostname, 'l': short, 'q': h.PrettyName, 'v': h.Kernel,
		'g': h.Group, 'G': h.GID, 'u': h.User, 'U': h.UID,
	}[c]
	return v, ok, nil
}

// unsafe has the specifiers that a unit name could not hold.
func (s *specifiers) unsafe(c byte) (string, bool, error) {
	h := s.host
	prefix, instance, _, kind, _ := SplitName(s.name)
	unescaped := func(part string) (string, bool, error) {
		v, err := Unescape(part)
		if err != nil {
			err = errInvalid
		}
		return v, true, err
	}
	switch c {
	case 'I':
		return unescaped(instance)
	case 'J':
		return unescaped(prefix[strings.LastIndexByte(prefix, '-')+1:])
	case 'P':
		return unescaped(prefix)
	case 'f':
		v, err := PathFromName(s.name)
		if kind == InstanceName {
			v, err = UnescapePath(instance)
		}
		if err != nil {
			err = errInvalid
		}
		return v, true, err
	case 'y', 'Y':
		if s.fragment == "" {
			return "", true, errNoFile
		}
		if c == 'Y' {
			return path.Dir(s.fragment), true, nil
		}
		return s.fragment, true, nil
	case 'd':
		return h.RuntimeRoot + "/credentials/" + s.name, true, nil
	case 'r':
		return h.CgroupRoot + slicePath(s.slice), true, nil
	case 'c':
		return h.CgroupRoot + slicePath(s.slice) + "/" + s.name, true, nil
	}
	v, ok := map[byte]string{
		't': h.RuntimeRoot, 'S': h.StateRoot, 'C': h.CacheRoot, 'L': h.LogsRoot, 'E': h.ConfigurationRoot,
		'h': h.Home, 's': h.Shell, 'T': h.TmpDir, 'V': h.VarTmpDir, 'R': h.CgroupRoot,
	}[c]
	return v, ok, nil
}

// slicePath is where a slice is below the cgroup root: "/a.slice/a-b.slice" for "a-b.slice" (systemd.slice(5)).
func slicePath(slice string) string {
	if slice == "" || slice == "-.slice" {
		return ""
	}
	return slicePath(ParentSlice(slice)) + "/" + slice
}
