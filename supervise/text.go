package supervise

import (
	"encoding/json"
	"fmt"
	"strconv"

	"keelson/supervise/unit"
)

// What Save keeps is read by another build of the program: enumerations are written by name, arrays that they index as maps, and
// text that need not be UTF-8 as Go writes it in source. So numbers may change and members may be added.

// word finds the value of a name.
func word[E ~uint8](to *E, n int, name func(E) string, text []byte) error {
	for e := range n {
		if name(E(e)) == string(text) {
			*to = E(e)
			return nil
		}
	}
	return fmt.Errorf("%q is not a name of a %T", text, *to)
}

// MarshalText writes the name; UnmarshalText refuses what is none.
func (c StatusCode) MarshalText() ([]byte, error)   { return []byte(c.String()), nil }
func (r Result) MarshalText() ([]byte, error)       { return []byte(r.String()), nil }
func (s ServiceState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (s SocketState) MarshalText() ([]byte, error)  { return []byte(s.String()), nil }
func (s TimerState) MarshalText() ([]byte, error)   { return []byte(s.String()), nil }
func (s PathState) MarshalText() ([]byte, error)    { return []byte(s.String()), nil }

// UnmarshalText: see MarshalText.
func (c *StatusCode) UnmarshalText(b []byte) error {
	return word(c, len(statusCodeNames), StatusCode.String, b)
}
func (r *Result) UnmarshalText(b []byte) error { return word(r, len(resultNames), Result.String, b) }
func (s *ServiceState) UnmarshalText(b []byte) error {
	return word(s, len(serviceStates), ServiceState.String, b)
}
func (s *SocketState) UnmarshalText(b []byte) error {
	return word(s, len(socketStates), SocketState.String, b)
}
func (s *TimerState) UnmarshalText(b []byte) error {
	return word(s, len(timerStates), TimerState.String, b)
}
func (s *PathState) UnmarshalText(b []byte) error {
	return word(s, len(pathStates), PathState.String, b)
}

// Block is an environment block: a list of "NAME=value".
type Block []string

// MarshalJSON quotes each assignment once more, as a value may be any bytes.
func (b Block) MarshalJSON() ([]byte, error) {
	list := make([]string, len(b))
	for i, a := range b {
		list[i] = strconv.QuoteToASCII(a)
	}
	return json.Marshal(list)
}

// UnmarshalJSON: see MarshalJSON.
func (b *Block) UnmarshalJSON(data []byte) error {
	var list []string
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*b = nil
	for _, a := range list {
		text, err := strconv.Unquote(a)
		if err != nil {
			return fmt.Errorf("%q is no quoted text", a)
		}
		*b = append(*b, text)
	}
	return nil
}

// Records are the runs of a unit's command lines by kind, in the order of the lines.
type Records [unit.CommandKinds][]ExecStatus

// MarshalJSON writes a map by kind.
func (r Records) MarshalJSON() ([]byte, error) {
	byKind := map[unit.CommandKind][]ExecStatus{}
	for k, list := range r {
		if len(list) > 0 {
			byKind[unit.CommandKind(k)] = list
		}
	}
	return json.Marshal(byKind)
}

// UnmarshalJSON: see MarshalJSON.
func (r *Records) UnmarshalJSON(data []byte) error {
	byKind := map[unit.CommandKind][]ExecStatus{}
	if err := json.Unmarshal(data, &byKind); err != nil {
		return err
	}
	*r = Records{}
	for k, list := range byKind {
		r[k] = list
	}
	return nil
}

// MarshalJSON writes a map of those that are set, by kind.
func (d Deadlines) MarshalJSON() ([]byte, error) {
	byKind := map[string]Deadline{}
	for k, one := range d {
		if one != (Deadline{}) {
			byKind[deadlineNames[k]] = one
		}
	}
	return json.Marshal(byKind)
}

// UnmarshalJSON: see MarshalJSON.
func (d *Deadlines) UnmarshalJSON(data []byte) error {
	byKind := map[string]Deadline{}
	if err := json.Unmarshal(data, &byKind); err != nil {
		return err
	}
	*d = Deadlines{}
	for k, name := range deadlineNames {
		d[k] = byKind[name]
	}
	return nil
}
