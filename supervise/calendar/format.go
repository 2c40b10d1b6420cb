package calendar

import (
	"fmt"
	"strings"
	"time"
)

// printedUnits are the units in which time spans are printed, the largest first. Decimals is the number of
// digits that a fraction of the unit has in microseconds.
var printedUnits = []struct {
	suffix   string
	size     Usec
	decimals int
}{
	{"y", Year, 0}, {"month", Month, 0}, {"w", Week, 0}, {"d", Day, 0}, {"h", Hour, 0}, {"min", Minute, 0},
	{"s", Second, 6}, {"ms", Millisecond, 3}, {"us", Microsecond, 0},
}

// String is the time span to the microsecond.
func (u Usec) String() string { return u.Format(Microsecond) }

// Format prints a time span as systemd does, "2h 30min" (format_timespan of time-util.c). What is smaller
// than accuracy is left out, unless nothing else would be printed. Under a minute, a fraction is printed in
// decimals down to accuracy, which should be a power of ten.
func (u Usec) Format(accuracy Usec) string {
	switch u {
	case Infinity:
		return "infinity"
	case 0:
		return "0"
	}
	var parts []string
	for _, unit := range printedUnits {
		if u == 0 || u < accuracy && len(parts) > 0 {
			break
		}
		if u < unit.size {
			continue
		}
		whole, rest := u/unit.size, u%unit.size
		if u < Minute && rest > 0 {
			decimals := unit.decimals
			for a := accuracy; a > 1; a /= 10 {
				rest /= 10
				decimals--
			}
			if decimals > 0 {
				parts = append(parts, fmt.Sprintf("%d.%0*d%s", whole, decimals, rest, unit.suffix))
				break
			}
			rest = u % unit.size
		}
		parts = append(parts, fmt.Sprintf("%d%s", whole, unit.suffix))
		u = rest
	}
	return strings.Join(parts, " ")
}

// TimestampStyle says how FormatTimestamp prints (TimestampStyle of time-util.h).
type TimestampStyle int

// The styles, as --timestamp= of systemctl(1) names them.
const (
	StylePretty TimestampStyle = iota // "Fri 2012-11-23 23:02:15 CET"
	StyleUS                           // with microseconds
	StyleUTC                          // in UTC
	StyleUSUTC                        // in UTC with microseconds
	StyleUnix                         // "@1395716396"
)

var styleNames = []struct {
	name  string
	style TimestampStyle
}{
	{"pretty", StylePretty}, {"us", StyleUS}, {"utc", StyleUTC}, {"us+utc", StyleUSUTC}, {"unix", StyleUnix},
	{"\u00b5s", StyleUS}, {"\u03bcs", StyleUS}, {"\u00b5s+utc", StyleUSUTC}, {"\u03bcs+utc", StyleUSUTC},
}

// ParseTimestampStyle reads a value of --timestamp=; the error wraps ErrInvalid.
func ParseTimestampStyle(name string) (TimestampStyle, error) {
	for _, s := range styleNames {
		if s.name == name {
			return s.style, nil
		}
	}
	return 0, fmt.Errorf("timestamp style %q: %w", name, ErrInvalid)
}

// FormatTimestamp prints a point in time in the zone local, nil being UTC (format_timestamp_style of
// time-util.c). A time that is not set, 0 or Infinity, gives ""; for one past the year 9999, every digit is X.
func FormatTimestamp(t Usec, style TimestampStyle, local *time.Location) string {
	if t == 0 || t == Infinity {
		return ""
	}
	if style == StyleUnix {
		return fmt.Sprintf("@%d", t/Second)
	}
	if t > latest {
		return "--- XXXX-XX-XX XX:XX:XX"
	}
	layout := "Mon 2006-01-02 15:04:05"
	if style == StyleUS || style == StyleUSUTC {
		layout += ".000000"
	}
	when := t.Time()
	if style == StylePretty || style == StyleUS {
		when = when.In(Zones{Local: local}.local())
	}
	return when.Format(layout + " MST")
}

// FormatRelative prints how far t is from now, "2 months 5 days ago" or "3h left" (format_timestamp_relative
// of time-util.c), rounding down. A time that is not set, 0 or Infinity, gives "".
func FormatRelative(t, now Usec) string {
	if t == 0 || t == Infinity {
		return ""
	}
	d, side := t-now, " left"
	if now > t {
		d, side = now-t, " ago"
	}
	switch {
	case d >= Year:
		return plural(d/Year, "year") + " " + plural(d%Year/Month, "month") + side
	case d >= Month:
		return plural(d/Month, "month") + " " + plural(d%Month/Day, "day") + side
	case d >= Week:
		return plural(d/Week, "week") + " " + plural(d%Week/Day, "day") + side
	case d >= 2*Day:
		return plural(d/Day, "day") + side
	case d >= 25*Hour:
		return fmt.Sprintf("1 day %dh%s", (d-Day)/Hour, side)
	case d >= 6*Hour:
		return fmt.Sprintf("%dh%s", d/Hour, side)
	case d >= Hour:
		return fmt.Sprintf("%dh %dmin%s", d/Hour, d%Hour/Minute, side)
	case d >= 5*Minute:
		return fmt.Sprintf("%dmin%s", d/Minute, side)
	case d >= Minute:
		return fmt.Sprintf("%dmin %ds%s", d/Minute, d%Minute/Second, side)
	case d >= Second:
		return fmt.Sprintf("%ds%s", d/Second, side)
	case d >= Millisecond:
		return fmt.Sprintf("%dms%s", d/Millisecond, side)
	case d > 0:
		return fmt.Sprintf("%dus%s", d, side)
	}
	return "now"
}

func plural(n Usec, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
