package unit

import (
	"slices"
	"strings"

	"keelson/supervise/calendar"
)

func deviceAllow() form {
	return form{"device and a combination of r, w, m", func(a *assignment) {
		list := &a.u.Cgroup.DeviceAllow
		if a.value == "" {
			*list = nil
			return
		}
		c := cursor{s: a.value}
		path, ok, err := c.word("", unquote)
		if !ok || err != nil {
			a.warn("Failed to extract device path and rights from '%s', ignoring.", a.value)
			return
		}
		if path, ok = a.expand(path, pathMax); !ok {
			return
		}
		if !strings.HasPrefix(path, "block-") && !strings.HasPrefix(path, "char-") {
			if path, ok = a.checkPath(path, pathAny, false); !ok {
				return
			}
			if !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/run/systemd/inaccessible/") {
				a.warn("Invalid device node path '%s', ignoring.", path)
				return
			}
		}
		if strings.Trim(c.s, "rwm") != "" {
			a.warn("Invalid device rights '%s', ignoring.", c.s)
			return
		}
		access := c.s
		if access == "" {
			access = "rwm"
		}
		*list = append(*list, DeviceRule{path, access})
	}}
}

// deviceLimit is a device and a number that parse reads; a second line for a device replaces the first. The messages are
// systemd's, what names the number in them.
func deviceLimit(what string, legacy bool, parse func(a *assignment, s string) (uint64, bool), f field[[]DeviceLimit]) form {
	return form{"device and " + what, func(a *assignment) {
		if legacy {
			a.warn("Unit uses %s=; please use IO*= settings instead. Support for %s= will be removed soon.", a.key, a.key)
		}
		list := f(a.u)
		if a.value == "" {
			*list = nil
			return
		}
		c := cursor{s: a.value}
		path, ok, err := c.word("", unquote)
		switch {
		case err != nil:
			a.warn("Failed to extract device node and %s from '%s', ignoring.", what, a.value)
			return
		case !ok || c.s == "":
			a.warn("Invalid device node or %s specified in '%s', ignoring.", what, a.value)
			return
		}
		if path, ok = a.expand(path, pathMax); !ok {
			return
		}
		if path, ok = a.checkPath(path, pathAny, false); !ok {
			return
		}
		v, ok := parse(a, c.s)
		if !ok {
			return
		}
		d := DeviceLimit{path, v}
		if at := slices.IndexFunc(*list, func(l DeviceLimit) bool { return l.Path == path }); at >= 0 {
			(*list)[at] = d
		} else {
			*list = append(*list, d)
		}
	}}
}

func bandwidth(a *assignment, s string) (uint64, bool) {
	if s == "infinity" {
		return uint64(NoLimit), true
	}
	v, err := ParseSize(s, 1000)
	if err != nil || v == 0 {
		a.warn("Invalid IO limit '%s', ignoring.", s)
		return 0, false
	}
	return v, true
}

func ioWeight(a *assignment, s string) (uint64, bool) {
	v, err := parseUint(s, 0, 64)
	if err != nil || v < 1 || v > 10000 {
		a.warn("IO weight '%s' invalid, ignoring: Numerical result out of range", s)
		return 0, false
	}
	return v, true
}

func blockIOWeight(a *assignment, s string) (uint64, bool) {
	v, err := parseUint(s, 0, 64)
	if err != nil || v < 10 || v > 1000 {
		a.warn("Invalid block IO weight '%s', ignoring: Numerical result out of range", s)
		return 0, false
	}
	return v, true
}

func latency(a *assignment, s string) (uint64, bool) {
	v, err := calendar.ParseSec(s)
	if err != nil {
		a.warn("Failed to parse timer value, ignoring: %s", s)
		return 0, false
	}
	return uint64(v), true
}
