package calendar

import (
	"testing"
	"time"
)

func TestNext(t *testing.T) {
	for _, c := range []struct {
		zone, text, after string
		want              string // "" is never
	}{
		{"UTC", "daily", "2024-02-28T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"UTC", "daily", "2024-02-28T23:59:59.999999Z", "2024-02-29T00:00:00Z"},
		{"UTC", "*-02-29", "2097-01-01T00:00:00Z", "2104-02-29T00:00:00Z"}, // 2100 has none
		{"UTC", "*-02-30", "2024-01-01T00:00:00Z", ""},
		{"UTC", "Fri *-*-13", "2024-01-01T00:00:00Z", "2024-09-13T00:00:00Z"},
		{"UTC", "*-*~1", "2024-01-31T00:00:00Z", "2024-02-29T00:00:00Z"},
		{"UTC", "*-*~2..3", "2024-02-01T00:00:00Z", "2024-02-27T00:00:00Z"},
		{"UTC", "Mon *-05~7/1", "2024-01-01T00:00:00Z", "2024-05-27T00:00:00Z"},
		{"UTC", "2020-1-1", "2024-01-01T00:00:00Z", ""},
		{"UTC", "2199-12-31 23:59:59", "2024-01-01T00:00:00Z", "2199-12-31T23:59:59Z"},
		{"UTC", "2199-12-31 23:59:59", "2199-12-31T23:59:59Z", ""},
		{"UTC", "1970-1-1", "1960-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"UTC", "*:0/7", "2024-01-01T00:56:00Z", "2024-01-01T01:00:00Z"},
		{"UTC", "*:*:0/0.25", "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00.25Z"},
		// 7.7 seconds after 53.9 run over the minute, of whose start systemd then knows only the fraction.
		{"UTC", "*:*:0/7.7", "2024-01-01T00:00:53.9Z", "2024-01-01T00:01:07.7Z"},
		{"UTC", "hourly", "9999-12-31T00:00:00Z", ""},

		// 2024-03-31 02:00 to 03:00 is skipped: what falls into it does not elapse.
		{"Europe/Berlin", "02:30", "2024-03-30T12:00:00+01:00", "2024-04-01T02:30:00+02:00"},
		{"Europe/Berlin", "*:00,30", "2024-03-31T01:30:00+01:00", "2024-03-31T03:00:00+02:00"},
		{"Europe/Berlin", "03:00", "2024-03-30T12:00:00+01:00", "2024-03-31T03:00:00+02:00"},
		{"Europe/Berlin", "02:30 UTC", "2024-03-30T12:00:00+01:00", "2024-03-31T02:30:00Z"},
		// 2024-10-27 02:00 to 03:00 happens twice: it elapses the first time, or the second if that is past.
		{"Europe/Berlin", "02:30", "2024-10-26T12:00:00+02:00", "2024-10-27T02:30:00+02:00"},
		{"Europe/Berlin", "02:30", "2024-10-27T02:30:00+02:00", "2024-10-28T02:30:00+01:00"},
		{"Europe/Berlin", "02:30", "2024-10-27T02:10:00+01:00", "2024-10-27T02:30:00+01:00"},
		{"Europe/Berlin", "*:00,30", "2024-10-27T02:30:00+02:00", "2024-10-27T03:00:00+01:00"},
		// An abbreviation pins the state of daylight saving time: "never" where it is not in force now.
		{"Europe/Berlin", "12:00 CEST", "2024-07-01T00:00:00+02:00", "2024-07-01T12:00:00+02:00"},
		{"Europe/Berlin", "12:00 CET", "2024-01-01T00:00:00+01:00", "2024-01-01T12:00:00+01:00"},
		{"Europe/Berlin", "12:00 CEST", "2024-01-01T00:00:00+01:00", ""},
		// In Dublin the winter is the daylight saving time, and a skipped hour reads as the one before.
		{"Europe/Dublin", "hourly", "2025-03-30T00:25:00Z", "2025-03-30T02:00:00+01:00"},
		{"Europe/Dublin", "01:30", "2025-03-29T12:00:00Z", "2025-03-31T01:30:00+01:00"},
		// Half an hour is skipped on Lord Howe Island, a whole day was on Samoa.
		{"Australia/Lord_Howe", "*:10", "2020-10-04T01:50:00+10:30", "2020-10-04T03:10:00+11:00"},
		{"Pacific/Apia", "daily", "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00"},
		{"America/Sao_Paulo", "daily", "2018-11-03T12:00:00-03:00", "2018-11-05T00:00:00-02:00"}, // midnight skipped
	} {
		loc := zone(t, c.zone)
		s, err := Parse(c.text, Zones{Local: loc})
		if err != nil {
			t.Error(err)
			continue
		}
		after, err := time.Parse(time.RFC3339Nano, c.after)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := s.Next(after)
		switch {
		case ok != (c.want != ""):
			t.Errorf("%s: %q after %s: got %s, %v", c.zone, c.text, c.after, got, ok)
		case ok && got.In(loc).Format(time.RFC3339Nano) != mustFormat(t, c.want, loc):
			t.Errorf("%s: %q after %s: got %s, want %s", c.zone, c.text, c.after, got.In(loc).Format(time.RFC3339Nano), c.want)
		}
	}
}

func mustFormat(t *testing.T, text string, loc *time.Location) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.In(loc).Format(time.RFC3339Nano)
}

func TestNextLocation(t *testing.T) {
	s, err := Parse("10:00 Asia/Tokyo", Zones{Load: time.LoadLocation})
	if err != nil {
		t.Fatal(err)
	}
	berlin := zone(t, "Europe/Berlin")
	got, ok := s.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, berlin))
	if want := time.Date(2024, 1, 1, 2, 0, 0, 0, berlin); !ok || got != want {
		t.Errorf("got %s, %v, want %s", got, ok, want)
	}
}

func BenchmarkNext(b *testing.B) {
	s, err := Parse("Mon..Fri *-*-* 09..17:00/15", Zones{Local: zone(b, "Europe/Berlin")})
	if err != nil {
		b.Fatal(err)
	}
	after := time.Date(2024, 3, 29, 17, 50, 0, 0, time.UTC)
	for b.Loop() {
		if _, ok := s.Next(after); !ok {
			b.Fatal("never")
		}
	}
}
