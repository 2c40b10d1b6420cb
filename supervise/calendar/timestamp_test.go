package calendar

import (
	"errors"
	"testing"
	"time"
)

func TestParseTimestamp(t *testing.T) {
	zones := inBerlin(t)
	now := time.Date(2012, 11, 23, 18, 15, 22, 123456000, zones.Local)
	for _, c := range []struct{ text, want string }{
		{"now", "Fri 2012-11-23 18:15:22.123456 CET"},
		{"today", "Fri 2012-11-23 00:00:00.000000 CET"},
		{"yesterday", "Thu 2012-11-22 00:00:00.000000 CET"},
		{"tomorrow", "Sat 2012-11-24 00:00:00.000000 CET"},
		{"today UTC", "Fri 2012-11-23 01:00:00.000000 CET"},
		{"tomorrow Pacific/Auckland", "Sat 2012-11-24 12:00:00.000000 CET"}, // it is the 24th there
		{"+3h30min", "Fri 2012-11-23 21:45:22.123456 CET"},
		{"-5s", "Fri 2012-11-23 18:15:17.123456 CET"},
		{"11min ago", "Fri 2012-11-23 18:04:22.123456 CET"},
		{"1d 1h left", "Sat 2012-11-24 19:15:22.123456 CET"},
		{"@1395716396", "Tue 2014-03-25 03:59:56.000000 CET"},
		{"@1.5min", "Thu 1970-01-01 01:01:30.000000 CET"},
		{"2012-11-23 11:12:13", "Fri 2012-11-23 11:12:13.000000 CET"},
		{"fri 2012-11-23 11:12:13.5", "Fri 2012-11-23 11:12:13.500000 CET"},
		{"Friday 11:12", "Fri 2012-11-23 11:12:00.000000 CET"},
		{"2012-11-23 11:12:13 UTC", "Fri 2012-11-23 12:12:13.000000 CET"},
		{"2012-07-23 11:12:13 CEST", "Mon 2012-07-23 11:12:13.000000 CEST"},
		{"2012-07-23 11:12:13 cet", "Mon 2012-07-23 12:12:13.000000 CEST"}, // an hour off in summer, as asked
		{"2012-07-23 11:12:13 CET", "Mon 2012-07-23 12:12:13.000000 CEST"}, // CET is a zone as well
		{"2012-11-23 11:12:13 Asia/Tokyo", "Fri 2012-11-23 03:12:13.000000 CET"},
		{"12-11-23", "Fri 2012-11-23 00:00:00.000000 CET"},
		{"2012-11-23 11:12", "Fri 2012-11-23 11:12:00.000000 CET"},
		{"11:12:13", "Fri 2012-11-23 11:12:13.000000 CET"},
		{"Sep 5 10:00:00", "Wed 2012-09-05 10:00:00.000000 CEST"},
		{"september 05 10:00:00.25", "Wed 2012-09-05 10:00:00.250000 CEST"},
		{"2012-02-30", "Thu 2012-03-01 00:00:00.000000 CET"},          // mktime(3) carries over
		{"2012-11-2311:12:13", "Fri 2012-11-23 11:12:13.000000 CET"},  // strptime(3) needs no space
		{"2012-11-23 1:2:3", "Fri 2012-11-23 01:02:03.000000 CET"},    // nor two digits
		{"2012-11-23 11:12:61", "Fri 2012-11-23 11:13:01.000000 CET"}, // and knows leap seconds
		{"11:12:13.9999999", "Fri 2012-11-23 11:12:14.000000 CET"},
		{"2016-10-30 02:30:00", "Sun 2016-10-30 02:30:00.000000 CET"},  // happens twice
		{"2016-03-27 02:30:00", "Sun 2016-03-27 03:30:00.000000 CEST"}, // never happens
	} {
		got, err := ParseTimestamp(c.text, now, zones)
		if err != nil {
			t.Error(err)
			continue
		}
		if text := FormatTimestamp(got, StyleUS, zones.Local); text != c.want {
			t.Errorf("%q: got %q, want %q", c.text, text, c.want)
		}
	}
	if got, err := ParseTimestamp("@infinity", now, zones); err != nil || got != Infinity {
		t.Errorf("@infinity: got %d, %v", got, err)
	}
	for _, c := range []struct {
		text string
		want error
		why  string
	}{
		{"", ErrInvalid, "empty"},
		{"Now", ErrInvalid, "words are case-sensitive"},
		{"now UTC", ErrInvalid, "the present has no zone"},
		{"+1h UTC", ErrInvalid, "a span has no zone"},
		{"+1h Asia/Tokyo", ErrInvalid, "a span has no zone"},
		{"@0 Asia/Tokyo", ErrInvalid, "the epoch has no zone"},
		{"Fri today", ErrInvalid, "a weekday before a word"},
		{"Thu 2012-11-23", ErrInvalid, "it was a Friday"},
		{"Thu 11:12", ErrInvalid, "today is Friday"},
		{"Fri2012-11-23", ErrInvalid, "no space behind the weekday"},
		{"2012-11-23 25:00", ErrInvalid, "no such hour"},
		{"2012-13-23", ErrInvalid, "no such month"},
		{"2012-11-23 11:12:13.", ErrInvalid, "a point without digits"},
		{"2012-11-23 11:12.5", ErrInvalid, "only seconds have fractions"},
		{"Foo 5 10:00:00", ErrInvalid, "no such month"},
		{"Sep 5", ErrInvalid, "logs have a time of day"},
		{"2012-11-23 11:12:13 EST5", ErrInvalid, "no such zone"},
		{"1969-12-31", ErrInvalid, "before the epoch"},
		{"9999-12-31 12:00", ErrInvalid, "past the last year"},
		{"+infinity", ErrInvalid, "past the last year"},
		{"50y ago", ErrInvalid, "before the epoch"},
		{"x ago", ErrInvalid, "no span"},
		{"--5s", ErrRange, "a negative span"},
		{"@-1", ErrRange, "before the epoch"},
	} {
		if got, err := ParseTimestamp(c.text, now, zones); !errors.Is(err, c.want) {
			t.Errorf("%q (%s): got %d, %v, want %v", c.text, c.why, got, err, c.want)
		}
	}
}
