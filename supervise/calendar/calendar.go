// Package calendar reads and writes time as systemd.time(7) does: time spans ("1h 30min"), timestamps
// ("yesterday", "2012-11-23 11:12:13 UTC", "2h ago") and calendar expressions ("Mon..Fri *-*-* 10:00").
//
// The package has no clock and reads no file. A caller passes the present time where a text is relative to
// it, and a [Zones] where a text may name a time zone.
//
// Laws:
//   - What systemd 252 accepts is accepted with the same value, what it refuses is refused with the same
//     error: EINVAL is [ErrInvalid], ERANGE is [ErrRange], ENOBUFS is [ErrTooMany].
//   - [Parse] of [Spec.String] gives the same normalized form again.
//   - [Spec.Next] is later than its argument, or there is none.
//   - [Usec.Format] with accuracy [Microsecond] is exact: [ParseSec] gives the value back.
package calendar

import (
	"errors"
	"math"
	"strings"
	"time"
)

// The reasons for which a text is refused. Errors of this package wrap one of them and quote the text.
var (
	ErrInvalid = errors.New("invalid syntax")
	ErrRange   = errors.New("value out of range")
	ErrTooMany = errors.New("too many components")
)

// Usec is a length of time in microseconds or, counted from the Unix epoch, a point in time (usec_t of
// systemd's time-util.h). As a point in time, 0 and Infinity both mean "not set".
type Usec uint64

// The units of systemd.time(7). A month is 30.4375 days, a year 365.25 days.
const (
	Microsecond Usec = 1
	Millisecond      = 1000 * Microsecond
	Second           = 1000 * Millisecond
	Minute           = 60 * Second
	Hour             = 60 * Minute
	Day              = 24 * Hour
	Week             = 7 * Day
	Month            = 2629800 * Second
	Year             = 31557600 * Second

	Infinity = Usec(math.MaxUint64)
)

// latest is the last point in time that systemd prints or computes with, 9999-12-30 23:59:59 UTC
// (USEC_TIMESTAMP_FORMATTABLE_MAX): a day short of the year 10000 in every time zone.
const latest Usec = 253402214399000000

// Duration converts a length of time; what does not fit, Infinity included, becomes the longest Duration.
func (u Usec) Duration() time.Duration {
	if u > math.MaxInt64/1000 {
		return math.MaxInt64
	}
	return time.Duration(u) * time.Microsecond
}

// FromDuration rounds down to the microsecond. A negative Duration becomes 0 and the longest one Infinity,
// so that Infinity survives a round trip.
func FromDuration(d time.Duration) Usec {
	switch {
	case d <= 0:
		return 0
	case d == math.MaxInt64:
		return Infinity
	}
	return Usec(d / time.Microsecond)
}

// Time converts a point in time, in UTC. What a signed count of microseconds cannot hold becomes its last value.
func (u Usec) Time() time.Time {
	return time.UnixMicro(int64(min(u, math.MaxInt64))).UTC()
}

// FromTime rounds down to the microsecond; a time before the epoch becomes 0.
func FromTime(t time.Time) Usec {
	return Usec(max(t.UnixMicro(), 0))
}

// Add is u+v, Infinity when that does not fit.
func (u Usec) Add(v Usec) Usec {
	if u > Infinity-v {
		return Infinity
	}
	return u + v
}

// Sub is u-v, 0 when v is larger; Infinity less anything stays Infinity (usec_sub_unsigned of time-util.h).
func (u Usec) Sub(v Usec) Usec {
	switch {
	case u == Infinity:
		return Infinity
	case v > u:
		return 0
	}
	return u - v
}

// Zones says which time zones a text may mean. The zero value knows UTC alone.
type Zones struct {
	// Local is the zone of texts that name none; nil is UTC. Its two abbreviations ("CET", "CEST") are
	// understood as well.
	Local *time.Location
	// Load finds a zone by its IANA name, as time.LoadLocation does; nil knows none. It is only called with
	// names that pass systemd's check of their spelling, never with "" or "Local".
	Load func(name string) (*time.Location, error)
}

func (z Zones) local() *time.Location {
	if z.Local == nil {
		return time.UTC
	}
	return z.Local
}

// named finds the zone that the last word of text names, and returns the text before that word; loc is nil if
// there is none.
func (z Zones) named(text string) (rest, name string, loc *time.Location) {
	i := strings.LastIndexByte(text, ' ')
	if i < 0 {
		return text, "", nil
	}
	name = text[i+1:]
	if name == "Local" || !spelledAsZone(name) || z.Load == nil {
		return text, "", nil
	}
	loc, err := z.Load(name)
	if err != nil || loc == nil {
		return text, "", nil
	}
	return text[:i], name, loc
}

// spelledAsZone is the check of the name alone in time-util.c, verify_timezone(): what it lets pass cannot
// leave the folder of the zone files.
func spelledAsZone(name string) bool {
	if name == "" || len(name) >= 4096 || strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.Contains(name, "//") {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !isDigit(c) && !('a' <= c|0x20 && c|0x20 <= 'z') && strings.IndexByte("-_+/", c) < 0 {
			return false
		}
	}
	return true
}

// abbreviations are the names of a zone's standard and daylight saving time, as tzset(3) leaves them in
// tzname; a zone without daylight saving time has the one name twice. They are taken from the rules in force
// in 2037, because this package does not know the present.
func abbreviations(loc *time.Location) [2]string {
	at := time.Unix(2114380800, 0).In(loc)
	name, _ := at.Zone()
	names := [2]string{name, name}
	if _, end := at.ZoneBounds(); !end.IsZero() {
		for _, t := range []time.Time{at, end} {
			name, _ := t.Zone()
			names[dstOf(t)] = name
		}
	}
	return names
}

// cutAbbreviation removes a trailing abbreviation of loc, compared without case, and says whether it was the
// one of daylight saving time (1) or not (0); -1 is none.
func cutAbbreviation(text string, loc *time.Location) (rest, name string, dst int8) {
	for i, name := range abbreviations(loc) {
		if rest, ok := cutSuffixFold(text, " "+name); ok && name != "" {
			return rest, name, int8(i)
		}
	}
	return text, "", -1
}

func dstOf(t time.Time) int8 {
	if t.IsDST() {
		return 1
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cutPrefixFold compares ASCII without case: as many bytes are compared, no other letter that folds to ASCII,
// such as the Kelvin sign, fits.
func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func cutSuffixFold(s, suffix string) (string, bool) {
	i := len(s) - len(suffix)
	if i < 0 || !strings.EqualFold(s[i:], suffix) {
		return s, false
	}
	return s[:i], true
}
