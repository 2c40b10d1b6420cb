package journal

import (
	"bytes"
	"encoding/binary"
	"errors"

	"keelson/init/journal/file"
)

// Bounds of a native entry. journald takes 768 MB; here an entry has to fit in PID 1's memory beside all else.
const (
	nativeLargest = 16 << 20
	nativeFields  = 1024
)

var (
	errFields = errors.New("an entry with too many fields")
	errLarge  = errors.New("an entry that is too large")
)

// nativeEntry is an entry as a client of the native protocol sent it: fields that it may set, each "FIELD=value".
type nativeEntry struct {
	fields   [][]byte
	priority int
	// Parts of fields; nil if not sent.
	text, identifier []byte
}

// parseNative takes the first entry off data (server_process_entry of journald-native.c, https://systemd.io/JOURNAL_NATIVE_PROTOCOL):
//
//	FIELD=value\n                     or, for any value,
//	FIELD\n<64 bit size, little endian>value\n
//
// Entries are separated by an empty line. A field whose name is not valid, or begins with an underscore, is left out. What is left of
// data is returned; it is shorter each time, and nil at the end or after what is not understood. The entry's slices are parts of data, but for
// values that came with their size.
func parseNative(data []byte, e *nativeEntry) (rest []byte, err error) {
	*e = nativeEntry{fields: e.fields[:0], priority: 6}
	total := 0
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			return nil, nil // noise at the end
		}
		line := data[:end]
		if end == 0 {
			return data[1:], nil
		}
		if line[0] == '.' || line[0] == '#' {
			data = data[end+1:]
			continue
		}
		var field []byte
		eq := bytes.IndexByte(line, '=')
		if eq >= 0 {
			data = data[end+1:]
			if !file.ValidField(line[:eq], false) {
				continue
			}
			field = line
		} else {
			after := data[end+1:]
			if len(after) < 8 {
				return nil, nil
			}
			size := binary.LittleEndian.Uint64(after)
			if size > nativeLargest {
				return nil, errLarge
			}
			if uint64(len(after)) < 8+size+1 || after[8+size] != '\n' {
				return nil, nil
			}
			data = after[8+size+1:]
			if !file.ValidField(line, false) {
				continue
			}
			eq = len(line)
			field = make([]byte, 0, len(line)+1+int(size))
			field = append(append(append(field, line...), '='), after[8:8+size]...)
		}
		if len(e.fields) >= nativeFields {
			return nil, errFields
		}
		if total += len(field); total > nativeLargest {
			return nil, errLarge
		}
		e.fields = append(e.fields, field)
		value := field[eq+1:]
		switch string(field[:eq]) {
		case "PRIORITY":
			if len(value) == 1 && value[0] >= '0' && value[0] <= '7' {
				e.priority = int(value[0] - '0')
			}
		case "MESSAGE":
			e.text = value
		case "SYSLOG_IDENTIFIER":
			e.identifier = value
		}
	}
	return nil, nil
}
