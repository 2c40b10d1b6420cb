package calendar

import (
	"errors"
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		usec, accuracy Usec
		want           string
	}{
		{0, 1, "0"},
		{Infinity, 1, "infinity"},
		{1, 1, "1us"},
		{1, Second, "1us"}, // finer than asked for, but all there is
		{90 * Second, 1, "1min 30s"},
		{Minute + 1500*Millisecond, 1, "1min 1.500000s"},
		{Minute + 1500*Millisecond, Millisecond, "1min 1.500s"},
		{Minute + 1500*Millisecond, Second, "1min 1s"},
		{1500, 1, "1.500ms"},
		{1500, Millisecond, "1ms"},
		{61 * Minute, Hour, "1h"},
		{Year + Month + Week + Day + Hour + Minute + Second + Millisecond + 1, 1, "1y 1month 1w 1d 1h 1min 1.001001s"},
	} {
		if got := c.usec.Format(c.accuracy); got != c.want {
			t.Errorf("%d to %d: got %q, want %q", c.usec, c.accuracy, got, c.want)
		}
	}
}

func TestFormatTimestamp(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := FromTime(time.Date(2012, 11, 23, 22, 2, 15, 7000, time.UTC))
	for _, c := range []struct {
		t     Usec
		style TimestampStyle
		local *time.Location
		want  string
	}{
		{at, StylePretty, berlin, "Fri 2012-11-23 23:02:15 CET"},
		{at, StylePretty, nil, "Fri 2012-11-23 22:02:15 UTC"},
		{at, StyleUS, berlin, "Fri 2012-11-23 23:02:15.000007 CET"},
		{at, StyleUTC, berlin, "Fri 2012-11-23 22:02:15 UTC"},
		{at, StyleUSUTC, berlin, "Fri 2012-11-23 22:02:15.000007 UTC"},
		{at, StyleUnix, berlin, "@1353708135"},
		{at, StylePretty, zone(t, "America/Sao_Paulo"), "Fri 2012-11-23 20:02:15 -02"},
		{0, StylePretty, nil, ""},
		{Infinity, StyleUnix, nil, ""},
		{latest, StyleUTC, nil, "Thu 9999-12-30 23:59:59 UTC"},
		{latest + 1, StyleUSUTC, nil, "--- XXXX-XX-XX XX:XX:XX"},
	} {
		if got := FormatTimestamp(c.t, c.style, c.local); got != c.want {
			t.Errorf("%d: got %q, want %q", c.t, got, c.want)
		}
	}
}

func TestParseTimestampStyle(t *testing.T) {
	for name, want := range map[string]TimestampStyle{
		"pretty": StylePretty, "us": StyleUS, "utc": StyleUTC, "us+utc": StyleUSUTC, "unix": StyleUnix, "\u03bcs": StyleUS,
	} {
		if got, err := ParseTimestampStyle(name); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", name, got, err, want)
		}
	}
	if _, err := ParseTimestampStyle("UTC"); !errors.Is(err, ErrInvalid) {
		t.Errorf("UTC: got %v, want %v", err, ErrInvalid)
	}
}

func TestFormatRelative(t *testing.T) {
	now := 100 * Year
	for _, c := range []struct {
		t    Usec
		want string
	}{
		{0, ""},
		{Infinity, ""},
		{now, "now"},
		{now - 1, "1us ago"},
		{now + 999, "999us left"},
		{now - 1500, "1ms ago"},
		{now - 59*Second, "59s ago"},
		{now - 90*Second, "1min 30s ago"},
		{now - 5*Minute - 30*Second, "5min ago"},
		{now - 90*Minute, "1h 30min ago"},
		{now - 6*Hour - 30*Minute, "6h ago"},
		{now - 24*Hour, "24h ago"},
		{now - 25*Hour, "1 day 1h ago"},
		{now + 49*Hour, "2 days left"},
		{now - 8*Day, "1 week 1 day ago"},
		{now - 16*Day, "2 weeks 2 days ago"},
		{now - Month, "1 month 0 days ago"},
		{now - 2*Month - Day, "2 months 1 day ago"},
		{now + Year + Month, "1 year 1 month left"},
		{now - 2*Year, "2 years 0 months ago"},
	} {
		if got := FormatRelative(c.t, now); got != c.want {
			t.Errorf("%d: got %q, want %q", c.t, got, c.want)
		}
	}
}
