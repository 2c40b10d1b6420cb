package calendar

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
	_ "time/tzdata"
)

// conformance reads one of the tables that hold systemd's own results.
func conformance(t *testing.T, file string, table any) {
	t.Helper()
	dir := os.Getenv("KEELSON_CONFORMANCE")
	if dir == "" {
		t.Skip("KEELSON_CONFORMANCE does not name the folder of the conformance tables")
	}
	data, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, table); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// sameError says whether err is of the class that the table names; a table without a class wants any error.
func sameError(err error, class string) bool {
	switch class {
	case "EINVAL":
		return errors.Is(err, ErrInvalid)
	case "ERANGE":
		return errors.Is(err, ErrRange)
	}
	return err != nil
}

func TestConformanceCalendar(t *testing.T) {
	var table struct {
		Normalize []struct{ Input, Normalized string }
		Next      []struct {
			Input, TZ string
			After     int64  `json:"after_usec"`
			Next      *int64 `json:"next_usec"`
		}
		Invalid []struct{ Input, Error string }
	}
	conformance(t, "calendar.json", &table)
	if len(table.Normalize) == 0 || len(table.Next) == 0 || len(table.Invalid) == 0 {
		t.Fatal("calendar.json lacks a group")
	}
	for _, c := range table.Normalize {
		s, err := Parse(c.Input, Zones{Load: time.LoadLocation})
		if err != nil {
			t.Error(err)
			continue
		}
		if got := s.String(); got != c.Normalized {
			t.Errorf("%q: got %q, want %q", c.Input, got, c.Normalized)
		}
		if again, err := Parse(c.Normalized, Zones{Load: time.LoadLocation}); err != nil || again.String() != c.Normalized {
			t.Errorf("%q is not its own normalized form: %v, %v", c.Normalized, again, err)
		}
	}
	for _, c := range table.Next {
		zones := Zones{Load: time.LoadLocation}
		// "IST" is a $TZ without a zone behind it, and so UTC; the expression names its own zone.
		if loc, err := time.LoadLocation(c.TZ); err == nil {
			zones.Local = loc
		} else if c.TZ != "IST" {
			t.Fatal(err)
		}
		s, err := Parse(c.Input, zones)
		if err != nil {
			t.Error(err)
			continue
		}
		got, ok := s.Next(time.UnixMicro(c.After))
		switch {
		case ok != (c.Next != nil):
			t.Errorf("%q in %q after %d: got %v, %v", c.Input, c.TZ, c.After, got, ok)
		case ok && got.UnixMicro() != *c.Next:
			t.Errorf("%q in %q after %d: got %d, want %d", c.Input, c.TZ, c.After, got.UnixMicro(), *c.Next)
		}
	}
	for _, c := range table.Invalid {
		if s, err := Parse(c.Input, Zones{Load: time.LoadLocation}); !sameError(err, c.Error) {
			t.Errorf("%q: got %v, %v, want %s", c.Input, s, err, c.Error)
		}
	}
	t.Logf("normalize %d, next %d, invalid %d", len(table.Normalize), len(table.Next), len(table.Invalid))
}

// spanCase is one input; its value is a number or "infinity".
type spanCase struct {
	Input string
	Unit  Usec `json:"default_unit_usec"`
	Valid bool
	Value json.RawMessage
	Error string
}

func (c spanCase) want(t *testing.T) uint64 {
	t.Helper()
	if string(c.Value) == `"infinity"` {
		return uint64(Infinity)
	}
	var v uint64
	if err := json.Unmarshal(c.Value, &v); err != nil {
		t.Fatalf("%q: %v", c.Input, err)
	}
	return v
}

func TestConformanceTimespan(t *testing.T) {
	var table struct {
		ParseSec            []spanCase `json:"parse_sec"`
		ParseSecFix0        []spanCase `json:"parse_sec_fix_0"`
		ParseSecDefInfinity []spanCase `json:"parse_sec_def_infinity"`
		ParseNsec           []spanCase `json:"parse_nsec"`
		ParseTime           []spanCase `json:"parse_time"`
		RoundTrip           []Usec     `json:"format_roundtrip"`
		Accuracies          []Usec     `json:"format_accuracies"`
	}
	conformance(t, "timespan.json", &table)
	if len(table.RoundTrip) == 0 || len(table.Accuracies) == 0 {
		t.Fatal("timespan.json lacks a group")
	}
	usec := func(parse func(string) (Usec, error)) func(spanCase) (uint64, error) {
		return func(c spanCase) (uint64, error) { v, err := parse(c.Input); return uint64(v), err }
	}
	for _, group := range []struct {
		name  string
		cases []spanCase
		parse func(spanCase) (uint64, error)
	}{
		{"parse_sec", table.ParseSec, usec(ParseSec)},
		{"parse_sec_fix_0", table.ParseSecFix0, usec(ParseSecFix0)},
		{"parse_sec_def_infinity", table.ParseSecDefInfinity, usec(ParseSecDefInfinity)},
		{"parse_nsec", table.ParseNsec, func(c spanCase) (uint64, error) { v, err := ParseNsec(c.Input); return uint64(v), err }},
		{"parse_time", table.ParseTime, func(c spanCase) (uint64, error) { v, err := ParseTime(c.Input, c.Unit); return uint64(v), err }},
	} {
		if len(group.cases) == 0 {
			t.Errorf("timespan.json lacks %s", group.name)
		}
		for _, c := range group.cases {
			got, err := group.parse(c)
			switch {
			case !c.Valid && !sameError(err, c.Error):
				t.Errorf("%s(%q): got %d, %v, want error %s", group.name, c.Input, got, err, c.Error)
			case c.Valid && (err != nil || got != c.want(t)):
				t.Errorf("%s(%q): got %d, %v, want %s", group.name, c.Input, got, err, c.Value)
			}
		}
	}
	for _, u := range table.RoundTrip {
		for _, accuracy := range table.Accuracies {
			text := u.Format(accuracy)
			if got, err := ParseSec(text); err != nil || got/accuracy != u/accuracy {
				t.Errorf("%d formatted to %d as %q reads as %d, %v", u, accuracy, text, got, err)
			}
		}
	}
}
