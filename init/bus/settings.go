package bus

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"keelson/supervise"
	"keelson/supervise/unit"
)

// How the properties that a client sets are written in a unit file (bus_unit_set_transient_property and its kin in
// src/core/dbus-*.c, the other way round). What has no row here is written as its type says: text, yes or no, a number, words;
// NameUSec is NameSec=.

// plain is for all properties whose type says all.
func (d *draft) plain(s setting) *fault {
	name, isTime := strings.CutSuffix(s.name, "USec")
	if isTime {
		name += "Sec"
	}
	switch v := s.value.(type) {
	case string:
		return d.add(name, percent(v))
	case bool:
		return d.add(name, yesNo(v))
	case uint64:
		if isTime {
			return d.add(name, spanText(v))
		}
		return d.add(name, strconv.FormatUint(v, 10))
	case []string:
		return d.add(name, wordsText(v))
	case byte, int16, uint16, int32, uint32, int64, float64:
		return d.add(name, fmt.Sprint(v))
	}
	return badType(s.name)
}

// percent keeps what a client wrote from being taken for a specifier.
func percent(s string) string { return strings.ReplaceAll(s, "%", "%%") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func spanText(v uint64) string {
	if supervise.Usec(v) == supervise.Infinity {
		return "infinity"
	}
	return strconv.FormatUint(v, 10) + "us"
}

func limitText(v uint64) string {
	if v == Unknown {
		return "infinity"
	}
	return strconv.FormatUint(v, 10)
}

// wordText writes a word so that it is read as one, with quotes if it needs some.
func wordText(w string) string {
	if w != "" && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@+,~!$") == "" {
		return w
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(w) {
		switch c := w[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '%':
			b.WriteString("%%")
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func wordsText(list []string) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = wordText(w)
	}
	return strings.Join(words, " ")
}

// settings are the properties that are written otherwise.
var settings = sync.OnceValue(settingTable)

type settingWriter func(d *draft, s setting) *fault

// as makes a writer of a conversion from one D-Bus type; an empty list resets the directive.
func as[T any](directive string, text func(T) ([]string, bool)) settingWriter {
	return func(d *draft, s setting) *fault {
		v, ok := s.value.(T)
		if !ok {
			return badType(s.name)
		}
		values, ok := text(v)
		if !ok {
			return badType(s.name)
		}
		if len(values) == 0 {
			values = []string{""}
		}
		return d.add(directive, values...)
	}
}

// one is as for what is always one line.
func one[T any](directive string, text func(T) string) settingWriter {
	return as(directive, func(v T) ([]string, bool) { return []string{text(v)}, true })
}

// list is as for arrays of structs, one line each; text says false for what is not of the fields' types.
func list(directive string, text func(f []any) (string, bool)) settingWriter {
	return as(directive, func(v [][]any) ([]string, bool) {
		var lines []string
		for _, f := range v {
			line, ok := text(f)
			if !ok {
				return nil, false
			}
			lines = append(lines, line)
		}
		return lines, true
	})
}

// field takes one field of a struct.
func field[T any](f []any, i int) (v T, ok bool) {
	if i >= len(f) {
		return v, false
	}
	v, ok = f[i].(T)
	return v, ok
}

// twoTexts are the fields of (ss…).
func twoTexts(f []any) (a, b string, ok bool) {
	a, ok1 := field[string](f, 0)
	b, ok2 := field[string](f, 1)
	return percent(a), percent(b), ok1 && ok2
}

func settingTable() map[string]settingWriter {
	t := map[string]settingWriter{
		"AddRef": func(d *draft, s setting) *fault {
			v, ok := s.value.(bool)
			if !ok {
				return badType(s.name)
			}
			d.ref = v
			return nil
		},
		"PIDs": func(*draft, setting) *fault {
			return &fault{faultNotSupported, "Scopes take processes in by control groups, which are not to be had here."}
		},
	}
	for i, name := range streamNames {
		t[name+"FileDescriptor"] = func(d *draft, s setting) *fault {
			fd, ok := s.value.(dbus.UnixFD)
			if !ok {
				return badType(s.name)
			}
			d.streams[i] = int(fd)
			return d.add(name, "fd:"+StreamNames[i])
		}
	}
	unitSettings(t)
	execSettings(t)
	sandboxSettings(t)
	cgroupSettings(t)
	typeSettings(t)
	return t
}

// unitSettings are those of [Unit].
func unitSettings(t map[string]settingWriter) {
	for _, name := range []string{
		"Requires", "Requisite", "Wants", "BindsTo", "PartOf", "Upholds", "Conflicts", "Before", "After", "OnSuccess", "OnFailure",
		"PropagatesReloadTo", "ReloadPropagatedFrom", "PropagatesStopTo", "StopPropagatedFrom", "JoinsNamespaceOf", "Documentation",
	} {
		t[name] = as(name, func(v []string) ([]string, bool) {
			lines := make([]string, len(v))
			for i, w := range v {
				lines[i] = percent(w)
			}
			return lines, true
		})
	}
	for name, prefix := range map[string]string{"Conditions": "Condition", "Asserts": "Assert"} {
		t[name] = func(d *draft, s setting) *fault {
			v, ok := s.value.([][]any)
			if !ok {
				return badType(s.name)
			}
			for _, f := range v {
				kind, ok1 := field[string](f, 0)
				trigger, ok2 := field[bool](f, 1)
				negate, ok3 := field[bool](f, 2)
				parameter, ok4 := field[string](f, 3)
				if !ok1 || !ok2 || !ok3 || !ok4 || !strings.HasPrefix(kind, prefix) {
					return badType(s.name)
				}
				text := ""
				if trigger {
					text += "|"
				}
				if negate {
					text += "!"
				}
				if err := d.add(kind, text+percent(parameter)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	exit := func(v int32) string {
		if v < 0 {
			return ""
		}
		return strconv.Itoa(int(v))
	}
	t["FailureActionExitStatus"] = one("FailureActionExitStatus", exit)
	t["SuccessActionExitStatus"] = one("SuccessActionExitStatus", exit)
}

func octal(v uint32) string { return fmt.Sprintf("%04o", v) }

// mask writes the names of bits that are set, by their number.
func mask[T uint64 | int32](names []string) func(T) string {
	return func(v T) string {
		var words []string
		for i, n := range names {
			if uint64(v)&(1<<i) != 0 && n != "" {
				words = append(words, n)
			}
		}
		return strings.Join(words, " ")
	}
}

// word writes a number as the word that a table has for it; -1 is "not set".
func word(words []string) func(int32) string {
	return func(v int32) string {
		switch {
		case v == -1:
			return ""
		case v >= 0 && int(v) < len(words):
			return words[v]
		}
		return strconv.Itoa(int(v))
	}
}

// bits writes a set of CPUs or nodes.
func bitList(b []byte) string {
	var words []string
	for i := range 8 * len(b) {
		if b[i/8]&(1<<(i%8)) != 0 {
			words = append(words, strconv.Itoa(i))
		}
	}
	return strings.Join(words, " ")
}

var (
	ioClassWords   = []string{"none", "realtime", "best-effort", "idle"}
	cpuPolicyWords = []string{"other", "fifo", "rr", "batch", "", "idle"}
	numaWords      = []string{"default", "preferred", "bind", "interleave", "local"}
	secureWords    = []string{"noroot", "noroot-locked", "no-setuid-fixup", "no-setuid-fixup-locked", "keep-caps", "keep-caps-locked"}
	facilityWords  = []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "12", "13", "14", "15",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
)

func execSettings(t map[string]settingWriter) {
	for _, name := range []string{
		"UMask", "RuntimeDirectoryMode", "StateDirectoryMode", "CacheDirectoryMode", "LogsDirectoryMode", "ConfigurationDirectoryMode",
		"SocketMode", "DirectoryMode",
	} {
		t[name] = one(name, octal)
	}
	for _, k := range limitOrder {
		for _, soft := range []bool{false, true} {
			name := k.String()
			if soft {
				name += "Soft"
			}
			t[name] = func(d *draft, s setting) *fault {
				v, ok := s.value.(uint64)
				if !ok {
					return badType(s.name)
				}
				l := d.limits[k.String()]
				switch {
				case l == nil:
					d.limits[k.String()] = &[2]uint64{v, v}
				case soft:
					l[0] = v
				default:
					l[1] = v
				}
				return nil
			}
		}
	}
	t["EnvironmentFiles"] = list("EnvironmentFile", func(f []any) (string, bool) {
		path, ok1 := field[string](f, 0)
		optional, ok2 := field[bool](f, 1)
		if optional {
			path = "-" + path
		}
		return percent(path), ok1 && ok2
	})
	t["ExecSearchPath"] = one("ExecSearchPath", func(v []string) string { return percent(strings.Join(v, ":")) })
	t["CPUAffinity"] = one("CPUAffinity", bitList)
	t["NUMAMask"] = one("NUMAMask", bitList)
	t["CPUAffinityFromNUMA"] = as("CPUAffinity", func(v bool) ([]string, bool) { return []string{"numa"}, v })
	t["NUMAPolicy"] = one("NUMAPolicy", word(numaWords))
	t["IOSchedulingClass"] = one("IOSchedulingClass", word(ioClassWords))
	t["CPUSchedulingPolicy"] = one("CPUSchedulingPolicy", word(cpuPolicyWords))
	t["SyslogFacility"] = one("SyslogFacility", word(facilityWords))
	t["SyslogLevel"] = one("SyslogLevel", word(logLevels[:]))
	t["LogLevelMax"] = one("LogLevelMax", word(logLevels[:]))
	t["SecureBits"] = one("SecureBits", mask[int32](secureWords))
	t["CoredumpFilter"] = one("CoredumpFilter", func(v uint64) string { return fmt.Sprintf("0x%x", v) })
	for _, name := range []string{"CapabilityBoundingSet", "AmbientCapabilities"} {
		t[name] = one(name, func(v uint64) string {
			if unit.CapabilitySet(v) == unit.AllCapabilities {
				return "~"
			}
			return strings.Join(unit.CapabilitySet(v).Names(), " ")
		})
	}
	for i, stream := range []string{"StandardInput", "StandardOutput", "StandardError"} {
		forms := map[string]string{"FileDescriptorName": "fd:", "File": "file:"}
		if i > 0 {
			forms["FileToAppend"], forms["FileToTruncate"] = "append:", "truncate:"
		}
		for suffix, prefix := range forms {
			t[stream+suffix] = one(stream, func(v string) string { return prefix + percent(v) })
		}
	}
	t["StandardInputData"] = one("StandardInputData", func(v []byte) string { return base64.StdEncoding.EncodeToString(v) })
	t["LogExtraFields"] = as("LogExtraFields", func(v [][]byte) ([]string, bool) {
		var lines []string
		for _, b := range v {
			lines = append(lines, wordText(string(b)))
		}
		return lines, true
	})
	t["SetCredential"] = list("SetCredential", func(f []any) (string, bool) {
		id, ok1 := field[string](f, 0)
		data, ok2 := field[[]byte](f, 1)
		return percent(id) + ":" + cEscape(data), ok1 && ok2
	})
	t["SetCredentialEncrypted"] = list("SetCredentialEncrypted", func(f []any) (string, bool) {
		id, ok1 := field[string](f, 0)
		data, ok2 := field[[]byte](f, 1)
		return percent(id) + ":" + base64.StdEncoding.EncodeToString(data), ok1 && ok2
	})
	for _, name := range []string{"LoadCredential", "LoadCredentialEncrypted"} {
		t[name] = list(name, joined(":"))
	}
	for _, k := range []string{"Runtime", "State", "Cache", "Logs"} {
		t[k+"DirectorySymlink"] = list(k+"Directory", joined(":"))
	}
	for _, kind := range []unit.CommandKind{
		unit.ExecCondition, unit.ExecStartPre, unit.ExecStart, unit.ExecStartPost, unit.ExecReload, unit.ExecStop, unit.ExecStopPost, unit.ExecStopPre,
	} {
		t[kind.String()] = list(kind.String(), commandText)
		t[kind.String()+"Ex"] = list(kind.String(), commandText)
	}
}

// joined writes the first two fields with something between them.
func joined(between string) func([]any) (string, bool) {
	return func(f []any) (string, bool) {
		a, b, ok := twoTexts(f)
		return a + between + b, ok
	}
}

// cEscape writes bytes so that only printable ones are left.
func cEscape(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		switch {
		case c == '\\':
			b.WriteString(`\\`)
		case c == '%':
			b.WriteString("%%")
		case c > ' ' && c < 0x7f:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// commandText writes one command line: (sasb) or (sasas). Variables in it are expanded when it runs, as systemd does with these too.
func commandText(f []any) (string, bool) {
	path, ok1 := field[string](f, 0)
	argv, ok2 := field[[]string](f, 1)
	if !ok1 || !ok2 || path == "" || len(argv) == 0 {
		return "", false
	}
	prefix := ""
	switch flags := f[2].(type) {
	case bool:
		if flags {
			prefix = "-"
		}
	case []string:
		for _, w := range flags {
			p, ok := commandPrefixes[w]
			if !ok {
				return "", false
			}
			prefix += p
		}
	default:
		return "", false
	}
	words := []string{}
	if argv[0] != path {
		prefix += "@"
		words = append(words, argv[0])
	}
	words = append(words, argv[1:]...)
	line := commandWord(prefix + path)
	for _, w := range words {
		if w == ";" {
			line += ` \;`
			continue
		}
		line += " " + commandWord(w)
	}
	return line, true
}

var commandPrefixes = map[string]string{
	"ignore-failure": "-", "privileged": "+", "no-setuid": "!", "ambient": "!!", "no-env-expand": ":",
}

// commandWord writes one word of a command line, control characters and all.
func commandWord(w string) string {
	plain := w != ""
	var b strings.Builder
	for i := range len(w) {
		switch c := w[i]; {
		case c == '%':
			b.WriteString("%%")
		case c == '"' || c == '\\':
			plain = false
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			plain = false
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			plain = plain && c != ' ' && c != '\'' && c != ';' && c != '#'
			b.WriteByte(c)
		}
	}
	if plain {
		return b.String()
	}
	return `"` + b.String() + `"`
}

// hexText and base64Text are for hashes.
func hexText(v []byte) string    { return hex.EncodeToString(v) }
func base64Text(v []byte) string { return "base64:" + base64.StdEncoding.EncodeToString(v) }

// prefixText writes (iayu): a network.
func prefixText(f []any) (string, bool) {
	b, ok1 := field[[]byte](f, 1)
	n, ok2 := field[uint32](f, 2)
	a, ok3 := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, int(n)).String(), ok1 && ok2 && ok3 && int(n) <= a.BitLen()
}
