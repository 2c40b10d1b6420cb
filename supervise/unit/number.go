package unit

import (
	"strconv"
	"strings"

	"keelson/supervise/calendar"
)

// The values of directives: systemd.syntax(7), systemd.resource-control(5), and src/basic/parse-util.c.

// ParseBoolean reads a boolean: 1, yes, y, true, t, on and 0, no, n, false, f, off, in any case.
func ParseBoolean(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "1", "yes", "y", "true", "t", "on":
		return true, true
	case "0", "no", "n", "false", "f", "off":
		return false, true
	}
	return false, false
}

// parseUint reads a number as strtoul(3) does: white space and "+" before it, and 0x, 0o, 0b or 0 for other bases unless base
// says one.
func parseUint(s string, base, bits int) (uint64, error) {
	s = strings.TrimPrefix(strings.TrimLeft(s, whitespace), "+")
	if strings.IndexByte(s, '_') >= 0 {
		return 0, errInvalid // Go's own, with base 0
	}
	v, err := strconv.ParseUint(s, base, bits)
	if err == nil {
		return v, nil
	}
	if _, signed := parseInt(s, bits); signed == nil || err.(*strconv.NumError).Err == strconv.ErrRange {
		return 0, errRange
	}
	return 0, errInvalid
}

func parseInt(s string, bits int) (int64, error) {
	s = strings.TrimLeft(s, whitespace)
	if strings.IndexByte(s, '_') >= 0 {
		return 0, errInvalid
	}
	v, err := strconv.ParseInt(s, 0, bits)
	if err == nil {
		return v, nil
	}
	if err.(*strconv.NumError).Err == strconv.ErrRange {
		return 0, errRange
	}
	return 0, errInvalid
}

// ParseMode reads an octal file mode up to 07777.
func ParseMode(s string) (uint32, error) {
	if s == "" || s[0] == '+' || s[0] == '-' {
		return 0, errInvalid
	}
	v, err := parseUint(s, 8, 32)
	if err == nil && v > 0o7777 {
		err = errRange
	}
	return uint32(v), err
}

// ParseSize reads a number of bytes: "4K", "1.5G", "1G 500M". base is 1024 or 1000. Suffixes go down from E to B.
func ParseSize(s string, base uint64) (uint64, error) {
	const suffixes = "EPTGMKB"
	factor := func(i int) uint64 {
		f := uint64(1)
		for range max(len(suffixes)-1-i, 0) {
			f *= base
		}
		return f
	}
	sum, start := uint64(0), 0
	for {
		s = strings.TrimLeft(s, whitespace)
		if s != "" && s[0] == '-' {
			return 0, errRange
		}
		s = strings.TrimPrefix(s, "+")
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if digits == 0 {
			return 0, errInvalid
		}
		whole, err := strconv.ParseUint(s[:digits], 10, 64)
		if err != nil {
			return 0, errRange
		}
		s = s[digits:]
		fraction := 0.0
		if strings.HasPrefix(s, ".") {
			s = s[1:]
			digits = len(s) - len(strings.TrimLeft(s, "0123456789"))
			if digits > 0 {
				fraction, _ = strconv.ParseFloat("0."+s[:digits], 64)
			}
			s = s[digits:]
		}
		s = strings.TrimLeft(s, whitespace)
		i := len(suffixes) // no suffix
		if s != "" {
			if j := strings.IndexByte(suffixes, s[0]); j >= start {
				i = j
				s = s[1:]
			}
		}
		if i < start {
			return 0, errInvalid
		}
		f := factor(i)
		extra := uint64(0)
		if fraction > 0 {
			extra = 1
		}
		if whole+extra > ^uint64(0)/f || whole+extra < whole {
			return 0, errRange
		}
		part := whole*f + uint64(fraction*float64(f))
		if part > ^uint64(0)-sum {
			return 0, errRange
		}
		sum += part
		start = i + 1
		if s == "" {
			return sum, nil
		}
	}
}

// parsePermyriad reads a share as hundredths of a percent: "12.5%", "125‰", "1250‱" (src/basic/percent-util.c).
func parsePermyriad(s string, bounded bool) (int, error) {
	v, err := 0, errInvalid
	if n, ok := strings.CutSuffix(s, "‱"); ok {
		v, err = parseParts(n, 0)
	} else if n, ok := strings.CutSuffix(s, "‰"); ok {
		v, err = parseParts(n, 1)
	} else if n, ok := strings.CutSuffix(s, "%"); ok {
		v, err = parseParts(n, 2)
	}
	if err == nil && bounded && v > 10000 {
		err = errRange
	}
	return v, err
}

// parseParts reads a number with at most so many places behind the point, as a number of the last place.
func parseParts(s string, places int) (int, error) {
	whole, fraction, point := strings.Cut(s, ".")
	if point && (fraction == "" || len(fraction) > places || strings.Trim(fraction, "0123456789") != "") {
		return 0, errInvalid
	}
	v, err := parseInt(whole, 32)
	if err != nil {
		return 0, err
	}
	if v < 0 {
		return 0, errRange
	}
	for i := range places {
		v *= 10
		if i < len(fraction) {
			v += int64(fraction[i] - '0')
		}
	}
	if v > 1<<31-1 {
		return 0, errRange
	}
	return int(v), nil
}

// ParseSignal reads a signal by name, with or without SIG, as RTMIN+n or RTMAX-n, or by number (systemd.kill(5);
// signal_from_string in src/basic/signal-util.c).
func ParseSignal(s string) (Signal, error) {
	if n, err := parseInt(s, 32); err == nil {
		if n < 1 || n > int64(SIGRTMAX) {
			return 0, errRange
		}
		return Signal(n), nil
	}
	s = strings.TrimPrefix(s, "SIG")
	if i, ok := signalWords.find(s); ok {
		return Signal(i), nil
	}
	for _, alias := range []struct {
		name   string
		signal Signal
	}{{"IOT", 6}, {"CLD", 17}, {"POLL", 29}} {
		if s == alias.name {
			return alias.signal, nil
		}
	}
	from := func(base Signal, sign byte, n string) (Signal, error) {
		if n == "" {
			return base, nil
		}
		if n[0] != sign {
			return 0, errInvalid
		}
		v, err := parseInt(n, 32)
		if err != nil {
			return 0, err
		}
		if sig := int64(base) + v; sig >= int64(SIGRTMIN) && sig <= int64(SIGRTMAX) {
			return Signal(sig), nil
		}
		return 0, errRange
	}
	if n, ok := strings.CutPrefix(s, "RTMIN"); ok {
		return from(SIGRTMIN, '+', n)
	}
	if n, ok := strings.CutPrefix(s, "RTMAX"); ok {
		return from(SIGRTMAX, '-', n)
	}
	return 0, errInvalid
}

// ParseRlimit reads "soft:hard" or one value for both, in the kind's own unit: seconds for LimitCPU=, microseconds for
// LimitRTTIME=, bytes, or a number; "infinity" is no limit (systemd.exec(5), "Process properties"; rlimit_parse in
// src/basic/rlimit-util.c).
func ParseRlimit(k RlimitKind, s string) (Rlimit, error) {
	soft, hard, two := strings.Cut(s, ":")
	sl, err := parseOneRlimit(k, soft)
	if err != nil {
		return Rlimit{}, err
	}
	if !two {
		return Rlimit{sl, sl}, nil
	}
	hl, err := parseOneRlimit(k, hard)
	if err != nil {
		return Rlimit{}, err
	}
	if sl > hl {
		return Rlimit{}, errSoftAboveHard
	}
	return Rlimit{sl, hl}, nil
}

func parseOneRlimit(k RlimitKind, s string) (uint64, error) {
	if s == "infinity" && k != LimitNICE {
		return RlimitInfinity, nil
	}
	var v uint64
	var err error
	switch k {
	case LimitCPU:
		var u Usec
		u, err = calendar.ParseSec(s)
		if u == Infinity {
			return RlimitInfinity, err
		}
		v = uint64(u / calendar.Second)
		if u%calendar.Second != 0 {
			v++
		}
	case LimitRTTIME:
		var u Usec
		if u, err = calendar.ParseTime(s, calendar.Microsecond); u == Infinity {
			return RlimitInfinity, err
		}
		v = uint64(u)
	case LimitNICE:
		return parseNiceLimit(s)
	case LimitNOFILE, LimitNPROC, LimitLOCKS, LimitSIGPENDING, LimitRTPRIO:
		v, err = parseUint(s, 0, 64)
	default:
		v, err = ParseSize(s, 1024)
	}
	if err == nil && v == RlimitInfinity {
		err = errRange
	}
	return v, err
}

// parseNiceLimit: a number with a sign is a nice level, which the kernel counts down from 20 (setrlimit(2)).
func parseNiceLimit(s string) (uint64, error) {
	sign := byte(0)
	if s != "" && (s[0] == '+' || s[0] == '-') {
		sign, s = s[0], s[1:]
	}
	v, err := parseUint(s, 0, 64)
	switch {
	case err != nil:
		return 0, err
	case sign == '+' && v >= 20, sign == '-' && v > 20, v > 40:
		return 0, errRange
	case sign == '+':
		return 20 - v, nil
	case sign == '-':
		return 20 + v, nil
	}
	return v, nil
}
