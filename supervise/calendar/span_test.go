package calendar

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestParseSec(t *testing.T) {
	for _, c := range []struct {
		text string
		want Usec
	}{
		{"90", 90 * Second},
		{"1min 30s", 90 * Second},
		{"1min30", 90 * Second},
		{"1 h", Hour},
		{"2hr", 2 * Hour},
		{"1M", Month},
		{"1m", Minute},
		{"1ms", Millisecond},
		{"1month", Month},
		{"1y", Year},
		{"\t 3 d\n4w ", 3*Day + 4*Week},
		{"1.0000019s", Second + 1}, // digits below a microsecond are dropped
		{".5h", Hour / 2},
		{"5 6", 11 * Second},
		{"7\u00b5s", 7}, // micro sign
		{"7\u03bcs", 7}, // Greek mu
		{"584541y", 584541 * Year},
		{"\v5", 5 * Second}, // strtoll(3) skips it
	} {
		if got, err := ParseSec(c.text); err != nil || got != c.want {
			t.Errorf("%q: got %d, %v, want %d", c.text, got, err, c.want)
		}
	}
	for _, c := range []struct {
		text string
		want error
		why  string
	}{
		{"", ErrInvalid, "empty"},
		{" \t", ErrInvalid, "blank"},
		{"s", ErrInvalid, "a unit without a number"},
		{"5x", ErrInvalid, "no such unit"},
		{"5 x", ErrInvalid, "no such unit either"},
		{"5S", ErrInvalid, "units are case-sensitive"},
		{"1.2.3", ErrInvalid, "two numbers without a space"},
		{"1.", ErrInvalid, "a point without digits"},
		{"+.5", ErrInvalid, "a sign without a digit"},
		{"+-5", ErrInvalid, "two signs"},
		{"0x10", ErrInvalid, "decimal only"},
		{"infinitys", ErrInvalid, "infinity stands alone"},
		{"1s infinity", ErrInvalid, "infinity stands alone"},
		{"5ns", ErrInvalid, "nanoseconds are for ParseNsec"},
		{"5\x00", ErrInvalid, "a NUL byte is no space"},
		{"-1", ErrRange, "negative"},
		{"-0", ErrRange, "even negative zero"},
		{"\v-1", ErrRange, "negative behind what only strtoll(3) skips"},
		{"584543y", ErrRange, "over 64 bits"},
		{"584542y", ErrRange, "the last number of years that would fit"},
		{"9223372036854775808us", ErrRange, "a number over 63 bits"},
		{"9223372036854775807us 9223372036854775807us 1us", ErrRange, "the sum would be infinity"},
	} {
		if got, err := ParseSec(c.text); !errors.Is(err, c.want) {
			t.Errorf("%q (%s): got %d, %v, want %v", c.text, c.why, got, err, c.want)
		}
	}
}

func TestParseNsec(t *testing.T) {
	for _, c := range []struct {
		text string
		want Nsec
	}{
		{"5", 5}, {"5us", 5000}, {"1.5us 7ns", 1507}, {"infinity", NsecInfinity}, {"583y", 583 * 31557600 * 1e9},
	} {
		if got, err := ParseNsec(c.text); err != nil || got != c.want {
			t.Errorf("%q: got %d, %v, want %d", c.text, got, err, c.want)
		}
	}
	if got, err := ParseNsec("585y"); !errors.Is(err, ErrRange) {
		t.Errorf("585y: got %d, %v, want %v", got, err, ErrRange)
	}
}

func TestConversions(t *testing.T) {
	const longest = time.Duration(math.MaxInt64)
	for _, c := range []struct {
		usec Usec
		want time.Duration
	}{
		{0, 0},
		{1, time.Microsecond},
		{Day, 24 * time.Hour},
		{math.MaxInt64 / 1000, math.MaxInt64 / 1000 * 1000},
		{math.MaxInt64/1000 + 1, longest},
		{Infinity, longest},
	} {
		if got := c.usec.Duration(); got != c.want {
			t.Errorf("%d: got %d, want %d", c.usec, got, c.want)
		}
	}
	for _, c := range []struct {
		duration time.Duration
		want     Usec
	}{
		{-1, 0}, {0, 0}, {1999, 1}, {time.Second, Second}, {longest - 1, Usec(longest / 1000)}, {longest, Infinity},
	} {
		if got := FromDuration(c.duration); got != c.want {
			t.Errorf("%d: got %d, want %d", c.duration, got, c.want)
		}
	}
	if got := FromTime(time.Unix(-1, 0)); got != 0 {
		t.Errorf("before the epoch: got %d, want 0", got)
	}
	if got := FromTime(Usec(1234567).Time()); got != 1234567 {
		t.Errorf("there and back: got %d", got)
	}
	if got := Infinity.Time().UnixMicro(); got != math.MaxInt64 {
		t.Errorf("Infinity: got %d", got)
	}
	for _, c := range []struct{ got, want Usec }{
		{Usec(1).Add(2), 3}, {Infinity.Add(1), Infinity}, {(Infinity - 1).Add(5), Infinity},
		{Usec(3).Sub(2), 1}, {Usec(2).Sub(3), 0}, {Infinity.Sub(Day), Infinity},
	} {
		if c.got != c.want {
			t.Errorf("got %d, want %d", c.got, c.want)
		}
	}
}
