package show

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"keelson/supervise/calendar"
)

const (
	printLines = 3   // PRINT_LINE_THRESHOLD: of a message, unless it is shown in full
	printChars = 300 // PRINT_CHAR_THRESHOLD
)

// stamp is the time at the beginning of a line (output_timestamp_realtime and output_timestamp_monotonic). ok is false for modes without.
func (p *Printer) stamp(e *Entry) string {
	realtime := e.number("_SOURCE_REALTIME_TIMESTAMP", e.Realtime)
	monotonic := e.number("_SOURCE_MONOTONIC_TIMESTAMP", e.Monotonic)
	t := time.UnixMicro(int64(realtime)).In(p.o.zone())
	micros := "." + pad(realtime%1e6, 6, "0")
	switch p.mode {
	case ShortFull, WithUnit:
		style := calendar.StylePretty
		if p.o.UTC {
			style = calendar.StyleUTC
		}
		return p.o.timestamp(realtime, style)
	case ShortUnix:
		return pad(realtime/1e6, 10, " ") + micros
	case ShortISO:
		return t.Format("2006-01-02T15:04:05-0700")
	case ShortISOPrecise:
		return t.Format("2006-01-02T15:04:05") + micros + t.Format("-0700")
	case ShortPrecise:
		return t.Format("Jan 02 15:04:05") + micros
	case ShortMonotonic, ShortDelta:
		s := "[" + pad(monotonic/1e6, 5, " ") + "." + pad(monotonic%1e6, 6, "0")
		if p.mode == ShortDelta {
			s += p.delta(e, realtime, monotonic)
		}
		return s + "]"
	}
	return t.Format("Jan 02 15:04:05")
}

func (p *Printer) delta(e *Entry, realtime, monotonic uint64) string {
	delta, sure := uint64(0), " "
	switch {
	case !p.any:
		return strings.Repeat(" ", 16)
	case e.Boot == p.lastBoot:
		delta = monotonic - min(monotonic, p.lastMono)
	default:
		delta, sure = realtime-min(realtime, p.lastReal), "*"
	}
	return " <" + pad(delta/1e6, 5, " ") + "." + pad(delta%1e6, 6, "0") + sure + ">"
}

// short is a line, or the lines of a message (output_short).
func (p *Printer) short(e *Entry, match [2]int) {
	message := e.Get("MESSAGE")
	if message == nil {
		return
	}
	o := &p.o
	if !o.All {
		message = strip(message, &match[0], &match[1])
	}
	n := len(p.buf)
	p.buf = append(p.buf, p.stamp(e)...)
	if host := e.Get("_HOSTNAME"); !o.NoHostname && host != nil && o.shall(host) {
		p.buf = append(append(p.buf, ' '), host...)
	}
	unit, user := e.Get("_SYSTEMD_UNIT"), e.Get("_SYSTEMD_USER_UNIT")
	identifier, comm := e.Get("SYSLOG_IDENTIFIER"), e.Get("_COMM")
	switch {
	case p.mode == WithUnit && ((unit != nil && o.shall(unit)) || (user != nil && o.shall(user))):
		p.buf = append(append(p.buf, ' '), unit...)
		if user != nil {
			if unit != nil {
				p.buf = append(p.buf, '/')
			}
			p.buf = append(p.buf, user...)
		}
	case identifier != nil && o.shall(identifier):
		p.buf = append(append(p.buf, ' '), identifier...)
	case comm != nil && o.shall(comm):
		p.buf = append(append(p.buf, ' '), comm...)
	default:
		p.buf = append(p.buf, " unknown"...)
		n += len(" unknown") // journalctl does not count it when it indents
	}
	if pid := e.Get("_PID"); pid != nil && o.shall(pid) {
		p.buf = append(append(append(p.buf, '['), pid...), ']')
	} else if pid := e.Get("SYSLOG_PID"); pid != nil && o.shall(pid) {
		p.buf = append(append(append(p.buf, '['), pid...), ']')
	}
	n = len(p.buf) - n
	p.buf = append(p.buf, ": "...)
	if !o.All && !printable(message, true) {
		p.buf = fmt.Appendf(p.buf, "[%s blob data]\n", Bytes(uint64(len(message))))
		return
	}
	audit := string(e.Get("_TRANSPORT")) == "audit"
	p.multiline(n+2, e.Priority(), audit, message, match, o.All || o.Full)
}

func (o *Options) shall(text []byte) bool {
	return o.All || (len(text) < printChars && printable(text, true))
}

// multiline indents the lines after the first (print_multiline). What is not shown in full is cut in width, height and length.
func (p *Printer) multiline(indent, severity int, audit bool, text []byte, match [2]int, full bool) {
	on, off, mark := "", "", ""
	if p.o.Colour {
		on, off = Colour(severity)
		mark = highlight(severity)
		if audit && on == "" {
			on, off = blue, normal
		}
	}
	if len(text) == 0 {
		p.buf = append(p.buf, '\n')
	}
	columns := p.o.Columns
	if columns <= 0 {
		columns = 80
	}
	for at, line := 0, 0; at < len(text); line++ {
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		s := text[at : at+end]
		if line > 0 {
			p.buf = append(p.buf, strings.Repeat(" ", indent)...)
		}
		last := line+1 == printLines || at+end+1 >= printChars
		switch {
		case full || (indent+len(s)+1 < columns && !last):
			p.buf = append(p.buf, on...)
			if match[0] < match[1] && at <= match[0] && match[0] < len(s) && mark+on != "" {
				to := min(len(s), match[1])
				p.buf = append(append(append(p.buf, s[:match[0]]...), mark...), s[match[0]:to]...)
				p.buf = append(append(p.buf, on...), s[to:]...)
			} else {
				p.buf = append(p.buf, s...)
			}
			p.buf = append(append(p.buf, off...), '\n')
			at += end + 1
			continue
		case indent < columns && columns-indent >= 3:
			p.buf = append(p.buf, on...)
			if columns-indent > len(s)+3 {
				p.buf = append(append(p.buf, s...), "..."...)
			} else {
				percent := 90
				if last {
					percent = 100
				}
				p.buf = append(p.buf, ellipsize(string(s), columns-indent, percent)...)
			}
			p.buf = append(append(p.buf, off...), '\n')
		default:
			p.buf = append(p.buf, "...\n"...)
		}
		p.Ellipsized = true
		if last {
			return
		}
		at += end + 1
	}
}

// ellipsize shortens text to a width, with the dots at a percentage of it.
func ellipsize(text string, width, percent int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	keep := width - 1
	left := keep * percent / 100
	return string(runes[:left]) + "…" + string(runes[len(runes)-(keep-left):])
}
