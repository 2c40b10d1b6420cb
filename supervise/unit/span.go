package unit

import "keelson/supervise/calendar"

// Usec is a length of time in microseconds, systemd's unit of time.
type Usec = calendar.Usec

// Infinity is the Usec that never ends: "no limit".
const Infinity = calendar.Infinity
