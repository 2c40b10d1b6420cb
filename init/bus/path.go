package bus

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"

	"keelson/supervise/graph"
)

// Object paths (org.freedesktop.systemd1(5); unit_dbus_path in src/basic/unit-def.c, sd_bus_path_encode(3)).

const (
	managerPath = "/org/freedesktop/systemd1"
	unitPrefix  = managerPath + "/unit/"
	jobPrefix   = managerPath + "/job/"
	logPath     = "/org/freedesktop/LogControl1"

	systemd1          = "org.freedesktop.systemd1"
	managerInterface  = systemd1 + ".Manager"
	unitInterface     = systemd1 + ".Unit"
	jobInterface      = systemd1 + ".Job"
	logInterface      = "org.freedesktop.LogControl1"
	propertyInterface = "org.freedesktop.DBus.Properties"
)

// escapeLabel makes any string an element of an object path: what is no letter or digit, and a digit in front, becomes "_NN".
func escapeLabel(s string) string {
	const digits = "0123456789abcdef"
	if s == "" {
		return "_"
	}
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('_')
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
}

// unescapeLabel is the inverse of escapeLabel. Like sd-bus it takes an underscore without two digits as itself.
func unescapeLabel(s string) string {
	if s == "_" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && i+2 < len(s) {
			if v, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				b.WriteByte(v[0])
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unitPath(name string) dbus.ObjectPath { return dbus.ObjectPath(unitPrefix + escapeLabel(name)) }

// jobPath is the path of a job, "/" for none.
func jobPath(id graph.JobID) dbus.ObjectPath {
	if id == 0 {
		return "/"
	}
	return dbus.ObjectPath(jobPrefix + strconv.FormatUint(uint64(id), 10))
}

// parseJobPath is the inverse of jobPath.
func parseJobPath(path dbus.ObjectPath) (graph.JobID, bool) {
	number, ok := strings.CutPrefix(string(path), jobPrefix)
	id, err := strconv.ParseUint(number, 10, 32)
	return graph.JobID(id), ok && err == nil && id != 0
}
