package notify

import "fmt"

// What a service has said is kept by name, as the numbers may change from one build of the program to the next.

// MarshalText writes the name; UnmarshalText refuses what is none.
func (s State) MarshalText() ([]byte, error)  { return []byte(s.String()), nil }
func (a Access) MarshalText() ([]byte, error) { return []byte(accessNames[a]), nil }

// UnmarshalText: see MarshalText.
func (s *State) UnmarshalText(b []byte) error {
	for i, name := range stateNames {
		if name == string(b) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %q", b, stateNames)
}

// UnmarshalText: see MarshalText.
func (a *Access) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAccess(string(b))
	return err
}
