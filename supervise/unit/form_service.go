package unit

import (
	"slices"
	"strings"

	"keelson/supervise/calendar"
)

// startTimeout is TimeoutStartSec= and, with stop, TimeoutSec=: 0 is none.
func startTimeout(stop bool) form {
	return form{"time span in seconds, 0 for none", func(a *assignment) {
		v, err := calendar.ParseSecFix0(a.value)
		if err != nil {
			a.warn("Failed to parse %s= parameter, ignoring: %s", a.key, a.value)
			return
		}
		s := a.u.Service
		s.TimeoutStart, s.TimeoutStartSet = v, true
		if stop {
			s.TimeoutStop = v
		}
	}}
}

// abortTimeout: the empty string is "as TimeoutStopSec=".
func abortTimeout() form {
	return form{"time span in seconds", func(a *assignment) {
		s := a.u.Service
		if a.value == "" {
			s.TimeoutAbort, s.TimeoutAbortSet = 0, false
			return
		}
		v, err := calendar.ParseSec(a.value)
		if err != nil {
			a.warn("Failed to parse %s= setting, ignoring: %s", a.key, a.value)
			return
		}
		s.TimeoutAbort, s.TimeoutAbortSet = v, true
	}}
}

// pidFile: a relative path is below the runtime root. A bad one ends reading of the file, as in systemd.
func pidFile() form {
	return form{"path", func(a *assignment) {
		if a.value == "" {
			a.u.Service.PIDFile = ""
			return
		}
		p, ok := a.expand(a.value, pathMax)
		if !ok {
			return
		}
		if !strings.HasPrefix(p, "/") {
			p = a.spec.host.RuntimeRoot + "/" + p
		}
		if p, ok = a.checkPath(p, pathAbsolute, false); !ok {
			a.broken = true
			return
		}
		a.u.Service.PIDFile = a.dropVarRun(p)
	}}
}

func busName() form {
	return form{"D-Bus name", func(a *assignment) {
		s, ok := a.expand(a.value, 255)
		switch {
		case !ok:
		case !validBusName(s):
			a.warn("Invalid bus name, ignoring: %s", s)
		default:
			a.u.Service.BusName = s
		}
	}}
}

// validBusName: well-known names of the D-Bus specification, "Bus names".
func validBusName(s string) bool {
	if len(s) > 255 || strings.IndexByte(s, '.') < 0 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || part[0] >= '0' && part[0] <= '9' {
			return false
		}
		for i := range len(part) {
			if c := part[i]; !isNameStart(c) && c != '-' && (c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}

// serviceSockets is Sockets=. An empty value changes nothing: it makes dependencies, which cannot be reset.
func serviceSockets() form {
	return form{"list of socket units", func(a *assignment) {
		a.words(0, func(w string) {
			name, ok := a.expandName(w)
			switch {
			case !ok:
			case TypeOf(name) != TypeSocket || !ValidName(name, PlainName|InstanceName):
				a.warn("Unit must be of type socket, ignoring: %s", name)
			default:
				if !slices.Contains(a.u.Service.Sockets, name) {
					a.u.Service.Sockets = append(a.u.Service.Sockets, name)
				}
				a.u.Add(Wants, name, FromFile)
				a.u.Add(After, name, FromFile)
				a.u.Add(TriggeredBy, name, FromFile)
			}
		})
	}}
}

func killMode() form {
	return form{"one of " + strings.Join(killModeWords, ", "), func(a *assignment) {
		if a.value == "" {
			a.u.Kill.Mode = KillControlGroup
			return
		}
		i, ok := killModeWords.find(a.value)
		if !ok {
			a.warn("Failed to parse kill mode specification, ignoring: %s", a.value)
			return
		}
		a.u.Kill.Mode = KillMode(i)
		if a.u.Kill.Mode == KillNone {
			a.warn("Unit uses KillMode=none. This is unsafe, as it disables systemd's process lifecycle management for the service. Please update the service to use a safer KillMode=, such as 'mixed' or 'control-group'. Support for KillMode=none is deprecated and will eventually be removed.")
		}
	}}
}
