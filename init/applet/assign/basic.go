package assign

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/dbus"

	"keelson/init/applet"
	"keelson/supervise/calendar"
	"keelson/supervise/unit"
)

func text(name, value string) ([]sd.Property, error) { return one(name, value) }

// reason is the error number of a number that strconv refuses.
func reason(err error) syscall.Errno {
	if errors.Is(err, strconv.ErrRange) || errors.Is(err, calendar.ErrRange) {
		return syscall.ERANGE
	}
	return syscall.EINVAL
}

func boolean(name, value string) ([]sd.Property, error) {
	b, ok := applet.Boolean(value)
	if !ok {
		return nil, refuse("Failed to parse %s: %s", name, value)
	}
	return one(name, b)
}

func words(name, value string) ([]sd.Property, error) {
	list, err := split(value, blanks, unquote)
	if err != nil {
		return nil, refuse("Invalid syntax: %s", value)
	}
	return one(name, list)
}

func escapedWords(name, value string) ([]sd.Property, error) {
	list, err := split(value, blanks, unquote|unescape)
	if err != nil {
		return nil, refuse("Invalid syntax: %s", value)
	}
	return one(name, list)
}

// wholeList is a list of one text, or of none.
func wholeList(name, value string) ([]sd.Property, error) {
	list := []string{}
	if value != "" {
		list = append(list, value)
	}
	return one(name, list)
}

func unsigned(bits int) func(name, value string) (uint64, error) {
	return func(name, value string) (uint64, error) {
		n, err := strconv.ParseUint(strings.TrimLeft(value, blanks), 0, bits)
		if err != nil {
			return 0, failed(name, value, reason(err))
		}
		return n, nil
	}
}

func unsigned32(name, value string) ([]sd.Property, error) {
	n, err := unsigned(32)(name, value)
	if err != nil {
		return nil, err
	}
	return one(name, uint32(n))
}

func signed(name, value string, bits int) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimLeft(value, blanks), 0, bits)
	if err != nil {
		return 0, failed(name, value, reason(err))
	}
	return n, nil
}

func number32(name, value string) ([]sd.Property, error) {
	n, err := signed(name, value, 32)
	if err != nil {
		return nil, err
	}
	return one(name, int32(n))
}

func number64(name, value string) ([]sd.Property, error) {
	n, err := signed(name, value, 64)
	if err != nil {
		return nil, err
	}
	return one(name, n)
}

// between is a number in a range.
func between(least, most int64) form {
	return func(name, value string) ([]sd.Property, error) {
		n, err := signed(name, value, 32)
		if err != nil {
			return nil, err
		}
		if n < least || n > most {
			return nil, failed(name, value, syscall.ERANGE)
		}
		return one(name, int32(n))
	}
}

// oneOf is a word that stands for a number, or the number.
func oneOf(names map[string]int32) form {
	return func(name, value string) ([]sd.Property, error) {
		if n, ok := names[value]; ok {
			return one(name, n)
		}
		for _, n := range names {
			if value == strconv.Itoa(int(n)) {
				return one(name, n)
			}
		}
		return nil, refuse("Failed to parse %s: %s", name, value)
	}
}

func logLevel(name, value string) ([]sd.Property, error) {
	l, ok := applet.ParseLevel(value)
	if !ok {
		return nil, refuse("Failed to parse %s: %s", name, value)
	}
	return one(name, int32(l))
}

func signal(name, value string) ([]sd.Property, error) {
	s, err := unit.ParseSignal(value)
	if err != nil {
		return nil, refuse("Failed to parse %s: %s", name, value)
	}
	return one(name, int32(s))
}

func mode(name, value string) ([]sd.Property, error) {
	m, err := unit.ParseMode(value)
	if err != nil {
		return nil, failed(name, value, reason(err))
	}
	return one(name, m)
}

// usec is the name of a property that is a time in D-Bus: RestartSec is RestartUSec.
func usec(name string) string { return strings.TrimSuffix(name, "Sec") + "USec" }

func seconds(name, value string) ([]sd.Property, error) {
	u, err := calendar.ParseSec(value)
	if err != nil {
		return nil, failed(name, value, reason(err))
	}
	return one(usec(name), uint64(u))
}

func timeoutSec(name, value string) ([]sd.Property, error) {
	start, err := seconds("TimeoutStartSec", value)
	if err != nil {
		return nil, err
	}
	stop, err := seconds("TimeoutStopSec", value)
	return append(start, stop...), err
}

func nsec(name, value string) ([]sd.Property, error) {
	n, err := calendar.ParseNsec(value)
	if err != nil {
		return nil, failed(name, value, reason(err))
	}
	return one(name, uint64(n))
}

func size(name, value string) ([]sd.Property, error) {
	n, err := unit.ParseSize(value, 1024)
	if err != nil {
		return nil, failed(name, value, reason(err))
	}
	return one(name, n)
}

// permyriad reads "12.34%" as 1234, and ‰ and ‱ as well.
func permyriad(value string) (uint64, bool) {
	for _, u := range []struct {
		sign   string
		places int
	}{{"%", 2}, {"‰", 1}, {"‱", 0}} {
		digits, ok := strings.CutSuffix(value, u.sign)
		if !ok {
			continue
		}
		whole, fraction, point := strings.Cut(digits, ".")
		if point && (fraction == "" || len(fraction) > u.places) {
			return 0, false
		}
		n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", u.places-len(fraction)), 10, 31)
		return n, err == nil
	}
	return 0, false
}

// scale is a share of 2³²-1, as D-Bus has it.
func scale(permyriad uint64) uint32 { return uint32((permyriad*math.MaxUint32 + 5000) / 10000) }
