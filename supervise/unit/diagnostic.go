package unit

import (
	"strconv"
	"strings"
)

// Severity is the weight of a diagnostic, in syslog's words.
type Severity uint8

const (
	// Error: the unit is refused, or something that it surely meant is lost.
	Error Severity = iota
	// Warning: the line is ignored, or does not what it seems to.
	Warning
	// Notice: the line is old fashioned or asks for what this container cannot give.
	Notice
)

var severityWords = words{"error", "warning", "notice"}

func (s Severity) String() string { return severityWords.of(uint8(s)) }

// textMax is how long a diagnostic's text can be: a unit file may have lines of a mebibyte.
const textMax = 2048

// clip cuts a text to textMax, between two characters.
func clip(s string) string {
	if len(s) <= textMax {
		return s
	}
	return strings.ToValidUTF8(s[:textMax], "")
}

// Diagnostic is one remark about one line of one file. The texts are systemd's where systemd has one.
type Diagnostic struct {
	Severity Severity
	Unit     string // the unit being loaded, "" if the file belongs to none
	File     string // "" for remarks about the unit as a whole
	Line     int    // 1-based, the last line of a continued one as in systemd; 0 for remarks about the file as a whole
	Text     string // at most 2 KiB
}

// String is the diagnostic as systemd prints it: "FILE:LINE: TEXT", or "UNIT: TEXT".
func (d Diagnostic) String() string {
	switch {
	case d.File == "":
		return d.Unit + ": " + d.Text
	case d.Line == 0:
		return d.File + ": " + d.Text
	}
	return d.File + ":" + strconv.Itoa(d.Line) + ": " + d.Text
}
