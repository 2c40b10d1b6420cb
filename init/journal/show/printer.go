package show

import (
	"encoding/binary"
	"fmt"
	"io"

	"keelson/init/journal/file"
	"keelson/supervise/calendar"
)

// A Mode is a form of output (output-mode.c).
type Mode uint8

const (
	Short Mode = iota
	ShortFull
	ShortISO
	ShortISOPrecise
	ShortPrecise
	ShortMonotonic
	ShortDelta
	ShortUnix
	Verbose
	Export
	JSON
	JSONPretty
	JSONSSE
	JSONSeq
	Cat
	WithUnit
)

// Modes are the names for journalctl -o, in the order in which it lists them.
var Modes = []string{"short", "short-full", "short-iso", "short-iso-precise", "short-precise", "short-monotonic", "short-delta", "short-unix",
	"verbose", "export", "json", "json-pretty", "json-sse", "json-seq", "cat", "with-unit"}

// ParseMode reads a mode's name.
func ParseMode(name string) (Mode, bool) {
	for i, m := range Modes {
		if m == name {
			return Mode(i), true
		}
	}
	return 0, false
}

// Quiet tells whether nothing but entries is written in the mode, for programs to read.
func (m Mode) Quiet() bool { return m >= Export && m <= Cat }

// A Printer writes entries. It is not safe for concurrent use.
type Printer struct {
	Ellipsized bool // something was shortened
	w          io.Writer
	mode       Mode
	o          Options
	buf        []byte

	any                bool // the rest is of the entry before
	lastReal, lastMono uint64
	lastBoot           file.ID
}

// NewPrinter makes a Printer that writes each entry at once.
func NewPrinter(w io.Writer, mode Mode, o Options) *Printer { return &Printer{w: w, mode: mode, o: o} }

// Print writes an entry; match is where in its message --grep found what it looked for, zero if it did not.
func (p *Printer) Print(e *Entry, match [2]int) error {
	p.buf = p.buf[:0]
	switch p.mode {
	case Verbose:
		p.verbose(e)
	case Export:
		p.export(e)
	case JSON:
		p.buf = append(AppendJSON(p.buf, e, p.o), '\n')
	case JSONPretty:
		p.buf = append(AppendPrettyJSON(p.buf, e, p.o), '\n')
	case JSONSSE:
		p.buf = append(AppendJSON(append(p.buf, "data: "...), e, p.o), "\n\n"...)
	case JSONSeq:
		p.buf = append(AppendJSON(append(p.buf, 0x1e), e, p.o), '\n')
	case Cat:
		p.cat(e, match)
	default:
		p.short(e, match)
		// Of an entry without a message, too, which is not shown.
		p.lastReal = e.number("_SOURCE_REALTIME_TIMESTAMP", e.Realtime)
		p.lastMono = e.number("_SOURCE_MONOTONIC_TIMESTAMP", e.Monotonic)
		p.lastBoot, p.any = e.Boot, true
	}
	if len(p.buf) == 0 {
		return nil
	}
	_, err := p.w.Write(p.buf)
	return err
}

// verbose is a field a line (output_verbose).
func (p *Printer) verbose(e *Entry) {
	style := calendar.StyleUS
	if p.o.UTC {
		style = calendar.StyleUSUTC
	}
	realtime := e.number("_SOURCE_REALTIME_TIMESTAMP", e.Realtime)
	p.buf = fmt.Appendf(p.buf, "%s [%s]\n", p.o.timestamp(realtime, style), e.Cursor)
	for _, f := range e.Fields {
		name, value, ok := split(f)
		if !ok || (p.o.Only != nil && !p.o.Only[string(name)]) {
			continue
		}
		on, off := "", ""
		if p.o.Colour && string(name) == "MESSAGE" {
			on, off = bold, normal
		}
		p.buf = append(append(append(append(p.buf, "    "...), on...), name...), '=')
		if p.o.All || ((len(f) < printChars || p.o.Full) && printable(f, true)) {
			colour := p.o.Colour
			p.o.Colour = false
			p.multiline(4+len(name)+1, 0, false, value, [2]int{}, true)
			p.o.Colour = colour
			p.buf = append(p.buf, off...)
		} else {
			p.buf = fmt.Appendf(p.buf, "[%s blob data]%s\n", Bytes(uint64(len(value))), off)
		}
	}
}

// export is the Journal Export Format (output_export, https://systemd.io/JOURNAL_EXPORT_FORMATS).
func (p *Printer) export(e *Entry) {
	p.buf = fmt.Appendf(p.buf, "__CURSOR=%s\n__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n", e.Cursor, e.Realtime, e.Monotonic, e.Boot)
	for _, f := range e.Fields {
		name, value, ok := split(f)
		if !ok || string(name) == "_BOOT_ID" || (p.o.Only != nil && !p.o.Only[string(name)]) {
			continue
		}
		if printable(f, false) {
			p.buf = append(p.buf, f...)
		} else {
			p.buf = append(append(p.buf, name...), '\n')
			p.buf = binary.LittleEndian.AppendUint64(p.buf, uint64(len(value)))
			p.buf = append(p.buf, value...)
		}
		p.buf = append(p.buf, '\n')
	}
	p.buf = append(p.buf, '\n')
}

// cat is the message alone, or the fields that were asked for (output_cat).
func (p *Printer) cat(e *Entry, match [2]int) {
	names := p.o.Order
	if len(names) == 0 {
		names = []string{"MESSAGE"}
	}
	on, off, mark := "", "", ""
	if p.o.Colour {
		on, off = Colour(e.Priority())
		mark = highlight(e.Priority())
	}
	for _, name := range names {
		value := e.Get(name)
		if value == nil {
			continue
		}
		p.buf = append(p.buf, on...)
		if name == "MESSAGE" && p.o.Colour && match[0] < match[1] && match[1] <= len(value) {
			p.buf = append(append(append(p.buf, value[:match[0]]...), mark...), value[match[0]:match[1]]...)
			p.buf = append(append(p.buf, on...), value[match[1]:]...)
		} else {
			p.buf = append(p.buf, value...)
		}
		p.buf = append(append(p.buf, off...), '\n')
	}
}
