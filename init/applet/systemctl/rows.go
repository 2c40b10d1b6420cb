package systemctl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/supervise/unit"
)

// typeLetter is the letter of a value's type in D-Bus; of a list it is the capital letter of its elements, "R" for structures.
func typeLetter(v any) string {
	switch v.(type) {
	case string:
		return "s"
	case dbus.ObjectPath:
		return "o"
	case bool:
		return "b"
	case int32:
		return "i"
	case uint32:
		return "u"
	case uint16:
		return "q"
	case uint64:
		return "t"
	case []string:
		return "A"
	case []int32:
		return "I"
	case []byte:
		return "Y"
	case [][]any:
		return "R"
	}
	return "?"
}

// A rowForm is how rows of a property are shown. joined puts them into one line.
type rowForm struct {
	names  []string
	types  string
	joined bool
	text   func(c *ctl, r []any) string
}

// rowForms are the properties that are lists of structures, other than commands.
func rowForms() []rowForm {
	pathKind := func(_ *ctl, r []any) string { return fmt.Sprintf("%s (%s)", r[1], r[0]) }
	pair := func(_ *ctl, r []any) string { return fmt.Sprintf("%s:%s", r[0], r[1]) }
	pathNumber := func(_ *ctl, r []any) string { return fmt.Sprintf("%s %d", r[0], r[1]) }
	return []rowForm{
		{[]string{"EnvironmentFiles"}, "sb", false, func(_ *ctl, r []any) string { return fmt.Sprintf("%s (ignore_errors=%s)", r[0], yesNo(r[1].(bool))) }},
		{[]string{"Paths", "Listen"}, "ss", false, pathKind},
		{[]string{"TimersMonotonic"}, "stt", false, func(_ *ctl, r []any) string {
			return fmt.Sprintf("{ %s=%s ; next_elapse=%s }", r[0], spanText(r[1].(uint64), 1), spanText(r[2].(uint64), 1))
		}},
		{[]string{"TimersCalendar"}, "sst", false, func(c *ctl, r []any) string {
			return fmt.Sprintf("{ %s=%s ; next_elapse=%s }", r[0], r[1], orNull(c.timestampText(r[2].(uint64))))
		}},
		{[]string{"DeviceAllow"}, "ss", false, func(_ *ctl, r []any) string { return fmt.Sprintf("%s %s", r[0], r[1]) }},
		{[]string{"IODeviceWeight", "BlockIODeviceWeight", "IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax",
			"BlockIOReadBandwidth", "BlockIOWriteBandwidth"}, "st", false, pathNumber},
		{[]string{"IODeviceLatencyTargetUSec"}, "st", false, func(_ *ctl, r []any) string { return fmt.Sprintf("%s %s", r[0], spanText(r[1].(uint64), 1)) }},
		{[]string{"IPAddressAllow", "IPAddressDeny"}, "iYu", true, func(_ *ctl, r []any) string {
			return address(r[0].(int32), r[1].([]byte), r[2].(uint32))
		}},
		{[]string{"BindPaths", "BindReadOnlyPaths"}, "ssbt", true, renderBind},
		{[]string{"TemporaryFileSystem"}, "ss", true, func(_ *ctl, r []any) string { return colon(r[0].(string), r[1].(string)) }},
		{[]string{"RootImageOptions", "BPFProgram"}, "ss", false, pair},
		{[]string{"MountImages"}, "ssbR", true, func(_ *ctl, r []any) string {
			return minus(r[2].(bool)) + r[0].(string) + ":" + r[1].(string) + mountOptions(r[3].([][]any))
		}},
		{[]string{"ExtensionImages"}, "sbR", true, func(_ *ctl, r []any) string {
			return minus(r[1].(bool)) + r[0].(string) + mountOptions(r[2].([][]any))
		}},
		{[]string{"SocketBindAllow", "SocketBindDeny"}, "iiqq", false, renderSocketBind},
		{[]string{"StateDirectorySymlink", "RuntimeDirectorySymlink", "CacheDirectorySymlink", "LogsDirectorySymlink"}, "sst", false, pair},
	}
}

// renderRows makes text of a list of structures.
func (c *ctl) renderRows(name string, rows [][]any) rendered {
	if strings.HasPrefix(name, "Exec") {
		return c.renderCommands(rows, strings.HasSuffix(name, "Ex"))
	}
	for _, f := range rowForms() {
		if !slices.Contains(f.names, name) {
			continue
		}
		var lines []string
		for _, r := range rows {
			if typesOf(r) != f.types {
				return rendered{unprintable: true}
			}
			if t := f.text(c, r); t != "" || !f.joined {
				lines = append(lines, t)
			}
		}
		if f.joined {
			return single(strings.Join(lines, " "))
		}
		return rendered{lines: lines}
	}
	return rendered{unprintable: true}
}

func colon(a, b string) string {
	if a == "" || b == "" {
		return a
	}
	return a + ":" + b
}

func minus(b bool) string {
	if b {
		return "-"
	}
	return ""
}

// renderBind shows a bind mount; 0x4000 is MS_REC.
func renderBind(_ *ctl, r []any) string {
	source := r[0].(string)
	if source == "" {
		return ""
	}
	text := minus(r[2].(bool)) + colon(source, r[1].(string))
	if r[3].(uint64) == 0x4000 {
		text += ":rbind"
	}
	return text
}

func mountOptions(rows [][]any) string {
	var b strings.Builder
	for _, r := range rows {
		if typesOf(r) == "ss" {
			b.WriteString(":" + r[0].(string) + r[1].(string))
		}
	}
	return b.String()
}

// renderSocketBind shows a rule about ports: family, protocol, and from where how many.
func renderSocketBind(_ *ctl, r []any) string {
	text := map[int32]string{2: "ipv4:", 10: "ipv6:"}[r[0].(int32)] + map[int32]string{6: "tcp", 17: "udp"}[r[1].(int32)]
	n, first := r[2].(uint16), r[3].(uint16)
	switch n {
	case 0:
		return text + "any"
	case 1:
		return text + strconv.Itoa(int(first))
	}
	return fmt.Sprintf("%s%d-%d", text, first, first+n-1)
}

// command is one of a unit's commands, and how its last run went.
type command struct {
	path          string
	argv, flags   []string
	ignore        bool
	started, left uint64
	pid           uint32
	code, status  int32
}

// parseCommand reads a row of an Exec property, of the plain kind or the one with flags.
func parseCommand(r []any, flags bool) (command, bool) {
	var c command
	var startMono, exitMono uint64
	third := any(&c.ignore)
	if flags {
		third = &c.flags
	}
	err := dbus.Store(r, &c.path, &c.argv, third, &c.started, &startMono, &c.left, &exitMono, &c.pid, &c.code, &c.status)
	c.ignore = c.ignore || slices.Contains(c.flags, "ignore-failure")
	return c, err == nil
}

// endings are the codes of waitid(2).
var endings = []string{1: "exited", "killed", "dumped", "trapped", "stopped", "continued"}

const exited = 1

// ending is the word for a code, "(null)" for none, as the C library prints it.
func ending(code int32) string {
	if code < 1 || int(code) >= len(endings) {
		return "(null)"
	}
	return endings[code]
}

func (c *ctl) renderCommands(rows [][]any, flags bool) rendered {
	var lines []string
	for _, r := range rows {
		k, ok := parseCommand(r, flags)
		if !ok {
			return rendered{unprintable: true}
		}
		third := "ignore_errors=" + yesNo(k.ignore)
		if flags {
			third = "flags=" + strings.Join(k.flags, " ")
		}
		status := strconv.Itoa(int(k.status))
		if k.code != exited {
			status += "/" + unit.Signal(k.status).Name()
		}
		lines = append(lines, fmt.Sprintf("{ path=%s ; argv[]=%s ; %s ; start_time=[%s] ; stop_time=[%s] ; pid=%d ; code=%s ; status=%s }",
			k.path, strings.Join(k.argv, " "), third, orNA(c.timestampText(k.started)), orNA(c.timestampText(k.left)), k.pid, ending(k.code), status))
	}
	return rendered{lines: lines}
}
