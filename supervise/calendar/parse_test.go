package calendar

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// inBerlin has daylight saving time and knows all zones.
func inBerlin(t testing.TB) Zones {
	return Zones{Local: zone(t, "Europe/Berlin"), Load: time.LoadLocation}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// weekdays
		{"FRIDAY", "Fri *-*-* 00:00:00"},
		{"Mon..Sun 1:00", "*-*-* 01:00:00"},
		{"sun,sat", "Sat,Sun *-*-* 00:00:00"},
		{"Tue..Thu,sat", "Tue..Thu,Sat *-*-* 00:00:00"},
		{"Mon-Wed   10:00", "Mon..Wed *-*-* 10:00:00"},
		{"Mon,", "Mon *-*-* 00:00:00"},
		// dates
		{"5-6", "*-05-06 00:00:00"},
		{"69-1-1", "2069-01-01 00:00:00"},
		{"70-1-1", "1970-01-01 00:00:00"},
		{"*-02~1", "*-02~01 00:00:00"},
		{"*-*~*", "*-*-* 00:00:00"}, // no day is counted from the end
		{"*-1..12/3-1", "*-01..10/3-01 00:00:00"},
		{"*-3,1,3,2-1", "*-01,02,03-01 00:00:00"},
		{"*-*-1..5/9 0:0", "*-*-01 00:00:00"}, // a repetition that does not fit is no repetition
		// times
		{"*:*:*", "*-*-* *:*:*"},
		{"1:2:3.4", "*-*-* 01:02:03.400000"},
		{"0:0:0.0000005", "*-*-* 00:00:00.000001"},
		{"0:0:1..5/1.5", "*-*-* 00:00:01..04/1.500000"},
		{"0:0:0/1,7", "*-*-* 00:00:*"},
		{"0/2:5..15", "*-*-* 00/2:05..15:00"},
		// shorthands
		{"DAILY", "*-*-* 00:00:00"},
		{"quarterly", "*-01,04,07,10-01 00:00:00"},
		{"biannually UTC", "*-01,07-01 00:00:00 UTC"},
		{"anually", "*-01-01 00:00:00"},
		// epoch
		{"@86400", "1970-01-02 00:00:00 UTC"},
		{"Thu @ +0", "Thu 1970-01-01 00:00:00 UTC"},
		{"@0 Asia/Tokyo", "1970-01-01 00:00:00 UTC"},
		{"@-18446744073709551615", "1970-01-01 00:00:01 UTC"}, // strtoul(3)
		// zones
		{"10:00 utc", "*-*-* 10:00:00 UTC"},
		{"10:00 cest", "*-*-* 10:00:00 CEST"},
		{"10:00 Asia/Tokyo", "*-*-* 10:00:00 Asia/Tokyo"},
		// the longest list
		{"*-*-* 0:" + strings.Repeat("0,", 240) + "0", "*-*-* 00:00:00"},
	} {
		s, err := Parse(c.text, inBerlin(t))
		if err != nil {
			t.Error(err)
			continue
		}
		if got := s.String(); got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
	for _, c := range []struct {
		text string
		want error
		why  string
	}{
		{"", ErrInvalid, "empty"},
		{" UTC", ErrInvalid, "a zone alone"},
		{" 10:00", ErrInvalid, "a space in front"},
		{"10:00 ", ErrInvalid, "a space behind the time"},
		{"10", ErrInvalid, "an hour alone"},
		{"10:00:00:00", ErrInvalid, "more than seconds"},
		{"Mond", ErrInvalid, "half a weekday"},
		{"Mon:10", ErrInvalid, "a colon behind a weekday"},
		{"Mon. 10:00", ErrInvalid, "one dot"},
		{"Mon..", ErrInvalid, "an open range"},
		{"Mon..Tue..Wed", ErrInvalid, "a range of a range"},
		{"Fri..Mon", ErrInvalid, "a range over the end of the week"},
		{"Mon,,Tue", ErrInvalid, "an empty item"},
		{"2012~1-1", ErrInvalid, "~ before the month"},
		{"2012-1-1-1", ErrInvalid, "four parts"},
		{"*-*~29", ErrInvalid, "not every month has so many days"},
		{"*-*~1,28", ErrInvalid, "systemd allows three days less for each item"},
		{"*-13-1", ErrInvalid, "no such month"},
		{"*-0-1", ErrInvalid, "months count from 1"},
		{"1969-1-1", ErrInvalid, "before the epoch"},
		{"2200-1-1", ErrInvalid, "past the last year"},
		{"24:00", ErrInvalid, "no such hour"},
		{"0:60", ErrInvalid, "no such minute"},
		{"0:0:60", ErrInvalid, "no leap seconds"},
		{"5..3:00", ErrInvalid, "a range backwards"},
		{"20/4:00", ErrInvalid, "does not repeat within the day"},
		{"*/2:00", ErrInvalid, "* does not repeat"},
		{"1.5:00", ErrInvalid, "only seconds have fractions"},
		{"0:0:1.", ErrInvalid, "a point without digits"},
		{"0:0:1..1.5", ErrInvalid, "a range under a second"},
		{"+1:00", ErrInvalid, "a sign"},
		{"1\x00:00", ErrInvalid, "a NUL byte"},
		{"wee\u212aly", ErrInvalid, "only ASCII is compared without case"},
		{"0:0:0/0", ErrRange, "a repetition of nothing"},
		{"0:0:2148", ErrRange, "over 31 bits of microseconds"},
		{"2147483648-1-1", ErrRange, "over 31 bits"},
		{"99999999999999999999-1-1", ErrRange, "over 64 bits"},
		{"@", ErrInvalid, "no number"},
		{"@1.5", ErrInvalid, "full seconds only"},
		{"@1 10:00", ErrInvalid, "a time of day as well"},
		{"@-1", ErrInvalid, "before the epoch"},
		{"@67767976233532800", ErrRange, "the year is over 31 bits"},
		{"@18446744073709551616", ErrRange, "over 64 bits"},
		{"10:00 Europe/Nowhere", ErrInvalid, "no such zone"},
		{"10:00 Local", ErrInvalid, "a name of Go's, not of a zone"},
		{"10:00 ../UTC", ErrInvalid, "not spelled as a zone"},
		{"*-*-* 0:" + strings.Repeat("0,", 241) + "0", ErrTooMany, "one component too many"},
	} {
		if s, err := Parse(c.text, inBerlin(t)); !errors.Is(err, c.want) {
			t.Errorf("%q (%s): got %v, %v, want %v", c.text, c.why, s, err, c.want)
		}
	}
}

// Without zones from the caller there is UTC alone, and no name reaches the caller that could be a path.
func TestZones(t *testing.T) {
	for _, text := range []string{"10:00 Europe/Berlin", "10:00 CET"} {
		if s, err := Parse(text, Zones{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: got %v, %v, want %v", text, s, err, ErrInvalid)
		}
	}
	asked := Zones{Load: func(name string) (*time.Location, error) {
		if name != "Good/Zone-1_a" {
			t.Errorf("asked for %q", name)
		}
		return time.UTC, nil
	}}
	for _, name := range []string{"/etc/passwd", "a//b", "a/", "a.b", "../b", "\xff", "", "Local", "Good/Zone-1_a"} {
		s, err := Parse("10:00 "+name, asked)
		if good := name == "Good/Zone-1_a"; good != (err == nil) {
			t.Errorf("%q: got %v, %v", name, s, err)
		}
	}
}

func TestAbbreviations(t *testing.T) {
	for name, want := range map[string][2]string{
		"UTC":              {"UTC", "UTC"},
		"Europe/Berlin":    {"CET", "CEST"},
		"Europe/Dublin":    {"IST", "GMT"}, // daylight saving time is negative, in winter
		"Pacific/Auckland": {"NZST", "NZDT"},
		"Asia/Tokyo":       {"JST", "JST"},
		"Europe/Moscow":    {"MSK", "MSK"},
	} {
		if got := abbreviations(zone(t, name)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
