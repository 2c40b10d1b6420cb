package graph

import "fmt"

// The enumerations are written by name wherever they are kept for another build of the program to read
// (encoding.TextMarshaler), so that their numbers may change.

func word[E ~uint8](to *E, names []string, text []byte) error {
	e, ok := find[E](names, string(text))
	if !ok {
		return fmt.Errorf("%q is none of %q", text, names)
	}
	*to = e
	return nil
}

// MarshalText writes the name; UnmarshalText refuses what is none.
func (s ActiveState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
func (t JobType) MarshalText() ([]byte, error)     { return []byte(t.String()), nil }
func (m JobMode) MarshalText() ([]byte, error)     { return []byte(m.String()), nil }
func (s JobState) MarshalText() ([]byte, error)    { return []byte(s.String()), nil }
func (r JobResult) MarshalText() ([]byte, error)   { return []byte(r.String()), nil }
func (k EventKind) MarshalText() ([]byte, error)   { return []byte(k.String()), nil }
func (r Reason) MarshalText() ([]byte, error)      { return []byte(r.String()), nil }

// UnmarshalText: see MarshalText.
func (s *ActiveState) UnmarshalText(b []byte) error { return word(s, activeStateNames[:], b) }
func (t *JobType) UnmarshalText(b []byte) error     { return word(t, jobTypeNames[:], b) }
func (m *JobMode) UnmarshalText(b []byte) error     { return word(m, jobModeNames[:], b) }
func (s *JobState) UnmarshalText(b []byte) error    { return word(s, jobStateNames[:], b) }
func (r *JobResult) UnmarshalText(b []byte) error   { return word(r, jobResultNames[:], b) }
func (k *EventKind) UnmarshalText(b []byte) error   { return word(k, eventNames[:], b) }
func (r *Reason) UnmarshalText(b []byte) error {
	names := make([]string, len(reasons))
	for i := range reasons {
		names[i] = reasons[i].name
	}
	return word(r, names, b)
}
