package journal

import "bytes"

// syslogLine is a datagram of syslog(3) taken apart (server_process_syslog_message of journald-syslog.c). All slices are parts of the datagram.
type syslogLine struct {
	priority, facility         int
	identifier, pid, timestamp []byte
	text                       []byte
	raw                        bool // something was lost: keep the datagram as well
}

const space = " \t\n\r"

// parseSyslog reads RFC 3164 as the C library writes it, "<13>Oct  9 12:00:00 name[1]: text", in which all but the text may be missing, and as much of
// RFC 5424 ("<13>1 2023-10-09T12:00:00Z host name 1 - - text") as identifies the sender.
func parseSyslog(datagram []byte) (l syslogLine) {
	l.priority, l.facility = 6, 1
	rest := bytes.Trim(datagram, space)
	if i := bytes.IndexByte(rest, 0); i >= 0 {
		rest = rest[:i]
	}
	l.raw = len(rest) != len(datagram)
	priority, rest, ok := cutPriority(rest, true)
	if ok {
		l.priority, l.facility = priority&7, priority>>3
	}
	if header, text, ok := cutRFC5424(rest); ok {
		l.timestamp, l.identifier, l.pid, l.text, l.raw = header[0], header[2], header[3], text, true
		return l
	}
	if n := timestampLen(rest); n > 0 {
		l.timestamp, rest = rest[:n], rest[n:]
	} else {
		l.raw = true
	}
	l.identifier, l.pid, l.text = cutIdentifier(rest)
	return l
}

// cutPriority takes "<N>" off a line, N having up to three digits (syslog_parse_priority of syslog-util.c). Without facility only the last digit
// counts.
func cutPriority(line []byte, facility bool) (priority int, rest []byte, ok bool) {
	if len(line) < 3 || line[0] != '<' {
		return 0, line, false
	}
	end := bytes.IndexByte(line[:min(len(line), 5)], '>')
	if end < 2 {
		return 0, line, false
	}
	for _, c := range line[1:end] {
		if c < '0' || c > '9' {
			return 0, line, false
		}
		priority = priority*10 + int(c-'0')
	}
	if !facility {
		priority = priority % 10 & 7
	}
	return priority, line[end+1:], true
}

// timestampLen is the length of "Oct  9 12:00:00 ", 0 if that is not what the line begins with.
func timestampLen(line []byte) int {
	const form = "aaa nd nd:nd:nd "
	if len(line) < len(form) {
		return 0
	}
	for i := range len(form) {
		c := line[i]
		digit := c >= '0' && c <= '9'
		switch form[i] {
		case 'a':
			if (c|0x20) < 'a' || (c|0x20) > 'z' {
				return 0
			}
		case 'd':
			if !digit {
				return 0
			}
		case 'n':
			if !digit && c != ' ' {
				return 0
			}
		default:
			if c != form[i] {
				return 0
			}
		}
	}
	return len(form)
}

// cutIdentifier takes "name[pid]: " off a line; the first word has to end in a colon.
func cutIdentifier(line []byte) (identifier, pid, text []byte) {
	word := bytes.TrimLeft(line, space)
	end := bytes.IndexAny(word, space)
	if end < 0 {
		end = len(word)
	}
	if end == 0 || word[end-1] != ':' {
		return nil, nil, line
	}
	text = word[end:]
	if len(text) > 0 {
		text = text[1:]
	}
	identifier = word[:end-1]
	if n := len(identifier); n > 0 && identifier[n-1] == ']' {
		if open := bytes.LastIndexByte(identifier, '['); open >= 0 {
			identifier, pid = identifier[:open], identifier[open+1:n-1]
		}
	}
	return identifier, pid, text
}

// cutRFC5424 takes "1 TIME HOST NAME PID MSGID DATA " off a line; "-" stands for nothing.
func cutRFC5424(line []byte) (header [5][]byte, text []byte, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("1 "))
	if !ok {
		return header, nil, false
	}
	for i := range header {
		if header[i], rest, ok = bytes.Cut(rest, []byte(" ")); !ok || len(header[i]) == 0 {
			return header, nil, false
		}
		if len(header[i]) == 1 && header[i][0] == '-' {
			header[i] = nil
		}
	}
	if t := header[0]; t != nil && (len(t) < len("2006-01-02T15:04:05Z") || t[4] != '-' || t[10] != 'T') {
		return header, nil, false
	}
	switch {
	case len(rest) > 0 && rest[0] == '-':
		rest = rest[1:]
	case len(rest) > 0 && rest[0] == '[':
		quoted, end := false, -1
		for i := 1; i < len(rest) && end < 0; i++ {
			switch c := rest[i]; {
			case c == '\\' && quoted:
				i++
			case c == '"':
				quoted = !quoted
			case c == ']' && !quoted && (i+1 == len(rest) || rest[i+1] != '['):
				end = i + 1
			}
		}
		if end < 0 {
			return header, nil, false
		}
		rest = rest[end:]
	default:
		return header, nil, false
	}
	rest = bytes.TrimPrefix(rest, []byte(" "))
	return header, bytes.TrimPrefix(rest, []byte("\ufeff")), true
}
