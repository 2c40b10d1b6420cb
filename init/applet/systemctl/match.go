package systemctl

import (
	"errors"
	"strconv"
	"syscall"

	"keelson/init/applet"
	"keelson/init/glob"
)

// matchesAny tells whether a name matches one of the patterns; without patterns all do (strv_fnmatch_or_empty). A backslash is itself.
func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if glob.MatchNoEscape(p, name) {
			return true
		}
	}
	return len(patterns) == 0
}

// numberError is what the C library says of what strconv refuses.
func numberError(err error) string {
	if errors.Is(err, strconv.ErrRange) {
		return applet.Errno(syscall.ERANGE)
	}
	return applet.Errno(syscall.EINVAL)
}
