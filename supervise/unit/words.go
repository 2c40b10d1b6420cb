package unit

import "slices"

// words are the names of an enumeration, indexed by its value. Names are systemd's own,
// as they stand in unit files and in `systemctl show`.
type words []string

// of gives the name of value i, or "" for a value without one.
func (w words) of(i uint8) string {
	if int(i) >= len(w) {
		return ""
	}
	return w[i]
}

// find gives the value that s names. The empty string names nothing.
func (w words) find(s string) (uint8, bool) {
	if s == "" {
		return 0, false
	}
	i := slices.Index(w, s)
	return uint8(max(i, 0)), i >= 0
}
