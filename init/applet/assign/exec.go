package assign

import (
	"encoding/base64"
	"path"
	"strconv"
	"strings"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"keelson/init/applet"
	"keelson/supervise/unit"
)

// secureBitNames are those of prctl(2), PR_SET_SECUREBITS.
var secureBitNames = map[string]int32{
	"noroot": 1, "noroot-locked": 2, "no-setuid-fixup": 4, "no-setuid-fixup-locked": 8, "keep-caps": 16, "keep-caps-locked": 32,
}

func secureBits(name, value string) ([]sd.Property, error) {
	n := int32(0)
	for _, w := range strings.Fields(value) {
		b, ok := secureBitNames[w]
		if !ok {
			return nil, refuse("Failed to parse %s: %s", name, value)
		}
		n |= b
	}
	return one(name, n)
}

// dumps are the kinds of memory in a core dump, by bit (core(5)).
var dumps = []string{"private-anonymous", "shared-anonymous", "private-file-backed", "shared-file-backed", "elf-headers", "private-huge", "shared-huge", "private-dax", "shared-dax"}

func coredumpFilter(name, value string) ([]sd.Property, error) {
	mask := uint64(0)
	for _, w := range strings.Fields(value) {
		known := false
		for bit, d := range dumps {
			if w == d {
				mask |= 1 << bit
				known = true
			}
		}
		switch {
		case known:
		case w == "all":
			mask |= ^uint64(0)
		case w == "default":
			mask |= 0x33
		default:
			n, err := strconv.ParseUint(strings.TrimPrefix(strings.TrimPrefix(w, "0x"), "0X"), 16, 64)
			if err != nil {
				return nil, failed(name, value, reason(err))
			}
			mask |= n
		}
	}
	return one(name, mask)
}

// killErrno stands for the process's end on the bus (SECCOMP_ERROR_NUMBER_KILL of src/shared/seccomp-util.h).
const killErrno int32 = 1<<31 - 2

func errnoOrKill(name, value string) ([]sd.Property, error) {
	if value == "kill" {
		return one(name, killErrno)
	}
	n, ok := unit.ParseErrno(value)
	if !ok {
		return nil, refuse("Failed to parse %s: %s", name, value)
	}
	return one(name, int32(n))
}

func propagation(name, value string) ([]sd.Property, error) {
	n, ok := map[string]uint64{"": 0, "shared": 1 << 20, "slave": 1 << 19, "private": 1 << 18}[value]
	if !ok {
		return nil, failed(name, value, syscall.EINVAL)
	}
	return one(name, n)
}

func environmentFile(_, value string) ([]sd.Property, error) {
	type file struct {
		Path   string
		Ignore bool
	}
	files := []file{}
	if value != "" {
		p, ignore := strings.CutPrefix(value, "-")
		files = append(files, file{p, ignore})
	}
	return one("EnvironmentFiles", files)
}

// credential is a name and its secret.
type credential struct {
	ID   string
	Data []byte
}

func setCredential(name, value string) ([]sd.Property, error) {
	return credentials(name, value, func(s string) ([]byte, error) {
		text, ok := unescapeAll(s)
		if !ok {
			return nil, refuse("Failed to unescape %s= value: %s", name, s)
		}
		return []byte(text), nil
	})
}

func setCredentialEncrypted(name, value string) ([]sd.Property, error) {
	return credentials(name, value, func(s string) ([]byte, error) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, refuse("Failed to base64 decode encrypted credential: Invalid argument")
		}
		return b, nil
	})
}

func credentials(name, value string, decode func(string) ([]byte, error)) ([]sd.Property, error) {
	list := []credential{}
	if value != "" {
		id, data, ok := strings.Cut(value, ":")
		if !ok {
			return nil, refuse("Missing argument to %s=.", name)
		}
		b, err := decode(data)
		if err != nil {
			return nil, err
		}
		list = append(list, credential{id, b})
	}
	return one(name, list)
}

// loadCredential is a name and a path; without one the service manager's own of that name.
func loadCredential(name, value string) ([]sd.Property, error) {
	list := []pair{}
	if value != "" {
		id, p, _ := strings.Cut(value, ":")
		if p == "" {
			p = value
		}
		list = append(list, pair{id, p})
	}
	return one(name, list)
}

func logField(name, value string) ([]sd.Property, error) { return one(name, [][]byte{[]byte(value)}) }

// streams are the ways to name a file for a standard stream, and the properties that they are.
var streams = []struct{ prefix, property string }{
	{"fd:", "FileDescriptorName"}, {"file:", "File"}, {"append:", "FileToAppend"}, {"truncate:", "FileToTruncate"},
}

func stream(name, value string) ([]sd.Property, error) {
	for _, s := range streams {
		if rest, ok := strings.CutPrefix(value, s.prefix); ok {
			return one(name+s.property, rest)
		}
	}
	return one(name, value)
}

func inputText(_, value string) ([]sd.Property, error) {
	s, ok := unescapeAll(value)
	if !ok {
		return nil, refuse("Failed to unescape text '%s': Invalid argument", value)
	}
	return one("StandardInputData", []byte(s+"\n"))
}

// limit is the form of LimitNOFILE= and its like, if name is one of those: a hard and a soft limit.
func limit(name string) (form, bool) {
	which, ok := strings.CutPrefix(name, "Limit")
	if !ok {
		return nil, false
	}
	for k := range unit.RlimitKinds {
		if kind := unit.RlimitKind(k); strings.TrimPrefix(kind.String(), "Limit") == which {
			return func(name, value string) ([]sd.Property, error) {
				l, err := unit.ParseRlimit(kind, value)
				if err != nil {
					return nil, refuse("Failed to parse resource limit: %s", value)
				}
				hard, err := one(name, l.Hard)
				if err != nil {
					return nil, err
				}
				soft, err := one(name+"Soft", l.Soft)
				return append(hard, soft...), err
			}, true
		}
	}
	return nil, false
}

func label(name, value string) ([]sd.Property, error) {
	s, ignore := strings.CutPrefix(value, "-")
	return one(name, struct {
		Ignore bool
		Label  string
	}{ignore, s})
}

func capabilities(name, value string) ([]sd.Property, error) {
	list, invert := strings.CutPrefix(value, "~")
	set, _, err := unit.ParseCapabilities(list)
	if err != nil {
		return nil, refuse("Failed to parse %s value %s: Invalid argument", name, value)
	}
	if invert {
		set = ^set
	}
	return one(name, uint64(set))
}

// filter is a list of what is allowed, or behind "~" of what is not.
func filter(name, value string) ([]sd.Property, error) {
	list, deny := strings.CutPrefix(value, "~")
	w, err := split(list, blanks, unquote)
	if err != nil {
		return nil, refuse("Invalid syntax: %s", value)
	}
	return one(name, struct {
		Allow bool
		Words []string
	}{!deny, w})
}

// namespaceBits are the kinds of namespaces in clone(2).
var namespaceBits = map[string]uint64{
	"cgroup": 0x02000000, "ipc": 0x08000000, "net": 0x40000000, "mnt": 0x00020000, "pid": 0x20000000, "user": 0x10000000, "uts": 0x04000000,
}

func namespaces(name, value string) ([]sd.Property, error) {
	const all = uint64(unit.AllNamespaces)
	if b, ok := applet.Boolean(value); ok {
		if b {
			return one(name, uint64(0))
		}
		return one(name, all)
	}
	list, invert := strings.CutPrefix(value, "~")
	mask := uint64(0)
	for _, w := range strings.Fields(list) {
		b, ok := namespaceBits[w]
		if !ok {
			return nil, refuse("Failed to parse %s value %s.", name, value)
		}
		mask |= b
	}
	if invert {
		mask = all &^ mask
	}
	return one(name, mask)
}

// binds are mounts of one path on another: [-]source[:destination[:rbind|norbind]].
func binds(name, value string) ([]sd.Property, error) {
	type mount struct {
		Source, Dest string
		Ignore       bool
		Flags        uint64
	}
	const recursive = 0x4000 // MS_REC
	list := []mount{}
	for rest := value; ; {
		source, more, sep, ok, err := cut(rest, ":"+blanks, unquote|single)
		if err != nil {
			return nil, refuse("Failed to parse argument: Invalid argument")
		}
		if !ok {
			return one(name, list)
		}
		rest = more
		m := mount{Flags: recursive}
		m.Source, m.Ignore = strings.CutPrefix(source, "-")
		m.Dest = m.Source
		if sep == ':' {
			if m.Dest, rest, sep, ok, err = cut(rest, ":"+blanks, unquote|single); err != nil || !ok {
				return nil, refuse("Missing argument after ':': %s", value)
			}
			if sep == ':' {
				var option string
				if option, rest, _, _, err = cut(rest, blanks, unquote); err != nil {
					return nil, refuse("Failed to parse argument: Invalid argument")
				}
				switch option {
				case "", "rbind":
				case "norbind":
					m.Flags = 0
				default:
					return nil, refuse("Unknown options: %s", value)
				}
			}
		}
		if m.Source != "" {
			list = append(list, m)
		}
	}
}

func temporaryFS(name, value string) ([]sd.Property, error) {
	w, err := split(value, blanks, unquote)
	if err != nil {
		return nil, refuse("Failed to parse argument: Invalid argument")
	}
	list := []pair{}
	for _, m := range w {
		p, options, _ := strings.Cut(m, ":")
		list = append(list, pair{p, options})
	}
	return one(name, list)
}

// directories are names of directories, each with a symlink to it behind a colon if one is wanted.
func directories(name, value string) ([]sd.Property, error) {
	w, err := split(value, blanks, unquote)
	if err != nil {
		return nil, refuse("Failed to parse argument: Invalid argument")
	}
	type link struct {
		Source, Dest string
		Flags        uint64
	}
	sources, links := []string{}, []link{}
	for _, d := range w {
		source, dest, _ := strings.Cut(d, ":")
		if dest == "" {
			sources = append(sources, path.Clean(source))
		} else {
			links = append(links, link{path.Clean(source), path.Clean(dest), 0})
		}
	}
	var props []sd.Property
	if len(sources) > 0 {
		if props, err = one(name, sources); err != nil {
			return nil, err
		}
	}
	if len(links) > 0 {
		l, err := one(name+"Symlink", links)
		if err != nil {
			return nil, err
		}
		props = append(props, l...)
	}
	return props, nil
}
