package calendar

import (
	"testing"
	"time"
)

// FuzzParse holds the laws of the package: a normalized form is its own, and Next is later.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"Mon..Fri *-*-* 10:00", "*-02~01/3 0/2:5..15:0/1.5", "quarterly Europe/Dublin", "@1493187147", "Sun 02:30 CEST",
		"2016-03-27 03:17:00.4200005", "12,14,13,12:20,10,30", "*-*-* *:*:59.999999/0.000001",
	} {
		f.Add(text, int64(1459040399999999), uint8(0))
	}
	// Zones with negative daylight saving time, with half an hour of it, with a skipped midnight and a skipped day.
	var locals []*time.Location
	for _, name := range []string{
		"Europe/Berlin", "Europe/Dublin", "Africa/Casablanca", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia", "America/St_Johns",
	} {
		locals = append(locals, zone(f, name))
	}
	f.Fuzz(func(t *testing.T, text string, after int64, local uint8) {
		zones := Zones{Local: locals[int(local)%len(locals)], Load: time.LoadLocation}
		s, err := Parse(text, zones)
		if err != nil {
			return
		}
		normal := s.String()
		again, err := Parse(normal, zones)
		if err != nil || again.String() != normal {
			t.Fatalf("%q: %q reads as %v, %v", text, normal, again, err)
		}
		from := time.UnixMicro(after)
		next, ok := s.Next(from)
		if ok && !next.After(from) {
			t.Fatalf("%q after %s: %s", text, from, next)
		}
		if same, sameOK := again.Next(from); sameOK != ok || !same.Equal(next) {
			t.Fatalf("%q after %s: %s, but %s as %q", text, from, next, same, normal)
		}
	})
}

// FuzzSpan holds that what is printed reads back, to the accuracy it is printed with. As in systemd, the last year before infinity is
// printed and not read: parse_time refuses a number that is the last one for its unit.
func FuzzSpan(f *testing.F) {
	for _, text := range []string{"1h 30min", ".5y", "infinity", "3.1 .2", "18446744073709.551614s", "7\u03bcs", "1M2m3ms"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseSec(text)
		if err != nil || u != Infinity && u/Year >= Infinity/Year {
			return
		}
		for _, accuracy := range []Usec{Microsecond, Millisecond, Second} {
			printed := u.Format(accuracy)
			if again, err := ParseSec(printed); err != nil || again/accuracy != u/accuracy {
				t.Fatalf("%q: %d prints as %q, which reads as %d, %v", text, u, printed, again, err)
			}
		}
	})
}

// FuzzTimestamp holds that what is printed with microseconds reads back.
func FuzzTimestamp(f *testing.F) {
	for _, text := range []string{
		"Fri 2012-11-23 23:02:15 CET", "today UTC", "2h ago", "@1.5", "Sep 22 16:34:22.5", "+infinity", "12-11-10 10:00", "tomorrow Asia/Tokyo",
	} {
		f.Add(text)
	}
	zones := inBerlin(f)
	now := time.Date(2012, 11, 23, 18, 15, 22, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseTimestamp(text, now, zones)
		if err != nil || u == 0 || u > latest {
			return
		}
		for _, style := range []TimestampStyle{StyleUS, StyleUSUTC} {
			printed := FormatTimestamp(u, style, zones.Local)
			if again, err := ParseTimestamp(printed, now, zones); err != nil || again != u {
				t.Fatalf("%q: %d prints as %q, which reads as %d, %v", text, u, printed, again, err)
			}
		}
	})
}
